/* SPDX-License-Identifier: Apache-2.0
 * Doors, sockets, what pages see, links to files. */
#include "tests/unit/test.h"
#include "tests/unit/host/setup.h"

#define CHANNELS                                                                                             \
    "[{\"id\":\"p\",\"connector\":\"probe\",\"settings\":{\"token\":\"s3cret-token\"}},"                     \
    "{\"id\":\"q\",\"connector\":\"quiet\",\"settings\":{\"token\":\"x\",\"path_secret\":"                   \
    "\"0123456789abcdefghijkl\"}},"                                                                          \
    "{\"id\":\"off\",\"connector\":\"probe\",\"settings\":{\"token\":\"x\"},\"disabled\":true},"             \
    "{\"id\":\"wrong\",\"connector\":\"probe\"},"                                                            \
    "{\"id\":\"w\",\"connector\":\"pull\",\"settings\":{\"token\":\"x\",\"origins\":[\"https://"             \
    "site.example\"]}}]"

static const char *const yes[] = {"x-probe", "yes", NULL};

T(a_webhook_is_verified_then_stored)
{
    struct host *h = setup_start(CHANNELS);
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, "hello")->status, 200);
    EQ_INT(fake.in_n, 1);
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", NULL, "hello 2")->status, 401);
    EQ_INT(fake.in_n, 1);
    setup_end(&h);
}

T(what_is_not_there_looks_the_same)
{
    struct host *h = setup_start(CHANNELS);
    static const char *const nothing[] = {"/hooks/op/x",
                                          "/hooks/other/p",
                                          "/hooks/op/w",
                                          "/hooks/op/q",
                                          "/hooks/op/q/wrong0123456789abcde",
                                          "/hooks/op",
                                          "/chat/op/p",
                                          "/ws/chat/op/p",
                                          "/files/",
                                          "/files/abc",
                                          "/hooks/op/off",
                                          "/hooks/op/p/../q"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        bool file = strncmp(nothing[i], "/files/", 7) == 0;
        int status =
            fake_request(h, file ? HTTP_M_GET : HTTP_M_POST, nothing[i], NULL, file ? NULL : "hello")->status;
        if (status != 404 && i != 11)
            TEST_FAIL("%s: %d", nothing[i], status);
    }
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/q/0123456789abcdefghijkl", yes, "hello")->status, 200);
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/wrong", yes, "hello")->status,
           503); /* a 404 would be final */
    setup_end(&h);
}

T(no_store_no_webhook)
{
    struct host *h = setup_start(CHANNELS);
    fake.ready = false;
    struct fake_reply *r = fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, "hello");
    EQ_INT(r->status, 503);
    OK(strstr(r->headers, "retry-after: "));
    fake.ready = true;
    fake.away = true;
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, "hello")->status, 503);
    fake.away = false;
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, "hello")->status, 200);
    setup_end(&h);
}

T(too_many_at_a_time_are_sent_away)
{
    const struct host_config cf = {.public_url = "https://parley.example", .ingests_max = 1};
    struct host *h = setup_with(&cf, "{\"channels\":" CHANNELS "}");
    struct connector_item it = {
        .size = sizeof(it), .kind = CONNECTOR_MESSAGE, .id = B("m"), .from = B("probe:1"), .text = B("x")};
    fake.hold = true;
    setup_deliver("probe", &it, 1);
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, "hello")->status, 503);
    fake_release();
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, "hello")->status, 200);
    setup_end(&h);
}

T(a_body_over_the_limit)
{
    struct host *h = setup_start(CHANNELS);
    char *big = mem_alloc((1u << 20) + 2);
    memset(big, 'x', (1u << 20) + 1);
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, big)->status, 413);
    mem_free(big);
    setup_end(&h);
}

T(requests_without_an_answer_get_one_when_the_channel_stops)
{
    struct host *h = setup_start(CHANNELS);
    EQ_INT(fake_request(h, HTTP_M_POST, "/hooks/op/p", yes, "wait")->status, 0);
    setup_end(&h); /* asserts in the fake when it is answered twice */
    EQ_INT(setup_probe("probe")->destroyed, 1);
}

