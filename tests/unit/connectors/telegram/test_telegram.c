/* SPDX-License-Identifier: Apache-2.0
 * Telegram against the fake host: updates of each kind, the secret token, polling, and what each answer of
 * the Bot API means. */
#include "connectors/testkit/kit.h"
#include "tests/unit/test.h"

#define TOKEN  "123456:ABCdefGHI-jkl_mno"
#define SECRET "a-secret-of-some-length"

static const char *const webhook[] = {
    "token", TOKEN, "secret", SECRET, "mode", "webhook", "api", "https://bot.example", NULL};
static const char *const polling[] = {
    "token", TOKEN, "secret", "", "mode", "poll", "api", "https://bot.example/", NULL};

/* Answers every method with what the test set for it, else as when all is well. */
static struct {
    const char *method, *body;
    int status, error;
    bool maybe_sent;
} script;
static unsigned messages;

static void provider(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    static char body[128];
    const char *method = strrchr(f->url, '/') + 1;
    (void)arg;
    if (script.method && strcmp(script.method, method) == 0) {
        a->status = script.status;
        a->body = script.body;
        a->error = script.error;
        a->maybe_sent = script.maybe_sent;
        return;
    }
    if (strcmp(method, "getUpdates") == 0)
        a->hold = true;
    else if (strncmp(method, "send", 4) == 0) {
        snprintf(body, sizeof body, "{\"ok\":true,\"result\":{\"message_id\":%u,\"chat\":{\"id\":77}}}",
                 ++messages);
        a->body = body;
    } else
        a->body = "{\"ok\":true,\"result\":true}";
}

static struct kit *begin(const char *const *settings)
{
    char why[200] = "";
    const struct kit_options o = {
        .settings = settings, .operation = "demo", .channel = "tg", .no_start = true};
    struct kit *k = kit_new(&connector_plugin, &o, why);
    if (!k)
        TEST_FAIL("%s", why);
    memset(&script, 0, sizeof script);
    messages = 100;
    kit_provider(k, provider, NULL);
    kit_start(k);
    kit_turn(k);
    return k;
}

static struct kit_answer *hook(struct kit *k, const char *update)
{
    static const char *const headers[] = {"x-telegram-bot-api-secret-token", SECRET, "content-type",
                                          "application/json", NULL};
    struct kit_request rq = {.headers = headers, .body = kit_bytes(update)};
    return kit_request(k, &rq);
}

#define FROM                                                                                                 \
    "\"from\":{\"id\":77,\"is_bot\":false,\"first_name\":\"Ali\",\"last_name\":\"Reza\",\"language_code\":"  \
    "\"fa\"},\"chat\":{\"id\":77,\"type\":\"private\"},\"date\":1767225600"
#define MESSAGE(more) "{\"update_id\":9001,\"message\":{\"message_id\":5," FROM "," more "}}"

T(a_text_is_delivered_and_only_then_confirmed)
{
    struct kit *k = begin(webhook);
    kit_store(k, KIT_HOLDS);
    struct kit_answer *a =
        hook(k, MESSAGE("\"text\":\"سلام\",\"reply_to_message\":{\"message_id\":4,\"chat\":{\"id\":77}}"));
    OK(!a->done);
    kit_release(k);
    kit_turn(k);
    OK(a->done);
    EQ_INT(a->status, 200);
    const struct connector_item *i = kit_item(k, 0);
    OK(kit_is(i->text, "سلام") && kit_is(i->from, "telegram:77") && kit_is(i->name, "Ali Reza") &&
       kit_is(i->id, "77:5"));
    OK(kit_is(i->locale, "fa") && kit_is(i->reply_to, "77:4"));
    EQ_INT(i->time_ms, 1767225600000LL);
    EQ_INT(hook(k, MESSAGE("\"text\":\"سلام\""))->status, 200);
    EQ_INT(kit_items(k), 1);
    OK(kit_end(&k));
}

T(without_the_store_telegram_tries_again)
{
    struct kit *k = begin(webhook);
    kit_store(k, KIT_AWAY);
    struct kit_answer *a = hook(k, MESSAGE("\"text\":\"x\""));
    EQ_INT(a->status, 503);
    OK(kit_answer_header(a, "retry-after"));
    OK(kit_end(&k));
}

