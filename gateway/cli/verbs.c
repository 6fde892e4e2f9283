/* SPDX-License-Identifier: Apache-2.0
 * The table of verbs, and how each makes its request. */
#include "gateway/cli/alerts.h"
#include "gateway/cli/rights.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/operation_files.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERBS_FILE_MAX (16u << 20)

/* The options become members of the request. */
static json_t *request_of(const struct cli *c, const char *verb)
{
    json_t *o = json_deep_copy(c->options);
    json_object_set_new(o, "verb", json_string(verb));
    return o;
}

static json_t *with(const struct cli *c, const char *verb, const char *member)
{
    json_t *o = request_of(c, verb);
    json_object_set_new(o, member, json_string(c->args[0]));
    return o;
}

static bool read_all(FILE *f, struct buf *b)
{
    for (size_t n = 1; n;) {
        char *room = buf_reserve(b, 16384);
        n = room ? fread(room, 1, 16384, f) : 0;
        buf_commit(b, n);
    }
    return !ferror(f) && !b->err;
}

static json_t *file_read(const char *path, struct err *e)
{
    struct buf b;
    json_t *o = NULL;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    buf_init(&b, VERBS_FILE_MAX);
    if (!f || !read_all(f, &b))
        err_set(e, ERR_IO, "%.150s: %s", path, b.err ? "too large" : strerror(errno));
    else if (!(o = json_parse(buf_view(&b), JSON_DEPTH_DEFAULT, e)))
        err_prefix(e, "%.100s", path);
    if (f && f != stdin)
        fclose(f);
    buf_clear(&b);
    return o;
}

static json_t *apply(const struct cli *c, struct err *e)
{
    json_t *file = file_read(c->args[0], e);
    if (!file || !operation_files(file, c->args[0], e)) {
        json_decref(file);
        return NULL;
    }
    json_t *o = request_of(c, "apply");
    json_object_set_new(o, "file", file);
    return o;
}

static json_t *export(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "export", "operation");
}

static json_t *token(const struct cli *c, struct err *e)
{
    if (!json_object_get(c->options, "role")) {
        err_set(e, ERR_INVALID, "--role is needed");
        return NULL;
    }
    if (slice_is(json_opt_str(c->options, "role"), "agent") && !json_opt_str(c->options, "agent").n) {
        err_set(e, ERR_INVALID, "--agent is needed: a token with the role agent is an agent's");
        return NULL;
    }
    return with(c, "token", "operation");
}

static json_t *token_list(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "token-list", "operation");
}

static json_t *token_end(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "token-end", "id");
}

/* --stdin: the password comes as one line, so that it stands in no list of processes. */
static json_t *with_password(const struct cli *c, const char *verb, struct err *e)
{
    json_t *o = with(c, verb, "login");
    char line[256];
    if (!json_object_get(o, "stdin"))
        return o;
    json_object_del(o, "stdin");
    if (!fgets(line, sizeof line, stdin)) {
        err_set(e, ERR_INVALID, "no password came on stdin");
        json_decref(o);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    json_object_set_new(o, "password", json_string(line));
    mem_wipe(line, sizeof line);
    return o;
}

static json_t *user_add(const struct cli *c, struct err *e)
{
    return with_password(c, "user-add", e);
}

static json_t *user_passwd(const struct cli *c, struct err *e)
{
    return with_password(c, "user-passwd", e);
}

static json_t *user_list(const struct cli *c, struct err *e)
{
    (void)e;
    return request_of(c, "user-list");
}

static json_t *user_disable(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "user-disable", "login");
}

static json_t *user_enable(const struct cli *c, struct err *e)
{
    (void)e;
    json_t *o = with(c, "user-disable", "login");
    json_object_set_new(o, "enable", json_true());
    return o;
}

static json_t *user_second(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "user-second", "login");
}

static json_t *webhooks(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "webhooks", "operation");
}

static json_t *with_webhook(const struct cli *c, const char *verb)
{
    json_t *o = with(c, verb, "operation");
    json_object_set_new(o, "webhook", json_string(c->args[1]));
    return o;
}

static json_t *webhook_redeliver(const struct cli *c, struct err *e)
{
    (void)e;
    return with_webhook(c, "webhook-redeliver");
}

static json_t *webhook_resume(const struct cli *c, struct err *e)
{
    (void)e;
    return with_webhook(c, "webhook-resume");
}

static json_t *status(const struct cli *c, struct err *e)
{
    (void)e;
    return request_of(c, "status");
}

static json_t *erase(const struct cli *c, struct err *e)
{
    (void)e;
    json_t *o = with(c, "erase", "operation");
    json_object_set_new(o, "contact", json_string(c->args[1]));
    return o;
}

static json_t *rotate_keys(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "rotate-keys", "operation");
}

static json_t *audit_verify(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "audit-verify", "operation");
}

static json_t *with_dir(const struct cli *c, const char *verb)
{
    char path[PATH_MAX * 2], here[PATH_MAX] = "";
    json_t *o = request_of(c, verb);
    if (c->args[0][0] != '/' && !getcwd(here, sizeof here))
        here[0] = '\0';
    snprintf(path, sizeof path, "%s%s%s", here, *here ? "/" : "", c->args[0]);
    json_object_set_new(o, "dir", json_string(path));
    return o;
}

static json_t *backup(const struct cli *c, struct err *e)
{
    (void)e;
    return with_dir(c, "backup");
}