T(a_page_elsewhere_posts_nothing)
{
    struct host *h = setup_start(CHANNELS);
    static const char *const foreign[] = {"https://evil.example", "null", "",
                                          "https://parley.example.evil.example"};
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const char *const heads[] = {"origin", foreign[i], "host", "parley.example", NULL};
        EQ_INT(fake_request(h, HTTP_M_POST, "/chat/op/w", heads, "hello")->status, 403);
    }
    EQ_INT(fake.in_n, 0);
    static const char *const ours[] = {"origin", "https://parley.example", NULL}, *const site[] = {
                                                                                      "origin",
                                                                                      "https://site.example",
                                                                                      NULL};
    OK(fake_request(h, HTTP_M_POST, "/chat/op/w", ours, "hello")->status != 403);
    OK(fake_request(h, HTTP_M_POST, "/chat/op/w", site, "hello")->status != 403);
    OK(fake_request(h, HTTP_M_POST, "/chat/op/w", NULL, "hello")->status != 403);
    setup_end(&h);
}

/* ---- sockets ---- */

T(sockets_ask_for_the_origin)
{
    struct host *h = setup_start(CHANNELS);
    OK(fake_socket(h, "/ws/chat/op/w", "https://parley.example"));
    OK(fake_socket(h, "/ws/chat/op/w", "https://site.example"));
    OK(!fake_socket(h, "/ws/chat/op/w", "https://evil.example"));
    EQ_INT(fake_socket_status, 403);
    OK(!fake_socket(h, "/ws/chat/op/w", NULL));
    OK(!fake_socket(h, "/ws/chat/op/w", "null"));
    OK(!fake_socket(h, "/ws/chat/op/w", "https://parley.example.evil.example"));
    OK(!fake_socket(h, "/ws/chat/op/w", "http://parley.example"));
    OK(!fake_socket(h, "/ws/chat/op/p", "https://parley.example"));
    EQ_INT(fake_socket_status, 404);
    struct ws *w = fake_socket(h, "/ws/chat/op/w/deny", "https://parley.example");
    fake_turns(5);
    OK(w && fake_socket_closed(w));
    setup_end(&h);
}

static struct store_entry entries[3];

static void two_entries(void)
{
    entries[0] = (struct store_entry){.id = fake_id(7),
                                      .thread = fake_id(2),
                                      .seq = 1,
                                      .inbound = true,
                                      .kind = STORE_MESSAGE,
                                      .channel = "w",
                                      .text = SLICE("hi"),
                                      .external_ids = SLICE("[\"m\"]")};
    entries[1] =
        (struct store_entry){.id = fake_id(8),
                             .thread = fake_id(2),
                             .seq = 2,
                             .kind = STORE_MESSAGE,
                             .channel = "w",
                             .text = SLICE("yes?"),
                             .status = STORE_SENT,
                             .extra = SLICE("{\"attachments\":[{\"id\":\"blob1\",\"type\":\"text/"
                                            "plain\",\"name\":\"n.txt\",\"size\":5,\"key\":\"k\"}]}")};
    fake.entries = entries;
    fake.entries_n = 2;
}

T(a_page_sees_its_history_and_what_changes)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("pull");
    struct ws *w = fake_socket(h, "/ws/chat/op/w", "https://parley.example");
    fake_socket_text(w, "history please");
    EQ_STR(fake_socket_frame(w, 0), "0 0");
    two_entries();
    fake_contact("probe:1", "w", 1, 2);
    fake_socket_text(w, "history please");
    OK(strncmp(fake_socket_frame(w, 1), "0 2 hi:3: yes?:1:/files/", 24) == 0);
    fake_socket_text(w, "watch");
    size_t caught = p->changes; /* bound late: what was there is told */
    entries[2] = (struct store_entry){
        .id = fake_id(9), .thread = fake_id(2), .seq = 3, .channel = "w", .text = SLICE("well?")};
    fake.entries_n = 3;
    struct store_event ev = {.kind = STORE_EV_ENTRY,
                             .thread = fake_id(2),
                             .contact = fake_id(1),
                             .entry = fake_id(9),
                             .seq = 3,
                             .channel = "w",
                             .entry_kind = STORE_MESSAGE};
    fake_event(&ev);
    fake_turns(10);
    EQ_INT(p->changes, caught + 1);
    OK(strstr(p->changed[caught % 8], "well?"));
    fake_event(&ev);  /* told once */
    ev.channel = "p"; /* another channel's: not theirs to see here */
    fake_event(&ev);
    ev.channel = "w";
    ev.contact = fake_id(3);
    fake_event(&ev);
    fake_turns(10);
    EQ_INT(p->changes, caught + 1);
    struct store_signal s = {
        .what = "typing", .thread = fake_id(2), .agent = "amal", .channel = "w", .on = true};
    fake_signal(&s);
    fake_turns(10);
    EQ_STR(p->changed[(caught + 1) % 8], "4   1");
    s.what = "read";
    s.seq = 2;
    fake_signal(&s);
    fake_turns(10);
    char want[64];
    snprintf(want, sizeof(want), "5 %s  1", fake_id(7).s);
    EQ_STR(p->changed[(caught + 2) % 8], want);
    fake_socket_text(w, "unwatch");
    fake_event(&ev);
    fake_turns(10);
    EQ_INT(p->changes, caught + 3);
    fake_socket_leave(w);
    setup_end(&h);
}

