/* SPDX-License-Identifier: Apache-2.0
 * Unwrapped keys of contacts in locked memory, the least recently used ones making room. 128 bytes each: the
 * key, and what was derived from it for each clearance so far. */
#include "store/keys_internal.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <string.h>

#define SLOT     ((size_t)CRYPTO_KEY * (1 + KEYS_CLEARANCES))
#define PER_SLAB (4096 / SLOT)
#define NONE     0xffffffffu

struct slot {
    uint32_t kid; /* 0: free */
    uint32_t newer, older;
    uint32_t chain;        /* next with the same hash, or next free one */
    unsigned char derived; /* bit per clearance */
    bool gone;
};

struct keys_cache {
    struct slot *slots;
    unsigned char **slabs; /* secret */
    uint32_t *heads;
    size_t n, most, mask; /* slots made so far, at most so many; heads - 1 */
    uint32_t newest, oldest, free;
};

struct keys_cache *keys_cache_new(size_t most)
{
    struct keys_cache *c = mem_alloc(sizeof(*c));
    size_t heads = 64;
    while (heads < most)
        heads *= 2;
    c->most = most;
    c->mask = heads - 1;
    c->heads = mem_array(heads, sizeof(*c->heads));
    memset(c->heads, 0xff, heads * sizeof(*c->heads));
    c->slabs = mem_array(most / PER_SLAB + 1, sizeof(*c->slabs));
    c->newest = c->oldest = c->free = NONE;
    return c;
}

void keys_cache_free(struct keys_cache **cp)
{
    struct keys_cache *c = *cp;
    if (!c)
        return;
    for (size_t i = 0; i * PER_SLAB < c->n; i++)
        mem_secret_free(c->slabs[i], 4096);
    mem_free(c->slabs);
    mem_free(c->heads);
    mem_free(c->slots);
    mem_clear(cp);
}

static unsigned char *slot_key(struct keys_cache *c, uint32_t i)
{
    return c->slabs[i / PER_SLAB] + i % PER_SLAB * SLOT;
}

static uint32_t *head_of(struct keys_cache *c, uint32_t kid)
{
    return &c->heads[(kid * 2654435761u >> 7) & c->mask];
}

static uint32_t find(struct keys_cache *c, uint32_t kid)
{
    uint32_t i = *head_of(c, kid);
    while (i != NONE && c->slots[i].kid != kid)
        i = c->slots[i].chain;
    return i;
}

static void unlink_slot(struct keys_cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];
    *(s->newer == NONE ? &c->newest : &c->slots[s->newer].older) = s->older;
    *(s->older == NONE ? &c->oldest : &c->slots[s->older].newer) = s->newer;
}

static void make_newest(struct keys_cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];
    s->newer = NONE;
    s->older = c->newest;
    *(c->newest == NONE ? &c->oldest : &c->slots[c->newest].newer) = i;
    c->newest = i;
}

static void drop_slot(struct keys_cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];
    uint32_t *at = head_of(c, s->kid);
    while (*at != i)
        at = &c->slots[*at].chain;
    *at = s->chain;
    unlink_slot(c, i);
    mem_wipe(slot_key(c, i), SLOT);
    *s = (struct slot){.chain = c->free};
    c->free = i;
}

static uint32_t new_slot(struct keys_cache *c)
{
    if (c->free == NONE && c->n == c->most)
        drop_slot(c, c->oldest);
    uint32_t i = c->free;
    if (i != NONE) {
        c->free = c->slots[i].chain;
        return i;
    }
    i = (uint32_t)c->n++;
    if (i % PER_SLAB == 0) {
        c->slabs[i / PER_SLAB] = mem_secret_alloc(4096);
        c->slots = mem_realloc(c->slots, (i + PER_SLAB) * sizeof(*c->slots));
    }
    return i;
}

static struct slot *put(struct keys_cache *c, uint32_t kid, uint32_t *at)
{
    uint32_t i = find(c, kid);
    if (i == NONE) {
        i = new_slot(c);
        uint32_t *head = head_of(c, kid);
        c->slots[i] = (struct slot){.kid = kid, .chain = *head};
        *head = i;
    } else {
        unlink_slot(c, i);
    }
    make_newest(c, i);
    *at = i;
    return &c->slots[i];
}

void keys_cache_put(struct keys_cache *c, uint32_t kid, const unsigned char key[CRYPTO_KEY])
{
    uint32_t i;
    struct slot *s = put(c, kid, &i);
    s->gone = false;
    s->derived = 0;
    memcpy(slot_key(c, i), key, CRYPTO_KEY);
}

void keys_cache_gone(struct keys_cache *c, uint32_t kid)
{
    uint32_t i;
    struct slot *s = put(c, kid, &i);
    s->gone = true;
    s->derived = 0;
    mem_wipe(slot_key(c, i), SLOT);
}

void keys_cache_drop(struct keys_cache *c, uint32_t kid)
{
    if (kid == 0) {
        while (c->newest != NONE)
            drop_slot(c, c->newest);
        return;
    }
    uint32_t i = find(c, kid);
    if (i != NONE)
        drop_slot(c, i);
}

enum keys_state keys_cache_state(struct keys_cache *c, uint32_t kid)
{
    uint32_t i = find(c, kid);
    if (i == NONE)
        return KEYS_NOT_LOADED;
    return c->slots[i].gone ? KEYS_GONE : KEYS_HERE;
}

static uint32_t use(struct keys_cache *c, uint32_t kid)
{
    uint32_t i = find(c, kid);
    if (i == NONE || c->slots[i].gone)
        return NONE;
    if (i != c->newest) {
        unlink_slot(c, i);
        make_newest(c, i);
    }
    return i;
}

const unsigned char *keys_cache_key(struct keys_cache *c, uint32_t kid)
{
    uint32_t i = use(c, kid);
    return i == NONE ? NULL : slot_key(c, i);
}

const unsigned char *keys_cache_derived(struct keys_cache *c, uint32_t kid, int clearance,
                                        unsigned char *const *class_keys)
{
    uint32_t i = use(c, kid);
    if (i == NONE)
        return NULL;
    err_assert(clearance >= 0 && clearance < KEYS_CLEARANCES);
    unsigned char *key = slot_key(c, i), *derived = key + (size_t)CRYPTO_KEY * (1 + (size_t)clearance);
    if (!(c->slots[i].derived & 1 << clearance)) {
        crypto_hkdf(slice_of(key, CRYPTO_KEY), slice_of(class_keys[clearance], CRYPTO_KEY),
                    SLICE("parley record"), derived);
        c->slots[i].derived = (unsigned char)(c->slots[i].derived | 1 << clearance);
    }
    return derived;
}
