/* SPDX-License-Identifier: Apache-2.0
 * See breach.h. Two walks: over the audit's lines of the span, which name threads and people; then over those
 * threads, for whose they are. */
#include "gateway/api/breach.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/audit.h"
#include <stdio.h>
#include <string.h>

#define PAGE    1000
#define THREADS 200 /* asked for at once */
#define TOLD    "{\"open\":%u,\"confidential\":%u,\"sensitive\":%u}"

struct seen { /* a thread or a person in the audit */
    struct id contact;
    int clearance;
    bool known;
};
struct actor {
    char *name;
    struct map threads, contacts; /* ids → this */
    unsigned exports, lists;
    int64_t first_ms, last_ms;
};
struct breach {
    struct store_op *op;
    struct breach_ask ask;
    char *user, cursor[64];
    struct map actors, threads; /* id → struct seen */
    struct id *ids;
    size_t n, at;
    store_text_done done;
    void *arg;
};

static void actor_free(void *p)
{
    struct actor *a = p;
    map_clear(&a->threads, NULL);
    map_clear(&a->contacts, NULL);
    mem_free(a->name);
    mem_free(a);
}

static void end(struct breach *x, const struct err *e, struct slice text)
{
    x->done(x->arg, e, text);
    map_clear(&x->actors, actor_free);
    map_clear(&x->threads, mem_free);
    mem_free(x->ids);
    mem_free(x->user);
    mem_free(x);
}

/* ---- what it comes to ---- */

static void person(struct map *persons, struct id contact, int clearance)
{
    struct seen *s = map_get(persons, slice_str(contact.s));
    if (!s) {
        s = mem_alloc(sizeof *s);
        s->contact = contact;
        map_put(persons, slice_str(contact.s), s);
    }
    if (clearance > s->clearance)
        s->clearance = clearance;
}

static bool asked_for(const struct breach *x, const char *contact)
{
    return !x->ask.contact.s[0] || strcmp(x->ask.contact.s, contact) == 0;
}

/* Whose records one actor saw; gone: threads of which nothing is left. */
static unsigned persons_of(const struct breach *x, const struct actor *a, struct map *persons, unsigned *gone)
{
    struct slice key;
    void *v;
    unsigned threads = 0;
    for (size_t i = 0; map_each(&a->threads, &i, &key, &v);) {
        const struct seen *s = map_get(&x->threads, key);
        if (s && s->known && asked_for(x, s->contact.s)) {
            person(persons, s->contact, s->clearance);
            threads++;
        } else if (!s || !s->known) {
            ++*gone;
        }
    }
    for (size_t i = 0; map_each(&a->contacts, &i, &key, &v);) {
        struct id id = {{0}};
        memcpy(id.s, key.p, key.n < ID_LEN ? key.n : ID_LEN);
        if (asked_for(x, id.s))
            person(persons, id, 0);
    }
    return threads;
}

static void by_clearance(const struct map *persons, unsigned n[3])
{
    struct slice key;
    void *v;
    n[0] = n[1] = n[2] = 0;
    for (size_t i = 0; map_each(persons, &i, &key, &v);)
        n[((struct seen *)v)->clearance % 3]++;
}

static void time_member(struct buf *b, const char *name, int64_t ms)
{
    char when[TIME_TEXT];
    time_text(ms, when);
    buf_printf(b, ",\"%s\":\"%s\"", name, when);
}

static void actor_json(const struct breach *x, const struct actor *a, struct map *all, struct buf *b)
{
    struct map persons;
    struct slice key;
    void *v;
    unsigned n[3], gone = 0;
    map_init(&persons);
    unsigned threads = persons_of(x, a, &persons, &gone);
    by_clearance(&persons, n);
    if (n[0] + n[1] + n[2] + (x->ask.contact.s[0] ? 0 : gone + a->lists)) {
        if (b->p[b->n - 1] != '[')
            buf_char(b, ',');
        buf_str(b, "{\"actor\":");
        buf_json_str(b, slice_str(a->name));
        buf_printf(b, ",\"persons\":" TOLD ",\"threads\":%u,\"exports\":%u,\"lists\":%u,\"gone\":%u", n[0],
                   n[1], n[2], threads, a->exports, a->lists, gone);
        time_member(b, "first", a->first_ms);
        time_member(b, "last", a->last_ms);
        buf_char(b, '}');
    }
    for (size_t i = 0; map_each(&persons, &i, &key, &v);)
        person(all, ((struct seen *)v)->contact, ((struct seen *)v)->clearance);
    map_clear(&persons, mem_free);
}

