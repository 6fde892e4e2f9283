/* SPDX-License-Identifier: Apache-2.0
 * Sealing and opening under an operation's own keys and under contacts' keys; loading, wrapping and
 * destroying keys. */
#include "store/keys_internal.h"
#include "store/internal.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

const char *const keys_own_names[] = {"index", "configuration", "staff", "class0", "class1", "class2"};

/* "<operation> 0 <rest>": what a key or a record belongs to. */
static struct slice aad_of(const struct store_op *op, char *out, size_t cap, struct slice a, struct slice b)
{
    size_t n = strlen(op->name);
    err_assert(n + a.n + b.n + 2 <= cap);
    memcpy(out, op->name, n + 1);
    n++;
    memcpy(out + n, a.p, a.n);
    n += a.n;
    out[n++] = '\0';
    if (b.n)
        memcpy(out + n, b.p, b.n);
    return slice_of(out, n + b.n);
}

/* ---- wrapped keys ---- */

static struct slice wrap_aad(const struct store_op *op, const char *own_name, uint32_t kid, char *out,
                             size_t cap)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", kid);
    return aad_of(op, out, cap, own_name ? SLICE("own") : SLICE("contact"),
                  slice_str(own_name ? own_name : number));
}

const unsigned char *keys_master(const struct keys *k, unsigned char version)
{
    for (size_t i = 0; i < 2; i++)
        if (version && k->master[i].version == version)
            return k->master[i].key;
    return NULL;
}

int keys_unwrap(const struct store_op *op, const char *own_name, uint32_t kid, struct slice wrapped,
                unsigned char key[CRYPTO_KEY])
{
    char aad[256];
    const unsigned char *master = wrapped.n ? keys_master(op->keys, (unsigned char)wrapped.p[0]) : NULL;
    if (!master)
        return -ERR_CORRUPT;
    return crypto_unwrap(master, wrap_aad(op, own_name, kid, aad, sizeof(aad)), wrapped, key);
}

void keys_wrap(const struct store_op *op, const char *own_name, uint32_t kid, unsigned char version,
               const unsigned char key[CRYPTO_KEY], unsigned char out[CRYPTO_WRAPPED])
{
    char aad[256];
    const unsigned char *master = keys_master(op->keys, version);
    err_assert(master);
    crypto_wrap(master, version, wrap_aad(op, own_name, kid, aad, sizeof(aad)), key, out);
}

int keys_rewrap(struct store_op *op, const char *own_name, uint32_t kid, struct slice wrapped,
                unsigned char version, unsigned char out[CRYPTO_WRAPPED])
{
    unsigned char key[CRYPTO_KEY];
    int rc = keys_unwrap(op, own_name, kid, wrapped, key);
    if (rc == 0)
        keys_wrap(op, own_name, kid, version, key, out);
    mem_wipe(key, sizeof(key));
    return rc;
}

void keys_place(const struct store_op *op, uint32_t kid, struct buf *key, char field[8])
{
    char bucket[16];
    snprintf(bucket, sizeof(bucket), "%u", kid / KEYS_BUCKET);
    store_key(op, key, "k:", slice_str(bucket));
    snprintf(field, 8, "%u", kid % KEYS_BUCKET);
}

/* ---- an operation's own keys ---- */

void keys_seal_own(struct store_op *op, enum keys_own k, const char *label, struct slice name,
                   struct slice plain, struct buf *out)
{
    char aad[1024];
    crypto_seal(op->keys->own[k], KEYS_OWN_ID + (uint32_t)k,
                aad_of(op, aad, sizeof(aad), slice_str(label), name), plain, out);
}

int keys_open_own(struct store_op *op, enum keys_own k, const char *label, struct slice name,
                  struct slice envelope, struct buf *out)
{
    char aad[1024];
    uint32_t kid;
    if (!crypto_key_id(envelope, &kid) || kid != KEYS_OWN_ID + (uint32_t)k || name.n > 512)
        return -ERR_CORRUPT;
    return crypto_open(op->keys->own[k], aad_of(op, aad, sizeof(aad), slice_str(label), name), envelope, out);
}

/* ---- contacts' keys ---- */

