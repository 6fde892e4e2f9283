/* SPDX-License-Identifier: Apache-2.0
 * Operation files: what is wrong is told with its place, a present section is the whole truth, secrets stay,
 * an export changes nothing. */
#include "gateway/daemon/operation.h"
#include "tests/unit/test.h"

static bool check_channel(void *ctx, const json_t *channel, char where[64], struct err *e)
{
    (void)ctx;
    if (!json_opt_str(json_object_get(channel, "settings"), "secret").n) {
        memcpy(where, "secret", sizeof "secret");
        err_set(e, ERR_INVALID, "it is needed");
        return false;
    }
    return true;
}

static bool is_secret(void *ctx, const char *connector, const char *setting)
{
    (void)ctx, (void)connector;
    return strcmp(setting, "secret") == 0;
}

static bool is_text(void *ctx, const char *key)
{
    (void)ctx;
    return strcmp(key, "notice.first") == 0 || strcmp(key, "chat.title") == 0;
}

static bool is_hole(void *ctx, const char *key, struct slice own, struct slice *which)
{
    (void)ctx, (void)key;
    *which = SLICE("nmae");
    return !own.n || !memmem(own.p, own.n, "{nmae}", 6);
}

static const struct operation_connectors con = {NULL, check_channel, is_secret, is_text, is_hole, NULL};
static struct buf problems;

static json_t *json(const char *text)
{
    struct err e;
    json_t *o = json_parse(slice_str(text), 32, &e);
    if (!o)
        fprintf(stderr, "%s\n", e.text);
    return o;
}

static bool checked(const char *text, const json_t *current, const json_t *agents)
{
    buf_clear(&problems);
    buf_init(&problems, 65536);
    json_t *file = json(text);
    bool ok = operation_check(file, current, agents, &con, &problems);
    json_decref(file);
    return ok;
}

static bool told(const char *what)
{
    if (problems.n && strstr(problems.p, what))
        return true;
    fprintf(stderr, "%s", problems.n ? problems.p : "(nothing)\n");
    return false;
}

#define HOURS(h) "{\"operation\":\"d\",\"hours\":" h "}"

T(hours_are_looked_at)
{
    OK(checked(HOURS("{\"week\":{\"mon\":[\"09:00-12:30\",\"13:30-17:00\"],\"fri\":[\"20:00-02:00\"]},"
                     "\"exceptions\":[{\"date\":\"2026-12-24\",\"to\":\"2027-01-02\",\"closed\":true},"
                     "{\"date\":\"2026-12-31\",\"name\":{\"en\":\"Eve\"},\"open\":[\"09:00-12:00\"]}]}"),
               NULL, NULL));
    OK(!checked(HOURS("{\"week\":{\"monday\":[]}}"), NULL, NULL) && told("/hours/week/monday: a day"));
    OK(!checked(HOURS("{\"week\":{\"mon\":[\"9-17\"]}}"), NULL, NULL) &&
       told("/hours/week/mon/0: hours are"));
    OK(!checked(HOURS("{\"week\":{\"mon\":[\"09:00-12:00\",\"11:00-13:00\"]}}"), NULL, NULL));
    OK(told("/hours/week/mon/1: it overlaps"));
    OK(!checked(HOURS("{\"exceptions\":[{\"date\":\"2026-02-30\"}]}"), NULL, NULL));
    OK(told("/hours/exceptions/0/date: a date"));
    OK(!checked(HOURS("{\"exceptions\":[{\"date\":\"2026-03-01\",\"to\":\"2026-02-01\"}]}"), NULL, NULL));
    OK(told("/hours/exceptions/0: \"to\""));
    OK(!checked(HOURS("{\"exceptions\":[{\"date\":\"2026-03-01\"},{\"date\":\"2026-03-01\"}]}"), NULL, NULL));
    OK(told("/hours/exceptions/1: there is another"));
    OK(!checked(HOURS("{\"always\":true,\"week\":{}}"), NULL, NULL) && told("/hours: \"always\""));
    OK(!checked(
        "{\"operation\":\"d\",\"areas\":[{\"id\":\"tr\",\"timezone\":\"Here\",\"hours\":{\"week\":1}}]}",
        NULL, NULL));
    OK(told("/areas/0/timezone: a time zone") && told("/areas/0/hours/week: "));
}

