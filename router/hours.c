/* SPDX-License-Identifier: Apache-2.0
 * Hours. Between two changes of the zone local time runs evenly, so the next change of state is the next
 * beginning or end of a span there, or the zone's own change. */
#include "router/hours.h"
#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "router/zone.h"
#include <stdio.h>
#include <string.h>

#define DAY_MS     86400000ll
#define MINUTE_MS  60000ll
#define YEAR_MS    (370 * DAY_MS)
#define YEAR_DAYS  370
#define LEVELS_MAX 64 /* areas in areas */

const char *const hours_days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

struct span {
    short from, to; /* minutes; to may be beyond 24 hours */
};
struct day {
    struct span s[HOURS_SPANS];
    unsigned n;
};
struct exception {
    int64_t first, last; /* days */
    struct day day;
    const json_t *json; /* of hours.document */
};

struct place { /* the operation or an area */
    const struct place *up;
    struct zone *zone; /* NULL: that above */
    const char *zone_name;
    struct day week[7];
    bool has_week, always;
    struct exception *exceptions;
    size_t exceptions_n;
    struct { /* the last answer, and for how long it holds */
        int64_t from, until;
        struct hours_state state;

    } last;
};

struct hours {
    json_t *document;
    struct place top;
    struct map areas; /* id → struct place */
};

/* ---- reading ---- */

static bool two_digits(const char *p, int *out)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *out = (p[0] - '0') * 10 + p[1] - '0';
    return true;
}

/* "24:00" is the end of the day. */
static bool minute_of_day(const char *p, int *out)
{
    int h, m;
    if (!two_digits(p, &h) || p[2] != ':' || !two_digits(p + 3, &m) || h > 24 || m > 59 || (h == 24 && m))
        return false;
    *out = h * 60 + m;
    return true;
}

bool hours_span(const char *text, int *from, int *to)
{
    if (!text || strlen(text) != 11 || text[5] != '-' || !minute_of_day(text, from) ||
        !minute_of_day(text + 6, to) || *from == 1440 || *from == *to)
        return false;
    if (*to < *from)
        *to += 1440;
    return true;
}

bool hours_date(const char *text, int64_t *day)
{
    int a, b, m, d;
    int64_t year;
    unsigned month, mday;
    if (!text || strlen(text) != 10 || text[4] != '-' || text[7] != '-' || !two_digits(text, &a) ||
        !two_digits(text + 2, &b) || !two_digits(text + 5, &m) || !two_digits(text + 8, &d) || m < 1 ||
        m > 12 || d < 1)
        return false;
    *day = zone_day(a * 100 + b, (unsigned)m, (unsigned)d);
    zone_date(*day, &year, &month, &mday);
    return month == (unsigned)m && mday == (unsigned)d;
}

static void day_read(const json_t *list, struct day *out)
{
    size_t i;
    const json_t *v;
    out->n = 0;
    json_array_foreach(list, i, v)
    {
        int from, to;
        if (out->n < HOURS_SPANS && hours_span(json_string_value(v), &from, &to))
            out->s[out->n++] = (struct span){(short)from, (short)to};
    }
}

static void exceptions_read(struct place *p, const json_t *list)
{
    size_t i;
    const json_t *v;
    p->exceptions = mem_array(json_array_size(list) + 1, sizeof *p->exceptions);
    json_array_foreach(list, i, v)
    {
        struct exception *x = &p->exceptions[p->exceptions_n];
        const json_t *last = json_object_get(v, "to");
        if (!hours_date(json_string_value(json_object_get(v, "date")), &x->first))
            continue;
        x->last = x->first;
        if (last && !hours_date(json_string_value(last), &x->last))
            continue;
        x->json = v;
        day_read(json_object_get(v, "open"), &x->day);
        p->exceptions_n++;
    }
}

