/* SPDX-License-Identifier: Apache-2.0
 * What the holder of an outbox says of an item: begun, parts done, its end; and the dead list. */
#include "store/outbox.h"
#include "store/state.h"
#include "gateway/base/mem.h"
#include <string.h>

#define IDS_MOST 64

struct telling {
    struct store_outbox *o;
    struct out_under_way *u; /* NULL: the item goes on */
    store_done done;
    void *arg;
    char (*ids)[27]; /* of the result: to open errors that came early */
    size_t ids_n, *id_n;
};

static void telling_free(struct telling *t)
{
    mem_free(t->ids);
    mem_free(t->id_n);
    mem_free(t);
}

static void tell_end(struct telling *t, const struct err *e)
{
    struct store_outbox *o = t->o;
    if (t->done)
        t->done(t->arg, e);
    if (e->code == ERR_CONFLICT)
        outbox_fenced(o);
    outbox_release(o);
    telling_free(t);
}

static void told(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    tell_end(arg, e);
}

static struct telling *telling_new(struct store_outbox *o, store_done done, void *arg)
{
    struct telling *t = mem_alloc(sizeof(*t));
    *t = (struct telling){.o = o, .done = done, .arg = arg};
    return t;
}

static bool no_item(struct store_outbox *o, const struct out_under_way *u, store_done done, void *arg)
{
    if (u)
        return false;
    if (done)
        store_fail(o->op->store, done, arg, ERR_NOT_FOUND, "no such item is under way");
    return true;
}

void store_out_begin(struct store_outbox *o, const char *item, store_done done, void *arg)
{
    struct out_under_way *u = outbox_find(o, item);
    if (!no_item(o, u, done, arg))
        outbox_call(o, "out_begin", u, NULL, told, telling_new(o, done, arg));
}

void store_out_progress(struct store_outbox *o, const char *item, struct slice json, store_done done,
                        void *arg)
{
    struct out_under_way *u = outbox_find(o, item);
    struct store_args a;
    struct buf sealed;
    if (no_item(o, u, done, arg))
        return;
    store_args_init(&a);
    buf_init(&sealed, json.n + 64);
    if (keys_state(o->op, u->kid) == KEYS_HERE)
        record_seal(o->op, RECORD_PROGRESS, u->contact, u->kid, u->clearance, u->thread, u->seq, json,
                    &sealed);
    store_arg(&a, sealed.n ? buf_view(&sealed) : SLICE(""));
    outbox_call(o, "out_progress", u, &a, told, telling_new(o, done, arg));
    buf_clear(&sealed);
}

/* ---- the end ---- */

static void nothing(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)arg;
    (void)e;
    (void)r;
}

/* An error that came before its id was known is sealed for the operation: seal it for the person. */
static void reseal_early(struct telling *t, const struct redis_reply *r)
{
    struct store_op *op = t->o->op;
    struct out_under_way *u = t->u;
    for (size_t i = 0; i + 1 < r->n; i += 2) {
        size_t part = (size_t)store_number(r->items[i]);
        struct buf plain, sealed;
        struct store_args a;
        if (part == 0 || part > t->ids_n || store_item(r, i + 1).n == 0 ||
            keys_state(op, u->kid) != KEYS_HERE)
            continue;
        buf_init(&plain, (size_t)1 << 20);
        buf_init(&sealed, ((size_t)1 << 20) + 64);
        if (keys_open_own(op, KEYS_CONFIG, "early", slice_of(t->ids[part - 1], t->id_n[part - 1]),
                          store_item(r, i + 1), &plain) == 0 &&
            plain.n) {
            record_seal(op, RECORD_ERROR, u->contact, u->kid, u->clearance, u->thread, u->seq,
                        buf_view(&plain), &sealed);
            store_args_init(&a);
            store_arg_handle(&a, u->thread);
            store_arg_int(&a, u->seq);
            store_arg(&a, buf_view(&sealed));
            store_call(op, "status_error", &a, nothing, NULL);
        }
        buf_clear(&plain);
        buf_clear(&sealed);
    }
}

static void result_told(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct telling *t = arg;
    struct store_outbox *o = t->o;
    if (!e->code && r->kind == REDIS_ARRAY)
        reseal_early(t, r);
    /* Without an answer it is still under way: the caller says it again. */
    if ((!e->code || e->code == ERR_NOT_FOUND) && !o->closed)
        outbox_ended(o, t->u);
    tell_end(t, e);
}

static void ids_json(const struct store_out_result *r, struct buf *out)
{
    buf_char(out, '[');
    for (size_t i = 0; i < r->external_ids_n && i < IDS_MOST; i++) {
        if (i)
            buf_char(out, ',');
        buf_json_str(out, text_valid(r->external_ids[i], NULL) ? r->external_ids[i] : SLICE("?"));
    }
    buf_char(out, ']');
}

static void seal(struct store_op *op, const struct out_under_way *u, enum record kind, struct slice plain,
                 struct buf *out)
{
    if (plain.n && keys_state(op, u->kid) == KEYS_HERE)
        record_seal(op, kind, u->contact, u->kid, u->clearance, u->thread, u->seq, plain, out);
}

