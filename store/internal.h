/* SPDX-License-Identifier: Apache-2.0
 * What the files of this folder share: the store and its operations, ids and handles, calling functions in
 * Redis.
 *
 * In Redis a thread or a contact is named by its handle: 8 random bytes, raw, everywhere (keys, members,
 * values, arguments). The ids that the outside sees are made from handles: AES(index key, handle 8 | seq 4 |
 * check 4) as 26 letters. seq is 0 for a thread, its number for an entry, STORE_SEQ_CONTACT for a contact. So
 * an entry is found by its id without an index, and an id that was made up is noticed without asking Redis.
 */
#ifndef PARLEY_STORE_INTERNAL_H
#define PARLEY_STORE_INTERNAL_H

#include "gateway/base/map.h"
#include "gateway/net/redis.h"
#include "store/crypto.h"
#include "store/keys.h"
#include "store/store.h"
#include "store/thread.h"

/* ---- ids and handles ---- */

#define STORE_HANDLE      8
#define STORE_SEQ_THREAD  0u
#define STORE_SEQ_CONTACT 0xffffffffu

struct id store_id_of(const struct store_op *op, uint64_t handle, uint32_t seq);
/* False: not one of this operation's ids. */
bool store_id_parse(const struct store_op *op, struct slice id, uint64_t *handle, uint32_t *seq);
/* The handle when the id is one of that kind. */
bool store_thread_handle(const struct store_op *op, struct id id, uint64_t *handle);
bool store_contact_handle(const struct store_op *op, struct id id, uint64_t *handle);
void store_handle_put(char out[STORE_HANDLE], uint64_t handle); /* big-endian */
uint64_t store_handle_get(struct slice raw);                    /* 0 unless 8 bytes */

/* ---- calling functions ---- */

/* Arguments are collected here; small ones are copied, slices are borrowed until store_call returns. */
#define STORE_ARGS 96
struct store_args {
    struct slice v[STORE_ARGS];
    size_t n;
    char small[1024];
    size_t used;
};
static inline void store_args_init(struct store_args *a)
{
    a->n = a->used = 0;
}
void store_arg(struct store_args *a, struct slice s);
void store_arg_str(struct store_args *a, const char *s); /* NULL: "" */
void store_arg_int(struct store_args *a, int64_t v);
void store_arg_handle(struct store_args *a, uint64_t handle);
void store_arg_copy(struct store_args *a, const void *p, size_t n);

/* e->code 0: r is the function's answer. Else r is NULL; the first word of an error reply is the name of the
 * code ("CONFLICT it has changed"); FENCED is told as ERR_CONFLICT; what Redis itself refuses (LOADING, OOM,
 * MISCONF, READONLY, …) as ERR_UNAVAILABLE. */
typedef void (*store_reply)(void *arg, const struct err *e, const struct redis_reply *r);
/* FCALL p<version>_<fn> 1 p:{op}: args…, on the data server. The library is loaded when the server does not
 * know it. cb exactly once, never from inside. */
void store_call(struct store_op *op, const char *fn, const struct store_args *a, store_reply cb, void *arg);
/* A plain command. argv[1] is usually store_key(). */
void store_data_send(struct store_op *op, store_reply cb, void *arg, size_t argc, const struct slice *argv);
void store_keys_send(struct store_op *op, store_reply cb, void *arg, size_t argc, const struct slice *argv);
/* "p:{op}:" and what follows, appended to b (which is reset). */
struct slice store_key(const struct store_op *op, struct buf *b, const char *kind, struct slice rest);

/* Helpers for answers. */
struct slice store_text(const struct redis_reply *r);                        /* empty unless TEXT or STATUS */
struct slice store_item(const struct redis_reply *r, size_t i);              /* of an array */
int64_t store_number(const struct redis_reply *r);                           /* INT, or digits in TEXT */
struct slice store_field(const struct redis_reply *hash, const char *field); /* of an HGETALL */
int64_t store_field_int(const struct redis_reply *hash, const char *field);  /* 0 when it isn't there */

/* A callback for later, with an error; for what fails before Redis is asked. */
void store_fail(struct store *s, store_done done, void *arg, int code, const char *text);

/* ---- the records ---- */

/* An HGETALL of thread:<handle> as a struct; strings live in a (NUL-terminated). */
void store_thread_from(const struct store_op *op, struct arena *a, uint64_t handle,
                       const struct redis_reply *hash, struct store_thread *t);

/* Encrypts all entries of a thread anew under the class of its (raised) clearance; those that are there
 * already are passed over, so it may be repeated. Ends when every entry has it. */
void store_reseal(struct store_op *op, uint64_t thread, store_done done, void *arg);
/* What was written in the contact's profile since that thread opened moves up to that clearance; may be
 * repeated. */
void contact_lift(struct store_op *op, uint64_t contact, uint64_t thread, int clearance, store_done done,
                  void *arg);

/* ---- the store and its operations ---- */

struct side;   /* side.c: leases, timers, … of an operation */
struct cache;  /* cache.h */
struct events; /* events.c */
struct keys;   /* keys.c */

struct store_op {
    struct store *store;
    char *name;
    char *prefix; /* "p:{name}:" */
    size_t prefix_n;
    bool open; /* its keys are here */
    bool system;
    struct keys *keys;
    struct crypto_keyed *blind; /* under the index key */
    struct cache *cache;
    unsigned strangers; /* ingest.c: how many of those who are not in the cache were new lately, of 256 */
    struct events *events;
    struct map lanes;     /* ingest.c: what each address has under way */
    struct list outboxes; /* outbox.c */
    struct side *side;
    struct {
        char *json;
        size_t n;
        uint64_t version;
    } document;
};

/* The operation "_" that is nobody's: users, sessions, tokens, the list of operations. NULL before the store
 * was ready once. */
struct store_op *store_system(const struct store *s);
struct redis *store_data_redis(const struct store *s);
struct redis *store_keys_redis(const struct store *s);
const char *store_dir(const struct store *s);
const struct store_config *store_config_of(const struct store *s);
/* Keyed hashes under the index key, with a purpose so that equal values differ between uses. */
void store_blind(const struct store_op *op, const char *purpose, struct slice value, unsigned char out[16]);

/* Not ready for a reason of somebody else's: slot 0 the files' directory, 1 a restore that is under way.
 * NULL: it is over; both must be. */
#define STORE_BLOCKS 2
void store_block(struct store *s, unsigned slot, const char *why);

/* side.c: an operation (also the system's) was opened with its keys; it will be closed. */
void side_open(struct store_op *op);
void side_close(struct store_op *op);
/* The store closes: whatever waits for a moment is told so. */
void side_wake_all(struct store *s);

#endif
