/* SPDX-License-Identifier: Apache-2.0
 * The server as a whole: listening, who waits too long, draining. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/http_conn.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <unistd.h>

#define CONNECTIONS_MAX  20000
#define HEADER_MAX       16384
#define HEAD_MS          10000
#define IDLE_MS          75000
#define BODY_MS          10000 /* then by rate: */
#define BODY_BYTES_PER_S 500   /* a phone with one bar of signal gets through, a slow attack does not */
#define WRITE_MS         60000 /* without a byte taken */
#define LINGER_MS        2000
#define SWEEP_MS         500

void http_server_hold(struct http_server *s)
{
    s->holds++;
}

void http_server_release(struct http_server *s)
{
    if (--s->holds)
        return;
    timer_free(&s->sweep);
    if (s->trusted)
        cidrs_free(&s->trusted);
    mem_free(s);
}

static void drained(void *arg)
{
    struct http_server *s = arg;
    if (s->drained) {
        void (*done)(void *) = s->drained;
        s->drained = NULL;
        done(s->drained_arg);
    }
    http_server_release(s);
}

void http_server_lost_one(struct http_server *s)
{
    s->connections--;
    if (s->draining && s->connections == 0 && s->drained) {
        http_server_hold(s);
        loop_defer(s->loop, drained, s);
    }
}

/* ---- who waits too long ---- */

static int64_t unsent(const struct http_conn *c)
{
    int n = 0;
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) != 0 || ioctl(fd, SIOCOUTQ, &n) != 0)
        return 0;
    return (int64_t)http_conn_unsent(c) + n;
}

static bool too_slow(struct http_server *s, struct http_conn *c, uint64_t now)
{
    uint64_t waited = now - c->since;
    switch (c->wait) {
    case HTTP_WAIT_HEAD:
        return waited > (s->cf.head_timeout_ms ? s->cf.head_timeout_ms : HEAD_MS);
    case HTTP_WAIT_IDLE:
        return waited > (s->cf.idle_timeout_ms ? s->cf.idle_timeout_ms : IDLE_MS);
    case HTTP_WAIT_BODY:
        return waited > BODY_MS && c->rq && c->rq->body.n < waited / 1000 * BODY_BYTES_PER_S;
    case HTTP_WAIT_WRITE: {
        int64_t left = unsent(c);
        if (left < c->outq || c->outq < 0) { /* it takes some: begin anew */
            c->outq = left;
            c->since = now;
            return false;
        }
        return waited > WRITE_MS;
    }
    case HTTP_WAIT_LINGER:
        return waited > LINGER_MS;
    default:
        return false;
    }
}

static void expire(struct http_server *s, struct http_conn *c)
{
    bool tell = c->wait == HTTP_WAIT_HEAD || c->wait == HTTP_WAIT_BODY;
    (void)s;
    if (tell && (c->in.n || c->rq))
        http_conn_refuse(c, 408, "the request came too slowly");
    else
        http_conn_close(c);
}

static void on_sweep(void *arg)
{
    struct http_server *s = arg;
    uint64_t now = loop_now_ms(s->loop);
    timer_start(s->sweep, SWEEP_MS);
    http_server_hold(s);
    for (int w = 0; w < HTTP_WAITS; w++)
        for (struct list *l = s->waits[w].next, *next; l != &s->waits[w]; l = next) {
            struct http_conn *c = container_of(l, struct http_conn, node);
            next = l->next;
            if (too_slow(s, c, now))
                expire(s, c);
            else if (w != HTTP_WAIT_BODY && w != HTTP_WAIT_WRITE)
                break; /* in the order in which the waiting began */
        }
    if (s->draining && s->drain_end && now >= s->drain_end)
        for (int w = 0; w < HTTP_WAITS; w++)
            while (!list_empty(&s->waits[w]))
                http_conn_close(container_of(s->waits[w].next, struct http_conn, node));
    http_server_release(s);
}

/* ---- listening ---- */

static void on_refused_closed(uv_handle_t *h)
{
    mem_free(container_of((uv_tcp_t *)(void *)h, struct http_conn, tcp));
}

/* Too many: taken and closed at once, so that the queue of the kernel does not fill with them. */
static void turn_away(struct http_server *s)
{
    struct http_conn *c = mem_alloc(sizeof(*c));
    uv_tcp_init(loop_uv(s->loop), &c->tcp);
    uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp);
    uv_close((uv_handle_t *)&c->tcp, on_refused_closed);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct http_server *s = container_of((uv_tcp_t *)(void *)stream, struct http_server, listener);
    size_t max = s->cf.max_connections ? s->cf.max_connections : CONNECTIONS_MAX;
    if (status < 0)
        return;
    if (s->connections >= max) {
        turn_away(s);
        return;
    }
    struct http_conn *c = http_conn_new(s);
    int n = sizeof(c->peer);
    if (uv_accept(stream, (uv_stream_t *)&c->tcp) != 0) {
        http_conn_close(c);
        return;
    }
    uv_tcp_getpeername(&c->tcp, &c->peer.sa, &n);
    uv_tcp_nodelay(&c->tcp, 1);
    http_conn_start(c);
}

