/* SPDX-License-Identifier: Apache-2.0
 * The verbs `alert list` and `alert drill`. */
#ifndef PARLEY_CLI_ALERTS_H
#define PARLEY_CLI_ALERTS_H

#include "gateway/cli/verbs.h"

json_t *ask_alerts(const struct cli *c, struct err *e);
json_t *ask_drill(const struct cli *c, struct err *e);
int show_alerts(const json_t *done);
int show_drill(const json_t *done);

#endif
