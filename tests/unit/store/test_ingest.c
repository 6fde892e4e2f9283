/* SPDX-License-Identifier: Apache-2.0
 * What comes in, on real servers: new and known people, copies, races of two nodes, reopening, edits, names,
 * clearance, order. */
#include "tests/unit/store/harness.h"
#include "gateway/base/mem.h"
#include "store/agent.h"
#include "store/guard.h"
#include <stdlib.h>

static bool same(struct id a, struct id b)
{
    return strcmp(a.s, b.s) == 0;
}

T(a_new_person_then_a_known_one)
{
    harness_begin(1);
    struct store_inbound in = message_in("m1", "tel:+905551234567", "مرحبا");
    in.name = SLICE("Leyla");
    in.extra = SLICE("{\"x\":1}");
    in.provider_ms = 1700000000123;
    struct got a = take_in(0, &in);
    EQ_INT(a.e.code, 0);
    EQ_INT(a.in.how, STORE_NEW_ENTRY);
    OK(a.in.new_contact && a.in.new_thread && !a.in.reopened);
    EQ_INT(a.in.seq, 1);
    in = message_in("m2", "tel:+905551234567", "ikinci");
    struct got b = take_in(0, &in);
    EQ_INT(b.e.code, 0);
    OK(!b.in.new_contact && !b.in.new_thread);
    EQ_INT(b.in.seq, 2);
    OK(same(a.in.thread, b.in.thread) && same(a.in.contact, b.in.contact) && !same(a.in.entry, b.in.entry));
    size_t n;
    struct store_entry *e = entries_of(0, a.in.thread, &n);
    EQ_INT(n, 2);
    EQ_SLICE(e[0].text, "مرحبا");
    EQ_SLICE(e[0].extra, "{\"x\":1}");
    EQ_INT(e[0].provider_ms, 1700000000123);
    EQ_STR(e[0].channel, "app");
    OK(e[0].inbound && e[0].author == STORE_PERSON && e[0].kind == STORE_MESSAGE);
    OK(same(e[0].id, a.in.entry) && same(e[1].id, b.in.entry) && same(e[0].thread, a.in.thread));
    OK(llabs(e[0].time_ms - store_now_ms(h.node[0])) < 5000);
    struct store_thread t = thread_of(0, a.in.thread);
    EQ_INT(t.state, STORE_WAITING);
    EQ_INT(t.last_in_seq, 2);
    EQ_INT(t.entries, 2);
    EQ_STR(t.channel, "app");
    OK(same(t.contact, a.in.contact));
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:waiting"), 1);
    harness_end();
}

T(another_node_and_a_restart_read_the_same)
{
    harness_begin(2);
    struct store_inbound in = message_in("m1", "tel:+1", "one");
    struct got a = take_in(0, &in);
    size_t n;
    EQ_SLICE(entries_of(1, a.in.thread, &n)[0].text, "one");
    in = message_in("m2", "tel:+1", "two");
    struct got b = take_in(1, &in);
    EQ_INT(b.in.seq, 2);
    harness_close(0);
    harness_open(0);
    EQ_SLICE(entries_of(0, a.in.thread, &n)[1].text, "two");
    EQ_INT(n, 2);
    harness_end();
}

