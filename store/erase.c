/* SPDX-License-Identifier: Apache-2.0
 * Erasing a person. In this order, so that what is interrupted can be begun again: addresses, profile and
 * words; the files of every thread; the ledger in both servers; the key; the key store's file. The record
 * `erasing` stays until all of it is done. */
#include "store/admin_internal.h"
#include "gateway/base/json.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/blob_internal.h"
#include "store/link.h"
#include "store/rewrite.h"
#include "store/side.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE         500
#define THREADS_MOST 50 /* as many as a contact's record names */
#define BLOBS_MAX    (1u << 20)

struct erase {
    struct store_op *op;
    struct id id;
    uint64_t contact;
    uint32_t kid;
    char *actor;
    uint64_t *threads;
    size_t threads_n, at;
    char cursor[24];
    uint64_t seq, last; /* of the thread whose files are looked for */
    struct buf blobs;   /* their ids */
    char line[256];     /* of the ledger's file */
    struct err e;
    bool keep_file; /* the caller rewrites the key store's file itself */
    void (*done)(void *arg, const struct err *e, int64_t key_backups_expire_ms);
    void *arg;
};

static void end(struct erase *x, const struct err *e, int64_t expires)
{
    x->done(x->arg, e, expires);
    buf_clear(&x->blobs);
    mem_free(x->threads);
    mem_free(x->actor);
    mem_free(x);
}

static bool failed(struct erase *x, const struct err *e)
{
    if (e->code)
        end(x, e, 0);
    return e->code != 0;
}

/* ---- the end: key, file, record ---- */

static void expiry_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    if (failed(x, e))
        return;
    int64_t last = store_number(r);
    int64_t now = store_now_ms(x->op->store);
    end(x, e, last ? last + ADMIN_KEY_BACKUP_MS : now);
}

static void recorded(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    struct buf key;
    (void)r;
    if (failed(x, e))
        return;
    struct store_op *system = store_system(x->op->store);
    buf_init(&key, 256);
    struct slice argv[] = {SLICE("HGET"), store_key(system, &key, "store", SLICE("")), SLICE("key_backup")};
    store_data_send(system, expiry_read, x, 3, argv);
    buf_clear(&key);
}

static void rewritten(void *arg, const struct err *e)
{
    struct erase *x = arg;
    struct store_args a;
    if (failed(x, e))
        return;
    store_args_init(&a);
    store_arg_handle(&a, x->contact);
    store_arg_str(&a, x->actor);
    store_call(x->op, "erase_done", &a, recorded, x);
}

static void told(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    (void)r;
    if (failed(x, e))
        return;
    if (x->keep_file)
        rewritten(x, e);
    else
        rewrite_keys(x->op->store, rewritten, x);
}

static void destroyed(void *arg, const struct err *e)
{
    struct erase *x = arg;
    struct store_args a;
    if (failed(x, e))
        return;
    store_args_init(&a);
    store_arg_handle(&a, x->contact);
    store_arg_int(&a, x->kid);
    store_arg_str(&a, x->actor);
    store_call(x->op, "erase_keyless", &a, told, x);
}

static void line_work(struct blobs *b, void *arg)
{
    struct erase *x = arg;
    char path[4096];
    (void)b;
    snprintf(path, sizeof path, "%s/%s", store_dir(x->op->store), ADMIN_LEDGER_FILE);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    size_t n = strlen(x->line);
    bool good = fd >= 0 && write(fd, x->line, n) == (ssize_t)n && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (!good)
        err_set(&x->e, ERR_IO, "cannot write the erasure ledger: %s", strerror(errno));
}

static void line_written(void *arg, bool closed)
{
    struct erase *x = arg;
    if (closed)
        err_set(&x->e, ERR_CANCELLED, "the store is closing");
    if (!failed(x, &x->e))
        keys_destroy(x->op, x->kid, destroyed, x);
}

/* A third place, for the day on which both servers are lost: a file. */
static void ledger_kept(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    (void)r;
    if (failed(x, e))
        return;
    struct blobs *b = blobs_of(x->op->store);
    if (b)
        blobs_work(b, line_work, line_written, x);
    else
        failed(x, &(struct err){ERR_UNAVAILABLE, "the store is not ready"});
}

