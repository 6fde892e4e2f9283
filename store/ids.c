/* SPDX-License-Identifier: Apache-2.0
 * Ids as the outside sees them, from handles and numbers: one block of AES, as 26 letters. */
#include "store/internal.h"
#include "gateway/base/err.h"
#include <string.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

/* Five bytes are eight letters; the sixteenth byte is two, with two bits to spare. */
static struct id encode(const unsigned char raw[16])
{
    struct id id;
    for (size_t at = 0; at < 3; at++) {
        const unsigned char *p = raw + 5 * at;
        uint64_t bits =
            (uint64_t)p[0] << 32 | (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
        for (unsigned i = 0; i < 8; i++)
            id.s[8 * at + i] = letters[bits >> (35 - 5 * i) & 31];
    }
    id.s[24] = letters[raw[15] >> 3];
    id.s[25] = letters[raw[15] << 2 & 31];
    id.s[ID_LEN] = '\0';
    return id;
}

static bool decode(struct slice id, unsigned char raw[16])
{
    unsigned bits = 0, have = 0;
    size_t at = 0;
    for (size_t i = 0; i < id.n; i++) {
        char ch = id.p[i];
        unsigned v = ch >= 'a' && ch <= 'z'   ? (unsigned)(ch - 'a')
                     : ch >= '2' && ch <= '7' ? (unsigned)(ch - '2' + 26)
                                              : 99;
        if (v == 99)
            return false;
        bits = (bits << 5 | v) & 0xfff;
        have += 5;
        if (have >= 8) {
            have -= 8;
            raw[at++] = (unsigned char)(bits >> have);
        }
    }
    return at == 16 && (bits & 3) == 0;
}

void store_handle_put(char out[STORE_HANDLE], uint64_t handle)
{
    for (int i = 0; i < STORE_HANDLE; i++)
        out[i] = (char)(unsigned char)(handle >> (56 - 8 * i));
}

uint64_t store_handle_get(struct slice raw)
{
    uint64_t h = 0;
    if (raw.n != STORE_HANDLE)
        return 0;
    for (int i = 0; i < STORE_HANDLE; i++)
        h = h << 8 | (unsigned char)raw.p[i];
    return h;
}

struct id store_id_of(const struct store_op *op, uint64_t handle, uint32_t seq)
{
    unsigned char block[16] = {0};
    if (handle == 0)
        return (struct id){{0}};
    store_handle_put((char *)block, handle);
    for (int i = 0; i < 4; i++)
        block[8 + i] = (unsigned char)(seq >> (24 - 8 * i));
    crypto_keyed_permute(op->blind, block, block);
    return encode(block);
}

bool store_id_parse(const struct store_op *op, struct slice id, uint64_t *handle, uint32_t *seq)
{
    static const unsigned char check[4] = {0};
    unsigned char block[16];
    if (id.n != ID_LEN || !decode(id, block))
        return false;
    crypto_keyed_unpermute(op->blind, block, block);
    if (memcmp(block + 12, check, 4) != 0)
        return false;
    *handle = store_handle_get(slice_of(block, STORE_HANDLE));
    *seq = (uint32_t)block[8] << 24 | (uint32_t)block[9] << 16 | (uint32_t)block[10] << 8 | block[11];
    return *handle != 0;
}

bool store_thread_handle(const struct store_op *op, struct id id, uint64_t *handle)
{
    uint32_t seq;
    return store_id_parse(op, slice_str(id.s), handle, &seq) && seq == STORE_SEQ_THREAD;
}

bool store_contact_handle(const struct store_op *op, struct id id, uint64_t *handle)
{
    uint32_t seq;
    return store_id_parse(op, slice_str(id.s), handle, &seq) && seq == STORE_SEQ_CONTACT;
}

void store_blind(const struct store_op *op, const char *purpose, struct slice value, unsigned char out[16])
{
    crypto_keyed_hash(op->blind, purpose, value, out, 16);
}
