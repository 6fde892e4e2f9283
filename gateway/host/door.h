/* SPDX-License-Identifier: Apache-2.0
 * The doors: from a path to a channel, and what must hold before its connector sees a request. */
#ifndef PARLEY_HOST_DOOR_H
#define PARLEY_HOST_DOOR_H

#include "gateway/host/host_internal.h"

struct connector_request {
    struct list link; /* in channel.requests until it is answered */
    struct channel *ch;
    struct http_req *rq;
    bool answered, gone_asked;
    void (*gone)(void *arg);
    void *gone_arg;
    struct form *form;
};

/* Is this Origin ours or one of the channel's? Empty: no. */
bool door_origin_ok(const struct channel *ch, struct http_req *rq, struct slice origin);
/* What the connector is told of it. */
struct connector_request_info door_info(const struct door_path *p, struct http_req *rq);
/* body.c: is there room for the body that follows? False: answered (411, 429, 503). chat: it is a person's.
 */
bool body_admit(struct host *h, struct http_req *rq, size_t most, bool chat);
/* socket.c: the handler of /ws/chat/… */
void door_upgrade(struct http_req *rq, void *arg);
/* By the request's path; NULL: there is none that runs and has this door. */
struct channel *door_channel(struct host *h, const struct door_path *p);

#endif
