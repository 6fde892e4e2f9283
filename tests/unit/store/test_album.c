/* SPDX-License-Identifier: Apache-2.0
 * Albums on real servers: items of one group become one entry, whoever stores them and however they come;
 * each id is taken in the same step. */
#include "gateway/base/json.h"
#include "tests/unit/store/harness.h"
#include <stdlib.h>

static bool same(struct id a, struct id b)
{
    return strcmp(a.s, b.s) == 0;
}

/* One picture of group g1 as the host gives it. */
static struct store_inbound picture(const char *id, const char *text)
{
    static struct store_media media[64];
    static char jobs[64][80], extras[64][120];
    static int k;
    k = (k + 1) % 64;
    snprintf(jobs[k], sizeof(jobs[k]), "{\"at\":0,\"ref\":\"file-%s\"}", id);
    snprintf(extras[k], sizeof(extras[k]), "{\"attachments\":[{\"name\":\"%s\"}],\"ids\":[\"%s\"]}", id, id);
    media[k].job = jobs[k];
    struct store_inbound in = message_in(id, "tel:+1", text);
    in.group = SLICE("g1");
    in.media = &media[k];
    in.media_n = 1;
    in.extra = slice_str(extras[k]);
    return in;
}

static size_t list_of(struct slice extra, const char *name, const char *joined)
{
    char got[600] = "";
    struct err e;
    json_t *o = json_parse(extra, 8, &e), *v;
    size_t i, n = json_array_size(json_object_get(o, name));
    json_array_foreach(json_object_get(o, name), i, v)
    {
        const char *s = json_string_value(json_is_string(v) ? v : json_object_get(v, "name"));
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "", s ? s : "?");
    }
    json_decref(o);
    if (joined)
        EQ_STR(got, joined);
    return n;
}

static struct store_entry only(struct id thread)
{
    size_t n;
    struct store_entry *e = entries_of(0, thread, &n);
    EQ_INT(n, 1);
    return e[0];
}

T(pictures_that_come_after_each_other_are_one_entry)
{
    harness_begin(2);
    struct store_inbound in = picture("a", "");
    struct got a = take_in(0, &in);
    EQ_INT(a.in.how, STORE_NEW_ENTRY);
    in = picture("b", "the bridge");
    struct got b = take_in(1, &in); /* a node that has never heard of them */
    EQ_INT(b.e.code, 0);
    EQ_INT(b.in.how, STORE_JOINED);
    OK(same(a.in.entry, b.in.entry) && same(a.in.thread, b.in.thread) && same(a.in.contact, b.in.contact));
    in = picture("c", "is gone");
    EQ_INT(take_in(0, &in).in.how, STORE_JOINED);
    struct store_entry e = only(a.in.thread);
    EQ_SLICE(e.text, "the bridge\nis gone");
    list_of(e.extra, "attachments", "a b c");
    list_of(e.extra, "ids", "a b c");
    EQ_INT(thread_of(0, a.in.thread).entries, 1);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:media"), 3);
    EQ_INT(harness_number(DATA, "HLEN p:{demo}:mediaj"), 3);
    for (int i = 0; i < 3; i++) {
        in = picture((const char *[]){"a", "b", "c"}[i], "again");
        struct got g = take_in(i % 2, &in);
        EQ_INT(g.in.how, STORE_DUPLICATE);
        OK(same(g.in.entry, a.in.entry));
    }
    EQ_SLICE(only(a.in.thread).text, "the bridge\nis gone");
    in = message_in("d", "tel:+1", "and something else");
    EQ_INT(take_in(1, &in).in.seq, 2);
    harness_end();
}

static void on_job(void *arg, const struct err *e, const struct store_media_job *j)
{
    struct got *g = arg;
    struct err none;
    g->e = *e;
    if (!e->code) {
        json_t *o = json_parse(j->job, 4, &none);
        snprintf(g->text, sizeof(g->text), "%lld %s", (long long)json_opt_int(o, "at", -1),
                 json_string_value(json_object_get(o, "ref")));
        json_decref(o);
    }
    g->calls++;
}

T(the_files_of_what_joined_have_their_own_places)
{
    harness_begin(1);
    struct store_inbound in = picture("a", "");
    struct got a = take_in(0, &in);
    in = picture("b", "");
    take_in(0, &in);
    static struct got g[3];
    memset(g, 0, sizeof(g));
    for (int i = 0; i < 3; i++) {
        store_media_next(harness_op(0), on_job, &g[i]);
        WAIT(g[i].calls);
    }
    EQ_STR(g[0].text, "0 file-a");
    EQ_STR(g[1].text, "1 file-b");
    EQ_INT(g[2].e.code, ERR_NOT_FOUND);
    (void)a;
    harness_end();
}

