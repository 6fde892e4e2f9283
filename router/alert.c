/* SPDX-License-Identifier: Apache-2.0
 * The ladder: what is due for one alert at one moment, and whom it is told. */
#include "router/alert.h"
#include "router/fold.h"
#include "router/zone.h"
#include <string.h>

const char *const alert_state_names[ALERT_STATES + 1] = {"possible", "raised", "notified",  "acknowledged",
                                                         "handed",   "closed", "dismissed", NULL};

enum alert_state alert_state_find(struct slice name)
{
    int s = 0;
    while (s < ALERT_STATES && !slice_is(name, alert_state_names[s]))
        s++;
    return (enum alert_state)s;
}

#define BIT(s) (1u << (s))
static const unsigned after[ALERT_STATES] = {
    [ALERT_POSSIBLE] = BIT(ALERT_RAISED) | BIT(ALERT_DISMISSED),
    [ALERT_RAISED] = BIT(ALERT_NOTIFIED) | BIT(ALERT_ACKNOWLEDGED) | BIT(ALERT_DISMISSED),
    [ALERT_NOTIFIED] = BIT(ALERT_ACKNOWLEDGED) | BIT(ALERT_DISMISSED),
    [ALERT_ACKNOWLEDGED] = BIT(ALERT_HANDED) | BIT(ALERT_CLOSED) | BIT(ALERT_DISMISSED),
    [ALERT_HANDED] = BIT(ALERT_HANDED) | BIT(ALERT_CLOSED),
};

bool alert_may(enum alert_state from, enum alert_state to)
{
    return from < ALERT_STATES && to < ALERT_STATES && (after[from] & BIT(to));
}

bool alert_rings(enum alert_state s)
{
    return s == ALERT_RAISED || s == ALERT_NOTIFIED;
}

/* ---- times ---- */

/* After the last level the whole ladder is told again and again: an alert that nobody answers is never
 * silent. */
int64_t alert_step_ms(const struct alert_ladder *l, int64_t raised_ms, unsigned step)
{
    unsigned last = l->levels - 1;
    if (step <= last)
        return raised_ms + l->after_ms[step];
    return raised_ms + l->after_ms[last] + (int64_t)(step - last) * l->repeat_ms;
}

static unsigned due_step(const struct alert_ladder *l, int64_t raised_ms, int64_t now_ms)
{
    unsigned last = l->levels - 1, k = 0;
    int64_t top = alert_step_ms(l, raised_ms, last);
    if (now_ms >= top)
        return last + (unsigned)((now_ms - top) / l->repeat_ms);
    while (k < last && alert_step_ms(l, raised_ms, k + 1) <= now_ms)
        k++;
    return k;
}

void alert_next(const struct alert_ladder *l, const struct alert_case *c, int64_t now_ms,
                struct alert_due *out)
{
    *out = (struct alert_due){.what = ALERT_WAIT};
    if (c->state == ALERT_POSSIBLE) {
        int64_t due = c->created_ms + l->confirm_ms;
        out->what = now_ms >= due ? ALERT_PAGE : ALERT_WAIT;
        out->next_ms = now_ms >= due ? now_ms : due;
        return;
    }
    if (!alert_rings(c->state))
        return;
    unsigned k = due_step(l, c->raised_ms, now_ms);
    if (now_ms < c->raised_ms || k < c->steps) { /* the clock went back, or it was taken */
        out->next_ms = alert_step_ms(l, c->raised_ms, c->steps);
        return;
    }
    out->what = ALERT_STEP;
    out->step = k;
    out->level = k < l->levels ? k + 1 : l->levels;
    out->next_ms = alert_step_ms(l, c->raised_ms, k + 1);
}

/* ---- who ---- */

static bool within(int minute, int from, int to, bool *yesterday)
{
    *yesterday = to <= from && minute < to;
    return to > from ? minute >= from && minute < to : minute >= from;
}

static bool date_says(const struct alert_person *p, int64_t day, bool *listed, int minute, bool tail)
{
    bool on = false;
    for (size_t i = 0; i < p->dates_n; i++) {
        const struct alert_date *d = &p->dates[i];
        bool before;
        if (d->day != day)
            continue;
        *listed = true;
        if (d->from < 0)
            continue;
        bool now = within(minute, d->from, d->to, &before);
        on |= tail ? before : now;
    }
    return on;
}

/* Of the shifts that begin on `day`; tail: the part of them that is after midnight. */
static bool day_says(const struct alert_person *p, int64_t day, int minute, bool tail)
{
    bool listed = false, on = date_says(p, day, &listed, minute, tail);
    if (listed)
        return on;
    unsigned bit = 1u << ((day % 7 + 7 + 3) % 7); /* 1970-01-01 was a Thursday */
    for (size_t i = 0; i < p->shifts_n; i++) {
        bool before, now = within(minute, p->shifts[i].from, p->shifts[i].to, &before);
        if (p->shifts[i].days & bit)
            on |= tail ? before : now;
    }
    return on || (!tail && !p->shifts_n);
}

bool alert_on_duty(const struct alert_ladder *l, const struct alert_person *p, int64_t now_ms)
{
    struct zone_period at = l->zone ? zone_at(l->zone, now_ms) : (struct zone_period){.offset_s = 0};
    int64_t local = now_ms / 1000 + at.offset_s, day = local / 86400;
    int minute = (int)(local % 86400 / 60);
    return day_says(p, day, minute, false) || day_says(p, day - 1, minute, true);
}

size_t alert_whom(const struct alert_ladder *l, unsigned level, int64_t now_ms,
                  bool (*may)(void *arg, const struct alert_person *p), void *arg,
                  const struct alert_person **out)
{
    size_t n = 0;
    for (unsigned most = level; most <= l->levels && !n; most++) {
        for (size_t i = 0; i < l->persons_n; i++) {
            const struct alert_person *p = &l->persons[i];
            if (p->level <= most && alert_on_duty(l, p, now_ms) && may(arg, p))
                out[n++] = p;
        }
    }
    for (size_t i = 0; !n && i < l->persons_n; i++) { /* a rota with a hole is no reason to be silent */
        for (; i < l->persons_n; i++)
            if (may(arg, &l->persons[i]))
                out[n++] = &l->persons[i];
    }
    return n;
}

/* ---- replies ---- */

struct code_search {
    char *code;
    unsigned found, words;
};

static void on_word(void *arg, struct slice word)
{
    struct code_search *s = arg;
    s->words++;
    if (word.n != ALERT_CODE)
        return;
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] < '0' || word.p[i] > '9')
            return;
    memcpy(s->code, word.p, ALERT_CODE);
    s->code[ALERT_CODE] = '\0';
    s->found++;
}

bool alert_code_find(struct slice text, char code[ALERT_CODE + 1])
{
    struct code_search s = {.code = code};
    fold_words(text, on_word, &s);
    return s.found == 1 && s.words <= 4;
}
