/* SPDX-License-Identifier: Apache-2.0
 * UTF-8, encodings, ids, times, forms. */
#include "tests/unit/test.h"
#include "gateway/base/err.h"
#include "gateway/base/text.h"

static const struct {
    const char *bytes;
    int bad; /* offset of the first bad byte, -1 when valid */
} utf8_cases[] = {
    {"", -1},
    {"plain ascii, longer than eight bytes", -1},
    {"\xD8\xB3\xD9\x84\xD8\xA7\xD9\x85", -1},
    {"\xC2\x80", -1},
    {"\xDF\xBF", -1},
    {"\xE0\xA0\x80", -1},
    {"\xED\x9F\xBF", -1},
    {"\xEE\x80\x80", -1},
    {"\xEF\xBF\xBF", -1},
    {"\xF0\x90\x80\x80", -1},
    {"\xF4\x8F\xBF\xBF", -1},
    {"\xEF\xBB\xBF", -1},    /* a byte order mark is a character like any other */
    {"ab\x80", 2},           /* continuation alone */
    {"\xC0\x80", 0},         /* overlong NUL */
    {"\xC1\xBF", 0},         /* overlong */
    {"\xE0\x9F\xBF", 0},     /* overlong */
    {"\xF0\x8F\xBF\xBF", 0}, /* overlong */
    {"\xED\xA0\x80", 0},     /* surrogate */
    {"\xED\xBF\xBF", 0},     /* surrogate */
    {"\xF4\x90\x80\x80", 0}, /* above U+10FFFF */
    {"\xF5\x80\x80\x80", 0},
    {"\xFE", 0},
    {"\xFF", 0},
    {"abc\xC3", 3}, /* cut */
    {"abc\xE2\x82", 3},
    {"abc\xF0\x9F\x98", 3},
    {"\xE2\x28\xA1", 0},
    {"\xC3\x28", 0},
    {"12345678\xD8", 8},
    {"1234567\xD8\xD8", 7},
    {"\xF0\x9F\x98\x80 12345678 \xFF", 14},
};

T(utf8_edges)
{
    for (size_t i = 0; i < sizeof(utf8_cases) / sizeof(utf8_cases[0]); i++) {
        struct slice s = slice_str(utf8_cases[i].bytes);
        char *exact = slice_dup(s); /* the sanitizer sees a read behind the end */
        size_t at = 999;
        bool valid = text_valid(slice_of(exact, s.n), &at);
        free(exact);
        EQ_INT(valid, utf8_cases[i].bad < 0);
        if (!valid)
            EQ_INT(at, utf8_cases[i].bad);
        EQ_INT(text_valid(s, NULL), valid);
    }
}

T(utf8_nul_is_not_valid_anywhere)
{
    char s[40];
    for (size_t n = 1; n < sizeof(s); n++)
        for (size_t at = 0; at < n; at++) {
            size_t bad = 0;
            memset(s, 'a', n);
            s[at] = '\0';
            OK(!text_valid(slice_of(s, n), &bad));
            EQ_INT(bad, at);
        }
}

T(utf8_walk)
{
    struct slice s = SLICE("a\xD8\xB3\xE2\x82\xAC\xF0\x9F\x98\x80\xFFz\xE2\x82");
    const uint32_t want[] = {'a', 0x633, 0x20AC, 0x1F600, 0xFFFD, 'z', 0xFFFD, 0xFFFD};
    size_t i = 0, k = 0;
    while (i < s.n)
        EQ_INT(text_next(s, &i), want[k++]);
    EQ_INT(k, 8);
}

T(utf16_units)
{
    EQ_INT(text_utf16_units(SLICE("")), 0);
    EQ_INT(text_utf16_units(SLICE("abc")), 3);
    EQ_INT(text_utf16_units(SLICE("\xD8\xB3\xD9\x84")), 2);
    EQ_INT(text_utf16_units(SLICE("\xF0\x9F\x98\x80")), 2);
}

T(hex)
{
    char out[9];
    unsigned char back[4];
    text_hex(out, "\x00\xFF\x1a\xB2", 4);
    EQ_STR(out, "00ff1ab2");
    OK(text_unhex(back, 4, SLICE("00FF1aB2")) && memcmp(back, "\x00\xFF\x1a\xB2", 4) == 0);
    OK(!text_unhex(back, 4, SLICE("00FF1aB")));
    OK(!text_unhex(back, 4, SLICE("00FF1aBg")));
    OK(!text_unhex(back, 3, SLICE("00FF1aB2")));
}

