/* SPDX-License-Identifier: Apache-2.0
 * Opening an operation's keys: its master key from a file or a program, checked against the print that the
 * key store holds, then the operation's own keys; and making them all when the operation is made. */
#include "store/keys_internal.h"
#include "store/internal.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CACHE_MOST 16384
#define PRINT      16

struct opening {
    struct store_op *op;
    bool make;
    store_done done;
    void *arg;
    char *command;
    unsigned char *master; /* secret; from the file or the program */
    unsigned char *newer;  /* secret; from the file with .new, or NULL */
    struct err e;
};

void keys_master_path(const struct store_op *op, const char *suffix, struct buf *out)
{
    buf_reset(out);
    buf_printf(out, "%s/keys/%s.master%s", store_dir(op->store), op->name, suffix);
}

void keys_master_print(const unsigned char key[CRYPTO_KEY], const char *op, unsigned char out[PRINT])
{
    unsigned char d[32];
    crypto_hmac(key, SLICE("parley master "), slice_str(op), d);
    memcpy(out, d, PRINT);
}

/* ---- the file ---- */

static int read_hex(const char *path, unsigned char key[CRYPTO_KEY], struct err *e)
{
    char text[2 * CRYPTO_KEY + 2] = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? -ERR_NOT_FOUND
                               : err_set(e, ERR_IO, "a master key can't be read: %s", strerror(errno));
    ssize_t n = read(fd, text, sizeof(text) - 1);
    bool closed_to_others = fstat(fd, &st) == 0 && (st.st_mode & 077) == 0;
    close(fd);
    bool good = n >= 2 * CRYPTO_KEY &&
                text_unhex(key, CRYPTO_KEY, slice_trim(slice_of(text, 2 * (size_t)CRYPTO_KEY)));
    mem_wipe(text, sizeof(text));
    if (!closed_to_others)
        return err_set(e, ERR_FORBIDDEN, "%s must be readable by its owner alone (0600)", path);
    return good ? 0 : err_set(e, ERR_INVALID, "%s does not hold 64 hex digits", path);
}

int keys_master_read(const struct store_op *op, const char *suffix, unsigned char key[CRYPTO_KEY],
                     struct err *e)
{
    struct buf path;
    buf_init(&path, 4096);
    keys_master_path(op, suffix, &path);
    int rc = read_hex(path.p, key, e);
    buf_clear(&path);
    return rc;
}

/* Written whole under another name, then linked: of two nodes that make it at once, both end with the same.
 */
static int make_file(const char *path, const unsigned char key[CRYPTO_KEY], struct err *e)
{
    char text[2 * CRYPTO_KEY + 2];
    struct buf tmp;
    int rc = 0;
    buf_init(&tmp, 8192);
    buf_printf(&tmp, "%s.%ld.tmp", path, (long)getpid());
    text_hex(text, key, CRYPTO_KEY);
    text[2 * CRYPTO_KEY] = '\n';
    int fd = open(tmp.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1 || fsync(fd) != 0)
        rc = err_set(e, ERR_IO, "a master key can't be written: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    if (rc == 0 && link(tmp.p, path) != 0 && errno != EEXIST)
        rc = err_set(e, ERR_IO, "a master key can't be written: %s", strerror(errno));
    unlink(tmp.p);
    char *slash = strrchr(tmp.p, '/');
    *slash = '\0';
    fd = open(tmp.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        if (fsync(fd) != 0 && rc == 0)
            rc = err_set(e, ERR_IO, "the folder of the keys can't be synced");
        close(fd);
    }
    mem_wipe(text, sizeof(text));
    buf_clear(&tmp);
    return rc;
}

static int read_files(struct opening *o)
{
    struct buf path;
    unsigned char fresh[CRYPTO_KEY];
    buf_init(&path, 4096);
    buf_printf(&path, "%s/keys", store_dir(o->op->store));
    mkdir(path.p, 0700);
    keys_master_path(o->op, "", &path);
    int rc = read_hex(path.p, o->master, &o->e);
    if (rc == -ERR_NOT_FOUND && o->make) {
        crypto_random(fresh, sizeof(fresh));
        rc = make_file(path.p, fresh, &o->e);
        mem_wipe(fresh, sizeof(fresh));
        if (rc == 0)
            rc = read_hex(path.p, o->master, &o->e);
    } else if (rc == -ERR_NOT_FOUND) {
        err_set(&o->e, ERR_FORBIDDEN, "the master key of operation %s is not on this node", o->op->name);
    }
    unsigned char *newer = mem_secret_alloc(CRYPTO_KEY);
    if (rc == 0 && keys_master_read(o->op, ".new", newer, NULL) == 0)
        o->newer = newer;
    else
        mem_secret_free(newer, CRYPTO_KEY);
    buf_clear(&path);
    return rc;
}

/* ---- the program ---- */

static pid_t start_program(const char *command, const char *op, int *from)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        execl(command, command, op, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *from = ends[0];
    return pid;
}

static void run_program(void *arg)
{
    struct opening *o = arg;
    char text[2 * CRYPTO_KEY + 64];
    size_t n = 0;
    int from = -1, status = 0;
    pid_t pid = start_program(o->command, o->op->name, &from);
    if (pid < 0) {
        err_set(&o->e, ERR_IO, "the master key's program can't be started");
        return;
    }
    for (ssize_t got; n < sizeof(text) && (got = read(from, text + n, sizeof(text) - n)) > 0;)
        n += (size_t)got;
    close(from);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    struct slice hex = slice_of(text, n);
    while (hex.n && (hex.p[hex.n - 1] == '\n' || hex.p[hex.n - 1] == '\r'))
        hex.n--;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !text_unhex(o->master, CRYPTO_KEY, hex))
        err_set(&o->e, ERR_UNAVAILABLE, "the master key's program failed or did not print 64 hex digits");
    mem_wipe(text, sizeof(text));
}

