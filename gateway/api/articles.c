/* SPDX-License-Identifier: Apache-2.0
 * Articles: loading them, who sees which, searching and reading by REST, and the bot's way to them. */
#include "gateway/api/articles.h"
#include "gateway/api/articles_internal.h"
#include <stdio.h>
#include <string.h>

#define AGAIN_MS  1000
#define FOUND_MAX 200

struct article_note { /* one agent's word on an article */
    char article[ARTICLE_ID + 1];
    unsigned rating; /* 0 none, 1 useful, 2 not useful, 3 outdated */
    uint64_t used;
};

/* ---- loading ---- */

struct waiter {
    struct list node;
    struct call *c;
    void (*run)(struct call *c);
};

static void wake(struct articles *x)
{
    while (!list_empty(&x->waiters)) {
        struct waiter *w = container_of(list_pop(&x->waiters), struct waiter, node);
        w->run(w->c);
        mem_free(w);
    }
}

static void take_article(struct articles *x, const struct store_record *r)
{
    json_t *o = r->json.n ? json_parse(r->json, JSON_DEPTH_DEFAULT, NULL) : NULL;
    if (o)
        article_index_put(x->index, r->id, r->version, o);
    json_decref(o);
}

static void take_note(struct articles *x, const char *id, const char *group, const char *facets)
{
    static const char *const ratings[] = {"", "useful", "not_useful", "outdated"};
    struct slice rating = record_facet(facets, "rating");
    struct article_note *n = mem_alloc(sizeof *n);
    snprintf(n->article, sizeof n->article, "%s", group);
    for (unsigned i = 1; i < 4; i++)
        if (slice_is(rating, ratings[i]))
            n->rating = i;
    slice_u64(record_facet(facets, "used"), &n->used);
    mem_free(map_put(&x->notes, slice_str(id), n));
}

struct loading {
    struct articles *x;
    const char *kind;
    unsigned round, offset;
};

static void load(struct articles *x);
static void load_page(struct loading *l);

static void load_end(struct loading *l, bool good)
{
    struct articles *x = l->x;
    bool current = l->round == x->round;
    mem_free(l);
    if (!current)
        return;
    x->loading = false;
    x->loaded |= good;
    if (good)
        wake(x);
    else
        timer_start(x->again, AGAIN_MS);
}

