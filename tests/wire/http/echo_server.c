/* SPDX-License-Identifier: Apache-2.0
 * A small server on gateway/net for the wire tests: says what it got, late, in pieces or by websocket. The
 * first line on stdout is its port; SIGTERM drains it. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/http.h"
#include "gateway/net/tls.h"
#include "gateway/net/ws.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct loop *l;
static struct http_server *server;
static struct tls_server *tls;
static unsigned gone_count, closed_count, late_count, ws_open;

static void answer_text(struct http_req *rq, int status, struct buf *b)
{
    static const struct http_head heads[] = {{"Content-Type", {"text/plain", 10}}, {NULL, {NULL, 0}}};
    http_reply(rq, status, heads, buf_view(b));
    buf_clear(b);
}

/* Method, raw target and the like, a line each. */
static void on_info(struct http_req *rq, void *arg)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    struct buf b;
    struct slice s;
    (void)arg;
    buf_init(&b, 1 << 20);
    buf_printf(&b, "method=%s\ntarget=", methods[http_req_method(rq)]);
    buf_slice(&b, http_req_target(rq));
    buf_str(&b, "\npath=");
    buf_slice(&b, http_req_path(rq));
    buf_str(&b, "\nquery=");
    buf_slice(&b, http_req_query(rq));
    buf_str(&b, "\npeer=");
    buf_slice(&b, http_req_peer(rq));
    buf_printf(&b, "\nsecure=%d\nloopback=%d\nheaders=%zu\nbody=%zu\n", http_req_secure(rq),
               http_req_loopback(rq), http_req_headers(rq), http_req_body(rq).n);
    if (http_req_cookie(rq, "sid", &s)) {
        buf_str(&b, "sid=");
        buf_slice(&b, s);
        buf_char(&b, '\n');
    }
    for (size_t i = 0; i < http_req_headers(rq); i++) {
        struct slice name, value;
        http_req_header_at(rq, i, &name, &value);
        buf_str(&b, "h:");
        buf_slice(&b, name);
        buf_char(&b, '=');
        buf_slice(&b, value);
        buf_char(&b, '\n');
    }
    answer_text(rq, 200, &b);
}

static void on_echo(struct http_req *rq, void *arg)
{
    (void)arg;
    http_reply(rq, 200, NULL, http_req_body(rq));
}

static void on_fixed(struct http_req *rq, void *arg)
{
    (void)arg;
    http_reply(rq, 200, NULL, SLICE("{\"ok\":true}"));
}

static void on_counts(struct http_req *rq, void *arg)
{
    struct buf b;
    (void)arg;
    buf_init(&b, 1000);
    buf_printf(&b, "gone=%u closed=%u late=%u ws=%u", gone_count, closed_count, late_count, ws_open);
    answer_text(rq, 200, &b);
}

/* ---- late answers ---- */

struct late {
    struct http_req *rq;
    struct timer *timer;
};

static void late_now(void *arg)
{
    struct late *t = arg;
    http_reply(t->rq, 200, NULL, http_req_query(t->rq));
    timer_free(&t->timer);
    mem_free(t);
}

static void late_gone(void *arg)
{
    (void)arg;
    gone_count++;
}

static void on_late(struct http_req *rq, void *arg)
{
    uint64_t ms = 0;
    (void)arg;
    slice_u64(http_req_query(rq), &ms);
    late_count++;
    struct late *t = mem_alloc(sizeof(*t));
    t->rq = rq;
    t->timer = timer_new(l, late_now, t);
    timer_start(t->timer, ms);
    http_req_on_gone(rq, late_gone, NULL);
}

/* ---- in pieces ---- */

struct pieces {
    uint64_t at, all;
    struct timer *timer;
    struct http_req *rq;
    bool slow, cut;
};

static void pieces_write(struct http_req *rq, struct pieces *p)
{
    char part[10000];
    size_t n = p->all - p->at < sizeof(part) ? (size_t)(p->all - p->at) : sizeof(part);
    for (size_t i = 0; i < n; i++)
        part[i] = (char)('a' + (p->at + i) % 26);
    p->at += n;
    http_body_write(rq, slice_of(part, n));
    if (p->cut && p->at > p->all / 2)
        http_body_end(rq, false);
}

static void pieces_later(void *arg)
{
    struct pieces *p = arg;
    pieces_write(p->rq, p);
}

static void pieces_more(struct http_req *rq, void *arg)
{
    struct pieces *p = arg;
    p->rq = rq;
    if (p->slow)
        timer_start(p->timer, 1);
    else
        pieces_write(rq, p);
}

static void pieces_closed(void *arg)
{
    struct pieces *p = arg;
    closed_count++;
    timer_free(&p->timer);
    mem_free(p);
}

