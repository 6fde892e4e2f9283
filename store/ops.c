/* SPDX-License-Identifier: Apache-2.0
 * Operations: the list in Redis (p:{_}:ops), opening their keys, making and destroying them, and the document
 * of each. */
#include "store/state.h"
#include "store/blob_internal.h"
#include "store/cache.h"
#include "store/events_internal.h"
#include "store/keys_internal.h"
#include "store/outbox.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPS_KEY     "p:{" STORE_SYSTEM "}:ops"
#define OPS_CHANNEL OPS_KEY

/* ---- finding ---- */

static struct store_op *find(const struct store *s, struct slice name)
{
    for (size_t i = 0; i < s->ops_n; i++)
        if (slice_is(name, s->ops[i]->name))
            return s->ops[i];
    return NULL;
}

struct store_op *store_op_find(const struct store *s, struct slice name)
{
    struct store_op *op = find(s, name);
    return op && op->open && !op->system ? op : NULL;
}

struct store_op *store_op_at(const struct store *s, size_t i)
{
    for (size_t at = 0; at < s->ops_n; at++)
        if (s->ops[at]->open && !s->ops[at]->system && i-- == 0)
            return s->ops[at];
    return NULL;
}

const char *store_op_name(const struct store_op *op)
{
    return op->name;
}

struct store *store_of(const struct store_op *op)
{
    return op->store;
}

static struct store_op *add(struct store *s, struct slice name)
{
    struct store_op *op = mem_alloc(sizeof(*op));
    op->store = s;
    op->name = mem_dup(name.p, name.n);
    op->system = slice_is(name, STORE_SYSTEM);
    op->prefix_n = name.n + 5;
    op->prefix = mem_alloc(op->prefix_n + 1);
    snprintf(op->prefix, op->prefix_n + 1, "p:{%s}:", op->name);
    op->cache = cache_new(op);
    list_init(&op->outboxes);
    s->ops = mem_realloc(s->ops, (s->ops_n + 1) * sizeof(struct store_op *));
    s->ops[s->ops_n++] = op;
    return op;
}

static void op_free(struct store_op *op)
{
    outbox_orphan(op);
    map_clear(&op->lanes, NULL);
    events_free(&op->events);
    cache_free(&op->cache);
    keys_close_op(op);
    mem_free(op->document.json);
    mem_free(op->prefix);
    mem_free(op->name);
    mem_free(op);
}

/* Nothing of it is used any more; the struct stays, since others may hold it. */
static void op_shut(struct store_op *op)
{
    op->open = false;
    if (op->side)
        side_close(op);
    keys_batch_close(op->keys);
    keys_forget(op, 0);
    cache_clear(op->cache);
    mem_clear(&op->document.json);
    op->document.n = 0;
    op->document.version = 0;
    events_wake(op->store);
}

void ops_reopen(struct store *s)
{
    for (size_t i = 0; i < s->ops_n; i++)
        if (s->ops[i]->open) {
            op_shut(s->ops[i]);
            keys_close_op(s->ops[i]);
        }
    s->listed = false;
    s->system = NULL;
    store_judge(s);
    ops_open_all(s);
}

void ops_free(struct store *s)
{
    for (size_t i = 0; i < s->ops_n; i++)
        op_free(s->ops[i]);
    mem_free(s->ops);
    s->ops = NULL;
    s->ops_n = 0;
}

/* ---- opening ---- */

struct op_open {
    struct store_op *op;
    store_done done;
    void *arg;
};

static void opened(struct op_open *o, const struct err *e)
{
    struct store_op *op = o->op;
    struct store *s = op->store;
    if (!e->code && !op->open) {
        op->open = true;
        if (op->system)
            s->system = op;
        log_event(LOG_INFO, "store.operation_open", log_str("operation", op->name));
        events_wake(s);
        side_open(op);
    }
    o->done(o->arg, e);
    mem_free(o);
}

static void document_loaded(void *arg, const struct err *e)
{
    opened(arg, e);
}

static void keys_opened(void *arg, const struct err *e)
{
    struct op_open *o = arg;
    if (e->code)
        opened(o, e);
    else
        ops_document_load(o->op, document_loaded, o);
}

static void open_op(struct store_op *op, bool make, store_done done, void *arg)
{
    struct op_open *o = mem_alloc(sizeof(*o));
    *o = (struct op_open){op, done, arg};
    keys_open_op(op, make, keys_opened, o);
}

static void listed_op_opened(void *arg, const struct err *e)
{
    struct store_op *op = arg;
    struct store *s = op->store;
    s->opening--;
    if (e->code && !s->closing) {
        snprintf(s->op_why, sizeof(s->op_why), "%s", e->text);
        log_event(LOG_ERROR, "store.operation_refused", log_str("operation", op->name), log_err(e));
    }
    store_judge(s);
}

