/* SPDX-License-Identifier: Apache-2.0
 * Reading the events of all operations: one connection that waits on their streams, another one for signals.
 * After a break reading goes on where it was, when that place is still there; else everybody is told that
 * some were missed. */
#include "store/events_internal.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define BLOCK_MS "5000"
#define DEADLINE 20000
#define AGAIN_MS 200
#define STREAMS  250
#define WAKE_KEY "p:{" STORE_SYSTEM "}:wake"
#define OPS_KEY  "p:{" STORE_SYSTEM "}:ops"

struct stream_reader {
    struct store *s;
    struct redis *block, *sub;
    struct timer *again;
    bool reading;
    char wake[40]; /* the last one seen: one that comes while no read is under way must end the next */
    size_t n;      /* streams of the read that is going on */
    struct store_op *ops[STREAMS];
};

static void read_on(struct stream_reader *x);

/* Reading on: with other streams than the read that is going on, so that one is ended. */
static void read_anew(struct store *s)
{
    if (!s->reader || s->closing)
        return;
    if (s->reader->reading)
        redis_sendf(s->data, NULL, NULL, "XADD " WAKE_KEY " MAXLEN 1 * w 1");
    else
        read_on(s->reader);
}

/* ---- where to begin ---- */

struct finding {
    struct store_op *op;
    bool after_gap;
};

static void begin_at(struct store_op *op, bool after_gap)
{
    struct events *ev = events_of(op);
    ev->asking = false;
    ev->sure = true;
    if (after_gap)
        events_dispatch(op, NULL, false);
    read_anew(op->store);
}

static void gap_document(void *arg, const struct err *e)
{
    struct store_op *op = arg;
    if (!e->code) {
        begin_at(op, true);
        return;
    }
    events_of(op)->asking = false; /* once more */
    events_of(op)->last[0] = '\0';
    read_anew(op->store);
}

/* The place first, then the document: what changes in between is read as an event. */
static void found_last(void *arg, const struct err *e, struct slice id)
{
    struct finding *f = arg;
    struct store_op *op = f->op;
    struct events *ev = events_of(op);
    bool after_gap = f->after_gap;
    mem_free(f);
    if (e->code) {
        ev->asking = false;
        read_anew(op->store);
        return;
    }
    snprintf(ev->last, sizeof(ev->last), "%.*s", (int)(id.n < 36 ? id.n : 36), id.p);
    if (after_gap)
        ops_document_load(op, gap_document, op);
    else
        begin_at(op, false);
}

static void find_last(struct store_op *op, bool after_gap)
{
    struct finding *f = mem_alloc(sizeof(*f));
    *f = (struct finding){op, after_gap};
    store_events_last(op, found_last, f);
}

static void checked_last(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct store_op *op = arg;
    struct events *ev = events_of(op);
    if (!e->code && store_number(r) == 0) {
        log_event(LOG_WARN, "events.gap", log_str("operation", op->name));
        find_last(op, true);
        return;
    }
    ev->asking = false;
    ev->sure = !e->code;
    read_anew(op->store);
}

static void find_place(struct store_op *op)
{
    struct events *ev = events_of(op);
    struct store_args a;
    ev->asking = true;
    if (!ev->last[0]) { /* who listens already has heard nothing of what came meanwhile */
        find_last(op, !list_empty(&ev->listeners));
        return;
    }
    store_args_init(&a);
    store_arg_str(&a, ev->last);
    store_call(op, "events_has", &a, checked_last, op);
}

/* ---- reading ---- */

static void document_loaded(void *arg, const struct err *e)
{
    struct store_op *op = arg;
    struct events *ev = events_of(op);
    struct store_event config = {.kind = STORE_EV_CONFIG,
                                 .why = "",
                                 .agent = "",
                                 .before = "",
                                 .actor = "",
                                 .channel = "",
                                 .area = ""};
    ev->loading = false;
    if (e->code) {
        log_event(LOG_WARN, "events.document", log_str("operation", op->name), log_err(e));
        ev->sure = false; /* once more, from before */
        return;
    }
    snprintf(config.id, sizeof(config.id), "%s", ev->last);
    config.seq = op->document.version;
    events_dispatch(op, &config, false);
    read_anew(op->store);
}

