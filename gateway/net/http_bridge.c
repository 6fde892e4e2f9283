/* SPDX-License-Identifier: Apache-2.0
 * A connection becomes a websocket: libwebsockets gets a descriptor with the plain bytes. Without TLS it is
 * the socket itself; with TLS one end of a socket pair, and the bytes are passed through here. */
#include "gateway/base/mem.h"
#include "gateway/net/http_conn.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_HIGH (256u << 10)
#define QUEUE_LOW  (64u << 10)

struct http_bridge {
    uv_pipe_t pipe; /* our end */
    struct http_conn *conn;
    size_t queued; /* towards libwebsockets */
    bool closed, pipe_paused;
};

struct bridge_write {
    uv_write_t rq;
    struct http_bridge *bridge;
    size_t n;
    char bytes[];
};

static char piece[16384];

static void on_pipe_closed(uv_handle_t *h)
{
    struct http_bridge *b = container_of((uv_pipe_t *)(void *)h, struct http_bridge, pipe);
    http_conn_release(b->conn);
    mem_free(b);
}

void http_bridge_close(struct http_conn *c)
{
    struct http_bridge *b = c->bridge;
    if (!b || b->closed)
        return;
    b->closed = true;
    uv_close((uv_handle_t *)&b->pipe, on_pipe_closed);
}

/* ---- from the peer to libwebsockets ---- */

static void on_passed(uv_write_t *rq, int status)
{
    struct bridge_write *w = container_of(rq, struct bridge_write, rq);
    struct http_bridge *b = w->bridge;
    struct http_conn *c = b->conn;
    b->queued -= w->n;
    mem_free(w);
    if (status < 0)
        http_conn_close(c);
    else if (b->queued < QUEUE_LOW && c->paused && c->state == HTTP_S_BRIDGE)
        http_conn_read_start(c);
}

void http_bridge_feed(struct http_conn *c, struct slice bytes)
{
    struct http_bridge *b = c->bridge;
    if (b->closed || !bytes.n)
        return;
    struct bridge_write *w = mem_alloc(sizeof(*w) + bytes.n);
    w->bridge = b;
    w->n = bytes.n;
    memcpy(w->bytes, bytes.p, bytes.n);
    uv_buf_t u = uv_buf_init(w->bytes, (unsigned)bytes.n);
    b->queued += bytes.n;
    if (uv_write(&w->rq, (uv_stream_t *)&b->pipe, &u, 1, on_passed) != 0) {
        b->queued -= bytes.n;
        mem_free(w);
        http_conn_close(c);
    } else if (b->queued > QUEUE_HIGH)
        http_conn_pause(c);
}

/* ---- from libwebsockets to the peer ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *u)
{
    (void)h;
    (void)suggested;
    *u = uv_buf_init(piece, sizeof(piece));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *u)
{
    struct http_bridge *b = container_of((uv_pipe_t *)(void *)s, struct http_bridge, pipe);
    struct http_conn *c = b->conn;
    if (n == 0 || b->closed)
        return;
    http_conn_hold(c);
    if (n < 0)
        http_conn_close(c);
    else {
        http_conn_send(c, slice_of(u->base, (size_t)n), (struct slice){0, 0}, NULL);
        if (c->state == HTTP_S_BRIDGE && http_conn_unsent(c) > QUEUE_HIGH) {
            uv_read_stop((uv_stream_t *)&b->pipe);
            b->pipe_paused = true;
        }
    }
    http_conn_release(c);
}

void http_bridge_flushed(struct http_conn *c)
{
    struct http_bridge *b = c->bridge;
    if (!b->closed && b->pipe_paused && http_conn_unsent(c) < QUEUE_LOW) {
        b->pipe_paused = false;
        uv_read_start((uv_stream_t *)&b->pipe, on_alloc, on_read);
    }
}

static int bridge_open(struct http_conn *c)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return -ERR_IO;
    struct http_bridge *b = mem_alloc(sizeof(*b));
    b->conn = c;
    http_conn_hold(c);
    uv_pipe_init(loop_uv(c->server->loop), &b->pipe, 0);
    if (uv_pipe_open(&b->pipe, ends[0]) != 0) {
        close(ends[0]);
        close(ends[1]);
        b->closed = true;
        uv_close((uv_handle_t *)&b->pipe, on_pipe_closed);
        return -ERR_IO;
    }
    c->bridge = b;
    c->state = HTTP_S_BRIDGE;
    http_conn_wait(c, HTTP_WAIT_BRIDGE);
    uv_read_start((uv_stream_t *)&b->pipe, on_alloc, on_read);
    return ends[1];
}

/* ---- handing over ---- */

int http_conn_detach(struct http_req *rq, struct buf *early, struct http_server **server)
{
    struct http_conn *c = rq->conn;
    struct http_server *s = c->server;
    uv_os_fd_t fd;
    int out;
    if (c->state != HTTP_S_BUSY || c->eof || c->writes)
        return -ERR_CANCELLED;
    buf_add(early, c->in.p, c->in.n);
    buf_clear(&c->in);
    if (c->tls)
        out = bridge_open(c);
    else if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    else
        out = -ERR_IO;
    if (out < 0)
        return -ERR_IO;
    *server = s;
    s->connections++; /* the websocket's own */
    http_server_hold(s);
    rq->answered = true;
    if (!c->tls) {
        c->state = HTTP_S_LINGER; /* closing it must not tell the handler that its peer has gone */
        http_req_free(rq);
        http_conn_close(c); /* the duplicate lives on */
    } else
        http_req_free(rq);
    return out;
}
