/* SPDX-License-Identifier: Apache-2.0
 * Sending: the box of a channel and the messages that are under way in it. */
#ifndef PARLEY_HOST_OUT_H
#define PARLEY_HOST_OUT_H

#include "gateway/host/host_internal.h"

enum out_state {
    OUT_LOOKING,   /* for what it answers */
    OUT_WAITING,   /* for its turn: rate, breaker */
    OUT_BEGINNING, /* "begun" is being written */
    OUT_SENDING,   /* the connector has it */
    OUT_NOTING,    /* a part is done: being written */
    OUT_ENDING,    /* its result is being written */
};

struct out_part {
    struct slice text;
    size_t file, files; /* first, how many */
};

struct trial;

struct out {             /* one message */
    struct list link;    /* in box.outs */
    struct out_box *box; /* NULL: the lease was lost meanwhile */
    struct arena *a;
    enum out_state state;
    char *item, *entry;
    struct id thread;
    uint64_t seq;
    int clearance, priority; /* priority: 0 emergency, 1 reply, 2 bulk */
    enum store_kind kind;
    int64_t time_ms;
    unsigned tries;
    bool begun, moved;
    bool owed;   /* a call to the store is under way for it: its callback frees it */
    bool inside; /* `send` has it just now */
    bool early;  /* and has ended it from inside, which it may not */
    struct slice to, text, target, reply_to;
    char *language;
    struct connector_file *files;
    struct slice *attachments; /* of each file, with its key */
    size_t files_n;
    struct connector_choice *choices;
    size_t choices_n;
    struct connector_location *location;
    struct out_part *parts;
    size_t parts_n, part;
    struct slice targets[32]; /* DELETION, EDIT: every id that the provider gave what is changed */
    size_t targets_n;
    struct slice ids[32]; /* that the provider gave, of all parts */
    size_t ids_n;
    struct id about;       /* the entry that it answers or changes, to be looked up; s[0] 0 */
    struct slice progress; /* as the store gave it */
    connector_token token;
    struct timer *timer;            /* gives up waiting, or asks again */
    int64_t not_before;             /* the recipient's rate, on the loop's clock */
    struct store_out_result result; /* written again until it is on disk */
};

struct connector_token {
    struct list link;    /* in box.tokens */
    struct out *o;       /* NULL: nobody waits for it any more */
    struct trial *trial; /* trial.c: it belongs to a test instead; NULL */
};

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF };

struct out_box {
    struct channel *ch;
    struct store_lease *lease;
    struct store_outbox *outbox; /* NULL: another node sends */
    struct list outs, tokens;
    struct bucket rate;
    struct map recipients; /* address -> struct bucket */
    struct timer *pump, *probe;
    unsigned sending;
    enum breaker breaker;
    unsigned failures, opens;
    int64_t open_until, hold_until; /* on the loop's clock */
    bool auth, closing;
    char why[128];
};

/* plan.c: what an entry is on this channel. NULL, or why it can't be sent (code then text, "unsupported: …").
 */
const char *plan_read(struct channel *ch, struct out *o, const struct store_out_item *i);
const char *plan_parts(struct channel *ch, struct out *o);
void plan_progress(struct out *o, struct slice json); /* what was done before */
struct slice plan_note(const struct out *o, struct arena *a);
/* The longest prefix of at most max units, at a grapheme border. */
size_t plan_cut(struct slice text, uint32_t max, enum connector_unit unit);
size_t plan_units(struct slice text, enum connector_unit unit);

/* send.c */
void box_pump(struct out_box *b);
void out_free(struct out *o);
void out_token_drop(struct out *o);

/* outcome.c */
void outcome_take(struct out *o, const struct connector_result *r);
void outcome_failed(struct out *o, const char *code, const char *text);
void outcome_unknown(struct out *o, const char *text);
void outcome_again(struct out *o, uint32_t after_ms);
void outcome_probe(void *box); /* the breaker's timer */

#endif
