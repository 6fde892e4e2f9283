/* SPDX-License-Identifier: Apache-2.0
 * Who looks at a conversation from outside: open pages of persons. Store events and signals of any node reach
 * them here, by contact; an address that nobody has written from yet has no contact, and waits. */
#include "gateway/host/host_internal.h"
#include <stdio.h>
#include <string.h>

#define WATCH_CATCH_UP 200u   /* entries that are read again after a gap */
#define WATCH_PEOPLE   20000u /* threads whose contact is remembered */
#define WATCH_READ     50u    /* entries before a read mark among which the person's newest is looked for */

#define WATCH_RECENT 8

struct watched { /* a contact that somebody looks at */
    struct list watches;
    struct id contact;
};

struct connector_watch {
    struct list link; /* in channel.watches */
    struct list by;   /* in watched.watches or op.unbound */
    struct channel *ch;
    struct watched *on;                    /* NULL: unbound */
    char recent[WATCH_RECENT][ID_LEN + 1]; /* ids that were told last */
    unsigned recent_at;
    char *address;         /* as the store has it; no arena, since ten thousand pages may be open */
    char last[ID_LEN + 1]; /* the newest entry that was told; "" none */
    void (*changed)(void *arg, enum connector_change what, const struct connector_entry *entry, bool on);
    void *arg;
    unsigned asks; /* calls of the store that name it */
    bool off;
};

static void watch_free(connector_watch w)
{
    if (w->asks)
        return;
    mem_free(w->address);
    mem_free(w);
}

static void watched_drop(struct host_op *o, struct watched *d)
{
    if (!list_empty(&d->watches))
        return;
    map_del(&o->watched, slice_of(d->contact.s, ID_LEN));
    mem_free(d);
}

static void watch_off(connector_watch w)
{
    struct watched *d = w->on;
    w->off = true;
    w->on = NULL;
    list_del(&w->link);
    list_del(&w->by);
    if (d)
        watched_drop(w->ch->o, d);
    watch_free(w);
}

static void bind_to(connector_watch w, struct id contact)
{
    struct host_op *o = w->ch->o;
    if (w->on || w->off)
        return;
    struct watched *d = map_get(&o->watched, slice_of(contact.s, ID_LEN));
    if (!d) {
        d = mem_alloc(sizeof(*d));
        d->contact = contact;
        list_init(&d->watches);
        map_put(&o->watched, slice_of(contact.s, ID_LEN), d);
    }
    list_del(&w->by);
    list_push(&d->watches, &w->by);
    w->on = d;
}

static void catch_up(connector_watch w);

void watch_bind(struct channel *ch, struct slice address, struct id contact)
{
    for (struct list *n = ch->o->unbound.next, *next; n != &ch->o->unbound; n = next) {
        connector_watch w = container_of(n, struct connector_watch, by);
        next = n->next;
        if (slice_is(address, w->address)) {
            bind_to(w, contact);
            catch_up(w); /* the event of this very message may have passed before */
        }
    }
}

/* ---- telling ---- */

/* Catching up and the events overlap: nothing is told twice. */
static bool told_already(connector_watch w, const char *id)
{
    for (size_t i = 0; i < WATCH_RECENT; i++)
        if (strcmp(w->recent[i], id) == 0)
            return true;
    snprintf(w->recent[w->recent_at++ % WATCH_RECENT], sizeof(w->recent[0]), "%s", id);
    return false;
}

static void tell(connector_watch w, enum connector_change what, const struct connector_entry *en, bool on)
{
    if (w->off)
        return;
    if (what == CONNECTOR_ENTRY_ADDED) {
        if (told_already(w, en->id))
            return;
        memcpy(w->last, en->id, strlen(en->id) < sizeof(w->last) ? strlen(en->id) + 1 : 0);
    }
    w->changed(w->arg, what, en, on);
}

/* A callback may end any watch, so the list is walked with a copy of it. */
static void tell_all(struct host_op *o, struct id contact, const char *channel, enum connector_change what,
                     const struct connector_entry *en, bool on)
{
    struct watched *d = map_get(&o->watched, slice_of(contact.s, ID_LEN));
    connector_watch list[32];
    size_t n = 0;
    for (struct list *l = d ? d->watches.next : NULL; l && l != &d->watches && n < 32; l = l->next) {
        connector_watch w = container_of(l, struct connector_watch, by);
        if (strcmp(w->ch->id, channel) == 0) {
            w->asks++;
            list[n++] = w;
        }
    }
    for (size_t i = 0; i < n; i++) {
        tell(list[i], what, en, on);
        list[i]->asks--;
        if (list[i]->off)
            watch_free(list[i]);
    }
}

/* ---- binding, and what was missed ---- */

