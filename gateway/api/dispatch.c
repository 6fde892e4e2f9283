/* SPDX-License-Identifier: Apache-2.0
 * From the events stream to the agents' sockets. Each event becomes a job that fetches what its frame shows;
 * jobs are told in the order of the stream, however long a fetch takes, and each socket hears only what its
 * rights show at that moment. */
#include "gateway/api/api_internal.h"
#include "gateway/net/ws.h"
#include "store/user.h"
#include <stdlib.h>
#include <string.h>

struct job {
    struct list node; /* in api_op.jobs */
    struct api_op *o;
    struct arena *arena;
    struct store_event ev; /* strings in arena */
    struct store_thread t; /* likewise */
    struct slice what;     /* the Thread, Entry or Agent as JSON */
    struct store_agent agent;
    struct agent_socket *only; /* a replay; NULL: all that are live */
    bool have_thread, have_agent, ready;
    enum store_status status;
    unsigned attempt;
    struct slice error;
    void (*told)(void *arg);
    void *arg;
};

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

/* ---- telling ---- */

static void frame_start(struct buf *b, const char *type, const struct job *j)
{
    buf_printf(b, "{\"type\":\"%s\"", type);
    if (j->ev.id[0])
        buf_printf(b, ",\"id\":\"%s\"", j->ev.id);
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; word && *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static void tell_thread_left(struct buf *b, const struct job *j, unsigned rights)
{
    static const char *const offers[] = {"expired", "declined", "offline", "withdrawn", NULL};
    if (is_one_of(j->ev.why, offers)) {
        frame_start(b, "offer.ended", j);
        buf_printf(b, ",\"thread\":\"%s\",\"why\":\"%s\"}", j->t.id.s,
                   strcmp(j->ev.why, "expired") == 0 ? "expired" : "withdrawn");
    } else if (rights & RIGHT_SEE) {
        frame_start(b, "thread.changed", j);
        buf_str(b, ",\"thread\":");
        buf_slice(b, j->what);
        buf_char(b, '}');
    } else {
        frame_start(b, "thread.gone", j);
        buf_printf(b, ",\"thread\":\"%s\"}", j->t.id.s);
    }
}

static void tell_thread(struct buf *b, const struct job *j, const struct who *w, unsigned rights)
{
    static const char *const taken[] = {"accepted", "assigned", "transferred", "reopened", NULL};
    bool mine = *w->agent && strcmp(j->t.assignee, w->agent) == 0;
    bool was_mine = *w->agent && j->ev.before && strcmp(j->ev.before, w->agent) == 0;
    if (was_mine && !mine) {
        tell_thread_left(b, j, rights);
        return;
    }
    if (!(rights & RIGHT_SEE))
        return;
    bool offered = mine && j->t.state == STORE_OFFERED && j->ev.why && strcmp(j->ev.why, "offered") == 0;
    frame_start(b,
                offered                               ? "thread.offered"
                : mine && is_one_of(j->ev.why, taken) ? "thread.assigned"
                                                      : "thread.changed",
                j);
    buf_str(b, ",\"thread\":");
    buf_slice(b, j->what);
    if (offered)
        view_time(b, "expires", j->t.offer_expires_ms, true);
    buf_char(b, '}');
}

static void tell_entry(struct buf *b, const struct job *j, unsigned rights)
{
    if (!(rights & RIGHT_READ) || !j->what.n)
        return;
    if (j->ev.kind == STORE_EV_ENTRY_STATUS) {
        frame_start(b, "entry.status", j);
        buf_printf(b, ",\"thread\":\"%s\",\"entry\":\"%s\",\"seq\":%llu,\"status\":\"%s\",\"attempt\":%u",
                   j->t.id.s, j->ev.entry.s, (unsigned long long)j->ev.seq, store_status_names[j->status],
                   j->attempt);
        if (j->error.n) {
            buf_str(b, ",\"error\":");
            buf_slice(b, j->error);
        }
        buf_char(b, '}');
        return;
    }
    frame_start(b, j->ev.kind == STORE_EV_ENTRY ? "entry.added" : "entry.changed", j);
    buf_str(b, ",\"entry\":");
    buf_slice(b, j->what);
    if (j->ev.kind == STORE_EV_ENTRY) {
        uint64_t unread = j->t.last_in_seq > j->t.read_seq ? j->t.last_in_seq - j->t.read_seq : 0;
        buf_printf(b, ",\"thread\":{\"id\":\"%s\",\"unread\":%llu,\"state\":\"%s\"}", j->t.id.s,
                   (unsigned long long)unread, store_state_names[j->t.state]);
    }
    buf_char(b, '}');
}

static void tell_agent(struct buf *b, const struct job *j, const struct who *w)
{
    bool load = j->ev.why && strcmp(j->ev.why, "load") == 0;
    if (!j->have_agent || !rights_colleague(w, &j->agent) || (load && !rights_load(w, &j->agent)))
        return;
    frame_start(b, "presence", j);
    buf_str(b, ",\"agent\":");
    view_agent(b, &j->agent, w);
    buf_char(b, '}');
}

static void tell_socket(struct job *j, struct agent_socket *s)
{
    struct buf b;
    const struct who *w = &s->caller.who;
    if (j->ev.id[0] && dispatch_id_compare(j->ev.id, s->cursor) <= 0)
        return; /* a replay has told it already */
    buf_init(&b, 4u << 20);
    if (j->ev.kind == STORE_EV_AGENT)
        tell_agent(&b, j, w);
    else if (j->have_thread) {
        unsigned rights = rights_thread(w, &j->t, false);
        if (j->ev.kind == STORE_EV_THREAD)
            tell_thread(&b, j, w, rights);
        else
            tell_entry(&b, j, rights);
    }
    if (b.n && !b.err)
        socket_frame(s, buf_view(&b));
    buf_clear(&b);
    if (j->ev.id[0])
        memcpy(s->cursor, j->ev.id, sizeof s->cursor);
}

static void job_free(struct job *j)
{
    list_del(&j->node);
    if (j->only)
        j->only->refs--;
    arena_free(&j->arena);
    mem_free(j);
}

static void tell(struct job *j)
{
    if (j->only) {
        if (!j->only->closing)
            tell_socket(j, j->only);
        return;
    }
    for (struct list *l = j->o->sockets.next, *next; l != &j->o->sockets; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        next = l->next;
        if (s->live && !s->closing)
            tell_socket(j, s);
    }
    if (j->ev.id[0])
        memcpy(j->o->dispatched, j->ev.id, sizeof j->o->dispatched);
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

static const char *keep(struct arena *a, const char *s)
{
    return arena_strdup(a, s ? s : "");
}

static void on_agent(void *arg, const struct err *e, const struct store_agent *a)
{
    struct job *j = arg;
    if (!e->code) {
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
    job_ready(j);
}

static void on_entry(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct job *j = arg;
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
    if (!e->code)
        j->what = arena_slice(j->arena, json);
    job_ready(j);
}

/* Is there anybody to whom the event could be told? Spares the fetch where not. */
static bool anybody(const struct job *j)
{
    for (struct list *l = j->o->sockets.next; l != &j->o->sockets; l = l->next) {
        const struct agent_socket *s = container_of(l, struct agent_socket, node);
        const struct who *w = &s->caller.who;
        if (j->only ? s != j->only : !s->live)
            continue;
        if ((rights_thread(w, &j->t, false) & RIGHT_SEE) ||
            (*w->agent && j->ev.before && strcmp(j->ev.before, w->agent) == 0))
            return true;
    }
    return false;
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct job *j = arg;
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
    j->t.last_agent = j->t.declined = "";
    if (j->ev.kind == STORE_EV_THREAD && t->state == STORE_WAITING)
        operation_waiting_put(j->o, t);
    if (!anybody(j))
        job_ready(j);
    else if (j->ev.kind == STORE_EV_THREAD)
        card_thread(j->o, &j->t, on_card, j);
    else
        store_entries_get(j->o->op, t->id, j->ev.seq, j->ev.seq, on_entry, j);
}

void dispatch_event(struct api_op *o, const struct store_event *ev, struct agent_socket *s,
                    void (*told)(void *arg), void *arg)
{
    struct job *j = mem_alloc(sizeof *j);
    j->o = o;
    j->arena = arena_new();
    j->ev = *ev;
    j->ev.why = keep(j->arena, ev->why);
    j->ev.agent = keep(j->arena, ev->agent);
    j->ev.before = keep(j->arena, ev->before);
    j->ev.actor = keep(j->arena, ev->actor);
    j->ev.channel = keep(j->arena, ev->channel);
    j->ev.area = keep(j->arena, ev->area);
    j->only = s;
    if (s)
        s->refs++;
    j->told = told;
    j->arg = arg;
    list_push(&o->jobs, &j->node);
    switch (ev->kind) {
    case STORE_EV_AGENT:
        store_agent_get(o->op, j->ev.agent, on_agent, j);
        break;
    case STORE_EV_THREAD:
    case STORE_EV_ENTRY:
    case STORE_EV_ENTRY_STATUS:
    case STORE_EV_ENTRY_CHANGED:
        store_thread_get(o->op, ev->thread, on_thread, j);
        break;
    default:
        job_ready(j);
    }
}

/* ---- listening ---- */

/* Somebody's rights may have changed: each socket is judged anew, and closed when its user is gone. */
static void judge_sockets(struct api_op *o)
{
    for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        next = l->next;
        struct caller now = {.op = o};
        const struct who *w = &s->caller.who;
        if (w->by_token && !*w->agent)
            continue; /* it acts for nobody */
        if (!auth_member(o, w->by_token ? w->agent : w->login, &now)) {
            socket_close(s, 4403, "disabled");
            continue;
        }
        struct who fresh = now.who;
        if (w->by_token) { /* never more than the token gave */
            fresh.by_token = true;
            fresh.roles = w->roles & (fresh.roles | ROLE_INTEGRATOR);
            fresh.clearance = w->clearance < fresh.clearance ? w->clearance : fresh.clearance;
        }
        caller_copy(&s->caller, &fresh);
    }
}

static void on_user_check(void *arg, const struct err *e, const struct store_agent *const *a, size_t n)
{
    (void)a;
    (void)n;
    if (!e->code)
        judge_sockets(arg);
}

/* Signing in may have ended while the record in the operation stands. */
static void on_user(void *arg, const struct err *e, const struct store_user *u)
{
    struct agent_socket *s = arg;
    bool gone = e->code == ERR_NOT_FOUND || (!e->code && u->disabled);
    if (socket_still(s) && gone)
        socket_close(s, 4403, "disabled");
}

static void check_users(struct api_op *o)
{
    for (struct list *l = o->sockets.next; l != &o->sockets; l = l->next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        const struct who *w = &s->caller.who;
        if (w->by_token && !*w->agent)
            continue;
        s->refs++;
        store_user_get(o->api->cf.store, w->by_token ? w->agent : w->login, on_user, s);
    }
}

static void on_event(void *arg, const struct store_event *ev)
{
    struct api_op *o = arg;
    operation_event(o, ev);
    if (!ev) { /* some were missed: clients start over */
        for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
            struct agent_socket *s = container_of(l, struct agent_socket, node);
            next = l->next;
            socket_frame(s, SLICE("{\"type\":\"reset\"}"));
        }
        return;
    }
    if (ev->kind == STORE_EV_USER)
        check_users(o);
    if (ev->kind == STORE_EV_USER || ev->kind == STORE_EV_CONFIG) {
        operation_event(o, NULL);
        store_agents_get(o->op, on_user_check, o);
    }
    if (ev->kind == STORE_EV_AGENT && ev->why && strcmp(ev->why, "skills") == 0)
        store_agents_get(o->op, on_user_check, o);
    dispatch_event(o, ev, NULL, NULL, NULL);
}

struct typing {
    struct api_op *o;
    struct store_signal sig;
    char agent[64];
};

static void on_typing_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct typing *y = arg;
    struct buf b;
    buf_init(&b, 4096);
    struct member *m = *y->agent ? operation_member(y->o, y->agent) : NULL;
    buf_printf(&b, "{\"type\":\"typing\",\"thread\":\"%s\",\"who\":\"%s\"", y->sig.thread.s,
               *y->agent ? "agent" : "person");
    if (m) {
        buf_str(&b, ",\"name\":");
        buf_json_str(&b, slice_str(m->a.name));
    }
    buf_printf(&b, ",\"on\":%s}", y->sig.on ? "true" : "false");
    for (struct list *l = y->o->sockets.next, *next; !e->code && l != &y->o->sockets; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        next = l->next;
        bool own = *y->agent && strcmp(s->caller.agent, y->agent) == 0;
        if (s->live && !own && (rights_thread(&s->caller.who, t, false) & RIGHT_READ))
            socket_frame(s, buf_view(&b));
    }
    buf_clear(&b);
    mem_free(y);
}

