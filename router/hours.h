/* SPDX-License-Identifier: Apache-2.0
 * When an operation and its areas are open: weekly hours, dated exceptions, each area in its time zone. Pure
 * but for reading the zones.
 *
 * What counts is the clock on the wall: at an instant the office is open when the local date and time are
 * within a span, so "09:00-17:00" is that on every day, whatever the zone does. An hour that a change to
 * summer time leaves out is nobody's; one that comes twice counts both times. A span over midnight belongs to
 * the day on which it begins: an exception closes or changes what begins on its date, and the night shift of
 * the eve still ends in its morning. */
#ifndef PARLEY_ROUTER_HOURS_H
#define PARLEY_ROUTER_HOURS_H

#include "gateway/base/json.h"

struct hours;

/* From an operation's document: `timezone`, `hours`, `areas[].timezone`, `areas[].hours`. An area has the
 * time zone and the week of the nearest area above it that has one, else the operation's; exceptions of all
 * of them hold, the nearest first. "always": true is open at all times, whatever stands above. Without hours:
 * always open. What the document's check would have refused is left out. */
struct hours *hours_new(const json_t *document);
void hours_free(struct hours **h);

struct hours_state {
    bool always; /* no hours are kept */
    bool open;
    int64_t since_ms;        /* 0: for longer than a year */
    int64_t next_ms;         /* when that changes; 0: not within a year */
    int32_t offset_s;        /* of local time, now */
    const char *zone;        /* "Europe/Istanbul"; lives as long as h */
    const json_t *exception; /* the one that holds on the local date ("name" by language), or NULL */
    bool exception_open;     /* it has hours of its own */
};
/* area "" or one that is not known: the nearest above it, or the operation. Keeps the last answer of each
 * area until it changes. */
void hours_at(struct hours *h, const char *area, int64_t ms, struct hours_state *out);
/* Local time minus UTC there at another instant. */
int32_t hours_offset(struct hours *h, const char *area, int64_t ms);

/* "09:00-17:30"; a span that ends at or before its beginning ends on the next day. Minutes of the day; false:
 * malformed. */
bool hours_span(const char *text, int *from, int *to);
/* "2026-12-25" as days since 1970; false: there is no such date. */
bool hours_date(const char *text, int64_t *day);

#define HOURS_SPANS 12                 /* a day, at most */
extern const char *const hours_days[]; /* "mon" … "sun", NULL */

#endif
