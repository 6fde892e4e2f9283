/* SPDX-License-Identifier: Apache-2.0
 * Small values, and idempotency keys. Both are sealed under the operation's configuration key. */
#include "gateway/base/mem.h"
#include "store/side.h"

#define VALUE_MAX (1u << 20)

struct value {
    struct store_op *op;
    char *name;
    store_text_done text_done;
    store_done done;
    void *arg;
};

static struct value *value_new(struct store_op *op, const char *name, void *arg)
{
    struct value *v = mem_alloc(sizeof *v);
    v->op = op;
    v->name = mem_strdup(name);
    v->arg = arg;
    return v;
}

static void value_free(struct value *v)
{
    mem_free(v->name);
    mem_free(v);
}

static void got(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct value *v = arg;
    struct slice sealed = e->code ? (struct slice){0} : store_text(r);
    struct err own = *e;
    struct buf plain;
    buf_init(&plain, VALUE_MAX + 64);
    if (sealed.n && keys_open_own(v->op, KEYS_CONFIG, "value", slice_str(v->name), sealed, &plain) != 0)
        err_set(&own, ERR_CORRUPT, "a kept value does not decrypt");
    v->text_done(v->arg, &own, buf_view(&plain));
    buf_clear(&plain);
    value_free(v);
}

void store_value_get(struct store_op *op, const char *name, store_text_done done, void *arg)
{
    struct value *v = value_new(op, name, arg);
    struct buf key;
    buf_init(&key, 256);
    v->text_done = done;
    struct slice argv[] = {SLICE("HGET"), store_key(op, &key, "values", (struct slice){0}), slice_str(name)};
    store_data_send(op, got, v, 3, argv);
    buf_clear(&key);
}

static void set(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct value *v = arg;
    (void)r;
    if (v->done)
        v->done(v->arg, e);
    value_free(v);
}

void store_value_set(struct store_op *op, const char *name, struct slice value, store_done done, void *arg)
{
    struct value *v = value_new(op, name, arg);
    struct buf key, sealed;
    v->done = done;
    if (value.n > VALUE_MAX) {
        side_refuse(op, ERR_TOO_LARGE, "a kept value is too large", set, v);
        return;
    }
    buf_init(&key, 256);
    buf_init(&sealed, VALUE_MAX + 256);
    keys_seal_own(op, KEYS_CONFIG, "value", slice_str(name), value, &sealed);
    struct slice argv[] = {SLICE("HSET"), store_key(op, &key, "values", (struct slice){0}), slice_str(name),
                           buf_view(&sealed)};
    store_data_send(op, set, v, 4, argv);
    buf_clear(&key);
    buf_clear(&sealed);
}

/* ---- idempotency ---- */

struct idem {
    struct store_op *op;
    unsigned char id[16];
    void (*begun)(void *arg, const struct err *e, int state, struct slice answer);
    store_done done;
    void *arg;
};

static struct idem *idem_new(struct store_op *op, struct slice scope, struct slice key, void *arg)
{
    struct idem *i = mem_alloc(sizeof *i);
    struct buf both;
    i->op = op;
    i->arg = arg;
    buf_init(&both, scope.n + key.n + 64);
    buf_printf(&both, "%zu:", scope.n);
    buf_slice(&both, scope);
    buf_slice(&both, key);
    store_blind(op, "idem", buf_view(&both), i->id);
    buf_clear(&both);
    return i;
}

static void begun(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct idem *i = arg;
    struct err own = *e;
    struct buf plain;
    int state = 0;
    buf_init(&plain, VALUE_MAX + 64);
    if (e->code == 0 && r->n == 2) {
        state = (int)store_number(r->items[0]);
        if (state == 1 && keys_open_own(i->op, KEYS_CONFIG, "idem", slice_of(i->id, sizeof i->id),
                                        store_item(r, 1), &plain) != 0)
            err_set(&own, ERR_CORRUPT, "a kept answer does not decrypt");
    }
    i->begun(i->arg, &own, state, buf_view(&plain));
    buf_clear(&plain);
    mem_free(i);
}

void store_idem_begin(struct store_op *op, struct slice scope, struct slice key,
                      const unsigned char body_sha256[32],
                      void (*done)(void *arg, const struct err *e, int state, struct slice answer), void *arg)
{
    struct idem *i = idem_new(op, scope, key, arg);
    struct store_args a;
    i->begun = done;
    /* Keyed, since a hash of a short body would tell it. */
    unsigned char body[16];
    store_blind(op, "idem body", slice_of(body_sha256, 32), body);
    store_args_init(&a);
    store_arg_copy(&a, i->id, sizeof i->id);
    store_arg_copy(&a, body, sizeof body);
    store_call(op, "idem_begin", &a, begun, i);
}

static void finished(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct idem *i = arg;
    (void)r;
    if (i->done)
        i->done(i->arg, e);
    mem_free(i);
}

void store_idem_finish(struct store_op *op, struct slice scope, struct slice key, struct slice answer,
                       store_done done, void *arg)
{
    struct idem *i = idem_new(op, scope, key, arg);
    struct store_args a;
    struct buf sealed;
    i->done = done;
    if (answer.n > VALUE_MAX) {
        side_refuse(op, ERR_TOO_LARGE, "an answer is too large to be kept", finished, i);
        return;
    }
    buf_init(&sealed, VALUE_MAX + 256);
    keys_seal_own(op, KEYS_CONFIG, "idem", slice_of(i->id, sizeof i->id), answer, &sealed);
    store_args_init(&a);
    store_arg_copy(&a, i->id, sizeof i->id);
    store_arg(&a, buf_view(&sealed));
    store_call(op, "idem_finish", &a, finished, i);
    buf_clear(&sealed);
}

void store_idem_drop(struct store_op *op, struct slice scope, struct slice key, store_done done, void *arg)
{
    struct idem *i = idem_new(op, scope, key, arg);
    struct store_args a;
    i->done = done;
    store_args_init(&a);
    store_arg_copy(&a, i->id, sizeof i->id);
    store_call(op, "idem_drop", &a, finished, i);
}
