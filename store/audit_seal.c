/* SPDX-License-Identifier: Apache-2.0
 * Sealing the audit each second, and walking the whole chain. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/audit.h"
#include "store/audit_chain.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define LEASE_MS   6000
#define SEAL_MS    1000
#define SEAL_LINES 1000 /* of one seal at most: so a verifier never has to read more at once */
#define FIELDS_MAX 64

/* ---- what Redis has, as the chain's records ---- */

/* fields: room for FIELDS_MAX. */
static bool line_from(const struct redis_reply *r, struct slice *fields, struct audit_line_raw *l)
{
    if (r->kind != REDIS_ARRAY || r->n != 2 || r->items[1]->kind != REDIS_ARRAY ||
        r->items[1]->n > FIELDS_MAX)
        return false;
    l->id = store_item(r, 0);
    l->fields = fields;
    l->fields_n = r->items[1]->n;
    for (size_t i = 0; i < l->fields_n; i++)
        fields[i] = store_item(r->items[1], i);
    return true;
}

static bool seal_from(const struct redis_reply *r, struct audit_seal *s)
{
    if (r->kind != REDIS_ARRAY || r->n != 2 || r->items[1]->kind != REDIS_ARRAY || r->items[1]->n != 10)
        return false;
    const struct redis_reply *f = r->items[1];
    s->last = store_field(f, "l");
    return slice_u64(store_field(f, "s"), &s->number) && slice_u64(store_field(f, "n"), &s->lines) &&
           slice_u64(store_field(f, "c"), &s->total) &&
           text_unhex(s->hash, AUDIT_HASH, store_field(f, "h")) && s->last.n < 48;
}

/* XRANGE or XREVRANGE p:{op}:<kind>; "(" goes before `from` unless it is "-" or "+". */
static void range(struct store_op *op, const char *command, const char *kind, const char *from,
                  const char *to, uint64_t count, store_reply cb, void *arg)
{
    struct buf key, first, n;
    buf_init(&key, 256);
    buf_init(&first, 64);
    buf_init(&n, 32);
    buf_printf(&first, "%s%s", *from == '-' || *from == '+' ? "" : "(", from);
    buf_u64(&n, count);
    struct slice argv[] = {slice_str(command), store_key(op, &key, kind, (struct slice){0}),
                           buf_view(&first),   slice_str(to),
                           SLICE("COUNT"),     buf_view(&n)};
    store_data_send(op, cb, arg, 6, argv);
    buf_clear(&key);
    buf_clear(&first);
    buf_clear(&n);
}

/* ---- sealing ---- */

struct audit_sealer {
    struct store_op *op;
    struct store_lease *lease;
    struct timer *tick;
    struct audit_sum sum;
    bool mine, known, asking, closed; /* known: the last seal was read */
    uint64_t number, total;
    unsigned char hash[AUDIT_HASH], next[AUDIT_HASH];
    char last[48], next_last[48];
    uint64_t next_lines;
};

static void sealer_free(struct audit_sealer *s)
{
    audit_sum_clear(&s->sum);
    mem_free(s);
}

static bool sealer_back(struct audit_sealer *s)
{
    s->asking = false;
    if (!s->closed)
        return true;
    sealer_free(s);
    return false;
}

static void sealer_look(void *arg);

static void sealed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct audit_sealer *s = arg;
    (void)r;
    if (!sealer_back(s))
        return;
    if (e->code) {
        s->known = false; /* it may have been written, or somebody else sealed */
        return;
    }
    char root[2 * AUDIT_HASH + 1];
    s->number++;
    s->total += s->next_lines;
    memcpy(s->hash, s->next, AUDIT_HASH);
    memcpy(s->last, s->next_last, sizeof s->last);
    text_hex(root, s->hash, AUDIT_HASH);
    log_event(LOG_INFO, "audit.root", log_str("operation", store_op_name(s->op)),
              log_int("seal", (int64_t)s->number), log_str("root", root));
    if (s->next_lines == SEAL_LINES)
        sealer_look(s); /* there may be more */
}

