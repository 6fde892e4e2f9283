/* SPDX-License-Identifier: Apache-2.0
 * Sending: parts, outcomes, retries, the breaker, what is kept beside the message. */
#include "tests/unit/test.h"
#include "tests/unit/host/setup.h"

#define PROBE                                                                                                \
    "[{\"id\":\"p\",\"connector\":\"probe\",\"settings\":{\"token\":\"s3cret-token\"}},"                     \
    "{\"id\":\"q\",\"connector\":\"quiet\",\"settings\":{\"token\":\"s3cret-token-long\"}}]"

static unsigned made;

static struct store_out_item item(const char *text, const char *extra)
{
    static char names[64][16];
    char *name = names[made % 64];
    snprintf(name, sizeof(names[0]), "item%u", ++made);
    return (struct store_out_item){.item = name,
                                   .entry = {.id = fake_id(50 + made % 500),
                                             .thread = fake_id(2),
                                             .seq = 9,
                                             .kind = STORE_MESSAGE,
                                             .time_ms = time_wall_ms(),
                                             .text = slice_str(text),
                                             .extra = slice_str(extra ? extra : ""),
                                             .attempt = 1},
                                   .contact = fake_id(1),
                                   .address = SLICE("probe:1")};
}

static void out(const char *channel, struct store_out_item i, unsigned turns)
{
    fake_out(channel, &i);
    fake_turns(turns);
}

T(a_message_is_begun_then_sent)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    OK(fake_outbox_open("p"));
    out("p", item("hello", NULL), 20);
    EQ_INT(fake.begun, 1);
    EQ_INT(p->sends, 1);
    EQ_STR(p->sent[0].text, "hello");
    EQ_STR(p->sent[0].to, "probe:1");
    EQ_INT(fake.results_n, 1);
    EQ_INT(fake.results[0].status, STORE_SENT);
    EQ_STR(fake.results[0].ids[0], "x1");
    setup_end(&h);
}

T(a_long_text_goes_in_parts_and_each_is_noted)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    out("p",
        item("one two three four five six seven",
             "{\"choices\":[{\"id\":\"y\",\"title\":\"Yes\"}],\"attachments\":[{\"id\":\"b1\",\"type\":"
             "\"image/png\",\"name\":\"a\",\"size\":5,\"key\":\"k\"}]}"),
        60);
    EQ_INT(p->sends, 2);
    EQ_STR(p->sent[0].text, "one two three four ");
    EQ_STR(p->sent[1].text, "five six seven");
    EQ_INT(p->sent[0].parts, 2);
    EQ_INT(p->sent[0].files_n, 0);
    EQ_INT(p->sent[1].files_n, 1);
    EQ_STR(p->sent[1].choice, "Yes");
    EQ_INT(fake.progressed, 1);
    EQ_STR(fake.progress, "{\"part\":1,\"ids\":[\"x1\"]}");
    EQ_INT(fake.results[0].ids_n, 2);
    setup_end(&h);
}

T(after_a_crash_it_goes_on_at_the_part_that_is_missing)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    struct store_out_item i = item("one two three four five six seven", NULL);
    i.progress = SLICE("{\"part\":1,\"ids\":[\"old\"]}");
    out("p", i, 60);
    EQ_INT(p->sends, 1);
    EQ_STR(p->sent[0].text, "five six seven");
    EQ_STR(fake.results[0].ids[0], "old");
    setup_end(&h);
}

T(many_files_go_in_groups)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    char extra[1024] = "{\"attachments\":[";
    for (int i = 0; i < 5; i++)
        snprintf(extra + strlen(extra), sizeof(extra) - strlen(extra),
                 "%s{\"id\":\"b%d\",\"type\":\"image/png\",\"name\":\"a\",\"size\":5}", i ? "," : "", i);
    snprintf(extra + strlen(extra), sizeof(extra) - strlen(extra), "]}");
    out("p", item("hi", extra), 60);
    EQ_INT(p->sends, 3);
    EQ_STR(p->sent[0].text, "hi");
    EQ_INT(p->sent[0].files_n, 2);
    EQ_INT(p->sent[2].files_n, 1);
    EQ_STR(p->sent[2].text, "");
    OK(strstr(p->sent[0].file, "b0 https://parley.example/files/"));
    setup_end(&h);
}

