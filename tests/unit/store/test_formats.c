/* SPDX-License-Identifier: Apache-2.0
 * Encrypted files, backup files, the recovery key, password hashes: what comes out again, and that nothing
 * else does. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/blob_dir.h"
#include "store/gcm.h"
#include "store/pack.h"
#include "store/password.h"
#include "store/pieces.h"
#include "store/recovery.h"
#include "store/sealed_file.h"
#include "tests/unit/test.h"
#include <sys/stat.h>
#include <unistd.h>

static char *folder(void)
{
    static char name[64];
    snprintf(name, sizeof name, "/tmp/parley-formats-XXXXXX");
    OK(mkdtemp(name));
    return name;
}

static void remove_folder(const char *dir)
{
    char command[256];
    snprintf(command, sizeof command, "%s", dir);
    /* Only what these tests make. */
    const char *names[] = {"data", "blobs/store"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "%s/%s", dir, names[i]);
        unlink(command);
    }
    snprintf(command, sizeof command, "%s/blobs", dir);
    rmdir(command);
    rmdir(dir);
}

/* ---- the JSON beside a text ---- */

static size_t packs_to(struct slice text)
{
    char packed[400];
    struct buf back;
    size_t n = pack_write(text, packed);
    OK(n <= text.n);
    buf_init(&back, 4000);
    OK(pack_read(slice_of(packed, n), &back));
    OK(slice_eq(back.n ? buf_view(&back) : SLICE(""), text));
    buf_clear(&back);
    return n;
}

T(what_is_packed_comes_out_again)
{
    struct slice usual = SLICE("{\"ids\":[\"m1f00d-12345\"],\"language\":\"ar\"}");
    EQ_INT(packs_to(usual), usual.n - 22);
    EQ_INT(packs_to(SLICE("")), 0);
    EQ_INT(packs_to(SLICE("{}")), 2);
    EQ_INT(packs_to(SLICE("{\"a\":1}")), 7);
    EQ_INT(packs_to(SLICE("{\"ids\":[\"")), 2);
    packs_to(SLICE("{\"ids\":[\"a\",\"b\"]}"));
    packs_to(SLICE("{\n\t\"ref\" : \"a\"\r\n}"));
    packs_to(SLICE("{\"ref\":\"\1\2\"}")); /* no JSON, but it comes out */
    packs_to(SLICE("{\"ref\":\"\303\251\",\"language\":\"fr\"}"));
    for (unsigned round = 0; round < 20000; round++) { /* pieces of words in any order */
        static const char *const pieces[] = {
            "{\"ids\":[\"",          "\"]", "}", "\"", ",\"language\":\"", "{\"ref\":\"", "x", "\"}",
            "{\"attachments\":[{\"", "{"};
        char text[400];
        size_t n = 0;
        for (unsigned i = 0, r = round * 2654435761u; i < 8; i++, r = r * 1103515245u + 12345)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", pieces[(r >> 16) % 10]);
        packs_to(slice_of(text, n));
    }
    struct buf out;
    buf_init(&out, 100);
    OK(!pack_read(slice_of("\0a\0", 3), &out)); /* a form that is not ours */
    buf_clear(&out);
}