/* False when the rest of the records has to wait. */
static bool take_record(struct store_op *op, const struct redis_reply *record, struct arena *a)
{
    struct events *ev = events_of(op);
    struct store_event out[2];
    struct slice id = store_item(record, 0);
    size_t n = events_parse(op, record, a, out);
    events_id(ev->last, id);
    if (n == 1 && out[0].kind == STORE_EV_CONFIG) {
        ev->loading = true;
        ops_document_load(op, document_loaded, op);
        return false;
    }
    bool ours = events_ours(op, record);
    for (size_t i = 0; i < n; i++)
        events_dispatch(op, &out[i], ours);
    return op->open;
}

static void take_stream(struct stream_reader *x, const struct redis_reply *stream)
{
    struct slice key = store_item(stream, 0);
    struct store_op *op = NULL;
    for (size_t i = 0; i < x->n && !op; i++)
        if (key.n == x->ops[i]->prefix_n + 6 && memcmp(key.p, x->ops[i]->prefix, x->ops[i]->prefix_n) == 0)
            op = x->ops[i];
    if (stream->n != 2)
        return;
    const struct redis_reply *records = stream->items[1];
    if (!op && slice_is(key, WAKE_KEY) && records->n) {
        struct slice id = store_item(records->items[records->n - 1], 0);
        snprintf(x->wake, sizeof(x->wake), "%.*s", (int)(id.n < 36 ? id.n : 36), id.p);
    }
    if (!op)
        return;
    for (size_t i = 0; i < records->n; i++) {
        struct arena *a = arena_new();
        bool go_on = take_record(op, records->items[i], a);
        arena_free(&a);
        if (!go_on)
            break;
    }
}

static void read_answered(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct stream_reader *x = arg;
    (void)maybe_done;
    x->reading = false;
    if (x->s->closing)
        return;
    if (rc || r->kind == REDIS_ERROR) {
        for (size_t i = 0; i < x->n; i++)
            events_of(x->ops[i])->sure = false;
        timer_start(x->again, 100);
        return;
    }
    for (size_t i = 0; r->kind == REDIS_ARRAY && i < r->n; i++)
        take_stream(x, r->items[i]);
    read_on(x);
}

static void read_on(struct stream_reader *x)
{
    struct store *s = x->s;
    struct slice argv[6 + 2 * (STREAMS + 1)];
    struct buf keys[STREAMS];
    size_t n = 0;
    if (x->reading || s->closing)
        return;
    if (!redis_up(x->block) || !s->server[STORE_DATA].checked) { /* this connection may be back the first */
        timer_start(x->again, AGAIN_MS);
        return;
    }
    x->n = 0;
    for (size_t i = 0; i < s->ops_n && x->n < STREAMS; i++) {
        struct store_op *op = s->ops[i];
        if (!op->open)
            continue;
        struct events *ev = events_of(op);
        if (!ev->sure && !ev->asking && !ev->loading)
            find_place(op);
        if (ev->sure && !ev->loading)
            x->ops[x->n++] = op;
    }
    argv[n++] = SLICE("XREAD");
    argv[n++] = SLICE("BLOCK");
    argv[n++] = SLICE(BLOCK_MS);
    argv[n++] = SLICE("COUNT");
    argv[n++] = SLICE("500");
    argv[n++] = SLICE("STREAMS");
    for (size_t i = 0; i < x->n; i++) {
        buf_init(&keys[i], 256);
        argv[n++] = store_key(x->ops[i], &keys[i], "events", SLICE(""));
    }
    argv[n++] = SLICE(WAKE_KEY);
    for (size_t i = 0; i < x->n; i++)
        argv[n++] = slice_str(events_of(x->ops[i])->last);
    argv[n++] = slice_str(x->wake);
    x->reading = true;
    redis_send_deadline(x->block, DEADLINE, read_answered, x, n, argv);
    for (size_t i = 0; i < x->n; i++)
        buf_clear(&keys[i]);
}

