/* SPDX-License-Identifier: Apache-2.0
 * What the API's administration asks: gateway/api/admin.h over apply, texts, connectors and settings. */
#ifndef PARLEY_DAEMON_OFFICE_H
#define PARLEY_DAEMON_OFFICE_H

#include "gateway/api/admin.h"

struct worker;
struct api_admin office_admin(struct worker *w);

/* Appends {"id","state":"done|missing","detail"} of what must be there before the doors open,
 * comma-separated.
 */
void office_checklist(void *worker, struct store_op *op, struct buf *out);
/* A backup was just written. */
void office_backup_made(const struct worker *w);

#endif
