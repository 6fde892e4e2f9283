/* SPDX-License-Identifier: Apache-2.0
 * What changes of an operation's document somebody may make. Who runs an office does not thereby read what is
 * sensitive, nor give it to others: neither by a role nor by declaring it harmless. */
#include "gateway/api/admin_internal.h"
#include <string.h>

struct judging {
    const struct who *w;
    struct buf *problems;
    size_t n;
};

static void wrong(struct judging *j, const char *section, size_t i, const char *member, const char *why)
{
    buf_printf(j->problems, "/%s/%zu%s%s: %s\n", section, i, *member ? "/" : "", member, why);
    j->n++;
}

static const json_t *find(const json_t *list, const char *key, struct slice id)
{
    size_t i;
    const json_t *thing;
    json_array_foreach(list, i, thing) if (slice_eq(json_opt_str(thing, key), id)) return thing;
    return NULL;
}

/* The same but for these members? */
static bool same_but(const json_t *a, const json_t *b, const char *const *members)
{
    json_t *x = json_copy((json_t *)a), *y = json_copy((json_t *)b);
    for (size_t i = 0; members[i]; i++) {
        json_object_del(x, members[i]);
        json_object_del(y, members[i]);
    }
    bool same = json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}

static int clearance_of(const json_t *thing)
{
    return (int)json_opt_int(thing, "clearance", 0);
}

/* ---- agents ---- */

static int agent_clearance(const json_t *a)
{
    struct buf roles;
    size_t i;
    const json_t *role;
    buf_init(&roles, 1024);
    json_array_foreach(json_object_get(a, "roles"), i, role)
    {
        buf_str(&roles, i ? " " : "");
        buf_str(&roles, json_string_value(role));
    }
    int by_role = rights_clearance(rights_roles(roles.n ? roles.p : "")), own = clearance_of(a);
    buf_clear(&roles);
    return by_role > own ? by_role : own;
}

static bool works(const json_t *a)
{
    return a && !json_opt_bool(a, "disabled", false);
}

/* Without the clearance somebody with it can be disabled, and be told of other teams, languages and hours:
 * nothing that would bring sensitive matters to anybody who had them not. */
static void judge_agent(struct judging *j, size_t i, const json_t *was, const json_t *now)
{
    static const char *const harmless[] = {"name", "teams", "languages", "capacity", "disabled", NULL};
    int before = works(was) ? agent_clearance(was) : 0, after = works(now) ? agent_clearance(now) : 0;
    if (after > before && !rights_may_give(j->w, after))
        wrong(j, "agents", i, "clearance", "sensitive matters are given by somebody who has them alone");
    else if (after && !rights_may_give(j->w, after) && !same_but(was, now, harmless))
        wrong(j, "agents", i, "", "whoever has sensitive matters is changed by somebody who has them alone");
}

static bool administers(const json_t *a)
{
    size_t i;
    const json_t *role;
    json_array_foreach(json_object_get(a, "roles"), i, role) if (slice_is(slice_str(json_string_value(role)),
                                                                          "administrator")) return works(a);
    return false;
}

static void judge_agents(struct judging *j, const struct api_change *c)
{
    size_t i, before = 0, after = 0;
    const json_t *a;
    json_array_foreach(c->agents, i, a) before += administers(a);
    json_array_foreach(c->agents_after, i, a)
    {
        const json_t *was = find(c->agents, "login", json_opt_str(a, "login"));
        after += administers(a);
        if (!was || !json_equal(was, a))
            judge_agent(j, i, was, a);
    }
    if (before && !after) {
        buf_str(j->problems, "/agents: nobody would be left who administers the operation\n");
        j->n++;
    }
}

/* ---- topics and channels ---- */

/* What is sensitive stays so: else whoever names it otherwise reads it. A channel may always be closed. */
static void judge_things(struct judging *j, const struct api_change *c, const char *section,
                         const char *const *harmless)
{
    const json_t *before = json_object_get(c->before, section), *now;
    size_t i;
    json_array_foreach(json_object_get(c->after, section), i, now)
    {
        const json_t *was = find(before, "id", json_opt_str(now, "id"));
        if (was && clearance_of(was) >= 2 && !rights_may_give(j->w, 2) && !same_but(was, now, harmless))
            wrong(j, section, i, "", "what is sensitive is changed by somebody who has that clearance alone");
    }
}

/* ---- webhooks ---- */

