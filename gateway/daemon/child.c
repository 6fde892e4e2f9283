/* SPDX-License-Identifier: Apache-2.0
 * Starting a program between fork and exec, and how long to wait before it is started again. */
#include "gateway/daemon/child.h"
#include "gateway/base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_STEADY_MS 10000 /* who lived so long is forgiven its earlier ends */
#define CHILD_PAUSE_MS  100
#define CHILD_PAUSE_MAX 10000
#define CHILD_FIRST_FD  3

/* In the child: only what is safe after fork. */
static void __attribute__((noreturn)) become(const struct child_spec *s, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, s->death_signal);
    if (getppid() != parent)
        _exit(127);
    /* Ctrl-C in a terminal is for the supervisor: it knows the order in which to stop. */
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int sig = 1; sig < NSIG; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            signal(sig, SIG_DFL);
    if (s->log) {
        int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
            _exit(127);
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0)
        _exit(127);
    /* Out of the way of the numbers that are to be filled; the copies close themselves. */
    int moved[16];
    for (size_t i = 0; i < s->fds_n; i++) {
        moved[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, CHILD_FIRST_FD + (int)s->fds_n);
        if (moved[i] < 0)
            _exit(127);
    }
    for (size_t i = 0; i < s->fds_n; i++)
        if (dup2(moved[i], CHILD_FIRST_FD + (int)i) < 0)
            _exit(127);
    if (s->dir && chdir(s->dir) != 0)
        _exit(127);
    execvp(s->program, s->argv);
    _exit(errno == ENOENT ? 126 : 127);
}

int child_start(struct child *c, const struct child_spec *s, struct err *e)
{
    err_assert(s->fds_n <= 16);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return err_set(e, ERR_IO, "can't start %s: %s", c->name, strerror(errno));
    if (pid == 0)
        become(s, parent);
    c->pid = pid;
    c->started_ms = time_mono_us() / 1000;
    c->due_ms = 0;
    return 0;
}

void child_ended(struct child *c, int status, int64_t now_ms)
{
    if (WIFSIGNALED(status))
        snprintf(c->why, sizeof c->why, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == 126)
        snprintf(c->why, sizeof c->why, "its program was not found");
    else
        snprintf(c->why, sizeof c->why, "ended with status %d", WEXITSTATUS(status));
    if (now_ms - c->started_ms >= CHILD_STEADY_MS)
        c->failures = 0;
    int64_t pause = c->failures == 0 ? 0 : CHILD_PAUSE_MS << (c->failures < 8 ? c->failures - 1 : 7);
    c->failures++;
    c->pid = 0;
    c->due_ms = now_ms + (pause < CHILD_PAUSE_MAX ? pause : CHILD_PAUSE_MAX);
}

void child_signal(const struct child *c, int signum)
{
    if (c->pid > 0)
        kill(c->pid, signum);
}
