/* SPDX-License-Identifier: Apache-2.0
 * Operation files: what is wrong with one, what it changes, and the document that results. Pure functions
 * over JSON. README.md says what a file may hold.
 *
 * The stored document is the file's content without `agents` (those are records of their own, store/agent.h).
 * Things that a section no longer names stay in it with "disabled": true. */
#ifndef PARLEY_DAEMON_OPERATION_H
#define PARLEY_DAEMON_OPERATION_H

#include "gateway/base/json.h"

/* What only the connectors and the shipped texts know. */
struct operation_connectors {
    void *ctx;
    /* Judges a channel's settings; false with e filled. where: the setting that is wrong, or "" for all of
     * them. */
    bool (*check)(void *ctx, const json_t *channel, char where[64], struct err *e);
    /* Is the setting write-only? True for connectors that are not known, to be on the safe side. */
    bool (*secret)(void *ctx, const char *connector, const char *setting);
    /* Does any text for people have this name? NULL: not known, every name is taken. */
    bool (*text)(void *ctx, const char *key);
    /* Does an own wording fill only places that the text has? False: which it has not. NULL: not known. */
    bool (*hole)(void *ctx, const char *key, struct slice own, struct slice *which);
    /* The shipped pack of this name (operation_pack.h), NULL when there is none; the caller decrefs. NULL:
     * not known, every name is taken. */
    json_t *(*pack)(void *ctx, const char *name);
};

/* file: as given; current: the stored document, NULL when the operation is new; agents: array of agents as
 * they are (operation_agent's form), NULL none. Appends one line "/pointer: what is wrong" for each problem.
 * True when there is none. */
bool operation_check(const json_t *file, const json_t *current, const json_t *agents,
                     const struct operation_connectors *con, struct buf *problems);
/* The document after applying a file that was checked. The caller decrefs. */
json_t *operation_merge(const json_t *current, const json_t *file, const struct operation_connectors *con);
/* The agents after applying: the file's in the canonical form, then those it no longer names, disabled. NULL:
 * the file has no such section. */
json_t *operation_merge_agents(const json_t *agents, const json_t *file);
/* One line for each change: "added …", "changed …", "disabled …"; no values. Returns how many. */
size_t operation_diff(const json_t *before, const json_t *after, struct buf *lines);
/* The file that, applied, changes nothing: without secrets. */
json_t *operation_export(const json_t *document, const json_t *agents,
                         const struct operation_connectors *con);
/* An agent of a file in canonical form: every member there, "teams" a list. */
json_t *operation_agent(const json_t *agent);
/* Those of `after` that `before` does not have just so; NULL is none. The caller decrefs. */
json_t *operation_agents_changed(const json_t *before, const json_t *after);
/* By login: the store gives them in no order. */
void operation_agents_sort(json_t *agents);
/* What an agent may see: by the roles (focal 2, supervisor 1), or more when "clearance" says so. */
int operation_clearance(const json_t *agent);
/* "clearance" in canonical form: only where it is more than the roles give. */
void operation_clearance_set(json_t *agent, int clearance);

#endif
