/* SPDX-License-Identifier: Apache-2.0
 * Facts for reports: the holder of the lease "facts" lets the store fold what is new (functions/report.lua)
 * each second; anybody reads the lines of a span of days. */
#include "store/report.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define LEASE_MS 5000
#define STEP_MS  1000
#define DAY_MS   ((int64_t)86400000)
#define SHARDS   16
#define TRIM     400 /* days that one look back drops */

struct facts {
    struct store_op *op;
    struct store_lease *lease;
    struct timer *tick;
    bool busy, closed;
    int64_t trimmed; /* the day on which it was looked for old ones */
};

/* ---- following ---- */

static void step(void *arg);

/* False: it was closed meanwhile, and is gone. */
static bool back(struct facts *f)
{
    f->busy = false;
    if (!f->closed)
        return true;
    mem_free(f);
    return false;
}

static void stepped(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct facts *f = arg;
    if (!back(f))
        return;
    if (e->code && e->code != ERR_CANCELLED && e->code != ERR_CONFLICT && e->code != ERR_UNAVAILABLE)
        log_event(LOG_WARN, "facts.failed", log_str("operation", store_op_name(f->op)), log_err(e));
    if (store_lease_held(f->lease))
        timer_start(f->tick, e->code == 0 && store_number(r) == 1 ? 1 : STEP_MS);
}

static void trimmed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct facts *f = arg;
    (void)e, (void)r;
    if (back(f))
        step(f);
}

static void step(void *arg)
{
    struct facts *f = arg;
    struct store_args a;
    int64_t today = store_now_ms(f->op->store) / DAY_MS;
    if (f->busy || !store_lease_held(f->lease))
        return;
    f->busy = true;
    store_args_init(&a);
    store_arg_int(&a, (int64_t)store_lease_fence(f->lease));
    if (f->trimmed != today) {
        f->trimmed = today;
        store_arg_int(&a, today - STORE_FACT_DAYS);
        store_arg_int(&a, TRIM);
        store_call(f->op, "facts_trim", &a, trimmed, f);
        return;
    }
    store_call(f->op, "facts_step", &a, stepped, f);
}

static void held(void *arg, bool yes, uint64_t fence)
{
    struct facts *f = arg;
    (void)fence;
    if (yes)
        timer_start(f->tick, 1);
    else
        timer_stop(f->tick);
}

void facts_open(struct store_op *op)
{
    struct facts *f = op->side->facts = mem_alloc(sizeof *f);
    f->op = op;
    f->tick = timer_new(store_loop(op->store), step, f);
    if (!op->system)
        f->lease = store_lease_new(op, "facts", LEASE_MS, held, f);
}

void facts_close(struct side *s)
{
    struct facts *f = s->facts;
    if (!f)
        return;
    s->facts = NULL;
    store_lease_free(&f->lease);
    timer_free(&f->tick);
    f->closed = true;
    if (!f->busy)
        mem_free(f);
}

/* ---- a line ---- */

static int64_t number(struct slice s, int64_t none)
{
    uint64_t v;
    return s.n && slice_u64(s, &v) && v < (uint64_t)INT64_MAX / 2 ? (int64_t)v : none;
}

bool store_fact_parse(struct slice line, struct store_fact *f)
{
    enum { OP, S, SINCE, FA, FR, RS, CL, ST, PR, NT, NR, NX, LT, LH, TP, AR, CH, OC, TM, MT, N };
    struct slice v[N] = {{0}};
    for (size_t i = 0; i < N && slice_next(&line, '\t', &v[i]); i++)
        ;
    *f = (struct store_fact){.opened_ms = number(v[OP], -1),
                             .since_ms = number(v[SINCE], 0),
                             .accepted_ms = number(v[FA], STORE_FACT_NONE),
                             .replied_ms = number(v[FR], STORE_FACT_NONE),
                             .resolved_ms = number(v[RS], STORE_FACT_NONE),
                             .state = (enum store_state)number(v[ST], STORE_WAITING),
                             .clearance = (int)(number(v[CL], 0) & 3),
                             .priority = (int)(number(v[PR], 1) & 3),
                             .guessed = number(v[LH], 0) == STORE_GUESSED,
                             .transfers = (unsigned)number(v[NT], 0),
                             .reopened = (unsigned)number(v[NR], 0),
                             .missed = (unsigned)number(v[NX], 0),
                             .language = v[LT],
                             .topic = v[TP],
                             .area = v[AR],
                             .channel = v[CH],
                             .outcome = v[OC],
                             .team = v[TM],
                             .matters = v[MT]};
    return f->opened_ms >= 0 && f->state <= STORE_RESOLVED;
}

/* ---- reading ---- */

struct reading {
    struct store_op *op;
    int64_t from, to, day;
    unsigned pending;
    struct err e;
    void (*fact)(void *arg, const struct store_fact *f);
    store_done done;
    void *arg;
};

static void read_day(struct reading *r);

static void shard_read(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct reading *r = arg;
    struct store_fact f;
    if (e->code && !r->e.code)
        r->e = *e;
    for (size_t i = 1; e->code == 0 && reply->kind == REDIS_ARRAY && i < reply->n; i += 2)
        if (store_fact_parse(store_item(reply, i), &f) && f.opened_ms >= r->from && f.opened_ms < r->to)
            r->fact(r->arg, &f);
    if (--r->pending)
        return;
    r->day++;
    read_day(r);
}

static void nothing(void *arg, const struct err *e)
{
    struct reading *r = arg;
    (void)e;
    r->done(r->arg, &r->e);
    mem_free(r);
}

static void read_day(struct reading *r)
{
    char name[40];
    struct buf key;
    if (r->e.code || r->day * DAY_MS >= r->to) {
        r->done(r->arg, &r->e);
        mem_free(r);
        return;
    }
    buf_init(&key, 256);
    r->pending = SHARDS;
    for (unsigned i = 0; i < SHARDS; i++) {
        snprintf(name, sizeof name, "facts:%lld:%x", (long long)r->day, i);
        struct slice argv[] = {SLICE("HGETALL"), store_key(r->op, &key, name, SLICE(""))};
        store_data_send(r->op, shard_read, r, 2, argv);
    }
    buf_clear(&key);
}

void store_facts_get(struct store_op *op, int64_t from_ms, int64_t to_ms,
                     void (*fact)(void *arg, const struct store_fact *f), store_done done, void *arg)
{
    struct reading *r = mem_alloc(sizeof *r);
    int64_t first = store_now_ms(op->store) / DAY_MS - STORE_FACT_DAYS - TRIM;
    int64_t last = store_now_ms(op->store) + DAY_MS;
    *r = (struct reading){.op = op,
                          .from = from_ms,
                          .to = to_ms < last ? to_ms : last,
                          .day = from_ms / DAY_MS,
                          .fact = fact,
                          .done = done,
                          .arg = arg};
    if (r->day < first)
        r->day = first;
    if (r->day * DAY_MS >= r->to)
        store_fail(op->store, nothing, r, 0, NULL);
    else
        read_day(r);
}
