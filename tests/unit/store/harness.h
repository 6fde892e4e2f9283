/* SPDX-License-Identifier: Apache-2.0
 * For tests of the store: two redis-servers of their own (unix sockets, append-only file, fsync always) in a
 * temporary directory, stores on them (each is a node), and ways to wait. Tests of one program share the
 * servers: harness_begin empties them. */
#ifndef PARLEY_TEST_STORE_HARNESS_H
#define PARLEY_TEST_STORE_HARNESS_H

#include "store/events.h"
#include "store/internal.h"
#include "store/thread.h"
#include "tests/unit/test.h"

enum { DATA, KEYS };
#define NODES 3

struct harness {
    char dir[64];
    pid_t pid[2];
    struct loop *loop;
    struct redis *redis[2]; /* the test's own connections */
    struct store *node[NODES];
    bool ready[NODES];
};
extern struct harness h;

/* Servers (started once), emptied; the loop; `nodes` stores, ready; the operation "demo". */
void harness_begin(int nodes);
void harness_end(void); /* closes the stores; call it at the end of each test */
void harness_open(int node);
void harness_close(int node);
void harness_kill(int server); /* -9 */
void harness_start(int server);
struct store_op *harness_op(int node); /* "demo" of that node */
/* What harness_op makes the node expect of who is not in its cache, 0 … 256: new ones; -1: as it was. */
extern int harness_strangers;

/* Turns the loop until flag is not 0; fails the test after so many seconds. */
#define WAIT_FOR(flag, seconds)                                                                              \
    do {                                                                                                     \
        int64_t wait_end = time_mono_us() + (seconds)*INT64_C(1000000);                                      \
        while (!(flag) && time_mono_us() < wait_end)                                                         \
            loop_turn(h.loop, 20);                                                                           \
        if (!(flag))                                                                                         \
            TEST_FAIL("waited in vain for %s", #flag);                                                       \
    } while (0)
#define WAIT(flag)      WAIT_FOR(flag, 40)
#define WAIT_LONG(flag) WAIT_FOR(flag, 90) /* for what takes its time on a loaded machine */
void harness_turn(unsigned ms);            /* turns the loop for so long */

/* A command; the answer's text, or its number as text, or "" (nil, array). Lives until the next. */
const char *harness_ask(int server, const char *command, ...) __attribute__((format(printf, 2, 3)));
long long harness_number(int server, const char *command);
long long harness_memory(void); /* used_memory of both servers */

/* Is the text anywhere in the files of both servers? */
bool harness_files_hold(const char *text);

/* ---- shortcuts ---- */

struct got { /* what a callback was given */
    int calls;
    struct err e;
    struct store_ingested in;
    struct store_written out;
    struct store_thread thread; /* strings are copies that are never freed */
    struct store_entry entry[200];
    size_t n;
    struct store_contact contact;
    char text[4096];
};
/* Makes a call whose callback is got_… (or ends with one) with &g, the test's `static struct got g`, and
 * waits. */
#define DONE(call)                                                                                           \
    do {                                                                                                     \
        memset(&g, 0, sizeof g);                                                                             \
        call;                                                                                                \
        WAIT_LONG(g.calls);                                                                                  \
    } while (0)
void got_done(void *arg, const struct err *e);
void got_text(void *arg, const struct err *e, struct slice text);
void got_in(void *arg, const struct err *e, const struct store_ingested *r);
void got_out(void *arg, const struct err *e, const struct store_written *w);
void got_thread(void *arg, const struct err *e, const struct store_thread *t);
void got_entries(void *arg, const struct err *e, const struct store_entry *list, size_t n);
void got_entry(void *arg, const struct err *e, const struct store_entry *en);
void got_contact(void *arg, const struct err *e, const struct store_contact *c);

/* A message of 'address' on channel "app" with the provider id; its text; reopen within 72 h. */
struct store_inbound message_in(const char *id, const char *address, const char *text);
/* Stores it by a node and waits. */
struct got take_in(int node, const struct store_inbound *in);
struct got write_out(int node, const struct store_outbound *out);
struct store_outbound message_out(struct id thread, const char *text);
struct store_entry *entries_of(int node, struct id thread, size_t *n);
struct store_thread thread_of(int node, struct id thread);

#endif
