/* SPDX-License-Identifier: Apache-2.0
 * Webchat against the fake host: frames, resuming, long poll, the page without scripts. */
#include "connectors/testkit/kit.h"
#include "tests/unit/test.h"

static const char *const settings[] = {"exit", "https://weather.example/", NULL};
static const char *const languages[] = {"en", "ar", NULL};
static const struct kit_options options = {.settings = settings,
                                           .languages = languages,
                                           .pages = "tests/fixtures/chat-pages",
                                           .operation = "demo",
                                           .channel = "web"};

static struct kit *begin(void)
{
    char why[200] = "";
    struct kit *k = kit_new(&connector_plugin, &options, why);
    if (!k)
        TEST_FAIL("%s", why);
    kit_turn(k);
    kit_advance(k, 1100);
    OK(kit_up(k));
    return k;
}

static const char *last_frame(const struct kit_socket *s)
{
    size_t n = kit_frames(s);
    return n ? kit_frame(s, n - 1) : "";
}

static bool a_frame_has(const struct kit_socket *s, const char *what)
{
    for (size_t i = 0; i < kit_frames(s); i++)
        if (strstr(kit_frame(s, i), what))
            return true;
    return false;
}

/* The session of a welcome, into out. */
static void session_of(const char *frame, char out[64])
{
    const char *at = strstr(frame, "\"session\":\"");
    OK(at);
    at += 11;
    size_t n = strcspn(at, "\"");
    OK(n < 64);
    memcpy(out, at, n);
    out[n] = '\0';
}

static struct kit_socket *hello(struct kit *k, const char *session, const char *after, char got[64])
{
    char frame[256];
    struct kit_socket *s = kit_socket(k, "", NULL);
    OK(s);
    snprintf(frame, sizeof frame,
             "{\"type\":\"hello\",\"session\":%s%s%s,\"after\":%s%s%s,\"locale\":\"ar\"}",
             session ? "\"" : "", session ? session : "null", session ? "\"" : "", after ? "\"" : "",
             after ? after : "null", after ? "\"" : "");
    kit_socket_text(k, s, frame);
    kit_turn(k);
    OK(strstr(last_frame(s), "\"type\":\"welcome\"") != NULL || kit_frames(s) > 0);
    if (got)
        session_of(kit_frame(s, 0), got);
    return s;
}

T(a_message_is_acknowledged_once_it_is_stored)
{
    struct kit *k = begin();
    struct kit_socket *s = hello(k, NULL, NULL, NULL);
    kit_store(k, KIT_HOLDS);
    kit_socket_text(k, s, "{\"type\":\"send\",\"ref\":\"r1\",\"text\":\"مرحبا\"}");
    kit_turn(k);
    OK(!a_frame_has(s, "\"ack\""));
    kit_release(k);
    kit_turn(k);
    OK(a_frame_has(s, "\"type\":\"ack\",\"ref\":\"r1\",\"id\":\""));
    EQ_INT(kit_items(k), 1);
    OK(kit_is(kit_item(k, 0)->text, "مرحبا"));
    OK(kit_is(kit_item(k, 0)->locale, "ar"));
    OK(kit_item(k, 0)->id_per_sender);
    OK(kit_end(&k));
}

T(the_same_ref_again_gives_the_same_id)
{
    struct kit *k = begin();
    char session[64], first[200];
    struct kit_socket *s = hello(k, NULL, NULL, session);
    kit_socket_text(k, s, "{\"type\":\"send\",\"ref\":\"r1\",\"text\":\"one\"}");
    kit_turn(k);
    snprintf(first, sizeof first, "\"ref\":\"r1\",\"id\":\"%s\"", kit_item_result(k, 0)->entry);
    OK(a_frame_has(s, first));
    kit_socket_leave(k, s);
    struct kit_socket *again = hello(k, session, NULL, NULL);
    kit_socket_text(k, again, "{\"type\":\"send\",\"ref\":\"r1\",\"text\":\"one\"}");
    kit_turn(k);
    OK(a_frame_has(again, first));
    EQ_INT(kit_duplicates(k), 1);
    OK(kit_end(&k));
}

