/* SPDX-License-Identifier: Apache-2.0
 * The operation's document by REST: read whole without secrets, changed whole or by section against the
 * version that was read, tried before it is done. */
#include "gateway/api/admin_internal.h"
#include "gateway/api/networks.h"
#include <stdio.h>
#include <string.h>

#define DOCUMENT_MAX (16u << 20)
#define VERSION_MAX  64

bool admin_may(struct call *c)
{
    if (!c->api->cf.admin.apply)
        call_problem(c, 503, "administration is not offered here");
    else if (!rights_administer(&c->caller.who))
        call_problem(c, 403, "an operation is administered by somebody who serves the whole of it");
    else
        return true;
    return false;
}

void admin_answer(struct call *c, void (*write)(void *ctx, struct store_op *op, struct buf *out))
{
    struct buf b;
    if (!admin_may(c))
        return;
    buf_init(&b, DOCUMENT_MAX);
    write(c->api->cf.admin.ctx, c->op->op, &b);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

/* 200 with the version as ETag. */
static void reply(struct call *c, const char *version, struct buf *b)
{
    char tag[VERSION_MAX + 2];
    int n = snprintf(tag, sizeof tag, "\"%.60s\"", version);
    const struct http_head heads[] = {{"Content-Type", SLICE("application/json")},
                                      {"Cache-Control", SLICE("no-store")},
                                      {"ETag", {tag, (size_t)n}},
                                      {NULL, {0, 0}}};
    http_reply(c->rq, 200, heads, buf_view(b));
    call_end(c);
}

/* ---- reading ---- */

static void on_document(void *arg, const struct err *e, const json_t *file, const json_t *secrets,
                        const char *version)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    buf_init(&b, DOCUMENT_MAX);
    buf_printf(&b, "{\"version\":\"%s\",\"file\":", version);
    json_write(file, &b);
    buf_str(&b, ",\"secrets\":");
    json_write(secrets, &b);
    buf_char(&b, '}');
    reply(c, version, &b);
    buf_clear(&b);
}

static void document_get(struct call *c)
{
    if (admin_may(c))
        c->api->cf.admin.document(c->api->cf.admin.ctx, c->op->op, on_document, c);
}

/* ---- changing ---- */

static void lines_json(struct buf *b, struct slice lines)
{
    struct slice line;
    bool first = true;
    buf_char(b, '[');
    while (lines.n && slice_next(&lines, '\n', &line)) {
        if (!line.n)
            continue;
        if (!first)
            buf_char(b, ',');
        first = false;
        buf_json_str(b, line);
    }
    buf_char(b, ']');
}

static void pointer_json(struct buf *b, struct slice line)
{
    const char *colon = line.n ? memmem(line.p, line.n, ": ", 2) : NULL;
    size_t n = colon ? (size_t)(colon - line.p) : 0;
    buf_str(b, "{\"at\":");
    buf_json_str(b, slice_of(line.p, n));
    buf_str(b, ",\"text\":");
    buf_json_str(b, colon ? slice_of(colon + 2, line.n - n - 2) : line);
    buf_char(b, '}');
}

/* Each problem with its place, the first one also as `at`. */
static void refuse(struct call *c, const struct err *e, struct slice problems)
{
    struct slice rest = problems, line;
    struct buf b;
    size_t n = 0;
    int status = e->code == ERR_CONFLICT ? 412 : http_status_of(e->code);
    buf_init(&b, DOCUMENT_MAX);
    buf_str(&b, ",\"problems\":[");
    while (rest.n && n < 200 && slice_next(&rest, '\n', &line)) {
        if (!line.n)
            continue;
        buf_str(&b, n++ ? "," : "");
        pointer_json(&b, line);
    }
    buf_char(&b, ']');
    if (n) {
        slice_next(&problems, '\n', &line);
        const char *colon = memmem(line.p, line.n, ": ", 2);
        buf_str(&b, ",\"at\":");
        buf_json_str(&b, slice_of(line.p, colon ? (size_t)(colon - line.p) : 0));
    }
    http_problem(c->rq, status, e->text, b.err || !b.n ? NULL : b.p);
    buf_clear(&b);
    call_end(c);
}

static void on_applied(void *arg, const struct err *e, const struct api_applied *r)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        refuse(c, e, r->problems);
        return;
    }
    buf_init(&b, DOCUMENT_MAX);
    buf_printf(&b, "{\"version\":\"%s\",\"changes\":", r->version);
    lines_json(&b, r->changes);
    buf_str(&b, ",\"passwords\":");
    json_write(r->passwords, &b);
    buf_str(&b, ",\"behind\":");
    json_write(r->behind, &b);
    buf_char(&b, '}');
    reply(c, r->version, &b);
    if (b.n)
        mem_wipe(b.p, b.n);
    buf_clear(&b);
}

