/* SPDX-License-Identifier: Apache-2.0
 * See ws_hand.h. */
#include "gateway/net/ws_hand.h"
#include "gateway/net/http_conn.h"

struct loop *ws_hand_loop(const struct http_req *rq)
{
    return rq->conn->server->loop;
}

int ws_hand_detach(struct http_req *rq, struct buf *early, struct http_server **server)
{
    return http_conn_detach(rq, early, server);
}

void ws_hand_end(struct http_server *server)
{
    if (!server) /* on TLS the connection goes on below and counts by itself */
        return;
    http_server_lost_one(server);
    http_server_release(server);
}
