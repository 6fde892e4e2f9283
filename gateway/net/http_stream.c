/* SPDX-License-Identifier: Apache-2.0
 * Answers in pieces: the next is asked for when the system has taken all of the last. */
#include "gateway/base/mem.h"
#include "gateway/net/http_reply.h"

/* The end of the application's part: it is told, and forgets the request. */
static void stream_finish(struct http_req *rq)
{
    struct http_conn *c = rq->conn;
    void (*closed)(void *) = rq->closed;
    rq->streaming = false;
    if (closed)
        closed(rq->stream_arg);
    http_conn_answered(c);
}

static void stream_step(void *arg)
{
    struct http_conn *c = arg;
    struct http_req *rq = c->rq;
    if (rq && rq->streaming && c->state != HTTP_S_CLOSED && !c->broken) {
        rq->more_due = false;
        if (rq->left == 0) {
            stream_finish(rq);
        } else if (c->writes == 0) {
            http_conn_wait(c, HTTP_WAIT_ANSWER);
            rq->more(rq, rq->stream_arg);
        }
    }
    http_conn_release(c);
}

static void stream_later(struct http_req *rq)
{
    if (rq->more_due)
        return;
    rq->more_due = true;
    http_conn_hold(rq->conn);
    loop_defer(rq->conn->server->loop, stream_step, rq->conn);
}

void http_stream_more(struct http_req *rq)
{
    stream_later(rq);
}

void http_stream_closed(struct http_req *rq)
{
    rq->streaming = false;
    if (rq->closed)
        rq->closed(rq->stream_arg);
    http_req_free(rq);
}

static void stream_dead(void *arg)
{
    http_stream_closed(arg);
}

void http_reply_stream(struct http_req *rq, int status, const struct http_head *heads, uint64_t length,
                       void (*more)(struct http_req *rq, void *arg), void *arg, void (*closed)(void *arg))
{
    struct http_conn *c = rq->conn;
    err_assert(!rq->answered);
    rq->answered = true;
    rq->more = more;
    rq->closed = closed;
    rq->stream_arg = arg;
    if (c->state == HTTP_S_CLOSED) {
        loop_defer(c->server->loop, stream_dead, rq);
        return;
    }
    struct slice head = http_reply_head(rq, status, heads, length);
    rq->streaming = true;
    rq->left = http_reply_bodyless(rq, status) ? 0 : length;
    http_conn_send(c, head, (struct slice){NULL, 0}, NULL);
    stream_later(rq);
}

void http_body_write(struct http_req *rq, struct slice part)
{
    struct http_conn *c = rq->conn;
    err_assert(rq->streaming && part.n <= rq->left);
    if (part.n == 0)
        return;
    rq->left -= part.n;
    http_conn_send(c, part, (struct slice){NULL, 0}, NULL);
    if (rq->left == 0 || c->writes == 0)
        stream_later(rq);
    else if (c->wait != HTTP_WAIT_WRITE)
        http_conn_wait(c, HTTP_WAIT_WRITE);
}

void http_body_end(struct http_req *rq, bool complete)
{
    if (!complete || rq->left)
        http_conn_break(rq->conn);
}