/* The GCM specification's test case 14, and 16's idea of data that is only authenticated. */
T(gcm_fits_the_specification)
{
    unsigned char key[GCM_KEY] = {0}, nonce[GCM_NONCE] = {0}, plain[16] = {0}, out[32];
    char hex[65];
    gcm_seal(key, nonce, (struct slice){0}, slice_of(plain, 16), out);
    text_hex(hex, out, 32);
    EQ_STR(hex, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    unsigned char back[16] = {1};
    OK(gcm_open(key, nonce, (struct slice){0}, slice_of(out, 32), back));
    OK(memcmp(back, plain, 16) == 0);
    OK(!gcm_open(key, nonce, SLICE("x"), slice_of(out, 32), back));
    OK(!gcm_open(key, nonce, (struct slice){0}, slice_of(out, 31), back));
    OK(!gcm_open(key, nonce, (struct slice){0}, slice_of(out, 8), back));
}

static const unsigned char the_key[GCM_KEY] = "0123456789abcdef0123456789abcdef";

static void fill(struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_char(b, (char)(i * 7 + i / 251));
}

T(pieces_give_every_range)
{
    static const size_t sizes[] = {0,     1, PIECES_SIZE - 1, PIECES_SIZE, PIECES_SIZE + 1, 3 * PIECES_SIZE,
                                   200001};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct buf plain, file, out;
        size_t size = sizes[s];
        buf_init(&plain, 1 << 20);
        buf_init(&file, 1 << 20);
        buf_init(&out, 1 << 20);
        fill(&plain, size);
        EQ_INT(pieces_seal(the_key, SLICE("op/a"), buf_view(&plain), &file), 0);
        EQ_INT(file.n, pieces_sealed_size(size));
        static const size_t offsets[] = {0, 1, 65535, 65536, 65537, 131071, 200000},
                            lengths[] = {0, 1, 2, 65536, 65537, 1 << 20};
        for (size_t o = 0; o < 7; o++)
            for (size_t l = 0; l < 6; l++) {
                size_t n = lengths[l], fn;
                uint64_t at;
                bool there = pieces_range(size, offsets[o], &n, &at, &fn);
                EQ_INT(there, offsets[o] < size || (size == 0 && offsets[o] == 0));
                if (!there)
                    continue;
                buf_reset(&out);
                EQ_INT(pieces_open(the_key, SLICE("op/a"), size, offsets[o], n, slice_of(file.p + at, fn),
                                   &out, NULL),
                       0);
                EQ_INT(out.n, n);
                OK(n == 0 || memcmp(out.p, plain.p + offsets[o], n) == 0);
            }
        buf_clear(&plain);
        buf_clear(&file);
        buf_clear(&out);
    }
}

static int open_all(struct buf *file, size_t size, struct slice id)
{
    struct buf out;
    size_t n = size, fn;
    uint64_t at;
    buf_init(&out, 1 << 20);
    int rc = pieces_range(size, 0, &n, &at, &fn) && fn <= file->n - at
                 ? pieces_open(the_key, id, size, 0, n, slice_of(file->p + at, fn), &out, NULL)
                 : -ERR_CORRUPT;
    buf_clear(&out);
    return rc;
}

T(pieces_notice_every_change)
{
    struct buf plain, file;
    size_t size = 2 * PIECES_SIZE + 100, step = PIECES_SIZE + GCM_TAG;
    buf_init(&plain, 1 << 20);
    buf_init(&file, 1 << 20);
    fill(&plain, size);
    pieces_seal(the_key, SLICE("op/a"), buf_view(&plain), &file);
    EQ_INT(open_all(&file, size, SLICE("op/a")), 0);
    EQ_INT(open_all(&file, size, SLICE("op/b")), -ERR_CORRUPT);
    for (int i = 0; i < 200; i++) {
        size_t at = 4 + (size_t)(text_random_u64() % (file.n - 4));
        char bit = (char)(1 << text_random_u64() % 8);
        file.p[at] = (char)(file.p[at] ^ bit);
        EQ_INT(open_all(&file, size, SLICE("op/a")), -ERR_CORRUPT);
        file.p[at] = (char)(file.p[at] ^ bit);
    }
    /* swapped pieces; a file cut behind a piece, with the size it would then have */
    struct buf other;
    buf_init(&other, 1 << 20);
    buf_add(&other, file.p, 4);
    buf_add(&other, file.p + 4 + step, step);
    buf_add(&other, file.p + 4, step);
    buf_add(&other, file.p + 4 + 2 * step, file.n - 4 - 2 * step);
    EQ_INT(open_all(&other, size, SLICE("op/a")), -ERR_CORRUPT);
    file.n = 4 + 2 * step;
    EQ_INT(open_all(&file, (size_t)2 * PIECES_SIZE, SLICE("op/a")), -ERR_CORRUPT);
    buf_clear(&other);
    buf_clear(&plain);
    buf_clear(&file);
}

