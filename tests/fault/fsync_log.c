/* SPDX-License-Identifier: Apache-2.0
 * Preloaded into redis-server: writes down, after each fsync of an append-only file, how long the file was
 * then. What a power cut may take is all behind the last such length; test_power_cut.py cuts there. FSYNC_LOG
 * names the file to write to; FSYNC_DELAY_US makes each sync take up to so long, as a slow disk does, so that
 * a kill finds bytes that are written and not yet synced. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void note(int fd)
{
    char link[64], path[PATH_MAX], line[PATH_MAX + 64];
    const char *log = getenv("FSYNC_LOG");
    struct stat st;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (!log || n <= 0)
        return;
    path[n] = '\0';
    if (!strstr(path, ".incr.aof") || fstat(fd, &st) != 0)
        return;
    int out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (out < 0)
        return;
    int k = snprintf(line, sizeof line, "%lld %s\n", (long long)st.st_size, path);
    if (write(out, line, (size_t)k) != k)
        abort();
    close(out);
}

static void slowly(void)
{
    const char *delay = getenv("FSYNC_DELAY_US");
    if (delay && atoi(delay) > 0)
        usleep((useconds_t)(rand() % atoi(delay)));
}

int fdatasync(int fd)
{
    slowly();
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int r = real(fd);
    if (r == 0)
        note(fd);
    return r;
}

int fsync(int fd)
{
    slowly();
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int r = real(fd);
    if (r == 0)
        note(fd);
    return r;
}
