/* SPDX-License-Identifier: Apache-2.0
 * Assignment: each rule by itself, then the whole compared with a plain restatement of the rules over random
 * worlds. */
#include "router/assign.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "tests/unit/test.h"

#define MIN 60000

static struct assign_view *v;
static struct assign_choice got;

static void world(void)
{
    assign_view_free(v);
    v = assign_view_new(NULL);
}

/* languages: "ar5 en3" */
static size_t languages_of(const char *text, struct assign_language *out)
{
    struct slice rest = slice_str(text), one;
    size_t n = 0;
    while (rest.n && slice_next(&rest, ' ', &one)) {
        memset(&out[n], 0, sizeof out[n]);
        memcpy(out[n].tag, one.p, one.n - 1);
        out[n++].level = one.p[one.n - 1] - '0';
    }
    return n;
}

static struct assign_agent A;
static void agent(const char *id, const char *languages)
{
    struct assign_language l[8];
    A.id = id;
    A.languages_n = languages_of(languages, l);
    A.languages = l;
    assign_view_agent_set(v, &A);
}
static struct assign_thread W;
static void thread(const char *id, const char *language)
{
    W.id = id;
    W.language = language;
    assign_view_thread_set(v, &W);
}
static void usual(void)
{
    world();
    A = (struct assign_agent){.topics = "*", .areas = "", .teams = "", .capacity = {2, 1}, .present = true};
    W = (struct assign_thread){
        .topic = "", .area = "", .team = "", .last_agent = "", .avoid = "", .priority = ASSIGN_NORMAL};
}
static const char *who(const char *thread_id, int64_t now)
{
    return assign_best_agent(v, thread_id, now, &got) ? got.agent : "-";
}
static const char *what(const char *agent_id, int64_t now)
{
    return assign_best_thread(v, agent_id, now, &got) ? got.thread : "-";
}

T(language_and_level)
{
    usual();
    agent("low", "ar2");
    agent("high", "ar5 en1");
    agent("other", "fa5");
    thread("t", "ar");
    EQ_STR(who("t", 0), "high");
    EQ_INT(got.level, 5);
    EQ_STR(what("low", 0), "t");
    EQ_STR(what("other", 0), "-");
    EQ_STR(who("none", 0), "-");
    EQ_STR(what("none", 0), "-");
    thread("x", "");
    EQ_STR(what("other", 0), "x");
}

T(room_and_presence)
{
    usual();
    agent("a", "ar5");
    thread("t", "ar");
    const unsigned full[ASSIGN_MEDIA] = {2, 0}, free[ASSIGN_MEDIA] = {1, 0};
    OK(assign_view_agent_state(v, "a", true, full, 0));
    EQ_STR(who("t", 0), "-");
    OK(assign_anybody(v, "t"));
    OK(assign_view_agent_state(v, "a", true, free, 0));
    EQ_STR(who("t", 0), "a");
    assign_view_agent_load(v, "a", ASSIGN_CHAT, 1);
    EQ_STR(who("t", 0), "-");
    EQ_STR(what("a", 0), "-");
    W.medium = ASSIGN_CALL;
    thread("call", "ar");
    EQ_STR(what("a", 0), "call");
    assign_view_agent_load(v, "a", ASSIGN_CHAT, -1);
    EQ_STR(who("t", 0), "a");
    OK(assign_view_agent_state(v, "a", false, free, 0));
    EQ_STR(who("t", 0), "-");
    OK(!assign_anybody(v, "t"));
    OK(!assign_view_agent_state(v, "nobody", true, free, 0));
}

