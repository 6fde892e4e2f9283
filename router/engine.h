/* SPDX-License-Identifier: Apache-2.0
 * Assigning, at work: on the node that holds the operation's lease "router", keeps the view of assign.h
 * current from the store's events, and carries its decisions out. Every node runs one for each operation;
 * only the holder of the lease acts. */
#ifndef PARLEY_ROUTER_ENGINE_H
#define PARLEY_ROUTER_ENGINE_H

#include "gateway/base/json.h"
#include "gateway/net/loop.h"
#include "router/hours.h"
#include "store/agent.h"
#include "store/events.h"

struct engine;
struct engine_config {
    struct loop *loop;
    struct store_op *op;
    /* Nobody is there for this thread; called once for each time it waits. */
    void (*nobody)(void *arg, struct store_op *op, const struct store_thread *t);
    /* The office is closed for this thread, which waits, or whose agent is away; since_ms: since when (0: for
     * long). Called at least once for each such time: the caller sees to it that it is said once. */
    void (*away)(void *arg, struct store_op *op, const struct store_thread *t, int64_t since_ms);
    void *arg;
};

struct engine *engine_new(const struct engine_config *cf);
void engine_free(struct engine **en);
/* The operation's document changed: fallback chains, how long an offer lasts (offer_ms unless the document
 * says), and for how long a thread is kept from who declined it. */
void engine_configure(struct engine *en, const json_t *document, unsigned offer_ms);
/* Does this node decide? */
bool engine_held(const struct engine *en);
/* The operation's hours; never NULL once it is configured. */
struct hours *engine_hours(struct engine *en);
/* The place of a thread among those that wait (assign_place), and the minutes until it is taken, 0 when
 * nobody can say. False: it does not wait, or this node does not know, since another decides. */
struct engine_place {
    unsigned place, minutes;
};
bool engine_place(struct engine *en, const char *thread, struct engine_place *out);
/* Every event of the operation, in order; NULL: some were missed. */
void engine_event(struct engine *en, const struct store_event *ev);

#endif
