/* SPDX-License-Identifier: Apache-2.0
 * The agents' websocket: commands in, answers and events out. A socket starts silent, is told what happened
 * since `after`, and is live from then on. */
#include "gateway/api/api_internal.h"
#include "gateway/net/ws.h"
#include "store/user.h"
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX (256u << 10)
#define BEAT_MS     15000
#define SILENT_MS   45000
#define REPLAY_PAGE 500

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

/* ---- presence ---- */

static void on_beat_done(void *arg, const struct err *e)
{
    (void)e;
    socket_still(arg);
}

static void beat(struct agent_socket *s)
{
    if (!*s->caller.agent)
        return;
    s->refs++;
    store_agent_beat(s->op->op, s->caller.agent, s->id, s->presence, on_beat_done, s);
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
    judge(arg, e, !e->code && u->disabled);
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
        beat(s);
}

/* ---- errors ---- */

static const char *code_name(int code)
{
    switch (code < 0 ? -code : code) {
    case ERR_INVALID:
        return "invalid";
    case ERR_FORBIDDEN:
    case ERR_AUTH:
        return "forbidden";
    case ERR_NOT_FOUND:
    case ERR_ERASED:
        return "not_found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_TOO_LARGE:
        return "too_large";
    case ERR_RATE:
        return "rate";
    case ERR_UNSUPPORTED:
        return "unsupported";
    default:
        return "unavailable";
    }
}

static void send_error(struct agent_socket *s, const char *ref, const char *code, const char *detail)
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

/* ---- hello: welcome, replay, live ---- */

static void on_replayed(void *arg, const struct err *e, const struct store_event *ev, size_t n);

static void on_told(void *arg)
{
    struct agent_socket *s = arg;
    if (socket_still(s))
        socket_replay(s);
}

static void nothing_told(void *arg)
{
    socket_still(arg);
}

static void send_reset(struct agent_socket *s)
{
    socket_frame(s, SLICE("{\"type\":\"reset\"}"));
}

static void start_over(struct agent_socket *s);

static void on_replayed(void *arg, const struct err *e, const struct store_event *ev, size_t n)
{
    struct agent_socket *s = arg;
    if (!socket_still(s))
        return;
    if (e->code == ERR_NOT_FOUND) {
        send_reset(s);
        start_over(s);
        return;
    }
    if (e->code) {
        send_error(s, NULL, "unavailable", "the store is away; come back in a moment");
        socket_close(s, 1013, "unavailable");
        return;
    }
    if (n == 0) {
        /* Events may have been told to others while this was under way. */
        if (s->op->dispatched[0] && dispatch_id_compare(s->op->dispatched, s->cursor) > 0) {
            socket_replay(s);
            return;
        }
        s->live = true;
        socket_frame(s, SLICE("{\"type\":\"live\"}"));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        s->refs++;
        dispatch_event(s->op, &ev[i], s, i + 1 == n ? on_told : nothing_told, s);
    }
}

void socket_replay(struct agent_socket *s)
{
    s->refs++;
    store_events_after(s->op->op, s->cursor, REPLAY_PAGE, on_replayed, s);
}

static void on_welcome_threads(void *arg, const struct err *e, struct slice items)
{
    struct agent_socket *s = arg;
    if (!socket_still(s))
        return;
    if (e->code) {
        socket_close(s, 1013, "unavailable");
        return;
    }
    struct buf b;
    struct member *m = operation_member(s->op, s->caller.agent);
    buf_init(&b, 20u << 20);
    buf_str(&b, "{\"type\":\"welcome\",\"agent\":");
    if (m) {
        enum store_presence was = m->a.presence;
        m->a.presence = s->presence;
        view_agent(&b, &m->a, &s->caller.who);
        m->a.presence = was;
    } else
        buf_str(&b, "null");
    buf_str(&b, ",\"threads\":[");
    buf_slice(&b, items);
    buf_str(&b, "],\"queues\":");
    queues_json(s->op, &s->caller.who, &s->queues, &b);
    buf_printf(&b, ",\"after\":\"%s\",\"heartbeat\":25}", s->cursor);
    socket_frame(s, buf_view(&b));
    buf_clear(&b);
    socket_replay(s);
}

