/* SPDX-License-Identifier: Apache-2.0
 * The host's small functions for connectors: settings, texts, timers, leases, cursors, buckets, hashes. */
#include "gateway/host/host_internal.h"
#include <openssl/evp.h>
#include <string.h>

#define LEASE_TTL_MS 15000
#define ALLOW_MAX    200000u /* buckets; beyond it nobody new is let in until old ones are swept */

static const char *h_setting(void *inst, const char *name)
{
    struct channel *ch = CHANNEL(inst);
    return settings_get(&ch->settings, ch->plugin, name);
}

static const char *h_operation(void *inst)
{
    return CHANNEL(inst)->o->name;
}

static const char *h_channel(void *inst)
{
    return CHANNEL(inst)->id;
}

static const char *h_public_url(void *inst)
{
    return CHANNEL(inst)->o->h->cf.public_url;
}

static const char *const *h_languages(void *inst)
{
    return (const char *const *)CHANNEL(inst)->o->languages;
}

static struct slice closed_now(void *inst, const char *language, const char **tag)
{
    struct host_op *o = CHANNEL(inst)->o;
    const struct host_router *r = &o->h->cf.router;
    if (tag)
        *tag = language;
    return r->closed ? r->closed(r->arg, o->op, CHANNEL(inst)->id, language) : slice_str(NULL);
}

static struct connector_bytes h_text(void *inst, const char *key, const char *language, const char **tag)
{
    /* The words of a page of its own are the connector's; only what the operation wrote instead comes from
     * here. */
    bool own_only = strncmp(key, "chat.", 5) == 0;
    if (strcmp(key, "office.closed") == 0)
        return bytes_from(closed_now(inst, language, tag));
    return bytes_from(optext_get(CHANNEL(inst)->o, key, language, own_only, tag));
}

/* ---- time ---- */

struct connector_timer {
    struct list link;
    struct channel *ch;
    struct timer *t;
    void (*cb)(void *arg);
    void *arg;
};

static void on_timer(void *arg)
{
    connector_timer t = arg;
    list_del(&t->link);
    timer_free(&t->t);
    t->cb(t->arg);
    mem_free(t);
}

static connector_timer h_timer(void *inst, uint32_t ms, void (*cb)(void *arg), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    connector_timer t = mem_alloc(sizeof(*t));
    *t = (struct connector_timer){.ch = ch, .cb = cb, .arg = arg};
    list_push(&ch->timers, &t->link);
    t->t = timer_new(ch->o->h->loop, on_timer, t);
    timer_start(t->t, ms);
    return t;
}

static void timer_drop(connector_timer t)
{
    list_del(&t->link);
    if (t->t)
        timer_free(&t->t);
    mem_free(t);
}

static void h_timer_cancel(connector_timer t)
{
    if (t && t->t) /* not from inside its own callback */
        timer_drop(t);
}

static int64_t h_now(void *inst)
{
    (void)inst;
    return time_wall_ms();
}

/* ---- leases ---- */

struct lease {
    struct list link;
    struct channel *ch;
    struct store_lease *l;
    void (*held)(void *arg, bool yes);
    void *arg;
};

static void on_held(void *arg, bool yes, uint64_t fence)
{
    struct lease *l = arg;
    (void)fence;
    if (l->ch->c)
        l->held(l->arg, yes);
}

static void h_lease(void *inst, const char *name, void (*held)(void *arg, bool yes), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct lease *l = mem_alloc(sizeof(*l));
    struct buf full;
    buf_init(&full, 512);
    buf_printf(&full, "connector:%s:%s", ch->id, name);
    *l = (struct lease){.ch = ch, .held = held, .arg = arg};
    list_push(&ch->leases, &l->link);
    l->l = store_lease_new(ch->o->op, full.p, LEASE_TTL_MS, on_held, l);
    buf_clear(&full);
}

void small_stop(struct channel *ch)
{
    struct list *n;
    while ((n = list_pop(&ch->timers)))
        timer_drop(container_of(n, struct connector_timer, link));
    while ((n = list_pop(&ch->leases))) {
        struct lease *l = container_of(n, struct lease, link);
        store_lease_free(&l->l);
        mem_free(l);
    }
}

/* ---- cursors ---- */

struct cursor {
    struct host_call call;
    void (*got)(void *arg, int err, struct connector_bytes value);
    void (*set)(void *arg, int err);
    void *arg;
};

static void cursor_cancel(struct host_call *call)
{
    struct cursor *c = container_of(call, struct cursor, call);
    if (c->got)
        c->got(c->arg, CONNECTOR_ECANCELLED, (struct connector_bytes){0});
    else if (c->set)
        c->set(c->arg, CONNECTOR_ECANCELLED);
}

static void on_got(void *arg, const struct err *e, struct slice value)
{
    struct cursor *c = arg;
    if (host_call_end(&c->call))
        c->got(c->arg, connector_code_of(e), bytes_from(value));
    mem_free(c);
}

static void on_set(void *arg, const struct err *e)
{
    struct cursor *c = arg;
    if (host_call_end(&c->call) && c->set)
        c->set(c->arg, connector_code_of(e));
    mem_free(c);
}

