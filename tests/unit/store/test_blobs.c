/* SPDX-License-Identifier: Apache-2.0
 * Files: put, claim, read in ranges, remove, sweep; the mark of the shared directory. */
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "store/admin_internal.h"
#include "store/blob.h"
#include "tests/unit/store/harness.h"
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

static struct got g;
static char blob[40], attachment[1000];
static char *bytes;
static size_t bytes_n;

static void on_put(void *arg, const struct err *e, const char *id)
{
    snprintf(blob, sizeof blob, "%s", id ? id : "");
    got_done(arg, e);
}

static void on_bytes(void *arg, const struct err *e, struct slice b)
{
    mem_free(bytes);
    bytes = slice_dup(b);
    bytes_n = b.n;
    got_done(arg, e);
}

static int put(struct slice content, const char *owner)
{
    DONE(store_blob_put(harness_op(0), content, SLICE("image/jpeg"), SLICE("CANARY-name.jpg"),
                        slice_str(owner), on_put, &g));
    return g.e.code;
}

static int claim(const char *id, const char *owner)
{
    DONE(store_blob_claim(harness_op(0), id, slice_str(owner), got_text, &g));
    snprintf(attachment, sizeof attachment, "%.999s", g.text);
    return g.e.code;
}

static int get(uint64_t offset, size_t n)
{
    DONE(store_blob_get(harness_op(0), slice_str(attachment), offset, n, on_bytes, &g));
    return g.e.code;
}

static void path_of(const char *id, char out[200])
{
    snprintf(out, 200, "%s/node/blobs/demo/%.2s/%s", h.dir, id, id);
}

static bool there(const char *id)
{
    char path[200];
    path_of(id, path);
    return access(path, F_OK) == 0;
}

static struct slice big(size_t n)
{
    static char *p;
    mem_free(p);
    p = mem_alloc(n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 31 + i / 997);
    return slice_of(p, n);
}

