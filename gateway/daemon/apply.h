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
    const json_t *behind;    /* names of nodes that live and have not taken it in ten seconds */
};
struct apply_want {
    const json_t *file; /* copied */
    bool dry_run;
    bool no_passwords; /* users that are new can't sign in until somebody gives them a password */
    const char *actor;
    void (*progress)(void *arg, size_t done, size_t of); /* agents; may be NULL */
    void (*done)(void *arg, const struct err *e, const struct apply_result *r);
    void *arg;
};
/* done once, later, when every worker of every node works with it. Applying the same file again does nothing.
 */
void apply_run(struct worker *w, const struct apply_want *want);

/* An agent's record in the form of a file. The caller decrefs. */
json_t *apply_agent_json(const struct store_agent *a);
/* The connector host as operation.h wants it. */
struct operation_connectors apply_connectors(struct worker *w);

#endif
