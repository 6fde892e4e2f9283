/* SPDX-License-Identifier: Apache-2.0
 * A hash map from byte strings to pointers, and an intrusive doubly linked list. Keys are copied; hashed with
 * SipHash under a random key, so that peers cannot make them collide. */
#ifndef PARLEY_BASE_MAP_H
#define PARLEY_BASE_MAP_H

#include "gateway/base/buf.h"

struct map {
    struct map_slot *slots;
    size_t n, cap, used;
};

void map_init(struct map *m);
void map_clear(struct map *m, void (*free_value)(void *)); /* free_value may be NULL */
void *map_get(const struct map *m, struct slice key);      /* NULL when absent */
void *map_put(struct map *m, struct slice key,
              void *value);                     /* value not NULL; returns the one that was there */
void *map_del(struct map *m, struct slice key); /* returns the one that was there */
/* for (size_t i = 0; map_each(m, &i, &key, &value);) …; map_del of the current key is allowed, map_put is
 * not. */
bool map_each(const struct map *m, size_t *i, struct slice *key, void **value);

struct list {
    struct list *next, *prev;
};
void list_init(struct list *head);
bool list_empty(const struct list *head);
void list_push(struct list *head, struct list *node); /* at the end */
void list_push_front(struct list *head, struct list *node);
void list_del(struct list *node);         /* safe on a node that is in no list (zeroed or deleted before) */
struct list *list_pop(struct list *head); /* the first, or NULL */

#endif
