/* SPDX-License-Identifier: Apache-2.0
 * Runs of flows (flow.h); functions/flow.lua writes them. */
#include "store/flow.h"
#include "gateway/base/mem.h"
#include "store/record_seal.h"
#include "store/side.h"
#include <string.h>

/* ---- a step ---- */

struct putting {
    struct store_op *op;
    struct flow_put p; /* what it points to stands in the arena */
    struct arena *a;
    uint64_t thread, contact;
    uint32_t kid;
    void (*done)(void *arg, const struct err *e, uint64_t version);
    void *arg;
};

static void end(struct putting *x, const struct err *e, uint64_t version)
{
    x->done(x->arg, e, version);
    if (x->p.json.n)
        mem_wipe((char *)(uintptr_t)x->p.json.p, x->p.json.n);
    arena_free(&x->a);
    mem_free(x);
}

static void put_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    end(arg, e, e->code ? 0 : (uint64_t)store_number(r));
}

static int clearance_after(const struct flow_put *p)
{
    return *p->why && p->to_clearance > p->clearance ? p->to_clearance : p->clearance;
}

static void send(struct putting *x)
{
    const struct flow_put *p = &x->p;
    struct store_record r = {
        .kind = "run", .id = p->thread.s, .json = p->json, .clearance = clearance_after(p)};
    struct store_args a;
    struct buf sealed;
    record_envelope(x->op, &r, x->contact, x->kid, &sealed);
    store_args_init(&a);
    store_arg_handle(&a, x->thread);
    store_arg_str(&a, p->thread.s);
    store_arg_int(&a, (int64_t)p->expect);
    store_arg_int(&a, r.clearance);
    store_arg_int(&a, p->clearance);
    store_arg_int(&a, x->kid);
    store_arg_str(&a, p->facets);
    store_arg(&a, buf_view(&sealed));
    store_arg_str(&a, p->language);
    store_arg_str(&a, p->why);
    store_arg_str(&a, p->topic);
    store_arg_int(&a, p->priority);
    store_arg_str(&a, p->no_last_agent ? "1" : "");
    store_call(x->op, "flow_step", &a, put_done, x);
    buf_clear(&sealed);
}

static void loaded(void *arg, const struct err *e)
{
    struct putting *x = arg;
    struct err own = *e;
    if (!e->code && keys_state(x->op, x->kid) != KEYS_HERE)
        err_set(&own, ERR_ERASED, "the person was erased");
    if (own.code)
        end(x, &own, 0);
    else
        send(x);
}

static void contact_known(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct putting *x = arg;
    if (e->code) {
        end(x, e, 0);
        return;
    }
    x->kid = (uint32_t)store_number(r);
    keys_load(x->op, &x->kid, 1, loaded, x);
}

void store_flow_put(struct store_op *op, const struct flow_put *p,
                    void (*done)(void *arg, const struct err *e, uint64_t version), void *arg)
{
    struct putting *x = mem_alloc(sizeof *x);
    struct store_args a;
    *x = (struct putting){.op = op, .p = *p, .a = arena_new(), .done = done, .arg = arg};
    x->p.json = SLICE("");
    if (!store_thread_handle(op, p->thread, &x->thread) ||
        !store_contact_handle(op, p->contact, &x->contact) || p->json.n > RECORD_JSON) {
        side_refuse(op, ERR_INVALID, "no such thread, or too much of a run", put_done, x);
        return;
    }
    x->p.json = arena_slice(x->a, p->json);
    x->p.facets = arena_strdup(x->a, p->facets);
    x->p.language = arena_strdup(x->a, p->language);
    x->p.why = arena_strdup(x->a, p->why);
    x->p.topic = arena_strdup(x->a, p->topic);
    store_args_init(&a);
    store_arg_handle(&a, x->contact);
    store_call(op, "record_contact", &a, contact_known, x);
}

/* ---- prompts are written ---- */

struct said {
    store_done done;
    void *arg;
};

static void said_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct said *s = arg;
    (void)r;
    if (s->done)
        s->done(s->arg, e);
    mem_free(s);
}

void store_flow_said(struct store_op *op, struct id thread, uint64_t version, bool ended, int64_t ms,
                     store_done done, void *arg)
{
    struct said *s = mem_alloc(sizeof *s);
    struct store_args a;
    uint64_t handle = 0;
    *s = (struct said){done, arg};
    if (!store_thread_handle(op, thread, &handle)) {
        side_refuse(op, ERR_NOT_FOUND, "no such thread", said_done, s);
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, handle);
    store_arg_str(&a, thread.s);
    store_arg_int(&a, (int64_t)version);
    if (ended)
        store_arg_str(&a, "");
    else
        store_arg_int(&a, ms > 0 ? ms : 0);
    store_call(op, "flow_said", &a, said_done, s);
}

/* ---- what comes back ---- */

static void fire(void *arg, const char *id, struct store_firing *f)
{
    struct flow_waker *w = arg;
    char raw[STORE_HANDLE];
    if (text_unhex(raw, sizeof raw, slice_str(id)))
        w->wake(w->arg, store_id_of(w->op, store_handle_get(slice_of(raw, sizeof raw)), STORE_SEQ_THREAD), f);
    else
        store_timer_finished(f, true);
}

void store_flow_wake(struct flow_waker *w)
{
    store_timer_handle(w->op, "bot", fire, w);
}
