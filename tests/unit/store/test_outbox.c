/* SPDX-License-Identifier: Apache-2.0
 * What goes out: writing, the outbox with its order and leases, unknown outcomes, statuses in any order. */
#include "tests/unit/store/harness.h"
#include "gateway/base/mem.h"

static bool same(struct id a, struct id b)
{
    return strcmp(a.s, b.s) == 0;
}

/* ---- a channel's sender ---- */

struct sender {
    struct store_outbox *o;
    int lost, n;
    struct {
        char item[40], text[64], address[64], progress[64], target[64];
        unsigned tries;
        bool begun;
        struct store_entry entry;
    } got[100];
};

static void on_item(void *arg, const struct store_out_item *i)
{
    struct sender *s = arg;
    if (s->n == 100)
        return;
    snprintf(s->got[s->n].item, 40, "%s", i->item);
    snprintf(s->got[s->n].text, 64, "%.*s", (int)i->entry.text.n, i->entry.text.p);
    snprintf(s->got[s->n].address, 64, "%.*s", (int)i->address.n, i->address.p);
    snprintf(s->got[s->n].progress, 64, "%.*s", (int)i->progress.n, i->progress.n ? i->progress.p : "");
    snprintf(s->got[s->n].target, 64, "%.*s", (int)i->target_external.n,
             i->target_external.n ? i->target_external.p : "");
    s->got[s->n].tries = i->tries;
    s->got[s->n].begun = i->begun;
    s->got[s->n].entry = i->entry;
    s->n++;
}

static void on_lost(void *arg)
{
    ((struct sender *)arg)->lost++;
}

static void sender_open(struct sender *s, int node, uint64_t fence, unsigned window)
{
    memset(s, 0, sizeof(*s));
    s->o = store_outbox_open(harness_op(node), "app", fence, window, on_item, on_lost, s);
}

static struct err begin(struct sender *s, int i)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_out_begin(s->o, s->got[i].item, got_done, &g);
    WAIT(g.calls);
    return g.e;
}

static struct err result(struct sender *s, int i, enum store_status status, const char *external,
                         int64_t retry_ms)
{
    static struct got g;
    struct slice id = slice_str(external);
    memset(&g, 0, sizeof(g));
    struct store_out_result r = {.status = status,
                                 .retry_ms = retry_ms,
                                 .external_ids = &id,
                                 .external_ids_n = external ? 1 : 0,
                                 .error = status == STORE_FAILED ? SLICE("{\"code\":\"9\",\"text\":\"no\"}")
                                                                 : SLICE(""),
                                 .dead = status == STORE_FAILED};
    store_out_result(s->o, s->got[i].item, &r, got_done, &g);
    WAIT(g.calls);
    return g.e;
}

static struct id person(const char *address)
{
    char id[80];
    snprintf(id, sizeof(id), "in-%s", address);
    struct store_inbound in = message_in(id, address, "hello");
    return take_in(0, &in).in.thread;
}

static struct got reply(struct id thread, const char *text)
{
    struct store_outbound out = message_out(thread, text);
    struct got g = write_out(0, &out);
    EQ_INT(g.e.code, 0);
    return g;
}

static struct store_entry entry_at(struct id thread, int seq)
{
    size_t n;
    struct store_entry *e = entries_of(0, thread, &n);
    OK((int)n >= seq);
    return e[seq - 1];
}

static enum store_status status_in(const char *external, enum store_status status, const char *error)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_status_in(harness_op(0), "app", slice_str(external), status, slice_str(error), got_done, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    return status;
}

/* ---- writing ---- */

T(a_reply_goes_to_who_wrote)
{
    harness_begin(1);
    static struct sender s;
    struct id t = person("tel:+1");
    struct got g = reply(t, "an answer");
    EQ_INT(g.out.seq, 2);
    OK(!g.out.again);
    struct store_entry e = entry_at(t, 2);
    EQ_SLICE(e.text, "an answer");
    EQ_STR(e.channel, "app");
    EQ_STR(e.author_id, "amal");
    EQ_INT(e.author, STORE_AGENT);
    OK(!e.inbound);
    EQ_INT(e.status, STORE_STORED);
    EQ_INT(e.attempt, 1);
    OK(thread_of(0, t).first_reply_ms > 0);
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    EQ_STR(s.got[0].text, "an answer");
    EQ_STR(s.got[0].address, "tel:+1");
    OK(!s.got[0].begun && s.got[0].tries == 0);
    EQ_INT(begin(&s, 0).code, 0);
    EQ_INT(result(&s, 0, STORE_SENT, "X1", 0).code, 0);
    e = entry_at(t, 2);
    EQ_INT(e.status, STORE_SENT);
    EQ_SLICE(e.external_ids, "[\"X1\"]");
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:out:app"), 0);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:outl:app"), 0);
    store_outbox_close(&s.o);
    harness_end();
}

