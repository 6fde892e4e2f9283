/* SPDX-License-Identifier: Apache-2.0
 * See capacity.h. The file is read on every worker and written by the first one alone. */
#include "gateway/daemon/capacity.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/metric.h"
#include "gateway/daemon/worker.h"
#include "store/admin.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define HOUR_MS  ((int64_t)3600000)
#define DAY_MS   (24 * HOUR_MS)
#define SAMPLES  (60 * 24)
#define FIRST_MS 2000
#define FILENAME "capacity.csv"

struct capacity {
    struct worker *w;
    struct timer *tick;
    bool asking, closed;
    int64_t warned_ms[2];
};

static void file_path(const struct worker *w, const char *end, char *out, size_t n)
{
    snprintf(out, n, "%s/" FILENAME "%s", w->config->data_dir, end);
}

static size_t load(const struct worker *w, struct capacity_sample *s)
{
    char path[4096], line[200];
    size_t n = 0;
    file_path(w, "", path, sizeof path);
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in)) {
        struct capacity_sample one;
        if (sscanf(line, "%" SCNd64 ",%" SCNu64 ",%" SCNu64 ",%" SCNu64 ",%" SCNu64, &one.ms, &one.memory,
                   &one.memory_max, &one.disk, &one.disk_max) != 5)
            continue;
        if (n == SAMPLES)
            memmove(s, s + 1, --n * sizeof *s);
        s[n++] = one;
    }
    if (in)
        fclose(in);
    return n;
}

/* A new file in the old one's place: a crash in the middle leaves the old one. */
static void save(const struct worker *w, const struct capacity_sample *s, size_t n)
{
    char path[4096], fresh[4096];
    file_path(w, "", path, sizeof path);
    file_path(w, ".new", fresh, sizeof fresh);
    FILE *out = fopen(fresh, "w");
    bool good = out != NULL;
    for (size_t i = 0; good && i < n; i++)
        good = fprintf(out, "%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", s[i].ms,
                       s[i].memory, s[i].memory_max, s[i].disk, s[i].disk_max) > 0;
    if (out)
        good = fclose(out) == 0 && good;
    if (!good || rename(fresh, path) != 0)
        log_event(LOG_WARN, "capacity.not_kept", log_str("file", FILENAME));
}

static void warn(struct capacity *c, const struct capacity_sample *now, bool disk, int days)
{
    const char *what = disk ? "disk" : "memory";
    char label[32];
    snprintf(label, sizeof label, "what=\"%s\"", what);
    metric_set(metric_gauge("parley_full_in_days",
                            "Days until it is full as it grows now; -1: not known yet.", label),
               days);
    if (days == CAPACITY_UNKNOWN || days > CAPACITY_WARN_DAYS || now->ms - c->warned_ms[disk] < DAY_MS)
        return;
    c->warned_ms[disk] = now->ms;
    log_event(days <= CAPACITY_URGENT_DAYS ? LOG_ERROR : LOG_WARN, "capacity.full_soon",
              log_str("what", what), log_int("days", days));
}

static void tell(const struct capacity_sample *s)
{
    metric_set(metric_gauge("parley_memory_used_bytes", "Of the data's Redis.", ""), (double)s->memory);
    metric_set(metric_gauge("parley_memory_max_bytes", "Most that the data's Redis may use.", ""),
               (double)s->memory_max);
    metric_set(metric_gauge("parley_disk_used_bytes", "Of the disk with the data directory.", ""),
               (double)s->disk);
    metric_set(metric_gauge("parley_disk_bytes", "Size of the disk with the data directory.", ""),
               (double)s->disk_max);
}

static void sample(struct capacity *c, const struct store_counts *counts)
{
    struct capacity_sample *s = mem_array(SAMPLES + 1, sizeof *s), now = {.ms = time_wall_ms()};
    struct statvfs disk;
    now.memory = counts->data_bytes;
    now.memory_max = counts->data_max_bytes;
    if (statvfs(c->w->config->data_dir, &disk) == 0) {
        now.disk_max = (uint64_t)disk.f_blocks * disk.f_frsize;
        now.disk = now.disk_max - (uint64_t)disk.f_bavail * disk.f_frsize;
    }
    size_t n = load(c->w, s);
    /* A clock that was set back begins anew; several starts within an hour are one sample. */
    while (n && s[n - 1].ms > now.ms - HOUR_MS / 2)
        n--;
    if (n == SAMPLES)
        memmove(s, s + 1, --n * sizeof *s);
    s[n++] = now;
    save(c->w, s, n);
    tell(&now);
    warn(c, &now, false, capacity_days(s, n, false));
    warn(c, &now, true, capacity_days(s, n, true));
    mem_free(s);
}

static void on_count(void *arg, const struct err *e, const struct store_counts *counts)
{
    struct capacity *c = arg;
    c->asking = false;
    if (c->closed) {
        mem_free(c);
        return;
    }
    if (!e->code)
        sample(c, counts);
    timer_start(c->tick, HOUR_MS);
}

static void on_tick(void *arg)
{
    struct capacity *c = arg;
    struct store_op *op = c->w->was_ready ? store_op_at(c->w->store, 0) : NULL;
    if (!op) {
        timer_start(c->tick, FIRST_MS);
        return;
    }
    c->asking = true;
    store_count(op, on_count, c);
}

struct capacity *capacity_open(struct worker *w)
{
    if (w->slot != 0)
        return NULL;
    struct capacity *c = mem_alloc(sizeof *c);
    c->w = w;
    c->tick = timer_new(w->loop, on_tick, c);
    timer_start(c->tick, FIRST_MS);
    return c;
}

void capacity_close(struct capacity **cp)
{
    struct capacity *c = *cp;
    if (!c)
        return;
    *cp = NULL;
    timer_free(&c->tick);
    c->closed = true;
    if (!c->asking)
        mem_free(c);
}

static json_t *one(const struct capacity_sample *s, size_t n, bool disk)
{
    const struct capacity_sample *last = &s[n - 1];
    int days = capacity_days(s, n, disk);
    json_t *o = json_pack("{s:I,s:I}", "used_bytes", (json_int_t)(disk ? last->disk : last->memory),
                          "max_bytes", (json_int_t)(disk ? last->disk_max : last->memory_max));
    if (days != CAPACITY_UNKNOWN && days != CAPACITY_NEVER)
        json_object_set_new(o, "full_in_days", json_integer(days));
    json_object_set_new(o, "known", json_boolean(days != CAPACITY_UNKNOWN));
    return o;
}

json_t *capacity_json(const struct worker *w)
{
    struct capacity_sample *s = mem_array(SAMPLES + 1, sizeof *s);
    size_t n = load(w, s);
    json_t *o = n ? json_pack("{s:o,s:o}", "memory", one(s, n, false), "disk", one(s, n, true)) : NULL;
    mem_free(s);
    return o;
}
