/* SPDX-License-Identifier: Apache-2.0
 * Agents of an operation file and their users, put into the store. */
#ifndef PARLEY_DAEMON_APPLY_AGENTS_H
#define PARLEY_DAEMON_APPLY_AGENTS_H

#include "gateway/base/json.h"

struct store;
struct store_op;

struct agents_job {
    struct store *store;
    struct store_op *op;
    json_t *agents;      /* in canonical form; taken over */
    json_t *passwords;   /* {"login","password"} of each user that is new is appended */
    bool with_passwords; /* false: users that are new can't sign in until somebody gives them one */
    const char *actor;   /* lives until done */
    void (*progress)(void *arg, size_t done, size_t of); /* now and then; may be NULL */
    void (*done)(void *arg, const struct err *e);
    void *arg;
};
/* done once; from within when there are none. After an error nothing more is begun, and what was begun has
 * ended. */
void apply_agents_put(const struct agents_job *job);

#endif
