/* SPDX-License-Identifier: Apache-2.0
 * How a send ended and what follows: the next part, another try, the dead list; and the breaker that spares a
 * provider that is down. */
#include "gateway/host/out.h"
#include "gateway/base/log.h"
#include <stdio.h>
#include <string.h>

#define OUTCOME_OLD_MS   (INT64_C(5) * 86400000) /* then it is not tried any more */
#define OUTCOME_BASE_MS  2000u
#define OUTCOME_MOST_MS  600000u
#define OUTCOME_WRITE_MS 1000u /* between tries to write a result down */
#define OUTCOME_RATE_MS  5000u /* when a provider does not say how long to wait */
#define BREAKER_FAILURES 5u
#define BREAKER_MS       5000u
#define BREAKER_MOST_MS  300000u
#define BREAKER_AUTH_MS  600000u /* credentials rarely mend by themselves */

static int64_t now_of(const struct out_box *b)
{
    return (int64_t)loop_now_ms(b->ch->o->h->loop);
}

/* ---- writing it down ---- */

static void on_written(void *arg, const struct err *e);

static void write_result(void *arg)
{
    struct out *o = arg;
    o->owed = true;
    store_out_result(o->box->outbox, o->item, &o->result, on_written, o);
}

static void on_written(void *arg, const struct err *e)
{
    struct out *o = arg;
    struct out_box *b = o->box;
    o->owed = false;
    if (!b || b->closing || !b->outbox) {
        out_free(o);
        return;
    }
    if (e->code && err_temporary(e->code)) { /* it must not be lost: until it is there or the lease is gone */
        if (o->timer)
            timer_free(&o->timer);
        o->timer = timer_new(b->ch->o->h->loop, write_result, o);
        timer_start(o->timer, OUTCOME_WRITE_MS);
        return;
    }
    out_free(o);
    box_pump(b);
}

static void end(struct out *o)
{
    o->state = OUT_ENDING;
    o->result.external_ids = o->ids;
    o->result.external_ids_n = o->ids_n;
    write_result(o);
}

static struct slice error_json(struct out *o, struct slice code, struct slice text)
{
    struct buf clean, b;
    buf_init(&clean, 8192);
    buf_init(&b, 16384);
    if (text.n > 1000 || !text_valid(text, NULL))
        text = SLICE("(no text)");
    wire_redact(o->box->ch, text, &clean);
    buf_str(&b, "{\"code\":");
    buf_json_str(&b, code.n && code.n <= 64 && text_valid(code, NULL) ? code : SLICE("error"));
    buf_str(&b, ",\"text\":");
    buf_json_str(&b, buf_view(&clean));
    buf_char(&b, '}');
    struct slice out = arena_slice(o->a, buf_view(&b));
    buf_clear(&clean);
    buf_clear(&b);
    return out;
}

static void final(struct out *o, enum store_status status, struct slice code, struct slice text)
{
    struct channel_metrics *m = &o->box->ch->m;
    o->result = (struct store_out_result){.status = status,
                                          .error = error_json(o, code, text),
                                          .dead = status == STORE_FAILED,
                                          .blocked = o->result.blocked};
    metric_add(status == STORE_FAILED ? m->failed : m->unknown, 1);
    log_event(LOG_WARN, status == STORE_FAILED ? "send.failed" : "send.unknown",
              log_str("operation", o->box->ch->o->name), log_str("channel", o->box->ch->id),
              log_slice("code", code), log_int("tries", o->tries + 1));
    end(o);
}

void outcome_failed(struct out *o, const char *code, const char *text)
{
    final(o, STORE_FAILED, slice_str(code), slice_str(text));
}

void outcome_unknown(struct out *o, const char *text)
{
    final(o, STORE_UNKNOWN_OUTCOME, SLICE("unknown"), slice_str(text));
}

/* Full jitter: anything up to 2 s, 4 s, 8 s … 10 min. */
static uint32_t backoff(unsigned tries)
{
    uint64_t most = (uint64_t)OUTCOME_BASE_MS << (tries < 16 ? tries : 16);
    most = most > OUTCOME_MOST_MS ? OUTCOME_MOST_MS : most;
    return (uint32_t)(200 + text_random_u64() % most);
}

void outcome_again(struct out *o, uint32_t after_ms)
{
    struct host *h = o->box->ch->o->h;
    uint32_t wait = backoff(o->tries);
    o->result = (struct store_out_result){
        .status = STORE_STORED, .retry_ms = store_now_ms(h->store) + (after_ms > wait ? after_ms : wait)};
    metric_add(o->box->ch->m.retried, 1);
    end(o);
}

static bool too_old(const struct out *o)
{
    return store_now_ms(o->box->ch->o->h->store) - o->time_ms > OUTCOME_OLD_MS;
}

/* ---- the breaker ---- */

static void breaker_open(struct out_box *b, uint32_t ms)
{
    b->breaker = BREAKER_OPEN;
    b->open_until = now_of(b) + ms;
    if (b->outbox)
        store_outbox_pause(b->outbox, true);
    timer_start(b->probe, ms);
}

static void breaker_failure(struct out_box *b)
{
    b->failures++;
    if (b->breaker == BREAKER_OPEN || (b->breaker == BREAKER_CLOSED && b->failures < BREAKER_FAILURES))
        return;
    uint64_t most = (uint64_t)BREAKER_MS << (b->opens < 8 ? b->opens : 8);
    most = most > BREAKER_MOST_MS ? BREAKER_MOST_MS : most;
    uint32_t ms = (uint32_t)(most / 2 + text_random_u64() % (most / 2));
    b->opens++;
    snprintf(b->why, sizeof(b->why),
             "the provider does not answer: %u tries failed, the next one within %u s", b->failures,
             ms / 1000 + 1);
    breaker_open(b, ms);
    log_event(LOG_WARN, "breaker.open", log_str("operation", b->ch->o->name), log_str("channel", b->ch->id),
              log_int("failures", b->failures), log_int("ms", ms));
}

