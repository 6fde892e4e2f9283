/* SPDX-License-Identifier: Apache-2.0
 * A channel's settings: JSON of the operation's document, judged by the plugin's table and kept as text. An
 * object inside is written with a dot ("imap.url"), a list with blanks between its words. */
#include "gateway/host/host_internal.h"
#include <stdio.h>
#include <string.h>

static bool listed(const char *choices, struct slice value)
{
    struct slice rest = slice_str(choices), part;
    while (slice_next(&rest, '|', &part)) {
        if (slice_eq(part, value))
            return true;
    }
    return false;
}

static bool list_text(const json_t *v, struct buf *b)
{
    size_t i;
    const json_t *one;
    json_array_foreach(v, i, one)
    {
        struct slice s = {json_string_value(one), json_string_length(one)};
        if (!json_is_string(one) || !s.n || memchr(s.p, ' ', s.n))
            return false;
        if (i)
            buf_char(b, ' ');
        buf_slice(b, s);
    }
    return true;
}

/* The value as text; false when its JSON type is not one that the setting takes. */
static bool as_text(const struct connector_setting *s, const json_t *v, struct buf *b)
{
    if (s->type == CONNECTOR_S_LIST && json_is_array(v))
        return list_text(v, b);
    if (s->type == CONNECTOR_S_NUMBER && json_is_integer(v) && json_integer_value(v) >= 0)
        return buf_u64(b, (uint64_t)json_integer_value(v)) == 0;
    if (s->type == CONNECTOR_S_BOOL && json_is_boolean(v))
        return buf_str(b, json_is_true(v) ? "true" : "false") == 0;
    return json_is_string(v) && buf_add(b, json_string_value(v), json_string_length(v)) == 0;
}

static int judge(const struct connector_setting *s, struct slice v, const struct guard *guard, struct err *e)
{
    uint64_t n;
    struct err why = {0};
    if (!text_valid(v, NULL) || v.n > 65536)
        return err_set(e, ERR_INVALID, "settings.%s: no UTF-8, or too long", s->name);
    for (size_t i = 0; i < v.n; i++) {
        if ((unsigned char)v.p[i] < 32 && s->type != CONNECTOR_S_TEXT)
            return err_set(e, ERR_INVALID, "settings.%s: a control character", s->name);
    }
    if (v.n == 0)
        return s->required ? err_set(e, ERR_INVALID, "settings.%s is missing", s->name) : 0;
    if (s->type == CONNECTOR_S_NUMBER && !slice_u64(v, &n))
        return err_set(e, ERR_INVALID, "settings.%s: a number is wanted", s->name);
    if (s->type == CONNECTOR_S_BOOL && !listed("true|false", v))
        return err_set(e, ERR_INVALID, "settings.%s: true or false is wanted", s->name);
    if (s->type == CONNECTOR_S_CHOICE && !(s->choices && listed(s->choices, v)))
        return err_set(e, ERR_INVALID, "settings.%s: one of %s is wanted", s->name,
                       s->choices ? s->choices : "nothing");
    if (s->type == CONNECTOR_S_URL && guard_url(guard, v, &why) != true)
        return err_set(e, ERR_INVALID, "settings.%s: %s", s->name, why.text);
    return 0;
}

static bool read_one(struct map *settings, const struct plugin *p, const char *name, const json_t *v,
                     const struct guard *guard, struct err *e)
{
    if (json_is_object(v)) {
        const char *key;
        json_t *inner;
        json_object_foreach((json_t *)(uintptr_t)v, key, inner)
        {
            char full[160];
            if (json_is_object(inner) ||
                snprintf(full, sizeof(full), "%s.%s", name, key) >= (int)sizeof(full))
                return err_set(e, ERR_INVALID, "settings.%.80s.%.40s: too deep", name, key), false;
            if (!read_one(settings, p, full, inner, guard, e))
                return false;
        }
        return true;
    }
    const struct connector_setting *s = plugin_setting(p, slice_str(name));
    if (!s)
        return err_set(e, ERR_INVALID, "settings.%.120s: %s has no such setting", name, p->c->name), false;
    struct buf b;
    buf_init(&b, 65537);
    bool fine = json_is_null(v) || as_text(s, v, &b);
    if (!fine)
        err_set(e, ERR_INVALID, "settings.%s: a value of the wrong type", name);
    else if (judge(s, buf_view(&b), guard, e) != 0)
        fine = false;
    else
        mem_free(map_put(settings, slice_str(name), mem_dup(b.n ? b.p : "", b.n)));
    if (b.n)
        mem_wipe(b.p, b.n);
    buf_clear(&b);
    return fine;
}

bool settings_read(struct map *settings, const struct plugin *p, const json_t *object,
                   const struct guard *guard, struct err *e)
{
    const char *key;
    json_t *v;
    if (object && !json_is_object(object))
        return err_set(e, ERR_INVALID, "settings: an object is wanted"), false;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        if (!read_one(settings, p, key, v, guard, e))
            return false;
    }
    for (const struct connector_setting *s = p->settings; s->name; s++) {
        if (s->required && !map_get(settings, slice_str(s->name)) && !s->dflt)
            return err_set(e, ERR_INVALID, "settings.%s is missing", s->name), false;
    }
    return true;
}

