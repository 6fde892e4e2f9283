/* SPDX-License-Identifier: Apache-2.0
 * What is due is sent: one delivery of each thread at a time, so that a receiver has them in order, and some
 * of each webhook at a time, so that a slow one keeps nobody else waiting. */
#include "gateway/base/json.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/hook/hook_internal.h"
#include <stdio.h>
#include <string.h>

#define LOOK_MS     1000 /* so often it is asked what is due, beside being told */
#define TIMEOUT_MS  15000
#define BODY_MAX    (1u << 20)
#define OPEN_AFTER  10 /* failures in a row */
#define OPEN_MOST   300000
#define WAIT_MOST_S (6 * 3600) /* of a Retry-After */

struct flight {
    struct list node; /* in hook.flights */
    struct hook *k;
    struct hook_delivery d; /* json is ours */
    struct store_thread t;
    struct arena *a;
    struct fetch *fetch;
};

/* ---- what became of it ---- */

static void flight_free(struct flight *f)
{
    list_del(&f->node);
    f->k->away--;
    mem_free((char *)f->d.json.p);
    arena_free(&f->a);
    mem_free(f);
}

static void on_recorded(void *arg, const struct err *e)
{
    struct flight *f = arg;
    struct hook *k = f->k;
    (void)e; /* else it is sent once more */
    flight_free(f);
    if (hooks_op_still(k->o))
        send_look(k);
}

/* Sent or not; until that is recorded it is on its way, or an answer of what is due that was asked for before
 * would send it again. */
static void flight_end(struct flight *f, enum hook_end end, int64_t again_ms, const char *error)
{
    struct hooks_op *o = f->k->o;
    if (o->closed) {
        flight_free(f);
        return;
    }
    o->refs++;
    store_hooks_done(o->op, o->fence, f->k->id, f->d.thread, f->d.id, end, again_ms, error, on_recorded, f);
}

/* The operation is gone: nothing is recorded, so it is sent by whoever comes next. */
static void closed_end(struct flight *f)
{
    struct hooks_op *o = f->k->o;
    flight_end(f, HOOK_AGAIN, 0, "");
    hooks_op_still(o);
}

/* Further apart each time, and never two receivers' tries at the same moment. */
static int64_t pause_ms(const struct hooks *h, unsigned tries)
{
    static const unsigned times[] = {1, 6, 24, 120, 360, 720, 2160, 4320, 8640};
    size_t last = sizeof times / sizeof *times - 1;
    int64_t ms = (int64_t)h->cf.retry_ms * times[tries < last ? tries : last];
    return ms - ms / 5 + (int64_t)(text_random_u64() % (uint64_t)(ms / 5 * 2 + 1));
}

static void breaker(struct hook *k, bool good)
{
    uint64_t first = (uint64_t)k->o->h->cf.retry_ms * 6;
    if (good) {
        k->failures = 0;
        k->open_ms = 0;
        k->open_until = 0;
        return;
    }
    if (++k->failures < OPEN_AFTER)
        return;
    k->open_ms = k->open_ms ? k->open_ms * 2 : first;
    if (k->open_ms > OPEN_MOST)
        k->open_ms = OPEN_MOST;
    k->open_until = loop_now_ms(k->o->h->cf.loop) + k->open_ms;
}

static void failed(struct flight *f, const char *error, int64_t wanted_ms)
{
    struct hook *k = f->k;
    const struct hooks *h = k->o->h;
    int64_t left = f->d.queued_ms + (int64_t)h->cf.give_up_s * 1000 - store_now_ms(h->cf.store);
    int64_t again = pause_ms(h, f->d.tries);
    breaker(k, false);
    if (left <= 0) {
        flight_end(f, HOOK_DEAD, 0, error);
        return;
    }
    if (again < wanted_ms)
        again = wanted_ms;
    flight_end(f, HOOK_AGAIN, again < left ? again : left, error);
}

