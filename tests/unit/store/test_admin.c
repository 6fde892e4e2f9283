/* SPDX-License-Identifier: Apache-2.0
 * Erasing, rotating master keys, retention, figures, on real servers. */
#include "store/admin.h"
#include "gateway/base/mem.h"
#include "store/admin_internal.h"
#include "store/agent.h"
#include "store/guard.h"
#include "store/audit.h"
#include "store/blob.h"
#include "store/keys_internal.h"
#include "tests/unit/store/harness.h"
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static struct got g;
static int64_t expires;

static void on_erased(void *arg, const struct err *e, int64_t until)
{
    expires = until;
    got_done(arg, e);
}

static char blob[40], attachment[1000];
static void on_put(void *arg, const struct err *e, const char *id)
{
    snprintf(blob, sizeof blob, "%s", id ? id : "");
    got_done(arg, e);
}

static bool file_there(const char *id)
{
    char path[200];
    snprintf(path, sizeof path, "%s/node/blobs/demo/%.2s/%s", h.dir, id, id);
    return access(path, F_OK) == 0;
}

/* A person with a message, a message with a file, and an answer. */
static struct got person(const char *address)
{
    char id[80], extra[1200];
    snprintf(id, sizeof id, "m-%s", address);
    struct store_inbound in = message_in(id, address, "CANARY-words of a person");
    in.name = SLICE("CANARY-name of a person");
    struct slice words[] = {SLICE("canary"), SLICE("words")};
    in.words = words;
    in.words_n = 2;
    take_in(0, &in);
    DONE(store_blob_put(harness_op(0), SLICE("a photograph"), SLICE("image/jpeg"), SLICE("p.jpg"),
                        slice_str(address), on_put, &g));
    DONE(store_blob_claim(harness_op(0), blob, slice_str(address), got_text, &g));
    snprintf(extra, sizeof extra, "{\"attachments\":[%.1000s]}", g.text);
    snprintf(attachment, sizeof attachment, "%.999s", g.text);
    snprintf(id, sizeof id, "n-%s", address);
    in = message_in(id, address, "with a photograph");
    in.extra = slice_str(extra);
    struct got r = take_in(0, &in);
    struct store_outbound out = message_out(r.in.thread, "CANARY-answer");
    out.pull = true;
    EQ_INT(write_out(0, &out).e.code, 0);
    return r;
}

static int address_leads(const char *address)
{
    DONE(store_contact_by_address(harness_op(0), slice_str(address), got_contact, &g));
    return g.e.code;
}

static size_t readable(int node, struct id thread)
{
    size_t n, good = 0;
    struct store_entry *en = entries_of(node, thread, &n);
    for (size_t i = 0; i < n; i++)
        good += en[i].kind != STORE_EVENT && !en[i].erased && en[i].text.n;
    return good;
}

