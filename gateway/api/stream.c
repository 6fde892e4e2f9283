/* SPDX-License-Identifier: Apache-2.0
 * An operation's events as they come: what the API knows by heart is kept current, sockets whose rights or
 * sign-in ended are judged, and the rest goes to dispatch.c. */
#include "gateway/api/api_internal.h"
#include "store/user.h"
#include <string.h>

#define JUDGE_MS 50

/* ---- rights that change ---- */

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
        now.who.by_token = w->by_token;
        if (!auth_network(o, &now, slice_str(s->peer))) {
            socket_close(s, 4403, "network");
            continue;
        }
        struct who fresh = now.who;
        if (w->by_token) { /* never more than the token gave */
            fresh.by_token = true;
            fresh.roles = w->roles & (fresh.roles | ROLE_INTEGRATOR);
            fresh.clearance = w->clearance < fresh.clearance ? w->clearance : fresh.clearance;
        }
        caller_copy(&s->caller, &fresh);
        tally_view_clear(&s->queues);
        seats_put(s);
    }
}

static void on_agents(void *arg, const struct err *e, const struct store_agent *const *a, size_t n)
{
    struct api_op *o = arg;
    if (e->code)
        return;
    operation_members_put(o, a, n);
    judge_sockets(o);
}

/* However many agents were changed at once, they are read once. */
static void on_judge(void *arg)
{
    struct api_op *o = arg;
    store_agents_get(o->op, on_agents, o);
}

static void judge_soon(struct api_op *o)
{
    if (!timer_running(o->judge_timer))
        timer_start(o->judge_timer, JUDGE_MS);
}

/* ---- sign-ins that end ---- */

/* A token was ended ("token"), or a user's sign-in was (disabled, another password, signed out). */
static void check_sockets(struct api_op *o, const struct store_event *ev)
{
    bool tokens = strcmp(ev->why, "token") == 0;
    for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        const struct who *w = &s->caller.who;
        next = l->next;
        if (tokens ? w->by_token : strcmp(w->by_token ? w->agent : w->login, ev->agent) == 0)
            socket_check(s);
    }
}

/* ---- events ---- */

static void on_missed(struct api_op *o)
{
    operation_load(o);
    judge_soon(o);
    for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, node);
        next = l->next;
        socket_frame(s, SLICE("{\"type\":\"reset\"}")); /* clients start over */
    }
}

static void on_event(void *arg, const struct store_event *ev)
{
    struct api_op *o = arg;
    if (!ev) {
        on_missed(o);
        return;
    }
    if (ev->kind == STORE_EV_THREAD)
        queues_event(o, ev);
    if (ev->kind == STORE_EV_USER)
        check_sockets(o, ev);
    if (ev->kind == STORE_EV_CONFIG || (ev->kind == STORE_EV_USER && strcmp(ev->why, "token") != 0) ||
        (ev->kind == STORE_EV_AGENT && strcmp(ev->why, "skills") == 0))
        judge_soon(o);
    dispatch_event(o, ev, NULL, NULL, NULL);
}

/* ---- typing ---- */

struct typing {
    struct api_op *o;
    struct store_signal sig;
    char agent[64];
};

static void tell_typing(struct list *seats, const struct typing *y, const struct store_thread *t,
                        struct slice frame)
{
    for (struct list *l = seats ? seats->next : NULL, *next; l && l != seats; l = next) {
        struct agent_socket *s = container_of(l, struct agent_socket, seat);
        next = l->next;
        bool own = *y->agent && strcmp(s->caller.agent, y->agent) == 0;
        if (s->live && !own && (rights_now(y->o, &s->caller.who, t, false) & RIGHT_READ))
            socket_frame(s, frame);
    }
}

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
    if (!e->code) {
        tell_typing(&y->o->wide, y, t, buf_view(&b));
        tell_typing(seats_of(y->o, t->assignee), y, t, buf_view(&b));
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

/* ---- beginning and end ---- */

void stream_start(struct api_op *o)
{
    o->judge_timer = timer_new(o->api->cf.loop, on_judge, o);
    o->listener = store_listen(o->op, on_event, o);
    store_signal_listen(o->op, on_signal, o);
    queues_start(o);
}

void stream_stop(struct api_op *o)
{
    store_unlisten(&o->listener);
    timer_free(&o->judge_timer);
    queues_stop(o);
    for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
        next = l->next;
        socket_close(container_of(l, struct agent_socket, node), 4403, "the operation is gone");
    }
}
