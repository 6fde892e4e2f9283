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

static size_t chunk_token(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && http_is_token(slice_of(p + i, 1)))
        i++;
    return i;
}

/* Bytes of a quoted string with its quotes, 0 when it is none. */
static size_t chunk_quoted(const char *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        unsigned char ch = (unsigned char)p[i];
        if (ch == '"')
            return i + 1;
        if ((ch < 0x20 && ch != '\t') || ch == 0x7F)
            return 0;
        if (ch == '\\' && (++i == n || (unsigned char)p[i] < 0x20 || p[i] == 0x7F))
            return 0;
    }
    return 0;
}

/* ";name", ";name=value", ";name=\"value\"", any number of them: let pass, and they mean nothing to us. */
static bool chunk_extensions(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        size_t part = p[i] == ';' ? chunk_token(p + i + 1, n - i - 1) : 0;
        if (part == 0)
            return false;
        i += part + 1;
        if (i == n || p[i] != '=')
            continue;
        i++;
        part = i < n && p[i] == '"' ? chunk_quoted(p + i, n - i) : chunk_token(p + i, n - i);
        if (part == 0)
            return false;
        i += part;
    }
    return true;
}

static void chunk_size(struct http_chunked *c)
{
    uint64_t size = 0;
    size_t i = 0;
    for (; i < c->line_n && i < 15 && chunk_digit(c->line[i]) >= 0; i++)
        size = size << 4 | (uint64_t)chunk_digit(c->line[i]);
    bool good = i > 0 && chunk_extensions(c->line + i, c->line_n - i);
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
