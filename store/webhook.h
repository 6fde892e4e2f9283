/* SPDX-License-Identifier: Apache-2.0
 * The queues of webhooks out (functions/webhook.lua): events become deliveries, one queue for each webhook
 * and thread. An event enters the queues exactly once, whatever dies; a delivery leaves its queue when its
 * end is known. What is kept are ids, codes and times. gateway/hook decides what is told and sends it. */
#ifndef PARLEY_STORE_WEBHOOK_H
#define PARLEY_STORE_WEBHOOK_H

#include "store/events.h"

#define HOOK_ID   80 /* bytes of a delivery's id */
#define HOOK_TYPE 40 /* of its type */
#define HOOK_PUTS 24 /* deliveries in one call */

/* From where on events are to be put into the queues: the text. While it is started, events that were not
 * taken yet are not trimmed (for four days at most). */
void store_hooks_start(struct store_op *op, store_text_done done, void *arg);
void store_hooks_stop(struct store_op *op, store_done done, void *arg);
/* Events behind that one, oldest first, all of a record. None: it is the newest. */
void store_hooks_read(struct store_op *op, const char *after, unsigned limit,
                      void (*done)(void *arg, const struct err *e, const struct store_event *ev, size_t n),
                      void *arg);

struct hook_put {
    const char *hook;
    struct id thread;
    const char *id, *type;
    struct slice json; /* without a text; empty: nothing of this thread is to be told any more */
};
/* ERR_CONFLICT: another one holds the lease, or the cursor is elsewhere. */
void store_hooks_put(struct store_op *op, uint64_t fence, const char *from, const char *to,
                     const struct hook_put *p, size_t n, store_done done, void *arg);

struct hook_delivery {
    struct id thread;
    char id[HOOK_ID], type[HOOK_TYPE];
    struct slice json;
    unsigned tries;
    int64_t queued_ms;
};
/* The oldest of each thread that is due. next_ms: until another is; -1: none waits. stopped: why ("410"), or
 * "". */
void store_hooks_due(struct store_op *op, const char *hook, unsigned limit,
                     void (*done)(void *arg, const struct err *e, const struct hook_delivery *d, size_t n,
                                  int64_t next_ms, const char *stopped),
                     void *arg);
enum hook_end { HOOK_OK, HOOK_AGAIN, HOOK_DEAD, HOOK_DROP, HOOK_OFF };
/* error: a code without blanks. again_ms: of HOOK_AGAIN and HOOK_OFF. */
void store_hooks_done(struct store_op *op, uint64_t fence, const char *hook, struct id thread, const char *id,
                      enum hook_end end, int64_t again_ms, const char *error, store_done done, void *arg);

/* ---- for people ---- */

struct hook_state {
    uint64_t waiting, dead, lost;        /* lost: what was dead, and too much or too old to be kept */
    int64_t ok_ms, failing_ms, error_ms; /* 0: none */
    const char *error, *stopped;
};
void store_hook_state(struct store_op *op, const char *hook,
                      void (*done)(void *arg, const struct err *e, const struct hook_state *s), void *arg);
struct hook_dead {
    struct id thread;
    char id[HOOK_ID], type[HOOK_TYPE], error[40];
    int64_t number; /* `before` of the next page */
    int64_t died_ms, queued_ms;
    unsigned tries;
};
void store_hook_dead(struct store_op *op, const char *hook, int64_t before, unsigned limit,
                     void (*done)(void *arg, const struct err *e, const struct hook_dead *d, size_t n),
                     void *arg);
/* ids (n of them), or with n 0 those that died between two times (0: from the first, to the last; at most
 * 1,000). */
void store_hook_redeliver(struct store_op *op, const char *hook, const char *actor, int64_t from_ms,
                          int64_t to_ms, const struct slice *ids, size_t n,
                          void (*done)(void *arg, const struct err *e, uint64_t redelivered), void *arg);
void store_hook_resume(struct store_op *op, const char *hook, const char *actor, store_done done, void *arg);

#endif
