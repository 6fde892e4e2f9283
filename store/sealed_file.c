/* SPDX-License-Identifier: Apache-2.0
 * Files of sealed records: "PBK1", the public half that the key was made with, then length and sealed bytes
 * of each. */
#include "store/sealed_file.h"
#include "gateway/base/mem.h"
#include "store/gcm.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD "PBK1"

struct sealed_writer {
    FILE *f;
    char *path;
    EVP_MD_CTX *md;
    unsigned char *key; /* locked */
    uint64_t number;
    struct buf room;
};

struct sealed_reader {
    FILE *f;
    unsigned char *key;
    uint64_t number;
    struct buf sealed, plain;
    bool ended;
};

static void nonce_of(unsigned char nonce[GCM_NONCE], uint64_t number, bool last)
{
    memset(nonce, 0, GCM_NONCE);
    nonce[0] = last;
    for (int i = 0; i < 8; i++)
        nonce[GCM_NONCE - 1 - i] = (unsigned char)(number >> (8 * i));
}

static int write_all(struct sealed_writer *w, const void *p, size_t n, struct err *e)
{
    err_assert(EVP_DigestUpdate(w->md, p, n) == 1);
    if (fwrite(p, 1, n, w->f) != n)
        return err_set(e, ERR_IO, "cannot write the backup: %s", strerror(errno));
    return 0;
}

static void writer_free(struct sealed_writer **w)
{
    if ((*w)->f)
        fclose((*w)->f);
    EVP_MD_CTX_free((*w)->md);
    mem_secret_free((*w)->key, RECOVERY_KEY);
    buf_clear(&(*w)->room);
    mem_free((*w)->path);
    mem_clear(w);
}

struct sealed_writer *sealed_create(const char *path, const char *purpose,
                                    const unsigned char public_half[RECOVERY_KEY], struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f) {
        err_set(e, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "cannot make the backup file: %s",
                strerror(errno));
        return NULL;
    }
    struct sealed_writer *w = mem_alloc(sizeof *w);
    unsigned char once[RECOVERY_KEY];
    w->f = f;
    w->path = mem_strdup(path);
    w->key = mem_secret_alloc(RECOVERY_KEY);
    w->md = EVP_MD_CTX_new();
    err_assert(w->md && EVP_DigestInit_ex(w->md, EVP_sha256(), NULL) == 1);
    buf_init(&w->room, SEALED_RECORD_MAX + 64);
    recovery_seal_key(public_half, purpose, once, w->key);
    if (write_all(w, HEAD, 4, e) || write_all(w, once, sizeof once, e))
        sealed_abandon(&w);
    return w;
}

static int put(struct sealed_writer *w, char kind, struct slice record, bool last, struct err *e)
{
    if (record.n > SEALED_RECORD_MAX)
        return err_set(e, ERR_TOO_LARGE, "a record is too large for a backup");
    uint32_t n = (uint32_t)(record.n + 1 + GCM_TAG);
    unsigned char head[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
                             (unsigned char)n};
    unsigned char nonce[GCM_NONCE];
    buf_reset(&w->room);
    buf_char(&w->room, kind);
    buf_slice(&w->room, record);
    char *out = buf_reserve(&w->room, n);
    err_assert(out);
    nonce_of(nonce, w->number++, last);
    gcm_seal(w->key, nonce, slice_of(head, 4), buf_view(&w->room), (unsigned char *)out);
    int rc = write_all(w, head, 4, e);
    return rc ? rc : write_all(w, out, n, e);
}

int sealed_add(struct sealed_writer *w, char kind, struct slice record, struct err *e)
{
    return put(w, kind, record, false, e);
}

int sealed_finish(struct sealed_writer **w, struct slice last, unsigned char sha256[32], struct err *e)
{
    unsigned n = 0;
    int rc = put(*w, 0, last, true, e);
    if (rc == 0 && (fflush((*w)->f) != 0 || fsync(fileno((*w)->f)) != 0))
        rc = err_set(e, ERR_IO, "cannot write the backup: %s", strerror(errno));
    if (rc) {
        sealed_abandon(w);
        return rc;
    }
    err_assert(EVP_DigestFinal_ex((*w)->md, sha256, &n) == 1);
    writer_free(w);
    return 0;
}

void sealed_abandon(struct sealed_writer **w)
{
    if (!*w)
        return;
    unlink((*w)->path);
    writer_free(w);
}

