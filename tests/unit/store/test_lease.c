/* SPDX-License-Identifier: Apache-2.0
 * Leases, timers, values and idempotency keys on real servers. */
#include "tests/unit/store/harness.h"
#include <signal.h>

struct lease_log {
    struct store_lease *l;
    int got, lost;
    uint64_t fence;
    int64_t lost_us;
};

static void on_held(void *arg, bool yes, uint64_t fence)
{
    struct lease_log *g = arg;
    if (yes) {
        g->got++;
        g->fence = fence;
    } else {
        g->lost++;
        g->lost_us = time_mono_us();
    }
}

T(one_node_holds_a_lease_and_the_next_gets_it)
{
    harness_begin(2);
    struct lease_log a = {0}, b = {0};
    a.l = store_lease_new(harness_op(0), "router", 3000, on_held, &a);
    WAIT(a.got);
    EQ_INT(a.fence, 1);
    b.l = store_lease_new(harness_op(1), "router", 3000, on_held, &b);
    harness_turn(2500); /* renewed several times */
    OK(store_lease_held(a.l) && !store_lease_held(b.l));
    EQ_INT(a.lost, 0);
    EQ_INT(b.got, 0);
    store_lease_free(&a.l); /* given back: the other has it at once */
    WAIT(b.got);
    EQ_INT(b.fence, 2);
    a.l = store_lease_new(harness_op(0), "router", 600, on_held, &a);
    harness_close(1); /* its operation ends; nothing is given back by a dead node, but here it is */
    EQ_INT(b.lost, 1);
    store_lease_free(&b.l);
    WAIT(a.got == 2);
    EQ_INT(a.fence, 3);
    store_lease_free(&a.l);
    harness_end();
}

T(a_holder_without_redis_gives_up_before_anybody_else_can_have_it)
{
    harness_begin(2);
    struct lease_log a = {0}, b = {0};
    a.l = store_lease_new(harness_op(0), "router", 4000, on_held, &a);
    WAIT(a.got);
    b.l = store_lease_new(harness_op(1), "router", 4000, on_held, &b);
    harness_turn(100);
    kill(h.pid[DATA], SIGSTOP);
    int64_t stopped = time_mono_us();
    WAIT(a.lost);
    EQ_INT(b.got, 0);
    OK(a.lost_us - stopped < 4000000); /* the lease was renewed before Redis stopped */
    OK(!store_lease_held(a.l));
    kill(h.pid[DATA], SIGCONT);
    WAIT(a.got + b.got >= 2);
    OK(store_lease_held(a.l) != store_lease_held(b.l));
    store_lease_free(&a.l);
    store_lease_free(&b.l);
    harness_end();
}

static void free_in_callback(void *arg, bool yes, uint64_t fence)
{
    struct lease_log *g = arg;
    (void)fence;
    g->got += yes;
    store_lease_free(&g->l);
}

T(a_lease_may_be_freed_from_its_own_callback)
{
    harness_begin(1);
    struct lease_log a = {0};
    a.l = store_lease_new(harness_op(0), "x", 500, free_in_callback, &a);
    WAIT(a.got);
    OK(!a.l);
    harness_turn(50);
    harness_end();
}

static void on_made_again(void *arg, const struct err *e, struct store_op *op)
{
    (void)op;
    got_done(arg, e);
}

T(a_lease_outlives_its_operation_and_takes_the_next_of_that_name)
{
    harness_begin(1);
    struct lease_log a = {0}, b = {0};
    struct got g = {0};
    a.l = store_lease_new(harness_op(0), "router", 600, on_held, &a);
    b.l = store_lease_new(harness_op(0), "other", 600, on_held, &b);
    WAIT(a.got && b.got);
    store_op_destroy(h.node[0], "demo", got_done, &g);
    WAIT(g.calls);
    EQ_INT(a.lost, 1);
    OK(!store_lease_held(a.l));
    store_lease_free(&b.l); /* while it sleeps */
    store_op_make(h.node[0], "demo", on_made_again, &g);
    WAIT(g.calls == 2);
    EQ_INT(g.e.code, 0);
    WAIT(a.got == 2);
    OK(store_lease_held(a.l));
    harness_close(0);
    EQ_INT(a.lost, 2);
    store_lease_free(&a.l);
    harness_end();
}

/* ---- timers ---- */

struct fired {
    int n;
    char id[40];
    bool keep;
};

static void on_fire(void *arg, const char *id, struct store_firing *f)
{
    struct fired *x = arg;
    x->n++;
    snprintf(x->id, sizeof x->id, "%s", id);
    store_timer_finished(f, !x->keep);
}

