/* SPDX-License-Identifier: Apache-2.0
 * How fast alerts were told and answered, and how many of them were none. Counted over the records that the
 * caller may see; drills apart. */
#include "gateway/api/alerts.h"
#include <stdlib.h>
#include <string.h>

#define DAY_MS  86400000ll
#define GOAL_MS (ALERT_TOP_S * 1000)
#define MOST    20000u /* records that are looked at */
#define SMALL   5u     /* fewer tell of single people: no shares of them */

struct times {
    int64_t *v;
    size_t n, cap;
};

struct figures {
    struct call *c;
    int64_t from, to;
    unsigned offset;
    unsigned raised, acknowledged, in_time, open, drills, dismissed;
    unsigned possible, confirmed, unconfirmed_open, false_alarms; /* of words of alarm */
    struct times first, answer, drill_answer;
};

static void add(struct times *t, int64_t from, int64_t to)
{
    if (!from || !to)
        return;
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->v = mem_realloc(t->v, t->cap * sizeof *t->v);
    }
    t->v[t->n++] = to > from ? to - from : 0;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void put_times(struct buf *b, const char *name, struct times *t)
{
    buf_printf(b, ",\"%s\":", name);
    if (!t->n) {
        buf_str(b, "null");
        return;
    }
    qsort(t->v, t->n, sizeof *t->v, by_value);
    buf_printf(b, "{\"n\":%zu,\"median_ms\":%lld,\"p99_ms\":%lld,\"most_ms\":%lld}", t->n,
               (long long)t->v[t->n / 2], (long long)t->v[(t->n * 99 + 99) / 100 - 1],
               (long long)t->v[t->n - 1]);
}

static void take(struct figures *f, const struct store_alert *a)
{
    bool dismissed = strcmp(a->state, "dismissed") == 0, words = strcmp(a->how, "words") == 0;
    if (a->drill) {
        f->drills += 1;
        add(&f->drill_answer, a->raised_ms, a->acknowledged_ms);
        return;
    }
    if (words) {
        f->possible++;
        f->false_alarms += dismissed;
        f->unconfirmed_open += strcmp(a->state, "possible") == 0;
        f->confirmed += !dismissed && strcmp(a->state, "possible") != 0;
    }
    if (!a->raised_ms)
        return;
    f->raised++;
    f->dismissed += dismissed;
    f->acknowledged += a->acknowledged_ms > 0;
    f->in_time += a->acknowledged_ms && a->acknowledged_ms - a->raised_ms <= GOAL_MS;
    f->open += !a->acknowledged_ms && !dismissed;
    add(&f->first, a->raised_ms, a->first_ms);
    add(&f->answer, a->raised_ms, a->acknowledged_ms);
}

static void share(struct buf *b, const char *name, unsigned part, unsigned of)
{
    if (of < SMALL)
        buf_printf(b, ",\"%s\":null", name);
    else
        buf_printf(b, ",\"%s\":%.3f", name, (double)part / of);
}

static void end(struct figures *f, const struct err *e)
{
    struct buf b;
    buf_init(&b, 65536);
    buf_printf(&b, "{\"raised\":%u,\"acknowledged\":%u,\"open\":%u,\"dismissed\":%u,\"drills\":%u", f->raised,
               f->acknowledged, f->open, f->dismissed, f->drills);
    share(&b, "within_120_s", f->in_time, f->acknowledged);
    put_times(&b, "to_first_notice", &f->first);
    put_times(&b, "to_acknowledged", &f->answer);
    put_times(&b, "drill_to_acknowledged", &f->drill_answer);
    buf_printf(&b, ",\"words\":{\"possible\":%u,\"confirmed\":%u,\"false\":%u,\"waiting\":%u", f->possible,
               f->confirmed, f->false_alarms, f->unconfirmed_open);
    share(&b, "precision", f->confirmed, f->confirmed + f->false_alarms);
    buf_str(&b, "}}");
    if (e->code)
        call_err(f->c, e);
    else
        call_json(f->c, 200, buf_view(&b));
    buf_clear(&b);
    mem_free(f->first.v);
    mem_free(f->answer.v);
    mem_free(f->drill_answer.v);
    mem_free(f);
}

/* Codes and times are all that is counted: nothing is opened. */
static bool count(void *arg, const struct store_record *r)
{
    struct figures *f = arg;
    struct store_alert a;
    store_alert_of(&a, r);
    if (alerts_rights(f->c->op, &f->c->caller.who, &a) & ALERT_SEE)
        take(f, &a);
    return false;
}

static void page(struct figures *f);

static void on_page(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct figures *f = arg;
    (void)r, (void)n;
    f->offset += RECORD_LIST;
    if (e->code || !more || f->offset >= MOST)
        end(f, e);
    else
        page(f);
}

static void page(struct figures *f)
{
    struct record_list q = {.kind = "alert",
                            .from = f->from,
                            .to = f->to,
                            .newest_first = true,
                            .offset = f->offset,
                            .visible = count};
    store_record_list(f->c->op->op, &q, on_page, f);
}

/* Of the last 30 days, unless from and to say otherwise. */
void alerts_figures(struct call *c)
{
    struct buf b;
    int64_t now = store_now_ms(c->api->cf.store), from = now - 30 * DAY_MS, to = now;
    buf_init(&b, 64);
    bool good = (!call_query(c, "from", &b) || time_parse(buf_view(&b), &from)) &&
                (!call_query(c, "to", &b) || time_parse(buf_view(&b), &to)) && from <= to && from >= 0;
    buf_clear(&b);
    if (!good) {
        call_problem(c, 400, "from, to: times such as 2026-01-01T00:00:00Z are wanted");
        return;
    }
    struct figures *f = mem_alloc(sizeof *f);
    *f = (struct figures){.c = c, .from = from, .to = to ? to : 1};
    page(f);
}
