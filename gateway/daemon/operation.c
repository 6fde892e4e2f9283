/* SPDX-License-Identifier: Apache-2.0
 * Merging, comparing and exporting operation files. A section that is present is the whole truth: what it no
 * longer names is disabled, never deleted; absent sections and absent secrets stay. */
#include "gateway/daemon/operation.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/operation_secret.h"
#include <stdlib.h>
#include <string.h>

/* Sections that are lists of things, and what names a thing. */
static const struct section {
    const char *name, *key;
} sections[] = {{"areas", "id"}, {"teams", "id"},    {"topics", "id"},
                {"flows", "id"}, {"channels", "id"}, {"webhooks", "id"}};
#define SECTIONS (sizeof sections / sizeof sections[0])

static const struct section *section_find(const char *name)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (strcmp(sections[i].name, name) == 0)
            return &sections[i];
    return NULL;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* A list's things by what names them; the first of those with one name. Lists have thousands of them. */
static void things_index(const json_t *list, const char *key, struct map *index)
{
    map_init(index);
    for (size_t i = json_array_size(list); i-- > 0;)
        map_put(index, slice_str(text_of(json_array_get(list, i), key)), json_array_get(list, i));
}

static json_t *thing_at(const struct map *index, const char *id)
{
    return map_get(index, slice_str(id));
}

/* "disabled": false is the same as nothing. */
static json_t *thing_copy(const json_t *thing)
{
    json_t *copy = json_deep_copy(thing);
    if (!json_opt_bool(copy, "disabled", false))
        json_object_del(copy, "disabled");
    return copy;
}

/* Secrets are write-only: an export lacks them, so applying it must not lose them. */
static void keep_secrets(json_t *channel, const json_t *before, const struct operation_connectors *con)
{
    const char *connector = text_of(channel, "connector"), *name;
    json_t *value, *settings = json_object_get(channel, "settings");
    if (strcmp(connector, text_of(before, "connector")) != 0)
        return;
    json_object_foreach(json_object_get(before, "settings"), name, value)
    {
        if (!con->secret(con->ctx, connector, name) || json_object_get(settings, name))
            continue;
        if (!settings) {
            settings = json_object();
            json_object_set_new(channel, "settings", settings);
        }
        json_object_set(settings, name, value);
    }
}

static json_t *merge_section(const struct section *s, const json_t *before, const json_t *file,
                             const struct operation_connectors *con)
{
    json_t *after = json_array();
    struct map old, new;
    things_index(before, s->key, &old);
    things_index(file, s->key, &new);
    for (size_t i = 0; i < json_array_size(file); i++) {
        json_t *thing = thing_copy(json_array_get(file, i));
        const json_t *was = thing_at(&old, text_of(thing, s->key));
        if (was && strcmp(s->name, "channels") == 0)
            keep_secrets(thing, was, con);
        if (was)
            operation_secret_keep(s->name, thing, was);
        json_array_append_new(after, thing);
    }
    for (size_t i = 0; i < json_array_size(before); i++) {
        const json_t *was = json_array_get(before, i);
        if (thing_at(&new, text_of(was, s->key)))
            continue;
        json_t *gone = json_deep_copy(was);
        json_object_set_new(gone, "disabled", json_true());
        json_array_append_new(after, gone);
    }
    map_clear(&old, NULL);
    map_clear(&new, NULL);
    return after;
}

json_t *operation_merge(const json_t *current, const json_t *file, const struct operation_connectors *con)
{
    json_t *after = current ? json_deep_copy(current) : json_object(), *value;
    const char *name;
    json_object_foreach((json_t *)file, name, value)
    {
        const struct section *s = section_find(name);
        if (strcmp(name, "agents") == 0)
            continue;
        if (s)
            json_object_set_new(
                after, name, merge_section(s, current ? json_object_get(current, name) : NULL, value, con));
        else
            json_object_set_new(after, name, json_deep_copy(value));
    }
    return after;
}

/* ---- agents ---- */

static void list_or(json_t *to, const char *name, const json_t *from, const json_t *otherwise)
{
    json_t *list = json_is_array(from)        ? json_deep_copy(from)
                   : json_is_array(otherwise) ? json_deep_copy(otherwise)
                                              : json_array();
    json_object_set_new(to, name, list);
}

int operation_clearance(const json_t *agent)
{
    int most = (int)json_opt_int(agent, "clearance", 0);
    const json_t *roles = json_object_get(agent, "roles");
    for (size_t i = 0; i < json_array_size(roles); i++) {
        struct slice role = slice_str(json_string_value(json_array_get(roles, i)));
        int by_role = slice_is(role, "focal") ? 2 : slice_is(role, "supervisor") ? 1 : 0;
        most = by_role > most ? by_role : most;
    }
    return most;
}

void operation_clearance_set(json_t *agent, int clearance)
{
    json_object_del(agent, "clearance");
    if (clearance > operation_clearance(agent))
        json_object_set_new(agent, "clearance", json_integer(clearance));
}

json_t *operation_agent(const json_t *agent)
{
    json_t *a = json_object(), *team = json_object_get(agent, "team"), *one = json_array(),
           *role = json_array();
    const char *login = text_of(agent, "login"), *name = text_of(agent, "name");
    if (json_is_string(team) && json_string_length(team))
        json_array_append(one, team);
    json_array_append_new(role, json_string("agent"));
    json_object_set_new(a, "login", json_string(login));
    json_object_set_new(a, "name", json_string(*name ? name : login));
    list_or(a, "teams", json_object_get(agent, "teams"), one);
    list_or(a, "roles", json_object_get(agent, "roles"), role);
    list_or(a, "areas", json_object_get(agent, "areas"), NULL);
    list_or(a, "topics", json_object_get(agent, "topics"), NULL);
    const json_t *languages = json_object_get(agent, "languages");
    json_object_set_new(a, "languages",
                        json_is_object(languages) ? json_deep_copy(languages) : json_object());
    json_object_set_new(
        a, "capacity",
        json_pack("{s:I}", "chat", (json_int_t)json_opt_int(json_object_get(agent, "capacity"), "chat", 4)));
    operation_clearance_set(a, (int)json_opt_int(agent, "clearance", 0));
    if (json_opt_bool(agent, "disabled", false))
        json_object_set_new(a, "disabled", json_true());
    json_decref(one);
    json_decref(role);
    return a;
}

