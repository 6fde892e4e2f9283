/* SPDX-License-Identifier: Apache-2.0
 * See alert.h. What is sealed is sealed here; the steps are functions/alert.lua's. */
#include "store/alert.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "store/record_seal.h"
#include "store/side.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 6

/* ---- reading ---- */

static void facet(const char *facets, const char *name, char *to, size_t cap)
{
    struct slice v = record_facet(facets, name);
    snprintf(to, cap, "%.*s", (int)v.n, v.n ? v.p : "");
}

static int64_t number(const char *facets, const char *name)
{
    uint64_t v = 0;
    slice_u64(record_facet(facets, name), &v);
    return (int64_t)v;
}

void store_alert_read(struct store_alert *a, const char *code, const char *group, const char *f)
{
    *a = (struct store_alert){.drill = number(f, "drill") == 1,
                              .clearance = (int)number(f, "mc"),
                              .seen_ms = number(f, "cr"),
                              .raised_ms = number(f, "ra"),
                              .first_ms = number(f, "fi"),
                              .acknowledged_ms = number(f, "ak"),
                              .handed_ms = number(f, "ha"),
                              .ended_ms = number(f, "en"),
                              .counted_ms = number(f, "tm"),
                              .steps = (unsigned)number(f, "st"),
                              .count = (unsigned)number(f, "n"),
                              .counted = (unsigned)number(f, "tc")};
    snprintf(a->code, sizeof a->code, "%s", code);
    snprintf(a->thread, sizeof a->thread, "%s", group ? group : "");
    facet(f, "state", a->state, sizeof a->state);
    facet(f, "how", a->how, sizeof a->how);
    facet(f, "cat", a->category, sizeof a->category);
    facet(f, "area", a->area, sizeof a->area);
    facet(f, "by", a->by, sizeof a->by);
    facet(f, "to", a->holder, sizeof a->holder);
    facet(f, "ab", a->acknowledged_by, sizeof a->acknowledged_by);
    facet(f, "hb", a->handed_by, sizeof a->handed_by);
    facet(f, "eb", a->ended_by, sizeof a->ended_by);
    facet(f, "of", a->of, sizeof a->of);
    a->count = a->count ? a->count : 1;
}

void store_alert_of(struct store_alert *a, const struct store_record *r)
{
    store_alert_read(a, r->id, r->group, r->facets);
    a->clearance = r->clearance > a->clearance ? r->clearance : a->clearance;
    a->contact = r->contact;
    a->version = r->version;
}

/* ---- a call on its way ---- */

struct work {
    struct store_op *op;
    struct arena *a;
    struct alert_raise raise;
    struct alert_moved move;
    uint64_t thread, contact;
    uint32_t kid;
    int clearance, tries;
    char code[ALERT_CODE_LEN + 1];
    char *json; /* plain; wiped */
    size_t json_n;
    void (*raised)(void *arg, const struct err *e, const struct alert_raised *r);
    void (*moved)(void *arg, const struct err *e, const char *before);
    void *arg;
};

static struct work *work_new(struct store_op *op, void *arg)
{
    struct work *w = mem_alloc(sizeof *w);
    *w = (struct work){.op = op, .a = arena_new(), .arg = arg};
    return w;
}

static void json_drop(struct work *w)
{
    if (w->json)
        mem_wipe(w->json, w->json_n);
    mem_free(w->json);
    w->json = NULL;
}

static void work_free(struct work *w)
{
    json_drop(w);
    if (w->raise.note.n)
        mem_wipe((char *)(uintptr_t)w->raise.note.p, w->raise.note.n);
    if (w->move.text.n)
        mem_wipe((char *)(uintptr_t)w->move.text.p, w->move.text.n);
    arena_free(&w->a);
    mem_free(w);
}

static void fail(struct work *w, const struct err *e)
{
    if (w->raised)
        w->raised(w->arg, e, NULL);
    else
        w->moved(w->arg, e, "");
    work_free(w);
}

static void on_refused(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    fail(arg, e);
}

static void json_take(struct work *w, json_t *o)
{
    struct buf b;
    json_drop(w);
    buf_init(&b, RECORD_JSON);
    json_write(o, &b);
    w->json = buf_take(&b, &w->json_n);
}