T(notices_are_looked_at)
{
    OK(checked("{\"operation\":\"d\",\"languages\":[\"ar\"],\"notice\":{\"send\":\"opening\",\"version\":"
               "\"2026-1\"},"
               "\"areas\":[{\"id\":\"tr\",\"texts\":{\"ar\":{\"notice.first\":\"x\"}}}]}",
               NULL, NULL));
    OK(!checked("{\"operation\":\"d\",\"notice\":{\"send\":\"never\"}}", NULL, NULL));
    OK(told("/notice/send: "));
    OK(!checked("{\"operation\":\"d\",\"areas\":[{\"id\":\"tr\",\"texts\":{\"en\":{\"chat.title\":\"x\"}}}]}",
                NULL, NULL));
    OK(told("/areas/0/texts/en/chat.title: only"));
}

T(every_error_has_its_place)
{
    OK(!checked("{\"operation\":\"Demo!\",\"languages\":[\"ar\",\"x\",3],\"areas\":[{\"id\":\"tr\"},{\"id\":"
                "\"tr\"},{\"name\":{}}],"
                "\"agents\":[{\"login\":\"a\",\"languages\":{\"ar\":9},\"capacity\":{\"chat\":-1},\"roles\":["
                "\"king\"]}],"
                "\"topics\":[{\"id\":\"a/b\",\"words\":{\"ar\":[\"\"]},\"colour\":1}],\"channels\":{}}",
                NULL, NULL));
    OK(told("/operation: a name of"));
    OK(told("/languages/1: a language tag"));
    OK(told("/languages/2: a language tag"));
    OK(told("/areas/1: \"tr\" was named before"));
    OK(told("/areas/2: \"id\" is missing"));
    OK(told("/agents/0/languages/ar: a number from 1 to 5"));
    OK(told("/agents/0/capacity/chat: a number from 0 to 100"));
    OK(told("/agents/0/roles/0: a role is wanted"));
    OK(told("/topics/0/id: a name of"));
    OK(told("/topics/0/words/ar/0: a string is wanted"));
    OK(told("/topics/0/colour: there is no such member"));
    OK(told("/channels: a list is wanted"));
}

T(references_are_looked_up_in_what_results)
{
    json_t *current = json("{\"operation\":\"d\",\"languages\":[\"en\"],\"teams\":[{\"id\":\"t\"}],\"areas\":"
                           "[{\"id\":\"tr\"}]}");
    OK(checked("{\"operation\":\"d\",\"agents\":[{\"login\":\"a\",\"team\":\"t\",\"areas\":[\"tr\"],"
               "\"topics\":[\"*\"]}]}",
               current, NULL));
    OK(!checked("{\"operation\":\"d\",\"agents\":[{\"login\":\"a\",\"teams\":[\"u\"],\"areas\":[\"tr/"
                "izmir\"],\"topics\":[\"x\"]}]}",
                current, NULL));
    OK(told("/agents/0/teams/0: \"u\" is not among the teams"));
    OK(told("/agents/0/areas/0: \"tr/izmir\" is not among the areas"));
    OK(told("/agents/0/topics/0: \"x\" is not among the topics"));
    OK(!checked("{\"operation\":\"d\",\"areas\":[{\"id\":\"de/berlin\"}],\"fallback\":{\"prs\":[\"fa\"]}}",
                current, NULL));
    OK(told("/areas/0: its parent \"de\" is missing"));
    OK(told("/fallback/prs: \"fa\" is not among the languages"));
    json_decref(current);
}

T(texts_are_those_that_are_shown)
{
    OK(checked(
        "{\"operation\":\"d\",\"languages\":[\"ar\"],\"texts\":{\"ar\":{\"notice.first\":\"x\"},\"en\":{"
        "\"chat.title\":\"y\"}}}",
        NULL, NULL));
    OK(!checked(
        "{\"operation\":\"d\",\"languages\":[\"ar\"],\"texts\":{\"ar\":{\"notice.frist\":\"x\"},\"qq\":{}}}",
        NULL, NULL));
    OK(told("/texts/ar/notice.frist: there is no text with this name"));
    OK(told("/texts/qq: there is no language with the tag \"qq\""));
    OK(!checked("{\"operation\":\"d\",\"languages\":[\"ar\"],\"texts\":{\"fr\":{\"notice.first\":\"x\"}}}",
                NULL, NULL));
    OK(told("/texts/fr: \"fr\" is not among the languages"));
}

