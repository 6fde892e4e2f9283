/* SPDX-License-Identifier: Apache-2.0
 * What an operation file says of red alerts: categories, words, times, who is on duty. */
#include "gateway/daemon/operation_alerts.h"
#include "gateway/daemon/operation.h"
#include "router/alert.h"
#include "router/topic.h"
#include <string.h>

/* ---- categories and words ---- */

static void a_category(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"id", check_name, true}, {"name", check_by_language, false}, {"disabled", check_flag, false}, {0}};
    check_object(c, v, members);
}

static void categories(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 50, a_category);
}

static void a_phrase(struct check *c, const json_t *v)
{
    struct topic_table *t = topic_table_new();
    struct err e = {0};
    unsigned topic = topic_table_add(t, SLICE("x"), &(struct topic_rule){0});
    check_short_text(c, v);
    if (json_is_string(v) &&
        topic_table_phrase(t, topic, LANGUAGE_UNKNOWN, slice_str(json_string_value(v)), &e) != 0)
        check_wrong(c, "one word or up to eight in a row are wanted");
    topic_table_free(t);
}

static void phrases(struct check *c, const json_t *v)
{
    check_list(c, v, 500, a_phrase);
}

static void by_language(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, phrases);
}

static void some_words(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"category", check_name, true}, {"words", by_language, true}, {0}};
    check_object(c, v, members);
}

static void words(struct check *c, const json_t *v)
{
    check_list(c, v, 100, some_words);
}

/* ---- times ---- */

static void a_step(struct check *c, const json_t *v)
{
    check_number(c, v, 0, ALERT_TOP_S);
}

/* The first is told at once; nobody waits for the last longer than two minutes. */
static void steps(struct check *c, const json_t *v)
{
    json_int_t before = 0;
    check_list(c, v, ALERT_LEVELS, a_step);
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        json_int_t s = json_integer_value(json_array_get(v, i));
        size_t back = check_into_item(c, i);
        if (i == 0 ? s != 0 : s < before)
            check_wrong(c, i ? "steps come one after the other" : "the first level is told at once: 0");
        check_out(c, back);
        before = s;
    }
}

static void repeat(struct check *c, const json_t *v)
{
    check_number(c, v, 1, 600);
}

static void confirm(struct check *c, const json_t *v)
{
    check_number(c, v, 1, ALERT_TOP_S);
}

static void group(struct check *c, const json_t *v)
{
    check_number(c, v, 1, 3600);
}

/* ---- who is on duty ---- */

static void a_day(struct check *c, const json_t *v)
{
    if (alert_weekday(slice_str(json_string_value(v))) < 0)
        check_wrong(c, "a day is wanted: mon, tue, wed, thu, fri, sat or sun");
}

static void days(struct check *c, const json_t *v)
{
    check_list(c, v, 7, a_day);
}

static void a_time(struct check *c, const json_t *v)
{
    if (alert_minute(slice_str(json_string_value(v))) < 0)
        check_wrong(c, "a time is wanted as \"08:00\", in local time");
}

static void a_date(struct check *c, const json_t *v)
{
    int64_t day;
    if (!alert_day(slice_str(json_string_value(v)), &day))
        check_wrong(c, "a date is wanted as \"2026-12-25\"");
}

static void a_shift(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"days", days, false}, {"from", a_time, true}, {"to", a_time, true}, {0}};
    check_object(c, v, members);
}

static void shifts(struct check *c, const json_t *v)
{
    check_list(c, v, 50, a_shift);
}

static void an_override(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"date", a_date, true},
                                                  {"off", check_flag, false},
                                                  {"from", a_time, false},
                                                  {"to", a_time, false},
                                                  {0}};
    check_object(c, v, members);
    bool off = json_opt_bool(v, "off", false), from = json_object_get(v, "from"),
         to = json_object_get(v, "to");
    if (json_is_object(v) && (off ? from || to : !from || !to))
        check_wrong(c, "either \"off\":true, or \"from\" and \"to\"");
}

static void overrides(struct check *c, const json_t *v)
{
    check_list(c, v, 1000, an_override);
}

static void a_way(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"channel", check_name, true}, {"address", check_short_text, true}, {0}};
    check_object(c, v, members);
    struct slice address = json_opt_str(v, "address");
    if (json_is_object(v) && address.n && !memchr(address.p, ':', address.n))
        check_wrong(c, "address: one such as \"tel:+905551234567\" is wanted");
}

static void ways(struct check *c, const json_t *v)
{
    check_list(c, v, ALERT_WAYS, a_way);
}

static void a_level(struct check *c, const json_t *v)
{
    check_number(c, v, 1, ALERT_LEVELS);
}

static void a_person(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"login", check_name, true},
                                                  {"level", a_level, false},
                                                  {"language", check_tag, false},
                                                  {"ways", ways, false},
                                                  {"shifts", shifts, false},
                                                  {"dates", overrides, false},
                                                  {0}};
    check_object(c, v, members);
}

static void duty(struct check *c, const json_t *v)
{
    check_things(c, v, "login", ALERT_PERSONS, a_person);
}

void operation_alerts_check(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"categories", categories, false}, {"words", words, false},     {"shipped_words", check_flag, false},
        {"steps", steps, false},           {"repeat_s", repeat, false}, {"confirm_s", confirm, false},
        {"group_s", group, false},         {"duty", duty, false},       {0}};
    check_object(c, v, members);
}

/* ---- references ---- */

static const json_t *find(const json_t *list, const char *key, struct slice id)
{
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++)
        if (slice_eq(json_opt_str(json_array_get(list, i), key), id))
            return json_array_get(list, i);
    return NULL;
}

static void refer_ways(struct check *c, const json_t *list)
{
    const json_t *channels = json_object_get(c->merged, "channels");
    size_t back = check_into(c, "ways");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        struct slice id = json_opt_str(json_array_get(list, i), "channel");
        const json_t *channel = find(channels, "id", id);
        size_t item = check_into_item(c, i);
        if (!channel || json_opt_bool(channel, "disabled", false))
            check_wrong(c, "\"%.*s\" is not among the channels", (int)id.n, id.p);
        else if (slice_is(json_opt_str(channel, "connector"), "webchat"))
            check_wrong(c, "nothing can be sent on a webchat; whoever has the page open is told there");
        check_out(c, item);
    }
    check_out(c, back);
}

void operation_alerts_refer(struct check *c, const json_t *file)
{
    const json_t *list = json_object_get(json_object_get(file, "alerts"), "duty");
    json_t *after = operation_merge_agents(c->agents, file);
    const json_t *agents = after ? after : c->agents;
    size_t back = check_into(c, "alerts"), inner = check_into(c, "duty");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        struct slice login = json_opt_str(p, "login");
        const json_t *agent = find(agents, "login", login);
        size_t item = check_into_item(c, i);
        if (!agent || json_opt_bool(agent, "disabled", false))
            check_wrong(c, "\"%.*s\" is not among the agents", (int)login.n, login.p);
        refer_ways(c, json_object_get(p, "ways"));
        check_out(c, item);
    }
    check_out(c, inner);
    check_out(c, back);
    json_decref(after);
}
