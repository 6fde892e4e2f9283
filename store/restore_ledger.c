/* SPDX-License-Identifier: Apache-2.0
 * The erasure ledgers and a restore: those of the backup, those that the servers still had, and the files
 * ledger.txt of the backup's folder and of the data directory. Whoever is in one of them is erased before
 * anything is served. A line counts only for the contact whose id has its hash, since a store that was put
 * back gives key numbers again. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/admin_internal.h"
#include "store/restore_internal.h"
#include "store/rewrite.h"
#include <stdio.h>
#include <string.h>

#define PATH_ROOM 4096
#define VALUE_MAX 80

/* ---- collecting ---- */

struct collect {
    struct restore *r;
    bool keys;
    char cursor[24];
    unsigned pending;
    void (*next)(struct restore *r);
};

static void take(struct restore *r, struct slice op, struct slice kid, struct slice value)
{
    struct buf name;
    if (value.n >= VALUE_MAX)
        return;
    buf_init(&name, 256);
    buf_slice(&name, op);
    buf_char(&name, ' ');
    buf_slice(&name, kid);
    if (name.err == 0)
        mem_free(map_put(&r->ledger, buf_view(&name), slice_dup(value)));
    buf_clear(&name);
}

static void take_file(struct restore *r, const char *dir)
{
    char path[PATH_ROOM], line[256];
    snprintf(path, sizeof path, "%s/%s", dir, ADMIN_LEDGER_FILE);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        struct slice rest = slice_str(line), op, kid;
        rest.n = strcspn(line, "\n");
        if (slice_next(&rest, ' ', &op) && slice_next(&rest, ' ', &kid) && rest.p)
            take(r, op, kid, rest);
    }
    if (f)
        fclose(f);
}

static void collect_scan(struct collect *c);

static void collect_page_done(struct collect *c)
{
    struct restore *r = c->r;
    void (*next)(struct restore * r) = c->next;
    if (r->e.code == 0 && strcmp(c->cursor, "0") != 0) {
        collect_scan(c);
        return;
    }
    if (r->e.code == 0 && !c->keys) {
        c->keys = true;
        collect_scan(c);
        return;
    }
    mem_free(c);
    if (r->e.code)
        restore_end(r);
    else
        next(r);
}

struct one_ledger {
    struct collect *c;
    char op[80];
};

static void ledger_read(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct one_ledger *l = arg;
    struct collect *c = l->c;
    for (size_t i = 0; !restore_failed(c->r, e) && reply->kind == REDIS_ARRAY && i + 1 < reply->n; i += 2)
        take(c->r, slice_str(l->op), store_item(reply, i), store_item(reply, i + 1));
    mem_free(l);
    if (--c->pending == 0)
        collect_page_done(c);
}

static void collect_scanned(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct collect *c = arg;
    if (!restore_failed(c->r, e)) {
        struct slice cursor = store_item(reply, 0), op, rest;
        snprintf(c->cursor, sizeof c->cursor, "%.*s", (int)cursor.n, cursor.p);
        for (size_t i = 0; i < reply->items[1]->n; i++) {
            struct slice key = store_item(reply->items[1], i);
            if (!backup_key_parse(key, &op, &rest) || op.n >= sizeof((struct one_ledger *)0)->op)
                continue;
            struct one_ledger *l = mem_alloc(sizeof *l);
            l->c = c;
            memcpy(l->op, op.p, op.n);
            c->pending++;
            restore_send(c->r, c->keys, ledger_read, l, 2, (const struct slice[]){SLICE("HGETALL"), key});
        }
    }
    if (--c->pending == 0)
        collect_page_done(c);
}

static void collect_scan(struct collect *c)
{
    struct slice argv[] = {SLICE("SCAN"),         slice_str(c->cursor), SLICE("MATCH"),
                           SLICE("p:{*}:ledger"), SLICE("COUNT"),       SLICE("1000")};
    c->pending = 1;
    restore_send(c->r, c->keys, collect_scanned, c, 6, argv);
}

void restore_ledger_collect(struct restore *r, void (*next)(struct restore *r))
{
    struct collect *c = mem_alloc(sizeof *c);
    c->r = r;
    c->next = next;
    memcpy(c->cursor, "0", 2);
    take_file(r, r->dir);
    take_file(r, store_dir(r->s));
    collect_scan(c);
}

/* ---- applying ---- */

struct apply {
    struct restore *r;
    char cursor[24];
    unsigned pending;
    struct found {
        struct store_op *op;
        uint64_t contact;
        char kid[16], value[VALUE_MAX];
    } * found; /* who is to be erased */
    size_t found_n, at;
    void (*next)(struct restore *r);
};

static void apply_end(struct apply *a)
{
    struct restore *r = a->r;
    void (*next)(struct restore * r) = a->next;
    mem_free(a->found);
    mem_free(a);
    if (r->e.code)
        restore_end(r);
    else
        next(r);
}

