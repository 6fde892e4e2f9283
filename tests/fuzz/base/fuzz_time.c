/* SPDX-License-Identifier: Apache-2.0
 * A time that is taken is written as one that means the same. */
#include "gateway/base/err.h"
#include "gateway/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t ms, again;
    char text[TIME_TEXT];
    if (!time_parse(slice_of(data, size), &ms))
        return 0;
    time_text(ms, text);
    err_assert(time_parse(slice_of(text, TIME_TEXT - 1), &again));
    /* Beyond the years 0 to 9999, where a zone can lead, text stops at the border. */
    err_assert(again == ms || ms < -62167219200000 || ms > 253402300799999);
    return 0;
}