T(recovery_key_is_read_as_it_was_written)
{
    for (int i = 0; i < 200; i++) {
        unsigned char secret[RECOVERY_KEY], pub[RECOVERY_KEY], back[RECOVERY_KEY];
        char text[RECOVERY_TEXT];
        recovery_new(secret, pub);
        recovery_text(secret, text);
        EQ_INT(strlen(text), RECOVERY_TEXT - 1);
        EQ_INT(recovery_parse(slice_str(text), back, NULL), 0);
        OK(memcmp(back, secret, RECOVERY_KEY) == 0);
        for (char *p = text; *p; p++)
            *p = *p == ' ' ? '-' : *p == 'O' ? '0' : *p == 'I' ? '1' : *p == 'B' ? '8' : (char)(*p | 32);
        EQ_INT(recovery_parse(slice_str(text), back, NULL), 0);
        OK(memcmp(back, secret, RECOVERY_KEY) == 0);
    }
}

T(recovery_key_says_which_group_is_mistyped)
{
    unsigned char secret[RECOVERY_KEY], pub[RECOVERY_KEY], back[RECOVERY_KEY];
    char text[RECOVERY_TEXT];
    struct err e = {0};
    recovery_new(secret, pub);
    recovery_text(secret, text);
    for (size_t at = 0; at < RECOVERY_TEXT - 1; at++) {
        char was = text[at];
        if (was == ' ')
            continue;
        for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; *c; c++) {
            text[at] = *c;
            EQ_INT(recovery_parse(slice_str(text), back, &e), *c == was ? 0 : -ERR_INVALID);
            if (*c != was) {
                char want[64];
                snprintf(want, sizeof want, "group %zu of the recovery key is mistyped", at / 6 + 1);
                EQ_STR(e.text, want);
            }
        }
        text[at] = was;
    }
    EQ_INT(recovery_parse(SLICE("ABC"), back, NULL), -ERR_INVALID);
    EQ_INT(recovery_parse(SLICE(""), back, NULL), -ERR_INVALID);
    EQ_INT(recovery_parse(slice_of(text, RECOVERY_TEXT), back, NULL), -ERR_INVALID); /* a NUL */
}

T(recovery_seals_for_the_secret_half_alone)
{
    unsigned char secret[RECOVERY_KEY], pub[RECOVERY_KEY], other[RECOVERY_KEY], once[RECOVERY_KEY],
        a[RECOVERY_KEY], b[RECOVERY_KEY];
    recovery_new(secret, pub);
    recovery_seal_key(pub, "data", once, a);
    OK(recovery_open_key(secret, "data", once, b));
    OK(memcmp(a, b, RECOVERY_KEY) == 0);
    OK(recovery_open_key(secret, "keys", once, b));
    OK(memcmp(a, b, RECOVERY_KEY) != 0);
    recovery_new(other, pub);
    OK(recovery_open_key(other, "data", once, b));
    OK(memcmp(a, b, RECOVERY_KEY) != 0);
    memset(once, 0, sizeof once);
    OK(!recovery_open_key(secret, "data", once, b));
}

static unsigned char secret_half[RECOVERY_KEY], public_half[RECOVERY_KEY];

static void write_backup(const char *path)
{
    unsigned char sha[32], again[32];
    struct sealed_writer *w = sealed_create(path, "data", public_half, NULL);
    OK(w);
    EQ_INT(sealed_add(w, 'a', SLICE("first"), NULL), 0);
    EQ_INT(sealed_add(w, 'b', SLICE(""), NULL), 0);
    EQ_INT(sealed_add(w, 'a', SLICE("third, which is longer"), NULL), 0);
    EQ_INT(sealed_finish(&w, SLICE("{}"), sha, NULL), 0);
    OK(!w);
    EQ_INT(sealed_sha256(path, again, NULL), 0);
    OK(memcmp(sha, again, 32) == 0);
}

/* 0 when the whole file can be read. */
static int read_backup(const char *path)
{
    struct sealed_reader *r = sealed_open(path, "data", secret_half, NULL);
    char kind = 1;
    struct slice rec;
    int rc = r ? 0 : -ERR_CORRUPT, n = 0;
    while (rc == 0 && kind) {
        rc = sealed_next(r, &kind, &rec, NULL);
        n++;
    }
    sealed_close(&r);
    return rc ? rc : n == 4 ? 0 : -ERR_BUG;
}

