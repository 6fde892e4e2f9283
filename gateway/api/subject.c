/* SPDX-License-Identifier: Apache-2.0
 * Collects what is kept about a person: record, threads page by page, records sealed for them, audit lines
 * that concern them. One thing after the other: nothing else has to wait for it. */
#include "gateway/api/subject.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/audit.h"
#include "store/record.h"
#include <string.h>

#define PAGE       200
#define AUDIT_PAGE 1000
#define DOC_DEPTH  32

struct subject {
    struct store_op *op;
    struct id contact;
    int clearance;
    bool provider_named;
    char *areas, *actor;
    json_t *doc, *files, *threads, *entries, *audit;
    struct id *ids; /* of the threads that are told */
    size_t n, at;
    uint64_t seq, last;
    char cursor[48];
    void (*done)(void *arg, const struct err *e, const json_t *doc, const json_t *files);
    void *arg;
};

static void end(struct subject *s, const struct err *e)
{
    s->done(s->arg, e, s->doc, s->files);
    json_decref(s->doc);
    json_decref(s->files);
    mem_free(s->ids);
    mem_free(s->areas);
    mem_free(s->actor);
    mem_free(s);
}

static bool failed(struct subject *s, const struct err *e)
{
    if (e->code)
        end(s, e);
    return e->code != 0;
}

static void put(json_t *o, const char *key, const char *value)
{
    if (value && *value)
        json_object_set_new(o, key, json_string(value));
}

static void put_slice(json_t *o, const char *key, struct slice value)
{
    if (value.n)
        json_object_set_new(o, key, json_stringn(value.p, value.n));
}

static void put_time(json_t *o, const char *key, int64_t ms)
{
    char when[TIME_TEXT];
    if (!ms)
        return;
    time_text(ms, when);
    json_object_set_new(o, key, json_string(when));
}

static void put_json(json_t *o, const char *key, struct slice text)
{
    json_t *v = text.n ? json_parse(text, DOC_DEPTH, NULL) : NULL;
    if (v)
        json_object_set_new(o, key, v);
}

/* What was only guessed of somebody is told to nobody. */
static void put_language(json_t *o, const struct store_language *l)
{
    if (l->how >= STORE_SET)
        put(o, "language", l->tag);
}

/* ---- audit ---- */

static bool concerns(const struct subject *s, const char *object)
{
    const char *colon = strchr(object, ':');
    const char *id = colon ? colon + 1 : object;
    if (strcmp(id, s->contact.s) == 0)
        return true;
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(id, s->ids[i].s) == 0)
            return true;
    return false;
}

static void audit_page(struct subject *s);

static void finished(void *arg, const struct err *e)
{
    end(arg, e);
}

static void on_audit(void *arg, const struct err *e, const struct store_audit_line *l, size_t n)
{
    struct subject *s = arg;
    if (failed(s, e))
        return;
    for (size_t i = 0; i < n; i++) {
        if (l[i].clearance > s->clearance || !concerns(s, l[i].object))
            continue;
        json_t *o = json_object();
        put_time(o, "time", l[i].time_ms);
        put(o, "what", l[i].action);
        put(o, "by",
            strcmp(l[i].actor, "person") == 0   ? "you"
            : strcmp(l[i].actor, "system") == 0 ? "system"
                                                : "staff");
        json_array_append_new(s->audit, o);
    }
    if (n == AUDIT_PAGE) {
        snprintf(s->cursor, sizeof s->cursor, "%.47s", l[n - 1].id);
        audit_page(s);
        return;
    }
    char object[8 + ID_LEN + 1];
    snprintf(object, sizeof object, "contact:%s", s->contact.s);
    store_audit(s->op, s->actor, "contact.export", object, "", finished, s);
}

static void audit_page(struct subject *s)
{
    store_audit_list(s->op, s->cursor, AUDIT_PAGE, on_audit, s);
}

/* ---- records ---- */

