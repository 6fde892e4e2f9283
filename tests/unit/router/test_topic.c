/* SPDX-License-Identifier: Apache-2.0
 * Topics: words and phrases, what may stand before and behind them, what wins, what seals; and the search
 * compared with a plain one over random texts. */
#include "router/fold.h"
#include "router/topic.h"
#include "router/topic_word.h"
#include "gateway/base/text.h"
#include "tests/unit/test.h"

static const char *const demo =
    "[{\"id\":\"registration\",\"words\":{\"ar\":[\"تسجيل\",\"موعد\"],\"en\":[\"register\",\"registration\","
    "\"card\"],"
    "\"tr\":[\"kayıt\",\"randevu\"],\"am\":[\"ምዝገባ\"]}},"
    "{\"id\":\"cash\",\"words\":{\"ar\":[\"مساعدة مالية\",\"مساعدة\"],\"en\":[\"cash assistance\",\"cash "
    "card\",\"money\"],"
    "\"fa\":[\"کمک نقدی\"]}},"
    "{\"id\":\"protection\",\"clearance\":1,\"priority\":2,\"words\":{\"en\":[\"violence\",\"beats me\"]}},"
    "{\"id\":\"off\",\"disabled\":true,\"words\":{\"en\":[\"school\"]}},"
    "{\"id\":\"report\",\"clearance\":2,\"no_last_agent\":true,\"words\":{\"en\":[\"bribe\"],\"ar\":["
    "\"رشوة\"]}}]";

static struct topic_table *table(void)
{
    static struct topic_table *t;
    if (t)
        return t;
    struct err e = {0};
    json_t *o = json_parse(slice_str(demo), 32, &e);
    if (!o || topic_table_load(&t, o, &e) != 0)
        fprintf(stderr, "%s\n", e.text);
    json_decref(o);
    return t;
}

/* All words of the text. */
static bool match_text(const struct topic_table *t, struct slice text, enum language l,
                       struct topic_match *out)
{
    struct arena *a = arena_new();
    size_t n;
    const struct slice *words = fold_list(text, a, &n);
    bool found = topic_match(t, words, n, l, out);
    arena_free(&a);
    return found;
}

static struct topic_match m;
static const char *topic(const char *text, enum language l)
{
    OK(table());
    bool found = match_text(table(), slice_str(text), l, &m);
    OK(found == (*m.id != 0));
    return m.id;
}

T(words_and_folding)
{
    EQ_STR(topic("I want to register", LANGUAGE_EN), "registration");
    EQ_STR(topic("أريد تسجيل عائلتي", LANGUAGE_AR), "registration");
    EQ_STR(topic("KAYIT yaptırmak istiyorum", LANGUAGE_TR), "registration");
    EQ_STR(topic("كمك‌ نقدي", LANGUAGE_FA), "cash");
    EQ_STR(topic("good morning", LANGUAGE_EN), "");
    EQ_STR(topic("", LANGUAGE_EN), "");
    EQ_STR(topic("school", LANGUAGE_EN), "");
    EQ_INT(m.rule.priority, -1);
}

T(what_stands_before_and_behind)
{
    EQ_STR(topic("بالتسجيل", LANGUAGE_AR), "registration");
    EQ_STR(topic("وللتسجيل", LANGUAGE_AR), "registration");
    EQ_STR(topic("والتسجيلات", LANGUAGE_AR), "registration");
    EQ_STR(topic("مساعدتكم", LANGUAGE_AR), "cash");
    EQ_STR(topic("المساعدات", LANGUAGE_AR), "cash");
    EQ_STR(topic("my cards", LANGUAGE_EN), "registration");
    EQ_STR(topic("a cardinal", LANGUAGE_EN), "");
    EQ_STR(topic("randevumuzu", LANGUAGE_TR), "registration");
    EQ_STR(topic("randevu'yu", LANGUAGE_TR), "registration");
    EQ_STR(topic("የምዝገባው", LANGUAGE_AM), "registration");
    EQ_STR(topic("unregister", LANGUAGE_EN), "");
}

T(longest_then_language_then_count_then_order)
{
    EQ_STR(topic("I want to register for the cash card", LANGUAGE_EN), "cash");
    EQ_INT(m.words, 2);
    EQ_STR(topic("مساعدة registration", LANGUAGE_AR), "cash");
    EQ_STR(topic("مساعدة registration", LANGUAGE_EN), "registration");
    OK(m.own_language);
    EQ_STR(topic("money register registration", LANGUAGE_EN), "registration");
    EQ_INT(m.hits, 2);
    EQ_STR(topic("money card", LANGUAGE_EN), "registration");
    EQ_STR(topic("card money money", LANGUAGE_UNKNOWN), "registration");
}

