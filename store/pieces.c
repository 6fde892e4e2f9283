/* SPDX-License-Identifier: Apache-2.0
 * Files in encrypted pieces. */
#include "store/pieces.h"
#include "gateway/base/mem.h"
#include <string.h>

#define HEAD   "PBL1"
#define HEAD_N 4
#define STEP   (PIECES_SIZE + GCM_TAG)

static uint64_t
count(uint64_t plain) /* an empty file has one empty piece, so that its end is authenticated */
{
    return plain ? (plain + PIECES_SIZE - 1) / PIECES_SIZE : 1;
}

uint64_t pieces_sealed_size(uint64_t plain)
{
    return HEAD_N + plain + count(plain) * GCM_TAG;
}

static void nonce_of(unsigned char nonce[GCM_NONCE], uint64_t place, bool last)
{
    memset(nonce, 0, GCM_NONCE);
    nonce[0] = last;
    for (int i = 0; i < 8; i++)
        nonce[GCM_NONCE - 1 - i] = (unsigned char)(place >> (8 * i));
}

int pieces_seal(const unsigned char key[GCM_KEY], struct slice id, struct slice plain, struct buf *out)
{
    buf_add(out, HEAD, HEAD_N);
    uint64_t all = count(plain.n);
    for (uint64_t i = 0; i < all; i++) {
        size_t at = (size_t)i * PIECES_SIZE;
        struct slice piece = {plain.n ? plain.p + at : NULL,
                              plain.n - at < PIECES_SIZE ? plain.n - at : PIECES_SIZE};
        unsigned char nonce[GCM_NONCE];
        nonce_of(nonce, i, i + 1 == all);
        char *room = buf_reserve(out, piece.n + GCM_TAG);
        if (!room)
            return -ERR_TOO_LARGE;
        gcm_seal(key, nonce, id, piece, (unsigned char *)room);
        buf_commit(out, piece.n + GCM_TAG);
    }
    return out->err;
}

bool pieces_range(uint64_t size, uint64_t offset, size_t *n, uint64_t *file_offset, size_t *file_n)
{
    if (offset > size || (offset == size && size))
        return false;
    if (*n > size - offset)
        *n = (size_t)(size - offset);
    uint64_t first = offset / PIECES_SIZE, last = *n ? (offset + *n - 1) / PIECES_SIZE : first;
    uint64_t end = last + 1 == count(size) ? pieces_sealed_size(size) : HEAD_N + (last + 1) * STEP;
    *file_offset = HEAD_N + first * STEP;
    *file_n = (size_t)(end - *file_offset);
    return true;
}

int pieces_open(const unsigned char key[GCM_KEY], struct slice id, uint64_t size, uint64_t offset, size_t n,
                struct slice file, struct buf *out, struct err *e)
{
    uint64_t at, first = offset / PIECES_SIZE, all = count(size);
    size_t want = n, file_n;
    if (!pieces_range(size, offset, &want, &at, &file_n) || want != n || file_n != file.n)
        return err_set(e, ERR_CORRUPT, "the file is shorter than it was");
    unsigned char *plain = mem_alloc(PIECES_SIZE);
    size_t skip = (size_t)(offset - first * PIECES_SIZE);
    int rc = 0;
    for (uint64_t i = first; rc == 0 && file.n; i++) {
        struct slice piece = {file.p, file.n < STEP ? file.n : STEP};
        unsigned char nonce[GCM_NONCE];
        nonce_of(nonce, i, i + 1 == all);
        if (!gcm_open(key, nonce, id, piece, plain)) {
            rc = err_set(e, ERR_CORRUPT, "a piece of the file does not decrypt");
            break;
        }
        size_t have = piece.n - GCM_TAG - skip, take = have < n ? have : n;
        rc = buf_add(out, plain + skip, take);
        n -= take;
        skip = 0;
        file.p += piece.n;
        file.n -= piece.n;
    }
    mem_wipe(plain, PIECES_SIZE);
    mem_free(plain);
    return rc;
}
