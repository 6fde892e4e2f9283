/* SPDX-License-Identifier: Apache-2.0
 * The moves of threads: one function in Redis each (functions/route.lua), told here with ids and structs. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/agent.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define WAITING_PAGE 40 /* a function holds everybody up: some 200 us */
#define EXPIRE_PAGE  5
#define EXPIRE_MAX   1000 /* at a time */
#define WAITING_MAX  100000

struct move {
    struct store_op *op;
    uint64_t thread, fence;
    unsigned n;
    store_thread_done thread_done;
    store_done done;
    void (*count)(void *arg, const struct err *e, unsigned n);
    void (*first)(void *arg, const struct err *e, bool first);
    void *arg;
};

static struct move *move_new(struct store_op *op, void *arg)
{
    struct move *m = mem_alloc(sizeof *m);
    m->op = op;
    m->arg = arg;
    return m;
}

static void moved(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct move *m = arg;
    struct arena *a = arena_new();
    struct store_thread t = {0};
    if (e->code == 0)
        store_thread_from(m->op, a, m->thread, r, &t);
    m->thread_done(m->arg, e, e->code ? NULL : &t);
    arena_free(&a);
    mem_free(m);
}

static void done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct move *m = arg;
    (void)r;
    if (m->done)
        m->done(m->arg, e);
    mem_free(m);
}

/* The thread as the function's first argument; false: the id is none, and cb will be told. */
static bool begin(struct move *m, struct id id, struct store_args *a, store_reply cb)
{
    store_args_init(a);
    if (store_thread_handle(m->op, id, &m->thread)) {
        store_arg_handle(a, m->thread);
        return true;
    }
    side_refuse(m->op, ERR_NOT_FOUND, "no such thread", cb, m);
    return false;
}

static struct move *begin_thread(struct store_op *op, struct id id, struct store_args *a,
                                 store_thread_done cb, void *arg)
{
    struct move *m = move_new(op, arg);
    m->thread_done = cb;
    return begin(m, id, a, moved) ? m : NULL;
}

/* Reasons, outcomes, tags and topics stand in clear in Redis: codes only. */
static bool is_code(const char *s)
{
    return !s || !*s || name_valid(slice_str(s));
}

static bool are_codes(const char *list)
{
    struct slice rest = slice_str(list), one;
    while (slice_next(&rest, ' ', &one))
        if (one.n && !name_valid(one))
            return false;
    return true;
}

/* ---- the router's ---- */

void store_offer(struct store_op *op, uint64_t fence, struct id thread, uint64_t version, const char *agent,
                 unsigned offer_ms, store_done cb, void *arg)
{
    struct move *m = move_new(op, arg);
    struct store_args a;
    m->done = cb;
    store_args_init(&a);
    if (!store_thread_handle(op, thread, &m->thread)) {
        side_refuse(op, ERR_NOT_FOUND, "no such thread", done, m);
        return;
    }
    store_arg_int(&a, (int64_t)fence);
    store_arg_handle(&a, m->thread);
    store_arg_int(&a, (int64_t)version);
    store_arg_str(&a, agent);
    store_arg_int(&a, offer_ms);
    store_call(op, "offer", &a, done, m);
}

static void expire_page(struct move *m);

static void expired(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct move *m = arg;
    unsigned n = e->code ? 0 : (unsigned)store_number(r);
    m->n += n;
    if (n >= EXPIRE_PAGE && m->n < EXPIRE_MAX) {
        expire_page(m);
        return;
    }
    m->count(m->arg, e, m->n);
    mem_free(m);
}

static void expire_page(struct move *m)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_int(&a, (int64_t)m->fence);
    store_arg_int(&a, EXPIRE_PAGE);
    store_call(m->op, "offers_expire", &a, expired, m);
}

void store_offers_expire(struct store_op *op, uint64_t fence,
                         void (*cb)(void *arg, const struct err *e, unsigned n), void *arg)
{
    struct move *m = move_new(op, arg);
    m->count = cb;
    m->fence = fence;
    expire_page(m);
}

struct waiting {
    struct store_op *op;
    struct arena *arena;
    const struct store_thread **all;
    struct map seen; /* a page may tell one again that moved meanwhile */
    size_t n, cap;
    char last[STORE_HANDLE]; /* of the page before, and since when it waits */
    int64_t since_ms;
    bool begun;
    void (*done)(void *arg, const struct err *e, const struct store_thread *const *t, size_t n);
    void *arg;
};

static void waiting_page(struct waiting *w);

static void waiting_add(struct waiting *w, struct slice handle, const struct redis_reply *hash)
{
    if (handle.n != STORE_HANDLE || hash->n == 0 || map_put(&w->seen, handle, w))
        return;
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : WAITING_PAGE;
        w->all = mem_realloc(w->all, w->cap * sizeof *w->all);
    }
    struct store_thread *t = arena_alloc(w->arena, sizeof *t);
    store_thread_from(w->op, w->arena, store_handle_get(handle), hash, t);
    w->all[w->n++] = t;
}

