/* SPDX-License-Identifier: Apache-2.0
 * Verbs of the admin socket that count. */
#include "gateway/api/report.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/admin.h"

#define OWNER_CLEARANCE 1 /* who owns the machine is no focal point: sealed matters on request alone */

static void on_report(void *arg, const struct err *e, struct slice text)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else if (json_opt_bool(c->args, "csv", false))
        admin_done(c, json_pack("{s:s%}", "csv", text.p, text.n));
    else
        admin_done(c, json_pack("{s:o}", "report", json_parse(text, JSON_DEPTH_DEFAULT, NULL)));
}

static void report(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    if (!op)
        return;
    struct slice text = store_op_document(op, NULL);
    json_t *doc = text.n ? json_parse(text, JSON_DEPTH_DEFAULT, NULL) : NULL;
    const char *zone = json_string_value(json_object_get(doc, "timezone"));
    report_run(op,
               &(struct report_ask){.from = admin_arg(c, "from"),
                                    .to = admin_arg(c, "to"),
                                    .by = admin_arg(c, "by"),
                                    .area = admin_arg(c, "area"),
                                    .areas = "",
                                    .clearance = (int)json_opt_int(c->args, "clearance", OWNER_CLEARANCE),
                                    .timezone = zone ? zone : "UTC",
                                    .csv = json_opt_bool(c->args, "csv", false),
                                    .bom = json_opt_bool(c->args, "bom", false)},
               on_report, c);
    json_decref(doc);
}

const struct admin_verb admin_report_verbs[] = {
    {"report", report, "operation from to by area clearance csv bom", false}, {NULL, NULL, NULL, false}};
