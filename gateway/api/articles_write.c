/* SPDX-License-Identifier: Apache-2.0
 * Writing articles by REST: made, changed, published, retired, deleted by those who may; rated, flagged and
 * counted by all who read them. One record for what each agent says of an article, so that nobody counts
 * twice. */
#include "gateway/api/articles_internal.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define COMMENT_MAX 2000
#define TRIES       4

static const char *actor(const struct call *c)
{
    return *c->caller.agent ? c->caller.agent : c->caller.login;
}

/* ---- putting one ---- */

void articles_put(struct api_op *o, const char *id, json_t *json, uint64_t expect, const char *by,
                  const char *action, void (*done)(void *arg, const struct err *e, uint64_t version),
                  void *arg)
{
    struct buf b;
    char facets[256], area[160];
    const char *a = json_string_value(json_object_get(json, "area"));
    const char *state = json_string_value(json_object_get(json, "state"));
    snprintf(area, sizeof area, "%s", a ? a : "");
    snprintf(facets, sizeof facets, "state=%s%s%s", state ? state : "draft", *area ? " area=" : "", area);
    buf_init(&b, RECORD_JSON);
    json_write(json, &b);
    struct record_put p = {.r = {.kind = ARTICLE_KIND,
                                 .id = id,
                                 .json = buf_view(&b),
                                 .clearance = (int)json_opt_int(json, "clearance", 0),
                                 .group = "",
                                 .facets = facets},
                           .expect = expect,
                           .actor = by,
                           .action = action,
                           .detail = state ? state : "draft"};
    store_record_put(o->op, &p, done, arg);
    buf_clear(&b);
}

struct writing {
    struct call *c;
    json_t *json;
    char id[ARTICLE_ID + 1];
    int status;
};

static void writing_end(struct writing *w)
{
    json_decref(w->json);
    mem_free(w);
}

/* The event that brings it to every node follows; here it is known at once, so that who wrote it sees it. */
static void on_put(void *arg, const struct err *e, uint64_t version)
{
    struct writing *w = arg;
    struct call *c = w->c;
    if (e->code == ERR_CONFLICT) {
        call_problem(c, 409, "somebody else has changed the article meanwhile; load it anew");
    } else if (e->code) {
        call_err(c, e);
    } else {
        struct buf b;
        article_index_put(c->op->articles->index, w->id, version, w->json);
        buf_init(&b, 1u << 20);
        articles_view(&b, c->op, &c->caller.who, article_index_get(c->op->articles->index, w->id), NULL);
        call_json(c, w->status, buf_view(&b));
        buf_clear(&b);
    }
    writing_end(w);
}

static void put(struct call *c, const char *id, json_t *json, uint64_t expect, const char *action, int status)
{
    struct writing *w = mem_alloc(sizeof *w);
    *w = (struct writing){.c = c, .json = json, .status = status};
    snprintf(w->id, sizeof w->id, "%s", id);
    json_object_set_new(json, "updated_by", json_string(actor(c)));
    articles_put(c->op, id, json, expect, actor(c), action, on_put, w);
}

/* The article of the path as the caller may change it; NULL: it was answered. */
static const struct article *mine(struct call *c, bool to_edit)
{
    char id[ARTICLE_ID + 1] = "";
    if (c->args[0].n < sizeof id)
        memcpy(id, c->args[0].p, c->args[0].n);
    const struct article *a = article_index_get(c->op->articles->index, id);
    if (!a || !articles_sees(&c->caller.who, a))
        call_problem(c, 404, "no such article");
    else if (to_edit && !articles_edits(&c->caller.who, a->area, a->owner, a->clearance))
        call_problem(c, 403, "you may not change this article");
    else
        return a;
    return NULL;
}

static const char *const members[] = {"id",     "version", "kind", "shortcut",  "area",  "topic", "owner",
                                      "review", "source",  "tags", "clearance", "texts", NULL};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* A partner's is their team's. False: it was answered. */
static bool take_owner(struct call *c, json_t *o)
{
    const struct who *w = &c->caller.who;
    if (!*text_of(o, "owner") && !(w->roles & (ROLE_ADMINISTRATOR | ROLE_SUPERVISOR))) {
        struct slice teams = slice_str(w->teams), one = {0};
        if (slice_next(&teams, ' ', &one))
            json_object_set_new(o, "owner", json_stringn(one.p, one.n));
    }
    if (articles_edits(w, text_of(o, "area"), text_of(o, "owner"), (int)json_opt_int(o, "clearance", 0)))
        return true;
    call_problem(c, 403, "you may not write an article for this area, team or clearance");
    return false;
}