T(the_secret_token_is_asked_for_before_anything_is_read)
{
    struct kit *k = begin(webhook);
    const char *headers[] = {"x-telegram-bot-api-secret-token", "a-secret-of-some-lengtg", NULL};
    struct kit_request rq = {.headers = headers, .body = kit_bytes("{{{")};
    EQ_INT(kit_request(k, &rq)->status, 401);
    rq.headers = NULL;
    EQ_INT(kit_request(k, &rq)->status, 401);
    EQ_INT(hook(k, "{{{")->status, 400);
    EQ_INT(hook(k, "{\"x\":1}")->status, 400);
    EQ_INT(kit_items(k), 0);
    OK(kit_end(&k));
}

T(each_kind_of_content)
{
    static const struct {
        const char *json, *ref, *type;
        bool voice;
    } files[] = {
        {"\"photo\":[{\"file_id\":\"small\",\"file_size\":9},{\"file_id\":\"large\",\"file_size\":99}],"
         "\"caption\":\"see\"",
         "large", "image/jpeg", false},
        {"\"document\":{\"file_id\":\"d1\",\"file_name\":\"a.pdf\",\"mime_type\":\"application/pdf\"}", "d1",
         "application/pdf", false},
        {"\"voice\":{\"file_id\":\"v1\",\"mime_type\":\"audio/ogg\"}", "v1", "audio/ogg", true},
        {"\"video\":{\"file_id\":\"m1\",\"mime_type\":\"video/mp4\"}", "m1", "video/mp4", false},
        {"\"animation\":{\"file_id\":\"g1\"},\"document\":{\"file_id\":\"g1\"}", "g1", "video/mp4", false},
        {"\"sticker\":{\"file_id\":\"s1\"}", "s1", "image/webp", false},
    };
    for (size_t n = 0; n < sizeof files / sizeof *files; n++) {
        struct kit *k = begin(webhook);
        char update[600];
        snprintf(update, sizeof update, "{\"update_id\":1,\"message\":{\"message_id\":5," FROM ",%s}}",
                 files[n].json);
        EQ_INT(hook(k, update)->status, 200);
        const struct connector_item *i = kit_item(k, 0);
        OK(i && i->media_n == 1);
        OK(kit_is(i->media[0].ref, files[n].ref) && kit_is(i->media[0].type, files[n].type) &&
           i->media[0].voice == files[n].voice);
        OK(kit_end(&k));
    }
}

T(places_and_cards)
{
    struct kit *k = begin(webhook);
    hook(k, MESSAGE("\"venue\":{\"location\":{\"latitude\":38.42,\"longitude\":27.14},\"title\":\"Office\","
                    "\"address\":\"Street 1\"},\"location\":{\"latitude\":1,\"longitude\":1}"));
    OK(kit_item(k, 0)->location && kit_item(k, 0)->location->latitude > 38 &&
       kit_is(kit_item(k, 0)->location->name, "Office"));
    kit_items_clear(k);
    hook(k, "{\"update_id\":2,\"message\":{\"message_id\":6," FROM
            ",\"contact\":{\"phone_number\":\"905551234567\",\"first_name\":\"Sara\",\"user_id\":78}}}");
    OK(kit_item(k, 0)->card && !kit_item(k, 0)->card->own &&
       kit_is(kit_item(k, 0)->card->phone, "905551234567"));
    kit_items_clear(k);
    hook(k, "{\"update_id\":3,\"message\":{\"message_id\":7," FROM
            ",\"contact\":{\"phone_number\":\"905551234567\",\"first_name\":\"Ali\",\"user_id\":77}}}");
    OK(kit_item(k, 0)->card->own);
    OK(kit_end(&k));
}

T(an_edit_names_what_it_changes)
{
    struct kit *k = begin(webhook);
    hook(k, "{\"update_id\":2,\"edited_message\":{\"message_id\":5," FROM
            ",\"edit_date\":1767225700,\"text\":\"better\"}}");
    const struct connector_item *i = kit_item(k, 0);
    EQ_INT(i->kind, CONNECTOR_EDIT);
    OK(kit_is(i->target, "77:5") && kit_is(i->id, "77:5:e1767225700") && kit_is(i->text, "better"));
    OK(kit_end(&k));
}

