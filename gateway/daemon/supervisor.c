/* SPDX-License-Identifier: Apache-2.0
 * The supervisor's loop: signals, the ends of children, words of workers. A reload (SIGHUP) starts a new
 * generation of workers with the new settings, and lets the old one drain once the new one serves: so a
 * reload reaches everything, and can fail without harm. */
#include "gateway/daemon/supervisor.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/embedded.h"
#include "gateway/daemon/listen.h"
#include "gateway/daemon/process.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX     64
#define REDIS_STOP_MS   30000
#define WORKER_SLACK_MS 3000  /* beyond drain_ms, until a worker that does not stop is killed */
#define WORKER_UP_MS    20000 /* a new generation that takes longer is given up */

enum worker_state { WORKER_NONE, WORKER_STARTING, WORKER_UP, WORKER_DRAINING };

struct worker {
    struct child child;
    enum worker_state state;
    size_t slot;
    bool next; /* of the new generation: takes the slot once it is up */
    int control;
    int64_t kill_ms; /* draining: when it is killed; starting and next: when it is given up */
};

enum phase { RUNNING, DRAINING, CLOSING };

struct supervisor {
    struct config *config;
    const struct supervisor_options *options;
    int lock_fd, signal_fd, admin_fd;
    size_t slots;
    int listen_fds[WORKERS_MAX];
    struct worker workers[2 * WORKERS_MAX];
    struct embedded redis[2];
    size_t redis_n;
    enum phase phase;
    int64_t phase_ends_ms;
    bool greeted, restart_told;
    int status;
};

static int64_t now_ms(void)
{
    return time_mono_us() / 1000;
}

/* ---- workers ---- */

