/* SPDX-License-Identifier: Apache-2.0
 * When memory and disk are full, when a backup is due, and which backups are kept. */
#include "gateway/base/text.h"
#include "gateway/daemon/backups.h"
#include "gateway/daemon/capacity.h"
#include "tests/unit/test.h"
#include <math.h>

#define HOUR_MS ((int64_t)3600000)
#define DAY_MS  (24 * HOUR_MS)
#define GB      ((uint64_t)1 << 30)

static struct capacity_sample s[2000];

/* n hourly samples whose memory begins at `from` and grows by `a_day`. */
static size_t hourly(size_t n, uint64_t from, int64_t a_day)
{
    for (size_t i = 0; i < n; i++)
        s[i] = (struct capacity_sample){.ms = (int64_t)i * HOUR_MS + 1800000000000,
                                        .memory = (uint64_t)((int64_t)from + (int64_t)i * a_day / 24),
                                        .memory_max = 4 * GB,
                                        .disk = GB,
                                        .disk_max = 100 * GB};
    return n;
}

T(nothing_is_foretold_from_less_than_two_days)
{
    EQ_INT(capacity_days(s, 0, false), CAPACITY_UNKNOWN);
    EQ_INT(capacity_days(s, hourly(1, GB, 0), false), CAPACITY_UNKNOWN);
    EQ_INT(capacity_days(s, hourly(47, GB, GB), false), CAPACITY_UNKNOWN);
}

T(what_grows_evenly_is_full_when_it_is_full)
{
    size_t n = hourly(10 * 24 + 1, GB, (int64_t)GB / 10); /* 2 GiB used, 2 are left */
    EQ_INT(capacity_days(s, n, false), 20);
    EQ_INT(capacity_days(s, n, true), CAPACITY_NEVER); /* the disk does not grow */
}

T(what_shrinks_is_never_full)
{
    size_t n = hourly(240, 2 * GB, -(int64_t)GB / 20);
    EQ_INT(capacity_days(s, n, false), CAPACITY_NEVER);
}

T(one_night_does_not_bend_it)
{
    size_t n = hourly(20 * 24 + 1, GB, (int64_t)GB / 20);
    for (size_t i = 200; i < 224; i++) /* a compaction that doubled it for a day */
        s[i].memory *= 2;
    EQ_INT(capacity_days(s, n, false), 40);
}

T(what_is_over_its_limit_is_full_today)
{
    size_t n = hourly(5 * 24, 4 * GB, (int64_t)GB / 20);
    EQ_INT(capacity_days(s, n, false), 0);
}

T(names_of_backups)
{
    int64_t ms = 0, want = 0;
    OK(time_parse(SLICE("2026-11-22T02:30:05Z"), &want));
    OK(backups_time("parley-20261122T023005Z", &ms));
    EQ_INT(ms, want);
    OK(!backups_time("parley-20261122T023005Z.partial", &ms));
    OK(!backups_time("parley-20261122T023005", &ms));
    OK(!backups_time("parley-20261322T023005Z", &ms));
    OK(!backups_time("office-20261122T023005Z", &ms));
    OK(!backups_time("..", &ms));
}

T(minutes_of_a_day)
{
    EQ_INT(backups_minute("02:30"), 150);
    EQ_INT(backups_minute("23:59"), 1439);
    EQ_INT(backups_minute("24:00"), -1);
    EQ_INT(backups_minute("2:30"), -1);
    EQ_INT(backups_minute("02:60"), -1);
    EQ_INT(backups_minute("-2:30"), -1);
    EQ_INT(backups_minute(""), -1);
}

T(due_once_a_day_and_at_once_when_missed)
{
    int64_t midnight = 20000 * DAY_MS, at = 150 * 60000;
    EQ_INT(backups_due(midnight, 0, 150), midnight); /* never made */
    EQ_INT(backups_due(midnight + at + 1000, midnight + at + 1, 150), midnight + DAY_MS + at); /* just made */
    EQ_INT(backups_due(midnight + 10, midnight - DAY_MS + at, 150), midnight + at);            /* tonight */
    EQ_INT(backups_due(midnight + 5 * DAY_MS, midnight, 150), midnight + 5 * DAY_MS); /* it was off */
    OK(backups_due(midnight, midnight + 400 * DAY_MS, 150) <= midnight + DAY_MS); /* the clock was set back */
}

/* By brute force over a year of daily backups: what is there follows from what is asked. */
T(generations)
{
    int64_t kept[500], all[500];
    bool drop[500];
    size_t n = 0;
    for (int day = 0; day < 365; day++) {
        int64_t now = (20000 + day) * DAY_MS + 150 * 60000;
        kept[n++] = now;
        backups_choose(kept, n, now, 7, 4, drop);
        size_t k = 0;
        for (size_t i = 0; i < n; i++)
            if (!drop[i])
                all[k++] = kept[i];
        OK(k <= 7 + 4);
        OK(all[k - 1] == now);
        for (size_t i = 0; i < k; i++)
            OK(now - all[i] <= BACKUPS_LONGEST_DAYS * DAY_MS);
        for (int back = 0; back < 7 && back <= day; back++)
            OK(all[k - 1 - (size_t)back] == now - back * DAY_MS);
        if (day >= 30)
            OK(now - all[0] >= 15 * DAY_MS); /* the end of the week before the week before last */
        memcpy(kept, all, k * sizeof *all);
        n = k;
    }
    int64_t one[] = {5 * DAY_MS};
    backups_choose(one, 1, 500 * DAY_MS, 7, 4, drop);
    OK(!drop[0]); /* the only one there is stays */
}

TEST_MAIN
