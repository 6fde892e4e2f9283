/* SPDX-License-Identifier: Apache-2.0
 * /widget.js and /chat-assets/…: the files of the webchat's build, in memory (gateway/chat/PROTOCOL.md). */
#ifndef PARLEY_DAEMON_ASSETS_H
#define PARLEY_DAEMON_ASSETS_H

#include "gateway/base/buf.h"
#include <stdbool.h>

struct assets;
struct http_req;
/* Never NULL; without files every request is a 404. */
struct assets *assets_load(const char *dir);
void assets_free(struct assets **a);
bool assets_mine(struct slice path);
void assets_serve(const struct assets *a, struct http_req *rq);

#endif
