/* SPDX-License-Identifier: Apache-2.0
 * What must survive and what must not be there: servers killed under load, servers that are away, full or
 * wrongly set up, wrong master keys, and a canary that is found in no file. */
#include "tests/unit/store/harness.h"
#include "gateway/base/mem.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- killed under load ---- */

#define MESSAGES 3000
#define PEOPLE   60

static struct {
    bool acked;
    int tries;
    struct id thread;
    uint64_t seq;
} sent[MESSAGES];
static int acked, under_way, failed;

static void on_stored(void *arg, const struct err *e, const struct store_ingested *r)
{
    size_t i = (size_t)(uintptr_t)arg;
    under_way--;
    if (e->code) {
        failed++;
        return;
    }
    sent[i].acked = true;
    sent[i].thread = r->thread;
    sent[i].seq = r->seq;
    acked++;
}

static void send(size_t i, int node)
{
    char id[24], address[24], text[32];
    snprintf(id, sizeof(id), "m%zu", i);
    snprintf(address, sizeof(address), "tel:+%zu", i % PEOPLE);
    snprintf(text, sizeof(text), "text %zu", i);
    struct store_inbound in = message_in(id, address, text);
    under_way++;
    sent[i].tries++;
    store_ingest(harness_op(node), &in, NULL, on_stored, (void *)(uintptr_t)i);
}

/* Every message is in its person's thread exactly once, and at its place when that was told. */
static void check_all(void)
{
    static unsigned char seen[MESSAGES];
    struct id done[PEOPLE];
    size_t threads = 0, entries = 0, n;
    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < MESSAGES; i++) {
        bool known = false;
        for (size_t k = 0; k < threads; k++)
            known = known || strcmp(done[k].s, sent[i].thread.s) == 0;
        if (known)
            continue;
        OK(threads < PEOPLE);
        done[threads++] = sent[i].thread;
        struct store_entry *e = entries_of(0, sent[i].thread, &n);
        for (size_t k = 0; k < n; k++) {
            size_t at = (size_t)atol(e[k].text.p + 5);
            OK(at < MESSAGES && !seen[at]);
            seen[at] = 1;
            EQ_STR(sent[at].thread.s, sent[i].thread.s);
            if (sent[at].tries == 1)
                EQ_INT(sent[at].seq, e[k].seq);
        }
        entries += n;
    }
    EQ_INT(threads, PEOPLE);
    EQ_INT(entries, MESSAGES);
}

T(killed_under_load_nothing_acknowledged_is_lost)
{
    harness_begin(2);
    size_t next = 0;
    int kills = 0;
    memset(sent, 0, sizeof(sent));
    acked = under_way = failed = 0;
    while (next < MESSAGES) {
        while (under_way < 40 && next < MESSAGES) {
            send(next, (int)(next % 2));
            next++;
        }
        loop_turn(h.loop, 1);
        if (acked > (kills + 1) * 600 && kills < 3) {
            harness_kill(kills == 1 ? KEYS : DATA);
            for (int i = 0; i < 5; i++) { /* and more comes while it is away */
                if (next < MESSAGES)
                    send(next++, 0);
                loop_turn(h.loop, 5);
            }
            harness_start(kills == 1 ? KEYS : DATA);
            kills++;
            WAIT(h.ready[0] && h.ready[1]);
        }
    }
    WAIT(under_way == 0);
    EQ_INT(kills, 3);
    OK(failed > 0);
    for (int round = 0; acked < MESSAGES && round < 10; round++) { /* providers try again */
        for (size_t i = 0; i < MESSAGES; i++)
            if (!sent[i].acked)
                send(i, 1);
        WAIT(under_way == 0);
    }
    EQ_INT(acked, MESSAGES);
    check_all();
    harness_end();
}

/* ---- away, full, wrong ---- */

static const char *why(int node)
{
    const char *w = "";
    store_ready(h.node[node], &w);
    return w;
}

