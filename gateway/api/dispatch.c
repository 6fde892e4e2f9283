/* SPDX-License-Identifier: Apache-2.0
 * From the events stream to the agents' sockets. Each event that may concern a socket becomes a job that
 * fetches what its frame shows; jobs are told in the order of the stream, however long a fetch takes, and
 * each socket hears only what its rights show at that moment. */
#include "gateway/api/dispatch.h"
#include <stdlib.h>
#include <string.h>

int dispatch_id_compare(const char *a, const char *b)
{
    char *ea, *eb;
    unsigned long long ma = strtoull(a, &ea, 10), mb = strtoull(b, &eb, 10);
    if (ma != mb)
        return ma < mb ? -1 : 1;
    unsigned long long sa = *ea == '-' ? strtoull(ea + 1, &ea, 10) : 0,
                       sb = *eb == '-' ? strtoull(eb + 1, &eb, 10) : 0;
    if (sa != sb)
        return sa < sb ? -1 : 1;
    return (*ea != '.') - (*eb != '.'); /* "5-0.1" is told before "5-0" */
}

static void job_free(struct job *j)
{
    list_del(&j->node);
    if (j->only)
        j->only->refs--;
    arena_free(&j->arena);
    mem_free(j);
}

/* ---- whom it may concern ---- */

static bool each_in(struct list *seats, struct job *j, bool (*fn)(struct job *j, struct agent_socket *s))
{
    for (struct list *l = seats ? seats->next : NULL, *next; l && l != seats; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, seat);
        next = l->next;
        if (s->live && !s->closing && fn(j, s))
            return true;
    }
    return false;
}

static bool each_socket(struct job *j, bool (*fn)(struct job *j, struct agent_socket *s))
{
    for (struct list *l = j->o->sockets.next, *next; l != &j->o->sockets; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        next = l->next;
        if (s->live && !s->closing && fn(j, s))
            return true;
    }
    return false;
}

static bool is_load(const struct store_event *ev)
{
    return strcmp(ev->why, "load") == 0;
}

/* Calls fn for the live sockets that the event may concern, until it says true. */
static bool each(struct job *j, bool (*fn)(struct job *j, struct agent_socket *s))
{
    const char *const names[] = {j->ev.agent, j->ev.before, j->t.assignee, j->t.last_agent};
    if (j->only)
        return !j->only->closing && fn(j, j->only);
    if (j->ev.kind == STORE_EV_AGENT && !is_load(&j->ev))
        return each_socket(j, fn); /* colleagues */
    if (j->row)
        return each_socket(j, fn);
    if (each_in(&j->o->wide, j, fn))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again |= names[i] && names[k] && strcmp(names[i], names[k]) == 0;
        if (!again && each_in(seats_of(j->o, names[i]), j, fn))
            return true;
    }
    return false;
}

static bool may_hear(struct job *j, struct agent_socket *s)
{
    const struct who *w = &s->caller.who;
    if (j->ev.kind == STORE_EV_AGENT) {
        const struct member *m = operation_member(j->o, j->ev.agent);
        return !m || (is_load(&j->ev) ? rights_load(w, &m->a) : rights_colleague(w, &m->a));
    }
    if (j->row) {
        struct record_news n = job_news(j);
        return j->row->may(&n, w);
    }
    return (*w->agent && strcmp(j->ev.before, w->agent) == 0) ||
           (rights_now(j->o, w, &j->t, false) & RIGHT_SEE);
}

/* Could anybody hear of it, as far as the event itself tells? Most events of a busy operation concern nobody
 * on this node and cost no question to the store. */
static bool may_concern(struct job *j)
{
    if (j->ev.kind == STORE_EV_AGENT || j->row)
        return each(j, may_hear);
    j->t = (struct store_thread){.id = j->ev.thread,
                                 .state = j->ev.state,
                                 .clearance = j->ev.clearance,
                                 .area = j->ev.area,
                                 .assignee = j->ev.agent,
                                 .last_agent = ""};
    /* Who had a resolved thread last is not in the event. */
    return j->ev.state == STORE_RESOLVED ? j->only || !list_empty(&j->o->sockets) : each(j, may_hear);
}