static void waiting_got(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct waiting *w = arg;
    size_t got = e->code ? 0 : r->n;
    for (size_t i = 0; i < got; i++)
        waiting_add(w, store_item(r->items[i], 0), r->items[i]->items[1]);
    if (got == WAITING_PAGE && w->n < WAITING_MAX && store_item(r->items[got - 1], 0).n == sizeof w->last) {
        memcpy(w->last, store_item(r->items[got - 1], 0).p, sizeof w->last);
        w->since_ms = store_field_int(r->items[got - 1]->items[1], "wt");
        w->begun = true;
        waiting_page(w);
        return;
    }
    w->done(w->arg, e, w->all, e->code ? 0 : w->n);
    map_clear(&w->seen, NULL);
    mem_free(w->all);
    arena_free(&w->arena);
    mem_free(w);
}

static void waiting_page(struct waiting *w)
{
    struct store_args a;
    store_args_init(&a);
    store_arg(&a, w->begun ? slice_of(w->last, sizeof w->last) : SLICE(""));
    store_arg_int(&a, w->since_ms);
    store_arg_int(&a, WAITING_PAGE);
    store_call(w->op, "waiting_page", &a, waiting_got, w);
}

void store_waiting_get(struct store_op *op,
                       void (*cb)(void *arg, const struct err *e, const struct store_thread *const *t,
                                  size_t n),
                       void *arg)
{
    struct waiting *w = mem_alloc(sizeof *w);
    w->op = op;
    w->arena = arena_new();
    map_init(&w->seen);
    w->done = cb;
    w->arg = arg;
    waiting_page(w);
}

static void told_nobody(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct move *m = arg;
    m->first(m->arg, e, e->code == 0 && store_number(r) == 1);
    mem_free(m);
}

void store_nobody_once(struct store_op *op, struct id thread,
                       void (*cb)(void *arg, const struct err *e, bool first), void *arg)
{
    struct move *m = move_new(op, arg);
    struct store_args a;
    m->first = cb;
    if (begin(m, thread, &a, told_nobody))
        store_call(op, "nobody_once", &a, told_nobody, m);
}

/* ---- agents' and supervisors' ---- */

void store_accept(struct store_op *op, struct id thread, const char *agent, store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    store_arg_str(&a, agent);
    store_call(op, "accept", &a, moved, m);
}

void store_decline(struct store_op *op, struct id thread, const char *agent, const char *reason,
                   store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    if (!is_code(reason)) {
        side_refuse(op, ERR_INVALID, "a reason is a code", moved, m);
        return;
    }
    store_arg_str(&a, agent);
    store_arg_str(&a, reason);
    store_call(op, "decline", &a, moved, m);
}

void store_assign(struct store_op *op, struct id thread, uint64_t expect_version, const char *agent,
                  const char *actor, store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    store_arg_int(&a, (int64_t)expect_version);
    store_arg_str(&a, agent);
    store_arg_str(&a, actor);
    store_call(op, "assign", &a, moved, m);
}

void store_resolve(struct store_op *op, struct id thread, const char *actor, const char *outcome,
                   store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    if (!is_code(outcome)) {
        side_refuse(op, ERR_INVALID, "an outcome is a code", moved, m);
        return;
    }
    store_arg_str(&a, actor);
    store_arg_str(&a, outcome);
    store_call(op, "resolve", &a, moved, m);
}

void store_reopen(struct store_op *op, struct id thread, const char *actor, store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    store_arg_str(&a, actor);
    store_call(op, "reopen", &a, moved, m);
}

void store_snooze(struct store_op *op, struct id thread, const char *actor, int64_t until_ms,
                  store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    store_arg_str(&a, actor);
    store_arg_int(&a, until_ms);
    store_call(op, "snooze", &a, moved, m);
}

void store_tag(struct store_op *op, struct id thread, const char *actor, const char *add, const char *remove,
               store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    if (!are_codes(add) || !are_codes(remove)) {
        side_refuse(op, ERR_INVALID, "a tag is a code", moved, m);
        return;
    }
    store_arg_str(&a, actor);
    store_arg_str(&a, add);
    store_arg_str(&a, remove);
    store_call(op, "tag", &a, moved, m);
}

void store_thread_patch(struct store_op *op, struct id thread, const char *actor,
                        const struct store_language *lang, const char *topic, int priority,
                        store_thread_done cb, void *arg)
{
    struct store_args a;
    struct move *m = begin_thread(op, thread, &a, cb, arg);
    if (!m)
        return;
    if (!is_code(topic)) {
        side_refuse(op, ERR_INVALID, "a topic is a code", moved, m);
        return;
    }
    store_arg_str(&a, actor);
    store_arg_str(&a, lang ? lang->tag : "-");
    store_arg_str(&a, lang ? lang->script : "");
    store_arg_int(&a, lang && lang->how > STORE_SET ? lang->how : STORE_SET);
    store_arg_str(&a, topic ? topic : "-");
    if (priority < 0)
        store_arg_str(&a, "-");
    else
        store_arg_int(&a, priority);
    store_call(op, "patch", &a, moved, m);
}

