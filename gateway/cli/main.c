/* SPDX-License-Identifier: Apache-2.0
 * parley: finds the verb, reads its options, asks the daemon, shows the answer. */
#include "gateway/base/mem.h"
#include "gateway/cli/client.h"
#include "gateway/cli/verbs.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void usage(FILE *f)
{
    fputs("usage: parley [--data DIR] [--json] VERB …\n\n", f);
    for (const struct cli_verb *v = cli_verbs; v->words; v++)
        fprintf(f, "  %-16s %-20s %s\n", v->words, v->args, v->help);
    fputs("\n  --data DIR   the daemon's data directory (default: var/ beside the build)\n"
          "  --json       the answer as JSON\n"
          "`parley VERB --help` tells of a verb's options. Exit status: 0 done, 1 refused, 2 wrong usage.\n",
          f);
}

static void usage_verb(FILE *f, const struct cli_verb *v)
{
    fprintf(f, "usage: parley %s %s\n\n%s.\n", v->words, v->args, v->help);
    if (*v->options)
        fprintf(f, "\nOptions: %s\n", v->options);
}

/* "user add" takes two of argv; *used says how many. */
static const struct cli_verb *verb_find(char **argv, size_t n, size_t *used)
{
    for (const struct cli_verb *v = cli_verbs; v->words; v++) {
        struct slice rest = slice_str(v->words), word;
        size_t i = 0;
        bool same = true;
        while (same && slice_next(&rest, ' ', &word)) {
            same = i < n && slice_is(word, argv[i]);
            i++;
        }
        if (same) {
            *used = i;
            return v;
        }
    }
    return NULL;
}

/* Is "--name" among the verb's options? *value: what stands behind it ("R", "N"), empty for a flag. */
static bool option_find(const struct cli_verb *v, const char *name, struct slice *value)
{
    struct slice rest = slice_str(v->options), word;
    bool found = false;
    *value = (struct slice){0};
    while (slice_next(&rest, ' ', &word)) {
        if (found && word.n && word.p[0] != '-') {
            *value = word;
            return true;
        }
        if (found)
            return true;
        found = slice_is(word, name);
    }
    return found;
}

static bool option_take(struct cli *c, const struct cli_verb *v, const char *name, const char *next,
                        bool *used_next)
{
    struct slice value;
    uint64_t n;
    *used_next = false;
    if (!option_find(v, name, &value))
        return false;
    char key[64];
    snprintf(key, sizeof key, "%s", name + 2);
    for (char *p = key; *p; p++)
        *p = *p == '-' ? '_' : *p;
    if (!value.n) {
        json_object_set_new(c->options, key, json_true());
        return true;
    }
    *used_next = true;
    if (!next || (slice_is(value, "N") && !slice_u64(slice_str(next), &n)))
        return false;
    json_object_set_new(c->options, key,
                        slice_is(value, "N") ? json_integer((json_int_t)strtoll(next, NULL, 10))
                                             : json_string(next));
    return true;
}

static size_t args_needed(const struct cli_verb *v, size_t *most)
{
    struct slice rest = slice_str(v->args), word;
    size_t needed = 0;
    *most = 0;
    while (slice_next(&rest, ' ', &word)) {
        *most += word.n > 0;
        needed += word.n && word.p[0] != '[';
    }
    return needed;
}

static void on_progress(const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static int ask(const struct cli *c, const struct cli_verb *v)
{
    struct err e = {0};
    json_t *request = v->request(c, &e),
           *done = request ? client_ask(c->data_dir, request, on_progress, &e) : NULL;
    if (!done) {
        if (c->json) {
            json_t *o = json_pack("{s:{s:s,s:s}}", "error", "code", err_name(e.code), "text", e.text);
            json_dumpf(o, stdout, JSON_COMPACT);
            putchar('\n');
            json_decref(o);
        } else {
            fprintf(stderr, "parley: %s\n", e.text);
        }
        return EXIT_REFUSED;
    }
    int status;
    if (c->json) {
        json_dumpf(done, stdout, JSON_COMPACT);
        putchar('\n');
        status = json_opt_bool(done, "intact", true) ? EXIT_DONE : EXIT_REFUSED;
    } else {
        status = v->show(done);
    }
    json_decref(done);
    return status;
}

static const char *program_top(void)
{
    static char top[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", top, sizeof top - 1);
    top[n > 0 ? n : 0] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(top, '/');
        if (slash)
            *slash = '\0';
    }
    return top;
}

int main(int argc, char **argv)
{
    char data[PATH_MAX + 8], **rest = mem_array((size_t)argc + 1, sizeof *rest);
    struct cli c = {.top = program_top(), .args = rest, .options = json_object()};
    const struct cli_verb *v = NULL;
    bool help = false, wrong = false, plain = false;
    size_t words = 0, n = 0, most;
    snprintf(data, sizeof data, "%s/var", c.top);
    c.data_dir = data;
    for (int i = 1; i < argc && !wrong; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool used_next = false;
        if (!plain && strcmp(argv[i], "--") == 0)
            plain = true;
        else if (!plain && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0))
            help = true;
        else if (!plain && strcmp(argv[i], "--json") == 0)
            c.json = true;
        else if (!plain && strcmp(argv[i], "--data") == 0 && next)
            c.data_dir = argv[++i];
        else if (!plain && strncmp(argv[i], "--", 2) == 0)
            wrong = !(v = verb_find(rest, n, &words)) || !option_take(&c, v, argv[i], next, &used_next);
        else
            rest[n++] = argv[i];
        i += used_next;
    }
    v = verb_find(rest, n, &words);
    int status = EXIT_USAGE;
    if (help && (v || n == 0)) {
        v ? usage_verb(stdout, v) : usage(stdout);
        status = EXIT_DONE;
    } else if (!v) {
        usage(stderr);
    } else {
        c.args = rest + words;
        c.args_n = n - words;
        if (wrong || c.args_n < args_needed(v, &most) || c.args_n > most)
            usage_verb(stderr, v);
        else
            status = v->run ? v->run(&c) : ask(&c, v);
    }
    json_decref(c.options);
    mem_free(rest);
    return status;
}
