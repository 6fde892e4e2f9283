/* SPDX-License-Identifier: Apache-2.0
 * A stream socket to Redis on libuv. What was appended during a turn leaves in one write, in the prepare
 * phase, right before the loop sleeps; the socket is polled for writing only when the system did not take all
 * of it. */
#include "gateway/net/redis_link.h"
#include "gateway/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define LINK_OUT_MAX  ((size_t)256 << 20)
#define LINK_OUT_KEEP 65536

struct redis_link {
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_getaddrinfo_t resolve;
    struct loop *loop;
    struct redis_link_events ev;
    void *arg;
    int fd;
    bool connecting, resolving, polling_write, dead, break_told;
    unsigned open; /* handles and requests that still point here */
    struct buf out;
    size_t out_at; /* of out: what the system has taken */
    uint64_t written;
    char why[120];
};

static void link_poll_ready(uv_poll_t *p, int status, int events);

static void link_release(struct redis_link *k)
{
    if (--k->open == 0) {
        buf_clear(&k->out);
        mem_free(k);
    }
}

static void link_broken_later(void *arg)
{
    struct redis_link *k = arg;
    if (!k->dead)
        k->ev.broken(k->why, k->arg);
    link_release(k);
}

/* Told from the check phase, so that nobody's callback runs inside a send or in the prepare phase. */
static void link_break(struct redis_link *k, const char *what, int error)
{
    if (k->break_told || k->dead)
        return;
    k->break_told = true;
    if (error)
        snprintf(k->why, sizeof(k->why), "%s: %s", what, strerror(error));
    else
        snprintf(k->why, sizeof(k->why), "%s", what);
    if (k->fd >= 0)
        uv_poll_stop(&k->poll);
    k->open++;
    loop_defer(k->loop, link_broken_later, k);
}

static void link_poll(struct redis_link *k, bool write)
{
    k->polling_write = write;
    uv_poll_start(&k->poll, UV_READABLE | UV_DISCONNECT | (write ? UV_WRITABLE : 0), link_poll_ready);
}

static void link_flush(struct redis_link *k)
{
    while (k->out_at < k->out.n) {
        ssize_t n = send(k->fd, k->out.p + k->out_at, k->out.n - k->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!k->polling_write)
                link_poll(k, true);
            return;
        }
        if (n < 0) {
            link_break(k, "write", errno);
            return;
        }
        k->out_at += (size_t)n;
        k->written += (uint64_t)n;
    }
    k->out_at = 0;
    if (k->out.cap > LINK_OUT_KEEP)
        buf_clear(&k->out);
    else
        buf_reset(&k->out);
    if (k->polling_write)
        link_poll(k, false);
}

static void link_prepare(uv_prepare_t *p)
{
    struct redis_link *k = container_of(p, struct redis_link, prepare);
    if (k->out.n && !k->connecting && !k->polling_write && !k->break_told)
        link_flush(k);
}

