/* SPDX-License-Identifier: Apache-2.0
 * HTTP in and out, and sockets, without a network. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "tests/unit/host/fake.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- requests ---- */

struct http_req {
    enum http_method method;
    char target[1024], path[1024], query[1024];
    const char *const *headers;
    struct slice body;
    struct arena *arena;
    struct fake_reply reply;
    bool answered;
    void (*more)(struct http_req *rq, void *arg);
    void (*closed)(void *arg);
    void *stream_arg;
    struct buf stream;
    uint64_t length;
    bool ended;
    void (*body_ended)(void *arg);
    void *body_arg;
};

static struct http_req current;

struct slice http_req_target(const struct http_req *rq)
{
    return slice_str(rq->target);
}
struct slice http_req_path(const struct http_req *rq)
{
    return slice_str(rq->path);
}
struct slice http_req_query(const struct http_req *rq)
{
    return slice_str(rq->query);
}
enum http_method http_req_method(const struct http_req *rq)
{
    return rq->method;
}
struct slice http_req_body(const struct http_req *rq)
{
    return rq->body;
}
struct arena *http_req_arena(struct http_req *rq)
{
    return rq->arena;
}
bool http_req_secure(const struct http_req *rq)
{
    (void)rq;
    return true;
}
struct slice http_req_peer(const struct http_req *rq)
{
    (void)rq;
    return SLICE("192.0.2.1");
}
void http_req_on_body(struct http_req *rq, bool (*more)(void *arg, size_t total), void (*ended)(void *arg),
                      void *arg)
{
    (void)more;
    rq->body_ended = ended;
    rq->body_arg = arg;
}
void http_req_on_gone(struct http_req *rq, void (*gone)(void *arg), void *arg)
{
    (void)rq, (void)gone, (void)arg;
}
struct slice http_req_header(const struct http_req *rq, const char *name)
{
    for (size_t i = 0; rq->headers && rq->headers[i]; i += 2) {
        if (strcasecmp(rq->headers[i], name) == 0)
            return slice_str(rq->headers[i + 1]);
    }
    return slice_str(NULL);
}
bool http_req_cookie(const struct http_req *rq, const char *name, struct slice *value)
{
    (void)rq, (void)name, (void)value;
    return false;
}

static void answer(struct http_req *rq, int status, const struct http_head *heads)
{
    size_t n = 0;
    err_assert(!rq->answered);
    rq->answered = true;
    rq->reply.status = status;
    rq->reply.headers[0] = 0;
    for (; heads && heads->name; heads++)
        n += (size_t)snprintf(rq->reply.headers + n, sizeof(rq->reply.headers) - n, "%s: %.*s\n", heads->name,
                              (int)heads->value.n, heads->value.p);
}

void http_reply(struct http_req *rq, int status, const struct http_head *heads, struct slice body)
{
    answer(rq, status, heads);
    rq->reply.body = mem_dup(body.n ? body.p : "", body.n);
}

void http_problem(struct http_req *rq, int status, const char *detail, const char *extra)
{
    (void)extra;
    http_reply(rq, status, NULL, slice_str(detail ? detail : ""));
}

void http_reply_stream(struct http_req *rq, int status, const struct http_head *heads, uint64_t length,
                       void (*more)(struct http_req *rq, void *arg), void *arg, void (*closed)(void *arg))
{
    answer(rq, status, heads);
    rq->length = length;
    rq->more = more;
    rq->closed = closed;
    rq->stream_arg = arg;
    buf_init(&rq->stream, 1u << 24);
}

void http_body_write(struct http_req *rq, struct slice part)
{
    buf_slice(&rq->stream, part);
}

void http_body_end(struct http_req *rq, bool complete)
{
    (void)complete;
    rq->ended = true;
}

static void stream(struct http_req *rq)
{
    for (int i = 0; i < 1000 && !rq->ended; i++) {
        rq->more(rq, rq->stream_arg);
        fake_turns(2);
    }
    rq->reply.body = mem_dup(rq->stream.n ? rq->stream.p : "", rq->stream.n);
    buf_clear(&rq->stream);
    rq->closed(rq->stream_arg);
    rq->more = NULL;
}

static void body_over(struct http_req *rq)
{
    if (rq->body_ended)
        rq->body_ended(rq->body_arg);
    rq->body_ended = NULL;
}

static void request_set(enum http_method m, const char *target, const char *const *headers, struct slice body)
{
    mem_free(current.reply.body);
    if (current.arena)
        arena_free(&current.arena);
    memset(&current, 0, sizeof(current));
    current.method = m;
    current.headers = headers;
    current.arena = arena_new();
    current.body = arena_slice(current.arena, body);
    snprintf(current.target, sizeof(current.target), "%s", target);
    size_t n = strcspn(target, "?");
    snprintf(current.path, sizeof(current.path), "%.*s", (int)n, target);
    snprintf(current.query, sizeof(current.query), "%s", target[n] ? target + n + 1 : "");
}

