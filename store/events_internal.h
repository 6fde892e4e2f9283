/* SPDX-License-Identifier: Apache-2.0
 * What the files events*.c share. */
#ifndef PARLEY_STORE_EVENTS_INTERNAL_H
#define PARLEY_STORE_EVENTS_INTERNAL_H

#include "store/events.h"
#include "store/state.h"
#include <string.h>

struct store_listener {
    struct list node;
    struct store_op *op;
    void (*event)(void *arg, const struct store_event *ev);
    void *arg;
    bool gone; /* freed after the round that is going on */
};

struct signal_listener {
    struct list node;
    void (*signal)(void *arg, const struct store_signal *s);
    void *arg;
};

/* Of one operation. */
struct events {
    char last[40];   /* the stream's id that was read last; "" not known yet */
    bool sure;       /* `last` may be read on from: nothing in between was lost */
    bool asking;     /* that is being found out */
    bool loading;    /* the document is being loaded anew: nothing is read until it is there */
    bool subscribed; /* to signals */
    unsigned dispatching;
    struct list listeners, signals;
};

/* A stream's id as text. */
static inline void events_id(char out[40], struct slice id)
{
    size_t n = id.n < 36 ? id.n : 36;
    if (n)
        memcpy(out, id.p, n);
    out[n] = '\0';
}

struct events *events_of(struct store_op *op);
void events_free(struct events **ev);
/* One record of the stream as one or two events; what they point to lives in a. Returns how many. */
size_t events_parse(const struct store_op *op, const struct redis_reply *record, struct arena *a,
                    struct store_event out[2]);
/* To caches and listeners. ev NULL: some were missed. */
void events_dispatch(struct store_op *op, const struct store_event *ev, bool ours);
/* Was it made by this node? */
bool events_ours(const struct store_op *op, const struct redis_reply *record);
void events_signal(struct store_op *op, struct slice message);

#endif
