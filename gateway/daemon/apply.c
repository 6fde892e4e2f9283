/* SPDX-License-Identifier: Apache-2.0
 * Applying an operation file, one step after the other: agents, their users, the document, and waiting until
 * it holds everywhere. Each step may be repeated, so that an apply that was cut off is simply run again. */
#include "gateway/daemon/apply.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/apply_agents.h"
#include "gateway/daemon/operation.h"
#include "gateway/daemon/operation_pack.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "store/agent.h"
#include <stdio.h>
#include <string.h>

#define APPLY_TRIES   5
#define APPLY_WAIT_US 10000000 /* longer than a node that died counts as alive */
#define APPLY_LOOK_MS 30

struct apply {
    struct worker *w;
    struct store_op *op;
    json_t *file;
    json_t *before, *after;        /* documents; before may be NULL */
    json_t *agents, *agents_after; /* after: NULL when the file has no such section */
    json_t *passwords, *behind;
    uint64_t version;
    unsigned tries;
    bool dry_run, with_passwords, agents_same, claimed;
    char expect[APPLY_VERSION], now[APPLY_VERSION];
    bool (*allowed)(void *arg, const struct apply_change *c, struct buf *problems);
    char actor[80];
    struct timer *wait;
    int64_t wait_until_us;
    struct buf changes, problems;
    size_t changes_n;
    void (*progress)(void *arg, size_t done, size_t of);
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

static bool text_known(void *ctx, const char *key)
{
    return texts_known(((struct worker *)ctx)->texts, slice_str(key));
}

static bool hole_known(void *ctx, const char *key, struct slice own, struct slice *which)
{
    return texts_hole_known(((struct worker *)ctx)->texts, key, own, which);
}

static json_t *shipped_pack(void *ctx, const char *name)
{
    return pack_load(((struct worker *)ctx)->config->packs_dir, name, NULL);
}

struct operation_connectors apply_connectors(struct worker *w)
{
    return (struct operation_connectors){w,          channel_check, setting_secret,
                                         text_known, hole_known,    shipped_pack};
}

/* ---- the steps ---- */

static void finish(struct apply *a, const struct err *e)
{
    struct apply_result r = {.changes = buf_view(&a->changes),
                             .changes_n = a->changes_n,
                             .problems = buf_view(&a->problems),
                             .passwords = a->passwords,
                             .behind = a->behind,
                             .version = a->now};
    if (!e->code && !a->dry_run)
        apply_version(a->version, a->agents_after ? a->agents_after : a->agents, a->now);
    a->done(a->arg, e, &r);
    json_decref(a->file);
    json_decref(a->before);
    json_decref(a->after);
    json_decref(a->agents);
    json_decref(a->agents_after);
    json_decref(a->passwords);
    json_decref(a->behind);
    timer_free(&a->wait);
    buf_clear(&a->changes);
    buf_clear(&a->problems);
    mem_free(a);
}

/* ---- until it holds everywhere ---- */

static void look_behind(void *arg);

static void on_behind(void *arg, const struct err *e, const char *const *nodes, size_t n)
{
    struct apply *a = arg;
    if (!e->code && n && time_mono_us() < a->wait_until_us) {
        timer_start(a->wait, APPLY_LOOK_MS);
        return;
    }
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a->behind, json_string(nodes[i]));
    finish(a, e);
}

static void look_behind(void *arg)
{
    struct apply *a = arg;
    uint64_t version = 0;
    store_op_document(a->op, &version);
    store_document_behind(a->op, version, on_behind, a);
}

/* Every worker of every node hears of the document behind all that was put before it. */
static void wait_for_nodes(struct apply *a)
{
    a->wait = timer_new(a->w->loop, look_behind, a);
    a->wait_until_us = time_mono_us() + APPLY_WAIT_US;
    look_behind(a);
}

static void begin(struct apply *a);

