/* SPDX-License-Identifier: Apache-2.0
 * What the three files of the agents' socket share. */
#ifndef PARLEY_API_SOCKET_H
#define PARLEY_API_SOCKET_H

#include "gateway/api/api_internal.h"

/* ref NULL: of no command. */
void socket_error(struct agent_socket *s, const char *ref, const char *code, const char *detail);
/* A callback of the store (arg: the socket, counted in refs) of which nothing is told. */
void socket_done(void *arg, const struct err *e);
/* Its agent is there. */
void socket_beat(struct agent_socket *s);
void socket_hello(struct agent_socket *s, const json_t *frame);
/* Any frame: it says hello, or commands. */
void socket_command(struct agent_socket *s, const json_t *frame);

#endif
