/* SPDX-License-Identifier: Apache-2.0
 * The agents' page: files of a folder, read once into memory. Assets carry a hash in their names and are
 * cached for ever; the page is not. */
#include "gateway/api/api_internal.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX  (8u << 20)
#define DEPTH_MAX 4

struct file {
    char *bytes;
    size_t n;
    const char *type;
    bool hashed; /* below assets/ */
};

struct pages {
    struct map files; /* "/assets/x.js" → struct file */
};

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".ico", "image/x-icon"},
    {".mp3", "audio/mpeg"},
    {".ogg", "audio/ogg"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    return NULL;
}

static void file_free(void *p)
{
    struct file *f = p;
    mem_free(f->bytes);
    mem_free(f);
}

static void read_file(struct pages *p, const char *path, const char *url)
{
    const char *type = type_of(path);
    FILE *in = type ? fopen(path, "rb") : NULL;
    struct stat st;
    if (!in)
        return;
    if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        (size_t)st.st_size <= FILE_MAX) {
        struct file *f = mem_alloc(sizeof *f);
        f->n = (size_t)st.st_size;
        f->bytes = mem_alloc(f->n + 1);
        f->type = type;
        f->hashed = strncmp(url, "/assets/", 8) == 0;
        if (fread(f->bytes, 1, f->n, in) == f->n)
            map_put(&p->files, slice_str(url), f);
        else
            file_free(f);
    }
    fclose(in);
}

static void read_dir(struct pages *p, const char *dir, const char *url, int depth)
{
    DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
    struct dirent *one;
    if (!d)
        return;
    while ((one = readdir(d))) {
        char path[1024], sub[512];
        if (one->d_name[0] == '.' ||
            snprintf(path, sizeof path, "%s/%s", dir, one->d_name) >= (int)sizeof path ||
            snprintf(sub, sizeof sub, "%s/%s", url, one->d_name) >= (int)sizeof sub)
            continue;
        struct stat st;
        if (lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            read_dir(p, path, sub, depth + 1);
        else
            read_file(p, path, sub);
    }
    closedir(d);
}

struct pages *pages_new(const char *dir)
{
    struct pages *p = mem_alloc(sizeof *p);
    map_init(&p->files);
    if (dir)
        read_dir(p, dir, "", 0);
    return p;
}

void pages_free(struct pages **p)
{
    if (!*p)
        return;
    map_clear(&(*p)->files, file_free);
    mem_clear(p);
}

static struct file *find(const struct pages *p, struct slice path)
{
    return map_get(&p->files, slice_is(path, "/") ? SLICE("/index.html") : path);
}

bool pages_has(const struct pages *p, struct slice path)
{
    return find(p, path) != NULL;
}

bool pages_serve(struct pages *p, struct http_req *rq)
{
    static const char policy[] = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
                                 "object-src 'none'; base-uri 'none'; "
                                 "form-action 'self'; frame-ancestors 'none'";
    struct file *f = find(p, http_req_path(rq));
    enum http_method m = http_req_method(rq);
    if (!f)
        return false;
    if (m != HTTP_M_GET && m != HTTP_M_HEAD) {
        http_problem(rq, 405, "GET is wanted", NULL);
        return true;
    }
    struct http_head heads[] = {
        {"Content-Type", slice_str(f->type)},
        {"Cache-Control", f->hashed ? SLICE("public, max-age=31536000, immutable") : SLICE("no-cache")},
        {"Content-Security-Policy", slice_str(policy)},
        {"Referrer-Policy", SLICE("no-referrer")},
        {"Cross-Origin-Opener-Policy", SLICE("same-origin")},
        {"Permissions-Policy", SLICE("camera=(), geolocation=()")},
        {NULL, {0, 0}},
    };
    http_reply(rq, 200, heads, (struct slice){f->bytes, f->n});
    return true;
}