T(choices_become_numbers_and_files_links_where_the_channel_has_neither)
{
    struct host *h = setup_start(PROBE);
    struct probe *q = setup_probe("quiet");
    out("q", item("?", "{\"choices\":[{\"id\":\"a\",\"title\":\"Yes\"},{\"id\":\"b\",\"title\":\"No\"}]}"),
        40);
    EQ_STR(q->sent[0].text, "?\n1. Yes\n2. No");
    EQ_INT(q->sent[0].choices_n, 0);
    out("q", item("", "{\"attachments\":[{\"id\":\"b1\",\"type\":\"image/png\",\"name\":\"a\",\"size\":5}]}"),
        200);
    OK(strncmp(q->sent[1].text, "https://parley.exam", 18) == 0);
    setup_end(&h);
}

T(choices_are_numbered_in_the_digits_of_their_language)
{
    struct host *h = setup_start(PROBE);
    struct probe *q = setup_probe("quiet");
    static const char *const choices =
        "\"choices\":[{\"id\":\"a\",\"title\":\"%s\"},{\"id\":\"b\",\"title\":\"%s\"}]}";
    static const struct {
        const char *language, *one, *two, *want;
    } digits[] = {{"\"language\":\"ar\",", "نعم", "لا", "?\n١. نعم\n٢. لا"},
                  {"\"language\":\"fa-AF\",", "بلی", "نه", "?\n۱. بلی\n۲. نه"},
                  {"\"language\":\"ur\",", "a", "b", "?\n۱. a\n۲. b"},
                  {"\"language\":\"en\",", "نعم", "b", "?\n1. نعم\n2. b"},
                  {"", "نعم", "لا", "?\n١. نعم\n٢. لا"},
                  {"", "بله", "خیر", "?\n۱. بله\n۲. خیر"}};
    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        char extra[300];
        size_t n = (size_t)snprintf(extra, sizeof(extra), "{%s", digits[i].language);
        snprintf(extra + n, sizeof(extra) - n, choices, digits[i].one, digits[i].two);
        out("q", item("?", extra), 60);
        EQ_STR(q->sent[q->sends - 1].text, digits[i].want);
    }
    setup_end(&h);
}

T(more_choices_than_the_channel_shows_become_numbers_too)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    out("p",
        item("?", "{\"choices\":[{\"id\":\"a\",\"title\":\"1\"},{\"id\":\"b\",\"title\":\"2\"},{\"id\":\"c\","
                  "\"title\":\"3\"},{\"id\":\"d\",\"title\":\"4\"}]}"),
        60);
    EQ_INT(p->sent[0].choices_n, 0);
    out("p", item("?", "{\"choices\":[{\"id\":\"a\",\"title\":\"far too long for it\"}]}"), 60);
    EQ_INT(p->sent[p->sends - 1].choices_n, 0);
    setup_end(&h);
}

T(what_the_channel_cannot_do_fails_with_words)
{
    struct host *h = setup_start(PROBE);
    struct store_out_item i = item("new", NULL);
    i.entry.kind = STORE_EDIT;
    i.target_external = SLICE("x9");
    out("p", i, 20);
    EQ_INT(setup_probe("probe")->sent[0].kind, CONNECTOR_EDIT);
    EQ_STR(setup_probe("probe")->sent[0].target, "x9");
    i = item("", NULL);
    i.entry.kind = STORE_DELETION;
    i.target_external = SLICE("x9");
    out("p", i, 20);
    EQ_INT(fake.results[1].status, STORE_FAILED);
    OK(strstr(fake.results[1].error, "\"code\":\"unsupported\""));
    OK(fake.results[1].dead);
    i = item("x", NULL);
    i.address = slice_str(NULL);
    out("p", i, 20);
    OK(strstr(fake.results[2].error, "\"code\":\"no-address\""));
    setup_end(&h);
}

