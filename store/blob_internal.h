/* SPDX-License-Identifier: Apache-2.0
 * Files' jobs on the loop's threads, for blob.c, the sweep, erasure and backups. */
#ifndef PARLEY_STORE_BLOB_INTERNAL_H
#define PARLEY_STORE_BLOB_INTERNAL_H

#include "store/blob.h"
#include "store/internal.h"

/* The backend of a store. Lives until its last job ends. */
struct blobs {
    const struct store_blob_backend *backend;
    void *ctx;
    unsigned refs;
    bool closed;
    struct loop *loop;
    struct timer *again; /* looks at the directory's mark once more */
};

/* NULL while the store is not open. */
struct blobs *blobs_of(const struct store *s);
/* work runs on a thread with the backend; done on the loop, with closed when the store was closed meanwhile
 * (then touch nothing but arg). */
void blobs_work(struct blobs *b, void (*work)(struct blobs *b, void *arg),
                void (*done)(void *arg, bool closed), void *arg);
/* "operation/id", as backends name a file. */
#define BLOB_NAME 128
void blob_name(char out[BLOB_NAME], const struct store_op *op, const char *blob);
/* Removes files and what Redis knows of them. ids: BLOB ids, blank-separated. */
void blobs_remove(struct store_op *op, const char *ids, store_done done, void *arg);
/* Removes every file of an operation that is being destroyed. */
void blobs_destroy(struct store *s, const char *operation, store_done done, void *arg);

#endif
