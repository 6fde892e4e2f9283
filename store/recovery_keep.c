/* SPDX-License-Identifier: Apache-2.0
 * Where the recovery key lives: dir/keys/recovery.pub stays; dir/keys/recovery-key holds the secret half
 * until the operator has put it away and the file is removed. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/admin.h"
#include "store/backup_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096

int recovery_write_file(const char *path, struct slice text, struct err *e)
{
    char temp[PATH_ROOM + 32];
    snprintf(temp, sizeof temp, "%s.%016llx", path, (unsigned long long)text_random_u64());
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && rename(temp, path) == 0;
    if (!good) {
        int code = errno;
        unlink(temp);
        return err_set(e, ERR_IO, "cannot write a file of the data directory: %s", strerror(code));
    }
    char *slash = strrchr(temp, '/');
    *slash = '\0';
    fd = open(temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good ? 0 : err_set(e, ERR_IO, "cannot sync the data directory: %s", strerror(errno));
}

static int read_file(const char *path, char *out, size_t cap, struct err *e)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot read the recovery key's file: %s",
                       strerror(errno));
    size_t n = fread(out, 1, cap - 1, f);
    fclose(f);
    out[n] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return 0;
}

int recovery_public_read(const char *dir, unsigned char public_half[RECOVERY_KEY], struct err *e)
{
    char path[PATH_ROOM], text[128];
    snprintf(path, sizeof path, "%s/keys/recovery.pub", dir);
    int rc = read_file(path, text, sizeof text, e);
    if (rc == 0 && !text_unhex(public_half, RECOVERY_KEY, slice_str(text)))
        rc = err_set(e, ERR_CORRUPT, "keys/recovery.pub does not hold 64 hex digits");
    return rc;
}

/* The secret first: a public half whose secret nobody has would make backups that nobody can read. */
static int make(const char *dir, char text[RECOVERY_TEXT + 1], struct err *e)
{
    unsigned char secret[RECOVERY_KEY], public_half[RECOVERY_KEY];
    char path[PATH_ROOM], hex[2 * RECOVERY_KEY + 1];
    snprintf(path, sizeof path, "%s/keys", dir);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_IO, "cannot make the folder of the keys: %s", strerror(errno));
    recovery_new(secret, public_half);
    recovery_text(secret, text);
    mem_wipe(secret, sizeof secret);
    snprintf(path, sizeof path, "%s/keys/recovery-key", dir);
    int rc = recovery_write_file(path, slice_str(text), e);
    text_hex(hex, public_half, RECOVERY_KEY);
    snprintf(path, sizeof path, "%s/keys/recovery.pub", dir);
    return rc ? rc : recovery_write_file(path, slice_str(hex), e);
}

struct told {
    struct err e;
    char text[RECOVERY_TEXT + 1];
    store_text_done done;
    void *arg;
};

static void tell(void *arg)
{
    struct told *t = arg;
    t->done(t->arg, &t->e, t->e.code ? (struct slice){0} : slice_str(t->text));
    mem_wipe(t->text, sizeof t->text);
    mem_free(t);
}

void store_recovery_key(struct store *s, store_text_done done, void *arg)
{
    struct told *t = mem_alloc(sizeof *t);
    unsigned char public_half[RECOVERY_KEY];
    char path[PATH_ROOM];
    t->done = done;
    t->arg = arg;
    snprintf(path, sizeof path, "%s/keys/recovery-key", store_dir(s));
    if (recovery_public_read(store_dir(s), public_half, &t->e) == -ERR_NOT_FOUND) {
        t->e = (struct err){0};
        make(store_dir(s), t->text, &t->e);
    } else if (t->e.code == 0 && read_file(path, t->text, sizeof t->text, &t->e) == -ERR_NOT_FOUND) {
        err_set(&t->e, ERR_NOT_FOUND, "the recovery key was taken away from this machine, as it should be");
    }
    loop_defer(store_loop(s), tell, t);
}