/* ---- the operation's own keys ---- */

static void finish(struct opening *o)
{
    o->done(o->arg, &o->e);
    mem_secret_free(o->master, CRYPTO_KEY);
    mem_secret_free(o->newer, CRYPTO_KEY);
    mem_free(o->command);
    mem_free(o);
}

/* Which of our master keys is the one in use: `version` of it, the other one comes after it. */
static bool place_masters(struct opening *o, struct slice print, unsigned char version)
{
    unsigned char ours[PRINT], newers[PRINT];
    keys_master_print(o->master, o->op->name, ours);
    if (o->newer)
        keys_master_print(o->newer, o->op->name, newers);
    bool is_ours = text_equal_secret(print, slice_of(ours, PRINT));
    bool is_newer = o->newer && text_equal_secret(print, slice_of(newers, PRINT));
    if (!is_ours && !is_newer)
        return false;
    keys_master_add(o->op, version, is_ours ? o->master : o->newer);
    keys_master_use(o->op, version);
    if (is_ours && o->newer)
        keys_master_add(o->op, (unsigned char)(version + 1), o->newer);
    return true;
}

static void own_read(void *arg, const struct err *e, const struct redis_reply *r);

static void read_own(struct opening *o)
{
    struct buf key;
    buf_init(&key, 256);
    store_keys_send(o->op, own_read, o, 2,
                    (const struct slice[]){SLICE("HGETALL"), store_key(o->op, &key, "keys", SLICE(""))});
    buf_clear(&key);
}

static void own_made(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct opening *o = arg;
    (void)r;
    if (e->code) {
        o->e = *e;
        finish(o);
        return;
    }
    o->make = false;
    read_own(o); /* ours, or those of a node that was faster */
}

static void make_own(struct opening *o)
{
    static const char once[] = "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end redis.call('HSET', "
                               "KEYS[1], unpack(ARGV)) return 1";
    unsigned char print[PRINT], key[CRYPTO_KEY], wrapped[KEYS_OWN][CRYPTO_WRAPPED];
    struct slice argv[4 + 4 + 2 * KEYS_OWN];
    size_t n = 0;
    struct buf name;
    buf_init(&name, 256);
    keys_master_add(o->op, 1, o->master);
    keys_master_print(o->master, o->op->name, print);
    argv[n++] = SLICE("EVAL");
    argv[n++] = SLICE(once);
    argv[n++] = SLICE("1");
    argv[n++] = store_key(o->op, &name, "keys", SLICE(""));
    argv[n++] = SLICE("mv");
    argv[n++] = SLICE("1");
    argv[n++] = SLICE("fp");
    argv[n++] = slice_of(print, PRINT);
    for (int i = 0; i < KEYS_OWN; i++) {
        crypto_random(key, sizeof(key));
        keys_wrap(o->op, keys_own_names[i], 0, 1, key, wrapped[i]);
        argv[n++] = slice_str(keys_own_names[i]);
        argv[n++] = slice_of(wrapped[i], CRYPTO_WRAPPED);
    }
    mem_wipe(key, sizeof(key));
    store_keys_send(o->op, own_made, o, n, argv);
    buf_clear(&name);
}

