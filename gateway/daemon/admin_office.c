/* SPDX-License-Identifier: Apache-2.0
 * Verbs of the admin socket about operations and the store. */
#include "gateway/api/api.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/backups.h"
#include "gateway/daemon/capacity.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/apply.h"
#include "gateway/daemon/office.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "store/admin.h"
#include "store/audit.h"
#include "store/certificate.h"
#include "store/user.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- apply and export ---- */

static json_t *lines_json(struct slice text)
{
    json_t *list = json_array();
    struct slice line;
    while (text.n && slice_next(&text, '\n', &line))
        if (line.n)
            json_array_append_new(list, json_stringn(line.p, line.n));
    return list;
}

/* Where agents and people go, for whoever has just made an operation. */
static json_t *addresses(const struct admin_call *c)
{
    const struct config *config = c->w->config;
    const json_t *file = json_object_get(c->args, "file"), *channel;
    json_t *list = json_array();
    size_t i;
    char base[300], line[500];
    snprintf(base, sizeof base, "%s%s",
             *config->public_url ? ""
             : c->w->tls         ? "https://"
                                 : "http://",
             *config->public_url ? config->public_url : c->w->listen);
    snprintf(line, sizeof line, "%s/", base);
    json_array_append_new(list, json_string(line));
    json_array_foreach(json_object_get(file, "channels"), i, channel)
    {
        if (!slice_is(json_opt_str(channel, "connector"), "webchat") ||
            json_opt_bool(channel, "disabled", false))
            continue;
        snprintf(line, sizeof line, "%s/chat/%s/%s", base,
                 json_string_value(json_object_get(file, "operation")),
                 json_string_value(json_object_get(channel, "id")));
        json_array_append_new(list, json_string(line));
    }
    return list;
}

static void on_applied(void *arg, const struct err *e, const struct apply_result *r)
{
    struct admin_call *c = arg;
    struct slice problems = r->problems, line;
    if (e->code == ERR_INVALID)
        while (problems.n && slice_next(&problems, '\n', &line))
            if (line.n)
                admin_progress(c, "%.*s", (int)(line.n < 380 ? line.n : 380), line.p);
    for (size_t i = 0; i < json_array_size(r->behind); i++)
        admin_progress(c, "node %s lives and has not taken it: see its log",
                       json_string_value(json_array_get(r->behind, i)));
    if (e->code && json_array_size(r->passwords))
        admin_progress(c, "%zu users were made, and their passwords are lost: parley user passwd LOGIN",
                       json_array_size(r->passwords));
    if (e->code)
        admin_error(c, e);
    else
        admin_done(c, json_pack("{s:o,s:O,s:O,s:b,s:o}", "changes", lines_json(r->changes), "passwords",
                                r->passwords, "behind", r->behind, "dry_run",
                                json_opt_bool(c->args, "dry_run", false), "addresses", addresses(c)));
}

static void on_apply_progress(void *arg, size_t done, size_t of)
{
    admin_progress(arg, "%zu of %zu agents", done, of);
}

static void apply(struct admin_call *c)
{
    const json_t *file = json_object_get(c->args, "file");
    if (!json_is_object(file))
        admin_refuse(c, ERR_INVALID, "an operation file (a JSON object) is wanted");
    else
        apply_run(c->w, &(struct apply_want){.file = file,
                                             .dry_run = json_opt_bool(c->args, "dry_run", false),
                                             .no_passwords = json_opt_bool(c->args, "no_passwords", false),
                                             .actor = admin_actor(c),
                                             .progress = on_apply_progress,
                                             .done = on_applied,
                                             .arg = c});
}

static void on_export(void *arg, const struct err *e, const json_t *file, const json_t *secrets,
                      const char *version)
{
    (void)secrets, (void)version;
    if (e->code)
        admin_error(arg, e);
    else
        admin_done(arg, json_pack("{s:O}", "file", file));
}

static void export(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    if (op)
        apply_export(c->w, op, on_export, c);
}

/* ---- status ---- */

struct status {
    size_t at;
    json_t *operations;
};

static void status_next(struct admin_call *c);

