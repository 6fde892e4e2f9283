/* SPDX-License-Identifier: Apache-2.0
 * parley-language-train [-d N] [-s NAME=VALUE]... MODEL TSV...: counts and weighs the n-grams of
 * `lang<TAB>text` files and writes the model. -d leaves out lines N, N + 10, …, for judging. The same input
 * gives the same model, byte by byte. */
#include "router/train/table.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What can be tried with -s. The defaults are what judged best (router/README.md). */
static struct {
    const char *name;
    double value;
} settings[] = {
    {"variants", 4},                                    /* ways of typing each line */
    {"arabic", 17},                                     /* rows of the tables, as powers of two */
    {"latin", 17},      {"ethiopic", 15}, {"lines", 1}, /* lines that an n-gram must stand in */
    {"smoothing", 0.5}, {"factor", 0.25}, {"steps", 5e6}, {"rate", 0.08},
    {"keep", 0.8},      {"longest", 15},  {"own", 12}, /* weight of words.tsv */
    {"roman", 50}, /* how often the classes in Latin letters are drawn, in percent of the others */
    {"scale", 0.03},
};
#define COUNT (sizeof settings / sizeof *settings)

static struct table tables[LANGUAGE_TABLES];
static const char *const table_names[LANGUAGE_TABLES] = {"arabic", "latin", "ethiopic"};

static double setting(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].value;
    abort();
}

static bool setting_read(const char *text)
{
    for (size_t i = 0; i < COUNT; i++) {
        size_t n = strlen(settings[i].name);
        if (strncmp(text, settings[i].name, n) == 0 && text[n] == '=') {
            settings[i].value = strtod(text + n + 1, NULL);
            return true;
        }
    }
    return false;
}

static bool class_find(const char *tag, unsigned *script, unsigned *class)
{
    for (*script = 0; *script < LANGUAGE_TABLES; ++*script)
        for (*class = 0; language_classes[*script][*class]; ++*class)
            if (strcmp(tag, language_classes[*script][*class]) == 0)
                return true;
    return false;
}

static void add_line(const char *tag, struct slice text, uint32_t source, unsigned weight)
{
    static struct buf b = {.max = 1 << 20};
    unsigned script, class;
    if (!class_find(tag, &script, &class))
        return;
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(tag, "-"), tag);
    struct dice d = {source};
    for (unsigned v = 0; v < (unsigned)setting("variants"); v++) {
        buf_reset(&b);
        variant_write(&b, text, name, v < VARIANTS ? (enum variant)v : VARIANT_MIXED, &d);
        table_add_line(&tables[script], buf_view(&b), class, source, weight);
    }
    if (strcmp(tag, "ar") != 0 || !class_find("ar-Latn", &script, &class))
        return;
    for (unsigned v = 0; v < 2; v++) {
        buf_reset(&b);
        arabizi_write(&b, text, &d);
        table_add_line(&tables[script], buf_view(&b), class, source, 1);
    }
}

static int read_file(const char *path, long leave_out, uint32_t *source)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    if (!f)
        return -1;
    bool own = strstr(path, "words.tsv");
    for (uint32_t k = 0; (n = getline(&line, &cap, f)) > 0; k++) {
        struct slice rest = {line, (size_t)n - (line[n - 1] == '\n')}, tag;
        if (line[0] == '#' || (!own && k % 10 == leave_out) || !slice_next(&rest, '\t', &tag) || tag.n > 15)
            continue;
        line[tag.n] = 0;
        add_line(line, rest, (*source)++, own ? (unsigned)setting("own") : 1);
    }
    free(line);
    return fclose(f);
}

static void learn(struct table *t, uint32_t rows)
{
    table_weigh(t, (float)setting("smoothing"), (float)setting("factor"));
    uint32_t placed = table_place(t, rows, (unsigned)setting("lines"));
    fprintf(stderr, "%s: %u lines, %u words, %u n-grams, %u of them in %u rows\n", table_names[t->script],
            t->nlines, t->nwords, t->ngrams, placed, rows);
    struct fit f = {.steps = (uint64_t)(setting("steps") * t->classes / LANGUAGE_CLASSES_MAX),
                    .seed = 7,
                    .rate = (float)setting("rate"),
                    .keep = (float)setting("keep"),
                    .most_words = (unsigned)setting("longest")};
    for (unsigned c = 0; c < t->classes; c++)
        f.share[c] = strchr(language_classes[t->script][c], '-') ? (unsigned)setting("roman") : 100;
    table_fit(t, &f);
}

static int write_model(const char *path)
{
    struct language_model_head h = {
        .magic = LANGUAGE_MODEL_MAGIC, .version = LANGUAGE_MODEL_VERSION, .size = sizeof h};
    for (unsigned s = 0; s < LANGUAGE_TABLES; s++) {
        struct language_model_table *t = &h.table[s];
        *t = (struct language_model_table){.offset = h.size,
                                           .rows = 1u << (unsigned)setting(table_names[s]),
                                           .classes = tables[s].classes,
                                           .stride = (2 + tables[s].classes + 1) & ~1u,
                                           .scale = (float)setting("scale")};
        h.size += t->rows * t->stride;
    }
    unsigned char *all = mem_alloc(h.size);
    for (unsigned s = 0; s < LANGUAGE_TABLES; s++)
        table_write(&tables[s], h.table[s].rows, h.table[s].stride, h.table[s].scale,
                    all + h.table[s].offset);
    memcpy(all, &h, sizeof h);
    size_t from = offsetof(struct language_model_head, checksum) + sizeof h.checksum;
    h.checksum = language_model_checksum(all + from, h.size - from);
    memcpy(all, &h, sizeof h);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(all, 1, h.size, f) == h.size;
    ok = f && fclose(f) == 0 && ok;
    mem_free(all);
    return ok ? 0 : -1;
}

int main(int argc, char **argv)
{
    long leave_out = -1;
    bool wrong = false;
    for (int o; (o = getopt(argc, argv, "d:s:")) != -1;) {
        if (o == 'd')
            leave_out = strtol(optarg, NULL, 10);
        else
            wrong = wrong || o != 's' || !setting_read(optarg);
    }
    if (wrong || argc - optind < 2) {
        fputs("parley-language-train [-d N] [-s NAME=VALUE]... MODEL TSV...\n", stderr);
        return 2;
    }
    uint32_t source = 0;
    for (unsigned s = 0; s < LANGUAGE_TABLES; s++)
        table_init(&tables[s], (enum language_script)s);
    for (int i = optind + 1; i < argc; i++)
        if (read_file(argv[i], leave_out, &source) != 0)
            return perror(argv[i]), 1;
    for (unsigned s = 0; s < LANGUAGE_TABLES; s++)
        learn(&tables[s], 1u << (unsigned)setting(table_names[s]));
    if (write_model(argv[optind]) != 0)
        return perror(argv[optind]), 1;
    for (unsigned s = 0; s < LANGUAGE_TABLES; s++)
        table_clear(&tables[s]);
    return 0;
}
