/* SPDX-License-Identifier: Apache-2.0
 * A REST call on its way to its function: the caller's roles, the query, the body. */
#include "gateway/api/route.h"
#include <stdio.h>
#include <string.h>

#define BODY_MAX     (1u << 20)
#define DOCUMENT_MAX (16u << 20) /* an operation file of a large office */

/* ---- what calls ask ---- */

bool call_query(struct call *c, const char *key, struct buf *b)
{
    buf_reset(b);
    return text_form_get(http_req_query(c->rq), key, b) && text_valid(buf_view(b), NULL);
}

unsigned call_limit(struct call *c)
{
    struct buf b;
    uint64_t n = 50;
    buf_init(&b, 64);
    bool good = !call_query(c, "limit", &b) || (slice_u64(buf_view(&b), &n) && n >= 1 && n <= 200);
    buf_clear(&b);
    if (good)
        return (unsigned)n;
    call_problem(c, 400, "limit: a number from 1 to 200 is wanted");
    return 0;
}

bool call_members(struct call *c, const char *const *known)
{
    struct err e = {0};
    if (json_only(c->body, known, &e))
        return true;
    call_err(c, &e);
    return false;
}

bool call_id(struct call *c, struct slice text, struct id *out)
{
    if (id_valid(text)) {
        memcpy(out->s, text.p, ID_LEN);
        out->s[ID_LEN] = '\0';
        return true;
    }
    call_problem(c, 404, "no such thing");
    return false;
}

/* ---- what every call is held to ---- */

/* A name that comes from outside is shown only when it looks like one of ours. */
static bool name_showable(struct slice name)
{
    size_t ours = 0;
    while (ours < name.n && ((name.p[ours] >= 'a' && name.p[ours] <= 'z') || name.p[ours] == '_'))
        ours++;
    return ours == name.n && name.n > 0 && name.n <= 40;
}

static void query_refuse(struct call *c, struct slice name)
{
    char why[80] = "a query parameter is not known";
    if (name_showable(name))
        snprintf(why, sizeof why, "query parameter \"%.*s\" is not known", (int)name.n, name.p);
    call_problem(c, 400, why);
}

/* What is misspelt would be passed over, and more answered than was asked for. False when it was refused. */
static bool query_only(struct call *c)
{
    struct slice rest = http_req_query(c->rq), pair, name;
    struct buf b;
    bool good = true;
    buf_init(&b, 64);
    while (good && slice_next(&rest, '&', &pair)) {
        if (!pair.n)
            continue;
        slice_next(&pair, '=', &name);
        buf_reset(&b);
        good = text_url_decode(&b, name, true) == 0 && route_takes(c->route, buf_view(&b));
    }
    if (!good)
        query_refuse(c, b.err ? (struct slice){0} : buf_view(&b));
    buf_clear(&b);
    return good;
}

static bool media_type_is(struct slice header, const char *type)
{
    struct slice first;
    if (!slice_next(&header, ';', &first))
        return false;
    return slice_is_nocase(slice_trim(first), type);
}

/* Reads the body; false when it was answered. */
static bool take_body(struct call *c)
{
    struct slice body = http_req_body(c->rq);
    struct err e = {0};
    if (!(c->route->flags & CALL_JSON))
        return true;
    if (!media_type_is(http_req_header(c->rq, "content-type"), "application/json")) {
        call_problem(c, 415, "Content-Type: application/json is wanted");
        return false;
    }
    c->body = json_parse(body, JSON_DEPTH_DEFAULT, &e);
    if (c->body && !json_is_object(c->body))
        err_set(&e, ERR_INVALID, "a JSON object is wanted");
    if (!e.code)
        return true;
    call_err(c, &e);
    return false;
}

static void refuse_caller(struct call *c, const struct err *e)
{
    if (auth_refusal(e))
        call_problem_code(c, 403, e->text, auth_refusal(e));
    else if (e->code == ERR_AUTH && !http_req_header(c->rq, "authorization").n)
        call_problem(c, 401, e->text);
    else
        call_err(c, e);
}

