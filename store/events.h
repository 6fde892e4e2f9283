/* SPDX-License-Identifier: Apache-2.0
 * The events stream: what changed, in order, on every node; kept 24 hours. Ids, times and states only: what
 * people wrote is read from the thread, by those who may. */
#ifndef PARLEY_STORE_EVENTS_H
#define PARLEY_STORE_EVENTS_H

#include "store/thread.h"

enum store_event_kind {
    STORE_EV_ENTRY,         /* an entry was added: thread, seq, entry */
    STORE_EV_ENTRY_STATUS,  /* thread, seq, entry, status, attempt */
    STORE_EV_ENTRY_CHANGED, /* media fetched, erased */
    STORE_EV_THREAD,        /* state, assignee, language, topic, tags… changed: why says what */
    STORE_EV_CONTACT,       /* profile, addresses, erased */
    STORE_EV_AGENT,         /* presence, load, skills */
    STORE_EV_CONFIG,        /* the operation's document */
    STORE_EV_KEYS,          /* a key was destroyed or rotated: caches drop it */
    STORE_EV_USER,          /* a user was disabled or changed: sockets close */
    STORE_EV_RECORD,        /* a record (record.h) was put or deleted: record */
};

struct store_event {
    char id[40]; /* of the stream; "" for what is not kept (typing) */
    enum store_event_kind kind;
    struct id thread, contact, entry;
    uint64_t seq;
    /* THREAD: "opened", "offered", "accepted", "declined", "expired", "assigned", "transferred", "resolved",
     * "reopened", "snoozed", "language", "topic", "priority", "tag", "read"; AGENT: "presence",
     * "load", "skills"; CONTACT: "addresses", "profile", "erased"; KEYS: "destroyed"; USER: "token" when a
     * token ended; "" */
    const char *why;
    const char *agent;  /* AGENT: whose; THREAD: the assignee after the change; "" */
    const char *before; /* THREAD: the assignee before the change; "" */
    const char *actor;  /* who did it: agent id, "person", "router", "system", an administrator's login */
    const char *channel;
    enum store_kind entry_kind;
    bool inbound;
    enum store_status status;
    unsigned attempt;
    enum store_state state;
    int clearance;
    const char *area;
    /* THREAD "opened" by somebody's message: what assigning and counting look at (id, contact, state,
       language, topic, area, last agent, priority, clearance, times, version), so that nobody has to read it.
       Else NULL. Lives as long as the event. */
    const struct store_thread *opened;
    /* RECORD: of what; its version is in seq, its clearance in clearance, its contact in contact. */
    struct {
        const char *kind, *id, *group, *facets; /* NULL but for RECORD */
    } record;
};

struct store_listener;
/* From now on, every event of the operation, in order. NULL event: some were missed (the connection to Redis
 * was away too long): load anew. */
struct store_listener *store_listen(struct store_op *op,
                                    void (*event)(void *arg, const struct store_event *ev), void *arg);
void store_unlisten(struct store_listener **l);
/* The id of the newest event ("0-0": none). */
void store_events_last(struct store_op *op, store_text_done done, void *arg);
/* Those after `after`, at most limit (1,000), oldest first. ERR_NOT_FOUND: `after` was trimmed or never was:
 * load anew. */
void store_events_after(struct store_op *op, const char *after, unsigned limit,
                        void (*done)(void *arg, const struct err *e, const struct store_event *ev, size_t n),
                        void *arg);

/* Not stored: to all nodes at once (pub/sub). what: "typing"; by the person (agent "") or an agent. */
struct store_signal {
    const char *what; /* "typing", "read" */
    struct id thread;
    const char *agent; /* "" the person */
    const char *channel;
    uint64_t seq;
    bool on;
};
void store_signal_send(struct store_op *op, const struct store_signal *s);
void store_signal_listen(struct store_op *op, void (*signal)(void *arg, const struct store_signal *s),
                         void *arg);

#endif