T(timers_fire_once_on_one_node_within_a_second)
{
    harness_begin(2);
    struct fired a = {0}, b = {0};
    struct got done = {0};
    store_timer_handle(harness_op(0), "sla", on_fire, &a);
    store_timer_handle(harness_op(1), "sla", on_fire, &b);
    harness_turn(200);
    int64_t due = store_now_ms(h.node[0]) + 700;
    store_timer_set(harness_op(0), "sla", "thread 1", due, got_done, &done);
    WAIT(done.calls);
    EQ_INT(done.e.code, 0);
    WAIT(a.n + b.n);
    int64_t late = store_now_ms(h.node[0]) - due;
    printf("fired %lld ms after it was due\n", (long long)late);
    OK(late >= -50 && late < 8000);
    EQ_STR(a.n ? a.id : b.id, "thread 1");
    harness_turn(700);
    EQ_INT(a.n + b.n, 1);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:timers"), 0);
    harness_end();
}

T(a_timer_that_was_dropped_or_moved_does_not_fire)
{
    harness_begin(1);
    struct fired a = {0};
    struct got done = {0};
    int64_t now = store_now_ms(h.node[0]);
    store_timer_handle(harness_op(0), "sla", on_fire, &a);
    store_timer_set(harness_op(0), "sla", "1", now + 400, got_done, &done);
    store_timer_set(harness_op(0), "sla", "2", now + 400, got_done, &done);
    store_timer_drop(harness_op(0), "sla", "1", got_done, &done);
    store_timer_set(harness_op(0), "sla", "2", now + 900000, NULL, NULL);
    WAIT(done.calls == 3);
    harness_turn(1200);
    EQ_INT(a.n, 0);
    harness_end();
}

T(a_timer_survives_a_restart_and_comes_again_until_it_is_done)
{
    harness_begin(1);
    struct fired a = {.keep = true}, b = {0};
    struct got done = {0};
    store_timer_set(harness_op(0), "sla", "1", store_now_ms(h.node[0]) + 10, got_done, &done);
    WAIT(done.calls);
    store_timer_handle(harness_op(0), "sla", on_fire, &a);
    WAIT(a.n == 1);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:timers"), 1);
    harness_close(0);
    harness_open(0);
    EQ_INT(harness_number(DATA, "ZREMRANGEBYRANK p:{demo}:timers 0 -1"), 1);
    store_timer_set(harness_op(0), "sla", "2", store_now_ms(h.node[0]) - 1, got_done,
                    &done); /* due while nobody was there */
    store_timer_handle(harness_op(0), "sla", on_fire, &b);
    WAIT(b.n);
    EQ_STR(b.id, "2");
    harness_end();
}

/* ---- values and idempotency ---- */

T(values_are_kept_sealed)
{
    harness_begin(1);
    struct got g = {0};
    store_value_get(harness_op(0), "imap.cursor", got_text, &g);
    WAIT(g.calls == 1);
    EQ_INT(g.e.code, 0);
    EQ_STR(g.text, "");
    store_value_set(harness_op(0), "imap.cursor", SLICE("CANARY-value-77"), got_done, &g);
    WAIT(g.calls == 2);
    harness_close(0);
    harness_open(0);
    store_value_get(harness_op(0), "imap.cursor", got_text, &g);
    WAIT(g.calls == 3);
    EQ_STR(g.text, "CANARY-value-77");
    OK(!harness_files_hold("CANARY-value-77"));
    harness_end();
}

struct begun {
    int calls, state;
    char answer[100];
};

static void on_begun(void *arg, const struct err *e, int state, struct slice answer)
{
    struct begun *b = arg;
    b->calls++;
    b->state = e->code ? -e->code : state;
    snprintf(b->answer, sizeof b->answer, "%.*s", (int)answer.n, answer.p ? answer.p : "");
}

static struct begun begin(const char *key, unsigned char body)
{
    struct begun b = {0};
    unsigned char sha[32] = {body};
    store_idem_begin(harness_op(0), SLICE("token"), slice_str(key), sha, on_begun, &b);
    WAIT(b.calls);
    return b;
}

T(the_same_request_gets_the_same_answer)
{
    harness_begin(1);
    struct got g = {0};
    EQ_INT(begin("k", 1).state, 0);
    EQ_INT(begin("k", 1).state, 2);
    EQ_INT(begin("k", 2).state, 3);
    EQ_INT(begin("other", 1).state, 0);
    store_idem_finish(harness_op(0), SLICE("token"), SLICE("k"), SLICE("CANARY-answer-9"), got_done, &g);
    WAIT(g.calls);
    struct begun b = begin("k", 1);
    EQ_INT(b.state, 1);
    EQ_STR(b.answer, "CANARY-answer-9");
    EQ_INT(begin("k", 2).state, 3);
    OK(!harness_files_hold("CANARY-answer-9"));
    harness_end();
}

TEST_MAIN
