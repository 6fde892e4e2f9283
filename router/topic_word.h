/* SPDX-License-Identifier: Apache-2.0
 * When a word of a text is a word of a phrase: the same, or the same with the small words that Arabic and
 * Ethiopic writing puts before it, or with an ending. Light on purpose; a phrase can always be given in
 * another form. */
#ifndef PARLEY_ROUTER_TOPIC_WORD_H
#define PARLEY_ROUTER_TOPIC_WORD_H

#include "router/fold.h"
#include "router/language.h"

struct topic_word {
    char s[FOLD_WORD_MAX];
    unsigned char n, letters;
    bool stem; /* its own ending was taken off: others may stand there */
};

/* word is folded. In Arabic the article and a final ة are taken off. */
void topic_word_set(struct topic_word *w, struct slice word, enum language l);
bool topic_word_fits(const struct topic_word *w, struct slice word, enum language l);

/* Where in a folded word of a text a phrase's word could begin; the first is 0. */
#define TOPIC_WORD_STARTS 8
unsigned topic_word_starts(struct slice word, size_t starts[TOPIC_WORD_STARTS]);

#endif