T(the_strictest_rule_holds)
{
    topic("he beats me, and I want cash assistance", LANGUAGE_EN);
    EQ_INT(m.rule.clearance, 1);
    EQ_INT(m.rule.priority, 2);
    OK(!m.rule.no_last_agent);
    EQ_STR(topic("registration registration register card: they want a bribe", LANGUAGE_EN), "registration");
    EQ_INT(m.rule.clearance, 2);
    OK(m.rule.no_last_agent);
    topic("طلبوا الرشوة", LANGUAGE_FR);
    EQ_INT(m.rule.clearance, 2);
}

T(phrases_far_into_a_long_text)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 5000; i++)
        buf_str(&b, "word ");
    buf_str(&b, "cash ... assistance");
    OK(match_text(table(), buf_view(&b), LANGUAGE_EN, &m));
    EQ_STR(m.id, "cash");
    buf_clear(&b);
}

T(sealing_words)
{
    struct topic_table *t = topic_table_new();
    topic_table_add_sealing(t);
    static const char *const sealed[] = {"I want to REPORT misconduct",
                                         "l'exploitation sexuelle",
                                         "cinsel taciz",
                                         "تحرش جنسي",
                                         "آزار جنسی",
                                         "جنسی ہراسانی",
                                         "جنسي ځورونه",
                                         "anshax xumo",
                                         "رشوت خواست"};
    for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
        OK(!match_text(t, slice_str(sealed[i]), LANGUAGE_UNKNOWN, &m));
        if (m.rule.clearance != 2)
            TEST_FAIL("not sealed: %s", sealed[i]);
        EQ_STR(m.id, "");
    }
    static const char *const open[] = {"I want to report my new address", "abuse", "موعد التسجيل", "kayıt",
                                       "پول نقد"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        match_text(t, slice_str(open[i]), LANGUAGE_UNKNOWN, &m);
        EQ_INT(m.rule.clearance, 0);
    }
    topic_table_free(t);
}

static int load_error(const char *text)
{
    struct err e = {0};
    struct topic_table *t;
    json_t *o = json_parse(slice_str(text), 32, &e);
    int rc = topic_table_load(&t, o, &e);
    json_decref(o);
    if (rc == 0)
        topic_table_free(t);
    else
        OK(!t && e.text[0]);
    return rc;
}

T(damaged_documents)
{
    EQ_INT(load_error("[]"), 0);
    EQ_INT(load_error("[{\"id\":\"a\"}]"), 0);
    EQ_INT(load_error("{\"id\":\"a\"}"), -ERR_INVALID);
    EQ_INT(load_error("[1]"), -ERR_INVALID);
    EQ_INT(load_error("[{}]"), -ERR_INVALID);
    EQ_INT(load_error("[{\"id\":\"a\",\"words\":[]}]"), -ERR_INVALID);
    EQ_INT(load_error("[{\"id\":\"a\",\"words\":{\"en\":\"x\"}}]"), -ERR_INVALID);
    EQ_INT(load_error("[{\"id\":\"a\",\"words\":{\"en\":[1]}}]"), -ERR_INVALID);
    EQ_INT(load_error("[{\"id\":\"a\",\"words\":{\"en\":[\"!!\"]}}]"), -ERR_INVALID);
    EQ_INT(load_error("[{\"id\":\"a\",\"words\":{\"en\":[\"a b c d e f g h i\"]}}]"), -ERR_TOO_LARGE);
    EQ_INT(load_error("[{\"id\":\"a\",\"clearance\":3}]"), -ERR_INVALID);
    struct topic_table *t;
    EQ_INT(topic_table_load(&t, NULL, NULL), 0);
    OK(!match_text(t, SLICE("word"), LANGUAGE_EN, &m));
    topic_table_free(t);
}

/* ---- the same by brute force ---- */

#define PHRASES 60
static const char *const parts[] = {"تسجيل",    "مساعدة", "مال",      "التسجيل", "card",  "cash",
                                    "register", "kayıt",  "para",     "كتاب",    "بيت",   "للبيت",
                                    "وبيت",     "cards",  "kayıtlar", "ምዝገባ",    "የምዝገባ", "و"};
#define PARTS (sizeof parts / sizeof *parts)

struct plain {
    unsigned topic, n;
    enum language l;
    struct topic_word w[3];
};
struct texts {
    struct slice w[64];
    size_t n;
    struct arena *a;
};

static void keep(void *arg, struct slice word)
{
    struct texts *t = arg;
    if (t->n < 64)
        t->w[t->n++] = arena_slice(t->a, word);
}

