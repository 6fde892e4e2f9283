/* SPDX-License-Identifier: Apache-2.0
 * Events: in order on every node, resumed after any of them, told as a gap when they can't be; signals; the
 * document. */
#include "tests/unit/store/harness.h"
#include "gateway/base/mem.h"

struct heard {
    int n, gaps;
    struct store_event ev[300];
    char why[300][24], channel[300][24], actor[300][24];
};

static void on_event(void *arg, const struct store_event *ev)
{
    struct heard *x = arg;
    if (!ev) {
        x->gaps++;
        return;
    }
    if (x->n == 300)
        return;
    x->ev[x->n] = *ev;
    snprintf(x->why[x->n], 24, "%s", ev->why);
    snprintf(x->channel[x->n], 24, "%s", ev->channel);
    snprintf(x->actor[x->n], 24, "%s", ev->actor);
    x->n++;
}

struct events_got {
    int calls;
    struct err e;
    struct heard list;
};

static void on_list(void *arg, const struct err *e, const struct store_event *ev, size_t n)
{
    struct events_got *g = arg;
    g->e = *e;
    for (size_t i = 0; i < n; i++)
        on_event(&g->list, &ev[i]);
    g->calls++;
}

static struct events_got *after(int node, const char *id, unsigned limit)
{
    static struct events_got g;
    memset(&g, 0, sizeof(g));
    store_events_after(harness_op(node), id, limit, on_list, &g);
    WAIT(g.calls);
    return &g;
}

static struct got in(const char *id, const char *address)
{
    struct store_inbound m = message_in(id, address, "x");
    struct got g = take_in(0, &m);
    EQ_INT(g.e.code, 0);
    return g;
}

T(every_node_hears_all_in_order)
{
    harness_begin(2);
    static struct heard a, b;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    struct store_listener *la = store_listen(harness_op(0), on_event, &a),
                          *lb = store_listen(harness_op(1), on_event, &b);
    struct got g = in("1", "tel:+1");
    in("2", "tel:+1");
    struct store_outbound out = message_out(g.in.thread, "y");
    write_out(1, &out);
    WAIT(a.n == 4 && b.n == 4);
    EQ_INT(b.ev[0].kind, STORE_EV_THREAD);
    EQ_STR(b.why[0], "opened");
    EQ_INT(b.ev[0].state, STORE_WAITING);
    EQ_INT(b.ev[1].kind, STORE_EV_ENTRY);
    EQ_INT(b.ev[1].seq, 1);
    OK(b.ev[1].inbound);
    EQ_STR(b.channel[1], "app");
    EQ_STR(b.actor[1], "person");
    EQ_STR(b.ev[1].entry.s, g.in.entry.s);
    EQ_STR(b.ev[1].thread.s, g.in.thread.s);
    EQ_STR(b.ev[1].contact.s, g.in.contact.s);
    EQ_INT(b.ev[2].seq, 2);
    EQ_INT(b.ev[3].seq, 3);
    OK(!b.ev[3].inbound);
    EQ_STR(b.actor[3], "amal");
    for (int i = 0; i < 4; i++)
        EQ_STR(a.ev[i].id, b.ev[i].id);
    store_unlisten(&la);
    in("3", "tel:+1");
    WAIT(b.n == 5);
    EQ_INT(a.n, 4);
    store_unlisten(&lb);
    OK(!la && !lb);
    harness_end();
}

static struct {
    int calls, without;
    struct got told;
} opening;

static void on_opened(void *arg, const struct store_event *ev)
{
    (void)arg;
    if (ev && ev->opened) {
        EQ_INT(ev->kind, STORE_EV_THREAD);
        EQ_STR(ev->why, "opened");
        got_thread(&opening.told, &(struct err){0}, ev->opened);
    } else if (ev && ev->kind == STORE_EV_THREAD) {
        opening.without++;
    }
}

