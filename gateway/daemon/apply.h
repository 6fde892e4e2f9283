/* SPDX-License-Identifier: Apache-2.0
 * Carries an operation file out: the document, the agents, their users. */
#ifndef PARLEY_DAEMON_APPLY_H
#define PARLEY_DAEMON_APPLY_H

#include "gateway/base/json.h"

struct worker;
struct store_op;
struct store_agent;
struct operation_connectors;

struct apply_result {
    struct slice changes; /* lines of operation_diff */
    size_t changes_n;
    struct slice problems;   /* lines "/pointer: …" when the code is ERR_INVALID */
    const json_t *passwords; /* [{"login","password"}]: users that are new, told this once */
};
/* Takes a copy of file. done once, later. Applying the same file again does nothing. */
void apply_run(struct worker *w, const json_t *file, bool dry_run, const char *actor,
               void (*done)(void *arg, const struct err *e, const struct apply_result *r), void *arg);

/* An agent's record in the form of a file. The caller decrefs. */
json_t *apply_agent_json(const struct store_agent *a);
/* The connector host as operation.h wants it. */
struct operation_connectors apply_connectors(struct worker *w);

#endif
