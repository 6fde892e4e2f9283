/* SPDX-License-Identifier: Apache-2.0
 * Applying an operation file, one step after the other; each step may be repeated, so that an apply that was
 * cut off is simply run again. */
#include "gateway/daemon/apply.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/operation.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "store/agent.h"
#include "store/user.h"
#include <stdio.h>
#include <string.h>

#define APPLY_TRIES 5

struct apply {
    struct worker *w;
    struct store_op *op;
    json_t *file;
    json_t *before, *after;        /* documents; before may be NULL */
    json_t *agents, *agents_after; /* after: NULL when the file has no such section */
    json_t *passwords;
    uint64_t version;
    size_t at; /* the agent whose turn it is */
    unsigned tries;
    bool dry_run;
    char actor[80], password[ADMIN_PASSWORD];
    struct buf changes, problems;
    size_t changes_n;
    void (*done)(void *arg, const struct err *e, const struct apply_result *r);
    void *arg;
};

/* ---- what the connectors say ---- */

/* "channels[0] (tg): settings.token is missing", "…: settings: token: …": the place is ours to tell. */
static void place_of(struct worker *w, const char *connector, char where[64], struct err *e)
{
    const struct connector_setting *s = host_connector_settings(w->host, connector);
    char *text = strstr(e->text, "): ");
    text = text ? text + 3 : e->text;
    if (strncmp(text, "settings", 8) == 0)
        text += 8 + strspn(text + 8, ".: ");
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    for (; s && s->name; s++)
        if (strlen(s->name) == n && memcmp(s->name, text, n) == 0 && n < 64)
            snprintf(where, 64, "%s", s->name);
    if (*where)
        text += n + strspn(text + n, ": ");
    memmove(e->text, text, strlen(text) + 1);
}

static bool channel_check(void *ctx, const json_t *channel, char where[64], struct err *e)
{
    struct worker *w = ctx;
    const char *connector = json_string_value(json_object_get(channel, "connector"));
    if (!connector || !host_connector_settings(w->host, connector)) {
        memcpy(where, "connector", sizeof "connector");
        err_set(e, ERR_INVALID, "there is no connector called %.60s", connector ? connector : "(none)");
        return false;
    }
    json_t *one = json_array();
    json_array_append(one, (json_t *)channel);
    bool ok = host_channels_check(w->host, one, e);
    json_decref(one);
    if (!ok)
        place_of(w, connector, where, e);
    return ok;
}

static bool setting_secret(void *ctx, const char *connector, const char *setting)
{
    const struct connector_setting *s = host_connector_settings(((struct worker *)ctx)->host, connector);
    for (; s && s->name; s++)
        if (strcmp(s->name, setting) == 0)
            return s->type == CONNECTOR_S_SECRET;
    return true;
}

struct operation_connectors apply_connectors(struct worker *w)
{
    return (struct operation_connectors){w, channel_check, setting_secret};
}

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

/* ---- the steps ---- */

static void finish(struct apply *a, const struct err *e)
{
    struct apply_result r = {.changes = buf_view(&a->changes),
                             .changes_n = a->changes_n,
                             .problems = buf_view(&a->problems),
                             .passwords = a->passwords};
    a->done(a->arg, e, &r);
    json_decref(a->file);
    json_decref(a->before);
    json_decref(a->after);
    json_decref(a->agents);
    json_decref(a->agents_after);
    json_decref(a->passwords);
    buf_clear(&a->changes);
    buf_clear(&a->problems);
    mem_wipe(a->password, sizeof a->password);
    mem_free(a);
}

static void next_agent(struct apply *a);

static void on_user_put(void *arg, const struct err *e)
{
    struct apply *a = arg;
    const json_t *agent = json_array_get(a->agents_after, a->at);
    if (e->code) {
        finish(a, e);
        return;
    }
    if (*a->password)
        json_array_append_new(a->passwords, json_pack("{s:O,s:s}", "login", json_object_get(agent, "login"),
                                                      "password", a->password));
    mem_wipe(a->password, sizeof a->password);
    a->at++;
    next_agent(a);
}

/* The user that signs in as this agent: made with a random password, or told of one more operation. */
static void on_user(void *arg, const struct err *e, const struct store_user *u)
{
    struct apply *a = arg;
    const json_t *agent = json_array_get(a->agents_after, a->at);
    const char *login = json_string_value(json_object_get(agent, "login"));
    if (e->code && e->code != ERR_NOT_FOUND) {
        finish(a, e);
        return;
    }
    struct store_user user = {
        .login = login, .name = json_string_value(json_object_get(agent, "name")), .locale = ""};
    char operations[4096];
    const char *name = store_op_name(a->op);
    a->password[0] = '\0';
    if (e->code) {
        admin_password(a->password);
        user.operations = name;
    } else {
        struct slice rest = slice_str(u->operations), word;
        bool there = false;
        while (u->operations && slice_next(&rest, ' ', &word))
            there = there || slice_is(word, name);
        user.name = u->name;
        user.locale = u->locale;
        user.disabled = u->disabled;
        snprintf(operations, sizeof operations, "%s%s%s", u->operations ? u->operations : "",
                 u->operations && *u->operations && !there ? " " : "", there ? "" : name);
        user.operations = operations;
        if (there) {
            a->at++;
            next_agent(a);
            return;
        }
    }
    store_user_put(a->w->store, &user, *a->password ? a->password : NULL, a->actor, on_user_put, a);
}

