/* SPDX-License-Identifier: Apache-2.0
 * How text is seen by the language identifier: words of one script, folded to what tells languages apart, and
 * the n-grams of a word. Shared by the identifier and the tool that trains it, so that both see the same. */
#ifndef PARLEY_ROUTER_LANGUAGE_TEXT_H
#define PARLEY_ROUTER_LANGUAGE_TEXT_H

#include "gateway/base/buf.h"

/* The scripts that have a table of their own, then what is only counted. */
enum language_script {
    LANGUAGE_ARABIC,
    LANGUAGE_LATIN,
    LANGUAGE_ETHIOPIC,
    LANGUAGE_TABLES,
    LANGUAGE_CYRILLIC = LANGUAGE_TABLES,
    LANGUAGE_OTHER,
    LANGUAGE_SCRIPTS
};

#define LANGUAGE_WORD_MAX    32  /* letters of a word that are looked at */
#define LANGUAGE_LETTERS_MAX 800 /* letters of a text that are looked at */
#define LANGUAGE_GRAMS_MAX   (LANGUAGE_WORD_MAX * 5 + 8)

struct language_word {
    enum language_script script;
    unsigned n;                        /* letters, without the two borders */
    uint16_t c[LANGUAGE_WORD_MAX + 2]; /* border, letters, border */
};

/* Zero it but for text, then call language_word_next. */
struct language_reader {
    struct slice text;
    size_t i;
    unsigned letters;
    bool cyrillic_ours, cyrillic_strange; /* letters that only Ukrainian has, or that it lacks, were seen */
    bool looked, links;                   /* for what links are made of; there is some */
};

/* The next word; false at the end, or when LANGUAGE_LETTERS_MAX letters were given. Links, mail addresses,
 * numbers, emoji and punctuation are passed over. Any bytes are safe. */
bool language_word_next(struct language_reader *r, struct language_word *w);

/* The hashed n-grams of a word: up to LANGUAGE_GRAMS_MAX of them. Returns how many. */
unsigned language_word_grams(const struct language_word *w, uint64_t *out);

#endif
