/* SPDX-License-Identifier: Apache-2.0
 * What a backup consists of, for its writer and its reader.
 *
 * data.parley: records 'h' (JSON: what it is), 'c' (commands that put the data back), 'b' (a piece of a file:
 * name, size, offset, bytes), the last one (JSON: counts and audit roots). keys.parley: 'h', 'c', 'm' (an
 * operation's master key: name, file), the last one (the manifest without this file's own sum). A record's
 * parts each have their length before them. */
#ifndef PARLEY_STORE_BACKUP_INTERNAL_H
#define PARLEY_STORE_BACKUP_INTERNAL_H

#include "store/blob_internal.h"
#include "store/internal.h"
#include "store/sealed_file.h"

#define BACKUP_DATA     "data.parley"
#define BACKUP_KEYS     "keys.parley"
#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_BATCH    ((size_t)256 << 20) /* what one page of keys may take */
#define BACKUP_CHUNK    (1u << 20)

/* Parts: u32 length and bytes. Numbers are eight bytes. */
void part_put(struct buf *b, struct slice s);
void part_number(struct buf *b, uint64_t v);
bool part_get(struct slice *rest, struct slice *part);
bool part_get_number(struct slice *rest, uint64_t *v);

/* A command among others: the number of its arguments, then these. */
void command_put(struct buf *b, size_t argc, const struct slice *argv);
#define COMMAND_MAX 256
/* False: the end, or malformed (*good false). */
bool command_get(struct slice *rest, struct slice *argv, size_t *argc, bool *good);

/* "p:{op}:kind…" taken apart; false: no key of ours. */
bool backup_key_parse(struct slice key, struct slice *op, struct slice *rest);
/* "demo.master" or "demo.master.new" for a name of an operation? */
bool backup_master_name(struct slice name);
/* The operation of that name, also the system's; NULL. */
struct store_op *backup_op(struct store *s, struct slice name);

/* ---- a backup under way, for its flow (backup.c) and what it does on threads (backup_write.c) ---- */

struct backup_op {
    char *name;
    char root[65];
    uint64_t seals, lines;
};

struct backup {
    struct store *s;
    struct blobs *blobs;
    char *dir;
    unsigned char public_half[RECOVERY_KEY];
    struct sealed_writer *data, *keys;
    unsigned char data_sha[32], keys_sha[32];
    struct buf out; /* commands of this page */
    char cursor[24];
    bool of_keys; /* the key store's turn */
    unsigned pending;
    struct backup_op *ops;
    size_t ops_n, at;
    bool at_audit;
    char stream_from[64];
    uint64_t threads, contacts, others, blobs_n, blob_bytes, key_records, masters;
    int64_t begun_ms;
    struct buf manifest;
    struct err e;
    void (*done)(void *arg, const struct err *e, struct slice manifest_json);
    void *arg;
};

void backup_begin_work(struct backup *b, struct blobs *blobs); /* folder and files */
void backup_page_work(struct backup *b, struct blobs *blobs);  /* the commands that were collected */
void backup_files_work(struct backup *b, struct blobs *blobs); /* the store's files; ends the data */
void backup_masters_work(struct backup *b,
                         struct blobs *blobs); /* the master keys; ends the keys and writes the manifest */

/* recovery_keep.c: the public half that stays in dir/keys; ERR_NOT_FOUND. */
int recovery_public_read(const char *dir, unsigned char public_half[RECOVERY_KEY], struct err *e);
/* Writes a small file whole: beside, fsync, rename, fsync of the directory. */
int recovery_write_file(const char *path, struct slice text, struct err *e);

#endif
