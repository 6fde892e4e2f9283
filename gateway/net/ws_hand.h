/* SPDX-License-Identifier: Apache-2.0
 * Between http_conn.h and ws.c, which can't include one another's libraries (both have an enum http_status).
 * Private to this folder. */
#ifndef PARLEY_NET_WS_HAND_H
#define PARLEY_NET_WS_HAND_H

#include "gateway/net/http.h"

struct loop *ws_hand_loop(const struct http_req *rq);
/* See http_conn_detach. */
int ws_hand_detach(struct http_req *rq, struct buf *early, struct http_server **server);
/* The websocket has ended. */
void ws_hand_end(struct http_server *server);

#endif
