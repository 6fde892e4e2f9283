/* SPDX-License-Identifier: Apache-2.0
 * The record of processing (Article 30 and its likes): everything that is stored, of whom, why, under which
 * key and for how long. Made from this table and from record_kinds; a test compares both with what a running
 * daemon has stored, key by key and field by field. */
#ifndef PARLEY_STORE_PROCESSING_H
#define PARLEY_STORE_PROCESSING_H

#include "gateway/base/buf.h"

struct processing_row {
    const char *server; /* "data" or "keys"; "disk" */
    const char *name;   /* of the key behind "p:{op}:"; "…:*" when something varies behind it */
    const char *fields; /* of a hash or stream, blank-separated, "a*" for those that begin so; "*": ids alone;
                           "" no hash */
    const char *what, *why, *key, *how_long;
};
extern const struct processing_row processing_rows[]; /* ends with name NULL */

/* {"operation","stored":[{…row}],"records":[{"kind",…}]} */
void processing_json(const char *operation, struct buf *out);
void processing_markdown(const char *operation, struct buf *out);

#endif
