/* SPDX-License-Identifier: Apache-2.0
 * Red alerts for agents' pages and integrators: REST, the frame on the socket. */
#ifndef PARLEY_API_ALERTS_H
#define PARLEY_API_ALERTS_H

#include "gateway/api/records.h"
#include "router/alert.h"
#include "store/alert.h"

extern const struct record_row alert_row;
extern const struct call_route alert_routes[];

/* The ladder of the operation's document, current; never NULL. */
const struct alert_ladder *alerts_ladder(struct api_op *o);
void alerts_view_free(struct api_op *o);

/* alerts_view.c */
unsigned alerts_rights(struct api_op *o, const struct who *w, const struct store_alert *a);
/* Does the page of this agent ring for it? */
bool alerts_rings(struct api_op *o, const struct who *w, const struct store_alert *a);
/* The members of an Alert, without its braces. */
void alerts_json(struct buf *b, struct api_op *o, const struct who *w, const struct store_alert *a);
bool alerts_view_category(struct api_op *o, const char *id); /* one that there is */
void alerts_settings(struct call *c);
/* alerts_figures.c */
void alerts_figures(struct call *c);

#endif
