/* SPDX-License-Identifier: Apache-2.0
 * Timers: the holder of the lease "timers" asks twice a second, or when the next is due. */
#include "gateway/base/mem.h"
#include "store/side.h"
#include "store/state.h"

#define LEASE_MS     6000
#define LOOK_MS      500
#define CLOCK_OFF_MS 200

struct handler {
    void (*fire)(void *arg, const char *id, struct store_firing *f);
    void *arg;
};

struct timers {
    struct store_op *op;
    struct map handlers, under_way; /* under_way: timer → struct store_firing */
    struct store_lease *lease;
    struct timer *tick;
    uint64_t fence, since_ms; /* of the lease: since when it is held */
    bool mine, asking, closed;
};

struct store_firing {
    struct store_op *op;
    char *timer, *due; /* what Redis has: "<what> <id>" and its score */
    uint64_t fence;    /* under which it was taken */
};

struct set {
    store_done done;
    void *arg;
};

static void set_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct set *s = arg;
    (void)r;
    if (s->done)
        s->done(s->arg, e);
    mem_free(s);
}

static void timer_call(struct store_op *op, const char *fn, const char *what, const char *id,
                       const int64_t *due, store_done done, void *arg)
{
    struct store_args a;
    struct buf name;
    struct set *s = mem_alloc(sizeof *s);
    s->done = done;
    s->arg = arg;
    store_args_init(&a);
    buf_init(&name, 4096);
    buf_printf(&name, "%s %s", what, id);
    store_arg(&a, buf_view(&name));
    if (due)
        store_arg_int(&a, *due);
    store_call(op, fn, &a, set_done, s);
    buf_clear(&name);
}

void store_timer_set(struct store_op *op, const char *what, const char *id, int64_t due_ms, store_done done,
                     void *arg)
{
    timer_call(op, "timer_set", what, id, &due_ms, done, arg);
}

void store_timer_drop(struct store_op *op, const char *what, const char *id, store_done done, void *arg)
{
    timer_call(op, "timer_drop", what, id, NULL, done, arg);
}

static void fire(struct timers *t, struct slice timer, struct slice due)
{
    struct slice rest = timer, what;
    if (!slice_next(&rest, ' ', &what))
        return;
    struct handler *h = map_get(&t->handlers, what);
    if (!h) /* another version's, perhaps: it comes again */
        return;
    /* The minute after which it comes again is over at once when the clock is set forward. */
    if (map_get(&t->under_way, timer))
        return;
    struct store_firing *f = mem_alloc(sizeof *f);
    f->op = t->op;
    f->timer = slice_dup(timer);
    f->due = slice_dup(due);
    f->fence = t->fence;
    map_put(&t->under_way, timer, f);
    char *id = slice_dup(rest);
    h->fire(h->arg, id, f);
    mem_free(id);
}

void store_timer_finished(struct store_firing *f, bool drop)
{
    struct timers *t = f->op->side->timers;
    if (t && map_get(&t->under_way, slice_str(f->timer)) == f)
        map_del(&t->under_way, slice_str(f->timer));
    if (drop) {
        struct store_args a;
        struct set *s = mem_alloc(sizeof *s);
        store_args_init(&a);
        store_arg_str(&a, f->timer);
        store_arg_str(&a, f->due);
        store_arg_int(&a, (int64_t)f->fence);
        store_call(f->op, "timer_done", &a, set_done, s);
    }
    mem_free(f->timer);
    mem_free(f->due);
    mem_free(f);
}

/* Redis's clock was set: what fires now must not take it for too early. */
static void clock_follow(struct store *s, int64_t now_ms)
{
    int64_t off = now_ms - store_now_ms(s);
    if (off > CLOCK_OFF_MS || off < -CLOCK_OFF_MS)
        s->clock_offset += off;
}

static void looked(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct timers *t = arg;
    t->asking = false;
    if (t->closed) {
        mem_free(t);
        return;
    }
    uint64_t next = LOOK_MS;
    if (e->code == 0 && r->n > 0) {
        int64_t left = store_number(r->items[0]);
        if (left >= 0 && left < LOOK_MS)
            next = left > 0 ? (uint64_t)left : 1;
        if (r->n % 2 == 0)
            clock_follow(t->op->store, store_number(r->items[r->n - 1]));
        for (size_t i = 1; i + 1 < r->n; i += 2)
            fire(t, store_item(r, i), store_item(r, i + 1));
    }
    if (t->mine)
        timer_start(t->tick, next);
}

static void look(void *arg)
{
    struct timers *t = arg;
    struct store_args a;
    if (t->asking)
        return;
    if (!store_lease_held(t->lease)) { /* perhaps it is only late */
        timer_start(t->tick, LOOK_MS);
        return;
    }
    t->asking = true;
    store_args_init(&a);
    store_arg_int(&a, (int64_t)t->fence);
    store_arg_int(&a, (int64_t)(loop_now_ms(store_loop(t->op->store)) - t->since_ms));
    store_call(t->op, "timers_due", &a, looked, t);
}

static void held(void *arg, bool yes, uint64_t fence)
{
    struct timers *t = arg;
    t->mine = yes;
    t->fence = fence;
    t->since_ms = loop_now_ms(store_loop(t->op->store));
    if (yes)
        timer_start(t->tick, 1);
    else
        timer_stop(t->tick);
}

void store_timer_handle(struct store_op *op, const char *what,
                        void (*fn)(void *arg, const char *id, struct store_firing *f), void *arg)
{
    struct timers *t = op->side->timers;
    if (!t) {
        t = op->side->timers = mem_alloc(sizeof *t);
        t->op = op;
        map_init(&t->handlers);
        map_init(&t->under_way);
        t->tick = timer_new(store_loop(op->store), look, t);
        t->lease = store_lease_new(op, "timers", LEASE_MS, held, t);
    }
    struct handler *h = mem_alloc(sizeof *h);
    h->fire = fn;
    h->arg = arg;
    mem_free(map_put(&t->handlers, slice_str(what), h));
}

void timer_close(struct side *s)
{
    struct timers *t = s->timers;
    if (!t)
        return;
    s->timers = NULL;
    store_lease_free(&t->lease);
    timer_free(&t->tick);
    map_clear(&t->handlers, mem_free);
    map_clear(&t->under_way, NULL);
    t->closed = true;
    if (!t->asking)
        mem_free(t);
}
