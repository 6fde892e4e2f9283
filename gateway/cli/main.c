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
        fprintf(f, "  %-20s %-20s %s\n", v->words, v->args, v->help);
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

struct parsed {
    bool help, plain;  /* plain: "--" was seen */
    const char *wrong; /* the first option that is not known, or lacks its value */
    size_t n;          /* of c->args: verb and arguments */
};

/* Takes argv[i]; returns how many of argv were used. */
static int argument_take(struct cli *c, struct parsed *p, char *arg, char *next)
{
    const struct cli_verb *v;
    size_t words;
    bool used_next = false;
    if (p->plain || strncmp(arg, "-", 1) != 0 || strcmp(arg, "-") == 0) {
        c->args[p->n++] = arg;
    } else if (strcmp(arg, "--") == 0) {
        p->plain = true;
    } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        p->help = true;
    } else if (strcmp(arg, "--json") == 0) {
        c->json = true;
    } else if (strcmp(arg, "--data") == 0 && next) {
        c->data_dir = next;
        used_next = true;
    } else {
        v = verb_find(c->args, p->n, &words);
        bool good = v && strncmp(arg, "--", 2) == 0 && option_take(c, v, arg, next, &used_next);
        p->wrong = good || p->wrong ? p->wrong : arg;
    }
    return used_next ? 2 : 1;
}

/* "parley user": the verbs that begin so; with --help that is an answer. */
static int unknown(const struct cli *c, const struct parsed *p)
{
    FILE *f = p->help ? stdout : stderr;
    size_t found = 0;
    struct slice first;
    for (const struct cli_verb *v = cli_verbs; p->n && v->words; v++) {
        struct slice rest = slice_str(v->words);
        if (slice_next(&rest, ' ', &first) && rest.n && slice_is(first, c->args[0]))
            fprintf(f, "%s parley %s %s\n", found++ ? "      " : "usage:", v->words, v->args);
    }
    if (found)
        return p->help ? EXIT_DONE : EXIT_USAGE;
    if (p->n)
        fprintf(stderr, "parley: there is no verb \"%s\"; `parley --help` lists them\n", c->args[0]);
    else
        usage(stderr);
    return EXIT_USAGE;
}

static int carry_out(struct cli *c, const struct parsed *p)
{
    size_t words = 0, most;
    const struct cli_verb *v = verb_find(c->args, p->n, &words);
    if (p->help && (v || p->n == 0)) {
        if (v)
            usage_verb(stdout, v);
        else
            usage(stdout);
        return EXIT_DONE;
    }
    if (!v)
        return unknown(c, p);
    c->args += words;
    c->args_n = p->n - words;
    if (p->wrong || c->args_n < args_needed(v, &most) || c->args_n > most) {
        if (p->wrong)
            fprintf(stderr, "parley: %s is not an option of %s, or its value is missing or wrong\n\n",
                    p->wrong, v->words);
        usage_verb(stderr, v);
        return EXIT_USAGE;
    }
    return v->run ? v->run(c) : ask(c, v);
}

int main(int argc, char **argv)
{
    char data[PATH_MAX + 8], **args = mem_array((size_t)argc + 1, sizeof *args);
    struct cli c = {.top = program_top(), .args = args, .options = json_object()};
    struct parsed p = {0};
    snprintf(data, sizeof data, "%s/var", c.top);
    c.data_dir = data;
    for (int i = 1; i < argc;)
        i += argument_take(&c, &p, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
    int status = carry_out(&c, &p);
    json_decref(c.options);
    mem_free(args);
    return status;
}
