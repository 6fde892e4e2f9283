/* SPDX-License-Identifier: Apache-2.0
 * The socket below redis.c: resolving, connecting, reading, writing once per turn of the loop. Private to
 * this folder. */
#ifndef PARLEY_NET_REDIS_LINK_H
#define PARLEY_NET_REDIS_LINK_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/net/loop.h"

struct redis_address {
    char *path;        /* a unix socket, or */
    char *host, *port; /* an IP address or a name */
    uint64_t db;
};
int redis_url_parse(struct redis_address *a, const char *url, struct err *e);
void redis_address_clear(struct redis_address *a);

struct redis_link;
struct redis_link_events {
    void (*connected)(void *arg);
    void (*data)(const char *p, size_t n, void *arg);
    void (*broken)(const char *why, void *arg); /* the last call */
};
/* Begins to connect. Events never come from inside a call. */
struct redis_link *redis_link_new(struct loop *l, const struct redis_address *a,
                                  const struct redis_link_events *ev, void *arg);
/* Writes what the system takes at once: for last words before redis_link_free. */
void redis_link_flush(struct redis_link *k);
void redis_link_free(struct redis_link **k); /* no event follows */
/* Append commands here; they are written before the loop sleeps. */
struct buf *redis_link_out(struct redis_link *k);
/* Would n more bytes fit? */
bool redis_link_fits(const struct redis_link *k, size_t n);
/* Bytes appended, and bytes taken by the system, since the beginning. */
uint64_t redis_link_appended(const struct redis_link *k);
uint64_t redis_link_written(const struct redis_link *k);

#endif