static void on_page(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct loading *l = arg;
    bool notes = strcmp(l->kind, ARTICLE_NOTE) == 0;
    if (e->code || l->round != l->x->round) {
        load_end(l, false);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (notes)
            take_note(l->x, r[i].id, r[i].group, r[i].facets);
        else
            take_article(l->x, &r[i]);
    l->offset += RECORD_LIST;
    if (!more && !notes) {
        l->kind = ARTICLE_NOTE;
        l->offset = 0;
        more = true;
    }
    if (more)
        load_page(l);
    else
        load_end(l, true);
}

static void load_page(struct loading *l)
{
    struct record_list q = {.kind = l->kind, .offset = l->offset};
    store_record_list(l->x->o->op, &q, on_page, l);
}

static void load(struct articles *x)
{
    struct loading *l = mem_alloc(sizeof *l);
    x->loading = true;
    article_index_clear(x->index);
    map_clear(&x->notes, mem_free);
    *l = (struct loading){.x = x, .kind = ARTICLE_KIND, .round = ++x->round};
    load_page(l);
}

static void load_again(void *arg)
{
    load(arg);
}

static void on_changed(void *arg, const struct err *e, const struct store_record *r)
{
    struct articles *x = arg;
    if (e->code == ERR_NOT_FOUND)
        return; /* deleted since: its own event follows */
    if (e->code)
        timer_start(x->again, AGAIN_MS);
    else
        take_article(x, r);
}

static void on_event(void *arg, const struct store_event *ev)
{
    struct articles *x = arg;
    if (!ev) {
        load(x);
        return;
    }
    if (ev->kind != STORE_EV_RECORD || strncmp(ev->record.kind, ARTICLE_KIND, strlen(ARTICLE_KIND)) != 0)
        return;
    bool gone = strcmp(ev->why, "deleted") == 0;
    if (strcmp(ev->record.kind, ARTICLE_NOTE) == 0) {
        if (gone)
            mem_free(map_del(&x->notes, slice_str(ev->record.id)));
        else
            take_note(x, ev->record.id, ev->record.group, ev->record.facets);
    } else if (strcmp(ev->record.kind, ARTICLE_KIND) == 0) {
        if (gone)
            article_index_del(x->index, ev->record.id);
        else
            store_record_get(x->o->op, ARTICLE_KIND, ev->record.id, on_changed, x);
    }
}

struct articles *articles_open(struct api_op *o)
{
    struct articles *x = mem_alloc(sizeof *x);
    x->o = o;
    x->index = article_index_new();
    map_init(&x->notes);
    list_init(&x->waiters);
    x->again = timer_new(o->api->cf.loop, load_again, x);
    x->listener = store_listen(o->op, on_event, x);
    load(x);
    return x;
}

void articles_stop(struct articles *x)
{
    store_unlisten(&x->listener);
    timer_stop(x->again);
    x->round++;
}

void articles_close(struct articles *x)
{
    if (!x)
        return;
    store_unlisten(&x->listener);
    timer_free(&x->again);
    article_index_free(x->index);
    map_clear(&x->notes, mem_free);
    mem_free(x);
}

void articles_when(struct call *c, void (*run)(struct call *c))
{
    struct articles *x = c->op->articles;
    if (x->loaded) {
        run(c);
        return;
    }
    struct waiter *w = mem_alloc(sizeof *w);
    w->c = c;
    w->run = run;
    list_push(&x->waiters, &w->node);
}

/* ---- rights ---- */

bool articles_edits(const struct who *w, const char *area, const char *owner, int clearance)
{
    return rights_article(w, area, owner, clearance) & ARTICLE_EDIT;
}

bool articles_sees(const struct who *w, const struct article *a)
{
    unsigned r = rights_article(w, a->area, a->owner, a->clearance);
    return r & ARTICLE_EDIT || (r & ARTICLE_READ && a->state == ARTICLE_PUBLISHED);
}

/* ---- languages, dates, figures ---- */

static void chain_add(const char *out[ARTICLE_CHAIN], size_t *n, const char *tag)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(out[i], tag) == 0)
            return;
    if (*n < ARTICLE_CHAIN - 1)
        out[(*n)++] = tag;
}

void articles_chain(struct api_op *o, const char *language, const char *out[ARTICLE_CHAIN], char space[8][12])
{
    size_t n = 0, i;
    json_t *one;
    const char *chain[8] = {NULL};
    if (language && *language && strlen(language) < 12) {
        snprintf(space[0], 12, "%s", language);
        chain_add(out, &n, space[0]);
        operation_fallback(o, space[0], chain);
    }
    for (size_t k = 0; k < 7 && chain[k]; k++) {
        snprintf(space[k + 1], 12, "%s", chain[k]);
        chain_add(out, &n, space[k + 1]);
    }
    json_array_foreach(json_object_get(operation_document(o), "languages"), i, one)
    {
        const char *tag = json_is_string(one) ? json_string_value(one) : NULL;
        if (tag)
            chain_add(out, &n, tag);
    }
    out[n] = NULL;
}

void articles_today(struct api_op *o, char out[11])
{
    char text[TIME_TEXT];
    time_text(store_now_ms(o->api->cf.store), text);
    memcpy(out, text, 10);
    out[10] = '\0';
}

void articles_tally(const struct articles *x, const char *id, struct article_tally *t)
{
    size_t i = 0;
    struct slice key;
    void *v;
    *t = (struct article_tally){0};
    while (map_each(&x->notes, &i, &key, &v)) {
        const struct article_note *n = v;
        if (strcmp(n->article, id) != 0)
            continue;
        t->useful += n->rating == 1;
        t->not_useful += n->rating == 2;
        t->outdated += n->rating == 3;
        t->used += n->used;
    }
}

/* ---- as JSON ---- */

