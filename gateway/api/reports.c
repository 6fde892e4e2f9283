/* SPDX-License-Identifier: Apache-2.0
 * REST on reports: what is asked, by whom, and the file or JSON that comes of it. */
#include "gateway/api/api_internal.h"
#include "gateway/api/report.h"
#include <stdio.h>

struct asking {
    struct call *c;
    struct buf from, to, by, area;
    bool csv;
};

static void asking_free(struct asking *a)
{
    buf_clear(&a->from);
    buf_clear(&a->to);
    buf_clear(&a->by);
    buf_clear(&a->area);
    mem_free(a);
}

static void reply_csv(struct call *c, const char *name, struct slice text)
{
    char disposition[160];
    snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", name);
    const struct http_head heads[] = {{"Content-Type", SLICE("text/csv; charset=utf-8")},
                                      {"Content-Disposition", slice_str(disposition)},
                                      {"Cache-Control", SLICE("no-store")},
                                      {NULL, {0, 0}}};
    http_reply(c->rq, 200, heads, text);
    call_end(c);
}

static void on_report(void *arg, const struct err *e, struct slice text)
{
    struct asking *a = arg;
    char name[100];
    if (e->code) {
        call_err(a->c, e);
    } else if (a->csv) {
        snprintf(name, sizeof name, "report-%.10s-%.10s.csv", a->from.p, a->to.p);
        store_audit(a->c->op->op, a->c->caller.login, "report.export", "report", name + 7, NULL, NULL);
        reply_csv(a->c, name, text);
    } else {
        call_json(a->c, 200, text);
    }
    asking_free(a);
}

static const char *text_of(const struct buf *b)
{
    return b->n ? b->p : "";
}

static bool flag(struct call *c, const char *key, const char *value)
{
    struct buf b;
    buf_init(&b, 16);
    bool yes = call_query(c, key, &b) && slice_is(buf_view(&b), value);
    buf_clear(&b);
    return yes;
}

static void reports_get(struct call *c)
{
    struct asking *a = mem_alloc(sizeof *a);
    const json_t *doc = operation_document(c->op);
    const char *zone = json_string_value(json_object_get(doc, "timezone"));
    a->c = c;
    buf_init(&a->from, 32);
    buf_init(&a->to, 32);
    buf_init(&a->by, 200);
    buf_init(&a->area, 256);
    call_query(c, "from", &a->from);
    call_query(c, "to", &a->to);
    call_query(c, "by", &a->by);
    call_query(c, "area", &a->area);
    a->csv = flag(c, "format", "csv");
    report_run(c->op->op,
               &(struct report_ask){.from = text_of(&a->from),
                                    .to = text_of(&a->to),
                                    .by = text_of(&a->by),
                                    .area = text_of(&a->area),
                                    .areas = c->caller.who.areas,
                                    .clearance = c->caller.who.clearance,
                                    .timezone = zone ? zone : "UTC",
                                    .csv = a->csv,
                                    .bom = flag(c, "bom", "1")},
               on_report, a);
}

const struct call_route report_routes[] = {
    {HTTP_M_GET, "reports", reports_get, ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_ADMINISTRATOR | ROLE_INTEGRATOR,
     0},
    {.run = NULL},
};
