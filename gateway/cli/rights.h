/* SPDX-License-Identifier: Apache-2.0
 * Verbs about figures and about people's rights (rights.c), for the table in verbs.c. */
#ifndef PARLEY_CLI_RIGHTS_H
#define PARLEY_CLI_RIGHTS_H

#include "gateway/cli/verbs.h"

json_t *ask_report(const struct cli *c, struct err *e);
int show_counted(const json_t *done);

#endif