T(backup_files_notice_every_flipped_byte)
{
    char *dir = folder(), path[128];
    snprintf(path, sizeof path, "%s/data", dir);
    recovery_new(secret_half, public_half);
    write_backup(path);
    struct err e;
    OK(!sealed_create(path, "data", public_half, &e));
    EQ_INT(e.code, ERR_CONFLICT);
    EQ_INT(read_backup(path), 0);
    struct stat st;
    OK(stat(path, &st) == 0);
    EQ_INT(st.st_mode & 0777, 0600);
    FILE *f = fopen(path, "r+b");
    for (long at = 0; at < st.st_size; at++) {
        fseek(f, at, SEEK_SET);
        int c = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(c ^ 1 << at % 8, f);
        fflush(f);
        EQ_INT(read_backup(path), -ERR_CORRUPT);
        fseek(f, at, SEEK_SET);
        fputc(c, f);
        fflush(f);
    }
    EQ_INT(read_backup(path), 0);
    fseek(f, 0, SEEK_END);
    fputc('x', f);
    fflush(f);
    EQ_INT(read_backup(path), -ERR_CORRUPT);
    for (long n = st.st_size - 1; n >= 0; n--) {
        OK(ftruncate(fileno(f), n) == 0);
        EQ_INT(read_backup(path), -ERR_CORRUPT);
    }
    fclose(f);
    remove_folder(dir);
}

T(passwords_fit_themselves)
{
    unsigned char hash[PASSWORD_HASH];
    password_hash(SLICE("correct horse"), hash);
    OK(password_fits(slice_of(hash, sizeof hash), SLICE("correct horse")));
    OK(!password_fits(slice_of(hash, sizeof hash), SLICE("correct horsf")));
    OK(!password_fits(slice_of(hash, sizeof hash - 1), SLICE("correct horse")));
    OK(!password_fits((struct slice){0}, SLICE("")));
    hash[1] = 31; /* nobody makes this process take 2 TiB */
    OK(!password_fits(slice_of(hash, sizeof hash), SLICE("correct horse")));
}

T(the_directory_keeps_files_whole)
{
    char *dir = folder();
    void *ctx = blob_dir_new(dir, NULL);
    const struct store_blob_backend *b = &blob_dir_backend;
    struct id id = id_new();
    char name[64];
    struct buf out;
    uint64_t n;
    buf_init(&out, 1000);
    snprintf(name, sizeof name, "demo/%s", id.s);
    EQ_INT(b->put(ctx, name, "hello", 5, NULL), 0);
    EQ_INT(b->size(ctx, name, &n, NULL), 0);
    EQ_INT(n, 5);
    EQ_INT(b->get(ctx, name, 1, 3, &out, NULL), 0);
    EQ_SLICE(buf_view(&out), "ell");
    EQ_INT(b->get(ctx, name, 4, 100, &out, NULL), 0);
    EQ_SLICE(buf_view(&out), "ello");
    static const char *const bad[] = {"demo/../x", "demo/x", "../demo/aaaaaaaaaaaaaaaaaaaaaaaaaa",
                                      "/aaaaaaaaaaaaaaaaaaaaaaaaaa", ""};
    for (size_t i = 0; i < 5; i++)
        EQ_INT(b->put(ctx, bad[i], "x", 1, NULL), -ERR_INVALID);
    EQ_INT(b->remove(ctx, name, NULL), 0);
    EQ_INT(b->remove(ctx, name, NULL), 0);
    EQ_INT(b->get(ctx, name, 0, 1, &out, NULL), -ERR_NOT_FOUND);
    buf_clear(&out);
    char path[256];
    snprintf(path, sizeof path, "%s/blobs/demo/%.2s", dir, id.s);
    rmdir(path);
    snprintf(path, sizeof path, "%s/blobs/demo", dir);
    rmdir(path);
    EQ_INT(blob_dir_mark(dir, "store-1", false, NULL), -ERR_CONFLICT);
    EQ_INT(blob_dir_mark(dir, "store-1", true, NULL), 0);
    EQ_INT(blob_dir_mark(dir, "store-1", false, NULL), 0);
    EQ_INT(blob_dir_mark(dir, "store-2", true, NULL), -ERR_CONFLICT);
    blob_dir_free(&ctx);
    remove_folder(dir);
}

TEST_MAIN
