/* SPDX-License-Identifier: Apache-2.0
 * What the files outbox*.c share. */
#ifndef PARLEY_STORE_OUTBOX_H
#define PARLEY_STORE_OUTBOX_H

#include "store/entry.h"

/* An item that its holder was given and has not ended. */
struct out_under_way {
    struct list node;
    struct id id; /* of its entry: the item's name */
    uint64_t thread, contact;
    uint32_t seq, kid;
    int clearance;
    unsigned char blind[16];
};

struct store_outbox {
    struct list node; /* op->outboxes */
    struct store_op *op;
    char *channel;
    uint64_t fence;
    unsigned window, under_way_n;
    void (*item)(void *arg, const struct store_out_item *i);
    void (*lost)(void *arg);
    void *arg;
    struct list under_way;
    struct timer *next;
    bool opened, taking, more, paused, gone, unsure; /* unsure: an answer to `take` was lost */
    unsigned pending;                                /* calls that still look at this */
    bool closed;
};

struct out_under_way *outbox_find(struct store_outbox *o, const char *item);
void outbox_ended(struct store_outbox *o, struct out_under_way *u);
void outbox_call(struct store_outbox *o, const char *fn, const struct out_under_way *u,
                 const struct store_args *more, store_reply cb, void *arg);
void outbox_release(struct store_outbox *o); /* after a call's answer */
void outbox_fenced(struct store_outbox *o);
/* The operation goes: its outboxes do nothing any more, until they are closed. */
void outbox_orphan(struct store_op *op);
/* An event: something was written for this channel. */
void outbox_wake(struct store_op *op, struct slice channel);
size_t status_id(const struct store_op *op, const char *channel, struct slice external, char out[27]);

#endif
