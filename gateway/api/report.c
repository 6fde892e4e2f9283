/* SPDX-License-Identifier: Apache-2.0
 * A report from question to table: the facts of the span (store/report.h) are counted as they come. */
#include "gateway/api/report.h"
#include "gateway/api/report_write.h"
#include "gateway/api/rights.h"
#include "gateway/base/mem.h"
#include "router/zone.h"
#include "store/alert.h"
#include "store/record.h"
#include <stdio.h>
#include <stdlib.h>

#define DAY_MS  ((int64_t)86400000)
#define MIN_MS  ((int64_t)60000)
#define HOUR_MS ((int64_t)3600000)
#define SLACK   (26 * HOUR_MS) /* no zone is farther from UTC */

enum by {
    BY_DAY,
    BY_WEEK,
    BY_MONTH,
    BY_LANGUAGE,
    BY_TOPIC,
    BY_TYPE,
    BY_SUBJECT,
    BY_CHANNEL,
    BY_DURATION,
    BY_OUTCOME,
    BY_AREA,
    BY_TEAM,
    BY_PRIORITY,
    BY_STATE,
    BY_NAMES
};
static const char *const names[BY_NAMES] = {"day",  "week",    "month",    "language", "topic",
                                            "type", "subject", "channel",  "duration", "outcome",
                                            "area", "team",    "priority", "state"};

struct running {
    struct store_op *op;
    struct report r;
    enum by by[TABLE_BY];
    int64_t from_day, to_day;
    struct zone *zone;
    struct zone_period period; /* that of the last fact: most have the same */
    char *area, *areas;
    int clearance;
    bool csv, bom;
    store_text_done done;
    void *arg;
};

static void end(struct running *x, const struct err *e, struct slice text)
{
    x->done(x->arg, e, text);
    report_clear(&x->r);
    zone_free(&x->zone);
    mem_free(x->area);
    mem_free(x->areas);
    mem_free(x);
}

/* ---- a fact's values ---- */

static int64_t local_ms(struct running *x, int64_t ms)
{
    if (ms < x->period.from || ms >= x->period.until)
        x->period = zone_at(x->zone, ms);
    return ms + (int64_t)x->period.offset_s * 1000;
}

static int64_t day_of(int64_t local)
{
    return local >= 0 ? local / DAY_MS : -((-local + DAY_MS - 1) / DAY_MS);
}

#define TEXT 16
static struct slice period_text(enum by by, int64_t day, char out[TEXT])
{
    int64_t year;
    unsigned month, mday, week = 0;
    if (by == BY_WEEK) { /* that of its Thursday */
        int64_t thursday = day - (day + 3) % 7 + 3;
        zone_date(thursday, &year, &month, &mday);
        week = (unsigned)((thursday - zone_day(year, 1, 1)) / 7 + 1);
        snprintf(out, TEXT, "%04u-W%02u", (unsigned)year % 10000, week % 100);
        return slice_str(out);
    }
    zone_date(day, &year, &month, &mday);
    if (by == BY_MONTH)
        snprintf(out, TEXT, "%04u-%02u", (unsigned)year % 10000, month % 100);
    else
        snprintf(out, TEXT, "%04u-%02u-%02u", (unsigned)year % 10000, month % 100, mday % 100);
    return slice_str(out);
}

static struct slice duration(int64_t ms)
{
    static const struct {
        int64_t below;
        const char *name;
    } steps[] = {{5 * MIN_MS, "1-under-5-min"}, {15 * MIN_MS, "2-5-to-15-min"},
                 {HOUR_MS, "3-15-to-60-min"},   {4 * HOUR_MS, "4-1-to-4-h"},
                 {DAY_MS, "5-4-to-24-h"},       {7 * DAY_MS, "6-1-to-7-days"}};
    if (ms < 0)
        return SLICE("open");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (ms < steps[i].below)
            return slice_str(steps[i].name);
    return SLICE("7-over-7-days");
}

struct matter { /* one of a contact's */
    struct slice type, subject, outcome;
};

static struct slice plain_value(enum by by, const struct store_fact *f)
{
    static const char *const priorities[] = {"low", "normal", "high", "emergency"};
    switch (by) {
    case BY_LANGUAGE:
        return f->language;
    case BY_TOPIC:
        return f->topic;
    case BY_CHANNEL:
        return f->channel;
    case BY_AREA:
        return f->area;
    case BY_TEAM:
        return f->team;
    case BY_DURATION:
        return duration(f->resolved_ms);
    case BY_PRIORITY:
        return slice_str(priorities[f->priority & 3]);
    case BY_STATE:
        return slice_str(store_state_names[f->state]);
    default:
        return f->state != STORE_RESOLVED ? SLICE("open") : f->outcome;
    }
}

