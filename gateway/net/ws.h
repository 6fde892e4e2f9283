/* SPDX-License-Identifier: Apache-2.0
 * Websockets (RFC 6455), text frames only, by libwebsockets behind this header so that it can be replaced.
 * The HTTP server judges the handshake (version, key, subprotocol); Origin and rights are the caller's,
 * before it accepts. */
#ifndef PARLEY_NET_WS_H
#define PARLEY_NET_WS_H

#include "gateway/net/http.h"

struct ws;
struct ws_events {
    void (*text)(struct ws *w, struct slice message, void *arg); /* a whole message, valid UTF-8 */
    void (*drained)(struct ws *w, void *arg); /* may be NULL: the queue fell below its low mark */
    void (*closed)(struct ws *w, void *arg);  /* the last call; w is gone afterwards */
};

/* Accepts a request that came to a route with `upgrade`; it counts as answered. NULL (and the request
 * answered with 400 or 503) when the handshake is wrong. max_message: a larger one closes with 1009. */
struct ws *ws_accept(struct http_req *rq, const char *subprotocol, size_t max_message,
                     const struct ws_events *ev, void *arg, struct err *e);
/* Copies and queues. -ERR_FULL when more than 4 MiB wait (the socket is then closed with 1013: the client
 * resumes). */
int ws_send(struct ws *w, struct slice text);
size_t ws_queued(const struct ws *w);
/* Stop and go on reading, for back-pressure. */
void ws_pause(struct ws *w, bool paused);
/* Sends a close frame; `closed` follows. */
void ws_close(struct ws *w, unsigned code, const char *reason);
/* Pings every 25 s and closes after two that were not answered: done by itself. */

#endif
