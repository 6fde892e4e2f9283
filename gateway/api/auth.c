/* SPDX-License-Identifier: Apache-2.0
 * Who sends a request: a session cookie or a bearer token, and whether the page that sends it is ours. */
#include "gateway/api/api_internal.h"
#include "store/user.h"
#include <stdio.h>
#include <string.h>

#define COOKIE_SECURE   "__Host-parley"
#define COOKIE_LOOPBACK "parley"
#define SESSION_IDLE_S  (12 * 3600)

static const char *cookie_name(struct http_req *rq)
{
    return http_req_secure(rq) ? COOKIE_SECURE : COOKIE_LOOPBACK;
}

static bool cookie_of(struct http_req *rq, struct slice *secret)
{
    if (!http_req_secure(rq) && !http_req_loopback(rq))
        return false; /* a cookie never travels in clear but on this machine */
    return http_req_cookie(rq, cookie_name(rq), secret) && secret->n > 0;
}

/* ---- origin ---- */

static bool origin_is(struct slice origin, const char *url)
{
    size_t n = url ? strlen(url) : 0;
    while (n && url[n - 1] == '/')
        n--;
    return n && origin.n == n && memcmp(origin.p, url, n) == 0;
}

bool auth_origin_ours(struct api *a, struct http_req *rq)
{
    struct slice origin = http_req_header(rq, "origin"), host = http_req_header(rq, "host");
    if (!origin.n)
        return false;
    if (origin_is(origin, a->cf.public_url))
        return true;
    for (const char *const *o = a->cf.origins; o && *o; o++)
        if (origin_is(origin, *o))
            return true;
    /* Without a public address: the same host that the request names, which a page elsewhere can't forge. */
    if (a->cf.public_url && *a->cf.public_url)
        return false;
    char same[300];
    int n = snprintf(same, sizeof same, "%s://%.*s", http_req_secure(rq) ? "https" : "http", (int)host.n,
                     host.p ? host.p : "");
    return n > 0 && (size_t)n < sizeof same && http_req_loopback(rq) && slice_is(origin, same);
}

/* ---- rights of a user in an operation ---- */

static void copy(char *to, size_t cap, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    if (n >= cap)
        n = cap - 1;
    if (n)
        memcpy(to, from, n);
    to[n] = '\0';
}

/* Points the borrowed strings of `who` at the caller's own. */
static void caller_bind(struct caller *c)
{
    c->who.login = c->login;
    c->who.agent = c->agent;
    c->who.name = c->name;
    c->who.areas = c->areas;
    c->who.teams = c->teams;
}

void caller_copy(struct caller *to, const struct who *w)
{
    *to = (struct caller){.who = *w, .signed_in = true};
    copy(to->login, sizeof to->login, w->login);
    copy(to->agent, sizeof to->agent, w->agent);
    copy(to->name, sizeof to->name, w->name);
    copy(to->areas, sizeof to->areas, w->areas);
    copy(to->teams, sizeof to->teams, w->teams);
    caller_bind(to);
}

bool auth_member(struct api_op *o, const char *login, struct caller *c)
{
    struct member *m = operation_member(o, login);
    copy(c->login, sizeof c->login, login);
    caller_bind(c);
    if (!m || m->a.disabled || strcmp(m->a.login, login) != 0)
        return false;
    /* A list that does not fit must not become a wider right ("" means all). */
    if (strlen(m->a.areas) >= sizeof c->areas || strlen(m->a.teams) >= sizeof c->teams)
        return false;
    copy(c->agent, sizeof c->agent, m->a.id);
    copy(c->name, sizeof c->name, m->a.name);
    copy(c->areas, sizeof c->areas, m->a.areas);
    copy(c->teams, sizeof c->teams, m->a.teams);
    c->who.roles = rights_roles(m->a.roles) & ~(unsigned)ROLE_INTEGRATOR;
    c->who.clearance = m->a.clearance;
    return true;
}

struct slice auth_secret(struct http_req *rq)
{
    struct slice authorization = http_req_header(rq, "authorization"), secret = {0, 0};
    if (authorization.n > 7)
        return slice_trim((struct slice){authorization.p + 7, authorization.n - 7});
    cookie_of(rq, &secret);
    return secret;
}

/* ---- a request ---- */