static void on_count(void *arg, const struct err *e, const struct store_counts *n)
{
    struct admin_call *c = arg;
    struct status *s = c->state;
    struct store_op *op = store_op_at(c->w->store, s->at);
    if (op && !e->code) {
        struct buf b;
        buf_init(&b, 4u << 20);
        buf_char(&b, '[');
        host_channels_json(c->w->host, op, &b);
        buf_char(&b, ']');
        json_t *channels = json_parse(buf_view(&b), 16, NULL);
        buf_clear(&b);
        json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "operation", store_op_name(op),
                              "contacts", (json_int_t)n->contacts, "threads", (json_int_t)n->threads,
                              "open_threads", (json_int_t)n->open_threads, "entries", (json_int_t)n->entries,
                              "outbox", (json_int_t)n->outbox, "dead", (json_int_t)n->dead, "quarantined",
                              (json_int_t)n->quarantined, "blobs", (json_int_t)n->blobs, "channels",
                              channels ? channels : json_array());
        json_object_set_new(o, "data_bytes", json_integer((json_int_t)n->data_bytes));
        json_object_set_new(o, "data_max_bytes", json_integer((json_int_t)n->data_max_bytes));
        json_object_set_new(o, "disk_free_bytes", json_integer((json_int_t)n->disk_free_bytes));
        json_array_append_new(s->operations, o);
    }
    s->at++;
    status_next(c);
}

static void status_next(struct admin_call *c)
{
    struct status *s = c->state;
    const char *why = "";
    bool ready = worker_ready(c->w, &why);
    struct store_op *op = ready ? store_op_at(c->w->store, s->at) : NULL;
    if (op) {
        store_count(op, on_count, c);
        return;
    }
    char recovery[400];
    first_recovery_path(c->w, recovery, sizeof recovery);
    json_t *processes = c->w->children ? json_parse(slice_str(c->w->children), 8, NULL) : NULL;
    json_t *o = json_pack("{s:b,s:s,s:s,s:I,s:b,s:o,s:o}", "ready", ready, "why", ready ? "" : why, "listen",
                          c->w->listen, "agent_sockets", (json_int_t)api_sockets(c->w->api),
                          "recovery_key_saved", access(recovery, F_OK) != 0, "processes",
                          processes ? processes : json_object(), "operations", s->operations);
    json_t *capacity = capacity_json(c->w), *backups = backups_json(c->w);
    if (capacity)
        json_object_set_new(o, "capacity", capacity);
    if (backups)
        json_object_set_new(o, "backups", backups);
    admin_done(c, o);
}

static void status(struct admin_call *c)
{
    struct status *s = mem_alloc(sizeof *s);
    s->operations = json_array();
    c->state = s;
    status_next(c);
}

/* ---- erase, keys, audit ---- */

static void on_erased(void *arg, const struct err *e, struct slice certificate)
{
    struct admin_call *c = arg;
    if (e->code) {
        admin_error(c, e);
        return;
    }
    json_t *doc = json_parse(certificate, JSON_DEPTH_DEFAULT, NULL);
    admin_done(c, json_pack("{s:b,s:O,s:o}", "erased", 1, "key_backups_expire",
                            json_object_get(doc, "key_backups_expire"), "certificate", doc));
}

static void erase(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    struct id id = {{0}};
    if (!op) /* refused: the call is gone */
        return;
    struct slice contact = slice_str(admin_arg(c, "contact"));
    if (!id_valid(contact)) {
        admin_refuse(c, ERR_INVALID, "the contact's id is wanted: 26 letters and digits");
        return;
    }
    memcpy(id.s, contact.p, ID_LEN);
    store_erase_certified(op, id, admin_actor(c), on_erased, c);
}

static void on_plain(void *arg, const struct err *e)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else
        admin_done(c, json_object());
}

static void rotate_keys(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    if (op)
        store_rotate_keys(op, admin_actor(c), on_plain, c);
}

static void on_verified(void *arg, const struct err *e, const struct store_audit_verdict *v)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else
        admin_done(c, json_pack("{s:b,s:I,s:I,s:s,s:s}", "intact", v->intact, "lines", (json_int_t)v->lines,
                                "sealed", (json_int_t)v->sealed, "root", v->root, "where", v->where));
}

static void audit_verify(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    const char *root = op ? admin_arg(c, "root") : "";
    if (op)
        store_audit_verify(op, *root ? root : NULL, on_verified, c);
}

/* ---- backup and restore ---- */

static void on_backup(void *arg, const struct err *e, struct slice report);

static void on_report(void *arg, const struct err *e, struct slice report)
{
    struct admin_call *c = arg;
    if (e->code) {
        admin_error(c, e);
        return;
    }
    json_t *o = report.n ? json_parse(report, JSON_DEPTH_DEFAULT, NULL) : NULL;
    admin_done(c, json_pack("{s:o}", "report", o ? o : json_object()));
}

