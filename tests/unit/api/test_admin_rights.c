/* SPDX-License-Identifier: Apache-2.0
 * Who may change what of an operation: what is sensitive stays with those who have it. */
#include "gateway/api/admin_internal.h"
#include "tests/unit/test.h"
#include <string.h>

static const struct who administrator = {.roles = ROLE_ADMINISTRATOR, .areas = ""},
                        trusted = {.roles = ROLE_ADMINISTRATOR | ROLE_FOCAL, .clearance = 2, .areas = ""};

/* What is said of a change; "" it is allowed. */
static const char *judged(const struct who *w, const char *before, const char *after, const char *agents,
                          const char *agents_after)
{
    static char said[4096];
    struct err e;
    json_t *all[] = {json_parse(slice_str(before), 8, &e), json_parse(slice_str(after), 8, &e),
                     json_parse(slice_str(agents), 8, &e), json_parse(slice_str(agents_after), 8, &e)};
    const struct api_change c = {all[0], all[1], all[2], all[3]};
    struct buf b;
    buf_init(&b, sizeof said);
    bool allowed = admin_allowed(w, &c, &b);
    snprintf(said, sizeof said, "%.*s", (int)b.n, b.n ? b.p : "");
    if (allowed != !b.n)
        snprintf(said, sizeof said, "(refused without a word)");
    for (size_t i = 0; i < 4; i++)
        json_decref(all[i]);
    buf_clear(&b);
    return said;
}

#define NOTHING "{}"
#define ROOT    "{\"login\":\"root\",\"roles\":[\"administrator\"]}"
#define ONE(m)  "[" ROOT ",{\"login\":\"a\"," m "}]"

T(clearance_is_given_by_who_has_it)
{
    static const char *const gives[] = {"\"roles\":[\"focal\"]", "\"roles\":[\"agent\"],\"clearance\":2"};
    for (size_t i = 0; i < 2; i++) {
        char after[200];
        snprintf(after, sizeof after, "[" ROOT ",{\"login\":\"a\",%s}]", gives[i]);
        OK(strstr(judged(&administrator, NOTHING, NOTHING, ONE("\"roles\":[\"agent\"]"), after),
                  "/agents/1/clearance: "));
        OK(strstr(judged(&administrator, NOTHING, NOTHING, "[" ROOT "]", after), "/agents/1/clearance: "));
        EQ_STR(judged(&trusted, NOTHING, NOTHING, ONE("\"roles\":[\"agent\"]"), after), "");
    }
    EQ_STR(judged(&administrator, NOTHING, NOTHING, ONE("\"roles\":[\"agent\"]"),
                  ONE("\"roles\":[\"supervisor\"]")),
           "");
}

T(who_has_it_can_be_switched_off_and_no_more)
{
#define FOCAL "\"roles\":[\"focal\"]"
    EQ_STR(judged(&administrator, NOTHING, NOTHING, ONE(FOCAL), ONE(FOCAL ",\"disabled\":true")), "");
    EQ_STR(judged(&administrator, NOTHING, NOTHING, ONE(FOCAL), ONE(FOCAL ",\"languages\":{\"ar\":5}")), "");
    EQ_STR(judged(&administrator, NOTHING, NOTHING, ONE(FOCAL), ONE("\"roles\":[\"agent\"]")), "");
    OK(strstr(judged(&administrator, NOTHING, NOTHING, ONE(FOCAL ",\"disabled\":true"), ONE(FOCAL)),
              "/agents/1"));
    OK(strstr(judged(&administrator, NOTHING, NOTHING, ONE(FOCAL ",\"areas\":[\"tr\"]"),
                     ONE(FOCAL ",\"areas\":[]")),
              "/agents/1: "));
}

