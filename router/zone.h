/* SPDX-License-Identifier: Apache-2.0
 * A time zone out of the system's tz database: offsets and the moments at which they change. The system's
 * files are kept current for years after a release; the data that ICU carries inside is as old as ICU. */
#ifndef PARLEY_ROUTER_ZONE_H
#define PARLEY_ROUTER_ZONE_H

#include "gateway/base/err.h"
#include "gateway/base/text.h"

#define ZONE_NEVER INT64_MAX /* no change after that */

struct zone;

/* NULL with e filled: there is no such zone, or its file is not one. "UTC" is always there. TZDIR names
 * another folder than /usr/share/zoneinfo. */
struct zone *zone_open(const char *name, struct err *e);
/* From the bytes of a TZif file (RFC 8536, version 2 and later). */
struct zone *zone_parse(struct slice bytes, struct err *e);
void zone_free(struct zone **z);

/* What holds at an instant: local time is UTC plus `offset_s`, from `from` (INT64_MIN: always) until `until`
 * (ZONE_NEVER); instants are ms since 1970. */
struct zone_period {
    int64_t from, until;
    int32_t offset_s;
};
struct zone_period zone_at(const struct zone *z, int64_t ms);

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back. */
int64_t zone_day(int64_t year, unsigned month, unsigned day);
void zone_date(int64_t day, int64_t *year, unsigned *month, unsigned *mday);

#endif
