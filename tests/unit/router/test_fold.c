/* SPDX-License-Identifier: Apache-2.0
 * Folding: each rule, and properties over random text. */
#include "router/fold.h"
#include "gateway/base/text.h"
#include "tests/unit/test.h"

static struct buf out = {.max = 1 << 20};

static const char *folded(const char *s)
{
    buf_reset(&out);
    fold_text(slice_str(s), &out);
    return out.n ? out.p : "";
}
#define SAME(a, b)                                                                                           \
    do {                                                                                                     \
        char one[512];                                                                                       \
        snprintf(one, sizeof one, "%s", folded(a));                                                          \
        OK(one[0]);                                                                                          \
        EQ_STR(folded(b), one);                                                                              \
    } while (0)

#define DIFFER(a, b)                                                                                         \
    do {                                                                                                     \
        char other[512];                                                                                     \
        snprintf(other, sizeof other, "%s", folded(a));                                                      \
        OK(strcmp(folded(b), other) != 0);                                                                   \
    } while (0)

T(arabic_letters)
{
    SAME("أحمد", "احمد");
    SAME("إيجار", "ايجار");
    SAME("آب", "اب");
    SAME("ٱلله", "الله");
    SAME("علي", "على");
    SAME("علی", "على");
    SAME("كتاب", "کتاب");
    SAME("مدرسة", "مدرسه");
    SAME("ہے", "هے");
    SAME("بھائی", "بہائي");
    SAME("مسؤول", "مسوول");
    SAME("مسائل", "مسايل");
    SAME("ێوە", "یوه");
    SAME("ڕۆژ", "روژ");
    SAME("خانۀ", "خانه");
    SAME("ﻻ", "لا");
    SAME("ﷺ", "صلى الله عليه وسلم");
    DIFFER("پدر", "بدر");
}

T(what_is_dropped)
{
    SAME("تَسْجِيلٌ", "تسجيل");
    SAME("تـــسجيل", "تسجيل");
    EQ_STR(folded("می\xE2\x80\x8Cروم"), folded("میروم"));
    EQ_STR(folded("a\xE2\x80\x8D"
                  "b"),
           "ab");
    EQ_STR(folded("\xE2\x80\xAB"
                  "abc"
                  "\xE2\x80\xAC"),
           "abc");
    EQ_STR(folded("soft\xC2\xADhyphen"), "softhyphen");
    SAME("هٰذا", "هذا");
}

T(digits_of_all_sets)
{
    EQ_STR(folded("٠١٢٣٤٥٦٧٨٩"), "0123456789");
    EQ_STR(folded("۰۱۲۳۴۵۶۷۸۹"), "0123456789");
    EQ_STR(folded("०१२ 42"), "012 42");
}

T(turkish_and_latin)
{
    EQ_STR(folded("İstanbul ISTANBUL ıstanbul istanbul"), "istanbul istanbul istanbul istanbul");
    EQ_STR(folded("Kayıt KAYIT kayit"), "kayit kayit kayit");
    EQ_STR(folded("Çığlık ŞÜKRÜ"), "ciglik sukru");
    EQ_STR(folded("Éléphant ÉLÉPHANT"), "elephant elephant");
    EQ_STR(folded("e\xCC\x81t\xC3\xA9"), "ete");
    EQ_STR(folded("Straße STRASSE"), "strasse strasse");
    EQ_STR(folded("niño Xwê"), "nino xwe");
    EQ_STR(folded("ﬁn \xEF\xBC\xA1"), "fin a");
}

T(other_scripts)
{
    SAME("Їжак", "їжак");
    SAME("ПАСПОРТ", "паспорт");
    SAME("ሀገር", "ሐገር");
    SAME("ሥራ", "ስራ");
    SAME("ዓለም", "አለም");
    DIFFER("በላ", "በለ");
    EQ_STR(folded("हिन्दी"), "हिन्दी");
}

T(words)
{
    EQ_STR(folded("  Hello,   world! "), "hello world");
    EQ_STR(folded("Boston'dan l\xE2\x80\x99"
                  "eau"),
           "boston dan l eau");
    EQ_STR(folded("covid-19 a_b x@y.org"), "covid 19 a b x y org");
    EQ_STR(folded("سلام،کمک؟"), "سلام كمك");
    EQ_STR(folded("😀👍🏽 ok"), "ok");
    EQ_STR(folded("!!! ... 😀"), "");
    EQ_STR(folded(""), "");
    EQ_STR(folded("a\xFF"
                  "b\xC3"),
           "a b");
}

static size_t longest, count;
static void measure(void *arg, struct slice word)
{
    (void)arg;
    OK(text_valid(word, NULL));
    count++;
    longest = word.n > longest ? word.n : longest;
}

T(words_are_bounded)
{
    char big[1000];
    for (size_t i = 0; i + 1 < sizeof big; i += 2)
        memcpy(big + i, "\xD9\x85", 2);
    count = longest = 0;
    fold_words(slice_of(big, sizeof big), measure, NULL);
    EQ_INT(count, 1);
    EQ_INT(longest, FOLD_WORD_MAX);
    fold_words(slice_of(NULL, 0), measure, NULL);
    EQ_INT(count, 1);
}

