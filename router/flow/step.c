/* SPDX-License-Identifier: Apache-2.0
 * One step of a run: the answer, then block after block until something is asked or a person takes over.
 *
 * A run: {"stack":[{"flow","block"}…], "results":{name:{"value","response"?}}, "contact":{…}, "language",
 * "stated", "wrong", "inputs"}. What it holds is never trusted: it is what an earlier version of this
 * program, with an earlier version of the flow, left behind. */
#include "router/flow/flow_internal.h"
#include <stdio.h>

#define STEP_BLOCKS  100  /* run by one input */
#define STEP_DEPTH   8    /* flows within each other */
#define STEP_INPUTS  100  /* of one run */
#define STEP_RESULTS 100  /* kept results, and kept properties */
#define STEP_VALUE   1000 /* bytes of one */
#define STEP_WRONG   2    /* inputs in a row that are not understood: a person takes over */

/* ---- the run ---- */

static json_t *object_in(json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);
    if (!json_is_object(v)) {
        v = json_object();
        json_object_set_new(o, key, v);
    }
    return v;
}

static json_t *stack_of(struct flow_go *g)
{
    json_t *s = json_object_get(g->run, "stack");
    if (!json_is_array(s)) {
        s = json_array();
        json_object_set_new(g->run, "stack", s);
    }
    return s;
}

static json_t *top_of(struct flow_go *g)
{
    json_t *s = stack_of(g);
    return json_array_size(s) ? json_array_get(s, json_array_size(s) - 1) : NULL;
}

static void push(struct flow_go *g, const json_t *flow)
{
    json_array_append_new(stack_of(g), json_pack("{s:s, s:s}", "flow", flow_string(flow, "uuid"), "block",
                                                 flow_string(flow, "first_block_id")));
}

static bool block_here(struct flow_go *g)
{
    const json_t *top = top_of(g);
    g->block = top ? flow_block(g->f, flow_string(top, "flow"), flow_string(top, "block")) : NULL;
    return g->block != NULL;
}

static void set_bounded(json_t *o, const char *key, json_t *value)
{
    if (json_is_string(value) && json_string_length(value) > STEP_VALUE) {
        struct slice s = slice_of(json_string_value(value), STEP_VALUE);
        while (s.n && !text_valid(s, NULL))
            s.n--;
        json_t *cut = json_stringn(s.p, s.n);
        json_decref(value);
        value = cut;
    }
    if (json_object_size(o) < STEP_RESULTS || json_object_get(o, key))
        json_object_set_new(o, key, value);
    else
        json_decref(value);
}

static void keep_result(struct flow_go *g, json_t *value)
{
    json_t *r = json_object();
    bool same = json_is_string(value) && slice_eq(slice_str(json_string_value(value)), g->response);
    json_object_set(r, "value", value);
    if (g->response.n && !same && g->response.n <= 200)
        json_object_set_new(r, "response", json_stringn(g->response.p, g->response.n));
    set_bounded(object_in(g->run, "results"), flow_string(g->block, "name"), r);
}

/* ---- the end ---- */

static void hand_over(struct flow_go *g, const char *why, const char *text_key)
{
    json_t *h = json_object();
    const json_t *c = g->block ? json_object_get(g->block, "config") : NULL;
    bool named = strcmp(why, "flow") == 0 || strcmp(why, "alarm") == 0;
    static const char *const members[] = {"topic", "priority", "clearance", "category"};
    json_object_set_new(h, "why", json_string(why));
    for (size_t i = 0; named && i < 4; i++)
        if (json_object_get(c, members[i]))
            json_object_set(h, members[i], json_object_get(c, members[i]));
    if (strcmp(why, "alarm") == 0)
        json_object_set_new(h, "priority", json_integer(3));
    struct slice own = named && *flow_string(c, "prompt")
                           ? flow_text(g, flow_string(c, "prompt"), flow_language(g))
                           : SLICE("");
    flow_say(g, own.n ? own : flow_own_text(g, text_key), NULL);
    json_object_set_new(g->out, "hand_over", h);
    json_object_del(g->out, "expects");
}

/* ---- leaving a block ---- */

/* "@contact.name", an expression, or, when it is none, just a text. */
static json_t *property_value(struct flow_go *g, struct slice s)
{
    struct flow_value v;
    const char *why;
    if (flow_eval(g, s, g->a, &v, &why))
        return flow_value_json(&v);
    struct slice text = flow_text(g, arena_dup(g->a, s.p ? s.p : "", s.n), flow_language(g));
    return json_stringn(text.p ? text.p : "", text.n);
}

static void set_property(struct flow_go *g, const json_t *p)
{
    const char *key = flow_string(p, "property_key");
    if (!*key)
        return;
    json_t *v = property_value(g, json_opt_str(p, "property_value"));
    set_bounded(object_in(g->out, "contact"), key, json_incref(v));
    set_bounded(object_in(g->run, "contact"), key, v);
}