T(what_is_sensitive_stays_so)
{
#define TOPIC(m) "{\"topics\":[{\"id\":\"x\"},{\"id\":\"m\"," m "}]}"
#define SEALED   "\"clearance\":2"
    EQ_STR(judged(&administrator, TOPIC(SEALED), TOPIC(SEALED ",\"name\":{\"en\":\"R\"}"), "[]", "[]"), "");
    OK(strstr(judged(&administrator, TOPIC(SEALED), TOPIC("\"clearance\":1"), "[]", "[]"), "/topics/1: "));
    OK(strstr(judged(&administrator, TOPIC(SEALED), TOPIC(SEALED ",\"disabled\":true"), "[]", "[]"),
              "/topics/1: "));
    EQ_STR(judged(&trusted, TOPIC(SEALED), TOPIC("\"clearance\":0"), "[]", "[]"), "");
#define CHANNEL(m) "{\"channels\":[{\"id\":\"c\",\"clearance\":2," m "}]}"
    OK(strstr(judged(&administrator, CHANNEL("\"settings\":{\"url\":\"a\"}"),
                     CHANNEL("\"settings\":{\"url\":\"b\"}"), "[]", "[]"),
              "/channels/0: "));
    EQ_STR(judged(&administrator, CHANNEL("\"settings\":{}"), CHANNEL("\"settings\":{},\"disabled\":true"),
                  "[]", "[]"),
           "");
}

T(what_a_pack_seals_stays_sealed)
{
#define PACK(v) "{\"pack\":" v "}"
#define OWN(cl)                                                                                              \
    PACK("{\"pack\":\"own\",\"paths\":[{\"code\":\"none\",\"clearance\":0},{\"code\":\"sea\","               \
         "\"clearance\":" cl "}]}")
    static const char *const fine[][2] = {
        {NOTHING, OWN("0")},
        {NOTHING, PACK("\"protection\"")},
        {OWN("0"), PACK("\"protection\"")},
        {OWN("1"), OWN("2")},
        {PACK("{}"), PACK("\"protection\"")},
        {PACK("\"protection\""), PACK("{\"base\":\"protection\",\"referrals\":[]}")},
        {PACK("{\"base\":\"protection\",\"forms\":[]}"), PACK("{\"base\":\"protection\"}")},
    };
    static const char *const wrong[][2] = {
        {OWN("2"), OWN("1")},
        {OWN("1"), OWN("0")},
        {OWN("2"), PACK("{\"pack\":\"own\",\"paths\":[{\"code\":\"none\",\"clearance\":0}]}")},
        {OWN("2"), NOTHING},
        {PACK("\"protection\""), OWN("2")},
        {PACK("\"protection\""), PACK("{\"base\":\"consular\"}")},
        {PACK("{\"base\":\"protection\"}"), PACK("{}")},
    };
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        EQ_STR(judged(&administrator, fine[i][0], fine[i][1], "[]", "[]"), "");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        OK(strstr(judged(&administrator, wrong[i][0], wrong[i][1], "[]", "[]"), "/pack: "));
        EQ_STR(judged(&trusted, wrong[i][0], wrong[i][1], "[]", "[]"), "");
    }
}

T(an_administrator_remains)
{
    EQ_STR(judged(&trusted, NOTHING, NOTHING, "[" ROOT "]", "[{\"login\":\"root\",\"roles\":[\"agent\"]}]"),
           "/agents: nobody would be left who administers the operation\n");
    OK(*judged(&trusted, NOTHING, NOTHING, "[" ROOT "]",
               "[{\"login\":\"root\",\"roles\":[\"administrator\"],\"disabled\":true}]"));
}

T(the_whole_is_administered_by_who_serves_it)
{
    struct who local = administrator;
    local.areas = "tr/izmir";
    OK(rights_administer(&administrator) && !rights_administer(&local));
    OK(rights_may_give(&administrator, 1) && !rights_may_give(&administrator, 2) &&
       rights_may_give(&trusted, 2));
    OK(rights_mend(&administrator, 0, "tr") && !rights_mend(&administrator, 1, "") &&
       !rights_mend(&local, 0, "gr"));
}

TEST_MAIN
