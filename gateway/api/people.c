/* SPDX-License-Identifier: Apache-2.0
 * REST on contacts, agents and queues. */
#include "gateway/api/reads.h"
#include "gateway/api/byhand.h"
#include "store/callback.h"
#include <stdio.h>
#include <string.h>

/* ---- contacts: seen by those who may see one of its threads ---- */

struct contact_job {
    struct call *c;
    struct store_contact contact; /* in arena */
    struct arena *arena;
    struct slice profile[3];             /* as seen by clearance */
    int clearance;                       /* the highest of the threads that are seen */
    bool list;                           /* answer as a list of one */
    struct person_view person;           /* beside the contact's own record */
    void (*then)(struct contact_job *j); /* instead of answering */
};

static void contact_end(struct contact_job *j)
{
    buf_clear(&j->person.merged);
    arena_free(&j->arena);
    mem_free(j);
}

static void contact_missing(struct contact_job *j)
{
    struct buf b;
    if (j->list) {
        call_list(&b);
        call_list_end(j->c, &b, "");
    } else
        call_problem(j->c, 404, "no such contact");
    contact_end(j);
}

static void note_contact(const struct contact_job *j)
{
    char object[9 + ID_LEN];
    snprintf(object, sizeof object, "contact:%s", j->contact.id.s);
    reads_note(j->c->op->op, &j->c->caller.who, "contact.read", object);
}

static void contact_answer(struct contact_job *j, const struct store_thread *const *seen, size_t n)
{
    struct buf b;
    if (j->list)
        call_list(&b);
    else
        buf_init(&b, 1 << 20);
    note_contact(j);
    view_contact(&b, &j->contact, seen, n);
    person_view_end(&b, &j->person);
    if (j->list)
        call_list_end(j->c, &b, "");
    else {
        call_json(j->c, 200, buf_view(&b));
        buf_clear(&b);
    }
    contact_end(j);
}

static bool holds_one(const struct who *w, const struct store_thread *const *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (*w->agent && strcmp(t[i]->assignee, w->agent) == 0 && !rights_doubted(t[i]) &&
            t[i]->clearance <= w->clearance && /* of a token that has less than its agent */
            (t[i]->state == STORE_ASSIGNED || t[i]->state == STORE_SNOOZED))
            return true;
    return false;
}

/* All that this record of a merged person was ever for is sealed to w. */
static bool own_hidden(struct api_op *o, const struct who *w, struct id contact,
                       const struct store_thread *const *t, size_t n)
{
    bool own = false, holds = holds_one(w, t, n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(t[i]->contact.s, contact.s) != 0)
            continue;
        if (rights_now(o, w, t[i], holds) & RIGHT_READ)
            return false;
        own = true;
    }
    return own;
}