static void again(void *arg)
{
    struct stream_reader *x = arg;
    read_on(x);
}

static void block_state(struct redis *r, bool up, const char *why, void *arg)
{
    struct stream_reader *x = arg;
    (void)r;
    (void)why;
    if (up && !x->s->closing)
        timer_start(x->again, 0);
}

/* ---- signals, and the list of operations ---- */

static void subscribe(struct stream_reader *x, struct store_op *op)
{
    struct buf key;
    buf_init(&key, 256);
    events_of(op)->subscribed = true;
    redis_send_deadline(x->sub, 0, NULL, NULL, 2,
                        (const struct slice[]){SLICE("SUBSCRIBE"), store_key(op, &key, "sig", SLICE(""))});
    buf_clear(&key);
}

static void subscribe_new(struct stream_reader *x)
{
    if (!redis_up(x->sub))
        return;
    for (size_t i = 0; i < x->s->ops_n; i++)
        if (x->s->ops[i]->open && !events_of(x->s->ops[i])->subscribed)
            subscribe(x, x->s->ops[i]);
}

static void sub_state(struct redis *r, bool up, const char *why, void *arg)
{
    struct stream_reader *x = arg;
    (void)why;
    for (size_t i = 0; i < x->s->ops_n; i++)
        events_of(x->s->ops[i])->subscribed = false;
    if (!up || x->s->closing)
        return;
    redis_send_deadline(r, 0, NULL, NULL, 2, (const struct slice[]){SLICE("SUBSCRIBE"), SLICE(OPS_KEY)});
    subscribe_new(x);
    ops_changed(x->s); /* it may have changed while nobody listened */
}

static void message(struct slice channel, struct slice text, void *arg)
{
    struct stream_reader *x = arg;
    if (slice_is(channel, OPS_KEY)) {
        ops_changed(x->s);
        return;
    }
    for (size_t i = 0; i < x->s->ops_n; i++) {
        struct store_op *op = x->s->ops[i];
        if (op->open && channel.n == op->prefix_n + 3 && memcmp(channel.p, op->prefix, op->prefix_n) == 0)
            events_signal(op, text);
    }
}

/* ---- lives ---- */

void events_start(struct store *s, struct err *e)
{
    struct stream_reader *x = mem_alloc(sizeof(*x));
    s->reader = x;
    x->s = s;
    snprintf(x->wake, sizeof(x->wake), "0-0");
    x->again = timer_new(s->cf.loop, again, x);
    struct redis_config block = {.url = s->cf.data_url, .state = block_state, .arg = x};
    struct redis_config sub = {.url = s->cf.data_url, .state = sub_state, .arg = x};
    x->block = redis_new(s->cf.loop, &block, e);
    x->sub = x->block ? redis_new(s->cf.loop, &sub, e) : NULL;
    if (x->sub)
        redis_on_message(x->sub, message, x);
}

void events_stop(struct store *s)
{
    struct stream_reader *x = s->reader;
    if (!x)
        return;
    if (x->block)
        redis_free(&x->block);
    if (x->sub)
        redis_free(&x->sub);
    timer_free(&x->again);
    mem_clear(&s->reader);
}

void events_wake(struct store *s)
{
    struct stream_reader *x = s->reader;
    if (!x || s->closing)
        return;
    subscribe_new(x);
    for (size_t i = 0; i < s->ops_n; i++) { /* at once, so that a listener of the first hour misses nothing */
        struct events *ev = events_of(s->ops[i]);
        if (s->ops[i]->open && !ev->sure && !ev->asking && !ev->loading)
            find_place(s->ops[i]);
    }
    read_anew(s);
}
