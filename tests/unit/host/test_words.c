/* SPDX-License-Identifier: Apache-2.0
 * What the host decides without a store: addresses, paths, settings, texts, cuts, secrets. */
#include "tests/unit/test.h"
#include "gateway/host/door.h"
#include "gateway/host/out.h"
#include "tests/unit/host/setup.h"

T(addresses)
{
    static const char *const good[] = {"tel:+905551234567", "telegram:12345",   "mailto:a.B@b.org",
                                       "web:x_Y-9",         "whatsapp:IQ.3003", "app:\xd9\x85"};
    static const char *const bad[] = {"",
                                      "tel",
                                      "tel:",
                                      ":x",
                                      "tel:905551234567",
                                      "tel:+0555123",
                                      "tel:+90 555",
                                      "Tel:+905551234567",
                                      "mailto:a",
                                      "mailto:@b",
                                      "mailto:a@",
                                      "mailto:a@B.org",
                                      "app:a b",
                                      "app:\n",
                                      "app:\xff",
                                      "1a:b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        OK(address_valid(slice_str(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (address_valid(slice_str(bad[i])))
            TEST_FAIL("%s was taken", bad[i]);
    }
}

T(an_address_nobody_vouches_for_is_the_channels_own)
{
    struct channel ch = {.id = (char *)"app", .schemes = (char *)"telegram tel"};
    struct arena *a = arena_new();
    EQ_SLICE(address_inward(&ch, SLICE("tel:+9055512345"), a), "tel:+9055512345");
    EQ_SLICE(address_inward(&ch, SLICE("mailto:a@b.c"), a), "app/mailto:a@b.c");
    EQ_SLICE(address_outward(&ch, SLICE("app/mailto:a@b.c")), "mailto:a@b.c");
    EQ_SLICE(address_outward(&ch, SLICE("tel:+9055512345")), "tel:+9055512345");
    EQ_SLICE(address_outward(&ch, SLICE("apple/x:1")), "apple/x:1");
    arena_free(&a);
}

static bool path_is(const char *path, const char *door, const char *op, const char *channel, const char *rest)
{
    struct door_path p;
    return door_path(slice_str(path), &p) && slice_is(p.door, door) && slice_is(p.op, op) &&
           slice_is(p.channel, channel) && slice_is(p.rest, rest);
}

T(paths)
{
    struct door_path p;
    OK(path_is("/hooks/op/tg", "hooks", "op", "tg", ""));
    OK(path_is("/hooks/op/tg/s3cret/x", "hooks", "op", "tg", "/s3cret/x"));
    OK(path_is("/chat/demo/web/upload", "chat", "demo", "web", "/upload"));
    OK(path_is("/ws/chat/demo/web", "ws", "demo", "web", ""));
    static const char *const bad[] = {"",
                                      "/",
                                      "/hooks",
                                      "/hooks/",
                                      "/hooks/op",
                                      "/hooks/op/",
                                      "/hooks//tg",
                                      "/ws/agent/op/x",
                                      "/ws/chat/op",
                                      "/hooks/OP/tg",
                                      "/hooks/op/../x",
                                      "/hooks/o%70/tg",
                                      "/other/op/tg",
                                      "hooks/op/tg"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (door_path(slice_str(bad[i]), &p) && !slice_is(p.channel, ".."))
            TEST_FAIL("%s was taken", bad[i]);
    }
}

T(json_is_looked_at_before_it_is_parsed)
{
    OK(door_json_ok(SLICE("{\"a\":[1,{\"b\":\"}]\\\"\"}]}"), 3));
    OK(!door_json_ok(SLICE("{\"a\":[1,{\"b\":1}]}"), 2));
    OK(!door_json_ok(SLICE("{"), 5));
    OK(!door_json_ok(SLICE("}{"), 5));
    OK(!door_json_ok(SLICE("\"\\"), 5));
    OK(!door_json_ok(SLICE("\"abc"), 5));
    OK(!door_json_ok(SLICE("{\"a\":\"\xff\"}"), 5));
    OK(door_json_ok(SLICE("what"), 5)); /* whether it is JSON is for the parser */
}

T(texts_are_cut_at_graphemes_in_any_unit)
{
    /* An Arabic word with marks, 2 bytes a code point; the thumb with its tone is one grapheme. */
    struct slice arabic = SLICE("\xd9\x85\xd9\x8e\xd8\xb1\xd9\x92\xd8\xad\xd9\x8e\xd8\xa8\xd9\x8b\xd8\xa7"),
                 thumb = SLICE("ab\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd");
    EQ_INT(plan_cut(arabic, 4, CONNECTOR_UTF16), 8);
    EQ_INT(plan_cut(arabic, 8, CONNECTOR_BYTES), 8);
    EQ_INT(plan_cut(arabic, 9, CONNECTOR_BYTES), 8);
    EQ_INT(plan_cut(arabic, 4, CONNECTOR_CODE_POINTS), 8);
    EQ_INT(plan_cut(thumb, 5, CONNECTOR_BYTES), 2);
    EQ_INT(plan_cut(thumb, 3, CONNECTOR_CODE_POINTS), 2);
    EQ_INT(plan_cut(thumb, 4, CONNECTOR_CODE_POINTS), thumb.n);
    EQ_INT(plan_cut(SLICE(""), 4, CONNECTOR_BYTES), 0);
    EQ_INT(plan_units(thumb, CONNECTOR_UTF16), 6);
}

