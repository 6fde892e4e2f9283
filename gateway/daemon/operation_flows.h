/* SPDX-License-Identifier: Apache-2.0
 * Flows in operation files. */
#ifndef PARLEY_DAEMON_OPERATION_FLOWS_H
#define PARLEY_DAEMON_OPERATION_FLOWS_H

#include "gateway/daemon/check.h"

/* `flows` of the operation. */
void operation_flows_check(struct check *c, const json_t *v);
/* What flows and channels refer to: topics that are there, flows that are there; a hand-over that seals needs
 * those who may read it (focals of them there are). */
void operation_flows_refer(struct check *c, const json_t *file, size_t focals);

#endif