T(an_erased_person_is_gone)
{
    harness_begin(2);
    struct got a = person("tel:+1"), b = person("tel:+2");
    EQ_INT(readable(1, a.in.thread), 3); /* also in the other node's cache */
    char file[40];
    snprintf(file, sizeof file, "%s", blob);
    struct got again = a;
    DONE(store_blob_put(harness_op(0), SLICE("x"), SLICE("t"), SLICE("n"), SLICE("o"), on_put, &g));
    DONE(store_erase(harness_op(0), a.in.contact, "boss", on_erased, &g));
    EQ_INT(g.e.code, 0);
    OK(expires >= store_now_ms(h.node[0]) - 10000 && expires <= store_now_ms(h.node[0]));
    EQ_INT(address_leads("tel:+1"), ERR_NOT_FOUND);
    EQ_INT(address_leads("tel:+2"), 0);
    EQ_INT(readable(0, a.in.thread), 0);
    for (int i = 0; i < 200 && readable(1, a.in.thread); i++)
        harness_turn(50);
    EQ_INT(readable(1, a.in.thread), 0);
    EQ_INT(readable(1, b.in.thread), 3);
    EQ_INT(thread_of(0, a.in.thread).state, STORE_RESOLVED);
    DONE(store_contact_get(harness_op(0), a.in.contact, got_contact, &g));
    OK(g.e.code == ERR_ERASED || g.contact.erased);
    EQ_INT(harness_number(DATA, "HLEN p:{demo}:ledger"), 1);
    EQ_INT(harness_number(KEYS, "HLEN p:{demo}:ledger"), 1);
    EQ_INT(harness_number(DATA, "HLEN p:{demo}:erasing"), 0);
    DONE(store_erase(harness_op(0), again.in.contact, "boss", on_erased, &g));
    EQ_INT(g.e.code, 0);
    DONE(
        store_erase(harness_op(0), store_id_of(harness_op(0), 77, STORE_SEQ_CONTACT), "boss", on_erased, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    DONE(store_erase(harness_op(0), a.in.thread, "boss", on_erased, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    /* Who writes again from the same address is somebody new. */
    struct store_inbound in = message_in("new", "tel:+1", "hello");
    struct got c = take_in(0, &in);
    OK(c.in.new_contact);
    OK(strcmp(c.in.contact.s, a.in.contact.s) != 0);
    harness_end();
}

T(files_go_with_the_person)
{
    harness_begin(1);
    struct got a = person("tel:+1");
    char mine[40];
    snprintf(mine, sizeof mine, "%s", blob);
    person("tel:+2");
    OK(file_there(mine) && file_there(blob));
    DONE(store_erase(harness_op(0), a.in.contact, "boss", on_erased, &g));
    OK(!file_there(mine));
    OK(file_there(blob));
    EQ_INT(harness_number(DATA, "SCARD p:{demo}:blobs"), 1);
    harness_end();
}

static unsigned char raw_answer[128];
static size_t raw_n;
static int raw_calls;
static void on_raw(int err, bool maybe_done, const struct redis_reply *r, void *arg)
{
    (void)maybe_done, (void)arg;
    raw_calls++;
    raw_n = err || r->kind != REDIS_TEXT ? 0 : r->s.n < sizeof raw_answer ? r->s.n : sizeof raw_answer;
    memcpy(raw_answer, raw_n ? r->s.p : "", raw_n);
}

/* The wrapped key of a contact as it lies in the key store: raw_answer. */
static void wrapped_key(struct id contact)
{
    uint64_t handle, kid;
    char raw[8], field[8];
    struct buf key;
    buf_init(&key, 200);
    OK(store_contact_handle(harness_op(0), contact, &handle));
    store_handle_put(raw, handle);
    raw_calls = 0;
    redis_send(h.redis[DATA], on_raw, NULL, 3,
               (const struct slice[]){
                   SLICE("HGET"), store_key(harness_op(0), &key, "contact:", slice_of(raw, 8)), SLICE("k")});
    WAIT(raw_calls);
    OK(slice_u64(slice_of(raw_answer, raw_n), &kid));
    keys_place(harness_op(0), (uint32_t)kid, &key, field);
    raw_calls = 0;
    redis_send(h.redis[KEYS], on_raw, NULL, 3,
               (const struct slice[]){SLICE("HGET"), buf_view(&key), slice_str(field)});
    WAIT(raw_calls);
    buf_clear(&key);
}

/* Does any file of the key store hold 12 bytes in a row of this key? (Redis may cut longer ones when it
 * compresses.) */
static bool files_hold_key(const unsigned char *key, size_t n)
{
    char dir[100], path[400];
    bool found = false;
    snprintf(dir, sizeof dir, "%s/keys/appendonlydir", h.dir);
    DIR *d = opendir(dir);
    OK(d);
    for (struct dirent *en; (en = readdir(d));) {
        static char content[4 << 20];
        snprintf(path, sizeof path, "%s/%s", dir, en->d_name);
        FILE *f = fopen(path, "rb");
        size_t got = f ? fread(content, 1, sizeof content, f) : 0;
        for (size_t i = 0; got && i + 12 <= n && !found; i++)
            found = memmem(content, got, key + i, 12) != NULL;
        if (f)
            fclose(f);
    }
    closedir(d);
    return found;
}

T(no_file_of_the_key_store_holds_a_destroyed_key)
{
    harness_begin(1);
    struct got a = person("tel:+1"), b = person("tel:+2");
    unsigned char gone[CRYPTO_WRAPPED], kept[CRYPTO_WRAPPED];
    wrapped_key(a.in.contact);
    EQ_INT(raw_n, CRYPTO_WRAPPED);
    memcpy(gone, raw_answer, sizeof gone);
    wrapped_key(b.in.contact);
    memcpy(kept, raw_answer, sizeof kept);
    OK(files_hold_key(gone, sizeof gone));
    DONE(store_erase(harness_op(0), a.in.contact, "boss", on_erased, &g));
    EQ_INT(g.e.code, 0);
    OK(!files_hold_key(gone, sizeof gone));
    OK(files_hold_key(kept, sizeof kept));
    wrapped_key(a.in.contact);
    EQ_INT(raw_n, 0);
    harness_end();
}

T(an_erasure_that_was_cut_short_goes_on)
{
    harness_begin(1);
    struct got a = person("tel:+1");
    memset(&g, 0, sizeof g);
    store_erase(harness_op(0), a.in.contact, "boss", on_erased, &g);
    for (int i = 0; i < 1000 && harness_number(DATA, "HLEN p:{demo}:erasing") == 0; i++)
        ;
    harness_close(0);
    WAIT_LONG(g.calls);
    OK(g.e.code);
    harness_open(0);
    harness_op(0);
    for (int i = 0; i < 600 && harness_number(DATA, "HLEN p:{demo}:erasing"); i++)
        harness_turn(100); /* housekeeping begins a second after it has its lease */
    EQ_INT(harness_number(DATA, "HLEN p:{demo}:erasing"), 0);
    EQ_INT(harness_number(KEYS, "HLEN p:{demo}:ledger"), 1);
    EQ_INT(readable(0, a.in.thread), 0);
    EQ_INT(address_leads("tel:+1"), ERR_NOT_FOUND);
    OK(!file_there(blob));
    harness_end();
}

/* ---- rotation ---- */

static bool master_is(const char *suffix)
{
    char path[200];
    snprintf(path, sizeof path, "%s/node/keys/demo.master%s", h.dir, suffix);
    return access(path, F_OK) == 0;
}

T(a_new_master_key_opens_everything_and_the_old_one_nothing)
{
    harness_begin(2);
    struct got people[5];
    char address[20], old[80] = "", path[200];
    for (int i = 0; i < 5; i++) {
        snprintf(address, sizeof address, "tel:+%d", i);
        people[i] = person(address);
    }
    snprintf(path, sizeof path, "%s/node/keys/demo.master", h.dir);
    FILE *f = fopen(path, "r");
    OK(fgets(old, sizeof old, f));
    fclose(f);
    harness_turn(2500); /* both nodes are known to live */
    DONE(store_rotate_keys(harness_op(0), "boss", got_done, &g));
    if (g.e.code)
        TEST_FAIL("rotate: %s", g.e.text);
    OK(master_is("") && !master_is(".new"));
    EQ_INT(keys_master_version(harness_op(0)), 2);
    EQ_INT(keys_master_version(harness_op(1)), 2);
    EQ_STR(harness_ask(KEYS, "HGET p:{demo}:keys mv"), "2");
    EQ_INT(harness_number(KEYS, "EXISTS p:{demo}:rotate"), 0);
    struct store_inbound in = message_in("later", "tel:+99", "x");
    in.channel = "app";
    EQ_INT(take_in(1, &in).e.code, 0);
    harness_close(0);
    harness_close(1);
    harness_open(0);
    for (int i = 0; i < 5; i++)
        EQ_INT(readable(0, people[i].in.thread), 3);
    harness_close(0);
    f = fopen(path, "w"); /* the old master key */
    fputs(old, f);
    fclose(f);
    chmod(path, 0600);
    struct err e;
    char data[160], keys[160], dir[96];
    const char *why;
    snprintf(data, sizeof data, "unix:%s/data/s", h.dir);
    snprintf(keys, sizeof keys, "unix:%s/keys/s", h.dir);
    snprintf(dir, sizeof dir, "%s/node", h.dir);
    h.node[0] = store_open(
        &(struct store_config){
            .loop = h.loop, .data_url = data, .keys_url = keys, .dir = dir, .blob_low_water = 1},
        &e);
    WAIT_LONG(!store_ready(h.node[0], &why) && strstr(why, "another master key"));
    harness_end();
}

T(a_rotation_that_was_cut_short_goes_on)
{
    harness_begin(1);
    struct got a = person("tel:+1");
    harness_turn(2100);
    memset(&g, 0, sizeof g);
    store_rotate_keys(harness_op(0), "boss", got_done, &g);
    for (int i = 0; i < 4000 && strcmp(harness_ask(KEYS, "HGET p:{demo}:rotate phase"), "use") != 0; i++)
        harness_turn(10);
    harness_close(0);
    WAIT_LONG(g.calls);
    OK(g.e.code);
    harness_open(0);
    EQ_INT(readable(0, a.in.thread), 3);
    harness_ask(DATA, "DEL p:{_}:nodes"); /* the node of before is dead */
    harness_turn(2100);
    DONE(store_rotate_keys(harness_op(0), "boss", got_done, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(keys_master_version(harness_op(0)), 2);
    EQ_INT(readable(0, a.in.thread), 3);
    OK(master_is("") && !master_is(".new"));
    harness_end();
}

/* ---- retention ---- */

/* Moves a thread's entries into the past by rewriting the time in their clear heads. */
static void age(struct id thread, long long days)
{
    uint64_t handle;
    OK(store_thread_handle(harness_op(0), thread, &handle));
    char raw[8], text[32];
    store_handle_put(raw, handle);
    snprintf(text, sizeof text, "%lld", (long long)store_now_ms(h.node[0]) - days * 86400000);
    struct slice argv[] = {SLICE("EVAL"),
                           SLICE("local k = 'p:{demo}:log:' .. ARGV[1] for _, f in "
                                 "ipairs(redis.call('HKEYS', k)) do local v = redis.call('HGET', k, f) "
                                 "if string.byte(v, 1) > 0 and tonumber(f) then redis.call('HSET', k, f, "
                                 "string.sub(v, 1, 1) .. struct.pack('>I6', tonumber(ARGV[2])) "
                                 ".. string.sub(v, 8)) end end return 1"),
                           SLICE("0"), slice_of(raw, 8), slice_str(text)};
    redis_send(h.redis[DATA], NULL, NULL, 5, argv);
    harness_ask(DATA, "PING");
}

T(retention_removes_what_is_too_old_and_then_the_person)
{
    harness_begin(1);
    struct got a = person("tel:+1"), b = person("tel:+2");
    char bs[40];
    snprintf(bs, sizeof bs, "%s", blob);
    struct store_retention r = {"app", 30};
    age(a.in.thread, 40);
    DONE(store_resolve_for(harness_op(0), a.in.thread, "amal", "answered", "answered_in_person", got_thread,
                           &g));
    DONE(retention_run(harness_op(0), &r, 1, got_done, &g));
    EQ_INT(g.e.code, 0);
    DONE(store_thread_get(harness_op(0), a.in.thread, got_thread, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    DONE(store_contact_get(harness_op(0), a.in.contact, got_contact, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    EQ_INT(readable(0, b.in.thread), 3);
    OK(file_there(bs));
    EQ_INT(harness_number(DATA, "SCARD p:{demo}:blobs"), 1);
    EQ_INT(harness_number(KEYS, "HLEN p:{demo}:ledger"), 1);
    harness_end();
}

/* ---- figures and the recovery key ---- */

static struct store_counts counts;
static void on_counts(void *arg, const struct err *e, const struct store_counts *c)
{
    if (c)
        counts = *c;
    got_done(arg, e);
}

T(figures)
{
    harness_begin(1);
    person("tel:+1");
    person("tel:+2");
    DONE(store_count(harness_op(0), on_counts, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(counts.contacts, 2);
    EQ_INT(counts.threads, 2);
    EQ_INT(counts.open_threads, 2);
    OK(counts.entries >= 6);
    EQ_INT(counts.blobs, 2);
    OK(counts.data_bytes > 100000 && counts.key_bytes > 100000 && counts.disk_free_bytes > 0);
    harness_end();
}

T(the_recovery_key_is_told_until_it_is_put_away)
{
    harness_begin(1);
    char first[100], path[200];
    DONE(store_recovery_key(h.node[0], got_text, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(strlen(g.text), 77);
    snprintf(first, sizeof first, "%.99s", g.text);
    DONE(store_recovery_key(h.node[0], got_text, &g));
    EQ_STR(g.text, first);
    struct stat st;
    snprintf(path, sizeof path, "%s/node/keys/recovery-key", h.dir);
    OK(stat(path, &st) == 0);
    EQ_INT(st.st_mode & 0777, 0600);
    unlink(path);
    DONE(store_recovery_key(h.node[0], got_text, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    harness_end();
}

TEST_MAIN
