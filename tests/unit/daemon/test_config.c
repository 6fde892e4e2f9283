/* SPDX-License-Identifier: Apache-2.0
 * Settings: defaults, errors with their line, what may not be combined, writing and reading again, the
 * schema. */
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/config.h"
#include "tests/unit/test.h"

static struct buf problems;

static struct config *parse(const char *text)
{
    buf_clear(&problems);
    buf_init(&problems, 65536);
    return config_parse(slice_str(text), "p.json", "/conf", "/top", &problems);
}

static bool told(const char *what)
{
    return problems.n && strstr(problems.p, what) != NULL;
}

T(defaults)
{
    struct config *c = parse("{}");
    OK(c);
    EQ_STR(c->listen, "127.0.0.1:8080");
    EQ_STR(c->data_dir, "/top/var");
    EQ_STR(c->redis_url, "");
    EQ_INT(c->workers, 1);
    EQ_INT(c->limits.body, 1 << 20);
    EQ_INT(c->limits.json_depth, 32);
    OK(!c->trusted_proxies[0]);
    OK(config_verify(c, "p.json", &problems));
    config_free(&c);
}

T(values_and_paths)
{
    struct config *c = parse(
        "{\"listen\":\"[::1]:9\",\"tls\":{\"cert\":\"c.pem\",\"key\":\"/k.pem\"},\"limits\":{\"text\":1000},"
        "\"allow_private\":[\"127.0.0.0/8\",\"::1/128\"],\"unsafe_redis\":true,\"workers\":3}");
    OK(c);
    EQ_STR(c->tls_cert, "/conf/c.pem");
    EQ_STR(c->tls_key, "/k.pem");
    EQ_INT(c->limits.text, 1000);
    EQ_STR(c->allow_private[1], "::1/128");
    OK(!c->allow_private[2]);
    OK(c->unsafe_redis);
    EQ_INT(c->workers, 3);
    config_free(&c);
}

T(errors_have_their_line)
{
    OK(!parse("{\n  \"listen\": \"nowhere\",\n  \"workers\": 0,\n  \"limits\": {\n    \"body\": 1,\n    "
              "\"bodi\": 2\n  },\n"
              "  \"colour\": \"red\",\n  \"allow_private\": [\"127.0.0.0/8\", 3, \"x\"],\n  "
              "\"unsafe_redis\": \"yes\"\n}"));
    OK(told("p.json:2: listen: \"nowhere\" is not an address and a port"));
    OK(told("p.json:3: workers: 0 is not between 1 and 64"));
    OK(told("p.json:5: limits.body: 1 is not between"));
    OK(told("p.json:6: limits.bodi: there is no such setting"));
    OK(told("p.json:8: colour: there is no such setting"));
    OK(told("p.json:9: allow_private: number 2 of the list is not a string"));
    OK(told("p.json:9: allow_private: \"x\" is not a network"));
    OK(told("p.json:10: unsafe_redis: true or false is wanted"));
}

T(malformed_json)
{
    OK(!parse("{\n \"listen\": }"));
    OK(told("line 2"));
    OK(!parse("{\"workers\":1,\"workers\":2}"));
    OK(!parse("[]"));
    OK(!parse("{\"tls\":\"x\"}"));
    OK(told("tls: an object is wanted"));
    OK(!parse(""));
}

T(listening_outside_needs_tls_or_a_proxy)
{
    struct config *c = parse("{\"listen\":\"0.0.0.0:8080\"}");
    OK(c && !config_verify(c, "p.json", &problems));
    OK(told("listen: 0.0.0.0:8080 can be reached from outside"));
    config_free(&c);
    c = parse("{\"listen\":\"0.0.0.0:8080\",\"trusted_proxies\":[\"10.0.0.0/8\"]}");
    OK(c && config_verify(c, "p.json", &problems));
    config_free(&c);
    c = parse("{\"listen\":\"0.0.0.0:443\",\"tls\":{\"cert\":\"a\",\"key\":\"b\"}}");
    OK(c && config_verify(c, "p.json", &problems));
    config_free(&c);
    c = parse("{\"tls\":{\"cert\":\"a\"}}");
    OK(c && !config_verify(c, "p.json", &problems));
    config_free(&c);
}

T(keys_stand_apart)
{
    struct config *c =
        parse("{\"redis\":{\"url\":\"redis://10.0.0.1:6379\"},\"keys\":{\"url\":\"redis://10.0.0.1:6379\"}}");
    OK(c && !config_verify(c, "p.json", &problems));
    OK(told("keys.url"));
    config_free(&c);
}

T(written_and_read_again)
{
    struct config *c =
        parse("{\"public_url\":\"https://"
              "a.example\",\"egress\":[\"b.example\"],\"limits\":{\"header\":8192},\"model\":\"m.bin\"}");
    struct buf one, two;
    buf_init(&one, 1u << 20);
    buf_init(&two, 1u << 20);
    OK(config_write(c, &one) == 0);
    struct config *d = config_parse(buf_view(&one), "written", "/elsewhere", "/other", &problems);
    OK(d && config_write(d, &two) == 0);
    OK(slice_eq(buf_view(&one), buf_view(&two)));
    EQ_STR(d->model, "/conf/m.bin");
    config_free(&c);
    config_free(&d);
    buf_clear(&one);
    buf_clear(&two);
}

T(a_reload_keeps_what_needs_a_restart)
{
    struct config *old = parse("{\"data_dir\":\"/a\",\"drain_ms\":1}"),
                  *fresh = parse("{\"data_dir\":\"/b\",\"drain_ms\":2}");
    struct buf names;
    buf_init(&names, 1000);
    config_keep(old, fresh, &names);
    EQ_STR(names.p, "data_dir");
    EQ_STR(fresh->data_dir, "/a");
    EQ_INT(fresh->drain_ms, 2);
    config_free(&old);
    config_free(&fresh);
    buf_clear(&names);
}

T(the_schema_names_every_setting)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    OK(config_schema(&b) == 0);
    struct err e;
    json_t *o = json_parse(buf_view(&b), 16, &e);
    OK(o);
    const json_t *properties = json_object_get(o, "properties");
    for (const struct config_setting *s = config_settings; s->name; s++) {
        char group[64];
        const char *dot = strchr(s->name, '.');
        const json_t *at = properties;
        if (dot) {
            snprintf(group, sizeof group, "%.*s", (int)(dot - s->name), s->name);
            at = json_object_get(json_object_get(properties, group), "properties");
        }
        OK(json_object_get(at, dot ? dot + 1 : s->name));
    }
    json_decref(o);
    buf_clear(&b);
}

T(hostile_bytes)
{
    static const char *const texts[] = {"{\"a\":",
                                        "{\"\\u006cisten\":\"127.0.0.1:1\"}",
                                        "{\"listen\":\"\\\"\"}",
                                        "{\"x\\\"y\":1}",
                                        "{\"limits\":{\"body\":1e400}}",
                                        "{\"limits\":{}}",
                                        "{\"listen\":\"127.0.0.1:99999\"}",
                                        NULL};
    for (size_t i = 0; texts[i]; i++) {
        struct config *c = parse(texts[i]);
        config_free(&c);
    }
    struct config *c = parse("{\"\\u006cisten\":\"127.0.0.1:1\"}");
    OK(c);
    EQ_STR(c->listen, "127.0.0.1:1");
    config_free(&c);
    buf_clear(&problems);
}

TEST_MAIN
