/* SPDX-License-Identifier: Apache-2.0
 * Red alerts: what is open, and drills. */
#include "gateway/cli/alerts.h"
#include <string.h>

static json_t *request(const struct cli *c, const char *verb)
{
    json_t *o = json_deep_copy(c->options);
    json_object_set_new(o, "verb", json_string(verb));
    json_object_set_new(o, "operation", json_string(c->args[0]));
    return o;
}

json_t *ask_alerts(const struct cli *c, struct err *e)
{
    (void)e;
    return request(c, "alert-list");
}

json_t *ask_drill(const struct cli *c, struct err *e)
{
    (void)e;
    json_t *o = request(c, "alert-drill");
    json_object_set_new(o, "category", json_string(c->args[1]));
    return o;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s && *s ? s : "-";
}

int show_alerts(const json_t *done)
{
    json_t *a, *list = json_object_get(done, "alerts");
    size_t i;
    json_array_foreach(list, i, a)
    {
        printf("%s  %-12s  %-12s  %-16s  %s  step %lld  x%lld%s\n", text(a, "code"), text(a, "state"),
               text(a, "category"), text(a, "area"), text(a, "since"), (long long)json_opt_int(a, "steps", 0),
               (long long)json_opt_int(a, "count", 1), json_opt_bool(a, "drill", false) ? "  drill" : "");
    }
    printf("%zu open\n", json_array_size(list));
    return EXIT_DONE;
}

int show_drill(const json_t *done)
{
    printf("the drill %s has begun; `parley alert list` tells when somebody has it\n", text(done, "code"));
    return EXIT_DONE;
}