static bool absolute_dir(struct admin_call *c, const char *dir)
{
    if (*dir == '/')
        return true;
    admin_refuse(c, ERR_INVALID, "an absolute path is wanted");
    return false;
}

static void backup(struct admin_call *c)
{
    const char *dir = admin_arg(c, "dir");
    if (absolute_dir(c, dir))
        store_backup(c->w->store, dir, on_backup, c);
}

static void on_backup(void *arg, const struct err *e, struct slice report)
{
    const struct admin_call *c = arg;
    if (!e->code)
        office_backup_made(c->w);
    on_report(arg, e, report);
}

/* The other workers still hold the keys of before: a reload starts all of them anew. */
static void on_restored(void *arg, const struct err *e, struct slice report)
{
    struct admin_call *c = arg;
    bool others = c->w->config->workers > 1;
    on_report(c, e, report);
    if (!e->code && others)
        kill(getppid(), SIGHUP);
}

static void restore(struct admin_call *c)
{
    const char *dir = admin_arg(c, "dir");
    if (absolute_dir(c, dir))
        store_restore(c->w->store, dir, slice_str(admin_arg(c, "recovery_key")), on_restored, c);
}

/* ---- removing an operation ---- */

struct removal {
    json_t *logins;
    size_t at;
};

static void removal_next(struct admin_call *c);

static void on_disabled(void *arg, const struct err *e)
{
    struct admin_call *c = arg;
    struct removal *r = c->state;
    if (e->code && e->code != ERR_NOT_FOUND) {
        json_decref(r->logins);
        admin_error(c, e);
        return;
    }
    r->at++;
    removal_next(c);
}

static void removal_next(struct admin_call *c)
{
    struct removal *r = c->state;
    const char *login = json_string_value(json_array_get(r->logins, r->at));
    if (login)
        store_user_disable(c->w->store, login, true, admin_actor(c), on_disabled, c);
    else
        admin_done(c, json_pack("{s:o}", "users_disabled", r->logins));
}

static void on_destroyed(void *arg, const struct err *e)
{
    struct admin_call *c = arg;
    struct removal *r = c->state;
    if (e->code) {
        json_decref(r->logins);
        admin_error(c, e);
        return;
    }
    worker_scan(c->w);
    removal_next(c);
}

/* Who signs in to this operation alone can sign in no more. */
static void on_users(void *arg, const struct err *e, const struct store_user *const *u, size_t n)
{
    struct admin_call *c = arg;
    if (e->code) {
        admin_error(c, e);
        return;
    }
    struct removal *r = mem_alloc(sizeof *r);
    r->logins = json_array();
    c->state = r;
    for (size_t i = 0; i < n; i++)
        if (u[i]->operations && strcmp(u[i]->operations, admin_arg(c, "operation")) == 0 && !u[i]->disabled)
            json_array_append_new(r->logins, json_string(u[i]->login));
    store_op_destroy(c->w->store, admin_arg(c, "operation"), on_destroyed, c);
}

static void remove_operation(struct admin_call *c)
{
    if (strcmp(admin_arg(c, "operation"), admin_arg(c, "confirm")) != 0)
        admin_refuse(c, ERR_INVALID,
                     "everything of the operation is destroyed: its name must be given twice (--confirm)");
    else if (admin_op(c))
        store_users_get(c->w->store, on_users, c);
}

static void recovery_saved(struct admin_call *c)
{
    char path[400];
    first_recovery_path(c->w, path, sizeof path);
    if (access(path, F_OK) != 0)
        admin_refuse(c, ERR_CONFLICT, "it was saved before: it is not kept here any more");
    else if (unlink(path) != 0)
        admin_refuse(c, ERR_IO, "can't remove %s", path);
    else
        admin_done(c, json_object());
}

const struct admin_verb admin_office_verbs[] = {{"apply", apply, "file dry_run no_passwords", true},
                                                {"export", export, "operation", false},
                                                {"status", status, "", false},
                                                {"erase", erase, "operation contact", true},
                                                {"rotate-keys", rotate_keys, "operation", true},
                                                {"audit-verify", audit_verify, "operation root", false},
                                                {"backup", backup, "dir", true},
                                                {"restore", restore, "dir recovery_key", true},
                                                {"remove", remove_operation, "operation confirm", true},
                                                {"recovery-saved", recovery_saved, "", true},
                                                {0}};
