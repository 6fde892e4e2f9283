/* SPDX-License-Identifier: Apache-2.0
 * The ladder: a timer of an alert is due, who is on duty is looked up, the step is taken (once in the whole
 * cluster: functions/alert.lua), and its notices have timers of their own. */
#include "gateway/api/rights.h"
#include "gateway/daemon/alerts_internal.h"
#include "gateway/daemon/decide.h"
#include <stdio.h>
#include <string.h>

#define COUNT_MS 5000 /* between two notices that only tell that it are more; functions/alert.lua */
#define PAGES    20   /* supervisors without a place on the rota whose open pages ring */

/* ---- beginning and end ---- */

void alerts_drop(struct alerts *a)
{
    if (--a->refs)
        return;
    alert_ladder_free(&a->ladder);
    map_clear(&a->categories, NULL);
    map_clear(&a->sending, NULL);
    mem_free(a->zone);
    mem_free(a);
}

void alerts_configure(struct alerts *a, const json_t *document)
{
    static char on[] = "on", off[] = "off";
    const json_t *alerts = json_object_get(document, "alerts");
    struct alert_ladder *l = NULL;
    struct err e = {0};
    size_t i;
    json_t *c;
    const char *zone = json_string_value(json_object_get(document, "timezone"));
    if (alert_ladder_load(&l, alerts, zone, &e) != 0) {
        log_event(LOG_ERROR, "alert.ladder", log_str("operation", store_op_name(a->op)), log_err(&e));
        if (a->ladder || alert_ladder_load(&l, alerts, "UTC", &e) != 0)
            return;
    }
    alert_ladder_free(&a->ladder);
    a->ladder = l;
    mem_free(a->zone);
    a->zone = mem_strdup(zone && *zone ? zone : "UTC");
    map_clear(&a->categories, NULL);
    json_array_foreach(json_object_get(alerts, "categories"), i, c)
    {
        struct slice id = json_opt_str(c, "id");
        if (id.n)
            map_put(&a->categories, id, json_opt_bool(c, "disabled", false) ? off : on);
    }
}

bool alerts_category(const struct alerts *a, const char *id)
{
    const char *own = map_get(&a->categories, slice_str(id));
    if (own)
        return strcmp(own, "on") == 0;
    for (const struct alert_category *c = alert_categories; c->id; c++)
        if (strcmp(c->id, id) == 0)
            return true;
    return false;
}

void alerts_free(struct alerts **pa)
{
    struct alerts *a = *pa;
    if (!a)
        return;
    *pa = NULL;
    a->op = NULL;
    alerts_drop(a);
}

/* ---- who ---- */

bool alerts_may_know(const struct store_agent *agent, const struct store_alert *al)
{
    const struct who w = {.login = agent->login,
                          .agent = agent->id,
                          .name = agent->name,
                          .roles = rights_roles(agent->roles),
                          .clearance = agent->clearance,
                          .areas = agent->areas,
                          .teams = agent->teams};
    const struct alert_seen seen = {al->clearance, al->area, al->holder, al->by, al->drill};
    return !agent->disabled && (rights_alert(&w, &seen, true) & ALERT_ANSWER);
}

/* ---- one look at one alert ---- */

struct look {
    struct alerts *a;
    struct store_firing *f;
    struct store_alert al;
    struct alert_due due;
    char step[24];
    const struct store_agent *const *agents;
    size_t agents_n;
};

static void look_end(struct look *k, bool drop)
{
    store_timer_finished(k->f, drop);
    alerts_drop(k->a);
    mem_free(k);
}

static void on_taken(void *arg, const struct err *e, bool taken)
{
    struct look *k = arg;
    if (e->code)
        log_event(LOG_WARN, "alert.step", log_err(e));
    else if (taken && k->al.clearance < 2) /* who reads logs learns nothing of sealed ones */
        log_event(LOG_WARN, "alert.told", log_str("operation", k->a->op ? store_op_name(k->a->op) : ""),
                  log_str("code", k->al.code), log_str("step", k->step));
    /* The step has set the timer anew; when another was faster, so has that one. */
    look_end(k, !e->code && taken);
}

static const struct store_agent *agent_of(const struct look *k, const char *login)
{
    for (size_t i = 0; i < k->agents_n; i++)
        if (strcmp(k->agents[i]->id, login) == 0)
            return k->agents[i];
    return NULL;
}

static bool may(void *arg, const struct alert_person *p)
{
    const struct look *k = arg;
    const struct store_agent *g = agent_of(k, p->login);
    return g && alerts_may_know(g, &k->al);
}

static size_t add_person(const struct look *k, const struct alert_person *p, struct alert_notice *to)
{
    const struct store_agent *g = agent_of(k, p->login);
    size_t n = 0;
    for (size_t w = 0; w < p->ways_n; w++)
        to[n++] = (struct alert_notice){p->login, (int)w, ""};
    to[n++] = (struct alert_notice){p->login, -1, g && g->presence != STORE_OFFLINE ? "sent" : "absent"};
    return n;
}