T(a_pressed_button_is_a_message_and_is_answered)
{
    struct kit *k = begin(webhook);
    hook(k, "{\"update_id\":2,\"callback_query\":{\"id\":\"4382\",\"from\":{\"id\":77,\"first_name\":\"Ali\"}"
            ",\"message\":{\"message_id\":6,\"chat\":{\"id\":77,\"type\":"
            "\"private\"},\"reply_markup\":{\"inline_keyboard\":[[{\"text\":\"Yes\",\"callback_data\":\"y\"}]"
            ",[{\"text\":\"No\",\"callback_data\":\"n\"}]]}},\"data\":\"n\"}}");
    const struct connector_item *i = kit_item(k, 0);
    OK(kit_is(i->choice, "n") && kit_is(i->text, "No") && kit_is(i->reply_to, "77:6") &&
       kit_is(i->id, "c4382"));
    bool answered = false;
    for (size_t f = 0; f < kit_fetches(k); f++)
        answered |=
            strstr(kit_fetch(k, f)->url, "/answerCallbackQuery") && strstr(kit_fetch(k, f)->body, "4382");
    OK(answered);
    OK(kit_end(&k));
}

T(groups_and_service_messages_are_let_pass)
{
    struct kit *k = begin(webhook);
    EQ_INT(hook(k, "{\"update_id\":2,\"message\":{\"message_id\":5,\"from\":{\"id\":77},\"chat\":{\"id\":-"
                   "100,\"type\":\"supergroup\"},\"date\":1,\"text\":\"x\"}}")
               ->status,
           200);
    EQ_INT(hook(k, MESSAGE("\"pinned_message\":{}"))->status, 200);
    EQ_INT(hook(k, "{\"update_id\":2,\"poll\":{}}")->status, 200);
    EQ_INT(kit_items(k), 0);
    OK(kit_end(&k));
}

T(what_is_not_known_is_kept_in_quarantine)
{
    struct kit *k = begin(webhook);
    EQ_INT(hook(k, MESSAGE("\"something_new\":{}"))->status, 200);
    EQ_INT(kit_item(k, 0)->kind, CONNECTOR_BAD);
    OK(strstr(kit_item(k, 0)->raw.p, "something_new"));
    OK(kit_end(&k));
}

T(what_there_is_no_form_for_is_said)
{
    static const char *const bodies[] = {MESSAGE("\"story\":{}"),
                                         MESSAGE("\"dice\":{\"emoji\":\"🎲\",\"value\":4}"),
                                         MESSAGE("\"poll\":{\"question\":\"Which day?\",\"options\":[]}")};
    static const char *const said[] = {"unsupported: story", "unsupported: dice: 🎲",
                                       "unsupported: poll: Which day?"};
    for (size_t i = 0; i < 3; i++) {
        struct kit *k = begin(webhook);
        EQ_INT(hook(k, bodies[i])->status, 200);
        EQ_INT(kit_item(k, 0)->kind, CONNECTOR_MESSAGE);
        EQ_INT(kit_item(k, 0)->text.n, strlen(said[i]));
        OK(memcmp(kit_item(k, 0)->text.p, said[i], strlen(said[i])) == 0);
        OK(kit_end(&k));
    }
}

T(blocking_is_told)
{
    struct kit *k = begin(webhook);
    hook(k, "{\"update_id\":2,\"my_chat_member\":{\"chat\":{\"id\":77,\"type\":\"private\"},\"from\":{\"id\":"
            "77},\"date\":5,\"new_chat_member\":{\"status\":\"kicked\"}}}");
    EQ_INT(kit_item(k, 0)->kind, CONNECTOR_BLOCKED);
    OK(kit_item(k, 0)->on);
    OK(kit_end(&k));
}

/* ---- polling ---- */

static size_t last_fetch(struct kit *k, const char *method)
{
    for (size_t i = kit_fetches(k); i-- > 0;)
        if (strstr(kit_fetch(k, i)->url, method))
            return i;
    TEST_FAIL("no call of %s", method);
    return 0;
}

