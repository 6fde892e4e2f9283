/* SPDX-License-Identifier: Apache-2.0
 * The bot in the first seat: runs the flows (router/flow) of channels that have one, until a person takes
 * over. Every worker listens; whose step is stored first has taken it. */
#ifndef PARLEY_DAEMON_BOT_H
#define PARLEY_DAEMON_BOT_H

#include "gateway/base/json.h"
#include "store/events.h"

struct worker;
struct bot; /* of one operation on one worker */

struct bot *bot_new(struct worker *w, struct store_op *op);
void bot_free(struct bot **b);
void bot_configure(struct bot *b, const json_t *document);
void bot_event(struct bot *b, const struct store_event *ev);

/* api_admin.flow_try; ctx: the worker. */
json_t *bot_try(void *ctx, struct store_op *op, const json_t *container, const json_t *body, struct err *e);

#endif
