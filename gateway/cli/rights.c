/* SPDX-License-Identifier: Apache-2.0
 * Verbs about figures and about people's rights: what they ask of the daemon, and how the answer is shown. */
#include "gateway/cli/rights.h"
#include <stdlib.h>

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