/* The body as a record; NULL: it was answered. */
static json_t *take_body(struct call *c, const char *state)
{
    struct err e = {0};
    if (!call_members(c, members))
        return NULL;
    json_t *o = json_deep_copy(c->body);
    json_object_del(o, "id");
    json_object_del(o, "version");
    json_object_set_new(o, "state", json_string(state));
    if (article_check(o, &e)) {
        call_err(c, &e);
    } else if (take_owner(c, o)) {
        return o;
    }
    json_decref(o);
    return NULL;
}

/* Made by a caller's name for it, or by one of ours. */
static void make_now(struct call *c)
{
    char id[ARTICLE_ID + 1];
    struct slice wanted = json_opt_str(c->body, "id");
    if (wanted.n && (!name_valid(wanted) || wanted.n > ARTICLE_ID)) {
        call_problem(c, 400, "id: a name of at most 40 is wanted, or none");
        return;
    }
    json_t *o = take_body(c, "draft");
    if (!o)
        return;
    if (wanted.n)
        snprintf(id, sizeof id, "%.*s", (int)wanted.n, wanted.p);
    else
        snprintf(id, sizeof id, "%s", id_new().s);
    put(c, id, o, 0, "article.new", 201);
}

static void change_now(struct call *c)
{
    const struct article *a = mine(c, true);
    json_t *version = a ? json_object_get(c->body, "version") : NULL;
    if (!a)
        return;
    if (version && !json_is_integer(version)) {
        call_problem(c, 400, "version: the number that was read is wanted");
        return;
    }
    char id[ARTICLE_ID + 1];
    uint64_t expect = version ? (uint64_t)json_integer_value(version) : a->version;
    snprintf(id, sizeof id, "%s", a->id);
    json_t *o = take_body(c, article_states[a->state]);
    if (!o)
        return;
    json_t *imported = json_object_get(a->json, "imported");
    if (imported) { /* from now on it is the operation's own: what is imported again does not replace it */
        json_object_set(o, "imported", imported);
        json_object_set_new(o, "local", json_true());
    }
    put(c, id, o, expect, "article.put", 200);
}

static void state_now(struct call *c, const char *state, const char *action)
{
    const struct article *a = mine(c, true);
    if (!a)
        return;
    char id[ARTICLE_ID + 1];
    json_t *o = json_deep_copy(a->json);
    snprintf(id, sizeof id, "%s", a->id);
    json_object_set_new(o, "state", json_string(state));
    json_object_del(o, "source_changed"); /* whoever publishes it has looked */
    put(c, id, o, a->version, action, 200);
}

static void publish_now(struct call *c)
{
    state_now(c, "published", "article.publish");
}

static void retire_now(struct call *c)
{
    state_now(c, "retired", "article.retire");
}

static void on_deleted(void *arg, const struct err *e)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        call_empty(c, 204);
}

static void delete_now(struct call *c)
{
    const struct article *a = mine(c, true);
    char id[ARTICLE_ID + 1];
    if (!a)
        return;
    if (a->state == ARTICLE_PUBLISHED) {
        call_problem(c, 409, "retire the article first");
        return;
    }
    snprintf(id, sizeof id, "%s", a->id);
    store_record_delete(c->op->op, ARTICLE_KIND, id, a->version, actor(c), "article.delete", on_deleted, c);
    article_index_del(c->op->articles->index, id);
}

/* ---- what agents say ---- */

struct saying {
    struct call *c;
    char article[ARTICLE_ID + 1], id[ARTICLE_ID + 20];
    bool used; /* it was used once more; else a rating */
    int tries;
};

static void say(struct saying *s);

static void on_said(void *arg, const struct err *e, uint64_t version)
{
    struct saying *s = arg;
    (void)version;
    if (e->code == ERR_CONFLICT && s->tries++ < TRIES) {
        say(s);
        return;
    }
    if (e->code)
        call_err(s->c, e);
    else
        call_empty(s->c, 204);
    mem_free(s);
}

static json_t *said_before(const struct err *e, const struct store_record *r)
{
    json_t *o = !e->code && r->json.n ? json_parse(r->json, JSON_DEPTH_DEFAULT, NULL) : NULL;
    if (json_is_object(o))
        return o;
    json_decref(o);
    return json_object();
}

