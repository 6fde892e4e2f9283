/* SPDX-License-Identifier: Apache-2.0
 * Commands to bytes, and replies built straight into an arena that is used again for each: no allocation for
 * small ones. */
#include "gateway/net/redis_wire.h"
#include "gateway/base/mem.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#define REDIS_ITEMS_MAX 16777216 /* more in one array is no answer to anything we ask */
#define REDIS_DEPTH_MAX 8        /* hiredis 1 has no limit of its own */

static void redis_wire_arg(struct buf *out, struct slice s)
{
    buf_char(out, '$');
    buf_u64(out, s.n);
    buf_add(out, "\r\n", 2);
    buf_slice(out, s);
    buf_add(out, "\r\n", 2);
}

void redis_wire_command(struct buf *out, size_t argc, const struct slice *argv)
{
    buf_char(out, '*');
    buf_u64(out, argc);
    buf_add(out, "\r\n", 2);
    for (size_t i = 0; i < argc; i++)
        redis_wire_arg(out, argv[i]);
}

/* A macro, since a va_list that is handed on by value can't be read further by the caller. */
#define REDIS_WIRE_SPEC(scratch, c, ap)                                                                      \
    do {                                                                                                     \
        char number[24];                                                                                     \
        if ((c) == 's')                                                                                      \
            buf_str(scratch, va_arg(ap, const char *));                                                      \
        else if ((c) == 'b')                                                                                 \
            buf_slice(scratch, va_arg(ap, struct slice));                                                    \
        else if ((c) == 'd')                                                                                 \
            buf_add(scratch, number,                                                                         \
                    (size_t)snprintf(number, sizeof(number), "%lld", (long long)va_arg(ap, int64_t)));       \
        else if ((c) == 'u')                                                                                 \
            buf_u64(scratch, va_arg(ap, uint64_t));                                                          \
        else                                                                                                 \
            err_assert((c) == '%' && buf_char(scratch, '%') == 0);                                           \
    } while (0)

size_t redis_wire_format(struct buf *scratch, struct slice argv[REDIS_WIRE_ARGS], const char *fmt, va_list ap)
{
    size_t ends[REDIS_WIRE_ARGS], argc = 0, at = 0;
    buf_reset(scratch);
    while (*fmt) {
        if (*fmt == ' ') {
            fmt++;
            continue;
        }
        err_assert(argc < REDIS_WIRE_ARGS);
        for (; *fmt && *fmt != ' '; fmt++) {
            if (*fmt == '%') {
                fmt++;
                REDIS_WIRE_SPEC(scratch, *fmt, ap);
            } else {
                buf_char(scratch, *fmt);
            }
        }
        ends[argc++] = scratch->n;
    }
    err_assert(!scratch->err);
    for (size_t i = 0; i < argc; at = ends[i++])
        argv[i] = slice_of(scratch->p ? scratch->p + at : "", ends[i] - at);
    return argc;
}

/* hiredis calls one of these for each element, parents before children. */
struct redis_reader {
    redisReader *hi;
    struct arena *arena;
    bool reading; /* a reply has begun to stand in the arena */
};

/* NULL, which ends the connection, for what protocol version 2 has not and version 3 (hiredis 1) has. */
static struct redis_reply *reply_new(const redisReadTask *task, enum redis_kind kind)
{
    struct redis_reader *r = task->privdata;
    if (task->type > REDIS_REPLY_ERROR)
        return NULL;
    struct redis_reply *o = arena_alloc(r->arena, sizeof(*o));
    o->kind = kind;
    if (task->parent) {
        struct redis_reply *parent = task->parent->obj;
        /* The slots are ours and writable; only readers see them as const. */
        const struct redis_reply **slots = (const struct redis_reply **)(uintptr_t)parent->items;
        slots[task->idx] = o;
    }
    return o;
}

static void *reply_string(const redisReadTask *task, char *p, size_t n)
{
    struct redis_reader *r = task->privdata;
    enum redis_kind kind = task->type == REDIS_REPLY_ERROR    ? REDIS_ERROR
                           : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                                                              : REDIS_TEXT;
    struct redis_reply *o = reply_new(task, kind);
    if (o)
        o->s = slice_of(arena_dup(r->arena, p, n), n);
    return o;
}

#ifdef REDIS_REPLY_PUSH /* hiredis 1 */
static void *reply_array(const redisReadTask *task, size_t n)
#else
static void *reply_array(const redisReadTask *task, int n)
#endif
{
    struct redis_reader *r = task->privdata;
    unsigned depth = 0;
    for (const redisReadTask *t = task; t && depth <= REDIS_DEPTH_MAX; t = t->parent)
        depth++;
    if (n > REDIS_ITEMS_MAX || depth > REDIS_DEPTH_MAX)
        return NULL;
    struct redis_reply *o = reply_new(task, REDIS_ARRAY);
    if (!o)
        return NULL;
    o->n = (size_t)n;
    o->items = arena_alloc(r->arena, o->n * sizeof(o->items[0]));
    return o;
}

static void *reply_integer(const redisReadTask *task, long long v)
{
    struct redis_reply *o = reply_new(task, REDIS_INT);
    if (o)
        o->i = v;
    return o;
}

static void *reply_nil(const redisReadTask *task)
{
    return reply_new(task, REDIS_NIL);
}

static void reply_free(void *o)
{
    (void)o; /* the arena's */
}

#ifdef REDIS_REPLY_PUSH
/* Without these hiredis would hand out the number of the type as if it were our object. */
static void *reply_double(const redisReadTask *task, double v, char *p, size_t n)
{
    (void)v, (void)p, (void)n;
    return reply_new(task, REDIS_TEXT);
}

static void *reply_bool(const redisReadTask *task, int v)
{
    (void)v;
    return reply_new(task, REDIS_INT);
}
#endif

static redisReplyObjectFunctions reply_functions = {
    .createString = reply_string,
    .createArray = reply_array,
    .createInteger = reply_integer,
    .createNil = reply_nil,
#ifdef REDIS_REPLY_PUSH
    .createDouble = reply_double,
    .createBool = reply_bool,
#endif
    .freeObject = reply_free,
};

struct redis_reader *redis_reader_new(void)
{
    struct redis_reader *r = mem_alloc(sizeof(*r));
    r->hi = redisReaderCreateWithFunctions(&reply_functions);
    err_assert(r->hi);
    r->hi->privdata = r;
    r->arena = arena_new();
    return r;
}

void redis_reader_free(struct redis_reader **rp)
{
    struct redis_reader *r = *rp;
    if (!r)
        return;
    redisReaderFree(r->hi);
    arena_free(&r->arena);
    mem_free(r);
    *rp = NULL;
}

void redis_reader_feed(struct redis_reader *r, const char *p, size_t n)
{
    redisReaderFeed(r->hi, p, n); /* an error sticks and shows in redis_reader_next */
}

bool redis_reader_next(struct redis_reader *r, const struct redis_reply **reply)
{
    void *o = NULL;
    if (!r->reading)
        arena_reset(r->arena);
    bool whole = redisReaderGetReply(r->hi, &o) == REDIS_OK;
    r->reading = whole && !o;
    *reply = o;
    return whole;
}
