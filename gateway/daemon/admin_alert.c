/* SPDX-License-Identifier: Apache-2.0
 * Verbs of the admin socket on red alerts: what is open, and drills. */
#include "gateway/base/mem.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/alerts.h"
#include "gateway/daemon/worker.h"
#include <string.h>

#define LISTED 100

static struct alerts *alerts_of(struct admin_call *c, const struct store_op *op)
{
    for (struct list *at = c->w->ops.next; at != &c->w->ops; at = at->next) {
        struct worker_op *o = container_of(at, struct worker_op, node);
        if (o->op == op)
            return o->alerts;
    }
    return NULL;
}

/* Codes and times alone: nothing is opened. */
static bool list_one(void *arg, const struct store_record *r)
{
    struct admin_call *c = arg;
    json_t *list = c->state;
    struct store_alert a;
    char since[TIME_TEXT];
    store_alert_of(&a, r);
    if (json_array_size(list) >= LISTED || strcmp(a.state, "closed") == 0 ||
        strcmp(a.state, "dismissed") == 0)
        return false;
    time_text(a.seen_ms, since);
    json_array_append_new(list,
                          json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I}", "code", a.code, "state", a.state,
                                    "category", a.category, "area", a.area, "since", since, "drill", a.drill,
                                    "count", (json_int_t)a.count, "steps", (json_int_t)a.steps));
    return false;
}

static void on_list(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct admin_call *c = arg;
    json_t *list = c->state;
    (void)r, (void)n, (void)more;
    c->state = NULL;
    if (e->code) {
        json_decref(list);
        admin_error(c, e);
    } else
        admin_done(c, json_pack("{s:o}", "alerts", list));
}

static void alert_list(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    const struct record_list q = {.kind = "alert", .newest_first = true, .visible = list_one};
    if (!op)
        return;
    c->state = json_array();
    store_record_list(op, &q, on_list, c);
}

static void on_drill(void *arg, const struct err *e, const struct alert_raised *r)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else
        admin_done(c, json_pack("{s:s}", "code", r->code));
}

static void alert_drill(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    struct alerts *a = op ? alerts_of(c, op) : NULL;
    if (!op)
        return;
    if (!a || !alerts_category(a, admin_arg(c, "category")))
        admin_refuse(c, ERR_INVALID, "there is no such category");
    else if (*admin_arg(c, "area") && !area_valid(slice_str(admin_arg(c, "area"))))
        admin_refuse(c, ERR_INVALID, "area: one such as tr/izmir is wanted");
    else
        alerts_drill(a, admin_arg(c, "category"), admin_arg(c, "area"), admin_actor(c), on_drill, c);
}

const struct admin_verb admin_alert_verbs[] = {{"alert-list", alert_list, "operation", false},
                                               {"alert-drill", alert_drill, "operation category area", true},
                                               {NULL, NULL, NULL, false}};
