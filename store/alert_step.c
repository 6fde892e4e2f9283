/* SPDX-License-Identifier: Apache-2.0
 * The ladder's steps and notices as functions in Redis. */
#include "gateway/base/mem.h"
#include "store/alert.h"
#include "store/side.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ask {
    struct store_op *op;
    void (*stepped)(void *arg, const struct err *e, bool taken);
    void (*told)(void *arg, const struct err *e, unsigned tries);
    void (*notices)(void *arg, const struct err *e, const struct alert_told *t, size_t n);
    store_done done;
    void *arg;
};

static struct ask *ask_new(struct store_op *op, void *arg)
{
    struct ask *k = mem_alloc(sizeof *k);
    *k = (struct ask){.op = op, .arg = arg};
    return k;
}

static void on_step(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct ask *k = arg;
    k->stepped(k->arg, e, !e->code && store_number(r) == 1);
    mem_free(k);
}

void store_alert_step(struct store_op *op, const char *code, const char *step, unsigned level,
                      int64_t next_ms, const struct alert_notice *n, size_t count,
                      void (*done)(void *arg, const struct err *e, bool taken), void *arg)
{
    struct ask *k = ask_new(op, arg);
    struct store_args a;
    struct buf lines;
    k->stepped = done;
    store_args_init(&a);
    store_arg_str(&a, code);
    store_arg_str(&a, step);
    store_arg_int(&a, level);
    store_arg_int(&a, next_ms);
    buf_init(&lines, 1u << 20);
    for (size_t i = 0; i < count; i++) {
        if (n[i].way < 0)
            buf_printf(&lines, "%s p %s\n", n[i].login, n[i].outcome);
        else
            buf_printf(&lines, "%s %d %s\n", n[i].login, n[i].way, n[i].outcome);
    }
    store_arg(&a, lines.n ? buf_view(&lines) : SLICE(""));
    store_call(op, "alert_step", &a, on_step, k);
    buf_clear(&lines);
}

static void on_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct ask *k = arg;
    (void)r;
    k->done(k->arg, e);
    mem_free(k);
}

void store_alert_unconfirmed(struct store_op *op, const char *code, int64_t group_ms, store_done done,
                             void *arg)
{
    struct ask *k = ask_new(op, arg);
    struct store_args a;
    k->done = done;
    store_args_init(&a);
    store_arg_str(&a, code);
    store_arg_int(&a, group_ms);
    store_call(op, "alert_unconfirmed", &a, on_done, k);
}

static void on_told(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct ask *k = arg;
    k->told(k->arg, e, e->code ? 0 : (unsigned)store_number(r));
    mem_free(k);
}

void store_alert_told(struct store_op *op, const char *code, const char *which, const char *outcome,
                      unsigned again_ms, void (*done)(void *arg, const struct err *e, unsigned tries),
                      void *arg)
{
    struct ask *k = ask_new(op, arg);
    struct store_args a;
    k->told = done;
    store_args_init(&a);
    store_arg_str(&a, code);
    store_arg_str(&a, which);
    store_arg_str(&a, outcome);
    store_arg_int(&a, again_ms);
    store_call(op, "alert_told", &a, on_told, k);
}

/* ---- how they ended ---- */

static char *word(struct arena *a, struct slice *rest)
{
    struct slice w = {0};
    slice_next(rest, ' ', &w);
    return arena_dup(a, w.n ? w.p : "", w.n);
}

static int by_time(const void *a, const void *b)
{
    const struct alert_told *x = a, *y = b;
    return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static void on_notices(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct ask *k = arg;
    struct arena *a = arena_new();
    size_t n = e->code ? 0 : r->n / 2;
    struct alert_told *t = arena_alloc(a, (n + 1) * sizeof *t);
    for (size_t i = 0; i < n; i++) {
        struct slice name = store_item(r, 2 * i), value = store_item(r, 2 * i + 1);
        t[i].step = word(a, &name);
        t[i].login = word(a, &name);
        t[i].way = word(a, &name);
        t[i].outcome = word(a, &value);
        t[i].tries = (unsigned)strtoul(word(a, &value), NULL, 10);
        t[i].time_ms = strtoll(word(a, &value), NULL, 10);
    }
    qsort(t, n, sizeof *t, by_time);
    k->notices(k->arg, e, t, n);
    arena_free(&a);
    mem_free(k);
}

void store_alert_notices(struct store_op *op, const char *code,
                         void (*done)(void *arg, const struct err *e, const struct alert_told *t, size_t n),
                         void *arg)
{
    struct ask *k = ask_new(op, arg);
    struct store_args a;
    k->notices = done;
    store_args_init(&a);
    store_arg_str(&a, code);
    store_call(op, "alert_notices", &a, on_notices, k);
}

bool store_alarm_parse(const struct store_op *op, const char *id, struct id *thread, uint64_t *seq)
{
    struct slice rest = slice_str(id), hex;
    char raw[STORE_HANDLE];
    if (!slice_next(&rest, ' ', &hex) || hex.n != 2 * STORE_HANDLE || !text_unhex(raw, sizeof raw, hex) ||
        !slice_u64(rest, seq))
        return false;
    *thread = store_id_of(op, store_handle_get(slice_of(raw, sizeof raw)), STORE_SEQ_THREAD);
    return true;
}
