/* SPDX-License-Identifier: Apache-2.0
 * The plugin: settings, verification, requests. */
#include "http.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct connector_setting settings[] = {
    {"url", CONNECTOR_S_URL, true, NULL, NULL, "Where messages to people are posted."},
    {"secret", CONNECTOR_S_SECRET, true, NULL, NULL,
     "whsec_ and base64 of 24 to 64 random bytes; several, separated by a blank, while one replaces "
     "another."},
    {"verified", CONNECTOR_S_BOOL, false, "false", NULL,
     "Whether tel: addresses are proved by the other side, so that they join the same number on other "
     "channels."},
    {0},
};

static int check(const struct connector_values *v, struct connector_error *e)
{
    struct http_key keys[HTTP_KEYS];
    size_t n;
    bool fine = http_keys(v->get(v->ctx, "secret"), keys, &n);
    memset(keys, 0, sizeof(keys));
    if (fine)
        return CONNECTOR_OK;
    snprintf(e->text, sizeof(e->text),
             "secret: whsec_ and base64 of 24 to 64 bytes is wanted, at most %d of them", HTTP_KEYS);
    return e->code = CONNECTOR_EINVALID;
}

static connector_instance *create(const struct connector_host *h, void *inst, struct connector_error *e)
{
    connector_instance *c = calloc(1, sizeof(*c));
    if (!c || !http_keys(h->setting(inst, "secret"), c->keys, &c->keys_n)) {
        snprintf(e->text, sizeof(e->text), "the secret is not usable");
        free(c);
        return NULL;
    }
    c->h = h;
    c->inst = inst;
    return c;
}

static void start(connector_instance *c)
{
    (void)c;
}

static void finish(connector_instance *c)
{
    if (c->stopped)
        return;
    c->stopped = true;
    c->h->stopped(c->inst);
}

void http_idle(connector_instance *c)
{
    c->busy--;
    if (c->stopping && !c->busy)
        finish(c);
}

static void grace_over(void *arg)
{
    finish(arg);
}

static void stop(connector_instance *c, uint32_t grace_ms)
{
    c->stopping = true;
    if (!c->busy)
        finish(c);
    else
        c->h->timer(c->inst, grace_ms > 100 ? grace_ms - 100 : 0, grace_over, c);
}

static void destroy(connector_instance *c)
{
    memset(c->keys, 0, sizeof(c->keys));
    free(c);
}

/* ---- where a request comes from ---- */

void http_sign(const connector_instance *c, const char *id, const char *timestamp,
               struct connector_bytes body, char *out)
{
    size_t a = strlen(id), b = strlen(timestamp), n = a + b + 2 + body.n;
    char *all = malloc(n);
    *out = 0;
    if (!all)
        return;
    memcpy(all, id, a);
    all[a] = '.';
    memcpy(all + a + 1, timestamp, b);
    all[a + 1 + b] = '.';
    if (body.n)
        memcpy(all + a + b + 2, body.p, body.n);
    for (size_t i = 0; i < c->keys_n; i++) {
        unsigned char mac[32];
        c->h->hmac_sha256((struct connector_bytes){c->keys[i].bytes, c->keys[i].n},
                          (struct connector_bytes){all, n}, mac);
        if (i)
            *out++ = ' ';
        memcpy(out, "v1,", 3);
        http_base64(out + 3, mac, sizeof(mac));
        out += strlen(out);
    }
    free(all);
}

/* Is one of `given` one of ours? Looks at all of them, whatever it finds. */
static bool signature_fits(const connector_instance *c, char *ours, struct connector_bytes given)
{
    bool fits = false;
    for (size_t i = 0; i < c->keys_n; i++) {
        struct connector_bytes mine = {ours + i * 48, 47};
        const char *p = given.p, *end = given.p + given.n;
        for (int tries = 0; p < end && tries < 16; tries++) {
            const char *blank = memchr(p, ' ', (size_t)(end - p));
            struct connector_bytes one = {p, (size_t)((blank ? blank : end) - p)};
            fits |= c->h->equal(mine, one);
            p = blank ? blank + 1 : end;
        }
    }
    return fits;
}

static int no(struct connector_error *e, int code, const char *text)
{
    snprintf(e->text, sizeof(e->text), "%s", text);
    return e->code = code;
}

static int verify(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                  struct connector_error *e)
{
    struct connector_bytes id = c->h->header(rq, "webhook-id"), ts = c->h->header(rq, "webhook-timestamp"),
                           sig = c->h->header(rq, "webhook-signature");
    char id_text[HTTP_ID + 1], ts_text[24], ours[HTTP_KEYS * 48 + 1];
    int64_t seconds;
    if (!id.n || !ts.n || !sig.n)
        return no(e, CONNECTOR_EINVALID, "webhook-id, webhook-timestamp and webhook-signature are wanted");
    if (id.n > HTTP_ID || !http_number(ts, &seconds))
        return no(e, CONNECTOR_EINVALID, "a malformed webhook-id or webhook-timestamp");
    int64_t off = c->h->now_ms(c->inst) - seconds * 1000;
    if (off > HTTP_CLOCK_MS || off < -HTTP_CLOCK_MS)
        return no(e, CONNECTOR_EINVALID, "webhook-timestamp is more than five minutes from now");
    memcpy(id_text, id.p, id.n);
    id_text[id.n] = 0;
    memcpy(ts_text, ts.p, ts.n);
    ts_text[ts.n] = 0;
    http_sign(c, id_text, ts_text, i->body, ours);
    if (!ours[0] || !signature_fits(c, ours, sig))
        return no(e, CONNECTOR_EAUTH, "the signature does not fit");
    return CONNECTOR_OK;
}

