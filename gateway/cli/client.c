/* SPDX-License-Identifier: Apache-2.0
 * Blocking: the tool has nothing else to do. */
#include "gateway/cli/client.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENT_LINE_MAX (64u << 20)

static int connect_to(const char *data_dir, struct err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if ((size_t)snprintf(un.sun_path, sizeof un.sun_path, "%s/parleyd.sock", data_dir) >= sizeof un.sun_path)
        return err_set(e, ERR_INVALID, "the path of the data directory is too long");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&un, sizeof un) == 0)
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (why == ENOENT || why == ECONNREFUSED)
        return err_set(e, ERR_UNAVAILABLE,
                       "no parleyd is running on %.150s (--data names another data directory)", data_dir);
    return err_set(e, ERR_UNAVAILABLE, "can't reach parleyd on %.150s: %s", data_dir, strerror(why));
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* A whole line of the answer; false when there is none any more. */
static bool read_line(int fd, struct buf *in, size_t *length)
{
    for (size_t looked = 0;;) {
        char *end = in->n > looked ? memchr(in->p + looked, '\n', in->n - looked) : NULL;
        if (end) {
            *length = (size_t)(end - in->p);
            return true;
        }
        looked = in->n;
        char *room = buf_reserve(in, 65536);
        ssize_t n = room ? read(fd, room, 65536) : -1;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf_commit(in, (size_t)n);
    }
}

/* True when the line was the last one. */
static bool take_line(struct slice line, void (*progress)(const char *text), json_t **answer, struct err *e)
{
    json_t *o = json_parse(line, 64, e), *done = json_object_get(o, "done"),
           *error = json_object_get(o, "error");
    const char *text = json_string_value(json_object_get(o, "progress"));
    if (text)
        progress(text);
    if (done)
        *answer = json_incref(done);
    if (error) {
        struct slice why = json_opt_str(error, "text"), code = json_opt_str(error, "code");
        for (int c = 1; c < ERR_COUNT; c++)
            if (slice_is(code, err_name(c)))
                err_set(e, (enum err_code)c, "%.*s", (int)why.n, why.p ? why.p : "");
        if (!e->code)
            err_set(e, ERR_BUG, "%.*s", (int)why.n, why.p ? why.p : "");
    }
    json_decref(o);
    return done || error || e->code;
}

json_t *client_ask(const char *data_dir, json_t *request, void (*progress)(const char *text), struct err *e)
{
    struct buf b;
    size_t length = 0;
    json_t *answer = NULL;
    buf_init(&b, CLIENT_LINE_MAX);
    json_write(request, &b);
    buf_char(&b, '\n');
    json_decref(request);
    int fd = connect_to(data_dir, e);
    if (fd >= 0 && (b.err || !send_all(fd, b.p, b.n)))
        err_set(e, ERR_UNAVAILABLE, "parleyd does not take the request");
    buf_reset(&b);
    while (fd >= 0 && !e->code && !answer) {
        if (!read_line(fd, &b, &length)) {
            err_set(e, ERR_UNAVAILABLE, "parleyd went away before it answered");
            break;
        }
        take_line(slice_of(b.p, length), progress, &answer, e);
        buf_drop_front(&b, length + 1);
    }
    if (fd >= 0)
        close(fd);
    buf_clear(&b);
    return answer;
}
