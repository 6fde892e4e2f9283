/* SPDX-License-Identifier: Apache-2.0
 * Signing in and out. Wrong tries are counted where they come from (store/user.h), so that nobody can keep
 * somebody else out: by network, or by a device that shows it was signed in on before. */
#include "gateway/api/sign.h"
#include "store/second.h"
#include <stdio.h>
#include <string.h>

#define SESSION_IDLE_S (12 * 3600)

struct signing {
    struct call *c;
    struct device device;
    char *login, *name, *locale; /* of the user, once the password was right */
    int64_t changed_ms;
    bool second, proved;
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
        char cookie[512], device[DEVICE_COOKIE];
        unsigned idle = c->api->cf.session_idle_s ? c->api->cf.session_idle_s : SESSION_IDLE_S;
        auth_cookie_text(c->rq, AUTH_SESSION, secret, idle, cookie, sizeof cookie);
        device_cookie(c, s->login, &s->device, device);
        me_answer(c,
                  &(struct store_user){
                      .login = s->login, .name = s->name, .locale = s->locale, .second = s->second},
                  cookie, device);
        mem_wipe(cookie, sizeof cookie);
    }
    signing_free(s);
}

void sign_too_often(struct call *c, const struct err *e)
{
    char seconds[12] = "5";
    const char *digits = strpbrk(e->text, "0123456789"); /* "try again in 8 s" */
    if (digits)
        snprintf(seconds, sizeof seconds, "%.*s", (int)strspn(digits, "0123456789"), digits);
    struct http_head heads[] = {{"Retry-After", slice_str(seconds)},
                                {"Content-Type", SLICE("application/problem+json")},
                                {"Cache-Control", SLICE("no-store")},
                                {NULL, {0, 0}}};
    http_reply(c->rq, 429, heads,
               SLICE("{\"type\":\"about:blank\",\"title\":\"Too Many Requests\",\"status\":429,"
                     "\"detail\":\"too many wrong tries with this name; wait a little\"}"));
    call_end(c);
}

/* ---- the two steps ---- */

static void on_ticket(void *arg, const struct err *e, struct slice ticket)
{
    struct signing *s = arg;
    struct buf b;
    if (e->code)
        call_err(s->c, e);
    else {
        buf_init(&b, 256);
        buf_printf(&b, "{\"ticket\":\"%.*s\",\"trust_days\":%u}", (int)ticket.n, ticket.p,
                   s->c->api->cf.trust_days);
        call_json(s->c, 202, buf_view(&b));
        mem_wipe(b.p, b.n);
        buf_clear(&b);
    }
    signing_free(s);
}

/* The password, and the code if one is wanted, were right, and it is known who works where. */
static void on_known(void *arg, bool ok)
{
    struct signing *s = arg;
    struct call *c = s->c;
    const struct store_user u = {.login = s->login, .changed_ms = s->changed_ms};
    if (!ok)
        call_problem(c, 503, "the store is away; try again in a moment");
    else if (!me_let_in(c, s->login))
        call_problem_code(c, 403, AUTH_ELSEWHERE, "network");
    else if (s->second && !s->proved && c->api->cf.second != API_SECOND_OFF) {
        store_second_begin(c->api->cf.store, &u, on_ticket, s);
        return;
    } else {
        store_session_new_proved(c->api->cf.store, s->login,
                                 c->api->cf.session_idle_s ? c->api->cf.session_idle_s : SESSION_IDLE_S,
                                 s->second && s->proved, on_new_session, s);
        return;
    }
    signing_free(s);
}

static void take_user(struct signing *s, const struct store_user *u)
{
    s->login = mem_strdup(u->login);
    s->name = mem_strdup(u->name ? u->name : "");
    s->locale = mem_strdup(u->locale);
    s->changed_ms = u->changed_ms;
    s->second = u->second;
    s->proved = u->proved;
}

