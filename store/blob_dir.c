/* SPDX-License-Identifier: Apache-2.0
 * Blobs in a directory. A file is written beside its place, fsynced, renamed, and its directory fsynced:
 * there is either all of it or nothing. */
#include "store/blob_dir.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct blob_dir {
    char *root; /* dir/blobs */
};

#define PATH_ROOM 4096

static int io_error(struct err *e, const char *what)
{
    int code = errno == ENOENT ? ERR_NOT_FOUND : errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
    return err_set(e, (enum err_code)code, "cannot %s a file of the data directory: %s", what,
                   strerror(errno));
}

/* The path of "operation/id", cut behind the directory when dirs is not NULL. Ids come from here only, and
 * are checked anyway. */
static int path_of(const struct blob_dir *d, const char *id, char *out, struct err *e)
{
    struct slice rest = slice_str(id), op, name;
    if (!slice_next(&rest, '/', &op) || !slice_next(&rest, '/', &name) || rest.p || !name_valid(op) ||
        !id_valid(name))
        return err_set(e, ERR_INVALID, "no id of a file");
    int n = snprintf(out, PATH_ROOM, "%s/%.*s/%.2s/%s", d->root, (int)op.n, op.p, name.p, name.p);
    return n < PATH_ROOM ? 0 : err_set(e, ERR_TOO_LARGE, "the data directory's path is too long");
}

static int sync_dir(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? io_error(e, "sync") : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Makes the directories above path that are missing, below root. */
static int make_dirs(const struct blob_dir *d, const char *path, struct err *e)
{
    char part[PATH_ROOM];
    for (const char *at = path + strlen(d->root) + 1; (at = strchr(at, '/')); at++) {
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        if (mkdir(part, 0700) != 0) {
            if (errno == EEXIST)
                continue;
            return io_error(e, "make");
        }
        char *parent_end = strrchr(part, '/');
        *parent_end = '\0';
        if (sync_dir(part, e))
            return -e->code;
    }
    return 0;
}

static int write_file(const char *path, const void *bytes, size_t n, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error(e, "make");
    int rc = 0;
    for (const char *p = bytes; n && rc == 0;) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno != EINTR)
            rc = io_error(e, "write");
        else if (w > 0)
            p += w, n -= (size_t)w;
    }
    if (rc == 0 && fsync(fd) != 0)
        rc = io_error(e, "write");
    if (close(fd) != 0 && rc == 0)
        rc = io_error(e, "write");
    return rc;
}

static int dir_put(void *ctx, const char *id, const void *bytes, size_t n, struct err *e)
{
    char path[PATH_ROOM], temp[PATH_ROOM + 32];
    struct err own;
    if (!e)
        e = &own;
    int rc = path_of(ctx, id, path, e);
    if (rc == 0)
        rc = make_dirs(ctx, path, e);
    if (rc)
        return rc;
    snprintf(temp, sizeof temp, "%s.%016llx", path, (unsigned long long)text_random_u64());
    rc = write_file(temp, bytes, n, e);
    if (rc == 0 && rename(temp, path) != 0)
        rc = io_error(e, "name");
    if (rc) {
        unlink(temp);
        return rc;
    }
    *strrchr(path, '/') = '\0';
    return sync_dir(path, e);
}

static int dir_get(void *ctx, const char *id, uint64_t offset, size_t n, struct buf *out, struct err *e)
{
    char path[PATH_ROOM];
    int rc = path_of(ctx, id, path, e);
    if (rc)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return io_error(e, "read");
    char *room = buf_reserve(out, n);
    size_t have = 0;
    while (room && have < n) {
        ssize_t r = pread(fd, room + have, n - have, (off_t)(offset + have));
        if (r == 0 || (r < 0 && errno != EINTR)) {
            rc = r < 0 ? io_error(e, "read") : 0;
            break;
        }
        have += r > 0 ? (size_t)r : 0;
    }
    if (room)
        buf_commit(out, have);
    else
        rc = err_set(e, ERR_TOO_LARGE, "too much of a file at once");
    close(fd);
    return rc;
}

static int dir_size(void *ctx, const char *id, uint64_t *n, struct err *e)
{
    char path[PATH_ROOM];
    struct stat st;
    int rc = path_of(ctx, id, path, e);
    if (rc)
        return rc;
    if (stat(path, &st) != 0)
        return io_error(e, "read");
    *n = (uint64_t)st.st_size;
    return 0;
}

