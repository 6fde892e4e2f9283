/* SPDX-License-Identifier: Apache-2.0
 * One Redis connection on the loop: hiredis with an adapter, deadlines and reconnects of our own. Commands
 * are pipelined in the order in which they are given; a command that was sent when the connection broke is
 * told as ERR_UNAVAILABLE with `maybe_done`, never repeated by itself. */
#ifndef PARLEY_NET_REDIS_H
#define PARLEY_NET_REDIS_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/net/loop.h"

struct redis;

enum redis_kind { REDIS_NIL, REDIS_INT, REDIS_TEXT, REDIS_STATUS, REDIS_ERROR, REDIS_ARRAY };
struct redis_reply {
    enum redis_kind kind;
    int64_t i;
    struct slice s; /* TEXT, STATUS, ERROR */
    const struct redis_reply *const *items;
    size_t n;
};

struct redis_config {
    const char *url; /* "unix:/path", "redis://host:port/0", "rediss://…" (ERR_UNSUPPORTED where hiredis has
                        no TLS) */
    const char *user, *password; /* may be NULL */
    unsigned timeout_ms;         /* per command; 0: 5,000 */
    /* Told on each change; may be NULL. When up, set-up commands may be sent from inside. */
    void (*state)(struct redis *r, bool up, const char *why, void *arg);
    void *arg;
};

struct redis *redis_new(struct loop *l, const struct redis_config *cf,
                        struct err *e); /* connects by itself, again and again */
/* What was given is still written if the socket takes it at once; pending callbacks get ERR_CANCELLED. */
void redis_free(struct redis **r);
bool redis_up(const struct redis *r);

/* cb: err 0 and reply (which may be kind ERROR), or err -ERR_UNAVAILABLE / -ERR_TIMEOUT / -ERR_CANCELLED and
 * reply NULL; exactly once, never from inside redis_send. maybe_done: it may have been carried out. */
typedef void (*redis_cb)(int err, bool maybe_done, const struct redis_reply *reply, void *arg);
/* When the connection is down, cb gets ERR_UNAVAILABLE at once (maybe_done false). */
void redis_send(struct redis *r, redis_cb cb, void *arg, size_t argc, const struct slice *argv);
/* "SET %s %b" with %s (const char *), %b (struct slice), %d (int64_t), %u (uint64_t): one argument per
 * blank-separated word. */
void redis_sendf(struct redis *r, redis_cb cb, void *arg, const char *fmt, ...);
/* For XREAD BLOCK and SUBSCRIBE on a connection of its own: a deadline that only this command has (0: none).
 */
void redis_send_deadline(struct redis *r, unsigned timeout_ms, redis_cb cb, void *arg, size_t argc,
                         const struct slice *argv);
/* Messages of channels this connection has subscribed to. */
void redis_on_message(struct redis *r, void (*cb)(struct slice channel, struct slice message, void *arg),
                      void *arg);

#endif
