/* SPDX-License-Identifier: Apache-2.0
 * What the store costs: messages a second, CPU of this process and of Redis a message, bytes of memory a
 * person and a message, bytes in the append-only file. Two Redis servers of its own, fsync always. Arguments:
 * people messages (20000 40000). */
#include "tests/unit/store/harness.h"
#include "gateway/base/mem.h"
#include <stdlib.h>
#include <sys/resource.h>

static int people = 20000, messages = 40000;
#define KNOWN 1000

static int done, failed, under_way;
static int64_t latency[200000];
static int measured;

struct one {
    int64_t began;
};
static struct one ones[256];
static struct one *free_ones[256];
static int free_n;

static const char body[] = "مرحبا أحتاج إلى مساعدة في تسجيل عائلتي لدى مكتبكم في المدينة لأن أوراقنا انتهت "
                           "صلاحيتها قبل شهر ولا نعرف أين نذهب "
                           "أو بمن نتصل وقد حاولنا الاتصال بالرقم عدة مرات هذا الأسبوع";
_Static_assert(sizeof(body) > 300, "bodies of 300 bytes are cut from it");

static double cpu_self(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double field(int server, const char *section, const char *name)
{
    char command[40];
    snprintf(command, sizeof(command), "INFO %s", section);
    const char *at = strstr(harness_ask(server, "%s", command), name);
    return at ? atof(at + strlen(name)) : 0;
}

static double cpu_redis(int server)
{
    return 1e6 * (field(server, "cpu", "used_cpu_user:") + field(server, "cpu", "used_cpu_sys:"));
}

static void stored(void *arg, const struct err *e, const struct store_ingested *r)
{
    struct one *o = arg;
    (void)r;
    if (measured < 200000)
        latency[measured++] = time_mono_us() - o->began;
    free_ones[free_n++] = o;
    done++;
    under_way--;
    failed += e->code != 0;
}

static struct slice words[33];
static char word_texts[33][24];
static bool with_words, of_all_sizes; /* sizes: what is allocated is rounded */

static void decide(void *arg, const struct store_known *k, struct store_inbound *in)
{
    (void)arg;
    (void)k;
    in->language = (struct store_language){.tag = "ar", .how = STORE_GUESSED};
    static char sums[64];
    in->sums = slice_of(
        sums, (size_t)snprintf(sums, sizeof(sums), "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIjKl%06d", done));
    in->topic = "registration";
    in->area = "tr/izmir";
    if (with_words) {
        in->words = words;
        in->words_n = 33;
    }
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* n messages of `from` people on, `window` under way. */
static void run(const char *what, const char *kind, int n, int who, int window)
{
    double own = cpu_self(), redis = cpu_redis(DATA), keys = cpu_redis(KEYS);
    double aof =
        field(DATA, "persistence", "aof_current_size:") + field(KEYS, "persistence", "aof_current_size:");
    harness_ask(DATA, "CONFIG RESETSTAT");
    int64_t began = time_mono_us();
    struct store_op *op = harness_op(0);
    free_n = 0;
    for (int i = 0; i < 256; i++)
        free_ones[free_n++] = &ones[i];
    done = failed = under_way = measured = 0;
    for (int i = 0; done < n;) {
        while (under_way < window && i < n) {
            char id[32], address[40], name[24];
            snprintf(id, sizeof(id), "%s-%d", kind, i);
            snprintf(address, sizeof(address), "tel:+9055%07d", i % who);
            snprintf(name, sizeof(name), "Person %d", i % who);
            struct store_inbound in = message_in(id, address, "");
            in.text = slice_of(body, of_all_sizes ? 100 + (size_t)i % 200 : 300);
            in.name = slice_str(name);
            in.provider_ms = 1700000000000;
            struct one *o = free_ones[--free_n];
            o->began = time_mono_us();
            for (int w = 0; with_words && w < 33; w++)
                words[w] = slice_of(word_texts[w], (size_t)snprintf(word_texts[w], 24, "%sword%d", id, w));
            under_way++;
            i++;
            store_ingest(op, &in, decide, stored, o);
        }
        loop_turn(h.loop, 100);
    }
    double s = (double)(time_mono_us() - began) / 1e6;
    qsort(latency, (size_t)measured, sizeof(latency[0]), compare);
    const char *at = strstr(harness_ask(DATA, "INFO commandstats"), "cmdstat_fcall:");
    double in_function = at ? atof(strstr(at, "usec_per_call=") + 14) : 0;
    printf("%-28s %6.0f /s   own CPU %5.1f us   Redis %5.1f us (%.1f in the function)   keys %4.1f us   AOF "
           "%5.0f B   p50 %.2f ms  "
           "p99 %.2f ms%s\n",
           what, n / s, (cpu_self() - own) / n, (cpu_redis(DATA) - redis) / n, in_function,
           (cpu_redis(KEYS) - keys) / n,
           (field(DATA, "persistence", "aof_current_size:") +
            field(KEYS, "persistence", "aof_current_size:") - aof) /
               n,
           (double)latency[measured / 2] / 1000, (double)latency[measured * 99 / 100] / 1000,
           failed ? "  FAILED" : "");
}

/* A script whose blanks are "~", since harness_ask cuts at blanks; its answer. */
static double script(const char *text, const char *pattern)
{
    char line[400];
    snprintf(line, sizeof(line), "%s", text);
    for (char *p = line; *p; p++)
        if (*p == '~')
            *p = '\t';
    return atof(harness_ask(DATA, "EVAL %s 0 %s", line, pattern));
}

/* What the keys of a pattern take: how much less is used without them. */
static double without(const char *pattern)
{
    long long before = harness_memory();
    script("for~i,k~in~ipairs(redis.call('KEYS',ARGV[1]))~do~redis.call('DEL',k)~end~return~1", pattern);
    return (double)(before - harness_memory());
}

static double entries(void)
{
    return script("local~n=0~for~i,k~in~ipairs(redis.call('KEYS',ARGV[1]))~do~"
                  "n=n+redis.call('MEMORY','USAGE',k,'SAMPLES',0)~end~return~n",
                  "p:{demo}:log:*");
}

/* What 33 words each add to the first messages of some people, and to further ones, in bytes a word. */
static void search(void)
{
    double first[2], further[2];
    of_all_sizes = true;
    for (int i = 0; i < 2; i++) {
        harness_begin(1);
        with_words = i;
        run("(search: first)", "first", 2 * KNOWN, 2 * KNOWN, 64);
        first[i] = entries();
        run("(search: further)", "more", 10 * KNOWN, 2 * KNOWN, 64);
        further[i] = entries() - first[i];
        harness_end();
    }
    printf("  search: %.2f B a word of first messages, %.2f B of further ones\n",
           (first[1] - first[0]) / (2 * KNOWN) / 33, (further[1] - further[0]) / (10 * KNOWN) / 33);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        people = atoi(argv[1]);
        messages = atoi(argv[2]);
    }
    if (setjmp(test_jump))
        return 1;
    harness_begin(1);
    harness_turn(100);
    long long empty = harness_memory();
    run("new people", "new", people, people, 64);
    long long m1 = harness_memory();
    double seen = without("p:{demo}:seen:*");
    printf("  memory: %.0f B a person with thread and first message, beside %.1f B of dedupe\n",
           ((double)(m1 - empty) - seen) / people, seen / people);
    long long m2 = harness_memory();
    run("again, by all of them", "second", people, people, 64);
    long long m3 = harness_memory();
    seen = without("p:{demo}:seen:*");
    printf("  memory: %.0f B a further message, beside %.1f B of dedupe\n",
           ((double)(m3 - m2) - seen) / people, seen / people);
    harness_end();

    harness_begin(1);
    run("(a thousand people, first)", "first", KNOWN, KNOWN, 64);
    run("known people", "known", messages, KNOWN, 64);
    run("known people, 1 at a time", "one", messages / 20, KNOWN, 1);
    run("known people, 200", "many", messages, KNOWN, 200);
    harness_end();

    search();
    return 0;
}
