/* SPDX-License-Identifier: Apache-2.0
 * Agents of an operation file as records, and putting them with their users: several at a time, since each is
 * three journeys to Redis, and a new user's password takes a tenth of a second of another thread. */
#include "gateway/daemon/apply_agents.h"
#include "gateway/base/mem.h"
#include "gateway/api/admin.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/apply.h"
#include "gateway/daemon/operation.h"
#include "store/agent.h"
#include "store/user.h"
#include <stdio.h>
#include <string.h>

#define AT_ONCE 24

/* ---- agents as JSON and back ---- */

static json_t *words_json(const char *words)
{
    json_t *list = json_array();
    struct slice rest = slice_str(words), word;
    while (words && slice_next(&rest, ' ', &word))
        if (word.n)
            json_array_append_new(list, json_stringn(word.p, word.n));
    return list;
}

json_t *apply_agent_json(const struct store_agent *a)
{
    json_t *o = json_object(), *languages = json_object();
    json_object_set_new(o, "login", json_string(a->login));
    json_object_set_new(o, "name", json_string(a->name && *a->name ? a->name : a->login));
    json_object_set_new(o, "teams", words_json(a->teams));
    json_object_set_new(o, "roles", words_json(a->roles));
    json_object_set_new(o, "areas", words_json(a->areas));
    json_object_set_new(o, "topics", words_json(a->topics));
    for (size_t i = 0; i < a->languages_n; i++)
        json_object_set_new(languages, a->languages[i].tag, json_integer(a->languages[i].level));
    json_object_set_new(o, "languages", languages);
    json_object_set_new(o, "capacity", json_pack("{s:I}", "chat", (json_int_t)a->capacity));
    operation_clearance_set(o, a->clearance);
    if (a->disabled)
        json_object_set_new(o, "disabled", json_true());
    return o;
}

static const char *words_text(struct arena *a, const json_t *list)
{
    struct buf b;
    buf_init(&b, 65536);
    for (size_t i = 0; i < json_array_size(list); i++) {
        buf_str(&b, i ? " " : "");
        buf_str(&b, json_string_value(json_array_get(list, i)));
    }
    const char *text = arena_dup(a, b.n ? b.p : "", b.n);
    buf_clear(&b);
    return text;
}

static void agent_record(struct arena *a, const json_t *o, struct store_agent *out)
{
    const char *tag;
    json_t *level;
    *out = (struct store_agent){.id = json_string_value(json_object_get(o, "login")),
                                .login = json_string_value(json_object_get(o, "login")),
                                .name = json_string_value(json_object_get(o, "name")),
                                .teams = words_text(a, json_object_get(o, "teams")),
                                .areas = words_text(a, json_object_get(o, "areas")),
                                .topics = words_text(a, json_object_get(o, "topics")),
                                .roles = words_text(a, json_object_get(o, "roles")),
                                .capacity = (unsigned)json_opt_int(json_object_get(o, "capacity"), "chat", 4),
                                .clearance = operation_clearance(o),
                                .disabled = json_opt_bool(o, "disabled", false)};
    json_object_foreach(json_object_get(o, "languages"), tag, level)
    {
        if (out->languages_n == sizeof out->languages / sizeof out->languages[0])
            break;
        snprintf(out->languages[out->languages_n].tag, sizeof out->languages[0].tag, "%.11s", tag);
        out->languages[out->languages_n++].level = (int)json_integer_value(level);
    }
}

/* ---- putting them ---- */

struct agents_put {
    struct agents_job job;
    size_t at, done, under_way; /* at: the next */
    struct err e;
};

struct putting { /* one of them */
    struct agents_put *p;
    const json_t *agent;
    char password[ADMIN_PASSWORD];
};

static void go_on(struct agents_put *p);

static const char *login_of(const struct putting *one)
{
    return json_string_value(json_object_get(one->agent, "login"));
}

static void one_end(struct putting *one, const struct err *e)
{
    struct agents_put *p = one->p;
    if (e && e->code && !p->e.code)
        p->e = *e;
    mem_wipe(one->password, sizeof one->password);
    mem_free(one);
    p->done++;
    p->under_way--;
    go_on(p);
}

static void on_user_put(void *arg, const struct err *e)
{
    struct putting *one = arg;
    if (!e->code && *one->password)
        json_array_append_new(one->p->job.passwords,
                              json_pack("{s:s,s:s}", "login", login_of(one), "password", one->password));
    one_end(one, e);
}

/* True when the user works in the operation already; else with it added. */
static bool operations_with(const char *was, const char *name, char out[4096])
{
    struct slice rest = slice_str(was), word;
    while (was && slice_next(&rest, ' ', &word))
        if (slice_is(word, name))
            return true;
    snprintf(out, 4096, "%s%s%s", was ? was : "", was && *was ? " " : "", name);
    return false;
}

/* The user that signs in as this agent: made with a random password, or told of one more operation. */
static void on_user(void *arg, const struct err *e, const struct store_user *u)
{
    struct putting *one = arg;
    struct agents_job *job = &one->p->job;
    char operations[4096];
    struct store_user user = {
        .login = login_of(one), .name = json_string_value(json_object_get(one->agent, "name")), .locale = ""};
    if (e->code && e->code != ERR_NOT_FOUND) {
        one_end(one, e);
        return;
    }
    if (operations_with(e->code ? "" : u->operations, store_op_name(job->op), operations)) {
        one_end(one, NULL);
        return;
    }
    user.operations = operations;
    if (!e->code) {
        user.name = u->name;
        user.locale = u->locale;
        user.disabled = u->disabled;
    } else if (job->with_passwords) {
        admin_password(one->password);
    }
    /* "": a new user that can't sign in yet. */
    store_user_put(job->store, &user, e->code ? one->password : NULL, job->actor, on_user_put, one);
}

static void on_agent_put(void *arg, const struct err *e)
{
    struct putting *one = arg;
    if (e->code)
        one_end(one, e);
    else
        store_user_get(one->p->job.store, login_of(one), on_user, one);
}

static void put_one(struct agents_put *p, const json_t *agent)
{
    struct putting *one = mem_alloc(sizeof *one);
    struct arena *memory = arena_new();
    struct store_agent record;
    one->p = p;
    one->agent = agent;
    p->under_way++;
    agent_record(memory, agent, &record);
    store_agent_put(p->job.op, &record, p->job.actor, on_agent_put, one);
    arena_free(&memory);
}

static void go_on(struct agents_put *p)
{
    size_t n = json_array_size(p->job.agents);
    if (p->done && p->done % 100 == 0 && p->job.progress)
        p->job.progress(p->job.arg, p->done, n);
    while (!p->e.code && p->at < n && p->under_way < AT_ONCE)
        put_one(p, json_array_get(p->job.agents, p->at++));
    if (p->under_way)
        return;
    p->job.done(p->job.arg, &p->e);
    json_decref(p->job.agents);
    mem_free(p);
}

void apply_agents_put(const struct agents_job *job)
{
    struct agents_put *p = mem_alloc(sizeof *p);
    p->job = *job;
    go_on(p);
}
