/* SPDX-License-Identifier: Apache-2.0
 * Verbs about figures and about people's rights (rights.c), for the table in verbs.c. */
#ifndef PARLEY_CLI_RIGHTS_H
#define PARLEY_CLI_RIGHTS_H

#include "gateway/cli/verbs.h"

json_t *ask_report(const struct cli *c, struct err *e);
int show_counted(const json_t *done); /* what is in "report", or the CSV */
json_t *ask_subject(const struct cli *c, struct err *e);
json_t *ask_certificates(const struct cli *c, struct err *e);
json_t *ask_breach(const struct cli *c, struct err *e);
json_t *ask_processing(const struct cli *c, struct err *e);
int show_subject(const json_t *done);
int show_certificates(const json_t *done);
int show_processing(const json_t *done);

#endif
