/* SPDX-License-Identifier: Apache-2.0
 * Who takes which thread. A view of what waits and who is there, kept up to date by the engine, and pure
 * decisions over it; the engine carries them out in the store, which has the last word. README.md tells the
 * rules and why. */
#ifndef PARLEY_ROUTER_ASSIGN_H
#define PARLEY_ROUTER_ASSIGN_H

#include "gateway/base/buf.h"

enum assign_medium { ASSIGN_CHAT, ASSIGN_CALL, ASSIGN_MEDIA };

enum { ASSIGN_LOW, ASSIGN_NORMAL, ASSIGN_HIGH, ASSIGN_EMERGENCY }; /* priorities */

#define ASSIGN_LANGUAGES_MAX 24
#define ASSIGN_CHAIN_MAX     7 /* languages after the first in a fallback chain */

struct assign_language {
    char tag[12];
    int level; /* 1-5 */
};

/* Strings are copied. Lists are blank-separated. */
struct assign_agent {
    const char *id;
    const char
        *areas; /* "tr" serves "tr" and "tr/izmir"; "": every area. A thread without area is theirs alone */
    const char *topics; /* "*": all */
    const char *teams;
    const struct assign_language *languages;
    size_t languages_n;
    int clearance;
    unsigned capacity[ASSIGN_MEDIA], load[ASSIGN_MEDIA]; /* load: held or offered */
    bool present;
    int64_t idle_ms; /* since when the agent got nothing new */
};

struct assign_thread {
    const char *id;
    const char *language;    /* "": unknown; then any language will do */
    const char *topic;       /* "": none; then any agent will do */
    const char *area, *team; /* "": any */
    int clearance, priority;
    enum assign_medium medium;
    int64_t waiting_ms; /* since when */
    const char *last_agent;
    bool not_last; /* a complaint, or the person asks for somebody else: never the last agent */
    /* Agents who declined it or let the offer pass: only when nobody else is there. "amal:1700000000000": and
     * not before then. */
    const char *avoid;
};

struct assign_options {
    int64_t widen_ms; /* 0: 60 s. After each, a thread may go one step further from what it wants */
    int64_t
        head_start_ms; /* 0: 10 min. High priority counts as having waited so much longer, low so much less */
};

struct assign_view;
struct assign_view *assign_view_new(const struct assign_options *o); /* NULL: the defaults */
void assign_view_free(struct assign_view *v);                        /* NULL is fine */
/* The languages to try after `language`, best first. Without one: prs falls back to fa and fa to prs. */
void assign_view_chain(struct assign_view *v, const char *language, const char *const *then, size_t n);
/* Creates or replaces by id. */
void assign_view_agent_set(struct assign_view *v, const struct assign_agent *a);
void assign_view_agent_remove(struct assign_view *v, const char *id);
/* A cheaper set for what changes all the time. False: no such agent. */
bool assign_view_agent_state(struct assign_view *v, const char *id, bool present,
                             const unsigned load[ASSIGN_MEDIA], int64_t idle_ms);
/* One thread more (or less) is held by or offered to the agent; the thread leaves the view by _thread_remove.
 */
void assign_view_agent_load(struct assign_view *v, const char *id, enum assign_medium m, int change);
/* What the store says: so many, and since when the agent got nothing new. False: no such agent. */
bool assign_view_agent_load_is(struct assign_view *v, const char *id, enum assign_medium m, unsigned load,
                               int64_t idle_ms);
void assign_view_thread_set(struct assign_view *v, const struct assign_thread *t);
void assign_view_thread_remove(struct assign_view *v, const char *id);
size_t assign_view_threads(const struct assign_view *v);
size_t assign_view_agents(const struct assign_view *v);

struct assign_choice {
    const char *agent, *thread; /* live until the view changes; NULL when there is nothing to do */
    unsigned tier;              /* 0: the thread's language, 1: its first fallback, … */
    bool lacks_topic, avoided, last;
    int level;
};
/* The agent for a thread of the view, among those present with room. False: nobody, for now. */
bool assign_best_agent(const struct assign_view *v, const char *thread, int64_t now_ms,
                       struct assign_choice *out);
/* The thread for an agent who has room. */
bool assign_best_thread(const struct assign_view *v, const char *agent, int64_t now_ms,
                        struct assign_choice *out);
/* The first thread, in the order in which they are served, that has an agent. For the sweep: offer it, change
 * the view, ask again. */
bool assign_next(const struct assign_view *v, int64_t now_ms, struct assign_choice *out);
/* Is anybody present who could ever take the thread, with room or without? If not, the person is told. */
bool assign_anybody(const struct assign_view *v, const char *thread);
/* Is this agent there? */
bool assign_present(const struct assign_view *v, const char *agent);

/* The thread's place among those that wait in its language and area, from 1 on, in the order in which they
 * are served. Only among what is open: more would tell of sealed threads. 0: it does not wait, or is not open
 * itself. */
unsigned assign_place(const struct assign_view *v, const char *thread);

#endif
