/* SPDX-License-Identifier: Apache-2.0
 * Backups and putting them back: everything is there again, nothing that was erased is, damage is noticed,
 * and what was acknowledged before a backup began is in it although the store went on. */
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "store/admin.h"
#include "store/agent.h"
#include "store/audit.h"
#include "store/blob.h"
#include "store/record.h"
#include "store/user.h"
#include "tests/unit/store/harness.h"
#include <sys/stat.h>
#include <unistd.h>

static struct got g;
static char manifest[100000], recovery[100], backup_dir[120];

static void on_json(void *arg, const struct err *e, struct slice text)
{
    snprintf(manifest, sizeof manifest, "%.*s", (int)text.n, text.p ? text.p : "");
    got_done(arg, e);
}

static void begin(void)
{
    harness_begin(1);
    DONE(store_recovery_key(h.node[0], got_text, &g));
    EQ_INT(g.e.code, 0);
    snprintf(recovery, sizeof recovery, "%.99s", g.text);
}

static void backup(void)
{
    static int n;
    snprintf(backup_dir, sizeof backup_dir, "%s/backup-%d", h.dir, ++n);
    DONE(store_backup(h.node[0], backup_dir, on_json, &g));
    if (g.e.code)
        TEST_FAIL("backup: %s", g.e.text);
}

/* The machine is lost: new servers, a new data directory. */
static void lose(void)
{
    static int n;
    char from[120], to[140];
    harness_close(0);
    for (int i = 0; i < 2; i++) {
        harness_ask(i, "FLUSHALL");
        harness_ask(i, "FUNCTION FLUSH");
    }
    snprintf(from, sizeof from, "%s/node", h.dir);
    snprintf(to, sizeof to, "%s/lost-%d", h.dir, ++n);
    OK(rename(from, to) == 0);
    harness_open(0);
}

static int restore(void)
{
    DONE(store_restore(h.node[0], backup_dir, slice_str(recovery), on_json, &g));
    return g.e.code;
}

static int64_t reported(const char *name)
{
    json_t *o = json_parse(slice_str(manifest), 8, NULL);
    int64_t v = json_opt_int(o, name, -1);
    json_decref(o);
    return v;
}

static struct got person(const char *address, const char *text)
{
    char id[80];
    snprintf(id, sizeof id, "m-%s", address);
    struct store_inbound in = message_in(id, address, text);
    in.name = SLICE("CANARY-name of a person");
    return take_in(0, &in);
}

static char blob[40], attachment[1000], bytes[100];
static void on_put(void *arg, const struct err *e, const char *id)
{
    snprintf(blob, sizeof blob, "%s", id ? id : "");
    got_done(arg, e);
}

static void on_bytes(void *arg, const struct err *e, struct slice b)
{
    snprintf(bytes, sizeof bytes, "%.*s", (int)b.n, b.p ? b.p : "");
    got_done(arg, e);
}

static void on_user(void *arg, const struct err *e, const struct store_user *u)
{
    (void)u;
    got_done(arg, e);
}

static void on_token(void *arg, const struct err *e, const struct store_token *t)
{
    (void)t;
    got_done(arg, e);
}

static char agent_name[80];
static void on_agent(void *arg, const struct err *e, const struct store_agent *a)
{
    snprintf(agent_name, sizeof agent_name, "%s", a ? a->name : "");
    got_done(arg, e);
}

static struct store_audit_verdict verdict;
static void on_verdict(void *arg, const struct err *e, const struct store_audit_verdict *v)
{
    verdict = *v;
    got_done(arg, e);
}

static size_t waiting_n;
static void on_waiting(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    (void)t;
    waiting_n = n;
    got_done(arg, e);
}

static void on_record(void *arg, const struct err *e, uint64_t version)
{
    (void)version;
    got_done(arg, e);
}

static size_t matters_n;
static void on_matters(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    (void)more;
    matters_n = n && slice_is(r[0].json, "{\"matter\":1}") ? n : 0;
    got_done(arg, e);
}

