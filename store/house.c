/* SPDX-License-Identifier: Apache-2.0
 * Housekeeping of an operation, by the holder of the lease "house", every half minute: what was cut short
 * goes on (raised clearances, erasures); once a day files that nobody names go, and what is older than its
 * channel or its kind of record keeps. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/admin_internal.h"
#include "store/blob.h"
#include "store/record.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define LEASE_MS 15000
#define LOOK_MS  30000
#define FIRST_MS 1000
#define DAY_MS   86400000

#define EXPIRE_PAGE 200 /* records a call */

enum { STEP_RESEAL, STEP_ERASE, STEP_SWEEP, STEP_RETENTION, STEP_RECORDS, STEPS };

struct house {
    struct store_op *op;
    struct store_lease *lease;
    struct timer *tick;
    bool mine, busy, closed, sweeps;
    unsigned step;
    int64_t swept_ms, retained_ms, expired_ms; /* when, in this process */
    const struct record_kind *kind;            /* whose old ones go */
    struct store_retention *retention;
    size_t retention_n;
    uint64_t *list; /* threads to be sealed anew, or contacts to be erased */
    char **actors;
    size_t list_n, at;
};

static void run(struct house *h);

static void list_clear(struct house *h)
{
    for (size_t i = 0; h->actors && i < h->list_n; i++)
        mem_free(h->actors[i]);
    mem_clear(&h->actors);
    mem_clear(&h->list);
    h->list_n = h->at = 0;
}

static void retention_clear(struct house *h)
{
    for (size_t i = 0; i < h->retention_n; i++)
        mem_free((char *)(uintptr_t)h->retention[i].channel);
    mem_clear(&h->retention);
    h->retention_n = 0;
}

static void house_free(struct house *h)
{
    list_clear(h);
    retention_clear(h);
    mem_free(h);
}

/* A step's callback came back. False: the house is closed and gone. */
static bool back(struct house *h, const struct err *e)
{
    h->busy = false;
    if (h->closed) {
        house_free(h);
        return false;
    }
    if (e->code && e->code != ERR_CANCELLED)
        log_event(LOG_WARN, "house.failed", log_str("operation", store_op_name(h->op)),
                  log_int("step", h->step), log_err(e));
    return true;
}

static void step_done(void *arg, const struct err *e)
{
    struct house *h = arg;
    if (!back(h, e))
        return;
    h->step++;
    run(h);
}

/* ---- raised clearances ---- */

static void reseal_next(struct house *h);

static void resealed(void *arg, const struct err *e)
{
    struct house *h = arg;
    if (!back(h, e))
        return;
    h->busy = true;
    h->at++;
    reseal_next(h);
}

static void reseal_next(struct house *h)
{
    if (h->at < h->list_n) {
        store_reseal(h->op, h->list[h->at], resealed, h);
        return;
    }
    list_clear(h);
    step_done(h, &(struct err){0});
}

static void reseal_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct house *h = arg;
    if (e->code || r->kind != REDIS_ARRAY || h->closed) {
        step_done(h, e);
        return;
    }
    h->list = mem_array(r->n + 1, sizeof *h->list);
    for (size_t i = 0; i < r->n; i++)
        h->list[h->list_n++] = store_handle_get(store_item(r, i));
    reseal_next(h);
}

static void reseal_step(struct house *h)
{
    struct buf key, before;
    buf_init(&key, 256);
    buf_init(&before, 32);
    buf_printf(&before, "%lld",
               (long long)(store_now_ms(h->op->store) - 60000)); /* younger ones are somebody's work */
    struct slice argv[] = {SLICE("ZRANGEBYSCORE"),
                           store_key(h->op, &key, "reseal", SLICE("")),
                           SLICE("-inf"),
                           buf_view(&before),
                           SLICE("LIMIT"),
                           SLICE("0"),
                           SLICE("20")};
    store_data_send(h->op, reseal_read, h, 7, argv);
    buf_clear(&key);
    buf_clear(&before);
}

/* ---- erasures that were cut short ---- */

static void erase_next(struct house *h);

static void erased(void *arg, const struct err *e, int64_t expires)
{
    struct house *h = arg;
    (void)expires;
    if (!back(h, e))
        return;
    h->busy = true;
    h->at++;
    erase_next(h);
}

static void erase_next(struct house *h)
{
    if (h->at < h->list_n) {
        admin_erase(h->op, h->list[h->at], h->actors[h->at], false, erased, h);
        return;
    }
    list_clear(h);
    step_done(h, &(struct err){0});
}

