/* SPDX-License-Identifier: Apache-2.0
 * Password hashes by scrypt (RFC 7914), N 2^15, r 8, p 1: 32 MiB and about 0.1 s each, so call these on the
 * loop's threads and few at a time. The parameters stand in the hash and may grow. */
#ifndef PARLEY_STORE_PASSWORD_H
#define PARLEY_STORE_PASSWORD_H

#include "gateway/base/buf.h"

#define PASSWORD_HASH 52 /* version, log2 N, r, p, 16 bytes of salt, 32 of the hash */

void password_hash(struct slice password, unsigned char out[PASSWORD_HASH]);
/* Does the same work when the stored hash is empty or malformed, and is false then. */
bool password_fits(struct slice stored, struct slice password);

#endif
