/* SPDX-License-Identifier: Apache-2.0
 * The listener: accepting, time limits, draining. */
#include "gateway/base/mem.h"
#include "gateway/net/http_conn.h"
#include "gateway/net/ws_hand.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_SWEEP_MS   500
#define SERVER_LINGER_MS  2000
#define SERVER_BODY_GRACE 10000 /* then a body has to come at BODY_RATE at least */
#define SERVER_BODY_RATE  512   /* bytes a second */
#define SERVER_STALL_MS   60000 /* a peer that takes nothing of its answer for so long is gone */
#define SERVER_BACKLOG    1024
#define SERVER_FRESH_MS   1000 /* when draining: for the first request of a connection that was just taken */

void http_server_hold(struct http_server *s)
{
    s->holds++;
}

void http_server_release(struct http_server *s)
{
    if (--s->holds > 0)
        return;
    cidrs_free(&s->trusted);
    mem_free(s);
}

static void server_drained(void *arg)
{
    struct http_server *s = arg;
    if (s->drained && s->connections == 0) {
        void (*done)(void *) = s->drained;
        s->drained = NULL;
        done(s->drained_arg);
    }
    http_server_release(s);
}

static void server_check_drained(struct http_server *s)
{
    if (!s->draining || !s->drained || s->connections > 0)
        return;
    http_server_hold(s);
    loop_defer(s->loop, server_drained, s);
}

void http_server_lost_one(struct http_server *s)
{
    s->connections--;
    server_check_drained(s);
}

/* The lists are in the order of waiting, so the first that is not due ends the search. */
static void sweep_waiting(struct http_server *s, enum http_wait w, uint64_t now, uint64_t limit)
{
    struct list *head = &s->waits[w];
    while (!list_empty(head)) {
        struct http_conn *c = container_of(head->next, struct http_conn, node);
        if (now - c->since < limit)
            return;
        if (w == HTTP_WAIT_HEAD && c->in.n) {
            http_conn_wait(c, HTTP_WAIT_ANSWER);
            http_conn_refuse(c, 408, "the head took too long");
        } else {
            http_conn_close(c);
        }
    }
}

static bool sweep_body(struct http_conn *c, uint64_t now)
{
    uint64_t spent = now - c->since;
    return spent > SERVER_BODY_GRACE && c->rq->body.n < (spent - SERVER_BODY_GRACE) * SERVER_BODY_RATE / 1000;
}

/* What the kernel still holds unacknowledged counts: its buffer can take minutes of a slow link. */
static bool sweep_write(struct http_conn *c, uint64_t now)
{
    uv_os_fd_t fd;
    int held = 0;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        ioctl(fd, SIOCOUTQ, &held);
    int64_t outq = (int64_t)http_conn_unsent(c) + held;
    if (outq != c->outq) {
        c->outq = outq;
        c->since = now;
    }
    return now - c->since > SERVER_STALL_MS;
}

static void sweep_all(struct http_server *s, enum http_wait w, uint64_t now,
                      bool (*late)(struct http_conn *c, uint64_t now))
{
    struct list all;
    list_init(&all);
    for (struct list *n; (n = list_pop(&s->waits[w]));)
        list_push(&all, n);
    for (struct list *n; (n = list_pop(&all));) {
        struct http_conn *c = container_of(n, struct http_conn, node);
        list_push(&s->waits[w], n);
        if (!late(c, now))
            continue;
        if (w == HTTP_WAIT_BODY) {
            http_conn_wait(c, HTTP_WAIT_ANSWER);
            http_conn_refuse(c, 408, "the body took too long");
        } else {
            http_conn_close(c);
        }
    }
}

static void server_close_waiting(struct http_server *s, enum http_wait w)
{
    while (!list_empty(&s->waits[w]))
        http_conn_close(container_of(s->waits[w].next, struct http_conn, node));
}