T(filters)
{
    usual();
    A.areas = "tr";
    agent("tr", "ar5");
    A.areas = "tr/izmir lb";
    agent("izmir", "ar3");
    A.areas = "";
    A.clearance = 2;
    A.teams = "legal cash";
    agent("focal", "ar1");
    W.area = "tr";
    thread("1", "ar");
    EQ_STR(who("1", 0), "tr");
    EQ_STR(what("izmir", 0), "-");
    W.area = "tr/izmir/konak";
    thread("2", "ar");
    EQ_STR(what("izmir", 0), "2");
    W.area = "tra";
    thread("3", "ar");
    EQ_STR(who("3", 0), "focal");
    W.area = "";
    W.clearance = 1;
    thread("4", "ar");
    EQ_STR(who("4", 1000 * MIN), "focal");
    W.clearance = 0;
    thread("whole", "ar"); /* of no area: for those who serve all */
    EQ_STR(who("whole", 1000 * MIN), "focal");
    assign_view_thread_remove(v, "whole");
    W.team = "cash";
    thread("5", "ar");
    EQ_STR(who("5", 1000 * MIN), "focal");
    W.team = "education";
    thread("6", "ar");
    EQ_STR(who("6", 1000 * MIN), "-");
    OK(!assign_anybody(v, "6"));
}

T(widening_with_time)
{
    usual();
    static const char *const then[] = {"fa", "en"};
    assign_view_chain(v, "prs", then, 2);
    agent("dari", "prs5");
    agent("farsi", "fa5");
    agent("english", "en5");
    const unsigned full[ASSIGN_MEDIA] = {2, 1}, none[ASSIGN_MEDIA] = {0};
    thread("t", "prs");
    EQ_STR(who("t", 0), "dari");
    assign_view_agent_state(v, "dari", true, full, 0);
    EQ_STR(who("t", MIN - 1), "-");
    EQ_STR(what("farsi", MIN - 1), "-");
    EQ_STR(who("t", MIN), "farsi");
    EQ_INT(got.tier, 1);
    EQ_STR(what("english", MIN), "-");
    EQ_STR(what("english", 2 * MIN), "t");
    /* Nobody of the better tier is there at all: at once. */
    assign_view_agent_state(v, "dari", false, none, 0);
    EQ_STR(who("t", 0), "farsi");
    EQ_STR(what("english", 0), "-");
    assign_view_agent_remove(v, "farsi");
    EQ_STR(who("t", 0), "english");
    EQ_STR(what("english", 0), "t");
    /* Persian and Dari stand in for each other without being told. */
    usual();
    agent("farsi", "fa5");
    thread("t", "prs");
    EQ_STR(who("t", 0), "farsi");
}

T(topics)
{
    usual();
    A.topics = "cash health";
    agent("cash", "ar1");
    A.topics = "health";
    agent("health", "ar5");
    W.topic = "cash";
    thread("t", "ar");
    EQ_STR(who("t", 0), "cash");
    EQ_STR(what("health", 0), "-");
    EQ_STR(what("health", MIN), "t");
    OK(got.lacks_topic);
    EQ_STR(who("t", MIN), "cash");
    assign_view_agent_remove(v, "cash");
    EQ_STR(who("t", 0), "health");
}

T(last_agent)
{
    usual();
    agent("best", "ar5");
    agent("last", "ar1");
    W.last_agent = "last";
    thread("t", "ar");
    EQ_STR(who("t", 0), "last");
    OK(got.last);
    W.not_last = true;
    thread("t", "ar");
    EQ_STR(who("t", 0), "best");
    EQ_STR(what("last", 0), "-");
    assign_view_agent_remove(v, "best");
    EQ_STR(who("t", 1000 * MIN), "-");
    OK(!assign_anybody(v, "t"));
}

T(who_declined)
{
    usual();
    agent("a", "ar5");
    agent("b", "ar1");
    W.avoid = "a";
    thread("t", "ar");
    EQ_STR(who("t", 0), "b");
    EQ_STR(what("a", 0), "-");
    EQ_STR(what("a", 5 * MIN), "t");
    assign_view_agent_remove(v, "b");
    EQ_STR(who("t", 0), "a");
    OK(got.avoided);
}

