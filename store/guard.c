/* SPDX-License-Identifier: Apache-2.0
 * See guard.h: the doors of functions/guard.lua. */
#include "store/guard.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/side.h"
#include <string.h>

#define ENDS_MOST  200
#define TELLS_MOST 80

const struct guard_reason guard_reasons[] = {
    {"answered_in_person", false},
    {"nothing_to_answer", false},
    {"unreachable", false},
    {"duplicate", false},
    {"spam", false},
    {"wants_no_answer", true},
    {"contact_unsafe", true},
    {NULL, false},
};

struct guard_job {
    struct store_op *op;
    uint64_t thread;
    store_thread_done thread_done;
    store_done done;
    void (*looked)(void *arg, const struct err *e, const struct guard_look *g);
    void (*list)(void *arg, const struct err *e, const struct store_thread *const *t, size_t n);
    void *arg;
};

static struct guard_job *job_new(struct store_op *op, void *arg)
{
    struct guard_job *j = mem_alloc(sizeof *j);
    j->op = op;
    j->arg = arg;
    return j;
}

static void on_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct guard_job *j = arg;
    (void)r;
    if (j->done)
        j->done(j->arg, e);
    else if (e->code)
        log_event(LOG_WARN, "guard.settings", log_str("operation", store_op_name(j->op)), log_err(e));
    mem_free(j);
}

static void on_thread(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct guard_job *j = arg;
    struct arena *a = arena_new();
    struct store_thread t = {0};
    if (!e->code)
        store_thread_from(j->op, a, j->thread, r, &t);
    j->thread_done(j->arg, e, e->code ? NULL : &t);
    arena_free(&a);
    mem_free(j);
}

void store_guard_set(struct store_op *op, const struct guard_settings *s)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_int(&a, (int64_t)s->version);
    store_arg_int(&a, s->presume_hours ? s->presume_hours : 24);
    store_arg_int(&a, s->tries ? s->tries : 3);
    store_arg_int(&a, s->days ? s->days : 2);
    store_arg_int(&a, s->pack);
    for (size_t i = 0; i < s->tells_n && i < TELLS_MOST; i++)
        store_arg_str(&a, s->tells[i]);
    store_call(op, "guard_put", &a, on_done, job_new(op, NULL));
}

/* The thread as the first argument; false: there is none, and cb will be told. */
static bool begin(struct guard_job *j, struct id thread, struct store_args *a, store_reply cb)
{
    store_args_init(a);
    if (!store_thread_handle(j->op, thread, &j->thread)) {
        side_refuse(j->op, ERR_NOT_FOUND, "no such thread", cb, j);
        return false;
    }
    store_arg_handle(a, j->thread);
    return true;
}

static bool is_code(const char *s)
{
    return !*s || name_valid(slice_str(s));
}

/* ---- what is lacking ---- */

static void on_look(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct guard_job *j = arg;
    struct guard_look g = {0};
    struct arena *a = arena_new();
    struct buf lacks;
    buf_init(&lacks, 1024);
    for (size_t i = 8; !e->code && r->kind == REDIS_ARRAY && i < r->n; i++)
        buf_printf(&lacks, "%s%.*s", lacks.n ? " " : "", (int)store_item(r, i).n, store_item(r, i).p);
    if (!e->code && r->kind == REDIS_ARRAY && r->n >= 8) {
        g.known = arena_dup(a, store_item(r, 0).p, store_item(r, 0).n);
        g.due_ms = store_number(r->items[1]);
        g.tries = (unsigned)store_number(r->items[2]);
        g.days = (unsigned)store_number(r->items[3]);
        g.tries_needed = (unsigned)store_number(r->items[4]);
        g.days_needed = (unsigned)store_number(r->items[5]);
        g.unsafe = arena_dup(a, store_item(r, 7).p, store_item(r, 7).n);
        g.lacks = arena_dup(a, lacks.n ? lacks.p : "", lacks.n);
    }
    j->looked(j->arg, e, e->code ? NULL : &g);
    buf_clear(&lacks);
    arena_free(&a);
    mem_free(j);
}

void store_guard_look(struct store_op *op, struct id thread, const char *reason,
                      void (*cb)(void *arg, const struct err *e, const struct guard_look *g), void *arg)
{
    struct guard_job *j = job_new(op, arg);
    struct store_args a;
    j->looked = cb;
    if (!begin(j, thread, &a, on_look))
        return;
    store_arg_str(&a, reason);
    store_call(op, "guard_look", &a, on_look, j);
}

