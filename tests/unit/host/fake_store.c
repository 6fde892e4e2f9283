/* SPDX-License-Identifier: Apache-2.0
 * The store in memory. */
#include "tests/unit/host/fake_store.h"
#include <stdio.h>
#include <string.h>

struct fake fake;

struct store {
    int unused;
};
struct store_op {
    int unused;
};
static struct store the_store;
static struct store_op the_op;

struct contact {
    struct list link;
    char address[300], channel[64];
    struct id id, thread;
};

static struct list contacts;
static struct map seen;
static unsigned ids;

const struct err fake_fine = {0}, fake_gone = {.code = ERR_UNAVAILABLE, .text = "away"},
                 fake_missing = {.code = ERR_NOT_FOUND, .text = "none"},
                 fake_invalid = {.code = ERR_INVALID, .text = "no"};

void fake_put(char *to, size_t cap, struct slice s)
{
    snprintf(to, cap, "%.*s", (int)s.n, s.p ? s.p : "");
}

struct id fake_id(unsigned n)
{
    struct id id;
    memset(id.s, 'a', ID_LEN);
    for (int i = ID_LEN - 1; n; n /= 26)
        id.s[i--] = (char)('a' + n % 26);
    id.s[ID_LEN] = 0;
    return id;
}

void fake_start(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.loop = loop_new();
    fake.ready = true;
    list_init(&contacts);
    map_init(&seen);
    ids = 100;
    fake_fetches_n = 0;
    fake_keep_start();
}

void fake_end(void)
{
    for (size_t i = 0; i < fake.in_n; i++) {
        mem_free(fake.in[i]->text);
        mem_free(fake.in[i]->extra);
        for (size_t k = 0; k < fake.in[i]->jobs_n; k++)
            mem_free(fake.in[i]->jobs[k]);
        mem_free(fake.in[i]);
    }
    for (size_t i = 0; i < fake.quarantined_n; i++) {
        mem_free(fake.quarantined[i]);
        mem_free(fake.quarantine_why[i]);
    }
    for (size_t i = 0; i < fake.wire_n; i++)
        mem_free(fake.wire[i]);
    for (struct list *n; (n = list_pop(&contacts));)
        mem_free(container_of(n, struct contact, link));
    map_clear(&seen, mem_free);
    fake_keep_end();
    loop_free(&fake.loop);
}

void fake_turns(unsigned n)
{
    while (n--)
        loop_turn(fake.loop, 1);
}

struct store *fake_store(void)
{
    return &the_store;
}

struct store_op *fake_op(void)
{
    return &the_op;
}

bool store_ready(const struct store *s, const char **why)
{
    (void)s;
    *why = "";
    return fake.ready;
}

struct store_op *store_op_find(const struct store *s, struct slice name)
{
    (void)s;
    return slice_is(name, "op") ? &the_op : NULL;
}

const char *store_op_name(const struct store_op *op)
{
    (void)op;
    return "op";
}

struct slice store_op_document(const struct store_op *op, uint64_t *version)
{
    (void)op, (void)version;
    return slice_str(NULL);
}

int64_t store_now_ms(const struct store *s)
{
    (void)s;
    return time_wall_ms();
}

/* ---- calls that come back at the next turn ---- */

struct later {
    store_done done;
    store_text_done text_done;
    void *arg;
    struct err e;
    struct buf text;
};

static void later_run(void *arg)
{
    struct later *l = arg;
    if (l->done)
        l->done(l->arg, &l->e);
    else if (l->text_done)
        l->text_done(l->arg, &l->e, buf_view(&l->text));
    buf_clear(&l->text);
    mem_free(l);
}

void fake_finish(store_done done, void *arg, struct err e)
{
    struct later *l = mem_alloc(sizeof(*l));
    *l = (struct later){.done = done, .arg = arg, .e = fake.away ? fake_gone : e};
    buf_init(&l->text, 8);
    loop_defer(fake.loop, later_run, l);
}

void fake_finish_text(store_text_done done, void *arg, struct err e, struct slice text)
{
    struct later *l = mem_alloc(sizeof(*l));
    *l = (struct later){.text_done = done, .arg = arg, .e = fake.away ? fake_gone : e};
    buf_init(&l->text, 1u << 24);
    buf_slice(&l->text, text);
    loop_defer(fake.loop, later_run, l);
}

