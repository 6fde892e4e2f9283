/* SPDX-License-Identifier: Apache-2.0
 * A container in memory: finding its flows, blocks and texts. */
#include "gateway/base/mem.h"
#include "router/flow/flow_internal.h"
#include <stdio.h>

const char *const flow_kind_names[] = {"Core.Case",
                                       "Core.RunFlow",
                                       "Core.Output",
                                       "Core.SetContactProperty",
                                       "MobilePrimitives.Message",
                                       "MobilePrimitives.SelectOneResponse",
                                       "MobilePrimitives.NumericResponse",
                                       "MobilePrimitives.OpenResponse",
                                       "Parley.HandOver",
                                       "Parley.Alarm",
                                       "Parley.Language",
                                       "Parley.Article"};

const char *flow_string(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

enum flow_kind flow_kind(const json_t *block)
{
    const char *type = flow_string(block, "type");
    int k = 0;
    while (k < FLOW_KINDS && strcmp(flow_kind_names[k], type) != 0)
        k++;
    return (enum flow_kind)k;
}

const json_t *flow_find(const struct flow *f, const char *uuid)
{
    return f ? map_get(&f->flows, slice_str(uuid)) : NULL;
}

/* UUIDs are 36 long: what a run names may be anything. */
static bool pair(char out[80], const char *flow, const char *block)
{
    int n = snprintf(out, 80, "%s/%s", flow, block);
    return n > 0 && n < 80;
}

const json_t *flow_block(const struct flow *f, const char *flow, const char *block)
{
    char key[80];
    return f && pair(key, flow, block) ? map_get(&f->blocks, slice_str(key)) : NULL;
}

static void first_problem(void *arg, const char *at, const char *text)
{
    struct err *e = arg;
    if (!e->code)
        err_set(e, ERR_INVALID, "%.100s: %.120s", at, text);
}

static void put_blocks(struct flow *f, const json_t *flow)
{
    size_t i;
    json_t *block;
    char key[80];
    json_array_foreach(json_object_get(flow, "blocks"), i, block)
    {
        if (pair(key, flow_string(flow, "uuid"), flow_string(block, "uuid")))
            map_put(&f->blocks, slice_str(key), block);
    }
}

struct flow *flow_load(const json_t *container, struct err *e)
{
    struct err first = {0};
    size_t i;
    json_t *item;
    if (!flow_check(container, first_problem, &first)) {
        if (e)
            *e = first;
        return NULL;
    }
    struct flow *f = mem_alloc(sizeof *f);
    f->container = json_deep_copy(container);
    map_init(&f->flows);
    map_init(&f->blocks);
    map_init(&f->resources);
    json_array_foreach(json_object_get(f->container, "flows"), i, item)
    {
        map_put(&f->flows, slice_str(flow_string(item, "uuid")), item);
        put_blocks(f, item);
    }
    json_array_foreach(json_object_get(f->container, "resources"), i, item)
        map_put(&f->resources, slice_str(flow_string(item, "uuid")), item);
    return f;
}

void flow_free(struct flow **fp)
{
    struct flow *f = *fp;
    if (!f)
        return;
    map_clear(&f->flows, NULL);
    map_clear(&f->blocks, NULL);
    map_clear(&f->resources, NULL);
    json_decref(f->container);
    mem_clear(fp);
}

unsigned flow_timeout(const struct flow *f)
{
    const json_t *first = json_array_get(json_object_get(f->container, "flows"), 0);
    int64_t s = json_opt_int(first, "interaction_timeout", 0);
    return s > 0 && s <= 30 * 86400 ? (unsigned)s : 0;
}
