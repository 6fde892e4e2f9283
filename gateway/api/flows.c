/* SPDX-License-Identifier: Apache-2.0
 * Flows for the administration page: what there is, checking one that is not applied yet, and trying one:
 * the run travels with the page, nothing is stored. */
#include "gateway/api/api_internal.h"
#include "router/flow/flow.h"
#include <string.h>

static const json_t *flow_named(const struct call *c, struct slice id)
{
    size_t i;
    const json_t *f;
    json_array_foreach(json_object_get(operation_document(c->op), "flows"), i, f)
    {
        if (slice_eq(json_opt_str(f, "id"), id))
            return f;
    }
    return NULL;
}

static void member(struct buf *b, const char *name, const json_t *v)
{
    buf_printf(b, ",\"%s\":", name);
    if (v)
        json_write(v, b);
    else
        buf_str(b, strcmp(name, "name") == 0 ? "{}" : "[]");
}

static void channels_of(struct buf *b, const struct call *c, struct slice id)
{
    size_t i, n = 0;
    const json_t *ch;
    buf_str(b, ",\"channels\":[");
    json_array_foreach(json_object_get(operation_document(c->op), "channels"), i, ch)
    {
        if (!slice_eq(json_opt_str(ch, "flow"), id) || json_opt_bool(ch, "disabled", false))
            continue;
        buf_str(b, n++ ? "," : "");
        buf_json_str(b, json_opt_str(ch, "id"));
    }
    buf_char(b, ']');
}

static void one(struct buf *b, const struct call *c, const json_t *f, bool whole)
{
    const json_t *container = json_object_get(f, "flow"),
                 *first = json_array_get(json_object_get(container, "flows"), 0);
    struct slice id = json_opt_str(f, "id");
    buf_str(b, "{\"id\":");
    buf_json_str(b, id);
    member(b, "name", json_object_get(f, "name"));
    buf_printf(b, ",\"disabled\":%s", json_opt_bool(f, "disabled", false) ? "true" : "false");
    buf_printf(b, ",\"blocks\":%zu", json_array_size(json_object_get(first, "blocks")));
    channels_of(b, c, id);
    if (whole)
        member(b, "flow", container);
    buf_char(b, '}');
}

static void flows_get(struct call *c)
{
    struct buf b;
    size_t i;
    const json_t *f;
    call_list(&b);
    json_array_foreach(json_object_get(operation_document(c->op), "flows"), i, f)
    {
        call_item(&b);
        one(&b, c, f, false);
    }
    call_list_end(c, &b, "");
}

static void flow_get(struct call *c)
{
    const json_t *f = flow_named(c, c->args[0]);
    struct buf b;
    if (!f) {
        call_problem(c, 404, "no such flow");
        return;
    }
    buf_init(&b, 2 * FLOW_BYTES);
    one(&b, c, f, true);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void problem(void *arg, const char *at, const char *text)
{
    struct buf *b = arg;
    buf_str(b, b->n && b->p[b->n - 1] == '}' ? ",{\"at\":" : "{\"at\":");
    buf_json_str(b, slice_str(at));
    buf_str(b, ",\"text\":");
    buf_json_str(b, slice_str(text));
    buf_char(b, '}');
}

static void flow_checked(struct call *c)
{
    static const char *const known[] = {"flow", NULL};
    struct buf b;
    if (!call_members(c, known))
        return;
    buf_init(&b, 1u << 16);
    buf_str(&b, "{\"problems\":[");
    bool ok = flow_check(json_object_get(c->body, "flow"), problem, &b);
    buf_printf(&b, "],\"ok\":%s}", ok ? "true" : "false");
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

/* One that is applied by its "id", or one that is not as "flow". */
static const json_t *wanted(struct call *c)
{
    const json_t *given = json_object_get(c->body, "flow");
    struct slice id = json_opt_str(c->body, "id");
    const json_t *f = id.n ? flow_named(c, id) : NULL;
    if (id.n && !f)
        call_problem(c, 404, "no such flow");
    else if (!id.n && !given)
        call_problem(c, 400, "\"id\" or \"flow\" is needed");
    else
        return f ? json_object_get(f, "flow") : given;
    return NULL;
}

static void flow_tried(struct call *c)
{
    static const char *const known[] = {"id", "flow", "run", "text", "choice", "language", "channel", NULL};
    struct err e = {0};
    struct buf b;
    const json_t *container = call_members(c, known) ? wanted(c) : NULL;
    if (!container)
        return;
    json_t *out = c->api->cf.admin.flow_try(c->api->cf.admin.ctx, c->op->op, container, c->body, &e);
    if (!out) {
        call_err(c, &e);
        return;
    }
    buf_init(&b, 2 * FLOW_BYTES);
    json_write(out, &b);
    json_decref(out);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

const struct call_route flow_routes[] = {
    {HTTP_M_GET, "flows", flows_get, ROLE_ADMINISTRATOR | ROLE_SUPERVISOR, 0},
    {HTTP_M_GET, "flows/{}", flow_get, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "flows/check", flow_checked, ROLE_ADMINISTRATOR, CALL_JSON},
    {HTTP_M_POST, "flows/try", flow_tried, ROLE_ADMINISTRATOR, CALL_JSON},
    {.run = NULL},
};
