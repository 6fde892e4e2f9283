/* SPDX-License-Identifier: Apache-2.0
 * The channel's outbox: who holds the channel's lease sends, at most one message at a time to each recipient,
 * as fast as provider and recipient bear. "Begun" is on disk before the provider is called, so that a crash
 * in between is told as unknown. */
#include "gateway/host/out.h"
#include "gateway/base/log.h"
#include "gateway/host/trial.h"
#include <stdio.h>
#include <string.h>

#define SEND_LEASE_MS   15000
#define SEND_GIVE_UP_MS 150000
#define SEND_CANCEL_MS  10000 /* for a connector that was told to cancel */
#define SEND_AGAIN_MS   250   /* after CONNECTOR_EAGAIN */
#define SEND_RECIPIENTS 20000u

/* ---- tokens ---- */

void out_token_drop(struct out *o)
{
    if (o->token) {
        o->token->o = NULL;
        o->token = NULL;
        if (o->box)
            o->box->sending--;
    }
}

void out_free(struct out *o)
{
    out_token_drop(o);
    list_del(&o->link);
    if (o->timer)
        timer_free(&o->timer);
    for (size_t i = 0; i < o->files_n; i++) {
        if (o->attachments[i].n)
            mem_wipe((void *)(uintptr_t)o->attachments[i].p, o->attachments[i].n);
    }
    arena_free(&o->a);
    mem_free(o);
}

struct wire_about send_about(connector_token t)
{
    /* Never for what is sealed: not even encrypted. */
    if (!t->o || t->o->clearance >= 2)
        return (struct wire_about){0};
    return (struct wire_about){.set = true, .thread = t->o->thread, .seq = t->o->seq};
}

struct slice send_attachment(const struct channel *ch, const char *blob)
{
    const struct out_box *b = ch->out;
    for (struct list *n = b ? b->outs.next : NULL; n && n != &b->outs; n = n->next) {
        const struct out *o = container_of(n, struct out, link);
        for (size_t i = 0; i < o->files_n; i++) {
            if (strcmp(o->files[i].blob, blob) == 0)
                return o->attachments[i];
        }
    }
    return slice_str(NULL);
}

/* ---- one part to the connector ---- */

static void hand_over(struct out *o);

static void unknown(struct out *o, const char *text)
{
    const struct connector_result r = {
        .size = sizeof(r), .outcome = CONNECTOR_OUT_UNKNOWN, .text = bytes_from(slice_str(text))};
    outcome_take(o, &r);
}

static void on_given_up(void *arg)
{
    struct out *o = arg;
    const struct connector *c = o->box->ch->plugin->c;
    if (o->state != OUT_SENDING)
        return;
    if (c->cancel && !o->not_before) {
        o->not_before = 1; /* once */
        timer_start(o->timer, SEND_CANCEL_MS);
        c->cancel(o->box->ch->c, o->token); /* may end it from inside */
        return;
    }
    log_event(LOG_WARN, "send.no_end", log_str("operation", o->box->ch->o->name),
              log_str("channel", o->box->ch->id));
    out_token_drop(o);
    unknown(o, "the connector never said how it ended");
}

static void on_again(void *arg)
{
    struct out *o = arg;
    if (o->state == OUT_SENDING && !o->token)
        hand_over(o);
    else
        on_given_up(o);
}

static void timer_set(struct out *o, unsigned ms)
{
    if (!o->timer)
        o->timer = timer_new(o->box->ch->o->h->loop, on_again, o);
    timer_start(o->timer, ms);
}

static enum connector_kind kind_of(enum store_kind k)
{
    return k == STORE_EDIT       ? CONNECTOR_EDIT
           : k == STORE_DELETION ? CONNECTOR_DELETION
           : k == STORE_REACTION ? CONNECTOR_REACTION
                                 : CONNECTOR_MESSAGE;
}

static struct connector_message message_of(const struct out *o)
{
    const struct out_part *p = &o->parts[o->part];
    bool last = o->part + 1 == o->parts_n;
    return (struct connector_message){
        .size = sizeof(struct connector_message),
        .kind = kind_of(o->kind),
        .entry = o->entry,
        .attempt = o->tries + 1,
        .to = bytes_from(o->to),
        .text = bytes_from(p->text),
        .part = (unsigned)o->part,
        .parts = (unsigned)o->parts_n,
        .language = o->language,
        .files = p->files ? &o->files[p->file] : NULL,
        .files_n = p->files,
        .choices = last ? o->choices : NULL,
        .choices_n = last ? o->choices_n : 0,
        .target = bytes_from(o->targets_n > 1 ? o->targets[o->part] : o->target),
        .reply_to = o->part == 0 ? bytes_from(o->reply_to) : (struct connector_bytes){0},
        .location = last ? o->location : NULL};
}