static int by_login(const void *a, const void *b)
{
    return strcmp(text_of(*(json_t *const *)a, "login"), text_of(*(json_t *const *)b, "login"));
}

void operation_agents_sort(json_t *agents)
{
    size_t n = json_array_size(agents);
    json_t **all = mem_array(n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = json_incref(json_array_get(agents, i));
    qsort(all, n, sizeof *all, by_login);
    for (size_t i = 0; i < n; i++)
        json_array_set_new(agents, i, all[i]);
    mem_free(all);
}

json_t *operation_agents_changed(const json_t *before, const json_t *after)
{
    struct map index;
    json_t *changed = json_array();
    things_index(before, "login", &index);
    for (size_t i = 0; i < json_array_size(after); i++) {
        json_t *now = json_array_get(after, i), *was = thing_at(&index, text_of(now, "login"));
        if (!was || !json_equal(was, now))
            json_array_append(changed, now);
    }
    map_clear(&index, NULL);
    return changed;
}

json_t *operation_merge_agents(const json_t *agents, const json_t *file)
{
    const json_t *section = json_object_get(file, "agents");
    if (!json_is_array(section))
        return NULL;
    json_t *after = json_array();
    struct map named;
    things_index(section, "login", &named);
    for (size_t i = 0; i < json_array_size(section); i++)
        json_array_append_new(after, operation_agent(json_array_get(section, i)));
    for (size_t i = 0; i < json_array_size(agents); i++) {
        const json_t *was = json_array_get(agents, i);
        if (thing_at(&named, text_of(was, "login")))
            continue;
        json_t *gone = json_deep_copy(was);
        json_object_set_new(gone, "disabled", json_true());
        json_array_append_new(after, gone);
    }
    map_clear(&named, NULL);
    return after;
}

/* ---- the difference ---- */

static void say(struct buf *lines, size_t *n, const char *what, const char *section, const char *id)
{
    buf_printf(lines, "%s %s%s%s\n", what, section, *id ? "/" : "", id);
    ++*n;
}

static void diff_members(const json_t *before, const json_t *after, const char *section, const char *id,
                         struct buf *lines, size_t *n)
{
    const char *name;
    json_t *value;
    char path[160];
    json_object_foreach((json_t *)after, name, value)
    {
        snprintf(path, sizeof path, "%.80s.%.60s", id, name);
        const json_t *was = json_object_get(before, name);
        if (json_is_object(value) && json_is_object(was) && strcmp(name, "settings") == 0)
            diff_members(was, value, section, path, lines, n);
        else if (!was || !json_equal(was, value))
            say(lines, n, was ? "changed" : "set", section, path);
    }
    json_object_foreach((json_t *)before, name, value)
    {
        snprintf(path, sizeof path, "%.80s.%.60s", id, name);
        if (!json_object_get(after, name))
            say(lines, n, "removed", section, path);
    }
}

static void diff_things(const json_t *before, const json_t *after, const char *section, const char *key,
                        struct buf *lines, size_t *n)
{
    struct map old;
    things_index(before, key, &old);
    for (size_t i = 0; i < json_array_size(after); i++) {
        const json_t *now = json_array_get(after, i);
        const char *id = text_of(now, key);
        const json_t *was = thing_at(&old, id);
        bool off = json_opt_bool(now, "disabled", false);
        if (!was)
            say(lines, n, "added", section, id);
        else if (off && !json_opt_bool(was, "disabled", false))
            say(lines, n, "disabled", section, id);
        else if (!off && json_opt_bool(was, "disabled", false))
            say(lines, n, "enabled", section, id);
        else if (!json_equal(was, now))
            diff_members(was, now, section, id, lines, n);
    }
    map_clear(&old, NULL);
}

size_t operation_diff(const json_t *before, const json_t *after, struct buf *lines)
{
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)after, name, value)
    {
        const json_t *was = before ? json_object_get(before, name) : NULL;
        const struct section *s = section_find(name);
        bool agents = strcmp(name, "agents") == 0;
        size_t had = n;
        if (was && json_equal(was, value))
            continue;
        if (s || agents)
            diff_things(was, value, name, agents ? "login" : s->key, lines, &n);
        if (s && n == had)
            say(lines, &n, "reordered", name, "");
        else if (!s && !agents)
            say(lines, &n, was ? "changed" : "set", name, "");
    }
    return n;
}

/* ---- export ---- */

json_t *operation_export(const json_t *document, const json_t *agents, const struct operation_connectors *con)
{
    json_t *file = json_deep_copy(document), *channels = json_object_get(file, "channels");
    for (size_t i = 0; i < json_array_size(channels); i++) {
        json_t *channel = json_array_get(channels, i), *settings = json_object_get(channel, "settings"),
               *value;
        const char *name;
        void *next;
        json_object_foreach_safe(settings, next, name, value)
        {
            if (con->secret(con->ctx, text_of(channel, "connector"), name))
                json_object_del(settings, name);
        }
    }
    operation_secret_strip(file);
    if (agents)
        json_object_set_new(file, "agents", json_deep_copy(agents));
    return file;
}
