/* SPDX-License-Identifier: Apache-2.0
 * An alert as somebody sees it: as JSON, on the socket, and what there is to raise. */
#include "gateway/api/alerts.h"
#include <stdio.h>
#include <string.h>

/* ---- the ladder ---- */

const struct alert_ladder *alerts_ladder(struct api_op *o)
{
    const json_t *doc = operation_document(o);
    struct err e = {0};
    if (o->ladder && o->ladder_version == o->document_version)
        return o->ladder;
    alert_ladder_free(&o->ladder);
    const char *zone = json_string_value(json_object_get(doc, "timezone"));
    if (alert_ladder_load(&o->ladder, json_object_get(doc, "alerts"), zone, &e) != 0 &&
        alert_ladder_load(&o->ladder, json_object_get(doc, "alerts"), "UTC", &e) != 0)
        log_event(LOG_ERROR, "alert.ladder", log_str("operation", store_op_name(o->op)), log_err(&e));
    err_assert(o->ladder);
    o->ladder_version = o->document_version;
    return o->ladder;
}

void alerts_view_free(struct api_op *o)
{
    alert_ladder_free(&o->ladder);
}

/* ---- who sees it ---- */

unsigned alerts_rights(struct api_op *o, const struct who *w, const struct store_alert *a)
{
    const struct alert_seen seen = {a->clearance, a->area, a->holder, a->by, a->drill};
    bool rota = *w->agent && alert_person_find(alerts_ladder(o), w->agent);
    return rights_alert(w, &seen, rota);
}

bool alerts_rings(struct api_op *o, const struct who *w, const struct store_alert *a)
{
    enum alert_state s = alert_state_find(slice_str(a->state));
    const struct alert_ladder *l = alerts_ladder(o);
    const struct alert_person *p = *w->agent ? alert_person_find(l, w->agent) : NULL;
    unsigned rights = alerts_rights(o, w, a);
    if ((s != ALERT_POSSIBLE || !(rights & ALERT_CONFIRM)) && (!alert_rings(s) || !(rights & ALERT_ANSWER)))
        return false;
    if (p)
        return alert_on_duty(l, p, store_now_ms(o->api->cf.store));
    return !w->by_token && (s == ALERT_POSSIBLE || (w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL)));
}

/* ---- JSON ---- */

static void text(struct buf *b, const char *key, const char *value)
{
    buf_printf(b, ",\"%s\":", key);
    if (*value)
        buf_json_str(b, slice_str(value));
    else
        buf_str(b, "null");
}

static void act(struct buf *b, unsigned rights, const struct store_alert *a)
{
    static const struct {
        const char *name;
        enum alert_state to;
    } acts[] = {{"confirm", ALERT_RAISED},
                {"acknowledge", ALERT_ACKNOWLEDGED},
                {"handover", ALERT_HANDED},
                {"close", ALERT_CLOSED},
                {"dismiss", ALERT_DISMISSED}};
    enum alert_state s = alert_state_find(slice_str(a->state));
    unsigned needs = s == ALERT_POSSIBLE ? ALERT_CONFIRM : ALERT_ANSWER;
    bool first = true;
    buf_str(b, ",\"may\":[");
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        if (!(rights & needs) || !alert_may(s, acts[i].to))
            continue;
        buf_printf(b, "%s\"%s\"", first ? "" : ",", acts[i].name);
        first = false;
    }
    buf_char(b, ']');
}

void alerts_json(struct buf *b, struct api_op *o, const struct who *w, const struct store_alert *a)
{
    buf_printf(b,
               "\"code\":\"%s\",\"state\":\"%s\",\"how\":\"%s\",\"drill\":%s,\"clearance\":%d,\"count\":%u,"
               "\"steps\":%u,\"ring\":%s",
               a->code, a->state, a->how, a->drill ? "true" : "false", a->clearance, a->count, a->steps,
               alerts_rings(o, w, a) ? "true" : "false");
    text(b, "category", a->category);
    text(b, "area", a->area);
    text(b, "thread", a->thread);
    text(b, "contact", a->contact.s[0] ? a->contact.s : "");
    text(b, "group", a->of);
    text(b, "by", a->by);
    text(b, "acknowledged_by", a->acknowledged_by);
    text(b, "handed_by", a->handed_by);
    text(b, "ended_by", a->ended_by);
    view_time(b, "since", a->seen_ms, true);
    view_time(b, "raised", a->raised_ms, true);
    view_time(b, "first_notice", a->first_ms, true);
    view_time(b, "acknowledged", a->acknowledged_ms, true);
    view_time(b, "handed", a->handed_ms, true);
    view_time(b, "ended", a->ended_ms, true);
    act(b, alerts_rights(o, w, a), a);
}

