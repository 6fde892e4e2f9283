/* SPDX-License-Identifier: Apache-2.0
 * Percent-encoding, forms, base64, hexadecimal: what decodes encodes back to the same meaning; nothing is
 * written beyond its room. */
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_base64(struct slice s)
{
    size_t cap = 3 * (s.n / 4) + 3;
    unsigned char *out = mem_alloc(cap), *again = mem_alloc(cap);
    long n = text_unbase64(out, cap, s);
    if (n >= 0) {
        char *text = mem_alloc(4 * (((size_t)n + 2) / 3) + 1);
        size_t length = text_base64(text, out, (size_t)n);
        err_assert(text_unbase64(again, cap, slice_of(text, length)) == n &&
                   memcmp(out, again, (size_t)n) == 0);
        length = text_base64url(text, out, (size_t)n);
        err_assert(text_unbase64(again, cap, slice_of(text, length)) == n &&
                   memcmp(out, again, (size_t)n) == 0);
        mem_free(text);
    }
    mem_free(out);
    mem_free(again);
}

static void try_hex(struct slice s)
{
    unsigned char *out = mem_alloc(s.n / 2 + 1);
    char *text = mem_alloc(s.n + 1);
    if (text_unhex(out, s.n / 2, s)) {
        text_hex(text, out, s.n / 2);
        err_assert(slice_is_nocase(s, text));
    }
    mem_free(out);
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_of(data, size);
    struct buf plain, coded, again;
    buf_init(&plain, size);
    buf_init(&coded, 3 * size);
    buf_init(&again, size);
    for (int form = 0; form < 2; form++) {
        buf_reset(&plain);
        buf_reset(&coded);
        buf_reset(&again);
        if (text_url_decode(&plain, s, form) == 0) {
            err_assert(text_url_encode(&coded, buf_view(&plain)) == 0);
            err_assert(text_url_decode(&again, buf_view(&coded), form) == 0);
            err_assert(slice_eq(buf_view(&plain), buf_view(&again)));
        } else {
            err_assert(plain.n == 0);
        }
    }
    buf_reset(&plain);
    text_form_get(s, "key", &plain);
    buf_clear(&plain);
    buf_clear(&coded);
    buf_clear(&again);
    try_base64(s);
    try_hex(s);
    id_valid(s);
    name_valid(s);
    area_valid(s);
    return 0;
}