/* The sealed JSON; empty when there is no text, or nobody any more to seal it for. */
static void envelope(struct work *w, const char *code, struct buf *out)
{
    struct store_record r = {.kind = "alert", .id = code, .clearance = w->clearance};
    buf_init(out, 16);
    if (!w->json_n || (w->contact && keys_state(w->op, w->kid) != KEYS_HERE))
        return;
    r.json = slice_of(w->json, w->json_n);
    record_envelope(w->op, &r, w->contact, w->kid, out);
}

/* The key of whom it is about is loaded, then next is called. */
static void with_key(struct work *w, store_reply next)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, w->contact);
    store_call(w->op, "record_contact", &a, next, w);
}

/* ---- raising ---- */

static void raise_start(struct work *w);

static void on_raised(void *arg, const struct err *e, const struct redis_reply *r)
{
    static const char *const how[] = {"new", "grouped", "same"};
    struct work *w = arg;
    struct alert_raised out = {.how = ALERT_NEW};
    if (e->code == ERR_AGAIN && w->tries++ < TRIES) {
        raise_start(w);
        return;
    }
    if (e->code || r->n < 4) {
        fail(w, e);
        return;
    }
    struct slice code = store_item(r, 0), state = store_item(r, 1);
    snprintf(out.code, sizeof out.code, "%.*s", (int)code.n, code.p);
    snprintf(out.state, sizeof out.state, "%.*s", (int)state.n, state.p);
    for (int i = 0; i < 3; i++)
        if (slice_is(store_item(r, 2), how[i]))
            out.how = (enum alert_found)i;
    w->raised(w->arg, e, &out);
    work_free(w);
}

static void raise_send(void *arg, const struct err *e)
{
    struct work *w = arg;
    struct store_args a;
    struct buf sealed;
    if (e->code) {
        fail(w, e);
        return;
    }
    envelope(w, w->code, &sealed);
    store_args_init(&a);
    if (w->thread)
        store_arg_handle(&a, w->thread);
    else
        store_arg_str(&a, "");
    store_arg_str(&a, w->code);
    store_arg_str(&a, w->raise.possible ? "possible" : "raised");
    store_arg_str(&a, w->raise.category);
    store_arg_str(&a, w->raise.how);
    store_arg_str(&a, w->raise.actor);
    store_arg_str(&a, w->raise.drill ? "1" : "");
    store_arg_int(&a, w->raise.group_ms);
    store_arg_int(&a, w->clearance);
    store_arg_int(&a, w->kid);
    store_arg(&a, sealed.n ? buf_view(&sealed) : SLICE(""));
    store_arg_int(&a, w->raise.confirm_ms);
    store_arg_str(&a, w->raise.timer);
    store_arg_str(&a, w->thread ? w->raise.thread.s : "");
    store_arg_str(&a, w->raise.area);
    store_call(w->op, "alert_raise", &a, on_raised, w);
    buf_clear(&sealed);
}

static void on_raise_contact(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct work *w = arg;
    if (e->code) {
        fail(w, e);
        return;
    }
    w->kid = (uint32_t)store_number(r);
    keys_load(w->op, &w->kid, 1, raise_send, w);
}

static void on_raise_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct work *w = arg;
    struct err own = *e;
    if (!e->code && !store_contact_handle(w->op, t->contact, &w->contact))
        err_set(&own, ERR_NOT_FOUND, "no such person");
    if (own.code) {
        fail(w, &own);
        return;
    }
    w->clearance = t->clearance;
    with_key(w, on_raise_contact);
}

static void raise_start(struct work *w)
{
    snprintf(w->code, sizeof w->code, "%06llu", (unsigned long long)(text_random_u64() % 1000000));
    if (w->thread)
        store_thread_get(w->op, w->raise.thread, on_raise_thread, w);
    else
        raise_send(w, &(struct err){0});
}

static const char *dup_text(struct work *w, const char *s)
{
    return arena_strdup(w->a, s ? s : "");
}