T(polling_confirms_only_what_is_stored)
{
    struct kit *k = begin(polling);
    size_t i = last_fetch(k, "/getUpdates");
    OK(strstr(kit_fetch(k, i)->url, "https://bot.example/bot" TOKEN "/getUpdates"));
    kit_store(k, KIT_AWAY);
    struct kit_fetched batch = {
        .body = "{\"ok\":true,\"result\":[{\"update_id\":41,\"message\":{\"message_id\":5," FROM
                ",\"text\":\"one\"}},"
                "{\"update_id\":42,\"message\":{\"message_id\":6," FROM ",\"text\":\"two\"}}]}"};
    kit_fetch_answer(k, i, &batch);
    kit_turn(k);
    EQ_STR(kit_cursor(k, "offset"), "");
    kit_store(k, KIT_STORES);
    kit_advance(k, 2000);
    i = last_fetch(k, "/getUpdates");
    OK(strstr(kit_fetch(k, i)->body, "\"offset\":0"));
    kit_fetch_answer(k, i, &batch);
    kit_turn(k);
    EQ_INT(kit_items(k), 2);
    EQ_STR(kit_cursor(k, "offset"), "43");
    OK(strstr(kit_fetch(k, last_fetch(k, "/getUpdates"))->body, "\"offset\":43"));
    OK(kit_end(&k));
}

T(only_the_holder_of_the_lease_polls)
{
    char why[200];
    const struct kit_options o = {.settings = polling, .leases_wait = true};
    struct kit *k = kit_new(&connector_plugin, &o, why);
    kit_provider(k, provider, NULL);
    kit_turn(k);
    EQ_INT(kit_fetches(k), 0);
    kit_lease(k, "poll", true);
    kit_turn(k);
    last_fetch(k, "/deleteWebhook");
    last_fetch(k, "/getUpdates");
    size_t n = kit_fetches(k);
    kit_lease(k, "poll", false);
    kit_fetch_answer(k, last_fetch(k, "/getUpdates"),
                     &(struct kit_fetched){.body = "{\"ok\":true,\"result\":[]}"});
    kit_advance(k, 5000);
    EQ_INT(kit_fetches(k), n);
    OK(kit_end(&k));
}

T(another_poller_is_told)
{
    struct kit *k = begin(polling);
    kit_fetch_answer(
        k, last_fetch(k, "/getUpdates"),
        &(struct kit_fetched){.status = 409,
                              .body = "{\"ok\":false,\"error_code\":409,\"description\":\"Conflict\"}"});
    kit_turn(k);
    OK(!kit_up(k) && strstr(kit_why(k), "another program"));
    OK(kit_end(&k));
}

/* ---- sending ---- */

static struct kit_sent *send_text(struct kit *k, const char *text)
{
    struct connector_message m = kit_message("telegram:77", text);
    return kit_send(k, &m);
}

T(a_message_goes_out_and_has_its_id)
{
    struct kit *k = begin(webhook);
    struct kit_sent *s = send_text(k, "hello");
    OK(s->done);
    EQ_INT(s->r.outcome, CONNECTOR_OUT_SENT);
    EQ_INT(s->r.external_ids_n, 1);
    OK(kit_is(s->r.external_ids[0], "77:101"));
    const struct kit_fetch *f = kit_fetch(k, last_fetch(k, "/sendMessage"));
    OK(strstr(f->body, "\"chat_id\":77") && strstr(f->body, "\"text\":\"hello\"") &&
       !strstr(f->body, "parse_mode"));
    OK(kit_end(&k));
}

