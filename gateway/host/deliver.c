/* SPDX-License-Identifier: Apache-2.0
 * deliver: a batch of items goes into the store, in order and pipelined; its callback comes when all of it is
 * on disk. */
#include "gateway/host/deliver.h"
#include <stdio.h>
#include <string.h>

void deliver_result(struct item *it, enum connector_outcome_of_item outcome, const char *why)
{
    for (size_t i = it->first; i < it->first + it->count; i++) {
        struct connector_delivered *d = &it->b->results[i];
        d->outcome = outcome;
        if (why) {
            d->error.code = CONNECTOR_EINVALID;
            snprintf(d->error.text, sizeof(d->error.text), "%s", why);
        }
    }
}

/* ---- the end ---- */

static void batch_free(struct batch *b)
{
    arena_free(&b->arena);
    mem_free(b);
}

static void count_results(const struct batch *b, struct channel *ch)
{
    struct metric *const by[] = {[CONNECTOR_ITEM_STORED] = ch->m.in,
                                 [CONNECTOR_ITEM_DUPLICATE] = ch->m.duplicates,
                                 [CONNECTOR_ITEM_QUARANTINED] = ch->m.quarantined,
                                 [CONNECTOR_ITEM_REFUSED] = ch->m.refused,
                                 [CONNECTOR_ITEM_IGNORED] = NULL};
    for (size_t i = 0; i < b->items_n; i++) {
        const struct item *it = &b->items[i];
        struct metric *m = by[b->results[it->first].outcome];
        bool counts = it->ingest || b->results[it->first].outcome > CONNECTOR_ITEM_DUPLICATE;
        if (m && counts)
            metric_add(m, 1);
    }
    metric_observe(ch->m.store_s, (double)(time_mono_us() - b->start_us) / 1e6);
}

static void batch_end(void *arg)
{
    struct batch *b = arg;
    struct channel *ch = deliver_channel(b);
    if (host_call_end(&b->call)) {
        if (!b->err)
            count_results(b, ch);
        b->done(b->arg, b->err, b->err ? NULL : b->results, b->err ? 0 : b->n);
    }
    batch_free(b);
}

static void batch_cancel(struct host_call *call)
{
    struct batch *b = container_of(call, struct batch, call);
    b->done(b->arg, CONNECTOR_ECANCELLED, NULL, 0);
}

void deliver_one_done(struct batch *b)
{
    if (--b->waiting == 0)
        batch_end(b);
}

/* ---- the store ---- */

static void on_decide(void *arg, const struct store_known *known, struct store_inbound *in)
{
    struct item *it = arg;
    const struct host_router *r = &it->b->o->h->cf.router;
    if (r->decide)
        r->decide(r->arg, it->b->o->op, &it->said, known, in, it->b->arena);
    if (in->clearance < it->said.clearance)
        in->clearance = it->said.clearance;
    choice_take(it, known);
    item_extra(it, it->said.has_text ? in->language.tag : NULL);
    in->extra = it->in.extra;
}

static void quarantined(void *arg, const struct err *e)
{
    struct item *it = arg;
    struct batch *b = it->b;
    if (e->code)
        b->err = CONNECTOR_EAWAY;
    deliver_one_done(b);
}

/* Kept, encrypted, for somebody to look at; what a person's own client sent wrongly is only refused. */
static void quarantine(struct channel *ch, struct item *it, const char *why)
{
    const struct connector_item *src = it->src;
    if (src->id_per_sender && src->kind != CONNECTOR_BAD) {
        deliver_result(it, CONNECTOR_ITEM_REFUSED, why);
        it->dead = true;
        return;
    }
    struct slice raw = src->kind == CONNECTOR_BAD ? slice_from(src->raw) : item_rendition(src, it->b->arena);
    deliver_result(it, CONNECTOR_ITEM_QUARANTINED, why);
    it->dead = true;
    it->b->waiting++;
    store_quarantine_add(it->b->o->op, ch->id, raw, why, quarantined, it);
}

static void stored(struct channel *ch, struct item *it, const struct store_ingested *r)
{
    static const enum connector_outcome_of_item as[] = {[STORE_NEW_ENTRY] = CONNECTOR_ITEM_STORED,
                                                        [STORE_DUPLICATE] = CONNECTOR_ITEM_DUPLICATE,
                                                        [STORE_IGNORED] = CONNECTOR_ITEM_IGNORED,
                                                        [STORE_JOINED] = CONNECTOR_ITEM_STORED,
                                                        [STORE_PARTLY] = CONNECTOR_ITEM_DUPLICATE};
    struct batch *b = it->b;
    const struct host_router *router = &b->o->h->cf.router;
    deliver_result(it, as[r->how], NULL);
    for (size_t i = it->first; i < it->first + it->count; i++)
        memcpy(b->results[i].entry, r->entry.s, sizeof(r->entry.s));
    if ((r->how == STORE_NEW_ENTRY || r->how == STORE_JOINED) && it->in.media_n)
        media_kick(b->o);
    if (!ch) {
        b->err = r->how == STORE_PARTLY ? CONNECTOR_EAWAY : b->err;
        return;
    }
    if (r->contact.s[0])
        watch_bind(ch, it->in.address, r->contact);
    if (r->how == STORE_NEW_ENTRY && it->in.kind == STORE_MESSAGE && router->stored)
        router->stored(router->arg, b->o->op, &it->in, r);
    if (r->how == STORE_PARTLY)
        album_split(ch, it, r->seen);
}

