/* SPDX-License-Identifier: Apache-2.0
 * What is done to a thread, the same by REST and by socket: rights first, then the members of the body, then
 * one call of the store. */
#include "gateway/api/act.h"
#include "store/guard.h"
#include <string.h>

void act_end(struct act *a, const struct err *e, const char *kind, struct slice json)
{
    a->done(a->arg, e, a->status ? a->status : 200, kind, json);
    json_decref(a->body);
    json_decref(a->extra);
    json_decref(a->attachments);
    arena_free(&a->arena);
    mem_free(a);
}

void act_refuse(struct act *a, enum err_code code, const char *text)
{
    struct err e = {0};
    err_set(&e, code, "%s", text);
    act_end(a, &e, NULL, (struct slice){0, 0});
}

static void on_json(void *arg, const struct err *e, struct slice json)
{
    act_end(arg, e, "thread", json);
}

/* Most verbs end here: the thread as it is afterwards. */
static void on_moved(void *arg, const struct err *e, const struct store_thread *t)
{
    struct act *a = arg;
    if (e->code)
        act_end(a, e, NULL, (struct slice){0, 0});
    else
        card_thread(a->o, t, on_json, a);
}

static const char *actor(const struct act *a)
{
    return *a->by.agent ? a->by.agent : a->by.login;
}

static const char *text_of(const struct act *a, const char *key)
{
    return json_string_value(json_object_get(a->body, key));
}

/* A number where a word belongs is no missing word. */
static bool words_only(struct act *a, const char *const keys[])
{
    for (size_t i = 0; keys[i]; i++) {
        const json_t *v = json_object_get(a->body, keys[i]);
        char why[80];
        if (!v || json_is_null(v) || json_is_string(v))
            continue;
        snprintf(why, sizeof why, "%s: a string is wanted", keys[i]);
        act_refuse(a, ERR_INVALID, why);
        return false;
    }
    return true;
}

static const char *const m_reason[] = {"reason", NULL}, *const m_resolve[] = {"outcome", "reason", "note",
                                                                              NULL};

static void accept_offer(struct act *a)
{
    store_accept(a->o->op, a->thread, a->by.agent, on_moved, a);
}

static void decline(struct act *a)
{
    const char *reason = text_of(a, "reason");
    if (!words_only(a, m_reason))
        return;
    if (reason && !name_valid(slice_str(reason)))
        act_refuse(a, ERR_INVALID, "reason: a short word of a-z, 0-9, '.', '_' or '-' is wanted");
    else
        store_decline(a->o->op, a->thread, a->by.agent, reason ? reason : "", on_moved, a);
}

/* Programs know agents by what they were told; people by whom they may see. */
static bool may_name(const struct act *a, const struct member *m)
{
    return (a->by.who.roles & ROLE_INTEGRATOR) || rights_colleague(&a->by.who, &m->a);
}

/* A colleague who may have the thread; otherwise the call is refused. Of somebody whom the caller may not see
 * it says what it says of nobody. */
static bool may_get(struct act *a, const char *agent, int clearance)
{
    struct member *m = operation_member(a->o, agent);
    struct caller c = {0};
    if (!m || m->a.disabled || !may_name(a, m) || !auth_member(a->o, m->a.login, &c)) {
        act_refuse(a, ERR_INVALID, "agent: there is no such agent");
        return false;
    }
    if (c.who.clearance < clearance || !rights_area(&c.who, a->t.area)) {
        act_refuse(a, ERR_INVALID, "agent: this agent may not see the thread");
        return false;
    }
    return true;
}

static void assign(struct act *a)
{
    const char *agent = text_of(a, "agent");
    if (!agent) {
        act_refuse(a, ERR_INVALID, "agent: missing");
        return;
    }
    if (strcmp(agent, "me") == 0)
        agent = a->by.agent;
    if (may_get(a, agent, a->t.clearance))
        store_assign(a->o->op, a->thread, 0, agent, actor(a), on_moved, a);
}

