/* SPDX-License-Identifier: Apache-2.0
 * Reading a backup's files, on a thread. Nothing is written anywhere before both were read to their ends
 * once. */
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/restore_internal.h"
#include <stdio.h>
#include <string.h>

#define PATH_ROOM    4096
#define MANIFEST_MAX (1u << 20)

static const char *const commands[] = {"RESTORE", "HSET", "XADD", "XDEL"};

static void path_of(const struct restore *r, const char *name, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s/%s", r->dir, name);
}

/* ---- one record ---- */

static bool commands_good(struct slice rest)
{
    struct slice argv[COMMAND_MAX], op, key;
    size_t argc;
    bool good;
    while (command_get(&rest, argv, &argc, &good)) {
        bool known = false;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
            known = known || slice_is(argv[0], commands[i]);
        if (!known || !backup_key_parse(argv[1], &op, &key))
            return false;
    }
    return good;
}

static bool head_good(struct slice json, struct err *e)
{
    json_t *o = json_parse(json, 4, NULL);
    int64_t version = json_opt_int(o, "version", 0), schema = json_opt_int(o, "schema", 0);
    json_decref(o);
    if (version == 1 && schema == STORE_SCHEMA)
        return true;
    err_set(e, ERR_UNSUPPORTED, "the backup is of version %lld, schema %lld; this program reads 1 and %d",
            (long long)version, (long long)schema, STORE_SCHEMA);
    return false;
}

struct piece {
    struct slice name, bytes;
    uint64_t size, offset;
};

static bool piece_parse(struct slice rest, struct piece *p)
{
    return part_get(&rest, &p->name) && part_get_number(&rest, &p->size) &&
           part_get_number(&rest, &p->offset) && part_get(&rest, &p->bytes) && rest.n == 0 &&
           p->name.n < BLOB_NAME && p->offset + p->bytes.n <= p->size && p->bytes.n;
}

static bool master_parse(struct slice rest, struct slice *name, struct slice *text)
{
    return part_get(&rest, name) && part_get(&rest, text) && rest.n == 0 && backup_master_name(*name);
}

static bool record_good(char kind, struct slice record, struct err *e)
{
    struct piece p;
    struct slice a, b;
    bool good = kind == 0     ? record.n > 1
                : kind == 'h' ? head_good(record, e)
                : kind == 'c' ? commands_good(record)
                : kind == 'b' ? piece_parse(record, &p)
                : kind == 'm' ? master_parse(record, &a, &b)
                              : false;
    if (!good && e->code == 0)
        err_set(e, ERR_CORRUPT, "the backup holds a record that no backup has");
    return good;
}

/* ---- verifying ---- */

/* last: what its last record says. */
static int verify_file(struct restore *r, const char *name, const char *purpose, struct buf *last)
{
    char path[PATH_ROOM], kind = 1;
    struct slice record;
    path_of(r, name, path);
    struct sealed_reader *f = sealed_open(path, purpose, r->secret, &r->e);
    while (f && r->e.code == 0 && kind) {
        if (sealed_next(f, &kind, &record, &r->e) == 0 && record_good(kind, record, &r->e) && kind == 0)
            buf_slice(last, record);
    }
    sealed_close(&f);
    return -r->e.code;
}

static void sum(struct restore *r, const char *name, char hex[65])
{
    unsigned char sha[32];
    char path[PATH_ROOM];
    path_of(r, name, path);
    if (sealed_sha256(path, sha, &r->e) == 0)
        text_hex(hex, sha, 32);
}

static int read_manifest(struct restore *r)
{
    char path[PATH_ROOM];
    path_of(r, BACKUP_MANIFEST, path);
    FILE *f = fopen(path, "re");
    if (!f)
        return err_set(&r->e, ERR_NOT_FOUND, "the backup has no manifest.json");
    char *room = buf_reserve(&r->manifest, MANIFEST_MAX);
    buf_commit(&r->manifest, fread(room, 1, MANIFEST_MAX, f));
    fclose(f);
    return 0;
}