struct asking {
    struct api_op *o;
    void (*done)(void *arg, const struct err *e, const struct caller *c);
    void *arg;
};

static void answer(struct asking *q, const struct err *e, const struct caller *c)
{
    struct asking was = *q;
    mem_free(q);
    was.done(was.arg, e, c);
}

static void refuse(struct asking *q, enum err_code code, const char *text)
{
    struct err e = {0};
    err_set(&e, code, "%s", text);
    answer(q, &e, NULL);
}

static void on_session(void *arg, const struct err *e, const struct store_user *u)
{
    struct asking *q = arg;
    struct caller c = {.op = q->o, .signed_in = true};
    struct err none = {0};
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_AUTH) {
        answer(q, e, NULL);
        return;
    }
    if (e->code || u->disabled) {
        refuse(q, ERR_AUTH, "sign in again");
        return;
    }
    copy(c.login, sizeof c.login, u->login);
    copy(c.name, sizeof c.name, u->name);
    caller_bind(&c);
    if (q->o && !auth_member(q->o, u->login, &c)) {
        refuse(q, ERR_NOT_FOUND, "no such operation");
        return;
    }
    answer(q, &none, &c);
}

struct acting { /* a token that acts for an agent: whose user must be there still */
    struct asking *q;
    struct caller c;
};

static void on_acting_user(void *arg, const struct err *e, const struct store_user *u)
{
    struct acting *x = arg;
    struct asking *q = x->q;
    struct caller c;
    struct err none = {0};
    caller_copy(&c, &x->c.who);
    c.op = x->c.op;
    mem_free(x);
    if (e->code && e->code != ERR_NOT_FOUND)
        answer(q, e, NULL);
    else if (!e->code && u->disabled)
        refuse(q, ERR_AUTH, "the token's agent is disabled");
    else
        answer(q, &none, &c);
}

static void token_rights(struct caller *c, const struct store_token *t)
{
    unsigned wanted = rights_roles(t->role);
    c->who.by_token = true;
    c->who.roles = *t->agent ? wanted & (c->who.roles | ROLE_INTEGRATOR) : wanted;
    if (!*t->agent || t->clearance < c->who.clearance)
        c->who.clearance = t->clearance;
    if (!*t->agent)
        snprintf(c->login, sizeof c->login, "token-%.40s", t->id);
}

static void on_token(void *arg, const struct err *e, const struct store_token *t)
{
    struct asking *q = arg;
    struct caller c = {.op = q->o, .signed_in = true};
    struct err none = {0};
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_AUTH) {
        answer(q, e, NULL);
        return;
    }
    if (e->code) {
        refuse(q, ERR_AUTH, "the token is not known");
        return;
    }
    if (!q->o || strcmp(t->operation, store_op_name(q->o->op)) != 0) {
        refuse(q, ERR_NOT_FOUND, "no such operation");
        return;
    }
    if (*t->agent && !auth_member(q->o, t->agent, &c)) {
        refuse(q, ERR_AUTH, "the token's agent is disabled");
        return;
    }
    caller_bind(&c);
    token_rights(&c, t);
    if (!*t->agent) {
        answer(q, &none, &c);
        return;
    }
    struct acting *x = mem_alloc(sizeof *x);
    x->q = q;
    caller_copy(&x->c, &c.who);
    x->c.op = c.op;
    store_user_get(q->o->api->cf.store, t->agent, on_acting_user, x);
}

struct request { /* a request whose operation is being loaded */
    struct api *a;
    struct http_req *rq;
    struct asking *q;
    bool needs_origin;
};

static void ask(struct api *a, struct http_req *rq, bool needs_origin, struct asking *q)
{
    struct slice authorization = http_req_header(rq, "authorization"), secret;
    if (authorization.n) { /* a bearer token makes cookies ignored */
        if (authorization.n < 8 || !slice_is_nocase((struct slice){authorization.p, 7}, "bearer "))
            refuse(q, ERR_AUTH, "only bearer tokens are taken");
        else
            store_token_check(a->cf.store,
                              slice_trim((struct slice){authorization.p + 7, authorization.n - 7}), on_token,
                              q);
        return;
    }
    if (!cookie_of(rq, &secret))
        refuse(q, ERR_AUTH, "sign in first");
    else if (needs_origin && !auth_origin_ours(a, rq))
        refuse(q, ERR_FORBIDDEN, "this request does not come from our page");
    else
        store_session_check(a->cf.store, secret, on_session, q);
}