T(resuming_gives_what_is_newer_and_nothing_twice)
{
    struct kit *k = begin();
    char session[64], address[64], first[40];
    struct kit_socket *s = hello(k, NULL, NULL, session);
    kit_socket_text(k, s, "{\"type\":\"send\",\"ref\":\"r1\",\"text\":\"one\"}");
    kit_turn(k);
    snprintf(address, sizeof address, "%.*s", (int)kit_item(k, 0)->from.n, kit_item(k, 0)->from.p);
    snprintf(first, sizeof first, "%s", kit_item_result(k, 0)->entry);
    kit_socket_leave(k, s);
    struct connector_entry answer = {
        .size = sizeof answer, .kind = CONNECTOR_MESSAGE, .text = kit_bytes("answer"), .author = "Amal"};
    kit_entry(k, address, &answer);
    struct kit_socket *back = hello(k, session, first, NULL);
    OK(strstr(kit_frame(back, 0), "\"text\":\"answer\""));
    OK(!strstr(kit_frame(back, 0), "\"text\":\"one\""));
    size_t before = kit_frames(back);
    answer.text = kit_bytes("second");
    kit_entry(k, address, &answer);
    kit_turn(k);
    EQ_INT(kit_frames(back), before + 1);
    OK(strstr(last_frame(back), "\"text\":\"second\""));
    OK(kit_end(&k));
}

T(a_secret_of_ones_own_making_is_refused)
{
    struct kit *k = begin();
    struct kit_socket *s = kit_socket(k, "", NULL);
    kit_socket_text(k, s,
                    "{\"type\":\"hello\",\"session\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"after\":null}");
    kit_turn(k);
    OK(strstr(last_frame(s), "unknown_session"));
    kit_socket_text(k, s, "{\"type\":\"send\",\"ref\":\"r\",\"text\":\"x\"}");
    kit_turn(k);
    EQ_INT(kit_items(k), 0);
    OK(kit_end(&k));
}

T(wrong_frames_get_an_error_and_change_nothing)
{
    static const char *const wrong[] = {"[]",
                                        "{",
                                        "{\"type\":\"send\"}",
                                        "{\"type\":\"send\",\"ref\":\"a b\",\"text\":\"x\"}",
                                        "{\"type\":\"send\",\"ref\":\"a\",\"text\":5}",
                                        "{\"type\":\"send\",\"ref\":\"a\",\"text\":\"\"}",
                                        "{\"type\":\"send\",\"ref\":\"a\",\"text\":\"x\",\"extra\":1}",
                                        "{\"type\":\"dance\"}",
                                        "{\"type\":\"send\",\"type\":\"send\",\"ref\":\"a\",\"text\":\"x\"}",
                                        "{\"type\":\"earlier\"}"};
    struct kit *k = begin();
    struct kit_socket *s = hello(k, NULL, NULL, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t n = kit_frames(s);
        kit_socket_text(k, s, wrong[i]);
        kit_turn(k);
        EQ_INT(kit_frames(s), n + 1);
        OK(strstr(last_frame(s), "\"type\":\"error\""));
    }
    EQ_INT(kit_items(k), 0);
    OK(kit_socket_open(s));
    OK(kit_end(&k));
}

T(the_store_away_is_told_and_the_message_may_come_again)
{
    struct kit *k = begin();
    struct kit_socket *s = hello(k, NULL, NULL, NULL);
    kit_store(k, KIT_AWAY);
    kit_socket_text(k, s, "{\"type\":\"send\",\"ref\":\"r1\",\"text\":\"x\"}");
    kit_turn(k);
    OK(strstr(last_frame(s), "unavailable") && strstr(last_frame(s), "retry_ms"));
    kit_store(k, KIT_STORES);
    kit_socket_text(k, s, "{\"type\":\"send\",\"ref\":\"r1\",\"text\":\"x\"}");
    kit_turn(k);
    OK(a_frame_has(s, "\"ack\""));
    OK(kit_end(&k));
}