/* Node 1 hears of the thread that this opens all that it would read. */
static struct id opens(const struct store_inbound *in)
{
    static struct got read;
    memset(&opening, 0, sizeof(opening));
    memset(&read, 0, sizeof(read));
    struct store_listener *l = store_listen(harness_op(1), on_opened, NULL);
    struct got g = take_in(0, in);
    EQ_INT(g.e.code, 0);
    WAIT(opening.told.calls);
    store_unlisten(&l);
    store_thread_get(harness_op(1), g.in.thread, got_thread, &read);
    WAIT(read.calls);
    const struct store_thread *t = &opening.told.thread, *r = &read.thread;
    EQ_STR(t->id.s, r->id.s);
    EQ_STR(t->contact.s, r->contact.s);
    EQ_INT(t->state, r->state);
    EQ_STR(t->language.tag, r->language.tag);
    EQ_STR(t->topic, r->topic);
    EQ_STR(t->area, r->area);
    EQ_STR(t->channel, r->channel);
    EQ_STR(t->last_agent, r->last_agent);
    EQ_STR(t->team, r->team);
    EQ_STR(t->declined, r->declined);
    EQ_INT(t->priority, r->priority);
    EQ_INT(t->clearance, r->clearance);
    EQ_INT(t->no_last_agent, r->no_last_agent);
    EQ_INT(t->version, r->version);
    OK(t->waiting_ms >= r->waiting_ms && t->waiting_ms < r->waiting_ms + 1000);
    return g.in.thread;
}

T(an_opened_thread_need_not_be_read)
{
    harness_begin(2);
    struct store_inbound in = message_in("1", "tel:+1", "x");
    opens(&in); /* nothing is known of it */
    EQ_STR(opening.told.thread.language.tag, "");
    in.provider_id = SLICE("2");
    in.address = SLICE("tel:+2");
    in.language = (struct store_language){"ar", "Latn", STORE_GUESSED};
    in.topic = "registration";
    in.area = "tr/izmir";
    in.priority = 3;
    in.clearance = 1;
    in.no_last_agent = true;
    struct id t = opens(&in);
    EQ_STR(opening.told.thread.topic, "registration");
    EQ_INT(opening.told.thread.clearance, 1);
    OK(opening.told.thread.no_last_agent);
    char key[24];
    uint64_t handle;
    OK(store_thread_handle(harness_op(0), t, &handle));
    memcpy(key, "p:{demo}:thread:", 16);
    store_handle_put(key + 16, handle);
    redis_send(h.redis[DATA], NULL, NULL, 8,
               (const struct slice[]){SLICE("HSET"), slice_of(key, 24), SLICE("st"), SLICE("5"), SLICE("rs"),
                                      SLICE("1"), SLICE("la"), SLICE("amal")});
    harness_ask(DATA, "PING");
    in.provider_id = SLICE("3");
    in.topic = "";
    in.priority = -2;
    in.no_last_agent = false;
    opens(&in); /* another of the same person */
    EQ_STR(opening.told.thread.last_agent, "amal");
    EQ_INT(opening.told.thread.priority, -2);
    struct store_listener *l = store_listen(harness_op(1), on_opened, NULL);
    memset(&opening, 0, sizeof(opening));
    in.provider_id = SLICE("4");
    in.topic = "legal"; /* the thread has changed: no longer all is told */
    take_in(0, &in);
    WAIT(opening.without == 1);
    EQ_INT(opening.told.calls, 0);
    store_unlisten(&l);
    harness_end();
}