static void place_read(struct place *p, const json_t *o, const struct place *up)
{
    const json_t *hours = json_object_get(o, "hours"), *week = json_object_get(hours, "week");
    const char *zone = json_string_value(json_object_get(o, "timezone"));
    struct err e = {0};
    p->up = up;
    p->last.until = INT64_MIN;
    if (zone && !(p->zone = zone_open(zone, &e)))
        log_event(LOG_ERROR, "hours.timezone", log_err(&e));
    p->zone_name = zone;
    p->always = json_opt_bool(hours, "always", false);
    p->has_week = week != NULL;
    for (size_t i = 0; hours_days[i]; i++)
        day_read(json_object_get(week, hours_days[i]), &p->week[i]);
    exceptions_read(p, json_object_get(hours, "exceptions"));
}

static struct place *place_find(struct hours *h, const char *area)
{
    struct slice at = slice_str(area);
    while (at.n) {
        struct place *p = map_get(&h->areas, at);
        if (p)
            return p;
        while (at.n && at.p[at.n - 1] != '/')
            at.n--;
        at.n -= at.n > 0;
    }
    return &h->top;
}

/* What stands above an area, once all are there. */
static void areas_join(struct hours *h)
{
    struct slice id;
    void *value;
    for (size_t i = 0; map_each(&h->areas, &i, &id, &value);) {
        struct place *p = value;
        char up[256] = "";
        for (size_t n = id.n; n-- > 0;) {
            if (id.p[n] == '/' && n < sizeof up) {
                memcpy(up, id.p, n);
                up[n] = '\0';
                break;
            }
        }
        p->up = place_find(h, up);
    }
}

struct hours *hours_new(const json_t *document)
{
    struct hours *h = mem_alloc(sizeof *h);
    size_t i;
    const json_t *area;
    h->document = document ? json_deep_copy(document) : json_object();
    map_init(&h->areas);
    place_read(&h->top, h->document, NULL);
    if (!h->top.zone) {
        h->top.zone = zone_open("UTC", NULL);
        h->top.zone_name = "UTC";
    }
    json_array_foreach(json_object_get(h->document, "areas"), i, area)
    {
        struct slice id = json_opt_str(area, "id");
        if (!id.n || map_get(&h->areas, id))
            continue;
        struct place *p = mem_alloc(sizeof *p);
        place_read(p, area, &h->top);
        map_put(&h->areas, id, p);
    }
    areas_join(h);
    return h;
}

static void place_clear(struct place *p)
{
    zone_free(&p->zone);
    mem_clear(&p->exceptions);
}

static void place_free(void *p)
{
    place_clear(p);
    mem_free(p);
}

void hours_free(struct hours **h)
{
    if (!*h)
        return;
    map_clear(&(*h)->areas, place_free);
    place_clear(&(*h)->top);
    json_decref((*h)->document);
    mem_clear(h);
}

/* ---- one day ---- */

/* Of the nearest place that has any for the day the shortest: New Year's Eve within the holidays. */
static const struct exception *exception_on(const struct place *p, int64_t day)
{
    const struct exception *best = NULL;
    for (; p && !p->always && !best; p = p->up)
        for (size_t i = 0; i < p->exceptions_n; i++) {
            const struct exception *x = &p->exceptions[i];
            if (day >= x->first && day <= x->last && (!best || x->last - x->first < best->last - best->first))
                best = x;
        }
    return best;
}

static const struct day *day_of(const struct place *p, int64_t day)
{
    static const struct day whole = {.s = {{0, 1440}}, .n = 1};
    const struct exception *x = exception_on(p, day);
    if (x)
        return &x->day;
    for (; p && !p->always; p = p->up)
        if (p->has_week)
            return &p->week[((day + 3) % 7 + 7) % 7]; /* 1970-01-01 was a Thursday */
    return &whole;
}

static int64_t day_at(int64_t local_ms)
{
    return local_ms / DAY_MS - (local_ms % DAY_MS < 0);
}

static bool within(const struct day *d, int64_t minute)
{
    for (unsigned i = 0; i < d->n; i++)
        if (minute >= d->s[i].from && minute < d->s[i].to)
            return true;
    return false;
}

static bool open_at(const struct place *p, int64_t local_ms)
{
    int64_t day = day_at(local_ms), minute = (local_ms - day * DAY_MS) / MINUTE_MS;
    return within(day_of(p, day), minute) || within(day_of(p, day - 1), minute + 1440);
}