T(who_does_not_say_hello_is_closed)
{
    struct kit *k = begin();
    struct kit_socket *s = kit_socket(k, "", NULL);
    kit_advance(k, 10100);
    OK(!kit_socket_open(s));
    EQ_INT(kit_socket_code(s), 1008);
    OK(kit_end(&k));
}

T(forgetting_leaves_nothing_to_come_back_to)
{
    struct kit *k = begin();
    char session[64];
    struct kit_socket *s = hello(k, NULL, NULL, session);
    kit_socket_text(k, s, "{\"type\":\"send\",\"ref\":\"r1\",\"text\":\"secret\"}");
    kit_turn(k);
    kit_socket_text(k, s, "{\"type\":\"forget\"}");
    kit_turn(k);
    OK(a_frame_has(s, "forgotten"));
    OK(!kit_socket_open(s));
    struct kit_socket *back = hello(k, session, NULL, NULL);
    OK(!a_frame_has(back, "secret"));
    OK(kit_end(&k));
}

static struct kit_answer *poll_once(struct kit *k, const char *body)
{
    struct kit_request rq = {.method = "POST", .door = "chat", .path = "/poll", .body = kit_bytes(body)};
    return kit_request(k, &rq);
}

T(a_poll_carries_the_same_frames)
{
    struct kit *k = begin();
    char session[64], body[512];
    struct kit_answer *a = poll_once(
        k,
        "{\"session\":null,\"after\":null,\"frames\":[{\"type\":\"hello\",\"session\":null,\"after\":null},"
        "{\"type\":\"send\",\"ref\":\"p1\",\"text\":\"by poll\"}],\"wait\":25}");
    OK(a->done);
    EQ_INT(a->status, 200);
    OK(strstr(a->body, "\"type\":\"welcome\"") && strstr(a->body, "\"type\":\"ack\",\"ref\":\"p1\""));
    session_of(a->body, session);
    snprintf(body, sizeof body, "{\"session\":\"%s\",\"after\":\"%s\",\"frames\":[],\"wait\":25}", session,
             kit_item_result(k, 0)->entry);
    struct kit_answer *w = poll_once(k, body);
    OK(!w->done);
    char address[64];
    snprintf(address, sizeof address, "%.*s", (int)kit_item(k, 0)->from.n, kit_item(k, 0)->from.p);
    struct connector_entry answer = {
        .size = sizeof answer, .kind = CONNECTOR_MESSAGE, .text = kit_bytes("answer")};
    kit_entry(k, address, &answer);
    kit_turn(k);
    OK(w->done);
    OK(strstr(w->body, "\"text\":\"answer\""));
    struct kit_answer *q = poll_once(k, body);
    OK(q->done && strstr(q->body, "answer")); /* its answer never arrived: it is told again */
    OK(kit_end(&k));
}

T(a_waiting_poll_ends_in_time_or_by_a_newer_one)
{
    struct kit *k = begin();
    char session[64], body[512];
    struct kit_answer *a = poll_once(k, "{\"frames\":[{\"type\":\"hello\",\"session\":null}]}");
    session_of(a->body, session);
    snprintf(body, sizeof body, "{\"session\":\"%s\",\"frames\":[],\"wait\":5}", session);
    struct kit_answer *one = poll_once(k, body), *two = poll_once(k, body);
    OK(one->done && !two->done);
    kit_advance(k, 5100);
    OK(two->done);
    EQ_STR(two->body, "{\"frames\":[],\"cursor\":null}");
    EQ_INT(kit_watches(k), 0);
    OK(kit_end(&k));
}

