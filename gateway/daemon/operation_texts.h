/* SPDX-License-Identifier: Apache-2.0
 * The members of operation files about texts that people read: `texts`, `reviewed`. */
#ifndef PARLEY_DAEMON_OPERATION_TEXTS_H
#define PARLEY_DAEMON_OPERATION_TEXTS_H

#include "gateway/daemon/check.h"

void operation_texts(struct check *c, const json_t *v);
void operation_reviewed(struct check *c, const json_t *v);
/* Places to fill are those of the shipped text. */
void operation_texts_refer(struct check *c, const json_t *file);

#endif
