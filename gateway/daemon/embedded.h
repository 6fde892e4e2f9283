/* SPDX-License-Identifier: Apache-2.0
 * The embedded Redis servers: one for the data, a small one for the keys; on unix sockets in the data
 * directory, every write on disk before it is acknowledged. */
#ifndef PARLEY_DAEMON_EMBEDDED_H
#define PARLEY_DAEMON_EMBEDDED_H

#include "gateway/daemon/child.h"
#include <stdbool.h>

struct embedded {
    struct child child;
    char dir[256]; /* data_dir/redis/data */
    uint64_t memory;
    const char *program;
};

/* Makes the directory and its configuration, and ends a server that an earlier supervisor left behind (waits
 * up to 15 s for it). name: "data" or "keys". memory 0: a share of the machine's. */
int embedded_prepare(struct embedded *r, const char *name, const char *data_dir, const char *program,
                     int64_t memory_mb, struct err *e);
int embedded_start(struct embedded *r, struct err *e);
/* Adds what the server itself said last to child.why. */
void embedded_explain(struct embedded *r);
/* "unix:/…/redis.sock" */
void embedded_url(const struct embedded *r, char *out, size_t n);

#endif
