/* SPDX-License-Identifier: Apache-2.0
 * Contacts: reading, and changing the profile (read, merged here, written when nobody else has changed it).
 * A layer is kept as JSON; behind it, after a zero byte, when its members were written. */
#include "store/ingest.h"
#include "store/profile.h"
#include "store/read.h"
#include "store/state.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include <string.h>

#define TRIES        8
#define PROFILE_MOST 65536

struct contact_op {
    struct store_op *op;
    uint64_t contact;
    uint32_t kid;
    int clearance; /* of what is written */
    int tries;
    bool loaded;
    store_contact_done read; /* reading */
    store_done patched;      /* patching, lifting */
    void *arg;
    json_t *patch;
    bool has_language;
    struct store_language language;
    char *actor;
    char name[4]; /* the hash of a provider's name; by_provider */
    bool by_provider;
    bool lifts;
    int64_t since_ms;
};

static void ask(struct contact_op *c);

static void end(struct contact_op *c, const struct err *e, const struct store_contact *r)
{
    if (c->read)
        c->read(c->arg, e, r);
    else if (c->patched)
        c->patched(c->arg, e);
    json_decref(c->patch);
    mem_free(c->actor);
    mem_free(c);
}

/* ---- reading ---- */

static void address_from(struct contact_op *c, struct arena *a, struct slice blind, struct slice v,
                         struct slice sealed, struct store_address *to)
{
    const unsigned char *p = (const unsigned char *)v.p;
    *to = (struct store_address){.channel = ""};
    to->uri = record_text(c->op, RECORD_ADDRESS, c->contact, 0, store_handle_get(slice_of(blind.p, 8)), 0,
                          sealed, a);
    if (v.n < 13)
        return;
    to->verified = p[8] & 1;
    to->blocked = p[8] & 2;
    to->last_ms =
        1000 * (int64_t)((uint32_t)p[9] << 24 | (uint32_t)p[10] << 16 | (uint32_t)p[11] << 8 | p[12]);
    to->channel = arena_dup(a, v.p + 13, v.n - 13);
}

static struct slice sealed_address(const struct redis_reply *hash, struct slice blind)
{
    for (size_t i = 0; i + 1 < hash->n; i += 2) {
        struct slice f = store_item(hash, i);
        if (f.n == 17 && f.p[0] == 'a' && memcmp(f.p + 1, blind.p, 16) == 0)
            return store_item(hash, i + 1);
    }
    return SLICE("");
}

static const char *const layer_names[KEYS_CLEARANCES] = {"p", "p1", "p2"};

/* The clearance stands in the associated data as well: nobody who writes in Redis moves a layer down. */
static struct slice layer_record(struct contact_op *c, const struct redis_reply *hash, int clearance,
                                 struct arena *a)
{
    return record_text(c->op, RECORD_PROFILE, c->contact, clearance, (uint64_t)clearance, 0,
                       store_field(hash, layer_names[clearance]), a);
}

static struct slice layer_text(struct slice record)
{
    const char *zero = record.n ? memchr(record.p, '\0', record.n) : NULL;
    return zero ? slice_of(record.p, (size_t)(zero - record.p)) : record;
}

/* What stands behind the hash under that name; empty. */
static struct slice pair_of(const struct redis_reply *r, const char *name)
{
    for (size_t i = 1; i + 1 < r->n; i += 2)
        if (slice_is(store_item(r, i), name))
            return store_item(r, i + 1);
    return SLICE("");
}

