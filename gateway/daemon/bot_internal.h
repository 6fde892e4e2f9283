/* SPDX-License-Identifier: Apache-2.0
 * What the files bot*.c share. */
#ifndef PARLEY_DAEMON_BOT_INTERNAL_H
#define PARLEY_DAEMON_BOT_INTERNAL_H

#include "gateway/base/map.h"
#include "gateway/daemon/bot.h"
#include "router/flow/flow.h"
#include "store/flow.h"

struct bot {
    struct worker *w;
    struct store_op *op;
    json_t *document;       /* topics, channels, fallback, languages */
    struct map flows;       /* id → struct flow */
    struct map jobs;        /* a thread's id → its job */
    const char **languages; /* of document, NULL-terminated */
    struct map chains;      /* language → what is tried next, NULL-terminated */
    struct flow_waker waker;
    bool gone;
};

/* A thread that is looked at. What it read lives in the arena until it looks again. */
struct bot_job {
    struct bot *b;
    struct arena *a;
    struct id thread, contact;
    struct store_firing *firing; /* NULL: an event brought it */
    bool again;                  /* something came meanwhile */
    unsigned rounds;
    /* as read: */
    enum store_state state;
    struct store_language language;
    const char *channel, *area, *name;
    int clearance, priority;
    uint64_t last_seq, version; /* version: the record's; 0: none */
    json_t *rec;                /* its JSON; NULL: none */
    json_t *fields;             /* the contact's, as profile has them */
    /* the step: */
    uint64_t seq; /* of the input; 0: the time is over */
    struct slice text, choice;
    bool other, quiet;
    const char *ends; /* the run ends without a word, for this reason: "unsaid", "agent"; NULL */
    json_t *out;
    size_t said; /* prompts that are written */
};

struct worker_op;
struct worker_op *bot_worker_op(const struct bot *b);

/* bot_step.c: what to do, as store_flow_put takes it; the record's JSON goes to j->rec. */
void bot_world(struct bot_job *j, struct flow_world *w);
const char *bot_flow_of(const struct bot_job *j); /* the flow's id; "" none */
void bot_take(struct bot_job *j, struct flow_put *put, struct buf *json, struct buf *facets);
json_t *bot_says(struct bot_job *j);       /* of j->out, articles put in */
int64_t bot_left(const struct bot_job *j); /* ms until the run's time is over */
bool bot_ended(const struct bot_job *j);
/* An entry of ours that is prompt n of the record's step? */
bool bot_is_prompt(const struct bot_job *j, const struct store_entry *en, size_t n);
size_t bot_prompts(const struct bot_job *j);
/* Prompt n as an entry; text and extra live in the arena. */
void bot_prompt(struct bot_job *j, size_t n, struct store_outbound *out);

#endif
