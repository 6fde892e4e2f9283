/* SPDX-License-Identifier: Apache-2.0
 * What a handler can ask about its request. */
#include "gateway/base/mem.h"
#include "gateway/net/http_conn.h"
#include <arpa/inet.h>
#include <string.h>

struct http_req *http_req_new(struct http_conn *c, struct slice head)
{
    struct arena *a = arena_new();
    struct http_req *rq = arena_alloc(a, sizeof(*rq));
    rq->arena = a;
    rq->conn = c;
    rq->bytes = arena_slice(a, head);
    http_conn_hold(c);
    c->rq = rq;
    return rq;
}

void http_req_free(struct http_req *rq)
{
    struct http_conn *c = rq->conn;
    struct arena *a = rq->arena;
    void (*ended)(void *arg) = rq->ended;
    void *body_arg = rq->body_arg;
    if (c->rq == rq)
        c->rq = NULL;
    buf_clear(&rq->body);
    arena_free(&a);
    if (ended)
        ended(body_arg);
    http_conn_release(c);
}

void http_req_gone(struct http_req *rq)
{
    if (rq->gone && !rq->gone_told) {
        rq->gone_told = true;
        rq->gone(rq->gone_arg);
    }
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
    size_t n = strlen(lower_name);
    for (size_t i = 0; i < rq->head.fields_n; i++)
        if (rq->head.fields[i].name.n == n && slice_is_nocase(rq->head.fields[i].name, lower_name))
            return rq->head.fields[i].value;
    return (struct slice){NULL, 0};
}

size_t http_req_headers(const struct http_req *rq)
{
    return rq->head.fields_n;
}

void http_req_header_at(const struct http_req *rq, size_t i, struct slice *name, struct slice *value)
{
    err_assert(i < rq->head.fields_n);
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
            if (slice_next(&pair, '=', &key) && pair.p && slice_is(key, name)) {
                *value = pair;
                return true;
            }
        }
    }
    return false;
}

static bool peer_trusted(const struct http_req *rq, const struct sockaddr *sa)
{
    return rq->conn->server->trusted && cidrs_match(rq->conn->server->trusted, sa);
}

union peer_address {
    struct sockaddr sa;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
};

/* "1.2.3.4", "1.2.3.4:5", "2001:db8::1", "[2001:db8::1]:5" */
static bool peer_parse(struct slice s, union peer_address *a)
{
    char text[64];
    s = slice_trim(s);
    bool bracket = s.n && s.p[0] == '[';
    const char *end = bracket ? memchr(s.p, ']', s.n) : s.n ? memchr(s.p, ':', s.n) : NULL;
    if (bracket && !end)
        return false;
    if (bracket)
        s = slice_of(s.p + 1, (size_t)(end - s.p) - 1);
    else if (end && !memchr(end + 1, ':', (size_t)(s.p + s.n - end) - 1))
        s.n = (size_t)(end - s.p);
    if (s.n == 0 || s.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    memset(a, 0, sizeof(*a));
    if (inet_pton(AF_INET, text, &a->in4.sin_addr) == 1) {
        a->sa.sa_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) != 1)
        return false;
    a->sa.sa_family = AF_INET6;
    return true;
}

/* From the right: each trusted proxy's word about who came to it, until one that is not trusted is named. */
static void peer_forwarded(const struct http_req *rq, union peer_address *a)
{
    for (size_t i = rq->head.fields_n; i > 0; i--) {
        const struct http_field *f = &rq->head.fields[i - 1];
        if (!slice_is_nocase(f->name, "x-forwarded-for"))
            continue;
        struct slice rest = f->value;
        while (rest.n) {
            const char *comma = memrchr(rest.p, ',', rest.n);
            struct slice part = comma ? slice_of(comma + 1, (size_t)(rest.p + rest.n - comma) - 1) : rest;
            union peer_address next;
            if (!peer_trusted(rq, &a->sa) || !peer_parse(part, &next))
                return;
            *a = next;
            rest.n = comma ? (size_t)(comma - rest.p) : 0;
        }
    }
}

static void peer_address(const struct http_req *rq, union peer_address *a)
{
    memset(a, 0, sizeof(*a));
    memcpy(a, &rq->conn->peer, sizeof(*a));
    if (peer_trusted(rq, &a->sa))
        peer_forwarded(rq, a);
}

struct slice http_req_peer(const struct http_req *rq)
{
    struct http_req *w = (struct http_req *)(uintptr_t)rq; /* a cache */
    if (!rq->peer.p) {
        union peer_address a;
        char text[INET6_ADDRSTRLEN] = "";
        peer_address(rq, &a);
        if (a.sa.sa_family == AF_INET)
            inet_ntop(AF_INET, &a.in4.sin_addr, text, sizeof(text));
        else if (a.sa.sa_family == AF_INET6)
            inet_ntop(AF_INET6, &a.in6.sin6_addr, text, sizeof(text));
        w->peer = arena_slice(rq->arena, slice_str(text));
    }
    return rq->peer;
}

bool http_req_secure(const struct http_req *rq)
{
    if (rq->conn->server->cf.tls)
        return true;
    return peer_trusted(rq, &rq->conn->peer.sa) &&
           slice_is_nocase(http_req_header(rq, "x-forwarded-proto"), "https");
}

/* For Strict-Transport-Security alone: cookies want a proxy's word. */
bool http_req_hsts(const struct http_req *rq)
{
    if (http_req_secure(rq))
        return true;
    return rq->conn->server->cf.https && peer_trusted(rq, &rq->conn->peer.sa) &&
           !http_req_header(rq, "x-forwarded-proto").p;
}

/* A proxy on this host that nobody declared must not make everybody look local. */
bool http_req_loopback(const struct http_req *rq)
{
    union peer_address a;
    bool forwarded = http_req_header(rq, "x-forwarded-for").p || http_req_header(rq, "forwarded").p;
    if (forwarded && !peer_trusted(rq, &rq->conn->peer.sa))
        return false;
    peer_address(rq, &a);
    if (a.sa.sa_family == AF_INET)
        return (ntohl(a.in4.sin_addr.s_addr) >> 24) == 127;
    return a.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr);
}

struct arena *http_req_arena(struct http_req *rq)
{
    return rq->arena;
}

void http_req_on_body(struct http_req *rq, bool (*more)(void *arg, size_t total), void (*ended)(void *arg),
                      void *arg)
{
    rq->grows = more;
    rq->ended = ended;
    rq->body_arg = arg;
}

void http_req_on_gone(struct http_req *rq, void (*gone)(void *arg), void *arg)
{
    rq->gone = gone;
    rq->gone_arg = arg;
}
