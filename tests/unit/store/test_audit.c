/* SPDX-License-Identifier: Apache-2.0
 * The audit on real servers: writing, listing, sealing, verifying, and random tamperings with the streams
 * themselves. */
#include "store/audit.h"
#include "gateway/base/text.h"
#include "store/agent.h"
#include "store/guard.h"
#include "tests/unit/store/harness.h"

static struct got g;
static struct store_audit_verdict verdict;
static size_t lines_n;
static char objects[1000][80], actions[1000][40], ids[1000][40];

static void on_verdict(void *arg, const struct err *e, const struct store_audit_verdict *v)
{
    verdict = *v;
    got_done(arg, e);
}

static void on_lines(void *arg, const struct err *e, const struct store_audit_line *l, size_t n)
{
    lines_n = n;
    for (size_t i = 0; i < n && i < 1000; i++) {
        snprintf(objects[i], sizeof objects[i], "%s", l[i].object);
        snprintf(actions[i], sizeof actions[i], "%s", l[i].action);
        snprintf(ids[i], sizeof ids[i], "%s", l[i].id);
        OK(l[i].time_ms > 1600000000000);
    }
    got_done(arg, e);
}

static bool intact(const char *root)
{
    DONE(store_audit_verify(harness_op(0), root, on_verdict, &g));
    EQ_INT(g.e.code, 0);
    return verdict.intact;
}

static void write_lines(int n)
{
    char detail[20];
    memset(&g, 0, sizeof g);
    for (int i = 0; i < n; i++) {
        snprintf(detail, sizeof detail, "d%d", i);
        store_audit(harness_op(0), "auditor", "read", "thread:x", detail, got_done, &g);
    }
    WAIT_LONG(g.calls == n);
}

static void wait_sealed(long long lines)
{
    for (int i = 0; i < 2000; i++) {
        intact(NULL);
        if ((long long)verdict.sealed >= lines)
            return;
        harness_turn(20);
    }
    TEST_FAIL("only %lld of %lld lines are sealed", (long long)verdict.sealed, lines);
}

T(lines_are_batched_listed_and_name_what_the_outside_knows)
{
    harness_begin(1);
    write_lines(100);
    struct store_inbound in = message_in("m1", "tel:+1", "x");
    struct id t = take_in(0, &in).in.thread;
    DONE(store_resolve_for(harness_op(0), t, "amal", "answered", "answered_in_person", got_thread, &g));
    DONE(store_audit_list(harness_op(0), "", 60, on_lines, &g));
    EQ_INT(lines_n, 60);
    char after[40];
    snprintf(after, sizeof after, "%s", ids[59]);
    DONE(store_audit_list(harness_op(0), after, 200, on_lines, &g));
    EQ_STR(actions[lines_n - 1], "thread.resolved");
    char want[80];
    snprintf(want, sizeof want, "thread:%s", t.s);
    EQ_STR(objects[lines_n - 1], want);
    harness_end();
}

T(the_audit_is_sealed_each_second)
{
    harness_begin(2);
    store_audit_sealer_start(harness_op(0));
    store_audit_sealer_start(harness_op(1));
    write_lines(50);
    int64_t since = time_mono_us();
    wait_sealed(50);
    printf("sealed after %lld ms\n", (long long)(time_mono_us() - since) / 1000);
    OK(verdict.intact);
    char root[65];
    snprintf(root, sizeof root, "%s", verdict.root);
    write_lines(2500); /* more than one seal may hold */
    wait_sealed(2550);
    OK(verdict.intact);
    OK(intact(root));
    OK(strcmp(root, verdict.root) != 0);
    DONE(store_audit_verify(harness_op(0), "zz", on_verdict, &g));
    EQ_INT(g.e.code, ERR_INVALID);
    harness_close(0); /* the other node goes on */
    h.node[0] = h.node[1], h.node[1] = NULL;
    h.ready[0] = true;
    write_lines(5);
    wait_sealed(2555);
    OK(intact(root));
    harness_end();
}

/* ---- tampering ---- */

static int evaluated;
static char evaluated_text[120];
static void on_eval(int err, bool maybe_done, const struct redis_reply *r, void *arg)
{
    (void)maybe_done, (void)arg;
    evaluated = 1;
    snprintf(evaluated_text, sizeof evaluated_text, "%.*s", err ? 5 : (int)r->s.n,
             err      ? "error"
             : r->s.p ? r->s.p
                      : "");
}

static void eval(const char *script, const char *kind, const char *seed)
{
    struct slice argv[] = {SLICE("EVAL"), slice_str(script), SLICE("0"), slice_str(kind), slice_str(seed)};
    evaluated = 0;
    redis_send(h.redis[DATA], on_eval, NULL, 5, argv);
    WAIT(evaluated);
}

/* Puts both streams back as they were, then spoils one of them: ARGV 1 says how, 2 seeds the choice. Answers
 * with what it did. */