static const char *settings_say(struct host *h, const char *settings)
{
    static struct err e;
    char doc[1024];
    memset(&e, 0, sizeof(e));
    snprintf(doc, sizeof(doc),
             "[{\"id\":\"ok\",\"connector\":\"probe\",\"settings\":{\"token\":\"abc\"}},{\"id\":\"p\","
             "\"connector\":\"probe\",\"settings\":%s}]",
             settings);
    json_t *j = json_parse(slice_str(doc), 8, NULL);
    bool fine = host_channels_check(h, j, &e);
    json_decref(j);
    return fine ? "fine" : e.text;
}

T(settings_are_judged_with_their_place)
{
    struct host *h = setup_start("[]");
    setup_probe("probe")->refuse_settings = "bad";
    EQ_STR(settings_say(h, "{\"token\":\"abcdef\",\"deep\":{\"number\":7},\"origins\":[\"https://"
                           "a.example\"],\"mode\":\"two\"}"),
           "fine");
    EQ_STR(settings_say(h, "{}"), "channels[1] (p): settings.token is missing");
    EQ_STR(settings_say(h, "{\"token\":\"\"}"), "channels[1] (p): settings.token is missing");
    EQ_STR(settings_say(h, "{\"token\":7}"), "channels[1] (p): settings.token: a value of the wrong type");
    EQ_STR(settings_say(h, "{\"token\":\"a\",\"colour\":1}"),
           "channels[1] (p): settings.colour: probe has no such setting");
    EQ_STR(settings_say(h, "{\"token\":\"a\",\"mode\":\"three\"}"),
           "channels[1] (p): settings.mode: one of one|two is wanted");
    EQ_STR(settings_say(h, "{\"token\":\"a\",\"deep\":{\"number\":\"x\"}}"),
           "channels[1] (p): settings.deep.number: a number is wanted");
    EQ_STR(settings_say(h, "{\"token\":\"bad\"}"), "channels[1] (p): settings: that token is no good");
    EQ_STR(settings_say(h, "{\"token\":\"a\",\"capabilities\":[\"text\",\"flying\"]}"),
           "channels[1] (p): settings.capabilities: there is no \"flying\"");
    EQ_STR(settings_say(h, "{\"token\":\"a\\nb\"}"), "channels[1] (p): settings.token: a control character");
    OK(strstr(settings_say(h, "{\"token\":\"a\",\"api\":\"ftp://x\"}"), "settings.api: "));
    OK(strstr(settings_say(h, "{\"token\":\"a\",\"api\":\"https://me:pw@x.example/\"}"), "settings.api: "));
    setup_end(&h);
}

T(a_channel_that_cannot_start_says_why)
{
    struct host *h = setup_start(
        "[{\"id\":\"a\",\"connector\":\"nothing\"},{\"id\":\"b\",\"connector\":\"probe\"},"
        "{\"id\":\"c\",\"connector\":\"probe\",\"settings\":{\"token\":\"x\"},\"disabled\":true},"
        "{\"id\":\"d\",\"connector\":\"quiet\",\"settings\":{\"token\":\"short\"}},"
        "{\"id\":\"e\",\"connector\":\"quiet\",\"settings\":{\"token\":\"long enough to make one\"}},"
        "{\"id\":\"f\",\"connector\":\"probe\",\"settings\":{\"token\":\"x\",\"capabilities\":[\"text\"]}}]");
    struct host_channel_info i;
    OK(host_channel_info(h, fake_op(), "a", &i));
    EQ_STR(i.state, "down");
    EQ_STR(i.why, "there is no connector called \"nothing\"");
    OK(host_channel_info(h, fake_op(), "b", &i));
    EQ_STR(i.why, "settings.token is missing");
    OK(host_channel_info(h, fake_op(), "c", &i));
    EQ_STR(i.state, "disabled");
    OK(host_channel_info(h, fake_op(), "d", &i));
    OK(strstr(i.why, "path_secret is missing"));
    OK(host_channel_info(h, fake_op(), "e", &i));
    EQ_STR(i.state, "up");
    EQ_INT(strlen(i.hook), strlen("/hooks/op/e/") + 22);
    OK(host_channel_info(h, fake_op(), "f", &i));
    EQ_INT(i.capabilities & 0x7ff, CONNECTOR_CAN_TEXT);
    OK(i.capabilities & CONNECTOR_SIGNS);
    OK(!host_channel_info(h, fake_op(), "z", &i));
    struct buf b;
    buf_init(&b, 65536);
    buf_char(&b, '[');
    host_channels_json(h, fake_op(), &b);
    buf_char(&b, ']');
    json_t *j = json_parse(buf_view(&b), 8, NULL);
    EQ_INT(json_array_size(j), 6);
    OK(!strstr(b.p, "long enough"));
    json_decref(j);
    buf_clear(&b);
    setup_end(&h);
}

