/* SPDX-License-Identifier: Apache-2.0
 * The words are looked for where the message came in; the place in the queue is known where the router works,
 * which may be another node. */
#include "gateway/daemon/wishes.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/callback.h"
#include "store/events.h"
#include <string.h>

struct wishes {
    struct store_op *op;
    struct notices *notices;
    struct engine *engine;
    bool gone;
    struct wishes *next; /* of those whose operation is gone */
};

static void on_place_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct wishes *w = arg;
    struct engine_place place = {0};
    if (w->gone || e->code || t->state == STORE_BOT || t->state == STORE_ASSIGNED ||
        t->state == STORE_RESOLVED)
        return;
    bool known = engine_place(w->engine, t->id.s, &place);
    notice_place(w->notices, t, known ? &place : NULL);
}

static void on_signal(void *arg, const struct store_signal *s)
{
    struct wishes *w = arg;
    if (!w->gone && strcmp(s->what, "place") == 0 && engine_held(w->engine))
        store_thread_get(w->op, s->thread, on_place_thread, w);
}

static void on_noted(void *arg, const struct err *e, const struct store_thread *t)
{
    struct wishes *w = arg;
    if (!w->gone && !e->code)
        notice_say(w->notices, t, "callback.noted");
}

static void on_asked(void *arg, const struct err *e, struct id thread)
{
    struct wishes *w = arg;
    if (e->code && e->code != ERR_CONFLICT)
        log_event(LOG_WARN, "callback.failed", log_err(e));
    else if (!w->gone)
        store_thread_get(w->op, thread, on_noted, w);
}

void wishes_message(struct wishes *w, const struct store_inbound *in, const struct store_ingested *r)
{
    if (notice_asked(w->notices, "place.words", in->language.tag, in->text)) {
        store_signal_send(w->op, &(struct store_signal){.what = "place", .thread = r->thread, .channel = ""});
    } else if (notice_asked(w->notices, "callback.words", in->language.tag, in->text)) {
        struct callback_ask a = {.thread = r->thread, .by_person = true, .actor = "person"};
        store_callback_ask(w->op, &a, on_asked, w);
    }
}

struct wishes *wishes_new(struct store_op *op, struct notices *n, struct engine *en)
{
    struct wishes *w = mem_alloc(sizeof *w);
    w->op = op;
    w->notices = n;
    w->engine = en;
    store_signal_listen(op, on_signal, w);
    return w;
}

void wishes_free(struct wishes **w, struct wishes **retired)
{
    if (!*w)
        return;
    (*w)->gone = true;
    (*w)->next = *retired;
    *retired = *w;
    *w = NULL;
}

void wishes_end(struct wishes **retired)
{
    while (*retired) {
        struct wishes *w = *retired;
        *retired = w->next;
        mem_free(w);
    }
}
