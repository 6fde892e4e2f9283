/* SPDX-License-Identifier: Apache-2.0
 * The http connector over the fake host. */
#include "tests/unit/test.h"
#include "connectors/http/json.h"
#include "connectors/testkit/kit.h"
#include "gateway/base/buf.h"

#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define OLD    "whsec_b2xkZXIgc2VjcmV0IHRoYXQgaXMgYmVpbmcgcmVwbGFjZWQ="
static const char *const settings[] = {"url", "http://127.0.0.1:9000/out", "secret", SECRET, NULL};

static struct kit_request *signed_request(struct kit *k, const char *secret, const char *id, int64_t at_s,
                                          const char *body)
{
    static const char *headers[9];
    static char id_text[64], timestamp[24], signature[48], text[1 << 17];
    static struct kit_request rq;
    (void)k;
    snprintf(id_text, sizeof(id_text), "%s", id);
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)at_s);
    snprintf(text, sizeof(text), "%s", body);
    kit_webhook_sign(secret, id_text, timestamp, kit_bytes(text), signature);
    const char *all[] = {"content-type", "application/json",  "webhook-id", id_text, "webhook-timestamp",
                         timestamp,      "webhook-signature", signature,    NULL};
    memcpy(headers, all, sizeof(all));
    rq = (struct kit_request){.headers = headers, .body = kit_bytes(text)};
    return &rq;
}

static struct kit_answer *post(struct kit *k, const char *body)
{
    return kit_request(k, signed_request(k, SECRET, "req-1", kit_now(k) / 1000, body));
}

static void one(struct kit *k, unsigned n, const char *text, struct kit_request *rq)
{
    char body[600];
    snprintf(body, sizeof(body),
             "{\"messages\":[{\"id\":\"m%u\",\"from\":{\"address\":\"tel:+905551234567\"},\"text\":\"%s\"}]}",
             n, text);
    *rq = *signed_request(k, SECRET, "req-1", kit_now(k) / 1000, body);
}

static void batch(struct kit *k, struct kit_request *rq)
{
    *rq = *signed_request(k, SECRET, "req-1", kit_now(k) / 1000,
                          "{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"text\":\"x\"},"
                          "{\"id\":\"b\",\"from\":{\"address\":\"nothing\"},\"text\":\"x\"},"
                          "{\"id\":\"c\",\"from\":{\"address\":\"app:1\"},\"text\":\"x\"}]}");
}

static void provider(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    (void)arg, (void)f;
    a->body = "{\"id\":\"ext-1\"}";
}

static struct kit *start(void)
{
    char why[200];
    struct kit *k = kit_new(&connector_plugin, &(struct kit_options){.settings = settings}, why);
    if (!k)
        fprintf(stderr, "%s\n", why);
    OK(k);
    kit_provider(k, provider, NULL);
    return k;
}

T(keeps_the_rules)
{
    static const char *const proof[] = {"webhook-id", "webhook-timestamp", "webhook-signature", NULL};
    const struct kit_scenario s = {.settings = settings,
                                   .one = one,
                                   .proof_headers = proof,
                                   .body_signed = true,
                                   .batch = batch,
                                   .bad_is_400 = true,
                                   .provider = provider,
                                   .to = "tel:+905551234567"};
    OK(kit_rules(&connector_plugin, &s));
}

T(secrets_are_judged)
{
    char why[200];
    const char *const bad[] = {
        "",          "whsec_", "abc", "whsec_c2hvcnQ=", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        SECRET " x", NULL};
    for (size_t i = 0; bad[i]; i++) {
        const char *const s[] = {"url", "https://a.example", "secret", bad[i], NULL};
        OK(!kit_settings_ok(&connector_plugin, s, why));
    }
    const char *const two[] = {"url", "https://a.example", "secret", SECRET " " OLD, NULL};
    OK(kit_settings_ok(&connector_plugin, two, why));
}

