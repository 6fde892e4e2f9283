/* SPDX-License-Identifier: Apache-2.0
 * Webhooks out, for administrators: how each stands, what is dead, sending again, a test. What they are is in
 * the operation's document; secrets are never shown. */
#include "store/webhook.h"
#include "gateway/api/api_internal.h"
#include <string.h>

#define REDELIVER_MAX 90

static const json_t *hook_list(struct call *c)
{
    return json_object_get(operation_document(c->op), "webhooks");
}

/* The webhook that the path names; NULL: answered. */
static const json_t *named(struct call *c)
{
    size_t i;
    json_t *v;
    if (!rights_administer(&c->caller.who)) {
        call_problem(c, 403, "this is for who administers the whole operation");
        return NULL;
    }
    json_array_foreach(hook_list(c), i, v)
    {
        const char *id = json_string_value(json_object_get(v, "id"));
        if (id && slice_is(c->args[0], id))
            return v;
    }
    call_problem(c, 404, "no such webhook");
    return NULL;
}

static const char *id_of(const json_t *hook)
{
    return json_string_value(json_object_get(hook, "id"));
}

/* ---- the list ---- */

struct listing {
    struct call *c;
    struct buf b;
    json_t *list;
    size_t i;
};

static void next(struct listing *l);

static void time_or_null(struct buf *b, const char *key, int64_t ms)
{
    view_time(b, key, ms, true);
}

static void count_or_null(struct buf *b, const char *key, bool told, uint64_t n)
{
    if (told)
        buf_printf(b, ",\"%s\":%llu", key, (unsigned long long)n);
    else
        buf_printf(b, ",\"%s\":null", key);
}

static const char *state_of(const json_t *hook, const struct hook_state *s)
{
    return json_opt_bool(hook, "disabled", false) ? "disabled"
           : *s->stopped                          ? "gone"
           : s->failing_ms                        ? "failing"
           : s->waiting                           ? "waiting"
                                                  : "ok";
}

static void on_state(void *arg, const struct err *e, const struct hook_state *s)
{
    struct listing *l = arg;
    const json_t *hook = json_array_get(l->list, l->i);
    if (e->code) {
        call_err(l->c, e);
        buf_clear(&l->b);
        json_decref(l->list);
        mem_free(l);
        return;
    }
    call_item(&l->b);
    buf_str(&l->b, "{\"id\":");
    buf_json_str(&l->b, slice_str(id_of(hook)));
    buf_str(&l->b, ",\"url\":");
    buf_json_str(&l->b, json_opt_str(hook, "url"));
    buf_str(&l->b, ",\"events\":");
    json_write(json_object_get(hook, "events"), &l->b);
    if (json_object_get(hook, "area")) {
        buf_str(&l->b, ",\"area\":");
        buf_json_str(&l->b, json_opt_str(hook, "area"));
    }
    int clearance = (int)json_opt_int(hook, "clearance", 0);
    bool counts = clearance <= l->c->caller.who.clearance; /* else they would be a trace of what is sealed */
    const char *state = state_of(hook, s);
    buf_printf(&l->b, ",\"clearance\":%d,\"content\":%s,\"state\":\"%s\"", clearance,
               json_opt_bool(hook, "content", false) ? "true" : "false",
               !counts && strcmp(state, "waiting") == 0 ? "ok" : state);
    count_or_null(&l->b, "waiting", counts, s->waiting);
    count_or_null(&l->b, "dead", counts, s->dead);
    count_or_null(&l->b, "lost", counts, s->lost);
    time_or_null(&l->b, "failing_since", s->failing_ms);
    time_or_null(&l->b, "last_ok", counts ? s->ok_ms : 0);
    if (s->error_ms) {
        buf_str(&l->b, ",\"last_error\":{\"code\":");
        buf_json_str(&l->b, slice_str(s->error));
        view_time(&l->b, "time", s->error_ms, false);
        buf_char(&l->b, '}');
    } else
        buf_str(&l->b, ",\"last_error\":null");
    buf_char(&l->b, '}');
    l->i++;
    next(l);
}

static void next(struct listing *l)
{
    const json_t *hook = json_array_get(l->list, l->i);
    if (hook) {
        store_hook_state(l->c->op->op, id_of(hook), on_state, l);
        return;
    }
    call_list_end(l->c, &l->b, "");
    json_decref(l->list);
    mem_free(l);
}

static void list(struct call *c)
{
    if (!rights_administer(&c->caller.who)) {
        call_problem(c, 403, "this is for who administers the whole operation");
        return;
    }
    struct listing *l = mem_alloc(sizeof *l);
    l->c = c;
    l->list = hook_list(c) ? json_deep_copy(hook_list(c)) : json_array();
    call_list(&l->b);
    next(l);
}

/* ---- the dead ---- */

struct burying {
    struct call *c;
    struct arena *a;
    struct hook_dead *d;
    size_t n;
    bool more;
};

