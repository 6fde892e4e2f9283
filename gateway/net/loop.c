/* SPDX-License-Identifier: Apache-2.0
 * The event loop on libuv: timers, deferred calls, work on threads, signals, watched descriptors. */
#include "gateway/net/loop.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include <openssl/crypto.h>
#include <uv.h>

struct deferred {
    struct list node;
    void (*fn)(void *arg);
    void *arg;
};

/* Deferred calls run in the check phase, right after the callbacks of this turn's input; the idle handle
 * keeps the loop from sleeping while some are waiting. */
struct loop {
    uv_loop_t uv;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t limit; /* of one loop_turn */
    struct list deferred;
    struct list signals;
    struct list ends; /* deferred until loop_free */
    unsigned working;
};

struct timer {
    uv_timer_t uv;
    void (*cb)(void *arg);
    void *arg;
};

struct watch {
    uv_poll_t uv;
    void (*cb)(void *arg);
    void *arg;
};

struct loop_signal {
    struct list node;
    uv_signal_t uv;
    void (*cb)(int signum, void *arg);
    void *arg;
};

struct job {
    uv_work_t uv;
    struct loop *loop;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

/* Only what was there at the start: a call that defers itself again must not starve the sockets. */
static void loop_run_deferred(uv_check_t *check)
{
    struct loop *l = container_of(check, struct loop, check);
    struct list now;
    list_init(&now);
    for (struct list *n; (n = list_pop(&l->deferred));)
        list_push(&now, n);
    for (struct list *n; (n = list_pop(&now));) {
        struct deferred *d = container_of(n, struct deferred, node);
        void (*fn)(void *) = d->fn;
        void *arg = d->arg;
        mem_free(d);
        fn(arg);
    }
    if (list_empty(&l->deferred))
        uv_idle_stop(&l->idle);
}

static void loop_idle(uv_idle_t *idle)
{
    (void)idle;
}

struct loop *loop_new(void)
{
    struct loop *l = mem_alloc(sizeof(*l));
    err_assert(uv_loop_init(&l->uv) == 0);
    list_init(&l->deferred);
    list_init(&l->signals);
    list_init(&l->ends);
    uv_check_init(&l->uv, &l->check);
    uv_check_start(&l->check, loop_run_deferred);
    uv_unref((uv_handle_t *)&l->check);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->limit);
    return l;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

static void loop_turn_over(uv_timer_t *limit)
{
    (void)limit;
}

void loop_turn(struct loop *l, unsigned wait_ms)
{
    if (wait_ms == 0) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        return;
    }
    uv_update_time(&l->uv);
    uv_timer_start(&l->limit, loop_turn_over, wait_ms, 0);
    uv_run(&l->uv, UV_RUN_ONCE);
    uv_timer_stop(&l->limit);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

static void loop_signal_closed(uv_handle_t *h)
{
    mem_free(container_of(h, struct loop_signal, uv));
}

/* Everybody has freed what is theirs by now; their handles, jobs and deferred calls still have to come to
 * their end. */
void loop_free(struct loop **lp)
{
    struct loop *l = *lp;
    if (!l)
        return;
    for (struct list *n; (n = list_pop(&l->ends));) {
        struct deferred *d = container_of(n, struct deferred, node);
        d->fn(d->arg);
        mem_free(d);
    }
    while (l->working)
        uv_run(&l->uv, UV_RUN_ONCE);
    while (!list_empty(&l->deferred))
        uv_run(&l->uv, UV_RUN_NOWAIT);
    for (struct list *n; (n = list_pop(&l->signals));)
        uv_close((uv_handle_t *)&container_of(n, struct loop_signal, node)->uv, loop_signal_closed);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->limit, NULL);
    bool closed = uv_loop_close(&l->uv) == 0;
    for (int turns = 0; !closed && turns < 8; turns++) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        closed = uv_loop_close(&l->uv) == 0;
    }
    if (closed) /* else somebody's handle still points here: rather leak */
        mem_free(l);
    *lp = NULL;
}

