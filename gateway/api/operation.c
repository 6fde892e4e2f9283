/* SPDX-License-Identifier: Apache-2.0
 * An operation as the API keeps it in memory: its document, its agents, what waits. All of it can be rebuilt
 * from the store; events keep it current. */
#include "gateway/api/api_internal.h"
#include <string.h>

struct waiting_row {
    char language[12], topic[64], area[128], team[64];
    int clearance;
    int64_t since_ms;
};

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

static void member_put(struct api_op *o, const struct store_agent *a)
{
    struct member *m = mem_alloc(sizeof *m);
    m->a = *a;
    m->a.id = mem_strdup(a->id);
    m->a.login = mem_strdup(a->login ? a->login : a->id);
    m->a.name = mem_strdup(a->name ? a->name : "");
    m->a.teams = mem_strdup(a->teams ? a->teams : "");
    m->a.areas = mem_strdup(a->areas ? a->areas : "");
    m->a.topics = mem_strdup(a->topics ? a->topics : "");
    m->a.roles = mem_strdup(a->roles ? a->roles : "");
    struct member *old = map_put(&o->members, slice_str(a->id), m);
    if (old)
        member_free(old);
}

struct member *operation_member(struct api_op *o, const char *agent)
{
    return map_get(&o->members, slice_str(agent));
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
    for (size_t i = 0; !e->code && i < n; i++)
        member_put(o, a[i]);
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

static void on_agent(void *arg, const struct err *e, const struct store_agent *a)
{
    if (!e->code)
        member_put(arg, a);
}

/* ---- what waits ---- */

static void copy(char *to, size_t cap, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    if (n >= cap)
        n = cap - 1;
    if (n)
        memcpy(to, from, n);
    to[n] = '\0';
}

void operation_waiting_put(struct api_op *o, const struct store_thread *t)
{
    struct waiting_row *row = map_get(&o->waiting, slice_str(t->id.s));
    if (!row) {
        row = mem_alloc(sizeof *row);
        map_put(&o->waiting, slice_str(t->id.s), row);
    }
    copy(row->language, sizeof row->language, t->language.tag);
    copy(row->topic, sizeof row->topic, t->topic);
    copy(row->area, sizeof row->area, t->area);
    copy(row->team, sizeof row->team, t->team);
    row->clearance = t->clearance;
    row->since_ms = t->waiting_ms;
    o->queues_changed = true;
}

void operation_waiting_drop(struct api_op *o, const char *thread)
{
    void *row = map_del(&o->waiting, slice_str(thread));
    if (row)
        o->queues_changed = true;
    mem_free(row);
}

static void on_waiting(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct api_op *o = arg;
    if (e->code)
        return;
    for (size_t i = 0; i < n; i++)
        operation_waiting_put(o, t[i]);
}

static void load_all(struct api_op *o)
{
    map_clear(&o->waiting, mem_free);
    map_init(&o->waiting);
    store_agents_get(o->op, on_agents, o);
    store_waiting_get(o->op, on_waiting, o);
}

void operation_event(struct api_op *o, const struct store_event *ev)
{
    if (!ev)
        load_all(o);
    else if (ev->kind == STORE_EV_AGENT && ev->agent && *ev->agent)
        store_agent_get(o->op, ev->agent, on_agent, o);
    else if (ev->kind == STORE_EV_THREAD && ev->state != STORE_WAITING)
        operation_waiting_drop(o, ev->thread.s);
}

/* ---- queues ---- */

struct queue_row { /* one language × topic × clearance × area */
    const struct waiting_row *first;
    unsigned n;
    int64_t oldest;
};

static bool same_queue(const struct waiting_row *a, const struct waiting_row *b)
{
    return a->clearance == b->clearance && strcmp(a->language, b->language) == 0 &&
           strcmp(a->topic, b->topic) == 0 && strcmp(a->area, b->area) == 0;
}

static void queue_count(struct queue_row *rows, size_t *n, size_t cap, const struct waiting_row *w)
{
    for (size_t i = 0; i < *n; i++)
        if (same_queue(rows[i].first, w)) {
            rows[i].n++;
            if (w->since_ms < rows[i].oldest)
                rows[i].oldest = w->since_ms;
            return;
        }
    if (*n < cap)
        rows[(*n)++] = (struct queue_row){w, 1, w->since_ms};
}

static void queue_json(struct buf *b, const struct queue_row *r, bool first)
{
    char at[TIME_TEXT];
    time_text(r->oldest, at);
    buf_str(b, first ? "{\"language\":" : ",{\"language\":");
    buf_json_str(b, slice_str(r->first->language));
    buf_str(b, ",\"topic\":");
    buf_json_str(b, slice_str(r->first->topic));
    buf_printf(b, ",\"clearance\":%d,\"area\":", r->first->clearance);
    buf_json_str(b, slice_str(r->first->area));
    buf_printf(b, ",\"waiting\":%u,\"oldest\":\"%s\"}", r->n, at);
}

void operation_queues(struct api_op *o, const struct who *w, struct buf *out)
{
    enum { ROWS = 512 };
    struct queue_row *rows = mem_array(ROWS, sizeof *rows);
    struct member *m = operation_member(o, w->agent);
    size_t n = 0, i = 0;
    unsigned mine = 0;
    struct slice key;
    void *value;
    while (map_each(&o->waiting, &i, &key, &value)) {
        const struct waiting_row *row = value;
        const char *chain[8];
        operation_fallback(o, row->language, chain);
        bool could =
            m && rights_could_serve(w, &m->a, row->language, row->topic, row->clearance, row->area, chain);
        bool over = (w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL)) && row->clearance <= w->clearance &&
                    rights_area(w, row->area);
        mine += could;
        if (could || over)
            queue_count(rows, &n, ROWS, row);
    }
    buf_str(out, "{\"items\":[");
    for (size_t r = 0; r < n; r++)
        queue_json(out, &rows[r], r == 0);
    buf_printf(out, "],\"mine\":{\"waiting\":%u}}", mine);
    mem_free(rows);
}

/* ---- the document ---- */

const json_t *operation_document(struct api_op *o)
{
    uint64_t version = 0;
    struct slice text = store_op_document(o->op, &version);
    if (o->document && version == o->document_version)
        return o->document;
    json_decref(o->document);
    o->document = text.n ? json_parse(text, JSON_DEPTH_DEFAULT, NULL) : NULL;
    o->document_version = version;
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
        dispatch_stop(o);
        list_push(&a->retired, &o->node); /* callbacks may still be under way */
    }
    if (!op)
        return NULL;
    o = mem_alloc(sizeof *o);
    o->api = a;
    o->op = op;
    map_init(&o->members);
    map_init(&o->waiting);
    list_init(&o->sockets);
    list_init(&o->jobs);
    list_init(&o->waiters);
    map_put(&a->ops, name, o);
    load_all(o);
    dispatch_start(o);
    return o;
}

void operation_free(void *p)
{
    struct api_op *o = p;
    map_clear(&o->members, member_free);
    map_clear(&o->waiting, mem_free);
    json_decref(o->document);
    mem_free(o);
}
