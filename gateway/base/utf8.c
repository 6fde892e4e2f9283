/* SPDX-License-Identifier: Apache-2.0
 * UTF-8 (RFC 3629): checking, walking, counting. */
#include "gateway/base/text.h"
#include <string.h>

/* Length of the well-formed sequence at p, 0 when there is none. The second byte's range excludes overlong
 * forms, surrogates and what lies above U+10FFFF. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    unsigned c = p[0];
    size_t len = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (len <= 1)
        return len;
    if (len > n)
        return 0;
    unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0u) != 0x80)
            return 0;
    return len;
}

/* All eight bytes at p are ASCII and none is NUL. */
static bool utf8_ascii8(const char *p)
{
    uint64_t w, ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    memcpy(&w, p, 8);
    return !((w | (w - ones)) & tops);
}

bool text_valid(struct slice s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    while (i < s.n) {
        unsigned c = p[i];
        if (c < 0x80 && s.n - i >= 8 && utf8_ascii8(s.p + i)) {
            i += 8;
            continue;
        }
        if (c >= 0xC2 && c < 0xE0 && s.n - i >= 2 && (p[i + 1] & 0xC0u) == 0x80) {
            i += 2; /* most of what is not ASCII */
            continue;
        }
        size_t len = c ? utf8_len(p + i, s.n - i) : 0;
        if (len == 0) {
            if (at)
                *at = i;
            return false;
        }
        i += len;
    }
    return true;
}

uint32_t text_next(struct slice s, size_t *i)
{
    const unsigned char *p = (const unsigned char *)s.p + *i;
    size_t len = utf8_len(p, s.n - *i);
    if (len == 0) {
        *i += 1;
        return 0xFFFD;
    }
    *i += len;
    switch (len) {
    case 1:
        return p[0];
    case 2:
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    case 3:
        return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    default:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    }
}

size_t text_utf16_units(struct slice s)
{
    size_t units = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c & 0xC0u) != 0x80)
            units += c >= 0xF0 ? 2 : 1;
    }
    return units;
}