static bool tell_one(struct job *j, struct agent_socket *s)
{
    tell_socket(j, s);
    return false;
}

static void tell(struct job *j)
{
    each(j, tell_one);
}

/* Tells what is ready, in order. */
static void pump(struct api_op *o)
{
    while (!list_empty(&o->jobs)) {
        struct job *j = container_of(o->jobs.next, struct job, node);
        if (!j->ready)
            return;
        void (*told)(void *) = j->told;
        void *arg = j->arg;
        tell(j);
        job_free(j);
        if (told)
            told(arg);
    }
}

static void job_ready(struct job *j)
{
    j->ready = true;
    pump(j->o);
}

/* ---- fetching ---- */

/* What is gone is no failure: there is nothing to tell. */
static void fetched(struct job *j, const struct err *e)
{
    j->failed |= e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED;
}

static const char *keep(struct arena *a, const char *s)
{
    return arena_strdup(a, s ? s : "");
}

static void take_agent(struct job *j, const struct store_agent *a)
{
    j->have_agent = true;
    j->agent = *a;
    j->agent.id = keep(j->arena, a->id);
    j->agent.login = keep(j->arena, a->login);
    j->agent.name = keep(j->arena, a->name);
    j->agent.teams = keep(j->arena, a->teams);
    j->agent.areas = keep(j->arena, a->areas);
    j->agent.topics = keep(j->arena, a->topics);
    j->agent.roles = keep(j->arena, a->roles);
}

static void on_agent(void *arg, const struct err *e, const struct store_agent *a)
{
    struct job *j = arg;
    fetched(j, e);
    if (!e->code) {
        operation_member_put(j->o, a);
        take_agent(j, a);
    }
    job_ready(j);
}

static void on_entry(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct job *j = arg;
    fetched(j, e);
    if (!e->code && n) {
        struct buf b;
        buf_init(&b, 2u << 20);
        view_entry(&b, j->o, &entries[0]);
        j->what = arena_slice(j->arena, buf_view(&b));
        j->status = entries[0].status;
        j->attempt = entries[0].attempt;
        j->error = arena_slice(j->arena, entries[0].error);
        buf_clear(&b);
    }
    job_ready(j);
}

static void on_card(void *arg, const struct err *e, struct slice json)
{
    struct job *j = arg;
    fetched(j, e);
    if (!e->code)
        j->what = arena_slice(j->arena, json);
    job_ready(j);
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct job *j = arg;
    fetched(j, e);
    if (e->code) {
        job_ready(j);
        return;
    }
    j->have_thread = true;
    j->t = *t;
    j->t.topic = keep(j->arena, t->topic);
    j->t.area = keep(j->arena, t->area);
    j->t.channel = keep(j->arena, t->channel);
    j->t.assignee = keep(j->arena, t->assignee);
    j->t.team = keep(j->arena, t->team);
    j->t.tags = keep(j->arena, t->tags);
    j->t.outcome = keep(j->arena, t->outcome);
    j->t.last_agent = keep(j->arena, t->last_agent);
    j->t.declined = "";
    j->t.reason = keep(j->arena, t->reason);
    j->t.known = keep(j->arena, t->known);
    j->t.ending = keep(j->arena, t->ending);
    if (!each(j, may_hear))
        job_ready(j);
    else if (j->ev.kind == STORE_EV_THREAD)
        card_thread(j->o, &j->t, on_card, j);
    else
        store_entries_get(j->o->op, t->id, j->ev.seq, j->ev.seq, on_entry, j);
}

static void on_record(void *arg, const struct err *e, const struct store_record *r)
{
    struct job *j = arg;
    fetched(j, e);
    if (!e->code) {
        j->have_record = true;
        j->record = *r;
        j->record.kind = keep(j->arena, r->kind);
        j->record.id = keep(j->arena, r->id);
        j->record.group = keep(j->arena, r->group);
        j->record.facets = keep(j->arena, r->facets);
        j->record.json = arena_slice(j->arena, r->json);
    }
    job_ready(j);
}