T(what_each_answer_means)
{
    static const struct {
        int status, error;
        bool maybe_sent;
        const char *body;
        enum connector_outcome outcome;
        uint32_t retry_ms;
    } cases[] = {
        {429, 0, false,
         "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after "
         "7\",\"parameters\":{\"retry_after\":7}}",
         CONNECTOR_OUT_RATE, 7000},
        {403, 0, false,
         "{\"ok\":false,\"error_code\":403,\"description\":\"Forbidden: bot was blocked by the user\"}",
         CONNECTOR_OUT_GONE, 0},
        {400, 0, false, "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: chat not found\"}",
         CONNECTOR_OUT_GONE, 0},
        {400, 0, false,
         "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: message text is empty\"}",
         CONNECTOR_OUT_FAILED, 0},
        {401, 0, false, "{\"ok\":false,\"error_code\":401,\"description\":\"Unauthorized\"}",
         CONNECTOR_OUT_AUTH, 0},
        {502, 0, false, "<html>bad gateway", CONNECTOR_OUT_RETRY, 0},
        {0, CONNECTOR_EAWAY, false, NULL, CONNECTOR_OUT_RETRY, 0},
        {0, CONNECTOR_EAWAY, true, NULL, CONNECTOR_OUT_UNKNOWN, 0},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        struct kit *k = begin(webhook);
        script.method = "sendMessage";
        script.status = cases[n].status;
        script.error = cases[n].error;
        script.maybe_sent = cases[n].maybe_sent;
        script.body = cases[n].body;
        struct kit_sent *s = send_text(k, "hello");
        OK(s->done);
        EQ_INT(s->r.outcome, cases[n].outcome);
        EQ_INT(s->r.retry_after_ms, cases[n].retry_ms);
        OK(kit_end(&k));
    }
}

T(a_chat_that_moved_is_told)
{
    struct kit *k = begin(webhook);
    script.method = "sendMessage";
    script.status = 400;
    script.body = "{\"ok\":false,\"error_code\":400,\"description\":\"moved\",\"parameters\":{\"migrate_to_"
                  "chat_id\":-1001}}";
    struct kit_sent *s = send_text(k, "x");
    EQ_INT(s->r.outcome, CONNECTOR_OUT_RETRY);
    OK(kit_is(s->r.moved_to, "telegram:-1001"));
    OK(kit_end(&k));
}

T(choices_are_buttons)
{
    struct kit *k = begin(webhook);
    const struct connector_choice choices[] = {{kit_bytes("y"), kit_bytes("نعم")},
                                               {kit_bytes("n"), kit_bytes("لا")}};
    struct connector_message m = kit_message("telegram:77", "?");
    m.choices = choices;
    m.choices_n = 2;
    EQ_INT(kit_send(k, &m)->r.outcome, CONNECTOR_OUT_SENT);
    const char *body = kit_fetch(k, last_fetch(k, "/sendMessage"))->body;
    OK(strstr(body, "\"inline_keyboard\":[[{\"text\":\"نعم\",\"callback_data\":\"y\"}],[{"));
    OK(kit_end(&k));
}

T(one_file_carries_its_caption_and_many_are_an_album)
{
    struct kit *k = begin(webhook);
    struct connector_file files[3];
    for (size_t i = 0; i < 3; i++)
        files[i] = (struct connector_file){.size = sizeof files[i],
                                           .blob = kit_blob(k, "bytes", 5, "image/png"),
                                           .type = kit_bytes("image/png"),
                                           .name = kit_bytes("a.png"),
                                           .bytes = 5};
    struct connector_message m = kit_message("telegram:77", "see");
    m.files = files;
    m.files_n = 1;
    EQ_INT(kit_send(k, &m)->r.outcome, CONNECTOR_OUT_SENT);
    const struct kit_fetch *f = kit_fetch(k, last_fetch(k, "/sendPhoto"));
    EQ_INT(f->parts_n, 3);
    m.files_n = 3;
    script.method = "sendMediaGroup";
    script.status = 200;
    script.body = "{\"ok\":true,\"result\":[{\"message_id\":1},{\"message_id\":2},{\"message_id\":3}]}";
    struct kit_sent *s = kit_send(k, &m);
    EQ_INT(s->r.outcome, CONNECTOR_OUT_SENT);
    EQ_INT(s->r.external_ids_n, 4); /* the text, then three pictures */
    OK(kit_end(&k));
}

