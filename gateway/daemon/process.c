/* SPDX-License-Identifier: Apache-2.0
 * Hardening, the log's key, where we are. */
#include "gateway/daemon/process.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROCESS_FDS_MAX 262144

void process_harden(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit fds;
    umask(077);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < fds.rlim_max) {
        fds.rlim_cur = fds.rlim_max < PROCESS_FDS_MAX ? fds.rlim_max : PROCESS_FDS_MAX;
        setrlimit(RLIMIT_NOFILE, &fds);
    }
}

static bool log_key(const struct config *c, unsigned char key[32])
{
    char path[400];
    if ((size_t)snprintf(path, sizeof path, "%s/keys/log", c->data_dir) >= sizeof path)
        return false;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = read(fd, key, 32) == 32;
    if (!ok) { /* new, or the disk was full when it was made */
        text_random(key, 32);
        ok = ftruncate(fd, 0) == 0 && pwrite(fd, key, 32, 0) == 32;
    }
    close(fd);
    return ok;
}

void process_log(const struct config *c)
{
    unsigned char key[32];
    enum log_level level = LOG_INFO;
    log_level_parse(slice_str(c->log_level), &level);
    log_open(2, level, log_key(c, key) ? key : NULL);
    mem_wipe(key, sizeof key);
}

const char *process_top(void)
{
    static char top[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", top, sizeof top - 1);
    top[n > 0 ? n : 0] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(top, '/');
        if (slash)
            *slash = '\0';
    }
    return top;
}
