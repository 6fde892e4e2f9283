/* SPDX-License-Identifier: Apache-2.0
 * Whether a container is one that runs: each problem with its JSON pointer. Members that the specification
 * does not name are passed over, since authoring tools add theirs; in Parley's own blocks they are errors. */
#include "router/flow/flow_internal.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define CHECK_PROBLEMS  50
#define CHECK_FLOWS     50
#define CHECK_BLOCKS    500 /* of all flows */
#define CHECK_EXITS     100
#define CHECK_RESOURCES 2000
#define CHECK_VALUES    200

struct check_flow {
    const json_t *container, *flow;
    struct map flows, resources, blocks; /* blocks: of the flow that is looked at */
    struct buf at;
    flow_problem tell;
    void *arg;
    unsigned problems;
    size_t blocks_n;
    const struct flow_names *names;
};

static void bad(struct check_flow *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void bad(struct check_flow *c, const char *fmt, ...)
{
    char text[240];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->problems++ < CHECK_PROBLEMS && c->tell)
        c->tell(c->arg, c->at.n ? c->at.p : "/", text);
}

static size_t into(struct check_flow *c, const char *name)
{
    size_t back = c->at.n;
    buf_printf(&c->at, "/%s", name);
    return back;
}

static size_t into_item(struct check_flow *c, size_t i)
{
    size_t back = c->at.n;
    buf_printf(&c->at, "/%zu", i);
    return back;
}

static void out(struct check_flow *c, size_t back)
{
    buf_drop_back(&c->at, c->at.n - back);
    if (c->at.p)
        c->at.p[c->at.n] = '\0';
}

static void bad_at(struct check_flow *c, const char *name, const char *text)
{
    size_t back = into(c, name);
    bad(c, "%s", text);
    out(c, back);
}

/* ---- small values ---- */

bool flow_is_uuid(const char *s)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
            return false;
    }
    return s[36] == '\0';
}

static void need_uuid(struct check_flow *c, const json_t *o, const char *key)
{
    if (!flow_is_uuid(flow_string(o, key)))
        bad_at(c, key, "a UUID is wanted");
}

static bool is_word(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && n <= 64 && s[n] == '\0' && !isdigit((unsigned char)s[0]);
}

static void need_text(struct check_flow *c, const json_t *o, const char *key, size_t max)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) > max)
        bad_at(c, key, "a text is wanted");
}

static bool need_list(struct check_flow *c, const json_t *o, const char *key, size_t min, size_t max)
{
    const json_t *v = json_object_get(o, key);
    char text[80];
    if (json_is_array(v) && json_array_size(v) >= min && json_array_size(v) <= max)
        return true;
    snprintf(text, sizeof text, "a list of %zu to %zu is wanted", min, max);
    bad_at(c, key, text);
    return false;
}

static void maybe_number(struct check_flow *c, const json_t *o, const char *key, int min, int max)
{
    const json_t *v = json_object_get(o, key);
    char text[80];
    if (!v || (json_is_integer(v) && json_integer_value(v) >= min && json_integer_value(v) <= max))
        return;
    snprintf(text, sizeof text, "a number from %d to %d is wanted", min, max);
    bad_at(c, key, text);
}

static void expression(struct check_flow *c, const json_t *o, const char *key)
{
    struct arena *a = arena_new();
    struct flow_value v;
    const char *why;
    if (!flow_eval(NULL, json_opt_str(o, key), a, &v, &why))
        bad_at(c, key, why);
    arena_free(&a);
}

/* ---- texts ---- */

static void resource_in(struct check_flow *c, const char *id)
{
    const json_t *r = map_get(&c->resources, slice_str(id)), *l;
    size_t i;
    if (!r) {
        if (flow_is_uuid(id))
            bad(c, "there is no such resource");
        return; /* anything else stands for itself */
    }
    json_array_foreach(json_object_get(c->flow, "languages"), i, l)
    {
        if (!flow_has_text(r, flow_string(l, "id")))
            bad(c, "its resource has no text in \"%.20s\"", flow_string(l, "id"));
    }
}

static void resource(struct check_flow *c, const json_t *o, const char *key, bool needed)
{
    const json_t *v = json_object_get(o, key);
    size_t back = into(c, key);
    if (json_is_string(v) && json_string_length(v) && json_string_length(v) <= FLOW_TEXT)
        resource_in(c, json_string_value(v));
    else if (v || needed)
        bad(c, "a resource is wanted");
    out(c, back);
}

