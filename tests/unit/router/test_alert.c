/* SPDX-License-Identifier: Apache-2.0
 * The ladder: states, steps and their times, who is on duty over midnight and the change of the clock, words
 * and codes; and over random ladders: what nobody answers is never silent, what somebody answered is. */
#include "gateway/base/text.h"
#include "router/alert.h"
#include "router/fold.h"
#include "tests/unit/test.h"

static struct alert_ladder *ladder(const char *json, const char *zone)
{
    struct err e = {0};
    struct alert_ladder *l = NULL;
    json_t *o = json ? json_parse(slice_str(json), 16, &e) : NULL;
    int rc = alert_ladder_load(&l, o, zone, &e);
    json_decref(o);
    if (rc)
        TEST_FAIL("%s", e.text);
    return l;
}

static int64_t at(const char *text)
{
    int64_t ms = 0;
    OK(time_parse(slice_str(text), &ms));
    return ms;
}

T(states)
{
    OK(alert_may(ALERT_POSSIBLE, ALERT_RAISED));
    OK(alert_may(ALERT_NOTIFIED, ALERT_ACKNOWLEDGED));
    OK(!alert_may(ALERT_NOTIFIED, ALERT_CLOSED)); /* nobody has taken it */
    OK(!alert_may(ALERT_POSSIBLE, ALERT_CLOSED));
    OK(!alert_may(ALERT_CLOSED, ALERT_RAISED));
    OK(!alert_may(ALERT_ACKNOWLEDGED, ALERT_RAISED));
    for (int s = 0; s < ALERT_STATES; s++) {
        EQ_INT(alert_state_find(slice_str(alert_state_names[s])), s);
        OK(!alert_may(ALERT_CLOSED, (enum alert_state)s) && !alert_may(ALERT_DISMISSED, (enum alert_state)s));
    }
    EQ_INT(alert_state_find(SLICE("x")), ALERT_STATES);
}

T(defaults)
{
    struct alert_ladder *l = ladder(NULL, "");
    struct alert_due d;
    EQ_INT(l->levels, 1);
    alert_next(l, &(struct alert_case){.state = ALERT_POSSIBLE, .created_ms = 1000}, 45999, &d);
    EQ_INT(d.what, ALERT_WAIT);
    EQ_INT(d.next_ms, 46000);
    alert_next(l, &(struct alert_case){.state = ALERT_POSSIBLE, .created_ms = 1000}, 46000, &d);
    EQ_INT(d.what, ALERT_PAGE);
    alert_ladder_free(&l);
}

T(steps_in_time)
{
    struct alert_ladder *l =
        ladder("{\"steps\":[0,30,90],\"repeat_s\":20,\"duty\":[{\"login\":\"a\",\"level\":3}]}", "");
    struct alert_case c = {.state = ALERT_RAISED, .raised_ms = 5000};
    struct alert_due d;
    alert_next(l, &c, 5000, &d);
    EQ_INT(d.what, ALERT_STEP);
    EQ_INT(d.step, 0);
    EQ_INT(d.level, 1);
    EQ_INT(d.next_ms, 35000);
    c.steps = 1;
    alert_next(l, &c, 34999, &d);
    EQ_INT(d.what, ALERT_WAIT);
    EQ_INT(d.next_ms, 35000);
    alert_next(l, &c, 95000, &d); /* a node was down: the top at once, not the second first */
    EQ_INT(d.step, 2);
    EQ_INT(d.level, 3);
    EQ_INT(d.next_ms, 115000);
    c.steps = 3;
    alert_next(l, &c, 115000, &d);
    EQ_INT(d.step, 3);
    EQ_INT(d.level, 3);
    c.state = ALERT_ACKNOWLEDGED;
    alert_next(l, &c, 115000, &d);
    EQ_INT(d.what, ALERT_WAIT);
    EQ_INT(d.next_ms, 0);
    alert_ladder_free(&l);
}