/* The outcome of one send: what is written down. */
static struct fake_result *one(struct host *h, const char *channel, struct probe *p, enum connector_outcome o)
{
    (void)h;
    p->next_at = 0;
    memset(p->next, 0, sizeof(p->next));
    p->next[0] = o;
    size_t before = fake.results_n;
    out(channel, item("hello", NULL), 30);
    return fake.results_n > before ? &fake.results[fake.results_n - 1] : NULL;
}

T(outcomes)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe"), *q = setup_probe("quiet");
    struct fake_result *r = one(h, "p", p, CONNECTOR_OUT_FAILED);
    EQ_INT(r->status, STORE_FAILED);
    OK(r->dead && !r->blocked);
    EQ_STR(r->error, "{\"code\":\"c0de\",\"text\":\"why ([secret])\"}");
    r = one(h, "p", p, CONNECTOR_OUT_GONE);
    EQ_INT(r->status, STORE_FAILED);
    OK(r->blocked);
    r = one(h, "p", p, CONNECTOR_OUT_UNKNOWN);
    EQ_INT(r->status, STORE_UNKNOWN_OUTCOME);
    r = one(h, "q", q, CONNECTOR_OUT_UNKNOWN); /* may be repeated */
    EQ_INT(r->status, STORE_STORED);
    OK(r->retry_ms > time_wall_ms());
    p->retry_after_ms = 90000;
    r = one(h, "p", p, CONNECTOR_OUT_RETRY);
    EQ_INT(r->status, STORE_STORED);
    OK(r->retry_ms >= time_wall_ms() + 80000);
    r = one(h, "p", p, CONNECTOR_OUT_RATE);
    EQ_INT(r->status, STORE_STORED);
    OK(r->retry_ms >= time_wall_ms() + 80000 && r->retry_ms <= time_wall_ms() + 90000);
    setup_end(&h);
}

T(a_message_that_is_too_old_is_given_up)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->next[0] = CONNECTOR_OUT_RETRY;
    struct store_out_item i = item("hello", NULL);
    i.entry.time_ms -= INT64_C(6) * 86400000;
    out("p", i, 30);
    EQ_INT(fake.results[0].status, STORE_FAILED);
    OK(fake.results[0].dead);
    setup_end(&h);
}

T(begun_by_somebody_who_never_said_how_it_ended)
{
    struct host *h = setup_start(PROBE);
    struct store_out_item i = item("hello", NULL);
    i.begun = true;
    out("p", i, 30);
    EQ_INT(setup_probe("probe")->sends, 0);
    EQ_INT(fake.results[0].status, STORE_UNKNOWN_OUTCOME);
    out("q", i, 30); /* idempotent: once more */
    EQ_INT(setup_probe("quiet")->sends, 1);
    EQ_INT(fake.results[1].status, STORE_SENT);
    setup_end(&h);
}

T(again_is_asked_again)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->eagain = 2;
    out("p", item("hello", NULL), 10);
    UNTIL(fake.results_n == 1);
    EQ_INT(p->sends, 1);
    EQ_INT(fake.begun, 1);
    EQ_INT(fake.results[0].status, STORE_SENT);
    setup_end(&h);
}

T(an_end_from_inside_send_is_unknown)
{
    struct host *h = setup_start(PROBE);
    setup_probe("probe")->early = true;
    out("p", item("hello", NULL), 20);
    EQ_INT(fake.results[0].status, STORE_UNKNOWN_OUTCOME);
    setup_end(&h);
}

T(the_breaker_opens_and_closes)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    struct host_channel_info info;
    for (int i = 0; i < 5; i++)
        one(h, "p", p, CONNECTOR_OUT_RETRY);
    EQ_INT(p->sends, 5);
    OK(fake.paused);
    OK(host_channel_info(h, fake_op(), "p", &info));
    EQ_STR(info.state, "paused");
    OK(strstr(info.why, "5 tries failed"));
    memset(p->next, 0, sizeof(p->next));
    out("p", item("waits", NULL), 50);
    EQ_INT(p->sends, 5);
    UNTIL(!fake.paused); /* at most five seconds the first time */
    UNTIL(p->sends == 6);
    UNTIL(fake.results_n == 6);
    OK(host_channel_info(h, fake_op(), "p", &info));
    EQ_STR(info.state, "up");
    setup_end(&h);
}

