/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with an operation file, each with its JSON pointer. */
#include "gateway/base/text.h"
#include "gateway/daemon/operation.h"
#include <stdio.h>
#include <string.h>

struct check {
    struct buf *problems, at; /* at: JSON pointer of what is looked at */
    const json_t *merged, *agents;
    const struct operation_connectors *con;
};

struct member {
    const char *name;
    void (*check)(struct check *c, const json_t *v);
    bool required;
};

static void __attribute__((format(printf, 2, 3))) wrong(struct check *c, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_slice(c->problems, c->at.n ? buf_view(&c->at) : SLICE("/"));
    buf_str(c->problems, ": ");
    buf_str(c->problems, text);
    buf_char(c->problems, '\n');
}

/* Goes into a member (RFC 6901: ~ and / are escaped); returns where to come back to. */
static size_t into(struct check *c, const char *name)
{
    size_t back = c->at.n;
    buf_char(&c->at, '/');
    for (; *name; name++) {
        if (*name == '~' || *name == '/')
            buf_str(&c->at, *name == '~' ? "~0" : "~1");
        else
            buf_char(&c->at, *name);
    }
    return back;
}

static size_t into_item(struct check *c, size_t i)
{
    size_t back = c->at.n;
    buf_printf(&c->at, "/%zu", i);
    return back;
}

static void out(struct check *c, size_t back)
{
    buf_drop_back(&c->at, c->at.n - back);
}

/* ---- small values ---- */

static bool tag_valid(const char *s)
{
    size_t letters = strspn(s, "abcdefghijklmnopqrstuvwxyz");
    if (letters < 2 || letters > 3)
        return false;
    for (s += letters; *s == '-';) {
        size_t part = strspn(s + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
        if (part < 2 || part > 8)
            return false;
        s += 1 + part;
    }
    return *s == '\0';
}

static void a_tag(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || !tag_valid(json_string_value(v)))
        wrong(c, "a language tag is wanted, such as \"ar\" or \"prs\"");
}

static void a_name(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || !name_valid(slice_str(json_string_value(v))))
        wrong(c, "a name of a-z, 0-9, '.', '_' and '-' is wanted, at most 63 long");
}

static void an_area(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || !area_valid(slice_str(json_string_value(v))))
        wrong(c, "an area is wanted: names joined by '/', such as \"tr/izmir\"");
}

static void a_text(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || json_string_length(v) > 4000)
        wrong(c, "a string is wanted, at most 4,000 bytes long");
}

static void a_short_text(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) > 200)
        wrong(c, "a string is wanted, 1 to 200 bytes long");
}

static void a_flag(struct check *c, const json_t *v)
{
    if (!json_is_boolean(v))
        wrong(c, "true or false is wanted");
}

static void a_number(struct check *c, const json_t *v, json_int_t min, json_int_t max)
{
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        wrong(c, "a number from %lld to %lld is wanted", (long long)min, (long long)max);
}

static void a_clearance(struct check *c, const json_t *v)
{
    a_number(c, v, 0, 2);
}

static void a_priority(struct check *c, const json_t *v)
{
    a_number(c, v, 0, 3);
}

static void a_level(struct check *c, const json_t *v)
{
    a_number(c, v, 1, 5);
}

static void some_days(struct check *c, const json_t *v)
{
    a_number(c, v, 0, 36500);
}

static void some_hours(struct check *c, const json_t *v)
{
    a_number(c, v, 0, 8760);
}

static void some_seconds(struct check *c, const json_t *v)
{
    a_number(c, v, 1, 600);
}

static void a_pause(struct check *c, const json_t *v)
{
    a_number(c, v, 0, 86400);
}

static void a_role(struct check *c, const json_t *v)
{
    static const char *const roles[] = {"agent",         "supervisor", "focal", "partner",
                                        "administrator", "auditor",    NULL};
    for (size_t i = 0; roles[i]; i++)
        if (slice_is(slice_str(json_string_value(v)), roles[i]))
            return;
    wrong(c, "a role is wanted: agent, supervisor, focal, partner, administrator or auditor");
}

static void a_timezone(struct check *c, const json_t *v)
{
    const char *s = json_string_value(v);
    size_t n = s ? strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") : 0;
    if (!s || n == 0 || s[n] || n > 64)
        wrong(c, "a time zone of the tz database is wanted, such as \"Europe/Istanbul\"");
}

