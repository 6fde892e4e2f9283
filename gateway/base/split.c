/* SPDX-License-Identifier: Apache-2.0
 * Cutting long texts where a reader would: at lines, else at spaces, never inside a grapheme (ICU's rules).
 */
#include "gateway/base/err.h"
#include "gateway/base/text.h"
#include <unicode/ubrk.h>
#include <unicode/utext.h>

/* How far behind the cut the break rules are shown the text: whether a border is one depends on what follows.
 */
#define SPLIT_LOOKAHEAD 64

/* Bytes of the longest prefix of whole code points with at most max units. */
static size_t split_limit(struct slice s, size_t max_units)
{
    size_t units = 0, i = 0;
    while (i < s.n) {
        size_t next = i;
        units += text_next(s, &next) >= 0x10000 ? 2 : 1;
        if (units > max_units)
            break;
        i = next;
    }
    return i;
}

static UBreakIterator *split_iterator(void)
{
    static _Thread_local UBreakIterator *iterator;
    if (!iterator) {
        UErrorCode status = U_ZERO_ERROR;
        iterator = ubrk_open(UBRK_CHARACTER, "", NULL, 0, &status);
        err_assert(U_SUCCESS(status));
    }
    return iterator;
}

/* The last border behind a line end, or else behind a space, in the last quarter of the cut; the cut itself
 * when there is none. */
static size_t split_prefer(struct slice s, size_t cut, UBreakIterator *it)
{
    size_t from = cut - cut / 4;
    for (size_t i = cut; i > from; i--)
        if (s.p[i - 1] == '\n')
            return i;
    for (size_t i = cut; i > from; i--)
        if (s.p[i - 1] == ' ' && ubrk_isBoundary(it, (int32_t)i))
            return i;
    return cut;
}

size_t text_split(struct slice s, size_t max_units)
{
    size_t limit = split_limit(s, max_units);
    if (limit == s.n)
        return s.n;
    if (limit == 0) {
        text_next(s, &limit); /* one character wider than max */
        return limit;
    }
    err_assert(limit < INT32_MAX - SPLIT_LOOKAHEAD - 4);
    size_t seen = limit;
    while (seen < s.n && seen < limit + SPLIT_LOOKAHEAD)
        text_next(s, &seen);

    UErrorCode status = U_ZERO_ERROR;
    UText text = UTEXT_INITIALIZER;
    utext_openUTF8(&text, s.p, (int64_t)seen, &status);
    UBreakIterator *it = split_iterator();
    ubrk_setUText(it, &text, &status);
    err_assert(U_SUCCESS(status));
    size_t cut = limit;
    if (!ubrk_isBoundary(it, (int32_t)limit)) {
        int32_t before = ubrk_preceding(it, (int32_t)limit);
        cut = before > 0 ? (size_t)before : 0;
    }
    size_t best =
        cut ? split_prefer(s, cut, it) : limit; /* one grapheme longer than max: between code points */
    utext_close(&text);
    return best;
}