T(the_same_reference_is_one_entry)
{
    harness_begin(2);
    struct id t = person("tel:+1");
    struct store_outbound out = message_out(t, "once");
    out.ref = SLICE("ref-1");
    struct got a = write_out(0, &out);
    struct got b = write_out(1, &out);
    OK(!a.out.again && b.out.again && same(a.out.entry, b.out.entry));
    EQ_INT(b.out.seq, 2);
    out.author_id = "other"; /* an author's own */
    OK(!write_out(1, &out).out.again);
    harness_end();
}

static void seal(void *arg, const struct store_known *k, struct store_inbound *in)
{
    (void)arg;
    (void)k;
    in->clearance = 2;
}

/* Of a thread: in another one of the same person it is another entry. */
T(a_reference_is_one_of_its_thread)
{
    harness_begin(1);
    static struct got g;
    struct id open = person("tel:+1");
    struct store_inbound in = message_in("sealed", "tel:+1", "I report abuse");
    memset(&g, 0, sizeof(g));
    store_ingest(harness_op(0), &in, seal, got_in, &g);
    WAIT(g.calls);
    OK(!same(open, g.in.thread));
    struct store_outbound out = message_out(open, "for all"), sealed = message_out(g.in.thread, "for few");
    out.ref = sealed.ref = SLICE("ref-1");
    struct got a = write_out(0, &out), b = write_out(0, &sealed);
    OK(!a.out.again && !b.out.again && !same(a.out.entry, b.out.entry));
    EQ_SLICE(entry_at(g.in.thread, 2).text, "for few");
    OK(same(write_out(0, &out).out.entry, a.out.entry) && same(write_out(0, &sealed).out.entry, b.out.entry));
    harness_end();
}

T(notes_and_refusals)
{
    harness_begin(1);
    struct id t = person("tel:+1");
    struct store_outbound out = message_out(t, "private");
    out.kind = STORE_NOTE;
    EQ_INT(write_out(0, &out).e.code, 0);
    EQ_STR(entry_at(t, 2).channel, "");
    out.kind = STORE_MESSAGE;
    out.must_hold = "amal"; /* nobody holds it */
    EQ_INT(write_out(0, &out).e.code, ERR_CONFLICT);
    out.must_hold = "";
    out.channel = "other"; /* the person was never there */
    EQ_INT(write_out(0, &out).e.code, ERR_INVALID);
    out.channel = "app";
    out.address = SLICE("tel:+2"); /* not theirs */
    EQ_INT(write_out(0, &out).e.code, ERR_INVALID);
    out.address = SLICE("tel:+1");
    EQ_INT(write_out(0, &out).e.code, 0);
    out.thread = id_new();
    EQ_INT(write_out(0, &out).e.code, ERR_NOT_FOUND);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:out:app"), 1);
    harness_end();
}

T(pulled_messages_are_not_sent_but_have_a_status)
{
    harness_begin(1);
    static struct got g;
    struct id t = person("web:a");
    struct store_outbound out = message_out(t, "fetch me");
    out.pull = true;
    write_out(0, &out);
    write_out(0, &out);
    EQ_INT(harness_number(DATA, "EXISTS p:{demo}:out:app"), 0);
    memset(&g, 0, sizeof(g));
    store_status_set(harness_op(0), t, 3, true, STORE_DELIVERED, got_done, &g);
    WAIT(g.calls);
    EQ_INT(entry_at(t, 2).status, STORE_DELIVERED);
    EQ_INT(entry_at(t, 3).status, STORE_DELIVERED);
    memset(&g, 0, sizeof(g));
    store_status_set(harness_op(0), t, 2, false, STORE_READ, got_done, &g);
    WAIT(g.calls);
    EQ_INT(entry_at(t, 2).status, STORE_READ);
    memset(&g, 0, sizeof(g));
    store_status_set(harness_op(0), t, 3, true, STORE_DELIVERED, got_done, &g);
    WAIT(g.calls);
    EQ_INT(entry_at(t, 2).status, STORE_READ);
    EQ_INT(entry_at(t, 3).status, STORE_DELIVERED);
    harness_end();
}

