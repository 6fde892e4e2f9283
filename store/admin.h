/* SPDX-License-Identifier: Apache-2.0
 * What operators do with the whole store: erase, rotate keys, keep for so long and no longer, back up,
 * restore. */
#ifndef PARLEY_STORE_ADMIN_H
#define PARLEY_STORE_ADMIN_H

#include "store/store.h"

/* Erases a person: blind words, addresses, files, wire logs; then the key; then the key store's append-only
 * file is rewritten; then done. key_backups_expire_ms: when the last key backup that still holds the key
 * ends. ERR_NOT_FOUND. Again: fine. */
void store_erase(struct store_op *op, struct id contact, const char *actor,
                 void (*done)(void *arg, const struct err *e, int64_t key_backups_expire_ms), void *arg);

/* A new master key: all nodes must have it listed (files {op}.master.new), then data keys are re-wrapped and
 * the old one is forgotten. */
void store_rotate_keys(struct store_op *op, const char *actor, store_done done, void *arg);

/* Retention: days per channel; 0 keeps. Entries older than that are erased, threads without entries removed,
 * by a lease holder, in the background. */
struct store_retention {
    const char *channel;
    unsigned days;
};
void store_retention_set(struct store_op *op, const struct store_retention *r, size_t n);

/* The recovery key of the installation, in 13 groups of five: made by the first call, needed to put backups
 * back. The machine keeps what a backup needs (keys/recovery.pub) and tells the secret only as long as
 * keys/recovery-key is there: remove that file once the operator has it. ERR_NOT_FOUND from then on. */
void store_recovery_key(struct store *s, store_text_done done, void *arg);

/* Backup into dir (new): data and blobs in data.parley, keys apart in keys.parley, both encrypted under the
 * recovery key, with a manifest of counts, checksums and audit roots. */
void store_backup(struct store *s, const char *dir,
                  void (*done)(void *arg, const struct err *e, struct slice manifest_json), void *arg);
/* Into an empty store; applies the erasure ledgers (those of the backup, those that the servers or the data
 * directory still have, and ledger.txt beside the backup), compares the audits' roots, then serves: all
 * operations open anew. ERR_CORRUPT with a report that has operations: everything is back, but an audit does
 * not fit. */
void store_restore(struct store *s, const char *dir, struct slice recovery_key,
                   void (*done)(void *arg, const struct err *e, struct slice report_json), void *arg);

struct store_counts {
    uint64_t contacts, threads, entries, open_threads, outbox, dead, quarantined, blobs;
    uint64_t data_bytes, data_max_bytes, key_bytes, disk_free_bytes;
};
void store_count(struct store_op *op,
                 void (*done)(void *arg, const struct err *e, const struct store_counts *c), void *arg);

#endif
