/* SPDX-License-Identifier: Apache-2.0
 * What an operation file says of hours and notices. */
#include "gateway/daemon/operation_hours.h"
#include "gateway/base/text.h"
#include "gateway/daemon/operation.h"
#include "router/hours.h"
#include <string.h>

#define EXCEPTIONS_MAX 800

/* ---- hours ---- */

static void a_span(struct check *c, const json_t *v)
{
    int from, to;
    if (!hours_span(json_string_value(v), &from, &to))
        check_wrong(c, "hours are wanted as \"09:00-17:30\", in local time");
}

/* Two that overlap are a slip of the pen: one of them was meant for another time. */
static void spans(struct check *c, const json_t *v)
{
    int from[HOURS_SPANS], to[HOURS_SPANS];
    check_list(c, v, HOURS_SPANS, a_span);
    if (!json_is_array(v) || json_array_size(v) > HOURS_SPANS)
        return;
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!hours_span(json_string_value(json_array_get(v, i)), &from[i], &to[i]))
            return;
        for (size_t k = 0; k < i; k++)
            if (from[i] < to[k] && from[k] < to[i]) {
                size_t back = check_into_item(c, i);
                check_wrong(c, "it overlaps with another of the same day");
                check_out(c, back);
                return;
            }
    }
}

static void a_day(struct check *c, const json_t *v)
{
    for (size_t i = 0; hours_days[i]; i++)
        if (slice_is(slice_str(json_string_value(v)), hours_days[i]))
            return;
    check_wrong(c, "a day is wanted: mon, tue, wed, thu, fri, sat or sun");
}

static void a_week(struct check *c, const json_t *v)
{
    check_map(c, v, a_day, spans);
}

static void a_date(struct check *c, const json_t *v)
{
    int64_t day;
    if (!hours_date(json_string_value(v), &day))
        check_wrong(c, "a date is wanted as \"2026-12-25\"");
}

static void an_exception(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"date", a_date, true},        {"to", a_date, false},  {"name", check_by_language, false},
        {"closed", check_flag, false}, {"open", spans, false}, {0}};
    int64_t first, last;
    check_object(c, v, members);
    if (json_opt_bool(v, "closed", false) && json_array_size(json_object_get(v, "open")))
        check_wrong(c, "either \"closed\" or \"open\"");
    if (hours_date(json_string_value(json_object_get(v, "date")), &first) &&
        hours_date(json_string_value(json_object_get(v, "to")), &last) &&
        (last < first || last - first > 366))
        check_wrong(c, "\"to\" is wanted on or after \"date\", and within a year");
}

/* The first of two would win, and nobody would see why. */
static void not_twice(struct check *c, const json_t *list)
{
    for (size_t i = 1; json_is_array(list) && i < json_array_size(list) && i < EXCEPTIONS_MAX; i++)
        for (size_t k = 0; k < i; k++) {
            struct slice a = json_opt_str(json_array_get(list, i), "date"),
                         b = json_opt_str(json_array_get(list, k), "date");
            if (!a.n || !slice_eq(a, b))
                continue;
            size_t back = check_into_item(c, i);
            check_wrong(c, "there is another for %.10s", a.p);
            check_out(c, back);
            break;
        }
}

static void exceptions(struct check *c, const json_t *v)
{
    check_list(c, v, EXCEPTIONS_MAX, an_exception);
    not_twice(c, v);
}

void operation_hours_check(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"always", check_flag, false}, {"week", a_week, false}, {"exceptions", exceptions, false}, {0}};
    check_object(c, v, members);
    if (json_opt_bool(v, "always", false) && json_object_size(v) > 1)
        check_wrong(c, "\"always\" stands alone");
}

/* ---- notices ---- */

static void when(struct check *c, const json_t *v)
{
    struct slice s = slice_str(json_string_value(v));
    if (!slice_is(s, "opening") && !slice_is(s, "answer"))
        check_wrong(c, "\"opening\" or \"answer\" is wanted");
}

void operation_notice_check(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"send", when, false}, {"version", check_name, false}, {0}};
    check_object(c, v, members);
}

static void notice_key(struct check *c, const json_t *v)
{
    const char *key = json_string_value(v);
    if (!key || !slice_starts(slice_str(key), "notice."))
        check_wrong(c, "only texts of notices can be worded here");
    else if (c->con->text && !c->con->text(c->con->ctx, key))
        check_wrong(c, "there is no text with this name");
}

static void notice_texts(struct check *c, const json_t *v)
{
    check_map(c, v, notice_key, check_text);
}

void operation_notice_texts_check(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, notice_texts);
}
