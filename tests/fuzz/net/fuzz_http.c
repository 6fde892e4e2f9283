/* SPDX-License-Identifier: Apache-2.0
 * A stream of requests through the server's parsing, once whole and once in pieces whose size the first byte
 * gives: both must see the same requests and end at the same place. What is accepted has exactly one reading.
 */
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include "gateway/net/http_head.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_MAX 16384
#define BODY_MAX 65536

struct seen {
    struct buf log; /* of what was read: a line for each request, and how it ended */
};

static void check_head(const struct http_head_info *h, struct slice head)
{
    unsigned hosts = 0, lengths = 0, codings = 0;
    for (size_t i = 0; i < h->fields_n; i++) {
        struct http_field f = h->fields[i];
        err_assert(http_is_token(f.name) && f.name.p >= head.p && f.value.p + f.value.n <= head.p + head.n);
        for (size_t k = 0; k < f.value.n; k++)
            err_assert(f.value.p[k] != '\r' && f.value.p[k] != '\n' && f.value.p[k] != '\0');
        hosts += slice_is_nocase(f.name, "host");
        lengths += slice_is_nocase(f.name, "content-length");
        codings += slice_is_nocase(f.name, "transfer-encoding");
    }
    err_assert(hosts <= 1 && (h->v10 || hosts == 1) && lengths + codings <= 1);
    err_assert(h->chunked == (codings == 1) && (h->length == 0 || lengths == 1));
    err_assert(h->path.n && (h->path.p[0] == '/' || slice_is(h->path, "*")));
}

/* The fields as the fuzzer's log has them; a refusal is logged by its status. */
static bool read_head(struct seen *s, struct slice head, struct http_head_info *h)
{
    struct http_field fields[HTTP_FIELDS_MAX];
    const char *why = NULL;
    int status = http_head_parse(head, fields, h, &why);
    buf_printf(&s->log, "%d ", status);
    if (status) {
        err_assert(why && status >= 400 && status <= 505);
        return false;
    }
    check_head(h, head);
    buf_slice(&s->log, h->target);
    buf_printf(&s->log, " %zu %d %d %d %d %llu\n", h->fields_n, h->chunked, h->keep_alive, h->websocket,
               h->expect_continue, (unsigned long long)h->length);
    return true;
}

struct reader {
    struct buf in;
    struct http_scan scan;
    struct http_chunked chunked;
    struct http_head_info h;
    struct buf body;
    enum { HEAD, BODY, END } state;
};

static void body_done(struct seen *s, struct reader *r)
{
    buf_printf(&s->log, "body %zu:", r->body.n);
    buf_slice(&s->log, buf_view(&r->body));
    buf_char(&s->log, '\n');
    buf_reset(&r->body);
    memset(&r->chunked, 0, sizeof(r->chunked));
    memset(&r->scan, 0, sizeof(r->scan));
    r->state = r->h.keep_alive && !r->h.websocket ? HEAD : END;
}

static bool step_head(struct seen *s, struct reader *r)
{
    long n = http_head_scan(&r->scan, buf_view(&r->in));
    if (n == 0 && r->in.n <= HEAD_MAX)
        return false;
    if (n <= 0 || n > HEAD_MAX) {
        buf_str(&s->log, n < 0 ? "LF" : "large");
        r->state = END;
        return false;
    }
    if (!read_head(s, slice_of(r->in.p, (size_t)n), &r->h)) {
        r->state = END;
        return false;
    }
    buf_drop_front(&r->in, (size_t)n);
    r->state = BODY;
    if (r->h.length > BODY_MAX) {
        buf_str(&s->log, "413");
        r->state = END;
    } else if (!r->h.chunked && r->h.length == 0) {
        body_done(s, r);
    }
    return r->state != END;
}

static bool step_body(struct seen *s, struct reader *r)
{
    size_t used;
    if (r->h.chunked) {
        used = http_chunked_feed(&r->chunked, buf_view(&r->in), &r->body);
    } else {
        size_t left = (size_t)r->h.length - r->body.n;
        used = r->in.n < left ? r->in.n : left;
        buf_add(&r->body, r->in.p, used);
    }
    err_assert(used <= r->in.n);
    buf_drop_front(&r->in, used);
    if (r->chunked.state == HTTP_CHUNK_BAD || r->body.err) {
        buf_str(&s->log, "bad body");
        r->state = END;
        return false;
    }
    if (r->h.chunked ? r->chunked.state == HTTP_CHUNK_DONE : r->body.n == r->h.length) {
        body_done(s, r);
        return r->state == HEAD;
    }
    return false;
}

static void read_all(struct seen *s, const uint8_t *data, size_t size, size_t piece)
{
    struct reader r = {0};
    buf_init(&s->log, 1 << 24);
    buf_init(&r.in, 1 << 22);
    buf_init(&r.body, BODY_MAX);
    for (size_t at = 0; at < size && r.state != END; at += piece) {
        buf_add(&r.in, data + at, size - at < piece ? size - at : piece);
        while (r.state == HEAD ? step_head(s, &r) : r.state == BODY && step_body(s, &r))
            ;
    }
    buf_printf(&s->log, "end %d", r.state);
    buf_clear(&r.in);
    buf_clear(&r.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole, pieces;
    if (size < 2 || size > 100000)
        return 0;
    read_all(&whole, data + 1, size - 1, size);
    read_all(&pieces, data + 1, size - 1, (size_t)data[0] % 32 + 1);
    err_assert(slice_eq(buf_view(&whole.log), buf_view(&pieces.log)));
    buf_clear(&whole.log);
    buf_clear(&pieces.log);
    return 0;
}
