/* SPDX-License-Identifier: Apache-2.0
 * Threads as somebody may see them: the record, the contact's name and the last entry are fetched side by
 * side, in one round trip each. */
#include "gateway/api/api_internal.h"
#include <string.h>

/* ---- the JSON of one thread ---- */

struct card_job {
    struct api_op *o;
    struct store_thread t; /* strings are owned by arena */
    struct arena *arena;
    struct store_contact *contact;
    struct store_entry *last;
    unsigned waiting; /* fetches under way */
    struct err err;
    void (*done)(void *arg, const struct err *e, struct slice json);
    void *arg;
};

static const char *keep(struct arena *a, const char *s)
{
    return arena_strdup(a, s ? s : "");
}

static void keep_thread(struct arena *a, struct store_thread *to, const struct store_thread *t)
{
    *to = *t;
    to->topic = keep(a, t->topic);
    to->area = keep(a, t->area);
    to->channel = keep(a, t->channel);
    to->assignee = keep(a, t->assignee);
    to->last_agent = keep(a, t->last_agent);
    to->team = keep(a, t->team);
    to->tags = keep(a, t->tags);
    to->outcome = keep(a, t->outcome);
    to->declined = keep(a, t->declined);
    to->doubt = keep(a, t->doubt);
    to->doubt_was = keep(a, t->doubt_was);
    to->doubt_answer = keep(a, t->doubt_answer);
    to->identity_how = keep(a, t->identity_how);
    to->identity_by = keep(a, t->identity_by);
    to->reason = keep(a, t->reason);
    to->known = keep(a, t->known);
    to->ending = keep(a, t->ending);
}

static void card_step(struct card_job *j)
{
    if (--j->waiting)
        return;
    struct buf b;
    buf_init(&b, 1 << 18);
    if (!j->err.code)
        view_thread(&b, &j->t, j->contact, j->last, true);
    j->done(j->arg, &j->err, buf_view(&b));
    buf_clear(&b);
    arena_free(&j->arena);
    mem_free(j);
}

static void on_card_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct card_job *j = arg;
    if (!e->code) {
        j->contact = arena_alloc(j->arena, sizeof *j->contact);
        j->contact->id = c->id;
        j->contact->provider_named = c->provider_named;
        j->contact->profile = store_contact_profile(c, j->t.clearance, j->arena);
    } else if (e->code != ERR_NOT_FOUND && e->code != ERR_ERASED)
        j->err = *e;
    card_step(j);
}

#define LOOK_BACK 8

/* The newest that somebody said: not that the thread was offered or accepted. */
static const struct store_entry *last_said(const struct store_entry *entries, size_t n)
{
    while (n && entries[n - 1].kind == STORE_EVENT)
        n--;
    return n ? &entries[n - 1] : NULL;
}

static void on_card_last(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct card_job *j = arg;
    const struct store_entry *last = e->code ? NULL : last_said(entries, n);
    if (last) {
        j->last = arena_alloc(j->arena, sizeof *j->last);
        *j->last = *last;
        j->last->text = arena_slice(j->arena, last->text);
    } else if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED)
        j->err = *e;
    card_step(j);
}

void card_thread(struct api_op *o, const struct store_thread *t,
                 void (*done)(void *arg, const struct err *e, struct slice json), void *arg)
{
    struct card_job *j = mem_alloc(sizeof *j);
    j->o = o;
    j->arena = arena_new();
    j->done = done;
    j->arg = arg;
    j->waiting = 2;
    keep_thread(j->arena, &j->t, t);
    store_contact_get(o->op, t->contact, on_card_contact, j);
    store_entries_get(o->op, t->id, t->last_seq > LOOK_BACK ? t->last_seq - LOOK_BACK : 1, t->last_seq,
                      on_card_last, j);
}

/* ---- does the agent hold another thread of this contact? ---- */

struct holds_job {
    struct api_op *o;
    char agent[64];
    struct id except;
    int clearance;
    void (*done)(void *arg, const struct err *e, bool holds);
    void *arg;
};

static void holds_end(struct holds_job *j, const struct err *e, bool holds)
{
    j->done(j->arg, e, holds);
    mem_free(j);
}

static void on_held(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct holds_job *j = arg;
    bool holds = false;
    for (size_t i = 0; !e->code && i < n; i++)
        holds |= t[i]->assignee && strcmp(t[i]->assignee, j->agent) == 0 &&
                 strcmp(t[i]->id.s, j->except.s) != 0 && !rights_doubted(t[i]) &&
                 t[i]->clearance <= j->clearance && /* of a token that has less than its agent */
                 (t[i]->state == STORE_ASSIGNED || t[i]->state == STORE_SNOOZED);
    holds_end(j, e, holds);
}

static void on_holds_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct holds_job *j = arg;
    struct err none = {0};
    if (e->code == ERR_NOT_FOUND)
        holds_end(j, &none, false);
    else if (e->code)
        holds_end(j, e, false);
    else
        store_threads_get(j->o->op, c->threads, c->threads_n, on_held, j);
}

static void holds_contact(struct api_op *o, const struct who *w, const struct store_thread *t,
                          void (*done)(void *arg, const struct err *e, bool holds), void *arg)
{
    struct holds_job *j = mem_alloc(sizeof *j);
    j->o = o;
    j->except = t->id;
    j->done = done;
    j->arg = arg;
    j->clearance = w->clearance;
    strncpy(j->agent, w->agent, sizeof j->agent - 1);
    store_contact_get(o->op, t->contact, on_holds_contact, j);
}