/* ---- order ---- */

T(one_recipient_at_a_time_and_in_order)
{
    harness_begin(1);
    static struct sender s;
    struct id a = person("tel:+1"), b = person("tel:+2");
    reply(a, "a1");
    reply(a, "a2");
    harness_turn(2);
    reply(b, "b1");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 2);
    harness_turn(60);
    EQ_INT(s.n, 2); /* a2 waits for a1 */
    EQ_STR(s.got[0].text, "a1");
    EQ_STR(s.got[1].text, "b1");
    EQ_INT(result(&s, 0, STORE_STORED, NULL, store_now_ms(h.node[0]) + 300).code,
           0); /* again later: a2 waits on */
    EQ_INT(result(&s, 1, STORE_SENT, "B1", 0).code, 0);
    reply(b, "b2");
    WAIT(s.n == 3);
    EQ_STR(s.got[2].text, "b2");
    WAIT(s.n == 4);
    EQ_STR(s.got[3].text, "a1");
    EQ_INT(result(&s, 3, STORE_SENT, "A1", 0).code, 0);
    WAIT(s.n == 5);
    EQ_STR(s.got[4].text, "a2");
    EQ_INT(s.got[3].tries, 0); /* it was never begun */
    store_outbox_close(&s.o);
    harness_end();
}

T(a_window_bounds_what_is_under_way)
{
    harness_begin(1);
    static struct sender s;
    char address[32];
    for (int i = 0; i < 10; i++) {
        snprintf(address, sizeof(address), "tel:+%d", i);
        reply(person(address), "x");
    }
    sender_open(&s, 0, 1, 3);
    WAIT(s.n == 3);
    harness_turn(60);
    EQ_INT(s.n, 3);
    result(&s, 0, STORE_SENT, NULL, 0);
    WAIT(s.n == 4);
    store_outbox_pause(s.o, true);
    result(&s, 1, STORE_SENT, NULL, 0);
    harness_turn(60);
    EQ_INT(s.n, 4);
    store_outbox_pause(s.o, false);
    WAIT(s.n == 5);
    store_outbox_close(&s.o);
    harness_end();
}

/* ---- crashes ---- */

T(begun_and_never_ended_is_told)
{
    harness_begin(2);
    static struct sender s, next;
    struct id a = person("tel:+1"), b = person("tel:+2");
    reply(a, "begun");
    harness_turn(2);
    reply(b, "only taken");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 2);
    begin(&s, 0);
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_out_progress(s.o, s.got[0].item, SLICE("{\"parts\":[\"P1\"]}"), got_done, &g);
    WAIT(g.calls);
    /* That node dies; another gets the lease. */
    sender_open(&next, 1, 2, 10);
    WAIT(next.n == 2);
    int begun = next.got[0].begun ? 0 : 1;
    EQ_STR(next.got[begun].text, "begun");
    OK(next.got[begun].begun && next.got[begun].tries == 1);
    EQ_STR(next.got[begun].progress, "{\"parts\":[\"P1\"]}");
    OK(!next.got[!begun].begun);
    /* The old one is not dead after all: what it says is refused, and it is told. */
    EQ_INT(result(&s, 0, STORE_SENT, "late", 0).code, ERR_CONFLICT);
    WAIT(s.lost == 1);
    EQ_INT(begin(&s, 1).code, ERR_CONFLICT);
    EQ_INT(result(&next, begun, STORE_UNKNOWN_OUTCOME, NULL, 0).code, 0);
    EQ_INT(entry_at(a, 2).status, STORE_UNKNOWN_OUTCOME);
    /* A person decides to send it again: a new attempt, begun by nobody. */
    memset(&g, 0, sizeof(g));
    store_retry(harness_op(0), a, 2, "amal", got_done, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    WAIT(next.n == 3);
    OK(!next.got[2].begun && next.got[2].tries == 0);
    EQ_INT(next.got[2].entry.attempt, 2);
    EQ_STR(next.got[2].progress, "");
    store_outbox_close(&s.o);
    store_outbox_close(&next.o);
    harness_end();
}