/* ---- contacts ---- */

static struct contact *contact_find(struct slice address)
{
    for (struct list *n = contacts.next; n != &contacts; n = n->next) {
        struct contact *c = container_of(n, struct contact, link);
        if (slice_is(address, c->address))
            return c;
    }
    return NULL;
}

void fake_contact(const char *address, const char *channel, unsigned contact, unsigned thread)
{
    struct contact *c = mem_alloc(sizeof(*c));
    snprintf(c->address, sizeof(c->address), "%s", address);
    snprintf(c->channel, sizeof(c->channel), "%s", channel);
    c->id = fake_id(contact);
    c->thread = fake_id(thread);
    list_push(&contacts, &c->link);
}

struct contact_call {
    struct contact *c;
    store_contact_done done;
    void *arg;
};

static void contact_run(void *arg)
{
    struct contact_call *q = arg;
    struct store_address a = {0};
    struct store_contact c = {0};
    if (q->c) {
        a = (struct store_address){.uri = slice_str(q->c->address), .channel = q->c->channel, .last_ms = 1};
        c = (struct store_contact){
            .id = q->c->id, .addresses = &a, .addresses_n = 1, .threads = &q->c->thread, .threads_n = 1};
    }
    q->done(q->arg,
            fake.away ? &fake_gone
            : q->c    ? &fake_fine
                      : &fake_missing,
            q->c && !fake.away ? &c : NULL);
    mem_free(q);
}

static void contact_answer(struct contact *c, store_contact_done done, void *arg)
{
    struct contact_call *q = mem_alloc(sizeof(*q));
    *q = (struct contact_call){c, done, arg};
    loop_defer(fake.loop, contact_run, q);
}

void store_contact_by_address(struct store_op *op, struct slice address, store_contact_done done, void *arg)
{
    (void)op;
    contact_answer(contact_find(address), done, arg);
}

void store_contact_get(struct store_op *op, struct id id, store_contact_done done, void *arg)
{
    struct contact *c = NULL;
    (void)op;
    for (struct list *n = contacts.next; n != &contacts; n = n->next) {
        struct contact *at = container_of(n, struct contact, link);
        c = strcmp(at->id.s, id.s) == 0 ? at : c;
    }
    contact_answer(c, done, arg);
}

struct thread_call {
    struct id id;
    store_thread_done done;
    void (*many)(void *arg, const struct err *e, const struct store_thread *const *t, size_t n);
    void *arg;
};

static void thread_run(void *arg)
{
    struct thread_call *q = arg;
    struct store_thread t = {.id = q->id, .read_seq = 1};
    const struct store_thread *list[1] = {&t};
    bool found = false;
    for (struct list *n = contacts.next; n != &contacts; n = n->next) {
        struct contact *c = container_of(n, struct contact, link);
        if (strcmp(c->thread.s, q->id.s) == 0) {
            t.contact = c->id;
            found = true;
        }
    }
    if (q->done)
        q->done(q->arg, found ? &fake_fine : &fake_missing, found ? &t : NULL);
    else
        q->many(q->arg, &fake_fine, list, found ? 1 : 0);
    mem_free(q);
}

void store_thread_get(struct store_op *op, struct id id, store_thread_done done, void *arg)
{
    struct thread_call *q = mem_alloc(sizeof(*q));
    (void)op;
    *q = (struct thread_call){.id = id, .done = done, .arg = arg};
    loop_defer(fake.loop, thread_run, q);
}

void store_threads_get(struct store_op *op, const struct id *list, size_t n,
                       void (*done)(void *arg, const struct err *e, const struct store_thread *const *t,
                                    size_t n),
                       void *arg)
{
    struct thread_call *q = mem_alloc(sizeof(*q));
    (void)op, (void)n;
    *q = (struct thread_call){.id = list[0], .many = done, .arg = arg};
    loop_defer(fake.loop, thread_run, q);
}

/* ---- what comes in ---- */

struct ingest {
    struct list link;
    struct fake_in *in;
    bool again;
    uint32_t partly; /* these of an album's ids were there */
    char key[1024];
    void (*done)(void *arg, const struct err *e, const struct store_ingested *r);
    void *arg;
};
static struct list held = {&held, &held};