static void hand_over(struct out *o)
{
    struct out_box *b = o->box;
    struct connector_message m = message_of(o);
    connector_token t = mem_alloc(sizeof(*t));
    t->o = o;
    list_push(&b->tokens, &t->link);
    o->state = OUT_SENDING;
    o->token = t;
    o->not_before = 0;
    b->sending++;
    o->inside = true;
    int rc = b->ch->plugin->c->send(b->ch->c, &m, t);
    o->inside = false;
    if (rc == CONNECTOR_OK && !o->early) {
        timer_set(o, SEND_GIVE_UP_MS);
        return;
    }
    out_token_drop(o);
    list_del(&t->link);
    mem_free(t);
    if (o->early)
        unknown(o, "the connector ended it from inside `send`");
    else if (rc == CONNECTOR_EAGAIN)
        timer_set(o, SEND_AGAIN_MS);
    else
        outcome_failed(o, "refused", "the connector cannot send this");
}

static void h_sent(void *inst, connector_token t, const struct connector_result *r)
{
    struct out *o = t->o;
    struct connector_result copy = {0};
    (void)inst;
    memcpy(&copy, r, r->size < sizeof(copy) ? r->size : sizeof(copy));
    if (t->trial) {
        struct trial *trial = t->trial;
        list_del(&t->link);
        mem_free(t);
        trial_end(trial, &copy);
        return;
    }
    if (!o) { /* given up, or the box is closed: its memory is send_free's or ours */
        struct channel *ch = CHANNEL(inst);
        if (!ch->out || ch->out->closing)
            return;
        list_del(&t->link);
        mem_free(t);
        return;
    }
    if (o->inside) {
        o->early = true;
        return;
    }
    out_token_drop(o);
    list_del(&t->link);
    mem_free(t);
    if (o->timer)
        timer_stop(o->timer);
    outcome_take(o, &copy);
}

/* ---- whose turn it is ---- */

static void on_begun(void *arg, const struct err *e)
{
    struct out *o = arg;
    struct out_box *b = o->box;
    o->owed = false;
    if (!b || b->closing || !b->outbox) {
        out_free(o);
        return;
    }
    if (e->code) { /* nothing was sent: its turn comes again */
        o->state = OUT_WAITING;
        o->not_before = (int64_t)loop_now_ms(b->ch->o->h->loop) + 1000;
        box_pump(b);
        return;
    }
    o->begun = true;
    hand_over(o);
}

static struct bucket *recipient(struct out_box *b, const struct out *o)
{
    struct bucket *r = map_get(&b->recipients, o->to);
    if (!r) {
        if (b->recipients.n >= SEND_RECIPIENTS)
            map_clear(&b->recipients, mem_free);
        r = mem_alloc(sizeof(*r));
        r->left = b->ch->limits.recipient_burst ? b->ch->limits.recipient_burst : 1;
        r->at_ms = (int64_t)loop_now_ms(b->ch->o->h->loop);
        map_put(&b->recipients, o->to, r);
    }
    return r;
}

/* False: not now; *wait says how long (the channel's), or the message's own not_before is set. */
static bool may_go(struct out_box *b, struct out *o, int64_t now, unsigned *wait)
{
    const struct connector_limits *l = &b->ch->limits;
    unsigned ms;
    if (o->not_before > now)
        return false;
    if (l->recipient_per_minute) {
        struct bucket *r = recipient(b, o);
        double burst = l->recipient_burst ? l->recipient_burst : 1;
        if (!bucket_take(r, now, (double)l->recipient_per_minute / 60000.0, burst, &ms)) {
            o->not_before = now + ms;
            return false;
        }
        if (l->per_second &&
            !bucket_take(&b->rate, now, (double)l->per_second / 1000.0, l->burst ? l->burst : 1, wait)) {
            r->left += 1; /* not used */
            return false;
        }
        return true;
    }
    return !l->per_second ||
           bucket_take(&b->rate, now, (double)l->per_second / 1000.0, l->burst ? l->burst : 1, wait);
}

