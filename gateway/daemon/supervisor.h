/* SPDX-License-Identifier: Apache-2.0
 * The supervisor: owns the lock on the data directory, the listening sockets, the embedded Redis servers and
 * the workers. It does no work itself, so that it has nothing to die of. */
#ifndef PARLEY_DAEMON_SUPERVISOR_H
#define PARLEY_DAEMON_SUPERVISOR_H

#include "gateway/daemon/config.h"

/* What a worker finds in its descriptors and arguments; see worker.h. */
enum { WORKER_FD_CONFIG = 3, WORKER_FD_CONTROL, WORKER_FD_LISTEN, WORKER_FD_ADMIN, WORKER_FDS = 4 };

struct supervisor_options {
    const char *config_path, *top;
    const char *listen, *data_dir; /* from the command line; NULL */
};

/* Takes c over. Runs until told to stop; returns the exit status. */
int supervisor_run(struct config *c, const struct supervisor_options *o);
/* The configuration as file and command line give it; NULL with problems. */
struct config *supervisor_config(const struct supervisor_options *o, struct buf *problems);

#endif