static void open_listed(struct store *s, struct slice name)
{
    struct store_op *op = find(s, name);
    if (op && op->open)
        return;
    if (!op)
        op = add(s, name);
    s->opening++;
    open_op(op, op->system, listed_op_opened, op);
}

static void list_read(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct store *s = arg;
    struct err e;
    (void)maybe_done;
    s->reading_list = false;
    if (!store_reply_ok(s, rc, r, &e))
        return; /* the connection is told of by itself; the next tick of the servers reads again */
    if (!s->opening)
        s->op_why[0] = '\0';
    open_listed(s, SLICE(STORE_SYSTEM));
    for (size_t i = 0; i < r->n; i++)
        if (name_valid(store_item(r, i)))
            open_listed(s, store_item(r, i));
    for (size_t i = 0; i < s->ops_n; i++) { /* destroyed elsewhere */
        bool there = s->ops[i]->system;
        for (size_t j = 0; j < r->n && !there; j++)
            there = slice_is(store_item(r, j), s->ops[i]->name);
        if (!there && s->ops[i]->open)
            op_shut(s->ops[i]);
    }
    s->listed = true;
    store_judge(s);
}

void ops_open_all(struct store *s)
{
    if (!s->server[STORE_DATA].checked || !s->server[STORE_KEYS].checked || s->opening || s->reading_list)
        return;
    s->reading_list = true;
    redis_sendf(s->data, list_read, s, "SMEMBERS " OPS_KEY);
}

void ops_changed(struct store *s)
{
    ops_open_all(s);
}

/* ---- making ---- */

struct making {
    struct store *s;
    struct store_op *op;
    void (*done)(void *arg, const struct err *e, struct store_op *op);
    void *arg;
    struct err e;
};

static void made(struct making *m)
{
    m->done(m->arg, &m->e, m->e.code ? NULL : m->op);
    mem_free(m);
}

static void made_later(void *arg)
{
    made(arg);
}

static void make_opened(void *arg, const struct err *e)
{
    struct making *m = arg;
    m->e = *e;
    if (!e->code)
        redis_sendf(m->s->data, NULL, NULL, "PUBLISH " OPS_CHANNEL " %s", m->op->name);
    made(m);
}

static void make_listed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct making *m = arg;
    (void)r;
    m->e = *e;
    if (e->code)
        made(m);
    else
        open_op(m->op, false, make_opened, m);
}

static void make_keys(void *arg, const struct err *e)
{
    struct making *m = arg;
    m->e = *e;
    if (e->code) {
        made(m);
        return;
    }
    store_data_send(m->op, make_listed, m, 3,
                    (const struct slice[]){SLICE("SADD"), SLICE(OPS_KEY), slice_str(m->op->name)});
}

void store_op_make(struct store *s, const char *name,
                   void (*done)(void *arg, const struct err *e, struct store_op *op), void *arg)
{
    struct making *m = mem_alloc(sizeof(*m));
    *m = (struct making){.s = s, .done = done, .arg = arg};
    m->op = find(s, slice_str(name));
    if (!name_valid(slice_str(name)))
        err_set(&m->e, ERR_INVALID, "not a name for an operation");
    if (m->e.code || (m->op && m->op->open && !m->op->system)) {
        loop_defer(s->cf.loop, made_later, m);
        return;
    }
    if (!m->op)
        m->op = add(s, slice_str(name));
    keys_open_op(m->op, true, make_keys, m); /* the keys first: what is in the list can be opened */
}

/* ---- destroying ---- */

struct destroying {
    struct store_op *op;
    store_done done;
    void *arg;
    bool keys_too; /* the key store comes first: then the rest is unreadable already */
    struct err e;
};

static void destroy_scan(struct destroying *d, struct slice cursor);

static void destroy_files(void *arg)
{
    struct destroying *d = arg;
    struct buf path;
    buf_init(&path, 4096);
    keys_master_path(d->op, "", &path);
    unlink(path.p);
    keys_master_path(d->op, ".new", &path);
    unlink(path.p);
    buf_clear(&path);
}

static void destroyed(void *arg)
{
    struct destroying *d = arg;
    d->done(d->arg, &d->e);
    mem_free(d);
}

static void blobs_gone(void *arg, const struct err *e)
{
    struct destroying *d = arg;
    d->e = *e;
    loop_work(d->op->store->cf.loop, destroy_files, destroyed, d);
}

static void destroy_next(struct destroying *d)
{
    if (!d->keys_too) {
        blobs_destroy(d->op->store, d->op->name, blobs_gone, d);
        return;
    }
    d->keys_too = false;
    redis_sendf(d->op->store->keys, NULL, NULL, "BGREWRITEAOF");
    destroy_scan(d, SLICE("0"));
}

