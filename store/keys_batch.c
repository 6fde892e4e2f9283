/* SPDX-License-Identifier: Apache-2.0
 * Keys made ahead: a batch gets its numbers from a counter, is wrapped and written to the key store in one
 * go, and is used only when that is on disk. So a new person costs no write to the key store. */
#include "store/keys_internal.h"
#include "store/internal.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define PER_SLAB (4096 / CRYPTO_KEY)
#define AGAIN_MS 500

static unsigned char *batch_key(struct keys_batch *b, uint32_t i)
{
    return b->slab[i / PER_SLAB] + i % PER_SLAB * CRYPTO_KEY;
}

static void batch_clear(struct keys_batch *b)
{
    for (size_t i = 0; i < sizeof(b->slab) / sizeof(b->slab[0]); i++)
        mem_secret_free(b->slab[i], 4096);
    *b = (struct keys_batch){0};
}

struct fill {
    struct store_op *op;
    unsigned pending;
    struct err e;
    struct keys_batch batch;
};

struct keys_waiter {
    struct list node;
    store_done done;
    void *arg;
};

void keys_when(struct store_op *op, store_done done, void *arg)
{
    struct keys_waiter *w = mem_alloc(sizeof(*w));
    w->done = done;
    w->arg = arg;
    list_push(&op->keys->waiting, &w->node);
    keys_fill(op);
}

/* Only those who wait now: who is told may wait again. */
static void tell_waiting(struct keys *k, const struct err *e)
{
    struct list now, *n;
    list_init(&now);
    while ((n = list_pop(&k->waiting)))
        list_push(&now, n);
    while ((n = list_pop(&now))) {
        struct keys_waiter *w = container_of(n, struct keys_waiter, node);
        w->done(w->arg, e);
        mem_free(w);
    }
}

static void fill_failed(struct store_op *op, const struct err *e)
{
    log_event(LOG_WARN, "keys.fill_failed", log_str("operation", op->name), log_err(e));
    op->keys->filling = false;
    timer_start(op->keys->again, AGAIN_MS);
    tell_waiting(op->keys, e);
}

static void fill_release(struct fill *f)
{
    struct keys *k = f->op->keys;
    if (--f->pending)
        return;
    if (!k) {
        batch_clear(&f->batch);
    } else if (f->e.code) {
        batch_clear(&f->batch);
        fill_failed(f->op, &f->e);
    } else {
        *(k->batch.first ? &k->next : &k->batch) = f->batch;
        k->filling = false;
        keys_fill(f->op);
        tell_waiting(k, &f->e);
    }
    mem_free(f);
}

static void fill_written(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct fill *f = arg;
    (void)r;
    if (e->code)
        f->e = *e;
    fill_release(f);
}

/* One bucket of the batch. */
static void fill_write(struct fill *f, uint32_t from)
{
    enum { ARGS = 2 + 2 * KEYS_BUCKET };
    static unsigned char wrapped[KEYS_BUCKET][CRYPTO_WRAPPED];
    static char fields[KEYS_BUCKET][8];
    struct slice argv[ARGS];
    struct buf key;
    buf_init(&key, 256);
    keys_place(f->op, f->batch.first + from, &key, fields[0]);
    argv[0] = SLICE("HSET");
    argv[1] = buf_view(&key);
    for (uint32_t i = 0; i < KEYS_BUCKET; i++) {
        uint32_t kid = f->batch.first + from + i;
        unsigned char *secret = batch_key(&f->batch, from + i);
        crypto_random(secret, CRYPTO_KEY);
        keys_wrap(f->op, NULL, kid, f->op->keys->current, secret, wrapped[i]);
        snprintf(fields[i], sizeof(fields[i]), "%u", kid % KEYS_BUCKET);
        argv[2 + 2 * i] = slice_str(fields[i]);
        argv[3 + 2 * i] = slice_of(wrapped[i], CRYPTO_WRAPPED);
    }
    f->pending++;
    store_keys_send(f->op, fill_written, f, ARGS, argv);
    buf_clear(&key);
}

static void fill_numbered(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct fill *f = arg;
    int64_t first = r ? store_number(r) : 0;
    f->e = *e;
    if (!e->code && (first < KEYS_BATCH || first >= (int64_t)KEYS_OWN_ID - KEYS_BATCH))
        err_set(&f->e, ERR_FULL, "the numbers of keys are used up");
    if (!f->e.code && f->op->keys) {
        f->batch.first = (uint32_t)first;
        for (size_t i = 0; i < sizeof(f->batch.slab) / sizeof(f->batch.slab[0]); i++)
            f->batch.slab[i] = mem_secret_alloc(4096);
        for (uint32_t at = 0; at < KEYS_BATCH; at += KEYS_BUCKET)
            fill_write(f, at);
    }
    fill_release(f);
}

void keys_fill(struct store_op *op)
{
    struct keys *k = op->keys;
    bool half = !k->batch.first || k->batch.used >= KEYS_BATCH / 2;
    if (k->filling || !half || k->next.first)
        return;
    struct fill *f = mem_alloc(sizeof(*f));
    struct buf key;
    f->op = op;
    f->pending = 1;
    k->filling = true;
    buf_init(&key, 256);
    store_keys_send(
        op, fill_numbered, f, 3,
        (const struct slice[]){SLICE("INCRBY"), store_key(op, &key, "kn", SLICE("")), SLICE("256")});
    buf_clear(&key);
}

static void take_next(struct keys *k)
{
    if (!k->batch.first || k->batch.used < KEYS_BATCH)
        return;
    batch_clear(&k->batch);
    k->batch = k->next;
    k->next = (struct keys_batch){0};
}

bool keys_take(struct store_op *op, uint32_t *kid)
{
    struct keys *k = op->keys;
    if (k->returned_n) {
        k->returned_n--;
        *kid = k->returned[k->returned_n].kid;
        keys_cache_put(k->cache, *kid, k->returned[k->returned_n].key);
        mem_secret_free(k->returned[k->returned_n].key, CRYPTO_KEY);
        return true;
    }
    take_next(k);
    if (!k->batch.first) {
        keys_fill(op);
        return false;
    }
    unsigned char *key = batch_key(&k->batch, k->batch.used);
    *kid = k->batch.first + k->batch.used++;
    keys_cache_put(k->cache, *kid, key);
    mem_wipe(key, CRYPTO_KEY);
    keys_fill(op);
    return true;
}

void keys_give_back(struct store_op *op, uint32_t kid)
{
    struct keys *k = op->keys;
    const unsigned char *key = keys_cache_key(k->cache, kid);
    if (!key || k->returned_n == KEYS_RETURNED)
        return; /* it stays unused */
    k->returned[k->returned_n].kid = kid;
    k->returned[k->returned_n].key = mem_secret_alloc(CRYPTO_KEY);
    memcpy(k->returned[k->returned_n].key, key, CRYPTO_KEY);
    k->returned_n++;
    keys_cache_drop(k->cache, kid);
}

void keys_batch_close(struct keys *k)
{
    struct err e;
    err_set(&e, ERR_CANCELLED, "the operation is closed");
    tell_waiting(k, &e);
    batch_clear(&k->batch);
    batch_clear(&k->next);
    while (k->returned_n)
        mem_secret_free(k->returned[--k->returned_n].key, CRYPTO_KEY);
}
