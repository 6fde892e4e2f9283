/* SPDX-License-Identifier: Apache-2.0
 * Who sends a request: a session cookie or a bearer token, and whether the page that sends it is ours. */
#include "gateway/api/networks.h"
#include "gateway/api/sign.h"
#include <stdio.h>
#include <string.h>

/* A prefix that browsers hold to: only from this very host, only over TLS. */
static void full_name(struct http_req *rq, const char *name, char out[64])
{
    snprintf(out, 64, "%s%s", http_req_secure(rq) ? "__Host-" : "", name);
}

bool auth_cookie_named(struct http_req *rq, const char *name, struct slice *value)
{
    char full[64];
    if (!http_req_secure(rq) && !http_req_loopback(rq))
        return false; /* a cookie never travels in clear but on this machine */
    full_name(rq, name, full);
    return http_req_cookie(rq, full, value) && value->n > 0;
}

bool auth_cookie(struct http_req *rq, struct slice *secret)
{
    return auth_cookie_named(rq, AUTH_SESSION, secret);
}

void auth_cookie_text(struct http_req *rq, const char *name, struct slice value, unsigned seconds, char *out,
                      size_t cap)
{
    char full[64];
    full_name(rq, name, full);
    int n = snprintf(out, cap, "%s=%.*s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s", full, (int)value.n,
                     value.p ? value.p : "", seconds, http_req_secure(rq) ? "; Secure" : "");
    if (n < 0 || (size_t)n >= cap)
        out[0] = '\0';
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
    auth_cookie(rq, &secret);
    return secret;
}

/* ---- from where ---- */

#define ELSEWHERE_MS 60000

/* One line a minute for each of those who were refused last. */
static bool worth_a_line(struct api_op *o, const char *login)
{
    uint64_t now = loop_now_ms(o->api->cf.loop);
    size_t oldest = 0, n = sizeof o->elsewhere / sizeof o->elsewhere[0];
    for (size_t i = 0; i < n; i++) {
        bool same = strcmp(o->elsewhere[i].login, login) == 0;
        if (same && now - o->elsewhere[i].at_ms < ELSEWHERE_MS)
            return false;
        if (same || o->elsewhere[i].at_ms < o->elsewhere[oldest].at_ms)
            oldest = i;
        if (same)
            break;
    }
    copy(o->elsewhere[oldest].login, sizeof o->elsewhere[oldest].login, login);
    o->elsewhere[oldest].at_ms = now;
    return true;
}

bool auth_network_fits(struct api_op *o, const struct caller *c, struct slice peer)
{
    operation_document(o);
    return networks_allow(o->networks, c->who.roles, peer);
}

bool auth_network(struct api_op *o, const struct caller *c, struct slice peer)
{
    if (auth_network_fits(o, c, peer))
        return true;
    const char *login = c->who.by_token ? c->agent : c->login;
    if (worth_a_line(o, login))
        store_audit(o->op, login, "network.refused", login, c->who.by_token ? "token" : "", NULL, NULL);
    return false;
}

const char *auth_refusal(const struct err *e)
{
    if (e->code != ERR_FORBIDDEN)
        return NULL;
    return strcmp(e->text, AUTH_ELSEWHERE) == 0 ? "network"
           : strcmp(e->text, AUTH_ENROL) == 0   ? "second_factor"
                                                : NULL;
}

/* ---- a request ---- */

struct asking {
    struct api_op *o;
    struct http_req *rq;
    struct api *a;
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
    if (second_unshown(q->a, u)) {
        refuse(q, ERR_AUTH, "sign in again");
        return;
    }
    c.must_enrol = second_must(q->a, q->rq, u);
    c.signed_ms = u->signed_ms;
    if (q->o && !auth_member(q->o, u->login, &c))
        refuse(q, ERR_NOT_FOUND, "no such operation");
    else if (q->o && !auth_network(q->o, &c, http_req_peer(q->rq)))
        refuse(q, ERR_FORBIDDEN, AUTH_ELSEWHERE);
    else if (q->o && c.must_enrol)
        refuse(q, ERR_FORBIDDEN, AUTH_ENROL);
    else
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
    if (!auth_network(q->o, &c, http_req_peer(q->rq))) {
        refuse(q, ERR_FORBIDDEN, AUTH_ELSEWHERE);
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
    if (!auth_cookie(rq, &secret))
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
    *q = (struct asking){o, rq, a, done, arg};
    if (!o || o->loaded) {
        ask(a, rq, needs_origin, q);
        return;
    }
    struct request *r = mem_alloc(sizeof *r);
    *r = (struct request){a, rq, q, needs_origin};
    operation_wait(o, on_operation, r);
}
