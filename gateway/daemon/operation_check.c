/* SPDX-License-Identifier: Apache-2.0
 * What an operation file may hold, member by member; what refers to something else is looked at by
 * operation_refer.c. */
#include "gateway/base/text.h"
#include "gateway/daemon/check.h"
#include "gateway/daemon/operation.h"
#include "gateway/daemon/operation_alerts.h"
#include "gateway/daemon/operation_flows.h"
#include "gateway/daemon/operation_hooks.h"
#include "gateway/daemon/operation_hours.h"
#include "gateway/daemon/operation_pack.h"
#include "gateway/daemon/operation_refer.h"
#include "gateway/daemon/operation_texts.h"

/* ---- values ---- */

static void a_priority(struct check *c, const json_t *v)
{
    check_number(c, v, 0, 3);
}

static void a_level(struct check *c, const json_t *v)
{
    check_number(c, v, 1, 5);
}

static void some_days(struct check *c, const json_t *v)
{
    check_number(c, v, 0, 36500);
}

static void some_hours(struct check *c, const json_t *v)
{
    check_number(c, v, 0, 8760);
}

static void some_seconds(struct check *c, const json_t *v)
{
    check_number(c, v, 1, 600);
}

static void a_pause(struct check *c, const json_t *v)
{
    check_number(c, v, 0, 86400);
}

/* ---- things ---- */

static void languages(struct check *c, const json_t *v)
{
    check_list(c, v, 32, check_tag);
}

static void fallback(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, languages);
}

static void some_words(struct check *c, const json_t *v)
{
    check_list(c, v, 500, check_short_text);
}

static void topic_words(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, some_words);
}

static void an_area_item(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"id", check_area, true},
                                                  {"name", check_by_language, false},
                                                  {"timezone", check_timezone, false},
                                                  {"hours", operation_hours_check, false},
                                                  {"texts", operation_notice_texts_check, false},
                                                  {"disabled", check_flag, false},
                                                  {0}};
    check_object(c, v, members);
}

static void a_team(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"id", check_name, true}, {"name", check_by_language, false}, {"disabled", check_flag, false}, {0}};
    check_object(c, v, members);
}

static void a_topic(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"id", check_name, true},        {"name", check_by_language, false},
        {"words", topic_words, false},   {"clearance", check_clearance, false},
        {"priority", a_priority, false}, {"no_last_agent", check_flag, false},
        {"disabled", check_flag, false}, {0}};
    check_object(c, v, members);
}

static void agent_languages(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, a_level);
    if (json_object_size(v) > 24)
        check_wrong(c, "at most 24 are allowed");
}

static void names(struct check *c, const json_t *v)
{
    check_list(c, v, 200, check_name);
}

static void a_topic_or_all(struct check *c, const json_t *v)
{
    if (!slice_is(slice_str(json_string_value(v)), "*"))
        check_name(c, v);
}

static void agent_topics(struct check *c, const json_t *v)
{
    check_list(c, v, 200, a_topic_or_all);
}

static void roles(struct check *c, const json_t *v)
{
    check_list(c, v, 6, check_role);
}

static void chats(struct check *c, const json_t *v)
{
    check_number(c, v, 0, 100);
}

static void capacity(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"chat", chats, true}, {0}};
    check_object(c, v, members);
}

static void an_agent(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"login", check_name, true},
                                                  {"name", check_short_text, false},
                                                  {"team", check_name, false},
                                                  {"teams", names, false},
                                                  {"roles", roles, false},
                                                  {"areas", check_areas, false},
                                                  {"languages", agent_languages, false},
                                                  {"topics", agent_topics, false},
                                                  {"capacity", capacity, false},
                                                  {"clearance", check_clearance, false},
                                                  {"disabled", check_flag, false},
                                                  {0}};
    check_object(c, v, members);
    if (json_object_get(v, "team") && json_object_get(v, "teams"))
        check_wrong(c, "either \"team\" or \"teams\"");
}

static void a_channel(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"id", check_name, true},
                                                  {"connector", check_name, true},
                                                  {"name", check_by_language, false},
                                                  {"settings", check_any_object, false},
                                                  {"area", check_area, false},
                                                  {"topic", check_name, false},
                                                  {"flow", check_name, false},
                                                  {"clearance", check_clearance, false},
                                                  {"retention_days", some_days, false},
                                                  {"paused", check_flag, false},
                                                  {"disabled", check_flag, false},
                                                  {"texts", operation_notice_texts_check, false},
                                                  {0}};
    check_object(c, v, members);
}

static void areas(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 2000, an_area_item);
}

static void teams(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 500, a_team);
}

static void topics(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 500, a_topic);
}

static void agents(struct check *c, const json_t *v)
{
    check_things(c, v, "login", 5000, an_agent);
}

static void channels(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 500, a_channel);
}

static const struct check_member root_members[] = {{"operation", check_name, true},
                                                   {"name", check_by_language, false},
                                                   {"languages", languages, false},
                                                   {"fallback", fallback, false},
                                                   {"timezone", check_timezone, false},
                                                   {"hours", operation_hours_check, false},
                                                   {"notice", operation_notice_check, false},
                                                   {"areas", areas, false},
                                                   {"teams", teams, false},
                                                   {"agents", agents, false},
                                                   {"topics", topics, false},
                                                   {"flows", operation_flows_check, false},
                                                   {"channels", channels, false},
                                                   {"pack", operation_pack_check, false},
                                                   {"guard", operation_guard_check, false},
                                                   {"texts", operation_texts, false},
                                                   {"reviewed", operation_reviewed, false},
                                                   {"alerts", operation_alerts_check, false},
                                                   {"emergency", check_by_language, false},
                                                   {"privacy", check_url, false},
                                                   {"networks", operation_networks_check, false},
                                                   {"webhooks", operation_webhooks_check, false},
                                                   {"reopen_hours", some_hours, false},
                                                   {"offer_s", some_seconds, false},
                                                   {"decline_pause", a_pause, false},
                                                   {0}};

bool operation_check(const json_t *file, const json_t *current, const json_t *agents_now,
                     const struct operation_connectors *con, struct buf *problems)
{
    struct check c = {.problems = problems, .agents = agents_now, .con = con};
    size_t before = problems->n;
    buf_init(&c.at, 4096);
    check_object(&c, file, root_members);
    /* References are looked at only in what is well formed. */
    if (problems->n == before && !problems->err) {
        json_t *merged = operation_merge(current, file, con);
        c.merged = merged;
        operation_refer(&c, file);
        json_decref(merged);
    }
    buf_clear(&c.at);
    return problems->n == before && !problems->err;
}
