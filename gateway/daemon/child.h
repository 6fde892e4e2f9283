/* SPDX-License-Identifier: Apache-2.0
 * A program that the supervisor keeps alive: started again when it ends, at once the first time, then with
 * growing pauses. */
#ifndef PARLEY_DAEMON_CHILD_H
#define PARLEY_DAEMON_CHILD_H

#include "gateway/base/err.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
    const char *name;
    pid_t pid;          /* 0: not running */
    int64_t started_ms; /* monotonic */
    int64_t due_ms;     /* when it is to be started; 0: not */
    unsigned failures;  /* ends in a row */
    unsigned restarts;  /* in all */
    char why[200];      /* how it ended last; "" never */
};

struct child_spec {
    char *const *argv;
    const char *program; /* path, or name to be found in PATH */
    const char *dir;     /* working directory; NULL: ours */
    const char *log;     /* file for stdout and stderr; NULL: ours */
    const int *fds;      /* passed as descriptors 3, 4, … */
    size_t fds_n;
    int death_signal; /* what it gets when we die */
};

/* The child dies with the calling process. */
int child_start(struct child *c, const struct child_spec *s, struct err *e);
/* It has ended (waitpid's status): says how in why, and when it is to be started again. */
void child_ended(struct child *c, int status, int64_t now_ms);
void child_signal(const struct child *c, int signum);

#endif