static void resource_value(struct check_flow *c, const json_t *v)
{
    size_t i;
    json_t *m;
    need_text(c, v, "language_id", 60);
    need_text(c, v, "content_type", 20);
    need_text(c, v, "value", FLOW_TEXT);
    if (!need_list(c, v, "modes", 1, 10))
        return;
    json_array_foreach(json_object_get(v, "modes"), i, m)
    {
        if (!json_is_string(m))
            bad_at(c, "modes", "modes are texts, such as \"TEXT\", \"SMS\", \"RICH_MESSAGING\"");
    }
}

static void each(struct check_flow *c, const json_t *list, const char *key,
                 void (*one)(struct check_flow *, const json_t *))
{
    size_t back = into(c, key), i;
    json_t *v;
    json_array_foreach(list, i, v)
    {
        size_t inner = into_item(c, i);
        if (json_is_object(v))
            one(c, v);
        else
            bad(c, "an object is wanted");
        out(c, inner);
    }
    out(c, back);
}

/* uuid → the thing; the second of one name is a problem. */
static void index_one(struct check_flow *c, struct map *m, const json_t *v)
{
    const char *id = flow_string(v, "uuid");
    if (!flow_is_uuid(id))
        bad_at(c, "uuid", "a UUID is wanted");
    else if (map_get(m, slice_str(id)))
        bad_at(c, "uuid", "another one has it already");
    else
        map_put(m, slice_str(id), (void *)(uintptr_t)v);
}

static void a_resource(struct check_flow *c, const json_t *r)
{
    index_one(c, &c->resources, r);
    if (need_list(c, r, "values", 1, CHECK_VALUES))
        each(c, json_object_get(r, "values"), "values", resource_value);
}

/* ---- blocks ---- */

static void a_property(struct check_flow *c, const json_t *p)
{
    need_text(c, p, "property_key", 64);
    if (!json_is_string(json_object_get(p, "property_value")) ||
        json_string_length(json_object_get(p, "property_value")) > 2000)
        bad_at(c, "property_value", "an expression is wanted");
}

static void properties(struct check_flow *c, const json_t *config, bool needed)
{
    const json_t *set = json_object_get(config, "set_contact_property");
    if (json_is_array(set)) {
        if (need_list(c, config, "set_contact_property", 1, 20))
            each(c, set, "set_contact_property", a_property);
    } else if (json_is_object(set)) {
        size_t back = into(c, "set_contact_property");
        a_property(c, set);
        out(c, back);
    } else if (set || needed) {
        bad_at(c, "set_contact_property", "a list of properties is wanted");
    }
}

static void a_choice(struct check_flow *c, const json_t *choice)
{
    need_text(c, choice, "name", 60);
    resource(c, choice, "prompt", true);
    if (json_object_get(choice, "test"))
        expression(c, choice, "test");
}

static void choices(struct check_flow *c, const json_t *config)
{
    const json_t *list = json_object_get(config, "choices");
    if (!need_list(c, config, "choices", 1, FLOW_CHOICES))
        return;
    each(c, list, "choices", a_choice);
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(flow_string(json_array_get(list, i), "name"),
                       flow_string(json_array_get(list, k), "name")) == 0)
                bad_at(c, "choices", "two have the same name");
}

/* Our own blocks: what is written wrongly must not be passed over. */
static void only(struct check_flow *c, const json_t *config, const char *const *known)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)config, key, v)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i]) {
            size_t back = c->at.n;
            buf_printf(&c->at, "/%.60s", key);
            bad(c, "there is no such member");
            out(c, back);
        }
    }
}

static void to_a_person(struct check_flow *c, const json_t *config)
{
    static const char *const known[] = {"topic",    "priority", "clearance", "prompt", "set_contact_property",
                                        "category", NULL};
    only(c, config, known);
    maybe_number(c, config, "priority", 0, 3);
    maybe_number(c, config, "clearance", 0, 2);
    resource(c, config, "prompt", false);
    if (json_object_get(config, "category") && !name_valid(json_opt_str(config, "category")))
        bad_at(c, "category", "the id of a category of alerts is wanted");
    const json_t *topic = json_object_get(config, "topic");
    size_t back = into(c, "topic");
    if (topic && !(json_is_string(topic) && name_valid(slice_str(json_string_value(topic)))))
        bad(c, "a topic's id is wanted");
    else if (c->names && c->names->topic)
        c->names->topic(c->names->arg, c->at.p, flow_string(config, "topic"),
                        (int)json_opt_int(config, "clearance", 0));
    out(c, back);
}