static void on_caller(void *arg, const struct err *e, const struct caller *caller)
{
    struct call *c = arg;
    if (e->code) {
        refuse_caller(c, e);
        return;
    }
    caller_copy(&c->caller, &caller->who);
    c->caller.signed_ms = caller->signed_ms;
    bodies_knows(c->api, c->rq, c->caller.login);
    if (c->route->roles && !(c->route->roles & c->caller.who.roles)) {
        call_problem(c, 403, "your role does not allow this");
        return;
    }
    if (!query_only(c) || !take_body(c))
        return;
    bool write = c->route->method != HTTP_M_GET;
    if (write && c->op && !(c->route->flags & (CALL_RAW | CALL_SECRET)) &&
        http_req_header(c->rq, "idempotency-key").n)
        idem_claim(c);
    else
        c->route->run(c);
}

/* A name that no operation has: only those who are known hear so. */
static void on_nowhere(void *arg, const struct err *e, const struct caller *caller)
{
    (void)caller;
    if (e->code)
        refuse_caller(arg, e);
    else
        call_problem(arg, 404, "no such operation");
}

static void handle(struct http_req *rq, void *arg)
{
    struct api *a = arg;
    struct slice op_name = {0}, rest;
    bool global = false, known = false;
    struct slice args[CALL_ARGS] = {{0, 0}};
    if (!route_split(http_req_path(rq), &op_name, &rest, &global)) {
        http_problem(rq, 404, "no such thing", NULL);
        return;
    }
    const struct call_route *r = route_find(global, http_req_method(rq), rest, args, &known);
    if (!r) {
        http_problem(rq, known ? 405 : 404, known ? "another method is wanted" : "no such thing", NULL);
        return;
    }
    struct call *c = mem_alloc(sizeof *c);
    c->api = a;
    c->rq = rq;
    c->route = r;
    memcpy(c->args, args, sizeof args);
    if (!global && !(c->op = operation_find(a, op_name))) {
        /* Says the same to somebody who is not signed in as for an operation that is there. */
        auth_request(a, NULL, rq, r->method != HTTP_M_GET, on_nowhere, c);
        return;
    }
    if (r->flags & CALL_OPEN) {
        if (query_only(c) && take_body(c))
            c->route->run(c);
    } else /* nothing of the body is looked at before it is known who sends it */
        auth_request(a, c->op, rq, r->method != HTTP_M_GET, on_caller, c);
}

static void openapi(struct http_req *rq, void *arg)
{
    struct api *a = arg;
    if (http_req_method(rq) != HTTP_M_GET && http_req_method(rq) != HTTP_M_HEAD)
        http_problem(rq, 405, "GET is wanted", NULL);
    else
        call_reply_json(rq, 200, (struct slice){a->openapi, a->openapi_n});
}

static void page(struct http_req *rq, void *arg)
{
    struct api *a = arg;
    if (!pages_serve(a->pages, rq))
        http_problem(rq, 404, "no such page", NULL);
}

struct http_route api_route(struct api *a, struct http_req *rq)
{
    struct slice path = http_req_path(rq);
    if (slice_starts(path, "/ws/agent/"))
        return (struct http_route){socket_upgrade, a, 0, true};
    if (slice_is(path, "/api/v1/openapi.json"))
        return (struct http_route){openapi, a, 0, false};
    if (slice_starts(path, "/api/")) {
        /* Only an upload may be large, and only where uploads go. */
        bool upload = http_req_method(rq) == HTTP_M_POST && path.n > 12 &&
                      memcmp(path.p + path.n - 12, "/attachments", 12) == 0;
        size_t upload_max = a->cf.upload_max ? (size_t)a->cf.upload_max : UPLOAD_MAX;
        static const char document[] = "/operation/document";
        bool whole =
            path.n > sizeof document &&
            slice_is(slice_of(path.p + path.n - (sizeof document - 1), sizeof document - 1), document);
        size_t most = upload ? upload_max : whole ? DOCUMENT_MAX : BODY_MAX;
        bodies_admit(a, rq, most); /* when not, it is answered */
        return (struct http_route){handle, a, most, false};
    }
    if (pages_has(a->pages, path))
        return (struct http_route){page, a, 0, false};
    return (struct http_route){NULL, NULL, 0, false};
}
