/* SPDX-License-Identifier: Apache-2.0
 * Counting n-grams by class, weighing them, and laying them into the rows of the model. */
#include "router/train/table.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <math.h>
#include <stdlib.h>

static void grow(void *pp, uint32_t n, uint32_t *cap, size_t size)
{
    void **p = pp;
    if (n < *cap)
        return;
    *cap = *cap ? *cap * 2 : 1024;
    *p = mem_realloc(*p, *cap * size);
}

/* Indexes hold entry + 1 under the hash; they have a fixed size that is enough for the texts meant for this
 * tool. */
#define GRAM_SLOTS (1u << 24)
#define WORD_SLOTS (1u << 23)

void table_init(struct table *t, enum language_script script)
{
    *t = (struct table){.script = script};
    while (language_classes[script][t->classes])
        t->classes++;
    t->gram_index = mem_array(GRAM_SLOTS, sizeof *t->gram_index);
    t->word_index = mem_array(WORD_SLOTS, sizeof *t->word_index);
}

void table_clear(struct table *t)
{
    mem_free(t->grams);
    mem_free(t->words);
    mem_free(t->links);
    mem_free(t->text);
    mem_free(t->lines);
    mem_free(t->gram_index);
    mem_free(t->word_index);
}

static uint32_t gram_id(struct table *t, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & (GRAM_SLOTS - 1);
    for (; t->gram_index[i]; i = (i + 1) & (GRAM_SLOTS - 1))
        if (t->grams[t->gram_index[i] - 1].hash == hash)
            return t->gram_index[i] - 1;
    err_assert(t->ngrams < GRAM_SLOTS / 2);
    grow(&t->grams, t->ngrams, &t->gram_cap, sizeof *t->grams);
    t->grams[t->ngrams] = (struct gram){.hash = hash, .last_line = UINT32_MAX};
    t->gram_index[i] = ++t->ngrams;
    return t->ngrams - 1;
}

static uint32_t word_id(struct table *t, const struct language_word *w)
{
    uint64_t grams[LANGUAGE_GRAMS_MAX];
    unsigned n = language_word_grams(w, grams);
    uint64_t hash = grams[n - 1];
    uint32_t i = (uint32_t)hash & (WORD_SLOTS - 1);
    for (; t->word_index[i]; i = (i + 1) & (WORD_SLOTS - 1))
        if (t->words[t->word_index[i] - 1].hash == hash)
            return t->word_index[i] - 1;
    err_assert(t->nwords < WORD_SLOTS / 2);
    grow(&t->words, t->nwords, &t->word_cap, sizeof *t->words);
    t->words[t->nwords] = (struct word){hash, t->nlinks, n};
    for (unsigned k = 0; k < n; k++) {
        uint32_t id = gram_id(t, grams[k]);
        grow(&t->links, t->nlinks, &t->link_cap, sizeof *t->links);
        t->links[t->nlinks++] = id;
    }
    t->word_index[i] = ++t->nwords;
    return t->nwords - 1;
}

void table_add_line(struct table *t, struct slice text, unsigned class, uint32_t source, unsigned weight)
{
    struct language_reader r = {.text = text};
    struct language_word w;
    uint32_t first = t->ntext;
    while (language_word_next(&r, &w)) {
        if (w.script != t->script)
            continue;
        uint32_t id = word_id(t, &w);
        grow(&t->text, t->ntext, &t->text_cap, sizeof *t->text);
        t->text[t->ntext++] = id;
        for (uint32_t k = 0; k < t->words[id].n; k++) {
            struct gram *g = &t->grams[t->links[t->words[id].first + k]];
            g->count[class] += (float)weight;
            g->lines += g->last_line != source;
            g->last_line = source;
        }
    }
    if (t->ntext == first)
        return;
    grow(&t->lines, t->nlines, &t->line_cap, sizeof *t->lines);
    t->lines[t->nlines++] =
        (struct line){first, t->ntext - first, source, (unsigned char)class, (unsigned char)weight};
}

/* How much an n-gram tells, by how often it is met: what is kept when there is no room for all. */
static float worth(const struct gram *g, unsigned classes)
{
    float spread = 0, count = 0;
    for (unsigned c = 0; c < classes; c++) {
        spread += g->w[c] * g->w[c];
        count += g->count[c];
    }
    return sqrtf(spread) * sqrtf(count);
}

void table_weigh(struct table *t, float smoothing, float factor)
{
    double total[CLASSES] = {0};
    for (uint32_t i = 0; i < t->ngrams; i++)
        for (unsigned c = 0; c < t->classes; c++)
            total[c] += (double)t->grams[i].count[c];
    for (uint32_t i = 0; i < t->ngrams; i++) {
        struct gram *g = &t->grams[i];
        double mean = 0;
        for (unsigned c = 0; c < t->classes; c++) {
            /* Relative to a common size, so that a class with less text is not smoothed more. */
            double rate = (double)g->count[c] / total[c] * 1e6;
            g->w[c] = factor * (float)log(rate + (double)smoothing);
            mean += (double)g->w[c] / t->classes;
        }
        for (unsigned c = 0; c < t->classes; c++)
            g->w[c] -= (float)mean;
    }
}

/* The place of each n-gram is one of two neighbours. */
struct seat {
    uint32_t gram;
    float worth;
};

static int by_seat(const void *a, const void *b)
{
    const struct seat *x = a, *y = b;
    return x->worth < y->worth ? 1 : x->worth > y->worth ? -1 : x->gram > y->gram ? 1 : -1;
}

uint32_t table_place(struct table *t, uint32_t rows, unsigned least_lines)
{
    uint32_t n = 0, placed = 0;
    struct seat *seats = mem_array(t->ngrams + 1, sizeof *seats);
    unsigned char *taken = mem_alloc(rows);
    for (uint32_t i = 0; i < t->ngrams; i++) {
        t->grams[i].row = NO_ROW;
        if (t->grams[i].lines >= least_lines)
            seats[n++] = (struct seat){i, worth(&t->grams[i], t->classes)};
    }
    qsort(seats, n, sizeof *seats, by_seat);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t place = language_model_place(t->grams[seats[i].gram].hash, rows);
        place ^= taken[place];
        if (taken[place])
            continue;
        taken[place] = 1;
        t->grams[seats[i].gram].row = place;
        placed++;
    }
    mem_free(taken);
    mem_free(seats);
    return placed;
}

static void row_write(const struct gram *g, unsigned classes, float scale, unsigned char *row)
{
    uint16_t mark = language_model_mark(g->hash);
    memcpy(row, &mark, sizeof mark);
    for (unsigned c = 0; c < classes; c++) {
        float v = roundf(g->w[c] / scale);
        signed char q = (signed char)(v > 127 ? 127 : v < -127 ? -127 : v);
        memcpy(row + 2 + c, &q, 1);
    }
}

void table_write(const struct table *t, uint32_t rows, uint32_t stride, float scale, unsigned char *out)
{
    memset(out, 0, (size_t)rows * stride);
    for (uint32_t i = 0; i < t->ngrams; i++)
        if (t->grams[i].row != NO_ROW)
            row_write(&t->grams[i], t->classes, scale, out + (size_t)t->grams[i].row * stride);
}
