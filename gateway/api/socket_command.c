/* SPDX-License-Identifier: Apache-2.0
 * The frames of an agent: what is done to threads (act.c), presence, typing and read marks. */
#include "gateway/api/socket.h"
#include <string.h>

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
    case ERR_GUARDED:
        return "guarded";
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
            socket_error(s, c->ref, c->offer && e->code == ERR_CONFLICT ? "gone" : code_name(e->code),
                         e->text);
        else
            send_ok(s, c->ref, kind, json);
    }
    mem_free(c);
}

static void command(struct agent_socket *s, const char *type, const char *ref, const json_t *frame)
{
    struct slice thread = json_opt_str(frame, "thread");
    struct id id = {{0}};
    if (!id_valid(thread)) {
        socket_error(s, ref, "not_found", "no such thread");
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
            socket_error(s, c->ref, code_name(e->code), e->text);
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
        socket_error(s, ref, "invalid", "presence: online, away or break");
        return;
    }
    if (!*s->caller.agent) {
        socket_error(s, ref, "forbidden", "this token acts for no agent");
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
            store_thread_read(s->op->op, card->t->id, s->caller.agent, m->seq, socket_done, s);
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

void socket_command(struct agent_socket *s, const json_t *frame)
{
    const char *type = json_string_value(json_object_get(frame, "type"));
    const char *ref = json_string_value(json_object_get(frame, "ref"));
    if (!type)
        socket_error(s, ref, "invalid", "type: missing");
    else if (strcmp(type, "ping") == 0)
        socket_frame(s, SLICE("{\"type\":\"pong\"}"));
    else if (strcmp(type, "hello") == 0)
        socket_hello(s, frame);
    else if (!s->hello)
        socket_error(s, ref, "invalid", "say hello first");
    else if (strcmp(type, "typing") == 0 || strcmp(type, "read") == 0)
        mark(s, type[0] == 't', frame);
    else if (!act_is_verb(type) && strcmp(type, "presence") != 0)
        socket_error(s, ref, "invalid", "type: not known");
    else if (!ref || !*ref || strlen(ref) > 64)
        socket_error(s, NULL, "invalid", "ref: a string of 1 to 64 bytes is wanted");
    else if (strcmp(type, "presence") == 0)
        presence(s, ref, frame);
    else
        command(s, type, ref, frame);
}
