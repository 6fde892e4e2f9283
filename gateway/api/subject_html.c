/* SPDX-License-Identifier: Apache-2.0
 * What is kept about a person as a page: no script, nothing from elsewhere, every text in its own direction.
 */
#include "gateway/api/subject.h"
#include <string.h>

static void escaped(struct buf *b, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '<')
            buf_str(b, "&lt;");
        else if (*text == '&')
            buf_str(b, "&amp;");
        else if (*text == '"')
            buf_str(b, "&quot;");
        else
            buf_char(b, *text);
    }
}

static void line(struct buf *b, const char *name, const json_t *v)
{
    char number[32];
    const char *text = json_string_value(v);
    if (json_is_integer(v)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
        text = number;
    }
    if (!text)
        return;
    buf_str(b, "<dt>");
    escaped(b, name);
    buf_str(b, "</dt><dd dir=\"auto\">");
    escaped(b, text);
    buf_str(b, "</dd>");
}

static void values(struct buf *b, const json_t *o, unsigned depth)
{
    const char *key;
    json_t *v;
    size_t i;
    buf_str(b, "<dl>");
    json_object_foreach((json_t *)o, key, v)
    {
        if (strcmp(key, "entries") == 0 || strcmp(key, "numbers") == 0)
            continue;
        line(b, key, v);
        if (json_is_object(v) && depth) {
            buf_str(b, "<dt>");
            escaped(b, key);
            buf_str(b, "</dt><dd>");
            values(b, v, depth - 1);
            buf_str(b, "</dd>");
        }
        json_t *one;
        json_array_foreach(v, i, one)
        {
            if (json_is_object(one) && depth) {
                buf_str(b, "<dt>");
                escaped(b, key);
                buf_str(b, "</dt><dd>");
                values(b, one, depth - 1);
                buf_str(b, "</dd>");
            } else {
                line(b, key, one);
            }
        }
    }
    buf_str(b, "</dl>");
}

static void member(struct buf *b, const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    if (!text)
        return;
    buf_str(b, " · ");
    escaped(b, text);
}

static void entry(struct buf *b, const json_t *en)
{
    const json_t *file;
    size_t i;
    buf_str(b, "<article><p class=\"h\">");
    escaped(b, json_string_value(json_object_get(en, "time")));
    member(b, en, "by");
    member(b, en, "kind");
    member(b, en, "channel");
    member(b, en, "status");
    buf_str(b, "</p><p class=\"t\" dir=\"auto\">");
    escaped(b, json_string_value(json_object_get(en, "text")));
    buf_str(b, "</p>");
    json_array_foreach(json_object_get(en, "attachments"), i, file)
    {
        buf_str(b, "<p class=\"h\">");
        escaped(b, json_string_value(json_object_get(file, "id")));
        member(b, file, "name");
        member(b, file, "type");
        buf_str(b, "</p>");
    }
    buf_str(b, "</article>");
}

static void list(struct buf *b, const char *title, const json_t *items)
{
    const json_t *o;
    size_t i;
    if (!json_array_size(items))
        return;
    buf_printf(b, "<h2>%s</h2>", title);
    json_array_foreach(items, i, o)
    {
        values(b, o, 4);
    }
}

void subject_html(const json_t *doc, struct buf *b)
{
    const json_t *t, *en;
    size_t i, k;
    buf_str(b, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>What is kept about "
               "you</title><style>"
               "body{font:16px/1.6 system-ui,sans-serif;max-width:45em;margin:2em auto;padding:0 1em}"
               "dl{display:grid;grid-template-columns:10em 1fr;gap:.2em 1em}dt{color:#555}dd{margin:0}"
               "article{border-block-start:1px solid #ccc}.h{color:#555;font-size:.85em;margin:.4em 0 0}"
               ".t{white-space:pre-wrap;margin:0 0 .4em}</style><h1>What is kept about you</h1><p>");
    escaped(b, json_string_value(json_object_get(doc, "operation")));
    member(b, doc, "made");
    buf_str(b, "</p><h2>You</h2>");
    values(b, json_object_get(doc, "contact"), 4);
    json_array_foreach(json_object_get(doc, "threads"), i, t)
    {
        buf_printf(b, "<h2>Conversation %zu</h2>", i + 1);
        values(b, t, 1);
        json_array_foreach(json_object_get(t, "entries"), k, en)
        {
            entry(b, en);
        }
    }
    list(b, "Records", json_object_get(doc, "records"));
    list(b, "Who did what with it", json_object_get(doc, "audit"));
    buf_str(b, "</html>\n");
}
