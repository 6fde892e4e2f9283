/* SPDX-License-Identifier: Apache-2.0
 * What erasure, retention, backups and housekeeping share. */
#ifndef PARLEY_STORE_ADMIN_INTERNAL_H
#define PARLEY_STORE_ADMIN_INTERNAL_H

#include "store/admin.h"
#include "store/internal.h"

#define ADMIN_LEDGER_FILE                                                                                    \
    "ledger.txt" /* in the data directory: a line "operation kid hash time" per erasure */
#define ADMIN_KEY_BACKUP_MS ((int64_t)30 * 86400000) /* how long a backup of keys is kept */

/* store_erase by handle. keep_file: the key store's file is rewritten by the caller, once for many. */
void admin_erase(struct store_op *op, uint64_t contact, const char *actor, bool keep_file,
                 void (*done)(void *arg, const struct err *e, int64_t key_backups_expire_ms), void *arg);
/* Appends the ids of the files that an entry's extra names, blank-separated. */
void admin_blobs_of(struct slice extra, struct buf *ids);

/* Steps of housekeeping (house.c), each to its end; done's error is only logged. */
void blob_sweep(struct store_op *op, store_done done, void *arg);
void retention_run(struct store_op *op, const struct store_retention *r, size_t n, store_done done,
                   void *arg);

#endif
