/* SPDX-License-Identifier: Apache-2.0
 * JSON, strictly. jansson makes each value, each name and each byte of a text a call or an allocation: three
 * quarters of what a request cost this connector. */
#include "json.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct http_parsed *p; /* its memory */
    const char *at, *end;
    unsigned depth;
};

static bool value(struct reader *r, struct http_json *v);

static void blanks(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* The next character that is no blank, which is passed; NUL at the end. */
static char next(struct reader *r)
{
    blanks(r);
    return r->at < r->end ? *r->at++ : '\0';
}

/* ---- texts ---- */

static bool hex4(const char *p, const char *end, unsigned *out)
{
    unsigned v = 0;
    if (end - p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = p[i], lower = (char)(c | 0x20);
        bool digit = c >= '0' && c <= '9';
        if (!digit && !(lower >= 'a' && lower <= 'f'))
            return false;
        v = v << 4 | (unsigned)(digit ? c - '0' : lower - 'a' + 10);
    }
    *out = v;
    return true;
}

static char *put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xE0 | c >> 12);
        } else {
            *to++ = (char)(0xF0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (c & 0x3F));
    return to;
}

/* What stands behind "\u"; a pair of surrogates is one code point, a single one none. Returns what was read,
 * 0 when it is wrong. */
static size_t unicode(const char *p, const char *end, unsigned *c)
{
    unsigned low;
    if (!hex4(p, end, c) || *c == 0 || (*c >= 0xDC00 && *c < 0xE000))
        return 0;
    if (*c < 0xD800 || *c >= 0xDC00)
        return 4;
    if (end - p < 10 || p[4] != '\\' || p[5] != 'u' || !hex4(p + 6, end, &low) || low < 0xDC00 ||
        low >= 0xE000)
        return 0;
    *c = 0x10000 + ((*c - 0xD800) << 10) + (low - 0xDC00);
    return 10;
}

/* No text becomes longer by this. */
static bool unescape(struct reader *r, const char *p, const char *end, struct connector_bytes *out)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    char *to = http_alloc(r->p, (size_t)(end - p));
    if (!to)
        return false;
    out->p = to;
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        const char *known = memchr(names, p[1], sizeof(names) - 1);
        if (known) {
            *to++ = means[known - names];
            p += 2;
            continue;
        }
        unsigned c;
        size_t n = p[1] == 'u' ? unicode(p + 2, end, &c) : 0;
        if (n == 0) {
            r->at = p;
            return false;
        }
        to = put_utf8(to, c);
        p += 2 + n;
    }
    out->n = (size_t)(to - out->p);
    return true;
}

/* Behind the opening quote. */
static bool text(struct reader *r, struct connector_bytes *out)
{
    const char *from = r->at;
    bool escaped = false;
    for (; r->at < r->end && *r->at != '"'; r->at++) {
        if ((unsigned char)*r->at < 0x20)
            return false;
        if (*r->at == '\\') {
            escaped = true;
            r->at++; /* a quote behind it does not end the text */
        }
    }
    if (r->at >= r->end)
        return false;
    const char *end = r->at++;
    *out = (struct connector_bytes){from, (size_t)(end - from)};
    return !escaped || unescape(r, from, end, out);
}

/* ---- numbers ---- */

static bool digits(struct reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > from;
}

static bool one_of(struct reader *r, const char *set)
{
    if (r->at == r->end || !*r->at || !strchr(set, *r->at))
        return false;
    r->at++;
    return true;
}

static bool integer(const char *p, const char *end, int64_t *out)
{
    bool minus = *p == '-';
    *out = 0;
    for (p += minus; p < end; p++) {
        int64_t digit = *p - '0';
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, minus ? -digit : digit, out))
            return false;
    }
    return true;
}

static bool real(struct reader *r, const char *from, double *out)
{
    size_t n = (size_t)(r->at - from);
    char *copy = http_alloc(r->p, n + 1);
    if (!copy)
        return false;
    memcpy(copy, from, n);
    *out = strtod(copy, NULL);
    return isfinite(*out);
}

static bool number(struct reader *r, const char *from, struct http_json *v)
{
    r->at = from;
    one_of(r, "-");
    if (!one_of(r, "0") && !digits(r))
        return false;
    const char *whole = r->at;
    if (one_of(r, ".") && !digits(r))
        return false;
    if (one_of(r, "eE")) {
        one_of(r, "+-");
        if (!digits(r))
            return false;
    }
    v->type = r->at == whole ? HTTP_JSON_INTEGER : HTTP_JSON_REAL;
    return r->at == whole ? integer(from, whole, &v->integer) : real(r, from, &v->real);
}

/* ---- values ---- */

static bool word(struct reader *r, struct http_json *v, const char *rest, enum http_json_type type)
{
    size_t n = strlen(rest);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, rest, n) != 0)
        return false;
    r->at += n;
    v->type = type;
    return true;
}

/* Behind the opening bracket. */
static bool list(struct reader *r, struct http_json *v, char end)
{
    struct http_json **at = &v->list.first;
    v->type = end == '}' ? HTTP_JSON_OBJECT : HTTP_JSON_LIST;
    blanks(r);
    if (r->at < r->end && *r->at == end) {
        r->at++;
        return true;
    }
    for (;;) {
        struct http_json *one = http_alloc(r->p, sizeof(*one));
        if (!one)
            return false;
        if (end == '}' && (next(r) != '"' || !text(r, &one->name) || next(r) != ':'))
            return false;
        if (!value(r, one))
            return false;
        *at = one;
        at = &one->next;
        v->list.n++;
        char c = next(r);
        if (c != ',')
            return c == end;
    }
}

static bool value(struct reader *r, struct http_json *v)
{
    char c = next(r);
    bool good;
    switch (c) {
    case '"':
        v->type = HTTP_JSON_TEXT;
        return text(r, &v->text);
    case '{':
    case '[':
        if (++r->depth > HTTP_JSON_DEPTH)
            return false;
        good = list(r, v, c == '{' ? '}' : ']');
        r->depth--;
        return good;
    case 't':
        return word(r, v, "rue", HTTP_JSON_TRUE);
    case 'f':
        return word(r, v, "alse", HTTP_JSON_FALSE);
    case 'n':
        return word(r, v, "ull", HTTP_JSON_NULL);
    default:
        return c && number(r, r->at - 1, v);
    }
}

static void tell_place(struct http_parsed *p, const struct reader *r, const char *start)
{
    size_t line = 1, column = 1;
    for (const char *c = start; c < r->at && c < r->end; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    snprintf(p->error, sizeof(p->error), "line %zu, column %zu: no JSON", line, column);
}

struct http_json *http_json_read(struct http_parsed *p, struct connector_bytes body)
{
    const char *start = body.n ? body.p : "";
    struct reader r = {.p = p, .at = start, .end = start + body.n};
    struct http_json *root = http_alloc(p, sizeof(*root));
    bool good = root && value(&r, root);
    blanks(&r);
    if (good && r.at == r.end)
        return root;
    if (!p->error[0]) /* else the memory is used up */
        tell_place(p, &r, start);
    return NULL;
}
