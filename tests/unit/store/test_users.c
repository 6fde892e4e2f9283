/* SPDX-License-Identifier: Apache-2.0
 * Users, sessions, tokens on real servers; nothing of them may stand in clear in any file. */
#include "store/user.h"
#include "gateway/base/mem.h"
#include "tests/unit/store/harness.h"

static struct got g;
static char login[80], name[80], operations[80];
static bool disabled;
static size_t users_n;

static void on_user(void *arg, const struct err *e, const struct store_user *u)
{
    login[0] = name[0] = operations[0] = '\0';
    if (u) {
        snprintf(login, sizeof login, "%s", u->login);
        snprintf(name, sizeof name, "%s", u->name);
        snprintf(operations, sizeof operations, "%s", u->operations);
        disabled = u->disabled;
        OK(u->changed_ms > 0);
    }
    got_done(arg, e);
}

static void on_users(void *arg, const struct err *e, const struct store_user *const *u, size_t n)
{
    (void)u;
    users_n = n;
    got_done(arg, e);
}

static void put(const char *who, const char *password, const char *ops)
{
    struct store_user u = {.login = who, .name = "CANARY-Leyla Demir", .locale = "tr", .operations = ops};
    DONE(store_user_put(h.node[0], &u, password, "boss", got_done, &g));
}

static int check(const char *who, const char *password)
{
    DONE(store_user_check(h.node[0], who, password, on_user, &g));
    return g.e.code;
}

static char secret[100];
static int session(const char *who, unsigned idle)
{
    DONE(store_session_new(h.node[0], who, idle, got_text, &g));
    snprintf(secret, sizeof secret, "%.99s", g.text);
    return g.e.code;
}

static int session_check(const char *s)
{
    DONE(store_session_check(h.node[0], slice_str(s), on_user, &g));
    return g.e.code;
}

T(a_user_signs_in_and_out)
{
    harness_begin(1);
    put("canary-leyla", "CANARY-password-1", "demo");
    EQ_INT(g.e.code, 0);
    DONE(store_user_get(h.node[0], "canary-leyla", on_user, &g));
    EQ_STR(name, "CANARY-Leyla Demir");
    EQ_STR(operations, "demo");
    DONE(store_users_get(h.node[0], on_users, &g));
    EQ_INT(users_n, 1);
    EQ_INT(check("canary-leyla", "CANARY-password-1"), 0);
    EQ_STR(login, "canary-leyla");
    EQ_INT(check("canary-leyla", "wrong"), ERR_AUTH);
    EQ_INT(check("nobody", "wrong"), ERR_AUTH);
    EQ_INT(session("canary-leyla", 100), 0);
    EQ_INT(strlen(secret), 43);
    EQ_INT(session_check(secret), 0);
    EQ_STR(login, "canary-leyla");
    EQ_INT(session_check("0000000000000000000000000000000000000000000"), ERR_AUTH);
    EQ_INT(session_check("short"), ERR_AUTH);
    char kept[100];
    snprintf(kept, sizeof kept, "%s", secret);
    DONE(store_session_end(h.node[0], slice_str(secret), got_done, &g));
    EQ_INT(session_check(secret), ERR_AUTH);
    EQ_INT(session("nobody", 100), ERR_AUTH);
    EQ_INT(session("canary-leyla", 1), 0);
    harness_turn(1200);
    EQ_INT(session_check(secret), ERR_AUTH); /* idle too long */
    OK(!harness_files_hold("CANARY-Leyla"));
    OK(!harness_files_hold("CANARY-password"));
    OK(!harness_files_hold(kept));
    harness_end();
}

T(a_login_without_operations_is_nowhere_in_clear)
{
    harness_begin(1);
    put("canary-nobodysees", "pw", "");
    EQ_INT(check("canary-nobodysees", "pw"), 0);
    EQ_INT(session("canary-nobodysees", 10), 0);
    DONE(store_user_disable(h.node[0], "canary-nobodysees", true, "boss", got_done, &g));
    OK(!harness_files_hold("canary-nobodysees"));
    harness_end();
}

static int user_events;
static void on_event(void *arg, const struct store_event *ev)
{
    (void)arg;
    if (ev && ev->kind == STORE_EV_USER && strcmp(ev->agent, "leyla") == 0)
        user_events++;
}

