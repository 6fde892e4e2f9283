/* SPDX-License-Identifier: Apache-2.0
 * How updates get here: a webhook with its secret token, or getUpdates by whoever holds the lease. An update
 * is confirmed (200, or the next offset) only when it is on disk. */
#include "telegram.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_S         25
#define BACKOFF_MAX_MS 60000
#define CONFLICT_MS    5000
#define WATCH_MS       (5 * 60 * 1000)
#define HASTE_MS                                                                                             \
    1000 /* an answer so soon, with nothing in it: the other side does not wait as it was asked to */

static json_t *allowed_updates(void)
{
    return json_pack("[s,s,s,s]", "message", "edited_message", "callback_query", "my_chat_member");
}

/* ---- a batch of updates ---- */

struct batch {
    connector_instance *c;
    json_t *doc; /* what the items point into */
    struct update_item *u;
    struct connector_item *items;
    size_t n;
    connector_request rq; /* webhook; NULL when polled */
    int64_t next;         /* polled: the next offset */
    char **callbacks;
    size_t callbacks_n;
};

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        update_clear(&b->u[i]);
    for (size_t i = 0; i < b->callbacks_n; i++)
        free(b->callbacks[i]);
    free(b->callbacks);
    free(b->u);
    free(b->items);
    json_decref(b->doc);
    free(b);
}

static struct batch *batch_new(connector_instance *c, json_t *doc, size_t max)
{
    struct batch *b = calloc(1, sizeof *b);
    if (!b || !(b->u = calloc(max, sizeof *b->u)) || !(b->items = calloc(max, sizeof *b->items)) ||
        !(b->callbacks = calloc(max, sizeof *b->callbacks)))
        abort();
    b->c = c;
    b->doc = doc;
    return b;
}

static void batch_add(struct batch *b, const json_t *update)
{
    const char *callback = update_callback(update);
    if (callback)
        b->callbacks[b->callbacks_n++] = strdup(callback);
    if (update_item(update, &b->u[b->n])) {
        b->items[b->n] = b->u[b->n].item;
        b->n++;
    }
}

/* The spinner on the button ends; a late answer is refused by Telegram and that is fine. */
static void answer_callbacks(struct batch *b)
{
    for (size_t i = 0; i < b->callbacks_n; i++)
        api_tell(b->c, "answerCallbackQuery", json_pack("{s:s}", "callback_query_id", b->callbacks[i]));
}

/* ---- getUpdates ---- */

static void poll(connector_instance *c);

static void on_again(void *arg)
{
    connector_instance *c = arg;
    if (c->polling && !c->stopping)
        poll(c);
}

static void poll_later(connector_instance *c, uint32_t ms)
{
    if (!c->stopping)
        c->h->timer(c->inst, ms, on_again, c);
}

static void poll_failed(connector_instance *c, uint32_t at_least_ms)
{
    uint32_t ms = 1000u << (c->failures < 6 ? c->failures : 6);
    c->failures++;
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    poll_later(c, ms > at_least_ms ? ms : at_least_ms);
}

static void on_cursor_kept(void *arg, int err)
{
    connector_instance *c = arg;
    (void)err; /* not kept: the same updates come again and are known */
    if (c->polling && !c->stopping)
        poll(c);
}

static void on_polled_stored(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    struct batch *b = arg;
    connector_instance *c = b->c;
    (void)r;
    (void)n;
    if (err != CONNECTOR_OK)
        poll_failed(c, 0);
    else {
        char text[32];
        answer_callbacks(b);
        c->offset = b->next;
        c->failures = 0;
        int k = snprintf(text, sizeof text, "%lld", (long long)c->offset);
        c->h->cursor_set(c->inst, "offset", (struct connector_bytes){text, (size_t)k}, on_cursor_kept, c);
    }
    batch_free(b);
}

static void poll_answer(connector_instance *c, const struct answer *a)
{
    const json_t *update;
    size_t i;
    struct batch *b = batch_new(c, json_incref((json_t *)(uintptr_t)a->ok), UPDATES_MAX);
    b->next = c->offset;
    json_array_foreach(a->ok, i, update)
    {
        int64_t id = json_integer_value(json_object_get(update, "update_id"));
        if (i == UPDATES_MAX)
            break;
        batch_add(b, update);
        if (id >= b->next)
            b->next = id + 1;
    }
    c->h->state(c->inst, true, "");
    if (b->n)
        c->h->deliver(c->inst, b->items, b->n, on_polled_stored, b);
    else
        on_polled_stored(b, CONNECTOR_OK, NULL, 0);
}