T(both_secrets_of_a_rotation_hold)
{
    char why[200];
    const char *const two[] = {"url", "https://a.example", "secret", SECRET " " OLD, NULL};
    struct kit *k = kit_new(&connector_plugin, &(struct kit_options){.settings = two}, why);
    OK(k);
    const char *body = "{\"typing\":[{\"from\":{\"address\":\"app:1\"}}]}";
    EQ_INT(kit_request(k, signed_request(k, OLD, "r", kit_now(k) / 1000, body))->status, 200);
    EQ_INT(kit_request(k, signed_request(k, SECRET, "r", kit_now(k) / 1000, body))->status, 200);
    EQ_INT(kit_items(k), 2);
    kit_provider(k, provider, NULL);
    struct connector_message m = kit_message("app:1", "x");
    kit_send(k, &m);
    const struct kit_fetch *f = kit_fetch(k, 0);
    char want[48], want_old[48], both[97];
    const char *id = kit_fetch_header(f, "webhook-id"), *ts = kit_fetch_header(f, "webhook-timestamp");
    kit_webhook_sign(SECRET, id, ts, kit_bytes(f->body), want);
    kit_webhook_sign(OLD, id, ts, kit_bytes(f->body), want_old);
    snprintf(both, sizeof(both), "%s %s", want, want_old);
    EQ_STR(kit_fetch_header(f, "webhook-signature"), both);
    OK(kit_end(&k));
}

T(old_and_future_requests_are_refused)
{
    struct kit *k = start();
    const char *body = "{\"typing\":[{\"from\":{\"address\":\"app:1\"}}]}";
    int64_t now = kit_now(k) / 1000;
    EQ_INT(kit_request(k, signed_request(k, SECRET, "r", now - 301, body))->status, 400);
    EQ_INT(kit_request(k, signed_request(k, SECRET, "r", now + 301, body))->status, 400);
    EQ_INT(kit_request(k, signed_request(k, SECRET, "r", now - 299, body))->status, 200);
    EQ_INT(kit_items(k), 1);
    OK(kit_end(&k));
}

T(reads_all_of_a_message)
{
    struct kit *k = start();
    struct kit_answer *a = post(
        k, "{\"messages\":[{\"id\":\"m1\",\"from\":{\"address\":\"tel:+905551234567\",\"name\":\"Leyla\","
           "\"locale\":\"ar\","
           "\"also\":\"app:7\"},\"text\":\"\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7\",\"time\":\"2026-01-"
           "02T03:04:05.5+03:00\",\"attachments\":"
           "[{\"url\":\"https://x.example/a.jpg\",\"type\":\"image/jpeg\",\"name\":\"a.jpg\",\"size\":9},"
           "{\"data\":\"aGVsbG8=\",\"type\":\"text/"
           "plain\",\"voice\":true}],\"location\":{\"latitude\":41.5,\"longitude\":-2,"
           "\"name\":\"here\"},\"contact\":{\"name\":\"N\",\"phone\":\"+1\"},\"choice\":\"c1\",\"reply_to\":"
           "\"e9\",\"group\":\"g\","
           "\"topic\":\"food\",\"clearance\":2}]}");
    EQ_INT(a->status, 200);
    EQ_STR(a->body, "{\"stored\":1,\"duplicates\":0}");
    const struct connector_item *it = kit_item(k, 0);
    EQ_INT(it->kind, CONNECTOR_MESSAGE);
    EQ_STR(it->id.p, "m1");
    EQ_STR(it->from.p, "tel:+905551234567");
    EQ_STR(it->also.p, "app:7");
    EQ_STR(it->name.p, "Leyla");
    EQ_STR(it->locale.p, "ar");
    EQ_INT(it->time_ms, INT64_C(1767312245500));
    EQ_INT(it->media_n, 2);
    EQ_STR(it->media[0].url.p, "https://x.example/a.jpg");
    EQ_STR(it->media[1].bytes.p, "hello");
    OK(it->media[1].voice);
    OK(it->location && it->location->latitude == 41.5);
    EQ_STR(it->card->phone.p, "+1");
    EQ_STR(it->choice.p, "c1");
    EQ_STR(it->reply_to.p, "e9");
    EQ_STR(it->topic.p, "food");
    EQ_INT(it->clearance, 2);
    EQ_INT(post(k, "{\"messages\":[{\"id\":\"m1\",\"from\":{\"address\":\"tel:+905551234567\"},\"text\":"
                   "\"again\"}]}")
               ->status,
           200);
    EQ_INT(kit_items(k), 1);
    OK(kit_end(&k));
}