static void finish(struct breach *x)
{
    struct map all;
    struct slice key;
    void *v;
    struct buf b;
    char when[TIME_TEXT];
    unsigned n[3];
    map_init(&all);
    buf_init(&b, 16u << 20);
    time_text(x->ask.from_ms, when);
    buf_printf(&b, "{\"from\":\"%s\"", when);
    time_member(&b, "to", x->ask.to_ms);
    buf_str(&b, ",\"actors\":[");
    for (size_t i = 0; map_each(&x->actors, &i, &key, &v);)
        actor_json(x, v, &all, &b);
    by_clearance(&all, n);
    buf_printf(&b, "],\"persons\":" TOLD "}", n[0], n[1], n[2]);
    map_clear(&all, mem_free);
    end(x, &(struct err){0}, buf_view(&b));
    buf_clear(&b);
}

/* ---- whose the threads are ---- */

static void ask_threads(struct breach *x);

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct breach *x = arg;
    if (e->code) {
        end(x, e, (struct slice){0});
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct seen *s = map_get(&x->threads, slice_str(t[i]->id.s));
        if (s)
            *s = (struct seen){t[i]->contact, t[i]->clearance, true};
    }
    ask_threads(x);
}

static void ask_threads(struct breach *x)
{
    size_t from = x->at, n = x->n - from < THREADS ? x->n - from : THREADS;
    if (!n) {
        finish(x);
        return;
    }
    x->at += n;
    store_threads_get(x->op, x->ids + from, n, on_threads, x);
}

static void threads_begin(struct breach *x)
{
    struct slice key;
    void *v;
    x->ids = mem_array(x->threads.n + 1, sizeof *x->ids);
    for (size_t i = 0; map_each(&x->threads, &i, &key, &v);)
        memcpy(x->ids[x->n++].s, key.p, key.n < ID_LEN ? key.n : ID_LEN);
    ask_threads(x);
}

/* ---- the audit's lines ---- */

static bool is_staff(const char *actor)
{
    static const char *const others[] = {"", "person", "system", "router", "bot"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(actor, others[i]) == 0)
            return false;
    return true;
}

static struct actor *actor_of(struct breach *x, const char *name, int64_t ms)
{
    if (!is_staff(name) || (*x->user && strcmp(x->user, name) != 0))
        return NULL;
    struct actor *a = map_get(&x->actors, slice_str(name));
    if (!a) {
        a = mem_alloc(sizeof *a);
        a->name = mem_strdup(name);
        a->first_ms = ms;
        map_init(&a->threads);
        map_init(&a->contacts);
        map_put(&x->actors, slice_str(a->name), a);
    }
    a->last_ms = ms;
    return a;
}

static void saw(struct breach *x, struct actor *a, const char *object, bool export)
{
    const char *colon = strchr(object, ':');
    struct slice id = slice_str(colon ? colon + 1 : object);
    if (!a || !id_valid(id))
        return;
    a->exports += export;
    if (strncmp(object, "contact:", 8) == 0) {
        map_put(&a->contacts, id, a);
        return;
    }
    if (!map_get(&x->threads, id))
        map_put(&x->threads, id, mem_alloc(sizeof(struct seen)));
    map_put(&a->threads, id, a);
}

static void take(struct breach *x, const struct store_audit_line *l)
{
    bool of_thread = strncmp(l->object, "thread:", 7) == 0;
    bool export = strcmp(l->action, "contact.export") == 0;
    struct actor *a = actor_of(x, l->actor, l->time_ms);
    if (a && strcmp(l->action, "threads.list") == 0)
        a->lists++;
    else if (a &&
             (of_thread || strncmp(l->object, "contact:", 8) == 0 || strcmp(l->action, "thread.read") == 0))
        saw(x, a, l->object, export);
    if (of_thread && (strcmp(l->action, "thread.offered") == 0 || strcmp(l->action, "thread.assigned") == 0))
        saw(x, actor_of(x, l->detail, l->time_ms), l->object, false); /* it was shown to them */
}

static void next_page(struct breach *x);

static void on_lines(void *arg, const struct err *e, const struct store_audit_line *l, size_t n)
{
    struct breach *x = arg;
    size_t i = 0;
    if (e->code) {
        end(x, e, (struct slice){0});
        return;
    }
    for (; i < n && l[i].time_ms <= x->ask.to_ms; i++)
        take(x, &l[i]);
    if (n == PAGE && i == n) {
        snprintf(x->cursor, sizeof x->cursor, "%.47s", l[n - 1].id);
        next_page(x);
    } else {
        threads_begin(x);
    }
}

static void next_page(struct breach *x)
{
    store_audit_list(x->op, x->cursor, PAGE, on_lines, x);
}

void breach_run(struct store_op *op, const struct breach_ask *ask, store_text_done done, void *arg)
{
    struct breach *x = mem_alloc(sizeof *x);
    x->op = op;
    x->ask = *ask;
    x->user = mem_strdup(ask->user ? ask->user : "");
    x->done = done;
    x->arg = arg;
    map_init(&x->actors);
    map_init(&x->threads);
    if (ask->from_ms > 0) /* behind whatever was written in the millisecond before */
        snprintf(x->cursor, sizeof x->cursor, "%lld-18446744073709551615", (long long)ask->from_ms - 1);
    next_page(x);
}
