/* SPDX-License-Identifier: Apache-2.0
 * The rules of folding. Letters are decomposed and case-folded by ICU until nothing changes; what Unicode
 * keeps apart but keyboards and habits mix is listed here. */
#include "router/fold_point.h"
#include <stddef.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

static const struct {
    uint32_t from, to;
} same[] = {
    /* Arabic script: yeh, kaf, heh, waw and the letters that a wrong keyboard lacks */
    {0x671, 0x627},
    {0x6CC, 0x64A},
    {0x649, 0x64A},
    {0x6D0, 0x64A},
    {0x6CD, 0x64A},
    {0x6CE, 0x64A},
    {0x6D2, 0x64A},
    {0x6A9, 0x643},
    {0x6AA, 0x643},
    {0x629, 0x647},
    {0x6C1, 0x647},
    {0x6BE, 0x647},
    {0x6D5, 0x647},
    {0x6C3, 0x647},
    {0x6C6, 0x648},
    {0x6C7, 0x648},
    {0x6C8, 0x648},
    {0x695, 0x631},
    {0x6B5, 0x644},
    {0x6BA, 0x646},
    {0x6AB, 0x6AF},
    /* Turkish: four letters i are one */
    {'I', 'i'},
    {0x130, 'i'},
    {0x131, 'i'},
    /* Latin letters with a stroke do not decompose */
    {0xF8, 'o'},
    {0x111, 'd'},
    {0x142, 'l'},
    {0x127, 'h'},
    {0x167, 't'},
    {0xF0, 'd'},
    {0x491, 0x433}, /* ґ */
};

/* Series of Ethiopic syllables that sound alike in Amharic and are spelt either way; eight (seven and a
 * labial) each. */
static const struct {
    uint32_t from, to;
} series[] = {{0x1210, 0x1200}, {0x1280, 0x1200}, {0x1220, 0x1230}, {0x12D0, 0x12A0}, {0x1340, 0x1338}};

static uint32_t fold_same(uint32_t c)
{
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (same[i].from == c)
            return same[i].to;
    if (c < 0x1200 || c > 0x137F)
        return c;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++)
        if (c >= series[i].from && c < series[i].from + 7)
            c = c - series[i].from + series[i].to;
    /* The first and fourth order of these two are one sound. */
    return c == 0x1203 ? 0x1200 : c == 0x12A3 ? 0x12A0 : c;
}

/* Accents, harakat, niqqud and gemination are left out in writing; vowel signs of other scripts are letters.
 */
static int is_dropped_mark(uint32_t c)
{
    UErrorCode e = U_ZERO_ERROR;
    switch (uscript_getScript((UChar32)c, &e)) {
    case USCRIPT_COMMON:
    case USCRIPT_INHERITED:
    case USCRIPT_LATIN:
    case USCRIPT_GREEK:
    case USCRIPT_CYRILLIC:
    case USCRIPT_ARABIC:
    case USCRIPT_HEBREW:
    case USCRIPT_SYRIAC:
    case USCRIPT_ETHIOPIC:
        return 1;
    default:
        return 0;
    }
}

enum kind { BREAK, DROP, DIGIT, LETTER };

static enum kind kind_of(uint32_t c)
{
    if (c == 0x640)
        return DROP; /* tatweel, though Unicode calls it a letter */
    if (c == 0x2BC || c == 0x2BB || c == 0x2B9 || c == 0x2BE || c == 0x2BF)
        return BREAK; /* letters that look like an apostrophe, and are typed as one */
    switch (u_charType((UChar32)c)) {
    case U_DECIMAL_DIGIT_NUMBER:
        return DIGIT;
    case U_NON_SPACING_MARK:
    case U_ENCLOSING_MARK:
    case U_COMBINING_SPACING_MARK:
        return is_dropped_mark(c) ? DROP : LETTER;
    case U_FORMAT_CHAR: /* ZWNJ, ZWJ, bidirectional controls, soft hyphen */
        return DROP;
    case U_UPPERCASE_LETTER:
    case U_LOWERCASE_LETTER:
    case U_TITLECASE_LETTER:
    case U_MODIFIER_LETTER:
    case U_OTHER_LETTER:
    case U_LETTER_NUMBER:
    case U_OTHER_NUMBER:
        return LETTER;
    default:
        return BREAK;
    }
}

/* The compatibility decomposition, then the case folding; 0 when neither changes anything. */
static int expansion(uint32_t c, uint32_t *out)
{
    UErrorCode e = U_ZERO_ERROR;
    UChar u[64], folded[64];
    int32_t n = unorm2_getDecomposition(unorm2_getNFKDInstance(&e), (UChar32)c, u, 64, &e), i = 0, k = 0;
    if (U_FAILURE(e))
        return 0;
    if (n < 0) {
        n = 0;
        U16_APPEND_UNSAFE(u, n, c);
    }
    n = u_strFoldCase(folded, 64, u, n, U_FOLD_CASE_DEFAULT, &e);
    if (U_FAILURE(e))
        return 0;
    while (i < n && k < FOLD_POINTS) {
        uint32_t one = folded[i++];
        if (one >= 0xD800 && one < 0xDC00 && i < n)
            one = 0x10000 + ((one - 0xD800) << 10) + (folded[i++] - 0xDC00u);
        out[k++] = one;
    }
    return k == 1 && out[0] == c ? 0 : k;
}

struct sink {
    uint32_t *out;
    int n;
};

static void fold_into(struct sink *s, uint32_t c, int depth)
{
    uint32_t more[FOLD_POINTS];
    enum kind kind = kind_of(c);
    c = fold_same(c);
    if (kind == DROP || s->n == FOLD_POINTS)
        return;
    if (kind == DIGIT)
        c = (uint32_t)('0' + u_charDigitValue((UChar32)c));
    else if (kind == BREAK)
        c = FOLD_BREAK;
    int n = kind == LETTER && depth ? expansion(c, more) : 0;
    if (n == 0)
        s->out[s->n++] = c;
    for (int i = 0; i < n; i++)
        fold_into(s, more[i], depth - 1);
}

int fold_point(uint32_t c, uint32_t out[FOLD_POINTS])
{
    struct sink s = {out, 0};
    if (kind_of(c) == BREAK)
        return -1;
    fold_into(&s, c, 4);
    return s.n;
}
