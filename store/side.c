/* SPDX-License-Identifier: Apache-2.0
 * The beginning and the end of an operation's side. */
#include "store/side.h"
#include "gateway/base/mem.h"

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

void side_open(struct store_op *op)
{
    op->side = mem_alloc(sizeof *op->side);
    list_init(&op->side->leases);
    audit_open(op);
    if (op->system) {
        user_open(op);
        blob_open(op);
    }
    house_open(op);
    rotate_open(op);
}

void side_close(struct store_op *op)
{
    struct side *s = op->side;
    if (!s)
        return;
    house_close(s);
    retention_close(s);
    rotate_close(s);
    timer_close(s);
    audit_close(s);
    user_close(s);
    blob_close(s);
    rewrite_close(s);
    lease_close(s);
    mem_clear(&op->side);
}
