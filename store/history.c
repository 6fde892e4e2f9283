/* SPDX-License-Identifier: Apache-2.0
 * A person's own entries on one channel. */
#include "store/read.h"
#include "store/state.h"
#include "gateway/base/mem.h"
#include <string.h>

#define MOST 500

struct history {
    struct store_op *op;
    char *channel;
    unsigned char blind[16];
    uint64_t after;
    uint32_t after_seq, kid;
    unsigned limit;
    int tries;
    store_entries_done done;
    void *arg;
};

static void ask(struct history *h);

static void end(struct history *h, const struct err *e, const struct store_entry *list, size_t n)
{
    h->done(h->arg, e, list, n);
    mem_free(h->channel);
    mem_free(h);
}

static bool next(void *arg, size_t i, uint64_t *thread, uint32_t *seq, struct slice *value,
                 struct slice *status)
{
    const struct redis_reply *r = arg;
    *thread = store_handle_get(store_item(r, 2 + 4 * i));
    *seq = (uint32_t)store_number(r->items[3 + 4 * i]);
    *value = store_item(r, 4 + 4 * i);
    *status = store_item(r, 5 + 4 * i);
    return true;
}

static void loaded(void *arg, const struct err *e)
{
    struct history *h = arg;
    if (e->code)
        end(h, e, NULL, 0);
    else
        ask(h);
}

static void answered(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct history *h = arg;
    struct err local = *e;
    if (e->code || r->n < 2) {
        end(h, e, NULL, 0);
        return;
    }
    size_t most = (r->n - 2) / 4, n = 0;
    struct arena *a = arena_new();
    struct store_entry *list = arena_alloc(a, (most + 1) * sizeof(*list));
    h->kid = (uint32_t)store_number(r->items[1]);
    int rc = read_entries(h->op, store_handle_get(store_item(r, 0)), a, most, next, (void *)(uintptr_t)r,
                          list, &n);
    if (rc == -ERR_AGAIN && h->tries++ == 0) {
        keys_load(h->op, &h->kid, 1, loaded, h);
    } else {
        if (rc)
            err_set(&local, ERR_CORRUPT, "an entry does not decrypt");
        end(h, &local, list, rc ? 0 : n);
    }
    arena_free(&a);
}

static void ask(struct history *h)
{
    struct store_args a;
    store_args_init(&a);
    store_arg(&a, slice_of(h->blind, 16));
    store_arg_str(&a, h->channel);
    if (h->after)
        store_arg_handle(&a, h->after);
    else
        store_arg_str(&a, "");
    store_arg_int(&a, h->after_seq);
    store_arg_int(&a, h->limit);
    store_call(h->op, "history", &a, answered, h);
}

static void refuse(void *arg, const struct err *e)
{
    end(arg, e, NULL, 0);
}

void store_history(struct store_op *op, const char *channel, struct slice address, const char *after,
                   unsigned limit, store_entries_done done, void *arg)
{
    struct history *h = mem_alloc(sizeof(*h));
    *h = (struct history){.op = op, .channel = mem_strdup(channel), .done = done, .arg = arg};
    h->limit = limit == 0 || limit > MOST ? MOST : limit;
    store_blind(op, "address", address, h->blind);
    if (after && after[0]) {
        if (!store_id_parse(op, slice_str(after), &h->after, &h->after_seq) || h->after_seq == 0 ||
            h->after_seq == STORE_SEQ_CONTACT) {
            store_fail(op->store, refuse, h, ERR_INVALID, "no such entry");
            return;
        }
    }
    ask(h);
}