/* State of the children, told to each worker whenever it changes, for /readyz and `parley status`. */
static void tell_workers(struct supervisor *s)
{
    struct buf b;
    buf_init(&b, 8192);
    buf_printf(&b, "{\"supervisor\":%d,\"workers\":%zu,\"children\":[", (int)getpid(), s->slots);
    for (size_t i = 0; i < s->redis_n; i++) {
        const struct child *c = &s->redis[i].child;
        buf_printf(&b, "%s{\"name\":\"%s\",\"pid\":%d,\"restarts\":%u,\"why\":", i ? "," : "", c->name,
                   (int)c->pid, c->restarts);
        buf_json_str(&b, text_valid(slice_str(c->why), NULL) ? slice_str(c->why) : SLICE("?"));
        buf_char(&b, '}');
    }
    buf_str(&b, "]}\n");
    for (size_t i = 0; i < 2 * WORKERS_MAX; i++)
        if (s->workers[i].state != WORKER_NONE && !b.err)
            (void)!send(s->workers[i].control, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_clear(&b);
}

static int config_memfd(const struct supervisor *s)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    config_write(s->config, &b);
    int fd = memfd_create("parley-config", MFD_CLOEXEC);
    if (fd >= 0 && (b.err || write(fd, b.p, b.n) != (ssize_t)b.n || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        fd = -1;
    }
    buf_clear(&b);
    return fd;
}

static struct worker *worker_free_place(struct supervisor *s)
{
    for (size_t i = 0; i < 2 * WORKERS_MAX; i++)
        if (s->workers[i].state == WORKER_NONE)
            return &s->workers[i];
    return NULL;
}

static struct worker *worker_of_slot(struct supervisor *s, size_t slot, bool next)
{
    for (size_t i = 0; i < 2 * WORKERS_MAX; i++) {
        struct worker *w = &s->workers[i];
        if ((w->state == WORKER_STARTING || w->state == WORKER_UP) && w->slot == slot && w->next == next)
            return w;
    }
    return NULL;
}

static bool worker_spawn(struct supervisor *s, struct worker *w)
{
    char slot[16];
    snprintf(slot, sizeof slot, "%zu", w->slot);
    char *argv[] = {(char *)"parleyd", (char *)"--worker", slot, s->greeted ? NULL : (char *)"--greet", NULL};
    int pair[2] = {-1, -1}, config = config_memfd(s);
    struct err e = {0};
    if (config < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        err_set(&e, ERR_IO, "no descriptors for a worker: %s", strerror(errno));
    } else {
        const int fds[WORKER_FDS] = {config, pair[1], s->listen_fds[w->slot], s->admin_fd};
        /* The running program's own file, so that one that is being built or installed meanwhile is not mixed
         * with it; a new process image each time, so that its addresses can't be learnt from crashes. */
        struct child_spec spec = {.argv = argv,
                                  .program = "/proc/self/exe",
                                  .fds = fds,
                                  .fds_n = WORKER_FDS,
                                  .death_signal = SIGKILL};
        child_start(&w->child, &spec, &e);
    }
    if (config >= 0)
        close(config);
    if (pair[1] >= 0)
        close(pair[1]);
    if (e.code) {
        log_event(LOG_ERROR, "worker.start", log_err(&e));
        if (pair[0] >= 0)
            close(pair[0]);
        w->child.due_ms = now_ms() + 1000;
        return false;
    }
    w->control = pair[0];
    if (w->slot == 0 && !w->next)
        s->greeted = true;
    return true;
}

static void worker_new(struct supervisor *s, size_t slot, bool next)
{
    struct worker *w = worker_free_place(s);
    if (!w)
        return;
    memset(w, 0, sizeof *w);
    w->child.name = "worker";
    w->slot = slot;
    w->next = next;
    w->state = WORKER_STARTING;
    w->control = -1;
    w->kill_ms = next ? now_ms() + WORKER_UP_MS : 0;
    if (!worker_spawn(s, w) && next)
        w->state = WORKER_NONE;
}

static void worker_drain(struct supervisor *s, struct worker *w)
{
    w->state = w->child.pid ? WORKER_DRAINING : WORKER_NONE;
    w->kill_ms = now_ms() + s->config->drain_ms + WORKER_SLACK_MS;
    child_signal(&w->child, SIGTERM);
}

static void worker_is_up(struct supervisor *s, struct worker *w)
{
    if (w->state != WORKER_STARTING)
        return;
    w->state = WORKER_UP;
    w->kill_ms = 0;
    struct worker *old = w->next ? worker_of_slot(s, w->slot, false) : NULL;
    w->next = false;
    w->child.restarts = old ? old->child.restarts : w->child.restarts;
    if (old)
        worker_drain(s, old);
    log_event(LOG_INFO, "worker.up", log_int("slot", (int64_t)w->slot), log_int("pid", w->child.pid),
              log_int("ms", now_ms() - w->child.started_ms));
    tell_workers(s);
}

static void worker_has_ended(struct supervisor *s, struct worker *w, int status)
{
    enum worker_state was = w->state;
    child_ended(&w->child, status, now_ms());
    if (w->control >= 0)
        close(w->control);
    w->control = -1;
    if (was == WORKER_DRAINING || w->next || s->phase != RUNNING || w->slot >= s->slots) {
        w->state = WORKER_NONE;
        if (w->next)
            log_event(LOG_ERROR, "reload.failed", log_str("why", w->child.why));
        return;
    }
    w->state = WORKER_STARTING;
    w->child.restarts++;
    log_event(LOG_ERROR, "worker.ended", log_int("slot", (int64_t)w->slot), log_str("why", w->child.why),
              log_int("again_in_ms", w->child.due_ms - now_ms()));
}

/* Words of a worker: 'u' it serves. */
static void worker_says(struct supervisor *s, struct worker *w)
{
    char word[64];
    ssize_t n = recv(w->control, word, sizeof word, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close(w->control); /* its end follows by SIGCHLD */
        w->control = -1;
    }
    for (ssize_t i = 0; i < n; i++)
        if (word[i] == 'u')
            worker_is_up(s, w);
}

/* ---- reload ---- */

static void relisten(struct supervisor *s, const struct config *c)
{
    int fds[WORKERS_MAX];
    struct err e = {0};
    if (strcmp(c->listen, s->config->listen) == 0)
        return;
    if (listen_open(c->listen, fds, s->slots, &e) != 0) {
        log_event(LOG_ERROR, "reload.listen", log_err(&e)); /* goes on where it is */
        return;
    }
    for (size_t i = 0; i < s->slots; i++) {
        close(s->listen_fds[i]);
        s->listen_fds[i] = fds[i];
    }
}

static void use_embedded(struct supervisor *s, struct config *c)
{
    char url[320];
    for (size_t i = 0; i < s->redis_n; i++) {
        char **at = strstr(s->redis[i].child.name, "keys") ? &c->keys_url : &c->redis_url;
        embedded_url(&s->redis[i], url, sizeof url);
        mem_free(*at);
        *at = mem_strdup(url);
    }
}

static void reload(struct supervisor *s)
{
    struct buf problems, restart;
    buf_init(&problems, 65536);
    buf_init(&restart, 4096);
    struct config *c = supervisor_config(s->options, &problems);
    if (!c) {
        log_event(LOG_ERROR, "reload.refused", log_slice("why", buf_view(&problems)));
    } else {
        use_embedded(s, c);
        config_keep(s->config, c, &restart);
        if (restart.n)
            log_event(LOG_WARN, "reload.restart_needed", log_slice("settings", buf_view(&restart)));
        relisten(s, c);
        config_free(&s->config);
        s->config = c;
        process_log(c);
        for (size_t i = 0; i < s->slots; i++) {
            struct worker *earlier = worker_of_slot(s, i, true); /* of a reload that is not over */
            if (earlier)
                worker_drain(s, earlier);
            worker_new(s, i, true);
        }
        log_event(LOG_INFO, "reload", log_int("workers", (int64_t)s->slots));
    }
    buf_clear(&problems);
    buf_clear(&restart);
}

/* ---- children ---- */

static void redis_has_ended(struct supervisor *s, struct embedded *r, int status)
{
    child_ended(&r->child, status, now_ms());
    embedded_explain(r);
    if (s->phase == CLOSING) {
        r->child.due_ms = 0;
        return;
    }
    r->child.restarts++;
    log_event(LOG_ERROR, "redis.ended", log_str("server", r->child.name), log_str("why", r->child.why),
              log_int("again_in_ms", r->child.due_ms - now_ms()));
    tell_workers(s);
}

static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < s->redis_n; i++)
            if (s->redis[i].child.pid == pid)
                redis_has_ended(s, &s->redis[i], status);
        for (size_t i = 0; i < 2 * WORKERS_MAX; i++)
            if (s->workers[i].state != WORKER_NONE && s->workers[i].child.pid == pid)
                worker_has_ended(s, &s->workers[i], status);
    }
}

