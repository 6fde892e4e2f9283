/* SPDX-License-Identifier: Apache-2.0
 * Files: encrypted in pieces of 64 KiB with AES-256-GCM, each bound to the file's id, its place and whether
 * it is the last. Every file has a random key of its own, which lives in the entry that names it (and is
 * shredded with the entry's key); until an entry names it, in a record that ends after an hour. Files in the
 * data directory now; struct store_blob_backend is fit for S3. */
#ifndef PARLEY_STORE_BLOB_H
#define PARLEY_STORE_BLOB_H

#include "store/store.h"

struct store_blob_backend { /* blocking; called on the loop's threads */
    const char *name;
    int (*put)(void *ctx, const char *id, const void *bytes, size_t n,
               struct err *e); /* whole, durable (fsync), atomic */
    int (*get)(void *ctx, const char *id, uint64_t offset, size_t n, struct buf *out, struct err *e);
    int (*size)(void *ctx, const char *id, uint64_t *n, struct err *e);
    int (*remove)(void *ctx, const char *id, struct err *e); /* not there: fine */
    int (*each)(void *ctx, void (*one)(void *arg, const char *id, int64_t modified_ms), void *arg,
                struct err *e);
};

/* Stores bytes and remembers their key for an hour. blob: the id. type, name: kept encrypted with the key.
 * owner: who may name it in an entry (an address URI or an agent's id), checked by _claim. */
void store_blob_put(struct store_op *op, struct slice bytes, struct slice type, struct slice name,
                    struct slice owner, void (*done)(void *arg, const struct err *e, const char *blob),
                    void *arg);
/* What an entry needs: the attachment's JSON {"id","type","name","size","key"} to be put into
 * extra.attachments. "key" is for the store alone: readers of entries get it removed with store_blob_public.
 * ERR_NOT_FOUND: not there, too old, or another owner's. */
void store_blob_claim(struct store_op *op, const char *blob, struct slice owner, store_text_done done,
                      void *arg);
/* attachment: its JSON as in the entry. offset and n in plaintext; n at most 1 MiB a call. */
void store_blob_get(struct store_op *op, struct slice attachment, uint64_t offset, size_t n,
                    void (*done)(void *arg, const struct err *e, struct slice bytes), void *arg);
void store_blob_remove(struct store_op *op, const char *blob, store_done done, void *arg);
/* An entry's extra as readers may have it: attachments without their keys. Empty stays empty. -ERR_INVALID.
 */
int store_blob_public(struct slice extra, struct buf *out);
/* Daily, by a lease holder: removes files that no entry names. */
void store_blob_sweep_start(struct store_op *op);

#endif
