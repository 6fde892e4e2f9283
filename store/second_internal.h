/* SPDX-License-Identifier: Apache-2.0
 * What setting up a second factor (second.c) and showing it (second_check.c) share. */
#ifndef PARLEY_STORE_SECOND_INTERNAL_H
#define PARLEY_STORE_SECOND_INTERNAL_H

#include "store/second.h"
#include "store/user_internal.h"

#define SECOND_LETTERS 15 /* of a recovery code, behind its digit: 71 bits */
#define SECOND_CODE    24

/* What was typed as a recovery code, as it was made; false: it cannot be one. */
bool second_recovery_read(struct slice typed, unsigned *which, char out[SECOND_CODE]);
/* The name under which the hash of a recovery code is sealed. */
void second_blind_code(const unsigned char user[16], unsigned which, unsigned char out[17]);

#endif
