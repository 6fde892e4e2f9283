/* SPDX-License-Identifier: Apache-2.0
 * Configuration, start and orphans of the embedded Redis servers. */
#include "gateway/daemon/embedded.h"
#include "gateway/base/buf.h"
#include "gateway/base/log.h"
#include "gateway/base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define EMBEDDED_CONF_MAX  8192
#define EMBEDDED_ORPHAN_MS 15000

static uint64_t memory_share(const char *name)
{
    struct sysinfo si;
    uint64_t all = sysinfo(&si) == 0 ? (uint64_t)si.totalram * si.mem_unit : 1u << 30;
    uint64_t share = strcmp(name, "keys") == 0 ? all / 8 : all / 2;
    return share > (64u << 20) ? share : 64u << 20;
}

/* The daemon's rights end where losing or leaving begins: no FLUSHALL, no CONFIG SET, no SHUTDOWN, no
 * replication, no modules. The socket stands in a directory that only our user can enter, so no password is
 * needed (and none could be kept from that user). */
static const char embedded_rights[] = "user default reset on nopass ~* &* +@all -@dangerous +info "
                                      "+config|get +client|list +client|kill +role +lastsave "
                                      "+bgrewriteaof +restore +memory|usage";

static void write_conf(const struct embedded *r, struct buf *b)
{
    buf_str(b,
            "# Written at each start; changes are lost.\n"
            "port 0\nunixsocket redis.sock\nunixsocketperm 700\npidfile redis.pid\ndaemonize no\n"
            "logfile \"\"\nloglevel notice\nalways-show-logo no\nset-proc-title no\ncrash-log-enabled no\n");
    buf_printf(b, "dir \"%s\"\n", r->dir);
    buf_str(b, "appendonly yes\nappendfsync always\nno-appendfsync-on-rewrite no\naof-use-rdb-preamble yes\n"
               "auto-aof-rewrite-percentage 100\nauto-aof-rewrite-min-size 64mb\naof-load-truncated "
               "yes\nsave \"\"\n");
    buf_printf(b, "maxmemory %llu\nmaxmemory-policy noeviction\n", (unsigned long long)r->memory);
    buf_str(b, "lazyfree-lazy-user-del yes\nlazyfree-lazy-user-flush yes\n"
               "hash-max-listpack-entries 512\nhash-max-listpack-value 64\nset-max-intset-entries "
               "512\nzset-max-listpack-entries 128\n"
               "stream-node-max-bytes 4096\nlatency-tracking no\ntimeout 0\nmaxclients 1000\n"
               "enable-debug-command no\nenable-module-command no\nenable-protected-configs no\n");
    buf_printf(b, "%s\n", embedded_rights);
}

static int put_file(const char *dir, const char *name, struct slice text, struct err *e)
{
    char path[400], fresh[420];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    if (!ok || rename(fresh, path) != 0)
        return err_set(e, ERR_IO, "can't write %s: %s", path, strerror(errno));
    return 0;
}

/* The process of the pid file, when it is a server of this very directory. */
static pid_t orphan_find(const struct embedded *r)
{
    char path[400], text[32] = "", link[64], cwd[400];
    snprintf(path, sizeof path, "%s/redis.pid", r->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    if (pid <= 1)
        return 0;
    snprintf(link, sizeof link, "/proc/%ld/cwd", pid);
    n = readlink(link, cwd, sizeof cwd - 1);
    if (n <= 0)
        return 0;
    cwd[n] = '\0';
    char *real = realpath(r->dir, NULL);
    bool ours = real && strcmp(real, cwd) == 0;
    free(real); /* the C library's memory */
    return ours ? (pid_t)pid : 0;
}

/* Another supervisor died without its children: two servers over one append-only file would ruin it. */
static int orphan_end(const struct embedded *r, struct err *e)
{
    pid_t pid = orphan_find(r);
    if (!pid)
        return 0;
    log_event(LOG_WARN, "redis.orphan", log_str("server", r->child.name), log_int("pid", pid));
    kill(pid, SIGCONT);
    kill(pid, SIGTERM);
    for (int ms = 0; ms < EMBEDDED_ORPHAN_MS; ms += 20) {
        if (orphan_find(r) != pid)
            return 0;
        if (ms == EMBEDDED_ORPHAN_MS - 5000)
            kill(pid, SIGKILL);
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    return err_set(e, ERR_BUSY, "process %d still serves %s and does not end", (int)pid, r->dir);
}

int embedded_prepare(struct embedded *r, const char *name, const char *data_dir, const char *program,
                     int64_t memory_mb, struct err *e)
{
    char parent[256];
    r->child.name = strcmp(name, "keys") == 0 ? "redis-keys" : "redis-data";
    r->program = program;
    r->memory = memory_mb > 0 ? (uint64_t)memory_mb << 20 : memory_share(name);
    snprintf(parent, sizeof parent, "%s/redis", data_dir);
    if ((size_t)snprintf(r->dir, sizeof r->dir, "%s/%s", parent, name) >= sizeof r->dir)
        return err_set(e, ERR_TOO_LARGE, "the data directory's path is too long");
    if ((mkdir(parent, 0700) != 0 && errno != EEXIST) || (mkdir(r->dir, 0700) != 0 && errno != EEXIST))
        return err_set(e, ERR_IO, "can't make %s: %s", r->dir, strerror(errno));
    if (orphan_end(r, e) != 0)
        return -e->code;
    struct buf b;
    buf_init(&b, EMBEDDED_CONF_MAX);
    write_conf(r, &b);
    int rc = b.err ? err_set(e, ERR_TOO_LARGE, "configuration of redis")
                   : put_file(r->dir, "redis.conf", buf_view(&b), e);
    buf_clear(&b);
    char log[400];
    snprintf(log, sizeof log, "%s/redis.log", r->dir);
    unlink(log);
    return rc;
}

int embedded_start(struct embedded *r, struct err *e)
{
    char log[400];
    snprintf(log, sizeof log, "%s/redis.log", r->dir);
    char *argv[] = {(char *)r->program, (char *)"redis.conf", NULL};
    struct child_spec s = {
        .argv = argv, .program = r->program, .dir = r->dir, .log = log, .death_signal = SIGTERM};
    return child_start(&r->child, &s, e);
}

/* Redis marks what matters with '#': the last such line says why it ended. */
void embedded_explain(struct embedded *r)
{
    char path[400], tail[4096], *word = NULL;
    snprintf(path, sizeof path, "%s/redis.log", r->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END),
          from = size > (off_t)sizeof tail - 1 ? size - (off_t)sizeof tail + 1 : 0;
    ssize_t n = pread(fd, tail, sizeof tail - 1, from);
    close(fd);
    if (n <= 0)
        return;
    tail[n] = '\0';
    for (char *p = tail; (p = strstr(p, " # ")) != NULL; p += 3)
        word = p + 3;
    if (!word || strncmp(word, "WARNING", 7) == 0)
        return;
    word[strcspn(word, "\n")] = '\0';
    size_t used = strlen(r->child.why);
    snprintf(r->child.why + used, sizeof r->child.why - used, "; its last word: %.120s", word);
}

void embedded_url(const struct embedded *r, char *out, size_t n)
{
    snprintf(out, n, "unix:%s/redis.sock", r->dir);
}