static void server_cut(struct http_server *s)
{
    for (int w = 0; w < HTTP_WAITS; w++)
        server_close_waiting(s, (enum http_wait)w);
    struct list all;
    list_init(&all);
    for (struct list *n; (n = list_pop(&s->sockets));)
        list_push(&all, n);
    for (struct list *n; (n = list_pop(&all));) {
        struct ws_hand *hand = container_of(n, struct ws_hand, node);
        list_push(&s->sockets, n);
        hand->cut(hand); /* it may be gone now */
    }
}

/* Nothing was asked and nothing is on its way. */
static bool sweep_silent(struct http_conn *c, uint64_t now)
{
    uv_os_fd_t fd;
    int waiting = 0;
    (void)now;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        ioctl(fd, FIONREAD, &waiting);
    return c->in.n == 0 && waiting == 0;
}

static void server_sweep(void *arg)
{
    struct http_server *s = arg;
    uint64_t now = loop_now_ms(s->loop);
    http_server_hold(s);
    sweep_waiting(s, HTTP_WAIT_HEAD, now, s->cf.head_timeout_ms);
    sweep_waiting(s, HTTP_WAIT_IDLE, now, s->cf.idle_timeout_ms);
    sweep_waiting(s, HTTP_WAIT_LINGER, now, SERVER_LINGER_MS);
    sweep_all(s, HTTP_WAIT_BODY, now, sweep_body);
    sweep_all(s, HTTP_WAIT_WRITE, now, sweep_write);
    if (s->draining && now >= s->drain_began + SERVER_FRESH_MS) {
        sweep_all(s, HTTP_WAIT_IDLE, now, sweep_silent);
        sweep_all(s, HTTP_WAIT_HEAD, now, sweep_silent);
    }
    if (s->draining && now >= s->drain_end)
        server_cut(s);
    if (s->sweep && s->connections)
        timer_start(s->sweep, SERVER_SWEEP_MS);
    http_server_release(s);
}

/* The peer's address; one of IPv4 that comes in IPv6's clothes is undressed. */
static void server_peer(struct http_conn *c)
{
    struct sockaddr_storage ss;
    int n = sizeof(ss);
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&ss, &n) != 0)
        return;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;
    if (ss.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        c->peer.in4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = in6->sin6_port};
        memcpy(&c->peer.in4.sin_addr, in6->sin6_addr.s6_addr + 12, 4);
    } else if (n <= (int)sizeof(c->peer)) {
        memcpy(&c->peer, &ss, (size_t)n);
    }
}

static void server_accept(uv_stream_t *listener, int status)
{
    struct http_server *s = container_of(listener, struct http_server, listener);
    if (status < 0)
        return;
    struct http_conn *c = http_conn_new(s);
    s->connections++;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        http_conn_close(c);
        return;
    }
    if (s->connections > s->cf.max_connections) {
        static const char full[] =
            "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\n"
            "Content-Length: 0\r\n\r\n";
        if (!s->cf.tls)
            http_conn_send(c, slice_str(full), (struct slice){NULL, 0}, NULL);
        http_conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    server_peer(c);
    if (!timer_running(s->sweep))
        timer_start(s->sweep, SERVER_SWEEP_MS);
    http_conn_start(c);
}

static void server_defaults(struct http_config *cf)
{
    if (cf->max_connections == 0)
        cf->max_connections = 20000;
    if (cf->max_header == 0)
        cf->max_header = 16384;
    if (cf->head_timeout_ms == 0)
        cf->head_timeout_ms = 10000;
    if (cf->idle_timeout_ms == 0)
        cf->idle_timeout_ms = 75000;
}

static void server_listener_closed(uv_handle_t *h)
{
    http_server_release(container_of(h, struct http_server, listener));
}

static void server_stop_listening(struct http_server *s)
{
    if (s->listening)
        uv_close((uv_handle_t *)&s->listener, server_listener_closed);
    s->listening = false;
}