static void on_pieces(struct http_req *rq, void *arg)
{
    struct pieces *p = mem_alloc(sizeof(*p));
    slice_u64(http_req_query(rq), &p->all);
    p->timer = timer_new(l, pieces_later, p);
    p->slow = arg && *(const char *)arg == 's';
    p->cut = arg && *(const char *)arg == 'c';
    http_reply_stream(rq, 200, NULL, p->all, pieces_more, p, pieces_closed);
}

/* ---- websockets ---- */

static void ws_text(struct ws *w, struct slice m, void *arg)
{
    (void)arg;
    if (slice_is(m, "close me")) {
        ws_close(w, 4001, "as you wish");
    } else if (slice_is(m, "flood")) {
        struct buf b;
        buf_init(&b, 1 << 17);
        while (b.n < 100000)
            buf_str(&b, "0123456789");
        while (ws_send(w, buf_view(&b)) == 0)
            ;
        buf_clear(&b);
    } else {
        ws_send(w, m);
    }
}

static void ws_gone(struct ws *w, void *arg)
{
    (void)w;
    (void)arg;
    ws_open--;
}

static void on_ws(struct http_req *rq, void *arg)
{
    static const struct ws_events events = {ws_text, NULL, ws_gone};
    (void)arg;
    struct ws *w = ws_accept(rq, "echo", 65536, &events, NULL, NULL);
    if (!w)
        return;
    ws_open++;
    ws_send(w, SLICE("hello")); /* before anything was read */
}

/* ---- routes ---- */

static struct http_route on_route(struct http_req *rq, void *arg)
{
    static const struct {
        const char *path;
        struct http_route route;
    } routes[] = {
        {"/info", {on_info, NULL, 1 << 20, false}},
        {"/echo", {on_echo, NULL, 4 << 20, false}},
        {"/small", {on_echo, NULL, 16, false}},
        {"/none", {on_echo, NULL, 0, false}},
        {"/fixed", {on_fixed, NULL, 65536, false}},
        {"/late", {on_late, NULL, 65536, false}},
        {"/counts", {on_counts, NULL, 0, false}},
        {"/pieces", {on_pieces, NULL, 0, false}},
        {"/slow", {on_pieces, "s", 0, false}},
        {"/cut", {on_pieces, "c", 0, false}},
        {"/ws", {on_ws, NULL, 0, true}},
    };
    (void)arg;
    struct slice path = http_req_path(rq);
    if (slice_is(path, "/early")) {
        http_problem(rq, 401, "sign in first", NULL); /* from here on there is no request */
        return (struct http_route){0};
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (slice_is(path, routes[i].path))
            return routes[i].route;
    if (slice_is(path, "*"))
        return routes[0].route;
    return (struct http_route){0};
}

static void on_drained(void *arg)
{
    (void)arg;
    loop_stop(l);
}

static void on_term(int signum, void *arg)
{
    (void)signum;
    (void)arg;
    http_server_drain(server, 2000, on_drained, NULL);
}

static void on_hup(int signum, void *arg)
{
    struct err e;
    (void)signum;
    (void)arg;
    if (tls && tls_server_reload(tls, &e) != 0)
        fprintf(stderr, "%s\n", e.text);
}

static bool options(int argc, char **argv, struct http_config *cf, const char **listen_on, struct err *e)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *o = argv[i], *v = argv[i + 1];
        uint64_t n = 0;
        slice_u64(slice_str(v), &n);
        if (strcmp(o, "--head-ms") == 0)
            cf->head_timeout_ms = (unsigned)n;
        else if (strcmp(o, "--idle-ms") == 0)
            cf->idle_timeout_ms = (unsigned)n;
        else if (strcmp(o, "--max") == 0)
            cf->max_connections = (size_t)n;
        else if (strcmp(o, "--trust") == 0)
            cf->trusted_proxies = v;
        else if (strcmp(o, "--listen") == 0)
            *listen_on = v;
        else if (strcmp(o, "--tls") == 0 && i + 2 < argc)
            cf->tls = tls = tls_server_new(v, argv[++i + 1], e);
    }
    return !tls == !cf->tls;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    struct http_config cf = {.route = on_route};
    const char *listen_on = "127.0.0.1:0";
    signal(SIGPIPE, SIG_IGN);
    l = loop_new();
    options(argc, argv, &cf, &listen_on, &e);
    int fd = e.code ? -1 : http_bind(listen_on, &e);
    uint16_t port = fd >= 0 ? http_fd_port(fd) : 0;
    server = fd >= 0 ? http_server_new(l, &cf, fd, &e) : NULL;
    if (!server) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    loop_on_signal(l, SIGTERM, on_term, NULL);
    loop_on_signal(l, SIGHUP, on_hup, NULL);
    printf("%d\n", port);
    fflush(stdout);
    loop_run(l);
    http_server_free(&server);
    tls_server_free(&tls);
    loop_free(&l);
    return 0;
}
