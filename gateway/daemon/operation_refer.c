/* SPDX-License-Identifier: Apache-2.0
 * What in an operation file refers to something else: looked up in what results from applying it. */
#include "gateway/daemon/operation_refer.h"
#include "gateway/base/map.h"
#include "gateway/daemon/operation.h"
#include "gateway/daemon/operation_alerts.h"
#include "gateway/daemon/operation_flows.h"
#include "gateway/daemon/operation_texts.h"
#include <stdio.h>
#include <string.h>

/* ---- names ---- */

/* Sections whose things are referred to, by name: lists have thousands of them. */
struct refer {
    struct check *c;
    struct map areas, teams, topics;
};

static void index_section(struct map *index, const json_t *document, const char *section)
{
    const json_t *list = json_object_get(document, section);
    map_init(index);
    for (size_t i = json_array_size(list); json_is_array(list) && i-- > 0;) {
        json_t *thing = json_array_get(list, i);
        struct slice id = json_opt_str(thing, "id");
        if (id.n)
            map_put(index, id, thing);
    }
}

static const json_t *thing_find(const json_t *list, const char *key, const char *id)
{
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++)
        if (slice_is(json_opt_str(json_array_get(list, i), key), id))
            return json_array_get(list, i);
    return NULL;
}

static void must_exist(struct check *c, const struct map *index, const char *section, const json_t *name)
{
    const char *id = json_string_value(name);
    const json_t *thing = id ? map_get(index, slice_str(id)) : NULL;
    if (id && strcmp(id, "*") != 0 && (!thing || json_opt_bool(thing, "disabled", false)))
        check_wrong(c, "\"%.80s\" is not among the %s", id, section);
}

static void all_must_exist(struct check *c, const json_t *owner, const char *member, const struct map *index,
                           const char *section)
{
    const json_t *list = json_object_get(owner, member);
    size_t back = check_into(c, member);
    if (json_is_string(list))
        must_exist(c, index, section, list);
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        size_t inner = check_into_item(c, i);
        must_exist(c, index, section, json_array_get(list, i));
        check_out(c, inner);
    }
    check_out(c, back);
}

static bool listed(const json_t *list, const char *tag)
{
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++)
        if (slice_is(slice_str(json_string_value(json_array_get(list, i))), tag))
            return true;
    return false;
}

/* The operation serves a language, or says what somebody who speaks it gets instead. One that names no
 * languages serves all. */
static bool served(const struct check *c, const char *tag)
{
    const json_t *languages = json_object_get(c->merged, "languages");
    return !json_array_size(languages) || listed(languages, tag) ||
           json_object_get(json_object_get(c->merged, "fallback"), tag);
}

/* The members of o[member] are named by languages. English is what every text falls back to. */
static void tags_served(struct check *c, const json_t *o, const char *member, bool english)
{
    const char *tag;
    json_t *v;
    size_t back = check_into(c, member);
    json_object_foreach(json_object_get(o, member), tag, v)
    {
        size_t inner = check_into(c, tag);
        if (!(english && strcmp(tag, "en") == 0) && !served(c, tag))
            check_wrong(c, "\"%.40s\" is not among the languages, nor has it a fallback", tag);
        check_out(c, inner);
    }
    check_out(c, back);
}

static void refer_agents(struct refer *r, const json_t *list)
{
    struct check *c = r->c;
    size_t back = check_into(c, "agents");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *a = json_array_get(list, i);
        size_t inner = check_into_item(c, i);
        if (!json_opt_bool(a, "disabled", false)) {
            all_must_exist(c, a, "team", &r->teams, "teams");
            all_must_exist(c, a, "teams", &r->teams, "teams");
            all_must_exist(c, a, "areas", &r->areas, "areas");
            all_must_exist(c, a, "topics", &r->topics, "topics");
            tags_served(c, a, "languages", false);
        }
        check_out(c, inner);
    }
    check_out(c, back);
}

/* An area's parent must be there: settings and rights are inherited along the tree. */
static void refer_areas(struct check *c, const json_t *list)
{
    size_t back = check_into(c, "areas");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(list, i), "id")),
                   *slash = id ? strrchr(id, '/') : NULL;
        char parent[256];
        if (!slash || (size_t)(slash - id) >= sizeof parent)
            continue;
        snprintf(parent, sizeof parent, "%.*s", (int)(slash - id), id);
        size_t inner = check_into_item(c, i);
        if (!thing_find(list, "id", parent))
            check_wrong(c, "its parent \"%.80s\" is missing", parent);
        check_out(c, inner);
    }
    check_out(c, back);
}

