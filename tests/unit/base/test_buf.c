/* SPDX-License-Identifier: Apache-2.0
 * Slices, buffers, arenas, errors and memory. */
#include "tests/unit/test.h"
#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"

T(slices)
{
    OK(slice_eq(slice_str(NULL), SLICE("")));
    OK(slice_is(SLICE("abc"), "abc"));
    OK(!slice_is(SLICE("abc"), "abcd"));
    OK(slice_is_nocase(SLICE("Content-TYPE"), "content-type"));
    OK(!slice_is_nocase(SLICE("content"), "content-type"));
    OK(!slice_is_nocase(SLICE("content-type"), "content"));
    OK(!slice_is_nocase(slice_of("a\0", 2), "a"));
    OK(slice_starts(SLICE("unix:/x"), "unix:"));
    OK(!slice_starts(SLICE("uni"), "unix:"));
    EQ_SLICE(slice_trim(SLICE(" \t a b\t ")), "a b");
    EQ_SLICE(slice_trim(SLICE("  ")), "");
}

T(slice_parts)
{
    struct slice rest = SLICE("a,,b,"), part;
    const char *want[] = {"a", "", "b", ""};
    for (int i = 0; i < 4; i++) {
        OK(slice_next(&rest, ',', &part));
        EQ_SLICE(part, want[i]);
    }
    OK(!slice_next(&rest, ',', &part));
    OK(!slice_next(&rest, ',', &part));
    struct slice none = {NULL, 0};
    OK(!slice_next(&none, ',', &part));
}

T(slice_numbers)
{
    uint64_t v = 7;
    OK(slice_u64(SLICE("18446744073709551615"), &v) && v == UINT64_MAX);
    OK(!slice_u64(SLICE("18446744073709551616"), &v));
    OK(!slice_u64(SLICE("99999999999999999999999"), &v));
    OK(!slice_u64(SLICE(""), &v));
    OK(!slice_u64(SLICE("+1"), &v));
    OK(!slice_u64(SLICE("-1"), &v));
    OK(!slice_u64(SLICE("1 "), &v));
    OK(!slice_u64(SLICE("0x1"), &v));
    OK(slice_u64(SLICE("007"), &v) && v == 7);
}

T(buf_grows_to_its_max_and_no_further)
{
    struct buf b;
    buf_init(&b, 10);
    EQ_INT(buf_str(&b, "12345"), 0);
    EQ_INT(buf_str(&b, "67890"), 0);
    EQ_SLICE(buf_view(&b), "1234567890");
    EQ_INT(buf_char(&b, 'x'), -ERR_TOO_LARGE);
    EQ_SLICE(buf_view(&b), "1234567890");
    buf_drop_front(&b, 9);
    EQ_INT(buf_char(&b, 'x'), -ERR_TOO_LARGE); /* sticks although there would be room now */
    EQ_SLICE(buf_view(&b), "0");
    EQ_INT(b.p[b.n], 0);
    buf_reset(&b);
    EQ_INT(buf_printf(&b, "%s-%d", "ab", 42), 0);
    EQ_SLICE(buf_view(&b), "ab-42");
    EQ_INT(buf_printf(&b, "%s", "too long"), -ERR_TOO_LARGE);
    EQ_SLICE(buf_view(&b), "ab-42");
    OK(buf_reserve(&b, 1) == NULL);
    buf_clear(&b);
    EQ_INT(b.err, 0);
    EQ_INT(b.max, 10);
    EQ_INT(buf_add(&b, NULL, 0), 0);
    EQ_INT(b.p[0], 0);
    buf_clear(&b);
}

T(buf_printf_longer_than_its_room)
{
    struct buf b;
    buf_init(&b, 5000);
    buf_str(&b, "x");
    EQ_INT(buf_printf(&b, "%4000d", 7), 0);
    EQ_INT(b.n, 4001);
    EQ_INT(b.p[4000], '7');
    EQ_INT(b.p[4001], 0);
    buf_clear(&b);
}

T(buf_reserve_and_take)
{
    struct buf b;
    size_t n;
    buf_init(&b, 100);
    char *p = buf_reserve(&b, 100);
    OK(p);
    memcpy(p, "hello", 5);
    buf_commit(&b, 5);
    buf_drop_front(&b, 1);
    buf_drop_back(&b, 1);
    char *taken = buf_take(&b, &n);
    EQ_STR(taken, "ell");
    EQ_INT(n, 3);
    EQ_INT(b.n, 0);
    mem_free(taken);
    taken = buf_take(&b, &n);
    EQ_STR(taken, "");
    mem_free(taken);
}