T(an_older_fence_gets_nothing)
{
    harness_begin(1);
    static struct sender s, old;
    reply(person("tel:+1"), "x");
    sender_open(&s, 0, 5, 10);
    WAIT(s.n == 1);
    sender_open(&old, 0, 4, 10);
    WAIT(old.lost == 1);
    EQ_INT(old.n, 0);
    EQ_INT(result(&s, 0, STORE_SENT, NULL, 0).code, 0);
    store_outbox_close(&s.o);
    store_outbox_close(&old.o);
    harness_end();
}

T(an_outbox_survives_its_server)
{
    harness_begin(1);
    static struct sender s;
    struct id t = person("tel:+1");
    reply(t, "one");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    harness_kill(DATA);
    harness_turn(100);
    harness_start(DATA);
    WAIT(h.ready[0]);
    EQ_INT(result(&s, 0, STORE_SENT, "X", 0).code, 0);
    reply(t, "two");
    WAIT(s.n == 2);
    EQ_STR(s.got[1].text, "two");
    store_outbox_close(&s.o);
    harness_end();
}

/* ---- the dead list ---- */

T(dead_messages_are_seen_and_replayed)
{
    harness_begin(1);
    static struct sender s;
    static struct got g;
    struct id t = person("tel:+1");
    reply(t, "x");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    EQ_INT(result(&s, 0, STORE_FAILED, NULL, 0).code, 0);
    EQ_SLICE(entry_at(t, 2).error, "{\"code\":\"9\",\"text\":\"no\"}");
    EQ_INT(entry_at(t, 2).status, STORE_FAILED);
    EQ_INT(harness_number(DATA, "XLEN p:{demo}:dead:app"), 1);
    memset(&g, 0, sizeof(g));
    store_retry(harness_op(0), t, 2, "amal", got_done, &g);
    WAIT(g.calls);
    EQ_INT(harness_number(DATA, "XLEN p:{demo}:dead:app"), 0);
    WAIT(s.n == 2);
    EQ_INT(result(&s, 1, STORE_SENT, "again", 0).code, 0);
    struct store_entry e = entry_at(t, 2);
    EQ_INT(e.status, STORE_SENT);
    EQ_INT(e.attempt, 2);
    EQ_INT(e.error.n, 0);
    memset(&g, 0, sizeof(g));
    store_retry(harness_op(0), t, 2, "amal", got_done, &g); /* it has not failed */
    WAIT(g.calls);
    EQ_INT(g.e.code, ERR_CONFLICT);
    store_outbox_close(&s.o);
    harness_end();
}

static struct {
    int calls, n;
    struct store_dead first;
    char error[100];
} dead;

static void on_dead(void *arg, const struct err *e, const struct store_dead *d, size_t n)
{
    (void)arg;
    dead.calls++;
    dead.n = e->code ? -1 : (int)n;
    if (n) {
        dead.first = d[0];
        snprintf(dead.error, sizeof(dead.error), "%.*s", (int)d[0].error.n, d[0].error.p);
    }
}

T(the_dead_list_tells_the_error)
{
    harness_begin(2);
    static struct sender s;
    struct id t = person("tel:+1"), u = person("tel:+2");
    reply(t, "x");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    result(&s, 0, STORE_FAILED, NULL, 0);
    reply(u, "y");
    WAIT(s.n == 2);
    result(&s, 1, STORE_FAILED, NULL, 0);
    dead.calls = 0;
    store_dead_list(harness_op(1), "app", "", 10, on_dead, NULL);
    WAIT(dead.calls);
    EQ_INT(dead.n, 2);
    OK(same(dead.first.thread, u));
    EQ_INT(dead.first.seq, 2);
    EQ_STR(dead.error, "{\"code\":\"9\",\"text\":\"no\"}");
    OK(dead.first.time_ms > 0);
    store_outbox_close(&s.o);
    harness_end();
}

T(blocked_addresses)
{
    harness_begin(1);
    static struct sender s;
    static struct got g;
    struct id t = person("tel:+1");
    reply(t, "x");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    memset(&g, 0, sizeof(g));
    struct store_out_result r = {.status = STORE_FAILED, .blocked = true};
    store_out_result(s.o, s.got[0].item, &r, got_done, &g);
    WAIT(g.calls);
    memset(&g, 0, sizeof(g));
    store_contact_by_address(harness_op(0), SLICE("tel:+1"), got_contact, &g);
    WAIT(g.calls);
    OK(g.contact.addresses_n == 1 && g.contact.addresses[0].blocked && g.contact.addresses[0].verified);
    struct store_inbound in = message_in("back", "tel:+1", "I am back");
    take_in(0, &in);
    memset(&g, 0, sizeof(g));
    store_contact_by_address(harness_op(0), SLICE("tel:+1"), got_contact, &g);
    WAIT(g.calls);
    OK(!g.contact.addresses[0].blocked);
    store_outbox_close(&s.o);
    harness_end();
}

