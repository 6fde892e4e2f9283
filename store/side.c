/* SPDX-License-Identifier: Apache-2.0
 * The beginning and the end of an operation's side. */
#include "store/side.h"
#include "store/state.h"
#include "gateway/base/mem.h"
#include "store/audit.h"

struct refusal {
    struct err e;
    store_reply cb;
    void *arg;
};

static void refuse(void *arg)
{
    struct refusal *r = arg;
    r->cb(r->arg, &r->e, NULL);
    mem_free(r);
}

void side_refuse_at(struct store *s, int code, const char *text, store_reply cb, void *arg)
{
    struct refusal *r = mem_alloc(sizeof *r);
    err_set(&r->e, (enum err_code)code, "%s", text);
    r->cb = cb;
    r->arg = arg;
    loop_defer(store_loop(s), refuse, r);
}

void side_refuse(struct store_op *op, int code, const char *text, store_reply cb, void *arg)
{
    side_refuse_at(op->store, code, text, cb, arg);
}

struct sleeper {
    struct list node;
    struct timer *timer;
    void (*fn)(void *arg, bool closing);
    void *arg;
};

static void wake(struct sleeper *w, bool closing)
{
    list_del(&w->node);
    timer_free(&w->timer);
    w->fn(w->arg, closing);
    mem_free(w);
}

static void woken(void *arg)
{
    wake(arg, false);
}

void side_sleep(struct store *s, unsigned ms, void (*fn)(void *arg, bool closing), void *arg)
{
    struct sleeper *w = mem_alloc(sizeof *w);
    w->fn = fn;
    w->arg = arg;
    w->timer = timer_new(store_loop(s), woken, w);
    list_push(&s->sleepers, &w->node);
    timer_start(w->timer, ms);
}

void side_wake_all(struct store *s)
{
    while (!list_empty(&s->sleepers))
        wake(container_of(s->sleepers.next, struct sleeper, node), true);
}

void side_open(struct store_op *op)
{
    op->side = mem_alloc(sizeof *op->side);
    list_init(&op->side->leases);
    audit_open(op);
    if (op->system) {
        user_open(op);
        blob_open(op);
        store_audit_sealer_start(op); /* of the operations, the daemon starts them */
    }
    house_open(op);
    rotate_open(op);
    facts_open(op);
}

void side_close(struct store_op *op)
{
    struct side *s = op->side;
    if (!s)
        return;
    house_close(s);
    rotate_close(s);
    facts_close(s);
    timer_close(s);
    audit_close(s);
    user_close(s);
    blob_close(s);
    rewrite_close(s);
    lease_close(s);
    mem_clear(&op->side);
}
