/* SPDX-License-Identifier: Apache-2.0
 * An operation as the file that `parley export` gives and the administration page edits, and the name of its
 * state. */
#include "gateway/base/mem.h"
#include "gateway/base/siphash.h"
#include "gateway/daemon/apply.h"
#include "gateway/daemon/operation.h"
#include "gateway/daemon/operation_secret.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "store/agent.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void apply_version(uint64_t document, const json_t *agents, char out[APPLY_VERSION])
{
    static const unsigned char key[16] = "parley agents";
    json_t *sorted = agents ? json_copy((json_t *)agents) : json_array();
    operation_agents_sort(sorted);
    char *text = json_dumps(sorted, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(out, APPLY_VERSION, "%llu-%016llx", (unsigned long long)document,
             (unsigned long long)siphash13(key, text ? text : "", text ? strlen(text) : 0));
    free(text);
    json_decref(sorted);
}

/* {"token":true}: the settings that are write-only, and whether they are there. NULL: the connector has none.
 */
static json_t *secrets_of(struct worker *w, const json_t *channel)
{
    const char *connector = json_string_value(json_object_get(channel, "connector"));
    const struct connector_setting *s = connector ? host_connector_settings(w->host, connector) : NULL;
    json_t *all = NULL;
    for (; s && s->name; s++) {
        if (s->type != CONNECTOR_S_SECRET)
            continue;
        if (!all)
            all = json_object();
        const json_t *settings = json_object_get(channel, "settings");
        json_object_set_new(all, s->name, json_boolean(json_object_get(settings, s->name) != NULL));
    }
    return all;
}

static json_t *secrets(struct worker *w, const json_t *document)
{
    json_t *channels = json_object(), *channel;
    size_t i;
    json_array_foreach(json_object_get(document, "channels"), i, channel)
    {
        const char *id = json_string_value(json_object_get(channel, "id"));
        json_t *of = id ? secrets_of(w, channel) : NULL;
        if (of)
            json_object_set_new(channels, id, of);
    }
    json_t *all = json_pack("{s:o}", "channels", channels);
    operation_secret_tell(document, all);
    return all;
}

struct exporting {
    struct worker *w;
    struct store_op *op;
    char name[64];
    void (*done)(void *arg, const struct err *e, const json_t *file, const json_t *secrets,
                 const char *version);
    void *arg;
};

static void answer(struct exporting *x, const json_t *document, const json_t *agents, uint64_t number)
{
    struct operation_connectors con = apply_connectors(x->w);
    char version[APPLY_VERSION];
    json_t *file = operation_export(document, agents, &con), *set = secrets(x->w, document);
    apply_version(number, agents, version);
    x->done(x->arg, &(struct err){0}, file, set, version);
    json_decref(file);
    json_decref(set);
}

static void on_agents(void *arg, const struct err *e, const struct store_agent *const *agents, size_t n)
{
    struct exporting *x = arg;
    struct err problem = *e;
    uint64_t number = 0;
    json_t *document = NULL, *list = json_array();
    if (!problem.code && store_op_find(x->w->store, slice_str(x->name)) != x->op)
        err_set(&problem, ERR_NOT_FOUND, "the operation is gone");
    if (!problem.code) {
        struct slice text = store_op_document(x->op, &number);
        document = text.n ? json_parse(text, JSON_DEPTH_DEFAULT, &problem)
                          : json_pack("{s:s}", "operation", x->name);
    }
    for (size_t i = 0; document && i < n; i++)
        json_array_append_new(list, apply_agent_json(agents[i]));
    operation_agents_sort(list);
    if (document)
        answer(x, document, list, number);
    else
        x->done(x->arg, &problem, NULL, NULL, "");
    json_decref(document);
    json_decref(list);
    mem_free(x);
}

void apply_export(struct worker *w, struct store_op *op,
                  void (*done)(void *arg, const struct err *e, const json_t *file, const json_t *secrets,
                               const char *version),
                  void *arg)
{
    struct exporting *x = mem_alloc(sizeof *x);
    *x = (struct exporting){.w = w, .op = op, .done = done, .arg = arg};
    snprintf(x->name, sizeof x->name, "%s", store_op_name(op));
    store_agents_get(op, on_agents, x);
}
