/* SPDX-License-Identifier: Apache-2.0
 * What webhooks tell: the signature of Standard Webhooks, which events a pattern names, areas, ids. */
#include "gateway/hook/hook_internal.h"
#include "tests/unit/test.h"
#include <string.h>

T(the_signature)
{
    /* By hand: openssl dgst -sha256 -mac HMAC of "msg_1.1614265330.{\"test\": 1}" under the bytes of the key.
     */
    struct buf out;
    buf_init(&out, 400);
    OK(sign_body("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "msg_1", 1614265330, SLICE("{\"test\": 1}"),
                 &out));
    EQ_SLICE(buf_view(&out), "v1,SoPrr2Nhf+eZ6BHoQhnfZur0xz/4HvC4ioVh7kwScQY=");
    buf_clear(&out);
}

T(two_secrets_are_two_signatures_and_none_is_none)
{
    struct buf out;
    buf_init(&out, 400);
    OK(sign_body("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI0", "a", 1,
                 SLICE("{}"), &out));
    OK(memmem(out.p, out.n, " v1,", 4) != NULL);
    buf_reset(&out);
    OK(!sign_body("", "a", 1, SLICE("{}"), &out));
    OK(!sign_body("whsec_", "a", 1, SLICE("{}"), &out));
    OK(!sign_body("whsec_c2hvcnQ=", "a", 1, SLICE("{}"), &out));
    OK(!sign_body("secret", "a", 1, SLICE("{}"), &out));
    buf_clear(&out);
}

static bool matches(const char *pattern, const char *type)
{
    struct hook k = {.events = {(char *)pattern}, .events_n = 1};
    return say_matches(&k, type);
}

T(patterns)
{
    OK(matches("*", "entry.added"));
    OK(matches("entry.*", "entry.added"));
    OK(matches("entry.added", "entry.added"));
    OK(!matches("entry.*", "thread.opened"));
    OK(!matches("entry.add", "entry.added"));
    OK(!matches("thread.open*", "thread.opened"));
    OK(!matches("", "thread.opened"));
}

T(areas)
{
    struct hook all = {.area = NULL}, one = {.area = (char *)"tr/izmir"};
    OK(say_area(&all, "") && say_area(&all, "tr"));
    OK(say_area(&one, "tr/izmir") && say_area(&one, "tr/izmir/north"));
    OK(!say_area(&one, "tr") && !say_area(&one, "tr/izmirli") && !say_area(&one, ""));
}

T(types)
{
    char type[HOOK_TYPE];
    struct store_event ev = {.kind = STORE_EV_THREAD, .why = "resolved"};
    OK(!say_type(&ev, type)); /* of no thread */
    memset(ev.thread.s, 'a', sizeof ev.thread.s - 1);
    OK(say_type(&ev, type));
    EQ_STR(type, "thread.resolved");
    ev.why = "read";
    OK(!say_type(&ev, type));
    ev.kind = STORE_EV_ENTRY_STATUS;
    OK(say_type(&ev, type));
    EQ_STR(type, "entry.status");
    ev.kind = STORE_EV_AGENT; /* a load would be a trace of what is sealed */
    OK(!say_type(&ev, type));
    ev.kind = STORE_EV_CONTACT;
    OK(!say_type(&ev, type));
}

TEST_MAIN
