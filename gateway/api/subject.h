/* SPDX-License-Identifier: Apache-2.0
 * All that is kept about one person, for that person: data protection law's right of access. As JSON, and as
 * a page to read. Of staff it names nobody. */
#ifndef PARLEY_API_SUBJECT_H
#define PARLEY_API_SUBJECT_H

#include "gateway/api/rights.h"
#include "gateway/base/json.h"

struct subject_ask {
    struct id contact;
    int clearance;     /* up to which; what lies above leaves no trace */
    const char *areas; /* blank-separated; "" all */
    const char *actor; /* for the audit */
};

/* doc: "contact", "threads" with their "entries", "records", "audit". files: of each attachment the JSON with
 * its key, as store_blob_get wants it. Both live during the call. ERR_NOT_FOUND: there is no such person, or
 * nothing of them may be seen. */
void subject_run(struct store_op *op, const struct subject_ask *ask,
                 void (*done)(void *arg, const struct err *e, const json_t *doc, const json_t *files),
                 void *arg);
/* The same for reading: one HTML file without scripts or anything from elsewhere. */
void subject_html(const json_t *doc, struct buf *out);

#endif
