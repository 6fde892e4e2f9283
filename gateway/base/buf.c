/* SPDX-License-Identifier: Apache-2.0
 * Slices and growing buffers. */
#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool slice_is_nocase(struct slice a, const char *s)
{
    for (size_t i = 0; i < a.n; i++)
        if (s[i] == '\0' || ascii_lower(a.p[i]) != ascii_lower(s[i]))
            return false;
    return s[a.n] == '\0';
}

bool slice_starts(struct slice a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}

struct slice slice_trim(struct slice a)
{
    while (a.n && (a.p[0] == ' ' || a.p[0] == '\t')) {
        a.p++;
        a.n--;
    }
    while (a.n && (a.p[a.n - 1] == ' ' || a.p[a.n - 1] == '\t'))
        a.n--;
    return a;
}

/* p is set to NULL behind the last part, so that "a," gives "a", "" and then the end. */
bool slice_next(struct slice *rest, char c, struct slice *part)
{
    if (!rest->p)
        return false;
    const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;
    if (!at) {
        *part = *rest;
        *rest = (struct slice){NULL, 0};
        return true;
    }
    *part = (struct slice){rest->p, (size_t)(at - rest->p)};
    *rest = (struct slice){at + 1, rest->n - part->n - 1};
    return true;
}

bool slice_u64(struct slice a, uint64_t *out)
{
    uint64_t v = 0;
    if (a.n == 0)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (a.p[i] < '0' || a.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(a.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

char *slice_dup(struct slice a)
{
    return mem_dup(a.p, a.n);
}

void buf_init(struct buf *b, size_t max)
{
    err_assert(max < SIZE_MAX / 2);
    *b = (struct buf){.max = max};
}

void buf_clear(struct buf *b)
{
    mem_free(b->p);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->err = 0;
    if (b->p)
        b->p[0] = '\0';
}

static bool buf_fits(struct buf *b, size_t n)
{
    if (b->err)
        return false;
    if (n > b->max - b->n) {
        b->err = -ERR_TOO_LARGE;
        return false;
    }
    if (b->n + n < b->cap)
        return true;
    size_t cap = b->cap ? b->cap * 2 : 64;
    if (cap > b->max + 1)
        cap = b->max + 1;
    if (cap < b->n + n + 1)
        cap = b->n + n + 1;
    b->p = mem_realloc(b->p, cap);
    b->cap = cap;
    return true;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
    if (!buf_fits(b, n))
        return b->err;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return 0;
}

int buf_str(struct buf *b, const char *s)
{
    return buf_add(b, s, s ? strlen(s) : 0);
}

int buf_slice(struct buf *b, struct slice s)
{
    return buf_add(b, s.p, s.n);
}

int buf_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t room = b->cap > b->n ? b->cap - b->n : 0;
    int n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
    err_assert(n >= 0);
    if (b->err || !buf_fits(b, (size_t)n)) {
        if (room)
            b->p[b->n] = '\0';
    } else {
        if ((size_t)n >= room)
            vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    va_end(ap);
    return b->err;
}

int buf_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return buf_add(b, digits + at, sizeof(digits) - at);
}

static int buf_json_escape(struct buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        return buf_add(b, "\\\"", 2);
    case '\\':
        return buf_add(b, "\\\\", 2);
    case '\n':
        return buf_add(b, "\\n", 2);
    case '\r':
        return buf_add(b, "\\r", 2);
    case '\t':
        return buf_add(b, "\\t", 2);
    default: {
        char u[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        return buf_add(b, u, sizeof(u));
    }
    }
}

int buf_json_str(struct buf *b, struct slice s)
{
    buf_char(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        buf_add(b, s.p + from, i - from);
        buf_json_escape(b, c);
        from = i + 1;
    }
    buf_add(b, s.n ? s.p + from : NULL, s.n - from);
    return buf_char(b, '"');
}

char *buf_reserve(struct buf *b, size_t n)
{
    return buf_fits(b, n) ? b->p + b->n : NULL;
}

void buf_commit(struct buf *b, size_t n)
{
    err_assert(n < b->cap - b->n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_drop_front(struct buf *b, size_t n)
{
    err_assert(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = '\0';
}

void buf_drop_back(struct buf *b, size_t n)
{
    err_assert(n <= b->n);
    if (n == 0)
        return;
    b->n -= n;
    b->p[b->n] = '\0';
}

struct slice buf_view(const struct buf *b)
{
    return (struct slice){b->p, b->n};
}

char *buf_take(struct buf *b, size_t *n)
{
    char *p = b->p ? b->p : mem_alloc(1);
    if (n)
        *n = b->n;
    buf_init(b, b->max);
    return p;
}
