/* SPDX-License-Identifier: Apache-2.0
 * The index of articles: what is found, in which order, in which language, for which area. */
#include "gateway/api/article_index.h"
#include "tests/unit/test.h"

static struct article_index *x;

static void add(const char *id, const char *json)
{
    struct err e = {0};
    json_t *o = json_parse(slice_str(json), JSON_DEPTH_DEFAULT, &e);
    EQ_INT(e.code, 0);
    OK(article_index_put(x, id, 1, o));
    json_decref(o);
}

static bool all(void *arg, const struct article *a)
{
    (void)arg;
    (void)a;
    return true;
}

static size_t find(const char *text, const char *area, const char *language, struct article_hit hits[8])
{
    const char *languages[] = {language, "en", NULL};
    struct article_query q = {.text = slice_str(text), .languages = languages, .area = area, .visible = all};
    return article_search(x, &q, hits, 8);
}

static void begin(void)
{
    x = article_index_new();
    add("tag", "{\"kind\":\"article\",\"state\":\"published\",\"tags\":[\"cash\"],\"texts\":{\"en\":{"
               "\"title\":\"Help\","
               "\"text\":\"x\"}}}");
    add("text", "{\"kind\":\"article\",\"state\":\"published\",\"texts\":{\"en\":{\"title\":\"Other\","
                "\"text\":\"about "
                "cash\"}}}");
    add("title",
        "{\"kind\":\"article\",\"state\":\"published\",\"texts\":{\"en\":{\"title\":\"Cash\",\"text\":\"y\"},"
        "\"ar\":{\"title\":\"مُساعَدة نقدية\",\"text\":\"z\"}}}");
}

T(a_title_stands_before_a_tag_before_a_text)
{
    struct article_hit h[8];
    begin();
    EQ_INT(find("cas", NULL, "en", h), 3);
    EQ_STR(h[0].a->id, "title");
    EQ_STR(h[1].a->id, "tag");
    EQ_STR(h[2].a->id, "text");
    EQ_INT(find("/cash", NULL, "en", h), 3);
    EQ_INT(find("cash help", NULL, "en", h), 1);
    EQ_INT(find("ash", NULL, "en", h), 0); /* words are found by how they begin */
    EQ_INT(find("", NULL, "en", h), 3);
    article_index_free(x);
}

T(any_language_finds_and_the_asked_one_is_shown)
{
    struct article_hit h[8];
    begin();
    EQ_INT(find("مساعدة", NULL, "en", h), 1); /* folded: without the marks */
    EQ_STR(h[0].t->language, "en");
    EQ_INT(find("cash", NULL, "ar", h), 3);
    EQ_STR(h[0].t->language, "ar");
    EQ_STR(h[1].t->language, "en");
    article_index_free(x);
}

T(the_nearest_area_wins)
{
    struct article_hit h[8];
    static const char *const areas[] = {"", "tr", "tr/izmir", "tra"};
    x = article_index_new();
    for (size_t i = 0; i < 4; i++) {
        char id[8], json[256];
        snprintf(id, sizeof id, "a%zu", i);
        snprintf(json, sizeof json,
                 "{\"kind\":\"answer\",\"state\":\"published\",\"shortcut\":\"hi\",\"area\":\"%s\",\"texts\":"
                 "{\"en\":{"
                 "\"title\":\"t\",\"text\":\"x\"}}}",
                 areas[i]);
        add(id, json);
    }
    EQ_INT(find("hi", "tr/izmir", "en", h), 1);
    EQ_STR(h[0].a->id, "a2");
    EQ_INT(find("hi", "tr/ankara", "en", h), 1);
    EQ_STR(h[0].a->id, "a1");
    EQ_INT(find("hi", "", "en", h), 1);
    EQ_STR(h[0].a->id, "a0");
    EQ_INT(find("hi", NULL, "en", h), 4);
    article_index_del(x, "a2");
    EQ_INT(find("hi", "tr/izmir", "en", h), 1);
    EQ_STR(h[0].a->id, "a1");
    article_index_free(x);
}

T(what_is_no_article_is_refused)
{
    static const char *const wrong[] = {
        "{}",
        "{\"kind\":\"poem\",\"texts\":{\"en\":{\"title\":\"a\",\"text\":\"b\"}}}",
        "{\"kind\":\"answer\",\"texts\":{}}",
        "{\"kind\":\"answer\",\"texts\":{\"en\":{\"title\":\"\",\"text\":\"b\"}}}",
        "{\"kind\":\"answer\",\"texts\":{\"en\":{\"title\":\"a\",\"text\":\"b\",\"c\":1}}}",
        "{\"kind\":\"answer\",\"review\":\"soon\",\"texts\":{\"en\":{\"title\":\"a\",\"text\":\"b\"}}}",
        "{\"kind\":\"answer\",\"clearance\":3,\"texts\":{\"en\":{\"title\":\"a\",\"text\":\"b\"}}}",
        "{\"kind\":\"answer\",\"tags\":[1],\"texts\":{\"en\":{\"title\":\"a\",\"text\":\"b\"}}}",
        ("{\"kind\":\"answer\",\"source\":{\"url\":\"js:x\"},\"texts\":{\"en\":{\"title\":\"a\",\"text\":"
         "\"b\"}}}"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err e = {0};
        json_t *o = json_parse(slice_str(wrong[i]), JSON_DEPTH_DEFAULT, &e);
        OK(article_check(o, &e) != 0 && e.code == ERR_INVALID);
        json_decref(o);
    }
}

T(a_review_date_is_over_the_day_after)
{
    struct article a = {.review = "2026-11-22"};
    OK(!article_overdue(&a, "2026-11-22") && article_overdue(&a, "2026-11-23"));
    a.review = "";
    OK(!article_overdue(&a, "2026-11-23"));
}

TEST_MAIN