static int dir_remove(void *ctx, const char *id, struct err *e)
{
    char path[PATH_ROOM];
    int rc = path_of(ctx, id, path, e);
    if (rc)
        return rc;
    if (unlink(path) != 0)
        return errno == ENOENT ? 0 : io_error(e, "remove");
    *strrchr(path, '/') = '\0';
    return sync_dir(path, e);
}

struct each {
    const struct blob_dir *d;
    void (*one)(void *arg, const char *id, int64_t modified_ms);
    void *arg;
    struct err *e;
};

/* Calls fn with the path of each entry of a directory that does not begin with a dot. */
static int each_in(struct each *w, const char *path,
                   int (*fn)(struct each *w, const char *path, const char *name))
{
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? 0 : io_error(w->e, "list");
    int rc = 0;
    char below[PATH_ROOM];
    for (struct dirent *en; rc == 0 && (en = readdir(dir));)
        if (en->d_name[0] != '.' && snprintf(below, sizeof below, "%s/%s", path, en->d_name) < PATH_ROOM)
            rc = fn(w, below, en->d_name);
    closedir(dir);
    return rc;
}

static int each_file(struct each *w, const char *path, const char *name)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    int64_t modified = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    if (!id_valid(slice_str(name))) { /* what a crash left half written */
        if (time_wall_ms() - modified > 3600000)
            unlink(path);
        return 0;
    }
    char id[256];
    const char *op = path + strlen(w->d->root) + 1;
    snprintf(id, sizeof id, "%.*s/%s", (int)strcspn(op, "/"), op, name);
    w->one(w->arg, id, modified);
    return 0;
}

static int each_pair(struct each *w, const char *path, const char *name)
{
    (void)name;
    return each_in(w, path, each_file);
}

static int each_op(struct each *w, const char *path, const char *name)
{
    (void)name;
    return each_in(w, path, each_pair);
}

static int dir_each(void *ctx, void (*one)(void *arg, const char *id, int64_t modified_ms), void *arg,
                    struct err *e)
{
    struct blob_dir *d = ctx;
    struct each w = {d, one, arg, e};
    return each_in(&w, d->root, each_op);
}

const struct store_blob_backend blob_dir_backend = {"dir", dir_put, dir_get, dir_size, dir_remove, dir_each};

void *blob_dir_new(const char *dir, struct err *e)
{
    char root[PATH_ROOM];
    if (snprintf(root, sizeof root, "%s/blobs", dir) >= PATH_ROOM - 128) {
        err_set(e, ERR_TOO_LARGE, "the data directory's path is too long");
        return NULL;
    }
    if (mkdir(root, 0700) != 0 && errno != EEXIST) {
        io_error(e, "make");
        return NULL;
    }
    struct blob_dir *d = mem_alloc(sizeof *d);
    d->root = mem_strdup(root);
    return d;
}

void blob_dir_free(void **ctx)
{
    struct blob_dir *d = *ctx;
    if (d)
        mem_free(d->root);
    mem_clear(ctx);
}

int blob_dir_mark(const char *dir, const char *store_id, bool make, struct err *e)
{
    char path[PATH_ROOM], temp[PATH_ROOM + 32], text[64] = "";
    struct err own;
    if (!e)
        e = &own;
    if (snprintf(path, sizeof path, "%s/blobs/store", dir) >= PATH_ROOM)
        return err_set(e, ERR_TOO_LARGE, "the data directory's path is too long");
    FILE *f = fopen(path, "re");
    if (f) {
        size_t n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, store_id) == 0)
            return 0;
        return err_set(
            e, ERR_CONFLICT,
            "the data directory belongs to another store; all nodes of one store share one directory");
    }
    if (errno != ENOENT || !make)
        return err_set(e, ERR_CONFLICT,
                       "blobs/store is missing: all nodes of one store share one data directory");
    snprintf(temp, sizeof temp, "%s.%016llx", path, (unsigned long long)text_random_u64());
    int rc = write_file(temp, store_id, strlen(store_id), e);
    /* link, not rename: the first of two that start at once wins, and the other compares. */
    if (rc == 0 && link(temp, path) != 0 && errno != EEXIST)
        rc = io_error(e, "name");
    unlink(temp);
    if (rc)
        return rc;
    *strrchr(path, '/') = '\0';
    rc = sync_dir(path, e);
    return rc ? rc : blob_dir_mark(dir, store_id, false, e);
}
