/* SPDX-License-Identifier: Apache-2.0
 * Red alerts: the ladder. What an operation's document says of alerts (who is on duty, by which ways, after
 * how long the next level), and, for one alert at one moment, what is due and when to look again. Pure: no
 * clock, no I/O. What happens is written down by store/alert.h and carried out by gateway/daemon/alerts.c. */
#ifndef PARLEY_ROUTER_ALERT_H
#define PARLEY_ROUTER_ALERT_H

#include "gateway/base/json.h"
#include "router/topic.h"

enum alert_state {
    ALERT_POSSIBLE,     /* a word of alarm was seen: somebody on shift confirms or dismisses */
    ALERT_RAISED,       /* to be told to those on duty */
    ALERT_NOTIFIED,     /* one of them has been told by some way */
    ALERT_ACKNOWLEDGED, /* one of them has it */
    ALERT_HANDED,       /* somebody else acts: an institution, a colleague */
    ALERT_CLOSED,
    ALERT_DISMISSED, /* it was none */
    ALERT_STATES
};
extern const char *const alert_state_names[ALERT_STATES + 1];
/* ALERT_STATES: no such name. */
enum alert_state alert_state_find(struct slice name);
bool alert_may(enum alert_state from, enum alert_state to);
/* Told until somebody answers: RAISED and NOTIFIED. */
bool alert_rings(enum alert_state s);

#define ALERT_TOP_S   120 /* the last level is told after so many seconds at the latest */
#define ALERT_LEVELS  9
#define ALERT_PERSONS 200
#define ALERT_WAYS    8

/* ---- what the document says ---- */

struct alert_way {
    const char *channel, *address;
};
struct alert_shift {
    unsigned days; /* bit 0 Monday … bit 6 Sunday */
    int from, to;  /* minutes of the day; to <= from: over midnight */
};
struct alert_date { /* instead of the weekly shifts of that date */
    int64_t day;    /* since 1970-01-01 */
    int from, to;   /* from < 0: off duty all day */
};
struct alert_person {
    const char *login, *language; /* language: of what they are told; "en" when nothing else is said */
    unsigned level;               /* 1 is told first */
    struct alert_way ways[ALERT_WAYS];
    size_t ways_n;
    struct alert_shift *shifts; /* none: always on duty */
    size_t shifts_n;
    struct alert_date *dates;
    size_t dates_n;
};
struct alert_ladder {
    struct arena *arena;
    struct zone *zone;
    struct alert_person *persons;
    size_t persons_n;
    unsigned levels; /* at least 1 */
    int64_t after_ms[ALERT_LEVELS];
    int64_t repeat_ms, confirm_ms, group_ms;
};

/* alerts: the document's member, already checked; NULL: nobody is on duty, the times are Parley's. */
int alert_ladder_load(struct alert_ladder **out, const json_t *alerts, const char *timezone, struct err *e);
void alert_ladder_free(struct alert_ladder **l);
const struct alert_person *alert_person_find(const struct alert_ladder *l, const char *login);
/* On duty at that instant, by the weekly shifts and dates in the operation's time zone. */
bool alert_on_duty(const struct alert_ladder *l, const struct alert_person *p, int64_t now_ms);
/* "07:30" → 450, "24:00" → 1440; -1. */
int alert_minute(struct slice s);
/* "2026-01-31" → days since 1970; false: no date. */
bool alert_day(struct slice s, int64_t *day);
/* "mon" → 0 … "sun" → 6; -1. */
int alert_weekday(struct slice s);

/* ---- one alert at one moment ---- */

struct alert_case {
    enum alert_state state;
    int64_t created_ms, raised_ms; /* raised_ms: 0 while it is only possible */
    unsigned steps;                /* how many were taken */
};
enum alert_what {
    ALERT_WAIT, /* nothing is due before next_ms (0: never again) */
    ALERT_PAGE, /* nobody confirmed it in time: it is raised */
    ALERT_STEP, /* tell those of `level` and below; it is step number `step` */
};
struct alert_due {
    enum alert_what what;
    unsigned step, level;
    int64_t next_ms;
};
/* Steps that were missed (a node was down) are one: the highest that is due. */
void alert_next(const struct alert_ladder *l, const struct alert_case *c, int64_t now_ms,
                struct alert_due *out);
/* When step k is due. */
int64_t alert_step_ms(const struct alert_ladder *l, int64_t raised_ms, unsigned step);
/* Whom a step of that level tells: those on duty up to it; when nobody is, the next levels; when nobody at
 * all is on duty, all of them. may: those who are not to know are left out (clearance, areas, disabled).
 * Returns how many; out has room for ALERT_PERSONS. */
size_t alert_whom(const struct alert_ladder *l, unsigned level, int64_t now_ms,
                  bool (*may)(void *arg, const struct alert_person *p), void *arg,
                  const struct alert_person **out);

/* ---- what it is about ---- */

#define ALERT_LANGUAGES 9
struct alert_category {
    const char *id;
    const char *name[ALERT_LANGUAGES]; /* in the order of alert_languages; not reviewed by native speakers */
};
extern const char *const alert_languages[ALERT_LANGUAGES + 1]; /* tags, NULL at the end */
extern const struct alert_category alert_categories[];         /* ends with id NULL; "other" is there */

/* Words of alarm: a table whose topics are categories. Parley's own phrases in its 15 languages (unless
 * "shipped_words" is false), then the document's `words`: [{"category","words":{tag:[phrase,…]}}]. */
int alert_words_load(struct topic_table **out, const json_t *alerts, struct err *e);

/* The code in a reply of somebody on duty: six digits of any script, alone or among few words. */
#define ALERT_CODE 6
bool alert_code_find(struct slice text, char code[ALERT_CODE + 1]);

#endif
