/* SPDX-License-Identifier: Apache-2.0
 * REST on call-backs: what is due, of the threads that the caller may read; asking for one; what came of
 * it. */
#include "gateway/api/callbacks.h"
#include "router/hours.h"
#include "store/callback.h"
#include <stdio.h>
#include <string.h>

#define CALLBACK_LIST 200 /* open ones that are looked at */

/* ---- one ---- */

/* Only codes and times: what is kept under an Idempotency-Key an erasure would not reach. */
static void codes(struct buf *b, const struct store_record *r, const json_t *o)
{
    struct slice state = record_facet(r->facets, "state");
    const json_t *agent = json_object_get(o, "agent");
    buf_printf(b, "{\"thread\":\"%s\",\"state\":\"%.*s\",\"version\":%llu", r->id, (int)state.n, state.p,
               (unsigned long long)r->version);
    view_time(b, "from", json_opt_int(o, "from", 0), true);
    view_time(b, "to", json_opt_int(o, "to", 0), true);
    buf_printf(b,
               ",\"person\":%s,\"tries\":%d,\"agent\":", json_opt_bool(o, "person", false) ? "true" : "false",
               (int)json_opt_int(o, "tries", 0));
    if (json_is_string(agent))
        buf_json_str(b, json_opt_str(o, "agent"));
    else
        buf_str(b, "null");
}

static void whole(struct buf *b, const struct store_record *r, const json_t *o)
{
    static const char *const texts[] = {"channel", "address", "note"};
    codes(b, r, o);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct slice s = json_opt_str(o, texts[i]);
        buf_printf(b, ",\"%s\":", texts[i]);
        if (s.n)
            buf_json_str(b, s);
        else
            buf_str(b, "null");
    }
    buf_char(b, '}');
}

static json_t *opened(const struct store_record *r)
{
    return r->json.n ? json_parse(r->json, 16, NULL) : NULL;
}

/* ---- GET callbacks ---- */

struct list_job {
    struct call *c;
    struct shown {
        struct list_job *j;
        char *json, *thread; /* thread: as the caller sees it; NULL: they do not */
    } items[CALLBACK_LIST];
    size_t n, waiting;
    struct err err;
};

static void list_answer(struct list_job *j)
{
    struct buf b;
    if (j->err.code)
        call_err(j->c, &j->err);
    else {
        call_list(&b);
        for (size_t i = 0; i < j->n; i++) {
            if (!j->items[i].thread)
                continue;
            call_item(&b);
            buf_printf(&b, "{\"callback\":%s,\"thread\":%s}", j->items[i].json, j->items[i].thread);
        }
        call_list_end(j->c, &b, "");
    }
    for (size_t i = 0; i < j->n; i++) {
        mem_free(j->items[i].json);
        mem_free(j->items[i].thread);
    }
    mem_free(j);
}

static void on_list_card(void *arg, const struct err *e, const struct card *card)
{
    struct shown *s = arg;
    struct list_job *j = s->j;
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED)
        j->err = *e;
    else if (!e->code && (card->rights & RIGHT_READ))
        s->thread = slice_dup(card->json);
    if (--j->waiting == 0)
        list_answer(j);
}

static bool is_open(const struct store_record *r)
{
    struct slice state = record_facet(r->facets, "state");
    return slice_is(state, "waiting") || slice_is(state, "due") || slice_is(state, "taken");
}

/* Before anything is opened: by area and clearance. */
static bool list_visible(void *arg, const struct store_record *r)
{
    const struct who *w = &((struct list_job *)arg)->c->caller.who;
    struct slice area = record_facet(r->facets, "area");
    char name[128] = "";
    if (!slice_is(area, "-") && area.n < sizeof name)
        memcpy(name, area.p, area.n);
    return is_open(r) && r->clearance <= w->clearance && rights_area(w, name);
}

