/* SPDX-License-Identifier: Apache-2.0
 * Agents and the moves of threads, through the store's calls on real servers. */
#include "gateway/base/mem.h"
#include "store/agent.h"
#include "store/guard.h"
#include "tests/unit/store/harness.h"

static struct got g;
static void put(const char *id, unsigned capacity, int clearance, bool disabled)
{
    struct store_agent a = {.id = id,
                            .login = id,
                            .name = "CANARY-Amal Haddad",
                            .teams = "counselling",
                            .areas = "tr",
                            .topics = "*",
                            .languages = {{"ar", 5}, {"prs", 3}},
                            .languages_n = 2,
                            .clearance = clearance,
                            .roles = "agent supervisor",
                            .capacity = capacity,
                            .disabled = disabled};
    DONE(store_agent_put(harness_op(0), &a, "boss", got_done, &g));
    EQ_INT(g.e.code, 0);
}

static void beat(const char *id)
{
    DONE(store_agent_beat(harness_op(0), id, "socket", STORE_ONLINE, got_done, &g));
    EQ_INT(g.e.code, 0);
}

static int offer(struct id thread, const char *agent, unsigned ms)
{
    uint64_t version = thread_of(0, thread).version;
    DONE(store_offer(harness_op(0), 0, thread, version, agent, ms, got_done, &g));
    return g.e.code;
}

static struct id person(const char *address)
{
    char id[64];
    snprintf(id, sizeof id, "m-%s", address);
    struct store_inbound in = message_in(id, address, "I need help");
    struct got r = take_in(0, &in);
    EQ_INT(r.e.code, 0);
    return r.in.thread;
}

static struct store_agent agent;
static int agent_calls, agent_code;
static char agent_name[80], agent_teams[80];
static void on_agent(void *arg, const struct err *e, const struct store_agent *a)
{
    (void)arg;
    agent_calls++;
    agent_code = e->code;
    if (!a)
        return;
    agent = *a;
    snprintf(agent_name, sizeof agent_name, "%s", a->name);
    snprintf(agent_teams, sizeof agent_teams, "%s", a->teams);
}

static void get(const char *id)
{
    agent_calls = 0;
    store_agent_get(harness_op(0), id, on_agent, NULL);
    WAIT(agent_calls);
}

static size_t agents_n;
static void on_agents(void *arg, const struct err *e, const struct store_agent *const *a, size_t n)
{
    (void)arg, (void)e;
    agents_n = n;
    agent_calls++;
    if (n)
        snprintf(agent_name, sizeof agent_name, "%s", a[0]->name);
}

