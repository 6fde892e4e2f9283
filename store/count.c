/* SPDX-License-Identifier: Apache-2.0
 * Figures for operators: one function's answer and what the servers say of their memory. */
#include "gateway/base/mem.h"
#include "store/admin.h"
#include "store/side.h"
#include <string.h>
#include <sys/statvfs.h>

struct count {
    struct store_op *op;
    struct store_counts c;
    unsigned pending;
    struct err e;
    void (*done)(void *arg, const struct err *e, const struct store_counts *c);
    void *arg;
};

static void one_done(struct count *n, const struct err *e)
{
    if (e->code && !n->e.code)
        n->e = *e;
    if (--n->pending)
        return;
    n->done(n->arg, &n->e, n->e.code ? NULL : &n->c);
    mem_free(n);
}

static void counted(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct count *n = arg;
    if (e->code == 0 && r->n == 8) {
        uint64_t *to[] = {&n->c.contacts, &n->c.threads, &n->c.entries,     &n->c.open_threads,
                          &n->c.outbox,   &n->c.dead,    &n->c.quarantined, &n->c.blobs};
        for (size_t i = 0; i < 8; i++)
            *to[i] = (uint64_t)store_number(r->items[i]);
    }
    one_done(n, e);
}

static uint64_t info(struct slice text, const char *name)
{
    struct slice line;
    size_t n = strlen(name);
    uint64_t v = 0;
    while (slice_next(&text, '\n', &line)) {
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n > n && slice_starts(line, name) && line.p[n] == ':' &&
            slice_u64(slice_of(line.p + n + 1, line.n - n - 1), &v))
            return v;
    }
    return 0;
}

static void data_told(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct count *n = arg;
    n->c.data_bytes = info(store_text(r), "used_memory");
    n->c.data_max_bytes = info(store_text(r), "maxmemory");
    one_done(n, e);
}

static void keys_told(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct count *n = arg;
    n->c.key_bytes = info(store_text(r), "used_memory");
    one_done(n, e);
}

void store_count(struct store_op *op,
                 void (*done)(void *arg, const struct err *e, const struct store_counts *c), void *arg)
{
    struct count *n = mem_alloc(sizeof *n);
    struct statvfs v;
    struct store_args a;
    n->op = op;
    n->done = done;
    n->arg = arg;
    n->pending = 3;
    if (statvfs(store_dir(op->store), &v) == 0)
        n->c.disk_free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    store_args_init(&a);
    store_call(op, "count", &a, counted, n);
    store_data_send(op, data_told, n, 2, (const struct slice[]){SLICE("INFO"), SLICE("memory")});
    store_keys_send(op, keys_told, n, 2, (const struct slice[]){SLICE("INFO"), SLICE("memory")});
}