T(away_means_not_ready_and_nothing_taken)
{
    harness_begin(1);
    struct store_inbound in = message_in("1", "tel:+1", "x");
    EQ_INT(take_in(0, &in).e.code, 0);
    harness_kill(DATA);
    WAIT(!h.ready[0]);
    OK(strstr(why(0), "data is away"));
    in.provider_id = SLICE("2");
    struct got g = take_in(0, &in);
    OK(g.e.code == ERR_UNAVAILABLE || g.e.code == ERR_TIMEOUT);
    harness_start(DATA);
    WAIT(h.ready[0]);
    EQ_INT(take_in(0, &in).e.code, 0);
    harness_kill(KEYS);
    WAIT(!h.ready[0]);
    OK(strstr(why(0), "keys is away"));
    harness_start(KEYS);
    WAIT(h.ready[0]);
    harness_end();
}

T(full_means_not_ready_until_there_is_room)
{
    harness_begin(1);
    struct store_inbound in = message_in("1", "tel:+1", "x");
    harness_ask(DATA, "CONFIG SET maxmemory 1");
    EQ_INT(take_in(0, &in).e.code, ERR_UNAVAILABLE);
    OK(!h.ready[0]);
    OK(strstr(why(0), "OOM"));
    harness_ask(DATA, "CONFIG SET maxmemory 0");
    WAIT(h.ready[0]);
    EQ_INT(take_in(0, &in).e.code, 0);
    harness_end();
}

T(settings_that_could_lose_data_are_refused)
{
    harness_begin(1);
    harness_close(0);
    harness_ask(DATA, "CONFIG SET appendfsync everysec");
    char data[160], keys[160], dir[96];
    snprintf(data, sizeof(data), "unix:%s/data/s", h.dir);
    snprintf(keys, sizeof(keys), "unix:%s/keys/s", h.dir);
    snprintf(dir, sizeof(dir), "%s/node", h.dir);
    struct store_config cf = {
        .loop = h.loop, .data_url = data, .keys_url = keys, .dir = dir, .blob_low_water = 1};
    struct err e = {0};
    h.node[0] = store_open(&cf, &e);
    harness_turn(300);
    OK(!store_ready(h.node[0], NULL));
    OK(strstr(why(0), "appendfsync \"everysec\""));
    harness_ask(DATA, "CONFIG SET appendfsync always");
    int64_t end = time_mono_us() + 8000000;
    while (!store_ready(h.node[0], NULL) && time_mono_us() < end)
        loop_turn(h.loop, 20);
    OK(store_ready(h.node[0], NULL));
    harness_close(0);
    harness_ask(KEYS, "CONFIG SET maxmemory-policy allkeys-lru");
    h.node[0] = store_open(&cf, &e);
    harness_turn(300);
    OK(strstr(why(0), "maxmemory-policy"));
    harness_close(0);
    cf.unsafe_redis = true;
    h.node[0] = store_open(&cf, &e);
    harness_turn(300);
    OK(store_ready(h.node[0], NULL));
    harness_ask(KEYS, "CONFIG SET maxmemory-policy noeviction");
    harness_end();
}

T(another_master_key_opens_nothing)
{
    harness_begin(1);
    char path[160], saved[170];
    snprintf(path, sizeof(path), "%s/node/keys/demo.master", h.dir);
    snprintf(saved, sizeof(saved), "%s.saved", path);
    struct stat st;
    OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    harness_close(0);
    OK(rename(path, saved) == 0);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    char other[65];
    memset(other, 'a', 64);
    other[64] = '\n';
    OK(write(fd, other, 65) == 65);
    close(fd);
    char data[160], keys[160], dir[96];
    snprintf(data, sizeof(data), "unix:%s/data/s", h.dir);
    snprintf(keys, sizeof(keys), "unix:%s/keys/s", h.dir);
    snprintf(dir, sizeof(dir), "%s/node", h.dir);
    struct store_config cf = {
        .loop = h.loop, .data_url = data, .keys_url = keys, .dir = dir, .blob_low_water = 1};
    struct err e = {0};
    h.node[0] = store_open(&cf, &e);
    harness_turn(300);
    OK(!store_ready(h.node[0], NULL));
    OK(strstr(why(0), "another master key"));
    OK(!store_op_find(h.node[0], SLICE("demo")));
    harness_close(0);
    OK(chmod(saved, 0644) == 0 && rename(saved, path) == 0); /* the right one, for all to read */
    h.node[0] = store_open(&cf, &e);
    harness_turn(300);
    OK(strstr(why(0), "0600"));
    harness_close(0);
    OK(chmod(path, 0600) == 0);
    h.node[0] = store_open(&cf, &e);
    harness_turn(300);
    OK(store_ready(h.node[0], NULL));
    harness_end();
}

