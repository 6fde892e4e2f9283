/* SPDX-License-Identifier: Apache-2.0
 * The outbox as the holder of a channel's lease sees it: takes what is due, at most `window` under way and
 * one per recipient (the function sees to that), and gives each to the caller. Woken by events, by the time
 * of the next, and each second in case an event was lost. */
#include "store/outbox.h"
#include "gateway/base/json.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <string.h>

#define POLL_MS  1000
#define AGAIN_MS 500
#define AT_ONCE  50

static void take(struct store_outbox *o);

/* ---- lives ---- */

static void hold(struct store_outbox *o)
{
    o->pending++;
}

void outbox_release(struct store_outbox *o)
{
    if (--o->pending || !o->closed)
        return;
    for (struct list *n; (n = list_pop(&o->under_way));)
        mem_free(container_of(n, struct out_under_way, node));
    timer_free(&o->next);
    mem_free(o->channel);
    mem_free(o);
}

static void lost_now(void *arg)
{
    struct store_outbox *o = arg;
    if (!o->closed)
        o->lost(o->arg);
    outbox_release(o);
}

void outbox_fenced(struct store_outbox *o)
{
    if (o->gone || o->closed)
        return;
    o->gone = true;
    timer_stop(o->next);
    hold(o);
    loop_defer(store_loop(o->op->store), lost_now, o);
}

static bool stopped(const struct store_outbox *o)
{
    return o->closed || o->gone;
}

static void later(struct store_outbox *o, int64_t ms)
{
    if (!stopped(o))
        timer_start(o->next, ms < 0 || ms > POLL_MS ? POLL_MS : (uint64_t)ms);
}

struct out_under_way *outbox_find(struct store_outbox *o, const char *item)
{
    for (struct list *n = o->under_way.next; n != &o->under_way; n = n->next) {
        struct out_under_way *u = container_of(n, struct out_under_way, node);
        if (strcmp(u->id.s, item) == 0)
            return u;
    }
    return NULL;
}

void outbox_ended(struct store_outbox *o, struct out_under_way *u)
{
    list_del(&u->node);
    mem_free(u);
    o->under_way_n--;
    take(o);
}

void outbox_call(struct store_outbox *o, const char *fn, const struct out_under_way *u,
                 const struct store_args *more, store_reply cb, void *arg)
{
    struct store_args a;
    char item[12];
    store_args_init(&a);
    store_arg_str(&a, o->channel);
    store_arg_int(&a, (int64_t)o->fence);
    if (u) {
        store_handle_put(item, u->thread);
        for (int i = 0; i < 4; i++)
            item[8 + i] = (char)(unsigned char)(u->seq >> (24 - 8 * i));
        store_arg_copy(&a, item, sizeof(item));
        store_arg(&a, slice_of(u->blind, 16));
    }
    for (size_t i = 0; more && i < more->n; i++)
        store_arg(&a, more->v[i]);
    hold(o);
    store_call(o->op, fn, &a, cb, arg);
}

/* ---- opening: the fence, and what an earlier holder had under way ---- */

static void opened(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct store_outbox *o = arg;
    (void)r;
    o->taking = false;
    if (e->code == ERR_CONFLICT) {
        outbox_fenced(o);
    } else if (e->code) {
        later(o, AGAIN_MS);
    } else {
        o->opened = true;
        o->unsure = false;
        take(o);
    }
    outbox_release(o);
}

static void open_now(struct store_outbox *o)
{
    struct store_args keep;
    store_args_init(&keep);
    for (struct list *n = o->under_way.next; n != &o->under_way && keep.n < STORE_ARGS - 8; n = n->next)
        store_arg(&keep, slice_of(container_of(n, struct out_under_way, node)->blind, 16));
    o->taking = true;
    outbox_call(o, "out_open", NULL, &keep, opened, o);
}

/* ---- taking ---- */

struct taken { /* an item whose key is being loaded */
    struct store_outbox *o;
    struct out_under_way *u;
    struct slice parts[5]; /* entry, status, progress, address, target's status: ours */
};

static void taken_free(struct taken *t)
{
    for (size_t i = 0; i < 5; i++)
        mem_free((void *)(uintptr_t)t->parts[i].p);
    mem_free(t);
}

static struct slice target_id(struct taken *t, struct arena *a, const struct entry_head *h)
{
    struct entry_status st;
    struct err none;
    struct slice first = SLICE("");
    if (!entry_status_parse(t->parts[4], &st))
        return first;
    struct slice json = record_text(t->o->op, RECORD_IDS, t->u->contact, h->clearance, h->target_thread,
                                    h->target_seq, st.ids, a);
    json_t *list = json.n ? json_parse(json, 4, &none) : NULL;
    const char *id = json_string_value(json_array_get(list, 0));
    if (id)
        first = arena_slice(a, slice_str(id));
    json_decref(list);
    return first;
}

/* What can't be sent ends as failed, so that it does not stand in the way. */
static void unsendable(struct taken *t, const char *why)
{
    struct store_outbox *o = t->o;
    struct store_out_result r = {.status = STORE_FAILED, .error = slice_str(why)};
    store_out_result(o, t->u->id.s, &r, NULL, NULL);
}