static json_t *restore(const struct cli *c, struct err *e)
{
    char line[256];
    if (isatty(0))
        fputs("The recovery key: ", stderr);
    if (!fgets(line, sizeof line, stdin)) {
        err_set(e, ERR_INVALID, "the recovery key is wanted on stdin");
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    json_t *o = with_dir(c, "restore");
    json_object_set_new(o, "recovery_key", json_string(line));
    mem_wipe(line, sizeof line);
    return o;
}

static json_t *recovery_saved(const struct cli *c, struct err *e)
{
    (void)e;
    return request_of(c, "recovery-saved");
}

static json_t *remove_operation(const struct cli *c, struct err *e)
{
    (void)e;
    return with(c, "remove", "operation");
}

static json_t *demo_remove(const struct cli *c, struct err *e)
{
    (void)e;
    json_t *o = request_of(c, "remove");
    json_object_set_new(o, "operation", json_string("demo"));
    json_object_set_new(o, "confirm", json_string("demo"));
    return o;
}

const struct cli_verb cli_verbs[] = {
    {"apply", "FILE", "--dry-run --no-passwords",
     "brings an operation to what the file says (- is stdin); --dry-run shows the difference; "
     "--no-passwords: users that are new can't sign in until `user passwd`",
     apply, show_apply, NULL},
    {"export", "OPERATION", "", "prints the operation as a file, without its secrets", export, show_export,
     NULL},
    {"status", "", "", "how it is: store, channels, counts", status, show_status, NULL},
    {"token list", "OPERATION", "", "lists bearer tokens", token_list, show_tokens, NULL},
    {"token end", "ID", "", "makes a token worthless", token_end, show_nothing, NULL},
    {"token", "OPERATION", "--role R --agent LOGIN --clearance N --note TEXT",
     "prints a new bearer token for programs. --role is needed: agent, supervisor, focal, partner, "
     "administrator, "
     "auditor, integrator; --agent: whose; --clearance: 0 open (so without it), 1 confidential, 2 sensitive",
     token, show_token, NULL},
    {"user add", "LOGIN", "--name TEXT --stdin",
     "makes a user with a random password (--stdin: with the one on stdin)", user_add, show_user, NULL},
    {"user passwd", "LOGIN", "--stdin", "gives a user a new random password (--stdin: the one on stdin)",
     user_passwd, show_user, NULL},
    {"user list", "", "", "lists users", user_list, show_users, NULL},
    {"user disable", "LOGIN", "", "ends a user's sessions; they can't sign in any more", user_disable,
     show_nothing, NULL},
    {"user enable", "LOGIN", "", "takes that back", user_enable, show_nothing, NULL},
    {"user second-factor", "LOGIN", "--reset",
     "whether a user has a second factor; --reset ends it and every sign-in of theirs: with the next one "
     "they "
     "set up another",
     user_second, show_second, NULL},
    {"webhook list", "OPERATION", "", "how each webhook stands: what waits, what was put aside", webhooks,
     show_webhooks, NULL},
    {"webhook redeliver", "OPERATION WEBHOOK", "--from TIME --to TIME",
     "sends again what was put aside (at most 1,000 a call), or what of it was put aside between two times",
     webhook_redeliver, show_redelivered, NULL},
    {"webhook resume", "OPERATION WEBHOOK", "", "goes on with a webhook whose receiver said that it is gone",
     webhook_resume, show_nothing, NULL},
    {"detect", "", "--model FILE", "tells the language of each line on stdin; needs no daemon", NULL, NULL,
     cli_detect},
    {"erase", "OPERATION CONTACT", "", "erases a person for good", erase, show_erased, NULL},
    {"rotate-keys", "OPERATION", "", "gives the operation a new master key", rotate_keys, show_nothing, NULL},
    {"audit verify", "OPERATION", "--root HASH",
     "walks the audit's chain; --root: a root noted earlier must be in it", audit_verify, show_audit, NULL},
    {"report", "OPERATION", "--from DATE --to DATE --by NAMES --area AREA --clearance N --csv --bom",
     "counts what was opened in these days (both included, 2026-01-31), by up to four of day, week, month, "
     "language, topic, type, subject, channel, duration, outcome, area, team, priority, state, with commas "
     "between; cells of fewer than 5 are hidden",
     ask_report, show_counted, NULL},
    {"subject export", "OPERATION CONTACT DIR", "",
     "writes all that is kept about a person into a new directory, for that person; what is sealed a focal "
     "point exports in the page",
     ask_subject, show_subject, NULL},
    {"certificates", "OPERATION [ID]", "", "tells certificates of erasure again", ask_certificates,
     show_certificates, NULL},
    {"breach", "OPERATION", "--from TIME --to TIME --user LOGIN --contact ID",
     "counts from the audit whose records somebody saw or took away, for a notice within 72 hours; "
     "--contact: who saw that person's",
     ask_breach, show_counted, NULL},
    {"processing", "OPERATION", "", "prints the record of processing: what is stored, why, how long",
     ask_processing, show_processing, NULL},
    {"alert list", "OPERATION", "", "lists the red alerts that are open: codes and times", ask_alerts,
     show_alerts, NULL},
    {"alert drill", "OPERATION CATEGORY", "--area AREA",
     "raises an alert as a drill: whoever is on duty is told as if it were real", ask_drill, show_drill,
     NULL},
    {"backup", "DIR", "", "writes an encrypted backup into a new directory", backup, show_backup, NULL},
    {"restore", "DIR", "",
     "reads a backup into a running daemon that is empty; the backup's recovery key comes on stdin", restore,
     show_report, NULL},
    {"recovery saved", "", "", "the recovery key is kept elsewhere now: forgets it here", recovery_saved,
     show_nothing, NULL},
    {"demo remove", "", "", "destroys the demo operation", demo_remove, show_removed, NULL},
    {"remove", "OPERATION", "--confirm OPERATION",
     "destroys an operation: keys, data, files; its name again in --confirm", remove_operation, show_removed,
     NULL},
    {0}};