static void on_updates(void *arg, const struct answer *a)
{
    connector_instance *c = arg;
    if (!c->polling || c->stopping)
        return;
    if (json_is_array(a->ok) && json_array_size(a->ok) == 0) {
        c->failures = 0;
        c->h->state(c->inst, true, "");
        if (c->h->now_ms(c->inst) - c->asked_ms < HASTE_MS)
            poll_later(c, HASTE_MS);
        else
            poll(c);
    } else if (json_is_array(a->ok))
        poll_answer(c, a);
    else if (a->code == 401 || a->code == 404) {
        c->h->state(c->inst, false, "the token is refused");
        poll_failed(c, 30000);
    } else if (a->code == 409) {
        c->h->state(c->inst, false, "another program takes this bot's updates");
        poll_failed(c, CONFLICT_MS);
    } else {
        if (c->failures >= 2)
            c->h->state(c->inst, false,
                        a->error == CONNECTOR_OK ? "Telegram answers with an error"
                                                 : "Telegram can't be reached");
        poll_failed(c,
                    a->retry_after_s > 0 && a->retry_after_s < 3600 ? (uint32_t)a->retry_after_s * 1000 : 0);
    }
}

static void poll(connector_instance *c)
{
    json_t *body = json_pack("{s:I,s:i,s:i,s:o}", "offset", (json_int_t)c->offset, "limit", UPDATES_MAX,
                             "timeout", POLL_S, "allowed_updates", allowed_updates());
    c->asked_ms = c->h->now_ms(c->inst);
    api_call(c, "getUpdates", body, NULL, 0, (POLL_S + 15) * 1000, NULL, on_updates, c);
}

static void on_webhook_gone(void *arg, const struct answer *a)
{
    connector_instance *c = arg;
    if (!c->polling || c->stopping)
        return;
    if (a->ok) {
        c->h->state(c->inst, true, "");
        poll(c);
    } else
        on_updates(c, a); /* says why, and tries again */
}

static void on_cursor(void *arg, int err, struct connector_bytes value)
{
    connector_instance *c = arg;
    char text[32] = "";
    if (!c->polling || c->stopping)
        return;
    if (err == CONNECTOR_OK && value.n < sizeof text)
        memcpy(text, value.p ? value.p : "", value.n);
    c->offset = strtoll(text, NULL, 10);
    /* Webhook and getUpdates exclude each other. */
    api_call(c, "deleteWebhook", json_object(), NULL, 0, 0, NULL, on_webhook_gone, c);
}

static void on_poll_lease(void *arg, bool yes)
{
    connector_instance *c = arg;
    c->polling = yes;
    if (yes && !c->stopping)
        c->h->cursor_get(c->inst, "offset", on_cursor, c);
}

/* ---- webhook ---- */

static void set_webhook(void *arg);

static void on_webhook_set(void *arg, const struct answer *a)
{
    connector_instance *c = arg;
    if (c->stopping || !c->polling)
        return;
    if (a->ok)
        c->h->state(c->inst, true, "");
    else
        c->h->state(c->inst, false,
                    a->code == 401 || a->code == 404 ? "the token is refused" : "setting the webhook failed");
    c->h->timer(c->inst, a->ok ? WATCH_MS : 30000, set_webhook, c);
}

/* Now and then anew: another installation may have taken it. */
static void set_webhook(void *arg)
{
    connector_instance *c = arg;
    char url[512];
    if (c->stopping || !c->polling)
        return;
    snprintf(url, sizeof url, "%s/hooks/%s/%s", c->h->public_url(c->inst), c->h->operation(c->inst),
             c->h->channel(c->inst));
    json_t *body =
        json_pack("{s:s,s:s,s:i,s:o}", "url", url, "secret_token", c->h->setting(c->inst, "secret"),
                  "max_connections", 40, "allowed_updates", allowed_updates());
    api_call(c, "setWebhook", body, NULL, 0, 0, NULL, on_webhook_set, c);
}

static void on_webhook_lease(void *arg, bool yes)
{
    connector_instance *c = arg;
    c->polling = yes; /* it is this node that keeps the webhook set */
    if (yes)
        set_webhook(c);
}

void receive_start(connector_instance *c)
{
    if (strcmp(c->h->setting(c->inst, "mode"), "webhook") != 0)
        c->h->lease(c->inst, "poll", on_poll_lease, c);
    else if (!*c->h->public_url(c->inst))
        c->h->state(c->inst, false, "webhooks need public_url; without a public address choose mode poll");
    else {
        c->h->state(c->inst, true, "");
        c->h->lease(c->inst, "webhook", on_webhook_lease, c);
    }
}

