/* SPDX-License-Identifier: Apache-2.0
 * What is taken as JSON is valid UTF-8 without NUL, not too deep, and comes back the same when it is written
 * and read. */
#include "gateway/base/json.h"
#include "gateway/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned depth_of(const json_t *v)
{
    unsigned deepest = 0;
    size_t i;
    json_t *child;
    const char *key;
    if (json_is_array(v))
        json_array_foreach(v, i, child) deepest = depth_of(child) > deepest ? depth_of(child) : deepest;
    else if (json_is_object(v))
        json_object_foreach((json_t *)(uintptr_t)v, key, child) deepest =
            depth_of(child) > deepest ? depth_of(child) : deepest;
    return deepest + (json_is_array(v) || json_is_object(v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const known[] = {"id", "text", NULL};
    struct err e = {0};
    struct slice s;
    int64_t i;
    json_t *v = json_parse(slice_of(data, size), 6, &e);
    if (!v) {
        err_assert(e.code == ERR_INVALID && e.text[0] && text_valid(slice_str(e.text), NULL));
        return 0;
    }
    err_assert(text_valid(slice_of(data, size), NULL) && depth_of(v) <= 6);
    json_only(v, known, &e);
    if (json_need_str(v, "id", &s, &e))
        err_assert(text_valid(s, NULL));
    json_need_int(v, "text", &i, &e);
    struct buf b;
    buf_init(&b, size * 8 + 100);
    err_assert(json_write(v, &b) == 0);
    json_t *again = json_parse(buf_view(&b), 6, &e);
    err_assert(again && json_equal(v, again));
    json_decref(again);
    json_decref(v);
    buf_clear(&b);
    return 0;
}