static void on_records(void *arg, const struct err *e, const struct store_record *r, size_t n)
{
    struct subject *s = arg;
    json_t *list;
    if (failed(s, e))
        return;
    json_object_set_new(s->doc, "records", list = json_array());
    for (size_t i = 0; i < n; i++) {
        if (r[i].clearance > s->clearance)
            continue;
        json_t *o = json_object();
        put(o, "kind", r[i].kind);
        put_time(o, "changed", r[i].updated_ms);
        put_json(o, "content", r[i].json);
        put(o, "codes", r[i].facets);
        json_array_append_new(list, o);
    }
    json_object_set_new(s->doc, "audit", s->audit = json_array());
    audit_page(s);
}

/* ---- threads and entries ---- */

static void next_page(struct subject *s);

/* A file's key stays inside; a card of somebody else's is left out. */
static void put_extra(struct subject *s, json_t *o, struct slice text)
{
    static const char *const told[] = {"choices", "choice", "location", "address", "subject"};
    json_t *extra = text.n ? json_parse(text, DOC_DEPTH, NULL) : NULL, *file, *list;
    size_t i;
    for (i = 0; i < sizeof told / sizeof *told; i++)
        if (json_object_get(extra, told[i]))
            json_object_set(o, told[i], json_object_get(extra, told[i]));
    if (json_object_get(extra, "contact_card"))
        json_object_set_new(o, "left_out", json_string("a card with somebody else's address"));
    if (json_array_size(json_object_get(extra, "attachments"))) {
        json_object_set_new(o, "attachments", list = json_array());
        json_array_foreach(json_object_get(extra, "attachments"), i, file)
        {
            json_t *open = json_deep_copy(file);
            if (json_object_get(file, "key"))
                json_array_append(s->files, file);
            json_object_del(open, "key");
            json_array_append_new(list, open);
        }
    }
    json_decref(extra);
}

static void put_entry(struct subject *s, const struct store_entry *en)
{
    static const char *const authors[] = {"you", "staff", "program", "system"};
    json_t *o = json_object();
    put_time(o, "time", en->time_ms);
    put(o, "kind", store_kind_names[en->kind]);
    put(o, "by", authors[en->author & 3]);
    put(o, "channel", en->channel);
    put_slice(o, "text", en->text);
    if (en->kind == STORE_MESSAGE && !en->inbound)
        put(o, "status", store_status_names[en->status]);
    put_extra(s, o, en->extra);
    json_array_append_new(s->entries, o);
}

static void on_entries(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct subject *s = arg;
    if (failed(s, e))
        return;
    for (size_t i = 0; i < n; i++)
        if (entries[i].kind != STORE_EVENT)
            put_entry(s, &entries[i]);
    s->seq += PAGE;
    next_page(s);
}

static void next_page(struct subject *s)
{
    if (s->seq <= s->last) {
        store_entries_get(s->op, s->ids[s->at], s->seq, s->seq + PAGE - 1, on_entries, s);
        return;
    }
    if (++s->at < s->n) {
        const json_t *t = json_array_get(s->threads, s->at);
        s->entries = json_object_get(t, "entries");
        s->last = (uint64_t)json_opt_int(t, "numbers", 0);
        s->seq = 1;
        next_page(s);
        return;
    }
    store_records_of(s->op, s->contact, on_records, s);
}

static void put_thread(struct subject *s, const struct store_thread *t)
{
    json_t *o = json_object();
    put_time(o, "opened", t->opened_ms);
    put_time(o, "resolved", t->resolved_ms);
    put(o, "state", store_state_names[t->state]);
    put(o, "topic", t->topic);
    put(o, "area", t->area);
    put(o, "channel", t->channel);
    put(o, "outcome", t->outcome);
    put(o, "tags", t->tags);
    put_language(o, &t->language);
    json_object_set_new(o, "numbers", json_integer((json_int_t)t->entries));
    json_object_set_new(o, "entries", json_array());
    json_array_append_new(s->threads, o);
    s->ids[s->n++] = t->id;
}

