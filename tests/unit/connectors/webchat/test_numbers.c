/* SPDX-License-Identifier: Apache-2.0
 * Numbers and codes beside Arabic script, on the page without scripts. */
#include "connectors/webchat/webchat.h"
#include "tests/unit/test.h"

static const char *written(const char *text)
{
    static char last[2048];
    struct out o;
    out_init(&o, sizeof last - 1);
    out_written(&o, bytes_of(text));
    memcpy(last, out_view(&o).p, out_view(&o).n);
    last[o.n] = '\0';
    out_clear(&o);
    return last;
}

#define N "<bdi dir=\"ltr\" class=\"number\">"

T(telephone_numbers_keep_their_order)
{
    EQ_STR(written("وهاتفي +90 555 111 00 01 لا يعمل"), "وهاتفي " N "+90 555 111 00 01</bdi> لا يعمل");
    EQ_STR(written("اتصل على +90 (212) 555 01 02."), "اتصل على " N "+90 (212) 555 01 02</bdi>.");
    EQ_STR(written("رقمي ٠٥٥٥ ١١١ ٠٠ ٠١"), "رقمي " N "٠٥٥٥ ١١١ ٠٠ ٠١</bdi>");
    EQ_STR(written("ر 0555\u00a0111\u00a000"), "ر " N "0555\u00a0111\u00a000</bdi>");
}

T(case_codes_are_not_cut_at_their_hyphen)
{
    EQ_STR(written("ملفي 385-24C00917، <ماذا>"), "ملفي " N "385-24C00917</bdi>، &lt;ماذا&gt;");
    EQ_STR(written("ملفي 385-24C00917"), "ملفي " N "385-24C00917</bdi>");
}

T(dates_ranges_and_what_stands_in_latin_text_stay_as_they_are)
{
    static const char *const same[] = {"موعدك 2026-12-03 الساعة 10:30",
                                       "من 10-12",
                                       "IBAN 12 3456 7890 12 نعم",
                                       "a@385-24C00917 ب",
                                       "call +90 (212) 555 01 02",
                                       "غرفة 12",
                                       "",
                                       "+("};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        EQ_STR(written(same[i]), same[i]);
}

T(a_very_long_run_may_break)
{
    EQ_STR(written("ب 1-2222222222-3333333333"), "ب <bdi dir=\"ltr\">1-2222222222-3333333333</bdi>");
}

T(any_bytes_are_taken_and_none_is_lost)
{
    static const char pieces[][4] = {"+", "(",      "7", "٣", "۴",    "-",    ".",
                                     " ", "\u00a0", "A", "ب", "\xD9", "\xC2", "@"};
    unsigned seed = 7;
    for (int round = 0; round < 2000; round++) {
        char text[128] = "", plain[2048] = "";
        for (int k = 0; k < 24; k++) {
            seed = seed * 1103515245u + 12345u;
            strcat(text, pieces[(seed >> 16) % (sizeof pieces / sizeof *pieces)]);
        }
        size_t n = 0;
        for (const char *p = written(text); *p; p++) {
            if (*p == '<')
                p = strchr(p, '>');
            else
                plain[n++] = *p;
        }
        EQ_STR(plain, text);
    }
}

TEST_MAIN