T(who_declined_alone_is_asked_again_after_a_pause)
{
    usual();
    agent("a", "ar5");
    W.avoid = "a:60000";
    thread("t", "ar");
    EQ_STR(who("t", 59999), "-");
    EQ_STR(what("a", 59999), "-");
    OK(!assign_next(v, 59999, &got));
    OK(assign_anybody(v, "t")); /* somebody is there: the person is not told otherwise */
    EQ_STR(who("t", 60000), "a");
    EQ_STR(what("a", 60000), "t");
    OK(assign_next(v, 60000, &got));
    OK(got.avoided);
    agent("b", "ar1"); /* who comes meanwhile has it at once */
    EQ_STR(who("t", 1), "b");
    EQ_STR(what("b", 1), "t");
}

T(what_the_store_says_of_a_load_holds)
{
    usual();
    agent("a", "ar5");
    agent("b", "ar5");
    thread("t", "ar");
    OK(assign_view_agent_load_is(v, "a", ASSIGN_CHAT, 1, 500));
    EQ_STR(who("t", 0), "b");
    OK(assign_view_agent_load_is(v, "b", ASSIGN_CHAT, 2, 100));
    EQ_STR(who("t", 0), "a");
    OK(!assign_view_agent_load_is(v, "nobody", ASSIGN_CHAT, 0, 0));
}

T(longest_idle_and_rare_languages)
{
    usual();
    A.idle_ms = 200;
    agent("late", "ar5");
    A.idle_ms = 100;
    agent("early", "ar5");
    thread("t", "ar");
    EQ_STR(who("t", 0), "early");
    A.idle_ms = 50;
    agent("somali", "ar5 so5");
    EQ_STR(who("t", 0), "early");
    assign_view_agent_load(v, "early", ASSIGN_CHAT, 1);
    EQ_STR(who("t", 0), "late");
    assign_view_agent_load(v, "late", ASSIGN_CHAT, 1);
    EQ_STR(who("t", 0), "early");
}

T(order_of_threads)
{
    usual();
    agent("a", "ar5 fa5");
    W.waiting_ms = 10 * MIN;
    thread("young", "ar");
    W.waiting_ms = 5 * MIN;
    thread("old", "fa");
    EQ_STR(what("a", 20 * MIN), "old");
    W.waiting_ms = 19 * MIN;
    W.priority = ASSIGN_EMERGENCY;
    thread("alarm", "ar");
    EQ_STR(what("a", 20 * MIN), "alarm");
    OK(assign_next(v, 20 * MIN, &got));
    EQ_STR(got.thread, "alarm");
    EQ_STR(got.agent, "a");
    assign_view_thread_remove(v, "alarm");
    W.waiting_ms = 14 * MIN;
    W.priority = ASSIGN_HIGH;
    thread("high", "ar");
    EQ_STR(what("a", 20 * MIN), "high");
    W.waiting_ms = 16 * MIN;
    thread("high", "ar");
    EQ_STR(what("a", 20 * MIN), "old");
    W.priority = ASSIGN_LOW;
    W.waiting_ms = -4 * MIN;
    thread("low", "ar");
    EQ_STR(what("a", 20 * MIN), "old");
    W.waiting_ms = -6 * MIN;
    thread("low", "ar");
    EQ_STR(what("a", 20 * MIN), "low");
    EQ_INT(assign_view_threads(v), 4);
    EQ_INT(assign_view_agents(v), 1);
}

T(more_languages_than_there_is_room_for)
{
    usual();
    agent("a", "ar5");
    for (int i = 0; i < 300; i++) {
        char tag[16], id[16];
        snprintf(tag, sizeof tag, "q%d", i % 1000);
        snprintf(id, sizeof id, "t%d", i % 1000);
        thread(id, tag);
        EQ_STR(who(id, 0), "-");
    }
    thread("t", "ar");
    EQ_STR(who("t", 0), "a");
}

/* ---- the rules, restated plainly over strings ---- */

