/* SPDX-License-Identifier: Apache-2.0
 * The agents' websocket as such: who may open it, how long it lives, and that its sign-in still stands. What
 * is said on it is in socket_hello.c and socket_command.c. */
#include "gateway/api/sign.h"
#include "gateway/api/socket.h"
#include "gateway/net/ws.h"
#include "store/user.h"
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX (256u << 10)
#define BEAT_MS     15000
#define SILENT_MS   45000

/* ---- lifetime ---- */

static void socket_release(struct agent_socket *s)
{
    if (s->refs || s->ws)
        return;
    timer_free(&s->beat);
    if (s->secret)
        mem_wipe(s->secret, s->secret_n);
    mem_free(s->secret);
    mem_free(s);
}

static void on_left(void *arg, const struct err *e)
{
    (void)e; /* the sweep finds silent sockets anyway */
    struct agent_socket *s = arg;
    s->refs--;
    socket_release(s);
}

static void on_closed(struct ws *w, void *arg)
{
    struct agent_socket *s = arg;
    (void)w;
    s->ws = NULL;
    s->closing = true;
    s->live = false;
    list_del(&s->node);
    list_del(&s->seat);
    tally_view_clear(&s->queues);
    s->op->api->sockets--;
    timer_stop(s->beat);
    if (s->hello && *s->caller.agent) {
        s->refs++;
        store_agent_leave(s->op->op, s->caller.agent, s->id, on_left, s);
    }
    socket_release(s);
}

void socket_close(struct agent_socket *s, unsigned code, const char *why)
{
    if (s->closing || !s->ws)
        return;
    s->closing = true;
    ws_close(s->ws, code, why);
}

void socket_frame(struct agent_socket *s, struct slice json)
{
    if (s->ws && !s->closing)
        ws_send(s->ws, json);
}

/* A callback of the store came back; false: the socket is gone and so is s. */
bool socket_still(struct agent_socket *s)
{
    s->refs--;
    if (s->ws && !s->closing)
        return true;
    socket_release(s);
    return false;
}

void socket_error(struct agent_socket *s, const char *ref, const char *code, const char *detail)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_str(&b, "{\"type\":\"error\"");
    if (ref) {
        buf_str(&b, ",\"ref\":");
        buf_json_str(&b, slice_str(ref));
    }
    buf_printf(&b, ",\"code\":\"%s\",\"detail\":", code);
    buf_json_str(&b, slice_str(detail));
    buf_char(&b, '}');
    socket_frame(s, buf_view(&b));
    buf_clear(&b);
}

/* ---- presence ---- */

void socket_done(void *arg, const struct err *e)
{
    (void)e;
    socket_still(arg);
}

void socket_beat(struct agent_socket *s)
{
    if (!*s->caller.agent)
        return;
    s->refs++;
    store_agent_beat(s->op->op, s->caller.agent, s->id, s->presence, socket_done, s);
}

/* A token that was ended, or a session that was, takes its sockets with it. */
static void judge(struct agent_socket *s, const struct err *e, bool disabled)
{
    bool ended = e->code == ERR_AUTH || e->code == ERR_NOT_FOUND || disabled;
    if (socket_still(s) && ended)
        socket_close(s, 4401, "signed out");
}

static void on_token_again(void *arg, const struct err *e, const struct store_token *t)
{
    (void)t;
    judge(arg, e, false);
}

static void on_session_again(void *arg, const struct err *e, const struct store_user *u)
{
    struct agent_socket *s = arg;
    judge(s, e, !e->code && (u->disabled || second_unshown(s->op->api, u)));
}

/* A token that acts for a user lasts no longer than they do. */
static void on_acting_again(void *arg, const struct err *e, const struct store_user *u)
{
    judge(arg, e, !e->code && u->disabled);
}

void socket_check(struct agent_socket *s)
{
    struct store *store = s->op->api->cf.store;
    const struct who *w = &s->caller.who;
    s->refs++;
    if (!w->by_token) {
        store_session_check(store, slice_of(s->secret, s->secret_n), on_session_again, s);
        return;
    }
    store_token_check(store, slice_of(s->secret, s->secret_n), on_token_again, s);
    if (*w->agent) {
        s->refs++;
        store_user_get(store, w->agent, on_acting_again, s);
    }
}

