/* SPDX-License-Identifier: Apache-2.0
 * Prefixes and endings of the words of a text. */
#include "router/topic_word.h"
#include <string.h>

/* How many letters may follow a word of a phrase of four letters and more. Where words take few endings the
 * shorter words take fewer ("card": "cards", not "cardinal"). */
static const struct {
    unsigned char most;
    bool by_length;
} endings[LANGUAGE_COUNT + 1] = {
    [LANGUAGE_AR] = {3, false}, [LANGUAGE_FA] = {5, false}, [LANGUAGE_PRS] = {5, false},
    [LANGUAGE_PS] = {3, true},  [LANGUAGE_UR] = {3, true},  [LANGUAGE_CKB] = {5, false},
    [LANGUAGE_SO] = {4, true},  [LANGUAGE_FR] = {3, true},  [LANGUAGE_TR] = {7, false},
    [LANGUAGE_EN] = {3, true},  [LANGUAGE_KMR] = {4, true}, [LANGUAGE_ES] = {3, true},
    [LANGUAGE_AM] = {2, false}, [LANGUAGE_TI] = {2, false}, [LANGUAGE_UK] = {3, true},
};

#define AND_WAW "\xD9\x88"         /* و */
#define AND_FEH "\xD9\x81"         /* ف */
#define BY_BEH  "\xD8\xA8"         /* ب */
#define TO_LAM  "\xD9\x84"         /* ل */
#define AS_KAF  "\xD9\x83"         /* ك */
#define ARTICLE "\xD8\xA7\xD9\x84" /* ال */
#define HEH     "\xD9\x87"         /* ه, and ة folded */

static unsigned letters_of(struct slice s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

static inline bool at(struct slice s, size_t i, const char *letters)
{
    size_t n = strlen(letters);
    return s.n >= i + n && memcmp(s.p + i, letters, n) == 0;
}

static bool at_any(struct slice s, size_t i, const char *const *list)
{
    for (; *list; list++)
        if (at(s, i, *list))
            return true;
    return false;
}

void topic_word_set(struct topic_word *w, struct slice word, enum language l)
{
    bool arabic = l == LANGUAGE_AR;
    if (arabic && at(word, 0, ARTICLE) && letters_of(word) >= 5)
        word = slice_of(word.p + 4, word.n - 4);
    w->stem = arabic && letters_of(word) >= 4 && at(word, word.n - 2, HEH);
    if (w->stem)
        word.n -= 2;
    memcpy(w->s, word.p, word.n);
    w->n = (unsigned char)word.n;
    w->letters = (unsigned char)letters_of(word);
}

/* The word from i on is the phrase's, but for an ending. */
static bool fits_from(const struct topic_word *w, struct slice word, size_t i, enum language l)
{
    if (word.n - i < w->n || memcmp(word.p + i, w->s, w->n) != 0)
        return false;
    unsigned more = letters_of(slice_of(word.p + i + w->n, word.n - i - w->n)), most = endings[l].most;
    if (more == 0)
        return true;
    if (w->letters < (w->stem ? 3 : 4))
        return false;
    if (endings[l].by_length && w->letters - 2u < most)
        most = w->letters - 2u;
    return more <= most;
}

static unsigned starts_add(struct slice word, size_t i, unsigned n, size_t starts[TOPIC_WORD_STARTS])
{
    unsigned least = (unsigned char)word.p[0] >= 0xE1 ? 2 : 3;
    if (n == TOPIC_WORD_STARTS || letters_of(slice_of(word.p + i, word.n - i)) < least)
        return n;
    starts[n++] = i;
    return n;
}

static unsigned starts_arabic(struct slice w, size_t starts[TOPIC_WORD_STARTS])
{
    unsigned n = 1;
    size_t after_and = at(w, 0, AND_WAW) || at(w, 0, AND_FEH) ? 2 : 0;
    for (size_t i = 0;; i = after_and) {
        if (i)
            n = starts_add(w, i, n, starts);
        if (at(w, i, ARTICLE))
            n = starts_add(w, i + 4, n, starts);
        if (at(w, i, BY_BEH) || at(w, i, TO_LAM) || at(w, i, AS_KAF)) {
            n = starts_add(w, i + 2, n, starts);
            if (at(w, i + 2, ARTICLE))
                n = starts_add(w, i + 6, n, starts);
            else if (at(w, i, TO_LAM TO_LAM))
                n = starts_add(w, i + 4, n, starts);
        }
        if (i == after_and)
            return n;
    }
}

static unsigned starts_ethiopic(struct slice w, size_t starts[TOPIC_WORD_STARTS])
{
    static const char *const before[] = {"የ", "በ", "ለ", "ከ", "ን", "ብ", "ዝ", NULL};
    return at_any(w, 0, before) ? starts_add(w, 3, 1, starts) : 1;
}

unsigned topic_word_starts(struct slice word, size_t starts[TOPIC_WORD_STARTS])
{
    unsigned char first = (unsigned char)word.p[0];
    starts[0] = 0;
    if (first == 0xD8 || first == 0xD9)
        return starts_arabic(word, starts);
    return first == 0xE1 ? starts_ethiopic(word, starts) : 1;
}

bool topic_word_fits(const struct topic_word *w, struct slice word, enum language l)
{
    size_t starts[TOPIC_WORD_STARTS];
    bool prefixes = l == LANGUAGE_AR || l == LANGUAGE_AM || l == LANGUAGE_TI;
    unsigned n = prefixes ? topic_word_starts(word, starts) : 1;
    if (fits_from(w, word, 0, l))
        return true;
    for (unsigned i = 1; i < n; i++)
        if (fits_from(w, word, starts[i], l))
            return true;
    return false;
}
