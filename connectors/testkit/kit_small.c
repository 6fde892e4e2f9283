/* SPDX-License-Identifier: Apache-2.0
 * The host's small functions: settings, texts, timers, leases, cursors, buckets, log, hashes. */
#include "connectors/testkit/kit_internal.h"
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

static const char *h_setting(void *inst, const char *name)
{
    struct kit *k = KIT(inst);
    const char *v = kit_pair(k->settings, name);
    if (v)
        return v;
    for (const struct connector_setting *s = k->c->settings; s && s->name; s++) {
        if (strcmp(s->name, name) == 0)
            return s->dflt ? s->dflt : "";
    }
    kit_broke(k, 0, "asks for the setting %s, which it does not declare", name);
    return "";
}

static const char *h_operation(void *inst)
{
    return KIT(inst)->op;
}

static const char *h_channel(void *inst)
{
    return KIT(inst)->channel;
}

static const char *h_public_url(void *inst)
{
    return KIT(inst)->public_url;
}

static const char *const *h_languages(void *inst)
{
    return KIT(inst)->languages;
}

static struct connector_bytes h_text(void *inst, const char *key, const char *language, const char **tag)
{
    const char *v = kit_pair(KIT(inst)->texts, key);
    (void)language;
    if (tag)
        *tag = v ? "en" : "";
    return kit_bytes(v ? v : "");
}

/* ---- time ---- */

static connector_timer h_timer(void *inst, uint32_t ms, void (*cb)(void *arg), void *arg)
{
    struct kit *k = KIT(inst);
    kit_active(k, "timer");
    connector_timer t = mem_alloc(sizeof(*t));
    t->due = k->now + ms;
    t->cb = cb;
    t->arg = arg;
    list_push(&k->timers, &t->link);
    return t;
}

static void h_timer_cancel(connector_timer t)
{
    if (!t)
        return;
    list_del(&t->link);
    mem_free(t);
}

static int64_t h_now(void *inst)
{
    return KIT(inst)->now;
}

/* ---- leases ---- */

struct held {
    struct kit_lease *l;
    bool yes;
};

static void tell_held(struct kit *k, void *arg)
{
    struct held *h = arg;
    if (!k->stopped) {
        kit_enter(k);
        h->l->held(h->l->arg, h->yes);
        kit_leave(k);
    }
    mem_free(h);
}

static void lease_set(struct kit *k, struct kit_lease *l, bool yes)
{
    if (l->yes == yes)
        return;
    l->yes = yes;
    struct held *h = mem_alloc(sizeof(*h));
    *h = (struct held){l, yes};
    kit_later(k, tell_held, h);
}

static void h_lease(void *inst, const char *name, void (*held)(void *arg, bool yes), void *arg)
{
    struct kit *k = KIT(inst);
    kit_active(k, "lease");
    struct kit_lease *l = mem_alloc(sizeof(*l));
    l->name = arena_strdup(k->arena, name);
    l->held = held;
    l->arg = arg;
    list_push(&k->leases, &l->link);
    if (!k->o.leases_wait)
        lease_set(k, l, true);
}

static struct kit_lease *lease_find(const struct kit *k, const char *name)
{
    for (struct list *n = k->leases.next; n != &k->leases; n = n->next) {
        struct kit_lease *l = container_of(n, struct kit_lease, link);
        if (strcmp(l->name, name) == 0)
            return l;
    }
    return NULL;
}

void kit_lease(struct kit *k, const char *name, bool yes)
{
    struct kit_lease *l = lease_find(k, name);
    if (l)
        lease_set(k, l, yes);
    kit_turn(k);
}

bool kit_lease_asked(const struct kit *k, const char *name)
{
    return lease_find(k, name) != NULL;
}

/* ---- cursors ---- */

struct cursor_call {
    char *name;
    struct connector_bytes value;
    void (*got)(void *arg, int err, struct connector_bytes value);
    void (*set)(void *arg, int err);
    void *arg;
};

static void cursor_run(struct kit *k, void *arg)
{
    struct cursor_call *c = arg;
    int err = kit_err(k);
    kit_enter(k);
    if (c->got) {
        const char *v = err ? NULL : map_get(&k->cursors, slice_str(c->name));
        c->got(c->arg, err, kit_bytes(v));
    } else {
        if (!err)
            map_put(&k->cursors, slice_str(c->name), (void *)(uintptr_t)c->value.p);
        if (c->set)
            c->set(c->arg, err);
    }
    kit_leave(k);
    mem_free(c);
}

static void h_cursor_get(void *inst, const char *name,
                         void (*done)(void *arg, int err, struct connector_bytes value), void *arg)
{
    struct kit *k = KIT(inst);
    struct cursor_call *c = mem_alloc(sizeof(*c));
    *c = (struct cursor_call){.name = arena_strdup(k->arena, name), .got = done, .arg = arg};
    kit_active(k, "cursor_get");
    kit_later(k, cursor_run, c);
}