static void on_records(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct list_job *j = arg;
    (void)more;
    j->err = *e;
    j->waiting = 1;
    for (size_t i = 0; !e->code && i < n && j->n < CALLBACK_LIST; i++) {
        json_t *o = opened(&r[i]);
        struct id id;
        struct buf b;
        if (!o || strlen(r[i].id) != ID_LEN)
            continue;
        memcpy(id.s, r[i].id, sizeof id.s);
        struct shown *s = &j->items[j->n++];
        buf_init(&b, RECORD_JSON);
        whole(&b, &r[i], o);
        s->j = j;
        s->json = buf_take(&b, NULL);
        json_decref(o);
        j->waiting++;
        card_load(j->c->op, &j->c->caller.who, id, on_list_card, s);
    }
    if (--j->waiting == 0)
        list_answer(j);
}

static void callbacks_get(struct call *c)
{
    struct list_job *j = mem_alloc(sizeof *j);
    j->c = c;
    struct record_list q = {
        .kind = "callback", .visible = list_visible, .from = CALLBACK_ENDED + 1, .limit = RECORD_LIST};
    store_record_list(c->op->op, &q, on_records, j);
}

/* ---- one thread's ---- */

struct one_job {
    struct call *c;
    struct id thread;
    int status;
    bool full;
    json_t *body;
};

static void one_end(struct one_job *j)
{
    json_decref(j->body);
    mem_free(j);
}

static void on_one(void *arg, const struct err *e, const struct store_record *r)
{
    struct one_job *j = arg;
    json_t *o = e->code ? NULL : opened(r);
    if (!o)
        e->code ? call_err(j->c, e) : call_problem(j->c, 404, "no such thing");
    else {
        struct buf b;
        buf_init(&b, RECORD_JSON);
        if (j->full)
            whole(&b, r, o);
        else {
            codes(&b, r, o);
            buf_char(&b, '}');
        }
        call_json(j->c, j->status, buf_view(&b));
        buf_clear(&b);
    }
    json_decref(o);
    one_end(j);
}

static void on_done(void *arg, const struct err *e, struct id thread)
{
    struct one_job *j = arg;
    if (e->code == ERR_FORBIDDEN)
        call_problem_code(j->c, 409, e->text, "unsafe");
    else if (e->code)
        call_err(j->c, e);
    else {
        store_record_get(j->c->op->op, "callback", thread.s, on_one, j);
        return;
    }
    one_end(j);
}

static bool time_member(struct one_job *j, const char *key, int64_t *ms)
{
    const json_t *v = json_object_get(j->body, key);
    char why[80];
    if (!v || json_is_null(v) || time_parse(json_opt_str(j->body, key), ms))
        return true;
    snprintf(why, sizeof why, "%s: a time such as 2026-01-01T06:00:00Z is wanted", key);
    call_problem(j->c, 400, why);
    return false;
}

static void ask(struct one_job *j, const struct card *card)
{
    struct slice asked = json_opt_str(j->body, "asked");
    struct callback_ask a = {.thread = j->thread,
                             .by_person = slice_is(asked, "person"),
                             .actor = *j->c->caller.agent ? j->c->caller.agent : j->c->caller.login,
                             .channel = json_opt_str(j->body, "channel"),
                             .address = json_opt_str(j->body, "address"),
                             .note = json_opt_str(j->body, "note")};
    if (!time_member(j, "from", &a.from_ms) || !time_member(j, "to", &a.to_ms)) {
        one_end(j);
        return;
    }
    if (!slice_is(asked, "person") && !slice_is(asked, "agent")) {
        call_problem(j->c, 400, "asked: person or agent is wanted");
        one_end(j);
        return;
    }
    struct hours *h = hours_new(operation_document(j->c->op));
    a.offset_s = hours_offset(h, card->t->area, a.from_ms ? a.from_ms : store_now_ms(j->c->api->cf.store));
    hours_free(&h);
    store_callback_ask(j->c->op->op, &a, on_done, j);
}

