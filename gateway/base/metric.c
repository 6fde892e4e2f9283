/* SPDX-License-Identifier: Apache-2.0
 * The registry of metrics and its text format (Prometheus 0.0.4). For the loop's thread only. */
#include "gateway/base/metric.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

static const double metric_bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                       0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
#define METRIC_BUCKETS (sizeof(metric_bounds) / sizeof(metric_bounds[0]))

struct metric {
    struct metric *next; /* of the same family */
    char *labels;
    double value; /* of a histogram: the sum */
    uint64_t count, buckets[];
};

/* All metrics of a name: they must stand together in the output. */
struct family {
    struct family *next;
    char *name, *help;
    const char *type;
    struct metric *first, **last;
};
static struct family *metric_families, **metric_last = &metric_families;

static struct family *metric_family(const char *name, const char *help, const char *type)
{
    for (struct family *f = metric_families; f; f = f->next)
        if (strcmp(f->name, name) == 0) {
            err_assert(strcmp(f->type, type) == 0);
            return f;
        }
    struct family *f = mem_alloc(sizeof(*f));
    f->name = mem_strdup(name);
    f->help = mem_strdup(help);
    f->type = type;
    f->last = &f->first;
    *metric_last = f;
    metric_last = &f->next;
    return f;
}

static struct metric *metric_get(const char *name, const char *help, const char *labels, const char *type,
                                 size_t buckets)
{
    struct family *f = metric_family(name, help, type);
    for (struct metric *m = f->first; m; m = m->next)
        if (strcmp(m->labels, labels) == 0)
            return m;
    struct metric *m = mem_alloc(sizeof(*m) + buckets * sizeof(m->buckets[0]));
    m->labels = mem_strdup(labels);
    *f->last = m;
    f->last = &m->next;
    return m;
}

struct metric *metric_counter(const char *name, const char *help, const char *labels)
{
    return metric_get(name, help, labels, "counter", 0);
}

struct metric *metric_gauge(const char *name, const char *help, const char *labels)
{
    return metric_get(name, help, labels, "gauge", 0);
}

struct metric *metric_histogram(const char *name, const char *help, const char *labels)
{
    return metric_get(name, help, labels, "histogram", METRIC_BUCKETS);
}

int metric_label(struct buf *labels, const char *name, struct slice value)
{
    buf_printf(labels, "%s%s=\"", labels->n ? "," : "", name);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\n')
            buf_str(labels, "\\n");
        else if (c == '"' || c == '\\')
            buf_printf(labels, "\\%c", c);
        else
            buf_char(labels, (unsigned char)c < 0x20 ? ' ' : c);
    }
    return buf_char(labels, '"');
}

void metric_add(struct metric *m, double v)
{
    m->value += v;
}

void metric_set(struct metric *m, double v)
{
    m->value = v;
}

void metric_observe(struct metric *m, double seconds)
{
    m->value += seconds;
    m->count++;
    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        if (seconds <= metric_bounds[i]) {
            m->buckets[i]++;
            break;
        }
}

double metric_value(const struct metric *m)
{
    return m->value;
}

/* Whole numbers exactly, others with 15 digits. */
static void metric_number(struct buf *out, double v)
{
    if (v >= 0 && v < 9e15 && v == (double)(uint64_t)v)
        buf_u64(out, (uint64_t)v);
    else
        buf_printf(out, "%.15g", v);
}

static void metric_line(struct buf *out, const char *name, const char *suffix, const char *labels, double v)
{
    buf_printf(out, *labels ? "%s%s{%s} " : "%s%s%s ", name, suffix, labels);
    metric_number(out, v);
    buf_char(out, '\n');
}

static void metric_buckets(struct buf *out, const char *name, const struct metric *m)
{
    uint64_t sum = 0;
    const char *comma = *m->labels ? "," : "";
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        sum += m->buckets[i];
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} ", name, m->labels, comma, metric_bounds[i]);
        buf_u64(out, sum);
        buf_char(out, '\n');
    }
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} ", name, m->labels, comma);
    buf_u64(out, m->count);
    buf_char(out, '\n');
    metric_line(out, name, "_sum", m->labels, m->value);
    metric_line(out, name, "_count", m->labels, (double)m->count);
}

int metric_write(struct buf *out)
{
    for (const struct family *f = metric_families; f; f = f->next) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
        for (const struct metric *m = f->first; m; m = m->next) {
            if (strcmp(f->type, "histogram") == 0)
                metric_buckets(out, f->name, m);
            else
                metric_line(out, f->name, "", m->labels, m->value);
        }
    }
    return out->err;
}
