/* SPDX-License-Identifier: Apache-2.0
 * deliver: what becomes of items, and of the files that come with them. */
#include "tests/unit/test.h"
#include "tests/unit/host/setup.h"

#define CHANNELS                                                                                             \
    "[{\"id\":\"p\",\"connector\":\"probe\",\"settings\":{\"token\":\"s3cret-token\"},\"area\":\"tr/"        \
    "izmir\",\"clearance\":1},"                                                                              \
    "{\"id\":\"w\",\"connector\":\"pull\",\"settings\":{\"token\":\"x\"}}]"

static struct connector_item message(const char *id, const char *from, const char *text)
{
    return (struct connector_item){.size = sizeof(struct connector_item),
                                   .kind = CONNECTOR_MESSAGE,
                                   .id = B(id),
                                   .from = B(from),
                                   .text = B(text)};
}

T(a_message_is_stored_once)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    struct connector_item it = message("m1", "probe:1", "hello");
    it.name = B("Leyla");
    it.also = B("tel:+905551234567"); /* not vouched for by this connector */
    setup_deliver("probe", &it, 1);
    EQ_INT(p->delivered_err, 0);
    EQ_INT(p->delivered[0].outcome, CONNECTOR_ITEM_STORED);
    EQ_INT(fake.in_n, 1);
    EQ_STR(fake.in[0]->address, "probe:1");
    OK(fake.in[0]->verified);
    EQ_STR(fake.in[0]->also, "");
    EQ_STR(fake.in[0]->name, "Leyla");
    EQ_STR(fake.in[0]->area, "tr/izmir");
    EQ_INT(fake.in[0]->clearance, 1);
    EQ_STR(fake.in[0]->extra, "{\"ids\":[\"m1\"]}");
    char entry[40];
    memcpy(entry, p->delivered[0].entry, sizeof(entry));
    setup_deliver("probe", &it, 1);
    EQ_INT(p->delivered[0].outcome, CONNECTOR_ITEM_DUPLICATE);
    EQ_STR(p->delivered[0].entry, entry);
    EQ_INT(fake.in_n, 1);
    setup_end(&h);
}

T(an_address_of_another_scheme_stays_with_the_channel)
{
    struct host *h = setup_start(CHANNELS);
    struct connector_item it = message("m1", "tel:+905551234567", "hello");
    setup_deliver("probe", &it, 1);
    EQ_STR(fake.in[0]->address, "p/tel:+905551234567");
    OK(!fake.in[0]->verified);
    setup_end(&h);
}

T(a_bad_item_does_not_block_the_others)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    char *long_text = mem_alloc(70001);
    memset(long_text, 'x', 70000);
    struct connector_item items[] = {message("a", "probe:1", "one"),      message("b", "probe 1", "two"),
                                     message("c", "probe:1", "bad \xff"), message("d", "probe:1", long_text),
                                     message("", "probe:1", "x"),         message("e", "probe:1", "three"),
                                     message("f", "probe:1", "")};
    setup_deliver("probe", items, 7);
    const int want[] = {CONNECTOR_ITEM_STORED,      CONNECTOR_ITEM_QUARANTINED, CONNECTOR_ITEM_QUARANTINED,
                        CONNECTOR_ITEM_QUARANTINED, CONNECTOR_ITEM_QUARANTINED, CONNECTOR_ITEM_STORED,
                        CONNECTOR_ITEM_QUARANTINED};
    EQ_INT(p->delivered_err, 0);
    for (int i = 0; i < 7; i++)
        EQ_INT(p->delivered[i].outcome, want[i]);
    EQ_INT(fake.in_n, 2);
    EQ_INT(fake.quarantined_n, 5);
    OK(strstr(fake.quarantined[1], "\"text_base64\":\"YmFkIP8=\""));
    mem_free(long_text);
    setup_end(&h);
}

T(what_a_persons_own_client_sends_wrongly_is_refused)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("pull");
    struct connector_item it = message("r1", "probe:1", "bad \xff");
    it.id_per_sender = true;
    setup_deliver("pull", &it, 1);
    EQ_INT(p->delivered[0].outcome, CONNECTOR_ITEM_REFUSED);
    EQ_INT(fake.quarantined_n, 0);
    it.text = B("good");
    setup_deliver("pull", &it, 1);
    EQ_STR(fake.in[0]->extra, "{\"ref\":\"r1\"}");
    OK(fake.in[0]->per_sender);
    setup_end(&h);
}