static void link_connected(struct redis_link *k)
{
    int error = 0, on = 1;
    socklen_t n = sizeof(error);
    if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    if (error) {
        link_break(k, "connect", error);
        return;
    }
    setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails on unix sockets, which need none */
    setsockopt(k->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    k->connecting = false;
    link_poll(k, false);
    k->ev.connected(k->arg);
}

static void link_read(struct redis_link *k)
{
    static char bytes[65536]; /* one thread; nothing keeps it beyond the call */
    ssize_t n;
    do
        n = recv(k->fd, bytes, sizeof(bytes), 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        k->ev.data(bytes, (size_t)n, k->arg);
    else if (n == 0)
        link_break(k, "the server has closed the connection", 0);
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        link_break(k, "read", errno);
}

/* After an error libuv polls no more: the read then finds out what it was, and if it finds nothing the link
 * breaks all the same. hiredis's own adapter waits for ever here. */
static void link_poll_ready(uv_poll_t *p, int status, int events)
{
    struct redis_link *k = container_of(p, struct redis_link, poll);
    k->open++; /* a callback may free the link */
    if (k->connecting)
        link_connected(k);
    else if (events & (UV_READABLE | UV_DISCONNECT) || status < 0)
        link_read(k);
    if (!k->dead && !k->connecting && (events & UV_WRITABLE))
        link_flush(k);
    if (status < 0)
        link_break(k, "poll", -status);
    link_release(k);
}

static void link_open(struct redis_link *k, int family, const struct sockaddr *sa, socklen_t n)
{
    k->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (k->fd < 0) {
        link_break(k, "socket", errno);
        return;
    }
    if (connect(k->fd, sa, n) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(k->fd);
        k->fd = -1;
        link_break(k, "connect", error);
        return;
    }
    uv_poll_init(loop_uv(k->loop), &k->poll, k->fd);
    k->open++;
    uv_poll_start(&k->poll, UV_WRITABLE | UV_DISCONNECT, link_poll_ready);
}

static void link_open_unix(struct redis_link *k, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    link_open(k, AF_UNIX, (struct sockaddr *)&un, sizeof(un));
}

static void link_resolved(uv_getaddrinfo_t *q, int status, struct addrinfo *found)
{
    struct redis_link *k = container_of(q, struct redis_link, resolve);
    k->resolving = false;
    if (status < 0 && !k->dead)
        link_break(k, uv_strerror(status), 0);
    else if (!k->dead)
        link_open(k, found->ai_family, found->ai_addr, found->ai_addrlen);
    uv_freeaddrinfo(found);
    link_release(k);
}

static void link_resolve(struct redis_link *k, const struct redis_address *a)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int rc = uv_getaddrinfo(loop_uv(k->loop), &k->resolve, link_resolved, a->host, a->port, &hints);
    if (rc != 0) {
        link_break(k, uv_strerror(rc), 0);
        return;
    }
    k->resolving = true;
    k->open++;
}

struct redis_link *redis_link_new(struct loop *l, const struct redis_address *a,
                                  const struct redis_link_events *ev, void *arg)
{
    struct redis_link *k = mem_alloc(sizeof(*k));
    k->loop = l;
    k->ev = *ev;
    k->arg = arg;
    k->fd = -1;
    k->connecting = true;
    buf_init(&k->out, LINK_OUT_MAX);
    uv_prepare_init(loop_uv(l), &k->prepare);
    uv_prepare_start(&k->prepare, link_prepare);
    uv_unref((uv_handle_t *)&k->prepare);
    k->open = 1;
    if (a->path)
        link_open_unix(k, a->path);
    else
        link_resolve(k, a);
    return k;
}

static void link_prepare_closed(uv_handle_t *h)
{
    link_release(container_of(h, struct redis_link, prepare));
}

static void link_poll_closed(uv_handle_t *h)
{
    link_release(container_of(h, struct redis_link, poll));
}

void redis_link_flush(struct redis_link *k)
{
    if (k->out.n && !k->connecting && !k->break_told)
        link_flush(k);
}

void redis_link_free(struct redis_link **kp)
{
    struct redis_link *k = *kp;
    if (!k)
        return;
    *kp = NULL;
    k->dead = true;
    if (k->resolving)
        uv_cancel((uv_req_t *)&k->resolve);
    if (k->fd >= 0) {
        uv_close((uv_handle_t *)&k->poll, link_poll_closed);
        close(k->fd);
        k->fd = -1;
    }
    uv_close((uv_handle_t *)&k->prepare, link_prepare_closed);
}

struct buf *redis_link_out(struct redis_link *k)
{
    return &k->out;
}

bool redis_link_fits(const struct redis_link *k, size_t n)
{
    return n <= k->out.max - k->out.n;
}

uint64_t redis_link_written(const struct redis_link *k)
{
    return k->written;
}

uint64_t redis_link_appended(const struct redis_link *k)
{
    return k->written + (k->out.n - k->out_at);
}
