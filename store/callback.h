/* SPDX-License-Identifier: Apache-2.0
 * "Call or write me back": a record of kind "callback" for each thread, with what is to be done and when. It
 * waits until its time comes, is due, is taken, and ends as done, dropped or expired; whoever did not answer
 * is tried again. Each step is an EVENT entry of the thread.
 *
 * Safe contact: on a channel on which a person must not be reached (store_contact.unsafe, guard.h) nobody can
 * ask for one, in whoever's name; one that was asked for before is dropped when its time comes or nobody
 * answered, and cannot be taken. Besides, a contact's profile may hold what they wish, "safe":
 * {"words":"not when the children are home","from":"18:00","to":"20:00"}: an agent can't ask for a call-back
 * outside these local times, nor where the thread is above open: only the person can. */
#ifndef PARLEY_STORE_CALLBACK_H
#define PARLEY_STORE_CALLBACK_H

#include "gateway/base/json.h"
#include "store/record.h"

#define CALLBACK_TRIES    3       /* then it expires */
#define CALLBACK_AGAIN_MS 3600000 /* after nobody answered, unless the agent says */
#define CALLBACK_DAYS     7       /* it is open, unless its end is given */
#define CALLBACK_ENDED    1       /* score of those that ended; open ones have their time */
#define CALLBACK_NOTE     2000
#define CALLBACK_WISH     500

enum callback_state {
    CALLBACK_WAITING,
    CALLBACK_DUE,
    CALLBACK_TAKEN,
    CALLBACK_DONE,
    CALLBACK_DROPPED,
    CALLBACK_EXPIRED
};
extern const char *const callback_states[]; /* "waiting", "due", …, NULL */

struct callback_ask {
    struct id thread;
    bool by_person; /* they said so themselves, or an agent heard it from them */
    const char *actor;
    int64_t from_ms, to_ms; /* 0: now, and in a week */
    int32_t offset_s;       /* of the area's local time, for safe times */
    struct slice channel;   /* by which to reach them; empty: whatever there is */
    struct slice address, note;
};
typedef void (*callback_done)(void *arg, const struct err *e, struct id thread);
/* ERR_CONFLICT: there is one already that is open; ERR_FORBIDDEN: not safe, against their wish, or above open
 * and not asked by the person; ERR_INVALID: times that make no sense. */
void store_callback_ask(struct store_op *op, const struct callback_ask *a, callback_done done, void *arg);

struct callback_act {
    struct id thread;
    uint64_t version;
    enum callback_state to; /* TAKEN, DONE, DROPPED; WAITING: nobody answered */
    const char *agent;
    int64_t again_ms; /* of nobody answered; 0: in an hour */
};
/* ERR_CONFLICT: it has changed meanwhile, or that can't follow; ERR_NOT_FOUND. */
void store_callback_act(struct store_op *op, const struct callback_act *a, callback_done done, void *arg);
/* Timers of call-backs; on every node, once for each operation. */
void store_callback_timers(struct store_op *op);

/* Is this local minute of the day (-1: any) one that they wish? safe: the profile's member, may be NULL.
 * Pure. */
bool callback_wished(const json_t *safe, int minute);
/* Is that such a member? */
bool callback_wish_valid(const json_t *safe);

#endif
