/* SPDX-License-Identifier: Apache-2.0
 * A report as JSON and as CSV. What is hidden is null, or empty: never 0. */
#include "gateway/api/report_write.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"

void report_alert(struct report *r, int64_t acked_ms)
{
    struct table_times *v = &r->acked;
    r->alerts++;
    if (acked_ms < 0)
        return;
    if (v->n == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 8;
        v->ms = mem_realloc(v->ms, v->cap * sizeof *v->ms);
    }
    v->ms[v->n++] = acked_ms;
}

void report_clear(struct report *r)
{
    table_clear(&r->table);
    mem_clear(&r->acked.ms);
}

/* ---- JSON ---- */

static void member(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, ",\"%s\":", name);
    buf_json_str(b, slice_str(value));
}

static void number(struct buf *b, const char *name, unsigned n, bool hidden)
{
    if (hidden)
        buf_printf(b, "\"%s\":null", name);
    else
        buf_printf(b, "\"%s\":%u", name, n);
}

static void figures(struct buf *b, const char *name, struct table_times *v, unsigned k, int64_t target)
{
    struct table_figures f;
    if (!table_figures(v, k, target, &f))
        buf_printf(b, ",\"%s\":null", name);
    else
        buf_printf(b, ",\"%s\":{\"mean_s\":%.1f,\"p50_s\":%.1f,\"p95_s\":%.1f,\"within\":%.2f}", name, f.mean,
                   f.p50, f.p95, f.within);
}

static void row_json(struct report *r, struct cell *c, struct buf *b)
{
    buf_str(b, "{\"key\":{");
    for (size_t i = 0; i < r->table.by; i++) {
        buf_printf(b, "%s\"%s\":", i ? "," : "", r->by[i]);
        buf_json_str(b, c->value[i]);
    }
    buf_str(b, "},");
    number(b, "count", c->n, c->hidden);
    if (c->hidden) {
        buf_str(b, ",\"accept\":null,\"reply\":null}");
        return;
    }
    figures(b, "accept", &c->accept, REPORT_K, REPORT_ANSWER_MS);
    figures(b, "reply", &c->reply, REPORT_K, REPORT_ANSWER_MS);
    buf_char(b, '}');
}

static bool small(unsigned n)
{
    return n && n < REPORT_K;
}

void report_write_json(struct report *r, struct buf *b)
{
    char now[TIME_TEXT];
    struct table *t = &r->table;
    time_text(r->now_ms, now);
    buf_str(b, "{\"operation\":");
    buf_json_str(b, slice_str(r->operation));
    member(b, "from", r->from);
    member(b, "to", r->to);
    member(b, "timezone", r->timezone);
    member(b, "made", now);
    member(b, "unit", r->matters ? "matters" : "contacts");
    buf_printf(b, ",\"k\":%d,\"targets\":{\"answer_s\":%d,\"alert_s\":%d},\"by\":[", REPORT_K,
               REPORT_ANSWER_MS / 1000, REPORT_ALERT_MS / 1000);
    for (size_t i = 0; i < t->by; i++)
        buf_printf(b, "%s\"%s\"", i ? "," : "", r->by[i]);
    buf_str(b, "],\"total\":{");
    number(b, "count", t->total, t->total_hidden);
    if (t->total_hidden) {
        buf_str(b, ",\"accept\":null,\"reply\":null");
    } else {
        figures(b, "accept", &t->accept, REPORT_K, REPORT_ANSWER_MS);
        figures(b, "reply", &t->reply, REPORT_K, REPORT_ANSWER_MS);
    }
    buf_str(b, "},");
    number(b, "guessed_languages", r->guessed, small(r->guessed) || small(t->total - r->guessed));
    if (r->tells_sealed) {
        buf_char(b, ',');
        number(b, "sealed", r->sealed, small(r->sealed));
    }
    buf_str(b, ",\"alerts\":{");
    number(b, "raised", r->alerts, false);
    figures(b, "acknowledged", &r->acked, 1, REPORT_ALERT_MS);
    buf_str(b, "},\"rows\":[");
    for (size_t i = 0; i < t->n; i++) {
        if (i)
            buf_char(b, ',');
        row_json(r, t->sorted[i], b);
    }
    buf_str(b, "]}");
}

/* ---- CSV ---- */

void report_csv(struct buf *b, struct slice value)
{
    bool formula = value.n && strchr("=+-@\t\r|%", value.p[0]);
    buf_char(b, '"');
    if (formula)
        buf_char(b, '\'');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"')
            buf_char(b, '"');
        buf_char(b, value.p[i]);
    }
    buf_char(b, '"');
}

static void figures_csv(struct buf *b, struct table_times *v, bool hidden)
{
    struct table_figures f;
    if (hidden || !table_figures(v, REPORT_K, REPORT_ANSWER_MS, &f))
        buf_str(b, ",,,,");
    else
        buf_printf(b, ",%.1f,%.1f,%.1f,%.2f", f.mean, f.p50, f.p95, f.within);
}

static void row_csv(struct buf *b, unsigned n, bool hidden, struct table_times *accept,
                    struct table_times *reply)
{
    if (hidden)
        buf_printf(b, "\"<%d\"", REPORT_K);
    else
        buf_printf(b, "%u", n);
    figures_csv(b, accept, hidden);
    figures_csv(b, reply, hidden);
    buf_str(b, "\r\n");
}

/* Of the same kind as the other cells that are hidden: one that is so only for the sake of others is not
 * "<5". */
static void hidden_csv(struct buf *b)
{
    buf_str(b, "\"hidden\",,,,,,,,\r\n");
}

void report_write_csv(struct report *r, bool bom, struct buf *b)
{
    struct table *t = &r->table;
    if (bom)
        buf_str(b, "\xef\xbb\xbf");
    for (size_t i = 0; i < t->by; i++) {
        report_csv(b, slice_str(r->by[i]));
        buf_char(b, ',');
    }
    buf_printf(
        b,
        "%s,accept_mean_s,accept_p50_s,accept_p95_s,accept_within,reply_mean_s,reply_p50_s,reply_p95_s,"
        "reply_within\r\n",
        r->matters ? "matters" : "contacts");
    for (size_t i = 0; i < t->n; i++) {
        struct cell *c = t->sorted[i];
        for (size_t k = 0; k < t->by; k++) {
            report_csv(b, c->value[k]);
            buf_char(b, ',');
        }
        if (c->hidden)
            hidden_csv(b);
        else
            row_csv(b, c->n, false, &c->accept, &c->reply);
    }
    for (size_t i = 0; i < t->by; i++)
        buf_str(b, "\"total\",");
    row_csv(b, t->total, t->total_hidden, &t->accept, &t->reply);
}
