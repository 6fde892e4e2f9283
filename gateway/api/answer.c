/* SPDX-License-Identifier: Apache-2.0
 * How a call ends: JSON, nothing, a problem, a list. */
#include "gateway/api/route.h"
#include <stdio.h>

void call_end(struct call *c)
{
    json_decref(c->body);
    mem_free((char *)c->idem_key.p);
    mem_free(c);
}

void call_reply_json(struct http_req *rq, int status, struct slice json)
{
    static const struct http_head heads[] = {
        {"Content-Type", {"application/json", 16}}, {"Cache-Control", {"no-store", 8}}, {NULL, {0, 0}}};
    http_reply(rq, status, heads, json);
}

void call_json(struct call *c, int status, struct slice json)
{
    if (c->idem) {
        idem_keep(c, status, json);
        return;
    }
    call_reply_json(c->rq, c->replay ? c->replay : status, json);
    call_end(c);
}

void call_empty(struct call *c, int status)
{
    http_reply(c->rq, status, NULL, (struct slice){0, 0});
    call_end(c);
}

void call_err(struct call *c, const struct err *e)
{
    idem_free(c);
    http_problem_err(c->rq, e);
    call_end(c);
}

void call_problem(struct call *c, int status, const char *detail)
{
    idem_free(c);
    http_problem(c->rq, status, detail, NULL);
    call_end(c);
}

void call_problem_code(struct call *c, int status, const char *detail, const char *code)
{
    char extra[64];
    snprintf(extra, sizeof extra, ",\"code\":\"%s\"", code);
    idem_free(c);
    http_problem(c->rq, status, detail, extra);
    call_end(c);
}

/* What the guard found lacking: "lacks" has its codes. */
void call_guarded(struct call *c, const struct err *e)
{
    struct slice rest = slice_str(e->text), one;
    struct buf b;
    buf_init(&b, 1024);
    buf_str(&b, ",\"code\":\"guarded\",\"lacks\":[");
    for (size_t n = 0; slice_next(&rest, ' ', &one);) {
        if (!one.n)
            continue;
        buf_str(&b, n++ ? "," : "");
        buf_json_str(&b, one);
    }
    buf_char(&b, ']');
    idem_free(c);
    http_problem(c->rq, 409, "something that this end needs is lacking", b.p);
    buf_clear(&b);
    call_end(c);
}

/* ---- lists ---- */

#define LIST_MAX (64u << 20)

void call_list(struct buf *b)
{
    buf_init(b, LIST_MAX);
    buf_str(b, "{\"items\":[");
}

void call_item(struct buf *b)
{
    if (b->p[b->n - 1] != '[')
        buf_char(b, ',');
}

void call_list_end(struct call *c, struct buf *b, const char *next)
{
    buf_str(b, "],\"next\":");
    if (*next)
        buf_json_str(b, slice_str(next));
    else
        buf_str(b, "null");
    buf_char(b, '}');
    call_json(c, 200, buf_view(b));
    buf_clear(b);
}