static void begin(struct out *o)
{
    if (o->begun) {
        hand_over(o);
        return;
    }
    o->state = OUT_BEGINNING;
    o->owed = true;
    store_out_begin(o->box->outbox, o->item, on_begun, o);
}

static void pump_later(struct out_box *b, int64_t ms)
{
    timer_start(b->pump, (uint64_t)(ms < 1 ? 1 : ms > 60000 ? 60000 : ms));
}

static bool busy(const struct out_box *b)
{
    for (const struct list *n = b->outs.next; n != &b->outs; n = n->next) {
        enum out_state s = container_of(n, const struct out, link)->state;
        if (s == OUT_BEGINNING || s == OUT_SENDING || s == OUT_NOTING)
            return true;
    }
    return false;
}

static bool held_back(struct out_box *b, int64_t now)
{
    if (b->closing || !b->outbox || !channel_running(b->ch) || b->breaker == BREAKER_OPEN || b->ch->paused)
        return true;
    if (b->hold_until > now) {
        pump_later(b, b->hold_until - now);
        return true;
    }
    return b->breaker == BREAKER_HALF && busy(b); /* one message tries it */
}

/* The next one in its class: emergencies, then replies, then the rest. */
static struct out *next_of(struct out_box *b, int priority, int64_t now, int64_t *soonest, unsigned *wait)
{
    for (struct list *n = b->outs.next; n != &b->outs; n = n->next) {
        struct out *o = container_of(n, struct out, link);
        if (o->state != OUT_WAITING || o->priority != priority)
            continue;
        if (may_go(b, o, now, wait))
            return o;
        if (*wait)
            return NULL;
        if (o->not_before > now && (!*soonest || o->not_before < *soonest))
            *soonest = o->not_before;
    }
    return NULL;
}

void box_pump(struct out_box *b)
{
    int64_t now = (int64_t)loop_now_ms(b->ch->o->h->loop), soonest = 0;
    unsigned wait = 0;
    for (int priority = 0; priority < 3 && !wait;) {
        struct out *o = held_back(b, now) ? NULL : next_of(b, priority, now, &soonest, &wait);
        if (o)
            begin(o);
        else
            priority++;
    }
    if (wait)
        pump_later(b, wait);
    else if (soonest)
        pump_later(b, soonest - now);
}

static void on_pump(void *arg)
{
    box_pump(arg);
}

/* ---- what the store gives ---- */

/* why: "code: words" */
static void cannot(struct out *o, const char *why)
{
    char code[32];
    size_t n = strcspn(why, ":");
    snprintf(code, sizeof(code), "%.*s", (int)(n < 31 ? n : 31), why);
    outcome_failed(o, code, why + n + (why[n] ? 2 : 0));
}

static void plan(struct out *o)
{
    struct out_box *b = o->box;
    const char *why = plan_parts(b->ch, o);
    if (why) {
        cannot(o, why);
        return;
    }
    plan_progress(o, o->progress);
    o->state = OUT_WAITING;
    box_pump(b);
}

/* The entry that it answers or changes: what the provider calls it. */
static void on_about(void *arg, const struct err *e, const struct store_entry *en)
{
    struct out *o = arg;
    o->owed = false;
    if (!o->box || o->box->closing) {
        out_free(o);
        return;
    }
    /* What is quoted is of the same conversation: an id of somebody else's message is none of theirs. */
    bool theirs = !e->code && strcmp(en->thread.s, o->thread.s) == 0;
    struct slice id = theirs ? history_external(en, o->a) : slice_str(NULL);
    if (o->kind == STORE_MESSAGE)
        o->reply_to = id;
    else if (id.n)
        o->target = id;
    if (theirs && (o->kind == STORE_DELETION || o->kind == STORE_EDIT))
        o->targets_n = history_externals(en, o->a, o->targets, sizeof(o->targets) / sizeof(o->targets[0]));
    plan(o);
}