static void count(struct running *x, const struct store_fact *f, int64_t day, const struct matter *m)
{
    struct slice value[TABLE_BY];
    char text[TABLE_BY][TEXT];
    int64_t accept = f->accepted_ms < 0             ? -1
                     : f->accepted_ms > f->since_ms ? f->accepted_ms - f->since_ms
                                                    : 0;
    int64_t reply = f->replied_ms < 0 ? -1 : f->replied_ms > f->since_ms ? f->replied_ms - f->since_ms : 0;
    for (size_t i = 0; i < x->r.table.by; i++) {
        if (x->by[i] <= BY_MONTH)
            value[i] = period_text(x->by[i], day, text[i]);
        else if (x->by[i] == BY_TYPE)
            value[i] = m->type;
        else if (x->by[i] == BY_SUBJECT)
            value[i] = m->subject;
        else if (x->by[i] == BY_OUTCOME && m->outcome.n)
            value[i] = m->outcome;
        else
            value[i] = plain_value(x->by[i], f);
        if (!value[i].n)
            value[i] = SLICE("none");
    }
    if (x->r.table.by)
        table_add(&x->r.table, value, accept, reply);
    table_total(&x->r.table, accept, reply);
}

static void count_matters(struct running *x, const struct store_fact *f, int64_t day)
{
    struct slice rest = f->matters, one;
    struct matter m = {.type = {NULL, 0}};
    if (!x->r.matters || !f->matters.n) {
        count(x, f, day, &m);
        return;
    }
    while (slice_next(&rest, ';', &one)) {
        m = (struct matter){.type = {NULL, 0}};
        if (slice_next(&one, ' ', &m.type) && slice_next(&one, ' ', &m.subject))
            slice_next(&one, ' ', &m.outcome);
        count(x, f, day, &m);
    }
}

static bool within(const char *outer, struct slice area)
{
    char name[256];
    struct who w = {.areas = outer};
    if (area.n >= sizeof name)
        return false;
    memcpy(name, area.p ? area.p : "", area.n);
    name[area.n] = '\0';
    return rights_area(&w, name);
}

static void on_fact(void *arg, const struct store_fact *f)
{
    struct running *x = arg;
    int64_t day = day_of(local_ms(x, f->opened_ms));
    if (day < x->from_day || day > x->to_day || f->clearance > x->clearance)
        return;
    if (!within(x->areas, f->area) || !within(x->area, f->area))
        return;
    if (f->clearance == 2) { /* one number for those who see them all, and no property of any */
        x->r.sealed++;
        return;
    }
    x->r.guessed += f->guessed && f->language.n;
    count_matters(x, f, day);
}

/* ---- alerts ---- */

static void on_alert(struct running *x, const struct store_record *r)
{
    struct store_alert a;
    store_alert_of(&a, r);
    if (!a.raised_ms || a.drill ||
        a.clearance > x->clearance) /* a word of alarm that nobody has confirmed; a drill */
        return;
    int64_t day = day_of(local_ms(x, a.raised_ms));
    struct slice area = slice_str(a.area);
    if (day < x->from_day || day > x->to_day || !within(x->areas, area) || !within(x->area, area))
        return;
    report_alert(&x->r, !a.acknowledged_ms                ? -1
                        : a.acknowledged_ms > a.raised_ms ? a.acknowledged_ms - a.raised_ms
                                                          : 0);
}

static void alerts_page(struct running *x, unsigned offset);

struct alerts {
    struct running *x;
    unsigned offset;
};

static void finish(struct running *x)
{
    struct err e = {0};
    struct buf b;
    buf_init(&b, 64u << 20);
    table_end(&x->r.table, REPORT_K);
    if (x->r.table.full)
        err_set(&e, ERR_TOO_LARGE, "more than %d rows: a shorter span or fewer properties", TABLE_CELLS);
    else if (x->csv)
        report_write_csv(&x->r, x->bom, &b);
    else
        report_write_json(&x->r, &b);
    end(x, &e, e.code ? (struct slice){0} : buf_view(&b));
    buf_clear(&b);
}

static void on_alerts(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct alerts *a = arg;
    struct running *x = a->x;
    unsigned next = a->offset + RECORD_LIST;
    mem_free(a);
    for (size_t i = 0; e->code == 0 && i < n; i++)
        on_alert(x, &r[i]);
    if (e->code == 0 && more)
        alerts_page(x, next);
    else
        finish(x);
}

static void alerts_page(struct running *x, unsigned offset)
{
    struct alerts *a = mem_alloc(sizeof *a);
    *a = (struct alerts){x, offset};
    struct record_list q = {.kind = "alert",
                            .from = x->from_day * DAY_MS - SLACK,
                            .to = (x->to_day + 1) * DAY_MS + SLACK,
                            .offset = offset,
                            .limit = RECORD_LIST};
    store_record_list(x->op, &q, on_alerts, a);
}