/* ---- requests ---- */

struct taken {
    connector_instance *c;
    connector_request rq;
    size_t messages; /* how many of the items are messages: they come first */
};

static void refused(struct taken *t, const struct connector_delivered *r, size_t i)
{
    char text[300];
    snprintf(text, sizeof(text), "%s %zu: %s",
             i < t->messages ? "messages, item" : "statuses and signals, item",
             i < t->messages ? i : i - t->messages, r->error.text);
    t->c->h->problem(t->rq, 400, text);
}

static void delivered(void *arg, int err, const struct connector_delivered *results, size_t n)
{
    struct taken *t = arg;
    const struct connector_host *h = t->c->h;
    size_t stored = 0, duplicates = 0, i = 0;
    for (; i < n; i++) {
        if (results[i].outcome == CONNECTOR_ITEM_REFUSED || results[i].outcome == CONNECTOR_ITEM_QUARANTINED)
            break;
        stored += results[i].outcome == CONNECTOR_ITEM_STORED;
        duplicates += results[i].outcome == CONNECTOR_ITEM_DUPLICATE;
    }
    if (err) {
        h->problem(t->rq, 503, "not stored: send the same again");
    } else if (i < n) {
        refused(t, &results[i], i);
    } else {
        static const struct connector_header type = {"content-type", "application/json"};
        char body[80];
        int len = snprintf(body, sizeof(body), "{\"stored\":%zu,\"duplicates\":%zu}", stored, duplicates);
        h->reply(t->rq, 200, &type, 1, (struct connector_bytes){body, (size_t)len});
    }
    http_idle(t->c);
    free(t);
}

static bool is_json(struct connector_bytes type)
{
    static const char want[] = "application/json";
    for (size_t i = 0; i < sizeof(want) - 1; i++) {
        if (i >= type.n || (type.p[i] | 0x20) != (want[i] | 0x20))
            return false;
    }
    return type.n == sizeof(want) - 1 || type.p[sizeof(want) - 1] == ';' || type.p[sizeof(want) - 1] == ' ';
}

static void request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    struct http_parsed p;
    if (i->path.n) {
        c->h->problem(rq, 404, NULL);
        return;
    }
    if (strcmp(i->method, "POST") != 0) {
        c->h->problem(rq, 405, "only POST");
        return;
    }
    if (!is_json(c->h->header(rq, "content-type"))) {
        c->h->problem(rq, 415, "application/json is wanted");
        return;
    }
    struct taken *t = calloc(1, sizeof(*t));
    if (!http_parse(&p, i->body) || !t) {
        c->h->problem(rq, t ? 400 : 503, p.error);
        free(t);
    } else {
        *t = (struct taken){.c = c, .rq = rq};
        while (t->messages < p.n && p.items[t->messages].kind <= CONNECTOR_REACTION)
            t->messages++;
        c->busy++;
        c->h->deliver(c->inst, p.items, p.n, delivered, t);
    }
    http_parsed_clear(&p);
}

const struct connector connector_plugin = {
    .abi = CONNECTOR_ABI,
    .size = sizeof(struct connector),
    .name = "http",
    .version = "1",
    .scheme = "tel mailto",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_CAN_FILES | CONNECTOR_CAN_VOICE | CONNECTOR_CAN_CHOICES |
                    CONNECTOR_CAN_EDIT | CONNECTOR_CAN_DELETE | CONNECTOR_CAN_REACT | CONNECTOR_CAN_TYPING |
                    CONNECTOR_CAN_READ | CONNECTOR_CAN_LOCATION | CONNECTOR_CAN_REPLY |
                    CONNECTOR_TELLS_DELIVERED | CONNECTOR_TELLS_READ | CONNECTOR_IDEMPOTENT |
                    CONNECTOR_SIGNS | CONNECTOR_JSON,
    .limits = {.size = sizeof(struct connector_limits),
               .text_max = HTTP_TEXT,
               .unit = CONNECTOR_BYTES,
               .files_max = HTTP_FILES,
               .file_bytes_max = 25u << 20,
               .choices_max = 20,
               .choice_title_max = 256,
               .choice_id_max = HTTP_ID,
               .in_flight_max = 32},
    .settings = settings,
    .doors = "hooks",
    .check = check,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .verify = verify,
    .request = request,
    .send = http_send,
    .cancel = http_cancel,
    .typing = http_typing,
    .read = http_read,
};
