/* SPDX-License-Identifier: Apache-2.0
 * Who is not in a node's cache: asked about, or taken for new while most of them are. */
#include "tests/unit/store/harness.h"

/* Function calls since the last time. */
static long long calls(void)
{
    static long long before;
    const char *at = strstr(harness_ask(DATA, "INFO commandstats"), "cmdstat_fcall:calls=");
    long long now = at ? atoll(strchr(at, '=') + 1) : 0, n = now - before;
    before = now;
    return n;
}

static struct got writes(int node, int who, const char *id, const char *text)
{
    char address[32], key[48];
    snprintf(address, sizeof(address), "tel:+%d", who);
    snprintf(key, sizeof(key), "%d-%s", who, id);
    struct store_inbound in = message_in(key, address, text);
    struct got g = take_in(node, &in);
    EQ_INT(g.e.code, 0);
    return g;
}

T(while_all_are_new_nobody_is_asked_about)
{
    harness_begin(1);
    for (int i = 0; i < 60; i++)
        OK(writes(0, i, "a", "text 0").in.new_contact);
    calls();
    for (int i = 100; i < 140; i++)
        OK(writes(0, i, "a", "text 0").in.new_contact);
    EQ_INT(calls(), 40);
    harness_end();
}

T(who_is_known_elsewhere_ends_guessing)
{
    harness_begin(2);
    static struct got first[60];
    for (int i = 0; i < 60; i++)
        first[i] = writes(0, i, "a", "text 0");
    for (int i = 1000; i < 1060; i++)
        writes(1, i, "a", "text 0"); /* node 1 has seen new ones only */
    calls();
    for (int i = 0; i < 60; i++) {
        struct got g = writes(1, i, "b", "text 1");
        EQ_STR(g.in.contact.s, first[i].in.contact.s);
        EQ_STR(g.in.thread.s, first[i].in.thread.s);
        OK(!g.in.new_contact && !g.in.new_thread && g.in.how == STORE_NEW_ENTRY);
        EQ_INT(g.in.seq, 2);
    }
    EQ_INT(calls(), 120); /* looked up, or tried in vain and told */
    OK(harness_op(1)->strangers < 32);
    OK(writes(1, 7, "b", "text 1").in.how == STORE_DUPLICATE);
    EQ_INT(harness_number(DATA, "HGET p:{demo}:counts contacts"), 120);
    size_t n;
    struct store_entry *e = entries_of(0, first[7].in.thread, &n);
    EQ_INT(n, 2);
    EQ_SLICE(e[1].text, "text 1");
    harness_end();
}

TEST_MAIN
