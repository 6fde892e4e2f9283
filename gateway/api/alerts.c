/* SPDX-License-Identifier: Apache-2.0
 * REST on red alerts. What may not be seen does not exist; each act is one function in the store. */
#include "gateway/api/alerts.h"
#include <stdio.h>
#include <string.h>

/* ---- lists ---- */

struct list_job {
    struct call *c;
    char state[16]; /* "", "open", or one state */
    int drill;      /* -1 any */
    unsigned limit, told;
    int64_t last; /* score of the last one that was looked at */
    struct buf items;
};

static bool list_wants(const struct list_job *j, const struct store_alert *a)
{
    bool ended = strcmp(a->state, "closed") == 0 || strcmp(a->state, "dismissed") == 0;
    if (j->drill >= 0 && a->drill != (j->drill == 1))
        return false;
    return !j->state[0] || (strcmp(j->state, "open") == 0 ? !ended : strcmp(j->state, a->state) == 0);
}

/* Codes and times are all that a list shows: nothing of it is opened. */
static bool list_take(void *arg, const struct store_record *r)
{
    struct list_job *j = arg;
    struct call *c = j->c;
    struct store_alert a;
    if (j->told == j->limit)
        return false;
    j->last = r->score;
    store_alert_of(&a, r);
    if ((alerts_rights(c->op, &c->caller.who, &a) & ALERT_SEE) && list_wants(j, &a)) {
        call_item(&j->items);
        buf_char(&j->items, '{');
        alerts_json(&j->items, c->op, &c->caller.who, &a);
        buf_char(&j->items, '}');
        j->told++;
    }
    return false;
}

static void list_end(struct list_job *j)
{
    buf_clear(&j->items);
    mem_free(j);
}

static void on_list(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct list_job *j = arg;
    char next[TIME_TEXT] = "";
    (void)r, (void)n;
    if (e->code)
        call_err(j->c, e);
    else {
        if (more || j->told == j->limit)
            time_text(j->last, next);
        call_list_end(j->c, &j->items, next);
    }
    list_end(j);
}

static bool list_state(struct list_job *j, struct buf *b)
{
    if (!call_query(j->c, "state", b))
        return true;
    bool known = slice_is(buf_view(b), "open") || alert_state_find(buf_view(b)) != ALERT_STATES;
    if (known)
        snprintf(j->state, sizeof j->state, "%s", b->p);
    return known;
}

static void alerts_list(struct call *c)
{
    struct buf b;
    int64_t before = 0;
    unsigned limit = call_limit(c);
    if (!limit)
        return;
    struct list_job *j = mem_alloc(sizeof *j);
    *j = (struct list_job){.c = c, .drill = -1, .limit = limit};
    call_list(&j->items);
    buf_init(&b, 256);
    const char *wrong = list_state(j, &b) ? NULL : "state: open, or the name of a state";
    if (call_query(c, "drill", &b))
        j->drill = slice_is(buf_view(&b), "true");
    if (call_query(c, "before", &b) && !time_parse(buf_view(&b), &before))
        wrong = "before: the value of `next` is wanted";
    struct record_list q = {.kind = "alert",
                            .group = call_query(c, "thread", &b) ? b.p : NULL,
                            .to = before ? before - 1 : 0,
                            .newest_first = true,
                            .visible = list_take};
    if (wrong) {
        call_problem(c, 400, wrong);
        list_end(j);
    } else
        store_record_list(c->op->op, &q, on_list, j);
    buf_clear(&b);
}

/* ---- one, with everything ---- */

struct one_job {
    struct call *c;
    int status;
    struct arena *arena;
    struct store_alert a;
    const char *json; /* what is sealed in it */
    struct slice name;
};

static void one_end(struct one_job *j)
{
    arena_free(&j->arena);
    mem_free(j);
}

static void sealed_texts(struct buf *b, const char *text)
{
    static const char *const members[] = {"note", "handover", "reason"};
    json_t *o = *text ? json_parse(slice_str(text), 8, NULL) : NULL;
    for (size_t i = 0; i < 3; i++) {
        struct slice v = json_opt_str(o, members[i]);
        buf_printf(b, ",\"%s\":", members[i]);
        if (v.n)
            buf_json_str(b, v);
        else
            buf_str(b, "null");
    }
    json_decref(o);
}