T(of_equals_the_more_confidential_one)
{
    static const char *const both[] = {"[{\"id\":\"cash\",\"words\":{\"en\":[\"help\"]}},{\"id\":\"harm\","
                                       "\"clearance\":1,\"words\":{\"en\":["
                                       "\"danger\"]}}]",
                                       "[{\"id\":\"harm\",\"clearance\":1,\"words\":{\"en\":[\"danger\"]}},{"
                                       "\"id\":\"cash\",\"words\":{\"en\":["
                                       "\"help\"]}}]"};
    for (size_t i = 0; i < 2; i++) {
        struct err e = {0};
        struct topic_table *t;
        json_t *o = json_parse(slice_str(both[i]), 32, &e);
        EQ_INT(topic_table_load(&t, o, &e), 0);
        OK(match_text(t, SLICE("help, I am in danger"), LANGUAGE_EN, &m));
        EQ_STR(m.id, "harm");
        OK(match_text(t, SLICE("danger! help"), LANGUAGE_EN, &m));
        EQ_STR(m.id, "harm");
        OK(match_text(t, SLICE("help"), LANGUAGE_EN, &m));
        EQ_STR(m.id, "cash");
        json_decref(o);
        topic_table_free(t);
    }
}

static bool plain_stands(const struct plain *p, const struct texts *t)
{
    for (size_t i = 0; i + p->n <= t->n; i++) {
        unsigned k = 0;
        while (k < p->n && topic_word_fits(&p->w[k], t->w[i + k], p->l))
            k++;
        if (k == p->n)
            return true;
    }
    return false;
}

static void some_words(struct buf *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        buf_str(b, parts[text_random_u64() % PARTS]);
        buf_char(b, ' ');
    }
}

T(same_as_a_plain_search)
{
    static const enum language langs[] = {LANGUAGE_AR, LANGUAGE_EN, LANGUAGE_TR, LANGUAGE_AM,
                                          LANGUAGE_UNKNOWN};
    static struct plain plain[PHRASES];
    struct buf b;
    buf_init(&b, 4096);
    for (int round = 0; round < 20; round++) {
        struct arena *a = arena_new();
        struct topic_table *t = topic_table_new();
        for (unsigned i = 0; i < 6; i++) {
            char id[8];
            snprintf(id, sizeof id, "t%u", i);
            topic_table_add(t, slice_str(id),
                            &(struct topic_rule){.clearance = (int)(i % 3), .priority = -1});
        }
        for (unsigned i = 0; i < PHRASES; i++) {
            struct plain *p = &plain[i];
            *p = (struct plain){.topic = i % 6, .l = langs[text_random_u64() % 5]};
            buf_reset(&b);
            some_words(&b, 1 + (unsigned)(text_random_u64() % 3));
            struct texts w = {.a = a};
            fold_words(buf_view(&b), keep, &w);
            p->n = (unsigned)w.n;
            for (unsigned k = 0; k < p->n; k++)
                topic_word_set(&p->w[k], w.w[k], p->l);
            EQ_INT(topic_table_phrase(t, p->topic, p->l, buf_view(&b), NULL), 0);
        }
        for (int k = 0; k < 100; k++) {
            buf_reset(&b);
            some_words(&b, (unsigned)(text_random_u64() % 12));
            struct texts w = {.a = a};
            fold_words(buf_view(&b), keep, &w);
            int clearance = 0;
            unsigned words[6] = {0}, own[6] = {0}, hits[6] = {0}, best = 6;
            for (unsigned i = 0; i < PHRASES; i++)
                if (plain_stands(&plain[i], &w)) {
                    unsigned y = plain[i].topic;
                    clearance = (int)(y % 3) > clearance ? (int)(y % 3) : clearance;
                    words[y] = plain[i].n > words[y] ? plain[i].n : words[y];
                    own[y] |= plain[i].l == LANGUAGE_AR;
                    hits[y]++;
                }
            for (unsigned y = 6; y-- > 0;)
                if (words[y] &&
                    (best == 6 || words[y] * 10000 + own[y] * 1000 + hits[y] * 3 + y % 3 >=
                                      words[best] * 10000 + own[best] * 1000 + hits[best] * 3 + best % 3))
                    best = y;
            bool found = match_text(t, buf_view(&b), LANGUAGE_AR, &m);
            OK(found == (best < 6));
            EQ_INT(m.rule.clearance, clearance);
            if (found)
                EQ_INT(m.id[1] - '0', best);
        }
        topic_table_free(t);
        arena_free(&a);
    }
    buf_clear(&b);
}

TEST_MAIN