static void h_cursor_set(void *inst, const char *name, struct connector_bytes value,
                         void (*done)(void *arg, int err), void *arg)
{
    struct kit *k = KIT(inst);
    struct cursor_call *c = mem_alloc(sizeof(*c));
    *c = (struct cursor_call){
        .name = arena_strdup(k->arena, name), .value = kit_copy(k, value), .set = done, .arg = arg};
    kit_active(k, "cursor_set");
    if (!list_empty(&k->held))
        kit_broke(k, 3, "a cursor moves before what it stands for was stored");
    kit_later(k, cursor_run, c);
}

void kit_cursor_put(struct kit *k, const char *name, const char *value)
{
    map_put(&k->cursors, slice_str(name), arena_strdup(k->arena, value));
}

const char *kit_cursor(const struct kit *k, const char *name)
{
    const char *v = map_get(&k->cursors, slice_str(name));
    return v ? v : "";
}

/* ---- buckets ---- */

struct bucket {
    double left;
    int64_t at;
};

static bool h_allow(void *inst, struct connector_bytes key, unsigned per_minute, unsigned burst)
{
    struct kit *k = KIT(inst);
    struct bucket *b = map_get(&k->buckets, kit_slice(key));
    if (!b) {
        b = mem_alloc(sizeof(*b));
        *b = (struct bucket){burst, k->now};
        map_put(&k->buckets, kit_slice(key), b);
    }
    b->left += (double)(k->now - b->at) * per_minute / 60000.0;
    if (b->left > burst)
        b->left = burst;
    b->at = k->now;
    if (b->left < 1)
        return false;
    b->left -= 1;
    return true;
}

/* ---- told to the operator ---- */

static void h_state(void *inst, bool up, const char *why)
{
    struct kit *k = KIT(inst);
    kit_no_secret(k, "state", why);
    k->up = up;
    snprintf(k->why, sizeof(k->why), "%s", why ? why : "");
}

bool kit_up(const struct kit *k)
{
    return k->up;
}

const char *kit_why(const struct kit *k)
{
    return k->why;
}

static void h_log(void *inst, const char *event, const char *number_name, int64_t number)
{
    struct kit *k = KIT(inst);
    (void)number;
    kit_no_secret(k, "log", event);
    kit_no_secret(k, "log", number_name);
    const char *names[] = {event, number_name};
    for (int i = 0; i < 2; i++) {
        for (const char *p = names[i]; p && *p; p++) {
            if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && !strchr("._-", *p)) {
                kit_broke(k, 8, "log: \"%s\" is no event name", names[i]);
                break;
            }
        }
    }
}

/* ---- hashes ---- */

static bool h_equal(struct connector_bytes a, struct connector_bytes b)
{
    return text_equal_secret(kit_slice(a), kit_slice(b));
}

static void h_hmac(struct connector_bytes key, struct connector_bytes data, unsigned char out[32])
{
    unsigned n = 32;
    HMAC(EVP_sha256(), key.n ? key.p : "", (int)key.n, (const unsigned char *)(data.n ? data.p : ""), data.n,
         out, &n);
}

static void h_sha256(struct connector_bytes data, unsigned char out[32])
{
    unsigned n = 32;
    EVP_Digest(data.n ? data.p : "", data.n, out, &n, EVP_sha256(), NULL);
}

static void h_random(void *out, size_t n)
{
    text_random(out, n);
}

static void h_stopped(void *inst)
{
    struct kit *k = KIT(inst);
    if (k->stopped)
        kit_broke(k, 6, "stopped was called twice");
    if (!k->stopping)
        kit_broke(k, 6, "stopped was called without stop");
    k->stopped = true;
}

void kit_webhook_sign(const char *secret, const char *id, const char *timestamp, struct connector_bytes body,
                      char out[48])
{
    unsigned char key[64], mac[32];
    const char *b64 = strncmp(secret, "whsec_", 6) == 0 ? secret + 6 : secret;
    long n = text_unbase64(key, sizeof(key), slice_str(b64));
    struct buf b;
    buf_init(&b, body.n + 1024);
    buf_str(&b, id);
    buf_char(&b, '.');
    buf_str(&b, timestamp);
    buf_char(&b, '.');
    buf_add(&b, body.p, body.n);
    h_hmac((struct connector_bytes){(const char *)key, n < 0 ? 0 : (size_t)n},
           (struct connector_bytes){b.p, b.n}, mac);
    buf_clear(&b);
    memcpy(out, "v1,", 3);
    text_base64(out + 3, mac, sizeof(mac));
}

void kit_host_small(struct connector_host *h)
{
    h->setting = h_setting;
    h->operation = h_operation;
    h->channel = h_channel;
    h->public_url = h_public_url;
    h->languages = h_languages;
    h->text = h_text;
    h->timer = h_timer;
    h->timer_cancel = h_timer_cancel;
    h->now_ms = h_now;
    h->lease = h_lease;
    h->cursor_get = h_cursor_get;
    h->cursor_set = h_cursor_set;
    h->allow = h_allow;
    h->state = h_state;
    h->log = h_log;
    h->equal = h_equal;
    h->hmac_sha256 = h_hmac;
    h->sha256 = h_sha256;
    h->random = h_random;
    h->stopped = h_stopped;
}
