/* SPDX-License-Identifier: Apache-2.0
 * One connection: requests out of bytes, one at a time and in order; the next is looked at when the last was
 * answered. */
#include "gateway/net/http_conn.h"
#include "gateway/base/mem.h"
#include <string.h>

/* What may wait behind an unanswered request: one read, and what TLS had decrypted already. */
#define CONN_IN_MAX ((size_t)1 << 20)

void http_conn_hold(struct http_conn *c)
{
    c->holds++;
}

void http_conn_release(struct http_conn *c)
{
    if (--c->holds > 0)
        return;
    struct http_server *s = c->server;
    mem_free(c);
    http_server_release(s);
}

struct http_conn *http_conn_new(struct http_server *s)
{
    struct http_conn *c = mem_alloc(sizeof(*c));
    c->server = s;
    c->holds = 1;
    buf_init(&c->in, CONN_IN_MAX);
    http_server_hold(s);
    err_assert(uv_tcp_init(loop_uv(s->loop), &c->tcp) == 0);
    return c;
}

void http_conn_wait(struct http_conn *c, enum http_wait w)
{
    list_del(&c->node);
    list_push(&c->server->waits[w], &c->node);
    c->wait = w;
    c->since = loop_now_ms(c->server->loop);
    c->outq = -1;
}

void http_conn_start(struct http_conn *c)
{
    if (c->server->cf.tls)
        c->tls = tls_conn_new(c->server->cf.tls);
    http_conn_wait(c, HTTP_WAIT_HEAD);
    if (http_conn_read_start(c) != 0)
        http_conn_close(c);
}

static void conn_closed(uv_handle_t *h)
{
    struct http_conn *c = container_of(h, struct http_conn, tcp);
    tls_conn_free(&c->tls);
    if (!c->handed)
        http_server_lost_one(c->server);
    http_conn_release(c);
}

void http_conn_close(struct http_conn *c)
{
    if (c->state == HTTP_S_CLOSED)
        return;
    struct http_req *rq = c->rq;
    bool handed_out = c->state == HTTP_S_BUSY; /* else no handler has it, and nobody is going to answer */
    http_conn_hold(c);
    c->state = HTTP_S_CLOSED;
    list_del(&c->node);
    buf_clear(&c->in);
    http_bridge_close(c);
    uv_close((uv_handle_t *)&c->tcp, conn_closed);
    if (rq && rq->streaming)
        http_stream_closed(rq);
    else if (rq && !rq->answered && handed_out)
        http_req_gone(rq);
    else if (rq)
        http_req_free(rq);
    http_conn_release(c);
}

void http_conn_refuse(struct http_conn *c, int status, const char *why)
{
    if (!c->rq)
        http_req_new(c, (struct slice){"", 0});
    c->rq->close = true;
    c->state = HTTP_S_BUSY;
    http_problem(c->rq, status, why, NULL);
}

/* Copies the head, since it must live until the answer, and judges it. */
static void conn_head(struct http_conn *c, struct slice head)
{
    const char *why = NULL;
    struct http_field fields[HTTP_FIELDS_MAX];
    struct http_req *rq = http_req_new(c, head);
    int status = http_head_parse(rq->bytes, fields, &rq->head, &why);
    c->scan = (struct http_scan){0};
    if (status) {
        rq->head.fields_n = 0;
        http_conn_refuse(c, status, why);
        return;
    }
    size_t bytes = rq->head.fields_n * sizeof(fields[0]);
    rq->head.fields = arena_alloc(rq->arena, bytes ? bytes : 1);
    memcpy(rq->head.fields, fields, bytes);
    c->state = HTTP_S_ROUTE;
}

static size_t conn_take_head(struct http_conn *c, struct slice b)
{
    size_t max = c->server->cf.max_header;
    if (c->wait == HTTP_WAIT_IDLE)
        http_conn_wait(c, HTTP_WAIT_HEAD);
    long n = http_head_scan(&c->scan, b);
    if (n > 0 && (size_t)n <= max) {
        conn_head(c, slice_of(b.p, (size_t)n));
        return (size_t)n;
    }
    if (n < 0)
        http_conn_refuse(c, 400, "a line ends without CR");
    else if (n > 0 || b.n > max)
        http_conn_refuse(c, c->scan.line == 0 ? 414 : 431, "the head is too large");
    return 0;
}