static void member(struct buf *b, const char *key, const json_t *v, const char *none)
{
    buf_printf(b, ",\"%s\":", key);
    if (v && !(json_is_string(v) && !json_string_length(v)))
        json_write(v, b);
    else
        buf_str(b, none);
}

static void view_tally(struct buf *b, const struct articles *x, const struct article *a)
{
    struct article_tally t;
    articles_tally(x, a->id, &t);
    buf_printf(b, ",\"ratings\":{\"useful\":%u,\"not_useful\":%u,\"outdated\":%u},\"used\":%llu", t.useful,
               t.not_useful, t.outdated, (unsigned long long)t.used);
}

void articles_view(struct buf *b, struct api_op *o, const struct who *w, const struct article *a,
                   const struct article_text *t)
{
    static const char *const plain[] = {"shortcut", "area", "topic", "owner", "review", "source", NULL};
    char today[11];
    articles_today(o, today);
    buf_printf(b, "{\"id\":\"%s\",\"version\":%llu,\"kind\":\"%s\",\"state\":\"%s\",\"clearance\":%d", a->id,
               (unsigned long long)a->version, a->is_answer ? "answer" : "article", article_states[a->state],
               a->clearance);
    for (size_t i = 0; plain[i]; i++)
        member(b, plain[i], json_object_get(a->json, plain[i]), "null");
    member(b, "tags", json_object_get(a->json, "tags"), "[]");
    buf_printf(b, ",\"overdue\":%s,\"source_changed\":%s,\"editable\":%s",
               article_overdue(a, today) ? "true" : "false",
               json_opt_bool(a->json, "source_changed", false) ? "true" : "false",
               articles_edits(w, a->area, a->owner, a->clearance) ? "true" : "false");
    buf_str(b, ",\"languages\":[");
    for (size_t i = 0; i < a->texts_n; i++) {
        buf_str(b, i ? "," : "");
        buf_json_str(b, slice_str(a->texts[i].language));
    }
    buf_char(b, ']');
    if (t) {
        buf_str(b, ",\"language\":");
        buf_json_str(b, slice_str(t->language));
        buf_str(b, ",\"title\":");
        buf_json_str(b, slice_str(t->title));
        buf_str(b, ",\"text\":");
        buf_json_str(b, slice_str(t->text));
    } else {
        member(b, "texts", json_object_get(a->json, "texts"), "{}");
        member(b, "updated_by", json_object_get(a->json, "updated_by"), "null");
    }
    view_tally(b, o->articles, a);
    buf_char(b, '}');
}

/* ---- GET articles ---- */

struct asked {
    struct call *c;
    enum article_state state;
    bool any_state;
};

static bool visible(void *arg, const struct article *a)
{
    const struct asked *q = arg;
    return (q->any_state || a->state == q->state) && articles_sees(&q->c->caller.who, a);
}

static const char *query_text(struct call *c, const char *key, struct arena *arena)
{
    struct buf b;
    buf_init(&b, 1024);
    const char *s = call_query(c, key, &b) && b.n ? arena_dup(arena, b.p, b.n) : NULL;
    buf_clear(&b);
    return s;
}

/* False: a word that is none. */
static bool take_state(struct asked *q, const char *state)
{
    q->state = ARTICLE_PUBLISHED;
    if (!state)
        return true;
    if (strcmp(state, "all") == 0) {
        q->any_state = true;
        return true;
    }
    for (unsigned i = 0; article_states[i]; i++)
        if (strcmp(article_states[i], state) == 0) {
            q->state = (enum article_state)i;
            return true;
        }
    return false;
}

