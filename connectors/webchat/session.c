/* SPDX-License-Identifier: Apache-2.0
 * Sessions without a record: a secret is random bytes and a proof that we made them, and the person's address
 * is a hash of it. So nothing is stored for somebody who only looks, and nobody can bring a secret of their
 * own making. */
#include "webchat.h"
#include <stdio.h>
#include <string.h>

#define RANDOM_N      16
#define PROOF_N       8
#define KEY_RETRY_MS  1000
#define REF_WINDOW_MS (10 * 60 * 1000)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 24 bytes are 32 characters, without a rest. */
static void encode(char out[SESSION_LEN + 1], const unsigned char in[RANDOM_N + PROOF_N])
{
    for (size_t i = 0, k = 0; i < RANDOM_N + PROOF_N; i += 3, k += 4) {
        unsigned v = (unsigned)in[i] << 16 | (unsigned)in[i + 1] << 8 | in[i + 2];
        out[k] = alphabet[v >> 18];
        out[k + 1] = alphabet[v >> 12 & 63];
        out[k + 2] = alphabet[v >> 6 & 63];
        out[k + 3] = alphabet[v & 63];
    }
    out[SESSION_LEN] = '\0';
}

static bool decode(unsigned char out[RANDOM_N + PROOF_N], struct connector_bytes in)
{
    if (in.n != SESSION_LEN)
        return false;
    for (size_t i = 0, k = 0; i < SESSION_LEN; i += 4, k += 3) {
        unsigned v = 0;
        for (size_t j = 0; j < 4; j++) {
            const char *at = in.p[i + j] ? strchr(alphabet, in.p[i + j]) : NULL;
            if (!at)
                return false;
            v = v << 6 | (unsigned)(at - alphabet);
        }
        out[k] = (unsigned char)(v >> 16);
        out[k + 1] = (unsigned char)(v >> 8);
        out[k + 2] = (unsigned char)v;
    }
    return true;
}

static void proof(struct connector_instance *c, const unsigned char random[RANDOM_N],
                  unsigned char out[PROOF_N])
{
    unsigned char mac[32];
    c->h->hmac_sha256((struct connector_bytes){(const char *)c->key, sizeof c->key},
                      (struct connector_bytes){(const char *)random, RANDOM_N}, mac);
    memcpy(out, mac, PROOF_N);
}

/* The address is what the store knows of a session; the secret can't be found from it. */
static void fill(struct connector_instance *c, const unsigned char random[RANDOM_N], struct session *s)
{
    unsigned char whole[RANDOM_N + PROOF_N], hash[32];
    memcpy(whole, random, RANDOM_N);
    proof(c, random, whole + RANDOM_N);
    encode(s->secret, whole);
    c->h->sha256((struct connector_bytes){s->secret, SESSION_LEN}, hash);
    memcpy(s->address, "web:", 5);
    for (size_t i = 0; i < 16; i++)
        snprintf(s->address + 4 + 2 * i, 3, "%02x", hash[i]);
}

void session_make(struct connector_instance *c, struct session *s)
{
    unsigned char random[RANDOM_N];
    c->h->random(random, sizeof random);
    fill(c, random, s);
}

void session_of_ref(struct connector_instance *c, struct connector_bytes ref, struct session *s)
{
    unsigned char mac[32];
    char named[REF_MAX + 40];
    int n = snprintf(named, sizeof named, "ref %lld %.*s", (long long)(c->h->now_ms(c->inst) / REF_WINDOW_MS),
                     (int)ref.n, ref.p);
    c->h->hmac_sha256((struct connector_bytes){(const char *)c->key, sizeof c->key},
                      (struct connector_bytes){named, (size_t)n}, mac);
    fill(c, mac, s);
}

