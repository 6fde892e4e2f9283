/* SPDX-License-Identifier: Apache-2.0
 * Somebody's own record: who they are, in which operations, their language and their password. */
#include "gateway/api/sign.h"
#include <string.h>

static void me_operation(struct buf *b, struct api_op *o, const struct member *m)
{
    const json_t *name = json_object_get(operation_document(o), "name");
    struct buf agent;
    buf_init(&agent, 1 << 16);
    view_agent(&agent, &m->a, &(struct who){.agent = m->a.id});
    buf_str(b, "{\"id\":");
    buf_json_str(b, slice_str(store_op_name(o->op)));
    buf_str(b, ",\"name\":");
    if (name)
        json_write(name, b);
    else
        buf_str(b, "{}");
    buf_str(b, ",\"agent\":");
    buf_json_str(b, slice_str(m->a.id));
    /* The rest are the agent record's own members: skip its id. */
    json_t *record = json_parse(buf_view(&agent), JSON_DEPTH_DEFAULT, NULL);
    static const char *const shown[] = {"roles",  "areas", "clearance", "languages",
                                        "topics", "teams", "capacity",  "presence"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        buf_printf(b, ",\"%s\":", shown[i]);
        json_write(json_object_get(record, shown[i]), b);
    }
    buf_char(b, '}');
    json_decref(record);
    buf_clear(&agent);
}

/* The member record of somebody who works in that operation; NULL. */
static struct member *works_in(struct api_op *o, const char *login)
{
    struct member *m = o ? operation_member(o, login) : NULL;
    return m && !m->a.disabled ? m : NULL;
}

/* From this network? */
static bool works_here(struct call *c, struct api_op *o, const char *login, bool told)
{
    struct caller as = {.op = o};
    struct slice peer = http_req_peer(c->rq);
    return auth_member(o, login, &as) &&
           (told ? auth_network(o, &as, peer) : auth_network_fits(o, &as, peer));
}

bool me_let_in(struct call *c, const char *login)
{
    bool any = false;
    struct store_op *op;
    for (size_t i = 0; (op = store_op_at(c->api->cf.store, i)); i++) {
        struct api_op *o = operation_find(c->api, slice_str(store_op_name(op)));
        if (!works_in(o, login))
            continue;
        any = true;
        if (works_here(c, o, login, true))
            return true;
    }
    return !any;
}

static void me_json(struct call *c, const struct store_user *u, struct buf *b)
{
    struct api *a = c->api;
    const struct http_req *rq = c->rq;
    bool first = true;
    buf_str(b, "{\"login\":");
    buf_json_str(b, slice_str(u->login));
    buf_str(b, ",\"name\":");
    buf_json_str(b, slice_str(u->name));
    buf_str(b, ",\"locale\":");
    buf_json_str(b, slice_str(u->locale && *u->locale ? u->locale : "en"));
    buf_printf(b, ",\"second_factor\":{\"on\":%s,\"must\":%s}", u->second ? "true" : "false",
               second_must(a, rq, u) ? "true" : "false");
    buf_str(b, ",\"operations\":[");
    struct store_op *op;
    for (size_t i = 0; (op = store_op_at(a->cf.store, i)); i++) {
        struct api_op *o = operation_find(a, slice_str(store_op_name(op)));
        struct member *m = works_in(o, u->login);
        if (!m || !works_here(c, o, u->login, false))
            continue;
        if (!first)
            buf_char(b, ',');
        first = false;
        me_operation(b, o, m);
    }
    buf_str(b, "]}");
}

struct me { /* an answer that waits until all operations are known */
    struct call *c;
    char *login, *name, *locale, *cookie, *device;
    bool second;
};

static void me_free(struct me *m)
{
    mem_free(m->login);
    mem_free(m->name);
    mem_free(m->locale);
    if (m->cookie)
        mem_wipe(m->cookie, strlen(m->cookie));
    mem_free(m->cookie);
    mem_free(m->device);
    mem_free(m);
}

static void me_reply(struct me *m)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    me_json(
        m->c,
        &(struct store_user){.login = m->login, .name = m->name, .locale = m->locale, .second = m->second},
        &b);
    struct http_head heads[] = {{"Content-Type", SLICE("application/json")},
                                {"Cache-Control", SLICE("no-store")},
                                {m->cookie ? "Set-Cookie" : NULL, slice_str(m->cookie)},
                                {m->device ? "Set-Cookie" : NULL, slice_str(m->device)},
                                {NULL, {0, 0}}};
    http_reply(m->c->rq, 200, heads, buf_view(&b));
    buf_clear(&b);
    call_end(m->c);
    me_free(m);
}

