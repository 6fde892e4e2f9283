/* SPDX-License-Identifier: Apache-2.0
 * The format of an encrypted file: "PBL1", then pieces of 64 KiB and a tag each. A file's key is random and
 * used for it alone, so a piece's nonce is its place and whether it is the last; the file's id is
 * authenticated with each. Moving, swapping, repeating or cutting pieces is noticed, and a range is read
 * without the rest. */
#ifndef PARLEY_STORE_PIECES_H
#define PARLEY_STORE_PIECES_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "store/gcm.h"

#define PIECES_SIZE 65536

uint64_t pieces_sealed_size(uint64_t plain);
/* Appends the whole file. */
int pieces_seal(const unsigned char key[GCM_KEY], struct slice id, struct slice plain, struct buf *out);
/* Where in the file [offset, offset + n) of `size` plain bytes lies; n is cut at the end. False: nothing
 * there. */
bool pieces_range(uint64_t size, uint64_t offset, size_t *n, uint64_t *file_offset, size_t *file_n);
/* file: the bytes that pieces_range named. Appends the plain range. ERR_CORRUPT. */
int pieces_open(const unsigned char key[GCM_KEY], struct slice id, uint64_t size, uint64_t offset, size_t n,
                struct slice file, struct buf *out, struct err *e);

#endif
