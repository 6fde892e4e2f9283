/* SPDX-License-Identifier: Apache-2.0
 * Chunked bodies (RFC 9112, section 7.1), strictly: the libraries let bare line ends and endless extensions
 * pass. */
#include "gateway/net/http_head.h"
#include "gateway/base/err.h"

#define CHUNK_OVERHEAD 16384

/* Takes bytes up to and with the line's end into c->line. True once the line is whole; it then stands without
 * CRLF. */
static bool chunk_line(struct http_chunked *c, struct slice b, size_t *used)
{
    while (*used < b.n) {
        char ch = b.p[(*used)++];
        if (ch == '\n') {
            if (c->line_n == 0 || c->line[c->line_n - 1] != '\r') {
                c->state = HTTP_CHUNK_BAD;
                return false;
            }
            c->line_n--;
            return true;
        }
        bool after_cr = c->line_n && c->line[c->line_n - 1] == '\r';
        if (after_cr || c->line_n == sizeof(c->line) || ++c->overhead > CHUNK_OVERHEAD) {
            c->state = HTTP_CHUNK_BAD;
            return false;
        }
        c->line[c->line_n++] = ch;
    }
    return false;
}

static int chunk_digit(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch = (char)(ch | 0x20);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* "1a", "1a;name=value": extensions are let pass and mean nothing to us. */
static void chunk_size(struct http_chunked *c)
{
    uint64_t size = 0;
    size_t i = 0;
    for (; i < c->line_n && i < 15 && chunk_digit(c->line[i]) >= 0; i++)
        size = size << 4 | (uint64_t)chunk_digit(c->line[i]);
    bool good = i > 0 && (i == c->line_n || c->line[i] == ';');
    for (; good && i < c->line_n; i++) {
        unsigned char ch = (unsigned char)c->line[i];
        good = (ch >= 0x20 && ch != 0x7F) || ch == '\t';
    }
    c->left = size;
    c->line_n = 0;
    c->state = !good ? HTTP_CHUNK_BAD : size ? HTTP_CHUNK_DATA : HTTP_CHUNK_TRAILER;
}

static void chunk_trailer(struct http_chunked *c)
{
    struct http_field f;
    if (c->line_n == 0)
        c->state = HTTP_CHUNK_DONE;
    else if (++c->trailers > HTTP_FIELDS_MAX || !http_field_parse(slice_of(c->line, c->line_n), &f))
        c->state = HTTP_CHUNK_BAD;
    c->line_n = 0;
}

size_t http_chunked_feed(struct http_chunked *c, struct slice b, struct buf *body)
{
    size_t used = 0;
    while (used < b.n && c->state != HTTP_CHUNK_DONE && c->state != HTTP_CHUNK_BAD && !body->err) {
        switch (c->state) {
        case HTTP_CHUNK_SIZE:
            if (chunk_line(c, b, &used))
                chunk_size(c);
            if (c->left > body->max - body->n)
                body->err = -ERR_TOO_LARGE; /* no need to wait for the bytes */
            break;
        case HTTP_CHUNK_DATA: {
            size_t n = b.n - used < c->left ? b.n - used : (size_t)c->left;
            buf_add(body, b.p + used, n);
            used += n;
            c->left -= n;
            if (c->left == 0)
                c->state = HTTP_CHUNK_DATA_END;
            break;
        }
        case HTTP_CHUNK_DATA_END:
            if (!chunk_line(c, b, &used))
                break;
            c->state = c->line_n == 0 ? HTTP_CHUNK_SIZE : HTTP_CHUNK_BAD;
            break;
        default:
            if (chunk_line(c, b, &used))
                chunk_trailer(c);
        }
    }
    return used;
}
