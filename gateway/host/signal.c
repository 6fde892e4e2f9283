/* SPDX-License-Identifier: Apache-2.0
 * What an agent does while a person may look: typing and having read, told to the provider by the node that
 * sends for the channel. */
#include "gateway/host/out.h"
#include <string.h>

struct telling {
    struct host_op *o;
    struct id thread;
    char channel[64];
    uint64_t seq;
    bool typing, on;
    struct arena *a;
    struct slice to;
};

static void telling_free(struct telling *q)
{
    arena_free(&q->a);
    mem_free(q);
}

static struct channel *teller(const struct telling *q)
{
    struct channel *ch = q->o->gone ? NULL : map_get(&q->o->channels, slice_str(q->channel));
    return ch && channel_running(ch) && ch->out && ch->out->outbox ? ch : NULL;
}

static void on_entries(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct telling *q = arg;
    struct channel *ch = teller(q);
    while (!e->code && ch && n > 0) {
        const struct store_entry *en = &entries[--n];
        if (!en->inbound || en->kind != STORE_MESSAGE || strcmp(en->channel, ch->id) != 0)
            continue;
        struct slice target = history_external(en, q->a);
        if (target.n)
            ch->plugin->c->read(ch->c, bytes_from(q->to), bytes_from(target));
        break;
    }
    telling_free(q);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct telling *q = arg;
    struct channel *ch = teller(q);
    int64_t newest = -1;
    for (size_t i = 0; !e->code && ch && i < c->addresses_n; i++) {
        const struct store_address *a = &c->addresses[i];
        if (strcmp(a->channel, ch->id) == 0 && !a->blocked && a->last_ms > newest) {
            newest = a->last_ms;
            q->to = address_outward(ch, a->uri);
        }
    }
    if (!ch || newest < 0) {
        telling_free(q);
        return;
    }
    q->to = arena_slice(q->a, q->to);
    if (q->typing) {
        ch->plugin->c->typing(ch->c, bytes_from(q->to), q->on);
        telling_free(q);
        return;
    }
    uint64_t from = q->seq > 20 ? q->seq - 20 : 1;
    store_entries_get(q->o->op, q->thread, from, q->seq, on_entries, q);
}

static void on_person(void *arg, struct id contact)
{
    struct telling *q = arg;
    if (contact.s[0] && teller(q))
        store_contact_get(q->o->op, contact, on_contact, q);
    else
        telling_free(q);
}

void send_signal(struct host_op *o, const struct store_signal *s)
{
    bool typing = strcmp(s->what, "typing") == 0, read = strcmp(s->what, "read") == 0;
    if ((!typing && !read) || !s->agent || !*s->agent || !s->channel || (read && !s->seq))
        return;
    struct channel *ch = map_get(&o->channels, slice_str(s->channel));
    if (!channel_running(ch) || !ch->out || !ch->out->outbox)
        return;
    const struct connector *c = ch->plugin->c;
    bool can = typing ? (ch->capabilities & CONNECTOR_CAN_TYPING) && c->typing
                      : (ch->capabilities & CONNECTOR_CAN_READ) && c->read;
    size_t n = strlen(s->channel);
    if (!can || n >= 64)
        return;
    struct telling *q = mem_alloc(sizeof(*q));
    *q = (struct telling){
        .o = o, .thread = s->thread, .seq = s->seq, .typing = typing, .on = s->on, .a = arena_new()};
    memcpy(q->channel, s->channel, n);
    watch_contact_of(o, s->thread, on_person, q);
}
