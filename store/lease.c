/* SPDX-License-Identifier: Apache-2.0
 * Leases. A node renews after a third of the time. It counts from the moment at which it sent a renewal that
 * Redis confirmed, by the monotonic clock, and gives up a tenth before that time is over: Redis counts from a
 * later moment, so nobody else can have the lease before. What a stalled process does after that is refused
 * by the fence. */
#include "gateway/base/mem.h"
#include "store/side.h"
#include "store/state.h"
#include <stdio.h>

#define REVIVE_MS 1000

struct store_lease {
    struct list node; /* of side->leases */
    struct store_op *op;
    char *name, holder[80];
    unsigned ttl_ms;
    uint64_t fence;
    bool held, asking, telling, freed, closed,
        sleeping;              /* closed: its operation ended; sleeping: looks whether it is there again */
    int64_t sent_us, until_us; /* until_us: held no longer than that */
    struct timer *timer;
    void (*cb)(void *arg, bool yes, uint64_t fence);
    void *arg;
};

static void ask(struct store_lease *l);

static void release(struct store_lease *l)
{
    timer_free(&l->timer);
    mem_free(l->name);
    mem_free(l);
}

/* Tells what it is now. False: the callback freed it, and nothing of it is left. */
static bool tell(struct store_lease *l, bool held)
{
    if (l->held == held)
        return true;
    l->held = held;
    l->telling = true;
    l->cb(l->arg, held, l->fence);
    l->telling = false;
    if (!l->freed)
        return true;
    if (!l->asking && !l->sleeping)
        release(l);
    return false;
}

/* Wakes at the next renewal or at the end of what is held, whichever is first. */
static void sleep_ms(struct store_lease *l, int64_t ms)
{
    if (l->held) {
        int64_t left = (l->until_us - time_mono_us()) / 1000;
        if (left < ms)
            ms = left;
    }
    timer_start(l->timer, ms > 0 ? (uint64_t)ms : 1);
}

static void answered(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct store_lease *l = arg;
    l->asking = false;
    if (l->freed) {
        if (!l->sleeping)
            release(l);
        return;
    }
    if (l->closed)
        return;
    if (e->code) {
        sleep_ms(l, l->ttl_ms / 10);
        return;
    }
    int64_t got = store_number(r);
    if (got <= 0) { /* another's, for so long */
        if (tell(l, false))
            sleep_ms(l, -got + 5 < l->ttl_ms / 3 ? -got + 5 : l->ttl_ms / 3);
        return;
    }
    if ((uint64_t)got != l->fence && !tell(l, false)) /* it was another's in between */
        return;
    l->fence = (uint64_t)got;
    l->until_us = l->sent_us + (int64_t)l->ttl_ms * 900;
    if (time_mono_us() < l->until_us && !tell(l, true))
        return;
    sleep_ms(l, (l->sent_us - time_mono_us()) / 1000 + l->ttl_ms / 3);
}

static void wake(void *arg)
{
    struct store_lease *l = arg;
    if (time_mono_us() >= l->until_us && !tell(l, false))
        return;
    if (l->asking)
        sleep_ms(l, l->ttl_ms / 10);
    else
        ask(l);
}

static void ask(struct store_lease *l)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_str(&a, l->name);
    store_arg_str(&a, l->holder);
    store_arg_int(&a, l->ttl_ms);
    l->asking = true;
    l->sent_us = time_mono_us();
    store_call(l->op, "lease_take", &a, answered, l);
    sleep_ms(l, l->ttl_ms / 3);
}

struct store_lease *store_lease_new(struct store_op *op, const char *name, unsigned ttl_ms,
                                    void (*held)(void *arg, bool yes, uint64_t fence), void *arg)
{
    struct store_lease *l = mem_alloc(sizeof *l);
    l->op = op;
    l->name = mem_strdup(name);
    l->ttl_ms = ttl_ms < 100 ? 100 : ttl_ms;
    l->cb = held;
    l->arg = arg;
    l->timer = timer_new(store_loop(op->store), wake, l);
    /* Two leases of one process are two holders. */
    snprintf(l->holder, sizeof l->holder, "%s.%u", store_node(op->store), ++op->side->lease_count);
    list_push(&op->side->leases, &l->node);
    timer_start(l->timer, 1);
    return l;
}

static void gave(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)arg, (void)e, (void)r; /* it ends by itself */
}

void store_lease_free(struct store_lease **lp)
{
    struct store_lease *l = *lp;
    if (!l)
        return;
    *lp = NULL;
    if (!l->closed) {
        struct store_args a;
        store_args_init(&a);
        store_arg_str(&a, l->name);
        store_arg_str(&a, l->holder);
        store_call(l->op, "lease_give", &a, gave,
                   NULL); /* behind whatever was asked before, on one connection */
        list_del(&l->node);
    }
    l->freed = true;
    timer_stop(l->timer);
    if (!l->asking && !l->telling && !l->sleeping)
        release(l);
}

bool store_lease_held(const struct store_lease *l)
{
    return l->held && time_mono_us() < l->until_us;
}

uint64_t store_lease_fence(const struct store_lease *l)
{
    return l->fence;
}

static void revive(void *arg, bool closing)
{
    struct store_lease *l = arg;
    l->sleeping = false;
    if (l->freed) {
        if (!l->asking)
            release(l);
        return;
    }
    if (closing)
        return;
    if (!l->op->side) {
        l->sleeping = true;
        side_sleep(l->op->store, REVIVE_MS, revive, l);
        return;
    }
    l->closed = false;
    list_push(&l->op->side->leases, &l->node);
    timer_start(l->timer, 1);
}

/* The operation ends: its leases are lost, and stay until their owners free them, or until the operation was
 * made anew. */
void lease_close(struct side *s)
{
    while (!list_empty(&s->leases)) {
        struct store_lease *l = container_of(list_pop(&s->leases), struct store_lease, node);
        l->closed = true;
        timer_stop(l->timer);
        if (tell(l, false) && !l->op->store->closing) {
            l->sleeping = true;
            side_sleep(l->op->store, REVIVE_MS, revive, l);
        }
    }
}
