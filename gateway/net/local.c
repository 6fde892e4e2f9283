/* SPDX-License-Identifier: Apache-2.0
 * The admin socket: lines on a unix socket, from the owner of the data directory and from root only. */
#include "gateway/net/local.h"
#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define CONNECTIONS_MAX 64
#define READ_MAX        65536

struct local_server {
    uv_pipe_t pipe;
    struct list conns;
    size_t conns_n, max_line;
    char *path; /* removed at the end; NULL when adopted */
    void (*line)(struct local_conn *c, struct slice line, void *arg);
    void (*closed)(struct local_conn *c, void *arg);
    void *arg;
};

struct local_conn {
    struct list node;
    uv_pipe_t pipe;
    struct local_server *server;
    struct buf in;
    unsigned writing;
    bool closing, closed;
    char piece[READ_MAX];
};

struct writing {
    uv_write_t rq;
    struct local_conn *conn;
    size_t n;
    char bytes[];
};

/* ---- a connection ---- */

static void on_conn_closed(uv_handle_t *h)
{
    struct local_conn *c = container_of((uv_pipe_t *)(void *)h, struct local_conn, pipe);
    buf_clear(&c->in);
    mem_free(c);
}

static void conn_close(struct local_conn *c)
{
    if (c->closed)
        return;
    c->closed = true;
    list_del(&c->node);
    if (c->server) {
        c->server->conns_n--;
        if (c->server->closed)
            c->server->closed(c, c->server->arg);
    }
    uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
}

static void on_written(uv_write_t *rq, int status)
{
    struct writing *w = container_of(rq, struct writing, rq);
    struct local_conn *c = w->conn;
    mem_wipe(w->bytes, w->n); /* tokens and passwords pass here */
    mem_free(w);
    c->writing--;
    if (!c->closed && (status < 0 || (c->closing && !c->writing)))
        conn_close(c);
}

void local_send(struct local_conn *c, struct slice line)
{
    if (c->closed || c->closing)
        return;
    struct writing *w = mem_alloc(sizeof(*w) + line.n + 1);
    w->conn = c;
    w->n = line.n + 1;
    if (line.n)
        memcpy(w->bytes, line.p, line.n);
    w->bytes[line.n] = '\n';
    uv_buf_t b = uv_buf_init(w->bytes, (unsigned)w->n);
    c->writing++;
    if (uv_write(&w->rq, (uv_stream_t *)&c->pipe, &b, 1, on_written) != 0) {
        c->writing--;
        mem_free(w);
    }
}

void local_close(struct local_conn *c)
{
    if (c->closed)
        return;
    c->closing = true;
    if (!c->writing)
        conn_close(c);
}

/* Hands out whole lines; the callback may close the connection. */
static void take_lines(struct local_conn *c)
{
    size_t from = 0;
    while (!c->closed && !c->closing && from < c->in.n) {
        char *end = memchr(c->in.p + from, '\n', c->in.n - from);
        if (!end)
            break;
        struct slice line = {c->in.p + from, (size_t)(end - c->in.p) - from};
        if (line.n > c->server->max_line) {
            conn_close(c);
            return;
        }
        from += line.n + 1;
        c->server->line(c, line, c->server->arg);
    }
    if (!c->closed)
        buf_drop_front(&c->in, from);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct local_conn *c = container_of((uv_pipe_t *)(void *)h, struct local_conn, pipe);
    (void)suggested;
    *b = uv_buf_init(c->piece, sizeof(c->piece));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct local_conn *c = container_of((uv_pipe_t *)(void *)s, struct local_conn, pipe);
    if (n == 0)
        return;
    if (n < 0 || buf_add(&c->in, b->base, (size_t)n) != 0) {
        conn_close(c);
        return;
    }
    take_lines(c);
}

/* ---- the server ---- */

static bool peer_allowed(uv_pipe_t *pipe)
{
    struct ucred who;
    socklen_t n = sizeof(who);
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)pipe, &fd) != 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
        return false;
    return who.uid == 0 || who.uid == geteuid();
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct local_server *s = container_of((uv_pipe_t *)(void *)stream, struct local_server, pipe);
    struct local_conn *c;
    if (status < 0)
        return;
    c = mem_alloc(sizeof(*c));
    c->server = s;
    buf_init(&c->in, s->max_line + READ_MAX);
    uv_pipe_init(stream->loop, &c->pipe, 0);
    if (uv_accept(stream, (uv_stream_t *)&c->pipe) != 0 || s->conns_n >= CONNECTIONS_MAX ||
        !peer_allowed(&c->pipe)) {
        c->closed = true;
        uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
        return;
    }
    list_push(&s->conns, &c->node);
    s->conns_n++;
    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

static int listen_at(const char *path, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a.sun_path))
        return err_set(e, ERR_INVALID, "%s: the path of a socket has at most 107 bytes", path);
    memcpy(a.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, ERR_IO, "a socket could not be made: %s", strerror(errno));
    unlink(path);
    mode_t mask = umask(0177); /* 0600 from its first moment */
    int r = bind(fd, (struct sockaddr *)&a, sizeof(a));
    umask(mask);
    if (r == 0 && listen(fd, 16) == 0)
        return fd;
    err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    close(fd);
    return -ERR_IO;
}

struct local_server *local_server_adopt(struct loop *l, int fd, size_t max_line,
                                        void (*line)(struct local_conn *c, struct slice line, void *arg),
                                        void (*closed)(struct local_conn *c, void *arg), void *arg,
                                        struct err *e)
{
    struct local_server *s = mem_alloc(sizeof(*s));
    list_init(&s->conns);
    s->max_line = max_line;
    s->line = line;
    s->closed = closed;
    s->arg = arg;
    uv_pipe_init(loop_uv(l), &s->pipe, 0);
    int r = uv_pipe_open(&s->pipe, fd);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&s->pipe, 16, on_connection);
    if (r == 0)
        return s;
    err_set(e, ERR_IO, "the admin socket: %s", uv_strerror(r));
    local_server_free(&s);
    return NULL;
}

struct local_server *local_server_new(struct loop *l, const char *path, size_t max_line,
                                      void (*line)(struct local_conn *c, struct slice line, void *arg),
                                      void (*closed)(struct local_conn *c, void *arg), void *arg,
                                      struct err *e)
{
    int fd = listen_at(path, e);
    if (fd < 0)
        return NULL;
    struct local_server *s = local_server_adopt(l, fd, max_line, line, closed, arg, e);
    if (s)
        s->path = mem_strdup(path);
    return s;
}

static void on_server_closed(uv_handle_t *h)
{
    mem_free(container_of((uv_pipe_t *)(void *)h, struct local_server, pipe));
}

void local_server_free(struct local_server **sp)
{
    struct local_server *s = *sp;
    if (!s)
        return;
    *sp = NULL;
    while (!list_empty(&s->conns)) {
        struct local_conn *c = container_of(s->conns.next, struct local_conn, node);
        conn_close(c);
        c->server = NULL;
    }
    if (s->path)
        unlink(s->path);
    mem_clear(&s->path);
    uv_close((uv_handle_t *)&s->pipe, on_server_closed);
}