static char *cursor_name(const struct channel *ch, const char *name, struct buf *b)
{
    buf_init(b, 512);
    buf_printf(b, "cursor:%s:%s", ch->id, name);
    return b->p;
}

static void h_cursor_get(void *inst, const char *name,
                         void (*done)(void *arg, int err, struct connector_bytes value), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct cursor *c = mem_alloc(sizeof(*c));
    struct buf b;
    c->got = done;
    c->arg = arg;
    host_call_begin(ch, &c->call, cursor_cancel);
    store_value_get(ch->o->op, cursor_name(ch, name, &b), on_got, c);
    buf_clear(&b);
}

static void h_cursor_set(void *inst, const char *name, struct connector_bytes value,
                         void (*done)(void *arg, int err), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct cursor *c = mem_alloc(sizeof(*c));
    struct buf b;
    c->set = done;
    c->arg = arg;
    host_call_begin(ch, &c->call, cursor_cancel);
    store_value_set(ch->o->op, cursor_name(ch, name, &b), slice_from(value), on_set, c);
    buf_clear(&b);
}

/* ---- hashes ---- */

/* OpenSSL 3 looks an algorithm up by name at each one-shot call; one context that is reset is three times as
 * fast. */
static EVP_MD_CTX *digest(void)
{
    static EVP_MD_CTX *ctx;
    static EVP_MD *md;
    if (!ctx) {
        ctx = EVP_MD_CTX_new();
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
        err_assert(ctx && md && EVP_DigestInit_ex2(ctx, md, NULL) == 1);
    } else {
        err_assert(EVP_DigestInit_ex2(ctx, NULL, NULL) == 1);
    }
    return ctx;
}

static void two_part_hash(const void *a, size_t an, const void *b, size_t bn, unsigned char out[32])
{
    EVP_MD_CTX *ctx = digest();
    unsigned n = 32;
    if (an)
        EVP_DigestUpdate(ctx, a, an);
    if (bn)
        EVP_DigestUpdate(ctx, b, bn);
    err_assert(EVP_DigestFinal_ex(ctx, out, &n) == 1 && n == 32);
}

static void h_sha256(struct connector_bytes data, unsigned char out[32])
{
    two_part_hash(data.p, data.n, NULL, 0, out);
}

static void h_hmac(struct connector_bytes key, struct connector_bytes data, unsigned char out[32])
{
    unsigned char k[64] = {0}, pad[64], inner[32];
    if (key.n > sizeof(k))
        two_part_hash(key.p, key.n, NULL, 0, k);
    else if (key.n)
        memcpy(k, key.p, key.n);
    for (size_t i = 0; i < sizeof(k); i++)
        pad[i] = k[i] ^ 0x36;
    two_part_hash(pad, sizeof(pad), data.p, data.n, inner);
    for (size_t i = 0; i < sizeof(k); i++)
        pad[i] = k[i] ^ 0x5c;
    two_part_hash(pad, sizeof(pad), inner, sizeof(inner), out);
    mem_wipe(k, sizeof(k));
    mem_wipe(pad, sizeof(pad));
}

void host_hmac(struct slice key, struct slice data, unsigned char out[32])
{
    h_hmac(bytes_from(key), bytes_from(data), out);
}

static bool h_equal(struct connector_bytes a, struct connector_bytes b)
{
    return text_equal_secret(slice_from(a), slice_from(b));
}

static void h_random(void *out, size_t n)
{
    text_random(out, n);
}

/* ---- buckets ---- */

static bool h_allow(void *inst, struct connector_bytes key, unsigned per_minute, unsigned burst)
{
    struct channel *ch = CHANNEL(inst);
    struct host *h = ch->o->h;
    unsigned char hash[32];
    struct buf b;
    buf_init(&b, key.n + 256);
    buf_printf(&b, "%s/%s/%u/%u/", ch->o->name, ch->id, per_minute, burst);
    buf_add(&b, key.p, key.n);
    two_part_hash(b.p, b.n, NULL, 0, hash);
    buf_clear(&b);
    struct slice name = slice_of(hash, 16);
    struct bucket *bucket = map_get(&h->buckets, name);
    int64_t now = (int64_t)loop_now_ms(h->loop);
    if (!bucket) {
        if (h->buckets.n >= ALLOW_MAX)
            return false;
        bucket = mem_alloc(sizeof(*bucket));
        *bucket = (struct bucket){burst, now};
        map_put(&h->buckets, name, bucket);
    }
    return bucket_take(bucket, now, (double)per_minute / 60000.0, burst, NULL);
}

void host_api_small(struct connector_host *a)
{
    a->setting = h_setting;
    a->operation = h_operation;
    a->channel = h_channel;
    a->public_url = h_public_url;
    a->languages = h_languages;
    a->text = h_text;
    a->timer = h_timer;
    a->timer_cancel = h_timer_cancel;
    a->now_ms = h_now;
    a->lease = h_lease;
    a->cursor_get = h_cursor_get;
    a->cursor_set = h_cursor_set;
    a->allow = h_allow;
    a->equal = h_equal;
    a->hmac_sha256 = h_hmac;
    a->sha256 = h_sha256;
    a->random = h_random;
}