static const unsigned char *derived(struct store_op *op, uint32_t kid, int clearance)
{
    return keys_cache_derived(op->keys->cache, kid, clearance, op->keys->own + KEYS_CLASS0);
}

enum keys_state keys_state(struct store_op *op, uint32_t kid)
{
    return keys_cache_state(op->keys->cache, kid);
}

void keys_seal(struct store_op *op, uint32_t kid, int clearance, struct slice aad, struct slice plain,
               struct buf *out)
{
    const unsigned char *key = derived(op, kid, clearance);
    err_assert(key);
    crypto_seal(key, kid, aad, plain, out);
}

int keys_open(struct store_op *op, int clearance, struct slice aad, struct slice envelope, struct buf *out)
{
    uint32_t kid;
    if (!crypto_key_id(envelope, &kid) || kid >= KEYS_OWN_ID || clearance < 0 || clearance >= KEYS_CLEARANCES)
        return -ERR_CORRUPT;
    const unsigned char *key = derived(op, kid, clearance);
    if (!key)
        return keys_state(op, kid) == KEYS_GONE ? -ERR_ERASED : -ERR_AGAIN;
    return crypto_open(key, aad, envelope, out);
}

void keys_forget(struct store_op *op, uint32_t kid)
{
    keys_cache_drop(op->keys->cache, kid);
}

/* ---- loading ---- */

struct load {
    struct store_op *op;
    store_done done;
    void *arg;
    size_t pending;
    struct err e;
};

struct load_one {
    struct load *all;
    uint32_t kid;
};

static void load_release(struct load *l)
{
    if (--l->pending)
        return;
    l->done(l->arg, &l->e);
    mem_free(l);
}

static void loaded(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct load_one *one = arg;
    struct load *l = one->all;
    uint32_t kid = one->kid;
    unsigned char key[CRYPTO_KEY];
    mem_free(one);
    if (e->code) {
        l->e = *e;
    } else if (r->kind == REDIS_NIL) {
        keys_cache_gone(l->op->keys->cache, kid);
    } else if (keys_unwrap(l->op, NULL, kid, store_text(r), key) == 0) {
        keys_cache_put(l->op->keys->cache, kid, key);
        mem_wipe(key, sizeof(key));
    } else {
        err_set(&l->e, ERR_CORRUPT, "a wrapped key does not open");
        log_event(LOG_ERROR, "keys.corrupt", log_str("operation", l->op->name), log_int("key", kid));
    }
    load_release(l);
}

void keys_load(struct store_op *op, const uint32_t *kids, size_t n, store_done done, void *arg)
{
    struct load *l = mem_alloc(sizeof(*l));
    struct buf key;
    char field[8];
    *l = (struct load){.op = op, .done = done, .arg = arg, .pending = 1};
    buf_init(&key, 256);
    for (size_t i = 0; i < n; i++) {
        if (kids[i] == 0 || (i && kids[i] == kids[i - 1]) || keys_state(op, kids[i]) != KEYS_NOT_LOADED)
            continue;
        struct load_one *one = mem_alloc(sizeof(*one));
        *one = (struct load_one){l, kids[i]};
        l->pending++;
        keys_place(op, kids[i], &key, field);
        store_keys_send(op, loaded, one, 3,
                        (const struct slice[]){SLICE("HGET"), buf_view(&key), slice_str(field)});
    }
    buf_clear(&key);
    load_release(l);
}

/* ---- destroying ---- */

struct destroy {
    struct store_op *op;
    uint32_t kid;
    store_done done;
    void *arg;
};

static void destroyed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct destroy *d = arg;
    (void)r;
    keys_cache_drop(d->op->keys->cache, d->kid);
    d->done(d->arg, e);
    mem_free(d);
}

void keys_destroy(struct store_op *op, uint32_t kid, store_done done, void *arg)
{
    struct destroy *d = mem_alloc(sizeof(*d));
    struct buf key;
    char field[8];
    *d = (struct destroy){op, kid, done, arg};
    buf_init(&key, 256);
    keys_place(op, kid, &key, field);
    store_keys_send(op, destroyed, d, 3,
                    (const struct slice[]){SLICE("HDEL"), buf_view(&key), slice_str(field)});
    buf_clear(&key);
}