static void give(struct taken *t)
{
    struct store_outbox *o = t->o;
    struct out_under_way *u = t->u;
    struct arena *a = arena_new();
    struct entry_head h;
    struct entry_status st = {0};
    struct slice head, envelope;
    int64_t time;
    struct store_out_item i = {.item = u->id.s};
    int rc = entry_open(o->op, u->contact, u->thread, u->seq, t->parts[0], t->parts[1], a, &i.entry);
    i.contact = store_id_of(o->op, u->contact, STORE_SEQ_CONTACT);
    i.address = record_text(o->op, RECORD_ADDRESS, u->contact, 0, store_handle_get(slice_of(u->blind, 8)), 0,
                            t->parts[3], a);
    if (rc || i.entry.erased) {
        unsendable(t, "{\"code\":\"erased\",\"text\":\"The message can no longer be read\"}");
    } else if (i.address.n == 0) {
        unsendable(t, "{\"code\":\"address\",\"text\":\"The address was forgotten\"}");
    } else {
        entry_parse(t->parts[0], &h, &time, &head, &envelope);
        entry_status_parse(t->parts[1], &st);
        u->clearance = h.clearance;
        i.tries = st.tries;
        i.begun = st.begun;
        i.progress =
            record_text(o->op, RECORD_PROGRESS, u->contact, h.clearance, u->thread, u->seq, t->parts[2], a);
        i.target_external = target_id(t, a, &h);
        o->item(o->arg, &i);
    }
    arena_free(&a);
}

static void loaded(void *arg, const struct err *e)
{
    struct taken *t = arg;
    struct store_outbox *o = t->o;
    if (stopped(o)) {
        ;
    } else if (e->code) { /* not given to anybody: it is due again */
        o->unsure = true;
        list_del(&t->u->node);
        mem_free(t->u);
        o->under_way_n--;
        later(o, AGAIN_MS);
    } else {
        give(t);
    }
    taken_free(t);
    outbox_release(o);
}

static void take_one(struct store_outbox *o, const struct redis_reply *d)
{
    static const size_t at[5] = {2, 3, 4, 7, 8};
    struct slice item = store_item(d, 0), blind = store_item(d, 1);
    if (item.n != 12 || blind.n != 16)
        return;
    struct taken *t = mem_alloc(sizeof(*t));
    struct out_under_way *u = mem_alloc(sizeof(*u));
    const unsigned char *p = (const unsigned char *)item.p;
    *t = (struct taken){.o = o, .u = u};
    u->thread = store_handle_get(slice_of(item.p, 8));
    u->seq = (uint32_t)p[8] << 24 | (uint32_t)p[9] << 16 | (uint32_t)p[10] << 8 | p[11];
    u->contact = store_handle_get(store_item(d, 5));
    u->kid = (uint32_t)store_number(d->items[6]);
    u->id = store_id_of(o->op, u->thread, u->seq);
    memcpy(u->blind, blind.p, 16);
    for (size_t i = 0; i < 5; i++) {
        struct slice s = store_item(d, at[i]);
        t->parts[i] = slice_of(mem_dup(s.p ? s.p : "", s.n), s.n);
    }
    list_push(&o->under_way, &u->node);
    o->under_way_n++;
    hold(o);
    keys_load(o->op, &u->kid, 1, loaded, t);
}

static void take_answered(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct store_outbox *o = arg;
    o->taking = false;
    if (e->code == ERR_CONFLICT) {
        outbox_fenced(o);
    } else if (e->code) {
        o->unsure = true; /* it may have leased some that nobody has seen */
        later(o, AGAIN_MS);
    } else if (!stopped(o)) {
        for (size_t i = 1; i < r->n; i++)
            take_one(o, r->items[i]);
        later(o, store_number(r->items[0]));
        if (o->more)
            take(o);
    }
    outbox_release(o);
}

static void take(struct store_outbox *o)
{
    struct store_args a;
    if (stopped(o) || o->paused)
        return;
    if (o->taking) {
        o->more = true;
        return;
    }
    if (!o->opened || o->unsure) {
        open_now(o);
        return;
    }
    o->more = false;
    if (o->under_way_n >= o->window)
        return;
    unsigned n = o->window - o->under_way_n;
    o->taking = true;
    store_args_init(&a);
    store_arg_int(&a, n < AT_ONCE ? n : AT_ONCE);
    outbox_call(o, "out_take", NULL, &a, take_answered, o);
}

static void due(void *arg)
{
    struct store_outbox *o = arg;
    later(o, POLL_MS);
    take(o);
}

/* ---- the doors ---- */

struct store_outbox *store_outbox_open(struct store_op *op, const char *channel, uint64_t fence,
                                       unsigned window,
                                       void (*item)(void *arg, const struct store_out_item *i),
                                       void (*lost)(void *arg), void *arg)
{
    struct store_outbox *o = mem_alloc(sizeof(*o));
    *o = (struct store_outbox){
        .op = op, .channel = mem_strdup(channel), .fence = fence, .item = item, .lost = lost, .arg = arg};
    o->window = window ? (window < STORE_ARGS - 8 ? window : STORE_ARGS - 8) : 1;
    list_init(&o->under_way);
    list_push(&op->outboxes, &o->node);
    o->next = timer_new(store_loop(op->store), due, o);
    timer_start(o->next, 0);
    return o;
}

void store_outbox_close(struct store_outbox **op)
{
    struct store_outbox *o = *op;
    if (!o)
        return;
    *op = NULL;
    list_del(&o->node);
    timer_stop(o->next);
    hold(o);
    o->closed = true;
    outbox_release(o);
}

void store_outbox_pause(struct store_outbox *o, bool paused)
{
    o->paused = paused;
    if (!paused)
        take(o);
}

void outbox_wake(struct store_op *op, struct slice channel)
{
    for (struct list *n = op->outboxes.next; n != &op->outboxes; n = n->next) {
        struct store_outbox *o = container_of(n, struct store_outbox, node);
        if (slice_is(channel, o->channel))
            take(o);
    }
}

void outbox_orphan(struct store_op *op)
{
    for (struct list *n; (n = list_pop(&op->outboxes));) {
        struct store_outbox *o = container_of(n, struct store_outbox, node);
        o->gone = true;
        timer_stop(o->next);
    }
}