static void sealer_lines(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct audit_sealer *s = arg;
    struct slice fields[FIELDS_MAX];
    struct audit_line_raw line;
    struct audit_seal seal;
    if (!sealer_back(s))
        return;
    if (e->code || r->kind != REDIS_ARRAY || r->n == 0)
        return;
    audit_sum_begin(&s->sum, s->hash);
    for (size_t i = 0; i < r->n; i++) {
        if (!line_from(r->items[i], fields, &line)) {
            log_event(LOG_ERROR, "audit.malformed", log_str("operation", store_op_name(s->op)));
            return;
        }
        audit_sum_line(&s->sum, &line);
    }
    audit_sum_end(&s->sum, s->number + 1, s->total, &seal);
    memcpy(s->next, seal.hash, AUDIT_HASH);
    s->next_lines = seal.lines;
    snprintf(s->next_last, sizeof s->next_last, "%.*s", (int)line.id.n, line.id.p);
    char hex[2 * AUDIT_HASH + 1];
    struct store_args a;
    text_hex(hex, seal.hash, AUDIT_HASH);
    store_args_init(&a);
    store_arg_int(&a, (int64_t)store_lease_fence(s->lease));
    store_arg_int(&a, (int64_t)seal.number);
    store_arg_int(&a, (int64_t)seal.lines);
    store_arg_int(&a, (int64_t)seal.total);
    store_arg_str(&a, s->next_last);
    store_arg_str(&a, hex);
    s->asking = true;
    store_call(s->op, "audit_seal", &a, sealed, s);
}

static void sealer_last(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct audit_sealer *s = arg;
    struct audit_seal seal;
    if (!sealer_back(s) || e->code || r->kind != REDIS_ARRAY)
        return;
    s->number = s->total = 0;
    memset(s->hash, 0, AUDIT_HASH);
    memcpy(s->last, "-", 2);
    if (r->n == 1) {
        if (!seal_from(r->items[0], &seal)) {
            log_event(LOG_ERROR, "audit.malformed", log_str("operation", store_op_name(s->op)));
            return;
        }
        s->number = seal.number;
        s->total = seal.total;
        memcpy(s->hash, seal.hash, AUDIT_HASH);
        snprintf(s->last, sizeof s->last, "%.*s", (int)seal.last.n, seal.last.p);
    }
    s->known = true;
    sealer_look(s);
}

static void sealer_look(void *arg)
{
    struct audit_sealer *s = arg;
    if (s->mine)
        timer_start(s->tick, SEAL_MS);
    if (s->asking || !store_lease_held(s->lease))
        return;
    s->asking = true;
    if (s->known)
        range(s->op, "XRANGE", "audit", s->last, "+", SEAL_LINES, sealer_lines, s);
    else
        range(s->op, "XREVRANGE", "seals", "+", "-", 1, sealer_last, s);
}

static void sealer_held(void *arg, bool yes, uint64_t fence)
{
    struct audit_sealer *s = arg;
    (void)fence;
    s->mine = yes;
    s->known = false;
    if (yes)
        timer_start(s->tick, 1);
    else
        timer_stop(s->tick);
}

void store_audit_sealer_start(struct store_op *op)
{
    if (op->side->sealer)
        return;
    struct audit_sealer *s = op->side->sealer = mem_alloc(sizeof *s);
    s->op = op;
    s->tick = timer_new(store_loop(op->store), sealer_look, s);
    s->lease = store_lease_new(op, "audit", LEASE_MS, sealer_held, s);
}

void audit_sealer_close(struct side *side)
{
    struct audit_sealer *s = side->sealer;
    if (!s)
        return;
    side->sealer = NULL;
    store_lease_free(&s->lease);
    timer_free(&s->tick);
    s->closed = true;
    if (!s->asking)
        sealer_free(s);
}

/* ---- verifying ---- */

#define SEALS_PAGE 200

struct verify {
    struct store_op *op;
    struct audit_walk walk;
    void (*done)(void *arg, const struct err *e, const struct store_audit_verdict *v);
    void *arg;
    struct verify_seal {
        struct audit_seal seal;
        char last[48];
    } * seals; /* of this page */
    size_t seals_n, at;
    char seal_id[48], last[48]; /* last: the newest line that was walked */
    struct err e;
};

static void verify_end(struct verify *v, const struct err *e, uint64_t lines)
{
    struct store_audit_verdict verdict = {0};
    if (e->code == 0) {
        if (!v->walk.broken && lines < v->walk.sealed) {
            v->walk.broken = true;
            snprintf(v->walk.where, sizeof v->walk.where, "lines are missing");
        }
        verdict.intact = audit_walk_end(&v->walk);
        verdict.lines = lines;
        verdict.sealed = v->walk.sealed;
        text_hex(verdict.root, v->walk.hash, AUDIT_HASH);
        snprintf(verdict.where, sizeof verdict.where, "%s", v->walk.where);
    }
    v->done(v->arg, e, &verdict);
    audit_walk_clear(&v->walk);
    mem_free(v->seals);
    mem_free(v);
}