static void a_url(struct check *c, const json_t *v)
{
    const char *s = json_string_value(v);
    if (!s || (*s && strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0))
        wrong(c, "an https:// address is wanted");
}

/* ---- composed values ---- */

static void list_of(struct check *c, const json_t *v, size_t max,
                    void (*item)(struct check *c, const json_t *v))
{
    if (!json_is_array(v)) {
        wrong(c, "a list is wanted");
        return;
    }
    if (json_array_size(v) > max) {
        wrong(c, "at most %zu are allowed", max);
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        size_t back = into_item(c, i);
        item(c, json_array_get(v, i));
        out(c, back);
    }
}

/* An object whose members are named by `key` and hold what `value` checks. */
static void map_of(struct check *c, const json_t *v, void (*key)(struct check *c, const json_t *v),
                   void (*value)(struct check *c, const json_t *v))
{
    const char *name;
    json_t *member;
    if (!json_is_object(v)) {
        wrong(c, "an object is wanted");
        return;
    }
    json_object_foreach((json_t *)v, name, member)
    {
        size_t back = into(c, name);
        json_t *text = json_string(name);
        key(c, text);
        value(c, member);
        json_decref(text);
        out(c, back);
    }
}

static void object_of(struct check *c, const json_t *v, const struct member *members)
{
    const char *name;
    json_t *member;
    if (!json_is_object(v)) {
        wrong(c, "an object is wanted");
        return;
    }
    json_object_foreach((json_t *)v, name, member)
    {
        const struct member *m = members;
        while (m->name && strcmp(m->name, name) != 0)
            m++;
        size_t back = into(c, name);
        if (!m->name)
            wrong(c, "there is no such member");
        else
            m->check(c, member);
        out(c, back);
    }
    for (const struct member *m = members; m->name; m++)
        if (m->required && !json_object_get(v, m->name))
            wrong(c, "\"%s\" is missing", m->name);
}

static void words_by_language(struct check *c, const json_t *v)
{
    map_of(c, v, a_tag, a_short_text);
}

static void languages(struct check *c, const json_t *v)
{
    list_of(c, v, 32, a_tag);
}

static void fallback(struct check *c, const json_t *v)
{
    map_of(c, v, a_tag, languages);
}

static void some_words(struct check *c, const json_t *v)
{
    list_of(c, v, 500, a_short_text);
}

static void topic_words(struct check *c, const json_t *v)
{
    map_of(c, v, a_tag, some_words);
}

static void own_texts(struct check *c, const json_t *v)
{
    map_of(c, v, a_name, a_text);
}

static void texts(struct check *c, const json_t *v)
{
    map_of(c, v, a_tag, own_texts);
}

static void emergency(struct check *c, const json_t *v)
{
    map_of(c, v, a_tag, a_short_text);
}

static void an_area_item(struct check *c, const json_t *v)
{
    static const struct member members[] = {
        {"id", an_area, true}, {"name", words_by_language, false}, {"disabled", a_flag, false}, {0}};
    object_of(c, v, members);
}

static void a_team(struct check *c, const json_t *v)
{
    static const struct member members[] = {
        {"id", a_name, true}, {"name", words_by_language, false}, {"disabled", a_flag, false}, {0}};
    object_of(c, v, members);
}

static void a_topic(struct check *c, const json_t *v)
{
    static const struct member members[] = {{"id", a_name, true},
                                            {"name", words_by_language, false},
                                            {"words", topic_words, false},
                                            {"clearance", a_clearance, false},
                                            {"priority", a_priority, false},
                                            {"no_last_agent", a_flag, false},
                                            {"disabled", a_flag, false},
                                            {0}};
    object_of(c, v, members);
}

static void agent_languages(struct check *c, const json_t *v)
{
    map_of(c, v, a_tag, a_level);
    if (json_object_size(v) > 24)
        wrong(c, "at most 24 are allowed");
}

static void names(struct check *c, const json_t *v)
{
    list_of(c, v, 200, a_name);
}

static void area_list(struct check *c, const json_t *v)
{
    list_of(c, v, 200, an_area);
}

static void a_topic_or_all(struct check *c, const json_t *v)
{
    if (!slice_is(slice_str(json_string_value(v)), "*"))
        a_name(c, v);
}

static void agent_topics(struct check *c, const json_t *v)
{
    list_of(c, v, 200, a_topic_or_all);
}