static int64_t retry_after_ms(const struct fetch_response *r)
{
    uint64_t s = 0;
    if (!slice_u64(fetch_header(r, "retry-after"), &s))
        return 0;
    return (int64_t)(s < WAIT_MOST_S ? s : WAIT_MOST_S) * 1000;
}

static void on_answer(const struct fetch_response *r, void *arg)
{
    struct flight *f = arg;
    char code[24];
    f->fetch = NULL;
    if (f->k->o->closed) {
        closed_end(f);
        return;
    }
    f->k->o->refs--;
    if (r->err) {
        failed(f,
               r->err == -ERR_TIMEOUT     ? "timeout"
               : r->err == -ERR_FORBIDDEN ? "refused"
                                          : "unreachable",
               0);
        return;
    }
    snprintf(code, sizeof code, "%d", r->status);
    if (r->status >= 200 && r->status < 300) {
        breaker(f->k, true);
        flight_end(f, HOOK_OK, 0, "");
    } else if (r->status == 410) {
        f->k->stopped = true;
        log_event(LOG_WARN, "hooks.gone", log_str("operation", store_op_name(f->k->o->op)),
                  log_str("webhook", f->k->id));
        flight_end(f, HOOK_OFF, pause_ms(f->k->o->h, f->d.tries), code);
    } else
        failed(f, code, retry_after_ms(r));
}

/* ---- sending ---- */

static void post(struct flight *f, struct slice text)
{
    struct hook *k = f->k;
    const struct hooks *h = k->o->h;
    char id[HOOK_ID + 20], at[48], sign[400];
    struct buf body, signature;
    struct err e = {0};
    int64_t now_s = store_now_ms(h->cf.store) / 1000;
    if (!url_allowed(h, k->url, &e)) {
        failed(f, "refused", 0);
        return;
    }
    buf_init(&body, BODY_MAX);
    buf_init(&signature, 300);
    say_body(k->o->op, &f->d, &f->t, text, &body);
    bool good = sign_body(k->secret, f->d.id, now_s, buf_view(&body), &signature) && !body.err;
    snprintf(id, sizeof id, "webhook-id: %s", f->d.id);
    snprintf(at, sizeof at, "webhook-timestamp: %lld", (long long)now_s);
    snprintf(sign, sizeof sign, "webhook-signature: %.*s", (int)signature.n, signature.p ? signature.p : "");
    const char *const headers[] = {
        "Content-Type: application/json", "User-Agent: Parley", id, at, sign, NULL};
    if (good) {
        k->o->refs++;
        f->fetch = fetch_start(h->fetcher,
                               &(struct fetch_request){.method = "POST",
                                                       .url = k->url,
                                                       .headers = headers,
                                                       .body = buf_view(&body),
                                                       .guard = h->guard,
                                                       .max_response = 1 << 16,
                                                       .timeout_ms = TIMEOUT_MS},
                               on_answer, f);
    }
    if (body.p)
        mem_wipe(body.p, body.n);
    buf_clear(&body);
    buf_clear(&signature);
    if (!good)
        failed(f, "unsigned", 0);
}

static void on_text(void *arg, const struct err *e, const struct store_entry *en, size_t n)
{
    struct flight *f = arg;
    if (f->k->o->closed) {
        closed_end(f);
        return;
    }
    f->k->o->refs--;
    /* A text that cannot be read is none: the rest is told all the same. */
    bool there = !e->code && n && en[0].clearance <= f->k->clearance && !en[0].erased;
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED)
        failed(f, "store", 0);
    else
        post(f, there ? en[0].text : (struct slice){0, 0});
}

