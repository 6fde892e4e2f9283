/* SPDX-License-Identifier: Apache-2.0
 * A new master key. Every node looks each two seconds whether a rotation is under way (p:{op}:rotate in the
 * key store) and says how far it is: first all learn the new key ("add"), then all wrap with it ("use"), then
 * what is wrapped with the old one is wrapped anew, then all forget the old one ("drop"). Data is not
 * rewritten. Each phase may be begun again; store_rotate_keys goes on where it stopped. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/admin.h"
#include "store/audit.h"
#include "store/keys_internal.h"
#include "store/rewrite.h"
#include "store/rotate.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define ALIVE_MS 10000
#define WAIT_MS  500
#define GIVE_UP  120 /* times WAIT_MS */

/* ---- the node that rotates ---- */

struct rotation {
    struct store_op *op;
    char *actor;
    unsigned char version;
    unsigned char print[ROTATE_PRINT];
    char phase[8];
    unsigned waited, pending;
    char cursor[24];
    uint64_t wrapped; /* in this pass */
    unsigned lacking; /* nodes that have not followed */
    struct err e;
    store_done done;
    void *arg;
};

static void end(struct rotation *t)
{
    log_event(t->e.code ? LOG_ERROR : LOG_INFO, "keys.rotated", log_str("operation", store_op_name(t->op)),
              log_err(&t->e));
    t->done(t->arg, &t->e);
    mem_free(t->actor);
    mem_free(t);
}

static bool failed(struct rotation *t, const struct err *e)
{
    if (e->code && !t->e.code)
        t->e = *e;
    return t->e.code != 0;
}

static void pass(struct rotation *t);
static void own_begin(struct rotation *t);
static void last(struct rotation *t);

static void set_phase(struct rotation *t, const char *phase, store_reply cb)
{
    struct buf key;
    char version[8];
    snprintf(t->phase, sizeof t->phase, "%s", phase);
    snprintf(version, sizeof version, "%u", t->version);
    t->waited = 0;
    struct slice argv[] = {
        SLICE("HSET"),    rotate_key(t->op, &key), SLICE("phase"), slice_str(t->phase),
        SLICE("version"), slice_str(version),      SLICE("print"), slice_of(t->print, ROTATE_PRINT)};
    store_keys_send(t->op, cb, t, 8, argv);
    buf_clear(&key);
}

/* ---- waiting for the nodes ---- */

static void phase_done(struct rotation *t)
{
    if (strcmp(t->phase, "use") == 0) {
        memcpy(t->cursor, "0", 2);
        pass(t);
    } else {
        last(t);
    }
}

static void phase_set(void *arg, const struct err *e, const struct redis_reply *r);
static void wait(void *arg, bool closing);

static void nodes_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    if (failed(t, e)) {
        end(t);
        return;
    }
    t->lacking = 0;
    for (size_t i = 0; i < r->n; i++)
        t->lacking += !slice_is(store_item(r, i), t->phase);
    if (t->lacking == 0 && strcmp(t->phase, "add") == 0) {
        set_phase(t, "use", phase_set);
    } else if (t->lacking == 0) {
        phase_done(t);
    } else if (++t->waited < GIVE_UP) {
        side_sleep(t->op->store, WAIT_MS, wait, t);
    } else {
        err_set(&t->e, ERR_CONFLICT,
                "%u nodes do not have the new master key (keys/%s.master.new); nothing is lost, begin again",
                t->lacking, store_op_name(t->op));
        end(t);
    }
}

static void alive_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    struct slice argv[STORE_ARGS];
    char fields[STORE_ARGS][48];
    struct buf key;
    size_t argc = 2;
    if (failed(t, e) || r->n == 0) {
        if (!t->e.code)
            err_set(&t->e, ERR_AGAIN, "no node is known yet");
        end(t);
        return;
    }
    argv[0] = SLICE("HMGET");
    argv[1] = rotate_key(t->op, &key);
    for (size_t i = 0; i < r->n && argc < STORE_ARGS; i++, argc++) {
        snprintf(fields[argc], sizeof fields[argc], "n:%.*s", (int)store_item(r, i).n, store_item(r, i).p);
        argv[argc] = slice_str(fields[argc]);
    }
    store_keys_send(t->op, nodes_read, t, argc, argv);
    buf_clear(&key);
}

