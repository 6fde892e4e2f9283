/* SPDX-License-Identifier: Apache-2.0
 * Who read what, for the audit: one line for each user, thread or person, and hour. */
#ifndef PARLEY_API_READS_H
#define PARLEY_API_READS_H

#include "gateway/api/rights.h"

/* what: "thread.read", "contact.read", "threads.list"; object: "thread:ID", "contact:ID" or "threads". The
 * line is written with what is answered, not before it. Each worker writes its own: two at most say the same.
 */
void reads_note(struct store_op *op, const struct who *w, const char *what, const char *object);

#endif