#define AGENTS  9
#define THREADS 24
struct plain_agent {
    struct assign_agent a;
    struct assign_language l[4];
    char id[16], areas[24], topics[24], teams[16];
    bool used;
};
struct plain_thread {
    struct assign_thread t;
    char id[16], avoid[24], avoid_until[80], last[16];
    int64_t until; /* for all who are avoided */
    bool used;
};
static struct plain_agent pa[AGENTS];
static struct plain_thread pt[THREADS];
static const char *const tags[] = {"", "ar", "fa", "prs", "so", "en"};
static const char *const chains[][4] = {
    {NULL}, {"en", NULL}, {"prs", NULL}, {"fa", "en", NULL}, {"ar", "en", NULL}, {NULL}};

static bool listed(const char *list, const char *name)
{
    char a[64], b[64];
    snprintf(a, sizeof a, " %s ", list);
    snprintf(b, sizeof b, " %s ", name);
    return strstr(a, b) != NULL;
}

static int plain_level(const struct plain_agent *a, const char *tag)
{
    for (size_t i = 0; i < a->a.languages_n; i++)
        if (strcmp(a->l[i].tag, tag) == 0)
            return a->l[i].level;
    return 0;
}

static int plain_tier(const struct plain_agent *a, const char *tag, int *level)
{
    *level = 0;
    if (!*tag)
        return 0;
    if ((*level = plain_level(a, tag)))
        return 0;
    for (int k = 0; k < 6; k++)
        if (strcmp(tags[k], tag) == 0)
            for (int i = 0; chains[k][i]; i++)
                if ((*level = plain_level(a, chains[k][i])))
                    return i + 1;
    return -1;
}

static bool plain_may(const struct plain_agent *a, const struct plain_thread *t)
{
    bool area = !*a->areas;
    char up[32];
    snprintf(up, sizeof up, "%s", t->t.area);
    for (char *cut = up; !area && cut; *(cut ? cut : up) = 0) {
        area = listed(a->areas, up);
        cut = strrchr(up, '/');
    }
    return a->used && a->a.present && a->a.capacity[t->t.medium] && a->a.clearance >= t->t.clearance &&
           (!*t->t.team || listed(a->teams, t->t.team)) && area &&
           !(t->t.not_last && strcmp(t->last, a->id) == 0);
}

static int plain_step(const struct plain_agent *a, const struct plain_thread *t)
{
    int level, tier = plain_tier(a, t->t.language, &level);
    bool lacks = *t->t.topic && !listed(a->topics, "*") && !listed(a->topics, t->t.topic);
    return tier < 0 ? -1 : tier + lacks;
}

static bool plain_eligible(const struct plain_agent *a, const struct plain_thread *t, int64_t now)
{
    int step = plain_step(a, t), near = 1000;
    if (!t->used || !plain_may(a, t) || step < 0 || a->a.load[t->t.medium] >= a->a.capacity[t->t.medium])
        return false;
    if (listed(t->avoid, a->id) && now < t->until)
        return false;
    if (listed(t->avoid, a->id))
        step += 5;
    for (int i = 0; i < AGENTS; i++)
        if (plain_may(&pa[i], t) && plain_step(&pa[i], t) >= 0 && !listed(t->avoid, pa[i].id) &&
            plain_step(&pa[i], t) < near)
            near = plain_step(&pa[i], t);
    return now - t->t.waiting_ms >= step * MIN || near >= step;
}

static int speakers(const char *tag)
{
    int n = 0;
    for (int i = 0; i < AGENTS; i++)
        n += pa[i].used && pa[i].a.present && plain_level(&pa[i], tag);
    return n;
}

