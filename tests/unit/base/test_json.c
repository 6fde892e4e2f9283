/* SPDX-License-Identifier: Apache-2.0
 * Strict JSON. */
#include "tests/unit/test.h"
#include "gateway/base/json.h"

static void refused(const char *text, const char *why)
{
    struct err e = {0};
    json_t *v = json_parse(slice_str(text), 4, &e);
    if (v)
        json_decref(v);
    OK(v == NULL);
    EQ_INT(e.code, ERR_INVALID);
    if (!strstr(e.text, why))
        TEST_FAIL("\"%s\" does not say \"%s\"", e.text, why);
}

T(reads_what_is_right)
{
    struct err e;
    struct slice s;
    int64_t i;
    json_t *v = json_parse(SLICE("{\"s\":\"\\u0633x\",\"i\":9223372036854775807,\"n\":-9223372036854775808,"
                                 "\"b\":true,\"d\":1.5,\"e\":\"\"}"),
                           4, &e);
    OK(v);
    OK(json_need_str(v, "s", &s, &e));
    EQ_SLICE(s, "\xD8\xB3x");
    OK(json_need_int(v, "i", &i, &e) && i == INT64_MAX);
    OK(json_need_int(v, "n", &i, &e) && i == INT64_MIN);
    OK(!json_need_int(v, "d", &i, &e));
    EQ_STR(e.text, "\"d\" must be an integer");
    OK(!json_need_str(v, "i", &s, &e));
    EQ_STR(e.text, "\"i\" must be a string");
    OK(!json_need_str(v, "gone", &s, &e));
    EQ_STR(e.text, "\"gone\" is missing");
    EQ_SLICE(json_opt_str(v, "s"), "\xD8\xB3x");
    EQ_INT(json_opt_str(v, "gone").n, 0);
    EQ_INT(json_opt_int(v, "gone", 7), 7);
    EQ_INT(json_opt_bool(v, "b", false), true);
    EQ_INT(json_opt_bool(v, "s", false), false);
    const char *known[] = {"s", "i", "n", "b", "d", "e", NULL}, *few[] = {"s", NULL};
    OK(json_only(v, known, &e));
    OK(!json_only(v, few, &e));
    OK(strstr(e.text, "is not known"));
    json_decref(v);
}

T(refuses_with_the_place)
{
    refused("", "line 1, column 1");
    refused("{\"a\":1,\n\"b\":x}", "line 2, column 5");
    refused("{\"a\":1}x", "line 1, column 8");
    refused("{\"a\":1} {}", "column 9");
    refused("{\"a\":1,\"a\":2}", "duplicate");
    refused("{\"x\":{\"a\":1,\"\\u0061\":2}}", "duplicate");
    refused("[[[[[1]]]]]", "line 1, column 5: nested deeper than 4");
    refused("{\"\xD8\xB3\xD9\x84\": \n {\"b\":{\"c\":{\"d\":[]}}}}", "line 2, column 17: nested deeper");
    refused("[1,]", "line 1");
    refused("{'a':1}", "line 1");
    refused("[1e999]", "overflow");
    refused("[99999999999999999999]", "too big");
    refused("[01]", "line 1");
    refused("[NaN]", "line 1");
    refused("[\"\\ud800\"]", "line 1");
    refused("[\"\\udc00\"]", "line 1");
    refused("[\"a\tb\"]", "control");
    refused("[\"\\u0000\"]", "0000");
    refused("[\"\xC0\x80\"]", "line 1");
    refused("[\"\xED\xA0\x80\"]", "line 1");
    refused("[\"abc", "line 1");
    refused("5", "line 1");
    refused("\"text\"", "line 1");
    refused("\xEF\xBB\xBF{}", "line 1");
}

T(brackets_in_strings_do_not_count)
{
    struct err e;
    json_t *v = json_parse(SLICE("[\"[[[[[[[[{{{{\\\"[[[[\",{\"\\\\\":1}]"), 2, &e);
    OK(v);
    json_decref(v);
}

T(raw_nul_is_refused)
{
    struct err e;
    OK(json_parse(slice_of("{\"a\":1}\0", 8), 4, &e) == NULL);
    OK(json_parse(slice_of("[\"a\0b\"]", 7), 4, &e) == NULL);
    OK(json_parse(slice_of("\0", 1), 4, &e) == NULL);
    OK(json_parse(slice_of("[1\0]", 4), 4, &e) == NULL);
    EQ_STR(e.text, "line 1, column 3: NUL");
    OK(json_parse(slice_of(NULL, 0), 4, NULL) == NULL);
}

T(errors_quote_nothing)
{
    struct err e;
    OK(json_parse(SLICE("{\"name\": secretword}"), 4, &e) == NULL);
    OK(!strstr(e.text, "secretword"));
    OK(json_parse(SLICE("{\"a\":\"secretword\",\"a\":\"otherword\"}"), 4, &e) == NULL);
    OK(!strstr(e.text, "word"));
    OK(json_parse(SLICE("[\"secretword\xFF\"]"), 4, &e) == NULL);
    OK(!strstr(e.text, "word"));
    json_t *v = json_parse(SLICE("{\"my secret word\":1}"), 4, &e);
    const char *known[] = {NULL};
    OK(!json_only(v, known, &e));
    OK(!strstr(e.text, "secret"));
    json_decref(v);
}

T(writes)
{
    struct err e;
    struct buf b;
    buf_init(&b, 100);
    json_t *v = json_parse(SLICE("{ \"b\" : [1, 2.5, true, null], \"a\" : \"\\u0633\\n/\" }"), 4, &e);
    buf_str(&b, ">");
    EQ_INT(json_write(v, &b), 0);
    EQ_SLICE(buf_view(&b), ">{\"b\":[1,2.5,true,null],\"a\":\"\xD8\xB3\\n/\"}");
    buf_clear(&b);
    buf_init(&b, 10);
    EQ_INT(json_write(v, &b), -ERR_TOO_LARGE);
    buf_clear(&b);
    json_decref(v);
}

TEST_MAIN