static void start_due(struct supervisor *s)
{
    int64_t now = now_ms();
    for (size_t i = 0; i < s->redis_n; i++) {
        struct embedded *r = &s->redis[i];
        struct err e = {0};
        if (r->child.pid || !r->child.due_ms || r->child.due_ms > now || s->phase == CLOSING)
            continue;
        if (embedded_start(r, &e) != 0) {
            log_event(LOG_ERROR, "redis.start", log_err(&e));
            r->child.due_ms = now + 1000;
        }
        tell_workers(s);
    }
    for (size_t i = 0; i < 2 * WORKERS_MAX; i++) {
        struct worker *w = &s->workers[i];
        if (w->state == WORKER_STARTING && !w->child.pid && w->child.due_ms && w->child.due_ms <= now &&
            s->phase == RUNNING)
            worker_spawn(s, w);
        if (w->state != WORKER_NONE && w->child.pid && w->kill_ms && w->kill_ms <= now) {
            log_event(LOG_ERROR, "worker.killed", log_int("slot", (int64_t)w->slot));
            w->kill_ms = 0;
            child_signal(&w->child, SIGKILL);
        }
    }
}

/* ---- the end ---- */

static void stop(struct supervisor *s)
{
    if (s->phase != RUNNING) { /* told twice: no more patience */
        s->phase_ends_ms = now_ms();
        for (size_t i = 0; i < 2 * WORKERS_MAX; i++)
            if (s->workers[i].state != WORKER_NONE)
                child_signal(&s->workers[i].child, SIGKILL);
        return;
    }
    log_event(LOG_INFO, "stopping");
    s->phase = DRAINING;
    for (size_t i = 0; i < 2 * WORKERS_MAX; i++) {
        struct worker *w = &s->workers[i];
        if (w->state == WORKER_STARTING || w->state == WORKER_UP)
            worker_drain(s, w);
    }
}

