/* SPDX-License-Identifier: Apache-2.0
 * By ICU; the zone is the caller's matter, since ICU's own is older than the system's. */
#include "gateway/daemon/when.h"
#include <stdio.h>
#include <string.h>
#include <unicode/udat.h>
#include <unicode/udatpg.h>
#include <unicode/unum.h>
#include <unicode/ustring.h>

#define WHEN_MAX 200

/* ICU's name of the language, with the digits in which channels number choices (gateway/host/plan.c). */
static void locale_of(const char *language, char *out, size_t n)
{
    static const struct {
        const char *tag, *locale;
    } own[] = {{"ar", "ar@numbers=arab"},
               {"ckb", "ckb@numbers=arab"},
               {"fa", "fa@numbers=arabext"},
               {"prs", "fa_AF@numbers=arabext"},
               {"ps", "ps@numbers=arabext"},
               {"ur", "ur@numbers=arabext"},
               {"kmr", "ku"},
               {"en", "en_GB"}};
    size_t primary = language && *language ? strcspn(language, "-") : 0;
    snprintf(out, n, "%.*s", primary ? (int)(primary < 12 ? primary : 12) : 5, primary ? language : "en_GB");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strlen(own[i].tag) == primary && memcmp(own[i].tag, language, primary) == 0)
            snprintf(out, n, "%s", own[i].locale);
}

static void put(struct buf *b, const UChar *text, int32_t n, UErrorCode *code)
{
    char utf8[4 * WHEN_MAX];
    int32_t size = 0;
    u_strToUTF8(utf8, sizeof utf8, &size, text, n, code);
    if (U_SUCCESS(*code) && size < (int32_t)sizeof utf8)
        buf_add(b, utf8, (size_t)size);
}

/* The solar months have names of their own in Afghanistan. */
static void afghan_months(struct buf *b, struct slice text)
{
    static const char *const names[][2] = {{"فروردین", "حمل"}, {"اردیبهشت", "ثور"}, {"خرداد", "جوزا"},
                                           {"تیر", "سرطان"},   {"مرداد", "اسد"},    {"شهریور", "سنبله"},
                                           {"مهر", "میزان"},   {"آبان", "عقرب"},    {"آذر", "قوس"},
                                           {"دی", "جدی"},      {"بهمن", "دلو"},     {"اسفند", "حوت"}};
    struct slice word;
    for (bool first = true; slice_next(&text, ' ', &word); first = false) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (slice_is(word, names[i][0]))
                word = slice_str(names[i][1]);
        buf_str(b, first ? "" : " ");
        buf_slice(b, word);
    }
}

void when_text(struct buf *b, int64_t local_ms, const char *language)
{
    static const UChar utc[] = {'E', 't', 'c', '/', 'U', 'T', 'C', 0};
    UChar skeleton[16], pattern[WHEN_MAX], text[WHEN_MAX];
    char locale[40];
    UErrorCode code = U_ZERO_ERROR;
    locale_of(language, locale, sizeof locale);
    u_uastrncpy(skeleton, "EEEEdMMMMHHmm", 16);
    UDateTimePatternGenerator *g = udatpg_open(locale, &code);
    int32_t n = g ? udatpg_getBestPattern(g, skeleton, -1, pattern, WHEN_MAX, &code) : 0;
    UDateFormat *f =
        U_SUCCESS(code) ? udat_open(UDAT_PATTERN, UDAT_PATTERN, locale, utc, -1, pattern, n, &code) : NULL;
    n = f ? udat_format(f, (UDate)local_ms, text, WHEN_MAX, NULL, &code) : 0;
    struct buf plain;
    buf_init(&plain, 4 * WHEN_MAX);
    put(&plain, text, n, &code);
    if (strcmp(locale, "fa_AF@numbers=arabext") == 0)
        afghan_months(b, buf_view(&plain));
    else
        buf_slice(b, buf_view(&plain));
    buf_clear(&plain);
    if (f)
        udat_close(f);
    if (g)
        udatpg_close(g);
}

void when_number(struct buf *b, unsigned n, const char *language)
{
    UChar text[WHEN_MAX];
    char locale[40];
    UErrorCode code = U_ZERO_ERROR;
    locale_of(language, locale, sizeof locale);
    UNumberFormat *f = unum_open(UNUM_DECIMAL, NULL, 0, locale, NULL, &code);
    int32_t size = f && U_SUCCESS(code) ? unum_format(f, (int32_t)n, text, WHEN_MAX, NULL, &code) : 0;
    put(b, text, size, &code);
    if (f)
        unum_close(f);
}
