/* SPDX-License-Identifier: Apache-2.0
 * What an administrator needs for channels: the connectors with their settings, and one message to an address
 * that they type. */
#include "gateway/api/admin_internal.h"
#include <string.h>

static void connectors_get(struct call *c)
{
    struct buf b;
    if (!admin_may(c))
        return;
    buf_init(&b, 4u << 20);
    buf_str(&b, "{\"items\":[");
    c->api->cf.admin.connectors(c->api->cf.admin.ctx, &b);
    buf_str(&b, "],\"next\":null}");
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

/* ---- "send me one" ---- */

static void on_tested(void *arg, const struct err *e, const struct api_tested *r)
{
    struct call *c = arg;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        return;
    }
    store_audit(c->op->op, c->caller.login, "channel.test",
                arena_dup(http_req_arena(c->rq), c->args[0].p, c->args[0].n), r->outcome, NULL, NULL);
    buf_init(&b, 8192);
    buf_printf(&b, "{\"outcome\":\"%s\",\"code\":", r->outcome);
    buf_json_str(&b, slice_str(r->code));
    buf_str(&b, ",\"text\":");
    buf_json_str(&b, slice_str(r->text));
    buf_char(&b, '}');
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void test_post(struct call *c)
{
    static const char *const known[] = {"to", "language", NULL};
    struct slice to, language;
    struct err e = {0};
    if (!admin_may(c) || !call_members(c, known))
        return;
    language = json_opt_str(c->body, "language");
    if (!json_need_str(c->body, "to", &to, &e))
        call_err(c, &e);
    else if (!to.n || to.n > 500)
        call_problem(c, 400, "to: an address is wanted, such as \"tel:+905551234567\"");
    else if (c->args[0].n >= 64 || !name_valid(c->args[0]))
        call_problem(c, 404, "no such channel");
    else if (call_rate(c, "test", 20))
        c->api->cf.admin.test(c->api->cf.admin.ctx, c->op->op,
                              arena_dup(http_req_arena(c->rq), c->args[0].p, c->args[0].n), to,
                              language.n && language.n < 36 ? language.p : "", on_tested, c);
}

const struct call_route admin_channel_routes[] = {
    {HTTP_M_GET, "operation/connectors", connectors_get, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "operation/channels/{}/test", test_post, ROLE_ADMINISTRATOR, CALL_JSON | CALL_SECRET},
    {.run = NULL},
};