static const char tamper[] =
    "redis.call('COPY', 'keep:audit', 'p:{demo}:audit', 'REPLACE') redis.call('COPY', 'keep:seals', "
    "'p:{demo}:seals', 'REPLACE') "
    "local seed = tonumber(ARGV[2]) "
    "local function pick(n) seed = (seed * 1103515245 + 12345) % 2147483648 return math.floor(seed / 65536) "
    "% n + 1 end "
    "local function rewrite(key, change) local all = redis.call('XRANGE', key, '-', '+') change(all) "
    "redis.call('DEL', key) "
    "  for _, e in ipairs(all) do redis.call('XADD', key, e[1], unpack(e[2])) end end "
    "local A, S = 'p:{demo}:audit', 'p:{demo}:seals' "
    "local how = tonumber(ARGV[1]) "
    "local all = redis.call('XRANGE', A, '-', '+') local seals = redis.call('XRANGE', S, '-', '+') "
    "if how == 0 then rewrite(A, function(l) local e = l[pick(#l)] local f = 2 * pick(4) e[2][f] = e[2][f] "
    ".. 'x' end) "
    "elseif how == 1 then rewrite(A, function(l) local e = l[pick(#l)] e[2][#e[2] + 1] = 'more' e[2][#e[2] + "
    "1] = '1' end) "
    "elseif how == 2 then redis.call('XDEL', A, all[pick(#all)][1]) "
    "elseif how == 3 then rewrite(A, function(l) local i = pick(#l - 1) l[i][2], l[i + 1][2] = l[i + 1][2], "
    "l[i][2] end) "
    "elseif how == 4 then rewrite(A, function(l) local i = pick(#l) local ms = string.match(l[i][1], '^%d+') "
    "  table.insert(l, i, {string.format('%.0f-0', ms - 1), {'a', 'x', 'x', 'y', 'o', 'z', 'd', ''}}) "
    "  if i > 1 and l[i - 1][1] == l[i][1] or tonumber(string.match(l[i][1], '^%d+')) <= "
    "tonumber((string.match(i > 1 and l[i - 1][1] or '0', '^%d+'))) "
    "  then l[i][1] = nil table.remove(l, i) l[i][2][2] = 'q' end end) "
    "elseif how == 5 then redis.call('XTRIM', A, 'MAXLEN', #all - pick(10)) "
    "elseif how == 6 then for i = 1, pick(5) do redis.call('XDEL', A, all[#all + 1 - i][1]) end "
    "elseif how == 7 then redis.call('XDEL', S, seals[pick(#seals - 1)][1]) "
    "elseif how == 8 then rewrite(S, function(l) local e = l[pick(#l)] local f = 2 * pick(5) e[2][f] = "
    "string.gsub(e[2][f], '%x', "
    "  function(c) return c == '1' and '2' or '1' end, 1) end) "
    "elseif how == 9 then rewrite(S, function(l) local i = pick(#l - 1) l[i][2], l[i + 1][2] = l[i + 1][2], "
    "l[i][2] end) "
    "else redis.call('DEL', A) end "
    "return 'done'";

T(every_tampering_with_the_streams_is_found)
{
    harness_begin(1);
    store_audit_sealer_start(harness_op(0));
    for (int i = 0; i < 6; i++) {
        write_lines(12);
        wait_sealed(12 * (i + 1));
    }
    harness_close(0); /* no sealer while we look */
    harness_open(0);
    OK(intact(NULL));
    harness_ask(DATA, "COPY p:{demo}:audit keep:audit");
    harness_ask(DATA, "COPY p:{demo}:seals keep:seals");
    uint64_t start = text_random_u64() % 1000000;
    printf("seed %llu\n", (unsigned long long)start);
    for (int i = 0; i < 500; i++) {
        char kind[8], seed[24];
        snprintf(kind, sizeof kind, "%d", i % 11);
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)start + (unsigned)i);
        eval(tamper, kind, seed);
        EQ_STR(evaluated_text, "done");
        if (intact(NULL))
            TEST_FAIL("tampering %s with seed %s was not found", kind, seed);
        OK(verdict.where[0]);
    }
    harness_ask(DATA, "COPY keep:audit p:{demo}:audit REPLACE");
    harness_ask(DATA, "COPY keep:seals p:{demo}:seals REPLACE");
    OK(intact(NULL));
    /* Cut at a seal: it needs a root that was written down. */
    char root[65];
    snprintf(root, sizeof root, "%s", verdict.root);
    eval("local s = redis.call('XREVRANGE', 'p:{demo}:seals', '+', '-', 'COUNT', 2) redis.call('XDEL', "
         "'p:{demo}:seals', s[1][1]) "
         "for i = 1, #s[2][2], 2 do if s[2][2][i] == 'l' then for _, e in ipairs(redis.call('XRANGE', "
         "'p:{demo}:audit', '(' .. s[2][2][i + 1], "
         "'+')) do redis.call('XDEL', 'p:{demo}:audit', e[1]) end end end return 'done'",
         "", "");
    OK(intact(NULL));
    OK(!intact(root));
    harness_end();
}

T(a_long_audit_is_verified_quickly)
{
    harness_begin(1);
    store_audit_sealer_start(harness_op(0));
    for (int i = 0; i < 20; i++)
        write_lines(1000);
    wait_sealed(20000);
    int64_t since = time_mono_us();
    OK(intact(NULL));
    printf("verified 20,000 lines in %lld ms\n", (long long)(time_mono_us() - since) / 1000);
    harness_end();
}

TEST_MAIN