/* True when all is over. */
static bool phase_advance(struct supervisor *s)
{
    if (s->phase == DRAINING) {
        for (size_t i = 0; i < 2 * WORKERS_MAX; i++)
            if (s->workers[i].state != WORKER_NONE)
                return false;
        s->phase = CLOSING;
        s->phase_ends_ms = now_ms() + REDIS_STOP_MS;
        for (size_t i = 0; i < s->redis_n; i++) {
            s->redis[i].child.due_ms = 0;
            child_signal(&s->redis[i].child, SIGTERM); /* writes out and ends */
        }
    }
    if (s->phase != CLOSING)
        return false;
    bool alive = false;
    for (size_t i = 0; i < s->redis_n; i++) {
        alive = alive || s->redis[i].child.pid;
        if (s->phase_ends_ms <= now_ms())
            child_signal(&s->redis[i].child, SIGKILL);
    }
    return !alive;
}

/* ---- the loop ---- */

static int next_due(const struct supervisor *s)
{
    int64_t due = s->phase == CLOSING ? s->phase_ends_ms : 0;
    for (size_t i = 0; i < s->redis_n; i++)
        if (!s->redis[i].child.pid && s->redis[i].child.due_ms && (!due || s->redis[i].child.due_ms < due))
            due = s->redis[i].child.due_ms;
    for (size_t i = 0; i < 2 * WORKERS_MAX; i++) {
        const struct worker *w = &s->workers[i];
        int64_t at = w->state == WORKER_NONE ? 0 : w->child.pid ? w->kill_ms : w->child.due_ms;
        if (at && (!due || at < due))
            due = at;
    }
    if (!due)
        return -1;
    int64_t wait = due - now_ms();
    return wait < 0 ? 0 : wait > 60000 ? 60000 : (int)wait;
}

static void handle_signals(struct supervisor *s)
{
    struct signalfd_siginfo si;
    while (read(s->signal_fd, &si, sizeof si) == sizeof si) {
        if (si.ssi_signo == SIGCHLD)
            reap(s);
        else if (si.ssi_signo == SIGHUP && s->phase == RUNNING)
            reload(s);
        else if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
            stop(s);
    }
}

static void turn(struct supervisor *s)
{
    struct pollfd p[1 + 2 * WORKERS_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};
    struct worker *who[1 + 2 * WORKERS_MAX];
    nfds_t n = 1;
    for (size_t i = 0; i < 2 * WORKERS_MAX; i++)
        if (s->workers[i].state != WORKER_NONE && s->workers[i].control >= 0) {
            who[n] = &s->workers[i];
            p[n++] = (struct pollfd){.fd = s->workers[i].control, .events = POLLIN};
        }
    if (poll(p, n, next_due(s)) < 0 && errno != EINTR)
        return;
    for (nfds_t i = 1; i < n; i++)
        if (p[i].revents && who[i]->control == p[i].fd)
            worker_says(s, who[i]);
    if (p[0].revents)
        handle_signals(s);
    start_due(s);
}

/* ---- the beginning ---- */

/* What is there can be read, so this is no reason to stay away; but whoever starts it should know why nothing
 * comes in. */
static void tell_room(const struct config *c)
{
    struct statvfs v;
    if (statvfs(c->data_dir, &v) != 0)
        return;
    uint64_t free_mb = ((uint64_t)v.f_bavail * v.f_frsize) >> 20;
    if (free_mb < (uint64_t)c->disk_low_mb)
        fprintf(stderr,
                "parleyd: only %" PRIu64 " MB are free where %s is; no message is taken until %" PRId64
                " are (disk_low_mb)\n",
                free_mb, c->data_dir, c->disk_low_mb);
}

