/* SPDX-License-Identifier: Apache-2.0
 * Binding and listening. */
#include "gateway/daemon/listen.h"
#include "gateway/base/buf.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
#define BUSY_TRIES     30
#define BUSY_WAIT_US   100000

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static socklen_t address_parse(const char *text, union address *a, struct err *e)
{
    memset(a, 0, sizeof *a);
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    char host[64];
    if (!colon || !slice_u64(slice_str(colon + 1), &port) || port > 65535 ||
        (size_t)(colon - text) >= sizeof host) {
        err_set(e, ERR_INVALID, "%s is not an address and a port", text);
        return 0;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    size_t n = strlen(host);
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons((uint16_t)port);
        if (inet_pton(AF_INET6, host + 1, &a->in6.sin6_addr) == 1)
            return sizeof a->in6;
    } else {
        a->in.sin_family = AF_INET;
        a->in.sin_port = htons((uint16_t)port);
        if (inet_pton(AF_INET, host, &a->in.sin_addr) == 1)
            return sizeof a->in;
    }
    err_set(e, ERR_INVALID, "%s is not an address and a port", text);
    return 0;
}

static int bind_one(const char *text, const union address *a, socklen_t len, bool share, struct err *e)
{
    const int on = 1;
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, ERR_IO, "no socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (a->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &a->any, len) != 0) {
        if (errno == EADDRINUSE)
            err_set(e, ERR_BUSY, "another program listens on %s; --listen takes another address", text);
        else
            err_set(e, ERR_IO, "can't listen on %s: %s", text, strerror(errno));
        close(fd);
        return -e->code;
    }
    return fd;
}

int listen_open(const char *text, int *fds, size_t n, struct err *e)
{
    struct err own;
    e = e ? e : &own;
    union address a;
    socklen_t len = address_parse(text, &a, e);
    if (!len)
        return -e->code;
    /* SO_REUSEPORT would let us share the port with another daemon of the same user: first see that nobody
     * has it. */
    int probe = bind_one(text, &a, len, false, e);
    for (int i = 0; probe == -ERR_BUSY && i < BUSY_TRIES; i++) {
        usleep(BUSY_WAIT_US); /* a daemon that was killed takes a moment to go */
        probe = bind_one(text, &a, len, false, e);
    }
    if (probe < 0)
        return probe;
    getsockname(probe, &a.any, &len);
    if (n > 1)
        close(probe);
    for (size_t i = 0; i < n; i++) {
        fds[i] = n > 1 ? bind_one(text, &a, len, true, e) : probe;
        if (fds[i] >= 0 && listen(fds[i], LISTEN_BACKLOG) == 0)
            continue;
        if (fds[i] >= 0)
            err_set(e, ERR_BUSY, "can't listen on %s: %s", text, strerror(errno));
        for (size_t k = 0; k <= i; k++)
            if (fds[k] >= 0)
                close(fds[k]);
        return -e->code;
    }
    return 0;
}

int listen_local(const char *path, struct err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof un.sun_path)
        return err_set(e, ERR_TOO_LARGE, "the path of the admin socket is too long");
    memcpy(un.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, ERR_IO, "no socket: %s", strerror(errno));
    unlink(path);
    if (bind(fd, (const struct sockaddr *)&un, sizeof un) == 0 && chmod(path, 0600) == 0 &&
        listen(fd, 64) == 0)
        return fd;
    err_set(e, ERR_IO, "can't listen on %s: %s", path, strerror(errno));
    close(fd);
    return -ERR_IO;
}

void listen_name(int fd, char *out, size_t n)
{
    union address a;
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    if (getsockname(fd, &a.any, &len) == 0) {
        bool six = a.any.sa_family == AF_INET6;
        inet_ntop(a.any.sa_family, six ? (const void *)&a.in6.sin6_addr : (const void *)&a.in.sin_addr, host,
                  sizeof host);
        port = ntohs(six ? a.in6.sin6_port : a.in.sin_port);
        snprintf(out, n, six ? "[%s]:%u" : "%s:%u", host, port);
        return;
    }
    snprintf(out, n, "?");
}
