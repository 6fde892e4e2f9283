/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 server (RFC 9112) on plain and TLS sockets, and the door to websockets (ws.h) on the same port.
 *
 * What it refuses by itself is listed in README.md (request smuggling, slow or oversized requests, …). A
 * request reaches `route` when its head is complete; the route answers with the limits for the body and the
 * handler; the handler is called once with the whole body in memory. Each request must be answered exactly
 * once, now or later, from the loop's thread. Requests of one connection are handed out one at a time, in
 * order. */
#ifndef PARLEY_NET_HTTP_H
#define PARLEY_NET_HTTP_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/net/loop.h"

struct http_server;
struct http_req;
struct tls_server; /* tls.h */

enum http_method {
    HTTP_M_GET,
    HTTP_M_HEAD,
    HTTP_M_POST,
    HTTP_M_PUT,
    HTTP_M_PATCH,
    HTTP_M_DELETE,
    HTTP_M_OPTIONS
};

struct http_route {
    void (*handler)(struct http_req *rq, void *arg); /* NULL: 404 */
    void *arg;
    size_t max_body; /* over it: 413, before the body is read when its length is told */
    bool upgrade;    /* a websocket is wanted here; else upgrades get 400 */
};

struct http_config {
    struct http_route (*route)(struct http_req *rq,
                               void *arg); /* may already http_reply: then handler is ignored */
    void *arg;
    struct tls_server *tls;                    /* NULL: plain */
    size_t max_connections;                    /* 0: 20,000 */
    size_t max_header;                         /* 0: 16,384 */
    unsigned head_timeout_ms, idle_timeout_ms; /* 0: 10,000 and 75,000 */
    const char
        *trusted_proxies; /* comma-separated CIDRs whose X-Forwarded-For/-Proto is believed; may be NULL */
    bool https;           /* the public address is https: so came whoever a trusted proxy says nothing of */
};

/* Listens on an inherited descriptor (bound and listening already). */
struct http_server *http_server_new(struct loop *l, const struct http_config *cf, int listen_fd,
                                    struct err *e);
/* Binds and listens with SO_REUSEADDR; "127.0.0.1:8080", "[::1]:0". Returns the descriptor or -ERR_x. */
int http_bind(const char *address, struct err *e);
uint16_t http_fd_port(int listen_fd);
/* Stops accepting; answers what is under way with `Connection: close`, then calls done. After grace_ms the
 * rest is cut. */
void http_server_drain(struct http_server *s, uint64_t grace_ms, void (*done)(void *arg), void *arg);
void http_server_free(struct http_server **s);

/* The request. All slices live until it was answered. */
enum http_method http_req_method(const struct http_req *rq);
struct slice http_req_target(const struct http_req *rq); /* raw, as received: for signatures */
struct slice http_req_path(const struct http_req *rq);   /* raw, without the query */
struct slice http_req_query(const struct http_req *rq);  /* raw, without the '?' */
struct slice http_req_header(const struct http_req *rq,
                             const char *lower_name); /* the first; empty when absent */
size_t http_req_headers(const struct http_req *rq);
void http_req_header_at(const struct http_req *rq, size_t i, struct slice *name, struct slice *value);
struct slice http_req_body(const struct http_req *rq); /* raw bytes */
bool http_req_cookie(const struct http_req *rq, const char *name, struct slice *value);
/* The person's address: the peer's, or what a trusted proxy says. For limits only; never log or store it. */
struct slice http_req_peer(const struct http_req *rq);
bool http_req_secure(const struct http_req *rq); /* TLS here or, by a trusted proxy's word, before */
bool http_req_loopback(const struct http_req *rq);
/* Memory that dies with the request. */
struct arena *http_req_arena(struct http_req *rq);
/* gone is called (once, instead of nothing) when the peer leaves before the answer. The request must still be
 * answered. */
void http_req_on_gone(struct http_req *rq, void (*gone)(void *arg), void *arg);
/* For routes: more is told how much of the body has come, as it comes; false: it has answered, and the rest
 * is not read. ended is called once, when nothing of the request is in memory any more. */
void http_req_on_body(struct http_req *rq, bool (*more)(void *arg, size_t total), void (*ended)(void *arg),
                      void *arg);

/* The answer. Content-Length, Date, Connection and X-Content-Type-Options are the server's. */
struct http_head {
    const char *name;
    struct slice value;
};
/* body is copied. heads ends with a NULL name; may be NULL. Control bytes in a value are a bug (asserted). */
void http_reply(struct http_req *rq, int status, const struct http_head *heads, struct slice body);
/* The same, with bytes that are given away (mem_free'd when sent): no copy. */
void http_reply_take(struct http_req *rq, int status, const struct http_head *heads, char *body, size_t n);
/* RFC 9457: application/problem+json with title from status and detail. extra: more JSON members
 * (",\"at\":3") or NULL. */
void http_problem(struct http_req *rq, int status, const char *detail, const char *extra);
/* The problem that fits an error code. */
void http_problem_err(struct http_req *rq, const struct err *e);
int http_status_of(int err_code);

/* A long body in pieces with back-pressure (downloads): length known ahead. `more` is called whenever there
 * is room; it calls http_body_write, or http_body_end(rq, false) to cut the connection when it can't go on.
 * HEAD gets no body and no call. */
void http_reply_stream(struct http_req *rq, int status, const struct http_head *heads, uint64_t length,
                       void (*more)(struct http_req *rq, void *arg), void *arg, void (*closed)(void *arg));
void http_body_write(struct http_req *rq, struct slice part);
void http_body_end(struct http_req *rq, bool complete);

#endif
