/* SPDX-License-Identifier: Apache-2.0
 * What the router makes of a message that comes in: language, topic, clearance, priority, area, search words.
 * Fills for the connector host what depends on the text and on who writes. */
#ifndef PARLEY_DAEMON_DECIDE_H
#define PARLEY_DAEMON_DECIDE_H

#include "gateway/base/json.h"
#include "gateway/host/host.h"

struct decide;
struct decide *decide_new(const char *model_file, struct err *e);
void decide_free(struct decide **d);
/* The operation's languages and topics, as its document says. */
void decide_operation(struct decide *d, struct store_op *op, const json_t *document);
void decide_operation_gone(struct decide *d, struct store_op *op);
/* host_router.decide */
void decide_message(struct decide *d, struct store_op *op, const struct host_said *said,
                    const struct store_known *known, struct store_inbound *in, struct arena *a);

/* The category of a word of alarm in it; "" when there is none. Lives as long as the operation's document. */
const char *decide_alarm(struct decide *d, struct store_op *op, struct slice text);

#endif