T(resuming_after_any_event)
{
    harness_begin(1);
    static struct heard all;
    memset(&all, 0, sizeof(all));
    struct store_listener *l = store_listen(harness_op(0), on_event, &all);
    for (int i = 0; i < 5; i++) {
        char id[16], address[24];
        snprintf(id, sizeof(id), "%d", i);
        snprintf(address, sizeof(address), "tel:+%d", i);
        in(id, address);
    }
    WAIT(all.n == 10);
    EQ_INT(after(0, "0-0", 0)->list.n, 10);
    for (int i = 0; i < 10; i++) {
        struct events_got *g = after(0, all.ev[i].id, 0);
        EQ_INT(g->e.code, 0);
        EQ_INT(g->list.n, 9 - i);
        if (i < 9)
            EQ_STR(g->list.ev[0].id, all.ev[i + 1].id);
    }
    EQ_INT(after(0, all.ev[0].id, 3)->list.n, 3);
    EQ_INT(after(0, "1-1", 0)->e.code, ERR_NOT_FOUND);
    EQ_INT(after(0, "nonsense", 0)->e.code, ERR_NOT_FOUND);
    EQ_INT(after(0, "", 0)->e.code, ERR_NOT_FOUND);
    char first[40];
    snprintf(first, sizeof(first), "%s", all.ev[1].id);
    harness_ask(DATA, "XTRIM p:{demo}:events MAXLEN 2");
    EQ_INT(after(0, first, 0)->e.code, ERR_NOT_FOUND);
    EQ_INT(after(0, all.ev[9].id, 0)->e.code, 0);
    harness_ask(DATA, "XTRIM p:{demo}:events MAXLEN 0");
    EQ_INT(after(0, all.ev[9].id, 0)->e.code, 0); /* the newest that ever was */
    EQ_INT(after(0, "0-0", 0)->e.code, ERR_NOT_FOUND);
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_events_last(harness_op(0), got_text, &g);
    WAIT(g.calls);
    EQ_STR(g.text, "0-0");
    store_unlisten(&l);
    harness_end();
}

T(a_break_without_loss_is_not_noticed)
{
    harness_begin(2);
    static struct heard b;
    memset(&b, 0, sizeof(b));
    struct store_listener *l = store_listen(harness_op(1), on_event, &b);
    in("1", "tel:+1");
    WAIT(b.n == 2);
    harness_kill(DATA);
    harness_turn(50);
    harness_start(DATA);
    WAIT(h.ready[0] && h.ready[1]);
    in("2", "tel:+1");
    WAIT(b.n == 3);
    EQ_INT(b.gaps, 0);
    EQ_INT(b.ev[2].seq, 2);
    store_unlisten(&l);
    harness_end();
}

T(a_break_with_loss_is_told)
{
    harness_begin(1);
    static struct heard b;
    memset(&b, 0, sizeof(b));
    struct store_listener *l = store_listen(harness_op(0), on_event, &b);
    in("1", "tel:+1");
    WAIT(b.n == 2);
    in("2", "tel:+1");
    WAIT(b.n == 3);
    harness_ask(DATA, "DEL p:{demo}:events"); /* as if a day had gone by */
    harness_kill(DATA);
    harness_turn(50);
    harness_start(DATA);
    WAIT(b.gaps == 1);
    in("3", "tel:+1");
    WAIT(b.n == 4);
    EQ_INT(b.ev[3].seq, 3);
    store_unlisten(&l);
    harness_end();
}

static struct {
    int n;
    struct store_signal s;
    char what[20], agent[20];
} signal_heard;

static void on_signal(void *arg, const struct store_signal *s)
{
    (void)arg;
    signal_heard.n++;
    signal_heard.s = *s;
    snprintf(signal_heard.what, 20, "%s", s->what);
    snprintf(signal_heard.agent, 20, "%s", s->agent);
}

T(signals_reach_all_nodes_and_are_not_kept)
{
    harness_begin(2);
    struct got g = in("1", "tel:+1");
    store_signal_listen(harness_op(1), on_signal, NULL);
    for (int i = 0; i < 100 && !signal_heard.n; i++) { /* until that node has subscribed */
        store_signal_send(harness_op(0), &(struct store_signal){.what = "typing",
                                                                .thread = g.in.thread,
                                                                .agent = "amal",
                                                                .channel = "app",
                                                                .seq = 7,
                                                                .on = true});
        harness_turn(50);
    }
    WAIT(signal_heard.n);
    EQ_STR(signal_heard.what, "typing");
    EQ_STR(signal_heard.agent, "amal");
    EQ_STR(signal_heard.s.thread.s, g.in.thread.s);
    EQ_INT(signal_heard.s.seq, 7);
    OK(signal_heard.s.on);
    harness_end();
}

/* ---- operations and their documents ---- */