T(refused_credentials_stop_the_channel)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    struct host_channel_info info;
    struct fake_result *r = one(h, "p", p, CONNECTOR_OUT_AUTH);
    EQ_INT(r->status, STORE_STORED);
    OK(fake.paused);
    OK(host_channel_info(h, fake_op(), "p", &info));
    EQ_STR(info.state, "down");
    OK(strstr(info.why, "refuses our credentials"));
    setup_end(&h);
}

T(the_whole_channel_waits_when_the_provider_says_so)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->whole_channel = true;
    p->retry_after_ms = 1500;
    one(h, "p", p, CONNECTOR_OUT_RATE);
    memset(p->next, 0, sizeof(p->next));
    out("p", item("next", NULL), 50);
    EQ_INT(p->sends, 1);
    UNTIL(p->sends == 2);
    setup_end(&h);
}

T(a_rate_is_kept_and_emergencies_go_first)
{
    struct host *h = setup_start(
        "[{\"id\":\"p\",\"connector\":\"probe\",\"settings\":{\"token\":\"s3cret-token\",\"rate\":2}}]");
    struct probe *p = setup_probe("probe");
    for (int i = 0; i < 3; i++)
        out("p", item("bulk", "{\"class\":\"bulk\"}"), 0);
    out("p", item("reply", NULL), 0);
    out("p", item("help", "{\"class\":\"emergency\"}"), 100);
    UNTIL(p->sends == 5);
    EQ_STR(p->sent[1].text, "bulk"); /* the burst was used by the first two */
    EQ_STR(p->sent[2].text, "help");
    EQ_STR(p->sent[3].text, "reply");
    setup_end(&h);
}

T(a_lost_lease_stops_sending_and_cancels)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->hold = true;
    out("p", item("hello", NULL), 20);
    EQ_INT(p->sends, 1);
    fake_lease("channel:p", false);
    fake_turns(10);
    EQ_INT(p->cancels, 1);
    EQ_INT(fake.results_n, 0); /* the next holder tells it as unknown */
    OK(!fake_outbox_open("p"));
    fake_lease("channel:p", true);
    p->hold = false;
    out("p", item("again", NULL), 20);
    EQ_INT(fake.results[0].status, STORE_SENT);
    setup_end(&h);
}

T(stopping_with_a_send_under_way)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->hold = true;
    out("p", item("hello", NULL), 20);
    setup_end(&h);
    EQ_INT(p->destroyed, 1);
}

T(a_result_is_written_until_it_is_on_disk)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->hold = true;
    out("p", item("hello", NULL), 20);
    fake.away = true;
    struct connector_result r = {.size = sizeof(r), .outcome = CONNECTOR_OUT_SENT};
    p->h->sent(p->inst, p->token, &r);
    fake_turns(50);
    EQ_INT(fake.results_n, 0);
    fake.away = false;
    UNTIL(fake.results_n == 1);
    setup_end(&h);
}

static void provider(const struct fake_fetch *f, struct fetch_response *r)
{
    static const struct slice headers[] = {{"Content-Type: text/plain", 24},
                                           {"Set-Cookie: s3cret-token", 24}};
    (void)f;
    r->body = SLICE("ok, s3cret-token");
    r->header_lines = headers;
    r->headers = 2;
}

T(what_was_said_to_the_provider_is_kept_without_secrets)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->use_fetch = true;
    fake_answer = provider;
    out("p", item("my text", NULL), 30);
    EQ_STR(p->fetched, "0 200 ok, s3cret-token");
    EQ_STR(fake_fetches[0].url, "https://api.example/bots3cret-token/send");
    EQ_INT(fake.wire_n, 1);
    OK(!strstr(fake.wire[0], "s3cret-token"));
    OK(strstr(fake.wire[0], "https://api.example/bot[secret]/send"));
    OK(strstr(fake.wire[0], "\"Authorization\":\"[secret]\""));
    OK(strstr(fake.wire[0], "\"body\":\"my text\""));
    OK(strstr(fake.wire[0], "\"status\":200"));
    json_t *j = json_parse(slice_str(fake.wire[0]), 8, NULL);
    OK(j);
    json_decref(j);
    struct store_out_item sealed = item("sealed", NULL);
    sealed.entry.clearance = 2;
    out("p", sealed, 30);
    EQ_INT(fake.wire_n, 1);
    setup_end(&h);
}