/* May it go on? Who says no has answered, as one may before the body is read. */
static void conn_grows(struct http_conn *c)
{
    enum http_state before = c->state;
    struct http_req *rq = c->rq;
    c->state = HTTP_S_BUSY;
    if (rq->grows(rq->body_arg, rq->body.n))
        c->state = before;
}

static size_t conn_take_body(struct http_conn *c, struct slice b)
{
    struct http_req *rq = c->rq;
    size_t used = 0;
    if (rq->head.chunked) {
        used = http_chunked_feed(&rq->chunked, b, &rq->body);
        if (rq->chunked.state == HTTP_CHUNK_BAD)
            http_conn_refuse(c, 400, "chunked body");
        else if (rq->body.err)
            http_conn_refuse(c, 413, "the body is too large");
        else if (rq->chunked.state == HTTP_CHUNK_DONE)
            c->state = HTTP_S_READY;
    } else {
        size_t left = (size_t)rq->head.length - rq->body.n;
        used = b.n < left ? b.n : left;
        buf_add(&rq->body, b.p, used);
        if (used == left)
            c->state = HTTP_S_READY;
    }
    if ((c->state == HTTP_S_BODY || c->state == HTTP_S_READY) && rq->grows) /* else it may be gone */
        conn_grows(c);
    return used;
}

/* The whole head is there: who is asked, and may there be a body? */
static void conn_route(struct http_conn *c)
{
    struct http_req *rq = c->rq;
    const struct http_head_info *h = &rq->head;
    c->state = HTTP_S_BUSY;
    http_conn_wait(c, HTTP_WAIT_ANSWER);
    bool body = h->chunked || h->length;
    rq->unread = body;
    rq->route = c->server->cf.route(rq, c->server->cf.arg);
    if (c->state != HTTP_S_BUSY || c->rq != rq || rq->answered)
        return;
    if (!rq->route.handler) {
        http_problem(rq, 404, NULL, NULL);
    } else if (h->websocket && !rq->route.upgrade) {
        rq->close = true;
        http_problem(rq, 400, "no websocket here", NULL);
    } else if (h->length > rq->route.max_body) {
        http_problem(rq, 413, "the body is too large", NULL);
    } else if (!body) {
        c->state = HTTP_S_READY;
    } else {
        buf_init(&rq->body, rq->route.max_body);
        c->state = HTTP_S_BODY;
        http_conn_wait(c, HTTP_WAIT_BODY);
        if (h->expect_continue && c->in.n == 0)
            http_conn_send(c, SLICE("HTTP/1.1 100 Continue\r\n\r\n"), (struct slice){NULL, 0}, NULL);
    }
}

static void conn_handle(struct http_conn *c)
{
    struct http_req *rq = c->rq;
    c->state = HTTP_S_BUSY;
    rq->unread = false;
    http_conn_wait(c, HTTP_WAIT_ANSWER);
    rq->route.handler(rq, rq->route.arg);
}

static bool conn_reads(const struct http_conn *c)
{
    return c->state == HTTP_S_HEAD || c->state == HTTP_S_BODY;
}

/* Parses until more is needed or somebody has to be asked; returns what is left. */
static struct slice conn_parse(struct http_conn *c, struct slice b)
{
    while (b.n && conn_reads(c)) {
        enum http_state before = c->state;
        size_t used = before == HTTP_S_HEAD ? conn_take_head(c, b) : conn_take_body(c, b);
        b = slice_of(b.p + used, b.n - used);
        if (used == 0 && c->state == before)
            break;
    }
    return b;
}

static void conn_keep(struct http_conn *c, struct slice rest, bool from_in)
{
    if (from_in)
        buf_drop_front(&c->in, c->in.n - rest.n);
    else
        buf_slice(&c->in, rest);
    if (c->in.n == 0 && c->in.cap)
        buf_clear(&c->in);
}

