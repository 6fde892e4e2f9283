/* SPDX-License-Identifier: Apache-2.0
 * How an agent's socket begins and resumes: what is theirs, what happened since, and from then on live. */
#include "gateway/api/socket.h"
#include <string.h>

#define REPLAY_PAGE 500

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
        socket_error(s, NULL, "unavailable", "the store is away; come back in a moment");
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

void socket_hello(struct agent_socket *s, const json_t *frame)
{
    struct slice after = json_opt_str(frame, "after");
    s->live = false;
    if (!s->hello) {
        s->hello = true;
        socket_beat(s);
    }
    if (!after.n) {
        start_over(s);
        return;
    }
    if (after.n >= sizeof s->cursor) {
        socket_error(s, NULL, "invalid", "after: no such event");
        return;
    }
    memset(s->cursor, 0, sizeof s->cursor);
    memcpy(s->cursor, after.p, after.n);
    socket_replay(s);
}
