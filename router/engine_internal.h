/* SPDX-License-Identifier: Apache-2.0
 * The engine's insides, for engine.c and engine_wait.c. */
#ifndef PARLEY_ROUTER_ENGINE_INTERNAL_H
#define PARLEY_ROUTER_ENGINE_INTERNAL_H

#include "gateway/base/map.h"
#include "gateway/base/metric.h"
#include "router/assign.h"
#include "router/engine.h"
#include "router/pace.h"

struct waiting { /* a thread of the view */
    uint64_t version;
    int64_t waiting_ms, closed_ms; /* closed_ms: for which time of being closed it was told */
    bool told, closed;
    char *area;
    uint64_t queue; /* pace.h; 0: it is not open */
};

struct engine {
    struct engine_config cf;
    struct store_lease *lease;
    uint64_t fence;
    bool held;
    struct assign_view *view; /* NULL unless held */
    struct map waiting;       /* thread id → struct waiting */
    struct map offering;      /* thread id → the agent's id: offers whose event has not been heard */
    struct map offered;       /* thread id → uint64_t: the queue from which an open thread was offered */
    struct pace pace;
    struct hours *hours;
    bool drawing; /* the view is not complete: nothing is decided */
    size_t nobody_at;
    json_t *fallback; /* owned; may be NULL */
    unsigned offer_ms;
    int64_t pause_ms;
    struct timer *sweep, *more; /* more: what one turn had no time for */
    int64_t drawn_ms;
    unsigned under_way; /* callbacks that will still come */
    bool freed;
    struct metric *offers, *refused, *decision;
};

/* A callback under way, with what it is about. */
struct asking {
    struct engine *en;
    uint64_t fence; /* of the view for which it was asked */
    struct id thread;
    char agent[64];
    int64_t since_us; /* when this node heard of what is decided upon */
    bool open;        /* nothing is logged of a thread that is not */
};

struct asking *engine_ask(struct engine *en);
/* True when the answer still matters. */
bool engine_answered(struct asking *a, struct engine **en);
struct store *engine_store(const struct engine *en);

/* engine_wait.c: tells those who wait why; what somebody writes to an agent who is away. */
void engine_look(struct engine *en);
void engine_entry(struct engine *en, const struct store_event *ev);

#endif