int receive_verify(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                   struct connector_error *e)
{
    struct connector_bytes got = c->h->header(rq, "x-telegram-bot-api-secret-token"),
                           want = bytes_of(c->h->setting(c->inst, "secret"));
    (void)i;
    if (want.n && got.n && c->h->equal(got, want))
        return CONNECTOR_OK;
    e->code = CONNECTOR_EAUTH;
    snprintf(e->text, sizeof e->text, "the secret token is missing or wrong");
    return CONNECTOR_EAUTH;
}

static void on_hook_stored(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    static const struct connector_header later[] = {{"Retry-After", "5"}};
    struct batch *b = arg;
    connector_instance *c = b->c;
    (void)r;
    (void)n;
    if (err == CONNECTOR_OK) {
        c->h->reply(b->rq, 200, NULL, 0, (struct connector_bytes){"", 0});
        answer_callbacks(b);
    } else
        c->h->reply(b->rq, 503, later, 1, (struct connector_bytes){"", 0});
    batch_free(b);
    busy_end(c);
}

void receive_request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    json_error_t e;
    json_t *update;
    if (strcmp(i->method, "POST") != 0 || i->path.n) {
        c->h->problem(rq, 404, "no such hook");
        return;
    }
    update = json_loadb(i->body.p ? i->body.p : "", i->body.n, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(update) || !json_is_integer(json_object_get(update, "update_id"))) {
        c->h->problem(rq, 400, "an update with its update_id is wanted");
        json_decref(update);
        return;
    }
    struct batch *b = batch_new(c, update, 1);
    b->rq = rq;
    batch_add(b, update);
    c->busy++;
    if (b->n)
        c->h->deliver(c->inst, b->items, b->n, on_hook_stored, b);
    else
        on_hook_stored(b, CONNECTOR_OK, NULL, 0);
}

/* ---- files that people send ---- */

struct getting {
    connector_instance *c;
    void (*done)(void *arg, int err, struct connector_bytes bytes, struct connector_bytes type,
                 struct connector_bytes name);
    void *arg;
};

static void get_end(struct getting *g, int err, struct connector_bytes bytes)
{
    struct connector_bytes none = {0, 0};
    connector_instance *c = g->c;
    g->done(g->arg, err, bytes, none, none);
    free(g);
    busy_end(c);
}

static void on_bytes(void *arg, const struct connector_fetched *r)
{
    struct connector_bytes none = {0, 0};
    if (r->error != CONNECTOR_OK)
        get_end(arg, r->error, none);
    else if (r->status == 200)
        get_end(arg, CONNECTOR_OK, r->body);
    else
        get_end(arg, r->status == 404 ? CONNECTOR_EINVALID : CONNECTOR_EAWAY, none);
}

static bool plain_path(const char *p)
{
    return p && *p && strlen(p) < 256 && !strstr(p, "..") &&
           p[strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")] == '\0';
}

static void on_path(void *arg, const struct answer *a)
{
    struct getting *g = arg;
    connector_instance *c = g->c;
    const char *path = json_string_value(json_object_get(a->ok, "file_path"));
    char base[512], url[1024];
    if (!plain_path(path)) {
        /* 400: the file is over 20 MB or no longer there; else later. */
        get_end(g, a->code == 400 || a->ok ? CONNECTOR_ELIMIT : CONNECTOR_EAWAY,
                (struct connector_bytes){0, 0});
        return;
    }
    api_base(c, base, sizeof base);
    snprintf(url, sizeof url, "%s/file/bot%s/%s", base, c->h->setting(c->inst, "token"), path);
    struct connector_fetch f = {
        .size = sizeof f, .method = "GET", .url = url, .timeout_ms = 120000, .max_response = FILE_IN_MAX};
    c->h->fetch(c->inst, &f, on_bytes, g);
    memset(url, 0, sizeof url);
}

void receive_media(connector_instance *c, struct connector_bytes ref,
                   void (*done)(void *arg, int err, struct connector_bytes bytes, struct connector_bytes type,
                                struct connector_bytes name),
                   void *arg)
{
    struct getting *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    *g = (struct getting){c, done, arg};
    c->busy++;
    api_call(c, "getFile", json_pack("{s:s%}", "file_id", ref.p, ref.n), NULL, 0, 0, NULL, on_path, g);
}
