/* SPDX-License-Identifier: Apache-2.0
 * Heads of answers, for whole bodies and for streams. Private to this folder. */
#ifndef PARLEY_NET_HTTP_REPLY_H
#define PARLEY_NET_HTTP_REPLY_H

#include "gateway/net/http_conn.h"

/* Lives until the next call. Decides whether the connection ends. */
struct slice http_reply_head(struct http_req *rq, int status, const struct http_head *heads, uint64_t length);
bool http_reply_bodyless(const struct http_req *rq, int status);

#endif
