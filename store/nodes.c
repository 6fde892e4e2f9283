/* SPDX-License-Identifier: Apache-2.0
 * Which document of an operation each living node works with: p:{op}:loaded, node → version. Who lives says
 * so every two seconds (rotate_watch.c). */
#include "gateway/base/mem.h"
#include "store/rotate.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define NODES_ALIVE_MS 7000
#define NODES_MAX      100 /* one command's arguments */

static void ignored(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)arg, (void)e, (void)r;
}

static struct slice loaded_key(struct store_op *op, struct buf *key)
{
    buf_init(key, 256);
    return store_key(op, key, "loaded", SLICE(""));
}

void store_document_loaded(struct store_op *op)
{
    struct buf key;
    char version[24];
    uint64_t v = 0;
    store_op_document(op, &v);
    snprintf(version, sizeof version, "%llu", (unsigned long long)v);
    struct slice argv[] = {SLICE("HSET"), loaded_key(op, &key), slice_str(store_node(op->store)),
                           slice_str(version)};
    store_data_send(op, ignored, NULL, 4, argv);
    buf_clear(&key);
}

struct behind {
    struct store_op *op;
    uint64_t version;
    struct arena *arena;
    struct slice alive[NODES_MAX];
    size_t alive_n;
    void (*done)(void *arg, const struct err *e, const char *const *nodes, size_t n);
    void *arg;
};

static void behind_end(struct behind *b, const struct err *e, const char *const *nodes, size_t n)
{
    b->done(b->arg, e, nodes, n);
    arena_free(&b->arena);
    mem_free(b);
}

static bool is_alive(const struct behind *b, struct slice node)
{
    for (size_t i = 0; i < b->alive_n; i++)
        if (slice_eq(b->alive[i], node))
            return true;
    return false;
}

/* r: node, version, …: true when the node has that version or a later one. */
static bool has_it(const struct behind *b, const struct redis_reply *r, struct slice node)
{
    for (size_t i = 0; i + 1 < r->n; i += 2)
        if (slice_eq(store_item(r, i), node))
            return store_number(r->items[i + 1]) >= (int64_t)b->version;
    return false;
}

/* What nodes said that are gone is forgotten here. */
static void forget_dead(const struct behind *b, const struct redis_reply *r)
{
    struct slice argv[2 + NODES_MAX] = {SLICE("HDEL")};
    struct buf key;
    size_t argc = 2;
    argv[1] = loaded_key(b->op, &key);
    for (size_t i = 0; i + 1 < r->n && argc < 2 + NODES_MAX; i += 2)
        if (!is_alive(b, store_item(r, i)))
            argv[argc++] = store_item(r, i);
    if (argc > 2)
        store_data_send(b->op, ignored, NULL, argc, argv);
    buf_clear(&key);
}

static void loaded_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct behind *b = arg;
    const char *nodes[NODES_MAX];
    size_t n = 0;
    if (e->code || r->kind != REDIS_ARRAY) {
        behind_end(b, e, NULL, 0);
        return;
    }
    for (size_t i = 0; i < b->alive_n; i++)
        if (!has_it(b, r, b->alive[i]))
            nodes[n++] = b->alive[i].p;
    forget_dead(b, r);
    behind_end(b, e, nodes, n);
}

static void alive_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct behind *b = arg;
    struct buf key;
    if (e->code || r->kind != REDIS_ARRAY) {
        behind_end(b, e, NULL, 0);
        return;
    }
    for (size_t i = 0; i < r->n && b->alive_n < NODES_MAX; i++) {
        struct slice node = store_item(r, i);
        b->alive[b->alive_n++] = slice_of(arena_dup(b->arena, node.p, node.n), node.n);
    }
    store_data_send(b->op, loaded_read, b, 2,
                    (const struct slice[]){SLICE("HGETALL"), loaded_key(b->op, &key)});
    buf_clear(&key);
}

void store_document_behind(struct store_op *op, uint64_t version,
                           void (*done)(void *arg, const struct err *e, const char *const *nodes, size_t n),
                           void *arg)
{
    struct behind *b = mem_alloc(sizeof *b);
    char since[24];
    *b = (struct behind){.op = op, .version = version, .arena = arena_new(), .done = done, .arg = arg};
    snprintf(since, sizeof since, "%lld", (long long)(store_now_ms(op->store) - NODES_ALIVE_MS));
    store_data_send(
        op, alive_read, b, 4,
        (const struct slice[]){SLICE("ZRANGEBYSCORE"), SLICE(ROTATE_NODES), slice_str(since), SLICE("+inf")});
}
