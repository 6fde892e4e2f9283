/* SPDX-License-Identifier: Apache-2.0
 * What the files of the administration's REST share. */
#ifndef PARLEY_API_ADMIN_INTERNAL_H
#define PARLEY_API_ADMIN_INTERNAL_H

#include "gateway/api/admin.h"
#include "gateway/api/api_internal.h"
#include "store/user.h"

/* May w make this change? False with lines "/pointer: why" appended to problems. */
bool admin_allowed(const struct who *w, const struct api_change *c, struct buf *problems);
/* False: it was answered (403, or 503 when the daemon offers no administration). */
bool admin_may(struct call *c);
/* May the caller be given what opens this user's account, here and wherever else the user works? */
bool admin_may_open(struct call *c, const struct store_user *u);
/* 200 with what `write` appends. */
void admin_answer(struct call *c, void (*write)(void *ctx, struct store_op *op, struct buf *out));

#endif