/* The line that Redis has now, also if an earlier attempt wrote it, goes to the key store as well. */
static void ledger_written(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    struct buf key;
    char kid[16];
    if (failed(x, e))
        return;
    buf_init(&key, 256);
    snprintf(kid, sizeof kid, "%u", x->kid);
    snprintf(x->line, sizeof x->line, "%s %s %.*s\n", store_op_name(x->op), kid, (int)store_text(r).n,
             store_text(r).p);
    struct slice argv[] = {SLICE("HSET"), store_key(x->op, &key, "ledger", SLICE("")), slice_str(kid),
                           store_text(r)};
    store_keys_send(x->op, ledger_kept, x, 4, argv);
    buf_clear(&key);
}

static void write_ledger(struct erase *x)
{
    struct store_args a;
    unsigned char hash[32];
    char hex[33];
    crypto_sha256(slice_str(x->id.s), hash);
    text_hex(hex, hash, 16);
    store_args_init(&a);
    store_arg_int(&a, x->kid);
    store_arg_str(&a, hex);
    store_call(x->op, "erase_ledger", &a, ledger_written, x);
}

/* ---- the files and leftovers of each thread ---- */

static void next_thread(struct erase *x);

static void thread_forgotten(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    (void)r;
    if (failed(x, e))
        return;
    x->at++;
    next_thread(x);
}

static void files_removed(void *arg, const struct err *e)
{
    struct erase *x = arg;
    struct store_args a;
    if (failed(x, e))
        return;
    store_args_init(&a);
    store_arg_handle(&a, x->threads[x->at]);
    store_arg_str(&a, x->actor);
    store_call(x->op, "erase_thread", &a, thread_forgotten, x);
}

void admin_blobs_of(struct slice extra, struct buf *ids)
{
    json_t *o = extra.n ? json_parse(extra, JSON_DEPTH_DEFAULT, NULL) : NULL;
    json_t *list = json_object_get(o, "attachments"), *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        struct slice id = json_opt_str(one, "id");
        if (!id_valid(id))
            continue;
        if (ids->n)
            buf_char(ids, ' ');
        buf_slice(ids, id);
    }
    json_decref(o);
}

static void next_page(struct erase *x);

static void page_read(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct erase *x = arg;
    if (failed(x, e))
        return;
    for (size_t i = 0; i < n; i++)
        admin_blobs_of(entries[i].extra, &x->blobs);
    x->seq += PAGE;
    if (x->blobs.err) { /* a million bytes of ids: the sweep finds the rest */
        x->blobs.err = 0;
        log_event(LOG_WARN, "erase.many_files", log_int("bytes", (int64_t)x->blobs.n));
    }
    next_page(x);
}

static void next_page(struct erase *x)
{
    if (x->seq <= x->last) {
        store_entries_get(x->op, store_id_of(x->op, x->threads[x->at], STORE_SEQ_THREAD), x->seq,
                          x->seq + PAGE - 1, page_read, x);
        return;
    }
    if (x->blobs.n) {
        blobs_remove(x->op, x->blobs.p, files_removed, x);
        return;
    }
    files_removed(x, &(struct err){0});
}

static void length_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    if (failed(x, e))
        return;
    x->seq = 1;
    x->last = (uint64_t)store_number(r);
    buf_reset(&x->blobs);
    next_page(x);
}

static void next_thread(struct erase *x)
{
    struct buf key;
    char raw[STORE_HANDLE];
    if (x->at == x->threads_n) {
        write_ledger(x);
        return;
    }
    buf_init(&key, 256);
    store_handle_put(raw, x->threads[x->at]);
    struct slice argv[] = {SLICE("HGET"), store_key(x->op, &key, "thread:", slice_of(raw, sizeof raw)),
                           SLICE("n")};
    store_data_send(x->op, length_read, x, 3, argv);
    buf_clear(&key);
}

/* ---- the beginning ---- */