T(a_page_that_waits_for_its_contact_hears_of_it)
{
    struct host *h = setup_start(CHANNELS);
    struct probe *p = setup_probe("pull");
    struct ws *w = fake_socket(h, "/ws/chat/op/w", "https://parley.example");
    fake_socket_text(w, "watch");
    EQ_INT(p->changes, 0);
    two_entries();
    fake_contact("probe:1", "w", 1, 2); /* it wrote through another node */
    struct store_event ev = {.kind = STORE_EV_ENTRY,
                             .thread = fake_id(2),
                             .contact = fake_id(1),
                             .entry = fake_id(7),
                             .seq = 1,
                             .channel = "w",
                             .entry_kind = STORE_MESSAGE,
                             .inbound = true};
    fake_event(&ev);
    fake_turns(20);
    EQ_INT(p->changes, 2);
    fake_event(NULL); /* some were missed: those after the last one are read again */
    fake_turns(20);
    EQ_INT(p->changes, 2);
    setup_end(&h);
}

T(a_file_is_stored_under_its_person)
{
    struct host *h = setup_start(CHANNELS);
    struct ws *w = fake_socket(h, "/ws/chat/op/w", "https://parley.example");
    fake_socket_text(w, "put");
    UNTIL(setup_probe("pull")->blob[0]);
    EQ_STR(setup_probe("pull")->blob, "0 blob1");
    setup_end(&h);
}

/* ---- links ---- */

static char link_text[400];

static struct host *with_link(void)
{
    struct host *h = setup_start(CHANNELS);
    struct ws *w = fake_socket(h, "/ws/chat/op/w", "https://parley.example");
    fake_socket_text(w, "put");
    UNTIL(setup_probe("pull")->blob[0]);
    two_entries();
    fake_contact("probe:1", "w", 1, 2);
    fake_socket_text(w, "history please");
    const char *at = strstr(fake_socket_frame(w, 0), "/files/");
    snprintf(link_text, sizeof(link_text), "%s", at ? at : "");
    return h;
}

T(a_link_opens_the_file)
{
    struct host *h = with_link();
    struct fake_reply *r = fake_request(h, HTTP_M_GET, link_text, NULL, NULL);
    EQ_INT(r->status, 200);
    EQ_STR(r->body, "hello");
    OK(strstr(r->headers, "content-disposition: attachment; filename*=UTF-8''n.txt"));
    OK(strstr(r->headers, "content-security-policy: sandbox; default-src 'none'"));
    OK(strstr(r->headers, "cache-control: private, no-store"));
    const char *const range[] = {"range", "bytes=1-3", NULL};
    r = fake_request(h, HTTP_M_GET, link_text, range, NULL);
    EQ_INT(r->status, 206);
    EQ_STR(r->body, "ell");
    const char *const beyond[] = {"range", "bytes=9-", NULL};
    EQ_INT(fake_request(h, HTTP_M_GET, link_text, beyond, NULL)->status, 416);
    EQ_INT(fake_request(h, HTTP_M_POST, link_text, NULL, "x")->status, 405);
    setup_end(&h);
}

T(a_changed_link_opens_nothing)
{
    struct host *h = with_link();
    size_t n = strlen(link_text);
    for (size_t i = 7; i < n; i++) {
        char changed[400];
        snprintf(changed, sizeof(changed), "%s", link_text);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        int status = fake_request(h, HTTP_M_GET, changed, NULL, NULL)->status;
        /* The last letter may carry bits that mean nothing. */
        if (status != 404 && i + 1 < n)
            TEST_FAIL("letter %zu: %d", i, status);
    }
    entries[1].erased = true;
    EQ_INT(fake_request(h, HTTP_M_GET, link_text, NULL, NULL)->status, 404);
    setup_end(&h);
}

T(links_end)
{
    struct host *h = with_link();
    struct host_op *o = map_get(&h->ops, SLICE("op"));
    struct arena *a = arena_new();
    char *old = files_url(o, fake_id(2), 2, 0, 0, false, a);
    OK(old);
    fake_turns(1100);
    EQ_INT(fake_request(h, HTTP_M_GET, old, NULL, NULL)->status, 404);
    OK(files_url(o, fake_id(2), 2, 0, 60, true, a));
    arena_free(&a);
    setup_end(&h);
}

TEST_MAIN