static void on_facts(void *arg, const struct err *e)
{
    struct running *x = arg;
    if (e->code)
        end(x, e, (struct slice){0});
    else
        alerts_page(x, 0);
}

/* ---- the question ---- */

static bool number(struct slice *s, size_t digits, unsigned *out)
{
    uint64_t v;
    if (s->n < digits || !slice_u64(slice_of(s->p, digits), &v))
        return false;
    *out = (unsigned)v;
    *s = slice_of(s->p + digits, s->n - digits);
    return true;
}

static bool dash(struct slice *s)
{
    if (!slice_starts(*s, "-"))
        return false;
    *s = slice_of(s->p + 1, s->n - 1);
    return true;
}

/* A date that there is, as days since 1970. */
static bool date(const char *text, int64_t *day)
{
    unsigned y, m, d, m2, d2;
    int64_t y2;
    struct slice s = slice_str(text);
    if (!(number(&s, 4, &y) && dash(&s) && number(&s, 2, &m) && dash(&s) && number(&s, 2, &d) && !s.n) ||
        m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    *day = zone_day(y, m, d);
    zone_date(*day, &y2, &m2, &d2);
    return y2 == y && m2 == m && d2 == d;
}

static int read_by(struct running *x, const char *list, struct err *e)
{
    struct slice rest = slice_str(list), one;
    size_t n = 0;
    while (slice_next(&rest, ',', &one)) {
        size_t i = 0;
        while (i < BY_NAMES && !slice_is(one, names[i]))
            i++;
        if (!one.n)
            continue;
        if (i == BY_NAMES)
            return err_set(e, ERR_INVALID, "by: one of %s is wanted", REPORT_BY);
        if (n == TABLE_BY)
            return err_set(e, ERR_INVALID, "by: at most %d properties", TABLE_BY);
        for (size_t k = 0; k < n; k++)
            if (x->by[k] == (enum by)i)
                return err_set(e, ERR_INVALID, "by: %s is named twice", names[i]);
        x->r.matters = x->r.matters || i == BY_TYPE || i == BY_SUBJECT;
        x->by[n] = (enum by)i;
        x->r.by[n++] = names[i];
    }
    table_init(&x->r.table, n);
    return 0;
}

static int read_ask(struct running *x, const struct report_ask *ask, struct err *e)
{
    if (!date(ask->from, &x->from_day) || !date(ask->to, &x->to_day))
        return err_set(e, ERR_INVALID, "from and to: dates are wanted, as 2026-01-31");
    if (x->to_day < x->from_day)
        return err_set(e, ERR_INVALID, "to: it lies before from");
    if (x->to_day - x->from_day >= REPORT_DAYS)
        return err_set(e, ERR_TOO_LARGE, "at most %d days", REPORT_DAYS);
    if (read_by(x, ask->by, e))
        return -ERR_INVALID;
    x->zone = zone_open(*ask->timezone ? ask->timezone : "UTC", e);
    return x->zone ? 0 : -ERR_INVALID;
}

struct refusal {
    struct running *x;
    struct err e;
};

static void refused(void *arg)
{
    struct refusal *f = arg;
    end(f->x, &f->e, (struct slice){0});
    mem_free(f);
}

void report_run(struct store_op *op, const struct report_ask *ask, store_text_done done, void *arg)
{
    struct running *x = mem_alloc(sizeof *x);
    struct err e = {0};
    x->op = op;
    x->done = done;
    x->arg = arg;
    x->csv = ask->csv;
    x->bom = ask->bom;
    x->clearance = ask->clearance;
    x->area = mem_strdup(ask->area);
    x->areas = mem_strdup(ask->areas);
    x->period = (struct zone_period){INT64_MAX, INT64_MIN, 0};
    if (read_ask(x, ask, &e)) {
        struct refusal *f = mem_alloc(sizeof *f);
        *f = (struct refusal){x, e};
        loop_defer(store_loop(store_of(op)), refused, f);
        return;
    }
    snprintf(x->r.from, sizeof x->r.from, "%s", ask->from);
    snprintf(x->r.to, sizeof x->r.to, "%s", ask->to);
    snprintf(x->r.timezone, sizeof x->r.timezone, "%s", *ask->timezone ? ask->timezone : "UTC");
    x->r.operation = store_op_name(op);
    x->r.tells_sealed = ask->clearance >= 2;
    x->r.now_ms = store_now_ms(store_of(op));
    store_facts_get(op, x->from_day * DAY_MS - SLACK, (x->to_day + 1) * DAY_MS + SLACK, on_fact, on_facts, x);
}