static void on_before(void *arg, const struct err *e, const struct store_record *r)
{
    struct saying *s = arg;
    struct call *c = s->c;
    char facets[96], at[TIME_TEXT];
    struct buf b;
    if (e->code && e->code != ERR_NOT_FOUND) {
        call_err(c, e);
        mem_free(s);
        return;
    }
    json_t *o = said_before(e, r);
    if (s->used) {
        json_object_set_new(o, "used", json_integer(json_opt_int(o, "used", 0) + 1));
    } else {
        json_object_set(o, "rating", json_object_get(c->body, "rating"));
        json_object_set_new(o, "comment", json_string(text_of(c->body, "comment")));
        time_text(store_now_ms(c->api->cf.store), at);
        json_object_set_new(o, "time", json_string(at));
    }
    json_object_set_new(o, "by", json_string(actor(c)));
    snprintf(facets, sizeof facets, "rating=%s used=%lld",
             *text_of(o, "rating") ? text_of(o, "rating") : "none", (long long)json_opt_int(o, "used", 0));
    buf_init(&b, RECORD_JSON);
    json_write(o, &b);
    struct record_put p = {
        .r = {.kind = ARTICLE_NOTE, .id = s->id, .json = buf_view(&b), .group = s->article, .facets = facets},
        .expect = e->code ? 0 : r->version,
        .actor = actor(c),
        .action = s->used ? NULL : "article.rate",
        .detail = s->used ? "" : text_of(o, "rating")};
    store_record_put(c->op->op, &p, on_said, s);
    buf_clear(&b);
    json_decref(o);
}

static void say(struct saying *s)
{
    store_record_get(s->c->op->op, ARTICLE_NOTE, s->id, on_before, s);
}

static void say_first(struct call *c, bool used)
{
    const struct article *a = mine(c, false);
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char hex[17];
    if (!a)
        return;
    SHA256((const unsigned char *)actor(c), strlen(actor(c)), hash);
    text_hex(hex, hash, 8);
    struct saying *s = mem_alloc(sizeof *s);
    *s = (struct saying){.c = c, .used = used};
    snprintf(s->article, sizeof s->article, "%s", a->id);
    snprintf(s->id, sizeof s->id, "%s/%s", a->id, hex);
    say(s);
}

static void rate_now(struct call *c)
{
    static const char *const known[] = {"rating", "comment", NULL};
    struct slice rating = json_opt_str(c->body, "rating");
    json_t *comment = json_object_get(c->body, "comment");
    if (!call_members(c, known))
        return;
    if (!slice_is(rating, "useful") && !slice_is(rating, "not_useful") && !slice_is(rating, "outdated"))
        call_problem(c, 400, "rating: useful, not_useful or outdated");
    else if (comment && (!json_is_string(comment) || json_string_length(comment) > COMMENT_MAX))
        call_problem(c, 400, "comment: a string of at most 2,000 bytes");
    else
        say_first(c, false);
}

static void used_now(struct call *c)
{
    say_first(c, true);
}

static void on_notes(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct call *c = arg;
    struct buf b;
    (void)more;
    if (e->code) {
        call_err(c, e);
        return;
    }
    call_list(&b);
    for (size_t i = 0; i < n; i++) {
        json_t *o = r[i].json.n ? json_parse(r[i].json, JSON_DEPTH_DEFAULT, NULL) : NULL;
        if (*text_of(o, "rating")) {
            call_item(&b);
            json_object_del(o, "used");
            json_write(o, &b);
        }
        json_decref(o);
    }
    call_list_end(c, &b, "");
}

static void notes_now(struct call *c)
{
    const struct article *a = mine(c, true);
    if (!a)
        return;
    struct record_list q = {.kind = ARTICLE_NOTE, .group = a->id, .newest_first = true, .limit = 200};
    store_record_list(c->op->op, &q, on_notes, c);
}

#define LOADED(name)                                                                                         \
    static void article_##name(struct call *c)                                                               \
    {                                                                                                        \
        articles_when(c, name##_now);                                                                        \
    }
LOADED(make)
LOADED(change)
LOADED(publish)
LOADED(retire)
LOADED(delete)
LOADED(rate)
LOADED(used)
LOADED(notes)

#define WRITERS (ROLE_SUPERVISOR | ROLE_ADMINISTRATOR | ROLE_PARTNER)
#define READERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_ADMINISTRATOR)

const struct call_route articles_write_routes[] = {
    {HTTP_M_POST, "articles", article_make, WRITERS, CALL_JSON},
    {HTTP_M_POST, "articles/import", articles_import, WRITERS, CALL_JSON},
    {HTTP_M_PUT, "articles/{}", article_change, WRITERS, CALL_JSON},
    {HTTP_M_DELETE, "articles/{}", article_delete, WRITERS, 0},
    {HTTP_M_POST, "articles/{}/publish", article_publish, WRITERS, 0},
    {HTTP_M_POST, "articles/{}/retire", article_retire, WRITERS, 0},
    {HTTP_M_POST, "articles/{}/rate", article_rate, READERS, CALL_JSON},
    {HTTP_M_POST, "articles/{}/used", article_used, READERS, 0},
    {HTTP_M_GET, "articles/{}/notes", article_notes, WRITERS, 0},
    {.run = NULL},
};
