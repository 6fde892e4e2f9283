/* SPDX-License-Identifier: Apache-2.0
 * Files: put, claim, read, remove. Sealing and disk are the business of the loop's threads. */
#include "gateway/base/json.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/blob_dir.h"
#include "store/blob_internal.h"
#include "store/pieces.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define BLOB_MAX   (100u << 20)
#define READ_MAX   (1u << 20)
#define RECORD_MAX 8192
#define IDS_MAX    90 /* of one call */
#define AGAIN_MS   2000
#define BLOB_BLOCK 0

/* ---- the backend and its jobs ---- */

struct blobs *blobs_of(const struct store *s)
{
    struct store_op *system = store_system(s);
    return system && system->side ? system->side->blobs : NULL;
}

static void blobs_unref(struct blobs *b)
{
    if (--b->refs)
        return;
    blob_dir_free(&b->ctx);
    mem_free(b);
}

struct work {
    struct blobs *b;
    void (*work)(struct blobs *b, void *arg);
    void (*done)(void *arg, bool closed);
    void *arg;
};

static void work_run(void *arg)
{
    struct work *w = arg;
    w->work(w->b, w->arg);
}

static void work_done(void *arg)
{
    struct work *w = arg;
    w->done(w->arg, w->b->closed);
    blobs_unref(w->b);
    mem_free(w);
}

void blobs_work(struct blobs *b, void (*fn)(struct blobs *b, void *arg), void (*done)(void *arg, bool closed),
                void *arg)
{
    struct work *w = mem_alloc(sizeof *w);
    w->b = b;
    w->work = fn;
    w->done = done;
    w->arg = arg;
    b->refs++;
    loop_work(b->loop, work_run, work_done, w);
}

void blob_name(char out[BLOB_NAME], const struct store_op *op, const char *blob)
{
    snprintf(out, BLOB_NAME, "%s/%s", store_op_name(op), blob);
}

/* ---- one job ---- */

struct blob_job {
    struct store_op *op;
    char name[BLOB_NAME]; /* of the file; "operation/" and 26 letters */
    unsigned char key[GCM_KEY];
    struct buf bytes; /* plain, then sealed; or what was read */
    char *type, *label;
    unsigned char owner[16];
    uint64_t size, offset;
    size_t n;
    struct err e;
    char *list; /* ids to be removed */
    struct slice rest;
    void (*put)(void *arg, const struct err *e, const char *blob);
    store_text_done text;
    void (*got)(void *arg, const struct err *e, struct slice bytes);
    store_done done;
    void *arg;
};

static struct blob_job *job_new(struct store_op *op, void *arg)
{
    struct blob_job *j = mem_alloc(sizeof *j);
    j->op = op;
    j->arg = arg;
    buf_init(&j->bytes, BLOB_MAX + (BLOB_MAX >> 10) + 65536);
    return j;
}

static const char *job_id(const struct blob_job *j)
{
    return strrchr(j->name, '/') + 1;
}

static void job_end(struct blob_job *j, struct slice text)
{
    if (j->put)
        j->put(j->arg, &j->e, j->e.code ? NULL : job_id(j));
    if (j->text)
        j->text(j->arg, &j->e, j->e.code ? (struct slice){0} : text);
    if (j->got)
        j->got(j->arg, &j->e, j->e.code ? (struct slice){0} : text);
    if (j->done)
        j->done(j->arg, &j->e);
    mem_wipe(j->key, sizeof j->key);
    buf_clear(&j->bytes);
    mem_free(j->type);
    mem_free(j->label);
    mem_free(j->list);
    mem_free(j);
}

static void end_later(void *arg)
{
    job_end(arg, (struct slice){0});
}

static void refuse(struct blob_job *j, enum err_code code, const char *text)
{
    err_set(&j->e, code, "%s", text);
    loop_defer(store_loop(j->op->store), end_later, j);
}

