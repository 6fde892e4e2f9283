/* SPDX-License-Identifier: Apache-2.0
 * The blob backend of a directory: <dir>/blobs/<operation>/<xx>/<id>. Ids are given as "operation/id". */
#ifndef PARLEY_STORE_BLOB_DIR_H
#define PARLEY_STORE_BLOB_DIR_H

#include "store/blob.h"

/* Makes dir/blobs when it is missing. */
void *blob_dir_new(const char *dir, struct err *e);
void blob_dir_free(void **ctx);
extern const struct store_blob_backend blob_dir_backend;

/* dir/blobs/store holds the store's id: every node must find the same, or their directories are not one.
 * ERR_CONFLICT: another's. The first node writes it (make). */
int blob_dir_mark(const char *dir, const char *store_id, bool make, struct err *e);

#endif
