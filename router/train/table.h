/* SPDX-License-Identifier: Apache-2.0
 * What the training text holds, for one script: distinct words, their n-grams, and a weight per n-gram and
 * class. */
#ifndef PARLEY_ROUTER_TRAIN_TABLE_H
#define PARLEY_ROUTER_TRAIN_TABLE_H

#include "router/language_model.h"
#include "router/train/variants.h"

#define CLASSES LANGUAGE_CLASSES_MAX
#define NO_ROW  UINT32_MAX

struct gram {
    uint64_t hash;
    float count[CLASSES];
    float w[CLASSES];
    float grad[CLASSES]; /* sums of squares, for the step size */
    uint32_t lines, last_line;
    uint32_t row; /* in the model, or NO_ROW */
};

struct word {
    uint64_t hash;
    uint32_t first, n; /* its n-grams in table.links */
};

/* A sequence of words: one way of typing one line. */
struct line {
    uint32_t first, n; /* in table.text */
    uint32_t source;   /* lines with the same number are variants of one */
    unsigned char class, weight;
};

struct table {
    enum language_script script;
    unsigned classes;
    struct gram *grams;
    uint32_t *gram_index;
    struct word *words;
    uint32_t *word_index;
    uint32_t *links, *text;
    struct line *lines;
    uint32_t ngrams, nwords, nlinks, ntext, nlines;
    uint32_t gram_cap, word_cap, link_cap, text_cap, line_cap;
};

void table_init(struct table *t, enum language_script script);
void table_clear(struct table *t);
/* The words of text that are in the table's script. Lines with no such word are not kept. */
void table_add_line(struct table *t, struct slice text, unsigned class, uint32_t source, unsigned weight);
/* Naive Bayes weights. factor makes up for n-grams that overlap and so say the same thing several times. */
void table_weigh(struct table *t, float smoothing, float factor);
/* Gives the n-grams that are worth most a row each, as far as there is room. Returns how many have one. */
uint32_t table_place(struct table *t, uint32_t rows, unsigned least_lines);
/* rows * stride bytes. */
void table_write(const struct table *t, uint32_t rows, uint32_t stride, float scale, unsigned char *out);

/* Moves the weights towards those that tell the classes apart best on short pieces of the lines (logistic
 * regression by stochastic gradient, steps times), starting from what they are. */
struct fit {
    uint64_t steps, seed;
    float rate, keep; /* step size; share of the n-grams that a step sees */
    unsigned most_words;
    unsigned share[CLASSES]; /* how often each class is drawn */
};
void table_fit(struct table *t, const struct fit *f);

#endif
