/* SPDX-License-Identifier: Apache-2.0
 * Settings of any bytes: never a crash; what was read is the same when written and read again. */
#include "gateway/daemon/config.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct buf problems, one, two;
    buf_init(&problems, 1u << 20);
    buf_init(&one, 1u << 20);
    buf_init(&two, 1u << 20);
    struct config *c = config_parse(slice_of(data, n), "fuzz", "/dir", "/top", &problems);
    err_assert(c || problems.n || problems.err);
    if (c && config_write(c, &one) == 0) {
        struct config *again = config_parse(buf_view(&one), "again", "/other", "/other", &problems);
        err_assert(again && config_write(again, &two) == 0 && slice_eq(buf_view(&one), buf_view(&two)));
        config_verify(c, "fuzz", &problems);
        config_warnings(c, &problems);
        config_free(&again);
    }
    config_free(&c);
    buf_clear(&problems);
    buf_clear(&one);
    buf_clear(&two);
    return 0;
}