static int unwrap_own(struct opening *o, const struct redis_reply *r)
{
    struct keys *k = o->op->keys;
    int64_t version = store_field_int(r, "mv");
    if (version < 1 || version > 255 || !place_masters(o, store_field(r, "fp"), (unsigned char)version))
        return err_set(&o->e, ERR_FORBIDDEN, "operation %s was made with another master key", o->op->name);
    for (int i = 0; i < KEYS_OWN; i++) {
        if (!k->own[i])
            k->own[i] = mem_secret_alloc(CRYPTO_KEY);
        if (keys_unwrap(o->op, keys_own_names[i], 0, store_field(r, keys_own_names[i]), k->own[i]) != 0)
            return err_set(&o->e, ERR_CORRUPT, "the %s key of operation %s does not open", keys_own_names[i],
                           o->op->name);
    }
    return 0;
}

static void own_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct opening *o = arg;
    if (e->code) {
        o->e = *e;
    } else if (r->kind == REDIS_ARRAY && r->n == 0 && o->make) {
        make_own(o);
        return;
    } else if (r->kind != REDIS_ARRAY || r->n == 0) {
        err_set(&o->e, ERR_NOT_FOUND, "the keys of operation %s are not in the key store", o->op->name);
    } else if (unwrap_own(o, r) == 0) {
        struct store_op *op = o->op;
        crypto_keyed_free(&op->blind);
        op->blind = crypto_keyed_new(op->keys->own[KEYS_INDEX]);
        keys_fill(op);
    }
    finish(o);
}

static void program_ran(void *arg)
{
    struct opening *o = arg;
    if (o->e.code)
        finish(o);
    else
        read_own(o);
}

static void fill_again(void *arg)
{
    keys_fill(arg);
}

void keys_open_op(struct store_op *op, bool make, store_done done, void *arg)
{
    const char *command = store_config_of(op->store)->master_key_command;
    struct opening *o = mem_alloc(sizeof(*o));
    if (!op->keys) {
        op->keys = mem_alloc(sizeof(*op->keys));
        op->keys->cache = keys_cache_new(CACHE_MOST);
        list_init(&op->keys->waiting);
        op->keys->again = timer_new(store_loop(op->store), fill_again, op);
    }
    *o = (struct opening){.op = op, .make = make, .done = done, .arg = arg};
    o->master = mem_secret_alloc(CRYPTO_KEY);
    if (command && command[0]) {
        o->command = mem_strdup(command);
        loop_work(store_loop(op->store), run_program, program_ran, o);
    } else if (read_files(o) != 0) {
        finish(o);
    } else {
        read_own(o);
    }
}

void keys_close_op(struct store_op *op)
{
    struct keys *k = op->keys;
    if (!k)
        return;
    keys_batch_close(k);
    for (int i = 0; i < KEYS_OWN; i++)
        mem_secret_free(k->own[i], CRYPTO_KEY);
    for (int i = 0; i < 2; i++)
        mem_secret_free(k->master[i].key, CRYPTO_KEY);
    keys_cache_free(&k->cache);
    timer_free(&k->again);
    crypto_keyed_free(&op->blind);
    mem_clear(&op->keys);
}

/* ---- rotation ---- */

void keys_master_add(struct store_op *op, unsigned char version, const unsigned char key[CRYPTO_KEY])
{
    struct keys *k = op->keys;
    int at = k->master[0].version == 0 || k->master[0].version == version ? 0 : 1;
    err_assert(at == 0 || k->master[1].version == 0 || k->master[1].version == version);
    if (!k->master[at].key)
        k->master[at].key = mem_secret_alloc(CRYPTO_KEY);
    memcpy(k->master[at].key, key, CRYPTO_KEY);
    k->master[at].version = version;
    if (!k->current)
        k->current = version;
}

void keys_master_use(struct store_op *op, unsigned char version)
{
    err_assert(keys_master(op->keys, version));
    op->keys->current = version;
}

void keys_master_drop(struct store_op *op, unsigned char version)
{
    struct keys *k = op->keys;
    err_assert(version != k->current);
    for (int i = 0; i < 2; i++)
        if (k->master[i].version == version) {
            mem_secret_free(k->master[i].key, CRYPTO_KEY);
            k->master[i].key = NULL;
            k->master[i].version = 0;
        }
}

unsigned char keys_master_version(const struct store_op *op)
{
    return op->keys->current;
}