static void roles(struct check *c, const json_t *v)
{
    list_of(c, v, 6, a_role);
}

static void chats(struct check *c, const json_t *v)
{
    a_number(c, v, 0, 100);
}

static void capacity(struct check *c, const json_t *v)
{
    static const struct member members[] = {{"chat", chats, true}, {0}};
    object_of(c, v, members);
}

static void an_agent(struct check *c, const json_t *v)
{
    static const struct member members[] = {{"login", a_name, true},
                                            {"name", a_short_text, false},
                                            {"team", a_name, false},
                                            {"teams", names, false},
                                            {"roles", roles, false},
                                            {"areas", area_list, false},
                                            {"languages", agent_languages, false},
                                            {"topics", agent_topics, false},
                                            {"capacity", capacity, false},
                                            {"clearance", a_clearance, false},
                                            {"disabled", a_flag, false},
                                            {0}};
    object_of(c, v, members);
    if (json_object_get(v, "team") && json_object_get(v, "teams"))
        wrong(c, "either \"team\" or \"teams\"");
}

static void an_object(struct check *c, const json_t *v)
{
    if (!json_is_object(v))
        wrong(c, "an object is wanted");
}

static void a_channel(struct check *c, const json_t *v)
{
    static const struct member members[] = {{"id", a_name, true},
                                            {"connector", a_name, true},
                                            {"name", words_by_language, false},
                                            {"settings", an_object, false},
                                            {"area", an_area, false},
                                            {"topic", a_name, false},
                                            {"clearance", a_clearance, false},
                                            {"retention_days", some_days, false},
                                            {"disabled", a_flag, false},
                                            {0}};
    object_of(c, v, members);
}

/* A list of things with ids of their own. */
static void things(struct check *c, const json_t *v, const char *key, size_t max,
                   void (*item)(struct check *c, const json_t *v))
{
    list_of(c, v, max, item);
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(v, i), key));
        for (size_t k = 0; id && k < i; k++) {
            if (!slice_is(json_opt_str(json_array_get(v, k), key), id))
                continue;
            size_t back = into_item(c, i);
            wrong(c, "\"%.80s\" was named before, at number %zu", id, k);
            out(c, back);
            break;
        }
    }
}

static void areas(struct check *c, const json_t *v)
{
    things(c, v, "id", 2000, an_area_item);
}

static void teams(struct check *c, const json_t *v)
{
    things(c, v, "id", 500, a_team);
}

static void topics(struct check *c, const json_t *v)
{
    things(c, v, "id", 500, a_topic);
}

static void agents(struct check *c, const json_t *v)
{
    things(c, v, "login", 5000, an_agent);
}

static void channels(struct check *c, const json_t *v)
{
    things(c, v, "id", 500, a_channel);
}

static const struct member root_members[] = {{"operation", a_name, true},
                                             {"name", words_by_language, false},
                                             {"languages", languages, false},
                                             {"fallback", fallback, false},
                                             {"timezone", a_timezone, false},
                                             {"areas", areas, false},
                                             {"teams", teams, false},
                                             {"agents", agents, false},
                                             {"topics", topics, false},
                                             {"channels", channels, false},
                                             {"texts", texts, false},
                                             {"emergency", emergency, false},
                                             {"privacy", a_url, false},
                                             {"reopen_hours", some_hours, false},
                                             {"offer_s", some_seconds, false},
                                             {"decline_pause", a_pause, false},
                                             {0}};

/* ---- what refers to something else ---- */

static const json_t *thing_find(const json_t *list, const char *key, const char *id)
{
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++)
        if (slice_is(json_opt_str(json_array_get(list, i), key), id))
            return json_array_get(list, i);
    return NULL;
}

static void must_exist(struct check *c, const char *section, const json_t *name)
{
    const char *id = json_string_value(name);
    const json_t *thing = id ? thing_find(json_object_get(c->merged, section), "id", id) : NULL;
    if (id && strcmp(id, "*") != 0 && (!thing || json_opt_bool(thing, "disabled", false)))
        wrong(c, "\"%.80s\" is not among the %s", id, section);
}

static void all_must_exist(struct check *c, const json_t *owner, const char *member, const char *section)
{
    const json_t *list = json_object_get(owner, member);
    size_t back = into(c, member);
    if (json_is_string(list))
        must_exist(c, section, list);
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        size_t inner = into_item(c, i);
        must_exist(c, section, json_array_get(list, i));
        out(c, inner);
    }
    out(c, back);
}