T(texts_are_filled_where_they_can_be)
{
    OK(!checked("{\"operation\":\"d\",\"texts\":{\"en\":{\"notice.first\":\"I am {nmae}\"}}}", NULL, NULL));
    OK(told("/texts/en/notice.first: \"{nmae}\" is not filled in this text"));
    OK(checked("{\"operation\":\"d\",\"reviewed\":{\"en\":[\"notice.first\"]}}", NULL, NULL));
    OK(!checked("{\"operation\":\"d\",\"reviewed\":{\"en\":[\"notice.frist\"]}}", NULL, NULL));
    OK(told("/reviewed/en/0: there is no text with this name"));
}

T(zones_and_languages_exist)
{
    OK(checked("{\"operation\":\"d\",\"timezone\":\"Europe/Istanbul\"}", NULL, NULL));
    OK(!checked("{\"operation\":\"d\",\"timezone\":\"Istanbul\"}", NULL, NULL));
    OK(told("/timezone: a time zone"));
    OK(!checked("{\"operation\":\"d\",\"timezone\":\"GMT+3\"}", NULL, NULL));
    OK(checked("{\"operation\":\"d\",\"languages\":[\"kmr\",\"fa-AF\"],\"fallback\":{\"prs\":[\"fa-AF\"]},"
               "\"agents\":[{\"login\":\"a\",\"languages\":{\"kmr\":5,\"prs\":3}}]}",
               NULL, NULL));
    OK(!checked(
        "{\"operation\":\"d\",\"fallback\":{\"zz\":[\"yy\"]},\"agents\":[{\"login\":\"a\",\"languages\":{"
        "\"arabic\":5,\"xx\":3}}]}",
        NULL, NULL));
    OK(told("/fallback/zz: there is no language"));
    OK(told("/fallback/zz/0: there is no language"));
    OK(told("/agents/0/languages/arabic: a language tag is wanted"));
    OK(told("/agents/0/languages/xx: there is no language"));
    OK(!checked("{\"operation\":\"d\",\"languages\":[\"ar\"],\"agents\":[{\"login\":\"a\",\"languages\":{"
                "\"fr\":5}}]}",
                NULL, NULL));
    OK(told("/agents/0/languages/fr: \"fr\" is not among the languages, nor has it a fallback"));
}

T(a_channel_is_judged_with_the_secret_it_keeps)
{
    OK(!checked("{\"operation\":\"d\",\"channels\":[{\"id\":\"c\",\"connector\":\"http\"}]}", NULL, NULL));
    OK(told("/channels/0/settings/secret: it is needed"));
    OK(checked("{\"operation\":\"d\",\"channels\":[{\"id\":\"c\",\"connector\":\"http\",\"disabled\":true}]}",
               NULL, NULL));
    json_t *current = json("{\"operation\":\"d\",\"channels\":[{\"id\":\"c\",\"connector\":\"http\","
                           "\"settings\":{\"secret\":\"s\"}}]}");
    OK(checked("{\"operation\":\"d\",\"channels\":[{\"id\":\"c\",\"connector\":\"http\",\"settings\":{"
               "\"url\":\"u\"}}]}",
               current, NULL));
    json_decref(current);
}

T(sensitive_topics_need_two_focal_points)
{
    const char *file = "{\"operation\":\"d\",\"topics\":[{\"id\":\"report\",\"clearance\":2}]}";
    OK(!checked(file, NULL, NULL));
    OK(told("/topics/0: a sensitive topic needs two"));
    json_t *agents =
        json("[{\"login\":\"a\",\"roles\":[\"focal\"]},{\"login\":\"b\",\"roles\":[\"agent\",\"focal\"]}]");
    OK(checked(file, NULL, agents));
    json_t *current = json(file);
    OK(!checked("{\"operation\":\"d\",\"agents\":[{\"login\":\"a\",\"roles\":[\"focal\"]}]}", current,
                agents));
    json_decref(current);
    json_decref(agents);
}

T(a_present_section_is_the_whole_truth)
{
    json_t *current =
        json("{\"operation\":\"d\",\"timezone\":\"UTC\",\"topics\":[{\"id\":\"a\"},{\"id\":\"b\"}],"
             "\"channels\":[{\"id\":\"c\",\"connector\":\"http\",\"settings\":{\"secret\":\"s\",\"url\":"
             "\"old\"}}]}");
    json_t *file =
        json("{\"operation\":\"d\",\"topics\":[{\"id\":\"b\",\"priority\":2},{\"id\":\"z\"}],"
             "\"channels\":[{\"id\":\"c\",\"connector\":\"http\",\"settings\":{\"url\":\"new\"}}]}");
    json_t *after = operation_merge(current, file, &con);
    json_t *want = json("{\"operation\":\"d\",\"timezone\":\"UTC\",\"topics\":[{\"id\":\"b\",\"priority\":2},"
                        "{\"id\":\"z\"},{\"id\":\"a\",\"disabled\":true}],"
                        "\"channels\":[{\"id\":\"c\",\"connector\":\"http\",\"settings\":{\"secret\":\"s\","
                        "\"url\":\"new\"}}]}");
    OK(json_equal(after, want));
    struct buf lines;
    buf_init(&lines, 10000);
    OK(operation_diff(current, after, &lines) == 4);
    OK(strstr(lines.p, "set topics/b.priority\n"));
    OK(strstr(lines.p, "added topics/z\n"));
    OK(strstr(lines.p, "disabled topics/a\n"));
    OK(strstr(lines.p, "changed channels/c.settings.url\n"));
    buf_clear(&lines);
    json_decref(current);
    json_decref(file);
    json_decref(after);
    json_decref(want);
}

