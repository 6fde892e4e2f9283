/* SPDX-License-Identifier: Apache-2.0
 * What the readers share. */
#ifndef PARLEY_STORE_READ_H
#define PARLEY_STORE_READ_H

#include "store/entry.h"

void read_language(const struct redis_reply *hash, struct store_language *l);
/* Opens up to n entries of one contact that `next` gives (false: leave it out) into out. 0, -ERR_AGAIN (load
 * the key and come again), -ERR_CORRUPT. */
int read_entries(struct store_op *op, uint64_t contact, struct arena *a, size_t n,
                 bool (*next)(void *arg, size_t i, uint64_t *thread, uint32_t *seq, struct slice *value,
                              struct slice *status),
                 void *arg, struct store_entry *out, size_t *count);

#endif
