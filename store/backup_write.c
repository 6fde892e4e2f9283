/* SPDX-License-Identifier: Apache-2.0
 * Writing a backup's files, on a thread: the records that were collected, the store's files, master keys, the
 * manifest. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/admin_internal.h"
#include "store/backup_internal.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_ROOM 4096

static void path_of(const struct backup *b, const char *name, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s/%s", b->dir, name);
}

void backup_begin_work(struct backup *b, struct blobs *blobs)
{
    char path[PATH_ROOM];
    struct buf head;
    (void)blobs;
    if (recovery_public_read(store_dir(b->s), b->public_half, &b->e) != 0) {
        err_prefix(&b->e, "a backup needs keys/recovery.pub");
        return;
    }
    if (mkdir(b->dir, 0700) != 0) {
        err_set(&b->e, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "cannot make the backup's folder: %s",
                strerror(errno));
        return;
    }
    path_of(b, BACKUP_DATA, path);
    b->data = sealed_create(path, "data", b->public_half, &b->e);
    path_of(b, BACKUP_KEYS, path);
    b->keys = b->data ? sealed_create(path, "keys", b->public_half, &b->e) : NULL;
    if (!b->keys)
        return;
    buf_init(&head, 256);
    buf_printf(&head, "{\"version\":1,\"schema\":%d,\"created_ms\":%lld}", STORE_SCHEMA,
               (long long)b->begun_ms);
    if (sealed_add(b->data, 'h', buf_view(&head), &b->e) == 0)
        sealed_add(b->keys, 'h', buf_view(&head), &b->e);
    buf_clear(&head);
}

void backup_page_work(struct backup *b, struct blobs *blobs)
{
    (void)blobs;
    if (b->out.err)
        err_set(&b->e, ERR_TOO_LARGE, "a page of keys is too large for a backup");
    else if (b->out.n)
        sealed_add(b->of_keys ? b->keys : b->data, 'c', buf_view(&b->out), &b->e);
    buf_clear(&b->out);
}

/* ---- files ---- */

struct file_walk {
    struct backup *b;
    struct blobs *blobs;
};

/* A file that goes while it is copied was erased: it need not be in the backup. */
static void one_file(void *arg, const char *name, int64_t modified_ms)
{
    struct file_walk *w = arg;
    struct backup *b = w->b;
    struct err gone = {0};
    struct buf bytes, record;
    uint64_t size, at = 0;
    (void)modified_ms;
    if (b->e.code || w->blobs->backend->size(w->blobs->ctx, name, &size, &gone) != 0)
        return;
    buf_init(&bytes, BACKUP_CHUNK + 1);
    buf_init(&record, 2 * BACKUP_CHUNK);
    while (at < size && b->e.code == 0 && gone.code == 0) {
        buf_reset(&bytes);
        buf_reset(&record);
        if (w->blobs->backend->get(w->blobs->ctx, name, at, BACKUP_CHUNK, &bytes, &gone) != 0 || bytes.n == 0)
            break;
        part_put(&record, slice_str(name));
        part_number(&record, size);
        part_number(&record, at);
        part_put(&record, buf_view(&bytes));
        sealed_add(b->data, 'b', buf_view(&record), &b->e);
        at += bytes.n;
    }
    if (at == size) {
        b->blobs_n++;
        b->blob_bytes += size;
    } else if (gone.code && gone.code != ERR_NOT_FOUND && !b->e.code) {
        b->e = gone;
    }
    buf_clear(&bytes);
    buf_clear(&record);
}

static void data_manifest(struct backup *b, struct buf *m)
{
    buf_printf(m,
               "{\"version\":1,\"created_ms\":%lld,\"threads\":%llu,\"contacts\":%llu,\"others\":%llu,"
               "\"files\":%llu,"
               "\"file_bytes\":%llu,\"operations\":{",
               (long long)b->begun_ms, (unsigned long long)b->threads, (unsigned long long)b->contacts,
               (unsigned long long)b->others, (unsigned long long)b->blobs_n,
               (unsigned long long)b->blob_bytes);
    for (size_t i = 0; i < b->ops_n; i++)
        buf_printf(m, "%s\"%s\":{\"seals\":%llu,\"lines\":%llu,\"root\":\"%s\"}", i ? "," : "",
                   b->ops[i].name, (unsigned long long)b->ops[i].seals, (unsigned long long)b->ops[i].lines,
                   b->ops[i].root);
    buf_str(m, "}");
}