static void articles_find_now(struct call *c)
{
    struct arena *arena = arena_new();
    const char *chain[ARTICLE_CHAIN];
    char space[8][12];
    static struct article_hit hits[FOUND_MAX];
    struct asked asked = {.c = c};
    unsigned limit = call_limit(c);
    const char *text = query_text(c, "q", arena), *state = query_text(c, "state", arena);
    struct article_query q = {.text = slice_str(text ? text : ""),
                              .languages = chain,
                              .area = query_text(c, "area", arena),
                              .topic = query_text(c, "topic", arena),
                              .kind = query_text(c, "kind", arena),
                              .visible = visible,
                              .arg = &asked};
    articles_chain(c->op, query_text(c, "language", arena), chain, space);
    if (limit && !take_state(&asked, state)) {
        call_problem(c, 400, "state: draft, published, retired or all");
    } else if (limit) {
        struct buf b;
        size_t n = article_search(c->op->articles->index, &q, hits, limit);
        call_list(&b);
        for (size_t i = 0; i < n; i++) {
            call_item(&b);
            articles_view(&b, c->op, &c->caller.who, hits[i].a, hits[i].t);
        }
        call_list_end(c, &b, "");
    }
    arena_free(&arena);
}

static void articles_find(struct call *c)
{
    articles_when(c, articles_find_now);
}

static void article_get_now(struct call *c)
{
    char id[ARTICLE_ID + 1] = "";
    if (c->args[0].n < sizeof id)
        memcpy(id, c->args[0].p, c->args[0].n);
    const struct article *a = article_index_get(c->op->articles->index, id);
    if (!a || !articles_sees(&c->caller.who, a)) {
        call_problem(c, 404, "no such article");
        return;
    }
    struct buf b;
    buf_init(&b, 1u << 20);
    articles_view(&b, c->op, &c->caller.who, a, NULL);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void article_get(struct call *c)
{
    articles_when(c, article_get_now);
}

/* ---- the bot ---- */

static bool for_bot(void *arg, const struct article *a)
{
    return a->state == ARTICLE_PUBLISHED && a->clearance <= *(int *)arg;
}

static bool tagged(const struct article *a, struct slice tag)
{
    size_t i;
    json_t *one;
    if (slice_is(tag, a->shortcut))
        return true;
    json_array_foreach(json_object_get(a->json, "tags"), i,
                       one) if (slice_is(tag, json_string_value(one))) return true;
    return false;
}

static bool give(struct api_op *o, const struct article *a, const char *const *chain,
                 struct article_found *out)
{
    char today[11];
    const struct article_text *t = article_text_in(a, chain);
    const char *url = json_string_value(json_object_get(json_object_get(a->json, "source"), "url"));
    if (!t)
        return false;
    articles_today(o, today);
    *out = (struct article_found){a->id,   t->language,    t->title,
                                  t->text, url ? url : "", article_overdue(a, today)};
    return true;
}

bool api_article(struct api *api, struct store_op *op, const struct article_ask *q, struct article_found *out)
{
    struct api_op *o = operation_find(api, slice_str(store_op_name(op)));
    const char *chain[ARTICLE_CHAIN];
    char space[8][12];
    struct article_hit hits[64];
    int clearance = q->clearance;
    if (!o || !o->articles->loaded)
        return false;
    articles_chain(o, q->language, chain, space);
    const struct article *a = q->id && *q->id ? article_index_get(o->articles->index, q->id) : NULL;
    if (a)
        return for_bot(&clearance, a) && give(o, a, chain, out);
    struct slice tag = slice_str(q->tag ? q->tag : "");
    if (slice_starts(tag, "/"))
        tag = slice_of(tag.p + 1, tag.n - 1);
    struct article_query query = {.text = tag,
                                  .languages = chain,
                                  .area = q->area ? q->area : "",
                                  .visible = for_bot,
                                  .arg = &clearance};
    size_t n = tag.n ? article_search(o->articles->index, &query, hits, 64) : 0;
    const struct article *best = NULL;
    for (size_t i = 0; i < n;
         i++) /* the first of the nearest area: areas above one another, the longer is nearer */
        if (tagged(hits[i].a, tag) && (!best || strlen(hits[i].a->area) > strlen(best->area)))
            best = hits[i].a;
    return best && give(o, best, chain, out);
}

#define READERS                                                                                              \
    (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_ADMINISTRATOR | ROLE_INTEGRATOR)

const struct call_route articles_routes[] = {
    {HTTP_M_GET, "articles", articles_find, READERS, 0},
    {HTTP_M_GET, "articles/export", articles_export, READERS, 0},
    {HTTP_M_GET, "articles/{}", article_get, READERS, 0},
    {.run = NULL},
};
