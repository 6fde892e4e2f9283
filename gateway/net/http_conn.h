/* SPDX-License-Identifier: Apache-2.0
 * What the files of the HTTP server share: the server, its connections and the request that one of them is
 * at. Private to this folder. */
#ifndef PARLEY_NET_HTTP_CONN_H
#define PARLEY_NET_HTTP_CONN_H

#include "gateway/base/map.h"
#include "gateway/net/guard.h"
#include "gateway/net/http.h"
#include "gateway/net/http_head.h"
#include "gateway/net/tls_conn.h"
#include <netinet/in.h>
#include <uv.h>

/* What a connection waits for; the server keeps a list for each, in the order in which the waiting began. */
enum http_wait {
    HTTP_WAIT_HEAD,   /* for the rest of a head, or the first byte */
    HTTP_WAIT_IDLE,   /* between two requests */
    HTTP_WAIT_BODY,   /* for the rest of a body */
    HTTP_WAIT_ANSWER, /* for the handler */
    HTTP_WAIT_WRITE,  /* for the peer to take what it asked for */
    HTTP_WAIT_LINGER, /* for the peer to close, after an answer that ends the connection */
    HTTP_WAIT_BRIDGE, /* a websocket on TLS: bytes are passed through */
    HTTP_WAITS
};

struct http_server {
    struct loop *loop;
    struct http_config cf;
    struct cidrs *trusted;
    uv_tcp_t listener;
    bool listening, draining, freed;
    struct timer *sweep;
    struct list waits[HTTP_WAITS];
    struct list sockets; /* websockets that were handed over (ws_hand.h) */
    size_t connections;  /* websockets that were handed over count as well */
    uint64_t drain_began, drain_end;
    void (*drained)(void *arg);
    void *drained_arg;
    unsigned holds; /* its owner, the listener, connections, websockets */
};

enum http_state {
    HTTP_S_HEAD,
    HTTP_S_ROUTE, /* the head is whole, the route has to be asked */
    HTTP_S_BODY,
    HTTP_S_READY, /* the handler has to be called */
    HTTP_S_BUSY,  /* with the handler, or writing its answer */
    HTTP_S_LINGER,
    HTTP_S_BRIDGE,
    HTTP_S_CLOSED
};

struct http_bridge; /* http_bridge.c */
struct http_conn {
    uv_tcp_t tcp;
    struct list node; /* of one of the server's waits */
    struct http_server *server;
    struct tls_conn *tls;
    struct http_req *rq;
    struct http_bridge *bridge;
    struct buf in; /* read and not yet parsed; empty for most of the time */
    struct http_scan scan;
    enum http_state state;
    enum http_wait wait;
    uint64_t since;  /* when the waiting began */
    int64_t outq;    /* what the peer had not taken at the last look */
    unsigned writes; /* that libuv has not finished */
    unsigned holds;  /* the socket, the request, deferred calls, frames that run */
    bool paused, eof, running, resuming, broken;
    bool handed; /* to a websocket, which counts in its stead */
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } peer;
};

struct http_req {
    struct http_conn *conn;
    struct arena *arena;
    struct slice bytes; /* the head as received */
    struct http_head_info head;
    struct http_route route;
    struct buf body;
    struct http_chunked chunked;
    bool answered, close, gone_told;
    bool unread;       /* a body that has not been read: the connection can't be used again */
    struct slice peer; /* as text; made when asked for */
    void (*gone)(void *arg);
    void *gone_arg;
    bool (*grows)(void *arg, size_t total);
    void (*ended)(void *arg);
    void *body_arg;
    /* of http_reply_stream */
    bool streaming, more_due;
    uint64_t left;
    void (*more)(struct http_req *rq, void *arg);
    void (*closed)(void *arg);
    void *stream_arg;
};

/* http_server.c */
void http_server_hold(struct http_server *s);
void http_server_release(struct http_server *s);
void http_server_lost_one(struct http_server *s); /* a connection or websocket has ended */

/* http_req.c */
bool http_req_hsts(const struct http_req *rq); /* it came by TLS, as far as can be told */

/* http_conn.c */
struct http_conn *http_conn_new(struct http_server *s);
void http_conn_start(struct http_conn *c);
void http_conn_close(struct http_conn *c);
void http_conn_hold(struct http_conn *c);
void http_conn_release(struct http_conn *c);
void http_conn_wait(struct http_conn *c, enum http_wait w);
void http_conn_refuse(struct http_conn *c, int status, const char *why);
void http_conn_answered(struct http_conn *c); /* the whole answer was given to http_conn_send */

/* http_io.c: bytes in and out, through TLS where there is */
void http_conn_break(struct http_conn *c); /* closes it in a later turn */
int http_conn_read_start(struct http_conn *c);
void http_conn_pause(struct http_conn *c);
void http_conn_feed(struct http_conn *c, struct slice bytes); /* http_conn.c: plain bytes have come */
void http_conn_ended(struct http_conn *c);                    /* http_conn.c: the peer sends no more */
void http_conn_flushed(struct http_conn *c);                  /* http_conn.c: nothing is left to write */
/* Both in one write. b is given away when owned (it is then b.p or what b.p lies in). */
void http_conn_send(struct http_conn *c, struct slice a, struct slice b, char *owned);
void http_conn_shutdown(struct http_conn *c); /* no more will be sent */
size_t http_conn_unsent(const struct http_conn *c);

/* http_req.c */
struct http_req *http_req_new(struct http_conn *c, struct slice head);
void http_req_free(struct http_req *rq);
void http_req_gone(struct http_req *rq);
/* http_stream.c */
void http_stream_more(struct http_req *rq);
void http_stream_closed(struct http_req *rq); /* the connection is gone; so is rq afterwards */
/* http_bridge.c */
void http_bridge_feed(struct http_conn *c, struct slice bytes);
void http_bridge_flushed(struct http_conn *c);
void http_bridge_close(struct http_conn *c);
/* Ends HTTP on the connection of a request that is to become a websocket: gives a descriptor of its own that
 * carries the plain bytes, and what came behind the head. The request is gone afterwards. *server is not NULL
 * when http_server_lost_one and http_server_release must be called with it once the websocket has ended. -1,
 * and the request still to be answered, when that can't be. */
int http_conn_detach(struct http_req *rq, struct buf *early, struct http_server **server);

#endif
