/* SPDX-License-Identifier: Apache-2.0
 * Expressions: numbers, texts, TRUE, FALSE, NULL, variables, + - * / &, comparison, AND, OR, NOT, IF,
 * CONTAINS, ISNUMBER, LEN. Evaluated while they are read: no tree, and so nothing that outlives the text. */
#include "router/flow/flow_internal.h"
#include "router/fold.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define EXPR_DEPTH 24
#define EXPR_BYTES 2000
#define EXPR_TEXT  4000 /* bytes of a joined text */

struct expr {
    const struct flow_go *g;
    struct arena *a;
    const char *p, *end, *why;
    unsigned depth;
};

static struct flow_value comparison(struct expr *x);

static struct flow_value wrong(struct expr *x, const char *why)
{
    if (!x->why)
        x->why = why;
    x->p = x->end;
    return (struct flow_value){.kind = FLOW_NULL};
}

static struct flow_value truth(bool yes)
{
    return (struct flow_value){.kind = FLOW_BOOL, .yes = yes};
}

static struct flow_value number(double n)
{
    return (struct flow_value){.kind = isfinite(n) ? FLOW_NUM : FLOW_NULL, .number = isfinite(n) ? n : 0};
}

/* ---- digits ---- */

static int digit(uint32_t c)
{
    static const uint32_t zeros[] = {'0', 0x660, 0x6f0, 0xff10};
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
        if (c >= zeros[i] && c <= zeros[i] + 9)
            return (int)(c - zeros[i]);
    return -1;
}

struct slice flow_digits(struct slice text, struct arena *a)
{
    char *out = arena_alloc(a, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        size_t at = i;
        uint32_t c = text_next(text, &i);
        int d = digit(c);
        if (d >= 0)
            out[n++] = (char)('0' + d);
        else if (c == 0x66b) /* the Arabic decimal separator */
            out[n++] = '.';
        else
            while (at < i)
                out[n++] = text.p[at++];
    }
    return slice_of(out, n);
}

