/* SPDX-License-Identifier: Apache-2.0
 * Texts for people: what is shipped is whole, in nine languages; places are filled. */
#include "gateway/daemon/texts.h"
#include "gateway/base/text.h"
#include <string.h>
#include "tests/unit/test.h"

static const char *const tags[] = {"en", "ar", "fa", "prs", "ps", "ur", "so", "fr", "tr", NULL};

T(nine_languages_have_every_text)
{
    struct buf problems, warnings;
    buf_init(&problems, 65536);
    buf_init(&warnings, 65536);
    texts_check("config/texts", &problems, &warnings);
    if (problems.n)
        fprintf(stderr, "%s", problems.p);
    EQ_INT(problems.n, 0);
    struct err e = {0};
    struct texts *t = texts_load("config/texts", &e);
    OK(t);
    for (size_t i = 0; tags[i]; i++) {
        struct slice text = texts_get(t, slice_str(tags[i]), SLICE("notice.first"));
        OK(text.n && text_valid(text, NULL));
        OK(memmem(text.p, text.n, "{name}", 6));
        text = texts_get(t, slice_str(tags[i]), SLICE("notice.emergency"));
        OK(text.n && memmem(text.p, text.n, "{emergency}", 11));
        OK(texts_get(t, slice_str(tags[i]), SLICE("notice.nobody")).n);
    }
    EQ_INT(texts_get(t, SLICE("xx"), SLICE("notice.first")).n, 0);
    EQ_INT(texts_get(t, SLICE("en"), SLICE("nothing")).n, 0);
    EQ_INT(texts_get(t, (struct slice){0}, (struct slice){0}).n, 0);
    OK(texts_known(t, SLICE("notice.first")) && texts_known(t, SLICE("choice.hint")));
    OK(!texts_known(t, SLICE("notice.frist")) && !texts_known(t, SLICE("")));
    OK(texts_known(t, SLICE("chat.send")) && texts_known(t, SLICE("chat.sned"))); /* not built */
    texts_chat(t, "gateway/chat/src");
    OK(texts_known(t, SLICE("chat.send")) && texts_known(t, SLICE("chat.who_reads")));
    OK(!texts_known(t, SLICE("chat.sned")) && !texts_known(t, SLICE("chat.")));
    texts_free(&t);
    OK(!t);
    buf_clear(&problems);
    buf_clear(&warnings);
}

T(what_is_missing_is_told)
{
    struct err e = {0};
    struct buf problems, warnings;
    buf_init(&problems, 65536);
    buf_init(&warnings, 65536);
    OK(!texts_load("/nowhere", &e));
    OK(e.code == ERR_IO);
    texts_check("/nowhere", &problems, &warnings);
    OK(problems.n);
    buf_clear(&problems);
    buf_clear(&warnings);
}

T(what_an_operation_wrote_and_read_is_known)
{
    struct err e = {0};
    struct slice which = {0};
    struct texts *t = texts_load("config/texts", &e);
    json_t *doc = json_pack("{s:[s,s],s:{s:{s:s}},s:{s:[s,s,s]}}", "languages", "ar", "uk", "texts", "ar",
                            "notice.nobody", "we come", "reviewed", "ar", "notice.first", "notice.emergency",
                            "notice.anonymous");
    struct buf b;
    buf_init(&b, 1u << 20);
    OK(texts_hole_known(t, "notice.first", SLICE("I am {name} {"), &which));
    OK(!texts_hole_known(t, "notice.first", SLICE("I am {name} {nmae}"), &which) && slice_is(which, "nmae"));
    OK(texts_safe(t, doc, "ar") && !texts_safe(t, doc, "uk") && !texts_safe(t, doc, "fr"));
    texts_json(t, doc, &b);
    json_t *list = json_parse(buf_view(&b), 8, &e);
    OK(list && json_array_size(json_object_get(list, "items")) > 8);
    OK(strstr(b.p, "\"own\":\"we come\"") && strstr(b.p, "\"holes\":[\"name\"]"));
    json_decref(list);
    json_decref(doc);
    texts_free(&t);
    buf_clear(&b);
}

T(places_are_filled)
{
    struct buf b;
    buf_init(&b, 200);
    OK(texts_fill(&b, SLICE("This is {name}."), "name", SLICE("Office")));
    OK(!texts_fill(&b, SLICE("Call {emergency}."), "emergency", (struct slice){0}));
    OK(texts_fill(&b, SLICE("No place"), "name", SLICE("x")));
    OK(!texts_fill(&b, (struct slice){0}, "name", SLICE("x")));
    EQ_STR(b.p, "This is Office.\nNo place");
    buf_clear(&b);
}

TEST_MAIN