T(changes_statuses_and_signals)
{
    struct kit *k = start();
    EQ_INT(post(k, "{\"messages\":[{\"kind\":\"edit\",\"id\":\"x1\",\"from\":{\"address\":\"app:1\"},"
                   "\"target\":\"m1\",\"text\":\"new\"},"
                   "{\"kind\":\"deletion\",\"id\":\"x2\",\"from\":{\"address\":\"app:1\"},\"target\":\"m1\"},"
                   "{\"kind\":\"reaction\",\"id\":\"x3\",\"from\":{\"address\":\"app:1\"},\"target\":\"m1\","
                   "\"text\":\"\"}],"
                   "\"statuses\":[{\"id\":\"e1\",\"status\":\"failed\",\"error\":\"no "
                   "route\"},{\"id\":\"e1\",\"status\":\"read\"}],"
                   "\"typing\":[{\"from\":{\"address\":\"app:1\"},\"on\":false}],"
                   "\"reads\":[{\"from\":{\"address\":\"app:1\"},\"target\":\"e1\"}],"
                   "\"blocked\":[{\"id\":\"b1\",\"from\":{\"address\":\"app:1\"}}]}")
               ->status,
           200);
    const int kinds[] = {CONNECTOR_EDIT,   CONNECTOR_DELETION, CONNECTOR_REACTION, CONNECTOR_STATUS,
                         CONNECTOR_STATUS, CONNECTOR_TYPING,   CONNECTOR_READ,     CONNECTOR_BLOCKED};
    EQ_INT(kit_items(k), 8);
    for (size_t i = 0; i < 8; i++)
        EQ_INT(kit_item(k, i)->kind, kinds[i]);
    EQ_INT(kit_item(k, 3)->status, CONNECTOR_FAILED);
    EQ_STR(kit_item(k, 3)->error_text.p, "no route");
    EQ_STR(kit_item(k, 4)->id.p, "e1:3");
    OK(!kit_item(k, 5)->on);
    OK(kit_item(k, 7)->on);
    OK(kit_end(&k));
}