/* All that is compared, most important first, in one list. */
static void plain_key(const struct plain_agent *a, const struct plain_thread *t, int64_t key[7])
{
    int level, tier = plain_tier(a, t->t.language, &level), rare = 0;
    const char *by = t->t.language;
    for (int k = 0; tier > 0 && k < 6; k++)
        if (strcmp(tags[k], t->t.language) == 0)
            by = chains[k][tier - 1];
    for (size_t i = 0; *by && i < a->a.languages_n; i++)
        rare += speakers(a->l[i].tag) < speakers(by);
    key[0] = listed(t->avoid, a->id);
    key[1] = tier;
    key[2] = plain_step(a, t) - tier;
    key[3] = strcmp(t->last, a->id) != 0;
    key[4] = -level;
    key[5] = rare;
    key[6] = a->a.idle_ms;
}

static const struct plain_agent *plain_agent(const struct plain_thread *t, int64_t now)
{
    const struct plain_agent *best = NULL;
    int64_t k[7], b[7];
    for (int i = 0; i < AGENTS; i++) {
        if (!plain_eligible(&pa[i], t, now))
            continue;
        plain_key(&pa[i], t, k);
        int d = 0;
        while (best && d < 7 && k[d] == b[d])
            d++;
        if (!best || (d < 7 ? k[d] < b[d] : strcmp(pa[i].id, best->id) < 0)) {
            best = &pa[i];
            memcpy(b, k, sizeof b);
        }
    }
    return best;
}

static bool plain_before(const struct assign_thread *a, const struct assign_thread *b)
{
    static const int64_t shift[] = {10 * MIN, 0, -10 * MIN, 0};
    int64_t x = a->waiting_ms + shift[a->priority], y = b->waiting_ms + shift[b->priority];
    if ((a->priority == ASSIGN_EMERGENCY) != (b->priority == ASSIGN_EMERGENCY))
        return a->priority == ASSIGN_EMERGENCY;
    return x != y ? x < y : strcmp(a->id, b->id) < 0;
}

/* a NULL: for anybody */
static const struct plain_thread *plain_thread(const struct plain_agent *a, int64_t now)
{
    const struct plain_thread *best = NULL;
    for (int i = 0; i < THREADS; i++) {
        bool ok = pt[i].used && (a ? plain_eligible(a, &pt[i], now) : plain_agent(&pt[i], now) != NULL);
        if (ok && (!best || plain_before(&pt[i].t, &best->t)))
            best = &pt[i];
    }
    return best;
}

static unsigned pick(unsigned n)
{
    return (unsigned)(text_random_u64() % n);
}

static void random_agent(int i)
{
    static const char *const areas[] = {"", "", "tr", "tr/izmir", "lb tr/izmir"},
                             *const topics[] = {"*", "cash", "", "cash health"},
                             *const teams[] = {"", "x", "x y"};
    struct plain_agent *p = &pa[i];
    *p = (struct plain_agent){.used = true};
    snprintf(p->id, sizeof p->id, "a%d", i);
    snprintf(p->areas, sizeof p->areas, "%s", areas[pick(5)]);
    snprintf(p->topics, sizeof p->topics, "%s", topics[pick(4)]);
    snprintf(p->teams, sizeof p->teams, "%s", teams[pick(3)]);
    for (unsigned k = 1; k < 6; k++)
        if (pick(3) == 0 && p->a.languages_n < 4) {
            snprintf(p->l[p->a.languages_n].tag, sizeof p->l[0].tag, "%s", tags[k]);
            p->l[p->a.languages_n++].level = 1 + (int)pick(5);
        }
    p->a.id = p->id;
    p->a.areas = p->areas;
    p->a.topics = p->topics;
    p->a.teams = p->teams;
    p->a.languages = p->l;
    p->a.clearance = (int)pick(3);
    p->a.present = pick(3) > 0;
    p->a.idle_ms = pick(5);
    for (int m = 0; m < ASSIGN_MEDIA; m++) {
        p->a.capacity[m] = pick(3);
        p->a.load[m] = pick(2);
    }
    assign_view_agent_set(v, &p->a);
}

