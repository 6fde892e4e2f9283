/* SPDX-License-Identifier: Apache-2.0
 * See ws_hand.h. */
#include "gateway/net/ws_hand.h"
#include "gateway/net/http_conn.h"

struct loop *ws_hand_loop(const struct http_req *rq)
{
    return rq->conn->server->loop;
}

int ws_hand_detach(struct http_req *rq, struct buf *early, struct ws_hand *hand)
{
    int fd = http_conn_detach(rq, early, &hand->server);
    if (fd >= 0 && hand->server)
        list_push(&hand->server->sockets, &hand->node);
    return fd;
}

void ws_hand_end(struct ws_hand *hand)
{
    struct http_server *s = hand->server;
    if (!s) /* on TLS the connection goes on below and counts by itself */
        return;
    hand->server = NULL;
    list_del(&hand->node);
    http_server_lost_one(s);
    http_server_release(s);
}