static void give(struct contact_op *c, const struct redis_reply *r)
{
    struct err none = {0};
    const struct redis_reply *hash = r->items[0];
    struct arena *a = arena_new();
    struct store_contact out = {.id = store_id_of(c->op, c->contact, STORE_SEQ_CONTACT)};
    struct store_address *addresses = arena_alloc(a, (r->n / 2 + 1) * sizeof(*addresses));
    struct slice all = pair_of(r, "T"), area = store_field(hash, "ar"), merged = pair_of(r, "me");
    struct slice list = all.n ? all : store_field(hash, "T"), unsafe = pair_of(r, "un");
    struct id *others = arena_alloc(a, (merged.n / 8 + 1) * sizeof(*others));
    struct id *threads = arena_alloc(a, (list.n / 8 + 1) * sizeof(*threads));
    for (size_t i = 1; i + 1 < r->n; i += 2) {
        struct slice blind = store_item(r, i);
        if (blind.n == 16 && store_item(r, i + 1).n)
            address_from(c, a, blind, store_item(r, i + 1), sealed_address(hash, blind),
                         &addresses[out.addresses_n++]);
    }
    for (size_t i = 0; i + 8 <= list.n && out.threads_n < 50; i += 8)
        threads[out.threads_n++] =
            store_id_of(c->op, store_handle_get(slice_of(list.p + i, 8)), STORE_SEQ_THREAD);
    for (size_t i = 0; i + 8 <= merged.n; i += 8)
        others[out.merged_n++] =
            store_id_of(c->op, store_handle_get(slice_of(merged.p + i, 8)), STORE_SEQ_CONTACT);
    out.merged = others;
    if (!merged.n)
        unsafe = store_field(hash, "un");
    struct slice named = store_field(hash, "N");
    out.provider_named = named.n > 0 && !slice_is(named, "-");
    out.addresses = addresses;
    out.threads = threads;
    out.area = arena_dup(a, area.p ? area.p : "", area.n);
    out.unsafe = arena_dup(a, unsafe.p ? unsafe.p : "", unsafe.n);
    read_language(hash, &out.language);
    out.erased = keys_state(c->op, c->kid) == KEYS_GONE || store_field_int(hash, "er") != 0;
    out.profile = layer_text(layer_record(c, hash, 0, a));
    for (int i = 1; i < KEYS_CLEARANCES; i++)
        out.above[i - 1] = layer_text(layer_record(c, hash, i, a));
    end(c, &none, &out);
    arena_free(&a);
}

/* ---- patching ---- */

static void patched(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct contact_op *c = arg;
    (void)r;
    if (e->code == ERR_AGAIN && c->tries++ < TRIES)
        ask(c);
    else
        end(c, e, NULL);
}

static json_t *object_from(struct slice text)
{
    struct err none;
    json_t *o = text.n ? json_parse(text, JSON_DEPTH_DEFAULT, &none) : NULL;
    if (json_is_object(o))
        return o;
    json_decref(o);
    return json_object();
}

static struct profile_layer layer_of(struct contact_op *c, const struct redis_reply *hash, int clearance)
{
    struct arena *a = arena_new();
    struct slice record = layer_record(c, hash, clearance, a), text = layer_text(record);
    struct slice rest = text.n < record.n ? slice_of(text.p + text.n + 1, record.n - text.n - 1) : SLICE("");
    struct profile_layer l = {object_from(text), object_from(rest)};
    arena_free(&a);
    return l;
}

static void layer_free(struct profile_layer *l)
{
    json_decref(l->what);
    json_decref(l->when);
}

/* Appends the sealed record. */
static void layer_seal(struct contact_op *c, const struct profile_layer *l, int clearance, struct buf *out,
                       struct err *e)
{
    struct buf plain;
    buf_init(&plain, PROFILE_MOST);
    bool good = json_write(l->what, &plain) == 0 && buf_char(&plain, '\0') == 0 &&
                json_write(l->when, &plain) == 0 && !plain.err;
    if (good)
        record_seal(c->op, RECORD_PROFILE, c->contact, c->kid, clearance, (uint64_t)clearance, 0,
                    buf_view(&plain), out);
    else
        err_set(e, ERR_TOO_LARGE, "the profile is too large");
    if (plain.p)
        mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
}

