/* SPDX-License-Identifier: Apache-2.0
 * What act.c (moves of a thread) and act_write.c (messages and notes) share. */
#ifndef PARLEY_API_ACT_H
#define PARLEY_API_ACT_H

#include "gateway/api/api_internal.h"

struct act {
    struct api_op *o;
    struct caller by;
    const struct act_verb *verb;
    struct id thread;
    json_t *body;
    struct store_thread t; /* strings live in arena */
    unsigned rights;
    struct arena *arena;
    act_done done;
    void *arg;
    /* a message: */
    json_t *extra, *attachments;
    size_t claimed;
    int status;
    /* a change of a message: */
    enum store_kind change;
    struct id target;
    const char *channel; /* its */
    bool pull;
    uint64_t looked; /* the last entry that was looked at for a deletion of it */
};

struct act_verb {
    const char *name;
    unsigned right;             /* what it needs */
    const char *const *members; /* of its body, beside type, ref and thread */
    void (*run)(struct act *a);
};

void act_send(struct act *a);
void act_note(struct act *a);
void act_retry(struct act *a);
void act_edit(struct act *a);
void act_deletion(struct act *a);
void act_reaction(struct act *a);

#define TEXT_MAX 65536 /* of a message or a note */
bool act_take_ref(struct act *a);
/* The entry with a->body's text or emoji, a->extra and a->target; ends it. */
void act_write(struct act *a, enum store_kind kind, const char *channel, struct slice address, bool pull);

/* Ends it. */
void act_end(struct act *a, const struct err *e, const char *kind, struct slice json);
void act_refuse(struct act *a, enum err_code code, const char *text);
/* Ends it with the entry, read back as it is now. */
void act_end_entry(struct act *a, uint64_t seq);

#endif
