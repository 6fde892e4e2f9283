/* SPDX-License-Identifier: Apache-2.0
 * Red alerts of one operation on this node: the ladder is driven by the store's timers, so on one node at a
 * time and on another when it dies; notices go to those on duty by all their ways at once. */
#ifndef PARLEY_DAEMON_ALERTS_H
#define PARLEY_DAEMON_ALERTS_H

#include "gateway/base/json.h"
#include "store/alert.h"

struct worker;
struct alerts;

struct alerts *alerts_new(struct worker *w, struct store_op *op);
void alerts_configure(struct alerts *a, const json_t *document);
void alerts_free(struct alerts **a);

/* A definite alert by something that runs here (a flow): the times are the document's, a category that there
 * is not becomes "other", and the person is told the emergency number. done may be NULL. */
void alerts_raise(struct alerts *a, struct id thread, const char *category, const char *how,
                  const char *actor, store_done done, void *arg);
/* Is it one that may be raised? */
bool alerts_category(const struct alerts *a, const char *id);
/* A drill: nobody's thread. done: the code. */
void alerts_drill(struct alerts *a, const char *category, const char *area, const char *actor,
                  void (*done)(void *arg, const struct err *e, const struct alert_raised *r), void *arg);

/* host_router.staff: somebody on duty answers from their own address with the code. */
bool alerts_reply(struct alerts *a, const char *channel, struct slice address, struct slice text,
                  void (*done)(void *done_arg, bool ok), void *done_arg);

#endif
