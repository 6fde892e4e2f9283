/* SPDX-License-Identifier: Apache-2.0
 * What sessions need of users. */
#ifndef PARLEY_STORE_USER_INTERNAL_H
#define PARLEY_STORE_USER_INTERNAL_H

#include "store/internal.h"
#include "store/user.h"

void user_blind(struct store_op *system, const char *login, unsigned char out[16]);
/* {user, x, p, ds, changed} as functions/user.lua answers; false: it does not decrypt. */
bool user_read(struct store_op *system, struct arena *a, const struct redis_reply *r, struct store_user *u);

#endif