static void on_operation(void *arg, bool ok)
{
    struct request r = *(struct request *)arg;
    mem_free(arg);
    if (ok)
        ask(r.a, r.rq, r.needs_origin, r.q);
    else
        refuse(r.q, ERR_UNAVAILABLE, "the store is away; try again in a moment");
}

void auth_request(struct api *a, struct api_op *o, struct http_req *rq, bool needs_origin,
                  void (*done)(void *arg, const struct err *e, const struct caller *c), void *arg)
{
    struct asking *q = mem_alloc(sizeof *q);
    *q = (struct asking){o, done, arg};
    if (!o || o->loaded) {
        ask(a, rq, needs_origin, q);
        return;
    }
    struct request *r = mem_alloc(sizeof *r);
    *r = (struct request){a, rq, q, needs_origin};
    operation_wait(o, on_operation, r);
}

/* ---- signing in and out ---- */

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

static void me_json(struct api *a, const struct store_user *u, struct buf *b)
{
    bool first = true;
    buf_str(b, "{\"login\":");
    buf_json_str(b, slice_str(u->login));
    buf_str(b, ",\"name\":");
    buf_json_str(b, slice_str(u->name));
    buf_str(b, ",\"locale\":");
    buf_json_str(b, slice_str(u->locale && *u->locale ? u->locale : "en"));
    buf_str(b, ",\"operations\":[");
    struct store_op *op;
    for (size_t i = 0; (op = store_op_at(a->cf.store, i)); i++) {
        struct api_op *o = operation_find(a, slice_str(store_op_name(op)));
        struct member *m = o ? operation_member(o, u->login) : NULL;
        if (!m || m->a.disabled)
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
    char *login, *name, *locale, *cookie;
};

static void me_free(struct me *m)
{
    mem_free(m->login);
    mem_free(m->name);
    mem_free(m->locale);
    if (m->cookie)
        mem_wipe(m->cookie, strlen(m->cookie));
    mem_free(m->cookie);
    mem_free(m);
}

static void me_reply(struct me *m)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    me_json(m->c->api, &(struct store_user){.login = m->login, .name = m->name, .locale = m->locale}, &b);
    struct http_head heads[] = {{"Content-Type", SLICE("application/json")},
                                {"Cache-Control", SLICE("no-store")},
                                {m->cookie ? "Set-Cookie" : NULL, slice_str(m->cookie)},
                                {NULL, {0, 0}}};
    http_reply(m->c->rq, 200, heads, buf_view(&b));
    buf_clear(&b);
    call_end(m->c);
    me_free(m);
}

static void me_go(void *arg, bool ok)
{
    struct me *m = arg;
    struct api *a = m->c->api;
    struct store_op *op;
    for (size_t i = 0; ok && (op = store_op_at(a->cf.store, i)); i++) {
        struct api_op *o = operation_find(a, slice_str(store_op_name(op)));
        if (o && !o->loaded) {
            operation_wait(o, me_go, m);
            return;
        }
    }
    if (ok) {
        me_reply(m);
        return;
    }
    call_problem(m->c, 503, "the store is away; try again in a moment");
    me_free(m);
}

static void me_answer(struct call *c, const struct store_user *u, const char *cookie)
{
    struct me *m = mem_alloc(sizeof *m);
    *m = (struct me){c, mem_strdup(u->login), mem_strdup(u->name ? u->name : ""), mem_strdup(u->locale),
                     mem_strdup(cookie)};
    me_go(m, true);
}

struct signing { /* a user who gave the right password */
    struct call *c;
    char *login, *name, *locale;
};

static void signing_free(struct signing *s)
{
    mem_free(s->login);
    mem_free(s->name);
    mem_free(s->locale);
    mem_free(s);
}

