/* SPDX-License-Identifier: Apache-2.0
 * When a backup is due and which are kept: see backups.h. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/backups.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS ((int64_t)60000)
#define DAY_MS    (1440 * MINUTE_MS)
#define PREFIX    "parley-"

bool backups_time(const char *name, int64_t *ms)
{
    char text[32];
    size_t n = strlen(PREFIX);
    if (strncmp(name, PREFIX, n) != 0 || strlen(name) != n + 16)
        return false;
    const char *t = name + n; /* 20261122T023000Z */
    snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", t, t + 4, t + 6, t + 9, t + 11, t + 13);
    return t[8] == 'T' && t[15] == 'Z' && time_parse(slice_str(text), ms);
}

int backups_minute(const char *at)
{
    int hour = 0, minute = 0, used = 0;
    if (strlen(at) != 5 || sscanf(at, "%2d:%2d%n", &hour, &minute, &used) != 2 || used != 5)
        return -1;
    return hour < 0 || hour > 23 || minute < 0 || minute > 59 ? -1 : hour * 60 + minute;
}

int64_t backups_due(int64_t now_ms, int64_t newest_ms, int minute)
{
    if (newest_ms > now_ms) /* a clock that was set back */
        newest_ms = now_ms;
    if (newest_ms == 0)
        return now_ms;
    int64_t due = newest_ms - newest_ms % DAY_MS + minute * MINUTE_MS;
    if (due <= newest_ms)
        due += DAY_MS;
    return due > now_ms ? due : now_ms;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* Marks in kept[] the newest of each of the last `most` periods that have one. */
static void keep(const int64_t *sorted, size_t n, int64_t period, unsigned most, bool *kept)
{
    int64_t last = -1;
    for (size_t i = 0; i < n && most; i++) {
        int64_t which = sorted[i] / period;
        if (which == last)
            continue;
        last = which;
        kept[i] = true;
        most--;
    }
}

void backups_choose(const int64_t *times, size_t n, int64_t now_ms, unsigned keep_days, unsigned keep_weeks,
                    bool *drop)
{
    int64_t *sorted = mem_array(n + 1, sizeof *sorted);
    bool *kept = mem_array(n + 1, sizeof *kept);
    memcpy(sorted, times, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, newest_first);
    keep(sorted, n, DAY_MS, keep_days, kept);
    keep(sorted, n, 7 * DAY_MS, keep_weeks, kept);
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        while (sorted[at] != times[i])
            at++;
        bool too_old = now_ms - times[i] > BACKUPS_LONGEST_DAYS * DAY_MS;
        drop[i] = at > 0 && (too_old || !kept[at]);
    }
    mem_free(sorted);
    mem_free(kept);
}
