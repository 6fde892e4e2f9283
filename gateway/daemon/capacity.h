/* SPDX-License-Identifier: Apache-2.0
 * When memory and disk will be full: what is used, once an hour, for the last 60 days
 * (data_dir/capacity.csv), and a straight line through it. */
#ifndef PARLEY_DAEMON_CAPACITY_H
#define PARLEY_DAEMON_CAPACITY_H

#include "gateway/base/json.h"
#include <stddef.h>
#include <stdint.h>

struct capacity_sample {
    int64_t ms; /* the host's clock */
    uint64_t memory, memory_max, disk, disk_max;
};

#define CAPACITY_WARN_DAYS   30 /* operators are told */
#define CAPACITY_URGENT_DAYS 7

enum { CAPACITY_UNKNOWN = -1, CAPACITY_NEVER = 100000 };

/* In how many days `used` of the samples' reaches the newest limit: CAPACITY_UNKNOWN when they span less than
 * two days, CAPACITY_NEVER when it does not grow (or that is years away). The slope is the median of those
 * between days (Theil and Sen), which one night's compaction or one large import does not bend. disk: of the
 * disk, else of memory. Samples are in the order of time. */
int capacity_days(const struct capacity_sample *s, size_t n, bool disk);

struct worker;
/* Measures now and every hour, on the first worker; warns in the log at 30 and at 7 days. */
struct capacity *capacity_open(struct worker *w);
void capacity_close(struct capacity **c);
/* {"memory":{"used_bytes","max_bytes","full_in_days"?},"disk":{…}}: the caller's; NULL while nothing was
 * measured. "known" is false while the samples span less than two days. */
json_t *capacity_json(const struct worker *w);

#endif
