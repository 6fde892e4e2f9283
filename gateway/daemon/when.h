/* SPDX-License-Identifier: Apache-2.0
 * Days, times and numbers as people write them: language, calendar, digits. */
#ifndef PARLEY_DAEMON_WHEN_H
#define PARLEY_DAEMON_WHEN_H

#include "gateway/base/buf.h"

/* "Monday, 23 November at 09:00". local_ms: the local time as if it were UTC. */
void when_text(struct buf *b, int64_t local_ms, const char *language);
void when_number(struct buf *b, unsigned n, const char *language);

#endif
