/* SPDX-License-Identifier: Apache-2.0
 * Timers, deferred calls, work, signals and watches. */
#include "tests/unit/test.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/loop.h"
#include <signal.h>
#include <unistd.h>

static struct loop *l;
static char order[64];

static void add(void *arg)
{
    strcat(order, arg);
}

T(deferred_calls_run_in_order_and_not_inside)
{
    l = loop_new();
    order[0] = '\0';
    loop_defer(l, add, "a");
    loop_defer(l, add, "b");
    EQ_STR(order, "");
    loop_turn(l, 1000); /* does not wait */
    EQ_STR(order, "ab");
    loop_free(&l);
    OK(l == NULL);
}

static unsigned again;
static void defer_again(void *arg)
{
    if (++again < 1000)
        loop_defer(l, defer_again, arg);
}

T(a_call_that_defers_itself_lets_others_in)
{
    l = loop_new();
    again = 0;
    order[0] = '\0';
    struct timer *t = timer_new(l, add, "t");
    timer_start(t, 0);
    loop_defer(l, defer_again, NULL);
    loop_turn(l, 0);
    loop_turn(l, 0);
    EQ_STR(order, "t");
    OK(again >= 1 && again <= 2);
    loop_run(l); /* ends by itself */
    EQ_INT(again, 1000);
    timer_free(&t);
    loop_free(&l);
}

struct shot {
    struct timer *timer;
    int left;
};

static void shoot(void *arg)
{
    struct shot *s = arg;
    if (--s->left > 0)
        timer_start(s->timer, 5);
    else
        timer_free(&s->timer);
}

T(timers_start_again_and_free_themselves)
{
    l = loop_new();
    struct shot s = {NULL, 4};
    s.timer = timer_new(l, shoot, &s);
    timer_start(s.timer, 5);
    OK(timer_running(s.timer));
    int64_t before = time_mono_us();
    loop_run(l);
    OK(s.timer == NULL);
    OK(time_mono_us() - before >= 15000);
    loop_free(&l);
}

T(timers_move_and_stop)
{
    l = loop_new();
    order[0] = '\0';
    struct timer *a = timer_new(l, add, "a"), *b = timer_new(l, add, "b"), *c = timer_new(l, add, "c");
    timer_start(a, 1);
    timer_start(a, 30);
    timer_start(b, 10);
    timer_start(c, 1);
    timer_stop(c);
    OK(!timer_running(c));
    loop_run(l);
    EQ_STR(order, "ba");
    timer_free(&a);
    timer_free(&b);
    timer_free(&c);
    timer_free(&c);
    loop_free(&l);
}

static void work(void *arg)
{
    usleep(20000);
    *(int *)arg += 1;
}
static void worked(void *arg)
{
    *(int *)arg += 10;
}

T(work_runs_beside_the_loop)
{
    l = loop_new();
    int a = 0, b = 0;
    loop_work(l, work, worked, &a);
    loop_work(l, work, worked, &b);
    EQ_INT(a, 0);
    loop_run(l);
    EQ_INT(a, 11);
    EQ_INT(b, 11);
    loop_work(l, work, worked, &a);
    loop_free(&l); /* waits for it */
    EQ_INT(a, 22);
}

static void signalled(int signum, void *arg)
{
    *(int *)arg = signum;
}

T(signals)
{
    l = loop_new();
    int got = 0;
    EQ_INT(loop_on_signal(l, SIGUSR1, signalled, &got), 0);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 100 && !got; i++)
        loop_turn(l, 10);
    EQ_INT(got, SIGUSR1);
    loop_free(&l);
}

static void readable(void *arg)
{
    char c;
    *(int *)arg += read(((int *)arg)[1], &c, 1) == 1 ? 1 : 100;
}

T(watches)
{
    l = loop_new();
    int fds[2], got[2] = {0, 0};
    OK(pipe(fds) == 0);
    got[1] = fds[0];
    struct watch *w = loop_watch(l, fds[0], readable, got);
    OK(w);
    loop_turn(l, 0);
    EQ_INT(got[0], 0);
    OK(write(fds[1], "x", 1) == 1);
    loop_turn(l, 1000);
    EQ_INT(got[0], 1);
    close(fds[1]);
    loop_turn(l, 1000);
    EQ_INT(got[0], 101); /* the end shows as readable */
    loop_unwatch(&w);
    close(fds[0]);
    loop_free(&l);
}

TEST_MAIN
