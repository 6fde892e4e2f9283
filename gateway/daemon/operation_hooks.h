/* SPDX-License-Identifier: Apache-2.0
 * Networks and webhooks in operation files (README.md tells their form). */
#ifndef PARLEY_DAEMON_OPERATION_HOOKS_H
#define PARLEY_DAEMON_OPERATION_HOOKS_H

#include "gateway/daemon/check.h"

void operation_networks_check(struct check *c, const json_t *v);
void operation_webhooks_check(struct check *c, const json_t *v);

#endif