T(the_text_is_not_sent_twice_when_a_file_fails)
{
    struct kit *k = begin(webhook);
    struct connector_file file = {.size = sizeof file,
                                  .blob = kit_blob(k, "bytes", 5, "application/pdf"),
                                  .type = kit_bytes("application/pdf"),
                                  .name = kit_bytes("a.pdf"),
                                  .bytes = 5};
    const struct connector_choice choice = {kit_bytes("y"), kit_bytes("Y")};
    struct connector_message m = kit_message("telegram:77", "see");
    m.files = &file;
    m.files_n = 1;
    m.choices = &choice;
    m.choices_n = 1;
    script.method = "sendDocument";
    script.status = 502;
    script.body = "bad";
    struct kit_sent *s = kit_send(k, &m);
    OK(!s->done);
    kit_advance(k, 20000);
    kit_advance(k, 20000);
    OK(s->done);
    EQ_INT(s->r.outcome, CONNECTOR_OUT_FAILED);
    EQ_INT(s->r.external_ids_n, 1);
    unsigned texts = 0;
    for (size_t i = 0; i < kit_fetches(k); i++)
        texts += strstr(kit_fetch(k, i)->url, "/sendMessage") != NULL;
    EQ_INT(texts, 1);
    OK(kit_end(&k));
}

T(edits_and_reactions_name_the_message)
{
    struct kit *k = begin(webhook);
    struct connector_message m = kit_message("telegram:77", "better");
    m.kind = CONNECTOR_EDIT;
    m.target = kit_bytes("77:101");
    EQ_INT(kit_send(k, &m)->r.outcome, CONNECTOR_OUT_SENT);
    OK(strstr(kit_fetch(k, last_fetch(k, "/editMessageText"))->body, "\"message_id\":101"));
    m.target = kit_bytes("78:101"); /* another chat's message */
    EQ_INT(kit_send(k, &m)->code, CONNECTOR_EINVALID);
    OK(kit_end(&k));
}

T(addresses_of_others_are_refused)
{
    struct kit *k = begin(webhook);
    static const char *const wrong[] = {"tel:+90555", "telegram:", "telegram:abc", "telegram:77x",
                                        "telegram:0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct connector_message m = kit_message(wrong[i], "x");
        EQ_INT(kit_send(k, &m)->code, CONNECTOR_EINVALID);
    }
    OK(kit_end(&k));
}

T(files_come_by_their_id)
{
    struct kit *k = begin(webhook);
    script.method = "getFile";
    script.status = 200;
    script.body = "{\"ok\":true,\"result\":{\"file_path\":\"photos/file_1.jpg\"}}";
    struct kit_media *m = kit_media(k, "large");
    OK(m->done);
    OK(strstr(kit_fetch(k, last_fetch(k, "/file_1.jpg"))->url,
              "https://bot.example/file/bot" TOKEN "/photos/file_1.jpg"));
    script.body = "{\"ok\":true,\"result\":{\"file_path\":\"../../etc/passwd\"}}";
    EQ_INT(kit_media(k, "evil")->error, CONNECTOR_ELIMIT);
    OK(kit_end(&k));
}

T(settings_are_judged)
{
    char why[200];
    static const char *const none[] = {"token", "", NULL};
    static const char *const odd[] = {"token", "no colon", NULL};
    static const char *const open[] = {"token", TOKEN, "mode", "webhook", NULL};
    OK(!kit_settings_ok(&connector_plugin, none, why));
    OK(!kit_settings_ok(&connector_plugin, odd, why));
    OK(!kit_settings_ok(&connector_plugin, open, why) && strstr(why, "secret"));
    OK(kit_settings_ok(&connector_plugin, webhook, why));
    OK(kit_settings_ok(&connector_plugin, polling, why));
}

/* ---- the rules of connector.h ---- */

static void one(struct kit *k, unsigned n, const char *text, struct kit_request *rq)
{
    static char body[70000];
    static const char *const headers[] = {"x-telegram-bot-api-secret-token", SECRET, "content-type",
                                          "application/json", NULL};
    (void)k;
    snprintf(body, sizeof body, "{\"update_id\":%u,\"message\":{\"message_id\":%u," FROM ",\"text\":\"%s\"}}",
             n + 1, n + 1, text);
    *rq = (struct kit_request){.headers = headers, .body = kit_bytes(body)};
}

T(the_rules_of_the_interface)
{
    static const char *const proof[] = {"x-telegram-bot-api-secret-token", NULL};
    memset(&script, 0, sizeof script);
    const struct kit_scenario s = {
        .settings = webhook, .one = one, .proof_headers = proof, .provider = provider, .to = "telegram:77"};
    OK(kit_rules(&connector_plugin, &s));
}

TEST_MAIN