struct loading {
    struct api *a;
    bool ok;
    void (*done)(void *arg, bool ok);
    void *arg;
};

static void loading_end(void *arg)
{
    struct loading l = *(struct loading *)arg;
    mem_free(arg);
    l.done(l.arg, l.ok);
}

static void loading_go(void *arg, bool ok)
{
    struct loading *l = arg;
    struct store_op *op;
    for (size_t i = 0; ok && (op = store_op_at(l->a->cf.store, i)); i++) {
        struct api_op *o = operation_find(l->a, slice_str(store_op_name(op)));
        if (o && !o->loaded) {
            operation_wait(o, loading_go, l);
            return;
        }
    }
    l->ok = ok;
    loop_defer(l->a->cf.loop, loading_end, l);
}

void me_when_loaded(struct api *a, void (*done)(void *arg, bool ok), void *arg)
{
    struct loading *l = mem_alloc(sizeof *l);
    *l = (struct loading){a, false, done, arg};
    loading_go(l, true);
}

static void me_go(void *arg, bool ok)
{
    struct me *m = arg;
    if (!ok)
        call_problem(m->c, 503, "the store is away; try again in a moment");
    else if (!me_let_in(m->c, m->login))
        call_problem_code(m->c, 403, AUTH_ELSEWHERE, "network");
    else {
        me_reply(m);
        return;
    }
    me_free(m);
}

void me_answer(struct call *c, const struct store_user *u, const char *session, const char *device)
{
    struct me *m = mem_alloc(sizeof *m);
    *m = (struct me){c,
                     mem_strdup(u->login),
                     mem_strdup(u->name ? u->name : ""),
                     mem_strdup(u->locale),
                     mem_strdup(session),
                     device && *device ? mem_strdup(device) : NULL,
                     u->second};
    me_when_loaded(c->api, me_go, m);
}

static void on_me(void *arg, const struct err *e, const struct store_user *u)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        me_answer(c, u, NULL, NULL);
}

void auth_me(struct call *c)
{
    if (c->caller.who.by_token)
        call_problem(c, 403, "a token is not a person");
    else
        store_user_get(c->api->cf.store, c->caller.login, on_me, c);
}

/* ---- changing one's own locale and password ---- */

static void on_changed(void *arg, const struct err *e)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        store_user_get(c->api->cf.store, c->caller.login, on_me, c);
}

static void on_old_password(void *arg, const struct err *e, const struct store_user *u)
{
    struct call *c = arg;
    if (e->code == ERR_RATE) {
        sign_too_often(c, e);
        return;
    }
    if (e->code == ERR_AUTH) {
        call_problem(c, 403, "the old password is wrong");
        return;
    }
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct slice locale = json_opt_str(c->body, "locale");
    struct store_user changed = *u;
    if (locale.n)
        changed.locale = locale.p;
    const char *password = json_string_value(json_object_get(json_object_get(c->body, "password"), "new"));
    store_user_put(c->api->cf.store, &changed, password, c->caller.login, on_changed, c);
}

static void on_old_user(void *arg, const struct err *e, const struct store_user *u)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct store_user changed = *u;
    changed.locale = json_opt_str(c->body, "locale").p;
    store_user_put(c->api->cf.store, &changed, NULL, c->caller.login, on_changed, c);
}

#define PASSWORD_MIN 12

void auth_me_patch(struct call *c)
{
    static const char *const known[] = {"locale", "password", NULL};
    static const char *const known_password[] = {"old", "new", NULL};
    struct err e = {0};
    struct slice old, new;
    if (!call_members(c, known))
        return;
    struct slice locale = json_opt_str(c->body, "locale");
    if (json_object_get(c->body, "locale") && (locale.n < 2 || locale.n > 12 || !name_valid(locale))) {
        call_problem(c, 400, "locale: a language tag in lower case is wanted");
        return;
    }
    const json_t *password = json_object_get(c->body, "password");
    if (!password) {
        if (locale.n)
            store_user_get(c->api->cf.store, c->caller.login, on_old_user, c);
        else
            call_problem(c, 400, "nothing to change");
        return;
    }
    if (!json_is_object(password) || !json_only(password, known_password, &e) ||
        !json_need_str(password, "old", &old, &e) || !json_need_str(password, "new", &new, &e)) {
        err_prefix(&e, "password");
        call_err(c, &e);
        return;
    }
    if (new.n < PASSWORD_MIN || new.n > 512) {
        call_problem(c, 400, "password.new: 12 to 512 bytes are wanted");
        return;
    }
    struct device d;
    device_read(c, c->caller.login, &d);
    struct store_from from = device_from(&d);
    store_user_check_from(c->api->cf.store, c->caller.login, old.p, &from, on_old_password, c);
}