static void on_notices(void *arg, const struct err *e, const struct alert_told *t, size_t n)
{
    struct one_job *j = arg;
    struct call *c = j->c;
    struct buf b;
    if (e->code) {
        call_err(c, e);
        one_end(j);
        return;
    }
    buf_init(&b, 1u << 20);
    buf_char(&b, '{');
    alerts_json(&b, c->op, &c->caller.who, &j->a);
    buf_str(&b, ",\"name\":");
    if (j->name.n)
        buf_json_str(&b, j->name);
    else
        buf_str(&b, "null");
    sealed_texts(&b, j->json);
    buf_str(&b, ",\"notices\":[");
    for (size_t i = 0; i < n; i++) {
        bool page = strcmp(t[i].way, "p") == 0;
        buf_printf(&b, "%s{\"step\":\"%s\",\"agent\":\"%s\",\"way\":\"%s\",\"outcome\":\"%s\",\"tries\":%u",
                   i ? "," : "", t[i].step, t[i].login, page ? "page" : t[i].way, t[i].outcome, t[i].tries);
        view_time(&b, "time", t[i].time_ms, true);
        buf_char(&b, '}');
    }
    buf_str(&b, "]}");
    call_json(c, j->status, buf_view(&b));
    buf_clear(&b);
    one_end(j);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *p)
{
    struct one_job *j = arg;
    json_t *o = NULL;
    if (!e->code && !p->erased)
        o = json_parse(store_contact_profile(p, j->a.clearance, j->arena), JSON_DEPTH_DEFAULT, NULL);
    j->name = arena_slice(j->arena, json_opt_str(o, "name"));
    json_decref(o);
    store_alert_notices(j->c->op->op, j->a.code, on_notices, j);
}

static void on_one(void *arg, const struct err *e, const struct store_record *r)
{
    struct one_job *j = arg;
    struct call *c = j->c;
    if (!e->code)
        store_alert_of(&j->a, r);
    if (e->code && e->code != ERR_NOT_FOUND) {
        call_err(c, e);
        one_end(j);
    } else if (e->code || !(alerts_rights(c->op, &c->caller.who, &j->a) & ALERT_SEE)) {
        call_problem(c, 404, "no such alert");
        one_end(j);
    } else {
        j->json = arena_dup(j->arena, r->json.n ? r->json.p : "", r->json.n);
        if (j->a.clearance == 2)
            store_audit_sealed(c->op->op, 2, *c->caller.agent ? c->caller.agent : c->caller.login,
                               "alert.read", j->a.code, "", NULL, NULL);
        if (j->a.contact.s[0])
            store_contact_get(c->op->op, j->a.contact, on_contact, j);
        else
            store_alert_notices(c->op->op, j->a.code, on_notices, j);
    }
}

static void show(struct call *c, const char *code, int status)
{
    struct one_job *j = mem_alloc(sizeof *j);
    *j = (struct one_job){.c = c, .status = status, .arena = arena_new()};
    store_record_get(c->op->op, "alert", code, on_one, j);
}

static bool code_taken(struct call *c, char out[RECORD_ID + 1])
{
    struct slice s = c->args[0];
    bool good = s.n == ALERT_CODE_LEN;
    for (size_t i = 0; i < s.n && good; i++)
        good = s.p[i] >= '0' && s.p[i] <= '9';
    if (good)
        snprintf(out, RECORD_ID + 1, "%.*s", (int)s.n, s.p);
    else
        call_problem(c, 404, "no such alert");
    return good;
}

static void alert_get(struct call *c)
{
    char code[RECORD_ID + 1];
    if (code_taken(c, code))
        show(c, code, 200);
}

/* ---- raising ---- */

static void on_raised(void *arg, const struct err *e, const struct alert_raised *r)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        show(c, r->code, r->how == ALERT_THERE ? 200 : 201);
}

static const char *who_acts(const struct call *c)
{
    return *c->caller.agent ? c->caller.agent : c->caller.login;
}

static void raise_now(struct call *c, struct id thread, bool drill)
{
    const struct alert_ladder *l = alerts_ladder(c->op);
    const char *category = json_string_value(json_object_get(c->body, "category")),
               *area = json_string_value(json_object_get(c->body, "area"));
    struct alert_raise r = {.thread = thread,
                            .category = category,
                            .how = drill                    ? "drill"
                                   : c->caller.who.by_token ? "api"
                                                            : "agent",
                            .area = area ? area : "",
                            .actor = who_acts(c),
                            .note = json_opt_str(c->body, "note"),
                            .drill = drill,
                            .group_ms = l->group_ms,
                            .confirm_ms = l->confirm_ms};
    store_alert_raise(c->op->op, &r, on_raised, c);
}

static void on_raise_card(void *arg, const struct err *e, const struct card *card)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else if (!(card->rights & (RIGHT_WRITE | RIGHT_ANSWER | RIGHT_ASSIGN)))
        call_problem(c, 403, "you do not hold this thread");
    else
        raise_now(c, card->t->id, false);
}

static bool area_known(struct call *c, const char *area)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(operation_document(c->op), "areas"), i, one)
    {
        if (slice_is(json_opt_str(one, "id"), area))
            return true;
    }
    return false;
}

