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

/* ---- when, and what moves up ---- */

static void stamp(json_t *when, const json_t *before, const json_t *after, int64_t now, bool deep)
{
    const char *key;
    json_t *v;
    void *next;
    json_object_foreach((json_t *)(uintptr_t)after, key, v)
    {
        const json_t *old = json_object_get(before, key);
        if (deep && is_fields(key)) {
            json_t *sub = json_object_get(when, key);
            if (!sub)
                json_object_set_new(when, key, sub = json_object());
            stamp(sub, old, v, now, false);
        } else if (!old || !json_equal(old, v)) {
            json_object_set_new(when, key, json_integer(now));
        }
    }
    json_object_foreach_safe(when, next, key, v) if (!json_object_get(after, key)) json_object_del(when, key);
}

void profile_stamp(json_t *when, const json_t *before, const json_t *after, int64_t now)
{
    stamp(when, before, after, now, true);
}

static void lift_one(const char *key, json_t *v, json_t *time, struct profile_layer to, bool deep)
{
    json_t *there = json_object_get(to.what, key);
    if (there && json_equal(there, v))
        return;
    if (there && deep && strcmp(key, "notes") == 0 && json_is_string(there) && json_is_string(v))
        json_object_set_new(to.what, key,
                            json_sprintf("%s\n%s", json_string_value(there), json_string_value(v)));
    else if (!there || json_integer_value(json_object_get(to.when, key)) < json_integer_value(time))
        json_object_set(to.what, key, v);
    else
        return;
    if (time)
        json_object_set(to.when, key, time);
}

static struct profile_layer fields_of(struct profile_layer l)
{
    struct profile_layer sub = {json_object_get(l.what, "fields"), json_object_get(l.when, "fields")};
    if (!sub.what)
        json_object_set_new(l.what, "fields", sub.what = json_object());
    if (!sub.when)
        json_object_set_new(l.when, "fields", sub.when = json_object());
    return sub;
}

static void without_empty_fields(json_t *o)
{
    if (json_object_size(json_object_get(o, "fields")) == 0)
        json_object_del(o, "fields");
}

static bool lift(struct profile_layer from, struct profile_layer to, int64_t since, bool name_stays,
                 bool deep)
{
    bool moved = false;
    const char *key;
    json_t *v;
    void *next;
    json_object_foreach_safe(from.what, next, key, v)
    {
        json_t *time = json_object_get(from.when, key);
        if (deep && is_fields(key))
            continue;
        if (time ? json_integer_value(time) < since : deep && name_stays && strcmp(key, "name") == 0)
            continue;
        lift_one(key, v, time, to, deep);
        json_object_del(from.when, key);
        json_object_del(from.what, key);
        moved = true;
    }
    if (deep) {
        moved |= lift(fields_of(from), fields_of(to), since, false, false);
        without_empty_fields(from.what);
        without_empty_fields(to.what);
    }
    return moved;
}

bool profile_lift(struct profile_layer *layers, int clearance, int64_t since, bool name_stays)
{
    bool moved = false;
    for (int i = clearance - 1; i >= 0; i--)
        moved |= lift(layers[i], layers[clearance], since, name_stays && i == 0, true);
    return moved;
}

/* ---- what is seen ---- */

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
