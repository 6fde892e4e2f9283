/* SPDX-License-Identifier: Apache-2.0
 * A thread whose clearance was raised: each of its entries, with ids and error, is encrypted anew under the
 * class of that clearance; then what was written in the person's profile meanwhile moves up. A page at a
 * time; an entry that somebody changed meanwhile is read again; what has the clearance already is passed
 * over. */
#include "store/entry.h"
#include "store/state.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define PAGE  50
#define TRIES 20

struct resealing {
    struct store_op *op;
    uint64_t thread, contact;
    uint32_t kid, from, last;
    int clearance, tries;
    bool again; /* an entry of this page has changed */
    unsigned pending;
    struct err e;
    store_done done;
    void *arg;
};

static void ask(struct resealing *g);

static void end(struct resealing *g)
{
    g->done(g->arg, &g->e);
    mem_free(g);
}

static void finished(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct resealing *g = arg;
    (void)r;
    g->e = *e;
    end(g);
}

static void lifted(void *arg, const struct err *e)
{
    struct resealing *g = arg;
    struct store_args a;
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED) {
        g->e = *e;
        end(g);
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, g->thread);
    store_arg_int(&a, g->clearance);
    store_call(g->op, "resealed", &a, finished, g);
}

static void page_release(struct resealing *g)
{
    if (--g->pending)
        return;
    if (g->again && ++g->tries > TRIES)
        err_set(&g->e, ERR_BUSY, "the thread changes all the time");
    if (g->e.code) {
        end(g);
        return;
    }
    if (!g->again) {
        g->from += PAGE;
        g->tries = 0;
    }
    g->again = false;
    if (g->from <= g->last) {
        ask(g);
        return;
    }
    if (g->clearance > 0)
        contact_lift(g->op, g->contact, g->thread, g->clearance, lifted, g);
    else
        lifted(g, &(struct err){0});
}

static void replaced(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct resealing *g = arg;
    (void)r;
    if (e->code == ERR_AGAIN)
        g->again = true;
    else if (e->code && e->code != ERR_NOT_FOUND)
        g->e = *e;
    page_release(g);
}

/* Opens with the old clearance, seals with the new one; appends. */
static int turn(struct resealing *g, enum record kind, int old, uint32_t seq, struct slice envelope,
                struct buf *out)
{
    struct buf plain;
    if (envelope.n == 0)
        return 0;
    buf_init(&plain, envelope.n + 1);
    int rc = record_open(g->op, kind, g->contact, old, g->thread, seq, envelope, &plain);
    if (rc == 0)
        record_seal(g->op, kind, g->contact, g->kid, g->clearance, g->thread, seq, buf_view(&plain), out);
    if (plain.p)
        mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
    return rc;
}

static int turn_status(struct resealing *g, int old, uint32_t seq, struct slice status, struct buf *out)
{
    struct entry_status st;
    struct buf ids, error;
    int rc = 0;
    if (!entry_status_parse(status, &st))
        return 0;
    buf_init(&ids, st.ids.n + 64);
    buf_init(&error, st.error.n + 64);
    rc = turn(g, RECORD_IDS, old, seq, st.ids, &ids);
    if (rc == 0)
        rc = turn(g, RECORD_ERROR, old, seq, st.error, &error);
    st.ids = ids.n ? buf_view(&ids) : SLICE("");
    st.error = error.n ? buf_view(&error) : SLICE("");
    entry_status_write(&st, out);
    buf_clear(&ids);
    buf_clear(&error);
    return rc;
}

static int turn_entry(struct resealing *g, uint32_t seq, struct slice value, struct entry_head *h,
                      struct buf *out)
{
    struct arena *a = arena_new();
    struct store_entry e;
    int rc = entry_open(g->op, g->contact, g->thread, seq, value, SLICE(""), a, &e);
    if (rc == 0 && e.erased)
        rc = -ERR_ERASED;
    if (rc == 0) {
        h->clearance = g->clearance;
        entry_seal(g->op, g->contact, g->kid, g->thread, h, e.provider_ms, e.text, e.extra, out);
    }
    arena_free(&a);
    return rc;
}

static void one(struct resealing *g, uint32_t seq, struct slice value, struct slice status)
{
    struct entry_head h;
    struct slice head, envelope;
    int64_t time;
    struct buf entry, new_status;
    struct store_args a;
    if (!entry_parse(value, &h, &time, &head, &envelope) || h.clearance >= g->clearance ||
        envelope.n < CRYPTO_OVERHEAD)
        return;
    int old = h.clearance;
    buf_init(&entry, value.n + 64);
    buf_init(&new_status, status.n + 256);
    int rc = turn_entry(g, seq, value, &h, &entry);
    if (rc == 0)
        rc = turn_status(g, old, seq, status, &new_status);
    if (rc == 0) {
        store_args_init(&a);
        store_arg_handle(&a, g->thread);
        store_arg_int(&a, seq);
        store_arg(&a, slice_of(envelope.p + 5, 12));
        store_arg_int(&a, envelope.p + 5 - value.p);
        store_arg(&a, buf_view(&entry));
        store_arg(&a, status);
        store_arg(&a, new_status.n ? buf_view(&new_status) : status);
        store_arg_str(&a, "");
        g->pending++;
        store_call(g->op, "entry_replace", &a, replaced, g);
    } else if (rc != -ERR_ERASED) {
        err_set(&g->e, ERR_CORRUPT, "an entry does not decrypt");
    }
    buf_clear(&entry);
    buf_clear(&new_status);
}

static void loaded(void *arg, const struct err *e)
{
    struct resealing *g = arg;
    g->e = *e;
    if (e->code)
        end(g);
    else
        ask(g);
}

static void page_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct resealing *g = arg;
    if (e->code || r->n < 4) {
        g->e = *e;
        end(g);
        return;
    }
    g->contact = store_handle_get(store_item(r, 0));
    g->kid = (uint32_t)store_number(r->items[1]);
    g->clearance = (int)store_number(r->items[2]);
    g->last = (uint32_t)store_number(r->items[3]);
    if (keys_state(g->op, g->kid) == KEYS_NOT_LOADED) {
        keys_load(g->op, &g->kid, 1, loaded, g);
        return;
    }
    g->pending = 1;
    for (size_t i = 4; i + 2 < r->n && keys_state(g->op, g->kid) == KEYS_HERE; i += 3)
        one(g, (uint32_t)store_number(r->items[i]), store_item(r, i + 1), store_item(r, i + 2));
    page_release(g);
}

static void ask(struct resealing *g)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, g->thread);
    store_arg_int(&a, g->from);
    store_arg_int(&a, (int64_t)g->from + PAGE - 1);
    store_call(g->op, "entries", &a, page_read, g);
}

void store_reseal(struct store_op *op, uint64_t thread, store_done done, void *arg)
{
    struct resealing *g = mem_alloc(sizeof(*g));
    *g = (struct resealing){.op = op, .thread = thread, .from = 1, .done = done, .arg = arg};
    ask(g);
}
