/* SPDX-License-Identifier: Apache-2.0
 * Answers in pieces, for downloads: whoever gives the pieces is asked for more when there is room. */
#include "gateway/base/mem.h"
#include "gateway/net/http_conn.h"

#define ROOM (256u << 10)

void http_stream_closed(struct http_req *rq)
{
    void (*closed)(void *) = rq->closed;
    void *arg = rq->stream_arg;
    rq->closed = NULL;
    rq->streaming = false;
    http_req_free(rq);
    if (closed)
        closed(arg);
}

/* The last call to whoever streams; then the connection goes on, or ends when not all was given. */
static void finish(struct http_req *rq, bool complete)
{
    struct http_conn *c = rq->conn;
    void (*closed)(void *) = rq->closed;
    void *arg = rq->stream_arg;
    rq->closed = NULL;
    rq->streaming = false;
    http_conn_hold(c);
    if (complete)
        http_conn_answered(c);
    else {
        http_conn_close(c);
        if (c->rq == rq)
            http_req_free(rq);
    }
    if (closed)
        closed(arg);
    http_conn_release(c);
}

static void on_more(void *arg)
{
    struct http_conn *c = arg;
    struct http_req *rq = c->rq;
    if (rq && rq->streaming && rq->more_due && c->state != HTTP_S_CLOSED) {
        rq->more_due = false;
        if (http_conn_unsent(c) < ROOM)
            rq->more(rq, rq->stream_arg);
    }
    http_conn_release(c);
}

void http_stream_more(struct http_req *rq)
{
    if (rq->more_due || !rq->left)
        return;
    rq->more_due = true;
    http_conn_hold(rq->conn);
    loop_defer(rq->conn->server->loop, on_more, rq->conn);
}

struct headless { /* an answer to HEAD: nothing but the end follows */
    void (*closed)(void *arg);
    void *arg;
};

static void on_headless(void *arg)
{
    struct headless *h = arg;
    h->closed(h->arg);
    mem_free(h);
}

void http_reply_stream(struct http_req *rq, int status, const struct http_head *heads, uint64_t length,
                       void (*more)(struct http_req *rq, void *arg), void *arg, void (*closed)(void *arg))
{
    struct http_conn *c = rq->conn;
    err_assert(!rq->answered);
    rq->answered = true;
    if (c->state == HTTP_S_CLOSED || http_req_method(rq) == HTTP_M_HEAD || !length) {
        struct headless *h = mem_alloc(sizeof(*h));
        *h = (struct headless){closed, arg};
        loop_defer(c->server->loop, on_headless, h);
        if (c->state == HTTP_S_CLOSED) {
            http_req_free(rq);
            return;
        }
        http_conn_hold(c);
        http_reply_head(rq, status, heads, length);
        http_conn_answered(c);
        http_conn_release(c);
        return;
    }
    rq->streaming = true;
    rq->left = length;
    rq->more = more;
    rq->closed = closed;
    rq->stream_arg = arg;
    http_conn_wait(c, HTTP_WAIT_WRITE);
    http_conn_hold(c);
    http_reply_head(rq, status, heads, length);
    if (c->rq == rq && c->state != HTTP_S_CLOSED)
        http_stream_more(rq);
    http_conn_release(c);
}

void http_body_write(struct http_req *rq, struct slice part)
{
    struct http_conn *c = rq->conn;
    err_assert(rq->streaming && part.n <= rq->left);
    rq->left -= part.n;
    http_conn_hold(c);
    http_conn_send(c, part, (struct slice){0, 0}, NULL);
    if (c->rq == rq && c->state != HTTP_S_CLOSED && rq->left && http_conn_unsent(c) < ROOM)
        http_stream_more(rq);
    http_conn_release(c);
}

void http_body_end(struct http_req *rq, bool complete)
{
    finish(rq, complete && rq->left == 0);
}