static bool message_there(struct id thread, const char *text)
{
    size_t n;
    struct store_entry *en = entries_of(0, thread, &n);
    for (size_t i = 0; i < n; i++)
        if (slice_is(en[i].text, text))
            return true;
    return false;
}

T(everything_is_there_again)
{
    begin();
    char extra[1200], token[100];
    struct got a = person("tel:+1", "CANARY-first"), b = person("tel:+2", "second");
    DONE(store_blob_put(harness_op(0), SLICE("a photograph"), SLICE("image/jpeg"), SLICE("p"),
                        SLICE("tel:+1"), on_put, &g));
    DONE(store_blob_claim(harness_op(0), blob, SLICE("tel:+1"), got_text, &g));
    snprintf(attachment, sizeof attachment, "%.999s", g.text);
    snprintf(extra, sizeof extra, "{\"attachments\":[%s]}", attachment);
    struct store_inbound in = message_in("file", "tel:+1", "look");
    in.extra = slice_str(extra);
    take_in(0, &in);
    struct store_user u = {.login = "leyla", .name = "Leyla", .locale = "tr", .operations = "demo"};
    DONE(store_user_put(h.node[0], &u, "password", "boss", got_done, &g));
    DONE(store_token_new(harness_op(0), "agent", "", 0, "", "boss", got_text, &g));
    snprintf(token, sizeof token, "%.99s", g.text);
    struct store_agent amal = {.id = "amal", .name = "Amal", .topics = "*", .capacity = 3};
    DONE(store_agent_put(harness_op(0), &amal, "boss", got_done, &g));
    DONE(store_assign(harness_op(0), b.in.thread, 0, "amal", "boss", got_thread, &g));
    DONE(store_op_document_put(harness_op(0), 0, SLICE("{\"operation\":\"demo\"}"), "boss", got_done, &g));
    struct record_put matter = {.r = {.kind = "callback",
                                      .id = "m1",
                                      .json = SLICE("{\"matter\":1}"),
                                      .contact = a.in.contact,
                                      .group = "t1"}};
    DONE(store_record_put(harness_op(0), &matter, on_record, &g));
    EQ_INT(g.e.code, 0);
    store_audit_sealer_start(harness_op(0));
    for (int i = 0; i < 2000 && !verdict.sealed; i++) {
        harness_turn(20);
        DONE(store_audit_verify(harness_op(0), NULL, on_verdict, &g));
    }
    OK(verdict.sealed);
    backup();
    EQ_INT(reported("threads"), 2);
    EQ_INT(reported("contacts"), 2);
    EQ_INT(reported("files"), 1);
    person("tel:+3", "after the backup");
    char root[65];
    snprintf(root, sizeof root, "%s", verdict.root);
    lose();
    EQ_INT(restore(), 0);
    EQ_INT(reported("threads"), 2);
    EQ_INT(reported("files"), 1);
    OK(store_ready(h.node[0], NULL));
    OK(message_there(a.in.thread, "CANARY-first"));
    OK(message_there(a.in.thread, "look"));
    EQ_INT(thread_of(0, b.in.thread).state, STORE_ASSIGNED);
    EQ_INT(harness_number(DATA, "SCARD p:{demo}:held:amal"), 1);
    DONE(store_blob_get(harness_op(0), slice_str(attachment), 0, 100, on_bytes, &g));
    EQ_INT(g.e.code, 0);
    EQ_STR(bytes, "a photograph");
    DONE(store_user_check(h.node[0], "leyla", "password", on_user, &g));
    EQ_INT(g.e.code, 0);
    DONE(store_token_check(h.node[0], slice_str(token), on_token, &g));
    EQ_INT(g.e.code, 0);
    DONE(store_agent_get(harness_op(0), "amal", on_agent, &g));
    EQ_STR(agent_name, "Amal");
    EQ_SLICE(store_op_document(harness_op(0), NULL), "{\"operation\":\"demo\"}");
    DONE(store_audit_verify(harness_op(0), root, on_verdict, &g));
    OK(verdict.intact);
    struct record_list matters = {.kind = "callback", .group = "t1"};
    DONE(store_record_list(harness_op(0), &matters, on_matters, &g));
    EQ_INT(matters_n, 1);
    DONE(store_waiting_get(harness_op(0), on_waiting, &g));
    EQ_INT(waiting_n, 1);
    EQ_INT(person("tel:+1", "CANARY-first").in.how, STORE_DUPLICATE);
    in = message_in("again", "tel:+1", "it goes on");
    struct got c = take_in(0, &in);
    EQ_STR(c.in.thread.s, a.in.thread.s);
    EQ_STR(c.in.contact.s, a.in.contact.s);
    OK(person("tel:+3", "anew").in.new_contact);
    OK(!harness_files_hold("CANARY-first"));
    EQ_INT(restore(), ERR_CONFLICT); /* the store is not empty any more */
    harness_close(0);                /* and it all opens at the next start */
    harness_open(0);
    OK(message_there(a.in.thread, "CANARY-first"));
    harness_end();
}

