/* SPDX-License-Identifier: Apache-2.0
 * Notices to staff, past rates, breaker and outbox; and their answers, which are no person's messages. */
#include "tests/unit/test.h"
#include "tests/unit/host/setup.h"

#define PROBE                                                                                                \
    "[{\"id\":\"p\",\"connector\":\"probe\",\"settings\":{\"token\":\"s3cret-token\",\"rate\":\"1\"}},"      \
    "{\"id\":\"w\",\"connector\":\"pull\",\"settings\":{\"token\":\"x\"}}]"

static struct {
    unsigned n;
    int code;
    char outcome[16];
} end;

static void on_end(void *arg, const struct err *e, const struct host_trial *r)
{
    (void)arg;
    end.n++;
    end.code = e->code;
    snprintf(end.outcome, sizeof end.outcome, "%s", e->code ? "" : r->outcome);
}

static void notice(struct host *h, const char *channel, const char *to, const char *id)
{
    const struct host_notice n = {
        .channel = channel, .id = id, .to = slice_str(to), .text = SLICE("RED ALERT 482913")};
    end.n = 0;
    host_notice(h, fake_op(), &n, on_end, NULL);
    fake_turns(20);
}

T(a_notice_goes_out_at_once_and_is_kept_nowhere)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    for (int i = 0; i < 5; i++) { /* one a second is all that the channel bears */
        notice(h, "p", "probe:7", "alert-482913-0");
        EQ_INT(end.n, 1);
        EQ_STR(end.outcome, "sent");
    }
    EQ_INT(p->sends, 5);
    EQ_STR(p->sent[0].to, "probe:7");
    EQ_STR(p->sent[0].entry, "alert-482913-0"); /* the same on each try */
    EQ_STR(p->sent[0].text, "RED ALERT 482913");
    EQ_INT(fake.begun, 0);
    EQ_INT(fake.wire_n, 0);
    setup_end(&h);
}

T(how_it_ended_is_told_once)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->next[0] = CONNECTOR_OUT_RETRY;
    p->next[1] = CONNECTOR_OUT_FAILED;
    p->next[2] = CONNECTOR_OUT_AUTH;
    notice(h, "p", "probe:7", "a");
    EQ_STR(end.outcome, "retry");
    notice(h, "p", "probe:7", "a");
    EQ_STR(end.outcome, "failed");
    notice(h, "p", "probe:7", "a");
    EQ_STR(end.outcome, "auth");
    notice(h, "none", "probe:7", "a");
    EQ_INT(end.code, ERR_NOT_FOUND);
    notice(h, "w", "probe:7", "a"); /* nothing is sent there */
    EQ_INT(end.code, ERR_CONFLICT);
    notice(h, "p", "no address", "a");
    EQ_INT(end.code, ERR_INVALID);
    EQ_INT(end.n, 1);
    setup_end(&h);
}

T(a_channel_that_stops_tells_it)
{
    struct host *h = setup_start(PROBE);
    setup_probe("probe")->hold = true;
    notice(h, "p", "probe:7", "a");
    EQ_INT(end.n, 0);
    setup_apply(h, "{\"channels\":[]}");
    fake_turns(400);
    EQ_INT(end.n, 1);
    EQ_STR(end.outcome, "unknown");
    setup_end(&h);
}

/* ---- answers ---- */

static struct {
    unsigned asked;
    char channel[16], address[64], text[64];
    bool ok, hold;
    void (*done)(void *arg, bool ok);
    void *arg;
} staff;

static bool on_staff(void *arg, struct store_op *op, const char *channel, struct slice address,
                     struct slice text, void (*done)(void *done_arg, bool ok), void *done_arg)
{
    (void)arg, (void)op;
    staff.asked++;
    snprintf(staff.channel, sizeof staff.channel, "%s", channel);
    snprintf(staff.address, sizeof staff.address, "%.*s", (int)address.n, address.p);
    snprintf(staff.text, sizeof staff.text, "%.*s", (int)text.n, text.p);
    if (!slice_is(text, "482913"))
        return false;
    staff.done = done;
    staff.arg = done_arg;
    return true;
}

static struct connector_item message(const char *id, const char *text)
{
    return (struct connector_item){.size = sizeof(struct connector_item),
                                   .kind = CONNECTOR_MESSAGE,
                                   .id = B(id),
                                   .from = B("probe:7"),
                                   .text = B(text)};
}

T(an_answer_of_staff_is_no_message)
{
    const struct host_config cf = {.public_url = "", .router = {.staff = on_staff}};
    struct host *h = setup_with(&cf, "{\"channels\":" PROBE "}");
    struct probe *p = setup_probe("probe");
    struct connector_item both[] = {message("m1", "hello"), message("m2", "482913")};
    p->delivered_n = 0;
    memset(&staff, 0, sizeof staff);
    setup_deliver("probe", both, 2);
    EQ_INT(staff.asked, 2);
    EQ_STR(staff.channel, "p");
    EQ_STR(staff.address, "probe:7");
    EQ_INT(fake.in_n, 1);      /* the other one */
    EQ_INT(p->delivered_n, 0); /* not before it is on disk */
    staff.done(staff.arg, true);
    fake_turns(20);
    EQ_INT(p->delivered_n, 2);
    EQ_INT(p->delivered_err, 0);
    EQ_INT(p->delivered[1].outcome, CONNECTOR_ITEM_STORED);
    struct connector_item again = message("m3", "482913");
    setup_deliver("probe", &again, 1);
    staff.done(staff.arg, false); /* the provider is to send it again */
    fake_turns(20);
    EQ_INT(p->delivered_err, CONNECTOR_EAWAY);
    setup_end(&h);
}

TEST_MAIN
