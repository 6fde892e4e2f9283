/* SPDX-License-Identifier: Apache-2.0
 * Counters, gauges and histograms for /metrics, in Prometheus's text format. Names and labels hold no
 * personal data: labels are operation, channel, connector, kind and the like, never an id of a person or a
 * thread. */
#ifndef PARLEY_BASE_METRIC_H
#define PARLEY_BASE_METRIC_H

#include "gateway/base/buf.h"

struct metric;
/* The same name and labels give the same metric. labels: `channel="web",kind="in"` or "". Lives as long as
 * the process. */
struct metric *metric_counter(const char *name, const char *help, const char *labels);
struct metric *metric_gauge(const char *name, const char *help, const char *labels);
/* Seconds, in buckets from 0.5 ms to 60 s. */
struct metric *metric_histogram(const char *name, const char *help, const char *labels);
/* Appends name="value" (with a comma when something stands there already), escaped, for the labels above. */
int metric_label(struct buf *labels, const char *name, struct slice value);
void metric_add(struct metric *m, double v);
void metric_set(struct metric *m, double v);
void metric_observe(struct metric *m, double seconds);
double metric_value(const struct metric *m);
int metric_write(struct buf *out);

#endif
