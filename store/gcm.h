/* SPDX-License-Identifier: Apache-2.0
 * AES-256-GCM as it is, with the nonce given: for formats whose key is used for one file only and whose
 * nonces are its places (blobs, backups). Records go through the store's own sealing, which has random nonces
 * and key ids. Fit for any thread. */
#ifndef PARLEY_STORE_GCM_H
#define PARLEY_STORE_GCM_H

#include "gateway/base/buf.h"

#define GCM_KEY   32
#define GCM_NONCE 12
#define GCM_TAG   16

/* out: plain.n + GCM_TAG bytes. Aborts when OpenSSL fails, since that is no matter of the input. */
void gcm_seal(const unsigned char key[GCM_KEY], const unsigned char nonce[GCM_NONCE], struct slice aad,
              struct slice plain, unsigned char *out);
/* out: sealed.n - GCM_TAG bytes; false (and out wiped) when it does not fit key, nonce or aad. */
bool gcm_open(const unsigned char key[GCM_KEY], const unsigned char nonce[GCM_NONCE], struct slice aad,
              struct slice sealed, unsigned char *out);

#endif