static void on_agent_put(void *arg, const struct err *e)
{
    struct apply *a = arg;
    const json_t *agent = json_array_get(a->agents_after, a->at);
    if (e->code)
        finish(a, e);
    else
        store_user_get(a->w->store, json_string_value(json_object_get(agent, "login")), on_user, a);
}

static bool agent_unchanged(const struct apply *a, const json_t *agent)
{
    for (size_t i = 0; i < json_array_size(a->agents); i++)
        if (json_equal(json_array_get(a->agents, i), agent))
            return true;
    return false;
}

static void next_agent(struct apply *a)
{
    const struct err ok = {0};
    const json_t *agent;
    while ((agent = json_array_get(a->agents_after, a->at)) != NULL && agent_unchanged(a, agent))
        a->at++;
    if (!agent) {
        finish(a, &ok);
        return;
    }
    struct arena *memory = arena_new();
    struct store_agent record;
    agent_record(memory, agent, &record);
    store_agent_put(a->op, &record, a->actor, on_agent_put, a);
    arena_free(&memory);
}

static void begin(struct apply *a);

static void on_document(void *arg, const struct err *e)
{
    struct apply *a = arg;
    if (e->code == ERR_CONFLICT && ++a->tries < APPLY_TRIES)
        begin(a); /* somebody else changed it in between: the difference is another one now */
    else if (e->code)
        finish(a, e);
    else
        next_agent(a);
}

static void put_document(struct apply *a)
{
    struct buf text;
    if (a->before && json_equal(a->before, a->after)) {
        next_agent(a);
        return;
    }
    buf_init(&text, 16u << 20);
    json_write(a->after, &text);
    store_op_document_put(a->op, a->version, buf_view(&text), a->actor, on_document, a);
    buf_clear(&text);
}

static void on_made(void *arg, const struct err *e, struct store_op *op)
{
    struct apply *a = arg;
    if (e->code) {
        finish(a, e);
        return;
    }
    a->op = op;
    worker_scan(a->w);
    store_op_document(op, &a->version);
    put_document(a);
}

/* Everything is known: judge, compare, and go on unless it is a dry run. */
static void judge(struct apply *a)
{
    struct operation_connectors con = apply_connectors(a->w);
    struct err e = {0};
    buf_reset(&a->problems);
    buf_reset(&a->changes);
    if (!operation_check(a->file, a->before, a->agents, &con, &a->problems)) {
        err_set(&e, ERR_INVALID, "the operation file is not in order");
        finish(a, &e);
        return;
    }
    json_decref(a->after);
    json_decref(a->agents_after);
    a->after = operation_merge(a->before, a->file, &con);
    a->agents_after = operation_merge_agents(a->agents, a->file);
    a->changes_n = operation_diff(a->before, a->after, &a->changes);
    if (a->agents_after) {
        json_t *was = json_pack("{s:o}", "agents", a->agents ? json_incref(a->agents) : json_array());
        json_t *is = json_pack("{s:O}", "agents", a->agents_after);
        a->changes_n += operation_diff(was, is, &a->changes);
        json_decref(was);
        json_decref(is);
    }
    if (a->dry_run)
        finish(a, &e);
    else if (!a->op)
        store_op_make(a->w->store, json_string_value(json_object_get(a->file, "operation")), on_made, a);
    else
        put_document(a);
}

static void on_agents(void *arg, const struct err *e, const struct store_agent *const *agents, size_t n)
{
    struct apply *a = arg;
    if (e->code) {
        finish(a, e);
        return;
    }
    json_decref(a->agents);
    a->agents = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a->agents, apply_agent_json(agents[i]));
    operation_agents_sort(a->agents);
    judge(a);
}

static void begin(struct apply *a)
{
    const char *name = json_string_value(json_object_get(a->file, "operation")), *why;
    struct err e = {0};
    json_decref(a->before);
    a->before = NULL;
    a->version = 0;
    a->op = name ? store_op_find(a->w->store, slice_str(name)) : NULL;
    if (!worker_ready(a->w, &why)) {
        err_set(&e, ERR_UNAVAILABLE, "the store is not ready: %s", why);
        finish(a, &e);
        return;
    }
    if (!a->op) {
        judge(a);
        return;
    }
    struct slice text = store_op_document(a->op, &a->version);
    if (text.n && !(a->before = json_parse(text, JSON_DEPTH_DEFAULT, &e)))
        finish(a, &e);
    else
        store_agents_get(a->op, on_agents, a);
}

static void begin_later(void *arg)
{
    begin(arg);
}

void apply_run(struct worker *w, const json_t *file, bool dry_run, const char *actor,
               void (*done)(void *arg, const struct err *e, const struct apply_result *r), void *arg)
{
    struct apply *a = mem_alloc(sizeof *a);
    a->w = w;
    a->file = json_deep_copy(file);
    a->passwords = json_array();
    a->dry_run = dry_run;
    a->done = done;
    a->arg = arg;
    snprintf(a->actor, sizeof a->actor, "%s", actor);
    buf_init(&a->changes, 4u << 20);
    buf_init(&a->problems, 1u << 20);
    loop_defer(w->loop, begin_later, a);
}
