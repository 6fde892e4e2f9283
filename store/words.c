/* SPDX-License-Identifier: Apache-2.0
 * The set: number of words n (one byte, or two with the high bit set), then the sorted values (hash scaled to
 * n * 2^13) as differences in Golomb-Rice code: quotient in unary, 13 bits of remainder. */
#include "store/words.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <stdlib.h>
#include <string.h>

#define RICE 13u

static uint32_t scale(uint64_t hash, size_t n)
{
    return (uint32_t)(((hash >> 32) * ((uint64_t)n << RICE)) >> 32);
}

static int compare(const void *a, const void *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

struct bits {
    unsigned char *p;
    size_t at; /* bit */
};

static void put(struct bits *b, uint32_t value, unsigned n)
{
    while (n--) {
        if (value >> n & 1)
            b->p[b->at / 8] = (unsigned char)(b->p[b->at / 8] | 0x80 >> b->at % 8);
        b->at++;
    }
}

static void write_some(const uint64_t *hashes, size_t n, struct buf *out)
{
    uint32_t values[WORDS_MOST], last = 0;
    size_t most = 2 + (n * (RICE + 1) + n) / 8 + 2; /* the quotients add up to less than n */
    unsigned char *start = (unsigned char *)buf_reserve(out, most);
    err_assert(start);
    memset(start, 0, most);
    for (size_t i = 0; i < n; i++)
        values[i] = scale(hashes[i], n);
    qsort(values, n, sizeof(values[0]), compare);
    struct bits b = {start, 8};
    start[0] = (unsigned char)n;
    if (n > 127) {
        start[0] = (unsigned char)(0x80 | n >> 8);
        start[1] = (unsigned char)n;
        b.at = 16;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t difference = values[i] - last;
        for (uint32_t q = difference >> RICE; q; q--)
            put(&b, 1, 1);
        put(&b, 0, 1);
        put(&b, difference & ((1u << RICE) - 1), RICE);
        last = values[i];
    }
    buf_commit(out, (b.at + 7) / 8);
}

void words_write(struct crypto_keyed *k, const struct slice *words, size_t n, struct buf *out)
{
    uint64_t few[128], *hashes = few;
    if (n == 0)
        return;
    if (n > WORDS_MOST)
        n = WORDS_MOST;
    if (n > sizeof(few) / sizeof(few[0]))
        hashes = mem_array(n, sizeof(*hashes));
    crypto_keyed_words(k, words, n, hashes);
    write_some(hashes, n, out);
    if (hashes != few)
        mem_free(hashes);
}

static bool get(const struct bits *b, size_t end, size_t at, uint32_t *bit)
{
    if (at >= end)
        return false;
    *bit = b->p[at / 8] >> (7 - at % 8) & 1;
    return true;
}

bool words_has(struct slice set, uint64_t hash)
{
    const unsigned char *p = (const unsigned char *)set.p;
    if (set.n < 2)
        return false;
    bool large = p[0] & 0x80;
    size_t n = large ? (size_t)(p[0] & 0x7f) << 8 | p[1] : p[0], at = large ? 16 : 8, end = set.n * 8;
    struct bits b = {(unsigned char *)(uintptr_t)p, 0};
    uint32_t wanted = scale(hash, n), value = 0, bit;
    for (size_t i = 0; i < n; i++) {
        uint32_t difference = 0, rest = 0;
        while (get(&b, end, at, &bit) && bit) {
            difference++;
            at++;
        }
        at++;
        for (unsigned k = 0; k < RICE; k++, at++) {
            if (!get(&b, end, at, &bit))
                return false;
            rest = rest << 1 | bit;
        }
        value += difference << RICE | rest;
        if (value >= wanted)
            return value == wanted;
    }
    return false;
}