static void on_beat(void *arg)
{
    struct agent_socket *s = arg;
    timer_start(s->beat, BEAT_MS);
    socket_check(s);
    if (s->hello && loop_now_ms(s->op->api->cf.loop) - (uint64_t)s->heard_ms <= SILENT_MS)
        socket_beat(s);
}

static void on_text(struct ws *w, struct slice message, void *arg)
{
    struct agent_socket *s = arg;
    struct err e = {0};
    (void)w;
    s->heard_ms = (int64_t)loop_now_ms(s->op->api->cf.loop);
    json_t *frame = json_parse(message, JSON_DEPTH_DEFAULT, &e);
    if (!frame)
        socket_error(s, NULL, "invalid", e.text);
    else if (!json_is_object(frame))
        socket_error(s, NULL, "invalid", "a JSON object is wanted");
    else
        socket_command(s, frame);
    json_decref(frame);
}

/* ---- opening ---- */

struct opening {
    struct api *a;
    struct api_op *o;
    struct http_req *rq;
};

static void on_opening(void *arg, const struct err *e, const struct caller *c)
{
    static const struct ws_events events = {on_text, NULL, on_closed};
    struct opening *op = arg;
    struct http_req *rq = op->rq;
    struct api_op *o = op->o;
    struct api *a = op->a;
    struct err why = {0};
    mem_free(op);
    if (auth_refusal(e)) {
        char extra[64];
        snprintf(extra, sizeof extra, ",\"code\":\"%s\"", auth_refusal(e));
        http_problem(rq, 403, e->text, extra);
        return;
    }
    if (e->code) {
        http_problem_err(rq, e);
        return;
    }
    struct agent_socket *s = mem_alloc(sizeof *s);
    s->op = o;
    caller_copy(&s->caller, &c->who);
    struct id id = id_new();
    memcpy(s->id, id.s, sizeof s->id);
    s->presence = STORE_ONLINE;
    s->heard_ms = (int64_t)loop_now_ms(a->cf.loop);
    struct slice secret = auth_secret(rq), peer = http_req_peer(rq);
    if (peer.n < sizeof s->peer)
        memcpy(s->peer, peer.p ? peer.p : "", peer.n);
    s->secret = slice_dup(secret);
    s->secret_n = secret.n;
    s->ws = ws_accept(rq, "parley.agent.v1", MESSAGE_MAX, &events, s, &why);
    if (!s->ws) {
        socket_release(s);
        return;
    }
    s->beat = timer_new(a->cf.loop, on_beat, s);
    timer_start(s->beat, BEAT_MS);
    list_push(&o->sockets, &s->node);
    seats_put(s);
    a->sockets++;
}

static void on_nowhere(void *arg, const struct err *e, const struct caller *c)
{
    (void)c;
    if (e->code)
        http_problem_err(arg, e);
    else
        http_problem(arg, 404, "no such operation", NULL);
}

void socket_upgrade(struct http_req *rq, void *arg)
{
    struct api *a = arg;
    struct slice path = http_req_path(rq), name = {path.p + 10, path.n - 10}; /* behind "/ws/agent/" */
    struct api_op *o = a->draining ? NULL : operation_find(a, name);
    if (a->draining) {
        http_problem(rq, 503, "going away; try again in a moment", NULL);
        return;
    }
    if (!o) { /* only those who are known hear that no operation has this name */
        auth_request(a, NULL, rq, true, on_nowhere, rq);
        return;
    }
    struct opening *op = mem_alloc(sizeof *op);
    *op = (struct opening){a, o, rq};
    auth_request(a, o, rq, true, on_opening, op);
}

void api_drain(struct api *a, unsigned retry_ms)
{
    struct slice name;
    size_t i = 0;
    void *value;
    char bye[64];
    a->draining = true;
    snprintf(bye, sizeof bye, "{\"type\":\"bye\",\"retry_ms\":%u}", retry_ms);
    while (map_each(&a->ops, &i, &name, &value)) {
        struct api_op *o = value;
        for (struct list *l = o->sockets.next, *next; l != &o->sockets; l = next) {
            struct agent_socket *s = container_of(l, struct agent_socket, node);
            next = l->next;
            socket_frame(s, slice_str(bye));
            socket_close(s, 1001, "going away");
        }
    }
}