static void operations_of(struct restore *r)
{
    json_t *o = json_parse(buf_view(&r->manifest), 8, &r->e), *one;
    const char *name;
    json_object_foreach(json_object_get(o, "operations"), name, one)
    {
        struct slice root = json_opt_str(one, "root");
        r->ops = mem_realloc(r->ops, (r->ops_n + 1) * sizeof *r->ops);
        memset(&r->ops[r->ops_n], 0, sizeof *r->ops);
        r->ops[r->ops_n].name = mem_strdup(name);
        snprintf(r->ops[r->ops_n++].root, sizeof r->ops->root, "%.*s", (int)root.n, root.p ? root.p : "");
    }
    json_decref(o);
}

void restore_verify_work(struct restore *r, struct blobs *b)
{
    struct buf data_last, keys_last;
    char data_sum[65] = "", keys_sum[65] = "";
    (void)b;
    buf_init(&data_last, MANIFEST_MAX);
    buf_init(&keys_last, MANIFEST_MAX + 256);
    if (read_manifest(r) == 0 && verify_file(r, BACKUP_DATA, "data", &data_last) == 0 &&
        verify_file(r, BACKUP_KEYS, "keys", &keys_last) == 0) {
        sum(r, BACKUP_DATA, data_sum);
        sum(r, BACKUP_KEYS, keys_sum);
    }
    if (r->e.code == 0) {
        /* The manifest is what the sealed one says, and the sum of the file that seals it. */
        json_t *o = json_parse(buf_view(&keys_last), 8, NULL);
        bool good = slice_is(json_opt_str(o, "data_sha256"), data_sum);
        json_decref(o);
        buf_drop_back(&keys_last, 1);
        buf_printf(&keys_last, ",\"keys_sha256\":\"%s\"}", keys_sum);
        if (!good || !slice_eq(buf_view(&keys_last), buf_view(&r->manifest)))
            err_set(&r->e, ERR_CORRUPT, "the backup's files and its manifest do not belong together");
        else
            operations_of(r);
    }
    buf_clear(&data_last);
    buf_clear(&keys_last);
}

/* ---- reading again, to put it back ---- */

static void take_piece(struct restore *r, struct blobs *b, struct slice record)
{
    struct piece p;
    if (!piece_parse(record, &p))
        return;
    if (p.offset == 0) {
        buf_clear(&r->file);
        buf_init(&r->file, (size_t)p.size + 1);
        snprintf(r->file_name, sizeof r->file_name, "%.*s", (int)p.name.n, p.name.p);
    }
    if (p.offset != r->file.n || !slice_is(p.name, r->file_name))
        return; /* a file that went away while it was copied */
    buf_slice(&r->file, p.bytes);
    if (r->file.n < p.size)
        return;
    if (b->backend->put(b->ctx, r->file_name, r->file.p, r->file.n, &r->e) == 0)
        r->files++;
    buf_clear(&r->file);
}

static void take_master(struct restore *r, struct slice record)
{
    struct slice name, text;
    char path[PATH_ROOM];
    if (!master_parse(record, &name, &text))
        return;
    snprintf(path, sizeof path, "%s/keys/%.*s", store_dir(r->s), (int)name.n, name.p);
    recovery_write_file(path, text, &r->e);
}

void restore_read_work(struct restore *r, struct blobs *b)
{
    char path[PATH_ROOM], kind = 1;
    struct slice record;
    if (!r->reader) {
        path_of(r, r->of_keys ? BACKUP_KEYS : BACKUP_DATA, path);
        r->reader = sealed_open(path, r->of_keys ? "keys" : "data", r->secret, &r->e);
    }
    buf_reset(&r->batch);
    while (r->e.code == 0 && kind && r->batch.n < RESTORE_BATCH) {
        if (sealed_next(r->reader, &kind, &record, &r->e) != 0)
            break;
        if (kind == 'c')
            buf_slice(&r->batch, record);
        else if (kind == 'b')
            take_piece(r, b, record);
        else if (kind == 'm')
            take_master(r, record);
    }
    r->ended = kind == 0;
    if (r->ended || r->e.code)
        sealed_close(&r->reader);
    if (r->batch.err && r->e.code == 0)
        err_set(&r->e, ERR_TOO_LARGE, "a page of the backup is too large");
}
