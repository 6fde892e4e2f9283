/* SPDX-License-Identifier: Apache-2.0
 * The tool's verbs: one table for parsing, help and carrying out. */
#ifndef PARLEY_CLI_VERBS_H
#define PARLEY_CLI_VERBS_H

#include "gateway/base/json.h"
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct cli {
    const char *data_dir, *top;
    bool json;
    char **args; /* what is neither option nor verb */
    size_t args_n;
    json_t *options; /* --name VALUE and flags, as the request's members */
};

struct cli_verb {
    const char *words; /* "user add" */
    const char *args;  /* "LOGIN" as help shows them; each is needed, but for those in [brackets] */
    const char
        *options; /* "--role R" …, as help shows them: a name in capitals takes a value, "N" a number */
    const char *help;
    /* Builds the request from the arguments; NULL with e filled. */
    json_t *(*request)(const struct cli *c, struct err *e);
    /* Shows the answer to people; the exit status. */
    int (*show)(const json_t *done);
    /* Instead of both: needs no daemon. */
    int (*run)(const struct cli *c);
};
extern const struct cli_verb cli_verbs[]; /* ends with words NULL */

int cli_detect(const struct cli *c); /* detect.c */
/* show.c */
int show_nothing(const json_t *done);
int show_apply(const json_t *done);
int show_export(const json_t *done);
int show_token(const json_t *done);
int show_tokens(const json_t *done);
int show_user(const json_t *done);
int show_webhooks(const json_t *done);
int show_redelivered(const json_t *done);
int show_second(const json_t *done);
int show_users(const json_t *done);
int show_status(const json_t *done);
int show_erased(const json_t *done);
int show_audit(const json_t *done);
int show_report(const json_t *done);
int show_backup(const json_t *done);
int show_removed(const json_t *done);

#endif
