/* SPDX-License-Identifier: Apache-2.0
 * See profile.h; and what a reader of some clearance sees. */
#include "store/profile.h"
#include "store/internal.h"
#include "gateway/base/mem.h"
#include <string.h>

static bool is_fields(const char *key)
{
    return strcmp(key, "fields") == 0;
}

static void over(json_t *below, const json_t *layer, bool deep)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)layer, key, v)
    {
        json_t *there = json_object_get(below, key);
        if (json_is_null(v))
            json_object_del(below, key);
        else if (deep && is_fields(key) && json_is_object(there) && json_is_object(v))
            over(there, v, false);
        else
            json_object_set_new(below, key, json_deep_copy(v));
    }
}

void profile_over(json_t *below, const json_t *layer)
{
    over(below, layer, true);
}

/* One member: kept only where it differs from what is below. */
static void put(json_t *layer, const json_t *below, const char *key, json_t *v)
{
    json_t *there = json_object_get(below, key);
    if (there ? json_equal(there, v) : json_is_null(v))
        json_object_del(layer, key);
    else
        json_object_set(layer, key, v);
}

/* The whole of the fields is given: what it does not name is gone. */
static void put_fields(json_t *layer, const json_t *below, const json_t *wanted)
{
    json_t *diff = json_object(), *gone = json_null(), *v;
    const json_t *there = json_object_get(below, "fields");
    const char *key;
    json_object_foreach((json_t *)(uintptr_t)there, key, v) if (!json_object_get(wanted, key))
        json_object_set(diff, key, gone);
    json_object_foreach((json_t *)(uintptr_t)wanted, key, v) put(diff, there, key, v);
    if (json_object_size(diff))
        json_object_set(layer, "fields", diff);
    else
        json_object_del(layer, "fields");
    json_decref(diff);
}

void profile_patch(json_t *layer, const json_t *below, const json_t *patch)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)patch, key, v)
    {
        if (is_fields(key))
            put_fields(layer, below, v);
        else
            put(layer, below, key, v);
    }
}

struct slice store_contact_profile(const struct store_contact *c, int clearance, struct arena *a)
{
    const struct slice layers[] = {c->profile, c->above[0], c->above[1]};
    struct buf b;
    json_t *all = json_object();
    for (int i = 0; i <= clearance && i < KEYS_CLEARANCES; i++) {
        json_t *layer = layers[i].n ? json_parse(layers[i], JSON_DEPTH_DEFAULT, NULL) : NULL;
        profile_over(all, layer);
        json_decref(layer);
    }
    buf_init(&b, c->profile.n + c->above[0].n + c->above[1].n + 64);
    int rc = json_object_size(all) ? json_write(all, &b) : 0;
    struct slice s = rc == 0 && !b.err && b.n ? arena_slice(a, buf_view(&b)) : SLICE("");
    json_decref(all);
    if (b.n)
        mem_wipe(b.p, b.n);
    buf_clear(&b);
    return s;
}
