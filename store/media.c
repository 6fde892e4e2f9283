/* SPDX-License-Identifier: Apache-2.0
 * Media that must still be fetched: leased for a minute, then put into their entry. */
#include "store/ingest.h"
#include "store/state.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define ITEM      13 /* thread 8, number 4, which 1 */
#define TRIES     8
#define GONE_MOST 20

/* ---- next ---- */

struct media_next {
    struct store_op *op;
    void (*done)(void *arg, const struct err *e, const struct store_media_job *j);
    void *arg;
    unsigned char item[ITEM];
    uint64_t contact;
    uint32_t kid;
    char *job, *channel;
    size_t job_n;
    int tries;
};

static void next_ask(struct media_next *m);

static void next_end(struct media_next *m, const struct err *e, const struct store_media_job *j)
{
    m->done(m->arg, e, j);
    mem_free(m->job);
    mem_free(m->channel);
    mem_free(m);
}

static uint32_t seq_of(const unsigned char item[ITEM])
{
    return (uint32_t)item[8] << 24 | (uint32_t)item[9] << 16 | (uint32_t)item[10] << 8 | item[11];
}

static void next_loaded(void *arg, const struct err *e)
{
    struct media_next *m = arg;
    struct arena *a = arena_new();
    struct store_media_job j = {0};
    struct err local = *e;
    char name[2 * ITEM + 1];
    uint64_t thread = store_handle_get(slice_of(m->item, 8));
    text_hex(name, m->item, ITEM);
    if (!e->code && m->job_n > 2) {
        j.job = record_text(m->op, RECORD_MEDIA, m->contact, m->job[0], 0, 0,
                            slice_of(m->job + 2, m->job_n - 2), a);
        if (j.job.n == 0)
            err_set(&local, ERR_AGAIN, "a job that does not open");
    }
    j.item = name;
    j.channel = m->channel;
    j.seq = seq_of(m->item);
    j.thread = store_id_of(m->op, thread, STORE_SEQ_THREAD);
    j.entry = store_id_of(m->op, thread, (uint32_t)j.seq);
    j.contact = store_id_of(m->op, m->contact, STORE_SEQ_CONTACT);
    j.tries = m->job_n > 1 ? (unsigned char)m->job[1] : 0;
    next_end(m, &local, local.code ? NULL : &j);
    arena_free(&a);
}

static void next_answered(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct media_next *m = arg;
    if (e->code == ERR_AGAIN && m->tries++ < GONE_MOST) { /* one whose entry is gone was dropped */
        next_ask(m);
        return;
    }
    struct slice item = store_item(r, 0), job = store_item(r, 3), channel = store_item(r, 4);
    if (e->code || item.n != ITEM) {
        struct err none = *e;
        if (!none.code || none.code == ERR_AGAIN)
            err_set(&none, ERR_NOT_FOUND, "nothing to fetch");
        next_end(m, &none, NULL);
        return;
    }
    memcpy(m->item, item.p, ITEM);
    m->contact = store_handle_get(store_item(r, 1));
    m->kid = (uint32_t)store_number(r->items[2]);
    m->job = mem_dup(job.p, job.n);
    m->job_n = job.n;
    m->channel = mem_dup(channel.p ? channel.p : "", channel.n);
    keys_load(m->op, &m->kid, 1, next_loaded, m);
}

static void next_ask(struct media_next *m)
{
    store_call(m->op, "media_next", NULL, next_answered, m);
}

void store_media_next(struct store_op *op,
                      void (*done)(void *arg, const struct err *e, const struct store_media_job *j),
                      void *arg)
{
    struct media_next *m = mem_alloc(sizeof(*m));
    *m = (struct media_next){.op = op, .done = done, .arg = arg};
    next_ask(m);
}

/* ---- done: the attachment is put into the entry ---- */

struct media_done {
    struct store_op *op;
    unsigned char item[ITEM];
    uint64_t thread;
    uint32_t seq, kid;
    unsigned at;
    json_t *attachment;
    int tries;
    store_done done;
    void *arg;
};

static void done_read(struct media_done *m);

static void done_end(struct media_done *m, const struct err *e)
{
    m->done(m->arg, e);
    json_decref(m->attachment);
    mem_free(m);
}

static void done_told(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    done_end(arg, e);
}

static void tell_done(struct media_done *m, int64_t retry_ms)
{
    struct store_args a;
    store_args_init(&a);
    store_arg(&a, slice_of(m->item, ITEM));
    store_arg_int(&a, retry_ms);
    store_call(m->op, "media_done", &a, done_told, m);
}

