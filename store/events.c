/* SPDX-License-Identifier: Apache-2.0
 * Events as they stand in the stream, and who is told of them. Entries' events are one packed field "e"
 * (functions/person.lua), all others have named fields (functions/common.lua). An entry that opened its
 * thread is one record and two events: the thread's has the record's id with ".1", the entry's the id alone,
 * so that each can be resumed after. */
#include "store/events_internal.h"
#include "store/cache.h"
#include "store/outbox.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define PACKED 27

#define WHY_OPENED 1

static const char *const whys[] = {"", "opened", "language", "topic", "priority"};

/* ---- records ---- */

static struct slice packed_of(const struct redis_reply *record)
{
    const struct redis_reply *f = record->n == 2 ? record->items[1] : NULL;
    struct slice v = f && f->n == 2 && slice_is(store_item(f, 0), "e") ? store_item(f, 1) : SLICE("");
    return v.n >= PACKED ? v : SLICE("");
}

bool events_ours(const struct store_op *op, const struct redis_reply *record)
{
    struct slice v = packed_of(record);
    return v.n && memcmp(v.p + 25, op->store->tag, 2) == 0;
}

static const char *part(struct slice *rest, struct arena *a)
{
    struct slice s = SLICE("");
    return slice_next(rest, '\t', &s) && s.n ? arena_dup(a, s.p, s.n) : "";
}

static void set_place(const struct store_op *op, struct store_event *ev, uint64_t thread, uint64_t contact)
{
    ev->thread = store_id_of(op, thread, STORE_SEQ_THREAD);
    ev->contact = store_id_of(op, contact, STORE_SEQ_CONTACT);
    if (ev->seq && thread)
        ev->entry = store_id_of(op, thread, (uint32_t)ev->seq);
}

/* Language, topic, last agent, priority, whether not to the last one. NULL: an older node wrote it without.
 */
static const struct store_thread *opened(const struct store_event *ev, struct slice id, struct slice rest,
                                         struct arena *a)
{
    struct slice ms = SLICE(""), language = SLICE(""), number = SLICE(""), not_last = SLICE("");
    uint64_t when = 0, priority = 0;
    if (!slice_next(&id, '-', &ms) || !slice_u64(ms, &when) || !slice_next(&rest, '\t', &language) ||
        language.n >= sizeof(((struct store_language *)0)->tag))
        return NULL;
    struct store_thread *t = arena_alloc(a, sizeof(*t));
    *t = (struct store_thread){.id = ev->thread,
                               .contact = ev->contact,
                               .state = ev->state,
                               .area = ev->area,
                               .channel = ev->channel,
                               .assignee = ev->agent,
                               .clearance = ev->clearance,
                               .opened_ms = (int64_t)when,
                               .waiting_ms = (int64_t)when,
                               .last_ms = (int64_t)when,
                               .entries = 1,
                               .last_in_seq = 1,
                               .last_seq = 1,
                               .version = 1};
    if (language.n)
        memcpy(t->language.tag, language.p, language.n);
    t->topic = part(&rest, a);
    t->last_agent = part(&rest, a);
    slice_next(&rest, '\t', &number);
    bool below = number.n && number.p[0] == '-';
    if (slice_u64(slice_of(number.p + below, number.n - below), &priority) && priority <= INT16_MAX)
        t->priority = below ? -(int)priority : (int)priority;
    t->no_last_agent = slice_next(&rest, '\t', &not_last) && not_last.n;
    t->team = t->tags = t->outcome = t->declined = "";
    return t;
}

