/* SPDX-License-Identifier: Apache-2.0
 * The way from HTTP to a websocket: a plain socket is handed over as it is; behind TLS one end of a socket
 * pair is, and the connection goes on as a pump between TLS and the other end. */
#include "gateway/base/mem.h"
#include "gateway/net/http_conn.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BRIDGE_HIGH 262144
#define BRIDGE_LOW  65536

struct http_bridge {
    uv_pipe_t pipe;
    struct http_conn *conn;
    bool stopped; /* reading from the websocket's side */
};

struct bridge_out {
    uv_write_t uv;
    struct http_bridge *bridge;
    char *mem;
};

static size_t bridge_waiting(const struct http_bridge *b)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&b->pipe);
}

static void bridge_written(uv_write_t *w, int status)
{
    struct bridge_out *o = container_of(w, struct bridge_out, uv);
    struct http_conn *c = o->bridge->conn;
    mem_free(o->mem);
    if (status == 0 && c->state == HTTP_S_BRIDGE && c->paused && bridge_waiting(o->bridge) < BRIDGE_LOW &&
        http_conn_read_start(c) != 0)
        http_conn_break(c);
    mem_free(o);
}

void http_bridge_feed(struct http_conn *c, struct slice bytes)
{
    struct http_bridge *b = c->bridge;
    uv_buf_t v = {(char *)(uintptr_t)bytes.p, bytes.n};
    int n = bridge_waiting(b) ? 0 : uv_try_write((uv_stream_t *)&b->pipe, &v, 1);
    if (n < 0)
        n = 0; /* the write below tells */
    if ((size_t)n == bytes.n)
        return;
    struct bridge_out *o = mem_alloc(sizeof(*o));
    o->bridge = b;
    o->mem = mem_dup(bytes.p + n, bytes.n - (size_t)n);
    v = (uv_buf_t){o->mem, bytes.n - (size_t)n};
    if (uv_write(&o->uv, (uv_stream_t *)&b->pipe, &v, 1, bridge_written) != 0) {
        mem_free(o->mem);
        mem_free(o);
        http_conn_break(c);
        return;
    }
    if (bridge_waiting(b) > BRIDGE_HIGH)
        http_conn_pause(c);
}

static void bridge_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *v)
{
    static char bytes[16384];
    (void)h;
    (void)suggested;
    v->base = bytes;
    v->len = sizeof(bytes);
}

static void bridge_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *v)
{
    struct http_bridge *b = container_of(stream, struct http_bridge, pipe);
    struct http_conn *c = b->conn;
    http_conn_hold(c);
    if (n > 0) {
        http_conn_send(c, slice_of(v->base, (size_t)n), (struct slice){NULL, 0}, NULL);
        if (c->state == HTTP_S_BRIDGE && http_conn_unsent(c) > BRIDGE_HIGH) {
            b->stopped = true;
            uv_read_stop(stream);
        }
    } else if (n < 0 && c->state == HTTP_S_BRIDGE) {
        /* The websocket is at its end: let the peer read what is still on its way. */
        c->state = HTTP_S_LINGER;
        http_bridge_close(c);
        http_conn_wait(c, HTTP_WAIT_LINGER);
        http_conn_shutdown(c);
        if (c->paused && http_conn_read_start(c) != 0)
            http_conn_break(c);
    }
    http_conn_release(c);
}

void http_bridge_flushed(struct http_conn *c)
{
    struct http_bridge *b = c->bridge;
    if (b && b->stopped) {
        b->stopped = false;
        uv_read_start((uv_stream_t *)&b->pipe, bridge_alloc, bridge_read);
    }
}

static void bridge_closed(uv_handle_t *h)
{
    struct http_bridge *b = container_of(h, struct http_bridge, pipe);
    http_conn_release(b->conn);
    mem_free(b);
}

void http_bridge_close(struct http_conn *c)
{
    if (c->bridge)
        uv_close((uv_handle_t *)&c->bridge->pipe, bridge_closed);
    c->bridge = NULL;
}

static int bridge_open(struct http_conn *c)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    struct http_bridge *b = mem_alloc(sizeof(*b));
    b->conn = c;
    http_conn_hold(c);
    c->bridge = b;
    uv_pipe_init(loop_uv(c->server->loop), &b->pipe, 0);
    if (uv_pipe_open(&b->pipe, ends[0]) != 0) {
        close(ends[0]);
        close(ends[1]);
        http_bridge_close(c);
        return -1;
    }
    uv_read_start((uv_stream_t *)&b->pipe, bridge_alloc, bridge_read);
    return ends[1];
}

static int detach_plain(struct http_conn *c)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0)
        return -1;
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int http_conn_detach(struct http_req *rq, struct buf *early, struct http_server **server)
{
    struct http_conn *c = rq->conn;
    if (c->state != HTTP_S_BUSY || c->broken || c->eof || rq->answered)
        return -1;
    int fd = c->tls ? bridge_open(c) : detach_plain(c);
    if (fd < 0)
        return -1;
    *early = c->in;
    buf_init(&c->in, c->in.max);
    rq->answered = true;
    http_conn_hold(c);
    *server = NULL;
    if (c->tls) {
        c->state = HTTP_S_BRIDGE;
        http_conn_wait(c, HTTP_WAIT_BRIDGE);
        http_req_free(rq);
        if (c->paused && http_conn_read_start(c) != 0)
            http_conn_break(c);
    } else {
        *server = c->server;
        http_server_hold(c->server);
        c->handed = true;
        http_conn_close(c); /* frees the request, too; the peer's end stays open through the copy */
    }
    http_conn_release(c);
    return fd;
}