static void on_missed(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    connector_watch w = arg;
    struct arena *a = arena_new();
    w->asks--;
    for (size_t i = 0; !e->code && i < n && !w->off; i++) {
        struct connector_entry en;
        if (entries[i].erased)
            continue;
        history_entry(w->ch, &entries[i], a, &en);
        tell(w, CONNECTOR_ENTRY_ADDED, &en, false);
    }
    arena_free(&a);
    if (w->off)
        watch_free(w);
}

static void catch_up(connector_watch w)
{
    w->asks++;
    store_history(w->ch->o->op, w->ch->id, slice_str(w->address), w->last, WATCH_CATCH_UP, on_missed, w);
}

static void on_found(void *arg, const struct err *e, const struct store_contact *c)
{
    connector_watch w = arg;
    w->asks--;
    if (w->off) {
        watch_free(w);
    } else if (!e->code && !w->on) {
        bind_to(w, c->id);
        catch_up(w);
    }
}

static void resolve(connector_watch w)
{
    w->asks++;
    store_contact_by_address(w->ch->o->op, slice_str(w->address), on_found, w);
}

/* ---- events ---- */

struct fetch_entry {
    struct host_op *o;
    struct id contact;
    char channel[64];
    enum connector_change what;
};

static void on_entry(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct fetch_entry *q = arg;
    struct channel *ch = q->o->gone ? NULL : map_get(&q->o->channels, slice_str(q->channel));
    if (!e->code && n == 1 && ch && channel_running(ch)) {
        struct arena *a = arena_new();
        struct connector_entry en;
        history_entry(ch, &entries[0], a, &en);
        if (entries[0].erased)
            en.text = (struct connector_bytes){0};
        tell_all(q->o, q->contact, q->channel, q->what, &en, false);
        arena_free(&a);
    }
    mem_free(q);
}

static void fetch_entry(struct host_op *o, const struct store_event *ev, enum connector_change what)
{
    struct fetch_entry *q = mem_alloc(sizeof(*q));
    q->o = o;
    q->contact = ev->contact;
    q->what = what;
    size_t n = strlen(ev->channel);
    memcpy(q->channel, ev->channel, n < sizeof(q->channel) ? n : 0);
    store_entries_get(o->op, ev->thread, ev->seq, ev->seq, on_entry, q);
}

static bool shown(enum store_kind k)
{
    return k == STORE_MESSAGE || k == STORE_EDIT || k == STORE_DELETION || k == STORE_REACTION;
}

static void tell_status(struct host_op *o, const struct store_event *ev)
{
    static const enum connector_state as[] = {
        [STORE_STORED] = CONNECTOR_STORED,       [STORE_SENT] = CONNECTOR_SENT,
        [STORE_DELIVERED] = CONNECTOR_DELIVERED, [STORE_READ] = CONNECTOR_WAS_READ,
        [STORE_FAILED] = CONNECTOR_FAILED,       [STORE_UNKNOWN_OUTCOME] = CONNECTOR_SENT};
    struct connector_entry en = {
        .size = sizeof(en), .id = ev->entry.s, .seq = ev->seq, .status = as[ev->status]};
    tell_all(o, ev->contact, ev->channel, CONNECTOR_ENTRY_STATUS, &en, false);
}

static void all_again(struct host_op *o)
{
    struct slice key;
    void *value;
    for (size_t i = 0; map_each(&o->watched, &i, &key, &value);) {
        struct watched *d = value;
        for (struct list *n = d->watches.next; n != &d->watches; n = n->next)
            catch_up(container_of(n, struct connector_watch, by));
    }
    for (struct list *n = o->unbound.next; n != &o->unbound; n = n->next)
        resolve(container_of(n, struct connector_watch, by));
}

void watch_event(struct host_op *o, const struct store_event *ev)
{
    if (o->gone || (!o->watched.n && list_empty(&o->unbound)))
        return;
    if (!ev) {
        all_again(o);
        return;
    }
    bool entry = ev->kind == STORE_EV_ENTRY && shown(ev->entry_kind) && *ev->channel;
    if (!map_get(&o->watched, slice_of(ev->contact.s, ID_LEN))) {
        /* Somebody wrote whom we do not know: perhaps one of those who look without a contact, through
         * another node. */
        for (struct list *n = entry && ev->inbound ? o->unbound.next : &o->unbound; n != &o->unbound;
             n = n->next) {
            connector_watch w = container_of(n, struct connector_watch, by);
            if (!w->asks && strcmp(w->ch->id, ev->channel) == 0)
                resolve(w);
        }
        return;
    }
    if (entry)
        fetch_entry(o, ev, CONNECTOR_ENTRY_ADDED);
    else if (ev->kind == STORE_EV_ENTRY_CHANGED && *ev->channel)
        fetch_entry(o, ev, CONNECTOR_ENTRY_CHANGED);
    else if (ev->kind == STORE_EV_ENTRY_STATUS && *ev->channel)
        tell_status(o, ev);
}

