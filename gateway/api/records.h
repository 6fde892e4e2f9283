/* SPDX-License-Identifier: Apache-2.0
 * Records on the agents' socket: the table of kinds, who may hear of one, and the frame that tells it. */
#ifndef PARLEY_API_RECORDS_H
#define PARLEY_API_RECORDS_H

#include "gateway/api/api_internal.h"
#include "store/record.h"

/* One change of a record, for one socket. Everything is borrowed. */
struct record_news {
    struct api_op *o;
    /* id, why ("put", "deleted"), actor, contact, clearance; record.kind, id, group, facets: as they were
     * when it was written */
    const struct store_event *ev;
    /* Opened, when the row wants it and it is still there: perhaps of a later put. Else NULL. */
    const struct store_record *r;
};
struct record_row {
    const char *kind;
    bool open; /* the frame needs what is sealed: it is read, once for all sockets */
    /* Asked before anything is read, by codes alone, and again for each socket at the moment of telling. */
    bool (*may)(const struct record_news *n, const struct who *w);
    /* Appends a whole frame, or nothing. record_frame begins it: {"type":"…","id":"…" */
    void (*tell)(struct buf *b, const struct record_news *n, const struct who *w);
};
/* NULL: no socket hears of that kind. The table is in records.c. */
const struct record_row *record_row(const char *kind);
void record_frame(struct buf *b, const struct record_news *n, const char *type);

#endif
