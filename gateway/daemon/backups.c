/* SPDX-License-Identifier: Apache-2.0
 * See backups.h. A backup is written beside its name and gets it when all of it is there, so that what has a
 * name can be put back. */
#include "gateway/daemon/backups.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/metric.h"
#include "gateway/daemon/office.h"
#include "gateway/daemon/worker.h"
#include "store/admin.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS  60000
#define FIRST_MS 3000
#define RETRY_MS ((int64_t)15 * 60000) /* after one that failed */
#define MOST     2000                  /* folders that are looked at */
#define PARTIAL  ".partial"

struct backups {
    struct worker *w;
    struct timer *tick;
    bool running, closed;
    int64_t failed_ms;
    char name[40];
};

/* The last failure, for status; "" none. Of this process. */
static char failure[200];

static size_t list(const char *dir, int64_t *times)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    for (struct dirent *one; d && n < MOST && (one = readdir(d));)
        if (backups_time(one->d_name, &times[n]))
            n++;
    if (d)
        closedir(d);
    return n;
}

static int64_t newest_of(const int64_t *times, size_t n)
{
    int64_t newest = 0;
    for (size_t i = 0; i < n; i++)
        newest = times[i] > newest ? times[i] : newest;
    return newest;
}

static void name_of(int64_t ms, char out[40])
{
    time_t t = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&t, &utc);
    strftime(out, 40, "parley-%Y%m%dT%H%M%SZ", &utc);
}

/* The folder and the files in it; a backup has no folders. */
static void remove_folder(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *one; (one = readdir(d));)
        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0)
            unlinkat(fd, one->d_name, 0);
    closedir(d);
    bool gone = unlinkat(parent, name, AT_REMOVEDIR) == 0;
    log_event(gone ? LOG_INFO : LOG_WARN, gone ? "backup.removed" : "backup.not_removed",
              log_str("name", name));
}

static void remove_partial(int parent)
{
    int fd = dup(parent);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    size_t end = strlen(PARTIAL);
    for (struct dirent *one; d && (one = readdir(d));) {
        size_t n = strlen(one->d_name);
        if (n > end && strncmp(one->d_name, "parley-", 7) == 0 && strcmp(one->d_name + n - end, PARTIAL) == 0)
            remove_folder(parent, one->d_name);
    }
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
}

static void prune(const struct config *c, int64_t now)
{
    int64_t *times = mem_array(MOST, sizeof *times);
    bool *drop = mem_array(MOST, sizeof *drop);
    size_t n = list(c->backup_dir, times);
    int parent = open(c->backup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    backups_choose(times, n, now, (unsigned)c->backup_keep_days, (unsigned)c->backup_keep_weeks, drop);
    for (size_t i = 0; i < n && parent >= 0; i++) {
        char name[40];
        name_of(times[i], name);
        if (drop[i])
            remove_folder(parent, name);
    }
    if (parent >= 0)
        close(parent);
    mem_free(times);
    mem_free(drop);
}

static void failed(struct backups *b, const char *why)
{
    b->failed_ms = time_wall_ms();
    snprintf(failure, sizeof failure, "%s", why);
    log_event(LOG_ERROR, "backup.not_made", log_str("why", why));
}

static void made(void *arg, const struct err *e, struct slice manifest)
{
    struct backups *b = arg;
    const struct config *c = b->w->config;
    char from[PATH_MAX], to[PATH_MAX];
    (void)manifest;
    b->running = false;
    if (b->closed) {
        mem_free(b);
        return;
    }
    snprintf(from, sizeof from, "%s/%s" PARTIAL, c->backup_dir, b->name);
    snprintf(to, sizeof to, "%s/%s", c->backup_dir, b->name);
    if (e->code) {
        failed(b, e->text);
    } else if (rename(from, to) != 0) {
        failed(b, strerror(errno));
    } else {
        failure[0] = '\0';
        b->failed_ms = 0;
        office_backup_made(b->w);
        metric_set(
            metric_gauge("parley_backup_last_seconds", "When the last backup was made, Unix time.", ""),
            (double)(time_wall_ms() / 1000));
        log_event(LOG_INFO, "backup.made", log_str("name", b->name));
        prune(c, time_wall_ms());
    }
    timer_start(b->tick, LOOK_MS);
}

static void begin(struct backups *b, int64_t now)
{
    char dir[PATH_MAX];
    const struct config *c = b->w->config;
    if (mkdir(c->backup_dir, 0700) != 0 && errno != EEXIST) {
        failed(b, strerror(errno));
        timer_start(b->tick, LOOK_MS);
        return;
    }
    int parent = open(c->backup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) { /* what a kill left */
        remove_partial(parent);
        close(parent);
    }
    name_of(now, b->name);
    snprintf(dir, sizeof dir, "%s/%s" PARTIAL, c->backup_dir, b->name);
    b->running = true;
    store_backup(b->w->store, dir, made, b);
}

static void on_tick(void *arg)
{
    struct backups *b = arg;
    const struct config *c = b->w->config;
    int64_t now = time_wall_ms(), *times = mem_array(MOST, sizeof *times);
    int64_t newest = newest_of(times, list(c->backup_dir, times));
    mem_free(times);
    bool due = backups_due(now, newest, backups_minute(c->backup_at)) <= now;
    if (b->w->was_ready && due && now - b->failed_ms >= RETRY_MS)
        begin(b, now);
    else
        timer_start(b->tick, LOOK_MS);
}

struct backups *backups_open(struct worker *w)
{
    if (w->slot != 0 || !*w->config->backup_dir)
        return NULL;
    struct backups *b = mem_alloc(sizeof *b);
    b->w = w;
    b->tick = timer_new(w->loop, on_tick, b);
    timer_start(b->tick, FIRST_MS);
    return b;
}

void backups_close(struct backups **bp)
{
    struct backups *b = *bp;
    if (!b)
        return;
    *bp = NULL;
    timer_free(&b->tick);
    b->closed = true;
    if (!b->running)
        mem_free(b);
}

json_t *backups_json(const struct worker *w)
{
    const struct config *c = w->config;
    if (!*c->backup_dir)
        return NULL;
    int64_t *times = mem_array(MOST, sizeof *times);
    size_t n = list(c->backup_dir, times);
    int64_t newest = newest_of(times, n);
    char when[TIME_TEXT];
    json_t *o = json_pack("{s:s,s:I}", "dir", c->backup_dir, "count", (json_int_t)n);
    mem_free(times);
    if (newest) {
        time_text(newest, when);
        json_object_set_new(o, "newest", json_string(when));
    }
    if (*failure)
        json_object_set_new(o, "failed", json_string(failure));
    return o;
}