static void breaker_success(struct out_box *b)
{
    b->failures = b->opens = 0;
    if (b->auth) {
        b->auth = false;
        b->ch->up = true;
        b->ch->why[0] = 0;
        metric_set(b->ch->m.up, 1);
    }
    if (b->breaker == BREAKER_CLOSED)
        return;
    b->breaker = BREAKER_CLOSED;
    timer_stop(b->probe);
    log_event(LOG_INFO, "breaker.closed", log_str("operation", b->ch->o->name),
              log_str("channel", b->ch->id));
}

void outcome_probe(void *box)
{
    struct out_box *b = box;
    b->breaker = BREAKER_HALF;
    if (b->outbox)
        store_outbox_pause(b->outbox, false);
    box_pump(b);
}

/* ---- what the connector says ---- */

static void take_ids(struct out *o, const struct connector_result *r)
{
    for (size_t i = 0; i < r->external_ids_n && i < 10; i++) {
        struct slice id = slice_from(r->external_ids[i]);
        if (id.n && id.n <= 512 && text_valid(id, NULL) && o->ids_n < sizeof(o->ids) / sizeof(o->ids[0]))
            o->ids[o->ids_n++] = arena_slice(o->a, id);
    }
}

static void on_noted(void *arg, const struct err *e);

static void note(struct out *o)
{
    o->state = OUT_NOTING;
    o->owed = true;
    store_out_progress(o->box->outbox, o->item, plan_note(o, o->a), on_noted, o);
}

static void on_noted(void *arg, const struct err *e)
{
    struct out *o = arg;
    struct out_box *b = o->box;
    o->owed = false;
    if (!b || b->closing || !b->outbox) {
        out_free(o);
        return;
    }
    if (e->code &&
        err_temporary(
            e->code)) { /* not to be repeated after a crash, so it is written before the next part goes */
        note(o);
        return;
    }
    o->state = OUT_WAITING;
    box_pump(b);
}

static void sent(struct out *o, const struct connector_result *r)
{
    struct out_box *b = o->box;
    take_ids(o, r);
    breaker_success(b);
    o->part++;
    if (o->part < o->parts_n) {
        note(o);
        return;
    }
    metric_add(b->ch->m.sent, 1);
    o->result = (struct store_out_result){.status = STORE_SENT};
    end(o);
}

static void rate(struct out *o, const struct connector_result *r)
{
    struct out_box *b = o->box;
    uint32_t ms = r->retry_after_ms ? r->retry_after_ms : OUTCOME_RATE_MS;
    if (r->whole_channel)
        b->hold_until = now_of(b) + ms;
    /* Begun, but the provider did not take it: it waits where a crash would not make it unknown. */
    o->result =
        (struct store_out_result){.status = STORE_STORED, .retry_ms = store_now_ms(b->ch->o->h->store) + ms};
    metric_add(b->ch->m.retried, 1);
    end(o);
}

static void auth(struct out *o, const struct connector_result *r)
{
    struct out_box *b = o->box;
    snprintf(b->why, sizeof(b->why), "the provider refuses our credentials");
    channel_down(b->ch, "the provider refuses our credentials (%.*s)", r->code.n > 60 ? 60 : (int)r->code.n,
                 r->code.p ? r->code.p : "");
    breaker_open(b, BREAKER_AUTH_MS);
    b->auth = true;
    o->result = (struct store_out_result){.status = STORE_STORED,
                                          .retry_ms = store_now_ms(b->ch->o->h->store) + 1000};
    end(o);
}

static void moved(struct out *o, const struct connector_result *r)
{
    o->moved = true;
    o->to = arena_slice(o->a, slice_from(r->moved_to));
    o->state = OUT_WAITING;
    box_pump(o->box);
}

void outcome_take(struct out *o, const struct connector_result *r)
{
    struct out_box *b = o->box;
    struct slice code = slice_from(r->code), text = slice_from(r->text);
    bool idempotent = (b->ch->capabilities & CONNECTOR_IDEMPOTENT) != 0;
    if (r->moved_to.n && !o->moved && address_valid(slice_from(r->moved_to))) {
        moved(o, r);
        return;
    }
    switch (r->outcome) {
    case CONNECTOR_OUT_SENT:
        sent(o, r);
        return;
    case CONNECTOR_OUT_RATE:
        rate(o, r);
        return;
    case CONNECTOR_OUT_AUTH:
        auth(o, r);
        return;
    case CONNECTOR_OUT_GONE:
        breaker_success(b);
        o->result.blocked = true;
        final(o, STORE_FAILED, code.n ? code : SLICE("gone"), text);
        return;
    case CONNECTOR_OUT_FAILED:
        breaker_success(b);
        final(o, STORE_FAILED, code, text);
        return;
    case CONNECTOR_OUT_UNKNOWN:
        breaker_failure(b);
        if (!idempotent) {
            final(o, STORE_UNKNOWN_OUTCOME, code.n ? code : SLICE("unknown"), text);
            return;
        }
        break;
    case CONNECTOR_OUT_RETRY:
        breaker_failure(b);
        break;
    }
    if (too_old(o))
        final(o, STORE_FAILED, code.n ? code : SLICE("too-old"), text);
    else
        outcome_again(o, r->retry_after_ms);
}