void backup_files_work(struct backup *b, struct blobs *blobs)
{
    struct file_walk w = {b, blobs};
    struct buf last;
    backup_page_work(b, blobs); /* what the streams left */
    if (b->e.code == 0)
        blobs->backend->each(blobs->ctx, one_file, &w, &b->e);
    if (b->e.code)
        return;
    buf_init(&last, 1u << 20);
    data_manifest(b, &last);
    buf_char(&last, '}');
    sealed_finish(&b->data, buf_view(&last), b->data_sha, &b->e);
    buf_clear(&last);
}

/* ---- keys ---- */

/* A rotation that is under way has two: "demo.master" and "demo.master.new". False: it went away meanwhile.
 */
static bool one_master(struct backup *b, const char *name)
{
    char path[PATH_ROOM], text[256];
    if (!backup_master_name(slice_str(name)))
        return true;
    snprintf(path, sizeof path, "%s/keys/%s", store_dir(b->s), name);
    FILE *f = fopen(path, "re");
    if (!f && errno == ENOENT)
        return false;
    if (!f) {
        err_set(&b->e, ERR_IO, "cannot read a master key: %s", strerror(errno));
        return true;
    }
    size_t got = fread(text, 1, sizeof text, f);
    struct buf record;
    fclose(f);
    buf_init(&record, 1024);
    part_put(&record, slice_str(name));
    part_put(&record, slice_of(text, got));
    sealed_add(b->keys, 'm', buf_view(&record), &b->e);
    b->masters++;
    mem_wipe(text, sizeof text);
    mem_wipe(record.p, record.n);
    buf_clear(&record);
    return true;
}

/* False: begin again, since a rotation has renamed a file and the new key may have been missed. */
static bool all_masters(struct backup *b)
{
    char path[PATH_ROOM];
    bool whole = true;
    b->masters = 0;
    snprintf(path, sizeof path, "%s/keys", store_dir(b->s));
    DIR *dir = opendir(path);
    if (!dir)
        err_set(&b->e, ERR_IO, "cannot read the folder of the keys: %s", strerror(errno));
    for (struct dirent *en; dir && whole && b->e.code == 0 && (en = readdir(dir));)
        whole = one_master(b, en->d_name);
    if (dir)
        closedir(dir);
    return whole;
}

static void write_manifest(struct backup *b)
{
    char path[PATH_ROOM], hex[65];
    text_hex(hex, b->keys_sha, 32);
    buf_drop_back(&b->manifest, 1);
    buf_printf(&b->manifest, ",\"keys_sha256\":\"%s\"}", hex);
    path_of(b, BACKUP_MANIFEST, path);
    recovery_write_file(path, buf_view(&b->manifest), &b->e);
}

void backup_masters_work(struct backup *b, struct blobs *blobs)
{
    char hex[65];
    (void)blobs;
    for (int i = 0; i < 10 && !all_masters(b); i++)
        ; /* what was read twice is put back twice, the newer one last */
    if (b->e.code)
        return;
    text_hex(hex, b->data_sha, 32);
    data_manifest(b, &b->manifest);
    buf_printf(&b->manifest,
               ",\"keys\":%llu,\"master_keys\":%llu,\"keys_expire_ms\":%lld,\"data_sha256\":\"%s\"}",
               (unsigned long long)b->key_records, (unsigned long long)b->masters,
               (long long)(b->begun_ms + ADMIN_KEY_BACKUP_MS), hex);
    if (sealed_finish(&b->keys, buf_view(&b->manifest), b->keys_sha, &b->e) == 0)
        write_manifest(b);
}