static void on_last_event(void *arg, const struct err *e, struct slice id)
{
    struct agent_socket *s = arg;
    if (!socket_still(s))
        return;
    if (e->code || id.n >= sizeof s->cursor) {
        socket_close(s, 1013, "unavailable");
        return;
    }
    memset(s->cursor, 0, sizeof s->cursor);
    memcpy(s->cursor, id.p, id.n);
    s->refs++;
    card_mine(s->op, &s->caller.who, on_welcome_threads, s);
}

static void start_over(struct agent_socket *s)
{
    s->live = false;
    s->refs++;
    store_events_last(s->op->op, on_last_event, s);
}

static void hello(struct agent_socket *s, const json_t *frame)
{
    struct slice after = json_opt_str(frame, "after");
    s->live = false;
    if (!s->hello) {
        s->hello = true;
        beat(s);
    }
    if (!after.n) {
        start_over(s);
        return;
    }
    if (after.n >= sizeof s->cursor) {
        send_error(s, NULL, "invalid", "after: no such event");
        return;
    }
    memset(s->cursor, 0, sizeof s->cursor);
    memcpy(s->cursor, after.p, after.n);
    socket_replay(s);
}

/* ---- commands ---- */

struct command {
    struct agent_socket *s;
    char ref[72];
    bool offer; /* a conflict means that the offer is over */
};

static void send_ok(struct agent_socket *s, const char *ref, const char *kind, struct slice json)
{
    struct buf b;
    buf_init(&b, 4u << 20);
    buf_str(&b, "{\"type\":\"ok\",\"ref\":");
    buf_json_str(&b, slice_str(ref));
    buf_printf(&b, ",\"%s\":", kind);
    buf_slice(&b, json);
    buf_char(&b, '}');
    socket_frame(s, buf_view(&b));
    buf_clear(&b);
}

static void on_act(void *arg, const struct err *e, int status, const char *kind, struct slice json)
{
    struct command *c = arg;
    struct agent_socket *s = c->s;
    (void)status;
    if (socket_still(s)) {
        if (e->code)
            send_error(s, c->ref, c->offer && e->code == ERR_CONFLICT ? "gone" : code_name(e->code), e->text);
        else
            send_ok(s, c->ref, kind, json);
    }
    mem_free(c);
}

static bool is_verb(const char *type)
{
    static const char *const verbs[] = {"send",    "note",   "edit",     "deletion", "reaction", "accept",
                                        "decline", "assign", "transfer", "resolve",  "reopen",   "snooze",
                                        "tag",     "retry",  "patch",    NULL};
    for (size_t i = 0; verbs[i]; i++)
        if (strcmp(verbs[i], type) == 0)
            return true;
    return false;
}

static void command(struct agent_socket *s, const char *type, const char *ref, const json_t *frame)
{
    struct slice thread = json_opt_str(frame, "thread");
    struct id id = {{0}};
    if (!id_valid(thread)) {
        send_error(s, ref, "not_found", "no such thread");
        return;
    }
    memcpy(id.s, thread.p, ID_LEN);
    struct command *c = mem_alloc(sizeof *c);
    c->s = s;
    c->offer = strcmp(type, "accept") == 0 || strcmp(type, "decline") == 0;
    strncpy(c->ref, ref, sizeof c->ref - 1);
    s->refs++;
    act_thread(s->op, &s->caller.who, type, id, frame, on_act, c);
}

static void on_presence(void *arg, const struct err *e)
{
    struct command *c = arg;
    struct agent_socket *s = c->s;
    struct member *m;
    if (socket_still(s)) {
        if (e->code)
            send_error(s, c->ref, code_name(e->code), e->text);
        else if ((m = operation_member(s->op, s->caller.agent))) {
            struct buf b;
            buf_init(&b, 1 << 16);
            m->a.presence = s->presence;
            view_agent(&b, &m->a, &s->caller.who);
            send_ok(s, c->ref, "agent", buf_view(&b));
            buf_clear(&b);
        }
    }
    mem_free(c);
}

