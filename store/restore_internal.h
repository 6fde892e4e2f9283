/* SPDX-License-Identifier: Apache-2.0
 * A restore under way, for its flow (restore.c), its reading of the files (restore_read.c), what is made anew
 * after it (restore_index.c) and the erasure ledgers (restore_ledger.c). */
#ifndef PARLEY_STORE_RESTORE_INTERNAL_H
#define PARLEY_STORE_RESTORE_INTERNAL_H

#include "store/backup_internal.h"

#define RESTORE_BATCH ((size_t)1 << 20) /* read ahead at least so much, and one record more */
#define RESTORE_BLOCK 1                 /* the slot of store_block */

struct restore {
    struct store *s;
    struct blobs *blobs;
    char *dir;
    unsigned char secret[RECOVERY_KEY];
    struct sealed_reader *reader;
    bool of_keys, ended;
    struct buf batch; /* commands */
    struct buf file;  /* a file of which not all pieces were read yet */
    char file_name[BLOB_NAME];
    struct buf manifest; /* as it lies in the folder */
    unsigned pending;
    char cursor[24];
    struct map ledger; /* "op kid" → "hash time" */
    struct {
        char *name;
        char root[65];
        bool intact;
    } * ops;
    size_t ops_n, at;
    unsigned pass; /* of the index: threads, contacts, outboxes */
    uint64_t commands, threads, unsent, erased, files;
    int64_t until_us; /* operations must be open by then */
    void (*after_ledger)(struct restore *r);
    struct err e;
    void (*done)(void *arg, const struct err *e, struct slice report_json);
    void *arg;
};

void restore_end(struct restore *r);
/* True (and e kept) when e tells of an error. */
bool restore_failed(struct restore *r, const struct err *e);
/* work on a thread, then next, or restore_end when it failed. */
void restore_step(struct restore *r, void (*work)(struct restore *r, struct blobs *b),
                  void (*next)(struct restore *r));
/* A command to the data or the key server. */
void restore_send(struct restore *r, bool keys, store_reply cb, void *arg, size_t argc,
                  const struct slice *argv);

/* restore_read.c, on a thread: both files from end to end, and the manifest; then again, batch by batch. */
void restore_verify_work(struct restore *r, struct blobs *b);
void restore_read_work(struct restore *r, struct blobs *b);

/* restore_index.c: then restore_ledger_begin. */
void restore_index_begin(struct restore *r);

/* restore_ledger.c */
void restore_ledger_collect(struct restore *r,
                            void (*next)(struct restore *r)); /* those that are still there */
void restore_ledger_apply(struct restore *r, void (*next)(struct restore *r));

/* restore.c: behind the ledgers. */
void restore_check_begin(struct restore *r);

#endif
