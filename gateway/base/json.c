/* SPDX-License-Identifier: Apache-2.0
 * Strict JSON by jansson, with errors that hold their place and none of the content. */
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *json_alloc(size_t n)
{
    return mem_realloc(NULL, n);
}

/* jansson counts lines from 1 and columns in characters; so do we. */
static void json_place(struct slice text, size_t at, unsigned *line, unsigned *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at && i < text.n; i++) {
        if (text.p[i] == '\n') {
            *line += 1;
            *column = 1;
        } else if (((unsigned char)text.p[i] & 0xC0u) != 0x80) {
            *column += 1;
        }
    }
}

/* jansson's own limit of depth is fixed when it is built. Brackets in strings don't count. *at is the bracket
 * too many. */
static bool json_too_deep(struct slice text, unsigned max, size_t *at)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max) {
                *at = i;
                return true;
            }
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return false;
}

/* jansson quotes the text near the error, which may be what a person wrote. */
static void json_scrub(char *text)
{
    char *near = strstr(text, " near ");
    if (near)
        *near = '\0';
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7F)
            *c = '?';
}

json_t *json_parse(struct slice text, unsigned max_depth, struct err *e)
{
    static bool alloc_set;
    if (!alloc_set) {
        json_set_alloc_funcs(json_alloc, mem_free);
        alloc_set = true;
    }
    size_t at = 0;
    unsigned line, column;
    const char *nul = text.n ? memchr(text.p, '\0', text.n) : NULL;
    if (nul) { /* jansson takes one for a blank in some places */
        json_place(text, (size_t)(nul - text.p), &line, &column);
        err_set(e, ERR_INVALID, "line %u, column %u: NUL", line, column);
        return NULL;
    }
    if (json_too_deep(text, max_depth, &at)) {
        json_place(text, at, &line, &column);
        err_set(e, ERR_INVALID, "line %u, column %u: nested deeper than %u", line, column, max_depth);
        return NULL;
    }
    json_error_t je;
    json_t *v = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &je);
    if (v)
        return v;
    json_scrub(je.text);
    json_place(text, je.position > 0 ? (size_t)je.position - 1 : 0, &line, &column);
    err_set(e, ERR_INVALID, "line %u, column %u: %s", line, column, je.text);
    return NULL;
}

static bool json_missing(const json_t *v, const char *key, const char *what, struct err *e)
{
    if (v)
        err_set(e, ERR_INVALID, "\"%s\" must be %s", key, what);
    else
        err_set(e, ERR_INVALID, "\"%s\" is missing", key);
    return false;
}

bool json_need_str(const json_t *o, const char *key, struct slice *out, struct err *e)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v))
        return json_missing(v, key, "a string", e);
    *out = slice_of(json_string_value(v), json_string_length(v));
    return true;
}

bool json_need_int(const json_t *o, const char *key, int64_t *out, struct err *e)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        return json_missing(v, key, "an integer", e);
    *out = json_integer_value(v);
    return true;
}

struct slice json_opt_str(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v))
        return (struct slice){NULL, 0};
    return slice_of(json_string_value(v), json_string_length(v));
}

int64_t json_opt_int(const json_t *o, const char *key, int64_t dflt)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? json_integer_value(v) : dflt;
}

bool json_opt_bool(const json_t *o, const char *key, bool dflt)
{
    const json_t *v = json_object_get(o, key);
    return json_is_boolean(v) ? json_boolean_value(v) : dflt;
}

/* An unknown member's name comes from outside: it is shown only when it looks like one of ours. */
static bool json_showable(const char *key)
{
    size_t n = strlen(key);
    return n > 0 && n <= 40 &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

bool json_only(const json_t *o, const char *const *known, struct err *e)
{
    if (!json_is_object(o)) {
        err_set(e, ERR_INVALID, "an object is wanted");
        return false;
    }
    for (void *it = json_object_iter((json_t *)(uintptr_t)o); it;
         it = json_object_iter_next((json_t *)(uintptr_t)o, it)) {
        const char *key = json_object_iter_key(it);
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (known[i])
            continue;
        if (json_showable(key))
            err_set(e, ERR_INVALID, "\"%s\" is not known", key);
        else
            err_set(e, ERR_INVALID, "a member is not known");
        return false;
    }
    return true;
}

static int json_sink(const char *p, size_t n, void *arg)
{
    return buf_add(arg, p, n) ? -1 : 0;
}

int json_write(const json_t *v, struct buf *b)
{
    if (json_dump_callback(v, json_sink, b, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        return b->err ? b->err : -ERR_INVALID;
    return 0;
}
