/* SPDX-License-Identifier: Apache-2.0
 * Who signs in to an operation, and new passwords for them. What they may do stands in the document. */
#include "gateway/api/admin_internal.h"
#include <string.h>

#define PASSWORD_MIN 12
#define PASSWORD_MAX 512

/* ---- the list ---- */

static void on_users(void *arg, const struct err *e, const struct store_user *const *u, size_t n)
{
    struct call *c = arg;
    const char *name = store_op_name(c->op->op);
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    call_list(&b);
    for (size_t i = 0; i < n; i++) {
        const char *operations = u[i]->operations ? u[i]->operations : "";
        if (!rights_listed(operations, name))
            continue;
        call_item(&b);
        buf_str(&b, "{\"login\":");
        buf_json_str(&b, slice_str(u[i]->login));
        buf_printf(&b, ",\"disabled\":%s,\"elsewhere\":%s}", u[i]->disabled ? "true" : "false",
                   strcmp(operations, name) == 0 ? "false" : "true");
    }
    call_list_end(c, &b, "");
}

static void users_get(struct call *c)
{
    if (admin_may(c))
        store_users_get(c->api->cf.store, on_users, c);
}

/* ---- a new password ---- */

struct fresh {
    struct call *c;
    bool random;
    char login[64], password[PASSWORD_MAX + 1];
};

static void fresh_free(struct fresh *f)
{
    mem_wipe(f, sizeof *f);
    mem_free(f);
}

/* Without letters that look like others, and without vowels, so that no word comes out: about 100 bits. */
void admin_password(char out[ADMIN_PASSWORD])
{
    static const char letters[] = "bcdfghjkmnpqrstvwxz23456789";
    size_t n = 0;
    for (int i = 0; i < 20; i++) {
        if (i && i % 5 == 0)
            out[n++] = '-';
        out[n++] = letters[text_random_u64() % (sizeof letters - 1)];
    }
    out[n] = '\0';
}

static void on_put(void *arg, const struct err *e)
{
    struct fresh *f = arg;
    struct buf b;
    if (e->code)
        call_err(f->c, e);
    else {
        store_audit(f->c->op->op, f->c->caller.login, "user.password", f->login, "", NULL, NULL);
        buf_init(&b, 1024);
        buf_str(&b, "{\"login\":");
        buf_json_str(&b, slice_str(f->login));
        buf_str(&b, ",\"password\":");
        if (f->random)
            buf_json_str(&b, slice_str(f->password));
        else
            buf_str(&b, "null");
        buf_char(&b, '}');
        call_json(f->c, 200, buf_view(&b));
        if (b.n)
            mem_wipe(b.p, b.n);
        buf_clear(&b);
    }
    fresh_free(f);
}

/* A password, or an end to the second factor, opens every operation that its user works in: who gives a new
 * one must administer all of them, and may be the user there with what the user sees. */
bool admin_may_open(struct call *c, const struct store_user *u)
{
    struct slice rest = slice_str(u->operations), name;
    while (u->operations && slice_next(&rest, ' ', &name)) {
        struct api_op *o = name.n ? operation_find(c->api, name) : NULL;
        const struct member *m = o ? operation_member(o, u->login) : NULL;
        struct who me = c->caller.who;
        const struct member *mine = o && o != c->op ? operation_member(o, c->caller.who.agent) : NULL;
        if (!name.n || (o && o->loaded && !m))
            continue;
        if (o != c->op) {
            if (!mine || mine->a.disabled || c->caller.who.by_token)
                return false;
            me = (struct who){
                .roles = rights_roles(mine->a.roles), .clearance = mine->a.clearance, .areas = mine->a.areas};
        }
        if (!rights_administer(&me) || !m || !rights_may_give(&me, m->a.clearance))
            return false;
    }
    return true;
}

static void on_user(void *arg, const struct err *e, const struct store_user *u)
{
    struct fresh *f = arg;
    struct call *c = f->c;
    const char *operations = e->code ? "" : u->operations;
    bool here = operations && rights_listed(operations, store_op_name(c->op->op));
    if (e->code && e->code != ERR_NOT_FOUND)
        call_err(c, e);
    else if (!here)
        call_problem(c, 404, "no such user");
    else if (!admin_may_open(c, u))
        call_problem_code(
            c, 403,
            "this user sees more, or elsewhere, than you do: `parley user passwd` on the server, or "
            "somebody who may",
            "forbidden");
    else {
        store_user_put(c->api->cf.store, u, f->password, c->caller.login, on_put, f);
        return;
    }
    fresh_free(f);
}

static void password_post(struct call *c)
{
    static const char *const known[] = {"password", NULL};
    struct slice given = json_opt_str(c->body, "password");
    bool has = json_object_get(c->body, "password") != NULL;
    if (!admin_may(c) || !call_members(c, known))
        return;
    if (has && (given.n < PASSWORD_MIN || given.n > PASSWORD_MAX)) {
        call_problem(c, 400, "password: 12 to 512 bytes are wanted");
        return;
    }
    if (c->args[0].n >= 64 || !name_valid(c->args[0])) {
        call_problem(c, 404, "no such user");
        return;
    }
    struct fresh *f = mem_alloc(sizeof *f);
    f->c = c;
    f->random = !has;
    memcpy(f->login, c->args[0].p, c->args[0].n);
    if (has)
        memcpy(f->password, given.p, given.n);
    else
        admin_password(f->password);
    store_user_get(c->api->cf.store, f->login, on_user, f);
}

const struct call_route admin_people_routes[] = {
    {HTTP_M_GET, "operation/users", users_get, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "operation/users/{}/password", password_post, ROLE_ADMINISTRATOR, CALL_JSON | CALL_SECRET},
    {.run = NULL},
};