bool session_take(struct connector_instance *c, struct connector_bytes secret, struct session *s)
{
    unsigned char whole[RANDOM_N + PROOF_N], want[PROOF_N];
    if (!c->has_key || !decode(whole, secret))
        return false;
    proof(c, whole, want);
    if (!c->h->equal((struct connector_bytes){(const char *)whole + RANDOM_N, PROOF_N},
                     (struct connector_bytes){(const char *)want, PROOF_N}))
        return false;
    fill(c, whole, s);
    return true;
}

struct connector_bytes session_address(const struct session *s)
{
    return (struct connector_bytes){s->address, ADDRESS_LEN};
}

/* ---- the key: one for the channel, made by whoever holds the lease ---- */

static void ask(void *arg);

#define KEY_TEXT (2 * 32)

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_key(struct connector_instance *c, struct connector_bytes text)
{
    if (text.n != KEY_TEXT)
        return false;
    for (size_t i = 0; i < sizeof c->key; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        c->key[i] = (unsigned char)(high << 4 | low);
    }
    c->has_key = true;
    return true;
}

static void on_key(void *arg, int err, struct connector_bytes value)
{
    struct connector_instance *c = arg;
    if (c->stopping)
        return;
    if (err == CONNECTOR_OK && take_key(c, value)) {
        c->h->state(c->inst, true, "");
        return;
    }
    c->h->timer(c->inst, KEY_RETRY_MS, ask, c);
}

static void ask(void *arg)
{
    struct connector_instance *c = arg;
    if (!c->stopping && !c->has_key)
        c->h->cursor_get(c->inst, "session-key", on_key, c);
}

static void on_made(void *arg, int err)
{
    (void)err; /* whatever happened, it is read back */
    ask(arg);
}

static void on_none(void *arg, int err, struct connector_bytes value)
{
    struct connector_instance *c = arg;
    unsigned char key[32];
    char text[KEY_TEXT + 1];
    if (c->stopping || c->has_key || err != CONNECTOR_OK)
        return;
    if (value.n) {
        on_key(c, CONNECTOR_OK, value);
        return;
    }
    c->h->random(key, sizeof key);
    for (size_t i = 0; i < sizeof key; i++)
        snprintf(text + 2 * i, 3, "%02x", key[i]);
    c->h->cursor_set(c->inst, "session-key", (struct connector_bytes){text, KEY_TEXT}, on_made, c);
}

static void on_lease(void *arg, bool yes)
{
    struct connector_instance *c = arg;
    if (yes && !c->has_key && !c->stopping)
        c->h->cursor_get(c->inst, "session-key", on_none, c);
}

void session_start(struct connector_instance *c)
{
    c->h->lease(c->inst, "session-key", on_lease, c);
    ask(c);
}

/* ---- the cookie of the page without scripts ---- */

/* On TLS no neighbour and no network can plant or read it: __Host-, which wants the path /, so that the
 * channel stands in its name. On plain http (loopback) browsers refuse that prefix. */
static void cookie_name(struct connector_instance *c, bool secure, char out[COOKIE_MAX])
{
    if (secure)
        snprintf(out, COOKIE_MAX, "__Host-parley_chat.%.200s.%.200s", c->h->operation(c->inst),
                 c->h->channel(c->inst));
    else
        snprintf(out, COOKIE_MAX, "parley_chat");
}

bool session_cookie(struct connector_instance *c, connector_request rq, bool secure,
                    struct connector_bytes *value)
{
    char name[COOKIE_MAX];
    cookie_name(c, secure, name);
    return c->h->cookie(rq, name, value);
}

void session_set_cookie(struct connector_instance *c, bool secure, const char *value, char out[COOKIE_MAX])
{
    char path[450] = "/";
    cookie_name(c, secure, out);
    size_t n = strlen(out);
    if (!secure)
        snprintf(path, sizeof path, "/chat/%.200s/%.200s", c->h->operation(c->inst), c->h->channel(c->inst));
    snprintf(out + n, COOKIE_MAX - n, "=%.128s; Path=%s; Max-Age=%d; HttpOnly; SameSite=Strict%s", value,
             path, *value ? 1800 : 0, secure ? "; Secure" : "");
}
