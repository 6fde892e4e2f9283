/* SPDX-License-Identifier: Apache-2.0
 * Reports: what was opened in a span of days, counted by properties, in the operation's time zone. The same
 * for REST and for `parley report`. */
#ifndef PARLEY_API_REPORT_H
#define PARLEY_API_REPORT_H

#include "gateway/api/table.h"
#include "store/store.h"

#define REPORT_K         5      /* cells of fewer are hidden */
#define REPORT_ANSWER_MS 20000  /* what an answer is measured by */
#define REPORT_ALERT_MS  120000 /* and an alert's first acknowledgement */
#define REPORT_DAYS      1100   /* longest span */
#define REPORT_BY                                                                                            \
    "day week month language topic type subject channel duration outcome area team priority state"

struct report_ask {
    const char *from, *to; /* dates, "2026-11-01", both inclusive */
    const char *by;        /* names of REPORT_BY with commas between, at most TABLE_BY; "" */
    const char *area;      /* this and those in it; "" all */
    /* Whose eyes: areas as in struct who (blank-separated; "" all) and the clearance. Sealed matters are one
     * number, for who has clearance 2, and in no other. */
    const char *areas;
    int clearance;
    const char *timezone;
    bool csv, bom;
};

/* text: JSON or CSV. ERR_INVALID: a date or name is none (the sentence says which); ERR_TOO_LARGE. */
void report_run(struct store_op *op, const struct report_ask *ask, store_text_done done, void *arg);

/* A value that a spreadsheet takes as text whatever it begins with. */
void report_csv(struct buf *b, struct slice value);

#endif
