/* SPDX-License-Identifier: Apache-2.0
 * What waits, counted by group: the numbers against a plain walk over all threads, who sees which groups, and
 * that only what changed is told. */
#include "gateway/api/tally.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "tests/unit/test.h"

static const char *const tags[] = {"ar", "fa", "en", "tr", "so"};
static const char *const topics[] = {"", "health", "cash"};
static const char *const areas[] = {"", "tr", "tr/izmir"};

static void chain(void *arg, const char *language, const char *out[8])
{
    (void)arg;
    out[0] = strcmp(language, "so") == 0 ? "en" : NULL;
    out[1] = NULL;
}

static struct store_thread thread(unsigned i, unsigned how, int64_t since)
{
    struct store_thread t = {.state = STORE_WAITING, .waiting_ms = since};
    snprintf(t.id.s, sizeof t.id.s, "%026u", i);
    snprintf(t.language.tag, sizeof t.language.tag, "%s", tags[how % 5]);
    t.topic = topics[how / 5 % 3];
    t.area = areas[how / 15 % 3];
    t.clearance = (int)(how / 45 % 3);
    return t;
}

static const struct store_agent speaker = {
    .id = "a", .areas = "tr", .topics = "health", .languages = {{"ar", 5}, {"en", 3}}, .languages_n = 2};
static const struct who agent = {"a", "a", "A", ROLE_AGENT, 1, "tr", "", false};
static const struct who chief = {"c", "", "C", ROLE_SUPERVISOR, 2, "", "", false};

static json_t *told(struct tally *t, struct tally_view *v, const struct looker *l)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    tally_json(t, v, l, &b);
    json_t *o = json_parse(buf_view(&b), 8, NULL);
    buf_clear(&b);
    OK(o);
    return o;
}

static unsigned waiting(const json_t *o)
{
    size_t i;
    json_t *one;
    unsigned n = 0;
    json_array_foreach(json_object_get(o, "items"), i, one) n += (unsigned)json_opt_int(one, "waiting", 0);
    return n;
}

T(numbers_are_those_of_a_walk_over_all)
{
    enum { N = 400 };
    static struct store_thread all[N];
    static bool there[N];
    struct tally *t = tally_new(chain, NULL);
    struct tally_view v = {0};
    struct looker l = {&chief, NULL, 1}, a = {&agent, &speaker, 1};
    unsigned random = 7;
    for (unsigned step = 0; step < 4000; step++) {
        random = random * 1103515245u + 12345u;
        unsigned i = random / 65536 % N, how = random / 7 % 135;
        if (there[i] && random & 1024) {
            tally_drop(t, all[i].id.s);
            there[i] = false;
        } else {
            all[i] = thread(i, how, 1000000 + random % 100000);
            tally_put(t, &all[i]);
            there[i] = true;
        }
        if (step % 40)
            continue;
        unsigned n = 0, mine = 0;
        for (unsigned k = 0; k < N; k++) {
            const char *one[8];
            n += there[k];
            chain(NULL, all[k].language.tag, one);
            mine += there[k] && rights_could_serve(&agent, &speaker, all[k].language.tag, all[k].topic,
                                                   all[k].clearance, all[k].area, one);
        }
        json_t *o = told(t, &v, &l);
        EQ_INT(waiting(o), n);
        EQ_INT(json_opt_int(json_object_get(o, "mine"), "waiting", -1), 0);
        json_decref(o);
        struct tally_view once = {0};
        o = told(t, &once, &a);
        EQ_INT(waiting(o), mine);
        EQ_INT(json_opt_int(json_object_get(o, "mine"), "waiting", -1), mine);
        json_decref(o);
        tally_view_clear(&once);
    }
    tally_view_clear(&v);
    tally_free(&t);
}

T(the_oldest_is_found_again_when_it_left)
{
    struct tally *t = tally_new(chain, NULL);
    struct tally_view v = {0};
    struct looker l = {&chief, NULL, 1};
    for (unsigned i = 0; i < 3; i++) {
        struct store_thread th = thread(i, 0, 1000 * (i + 1));
        tally_put(t, &th);
    }
    struct store_thread first = thread(0, 0, 1000), again = thread(1, 0, 9000);
    tally_drop(t, first.id.s);
    json_t *o = told(t, &v, &l);
    EQ_STR(json_string_value(json_object_get(json_array_get(json_object_get(o, "items"), 0), "oldest")),
           "1970-01-01T00:00:02.000Z");
    json_decref(o);
    tally_put(t, &again); /* it waits anew */
    o = told(t, &v, &l);
    EQ_STR(json_string_value(json_object_get(json_array_get(json_object_get(o, "items"), 0), "oldest")),
           "1970-01-01T00:00:03.000Z");
    EQ_INT(waiting(o), 2);
    json_decref(o);
    tally_view_clear(&v);
    tally_free(&t);
}

T(only_what_one_sees_is_news)
{
    struct tally *t = tally_new(chain, NULL);
    struct tally_view v = {0};
    struct looker l = {&agent, &speaker, 1};
    struct store_thread arabic = thread(1, 5 + 15, 1000), turkish = thread(2, 8 + 15, 1000);
    struct store_thread sealed = thread(3, 5 + 15 + 90, 1000);
    OK(tally_news(t, &v, &l)); /* the first time */
    json_decref(told(t, &v, &l));
    OK(!tally_news(t, &v, &l));
    tally_put(t, &turkish);
    tally_put(t, &sealed);
    OK(!tally_news(t, &v, &l));
    tally_put(t, &arabic);
    OK(tally_news(t, &v, &l));
    json_decref(told(t, &v, &l));
    OK(!tally_news(t, &v, &l));
    tally_put(t, &arabic); /* as it was */
    OK(!tally_news(t, &v, &l));
    tally_drop(t, turkish.id.s);
    OK(!tally_news(t, &v, &l));
    tally_drop(t, arabic.id.s);
    OK(tally_news(t, &v, &l));
    json_t *o = told(t, &v, &l);
    EQ_INT(json_array_size(json_object_get(o, "items")), 0);
    json_decref(o);
    /* Other skills, other groups. */
    struct store_agent both = speaker;
    both.languages[1] = (__typeof__(both.languages[1])){"tr", 4};
    struct looker then = {&agent, &both, 2};
    tally_put(t, &turkish);
    OK(!tally_news(t, &v, &l));
    OK(tally_news(t, &v, &then));
    o = told(t, &v, &then);
    EQ_INT(waiting(o), 1);
    json_decref(o);
    tally_clear(t);
    OK(tally_news(t, &v, &then));
    o = told(t, &v, &then);
    EQ_INT(waiting(o), 0);
    json_decref(o);
    tally_view_clear(&v);
    tally_free(&t);
}

TEST_MAIN
