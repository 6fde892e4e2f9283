/* SPDX-License-Identifier: Apache-2.0
 * The sweep: files of an operation that are older than the hour in which they may be claimed, and that no
 * entry names. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/admin_internal.h"
#include "store/blob_internal.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define OLD_MS  ((int64_t)2 * 3600000)
#define AT_ONCE 90

struct sweep {
    struct store_op *op;
    int64_t before_ms; /* the host's clock, as files have it */
    char prefix[80];
    struct buf ids; /* ID_LEN bytes each */
    size_t at, removed;
    char nobodys[AT_ONCE][ID_LEN + 1];
    size_t nobodys_n;
    struct err e;
    store_done done;
    void *arg;
};

static void end(struct sweep *w, const struct err *e)
{
    if (w->removed)
        log_event(LOG_INFO, "blobs.swept", log_str("operation", store_op_name(w->op)),
                  log_int("files", (int64_t)w->removed));
    w->done(w->arg, e);
    buf_clear(&w->ids);
    mem_free(w);
}

static void one(void *arg, const char *name, int64_t modified_ms)
{
    struct sweep *w = arg;
    if (modified_ms < w->before_ms && strncmp(name, w->prefix, strlen(w->prefix)) == 0)
        buf_add(&w->ids, name + strlen(w->prefix), ID_LEN);
}

static void list_work(struct blobs *b, void *arg)
{
    struct sweep *w = arg;
    b->backend->each(b->ctx, one, w, &w->e);
}

static void next(struct sweep *w);

static void remove_work(struct blobs *b, void *arg)
{
    struct sweep *w = arg;
    char name[BLOB_NAME];
    for (size_t i = 0; i < w->nobodys_n && w->e.code == 0; i++) {
        blob_name(name, w->op, w->nobodys[i]);
        b->backend->remove(b->ctx, name, &w->e);
    }
}

static void removed(void *arg, bool closed)
{
    struct sweep *w = arg;
    if (closed)
        err_set(&w->e, ERR_CANCELLED, "the store is closing");
    if (w->e.code) {
        end(w, &w->e);
        return;
    }
    w->removed += w->nobodys_n;
    next(w);
}

static void known(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct sweep *w = arg;
    struct blobs *b = e->code ? NULL : blobs_of(w->op->store);
    if (!b) {
        end(w, e->code ? e : &(struct err){ERR_CANCELLED, "the store is closing"});
        return;
    }
    w->nobodys_n = 0;
    for (size_t i = 0; i < r->n; i++, w->at += ID_LEN)
        if (store_number(r->items[i]) == 0)
            snprintf(w->nobodys[w->nobodys_n++], ID_LEN + 1, "%.*s", ID_LEN, w->ids.p + w->at);
    if (w->nobodys_n)
        blobs_work(b, remove_work, removed, w);
    else
        next(w);
}

static void next(struct sweep *w)
{
    struct store_args a;
    if (w->at == w->ids.n) {
        end(w, &w->e);
        return;
    }
    store_args_init(&a);
    for (size_t at = w->at; at < w->ids.n && a.n < AT_ONCE; at += ID_LEN)
        store_arg(&a, slice_of(w->ids.p + at, ID_LEN));
    store_call(w->op, "blobs_known", &a, known, w);
}

static void listed(void *arg, bool closed)
{
    struct sweep *w = arg;
    if (closed)
        err_set(&w->e, ERR_CANCELLED, "the store is closing");
    if (w->e.code)
        end(w, &w->e);
    else
        next(w);
}

void blob_sweep(struct store_op *op, store_done done, void *arg)
{
    struct blobs *b = blobs_of(op->store);
    struct sweep *w = mem_alloc(sizeof *w);
    w->op = op;
    w->done = done;
    w->arg = arg;
    w->before_ms = time_wall_ms() - OLD_MS;
    snprintf(w->prefix, sizeof w->prefix, "%s/", store_op_name(op));
    buf_init(&w->ids, (size_t)1 << 30);
    if (b)
        blobs_work(b, list_work, listed, w);
    else
        end(w, &(struct err){ERR_UNAVAILABLE, "the store is not ready"});
}

/* ---- an operation that ends ---- */

struct destroy {
    char prefix[80];
    struct buf names; /* with a NUL behind each */
    struct err e;
    store_done done;
    void *arg;
};

static void destroy_one(void *arg, const char *name, int64_t modified_ms)
{
    struct destroy *d = arg;
    (void)modified_ms;
    if (strncmp(name, d->prefix, strlen(d->prefix)) == 0)
        buf_add(&d->names, name, strlen(name) + 1);
}

static void destroy_work(struct blobs *b, void *arg)
{
    struct destroy *d = arg;
    b->backend->each(b->ctx, destroy_one, d, &d->e);
    for (size_t at = 0; at < d->names.n && d->e.code == 0; at += strlen(d->names.p + at) + 1)
        b->backend->remove(b->ctx, d->names.p + at, &d->e);
}

static void destroy_done(void *arg, bool closed)
{
    struct destroy *d = arg;
    if (closed)
        err_set(&d->e, ERR_CANCELLED, "the store is closing");
    d->done(d->arg, &d->e);
    buf_clear(&d->names);
    mem_free(d);
}

void blobs_destroy(struct store *s, const char *operation, store_done done, void *arg)
{
    struct blobs *b = blobs_of(s);
    if (!b) {
        store_fail(s, done, arg, ERR_UNAVAILABLE, "the store is not ready");
        return;
    }
    struct destroy *d = mem_alloc(sizeof *d);
    d->done = done;
    d->arg = arg;
    snprintf(d->prefix, sizeof d->prefix, "%s/", operation);
    buf_init(&d->names, (size_t)1 << 30);
    blobs_work(b, destroy_work, destroy_done, d);
}
