/* SPDX-License-Identifier: Apache-2.0
 * Loads and serves the webchat's scripts and styles. Names in assets/ carry a hash, so they are cached for
 * ever. */
#include "gateway/daemon/assets.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/net/http.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define ASSETS_FILE_MAX (4u << 20)

struct assets {
    struct map by_path; /* "/widget.js", "/chat-assets/chat.1a2b.js" → struct asset */
};
struct asset {
    char *bytes;
    size_t n;
    const char *type;
    bool hashed;
};

static const char *type_of(const char *name)
{
    static const struct {
        const char *end, *type;
    } types[] = {{".js", "text/javascript; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".svg", "image/svg+xml"},
                 {".woff2", "font/woff2"},
                 {".json", "application/json"},
                 {".png", "image/png"}};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t m = strlen(types[i].end);
        if (n > m && strcmp(name + n - m, types[i].end) == 0)
            return types[i].type;
    }
    return NULL;
}

static void asset_free(void *p)
{
    struct asset *a = p;
    mem_free(a->bytes);
    mem_free(a);
}

static void add(struct assets *all, const char *file, const char *path, bool hashed)
{
    const char *type = type_of(path);
    FILE *f = type ? fopen(file, "re") : NULL;
    if (!f)
        return;
    struct buf b;
    buf_init(&b, ASSETS_FILE_MAX);
    size_t n = 1;
    while (n) {
        char *room = buf_reserve(&b, 16384);
        n = room ? fread(room, 1, 16384, f) : 0;
        buf_commit(&b, n);
    }
    if (!ferror(f) && !b.err && b.n) {
        struct asset *a = mem_alloc(sizeof *a);
        a->type = type;
        a->hashed = hashed;
        a->bytes = buf_take(&b, &a->n);
        void *before = map_put(&all->by_path, slice_str(path), a);
        if (before)
            asset_free(before);
    }
    buf_clear(&b);
    fclose(f);
}

struct assets *assets_load(const char *dir)
{
    struct assets *all = mem_alloc(sizeof *all);
    char file[1024], path[512];
    map_init(&all->by_path);
    snprintf(file, sizeof file, "%s/widget.js", dir);
    add(all, file, "/widget.js", false);
    snprintf(file, sizeof file, "%s/assets", dir);
    DIR *d = opendir(file);
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/assets/%s", dir, entry->d_name);
        snprintf(path, sizeof path, "/chat-assets/%s", entry->d_name);
        add(all, file, path, true);
    }
    if (d)
        closedir(d);
    return all;
}

void assets_free(struct assets **a)
{
    if (!*a)
        return;
    map_clear(&(*a)->by_path, asset_free);
    mem_clear(a);
}

bool assets_mine(struct slice path)
{
    return slice_is(path, "/widget.js") || slice_starts(path, "/chat-assets/");
}

void assets_serve(const struct assets *all, struct http_req *rq)
{
    const struct asset *a = map_get(&all->by_path, http_req_path(rq));
    if (!a) {
        http_problem(rq, 404, "there is no such file", NULL);
        return;
    }
    const struct http_head heads[] = {{"content-type", slice_str(a->type)},
                                      {"cache-control", a->hashed
                                                            ? SLICE("public, max-age=31536000, immutable")
                                                            : SLICE("public, max-age=3600")},
                                      {"referrer-policy", SLICE("no-referrer")},
                                      {0}};
    http_reply(rq, 200, heads, slice_of(a->bytes, a->n));
}
