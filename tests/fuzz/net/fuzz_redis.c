/* SPDX-License-Identifier: Apache-2.0
 * Replies, whole and byte by byte: the same ones, and none that points outside of itself. */
#include "gateway/net/redis_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(struct buf *out, const struct redis_reply *r, int depth)
{
    err_assert(depth < 32);
    buf_printf(out, "%d %lld %zu:", r->kind, (long long)r->i, r->n);
    buf_slice(out, r->s);
    for (size_t i = 0; i < r->n; i++)
        say(out, r->items[i], depth + 1);
    buf_char(out, '\n');
}

static void read_all(struct buf *out, const uint8_t *data, size_t size, size_t piece)
{
    struct redis_reader *rd = redis_reader_new();
    bool good = true;
    buf_init(out, 1 << 22);
    for (size_t at = 0; at < size && good; at += piece) {
        const struct redis_reply *r = NULL;
        redis_reader_feed(rd, (const char *)data + at, size - at < piece ? size - at : piece);
        while ((good = redis_reader_next(rd, &r)) && r)
            say(out, r, 0);
    }
    redis_reader_free(&rd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, pieces;
    if (size == 0 || size > 4096)
        return 0;
    read_all(&whole, data, size, size);
    read_all(&pieces, data, size, 1);
    err_assert(slice_eq(buf_view(&whole), buf_view(&pieces)));
    buf_clear(&whole);
    buf_clear(&pieces);
    return 0;
}