static struct profile_layer merged(struct contact_op *c, const struct redis_reply *hash)
{
    json_t *below = json_object(), *before;
    for (int i = 0; i < c->clearance; i++) {
        struct profile_layer l = layer_of(c, hash, i);
        profile_over(below, l.what);
        layer_free(&l);
    }
    struct profile_layer layer = layer_of(c, hash, c->clearance);
    before = json_deep_copy(layer.what);
    profile_patch(layer.what, below, c->patch);
    profile_stamp(layer.when, before, layer.what, store_now_ms(c->op->store));
    if (c->by_provider)
        json_object_del(layer.when, "name");
    json_decref(before);
    json_decref(below);
    return layer;
}

/* "-": an agent gave the name, so that no provider changes it. */
static struct slice name_mark(const struct contact_op *c)
{
    if (c->by_provider)
        return slice_of(c->name, sizeof(c->name));
    return c->patch && !c->clearance && json_object_get(c->patch, "name") ? SLICE("-") : SLICE("");
}

static void put(struct contact_op *c, const struct redis_reply *hash)
{
    struct err e = {0};
    struct store_args a;
    struct buf sealed;
    struct slice version = store_field(hash, "v");
    if (c->by_provider && slice_is(store_field(hash, "N"), "-")) {
        end(c, &e, NULL);
        return;
    }
    buf_init(&sealed, PROFILE_MOST + 64);
    if (c->patch) {
        struct profile_layer layer = merged(c, hash);
        layer_seal(c, &layer, c->clearance, &sealed, &e);
        layer_free(&layer);
    }
    if (e.code) {
        end(c, &e, NULL);
    } else {
        store_args_init(&a);
        store_arg_handle(&a, c->contact);
        store_arg(&a, version);
        store_arg(&a, sealed.n ? buf_view(&sealed) : SLICE(""));
        store_arg(&a, name_mark(c));
        store_arg_str(&a, c->language.tag);
        store_arg_str(&a, c->language.script);
        if (c->has_language)
            store_arg_int(&a, c->language.how);
        else
            store_arg_str(&a, "-");
        store_arg_str(&a, c->actor);
        store_arg_str(&a, layer_names[c->clearance]);
        store_call(c->op, "contact_patch", &a, patched, c);
    }
    buf_clear(&sealed);
}

/* ---- lifting ---- */

static void lift(struct contact_op *c, const struct redis_reply *hash)
{
    struct err e = {0};
    struct profile_layer layers[KEYS_CLEARANCES];
    struct buf sealed[KEYS_CLEARANCES];
    struct store_args a;
    for (int i = 0; i < KEYS_CLEARANCES; i++) {
        layers[i] = layer_of(c, hash, i);
        buf_init(&sealed[i], (PROFILE_MOST + 64) * KEYS_CLEARANCES);
    }
    bool moved = profile_lift(layers, c->clearance, c->since_ms, !slice_is(store_field(hash, "N"), "-"));
    for (int i = 0; i <= c->clearance && moved; i++)
        layer_seal(c, &layers[i], i, &sealed[i], &e);
    if (!moved || e.code) {
        end(c, &e, NULL);
    } else {
        store_args_init(&a);
        store_arg_handle(&a, c->contact);
        store_arg(&a, store_field(hash, "v"));
        for (int i = 0; i < KEYS_CLEARANCES; i++)
            store_arg(&a, sealed[i].n ? buf_view(&sealed[i]) : SLICE(""));
        store_call(c->op, "contact_lift", &a, patched, c);
    }
    for (int i = 0; i < KEYS_CLEARANCES; i++) {
        layer_free(&layers[i]);
        buf_clear(&sealed[i]);
    }
}

/* ---- both ---- */

static void loaded(void *arg, const struct err *e)
{
    struct contact_op *c = arg;
    if (e->code)
        end(c, e, NULL);
    else
        ask(c);
}

static void answered(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct contact_op *c = arg;
    struct err local;
    if (e->code) {
        end(c, e, NULL);
        return;
    }
    c->kid = (uint32_t)store_field_int(r->items[0], "k");
    if (keys_state(c->op, c->kid) == KEYS_NOT_LOADED && !c->loaded) {
        c->loaded = true;
        keys_load(c->op, &c->kid, 1, loaded, c);
    } else if (c->read) {
        give(c, r);
    } else if (keys_state(c->op, c->kid) != KEYS_HERE) {
        err_set(&local, ERR_ERASED, "the person was erased");
        end(c, &local, NULL);
    } else if (c->lifts) {
        lift(c, r->items[0]);
    } else {
        put(c, r->items[0]);
    }
}