static void on_code(void *arg, const struct err *e, const struct store_user *u)
{
    struct signing *s = arg;
    struct call *c = s->c;
    if (!e->code) {
        take_user(s, u);
        me_when_loaded(c->api, on_known, s);
        return;
    }
    if (e->code == ERR_RATE || e->code == ERR_BUSY)
        sign_too_often(c, e);
    else if (e->code == ERR_NOT_FOUND)
        call_problem_code(c, 401, "this sign-in took too long; begin again", "ticket");
    else if (e->code == ERR_AUTH)
        call_problem_code(c, 401, "the code is wrong, or was used already", "code");
    else
        call_err(c, e);
    signing_free(s);
}

static void on_password(void *arg, const struct err *e, const struct store_user *u)
{
    struct signing *s = arg;
    struct call *c = s->c;
    if (e->code || u->disabled) {
        if (e->code == ERR_RATE || e->code == ERR_BUSY)
            sign_too_often(c, e);
        else if (!e->code || e->code == ERR_AUTH || e->code == ERR_NOT_FOUND)
            call_problem(c, 401, "the name or the password is wrong");
        else
            call_err(c, e);
        signing_free(s);
        return;
    }
    take_user(s, u);
    me_when_loaded(c->api, on_known, s);
}

static bool may_sign_in(struct call *c)
{
    if (!http_req_secure(c->rq) && !http_req_loopback(c->rq))
        call_problem(c, 403, "signing in needs https");
    else if (http_req_header(c->rq, "origin").n && !auth_origin_ours(c->api, c->rq))
        call_problem(c, 403, "this request does not come from our page");
    else
        return true;
    return false;
}

void auth_sign_in_code(struct call *c)
{
    static const char *const known[] = {"login", "ticket", "code", "trust", NULL};
    struct slice login, ticket, code;
    struct err e = {0};
    if (!call_members(c, known))
        return;
    if (!json_need_str(c->body, "login", &login, &e) || !json_need_str(c->body, "ticket", &ticket, &e) ||
        !json_need_str(c->body, "code", &code, &e)) {
        call_err(c, &e);
        return;
    }
    if (!may_sign_in(c))
        return;
    struct signing *s = mem_alloc(sizeof *s);
    *s = (struct signing){.c = c};
    device_read(c, name_valid(login) ? login.p : "", &s->device);
    device_name(&s->device);
    struct second_try t = {.ticket = ticket, .code = code, .from = device_from(&s->device)};
    if (json_opt_bool(c->body, "trust", false))
        t.trust_s = c->api->cf.trust_days * 86400u;
    if (!ticket.n)
        t.ticket = SLICE("-"); /* never as somebody who is signed in */
    store_second_check(c->api->cf.store, &t, on_code, s);
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
    if (!may_sign_in(c))
        return;
    if (!name_valid(login) || password.n > 512) {
        call_problem(c, 401, "the name or the password is wrong");
        return;
    }
    struct signing *s = mem_alloc(sizeof *s);
    *s = (struct signing){.c = c};
    device_read(c, login.p, &s->device);
    device_name(&s->device);
    struct store_from from = device_from(&s->device);
    from.second = c->api->cf.second != API_SECOND_OFF;
    store_user_check_from(c->api->cf.store, login.p, password.p, &from, on_password, s);
}

static void on_told(void *arg, const struct err *e)
{
    (void)arg;
    (void)e; /* else they find out at their next beat */
}

static void on_signed_out(void *arg, const struct err *e)
{
    struct call *c = arg;
    if (e->code && e->code != ERR_NOT_FOUND) {
        call_err(c, e);
        return;
    }
    char cookie[128];
    auth_cookie_text(c->rq, AUTH_SESSION, SLICE(""), 0, cookie, sizeof cookie);
    struct http_head heads[] = {{"Set-Cookie", slice_str(cookie)},
                                {"Clear-Site-Data", SLICE("\"cache\", \"storage\"")},
                                {NULL, {0, 0}}};
    http_reply(c->rq, 204, heads, (struct slice){0, 0});
    /* On every node the sockets of this user look again; those of other sessions find theirs good. */
    store_user_tell(c->api->cf.store, c->caller.login, c->caller.login, on_told, NULL);
    call_end(c);
}

void auth_sign_out(struct call *c)
{
    struct slice secret;
    if (!auth_cookie(c->rq, &secret)) {
        call_empty(c, 204);
        return;
    }
    store_session_end(c->api->cf.store, secret, on_signed_out, c);
}