/* A name of the operation's document ("topics", "areas", "teams"), or a refusal. */
static bool known_name(struct act *a, const char *section, const char *key, const char *value)
{
    size_t i;
    json_t *one;
    if (!value)
        return true;
    json_array_foreach(json_object_get(operation_document(a->o), section), i, one)
    {
        const char *id =
            json_is_string(one) ? json_string_value(one) : json_string_value(json_object_get(one, "id"));
        if (id && strcmp(id, value) == 0)
            return true;
    }
    struct err e = {0};
    err_set(&e, ERR_INVALID, "%s: the operation has no such name", key);
    act_end(a, &e, NULL, (struct slice){0, 0});
    return false;
}

static bool known_language(struct act *a, const char *tag)
{
    if (!tag || (strlen(tag) < 12 && name_valid(slice_str(tag))))
        return true;
    act_refuse(a, ERR_INVALID, "language: a tag such as \"ar\" is wanted");
    return false;
}

static void transfer(struct act *a)
{
    json_t *c = json_object_get(a->body, "clearance");
    struct store_transfer t = {
        .topic = text_of(a, "topic"),
        .language = text_of(a, "language"),
        .team = text_of(a, "team"),
        .agent = text_of(a, "agent"),
        .area = text_of(a, "area"),
        .clearance = json_is_integer(c) ? (int)json_integer_value(c) : -1,
        .note = json_opt_str(a->body, "note"),
    };
    if (c && (!json_is_integer(c) || json_integer_value(c) < a->t.clearance || json_integer_value(c) > 2)) {
        act_refuse(a, ERR_INVALID, "clearance: it can only be raised, to 2 at most");
        return;
    }
    if (t.note.n > TEXT_MAX) {
        act_refuse(a, ERR_TOO_LARGE, "note: at most 65,536 bytes");
        return;
    }
    if (!known_name(a, "topics", "topic", t.topic) || !known_name(a, "teams", "team", t.team) ||
        !known_name(a, "areas", "area", t.area) || !known_language(a, t.language))
        return;
    if (t.agent && !may_get(a, t.agent, t.clearance > a->t.clearance ? t.clearance : a->t.clearance))
        return;
    store_transfer(a->o->op, a->thread, actor(a), &t, on_moved, a);
}

static void resolve_now(struct act *a)
{
    const char *outcome = text_of(a, "outcome"), *reason = text_of(a, "reason");
    store_resolve_for(a->o->op, a->thread, actor(a), outcome ? outcome : "", reason ? reason : "", on_moved,
                      a);
}

static void on_resolve_note(void *arg, const struct err *e, const struct store_written *w)
{
    struct act *a = arg;
    (void)w;
    if (e->code)
        act_end(a, e, NULL, (struct slice){0, 0});
    else
        resolve_now(a);
}

/* A note stays, so it is not written before what follows will be done. */
static void on_resolve_look(void *arg, const struct err *e, const struct guard_look *g)
{
    struct act *a = arg;
    if (e->code || (*g->lacks && strcmp(g->lacks, "approval") != 0)) {
        struct err own = *e;
        if (!e->code)
            err_set(&own, ERR_GUARDED, "%s", g->lacks);
        act_end(a, &own, NULL, (struct slice){0, 0});
        return;
    }
    struct store_outbound out = {.thread = a->thread,
                                 .kind = STORE_NOTE,
                                 .author = STORE_AGENT,
                                 .author_id = actor(a),
                                 .channel = "",
                                 .text = json_opt_str(a->body, "note"),
                                 .must_hold = ""};
    store_write(a->o->op, &out, on_resolve_note, a);
}

static bool known_reason(struct act *a, const char *reason)
{
    const struct guard_reason *r = guard_reasons;
    while (reason && *reason && r->code && strcmp(r->code, reason) != 0)
        r++;
    if (r->code)
        return true;
    act_refuse(a, ERR_INVALID, "reason: there is no such reason");
    return false;
}

