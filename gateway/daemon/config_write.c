/* SPDX-License-Identifier: Apache-2.0
 * Settings as JSON, their schema, and what a reload keeps, all by their table. */
#include "gateway/base/mem.h"
#include "gateway/daemon/config_parts.h"
#include <inttypes.h>
#include <string.h>

static void write_value(struct buf *out, const struct config *c, const struct config_setting *s)
{
    if (s->type == CONFIG_INT)
        buf_printf(out, "%" PRId64, *CONFIG_MEMBER(c, s, const int64_t));
    else if (s->type == CONFIG_BOOL)
        buf_str(out, *CONFIG_MEMBER(c, s, const bool) ? "true" : "false");
    else if (s->type != CONFIG_LIST)
        buf_json_str(out, slice_str(*CONFIG_MEMBER(c, s, char *const)));
    else {
        char *const *list = *CONFIG_MEMBER(c, s, char **const);
        buf_char(out, '[');
        for (size_t i = 0; list[i]; i++) {
            buf_str(out, i ? "," : "");
            buf_json_str(out, slice_str(list[i]));
        }
        buf_char(out, ']');
    }
}

static size_t group_length(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? (size_t)(dot - name) : 0;
}

/* Has this setting's group been opened by an earlier one? */
static bool group_done(const struct config_setting *s)
{
    size_t g = group_length(s->name);
    for (const struct config_setting *x = config_settings; g && x < s; x++)
        if (group_length(x->name) == g && memcmp(x->name, s->name, g) == 0)
            return true;
    return false;
}

/* Calls write for each setting, inside its group's braces, and `open`/`close` texts around a group. */
static void each_setting(struct buf *out, const char *open, const char *close,
                         void (*write)(struct buf *, const struct config *, const struct config_setting *),
                         const struct config *c)
{
    const char *comma = "";
    for (const struct config_setting *s = config_settings; s->name; s++) {
        size_t g = group_length(s->name);
        if (group_done(s))
            continue;
        buf_str(out, comma);
        comma = ",";
        if (!g) {
            buf_printf(out, "\"%s\":", s->name);
            write(out, c, s);
            continue;
        }
        buf_printf(out, "\"%.*s\":%s", (int)g, s->name, open);
        const char *inner = "";
        for (const struct config_setting *x = s; x->name; x++) {
            if (group_length(x->name) != g || memcmp(x->name, s->name, g) != 0)
                continue;
            buf_printf(out, "%s\"%s\":", inner, x->name + g + 1);
            write(out, c, x);
            inner = ",";
        }
        buf_str(out, close);
    }
}

int config_write(const struct config *c, struct buf *out)
{
    buf_char(out, '{');
    each_setting(out, "{", "}", write_value, c);
    return buf_char(out, '}');
}

static void schema_value(struct buf *out, const struct config *none, const struct config_setting *s)
{
    (void)none;
    static const char *const types[] = {[CONFIG_TEXT] = "string",
                                        [CONFIG_PATH] = "string",
                                        [CONFIG_INT] = "integer",
                                        [CONFIG_BOOL] = "boolean",
                                        [CONFIG_LIST] = "array"};
    buf_printf(out, "{\"type\":\"%s\",\"description\":", types[s->type]);
    buf_json_str(out, slice_str(s->help));
    if (s->type == CONFIG_INT)
        buf_printf(out, ",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64 ",\"default\":%" PRId64, s->min,
                   s->max, s->number);
    else if (s->type == CONFIG_BOOL)
        buf_printf(out, ",\"default\":%s", s->number ? "true" : "false");
    else if (s->type == CONFIG_LIST)
        buf_str(out, ",\"items\":{\"type\":\"string\"},\"default\":[]");
    else if (s->type == CONFIG_TEXT) {
        buf_str(out, ",\"default\":");
        buf_json_str(out, slice_str(s->dflt));
    }
    if (s->restart)
        buf_str(out, ",\"x-restart\":true");
    buf_char(out, '}');
}

int config_schema(struct buf *out)
{
    buf_str(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/"
                 "schema\",\"title\":\"parleyd\",\"type\":\"object\","
                 "\"additionalProperties\":false,\"properties\":{\"$schema\":{\"type\":\"string\"},");
    each_setting(out, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{", "}}",
                 schema_value, NULL);
    return buf_str(out, "}}");
}

void config_keep(const struct config *old, struct config *fresh, struct buf *out)
{
    for (const struct config_setting *s = config_settings; s->name; s++) {
        struct buf a, b;
        if (!s->restart)
            continue;
        buf_init(&a, 65536);
        buf_init(&b, 65536);
        write_value(&a, old, s);
        write_value(&b, fresh, s);
        if (!slice_eq(buf_view(&a), buf_view(&b)))
            buf_printf(out, "%s%s", out->n ? ", " : "", s->name);
        buf_clear(&a);
        buf_clear(&b);
        if (s->type == CONFIG_INT)
            *CONFIG_MEMBER(fresh, s, int64_t) = *CONFIG_MEMBER(old, s, const int64_t);
        else if (s->type == CONFIG_BOOL)
            *CONFIG_MEMBER(fresh, s, bool) = *CONFIG_MEMBER(old, s, const bool);
        else if (s->type != CONFIG_LIST)
            config_set_text(fresh, s, mem_strdup(*CONFIG_MEMBER(old, s, char *const)));
    }
}
