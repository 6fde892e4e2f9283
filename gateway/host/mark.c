/* SPDX-License-Identifier: Apache-2.0
 * What comes in beside messages: statuses of ours, read marks, typing, blocked. */
#include "gateway/host/deliver.h"
#include <stdio.h>
#include <string.h>

#define TYPING_CACHE    10000u
#define TYPING_KNOWN_MS 60000

static enum store_status status_of(enum connector_state s)
{
    static const enum store_status as[] = {[CONNECTOR_STORED] = STORE_STORED,
                                           [CONNECTOR_SENT] = STORE_SENT,
                                           [CONNECTOR_DELIVERED] = STORE_DELIVERED,
                                           [CONNECTOR_WAS_READ] = STORE_READ,
                                           [CONNECTOR_FAILED] = STORE_FAILED};
    return s >= CONNECTOR_STORED && s <= CONNECTOR_FAILED ? as[s] : STORE_SENT;
}

static void finished(void *arg, const struct err *e)
{
    struct item *it = arg;
    if (!e->code)
        deliver_result(it, CONNECTOR_ITEM_STORED, NULL);
    else if (err_temporary(e->code))
        it->b->err = CONNECTOR_EAWAY;
    else
        deliver_result(it, CONNECTOR_ITEM_IGNORED, NULL);
    deliver_one_done(it->b);
}

static void ignored(struct item *it, const struct err *e)
{
    if (e && err_temporary(e->code))
        it->b->err = CONNECTOR_EAWAY;
    else
        deliver_result(it, CONNECTOR_ITEM_IGNORED, NULL);
    deliver_one_done(it->b);
}

/* ---- by the provider's id ---- */

static struct slice error_json(const struct connector_item *src, struct arena *a)
{
    struct buf b;
    if (src->status != CONNECTOR_FAILED)
        return slice_str(NULL);
    buf_init(&b, 16384);
    buf_str(&b, "{\"code\":");
    buf_json_str(&b, src->error_code.n ? slice_from(src->error_code) : SLICE("provider"));
    buf_str(&b, ",\"text\":");
    buf_json_str(&b, slice_from(src->error_text));
    buf_char(&b, '}');
    struct slice out = arena_slice(a, buf_view(&b));
    buf_clear(&b);
    return out;
}

/* ---- by our entry's id: only the person to whom it belongs may mark it ---- */

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct item *it = arg;
    if (e->code || strcmp(c->id.s, it->contact.s) != 0) {
        ignored(it, e->code ? e : NULL);
        return;
    }
    enum store_status status = it->src->kind == CONNECTOR_READ ? STORE_READ : status_of(it->src->status);
    store_status_set(it->b->o->op, it->thread, it->seq, it->and_before, status, finished, it);
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct item *it = arg;
    struct channel *ch = deliver_channel(it->b);
    if (e->code || !ch) {
        ignored(it, e->code ? e : NULL);
        return;
    }
    it->contact = t->contact;
    struct slice address = address_inward(ch, slice_from(it->src->from), it->b->arena);
    store_contact_by_address(ch->o->op, address, on_contact, it);
}

static void on_entry(void *arg, const struct err *e, const struct store_entry *en)
{
    struct item *it = arg;
    struct channel *ch = deliver_channel(it->b);
    if (e->code || !ch || en->inbound || strcmp(en->channel, ch->id) != 0) {
        ignored(it, e->code ? e : NULL);
        return;
    }
    it->thread = en->thread;
    it->seq = en->seq;
    store_thread_get(ch->o->op, en->thread, on_thread, it);
}

static void by_target(struct channel *ch, struct item *it)
{
    struct slice target = slice_from(it->src->target);
    bool ours = id_valid(target) && (it->src->kind == CONNECTOR_READ || (ch->capabilities & CONNECTOR_PULL));
    if (ours && it->src->from.n) {
        struct id id;
        memcpy(id.s, target.p, ID_LEN);
        id.s[ID_LEN] = 0;
        it->and_before = it->src->kind == CONNECTOR_READ;
        store_entry_find(ch->o->op, id, on_entry, it);
        return;
    }
    enum store_status status = it->src->kind == CONNECTOR_READ ? STORE_READ : status_of(it->src->status);
    store_status_in(ch->o->op, ch->id, target, status, error_json(it->src, it->b->arena), finished, it);
}

/* ---- typing: never stored, so the person's thread is looked up and remembered for a minute ---- */

struct typing_to {
    struct id thread;
    int64_t until_ms;
};

static void signal_typing(struct channel *ch, struct item *it, struct id thread)
{
    struct store_signal s = {
        .what = "typing", .thread = thread, .agent = "", .channel = ch->id, .on = it->src->on};
    store_signal_send(ch->o->op, &s);
    deliver_result(it, CONNECTOR_ITEM_STORED, NULL);
    deliver_one_done(it->b);
}

static void on_typist(void *arg, const struct err *e, const struct store_contact *c)
{
    struct item *it = arg;
    struct channel *ch = deliver_channel(it->b);
    if (e->code || !ch || !c->threads_n) {
        ignored(it, NULL); /* typing is never worth a retry */
        return;
    }
    struct host_op *o = ch->o;
    if (o->typing.n >= TYPING_CACHE)
        map_clear(&o->typing, mem_free);
    struct typing_to *to = mem_alloc(sizeof(*to));
    *to = (struct typing_to){c->threads[0], (int64_t)loop_now_ms(o->h->loop) + TYPING_KNOWN_MS};
    mem_free(map_put(&o->typing, address_inward(ch, slice_from(it->src->from), it->b->arena), to));
    signal_typing(ch, it, to->thread);
}

static void later_typing(void *arg)
{
    struct item *it = arg;
    struct channel *ch = deliver_channel(it->b);
    struct slice address = ch ? address_inward(ch, slice_from(it->src->from), it->b->arena) : slice_str(NULL);
    const struct typing_to *to = ch ? map_get(&ch->o->typing, address) : NULL;
    if (!ch)
        ignored(it, NULL);
    else if (to && to->until_ms > (int64_t)loop_now_ms(ch->o->h->loop))
        signal_typing(ch, it, to->thread);
    else
        store_contact_by_address(ch->o->op, address, on_typist, it);
}

void mark_start(struct channel *ch, struct item *it)
{
    struct slice address;
    switch (it->src->kind) {
    case CONNECTOR_TYPING:
        loop_defer(ch->o->h->loop, later_typing, it);
        break;
    case CONNECTOR_BLOCKED:
        address = address_inward(ch, slice_from(it->src->from), it->b->arena);
        store_address_blocked(ch->o->op, ch->id, address, it->src->on, finished, it);
        break;
    default:
        by_target(ch, it);
    }
}