static void arg_ids(struct telling *t, const struct store_out_result *r, struct store_args *a)
{
    t->ids_n = r->external_ids_n < IDS_MOST ? r->external_ids_n : IDS_MOST;
    t->ids = mem_array(t->ids_n + 1, sizeof(*t->ids));
    t->id_n = mem_array(t->ids_n + 1, sizeof(*t->id_n));
    for (size_t i = 0; i < t->ids_n; i++) {
        t->id_n[i] = status_id(t->o->op, t->o->channel, r->external_ids[i], t->ids[i]);
        store_arg(a, slice_of(t->ids[i], t->id_n[i]));
    }
}

void store_out_result(struct store_outbox *o, const char *item, const struct store_out_result *r,
                      store_done done, void *arg)
{
    struct out_under_way *u = outbox_find(o, item);
    struct store_args a;
    struct buf error, ids, json;
    if (no_item(o, u, done, arg))
        return;
    struct telling *t = telling_new(o, done, arg);
    t->u = u;
    buf_init(&json, 65536);
    buf_init(&error, r->error.n + 64);
    buf_init(&ids, 65536);
    if (r->external_ids_n)
        ids_json(r, &json);
    seal(o->op, u, RECORD_ERROR, r->error, &error);
    seal(o->op, u, RECORD_IDS, json.n && !json.err ? buf_view(&json) : SLICE(""), &ids);
    store_args_init(&a);
    store_arg_int(&a, r->status);
    store_arg_int(&a, r->retry_ms);
    store_arg_str(&a, r->dead ? "1" : "0");
    store_arg_str(&a, r->blocked ? "1" : "0");
    store_arg(&a, error.n ? buf_view(&error) : SLICE(""));
    store_arg(&a, ids.n ? buf_view(&ids) : SLICE(""));
    store_arg(&a, slice_of(o->op->store->tag, 2));
    arg_ids(t, r, &a);
    outbox_call(o, "out_result", u, &a, result_told, t);
    buf_clear(&json);
    buf_clear(&error);
    buf_clear(&ids);
}

/* ---- the dead list ---- */

struct dead_get {
    struct store_op *op;
    void (*done)(void *arg, const struct err *e, const struct store_dead *d, size_t n);
    void *arg;
    char *channel, *before;
    unsigned limit;
    int tries;
};

static void dead_ask(struct dead_get *g);

static void dead_end(struct dead_get *g, const struct err *e, const struct store_dead *d, size_t n)
{
    g->done(g->arg, e, d, n);
    mem_free(g->channel);
    mem_free(g->before);
    mem_free(g);
}

static void dead_loaded(void *arg, const struct err *e)
{
    struct dead_get *g = arg;
    if (e->code)
        dead_end(g, e, NULL, 0);
    else
        dead_ask(g);
}

static void dead_one(struct store_op *op, const struct redis_reply *x, struct arena *a, struct store_dead *d)
{
    struct slice item = store_item(x, 1), id = store_item(x, 0), ms;
    struct entry_status st = {0};
    struct entry_head h = {0};
    struct slice head, envelope;
    int64_t time;
    uint64_t v = 0, thread = store_handle_get(slice_of(item.p, 8));
    const unsigned char *p = (const unsigned char *)item.p;
    d->item = arena_dup(a, id.p, id.n);
    d->seq = (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 | (uint32_t)p[10] << 8 | p[11];
    d->thread = store_id_of(op, thread, STORE_SEQ_THREAD);
    if (slice_next(&id, '-', &ms) && slice_u64(ms, &v))
        d->time_ms = (int64_t)v;
    if (entry_parse(store_item(x, 4), &h, &time, &head, &envelope) &&
        entry_status_parse(store_item(x, 5), &st))
        d->error = record_text(op, RECORD_ERROR, store_handle_get(store_item(x, 2)), h.clearance, thread,
                               (uint32_t)d->seq, st.error, a);
}

static void dead_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct dead_get *g = arg;
    if (e->code || r->n == 0) {
        dead_end(g, e, NULL, 0);
        return;
    }
    uint32_t *kids = mem_array(r->n, sizeof(*kids));
    bool missing = false;
    for (size_t i = 0; i < r->n; i++) {
        kids[i] = (uint32_t)store_number(r->items[i]->n > 3 ? r->items[i]->items[3] : NULL);
        missing = missing || (kids[i] && keys_state(g->op, kids[i]) == KEYS_NOT_LOADED);
    }
    if (missing && g->tries++ == 0) {
        keys_load(g->op, kids, r->n, dead_loaded, g);
    } else {
        struct arena *a = arena_new();
        struct store_dead *list = arena_alloc(a, r->n * sizeof(*list));
        size_t n = 0;
        for (size_t i = 0; i < r->n; i++)
            if (store_item(r->items[i], 1).n == 12)
                dead_one(g->op, r->items[i], a, &list[n++]);
        dead_end(g, e, list, n);
        arena_free(&a);
    }
    mem_free(kids);
}

static void dead_ask(struct dead_get *g)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_str(&a, g->channel);
    store_arg_str(&a, g->before);
    store_arg_int(&a, g->limit);
    store_call(g->op, "dead_list", &a, dead_read, g);
}

void store_dead_list(struct store_op *op, const char *channel, const char *before, unsigned limit,
                     void (*done)(void *arg, const struct err *e, const struct store_dead *d, size_t n),
                     void *arg)
{
    struct dead_get *g = mem_alloc(sizeof(*g));
    *g = (struct dead_get){.op = op, .done = done, .arg = arg, .limit = limit && limit <= 500 ? limit : 500};
    g->channel = mem_strdup(channel);
    g->before = mem_strdup(before ? before : "");
    dead_ask(g);
}
