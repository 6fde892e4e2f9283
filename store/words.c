/* SPDX-License-Identifier: Apache-2.0
 * The set: number of words n (one byte, or two with the high bit set), then the sorted values (hash scaled to
 * n * 2^12) as differences in Golomb-Rice code: quotient in unary, 12 bits of remainder. Ends at a whole
 * byte. */
#include "store/words.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <stdlib.h>
#include <string.h>

#define RICE 12u

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

/* Bits, most significant first, gathered in a word. */
struct bits {
    unsigned char *p;
    uint64_t gathered;
    unsigned n; /* of them, less than 8 between two calls */
};

static void put(struct bits *b, uint32_t value, unsigned n)
{
    b->gathered = b->gathered << n | value;
    b->n += n;
    while (b->n >= 8) {
        b->n -= 8;
        *b->p++ = (unsigned char)(b->gathered >> b->n);
    }
}

static void sort(uint32_t *v, size_t n)
{
    if (n > 64) {
        qsort(v, n, sizeof(v[0]), compare);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint32_t x = v[i];
        size_t at = i;
        for (; at && v[at - 1] > x; at--)
            v[at] = v[at - 1];
        v[at] = x;
    }
}

static void write_some(const uint64_t *hashes, size_t n, struct buf *out)
{
    uint32_t values[WORDS_MOST], last = 0;
    size_t most = 2 + (n * (RICE + 1) + n) / 8 + 2; /* the quotients add up to less than n */
    unsigned char *start = (unsigned char *)buf_reserve(out, most);
    err_assert(start);
    for (size_t i = 0; i < n; i++)
        values[i] = scale(hashes[i], n);
    sort(values, n);
    struct bits b = {.p = start};
    if (n > 127)
        put(&b, 0x80u | (uint32_t)(n >> 8), 8);
    put(&b, (uint32_t)n & 0xff, 8);
    for (size_t i = 0; i < n; i++) {
        uint32_t difference = values[i] - last, quotient = difference >> RICE;
        for (; quotient >= 16; quotient -= 16)
            put(&b, 0xffff, 16);
        put(&b, ((1u << quotient) - 1) << 1, quotient + 1);
        put(&b, difference & ((1u << RICE) - 1), RICE);
        last = values[i];
    }
    if (b.n)
        put(&b, 0, 8 - b.n);
    buf_commit(out, (size_t)(b.p - start));
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

static bool get(const unsigned char *p, size_t end, size_t at, uint32_t *bit)
{
    if (at >= end)
        return false;
    *bit = (uint32_t)p[at / 8] >> (7 - at % 8) & 1u;
    return true;
}

/* The number in Golomb-Rice code at *at, which moves on. False: it is cut off. */
static bool get_value(const unsigned char *p, size_t end, size_t *at, uint32_t *value)
{
    uint32_t quotient = 0, rest = 0, bit;
    while (get(p, end, *at, &bit) && bit) {
        quotient++;
        ++*at;
    }
    ++*at;
    for (unsigned k = 0; k < RICE; k++, ++*at) {
        if (!get(p, end, *at, &bit))
            return false;
        rest = rest << 1 | bit;
    }
    *value = quotient << RICE | rest;
    return true;
}

/* In the first set? *size: its bytes, 0 when it is damaged. */
static bool first_has(struct slice sets, uint64_t hash, size_t *size)
{
    const unsigned char *p = (const unsigned char *)sets.p;
    bool large = p[0] & 0x80, found = false;
    size_t n = large ? (size_t)(p[0] & 0x7f) << 8 | p[1] : p[0], at = large ? 16 : 8, end = sets.n * 8;
    uint32_t wanted = scale(hash, n), value = 0, difference;
    *size = 0;
    for (size_t i = 0; i < n; i++) {
        if (!get_value(p, end, &at, &difference))
            return found;
        value += difference;
        found |= value == wanted;
    }
    *size = n ? (at + 7) / 8 : 0;
    return found;
}

bool words_has(struct slice sets, uint64_t hash)
{
    size_t n;
    for (; sets.n >= 2; sets = slice_of(sets.p + n, sets.n - n)) {
        if (first_has(sets, hash, &n))
            return true;
        if (n == 0 || n > sets.n)
            return false;
    }
    return false;
}