T(a_file_is_put_claimed_and_read)
{
    harness_begin(1);
    EQ_INT(put(SLICE("CANARY-content of a photograph"), "tel:+1"), 0);
    EQ_INT(claim(blob, "tel:+2"), ERR_NOT_FOUND);
    EQ_INT(claim("aaaaaaaaaaaaaaaaaaaaaaaaaa", "tel:+1"), ERR_NOT_FOUND);
    EQ_INT(claim("../../x", "tel:+1"), ERR_NOT_FOUND);
    EQ_INT(claim(blob, "tel:+1"), 0);
    EQ_INT(claim(blob, "tel:+1"), 0); /* the entry may have to be written again */
    json_t *o = json_parse(slice_str(attachment), 4, NULL);
    EQ_SLICE(json_opt_str(o, "id"), blob);
    EQ_SLICE(json_opt_str(o, "type"), "image/jpeg");
    EQ_SLICE(json_opt_str(o, "name"), "CANARY-name.jpg");
    EQ_INT(json_opt_int(o, "size", 0), 30);
    json_decref(o);
    EQ_INT(get(0, 1000), 0);
    EQ_SLICE(slice_of(bytes, bytes_n), "CANARY-content of a photograph");
    EQ_INT(get(7, 7), 0);
    EQ_SLICE(slice_of(bytes, bytes_n), "content");
    EQ_INT(get(30, 1), ERR_INVALID);
    OK(!harness_files_hold("CANARY-content"));
    OK(!harness_files_hold("CANARY-name"));
    DONE(store_blob_get(harness_op(0), SLICE("{\"id\":\"x\"}"), 0, 1, on_bytes, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    DONE(store_blob_get(harness_op(0), slice_str(attachment), 0, (1 << 20) + 1, on_bytes, &g));
    EQ_INT(g.e.code, ERR_TOO_LARGE);
    DONE(store_blob_remove(harness_op(0), blob, got_done, &g));
    EQ_INT(g.e.code, 0);
    OK(!there(blob));
    EQ_INT(get(0, 1), ERR_NOT_FOUND);
    DONE(store_blob_remove(harness_op(0), blob, got_done, &g));
    EQ_INT(g.e.code, 0);
    harness_end();
}

T(large_files_are_read_in_ranges_and_damage_is_noticed)
{
    harness_begin(1);
    size_t size = 3 * 1024 * 1024 + 12345;
    struct slice content = big(size);
    EQ_INT(put(content, "amal"), 0);
    EQ_INT(claim(blob, "amal"), 0);
    for (int i = 0; i < 30; i++) {
        uint64_t at = text_random_u64() % size;
        size_t n = (size_t)(text_random_u64() % (1 << 20));
        EQ_INT(get(at, n), 0);
        EQ_INT(bytes_n, n < size - at ? n : size - at);
        OK(memcmp(bytes, content.p + at, bytes_n) == 0);
    }
    char path[200];
    path_of(blob, path);
    struct stat st;
    OK(stat(path, &st) == 0);
    EQ_INT(st.st_mode & 0777, 0600);
    for (int i = 0; i < 50; i++) {
        FILE *f = fopen(path, "r+b");
        long at = 4 + (long)(text_random_u64() % (uint64_t)(st.st_size - 4));
        fseek(f, at, SEEK_SET);
        int c = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(c ^ 4, f);
        fflush(f);
        EQ_INT(get((uint64_t)(at - 4) / 65552 * 65536, 1), ERR_CORRUPT);
        fseek(f, at, SEEK_SET);
        fputc(c, f);
        fclose(f);
    }
    EQ_INT(get(0, 1 << 20), 0);
    OK(truncate(path, st.st_size - 10) == 0);
    EQ_INT(get(size - 5, 5), ERR_CORRUPT);
    EQ_INT(put(big(0), "amal"), 0);
    EQ_INT(claim(blob, "amal"), 0);
    EQ_INT(get(0, 10), 0);
    EQ_INT(bytes_n, 0);
    harness_end();
}

T(readers_do_not_get_the_key)
{
    struct buf out;
    buf_init(&out, 10000);
    EQ_INT(store_blob_public(SLICE("{\"attachments\":[{\"id\":\"a\",\"key\":\"SECRET\",\"size\":1},{\"key\":"
                                   "\"SECRET\"}],\"ref\":\"key\"}"),
                             &out),
           0);
    OK(!strstr(out.p, "SECRET"));
    OK(strstr(out.p, "\"ref\":\"key\"") && strstr(out.p, "\"size\":1"));
    buf_reset(&out);
    EQ_INT(store_blob_public((struct slice){0}, &out), 0);
    EQ_INT(store_blob_public(SLICE("not json"), &out), -ERR_INVALID);
    buf_clear(&out);
}

T(the_sweep_removes_what_nobody_names)
{
    harness_begin(1);
    char claimed[40], young[40], nobodys[40], path[200];
    EQ_INT(put(SLICE("a"), "amal"), 0);
    snprintf(claimed, sizeof claimed, "%s", blob);
    EQ_INT(claim(blob, "amal"), 0);
    EQ_INT(put(SLICE("b"), "amal"), 0);
    snprintf(young, sizeof young, "%s", blob);
    EQ_INT(put(SLICE("c"), "amal"), 0);
    snprintf(nobodys, sizeof nobodys, "%s", blob);
    struct utimbuf old = {time_wall_ms() / 1000 - 3 * 3600, time_wall_ms() / 1000 - 3 * 3600};
    path_of(claimed, path);
    utime(path, &old);
    path_of(nobodys, path);
    utime(path, &old);
    char key[80];
    snprintf(key, sizeof key, "DEL p:{demo}:blob:%s", nobodys);
    harness_ask(DATA, "%s", key); /* its hour is over */
    snprintf(key, sizeof key, "DEL p:{demo}:blob:%s", claimed);
    harness_ask(DATA, "%s", key);
    DONE(blob_sweep(harness_op(0), got_done, &g));
    EQ_INT(g.e.code, 0);
    OK(there(claimed));
    OK(there(young));
    OK(!there(nobodys));
    harness_end();
}

T(a_directory_of_another_store_is_refused)
{
    harness_begin(1);
    char path[200];
    const char *why;
    harness_close(0);
    snprintf(path, sizeof path, "%s/node/blobs/store", h.dir);
    FILE *f = fopen(path, "w");
    fputs("aaaaaaaaaaaaaaaaaaaaaaaaaa", f);
    fclose(f);
    struct err e;
    char data[160], keys[160], dir[96];
    snprintf(data, sizeof data, "unix:%s/data/s", h.dir);
    snprintf(keys, sizeof keys, "unix:%s/keys/s", h.dir);
    snprintf(dir, sizeof dir, "%s/node", h.dir);
    h.node[0] = store_open(
        &(struct store_config){
            .loop = h.loop, .data_url = data, .keys_url = keys, .dir = dir, .blob_low_water = 1},
        &e);
    OK(h.node[0]);
    WAIT_LONG(!store_ready(h.node[0], &why) && strstr(why, "another store"));
    unlink(path);
    WAIT_LONG(!store_ready(h.node[0], &why) && strstr(why, "missing")); /* it is looked at again */
    harness_end();
}

T(a_closing_store_answers_what_is_under_way)
{
    harness_begin(1);
    memset(&g, 0, sizeof g);
    for (int i = 0; i < 5; i++)
        store_blob_put(harness_op(0), big(1 << 20), SLICE("x/y"), SLICE("n"), SLICE("amal"), on_put, &g);
    harness_close(0);
    WAIT(g.calls == 5);
    EQ_INT(g.e.code, ERR_CANCELLED);
    harness_end();
}

TEST_MAIN
