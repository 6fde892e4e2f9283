/* SPDX-License-Identifier: Apache-2.0
 * A local (unix) socket with one JSON object per line: the admin socket between `parley` and the daemon. Only
 * the owner of the data directory and root may connect (SO_PEERCRED). */
#ifndef PARLEY_NET_LOCAL_H
#define PARLEY_NET_LOCAL_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/net/loop.h"

struct local_server;
struct local_conn;
/* line: a whole line without its end, at most max_line bytes. closed: conn is gone; may be NULL. */
struct local_server *local_server_new(struct loop *l, const char *path, size_t max_line,
                                      void (*line)(struct local_conn *c, struct slice line, void *arg),
                                      void (*closed)(struct local_conn *c, void *arg), void *arg,
                                      struct err *e);
/* Adopts a listening descriptor instead. */
struct local_server *local_server_adopt(struct loop *l, int fd, size_t max_line,
                                        void (*line)(struct local_conn *c, struct slice line, void *arg),
                                        void (*closed)(struct local_conn *c, void *arg), void *arg,
                                        struct err *e);
void local_send(struct local_conn *c, struct slice line); /* adds the newline */
void local_close(struct local_conn *c);                   /* after what was sent */
void local_server_free(struct local_server **s);

#endif
