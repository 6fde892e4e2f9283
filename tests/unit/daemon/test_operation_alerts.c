/* SPDX-License-Identifier: Apache-2.0
 * Red alerts in operation files: what is wrong is told at its place. */
#include "gateway/daemon/operation.h"
#include "tests/unit/test.h"

static bool fine(void *ctx, const json_t *channel, char where[64], struct err *e)
{
    (void)ctx, (void)channel, (void)where, (void)e;
    return true;
}

static bool secret(void *ctx, const char *connector, const char *setting)
{
    (void)ctx, (void)connector, (void)setting;
    return false;
}

static const struct operation_connectors connectors = {.check = fine, .secret = secret};

#define BASE                                                                                                 \
    "{\"operation\":\"demo\",\"agents\":[{\"login\":\"amal\"}],\"channels\":[{\"id\":\"web\",\"connector\":" \
    "\"webchat\"},{\"id\":\"tg\",\"connector\":\"telegram\"}],\"alerts\":"

/* The problems with this `alerts`, as they are told; "" none. */
static const char *wrong(const char *alerts)
{
    static char out[2048];
    struct buf text, problems;
    struct err e = {0};
    buf_init(&text, 65536);
    buf_init(&problems, 65536);
    buf_printf(&text, "%s%s}", BASE, alerts);
    json_t *file = json_parse(buf_view(&text), 32, &e);
    if (!file)
        TEST_FAIL("%s", e.text);
    operation_check(file, NULL, NULL, &connectors, &problems);
    snprintf(out, sizeof out, "%s", problems.n ? problems.p : "");
    json_decref(file);
    buf_clear(&text);
    buf_clear(&problems);
    return out;
}

#define WRONG(alerts, place) OK(strstr(wrong(alerts), place) != NULL)

T(a_whole_one)
{
    EQ_STR(
        wrong(
            "{\"categories\":[{\"id\":\"raid\",\"name\":{\"en\":\"Raid\"}},{\"id\":\"death\",\"disabled\":"
            "true}],"
            "\"words\":[{\"category\":\"raid\",\"words\":{\"en\":[\"camp sweep\"]}}],\"steps\":[0,45,90],"
            "\"repeat_s\":60,\"confirm_s\":45,\"group_s\":300,\"shipped_words\":true,\"duty\":[{\"login\":"
            "\"amal\","
            "\"level\":2,\"language\":\"tr\",\"ways\":[{\"channel\":\"tg\",\"address\":\"telegram:1\"}],"
            "\"shifts\":"
            "[{\"days\":[\"mon\"],\"from\":\"08:00\",\"to\":\"20:00\"}],\"dates\":[{\"date\":\"2026-12-25\","
            "\"off\":true},{\"date\":\"2026-12-26\",\"from\":\"00:00\",\"to\":\"24:00\"}]}]}"),
        "");
    EQ_STR(wrong("{}"), "");
}

T(times)
{
    WRONG("{\"steps\":[10]}", "/alerts/steps/0");
    WRONG("{\"steps\":[0,60,30]}", "/alerts/steps/2");
    WRONG("{\"steps\":[0,121]}", "/alerts/steps/1");
    WRONG("{\"repeat_s\":0}", "/alerts/repeat_s");
    WRONG("{\"confirm_s\":500}", "/alerts/confirm_s");
}

T(the_rota)
{
    WRONG("{\"duty\":[{\"login\":\"nobody\"}]}", "/alerts/duty/0");
    WRONG("{\"duty\":[{\"login\":\"amal\"},{\"login\":\"amal\"}]}", "/alerts/duty/1");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"level\":10}]}", "/alerts/duty/0/level");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"ways\":[{\"channel\":\"no\",\"address\":\"tel:+90\"}]}]}",
          "/alerts/duty/0/ways/0");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"ways\":[{\"channel\":\"web\",\"address\":\"web:1\"}]}]}",
          "/alerts/duty/0/ways/0");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"ways\":[{\"channel\":\"tg\",\"address\":\"12345\"}]}]}",
          "/alerts/duty/0/ways/0");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"shifts\":[{\"from\":\"8\",\"to\":\"20:00\"}]}]}",
          "/alerts/duty/0/shifts/0/from");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"shifts\":[{\"days\":[\"Monday\"],\"from\":\"08:00\",\"to\":\"20:"
          "00\"}]}]}",
          "/alerts/duty/0/shifts/0/days/0");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"dates\":[{\"date\":\"2026-02-30\",\"off\":true}]}]}",
          "/alerts/duty/0/dates/0/date");
    WRONG("{\"duty\":[{\"login\":\"amal\",\"dates\":[{\"date\":\"2026-02-28\"}]}]}",
          "/alerts/duty/0/dates/0");
}

T(words)
{
    WRONG("{\"words\":[{\"category\":\"death\",\"words\":{\"en\":[\"!!!\"]}}]}",
          "/alerts/words/0/words/en/0");
    WRONG("{\"words\":[{\"words\":{}}]}", "/alerts/words/0");
    WRONG("{\"other\":1}", "/alerts");
}

TEST_MAIN