T(bytes_that_the_connector_could_not_understand_are_kept)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    struct connector_item it = {
        .size = sizeof(it), .kind = CONNECTOR_BAD, .raw = {"\x00\x01raw", 5}, .error_text = B("no")};
    setup_deliver("probe", &it, 1);
    EQ_INT(p->delivered[0].outcome, CONNECTOR_ITEM_QUARANTINED);
    EQ_INT(fake.quarantined_n, 1);
    OK(memcmp(fake.quarantined[0], "\x00\x01raw", 5) == 0);
    setup_end(&h);
}

T(an_older_connectors_shorter_item_is_understood)
{
    struct host *h = setup_start(CHANNELS);
    struct connector_item it = message("m1", "probe:1", "hello");
    it.clearance = 2; /* beyond the size: as if it were not there */
    it.size = offsetof(struct connector_item, clearance);
    setup_deliver("probe", &it, 1);
    EQ_INT(fake.in[0]->clearance, 1);
    setup_end(&h);
}

T(an_album_is_one_entry)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    struct connector_media m[2] = {
        {.size = sizeof(m[0]), .url = B("https://x.example/1.jpg"), .type = B("image/jpeg")},
        {.size = sizeof(m[0]), .ref = B("f2"), .name = B("2.jpg"), .bytes_expected = 9}};
    struct connector_item items[3] = {message("a", "probe:1", ""), message("b", "probe:1", "caption"),
                                      message("c", "probe:2", "x")};
    for (int i = 0; i < 2; i++) {
        items[i].group = B("g1");
        items[i].media = &m[i];
        items[i].media_n = 1;
    }
    items[2].group = B("g1");
    setup_deliver("probe", items, 3);
    EQ_INT(fake.in_n, 2);
    EQ_STR(fake.in[0]->text, "caption");
    EQ_STR(p->delivered[0].entry, p->delivered[1].entry);
    EQ_STR(fake.in[0]->extra,
           "{\"attachments\":[{\"type\":\"image/jpeg\",\"name\":\"\",\"size\":0,\"state\":\"fetching\"},"
           "{\"type\":\"application/"
           "octet-stream\",\"name\":\"2.jpg\",\"size\":9,\"state\":\"fetching\"}],\"ids\":[\"a\",\"b\"]}");
    EQ_INT(fake.in[0]->jobs_n, 2);
    EQ_STR(fake.in[0]->jobs[0], "{\"at\":0,\"voice\":false,\"size\":0,\"channel\":\"p\",\"url\":\"https://"
                                "x.example/1.jpg\",\"type\":\"image/jpeg\"}");
    setup_end(&h);
}

T(a_part_of_an_album_that_comes_again)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    struct connector_media m = {.size = sizeof(m), .url = B("https://x.example/1.jpg")};
    struct connector_item items[4];
    for (int i = 0; i < 4; i++) {
        static const char *const ids[] = {"a", "b", "c", "d"};
        items[i] = message(ids[i], "probe:1", "");
        items[i].group = B("g1");
        items[i].media = &m;
        items[i].media_n = 1;
    }
    setup_deliver("probe", items, 3);
    EQ_INT(fake.in_n, 1);
    setup_deliver("probe", items + 1, 2);
    EQ_INT(fake.in_n, 1);
    EQ_INT(p->delivered[1].outcome, CONNECTOR_ITEM_DUPLICATE);
    setup_deliver("probe", items, 4); /* the last one was never taken */
    EQ_INT(fake.in_n, 2);
    EQ_STR(fake.in[1]->id, "d");
    EQ_INT(fake.in[1]->jobs_n, 1);
    OK(strstr(fake.in[1]->extra, "fetching"));
    EQ_INT(p->delivered[2].outcome, CONNECTOR_ITEM_DUPLICATE);
    EQ_INT(p->delivered[3].outcome, CONNECTOR_ITEM_STORED);
    setup_end(&h);
}

