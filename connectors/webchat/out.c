/* SPDX-License-Identifier: Apache-2.0
 * Text that grows: HTML and JSON are written with the escapes of each. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void out_init(struct out *o, size_t max)
{
    *o = (struct out){.max = max};
}

void out_clear(struct out *o)
{
    free(o->p);
    *o = (struct out){.max = o->max};
}

void out_add(struct out *o, const char *p, size_t n)
{
    if (o->over || n > o->max - o->n) {
        o->over = true;
        return;
    }
    if (o->n + n + 1 > o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 512;
        while (cap < o->n + n + 1)
            cap *= 2;
        char *more = realloc(o->p, cap);
        if (!more)
            abort(); /* as everywhere: without memory the process ends and is started anew */
        o->p = more;
        o->cap = cap;
    }
    if (n)
        memcpy(o->p + o->n, p, n);
    o->n += n;
    o->p[o->n] = '\0';
}

void out_str(struct out *o, const char *s)
{
    out_add(o, s, strlen(s));
}

void out_bytes(struct out *o, struct connector_bytes b)
{
    out_add(o, b.p, b.n);
}

struct connector_bytes out_view(const struct out *o)
{
    return (struct connector_bytes){o->p ? o->p : "", o->n};
}

struct connector_bytes bytes_of(const char *s)
{
    return (struct connector_bytes){s, s ? strlen(s) : 0};
}

bool bytes_are(struct connector_bytes b, const char *s)
{
    return b.n == strlen(s) && (b.n == 0 || memcmp(b.p, s, b.n) == 0);
}

static const char *html_escape(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* U+202A-202E and U+2066-2069: E2 80 AA-AE and E2 81 A6-A9. */
static bool bidi_control(struct connector_bytes b, size_t i)
{
    if (b.n - i < 3 || (unsigned char)b.p[i] != 0xE2)
        return false;
    unsigned char second = (unsigned char)b.p[i + 1], third = (unsigned char)b.p[i + 2];
    return (second == 0x80 && third >= 0xAA && third <= 0xAE) ||
           (second == 0x81 && third >= 0xA6 && third <= 0xA9);
}

static void html(struct out *o, struct connector_bytes b, bool neutral)
{
    size_t from = 0;
    for (size_t i = 0; i < b.n; i++) {
        const char *e = html_escape(b.p[i]);
        size_t skip = e ? 1 : neutral && bidi_control(b, i) ? 3 : 0;
        if (!skip)
            continue;
        out_add(o, b.p + from, i - from);
        if (e)
            out_str(o, e);
        from = i + skip;
        i = from - 1;
    }
    if (from < b.n)
        out_add(o, b.p + from, b.n - from);
}

void out_html(struct out *o, struct connector_bytes b)
{
    html(o, b, false);
}

void out_message(struct out *o, struct connector_bytes b)
{
    html(o, b, true);
}

void out_json(struct out *o, struct connector_bytes b)
{
    size_t from = 0;
    out_str(o, "\"");
    for (size_t i = 0; i < b.n; i++) {
        unsigned char c = (unsigned char)b.p[i];
        char e[8];
        if (c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != 0x7f)
            continue;
        out_add(o, b.p + from, i - from);
        if (c == '"' || c == '\\')
            snprintf(e, sizeof e, "\\%c", c);
        else
            snprintf(e, sizeof e, "\\u%04x", c);
        out_str(o, e);
        from = i + 1;
    }
    if (from < b.n)
        out_add(o, b.p + from, b.n - from);
    out_str(o, "\"");
}

void out_time(struct out *o, int64_t ms)
{
    struct tm tm;
    char text[40];
    time_t s = (time_t)(ms / 1000);
    gmtime_r(&s, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
    out_str(o, text);
}
