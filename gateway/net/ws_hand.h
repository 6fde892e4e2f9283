/* SPDX-License-Identifier: Apache-2.0
 * Between http_conn.h and ws.c, which can't include one another's libraries (both have an enum http_status).
 * Private to this folder. */
#ifndef PARLEY_NET_WS_HAND_H
#define PARLEY_NET_WS_HAND_H

#include "gateway/base/map.h"
#include "gateway/net/http.h"

/* A websocket as its server sees it: counted, and cut when draining takes too long. */
struct ws_hand {
    struct list node;
    struct http_server *server;
    void (*cut)(struct ws_hand *hand);
};

struct loop *ws_hand_loop(const struct http_req *rq);
/* See http_conn_detach; the descriptor or -1. */
int ws_hand_detach(struct http_req *rq, struct buf *early, struct ws_hand *hand);
/* The websocket has ended. */
void ws_hand_end(struct ws_hand *hand);

#endif