static void wait(void *arg, bool closing)
{
    struct rotation *t = arg;
    char since[24];
    if (closing) {
        err_set(&t->e, ERR_CANCELLED, "the store is closing");
        end(t);
        return;
    }
    snprintf(since, sizeof since, "%lld", (long long)(store_now_ms(t->op->store) - ALIVE_MS));
    store_data_send(
        t->op, alive_read, t, 4,
        (const struct slice[]){SLICE("ZRANGEBYSCORE"), SLICE(ROTATE_NODES), slice_str(since), SLICE("+inf")});
}

static void phase_set(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    (void)r;
    if (failed(t, e))
        end(t);
    else
        wait(t, false);
}

/* ---- wrapping anew: of each field only while it still is what was read, since a person may be erased
 * meanwhile ---- */

static const char swap[] =
    "for i = 1, #ARGV, 3 do if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then "
    "redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end end return 1";

static void page_done(struct rotation *t)
{
    if (--t->pending)
        return;
    if (t->e.code) {
        end(t);
    } else if (strcmp(t->cursor, "0") != 0) {
        pass(t);
    } else if (t->wrapped) { /* once more, until nothing is found: keys were made meanwhile */
        t->wrapped = 0;
        pass(t);
    } else {
        own_begin(t);
    }
}

static void swapped(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    (void)r;
    failed(t, e);
    page_done(t);
}

struct bucket {
    struct rotation *t;
    char *key;
    size_t key_n;
    uint32_t first;
};

static void bucket_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct bucket *b = arg;
    struct rotation *t = b->t;
    struct slice argv[4 + 3 * KEYS_BUCKET] = {SLICE("EVAL"), SLICE(swap), SLICE("1"),
                                              slice_of(b->key, b->key_n)};
    unsigned char fresh[KEYS_BUCKET][CRYPTO_WRAPPED];
    size_t argc = 4, n = 0;
    for (size_t i = 0; !failed(t, e) && i + 1 < r->n && n < KEYS_BUCKET; i += 2) {
        struct slice field = store_item(r, i), old = store_item(r, i + 1);
        uint64_t at;
        if (!slice_u64(field, &at) || old.n == 0 || (unsigned char)old.p[0] == t->version)
            continue;
        if (keys_rewrap(t->op, NULL, b->first + (uint32_t)at, old, t->version, fresh[n]) != 0) {
            err_set(&t->e, ERR_CORRUPT, "key %llu does not open under the old master key",
                    (unsigned long long)(b->first + at));
            break;
        }
        argv[argc++] = field;
        argv[argc++] = old;
        argv[argc++] = slice_of(fresh[n++], CRYPTO_WRAPPED);
    }
    if (t->e.code == 0 && n) {
        t->wrapped += n;
        store_keys_send(t->op, swapped, t, argc, argv);
    } else {
        page_done(t);
    }
    mem_free(b->key);
    mem_free(b);
}

static void read_bucket(struct rotation *t, struct slice key)
{
    uint64_t number;
    size_t prefix = t->op->prefix_n + 2;
    if (key.n <= prefix || !slice_u64(slice_of(key.p + prefix, key.n - prefix), &number))
        return;
    struct bucket *b = mem_alloc(sizeof *b);
    *b = (struct bucket){t, slice_dup(key), key.n, (uint32_t)number * KEYS_BUCKET};
    t->pending++;
    store_keys_send(t->op, bucket_read, b, 2, (const struct slice[]){SLICE("HGETALL"), key});
}

static void passed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    if (!failed(t, e)) {
        struct slice cursor = store_item(r, 0);
        snprintf(t->cursor, sizeof t->cursor, "%.*s", (int)cursor.n, cursor.p);
        for (size_t i = 0; i < r->items[1]->n; i++)
            read_bucket(t, store_item(r->items[1], i));
    }
    page_done(t);
}

static void pass(struct rotation *t)
{
    struct buf match;
    buf_init(&match, 256);
    store_key(t->op, &match, "k:", SLICE("*"));
    struct slice argv[] = {SLICE("SCAN"),    slice_str(t->cursor), SLICE("MATCH"),
                           buf_view(&match), SLICE("COUNT"),       SLICE("100")};
    t->pending = 1;
    store_keys_send(t->op, passed, t, 6, argv);
    buf_clear(&match);
}

/* ---- the operation's own keys, and from then on the new master key is the one ---- */

static void own_written(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    (void)r;
    if (failed(t, e))
        end(t);
    else
        set_phase(t, "drop", phase_set);
}