static void random_thread(int i)
{
    static const char *const areas[] = {"", "tr", "tr/izmir", "lb", "tr/izmir/konak"},
                             *const topics[] = {"", "cash", "health"},
                             *const teams[] = {"", "", "", "x", "y"},
                             *const avoid[] = {"", "", "a1", "a2 a3", "a0 a1 a2"};
    struct plain_thread *p = &pt[i];
    *p = (struct plain_thread){.used = true};
    snprintf(p->id, sizeof p->id, "t%d", i);
    snprintf(p->avoid, sizeof p->avoid, "%s", avoid[pick(5)]);
    p->until = pick(2) ? 0 : (int64_t)pick(12) * MIN;
    struct slice rest = slice_str(p->avoid), one;
    for (size_t n = 0; *p->avoid && slice_next(&rest, ' ', &one);)
        n += (size_t)snprintf(p->avoid_until + n, sizeof p->avoid_until - n,
                              p->until ? "%s%.*s:%lld" : "%s%.*s", n ? " " : "", (int)one.n, one.p,
                              (long long)p->until);
    if (pick(2))
        snprintf(p->last, sizeof p->last, "a%u", pick(AGENTS));
    p->t = (struct assign_thread){.id = p->id,
                                  .language = tags[pick(6)],
                                  .topic = topics[pick(3)],
                                  .area = areas[pick(5)],
                                  .team = teams[pick(5)],
                                  .clearance = pick(3) ? 0 : (int)pick(3),
                                  .priority = (int)pick(4),
                                  .medium = (enum assign_medium)pick(2),
                                  .waiting_ms = (int64_t)pick(12) * MIN / 2,
                                  .last_agent = p->last,
                                  .not_last = pick(4) == 0,
                                  .avoid = p->avoid_until};
    assign_view_thread_set(v, &p->t);
}

static void random_change(void)
{
    int i = (int)pick(AGENTS), t = (int)pick(THREADS);
    switch (pick(6)) {
    case 0:
        random_agent(i);
        break;
    case 1:
        pa[i].used = false;
        assign_view_agent_remove(v, pa[i].id);
        break;
    case 2:
        pa[i].a.present = pick(2);
        pa[i].a.load[0] = pick(3);
        OK(assign_view_agent_state(v, pa[i].id, pa[i].a.present, pa[i].a.load, pa[i].a.idle_ms) ==
           pa[i].used);
        break;
    case 3:
        pt[t].used = false;
        assign_view_thread_remove(v, pt[t].id);
        break;
    default:
        random_thread(t);
    }
}

T(same_as_the_rules_restated)
{
    unsigned served = 0;
    for (int round = 0; round < 60; round++) {
        world();
        memset(pa, 0, sizeof pa);
        memset(pt, 0, sizeof pt);
        for (int k = 1; k < 6; k++) {
            size_t n = 0;
            while (chains[k][n])
                n++;
            assign_view_chain(v, tags[k], chains[k], n);
        }
        for (int k = 0; k < AGENTS; k++)
            random_agent(k);
        for (int k = 0; k < 400; k++) {
            random_change();
            int64_t now = 6 * MIN + (int64_t)pick(6) * MIN / 2;
            const struct plain_thread *t = &pt[pick(THREADS)];
            const struct plain_agent *a = &pa[pick(AGENTS)], *best = t->used ? plain_agent(t, now) : NULL;
            EQ_STR(t->used ? who(t->id, now) : "-", best ? best->id : "-");
            const struct plain_thread *first = a->used ? plain_thread(a, now) : NULL;
            EQ_STR(a->used ? what(a->id, now) : "-", first ? first->id : "-");
            first = plain_thread(NULL, now);
            EQ_INT(assign_next(v, now, &got), first != NULL);
            EQ_STR(first ? got.thread : "", first ? first->id : "");
            served += first != NULL;
        }
    }
    OK(served > 1000);
    assign_view_free(v);
    v = NULL;
}

TEST_MAIN
