/* SPDX-License-Identifier: Apache-2.0
 * Runs of flows: a record of the kind "run" for each thread in state bot, its id the thread's. A step is one
 * call: the record (compare-and-set), the language that was chosen and, at the end, the move to those who
 * wait, sealed where that is wanted. Whoever else takes a thread out of the bot ends its run. */
#ifndef PARLEY_STORE_FLOW_H
#define PARLEY_STORE_FLOW_H

#include "store/record.h"

struct flow_put {
    struct id thread, contact;
    uint64_t expect; /* the record's version that is there; 0: none */
    struct slice json;
    const char *facets;
    int clearance;        /* the thread's, as it was read */
    const char *language; /* the person chose it; "" */
    /* The end: "" it goes on. Else why, and where to. */
    const char *why, *topic; /* topic "": as it is */
    int to_clearance, priority;
    bool no_last_agent;
};

/* ERR_CONFLICT: another step was faster, or a person has the thread; ERR_AGAIN: the thread has changed. */
void store_flow_put(struct store_op *op, const struct flow_put *p,
                    void (*done)(void *arg, const struct err *e, uint64_t version), void *arg);
/* The prompts of that version are written: the bot wants the thread back after so many ms; ended: the run is
 * over and its record goes. done may be NULL. */
void store_flow_said(struct store_op *op, struct id thread, uint64_t version, bool ended, int64_t ms,
                     store_done done, void *arg);
/* wake: a thread that may need the bot; on one node at a time, over restarts. store_timer_finished must be
 * called. It is the caller's and lives as long as the operation is open. */
struct flow_waker {
    struct store_op *op;
    void (*wake)(void *arg, struct id thread, struct store_firing *f);
    void *arg;
};
void store_flow_wake(struct flow_waker *w);

#endif
