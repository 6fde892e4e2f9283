/* SPDX-License-Identifier: Apache-2.0
 * What the store needs of cryptography, on contexts that are made once: AES-256-GCM, HKDF, keyed hashes, and
 * one block cipher for ids. One loop's thread only. Nothing here can fail but opening what does not fit; a
 * failing OpenSSL ends the process. */
#ifndef PARLEY_STORE_CRYPTO_H
#define PARLEY_STORE_CRYPTO_H

#include "gateway/base/buf.h"

#define CRYPTO_KEY 32
/* version 1 | key id 4, big-endian | nonce 12 | bytes | tag 16 */
#define CRYPTO_VERSION  1
#define CRYPTO_HEAD     17
#define CRYPTO_OVERHEAD (CRYPTO_HEAD + 16)

/* Random bytes from a pool: a system call for many. */
void crypto_random(void *p, size_t n);

/* Appends an envelope to out (whose maximum is the caller's matter: err_assert'ed). */
void crypto_seal(const unsigned char key[CRYPTO_KEY], uint32_t key_id, struct slice aad, struct slice plain,
                 struct buf *out);
/* The key id that an envelope names; false: no envelope. */
bool crypto_key_id(struct slice envelope, uint32_t *key_id);
/* Appends the plain bytes. 0 or -ERR_CORRUPT (out is as before). */
int crypto_open(const unsigned char key[CRYPTO_KEY], struct slice aad, struct slice envelope,
                struct buf *out);

/* Wrapping keys under a master key: master's version 1 | nonce 12 | 32 | tag 16; short enough for a listpack.
 */
#define CRYPTO_WRAPPED 61
void crypto_wrap(const unsigned char master[CRYPTO_KEY], unsigned char version, struct slice aad,
                 const unsigned char key[CRYPTO_KEY], unsigned char out[CRYPTO_WRAPPED]);
int crypto_unwrap(const unsigned char master[CRYPTO_KEY], struct slice aad, struct slice wrapped,
                  unsigned char key[CRYPTO_KEY]);

/* HKDF-SHA256 (RFC 5869), 32 bytes out. */
void crypto_hkdf(struct slice secret, struct slice salt, struct slice info, unsigned char out[CRYPTO_KEY]);
void crypto_sha256(struct slice s, unsigned char out[32]);
void crypto_hmac(const unsigned char key[CRYPTO_KEY], struct slice a, struct slice b, unsigned char out[32]);

/* Keyed hashes with a key that stays: the schedules are made once. */
struct crypto_keyed;
struct crypto_keyed *crypto_keyed_new(const unsigned char key[CRYPTO_KEY]);
void crypto_keyed_free(struct crypto_keyed **k);
/* HMAC-SHA256(key, purpose | 0 | s), the first n ≤ 32 bytes. */
void crypto_keyed_hash(struct crypto_keyed *k, const char *purpose, struct slice s, unsigned char *out,
                       size_t n);
/* 64-bit hashes of many short words at once: SipHash under one key, AES under another, so that they tell
 * nothing without both. */
void crypto_keyed_words(struct crypto_keyed *k, const struct slice *words, size_t n, uint64_t *out);
/* One block of AES-128: a permutation of ids. */
void crypto_keyed_permute(struct crypto_keyed *k, const unsigned char in[16], unsigned char out[16]);
void crypto_keyed_unpermute(struct crypto_keyed *k, const unsigned char in[16], unsigned char out[16]);

#endif