static struct got put(int node, uint64_t version, const char *json)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_op_document_put(harness_op(node), version, slice_str(json), "root", got_done, &g);
    WAIT(g.calls);
    return g;
}

T(the_document_is_everywhere_before_its_event)
{
    harness_begin(2);
    static struct heard b;
    uint64_t version = 9;
    memset(&b, 0, sizeof(b));
    EQ_INT(store_op_document(harness_op(0), &version).n, 0);
    EQ_INT(version, 0);
    struct store_listener *l = store_listen(harness_op(1), on_event, &b);
    EQ_INT(put(0, 0, "{\"secret\":\"canary-in-the-document\"}").e.code, 0);
    EQ_SLICE(store_op_document(harness_op(0), &version), "{\"secret\":\"canary-in-the-document\"}");
    EQ_INT(version, 1);
    WAIT(b.n == 1);
    EQ_INT(b.ev[0].kind, STORE_EV_CONFIG);
    EQ_SLICE(store_op_document(harness_op(1), &version), "{\"secret\":\"canary-in-the-document\"}");
    EQ_INT(put(1, 0, "{}").e.code, ERR_CONFLICT);
    EQ_INT(put(1, 1, "{\"n\":2}").e.code, 0);
    in("1", "tel:+1");
    WAIT(b.n == 4);
    harness_close(0);
    harness_open(0);
    EQ_SLICE(store_op_document(harness_op(0), &version), "{\"n\":2}");
    EQ_INT(version, 2);
    OK(!harness_files_hold("canary-in-the-document"));
    store_unlisten(&l);
    harness_end();
}

static struct {
    int calls, code;
} made;

static void on_made(void *arg, const struct err *e, struct store_op *op)
{
    (void)arg;
    (void)op;
    made.calls++;
    made.code = e->code;
}

T(operations_come_and_go_on_all_nodes)
{
    harness_begin(2);
    static struct got g;
    made.calls = 0;
    store_op_make(h.node[1], "second", on_made, NULL);
    store_op_make(h.node[0], "second", on_made, NULL); /* both at once */
    WAIT(made.calls == 2);
    EQ_INT(made.code, 0);
    WAIT(store_op_find(h.node[0], SLICE("second")) && store_op_find(h.node[1], SLICE("second")));
    OK(store_op_at(h.node[0], 0) && store_op_at(h.node[0], 1) && !store_op_at(h.node[0], 2));
    struct store_inbound m = message_in("1", "tel:+1", "for the second");
    memset(&g, 0, sizeof(g));
    store_ingest(store_op_find(h.node[1], SLICE("second")), &m, NULL, got_in, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    struct id thread = g.in.thread;
    memset(&g, 0, sizeof(g));
    store_thread_get(harness_op(0), thread, got_thread, &g); /* another operation's id is none of ours */
    WAIT(g.calls);
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    memset(&g, 0, sizeof(g));
    store_entries_get(store_op_find(h.node[0], SLICE("second")), thread, 1, 10, got_entries, &g);
    WAIT(g.calls);
    EQ_SLICE(g.entry[0].text, "for the second");
    memset(&g, 0, sizeof(g));
    store_op_destroy(h.node[0], "second", got_done, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    WAIT(!store_op_find(h.node[1], SLICE("second")));
    EQ_INT(harness_number(KEYS, "EXISTS p:{second}:keys"), 0);
    EQ_INT(harness_number(DATA, "EXISTS p:{second}:events p:{second}:threads"), 0);
    made.calls = 0; /* the name may be used again, with other keys */
    store_op_make(h.node[0], "second", on_made, NULL);
    WAIT(made.calls);
    EQ_INT(made.code, 0);
    m = message_in("1", "tel:+1", "anew");
    memset(&g, 0, sizeof(g));
    store_ingest(store_op_find(h.node[0], SLICE("second")), &m, NULL, got_in, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    OK(g.in.new_contact);
    made.calls = 0;
    store_op_make(h.node[0], "Not A Name", on_made, NULL);
    WAIT(made.calls);
    EQ_INT(made.code, ERR_INVALID);
    harness_end();
}

TEST_MAIN