T(holes_of_an_album_are_filled)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    static const char *const ids[] = {"a", "b", "c", "d", "e"}, *const texts[] = {"", "two", "", "four",
                                                                                  "five"};
    struct connector_media m[5];
    struct connector_item items[5], some[2];
    char url[5][40];
    for (int i = 0; i < 5; i++) {
        snprintf(url[i], sizeof(url[i]), "https://x.example/%d.jpg", i);
        m[i] = (struct connector_media){.size = sizeof(m[i]), .url = {url[i], strlen(url[i])}};
        items[i] = message(ids[i], "probe:1", texts[i]);
        items[i].group = B("g1");
        items[i].media = &m[i];
        items[i].media_n = 1;
    }
    some[0] = items[1];
    some[1] = items[3];
    setup_deliver("probe", some, 2);
    EQ_STR(fake.in[0]->text, "two\nfour"); /* each caption is kept */
    setup_deliver("probe", items, 5);
    EQ_INT(fake.in_n, 4);
    EQ_STR(fake.in[1]->id, "a");
    EQ_STR(fake.in[2]->id, "c");
    EQ_STR(fake.in[3]->id, "e");
    EQ_STR(fake.in[3]->text, "five");
    OK(strstr(fake.in[2]->jobs[0], "x.example/2.jpg") && fake.in[2]->jobs_n == 1);
    OK(strstr(fake.in[3]->extra, "\"ids\":[\"e\"]"));
    for (int i = 0; i < 5; i++)
        EQ_INT(p->delivered[i].outcome, i % 2 ? CONNECTOR_ITEM_DUPLICATE : CONNECTOR_ITEM_STORED);
    setup_end(&h);
}

T(what_is_more_than_files_is_no_album)
{
    struct host *h = setup_start(CHANNELS);
    struct connector_location l = {41.5, -2.25, B("here"), B("")};
    struct connector_item items[3] = {message("a", "probe:1", "one"), message("b", "probe:1", "two"),
                                      message("c", "probe:1", "three")};
    for (int i = 0; i < 3; i++)
        items[i].group = B("g1");
    items[1].location = &l;
    items[2].choice = B("c1");
    setup_deliver("probe", items, 3);
    EQ_INT(fake.in_n, 3);
    OK(strstr(fake.in[1]->extra, "location"));
    setup_end(&h);
}

T(a_typed_number_or_title_is_a_choice)
{
    struct host *h = setup_start(CHANNELS);
    static const char *const list =
        "{\"choices\":[{\"id\":\"reg\",\"title\":\"Register\"},"
        "{\"id\":\"aid\",\"title\":\"مساعدة\"},{\"id\":\"two\",\"title\":\"2 people\"}]}";
    static const char *const numbers =
        "{\"choices\":[{\"id\":\"a\",\"title\":\"2\"},{\"id\":\"b\",\"title\":\"1\"},"
        "{\"id\":\"c\",\"title\":\"7\"}]}";
    static const struct {
        const char *text, *choice;
    } typed[] = {
        {"2", "aid"},          {"٢", "aid"},       {"۲", "aid"},       {"2.", "aid"},       {" ٢) ", "aid"},
        {"(3)", "two"},        {"1️⃣", "reg"}, {"\u200f۱", "reg"}, {"REGISTER", "reg"}, {"مساعدة", "aid"},
        {"2 people", "two"},   {"4", NULL},        {"0", NULL},        {"22", NULL},        {"2 3", NULL},
        {"register me", NULL}, {"2026", NULL},     {"-", NULL},        {"٢٢٢٢", NULL},      {NULL, NULL},
        {"1", NULL},           {"3", "c"},         {"7", "c"},
    };
    char id[32], want[100];
    fake.asked = list;
    fake.asked_channel = "p";
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        if (!typed[i].text) {
            fake.asked = numbers;
            continue;
        }
        snprintf(id, sizeof(id), "t%zu", i);
        struct connector_item it = message(id, "probe:1", typed[i].text);
        setup_deliver("probe", &it, 1);
        const struct fake_in *got = fake.in[fake.in_n - 1];
        EQ_STR(got->text, typed[i].text); /* what was written stays */
        snprintf(want, sizeof(want), "\"choice\":\"%s\",\"reply_to\":\"%s\"",
                 typed[i].choice ? typed[i].choice : "", fake_id(77).s);
        if (typed[i].choice ? !strstr(got->extra, want) : strstr(got->extra, "choice") != NULL)
            TEST_FAIL("%s: %s", typed[i].text, got->extra);
    }
    /* Asked elsewhere; or with a file; or a button was pressed. */
    struct connector_media m = {.size = sizeof(m), .url = B("https://x.example/1.jpg")};
    struct connector_item it = message("o1", "probe:1", "2");
    fake.asked = list;
    fake.asked_channel = "other";
    setup_deliver("probe", &it, 1);
    OK(!strstr(fake.in[fake.in_n - 1]->extra, "choice"));
    fake.asked_channel = "p";
    it = message("o2", "probe:1", "2");
    it.media = &m;
    it.media_n = 1;
    setup_deliver("probe", &it, 1);
    OK(!strstr(fake.in[fake.in_n - 1]->extra, "choice"));
    it = message("o3", "probe:1", "2");
    it.choice = B("reg");
    setup_deliver("probe", &it, 1);
    OK(strstr(fake.in[fake.in_n - 1]->extra, "\"choice\":\"reg\"") &&
       !strstr(fake.in[fake.in_n - 1]->extra, "reply_to"));
    setup_end(&h);
}

