/* SPDX-License-Identifier: Apache-2.0
 * TZif files: a table of changes, and after the last of them a rule in the form of POSIX's TZ. */
#include "router/zone.h"
#include "gateway/base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_FILE_MAX 65536
#define HEADER        44
#define DAY_S         86400

struct change {
    int64_t at; /* seconds since 1970 */
    int32_t offset_s;
};

struct rule_day {
    char kind; /* 'M' month.week.day, 'J' 1-365 without 29 February, 'D' 0-365 */
    int month, week, day;
    int32_t time_s;
};

struct zone {
    int32_t first_s; /* before the first change */
    struct change *changes;
    size_t n;
    bool ruled, summer; /* summer: the rule has two offsets */
    int32_t standard_s, summer_s;
    struct rule_day begins, ends;
};

/* ---- dates ---- */

int64_t zone_day(int64_t year, unsigned month, unsigned day)
{
    /* Years begin in March, so that the leap day is the last; 400 years have 146,097 days. */
    int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void zone_date(int64_t day, int64_t *year, unsigned *month, unsigned *mday)
{
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, d = z - era * 146097;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365, of_year = d - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *mday = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* ---- the rule ---- */

static bool eat(struct slice *s, char c)
{
    if (!s->n || *s->p != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool eat_number(struct slice *s, int most, int *out)
{
    size_t n = 0;
    *out = 0;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && n < 4; n++)
        *out = *out * 10 + (s->p[n] - '0');
    s->p += n;
    s->n -= n;
    return n > 0 && *out <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool eat_time(struct slice *s, int32_t *out)
{
    int h = 0, m = 0, sec = 0;
    bool minus = eat(s, '-');
    if (!minus)
        eat(s, '+');
    if (!eat_number(s, 167, &h) ||
        (eat(s, ':') && (!eat_number(s, 59, &m) || (eat(s, ':') && !eat_number(s, 59, &sec)))))
        return false;
    *out = (minus ? -1 : 1) * (h * 3600 + m * 60 + sec);
    return true;
}

static bool eat_name(struct slice *s)
{
    bool quoted = eat(s, '<');
    size_t n = 0;
    while (n < s->n && (quoted ? s->p[n] != '>' : strchr("+-,0123456789", s->p[n]) == NULL))
        n++;
    s->p += n;
    s->n -= n;
    return n > 0 && (!quoted || eat(s, '>'));
}

static bool eat_day(struct slice *s, struct rule_day *r)
{
    r->time_s = 7200;
    if (eat(s, 'M')) {
        r->kind = 'M';
        if (!eat_number(s, 12, &r->month) || !eat(s, '.') || !eat_number(s, 5, &r->week) || !eat(s, '.') ||
            !eat_number(s, 6, &r->day) || !r->month || !r->week)
            return false;
    } else {
        r->kind = eat(s, 'J') ? 'J' : 'D';
        if (!eat_number(s, 365, &r->day))
            return false;
    }
    return !eat(s, '/') || eat_time(s, &r->time_s);
}

static bool rule_read(struct zone *z, struct slice s)
{
    if (!eat_name(&s) || !eat_time(&s, &z->standard_s))
        return false;
    z->standard_s = -z->standard_s; /* POSIX counts westwards */
    z->ruled = true;
    if (!s.n)
        return true;
    z->summer = true;
    z->summer_s = z->standard_s + 3600;
    if (!eat_name(&s))
        return false;
    if (s.n && *s.p != ',') {
        if (!eat_time(&s, &z->summer_s))
            return false;
        z->summer_s = -z->summer_s;
    }
    return eat(&s, ',') && eat_day(&s, &z->begins) && eat(&s, ',') && eat_day(&s, &z->ends) && !s.n;
}

/* The local second, counted as if it were UTC, at which the rule's day of that year comes. */
static int64_t rule_local(const struct rule_day *r, int64_t year)
{
    int64_t day = zone_day(year, 1, 1);
    if (r->kind == 'M') {
        int64_t first = zone_day(year, (unsigned)r->month, 1);
        int64_t next = r->month == 12 ? zone_day(year + 1, 1, 1) : zone_day(year, (unsigned)r->month + 1, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = first + (r->day - weekday + 7) % 7 + 7 * (r->week - 1);
        while (day >= next)
            day -= 7;
    } else {
        day += r->day - (r->kind == 'J') + (r->kind == 'J' && leap(year) && r->day >= 60);
    }
    return day * DAY_S + r->time_s;
}

/* The rule's changes of the year before, of this and of the next, in order; narrows p to what holds at s. */
static void rule_at(const struct zone *z, int64_t s, int64_t since, struct zone_period *p)
{
    int64_t year, from = INT64_MIN, until = ZONE_NEVER;
    unsigned month, mday;
    zone_date(floor_div(s, DAY_S), &year, &month, &mday);
    p->offset_s = z->standard_s;
    for (int64_t y = year - 1; z->summer && y <= year + 1; y++) {
        const struct change c[] = {{rule_local(&z->begins, y) - z->standard_s, z->summer_s},
                                   {rule_local(&z->ends, y) - z->summer_s, z->standard_s}};
        for (size_t i = 0; i < 2; i++) {
            if (c[i].at <= s && c[i].at >= from) {
                from = c[i].at;
                p->offset_s = c[i].offset_s;
            } else if (c[i].at > s && c[i].at < until) {
                until = c[i].at;
            }
        }
    }
    p->from = from > since ? from : since; /* the table may end at a moment that changes nothing */
    p->until = until;
}

/* ---- the file ---- */

static int64_t big(const unsigned char *p, size_t n)
{
    uint64_t v = n && p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

struct counts {
    uint32_t utc, standard, leap, times, types, chars;
};

static bool header_read(struct slice s, struct counts *c)
{
    uint32_t *const to[] = {&c->utc, &c->standard, &c->leap, &c->times, &c->types, &c->chars};
    if (s.n < HEADER || memcmp(s.p, "TZif", 4) != 0)
        return false;
    for (size_t i = 0; i < 6; i++) {
        *to[i] = (uint32_t)big((const unsigned char *)s.p + 20 + 4 * i, 4);
        if (*to[i] > ZONE_FILE_MAX)
            return false;
    }
    return true;
}

static size_t data_size(const struct counts *c, size_t wide)
{
    return c->times * (wide + 1) + c->types * 6u + c->chars + c->leap * (wide + 4) + c->standard + c->utc;
}

static bool table_read(struct zone *z, const unsigned char *p, const struct counts *c)
{
    const unsigned char *index = p + 8 * (size_t)c->times, *types = index + c->times;
    if (!c->types)
        return false;
    z->changes = mem_array(c->times + 1, sizeof *z->changes);
    z->first_s = (int32_t)big(types, 4);
    for (size_t i = 0; i < c->times; i++) {
        if (index[i] >= c->types)
            return false;
        z->changes[i] = (struct change){big(p + 8 * i, 8), (int32_t)big(types + 6 * (size_t)index[i], 4)};
        /* So that sums of them stay within 64 bits; before and after it nobody has hours. */
        if ((i && z->changes[i].at <= z->changes[i - 1].at) || z->changes[i].at > INT64_MAX / 4000 ||
            z->changes[i].at < INT64_MIN / 4000 || abs(z->changes[i].offset_s) > 2 * DAY_S)
            return false;
        z->n++;
    }
    return abs(z->first_s) <= 2 * DAY_S;
}

static bool whole_read(struct zone *z, struct slice s)
{
    struct counts old, c;
    if (!header_read(s, &old) || s.p[4] < '2')
        return false;
    size_t skip = HEADER + data_size(&old, 4);
    if (skip > s.n)
        return false;
    s = slice_of(s.p + skip, s.n - skip);
    if (!header_read(s, &c) || HEADER + data_size(&c, 8) > s.n ||
        !table_read(z, (const unsigned char *)s.p + HEADER, &c))
        return false;
    size_t at = HEADER + data_size(&c, 8);
    struct slice foot = slice_of(s.p + at, s.n - at);
    if (foot.n < 2 || foot.p[0] != '\n')
        return false;
    const char *end = memchr(foot.p + 1, '\n', foot.n - 1);
    struct slice rule = slice_of(foot.p + 1, end ? (size_t)(end - foot.p - 1) : 0);
    return end && (!rule.n || rule_read(z, rule));
}

struct zone *zone_parse(struct slice bytes, struct err *e)
{
    struct zone *z = mem_alloc(sizeof *z);
    if (!whole_read(z, bytes)) {
        err_set(e, ERR_INVALID, "not a file of a time zone");
        zone_free(&z);
    }
    return z;
}

void zone_free(struct zone **z)
{
    if (!*z)
        return;
    mem_free((*z)->changes);
    mem_clear(z);
}

static bool name_fits(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");
    return n && n <= 64 && !name[n] && *name != '/' && !strstr(name, "//");
}

struct zone *zone_open(const char *name, struct err *e)
{
    char path[400];
    const char *dir = getenv("TZDIR");
    struct buf b;
    if (!name_fits(name)) {
        err_set(e, ERR_NOT_FOUND, "there is no time zone of this name");
        return NULL;
    }
    snprintf(path, sizeof path, "%.300s/%.64s", dir && *dir == '/' ? dir : "/usr/share/zoneinfo", name);
    FILE *f = fopen(path, "re");
    if (!f && strcmp(name, "UTC") == 0)
        return mem_alloc(sizeof(struct zone));
    if (!f) {
        err_set(e, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
        return NULL;
    }
    buf_init(&b, ZONE_FILE_MAX);
    char *room = buf_reserve(&b, ZONE_FILE_MAX - 1);
    size_t n = room ? fread(room, 1, ZONE_FILE_MAX - 1, f) : 0;
    fclose(f);
    struct zone *z = zone_parse(slice_of(room, n), e);
    buf_clear(&b);
    return z;
}

/* ---- asking ---- */

struct zone_period zone_at(const struct zone *z, int64_t ms)
{
    int64_t s = floor_div(ms, 1000);
    size_t low = 0, high = z->n; /* the first change after s */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (z->changes[mid].at <= s)
            low = mid + 1;
        else
            high = mid;
    }
    struct zone_period p = {.from = low ? z->changes[low - 1].at : INT64_MIN,
                            .until = low < z->n ? z->changes[low].at : ZONE_NEVER,
                            .offset_s = low ? z->changes[low - 1].offset_s : z->first_s};
    if (low == z->n && z->ruled)
        rule_at(z, s, p.from, &p);
    p.from = p.from == INT64_MIN ? p.from : p.from * 1000;
    p.until = p.until == ZONE_NEVER ? p.until : p.until * 1000;
    return p;
}