static int open_data_dir(struct supervisor *s, struct err *e)
{
    const char *dir = s->config->data_dir;
    char path[400];
    struct stat st;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_IO, "can't make %s: %s", dir, strerror(errno));
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ERR_IO, "%s is not a directory", dir);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_FORBIDDEN, "%s belongs to another user", dir);
    if ((st.st_mode & 077) && chmod(dir, 0700) != 0)
        return err_set(e, ERR_FORBIDDEN, "%s can be read by others: %s", dir, strerror(errno));
    snprintf(path, sizeof path, "%s/lock", dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return err_set(e, ERR_IO, "can't open %s: %s", path, strerror(errno));
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(e, ERR_BUSY, "another parleyd has %s", dir);
    snprintf(path, sizeof path, "%s/keys", dir);
    if (mkdir(path, 0700) == 0) {
        /* Nothing was here: the first worker makes what a first start makes, and takes the mark away when all
         * of it is there. */
        snprintf(path, sizeof path, "%s/first-start", dir);
        int mark = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (mark >= 0)
            close(mark);
    }
    return 0;
}

static int open_redis(struct supervisor *s, struct err *e)
{
    const struct config *c = s->config;
    const struct {
        const char *name, *url;
        int64_t mb;
    } want[] = {{"data", c->redis_url, c->redis_memory_mb}, {"keys", c->keys_url, c->keys_memory_mb}};
    for (size_t i = 0; i < 2; i++) {
        if (*want[i].url)
            continue;
        struct embedded *r = &s->redis[s->redis_n++];
        if (embedded_prepare(r, want[i].name, c->data_dir, c->redis_server, want[i].mb, e) != 0 ||
            embedded_start(r, e) != 0)
            return -e->code;
    }
    use_embedded(s, s->config);
    return 0;
}

static int open_all(struct supervisor *s, struct err *e)
{
    char path[400];
    s->slots = (size_t)s->config->workers;
    if (open_data_dir(s, e) != 0 || listen_open(s->config->listen, s->listen_fds, s->slots, e) != 0)
        return -e->code;
    /* Before any child: so that no end of one is missed. */
    sigset_t set;
    sigemptyset(&set);
    for (const int *sig = (const int[]){SIGCHLD, SIGHUP, SIGTERM, SIGINT, 0}; *sig; sig++)
        sigaddset(&set, *sig);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    process_log(s->config);
    tell_room(s->config);
    if (s->signal_fd < 0)
        return err_set(e, ERR_IO, "no signals: %s", strerror(errno));
    if (open_redis(s, e) != 0)
        return -e->code;
    snprintf(path, sizeof path, "%s/parleyd.sock", s->config->data_dir);
    s->admin_fd = listen_local(path, e);
    return s->admin_fd < 0 ? s->admin_fd : 0;
}

struct config *supervisor_config(const struct supervisor_options *o, struct buf *problems)
{
    struct config *c = config_read(o->config_path, o->top, problems);
    const char *name = o->config_path ? o->config_path : "(defaults)";
    if (c && ((o->listen && !config_override(c, "listen", o->listen, problems)) ||
              (o->data_dir && !config_override(c, "data_dir", o->data_dir, problems)) ||
              !config_verify(c, name, problems)))
        config_free(&c);
    return c;
}

int supervisor_run(struct config *c, const struct supervisor_options *o)
{
    struct supervisor *s = mem_alloc(sizeof *s);
    struct err e = {0};
    s->config = c;
    s->options = o;
    s->lock_fd = s->signal_fd = s->admin_fd = -1;
    if (open_all(s, &e) != 0) {
        fprintf(stderr, "parleyd: %s\n", e.text);
        config_free(&s->config);
        mem_free(s);
        return 1; /* children that were started end with us */
    }
    for (size_t i = 0; i < s->slots; i++)
        worker_new(s, i, false);
    malloc_trim(0);
    while (!phase_advance(s))
        turn(s);
    log_event(LOG_INFO, "stopped");
    char path[400];
    snprintf(path, sizeof path, "%s/parleyd.sock", s->config->data_dir);
    unlink(path);
    config_free(&s->config);
    int status = s->status;
    mem_free(s);
    return status;
}
