/* SPDX-License-Identifier: Apache-2.0
 * All texts as an administrator sees them: what is shipped, what the operation wrote instead, and whether
 * somebody who speaks the language has read it. */
#include "gateway/base/mem.h"
#include "gateway/daemon/texts_internal.h"
#include <string.h>

/* The shipped text of a key in a language: of config/texts, else of the webchat's build. reviewed may be
 * NULL.
 */
static struct slice shipped(const struct texts *t, const char *tag, const char *key, bool *reviewed)
{
    const json_t *own = json_object_get(json_object_get(t->files, tag), key);
    const json_t *file = json_object_get(t->chats, tag);
    if (reviewed)
        *reviewed = json_opt_bool(own ? own : file, "reviewed", false);
    if (own)
        return json_opt_str(own, "text");
    if (strncmp(key, "chat.", 5) != 0)
        return (struct slice){0};
    return json_opt_str(json_object_get(file, "texts"), key + 5);
}

static bool listed(const json_t *list, const char *key)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) if (slice_is(slice_str(json_string_value(one)), key)) return true;
    return false;
}

/* ---- places to fill ---- */

/* The next "{name}" of text behind *at; empty: none. */
static struct slice hole_next(struct slice text, size_t *at)
{
    for (size_t i = *at; i < text.n; i++) {
        if (text.p[i] != '{')
            continue;
        size_t n = 0;
        while (i + 1 + n < text.n &&
               ((text.p[i + 1 + n] >= 'a' && text.p[i + 1 + n] <= 'z') || text.p[i + 1 + n] == '_'))
            n++;
        if (n && i + 1 + n < text.n && text.p[i + 1 + n] == '}') {
            *at = i + n + 2;
            return slice_of(text.p + i + 1, n);
        }
    }
    *at = text.n;
    return (struct slice){0};
}

bool texts_hole_known(const struct texts *t, const char *key, struct slice own, struct slice *which)
{
    struct slice text = shipped(t, "en", key, NULL), hole;
    if (!text.n) /* not known here: its own check says so */
        return true;
    for (size_t at = 0; (hole = hole_next(own, &at)).n;) {
        struct slice wanted;
        bool known = false;
        for (size_t k = 0; !known && (wanted = hole_next(text, &k)).n;)
            known = slice_eq(wanted, hole);
        if (!known) {
            *which = hole;
            return false;
        }
    }
    return true;
}

static void holes_json(struct slice text, struct buf *out)
{
    struct slice hole;
    buf_char(out, '[');
    for (size_t at = 0, n = 0; (hole = hole_next(text, &at)).n; n++) {
        buf_str(out, n ? "," : "");
        buf_json_str(out, hole);
    }
    buf_char(out, ']');
}

/* ---- the list ---- */

static bool safety(const char *key)
{
    for (size_t i = 0; texts_safety_keys[i]; i++)
        if (strcmp(texts_safety_keys[i], key) == 0)
            return true;
    return false;
}

static void language_json(const struct texts *t, const json_t *doc, const char *tag, const char *key,
                          struct buf *out)
{
    bool reviewed = false;
    struct slice text = shipped(t, tag, key, &reviewed);
    const json_t *own = json_object_get(json_object_get(json_object_get(doc, "texts"), tag), key);
    buf_json_str(out, slice_str(tag));
    buf_str(out, ":{\"text\":");
    buf_json_str(out, text);
    buf_printf(out, ",\"reviewed\":%s,\"read\":%s,\"own\":", reviewed ? "true" : "false",
               listed(json_object_get(json_object_get(doc, "reviewed"), tag), key) ? "true" : "false");
    if (own)
        json_write(own, out);
    else
        buf_str(out, "null");
    buf_char(out, '}');
}

static void languages_json(const struct texts *t, const json_t *doc, const char *key, struct buf *out)
{
    const json_t *languages = json_object_get(doc, "languages"), *one;
    const char *tag;
    json_t *file;
    size_t i, n = 0;
    buf_char(out, '{');
    json_array_foreach(languages, i, one)
    {
        buf_str(out, n++ ? "," : "");
        language_json(t, doc, json_string_value(one), key, out);
    }
    json_object_foreach(t->files, tag, file)
    {
        if (listed(languages, tag) || (json_array_size(languages) && strcmp(tag, "en") != 0))
            continue;
        buf_str(out, n++ ? "," : "");
        language_json(t, doc, tag, key, out);
    }
    buf_char(out, '}');
}

static void text_json(const struct texts *t, const json_t *doc, const char *key, struct buf *out)
{
    if (out->p[out->n - 1] == '}')
        buf_char(out, ',');
    buf_str(out, "{\"key\":");
    buf_json_str(out, slice_str(key));
    buf_printf(out, ",\"safety\":%s,\"holes\":", safety(key) ? "true" : "false");
    holes_json(shipped(t, "en", key, NULL), out);
    buf_str(out, ",\"languages\":");
    languages_json(t, doc, key, out);
    buf_char(out, '}');
}

void texts_json(const struct texts *t, const json_t *document, struct buf *out)
{
    const json_t *english = json_object_get(t->files, "en");
    const char *key;
    json_t *v;
    char name[128] = "chat.";
    buf_str(out, "{\"items\":[");
    json_object_foreach((json_t *)english, key, v) text_json(t, document, key, out);
    json_object_foreach(t->chat, key, v)
    {
        if (strlen(key) >= sizeof name - 5)
            continue;
        memcpy(name + 5, key, strlen(key) + 1);
        if (!json_object_get(english, name))
            text_json(t, document, name, out);
    }
    buf_str(out, "],\"next\":null}");
}

bool texts_safe(const struct texts *t, const json_t *document, const char *tag)
{
    const json_t *own = json_object_get(json_object_get(document, "texts"), tag),
                 *read = json_object_get(json_object_get(document, "reviewed"), tag);
    for (size_t i = 0; tag && texts_safety_keys[i]; i++) {
        const char *key = texts_safety_keys[i];
        bool reviewed = false;
        struct slice text = shipped(t, tag, key, &reviewed);
        if (!listed(read, key) && (!text.n || !reviewed || json_object_get(own, key)))
            return false;
    }
    return true;
}
