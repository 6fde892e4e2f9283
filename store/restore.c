/* SPDX-License-Identifier: Apache-2.0
 * Putting a backup back into an empty store: read everything once; put back keys, then data and files; open
 * the operations; make the indexes anew; erase whoever was erased since; compare the audits; then serve. */
#include "store/restore_internal.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/audit.h"
#include "store/admin.h"
#include "store/side.h"
#include "store/state.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPEN_MS    30000
#define LOOK_MS    50
#define REPORT_MAX (1u << 20)

static void report(const struct restore *r, struct buf *out)
{
    buf_printf(
        out,
        "{\"threads\":%llu,\"unsent\":%llu,\"erased\":%llu,\"files\":%llu,\"records\":%llu,\"operations\":{",
        (unsigned long long)r->threads, (unsigned long long)r->unsent, (unsigned long long)r->erased,
        (unsigned long long)r->files, (unsigned long long)r->commands);
    for (size_t i = 0; i < r->ops_n; i++)
        buf_printf(out, "%s\"%s\":{\"audit_intact\":%s,\"root\":\"%s\"}", i ? "," : "", r->ops[i].name,
                   r->ops[i].intact ? "true" : "false", r->ops[i].root);
    buf_str(out, "}}");
}

void restore_end(struct restore *r)
{
    struct buf out;
    buf_init(&out, REPORT_MAX);
    if (r->e.code)
        log_event(LOG_ERROR, "restore.failed", log_err(&r->e));
    report(r, &out);
    r->done(r->arg, &r->e, buf_view(&out));
    buf_clear(&out);
    sealed_close(&r->reader);
    for (size_t i = 0; i < r->ops_n; i++)
        mem_free(r->ops[i].name);
    mem_free(r->ops);
    map_clear(&r->ledger, mem_free);
    buf_clear(&r->batch);
    buf_clear(&r->file);
    buf_clear(&r->manifest);
    mem_wipe(r->secret, sizeof r->secret);
    mem_free(r->dir);
    mem_free(r);
}

bool restore_failed(struct restore *r, const struct err *e)
{
    if (e->code && !r->e.code)
        r->e = *e;
    return r->e.code != 0;
}

struct step {
    struct restore *r;
    void (*work)(struct restore *r, struct blobs *b);
    void (*next)(struct restore *r);
};

static void step_run(struct blobs *b, void *arg)
{
    struct step *t = arg;
    t->work(t->r, b);
}

static void step_done(void *arg, bool closed)
{
    struct step *t = arg;
    struct restore *r = t->r;
    void (*next)(struct restore *) = t->next;
    mem_free(t);
    if (closed && !r->e.code)
        err_set(&r->e, ERR_CANCELLED, "the store is closing");
    if (r->e.code)
        restore_end(r);
    else
        next(r);
}

void restore_step(struct restore *r, void (*work)(struct restore *r, struct blobs *b),
                  void (*next)(struct restore *r))
{
    struct step *t = mem_alloc(sizeof *t);
    *t = (struct step){r, work, next};
    blobs_work(r->blobs, step_run, step_done, t);
}

void restore_send(struct restore *r, bool keys, store_reply cb, void *arg, size_t argc,
                  const struct slice *argv)
{
    struct store_op *system = store_system(r->s);
    if (!system)
        side_refuse_at(r->s, ERR_UNAVAILABLE, "the store is not ready", cb, arg);
    else if (keys)
        store_keys_send(system, cb, arg, argc, argv);
    else
        store_data_send(system, cb, arg, argc, argv);
}

/* ---- the end: audits ---- */

static void check_next(struct restore *r);

static void said(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    (void)reply;
    if (!restore_failed(r, e)) {
        store_block(r->s, RESTORE_BLOCK, NULL);
        log_event(LOG_INFO, "restore.done", log_int("threads", (int64_t)r->threads),
                  log_int("erased", (int64_t)r->erased));
        for (size_t i = 0; i < r->ops_n; i++)
            if (!r->ops[i].intact)
                err_set(&r->e, ERR_CORRUPT, "everything was put back, but the audit of %s does not fit",
                        r->ops[i].name);
    }
    restore_end(r);
}

static void verified(void *arg, const struct err *e, const struct store_audit_verdict *v)
{
    struct restore *r = arg;
    if (restore_failed(r, e)) {
        restore_end(r);
        return;
    }
    r->ops[r->at].intact = v->intact;
    if (!v->intact)
        log_event(LOG_ERROR, "restore.audit", log_str("operation", r->ops[r->at].name),
                  log_str("where", v->where));
    r->at++;
    check_next(r);
}

static void check_next(struct restore *r)
{
    struct store_op *op = r->at < r->ops_n ? backup_op(r->s, slice_str(r->ops[r->at].name)) : NULL;
    struct store_args a;
    if (op) {
        store_audit_verify(op, r->ops[r->at].root[0] ? r->ops[r->at].root : NULL, verified, r);
        return;
    }
    store_args_init(&a);
    store_arg_str(&a, "restore");
    store_call(store_system(r->s), "restore_done", &a, said, r);
}

void restore_check_begin(struct restore *r)
{
    r->at = 0;
    check_next(r);
}

/* ---- opening ---- */

static void look(void *arg, bool closing)
{
    struct restore *r = arg;
    bool all = true;
    if (closing) {
        err_set(&r->e, ERR_CANCELLED, "the store is closing");
        restore_end(r);
        return;
    }
    for (size_t i = 0; i < r->ops_n; i++)
        all = all && backup_op(r->s, slice_str(r->ops[i].name));
    if (all) {
        restore_index_begin(r);
    } else if (time_mono_us() > r->until_us) {
        err_set(&r->e, ERR_TIMEOUT, "the operations that were put back do not open: %s", r->s->op_why);
        restore_end(r);
    } else {
        side_sleep(r->s, LOOK_MS, look, r);
    }
}