static void alert_raise_post(struct call *c)
{
    static const char *const known[] = {"thread", "category", "note", "drill", "area", NULL};
    struct id id;
    if (!call_members(c, known))
        return;
    const char *category = json_string_value(json_object_get(c->body, "category")),
               *area = json_string_value(json_object_get(c->body, "area"));
    bool drill = json_opt_bool(c->body, "drill", false);
    if (!category || !alerts_view_category(c->op, category))
        call_problem(c, 400, "category: one of alerts/settings is wanted");
    else if (json_opt_str(c->body, "note").n > ALERT_TEXT)
        call_problem(c, 400, "note: at most 2,000 bytes");
    else if (drill && !(c->caller.who.roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_ADMINISTRATOR)))
        call_problem(c, 403, "a drill is a supervisor's or an administrator's");
    else if (drill && (json_object_get(c->body, "thread") ||
                       (area && (!area_known(c, area) || !rights_area(&c->caller.who, area)))))
        call_problem(c, 400, "a drill has no thread, and an area of yours");
    else if (drill) {
        if (call_rate(c, "drill", 6))
            raise_now(c, (struct id){{0}}, true);
    } else if (area)
        call_problem(c, 400, "area: the thread's is taken");
    else if (call_id(c, json_opt_str(c->body, "thread"), &id))
        card_load(c->op, &c->caller.who, id, on_raise_card, c);
}

/* ---- acting ---- */

struct act_job {
    struct call *c;
    char code[RECORD_ID + 1];
    const char *to, *member;
};

static void on_moved(void *arg, const struct err *e, const char *before)
{
    struct act_job *j = arg;
    struct call *c = j->c;
    (void)before;
    if (e->code)
        call_err(c, e);
    else
        show(c, j->code, 200);
    mem_free(j);
}

static void on_act(void *arg, const struct err *e, const struct store_record *r)
{
    struct act_job *j = arg;
    struct call *c = j->c;
    struct store_alert a;
    unsigned rights = 0;
    if (!e->code) {
        store_alert_of(&a, r);
        rights = alerts_rights(c->op, &c->caller.who, &a);
    }
    bool possible = !e->code && strcmp(a.state, "possible") == 0;
    if (e->code && e->code != ERR_NOT_FOUND)
        call_err(c, e);
    else if (!(rights & ALERT_SEE))
        call_problem(c, 404, "no such alert");
    else if (!(rights & (possible ? ALERT_CONFIRM : ALERT_ANSWER)))
        call_problem(c, 403, "this is for those on duty");
    else {
        struct alert_moved m = {.code = j->code,
                                .to = j->to,
                                .actor = who_acts(c),
                                .via = c->caller.who.by_token ? "api" : "page",
                                .member = j->member,
                                .text = j->member ? json_opt_str(c->body, j->member) : (struct slice){0, 0},
                                .group_ms = alerts_ladder(c->op)->group_ms};
        store_alert_move(c->op->op, &m, on_moved, j);
        return;
    }
    mem_free(j);
}

static void act(struct call *c, const char *to, const char *member, bool wanted)
{
    const char *const known[] = {member, NULL};
    struct act_job *j = mem_alloc(sizeof *j);
    *j = (struct act_job){.c = c, .to = to, .member = member};
    struct slice text = member ? json_opt_str(c->body, member) : (struct slice){0, 0};
    if (!code_taken(c, j->code) || !call_members(c, known)) {
        mem_free(j);
        return;
    }
    if (text.n > ALERT_TEXT || (wanted && !text.n)) {
        call_problem(c, 400,
                     wanted ? "to: who acts from now on, at most 2,000 bytes" : "at most 2,000 bytes");
        mem_free(j);
        return;
    }
    store_record_get(c->op->op, "alert", j->code, on_act, j);
}

static void confirm(struct call *c)
{
    act(c, "raised", NULL, false);
}

static void dismiss(struct call *c)
{
    act(c, "dismissed", "reason", false);
}

static void acknowledge(struct call *c)
{
    act(c, "acknowledged", NULL, false);
}

static void handover(struct call *c)
{
    act(c, "handed", "handover", true);
}

static void close_alert(struct call *c)
{
    act(c, "closed", NULL, false);
}

/* Answers hold names: they are not kept for an Idempotency-Key. The same again does the same: a thread has
 * one open alert, and what is acknowledged stays so. */
#define WRITES (CALL_JSON | CALL_SECRET)
#define STAFF                                                                                                \
    (ROLE_AGENT | ROLE_PARTNER | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR | ROLE_ADMINISTRATOR)
#define FIGURES (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR | ROLE_ADMINISTRATOR)

const struct call_route alert_routes[] = {
    {HTTP_M_GET, "alerts", alerts_list, STAFF, 0},
    {HTTP_M_POST, "alerts", alert_raise_post, STAFF, WRITES},
    {HTTP_M_GET, "alerts/figures", alerts_figures, FIGURES, 0},
    {HTTP_M_GET, "alerts/settings", alerts_settings, STAFF, 0},
    {HTTP_M_GET, "alerts/{}", alert_get, STAFF, 0},
    {HTTP_M_POST, "alerts/{}/confirm", confirm, STAFF, WRITES},
    {HTTP_M_POST, "alerts/{}/dismiss", dismiss, STAFF, WRITES},
    {HTTP_M_POST, "alerts/{}/acknowledge", acknowledge, STAFF, WRITES},
    {HTTP_M_POST, "alerts/{}/handover", handover, STAFF, WRITES},
    {HTTP_M_POST, "alerts/{}/close", close_alert, STAFF, WRITES},
    {.run = NULL},
};