/* Of who wrote by threads in doubt alone nothing is told that another channel, which may be sealed, brought:
 * neither its name for them nor that there is one. */
static void only_doubted(struct subject *s, const struct store_thread *const *t, size_t n)
{
    json_t *contact = json_object_get(s->doc, "contact"), *list = json_object_get(contact, "addresses");
    const struct store_thread *by = NULL;
    char when[TIME_TEXT];
    for (size_t i = 0; i < n && !by; i++)
        if (t[i]->clearance <= s->clearance)
            by = t[i];
    if (s->provider_named)
        json_object_del(contact, "profile");
    for (size_t i = json_array_size(list); by && i-- > 0;) {
        json_t *a = json_array_get(list, i);
        if (slice_is(json_opt_str(a, "channel"), by->channel))
            continue;
        if (!slice_starts(json_opt_str(a, "address"), "tel:")) {
            json_array_remove(list, i);
            continue;
        }
        time_text(by->opened_ms, when);
        put(a, "channel", by->channel);
        put(a, "last_seen", when);
    }
}

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct subject *s = arg;
    struct who w = {.areas = s->areas};
    if (failed(s, e))
        return;
    s->ids = mem_array(n + 1, sizeof *s->ids);
    bool own = false, hidden = false, undoubted = false;
    for (size_t i = 0; i < n; i++) {
        bool seen = t[i]->clearance <= s->clearance && rights_area(&w, t[i]->area);
        if (seen)
            put_thread(s, t[i]);
        undoubted |= seen && !rights_doubted(t[i]);
        if (strcmp(t[i]->contact.s, s->contact.s) == 0)
            *(seen ? &own : &hidden) = true;
    }
    if (s->n && !undoubted)
        only_doubted(s, t, n);
    if ((n && !s->n) || (hidden && !own)) { /* a record of a merged person is known by a thread of its own */
        end(s, &(struct err){ERR_NOT_FOUND, "no such contact"});
        return;
    }
    s->at = SIZE_MAX; /* the page before the first */
    s->seq = 1;
    s->last = 0;
    next_page(s);
}

static void put_addresses(json_t *o, const struct store_contact *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->addresses_n; i++) {
        json_t *a = json_object();
        put_slice(a, "address", c->addresses[i].uri);
        put(a, "channel", c->addresses[i].channel);
        put_time(a, "last_seen", c->addresses[i].last_ms);
        json_array_append_new(list, a);
    }
    json_object_set_new(o, "addresses", list);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct subject *s = arg;
    if (failed(s, e))
        return;
    if (c->erased) {
        end(s, &(struct err){ERR_NOT_FOUND, "no such contact"});
        return;
    }
    struct arena *a = arena_new();
    json_t *o = json_object();
    s->provider_named = c->provider_named;
    put(o, "id", c->id.s);
    put_json(o, "profile", store_contact_profile(c, s->clearance, a));
    put_language(o, &c->language);
    put(o, "area", c->area);
    put_addresses(o, c);
    json_object_set_new(s->doc, "contact", o);
    json_object_set_new(s->doc, "threads", s->threads = json_array());
    arena_free(&a);
    store_threads_get(s->op, c->threads, c->threads_n, on_threads, s);
}

void subject_run(struct store_op *op, const struct subject_ask *ask,
                 void (*done)(void *arg, const struct err *e, const json_t *doc, const json_t *files),
                 void *arg)
{
    struct subject *s = mem_alloc(sizeof *s);
    s->op = op;
    s->contact = ask->contact;
    s->clearance = ask->clearance;
    s->areas = mem_strdup(ask->areas);
    s->actor = mem_strdup(ask->actor);
    s->done = done;
    s->arg = arg;
    s->doc = json_object();
    s->files = json_array();
    put(s->doc, "operation", store_op_name(op));
    put_time(s->doc, "made", store_now_ms(store_of(op)));
    store_contact_get(op, ask->contact, on_contact, s);
}
