/* SPDX-License-Identifier: Apache-2.0
 * References of an operation file that is well formed. */
#ifndef PARLEY_DAEMON_OPERATION_REFER_H
#define PARLEY_DAEMON_OPERATION_REFER_H

#include "gateway/daemon/check.h"

/* c->merged: the document that results; c->agents: the agents as they are. */
void operation_refer(struct check *c, const json_t *file);

#endif
