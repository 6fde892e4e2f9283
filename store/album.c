/* SPDX-License-Identifier: Apache-2.0
 * Albums: an item that belongs to an entry that is there already is put into it: its files, ids and text
 * behind those that stand there, and all its ids taken in the same step. */
#include "store/ingest.h"
#include "store/state.h"
#include "store/words.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define ALBUM_TRIES 8
#define ALBUM_FILES 10 /* unless the caller says */

struct joining {
    struct job *j;
    uint64_t thread;
    uint32_t seq, kid;
    int tries;
};

/* ---- what the function is told ---- */

static void write_id(const struct job *j, const struct store_inbound *in, struct slice id, struct buf *out)
{
    int64_t hash;
    char sel[3], digits[24];
    ingest_id_hash(j->op, "id", slice_str(in->channel), SLICE(""), id, &hash, sel);
    int n = snprintf(digits, sizeof(digits), "%lld", (long long)hash);
    buf_add(out, sel, sizeof(sel));
    buf_char(out, (char)n);
    buf_add(out, digits, (size_t)n);
}

void ingest_album_write(const struct job *j, const struct store_inbound *in, bool first, struct buf *out)
{
    char group[12] = {0};
    int64_t hash;
    if (in->group.n) {
        ingest_id_hash(j->op, "album", slice_str(in->channel), in->address, in->group, &hash, group + 8);
        memcpy(group, &hash, 8);
    }
    group[11] = (char)j->apart;
    buf_add(out, group, sizeof(group));
    if (first)
        write_id(j, in, in->provider_id, out);
    for (size_t i = 0; i < in->also_ids_n; i++)
        write_id(j, in, in->also_ids[i], out);
}

/* ---- the entry with more in it ---- */

static void join_read(struct joining *g);

/* Not into that one: into an entry of its own, which those that follow will join. */
static void apart(struct joining *g)
{
    struct job *j = g->j;
    mem_free(g);
    j->apart = true;
    ingest_send(j);
}

static void fail(struct joining *g, const struct err *e)
{
    struct store_ingested none = {0};
    struct job *j = g->j;
    mem_free(g);
    ingest_finish(j, e, &none);
}

/* Both lists behind each other, as `name` of o. */
static bool append(json_t *o, const json_t *more, const char *name)
{
    json_t *list = json_object_get(o, name);
    const json_t *added = json_object_get(more, name);
    if (!json_is_array(added))
        return true;
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(o, name, list);
    }
    return json_array_extend(list, (json_t *)(uintptr_t)added) == 0;
}

/* before: files that the entry had. False: not to be joined. */
static bool join_extra(const struct store_inbound *in, struct slice old, struct buf *out, size_t *before)
{
    struct err none;
    size_t most = in->group_files ? in->group_files : ALBUM_FILES;
    json_t *o = old.n ? json_parse(old, JSON_DEPTH_DEFAULT, &none) : json_object();
    json_t *more = in->extra.n ? json_parse(in->extra, JSON_DEPTH_DEFAULT, &none) : json_object();
    *before = json_array_size(json_object_get(o, "attachments"));
    size_t added = json_array_size(json_object_get(more, "attachments"));
    bool good = json_is_object(o) && json_is_object(more) && *before + added <= most &&
                append(o, more, "attachments") && append(o, more, "ids") &&
                json_object_update_missing(o, more) == 0 && json_write(o, out) == 0;
    json_decref(o);
    json_decref(more);
    return good;
}

static void join_text(struct slice old, struct slice more, struct buf *out)
{
    buf_slice(out, old);
    if (old.n && more.n)
        buf_char(out, '\n');
    buf_slice(out, more);
}

/* The job's `at` counts from the files that were there. */
static bool join_job(struct slice job, size_t before, struct buf *out)
{
    struct err none;
    json_t *o = json_parse(job, JSON_DEPTH_DEFAULT, &none);
    bool good =
        json_is_object(o) &&
        json_object_set_new(o, "at", json_integer(json_opt_int(o, "at", 0) + (json_int_t)before)) == 0 &&
        json_write(o, out) == 0;
    json_decref(o);
    return good;
}

struct joined { /* buffers that live until the call is built */
    struct buf extra, text, entry, words, ids, jobs[INGEST_MEDIA];
    size_t before;
};

static void joined_init(struct joined *w)
{
    struct buf *const all[] = {&w->extra, &w->text, &w->entry, &w->words, &w->ids};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        buf_init(all[i], (size_t)1 << 24);
    for (size_t i = 0; i < INGEST_MEDIA; i++)
        buf_init(&w->jobs[i], (size_t)1 << 20);
}

static void joined_clear(struct joined *w)
{
    struct buf *const all[] = {&w->extra, &w->text, &w->entry, &w->words, &w->ids};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i]->p)
            mem_wipe(all[i]->p, all[i]->n);
        buf_clear(all[i]);
    }
    for (size_t i = 0; i < INGEST_MEDIA; i++)
        buf_clear(&w->jobs[i]);
}