T(buf_numbers_and_json)
{
    struct buf b;
    buf_init(&b, 1000);
    buf_u64(&b, 0);
    buf_char(&b, ' ');
    buf_u64(&b, UINT64_MAX);
    EQ_SLICE(buf_view(&b), "0 18446744073709551615");
    buf_reset(&b);
    buf_json_str(&b, SLICE("a\"b\\c\n\r\t\x01\x1f\x7f/\xD8\xB3"));
    EQ_SLICE(buf_view(&b), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\\u007f/\xD8\xB3\"");
    buf_reset(&b);
    buf_json_str(&b, slice_of(NULL, 0));
    EQ_SLICE(buf_view(&b), "\"\"");
    buf_clear(&b);
}

T(arena_gives_aligned_zeroed_memory)
{
    struct arena *a = arena_new();
    for (size_t i = 0; i < 2000; i++) {
        unsigned char *p = arena_alloc(a, i % 97);
        EQ_INT((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i % 97; k++)
            EQ_INT(p[k], 0);
        memset(p, 0xAA, i % 97);
    }
    unsigned char *big = arena_alloc(a, 1000000);
    EQ_INT(big[999999], 0);
    EQ_STR(arena_printf(a, "%d:%s", 1, "x"), "1:x");
    EQ_STR(arena_dup(a, "abc", 2), "ab");
    OK(arena_strdup(a, NULL) == NULL);
    EQ_SLICE(arena_slice(a, SLICE("slice")), "slice");
    for (int i = 0; i < 3; i++) {
        arena_reset(a);
        unsigned char *p = arena_alloc(a, 1500);
        EQ_INT(p[0] | p[1499], 0);
        memset(p, 0x55, 1500);
        memset(arena_alloc(a, 5000), 0x55, 5000);
    }
    arena_free(&a);
    OK(a == NULL);
    arena_free(&a);
}

T(errors)
{
    struct err e;
    EQ_INT(err_set(&e, ERR_NOT_FOUND, "no %s", "door"), -ERR_NOT_FOUND);
    EQ_STR(e.text, "no door");
    EQ_INT(err_prefix(&e, "channel %d", 3), -ERR_NOT_FOUND);
    EQ_STR(e.text, "channel 3: no door");
    EQ_INT(err_set(NULL, ERR_IO, "x"), -ERR_IO);
    EQ_STR(err_name(-ERR_NOT_FOUND), "NOT_FOUND");
    EQ_STR(err_name(ERR_BUG), "BUG");
    EQ_STR(err_name(999), "?");
    EQ_STR(err_name(-2147483647 - 1), "?");
    EQ_STR(err_text(ERR_RATE), "too many in a short time");
    OK(err_temporary(-ERR_UNAVAILABLE));
    OK(!err_temporary(ERR_INVALID));
    OK(!err_temporary(0));
}

T(err_text_is_cut_between_characters)
{
    struct err e;
    char text[400];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 2 < sizeof(text); i += 2)
            memcpy(text + i, "\xD8\xB3", 3);
        err_set(&e, ERR_INVALID, "%s", text);
        size_t n = strlen(e.text);
        OK(n >= sizeof(e.text) - 3);
        EQ_INT((n - shift) % 2, 0);
        err_prefix(&e, "%s", "somewhere");
        n = strlen(e.text);
        EQ_INT((n - shift - strlen("somewhere: ")) % 2, 0);
    }
}

T(secrets)
{
    unsigned char *keys[3000];
    for (size_t i = 0; i < 3000; i++) {
        keys[i] = mem_secret_alloc(32);
        for (size_t k = 0; k < 32; k++)
            EQ_INT(keys[i][k], 0);
        memset(keys[i], (int)(i & 255), 32);
    }
    for (size_t i = 0; i < 3000; i++)
        EQ_INT(keys[i][31], i & 255);
    for (size_t i = 0; i < 3000; i++)
        mem_secret_free(keys[i], 32);
    const size_t sizes[] = {0, 1, 64, 65, 256, 1024, 4096};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *p = mem_secret_alloc(sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            EQ_INT(p[k], 0);
        memset(p, 0xFF, sizes[i]);
        mem_secret_free(p, sizes[i]);
    }
    mem_secret_free(NULL, 10);
}

TEST_MAIN
