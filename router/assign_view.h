/* SPDX-License-Identifier: Apache-2.0
 * The view's insides: names as numbers, agents by the languages they speak, threads in groups whose members
 * want the same, oldest first. Only assign*.c include this. */
#ifndef PARLEY_ROUTER_ASSIGN_VIEW_H
#define PARLEY_ROUTER_ASSIGN_VIEW_H

#include "router/assign.h"
#include "gateway/base/map.h"
#include <string.h>

#define ASSIGN_TAGS 128 /* different languages in a view; 0 is "unknown" */

/* Names get numbers, from 1 on; 0 is the empty name. */
struct names {
    struct map map;
    uint32_t n;
    uint32_t *up; /* of areas: the one above, 0 at the top */
};

struct bits {
    uint64_t *w;
    uint32_t n; /* words */
};

struct pointers {
    void **p;
    uint32_t n, cap;
};

struct agent {
    char *id;
    uint32_t name, at; /* at: in view.agents */
    struct bits areas, topics, teams;
    bool all_areas, all_topics, present;
    int clearance;
    unsigned capacity[ASSIGN_MEDIA], load[ASSIGN_MEDIA];
    int64_t idle_ms;
    unsigned languages_n;
    unsigned char
        languages[ASSIGN_LANGUAGES_MAX]; /* numbers; always with 0 at the end, for threads without one */
    unsigned char level[ASSIGN_TAGS];
};

struct avoided {
    uint32_t agent;
    int64_t until_ms; /* before, it is not offered to the agent at all */
};

struct thread {
    char *id;
    struct group *group;
    int64_t waiting_ms;
    uint32_t last;
    bool not_last;
    struct avoided *avoid;
    uint32_t avoid_n;
};

struct group_key {
    uint32_t language, topic, area, team;
    int32_t clearance, priority, medium;
};

struct group {
    struct group_key key;
    uint32_t at;             /* in view.queues[language] */
    struct pointers threads; /* by waiting_ms, id */
    uint32_t special;        /* how many of them rule some agent out */
    uint64_t epoch;          /* for which `nearest` holds */
    unsigned nearest;
};

struct assign_view {
    struct assign_options options;
    struct names languages, topics, areas, teams, people;
    struct map agents_by_id, threads_by_id, groups;
    struct pointers agents, speakers[ASSIGN_TAGS], queues[ASSIGN_TAGS];
    uint32_t present_speakers[ASSIGN_TAGS];
    unsigned char chain[ASSIGN_TAGS][ASSIGN_CHAIN_MAX + 1], chain_n[ASSIGN_TAGS];
    uint64_t epoch;      /* grows when who is there, or what they can do, changes */
    int64_t latest_idle; /* for those who just got something */
};

static inline bool bits_has(const struct bits *b, uint32_t i)
{
    return i / 64 < b->n && b->w[i / 64] >> (i % 64) & 1;
}

static inline struct group *group_at(const struct pointers *p, uint32_t i)
{
    return p->p[i];
}
static inline struct agent *agent_at(const struct pointers *p, uint32_t i)
{
    return p->p[i];
}
static inline struct thread *thread_at(const struct pointers *p, uint32_t i)
{
    return p->p[i];
}

/* The order in which a group's threads are served. */
static inline bool thread_before(const struct thread *a, const struct thread *b)
{
    if (a->waiting_ms != b->waiting_ms)
        return a->waiting_ms < b->waiting_ms;
    return strcmp(a->id, b->id) < 0;
}

static inline bool agent_has_room(const struct agent *a, int medium)
{
    return a->present && a->load[medium] < a->capacity[medium];
}

#endif