/* Blanks and marks of direction may stand around it. */
static bool beside(uint32_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0xa0 || (c >= 0x200e && c <= 0x200f) ||
           c == 0x61c || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool flow_number(struct slice text, double *out)
{
    char digits[40];
    size_t n = 0;
    bool over = false, any = false;
    for (size_t i = 0; i < text.n;) {
        uint32_t c = text_next(text, &i);
        int d = digit(c);
        if (beside(c)) {
            over = over || n > 0;
            continue;
        }
        if (over || n >= 30)
            return false;
        if (d >= 0)
            digits[n++] = (char)('0' + d);
        else if (c == '-' && n == 0)
            digits[n++] = '-';
        else if ((c == '.' || c == 0x66b) && any)
            digits[n++] = '.';
        else
            return false;
        any = any || d >= 0;
    }
    digits[n] = '\0';
    char *end = digits;
    *out = any ? strtod(digits, &end) : 0;
    return any && *end == '\0';
}

/* ---- values ---- */

bool flow_truth(const struct flow_value *v)
{
    switch (v->kind) {
    case FLOW_BOOL:
        return v->yes;
    case FLOW_NUM:
        return v->number < 0 || v->number > 0;
    case FLOW_STR:
        return v->text.n > 0 && !slice_is_nocase(v->text, "false") && !slice_is(v->text, "0");
    default:
        return false;
    }
}

struct slice flow_value_text(const struct flow_value *v, struct arena *a)
{
    switch (v->kind) {
    case FLOW_BOOL:
        return v->yes ? SLICE("TRUE") : SLICE("FALSE");
    case FLOW_NUM:
        return slice_str(arena_printf(a, "%.15g", v->number));
    case FLOW_STR:
        return v->text;
    default:
        return SLICE("");
    }
}

json_t *flow_value_json(const struct flow_value *v)
{
    switch (v->kind) {
    case FLOW_BOOL:
        return json_boolean(v->yes);
    case FLOW_NUM:
        return v->number >= -1e15 && v->number <= 1e15 && v->number == floor(v->number)
                   ? json_integer((json_int_t)v->number)
                   : json_real(v->number);
    case FLOW_STR:
        return json_stringn(v->text.p ? v->text.p : "", v->text.n);
    default:
        return json_null();
    }
}

static bool as_number(const struct flow_value *v, double *out)
{
    if (v->kind == FLOW_NUM)
        *out = v->number;
    return v->kind == FLOW_NUM || (v->kind == FLOW_STR && flow_number(v->text, out));
}

static bool same_text(struct slice a, struct slice b)
{
    return slice_eq(a, b) || (a.n && b.n && fold_is(a, b) && fold_is(b, a) && !fold_is(a, SLICE("")));
}

/* -1, 0, 1; 2 when they cannot be compared. */
static int compare(struct expr *x, const struct flow_value *l, const struct flow_value *r)
{
    double a, b;
    if (l->kind == FLOW_NULL || r->kind == FLOW_NULL)
        return l->kind == r->kind ? 0 : 2;
    if (as_number(l, &a) && as_number(r, &b))
        return a < b ? -1 : a > b;
    struct slice s = flow_value_text(l, x->a), t = flow_value_text(r, x->a);
    if (same_text(s, t))
        return 0;
    if (l->kind != FLOW_STR || r->kind != FLOW_STR)
        return slice_is_nocase(s, arena_dup(x->a, t.p ? t.p : "", t.n)) ? 0 : 2;
    size_t n = s.n < t.n ? s.n : t.n;
    int c = n ? memcmp(s.p, t.p, n) : 0;
    return c ? (c < 0 ? -1 : 1) : s.n < t.n ? -1 : 1;
}

/* ---- reading ---- */

static void blanks(struct expr *x)
{
    while (x->p < x->end && (*x->p == ' ' || *x->p == '\n' || *x->p == '\t' || *x->p == '\r'))
        x->p++;
}

static bool take(struct expr *x, const char *sign)
{
    size_t n = strlen(sign);
    blanks(x);
    if ((size_t)(x->end - x->p) < n || memcmp(x->p, sign, n) != 0)
        return false;
    x->p += n;
    return true;
}

static struct flow_value quoted(struct expr *x, char mark)
{
    const char *from = x->p;
    while (x->p < x->end && *x->p != mark)
        x->p++;
    if (x->p == x->end)
        return wrong(x, "a quotation mark is not closed");
    return (struct flow_value){.kind = FLOW_STR, .text = slice_of(from, (size_t)(x->p++ - from))};
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool figure(char c)
{
    return c >= '0' && c <= '9';
}

static struct flow_value numeral(struct expr *x)
{
    const char *from = x->p;
    double n;
    while (x->p < x->end && (figure(*x->p) || *x->p == '.'))
        x->p++;
    if (!flow_number(slice_of(from, (size_t)(x->p - from)), &n))
        return wrong(x, "a number is malformed");
    return number(n);
}

enum { ARGS = 12 };

static size_t arguments(struct expr *x, struct flow_value v[ARGS])
{
    size_t n = 0;
    if (take(x, ")"))
        return 0;
    do {
        if (n == ARGS) {
            wrong(x, "a function has too many arguments");
            return n;
        }
        v[n++] = comparison(x);
    } while (take(x, ","));
    if (!take(x, ")"))
        wrong(x, "a parenthesis is not closed");
    return n;
}

static bool contains(struct expr *x, const struct flow_value *needle, const struct flow_value *hay)
{
    struct buf n, h;
    struct slice a = flow_value_text(needle, x->a), b = flow_value_text(hay, x->a);
    buf_init(&n, a.n * FOLD_GROWTH + 16);
    buf_init(&h, b.n * FOLD_GROWTH + 16);
    fold_text(a, &n);
    fold_text(b, &h);
    bool found = n.n && h.n && memmem(h.p, h.n, n.p, n.n);
    buf_clear(&n);
    buf_clear(&h);
    return found;
}

static double length(struct slice s)
{
    double n = 0;
    for (size_t i = 0; i < s.n; n++)
        text_next(s, &i);
    return n;
}

static struct flow_value function(struct expr *x, struct slice name)
{
    struct flow_value v[ARGS];
    double d;
    memset(v, 0, sizeof v);
    size_t n = arguments(x, v);
    if (slice_is_nocase(name, "and") || slice_is_nocase(name, "or")) {
        bool all = slice_is_nocase(name, "and"), yes = all;
        for (size_t i = 0; i < n; i++)
            yes = all ? yes && flow_truth(&v[i]) : yes || flow_truth(&v[i]);
        return n ? truth(yes) : wrong(x, "AND and OR want arguments");
    }
    if (slice_is_nocase(name, "not"))
        return n == 1 ? truth(!flow_truth(&v[0])) : wrong(x, "NOT wants one argument");
    if (slice_is_nocase(name, "if"))
        return n == 3 ? v[flow_truth(&v[0]) ? 1 : 2] : wrong(x, "IF wants three arguments");
    if (slice_is_nocase(name, "contains"))
        return n == 2 ? truth(contains(x, &v[0], &v[1])) : wrong(x, "CONTAINS wants two arguments");
    if (slice_is_nocase(name, "isnumber"))
        return n == 1 ? truth(as_number(&v[0], &d)) : wrong(x, "ISNUMBER wants one argument");
    if (slice_is_nocase(name, "len"))
        return n == 1 ? number(length(flow_value_text(&v[0], x->a))) : wrong(x, "LEN wants one argument");
    return wrong(x, "there is no such function (AND, OR, NOT, IF, CONTAINS, ISNUMBER, LEN are)");
}

static struct flow_value word(struct expr *x)
{
    const char *from = x->p;
    struct flow_value v = {.kind = FLOW_NULL};
    while (x->p < x->end && (letter(*x->p) || figure(*x->p) || *x->p == '.'))
        x->p++;
    struct slice name = slice_of(from, (size_t)(x->p - from));
    if (take(x, "("))
        return function(x, name);
    if (slice_is_nocase(name, "true") || slice_is_nocase(name, "false"))
        return truth(slice_is_nocase(name, "true"));
    if (slice_is_nocase(name, "null"))
        return v;
    if (!flow_variable_known(name))
        return wrong(x, "there is no such variable (contact, flow, results, run, channel, block are)");
    if (x->g)
        flow_variable(x->g, name, x->a, &v);
    return v;
}

static struct flow_value primary(struct expr *x)
{
    blanks(x);
    if (x->p < x->end && *x->p == '@') /* "@contact.age", "@(…)" within an expression */
        x->p++;
    if (x->p == x->end)
        return wrong(x, "something is missing at the end");
    if (take(x, "(")) {
        struct flow_value v = comparison(x);
        return take(x, ")") ? v : wrong(x, "a parenthesis is not closed");
    }
    if (*x->p == '\'' || *x->p == '"') {
        char mark = *x->p++;
        return quoted(x, mark);
    }
    if (figure(*x->p))
        return numeral(x);
    if (letter(*x->p))
        return word(x);
    return wrong(x, "a sign is not understood");
}

static struct flow_value unary(struct expr *x)
{
    double d = 0;
    if (!take(x, "-"))
        return primary(x);
    struct flow_value v = primary(x);
    return as_number(&v, &d) ? number(-d) : (struct flow_value){.kind = FLOW_NULL};
}

static struct flow_value arithmetic(struct expr *x, bool product)
{
    struct flow_value l = product ? unary(x) : arithmetic(x, true);
    for (;;) {
        bool first = take(x, product ? "*" : "+");
        if (!first && !take(x, product ? "/" : "-"))
            return l;
        struct flow_value r = product ? unary(x) : arithmetic(x, true);
        double a = 0, b = 0;
        if (!as_number(&l, &a) || !as_number(&r, &b))
            l = (struct flow_value){.kind = FLOW_NULL};
        else if (product)
            l = number(first ? a * b : b < 0 || b > 0 ? a / b : (double)INFINITY);
        else
            l = number(first ? a + b : a - b);
    }
}

static struct flow_value joined(struct expr *x)
{
    struct flow_value l = arithmetic(x, false);
    while (take(x, "&")) {
        struct flow_value r = arithmetic(x, false);
        struct slice s = flow_value_text(&l, x->a), t = flow_value_text(&r, x->a);
        if (s.n + t.n > EXPR_TEXT)
            return wrong(x, "a text becomes too long");
        l = (struct flow_value){.kind = FLOW_STR,
                                .text = slice_str(arena_printf(x->a, "%.*s%.*s", (int)s.n, s.n ? s.p : "",
                                                               (int)t.n, t.n ? t.p : ""))};
    }
    return l;
}

static struct flow_value comparison(struct expr *x)
{
    static const char *const signs[] = {"<=", ">=", "<>", "!=", "==", "=", "<", ">"};
    if (++x->depth > EXPR_DEPTH)
        return wrong(x, "it is nested too deeply");
    struct flow_value l = joined(x);
    for (;;) {
        size_t i = 0;
        while (i < 8 && !take(x, signs[i]))
            i++;
        if (i == 8)
            break;
        struct flow_value r = joined(x);
        int c = compare(x, &l, &r);
        bool yes[] = {c == -1 || c == 0, c == 1 || c == 0, c != 0, c != 0, c == 0, c == 0, c == -1, c == 1};
        l = truth(yes[i]);
    }
    x->depth--;
    return l;
}

bool flow_eval(const struct flow_go *g, struct slice s, struct arena *a, struct flow_value *out,
               const char **why)
{
    struct expr x = {.g = g, .a = a, .p = s.p, .end = s.p ? s.p + s.n : s.p};
    *out = (struct flow_value){.kind = FLOW_NULL};
    *why = NULL;
    if (s.n > EXPR_BYTES || s.n == 0) {
        *why = s.n ? "it is too long" : "it is empty";
        return false;
    }
    *out = comparison(&x);
    blanks(&x);
    if (!x.why && x.p != x.end)
        x.why = "something stands behind its end";
    *why = x.why;
    if (x.why)
        *out = (struct flow_value){.kind = FLOW_NULL};
    return !x.why;
}
