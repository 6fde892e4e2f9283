/* SPDX-License-Identifier: Apache-2.0
 * SipHash-1-3: one round for each eight bytes, three at the end. */
#include "gateway/base/siphash.h"
#include <endian.h>
#include <string.h>

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotl(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline uint64_t load_le(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

/* What is left behind the last eight bytes: fewer than eight. */
static inline uint64_t load_rest(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline void sip_round(struct sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotl(s->b, 13) ^ s->a;
    s->d = rotl(s->d, 16) ^ s->c;
    s->a = rotl(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotl(s->b, 17) ^ s->c;
    s->d = rotl(s->d, 21) ^ s->a;
    s->c = rotl(s->c, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->d ^= word;
    sip_round(s);
    s->a ^= word;
}

uint64_t siphash13(const unsigned char key[16], const void *p, size_t n)
{
    uint64_t k0 = load_le(key), k1 = load_le(key + 8);
    /* "somepseudorandomlygeneratedbytes", as the paper has it */
    struct sip s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                    k1 ^ 0x7465646279746573u};
    const unsigned char *at = p;
    size_t left = n;
    for (; left >= 8; left -= 8, at += 8)
        sip_word(&s, load_le(at));
    sip_word(&s, (uint64_t)(n & 0xFF) << 56 | load_rest(at, left));
    s.c ^= 0xFF;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}