T(says_what_is_wrong_and_takes_nothing)
{
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"", "no JSON"},
        {"[]", "must be an object"},
        {"{}", "nothing in it"},
        {"{\"messages\":[]}", "nothing in it"},
        {"{\"messages\":{}}", "an array is wanted"},
        {"{\"massages\":[1]}", "massages: no such member"},
        {"{\"messages\":[1]}", "messages[0]"},
        {"{\"messages\":[{\"id\":\"a\",\"id\":\"b\"}]}", "twice"},
        {"{\"messages\":[{\"id\":\"a\"}]}", "messages[0].from: is missing"},
        {"{\"messages\":[{\"id\":\"\",\"from\":{\"address\":\"app:1\"}}]}", "messages[0].id: is empty"},
        {"{\"messages\":[{\"id\":7}]}", "messages[0].id: a string"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"text\":\"x\",\"colour\":1}]}",
         "messages[0].colour: no such"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"text\":\"x\"},{\"id\":\"b\","
         "\"from\":{\"address\":\"tel:123\"}}]}",
         "messages[1].from.address"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"}}]}", "needs text"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"text\":\"x\\u0000\"}]}", "no JSON"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"text\":\"x\",\"time\":"
         "\"yesterday\"}]}",
         "messages[0].time"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"attachments\":[{\"url\":\"ftp://"
         "x\"}]}]}",
         "messages[0].attachments[0].url"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"attachments\":[{\"data\":\"a===\"}]"
         "}]}",
         "messages[0].attachments[0].data"},
        {"{\"messages\":[{\"id\":\"a\",\"kind\":\"edit\",\"from\":{\"address\":\"app:1\"},\"text\":\"x\"}]}",
         "messages[0].target"},
        {"{\"statuses\":[{\"id\":\"a\",\"status\":\"eaten\"}]}", "statuses[0].status"},
        {"{\"messages\":[{\"id\":\"a\",\"from\":{\"address\":\"app:1\"},\"location\":{\"latitude\":91,"
         "\"longitude\":0}}]}",
         "no such place"},
    };
    struct kit *k = start();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kit_answer *a = post(k, cases[i].body);
        EQ_INT(a->status, 400);
        /* An empty body and what is no object are refused by the host's look at JSON already. */
        if (i > 0 && !strstr(a->body, cases[i].part) && !strstr(a->body, "line 1"))
            TEST_FAIL("case %zu: %s does not say %s", i, a->body, cases[i].part);
    }
    EQ_INT(kit_items(k), 0);
    OK(kit_end(&k));
}

static bool is_json(const char *text)
{
    struct http_parsed p = {0};
    bool good = http_json_read(&p, kit_bytes(text)) != NULL;
    OK(good == !p.error[0]);
    http_parsed_clear(&p);
    return good;
}

T(json_to_the_letter)
{
    static const char *const good[] = {"[]",
                                       " {} ",
                                       "[1,-0,0.5,-1e-3,1E+2,9223372036854775807,-9223372036854775808]",
                                       "[true,false,null]",
                                       "{\"a\":{\"b\":[[],{}]},\"a\":1}\n",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"",
                                       "\"\x7f\"",
                                       NULL};
    static const char *const bad[] = {"",
                                      " ",
                                      "[",
                                      "{",
                                      "[1",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "[01]",
                                      "[+1]",
                                      "[.5]",
                                      "[1.]",
                                      "[1e]",
                                      "[-]",
                                      "[0x1]",
                                      "[1e999]",
                                      "[9223372036854775808]",
                                      "[-9223372036854775809]",
                                      "[NaN]",
                                      "[nul]",
                                      "[truee]",
                                      "[] []",
                                      "[]]",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\\u0000\"",
                                      "\"\\ud800\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\\udc00\"",
                                      "\"\t\"",
                                      "\"\\\x01\"",
                                      "[1]/**/",
                                      "\v[]",
                                      "\xEF\xBB\xBF[]",
                                      NULL};
    for (size_t i = 0; good[i]; i++)
        if (!is_json(good[i]))
            TEST_FAIL("not taken: %s", good[i]);
    for (size_t i = 0; bad[i]; i++)
        if (is_json(bad[i]))
            TEST_FAIL("taken: %s", bad[i]);
    struct http_parsed p = {0};
    const struct http_json *v =
        http_json_read(&p, kit_bytes("[\"plain\",\"\\u0633\\n\\ud83d\\ude00.\",-12,0.25]"));
    OK(v && v->type == HTTP_JSON_LIST && v->list.n == 4);
    OK(http_json_is((v = v->list.first)->text, "plain"));
    OK(http_json_is((v = v->next)->text, "\xD8\xB3\n\xF0\x9F\x98\x80."));
    OK((v = v->next)->type == HTTP_JSON_INTEGER && v->integer == -12);
    OK((v = v->next)->type == HTTP_JSON_REAL && v->real >= 0.25 && v->real <= 0.25 && !v->next);
    http_parsed_clear(&p);
}