static void open_all(struct restore *r)
{
    ops_reopen(r->s);
    r->blobs = NULL; /* that of the system's old operation */
    r->until_us = time_mono_us() + (int64_t)OPEN_MS * 1000;
    side_sleep(r->s, LOOK_MS, look, r);
}

/* The directory is marked anew, with the store's id that was put back. */
static void unmark_work(struct restore *r, struct blobs *b)
{
    char path[4096];
    (void)b;
    snprintf(path, sizeof path, "%s/blobs/store", store_dir(r->s));
    unlink(path);
}

static void unmarked(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    (void)reply;
    if (restore_failed(r, e))
        restore_end(r);
    else
        restore_step(r, unmark_work, open_all);
}

/* ---- putting back ---- */

static void read_on(struct restore *r);

static void batch_done(struct restore *r)
{
    if (r->e.code) {
        restore_end(r);
    } else if (!r->ended) {
        read_on(r);
    } else if (r->of_keys) {
        r->of_keys = false;
        read_on(r);
    } else {
        restore_send(
            r, false, unmarked, r, 3,
            (const struct slice[]){SLICE("HDEL"), SLICE("p:{" STORE_SYSTEM "}:store"), SLICE("marked")});
    }
}

static void command_answered(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    (void)reply;
    if (!restore_failed(r, e))
        r->commands++;
    if (--r->pending == 0)
        batch_done(r);
}

static void batch_read(struct restore *r)
{
    struct slice rest = buf_view(&r->batch), argv[COMMAND_MAX];
    size_t argc;
    bool good;
    r->pending = 1;
    while (command_get(&rest, argv, &argc, &good)) {
        r->pending++;
        restore_send(r, r->of_keys, command_answered, r, argc, argv);
    }
    if (--r->pending == 0)
        batch_done(r);
}

static void read_on(struct restore *r)
{
    restore_step(r, restore_read_work, batch_read);
}

/* ---- emptying: what this program made when it found the servers empty ---- */

static void empty_scan(struct restore *r);

static void emptied(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    (void)reply;
    restore_failed(r, e);
    if (--r->pending)
        return;
    if (r->e.code) {
        restore_end(r);
    } else if (strcmp(r->cursor, "0") != 0) {
        empty_scan(r);
    } else if (!r->of_keys) {
        r->of_keys = true;
        empty_scan(r);
    } else {
        read_on(r); /* the keys first */
    }
}

static void empty_found(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    if (!restore_failed(r, e)) {
        struct slice cursor = store_item(reply, 0);
        snprintf(r->cursor, sizeof r->cursor, "%.*s", (int)cursor.n, cursor.p);
        for (size_t i = 0; i < reply->items[1]->n; i++) {
            r->pending++;
            restore_send(r, r->of_keys, emptied, r, 2,
                         (const struct slice[]){SLICE("UNLINK"), store_item(reply->items[1], i)});
        }
    }
    emptied(r, &(struct err){0}, NULL);
}

static void empty_scan(struct restore *r)
{
    struct slice argv[] = {SLICE("SCAN"), slice_str(r->cursor), SLICE("MATCH"),
                           SLICE("p:{*"), SLICE("COUNT"),       SLICE("1000")};
    r->pending = 1;
    restore_send(r, r->of_keys, empty_found, r, 6, argv);
}

static void empty_begin(struct restore *r)
{
    store_block(r->s, RESTORE_BLOCK,
                "a restore is under way, or was cut short: it has to be begun again on empty servers");
    audit_sealer_close(store_system(r->s)->side); /* what it knows of the stream is over */
    memcpy(r->cursor, "0", 2);
    empty_scan(r);
}

/* ---- the beginning ---- */

static void ops_read(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct restore *r = arg;
    if (!restore_failed(r, e) && (reply->n || store_op_at(r->s, 0)))
        err_set(&r->e, ERR_CONFLICT,
                "a backup is put back into an empty store only; this one has operations");
    if (r->e.code)
        restore_end(r);
    else
        restore_ledger_collect(r, empty_begin);
}

static void backup_read(struct restore *r)
{
    restore_send(r, false, ops_read, r, 2,
                 (const struct slice[]){SLICE("SMEMBERS"), SLICE("p:{" STORE_SYSTEM "}:ops")});
}

static void refuse(void *arg)
{
    restore_end(arg);
}

void store_restore(struct store *s, const char *dir, struct slice recovery_key,
                   void (*done)(void *arg, const struct err *e, struct slice report_json), void *arg)
{
    struct restore *r = mem_alloc(sizeof *r);
    r->s = s;
    r->dir = mem_strdup(dir);
    r->done = done;
    r->arg = arg;
    r->blobs = blobs_of(s);
    map_init(&r->ledger);
    buf_init(&r->batch, BACKUP_BATCH + RESTORE_BATCH);
    buf_init(&r->file, 1);
    buf_init(&r->manifest, 2u << 20);
    if (!r->blobs)
        err_set(&r->e, ERR_UNAVAILABLE, "the store is not ready");
    else
        recovery_parse(recovery_key, r->secret, &r->e);
    if (r->e.code)
        loop_defer(store_loop(s), refuse, r);
    else
        restore_step(r, restore_verify_work, backup_read);
}