T(an_edit_of_any_picture_names_the_entry)
{
    harness_begin(1);
    struct store_inbound in = picture("a", "helo");
    struct got a = take_in(0, &in);
    in = picture("b", "");
    take_in(0, &in);
    for (int i = 0; i < 2; i++) {
        in = message_in(i ? "e2" : "e1", "tel:+1", "hello");
        in.kind = STORE_EDIT;
        in.target = i ? SLICE("b") : SLICE("a");
        EQ_INT(take_in(0, &in).in.how, STORE_NEW_ENTRY);
    }
    size_t n;
    struct store_entry *e = entries_of(0, a.in.thread, &n);
    EQ_INT(n, 3);
    OK(same(e[1].target, a.in.entry) && same(e[2].target, a.in.entry));
    harness_end();
}

T(all_ids_of_a_batch_are_taken_at_once)
{
    harness_begin(1);
    const struct slice more[] = {SLICE("b"), SLICE("c")};
    struct store_inbound in = picture("a", "");
    in.also_ids = more;
    in.also_ids_n = 2;
    struct got a = take_in(0, &in);
    EQ_INT(a.in.how, STORE_NEW_ENTRY);
    EQ_INT(take_in(0, &in).in.how, STORE_DUPLICATE);
    in = picture("b", "");
    EQ_INT(take_in(0, &in).in.how, STORE_DUPLICATE);
    /* z is new, b and c are not: nothing is stored, and it is told which. */
    in = picture("z", "");
    in.also_ids = more;
    in.also_ids_n = 2;
    struct got p = take_in(0, &in);
    EQ_INT(p.in.how, STORE_PARTLY);
    EQ_INT(p.in.seen, 6);
    in = picture("a", "");
    const struct slice fresh[] = {SLICE("y")};
    in.also_ids = fresh;
    in.also_ids_n = 1;
    p = take_in(0, &in);
    EQ_INT(p.in.how, STORE_PARTLY);
    EQ_INT(p.in.seen, 1);
    OK(same(p.in.entry, a.in.entry));
    EQ_INT(list_of(only(a.in.thread).extra, "attachments", "a"), 1);
    in = picture("z", "");
    EQ_INT(take_in(0, &in).in.how, STORE_JOINED);
    /* Ids without a group are taken as well. */
    in = message_in("k", "tel:+1", "no group");
    in.also_ids = (const struct slice[]){SLICE("l")};
    in.also_ids_n = 1;
    EQ_INT(take_in(0, &in).in.how, STORE_NEW_ENTRY);
    in = message_in("l", "tel:+1", "again");
    EQ_INT(take_in(0, &in).in.how, STORE_DUPLICATE);
    harness_end();
}

T(all_at_once_by_two_nodes)
{
    harness_begin(2);
    static struct got g[20];
    static char ids[20][16];
    memset(g, 0, sizeof(g));
    for (int i = 0; i < 20; i++) { /* each twice */
        snprintf(ids[i], sizeof(ids[i]), "p%d", i / 2);
        struct store_inbound in = picture(ids[i], "");
        store_ingest(harness_op(i % 2), &in, NULL, got_in, &g[i]);
    }
    int news = 0, joined = 0;
    for (int i = 0; i < 20; i++) {
        WAIT(g[i].calls);
        EQ_INT(g[i].e.code, 0);
        news += g[i].in.how == STORE_NEW_ENTRY;
        joined += g[i].in.how == STORE_JOINED;
        OK(same(g[i].in.entry, g[0].in.entry));
    }
    EQ_INT(news, 1);
    EQ_INT(joined, 9);
    struct store_entry e = only(g[0].in.thread);
    EQ_INT(list_of(e.extra, "attachments", NULL), 10);
    EQ_INT(list_of(e.extra, "ids", NULL), 10);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:media"), 10);
    harness_end();
}