T(everything_else_of_a_message_is_kept)
{
    struct host *h = setup_start(CHANNELS);
    struct connector_location l = {41.5, -2.25, B("here"), B("")};
    struct connector_card c = {B("N"), B("+1"), B(""), true};
    struct connector_item it = message("a", "probe:1", "");
    it.location = &l;
    it.card = &c;
    it.choice = B("c1");
    it.reply_to = B("e1");
    setup_deliver("probe", &it, 1);
    EQ_STR(
        fake.in[0]->extra,
        "{\"location\":{\"latitude\":41.5000000,\"longitude\":-2.2500000,\"name\":\"here\"},\"contact_card\":"
        "{\"own\":true,\"name\":\"N\",\"phone\":\"+1\"},\"choice\":\"c1\",\"reply_to\":\"e1\",\"ids\":[\"a\"]"
        "}");
    setup_end(&h);
}

T(files_that_come_as_bytes)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    struct connector_media m = {.size = sizeof(m),
                                .bytes = B("\x89PNG\r\n\x1a\n0000"),
                                .type = B("text/plain"),
                                .name = B("a.png"),
                                .voice = true};
    struct connector_item it = message("a", "probe:1", "");
    it.media = &m;
    it.media_n = 1;
    setup_deliver("probe", &it, 1);
    UNTIL(p->delivered_err == 0);
    OK(strstr(fake.in[0]->extra, "\"id\":\"blob1\""));
    OK(strstr(fake.in[0]->extra, ",\"voice\":true,\"state\":\"stored\"}]"));
    OK(!strstr(fake.in[0]->extra, "text/plain")); /* by its content */
    struct connector_item other = message("b", "probe:2", "");
    struct connector_media stolen = {.size = sizeof(m), .blob = "blob1"};
    other.media = &stolen;
    other.media_n = 1;
    setup_deliver("probe", &other, 1);
    EQ_INT(p->delivered[0].outcome, CONNECTOR_ITEM_REFUSED);
    EQ_INT(fake.in_n, 1);
    setup_end(&h);
}

T(nothing_is_said_to_be_stored_while_the_store_is_away)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    struct connector_item it = message("m1", "probe:1", "hello");
    fake.away = true;
    setup_deliver("probe", &it, 1);
    EQ_INT(p->delivered_err, CONNECTOR_EAWAY);
    fake.away = false;
    setup_deliver("probe", &it, 1);
    EQ_INT(p->delivered_err, 0);
    EQ_INT(p->delivered[0].outcome, CONNECTOR_ITEM_STORED);
    setup_end(&h);
}

T(stopping_cancels_what_is_owed)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("probe");
    struct connector_item it = message("m1", "probe:1", "hello");
    fake.hold = true;
    setup_deliver("probe", &it, 1);
    EQ_INT(p->delivered_err, 1);
    setup_apply(h, "{\"channels\":[]}");
    OK(p->cancelled);
    EQ_INT(p->destroyed, 1);
    fake_release();
    fake_turns(10);
    setup_end(&h);
}

T(statuses_and_marks)
{
    struct host *h = setup_start(CHANNELS);
    struct connector_item st = {.size = sizeof(st),
                                .kind = CONNECTOR_STATUS,
                                .id = B("s1"),
                                .target = B("x1"),
                                .status = CONNECTOR_FAILED,
                                .error_code = B("131"),
                                .error_text = B("no \"route\"")};
    setup_deliver("probe", &st, 1);
    EQ_INT(fake.statuses_n, 1);
    EQ_STR(fake.statuses[0].id, "x1");
    EQ_INT(fake.statuses[0].status, STORE_FAILED);
    EQ_STR(fake.statuses[0].error, "{\"code\":\"131\",\"text\":\"no \\\"route\\\"\"}");
    struct connector_item bl = {
        .size = sizeof(bl), .kind = CONNECTOR_BLOCKED, .id = B("b1"), .from = B("probe:1"), .on = true};
    setup_deliver("probe", &bl, 1);
    EQ_STR(fake.blocked, "probe:1");
    setup_end(&h);
}

