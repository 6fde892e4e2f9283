/* SPDX-License-Identifier: Apache-2.0
 * Verbs of the admin socket about users and tokens. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/api/admin.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/worker.h"
#include "store/agent.h"
#include "store/second.h"
#include "store/user.h"
#include <stdio.h>
#include <string.h>

#define PASSWORD_LEAST 8

static bool login_good(struct admin_call *c)
{
    if (name_valid(slice_str(admin_arg(c, "login"))))
        return true;
    admin_refuse(c, ERR_INVALID, "a login of a-z, 0-9, '.', '_' and '-' is wanted");
    return false;
}

/* The password given, or a random one; kept in c->state until the answer. NULL: answered. */
static char *password_choose(struct admin_call *c)
{
    const char *given = admin_arg(c, "password");
    if (*given && strlen(given) < PASSWORD_LEAST) {
        admin_refuse(c, ERR_INVALID, "a password needs at least %d characters", PASSWORD_LEAST);
        return NULL;
    }
    char *password = mem_alloc(ADMIN_PASSWORD);
    if (!*given)
        admin_password(password);
    c->state = password;
    return password;
}

static void on_password_put(void *arg, const struct err *e)
{
    struct admin_call *c = arg;
    if (e->code) {
        admin_error(c, e);
        return;
    }
    json_t *o = json_pack("{s:s}", "login", admin_arg(c, "login"));
    if (*(char *)c->state)
        json_object_set_new(o, "password", json_string(c->state));
    mem_wipe(c->state, ADMIN_PASSWORD);
    admin_done(c, o);
}

static void user_put(struct admin_call *c, const struct store_user *u)
{
    char *random = password_choose(c);
    if (random)
        store_user_put(c->w->store, u, *random ? random : admin_arg(c, "password"), admin_actor(c),
                       on_password_put, c);
}

static void on_user_to_add(void *arg, const struct err *e, const struct store_user *u)
{
    struct admin_call *c = arg;
    (void)u;
    if (!e->code) {
        admin_refuse(c, ERR_CONFLICT, "there is a user called %s already", admin_arg(c, "login"));
    } else if (e->code != ERR_NOT_FOUND) {
        admin_error(c, e);
    } else {
        const char *name = admin_arg(c, "name"), *login = admin_arg(c, "login");
        user_put(c, &(struct store_user){
                        .login = login, .name = *name ? name : login, .locale = "", .operations = ""});
    }
}

/* What a user may do in an operation is in that operation's file ("agents"). */
static void user_add(struct admin_call *c)
{
    if (login_good(c))
        store_user_get(c->w->store, admin_arg(c, "login"), on_user_to_add, c);
}

static void on_user_to_change(void *arg, const struct err *e, const struct store_user *u)
{
    if (e->code)
        admin_error(arg, e);
    else
        user_put(arg, u);
}

static void user_passwd(struct admin_call *c)
{
    if (login_good(c))
        store_user_get(c->w->store, admin_arg(c, "login"), on_user_to_change, c);
}

static void on_user_list(void *arg, const struct err *e, const struct store_user *const *u, size_t n)
{
    struct admin_call *c = arg;
    if (e->code) {
        admin_error(c, e);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:b}", "login", u[i]->login, "name",
                                              u[i]->name ? u[i]->name : "", "operations",
                                              u[i]->operations ? u[i]->operations : "", "disabled",
                                              u[i]->disabled));
    admin_done(c, json_pack("{s:o}", "users", list));
}

static void user_list(struct admin_call *c)
{
    store_users_get(c->w->store, on_user_list, c);
}

static void on_plain(void *arg, const struct err *e)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else
        admin_done(c, json_object());
}

static void on_user_to_disable(void *arg, const struct err *e, const struct store_user *u)
{
    struct admin_call *c = arg;
    (void)u;
    if (e->code)
        admin_error(c, e);
    else
        store_user_disable(c->w->store, admin_arg(c, "login"), !json_opt_bool(c->args, "enable", false),
                           admin_actor(c), on_plain, c);
}

static void user_disable(struct admin_call *c)
{
    if (login_good(c))
        store_user_get(c->w->store, admin_arg(c, "login"), on_user_to_disable, c);
}

/* ---- second factors ---- */