T(another_person_or_group_is_another_entry)
{
    harness_begin(1);
    struct store_inbound in = picture("a", "");
    struct got a = take_in(0, &in);
    in = picture("b", "");
    in.address = SLICE("tel:+2");
    struct got b = take_in(0, &in);
    EQ_INT(b.in.how, STORE_NEW_ENTRY);
    OK(!same(a.in.contact, b.in.contact));
    in = picture("c", "");
    in.group = SLICE("g2");
    EQ_INT(take_in(0, &in).in.how, STORE_NEW_ENTRY);
    in = picture("d", "");
    in.group = SLICE("");
    EQ_INT(take_in(0, &in).in.how, STORE_NEW_ENTRY);
    in = picture("e", "");
    in.channel = "web";
    EQ_INT(take_in(0, &in).in.how, STORE_NEW_ENTRY);
    harness_end();
}

T(an_entry_that_is_full_is_followed_by_another)
{
    harness_begin(1);
    char id[16];
    struct got first = {0};
    for (int i = 0; i < 7; i++) {
        snprintf(id, sizeof(id), "q%d", i);
        struct store_inbound in = picture(id, "");
        in.group_files = 3;
        struct got g = take_in(0, &in);
        EQ_INT(g.in.how, i % 3 ? STORE_JOINED : STORE_NEW_ENTRY);
        if (i == 0)
            first = g;
    }
    size_t n;
    struct store_entry *e = entries_of(0, first.in.thread, &n);
    EQ_INT(n, 3);
    list_of(e[1].extra, "attachments", "q3 q4 q5");
    harness_end();
}

static void seal(void *arg, const struct store_known *k, struct store_inbound *in)
{
    (void)arg;
    (void)k;
    in->clearance = memmem(in->text.p, in->text.n, "abuse", 5) ? 2 : 0;
    in->priority = memmem(in->text.p, in->text.n, "fire", 4) ? 9 : 1;
}

T(what_seals_is_not_put_into_what_is_open)
{
    harness_begin(1);
    static struct got g[3];
    static const char *const texts[] = {"", "abuse", "fire"};
    memset(g, 0, sizeof(g));
    for (int i = 0; i < 3; i++) {
        struct store_inbound in = picture((const char *[]){"a", "b", "c"}[i], texts[i]);
        store_ingest(harness_op(0), &in, seal, got_in, &g[i]);
        WAIT(g[i].calls);
        EQ_INT(g[i].e.code, 0);
    }
    EQ_INT(g[1].in.how, STORE_NEW_ENTRY);
    OK(!same(g[0].in.thread, g[1].in.thread));
    EQ_INT(thread_of(0, g[1].in.thread).clearance, 2);
    EQ_INT(thread_of(0, g[0].in.thread).entries, 1);
    /* What follows belongs to the newest entry of the group, and is as closed as that. */
    EQ_INT(g[2].in.how, STORE_JOINED);
    OK(same(g[2].in.entry, g[1].in.entry));
    EQ_INT(thread_of(0, g[1].in.thread).priority, 9);
    harness_end();
}

static void resolve(struct id thread)
{
    char key[24];
    uint64_t handle;
    OK(store_thread_handle(harness_op(0), thread, &handle));
    memcpy(key, "p:{demo}:thread:", 16);
    store_handle_put(key + 16, handle);
    redis_send(h.redis[DATA], NULL, NULL, 4,
               (const struct slice[]){SLICE("HSET"), slice_of(key, 24), SLICE("st"), SLICE("5")});
    harness_ask(DATA, "PING");
}

T(what_was_resolved_meanwhile_is_opened_again)
{
    harness_begin(1);
    struct store_inbound in = picture("a", "");
    struct got a = take_in(0, &in);
    resolve(a.in.thread);
    in = picture("b", "");
    struct got b = take_in(0, &in);
    EQ_INT(b.in.how, STORE_NEW_ENTRY);
    EQ_INT(thread_of(0, b.in.thread).state, STORE_WAITING);
    harness_end();
}

static void on_event(void *arg, const struct store_event *ev)
{
    struct got *g = arg;
    if (ev && ev->kind == STORE_EV_ENTRY_CHANGED)
        snprintf(g->text, sizeof(g->text), "%s %llu", ev->why, (unsigned long long)ev->seq), g->calls++;
}

T(agents_are_told)
{
    harness_begin(2);
    static struct got g;
    memset(&g, 0, sizeof(g));
    struct store_listener *l = store_listen(harness_op(1), on_event, &g);
    struct store_inbound in = picture("a", "");
    take_in(0, &in);
    in = picture("b", "");
    take_in(0, &in);
    WAIT(g.calls);
    EQ_STR(g.text, "album 1");
    store_unlisten(&l);
    harness_end();
}

TEST_MAIN
