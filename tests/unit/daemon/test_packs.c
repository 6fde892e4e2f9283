/* SPDX-License-Identifier: Apache-2.0
 * Packs: those that are shipped are in order, in nine languages; what an office adds comes first; what is
 * wrong is told with its place. */
#include "gateway/daemon/operation_pack.h"
#include "tests/unit/test.h"
#include <string.h>

static const char *const languages[] = {"en", "ar", "fa", "prs", "ps", "ur", "so", "fr", "tr"};

static void in_nine_languages(const json_t *v)
{
    static const char *const texts[] = {"name", "ask"};
    const char *key;
    json_t *one;
    size_t i;
    for (size_t t = 0; t < 2; t++) {
        const json_t *labels = json_object_get(v, texts[t]);
        for (size_t l = 0; labels && l < sizeof languages / sizeof *languages; l++)
            OK(json_string_length(json_object_get(labels, languages[l])) > 0);
    }
    json_object_foreach((json_t *)(uintptr_t)v, key, one) in_nine_languages(one);
    json_array_foreach(v, i, one) in_nine_languages(one);
}

T(shipped_packs_are_in_order)
{
    static const char *const names[] = {"protection", "consular"};
    for (size_t i = 0; i < 2; i++) {
        struct err e = {0};
        json_t *pack = pack_load(PACKS, names[i], &e);
        EQ_STR(e.text, "");
        OK(pack != NULL);
        EQ_INT(json_array_size(json_object_get(pack, "types")), 5);
        EQ_INT(json_array_size(json_object_get(pack, "risks")), 4);
        in_nine_languages(pack);
        json_decref(pack);
    }
    struct err e = {0};
    OK(!pack_load(PACKS, "nothing", &e));
    EQ_INT(e.code, ERR_NOT_FOUND);
    OK(!pack_load(PACKS, "../../etc/passwd", NULL));
}

/* Every path that wants care, at every risk, has an institution for what the guard will ask for. */
T(what_the_guard_asks_for_has_somebody_who_does_it)
{
    static const char *const wanted[][2] = {{"sea", "support"},          {"sea", "accountability"},
                                            {"fraud", "accountability"}, {"misconduct", "accountability"},
                                            {"gbv", "support"},          {"child", "support"},
                                            {"self_harm", "support"},    {"danger", "support"}};
    static const char *const names[] = {"protection", "consular"};
    for (size_t i = 0; i < 2; i++) {
        json_t *pack = pack_load(PACKS, names[i], NULL);
        for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++) {
            bool found = false;
            size_t n;
            json_t *row;
            json_array_foreach(json_object_get(pack, "referrals"), n, row) found |=
                slice_is(json_opt_str(row, "path"), wanted[k][0]) &&
                slice_is(json_opt_str(row, "kind"), wanted[k][1]) && !json_object_get(row, "risk") &&
                json_opt_int(row, "hours", 0) <= 72;
            OK(found);
        }
        json_decref(pack);
    }
}

T(an_office_adds_its_own)
{
    struct err e = {0};
    json_t *member = json_parse(
        SLICE("{\"base\":\"protection\",\"institutions\":[{\"id\":\"clinic\",\"name\":{\"en\":\"Clinic\"}},"
              "{\"id\":\"cash_team\",\"name\":{\"en\":\"Ours\"},\"disabled\":true}],"
              "\"referrals\":[{\"subject\":\"health\",\"kind\":\"service\",\"to\":\"clinic\",\"hours\":5}]}"),
        JSON_DEPTH_DEFAULT, &e);
    json_t *name = json_string("protection"), *own = pack_resolve(PACKS, member, &e),
           *plain = pack_resolve(PACKS, name, &e);
    EQ_INT(e.code, 0);
    json_t *first = json_array_get(json_object_get(own, "referrals"), 0);
    EQ_STR(json_string_value(json_object_get(first, "to")), "clinic");
    EQ_INT(json_array_size(json_object_get(own, "institutions")),
           json_array_size(json_object_get(plain, "institutions")) + 1);
    const char *a = json_string_value(json_object_get(own, "id")),
               *b = json_string_value(json_object_get(plain, "id"));
    OK(strncmp(a, "protection-1.", 13) == 0 && strcmp(a, b) != 0);
    json_t *again = pack_resolve(PACKS, name, &e);
    EQ_STR(json_string_value(json_object_get(again, "id")), b);
    OK(!pack_resolve(PACKS, NULL, &e) && e.code == 0);
    json_decref(member);
    json_decref(name);
    json_decref(own);
    json_decref(plain);
    json_decref(again);
}

static json_t *shipped(void *ctx, const char *name)
{
    (void)ctx;
    return pack_load(PACKS, name, NULL);
}

static void wrong(const char *member, const char *expect)
{
    static const struct operation_connectors con = {.pack = shipped};
    struct buf problems;
    struct check c = {.problems = &problems, .con = &con};
    json_t *v = json_loads(member, JSON_DECODE_ANY, NULL);
    buf_init(&problems, 65536);
    buf_init(&c.at, 4096);
    operation_pack_check(&c, v);
    if (*expect)
        OK(problems.n && strstr(problems.p, expect));
    else
        EQ_INT(problems.n, 0);
    buf_clear(&problems);
    buf_clear(&c.at);
    json_decref(v);
}

T(what_is_wrong_is_told_with_its_place)
{
    wrong("\"protection\"", "");
    wrong("{}", "");
    wrong("{\"base\":\"consular\"}", "");
    wrong("\"nothing\"", "no pack is shipped");
    wrong("5", ":");
}

T(rows_and_forms_name_what_there_is)
{
    wrong("{\"base\":\"protection\",\"referrals\":[{\"kind\":\"service\",\"to\":\"x\",\"hours\":1}]}",
          "/referrals/0/to: the pack has no such institution");
    wrong("{\"base\":\"protection\",\"referrals\":[{\"kind\":\"gift\",\"to\":\"cash_team\",\"hours\":1}]}",
          "/referrals/0/kind");
    wrong("{\"base\":\"protection\",\"referrals\":[{\"kind\":\"service\",\"to\":\"cash_team\",\"hours\":0}]}",
          "/referrals/0/hours");
    wrong("{\"base\":\"protection\",\"referrals\":[{\"kind\":\"service\",\"to\":\"cash_team\",\"hours\":1,"
          "\"subject\":\"q\"}]}",
          "/referrals/0/subject");
    wrong("{\"base\":\"protection\",\"subjects\":[{\"code\":\"q/r\",\"name\":{\"en\":\"x\"}}]}",
          "/subjects/0: its first level is missing");
    wrong("{\"base\":\"protection\",\"subjects\":[{\"code\":\"cash/a/b\",\"name\":{\"en\":\"x\"}}]}",
          "/subjects/0: subjects have two levels");
    wrong("{\"base\":\"protection\",\"institutions\":[{\"id\":\"a\",\"name\":{\"en\":\"x\"},\"backup\":\"b\"}"
          "]}",
          "/institutions/0/backup");
    wrong("{\"base\":\"protection\",\"forms\":[{\"code\":\"f\",\"subject\":[\"q\"],\"fields\":[]}]}",
          "/forms/0/subject");
    wrong("{\"base\":\"protection\",\"forms\":[{\"code\":\"f\",\"fields\":[{\"code\":\"a\",\"ask\":{\"en\":"
          "\"x\"},\"kind\":\"choice\"}]}]}",
          "/forms/0/fields/0: a choice has choices");
    wrong("{\"base\":\"protection\",\"colour\":1}", "/colour");
    wrong("{\"pack\":\"own\",\"version\":1}", "name");
}

TEST_MAIN