static void verify_count(void *arg, const struct err *e, const struct redis_reply *r)
{
    verify_end(arg, e, e->code ? 0 : (uint64_t)store_number(r));
}

static void verify_finish(struct verify *v)
{
    struct buf key;
    buf_init(&key, 256);
    struct slice argv[] = {SLICE("XLEN"), store_key(v->op, &key, "audit", (struct slice){0})};
    store_data_send(v->op, verify_count, v, 2, argv);
    buf_clear(&key);
}

static void verify_next(struct verify *v);

static void verify_lines(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct verify *v = arg;
    struct slice fields[FIELDS_MAX];
    struct audit_line_raw line;
    if (e->code) {
        verify_end(v, e, 0);
        return;
    }
    struct verify_seal *s = &v->seals[v->at++];
    s->seal.last = slice_str(s->last);
    bool good = audit_walk_seal(&v->walk, &s->seal);
    for (size_t i = 0; good && i < r->n; i++) {
        if (!line_from(r->items[i], fields, &line))
            line = (struct audit_line_raw){store_item(r->items[i], 0), NULL, 0};
        good = audit_walk_line(&v->walk, &line);
    }
    memcpy(v->last, s->last, sizeof v->last);
    if (good && audit_walk_seal_end(&v->walk))
        verify_next(v);
    else
        verify_finish(v);
}

static void verify_seals(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct verify *v = arg;
    if (e->code) {
        verify_end(v, e, 0);
        return;
    }
    v->at = 0;
    v->seals_n = r->kind == REDIS_ARRAY ? r->n : 0;
    for (size_t i = 0; i < v->seals_n; i++) {
        struct verify_seal *s = &v->seals[i];
        struct slice id = store_item(r->items[i], 0);
        if (!seal_from(r->items[i], &s->seal) || s->seal.lines > SEAL_LINES)
            s->seal = (struct audit_seal){0}; /* which breaks the chain when it is walked */
        snprintf(s->last, sizeof s->last, "%.*s", (int)s->seal.last.n, s->seal.last.p ? s->seal.last.p : "");
        snprintf(v->seal_id, sizeof v->seal_id, "%.*s", (int)id.n, id.p);
    }
    if (v->seals_n)
        verify_next(v);
    else
        verify_finish(v);
}

static bool stream_id(const char *s)
{
    size_t first = strspn(s, "0123456789");
    return first > 0 && s[first] == '-' && s[first + 1] &&
           strspn(s + first + 1, "0123456789") == strlen(s + first + 1);
}

static void verify_next(struct verify *v)
{
    if (v->at == v->seals_n) {
        range(v->op, "XRANGE", "seals", v->seal_id, "+", SEALS_PAGE, verify_seals, v);
        return;
    }
    struct verify_seal *s = &v->seals[v->at];
    if (!stream_id(s->last)) {
        s->seal.number = 0;
        audit_walk_seal(&v->walk, &s->seal);
        verify_finish(v);
        return;
    }
    range(v->op, "XRANGE", "audit", v->last, s->last, s->seal.lines + 1, verify_lines, v);
}

static void verify_refused(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    verify_end(arg, e, 0);
}

void store_audit_verify(struct store_op *op, const char *expect_root,
                        void (*done)(void *arg, const struct err *e, const struct store_audit_verdict *v),
                        void *arg)
{
    struct verify *v = mem_alloc(sizeof *v);
    unsigned char expect[AUDIT_HASH];
    v->op = op;
    v->done = done;
    v->arg = arg;
    v->seals = mem_array(SEALS_PAGE, sizeof *v->seals);
    memcpy(v->last, "-", 2);
    if (expect_root && !text_unhex(expect, AUDIT_HASH, slice_str(expect_root))) {
        audit_walk_begin(&v->walk, NULL);
        side_refuse(op, ERR_INVALID, "a root is 64 hex digits", verify_refused, v);
        return;
    }
    audit_walk_begin(&v->walk, expect_root ? expect : NULL);
    range(op, "XRANGE", "seals", "-", "+", SEALS_PAGE, verify_seals, v);
}