static void act(struct one_job *j)
{
    static const struct {
        const char *verb;
        enum callback_state to;
    } verbs[] = {{"take", CALLBACK_TAKEN},
                 {"done", CALLBACK_DONE},
                 {"no_answer", CALLBACK_WAITING},
                 {"drop", CALLBACK_DROPPED}};
    struct callback_act a = {.thread = j->thread,
                             .version = (uint64_t)json_opt_int(j->body, "version", 0),
                             .agent = *j->c->caller.agent ? j->c->caller.agent : j->c->caller.login};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (slice_is(j->c->args[1], verbs[i].verb)) {
            a.to = verbs[i].to;
            if (time_member(j, "again", &a.again_ms))
                store_callback_act(j->c->op->op, &a, on_done, j);
            else
                one_end(j);
            return;
        }
    call_problem(j->c, 404, "no such thing");
    one_end(j);
}

static void on_card(void *arg, const struct err *e, const struct card *card)
{
    struct one_job *j = arg;
    if (e->code)
        call_err(j->c, e);
    else if (!(card->rights & RIGHT_READ))
        call_problem(j->c, 404, "no such thing");
    else if (j->body && !(card->rights & RIGHT_WRITE))
        call_problem(j->c, 403, "not allowed");
    else {
        if (!j->body)
            store_record_get(j->c->op->op, "callback", j->thread.s, on_one, j);
        else if (j->c->args[1].n)
            act(j);
        else
            ask(j, card);
        return;
    }
    one_end(j);
}

static void start(struct call *c, int status, bool full, const char *const *known)
{
    struct id id;
    if (!call_id(c, c->args[0], &id) || (known && !call_members(c, known)))
        return;
    struct one_job *j = mem_alloc(sizeof *j);
    *j = (struct one_job){.c = c, .thread = id, .status = status, .full = full};
    j->body = known ? json_incref(c->body) : NULL;
    card_load(c->op, &c->caller.who, id, on_card, j);
}

static void callback_get(struct call *c)
{
    start(c, 200, true, NULL);
}

static void callback_ask(struct call *c)
{
    static const char *const known[] = {"asked", "from", "to", "channel", "address", "note", NULL};
    start(c, 201, false, known);
}

static void callback_act(struct call *c)
{
    static const char *const known[] = {"version", "again", NULL};
    start(c, 200, false, known);
}

const struct call_route callback_routes[] = {
    {HTTP_M_GET, "callbacks", callbacks_get, 0, 0},
    {HTTP_M_GET, "threads/{}/callback", callback_get, 0, 0},
    {HTTP_M_POST, "threads/{}/callback", callback_ask, 0, CALL_JSON},
    {HTTP_M_POST, "threads/{}/callback/{}", callback_act, 0, CALL_JSON},
    {.run = NULL},
};

/* ---- the socket ---- */

/* Who oversees hears of each; who holds the thread hears of the step as an entry of it. */
static bool may_hear(const struct record_news *n, const struct who *w)
{
    char area[RECORD_FACETS + 1] = "";
    struct slice a = record_facet(n->ev->record.facets, "area");
    int cl = n->ev->clearance;
    if (!slice_is(a, "-"))
        memcpy(area, a.p, a.n < RECORD_FACETS ? a.n : 0);
    if (n->r && n->r->clearance > cl) /* it has been sealed since: a replay tells of before */
        cl = n->r->clearance;
    return rights_matter(w, cl, area);
}

static void tell(struct buf *b, const struct record_news *n, const struct who *w)
{
    struct slice state = record_facet(n->ev->record.facets, "state");
    (void)w;
    if (!n->r)
        return;
    record_frame(b, n, "callback");
    buf_printf(b, ",\"thread\":\"%s\",\"state\":\"%.*s\"}", n->ev->record.id, (int)state.n, state.p);
}

const struct record_row callback_row = {.kind = "callback", .open = true, .may = may_hear, .tell = tell};
