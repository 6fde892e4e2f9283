/* SPDX-License-Identifier: Apache-2.0
 * language_eval [-c] [-v] [-w] MODEL TSV: accuracy of the language identifier on `lang<TAB>text`, by the
 * number of words, as written and as typed on the wrong keyboard, its reliability and its speed; CLD2's
 * beside it where that is installed. -c cuts each line into pieces of 1-5 and 6-15 words first; -v adds the
 * figures per language, -w prints what was wrong. */
#include "router/language.h"
#include "router/train/variants.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PARLEY_CLD2
const char *cld2_language(const char *text, int n);
#endif

#define TAGS      24
#define BUCKETS   3
#define DECADES   10
#define LINES_MAX 2000000

struct item {
    char *text;
    size_t n;
    unsigned tag, words;
};
struct result {
    double right[TAGS][BUCKETS], all[TAGS][BUCKETS], word_right[16], word_all[16];
    double sure_right[DECADES + 1], sure_all[DECADES + 1];
};
typedef const char *(*identify)(struct slice text, float *confidence);

static struct item *items;
static size_t nitems;
static char tags[TAGS][16];
static unsigned ntags;
static struct language_model *model;
static bool show_wrong;

static unsigned tag_id(struct slice tag)
{
    for (unsigned i = 0; i < ntags; i++)
        if (slice_is(tag, tags[i]))
            return i;
    if (ntags == TAGS || tag.n >= sizeof tags[0]) {
        fputs("too many or too long tags\n", stderr);
        exit(2);
    }
    memcpy(tags[ntags], tag.p, tag.n);
    return ntags++;
}

static unsigned words_of(struct slice s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] != ' ' && (i == 0 || s.p[i - 1] == ' ');
    return n;
}

static void item_add(struct slice tag, struct slice text)
{
    if (!text.n || nitems == LINES_MAX)
        return;
    if (nitems % 1024 == 0)
        items = mem_realloc(items, (nitems + 1024) * sizeof *items);
    items[nitems++] = (struct item){slice_dup(text), text.n, tag_id(tag), words_of(text)};
}

/* words words of s, from the one with number first. */
static struct slice piece(struct slice s, unsigned first, unsigned words)
{
    unsigned k = 0;
    size_t from = 0, i = 0;
    for (; i < s.n; i++) {
        if (s.p[i] != ' ' && (i == 0 || s.p[i - 1] == ' ') && k++ == first)
            from = i;
        if (s.p[i] == ' ' && k == first + words)
            break;
    }
    return slice_of(s.p + from, i - from);
}

static void add_pieces(struct slice tag, struct slice text, struct dice *d)
{
    unsigned n = words_of(text);
    for (unsigned k = 0; k < 3; k++) {
        unsigned want = k < 2 ? 1 + dice_below(d, 5) : 6 + dice_below(d, 10);
        if (n >= want)
            item_add(tag, piece(text, dice_below(d, n - want + 1), want));
    }
    if (n > 15)
        item_add(tag, text);
}

static int read_items(const char *path, bool cut)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    struct dice d = {1};
    if (!f)
        return -1;
    while ((n = getline(&line, &cap, f)) > 0) {
        struct slice rest = {line, (size_t)n - (line[n - 1] == '\n')}, tag;
        if (line[0] == '#' || !slice_next(&rest, '\t', &tag))
            continue;
        if (cut)
            add_pieces(tag, rest, &d);
        else
            item_add(tag, rest);
    }
    free(line);
    return fclose(f);
}

static const char *ours(struct slice text, float *confidence)
{
    static char tag[16];
    struct language_decision d;
    language_detect(model, text, NULL, &d);
    *confidence = d.confidence;
    snprintf(tag, sizeof tag, "%s%s", language_tag(d.language), d.latin ? "-Latn" : "");
    return tag;
}

#ifdef PARLEY_CLD2
static const char *cld2(struct slice text, float *confidence)
{
    *confidence = 0;
    return cld2_language(text.p, (int)text.n);
}
#endif

/* Dari counts as Persian. */
static bool same(const char *a, const char *b)
{
    return strcmp(strcmp(a, "prs") == 0 ? "fa" : a, strcmp(b, "prs") == 0 ? "fa" : b) == 0;
}

static unsigned bucket(unsigned words)
{
    return words <= 5 ? 0 : words <= 15 ? 1 : 2;
}

static double run(identify f, struct result *r)
{
    memset(r, 0, sizeof *r);
    int64_t start = time_mono_us();
    for (size_t i = 0; i < nitems; i++) {
        const struct item *t = &items[i];
        float sure;
        const char *got = f(slice_of(t->text, t->n), &sure);
        bool right = same(got, tags[t->tag]);
        if (show_wrong && !right && f == ours)
            printf("%s\t%s %.2f\t%s\n", tags[t->tag], got, (double)sure, t->text);
        r->right[t->tag][bucket(t->words)] += right;
        r->all[t->tag][bucket(t->words)]++;
        r->word_right[t->words < 16 ? t->words : 15] += right;
        r->word_all[t->words < 16 ? t->words : 15]++;
        unsigned decade = (unsigned)(sure * DECADES);
        r->sure_right[decade] += right;
        r->sure_all[decade]++;
    }
    return (double)nitems / ((double)(time_mono_us() - start) / 1e6);
}

