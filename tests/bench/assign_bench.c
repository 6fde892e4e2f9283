/* SPDX-License-Identifier: Apache-2.0
 * assign_bench [AGENTS THREADS]: time per decision in a full view, then a day of a call centre simulated with
 * 50 % of the people writing one language, 40 % another and 10 % a third, to see whether the small one waits
 * longer. */
#include "router/assign.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANGUAGES 9
#define TOPICS    20
#define DECISIONS 4000

static const char *const tags[LANGUAGES] = {"ar", "fa", "prs", "ps", "ur", "so", "fr", "tr", "en"};
static const char *const areas[] = {"", "tr", "tr/izmir", "tr/ankara", "lb", "lb/beirut", "jo", "jo/amman"};
static uint64_t seed = 1;

static unsigned pick(unsigned n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % n;
}

static double chance(void)
{
    return (pick(1u << 30) + 0.5) / (1u << 30);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(double *v, size_t n, double q)
{
    qsort(v, n, sizeof *v, by_value);
    return n ? v[(size_t)((double)(n - 1) * q)] : 0;
}

/* ---- time per decision ---- */

static void some_agent(struct assign_view *v, unsigned i)
{
    struct assign_language l[4];
    char id[16], topics[200] = "";
    memset(l, 0, sizeof l);
    size_t n = 1 + pick(3), used = 0;
    for (size_t k = 0; k < n; k++) {
        snprintf(l[k].tag, sizeof l[k].tag, "%s", tags[pick(LANGUAGES)]);
        l[k].level = 1 + (int)pick(5);
    }
    for (unsigned k = 0; k < 6; k++)
        used += (size_t)snprintf(topics + used, sizeof topics - used, "topic%u ", pick(TOPICS));
    snprintf(id, sizeof id, "agent%u", i % 100000);
    struct assign_agent a = {.id = id,
                             .areas = areas[pick(8)],
                             .topics = pick(3) ? topics : "*",
                             .teams = "",
                             .languages = l,
                             .languages_n = n,
                             .clearance = pick(10) ? 0 : 2,
                             .capacity = {4, 1},
                             .load = {pick(5), 0},
                             .present = pick(10) < 7,
                             .idle_ms = pick(1000000)};
    assign_view_agent_set(v, &a);
}

static void some_thread(struct assign_view *v, unsigned i, int64_t now)
{
    char id[16], topic[16], last[16], avoid[16] = "";
    snprintf(id, sizeof id, "thread%u", i % 1000000);
    snprintf(topic, sizeof topic, "topic%u", pick(TOPICS));
    snprintf(last, sizeof last, "agent%u", pick(1000));
    if (pick(20) == 0)
        snprintf(avoid, sizeof avoid, "agent%u", pick(1000));
    struct assign_thread t = {.id = id,
                              .language = tags[pick(LANGUAGES)],
                              .topic = topic,
                              .area = areas[pick(8)],
                              .team = "",
                              .clearance = pick(20) ? 0 : 2,
                              .priority = pick(50) ? ASSIGN_NORMAL : ASSIGN_EMERGENCY,
                              .waiting_ms = now - pick(300000),
                              .last_agent = pick(4) ? "" : last,
                              .not_last = pick(10) == 0,
                              .avoid = avoid};
    assign_view_thread_set(v, &t);
}

struct timing {
    const char *name;
    double us[DECISIONS];
    size_t n, found;
};

static void timed(struct timing *t, int64_t start, bool found)
{
    t->us[t->n++] = (double)(time_mono_us() - start);
    t->found += found;
}

static void print_timing(struct timing *t)
{
    double p50 = quantile(t->us, t->n, 0.5), p99 = quantile(t->us, t->n, 0.99),
           most = quantile(t->us, t->n, 1);
    printf("  %-22s p50 %5.0f us   p99 %5.0f us   max %5.0f us   (%zu of %zu had an answer)\n", t->name, p50,
           p99, most, t->found, t->n);
}

static void decisions(unsigned nagents, unsigned nthreads)
{
    static const char *const fallback[] = {"en"}, *const dari[] = {"fa", "en"};
    static struct timing agent = {.name = "agent for a thread"}, thread = {.name = "thread for an agent"},
                         next = {.name = "next pair (sweep)"}, change = {.name = "change of the view"};
    struct assign_view *v = assign_view_new(NULL);
    struct assign_choice c;
    int64_t now = 1000000000;
    for (unsigned i = 0; i + 1 < LANGUAGES; i++)
        assign_view_chain(v, tags[i], i == 2 ? dari : fallback, i == 2 ? 2 : 1);
    for (unsigned i = 0; i < nagents; i++)
        some_agent(v, i);
    for (unsigned i = 0; i < nthreads; i++)
        some_thread(v, i, now);
    for (unsigned k = 0; k < DECISIONS; k++) {
        char id[16];
        int64_t start = time_mono_us();
        if (pick(2))
            some_agent(v, pick(nagents));
        else
            some_thread(v, pick(nthreads), now);
        timed(&change, start, true);
        snprintf(id, sizeof id, "thread%u", pick(nthreads) % 1000000);
        start = time_mono_us();
        timed(&agent, start, assign_best_agent(v, id, now, &c));
        snprintf(id, sizeof id, "agent%u", pick(nagents) % 100000);
        start = time_mono_us();
        timed(&thread, start, assign_best_thread(v, id, now, &c));
        if (k % 20)
            continue;
        start = time_mono_us();
        timed(&next, start, assign_next(v, now, &c));
    }
    printf("%u agents, %u waiting threads, %d languages, %d topics, 8 areas\n", nagents, nthreads, LANGUAGES,
           TOPICS);
    print_timing(&agent);
    print_timing(&thread);
    print_timing(&next);
    print_timing(&change);
    assign_view_free(v);
}

/* ---- do small languages wait longer? ---- */

#define DAY    (10 * 3600 * 1000)
#define PLACES 64
#define WAITS  200000

struct place { /* an agent's place for one chat */
    unsigned agent;
    int64_t until;
};
static const char *const mix_tags[] = {"ar", "fa", "so"};
static const double mix[] = {0.5, 0.4, 0.1};
static const char *const staff[] = {/* of ten: five, four, one, some with a second language */
                                    "ar", "ar", "ar", "ar so", "ar so", "fa", "fa", "fa", "fa ar", "so ar"};

struct day {
    struct assign_view *v;
    struct place places[PLACES];
    unsigned busy, agents, serial;
    double waits[3][WAITS];
    size_t n[3];
    double mean_ms;
};

static double exponential(double mean)
{
    return -log(chance()) * mean;
}

static void day_agent(struct day *d, unsigned i)
{
    struct assign_language l[2];
    char id[16];
    memset(l, 0, sizeof l);
    const char *s = staff[i % 10], *second = strchr(s, ' ');
    memcpy(l[0].tag, s, second ? (size_t)(second - s) : strlen(s));
    l[0].level = 5;
    if (second)
        snprintf(l[1].tag, sizeof l[1].tag, "%s", second + 1);
    l[1].level = 3;
    snprintf(id, sizeof id, "a%u", i % 1000);
    struct assign_agent a = {.id = id,
                             .areas = "",
                             .topics = "*",
                             .teams = "",
                             .languages = l,
                             .languages_n = second ? 2 : 1,
                             .capacity = {2, 0},
                             .present = true};
    assign_view_agent_set(d->v, &a);
}

static void day_offer(struct day *d, int64_t now)
{
    struct assign_choice c;
    while (assign_next(d->v, now, &c)) {
        unsigned language = (unsigned)(c.thread[0] - '0');
        int64_t since = strtoll(strchr(c.thread, '@') + 1, NULL, 10);
        if (d->n[language] < WAITS)
            d->waits[language][d->n[language]++] = (double)(now - since) / 1000;
        unsigned agent = (unsigned)strtoul(c.agent + 1, NULL, 10);
        char id[40];
        snprintf(id, sizeof id, "%s", c.thread);
        assign_view_agent_load(d->v, c.agent, ASSIGN_CHAT, 1);
        assign_view_thread_remove(d->v, id);
        d->places[d->busy++] = (struct place){agent, now + (int64_t)exponential(d->mean_ms)};
    }
}

static void day_arrive(struct day *d, int64_t now)
{
    double x = chance();
    unsigned language = x < mix[0] ? 0 : x < mix[0] + mix[1] ? 1 : 2;
    char id[40];
    snprintf(id, sizeof id, "%u-%u@%lld", language, d->serial++, (long long)now);
    struct assign_thread t = {.id = id,
                              .language = mix_tags[language],
                              .topic = "",
                              .area = "",
                              .team = "",
                              .last_agent = "",
                              .avoid = "",
                              .priority = ASSIGN_NORMAL,
                              .waiting_ms = now};
    assign_view_thread_set(d->v, &t);
}

static void day_end_chats(struct day *d, int64_t now)
{
    for (unsigned i = 0; i < d->busy;)
        if (d->places[i].until <= now) {
            char id[16];
            snprintf(id, sizeof id, "a%u", d->places[i].agent % 1000);
            assign_view_agent_load(d->v, id, ASSIGN_CHAT, -1);
            d->places[i] = d->places[--d->busy];
        } else {
            i++;
        }
}

static void simulate(double use)
{
    static struct day d;
    d = (struct day){.v = assign_view_new(NULL), .agents = 20, .mean_ms = 10 * 60000};
    double gap = d.mean_ms / (use * d.agents * 2), next = 0;
    for (unsigned i = 0; i < d.agents; i++)
        day_agent(&d, i);
    for (int64_t now = 0; now < 10 * (int64_t)DAY; now += 1000) {
        day_end_chats(&d, now);
        for (; next < (double)now; next += exponential(gap))
            day_arrive(&d, (int64_t)next);
        day_offer(&d, now);
    }
    double large = quantile(d.waits[0], d.n[0], 0.95), middle = quantile(d.waits[1], d.n[1], 0.95),
           small = quantile(d.waits[2], d.n[2], 0.95);
    printf("  %3.0f %% busy: 95 %% wait at most %5.0f s (ar, 50 %%), %5.0f s (fa, 40 %%), %5.0f s (so, 10 "
           "%%); so to the larger of the others %.2f\n",
           use * 100, large, middle, small, small / (large > middle ? large : middle));
    assign_view_free(d.v);
}

int main(int argc, char **argv)
{
    unsigned agents = argc > 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
    if (!agents || !threads)
        return 2;
    decisions(agents, threads);
    printf("20 agents with 2 chats each, some with two languages; ten days\n");
    static const double use[] = {0.7, 0.8, 0.9, 0.95, 1.05};
    for (size_t i = 0; i < sizeof use / sizeof *use; i++)
        simulate(use[i]);
    return 0;
}