T(only_what_changed_is_made_anew)
{
    struct host *h = setup_start("[{\"id\":\"a\",\"connector\":\"probe\",\"settings\":{\"token\":\"x\"}}]");
    struct probe *p = setup_probe("probe");
    EQ_INT(p->started, 1);
    setup_apply(h, "{\"languages\":[\"tr\"],\"channels\":[{\"connector\":\"probe\",\"id\":\"a\",\"settings\":"
                   "{\"token\":\"x\"}}]}");
    EQ_INT(p->started, 1);
    EQ_STR(p->h->languages(p->inst)[0], "tr");
    setup_apply(h, "{\"channels\":[{\"id\":\"a\",\"connector\":\"probe\",\"settings\":{\"token\":\"y\"}}]}");
    EQ_INT(p->started, 2);
    EQ_INT(p->destroyed, 1);
    EQ_STR(p->h->setting(p->inst, "token"), "y");
    setup_apply(h, "{\"channels\":[]}");
    EQ_INT(p->destroyed, 2);
    OK(!fake_outbox_open("a"));
    setup_end(&h);
}

T(a_connector_that_never_stops_is_ended)
{
    struct host *h = setup_start("[{\"id\":\"a\",\"connector\":\"probe\",\"settings\":{\"token\":\"x\"}}]");
    struct probe *p = setup_probe("probe");
    p->never_stops = true;
    setup_end(&h);
    EQ_INT(p->destroyed, 1);
}

static struct slice own(void *arg, const char *tag, const char *key)
{
    (void)arg;
    if (strcmp(key, "notice.first") != 0)
        return slice_str(NULL);
    return strcmp(tag, "en") == 0   ? SLICE("Hello")
           : strcmp(tag, "fa") == 0 ? SLICE("Salam")
                                    : slice_str(NULL);
}

T(texts_come_in_the_best_language)
{
    const struct host_config cf = {.public_url = "", .router = {.text = own}};
    struct host *h = setup_with(
        &cf, "{\"languages\":[\"ar\",\"en\"],\"fallback\":{\"prs\":[\"fa\",\"en\"]},\"name\":{\"en\":"
             "\"Office\",\"ar\":\"Maktab\"},"
             "\"texts\":{\"en\":{\"chat.title\":\"Ours\"},\"tr\":{\"notice.first\":\"Merhaba\"}},"
             "\"emergency\":\"112\","
             "\"channels\":[{\"id\":\"a\",\"connector\":\"probe\",\"settings\":{\"token\":\"x\"}}]}");
    const char *tag;
    EQ_SLICE(host_text(h, fake_op(), "notice.first", "tr", &tag), "Merhaba");
    EQ_SLICE(host_text(h, fake_op(), "notice.first", "prs", &tag), "Salam");
    EQ_STR(tag, "fa");
    EQ_SLICE(host_text(h, fake_op(), "notice.first", "so", &tag), "Hello");
    EQ_SLICE(host_text(h, fake_op(), "operation.name", "so", &tag), "Maktab");
    EQ_SLICE(host_text(h, fake_op(), "emergency", "so", &tag), "112");
    EQ_INT(host_text(h, fake_op(), "nothing", "so", &tag).n, 0);
    struct probe *p = setup_probe("probe");
    OK(p->h->text(p->inst, "chat.title", "en", &tag).n == 4);
    OK(p->h->text(p->inst, "chat.next", "en", &tag).n == 0);
    setup_end(&h);
}

T(secrets_are_taken_out)
{
    struct channel ch = {.secrets = {(char *)"s3c/ret\"x"}, .secrets_n = 1};
    struct buf b;
    buf_init(&b, 4096);
    wire_redact(&ch, SLICE("a s3c/ret\"x b s3c%2Fret%22x c s3c/ret\\\"x s3c/ret\"xs3c/ret\"x"), &b);
    EQ_SLICE(buf_view(&b), "a [secret] b [secret] c [secret] [secret][secret]");
    buf_clear(&b);
}

T(buckets)
{
    struct bucket b = {2, 0};
    unsigned wait = 0;
    OK(bucket_take(&b, 0, 0.001, 2, &wait));
    OK(bucket_take(&b, 0, 0.001, 2, &wait));
    OK(!bucket_take(&b, 0, 0.001, 2, &wait));
    OK(wait >= 1000 && wait <= 1001);
    OK(bucket_take(&b, 1001, 0.001, 2, &wait));
    OK(!bucket_take(&b, 1002, 0, 2, &wait));
    EQ_INT(wait, 60000);
}

TEST_MAIN
