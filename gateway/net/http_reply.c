/* SPDX-License-Identifier: Apache-2.0
 * Answers: head and body in one write. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/http_conn.h"
#include <string.h>
#include <time.h>

#define HEAD_MAX 65536

static const struct {
    int status;
    const char *text;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

static const char *reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

/* "Date: …\r\n", made once a second. */
static const char *date_line(void)
{
    static char line[64];
    static time_t made;
    time_t now = time(NULL);
    struct tm tm;
    if (now != made) {
        gmtime_r(&now, &tm);
        strftime(line, sizeof(line), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        made = now;
    }
    return line;
}

static void check_value(struct slice v)
{
    for (size_t i = 0; i < v.n; i++)
        err_assert((unsigned char)v.p[i] >= 0x20 && v.p[i] != 0x7f);
}

/* Everything up to and with the empty line. */
static void write_head(struct buf *b, const struct http_req *rq, int status, const struct http_head *heads,
                       uint64_t length)
{
    buf_str(b, "HTTP/1.1 ");
    buf_u64(b, (uint64_t)status);
    buf_char(b, ' ');
    buf_str(b, reason(status));
    buf_str(b, "\r\n");
    buf_str(b, date_line());
    for (; heads && heads->name; heads++) {
        check_value(heads->value);
        buf_str(b, heads->name);
        buf_str(b, ": ");
        buf_slice(b, heads->value);
        buf_str(b, "\r\n");
    }
    if (status != 204 && status != 304) {
        buf_str(b, "Content-Length: ");
        buf_u64(b, length);
        buf_str(b, "\r\n");
    }
    buf_str(b, "X-Content-Type-Options: nosniff\r\n");
    if (rq->close || rq->conn->server->draining)
        buf_str(b, "Connection: close\r\n");
    else if (rq->head.v10)
        buf_str(b, "Connection: keep-alive\r\n");
    buf_str(b, "\r\n");
}

static void reply(struct http_req *rq, int status, const struct http_head *heads, struct slice body,
                  char *owned)
{
    struct http_conn *c = rq->conn;
    struct buf head;
    bool none = http_req_method(rq) == HTTP_M_HEAD || status == 204 || status == 304;
    err_assert(!rq->answered);
    rq->answered = true;
    rq->close |= rq->unread; /* answered before its body was read: what follows is no request */
    if (c->state == HTTP_S_CLOSED) {
        mem_free(owned);
        http_req_free(rq);
        return;
    }
    buf_init(&head, HEAD_MAX);
    write_head(&head, rq, status, heads, body.n);
    http_conn_hold(c);
    if (none)
        mem_free(owned);
    http_conn_send(c, buf_view(&head), none ? (struct slice){0, 0} : body, none ? NULL : owned);
    buf_clear(&head);
    http_conn_answered(c);
    http_conn_release(c);
}

void http_reply(struct http_req *rq, int status, const struct http_head *heads, struct slice body)
{
    reply(rq, status, heads, body, NULL);
}

void http_reply_take(struct http_req *rq, int status, const struct http_head *heads, char *body, size_t n)
{
    reply(rq, status, heads, slice_of(body, n), body);
}

void http_problem(struct http_req *rq, int status, const char *detail, const char *extra)
{
    static const struct http_head heads[] = {{"Content-Type", {"application/problem+json", 24}},
                                             {"Cache-Control", {"no-store", 8}},
                                             {NULL, {0, 0}}};
    static const struct http_head later[] = {{"Content-Type", {"application/problem+json", 24}},
                                             {"Cache-Control", {"no-store", 8}},
                                             {"Retry-After", {"5", 1}},
                                             {NULL, {0, 0}}};
    struct buf b;
    buf_init(&b, 65536);
    buf_str(&b, "{\"type\":\"about:blank\",\"title\":\"");
    buf_str(&b, reason(status));
    buf_str(&b, "\",\"status\":");
    buf_u64(&b, (uint64_t)status);
    if (detail && text_valid(slice_str(detail), NULL)) {
        buf_str(&b, ",\"detail\":");
        buf_json_str(&b, slice_str(detail));
    }
    if (extra)
        buf_str(&b, extra);
    buf_char(&b, '}');
    http_reply(rq, status, status == 503 || status == 429 ? later : heads, buf_view(&b));
    buf_clear(&b);
}

int http_status_of(int err_code)
{
    switch (err_code < 0 ? -err_code : err_code) {
    case ERR_AUTH:
        return 401;
    case ERR_FORBIDDEN:
        return 403;
    case ERR_NOT_FOUND:
    case ERR_ERASED:
        return 404;
    case ERR_CONFLICT:
    case ERR_BUSY:
        return 409;
    case ERR_INVALID:
        return 400;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_UNSUPPORTED:
        return 501;
    case ERR_RATE:
        return 429;
    case ERR_BUG:
    case ERR_CORRUPT:
        return 500;
    default:
        return 503;
    }
}

void http_problem_err(struct http_req *rq, const struct err *e)
{
    http_problem(rq, http_status_of(e->code), *e->text ? e->text : err_text(e->code), NULL);
}

void http_reply_head(struct http_req *rq, int status, const struct http_head *heads, uint64_t length)
{
    struct buf head;
    buf_init(&head, HEAD_MAX);
    write_head(&head, rq, status, heads, length);
    http_conn_send(rq->conn, buf_view(&head), (struct slice){0, 0}, NULL);
    buf_clear(&head);
}
