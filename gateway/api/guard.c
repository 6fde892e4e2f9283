/* SPDX-License-Identifier: Apache-2.0
 * REST on the ends of threads: what one lacks, a focal point's word on it, tries to reach somebody, how it is
 * not safe to reach them. */
#include "gateway/api/matters.h"
#include <stdio.h>
#include <string.h>

#define READERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)

struct guard_call {
    struct call *c;
    struct id thread, contact;
    unsigned right;
    char reason[64];
    void (*go)(struct guard_call *g);
};

static void refuse(struct guard_call *g, int status, const char *why)
{
    call_problem(g->c, status, why);
    mem_free(g);
}

static void on_card(void *arg, const struct err *e, const struct card *card)
{
    struct guard_call *g = arg;
    if (e->code) {
        call_err(g->c, e);
        mem_free(g);
    } else if (!(card->rights & RIGHT_READ))
        refuse(g, 404, "no such thread");
    else if (g->right && !(card->rights & g->right))
        refuse(g, 403, "you do not hold this thread");
    else {
        g->contact = card->t->contact;
        g->go(g);
    }
}

static void with_thread(struct call *c, unsigned right, void (*go)(struct guard_call *g))
{
    struct id thread;
    if (!call_id(c, c->args[0], &thread))
        return;
    struct guard_call *g = mem_alloc(sizeof *g);
    g->c = c;
    g->thread = thread;
    g->right = right;
    g->go = go;
    card_load(c->op, &c->caller.who, thread, on_card, g);
}

/* ---- what an end lacks ---- */

static void words(struct buf *b, const char *key, const char *list)
{
    struct slice rest = slice_str(list), one;
    size_t n = 0;
    buf_printf(b, ",\"%s\":[", key);
    while (slice_next(&rest, ' ', &one)) {
        if (!one.n)
            continue;
        buf_str(b, n++ ? "," : "");
        buf_json_str(b, one);
    }
    buf_char(b, ']');
}

static void on_look(void *arg, const struct err *e, const struct guard_look *l)
{
    struct guard_call *g = arg;
    struct buf b;
    if (e->code) {
        call_err(g->c, e);
        mem_free(g);
        return;
    }
    buf_init(&b, 65536);
    buf_str(&b, "{\"known\":");
    if (*l->known)
        buf_json_str(&b, slice_str(l->known));
    else
        buf_str(&b, "null");
    words(&b, "lacks", l->lacks);
    view_time(&b, "presumed_at", l->due_ms, true);
    words(&b, "unsafe", l->unsafe);
    buf_printf(&b, ",\"tries\":%u,\"days\":%u,\"tries_needed\":%u,\"days_needed\":%u}", l->tries, l->days,
               l->tries_needed, l->days_needed);
    call_json(g->c, 200, buf_view(&b));
    buf_clear(&b);
    mem_free(g);
}

static void look_go(struct guard_call *g)
{
    store_guard_look(g->c->op->op, g->thread, g->reason, on_look, g);
}

static void look_start(struct guard_call *g)
{
    struct buf b;
    buf_init(&b, 128);
    if (call_query(g->c, "reason", &b) && b.n < sizeof g->reason)
        memcpy(g->reason, b.p, b.n);
    buf_clear(&b);
    look_go(g);
}

static void guard_get(struct call *c)
{
    with_thread(c, 0, look_start);
}

/* ---- a focal point's word; tries ---- */

static void on_json(void *arg, const struct err *e, struct slice json)
{
    struct guard_call *g = arg;
    if (e->code)
        call_err(g->c, e);
    else
        call_json(g->c, 200, json);
    mem_free(g);
}

static void on_moved(void *arg, const struct err *e, const struct store_thread *t)
{
    struct guard_call *g = arg;
    if (!e->code) {
        snprintf(g->c->idem_what, sizeof g->c->idem_what, "thread %s", t->id.s);
        card_thread(g->c->op, t, on_json, g);
        return;
    }
    if (e->code == ERR_GUARDED)
        call_guarded(g->c, e);
    else
        call_err(g->c, e);
    mem_free(g);
}

static void approve_go(struct guard_call *g)
{
    const json_t *yes = json_object_get(g->c->body, "yes");
    if (!json_is_boolean(yes))
        refuse(g, 400, "yes: true or false is wanted");
    else
        store_end_approve(g->c->op->op, g->thread, call_actor(g->c), json_is_true(yes), on_moved, g);
}

static void end_approve(struct call *c)
{
    static const char *const members[] = {"yes", NULL};
    if (call_members(c, members))
        with_thread(c, 0, approve_go);
}

static void try_go(struct guard_call *g)
{
    const char *channel = json_string_value(json_object_get(g->c->body, "channel")),
               *why = json_string_value(json_object_get(g->c->body, "why"));
    if (!channel || !why)
        refuse(g, 400, "channel, why: short words are wanted");
    else
        store_guard_try(g->c->op->op, g->thread, call_actor(g->c), channel, why, on_moved, g);
}

static void thread_try(struct call *c)
{
    static const char *const members[] = {"channel", "why", NULL};
    if (call_members(c, members))
        with_thread(c, RIGHT_WRITE, try_go);
}

/* ---- how it is not safe to reach them ---- */

static void on_safety(void *arg, const struct err *e)
{
    struct guard_call *g = arg;
    if (e->code) {
        call_err(g->c, e);
        mem_free(g);
    } else
        look_go(g);
}

static void safety_go(struct guard_call *g)
{
    struct buf b;
    size_t i;
    json_t *one;
    const json_t *list = json_object_get(g->c->body, "unsafe");
    bool good = json_is_array(list);
    buf_init(&b, 1024);
    json_array_foreach(list, i, one)
    {
        good = good && json_is_string(one);
        buf_printf(&b, "%s%s", b.n ? " " : "", good ? json_string_value(one) : "");
    }
    if (!good || b.err)
        refuse(g, 400, "unsafe: a list of channels is wanted, or [\"*\"]");
    else
        store_contact_safety(g->c->op->op, g->contact, call_actor(g->c), b.n ? b.p : "", on_safety, g);
    buf_clear(&b);
}

static void safety_post(struct call *c)
{
    static const char *const members[] = {"unsafe", NULL};
    if (call_members(c, members))
        with_thread(c, RIGHT_WRITE, safety_go);
}

/* ---- ends that wait for a focal point ---- */

static void on_ends_json(void *arg, const struct err *e, struct slice items)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct buf b;
    call_list(&b);
    buf_slice(&b, items);
    call_list_end(c, &b, "");
}

static void on_ends(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        card_list(c->op, &c->caller.who, t, n, on_ends_json, c);
}

static void ends_get(struct call *c)
{
    store_ends(c->op->op, on_ends, c);
}

const struct call_route guard_routes[] = {
    {HTTP_M_GET, "threads/{}/guard", guard_get, READERS, 0},
    {HTTP_M_POST, "threads/{}/approve", end_approve, ROLE_FOCAL, CALL_JSON},
    {HTTP_M_POST, "threads/{}/tries", thread_try, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/safety", safety_post, READERS, CALL_JSON},
    {HTTP_M_GET, "ends", ends_get, ROLE_FOCAL, 0},
    {.run = NULL},
};