static void finished(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct blob_job *j = arg;
    (void)r;
    j->e = *e;
    job_end(j, (struct slice){0});
}

/* ---- put ---- */

static void put_work(struct blobs *b, void *arg)
{
    struct blob_job *j = arg;
    struct buf sealed;
    buf_init(&sealed, j->bytes.max);
    if (pieces_seal(j->key, slice_str(j->name), buf_view(&j->bytes), &sealed) != 0)
        err_set(&j->e, ERR_TOO_LARGE, "the file is too large");
    else
        b->backend->put(b->ctx, j->name, sealed.p, sealed.n, &j->e);
    buf_clear(&sealed);
}

/* {"id","type","name","size","key"}: what an attachment is to the store. */
static void record_json(const struct blob_job *j, struct buf *out)
{
    char key[64];
    text_base64(key, j->key, sizeof j->key);
    buf_printf(out, "{\"id\":\"%s\",\"type\":", job_id(j));
    buf_json_str(out, slice_str(j->type));
    buf_str(out, ",\"name\":");
    buf_json_str(out, slice_str(j->label));
    buf_printf(out, ",\"size\":%llu,\"key\":\"%s\"}", (unsigned long long)j->size, key);
    mem_wipe(key, sizeof key);
}

static void put_worked(void *arg, bool closed)
{
    struct blob_job *j = arg;
    if (closed)
        err_set(&j->e, ERR_CANCELLED, "the store is closing");
    if (j->e.code) {
        job_end(j, (struct slice){0});
        return;
    }
    struct store_args a;
    struct buf plain, sealed;
    buf_init(&plain, RECORD_MAX);
    buf_init(&sealed, 2 * RECORD_MAX);
    record_json(j, &plain);
    keys_seal_own(j->op, KEYS_STAFF, "blob", slice_str(job_id(j)), buf_view(&plain), &sealed);
    store_args_init(&a);
    store_arg_str(&a, job_id(j));
    store_arg_copy(&a, j->owner, sizeof j->owner);
    store_arg(&a, buf_view(&sealed));
    store_call(j->op, "blob_put", &a, finished, j);
    mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
    buf_clear(&sealed);
}

void store_blob_put(struct store_op *op, struct slice bytes, struct slice type, struct slice name,
                    struct slice owner, void (*done)(void *arg, const struct err *e, const char *blob),
                    void *arg)
{
    struct blob_job *j = job_new(op, arg);
    struct blobs *b = blobs_of(op->store);
    j->put = done;
    if (!b)
        refuse(j, ERR_UNAVAILABLE, "the store is not ready");
    else if (bytes.n > BLOB_MAX || type.n > 255 || name.n > 2000)
        refuse(j, ERR_TOO_LARGE, "the file, its name or its type is too large");
    else if (!text_valid(type, NULL) || !text_valid(name, NULL))
        refuse(j, ERR_INVALID, "the file's name or type is no text");
    else {
        blob_name(j->name, op, id_new().s);
        text_random(j->key, sizeof j->key);
        buf_slice(&j->bytes, bytes);
        j->type = slice_dup(type);
        j->label = slice_dup(name);
        j->size = bytes.n;
        store_blind(op, "blob owner", owner, j->owner);
        blobs_work(b, put_work, put_worked, j);
    }
}

/* ---- claim ---- */

static void claimed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct blob_job *j = arg;
    struct buf plain;
    buf_init(&plain, RECORD_MAX);
    j->e = *e;
    if (e->code == 0 &&
        keys_open_own(j->op, KEYS_STAFF, "blob", slice_str(job_id(j)), store_text(r), &plain) != 0)
        err_set(&j->e, ERR_CORRUPT, "a file's record does not decrypt");
    job_end(j, buf_view(&plain));
    if (plain.p)
        mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
}

