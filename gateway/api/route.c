/* SPDX-License-Identifier: Apache-2.0
 * REST calls: from a path to a function, with the caller's roles, the body and the Idempotency-Key seen to.
 */
#include "gateway/api/api_internal.h"
#include "gateway/api/matters.h"
#include "gateway/api/alerts.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define BODY_MAX     (1u << 20)
#define DOCUMENT_MAX (16u << 20) /* an operation file of a large office */

static const struct call_route global_routes[] = {
    {HTTP_M_POST, "sign-in", auth_sign_in, 0, CALL_JSON | CALL_GLOBAL | CALL_OPEN},
    {HTTP_M_POST, "sign-out", auth_sign_out, 0, CALL_GLOBAL},
    {HTTP_M_GET, "me", auth_me, 0, CALL_GLOBAL},
    {HTTP_M_PATCH, "me", auth_me_patch, 0, CALL_JSON | CALL_GLOBAL},
    {HTTP_M_POST, "sign-in/code", auth_sign_in_code, 0, CALL_JSON | CALL_GLOBAL | CALL_OPEN},
    {HTTP_M_GET, "me/second-factor", second_show, 0, CALL_GLOBAL},
    {HTTP_M_POST, "me/second-factor", second_start, 0, CALL_JSON | CALL_GLOBAL},
    {HTTP_M_POST, "me/second-factor/confirm", second_confirm, 0, CALL_JSON | CALL_GLOBAL},
    {HTTP_M_POST, "me/second-factor/codes", second_codes, 0, CALL_JSON | CALL_GLOBAL},
    {HTTP_M_POST, "me/second-factor/off", second_off, 0, CALL_JSON | CALL_GLOBAL},
    {.run = NULL},
};

static const struct call_route *const tables[] = {
    admin_routes,   admin_people_routes, admin_channel_routes,  dead_routes,   thread_routes,
    people_routes,  articles_routes,     articles_write_routes, byhand_routes, links_routes,
    office_routes,  audit_routes,        alert_routes,          file_routes,   report_routes,
    subject_routes, second_routes,       flow_routes,           hours_routes,  callback_routes,
    matter_routes,  guard_routes,        webhook_routes,        token_routes};

/* What a call's query may hold, as openapi.json has it; a path that is not here takes none. */
#define QUERY_MAX 12
struct call_query {
    const char *path;
    const char *known[QUERY_MAX];
};
static const struct call_query queries[] = {
    {"threads",
     {"state", "language", "topic", "assignee", "contact", "area", "channel", "q", "sort", "before",
      "limit"}},
    {"threads/{}/entries", {"before", "after", "limit"}},
    {"contacts", {"address", "name"}},
    {"articles", {"q", "language", "area", "topic", "kind", "state", "limit"}},
    {"articles/export", {"format"}},
    {"attachments/{}", {"entry"}},
    {"events", {"after", "limit"}},
    {"erasures", {"limit"}},
    {"breach", {"from", "to", "user", "contact"}},
    {"reports", {"from", "to", "by", "area", "format", "bom"}},
    {"audit", {"after", "limit"}},
    {"matters", {"state", "before", "after", "limit"}},
    {"referrals", {"state", "before", "after", "limit"}},
    {"threads/{}/guard", {"reason"}},
    {"channels/{}/dead", {"before", "limit"}},
    {"webhooks/{}/dead", {"before", "limit"}},
    {"quarantine", {"before", "limit"}},
    {"alerts", {"state", "thread", "drill", "before", "limit"}},
    {"alerts/figures", {"from", "to"}},
};
/* … of one that changes something. */
static const struct call_query write_queries[] = {
    {"operation/document", {"dry_run"}},
};

/* ---- matching ---- */

static bool path_fits(const char *pattern, struct slice path, struct slice args[CALL_ARGS])
{
    struct slice want = slice_str(pattern), w, p;
    size_t n = 0;
    for (;;) {
        bool more_w = slice_next(&want, '/', &w), more_p = slice_next(&path, '/', &p);
        if (more_w != more_p)
            return false;
        if (!more_w)
            return true;
        if (slice_is(w, "{}")) {
            if (!p.n || n == CALL_ARGS)
                return false;
            args[n++] = p;
        } else if (!slice_eq(w, p))
            return false;
    }
}

/* The route, or NULL; *known tells whether the path exists with another method. */
static const struct call_route *find_in(const struct call_route *r, enum http_method m, struct slice path,
                                        struct slice args[CALL_ARGS], bool *known)
{
    for (; r->run; r++) {
        if (!path_fits(r->path, path, args))
            continue;
        *known = true;
        if (r->method == m || (m == HTTP_M_HEAD && r->method == HTTP_M_GET))
            return r;
    }
    return NULL;
}