T(a_new_connector_keeps_no_secret)
{
    json_t *current =
        json("{\"channels\":[{\"id\":\"c\",\"connector\":\"http\",\"settings\":{\"secret\":\"s\"}}]}");
    json_t *file = json("{\"channels\":[{\"id\":\"c\",\"connector\":\"telegram\",\"settings\":{}}]}");
    json_t *after = operation_merge(current, file, &con);
    OK(!json_object_get(json_object_get(json_array_get(json_object_get(after, "channels"), 0), "settings"),
                        "secret"));
    json_decref(current);
    json_decref(file);
    json_decref(after);
}

T(agents_no_longer_named_are_disabled)
{
    json_t *raw = json("{\"agents\":[{\"login\":\"a\",\"team\":\"t\"},{\"login\":\"b\"}]}");
    json_t *now = operation_merge_agents(NULL, raw);
    json_t *file = json("{\"agents\":[{\"login\":\"b\",\"languages\":{\"ar\":5}}]}");
    json_t *after = operation_merge_agents(now, file);
    EQ_INT(json_array_size(after), 2);
    EQ_SLICE(json_opt_str(json_array_get(after, 1), "login"), "a");
    OK(json_opt_bool(json_array_get(after, 1), "disabled", false));
    EQ_SLICE(json_opt_str(json_array_get(after, 0), "name"), "b");
    json_t *none = json("{}");
    OK(!operation_merge_agents(now, none));
    json_decref(raw);
    json_decref(now);
    json_decref(file);
    json_decref(after);
    json_decref(none);
}

T(agents_have_no_order)
{
    json_t *a = json("[{\"login\":\"c\"},{\"login\":\"a\"},{\"login\":\"b\"}]"),
           *want = json("[{\"login\":\"a\"},{\"login\":\"b\"},{\"login\":\"c\"}]");
    operation_agents_sort(a);
    OK(json_equal(a, want));
    json_t *one = json("{\"agents\":[{\"login\":\"a\"},{\"login\":\"b\"}]}"),
           *two = json("{\"agents\":[{\"login\":\"b\"},{\"login\":\"a\"}]}");
    struct buf lines;
    buf_init(&lines, 1000);
    EQ_INT(operation_diff(one, two, &lines), 0);
    buf_clear(&lines);
    json_decref(a);
    json_decref(want);
    json_decref(one);
    json_decref(two);
}

T(an_export_is_applied_without_change)
{
    json_t *doc = json("{\"operation\":\"d\",\"languages\":[\"ar\"],\"topics\":[{\"id\":\"a\"},{\"id\":\"b\","
                       "\"disabled\":true}],"
                       "\"channels\":[{\"id\":\"c\",\"connector\":\"http\",\"settings\":{\"secret\":\"s\","
                       "\"url\":\"u\"}}]}");
    json_t *raw = json("{\"agents\":[{\"login\":\"a\"},{\"login\":\"b\",\"disabled\":true}]}");
    json_t *agents = operation_merge_agents(NULL, raw);
    json_t *file = operation_export(doc, agents, &con);
    char *text = json_dumps(file, 0);
    OK(!strstr(text, "\"s\""));
    free(text);
    json_t *after = operation_merge(doc, file, &con), *agents_after = operation_merge_agents(agents, file);
    OK(json_equal(doc, after));
    OK(json_equal(agents, agents_after));
    struct buf lines;
    buf_init(&lines, 1000);
    EQ_INT(operation_diff(doc, after, &lines), 0);
    buf_clear(&lines);
    json_decref(doc);
    json_decref(raw);
    json_decref(agents);
    json_decref(file);
    json_decref(after);
    json_decref(agents_after);
    buf_clear(&problems);
}

TEST_MAIN