/* What is sensitive leaves the house to nobody who may not read it: not to an address of theirs either. */
static void judge_webhooks(struct judging *j, const struct api_change *c)
{
    const json_t *before = json_object_get(c->before, "webhooks"), *now;
    size_t i;
    json_array_foreach(json_object_get(c->after, "webhooks"), i, now)
    {
        const json_t *was = find(before, "id", json_opt_str(now, "id"));
        if (works(now) && !rights_may_give(j->w, clearance_of(now)) && !(was && json_equal(was, now)))
            wrong(j, "webhooks", i, "clearance",
                  "sensitive matters are told to others by somebody who has them alone");
    }
}

/* ---- flows ---- */

/* Does it seal anything: by a clearance of its own, or by a topic that has it? */
static bool seals(const json_t *v, const json_t *topics)
{
    const char *key;
    json_t *one;
    size_t i;
    json_array_foreach(v, i, one) if (seals(one, topics)) return true;
    json_object_foreach((json_t *)(uintptr_t)v, key, one)
    {
        bool topic = strcmp(key, "topic") == 0 && json_is_string(one);
        if ((strcmp(key, "clearance") == 0 && json_integer_value(one) >= 2) || seals(one, topics) ||
            (topic && clearance_of(find(topics, "id", slice_str(json_string_value(one)))) >= 2))
            return true;
    }
    return false;
}

/* Where somebody is asked whether they report misconduct, they are asked still, and it is sealed. */
static void judge_flows(struct judging *j, const struct api_change *c)
{
    static const char *const harmless[] = {"name", NULL};
    const json_t *before = json_object_get(c->before, "flows"),
                 *topics = json_object_get(c->before, "topics"), *now;
    size_t i;
    json_array_foreach(json_object_get(c->after, "flows"), i, now)
    {
        const json_t *was = find(before, "id", json_opt_str(now, "id"));
        if (works(was) && seals(was, topics) && !same_but(was, now, harmless))
            wrong(j, "flows", i, "", "what seals is changed by somebody who has sensitive matters alone");
    }
    json_array_foreach(json_object_get(c->after, "channels"), i, now)
    {
        const json_t *was = find(json_object_get(c->before, "channels"), "id", json_opt_str(now, "id"));
        struct slice had = json_opt_str(was, "flow");
        const json_t *flow = had.n ? find(before, "id", had) : NULL;
        if (works(now) && works(flow) && seals(flow, topics) && !slice_eq(json_opt_str(now, "flow"), had))
            wrong(j, "channels", i, "flow",
                  "what seals is taken off by somebody who has sensitive matters alone");
    }
}

/* ---- the pack ---- */

/* The shipped pack that it is, or adds to: its paths cannot be others; empty: its own. */
static struct slice pack_base(const json_t *pack)
{
    return json_is_string(pack) ? slice_str(json_string_value(pack)) : json_opt_str(pack, "base");
}

/* Is every path that is not open still there, and as closed? */
static bool paths_hold(const json_t *was, const json_t *now)
{
    size_t i;
    const json_t *path;
    json_array_foreach(json_object_get(was, "paths"), i, path)
    {
        const json_t *same = find(json_object_get(now, "paths"), "code", json_opt_str(path, "code"));
        if (clearance_of(path) > clearance_of(same))
            return false;
    }
    return true;
}

/* What a matter's path seals is sealed still. Of a shipped pack any path may be. */
static void judge_pack(struct judging *j, const struct api_change *c)
{
    const json_t *was = json_object_get(c->before, "pack"), *now = json_object_get(c->after, "pack");
    struct slice base = pack_base(was);
    if (base.n ? slice_eq(base, pack_base(now)) : paths_hold(was, now))
        return;
    buf_str(j->problems, "/pack: which matters are sealed is changed by somebody who has them alone\n");
    j->n++;
}

bool admin_allowed(const struct who *w, const struct api_change *c, struct buf *problems)
{
    static const char *const of_topic[] = {"name", "priority", NULL};
    static const char *const of_channel[] = {"name", "disabled", "paused", "retention_days", NULL};
    struct judging j = {w, problems, 0};
    if (c->agents_after)
        judge_agents(&j, c);
    judge_things(&j, c, "topics", of_topic);
    judge_things(&j, c, "channels", of_channel);
    judge_webhooks(&j, c);
    if (!rights_may_give(w, 2)) {
        judge_flows(&j, c);
        judge_pack(&j, c);
    }
    return j.n == 0;
}
