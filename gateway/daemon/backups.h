/* SPDX-License-Identifier: Apache-2.0
 * Backups by themselves, once a day, with generations. Each is a folder parley-YYYYMMDDTHHMMSSZ in
 * backup.dir. Which are kept: the newest of each of the last `keep_days` days and of each of the last
 * `keep_weeks` weeks, and none for longer than the 30 days after which an erased person's key must be nowhere
 * any more. */
#ifndef PARLEY_DAEMON_BACKUPS_H
#define PARLEY_DAEMON_BACKUPS_H

#include "gateway/base/json.h"
#include <stddef.h>
#include <stdint.h>

#define BACKUPS_LONGEST_DAYS 30

/* Of a folder's name; false: not one of ours. */
bool backups_time(const char *name, int64_t *ms);
/* "02:30" as minutes of the day; -1: malformed. */
int backups_minute(const char *at);
/* When the next is due: at that minute of a day (UTC) after `newest_ms` (0: none), now_ms when that has
 * passed. */
int64_t backups_due(int64_t now_ms, int64_t newest_ms, int minute);
/* drop[i] tells that times[i] goes; the newest never does. In any order. */
void backups_choose(const int64_t *times, size_t n, int64_t now_ms, unsigned keep_days, unsigned keep_weeks,
                    bool *drop);

struct worker;
/* NULL when no folder is set, and on all workers but the first. */
struct backups *backups_open(struct worker *w);
void backups_close(struct backups **b);
/* {"dir","newest"?,"count","failed"?}; NULL when none are made. The caller's. */
json_t *backups_json(const struct worker *w);

#endif
