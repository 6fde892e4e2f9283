/* SPDX-License-Identifier: Apache-2.0
 * Every route: the tables of all files, which queries they take, and finding one. */
#include "gateway/api/alerts.h"
#include "gateway/api/matters.h"
#include "gateway/api/route.h"
#include <string.h>

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
    matter_routes,  matter_code_routes,  matter_over_routes,    pack_routes,   guard_routes,
    webhook_routes, token_routes};

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

const struct call_route *route_find(bool global, enum http_method m, struct slice path,
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

bool route_split(struct slice path, struct slice *op, struct slice *rest, bool *global)
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

bool route_takes(const struct call_route *r, struct slice name)
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
