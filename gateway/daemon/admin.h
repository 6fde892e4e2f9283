/* SPDX-License-Identifier: Apache-2.0
 * The admin socket: `parley` sends one JSON line {"verb":…}, gets any number of {"progress":"…"} and then one
 * {"done":{…}} or
 * {"error":{"code","text"}}. Only the owner of the data directory and root reach it. */
#ifndef PARLEY_DAEMON_ADMIN_H
#define PARLEY_DAEMON_ADMIN_H

#include "gateway/base/json.h"
#include "gateway/base/map.h"

struct worker;
struct local_server;
struct local_conn;

struct local_server *admin_open(struct worker *w, int fd, struct err *e);

/* A verb under way. Ends in one admin_done or admin_error, which free it. */
struct admin_call {
    struct list node;
    struct worker *w;
    struct local_conn *conn; /* NULL: the asker has left; the work goes on */
    json_t *args;
    const struct admin_verb *verb;
    void *state; /* the verb's own; mem_free'd with the call */
};
struct admin_verb {
    const char *name;
    void (*run)(struct admin_call *c);
    const char *args; /* known members besides verb and actor, blank-separated */
    bool change;      /* logged */
};
extern const struct admin_verb admin_office_verbs[], admin_people_verbs[], admin_report_verbs[],
    admin_subject_verbs[], admin_alert_verbs[], admin_hook_verbs[]; /* end with name NULL */

void admin_progress(struct admin_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void admin_done(struct admin_call *c, json_t *answer); /* takes answer over */
void admin_error(struct admin_call *c, const struct err *e);
void admin_refuse(struct admin_call *c, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A string argument; "" when it is not there. */
const char *admin_arg(const struct admin_call *c, const char *name);
/* Who does it, for the audit. */
const char *admin_actor(const struct admin_call *c);
/* The operation that the argument "operation" names; NULL when there is none, and the call was answered. */
struct store_op *admin_op(struct admin_call *c);

#endif
