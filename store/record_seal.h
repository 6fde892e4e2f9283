/* SPDX-License-Identifier: Apache-2.0
 * Sealing a record for functions of other files, which write it together with something else. */
#ifndef PARLEY_STORE_RECORD_SEAL_H
#define PARLEY_STORE_RECORD_SEAL_H

#include "store/internal.h"
#include "store/record.h"

/* The envelope of r->json by r's kind, id and clearance; out is initialised here. contact 0: the operation's
 * own key; else the contact's, which must be loaded. */
void record_envelope(struct store_op *op, const struct store_record *r, uint64_t contact, uint32_t kid,
                     struct buf *out);

#endif