/* The caller holds c. Before anybody is asked, what is not parsed yet stands in c->in. */
static void conn_run(struct http_conn *c, struct slice raw)
{
    bool from_in = c->in.n > 0;
    if (from_in)
        buf_slice(&c->in, raw);
    struct slice b = from_in ? buf_view(&c->in) : raw;
    c->running = true;
    for (;;) {
        b = conn_parse(c, b);
        if (c->state == HTTP_S_CLOSED || c->state == HTTP_S_LINGER)
            break;
        conn_keep(c, b, from_in);
        bool asked = c->state == HTTP_S_ROUTE || c->state == HTTP_S_READY;
        if (c->state == HTTP_S_ROUTE)
            conn_route(c);
        if (c->state == HTTP_S_READY)
            conn_handle(c);
        if (!asked || !conn_reads(c) || c->in.n == 0)
            break;
        b = buf_view(&c->in);
        from_in = true;
    }
    c->running = false;
    if (c->in.err)
        http_conn_break(c);
}

void http_conn_feed(struct http_conn *c, struct slice bytes)
{
    switch (c->state) {
    case HTTP_S_CLOSED:
    case HTTP_S_LINGER:
        return;
    case HTTP_S_BRIDGE:
        http_bridge_feed(c, bytes);
        return;
    case HTTP_S_BUSY:
        /* Reading stops only now: to stop for each request would cost two system calls more. */
        if (buf_slice(&c->in, bytes) != 0)
            http_conn_break(c);
        http_conn_pause(c);
        return;
    default:
        conn_run(c, bytes);
    }
}

static void conn_resume(void *arg)
{
    struct http_conn *c = arg;
    c->resuming = false;
    if (c->state == HTTP_S_HEAD && c->in.n)
        conn_run(c, (struct slice){NULL, 0});
    if (conn_reads(c) && (c->eof || (c->paused && http_conn_read_start(c) != 0)))
        http_conn_close(c);
    http_conn_release(c);
}

static void conn_next(struct http_conn *c)
{
    c->state = HTTP_S_HEAD;
    http_conn_wait(c, HTTP_WAIT_IDLE);
    bool due = c->paused || c->eof || (c->in.n && !c->running);
    if (due && !c->resuming) {
        c->resuming = true;
        http_conn_hold(c);
        loop_defer(c->server->loop, conn_resume, c);
    }
}

/* The answer is out. A connection that ends lingers until the peer has read it: closing at once, with bytes
 * of the peer unread, would reset the connection and take the answer back. */
static void conn_finish(struct http_conn *c)
{
    bool end = c->rq->close || c->server->draining || c->server->freed;
    http_req_free(c->rq);
    if (!end) {
        conn_next(c);
        return;
    }
    if (c->eof) {
        http_conn_close(c);
        return;
    }
    c->state = HTTP_S_LINGER;
    buf_clear(&c->in);
    http_conn_wait(c, HTTP_WAIT_LINGER);
    http_conn_shutdown(c);
    if (c->paused && http_conn_read_start(c) != 0)
        http_conn_break(c);
}

void http_conn_answered(struct http_conn *c)
{
    if (c->broken || c->state == HTTP_S_CLOSED)
        return;
    if (c->writes)
        http_conn_wait(c, HTTP_WAIT_WRITE);
    else
        conn_finish(c);
}

void http_conn_flushed(struct http_conn *c)
{
    if (c->state == HTTP_S_BRIDGE)
        http_bridge_flushed(c);
    else if (c->state == HTTP_S_BUSY && c->rq && c->rq->streaming)
        http_stream_more(c->rq);
    else if (c->state == HTTP_S_BUSY && c->rq && c->rq->answered)
        conn_finish(c);
}

/* The peer sends no more. It may still read: what it asked for is answered, nothing new is begun. */
void http_conn_ended(struct http_conn *c)
{
    c->eof = true;
    if (c->state == HTTP_S_BUSY && c->rq) {
        if (!c->rq->answered)
            http_req_gone(c->rq);
    } else {
        http_conn_close(c);
    }
}