T(nobody_else_opens_it)
{
    begin();
    person("tel:+1", "x");
    backup();
    lose();
    char right[100];
    snprintf(right, sizeof right, "%s", recovery);
    recovery[0] = recovery[0] == 'A' ? 'B' : 'A';
    EQ_INT(restore(), ERR_INVALID);
    DONE(store_recovery_key(h.node[0], got_text, &g)); /* that of the new installation */
    snprintf(recovery, sizeof recovery, "%.99s", g.text);
    EQ_INT(restore(), ERR_CORRUPT);
    snprintf(recovery, sizeof recovery, "%s", right);
    EQ_INT(restore(), 0);
    snprintf(backup_dir, sizeof backup_dir, "%s/none", h.dir);
    EQ_INT(restore(), ERR_NOT_FOUND);
    harness_end();
}

T(every_flipped_byte_is_noticed_before_anything_is_written)
{
    begin();
    for (int i = 0; i < 10; i++) {
        char address[20];
        snprintf(address, sizeof address, "tel:+%d", i);
        person(address, "some words");
    }
    DONE(store_blob_put(harness_op(0), SLICE("a photograph"), SLICE("image/jpeg"), SLICE("p"),
                        SLICE("tel:+1"), on_put, &g));
    backup();
    lose();
    static const char *const names[] = {"data.parley", "keys.parley", "manifest.json"};
    uint64_t seed = text_random_u64();
    printf("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < 210; i++) {
        char path[160];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", backup_dir, names[i % 3]);
        OK(stat(path, &st) == 0);
        FILE *f = fopen(path, "r+b");
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        long at = (long)((seed >> 20) % (uint64_t)st.st_size);
        fseek(f, at, SEEK_SET);
        int c = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(c ^ (1 << (seed >> 60) % 8), f);
        fclose(f);
        int code = restore();
        if (code != ERR_CORRUPT && code != ERR_INVALID && code != ERR_UNSUPPORTED)
            TEST_FAIL("byte %ld of %s: %d %s", at, names[i % 3], code, g.e.text);
        EQ_INT(harness_number(DATA, "SCARD p:{_}:ops"), 0);
        f = fopen(path, "r+b");
        fseek(f, at, SEEK_SET);
        fputc(c, f);
        fclose(f);
    }
    EQ_INT(restore(), 0);
    EQ_INT(reported("threads"), 10);
    harness_end();
}

static void on_erased(void *arg, const struct err *e, int64_t until)
{
    g.n = until > store_now_ms(h.node[0]) + (int64_t)29 * 86400000;
    got_done(arg, e);
}