/* ---- on the socket ---- */

static void of_event(struct store_alert *a, const struct store_event *ev)
{
    store_alert_read(a, ev->record.id, ev->record.group, ev->record.facets);
    a->clearance = ev->clearance > a->clearance ? ev->clearance : a->clearance;
    a->contact = ev->contact;
}

static bool saw_before(struct api_op *o, const struct who *w, struct store_alert a, int clearance)
{
    a.clearance = clearance;
    return alerts_rights(o, w, &a) & ALERT_SEE;
}

static bool alert_hears(const struct record_news *n, const struct who *w)
{
    struct store_alert a;
    of_event(&a, n->ev);
    return (alerts_rights(n->o, w, &a) & ALERT_SEE) || saw_before(n->o, w, a, n->ev->clearance);
}

/* Who saw it until its thread was sealed is told that it is gone. */
static void alert_tell(struct buf *b, const struct record_news *n, const struct who *w)
{
    struct store_alert a;
    of_event(&a, n->ev);
    bool gone = strcmp(n->ev->why, "put") != 0 || !(alerts_rights(n->o, w, &a) & ALERT_SEE);
    record_frame(b, n, gone ? "alert.gone" : "alert");
    if (gone) {
        buf_printf(b, ",\"code\":\"%s\"}", a.code);
        return;
    }
    buf_str(b, ",\"alert\":{");
    alerts_json(b, n->o, w, &a);
    buf_str(b, "}}");
}

const struct record_row alert_row = {.kind = "alert", .may = alert_hears, .tell = alert_tell};

/* ---- what there is ---- */

static const json_t *own_categories(struct api_op *o)
{
    return json_object_get(json_object_get(operation_document(o), "alerts"), "categories");
}

static const json_t *own_category(struct api_op *o, const char *id)
{
    size_t i;
    const json_t *list = own_categories(o);
    json_t *c;
    json_array_foreach(list, i, c) if (slice_is(json_opt_str(c, "id"), id)) return c;
    return NULL;
}

static bool shipped(const char *id)
{
    for (const struct alert_category *c = alert_categories; c->id; c++)
        if (strcmp(c->id, id) == 0)
            return true;
    return false;
}

bool alerts_view_category(struct api_op *o, const char *id)
{
    const json_t *own = own_category(o, id);
    return own ? !json_opt_bool(own, "disabled", false) : shipped(id);
}

/* The operation's words first, then Parley's. */
static void category(struct buf *b, const char *id, const struct alert_category *c, json_t *names)
{
    const char *tag;
    json_t *name;
    bool first = true;
    buf_printf(b, "%s{\"id\":\"%s\",\"name\":{", b->p[b->n - 1] == '[' ? "" : ",", id);
    json_object_foreach(names, tag, name)
    {
        buf_printf(b, "%s\"%s\":", first ? "" : ",", tag);
        buf_json_str(b, slice_str(json_string_value(name)));
        first = false;
    }
    for (size_t i = 0; c && i < ALERT_LANGUAGES; i++) {
        if (json_object_get(names, alert_languages[i]))
            continue;
        buf_printf(b, "%s\"%s\":", first ? "" : ",", alert_languages[i]);
        buf_json_str(b, slice_str(c->name[i]));
        first = false;
    }
    buf_str(b, "}}");
}

void alerts_settings(struct call *c)
{
    struct buf b;
    size_t i;
    json_t *own;
    const struct alert_ladder *l = alerts_ladder(c->op);
    const char *agent = c->caller.who.agent;
    const struct alert_person *me = *agent ? alert_person_find(l, agent) : NULL;
    int64_t now = store_now_ms(c->api->cf.store);
    buf_init(&b, 1u << 20);
    buf_str(&b, "{\"categories\":[");
    for (const struct alert_category *k = alert_categories; k->id; k++) {
        const json_t *mine = own_category(c->op, k->id);
        if (!json_opt_bool(mine, "disabled", false))
            category(&b, k->id, k, json_object_get(mine, "name"));
    }
    json_array_foreach(own_categories(c->op), i, own)
    {
        const char *id = json_string_value(json_object_get(own, "id"));
        if (id && !shipped(id) && !json_opt_bool(own, "disabled", false))
            category(&b, id, NULL, json_object_get(own, "name"));
    }
    buf_printf(&b, "],\"confirm_s\":%lld,\"on_rota\":%s,\"on_duty\":%s,\"rota\":%zu}",
               (long long)(l->confirm_ms / 1000), me ? "true" : "false",
               me && alert_on_duty(l, me, now) ? "true" : "false", l->persons_n);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}