/* Their pages ring as well; that is all the ways they have when nobody put them on the rota. */
static size_t add_pages(const struct look *k, struct alert_notice *to)
{
    size_t n = 0;
    for (size_t i = 0; i < k->agents_n && n < PAGES; i++) {
        const struct store_agent *g = k->agents[i];
        bool over = rights_roles(g->roles) & (ROLE_SUPERVISOR | ROLE_FOCAL);
        if (over && g->presence != STORE_OFFLINE && !alert_person_find(k->a->ladder, g->id) &&
            alerts_may_know(g, &k->al))
            to[n++] = (struct alert_notice){g->id, -1, "sent"};
    }
    return n;
}

static void on_agents(void *arg, const struct err *e, const struct store_agent *const *agents, size_t n)
{
    struct look *k = arg;
    struct alerts *a = k->a;
    if (e->code || !a->op) {
        look_end(k, false);
        return;
    }
    k->agents = agents;
    k->agents_n = n;
    const struct alert_person **whom = mem_array(ALERT_PERSONS, sizeof *whom);
    size_t persons = alert_whom(a->ladder, k->due.level, store_now_ms(a->w->store), may, k, whom), count = 0;
    struct alert_notice *list = mem_array(persons * (ALERT_WAYS + 1) + PAGES + 1, sizeof *list);
    for (size_t i = 0; i < persons; i++)
        count += add_person(k, whom[i], list + count);
    count += add_pages(k, list + count);
    if (!count)
        log_event(LOG_ERROR, "alert.nobody", log_str("operation", store_op_name(a->op)),
                  log_str("code", k->al.clearance < 2 ? k->al.code : ""));
    store_alert_step(a->op, k->al.code, k->step, k->due.level, k->due.next_ms, list, count, on_taken, k);
    k->agents = NULL; /* they live no longer than this */
    k->agents_n = 0;
    mem_free(list);
    mem_free(whom);
}

static void on_paged(void *arg, const struct err *e)
{
    look_end(arg, !e->code);
}

static void on_set(void *arg, const struct err *e)
{
    look_end(arg, !e->code);
}

/* More like it came since the last notice: that is told soon, not with the next step. */
static bool count_due(struct look *k, int64_t now)
{
    int64_t when = k->al.counted_ms + COUNT_MS;
    if (!k->al.steps || k->al.count <= k->al.counted || !k->due.next_ms)
        return false;
    if (now < when) {
        k->due.next_ms = when < k->due.next_ms ? when : k->due.next_ms;
        return false;
    }
    k->due.level = k->al.steps < k->a->ladder->levels ? k->al.steps : k->a->ladder->levels;
    snprintf(k->step, sizeof k->step, "c%u", k->al.count);
    return true;
}

static void on_alert(void *arg, const struct err *e, const struct store_record *r)
{
    struct look *k = arg;
    struct alerts *a = k->a;
    if (e->code || !a->op) {
        look_end(k, e->code == ERR_NOT_FOUND);
        return;
    }
    store_alert_of(&k->al, r);
    int64_t now = store_now_ms(a->w->store);
    const struct alert_case c = {.state = alert_state_find(slice_str(k->al.state)),
                                 .created_ms = k->al.seen_ms,
                                 .raised_ms = k->al.raised_ms,
                                 .steps = k->al.steps};
    alert_next(a->ladder, &c, now, &k->due);
    snprintf(k->step, sizeof k->step, "%u", k->due.step);
    if (k->al.of[0] || (k->due.what == ALERT_WAIT && !k->due.next_ms))
        look_end(k, true); /* told with its group, or answered */
    else if (k->due.what == ALERT_PAGE)
        store_alert_unconfirmed(a->op, k->al.code, a->ladder->group_ms, on_paged, k);
    else if (k->due.what == ALERT_STEP || count_due(k, now))
        store_agents_get(a->op, on_agents, k);
    else
        store_timer_set(a->op, "alert", k->al.code, k->due.next_ms, on_set, k);
}

static void on_alert_timer(void *arg, const char *id, struct store_firing *f)
{
    struct alerts *a = arg;
    struct look *k = mem_alloc(sizeof *k);
    *k = (struct look){.a = alerts_keep(a), .f = f};
    store_record_get(a->op, "alert", id, on_alert, k);
}

/* ---- after a restore ---- */

/* Timers do not come back from a backup; what nobody has answered rings on. */
static bool ring_on(void *arg, const struct store_record *r)
{
    struct alerts *a = arg;
    struct store_alert al;
    store_alert_of(&al, r);
    enum alert_state s = alert_state_find(slice_str(al.state));
    if (a->op && (s == ALERT_POSSIBLE || alert_rings(s)) && !al.of[0])
        store_timer_set(a->op, "alert", al.code, store_now_ms(a->w->store), NULL, NULL);
    return false;
}

static void on_rung(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    (void)r, (void)n, (void)more;
    if (e->code)
        log_event(LOG_WARN, "alert.open", log_err(e));
    alerts_drop(arg);
}

struct alerts *alerts_new(struct worker *w, struct store_op *op)
{
    struct alerts *a = mem_alloc(sizeof *a);
    *a = (struct alerts){.w = w, .op = op, .refs = 1};
    map_init(&a->categories);
    map_init(&a->sending);
    alerts_configure(a, NULL);
    store_timer_handle(op, "alert", on_alert_timer, a);
    store_timer_handle(op, "notice", alerts_on_notice, a);
    store_timer_handle(op, "alarm", alerts_on_alarm, a);
    const struct record_list open = {.kind = "alert", .newest_first = true, .visible = ring_on};
    store_record_list(op, &open, on_rung, alerts_keep(a));
    return a;
}