static void set_properties(struct flow_go *g)
{
    const json_t *set = json_object_get(json_object_get(g->block, "config"), "set_contact_property");
    if (json_is_object(set))
        set_property(g, set);
    for (size_t i = 0; json_is_array(set) && i < json_array_size(set); i++)
        set_property(g, json_array_get(set, i));
}

static const json_t *exit_of(struct flow_go *g)
{
    const json_t *otherwise = NULL;
    bool strict = flow_kind(g->block) == FLOW_CASE;
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(g->block, "exits"), i, e)
    {
        const char *test = flow_string(e, "test"), *why;
        struct flow_value v;
        if (json_opt_bool(e, "default", false))
            otherwise = otherwise ? otherwise : e;
        else if (*test ? flow_eval(g, slice_str(test), g->a, &v, &why) && flow_truth(&v) : !strict)
            return e;
    }
    return otherwise;
}

/* To the next block; out of as many flows as end here. False: the outermost has ended. */
static bool leave(struct flow_go *g)
{
    set_properties(g);
    for (;;) {
        const json_t *e = exit_of(g);
        const char *to = flow_string(e, "destination_block");
        json_t *top = top_of(g), *stack = stack_of(g);
        g->value = NULL;
        g->response = SLICE("");
        if (top && *to) {
            json_object_set_new(top, "block", json_string(to));
            return true;
        }
        if (json_array_size(stack) < 2)
            return false;
        json_array_remove(stack, json_array_size(stack) - 1);
        if (!block_here(g))
            return true; /* found to be broken by whoever goes on */
        set_properties(g);
    }
}

/* ---- blocks ---- */

static void ask(struct flow_go *g, bool again)
{
    static const char *const expects[FLOW_KINDS] = {
        [FLOW_ONE] = "one", [FLOW_LANGUAGE] = "one", [FLOW_NUMBER] = "number", [FLOW_OPEN] = "text"};
    enum flow_kind kind = flow_kind(g->block);
    const json_t *c = json_object_get(g->block, "config");
    const char *resource =
        *flow_string(c, "question_prompt") ? flow_string(c, "question_prompt") : flow_string(c, "prompt");
    bool choices = kind == FLOW_ONE || kind == FLOW_LANGUAGE;
    struct slice text =
                     *resource ? flow_text(g, resource, flow_language(g)) : flow_own_text(g, "ask.language"),
                 sorry = again ? flow_own_text(g, "flow.not_understood") : SLICE("");
    if (sorry.n && sorry.n + text.n + 1 <= FLOW_TEXT)
        text = slice_str(
            arena_printf(g->a, "%.*s\n%.*s", (int)sorry.n, sorry.p, (int)text.n, text.n ? text.p : ""));
    flow_say(g, text, choices ? flow_choices(g, g->block) : NULL);
    json_object_set_new(g->out, "expects", json_string(expects[kind]));
}

static void say_article(struct flow_go *g)
{
    const json_t *c = json_object_get(g->block, "config");
    json_array_append_new(json_object_get(g->out, "say"),
                          json_pack("{s:s, s:s, s:s}", "article", flow_string(c, "article"), "tag",
                                    flow_string(c, "tag"), "language", flow_language(g)));
}

static void output(struct flow_go *g)
{
    struct flow_value v;
    const char *why;
    struct slice s = json_opt_str(json_object_get(g->block, "config"), "value");
    flow_eval(g, s, g->a, &v, &why);
    json_t *value = flow_value_json(&v);
    keep_result(g, value);
    json_decref(value);
}

/* A block that needs nobody. False: the run ends or waits. */
static bool pass(struct flow_go *g)
{
    const json_t *c = json_object_get(g->block, "config");
    switch (flow_kind(g->block)) {
    case FLOW_MESSAGE:
        flow_say(g, flow_text(g, flow_string(c, "prompt"), flow_language(g)), NULL);
        break;
    case FLOW_OUTPUT:
        output(g);
        break;
    case FLOW_ARTICLE:
        say_article(g);
        break;
    case FLOW_RUN: {
        const json_t *inner = flow_find(g->f, flow_string(c, "flow_id"));
        if (!inner || json_array_size(stack_of(g)) >= STEP_DEPTH) {
            hand_over(g, inner ? "loop" : "broken", "flow.handed_over");
            return false;
        }
        push(g, inner);
        return true;
    }
    case FLOW_LANGUAGE: /* known already */
    case FLOW_CASE:
    case FLOW_PROPERTY:
        break;
    default:
        hand_over(g, "broken", "flow.handed_over");
        return false;
    }
    if (leave(g))
        return true;
    hand_over(g, "end", "flow.handed_over");
    return false;
}