static size_t parse_packed(const struct store_op *op, struct slice id, struct slice v, struct arena *a,
                           struct store_event out[2])
{
    const unsigned char *p = (const unsigned char *)v.p;
    struct slice rest = slice_of(v.p + PACKED, v.n - PACKED), details;
    unsigned what = p[21], status = p[22], why = p[24];
    struct store_event ev = {.kind = p[0] == STORE_EV_ENTRY_STATUS ? STORE_EV_ENTRY_STATUS : STORE_EV_ENTRY};
    ev.seq = (uint32_t)p[17] << 24 | (uint32_t)p[18] << 16 | (uint32_t)p[19] << 8 | p[20];
    set_place(op, &ev, store_handle_get(slice_of(v.p + 1, 8)), store_handle_get(slice_of(v.p + 9, 8)));
    ev.entry_kind = (enum store_kind)(what & 7);
    ev.inbound = what & 8;
    ev.clearance = (int)(what >> 4 & 3);
    ev.status = (enum store_status)(status & 7);
    ev.state = (enum store_state)(status >> 3 & 7);
    ev.attempt = p[23];
    ev.agent = part(&rest, a);
    ev.actor = part(&rest, a);
    ev.channel = part(&rest, a);
    ev.area = part(&rest, a);
    details = rest;
    ev.why = "";
    ev.before = ev.agent;
    events_id(ev.id, id);
    if (!why || why >= sizeof(whys) / sizeof(whys[0]) || ev.kind != STORE_EV_ENTRY) {
        out[0] = ev;
        return 1;
    }
    out[1] = out[0] = ev;
    out[0].kind = STORE_EV_THREAD;
    out[0].why = whys[why];
    out[0].opened = why == WHY_OPENED ? opened(&out[0], id, details, a) : NULL;
    memcpy(out[0].id + strlen(out[0].id), ".1", 3);
    return 2;
}

static const char *text(const struct redis_reply *f, const char *name, struct arena *a)
{
    struct slice s = store_field(f, name);
    return s.n ? arena_dup(a, s.p, s.n) : "";
}

size_t events_parse(const struct store_op *op, const struct redis_reply *record, struct arena *a,
                    struct store_event out[2])
{
    struct slice id = store_item(record, 0), v = packed_of(record);
    if (record->n != 2 || record->items[1]->kind != REDIS_ARRAY)
        return 0;
    if (v.n)
        return parse_packed(op, id, v, a, out);
    const struct redis_reply *f = record->items[1];
    int64_t kind = store_field_int(f, "k");
    if (kind < 0 || kind > STORE_EV_RECORD)
        return 0;
    struct store_event ev = {.kind = (enum store_event_kind)kind, .seq = (uint64_t)store_field_int(f, "q")};
    set_place(op, &ev, store_handle_get(store_field(f, "t")), store_handle_get(store_field(f, "c")));
    ev.why = text(f, "w", a);
    ev.agent = text(f, "a", a);
    ev.before = text(f, "b", a);
    ev.actor = text(f, "x", a);
    ev.channel = text(f, "h", a);
    ev.area = text(f, "ar", a);
    ev.entry_kind = (enum store_kind)store_field_int(f, "ek");
    ev.inbound = store_field_int(f, "i") != 0;
    ev.status = (enum store_status)store_field_int(f, "s");
    ev.attempt = (unsigned)store_field_int(f, "n");
    ev.state = (enum store_state)store_field_int(f, "st");
    ev.clearance = (int)store_field_int(f, "cl");
    if (kind == STORE_EV_RECORD) {
        ev.record.kind = text(f, "rk", a);
        ev.record.id = text(f, "ri", a);
        ev.record.group = text(f, "rg", a);
        ev.record.facets = text(f, "rf", a);
    }
    events_id(ev.id, id);
    out[0] = ev;
    return 1;
}

/* ---- who is told ---- */

struct events *events_of(struct store_op *op)
{
    if (!op->events) {
        op->events = mem_alloc(sizeof(*op->events));
        list_init(&op->events->listeners);
        list_init(&op->events->signals);
    }
    return op->events;
}

void events_free(struct events **ep)
{
    struct events *e = *ep;
    struct list *n;
    if (!e)
        return;
    while ((n = list_pop(&e->listeners)))
        mem_free(container_of(n, struct store_listener, node));
    while ((n = list_pop(&e->signals)))
        mem_free(container_of(n, struct signal_listener, node));
    mem_clear(ep);
}