static const struct call_route *find(bool global, enum http_method m, struct slice path,
                                     struct slice args[CALL_ARGS], bool *known)
{
    if (global)
        return find_in(global_routes, m, path, args, known);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const struct call_route *r = find_in(tables[i], m, path, args, known);
        if (r)
            return r;
    }
    return NULL;
}

static bool cut_prefix(struct slice *s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (!slice_starts(*s, prefix))
        return false;
    s->p += n;
    s->n -= n;
    return true;
}

/* Splits "/api/v1/ops/demo/threads" into operation and rest. */
static bool split_path(struct slice path, struct slice *op, struct slice *rest, bool *global)
{
    if (!cut_prefix(&path, "/api/v1/"))
        return false;
    *global = !cut_prefix(&path, "ops/");
    if (*global) {
        *rest = path;
        return true;
    }
    const char *slash = path.n ? memchr(path.p, '/', path.n) : NULL;
    if (!slash)
        return false;
    *op = (struct slice){path.p, (size_t)(slash - path.p)};
    *rest = (struct slice){slash + 1, path.n - op->n - 1};
    return true;
}

/* ---- answering ---- */

void call_end(struct call *c)
{
    json_decref(c->body);
    mem_free((char *)c->idem_key.p);
    mem_free(c);
}

static void reply_json(struct http_req *rq, int status, struct slice json)
{
    static const struct http_head heads[] = {
        {"Content-Type", {"application/json", 16}}, {"Cache-Control", {"no-store", 8}}, {NULL, {0, 0}}};
    http_reply(rq, status, heads, json);
}

struct keeping { /* an answer that is given when it can be given again */
    struct call *c;
    int status;
    char *json;
    size_t n;
};

static void on_kept(void *arg, const struct err *e)
{
    struct keeping *k = arg;
    (void)e; /* it was done: that is what is told */
    reply_json(k->c->rq, k->status, (struct slice){k->json, k->n});
    call_end(k->c);
    mem_free(k->json);
    mem_free(k);
}

/* "201 @entry …" or "200 {…}": what a repetition of the same key is answered with. */
static void idem_keep(struct call *c, int status, struct slice json)
{
    struct keeping *k = mem_alloc(sizeof *k);
    struct buf b;
    *k = (struct keeping){c, status, slice_dup(json), json.n};
    buf_init(&b, 4u << 20);
    buf_printf(&b, "%d ", status);
    if (c->idem_what[0])
        buf_printf(&b, "@%s", c->idem_what);
    else
        buf_slice(&b, json);
    store_idem_finish(c->op->op, slice_str(c->idem_scope), c->idem_key, buf_view(&b), on_kept, k);
    buf_clear(&b);
}

void call_json(struct call *c, int status, struct slice json)
{
    if (c->idem) {
        idem_keep(c, status, json);
        return;
    }
    reply_json(c->rq, c->replay ? c->replay : status, json);
    call_end(c);
}

void call_empty(struct call *c, int status)
{
    http_reply(c->rq, status, NULL, (struct slice){0, 0});
    call_end(c);
}

/* Errors are not kept: the same key may be tried again. */
static void idem_free(struct call *c)
{
    if (c->idem)
        store_idem_drop(c->op->op, slice_str(c->idem_scope), c->idem_key, NULL, NULL);
}

void call_err(struct call *c, const struct err *e)
{
    idem_free(c);
    http_problem_err(c->rq, e);
    call_end(c);
}

void call_problem(struct call *c, int status, const char *detail)
{
    idem_free(c);
    http_problem(c->rq, status, detail, NULL);
    call_end(c);
}

void call_problem_code(struct call *c, int status, const char *detail, const char *code)
{
    char extra[64];
    snprintf(extra, sizeof extra, ",\"code\":\"%s\"", code);
    idem_free(c);
    http_problem(c->rq, status, detail, extra);
    call_end(c);
}

/* What the guard found lacking: "lacks" has its codes. */
void call_guarded(struct call *c, const struct err *e)
{
    struct slice rest = slice_str(e->text), one;
    struct buf b;
    buf_init(&b, 1024);
    buf_str(&b, ",\"code\":\"guarded\",\"lacks\":[");
    for (size_t n = 0; slice_next(&rest, ' ', &one);) {
        if (!one.n)
            continue;
        buf_str(&b, n++ ? "," : "");
        buf_json_str(&b, one);
    }
    buf_char(&b, ']');
    idem_free(c);
    http_problem(c->rq, 409, "something that this end needs is lacking", b.p);
    buf_clear(&b);
    call_end(c);
}

