/* SPDX-License-Identifier: Apache-2.0
 * The guard (functions/guard.lua): a thread or a matter is ended when an answer has reached the person after
 * their last words, or for a recorded reason. It sits in the store's functions, so nothing gets round it.
 * What is refused is ERR_GUARDED; the text of the error are codes of what is lacking, with blanks between:
 * answer_none, answer_pending, answer_failed, answer_undelivered, answer_not_presumed_yet, approval, tries,
 * reason_unknown, uncoded, matters_open; of a matter also referral_open, support, accountability. */
#ifndef PARLEY_STORE_GUARD_H
#define PARLEY_STORE_GUARD_H

#include "store/thread.h"

/* The reasons, and whether a focal point has to approve them; ends with NULL. */
extern const struct guard_reason {
    const char *code;
    bool approved;
} guard_reasons[];

/* What follows from the operation's document; kept in the store, so that every node works with the same. */
struct guard_settings {
    uint64_t version;         /* the document's: an older one changes nothing */
    unsigned presume_hours;   /* sent for so long without failure: it has arrived. 0: 24 */
    unsigned tries, days;     /* "unreachable" needs so many tries on so many days. 0: 3, 2 */
    bool pack;                /* an end needs a code */
    const char *const *tells; /* channels that say when something has arrived */
    size_t tells_n;           /* at most 80; others are learnt from what they tell */
};
void store_guard_set(struct store_op *op, const struct guard_settings *s);

struct guard_look {
    const char *known;  /* "read", "delivered", "presumed", "reason"; "" not */
    const char *lacks;  /* blank-separated; "": nothing is */
    const char *unsafe; /* of a thread: channels by which it is not safe to reach them */
    int64_t due_ms;     /* when what was sent is presumed to have arrived; 0 */
    unsigned tries, days, tries_needed, days_needed;
};
/* What an end for this reason ("": an answer has arrived) lacks now. */
void store_guard_look(struct store_op *op, struct id thread, const char *reason,
                      void (*done)(void *arg, const struct err *e, const struct guard_look *g), void *arg);

/* As store_resolve. A reason that a focal point has to approve is noted and the thread stays as it is
 * (store_thread.ending). */
void store_resolve_for(struct store_op *op, struct id thread, const char *actor, const char *outcome,
                       const char *reason, store_thread_done done, void *arg);
/* A focal point's word on it; ERR_FORBIDDEN for who is none and for who asked for it; ERR_CONFLICT when
 * nothing waits; ERR_GUARDED "approval" when the person has written since. */
void store_end_approve(struct store_op *op, struct id thread, const char *actor, bool yes,
                       store_thread_done done, void *arg);
/* Threads whose end waits for a focal point, longest first, at most 200. Rights are the caller's matter. */
void store_ends(struct store_op *op,
                void (*done)(void *arg, const struct err *e, const struct store_thread *const *t, size_t n),
                void *arg);
/* Somebody tried to reach the person on a channel (a code: "phone" too) and could not: code says why.
 * ERR_FORBIDDEN when that is not safe. */
void store_guard_try(struct store_op *op, struct id thread, const char *actor, const char *channel,
                     const char *code, store_thread_done done, void *arg);
/* How it is not safe to reach the person: channels with blanks between, or "*" for none is; "": all are.
 * Nothing is sent that way. */
void store_contact_safety(struct store_op *op, struct id contact, const char *actor, const char *words,
                          store_done done, void *arg);
/* Must a person of whom these words are kept (store_contact.unsafe) not be reached on this channel? Pure. */
bool store_unsafe_on(const char *words, struct slice channel);

#endif
