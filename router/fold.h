/* SPDX-License-Identifier: Apache-2.0
 * Folding: the same word typed in different ways becomes the same bytes. For topic words, search, alarm words
 * and STOP; never for what is shown. README.md lists what is folded. */
#ifndef PARLEY_ROUTER_FOLD_H
#define PARLEY_ROUTER_FOLD_H

#include "gateway/base/buf.h"

#define FOLD_WORD_MAX 64 /* bytes of a folded word; what is longer is cut at a code point */
/* fold_text of n bytes is at most n times that long. */
#define FOLD_GROWTH 12

/* Calls `word` with each folded word of text, in order. Any bytes are safe: invalid ones separate words. The
 * slice is valid during the call only. */
void fold_words(struct slice text, void (*word)(void *arg, struct slice word), void *arg);

/* The folded words with a space between; folding its result changes nothing. */
int fold_text(struct slice text, struct buf *out);

/* The folded words in order, in the arena. */
struct slice *fold_list(struct slice text, struct arena *a, size_t *n);

/* The first max different ones of these words; returns how many. `out` may be `words`. */
size_t fold_distinct(const struct slice *words, size_t n, struct arena *a, struct slice *out, size_t max);

/* True when all of text is these words: fold_is(text, "stop"). `words` need not be folded. */
bool fold_is(struct slice text, struct slice words);

#endif