static bool waits(const struct flow_go *g)
{
    enum flow_kind k = flow_kind(g->block);
    return k == FLOW_ONE || k == FLOW_NUMBER || k == FLOW_OPEN ||
           (k == FLOW_LANGUAGE && !json_opt_bool(g->run, "stated", false));
}

static void go_on(struct flow_go *g)
{
    for (unsigned n = 0; n < STEP_BLOCKS && json_array_size(json_object_get(g->out, "say")) < FLOW_SAYS;
         n++) {
        if (!block_here(g)) {
            hand_over(g, "broken", "flow.handed_over");
            return;
        }
        enum flow_kind kind = flow_kind(g->block);
        if (waits(g)) {
            ask(g, false);
            return;
        }
        if (kind == FLOW_HAND_OVER || kind == FLOW_ALARM) {
            bool alarm = kind == FLOW_ALARM;
            set_properties(g);
            if (alarm)
                json_object_set_new(g->out, "alarm", json_true());
            hand_over(g, alarm ? "alarm" : "flow", "flow.handed_over");
            return;
        }
        if (!pass(g))
            return;
    }
    hand_over(g, "loop", "flow.handed_over");
}

/* ---- inputs ---- */

static void begin(struct flow_go *g)
{
    const json_t *first = json_array_get(json_object_get(g->f->container, "flows"), 0);
    json_object_clear(g->run);
    json_object_set_new(g->run, "language", json_string(g->w->language ? g->w->language : ""));
    json_object_set_new(g->run, "stated", json_boolean(g->w->language_stated));
    json_object_set_new(g->run, "wrong", json_integer(0));
    json_object_set_new(g->run, "inputs", json_integer(0));
    push(g, first);
    go_on(g);
}

static int64_t count_up(struct flow_go *g, const char *key)
{
    int64_t n = json_opt_int(g->run, key, 0);
    n = n < 0 || n > 1000000 ? 1000000 : n + 1;
    json_object_set_new(g->run, key, json_integer(n));
    return n;
}

static void answered(struct flow_go *g)
{
    if (flow_kind(g->block) == FLOW_LANGUAGE) {
        json_object_set(g->run, "language", g->value);
        json_object_set_new(g->run, "stated", json_true());
        json_object_set(g->out, "language", g->value);
    }
    json_t *value = g->value; /* kept over leaving, which forgets it */
    json_object_set_new(g->run, "wrong", json_integer(0));
    keep_result(g, value);
    if (leave(g))
        go_on(g);
    else
        hand_over(g, "end", "flow.handed_over");
    json_decref(value);
}

/* A choice may have "person" in its title: what answers the question is no wish for one. Where any text is an
 * answer, the wish comes first. */
static void take(struct flow_go *g, const struct flow_input *in)
{
    if (!block_here(g) || !waits(g))
        hand_over(g, "broken", "flow.handed_over");
    else if (count_up(g, "inputs") > STEP_INPUTS)
        hand_over(g, "loop", "flow.handed_over");
    else if (flow_kind(g->block) == FLOW_OPEN && flow_wants_person(g, in))
        hand_over(g, "asked", "flow.handed_over");
    else if (flow_answer(g, in))
        answered(g);
    else if (flow_wants_person(g, in))
        hand_over(g, "asked", "flow.handed_over");
    else if (count_up(g, "wrong") >= STEP_WRONG)
        hand_over(g, "not_understood", "flow.handed_over");
    else
        ask(g, true);
}

static struct flow_go go(const struct flow *f, const struct flow_world *w, json_t *run)
{
    json_t *out = json_object();
    json_object_set_new(out, "say", json_array());
    return (struct flow_go){.f = f, .w = w, .run = run, .out = out, .a = arena_new()};
}

json_t *flow_step(const struct flow *f, const struct flow_world *w, const struct flow_input *in, json_t *run)
{
    struct flow_go g = go(f, w, run);
    struct flow_input safe = *in;
    if (!text_valid(safe.text, NULL))
        safe.text = SLICE("");
    if (!json_opt_bool(run, "stated", false) && w->language && *w->language)
        json_object_set_new(run, "language", json_string(w->language));
    if (!f)
        hand_over(&g, "broken", "flow.handed_over");
    else if (safe.start)
        begin(&g);
    else
        take(&g, &safe);
    arena_free(&g.a);
    return g.out;
}

json_t *flow_end(const struct flow *f, const struct flow_world *w, const char *why, json_t *run)
{
    struct flow_go g = go(f, w, run);
    hand_over(&g, why, strcmp(why, "expired") == 0 ? "flow.expired" : "flow.handed_over");
    arena_free(&g.a);
    return g.out;
}