static void presence(struct agent_socket *s, const char *ref, const json_t *frame)
{
    struct slice want = json_opt_str(frame, "presence");
    if (slice_is(want, "online"))
        s->presence = STORE_ONLINE;
    else if (slice_is(want, "away"))
        s->presence = STORE_AWAY;
    else if (slice_is(want, "break"))
        s->presence = STORE_BREAK;
    else {
        send_error(s, ref, "invalid", "presence: online, away or break");
        return;
    }
    if (!*s->caller.agent) {
        send_error(s, ref, "forbidden", "this token acts for no agent");
        return;
    }
    struct command *c = mem_alloc(sizeof *c);
    c->s = s;
    strncpy(c->ref, ref, sizeof c->ref - 1);
    s->refs++;
    store_agent_beat(s->op->op, s->caller.agent, s->id, s->presence, on_presence, c);
}

struct marking {
    struct agent_socket *s;
    bool typing, on;
    uint64_t seq;
};

static void on_mark_card(void *arg, const struct err *e, const struct card *card)
{
    struct marking *m = arg;
    struct agent_socket *s = m->s;
    if (socket_still(s) && !e->code && (card->rights & RIGHT_WRITE) && *s->caller.agent) {
        struct store_signal sig = {.what = m->typing ? "typing" : "read",
                                   .thread = card->t->id,
                                   .agent = s->caller.agent,
                                   .channel = card->t->channel,
                                   .seq = m->seq,
                                   .on = m->on};
        store_signal_send(s->op->op, &sig);
        if (!m->typing && m->seq <= card->t->last_seq) {
            s->refs++;
            store_thread_read(s->op->op, card->t->id, s->caller.agent, m->seq, on_beat_done, s);
        }
    }
    mem_free(m);
}

/* Typing and read marks: no answer, and nothing happens for threads that are not the agent's. */
static void mark(struct agent_socket *s, bool typing, const json_t *frame)
{
    struct slice thread = json_opt_str(frame, "thread");
    struct id id = {{0}};
    int64_t seq = json_opt_int(frame, "seq", 0);
    if (!id_valid(thread) || seq < 0)
        return;
    memcpy(id.s, thread.p, ID_LEN);
    struct marking *m = mem_alloc(sizeof *m);
    *m = (struct marking){s, typing, json_opt_bool(frame, "on", true), (uint64_t)seq};
    s->refs++;
    card_load(s->op, &s->caller.who, id, on_mark_card, m);
}

static void frame_in(struct agent_socket *s, const json_t *frame)
{
    const char *type = json_string_value(json_object_get(frame, "type"));
    const char *ref = json_string_value(json_object_get(frame, "ref"));
    if (!type)
        send_error(s, ref, "invalid", "type: missing");
    else if (strcmp(type, "ping") == 0)
        socket_frame(s, SLICE("{\"type\":\"pong\"}"));
    else if (strcmp(type, "hello") == 0)
        hello(s, frame);
    else if (!s->hello)
        send_error(s, ref, "invalid", "say hello first");
    else if (strcmp(type, "typing") == 0 || strcmp(type, "read") == 0)
        mark(s, type[0] == 't', frame);
    else if (!is_verb(type) && strcmp(type, "presence") != 0)
        send_error(s, ref, "invalid", "type: not known");
    else if (!ref || !*ref || strlen(ref) > 64)
        send_error(s, NULL, "invalid", "ref: a string of 1 to 64 bytes is wanted");
    else if (strcmp(type, "presence") == 0)
        presence(s, ref, frame);
    else
        command(s, type, ref, frame);
}

static void on_text(struct ws *w, struct slice message, void *arg)
{
    struct agent_socket *s = arg;
    struct err e = {0};
    (void)w;
    s->heard_ms = (int64_t)loop_now_ms(s->op->api->cf.loop);
    json_t *frame = json_parse(message, JSON_DEPTH_DEFAULT, &e);
    if (!frame)
        send_error(s, NULL, "invalid", e.text);
    else if (!json_is_object(frame))
        send_error(s, NULL, "invalid", "a JSON object is wanted");
    else
        frame_in(s, frame);
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
    struct slice secret = auth_secret(rq);
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
