/* SPDX-License-Identifier: Apache-2.0
 * Verbs about figures and about people's rights: what they ask of the daemon, and how the answer is shown. */
#include "gateway/cli/rights.h"
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static json_t *of_operation(const struct cli *c, const char *verb)
{
    json_t *o = json_deep_copy(c->options);
    json_object_set_new(o, "verb", json_string(verb));
    json_object_set_new(o, "operation", json_string(c->args[0]));
    return o;
}

json_t *ask_report(const struct cli *c, struct err *e)
{
    (void)e;
    return of_operation(c, "report");
}

static int show_object(const json_t *o)
{
    char *text = json_dumps(o, JSON_INDENT(1));
    if (text)
        puts(text);
    free(text); /* jansson's memory */
    return text ? EXIT_DONE : EXIT_REFUSED;
}

int show_counted(const json_t *done)
{
    const json_t *csv = json_object_get(done, "csv");
    if (!csv)
        return show_object(json_object_get(done, "report"));
    fwrite(json_string_value(csv), 1, json_string_length(csv), stdout);
    return EXIT_DONE;
}

json_t *ask_subject(const struct cli *c, struct err *e)
{
    char path[PATH_MAX * 2], here[PATH_MAX] = "";
    json_t *o = of_operation(c, "subject-export");
    (void)e;
    if (c->args[2][0] != '/' && !getcwd(here, sizeof here))
        here[0] = '\0';
    snprintf(path, sizeof path, "%s%s%s", here, *here ? "/" : "", c->args[2]);
    json_object_set_new(o, "contact", json_string(c->args[1]));
    json_object_set_new(o, "dir", json_string(path));
    return o;
}

json_t *ask_certificates(const struct cli *c, struct err *e)
{
    (void)e;
    json_t *o = of_operation(c, "certificates");
    if (c->args_n > 1)
        json_object_set_new(o, "certificate", json_string(c->args[1]));
    return o;
}

json_t *ask_breach(const struct cli *c, struct err *e)
{
    (void)e;
    return of_operation(c, "breach");
}

json_t *ask_processing(const struct cli *c, struct err *e)
{
    (void)e;
    json_t *o = of_operation(c, "processing");
    if (!c->json)
        json_object_set_new(o, "markdown", json_true());
    return o;
}

int show_subject(const json_t *done)
{
    printf("%lld conversations and %lld files are there: data.json, about-you.html, attachments\n"
           "Read it before you hand it over: what others said of others in it is for you to take out.\n",
           (long long)json_opt_int(done, "threads", 0), (long long)json_opt_int(done, "files", 0));
    return EXIT_DONE;
}

static void certificate_line(const json_t *o, const char *label, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (json_is_integer(v))
        printf("  %-22s %lld\n", label, (long long)json_integer_value(v));
    else if (json_string_length(v))
        printf("  %-22s %s\n", label, json_string_value(v));
}

static void certificate(const json_t *o)
{
    puts("Certificate of erasure");
    certificate_line(o, "certificate", "certificate");
    certificate_line(o, "operation", "operation");
    certificate_line(o, "erased", "erased");
    certificate_line(o, "by", "by");
    certificate_line(o, "conversations", "threads");
    certificate_line(o, "entries", "entries");
    certificate_line(o, "addresses", "addresses");
    certificate_line(o, "key backups expire", "key_backups_expire");
    certificate_line(json_object_get(o, "audit"), "audit root before it", "root");
}

int show_certificates(const json_t *done)
{
    const json_t *report = json_object_get(done, "report"), *one;
    size_t i;
    if (json_is_object(report))
        certificate(report);
    json_array_foreach(report, i, one)
    {
        certificate(one);
    }
    return EXIT_DONE;
}

int show_processing(const json_t *done)
{
    fputs(json_string_value(json_object_get(done, "markdown")), stdout);
    return EXIT_DONE;
}
