/* SPDX-License-Identifier: Apache-2.0
 * What this node believes of the people who wrote lately, by the blind of their address, so that their next
 * message needs one round trip. It may be stale: functions check it. The least recently used ones make room.
 */
#ifndef PARLEY_STORE_CACHE_H
#define PARLEY_STORE_CACHE_H

#include "store/internal.h"

#define CACHE_SUMS 80

struct cache_person {
    unsigned char blind[16], also[16]; /* also: one that is theirs as well; zeros */
    uint64_t contact;                  /* 0: nobody yet */
    uint32_t kid;
    uint64_t thread[KEYS_CLEARANCES];   /* which takes what comes; 0: a new one */
    const char *topic[KEYS_CLEARANCES]; /* interned */
    uint32_t version[KEYS_CLEARANCES]; /* of that thread, when this node's messages on their way are stored */
    uint64_t same[KEYS_CLEARANCES]; /* what its last message said of language, topic, …: see ingest_args */
    bool several;                   /* threads of several clearances: looked up each time */
    unsigned char last;             /* then the one in which was spoken last; KEYS_CLEARANCES: none */
    struct store_language language;
    const char *area; /* interned */
    char name[4];     /* keyed hash of the provider's name, or "-" when an agent gave one */
    unsigned char name_n, sums_n;
    char sums[CACHE_SUMS];
};

struct cache *cache_new(struct store_op *op);
void cache_free(struct cache **c);
void cache_clear(struct cache *c);
/* NULL when it isn't there; valid until the next put. */
struct cache_person *cache_get(struct cache *c, const unsigned char blind[16]);
void cache_put(struct cache *c, const struct cache_person *p);
void cache_drop_contact(struct cache *c, uint64_t contact);
/* The same text gives the same pointer, for as long as the operation lives. For names that operators give. */
const char *cache_intern(struct cache *c, struct slice s);

#endif
