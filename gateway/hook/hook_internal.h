/* SPDX-License-Identifier: Apache-2.0
 * What the files of gateway/hook share: a process, an operation, a webhook, a delivery on its way. */
#ifndef PARLEY_HOOK_INTERNAL_H
#define PARLEY_HOOK_INTERNAL_H

#include "gateway/base/map.h"
#include "gateway/hook/hook.h"
#include "store/webhook.h"

#define HOOKS_MAX  10 /* of an operation: what one record of the events gives fits into one call */
#define HOOK_AWAY  8  /* deliveries of one webhook that are on their way */
#define EVENTS_MAX 32 /* patterns of one webhook */

struct hooks {
    struct hooks_config cf;
    struct fetcher *fetcher;
    struct guard *guard;
    struct list ops;
};

struct hook {
    struct hooks_op *o;
    char *id, *url, *secret, *area, *events[EVENTS_MAX];
    size_t events_n;
    int clearance;
    bool content, active; /* active: in the document and not disabled */
    bool asking, again;   /* send.c: what is due is being asked for; and once more */
    bool stopped;         /* the receiver said that it is gone */
    unsigned away;
    struct list flights;
    struct timer *look;
    /* The breaker: after many failures in a row one delivery at a time is tried, now and then. */
    unsigned failures;
    uint64_t open_ms, open_until;
};

struct hooks_op {
    struct list node;
    struct hooks *h;
    struct store_op *op;
    struct hook *hooks[HOOKS_MAX * 4]; /* those that are gone from the document stay, inactive */
    size_t n;
    struct store_lease *lease;
    uint64_t fence;
    bool held;
    /* feed.c */
    struct timer *feed;
    char cursor[40];
    bool started, reading, again;
    unsigned refs; /* callbacks under way */
    bool closed;
};

/* hook.c */
bool hooks_op_active(const struct hooks_op *o);
/* A callback that was counted in refs came back; false: the operation is gone, and o with the last. */
bool hooks_op_still(struct hooks_op *o);

/* feed.c */
void feed_start(struct hooks_op *o); /* the lease came, or the document changed */
void feed_wake(struct hooks_op *o);
void feed_tick(void *arg);

/* send.c */
void send_look(struct hook *k); /* is anything due? */
void send_tick(void *arg);
void send_cancel(struct hook *k);

/* say.c: what is told */
bool say_type(const struct store_event *ev, char out[HOOK_TYPE]); /* false: nobody is told of such */
bool say_matches(const struct hook *k, const char *type);
bool say_area(const struct hook *k, const char *area);
void say_id(const struct store_op *op, const struct store_event *ev, char out[HOOK_ID]);
void say_event(const struct store_event *ev, const char *type, struct buf *b);
/* The body: an event as say_event wrote it, the thread as it is now, the text (empty: without). */
void say_body(const struct store_op *op, const struct hook_delivery *d, const struct store_thread *t,
              struct slice text, struct buf *b);
void say_test(const struct store_op *op, const char *hook, struct buf *b);

/* sign.c: "v1,<base64>" for each secret of a blank-separated list; false: none can be read */
bool sign_body(const char *secrets, const char *id, int64_t at_s, struct slice body, struct buf *out);

/* Is the host of the URL one that this installation sends to? (url.c) */
bool url_allowed(const struct hooks *h, const char *url, struct err *e);

#endif