/* ---- statuses ---- */

T(statuses_only_move_up)
{
    harness_begin(1);
    static struct sender s;
    struct id t = person("tel:+1");
    reply(t, "x");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    result(&s, 0, STORE_SENT, "X1", 0);
    status_in("X1", STORE_READ, "");
    EQ_INT(entry_at(t, 2).status, STORE_READ);
    status_in("X1", STORE_DELIVERED, "");
    EQ_INT(entry_at(t, 2).status, STORE_READ);
    status_in("X1", STORE_FAILED, "{\"code\":\"1\"}");
    EQ_INT(entry_at(t, 2).status, STORE_READ);
    EQ_INT(entry_at(t, 2).error.n, 0);
    store_outbox_close(&s.o);
    harness_end();
}

T(early_statuses_wait_for_their_id)
{
    harness_begin(2);
    static struct sender s;
    struct id t = person("tel:+1"), u = person("tel:+2");
    status_in("X1", STORE_DELIVERED, "");
    status_in("X1", STORE_SENT, "");
    status_in("Y1", STORE_FAILED, "{\"code\":\"early\"}");
    reply(t, "x");
    reply(u, "y");
    sender_open(&s, 1, 1, 10);
    WAIT(s.n == 2);
    result(&s, 0, STORE_SENT, "X1", 0);
    EQ_INT(entry_at(t, 2).status, STORE_DELIVERED);
    result(&s, 1, STORE_SENT, "Y1", 0);
    harness_turn(300);
    EQ_INT(entry_at(u, 2).status, STORE_FAILED);
    EQ_SLICE(entry_at(u, 2).error, "{\"code\":\"early\"}");
    status_in("X1", STORE_READ, "");
    EQ_INT(entry_at(t, 2).status, STORE_READ);
    store_outbox_close(&s.o);
    harness_end();
}

T(parts_count_one_by_one)
{
    harness_begin(1);
    static struct sender s;
    static struct got g;
    struct id t = person("tel:+1");
    reply(t, "long");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    struct slice ids[3] = {SLICE("P1"), SLICE("P2"), SLICE("P3")};
    struct store_out_result r = {.status = STORE_SENT, .external_ids = ids, .external_ids_n = 3};
    memset(&g, 0, sizeof(g));
    status_in("P2", STORE_READ, ""); /* early, and of one part only */
    store_out_result(s.o, s.got[0].item, &r, got_done, &g);
    WAIT(g.calls);
    EQ_INT(entry_at(t, 2).status, STORE_SENT);
    EQ_SLICE(entry_at(t, 2).external_ids, "[\"P1\",\"P2\",\"P3\"]");
    status_in("P1", STORE_DELIVERED, "");
    EQ_INT(entry_at(t, 2).status, STORE_SENT);
    status_in("P3", STORE_DELIVERED, "");
    EQ_INT(entry_at(t, 2).status, STORE_DELIVERED);
    status_in("P1", STORE_READ, "");
    status_in("P3", STORE_READ, "");
    EQ_INT(entry_at(t, 2).status, STORE_READ);
    store_outbox_close(&s.o);
    harness_end();
}

T(a_status_of_an_older_attempt_changes_nothing)
{
    harness_begin(1);
    static struct sender s;
    static struct got g;
    struct id t = person("tel:+1");
    reply(t, "x");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    result(&s, 0, STORE_SENT, "X1", 0);
    status_in("X1", STORE_FAILED, "{\"code\":\"1\"}");
    EQ_INT(entry_at(t, 2).status, STORE_FAILED);
    EQ_SLICE(entry_at(t, 2).error, "{\"code\":\"1\"}");
    memset(&g, 0, sizeof(g));
    store_retry(harness_op(0), t, 2, "amal", got_done, &g);
    WAIT(g.calls);
    WAIT(s.n == 2);
    status_in("X1", STORE_DELIVERED, "");
    EQ_INT(entry_at(t, 2).status, STORE_STORED);
    result(&s, 1, STORE_SENT, "X2", 0);
    status_in("X1", STORE_FAILED, "");
    EQ_INT(entry_at(t, 2).status, STORE_SENT);
    status_in("X2", STORE_DELIVERED, "");
    EQ_INT(entry_at(t, 2).status, STORE_DELIVERED);
    store_outbox_close(&s.o);
    harness_end();
}

