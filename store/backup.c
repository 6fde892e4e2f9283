/* SPDX-License-Identifier: Apache-2.0
 * Making a backup while the store goes on. The data's keys come first, in pages: threads with their entries
 * and contacts with their addresses each in one step, everything else by itself; then the seals and the audit
 * (in this order, so that every sealed line is there), the files, and last the keys: they open whatever was
 * copied before. */
#include "store/backup_internal.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/admin_internal.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define PAGE        "50"
#define STREAM_PAGE "500"
#define PATH_ROOM   4096

static void end(struct backup *b)
{
    if (b->e.code) {
        sealed_abandon(&b->data);
        sealed_abandon(&b->keys);
        log_event(LOG_ERROR, "backup.failed", log_err(&b->e));
    }
    b->done(b->arg, &b->e, b->e.code ? (struct slice){0} : buf_view(&b->manifest));
    for (size_t i = 0; i < b->ops_n; i++)
        mem_free(b->ops[i].name);
    mem_free(b->ops);
    buf_clear(&b->out);
    buf_clear(&b->manifest);
    mem_free(b->dir);
    mem_free(b);
}

static bool failed(struct backup *b, const struct err *e)
{
    if (e->code && !b->e.code)
        b->e = *e;
    return b->e.code != 0;
}

/* Work on a thread, then `next`, unless it failed. */
struct step {
    struct backup *b;
    void (*work)(struct backup *b, struct blobs *blobs);
    void (*next)(struct backup *b);
};

static void step_run(struct blobs *blobs, void *arg)
{
    struct step *t = arg;
    t->work(t->b, blobs);
}

static void step_done(void *arg, bool closed)
{
    struct step *t = arg;
    struct backup *b = t->b;
    void (*next)(struct backup *) = t->next;
    mem_free(t);
    if (closed && !b->e.code)
        err_set(&b->e, ERR_CANCELLED, "the store is closing");
    if (b->e.code)
        end(b);
    else
        next(b);
}

static void step(struct backup *b, void (*work)(struct backup *b, struct blobs *blobs),
                 void (*next)(struct backup *b))
{
    struct step *t = mem_alloc(sizeof *t);
    *t = (struct step){b, work, next};
    blobs_work(b->blobs, step_run, step_done, t);
}

/* ---- one page of keys ---- */

static void scan(struct backup *b);
static void streams_begin(struct backup *b);
static void masters_begin(struct backup *b);

static void page_written(struct backup *b)
{
    if (strcmp(b->cursor, "0") != 0)
        scan(b);
    else if (b->of_keys)
        masters_begin(b);
    else
        streams_begin(b);
}

static void page_answered(struct backup *b)
{
    if (--b->pending)
        return;
    if (b->e.code)
        end(b);
    else
        step(b, backup_page_work, page_written);
}

static void restore_command(struct backup *b, struct slice key, struct slice ends_ms, struct slice dump)
{
    struct slice argv[] = {SLICE("RESTORE"), key, ends_ms, dump, SLICE("REPLACE"), SLICE("ABSTTL")};
    command_put(&b->out, 6, argv);
}

static void dumps(struct backup *b, const struct redis_reply *r)
{
    for (size_t i = 0; i + 1 < r->n; i += 2)
        restore_command(b, store_item(r, i), SLICE("0"), store_item(r, i + 1));
}

static void thread_copied(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct backup *b = arg;
    if (!failed(b, e)) {
        dumps(b, r);
        b->threads += r->n > 0;
    }
    page_answered(b);
}

static void contact_copied(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct backup *b = arg;
    if (!failed(b, e) && r->n == 2) {
        dumps(b, r->items[0]);
        b->contacts += r->items[0]->n > 0;
        for (size_t i = 0; i + 2 < r->items[1]->n; i += 3) {
            struct slice argv[] = {SLICE("HSET"), store_item(r->items[1], i), store_item(r->items[1], i + 1),
                                   store_item(r->items[1], i + 2)};
            command_put(&b->out, 4, argv);
        }
    }
    page_answered(b);
}

/* A key by itself needs two answers. */
struct plain {
    struct backup *b;
    char *key;
    size_t key_n;
    int64_t ends_ms;
};

static void plain_end(struct plain *p)
{
    struct backup *b = p->b;
    mem_free(p->key);
    mem_free(p);
    page_answered(b);
}

static void plain_ends(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct plain *p = arg;
    if (!failed(p->b, e))
        p->ends_ms = store_number(r); /* -1 never, -2 it is gone */
}

static void plain_dumped(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct plain *p = arg;
    char ends[24];
    if (!failed(p->b, e) && r->kind == REDIS_TEXT && p->ends_ms != -2) {
        snprintf(ends, sizeof ends, "%lld", (long long)(p->ends_ms > 0 ? p->ends_ms : 0));
        restore_command(p->b, slice_of(p->key, p->key_n), slice_str(ends), r->s);
        if (p->b->of_keys)
            p->b->key_records++;
        else
            p->b->others++;
    }
    plain_end(p);
}