static void done_replaced(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct media_done *m = arg;
    (void)r;
    if (e->code == ERR_AGAIN && m->tries++ < TRIES)
        done_read(m);
    else if (e->code && e->code != ERR_NOT_FOUND)
        done_end(m, e);
    else
        tell_done(m, 0);
}

/* extra with attachments[at] replaced. */
static bool new_extra(struct media_done *m, struct slice extra, struct buf *out)
{
    struct err none;
    json_t *o = extra.n ? json_parse(extra, JSON_DEPTH_DEFAULT, &none) : json_object();
    json_t *list = json_object_get(o, "attachments");
    bool good = json_is_object(o);
    if (good && !json_is_array(list)) {
        list = json_array();
        json_object_set_new(o, "attachments", list);
    }
    while (good && json_array_size(list) <= m->at && m->at < INGEST_MEDIA)
        json_array_append_new(list, json_object());
    good = good && json_array_set(list, m->at, m->attachment) == 0 && json_write(o, out) == 0;
    json_decref(o);
    return good;
}

static void done_loaded(void *arg, const struct err *e)
{
    struct media_done *m = arg;
    if (e->code)
        done_end(m, e);
    else
        done_read(m);
}

static void replace(struct media_done *m, const struct redis_reply *r)
{
    struct entry_head h;
    struct store_entry en;
    struct slice head, envelope, value = store_item(r, 5), status = store_item(r, 6);
    int64_t time;
    uint64_t contact = store_handle_get(store_item(r, 0));
    struct arena *a = arena_new();
    struct buf extra, entry;
    struct err none = {0};
    buf_init(&extra, (size_t)1 << 22);
    buf_init(&entry, ((size_t)1 << 22) + value.n + 4096);
    if (!entry_parse(value, &h, &time, &head, &envelope) || envelope.n < CRYPTO_OVERHEAD ||
        entry_open(m->op, contact, m->thread, m->seq, value, SLICE(""), a, &en) != 0 || en.erased ||
        !new_extra(m, en.extra, &extra)) {
        err_set(&none, ERR_NOT_FOUND, "the entry is gone");
        done_replaced(m, &none, NULL);
    } else {
        struct store_args args;
        entry_seal(m->op, contact, m->kid, m->thread, &h, en.provider_ms, en.text, buf_view(&extra), &entry);
        store_args_init(&args);
        store_arg_handle(&args, m->thread);
        store_arg_int(&args, m->seq);
        store_arg(&args, slice_of(envelope.p + 5, 12));
        store_arg_int(&args, envelope.p + 5 - value.p);
        store_arg(&args, buf_view(&entry));
        store_arg(&args, status);
        store_arg(&args, status);
        store_arg_str(&args, "media");
        store_call(m->op, "entry_replace", &args, done_replaced, m);
    }
    arena_free(&a);
    buf_clear(&extra);
    buf_clear(&entry);
}

static void done_entry(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct media_done *m = arg;
    struct err none = *e;
    if (e->code && e->code != ERR_NOT_FOUND) {
        done_end(m, e);
        return;
    }
    m->kid = e->code || r->n < 2 ? 0 : (uint32_t)store_number(r->items[1]);
    if (e->code || r->n < 7 || keys_state(m->op, m->kid) == KEYS_GONE) {
        err_set(&none, ERR_NOT_FOUND, "the entry is gone");
        done_replaced(m, &none, NULL);
    } else if (keys_state(m->op, m->kid) == KEYS_NOT_LOADED) {
        keys_load(m->op, &m->kid, 1, done_loaded, m);
    } else {
        replace(m, r);
    }
}

static void done_read(struct media_done *m)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, m->thread);
    store_arg_int(&a, m->seq);
    store_arg_int(&a, m->seq);
    store_call(m->op, "entries", &a, done_entry, m);
}

void store_media_done(struct store_op *op, const char *item, struct id thread, uint64_t seq, unsigned at,
                      struct slice attachment_json, int64_t retry_ms, store_done done, void *arg)
{
    struct media_done *m = mem_alloc(sizeof(*m));
    struct err e = {0};
    *m = (struct media_done){.op = op, .at = at, .done = done, .arg = arg};
    if (!text_unhex(m->item, ITEM, slice_str(item)) || !store_thread_handle(op, thread, &m->thread) ||
        m->thread != store_handle_get(slice_of(m->item, 8)) || seq != seq_of(m->item))
        err_set(&e, ERR_INVALID, "no such item");
    m->seq = (uint32_t)seq;
    if (!e.code && retry_ms == 0)
        m->attachment = json_parse(attachment_json, JSON_DEPTH_DEFAULT, &e);
    if (e.code) {
        store_fail(op->store, done, arg, e.code, e.text);
        mem_free(m);
    } else if (retry_ms) {
        tell_done(m, retry_ms);
    } else {
        done_read(m);
    }
}
