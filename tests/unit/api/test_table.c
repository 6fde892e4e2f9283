/* SPDX-License-Identifier: Apache-2.0
 * What of a table may be told: over random tables, no hidden cell follows from a line's sum, and what is
 * shown is a plain count. */
#include "gateway/api/report_write.h"
#include "gateway/base/mem.h"
#include "tests/unit/test.h"

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

#define SIDE 5
static void fill(struct table *t, unsigned n[SIDE][SIDE], unsigned seed)
{
    static const char *const names[SIDE] = {"a", "b", "c", "d", "e"};
    memset(n, 0, SIDE * SIDE * sizeof n[0][0]);
    for (unsigned i = 0; i < SIDE * SIDE; i++) {
        unsigned x = i / SIDE, y = i % SIDE, count = next_random(&seed) % 4 ? next_random(&seed) % 12 : 0;
        n[x][y] = count;
        for (unsigned k = 0; k < count; k++) {
            table_add(t, (const struct slice[]){slice_str(names[x]), slice_str(names[y])}, k, -1);
            table_total(t, k, -1);
        }
    }
}

/* The cells of a line: how many are hidden, and how many those hold. */
static void line_holds(const struct table *t, unsigned n[SIDE][SIDE], bool hidden[SIDE][SIDE], unsigned at,
                       bool row)
{
    unsigned count = 0, sum = 0, shown = 0;
    (void)t;
    for (unsigned i = 0; i < SIDE; i++) {
        unsigned v = row ? n[at][i] : n[i][at];
        if (!v)
            continue;
        if (row ? hidden[at][i] : hidden[i][at]) {
            count++;
            sum += v;
        } else {
            shown++;
            OK(v >= REPORT_K);
        }
    }
    if (count && shown)
        OK(count >= 2 && sum >= REPORT_K);
}

T(no_hidden_cell_follows_from_sums)
{
    for (unsigned seed = 1; seed < 300; seed++) {
        struct table t;
        unsigned n[SIDE][SIDE];
        bool hidden[SIDE][SIDE] = {{false}};
        table_init(&t, 2);
        fill(&t, n, seed);
        table_end(&t, REPORT_K);
        for (size_t i = 0; i < t.n; i++) {
            unsigned x = (unsigned)(t.sorted[i]->value[0].p[0] - 'a'),
                     y = (unsigned)(t.sorted[i]->value[1].p[0] - 'a');
            EQ_INT(t.sorted[i]->n, n[x][y]);
            hidden[x][y] = t.sorted[i]->hidden;
        }
        for (unsigned at = 0; at < SIDE; at++) {
            line_holds(&t, n, hidden, at, true);
            line_holds(&t, n, hidden, at, false);
        }
        table_clear(&t);
    }
}

T(without_small_cells_nothing_is_hidden)
{
    struct table t;
    table_init(&t, 1);
    for (unsigned i = 0; i < 30; i++) {
        table_add(&t, (const struct slice[]){i % 3 ? SLICE("ar") : SLICE("fa")}, -1, -1);
        table_total(&t, -1, -1);
    }
    table_end(&t, REPORT_K);
    EQ_INT(t.n, 2);
    EQ_SLICE(t.sorted[0]->value[0], "ar");
    EQ_INT(t.sorted[0]->n, 20);
    OK(!t.sorted[0]->hidden && !t.sorted[1]->hidden && !t.total_hidden);
    table_clear(&t);
}

T(figures_are_the_plain_ones)
{
    int64_t ms[] = {30000, 1000, 2000, 20000, 5000};
    struct table_times v = {ms, 5, 5};
    struct table_figures f;
    OK(!table_figures(&v, 6, 20000, &f));
    OK(table_figures(&v, 5, 20000, &f));
    EQ_INT((int)(f.mean * 10 + 0.5), 116);
    EQ_INT((int)f.p50, 5);
    EQ_INT((int)f.p95, 30);
    EQ_INT((int)(f.within * 100 + 0.5), 80);
}

T(a_spreadsheet_takes_no_cell_for_a_formula)
{
    static const char *const cells[][2] = {
        {"=1+1", "\"'=1+1\""}, {"+1", "\"'+1\""},          {"-1", "\"'-1\""}, {"@x", "\"'@x\""},
        {"\tx", "\"'\tx\""},   {"a\"b,c", "\"a\"\"b,c\""}, {"", "\"\""}};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct buf b;
        buf_init(&b, 100);
        report_csv(&b, slice_str(cells[i][0]));
        EQ_STR(b.p, cells[i][1]);
        buf_clear(&b);
    }
}

TEST_MAIN