/* ---- signals: typing, and what an agent has read ---- */

struct look_up {
    struct host_op *o;
    struct id thread;
    void (*found)(void *arg, struct id contact);
    void *arg;
};

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct look_up *q = arg;
    struct id contact = {{0}};
    if (!e->code) {
        contact = t->contact;
        if (q->o->people.n >= WATCH_PEOPLE)
            map_clear(&q->o->people, mem_free);
        mem_free(map_put(&q->o->people, slice_of(q->thread.s, ID_LEN), mem_dup(&contact, sizeof(contact))));
    }
    q->found(q->arg, contact);
    mem_free(q);
}

void watch_contact_of(struct host_op *o, struct id thread, void (*found)(void *arg, struct id contact),
                      void *arg)
{
    const struct id *known = map_get(&o->people, slice_of(thread.s, ID_LEN));
    if (known) {
        found(arg, *known);
        return;
    }
    struct look_up *q = mem_alloc(sizeof(*q));
    *q = (struct look_up){o, thread, found, arg};
    store_thread_get(o->op, thread, on_thread, q);
}

struct heard {
    struct host_op *o;
    struct id thread, contact;
    char channel[64];
    uint64_t seq;
    bool typing, on;
};

static void on_read_entries(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct heard *q = arg;
    while (!e->code && n > 0 && !q->o->gone) {
        const struct store_entry *en = &entries[--n];
        if (en->inbound && en->kind == STORE_MESSAGE) {
            struct connector_entry told = {.size = sizeof(told),
                                           .id = en->id.s,
                                           .seq = en->seq,
                                           .inbound = true,
                                           .status = CONNECTOR_WAS_READ};
            tell_all(q->o, q->contact, en->channel, CONNECTOR_AGENT_READ, &told, true);
            break;
        }
    }
    mem_free(q);
}

static void on_heard(void *arg, struct id contact)
{
    struct heard *q = arg;
    bool watched = contact.s[0] && !q->o->gone && map_get(&q->o->watched, slice_of(contact.s, ID_LEN));
    q->contact = contact;
    if (watched && !q->typing && q->seq) {
        uint64_t from = q->seq > WATCH_READ ? q->seq - WATCH_READ : 1;
        store_entries_get(q->o->op, q->thread, from, q->seq, on_read_entries, q);
        return;
    }
    if (watched && q->typing) {
        struct connector_entry none = {.size = sizeof(none), .id = ""};
        tell_all(q->o, contact, q->channel, CONNECTOR_AGENT_TYPING, &none, q->on);
    }
    mem_free(q);
}

void watch_signal(struct host_op *o, const struct store_signal *s)
{
    bool typing = strcmp(s->what, "typing") == 0, read = strcmp(s->what, "read") == 0;
    size_t n = s->channel ? strlen(s->channel) : 0;
    if ((!typing && !read) || !s->agent || !*s->agent || !o->watched.n)
        return;
    struct heard *q = mem_alloc(sizeof(*q));
    *q = (struct heard){.o = o, .thread = s->thread, .seq = s->seq, .typing = typing, .on = s->on};
    memcpy(q->channel, s->channel, n < sizeof(q->channel) ? n : 0);
    watch_contact_of(o, s->thread, on_heard, q);
}

/* ---- for connectors ---- */

static connector_watch h_watch(void *inst, struct connector_bytes address,
                               void (*changed)(void *arg, enum connector_change what,
                                               const struct connector_entry *entry, bool on),
                               void *arg)
{
    struct channel *ch = CHANNEL(inst);
    connector_watch w = mem_alloc(sizeof(*w));
    struct arena *a = arena_new();
    *w = (struct connector_watch){.ch = ch, .changed = changed, .arg = arg};
    w->address = slice_dup(address_inward(ch, slice_from(address), a));
    arena_free(&a);
    list_push(&ch->watches, &w->link);
    list_push(&ch->o->unbound, &w->by);
    resolve(w);
    return w;
}

static void h_unwatch(connector_watch w)
{
    if (w && !w->off)
        watch_off(w);
}

void watch_stop(struct channel *ch)
{
    while (!list_empty(&ch->watches))
        watch_off(container_of(ch->watches.next, struct connector_watch, link));
}

static void drop_watched(void *p)
{
    mem_free(p);
}

void watch_clear(struct host_op *o)
{
    map_clear(&o->watched, drop_watched);
}

void host_api_watch(struct connector_host *a)
{
    a->watch = h_watch;
    a->unwatch = h_unwatch;
}