/* Who names networks without their own could not take it back. */
static bool shut_out(struct call *c, const struct api_change *change, struct buf *problems)
{
    const json_t *was = json_object_get(change->before, "networks"),
                 *now = json_object_get(change->after, "networks");
    if (!now || (was && json_equal(was, now)) ||
        networks_lets(change->after, c->caller.who.roles, http_req_peer(c->rq)))
        return false;
    buf_str(problems,
            "/networks: you would shut yourself out: the network that you come from is not among them\n");
    return true;
}

static bool allowed(void *arg, const struct api_change *change, struct buf *problems)
{
    struct call *c = arg;
    bool out = shut_out(c, change, problems);
    return admin_allowed(&c->caller.who, change, problems) && !out;
}

/* If-Match: "7-0123456789abcdef", with or without its quotes. */
static bool expected(struct call *c, char out[VERSION_MAX])
{
    struct slice given = slice_trim(http_req_header(c->rq, "if-match"));
    if (given.n >= 2 && given.p[0] == '"' && given.p[given.n - 1] == '"')
        given = slice_of(given.p + 1, given.n - 2);
    if (!given.n)
        call_problem_code(c, 428, "If-Match with the version that was read is wanted", "version");
    else if (given.n >= VERSION_MAX || memchr(given.p, '"', given.n))
        call_problem(c, 412, "this version was never given");
    else {
        memcpy(out, given.p, given.n);
        out[given.n] = '\0';
        return true;
    }
    return false;
}

static bool dry_run(struct call *c, bool *dry)
{
    struct buf b;
    buf_init(&b, 16);
    bool given = call_query(c, "dry_run", &b), yes = given && slice_is(buf_view(&b), "true");
    bool good = !given || yes || slice_is(buf_view(&b), "false");
    buf_clear(&b);
    *dry = yes;
    if (!good)
        call_problem(c, 400, "dry_run: true or false is wanted");
    return good;
}

static void change(struct call *c, const json_t *file)
{
    char expect[VERSION_MAX];
    bool dry;
    if (!admin_may(c) || !expected(c, expect) || !dry_run(c, &dry))
        return;
    const struct api_apply want = {.op = c->op->op,
                                   .file = file,
                                   .expect = expect,
                                   .actor = c->caller.login,
                                   .dry_run = dry,
                                   .allowed = allowed,
                                   .done = on_applied,
                                   .arg = c};
    c->api->cf.admin.apply(c->api->cf.admin.ctx, &want);
}

/* The whole file, as `parley apply` takes it. */
static void document_put(struct call *c)
{
    if (!slice_is(json_opt_str(c->body, "operation"), store_op_name(c->op->op)))
        call_problem(c, 400, "operation: the name of this operation is wanted");
    else
        change(c, c->body);
}

/* Some sections of it: what is not there stays as it is. */
static void document_patch(struct call *c)
{
    if (json_object_get(c->body, "operation")) {
        call_problem(c, 400, "operation: sections alone are wanted here");
        return;
    }
    json_object_set_new(c->body, "operation", json_string(store_op_name(c->op->op)));
    change(c, c->body);
}

/* ---- what still lacks ---- */

static void fact(struct buf *b, const char *id, bool done, size_t n)
{
    buf_printf(b, ",{\"id\":\"%s\",\"state\":\"%s\",\"detail\":\"%zu\"}", id, done ? "done" : "missing", n);
}

static void count_people(struct api_op *o, struct buf *b)
{
    size_t focal = 0, administrators = 0, agents = 0;
    struct slice name;
    void *value;
    for (size_t i = 0; map_each(&o->members, &i, &name, &value);) {
        const struct member *m = value;
        unsigned roles = m->a.disabled ? 0 : rights_roles(m->a.roles);
        focal += (roles & ROLE_FOCAL) != 0;
        administrators += (roles & ROLE_ADMINISTRATOR) != 0;
        agents += (roles & (ROLE_AGENT | ROLE_PARTNER | ROLE_FOCAL)) != 0 && m->a.capacity > 0;
    }
    fact(b, "agents", agents > 0, agents);
    fact(b, "focal", focal >= 2, focal);
    fact(b, "administrators", administrators >= 2, administrators);
}

static void checklist_get(struct call *c)
{
    struct buf b;
    if (!admin_may(c))
        return;
    buf_init(&b, 1u << 20);
    buf_str(&b, "{\"items\":[");
    c->api->cf.admin.checklist(c->api->cf.admin.ctx, c->op->op, &b);
    count_people(c->op, &b);
    buf_str(&b, "],\"next\":null}");
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void texts_get(struct call *c)
{
    admin_answer(c, c->api->cf.admin.texts);
}

const struct call_route admin_routes[] = {
    {HTTP_M_GET, "operation/document", document_get, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_PUT, "operation/document", document_put, ROLE_ADMINISTRATOR, CALL_JSON | CALL_SECRET},
    {HTTP_M_PATCH, "operation/document", document_patch, ROLE_ADMINISTRATOR, CALL_JSON | CALL_SECRET},
    {HTTP_M_GET, "operation/checklist", checklist_get, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_GET, "operation/texts", texts_get, ROLE_ADMINISTRATOR, 0},
    {.run = NULL},
};