static void on_ingested(void *arg, const struct err *e, const struct store_ingested *r)
{
    struct item *it = arg;
    struct batch *b = it->b;
    struct channel *ch = deliver_channel(b);
    b->o->h->ingests--;
    if (!e->code)
        stored(ch, it, r);
    else if (err_temporary(e->code))
        b->err = CONNECTOR_EAWAY;
    else if (ch)
        quarantine(ch, it, e->text);
    deliver_one_done(b);
}

void deliver_ingest(struct item *it)
{
    struct batch *b = it->b;
    b->waiting++;
    b->o->h->ingests++;
    store_ingest(b->o->op, &it->in, on_decide, on_ingested, it);
}

static void on_staff(void *arg, bool ok)
{
    struct item *it = arg;
    struct batch *b = it->b;
    if (ok)
        deliver_result(it, CONNECTOR_ITEM_STORED, NULL);
    else
        b->err = CONNECTOR_EAWAY;
    deliver_one_done(b);
}

/* The answer of somebody on duty is no person's message. */
static bool is_staff(struct channel *ch, struct item *it)
{
    const struct host_router *r = &it->b->o->h->cf.router;
    if (!r->staff || it->src->kind != CONNECTOR_MESSAGE || !it->src->text.n || it->count != 1)
        return false;
    it->b->waiting++;
    if (r->staff(r->arg, it->b->o->op, ch->id, slice_from(it->src->from), slice_from(it->src->text), on_staff,
                 it))
        return true;
    it->b->waiting--;
    return false;
}

void deliver_store_all(struct batch *b)
{
    struct channel *ch = deliver_channel(b);
    for (size_t i = 0; i < b->items_n && ch && !b->err; i++) {
        struct item *it = &b->items[i];
        if (it->dead)
            continue;
        if (it->ingest) {
            if (!is_staff(ch, it))
                deliver_ingest(it);
        } else {
            b->waiting++;
            mark_start(ch, it);
        }
    }
    if (b->waiting == 1)
        loop_defer(b->o->h->loop, batch_end, b);
    else
        b->waiting--;
}

/* ---- the beginning ---- */

static void add_item(struct channel *ch, struct batch *b, size_t i, const struct connector_item *in)
{
    struct connector_item *src = item_copy(b->arena, in);
    const char *why =
        src->kind == CONNECTOR_BAD ? "the connector could not understand it" : item_wrong(ch, src);
    b->srcs[i] = src;
    if (!why && b->items_n && album_takes(ch, &b->items[b->items_n - 1], src)) {
        album_join(&b->items[b->items_n - 1], src);
        return;
    }
    struct item *it = &b->items[b->items_n++];
    it->b = b;
    it->src = src;
    it->first = i;
    it->count = 1;
    if (why) {
        quarantine(ch, it, why);
        return;
    }
    it->ingest = src->kind <= CONNECTOR_REACTION;
    if (src->media_n)
        album_media(it, src);
}

static void prepare(struct channel *ch, struct batch *b)
{
    for (size_t i = 0; i < b->items_n; i++) {
        struct item *it = &b->items[i];
        if (it->dead || !it->ingest)
            continue;
        if (it->media_n)
            it->attachments = arena_alloc(b->arena, it->media_n * sizeof(*it->attachments));
        item_inbound(ch, it);
    }
}

static void h_deliver(void *inst, const struct connector_item *items, size_t n,
                      void (*done)(void *arg, int err, const struct connector_delivered *results, size_t n),
                      void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct batch *b = mem_alloc(sizeof(*b));
    b->o = ch->o;
    b->arena = arena_new();
    b->n = n;
    b->done = done;
    b->arg = arg;
    b->start_us = time_mono_us();
    b->results = arena_alloc(b->arena, n * sizeof(*b->results) + 1);
    b->items = arena_alloc(b->arena, n * sizeof(*b->items) + 1);
    b->srcs = arena_alloc(b->arena, n * sizeof(*b->srcs) + 1);
    host_call_begin(ch, &b->call, batch_cancel);
    for (size_t i = 0; i < n; i++)
        b->results[i].size = sizeof(b->results[i]);
    if (ch->o->h->ingests > 4 * ch->o->h->cf.ingests_max) {
        b->err = CONNECTOR_EAWAY;
        loop_defer(ch->o->h->loop, batch_end, b);
        return;
    }
    for (size_t i = 0; i < n; i++)
        add_item(ch, b, i, &items[i]);
    prepare(ch, b);
    b->waiting++; /* the files' phase */
    upload_all(b);
}

void host_api_deliver(struct connector_host *a)
{
    a->deliver = h_deliver;
}