T(a_malformed_poll_is_refused)
{
    struct kit *k = begin();
    static const char *const wrong[] = {
        "", "[]", "{\"frames\":{}}", "{\"wait\":26}", "{\"wait\":-1}", "{\"x\":1}", "{\"frames\":[1]}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        EQ_INT(poll_once(k, wrong[i])->status, 400);
    OK(kit_end(&k));
}

static struct kit_answer *form(struct kit *k, const char *body)
{
    static const char *const headers[] = {"content-type", "application/x-www-form-urlencoded", NULL};
    struct kit_request rq = {
        .method = "POST", .door = "chat", .path = "", .headers = headers, .body = kit_bytes(body)};
    return kit_request(k, &rq);
}

T(without_scripts_a_form_writes_and_the_page_shows)
{
    struct kit *k = begin();
    struct kit_answer *a = form(k, "session=&ref=0123456789abcdef&lang=ar&text=hello+%3Cb%3E");
    EQ_INT(a->status, 303);
    EQ_STR(kit_answer_header(a, "location"), "/chat/demo/web?lang=ar&sent=1");
    const char *cookie = kit_answer_header(a, "set-cookie");
    OK(cookie && strstr(cookie, "HttpOnly") && strstr(cookie, "SameSite=Strict"));
    OK(strncmp(cookie, "__Host-parley_chat.demo.web=", 28) ==
       0); /* such a one wants Secure and the whole host */
    OK(strstr(cookie, "; Path=/;") && strstr(cookie, "; Secure") && !strstr(cookie, "Domain"));
    EQ_INT(kit_items(k), 1);
    char pair[128];
    snprintf(pair, sizeof pair, "%.*s", (int)strcspn(cookie, ";"), cookie);
    const char *const headers[] = {"cookie", pair, NULL};
    struct kit_request get = {
        .method = "GET", .door = "chat", .path = "", .query = "lang=ar&sent=1", .headers = headers};
    struct kit_answer *p = kit_request(k, &get);
    EQ_INT(p->status, 200);
    OK(strstr(p->body, "hello &lt;b&gt;"));
    OK(strstr(p->body, "dir=\"rtl\""));
    OK(strstr(p->body, "Stored ar"));
    OK(!strstr(p->body, "</script> en\"")); /* texts inside the script element are escaped */
    /* The same post again stores nothing. */
    form(k, "session=&ref=0123456789abcdef&lang=ar&text=hello+%3Cb%3E");
    EQ_INT(kit_items(k), 1);
    EQ_INT(kit_duplicates(k), 1);
    OK(kit_end(&k));
}

T(the_cookie_of_plain_http_is_for_the_page_alone_and_no_good_on_tls)
{
    struct kit *k = begin();
    struct kit_request post = {
        .door = "chat",
        .path = "",
        .insecure = true,
        .headers = (const char *const[]){"content-type", "application/x-www-form-urlencoded", NULL},
        .body = kit_bytes("session=&ref=0123456789abcdef&lang=en&text=hello")};
    struct kit_answer *a = kit_request(k, &post);
    const char *cookie = kit_answer_header(a, "set-cookie");
    EQ_INT(a->status, 303);
    OK(cookie && strncmp(cookie, "parley_chat=", 12) == 0);
    OK(strstr(cookie, "; Path=/chat/demo/web;") && !strstr(cookie, "Secure"));
    char pair[200];
    snprintf(pair, sizeof pair, "%.*s", (int)strcspn(cookie, ";"), cookie);
    for (int secure = 0; secure < 2; secure++) {
        struct kit_request get = {.method = "GET",
                                  .door = "chat",
                                  .path = "",
                                  .query = "lang=en",
                                  .insecure = !secure,
                                  .headers = (const char *const[]){"cookie", pair, NULL}};
        bool shown = strstr(kit_request(k, &get)->body, "hello") != NULL;
        EQ_INT(shown, !secure); /* one that a network planted opens nothing */
    }
    OK(kit_end(&k));
}

T(an_empty_form_says_so_and_keeps_what_was_written)
{
    struct kit *k = begin();
    struct kit_answer *a = form(k, "session=&ref=0123456789abcdef&lang=en&text=+%0D%0A");
    EQ_INT(a->status, 400);
    OK(strstr(a->body, "Empty en"));
    EQ_INT(kit_items(k), 0);
    EQ_INT(form(k, "session=&lang=en&text=x")->status, 400);
    OK(kit_end(&k));
}

T(a_typed_number_answers_a_choice_in_any_digits)
{
    struct kit *k = begin();
    struct kit_answer *a = form(k, "session=&ref=aaaaaaaaaaaaaaaa&lang=ar&text=x");
    char session[64], body[256], address[64];
    const char *cookie = strstr(kit_answer_header(a, "set-cookie"), "=") + 1;
    snprintf(session, sizeof session, "%.*s", (int)strcspn(cookie, ";"), cookie);
    snprintf(address, sizeof address, "%.*s", (int)kit_item(k, 0)->from.n, kit_item(k, 0)->from.p);
    struct connector_choice choices[] = {{kit_bytes("yes"), kit_bytes("نعم")},
                                         {kit_bytes("no"), kit_bytes("لا")}};
    struct connector_entry ask = {.size = sizeof ask,
                                  .kind = CONNECTOR_MESSAGE,
                                  .text = kit_bytes("?"),
                                  .choices = choices,
                                  .choices_n = 2};
    kit_entry(k, address, &ask);
    snprintf(body, sizeof body, "session=%s&ref=bbbbbbbbbbbbbbbb&lang=ar&text=%%D9%%A2", session); /* ٢ */
    form(k, body);
    EQ_INT(kit_items(k), 2);
    OK(kit_is(kit_item(k, 1)->choice, "no"));
    OK(kit_is(kit_item(k, 1)->text, "لا"));
    OK(kit_end(&k));
}

T(the_page_sets_no_cookie_and_guesses_the_language)
{
    struct kit *k = begin();
    const char *const headers[] = {"accept-language", "de, ar;q=0.9, en;q=0.5", "host", "help.example", NULL};
    struct kit_request get = {.method = "GET", .door = "chat", .path = "", .headers = headers};
    struct kit_answer *p = kit_request(k, &get);
    EQ_INT(p->status, 200);
    OK(!kit_answer_header(p, "set-cookie"));
    OK(strstr(p->body, "lang=\"ar\"") && strstr(p->body, "[guess]"));
    OK(strstr(kit_answer_header(p, "content-security-policy"), "wss://help.example"));
    EQ_STR(kit_answer_header(p, "referrer-policy"), "same-origin");
    OK(kit_end(&k));
}

T(leaving_drops_the_session_and_shows_an_empty_page)
{
    struct kit *k = begin();
    static const char *const headers[] = {"content-type", "application/x-www-form-urlencoded", NULL};
    struct kit_request rq = {.method = "POST",
                             .door = "chat",
                             .path = "/leave",
                             .headers = headers,
                             .body = kit_bytes("session=x&lang=en&to=exit")};
    struct kit_answer *a = kit_request(k, &rq);
    EQ_INT(a->status, 200);
    OK(strstr(a->body, "https://weather.example/"));
    OK(strstr(kit_answer_header(a, "set-cookie"), "Max-Age=0"));
    OK(kit_end(&k));
}

T(files_need_a_session_and_a_kind_that_does_not_run)
{
    struct kit *k = begin();
    char session[64];
    hello(k, NULL, NULL, session);
    const char *headers[] = {"x-parley-session", session, "content-type", "image/png", "x-parley-name",
                             "a%2Fb.png",        NULL};
    struct kit_request rq = {.method = "POST",
                             .door = "chat",
                             .path = "/upload",
                             .headers = headers,
                             .body = kit_bytes("\x89PNG....")};
    struct kit_answer *a = kit_request(k, &rq);
    EQ_INT(a->status, 201);
    OK(strstr(a->body, "a_b.png"));
    headers[3] = "text/html";
    EQ_INT(kit_request(k, &rq)->status, 415);
    headers[1] = "nobody";
    EQ_INT(kit_request(k, &rq)->status, 401);
    OK(kit_end(&k));
}

TEST_MAIN