static void send(struct backup *b, store_reply cb, void *arg, size_t argc, const struct slice *argv)
{
    struct store_op *system = store_system(b->s);
    if (!system)
        side_refuse_at(b->s, ERR_UNAVAILABLE, "the store is not ready", cb, arg);
    else if (b->of_keys)
        store_keys_send(system, cb, arg, argc, argv);
    else
        store_data_send(system, cb, arg, argc, argv);
}

static void copy_plain(struct backup *b, struct slice key)
{
    struct plain *p = mem_alloc(sizeof *p);
    p->b = b;
    p->key = slice_dup(key);
    p->key_n = key.n;
    b->pending++;
    send(b, plain_ends, p, 2, (const struct slice[]){SLICE("PEXPIRETIME"), key});
    send(b, plain_dumped, p, 2, (const struct slice[]){SLICE("DUMP"), key});
}

/* Copied with their thread or contact; made anew after a restore; of the moment; or read as streams. */
static bool left_out(struct slice rest)
{
    static const char *const kinds[] = {
        "log:",   "refs:", "addr:", "lease:",  "sess:",  "try:",    "blob:",  "held:",   "asleep:",
        "loaded", "sock:", "out:",  "outl:",   "early:", "waiting", "offers", "snoozed", "recz:",
        "recg:",  "recc:", "factc", "threads", "gone",   "audit",   "seals",  "events",  "probe"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i]);
        if (slice_starts(rest, kinds[i]) && (kinds[i][n - 1] == ':' || rest.n == n))
            return true;
    }
    return false;
}

static void copy_whole(struct backup *b, struct store_op *op, const char *fn, struct slice handle,
                       store_reply cb)
{
    struct store_args a;
    store_args_init(&a);
    store_arg(&a, handle);
    b->pending++;
    store_call(op, fn, &a, cb, b);
}

static void copy(struct backup *b, struct slice key)
{
    struct slice name, rest;
    if (!backup_key_parse(key, &name, &rest))
        return;
    struct store_op *op = b->of_keys ? NULL : backup_op(b->s, name);
    if (op && rest.n == 7 + STORE_HANDLE && slice_starts(rest, "thread:"))
        copy_whole(b, op, "backup_thread", slice_of(rest.p + 7, STORE_HANDLE), thread_copied);
    else if (op && rest.n == 8 + STORE_HANDLE && slice_starts(rest, "contact:"))
        copy_whole(b, op, "backup_contact", slice_of(rest.p + 8, STORE_HANDLE), contact_copied);
    else if (b->of_keys || !left_out(rest))
        copy_plain(b, key);
}

static void scanned(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct backup *b = arg;
    if (!failed(b, e)) {
        struct slice cursor = store_item(r, 0);
        snprintf(b->cursor, sizeof b->cursor, "%.*s", (int)cursor.n, cursor.p);
        const struct redis_reply *keys = r->n == 2 ? r->items[1] : NULL;
        for (size_t i = 0; keys && i < keys->n; i++)
            copy(b, store_item(keys, i));
    }
    page_answered(b);
}

static void scan(struct backup *b)
{
    b->pending = 1;
    struct slice argv[] = {SLICE("SCAN"), slice_str(b->cursor), SLICE("MATCH"),
                           SLICE("p:{*"), SLICE("COUNT"),       SLICE(PAGE)};
    send(b, scanned, b, 6, argv);
}

/* ---- seals, audit, the newest event's id ---- */

static void stream_next(struct backup *b);
static void files_begin(struct backup *b);

static struct slice stream_key(struct backup *b, struct buf *key, const char *kind)
{
    buf_printf(key, "p:{%s}:%s", b->ops[b->at].name, kind);
    return buf_view(key);
}

static void event_id_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct backup *b = arg;
    struct buf key;
    buf_init(&key, 256);
    /* An empty stream that goes on behind that id: whoever resumes after an older one is told to load anew.
     */
    if (!failed(b, e) && r->kind == REDIS_ARRAY && r->n == 1) {
        struct slice id = store_item(r->items[0], 0), k = stream_key(b, &key, "events");
        command_put(&b->out, 5, (const struct slice[]){SLICE("XADD"), k, id, SLICE("k"), SLICE("")});
        command_put(&b->out, 3, (const struct slice[]){SLICE("XDEL"), k, id});
    }
    buf_clear(&key);
    if (b->e.code) {
        end(b);
        return;
    }
    b->at++;
    stream_next(b);
}

static void events_read(struct backup *b)
{
    struct buf key;
    buf_init(&key, 256);
    struct slice argv[] = {SLICE("XREVRANGE"), stream_key(b, &key, "events"),
                           SLICE("+"),         SLICE("-"),
                           SLICE("COUNT"),     SLICE("1")};
    send(b, event_id_read, b, 6, argv);
    buf_clear(&key);
}

static void stream_read(struct backup *b);

static void stream_written(struct backup *b)
{
    if (b->stream_from[0]) {
        stream_read(b);
    } else if (!b->at_audit) {
        b->at_audit = true;
        stream_next(b);
    } else {
        b->at_audit = false;
        events_read(b);
    }
}