static void erase_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct house *h = arg;
    if (e->code || r->kind != REDIS_ARRAY || h->closed) {
        step_done(h, e);
        return;
    }
    h->list = mem_array(r->n + 1, sizeof *h->list);
    h->actors = mem_array(r->n + 1, sizeof *h->actors);
    for (size_t i = 0; i + 1 < r->n; i += 2) {
        struct slice rest = store_item(r, i + 1), kid;
        slice_next(&rest, ' ', &kid);
        h->list[h->list_n] = store_handle_get(store_item(r, i));
        h->actors[h->list_n++] = slice_dup(rest);
    }
    erase_next(h);
}

static void erase_step(struct house *h)
{
    struct store_args a;
    store_args_init(&a);
    store_call(h->op, "erase_pending", &a, erase_read, h);
}

/* ---- old records ---- */

static void expire_next(struct house *h);

static void expired(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct house *h = arg;
    if (!back(h, e))
        return;
    h->busy = true;
    if (e->code || store_number(r) < EXPIRE_PAGE)
        h->kind++;
    expire_next(h);
}

static void expire_next(struct house *h)
{
    struct store_args a;
    while (h->kind->kind && !(h->kind->is_record && h->kind->days))
        h->kind++;
    if (!h->kind->kind) {
        step_done(h, &(struct err){0});
        return;
    }
    store_args_init(&a);
    store_arg_str(&a, h->kind->kind);
    store_arg_int(&a, store_now_ms(h->op->store) - (int64_t)h->kind->days * DAY_MS);
    store_arg_int(&a, EXPIRE_PAGE);
    store_call(h->op, "record_expire", &a, expired, h);
}

static void expire_step(struct house *h)
{
    h->kind = record_kinds;
    expire_next(h);
}

/* ---- the round ---- */

static bool daily(int64_t *last, int64_t now)
{
    if (*last && now - *last < DAY_MS)
        return false;
    *last = now;
    return true;
}

static void run(struct house *h)
{
    int64_t now = time_mono_us() / 1000;
    for (; h->step < STEPS; h->step++) {
        bool wanted = h->step == STEP_RESEAL || h->step == STEP_ERASE ||
                      (h->step == STEP_SWEEP && h->sweeps && daily(&h->swept_ms, now)) ||
                      (h->step == STEP_RETENTION && h->retention_n && daily(&h->retained_ms, now)) ||
                      (h->step == STEP_RECORDS && daily(&h->expired_ms, now));
        if (wanted && store_lease_held(h->lease))
            break;
    }
    if (h->step == STEPS) {
        if (h->mine)
            timer_start(h->tick, LOOK_MS);
        return;
    }
    h->busy = true;
    if (h->step == STEP_RESEAL)
        reseal_step(h);
    else if (h->step == STEP_ERASE)
        erase_step(h);
    else if (h->step == STEP_SWEEP)
        blob_sweep(h->op, step_done, h);
    else if (h->step == STEP_RECORDS)
        expire_step(h);
    else
        retention_run(h->op, h->retention, h->retention_n, step_done, h);
}

static void look(void *arg)
{
    struct house *h = arg;
    if (h->busy) {
        timer_start(h->tick, LOOK_MS);
        return;
    }
    h->step = 0;
    run(h);
}

static void held(void *arg, bool yes, uint64_t fence)
{
    struct house *h = arg;
    (void)fence;
    h->mine = yes;
    if (yes)
        timer_start(h->tick, FIRST_MS);
    else
        timer_stop(h->tick);
}

void house_open(struct store_op *op)
{
    struct house *h = op->side->house = mem_alloc(sizeof *h);
    h->op = op;
    h->tick = timer_new(store_loop(op->store), look, h);
    if (!op->system) /* nobody's threads, nobody's files */
        h->lease = store_lease_new(op, "house", LEASE_MS, held, h);
}

void house_close(struct side *s)
{
    struct house *h = s->house;
    if (!h)
        return;
    s->house = NULL;
    store_lease_free(&h->lease);
    timer_free(&h->tick);
    h->closed = true;
    if (!h->busy)
        house_free(h);
}

void store_blob_sweep_start(struct store_op *op)
{
    op->side->house->sweeps = true;
}

void store_retention_set(struct store_op *op, const struct store_retention *r, size_t n)
{
    struct house *h = op->side->house;
    if (h->busy && h->step == STEP_RETENTION) /* it has a copy */
        h->retained_ms = 0;
    retention_clear(h);
    h->retention = mem_array(n + 1, sizeof *h->retention);
    for (size_t i = 0; i < n; i++)
        if (r[i].days)
            h->retention[h->retention_n++] = (struct store_retention){mem_strdup(r[i].channel), r[i].days};
}
