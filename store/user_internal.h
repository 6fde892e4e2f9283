/* SPDX-License-Identifier: Apache-2.0
 * What sessions need of users. */
#ifndef PARLEY_STORE_USER_INTERNAL_H
#define PARLEY_STORE_USER_INTERNAL_H

#include "store/internal.h"
#include "store/user.h"

void user_blind(struct store_op *system, const char *login, unsigned char out[16]);
/* {user, x, p, ds, changed, second factor[, proved]} as functions/user.lua answers; false: it does not
 * decrypt. */
bool user_read(struct store_op *system, struct arena *a, const struct redis_reply *r, struct store_user *u);

/* Hashes a password on a thread (stored NULL), or compares it. done on the loop; never when the store closes.
 * False: too many wait. */
bool password_start(struct store_op *system, const char *password, const struct slice *stored,
                    void (*done)(void *arg, bool fits, const unsigned char *hash), void *arg);

/* Where a try comes from, as functions/user.lua takes it. */
struct user_place {
    unsigned char network[16], device[16], named[16];
    size_t device_n, named_n; /* 0: none */
};
void user_place(struct store_op *system, const struct store_from *from, struct user_place *at);

#endif
