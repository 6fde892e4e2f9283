/* SPDX-License-Identifier: Apache-2.0
 * Logistic regression on pieces of a few words, since one or two words are what is hard and what people write
 * first. */
#include "router/train/table.h"
#include "gateway/base/mem.h"
#include "gateway/base/err.h"
#include <math.h>

#define PIECE_GRAMS 4096

struct class_lines {
    uint32_t *line, n;
};

static void sort_lines(const struct table *t, struct class_lines *by)
{
    for (uint32_t i = 0; i < t->nlines; i++)
        by[t->lines[i].class].n += t->lines[i].weight;
    for (unsigned c = 0; c < t->classes; c++) {
        by[c].line = mem_array(by[c].n + 1, sizeof *by[c].line);
        by[c].n = 0;
    }
    for (uint32_t i = 0; i < t->nlines; i++)
        for (unsigned k = 0; k < t->lines[i].weight; k++) {
            struct class_lines *b = &by[t->lines[i].class];
            b->line[b->n++] = i;
        }
}

/* A window of a line: one to five words mostly. Returns its n-grams, some left out. */
static unsigned draw_piece(const struct table *t, const struct line *l, const struct fit *f, struct dice *d,
                           uint32_t *out)
{
    uint32_t words = 1 + dice_below(d, dice_percent(d, 75) ? 5 : f->most_words);
    words = words < l->n ? words : l->n;
    uint32_t start = dice_below(d, l->n - words + 1);
    unsigned n = 0, keep = (unsigned)(f->keep * 1000);
    for (uint32_t i = start; i < start + words; i++) {
        const struct word *w = &t->words[t->text[l->first + i]];
        for (uint32_t k = 0; k < w->n && n < PIECE_GRAMS; k++) {
            uint32_t id = t->links[w->first + k];
            if (t->grams[id].row != NO_ROW && dice_below(d, 1000) < keep)
                out[n++] = id;
        }
    }
    return n;
}

static void probabilities(const struct table *t, const uint32_t *ids, unsigned n, float unseen, float *p)
{
    float best = -INFINITY, sum = 0;
    for (unsigned c = 0; c < t->classes; c++)
        p[c] = 0;
    for (unsigned i = 0; i < n; i++)
        for (unsigned c = 0; c < t->classes; c++)
            p[c] += t->grams[ids[i]].w[c];
    for (unsigned c = 0; c < t->classes; c++) {
        p[c] *= unseen;
        best = p[c] > best ? p[c] : best;
    }
    for (unsigned c = 0; c < t->classes; c++)
        sum += p[c] = expf(p[c] - best);
    for (unsigned c = 0; c < t->classes; c++)
        p[c] /= sum;
}

static void step(struct table *t, const uint32_t *ids, unsigned n, unsigned class, const struct fit *f)
{
    float p[CLASSES] = {0};
    probabilities(t, ids, n, 1 / f->keep, p);
    if (p[class] > 0.9999f)
        return;
    for (unsigned c = 0; c < t->classes; c++)
        p[c] = (c == class ? 1.0f : 0.0f) - p[c];
    for (unsigned i = 0; i < n; i++) {
        struct gram *g = &t->grams[ids[i]];
        for (unsigned c = 0; c < t->classes; c++) {
            g->grad[c] += p[c] * p[c];
            g->w[c] += f->rate * p[c] / sqrtf(g->grad[c] + 1.0f);
        }
    }
}

void table_fit(struct table *t, const struct fit *f)
{
    struct class_lines by[CLASSES] = {{0}};
    uint32_t *ids = mem_array(PIECE_GRAMS, sizeof *ids), shares = 0;
    struct dice d = {f->seed};
    sort_lines(t, by);
    for (unsigned c = 0; c < t->classes; c++)
        shares += by[c].n ? f->share[c] : 0;
    for (uint64_t s = 0; s < f->steps && shares; s++) {
        uint32_t class = 0, x = dice_below(&d, shares);
        while (!by[class].n || x >= f->share[class])
            x -= by[class].n ? f->share[class] : 0, class ++;
        const struct line *l = &t->lines[by[class].line[dice_below(&d, by[class].n)]];
        unsigned n = draw_piece(t, l, f, &d, ids);
        if (n)
            step(t, ids, n, class, f);
    }
    for (unsigned c = 0; c < t->classes; c++)
        mem_free(by[c].line);
    mem_free(ids);
}
