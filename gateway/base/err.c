/* SPDX-License-Identifier: Apache-2.0
 * Error codes and texts, all from the one list in err.h. */
#include "gateway/base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err_class { TEMPORARY, PERMANENT };
static const struct {
    const char *name, *text;
    enum err_class class;
} err_table[ERR_COUNT] = {[ERR_NONE] = {"NONE", "no error", PERMANENT},
#define X(name, class, text) [ERR_##name] = {#name, text, class},
                          ERR_LIST(X)
#undef X
};

static int err_index(int code)
{
    if (code < 0)
        code = code < -ERR_COUNT ? ERR_COUNT : -code;
    return code < ERR_COUNT ? code : -1;
}

/* vsnprintf cuts anywhere; half a UTF-8 character would spoil the log line and the JSON answer that carry the
 * text. */
static void err_cut(char *text)
{
    size_t n = strlen(text), back = 0;
    if (n + 1 < sizeof(((struct err *)0)->text))
        return;
    while (back < 3 && back < n && ((unsigned char)text[n - 1 - back] & 0xC0u) == 0x80)
        back++;
    if (back < n && (unsigned char)text[n - 1 - back] >= 0xC0)
        text[n - 1 - back] = '\0';
}

__attribute__((format(printf, 3, 0))) static void err_format(char *out, size_t n, const char *fmt, va_list ap)
{
    vsnprintf(out, n, fmt, ap);
    err_cut(out);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (e) {
        va_list ap;
        va_start(ap, fmt);
        e->code = (int)code;
        err_format(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
    }
    return -(int)code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return -ERR_BUG;
    char where[sizeof(e->text)], all[sizeof(e->text) * 2 + 3];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(where, sizeof(where), fmt, ap);
    va_end(ap);
    snprintf(all, sizeof(all), "%s: %s", where, e->text);
    memcpy(e->text, all, sizeof(e->text) - 1);
    e->text[sizeof(e->text) - 1] = '\0';
    err_cut(e->text);
    return -e->code;
}

const char *err_name(int code)
{
    int i = err_index(code);
    return i < 0 ? "?" : err_table[i].name;
}

const char *err_text(int code)
{
    int i = err_index(code);
    return i < 0 ? "?" : err_table[i].text;
}

bool err_temporary(int code)
{
    int i = err_index(code);
    return i > 0 && err_table[i].class == TEMPORARY;
}

void err_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
    abort();
}
