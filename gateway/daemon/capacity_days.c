/* SPDX-License-Identifier: Apache-2.0
 * The forecast itself: see capacity_days in capacity.h. */
#include "gateway/base/mem.h"
#include "gateway/daemon/capacity.h"
#include <stdlib.h>

#define DAY_MS    ((int64_t)86400000)
#define DAYS_MOST 60 /* that are looked at */

struct day {
    double at, used; /* the last sample of that day */
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static size_t by_days(const struct capacity_sample *s, size_t n, bool disk, struct day out[DAYS_MOST])
{
    size_t k = 0;
    for (size_t i = n; i-- && k < DAYS_MOST;) {
        double at = (double)s[i].ms / (double)DAY_MS;
        if (k && out[k - 1].at - at < 1)
            continue;
        out[k++] = (struct day){at, (double)(disk ? s[i].disk : s[i].memory)};
    }
    return k; /* newest first */
}

/* Bytes a day: the median over all pairs of days. */
static double growth(const struct day *d, size_t n)
{
    double *slopes = mem_array(n * n, sizeof *slopes);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            slopes[k++] = (d[i].used - d[j].used) / (d[i].at - d[j].at);
    qsort(slopes, k, sizeof *slopes, ascending);
    double median = k % 2 ? slopes[k / 2] : (slopes[k / 2 - 1] + slopes[k / 2]) / 2;
    mem_free(slopes);
    return median;
}

int capacity_days(const struct capacity_sample *s, size_t n, bool disk)
{
    struct day d[DAYS_MOST];
    size_t k = by_days(s, n, disk, d);
    if (k < 2 || d[0].at - d[k - 1].at < 2)
        return CAPACITY_UNKNOWN;
    double most = (double)(disk ? s[n - 1].disk_max : s[n - 1].memory_max), left = most - d[0].used;
    double slope = growth(d, k);
    if (most <= 0 || slope <= 0)
        return CAPACITY_NEVER;
    double days = left > 0 ? left / slope : 0;
    return days >= CAPACITY_NEVER ? CAPACITY_NEVER : (int)days;
}