/* Does what this node believes of a person still hold after it? */
static bool changes_belief(const struct store_event *ev)
{
    static const char *const harmless[] = {"offered",  "accepted", "declined", "expired",
                                           "assigned", "read",     "tag",      "priority"};
    for (size_t i = 0; ev->kind == STORE_EV_THREAD && i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (strcmp(ev->why, harmless[i]) == 0)
            return false;
    return ev->kind == STORE_EV_THREAD || ev->kind == STORE_EV_CONTACT ||
           (ev->kind == STORE_EV_ENTRY && ev->inbound);
}

static void tell_ourselves(struct store_op *op, const struct store_event *ev, bool ours)
{
    uint64_t contact;
    if (!ev) {
        cache_clear(op->cache);
        keys_forget(op, 0);
        return;
    }
    if (!ours && ev->contact.s[0] && changes_belief(ev) && store_contact_handle(op, ev->contact, &contact))
        cache_drop_contact(op->cache, contact);
    if (ev->kind == STORE_EV_KEYS) {
        keys_forget(op, (uint32_t)ev->seq);
        if (ev->contact.s[0] && store_contact_handle(op, ev->contact, &contact))
            cache_drop_contact(op->cache, contact);
    }
    if ((ev->kind == STORE_EV_ENTRY && !ev->inbound) ||
        (ev->kind == STORE_EV_ENTRY_STATUS && ev->status == STORE_STORED))
        outbox_wake(op, slice_str(ev->channel));
}

static void sweep(struct events *e)
{
    for (struct list *n = e->listeners.next, *next; n != &e->listeners; n = next) {
        struct store_listener *l = container_of(n, struct store_listener, node);
        next = n->next;
        if (l->gone) {
            list_del(n);
            mem_free(l);
        }
    }
}

void events_dispatch(struct store_op *op, const struct store_event *ev, bool ours)
{
    struct events *e = events_of(op);
    tell_ourselves(op, ev, ours);
    e->dispatching++;
    for (struct list *n = e->listeners.next; n != &e->listeners; n = n->next) {
        struct store_listener *l = container_of(n, struct store_listener, node);
        if (!l->gone)
            l->event(l->arg, ev);
    }
    if (--e->dispatching == 0)
        sweep(e);
}

struct store_listener *store_listen(struct store_op *op,
                                    void (*event)(void *arg, const struct store_event *ev), void *arg)
{
    struct store_listener *l = mem_alloc(sizeof(*l));
    l->op = op;
    l->event = event;
    l->arg = arg;
    list_push(&events_of(op)->listeners, &l->node);
    return l;
}

void store_unlisten(struct store_listener **lp)
{
    struct store_listener *l = *lp;
    if (!l)
        return;
    *lp = NULL;
    l->gone = true;
    if (events_of(l->op)->dispatching == 0)
        sweep(events_of(l->op));
}

/* ---- resuming ---- */

struct after {
    struct store_op *op;
    char id[40];
    bool within; /* after the first of a record's two events */
    unsigned limit;
    void (*done)(void *arg, const struct err *e, const struct store_event *ev, size_t n);
    void *arg;
};

static void after_end(struct after *f, const struct err *e, const struct store_event *ev, size_t n)
{
    f->done(f->arg, e, ev, n);
    mem_free(f);
}

static void after_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct after *f = arg;
    if (e->code || r->kind != REDIS_ARRAY) {
        after_end(f, e, NULL, 0);
        return;
    }
    struct arena *a = arena_new();
    struct store_event *list = arena_alloc(a, (2 * r->n + 2) * sizeof(*list));
    size_t n = 0, skip = 0;
    for (size_t i = 0; i < r->n; i++) {
        size_t got = events_parse(f->op, r->items[i], a, list + n);
        if (i == 0 && f->within)
            skip = got > 1 ? 1 : got; /* the first of two was told; a single one as well */
        n += got;
    }
    n -= skip;
    after_end(f, e, list + skip, n < f->limit ? n : f->limit);
    arena_free(&a);
}

static void after_found(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct after *f = arg;
    struct err local = *e;
    char from[48], count[16];
    struct buf key;
    if (!e->code && store_number(r) == 0)
        err_set(&local, ERR_NOT_FOUND, "the events after that one are no longer kept");
    if (local.code) {
        after_end(f, &local, NULL, 0);
        return;
    }
    snprintf(from, sizeof(from), f->within ? "%s" : "(%s", f->id);
    snprintf(count, sizeof(count), "%u", f->limit);
    buf_init(&key, 256);
    store_data_send(f->op, after_read, f, 6,
                    (const struct slice[]){SLICE("XRANGE"), store_key(f->op, &key, "events", SLICE("")),
                                           slice_str(from), SLICE("+"), SLICE("COUNT"), slice_str(count)});
    buf_clear(&key);
}

static void after_refused(void *arg, const struct err *e)
{
    after_end(arg, e, NULL, 0);
}