/* ---- lists ---- */

#define LIST_MAX (64u << 20)

void call_list(struct buf *b)
{
    buf_init(b, LIST_MAX);
    buf_str(b, "{\"items\":[");
}

void call_item(struct buf *b)
{
    if (b->p[b->n - 1] != '[')
        buf_char(b, ',');
}

void call_list_end(struct call *c, struct buf *b, const char *next)
{
    buf_str(b, "],\"next\":");
    if (*next)
        buf_json_str(b, slice_str(next));
    else
        buf_str(b, "null");
    buf_char(b, '}');
    call_json(c, 200, buf_view(b));
    buf_clear(b);
}

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

static bool query_known(const struct call_route *r, struct slice name)
{
    bool read = r->method == HTTP_M_GET;
    const struct call_query *q = read ? queries : write_queries;
    size_t n = read ? sizeof queries / sizeof *queries : sizeof write_queries / sizeof *write_queries;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; strcmp(q[i].path, r->path) == 0 && k < QUERY_MAX; k++)
            if (q[i].known[k] && slice_is(name, q[i].known[k]))
                return true;
    return false;
}

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
        good = text_url_decode(&b, name, true) == 0 && query_known(c->route, buf_view(&b));
    }
    if (!good)
        query_refuse(c, b.err ? (struct slice){0} : buf_view(&b));
    buf_clear(&b);
    return good;
}

/* ---- running ---- */

static void run(struct call *c)
{
    c->route->run(c);
}

/* "201 @entry ID SEQ" or "200 {…}", as idem_keep has written it. */
static void show_again(struct call *c, struct slice answer)
{
    struct slice status, kind, id_text;
    struct id id;
    uint64_t code = 200, seq = 0;
    slice_next(&answer, ' ', &status);
    slice_u64(status, &code);
    c->replay = (int)code;
    if (!slice_starts(answer, "@")) {
        call_json(c, c->replay, answer);
        return;
    }
    slice_next(&answer, ' ', &kind);
    slice_next(&answer, ' ', &id_text);
    if (!call_id(c, id_text, &id))
        return;
    if (slice_is(kind, "@thread"))
        call_show_thread(c, id);
    else if (slice_is(kind, "@matter"))
        call_show_matter(c, id, answer);
    else if (slice_is(kind, "@contact"))
        call_show_contact(c, id);
    else {
        slice_u64(answer, &seq);
        call_show_entry(c, id, seq);
    }
}

static void on_idem(void *arg, const struct err *e, int state, struct slice answer)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else if (state == 0) {
        c->idem = true;
        run(c);
    } else if (state == 2)
        call_problem(c, 409, "a call with this Idempotency-Key is under way");
    else if (state == 3)
        call_problem(c, 422, "this Idempotency-Key was used with another body");
    else
        show_again(c, answer);
}

static void idem_claim(struct call *c)
{
    unsigned char hash[SHA256_DIGEST_LENGTH], where[SHA256_DIGEST_LENGTH];
    char where_text[2 * SHA256_DIGEST_LENGTH + 1] = "";
    struct slice key = http_req_header(c->rq, "idempotency-key"), body = http_req_body(c->rq),
                 path = http_req_path(c->rq);
    if (key.n > 128) {
        call_problem(c, 400, "Idempotency-Key: at most 128 bytes");
        return;
    }
    SHA256((const unsigned char *)(body.p ? body.p : ""), body.n, hash);
    c->idem_key = (struct slice){slice_dup(key), key.n};
    SHA256((const unsigned char *)path.p, path.n, where);
    text_hex(where_text, where, sizeof where);
    snprintf(c->idem_scope, sizeof c->idem_scope, "%.63s %d %s", c->caller.login, (int)http_req_method(c->rq),
             where_text);
    store_idem_begin(c->op->op, slice_str(c->idem_scope), c->idem_key, hash, on_idem, c);
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
        run(c);
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
    if (!split_path(http_req_path(rq), &op_name, &rest, &global)) {
        http_problem(rq, 404, "no such thing", NULL);
        return;
    }
    const struct call_route *r = find(global, http_req_method(rq), rest, args, &known);
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
            run(c);
    } else /* nothing of the body is looked at before it is known who sends it */
        auth_request(a, c->op, rq, r->method != HTTP_M_GET, on_caller, c);
}

static void openapi(struct http_req *rq, void *arg)
{
    struct api *a = arg;
    if (http_req_method(rq) != HTTP_M_GET && http_req_method(rq) != HTTP_M_HEAD)
        http_problem(rq, 405, "GET is wanted", NULL);
    else
        reply_json(rq, 200, (struct slice){a->openapi, a->openapi_n});
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