bool people_knows(struct api_op *o, const struct who *w, struct id contact,
                  const struct store_thread *const *t, size_t n)
{
    bool holds = holds_one(w, t, n);
    if (own_hidden(o, w, contact, t, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!rights_doubted(t[i]) && rights_now(o, w, t[i], holds) & RIGHT_READ)
            return true;
    return false;
}

static void on_person(void *arg, const struct store_thread *const *seen, size_t n)
{
    contact_answer(arg, seen, n);
}

static void on_contact_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct contact_job *j = arg;
    const struct who *w = &j->c->caller.who;
    if (e->code) {
        call_err(j->c, e);
        contact_end(j);
        return;
    }
    bool holds = holds_one(w, t, n);
    const struct store_thread **seen = mem_array(n ? n : 1, sizeof *seen);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (rights_now(j->c->op, w, t[i], holds) & RIGHT_READ) {
            seen[k++] = t[i];
            j->clearance = t[i]->clearance > j->clearance ? t[i]->clearance : j->clearance;
        }
    j->contact.profile = j->profile[j->clearance];
    if (own_hidden(j->c->op, w, j->contact.id, t, n))
        k = 0;
    if (k && !people_knows(j->c->op, w, j->contact.id, seen, k))
        person_close(&j->person, &j->contact, seen, k, j->arena);
    if (!k)
        contact_missing(j);
    else if (j->then)
        j->then(j);
    else
        person_load(&j->person, j->c->op, &j->contact, j->clearance, seen, k, j->arena, on_person, j);
    mem_free(seen);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct contact_job *j = arg;
    if (e->code == ERR_NOT_FOUND) {
        contact_missing(j);
        return;
    }
    if (e->code) {
        call_err(j->c, e);
        contact_end(j);
        return;
    }
    struct store_address *a = arena_alloc(j->arena, sizeof *a * (c->addresses_n + 1));
    struct id *threads = arena_alloc(j->arena, sizeof *threads * (c->threads_n + 1));
    struct id *merged = arena_alloc(j->arena, sizeof *merged * (c->merged_n + 1));
    j->contact = *c;
    j->contact.area = arena_strdup(j->arena, c->area ? c->area : "");
    for (int i = 0; i < 3; i++)
        j->profile[i] = store_contact_profile(c, i, j->arena);
    for (size_t i = 0; i < c->addresses_n; i++) {
        a[i] = c->addresses[i];
        a[i].uri = arena_slice(j->arena, c->addresses[i].uri);
        a[i].channel = arena_strdup(j->arena, c->addresses[i].channel);
    }
    if (c->threads_n)
        memcpy(threads, c->threads, sizeof *threads * c->threads_n);
    if (c->merged_n)
        memcpy(merged, c->merged, sizeof *merged * c->merged_n);
    j->contact.merged = merged;
    j->contact.addresses = a;
    j->contact.threads = threads;
    store_threads_get(j->c->op->op, threads, c->threads_n, on_contact_threads, j);
}

static struct contact_job *contact_job(struct call *c)
{
    struct contact_job *j = mem_alloc(sizeof *j);
    j->c = c;
    j->arena = arena_new();
    buf_init(&j->person.merged, 1u << 20);
    return j;
}

void call_show_contact(struct call *c, struct id contact)
{
    store_contact_get(c->op->op, contact, on_contact, contact_job(c));
}

static void contact_get(struct call *c)
{
    struct id id;
    if (call_id(c, c->args[0], &id))
        call_show_contact(c, id);
}

static void contacts_find(struct call *c)
{
    struct buf b;
    buf_init(&b, 1024);
    if (call_query(c, "name", &b) && b.n)
        people_by_name(c, buf_view(&b));
    else if (!call_query(c, "address", &b) || !b.n)
        call_problem(c, 400, "address: an address such as tel:+905551234567 is wanted, or name");
    else {
        struct contact_job *j = contact_job(c);
        j->list = true;
        store_contact_by_address(c->op->op, buf_view(&b), on_contact, j);
    }
    buf_clear(&b);
}

static void on_patched(void *arg, const struct err *e)
{
    struct contact_job *j = arg;
    struct call *c = j->c;
    struct id id = j->contact.id;
    contact_end(j);
    snprintf(c->idem_what, sizeof c->idem_what, "contact %s", id.s);
    if (e->code)
        call_err(c, e);
    else
        call_show_contact(c, id);
}

static void contact_patch_now(struct contact_job *j)
{
    struct call *c = j->c;
    if (j->person.closed) {
        call_problem_code(c, 409, "ask first whether it is the same person", "same_person");
        contact_end(j);
        return;
    }
    json_t *language = json_object_get(c->body, "language"), *profile = json_copy(c->body);
    struct store_language l = {.how = STORE_SET};
    const char *tag = json_string_value(language);
    struct buf b;
    if (tag)
        strncpy(l.tag, tag, sizeof l.tag - 1);
    json_object_del(profile, "language");
    buf_init(&b, 1 << 18);
    json_write(profile, &b);
    json_decref(profile);
    store_contact_patch(c->op->op, j->contact.id, j->clearance, buf_view(&b), tag ? &l : NULL,
                        *c->caller.agent ? c->caller.agent : c->caller.login, on_patched, j);
    buf_clear(&b);
}