void *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct deferred *d = mem_alloc(sizeof(*d));
    d->fn = fn;
    d->arg = arg;
    list_push(&l->deferred, &d->node);
    uv_idle_start(&l->idle, loop_idle);
}

void loop_at_end(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct deferred *d = mem_alloc(sizeof(*d));
    d->fn = fn;
    d->arg = arg;
    list_push(&l->ends, &d->node);
}

uint64_t loop_now_ms(struct loop *l)
{
    return uv_now(&l->uv);
}

static void timer_fired(uv_timer_t *uv)
{
    struct timer *t = container_of(uv, struct timer, uv);
    t->cb(t->arg);
}

struct timer *timer_new(struct loop *l, void (*cb)(void *arg), void *arg)
{
    struct timer *t = mem_alloc(sizeof(*t));
    uv_timer_init(&l->uv, &t->uv);
    t->cb = cb;
    t->arg = arg;
    return t;
}

void timer_start(struct timer *t, uint64_t ms)
{
    uv_timer_start(&t->uv, timer_fired, ms, 0);
}

void timer_stop(struct timer *t)
{
    uv_timer_stop(&t->uv);
}

bool timer_running(const struct timer *t)
{
    return uv_is_active((const uv_handle_t *)&t->uv);
}

static void timer_closed(uv_handle_t *h)
{
    mem_free(container_of(h, struct timer, uv));
}

void timer_free(struct timer **t)
{
    if (!*t)
        return;
    uv_close((uv_handle_t *)&(*t)->uv, timer_closed);
    *t = NULL;
}

static void job_work(uv_work_t *w)
{
    struct job *j = container_of(w, struct job, uv);
    j->work(j->arg);
    OPENSSL_thread_stop(); /* else what OpenSSL keeps for each thread is never given back */
}

static void job_done(uv_work_t *w, int status)
{
    struct job *j = container_of(w, struct job, uv);
    (void)status; /* nothing cancels jobs */
    j->loop->working--;
    j->done(j->arg);
    mem_free(j);
}

void loop_work(struct loop *l, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    struct job *j = mem_alloc(sizeof(*j));
    j->loop = l;
    j->work = work;
    j->done = done;
    j->arg = arg;
    l->working++;
    err_assert(uv_queue_work(&l->uv, &j->uv, job_work, job_done) == 0);
}

static void signal_arrived(uv_signal_t *uv, int signum)
{
    struct loop_signal *s = container_of(uv, struct loop_signal, uv);
    s->cb(signum, s->arg);
}

int loop_on_signal(struct loop *l, int signum, void (*cb)(int signum, void *arg), void *arg)
{
    struct loop_signal *s = mem_alloc(sizeof(*s));
    uv_signal_init(&l->uv, &s->uv);
    uv_unref((uv_handle_t *)&s->uv);
    s->cb = cb;
    s->arg = arg;
    list_push(&l->signals, &s->node);
    return uv_signal_start(&s->uv, signal_arrived, signum) == 0 ? 0 : -ERR_INVALID;
}

static void watch_ready(uv_poll_t *uv, int status, int events)
{
    struct watch *w = container_of(uv, struct watch, uv);
    (void)status; /* an error shows when it is read */
    (void)events;
    w->cb(w->arg);
}

struct watch *loop_watch(struct loop *l, int fd, void (*cb)(void *arg), void *arg)
{
    struct watch *w = mem_alloc(sizeof(*w));
    w->cb = cb;
    w->arg = arg;
    if (uv_poll_init(&l->uv, &w->uv, fd) != 0) {
        mem_free(w); /* a plain file, or a descriptor that is watched already */
        return NULL;
    }
    uv_poll_start(&w->uv, UV_READABLE | UV_DISCONNECT, watch_ready);
    return w;
}

static void watch_closed(uv_handle_t *h)
{
    mem_free(container_of(h, struct watch, uv));
}

void loop_unwatch(struct watch **w)
{
    if (!*w)
        return;
    uv_close((uv_handle_t *)&(*w)->uv, watch_closed);
    *w = NULL;
}
