/* SPDX-License-Identifier: Apache-2.0
 * What those who wait are told: that nobody is there, that the office is closed, their place. */
#include "gateway/base/mem.h"
#include "router/engine_internal.h"
#include <stdio.h>
#include <string.h>

#define ENGINE_NOBODY_MS  3000   /* so long a thread waits before its person is told that nobody is there */
#define ENGINE_NOBODY_MAX 200    /* threads looked at for that in one sweep */
#define ENGINE_OPENED_MS  600000 /* after opening those who waited are not told that nobody is there */

static void on_nobody_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct asking *a = arg;
    struct engine *en;
    if (engine_answered(a, &en) && !e->code && t->state == STORE_WAITING)
        en->cf.nobody(en->cf.arg, en->cf.op, t);
    mem_free(a);
}

static void on_nobody(void *arg, const struct err *e, bool first)
{
    struct asking *a = arg;
    struct engine *en;
    if (engine_answered(a, &en)) {
        struct waiting *w = map_get(&en->waiting, slice_str(a->thread.s));
        if (e->code && w)
            w->told = false;
        if (!e->code && first) {
            struct asking *next = engine_ask(en);
            next->thread = a->thread;
            store_thread_get(en->cf.op, a->thread, on_nobody_thread, next);
        }
    }
    mem_free(a);
}

static void on_away_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct asking *a = arg;
    struct engine *en;
    struct hours_state h;
    if (engine_answered(a, &en) && !e->code && t->state != STORE_RESOLVED) {
        hours_at(en->hours, t->area, store_now_ms(engine_store(en)), &h);
        if (!h.open)
            en->cf.away(en->cf.arg, en->cf.op, t, h.since_ms);
    }
    mem_free(a);
}

static void tell_away(struct engine *en, const char *thread)
{
    struct asking *a = engine_ask(en);
    snprintf(a->thread.s, sizeof a->thread.s, "%s", thread);
    store_thread_get(en->cf.op, a->thread, on_away_thread, a);
}

/* Hours come first: who is told when the office opens is not told that nobody is there. True: nothing more  \
is                                                                                                           \
* to be said. */
static bool look_at_hours(struct engine *en, struct waiting *w, const char *thread, int64_t now)
{
    struct hours_state h;
    hours_at(en->hours, w->area, now, &h);
    if (!h.open && en->cf.away && !(w->closed && w->closed_ms == h.since_ms)) {
        w->closed = true;
        w->closed_ms = h.since_ms;
        tell_away(en, thread);
    }
    return !h.open || (h.since_ms > w->waiting_ms && now - h.since_ms < ENGINE_OPENED_MS);
}

static void look_at(struct engine *en, struct waiting *w, struct slice id, int64_t now)
{
    char thread[ID_LEN + 1];
    if (now - w->waiting_ms < ENGINE_NOBODY_MS || id.n != ID_LEN)
        return;
    memcpy(thread, id.p, ID_LEN);
    thread[ID_LEN] = '\0';
    if (look_at_hours(en, w, thread, now) || w->told || assign_anybody(en->view, thread))
        return;
    w->told = true;
    struct asking *a = engine_ask(en);
    memcpy(a->thread.s, thread, sizeof thread);
    store_nobody_once(en->cf.op, a->thread, on_nobody, a);
}

/* A part of the threads each time, in turn. */
void engine_look(struct engine *en)
{
    int64_t now = store_now_ms(engine_store(en));
    struct slice id;
    void *value;
    size_t looked = 0;
    if (!en->waiting.n || !en->cf.nobody || en->drawing || !en->hours)
        return;
    while (looked < ENGINE_NOBODY_MAX && map_each(&en->waiting, &en->nobody_at, &id, &value)) {
        looked++;
        look_at(en, value, id, now);
    }
    if (looked < ENGINE_NOBODY_MAX)
        en->nobody_at = 0;
}

/* Somebody writes to an agent who went home. */
void engine_entry(struct engine *en, const struct store_event *ev)
{
    struct hours_state h;
    if (!ev->inbound || ev->entry_kind != STORE_MESSAGE || !en->cf.away || !en->hours ||
        (ev->state != STORE_ASSIGNED && ev->state != STORE_SNOOZED) || assign_present(en->view, ev->agent))
        return;
    hours_at(en->hours, ev->area, store_now_ms(engine_store(en)), &h);
    if (!h.open)
        tell_away(en, ev->thread.s);
}

bool engine_held(const struct engine *en)
{
    return en->held;
}

struct hours *engine_hours(struct engine *en)
{
    return en->hours;
}

bool engine_place(struct engine *en, const char *thread, struct engine_place *out)
{
    struct waiting *w = en->held && en->view ? map_get(&en->waiting, slice_str(thread)) : NULL;
    if (!w || en->drawing || !w->queue)
        return false;
    out->place = assign_place(en->view, thread);
    out->minutes = assign_anybody(en->view, thread)
                       ? pace_minutes(&en->pace, w->queue, out->place, store_now_ms(engine_store(en)))
                       : 0;
    return out->place > 0;
}
