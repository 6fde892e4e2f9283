/* SPDX-License-Identifier: Apache-2.0
 * A table of counts by up to four properties, and what of it may be told: cells of fewer than k are hidden,
 * and so are as many others as it takes that no hidden one follows from sums. Pure; tests/unit/api walks it.
 */
#ifndef PARLEY_API_TABLE_H
#define PARLEY_API_TABLE_H

#include "gateway/base/map.h"

#define TABLE_BY    4
#define TABLE_CELLS 20000 /* more are not counted: `full` */

struct table_times { /* ms, one for each of which there is one */
    int64_t *ms;
    size_t n, cap;
};
struct cell {
    char *key; /* the values with \x1f between, sorted by */
    struct slice value[TABLE_BY];
    unsigned n;
    bool hidden;
    struct table_times accept, reply;
};
struct table {
    size_t by; /* properties */
    struct map cells;
    struct cell **sorted; /* after table_end */
    size_t n;
    unsigned total;
    bool total_hidden, full;
    struct table_times accept, reply;
};

void table_init(struct table *t, size_t by);
void table_clear(struct table *t);
/* Counts one with these values; times below 0 are none. */
void table_add(struct table *t, const struct slice *value, int64_t accept_ms, int64_t reply_ms);
/* Counts in the total what has been counted in its cells. */
void table_total(struct table *t, int64_t accept_ms, int64_t reply_ms);
/* Sorts, and hides what is smaller than k (0: nothing). */
void table_end(struct table *t, unsigned k);

/* In seconds; false: fewer than k of them. */
struct table_figures {
    double mean, p50, p95, within;
};
bool table_figures(struct table_times *v, unsigned k, int64_t target_ms, struct table_figures *f);

#endif