static void destroy_found(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct destroying *d = arg;
    if (e->code) {
        d->e = *e;
        destroyed(d);
        return;
    }
    const struct redis_reply *keys = r->n == 2 ? r->items[1] : NULL;
    struct redis *server = d->keys_too ? d->op->store->keys : d->op->store->data;
    for (size_t i = 0; keys && i < keys->n; i++)
        redis_sendf(server, NULL, NULL, "UNLINK %b", store_item(keys, i));
    if (slice_is(store_item(r, 0), "0"))
        destroy_next(d);
    else
        destroy_scan(d, store_item(r, 0));
}

static void destroy_scan(struct destroying *d, struct slice cursor)
{
    struct buf match;
    buf_init(&match, 256);
    buf_printf(&match, "p:{%s}:*", d->op->name);
    const struct slice argv[] = {SLICE("SCAN"),    cursor,         SLICE("MATCH"),
                                 buf_view(&match), SLICE("COUNT"), SLICE("1000")};
    if (d->keys_too)
        store_keys_send(d->op, destroy_found, d, 6, argv);
    else
        store_data_send(d->op, destroy_found, d, 6, argv);
    buf_clear(&match);
}

void store_op_destroy(struct store *s, const char *name, store_done done, void *arg)
{
    struct store_op *op = store_op_find(s, slice_str(name));
    if (!op) {
        store_fail(s, done, arg, ERR_NOT_FOUND, "there is no such operation");
        return;
    }
    struct destroying *d = mem_alloc(sizeof(*d));
    *d = (struct destroying){.op = op, .done = done, .arg = arg, .keys_too = true};
    op_shut(op);
    redis_sendf(s->data, NULL, NULL, "SREM " OPS_KEY " %s", name);
    redis_sendf(s->data, NULL, NULL, "PUBLISH " OPS_CHANNEL " %s", name);
    destroy_scan(d, SLICE("0"));
}

/* ---- the document ---- */

struct slice store_op_document(const struct store_op *op, uint64_t *version)
{
    if (version)
        *version = op->document.version;
    return slice_of(op->document.json, op->document.n);
}

struct doc_load {
    struct store_op *op;
    store_done done;
    void *arg;
};

static void doc_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct doc_load *l = arg;
    struct store_op *op = l->op;
    struct err local = *e;
    struct buf plain;
    buf_init(&plain, (size_t)64 << 20);
    if (!e->code && r->kind == REDIS_ARRAY && r->n == 2 && r->items[1]->kind == REDIS_TEXT) {
        uint64_t version = (uint64_t)store_number(r->items[0]);
        if (keys_open_own(op, KEYS_CONFIG, "document", SLICE(""), store_item(r, 1), &plain) != 0) {
            err_set(&local, ERR_CORRUPT, "the document of operation %s does not open", op->name);
        } else if (version >= op->document.version) {
            mem_free(op->document.json);
            op->document.json = buf_take(&plain, &op->document.n);
            op->document.version = version;
        }
    }
    buf_clear(&plain);
    l->done(l->arg, &local);
    mem_free(l);
}

void ops_document_load(struct store_op *op, store_done done, void *arg)
{
    struct doc_load *l = mem_alloc(sizeof(*l));
    struct buf key;
    *l = (struct doc_load){op, done, arg};
    buf_init(&key, 256);
    store_data_send(op, doc_read, l, 4,
                    (const struct slice[]){SLICE("HMGET"), store_key(op, &key, "doc", SLICE("")), SLICE("v"),
                                           SLICE("d")});
    buf_clear(&key);
}

static void doc_written(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct doc_load *l = arg;
    (void)r;
    if (e->code) {
        l->done(l->arg, e);
        mem_free(l);
    } else {
        ops_document_load(l->op, l->done, l->arg); /* so that the caller finds what it has put */
        mem_free(l);
    }
}

void store_op_document_put(struct store_op *op, uint64_t version, struct slice json, const char *actor,
                           store_done done, void *arg)
{
    struct doc_load *l = mem_alloc(sizeof(*l));
    struct store_args a;
    struct buf sealed;
    *l = (struct doc_load){op, done, arg};
    buf_init(&sealed, json.n + CRYPTO_OVERHEAD + 1);
    keys_seal_own(op, KEYS_CONFIG, "document", SLICE(""), json, &sealed);
    store_args_init(&a);
    store_arg_int(&a, (int64_t)version);
    store_arg(&a, buf_view(&sealed));
    store_arg_str(&a, actor);
    store_call(op, "document_put", &a, doc_written, l);
    buf_clear(&sealed);
}