/* Messages of people and answers; what staff write for each other stays here. */
static bool text_wanted(const struct flight *f, uint64_t *seq)
{
    json_t *o = f->k->content ? json_parse(f->d.json, 8, NULL) : NULL;
    const json_t *entry = json_object_get(o, "entry");
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    bool wanted = strcmp(f->d.type, "entry.added") == 0 && kind && strcmp(kind, "message") == 0;
    *seq = wanted ? (uint64_t)json_integer_value(json_object_get(entry, "seq")) : 0;
    json_decref(o);
    return wanted;
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct flight *f = arg;
    struct hook *k = f->k;
    uint64_t seq;
    if (k->o->closed) {
        closed_end(f);
        return;
    }
    k->o->refs--;
    if (e->code == ERR_NOT_FOUND || e->code == ERR_ERASED ||
        (!e->code && (t->clearance > k->clearance || !say_area(k, t->area)))) {
        flight_end(f, HOOK_DROP, 0, ""); /* it is gone, or not theirs to know of any more */
        return;
    }
    if (e->code) {
        failed(f, "store", 0);
        return;
    }
    f->t = *t;
    f->t.area = arena_strdup(f->a, t->area);
    f->t.topic = arena_strdup(f->a, t->topic);
    f->t.assignee = arena_strdup(f->a, t->assignee);
    f->t.outcome = arena_strdup(f->a, t->outcome);
    f->t.channel = arena_strdup(f->a, t->channel);
    if (text_wanted(f, &seq)) {
        k->o->refs++;
        store_entries_get(k->o->op, f->d.thread, seq, seq, on_text, f);
    } else
        post(f, (struct slice){0, 0});
}

static void flight_start(struct hook *k, const struct hook_delivery *d)
{
    struct flight *f = mem_alloc(sizeof *f);
    f->k = k;
    f->d = *d;
    f->d.json = slice_of(slice_dup(d->json), d->json.n);
    f->a = arena_new();
    list_push(&k->flights, &f->node);
    k->away++;
    k->o->refs++;
    store_thread_get(k->o->op, d->thread, on_thread, f);
}

void send_cancel(struct hook *k)
{
    for (struct list *l = k->flights.next, *next; l != &k->flights; l = next) {
        struct flight *f = container_of(l, struct flight, node);
        next = l->next;
        if (f->fetch)
            fetch_cancel(f->fetch);
    }
}

/* ---- what is due ---- */

static bool on_its_way(const struct hook *k, const struct id *thread)
{
    for (struct list *l = k->flights.next; l != &k->flights; l = l->next)
        if (memcmp(container_of(l, struct flight, node)->d.thread.s, thread->s, sizeof thread->s) == 0)
            return true;
    return false;
}

static unsigned room(const struct hook *k)
{
    uint64_t now = loop_now_ms(k->o->h->cf.loop);
    if (!k->o->held || !k->active || now < k->open_until)
        return 0;
    unsigned most = k->failures >= OPEN_AFTER ? 1 : HOOK_AWAY; /* half open: one shows whether it is back */
    return most > k->away ? most - k->away : 0;
}

static void on_due(void *arg, const struct err *e, const struct hook_delivery *d, size_t n, int64_t next_ms,
                   const char *stopped)
{
    struct hook *k = arg;
    uint64_t wait = LOOK_MS;
    if (!hooks_op_still(k->o))
        return;
    k->asking = false;
    k->stopped = *stopped != '\0';
    for (size_t i = 0; !e->code && !k->stopped && i < n; i++)
        if (room(k) && !on_its_way(k, &d[i].thread))
            flight_start(k, &d[i]);
    if (next_ms >= 0 && next_ms < LOOK_MS)
        wait = next_ms > 0 ? (uint64_t)next_ms : 1;
    if (k->again) {
        k->again = false;
        send_look(k);
    } else if (k->o->held && k->active)
        timer_start(k->look, wait);
}

void send_look(struct hook *k)
{
    if (!k->o->held || !k->active)
        return;
    if (k->asking) {
        k->again = true;
        return;
    }
    if (!room(k)) {
        timer_start(k->look, LOOK_MS);
        return;
    }
    k->asking = true;
    k->o->refs++;
    store_hooks_due(k->o->op, k->id, HOOK_AWAY + k->away, on_due, k);
}

void send_tick(void *arg)
{
    send_look(arg);
}