static void add_thread(struct erase *x, struct slice raw)
{
    uint64_t handle = store_handle_get(raw);
    for (size_t i = 0; i < x->threads_n; i++)
        if (x->threads[i] == handle)
            return;
    if (!handle)
        return;
    x->threads = mem_realloc(x->threads, (x->threads_n + 1) * sizeof *x->threads);
    x->threads[x->threads_n++] = handle;
}

static void scan(struct erase *x);

static void scanned(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    if (failed(x, e))
        return;
    for (size_t i = 1; i < r->n; i++)
        add_thread(x, store_item(r, i));
    struct slice cursor = store_item(r, 0);
    snprintf(x->cursor, sizeof x->cursor, "%.*s", (int)cursor.n, cursor.p);
    if (strcmp(x->cursor, "0") == 0)
        next_thread(x);
    else
        scan(x);
}

static void scan(struct erase *x)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, x->contact);
    store_arg_str(&a, x->cursor);
    store_call(x->op, "erase_scan", &a, scanned, x);
}

static void begun(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct erase *x = arg;
    if (failed(x, e))
        return;
    x->kid = r->n ? (uint32_t)store_number(r->items[0]) : 0;
    for (size_t i = 1; i < r->n; i++)
        add_thread(x, store_item(r, i));
    if (x->threads_n < THREADS_MOST)
        next_thread(x);
    else
        scan(x);
}

void admin_erase(struct store_op *op, uint64_t contact, const char *actor, bool keep_file,
                 void (*done)(void *arg, const struct err *e, int64_t key_backups_expire_ms), void *arg)
{
    struct erase *x = mem_alloc(sizeof *x);
    struct store_args a;
    x->op = op;
    x->contact = contact;
    x->id = store_id_of(op, contact, STORE_SEQ_CONTACT);
    x->actor = mem_strdup(actor && *actor ? actor : "system");
    x->keep_file = keep_file;
    x->done = done;
    x->arg = arg;
    memcpy(x->cursor, "0", 2);
    buf_init(&x->blobs, BLOBS_MAX);
    store_args_init(&a);
    store_arg_handle(&a, contact);
    store_arg_str(&a, x->actor);
    store_call(op, "erase_begin", &a, begun, x);
}

/* ---- a person: all contacts that were merged, the one asked for last, so that it can be asked for again
 * ---- */

struct erase_person {
    struct store_op *op;
    char *actor;
    uint64_t contacts[LINK_PERSON_MOST];
    size_t left;
    void (*done)(void *arg, const struct err *e, int64_t key_backups_expire_ms);
    void *arg;
};

static void person_next(void *arg, const struct err *e, int64_t expires)
{
    struct erase_person *p = arg;
    if (!e->code && p->left) {
        p->left--;
        admin_erase(p->op, p->contacts[p->left], p->actor, p->left > 0, person_next, p);
        return;
    }
    p->done(p->arg, e, expires);
    mem_free(p->actor);
    mem_free(p);
}

static void person_known(void *arg, const struct err *e, const uint64_t *contacts, size_t n)
{
    struct erase_person *p = arg;
    p->left = n;
    if (n)
        memcpy(p->contacts, contacts, n * sizeof *contacts);
    person_next(p, e, 0);
}

static void no_contact(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    end(arg, e, 0);
}

void store_erase(struct store_op *op, struct id contact, const char *actor,
                 void (*done)(void *arg, const struct err *e, int64_t key_backups_expire_ms), void *arg)
{
    uint64_t handle;
    if (store_contact_handle(op, contact, &handle)) {
        struct erase_person *p = mem_alloc(sizeof *p);
        *p = (struct erase_person){
            .op = op, .actor = mem_strdup(actor ? actor : ""), .done = done, .arg = arg};
        link_person(op, handle, person_known, p);
        return;
    }
    struct erase *x = mem_alloc(sizeof *x);
    x->op = op;
    x->done = done;
    x->arg = arg;
    buf_init(&x->blobs, 1);
    side_refuse(op, ERR_NOT_FOUND, "no such contact", no_contact, x);
}