static void on_new_session(void *arg, const struct err *e, struct slice secret)
{
    struct signing *s = arg;
    struct call *c = s->c;
    if (e->code)
        call_err(c, e);
    else {
        char cookie[512];
        bool secure = http_req_secure(c->rq);
        unsigned idle = c->api->cf.session_idle_s ? c->api->cf.session_idle_s : SESSION_IDLE_S;
        snprintf(cookie, sizeof cookie, "%s=%.*s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s",
                 cookie_name(c->rq), (int)secret.n, secret.p, idle, secure ? "; Secure" : "");
        me_answer(c, &(struct store_user){.login = s->login, .name = s->name, .locale = s->locale}, cookie);
        mem_wipe(cookie, sizeof cookie);
    }
    signing_free(s);
}

static void on_password(void *arg, const struct err *e, const struct store_user *u)
{
    struct call *c = arg;
    if (e->code == ERR_RATE) {
        struct http_head heads[] = {{"Retry-After", SLICE("10")},
                                    {"Content-Type", SLICE("application/problem+json")},
                                    {NULL, {0, 0}}};
        http_reply(c->rq, 429, heads,
                   SLICE("{\"type\":\"about:blank\",\"title\":\"Too Many Requests\",\"status\":429,"
                         "\"detail\":\"too many wrong tries with this name; wait a little\"}"));
        call_end(c);
        return;
    }
    if (e->code == ERR_AUTH || e->code == ERR_NOT_FOUND || (!e->code && u->disabled)) {
        call_problem(c, 401, "the name or the password is wrong");
        return;
    }
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct signing *s = mem_alloc(sizeof *s);
    *s = (struct signing){c, mem_strdup(u->login), mem_strdup(u->name ? u->name : ""), mem_strdup(u->locale)};
    store_session_new(c->api->cf.store, u->login,
                      c->api->cf.session_idle_s ? c->api->cf.session_idle_s : SESSION_IDLE_S, on_new_session,
                      s);
}

void auth_sign_in(struct call *c)
{
    static const char *const known[] = {"login", "password", NULL};
    struct slice login, password;
    struct err e = {0};
    if (!call_members(c, known))
        return;
    if (!json_need_str(c->body, "login", &login, &e) || !json_need_str(c->body, "password", &password, &e)) {
        call_err(c, &e);
        return;
    }
    if (!http_req_secure(c->rq) && !http_req_loopback(c->rq)) {
        call_problem(c, 403, "signing in needs https");
        return;
    }
    if (http_req_header(c->rq, "origin").n && !auth_origin_ours(c->api, c->rq)) {
        call_problem(c, 403, "this request does not come from our page");
        return;
    }
    if (!name_valid(login) || password.n > 512) {
        call_problem(c, 401, "the name or the password is wrong");
        return;
    }
    store_user_check(c->api->cf.store, login.p, password.p, on_password, c);
}

static void on_signed_out(void *arg, const struct err *e)
{
    struct call *c = arg;
    if (e->code && e->code != ERR_NOT_FOUND) {
        call_err(c, e);
        return;
    }
    char cookie[128];
    snprintf(cookie, sizeof cookie, "%s=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0%s", cookie_name(c->rq),
             http_req_secure(c->rq) ? "; Secure" : "");
    struct http_head heads[] = {{"Set-Cookie", slice_str(cookie)},
                                {"Clear-Site-Data", SLICE("\"cache\", \"storage\"")},
                                {NULL, {0, 0}}};
    http_reply(c->rq, 204, heads, (struct slice){0, 0});
    /* Sockets of this user close now; those of other sessions come back by themselves. */
    struct slice name;
    size_t i = 0;
    void *value;
    while (map_each(&c->api->ops, &i, &name, &value)) {
        struct api_op *o = value;
        for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
            struct agent_socket *s = container_of(l, struct agent_socket, node);
            next = l->next;
            if (strcmp(s->caller.login, c->caller.login) == 0)
                socket_close(s, 4401, "signed out");
        }
    }
    call_end(c);
}

void auth_sign_out(struct call *c)
{
    struct slice secret;
    if (!cookie_of(c->rq, &secret)) {
        call_empty(c, 204);
        return;
    }
    store_session_end(c->api->cf.store, secret, on_signed_out, c);
}

static void on_me(void *arg, const struct err *e, const struct store_user *u)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        me_answer(c, u, NULL);
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
    if (e->code == ERR_AUTH || e->code == ERR_RATE) {
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
    store_user_check(c->api->cf.store, c->caller.login, old.p, on_old_password, c);
}
