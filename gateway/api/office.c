/* SPDX-License-Identifier: Apache-2.0
 * REST on the operation as a whole: its description, events to poll, erasure. */
#include "gateway/api/api_internal.h"
#include "store/certificate.h"
#include <stdio.h>
#include <string.h>

static void operation_get(struct call *c)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    operation_json(c->op, &b);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

/* ---- events, for integrators that poll ---- */

struct event_slot {
    struct event_list *list;
    struct store_event ev;
    char why[32], agent[64], before[64], channel[64];
    bool shown;
};
struct event_list {
    struct call *c;
    struct event_slot *slots;
    struct buf b;
    char last[64];
    size_t left, n, waiting;
    struct err err;
};
#define EVENTS_PAGE 100u /* read at once, or what is asked for when that is more */

static void event_json(struct buf *b, const struct event_slot *s)
{
    static const char *const types[] = {"entry.added", "entry.status", "entry.changed", "thread.changed",
                                        "contact.changed"};
    const struct store_event *ev = &s->ev;
    buf_printf(b, "{\"id\":\"%s\",\"type\":\"%s\",\"thread\":\"%s\"", ev->id, types[ev->kind], ev->thread.s);
    if (ev->entry.s[0])
        buf_printf(b, ",\"entry\":\"%s\",\"seq\":%llu", ev->entry.s, (unsigned long long)ev->seq);
    if (s->why[0]) {
        buf_str(b, ",\"why\":");
        buf_json_str(b, slice_str(s->why));
    }
    if (ev->kind == STORE_EV_ENTRY_STATUS)
        buf_printf(b, ",\"status\":\"%s\",\"attempt\":%u", store_status_names[ev->status], ev->attempt);
    if (ev->kind == STORE_EV_THREAD)
        buf_printf(b, ",\"state\":\"%s\"", store_state_names[ev->state]);
    buf_char(b, '}');
}

static size_t events_page(const struct event_list *l)
{
    return l->left > EVENTS_PAGE ? l->left : EVENTS_PAGE;
}

static void on_events(void *arg, const struct err *e, const struct store_event *ev, size_t n);

/* A page is filled with those that follow: what may not be seen leaves no gap. The cursor moves over it. */
static void events_answer(struct event_list *l)
{
    bool more = l->n == events_page(l);
    for (size_t i = 0; i < l->n && l->left && !l->err.code; i++) {
        memcpy(l->last, l->slots[i].ev.id, sizeof l->slots[i].ev.id);
        if (!l->slots[i].shown)
            continue;
        call_item(&l->b);
        event_json(&l->b, &l->slots[i]);
        l->left--;
    }
    mem_free(l->slots);
    l->slots = NULL;
    if (more && l->left && !l->err.code) {
        store_events_after(l->c->op->op, l->last, (unsigned)events_page(l), on_events, l);
        return;
    }
    if (l->err.code) {
        buf_clear(&l->b);
        call_err(l->c, &l->err);
    } else
        call_list_end(l->c, &l->b, l->last);
    mem_free(l);
}

static void on_event_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct event_slot *s = arg;
    struct event_list *l = s->list;
    if (!e->code)
        s->shown = rights_now(l->c->op, &l->c->caller.who, t, false) & RIGHT_SEE;
    else if (e->code != ERR_NOT_FOUND)
        l->err = *e;
    if (--l->waiting == 0)
        events_answer(l);
}

static void put(char *to, size_t cap, const char *from)
{
    if (from && strlen(from) < cap)
        memcpy(to, from, strlen(from));
}

static void on_events(void *arg, const struct err *e, const struct store_event *ev, size_t n)
{
    struct event_list *l = arg;
    struct call *c = l->c;
    if (e->code == ERR_NOT_FOUND) {
        http_problem(c->rq, 410, "this event is older than 24 hours, or never was: start without `after`",
                     ",\"code\":\"reset\"");
        call_end(c);
        buf_clear(&l->b);
        mem_free(l);
        return;
    }
    if (e->code) {
        l->err = *e;
        l->n = 0;
        events_answer(l);
        return;
    }
    l->slots = mem_array(n ? n : 1, sizeof *l->slots);
    l->n = n;
    for (size_t i = 0; i < n; i++) {
        struct event_slot *s = &l->slots[i];
        s->list = l;
        s->ev = ev[i];
        put(s->why, sizeof s->why, ev[i].why);
        s->ev.why = s->ev.agent = s->ev.before = s->ev.actor = s->ev.channel = s->ev.area = NULL;
        l->waiting += ev[i].kind <= STORE_EV_THREAD && ev[i].thread.s[0];
    }
    if (!l->waiting) {
        events_answer(l);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (ev[i].kind <= STORE_EV_THREAD && ev[i].thread.s[0])
            store_thread_get(c->op->op, ev[i].thread, on_event_thread, &l->slots[i]);
}

static void on_last(void *arg, const struct err *e, struct slice id)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct buf b;
    char next[64] = "";
    snprintf(next, sizeof next, "%.*s", (int)id.n, id.p);
    call_list(&b);
    call_list_end(c, &b, next);
}