void store_blob_claim(struct store_op *op, const char *blob, struct slice owner, store_text_done done,
                      void *arg)
{
    struct blob_job *j = job_new(op, arg);
    struct store_args a;
    j->text = done;
    if (!id_valid(slice_str(blob))) {
        refuse(j, ERR_NOT_FOUND, "no such file");
        return;
    }
    blob_name(j->name, op, blob);
    store_blind(op, "blob owner", owner, j->owner);
    store_args_init(&a);
    store_arg_str(&a, blob);
    store_arg_copy(&a, j->owner, sizeof j->owner);
    store_call(op, "blob_claim", &a, claimed, j);
}

/* ---- read ---- */

static void get_work(struct blobs *b, void *arg)
{
    struct blob_job *j = arg;
    struct buf file;
    uint64_t at;
    size_t n;
    if (!pieces_range(j->size, j->offset, &j->n, &at, &n)) {
        err_set(&j->e, ERR_INVALID, "the range is behind the file's end");
        return;
    }
    buf_init(&file, n + 1);
    if (b->backend->get(b->ctx, j->name, at, n, &file, &j->e) == 0)
        pieces_open(j->key, slice_str(j->name), j->size, j->offset, j->n, buf_view(&file), &j->bytes, &j->e);
    buf_clear(&file);
}

static void get_worked(void *arg, bool closed)
{
    struct blob_job *j = arg;
    if (closed)
        err_set(&j->e, ERR_CANCELLED, "the store is closing");
    job_end(j, buf_view(&j->bytes));
}

static bool attachment_read(struct blob_job *j, struct slice attachment)
{
    json_t *o = json_parse(attachment, 8, NULL);
    struct slice id = json_opt_str(o, "id"), key = json_opt_str(o, "key");
    unsigned char raw[48];
    int64_t size = json_opt_int(o, "size", -1);
    bool good = id_valid(id) && size >= 0 && key.n < 60 && text_unbase64(raw, sizeof raw, key) == GCM_KEY;
    if (good) {
        char text[ID_LEN + 1];
        snprintf(text, sizeof text, "%.*s", (int)id.n, id.p);
        blob_name(j->name, j->op, text);
        memcpy(j->key, raw, GCM_KEY);
        j->size = (uint64_t)size;
    }
    mem_wipe(raw, sizeof raw);
    json_decref(o);
    return good;
}

void store_blob_get(struct store_op *op, struct slice attachment, uint64_t offset, size_t n,
                    void (*done)(void *arg, const struct err *e, struct slice bytes), void *arg)
{
    struct blob_job *j = job_new(op, arg);
    struct blobs *b = blobs_of(op->store);
    j->got = done;
    j->offset = offset;
    j->n = n;
    if (!b)
        refuse(j, ERR_UNAVAILABLE, "the store is not ready");
    else if (n > READ_MAX)
        refuse(j, ERR_TOO_LARGE, "at most 1 MiB of a file at once");
    else if (!attachment_read(j, attachment))
        refuse(j, ERR_NOT_FOUND, "there is no file");
    else
        blobs_work(b, get_work, get_worked, j);
}

int store_blob_public(struct slice extra, struct buf *out)
{
    json_t *o = extra.n ? json_parse(extra, JSON_DEPTH_DEFAULT, NULL) : NULL;
    json_t *list = json_object_get(o, "attachments"), *one;
    size_t i;
    if (!o)
        return extra.n ? -ERR_INVALID : 0;
    json_array_foreach(list, i, one) json_object_del(one, "key");
    int rc = json_write(o, out);
    json_decref(o);
    return rc;
}

/* ---- remove ---- */

static void remove_work(struct blobs *b, void *arg)
{
    struct blob_job *j = arg;
    struct slice rest = slice_str(j->list), id;
    while (j->e.code == 0 && slice_next(&rest, ' ', &id)) {
        char name[BLOB_NAME], text[ID_LEN + 1];
        if (!id_valid(id))
            continue;
        snprintf(text, sizeof text, "%.*s", (int)id.n, id.p);
        blob_name(name, j->op, text);
        b->backend->remove(b->ctx, name, &j->e);
    }
}