static double macro(const struct result *r, unsigned b, bool roman)
{
    double sum = 0, n = 0;
    for (unsigned t = 0; t < ntags; t++)
        if ((strchr(tags[t], '-') != NULL) == roman && r->all[t][b] > 0) {
            sum += r->right[t][b] / r->all[t][b];
            n++;
        }
    return n > 0 ? 100 * sum / n : 0;
}

static void print(const char *name, const struct result *r, double speed, bool verbose)
{
    printf("%-16s %6.1f %6.1f %6.1f   roman %6.1f %6.1f %6.1f   %9.0f texts/s\n", name, macro(r, 0, false),
           macro(r, 1, false), macro(r, 2, false), macro(r, 0, true), macro(r, 1, true), macro(r, 2, true),
           speed);
    if (!verbose)
        return;
    for (unsigned t = 0; t < ntags; t++) {
        printf("  %-8s", tags[t]);
        for (unsigned b = 0; b < BUCKETS; b++)
            printf(" %6.1f", r->all[t][b] > 0 ? 100 * r->right[t][b] / r->all[t][b] : 0);
        printf("\n");
    }
    printf("  by words:");
    for (unsigned w = 1; w <= 6; w++)
        printf(" %u: %.1f", w, r->word_all[w] > 0 ? 100 * r->word_right[w] / r->word_all[w] : 0);
    printf("\n");
}

static void print_reliability(const struct result *r)
{
    printf("confidence: share of texts, share right\n");
    double sure = 0, sure_right = 0, all = 0;
    for (unsigned d = 0; d <= DECADES; d++) {
        if (r->sure_all[d] > 0)
            printf("  %3.1f: %5.1f %% %5.1f %%\n", d / 10.0, 100 * r->sure_all[d] / (double)nitems,
                   100 * r->sure_right[d] / r->sure_all[d]);
        all += r->sure_all[d];
        sure += d >= 9 ? r->sure_all[d] : 0;
        sure_right += d >= 9 ? r->sure_right[d] : 0;
    }
    printf("  at least 0.9: %.1f %% of the texts, %.2f %% right\n", all > 0 ? 100 * sure / all : 0,
           sure > 0 ? 100 * sure_right / sure : 0);
}

/* Every text as typed on a keyboard that lacks its letters. */
static void perturb(void)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < nitems; i++) {
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(tags[items[i].tag], "-"), tags[items[i].tag]);
        buf_reset(&b);
        variant_write(&b, slice_of(items[i].text, items[i].n), name, VARIANT_KEYBOARD, NULL);
        mem_free(items[i].text);
        items[i].text = slice_dup(buf_view(&b));
        items[i].n = b.n;
    }
    buf_clear(&b);
}

static void run_all(const char *what, bool verbose)
{
    struct result *r = mem_alloc(sizeof *r);
    char name[32];
    double best = 0;
    for (int k = 0; k < (show_wrong ? 1 : 3); k++) {
        double speed = run(ours, r);
        best = speed > best ? speed : best;
    }
    snprintf(name, sizeof name, "ours, %s", what);
    print(name, r, best, verbose);
    if (verbose)
        print_reliability(r);
#ifdef PARLEY_CLD2
    best = 0;
    for (int k = 0; k < 3; k++) {
        double speed = run(cld2, r);
        best = speed > best ? speed : best;
    }
    snprintf(name, sizeof name, "CLD2, %s", what);
    print(name, r, best, false);
#endif
    mem_free(r);
}

int main(int argc, char **argv)
{
    bool cut = false, verbose = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        cut = cut || strcmp(argv[i], "-c") == 0;
        verbose = verbose || strcmp(argv[i], "-v") == 0;
        show_wrong = show_wrong || strcmp(argv[i], "-w") == 0;
    }
    struct err e = {0};
    if (argc - i != 2 || language_model_open(&model, argv[i], &e) != 0 || read_items(argv[i + 1], cut) != 0) {
        fprintf(stderr, "language_eval [-c] [-v] [-w] MODEL TSV\n%s\n", e.text);
        return 2;
    }
    printf("%zu texts\n%-16s %6s %6s %6s\n", nitems, "words", "1-5", "6-15", ">15");
    run_all("clean", verbose);
    perturb();
    run_all("keyboard", verbose);
    for (size_t k = 0; k < nitems; k++)
        mem_free(items[k].text);
    mem_free(items);
    language_model_close(model);
    return 0;
}