static void events_get(struct call *c)
{
    struct buf after;
    unsigned limit = call_limit(c);
    if (!limit)
        return;
    buf_init(&after, 64);
    if (call_query(c, "after", &after) && after.n) {
        struct event_list *l = mem_alloc(sizeof *l);
        l->c = c;
        l->left = limit;
        call_list(&l->b);
        store_events_after(c->op->op, after.p, (unsigned)events_page(l), on_events, l);
    } else
        store_events_last(c->op->op, on_last, c);
    buf_clear(&after);
}

/* ---- erasure ---- */

static void on_erased(void *arg, const struct err *e, struct slice certificate)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct buf b;
    json_t *doc = json_parse(certificate, JSON_DEPTH_DEFAULT, NULL);
    buf_init(&b, 1 << 16);
    buf_str(&b, "{\"erased\":true,\"key_backups_expire\":");
    buf_json_str(&b, json_opt_str(doc, "key_backups_expire"));
    buf_str(&b, ",\"certificate\":");
    buf_slice(&b, certificate);
    buf_char(&b, '}');
    call_json(c, 200, buf_view(&b));
    json_decref(doc);
    buf_clear(&b);
}

struct erasing {
    struct call *c;
    struct id contact;
};

static void erase_end(struct erasing *x, const struct err *e)
{
    struct erasing was = *x;
    mem_free(x);
    if (e)
        call_err(was.c, e);
    else
        store_erase_certified(was.c->op->op, was.contact, was.c->caller.login, on_erased, was.c);
}

/* Of whom everything is sealed above the caller, there is nobody: as for an access export. */
static void on_erase_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct erasing *x = arg;
    const struct who *w = &x->c->caller.who;
    int clearance = rights_subject(w) > w->clearance ? rights_subject(w) : w->clearance;
    bool seen = !n;
    struct err none = {0};
    for (size_t i = 0; i < n; i++)
        seen |= t[i]->clearance <= clearance;
    if (!seen)
        err_set(&none, ERR_NOT_FOUND, "no such contact");
    erase_end(x, e->code ? e : seen ? NULL : &none);
}

static void on_erase_contact(void *arg, const struct err *e, const struct store_contact *p)
{
    struct erasing *x = arg;
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED)
        erase_end(x, e);
    else if (e->code || !p->threads_n) /* the store tells of those who are not, or no more */
        erase_end(x, NULL);
    else
        store_threads_get(x->c->op->op, p->threads, p->threads_n, on_erase_threads, x);
}

static void erase(struct call *c)
{
    static const char *const known[] = {"contact", NULL};
    struct id id;
    if (!call_members(c, known))
        return;
    if (!rights_administer(&c->caller.who))
        call_problem(c, 403, "somebody is erased by who administers the whole operation");
    else if (!rights_erase(&c->caller.who, operation_seals(c->op)))
        call_problem(c, 403,
                     "where things are sealed, people are erased by an administrator with clearance 2, or by "
                     "`parley erase` on the server");
    else if (!json_object_get(c->body, "contact"))
        call_problem(c, 400, "\"contact\" is missing: the id of who is to be erased");
    else if (call_id(c, json_opt_str(c->body, "contact"), &id)) {
        struct erasing *x = mem_alloc(sizeof *x);
        x->c = c;
        x->contact = id;
        store_contact_get(c->op->op, id, on_erase_contact, x);
    }
}

const struct call_route office_routes[] = {
    {HTTP_M_GET, "operation", operation_get, 0, 0},
    {HTTP_M_GET, "events", events_get, ROLE_INTEGRATOR | ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "erase", erase, ROLE_ADMINISTRATOR, CALL_JSON},
    {.run = NULL},
};
