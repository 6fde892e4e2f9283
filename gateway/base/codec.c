/* SPDX-License-Identifier: Apache-2.0
 * Hexadecimal and base64 (RFC 4648), and the compare for secrets. */
#include "gateway/base/text.h"
#include <openssl/crypto.h>
#include <string.h>

static const char codec_hex[] = "0123456789abcdef";

void text_hex(char *out, const void *p, size_t n)
{
    const unsigned char *in = p;
    for (size_t i = 0; i < n; i++) {
        *out++ = codec_hex[in[i] >> 4];
        *out++ = codec_hex[in[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_unhex(void *out, size_t n, struct slice s)
{
    unsigned char *to = out;
    if (s.n % 2 || s.n / 2 != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static size_t base64_write(char *out, const unsigned char *in, size_t n, const char *last_two, bool pad)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char *start = out;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)in[i] << 16;
        if (have > 1)
            v |= (uint32_t)in[i + 1] << 8;
        if (have > 2)
            v |= in[i + 2];
        for (size_t k = 0; k < 4; k++) {
            uint32_t six = v >> (18 - 6 * k) & 63;
            if (k <= have)
                *out++ = six < 62 ? letters[six] : last_two[six - 62];
            else if (pad)
                *out++ = '=';
        }
    }
    *out = '\0';
    return (size_t)(out - start);
}

size_t text_base64(char *out, const void *p, size_t n)
{
    return base64_write(out, p, n, "+/", true);
}

size_t text_base64url(char *out, const void *p, size_t n)
{
    return base64_write(out, p, n, "-_", false);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

/* Strict: padding is whole or absent, and the unused bits of the last letter are 0, so that each value has
 * one spelling per alphabet. */
long text_unbase64(void *out, size_t cap, struct slice s)
{
    unsigned char *to = out;
    if (s.n % 4 == 0 && s.n && s.p[s.n - 1] == '=')
        s.n -= s.p[s.n - 2] == '=' ? 2 : 1;
    if (s.n % 4 == 1 || s.n / 4 * 3 + s.n % 4 * 3 / 4 > cap)
        return -1;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int six = base64_digit(s.p[i]);
        if (six < 0)
            return -1;
        bits = bits << 6 | (uint32_t)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[n++] = (unsigned char)(bits >> have);
        }
    }
    return (bits & ((1u << have) - 1)) == 0 ? (long)n : -1;
}

bool text_equal_secret(struct slice a, struct slice b)
{
    /* The length may show; where the bytes differ may not. */
    return a.n == b.n && CRYPTO_memcmp(a.p ? a.p : "", b.p ? b.p : "", a.n) == 0;
}