static void refer_channels(struct refer *r, const json_t *list)
{
    struct check *c = r->c;
    const json_t *merged = json_object_get(c->merged, "channels");
    size_t back = check_into(c, "channels");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *channel = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(channel, "id"));
        size_t inner = check_into_item(c, i);
        all_must_exist(c, channel, "area", &r->areas, "areas");
        all_must_exist(c, channel, "topic", &r->topics, "topics");
        /* Judged with the secrets that it keeps. A channel that is switched off need not be complete. */
        const json_t *whole = id ? thing_find(merged, "id", id) : NULL;
        char where[64] = "";
        struct err e = {0};
        if (whole && !json_opt_bool(whole, "disabled", false) &&
            !c->con->check(c->con->ctx, whole, where, &e)) {
            size_t deep = check_into(c, strcmp(where, "connector") == 0 ? "connector" : "settings");
            if (*where && strcmp(where, "connector") != 0)
                check_into(c, where);
            check_wrong(c, "%s", e.text);
            check_out(c, deep);
        }
        check_out(c, inner);
    }
    check_out(c, back);
}

static void refer_languages(struct check *c, const json_t *file)
{
    const json_t *languages = json_object_get(c->merged, "languages"), *chain;
    const char *tag;
    size_t back = check_into(c, "fallback");
    json_object_foreach(json_object_get(file, "fallback"), tag, chain)
    {
        size_t inner = check_into(c, tag);
        for (size_t i = 0; json_is_array(chain) && i < json_array_size(chain); i++) {
            const char *to = json_string_value(json_array_get(chain, i));
            if (to && !listed(languages, to))
                check_wrong(c, "\"%.20s\" is not among the languages", to);
        }
        check_out(c, inner);
    }
    check_out(c, back);
}

/* What is sealed needs two who may read it, or nobody would, or one alone could bury it. */
static size_t refer_sealed(struct check *c, const json_t *file)
{
    json_t *after = operation_merge_agents(c->agents, file);
    const json_t *all = after ? after : c->agents, *list = json_object_get(c->merged, "topics");
    size_t focal = 0;
    for (size_t i = 0; all && i < json_array_size(all); i++) {
        const json_t *a = json_array_get(all, i), *r = json_object_get(a, "roles");
        bool yes = false;
        for (size_t k = 0; json_is_array(r) && k < json_array_size(r); k++)
            yes = yes || slice_is(slice_str(json_string_value(json_array_get(r, k))), "focal");
        focal += yes && !json_opt_bool(a, "disabled", false);
    }
    json_decref(after);
    size_t back = check_into(c, "topics");
    for (size_t i = 0; focal < 2 && json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        size_t inner = check_into_item(c, i);
        if (json_opt_int(t, "clearance", 0) >= 2 && !json_opt_bool(t, "disabled", false))
            check_wrong(c, "a sensitive topic needs two agents with the role focal");
        check_out(c, inner);
    }
    check_out(c, back);
    return focal;
}

/* Judged with the secrets that they keep. */
static void refer_webhooks(struct refer *r, const json_t *list)
{
    struct check *c = r->c;
    size_t back = check_into(c, "webhooks");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *hook = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(hook, "id"));
        const json_t *whole = id ? thing_find(json_object_get(c->merged, "webhooks"), "id", id) : NULL;
        size_t inner = check_into_item(c, i);
        all_must_exist(c, hook, "area", &r->areas, "areas");
        if (whole && !json_opt_bool(whole, "disabled", false) && !json_object_get(whole, "secret"))
            check_wrong(c, "\"secret\" is missing");
        check_out(c, inner);
    }
    check_out(c, back);
}

void operation_refer(struct check *c, const json_t *file)
{
    struct refer r = {.c = c};
    index_section(&r.areas, c->merged, "areas");
    index_section(&r.teams, c->merged, "teams");
    index_section(&r.topics, c->merged, "topics");
    refer_languages(c, file);
    tags_served(c, file, "texts", true);
    tags_served(c, file, "reviewed", true);
    operation_texts_refer(c, file);
    operation_alerts_refer(c, file);
    refer_webhooks(&r, json_object_get(file, "webhooks"));
    refer_areas(c, json_object_get(file, "areas"));
    refer_agents(&r, json_object_get(file, "agents"));
    refer_channels(&r, json_object_get(file, "channels"));
    operation_flows_refer(c, file, refer_sealed(c, file));
    map_clear(&r.areas, NULL);
    map_clear(&r.teams, NULL);
    map_clear(&r.topics, NULL);
}