static void on_signal(void *arg, const struct store_signal *sig)
{
    struct api_op *o = arg;
    if (strcmp(sig->what, "typing") != 0 || list_empty(&o->sockets))
        return;
    struct typing *y = mem_alloc(sizeof *y);
    y->o = o;
    y->sig = *sig;
    if (sig->agent && strlen(sig->agent) < sizeof y->agent)
        memcpy(y->agent, sig->agent, strlen(sig->agent));
    store_thread_get(o->op, sig->thread, on_typing_thread, y);
}

/* ---- queue lengths, at most each second ---- */

static void on_queues(void *arg)
{
    struct api_op *o = arg;
    timer_start(o->queues_timer, 1000);
    if (!o->queues_changed)
        return;
    o->queues_changed = false;
    for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        next = l->next;
        if (!s->live)
            continue;
        struct buf b;
        buf_init(&b, 1 << 18);
        operation_queues(o, &s->caller.who, &b);
        if (b.n > 1) { /* {"items":…} becomes {"type":"queues","items":…} */
            struct buf f;
            buf_init(&f, 1 << 18);
            buf_str(&f, "{\"type\":\"queues\",");
            buf_add(&f, b.p + 1, b.n - 1);
            socket_frame(s, buf_view(&f));
            buf_clear(&f);
        }
        buf_clear(&b);
    }
}

void dispatch_start(struct api_op *o)
{
    o->listener = store_listen(o->op, on_event, o);
    store_signal_listen(o->op, on_signal, o);
    o->queues_timer = timer_new(o->api->cf.loop, on_queues, o);
    timer_start(o->queues_timer, 1000);
}

void dispatch_stop(struct api_op *o)
{
    store_unlisten(&o->listener);
    timer_free(&o->queues_timer);
    for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
        next = l->next;
        socket_close(container_of(l, struct agent_socket, node), 4403, "the operation is gone");
    }
}
