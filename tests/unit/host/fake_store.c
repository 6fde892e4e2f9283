/* SPDX-License-Identifier: Apache-2.0
 * The store in memory. */
#include "tests/unit/host/fake.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
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
struct blob {
    char *bytes, type[128], name[256], owner[300];
    size_t n;
};
struct store_lease {
    struct list link;
    char name[96];
    bool held;
    uint64_t fence;
    void (*cb)(void *arg, bool yes, uint64_t fence);
    void *arg;
};
struct store_outbox {
    struct list link;
    char channel[64];
    void (*item)(void *arg, const struct store_out_item *i);
    void (*lost)(void *arg);
    void *arg;
};
struct store_listener {
    void (*event)(void *arg, const struct store_event *ev);
    void *arg;
};

static struct list contacts, leases, boxes;
static struct map seen, blobs, values;
static struct store_listener *listener;
static void (*signal_cb)(void *arg, const struct store_signal *s);
static void *signal_arg;
static unsigned ids, blob_ids;
static struct store_media_job job;
static char job_text[2048], job_channel[64];

static const struct err fine = {0}, gone = {.code = ERR_UNAVAILABLE, .text = "away"},
                        missing = {.code = ERR_NOT_FOUND, .text = "none"},
                        invalid = {.code = ERR_INVALID, .text = "no"};

static void put(char *to, size_t cap, struct slice s)
{
    snprintf(to, cap, "%.*s", (int)s.n, s.p ? s.p : "");
}
#define PUT(to, s) put(to, sizeof(to), s)

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
    list_init(&leases);
    list_init(&boxes);
    map_init(&seen);
    map_init(&blobs);
    map_init(&values);
    ids = 100;
    blob_ids = 0;
    job = (struct store_media_job){0};
    fake_fetches_n = 0;
}

static void blob_free(void *p)
{
    struct blob *b = p;
    mem_free(b->bytes);
    mem_free(b);
}

static void value_free(void *p)
{
    buf_clear(p);
    mem_free(p);
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
    map_clear(&blobs, blob_free);
    map_clear(&values, value_free);
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

static void finish(store_done done, void *arg, struct err e)
{
    struct later *l = mem_alloc(sizeof(*l));
    *l = (struct later){.done = done, .arg = arg, .e = fake.away ? gone : e};
    buf_init(&l->text, 8);
    loop_defer(fake.loop, later_run, l);
}

static void finish_text(store_text_done done, void *arg, struct err e, struct slice text)
{
    struct later *l = mem_alloc(sizeof(*l));
    *l = (struct later){.text_done = done, .arg = arg, .e = fake.away ? gone : e};
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
    q->done(q->arg, fake.away ? &gone : q->c ? &fine : &missing, q->c && !fake.away ? &c : NULL);
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
        q->done(q->arg, found ? &fine : &missing, found ? &t : NULL);
    else
        q->many(q->arg, &fine, list, found ? 1 : 0);
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
        q->done(q->arg, &gone, NULL);
    } else {
        const char *entry = map_get(&seen, slice_str(q->key));
        r.how = q->again ? STORE_DUPLICATE : STORE_NEW_ENTRY;
        snprintf(r.entry.s, sizeof(r.entry.s), "%s", entry);
        struct contact *c = contact_find(slice_str(q->in ? q->in->address : ""));
        if (c) {
            r.contact = c->id;
            r.thread = c->thread;
        }
        q->done(q->arg, &fine, &r);
    }
    mem_free(q);
}

