/* SPDX-License-Identifier: Apache-2.0
 * BGREWRITEAOF on the key store, waited for. A rewrite that is under way already began before, and does not
 * count. */
#include "store/rewrite.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/side.h"
#include <string.h>

#define LOOK_MS 100
#define TRIES   3

enum rewrite_phase { REWRITE_IDLE, REWRITE_BEFORE, REWRITE_RUNNING };

struct waiter {
    struct list node;
    store_done done;
    void *arg;
};

struct rewrite {
    struct store_op *system;
    enum rewrite_phase phase;
    struct list now, next; /* whom this rewrite serves; who came too late for it */
    struct timer *look;
    unsigned tries;
    bool asking, closed;
};

static void look(void *arg);

static void tell(struct list *l, const struct err *e)
{
    for (struct list *n; (n = list_pop(l));) {
        struct waiter *w = container_of(n, struct waiter, node);
        w->done(w->arg, e);
        mem_free(w);
    }
}

static void begin(struct rewrite *r)
{
    while (!list_empty(&r->next))
        list_push(&r->now, list_pop(&r->next));
    r->phase = REWRITE_BEFORE;
    timer_start(r->look, 1);
}

static void end(struct rewrite *r, const struct err *e)
{
    r->phase = REWRITE_IDLE;
    r->tries = 0;
    tell(&r->now, e);
    if (!r->closed && !list_empty(&r->next))
        begin(r);
}

static bool flag(struct slice info, const char *name, const char *value)
{
    struct slice line;
    size_t n = strlen(name);
    while (slice_next(&info, '\n', &line)) {
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n > n && slice_starts(line, name) && line.p[n] == ':')
            return slice_is((struct slice){line.p + n + 1, line.n - n - 1}, value);
    }
    return false;
}

/* True when the callback may go on. */
static bool back(struct rewrite *r, const struct err *e)
{
    r->asking = false;
    if (r->closed || e->code == ERR_CANCELLED) {
        tell(&r->now, e->code ? e : &(struct err){ERR_CANCELLED, "the store is closing"});
        tell(&r->next, &(struct err){ERR_CANCELLED, "the store is closing"});
        if (r->closed)
            mem_free(r);
        return false;
    }
    if (e->code) {
        end(r, e);
        return false;
    }
    return true;
}

static void started(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct rewrite *r = arg;
    (void)reply;
    if (!back(r, e))
        return;
    r->phase = REWRITE_RUNNING;
    timer_start(r->look, LOOK_MS);
}

static void start(struct rewrite *r)
{
    r->asking = true;
    store_keys_send(r->system, started, r, 1, (const struct slice[]){SLICE("BGREWRITEAOF")});
}

static void looked(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct rewrite *r = arg;
    if (!back(r, e))
        return;
    struct slice info = store_text(reply);
    struct err none = {0};
    if (flag(info, "aof_enabled", "0"))
        end(r, &none);
    else if (!flag(info, "aof_rewrite_in_progress", "0") || !flag(info, "aof_rewrite_scheduled", "0"))
        timer_start(r->look, LOOK_MS);
    else if (r->phase == REWRITE_BEFORE)
        start(r);
    else if (flag(info, "aof_last_bgrewrite_status", "ok"))
        end(r, &none);
    else if (++r->tries < TRIES)
        start(r);
    else
        end(r, &(struct err){ERR_IO, "the key store could not rewrite its file"});
}

static void look(void *arg)
{
    struct rewrite *r = arg;
    r->asking = true;
    store_keys_send(r->system, looked, r, 2, (const struct slice[]){SLICE("INFO"), SLICE("persistence")});
}

struct refused {
    store_done done;
    void *arg;
};

static void refuse(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct refused *f = arg;
    (void)reply;
    f->done(f->arg, e);
    mem_free(f);
}

void rewrite_keys(struct store *s, store_done done, void *arg)
{
    struct store_op *system = store_system(s);
    if (!system) {
        struct refused *f = mem_alloc(sizeof *f);
        *f = (struct refused){done, arg};
        side_refuse_at(s, ERR_UNAVAILABLE, "the store is not ready", refuse, f);
        return;
    }
    struct rewrite *r = system->side->rewrite;
    if (!r) {
        r = system->side->rewrite = mem_alloc(sizeof *r);
        r->system = system;
        list_init(&r->now);
        list_init(&r->next);
        r->look = timer_new(store_loop(s), look, r);
    }
    struct waiter *w = mem_alloc(sizeof *w);
    w->done = done;
    w->arg = arg;
    list_push(&r->next, &w->node);
    if (r->phase == REWRITE_IDLE)
        begin(r);
}

void rewrite_close(struct side *s)
{
    struct rewrite *r = s->rewrite;
    static const struct err cancelled = {ERR_CANCELLED, "the store is closing"};
    if (!r)
        return;
    s->rewrite = NULL;
    timer_free(&r->look);
    r->closed = true;
    if (r->asking)
        return;
    tell(&r->now, &cancelled);
    tell(&r->next, &cancelled);
    mem_free(r);
}