T(ids_that_were_made_up)
{
    harness_begin(1);
    static struct got g;
    struct store_inbound in = message_in("m1", "tel:+1", "one");
    struct got a = take_in(0, &in);
    struct id wrong = a.in.entry;
    wrong.s[3] = wrong.s[3] == 'a' ? 'b' : 'a';
    memset(&g, 0, sizeof(g));
    store_entry_find(harness_op(0), a.in.entry, got_entry, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    EQ_SLICE(g.entry[0].text, "one");
    memset(&g, 0, sizeof(g));
    store_entry_find(harness_op(0), wrong, got_entry, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    memset(&g, 0, sizeof(g));
    store_entry_find(harness_op(0), a.in.thread, got_entry, &g); /* a thread is no entry */
    WAIT(g.calls);
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    memset(&g, 0, sizeof(g));
    store_thread_get(harness_op(0), a.in.contact, got_thread, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    harness_end();
}

/* ---- many at once ---- */

struct many {
    int done, new_entries, duplicates, errors, contacts, threads;
    struct id thread, contact, entry;
};

static void count(void *arg, const struct err *e, const struct store_ingested *r)
{
    struct many *m = arg;
    m->done++;
    if (e->code) {
        m->errors++;
        return;
    }
    m->new_entries += r->how == STORE_NEW_ENTRY;
    m->duplicates += r->how == STORE_DUPLICATE;
    m->contacts += r->new_contact;
    m->threads += r->new_thread;
    m->thread = r->thread;
    m->contact = r->contact;
    m->entry = r->entry;
}

T(ten_thousand_copies_make_one_entry)
{
    harness_begin(2);
    struct many m = {0};
    int copies = getenv("PARLEY_SANITIZED_FAST") ? 1000 : 10000;
    for (int i = 0; i < copies; i++) {
        struct store_inbound in = message_in("the same", "tel:+7", "copy");
        store_ingest(harness_op(i % 2), &in, NULL, count, &m);
        if (i % 64 == 0)
            loop_turn(h.loop, 0);
    }
    WAIT(m.done == copies);
    EQ_INT(m.errors, 0);
    EQ_INT(m.new_entries, 1);
    EQ_INT(m.duplicates, copies - 1);
    size_t n;
    entries_of(0, m.thread, &n);
    EQ_INT(n, 1);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:threads"), 1);
    harness_end();
}

/* The first messages of one person, at two nodes at once: one contact, one thread, all messages. */
T(parallel_first_messages_of_one_person)
{
    harness_begin(2);
    for (int round = 0; round < 20; round++) {
        struct many m = {0};
        char address[40], id[40];
        snprintf(address, sizeof(address), "tel:+99%d", round);
        for (int i = 0; i < 20; i++) {
            snprintf(id, sizeof(id), "%d-%d", round, i);
            struct store_inbound in = message_in(id, address, "hello");
            store_ingest(harness_op(i % 2), &in, NULL, count, &m);
        }
        WAIT(m.done == 20);
        EQ_INT(m.errors, 0);
        EQ_INT(m.new_entries, 20);
        EQ_INT(m.contacts, 1);
        EQ_INT(m.threads, 1);
        size_t n;
        entries_of(0, m.thread, &n);
        EQ_INT(n, 20);
    }
    EQ_INT(harness_number(DATA, "HGET p:{demo}:counts contacts"), 20);
    harness_end();
}

static void order_of(struct id thread, int from_node, int messages)
{
    size_t n;
    struct store_entry *e = entries_of(from_node, thread, &n);
    EQ_INT(n, messages);
    for (int i = 0; i < messages; i++) {
        char want[40];
        snprintf(want, sizeof(want), "text %d", i);
        EQ_SLICE(e[i].text, want);
        EQ_INT(e[i].seq, i + 1);
    }
}

static void resolve(struct id thread, long long ms_ago)
{
    char command[8][64], key[24];
    uint64_t handle;
    OK(store_thread_handle(harness_op(0), thread, &handle));
    memcpy(key, "p:{demo}:thread:", 16);
    store_handle_put(key + 16, handle);
    snprintf(command[0], 64, "%lld", (long long)store_now_ms(h.node[0]) - ms_ago);
    redis_send(h.redis[DATA], NULL, NULL, 6,
               (const struct slice[]){SLICE("HSET"), slice_of(key, 24), SLICE("st"), SLICE("5"), SLICE("rs"),
                                      slice_str(command[0])});
    harness_ask(DATA, "PING");
}

/* A batch of one person's messages, also their first ones, keeps its order; also when the node believes what
 * is no longer so. */
T(a_batch_keeps_its_order)
{
    harness_begin(2);
    static char ids[200][24], texts[200][24];
    struct many m = {0};
    for (int i = 0; i < 100; i++) {
        snprintf(ids[i], 24, "id%d", i);
        snprintf(texts[i], 24, "text %d", i);
        struct store_inbound in = message_in(ids[i], "tel:+5", texts[i]);
        store_ingest(harness_op(0), &in, NULL, count, &m);
        if (i == 40)
            loop_turn(h.loop, 1);
    }
    WAIT(m.done == 100);
    order_of(m.thread, 0, 100);
    /* The thread moves on without this node's knowledge: its cache is stale, and the next ones are right all
     * the same. */
    resolve(m.thread, 1000 * 3600000LL);
    memset(&m, 0, sizeof(m));
    for (int i = 0; i < 100; i++) {
        snprintf(ids[i], 24, "again%d", i);
        struct store_inbound in = message_in(ids[i], "tel:+5", texts[i]);
        store_ingest(harness_op(0), &in, NULL, count, &m);
    }
    WAIT(m.done == 100);
    EQ_INT(m.errors, 0);
    EQ_INT(m.threads, 1);
    order_of(m.thread, 1, 100);
    harness_end();
}

/* ---- what the provider's ids mean ---- */

T(ids_per_sender)
{
    harness_begin(2);
    struct store_inbound in = message_in("ref-1", "web:a", "first");
    in.id_per_sender = true;
    struct got a = take_in(0, &in);
    in.text = SLICE("the same ref");
    struct got again = take_in(1, &in);
    EQ_INT(again.in.how, STORE_DUPLICATE);
    OK(same(again.in.entry, a.in.entry)); /* webchat acknowledges with the same id */
    in.address = SLICE("web:b");
    struct got other = take_in(0, &in);
    EQ_INT(other.in.how, STORE_NEW_ENTRY);
    OK(!same(other.in.contact, a.in.contact));
    struct store_inbound channel = message_in("ref-1", "web:a", "an id of the channel");
    EQ_INT(take_in(0, &channel).in.how, STORE_NEW_ENTRY);
    channel.channel = "app2";
    EQ_INT(take_in(0, &channel).in.how, STORE_NEW_ENTRY);
    channel.forever = true;
    EQ_INT(take_in(0, &channel).in.how, STORE_NEW_ENTRY);
    struct got twice = take_in(0, &channel);
    EQ_INT(twice.in.how, STORE_DUPLICATE);
    OK(twice.in.entry.s[0]);
    harness_end();
}

/* ---- which thread ---- */

T(reopened_within_hours_new_after)
{
    harness_begin(1);
    struct store_inbound in = message_in("1", "tel:+1", "one");
    struct got a = take_in(0, &in);
    resolve(a.in.thread, 71 * 3600000LL);
    in.provider_id = SLICE("2");
    struct got b = take_in(0, &in);
    OK(same(a.in.thread, b.in.thread) && b.in.reopened);
    EQ_INT(thread_of(0, a.in.thread).state, STORE_WAITING);
    resolve(a.in.thread, 73 * 3600000LL);
    in.provider_id = SLICE("3");
    struct got c = take_in(0, &in);
    EQ_INT(c.e.code, 0);
    OK(!same(a.in.thread, c.in.thread) && c.in.new_thread && !c.in.new_contact &&
       same(a.in.contact, c.in.contact));
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_contact_get(harness_op(0), a.in.contact, got_contact, &g);
    WAIT(g.calls);
    EQ_INT(g.contact.threads_n, 2);
    OK(same(g.contact.threads[0], c.in.thread) && same(g.contact.threads[1], a.in.thread));
    harness_end();
}

static void seal(void *arg, const struct store_known *k, struct store_inbound *in)
{
    (void)arg;
    (void)k;
    if (memmem(in->text.p, in->text.n, "abuse", 5))
        in->clearance = 2;
}

static struct id quotes(int node, const char *text, const char *what)
{
    static struct got g;
    static int n;
    char id[16];
    memset(&g, 0, sizeof(g));
    snprintf(id, sizeof(id), "says-%d", n++);
    struct store_inbound in = message_in(id, "tel:+1", text);
    in.quotes = slice_str(what);
    store_ingest(harness_op(node), &in, seal, got_in, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    harness_turn(2); /* so that no two have the same time */
    return g.in.thread;
}

static struct id says(int node, const char *text)
{
    return quotes(node, text, "");
}

static void answered(int node, struct id thread, enum store_kind kind)
{
    struct store_outbound out = message_out(thread, "an answer");
    out.kind = kind;
    OK(!write_out(node, &out).e.code);
    harness_turn(2);
}

T(sealed_items_go_into_a_thread_of_their_own)
{
    harness_begin(2);
    struct id open = says(0, "hello"), sealed = says(0, "I report abuse");
    OK(!same(open, sealed));
    OK(same(says(1, "more abuse"), sealed));
    EQ_INT(thread_of(0, sealed).clearance, 2);
    EQ_INT(thread_of(0, open).clearance, 0);
    OK(same(thread_of(0, open).contact, thread_of(0, sealed).contact));
    size_t n;
    EQ_SLICE(entries_of(0, sealed, &n)[1].text, "more abuse");
    EQ_INT(entries_of(0, sealed, &n)[0].clearance, 2);
    EQ_INT(harness_number(DATA, "XLEN p:{demo}:audit"), 2);
    harness_end();
}

/* Whichever node takes it, and whatever it believed before. */
T(what_comes_goes_on_where_was_spoken_last)
{
    harness_begin(2);
    struct id open = says(0, "hello");
    OK(same(says(1, "it is me"), open)); /* both nodes know one thread */
    struct id sealed = says(0, "I report abuse");
    OK(same(says(1, "he came again"), sealed));
    OK(same(says(0, "what next"), sealed));
    answered(0, open, STORE_NOTE); /* nobody spoke to the person */
    OK(same(says(1, "are you there"), sealed));
    answered(1, open, STORE_MESSAGE);
    OK(same(says(0, "thank you for the bread"), open));
    OK(same(says(1, "and the milk"), open));
    OK(same(says(1, "the abuse goes on"), sealed)); /* words that seal count always */
    OK(same(says(0, "help"), sealed));
    answered(0, open, STORE_MESSAGE);
    answered(1, sealed, STORE_MESSAGE);
    OK(same(says(0, "help"), sealed));
    harness_end();
}

/* Offers that nobody takes, notes: what stands behind the last word does not hide it. */
T(what_is_sealed_goes_on_however_long_nobody_takes_it)
{
    harness_begin(1);
    struct id open = says(0, "hello"), sealed = says(0, "I report abuse");
    for (int i = 0; i < 210; i++)
        answered(0, sealed, STORE_NOTE);
    OK(same(says(0, "he came again"), sealed));
    answered(0, open, STORE_MESSAGE);
    OK(same(says(0, "thank you"), open));
    harness_end();
}

/* A provider's id or one of ours. */
T(a_reply_goes_on_with_what_it_quotes)
{
    harness_begin(2);
    struct store_inbound in = message_in("first", "tel:+1", "hello");
    struct got g = take_in(0, &in);
    struct id open = g.in.thread, sealed = says(0, "I report abuse");
    OK(same(quotes(1, "as I wrote", "first"), open));
    OK(same(says(0, "and more"), open)); /* there was spoken last */
    OK(same(quotes(0, "as I wrote of the abuse", "first"), sealed));
    OK(same(quotes(1, "yes", g.in.entry.s), open));
    OK(same(quotes(1, "more abuse", ""), sealed));
    OK(same(quotes(1, "never heard of", "unknown"), sealed));
    harness_end();
}

T(a_sealed_matter_that_was_resolved_goes_on)
{
    harness_begin(2);
    struct id sealed = says(0, "I report abuse");
    static struct got x;
    memset(&x, 0, sizeof(x));
    store_resolve_for(harness_op(0), sealed, "amal", "answered", "answered_in_person", got_thread, &x);
    WAIT(x.calls);
    OK(same(says(1, "one thing more"), sealed)); /* within the hours in which it is opened again */
    OK(same(says(0, "and more"), sealed));
    harness_end();
}

T(who_has_only_a_sealed_matter_goes_on_with_it)
{
    harness_begin(2);
    static struct got g[4];
    memset(g, 0, sizeof(g));
    static const char *const texts[] = {"I report abuse", "he came again", "and again", "hello"};
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        struct store_inbound in = message_in(id, i < 3 ? "tel:+1" : "tel:+2", texts[i]);
        store_ingest(harness_op(i % 2), &in, seal, got_in, &g[i]); /* the other node does not know yet */
        WAIT(g[i].calls);
        EQ_INT(g[i].e.code, 0);
    }
    OK(same(g[0].in.thread, g[1].in.thread) && same(g[0].in.thread, g[2].in.thread));
    EQ_INT(thread_of(0, g[2].in.thread).clearance, 2);
    EQ_INT(thread_of(0, g[3].in.thread).clearance, 0);
    harness_end();
}

/* ---- what decide sees and sets ---- */

static struct {
    int calls;
    struct store_known k;
    char sums[100], topic[64], area[64];
} seen;

static void look(void *arg, const struct store_known *k, struct store_inbound *in)
{
    (void)arg;
    seen.calls++;
    seen.k = *k;
    snprintf(seen.sums, sizeof(seen.sums), "%.*s", (int)k->sums.n, k->sums.n ? k->sums.p : "");
    snprintf(seen.topic, sizeof(seen.topic), "%s", k->topic);
    snprintf(seen.area, sizeof(seen.area), "%s", k->area);
    static const struct slice words[] = {{"مرحبا", 10}, {"visa", 4}};
    in->words = words;
    in->words_n = 2;
    in->sums = slice_str(seen.sums[0] ? "sums2" : "sums1");
    in->language = (struct store_language){.tag = "ar", .how = seen.k.known ? STORE_GUESSED : STORE_STATED};
    if (seen.k.known)
        strcpy(in->language.tag, "en"); /* a guess does not change what was stated */
    in->topic = "registration";
    in->area = "tr/izmir";
    in->priority = seen.k.known ? 3 : 1;
}

static uint64_t heard_seq;

static void hear(void *arg, const struct store_event *ev)
{
    (void)arg;
    if (ev && ev->kind == STORE_EV_ENTRY)
        heard_seq = ev->seq;
}

T(decide_knows_what_was_decided_before)
{
    harness_begin(2);
    static struct got g;
    struct store_listener *l = store_listen(harness_op(0), hear, NULL);
    for (int i = 0; i < 3; i++) {
        char id[16];
        memset(&g, 0, sizeof(g));
        memset(&seen, 0, sizeof(seen));
        snprintf(id, sizeof(id), "%d", i);
        struct store_inbound in = message_in(id, "tel:+1", "x");
        store_ingest(harness_op(i == 1), &in, look, got_in, &g);
        WAIT(g.calls);
        EQ_INT(g.e.code, 0);
        EQ_INT(seen.k.known, i > 0);
        EQ_INT(seen.k.open_thread, i > 0);
        EQ_STR(seen.sums, i == 0 ? "" : i == 1 ? "sums1" : "sums2");
        EQ_STR(seen.topic, i ? "registration" : "");
        EQ_STR(seen.area, i ? "tr/izmir" : "");
        EQ_STR(seen.k.language.tag, i ? "ar" : "");
        if (i)
            EQ_INT(seen.k.language.how, STORE_STATED);
        WAIT(heard_seq == (uint64_t)i + 1); /* that node hears of it */
    }
    store_unlisten(&l);
    struct store_thread t = thread_of(0, g.in.thread);
    EQ_STR(t.language.tag, "ar");
    EQ_INT(t.language.how, STORE_STATED);
    EQ_STR(t.topic, "registration");
    EQ_STR(t.area, "tr/izmir");
    EQ_INT(t.priority, 3);
    harness_end();
}

/* ---- addresses and names ---- */

static struct store_contact contact_at(const char *address)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_contact_by_address(harness_op(0), slice_str(address), got_contact, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    return g.contact;
}

static bool has_address(const struct store_contact *c, const char *uri)
{
    for (size_t i = 0; i < c->addresses_n; i++)
        if (slice_is(c->addresses[i].uri, uri))
            return true;
    return false;
}

T(a_second_address_joins)
{
    harness_begin(1);
    struct store_inbound in = message_in("1", "whatsapp:X", "one");
    in.also = SLICE("tel:+1");
    struct got a = take_in(0, &in);
    in = message_in("2", "tel:+1", "by sms");
    in.channel = "sms";
    struct got b = take_in(0, &in);
    OK(same(a.in.contact, b.in.contact));
    OK(!same(a.in.thread, b.in.thread)); /* whether it is the same person is asked first: same.lua */
    in = message_in("3", "signal:Y", "the number is known, the id is new");
    in.channel = "signal";
    in.also = SLICE("tel:+1");
    struct got c = take_in(0, &in);
    OK(same(a.in.contact, c.in.contact));
    in = message_in("4", "viber:Z", "known by itself, then with another number");
    take_in(0, &in);
    in.provider_id = SLICE("5");
    in.also = SLICE("tel:+2");
    struct got d = take_in(0, &in);
    EQ_INT(d.e.code, 0);
    struct store_contact x = contact_at("signal:Y");
    EQ_INT(x.addresses_n, 3);
    OK(has_address(&x, "whatsapp:X") && has_address(&x, "tel:+1") && has_address(&x, "signal:Y"));
    x = contact_at("tel:+2");
    OK(same(x.id, d.in.contact) && has_address(&x, "viber:Z") && has_address(&x, "tel:+2"));
    /* Two that are known as two people are not joined by this. */
    in = message_in("6", "whatsapp:X", "with the other's number");
    in.also = SLICE("tel:+2");
    struct got e = take_in(0, &in);
    OK(same(e.in.contact, a.in.contact));
    OK(same(contact_at("tel:+2").id, d.in.contact));
    harness_end();
}

static const char *profile_name(const char *address)
{
    static char text[300];
    struct store_contact c = contact_at(address);
    snprintf(text, sizeof(text), "%.*s", (int)c.profile.n, c.profile.p);
    return text;
}

T(names_come_from_the_provider_until_an_agent_gives_one)
{
    harness_begin(1);
    static struct got g;
    struct store_inbound in = message_in("1", "tel:+1", "one");
    struct got a = take_in(0, &in);
    EQ_STR(profile_name("tel:+1"), "");
    in.provider_id = SLICE("2");
    in.name = SLICE("Leyla");
    take_in(0, &in);
    EQ_STR(profile_name("tel:+1"), "{\"name\":\"Leyla\"}");
    in.provider_id = SLICE("3");
    in.name = SLICE("Leyla \"Y\"");
    take_in(0, &in);
    harness_turn(400);
    EQ_STR(profile_name("tel:+1"), "{\"name\":\"Leyla \\\"Y\\\"\"}");
    memset(&g, 0, sizeof(g));
    store_contact_patch(harness_op(0), a.in.contact, 0, SLICE("{\"name\":\"Mrs Yilmaz\",\"notes\":\"n\"}"),
                        NULL, "amal", got_done, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    in.provider_id = SLICE("4");
    in.name = SLICE("somebody else");
    take_in(0, &in);
    harness_turn(400);
    EQ_STR(profile_name("tel:+1"), "{\"name\":\"Mrs Yilmaz\",\"notes\":\"n\"}");
    harness_end();
}

T(an_address_is_forgotten)
{
    harness_begin(1);
    static struct got g;
    struct store_inbound in = message_in("1", "web:a", "one");
    struct got a = take_in(0, &in);
    memset(&g, 0, sizeof(g));
    store_address_forget(harness_op(0), SLICE("web:a"), got_done, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    harness_turn(400);
    in.provider_id = SLICE("2");
    struct got b = take_in(0, &in);
    OK(b.in.new_contact && !same(a.in.contact, b.in.contact));
    harness_end();
}

/* ---- edits ---- */

T(edits_name_what_they_change)
{
    harness_begin(1);
    struct store_inbound in = message_in("m1", "tel:+1", "helo");
    struct got a = take_in(0, &in);
    in = message_in("e1", "tel:+1", "hello");
    in.kind = STORE_EDIT;
    in.target = SLICE("m1");
    struct got b = take_in(0, &in);
    EQ_INT(b.e.code, 0);
    EQ_INT(b.in.how, STORE_NEW_ENTRY);
    size_t n;
    struct store_entry *e = entries_of(0, a.in.thread, &n);
    EQ_INT(n, 2);
    EQ_INT(e[1].kind, STORE_EDIT);
    OK(same(e[1].target, a.in.entry));
    in.provider_id = SLICE("e2");
    in.target = SLICE("nobody knows it");
    EQ_INT(take_in(0, &in).in.how, STORE_IGNORED);
    in.target = SLICE("m1");
    in.address = SLICE("tel:+666"); /* another person can't */
    EQ_INT(take_in(0, &in).in.how, STORE_IGNORED);
    EQ_INT(take_in(0, &in).in.how, STORE_IGNORED);
    in = message_in("e1", "tel:+1", "hello");
    in.kind = STORE_EDIT;
    in.target = SLICE("m1");
    EQ_INT(take_in(0, &in).in.how, STORE_DUPLICATE);
    harness_end();
}

T(media_jobs)
{
    harness_begin(1);
    static struct got g;
    struct store_media media[2] = {{"{\"url\":\"https://x/1\"}"}, {"{\"url\":\"https://x/2\"}"}};
    struct store_inbound in = message_in("1", "tel:+1", "see");
    in.extra = SLICE("{\"attachments\":[{\"state\":\"fetching\"},{\"state\":\"fetching\"}]}");
    in.media = media;
    in.media_n = 2;
    struct got a = take_in(0, &in);
    EQ_INT(a.e.code, 0);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:media"), 2);
    (void)g;
    harness_end();
}

T(bad_items)
{
    harness_begin(1);
    struct store_inbound in = message_in("", "tel:+1", "x");
    EQ_INT(take_in(0, &in).e.code, ERR_INVALID);
    in = message_in("1", "", "x");
    EQ_INT(take_in(0, &in).e.code, ERR_INVALID);
    harness_end();
}

TEST_MAIN
