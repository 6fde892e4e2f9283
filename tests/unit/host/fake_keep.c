/* SPDX-License-Identifier: Apache-2.0
 * The store in memory, what it keeps: values, leases, the outbox, files, events. */
#include "tests/unit/host/fake_store.h"
#include <stdio.h>
#include <string.h>

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

static struct list leases, boxes;
static struct map blobs, values;
static struct store_listener *listener;
static void (*signal_cb)(void *arg, const struct store_signal *s);
static void *signal_arg;
static unsigned blob_ids;
static struct store_media_job job;
static char job_text[2048], job_channel[64];

void fake_keep_start(void)
{
    list_init(&leases);
    list_init(&boxes);
    map_init(&blobs);
    map_init(&values);
    blob_ids = 0;
    job = (struct store_media_job){0};
}

void fake_keep_end(void)
{
    map_clear(&blobs, blob_free);
    map_clear(&values, value_free);
}

/* ---- values, leases ---- */

void store_value_get(struct store_op *op, const char *name, store_text_done done, void *arg)
{
    struct buf *b = map_get(&values, slice_str(name));
    (void)op;
    fake_finish_text(done, arg, fake_fine, b ? buf_view(b) : slice_str(NULL));
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
    fake_finish(done, arg, fake_fine);
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
    fake_finish(done, arg, fake_fine);
}

void store_out_progress(struct store_outbox *o, const char *item, struct slice json, store_done done,
                        void *arg)
{
    (void)o, (void)item;
    fake.progressed++;
    PUT(fake.progress, json);
    fake_finish(done, arg, fake_fine);
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
    fake_finish(done, arg, fake_fine);
}

void store_wire_log_add(struct store_op *op, struct id thread, uint64_t seq, struct slice json,
                        store_done done, void *arg)
{
    (void)op, (void)thread, (void)seq;
    fake.wire[fake.wire_n++] = mem_dup(json.p, json.n);
    fake_finish(done, arg, fake_fine);
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
    q->done(q->arg, j.item ? &fake_fine : &fake_missing, j.item ? &j : NULL);
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
    fake_finish(done, arg, fake_fine);
}

struct put_call {
    char id[32];
    void (*done)(void *arg, const struct err *e, const char *blob);
    void *arg;
};

static void put_run(void *arg)
{
    struct put_call *q = arg;
    q->done(q->arg, fake.away ? &fake_gone : &fake_fine, fake.away ? NULL : q->id);
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
    fake_finish_text(done, arg, text[0] ? fake_fine : fake_missing, slice_str(text));
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
        fake_finish_text(done, arg, fake_fine, slice_of(b->bytes + offset, left < n ? left : n));
        return;
    }
    fake_finish_text(done, arg, fake_missing, empty);
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