static bool seal_jobs(struct joining *g, const struct store_inbound *in, uint64_t contact, int clearance,
                      struct joined *w)
{
    struct buf plain;
    bool good = true;
    for (size_t i = 0; good && i < in->media_n; i++) {
        buf_init(&plain, (size_t)1 << 20);
        good = join_job(slice_str(in->media[i].job), w->before, &plain);
        buf_char(&w->jobs[i], (char)clearance);
        buf_char(&w->jobs[i], 0);
        if (good)
            record_seal(g->j->op, RECORD_MEDIA, contact, g->kid, clearance, 0, 0, buf_view(&plain),
                        &w->jobs[i]);
        if (plain.p)
            mem_wipe(plain.p, plain.n);
        buf_clear(&plain);
    }
    return good;
}

static void on_joined(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct joining *g = arg;
    struct job *j = g->j;
    struct slice s = store_text(r);
    if (e->code == ERR_AGAIN && g->tries++ < ALBUM_TRIES)
        join_read(g);
    else if (e->code == ERR_AGAIN || e->code == ERR_NOT_FOUND)
        apart(g);
    else if (e->code)
        fail(g, e);
    else if (s.n != INGEST_ANSWER || s.p[0] == 'G')
        fail(g, &(struct err){ERR_BUG, "an answer that is none"});
    else {
        mem_free(g);
        ingest_stored(j, s);
    }
}

static void call_add(struct joining *g, const struct store_inbound *in, struct slice value,
                     struct slice envelope, struct joined *w)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, g->thread);
    store_arg_int(&a, g->seq);
    store_arg(&a, slice_of(envelope.p + 5, 12));
    store_arg_int(&a, envelope.p + 5 - value.p);
    store_arg(&a, buf_view(&w->entry));
    store_arg(&a, w->words.n ? buf_view(&w->words) : SLICE(""));
    store_arg(&a, buf_view(&w->ids));
    store_arg_int(&a, in->priority);
    store_arg_str(&a, in->topic);
    store_arg_int(&a, (int64_t)w->before);
    for (size_t i = 0; i < in->media_n; i++)
        store_arg(&a, buf_view(&w->jobs[i]));
    store_call(g->j->op, "album_add", &a, on_joined, g);
}

/* False: it does not go into that entry. */
static bool join_add(struct joining *g, const struct redis_reply *r, struct arena *a, struct joined *w)
{
    struct job *j = g->j;
    struct store_inbound in = j->in;
    struct entry_head h;
    struct store_entry en;
    struct slice head, envelope, value = store_item(r, 5);
    int64_t time;
    uint64_t contact = store_handle_get(store_item(r, 0));
    if (!entry_parse(value, &h, &time, &head, &envelope) || envelope.n < CRYPTO_OVERHEAD ||
        entry_open(j->op, contact, g->thread, g->seq, value, SLICE(""), a, &en) != 0 || en.erased ||
        !en.inbound || h.kind != STORE_MESSAGE)
        return false;
    ingest_decide(j, &in);
    if (in.clearance > h.clearance || !join_extra(&in, en.extra, &w->extra, &w->before) ||
        !seal_jobs(g, &in, contact, h.clearance, w))
        return false;
    join_text(en.text, in.text, &w->text);
    words_write(j->op->blind, in.words, in.words_n, &w->words);
    ingest_album_write(j, &in, true, &w->ids);
    entry_seal(j->op, contact, g->kid, g->thread, &h, en.provider_ms,
               w->text.n ? buf_view(&w->text) : SLICE(""), buf_view(&w->extra), &w->entry);
    if (w->text.err || w->extra.err || w->entry.err || w->words.err || w->ids.err)
        return false;
    call_add(g, &in, value, envelope, w);
    return true;
}

static void join_put(struct joining *g, const struct redis_reply *r)
{
    struct arena *a = arena_new();
    struct joined *w = mem_alloc(sizeof(*w));
    joined_init(w);
    bool added = join_add(g, r, a, w);
    joined_clear(w);
    mem_free(w);
    arena_free(&a);
    if (!added)
        apart(g);
}

static void join_loaded(void *arg, const struct err *e)
{
    struct joining *g = arg;
    if (e->code)
        fail(g, e);
    else
        join_read(g);
}

static void join_entry(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct joining *g = arg;
    if (e->code && e->code != ERR_NOT_FOUND) {
        fail(g, e);
        return;
    }
    g->kid = e->code || r->n < 7 ? 0 : (uint32_t)store_number(r->items[1]);
    if (e->code || r->n < 7 || keys_state(g->j->op, g->kid) == KEYS_GONE)
        apart(g);
    else if (keys_state(g->j->op, g->kid) == KEYS_NOT_LOADED)
        keys_load(g->j->op, &g->kid, 1, join_loaded, g);
    else
        join_put(g, r);
}

static void join_read(struct joining *g)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, g->thread);
    store_arg_int(&a, g->seq);
    store_arg_int(&a, g->seq);
    store_call(g->j->op, "entries", &a, join_entry, g);
}

void ingest_album_join(struct job *j, uint64_t thread, uint32_t seq)
{
    struct joining *g = mem_alloc(sizeof(*g));
    *g = (struct joining){.j = j, .thread = thread, .seq = seq};
    join_read(g);
}