static void refer_agents(struct check *c, const json_t *list)
{
    size_t back = into(c, "agents");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *a = json_array_get(list, i);
        size_t inner = into_item(c, i);
        if (!json_opt_bool(a, "disabled", false)) {
            all_must_exist(c, a, "team", "teams");
            all_must_exist(c, a, "teams", "teams");
            all_must_exist(c, a, "areas", "areas");
            all_must_exist(c, a, "topics", "topics");
        }
        out(c, inner);
    }
    out(c, back);
}

/* An area's parent must be there: settings and rights are inherited along the tree. */
static void refer_areas(struct check *c, const json_t *list)
{
    size_t back = into(c, "areas");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(list, i), "id")),
                   *slash = id ? strrchr(id, '/') : NULL;
        char parent[256];
        if (!slash || (size_t)(slash - id) >= sizeof parent)
            continue;
        snprintf(parent, sizeof parent, "%.*s", (int)(slash - id), id);
        size_t inner = into_item(c, i);
        if (!thing_find(list, "id", parent))
            wrong(c, "its parent \"%.80s\" is missing", parent);
        out(c, inner);
    }
    out(c, back);
}

static void refer_channels(struct check *c, const json_t *list)
{
    const json_t *merged = json_object_get(c->merged, "channels");
    size_t back = into(c, "channels");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *channel = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(channel, "id"));
        size_t inner = into_item(c, i);
        all_must_exist(c, channel, "area", "areas");
        all_must_exist(c, channel, "topic", "topics");
        /* Judged with the secrets that it keeps. A channel that is switched off need not be complete. */
        const json_t *whole = id ? thing_find(merged, "id", id) : NULL;
        char where[64] = "";
        struct err e = {0};
        if (whole && !json_opt_bool(whole, "disabled", false) &&
            !c->con->check(c->con->ctx, whole, where, &e)) {
            size_t deep = into(c, strcmp(where, "connector") == 0 ? "connector" : "settings");
            if (*where && strcmp(where, "connector") != 0)
                into(c, where);
            wrong(c, "%s", e.text);
            out(c, deep);
        }
        out(c, inner);
    }
    out(c, back);
}

static void refer_languages(struct check *c, const json_t *file)
{
    const json_t *served = json_object_get(c->merged, "languages"), *chain;
    const char *tag;
    size_t back = into(c, "fallback");
    json_object_foreach(json_object_get(file, "fallback"), tag, chain)
    {
        size_t inner = into(c, tag);
        for (size_t i = 0; json_is_array(chain) && i < json_array_size(chain); i++) {
            const char *to = json_string_value(json_array_get(chain, i));
            bool found = false;
            for (size_t k = 0; json_is_array(served) && k < json_array_size(served); k++)
                found =
                    found || (to && slice_is(slice_str(json_string_value(json_array_get(served, k))), to));
            if (to && !found)
                wrong(c, "\"%.20s\" is not among the languages", to);
        }
        out(c, inner);
    }
    out(c, back);
}

/* What is sealed needs two who may read it, or nobody would, or one alone could bury it (safety.md 2). */
static void refer_sealed(struct check *c, const json_t *file)
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
    size_t back = into(c, "topics");
    for (size_t i = 0; focal < 2 && json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i);
        size_t inner = into_item(c, i);
        if (json_opt_int(t, "clearance", 0) >= 2 && !json_opt_bool(t, "disabled", false))
            wrong(c, "a sensitive topic needs two agents with the role focal");
        out(c, inner);
    }
    out(c, back);
}

bool operation_check(const json_t *file, const json_t *current, const json_t *agents_now,
                     const struct operation_connectors *con, struct buf *problems)
{
    struct check c = {.problems = problems, .agents = agents_now, .con = con};
    size_t before = problems->n;
    buf_init(&c.at, 4096);
    object_of(&c, file, root_members);
    /* References are looked at only in what is well formed. */
    if (problems->n == before && !problems->err) {
        json_t *merged = operation_merge(current, file, con);
        c.merged = merged;
        refer_languages(&c, file);
        refer_areas(&c, json_object_get(file, "areas"));
        refer_agents(&c, json_object_get(file, "agents"));
        refer_channels(&c, json_object_get(file, "channels"));
        refer_sealed(&c, file);
        json_decref(merged);
    }
    buf_clear(&c.at);
    return problems->n == before && !problems->err;
}