static void on_second(void *arg, const struct err *e, const struct store_second *f)
{
    struct admin_call *c = arg;
    char since[TIME_TEXT] = "";
    if (e->code) {
        admin_error(c, e);
        return;
    }
    if (f->on)
        time_text(f->since_ms, since);
    admin_done(c, json_pack("{s:s,s:b,s:s,s:i}", "login", admin_arg(c, "login"), "on", f->on, "since", since,
                            "recovery_left", (int)f->codes_left));
}

static void on_second_reset(void *arg, const struct err *e)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else
        store_second_get(c->w->store, admin_arg(c, "login"), on_second, c);
}

static void user_second(struct admin_call *c)
{
    if (!login_good(c))
        return;
    if (json_opt_bool(c->args, "reset", false))
        store_second_reset(c->w->store, admin_arg(c, "login"), admin_actor(c), on_second_reset, c);
    else
        store_second_get(c->w->store, admin_arg(c, "login"), on_second, c);
}

/* ---- tokens ---- */

static void on_token(void *arg, const struct err *e, struct slice token)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else
        admin_done(c, json_pack("{s:s#}", "token", token.p, (int)token.n));
}

static void token_make(struct admin_call *c, struct store_op *op)
{
    store_token_new(op, admin_arg(c, "role"), admin_arg(c, "agent"),
                    (int)json_opt_int(c->args, "clearance", 0), admin_arg(c, "note"), admin_actor(c),
                    on_token, c);
}

static void on_token_agent(void *arg, const struct err *e, const struct store_agent *a)
{
    struct admin_call *c = arg;
    struct store_op *op;
    if (e->code == ERR_NOT_FOUND)
        admin_refuse(c, ERR_NOT_FOUND, "there is no agent called %.60s in this operation",
                     admin_arg(c, "agent"));
    else if (e->code)
        admin_error(c, e);
    else if (a->disabled)
        admin_refuse(c, ERR_FORBIDDEN, "this agent is disabled");
    else if ((op = admin_op(c)) != NULL)
        token_make(c, op);
}

static void token(struct admin_call *c)
{
    static const char *const roles[] = {"agent",         "supervisor", "focal",      "partner",
                                        "administrator", "auditor",    "integrator", NULL};
    struct store_op *op = admin_op(c);
    size_t i = 0;
    if (!op) /* refused: the call is gone */
        return;
    const char *role = admin_arg(c, "role"), *agent = admin_arg(c, "agent");
    int64_t clearance = json_opt_int(c->args, "clearance", 0);
    while (roles[i] && strcmp(roles[i], role) != 0)
        i++;
    if (!roles[i])
        admin_refuse(
            c, ERR_INVALID,
            "a role is wanted: agent, supervisor, focal, partner, administrator, auditor or integrator");
    else if (clearance < 0 || clearance > 2)
        admin_refuse(c, ERR_INVALID, "clearance is 0 (open), 1 (confidential) or 2 (sensitive)");
    else if (!*agent && strcmp(role, "agent") == 0)
        admin_refuse(c, ERR_INVALID, "a token with the role agent is an agent's: \"agent\" is missing");
    else if (*agent)
        store_agent_get(op, agent, on_token_agent, c);
    else
        token_make(c, op);
}

static void on_tokens(void *arg, const struct err *e, const struct store_token *const *t, size_t n)
{
    struct admin_call *c = arg;
    if (e->code) {
        admin_error(c, e);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        char created[TIME_TEXT], used[TIME_TEXT] = "";
        time_text(t[i]->created_ms, created);
        if (t[i]->used_ms)
            time_text(t[i]->used_ms, used);
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s}", "id", t[i]->id, "role",
                                              t[i]->role, "agent", t[i]->agent ? t[i]->agent : "", "note",
                                              t[i]->note ? t[i]->note : "", "clearance", t[i]->clearance,
                                              "created", created, "used", used));
    }
    admin_done(c, json_pack("{s:o}", "tokens", list));
}

static void token_list(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    if (op)
        store_tokens_get(op, on_tokens, c);
}

static void token_end(struct admin_call *c)
{
    store_token_end(c->w->store, admin_arg(c, "id"), admin_actor(c), on_plain, c);
}

const struct admin_verb admin_people_verbs[] = {{"token", token, "operation role agent clearance note", true},
                                                {"token-list", token_list, "operation", false},
                                                {"token-end", token_end, "id", true},
                                                {"user-add", user_add, "login name password", true},
                                                {"user-passwd", user_passwd, "login password", true},
                                                {"user-list", user_list, "", false},
                                                {"user-second", user_second, "login reset", true},
                                                {"user-disable", user_disable, "login enable", true},
                                                {0}};