static void on_document(void *arg, const struct err *e)
{
    struct apply *a = arg;
    if (e->code == ERR_CONFLICT &&
        a->claimed) /* a newer one is there: whoever has it has heard of the agents */
        wait_for_nodes(a);
    else if (e->code == ERR_CONFLICT && ++a->tries < APPLY_TRIES)
        begin(a); /* somebody else changed it in between: the difference is another one now */
    else if (e->code) {
        finish(a, e);
    } else {
        a->version++;
        wait_for_nodes(a);
    }
}

static void put(struct apply *a, void (*done)(void *arg, const struct err *e))
{
    struct buf text;
    buf_init(&text, 16u << 20);
    json_write(a->after, &text);
    store_op_document_put(a->op, a->version, buf_view(&text), a->actor, done, a);
    buf_clear(&text);
}

/* The document comes last, also when only agents have changed: whoever has it has heard of them as well. */
static void put_document(void *arg, const struct err *e)
{
    struct apply *a = arg;
    if (e->code)
        finish(a, e);
    else if (a->agents_same && a->before && json_equal(a->before, a->after))
        wait_for_nodes(a);
    else
        put(a, on_document);
}

static void on_progress(void *arg, size_t done, size_t of)
{
    struct apply *a = arg;
    if (a->progress)
        a->progress(a->arg, done, of);
}

static void put_agents(struct apply *a);

static void on_claimed(void *arg, const struct err *e)
{
    struct apply *a = arg;
    if (e->code) {
        finish(a, e);
        return;
    }
    a->version++;
    a->claimed = true;
    put_agents(a);
}

/* Who expects a version puts the document before the agents as well: of two who began with the same one the
 * second is refused before it has changed anything. */
static void put_agents(struct apply *a)
{
    json_t *changed = operation_agents_changed(a->agents, a->agents_after);
    a->agents_same = json_array_size(changed) == 0;
    if (*a->expect && !a->agents_same && !a->claimed) {
        json_decref(changed);
        put(a, on_claimed);
        return;
    }
    apply_agents_put(&(struct agents_job){.store = a->w->store,
                                          .op = a->op,
                                          .agents = changed,
                                          .passwords = a->passwords,
                                          .with_passwords = a->with_passwords,
                                          .actor = a->actor,
                                          .progress = on_progress,
                                          .done = put_document,
                                          .arg = a});
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
    put_agents(a);
}

static bool allowed(struct apply *a)
{
    const struct apply_change c = {
        .before = a->before, .after = a->after, .agents = a->agents, .agents_after = a->agents_after};
    return !a->allowed || a->allowed(a->arg, &c, &a->problems);
}

/* Everything is known: judge, compare, and go on unless it is a dry run. */
static void judge(struct apply *a)
{
    struct operation_connectors con = apply_connectors(a->w);
    struct err e = {0};
    buf_reset(&a->problems);
    buf_reset(&a->changes);
    apply_version(a->version, a->agents, a->now);
    if (*a->expect && strcmp(a->expect, a->now) != 0) {
        err_set(&e, ERR_CONFLICT, "somebody has changed the operation meanwhile");
        finish(a, &e);
        return;
    }
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
    if (!allowed(a)) {
        err_set(&e, ERR_FORBIDDEN, "this may be changed by somebody with another role or clearance alone");
        finish(a, &e);
    } else if (a->dry_run)
        finish(a, &e);
    else if (!a->op)
        store_op_make(a->w->store, json_string_value(json_object_get(a->file, "operation")), on_made, a);
    else
        put_agents(a);
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

void apply_run(struct worker *w, const struct apply_want *want)
{
    struct apply *a = mem_alloc(sizeof *a);
    a->w = w;
    a->file = json_deep_copy(want->file);
    a->passwords = json_array();
    a->behind = json_array();
    a->dry_run = want->dry_run;
    a->with_passwords = !want->no_passwords;
    a->progress = want->progress;
    a->allowed = want->allowed;
    snprintf(a->expect, sizeof a->expect, "%s", want->expect ? want->expect : "");
    a->done = want->done;
    a->arg = want->arg;
    snprintf(a->actor, sizeof a->actor, "%s", want->actor);
    buf_init(&a->changes, 4u << 20);
    buf_init(&a->problems, 1u << 20);
    loop_defer(w->loop, begin_later, a);
}
