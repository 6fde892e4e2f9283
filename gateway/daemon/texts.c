/* SPDX-License-Identifier: Apache-2.0
 * Loads config/texts and says what is missing or not reviewed. */
#include "gateway/base/mem.h"
#include "gateway/daemon/texts_internal.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXTS_FILE_MAX (1u << 20)

/* What an error here would do to somebody in danger. */
const char *const texts_safety_keys[] = {"notice.first", "notice.emergency", "notice.anonymous", NULL};

static json_t *file_read(const char *path, struct err *e)
{
    struct buf b;
    buf_init(&b, TEXTS_FILE_MAX);
    FILE *f = fopen(path, "re");
    size_t n = 1;
    while (f && n) {
        char *room = buf_reserve(&b, 8192);
        n = room ? fread(room, 1, 8192, f) : 0;
        buf_commit(&b, n);
    }
    json_t *o = NULL;
    if (!f || ferror(f) || b.err)
        err_set(e, ERR_IO, "%s: %s", path, b.err ? "too large" : strerror(errno));
    else if (!(o = json_parse(buf_view(&b), 4, e)))
        err_prefix(e, "%s", path);
    if (f)
        fclose(f);
    buf_clear(&b);
    return o;
}

/* Calls one for each language's file. False with e filled at the first that can't be read. */
static bool each_file(const char *dir,
                      bool (*one)(void *arg, const char *path, struct slice tag, const json_t *o,
                                  struct err *e),
                      void *arg, struct err *e)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    bool ok = d != NULL;
    if (!d)
        err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
    while (ok && (entry = readdir(d))) {
        char path[1024];
        size_t n = strlen(entry->d_name);
        if (n < 6 || strcmp(entry->d_name + n - 5, ".json") != 0)
            continue;
        snprintf(path, sizeof path, "%.700s/%.240s", dir, entry->d_name);
        json_t *o = file_read(path, e);
        ok = o && one(arg, path, slice_of(entry->d_name, n - 5), o, e);
        json_decref(o);
    }
    if (d)
        closedir(d);
    return ok;
}

static bool load_one(void *arg, const char *path, struct slice tag, const json_t *o, struct err *e)
{
    struct texts *t = arg;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)o, key, v)
    {
        struct slice text = json_opt_str(v, "text");
        char name[160];
        if (!text.n) {
            err_set(e, ERR_INVALID, "%s: %s has no text", path, key);
            return false;
        }
        snprintf(name, sizeof name, "%.*s %.100s", (int)tag.n, tag.p, key);
        mem_free(map_put(&t->by_key, slice_str(name), slice_dup(text)));
    }
    char language[40];
    snprintf(language, sizeof language, "%.*s", (int)tag.n, tag.p);
    json_object_set(t->files, language, (json_t *)o);
    return true;
}

struct texts *texts_load(const char *dir, struct err *e)
{
    struct texts *t = mem_alloc(sizeof *t);
    map_init(&t->by_key);
    t->files = json_object();
    t->chats = json_object();
    if (!each_file(dir, load_one, t, e))
        texts_free(&t);
    return t;
}

void texts_free(struct texts **t)
{
    if (!*t)
        return;
    map_clear(&(*t)->by_key, mem_free);
    json_decref((*t)->chat);
    json_decref((*t)->chats);
    json_decref((*t)->files);
    mem_clear(t);
}

struct slice texts_get(const struct texts *t, struct slice tag, struct slice key)
{
    char name[160];
    int n = snprintf(name, sizeof name, "%.*s %.*s", (int)tag.n, tag.p ? tag.p : "", (int)key.n,
                     key.p ? key.p : "");
    if (n < 0 || (size_t)n >= sizeof name)
        return (struct slice){0};
    return slice_str(map_get(&t->by_key, slice_of(name, (size_t)n)));
}

static bool chat_one(void *arg, const char *path, struct slice tag, const json_t *o, struct err *e)
{
    struct texts *t = arg;
    char language[40];
    (void)path, (void)e;
    snprintf(language, sizeof language, "%.*s", (int)tag.n, tag.p);
    json_object_set(t->chats, language, (json_t *)o);
    return true;
}

void texts_chat(struct texts *t, const char *chat_dir)
{
    char path[1024];
    int n = snprintf(path, sizeof path, "%s/texts", chat_dir);
    struct err e = {0};
    json_object_clear(t->chats);
    if (n > 0 && (size_t)n < sizeof path)
        each_file(path, chat_one, t, &e);
    json_decref(t->chat);
    t->chat = json_incref(json_object_get(json_object_get(t->chats, "en"), "texts"));
}

bool texts_known(const struct texts *t, struct slice key)
{
    char name[80];
    if (texts_get(t, SLICE("en"), key).n)
        return true;
    if (!slice_starts(key, "chat."))
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(key.n - 5 < 79 ? key.n - 5 : 79), key.p + 5);
    return !t->chat || json_object_get(t->chat, name);
}

struct checking {
    struct buf *problems, *warnings;
    const json_t *wanted; /* the keys of English */
};

static bool keep_english(void *arg, const char *path, struct slice tag, const json_t *o, struct err *e)
{
    (void)path, (void)e;
    if (slice_is(tag, "en"))
        *(json_t **)arg = json_deep_copy(o);
    return true;
}

static bool check_one(void *arg, const char *path, struct slice tag, const json_t *o, struct err *e)
{
    (void)tag, (void)e;
    struct checking *c = arg;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)c->wanted, key, v)
    {
        if (!json_opt_str(json_object_get(o, key), "text").n)
            buf_printf(c->problems, "%s: %s is missing\n", path, key);
    }
    size_t n = 0;
    for (size_t i = 0; texts_safety_keys[i]; i++)
        if (!json_opt_bool(json_object_get(o, texts_safety_keys[i]), "reviewed", false)) {
            buf_printf(c->warnings, "%s%s%s", n ? "" : path,
                       n ? ", " : ": not reviewed by a native speaker: ", texts_safety_keys[i]);
            n++;
        }
    if (n)
        buf_char(c->warnings, '\n');
    return true;
}

void texts_check(const char *dir, struct buf *problems, struct buf *warnings)
{
    struct err e = {0};
    json_t *english = NULL;
    struct checking c = {.problems = problems, .warnings = warnings};
    if (each_file(dir, keep_english, &english, &e)) {
        c.wanted = english;
        each_file(dir, check_one, &c, &e);
    }
    if (e.code)
        buf_printf(problems, "%s\n", e.text);
    json_decref(english);
}

bool texts_fill(struct buf *out, struct slice text, const char *name, struct slice value)
{
    char place[40];
    int n = snprintf(place, sizeof place, "{%s}", name);
    char *at = text.n ? memmem(text.p, text.n, place, (size_t)n) : NULL;
    if (!text.n || !value.n)
        return false;
    if (out->n)
        buf_char(out, '\n');
    if (!at) {
        buf_slice(out, text);
        return true;
    }
    size_t before = (size_t)(at - text.p);
    buf_add(out, text.p, before);
    buf_slice(out, value);
    buf_add(out, at + n, text.n - before - (size_t)n);
    return true;
}