/* The next beginning or end of a span in local time; INT64_MAX: none within a year. */
static int64_t edge_after(const struct place *p, int64_t local_ms)
{
    int64_t first = day_at(local_ms), best = INT64_MAX;
    for (int64_t day = first - 1; day < first + YEAR_DAYS && day * DAY_MS < best; day++) {
        const struct day *d = day_of(p, day);
        for (unsigned i = 0; i < d->n; i++) {
            int64_t from = day * DAY_MS + d->s[i].from * MINUTE_MS,
                    to = day * DAY_MS + d->s[i].to * MINUTE_MS;
            if (from > local_ms && from < best)
                best = from;
            if (to > local_ms && to < best)
                best = to;
        }
    }
    return best;
}

/* ---- through the year ---- */

static const struct place *zone_of(const struct place *p)
{
    while (!p->zone && p->up)
        p = p->up;
    return p;
}

static int64_t local(const struct zone *z, int64_t ms)
{
    return ms + zone_at(z, ms).offset_s * 1000ll;
}

/* When the state changes, after ms and before limit; 0: it does not. */
static int64_t change_after(const struct place *p, int64_t ms, int64_t limit)
{
    const struct zone *z = zone_of(p)->zone;
    bool state = open_at(p, local(z, ms));
    for (int64_t at = ms; at < limit;) {
        struct zone_period period = zone_at(z, at);
        int64_t offset = period.offset_s * 1000ll, edge = edge_after(p, at + offset);
        if (edge == INT64_MAX && period.until == ZONE_NEVER)
            return 0;
        at = edge == INT64_MAX || edge - offset > period.until ? period.until : edge - offset;
        if (at < limit && open_at(p, local(z, at)) != state)
            return at;
    }
    return 0;
}

/* Since when it has been so: the last change before, looked for further and further back. */
static int64_t change_before(const struct place *p, int64_t ms)
{
    static const int64_t back[] = {DAY_MS, 8 * DAY_MS, 60 * DAY_MS, YEAR_MS};
    for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
        int64_t found = 0;
        for (int64_t at = ms - back[i]; (at = change_after(p, at, ms + 1)) != 0;)
            found = at;
        if (found)
            return found;
    }
    return 0;
}

static bool always(const struct place *p)
{
    for (; p && !p->always; p = p->up)
        if (p->has_week || p->exceptions_n)
            return false;
    return true;
}

/* Anew for this instant; it holds until the state, the zone or the date changes. */
static void reckon(struct place *p, int64_t ms)
{
    const struct place *zp = zone_of(p);
    struct zone_period period = zone_at(zp->zone, ms);
    struct hours_state *s = &p->last.state;
    int64_t day = day_at(ms + period.offset_s * 1000ll);
    const struct exception *x = exception_on(p, day);
    /* The neighbours of the state are looked for only when it may be another one. */
    bool again = ms < p->last.from || !s->zone || (s->next_ms ? ms >= s->next_ms : ms >= p->last.until);
    if (again || ms < s->since_ms) {
        *s = (struct hours_state){.always = always(p), .open = true, .zone = zp->zone_name};
        if (!s->always) {
            s->open = open_at(p, ms + period.offset_s * 1000ll);
            s->since_ms = change_before(p, ms);
            s->next_ms = change_after(p, ms, ms + YEAR_MS);
        }
    }
    s->offset_s = period.offset_s;
    s->exception = x ? x->json : NULL;
    s->exception_open = x && x->day.n;
    p->last.from = ms;
    p->last.until = (day + 1) * DAY_MS - period.offset_s * 1000ll;
    if (p->last.until > period.until)
        p->last.until = period.until;
    if (s->next_ms && p->last.until > s->next_ms)
        p->last.until = s->next_ms;
}

void hours_at(struct hours *h, const char *area, int64_t ms, struct hours_state *out)
{
    struct place *p = place_find(h, area ? area : "");
    if (ms < p->last.from || ms >= p->last.until)
        reckon(p, ms);
    *out = p->last.state;
}

int32_t hours_offset(struct hours *h, const char *area, int64_t ms)
{
    return zone_at(zone_of(place_find(h, area ? area : ""))->zone, ms).offset_s;
}