void store_thread_read(struct store_op *op, struct id thread, const char *agent, uint64_t seq, store_done cb,
                       void *arg)
{
    struct move *m = move_new(op, arg);
    struct store_args a;
    m->done = cb;
    if (!begin(m, thread, &a, done))
        return;
    store_arg_str(&a, agent);
    store_arg_int(&a, (int64_t)seq);
    store_call(op, "read", &a, done, m);
}

/* ---- transfer: the note first, so that whoever gets the thread finds it; then the move; then, where the
 * clearance was raised, what the thread holds is encrypted anew. If that is cut short, house.c goes on with
 * it. ---- */

struct transfer {
    struct store_op *op;
    struct id id;
    uint64_t thread;
    char *actor, *topic, *language, *team, *agent, *area;
    int clearance;
    store_thread_done done;
    void *arg;
};

static char *dup_or_null(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

static void transfer_end(struct transfer *t, const struct err *e, const struct store_thread *thread)
{
    t->done(t->arg, e, thread);
    mem_free(t->actor);
    mem_free(t->topic);
    mem_free(t->language);
    mem_free(t->team);
    mem_free(t->agent);
    mem_free(t->area);
    mem_free(t);
}

static void transfer_read(void *arg, const struct err *e, const struct store_thread *thread)
{
    transfer_end(arg, e, thread);
}

static void transfer_resealed(void *arg, const struct err *e)
{
    struct transfer *t = arg;
    if (e->code) /* the move stands; the list `reseal` remembers what is left */
        log_event(LOG_WARN, "thread.reseal_later", log_err(e));
    store_thread_get(t->op, t->id, transfer_read, t);
}

static void transfer_moved(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct transfer *t = arg;
    (void)r;
    if (e->code)
        transfer_end(t, e, NULL);
    else if (t->clearance >= 0)
        store_reseal(t->op, t->thread, transfer_resealed, t);
    else
        store_thread_get(t->op, t->id, transfer_read, t);
}

static void transfer_move(struct transfer *t)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, t->thread);
    store_arg_str(&a, t->actor);
    store_arg_str(&a, t->agent);
    store_arg_int(&a, t->clearance);
    const char *set[][2] = {{"tp", t->topic}, {"lt", t->language}, {"tm", t->team}, {"ar", t->area}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
        if (!set[i][1])
            continue;
        store_arg_str(&a, set[i][0]);
        store_arg_str(&a, set[i][1]);
    }
    if (t->language) { /* somebody decided it */
        store_arg_str(&a, "lh");
        store_arg_int(&a, STORE_SET);
        store_arg_str(&a, "ls");
        store_arg_str(&a, "");
    }
    store_call(t->op, "transfer", &a, transfer_moved, t);
}

static void transfer_noted(void *arg, const struct err *e, const struct store_written *w)
{
    struct transfer *t = arg;
    (void)w;
    if (e->code)
        transfer_end(t, e, NULL);
    else
        transfer_move(t);
}

void store_transfer(struct store_op *op, struct id thread, const char *actor, const struct store_transfer *in,
                    store_thread_done cb, void *arg)
{
    struct transfer *t = mem_alloc(sizeof *t);
    t->op = op;
    t->id = thread;
    t->actor = mem_strdup(actor);
    t->topic = dup_or_null(in->topic);
    t->language = dup_or_null(in->language);
    t->team = dup_or_null(in->team);
    t->agent = mem_strdup(in->agent ? in->agent : "");
    t->area = dup_or_null(in->area);
    t->clearance = in->clearance;
    t->done = cb;
    t->arg = arg;
    if (!store_thread_handle(op, thread, &t->thread)) {
        side_refuse(op, ERR_NOT_FOUND, "no such thread", transfer_moved, t);
        return;
    }
    if (!is_code(in->topic) || !is_code(in->team) ||
        (in->area && *in->area && !area_valid(slice_str(in->area))) || in->clearance >= KEYS_CLEARANCES) {
        side_refuse(op, ERR_INVALID,
                    "topic and team are codes, areas are codes with slashes, clearances are 0 to 2",
                    transfer_moved, t);
        return;
    }
    if (!in->note.n) {
        transfer_move(t);
        return;
    }
    struct store_outbound note = {.thread = thread,
                                  .kind = STORE_NOTE,
                                  .author = STORE_AGENT,
                                  .author_id = t->actor,
                                  .channel = "",
                                  .text = in->note,
                                  .must_hold = ""};
    store_write(op, &note, transfer_noted, t);
}