static void resolve(struct act *a)
{
    const char *outcome = text_of(a, "outcome"), *reason = text_of(a, "reason");
    struct slice note = json_opt_str(a->body, "note");
    if (!words_only(a, m_resolve))
        return;
    if (outcome && !name_valid(slice_str(outcome))) {
        act_refuse(a, ERR_INVALID, "outcome: a short word of a-z, 0-9, '.', '_' or '-' is wanted");
        return;
    }
    if (!known_reason(a, reason))
        return;
    if (note.n > TEXT_MAX)
        act_refuse(a, ERR_TOO_LARGE, "note: at most 65,536 bytes");
    else if (note.n)
        store_guard_look(a->o->op, a->thread, reason ? reason : "", on_resolve_look, a);
    else
        resolve_now(a);
}

static void reopen(struct act *a)
{
    store_reopen(a->o->op, a->thread, actor(a), on_moved, a);
}

static void snooze(struct act *a)
{
    int64_t until = 0;
    if (!time_parse(json_opt_str(a->body, "until"), &until))
        act_refuse(a, ERR_INVALID, "until: a time such as 2026-01-01T06:00:00Z is wanted");
    else if (until <= store_now_ms(a->o->api->cf.store))
        act_refuse(a, ERR_INVALID, "until: this time is over");
    else
        store_snooze(a->o->op, a->thread, actor(a), until, on_moved, a);
}

/* A JSON array of names as a blank-separated list; NULL when one is none. */
static const char *name_list(struct act *a, const char *key)
{
    size_t i;
    json_t *one;
    struct buf b;
    buf_init(&b, 2048);
    json_array_foreach(json_object_get(a->body, key), i, one)
    {
        if (!json_is_string(one) || !name_valid(slice_str(json_string_value(one)))) {
            buf_clear(&b);
            return NULL;
        }
        if (b.n)
            buf_char(&b, ' ');
        buf_str(&b, json_string_value(one));
    }
    const char *list = b.err ? NULL : arena_strdup(a->arena, b.n ? b.p : "");
    buf_clear(&b);
    return list;
}

static void tag(struct act *a)
{
    const char *add = name_list(a, "add"), *drop = name_list(a, "remove");
    if (!add || !drop)
        act_refuse(a, ERR_INVALID, "add, remove: lists of short names are wanted");
    else
        store_tag(a->o->op, a->thread, actor(a), add, drop, on_moved, a);
}

static void patch(struct act *a)
{
    const char *topic = text_of(a, "topic"), *language = text_of(a, "language");
    json_t *p = json_object_get(a->body, "priority");
    if (p && (!json_is_integer(p) || json_integer_value(p) < 0 || json_integer_value(p) > 3)) {
        act_refuse(a, ERR_INVALID, "priority: a number from 0 to 3 is wanted");
        return;
    }
    if (!known_name(a, "topics", "topic", topic) || !known_language(a, language))
        return;
    struct store_language l = {.how = STORE_SET};
    if (language)
        memcpy(l.tag, language, strlen(language));
    store_thread_patch(a->o->op, a->thread, actor(a), language ? &l : NULL, topic,
                       p ? (int)json_integer_value(p) : -1, on_moved, a);
}

/* ---- the verbs ---- */

static const char *const m_none[] = {NULL};
static const char *const m_send[] = {"kind",    "text",     "channel",        "address", "attachments",
                                     "choices", "reply_to", "despite_unsafe", NULL};
static const char *const m_edit[] = {"kind", "target", "text", NULL};
static const char *const m_deletion[] = {"kind", "target", NULL};
static const char *const m_reaction[] = {"kind", "target", "emoji", NULL};
static const char *const m_note[] = {"kind", "text", NULL};
static const char *const m_retry[] = {"seq", NULL};
static const char *const m_assign[] = {"agent", NULL};
static const char *const m_transfer[] = {"topic", "language",  "team", "agent",
                                         "area",  "clearance", "note", NULL};
