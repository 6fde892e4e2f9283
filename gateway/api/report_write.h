/* SPDX-License-Identifier: Apache-2.0
 * A counted report, and how it is written. */
#ifndef PARLEY_API_REPORT_WRITE_H
#define PARLEY_API_REPORT_WRITE_H

#include "gateway/api/report.h"
#include "store/report.h"

struct report {
    const char *operation, *by[TABLE_BY];
    char from[16], to[16], timezone[64];
    int64_t now_ms;
    bool matters; /* what is counted: matters, or contacts */
    bool tells_sealed;
    unsigned sealed, guessed;
    unsigned alerts;
    struct table_times acked;
    struct table table;
};

/* Counts a red alert: acknowledged after so many ms, -1 not yet. */
void report_alert(struct report *r, int64_t acked_ms);
/* Frees what the table holds; the report itself is the caller's. */
void report_clear(struct report *r);
/* Both hide what is few (table.h). bom: for spreadsheets that take a file without one for Latin-1. */
void report_write_json(struct report *r, struct buf *b);
void report_write_csv(struct report *r, bool bom, struct buf *b);

#endif
