/* SPDX-License-Identifier: Apache-2.0
 * Rewriting the key store's append-only file, so that a destroyed key is in no file any more. */
#ifndef PARLEY_STORE_REWRITE_H
#define PARLEY_STORE_REWRITE_H

#include "store/internal.h"

/* done when a rewrite that began after this call has ended well (or the server keeps no such file). Calls at
 * one time share one. ERR_IO: it failed several times; the old file may still hold what was destroyed. */
void rewrite_keys(struct store *s, store_done done, void *arg);

#endif