static void own_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    unsigned char fresh[KEYS_OWN][CRYPTO_WRAPPED];
    char version[8];
    struct buf key;
    struct slice argv[2 + 2 * (KEYS_OWN + 2)];
    size_t argc = 2;
    if (failed(t, e)) {
        end(t);
        return;
    }
    buf_init(&key, 256);
    argv[0] = SLICE("HSET");
    argv[1] = store_key(t->op, &key, "keys", SLICE(""));
    for (int i = 0; i < KEYS_OWN && t->e.code == 0; i++) {
        if (keys_rewrap(t->op, keys_own_names[i], 0, store_field(r, keys_own_names[i]), t->version,
                        fresh[i]) != 0)
            err_set(&t->e, ERR_CORRUPT, "the %s key does not open under the old master key",
                    keys_own_names[i]);
        argv[argc++] = slice_str(keys_own_names[i]);
        argv[argc++] = slice_of(fresh[i], CRYPTO_WRAPPED);
    }
    snprintf(version, sizeof version, "%u", t->version);
    argv[argc++] = SLICE("mv");
    argv[argc++] = slice_str(version);
    argv[argc++] = SLICE("fp");
    argv[argc++] = slice_of(t->print, ROTATE_PRINT);
    if (t->e.code)
        end(t);
    else
        store_keys_send(t->op, own_written, t, argc, argv);
    buf_clear(&key);
}

static void own_begin(struct rotation *t)
{
    struct buf key;
    buf_init(&key, 256);
    struct slice argv[] = {SLICE("HGETALL"), store_key(t->op, &key, "keys", SLICE(""))};
    store_keys_send(t->op, own_read, t, 2, argv);
    buf_clear(&key);
}

/* ---- the end ---- */

static void audited(void *arg, const struct err *e)
{
    struct rotation *t = arg;
    failed(t, e);
    end(t);
}

static void rewritten(void *arg, const struct err *e)
{
    struct rotation *t = arg;
    if (failed(t, e))
        end(t);
    else
        store_audit(t->op, t->actor, "keys.rotate", "operation", "", audited, t);
}

static void cleared(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    (void)r;
    if (failed(t, e))
        end(t);
    else
        rewrite_keys(t->op->store, rewritten, t);
}

static void last(struct rotation *t)
{
    struct buf key;
    struct slice argv[] = {SLICE("DEL"), rotate_key(t->op, &key)};
    store_keys_send(t->op, cleared, t, 2, argv);
    buf_clear(&key);
}

/* ---- the beginning ---- */

static void begin_new(struct rotation *t)
{
    unsigned char key[CRYPTO_KEY];
    struct err none = {0};
    if (rotate_read_new(t->op, key, &none) != 0 &&
        (rotate_make_new(t->op, &t->e) != 0 || rotate_read_new(t->op, key, &t->e) != 0)) {
        end(t);
        return;
    }
    unsigned char current = keys_master_version(t->op);
    t->version = current == 255 ? 1 : (unsigned char)(current + 1);
    keys_master_print(key, store_op_name(t->op), t->print);
    mem_wipe(key, sizeof key);
    set_phase(t, "add", phase_set);
}

static void begun(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    if (failed(t, e)) {
        end(t);
        return;
    }
    struct slice phase = store_item(r, 0), print = store_item(r, 2);
    if (!phase.n || print.n != ROTATE_PRINT) {
        begin_new(t);
        return;
    }
    t->version = (unsigned char)store_number(r->items[1]);
    memcpy(t->print, print.p, ROTATE_PRINT);
    char name[8];
    snprintf(name, sizeof name, "%.*s", (int)phase.n, phase.p);
    set_phase(t, name, phase_set); /* where it stopped */
}

static void refused(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotation *t = arg;
    (void)r;
    failed(t, e);
    end(t);
}

void store_rotate_keys(struct store_op *op, const char *actor, store_done done, void *arg)
{
    struct rotation *t = mem_alloc(sizeof *t);
    const char *command = store_config_of(op->store)->master_key_command;
    struct buf key;
    t->op = op;
    t->actor = mem_strdup(actor);
    t->done = done;
    t->arg = arg;
    if (command && *command) {
        side_refuse(op, ERR_UNSUPPORTED,
                    "the master key comes from a program, which cannot give a second one", refused, t);
        return;
    }
    struct slice argv[] = {SLICE("HMGET"), rotate_key(op, &key), SLICE("phase"), SLICE("version"),
                           SLICE("print")};
    store_keys_send(op, begun, t, 5, argv);
    buf_clear(&key);
}