/* ---- ends ---- */

void store_resolve_for(struct store_op *op, struct id thread, const char *actor, const char *outcome,
                       const char *reason, store_thread_done cb, void *arg)
{
    struct guard_job *j = job_new(op, arg);
    struct store_args a;
    j->thread_done = cb;
    if (!begin(j, thread, &a, on_thread))
        return;
    if (!is_code(outcome) || !is_code(reason)) {
        side_refuse(op, ERR_INVALID, "outcome and reason are codes", on_thread, j);
        return;
    }
    store_arg_str(&a, actor);
    store_arg_str(&a, outcome);
    store_arg_str(&a, reason);
    store_call(op, "resolve", &a, on_thread, j);
}

void store_end_approve(struct store_op *op, struct id thread, const char *actor, bool yes,
                       store_thread_done cb, void *arg)
{
    struct guard_job *j = job_new(op, arg);
    struct store_args a;
    j->thread_done = cb;
    if (!begin(j, thread, &a, on_thread))
        return;
    store_arg_str(&a, actor);
    store_arg_int(&a, yes);
    store_call(op, "end_approve", &a, on_thread, j);
}

static void on_ends(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct guard_job *j = arg;
    struct arena *a = arena_new();
    size_t most = !e->code && r->kind == REDIS_ARRAY ? r->n : 0, n = 0;
    const struct store_thread **list = arena_alloc(a, (most + 1) * sizeof *list);
    for (size_t i = 0; i < most; i++) {
        struct slice handle = store_item(r->items[i], 0);
        if (handle.n != STORE_HANDLE || r->items[i]->items[1]->n == 0)
            continue;
        struct store_thread *t = arena_alloc(a, sizeof *t);
        store_thread_from(j->op, a, store_handle_get(handle), r->items[i]->items[1], t);
        list[n++] = t;
    }
    j->list(j->arg, e, list, n);
    arena_free(&a);
    mem_free(j);
}

void store_ends(struct store_op *op,
                void (*cb)(void *arg, const struct err *e, const struct store_thread *const *t, size_t n),
                void *arg)
{
    struct guard_job *j = job_new(op, arg);
    struct store_args a;
    j->list = cb;
    store_args_init(&a);
    store_arg_int(&a, ENDS_MOST);
    store_call(op, "ends", &a, on_ends, j);
}

void store_guard_try(struct store_op *op, struct id thread, const char *actor, const char *channel,
                     const char *code, store_thread_done cb, void *arg)
{
    struct guard_job *j = job_new(op, arg);
    struct store_args a;
    j->thread_done = cb;
    if (!begin(j, thread, &a, on_thread))
        return;
    if (!*channel || !*code || !is_code(channel) || !is_code(code)) {
        side_refuse(op, ERR_INVALID, "a channel and why it did not work are codes", on_thread, j);
        return;
    }
    store_arg_str(&a, actor);
    store_arg_str(&a, channel);
    store_arg_str(&a, code);
    store_call(op, "guard_try", &a, on_thread, j);
}

static bool are_channels(const char *words)
{
    struct slice rest = slice_str(words), one;
    if (strlen(words) > 512)
        return false;
    while (slice_next(&rest, ' ', &one))
        if (one.n && !slice_is(one, "*") && !name_valid(one))
            return false;
    return true;
}

bool store_unsafe_on(const char *words, struct slice channel)
{
    struct slice rest = slice_str(words), one;
    while (slice_next(&rest, ' ', &one))
        if (slice_is(one, "*") || (one.n && slice_eq(one, channel)))
            return true;
    return false;
}

void store_contact_safety(struct store_op *op, struct id contact, const char *actor, const char *words,
                          store_done cb, void *arg)
{
    struct guard_job *j = job_new(op, arg);
    struct store_args a;
    uint64_t handle;
    j->done = cb;
    store_args_init(&a);
    if (!store_contact_handle(op, contact, &handle)) {
        side_refuse(op, ERR_NOT_FOUND, "no such contact", on_done, j);
        return;
    }
    if (!are_channels(words)) {
        side_refuse(op, ERR_INVALID, "the ids of channels are wanted, or *", on_done, j);
        return;
    }
    store_arg_handle(&a, handle);
    store_arg_str(&a, actor);
    store_arg_str(&a, words);
    store_call(op, "contact_safety", &a, on_done, j);
}