void store_alert_raise(struct store_op *op, const struct alert_raise *r,
                       void (*done)(void *arg, const struct err *e, const struct alert_raised *r), void *arg)
{
    struct work *w = work_new(op, arg);
    w->raised = done;
    w->raise = *r;
    w->raise.category = dup_text(w, r->category);
    w->raise.how = dup_text(w, r->how);
    w->raise.area = dup_text(w, r->area);
    w->raise.actor = dup_text(w, r->actor && *r->actor ? r->actor : "system");
    w->raise.timer = dup_text(w, r->timer);
    w->raise.note = arena_slice(w->a, r->note);
    if (!name_valid(slice_str(w->raise.category)) || r->note.n > ALERT_TEXT) {
        side_refuse(op, ERR_INVALID, "a category is a code, a note at most 2,000 bytes", on_refused, w);
        return;
    }
    if (r->thread.s[0] && !store_thread_handle(op, r->thread, &w->thread)) {
        side_refuse(op, ERR_NOT_FOUND, "no such thread", on_refused, w);
        return;
    }
    if (r->note.n) {
        json_t *o = json_object();
        json_object_set_new(o, "note", json_stringn(w->raise.note.p, w->raise.note.n));
        json_take(w, o);
        json_decref(o);
    }
    raise_start(w);
}

/* ---- moving ---- */

static void move_start(struct work *w);

static void on_moved(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct work *w = arg;
    char before[16] = "";
    if (e->code == ERR_AGAIN && w->tries++ < TRIES) {
        move_start(w);
        return;
    }
    if (!e->code && r->n > 0)
        snprintf(before, sizeof before, "%.*s", (int)store_item(r, 0).n, store_item(r, 0).p);
    w->moved(w->arg, e, before);
    work_free(w);
}

static void move_send(void *arg, const struct err *e)
{
    struct work *w = arg;
    struct store_args a;
    struct buf sealed;
    if (e->code) {
        fail(w, e);
        return;
    }
    envelope(w, w->move.code, &sealed);
    store_args_init(&a);
    store_arg_str(&a, w->move.code);
    store_arg_str(&a, w->move.to);
    store_arg_str(&a, w->move.actor);
    store_arg_str(&a, w->move.via);
    store_arg_int(&a, w->move.group_ms);
    store_arg_int(&a, w->clearance);
    store_arg_int(&a, w->kid);
    store_arg(&a, sealed.n ? buf_view(&sealed) : SLICE(""));
    store_call(w->op, "alert_move", &a, on_moved, w);
    buf_clear(&sealed);
}

static void on_move_contact(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct work *w = arg;
    if (e->code == ERR_ERASED || e->code == ERR_NOT_FOUND) { /* what somebody wrote of them goes too */
        json_drop(w);
        w->json_n = 0;
        move_send(w, &(struct err){0});
        return;
    }
    if (e->code) {
        fail(w, e);
        return;
    }
    w->kid = (uint32_t)store_number(r);
    keys_load(w->op, &w->kid, 1, move_send, w);
}

/* What was written before stays beside it. */
static void on_move_record(void *arg, const struct err *e, const struct store_record *r)
{
    struct work *w = arg;
    if (e->code) {
        fail(w, e);
        return;
    }
    json_t *o = r->json.n ? json_parse(r->json, 8, NULL) : NULL;
    if (!json_is_object(o)) {
        json_decref(o);
        o = json_object();
    }
    json_object_set_new(o, w->move.member, json_stringn(w->move.text.p, w->move.text.n));
    json_take(w, o);
    json_decref(o);
    w->clearance = r->clearance;
    if (store_contact_handle(w->op, r->contact, &w->contact))
        with_key(w, on_move_contact);
    else
        move_send(w, e);
}

static void move_start(struct work *w)
{
    if (w->move.member)
        store_record_get(w->op, "alert", w->move.code, on_move_record, w);
    else
        move_send(w, &(struct err){0});
}

void store_alert_move(struct store_op *op, const struct alert_moved *m,
                      void (*done)(void *arg, const struct err *e, const char *before), void *arg)
{
    struct work *w = work_new(op, arg);
    w->moved = done;
    w->move = *m;
    w->move.code = dup_text(w, m->code);
    w->move.to = dup_text(w, m->to);
    w->move.actor = dup_text(w, m->actor && *m->actor ? m->actor : "system");
    w->move.via = dup_text(w, m->via);
    w->move.text = arena_slice(w->a, m->text);
    w->move.member = m->member && m->text.n ? dup_text(w, m->member) : NULL;
    if (m->text.n > ALERT_TEXT)
        side_refuse(op, ERR_INVALID, "at most 2,000 bytes", on_refused, w);
    else
        move_start(w);
}