T(agents_are_kept_and_their_names_sealed)
{
    harness_begin(1);
    put("amal", 4, 1, false);
    get("amal");
    EQ_INT(agent_code, 0);
    EQ_STR(agent_name, "CANARY-Amal Haddad");
    EQ_STR(agent_teams, "counselling");
    EQ_INT(agent.languages_n, 2);
    EQ_STR(agent.languages[1].tag, "prs");
    EQ_INT(agent.languages[1].level, 3);
    EQ_INT(agent.capacity, 4);
    EQ_INT(agent.clearance, 1);
    EQ_INT(agent.presence, STORE_OFFLINE);
    beat("amal");
    get("amal");
    EQ_INT(agent.presence, STORE_ONLINE);
    OK(agent.idle_ms > 0);
    get("nobody");
    EQ_INT(agent_code, ERR_NOT_FOUND);
    agent_calls = 0;
    store_agents_get(harness_op(0), on_agents, NULL);
    WAIT(agent_calls);
    EQ_INT(agents_n, 1);
    OK(!harness_files_hold("CANARY-Amal"));
    struct store_agent bad = {.id = "Not A Name"};
    DONE(store_agent_put(harness_op(0), &bad, "boss", got_done, &g));
    EQ_INT(g.e.code, ERR_INVALID);
    DONE(store_agent_beat(harness_op(0), "nobody", "s", STORE_ONLINE, got_done, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    harness_end();
}

T(a_thread_goes_from_queue_to_agent_and_back)
{
    harness_begin(1);
    put("amal", 1, 0, false);
    beat("amal");
    struct id t = person("tel:+1"), u = person("tel:+2");
    EQ_INT(offer(t, "amal", 30000), 0);
    EQ_INT(offer(u, "amal", 30000), ERR_CONFLICT); /* capacity counts offers */
    struct store_thread x = thread_of(0, t);
    EQ_INT(x.state, STORE_OFFERED);
    EQ_STR(x.assignee, "amal");
    OK(x.offer_expires_ms > store_now_ms(h.node[0]) + 20000);
    DONE(store_decline(harness_op(0), t, "amal", "no longer here!", got_thread, &g));
    EQ_INT(g.e.code, ERR_INVALID);
    DONE(store_decline(harness_op(0), t, "amal", "busy", got_thread, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(g.thread.state, STORE_WAITING);
    OK(strncmp(g.thread.declined, "amal:", 5) == 0);
    EQ_INT(g.thread.waiting_ms, x.waiting_ms);
    EQ_INT(offer(t, "amal", 30000), 0);
    DONE(store_accept(harness_op(0), t, "other", got_thread, &g));
    EQ_INT(g.e.code, ERR_CONFLICT);
    DONE(store_accept(harness_op(0), t, "amal", got_thread, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(g.thread.state, STORE_ASSIGNED);
    EQ_STR(g.thread.last_agent, "amal");
    DONE(store_thread_read(harness_op(0), t, "amal", 1, got_done, &g));
    EQ_INT(thread_of(0, t).read_seq, 1);
    DONE(store_tag(harness_op(0), t, "amal", "urgent school", "", got_thread, &g));
    EQ_STR(g.thread.tags, "school urgent");
    struct store_language prs = {"prs", "", STORE_GUESSED};
    DONE(store_thread_patch(harness_op(0), t, "amal", &prs, "legal", 3, got_thread, &g));
    EQ_STR(g.thread.language.tag, "prs");
    EQ_INT(g.thread.language.how, STORE_SET);
    EQ_STR(g.thread.topic, "legal");
    EQ_INT(g.thread.priority, 3);
    DONE(store_resolve_for(harness_op(0), t, "amal", "answered", "answered_in_person", got_thread, &g));
    EQ_INT(g.thread.state, STORE_RESOLVED);
    EQ_STR(g.thread.outcome, "answered");
    EQ_STR(g.thread.assignee, "");
    DONE(store_reopen(harness_op(0), t, "amal", got_thread, &g));
    EQ_INT(g.thread.state, STORE_WAITING);
    EQ_STR(g.thread.last_agent, "amal"); /* preferred, and no more than that */
    DONE(store_resolve_for(harness_op(0), t, "boss", "answered", "answered_in_person", got_thread, &g));
    EQ_STR(g.thread.last_agent, ""); /* nobody held it then */
    struct id none = store_id_of(harness_op(0), 12345, 0), bad = {"nonsense"};
    DONE(store_accept(harness_op(0), none, "amal", got_thread, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    DONE(store_accept(harness_op(0), bad, "amal", got_thread, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    harness_end();
}

static unsigned expired;
static void on_expired(void *arg, const struct err *e, unsigned n)
{
    expired = n;
    got_done(arg, e);
}

static size_t waiting_n;
static struct id first_waiting;
static void on_waiting(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    waiting_n = n;
    if (n)
        first_waiting = t[0]->id;
    got_done(arg, e);
}

static bool nobody_first;
static void on_nobody(void *arg, const struct err *e, bool first)
{
    nobody_first = first;
    got_done(arg, e);
}

T(what_waits_is_listed_and_expired_offers_come_back_first)
{
    harness_begin(1);
    put("amal", 5, 0, false);
    beat("amal");
    struct id t = person("tel:+1");
    harness_turn(5);
    person("tel:+2");
    EQ_INT(offer(t, "amal", 1), 0);
    harness_turn(20);
    DONE(store_waiting_get(harness_op(0), on_waiting, &g));
    EQ_INT(waiting_n, 1);
    DONE(store_offers_expire(harness_op(0), 0, on_expired, &g));
    EQ_INT(expired, 1);
    DONE(store_waiting_get(harness_op(0), on_waiting, &g));
    EQ_INT(waiting_n, 2);
    EQ_STR(first_waiting.s, t.s);
    DONE(store_nobody_once(harness_op(0), t, on_nobody, &g));
    OK(nobody_first);
    DONE(store_nobody_once(harness_op(0), t, on_nobody, &g));
    OK(!nobody_first);
    harness_end();
}

T(all_that_waits_comes_in_pages)
{
    harness_begin(1);
    char address[32];
    static struct got all;
    memset(&all, 0, sizeof all);
    for (int i = 0; i < 1203; i++) {
        snprintf(address, sizeof address, "tel:+%d", i);
        struct store_inbound in = message_in(address, address, "x");
        store_ingest(harness_op(0), &in, NULL, got_in, &all);
        if (i % 200 == 0)
            harness_turn(1);
    }
    WAIT_LONG(all.calls == 1203);
    DONE(store_waiting_get(harness_op(0), on_waiting, &g));
    EQ_INT(waiting_n, 1203);
    harness_end();
}

T(raising_the_clearance_moves_the_thread_out_of_sight)
{
    harness_begin(1);
    put("amal", 5, 0, false);
    put("focal", 5, 2, false);
    struct id t = person("tel:+1");
    DONE(store_assign(harness_op(0), t, 0, "amal", "boss", got_thread, &g));
    EQ_INT(g.e.code, 0);
    struct store_transfer up = {.agent = "amal", .clearance = 2};
    DONE(store_transfer(harness_op(0), t, "amal", &up, got_thread, &g));
    EQ_INT(g.e.code, ERR_FORBIDDEN);
    EQ_INT(thread_of(0, t).clearance, 0);
    up = (struct store_transfer){.agent = "focal",
                                 .clearance = 2,
                                 .topic = "protection",
                                 .note = SLICE("CANARY-note for the focal point")};
    DONE(store_transfer(harness_op(0), t, "amal", &up, got_thread, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(g.thread.clearance, 2);
    EQ_STR(g.thread.assignee, "focal");
    EQ_STR(g.thread.topic, "protection");
    size_t n;
    struct store_entry *en = entries_of(0, t, &n);
    bool note = false, message = false;
    for (size_t i = 0; i < n; i++) {
        note = note || (en[i].kind == STORE_NOTE && slice_is(en[i].text, "CANARY-note for the focal point") &&
                        en[i].clearance == 2);
        message = message || (en[i].kind == STORE_MESSAGE && slice_is(en[i].text, "I need help") &&
                              en[i].clearance == 2);
    }
    OK(note && message);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:reseal"), 0);
    OK(!harness_files_hold("CANARY-note"));
    up.clearance = 0;
    up.note = (struct slice){0};
    DONE(store_transfer(harness_op(0), t, "focal", &up, got_thread, &g));
    EQ_INT(g.e.code, ERR_FORBIDDEN);
    harness_end();
}

T(disabling_an_agent_queues_their_threads)
{
    harness_begin(1);
    put("amal", 5, 0, false);
    beat("amal");
    struct id t = person("tel:+1"), u = person("tel:+2");
    DONE(store_assign(harness_op(0), t, 0, "amal", "boss", got_thread, &g));
    EQ_INT(offer(u, "amal", 30000), 0);
    put("amal", 5, 0, true);
    EQ_INT(thread_of(0, t).state, STORE_WAITING);
    EQ_INT(thread_of(0, u).state, STORE_WAITING);
    DONE(store_agent_beat(harness_op(0), "amal", "s", STORE_ONLINE, got_done, &g));
    EQ_INT(g.e.code, ERR_FORBIDDEN);
    harness_end();
}

T(an_older_router_is_refused)
{
    harness_begin(1);
    put("amal", 5, 0, false);
    beat("amal");
    struct id t = person("tel:+1");
    harness_ask(DATA, "HSET p:{demo}:fences router 7");
    DONE(store_agents_sweep(harness_op(0), 6, got_done, &g));
    EQ_INT(g.e.code, ERR_CONFLICT);
    DONE(store_agents_sweep(harness_op(0), 7, got_done, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(offer(t, "amal", 1000), ERR_CONFLICT); /* fence 0 */
    DONE(store_offer(harness_op(0), 7, t, thread_of(0, t).version, "amal", 1000, got_done, &g));
    EQ_INT(g.e.code, 0);
    harness_end();
}

T(two_nodes_never_both_win)
{
    harness_begin(2);
    put("amal", 100, 0, false);
    put("omid", 100, 0, false);
    beat("amal");
    beat("omid");
    for (int i = 0; i < 20; i++) {
        char address[32];
        struct got a = {0}, b = {0};
        snprintf(address, sizeof address, "tel:+%d", i);
        struct id t = person(address);
        uint64_t v = thread_of(0, t).version;
        store_offer(harness_op(0), 0, t, v, "amal", 30000, got_done, &a);
        store_offer(harness_op(1), 0, t, v, "omid", 30000, got_done, &b);
        WAIT(a.calls && b.calls);
        OK((a.e.code == 0) != (b.e.code == 0));
    }
    EQ_INT(harness_number(DATA, "SCARD p:{demo}:held:amal") +
               harness_number(DATA, "SCARD p:{demo}:held:omid"),
           20);
    harness_end();
}

TEST_MAIN
