/* SPDX-License-Identifier: Apache-2.0
 * What follows for matters from an operation's document: the guard's settings, and the pack that they are
 * coded with. The pack lies in the store: the API reads it there, and what was coded with an older one can
 * still be read. Records of kind "pack": "current", and each under its own id ("protection-1.5e0c…"). */
#ifndef PARLEY_DAEMON_CODING_H
#define PARLEY_DAEMON_CODING_H

#include "gateway/base/json.h"
#include "store/store.h"

struct worker;
/* After the host knows the operation's channels. */
void coding_configure(struct worker *w, struct store_op *op, const json_t *document);

#endif
