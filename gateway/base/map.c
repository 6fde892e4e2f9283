/* SPDX-License-Identifier: Apache-2.0
 * The hash map (open addressing, linear probing, tombstones) and the intrusive list. */
#include "gateway/base/map.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include "gateway/base/siphash.h"
#include "gateway/base/text.h"
#include <string.h>

struct map_slot {
    char *key; /* NULL: never used; MAP_GONE: deleted */
    size_t n;
    uint64_t hash;
    void *value;
};

static char map_gone_mark;
#define MAP_GONE (&map_gone_mark)

static uint64_t map_hash(struct slice key)
{
    static unsigned char seed[16];
    static bool seeded;
    if (!seeded) {
        text_random(seed, sizeof(seed));
        seeded = true;
    }
    return siphash13(seed, key.p, key.n);
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_clear(struct map *m, void (*free_value)(void *))
{
    for (size_t i = 0; i < m->cap; i++) {
        struct map_slot *s = &m->slots[i];
        if (!s->key || s->key == MAP_GONE)
            continue;
        mem_free(s->key);
        if (free_value)
            free_value(s->value);
    }
    mem_free(m->slots);
    map_init(m);
}

static struct map_slot *map_find(const struct map *m, struct slice key, uint64_t hash)
{
    if (m->cap == 0)
        return NULL;
    for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_slot *s = &m->slots[i];
        if (!s->key)
            return NULL;
        if (s->key != MAP_GONE && s->hash == hash && slice_eq(slice_of(s->key, s->n), key))
            return s;
    }
}

void *map_get(const struct map *m, struct slice key)
{
    struct map_slot *s = m->n ? map_find(m, key, map_hash(key)) : NULL;
    return s ? s->value : NULL;
}

static void map_insert(struct map *m, struct map_slot new)
{
    size_t i = new.hash &(m->cap - 1);
    while (m->slots[i].key && m->slots[i].key != MAP_GONE)
        i = (i + 1) & (m->cap - 1);
    if (!m->slots[i].key)
        m->used++;
    m->slots[i] = new;
}

/* Called before an insertion: at most three quarters are used, deleted ones counted. */
static void map_grow(struct map *m)
{
    if (m->used + 1 <= m->cap / 4 * 3)
        return;
    struct map old = *m;
    size_t cap = 8;
    while (cap / 2 < old.n + 1)
        cap *= 2;
    m->slots = mem_array(cap, sizeof(struct map_slot));
    m->cap = cap;
    m->used = 0;
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key && old.slots[i].key != MAP_GONE)
            map_insert(m, old.slots[i]);
    mem_free(old.slots);
}

void *map_put(struct map *m, struct slice key, void *value)
{
    err_assert(value);
    uint64_t hash = map_hash(key);
    struct map_slot *s = map_find(m, key, hash);
    if (s) {
        void *was = s->value;
        s->value = value;
        return was;
    }
    map_grow(m);
    map_insert(m, (struct map_slot){slice_dup(key), key.n, hash, value});
    m->n++;
    return NULL;
}

void *map_del(struct map *m, struct slice key)
{
    struct map_slot *s = m->n ? map_find(m, key, map_hash(key)) : NULL;
    if (!s)
        return NULL;
    void *was = s->value;
    mem_free(s->key);
    *s = (struct map_slot){.key = MAP_GONE};
    m->n--;
    return was;
}

bool map_each(const struct map *m, size_t *i, struct slice *key, void **value)
{
    while (*i < m->cap) {
        const struct map_slot *s = &m->slots[(*i)++];
        if (!s->key || s->key == MAP_GONE)
            continue;
        if (key)
            *key = slice_of(s->key, s->n);
        if (value)
            *value = s->value;
        return true;
    }
    return false;
}

void list_init(struct list *head)
{
    head->next = head->prev = head;
}

bool list_empty(const struct list *head)
{
    return head->next == head;
}

static void list_between(struct list *a, struct list *node, struct list *b)
{
    node->prev = a;
    node->next = b;
    a->next = node;
    b->prev = node;
}

void list_push(struct list *head, struct list *node)
{
    list_between(head->prev, node, head);
}

void list_push_front(struct list *head, struct list *node)
{
    list_between(head, node, head->next);
}

void list_del(struct list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

struct list *list_pop(struct list *head)
{
    if (list_empty(head))
        return NULL;
    struct list *first = head->next;
    list_del(first);
    return first;
}
