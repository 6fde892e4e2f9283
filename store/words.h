/* SPDX-License-Identifier: Apache-2.0
 * Search words of a message as a Golomb-coded set of keyed hashes: about 1.9 bytes a word, wrong once in
 * 8,192 words that are not in it. A message's set stands behind it in its thread's log; whoever searches
 * decodes them. */
#ifndef PARLEY_STORE_WORDS_H
#define PARLEY_STORE_WORDS_H

#include "gateway/base/buf.h"
#include "store/crypto.h"

#define WORDS_MOST 8000 /* of one message; further ones are not found */

/* Appends nothing when there are no words. */
void words_write(struct crypto_keyed *k, const struct slice *words, size_t n, struct buf *out);
/* Is the word with this hash (crypto_keyed_words) in one of the sets, which stand behind each other? False
 * also for damaged ones. */
bool words_has(struct slice sets, uint64_t hash);

#endif