static void write_file(const char *path, const char *text, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    OK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

T(a_program_may_print_the_master_key)
{
    harness_begin(0);
    char program[160], data[160], keys[160], dir[96];
    snprintf(program, sizeof(program), "%s/kms", h.dir);
    write_file(program, "#!/bin/sh\ncase $1 in _|demo) printf '%064d\\n' 7;; *) exit 1;; esac\n", 0700);
    snprintf(data, sizeof(data), "unix:%s/data/s", h.dir);
    snprintf(keys, sizeof(keys), "unix:%s/keys/s", h.dir);
    snprintf(dir, sizeof(dir), "%s/node", h.dir);
    mkdir(dir, 0700);
    struct store_config cf = {.loop = h.loop,
                              .data_url = data,
                              .keys_url = keys,
                              .dir = dir,
                              .blob_low_water = 1,
                              .master_key_command = program};
    struct err e = {0};
    h.node[0] = store_open(&cf, &e);
    WAIT(store_ready(h.node[0], NULL));
    char path[160];
    snprintf(path, sizeof(path), "%s/keys/_.master", dir);
    OK(access(path, F_OK) != 0);
    harness_end();
    unlink(program);
}

/* ---- the canary ---- */

static void with_words(void *arg, const struct store_known *k, struct store_inbound *in)
{
    static const struct slice words[] = {{"canary", 6}, {"canaryword", 10}};
    (void)arg;
    (void)k;
    in->words = words;
    in->words_n = 2;
}

static void sent_now(void *arg, const struct store_out_item *i)
{
    struct store_outbox *o = *(struct store_outbox **)arg;
    struct slice ids[] = {SLICE("canary-external-id")};
    struct store_out_result r = {.status = STORE_FAILED,
                                 .external_ids = ids,
                                 .external_ids_n = 1,
                                 .error = SLICE("{\"text\":\"canary error\"}"),
                                 .dead = true};
    store_out_result(o, i->item, &r, NULL, NULL);
}

static void lost(void *arg)
{
    (void)arg;
}

T(no_canary_in_any_file)
{
    harness_begin(2);
    static struct got g;
    struct store_media media = {"{\"url\":\"https://canary/file\"}"};
    struct store_inbound in = message_in("canary-id", "tel:+905550001122", "canary text");
    in.name = SLICE("canary name");
    in.extra = SLICE("{\"location\":\"canary place\"}");
    in.also = SLICE("whatsapp:canary.user");
    in.media = &media;
    in.media_n = 1;
    memset(&g, 0, sizeof(g));
    store_ingest(harness_op(0), &in, with_words, got_in, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    struct id thread = g.in.thread, contact = g.in.contact;
    in.id_per_sender = true;
    in.provider_id = SLICE("canary-ref");
    take_in(1, &in);
    struct store_outbound out = message_out(thread, "canary reply");
    out.ref = SLICE("canary-reply-ref");
    EQ_INT(write_out(1, &out).e.code, 0);
    struct store_outbox *o = NULL;
    o = store_outbox_open(harness_op(0), "app", 1, 5, sent_now, lost, &o);
    while (harness_number(DATA, "XLEN p:{demo}:dead:app") != 1)
        harness_turn(20);
    store_outbox_close(&o);
    memset(&g, 0, sizeof(g));
    store_contact_patch(harness_op(0), contact, 0, SLICE("{\"notes\":\"canary notes\"}"), NULL, "amal",
                        got_done, &g);
    WAIT(g.calls);
    memset(&g, 0, sizeof(g));
    store_status_in(harness_op(0), "app", SLICE("canary-unknown"), STORE_FAILED,
                    SLICE("{\"text\":\"canary early\"}"), got_done, &g);
    WAIT(g.calls);
    harness_ask(DATA, "BGREWRITEAOF"); /* the rewritten file too */
    harness_turn(500);
    OK(!harness_files_hold("canary"));
    OK(!harness_files_hold("905550001122"));
    OK(harness_files_hold("registration") == false &&
       harness_files_hold("app")); /* the search itself works */
    harness_end();
}

TEST_MAIN