T(words_in_order)
{
    struct arena *a = arena_new();
    size_t n;
    struct slice *w = fold_list(SLICE("Help help ME, me now"), a, &n);
    EQ_INT(n, 5);
    EQ_SLICE(w[0], "help");
    EQ_SLICE(w[1], "help");
    EQ_SLICE(w[4], "now");
    fold_list(SLICE(" ... "), a, &n);
    EQ_INT(n, 0);
    fold_list(slice_of(NULL, 0), a, &n);
    EQ_INT(n, 0);
    /* Many short words, and signs that are several words. */
    w = fold_list(SLICE("a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9 ﷺ ﷺ"), a, &n);
    EQ_INT(n, 43);
    EQ_SLICE(w[0], "a");
    EQ_SLICE(w[34], "9");
    EQ_SLICE(w[42], "وسلم");
    arena_free(&a);
}

T(distinct_words)
{
    struct arena *a = arena_new();
    size_t n;
    struct slice *w = fold_list(SLICE("Help help HELP me, me now please"), a, &n), few[2];
    EQ_INT(fold_distinct(w, n, a, few, 2), 2);
    EQ_SLICE(few[1], "me");
    EQ_INT(fold_distinct(w, n, a, few, 0), 0);
    EQ_INT(fold_distinct(w, n, a, w, n), 4);
    EQ_SLICE(w[0], "help");
    EQ_SLICE(w[3], "please");
    EQ_INT(fold_distinct(w, 0, a, w, 4), 0);
    arena_free(&a);
}

T(whole_message)
{
    OK(fold_is(SLICE(" Stop! "), SLICE("STOP")));
    OK(fold_is(SLICE("إيقاف"), SLICE("ايقاف")));
    OK(!fold_is(SLICE("stop it"), SLICE("stop")));
    OK(!fold_is(SLICE(""), SLICE("")));
}

/* Code points from where the rules are, and any bytes. */
static size_t random_text(char *s, size_t max)
{
    static const unsigned from[] = {0x20, 0xA0, 0x300, 0x400, 0x600, 0x1200, 0x2000, 0xFB50, 0xAC00, 0x1F600};
    size_t n = 0, want = text_random_u64() % max;
    while (n + 4 < want) {
        uint64_t r = text_random_u64();
        uint32_t c = from[r % 10] + (uint32_t)(r >> 8) % 0x100;
        if (r >> 60 == 0)
            s[n++] = (char)(r >> 20);
        else if (c < 0x80)
            s[n++] = (char)c;
        else if (c < 0x800)
            s[n++] = (char)(0xC0 | c >> 6), s[n++] = (char)(0x80 | (c & 63));
        else if (c < 0x10000)
            s[n++] = (char)(0xE0 | c >> 12), s[n++] = (char)(0x80 | (c >> 6 & 63)),
            s[n++] = (char)(0x80 | (c & 63));
        else
            s[n++] = (char)(0xF0 | c >> 18), s[n++] = (char)(0x80 | (c >> 12 & 63)),
            s[n++] = (char)(0x80 | (c >> 6 & 63)), s[n++] = (char)(0x80 | (c & 63));
    }
    return n;
}

T(folding_twice_changes_nothing)
{
    struct buf once, twice;
    buf_init(&once, 1 << 16);
    buf_init(&twice, 1 << 16);
    for (int i = 0; i < 3000; i++) {
        char s[400];
        size_t n = random_text(s, sizeof s);
        buf_reset(&once);
        buf_reset(&twice);
        EQ_INT(fold_text(slice_of(s, n), &once), 0);
        EQ_INT(fold_text(buf_view(&once), &twice), 0);
        OK(slice_eq(buf_view(&once), buf_view(&twice)));
        OK(text_valid(buf_view(&once), NULL));
        OK(once.n <= n * FOLD_GROWTH);
    }
    buf_clear(&once);
    buf_clear(&twice);
}

T(every_code_point_is_stable)
{
    struct buf once, twice;
    buf_init(&once, 1 << 16);
    buf_init(&twice, 1 << 16);
    for (uint32_t c = 1; c < 0x20000; c++) {
        char s[4];
        size_t n = 0;
        if (c >= 0xD800 && c < 0xE000)
            continue;
        if (c < 0x80)
            s[n++] = (char)c;
        else if (c < 0x800)
            s[n++] = (char)(0xC0 | c >> 6), s[n++] = (char)(0x80 | (c & 63));
        else if (c < 0x10000)
            s[n++] = (char)(0xE0 | c >> 12), s[n++] = (char)(0x80 | (c >> 6 & 63)),
            s[n++] = (char)(0x80 | (c & 63));
        else
            s[n++] = (char)(0xF0 | c >> 18), s[n++] = (char)(0x80 | (c >> 12 & 63)),
            s[n++] = (char)(0x80 | (c >> 6 & 63)), s[n++] = (char)(0x80 | (c & 63));
        buf_reset(&once);
        buf_reset(&twice);
        fold_text(slice_of(s, n), &once);
        fold_text(buf_view(&once), &twice);
        if (!slice_eq(buf_view(&once), buf_view(&twice)))
            TEST_FAIL("U+%04X is not stable: %s, then %s", c, once.p, twice.p);
        OK(once.n <= n * FOLD_GROWTH);
    }
    buf_clear(&once);
    buf_clear(&twice);
}

TEST_MAIN