/* Another person's session must not mark what is not theirs. */
T(a_read_mark_counts_only_for_its_own_person)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("pull");
    struct store_entry en = {.id = fake_id(7), .thread = fake_id(2), .seq = 5, .channel = "w"};
    fake.entries = &en;
    fake.entries_n = 1;
    fake_contact("probe:1", "w", 1, 2);
    fake_contact("probe:2", "w", 3, 4);
    struct connector_item rd = {
        .size = sizeof(rd), .kind = CONNECTOR_READ, .from = B("probe:2"), .target = B(en.id.s)};
    setup_deliver("pull", &rd, 1);
    EQ_INT(fake.statuses_n, 0);
    EQ_INT(p->delivered[0].outcome, CONNECTOR_ITEM_IGNORED);
    rd.from = B("probe:1");
    setup_deliver("pull", &rd, 1);
    EQ_INT(fake.statuses_n, 1);
    EQ_INT(fake.statuses[0].seq, 5);
    OK(fake.statuses[0].before);
    EQ_INT(fake.statuses[0].status, STORE_READ);
    setup_end(&h);
}

T(typing_is_a_signal)
{
    struct host *h = setup_start(CHANNELS);
    fake_contact("probe:1", "p", 1, 2);
    struct connector_item ty = {
        .size = sizeof(ty), .kind = CONNECTOR_TYPING, .from = B("probe:1"), .on = true};
    setup_deliver("probe", &ty, 1);
    setup_deliver("probe", &ty, 1);
    EQ_INT(fake.signals_n, 2);
    EQ_STR(fake.signal_thread, fake_id(2).s);
    OK(fake.signal.on);
    ty.from = B("probe:9");
    setup_deliver("probe", &ty, 1);
    EQ_INT(fake.signals_n, 2);
    setup_end(&h);
}

/* ---- media that are fetched later ---- */

static int fetch_status;
static void answer(const struct fake_fetch *f, struct fetch_response *r)
{
    (void)f;
    r->status = fetch_status;
    r->body = SLICE("\x89PNG\r\n\x1a\n0000");
    if (!fetch_status)
        r->err = -ERR_TIMEOUT;
}

static void fetch_job(struct host *h, const char *job, unsigned tries)
{
    fake_media("p", job, tries);
    size_t before = fake.media_done_n;
    setup_apply(h, "{\"channels\":" CHANNELS "}");
    UNTIL(fake.media_done_n > before);
}

T(links_are_fetched_and_looked_at)
{
    struct host *h = setup_start(CHANNELS);
    fake_answer = answer;
    fetch_status = 200;
    fetch_job(h, "{\"at\":0,\"url\":\"https://x.example/1\",\"name\":\"1.png\",\"voice\":false,\"size\":0}",
              0);
    OK(strstr(fake.media_done, "\"id\":\"blob1\""));
    OK(strstr(fake.media_done, "\"state\":\"stored\""));
    EQ_INT(fake.media_retry, 0);
    OK(fake_fetches[0].media_guard);
    setup_end(&h);
}

T(a_link_that_fails_is_tried_again_then_given_up)
{
    struct host *h = setup_start(CHANNELS);
    fake_answer = answer;
    fetch_status = 503;
    fetch_job(h, "{\"at\":0,\"url\":\"https://x.example/1\",\"name\":\"1.png\"}", 0);
    OK(strstr(fake.media_done, "\"state\":\"fetching\""));
    OK(fake.media_retry > time_wall_ms());
    fetch_job(h, "{\"at\":0,\"url\":\"https://x.example/1\",\"name\":\"1.png\"}", 7);
    OK(strstr(fake.media_done, "\"state\":\"failed\""));
    fetch_status = 404;
    fetch_job(h, "{\"at\":0,\"url\":\"https://x.example/1\",\"name\":\"1.png\"}", 0);
    OK(strstr(fake.media_done, "\"state\":\"failed\""));
    EQ_INT(fake.media_retry, 0);
    setup_end(&h);
}

T(a_link_with_a_password_is_not_followed)
{
    struct host *h = setup_start(CHANNELS);
    fetch_job(h, "{\"at\":0,\"url\":\"https://me:pw@x.example/x\"}", 0);
    OK(strstr(fake.media_done, "\"state\":\"failed\""));
    EQ_INT(fake_fetches_n, 0);
    setup_end(&h);
}

T(the_connector_fetches_what_it_named)
{
    struct host *h = setup_start(CHANNELS);
    fetch_job(h, "{\"at\":0,\"ref\":\"f77\"}", 0);
    EQ_STR(setup_probe("probe")->media_ref, "f77");
    OK(strstr(fake.media_done, "\"name\":\"a.txt\""));
    OK(strstr(fake.media_done, "\"state\":\"stored\""));
    setup_end(&h);
}

TEST_MAIN
