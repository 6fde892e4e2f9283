/* SPDX-License-Identifier: Apache-2.0
 * Every node's part in a rotation: it looks each two seconds whether one is under way, does what the phase
 * asks for, and says so. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/keys_internal.h"
#include "store/rotate.h"
#include "store/side.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 2000

/* ---- the file {op}.master.new ---- */

int rotate_read_new(struct store_op *op, unsigned char key[CRYPTO_KEY], struct err *e)
{
    struct buf path;
    char text[2 * CRYPTO_KEY + 8] = "";
    buf_init(&path, 4096);
    keys_master_path(op, ".new", &path);
    int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    bool good = n >= 2 * CRYPTO_KEY && text_unhex(key, CRYPTO_KEY, slice_of(text, (size_t)2 * CRYPTO_KEY));
    mem_wipe(text, sizeof text);
    buf_clear(&path);
    return good ? 0
                : err_set(e, ERR_NOT_FOUND, "keys/%s.master.new does not hold 64 hex digits",
                          store_op_name(op));
}

int rotate_make_new(struct store_op *op, struct err *e)
{
    struct buf path;
    unsigned char key[CRYPTO_KEY];
    char text[2 * CRYPTO_KEY + 2];
    buf_init(&path, 4096);
    keys_master_path(op, ".new", &path);
    text_random(key, sizeof key);
    text_hex(text, key, sizeof key);
    int fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text, 2 * CRYPTO_KEY) == 2 * CRYPTO_KEY && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    mem_wipe(text, sizeof text);
    mem_wipe(key, sizeof key);
    buf_clear(&path);
    return good ? 0
                : err_set(e, ERR_IO, "cannot write keys/%s.master.new: %s", store_op_name(op),
                          strerror(errno));
}

/* The new key becomes the key. On a node that shares the folder with the one that did it, it was done
 * already. */
static void take_over_file(struct store_op *op)
{
    struct buf from, to;
    buf_init(&from, 4096);
    buf_init(&to, 4096);
    keys_master_path(op, ".new", &from);
    keys_master_path(op, "", &to);
    if (rename(from.p, to.p) != 0 && errno != ENOENT)
        log_event(LOG_ERROR, "keys.rename_failed", log_str("operation", store_op_name(op)));
    char *slash = strrchr(to.p, '/');
    *slash = '\0';
    int fd = open(to.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        if (fsync(fd) != 0)
            log_event(LOG_ERROR, "keys.sync_failed", log_str("operation", store_op_name(op)));
        close(fd);
    }
    buf_clear(&from);
    buf_clear(&to);
}

/* ---- every node ---- */

struct rotate_watch {
    struct store_op *op;
    struct timer *tick;
    bool asking, closed;
};

static void ignored(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)arg, (void)e, (void)r;
}

struct slice rotate_key(struct store_op *op, struct buf *key)
{
    buf_init(key, 256);
    return store_key(op, key, "rotate", SLICE(""));
}

static void ack(struct store_op *op, const char *phase)
{
    struct buf key;
    char field[80];
    snprintf(field, sizeof field, "n:%s", store_node(op->store));
    struct slice argv[] = {SLICE("HSET"), rotate_key(op, &key), slice_str(field), slice_str(phase)};
    store_keys_send(op, ignored, NULL, 4, argv);
    buf_clear(&key);
}

static bool known(const struct store_op *op, unsigned char version)
{
    return keys_master(op->keys, version) != NULL;
}

/* What this node has to do in a phase; false: it cannot (yet). */
static bool follow(struct store_op *op, struct slice phase, unsigned char version, struct slice print)
{
    unsigned char key[CRYPTO_KEY], own[ROTATE_PRINT];
    if (slice_is(phase, "add") && !known(op, version)) {
        if (rotate_read_new(op, key, NULL) != 0)
            return false;
        keys_master_print(key, store_op_name(op), own);
        bool fits = text_equal_secret(print, slice_of(own, ROTATE_PRINT));
        if (fits)
            keys_master_add(op, version, key);
        mem_wipe(key, sizeof key);
        return fits;
    }
    if (!known(op, version))
        return false;
    if (slice_is(phase, "use") || slice_is(phase, "drop"))
        keys_master_use(op, version);
    if (slice_is(phase, "drop")) {
        take_over_file(op);
        for (int i = 0; i < 2; i++)
            if (op->keys->master[i].version && op->keys->master[i].version != version)
                keys_master_drop(op, op->keys->master[i].version);
    }
    return true;
}

static void watched(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct rotate_watch *w = arg;
    w->asking = false;
    if (w->closed) {
        mem_free(w);
        return;
    }
    timer_start(w->tick, LOOK_MS);
    if (e->code || r->n != 3 || r->items[0]->kind != REDIS_TEXT)
        return;
    char phase[8];
    snprintf(phase, sizeof phase, "%.*s", (int)store_item(r, 0).n, store_item(r, 0).p);
    if (follow(w->op, slice_str(phase), (unsigned char)store_number(r->items[1]), store_item(r, 2)))
        ack(w->op, phase);
}

static void watch(void *arg)
{
    struct rotate_watch *w = arg;
    struct buf key;
    if (w->op->system) { /* this node lives */
        char now[24];
        snprintf(now, sizeof now, "%lld", (long long)store_now_ms(w->op->store));
        store_data_send(w->op, ignored, NULL, 4,
                        (const struct slice[]){SLICE("ZADD"), SLICE(ROTATE_NODES), slice_str(now),
                                               slice_str(store_node(w->op->store))});
    }
    w->asking = true;
    struct slice argv[] = {SLICE("HMGET"), rotate_key(w->op, &key), SLICE("phase"), SLICE("version"),
                           SLICE("print")};
    store_keys_send(w->op, watched, w, 5, argv);
    buf_clear(&key);
}

void rotate_open(struct store_op *op)
{
    struct rotate_watch *w = op->side->rotate = mem_alloc(sizeof *w);
    w->op = op;
    w->tick = timer_new(store_loop(op->store), watch, w);
    timer_start(w->tick, 1);
}

void rotate_close(struct side *s)
{
    struct rotate_watch *w = s->rotate;
    if (!w)
        return;
    s->rotate = NULL;
    if (w->op->system)
        store_data_send(
            w->op, ignored, NULL, 3,
            (const struct slice[]){SLICE("ZREM"), SLICE(ROTATE_NODES), slice_str(store_node(w->op->store))});
    timer_free(&w->tick);
    w->closed = true;
    if (!w->asking)
        mem_free(w);
}
