/* SPDX-License-Identifier: Apache-2.0
 * An operation as the API keeps it in memory: its document and its agents (what waits: queues.c). All of it
 * can be rebuilt from the store; events keep it current. */
#include "gateway/api/alerts.h"
#include "gateway/api/articles_internal.h"
#include "gateway/api/networks.h"
#include <string.h>

/* ---- agents ---- */

static void member_free(void *p)
{
    struct member *m = p;
    mem_free((char *)m->a.id);
    mem_free((char *)m->a.login);
    mem_free((char *)m->a.name);
    mem_free((char *)m->a.teams);
    mem_free((char *)m->a.areas);
    mem_free((char *)m->a.topics);
    mem_free((char *)m->a.roles);
    mem_free(m);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Would other threads be offered to the one than to the other? */
static bool same_skills(const struct store_agent *a, const struct store_agent *b)
{
    return a->clearance == b->clearance && a->disabled == b->disabled && same_text(a->areas, b->areas) &&
           same_text(a->topics, b->topics) && a->languages_n == b->languages_n &&
           memcmp(a->languages, b->languages, a->languages_n * sizeof *a->languages) == 0;
}

void operation_member_put(struct api_op *o, const struct store_agent *a)
{
    struct member *old = map_get(&o->members, slice_str(a->id)), *m = mem_alloc(sizeof *m);
    if (!old || !same_skills(&old->a, a))
        o->rights++;
    m->a = *a;
    m->a.id = mem_strdup(a->id);
    m->a.login = mem_strdup(a->login ? a->login : a->id);
    m->a.name = mem_strdup(a->name ? a->name : "");
    m->a.teams = mem_strdup(a->teams ? a->teams : "");
    m->a.areas = mem_strdup(a->areas ? a->areas : "");
    m->a.topics = mem_strdup(a->topics ? a->topics : "");
    m->a.roles = mem_strdup(a->roles ? a->roles : "");
    map_put(&o->members, slice_str(a->id), m);
    if (old)
        member_free(old);
}

void operation_members_put(struct api_op *o, const struct store_agent *const *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        operation_member_put(o, a[i]);
}

struct member *operation_member(struct api_op *o, const char *agent)
{
    return map_get(&o->members, slice_str(agent));
}

bool operation_seals(const struct api_op *o)
{
    void *m;
    struct slice id;
    for (size_t i = 0; map_each(&o->members, &i, &id, &m);) {
        const struct store_agent *a = &((const struct member *)m)->a;
        if (!a->disabled && (rights_roles(a->roles) & ROLE_FOCAL))
            return true;
    }
    return false;
}

struct waiter {
    struct list node;
    struct api_op *o;
    void (*done)(void *arg, bool ok);
    void *arg;
};

static void tell_waiters(struct api_op *o, bool ok)
{
    struct list *l;
    while ((l = list_pop(&o->waiters))) {
        struct waiter *w = container_of(l, struct waiter, node);
        w->done(w->arg, ok);
        mem_free(w);
    }
}

static void on_agents(void *arg, const struct err *e, const struct store_agent *const *a, size_t n)
{
    struct api_op *o = arg;
    operation_members_put(o, a, e->code ? 0 : n);
    o->loaded |= !e->code; /* else the next that waits tries again */
    tell_waiters(o, !e->code);
}

static void on_loaded_already(void *arg)
{
    struct waiter *w = arg;
    w->done(w->arg, true);
    mem_free(w);
}

void operation_wait(struct api_op *o, void (*done)(void *arg, bool ok), void *arg)
{
    struct waiter *w = mem_alloc(sizeof *w);
    bool first = list_empty(&o->waiters);
    *w = (struct waiter){.o = o, .done = done, .arg = arg};
    if (o->loaded) {
        loop_defer(o->api->cf.loop, on_loaded_already, w);
        return;
    }
    list_push(&o->waiters, &w->node);
    if (first)
        store_agents_get(o->op, on_agents, o);
}

void operation_load(struct api_op *o)
{
    store_agents_get(o->op, on_agents, o);
    queues_load(o);
}

/* ---- the document ---- */

const json_t *operation_document(struct api_op *o)
{
    uint64_t version = 0;
    struct slice text = store_op_document(o->op, &version);
    if (o->document && version == o->document_version)
        return o->document;
    json_decref(o->document);
    networks_free(&o->networks);
    o->document = text.n ? json_parse(text, JSON_DEPTH_DEFAULT, NULL) : NULL;
    o->document_version = version;
    o->networks = networks_new(o->document);
    return o->document;
}

void operation_fallback(struct api_op *o, const char *tag, const char *out[8])
{
    size_t n = 0, i;
    json_t *one;
    json_array_foreach(json_object_get(json_object_get(operation_document(o), "fallback"), tag), i,
                       one) if (n < 7 && json_is_string(one)) out[n++] = json_string_value(one);
    out[n] = NULL;
}

static void member_of(struct buf *b, const json_t *doc, const char *key, const char *dflt)
{
    const json_t *v = json_object_get(doc, key);
    buf_printf(b, ",\"%s\":", key);
    if (v)
        json_write(v, b);
    else
        buf_str(b, dflt);
}

/* Only what every agent may know: no settings, no words, no secrets. */
static void topics_json(struct buf *b, const json_t *doc)
{
    size_t i;
    json_t *t;
    buf_str(b, ",\"topics\":[");
    json_array_foreach(json_object_get(doc, "topics"), i, t)
    {
        buf_str(b, i ? ",{\"id\":" : "{\"id\":");
        buf_json_str(b, json_opt_str(t, "id"));
        member_of(b, t, "name", "{}");
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

void operation_json(struct api_op *o, struct buf *b)
{
    const json_t *doc = operation_document(o);
    buf_str(b, "{\"id\":");
    buf_json_str(b, slice_str(store_op_name(o->op)));
    member_of(b, doc, "name", "{}");
    member_of(b, doc, "languages", "[]");
    member_of(b, doc, "fallback", "{}");
    member_of(b, doc, "timezone", "\"UTC\"");
    member_of(b, doc, "areas", "[]");
    member_of(b, doc, "teams", "[]");
    topics_json(b, doc);
    buf_str(b, ",\"channels\":[");
    if (o->api->cf.channels.list)
        o->api->cf.channels.list(o->api->cf.channels.ctx, o->op, b);
    buf_str(b, "]}");
}

/* ---- finding it ---- */

struct api_op *operation_find(struct api *a, struct slice name)
{
    struct store_op *op = store_op_find(a->cf.store, name);
    struct api_op *o = map_get(&a->ops, name);
    if (o && o->op == op)
        return o;
    if (o) { /* it was destroyed, and perhaps made anew */
        map_del(&a->ops, name);
        stream_stop(o);
        articles_stop(o->articles);
        list_push(&a->retired, &o->node); /* callbacks may still be under way */
    }
    if (!op)
        return NULL;
    o = mem_alloc(sizeof *o);
    o->api = a;
    o->op = op;
    map_init(&o->members);
    list_init(&o->sockets);
    list_init(&o->jobs);
    list_init(&o->waiters);
    map_put(&a->ops, name, o);
    seats_init(o);
    queues_init(o);
    operation_load(o);
    stream_start(o);
    o->articles = articles_open(o);
    return o;
}

void operation_free(void *p)
{
    struct api_op *o = p;
    map_clear(&o->members, member_free);
    articles_close(o->articles);
    queues_free(o);
    seats_free(o);
    json_decref(o->document);
    alerts_view_free(o);
    mem_free(o);
}
