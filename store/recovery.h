/* SPDX-License-Identifier: Apache-2.0
 * The recovery key of an installation: an X25519 key pair. The public half stays with the store and is all
 * that a backup needs; the secret half is what the operator keeps, as 13 groups of five characters of which
 * the last is a check digit. */
#ifndef PARLEY_STORE_RECOVERY_H
#define PARLEY_STORE_RECOVERY_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

#define RECOVERY_KEY  32
#define RECOVERY_TEXT 78 /* 13 groups of 5, blanks between, NUL */

void recovery_new(unsigned char secret[RECOVERY_KEY], unsigned char public_half[RECOVERY_KEY]);
void recovery_public(const unsigned char secret[RECOVERY_KEY], unsigned char public_half[RECOVERY_KEY]);
void recovery_text(const unsigned char secret[RECOVERY_KEY], char out[RECOVERY_TEXT]);
/* Case, blanks and dashes do not matter, and 0, 1, 8 are read as O, I, B. ERR_INVALID says which group is
 * mistyped. */
int recovery_parse(struct slice text, unsigned char secret[RECOVERY_KEY], struct err *e);

/* A key for one file that only the secret half can make again: `once` is a public half to be written into the
 * file. */
void recovery_seal_key(const unsigned char public_half[RECOVERY_KEY], const char *purpose,
                       unsigned char once[RECOVERY_KEY], unsigned char key[RECOVERY_KEY]);
bool recovery_open_key(const unsigned char secret[RECOVERY_KEY], const char *purpose,
                       const unsigned char once[RECOVERY_KEY], unsigned char key[RECOVERY_KEY]);

#endif