static void erased_stays_erased(int how)
{
    char line[300] = "", path[200];
    begin();
    struct got a = person("tel:+1", "CANARY-to be forgotten"), b = person("tel:+2", "stays");
    backup();
    memset(&g, 0, sizeof g);
    store_erase(harness_op(0), a.in.contact, "boss", on_erased, &g);
    WAIT_LONG(g.calls);
    EQ_INT(g.e.code, 0);
    EQ_INT(g.n, 1); /* the backup still holds the key for 30 days, and says so */
    snprintf(path, sizeof path, "%s/node/ledger.txt", h.dir);
    FILE *f = fopen(path, "r");
    OK(f && fgets(line, sizeof line, f));
    fclose(f);
    lose();
    if (how == 0) { /* the data directory is still there */
        f = fopen(path, "w");
    } else if (how == 1) { /* the operator keeps it with the backups */
        snprintf(path, sizeof path, "%s/ledger.txt", backup_dir);
        f = fopen(path, "w");
    } else { /* the key store has kept its ledger */
        struct slice rest = slice_str(line), op, kid;
        slice_next(&rest, ' ', &op);
        slice_next(&rest, ' ', &kid);
        char field[20];
        static char value[100];
        snprintf(field, sizeof field, "%.*s", (int)kid.n, kid.p);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(rest.p, "\n"), rest.p);
        redis_send(h.redis[KEYS], NULL, NULL, 4,
                   (const struct slice[]){SLICE("HSET"), SLICE("p:{demo}:ledger"), slice_str(field),
                                          slice_str(value)});
        harness_ask(KEYS, "PING");
        f = NULL;
    }
    if (f) {
        fputs(line, f);
        fclose(f);
    }
    EQ_INT(restore(), 0);
    EQ_INT(reported("erased"), 1);
    OK(!message_there(a.in.thread, "CANARY-to be forgotten"));
    OK(message_there(b.in.thread, "stays"));
    DONE(store_contact_by_address(harness_op(0), SLICE("tel:+1"), got_contact, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    DONE(store_contact_by_address(harness_op(0), SLICE("tel:+2"), got_contact, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(harness_number(KEYS, "HLEN p:{demo}:ledger"), 1);
    harness_end();
}

T(erased_stays_erased_by_the_directory)
{
    erased_stays_erased(0);
}

T(erased_stays_erased_by_a_given_ledger)
{
    erased_stays_erased(1);
}

T(erased_stays_erased_by_the_key_store)
{
    erased_stays_erased(2);
}

T(without_a_ledger_a_backup_brings_everybody_back)
{
    begin();
    struct got a = person("tel:+1", "x");
    backup();
    memset(&g, 0, sizeof g);
    store_erase(harness_op(0), a.in.contact, "boss", on_erased, &g);
    WAIT_LONG(g.calls);
    lose(); /* the ledger as well: the README says what that means */
    EQ_INT(restore(), 0);
    OK(message_there(a.in.thread, "x"));
    harness_end();
}

/* ---- under load ---- */

#define SENT_MAX 20000
#define PEOPLE   700

static struct sent {
    bool acknowledged, before; /* before: when the backup began */
    struct id entry;
} sent[SENT_MAX];

static void on_sent(void *arg, const struct err *e, const struct store_ingested *r)
{
    struct sent *s = arg;
    s->acknowledged = e->code == 0;
    if (r)
        s->entry = r->entry;
    g.calls++;
}

static void send_one(size_t i)
{
    char address[40], id[40], text[40];
    snprintf(address, sizeof address, "tel:+%zu",
             i > 2 * PEOPLE && i % 2 ? i : i % PEOPLE); /* known ones and new ones */
    snprintf(id, sizeof id, "id-%zu", i);
    snprintf(text, sizeof text, "message %zu", i);
    struct store_inbound in = message_in(id, address, text);
    store_ingest(harness_op(0), &in, NULL, on_sent, &sent[i]);
}

T(what_was_acknowledged_before_is_in_it)
{
    begin();
    size_t n = 0, before = 0, during = 0, missing = 0, later = 0, spoilt = 0;
    static int number;
    struct got backed = {0};
    memset(sent, 0, sizeof sent);
    memset(&g, 0, sizeof g);
    snprintf(backup_dir, sizeof backup_dir, "%s/loaded-%d", h.dir, ++number);
    for (; n < 1500; n++) {
        send_one(n);
        if (n % 20 == 19)
            loop_turn(h.loop, 1);
    }
    WAIT_LONG(g.calls > 1000);
    for (size_t i = 0; i < n; i++)
        before += sent[i].before = sent[i].acknowledged;
    store_backup(h.node[0], backup_dir, on_json, &backed);
    for (; n < SENT_MAX && !backed.calls; n++, during++) {
        send_one(n);
        if (n % 4 == 3)
            loop_turn(h.loop, 1);
    }
    WAIT_LONG(backed.calls);
    WAIT_LONG(g.calls == (int)n);
    EQ_INT(backed.e.code, 0);
    printf("%zu acknowledged before, %zu sent while it was made, %lld threads copied\n", before, during,
           (long long)reported("threads"));
    OK(before > 500 && during > 50);
    lose();
    EQ_INT(restore(), 0);
    for (size_t i = 0; i < n; i++) {
        static struct got e;
        char text[40];
        memset(&e, 0, sizeof e);
        snprintf(text, sizeof text, "message %zu", i);
        store_entry_find(harness_op(0), sent[i].entry, got_entry, &e);
        WAIT(e.calls);
        bool there = e.e.code == 0 && slice_is(e.entry[0].text, text);
        missing += sent[i].before && !there;
        later += !sent[i].before && there;
        spoilt += e.e.code == 0 && !there;
    }
    printf("%zu missing, %zu of the later ones are there\n", missing, later);
    EQ_INT(missing, 0);
    EQ_INT(spoilt, 0);
    DONE(store_waiting_get(harness_op(0), on_waiting, &g));
    EQ_INT(waiting_n, harness_number(DATA, "ZCARD p:{demo}:threads"));
    OK(waiting_n > PEOPLE);
    for (size_t i = 0; i < PEOPLE + 400;
         i++) { /* everybody goes on in their thread, or in a new one if theirs was too young */
        char address[40], id[40];
        size_t who = i < PEOPLE ? i : 2 * PEOPLE + 1 + 2 * (i - PEOPLE);
        snprintf(address, sizeof address, "tel:+%zu", who);
        snprintf(id, sizeof id, "new-%zu", i);
        struct store_inbound in = message_in(id, address, "after");
        struct got r = take_in(0, &in);
        EQ_INT(r.e.code, 0);
        OK(i >= PEOPLE || !r.in.new_contact);
    }
    harness_end();
}

T(what_was_not_sent_is_unknown_and_not_sent_twice)
{
    begin();
    struct got a = person("tel:+1", "x");
    struct store_outbound out = message_out(a.in.thread, "an answer");
    struct got w = write_out(0, &out);
    EQ_INT(w.e.code, 0);
    backup();
    lose();
    EQ_INT(restore(), 0);
    EQ_INT(reported("unsent"), 1);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:out:app"), 1);
    harness_end();
}

T(a_backup_in_the_middle_of_a_rotation_opens)
{
    begin();
    struct got a = person("tel:+1", "x"), rotated = {0};
    harness_turn(2200); /* the node is known to live */
    store_rotate_keys(harness_op(0), "boss", got_done, &rotated);
    for (int i = 0; i < 4000 && strcmp(harness_ask(KEYS, "HGET p:{demo}:rotate phase"), "use") != 0; i++)
        harness_turn(5);
    EQ_INT(rotated.calls, 0);
    backup();
    lose();
    OK(rotated.calls);
    EQ_INT(restore(), 0);
    OK(message_there(a.in.thread, "x"));
    harness_turn(2200);
    DONE(store_rotate_keys(harness_op(0), "boss", got_done, &g));
    EQ_INT(g.e.code, 0);
    OK(message_there(a.in.thread, "x"));
    harness_end();
}

TEST_MAIN