struct sealed_reader *sealed_open(const char *path, const char *purpose,
                                  const unsigned char secret[RECOVERY_KEY], struct err *e)
{
    unsigned char head[4 + RECOVERY_KEY];
    FILE *f = fopen(path, "rbe");
    if (!f) {
        err_set(e, ERR_NOT_FOUND, "cannot read the backup file: %s", strerror(errno));
        return NULL;
    }
    struct sealed_reader *r = mem_alloc(sizeof *r);
    r->f = f;
    r->key = mem_secret_alloc(RECOVERY_KEY);
    buf_init(&r->sealed, SEALED_RECORD_MAX + 64);
    buf_init(&r->plain, SEALED_RECORD_MAX + 64);
    if (fread(head, 1, sizeof head, f) != sizeof head || memcmp(head, HEAD, 4) != 0)
        err_set(e, ERR_CORRUPT, "this is no backup file");
    else if (!recovery_open_key(secret, purpose, head + 4, r->key))
        err_set(e, ERR_CORRUPT, "the backup file's head is damaged");
    else
        return r;
    sealed_close(&r);
    return NULL;
}

int sealed_next(struct sealed_reader *r, char *kind, struct slice *record, struct err *e)
{
    unsigned char head[4], nonce[GCM_NONCE];
    if (r->ended)
        return err_set(e, ERR_BUG, "read behind the end of a backup");
    if (fread(head, 1, 4, r->f) != 4)
        return err_set(e, ERR_CORRUPT, "the backup is cut off");
    size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (n < 1 + GCM_TAG || n > SEALED_RECORD_MAX + 1 + GCM_TAG)
        return err_set(e, ERR_CORRUPT, "record %llu of the backup is damaged", (unsigned long long)r->number);
    buf_reset(&r->sealed);
    buf_reset(&r->plain);
    /* In steps, since the length is not to be believed before the record was opened. */
    for (size_t left = n; left;) {
        size_t step = left < (1u << 20) ? left : 1u << 20;
        if (fread(buf_reserve(&r->sealed, step), 1, step, r->f) != step)
            return err_set(e, ERR_CORRUPT, "the backup is cut off");
        buf_commit(&r->sealed, step);
        left -= step;
    }
    unsigned char *out = (unsigned char *)buf_reserve(&r->plain, n);
    bool last = false;
    nonce_of(nonce, r->number, false);
    if (!gcm_open(r->key, nonce, slice_of(head, 4), buf_view(&r->sealed), out)) {
        nonce_of(nonce, r->number, true);
        last = gcm_open(r->key, nonce, slice_of(head, 4), buf_view(&r->sealed), out);
        if (!last)
            return err_set(
                e, ERR_CORRUPT,
                "record %llu of the backup does not decrypt: it is damaged, or the recovery key is another",
                (unsigned long long)r->number);
    }
    if (last && (fgetc(r->f) != EOF || out[0] != 0))
        return err_set(e, ERR_CORRUPT, "there is something behind the backup's end");
    r->number++;
    r->ended = last;
    *kind = (char)out[0];
    *record = slice_of(out + 1, n - GCM_TAG - 1);
    return 0;
}

void sealed_close(struct sealed_reader **r)
{
    if (!*r)
        return;
    fclose((*r)->f);
    mem_secret_free((*r)->key, RECOVERY_KEY);
    buf_clear(&(*r)->sealed);
    buf_clear(&(*r)->plain);
    mem_clear(r);
}

int sealed_sha256(const char *path, unsigned char sha256[32], struct err *e)
{
    FILE *f = fopen(path, "rbe");
    if (!f)
        return err_set(e, ERR_NOT_FOUND, "cannot read the backup file: %s", strerror(errno));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char *room = mem_alloc(1u << 16);
    unsigned len = 0;
    size_t n;
    err_assert(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
    while ((n = fread(room, 1, 1u << 16, f)) > 0)
        err_assert(EVP_DigestUpdate(md, room, n) == 1);
    int rc = ferror(f) ? err_set(e, ERR_IO, "cannot read the backup: %s", strerror(errno)) : 0;
    err_assert(EVP_DigestFinal_ex(md, sha256, &len) == 1);
    EVP_MD_CTX_free(md);
    mem_free(room);
    fclose(f);
    return rc;
}
