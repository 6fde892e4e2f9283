/* SPDX-License-Identifier: Apache-2.0
 * Flows in operation files: form, and what they refer to. */
#include "gateway/daemon/operation_flows.h"
#include "router/flow/flow.h"
#include <stdio.h>
#include <string.h>

static void problem(void *arg, const char *at, const char *text)
{
    struct check *c = arg;
    size_t back = c->at.n;
    if (strcmp(at, "/") != 0)
        buf_str(&c->at, at);
    check_wrong(c, "%s", text);
    check_out(c, back);
}

static void a_container(struct check *c, const json_t *v)
{
    flow_check(v, problem, c);
}

static void a_file(struct check *c, const json_t *v)
{
    (void)v;
    check_wrong(c, "a file is put in by `parley apply`; here the flow itself is wanted, as \"flow\"");
}

static void a_flow(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"id", check_name, true}, {"name", check_by_language, false}, {"flow", a_container, true},
        {"file", a_file, false},  {"disabled", check_flag, false},    {0}};
    check_object(c, v, members);
}

void operation_flows_check(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 50, a_flow);
}

/* ---- references ---- */

struct flow_refer {
    struct check *c;
    size_t focals;
};

static const json_t *there(const json_t *list, const char *id)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        if (slice_is(json_opt_str(o, "id"), id) && !json_opt_bool(o, "disabled", false))
            return o;
    }
    return NULL;
}

static void a_topic(void *arg, const char *at, const char *topic, int clearance)
{
    const struct flow_refer *r = arg;
    if (*topic && !there(json_object_get(r->c->merged, "topics"), topic)) {
        char text[120];
        snprintf(text, sizeof text, "\"%.70s\" is not among the topics", topic);
        problem(r->c, at, text);
    }
    if (clearance >= 2 && r->focals < 2)
        problem(r->c, at, "a hand-over that seals needs two agents with the role focal");
}

static void refer_flows(struct flow_refer *r, const json_t *list)
{
    struct check *c = r->c;
    struct flow_names names = {.arg = r, .topic = a_topic};
    size_t back = check_into(c, "flows");
    for (size_t i = 0; json_is_array(list) && i < json_array_size(list); i++) {
        const json_t *f = json_array_get(list, i);
        size_t inner = check_into_item(c, i);
        check_into(c, "flow");
        if (!json_opt_bool(f, "disabled", false))
            flow_names(json_object_get(f, "flow"), &names);
        check_out(c, inner);
    }
    check_out(c, back);
}

void operation_flows_refer(struct check *c, const json_t *file, size_t focals)
{
    struct flow_refer r = {c, focals};
    const json_t *channels = json_object_get(file, "channels");
    refer_flows(&r, json_object_get(file, "flows"));
    size_t back = check_into(c, "channels");
    for (size_t i = 0; json_is_array(channels) && i < json_array_size(channels); i++) {
        const json_t *ch = json_array_get(channels, i);
        struct slice flow = json_opt_str(ch, "flow");
        size_t inner = check_into_item(c, i);
        check_into(c, "flow");
        if (flow.n && !json_opt_bool(ch, "disabled", false) &&
            !there(json_object_get(c->merged, "flows"), flow.p))
            check_wrong(c, "\"%.80s\" is not among the flows", flow.p);
        check_out(c, inner);
    }
    check_out(c, back);
}
