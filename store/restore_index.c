/* SPDX-License-Identifier: Apache-2.0
 * After everything was put back: indexes and queues are made anew from the records, in three passes over the
 * keys. */
#include "store/restore_internal.h"
#include <stdio.h>
#include <string.h>

#define AT_ONCE 60

enum { PASS_THREADS, PASS_CONTACTS, PASS_OUTBOX, PASS_RECORDS, PASSES };
static const char *const patterns[] = {"p:{*}:thread:*", "p:{*}:contact:*", "p:{*}:outq:*", "p:{*}:rec:*"};

static void scan(struct restore *r);

static void page_done(struct restore *r);

static void called(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    if (!restore_failed(r, e) && r->pass == PASS_THREADS)
        r->threads += (uint64_t)store_number(reply);
    else if (r->e.code == 0 && r->pass == PASS_OUTBOX)
        r->unsent += (uint64_t)store_number(reply);
    if (--r->pending == 0)
        page_done(r);
}

static void agents_done(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    (void)reply;
    restore_failed(r, e);
    if (--r->pending)
        return;
    if (r->e.code)
        restore_end(r);
    else
        restore_ledger_apply(r, restore_check_begin);
}

static void agents(struct restore *r)
{
    struct store_op *op;
    struct store_args a;
    store_args_init(&a);
    r->pending = 1;
    for (size_t i = 0; (op = store_op_at(r->s, i)); i++) {
        r->pending++;
        store_call(op, "restore_agents", &a, agents_done, r);
    }
    agents_done(r, &(struct err){0}, NULL);
}

static void page_done(struct restore *r)
{
    if (r->e.code) {
        restore_end(r);
    } else if (strcmp(r->cursor, "0") != 0) {
        scan(r);
    } else if (++r->pass < PASSES) {
        scan(r);
    } else {
        agents(r);
    }
}

/* The handles of one operation's keys among these, AT_ONCE to a call. */
static void call_handles(struct restore *r, struct store_op *op, const struct redis_reply *keys,
                         const char *fn, const char *kind)
{
    struct store_args a;
    size_t kind_n = strlen(kind);
    store_args_init(&a);
    for (size_t i = 0; i < keys->n; i++) {
        struct slice name, rest;
        if (!backup_key_parse(store_item(keys, i), &name, &rest) || backup_op(r->s, name) != op ||
            rest.n != kind_n + STORE_HANDLE)
            continue;
        store_arg(&a, slice_of(rest.p + kind_n, STORE_HANDLE));
        if (a.n < AT_ONCE)
            continue;
        r->pending++;
        store_call(op, fn, &a, called, r);
        store_args_init(&a);
    }
    if (a.n) {
        r->pending++;
        store_call(op, fn, &a, called, r);
    }
}

static void call_outbox(struct restore *r, struct slice key)
{
    struct slice name, rest, channel;
    struct store_op *op = backup_key_parse(key, &name, &rest) ? backup_op(r->s, name) : NULL;
    struct store_args a;
    if (!op)
        return;
    rest = slice_of(rest.p + 5, rest.n - 5);
    if (!slice_next(&rest, ':', &channel))
        return;
    store_args_init(&a);
    store_arg(&a, channel);
    store_arg(&a, rest);
    r->pending++;
    store_call(op, "restore_outbox", &a, called, r);
}

static void call_records(struct restore *r, struct store_op *op, const struct redis_reply *keys)
{
    struct store_args a;
    store_args_init(&a);
    for (size_t i = 0; i < keys->n; i++) {
        struct slice name, rest;
        bool last = i + 1 == keys->n;
        if (backup_key_parse(store_item(keys, i), &name, &rest) && backup_op(r->s, name) == op)
            store_arg(&a, slice_of(rest.p + 4, rest.n - 4));
        if (a.n && (last || a.n == AT_ONCE)) {
            r->pending++;
            store_call(op, "restore_records", &a, called, r);
            store_args_init(&a);
        }
    }
}

static void scanned(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    if (!restore_failed(r, e)) {
        struct slice cursor = store_item(reply, 0);
        snprintf(r->cursor, sizeof r->cursor, "%.*s", (int)cursor.n, cursor.p);
        const struct redis_reply *keys = reply->items[1];
        struct store_op *op;
        for (size_t i = 0; r->pass == PASS_RECORDS && (op = store_op_at(r->s, i)); i++)
            call_records(r, op, keys);
        for (size_t i = 0; r->pass < PASS_OUTBOX && (op = store_op_at(r->s, i)); i++)
            call_handles(r, op, keys, r->pass == PASS_THREADS ? "restore_threads" : "restore_contacts",
                         r->pass == PASS_THREADS ? "thread:" : "contact:");
        for (size_t i = 0; r->pass == PASS_OUTBOX && i < keys->n; i++)
            call_outbox(r, store_item(keys, i));
    }
    if (--r->pending == 0)
        page_done(r);
}

static void scan(struct restore *r)
{
    struct slice argv[] = {SLICE("SCAN"),  slice_str(r->cursor), SLICE("MATCH"), slice_str(patterns[r->pass]),
                           SLICE("COUNT"), SLICE("200")};
    r->pending = 1;
    restore_send(r, false, scanned, r, 6, argv);
}

void restore_index_begin(struct restore *r)
{
    r->pass = PASS_THREADS;
    memcpy(r->cursor, "0", 2);
    scan(r);
}
