/* SPDX-License-Identifier: Apache-2.0
 * The store: what Parley keeps, in two Redis servers (data, keys) and a folder of encrypted files. README.md
 * has the layout of the keys and the reason for it.
 *
 * Everything is asynchronous: a call copies what it needs, and its callback comes exactly once, later, from
 * the loop. The first parameters of a callback are its `arg` and an `err` (code 0: done). ERR_UNAVAILABLE and
 * ERR_TIMEOUT mean that nothing is certain: it may or may not have been written, and the same call may be
 * made again (each is idempotent by its ids). What a callback is given lives until it returns. Every change
 * of more than one key is one Redis Function (functions/). */
#ifndef PARLEY_STORE_H
#define PARLEY_STORE_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/base/text.h"
#include "gateway/net/loop.h"

struct store;    /* this node's connections, caches and unwrapped keys */
struct store_op; /* one operation of it; lives as long as the store */

#define STORE_SCHEMA 2 /* version of the layout; migrate.c brings older ones up */

struct store_config {
    struct loop *loop;
    const char *data_url, *keys_url; /* redis.h */
    const char *dir;                 /* the data directory: dir/blobs, dir/keys */
    /* A program that prints the master key of an operation as 64 hex digits (a KMS's client); NULL: files
     * dir/keys/{op}.master, 0600, made when the operation is. */
    const char *master_key_command;
    bool unsafe_redis;       /* take servers whose settings could lose data (no AOF, everysec, eviction) */
    uint64_t blob_low_water; /* bytes that must stay free on the disk of dir; 0: 64 MiB. Below it store_ready
                                says no */
    /* Told whenever readiness changes; may be NULL. */
    void (*state)(void *arg, bool ready, const char *why);
    void *arg;
};

/* Connects, checks the servers' settings and the schema, loads the function library, opens every operation.
 * ready comes by `state`. */
struct store *store_open(const struct store_config *cf, struct err *e);
void store_close(struct store **s);
/* Able to take and to keep a message now? *why is a sentence for operators. */
bool store_ready(const struct store *s, const char **why);
const char *store_node(const struct store *s); /* this node's id, new at each start: host.pid.random */
struct loop *store_loop(const struct store *s);

typedef void (*store_done)(void *arg, const struct err *e);
typedef void (*store_text_done)(void *arg, const struct err *e, struct slice text);

/* ---- operations and their configuration ---- */

struct store_op *store_op_find(const struct store *s,
                               struct slice name); /* NULL: there is none, or it is not open yet */
struct store_op *store_op_at(const struct store *s, size_t i); /* NULL at the end */
const char *store_op_name(const struct store_op *op);
struct store *store_of(const struct store_op *op);
/* Makes the operation with its keys (or does nothing when it is there). Other nodes learn of it by an event.
 */
void store_op_make(struct store *s, const char *name,
                   void (*done)(void *arg, const struct err *e, struct store_op *op), void *arg);
/* Destroys an operation: keys, data, blobs. For the demo, and for closing an office. */
void store_op_destroy(struct store *s, const char *name, store_done done, void *arg);

/* The operation's declarative document (JSON text; encrypted under its configuration key), kept in memory by
 * every node. */
struct slice store_op_document(const struct store_op *op, uint64_t *version); /* empty: none yet */
/* Replaces it when `version` is still the one that was read; ERR_CONFLICT otherwise. Every node gets
 * STORE_EV_CONFIG. */
void store_op_document_put(struct store_op *op, uint64_t version, struct slice json, const char *actor,
                           store_done done, void *arg);

/* This node works with the document that it has. */
void store_document_loaded(struct store_op *op);
/* The living nodes that do not work with that version or a later one yet; none: it holds everywhere. A node
 * that died is among them for some seconds. */
void store_document_behind(struct store_op *op, uint64_t version,
                           void (*done)(void *arg, const struct err *e, const char *const *nodes, size_t n),
                           void *arg);

/* ---- leases: what must run once in the cluster ---- */

struct store_lease;
/* Tries to hold the lease for as long as the node lives: held(true, fence) when it got it, held(false) when
 * it lost it (renewal failed: called before another node can have it). ttl: how long after a node's death
 * another may have it. */
struct store_lease *store_lease_new(struct store_op *op, const char *name, unsigned ttl_ms,
                                    void (*held)(void *arg, bool yes, uint64_t fence), void *arg);
void store_lease_free(struct store_lease **l); /* gives it back at once */
bool store_lease_held(const struct store_lease *l);
uint64_t
store_lease_fence(const struct store_lease *l); /* grows with each holder; functions refuse an older one */

/* ---- small values ---- */

/* A connector's cursor, and whatever else is small and outlives a process. Encrypted. Empty: not there. */
void store_value_get(struct store_op *op, const char *name, store_text_done done, void *arg);
void store_value_set(struct store_op *op, const char *name, struct slice value, store_done done, void *arg);

/* Idempotency-Key: claims (scope, key, hash of the body) for 24 h. state: 0 new (go on, then _finish), 1
 * answered before (answer is what was given to _finish), 2 under way, 3 used with another body. */
void store_idem_begin(struct store_op *op, struct slice scope, struct slice key,
                      const unsigned char body_sha256[32],
                      void (*done)(void *arg, const struct err *e, int state, struct slice answer),
                      void *arg);
void store_idem_finish(struct store_op *op, struct slice scope, struct slice key, struct slice answer,
                       store_done done, void *arg);
/* What was claimed failed: the key is free again. done may be NULL. */
void store_idem_drop(struct store_op *op, struct slice scope, struct slice key, store_done done, void *arg);

/* ---- timers: due once, on one node, within a second, over restarts ---- */

/* Sets or moves the timer named (what, id). due_ms is in Redis's time (store_now_ms). */
void store_timer_set(struct store_op *op, const char *what, const char *id, int64_t due_ms, store_done done,
                     void *arg);
void store_timer_drop(struct store_op *op, const char *what, const char *id, store_done done, void *arg);
/* Who handles timers called `what`. fire is called on the node that holds the timers' lease; finished must be
 * called (drop: it is done; otherwise it comes again after a minute). */
struct store_firing;
void store_timer_handle(struct store_op *op, const char *what,
                        void (*fire)(void *arg, const char *id, struct store_firing *f), void *arg);
void store_timer_finished(struct store_firing *f, bool drop);

/* Redis's clock as this node believes it (offset measured at connect and each minute). */
int64_t store_now_ms(const struct store *s);

#endif