static bool stream_id(struct slice s)
{
    struct slice ms;
    uint64_t v;
    return slice_next(&s, '-', &ms) && slice_u64(ms, &v) && slice_u64(s, &v);
}

void store_events_after(struct store_op *op, const char *after, unsigned limit,
                        void (*done)(void *arg, const struct err *e, const struct store_event *ev, size_t n),
                        void *arg)
{
    struct after *f = mem_alloc(sizeof(*f));
    struct store_args a;
    *f = (struct after){.op = op, .done = done, .arg = arg};
    f->limit = limit == 0 || limit > 1000 ? 1000 : limit;
    size_t n = strnlen(after, sizeof(f->id));
    f->within = n > 2 && strcmp(after + n - 2, ".1") == 0;
    n -= f->within ? 2 : 0;
    if (n >= sizeof(f->id) || !stream_id(slice_of(after, n))) {
        store_fail(op->store, after_refused, f, ERR_NOT_FOUND, "no such event");
        return;
    }
    memcpy(f->id, after, n);
    store_args_init(&a);
    store_arg_str(&a, f->id);
    store_call(op, "events_has", &a, after_found, f);
}

struct last {
    store_text_done done;
    void *arg;
};

static void last_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct last *l = arg;
    bool there = !e->code && r->kind == REDIS_ARRAY && r->n > 0;
    l->done(l->arg, e, there ? store_item(r->items[0], 0) : SLICE("0-0"));
    mem_free(l);
}

void store_events_last(struct store_op *op, store_text_done done, void *arg)
{
    struct last *l = mem_alloc(sizeof(*l));
    struct buf key;
    *l = (struct last){done, arg};
    buf_init(&key, 256);
    store_data_send(op, last_read, l, 6,
                    (const struct slice[]){SLICE("XREVRANGE"), store_key(op, &key, "events", SLICE("")),
                                           SLICE("+"), SLICE("-"), SLICE("COUNT"), SLICE("1")});
    buf_clear(&key);
}

/* ---- signals: what is told at once and never stored ---- */

void store_signal_send(struct store_op *op, const struct store_signal *s)
{
    struct buf key, text_of;
    uint64_t thread = 0;
    char raw[STORE_HANDLE], hex[2 * STORE_HANDLE + 1];
    store_thread_handle(op, s->thread, &thread);
    store_handle_put(raw, thread);
    text_hex(hex, raw, STORE_HANDLE);
    buf_init(&key, 256);
    buf_init(&text_of, 512);
    buf_printf(&text_of, "%s\t%s\t%s\t%s\t%llu\t%d", s->what, hex, s->agent ? s->agent : "",
               s->channel ? s->channel : "", (unsigned long long)s->seq, s->on);
    redis_send(
        op->store->data, NULL, NULL, 3,
        (const struct slice[]){SLICE("PUBLISH"), store_key(op, &key, "sig", SLICE("")), buf_view(&text_of)});
    buf_clear(&key);
    buf_clear(&text_of);
}

void events_signal(struct store_op *op, struct slice message)
{
    struct store_signal s = {0};
    struct arena *a = arena_new();
    char raw[STORE_HANDLE];
    uint64_t seq = 0, on = 0;
    s.what = part(&message, a);
    struct slice hex = SLICE("");
    slice_next(&message, '\t', &hex);
    if (text_unhex(raw, sizeof(raw), hex))
        s.thread = store_id_of(op, store_handle_get(slice_of(raw, sizeof(raw))), STORE_SEQ_THREAD);
    s.agent = part(&message, a);
    s.channel = part(&message, a);
    slice_u64(slice_str(part(&message, a)), &seq);
    slice_u64(slice_str(part(&message, a)), &on);
    s.seq = seq;
    s.on = on != 0;
    struct events *e = events_of(op);
    for (struct list *n = e->signals.next; n != &e->signals; n = n->next) {
        struct signal_listener *l = container_of(n, struct signal_listener, node);
        l->signal(l->arg, &s);
    }
    arena_free(&a);
}

void store_signal_listen(struct store_op *op, void (*signal)(void *arg, const struct store_signal *s),
                         void *arg)
{
    struct signal_listener *l = mem_alloc(sizeof(*l));
    l->signal = signal;
    l->arg = arg;
    list_push(&events_of(op)->signals, &l->node);
}