static void rewritten(void *arg, const struct err *e)
{
    struct apply *a = arg;
    restore_failed(a->r, e);
    apply_end(a);
}

static void erase_next(struct apply *a);

static void erased(void *arg, const struct err *e, int64_t expires)
{
    struct apply *a = arg;
    (void)expires;
    if (restore_failed(a->r, e)) {
        apply_end(a);
        return;
    }
    a->r->erased++;
    a->at++;
    erase_next(a);
}

/* The line with its first time goes back; then the erasure finds it there. */
static void line_kept(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct apply *a = arg;
    (void)reply;
    if (restore_failed(a->r, e))
        apply_end(a);
    else
        admin_erase(a->found[a->at].op, a->found[a->at].contact, "restore", true, erased, a);
}

static void erase_next(struct apply *a)
{
    if (a->at == a->found_n) {
        if (a->found_n)
            rewrite_keys(a->r->s, rewritten, a);
        else
            apply_end(a);
        return;
    }
    struct found *f = &a->found[a->at];
    struct buf key;
    buf_init(&key, 256);
    struct slice argv[] = {SLICE("HSET"), store_key(f->op, &key, "ledger", SLICE("")), slice_str(f->kid),
                           slice_str(f->value)};
    store_data_send(f->op, line_kept, a, 4, argv);
    buf_clear(&key);
}

static void scan(struct apply *a);

static void page_done(struct apply *a)
{
    if (a->r->e.code)
        apply_end(a);
    else if (strcmp(a->cursor, "0") != 0)
        scan(a);
    else
        erase_next(a);
}

struct one_contact {
    struct apply *a;
    struct store_op *op;
    uint64_t contact;
};

static bool hash_fits(const struct one_contact *c, const char *value)
{
    unsigned char hash[32];
    char hex[33];
    struct id id = store_id_of(c->op, c->contact, STORE_SEQ_CONTACT);
    crypto_sha256(slice_str(id.s), hash);
    text_hex(hex, hash, 16);
    return strncmp(value, hex, 32) == 0 && value[32] == ' ';
}

static void contact_read(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct one_contact *c = arg;
    struct apply *a = c->a;
    char name[128];
    struct slice kid = store_item(reply, 0);
    if (!restore_failed(a->r, e) && kid.n && kid.n < 16 && store_item(reply, 1).n == 0) {
        snprintf(name, sizeof name, "%s %.*s", store_op_name(c->op), (int)kid.n, kid.p);
        const char *value = map_get(&a->r->ledger, slice_str(name));
        if (value && hash_fits(c, value)) {
            a->found = mem_realloc(a->found, (a->found_n + 1) * sizeof *a->found);
            struct found *f = &a->found[a->found_n++];
            *f = (struct found){.op = c->op, .contact = c->contact};
            memcpy(f->kid, kid.p, kid.n);
            snprintf(f->value, sizeof f->value, "%s", value);
        }
    }
    mem_free(c);
    if (--a->pending == 0)
        page_done(a);
}

static void scanned(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct apply *a = arg;
    if (!restore_failed(a->r, e)) {
        struct slice cursor = store_item(reply, 0), name, rest;
        snprintf(a->cursor, sizeof a->cursor, "%.*s", (int)cursor.n, cursor.p);
        for (size_t i = 0; i < reply->items[1]->n; i++) {
            struct slice key = store_item(reply->items[1], i);
            struct store_op *op = backup_key_parse(key, &name, &rest) ? backup_op(a->r->s, name) : NULL;
            if (!op || rest.n != 8 + STORE_HANDLE)
                continue;
            struct one_contact *c = mem_alloc(sizeof *c);
            *c = (struct one_contact){a, op, store_handle_get(slice_of(rest.p + 8, STORE_HANDLE))};
            a->pending++;
            restore_send(a->r, false, contact_read, c, 4,
                         (const struct slice[]){SLICE("HMGET"), key, SLICE("k"), SLICE("er")});
        }
    }
    if (--a->pending == 0)
        page_done(a);
}

static void scan(struct apply *a)
{
    struct slice argv[] = {SLICE("SCAN"),  slice_str(a->cursor), SLICE("MATCH"), SLICE("p:{*}:contact:*"),
                           SLICE("COUNT"), SLICE("200")};
    a->pending = 1;
    restore_send(a->r, false, scanned, a, 6, argv);
}

static void apply_collected(struct restore *r)
{
    struct apply *a = mem_alloc(sizeof *a);
    a->r = r;
    a->next = r->after_ledger;
    memcpy(a->cursor, "0", 2);
    scan(a);
}

void restore_ledger_apply(struct restore *r, void (*next)(struct restore *r))
{
    r->after_ledger = next;
    restore_ledger_collect(
        r, apply_collected); /* what was put back has ledgers too: that of the keys is the newest */
}
