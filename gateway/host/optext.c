/* SPDX-License-Identifier: Apache-2.0
 * Texts for people: the operation's own first, then Parley's, in the best of the person's and the operation's
 * languages. */
#include "gateway/host/host_internal.h"
#include <string.h>

#define OPTEXT_TAGS 12 /* languages that are tried, at most */

static void put(struct host_op *o, const char *tag, const char *key, const json_t *v)
{
    struct buf name;
    if (!json_is_string(v))
        return;
    buf_init(&name, 512);
    buf_str(&name, tag);
    buf_char(&name, '\n');
    buf_str(&name, key);
    if (!name.err)
        mem_free(map_put(&o->texts, buf_view(&name), mem_dup(json_string_value(v), json_string_length(v))));
    buf_clear(&name);
}

static void read_languages(struct host_op *o, const json_t *list)
{
    size_t n = 0, i;
    const json_t *v;
    for (size_t k = 0; o->languages[k]; k++)
        mem_free(o->languages[k]);
    mem_free(o->languages);
    o->languages = mem_array(json_array_size(list) + 1, sizeof(char *));
    json_array_foreach(list, i, v)
    {
        if (json_is_string(v) && json_string_length(v) && json_string_length(v) < 36)
            o->languages[n++] = mem_strdup(json_string_value(v));
    }
}

static void read_fallback(struct host_op *o, json_t *object)
{
    const char *tag;
    json_t *list;
    map_clear(&o->fallback, mem_free);
    json_object_foreach(object, tag, list)
    {
        struct buf b;
        size_t i;
        const json_t *v;
        buf_init(&b, 256);
        json_array_foreach(list, i, v)
        {
            buf_str(&b, i ? " " : "");
            buf_str(&b, json_is_string(v) ? json_string_value(v) : "");
        }
        if (b.n && !b.err)
            mem_free(map_put(&o->fallback, slice_str(tag), buf_take(&b, NULL)));
        buf_clear(&b);
    }
}

void optext_read(struct host_op *o, const json_t *document)
{
    static const char *const plain[] = {"emergency", "privacy"};
    const char *tag, *key;
    json_t *texts, *v;
    map_clear(&o->texts, mem_free);
    json_object_foreach(json_object_get(document, "texts"), tag, texts)
    {
        json_object_foreach(texts, key, v) put(o, tag, key, v);
    }
    json_object_foreach(json_object_get(document, "name"), tag, v) put(o, tag, "operation.name", v);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        json_t *given = json_object_get(document, plain[i]);
        put(o, "", plain[i], given); /* one for all languages, or one for each */
        json_object_foreach(given, tag, v) put(o, tag, plain[i], v);
    }
    read_languages(o, json_object_get(document, "languages"));
    read_fallback(o, json_object_get(document, "fallback"));
}

struct tags {
    char tag[OPTEXT_TAGS][36];
    size_t n;
};

static void add(struct tags *t, struct slice tag)
{
    if (!tag.n || tag.n >= sizeof(t->tag[0]) || t->n == OPTEXT_TAGS)
        return;
    for (size_t i = 0; i < t->n; i++) {
        if (slice_is(tag, t->tag[i]))
            return;
    }
    memcpy(t->tag[t->n], tag.p, tag.n);
    t->tag[t->n++][tag.n] = 0;
}

/* A tag, what it falls back to, and its primary language ("pt-BR", then "pt"). */
static void add_chain(struct host_op *o, struct tags *t, const char *language)
{
    add(t, slice_str(language));
    const char *chain = map_get(&o->fallback, slice_str(language));
    struct slice rest = slice_str(chain), part;
    while (chain && slice_next(&rest, ' ', &part))
        add(t, part);
    const char *dash = strchr(language, '-');
    if (dash)
        add(t, slice_of(language, (size_t)(dash - language)));
}

static struct slice look_up(struct host_op *o, const char *tag, const char *key, bool own_only)
{
    char name[512];
    size_t a = strlen(tag), b = strlen(key);
    if (a + b + 1 > sizeof(name))
        return slice_str(NULL);
    memcpy(name, tag, a);
    name[a] = '\n';
    memcpy(name + a + 1, key, b);
    const char *own = map_get(&o->texts, slice_of(name, a + b + 1));
    if (own)
        return slice_str(own);
    return own_only || !*tag || !o->h->cf.router.text ? slice_str(NULL)
                                                      : o->h->cf.router.text(o->h->cf.router.arg, tag, key);
}

struct slice optext_get(struct host_op *o, const char *key, const char *language, bool own_only,
                        const char **tag)
{
    static _Thread_local struct tags t; /* *tag points into it: the caller reads it before the next call */
    t.n = 0;
    if (language && *language)
        add_chain(o, &t, language);
    for (size_t i = 0; o->languages[i]; i++)
        add_chain(o, &t, o->languages[i]);
    add(&t, SLICE("en"));
    for (size_t i = 0; i < t.n; i++) {
        struct slice s = look_up(o, t.tag[i], key, own_only);
        if (s.n) {
            if (tag)
                *tag = t.tag[i];
            return s;
        }
    }
    if (tag)
        *tag = "";
    return look_up(o, "", key, true);
}

struct slice host_text(struct host *h, struct store_op *op, const char *key, const char *language,
                       const char **tag)
{
    struct host_op *o = map_get(&h->ops, slice_str(store_op_name(op)));
    if (tag)
        *tag = "";
    return o ? optext_get(o, key, language, false, tag) : slice_str(NULL);
}