static void stream_entry(struct backup *b, struct slice key, const struct redis_reply *r)
{
    struct slice argv[COMMAND_MAX] = {SLICE("XADD"), key, store_item(r, 0)};
    size_t argc = 3;
    const struct redis_reply *f = r->n == 2 ? r->items[1] : NULL;
    for (size_t i = 0; f && i < f->n && argc < COMMAND_MAX; i++)
        argv[argc++] = store_item(f, i);
    command_put(&b->out, argc, argv);
    struct backup_op *op = &b->ops[b->at];
    if (b->at_audit) {
        op->lines++;
    } else if (f) {
        struct slice root = store_field(f, "h");
        op->seals++;
        snprintf(op->root, sizeof op->root, "%.*s", (int)root.n, root.p);
    }
}

static void stream_got(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct backup *b = arg;
    struct buf key;
    if (failed(b, e)) {
        end(b);
        return;
    }
    buf_init(&key, 256);
    stream_key(b, &key, b->at_audit ? "audit" : "seals");
    b->stream_from[0] = '\0';
    for (size_t i = 0; r->kind == REDIS_ARRAY && i < r->n; i++) {
        struct slice id = store_item(r->items[i], 0);
        stream_entry(b, buf_view(&key), r->items[i]);
        snprintf(b->stream_from, sizeof b->stream_from, "(%.*s", (int)id.n, id.p);
    }
    buf_clear(&key);
    step(b, backup_page_work, stream_written);
}

static void stream_read(struct backup *b)
{
    struct buf key;
    buf_init(&key, 256);
    struct slice argv[] = {SLICE("XRANGE"),
                           stream_key(b, &key, b->at_audit ? "audit" : "seals"),
                           slice_str(b->stream_from),
                           SLICE("+"),
                           SLICE("COUNT"),
                           SLICE(STREAM_PAGE)};
    send(b, stream_got, b, 6, argv);
    buf_clear(&key);
}

static void stream_next(struct backup *b)
{
    if (b->at == b->ops_n) {
        files_begin(b);
        return;
    }
    memcpy(b->stream_from, "-", 2);
    stream_read(b);
}

static void streams_begin(struct backup *b)
{
    b->at = 0;
    b->at_audit = false;
    stream_next(b);
}

/* ---- files ---- */

static void keys_begin(struct backup *b);

static void files_begin(struct backup *b)
{
    step(b, backup_files_work, keys_begin);
}

/* ---- keys ---- */

static void keys_begin(struct backup *b)
{
    b->of_keys = true;
    memcpy(b->cursor, "0", 2);
    scan(b);
}

static void all_written(struct backup *b)
{
    log_event(LOG_INFO, "backup.done", log_int("threads", (int64_t)b->threads),
              log_int("files", (int64_t)b->blobs_n));
    end(b);
}

static void masters_begin(struct backup *b)
{
    step(b, backup_masters_work, all_written);
}

/* ---- the beginning ---- */

static void noted(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct backup *b = arg;
    (void)r;
    if (failed(b, e))
        end(b);
    else
        scan(b);
}

/* From now on an erasure has to say how long this backup may still hold a key. */
static void note_key_backup(struct backup *b)
{
    struct buf key;
    char now[24];
    buf_init(&key, 256);
    snprintf(now, sizeof now, "%lld", (long long)b->begun_ms);
    struct store_op *system = store_system(b->s);
    if (!system) {
        err_set(&b->e, ERR_UNAVAILABLE, "the store is not ready");
        end(b);
        return;
    }
    struct slice argv[] = {SLICE("HSET"), store_key(system, &key, "store", SLICE("")), SLICE("key_backup"),
                           slice_str(now)};
    store_data_send(system, noted, b, 4, argv);
    buf_clear(&key);
}

static void add_op(struct backup *b, const char *name)
{
    b->ops = mem_realloc(b->ops, (b->ops_n + 1) * sizeof *b->ops);
    b->ops[b->ops_n++] = (struct backup_op){.name = mem_strdup(name)};
}

static void refuse(void *arg)
{
    end(arg);
}

void store_backup(struct store *s, const char *dir,
                  void (*done)(void *arg, const struct err *e, struct slice manifest_json), void *arg)
{
    struct backup *b = mem_alloc(sizeof *b);
    struct store_op *system = store_system(s);
    b->s = s;
    b->dir = mem_strdup(dir);
    b->done = done;
    b->arg = arg;
    b->blobs = blobs_of(s);
    b->begun_ms = store_now_ms(s);
    memcpy(b->cursor, "0", 2);
    buf_init(&b->out, BACKUP_BATCH);
    buf_init(&b->manifest, 1u << 20);
    if (!system || !b->blobs || strlen(dir) > PATH_ROOM - 100) {
        err_set(&b->e, ERR_UNAVAILABLE, "the store is not ready");
        loop_defer(store_loop(s), refuse, b);
        return;
    }
    add_op(b, store_op_name(system));
    struct store_op *op;
    for (size_t i = 0; (op = store_op_at(s, i)); i++)
        add_op(b, store_op_name(op));
    step(b, backup_begin_work, note_key_backup);
}