T(json_is_not_deep)
{
    char text[2 * HTTP_JSON_DEPTH + 4] = "";
    for (size_t i = 0; i < HTTP_JSON_DEPTH; i++) {
        text[i] = '[';
        text[2 * HTTP_JSON_DEPTH - 1 - i] = ']';
    }
    OK(is_json(text));
    memmove(text + 1, text, 2 * HTTP_JSON_DEPTH);
    text[2 * HTTP_JSON_DEPTH + 1] = ']';
    OK(!is_json(text));
}

T(only_posts_of_json)
{
    struct kit *k = start();
    const char *body = "{\"typing\":[{\"from\":{\"address\":\"app:1\"}}]}";
    struct kit_request *rq = signed_request(k, SECRET, "r", kit_now(k) / 1000, body);
    rq->method = "PUT";
    EQ_INT(kit_request(k, rq)->status, 405);
    rq = signed_request(k, SECRET, "r", kit_now(k) / 1000, body);
    rq->path = "/more";
    EQ_INT(kit_request(k, rq)->status, 404);
    rq = signed_request(k, SECRET, "r", kit_now(k) / 1000, body);
    ((const char **)(uintptr_t)rq->headers)[1] = "text/plain";
    EQ_INT(kit_request(k, rq)->status, 415);
    ((const char **)(uintptr_t)rq->headers)[1] = "application/json; charset=utf-8";
    EQ_INT(kit_request(k, rq)->status, 200);
    EQ_INT(kit_items(k), 1);
    OK(kit_end(&k));
}

T(several_signatures_and_others_versions)
{
    struct kit *k = start();
    char both[200];
    struct kit_request *rq = signed_request(k, SECRET, "r", kit_now(k) / 1000,
                                            "{\"typing\":[{\"from\":{\"address\":\"app:1\"}}]}");
    const char **h = (const char **)(uintptr_t)rq->headers;
    snprintf(both, sizeof(both), "v1a,abc v1,AAAA %s", h[7]);
    h[7] = both;
    EQ_INT(kit_request(k, rq)->status, 200);
    OK(kit_end(&k));
}

/* ---- out ---- */

static void outcome_is(int status, const char *body, int error, bool maybe, int want)
{
    struct kit *k = start();
    kit_provider(k, NULL, NULL);
    struct connector_message m = kit_message("app:1", "hello");
    struct kit_fetched a = {.status = status, .body = body, .error = error, .maybe_sent = maybe};
    struct kit_fetched hold = {.hold = true};
    (void)hold;
    extern void outcome_provider(void *arg, const struct kit_fetch *f, struct kit_fetched *out);
    kit_provider(k, outcome_provider, &a);
    struct kit_sent *s = kit_send(k, &m);
    OK(s->done);
    if ((int)s->r.outcome != want)
        TEST_FAIL("%d %s: outcome %d, not %d", status, body ? body : "", (int)s->r.outcome, want);
    OK(kit_end(&k));
}

void outcome_provider(void *arg, const struct kit_fetch *f, struct kit_fetched *out);
void outcome_provider(void *arg, const struct kit_fetch *f, struct kit_fetched *out)
{
    (void)f;
    *out = *(struct kit_fetched *)arg;
}

