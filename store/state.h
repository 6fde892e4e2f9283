/* SPDX-License-Identifier: Apache-2.0
 * The store itself, for the files that connect it: store.c, setup.c, ops.c, call.c, events*.c. Others use
 * internal.h. */
#ifndef PARLEY_STORE_STATE_H
#define PARLEY_STORE_STATE_H

#include "store/internal.h"

#define STORE_SYSTEM "_"

enum store_server { STORE_DATA, STORE_KEYS, STORE_SERVERS };

struct store {
    struct store_config cf; /* strings are ours */
    struct redis *data, *keys;
    struct {
        bool checked; /* its settings are right, the library is loaded */
        char why[240];
        unsigned round; /* of connecting: answers of an older one are stale */
        unsigned pending;
    } server[STORE_SERVERS];
    struct store_op *system;
    struct store_op **ops; /* in order of opening; also those that are not open yet */
    size_t ops_n;
    unsigned opening; /* operations whose keys are on their way */
    bool ready, listed, closing, reading_list, migrating;
    char why[240];    /* why not */
    char op_why[240]; /* an operation does not open */
    char blocked[STORE_BLOCKS][240];
    char refused[240]; /* Redis refused a write */
    char disk[120];
    char node[47];
    char tag[2];          /* of this node, in events */
    int64_t clock_offset; /* Redis's time minus the monotonic one, ms */
    struct timer *tick;   /* each second */
    unsigned ticks;
    struct list sleepers;         /* side.c: what waits for a moment */
    struct stream_reader *reader; /* events.c */
};

/* Looks whether ready has changed, and tells. */
void store_judge(struct store *s);
/* Redis refused what it should have taken (OOM, MISCONF, …): not ready until a probe is taken. */
void store_refused(struct store *s, const char *text);

/* setup.c */
void setup_connect(struct store *s, struct err *e); /* e filled: the configuration is wrong */
void setup_tick(struct store *s);
void setup_load_library(struct store *s, store_done done, void *arg);

/* migrate.c: an older layout; the settings are looked at again when it is done. */
void store_migrate(struct store *s);

/* ops.c */
void ops_open_all(struct store *s); /* when both servers are checked */
void ops_changed(struct store *s);  /* the list may have changed */
/* All of them as at the start: their keys are read anew (after a restore). */
void ops_reopen(struct store *s);
void ops_free(struct store *s);
void ops_document_load(struct store_op *op, store_done done, void *arg);

/* events_read.c */
void events_start(struct store *s, struct err *e);
void events_stop(struct store *s);
void events_wake(struct store *s); /* an operation was opened or closed */

/* call.c: one error for what a server answers; true when there is none. */
bool store_reply_ok(struct store *s, int rc, const struct redis_reply *r, struct err *e);

#endif
