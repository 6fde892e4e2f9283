/* SPDX-License-Identifier: Apache-2.0
 * What the files keys*.c share. */
#ifndef PARLEY_STORE_KEYS_INTERNAL_H
#define PARLEY_STORE_KEYS_INTERNAL_H

#include "gateway/base/map.h"
#include "store/keys.h"

#define KEYS_BATCH    256 /* made at a time; a new batch is begun when half of the last is used */
#define KEYS_RETURNED 32

/* Keys that are on disk in the key store and belong to nobody yet. */
struct keys_batch {
    uint32_t first; /* 0: none */
    uint32_t used;
    unsigned char *slab[KEYS_BATCH * CRYPTO_KEY / 4096]; /* secret */
};

struct keys_cache;

struct keys {
    struct {
        unsigned char version; /* 0: none */
        unsigned char *key;    /* secret */
    } master[2];
    unsigned char current;
    unsigned char *own[KEYS_OWN]; /* secret */
    struct keys_cache *cache;
    struct keys_batch batch, next;
    bool filling;
    struct {
        uint32_t kid;
        unsigned char *key; /* secret */
    } returned[KEYS_RETURNED];
    size_t returned_n;
    struct timer *again; /* filling failed: once more, later */
    struct list waiting; /* of struct keys_waiter */
};

/* Reads the operation's master key(s) and own keys from the key store; make: creates what is not there. done:
 * ERR_NOT_FOUND (no keys and not make), ERR_FORBIDDEN (another master key), ERR_UNAVAILABLE, … */
void keys_open_op(struct store_op *op, bool make, store_done done, void *arg);
void keys_close_op(struct store_op *op);
/* The file of the master key; suffix "" or ".new". */
void keys_master_path(const struct store_op *op, const char *suffix, struct buf *out);
const unsigned char *keys_master(const struct keys *k, unsigned char version); /* NULL: not known here */
int keys_unwrap(const struct store_op *op, const char *own_name, uint32_t kid, struct slice wrapped,
                unsigned char key[CRYPTO_KEY]);
void keys_wrap(const struct store_op *op, const char *own_name, uint32_t kid, unsigned char version,
               const unsigned char key[CRYPTO_KEY], unsigned char out[CRYPTO_WRAPPED]);
void keys_fill(struct store_op *op); /* begins a batch when one is needed */
void keys_batch_close(struct keys *k);

/* The cache: kid → key and what is derived of it. */
struct keys_cache *keys_cache_new(size_t most);
void keys_cache_free(struct keys_cache **c);
enum keys_state keys_cache_state(struct keys_cache *c, uint32_t kid);
void keys_cache_put(struct keys_cache *c, uint32_t kid, const unsigned char key[CRYPTO_KEY]);
void keys_cache_gone(struct keys_cache *c, uint32_t kid);
void keys_cache_drop(struct keys_cache *c, uint32_t kid); /* 0: all */
/* NULL unless KEYS_HERE. */
const unsigned char *keys_cache_key(struct keys_cache *c, uint32_t kid);
const unsigned char *keys_cache_derived(struct keys_cache *c, uint32_t kid, int clearance,
                                        unsigned char *const *class_keys);

#endif
