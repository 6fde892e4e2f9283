/* SPDX-License-Identifier: Apache-2.0
 * What dispatch.c (fetching, in order) and tell.c (frames) share. */
#ifndef PARLEY_API_DISPATCH_H
#define PARLEY_API_DISPATCH_H

#include "gateway/api/records.h"

struct job {
    struct list node; /* in api_op.jobs */
    struct api_op *o;
    struct arena *arena;
    struct store_event ev; /* strings in arena */
    struct store_thread t; /* likewise */
    struct slice what;     /* the Thread, Entry or Agent as JSON */
    struct store_agent agent;
    const struct record_row *row; /* RECORD */
    struct store_record record;   /* strings in arena; when have_record */
    struct agent_socket *only;    /* a replay; NULL: all that are live */
    bool have_thread, have_agent, have_record, ready;
    bool failed; /* the store could not tell: nobody has heard it */
    enum store_status status;
    unsigned attempt;
    struct slice error;
    void (*told)(void *arg);
    void *arg;
};

/* What the row of its kind sees of it. */
static inline struct record_news job_news(const struct job *j)
{
    return (struct record_news){j->o, &j->ev, j->have_record ? &j->record : NULL};
}

void tell_socket(struct job *j, struct agent_socket *s);

#endif