T(base64_known_answers)
{
    /* RFC 4648, section 10 */
    const char *plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    const char *coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < 7; i++) {
        char out[16], back[16];
        EQ_INT(text_base64(out, plain[i], strlen(plain[i])), strlen(coded[i]));
        EQ_STR(out, coded[i]);
        EQ_INT(text_unbase64(back, sizeof(back), slice_str(coded[i])), strlen(plain[i]));
        OK(memcmp(back, plain[i], strlen(plain[i])) == 0);
        size_t n = text_base64url(out, plain[i], strlen(plain[i]));
        OK(strchr(out, '=') == NULL);
        EQ_INT(text_unbase64(back, sizeof(back), slice_of(out, n)), strlen(plain[i]));
    }
    char out[8];
    text_base64(out, "\xFB\xFF\xFE", 3);
    EQ_STR(out, "+//+");
    text_base64url(out, "\xFB\xFF\xFE", 3);
    EQ_STR(out, "-__-");
}

T(base64_is_strict)
{
    char out[16];
    const char *bad[] = {"Z",  "Zg=",      "Zg===", "Zh==",   "Zm9=",  "Z===",    "====", "=",
                         "==", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9v!", "Z\xD8zz", "Zm9vZ"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EQ_INT(text_unbase64(out, sizeof(out), slice_str(bad[i])), -1);
    EQ_INT(text_unbase64(out, 2, SLICE("Zm9v")), -1); /* no room */
    EQ_INT(text_unbase64(out, 3, SLICE("Zm9v")), 3);
    EQ_INT(text_unbase64(out, sizeof(out), SLICE("Zg")), 1);
}

T(base64_round_trips)
{
    unsigned char in[50], back[53];
    char out[80];
    for (size_t n = 0; n <= sizeof(in); n++) {
        text_random(in, n);
        size_t len = n % 2 ? text_base64(out, in, n) : text_base64url(out, in, n);
        EQ_INT(text_unbase64(back, 3 * (len / 4) + 3, slice_of(out, len)), n);
        OK(memcmp(in, back, n) == 0);
    }
}

T(secrets_compare)
{
    OK(text_equal_secret(SLICE("abc"), SLICE("abc")));
    OK(!text_equal_secret(SLICE("abc"), SLICE("abd")));
    OK(!text_equal_secret(SLICE("abc"), SLICE("ab")));
    OK(text_equal_secret(slice_of(NULL, 0), SLICE("")));
}

T(ids_and_names)
{
    struct id a = id_new(), b = id_new();
    OK(id_valid(slice_str(a.s)));
    OK(strcmp(a.s, b.s) != 0);
    unsigned char seen[256] = {0};
    for (int i = 0; i < 200; i++) {
        struct id x = id_new();
        for (int k = 0; k < ID_LEN; k++)
            seen[(unsigned char)x.s[k]] = 1;
    }
    for (const char *c = "abcdefghijklmnopqrstuvwxyz234567"; *c; c++)
        OK(seen[(unsigned char)*c]);
    OK(!id_valid(SLICE("")));
    OK(!id_valid(SLICE("aaaaaaaaaaaaaaaaaaaaaaaaa")));
    OK(!id_valid(SLICE("aaaaaaaaaaaaaaaaaaaaaaaaa1")));
    OK(!id_valid(SLICE("Aaaaaaaaaaaaaaaaaaaaaaaaaa")));
    OK(name_valid(SLICE("a")) && name_valid(SLICE("0-x_y.z")));
    OK(!name_valid(SLICE("")) && !name_valid(SLICE(".a")) && !name_valid(SLICE("-a")) &&
       !name_valid(SLICE("A")) && !name_valid(SLICE("a/b")) && !name_valid(SLICE("a b")) &&
       !name_valid(slice_of("a\0", 2)) && !name_valid(SLICE("a{b}")));
    char name[65];
    memset(name, 'a', sizeof(name));
    OK(name_valid(slice_of(name, 63)) && !name_valid(slice_of(name, 64)));
    OK(area_valid(SLICE("tr")) && area_valid(SLICE("tr/izmir/konak")));
    OK(!area_valid(SLICE("")) && !area_valid(SLICE("/tr")) && !area_valid(SLICE("tr/")) &&
       !area_valid(SLICE("tr//x")) && !area_valid(SLICE("..")));
}

T(times_to_text)
{
    char t[TIME_TEXT];
    time_text(0, t);
    EQ_STR(t, "1970-01-01T00:00:00.000Z");
    time_text(-1, t);
    EQ_STR(t, "1969-12-31T23:59:59.999Z");
    time_text(951782400123, t);
    EQ_STR(t, "2000-02-29T00:00:00.123Z");
    time_text(4107542399999, t);
    EQ_STR(t, "2100-02-28T23:59:59.999Z");
    time_text(INT64_MAX, t);
    EQ_STR(t, "9999-12-31T23:59:59.999Z");
    time_text(INT64_MIN, t);
    EQ_STR(t, "0000-01-01T00:00:00.000Z");
}

T(times_from_text)
{
    const struct {
        const char *s;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01 00:00:00", 0},
        {"2026-01-01T06:04:45.123Z", 1767247485123},
        {"2026-01-01T06:04:45.1239999Z", 1767247485123},
        {"2026-01-01T06:04:45.5", 1767247485500},
        {"2026-01-01T09:04:45+03:00", 1767247485000},
        {"2026-01-01T01:34:45-04:30", 1767247485000},
        {"2026-01-01T06:04:45-00:00", 1767247485000},
        {"2016-12-31T23:59:60Z", 1483228799000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ms = 1;
        OK(time_parse(slice_str(good[i].s), &ms));
        EQ_INT(ms, good[i].ms);
    }
    const char *bad[] = {"",
                         "1970-01-01",
                         "1970-01-01T",
                         "1970-01-01T00:00",
                         "1970-01-01T00:00:00.",
                         "1970-01-01T00:00:00.Z",
                         "1970-1-01T00:00:00Z",
                         "1970-13-01T00:00:00Z",
                         "1970-00-01T00:00:00Z",
                         "1970-01-32T00:00:00Z",
                         "1970-01-00T00:00:00Z",
                         "2023-02-29T00:00:00Z",
                         "2100-02-29T00:00:00Z",
                         "1970-01-01T24:00:00Z",
                         "1970-01-01T00:60:00Z",
                         "1970-01-01T00:00:61Z",
                         "1970-01-01T00:00:00+0300",
                         "1970-01-01T00:00:00+24:00",
                         "1970-01-01T00:00:00+03:60",
                         "1970-01-01T00:00:00ZZ",
                         "1970-01-01T00:00:00 Z",
                         "1970-01-01X00:00:00Z",
                         "+970-01-01T00:00:00Z",
                         "12026-01-01T00:00:00Z",
                         "1970-01-01T00:00:00+",
                         "1970-01-01T00:00:00+03:"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms;
        char *exact = slice_dup(slice_str(bad[i]));
        bool taken = time_parse(slice_of(exact, strlen(bad[i])), &ms);
        free(exact);
        if (taken)
            TEST_FAIL("taken: %s", bad[i]);
    }
}

T(times_round_trip_each_day)
{
    char t[TIME_TEXT], before[TIME_TEXT] = "";
    for (int64_t day = -200000; day < 200000; day += 1) {
        int64_t ms = day * 86400000 + 12345678, back;
        time_text(ms, t);
        OK(time_parse(slice_of(t, TIME_TEXT - 1), &back));
        EQ_INT(back, ms);
        OK(strcmp(before, t) < 0);
        memcpy(before, t, sizeof(before));
    }
}

T(clocks)
{
    int64_t a = time_mono_us(), b = time_mono_us();
    OK(b >= a);
    OK(time_wall_ms() > 1600000000000);
}

T(url_coding)
{
    struct buf b;
    buf_init(&b, 1000);
    text_url_encode(&b, SLICE("aZ09-._~ /?&=+%\xD8\xB3"));
    EQ_SLICE(buf_view(&b), "aZ09-._~%20%2F%3F%26%3D%2B%25%D8%B3");
    struct buf back;
    buf_init(&back, 1000);
    EQ_INT(text_url_decode(&back, buf_view(&b), false), 0);
    EQ_SLICE(buf_view(&back), "aZ09-._~ /?&=+%\xD8\xB3");
    buf_reset(&back);
    EQ_INT(text_url_decode(&back, SLICE("a+b%2b"), true), 0);
    EQ_SLICE(buf_view(&back), "a b+");
    buf_reset(&back);
    EQ_INT(text_url_decode(&back, SLICE("a+b"), false), 0);
    EQ_SLICE(buf_view(&back), "a+b");
    const char *bad[] = {"%", "a%", "%2", "%2g", "%g2", "x%%20", "abc%4"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        buf_reset(&back);
        buf_str(&back, "kept");
        EQ_INT(text_url_decode(&back, slice_str(bad[i]), false), -ERR_INVALID);
        EQ_SLICE(buf_view(&back), "kept");
    }
    buf_clear(&b);
    buf_clear(&back);
}

T(forms)
{
    struct buf b;
    struct slice form = SLICE("a=1&b=x+y%26&empty=&bare&a=2&%63=three&bad=%zz");
    buf_init(&b, 100);
    OK(text_form_get(form, "a", &b));
    EQ_SLICE(buf_view(&b), "1");
    buf_reset(&b);
    OK(text_form_get(form, "b", &b));
    EQ_SLICE(buf_view(&b), "x y&");
    buf_reset(&b);
    OK(text_form_get(form, "empty", &b) && b.n == 0);
    OK(text_form_get(form, "bare", &b) && b.n == 0);
    OK(text_form_get(form, "c", &b));
    EQ_SLICE(buf_view(&b), "three");
    OK(!text_form_get(form, "bad", &b));
    OK(!text_form_get(form, "missing", &b));
    OK(!text_form_get(form, "", &b));
    OK(!text_form_get(slice_of(NULL, 0), "a", &b));
    buf_clear(&b);
    buf_init(&b, 1);
    OK(!text_form_get(form, "b", &b)); /* over the buffer's max */
    buf_clear(&b);
}

TEST_MAIN