static void put_done(void *arg, const struct err *e, const char *blob)
{
    (void)arg, (void)e, (void)blob;
}

T(files_of_ours_go_as_parts)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    p->use_fetch = true;
    fake_answer = provider;
    store_blob_put(fake_op(), SLICE("file bytes"), SLICE("text/plain"), SLICE("a.txt"), SLICE("x"), put_done,
                   NULL);
    fake_turns(3);
    out("p",
        item("",
             "{\"attachments\":[{\"id\":\"blob1\",\"type\":\"text/plain\",\"name\":\"a.txt\",\"size\":10}]}"),
        40);
    EQ_INT(fake_fetches_n, 1);
    EQ_INT(fake_fetches[0].parts, 1);
    EQ_STR(fake_fetches[0].part[0], "file bytes");
    EQ_INT(fake.results[0].status, STORE_SENT);
    OK(!strstr(fake.wire[0], "file bytes"));
    setup_end(&h);
}

T(a_quote_and_a_reaction_use_the_providers_id)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    struct store_entry en = {.id = fake_id(7),
                             .thread = fake_id(2),
                             .seq = 5,
                             .inbound = true,
                             .channel = "p",
                             .extra = SLICE("{\"ids\":[\"m5\"]}")};
    char extra[100];
    fake.entries = &en;
    fake.entries_n = 1;
    snprintf(extra, sizeof(extra), "{\"reply_to\":\"%s\"}", en.id.s);
    out("p", item("yes", extra), 30);
    EQ_STR(p->sent[0].reply_to, "m5");
    struct store_out_item i = item("new", NULL);
    i.entry.kind = STORE_EDIT;
    i.entry.target = en.id;
    out("p", i, 30);
    EQ_STR(p->sent[1].target, "m5");
    setup_end(&h);
}

T(a_message_that_went_in_parts_is_not_edited_in_its_first)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    struct store_entry en = {.id = fake_id(7),
                             .thread = fake_id(2),
                             .seq = 5,
                             .channel = "p",
                             .external_ids = SLICE("[\"m5\",\"m6\"]")};
    fake.entries = &en;
    fake.entries_n = 1;
    struct store_out_item i = item("new", NULL);
    i.entry.kind = STORE_EDIT;
    i.entry.target = en.id;
    i.target_external = SLICE("m5");
    out("p", i, 30);
    EQ_INT(p->sends, 0);
    OK(strstr(fake.results[0].error, "\"code\":\"unsupported\""));
    setup_end(&h);
}

T(typing_and_read_reach_the_provider)
{
    struct host *h = setup_start(PROBE);
    struct probe *p = setup_probe("probe");
    struct store_entry en = {.id = fake_id(7),
                             .thread = fake_id(2),
                             .seq = 5,
                             .inbound = true,
                             .kind = STORE_MESSAGE,
                             .channel = "p",
                             .external_ids = SLICE("[\"m5\"]")};
    fake.entries = &en;
    fake.entries_n = 1;
    fake_contact("probe:1", "p", 1, 2);
    struct store_signal s = {
        .what = "typing", .thread = fake_id(2), .agent = "amal", .channel = "p", .on = true};
    fake_signal(&s);
    fake_turns(10);
    EQ_STR(p->typing, "probe:1 1");
    s.what = "read";
    s.seq = 6;
    fake_signal(&s);
    fake_turns(10);
    EQ_STR(p->read, "probe:1 m5");
    s.agent = "";
    p->typing[0] = 0;
    s.what = "typing";
    fake_signal(&s);
    fake_turns(10);
    EQ_STR(p->typing, ""); /* the person's own */
    setup_end(&h);
}

TEST_MAIN
