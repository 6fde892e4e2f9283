/* SPDX-License-Identifier: Apache-2.0
 * Webhooks' queues: filling them from the events, what is due, what became of it. */
#include "store/webhook.h"
#include "gateway/base/mem.h"
#include "store/events_internal.h"
#include "store/internal.h"
#include <stdio.h>
#include <string.h>

struct hook_call {
    struct store_op *op;
    struct arena *a; /* of what is told */
    store_done done;
    store_text_done text;
    void (*events)(void *arg, const struct err *e, const struct store_event *ev, size_t n);
    void (*due)(void *arg, const struct err *e, const struct hook_delivery *d, size_t n, int64_t next_ms,
                const char *stopped);
    void (*state)(void *arg, const struct err *e, const struct hook_state *s);
    void (*dead)(void *arg, const struct err *e, const struct hook_dead *d, size_t n);
    void (*count)(void *arg, const struct err *e, uint64_t n);
    void *arg;
};

static struct hook_call *call_new(struct store_op *op, void *arg)
{
    struct hook_call *c = mem_alloc(sizeof *c);
    c->op = op;
    c->a = arena_new();
    c->arg = arg;
    return c;
}

static void call_free(struct hook_call *c)
{
    arena_free(&c->a);
    mem_free(c);
}

static void on_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct hook_call *c = arg;
    (void)r;
    if (c->done)
        c->done(c->arg, e);
    call_free(c);
}

static void handle_arg(struct store_args *a, const struct store_op *op, struct id thread)
{
    uint64_t handle = 0;
    store_thread_handle(op, thread, &handle);
    store_arg_handle(a, handle);
}

/* ---- filling ---- */

static void on_text(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct hook_call *c = arg;
    c->text(c->arg, e, e->code ? (struct slice){0, 0} : store_text(r));
    call_free(c);
}

void store_hooks_start(struct store_op *op, store_text_done done, void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->text = done;
    store_args_init(&a);
    store_call(op, "hook_start", &a, on_text, c);
}

void store_hooks_stop(struct store_op *op, store_done done, void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->done = done;
    store_args_init(&a);
    store_call(op, "hook_stop", &a, on_done, c);
}

static void on_events(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct hook_call *c = arg;
    struct store_event *list = NULL;
    size_t n = 0;
    if (!e->code && r->kind == REDIS_ARRAY) {
        list = arena_alloc(c->a, (2 * r->n + 2) * sizeof *list);
        for (size_t i = 0; i < r->n; i++)
            n += events_parse(c->op, r->items[i], c->a, list + n);
    }
    c->events(c->arg, e, list, n);
    call_free(c);
}

void store_hooks_read(struct store_op *op, const char *after, unsigned limit,
                      void (*done)(void *arg, const struct err *e, const struct store_event *ev, size_t n),
                      void *arg)
{
    struct hook_call *c = call_new(op, arg);
    char from[48], count[16];
    struct buf key;
    c->events = done;
    snprintf(from, sizeof from, "(%s", after);
    snprintf(count, sizeof count, "%u", limit);
    buf_init(&key, 256);
    store_data_send(op, on_events, c, 6,
                    (const struct slice[]){SLICE("XRANGE"), store_key(op, &key, "events", SLICE("")),
                                           slice_str(from), SLICE("+"), SLICE("COUNT"), slice_str(count)});
    buf_clear(&key);
}

void store_hooks_put(struct store_op *op, uint64_t fence, const char *from, const char *to,
                     const struct hook_put *p, size_t n, store_done done, void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    err_assert(n <= HOOK_PUTS);
    c->done = done;
    store_args_init(&a);
    store_arg_int(&a, (int64_t)fence);
    store_arg_str(&a, from);
    store_arg_str(&a, to);
    for (size_t i = 0; i < n; i++) {
        store_arg_str(&a, p[i].hook);
        handle_arg(&a, op, p[i].thread);
        store_arg_str(&a, p[i].json.n ? arena_printf(c->a, "%s %s %.*s", p[i].id, p[i].type, (int)p[i].json.n,
                                                     p[i].json.p)
                                      : "");
    }
    store_call(op, "hook_fan", &a, on_done, c);
}

/* ---- what is due ---- */

