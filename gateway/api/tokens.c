/* SPDX-License-Identifier: Apache-2.0
 * Bearer tokens of an operation, for administrators: who gives one gives no more than they have. */
#include "gateway/api/api_internal.h"
#include "store/user.h"
#include <string.h>

#define NOTE_MAX 200

static bool allowed(struct call *c)
{
    if (rights_administer(&c->caller.who) && !c->caller.who.by_token)
        return true;
    call_problem(c, 403, "this is for people who administer the whole operation");
    return false;
}

static void view_token(struct buf *b, const struct store_token *t)
{
    buf_printf(b, "{\"id\":\"%s\",\"role\":", t->id);
    buf_json_str(b, slice_str(t->role));
    buf_str(b, ",\"agent\":");
    if (t->agent && *t->agent)
        buf_json_str(b, slice_str(t->agent));
    else
        buf_str(b, "null");
    buf_printf(b, ",\"clearance\":%d,\"note\":", t->clearance);
    buf_json_str(b, slice_str(t->note ? t->note : ""));
    view_time(b, "created", t->created_ms, false);
    view_time(b, "used", t->used_ms, true);
    buf_char(b, '}');
}

static void on_list(void *arg, const struct err *e, const struct store_token *const *t, size_t n)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    call_list(&b);
    for (size_t i = 0; i < n; i++) {
        call_item(&b);
        view_token(&b, t[i]);
    }
    call_list_end(c, &b, "");
}

static void list(struct call *c)
{
    if (allowed(c))
        store_tokens_get(c->op->op, on_list, c);
}

/* ---- a new one ---- */

static void on_made(void *arg, const struct err *e, struct slice token)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    buf_init(&b, 256);
    buf_str(&b, "{\"token\":");
    buf_json_str(&b, token);
    buf_char(&b, '}');
    call_json(c, 201, buf_view(&b));
    mem_wipe(b.p, b.n);
    buf_clear(&b);
}

static const char *wrong(struct call *c, const char *role, const char *agent, json_int_t clearance)
{
    const struct member *m = *agent ? operation_member(c->op, agent) : NULL;
    unsigned bits = rights_roles(role);
    if (!bits || strchr(role, ' '))
        return "role: one role is wanted";
    if (clearance < 0 || clearance > 2)
        return "clearance is 0 (open), 1 (confidential) or 2 (sensitive)";
    if (strcmp(role, "agent") == 0 && !*agent)
        return "a token with the role agent is an agent's";
    if (*agent && (!m || m->a.disabled))
        return "agent: there is none with this name";
    return NULL;
}

/* In the name of a focal point ends are approved, whatever the token's own clearance is. */
static bool may_act_for(struct call *c, const char *agent)
{
    const struct member *m = agent && *agent ? operation_member(c->op, agent) : NULL;
    return !m || rights_may_give(&c->caller.who, m->a.clearance);
}

static void make(struct call *c)
{
    static const char *const known[] = {"role", "agent", "clearance", "note", NULL};
    struct slice role;
    struct err e = {0};
    if (!allowed(c) || !call_members(c, known))
        return;
    if (!json_need_str(c->body, "role", &role, &e)) {
        call_err(c, &e);
        return;
    }
    const json_t *given = json_object_get(c->body, "clearance");
    const char *agent = json_string_value(json_object_get(c->body, "agent"));
    const char *note = json_string_value(json_object_get(c->body, "note"));
    json_int_t clearance = given ? json_is_integer(given) ? json_integer_value(given) : -1 : 0;
    const char *no = wrong(c, role.p, agent ? agent : "", clearance);
    if (no || (note && strlen(note) > NOTE_MAX))
        call_problem(c, 400, no ? no : "note: at most 200 bytes");
    else if (clearance > c->caller.who.clearance)
        call_problem(c, 403, "a token has no more clearance than who makes it");
    else if (!may_act_for(c, agent))
        call_problem(c, 403, "a token that acts for somebody who sees more is made by somebody who does");
    else
        store_token_new(c->op->op, role.p, agent ? agent : "", (int)clearance, note ? note : "",
                        c->caller.login, on_made, c);
}

/* ---- the end of one ---- */

static void on_ended(void *arg, const struct err *e)
{
    if (e->code)
        call_err(arg, e);
    else
        call_empty(arg, 204);
}

/* Only one of this operation: ids of others are not told apart from none. */
static void on_looked(void *arg, const struct err *e, const struct store_token *const *t, size_t n)
{
    struct call *c = arg;
    bool ours = false;
    for (size_t i = 0; !e->code && i < n; i++)
        ours |= slice_is(c->args[0], t[i]->id);
    if (e->code)
        call_err(c, e);
    else if (!ours)
        call_problem(c, 404, "no such token");
    else {
        char *id = slice_dup(c->args[0]);
        store_token_end(c->api->cf.store, id, c->caller.login, on_ended, c);
        mem_free(id);
    }
}

static void revoke(struct call *c)
{
    if (allowed(c))
        store_tokens_get(c->op->op, on_looked, c);
}

const struct call_route token_routes[] = {
    {HTTP_M_GET, "tokens", list, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "tokens", make, ROLE_ADMINISTRATOR, CALL_JSON | CALL_SECRET},
    {HTTP_M_POST, "tokens/{}/revoke", revoke, ROLE_ADMINISTRATOR, 0},
    {.run = NULL}};