static void forgot(void *arg, const struct err *e, const struct redis_reply *r);

static void forget_next(struct blob_job *j)
{
    struct store_args a;
    struct slice id;
    store_args_init(&a);
    while (a.n < IDS_MAX && slice_next(&j->rest, ' ', &id))
        if (id_valid(id))
            store_arg(&a, id);
    store_call(j->op, "blob_forget", &a, forgot, j);
}

static void forgot(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct blob_job *j = arg;
    (void)r;
    j->e = *e;
    if (e->code == 0 && j->rest.n)
        forget_next(j);
    else
        job_end(j, (struct slice){0});
}

/* Files first: an id that is still known is tried again; a file that nobody knows would stay until the sweep.
 */
static void remove_worked(void *arg, bool closed)
{
    struct blob_job *j = arg;
    if (closed)
        err_set(&j->e, ERR_CANCELLED, "the store is closing");
    j->rest = slice_str(j->list);
    if (j->e.code)
        job_end(j, (struct slice){0});
    else
        forget_next(j);
}

void blobs_remove(struct store_op *op, const char *ids, store_done done, void *arg)
{
    struct blob_job *j = job_new(op, arg);
    struct blobs *b = blobs_of(op->store);
    j->done = done;
    j->list = mem_strdup(ids);
    if (b)
        blobs_work(b, remove_work, remove_worked, j);
    else
        refuse(j, ERR_UNAVAILABLE, "the store is not ready");
}

void store_blob_remove(struct store_op *op, const char *blob, store_done done, void *arg)
{
    blobs_remove(op, blob, done, arg);
}

/* ---- opening: the mark of the shared directory ---- */

static void mark_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct store_op *op = arg;
    struct blobs *b = op->side ? op->side->blobs : NULL;
    (void)r;
    if (!b || e->code == ERR_CANCELLED)
        return;
    store_block(op->store, BLOB_BLOCK, e->code ? e->text : NULL);
    if (!e->code)
        return;
    log_event(LOG_ERROR, "blobs.unusable", log_err(e));
    timer_start(b->again, AGAIN_MS); /* somebody may mount it meanwhile */
}

/* r: {id, "1" once a node has written the mark}. */
static void mark_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct store_op *op = arg;
    struct err own = *e;
    char id[64] = "";
    if (e->code == 0) {
        snprintf(id, sizeof id, "%.*s", (int)store_item(r, 0).n, store_item(r, 0).p);
        blob_dir_mark(store_dir(op->store), id, !slice_is(store_item(r, 1), "1"), &own);
    }
    if (own.code) {
        mark_done(op, &own, NULL);
        return;
    }
    struct store_args a;
    store_args_init(&a);
    store_arg_str(&a, id);
    store_call(op, "blobs_marked", &a, mark_done, op);
}

static void mark(void *arg)
{
    struct store_op *op = arg;
    struct store_args a;
    store_args_init(&a);
    store_arg_str(&a, id_new().s);
    store_call(op, "blobs_mark", &a, mark_read, op);
}

void blob_open(struct store_op *op)
{
    struct err e = {0};
    void *ctx = blob_dir_new(store_dir(op->store), &e);
    store_block(op->store, BLOB_BLOCK, ctx ? "the data directory is being looked at" : e.text);
    if (!ctx)
        return;
    struct blobs *b = op->side->blobs = mem_alloc(sizeof *b);
    b->backend = &blob_dir_backend;
    b->ctx = ctx;
    b->refs = 1;
    b->loop = store_loop(op->store);
    b->again = timer_new(b->loop, mark, op);
    mark(op);
}

void blob_close(struct side *s)
{
    struct blobs *b = s->blobs;
    if (!b)
        return;
    s->blobs = NULL;
    b->closed = true;
    timer_free(&b->again);
    blobs_unref(b);
}