/* An edit of our own names the provider's id of what it changes; a person's reaction finds our message by
 * that id. */
T(targets_both_ways)
{
    harness_begin(1);
    static struct sender s;
    struct id t = person("tel:+1");
    struct got first = reply(t, "x");
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    result(&s, 0, STORE_SENT, "X1", 0);
    struct store_outbound out = message_out(t, "y");
    out.kind = STORE_EDIT;
    out.target = first.out.entry;
    EQ_INT(write_out(0, &out).e.code, 0);
    WAIT(s.n == 2);
    EQ_STR(s.got[1].target, "X1");
    EQ_INT(s.got[1].entry.kind, STORE_EDIT);
    OK(same(s.got[1].entry.target, first.out.entry));
    struct store_inbound in = message_in("r1", "tel:+1", "👍");
    in.kind = STORE_REACTION;
    in.target = SLICE("X1");
    EQ_INT(take_in(0, &in).in.how, STORE_NEW_ENTRY);
    OK(same(entry_at(t, 4).target, first.out.entry));
    store_outbox_close(&s.o);
    harness_end();
}

static struct got change(struct id thread, enum store_kind kind, struct id target, const char *address)
{
    struct store_outbound out = message_out(thread, "changed");
    out.kind = kind;
    out.target = target;
    out.address = slice_str(address);
    return write_out(0, &out);
}

static struct err block(const char *address, bool blocked)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_address_blocked(harness_op(0), "app", slice_str(address), blocked, got_done, &g);
    WAIT(g.calls);
    return g.e;
}

static struct err forget(const char *address)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_address_forget(harness_op(0), slice_str(address), got_done, &g);
    WAIT(g.calls);
    return g.e;
}

/* Somebody with two addresses on one channel: a change goes where what it changes went, and not where
 * they wrote last; nor to who has that address today. */
T(a_change_goes_where_its_target_went)
{
    harness_begin(1);
    static struct sender s;
    struct store_inbound in = message_in("1", "tel:+1", "hello");
    in.also = SLICE("tel:+2");
    struct id t = take_in(0, &in).in.thread;
    struct got first = reply(t, "x"); /* to where they wrote last */
    in = message_in("2", "tel:+2", "from my other telephone");
    OK(same(take_in(0, &in).in.thread, t));
    sender_open(&s, 0, 1, 10);
    WAIT(s.n == 1);
    EQ_STR(s.got[0].address, "tel:+1");
    result(&s, 0, STORE_SENT, "X1", 0);
    static const enum store_kind kinds[] = {STORE_EDIT, STORE_DELETION};
    for (int i = 0; i < 2; i++) {
        EQ_INT(change(t, kinds[i], first.out.entry, "").e.code, 0);
        WAIT(s.n == 2 + i);
        EQ_STR(s.got[1 + i].address, "tel:+1");
        EQ_STR(s.got[1 + i].target, "X1");
        result(&s, 1 + i, STORE_SENT, NULL, 0);
    }
    EQ_INT(change(t, STORE_EDIT, first.out.entry, "tel:+2").e.code, 0); /* nor where somebody says */
    WAIT(s.n == 4);
    EQ_STR(s.got[3].address, "tel:+1");
    result(&s, 3, STORE_SENT, NULL, 0);
    reply(t, "y");
    WAIT(s.n == 5);
    EQ_STR(s.got[4].address, "tel:+2");
    EQ_INT(block("tel:+1", true).code, 0);
    EQ_INT(change(t, STORE_EDIT, first.out.entry, "").e.code, ERR_CONFLICT);
    EQ_INT(block("tel:+1", false).code, 0);
    EQ_INT(change(t, STORE_EDIT, first.out.entry, "").e.code, 0);
    WAIT(s.n == 6);
    result(&s, 5, STORE_SENT, NULL, 0);
    EQ_INT(forget("tel:+1").code, 0);
    EQ_INT(change(t, STORE_EDIT, first.out.entry, "").e.code, ERR_CONFLICT);
    person("tel:+1"); /* the number is somebody else's now */
    EQ_INT(change(t, STORE_EDIT, first.out.entry, "").e.code, ERR_CONFLICT);
    harness_turn(100);
    EQ_INT(s.n, 6);
    store_outbox_close(&s.o);
    harness_end();
}

TEST_MAIN