T(disabling_ends_sessions_and_tells_the_operations)
{
    harness_begin(1);
    put("leyla", "one", "demo");
    struct store_listener *l = store_listen(harness_op(0), on_event, NULL);
    harness_turn(50);
    user_events = 0;
    EQ_INT(session("leyla", 100), 0);
    int64_t since = time_mono_us();
    DONE(store_user_disable(h.node[0], "leyla", true, "boss", got_done, &g));
    EQ_INT(g.e.code, 0);
    WAIT_LONG(user_events);
    printf("told after %lld ms\n", (long long)(time_mono_us() - since) / 1000);
    EQ_INT(session_check(secret), ERR_AUTH);
    EQ_INT(check("leyla", "one"), ERR_AUTH);
    EQ_INT(session("leyla", 100), ERR_AUTH);
    DONE(store_user_disable(h.node[0], "leyla", false, "boss", got_done, &g));
    EQ_INT(check("leyla", "one"), 0);
    EQ_INT(session("leyla", 100), 0);
    put("leyla", "two", "demo");
    EQ_INT(session_check(secret), ERR_AUTH); /* a new password ends them */
    EQ_INT(check("leyla", "one"), ERR_AUTH);
    EQ_INT(check("leyla", "two"), 0);
    EQ_INT(session("leyla", 100), 0);
    put("leyla", NULL, "demo other");
    EQ_INT(session_check(secret), 0);
    EQ_STR(operations, "demo other");
    DONE(store_user_disable(h.node[0], "nobody", true, "boss", got_done, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    store_unlisten(&l);
    harness_end();
}

T(bad_records_are_refused)
{
    harness_begin(1);
    put("Not A Login", "pw", "");
    EQ_INT(g.e.code, ERR_INVALID);
    put("leyla", NULL, "");
    EQ_INT(g.e.code, ERR_INVALID); /* a new user needs a password */
    EQ_INT(harness_number(DATA, "SCARD p:{_}:users"), 0);
    DONE(store_user_get(h.node[0], "leyla", on_user, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    harness_end();
}

T(wrong_tries_slow_one_login_and_no_other)
{
    harness_begin(1);
    put("leyla", "right", "");
    put("omid", "right", "");
    int refused = 0;
    for (int i = 0; i < 12; i++)
        refused += check("leyla", "wrong") == ERR_RATE;
    OK(refused >= 3);
    EQ_INT(check("leyla", "right"), ERR_RATE);
    EQ_INT(check("omid", "right"), 0);
    harness_turn(1100); /* however wrong: never locked */
    for (int i = 0; i < 400 && check("leyla", "right") == ERR_RATE; i++)
        harness_turn(200);
    EQ_INT(g.e.code, 0);
    EQ_INT(check("leyla", "wrong"), ERR_AUTH); /* counted anew */
    harness_end();
}

static int check_from(const char *password, const char *network, const char *device)
{
    struct store_from from = {slice_str(network), slice_str(device), SLICE(""), false};
    DONE(store_user_check_from(h.node[0], "leyla", password, &from, on_user, &g));
    return g.e.code;
}

/* From a device that shows nothing yet, and is given a name. */
static int check_named(const char *password, const char *network, const char *name_of_it)
{
    struct store_from from = {slice_str(network), SLICE(""), slice_str(name_of_it), false};
    DONE(store_user_check_from(h.node[0], "leyla", password, &from, on_user, &g));
    return g.e.code;
}

/* Wrong tries from ever new networks; how many were refused. */
static int crowd(const char *net)
{
    int refused = 0;
    for (int i = 0; i < 40; i++) {
        char network[32];
        snprintf(network, sizeof network, "%s.%d.0/24", net, i);
        refused += check_from("wrong", network, "") == ERR_RATE;
    }
    return refused;
}

T(what_others_try_elsewhere_refuses_nobody_who_signed_in_before)
{
    harness_begin(1);
    put("leyla", "right", "");
    EQ_INT(check_from("right", "192.0.2.0/24", ""), 0);
    char one[STORE_DEVICE], other[STORE_DEVICE];
    OK(store_device_sign(h.node[0], "leyla", SLICE("nonce"), one));
    OK(store_device_sign(h.node[0], "omid", SLICE("nonce"), other));
    OK(strlen(one) == STORE_DEVICE - 1 && strcmp(one, other) != 0);
    OK(store_device_sign(h.node[0], "leyla", SLICE("nonce"), other));
    EQ_STR(one, other);
    OK(crowd("203.0") >= 5);
    EQ_INT(check_from("right", "198.51.100.0/24", ""), ERR_RATE);
    EQ_INT(check_from("right", "198.51.100.0/24", "nonce"), ERR_RATE); /* it proves, and is not listed */
    EQ_INT(check_named("right", "192.0.2.0/24", "nonce"), 0);
    EQ_INT(check_from("right", "198.51.100.0/24", "nonce"), 0);
    EQ_INT(check_from("right", "198.51.100.0/24", ""), 0); /* from now on */
    OK(!harness_files_hold("192.0.2.0"));
    harness_end();
}

/* Whoever once knew a password may have many devices and networks in the list: they end with it. */
T(a_known_place_ends_with_the_password)
{
    harness_begin(1);
    put("leyla", "right", "");
    EQ_INT(check_named("wrong", "192.0.2.0/24", "never"), ERR_AUTH);
    EQ_INT(harness_number(DATA, "EVAL return(#redis.call('KEYS','p:{_}:devs:*')) 0"), 0);
    EQ_INT(check_named("right", "192.0.2.0/24", "theirs"), 0);
    put("leyla", NULL, "demo"); /* the record alone leaves them */
    OK(crowd("203.0") >= 5);
    EQ_INT(check_from("right", "198.51.100.0/24", "theirs"), 0);
    put("leyla", "another", "demo");
    EQ_INT(check_from("another", "198.51.102.0/24", ""), 0); /* what was tried of the old one is forgotten */
    OK(crowd("203.1") >= 5);
    EQ_INT(check_from("right", "198.51.100.0/24", "theirs"), ERR_RATE);
    EQ_INT(check_from("another", "192.0.2.0/24", ""), ERR_RATE);
    for (int i = 0; i < 400 && check_named("another", "192.0.2.0/24", "theirs") == ERR_RATE; i++)
        harness_turn(200);
    EQ_INT(g.e.code, 0); /* it is one of theirs again */
    OK(crowd("203.2") >= 5);
    EQ_INT(check_from("another", "203.3.0.0/24", "theirs"), 0);
    DONE(store_user_disable(h.node[0], "leyla", true, "boss", got_done, &g));
    DONE(store_user_disable(h.node[0], "leyla", false, "boss", got_done, &g));
    OK(crowd("203.4") >= 5);
    EQ_INT(check_from("another", "203.5.0.0/24", "theirs"), ERR_RATE);
    harness_end();
}

/* Thirty devices sign in: the newest twenty are known. */
T(so_many_devices_are_known)
{
    harness_begin(1);
    put("leyla", "right", "");
    for (int i = 0; i < 30; i++) {
        char device[20];
        snprintf(device, sizeof device, "d%d", i);
        EQ_INT(check_named("right", "192.0.2.0/24", device), 0);
    }
    OK(crowd("203.0") >= 5);
    EQ_INT(check_from("right", "198.51.100.0/24", "d9"), ERR_RATE);
    EQ_INT(check_from("right", "198.51.100.0/24", "d29"), 0);
    EQ_INT(check_from("right", "198.51.101.0/24", "d12"), 0);
    harness_end();
}

static int64_t least_us(const char *who)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < 12; i++) {
        harness_ask(DATA, "FLUSHALL"); /* the tries */
        put("leyla", "right", "");
        int64_t since = time_mono_us();
        EQ_INT(check(who, "wrong"), ERR_AUTH);
        int64_t took = time_mono_us() - since;
        least = took < least ? took : least;
    }
    return least;
}

T(unknown_users_take_the_same_time)
{
    harness_begin(1);
    int64_t known = least_us("leyla"), unknown = least_us("nobody");
    printf("known %lld us, unknown %lld us\n", (long long)known, (long long)unknown);
    OK(known < 3 * unknown && unknown < 3 * known);
    harness_end();
}

/* ---- tokens ---- */

static char token_role[40], token_agent[40], token_id[40], token_op[40];
static int token_clearance;
static size_t tokens_n;

static void on_token(void *arg, const struct err *e, const struct store_token *t)
{
    if (t) {
        snprintf(token_role, sizeof token_role, "%s", t->role);
        snprintf(token_agent, sizeof token_agent, "%s", t->agent);
        snprintf(token_id, sizeof token_id, "%s", t->id);
        snprintf(token_op, sizeof token_op, "%s", t->operation);
        token_clearance = t->clearance;
    }
    got_done(arg, e);
}

static void on_tokens(void *arg, const struct err *e, const struct store_token *const *t, size_t n)
{
    (void)t;
    tokens_n = n;
    got_done(arg, e);
}

static void on_tokens_id(void *arg, const struct err *e, const struct store_token *const *t, size_t n)
{
    snprintf(token_id, sizeof token_id, "%s", n ? t[0]->id : "");
    got_done(arg, e);
}

static char why[16];

static void on_ended_event(void *arg, const struct store_event *ev)
{
    (void)arg;
    if (ev && ev->kind == STORE_EV_USER)
        snprintf(why, sizeof why, "%s", ev->why);
}

T(a_token_that_ends_is_told)
{
    harness_begin(1);
    struct store_listener *l = store_listen(harness_op(0), on_ended_event, NULL);
    DONE(store_token_new(harness_op(0), "agent", "amal", 1, "", "boss", got_text, &g));
    DONE(store_tokens_get(harness_op(0), on_tokens_id, &g));
    DONE(store_token_end(h.node[0], token_id, "boss", got_done, &g));
    EQ_INT(g.e.code, 0);
    WAIT_LONG(why[0]);
    EQ_STR(why, "token");
    store_unlisten(&l);
    harness_end();
}

T(tokens)
{
    harness_begin(1);
    char token[100];
    DONE(store_token_new(harness_op(0), "agent", "amal", 1, "CANARY-note of a token", "boss", got_text, &g));
    EQ_INT(g.e.code, 0);
    snprintf(token, sizeof token, "%.99s", g.text);
    OK(strncmp(token, "parley_", 7) == 0 && strlen(token) == 50);
    DONE(store_token_check(h.node[0], slice_str(token), on_token, &g));
    EQ_INT(g.e.code, 0);
    EQ_STR(token_role, "agent");
    EQ_STR(token_agent, "amal");
    EQ_STR(token_op, "demo");
    EQ_INT(token_clearance, 1);
    DONE(store_tokens_get(harness_op(0), on_tokens, &g));
    EQ_INT(tokens_n, 1);
    char wrong[100];
    snprintf(wrong, sizeof wrong, "%s", token);
    wrong[20] ^= 1;
    DONE(store_token_check(h.node[0], slice_str(wrong), on_token, &g));
    EQ_INT(g.e.code, ERR_AUTH);
    DONE(store_token_check(h.node[0], SLICE("parley_"), on_token, &g));
    EQ_INT(g.e.code, ERR_AUTH);
    DONE(store_token_end(h.node[0], token_id, "boss", got_done, &g));
    EQ_INT(g.e.code, 0);
    DONE(store_token_check(h.node[0], slice_str(token), on_token, &g));
    EQ_INT(g.e.code, ERR_AUTH);
    DONE(store_token_end(h.node[0], token_id, "boss", got_done, &g));
    EQ_INT(g.e.code, ERR_NOT_FOUND);
    OK(!harness_files_hold(token));
    OK(!harness_files_hold("CANARY-note"));
    harness_end();
}

T(many_sign_in_at_once)
{
    harness_begin(1);
    put("leyla", "right", "");
    static struct got many[300];
    memset(many, 0, sizeof many);
    int busy = 0, good = 0;
    for (int i = 0; i < 12; i++) {
        char who[20];
        snprintf(who, sizeof who, "u%d", i);
        store_user_check(h.node[0], i % 4 == 0 && i ? "leyla" : who, "right", on_user, &many[i]);
    }
    for (int i = 0; i < 12; i++) {
        WAIT_LONG(many[i].calls);
        good += many[i].e.code == 0;
        busy += many[i].e.code == ERR_AUTH;
    }
    EQ_INT(good, 2);
    EQ_INT(busy, 10);
    harness_end();
}

T(who_sends_many_from_one_place_is_refused_before_it_counts)
{
    harness_begin(1);
    put("leyla", "right", "");
    static struct got many[40], other;
    memset(many, 0, sizeof many);
    memset(&other, 0, sizeof other);
    struct store_from here = {SLICE("198.51.100.0/24"), SLICE(""), SLICE(""), false},
                      elsewhere = {SLICE("192.0.2.0/24"), SLICE(""), SLICE(""), false};
    int refused = 0;
    for (int i = 0; i < 40; i++) {
        char who[20];
        snprintf(who, sizeof who, "u%d", i);
        store_user_check_from(h.node[0], who, "wrong", &here, on_user, &many[i]);
    }
    store_user_check_from(h.node[0], "leyla", "right", &elsewhere, on_user, &other);
    for (int i = 0; i < 40; i++) {
        WAIT_LONG(many[i].calls);
        refused += many[i].e.code == ERR_RATE;
    }
    WAIT_LONG(other.calls);
    EQ_INT(other.e.code, 0);
    EQ_INT(refused, 24);
    store_user_check_from(h.node[0], "u1", "wrong", &here, on_user, &many[0]); /* there is room again */
    WAIT_LONG(many[0].calls == 2);
    EQ_INT(many[0].e.code, ERR_AUTH);
    harness_end();
}

TEST_MAIN