static void a_language(struct check_flow *c, const json_t *config)
{
    static const char *const known[] = {"prompt", "languages", "set_contact_property", NULL};
    size_t i;
    json_t *tag;
    only(c, config, known);
    resource(c, config, "prompt", false);
    if (!json_object_get(config, "languages") || !need_list(c, config, "languages", 1, FLOW_CHOICES))
        return;
    json_array_foreach(json_object_get(config, "languages"), i, tag)
    {
        if (!json_is_string(tag) || !*flow_language_name(json_string_value(tag)))
            bad_at(c, "languages", "tags of languages that Parley knows are wanted");
    }
}

/* By its id, or by a tag or shortcut: then the nearest area's. */
static void an_article(struct check_flow *c, const json_t *config)
{
    static const char *const known[] = {"article", "tag", "set_contact_property", NULL};
    bool by_tag = json_object_get(config, "tag") != NULL;
    const char *key = by_tag ? "tag" : "article";
    only(c, config, known);
    size_t back = into(c, key);
    if (!name_valid(json_opt_str(config, key)) || (by_tag && json_object_get(config, "article")))
        bad(c, "an article's id is wanted, or as \"tag\" one of its tags or its shortcut");
    else if (!by_tag && c->names && c->names->article)
        c->names->article(c->names->arg, c->at.p, flow_string(config, key));
    out(c, back);
}

static void run_flow(struct check_flow *c, const json_t *config)
{
    if (!map_get(&c->flows, slice_str(flow_string(config, "flow_id"))))
        bad_at(c, "flow_id", "there is no such flow in this container");
}

static void question(struct check_flow *c, const json_t *config)
{
    bool either = json_object_get(config, "question_prompt") != NULL;
    resource(c, config, "question_prompt", false);
    resource(c, config, "prompt", !either);
}

static void numeric(struct check_flow *c, const json_t *config)
{
    static const char *const bounds[] = {"validation_minimum", "validation_maximum"};
    question(c, config);
    for (size_t i = 0; i < 2; i++)
        if (json_object_get(config, bounds[i]) && !json_is_number(json_object_get(config, bounds[i])))
            bad_at(c, bounds[i], "a number is wanted");
}

static void config_of(struct check_flow *c, const json_t *block, enum flow_kind kind)
{
    const json_t *config = json_object_get(block, "config");
    size_t back = into(c, "config");
    if (config && !json_is_object(config))
        bad(c, "an object is wanted");
    switch (kind) {
    case FLOW_RUN:
        run_flow(c, config);
        break;
    case FLOW_OUTPUT:
        expression(c, config, "value");
        break;
    case FLOW_MESSAGE:
        resource(c, config, "prompt", true);
        break;
    case FLOW_ONE:
        question(c, config);
        choices(c, config);
        break;
    case FLOW_NUMBER:
        numeric(c, config);
        break;
    case FLOW_OPEN:
        question(c, config);
        break;
    case FLOW_HAND_OVER:
    case FLOW_ALARM:
        to_a_person(c, config);
        break;
    case FLOW_LANGUAGE:
        a_language(c, config);
        break;
    case FLOW_ARTICLE:
        an_article(c, config);
        break;
    default:
        break;
    }
    properties(c, config, kind == FLOW_PROPERTY);
    out(c, back);
}

static void an_exit(struct check_flow *c, const json_t *e)
{
    const json_t *to = json_object_get(e, "destination_block");
    need_uuid(c, e, "uuid");
    if (to && !json_is_null(to) && !map_get(&c->blocks, slice_str(flow_string(e, "destination_block"))))
        bad_at(c, "destination_block", "there is no such block in this flow");
    if (json_object_get(e, "test"))
        expression(c, e, "test");
    if (json_object_get(e, "default") && !json_is_boolean(json_object_get(e, "default")))
        bad_at(c, "default", "true or false is wanted");
}

