/* SPDX-License-Identifier: Apache-2.0
 * Reading the files that an operation file names. */
#include "gateway/daemon/operation_files.h"
#include "router/flow/flow.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILES_PATH 1024
#define FILES_MAX  (8u << 20)

static json_t *read_json(const char *path, size_t max, struct err *e)
{
    struct buf b;
    json_t *o = NULL;
    FILE *f = fopen(path, "re");
    size_t n = 1;
    buf_init(&b, max);
    while (f && n) {
        char *room = buf_reserve(&b, 16384);
        n = room ? fread(room, 1, 16384, f) : 0;
        buf_commit(&b, n);
    }
    if (!f || b.err)
        err_set(e, ERR_IO, "%.150s: %s", path, b.err ? "too large" : strerror(errno));
    else if (!(o = json_parse(buf_view(&b), JSON_DEPTH_DEFAULT, e)))
        err_prefix(e, "%.100s", path);
    if (f)
        fclose(f);
    buf_clear(&b);
    return o;
}

static void first_problem(void *arg, const char *at, const char *text)
{
    struct err *e = arg;
    if (!e->code)
        err_set(e, ERR_INVALID, "%.100s: %.100s", at, text);
}

static bool one(json_t *flow, const char *path, struct err *e)
{
    char full[FILES_PATH];
    struct slice name = json_opt_str(flow, "file");
    const char *slash = strrchr(path, '/');
    int dir = slash && name.p[0] != '/' ? (int)(slash - path) + 1 : 0;
    struct err wrong = {0};
    if (snprintf(full, sizeof full, "%.*s%s", dir, path, name.p) >= (int)sizeof full) {
        err_set(e, ERR_INVALID, "the name of a flow's file is too long");
        return false;
    }
    json_t *o = read_json(full, FLOW_BYTES, e);
    if (!o)
        return false;
    if (!flow_check(o, first_problem, &wrong)) {
        json_decref(o);
        *e = wrong;
        err_prefix(e, "%.100s", full);
        return false;
    }
    json_object_set_new(flow, "flow", o);
    json_object_del(flow, "file");
    return true;
}

bool operation_files(json_t *file, const char *path, struct err *e)
{
    size_t i;
    json_t *flow;
    json_array_foreach(json_object_get(file, "flows"), i, flow)
    {
        if (json_opt_str(flow, "file").n && !json_object_get(flow, "flow") && !one(flow, path, e))
            return false;
    }
    return true;
}

void operation_files_check(const char *path, struct buf *problems)
{
    struct err e = {0};
    json_t *file = read_json(path, FILES_MAX, &e);
    if (file && !operation_files(file, path, &e))
        buf_printf(problems, "%s\n", e.text);
    json_decref(file);
}
