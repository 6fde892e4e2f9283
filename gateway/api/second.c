/* SPDX-License-Identifier: Apache-2.0
 * One's own second factor: setting one up, new recovery codes, ending it; and ending somebody else's. Showing
 * it at sign-in is in sign.c. */
#include "store/second.h"
#include "gateway/api/admin_internal.h"
#include "gateway/api/sign.h"
#include <string.h>

bool second_unshown(const struct api *a, const struct store_user *u)
{
    return a->cf.second != API_SECOND_OFF && u->second && !u->proved;
}

static bool may_wait(const struct api *a, const struct http_req *rq)
{
    return !(a->cf.public_url && *a->cf.public_url) && http_req_loopback(rq);
}

bool second_must(const struct api *a, const struct http_req *rq, const struct store_user *u)
{
    return a->cf.second == API_SECOND_REQUIRED && !u->second && !may_wait(a, rq);
}

#define FRESH_MS 600000 /* so long after signing in the password is not asked for again */

/* Whoever has found or stolen a session could else set up a first one of their own, and keep its user out. */
static bool password_wanted(const struct call *c)
{
    return store_now_ms(c->api->cf.store) - c->caller.signed_ms > FRESH_MS;
}

/* ---- how it stands ---- */

static void on_show(void *arg, const struct err *e, const struct store_second *f)
{
    static const char *const policies[] = {"required", "offered", "off"};
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    buf_init(&b, 512);
    buf_printf(&b,
               "{\"on\":%s,\"policy\":\"%s\",\"later\":%s,\"password\":%s,\"trust_days\":%u,"
               "\"recovery_left\":%u",
               f->on ? "true" : "false", policies[c->api->cf.second],
               may_wait(c->api, c->rq) ? "true" : "false", !f->on && password_wanted(c) ? "true" : "false",
               c->api->cf.trust_days, f->codes_left);
    if (f->on)
        view_time(&b, "since", f->since_ms, false);
    buf_char(&b, '}');
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static bool is_person(struct call *c)
{
    if (!c->caller.who.by_token && c->api->cf.second != API_SECOND_OFF)
        return true;
    if (c->caller.who.by_token)
        call_problem(c, 403, "a token is not a person");
    else
        call_problem_code(c, 409, "second factors are switched off here", "off");
    return false;
}

void second_show(struct call *c)
{
    if (c->caller.who.by_token)
        call_problem(c, 403, "a token is not a person");
    else
        store_second_get(c->api->cf.store, c->caller.login, on_show, c);
}

/* ---- a code of one who is signed in ---- */

struct proving {
    struct call *c;
    void (*then)(struct call *c);
};

static void wrong_code(struct call *c, const struct err *e)
{
    if (e->code == ERR_RATE || e->code == ERR_BUSY)
        sign_too_often(c, e);
    else if (e->code == ERR_AUTH)
        call_problem_code(c, 403, "the code is wrong, or was used already", "code");
    else
        call_err(c, e);
}

static void on_proved(void *arg, const struct err *e, const struct store_user *u)
{
    struct proving p = *(struct proving *)arg;
    (void)u;
    mem_free(arg);
    if (e->code)
        wrong_code(p.c, e);
    else
        p.then(p.c);
}

static void prove(struct call *c, void (*then)(struct call *c))
{
    struct proving *p = mem_alloc(sizeof *p);
    struct device d;
    *p = (struct proving){c, then};
    device_read(c, c->caller.login, &d);
    struct second_try t = {
        .login = c->caller.login, .code = json_opt_str(c->body, "code"), .from = device_from(&d)};
    store_second_check(c->api->cf.store, &t, on_proved, p);
}

/* ---- a new one ---- */

static void on_secret(void *arg, const struct err *e, struct slice secret)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    const char *url = c->api->cf.public_url ? c->api->cf.public_url : "";
    const char *host = strstr(url, "://");
    buf_init(&b, 1024);
    buf_printf(&b, "{\"secret\":\"%.*s\",\"uri\":\"otpauth://totp/Parley:%s", (int)secret.n, secret.p,
               c->caller.login); /* a login needs no escape */
    if (host) {
        struct slice rest = slice_str(host + 3), name;
        slice_next(&rest, '/', &name);
        buf_printf(&b, "%%20%.*s", (int)name.n, name.p);
    }
    buf_printf(&b, "?secret=%.*s&issuer=Parley\"}", (int)secret.n, secret.p);
    call_json(c, 200, buf_view(&b));
    mem_wipe(b.p, b.n);
    buf_clear(&b);
}

static void start_anew(struct call *c)
{
    store_second_start(c->api->cf.store, c->caller.login, on_secret, c);
}

static void on_password(void *arg, const struct err *e, const struct store_user *u)
{
    struct call *c = arg;
    (void)u;
    if (e->code == ERR_RATE || e->code == ERR_BUSY)
        sign_too_often(c, e);
    else if (e->code == ERR_AUTH || e->code == ERR_NOT_FOUND)
        call_problem_code(c, 403, "the password is wrong", "password");
    else if (e->code)
        call_err(c, e);
    else
        start_anew(c);
}

