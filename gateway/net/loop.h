/* SPDX-License-Identifier: Apache-2.0
 * The event loop of a worker: timers, work on other threads, signals. One per process, one thread. Only this
 * folder sees libuv, libwebsockets, libcurl and hiredis; everybody else sees these headers. */
#ifndef PARLEY_NET_LOOP_H
#define PARLEY_NET_LOOP_H

#include "gateway/base/err.h"
#include <stdint.h>

struct loop;
struct loop *loop_new(void);
/* Runs until loop_stop, or until nothing is left to do. */
void loop_run(struct loop *l);
/* One turn; waits at most wait_ms (0: not at all). For tests. */
void loop_turn(struct loop *l, unsigned wait_ms);
void loop_stop(struct loop *l);
void loop_free(struct loop **l);
/* fn when loop_free begins, while the loop still turns: for what lives as long as the loop. */
void loop_at_end(struct loop *l, void (*fn)(void *arg), void *arg);
void *loop_uv(struct loop *l); /* the uv_loop_t, for this folder alone */

/* Runs fn once the current callback has returned. */
void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg);

/* One-shot timer. cb may free the timer, or start it again. */
struct timer;
struct timer *timer_new(struct loop *l, void (*cb)(void *arg), void *arg);
void timer_start(struct timer *t, uint64_t ms); /* starting again moves it */
void timer_stop(struct timer *t);
bool timer_running(const struct timer *t);
void timer_free(struct timer **t);
uint64_t loop_now_ms(struct loop *l); /* monotonic, cached per turn */

/* Blocking or CPU-heavy work (scrypt, files, compression) on the loop's few threads. work runs there and may
 * touch nothing but arg; done runs on the loop afterwards, always. */
void loop_work(struct loop *l, void (*work)(void *arg), void (*done)(void *arg), void *arg);

/* cb on each arrival of the signal, on the loop. */
int loop_on_signal(struct loop *l, int signum, void (*cb)(int signum, void *arg), void *arg);

/* A descriptor that somebody else owns (pipe, inotify): cb when it can be read. Returns a handle for
 * loop_unwatch (before the descriptor is closed), or NULL when it can't be polled (a plain file). */
struct watch;
struct watch *loop_watch(struct loop *l, int fd, void (*cb)(void *arg), void *arg);
void loop_unwatch(struct watch **w);

#endif
