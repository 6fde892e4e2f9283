/* SPDX-License-Identifier: Apache-2.0
 * openapi.json: one part for each concern in a folder, joined into the one document that is served. core.json
 * has what is not a path or a component. */
#include "gateway/api/api_internal.h"
#include "gateway/base/json.h"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_MAX   (1u << 20)
#define WHOLE_MAX  (8u << 20)
#define PARTS_MOST 100
#define CORE       "core.json"

static json_t *read_part(const char *dir, const char *name, struct err *e)
{
    char path[PATH_MAX], piece[8192];
    struct buf b;
    size_t n;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *in = fopen(path, "rb");
    if (!in) {
        err_set(e, ERR_NOT_FOUND, "%s can't be read", path);
        return NULL;
    }
    buf_init(&b, PART_MAX);
    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        buf_add(&b, piece, n);
    fclose(in);
    json_t *part = b.err ? NULL : json_parse(buf_view(&b), JSON_DEPTH_DEFAULT, NULL);
    buf_clear(&b);
    if (!json_is_object(part)) {
        json_decref(part);
        err_set(e, ERR_INVALID, "%s is no JSON object", path);
        return NULL;
    }
    return part;
}

/* Members that both have are joined when they are objects; otherwise somebody described a thing twice. */
static int join(json_t *whole, json_t *part, unsigned depth, const char *name, struct err *e)
{
    const char *key;
    json_t *v;
    json_object_foreach(part, key, v)
    {
        json_t *there = json_object_get(whole, key);
        if (!there)
            json_object_set(whole, key, v);
        else if (depth == 0 || !json_is_object(there) || !json_is_object(v))
            return err_set(e, ERR_INVALID, "openapi/%s: %s is described in another part", name, key);
        else if (join(there, v, depth - 1, name, e))
            return -ERR_INVALID;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_parts(const char *dir, char *names[PARTS_MOST])
{
    DIR *d = opendir(dir);
    size_t n = 0;
    for (struct dirent *one; d && n < PARTS_MOST && (one = readdir(d));) {
        const char *dot = strrchr(one->d_name, '.');
        if (dot && strcmp(dot, ".json") == 0 && one->d_name[0] != '.' && strcmp(one->d_name, CORE) != 0)
            names[n++] = mem_strdup(one->d_name);
    }
    if (d)
        closedir(d);
    qsort(names, n, sizeof *names, by_name);
    return n;
}

int openapi_read(const char *dir, struct buf *out, struct err *e)
{
    char *names[PARTS_MOST];
    json_t *whole = read_part(dir, CORE, e);
    size_t n = whole ? list_parts(dir, names) : 0;
    int rc = whole ? 0 : -ERR_INVALID;
    for (size_t i = 0; i < n; i++) {
        json_t *part = rc == 0 ? read_part(dir, names[i], e) : NULL;
        /* paths and their methods, components and their kinds */
        if (rc == 0)
            rc = part ? join(whole, part, 2, names[i], e) : -ERR_INVALID;
        json_decref(part);
        mem_free(names[i]);
    }
    buf_init(out, WHOLE_MAX);
    if (rc == 0 && json_write(whole, out) != 0)
        rc = err_set(e, ERR_INVALID, "%s can't be joined", dir);
    json_decref(whole);
    return rc;
}
