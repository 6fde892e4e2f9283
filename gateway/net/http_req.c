/* SPDX-License-Identifier: Apache-2.0
 * A request as its handler sees it. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/http_conn.h"
#include <arpa/inet.h>
#include <string.h>

struct http_req *http_req_new(struct http_conn *c, struct slice head)
{
    struct arena *a = arena_new();
    struct http_req *rq = arena_alloc(a, sizeof(*rq));
    rq->conn = c;
    rq->arena = a;
    rq->head.target = arena_slice(a, head); /* parsed from there */
    rq->head.keep_alive = true;
    buf_init(&rq->body, 0);
    c->rq = rq;
    http_conn_hold(c);
    return rq;
}

void http_req_free(struct http_req *rq)
{
    struct http_conn *c = rq->conn;
    struct arena *a = rq->arena;
    if (c->rq == rq)
        c->rq = NULL;
    buf_clear(&rq->body);
    arena_free(&a);
    http_conn_release(c);
}

void http_req_gone(struct http_req *rq)
{
    if (rq->gone_told)
        return;
    rq->gone_told = true;
    if (rq->streaming) {
        void (*closed)(void *) = rq->closed;
        void *arg = rq->stream_arg;
        rq->closed = NULL;
        http_req_free(rq);
        if (closed)
            closed(arg);
    } else if (rq->gone)
        rq->gone(rq->gone_arg);
}

enum http_method http_req_method(const struct http_req *rq)
{
    return (enum http_method)rq->head.method;
}

struct slice http_req_target(const struct http_req *rq)
{
    return rq->head.target;
}

struct slice http_req_path(const struct http_req *rq)
{
    return rq->head.path;
}

struct slice http_req_query(const struct http_req *rq)
{
    return rq->head.query;
}

struct slice http_req_header(const struct http_req *rq, const char *lower_name)
{
    for (size_t i = 0; i < rq->head.fields_n; i++)
        if (slice_is_nocase(rq->head.fields[i].name, lower_name))
            return rq->head.fields[i].value;
    return (struct slice){0, 0};
}

size_t http_req_headers(const struct http_req *rq)
{
    return rq->head.fields_n;
}

void http_req_header_at(const struct http_req *rq, size_t i, struct slice *name, struct slice *value)
{
    *name = rq->head.fields[i].name;
    *value = rq->head.fields[i].value;
}

struct slice http_req_body(const struct http_req *rq)
{
    return buf_view(&rq->body);
}

bool http_req_cookie(const struct http_req *rq, const char *name, struct slice *value)
{
    for (size_t i = 0; i < rq->head.fields_n; i++) {
        if (!slice_is_nocase(rq->head.fields[i].name, "cookie"))
            continue;
        struct slice rest = rq->head.fields[i].value, pair, key;
        while (slice_next(&rest, ';', &pair)) {
            pair = slice_trim(pair);
            if (slice_next(&pair, '=', &key) && slice_is(key, name) && pair.p) {
                *value = pair;
                return true;
            }
        }
    }
    return false;
}

struct arena *http_req_arena(struct http_req *rq)
{
    return rq->arena;
}

void http_req_on_gone(struct http_req *rq, void (*gone)(void *arg), void *arg)
{
    rq->gone = gone;
    rq->gone_arg = arg;
}

/* ---- whom it comes from ---- */

static bool from_proxy(const struct http_req *rq)
{
    const struct http_server *s = rq->conn->server;
    return s->trusted && cidrs_match(s->trusted, &rq->conn->peer.sa);
}

/* The last address that a proxy of ours did not add itself: the rightmost that is not trusted. */
static struct slice forwarded_for(const struct http_req *rq)
{
    struct slice list = http_req_header(rq, "x-forwarded-for"), found = {0, 0}, one;
    while (slice_next(&list, ',', &one)) {
        struct sockaddr_in in4 = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        char text[64];
        one = slice_trim(one);
        if (!one.n || one.n >= sizeof(text))
            continue;
        memcpy(text, one.p, one.n);
        text[one.n] = '\0';
        bool v4 = inet_pton(AF_INET, text, &in4.sin_addr) == 1,
             v6 = !v4 && inet_pton(AF_INET6, text, &in6.sin6_addr) == 1;
        const struct sockaddr *sa = v4 ? (struct sockaddr *)&in4 : (struct sockaddr *)&in6;
        if ((v4 || v6) && !cidrs_match(rq->conn->server->trusted, sa))
            found = one;
    }
    return found;
}

struct slice http_req_peer(const struct http_req *rq)
{
    struct http_req *w = (struct http_req *)(uintptr_t)rq; /* what is made here is kept */
    char text[64] = "";
    if (rq->peer.n)
        return rq->peer;
    if (from_proxy(rq))
        w->peer = forwarded_for(rq);
    if (!rq->peer.n) {
        uv_ip_name(&rq->conn->peer.sa, text, sizeof(text));
        w->peer = arena_slice(w->arena, slice_str(text));
    }
    return rq->peer;
}

bool http_req_secure(const struct http_req *rq)
{
    if (rq->conn->tls)
        return true;
    return from_proxy(rq) && slice_is_nocase(http_req_header(rq, "x-forwarded-proto"), "https");
}

/* From this machine, and not passed on by a proxy on it. */
bool http_req_loopback(const struct http_req *rq)
{
    const struct sockaddr *sa = &rq->conn->peer.sa;
    if (http_req_header(rq, "x-forwarded-for").n || http_req_header(rq, "forwarded").n)
        return false;
    if (sa->sa_family == AF_INET)
        return (ntohl(rq->conn->peer.in4.sin_addr.s_addr) >> 24) == 127;
    return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&rq->conn->peer.in6.sin6_addr);
}
