/* SPDX-License-Identifier: Apache-2.0
 * What the node that rotates a master key (rotate.c) shares with all that follow (rotate_watch.c). */
#ifndef PARLEY_STORE_ROTATE_H
#define PARLEY_STORE_ROTATE_H

#include "store/internal.h"

#define ROTATE_NODES "p:{_}:nodes" /* zset: node → when it was last seen */
#define ROTATE_PRINT 16            /* bytes of keys_master_print */

/* p:{op}:rotate in the key store; key is initialised, and cleared by the caller. */
struct slice rotate_key(struct store_op *op, struct buf *key);
/* The file {op}.master.new. */
int rotate_read_new(struct store_op *op, unsigned char key[CRYPTO_KEY], struct err *e);
int rotate_make_new(struct store_op *op, struct err *e);

#endif