static const char *const m_snooze[] = {"until", NULL};
static const char *const m_tag[] = {"add", "remove", NULL};
static const char *const m_patch[] = {"language", "topic", "priority", NULL};

static const struct act_verb verbs[] = {
    {"send", RIGHT_WRITE, m_send, act_send},
    {"note", RIGHT_WRITE, m_note, act_note},
    {"edit", RIGHT_WRITE, m_edit, act_edit},
    {"deletion", RIGHT_WRITE, m_deletion, act_deletion},
    {"reaction", RIGHT_WRITE, m_reaction, act_reaction},
    {"retry", RIGHT_WRITE, m_retry, act_retry},
    {"accept", RIGHT_ANSWER, m_none, accept_offer},
    {"decline", RIGHT_ANSWER, m_reason, decline},
    {"assign", RIGHT_ASSIGN, m_assign, assign},
    {"transfer", RIGHT_MOVE, m_transfer, transfer},
    {"resolve", RIGHT_MOVE, m_resolve, resolve},
    {"reopen", RIGHT_MOVE, m_none, reopen},
    {"snooze", RIGHT_MOVE, m_snooze, snooze},
    {"tag", RIGHT_MOVE, m_tag, tag},
    {"patch", RIGHT_MOVE, m_patch, patch},
};

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Unknown members are an error: a misspelt one must not be lost in silence. */
static bool members_fit(struct act *a)
{
    static const char *const always[] = {"type", "ref", "thread", NULL};
    const char *key;
    json_t *value;
    json_object_foreach(a->body, key, value)
    {
        if (listed(always, key) || listed(a->verb->members, key))
            continue;
        struct err e = {0};
        err_set(&e, ERR_INVALID, "\"%.40s\" is not known here", key);
        act_end(a, &e, NULL, (struct slice){0, 0});
        return false;
    }
    return true;
}

static void keep_for_act(struct act *a, const struct card *c)
{
    a->rights = c->rights;
    a->t = *c->t;
    a->t.topic = arena_strdup(a->arena, c->t->topic);
    a->t.area = arena_strdup(a->arena, c->t->area);
    a->t.channel = arena_strdup(a->arena, c->t->channel);
    a->t.assignee = arena_strdup(a->arena, c->t->assignee);
    a->t.last_agent = a->t.team = a->t.tags = a->t.outcome = a->t.declined = "";
}

static void on_card(void *arg, const struct err *e, const struct card *c)
{
    struct act *a = arg;
    if (e->code) {
        act_end(a, e, NULL, (struct slice){0, 0});
        return;
    }
    keep_for_act(a, c);
    if (a->rights & a->verb->right)
        a->verb->run(a);
    else if (a->verb->right == RIGHT_ANSWER)
        act_refuse(a, ERR_CONFLICT, "this offer is over");
    else if (a->verb->right == RIGHT_WRITE && a->t.state == STORE_RESOLVED)
        act_refuse(a, ERR_CONFLICT, "the thread is resolved; reopen it first");
    else if (a->verb->right == RIGHT_WRITE && (a->rights & RIGHT_ANSWER))
        act_refuse(a, ERR_CONFLICT, "accept the offer first");
    else
        act_refuse(a, ERR_FORBIDDEN, "you do not hold this thread");
}

static const struct act_verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

bool act_is_verb(const char *verb)
{
    return verb_find(verb) != NULL;
}

void act_thread(struct api_op *o, const struct who *w, const char *verb, struct id thread, const json_t *body,
                act_done done, void *arg)
{
    const struct act_verb *v = verb_find(verb);
    err_assert(v);
    struct act *a = mem_alloc(sizeof *a);
    a->o = o;
    a->verb = v;
    a->thread = thread;
    a->body = body ? json_incref((json_t *)(uintptr_t)body) : json_object();
    a->arena = arena_new();
    a->done = done;
    a->arg = arg;
    caller_copy(&a->by, w);
    if (members_fit(a))
        card_load(o, &a->by.who, thread, on_card, a);
}
