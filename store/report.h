/* SPDX-License-Identifier: Apache-2.0
 * Facts for reports: of each thread one line of codes and times, kept by day (functions/report.lua). A line
 * is what the thread is, a second later at most; it outlives the thread, since it names nobody. */
#ifndef PARLEY_STORE_REPORT_H
#define PARLEY_STORE_REPORT_H

#include "store/thread.h"

#define STORE_FACT_DAYS 1100 /* lines of threads that were opened before are dropped */
#define STORE_FACT_NONE (-1) /* of a time: it did not happen */

struct store_fact {
    int64_t opened_ms;
    /* ms after it was opened: when it began to wait for a person (0 at once), was taken, was answered, was
     * resolved (as it is resolved now) */
    int64_t since_ms, accepted_ms, replied_ms, resolved_ms;
    enum store_state state;
    int clearance, priority;
    bool guessed;                         /* its language is */
    unsigned transfers, reopened, missed; /* missed: offers that were declined or ran out */
    struct slice language, topic, area, channel, outcome, team; /* empty: none */
    struct slice matters; /* "type subject outcome", ';' between them; empty: none */
};

/* Every thread that was opened in [from, to), in no order. done with code 0: that was all. Facts live during
 * the call. */
void store_facts_get(struct store_op *op, int64_t from_ms, int64_t to_ms,
                     void (*fact)(void *arg, const struct store_fact *f), store_done done, void *arg);

/* A line as it is kept; false: it is none. For store_facts_get and the fuzzer. */
bool store_fact_parse(struct slice line, struct store_fact *f);

#endif