/* Over random ladders and random moments at which somebody looks. */
T(never_silent)
{
    srand(7);
    for (int round = 0; round < 400; round++) {
        char json[256];
        int levels = 1 + rand() % ALERT_LEVELS;
        snprintf(json, sizeof json,
                 "{\"steps\":[0,%d,%d],\"repeat_s\":%d,\"duty\":[{\"login\":\"a\",\"level\":%d}]}",
                 rand() % 60, 60 + rand() % 90, 1 + rand() % 100, levels);
        struct alert_ladder *l = ladder(json, "");
        struct alert_case c = {.state = ALERT_RAISED, .raised_ms = 1000000};
        int64_t now = c.raised_ms, told = -1, top = 0;
        unsigned last = 0;
        for (int i = 0; i < 60; i++) {
            struct alert_due d;
            alert_next(l, &c, now, &d);
            OK(d.next_ms > now); /* there is always a next time */
            if (d.what == ALERT_STEP) {
                OK(d.step >= c.steps);
                OK(alert_step_ms(l, c.raised_ms, d.step) <= now); /* none too early */
                OK(d.level >= last);
                last = d.level;
                c.steps = d.step + 1;
                c.state = ALERT_NOTIFIED;
                told = now;
                top = d.level == l->levels && !top ? now : top;
            }
            OK(told >= 0);
            int64_t longest = l->repeat_ms > ALERT_TOP_S * 1000 ? l->repeat_ms : ALERT_TOP_S * 1000;
            OK(d.next_ms - now <= longest);
            now = rand() % 4 ? d.next_ms : now + rand() % (int)(d.next_ms - now + 1);
        }
        OK(top && top - c.raised_ms <= ALERT_TOP_S * 1000);
        enum alert_state quiet[] = {ALERT_ACKNOWLEDGED, ALERT_HANDED, ALERT_CLOSED, ALERT_DISMISSED};
        for (size_t i = 0; i < 4; i++) {
            struct alert_due d;
            c.state = quiet[i];
            alert_next(l, &c, now + 1000000, &d);
            OK(d.what == ALERT_WAIT && d.next_ms == 0);
        }
        alert_ladder_free(&l);
    }
}

T(duty)
{
    struct alert_ladder *l = ladder("{\"duty\":[{\"login\":\"night\",\"shifts\":[{\"days\":[\"fri\"],"
                                    "\"from\":\"22:00\",\"to\":\"06:00\"}],"
                                    "\"dates\":[{\"date\":\"2026-11-27\",\"off\":true},{\"date\":\"2026-11-"
                                    "29\",\"from\":\"09:00\",\"to\":"
                                    "\"10:00\"}]},{\"login\":\"always\",\"level\":2}]}",
                                    "Europe/Istanbul");
    const struct alert_person *p = alert_person_find(l, "night");
    OK(p && !alert_person_find(l, "nobody"));
    OK(alert_on_duty(l, p, at("2026-11-20T19:00:00Z"))); /* Friday 22:00 */
    OK(!alert_on_duty(l, p, at("2026-11-20T18:59:59Z")));
    OK(alert_on_duty(l, p, at("2026-11-21T02:59:00Z")));  /* Saturday 05:59 */
    OK(!alert_on_duty(l, p, at("2026-11-21T03:00:00Z"))); /* 06:00 */
    OK(!alert_on_duty(l, p, at("2026-11-27T20:00:00Z"))); /* off that Friday, and the night behind it */
    OK(!alert_on_duty(l, p, at("2026-11-28T01:00:00Z")));
    OK(alert_on_duty(l, p, at("2026-11-29T06:30:00Z"))); /* a Sunday by date */
    OK(alert_on_duty(l, alert_person_find(l, "always"), at("2026-11-29T06:30:00Z")));
    EQ_INT(l->levels, 2);
    alert_ladder_free(&l);
}

T(summer_time)
{
    struct alert_ladder *l = ladder(
        "{\"duty\":[{\"login\":\"a\",\"shifts\":[{\"from\":\"08:00\",\"to\":\"16:00\"}]}]}", "Europe/Berlin");
    const struct alert_person *p = &l->persons[0];
    OK(!alert_on_duty(l, p, at("2026-03-28T06:30:00Z"))); /* 07:30 in winter */
    OK(alert_on_duty(l, p, at("2026-03-29T06:30:00Z")));  /* 08:30: the clock went on in the night */
    OK(alert_on_duty(l, p, at("2026-10-24T06:30:00Z")));
    OK(!alert_on_duty(l, p, at("2026-10-25T06:30:00Z")));
    alert_ladder_free(&l);
}

static bool not_named(void *arg, const struct alert_person *p)
{
    return !arg || strcmp(p->login, arg) != 0;
}

