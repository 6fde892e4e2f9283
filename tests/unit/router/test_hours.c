/* SPDX-License-Identifier: Apache-2.0
 * Hours: two years of minutes in zones that do unusual things, against the C library's clock and the rules
 * said again minute by minute; and single days by hand. */
#include "router/hours.h"
#include "router/zone.h"
#include "tests/unit/test.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *parse(const char *text)
{
    struct err e = {0};
    json_t *o = json_parse(slice_str(text), 16, &e);
    OK(o);
    return o;
}

static struct hours *open_hours(const char *text)
{
    json_t *o = parse(text);
    struct hours *h = hours_new(o);
    json_decref(o);
    return h;
}

static int64_t at(const char *utc)
{
    int64_t ms = 0;
    OK(time_parse(slice_str(utc), &ms));
    return ms;
}

static struct hours_state state(struct hours *h, const char *area, const char *utc)
{
    struct hours_state s;
    hours_at(h, area, at(utc), &s);
    return s;
}

#define WEEK                                                                                                 \
    "{\"week\":{\"mon\":[\"09:00-12:30\",\"13:30-17:00\"],\"tue\":[\"00:00-24:00\"],\"wed\":[\"00:00-00:"    \
    "15\",\"23:45-02:30\"],"                                                                                 \
    "\"fri\":[\"20:00-06:00\"],\"sat\":[\"20:00-02:45\"],\"sun\":[\"02:15-03:30\",\"22:00-01:00\"]},"        \
    "\"exceptions\":["                                                                                       \
    "{\"date\":\"2026-03-29\",\"open\":[\"01:30-03:15\"]},{\"date\":\"2026-10-25\",\"open\":[\"02:30-04:"    \
    "00\"]},"                                                                                                \
    "{\"date\":\"2026-12-24\",\"to\":\"2027-01-02\"},{\"date\":\"2027-06-01\",\"open\":[\"23:00-22:00\"]}]}"

/* The same rules, said with dates as numbers and nothing kept. */
static bool span_says(int y, int m, int d, int weekday, int minute)
{
    int date = (y * 100 + m) * 100 + d;
    if (date == 20260329)
        return minute >= 90 && minute < 195;
    if (date == 20261025)
        return minute >= 150 && minute < 240;
    if (date >= 20261224 && date <= 20270102)
        return false;
    if (date == 20270601)
        return minute >= 1380 && minute < 2760;
    switch (weekday) { /* 0: Sunday */
    case 1:
        return (minute >= 540 && minute < 750) || (minute >= 810 && minute < 1020);
    case 2:
        return minute >= 0 && minute < 1440;
    case 3:
        return (minute >= 0 && minute < 15) || (minute >= 1425 && minute < 1590);
    case 5:
        return minute >= 1200 && minute < 1800;
    case 6:
        return minute >= 1200 && minute < 1605;
    case 0:
        return (minute >= 135 && minute < 210) || (minute >= 1320 && minute < 1500);
    default:
        return false;
    }
}

static void day_before(const struct tm *t, struct tm *out)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    *out = *t;
    out->tm_wday = (t->tm_wday + 6) % 7;
    if (--out->tm_mday > 0)
        return;
    if (--out->tm_mon < 0) {
        out->tm_mon = 11;
        out->tm_year--;
    }
    int y = out->tm_year + 1900;
    out->tm_mday = days[out->tm_mon] + (out->tm_mon == 1 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

static bool oracle(time_t s)
{
    struct tm t, before;
    localtime_r(&s, &t);
    day_before(&t, &before);
    int minute = t.tm_hour * 60 + t.tm_min;
    return span_says(t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_wday, minute) ||
           span_says(before.tm_year + 1900, before.tm_mon + 1, before.tm_mday, before.tm_wday, minute + 1440);
}

static void walk(const char *zone)
{
    char text[1600];
    struct hours_state s, last = {0};
    snprintf(text, sizeof text, "{\"timezone\":\"%s\",\"hours\":%s}", zone, WEEK);
    struct hours *h = open_hours(text);
    setenv("TZ", zone, 1);
    tzset();
    int64_t from = at("2025-12-31T00:00:00Z"), end = at("2028-01-02T00:00:00Z");
    unsigned wrong = 0, changes = 0;
    for (int64_t ms = from; ms < end; ms += 60000) {
        hours_at(h, "", ms, &s);
        bool changed = ms > from && s.open != last.open;
        /* The answer is right, it was foretold, it is known since when, and the offset is the C library's. */
        if (s.open != oracle((time_t)(ms / 1000)) || (changed && (last.next_ms != ms || s.since_ms != ms)) ||
            (ms > from && !changed && (s.since_ms != last.since_ms || s.next_ms != last.next_ms)) ||
            s.since_ms > ms || s.next_ms <= ms)
            wrong++;
        changes += changed;
        last = s;
    }
    if (wrong)
        fprintf(stderr, "%s: %u minutes are wrong\n", zone, wrong);
    EQ_INT(wrong, 0);
    OK(changes > 1200);
    hours_free(&h);
}

T(two_years_of_minutes)
{
    static const char *const zones[] = {"Europe/Istanbul", "Europe/Berlin",      "Africa/Mogadishu",
                                        "Asia/Kabul",      "America/Santiago",   "Africa/Casablanca",
                                        "Pacific/Apia",    "Australia/Lord_Howe"};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        walk(zones[i]);
    unsetenv("TZ");
    tzset();
}

T(offsets_are_the_c_librarys)
{
    static const char *const zones[] = {"Europe/Berlin",  "Europe/Dublin",      "America/Santiago",
                                        "Africa/Cairo",   "Africa/Casablanca",  "Pacific/Apia",
                                        "Asia/Gaza",      "Asia/Tehran",        "America/New_York",
                                        "Asia/Kathmandu", "Pacific/Kiritimati", "Antarctica/Troll"};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        struct err e = {0};
        struct zone *z = zone_open(zones[i], &e);
        OK(z);
        setenv("TZ", zones[i], 1);
        tzset();
        unsigned wrong = 0;
        /* By steps of 14 h 26 min from 1971 to 2100: the table, and the rule after it. */
        for (time_t s = 31536000; z && s < 4102444800; s += 51960) {
            struct tm t;
            localtime_r(&s, &t);
            wrong += zone_at(z, s * 1000ll).offset_s != t.tm_gmtoff;
        }
        if (wrong)
            fprintf(stderr, "%s: %u\n", zones[i], wrong);
        EQ_INT(wrong, 0);
        zone_free(&z);
    }
    unsetenv("TZ");
    tzset();
}