static void fetch_record(struct job *j)
{
    if (!j->row || !j->row->open || strcmp(j->ev.why, "put") != 0 || !may_concern(j))
        job_ready(j);
    else
        store_record_get(j->o->op, j->ev.record.kind, j->ev.record.id, on_record, j);
}

/* What is known here follows at once, whether anybody hears of it or not: a load that is told right after it
 * shows it. */
static void take_presence(struct job *j)
{
    struct member *m = operation_member(j->o, j->ev.agent);
    if (m && !j->only)
        m->a.presence = (enum store_presence)j->ev.state;
}

/* The event itself tells how many threads the agent has now. */
static bool take_load(struct job *j)
{
    struct member *m = operation_member(j->o, j->ev.agent);
    if (!m)
        return false;
    if (!j->only) /* a replay tells of before; the number of now is known */
        m->a.load = (unsigned)j->ev.seq;
    if (may_concern(j))
        take_agent(j, &m->a);
    return true;
}

/* Most events of a busy operation concern nobody here: they leave nothing behind. */
static bool concerns_nobody(struct api_op *o, const struct store_event *ev)
{
    struct job j = {.o = o, .ev = *ev};
    if (ev->kind == STORE_EV_RECORD)
        return !(j.row = record_row(ev->record.kind)) || !may_concern(&j);
    bool of_thread = ev->kind == STORE_EV_THREAD || ev->kind == STORE_EV_ENTRY ||
                     ev->kind == STORE_EV_ENTRY_STATUS || ev->kind == STORE_EV_ENTRY_CHANGED;
    return of_thread && !may_concern(&j);
}

void dispatch_event(struct api_op *o, const struct store_event *ev, struct agent_socket *s,
                    void (*told)(void *arg), void *arg)
{
    if (!s && ev->id[0] && dispatch_id_compare(ev->id, o->dispatched) > 0)
        memcpy(o->dispatched, ev->id, sizeof o->dispatched); /* who is not live yet will ask for it */
    if (!s && !told && concerns_nobody(o, ev))
        return;
    struct job *j = mem_alloc(sizeof *j);
    j->o = o;
    j->arena = arena_new();
    j->ev = *ev;
    j->ev.opened = NULL; /* lives no longer than the event */
    j->ev.why = keep(j->arena, ev->why);
    j->ev.agent = keep(j->arena, ev->agent);
    j->ev.before = keep(j->arena, ev->before);
    j->ev.actor = keep(j->arena, ev->actor);
    j->ev.channel = keep(j->arena, ev->channel);
    j->ev.area = keep(j->arena, ev->area);
    if (ev->kind == STORE_EV_RECORD) {
        j->row = record_row(ev->record.kind);
        j->ev.record.kind = keep(j->arena, ev->record.kind);
        j->ev.record.id = keep(j->arena, ev->record.id);
        j->ev.record.group = keep(j->arena, ev->record.group);
        j->ev.record.facets = keep(j->arena, ev->record.facets);
    }
    j->only = s;
    if (s)
        s->refs++;
    j->told = told;
    j->arg = arg;
    list_push(&o->jobs, &j->node);
    switch (ev->kind) {
    case STORE_EV_AGENT:
        if (strcmp(ev->why, "presence") == 0)
            take_presence(j);
        if (is_load(ev) && take_load(j))
            job_ready(j);
        else if (may_concern(j) || strcmp(j->ev.why, "skills") == 0)
            store_agent_get(o->op, j->ev.agent, on_agent, j);
        else
            job_ready(j);
        break;
    case STORE_EV_THREAD:
    case STORE_EV_ENTRY:
    case STORE_EV_ENTRY_STATUS:
    case STORE_EV_ENTRY_CHANGED:
        if (may_concern(j))
            store_thread_get(o->op, ev->thread, on_thread, j);
        else
            job_ready(j);
        break;
    case STORE_EV_RECORD:
        fetch_record(j);
        break;
    default:
        job_ready(j);
    }
}