struct fake_reply *fake_request_n(struct host *h, enum http_method m, const char *target,
                                  const char *const *headers, struct slice body)
{
    request_set(m, target, headers, body);
    struct http_route r = host_route(h, &current);
    if (!current.answered && !r.handler) {
        http_problem(&current, 404, "no route", NULL);
    } else if (!current.answered && body.n > r.max_body) {
        http_problem(&current, 413, "", NULL);
    } else if (!current.answered) {
        r.handler(&current, r.arg);
    }
    for (int i = 0; i < 200 && !current.answered; i++)
        fake_turns(1);
    if (current.more)
        stream(&current);
    if (!current.answered)
        current.reply.status = 0;
    body_over(&current);
    return &current.reply;
}

struct fake_reply *fake_request(struct host *h, enum http_method m, const char *target,
                                const char *const *headers, const char *body)
{
    return fake_request_n(h, m, target, headers, slice_str(body ? body : ""));
}

/* ---- fetches ---- */

void (*fake_answer)(const struct fake_fetch *f, struct fetch_response *r);
struct fake_fetch fake_fetches[256];
size_t fake_fetches_n;
static char fetch_bodies[256][8192];

struct fetch {
    size_t i;
    void (*done)(const struct fetch_response *r, void *arg);
    void *arg;
    bool cancelled;
};

static void fetch_run(void *arg)
{
    struct fetch *f = arg;
    struct fetch_response r = {.status = 200, .error = "no answer", .us = 1000};
    if (f->cancelled)
        r.err = -ERR_CANCELLED;
    else if (fake_answer)
        fake_answer(&fake_fetches[f->i], &r);
    f->done(&r, f->arg);
    mem_free(f);
}

struct fetch *fetch_start(struct fetcher *fr, const struct fetch_request *rq,
                          void (*done)(const struct fetch_response *r, void *arg), void *arg)
{
    struct fetch *f = mem_alloc(sizeof(*f));
    struct fake_fetch *k = &fake_fetches[fake_fetches_n];
    (void)fr;
    memset(k, 0, sizeof(*k));
    snprintf(k->method, sizeof(k->method), "%s", rq->method);
    snprintf(k->url, sizeof(k->url), "%s", rq->url);
    snprintf(fetch_bodies[fake_fetches_n], sizeof(fetch_bodies[0]), "%.*s", (int)rq->body.n,
             rq->body.p ? rq->body.p : "");
    k->body = fetch_bodies[fake_fetches_n];
    for (size_t i = 0, n = 0; rq->headers && rq->headers[i]; i++)
        n += (size_t)snprintf(k->headers + n, sizeof(k->headers) - n, "%s\n", rq->headers[i]);
    for (; rq->parts && rq->parts[k->parts].name && k->parts < 4; k->parts++)
        snprintf(k->part[k->parts], sizeof(k->part[0]), "%.*s", (int)rq->parts[k->parts].bytes.n,
                 rq->parts[k->parts].bytes.p);
    k->media_guard = rq->max_redirects == 3;
    *f = (struct fetch){fake_fetches_n++, done, arg, false};
    loop_defer(fake.loop, fetch_run, f);
    return f;
}

void fetch_cancel(struct fetch *f)
{
    f->cancelled = true;
}

struct slice fetch_header(const struct fetch_response *r, const char *name)
{
    (void)r, (void)name;
    return slice_str(NULL);
}

/* ---- sockets ---- */

struct ws {
    const struct ws_events *ev;
    void *arg;
    char *frames[64];
    size_t n;
    bool closed;
};
static struct ws sockets[8];
static size_t sockets_n;
int fake_socket_status;

struct ws *ws_accept(struct http_req *rq, const char *subprotocol, size_t max_message,
                     const struct ws_events *ev, void *arg, struct err *e)
{
    struct ws *w = &sockets[sockets_n++ % 8];
    (void)rq, (void)subprotocol, (void)max_message, (void)e;
    for (size_t i = 0; i < w->n; i++)
        mem_free(w->frames[i]);
    *w = (struct ws){.ev = ev, .arg = arg};
    rq->answered = true;
    rq->reply.status = 101;
    return w;
}

int ws_send(struct ws *w, struct slice text)
{
    if (w->n < 64)
        w->frames[w->n++] = mem_dup(text.p, text.n);
    return 0;
}

static void ws_over(void *arg)
{
    struct ws *w = arg;
    if (!w->closed) {
        w->closed = true;
        w->ev->closed(w, w->arg);
    }
}

void ws_close(struct ws *w, unsigned code, const char *reason)
{
    (void)code, (void)reason;
    loop_defer(fake.loop, ws_over, w);
}

struct ws *fake_socket(struct host *h, const char *path, const char *origin)
{
    static const char *headers[5];
    const char *all[] = {"origin", origin, "host", "parley.example", NULL};
    memcpy(headers, origin ? all : all + 2, origin ? sizeof(all) : 3 * sizeof(char *));
    size_t before = sockets_n;
    struct fake_reply *r = fake_request(h, HTTP_M_GET, path, headers, NULL);
    fake_socket_status = r->status;
    return sockets_n > before ? &sockets[(sockets_n - 1) % 8] : NULL;
}

void fake_socket_text(struct ws *w, const char *text)
{
    if (!w->closed)
        w->ev->text(w, slice_str(text), w->arg);
    fake_turns(20);
}

void fake_socket_leave(struct ws *w)
{
    ws_over(w);
    fake_turns(5);
}

const char *fake_socket_frame(struct ws *w, size_t i)
{
    return i < w->n ? w->frames[i] : NULL;
}

bool fake_socket_closed(struct ws *w)
{
    return w->closed;
}