/* Of threads that were sealed above the caller's eyes since, nothing is shown. */
static const struct store_thread *thread_in(const struct store_thread *const *t, size_t n, struct id id)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(t[i]->id.s, id.s, sizeof id.s) == 0)
            return t[i];
    return NULL;
}

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct burying *y = arg;
    struct call *c = y->c;
    const json_t *hook = NULL;
    struct buf b;
    char before[24] = "";
    if (e->code)
        call_err(c, e);
    else if ((hook = named(c)) != NULL) {
        int most = (int)json_opt_int(hook, "clearance", 0);
        call_list(&b);
        for (size_t i = 0; i < y->n; i++) {
            const struct hook_dead *d = &y->d[i];
            const struct store_thread *of = thread_in(t, n, d->thread);
            if (!of || of->clearance > most)
                continue;
            call_item(&b);
            buf_printf(&b, "{\"id\":\"%s\",\"type\":\"%s\",\"thread\":\"%s\",\"tries\":%u,\"error\":\"%s\"",
                       d->id, d->type, d->thread.s, d->tries, d->error);
            view_time(&b, "time", d->queued_ms, false);
            view_time(&b, "died", d->died_ms, false);
            buf_char(&b, '}');
        }
        if (y->more)
            snprintf(before, sizeof before, "%lld", (long long)y->d[y->n - 1].number);
        call_list_end(c, &b, before);
    }
    arena_free(&y->a);
    mem_free(y);
}

static void on_dead(void *arg, const struct err *e, const struct hook_dead *d, size_t n)
{
    struct burying *y = arg;
    if (e->code) {
        call_err(y->c, e);
        arena_free(&y->a);
        mem_free(y);
        return;
    }
    y->more = n && n == y->n;
    y->n = n;
    y->d = arena_alloc(y->a, (n + 1) * sizeof *d);
    struct id *ids = arena_alloc(y->a, (n + 1) * sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        y->d[i] = d[i];
        ids[i] = d[i].thread;
    }
    store_threads_get(y->c->op->op, ids, n, on_threads, y);
}

static void dead(struct call *c)
{
    struct buf b;
    uint64_t before = 0;
    unsigned limit = named(c) ? call_limit(c) : 0;
    if (!limit)
        return;
    buf_init(&b, 64);
    bool good = !call_query(c, "before", &b) || slice_u64(buf_view(&b), &before);
    buf_clear(&b);
    if (!good) {
        call_problem(c, 400, "before: the `next` of the page before is wanted");
        return;
    }
    struct burying *y = mem_alloc(sizeof *y);
    y->c = c;
    y->a = arena_new();
    y->n = limit;
    store_hook_dead(c->op->op, id_of(named(c)), (int64_t)before, limit, on_dead, y);
}

/* ---- again ---- */

static void on_redelivered(void *arg, const struct err *e, uint64_t n)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    buf_init(&b, 64);
    buf_printf(&b, "{\"redelivered\":%llu}", (unsigned long long)n);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static bool time_of(const json_t *body, const char *name, int64_t *ms)
{
    struct slice text = json_opt_str(body, name);
    *ms = 0;
    return !json_object_get(body, name) || (text.n && time_parse(text, ms));
}

static void redeliver(struct call *c)
{
    static const char *const known[] = {"ids", "from", "to", NULL};
    struct slice ids[REDELIVER_MAX];
    const json_t *hook = named(c), *list_of = json_object_get(c->body, "ids");
    int64_t from, to;
    size_t n = 0, i;
    json_t *id;
    if (!hook || !call_members(c, known))
        return;
    bool good = !list_of || (json_is_array(list_of) && json_array_size(list_of) > 0 &&
                             json_array_size(list_of) <= REDELIVER_MAX && json_object_size(c->body) == 1);
    json_array_foreach(list_of, i, id)
    {
        good = good && json_is_string(id);
        if (good)
            ids[n++] = slice_str(json_string_value(id));
    }
    if (!good || !time_of(c->body, "from", &from) || !time_of(c->body, "to", &to))
        call_problem(c, 400, "either ids (1 to 90), or from and to as times");
    else
        store_hook_redeliver(c->op->op, id_of(hook), c->caller.login, from, to, ids, n, on_redelivered, c);
}

static void on_resumed(void *arg, const struct err *e)
{
    if (e->code)
        call_err(arg, e);
    else
        call_empty(arg, 204);
}

static void resume(struct call *c)
{
    const json_t *hook = named(c);
    if (hook)
        store_hook_resume(c->op->op, id_of(hook), c->caller.login, on_resumed, c);
}

static void on_tested(void *arg, const struct err *e, int status, unsigned ms, const char *error)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    buf_init(&b, 4096);
    buf_printf(&b, "{\"status\":%d,\"ms\":%u", status, ms);
    if (error && *error) {
        buf_str(&b, ",\"error\":");
        buf_json_str(&b, slice_str(error));
    }
    buf_char(&b, '}');
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void test(struct call *c)
{
    const json_t *hook = named(c);
    if (!hook) /* it was answered, and the call is gone */
        return;
    const struct api_webhooks *w = &c->api->cf.webhooks;
    w->test(w->ctx, c->op->op, id_of(hook), on_tested, c);
}

const struct call_route webhook_routes[] = {
    {HTTP_M_GET, "webhooks", list, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_GET, "webhooks/{}/dead", dead, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "webhooks/{}/redeliver", redeliver, ROLE_ADMINISTRATOR, CALL_JSON},
    {HTTP_M_POST, "webhooks/{}/resume", resume, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "webhooks/{}/test", test, ROLE_ADMINISTRATOR, 0},
    {.run = NULL}};