struct http_server *http_server_new(struct loop *l, const struct http_config *cf, int listen_fd,
                                    struct err *e)
{
    struct cidrs *trusted = NULL;
    if (cf->trusted_proxies && *cf->trusted_proxies) {
        trusted = cidrs_parse(slice_str(cf->trusted_proxies), e);
        if (!trusted)
            return NULL;
    }
    struct http_server *s = mem_alloc(sizeof(*s));
    s->loop = l;
    s->cf = *cf;
    s->cf.trusted_proxies = NULL; /* the caller's text need not live */
    s->trusted = trusted;
    server_defaults(&s->cf);
    for (int w = 0; w < HTTP_WAITS; w++)
        list_init(&s->waits[w]);
    list_init(&s->sockets);
    s->sweep = timer_new(l, server_sweep, s);
    s->holds = 2;
    s->listening = true;
    uv_tcp_init(loop_uv(l), &s->listener);
    int rc = uv_tcp_open(&s->listener, listen_fd);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, SERVER_BACKLOG, server_accept);
    if (rc != 0) {
        err_set(e, ERR_IO, "listen: %s", uv_strerror(rc));
        http_server_free(&s);
    }
    return s;
}

void http_server_drain(struct http_server *s, uint64_t grace_ms, void (*done)(void *arg), void *arg)
{
    s->draining = true;
    s->drain_began = loop_now_ms(s->loop);
    s->drain_end = s->drain_began + grace_ms;
    s->drained = done;
    s->drained_arg = arg;
    server_stop_listening(s);
    sweep_all(s, HTTP_WAIT_IDLE, s->drain_began, sweep_silent);
    if (s->connections)
        timer_start(s->sweep, SERVER_SWEEP_MS);
    server_check_drained(s);
}

void http_server_free(struct http_server **sp)
{
    struct http_server *s = *sp;
    if (!s)
        return;
    *sp = NULL;
    s->freed = true;
    s->drained = NULL;
    server_stop_listening(s);
    server_cut(s);
    timer_free(&s->sweep);
    http_server_release(s);
}

/* "127.0.0.1:8080", "[::1]:0" */
static int bind_parse(struct slice s, struct sockaddr_storage *ss, socklen_t *n)
{
    const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
    uint64_t port;
    char host[64];
    if (!colon || !slice_u64(slice_of(colon + 1, (size_t)(s.p + s.n - colon) - 1), &port) || port > 65535)
        return -ERR_INVALID;
    struct slice h = slice_of(s.p, (size_t)(colon - s.p));
    bool v6 = h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']';
    if (v6)
        h = slice_of(h.p + 1, h.n - 2);
    if (h.n >= sizeof(host) || h.n == 0)
        return -ERR_INVALID;
    memcpy(host, h.p, h.n);
    host[h.n] = '\0';
    struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
    *n = v6 ? sizeof(*in6) : sizeof(*in4);
    return (v6 ? uv_ip6_addr(host, (int)port, in6) : uv_ip4_addr(host, (int)port, in4)) == 0 ? 0
                                                                                             : -ERR_INVALID;
}

int http_bind(const char *address, struct err *e)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = 0;
    int on = 1;
    if (bind_parse(slice_str(address), &ss, &n) != 0)
        return err_set(e, ERR_INVALID, "listen: \"%s\" is not of the form 127.0.0.1:8080 or [::1]:8080",
                       address);
    int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, ERR_IO, "listen: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&ss, n) != 0 || listen(fd, SERVER_BACKLOG) != 0) {
        err_set(e, ERR_IO, "listen on %s: %s", address, strerror(errno));
        close(fd);
        return -ERR_IO;
    }
    return fd;
}

uint16_t http_fd_port(int listen_fd)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = sizeof(ss);
    if (getsockname(listen_fd, (struct sockaddr *)&ss, &n) != 0)
        return 0;
    return ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port
                                          : ((struct sockaddr_in *)&ss)->sin_port);
}
