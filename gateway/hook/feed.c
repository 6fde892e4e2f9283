/* SPDX-License-Identifier: Apache-2.0
 * From the events into the queues, by the holder of the lease "hooks". The cursor moves in the same step, so
 * an event is queued once, whoever dies; and the store trims no event that was not queued. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/hook/hook_internal.h"
#include <string.h>

#define PAGE     100
#define SOON_MS  5
#define AGAIN_MS 1000

static void read_on(struct hooks_op *o);

static void later(struct hooks_op *o, unsigned ms)
{
    o->reading = false;
    timer_start(o->feed, ms);
}

static void failed(struct hooks_op *o, const struct err *e)
{
    if (e->code != ERR_CONFLICT && e->code != ERR_UNAVAILABLE && e->code != ERR_TIMEOUT)
        log_event(LOG_ERROR, "hooks.feed", log_str("operation", store_op_name(o->op)), log_err(e));
    o->started = false; /* the cursor is asked for anew */
    later(o, AGAIN_MS);
}

/* ---- into the queues ---- */

struct putting {
    struct hooks_op *o;
    char to[40];
    bool more;
};

static void on_put(void *arg, const struct err *e)
{
    struct putting p = *(struct putting *)arg;
    struct hooks_op *o = p.o;
    mem_free(arg);
    if (!hooks_op_still(o))
        return;
    if (e->code) {
        failed(o, e);
        return;
    }
    memcpy(o->cursor, p.to, sizeof o->cursor);
    for (size_t i = 0; i < o->n; i++)
        send_look(o->hooks[i]);
    if (p.more || o->again)
        read_on(o);
    else
        o->reading = false;
}

struct page {
    struct hooks_op *o;
    struct arena *a;
    struct hook_put puts[HOOK_PUTS];
    size_t n;
};

/* What this event gives; more than there is room for: false, and nothing was added. */
static bool add_event(struct page *p, const struct store_event *ev)
{
    char type[HOOK_TYPE], id[HOOK_ID];
    size_t before = p->n;
    if (!say_type(ev, type))
        return true;
    say_id(p->o->op, ev, id);
    for (size_t i = 0; i < p->o->n; i++) {
        const struct hook *k = p->o->hooks[i];
        bool sealed = ev->clearance > k->clearance;
        if (!k->active || (sealed ? ev->kind != STORE_EV_THREAD
                                  : !say_matches(k, type) || !say_area(k, ev->area ? ev->area : "")))
            continue;
        if (p->n == HOOK_PUTS) {
            p->n = before;
            return false;
        }
        struct hook_put *put = &p->puts[p->n++];
        *put = (struct hook_put){.hook = k->id, .thread = ev->thread};
        if (sealed)
            continue; /* what was queued of it before is told no more */
        struct buf b;
        buf_init(&b, 4096);
        say_event(ev, type, &b);
        put->id = arena_strdup(p->a, id);
        put->type = arena_strdup(p->a, type);
        put->json = arena_slice(p->a, buf_view(&b));
        buf_clear(&b);
    }
    return true;
}

/* "5-0.1" and "5-0" are of one record, and the cursor stands on records. */
static size_t base_length(const char *id)
{
    return strcspn(id, ".");
}

static bool same_record(const struct store_event *a, const struct store_event *b)
{
    size_t n = base_length(a->id);
    return n == base_length(b->id) && memcmp(a->id, b->id, n) == 0;
}

/* How many of the events went into the page: whole records. */
static size_t fill(struct page *p, const struct store_event *ev, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t next = done, before = p->n;
        bool fits = true;
        do
            fits = add_event(p, &ev[next++]);
        while (fits && next < n && same_record(&ev[done], &ev[next]));
        if (!fits) {
            p->n = before;
            break;
        }
        done = next;
    }
    return done;
}

static void on_read(void *arg, const struct err *e, const struct store_event *ev, size_t n)
{
    struct hooks_op *o = arg;
    if (!hooks_op_still(o))
        return;
    if (e->code) {
        failed(o, e);
        return;
    }
    if (!n) {
        o->reading = false;
        if (o->again)
            feed_wake(o);
        return;
    }
    struct page p = {.o = o, .a = arena_new()};
    size_t done = fill(&p, ev, n);
    struct putting *put = mem_alloc(sizeof *put);
    put->o = o;
    put->more = done < n || n >= PAGE;
    memcpy(put->to, ev[done - 1].id, base_length(ev[done - 1].id));
    o->refs++;
    store_hooks_put(o->op, o->fence, o->cursor, put->to, p.puts, p.n, on_put, put);
    arena_free(&p.a);
}

static void read_on(struct hooks_op *o)
{
    o->again = false;
    o->refs++;
    store_hooks_read(o->op, o->cursor, PAGE, on_read, o);
}

/* ---- beginning and end ---- */

static void on_started(void *arg, const struct err *e, struct slice cursor)
{
    struct hooks_op *o = arg;
    if (!hooks_op_still(o))
        return;
    if (e->code || cursor.n >= sizeof o->cursor) {
        failed(o, e);
        return;
    }
    memset(o->cursor, 0, sizeof o->cursor);
    memcpy(o->cursor, cursor.p, cursor.n);
    o->started = true;
    read_on(o);
}

static void on_stopped(void *arg, const struct err *e)
{
    struct hooks_op *o = arg;
    if (!hooks_op_still(o))
        return;
    o->reading = false;
    if (e->code || hooks_op_active(o))
        timer_start(o->feed, AGAIN_MS);
}

void feed_tick(void *arg)
{
    struct hooks_op *o = arg;
    if (!o->held || o->reading)
        return;
    o->reading = true;
    if (!hooks_op_active(o)) {
        o->started = false;
        o->refs++;
        store_hooks_stop(o->op, on_stopped, o);
    } else if (o->started)
        read_on(o);
    else {
        o->refs++;
        store_hooks_start(o->op, on_started, o);
    }
}

void feed_start(struct hooks_op *o)
{
    if (o->held)
        timer_start(o->feed, SOON_MS);
}

void feed_wake(struct hooks_op *o)
{
    o->again = true;
    if (o->held && o->started && !o->reading && !timer_running(o->feed))
        timer_start(o->feed, SOON_MS);
}
