/* SPDX-License-Identifier: Apache-2.0
 * A message that may answer a choice is told what was asked, on real servers: by whichever node, for as long
 * as the newest message to that person asks. */
#include "tests/unit/store/harness.h"

static char asked[200];
static void what_was_asked(void *arg, const struct store_known *k, struct store_inbound *in)
{
    (void)arg;
    (void)in;
    snprintf(asked, sizeof(asked), "%.*s %s", (int)k->asked.n, k->asked.n ? k->asked.p : "",
             k->asked.n ? k->asked_channel : "");
}

static const char *ask_for(int node, const char *id, const char *address, bool asks)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    snprintf(asked, sizeof(asked), "not called");
    struct store_inbound in = message_in(id, address, "2");
    in.asks = asks;
    store_ingest(harness_op(node), &in, what_was_asked, got_in, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    EQ_INT(g.in.how, STORE_NEW_ENTRY);
    return asked;
}

T(what_was_asked_is_told)
{
    harness_begin(2);
    static const char *const extra = "{\"choices\":[{\"id\":\"a\",\"title\":\"A\"}]}";
    char want[100];
    snprintf(want, sizeof(want), "%s app", extra);
    struct store_inbound in = message_in("m1", "tel:+1", "hello");
    struct got a = take_in(0, &in);
    in = message_in("n1", "tel:+2", "hello");
    take_in(0, &in);
    EQ_STR(ask_for(0, "m2", "tel:+1", true), " "); /* nothing */
    struct store_outbound out = message_out(a.in.thread, "which?");
    out.extra = slice_str(extra);
    EQ_INT(write_out(1, &out).e.code, 0);
    EQ_STR(ask_for(0, "m3", "tel:+1", true), want); /* a node that knows the person */
    EQ_STR(ask_for(0, "m4", "tel:+1", true), want); /* still: nothing was written since */
    EQ_STR(ask_for(1, "m5", "tel:+1", true), want); /* and one that does not */
    EQ_STR(ask_for(0, "m6", "tel:+1", false), " "); /* who does not ask pays nothing */
    EQ_STR(ask_for(0, "n2", "tel:+2", true), " ");  /* another person */
    out = message_out(a.in.thread, "a note");
    out.kind = STORE_NOTE;
    EQ_INT(write_out(1, &out).e.code, 0);
    EQ_STR(ask_for(0, "m7", "tel:+1", true), want); /* a note is not seen by the person */
    out = message_out(a.in.thread, "good");
    EQ_INT(write_out(1, &out).e.code, 0);
    EQ_STR(ask_for(0, "m8", "tel:+1", true), " "); /* the newest message asks nothing */
    out = message_out(a.in.thread, "a text with \"choices\":[{ in it");
    out.extra = SLICE("{\"x\":\"\\\"choices\\\":[{\"}");
    EQ_INT(write_out(1, &out).e.code, 0);
    EQ_STR(ask_for(0, "m9", "tel:+1", true), " ");
    size_t n;
    struct store_entry *e = entries_of(0, a.in.thread, &n);
    EQ_INT(n, 13);
    for (size_t i = 0; i < n; i++)
        EQ_INT(e[i].seq, i + 1);
    harness_end();
}

TEST_MAIN
