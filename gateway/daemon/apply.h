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
    const char *version;     /* apply_version of what is there now */
};
/* What an operation is and what it would be; agents_after NULL: they stay. */
struct apply_change {
    const json_t *before, *after; /* documents; before may be NULL */
    const json_t *agents, *agents_after;
};
struct apply_want {
    const json_t *file; /* copied */
    bool dry_run;
    /* Goes on only while this is the version that is there, else ERR_CONFLICT; NULL or "": whatever is. */
    const char *expect;
    /* May this be changed so? May be NULL. False with lines "/pointer: why" appended: ERR_FORBIDDEN. */
    bool (*allowed)(void *arg, const struct apply_change *c, struct buf *problems);
    bool no_passwords; /* users that are new can't sign in until somebody gives them a password */
    const char *actor;
    void (*progress)(void *arg, size_t done, size_t of); /* agents; may be NULL */
    void (*done)(void *arg, const struct err *e, const struct apply_result *r);
    void *arg;
};
/* done once, later, when every worker of every node works with it. Applying the same file again does nothing.
 */
void apply_run(struct worker *w, const struct apply_want *want);

/* Names a state of document and agents together: another one after every change of either. */
#define APPLY_VERSION 48
void apply_version(uint64_t document, const json_t *agents, char out[APPLY_VERSION]);

/* The whole operation as the file that, applied, changes nothing; secrets: which of the things that go in and
 * never come out are there, {"channels":{"tg":{"token":true}}}. Both live until the callback returns. */
void apply_export(struct worker *w, struct store_op *op,
                  void (*done)(void *arg, const struct err *e, const json_t *file, const json_t *secrets,
                               const char *version),
                  void *arg);

/* An agent's record in the form of a file. The caller decrefs. */
json_t *apply_agent_json(const struct store_agent *a);
/* The connector host as operation.h wants it. */
struct operation_connectors apply_connectors(struct worker *w);

#endif