static void on_listener_closed(uv_handle_t *h)
{
    http_server_release(container_of((uv_tcp_t *)(void *)h, struct http_server, listener));
}

static void stop_listening(struct http_server *s)
{
    if (!s->listening)
        return;
    s->listening = false;
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}

struct http_server *http_server_new(struct loop *l, const struct http_config *cf, int listen_fd,
                                    struct err *e)
{
    struct cidrs *trusted = NULL;
    if (cf->trusted_proxies && *cf->trusted_proxies &&
        !(trusted = cidrs_parse(slice_str(cf->trusted_proxies), e)))
        return NULL;
    struct http_server *s = mem_alloc(sizeof(*s));
    s->loop = l;
    s->cf = *cf;
    s->trusted = trusted;
    s->holds = 2; /* the owner and the listener */
    for (int w = 0; w < HTTP_WAITS; w++)
        list_init(&s->waits[w]);
    if (!s->cf.max_header)
        s->cf.max_header = HEADER_MAX;
    uv_tcp_init(loop_uv(l), &s->listener);
    s->sweep = timer_new(l, on_sweep, s);
    timer_start(s->sweep, SWEEP_MS);
    int r = uv_tcp_open(&s->listener, listen_fd);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&s->listener, 1024, on_connection);
    s->listening = true;
    if (r == 0)
        return s;
    err_set(e, ERR_IO, "listening: %s", uv_strerror(r));
    http_server_free(&s);
    return NULL;
}

void http_server_drain(struct http_server *s, uint64_t grace_ms, void (*done)(void *arg), void *arg)
{
    stop_listening(s);
    s->draining = true;
    s->drained = done;
    s->drained_arg = arg;
    s->drain_end = loop_now_ms(s->loop) + grace_ms;
    while (!list_empty(&s->waits[HTTP_WAIT_IDLE]))
        http_conn_close(container_of(s->waits[HTTP_WAIT_IDLE].next, struct http_conn, node));
    if (s->connections == 0) {
        http_server_hold(s);
        loop_defer(s->loop, drained, s);
    }
}

void http_server_free(struct http_server **sp)
{
    struct http_server *s = *sp;
    if (!s)
        return;
    *sp = NULL;
    s->drained = NULL;
    stop_listening(s);
    timer_stop(s->sweep);
    for (int w = 0; w < HTTP_WAITS; w++)
        while (!list_empty(&s->waits[w]))
            http_conn_close(container_of(s->waits[w].next, struct http_conn, node));
    http_server_release(s);
}

/* ---- addresses ---- */

static bool parse_address(const char *address, struct sockaddr_storage *out, socklen_t *n)
{
    char host[64];
    uint64_t port;
    const char *colon = strrchr(address, ':');
    if (!colon || !slice_u64(slice_str(colon + 1), &port) || port > 65535 ||
        (size_t)(colon - address) >= sizeof(host))
        return false;
    size_t host_n = (size_t)(colon - address);
    memcpy(host, address, host_n);
    host[host_n] = '\0';
    memset(out, 0, sizeof(*out));
    if (host_n > 2 && host[0] == '[' && host[host_n - 1] == ']') {
        host[host_n - 1] = '\0';
        *n = sizeof(struct sockaddr_in6);
        return uv_ip6_addr(host + 1, (int)port, (struct sockaddr_in6 *)(void *)out) == 0;
    }
    *n = sizeof(struct sockaddr_in);
    return uv_ip4_addr(host, (int)port, (struct sockaddr_in *)(void *)out) == 0;
}

int http_bind(const char *address, struct err *e)
{
    struct sockaddr_storage a;
    socklen_t n;
    int on = 1;
    if (!parse_address(address, &a, &n))
        return err_set(e, ERR_INVALID, "%s: an address such as 127.0.0.1:8080 or [::1]:8080 is wanted",
                       address);
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, ERR_IO, "a socket could not be made: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 1024) == 0)
        return fd;
    err_set(e, ERR_IO, "%s: %s", address, strerror(errno));
    close(fd);
    return -ERR_IO;
}

uint16_t http_fd_port(int listen_fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof(a);
    if (getsockname(listen_fd, (struct sockaddr *)&a, &n) != 0)
        return 0;
    if (a.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&a)->sin6_port);
    return ntohs(((struct sockaddr_in *)(void *)&a)->sin_port);
}