static void ingest_run(void *arg)
{
    struct ingest *q = arg;
    struct store_ingested r = {.how = STORE_NEW_ENTRY};
    if (fake.hold) {
        list_push(&held, &q->link);
        return;
    }
    if (fake.away) {
        mem_free(map_del(&seen, slice_str(q->key)));
        q->done(q->arg, &fake_gone, NULL);
    } else {
        const char *entry = map_get(&seen, slice_str(q->key));
        r.how = q->partly ? STORE_PARTLY : q->again ? STORE_DUPLICATE : STORE_NEW_ENTRY;
        r.seen = q->partly;
        snprintf(r.entry.s, sizeof(r.entry.s), "%s", entry);
        struct contact *c = contact_find(slice_str(q->in ? q->in->address : ""));
        if (c) {
            r.contact = c->id;
            r.thread = c->thread;
        }
        q->done(q->arg, &fake_fine, &r);
    }
    mem_free(q);
}

void fake_release(void)
{
    fake.hold = false;
    for (struct list *n; (n = list_pop(&held));)
        ingest_run(container_of(n, struct ingest, link));
}

/* Of an album: a bit for each id that is there; unless some are and some are not, the others are taken. */
static uint32_t album_ids(const struct store_inbound *in, bool first, const char *entry)
{
    uint32_t bits = first;
    char key[1024];
    size_t n = first;
    for (int take = 0; take < 2; take++) {
        for (size_t i = 0; i < in->also_ids_n; i++) {
            snprintf(key, sizeof(key), "%s  %.*s", in->channel, (int)in->also_ids[i].n, in->also_ids[i].p);
            if (take)
                mem_free(map_put(&seen, slice_str(key), mem_strdup(entry)));
            else if (map_get(&seen, slice_str(key)))
                bits |= 2u << i, n++;
        }
        if (n)
            return n > in->also_ids_n ? 0 : bits;
    }
    return 0;
}

void store_ingest(struct store_op *op, const struct store_inbound *given,
                  void (*decide)(void *arg, const struct store_known *k, struct store_inbound *in),
                  void (*done)(void *arg, const struct err *e, const struct store_ingested *r), void *arg)
{
    struct store_inbound in = *given;
    struct store_known known = {0};
    struct ingest *q = mem_alloc(sizeof(*q));
    (void)op;
    q->done = done;
    q->arg = arg;
    snprintf(q->key, sizeof(q->key), "%s %.*s %.*s", in.channel, in.id_per_sender ? (int)in.address.n : 0,
             in.address.p, (int)in.provider_id.n, in.provider_id.p);
    q->again = map_get(&seen, slice_str(q->key)) != NULL;
    q->partly = album_ids(&in, q->again, fake_id(ids + 1).s);
    if (!q->again && !q->partly)
        map_put(&seen, slice_str(q->key), mem_strdup(fake_id(++ids).s));
    if (in.asks && fake.asked) {
        known.asked = slice_str(fake.asked);
        known.asked_entry = fake_id(77);
        known.asked_channel = fake.asked_channel;
    }
    decide(arg, &known, &in);
    if (!q->again && !q->partly && !fake.away && fake.in_n < FAKE_MAX) {
        struct fake_in *f = q->in = fake.in[fake.in_n++] = mem_alloc(sizeof(*f));
        snprintf(f->channel, sizeof(f->channel), "%s", in.channel);
        PUT(f->id, in.provider_id);
        PUT(f->address, in.address);
        PUT(f->also, in.also);
        PUT(f->name, in.name);
        PUT(f->target, in.target);
        snprintf(f->area, sizeof(f->area), "%s", in.area);
        snprintf(f->topic, sizeof(f->topic), "%s", in.topic);
        f->text = mem_dup(in.text.n ? in.text.p : "", in.text.n);
        f->extra = mem_dup(in.extra.n ? in.extra.p : "", in.extra.n);
        for (; f->jobs_n < in.media_n; f->jobs_n++)
            f->jobs[f->jobs_n] = mem_strdup(in.media[f->jobs_n].job);
        f->kind = in.kind;
        f->verified = in.verified;
        f->per_sender = in.id_per_sender;
        f->clearance = in.clearance;
        f->priority = in.priority;
    }
    loop_defer(fake.loop, ingest_run, q);
}