static void contact_patch(struct call *c)
{
    static const char *const known[] = {"name", "language", "notes", "fields", "safe", NULL};
    struct id id;
    const char *key;
    json_t *v;
    if (!call_members(c, known) || !call_id(c, c->args[0], &id))
        return;
    json_object_foreach(c->body, key, v)
    {
        bool fields = strcmp(key, "fields") == 0, safe = strcmp(key, "safe") == 0;
        bool good = safe     ? json_is_null(v) || callback_wish_valid(v)
                    : fields ? json_is_object(v) || json_is_null(v)
                             : json_is_string(v) || json_is_null(v);
        size_t max = strcmp(key, "notes") == 0 ? 16384 : strcmp(key, "language") == 0 ? 11 : 256;
        if (!good || json_string_length(v) > max ||
            (strcmp(key, "language") == 0 && !name_valid(slice_str(json_string_value(v))))) {
            struct err e = {0};
            err_set(&e, ERR_INVALID, "%s: %s", key,
                    safe     ? "words, from and to (\"18:00\") are wanted"
                    : fields ? "an object is wanted"
                             : "a string, not too long, is wanted");
            call_err(c, &e);
            return;
        }
    }
    struct contact_job *j = contact_job(c);
    j->then = contact_patch_now;
    store_contact_get(c->op->op, id, on_contact, j);
}

/* ---- agents ---- */

static void on_agents(void *arg, const struct err *e, const struct store_agent *const *a, size_t n)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct buf b;
    call_list(&b);
    for (size_t i = 0; i < n; i++) {
        if (!rights_colleague(&c->caller.who, a[i]))
            continue;
        call_item(&b);
        view_agent(&b, a[i], &c->caller.who);
    }
    call_list_end(c, &b, "");
}

static void agents_get(struct call *c)
{
    store_agents_get(c->op->op, on_agents, c);
}

static void on_agent_again(void *arg, const struct err *e, const struct store_agent *a)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct buf b;
    buf_init(&b, 1 << 16);
    view_agent(&b, a, &c->caller.who);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void on_agent_put(void *arg, const struct err *e)
{
    struct call *c = arg;
    char id[128] = "";
    if (e->code) {
        call_err(c, e);
        return;
    }
    if (c->args[0].n < sizeof id)
        memcpy(id, c->args[0].p, c->args[0].n);
    store_agent_get(c->op->op, id, on_agent_again, c);
}

/* A list of names as blank-separated text; false when it is none. */
static bool name_list(const json_t *v, bool areas, struct buf *b)
{
    size_t i;
    json_t *one;
    if (!json_is_array(v))
        return false;
    json_array_foreach(v, i, one)
    {
        struct slice s = slice_str(json_string_value(one));
        if (!(areas ? area_valid(s) : name_valid(s) || slice_is(s, "*")))
            return false;
        if (b->n)
            buf_char(b, ' ');
        buf_slice(b, s);
    }
    buf_str(b, "");
    return !b->err;
}

static bool take_languages(const json_t *v, struct store_agent *a)
{
    const char *tag;
    json_t *level;
    a->languages_n = 0;
    if (!json_is_object(v))
        return false;
    json_object_foreach((json_t *)(uintptr_t)v, tag, level)
    {
        json_int_t l = json_integer_value(level);
        if (a->languages_n == 24 || strlen(tag) > 11 || !name_valid(slice_str(tag)) || l < 1 || l > 5)
            return false;
        memcpy(a->languages[a->languages_n].tag, tag, strlen(tag) + 1); /* its length was looked at */
        a->languages[a->languages_n++].level = (int)l;
    }
    return true;
}

struct lists {
    struct buf teams, areas, topics;
};