static void exits_of(struct check_flow *c, const json_t *block, enum flow_kind kind)
{
    const json_t *list = json_object_get(block, "exits");
    size_t otherwise = 0;
    bool last = kind == FLOW_HAND_OVER || kind == FLOW_ALARM;
    if (last && !list)
        return;
    if (!need_list(c, block, "exits", last ? 0 : 1, CHECK_EXITS))
        return;
    each(c, list, "exits", an_exit);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *e = json_array_get(list, i);
        bool dflt = json_opt_bool(e, "default", false);
        otherwise += dflt;
        if (kind == FLOW_CASE && !dflt && !*flow_string(e, "test"))
            bad_at(c, "exits", "each exit of a Case needs a test, or is the default");
    }
    if (otherwise > 1 || (kind == FLOW_CASE && !otherwise))
        bad_at(c, "exits", "exactly one default exit is wanted");
}

static void a_block(struct check_flow *c, const json_t *block)
{
    enum flow_kind kind = flow_kind(block);
    if (!is_word(flow_string(block, "name")))
        bad_at(c, "name", "a name of letters, digits and _ is wanted, not beginning with a digit");
    if (kind == FLOW_KINDS) {
        size_t back = into(c, "type");
        bad(c, "blocks of the type \"%.60s\" are not supported", flow_string(block, "type"));
        out(c, back);
        return;
    }
    config_of(c, block, kind);
    exits_of(c, block, kind);
}

/* ---- flows ---- */

static void index_block(struct check_flow *c, const json_t *block)
{
    index_one(c, &c->blocks, block);
}

static void a_flow_language(struct check_flow *c, const json_t *l)
{
    need_text(c, l, "id", 60);
}

static void a_flow(struct check_flow *c, const json_t *flow)
{
    const json_t *timeout = json_object_get(flow, "interaction_timeout");
    c->flow = flow;
    map_init(&c->blocks);
    need_text(c, flow, "name", 200);
    if (need_list(c, flow, "languages", 1, 32))
        each(c, json_object_get(flow, "languages"), "languages", a_flow_language);
    if (timeout && !(json_is_integer(timeout) && json_integer_value(timeout) > 0))
        bad_at(c, "interaction_timeout", "seconds are wanted");
    if (need_list(c, flow, "blocks", 1, CHECK_BLOCKS) &&
        (c->blocks_n += json_array_size(json_object_get(flow, "blocks"))) <= CHECK_BLOCKS) {
        each(c, json_object_get(flow, "blocks"), "blocks", index_block);
        each(c, json_object_get(flow, "blocks"), "blocks", a_block);
        if (!map_get(&c->blocks, slice_str(flow_string(flow, "first_block_id"))))
            bad_at(c, "first_block_id", "there is no such block");
    } else if (c->blocks_n > CHECK_BLOCKS) {
        bad_at(c, "blocks", "the flows have too many blocks");
    }
    map_clear(&c->blocks, NULL);
}

static void index_flow(struct check_flow *c, const json_t *flow)
{
    index_one(c, &c->flows, flow);
}

static void container(struct check_flow *c)
{
    const json_t *o = c->container;
    if (!json_is_object(o)) {
        bad(c, "an object is wanted");
        return;
    }
    if (strcmp(flow_string(o, "specification_version"), FLOW_VERSION) != 0)
        bad_at(c, "specification_version", "\"" FLOW_VERSION "\" is wanted");
    need_uuid(c, o, "uuid");
    need_text(c, o, "name", 200);
    if (json_object_get(o, "resources") && need_list(c, o, "resources", 0, CHECK_RESOURCES))
        each(c, json_object_get(o, "resources"), "resources", a_resource);
    if (!need_list(c, o, "flows", 1, CHECK_FLOWS))
        return;
    each(c, json_object_get(o, "flows"), "flows", index_flow);
    each(c, json_object_get(o, "flows"), "flows", a_flow);
}

static bool look(const json_t *json, flow_problem problem, void *arg, const struct flow_names *names)
{
    struct check_flow c = {.container = json, .tell = problem, .arg = arg, .names = names};
    map_init(&c.flows);
    map_init(&c.resources);
    buf_init(&c.at, 4096);
    container(&c);
    map_clear(&c.flows, NULL);
    map_clear(&c.resources, NULL);
    buf_clear(&c.at);
    return c.problems == 0;
}

bool flow_check(const json_t *json, flow_problem problem, void *arg)
{
    return look(json, problem, arg, NULL);
}

void flow_names(const json_t *json, const struct flow_names *to)
{
    look(json, NULL, NULL, to);
}
