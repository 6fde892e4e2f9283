/* SPDX-License-Identifier: Apache-2.0
 * Members of operation files that go in and never come out, beside the channels' settings (whose connector
 * tells): an export lacks them, and applying it keeps them. */
#ifndef PARLEY_DAEMON_OPERATION_SECRET_H
#define PARLEY_DAEMON_OPERATION_SECRET_H

#include "gateway/base/json.h"

void operation_secret_strip(json_t *file);
/* thing lacks what `before`, the same thing of that section, had. */
void operation_secret_keep(const char *section, json_t *thing, const json_t *before);
/* Adds {"webhooks":{"id":{"secret":true}}}: what is there and what is not. */
void operation_secret_tell(const json_t *document, json_t *out);

#endif
