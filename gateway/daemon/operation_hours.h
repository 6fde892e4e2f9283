/* SPDX-License-Identifier: Apache-2.0
 * Hours and the first notice in operation files (README.md tells their form). */
#ifndef PARLEY_DAEMON_OPERATION_HOURS_H
#define PARLEY_DAEMON_OPERATION_HOURS_H

#include "gateway/daemon/check.h"

/* `hours` of the operation and of an area. */
void operation_hours_check(struct check *c, const json_t *v);
/* `notice` of the operation: when the first notice is sent, and its version. */
void operation_notice_check(struct check *c, const json_t *v);
/* `texts` of a channel and of an area: their own wording of notices, by language. */
void operation_notice_texts_check(struct check *c, const json_t *v);

#endif
