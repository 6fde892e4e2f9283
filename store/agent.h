/* SPDX-License-Identifier: Apache-2.0
 * Agents of an operation and who holds which thread. Each of these is one function in Redis that checks what
 * it expects in the same step, so that any number of nodes may try. A refused step is ERR_CONFLICT and
 * changes nothing. Reasons for a thread's move become an entry of kind EVENT in it, an event in the stream
 * and a line of the audit, in the same step. */
#ifndef PARLEY_STORE_AGENT_H
#define PARLEY_STORE_AGENT_H

#include "store/thread.h"

enum store_presence { STORE_OFFLINE, STORE_ONLINE, STORE_AWAY, STORE_BREAK };
extern const char *const store_presence_names[];

struct store_agent {
    const char *id, *login;             /* id: the login within the operation, as given */
    const char *name;                   /* shown to colleagues only */
    const char *teams, *areas, *topics; /* blank-separated; topics "*": all; areas "": all of the operation */
    struct {
        char tag[12];
        int level; /* 1-5 */
    } languages[24];
    size_t languages_n;
    int clearance;     /* from the roles */
    const char *roles; /* blank-separated: agent supervisor focal partner administrator auditor */
    unsigned capacity; /* chats at a time */
    bool disabled;
    /* what changes all the time: */
    unsigned load; /* threads held or offered */
    enum store_presence presence;
    int64_t idle_ms; /* since when, Redis's time */
};

/* Creates or replaces the lasting part. */
void store_agent_put(struct store_op *op, const struct store_agent *a, const char *actor, store_done done,
                     void *arg);
/* ERR_NOT_FOUND. */
void store_agent_get(struct store_op *op, const char *id,
                     void (*done)(void *arg, const struct err *e, const struct store_agent *a), void *arg);
void store_agents_get(struct store_op *op,
                      void (*done)(void *arg, const struct err *e, const struct store_agent *const *a,
                                   size_t n),
                      void *arg);
/* A socket of the agent lives: call every 15 s with the same socket id; `presence` is what the agent chose.
 * The last socket's end (or 45 s of silence) makes the agent offline and gives offers back. */
void store_agent_beat(struct store_op *op, const char *id, const char *socket, enum store_presence presence,
                      store_done done, void *arg);
/* This socket has ended. */
void store_agent_leave(struct store_op *op, const char *id, const char *socket, store_done done, void *arg);
/* Marks agents offline whose sockets are silent and returns what was offered to them; called each second by
 * the router's lease holder. */
void store_agents_sweep(struct store_op *op, uint64_t fence, store_done done, void *arg);

/* The router's moves; fence is that of the lease "router". Reasons, outcomes, tags, topics and teams are
 * codes (name_valid), since they stand in clear: ERR_INVALID otherwise. */
void store_offer(struct store_op *op, uint64_t fence, struct id thread, uint64_t version, const char *agent,
                 unsigned offer_ms, store_done done, void *arg);
/* Offers whose time is over go back to the head of their queue; returns how many. */
void store_offers_expire(struct store_op *op, uint64_t fence,
                         void (*done)(void *arg, const struct err *e, unsigned n), void *arg);
/* Everything that waits (at most 100,000), for the router's view. */
void store_waiting_get(struct store_op *op,
                       void (*done)(void *arg, const struct err *e, const struct store_thread *const *t,
                                    size_t n),
                       void *arg);
/* True once per waiting: the caller then tells the person that nobody is there yet. */
void store_nobody_once(struct store_op *op, struct id thread,
                       void (*done)(void *arg, const struct err *e, bool first), void *arg);

/* Agents' and supervisors' moves. actor: agent id or login. All answer with the thread as it is afterwards.
 */
void store_accept(struct store_op *op, struct id thread, const char *agent, store_thread_done done,
                  void *arg);
/* It waits again, and `reason` (a code; may be "") stands in its EVENT entry. */
void store_decline(struct store_op *op, struct id thread, const char *agent, const char *reason,
                   store_thread_done done, void *arg);
/* From any state but resolved; `agent` takes it whatever the load (a person decided). expect_version 0:
 * whatever it is. */
void store_assign(struct store_op *op, struct id thread, uint64_t expect_version, const char *agent,
                  const char *actor, store_thread_done done, void *arg);
struct store_transfer {
    const char *topic, *language, *team, *agent, *area; /* NULL: as it is; agent: straight to them */
    int clearance;     /* -1: as it is; only upwards (it re-encrypts what the thread holds) */
    struct slice note; /* becomes a private note; may be empty */
};
void store_transfer(struct store_op *op, struct id thread, const char *actor, const struct store_transfer *t,
                    store_thread_done done, void *arg);
/* outcome: a code. ERR_GUARDED, its text what is lacking, when no answer has reached the person: guard.h has
 * the same with a reason. */
void store_resolve(struct store_op *op, struct id thread, const char *actor, const char *outcome,
                   store_thread_done done, void *arg);
void store_reopen(struct store_op *op, struct id thread, const char *actor, store_thread_done done,
                  void *arg);
void store_snooze(struct store_op *op, struct id thread, const char *actor, int64_t until_ms,
                  store_thread_done done, void *arg);
/* tag: blank-separated lists. */
void store_tag(struct store_op *op, struct id thread, const char *actor, const char *add, const char *remove,
               store_thread_done done, void *arg);
/* NULL / -1: as it is. A language set here is STORE_SET and stays against guesses. */
void store_thread_patch(struct store_op *op, struct id thread, const char *actor,
                        const struct store_language *lang, const char *topic, int priority,
                        store_thread_done done, void *arg);
/* The assignee has read up to seq. */
void store_thread_read(struct store_op *op, struct id thread, const char *agent, uint64_t seq,
                       store_done done, void *arg);

#endif