/* A first one. */
static void start_first(struct call *c)
{
    struct slice password = json_opt_str(c->body, "password");
    struct device d;
    if (!password_wanted(c)) {
        start_anew(c);
        return;
    }
    if (!password.n || password.n > 512) {
        call_problem_code(c, 403, "it is a while since you signed in: your password is wanted again",
                          "password");
        return;
    }
    device_read(c, c->caller.login, &d);
    struct store_from from = device_from(&d);
    store_user_check_from(c->api->cf.store, c->caller.login, password.p, &from, on_password, c);
}

static void on_there(void *arg, const struct err *e, const struct store_second *f)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else if (f->on && !json_object_get(c->body, "code"))
        call_problem_code(c, 403, "a code of the present one is wanted", "code");
    else if (f->on)
        prove(c, start_anew);
    else
        start_first(c);
}

void second_start(struct call *c)
{
    static const char *const known[] = {"code", "password", NULL};
    if (call_members(c, known) && is_person(c))
        store_second_get(c->api->cf.store, c->caller.login, on_there, c);
}

static void on_codes(void *arg, const struct err *e, struct slice lines)
{
    struct call *c = arg;
    struct slice line;
    struct buf b;
    bool first = true;
    if (e->code == ERR_NOT_FOUND)
        call_problem_code(c, 409, "nothing was begun, or too long ago: begin again", "begin");
    else if (e->code)
        wrong_code(c, e);
    if (e->code)
        return;
    buf_init(&b, 1024);
    buf_str(&b, "{\"recovery\":[");
    while (slice_next(&lines, '\n', &line)) {
        buf_str(&b, first ? "" : ",");
        buf_json_str(&b, line);
        first = false;
    }
    buf_str(&b, "]}");
    call_json(c, 200, buf_view(&b));
    mem_wipe(b.p, b.n);
    buf_clear(&b);
}

void second_confirm(struct call *c)
{
    static const char *const known[] = {"code", NULL};
    struct slice code;
    struct err e = {0};
    if (!call_members(c, known) || !is_person(c))
        return;
    if (!json_need_str(c->body, "code", &code, &e))
        call_err(c, &e);
    else
        store_second_confirm(c->api->cf.store, c->caller.login, code, auth_secret(c->rq), c->caller.login,
                             on_codes, c);
}

static void codes_anew(struct call *c)
{
    store_second_codes(c->api->cf.store, c->caller.login, c->caller.login, on_codes, c);
}

void second_codes(struct call *c)
{
    static const char *const known[] = {"code", NULL};
    if (call_members(c, known) && is_person(c))
        prove(c, codes_anew);
}

/* ---- ending one ---- */

static void on_ended(void *arg, const struct err *e)
{
    if (e->code)
        call_err(arg, e);
    else
        call_empty(arg, 204);
}

static void end_own(struct call *c)
{
    store_second_reset(c->api->cf.store, c->caller.login, c->caller.login, on_ended, c);
}

void second_off(struct call *c)
{
    static const char *const known[] = {"code", NULL};
    if (!call_members(c, known) || !is_person(c))
        return;
    if (c->api->cf.second == API_SECOND_REQUIRED && !may_wait(c->api, c->rq))
        call_problem(c, 403, "a second factor is required here; you can set up another one instead");
    else
        prove(c, end_own);
}

/* ---- somebody else's ---- */

static void on_theirs(void *arg, const struct err *e, const struct store_second *f)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    buf_init(&b, 256);
    buf_printf(&b, "{\"on\":%s", f->on ? "true" : "false");
    if (f->on)
        view_time(&b, "since", f->since_ms, false);
    buf_char(&b, '}');
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

/* The member that the path names; NULL: answered. */
static const struct member *named(struct call *c)
{
    char login[64] = "";
    if (c->args[0].n < sizeof login)
        memcpy(login, c->args[0].p, c->args[0].n);
    const struct member *m = *login ? operation_member(c->op, login) : NULL;
    if (!m)
        call_problem(c, 404, "no such agent");
    return m;
}

static void theirs_show(struct call *c)
{
    const struct member *m = named(c);
    if (m)
        store_second_get(c->api->cf.store, m->a.login, on_theirs, c);
}

static void on_their_user(void *arg, const struct err *e, const struct store_user *u)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else if (!admin_may_open(c, u))
        call_problem_code(
            c, 403,
            "this user sees more, or elsewhere, than you do: `parley user second-factor` on the server, or "
            "somebody who may",
            "forbidden");
    else
        store_second_reset(c->api->cf.store, u->login, c->caller.login, on_ended, c);
}

static void theirs_reset(struct call *c)
{
    const struct member *m = admin_may(c) ? named(c) : NULL;
    if (!m)
        return;
    if (strcmp(m->a.login, c->caller.login) == 0 || strcmp(m->a.id, c->caller.agent) == 0)
        call_problem(c, 403, "another administrator must do this for you");
    else
        store_user_get(c->api->cf.store, m->a.login, on_their_user, c);
}

const struct call_route second_routes[] = {
    {HTTP_M_GET, "agents/{}/second-factor", theirs_show, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "agents/{}/second-factor/reset", theirs_reset, ROLE_ADMINISTRATOR, 0},
    {.run = NULL}};