void fake_release(void)
{
    fake.hold = false;
    for (struct list *n; (n = list_pop(&held));)
        ingest_run(container_of(n, struct ingest, link));
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
    if (!q->again)
        map_put(&seen, slice_str(q->key), mem_strdup(fake_id(++ids).s));
    decide(arg, &known, &in);
    if (!q->again && !fake.away && fake.in_n < FAKE_MAX) {
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

void store_seen_also(struct store_op *op, const char *channel, struct slice provider_id, struct id entry,
                     store_done done, void *arg);
void store_seen_also(struct store_op *op, const char *channel, struct slice provider_id, struct id entry,
                     store_done done, void *arg)
{
    char key[1024];
    (void)op;
    snprintf(key, sizeof(key), "%s  %.*s", channel, (int)provider_id.n, provider_id.p);
    mem_free(map_put(&seen, slice_str(key), mem_strdup(entry.s)));
    finish(done, arg, fine);
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
    finish(done, arg, fine);
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
    finish(done, arg, fine);
}

void store_address_blocked(struct store_op *op, const char *channel, struct slice address, bool blocked,
                           store_done done, void *arg)
{
    (void)op, (void)channel;
    if (blocked)
        PUT(fake.blocked, address);
    finish(done, arg, fine);
}

void store_address_forget(struct store_op *op, struct slice address, store_done done, void *arg)
{
    struct contact *c = contact_find(address);
    (void)op;
    if (c) {
        list_del(&c->link);
        mem_free(c);
    }
    finish(done, arg, fine);
}

void store_quarantine_add(struct store_op *op, const char *channel, struct slice raw, const char *why,
                          store_done done, void *arg)
{
    (void)op, (void)channel;
    if (!fake.away) {
        fake.quarantined[fake.quarantined_n] = mem_dup(raw.n ? raw.p : "", raw.n);
        fake.quarantine_why[fake.quarantined_n++] = mem_strdup(why);
    }
    finish(done, arg, fine);
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
    const struct err *e = fake.away ? &gone : !after ? &invalid : q->one && !n ? &missing : &fine;
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

/* ---- values, leases ---- */

void store_value_get(struct store_op *op, const char *name, store_text_done done, void *arg)
{
    struct buf *b = map_get(&values, slice_str(name));
    (void)op;
    finish_text(done, arg, fine, b ? buf_view(b) : slice_str(NULL));
}

void store_value_set(struct store_op *op, const char *name, struct slice value, store_done done, void *arg)
{
    struct buf *b = map_get(&values, slice_str(name));
    (void)op;
    if (!b) {
        b = mem_alloc(sizeof(*b));
        buf_init(b, 65536);
        map_put(&values, slice_str(name), b);
    }
    buf_clear(b);
    buf_slice(b, value);
    finish(done, arg, fine);
}

static void lease_run(void *arg)
{
    struct store_lease *l = arg;
    if (l->link.next && l->held)
        l->cb(l->arg, true, ++l->fence);
}

struct store_lease *store_lease_new(struct store_op *op, const char *name, unsigned ttl_ms,
                                    void (*cb)(void *arg, bool yes, uint64_t fence), void *arg)
{
    struct store_lease *l = mem_alloc(sizeof(*l));
    (void)op, (void)ttl_ms;
    snprintf(l->name, sizeof(l->name), "%s", name);
    l->cb = cb;
    l->arg = arg;
    l->held = true;
    list_push(&leases, &l->link);
    loop_defer(fake.loop, lease_run, l);
    return l;
}

static void lease_freed(void *l)
{
    mem_free(l);
}

void store_lease_free(struct store_lease **l)
{
    if (!*l)
        return;
    list_del(&(*l)->link);
    loop_defer(fake.loop, lease_freed, *l);
    *l = NULL;
}

bool store_lease_held(const struct store_lease *l)
{
    return l->held;
}

void fake_lease(const char *name, bool yes)
{
    for (struct list *n = leases.next; n != &leases; n = n->next) {
        struct store_lease *l = container_of(n, struct store_lease, link);
        if (strcmp(l->name, name) == 0 && l->held != yes) {
            l->held = yes;
            l->cb(l->arg, yes, ++l->fence);
            return;
        }
    }
}

/* ---- the outbox ---- */

struct store_outbox *store_outbox_open(struct store_op *op, const char *channel, uint64_t fence,
                                       unsigned window,
                                       void (*item)(void *arg, const struct store_out_item *i),
                                       void (*lost)(void *arg), void *arg)
{
    struct store_outbox *o = mem_alloc(sizeof(*o));
    (void)op, (void)fence, (void)window;
    snprintf(o->channel, sizeof(o->channel), "%s", channel);
    o->item = item;
    o->lost = lost;
    o->arg = arg;
    list_push(&boxes, &o->link);
    return o;
}

void store_outbox_close(struct store_outbox **o)
{
    if (*o)
        list_del(&(*o)->link);
    mem_clear(o);
}

void store_outbox_pause(struct store_outbox *o, bool paused)
{
    (void)o;
    fake.paused = paused;
}

static struct store_outbox *box_of(const char *channel)
{
    for (struct list *n = boxes.next; n != &boxes; n = n->next) {
        struct store_outbox *o = container_of(n, struct store_outbox, link);
        if (strcmp(o->channel, channel) == 0)
            return o;
    }
    return NULL;
}

bool fake_outbox_open(const char *channel)
{
    return box_of(channel) != NULL;
}

void fake_out(const char *channel, const struct store_out_item *i)
{
    struct store_outbox *o = box_of(channel);
    if (o)
        o->item(o->arg, i);
}

void store_out_begin(struct store_outbox *o, const char *item, store_done done, void *arg)
{
    (void)o, (void)item;
    fake.begun++;
    finish(done, arg, fine);
}

void store_out_progress(struct store_outbox *o, const char *item, struct slice json, store_done done,
                        void *arg)
{
    (void)o, (void)item;
    fake.progressed++;
    PUT(fake.progress, json);
    finish(done, arg, fine);
}

void store_out_result(struct store_outbox *o, const char *item, const struct store_out_result *r,
                      store_done done, void *arg)
{
    (void)o;
    if (!fake.away) {
        struct fake_result *f = &fake.results[fake.results_n++];
        *f = (struct fake_result){
            .status = r->status, .retry_ms = r->retry_ms, .dead = r->dead, .blocked = r->blocked};
        snprintf(f->item, sizeof(f->item), "%s", item);
        PUT(f->error, r->error);
        for (; f->ids_n < r->external_ids_n && f->ids_n < 10; f->ids_n++)
            PUT(f->ids[f->ids_n], r->external_ids[f->ids_n]);
    }
    finish(done, arg, fine);
}

void store_wire_log_add(struct store_op *op, struct id thread, uint64_t seq, struct slice json,
                        store_done done, void *arg)
{
    (void)op, (void)thread, (void)seq;
    fake.wire[fake.wire_n++] = mem_dup(json.p, json.n);
    finish(done, arg, fine);
}

/* ---- media ---- */

void fake_media(const char *channel, const char *text, unsigned tries)
{
    snprintf(job_channel, sizeof(job_channel), "%s", channel);
    snprintf(job_text, sizeof(job_text), "%s", text);
    job = (struct store_media_job){.item = "job1",
                                   .channel = job_channel,
                                   .thread = fake_id(2),
                                   .entry = fake_id(3),
                                   .seq = 1,
                                   .job = slice_str(job_text),
                                   .tries = tries};
}

struct next_call {
    void (*done)(void *arg, const struct err *e, const struct store_media_job *j);
    void *arg;
};

static void next_run(void *arg)
{
    struct next_call *q = arg;
    struct store_media_job j = job;
    job.item = NULL;
    q->done(q->arg, j.item ? &fine : &missing, j.item ? &j : NULL);
    mem_free(q);
}

void store_media_next(struct store_op *op,
                      void (*done)(void *arg, const struct err *e, const struct store_media_job *j),
                      void *arg)
{
    struct next_call *q = mem_alloc(sizeof(*q));
    (void)op;
    *q = (struct next_call){done, arg};
    loop_defer(fake.loop, next_run, q);
}

void store_media_done(struct store_op *op, const char *item, struct id thread, uint64_t seq, unsigned at,
                      struct slice attachment_json, int64_t retry_ms, store_done done, void *arg)
{
    (void)op, (void)item, (void)thread, (void)seq, (void)at;
    PUT(fake.media_done, attachment_json);
    fake.media_retry = retry_ms;
    fake.media_done_n++;
    finish(done, arg, fine);
}

struct put_call {
    char id[32];
    void (*done)(void *arg, const struct err *e, const char *blob);
    void *arg;
};

static void put_run(void *arg)
{
    struct put_call *q = arg;
    q->done(q->arg, fake.away ? &gone : &fine, fake.away ? NULL : q->id);
    mem_free(q);
}

void store_blob_put(struct store_op *op, struct slice bytes, struct slice type, struct slice name,
                    struct slice owner, void (*done)(void *arg, const struct err *e, const char *blob),
                    void *arg)
{
    struct put_call *q = mem_alloc(sizeof(*q));
    struct blob *b = mem_alloc(sizeof(*b));
    (void)op;
    snprintf(q->id, sizeof(q->id), "blob%u", ++blob_ids);
    q->done = done;
    q->arg = arg;
    b->bytes = mem_dup(bytes.p, bytes.n);
    b->n = bytes.n;
    PUT(b->type, type);
    PUT(b->name, name);
    PUT(b->owner, owner);
    map_put(&blobs, slice_str(q->id), b);
    loop_defer(fake.loop, put_run, q);
}

void store_blob_claim(struct store_op *op, const char *blob, struct slice owner, store_text_done done,
                      void *arg)
{
    struct blob *b = map_get(&blobs, slice_str(blob));
    char text[1024] = "";
    (void)op;
    if (b && slice_is(owner, b->owner))
        snprintf(text, sizeof(text),
                 "{\"id\":\"%s\",\"type\":\"%s\",\"name\":\"%s\",\"size\":%zu,\"key\":\"k3y\"}", blob,
                 b->type, b->name, b->n);
    finish_text(done, arg, text[0] ? fine : missing, slice_str(text));
}

void store_blob_get(struct store_op *op, struct slice attachment, uint64_t offset, size_t n,
                    void (*done)(void *arg, const struct err *e, struct slice bytes), void *arg)
{
    struct slice empty = {"", 0};
    (void)op;
    for (unsigned i = 1; i <= blob_ids; i++) {
        char id[32];
        snprintf(id, sizeof(id), "\"blob%u\"", i);
        if (!memmem(attachment.p, attachment.n, id, strlen(id)))
            continue;
        snprintf(id, sizeof(id), "blob%u", i);
        struct blob *b = map_get(&blobs, slice_str(id));
        size_t left = offset < b->n ? b->n - (size_t)offset : 0;
        finish_text(done, arg, fine, slice_of(b->bytes + offset, left < n ? left : n));
        return;
    }
    finish_text(done, arg, missing, empty);
}

/* ---- events ---- */

struct store_listener *store_listen(struct store_op *op,
                                    void (*event)(void *arg, const struct store_event *ev), void *arg)
{
    (void)op;
    listener = mem_alloc(sizeof(*listener));
    *listener = (struct store_listener){event, arg};
    return listener;
}

void store_unlisten(struct store_listener **l)
{
    listener = NULL;
    mem_clear(l);
}

void fake_event(const struct store_event *ev)
{
    if (listener)
        listener->event(listener->arg, ev);
}

void store_signal_listen(struct store_op *op, void (*cb)(void *arg, const struct store_signal *s), void *arg)
{
    (void)op;
    signal_cb = cb;
    signal_arg = arg;
}

void fake_signal(const struct store_signal *s)
{
    signal_cb(signal_arg, s);
}

void store_signal_send(struct store_op *op, const struct store_signal *s)
{
    (void)op;
    fake.signal = *s;
    snprintf(fake.signal_thread, sizeof(fake.signal_thread), "%s", s->thread.s);
    fake.signals_n++;
}