static void on_item(void *arg, const struct store_out_item *i)
{
    struct out_box *b = arg;
    struct channel *ch = b->ch;
    struct out *o = mem_alloc(sizeof(*o));
    o->box = b;
    o->a = arena_new();
    o->state = OUT_WAITING;
    list_push(&b->outs, &o->link);
    const char *why = plan_read(ch, o, i);
    if (!why && i->begun && !(ch->capabilities & CONNECTOR_IDEMPOTENT)) {
        outcome_unknown(o, "it was being sent when the connection or this server was cut off");
        return;
    }
    if (why) {
        cannot(o, why);
    } else if (o->about.s[0]) {
        o->state = OUT_LOOKING;
        o->owed = true;
        store_entry_find(ch->o->op, o->about, on_about, o);
    } else {
        plan(o);
    }
}

/* ---- the lease ---- */

static void box_empty(struct out_box *b)
{
    for (struct list *n; (n = list_pop(&b->outs));) {
        struct out *o = container_of(n, struct out, link);
        out_token_drop(o);
        o->box = NULL;
        if (o->timer)
            timer_free(&o->timer);
        if (!o->owed)
            out_free(o);
    }
    if (b->outbox)
        store_outbox_close(&b->outbox);
}

/* Another node sends from now on: what is with the provider is told as unknown there. */
static void on_lost(void *arg)
{
    struct out_box *b = arg;
    const struct connector *c = b->ch->plugin->c;
    connector_token under_way[64];
    size_t n = 0;
    for (struct list *l = b->tokens.next; l != &b->tokens && n < 64; l = l->next) {
        connector_token t = container_of(l, struct connector_token, link);
        if (t->o)
            under_way[n++] = t;
    }
    box_empty(b);
    for (size_t i = 0; i < n && c->cancel; i++)
        c->cancel(b->ch->c, under_way[i]);
}

static void on_lease(void *arg, bool yes, uint64_t fence)
{
    struct out_box *b = arg;
    struct channel *ch = b->ch;
    if (b->closing)
        return;
    on_lost(b);
    if (!yes)
        return;
    unsigned window = ch->limits.in_flight_max ? ch->limits.in_flight_max : 16;
    b->outbox = store_outbox_open(ch->o->op, ch->id, fence, window, on_item, on_lost, b);
    if (ch->paused)
        store_outbox_pause(b->outbox, true);
}

void send_open(struct channel *ch)
{
    struct out_box *b = mem_alloc(sizeof(*b));
    char name[96];
    b->ch = ch;
    list_init(&b->outs);
    list_init(&b->tokens);
    map_init(&b->recipients);
    b->pump = timer_new(ch->o->h->loop, on_pump, b);
    b->probe = timer_new(ch->o->h->loop, outcome_probe, b);
    b->rate = (struct bucket){ch->limits.burst ? ch->limits.burst : 1, (int64_t)loop_now_ms(ch->o->h->loop)};
    ch->out = b;
    snprintf(name, sizeof(name), "channel:%s", ch->id);
    b->lease = store_lease_new(ch->o->op, name, SEND_LEASE_MS, on_lease, b);
}

void send_pause(struct channel *ch)
{
    if (ch->out && ch->out->outbox)
        store_outbox_pause(ch->out->outbox, true);
}

void send_close(struct channel *ch)
{
    struct out_box *b = ch->out;
    if (!b)
        return;
    b->closing = true;
    box_empty(b);
    store_lease_free(&b->lease);
    timer_free(&b->pump);
    timer_free(&b->probe);
    map_clear(&b->recipients, mem_free);
}

void send_free(struct channel *ch)
{
    struct out_box *b = ch->out;
    if (!b)
        return;
    for (struct list *n; (n = list_pop(&b->tokens));) {
        connector_token t = container_of(n, struct connector_token, link);
        if (t->trial)
            trial_end(t->trial, NULL);
        mem_free(t);
    }
    mem_clear(&ch->out);
}

bool send_paused(const struct channel *ch, const char **why)
{
    const struct out_box *b = ch->out;
    bool held = b && b->hold_until > (int64_t)loop_now_ms(ch->o->h->loop) + 2000;
    if (b && ch->paused) {
        *why = "paused by an administrator: what comes in is taken, nothing is sent";
        return true;
    }
    if (!b || (b->breaker == BREAKER_CLOSED && !held))
        return false;
    *why = b->breaker != BREAKER_CLOSED ? b->why : "the provider asks us to wait";
    return true;
}

void host_api_send(struct connector_host *a)
{
    a->sent = h_sent;
}
