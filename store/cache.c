/* SPDX-License-Identifier: Apache-2.0
 * Slots in an array, found by chains over the blind and over the contact, in the order of their last use. */
#include "store/cache.h"
#include "gateway/base/mem.h"
#include <string.h>

#define MOST 32768u
#define NONE 0xffffffffu

struct slot {
    struct cache_person person;
    uint32_t by_blind, by_contact; /* chains; by_blind also of free ones */
    uint32_t newer, older;
};

struct cache {
    struct slot *slots;
    uint32_t n, cap, newest, oldest, free;
    uint32_t blind_heads[MOST], contact_heads[MOST];
    struct map names;
};

struct cache *cache_new(struct store_op *op)
{
    struct cache *c = mem_alloc(sizeof(*c));
    (void)op;
    c->newest = c->oldest = c->free = NONE;
    memset(c->blind_heads, 0xff, sizeof(c->blind_heads));
    memset(c->contact_heads, 0xff, sizeof(c->contact_heads));
    map_init(&c->names);
    return c;
}

void cache_free(struct cache **cp)
{
    struct cache *c = *cp;
    if (!c)
        return;
    mem_free(c->slots);
    map_clear(&c->names, mem_free);
    mem_clear(cp);
}

static uint32_t *blind_head(struct cache *c, const unsigned char blind[16])
{
    uint32_t h;
    memcpy(&h, blind + 4, sizeof(h)); /* a keyed hash already */
    return &c->blind_heads[h % MOST];
}

static uint32_t *contact_head(struct cache *c, uint64_t contact)
{
    return &c->contact_heads[(contact ^ contact >> 32) % MOST];
}

static void use(struct cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];
    s->newer = NONE;
    s->older = c->newest;
    *(c->newest == NONE ? &c->oldest : &c->slots[c->newest].newer) = i;
    c->newest = i;
}

static void unuse(struct cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];
    *(s->newer == NONE ? &c->newest : &c->slots[s->newer].older) = s->older;
    *(s->older == NONE ? &c->oldest : &c->slots[s->older].newer) = s->newer;
}

static void drop(struct cache *c, uint32_t i)
{
    struct slot *s = &c->slots[i];
    uint32_t *at = blind_head(c, s->person.blind);
    while (*at != i)
        at = &c->slots[*at].by_blind;
    *at = s->by_blind;
    at = contact_head(c, s->person.contact);
    while (*at != i)
        at = &c->slots[*at].by_contact;
    *at = s->by_contact;
    unuse(c, i);
    mem_wipe(&s->person, sizeof(s->person));
    s->by_blind = c->free;
    c->free = i;
}

void cache_clear(struct cache *c)
{
    while (c->newest != NONE)
        drop(c, c->newest);
}

static uint32_t find(struct cache *c, const unsigned char blind[16])
{
    uint32_t i = *blind_head(c, blind);
    while (i != NONE && memcmp(c->slots[i].person.blind, blind, 16) != 0)
        i = c->slots[i].by_blind;
    return i;
}

struct cache_person *cache_get(struct cache *c, const unsigned char blind[16])
{
    uint32_t i = find(c, blind);
    if (i == NONE)
        return NULL;
    if (i != c->newest) {
        unuse(c, i);
        use(c, i);
    }
    return &c->slots[i].person;
}

static uint32_t take(struct cache *c)
{
    if (c->free == NONE && c->n == MOST)
        drop(c, c->oldest);
    uint32_t i = c->free;
    if (i != NONE) {
        c->free = c->slots[i].by_blind;
        return i;
    }
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->slots = mem_realloc(c->slots, c->cap * sizeof(*c->slots));
    }
    return c->n++;
}

void cache_put(struct cache *c, const struct cache_person *p)
{
    uint32_t i = find(c, p->blind);
    if (i != NONE && c->slots[i].person.contact == p->contact) {
        c->slots[i].person = *p;
        return;
    }
    if (i != NONE)
        drop(c, i);
    i = take(c);
    struct slot *s = &c->slots[i];
    s->person = *p;
    uint32_t *head = blind_head(c, p->blind);
    s->by_blind = *head;
    *head = i;
    head = contact_head(c, p->contact);
    s->by_contact = *head;
    *head = i;
    use(c, i);
}

void cache_drop_contact(struct cache *c, uint64_t contact)
{
    uint32_t i = *contact_head(c, contact);
    while (i != NONE) {
        uint32_t next = c->slots[i].by_contact;
        if (c->slots[i].person.contact == contact)
            drop(c, i);
        i = next;
    }
}

const char *cache_intern(struct cache *c, struct slice s)
{
    if (s.n == 0)
        return "";
    char *there = map_get(&c->names, s);
    if (!there) {
        there = mem_dup(s.p, s.n);
        map_put(&c->names, s, there);
    }
    return there;
}