static void take(char *to, size_t cap, struct slice s)
{
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

/* "<id> <queued ms> <type> <json>" */
static void delivery_read(struct slice item, struct hook_delivery *d)
{
    struct slice id, queued, type;
    uint64_t ms = 0;
    slice_next(&item, ' ', &id);
    slice_next(&item, ' ', &queued);
    slice_next(&item, ' ', &type);
    slice_u64(queued, &ms);
    take(d->id, sizeof d->id, id);
    take(d->type, sizeof d->type, type);
    d->queued_ms = (int64_t)ms;
    d->json = item;
}

static void on_due(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct hook_call *c = arg;
    size_t n = 0;
    struct hook_delivery *all = NULL;
    const char *stopped = "";
    int64_t next = -1;
    if (!e->code && r->n >= 2) {
        struct slice off = store_item(r, 0);
        stopped = arena_dup(c->a, off.p, off.n);
        next = store_number(r->items[1]);
        all = arena_alloc(c->a, (r->n / 3 + 1) * sizeof *all);
        for (size_t i = 2; i + 2 < r->n; i += 3) {
            if (!store_item(r, i + 2).n)
                continue;
            all[n] = (struct hook_delivery){.tries = (unsigned)store_number(r->items[i + 1])};
            all[n].thread = store_id_of(c->op, store_handle_get(store_item(r, i)), STORE_SEQ_THREAD);
            delivery_read(store_item(r, i + 2), &all[n++]);
        }
    }
    c->due(c->arg, e, all, n, next, stopped);
    call_free(c);
}

void store_hooks_due(struct store_op *op, const char *hook, unsigned limit,
                     void (*done)(void *arg, const struct err *e, const struct hook_delivery *d, size_t n,
                                  int64_t next_ms, const char *stopped),
                     void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->due = done;
    store_args_init(&a);
    store_arg_str(&a, hook);
    store_arg_int(&a, limit);
    store_call(op, "hook_due", &a, on_due, c);
}

void store_hooks_done(struct store_op *op, uint64_t fence, const char *hook, struct id thread, const char *id,
                      enum hook_end end, int64_t again_ms, const char *error, store_done done, void *arg)
{
    static const char *const ends[] = {"ok", "again", "dead", "drop", "off"};
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->done = done;
    store_args_init(&a);
    store_arg_int(&a, (int64_t)fence);
    store_arg_str(&a, hook);
    handle_arg(&a, op, thread);
    store_arg_str(&a, id);
    store_arg_str(&a, ends[end]);
    store_arg_int(&a, again_ms);
    store_arg_str(&a, error);
    store_call(op, "hook_done", &a, on_done, c);
}

/* ---- for people ---- */

static void on_state(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct hook_call *c = arg;
    struct hook_state s = {.error = "", .stopped = ""};
    if (!e->code && r->n >= 8) {
        struct slice error = store_item(r, 6), off = store_item(r, 7);
        s = (struct hook_state){.waiting = (uint64_t)store_number(r->items[0]),
                                .dead = (uint64_t)store_number(r->items[1]),
                                .lost = (uint64_t)store_number(r->items[2]),
                                .ok_ms = store_number(r->items[3]),
                                .failing_ms = store_number(r->items[4]),
                                .error_ms = store_number(r->items[5]),
                                .error = arena_dup(c->a, error.p, error.n),
                                .stopped = arena_dup(c->a, off.p, off.n)};
    }
    c->state(c->arg, e, &s);
    call_free(c);
}

void store_hook_state(struct store_op *op, const char *hook,
                      void (*done)(void *arg, const struct err *e, const struct hook_state *s), void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->state = done;
    store_args_init(&a);
    store_arg_str(&a, hook);
    store_call(op, "hook_state", &a, on_state, c);
}

/* thread 8, "<died ms> <tries> <error> <delivery>" */
static void dead_read(struct store_op *op, struct slice v, struct hook_dead *d)
{
    struct slice died, tries, error;
    uint64_t ms = 0, n = 0;
    struct hook_delivery was;
    d->thread = store_id_of(op, store_handle_get(slice_of(v.p, 8)), STORE_SEQ_THREAD);
    v = slice_of(v.p + 8, v.n - 8);
    slice_next(&v, ' ', &died);
    slice_next(&v, ' ', &tries);
    slice_next(&v, ' ', &error);
    slice_u64(died, &ms);
    slice_u64(tries, &n);
    delivery_read(v, &was);
    memcpy(d->id, was.id, sizeof d->id);
    memcpy(d->type, was.type, sizeof d->type);
    take(d->error, sizeof d->error, error);
    d->queued_ms = was.queued_ms;
    d->died_ms = (int64_t)ms;
    d->tries = (unsigned)n;
}

static void on_dead(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct hook_call *c = arg;
    size_t n = 0;
    struct hook_dead *all = NULL;
    if (!e->code) {
        all = arena_alloc(c->a, (r->n / 2 + 1) * sizeof *all);
        for (size_t i = 0; i + 1 < r->n; i += 2)
            if (store_item(r, i + 1).n > 8) {
                all[n] = (struct hook_dead){.number = store_number(r->items[i])};
                dead_read(c->op, store_item(r, i + 1), &all[n++]);
            }
    }
    c->dead(c->arg, e, all, n);
    call_free(c);
}

void store_hook_dead(struct store_op *op, const char *hook, int64_t before, unsigned limit,
                     void (*done)(void *arg, const struct err *e, const struct hook_dead *d, size_t n),
                     void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->dead = done;
    store_args_init(&a);
    store_arg_str(&a, hook);
    if (before)
        store_arg_int(&a, before);
    else
        store_arg_str(&a, "");
    store_arg_int(&a, limit);
    store_call(op, "hook_dead", &a, on_dead, c);
}

static void on_count(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct hook_call *c = arg;
    c->count(c->arg, e, e->code ? 0 : (uint64_t)store_number(r));
    call_free(c);
}

static void time_arg(struct store_args *a, int64_t ms)
{
    if (ms)
        store_arg_int(a, ms);
    else
        store_arg_str(a, "");
}

void store_hook_redeliver(struct store_op *op, const char *hook, const char *actor, int64_t from_ms,
                          int64_t to_ms, const struct slice *ids, size_t n,
                          void (*done)(void *arg, const struct err *e, uint64_t redelivered), void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->count = done;
    store_args_init(&a);
    store_arg_str(&a, hook);
    store_arg_str(&a, actor);
    time_arg(&a, from_ms);
    time_arg(&a, to_ms);
    for (size_t i = 0; i < n && i < STORE_ARGS - 4; i++)
        store_arg(&a, ids[i]);
    store_call(op, "hook_redeliver", &a, on_count, c);
}

void store_hook_resume(struct store_op *op, const char *hook, const char *actor, store_done done, void *arg)
{
    struct hook_call *c = call_new(op, arg);
    struct store_args a;
    c->done = done;
    store_args_init(&a);
    store_arg_str(&a, hook);
    store_arg_str(&a, actor);
    store_call(op, "hook_resume", &a, on_done, c);
}
