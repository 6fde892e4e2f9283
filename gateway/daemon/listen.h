/* SPDX-License-Identifier: Apache-2.0
 * The sockets that the supervisor keeps open over its workers' lives. */
#ifndef PARLEY_DAEMON_LISTEN_H
#define PARLEY_DAEMON_LISTEN_H

#include "gateway/base/err.h"
#include <stddef.h>

/* n sockets for one address, one for each worker (SO_REUSEPORT when n > 1: the kernel then spreads
 * connections evenly, which a shared socket does not). With port 0 the kernel chooses one for all. */
int listen_open(const char *address, int *fds, size_t n, struct err *e);
/* A unix socket that only we can reach; takes the place of one that a dead daemon left. */
int listen_local(const char *path, struct err *e);
/* "127.0.0.1:8080" of a listening socket. */
void listen_name(int fd, char *out, size_t n);

#endif
