/* SPDX-License-Identifier: Apache-2.0
 * Splitting long texts for channels with a limit. */
#include "tests/unit/test.h"
#include "gateway/base/text.h"

T(short_texts_stay_whole)
{
    EQ_INT(text_split(SLICE(""), 10), 0);
    EQ_INT(text_split(SLICE("hello"), 5), 5);
    EQ_INT(text_split(SLICE("\xF0\x9F\x98\x80"), 2), 4);
}

T(prefers_a_line_then_a_space)
{
    /* 20 units: the last quarter begins behind the 15th */
    EQ_INT(text_split(SLICE("aaaaaaaaaaaaaaaa\nbb cccccccc"), 20), 17);
    EQ_INT(text_split(SLICE("aaaaaaaaaaaaaaaa bbbbbbbbbbbbb"), 20), 17);
    EQ_INT(text_split(SLICE("aaaaa aaaaaaaaaaaaaaaaaaaaaaaa"), 20), 20); /* too far back */
    EQ_INT(text_split(SLICE("aaaaaaaaaaaaaaaaaaa bbbbbbbbbb"), 20), 20);
    EQ_INT(text_split(SLICE("aaaaaaaaaaaaaaaaaaa\r\nbbbbbbbb"), 20), 19); /* CR LF stays together */
}

T(keeps_graphemes)
{
    /* a family of four joined by ZWJ: 11 units, one grapheme */
    const char *family = "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA7\xE2\x80"
                         "\x8D\xF0\x9F\x91\xA6";
    char text[200];
    snprintf(text, sizeof(text), "ab%s%s", family, family);
    size_t one = strlen(family);
    for (size_t max = 13; max < 24; max++)
        EQ_INT(text_split(slice_str(text), max), 2 + one);
    EQ_INT(text_split(slice_str(text), 24), 2 + 2 * one);
    for (size_t max = 2; max < 13; max++)
        EQ_INT(text_split(slice_str(text), max), 2);
}

T(keeps_marks_on_their_letters)
{
    /* Arabic letter with shadda and fatha, then another */
    struct slice s = SLICE("\xD9\x85\xD9\x91\xD9\x8E\xD8\xAF\xD9\x91");
    EQ_INT(text_split(s, 4), 6);
    EQ_INT(text_split(s, 3), 6);
    EQ_INT(text_split(s, 5), s.n);
    /* flags are pairs of regional indicators */
    struct slice flags = SLICE("\xF0\x9F\x87\xB9\xF0\x9F\x87\xB7\xF0\x9F\x87\xB8\xF0\x9F\x87\xBE");
    EQ_INT(text_split(flags, 6), 8);
    /* a space that carries a mark is no place to cut */
    EQ_INT(text_split(SLICE("aaaaaaaaaaaaaaa \xCC\x81zzzzzzz"), 18), 19);
}

T(never_stops_and_never_cuts_a_code_point)
{
    EQ_INT(text_split(SLICE("\xF0\x9F\x98\x80x"), 1), 4); /* wider than max: taken all the same */
    EQ_INT(text_split(SLICE("\xF0\x9F\x98\x80x"), 0), 4);
    /* one letter under 500 marks: longer than max, cut between code points */
    char zalgo[1001];
    zalgo[0] = 'Z';
    for (size_t i = 0; i < 500; i++)
        memcpy(zalgo + 1 + 2 * i, "\xCC\x81", 2);
    size_t at = 0, pieces = 0;
    while (at < sizeof(zalgo)) {
        size_t n = text_split(slice_of(zalgo + at, sizeof(zalgo) - at), 70);
        OK(n > 0);
        OK(text_valid(slice_of(zalgo + at, n), NULL));
        at += n;
        pieces++;
    }
    EQ_INT(at, sizeof(zalgo));
    OK(pieces >= 8 && pieces < 20);
}

T(long_arabic_text)
{
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 2000; i++)
        buf_str(&b,
                i % 17 == 16 ? "\xD8\xB3\xD9\x84\xD8\xA7\xD9\x85\n" : "\xD8\xB3\xD9\x84\xD8\xA7\xD9\x85 ");
    struct slice rest = buf_view(&b);
    size_t all = 0;
    while (rest.n) {
        size_t n = text_split(rest, 4096);
        struct slice part = slice_of(rest.p, n);
        OK(n > 0 && text_utf16_units(part) <= 4096 && text_valid(part, NULL));
        if (n < rest.n)
            EQ_INT(part.p[n - 1], '\n');
        rest = slice_of(rest.p + n, rest.n - n);
        all += n;
    }
    EQ_INT(all, b.n);
    buf_clear(&b);
}

TEST_MAIN
