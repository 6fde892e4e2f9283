/* SPDX-License-Identifier: Apache-2.0
 * Backup files: records, each sealed by itself under a key that only the recovery key opens. A record's nonce
 * is its number and whether it is the last, so that nothing can be changed, moved, repeated or cut off.
 * Blocking: for the loop's threads. */
#ifndef PARLEY_STORE_SEALED_FILE_H
#define PARLEY_STORE_SEALED_FILE_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "store/recovery.h"

#define SEALED_RECORD_MAX (512u << 20)

struct sealed_writer;
/* purpose: which file it is ("data", "keys"): another one's key does not open it. The file must not be there
 * yet. */
struct sealed_writer *sealed_create(const char *path, const char *purpose,
                                    const unsigned char public_half[RECOVERY_KEY], struct err *e);
int sealed_add(struct sealed_writer *w, char kind, struct slice record, struct err *e);
/* Writes the last record, fsyncs, closes, frees. sha256: of the whole file. */
int sealed_finish(struct sealed_writer **w, struct slice last, unsigned char sha256[32], struct err *e);
void sealed_abandon(struct sealed_writer **w); /* closes and removes */

struct sealed_reader;
struct sealed_reader *sealed_open(const char *path, const char *purpose,
                                  const unsigned char secret[RECOVERY_KEY], struct err *e);
/* The next record (lives until the next call); kind 0: it was the last one's. ERR_CORRUPT for whatever does
 * not fit. */
int sealed_next(struct sealed_reader *r, char *kind, struct slice *record, struct err *e);
void sealed_close(struct sealed_reader **r);

int sealed_sha256(const char *path, unsigned char sha256[32], struct err *e);

#endif
