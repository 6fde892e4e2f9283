/* SPDX-License-Identifier: Apache-2.0
 * Answers: the head is built in a buffer that all share and leaves in one write with the body. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/http_reply.h"
#include <string.h>
#include <time.h>

static const struct {
    int status;
    const char *reason;
} reply_reasons[] = {
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
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

static const char *reply_reason(int status)
{
    for (size_t i = 0; i < sizeof(reply_reasons) / sizeof(reply_reasons[0]); i++)
        if (reply_reasons[i].status == status)
            return reply_reasons[i].reason;
    return "Status";
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second */
static struct slice reply_date(void)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static char text[64];
    static int64_t made = -1;
    static size_t n;
    int64_t now = time_wall_ms() / 1000;
    if (now != made) {
        time_t t = (time_t)now;
        struct tm tm;
        gmtime_r(&t, &tm);
        struct buf b;
        buf_init(&b, sizeof(text) - 1);
        buf_printf(&b, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n", days + 3 * tm.tm_wday, tm.tm_mday,
                   months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
        n = b.n;
        memcpy(text, b.p, n);
        buf_clear(&b);
        made = now;
    }
    return slice_of(text, n);
}

static void reply_field(struct buf *b, const struct http_head *h)
{
    struct http_field f;
    err_assert(http_is_token(slice_str(h->name)));
    buf_str(b, h->name);
    size_t value = b->n;
    buf_add(b, ": ", 2);
    buf_slice(b, h->value);
    /* A control byte here would let one answer become two. */
    err_assert(b->err || http_field_parse(slice_of(b->p + value - 1, b->n - value + 1), &f));
    buf_add(b, "\r\n", 2);
}

struct slice http_reply_head(struct http_req *rq, int status, const struct http_head *heads, uint64_t length)
{
    static struct buf head = {.max = 65536};
    buf_reset(&head);
    if (rq->unread || rq->conn->server->draining || !rq->head.keep_alive)
        rq->close = true;
    buf_add(&head, "HTTP/1.1 ", 9);
    buf_u64(&head, (uint64_t)status);
    buf_char(&head, ' ');
    buf_str(&head, reply_reason(status));
    buf_add(&head, "\r\n", 2);
    buf_slice(&head, reply_date());
    if (status != 204 && status != 304) {
        buf_str(&head, "Content-Length: ");
        buf_u64(&head, length);
        buf_add(&head, "\r\n", 2);
    }
    if (rq->close)
        buf_str(&head, "Connection: close\r\n");
    else if (rq->head.v10)
        buf_str(&head, "Connection: keep-alive\r\n");
    buf_str(&head, "X-Content-Type-Options: nosniff\r\n");
    if (http_req_hsts(rq)) /* whoever came by TLS comes by nothing else from now on */
        buf_str(&head, "Strict-Transport-Security: max-age=31536000\r\n");
    for (; heads && heads->name; heads++)
        reply_field(&head, heads);
    buf_add(&head, "\r\n", 2);
    err_assert(!head.err);
    return buf_view(&head);
}

bool http_reply_bodyless(const struct http_req *rq, int status)
{
    return rq->head.method == HTTP_M_HEAD || status == 204 || status == 304;
}

static void reply(struct http_req *rq, int status, const struct http_head *heads, struct slice body,
                  char *owned)
{
    struct http_conn *c = rq->conn;
    err_assert(!rq->answered && status >= 200 && status <= 599);
    rq->answered = true;
    if (c->state == HTTP_S_CLOSED) {
        mem_free(owned);
        http_req_free(rq);
        return;
    }
    struct slice head = http_reply_head(rq, status, heads, body.n);
    if (http_reply_bodyless(rq, status))
        body.n = 0;
    http_conn_hold(c);
    http_conn_send(c, head, body, owned);
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
    struct http_head heads[] = {{"Content-Type", SLICE("application/problem+json")},
                                {"Cache-Control", SLICE("no-store")},
                                {status == 503 || status == 429 ? "Retry-After" : NULL, SLICE("5")},
                                {NULL, {NULL, 0}}};
    struct buf b;
    buf_init(&b, 65536);
    buf_printf(&b, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d", reply_reason(status), status);
    if (detail && text_valid(slice_str(detail), NULL)) {
        buf_str(&b, ",\"detail\":");
        buf_json_str(&b, slice_str(detail));
    }
    buf_str(&b, extra);
    buf_char(&b, '}');
    err_assert(!b.err);
    size_t n;
    char *text = buf_take(&b, &n);
    http_reply_take(rq, status, heads, text, n);
}

int http_status_of(int err_code)
{
    static const short statuses[ERR_COUNT] = {
        [ERR_BUSY] = 409,      [ERR_RATE] = 429,        [ERR_AUTH] = 401,     [ERR_FORBIDDEN] = 403,
        [ERR_NOT_FOUND] = 404, [ERR_ERASED] = 404,      [ERR_CONFLICT] = 409, [ERR_INVALID] = 400,
        [ERR_TOO_LARGE] = 413, [ERR_UNSUPPORTED] = 501, [ERR_CORRUPT] = 500,  [ERR_BUG] = 500,
        [ERR_GUARDED] = 409,
    };
    if (err_code < 0 && err_code > -ERR_COUNT)
        err_code = -err_code;
    return err_code > 0 && err_code < ERR_COUNT && statuses[err_code] ? statuses[err_code] : 503;
}

void http_problem_err(struct http_req *rq, const struct err *e)
{
    http_problem(rq, http_status_of(e->code), e->text[0] ? e->text : err_text(e->code), NULL);
}