/* ---- one thread with its rights ---- */

struct load_job {
    struct api_op *o;
    struct caller by; /* a copy: the caller may go away */
    struct store_thread t;
    struct arena *arena;
    unsigned rights;
    void (*done)(void *arg, const struct err *e, const struct card *c);
    void *arg;
};

static void load_end(struct load_job *j, const struct err *e, struct slice json)
{
    struct card c = {&j->t, j->rights, json};
    j->done(j->arg, e, e->code ? NULL : &c);
    arena_free(&j->arena);
    mem_free(j);
}

static void load_missing(struct load_job *j)
{
    struct err e = {0};
    err_set(&e, ERR_NOT_FOUND, "no such thread");
    load_end(j, &e, (struct slice){0, 0});
}

static void on_load_json(void *arg, const struct err *e, struct slice json)
{
    load_end(arg, e, json);
}

static void on_load_holds(void *arg, const struct err *e, bool holds)
{
    struct load_job *j = arg;
    if (e->code) {
        load_end(j, e, (struct slice){0, 0});
        return;
    }
    j->rights = rights_now(j->o, &j->by.who, &j->t, holds);
    if (j->rights & RIGHT_SEE)
        card_thread(j->o, &j->t, on_load_json, j);
    else
        load_missing(j);
}

static void on_load_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct load_job *j = arg;
    if (e->code) {
        load_end(j, e, (struct slice){0, 0});
        return;
    }
    keep_thread(j->arena, &j->t, t);
    j->rights = rights_now(j->o, &j->by.who, &j->t, false);
    if (j->rights & RIGHT_SEE)
        card_thread(j->o, &j->t, on_load_json, j);
    else if (rights_now(j->o, &j->by.who, &j->t, true) & RIGHT_SEE) /* it depends on what else they hold */
        holds_contact(j->o, &j->by.who, &j->t, on_load_holds, j);
    else
        load_missing(j);
}

void card_load(struct api_op *o, const struct who *w, struct id thread,
               void (*done)(void *arg, const struct err *e, const struct card *c), void *arg)
{
    struct load_job *j = mem_alloc(sizeof *j);
    j->o = o;
    j->arena = arena_new();
    j->done = done;
    j->arg = arg;
    caller_copy(&j->by, w);
    store_thread_get(o->op, thread, on_load_thread, j);
}

/* ---- several threads ---- */

struct list_job {
    struct list_slot {
        struct list_job *list;
        char *json;
        size_t n;
    } * slots;
    size_t n, waiting;
    struct err err;
    void (*done)(void *arg, const struct err *e, struct slice items);
    void *arg;
};

static void list_end(struct list_job *j)
{
    struct buf b;
    buf_init(&b, 16u << 20);
    for (size_t i = 0, n = 0; i < j->n; i++) {
        if (j->slots[i].n) {
            if (n++)
                buf_char(&b, ',');
            buf_add(&b, j->slots[i].json, j->slots[i].n);
        }
        mem_free(j->slots[i].json);
    }
    j->done(j->arg, &j->err, buf_view(&b));
    buf_clear(&b);
    mem_free(j->slots);
    mem_free(j);
}

static void on_slot(void *arg, const struct err *e, struct slice json)
{
    struct list_slot *s = arg;
    struct list_job *j = s->list;
    if (e->code)
        j->err = *e;
    else {
        s->json = slice_dup(json);
        s->n = json.n;
    }
    if (--j->waiting == 0)
        list_end(j);
}

static void on_list_nothing(void *arg)
{
    list_end(arg);
}

void card_list(struct api_op *o, const struct who *w, const struct store_thread *const *t, size_t n,
               void (*done)(void *arg, const struct err *e, struct slice items), void *arg)
{
    struct list_job *j = mem_alloc(sizeof *j);
    j->slots = mem_array(n ? n : 1, sizeof *j->slots);
    j->n = n;
    j->done = done;
    j->arg = arg;
    for (size_t i = 0; i < n; i++)
        if (rights_now(o, w, t[i], false) & RIGHT_SEE)
            j->waiting++;
    if (!j->waiting) {
        loop_defer(o->api->cf.loop, on_list_nothing, j);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        j->slots[i].list = j;
        if (rights_now(o, w, t[i], false) & RIGHT_SEE)
            card_thread(o, t[i], on_slot, &j->slots[i]);
    }
}

/* ---- mine ---- */

struct mine_job {
    struct api_op *o;
    struct caller by;
    void (*done)(void *arg, const struct err *e, struct slice items);
    void *arg;
};

static void on_mine(void *arg, const struct err *e, const struct store_thread *const *t, size_t n,
                    int64_t next_ms)
{
    struct mine_job *j = arg;
    (void)next_ms;
    if (e->code)
        j->done(j->arg, e, (struct slice){0, 0});
    else
        card_list(j->o, &j->by.who, t, n, j->done, j->arg);
    mem_free(j);
}

void card_mine(struct api_op *o, const struct who *w,
               void (*done)(void *arg, const struct err *e, struct slice items), void *arg)
{
    struct mine_job *j = mem_alloc(sizeof *j);
    j->o = o;
    j->done = done;
    j->arg = arg;
    caller_copy(&j->by, w);
    struct store_thread_filter f = {
        .states = 1u << STORE_OFFERED | 1u << STORE_ASSIGNED | 1u << STORE_SNOOZED,
        .assignee = j->by.agent,
        .limit = 200,
    };
    store_threads_find(o->op, &f, on_mine, j);
}