T(whom)
{
    struct alert_ladder *l =
        ladder("{\"duty\":[{\"login\":\"a\",\"shifts\":[{\"from\":\"08:00\",\"to\":\"16:00\"}]},"
               "{\"login\":\"b\",\"level\":2,\"shifts\":[{\"from\":\"08:00\",\"to\":\"16:00\"}]},"
               "{\"login\":\"c\",\"level\":3,\"shifts\":[{\"from\":\"08:00\",\"to\":\"17:00\"}]}]}",
               "UTC");
    const struct alert_person *out[ALERT_PERSONS];
    EQ_INT(alert_whom(l, 1, at("2026-01-01T09:00:00Z"), not_named, NULL, out), 1);
    EQ_STR(out[0]->login, "a");
    EQ_INT(alert_whom(l, 3, at("2026-01-01T09:00:00Z"), not_named, NULL, out), 3);
    /* who is not to know is not told, and somebody else is in their place */
    EQ_INT(alert_whom(l, 1, at("2026-01-01T09:00:00Z"), not_named, (void *)(uintptr_t) "a", out), 1);
    EQ_STR(out[0]->login, "b");
    EQ_INT(alert_whom(l, 1, at("2026-01-01T16:30:00Z"), not_named, NULL, out), 1);
    EQ_STR(out[0]->login, "c");
    /* a hole in the rota: everybody */
    EQ_INT(alert_whom(l, 1, at("2026-01-01T20:00:00Z"), not_named, NULL, out), 3);
    alert_ladder_free(&l);
}

T(dates_and_minutes)
{
    int64_t day;
    OK(alert_day(SLICE("2026-02-28"), &day) && !alert_day(SLICE("2026-02-29"), &day));
    OK(!alert_day(SLICE("2026-2-28x"), &day) && !alert_day(SLICE(""), &day));
    EQ_INT(alert_minute(SLICE("07:30")), 450);
    EQ_INT(alert_minute(SLICE("24:00")), 1440);
    EQ_INT(alert_minute(SLICE("24:01")), -1);
    EQ_INT(alert_minute(SLICE("7:30")), -1);
    EQ_INT(alert_weekday(SLICE("sun")), 6);
    EQ_INT(alert_weekday(SLICE("Sun")), -1);
}

T(codes)
{
    char code[ALERT_CODE + 1];
    OK(alert_code_find(SLICE("482913"), code));
    EQ_STR(code, "482913");
    OK(alert_code_find(SLICE("ok ٤٨٢٩١٣!"), code));
    EQ_STR(code, "482913");
    OK(alert_code_find(SLICE("۴۸۲۹۱۳"), code));
    OK(!alert_code_find(SLICE("4829131"), code));
    OK(!alert_code_find(SLICE("482913 482914"), code));
    OK(!alert_code_find(SLICE("my number is really 482913 please call me"), code));
    OK(!alert_code_find(SLICE(""), code));
}

static const char *found(struct topic_table *t, const char *text)
{
    static char id[64];
    struct topic_match m = {0};
    struct arena *a = arena_new();
    size_t n;
    struct slice *w = fold_list(slice_str(text), a, &n);
    bool yes = topic_match(t, w, n, LANGUAGE_UNKNOWN, &m);
    snprintf(id, sizeof id, "%s", yes ? m.id : "");
    arena_free(&a);
    return id;
}

T(words)
{
    struct err e = {0};
    struct topic_table *t = NULL;
    json_t *own = json_parse(
        SLICE("{\"words\":[{\"category\":\"detention\",\"words\":{\"en\":[\"camp sweep\"]}}]}"), 16, &e);
    EQ_INT(alert_words_load(&t, own, &e), 0);
    EQ_STR(found(t, "my brother was arrested this morning"), "detention");
    EQ_STR(found(t, "there was a camp sweep"), "detention");
    EQ_STR(found(t, "القارب يغرق ساعدونا"), "disaster");
    EQ_STR(found(t, "çok kötüyüm, NEFES ALAMIYORUM"), "medical");
    EQ_STR(found(t, "لاپتہ ہے میرا بھائی"), "missing");
    EQ_STR(found(t, "I would like to register my child for school"), "");
    EQ_STR(found(t, "My card is lost, where do I get a new one?"), "");
    topic_table_free(t);
    json_object_set_new(own, "shipped_words", json_false());
    EQ_INT(alert_words_load(&t, own, &e), 0);
    EQ_STR(found(t, "my brother was arrested"), "");
    EQ_STR(found(t, "a camp sweep"), "detention");
    topic_table_free(t);
    json_decref(own);
}

/* Every category has a label in every language, and each of Parley's languages has words. */
T(shipped)
{
    size_t n = 0;
    for (const struct alert_category *c = alert_categories; c->id; c++, n++) {
        OK(name_valid(slice_str(c->id)));
        for (size_t i = 0; i < ALERT_LANGUAGES; i++)
            OK(c->name[i] && *c->name[i] && text_valid(slice_str(c->name[i]), NULL));
    }
    OK(n >= 6);
}

TEST_MAIN