void store_status_in(struct store_op *op, const char *channel, struct slice external_id,
                     enum store_status status, struct slice error_json, store_done done, void *arg)
{
    struct fake_status *s = &fake.statuses[fake.statuses_n++];
    (void)op;
    snprintf(s->channel, sizeof(s->channel), "%s", channel);
    PUT(s->id, external_id);
    PUT(s->error, error_json);
    s->status = status;
    fake_finish(done, arg, fake_fine);
}

void store_status_set(struct store_op *op, struct id thread, uint64_t seq, bool and_before,
                      enum store_status status, store_done done, void *arg)
{
    struct fake_status *s = &fake.statuses[fake.statuses_n++];
    (void)op;
    snprintf(s->thread, sizeof(s->thread), "%s", thread.s);
    s->seq = seq;
    s->before = and_before;
    s->status = status;
    fake_finish(done, arg, fake_fine);
}

void store_address_blocked(struct store_op *op, const char *channel, struct slice address, bool blocked,
                           store_done done, void *arg)
{
    (void)op, (void)channel;
    if (blocked)
        PUT(fake.blocked, address);
    fake_finish(done, arg, fake_fine);
}

void store_address_forget(struct store_op *op, struct slice address, store_done done, void *arg)
{
    struct contact *c = contact_find(address);
    (void)op;
    if (c) {
        list_del(&c->link);
        mem_free(c);
    }
    fake_finish(done, arg, fake_fine);
}

void store_quarantine_add(struct store_op *op, const char *channel, struct slice raw, const char *why,
                          store_done done, void *arg)
{
    (void)op, (void)channel;
    if (!fake.away) {
        fake.quarantined[fake.quarantined_n] = mem_dup(raw.n ? raw.p : "", raw.n);
        fake.quarantine_why[fake.quarantined_n++] = mem_strdup(why);
    }
    fake_finish(done, arg, fake_fine);
}

/* ---- reading ---- */

struct entries_call {
    struct id id;
    uint64_t from, to;
    char channel[64], after[32];
    unsigned limit;
    store_entries_done done;
    void (*one)(void *arg, const struct err *e, const struct store_entry *en);
    void *arg;
};

static void entries_run(void *arg)
{
    struct entries_call *q = arg;
    struct store_entry list[64];
    size_t n = 0;
    bool after = !q->after[0];
    for (size_t i = 0; i < fake.entries_n; i++) {
        const struct store_entry *en = &fake.entries[i];
        bool fits = q->one ? strcmp(en->id.s, q->id.s) == 0
                    : q->channel[0]
                        ? strcmp(en->channel, q->channel) == 0 && after
                        : strcmp(en->thread.s, q->id.s) == 0 && en->seq >= q->from && en->seq <= q->to;
        if (fits && n < 64)
            list[n++] = *en;
        after = after || strcmp(en->id.s, q->after) == 0;
    }
    const struct err *e = fake.away      ? &fake_gone
                          : !after       ? &fake_invalid
                          : q->one && !n ? &fake_missing
                                         : &fake_fine;
    if (q->one)
        q->one(q->arg, e, e->code ? NULL : list);
    else
        q->done(q->arg, e, list, e->code ? 0 : n);
    mem_free(q);
}

static struct entries_call *entries_call(void *arg)
{
    struct entries_call *q = mem_alloc(sizeof(*q));
    q->arg = arg;
    loop_defer(fake.loop, entries_run, q);
    return q;
}

void store_entries_get(struct store_op *op, struct id thread, uint64_t from, uint64_t to,
                       store_entries_done done, void *arg)
{
    struct entries_call *q = entries_call(arg);
    (void)op;
    q->id = thread;
    q->from = from;
    q->to = to;
    q->done = done;
}

void store_entry_find(struct store_op *op, struct id entry,
                      void (*done)(void *arg, const struct err *e, const struct store_entry *en), void *arg)
{
    struct entries_call *q = entries_call(arg);
    (void)op;
    q->id = entry;
    q->one = done;
}

void store_history(struct store_op *op, const char *channel, struct slice address, const char *after,
                   unsigned limit, store_entries_done done, void *arg)
{
    struct entries_call *q = entries_call(arg);
    (void)op, (void)address;
    snprintf(q->channel, sizeof(q->channel), "%s", contact_find(address) ? channel : "?");
    snprintf(q->after, sizeof(q->after), "%s", after);
    q->limit = limit;
    q->done = done;
}