T(a_day_that_never_was)
{
    /* Samoa went from Thursday, 29 December 2011, to Saturday the 31st. */
    struct hours *h =
        open_hours("{\"timezone\":\"Pacific/Apia\",\"hours\":{\"week\":{\"thu\":[\"09:00-17:00\"],"
                   "\"fri\":[\"09:00-17:00\"],\"sat\":[\"10:00-12:00\"]}}}");
    struct hours_state s = state(h, "", "2011-12-30T05:00:00Z"); /* Thursday, 19:00 */
    EQ_INT(s.open, 0);
    EQ_INT(s.next_ms, at("2011-12-30T20:00:00Z")); /* Saturday, 10:00 at +14 */
    hours_free(&h);
}

T(spring_and_autumn)
{
    struct hours *h =
        open_hours("{\"timezone\":\"Europe/Berlin\",\"hours\":{\"week\":{\"sun\":[\"02:30-05:00\"]}}}");
    /* 02:00 to 03:00 is left out: it opens when the clock on the wall shows 03:00. */
    struct hours_state s = state(h, "", "2026-03-29T00:30:00Z");
    EQ_INT(s.open, 0);
    EQ_INT(s.next_ms, at("2026-03-29T01:00:00Z"));
    s = state(h, "", "2026-03-29T01:00:00Z");
    EQ_INT(s.open, 1);
    EQ_INT(s.next_ms, at("2026-03-29T03:00:00Z"));
    /* 02:00 to 03:00 comes twice, and so does its second half. */
    s = state(h, "", "2026-10-25T00:30:00Z");
    EQ_INT(s.open, 1);
    EQ_INT(s.next_ms, at("2026-10-25T01:00:00Z"));
    s = state(h, "", "2026-10-25T01:00:00Z");
    EQ_INT(s.open, 0);
    EQ_INT(s.next_ms, at("2026-10-25T01:30:00Z"));
    hours_free(&h);
}

T(areas_inherit)
{
    struct hours *h = open_hours(
        "{\"timezone\":\"Europe/Istanbul\",\"hours\":{\"week\":{\"mon\":[\"09:00-17:00\"]},\"exceptions\":["
        "{\"date\":\"2026-11-23\",\"name\":{\"en\":\"Feast\"}}]},\"areas\":[{\"id\":\"tr\"},{\"id\":\"tr/"
        "izmir\","
        "\"hours\":{\"exceptions\":[{\"date\":\"2026-11-23\",\"open\":[\"10:00-11:00\"]}]}},"
        "{\"id\":\"de\",\"timezone\":\"Europe/Berlin\"},{\"id\":\"so\",\"hours\":{\"always\":true}},"
        "{\"id\":\"af\",\"timezone\":\"Asia/Kabul\",\"hours\":{\"week\":{\"sun\":[\"08:00-16:00\"]}}}]}");
    struct hours_state s = state(h, "tr", "2026-11-23T07:30:00Z");
    EQ_INT(s.open, 0);
    EQ_STR(json_string_value(json_object_get(json_object_get(s.exception, "name"), "en")), "Feast");
    EQ_INT(state(h, "tr/izmir", "2026-11-23T07:30:00Z").open, 1);
    EQ_INT(state(h, "tr/izmir/port", "2026-11-23T07:30:00Z").open, 1); /* not known: the nearest above */
    EQ_INT(state(h, "tr/izmir", "2026-11-23T08:00:00Z").open, 0);
    EQ_INT(state(h, "de", "2026-11-16T08:30:00Z").open, 1);
    EQ_INT(state(h, "de", "2026-11-16T07:30:00Z").open, 0);
    EQ_STR(state(h, "de", "2026-11-16T07:30:00Z").zone, "Europe/Berlin");
    EQ_INT(state(h, "so", "2026-11-23T01:00:00Z").always, 1);
    EQ_INT(state(h, "af", "2026-11-22T03:30:00Z").open, 1);
    EQ_INT(state(h, "af", "2026-11-22T03:29:59Z").open, 0);
    EQ_INT(state(h, "nowhere", "2026-11-16T06:00:00Z").open, 1);
    hours_free(&h);
}

