/* SPDX-License-Identifier: Apache-2.0
 * What the files of a worker share: worker.c (its life), worker_parts.c (host, webhooks, API), worker_ops.c
 * (its operations). */
#ifndef PARLEY_DAEMON_WORKER_PARTS_H
#define PARLEY_DAEMON_WORKER_PARTS_H

#include "gateway/daemon/worker.h"

struct store_inbound;
struct store_ingested;

/* worker_parts.c: each makes its part in w from the settings; 0, or an ERR_… as a negative number, and e says
 * why. The store is open; the host comes before the API. */
int worker_host(struct worker *w, struct err *e);
int worker_hooks(struct worker *w, struct err *e);
int worker_api(struct worker *w, struct err *e);

/* worker_ops.c, for the host (struct host_router): a message was stored; an address of the staff's wrote
 * (false: it is none, and done is not called). arg is the worker. */
void worker_stored(void *arg, struct store_op *op, const struct store_inbound *in,
                   const struct store_ingested *r);
bool worker_staff(void *arg, struct store_op *op, const char *channel, struct slice address,
                  struct slice text, void (*done)(void *done_arg, bool ok), void *done_arg);
struct slice worker_closed(void *arg, struct store_op *op, const char *channel, const char *language);
/* Lets go of an operation, with all that it has. */
void worker_detach(struct worker_op *o);

#endif