/* The name of the member that is wrong, or NULL. */
static const char *take_skills(const json_t *body, struct store_agent *a, struct lists *l)
{
    const json_t *languages = json_object_get(body, "languages"), *topics = json_object_get(body, "topics"),
                 *teams = json_object_get(body, "teams");
    const json_t *areas = json_object_get(body, "areas"), *capacity = json_object_get(body, "capacity");
    if (languages && !take_languages(languages, a))
        return "languages: tags with a level from 1 to 5";
    if (topics && !name_list(topics, false, &l->topics))
        return "topics: a list of names, or [\"*\"]";
    if (teams && !name_list(teams, false, &l->teams))
        return "teams: a list of names";
    if (areas && !name_list(areas, true, &l->areas))
        return "areas: a list of areas";
    if (topics)
        a->topics = l->topics.p;
    if (teams)
        a->teams = l->teams.p;
    if (areas)
        a->areas = l->areas.p;
    if (capacity) {
        json_int_t chat = json_integer_value(json_object_get(capacity, "chat"));
        if (!json_is_object(capacity) || chat < 0 || chat > 100)
            return "capacity: {\"chat\": 0-100}";
        a->capacity = (unsigned)chat;
    }
    a->disabled = json_opt_bool(body, "disabled", a->disabled);
    return NULL;
}

/* As in the operation's document (admin_rights.c): neither other areas and topics, nor work again. */
static bool gives_sensitive(const struct call *c, const struct store_agent *before)
{
    bool more = json_object_get(c->body, "areas") || json_object_get(c->body, "topics") ||
                json_is_false(json_object_get(c->body, "disabled"));
    return more && !rights_may_give(&c->caller.who, before->clearance);
}

static void on_agent_before(void *arg, const struct err *e, const struct store_agent *before)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct store_agent a = *before;
    struct lists l;
    const char *wrong;
    buf_init(&l.teams, 4096);
    buf_init(&l.areas, 4096);
    buf_init(&l.topics, 4096);
    if (!rights_colleague(&c->caller.who, before))
        call_problem(c, 404, "no such agent");
    else if (before->clearance > c->caller.who.clearance && !(c->caller.who.roles & ROLE_ADMINISTRATOR))
        call_problem(c, 403, "this agent has a higher clearance than you: an administrator changes them");
    else if (gives_sensitive(c, before))
        call_problem(c, 403, "whoever has sensitive matters is given no others by somebody who has them not");
    else if ((wrong = take_skills(c->body, &a, &l)))
        call_problem(c, 400, wrong);
    else
        store_agent_put(c->op->op, &a, c->caller.login, on_agent_put, c);
    buf_clear(&l.teams);
    buf_clear(&l.areas);
    buf_clear(&l.topics);
}

static void agent_patch(struct call *c)
{
    static const char *const known[] = {"languages", "topics",   "capacity", "teams",
                                        "areas",     "disabled", NULL};
    char id[128] = "";
    if (!call_members(c, known))
        return;
    if (!name_valid(c->args[0])) {
        call_problem(c, 404, "no such agent");
        return;
    }
    memcpy(id, c->args[0].p, c->args[0].n);
    /* What widens what somebody sees is for those who serve the whole: else they would widen their own. */
    bool wide = json_object_get(c->body, "areas") || json_object_get(c->body, "disabled");
    if (wide && !rights_administer(&c->caller.who)) {
        call_problem(c, 403, "areas and disabled are for administrators of the whole operation");
        return;
    }
    store_agent_get(c->op->op, id, on_agent_before, c);
}

static void queues_get(struct call *c)
{
    struct buf b;
    buf_init(&b, 1 << 18);
    queues_json(c->op, &c->caller.who, NULL, &b);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

#define READERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)

const struct call_route people_routes[] = {
    {HTTP_M_GET, "contacts", contacts_find, ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR, 0},
    {HTTP_M_GET, "contacts/{}", contact_get, READERS, 0},
    {HTTP_M_PATCH, "contacts/{}", contact_patch, READERS, CALL_JSON},
    {HTTP_M_GET, "agents", agents_get, READERS | ROLE_ADMINISTRATOR, 0},
    {HTTP_M_PATCH, "agents/{}", agent_patch, ROLE_SUPERVISOR | ROLE_ADMINISTRATOR, CALL_JSON},
    {HTTP_M_GET, "queues", queues_get, READERS, 0},
    {.run = NULL},
};
