/* SPDX-License-Identifier: Apache-2.0
 * The keys of an operation. Its master key (a file, or a program that prints it) wraps the operation's own
 * keys and one key per contact; the wrapped ones live in the key store, apart from the data. Unwrapped keys
 * are cached in locked memory.
 *
 * What is encrypted for a contact uses HKDF(contact's key, class key of the clearance): reading needs both,
 * erasing needs one. */
#ifndef PARLEY_STORE_KEYS_H
#define PARLEY_STORE_KEYS_H

#include "store/crypto.h"
#include "store/store.h"

enum keys_own { KEYS_INDEX, KEYS_CONFIG, KEYS_STAFF, KEYS_CLASS0, KEYS_CLASS1, KEYS_CLASS2, KEYS_OWN };
extern const char *const keys_own_names[]; /* "index", … : fields of the hash p:{op}:keys in the key store */
#define KEYS_OWN_ID                                                                                          \
    0xffffff00u /* key id in an envelope under an operation's own key: this + enum keys_own                  \
                 */
#define KEYS_CLEARANCES 3

/* ---- under an operation's own key ---- */

/* label and name tell what is sealed where ("doc", ""), so that it can't be moved. Appends an envelope. */
void keys_seal_own(struct store_op *op, enum keys_own k, const char *label, struct slice name,
                   struct slice plain, struct buf *out);
/* Appends the plain bytes; 0 or -ERR_CORRUPT. */
int keys_open_own(struct store_op *op, enum keys_own k, const char *label, struct slice name,
                  struct slice envelope, struct buf *out);

/* ---- under a contact's key ---- */

/* A key that was made ahead and is on disk; false: there is none just now (the key store is away):
 * ERR_UNAVAILABLE. */
bool keys_take(struct store_op *op, uint32_t *kid);
/* Calls back, later, when keys are there again, or with an error when the key store can't be reached. */
void keys_when(struct store_op *op, store_done done, void *arg);
/* A key that was taken and then not used goes back. */
void keys_give_back(struct store_op *op, uint32_t kid);
/* Makes sure that these keys are in the cache, or known to be gone (destroyed). done: ERR_UNAVAILABLE when
 * the key store is away. Called from inside when all are there already. */
void keys_load(struct store_op *op, const uint32_t *kids, size_t n, store_done done, void *arg);
enum keys_state { KEYS_HERE, KEYS_GONE, KEYS_NOT_LOADED };
enum keys_state keys_state(struct store_op *op, uint32_t kid);
/* The key must be KEYS_HERE. aad: what the record is, see store/README.md. */
void keys_seal(struct store_op *op, uint32_t kid, int clearance, struct slice aad, struct slice plain,
               struct buf *out);
/* 0; -ERR_ERASED: the key is gone; -ERR_AGAIN: not loaded; -ERR_CORRUPT. */
int keys_open(struct store_op *op, int clearance, struct slice aad, struct slice envelope, struct buf *out);
/* Drops one (or, with 0, all) from the cache: a key was destroyed. Called on STORE_EV_KEYS. */
void keys_forget(struct store_op *op, uint32_t kid);

/* ---- in the key store: p:{op}:keys and p:{op}:k:<kid / 128> ---- */

#define KEYS_BUCKET 128
/* The Redis key and field of a contact's key. */
void keys_place(const struct store_op *op, uint32_t kid, struct buf *key, char field[8]);
/* Deletes a contact's key from the key store and from this node's cache (other nodes: by STORE_EV_KEYS, which
 * is the caller's). */
void keys_destroy(struct store_op *op, uint32_t kid, store_done done, void *arg);

/* ---- master keys and their rotation ---- */

/* Reads {dir}/keys/{op}.master<suffix>. -ERR_NOT_FOUND (e untouched), or e filled. */
int keys_master_read(const struct store_op *op, const char *suffix, unsigned char key[CRYPTO_KEY],
                     struct err *e);
/* A second master key: from now on wrapped keys of either version open; new ones are wrapped under `current`.
 */
void keys_master_add(struct store_op *op, unsigned char version, const unsigned char key[CRYPTO_KEY]);
void keys_master_use(struct store_op *op, unsigned char version);
void keys_master_drop(struct store_op *op, unsigned char version);
unsigned char keys_master_version(const struct store_op *op);
/* What the store keeps of a master key so that nodes can tell a wrong one: 16 bytes. */
void keys_master_print(const unsigned char key[CRYPTO_KEY], const char *op, unsigned char out[16]);
/* Wraps anew what was read from p:{op}:keys (name "index", …) or p:{op}:k:… (name NULL, kid). 0 or
 * -ERR_CORRUPT. */
int keys_rewrap(struct store_op *op, const char *own_name, uint32_t kid, struct slice wrapped,
                unsigned char version, unsigned char out[CRYPTO_WRAPPED]);

#endif
