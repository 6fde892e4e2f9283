/* SPDX-License-Identifier: Apache-2.0
 * What the build of the page left: template, texts of each language, policy. Read once, when the channel
 * starts. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANGUAGES_MAX 32

struct texts {
    struct language languages[LANGUAGES_MAX]; /* those of the operation that have texts, in its order */
    size_t n;
    json_t *manifest;
};

static json_t *read_json(connector_instance *c, const char *name)
{
    json_error_t e;
    struct connector_bytes b = c->h->page(c->inst, name);
    return b.n ? json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, &e) : NULL;
}

static void add_language(connector_instance *c, const char *id)
{
    struct texts *t = c->texts;
    char file[64];
    if (t->n == LANGUAGES_MAX || strlen(id) >= LANG_MAX)
        return;
    snprintf(file, sizeof file, "texts/%s.json", id);
    json_t *doc = read_json(c, file);
    const char *name = json_string_value(json_object_get(doc, "name")),
               *dir = json_string_value(json_object_get(doc, "dir"));
    json_t *texts = json_object_get(doc, "texts");
    if (name && dir && json_is_object(texts)) {
        struct language *l = &t->languages[t->n++];
        snprintf(l->id, sizeof l->id, "%s", id);
        snprintf(l->dir, sizeof l->dir, "%s", strcmp(dir, "rtl") == 0 ? "rtl" : "ltr");
        l->name = strdup(name);
        l->texts = json_incref(texts);
    }
    json_decref(doc);
}

bool texts_open(connector_instance *c, char why[160])
{
    c->texts = calloc(1, sizeof *c->texts);
    if (!c->texts)
        abort();
    c->texts->manifest = read_json(c, "manifest.json");
    for (const char *const *id = c->h->languages(c->inst); id && *id; id++)
        add_language(c, *id);
    if (!c->texts->n)
        add_language(c, "en");
    if (!c->texts->manifest || !c->texts->n || !texts_template(c).n) {
        snprintf(why, 160, "the chat page was not built: manifest.json, chat.html or texts are missing");
        texts_free(c);
        return false;
    }
    return true;
}

void texts_free(connector_instance *c)
{
    if (!c->texts)
        return;
    for (size_t i = 0; i < c->texts->n; i++) {
        free(c->texts->languages[i].name);
        json_decref(c->texts->languages[i].texts);
    }
    json_decref(c->texts->manifest);
    free(c->texts);
    c->texts = NULL;
}

const struct language *texts_at(connector_instance *c, size_t i)
{
    return i < c->texts->n ? &c->texts->languages[i] : NULL;
}

const struct language *texts_language(connector_instance *c, const char *id)
{
    for (size_t i = 0; i < c->texts->n; i++)
        if (strcmp(c->texts->languages[i].id, id) == 0)
            return &c->texts->languages[i];
    return NULL;
}

/* The operation's own wording, when it has one in this very language; else the page's. */
struct connector_bytes texts_get(connector_instance *c, const struct language *l, const char *key)
{
    char own[96];
    const char *tag = NULL;
    if (strcmp(key, TEXT_CLOSED) == 0)
        return c->h->text(c->inst, "office.closed", l->id, &tag);
    snprintf(own, sizeof own, "chat.%s", key);
    struct connector_bytes b = c->h->text(c->inst, own, l->id, &tag);
    if (b.n && tag && strcmp(tag, l->id) == 0)
        return b;
    return json_bytes(l->texts, key);
}

struct connector_bytes texts_template(connector_instance *c)
{
    return c->h->page(c->inst, "chat.html");
}

const char *texts_csp(connector_instance *c)
{
    const char *csp = json_string_value(json_object_get(c->texts->manifest, "csp"));
    return csp ? csp : "default-src 'none'";
}

void texts_json(connector_instance *c, const struct language *l, struct out *o)
{
    const char *key;
    json_t *value;
    bool first = true;
    out_str(o, "{\"lang\":");
    out_json(o, bytes_of(l->id));
    out_str(o, ",\"dir\":");
    out_json(o, bytes_of(l->dir));
    out_str(o, ",\"texts\":{");
    json_object_foreach(l->texts, key, value)
    {
        if (!first)
            out_str(o, ",");
        first = false;
        out_json(o, bytes_of(key));
        out_str(o, ":");
        out_json(o, texts_get(c, l, key));
    }
    if (!first)
        out_str(o, ",");
    out_json(o, bytes_of(TEXT_CLOSED));
    out_str(o, ":");
    out_json(o, texts_get(c, l, TEXT_CLOSED));
    out_str(o, "}}");
}
