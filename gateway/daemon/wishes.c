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
    if (w->gone || e->code || t->state == STORE_ASSIGNED || t->state == STORE_RESOLVED)
        return;
    bool known = t->state != STORE_BOT && engine_place(w->engine, t->id.s, &place);
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

static void on_unsafe(void *arg, const struct err *e, const struct store_thread *t)
{
    struct wishes *w = arg;
    if (!w->gone && !e->code)
        notice_place(w->notices, t, NULL);
}

static void on_asked(void *arg, const struct err *e, struct id thread)
{
    struct wishes *w = arg;
    if (e->code == ERR_FORBIDDEN && !w->gone) /* a session of our own may be answered, not called */
        store_thread_get(w->op, thread, on_unsafe, w);
    else if (e->code && e->code != ERR_CONFLICT)
        log_event(LOG_WARN, "callback.failed", log_err(e));
    else if (!w->gone)
        store_thread_get(w->op, thread, on_noted, w);
}

/* What was chosen from a list is what it was offered for. */
static bool chosen(struct slice extra)
{
    json_t *o = extra.n ? json_parse(extra, JSON_DEPTH_DEFAULT, NULL) : NULL;
    bool yes = json_opt_str(o, "choice").n > 0;
    json_decref(o);
    return yes;
}

enum wish wish_of(struct notices *n, const char *language, struct slice text, struct slice extra)
{
    enum wish is = notice_asked(n, "place.words", language, text)      ? WISH_PLACE
                   : notice_asked(n, "callback.words", language, text) ? WISH_CALLBACK
                                                                       : WISH_NONE;
    return is && chosen(extra) ? WISH_NONE : is;
}

void wishes_message(struct wishes *w, const struct store_inbound *in, const struct store_ingested *r)
{
    enum wish is = wish_of(w->notices, in->language.tag, in->text, in->extra);
    if (is == WISH_PLACE) {
        store_signal_send(w->op, &(struct store_signal){.what = "place", .thread = r->thread, .channel = ""});
    } else if (is == WISH_CALLBACK) {
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
