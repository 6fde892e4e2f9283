/* SPDX-License-Identifier: Apache-2.0
 * See table.h. A line is all cells that differ in one property alone. Whoever knows a line's sum (another
 * report tells it) and all but one of its cells knows that one; and of hidden cells that make fewer than k
 * together they know enough. So in each line nothing is hidden, or at least two that make k; for that the
 * smallest of those that are shown is hidden too, until nothing changes. */
#include "gateway/api/table.h"
#include "gateway/base/mem.h"
#include <stdlib.h>

void table_init(struct table *t, size_t by)
{
    *t = (struct table){.by = by};
    map_init(&t->cells);
}

static void cell_free(void *p)
{
    struct cell *c = p;
    mem_free(c->accept.ms);
    mem_free(c->reply.ms);
    mem_free(c->key);
    mem_free(c);
}

void table_clear(struct table *t)
{
    map_clear(&t->cells, cell_free);
    mem_free(t->sorted);
    mem_free(t->accept.ms);
    mem_free(t->reply.ms);
    *t = (struct table){0};
}

static void time_add(struct table_times *v, int64_t ms)
{
    if (ms < 0)
        return;
    if (v->n == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 8;
        v->ms = mem_realloc(v->ms, v->cap * sizeof *v->ms);
    }
    v->ms[v->n++] = ms;
}

static struct slice key_of(size_t by, const struct slice *value, size_t without, struct buf *b)
{
    buf_reset(b);
    for (size_t i = 0; i < by; i++) {
        if (i)
            buf_char(b, '\x1f');
        if (i != without)
            buf_slice(b, value[i]);
    }
    return buf_view(b);
}

static struct cell *cell_new(struct table *t, struct slice key)
{
    struct cell *c = mem_alloc(sizeof *c);
    struct slice rest = slice_of(c->key = slice_dup(key), key.n);
    for (size_t i = 0; i < t->by; i++)
        slice_next(&rest, '\x1f', &c->value[i]);
    map_put(&t->cells, slice_of(c->key, key.n), c);
    t->n++;
    return c;
}

void table_add(struct table *t, const struct slice *value, int64_t accept_ms, int64_t reply_ms)
{
    struct buf b;
    buf_init(&b, 4096);
    struct slice key = key_of(t->by, value, SIZE_MAX, &b);
    struct cell *c = map_get(&t->cells, key);
    if (!c && t->n >= TABLE_CELLS)
        t->full = true;
    else if (!c)
        c = cell_new(t, key);
    if (c) {
        c->n++;
        time_add(&c->accept, accept_ms);
        time_add(&c->reply, reply_ms);
    }
    buf_clear(&b);
}

void table_total(struct table *t, int64_t accept_ms, int64_t reply_ms)
{
    t->total++;
    time_add(&t->accept, accept_ms);
    time_add(&t->reply, reply_ms);
}

/* ---- what may be told ---- */

struct line {
    unsigned hidden, sum;
    struct cell *smallest; /* of those that are shown */
};

static void line_count(struct line *l, struct cell *c)
{
    if (c->hidden) {
        l->hidden++;
        l->sum += c->n;
    } else if (!l->smallest || c->n < l->smallest->n) {
        l->smallest = c;
    }
}

/* The lines along one property; true when a cell more is hidden. */
static bool lines_close(struct table *t, size_t along, unsigned k)
{
    struct map lines;
    struct buf b;
    bool changed = false;
    struct slice key;
    void *v;
    map_init(&lines);
    buf_init(&b, 4096);
    for (size_t i = 0; i < t->n; i++) {
        key = key_of(t->by, t->sorted[i]->value, along, &b);
        struct line *l = map_get(&lines, key);
        if (!l)
            map_put(&lines, key, l = mem_alloc(sizeof *l));
        line_count(l, t->sorted[i]);
    }
    for (size_t i = 0; map_each(&lines, &i, &key, &v);) {
        struct line *l = v;
        if (l->hidden && l->smallest && (l->hidden == 1 || l->sum < k))
            changed = l->smallest->hidden = true;
    }
    map_clear(&lines, mem_free);
    buf_clear(&b);
    return changed;
}

static int by_key(const void *a, const void *b)
{
    const struct cell *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

void table_end(struct table *t, unsigned k)
{
    struct slice key;
    void *v;
    size_t n = 0;
    bool changed = true;
    t->sorted = mem_array(t->n + 1, sizeof *t->sorted);
    for (size_t i = 0; map_each(&t->cells, &i, &key, &v);)
        t->sorted[n++] = v;
    if (n)
        qsort(t->sorted, n, sizeof *t->sorted, by_key);
    t->total_hidden = t->total && t->total < k;
    for (size_t i = 0; i < n; i++)
        t->sorted[i]->hidden = t->sorted[i]->n < k;
    while (changed && k) {
        changed = false;
        for (size_t along = 0; along < t->by; along++)
            changed = lines_close(t, along, k) || changed;
    }
}

/* ---- times ---- */

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double rank(const struct table_times *v, size_t percent)
{
    size_t at = (v->n * percent + 99) / 100;
    return (double)v->ms[at ? at - 1 : 0] / 1000.0;
}

bool table_figures(struct table_times *v, unsigned k, int64_t target_ms, struct table_figures *f)
{
    double sum = 0;
    size_t good = 0;
    if (!v->n || v->n < k)
        return false;
    qsort(v->ms, v->n, sizeof *v->ms, by_time);
    for (size_t i = 0; i < v->n; i++) {
        sum += (double)v->ms[i];
        good += v->ms[i] <= target_ms;
    }
    *f = (struct table_figures){sum / (double)v->n / 1000.0, rank(v, 50), rank(v, 95),
                                (double)good / (double)v->n};
    return true;
}