static void ask(struct contact_op *c)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, c->contact);
    store_call(c->op, "contact", &a, answered, c);
}

static void refuse(void *arg, const struct err *e)
{
    end(arg, e, NULL);
}

static struct contact_op *contact_new(struct store_op *op, void *arg)
{
    struct contact_op *c = mem_alloc(sizeof(*c));
    c->op = op;
    c->arg = arg;
    return c;
}

void store_contact_get(struct store_op *op, struct id id, store_contact_done done, void *arg)
{
    struct contact_op *c = contact_new(op, arg);
    c->read = done;
    if (store_contact_handle(op, id, &c->contact))
        ask(c);
    else
        store_fail(op->store, refuse, c, ERR_NOT_FOUND, "no such contact");
}

static void found(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct contact_op *c = arg;
    c->contact = store_handle_get(store_text(r));
    if (e->code)
        end(c, e, NULL);
    else
        ask(c);
}

void store_contact_by_address(struct store_op *op, struct slice address, store_contact_done done, void *arg)
{
    struct contact_op *c = contact_new(op, arg);
    struct store_args a;
    unsigned char blind[16];
    c->read = done;
    store_blind(op, "address", address, blind);
    store_args_init(&a);
    store_arg_copy(&a, blind, 16);
    store_call(op, "address", &a, found, c);
}

void store_contact_patch(struct store_op *op, struct id id, int clearance, struct slice profile_patch,
                         const struct store_language *lang, const char *actor, store_done done, void *arg)
{
    struct contact_op *c = contact_new(op, arg);
    struct err e = {0};
    c->patched = done;
    c->clearance = clearance < 0 ? 0 : clearance >= KEYS_CLEARANCES ? KEYS_CLEARANCES - 1 : clearance;
    c->actor = mem_strdup(actor ? actor : "");
    if (lang) {
        c->has_language = true;
        c->language = *lang;
    }
    if (profile_patch.n)
        c->patch = json_parse(profile_patch, JSON_DEPTH_DEFAULT, &e);
    if (!e.code && c->patch && !json_is_object(c->patch))
        err_set(&e, ERR_INVALID, "a profile is a JSON object");
    if (!e.code && !store_contact_handle(op, id, &c->contact))
        err_set(&e, ERR_NOT_FOUND, "no such contact");
    if (e.code)
        store_fail(op->store, refuse, c, e.code, e.text);
    else
        ask(c);
}

void contact_provider_name(struct store_op *op, uint64_t contact, struct slice name)
{
    struct contact_op *c = contact_new(op, NULL);
    c->contact = contact;
    c->by_provider = true;
    c->actor = mem_strdup("person");
    c->patch = json_object();
    json_object_set_new(c->patch, "name", json_stringn(name.p, name.n));
    ingest_name_hash(op, name, c->name);
    ask(c);
}

static void opened(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct contact_op *c = arg;
    if (e->code) {
        end(c, e, NULL);
        return;
    }
    c->since_ms = store_number(r);
    ask(c);
}

void contact_lift(struct store_op *op, uint64_t contact, uint64_t thread, int clearance, store_done done,
                  void *arg)
{
    struct contact_op *c = contact_new(op, arg);
    struct buf key;
    char raw[8];
    c->contact = contact;
    c->clearance = clearance;
    c->lifts = true;
    c->patched = done;
    store_handle_put(raw, thread);
    buf_init(&key, 256);
    store_data_send(
        op, opened, c, 3,
        (const struct slice[]){SLICE("HGET"), store_key(op, &key, "thread:", slice_of(raw, 8)), SLICE("op")});
    buf_clear(&key);
}
