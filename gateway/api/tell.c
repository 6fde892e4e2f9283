/* SPDX-License-Identifier: Apache-2.0
 * What one socket hears of one event: the frame, by the rights that the socket has at this moment. */
#include "gateway/api/dispatch.h"
#include <string.h>

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
    static const char *const offers[] = {"expired", "declined", NULL};
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

void tell_socket(struct job *j, struct agent_socket *s)
{
    struct buf b;
    const struct who *w = &s->caller.who;
    if (j->ev.id[0] && dispatch_id_compare(j->ev.id, s->cursor) <= 0)
        return;      /* a replay has told it already */
    if (j->failed) { /* to go on would lose it: who comes back is told from the last frame that came */
        socket_close(s, 1013, "unavailable");
        return;
    }
    buf_init(&b, 4u << 20);
    struct record_news news = job_news(j);
    if (j->ev.kind == STORE_EV_AGENT)
        tell_agent(&b, j, w);
    else if (j->row && j->row->may(&news, w))
        j->row->tell(&b, &news, w);
    else if (j->have_thread) {
        unsigned rights = rights_now(j->o, w, &j->t, false);
        if (j->ev.kind == STORE_EV_THREAD && j->what.n)
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
