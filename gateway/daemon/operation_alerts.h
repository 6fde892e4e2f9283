/* SPDX-License-Identifier: Apache-2.0
 * Red alerts in operation files (README.md tells their form). */
#ifndef PARLEY_DAEMON_OPERATION_ALERTS_H
#define PARLEY_DAEMON_OPERATION_ALERTS_H

#include "gateway/daemon/check.h"

void operation_alerts_check(struct check *c, const json_t *v);
/* The people on the rota are agents, their ways are channels by which something can be sent. */
void operation_alerts_refer(struct check *c, const json_t *file);

#endif
