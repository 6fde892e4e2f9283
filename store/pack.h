/* SPDX-License-Identifier: Apache-2.0
 * The JSON beside a text, packed: what stands in most of them is one byte. Some twenty bytes of each entry,
 * which decide between two sizes that Redis allocates. */
#ifndef PARLEY_STORE_PACK_H
#define PARLEY_STORE_PACK_H

#include "gateway/base/buf.h"

#define PACK_GROWTH 18 /* the longest word */

/* Writes text packed, or as it is when that takes no more; at most n bytes. Returns how many. */
size_t pack_write(struct slice text, char *out);
/* Appends what was packed. False: not of this form. */
bool pack_read(struct slice packed, struct buf *out);

#endif
