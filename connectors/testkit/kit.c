/* SPDX-License-Identifier: Apache-2.0
 * The fake host's life: settings, start and stop, the clock, what waits for the loop. */
#include "connectors/testkit/kit_internal.h"
#include "gateway/host/form.h"
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static size_t threads_now(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/task");
    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

void kit_broke(struct kit *k, int rule, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (rule)
        fprintf(stderr, "%s breaks rule %d: ", k->c->name, rule);
    else
        fprintf(stderr, "%s: ", k->c->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    k->broken++;
}

size_t kit_broken(const struct kit *k)
{
    return k->broken;
}

void kit_enter(struct kit *k)
{
    k->inside++;
}

void kit_leave(struct kit *k)
{
    if (--k->inside == 0 && threads_now() > k->threads) {
        kit_broke(k, 1, "a thread was started");
        k->threads = threads_now();
    }
}

void kit_active(struct kit *k, const char *what)
{
    if (k->stopped)
        kit_broke(k, 6, "%s after stopped", what);
    for (struct list *n = k->requests.next; n != &k->requests; n = n->next) {
        if (container_of(n, struct connector_request, link)->verifying)
            kit_broke(k, 2, "%s from inside verify", what);
    }
}

int kit_err(const struct kit *k)
{
    return k->stopped ? CONNECTOR_ECANCELLED : k->store == KIT_AWAY ? CONNECTOR_EAWAY : CONNECTOR_OK;
}

void kit_later(struct kit *k, void (*fn)(struct kit *k, void *arg), void *arg)
{
    struct kit_later *l = mem_alloc(sizeof(*l));
    l->fn = fn;
    l->arg = arg;
    list_push(&k->later, &l->link);
}

void kit_turn(struct kit *k)
{
    for (unsigned n = 0; !list_empty(&k->later); n++) {
        if (n > 1000000) {
            kit_broke(k, 1, "never comes to rest");
            return;
        }
        struct kit_later *l = container_of(list_pop(&k->later), struct kit_later, link);
        l->fn(k, l->arg);
        mem_free(l);
    }
}

void kit_advance(struct kit *k, uint32_t ms)
{
    int64_t until = k->now + ms;
    kit_turn(k);
    for (;;) {
        connector_timer first = NULL;
        for (struct list *n = k->timers.next; n != &k->timers; n = n->next) {
            connector_timer t = container_of(n, struct connector_timer, link);
            if (t->due <= until && (!first || t->due < first->due))
                first = t;
        }
        if (!first)
            break;
        if (first->due > k->now)
            k->now = first->due;
        list_del(&first->link);
        kit_enter(k);
        first->cb(first->arg);
        kit_leave(k);
        mem_free(first);
        kit_turn(k);
    }
    k->now = until;
}

int64_t kit_now(const struct kit *k)
{
    return k->now;
}

/* ---- settings ---- */

const char *kit_pair(const char *const *pairs, const char *name)
{
    for (size_t i = 0; pairs && pairs[i]; i += 2) {
        if (strcmp(pairs[i], name) == 0)
            return pairs[i + 1];
    }
    return NULL;
}

static bool listed(const char *choices, const char *value)
{
    struct slice rest = slice_str(choices), part;
    while (slice_next(&rest, '|', &part)) {
        if (slice_is(part, value))
            return true;
    }
    return false;
}

static bool setting_ok(const struct connector_setting *s, const char *v, char why[200])
{
    uint64_t n;
    if (!v || !*v) {
        if (s->required)
            snprintf(why, 200, "%s is missing", s->name);
        return !s->required;
    }
    bool ok = true;
    if (s->type == CONNECTOR_S_NUMBER)
        ok = slice_u64(slice_str(v), &n);
    else if (s->type == CONNECTOR_S_CHOICE)
        ok = s->choices && listed(s->choices, v);
    else if (s->type == CONNECTOR_S_BOOL)
        ok = listed("true|false", v);
    else if (s->type == CONNECTOR_S_URL)
        ok = slice_starts(slice_str(v), "http://") || slice_starts(slice_str(v), "https://");
    if (!ok)
        snprintf(why, 200, "%s has a wrong value", s->name);
    return ok;
}

struct kit_values {
    const struct connector *c;
    const char *const *pairs;
};

static const char *value_get(const void *ctx, const char *name)
{
    const struct kit_values *v = ctx;
    const char *given = kit_pair(v->pairs, name);
    if (given)
        return given;
    for (const struct connector_setting *s = v->c->settings; s && s->name; s++) {
        if (strcmp(s->name, name) == 0)
            return s->dflt ? s->dflt : "";
    }
    return "";
}

bool kit_settings_ok(const struct connector *c, const char *const *settings, char why[200])
{
    struct kit_values ctx = {c, settings};
    struct connector_values values = {sizeof(values), value_get, &ctx};
    struct connector_error e = {0};
    for (size_t i = 0; settings && settings[i]; i += 2) {
        const struct connector_setting *s = c->settings;
        while (s && s->name && strcmp(s->name, settings[i]) != 0)
            s++;
        if (!s || !s->name) {
            snprintf(why, 200, "no such setting: %s", settings[i]);
            return false;
        }
    }
    for (const struct connector_setting *s = c->settings; s && s->name; s++) {
        if (!setting_ok(s, kit_pair(settings, s->name), why))
            return false;
    }
    if (c->check && c->check(&values, &e) != CONNECTOR_OK) {
        snprintf(why, 200, "%s", e.text);
        return false;
    }
    return true;
}

const char **kit_pairs(struct kit *k, const char *const *pairs)
{
    size_t n = 0;
    while (pairs && pairs[n])
        n++;
    const char **out = arena_alloc(k->arena, (n + 1) * sizeof(*out));
    for (size_t i = 0; i < n; i++)
        out[i] = arena_strdup(k->arena, pairs[i]);
    return out;
}

/* ---- life ---- */

static void set_options(struct kit *k, const struct kit_options *o)
{
    static const char *const two[] = {"en", "ar", NULL};
    if (o)
        k->o = *o;
    snprintf(k->op, sizeof(k->op), "%s", k->o.operation ? k->o.operation : "op");
    snprintf(k->channel, sizeof(k->channel), "%s", k->o.channel ? k->o.channel : "ch");
    snprintf(k->public_url, sizeof(k->public_url), "%s",
             k->o.public_url ? k->o.public_url : "https://parley.example");
    k->languages = kit_pairs(k, k->o.languages ? k->o.languages : two);
    k->settings = kit_pairs(k, k->o.settings);
    k->texts = kit_pairs(k, k->o.texts);
    for (const struct connector_setting *s = k->c->settings; s && s->name; s++) {
        const char *v = kit_pair(k->settings, s->name);
        if (s->type == CONNECTOR_S_SECRET && v && *v)
            kit_canary(k, v);
    }
}

static struct kit *kit_alloc(const struct connector *c, const struct kit_options *o)
{
    struct kit *k = mem_alloc(sizeof(*k));
    k->c = c;
    k->arena = arena_new();
    k->now = KIT_START_MS;
    struct list *lists[] = {&k->later,  &k->timers, &k->requests, &k->sockets,
                            &k->tokens, &k->held,   &k->watches,  &k->leases};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        list_init(lists[i]);
    struct map *maps[] = {&k->seen, &k->histories, &k->blobs, &k->cursors, &k->pages, &k->buckets};
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        map_init(maps[i]);
    k->host.abi = CONNECTOR_ABI;
    k->host.size = sizeof(k->host);
    kit_host_in(&k->host);
    kit_host_out(&k->host);
    kit_host_page(&k->host);
    kit_host_small(&k->host);
    k->up = true;
    set_options(k, o);
    k->threads = threads_now();
    return k;
}

static void request_free(struct connector_request *rq)
{
    if (rq->arena)
        arena_free(&rq->arena);
    if (rq->form_arena)
        arena_free(&rq->form_arena);
    mem_free(rq->form);
    mem_free(rq);
}

static void kit_free(struct kit *k)
{
    struct list *n;
    while ((n = list_pop(&k->later)))
        mem_free(container_of(n, struct kit_later, link));
    while ((n = list_pop(&k->timers)))
        mem_free(container_of(n, struct connector_timer, link));
    while ((n = list_pop(&k->requests)))
        request_free(container_of(n, struct connector_request, link));
    while ((n = list_pop(&k->sockets))) {
        struct kit_socket *s = container_of(n, struct kit_socket, link);
        arena_free(&s->arena);
        mem_free(s->frames);
        mem_free(s);
    }
    while ((n = list_pop(&k->tokens)))
        mem_free(container_of(n, struct connector_token, link));
    while ((n = list_pop(&k->held)))
        mem_free(container_of(n, struct kit_delivery, link));
    while ((n = list_pop(&k->watches)))
        mem_free(container_of(n, struct connector_watch, link));
    while ((n = list_pop(&k->leases)))
        mem_free(container_of(n, struct kit_lease, link));
    for (size_t i = 0; i < k->fetches_n; i++)
        mem_free(k->fetches[i]);
    mem_free(k->fetches);
    mem_free(k->items);
    mem_free(k->results);
    map_clear(&k->seen, NULL);
    map_clear(&k->histories, kit_history_free);
    map_clear(&k->blobs, NULL);
    map_clear(&k->cursors, NULL);
    map_clear(&k->pages, NULL);
    map_clear(&k->buckets, mem_free);
    arena_free(&k->arena);
    mem_free(k);
}

struct kit *kit_new(const struct connector *c, const struct kit_options *o, char why[200])
{
    struct connector_error e = {0};
    why[0] = 0;
    if (c->abi != CONNECTOR_ABI || !c->name || !c->create || !c->start || !c->stop || !c->destroy) {
        snprintf(why, 200, "abi or a member that must be there is missing");
        return NULL;
    }
    if (!kit_settings_ok(c, o ? o->settings : NULL, why))
        return NULL;
    struct kit *k = kit_alloc(c, o);
    kit_enter(k);
    k->inst = c->create(&k->host, k, &e);
    kit_leave(k);
    kit_no_secret(k, "the error of create", e.text);
    if (!k->inst) {
        snprintf(why, 200, "%s", e.text[0] ? e.text : "create gave NULL without a reason");
        kit_free(k);
        return NULL;
    }
    if (!list_empty(&k->later) || !list_empty(&k->timers) || k->fetches_n)
        kit_broke(k, 0, "create already starts something");
    if (!o || !o->no_start)
        kit_start(k);
    return k;
}

void kit_start(struct kit *k)
{
    k->started = true;
    kit_enter(k);
    k->c->start(k->inst);
    kit_leave(k);
    kit_turn(k);
}

static void stop(struct kit *k)
{
    k->stopping = true;
    kit_enter(k);
    k->c->stop(k->inst, 5000);
    kit_leave(k);
    kit_turn(k);
    for (int i = 0; i < 60 && !k->stopped; i++)
        kit_advance(k, 100);
    if (!k->stopped)
        kit_broke(k, 6, "stopped was not called within the grace");
    k->stopped = true;
    for (struct list *n = k->requests.next; n != &k->requests; n = n->next) {
        connector_request rq = container_of(n, struct connector_request, link);
        if (!rq->answer.done)
            rq->answer = (struct kit_answer){.done = true, .status = 503, .body = arena_strdup(k->arena, "")};
    }
    kit_cancel_in(k);
    kit_cancel_out(k);
    kit_turn(k);
}

static void check_rest(struct kit *k)
{
    for (struct list *n = k->watches.next; n != &k->watches; n = n->next) {
        if (!container_of(n, struct connector_watch, link)->off) {
            kit_broke(k, 6, "a watch was left");
            break;
        }
    }
}

static bool waiting(const struct kit *k)
{
    for (const struct list *n = k->requests.next; n != &k->requests; n = n->next) {
        if (!container_of(n, const struct connector_request, link)->answer.done)
            return true;
    }
    return false;
}

bool kit_end(struct kit **pk)
{
    struct kit *k = *pk;
    *pk = NULL;
    kit_turn(k);
    if (waiting(k) && list_empty(&k->held)) {
        kit_advance(k, 120000); /* a long poll may wait, but not for ever */
        if (waiting(k))
            kit_broke(k, 3, "a request was never answered");
    }
    if (kit_out_waits(k)) {
        kit_advance(k, 120000);
        if (kit_out_waits(k))
            kit_broke(k, 4, "a send never ended");
    }
    if (k->started && !k->stopped)
        stop(k);
    check_rest(k);
    kit_enter(k);
    k->c->destroy(k->inst);
    kit_leave(k);
    bool ok = k->broken == 0;
    kit_free(k);
    return ok;
}

connector_instance *kit_instance(struct kit *k)
{
    return k->inst;
}

void *kit_inst(struct kit *k)
{
    return k;
}

const struct connector_host *kit_host(struct kit *k)
{
    return &k->host;
}

/* ---- bytes ---- */

struct connector_bytes kit_bytes(const char *s)
{
    return s ? (struct connector_bytes){s, strlen(s)} : (struct connector_bytes){0};
}

bool kit_is(struct connector_bytes b, const char *s)
{
    return slice_is(kit_slice(b), s);
}

struct slice kit_slice(struct connector_bytes b)
{
    return (struct slice){b.p, b.n};
}

struct connector_bytes kit_bytes_of(struct slice s)
{
    return (struct connector_bytes){s.p, s.n};
}

struct connector_bytes kit_copy(struct kit *k, struct connector_bytes b)
{
    return (struct connector_bytes){arena_dup(k->arena, b.n ? b.p : "", b.n), b.n};
}

void *kit_grow(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap ? *cap * 2 : 16;
    return mem_realloc(p, *cap * size);
}

void kit_canary(struct kit *k, const char *text)
{
    if (k->canaries_n < sizeof(k->canaries) / sizeof(k->canaries[0]))
        k->canaries[k->canaries_n++] = arena_strdup(k->arena, text);
}

void kit_no_secret(struct kit *k, const char *where, const char *text)
{
    for (size_t i = 0; text && i < k->canaries_n; i++) {
        if (strstr(text, k->canaries[i]))
            kit_broke(k, 8, "%s tells a secret or what a person wrote", where);
    }
}
