/* SPDX-License-Identifier: Apache-2.0
 * The ladder from an operation's document: levels, times, the duty rota. */
#include "gateway/base/mem.h"
#include "router/alert.h"
#include "router/zone.h"
#include <string.h>

#define STEP_S    45
#define REPEAT_S  60
#define CONFIRM_S 45
#define GROUP_S   300
#define SHIFTS    50

int alert_minute(struct slice s)
{
    if (s.n != 5 || s.p[2] != ':')
        return -1;
    for (size_t i = 0; i < 5; i++)
        if (i != 2 && (s.p[i] < '0' || s.p[i] > '9'))
            return -1;
    int h = (s.p[0] - '0') * 10 + s.p[1] - '0', m = (s.p[3] - '0') * 10 + s.p[4] - '0';
    return m > 59 || h * 60 + m > 1440 ? -1 : h * 60 + m;
}

bool alert_day(struct slice s, int64_t *day)
{
    uint64_t y, m, d;
    if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' || !slice_u64(slice_of(s.p, 4), &y) ||
        !slice_u64(slice_of(s.p + 5, 2), &m) || !slice_u64(slice_of(s.p + 8, 2), &d) || y < 1970 || m < 1 ||
        m > 12 || d < 1 || d > 31)
        return false;
    int64_t year;
    unsigned month, mday;
    *day = zone_day((int64_t)y, (unsigned)m, (unsigned)d);
    zone_date(*day, &year, &month, &mday);
    return month == m && mday == d; /* no 31st of June */
}

int alert_weekday(struct slice s)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (int i = 0; i < 7; i++)
        if (slice_is(s, names[i]))
            return i;
    return -1;
}

static void load_ways(struct alert_ladder *l, struct alert_person *p, const json_t *list)
{
    size_t i;
    json_t *w;
    json_array_foreach(list, i, w)
    {
        struct slice channel = json_opt_str(w, "channel"), address = json_opt_str(w, "address");
        if (channel.n && address.n && p->ways_n < ALERT_WAYS)
            p->ways[p->ways_n++] = (struct alert_way){arena_dup(l->arena, channel.p, channel.n),
                                                      arena_dup(l->arena, address.p, address.n)};
    }
}

static void load_shifts(struct alert_ladder *l, struct alert_person *p, const json_t *list)
{
    size_t i, k;
    json_t *s, *d;
    p->shifts = arena_alloc(l->arena, (json_array_size(list) + 1) * sizeof *p->shifts);
    json_array_foreach(list, i, s)
    {
        const json_t *days = json_object_get(s, "days");
        struct alert_shift *to = &p->shifts[p->shifts_n];
        to->from = alert_minute(json_opt_str(s, "from"));
        to->to = alert_minute(json_opt_str(s, "to"));
        to->days = days ? 0 : 0x7f;
        json_array_foreach(days, k, d)
        {
            int day = alert_weekday(slice_str(json_string_value(d)));
            to->days |= day < 0 ? 0 : 1u << day;
        }
        p->shifts_n += to->from >= 0 && to->to >= 0 && p->shifts_n < SHIFTS;
    }
}

static void load_dates(struct alert_ladder *l, struct alert_person *p, const json_t *list)
{
    size_t i;
    json_t *d;
    p->dates = arena_alloc(l->arena, (json_array_size(list) + 1) * sizeof *p->dates);
    json_array_foreach(list, i, d)
    {
        struct alert_date *to = &p->dates[p->dates_n];
        to->from = alert_minute(json_opt_str(d, "from"));
        to->to = alert_minute(json_opt_str(d, "to"));
        if (to->from < 0 || to->to < 0 || json_opt_bool(d, "off", false))
            to->from = -1;
        p->dates_n += alert_day(json_opt_str(d, "date"), &to->day);
    }
}

static void load_person(struct alert_ladder *l, const json_t *v)
{
    struct alert_person *p = &l->persons[l->persons_n];
    struct slice login = json_opt_str(v, "login");
    int64_t level = json_opt_int(v, "level", 1);
    if (!login.n || level < 1 || level > ALERT_LEVELS)
        return;
    p->login = arena_dup(l->arena, login.p, login.n);
    struct slice language = json_opt_str(v, "language");
    p->language = language.n ? arena_dup(l->arena, language.p, language.n) : "en";
    p->level = (unsigned)level;
    if (p->level > l->levels)
        l->levels = p->level;
    load_ways(l, p, json_object_get(v, "ways"));
    load_shifts(l, p, json_object_get(v, "shifts"));
    load_dates(l, p, json_object_get(v, "dates"));
    l->persons_n++;
}

/* The times of the document, and for levels that it names none for: 45 s apart, 120 s at the most. */
static void load_steps(struct alert_ladder *l, const json_t *steps)
{
    int64_t before = 0;
    for (unsigned i = 0; i < ALERT_LEVELS; i++) {
        const json_t *s = json_array_get(steps, i);
        int64_t after = json_is_integer(s) ? json_integer_value(s) * 1000 : i ? before + STEP_S * 1000 : 0;
        after = after > ALERT_TOP_S * 1000 ? ALERT_TOP_S * 1000 : after;
        before = l->after_ms[i] = after < before ? before : after;
    }
}

static int64_t seconds(const json_t *o, const char *name, int64_t otherwise)
{
    int64_t s = json_opt_int(o, name, otherwise);
    return (s < 1 ? 1 : s > 86400 ? 86400 : s) * 1000;
}

int alert_ladder_load(struct alert_ladder **out, const json_t *alerts, const char *timezone, struct err *e)
{
    const json_t *duty = json_object_get(alerts, "duty");
    struct alert_ladder *l = mem_alloc(sizeof *l);
    size_t n = json_array_size(duty);
    *out = NULL;
    l->arena = arena_new();
    l->levels = 1;
    l->zone = zone_open(timezone && *timezone ? timezone : "UTC", e);
    if (!l->zone) {
        alert_ladder_free(&l);
        return -ERR_INVALID;
    }
    n = n > ALERT_PERSONS ? ALERT_PERSONS : n;
    l->persons = arena_alloc(l->arena, (n + 1) * sizeof *l->persons);
    for (size_t i = 0; i < n; i++)
        load_person(l, json_array_get(duty, i));
    load_steps(l, json_object_get(alerts, "steps"));
    l->repeat_ms = seconds(alerts, "repeat_s", REPEAT_S);
    l->confirm_ms = seconds(alerts, "confirm_s", CONFIRM_S);
    l->group_ms = seconds(alerts, "group_s", GROUP_S);
    *out = l;
    return 0;
}

void alert_ladder_free(struct alert_ladder **l)
{
    if (!*l)
        return;
    zone_free(&(*l)->zone);
    arena_free(&(*l)->arena);
    mem_clear(l);
}

const struct alert_person *alert_person_find(const struct alert_ladder *l, const char *login)
{
    for (size_t i = 0; i < l->persons_n; i++)
        if (strcmp(l->persons[i].login, login) == 0)
            return &l->persons[i];
    return NULL;
}