static void wipe(void *text)
{
    mem_wipe(text, strlen(text));
    mem_free(text);
}

void settings_clear(struct map *settings)
{
    map_clear(settings, wipe);
}

const char *settings_get(const struct map *settings, const struct plugin *p, const char *name)
{
    const char *v = map_get(settings, slice_str(name));
    if (v && *v)
        return v;
    const struct connector_setting *s = plugin_setting(p, slice_str(name));
    return s && s->dflt ? s->dflt : "";
}

struct values {
    const struct map *settings;
    const struct plugin *p;
};

static const char *values_get(const void *ctx, const char *name)
{
    const struct values *v = ctx;
    return settings_get(v->settings, v->p, name);
}

bool settings_check(const struct map *settings, const struct plugin *p, struct err *e)
{
    struct values ctx = {settings, p};
    struct connector_values v = {sizeof(v), values_get, &ctx};
    struct connector_error why = {0};
    if (p->c->check && p->c->check(&v, &why) != CONNECTOR_OK) {
        why.text[sizeof(why.text) - 1] = 0;
        return err_set(e, ERR_INVALID, "settings: %s", why.text[0] ? why.text : "refused by the connector"),
               false;
    }
    capabilities_parse(slice_str(settings_get(settings, p, "capabilities")), e);
    return e->code == 0;
}

/* ---- capabilities ---- */

static const struct {
    const char *name;
    unsigned bit;
} capability_names[] = {{"text", CONNECTOR_CAN_TEXT},        {"files", CONNECTOR_CAN_FILES},
                        {"voice", CONNECTOR_CAN_VOICE},      {"choices", CONNECTOR_CAN_CHOICES},
                        {"edit", CONNECTOR_CAN_EDIT},        {"delete", CONNECTOR_CAN_DELETE},
                        {"react", CONNECTOR_CAN_REACT},      {"typing", CONNECTOR_CAN_TYPING},
                        {"read", CONNECTOR_CAN_READ},        {"location", CONNECTOR_CAN_LOCATION},
                        {"reply", CONNECTOR_CAN_REPLY},      {"tells_delivered", CONNECTOR_TELLS_DELIVERED},
                        {"tells_read", CONNECTOR_TELLS_READ}};
#define CAPABILITIES (sizeof(capability_names) / sizeof(capability_names[0]))

unsigned capabilities_parse(struct slice list, struct err *e)
{
    unsigned bits = 0;
    struct slice rest = list, part;
    while (list.n && slice_next(&rest, ' ', &part)) {
        size_t i = 0;
        while (i < CAPABILITIES && !slice_is(part, capability_names[i].name))
            i++;
        if (i < CAPABILITIES) {
            bits |= capability_names[i].bit;
        } else if (part.n) {
            err_set(e, ERR_INVALID, "settings.capabilities: there is no \"%.*s\"",
                    part.n > 40 ? 40 : (int)part.n, part.p);
            return 0;
        }
    }
    return bits;
}

void capabilities_json(unsigned capabilities, struct buf *out)
{
    buf_char(out, '{');
    for (size_t i = 0; i < CAPABILITIES; i++) {
        buf_str(out, i ? ",\"" : "\"");
        buf_str(out, capability_names[i].name);
        buf_str(out, capabilities & capability_names[i].bit ? "\":true" : "\":false");
    }
    buf_char(out, '}');
}

/* ---- judging a document ---- */

static bool channel_check(struct host *h, const json_t *spec, struct err *e)
{
    struct slice id = json_opt_str(spec, "id"), connector = json_opt_str(spec, "connector");
    if (!name_valid(id))
        return err_set(e, ERR_INVALID, "id: a name of a-z, 0-9, '.', '_', '-' is wanted"), false;
    const struct plugin *p = plugin_find(h, connector);
    if (!p)
        return err_set(e, ERR_INVALID, "connector: there is none called \"%.*s\"",
                       connector.n > 60 ? 60 : (int)connector.n, connector.p ? connector.p : ""),
               false;
    struct map settings;
    map_init(&settings);
    bool fine = settings_read(&settings, p, json_object_get(spec, "settings"), h->guard, e) &&
                settings_check(&settings, p, e);
    settings_clear(&settings);
    return fine;
}

bool host_channels_check(struct host *h, const json_t *channels, struct err *e)
{
    struct err local = {0};
    size_t i;
    const json_t *spec;
    e = e ? e : &local;
    e->code = 0;
    if (!json_is_array(channels))
        return err_set(e, ERR_INVALID, "channels: an array is wanted"), false;
    json_array_foreach(channels, i, spec)
    {
        if (!channel_check(h, spec, e)) {
            struct slice id = json_opt_str(spec, "id");
            err_prefix(e, "channels[%zu] (%.*s)", i, id.n > 63 ? 63 : (int)id.n, id.p ? id.p : "?");
            return false;
        }
    }
    return true;
}
