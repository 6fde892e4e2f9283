/* SPDX-License-Identifier: Apache-2.0
 * What the files share that a REST call passes on its way: routes.c (the tables), route.c (who, body, query),
 * idem.c (Idempotency-Key), answer.c. */
#ifndef PARLEY_API_ROUTE_H
#define PARLEY_API_ROUTE_H

#include "gateway/api/api_internal.h"

/* routes.c: splits "/api/v1/ops/demo/threads" into operation and rest; *global: there is no operation in it.
 */
bool route_split(struct slice path, struct slice *op, struct slice *rest, bool *global);
/* The route, or NULL; *known tells whether the path exists with another method. args: what stands for {}. */
const struct call_route *route_find(bool global, enum http_method m, struct slice path,
                                    struct slice args[CALL_ARGS], bool *known);
/* May a query of that route name it? */
bool route_takes(const struct call_route *r, struct slice query_name);

/* idem.c: runs the call, unless its key was used: then it is answered as the first one was. */
void idem_claim(struct call *c);
/* Answers, and keeps what a repetition is answered with. */
void idem_keep(struct call *c, int status, struct slice json);
/* Errors are not kept: the same key may be tried again. */
void idem_free(struct call *c);

/* answer.c */
void call_reply_json(struct http_req *rq, int status, struct slice json);

#endif