T(nothing_said_is_always_open)
{
    struct hours *h = open_hours("{}");
    struct hours_state s = state(h, "", "2026-11-23T07:30:00Z");
    OK(s.always && s.open && !s.next_ms && !s.since_ms);
    EQ_STR(s.zone, "UTC");
    hours_free(&h);
    h = open_hours("{\"hours\":{\"week\":{}}}"); /* a week in which nothing is open */
    s = state(h, "", "2026-11-23T07:30:00Z");
    OK(!s.always && !s.open && !s.next_ms && !s.since_ms);
    hours_free(&h);
    h = open_hours("{\"hours\":{\"exceptions\":[{\"date\":\"2026-12-25\"}]}}"); /* open on all other days */
    s = state(h, "", "2026-11-23T07:30:00Z");
    OK(!s.always && s.open);
    EQ_INT(s.next_ms, at("2026-12-25T00:00:00Z"));
    s = state(h, "", "2026-12-25T12:00:00Z");
    OK(!s.open && s.exception);
    EQ_INT(s.next_ms, at("2026-12-26T00:00:00Z"));
    hours_free(&h);
}

T(the_shortest_exception)
{
    struct hours *h =
        open_hours("{\"hours\":{\"exceptions\":[{\"date\":\"2026-12-24\",\"to\":\"2027-01-02\"},"
                   "{\"date\":\"2026-12-31\",\"open\":[\"09:00-12:00\"]}]}}");
    EQ_INT(state(h, "", "2026-12-30T10:00:00Z").open, 0);
    EQ_INT(state(h, "", "2026-12-31T10:00:00Z").open, 1);
    EQ_INT(state(h, "", "2026-12-31T12:00:00Z").open, 0);
    hours_free(&h);
}

T(back_and_forth)
{
    /* Asked in any order the answers are the same. */
    char text[1600];
    snprintf(text, sizeof text, "{\"timezone\":\"Europe/Berlin\",\"hours\":%s}", WEEK);
    struct hours *h = open_hours(text), *fresh;
    uint64_t r = 1;
    for (int i = 0; i < 3000; i++) {
        struct hours_state a, b;
        r = r * 6364136223846793005u + 1442695040888963407u;
        int64_t ms = at("2026-01-01T00:00:00Z") + (int64_t)(r >> 33) % (730 * 86400000ll);
        hours_at(h, "", ms, &a);
        if (i % 10)
            continue;
        fresh = open_hours(text);
        hours_at(fresh, "", ms, &b);
        EQ_INT(a.open, b.open);
        EQ_INT(a.since_ms, b.since_ms);
        EQ_INT(a.next_ms, b.next_ms);
        EQ_INT(a.offset_s, b.offset_s);
        EQ_INT(a.exception != NULL, b.exception != NULL);
        hours_free(&fresh);
    }
    hours_free(&h);
}

T(spans_and_dates)
{
    int from, to;
    int64_t day;
    OK(hours_span("09:00-17:30", &from, &to) && from == 540 && to == 1050);
    OK(hours_span("22:00-06:00", &from, &to) && to == 1800);
    OK(hours_span("00:00-24:00", &from, &to) && to == 1440);
    OK(hours_span("22:00-00:00", &from, &to) && to == 1440);
    OK(!hours_span("09:00-09:00", &from, &to) && !hours_span("24:00-25:00", &from, &to));
    OK(!hours_span("9:00-17:00", &from, &to) && !hours_span("09:60-17:00", &from, &to));
    OK(!hours_span(NULL, &from, &to) && !hours_span("24:00-08:00", &from, &to));
    OK(hours_date("2028-02-29", &day) && !hours_date("2027-02-29", &day) && !hours_date("2027-13-01", &day));
    OK(hours_date("1970-01-01", &day) && day == 0 && hours_date("2000-03-01", &day) && day == 11017);
}

T(broken_zones)
{
    struct err e = {0};
    OK(!zone_open("../../etc/passwd", &e) && !zone_open("/etc/passwd", &e) && !zone_open("", &e));
    OK(!zone_open("Europe/Nowhere", &e) && !zone_open("Europe", &e));
    OK(!zone_parse(SLICE("TZif2"), &e) && !zone_parse(SLICE(""), &e));
    struct zone *z = zone_open("UTC", &e);
    EQ_INT(zone_at(z, 1700000000000).offset_s, 0);
    zone_free(&z);
}

TEST_MAIN