T(outcomes)
{
    outcome_is(200, "{\"id\":\"x\"}", 0, false, CONNECTOR_OUT_SENT);
    outcome_is(200, "", 0, false, CONNECTOR_OUT_SENT);
    outcome_is(204, NULL, 0, false, CONNECTOR_OUT_SENT);
    outcome_is(200, "not json", 0, false, CONNECTOR_OUT_SENT);
    outcome_is(400, "{\"error\":\"no\"}", 0, false, CONNECTOR_OUT_FAILED);
    outcome_is(400, "{\"error\":{\"code\":\"bad\",\"text\":\"not " SECRET "\"}}", 0, false,
               CONNECTOR_OUT_FAILED); /* and tells nobody */
    outcome_is(404, "{}", 0, false, CONNECTOR_OUT_FAILED);
    outcome_is(410, "{\"error\":{\"code\":\"gone\"}}", 0, false, CONNECTOR_OUT_GONE);
    outcome_is(408, "", 0, false, CONNECTOR_OUT_RETRY);
    outcome_is(425, "", 0, false, CONNECTOR_OUT_RETRY);
    outcome_is(429, "", 0, false, CONNECTOR_OUT_RATE);
    outcome_is(302, "", 0, false, CONNECTOR_OUT_RETRY);
    outcome_is(500, "", 0, false, CONNECTOR_OUT_RETRY);
    outcome_is(0, NULL, CONNECTOR_EAWAY, false, CONNECTOR_OUT_RETRY);
    outcome_is(0, NULL, CONNECTOR_EAWAY, true, CONNECTOR_OUT_UNKNOWN);
}

T(retry_after_is_obeyed)
{
    static const char *const headers[] = {"retry-after", "7", NULL};
    struct kit_fetched a = {.status = 503, .body = "", .headers = headers};
    struct kit *k = start();
    kit_provider(k, outcome_provider, &a);
    struct connector_message m = kit_message("app:1", "x");
    struct kit_sent *s = kit_send(k, &m);
    EQ_INT(s->r.outcome, CONNECTOR_OUT_RETRY);
    EQ_INT(s->r.retry_after_ms, 7000);
    OK(kit_end(&k));
}

T(a_message_as_it_goes_out)
{
    struct kit *k = start();
    struct connector_file file = {.size = sizeof(file),
                                  .blob = "b1",
                                  .type = kit_bytes("image/png"),
                                  .name = kit_bytes("a.png"),
                                  .bytes = 5,
                                  .url = "https://parley.example/files/x"};
    struct connector_choice choice = {kit_bytes("c1"), kit_bytes("Yes")};
    struct connector_message m = kit_message("app:1", "\"hi\"\n");
    m.files = &file;
    m.files_n = 1;
    m.choices = &choice;
    m.choices_n = 1;
    m.reply_to = kit_bytes("ext-0");
    struct kit_sent *s = kit_send(k, &m);
    EQ_INT(s->r.outcome, CONNECTOR_OUT_SENT);
    OK(kit_is(s->r.external_ids[0], "ext-1"));
    const struct kit_fetch *f = kit_fetch(k, 0);
    EQ_STR(f->url, "http://127.0.0.1:9000/out");
    EQ_STR(kit_fetch_header(f, "webhook-id"), "entry-1");
    EQ_STR(f->body,
           "{\"type\":\"message.send\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"data\":{\"id\":\"entry-1\","
           "\"to\":\"app:1\",\"text\":\"\\\"hi\\\"\\n\",\"reply_to\":\"ext-0\",\"attachments\":[{\"id\":"
           "\"b1\",\"type\":"
           "\"image/png\",\"name\":\"a.png\",\"size\":5,\"url\":\"https://parley.example/files/"
           "x\"}],\"choices\":"
           "[{\"id\":\"c1\",\"title\":\"Yes\"}]}}");
    m.part = 1;
    m.parts = 2;
    kit_send(k, &m);
    EQ_STR(kit_fetch_header(kit_fetch(k, 1), "webhook-id"), "entry-1.1");
    OK(kit_end(&k));
}

T(typing_and_read_go_out)
{
    struct kit *k = start();
    connector_plugin.typing(kit_instance(k), kit_bytes("app:1"), true);
    connector_plugin.read(kit_instance(k), kit_bytes("app:1"), kit_bytes("m1"));
    kit_turn(k);
    EQ_INT(kit_fetches(k), 2);
    OK(strstr(kit_fetch(k, 0)->body, "\"type\":\"typing\""));
    OK(strstr(kit_fetch(k, 1)->body, "\"data\":{\"to\":\"app:1\",\"target\":\"m1\"}"));
    OK(kit_end(&k));
}

TEST_MAIN
