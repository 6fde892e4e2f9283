/* SPDX-License-Identifier: Apache-2.0
 * UTF-8 and splitting. The first byte is the limit in UTF-16 units. */
#include "gateway/base/err.h"
#include "gateway/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t limit = data[0], bad = 0, i = 0, units = 0, all = 0;
    struct slice s = slice_of(data + 1, size - 1);
    bool valid = text_valid(s, &bad);
    err_assert(valid || bad < s.n);
    err_assert(valid || text_valid(slice_of(s.p, bad), NULL));
    while (i < s.n) {
        uint32_t c = text_next(s, &i);
        err_assert(c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
        units += c >= 0x10000 ? 2 : 1;
    }
    err_assert(i == s.n && (!valid || units == text_utf16_units(s)));
    if (!valid)
        return 0;
    while (s.n) {
        size_t n = text_split(s, limit);
        struct slice part = slice_of(s.p, n);
        err_assert(n > 0 && n <= s.n && text_valid(part, NULL));
        size_t one = 0;
        text_next(part, &one);
        err_assert(text_utf16_units(part) <= limit || one == n);
        s = slice_of(s.p + n, s.n - n);
        all += n;
    }
    err_assert(all == size - 1);
    return 0;
}
