/* SPDX-License-Identifier: Apache-2.0
 * What goes out: events posted to the channel's URL, signed, and what the answer means. */
#include "http.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct http_send {
    struct http_send *next;
    connector_instance *c;
    connector_token token; /* NULL: nobody waits for the outcome (typing, read), or it was told already */
    char id[96];           /* webhook-id */
};

/* ---- the event ---- */

static void put(json_t *o, const char *name, struct connector_bytes b)
{
    if (b.n)
        json_object_set_new(o, name, json_stringn(b.p, b.n));
}

static json_t *files_of(const struct connector_message *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->files_n; i++) {
        const struct connector_file *f = &m->files[i];
        json_t *o = json_object();
        json_object_set_new(o, "id", json_string(f->blob));
        put(o, "type", f->type);
        put(o, "name", f->name);
        json_object_set_new(o, "size", json_integer((json_int_t)f->bytes));
        if (f->url)
            json_object_set_new(o, "url", json_string(f->url));
        if (f->voice)
            json_object_set_new(o, "voice", json_true());
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *choices_of(const struct connector_message *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->choices_n; i++) {
        json_t *o = json_object();
        put(o, "id", m->choices[i].id);
        put(o, "title", m->choices[i].title);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *location_of(const struct connector_location *l)
{
    json_t *o = json_object();
    json_object_set_new(o, "latitude", json_real(l->latitude));
    json_object_set_new(o, "longitude", json_real(l->longitude));
    put(o, "name", l->name);
    put(o, "address", l->address);
    return o;
}

static json_t *message_data(const struct connector_message *m)
{
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(m->entry));
    put(o, "to", m->to);
    if (m->kind != CONNECTOR_DELETION)
        json_object_set_new(o, "text", json_stringn(m->text.n ? m->text.p : "", m->text.n));
    put(o, "target", m->target);
    put(o, "reply_to", m->reply_to);
    if (m->language)
        json_object_set_new(o, "language", json_string(m->language));
    if (m->parts > 1) {
        json_object_set_new(o, "part", json_integer(m->part));
        json_object_set_new(o, "parts", json_integer(m->parts));
    }
    if (m->files_n)
        json_object_set_new(o, "attachments", files_of(m));
    if (m->choices_n)
        json_object_set_new(o, "choices", choices_of(m));
    if (m->location)
        json_object_set_new(o, "location", location_of(m->location));
    return o;
}

static char *event_text(const connector_instance *c, const char *type, json_t *data)
{
    char when[32];
    time_t now = (time_t)(c->h->now_ms(c->inst) / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_t *o = json_object();
    json_object_set_new(o, "type", json_string(type));
    json_object_set_new(o, "timestamp", json_string(when));
    json_object_set_new(o, "data", data);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

/* ---- the answer ---- */

static struct connector_bytes member(json_t *o, const char *name)
{
    json_t *v = json_object_get(o, name);
    return (struct connector_bytes){json_string_value(v), json_string_length(v)};
}

static void add_id(struct connector_result *r, struct connector_bytes id)
{
    if (id.n && id.n <= HTTP_ID && r->external_ids_n < 10)
        r->external_ids[r->external_ids_n++] = id;
}

static void taken(struct connector_result *r, json_t *body, const char *own_id)
{
    json_t *ids = json_object_get(body, "ids");
    r->outcome = CONNECTOR_OUT_SENT;
    add_id(r, member(body, "id"));
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_t *v = json_array_get(ids, i);
        add_id(r, (struct connector_bytes){json_string_value(v), json_string_length(v)});
    }
    if (!r->external_ids_n) /* statuses can name it by ours */
        add_id(r, (struct connector_bytes){own_id, strlen(own_id)});
}

/* Seconds; a date is not understood, and then the host's own delay holds. */
static uint32_t retry_after(const struct connector_fetched *f)
{
    for (size_t i = 0; CONNECTOR_HAS(f, headers_n) && i < f->headers_n; i++) {
        int64_t s;
        if (strcmp(f->headers[i].name, "retry-after") == 0 &&
            http_number((struct connector_bytes){f->headers[i].value, strlen(f->headers[i].value)}, &s))
            return s > 86400 ? 86400000u : (uint32_t)s * 1000u;
    }
    return 0;
}

/* Some answer with what they were sent, or with what they are set up with: a secret is not for who reads why.
 */
static bool tells_secret(const connector_instance *c, struct connector_bytes b)
{
    const char *at = c->h->setting(c->inst, "secret");
    for (size_t n = 0; at && *at; at += n + strspn(at + n, " ")) {
        n = strcspn(at, " ");
        if (n && memmem(b.p, b.n, at, n))
            return true;
    }
    return false;
}

static void refused(const connector_instance *c, struct connector_result *r, json_t *body)
{
    json_t *error = json_object_get(body, "error");
    struct connector_bytes code = member(error, "code"), text = member(error, "text");
    r->outcome = code.n == 4 && memcmp(code.p, "gone", 4) == 0 ? CONNECTOR_OUT_GONE : CONNECTOR_OUT_FAILED;
    if (code.n && code.n <= 64 && !tells_secret(c, code))
        r->code = code;
    if (!text.n)
        text = json_is_string(error) ? member(body, "error") : member(body, "detail");
    if (text.n && text.n <= 1024 && !tells_secret(c, text))
        r->text = text;
}

static void judge(const connector_instance *c, struct connector_result *r, const struct connector_fetched *f,
                  json_t *body, const char *own_id, char status[16])
{
    snprintf(status, 16, "http-%d", f->status);
    r->code = (struct connector_bytes){status, strlen(status)};
    if (f->status >= 200 && f->status < 300) {
        taken(r, body, own_id);
    } else if (f->status == 429) {
        r->outcome = CONNECTOR_OUT_RATE;
        r->whole_channel = true;
        r->retry_after_ms = retry_after(f);
    } else if (f->status >= 400 && f->status < 500 && f->status != 408 && f->status != 425) {
        refused(c, r, body);
    } else {
        r->outcome = CONNECTOR_OUT_RETRY;
        r->retry_after_ms = retry_after(f);
    }
}

static void forget(struct http_send *s)
{
    struct http_send **at = &s->c->sends;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    http_idle(s->c);
    free(s);
}

static void answered(void *arg, const struct connector_fetched *f)
{
    struct http_send *s = arg;
    struct connector_result r = {.size = sizeof(r)};
    char status[16];
    json_t *body = NULL;
    if (f->error == CONNECTOR_ECANCELLED) {
        s->token = NULL; /* the host tells it by itself */
    } else if (f->error) {
        r.outcome = f->maybe_sent ? CONNECTOR_OUT_UNKNOWN : CONNECTOR_OUT_RETRY;
        r.code = (struct connector_bytes){"no-answer", 9};
        r.text = (struct connector_bytes){f->why.text, strlen(f->why.text)};
    } else {
        body = json_loadb(f->body.n ? f->body.p : "", f->body.n, JSON_REJECT_DUPLICATES, NULL);
        judge(s->c, &r, f, body, s->id, status);
    }
    if (s->token)
        s->c->h->sent(s->c->inst, s->token, &r);
    json_decref(body);
    forget(s);
}

/* ---- posting ---- */

static int post(connector_instance *c, const char *id, const char *type, json_t *data, connector_token t)
{
    char timestamp[24], signature[HTTP_KEYS * 48 + 1];
    struct http_send *s = calloc(1, sizeof(*s));
    char *text = event_text(c, type, data);
    if (!s || !text) {
        free(s);
        free(text);
        return CONNECTOR_EAGAIN;
    }
    *s = (struct http_send){.next = c->sends, .c = c, .token = t};
    snprintf(s->id, sizeof(s->id), "%s", id);
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(c->h->now_ms(c->inst) / 1000));
    struct connector_bytes body = {text, strlen(text)};
    http_sign(c, s->id, timestamp, body, signature);
    const struct connector_header headers[] = {{"Content-Type", "application/json"},
                                               {"Webhook-Id", s->id},
                                               {"Webhook-Timestamp", timestamp},
                                               {"Webhook-Signature", signature}};
    c->sends = s;
    c->busy++;
    c->h->fetch(c->inst,
                &(struct connector_fetch){.size = sizeof(struct connector_fetch),
                                          .method = "POST",
                                          .url = c->h->setting(c->inst, "url"),
                                          .headers = headers,
                                          .headers_n = sizeof(headers) / sizeof(headers[0]),
                                          .body = body,
                                          .timeout_ms = 20000,
                                          .max_response = 65536,
                                          .about = t},
                answered, s);
    free(text);
    return CONNECTOR_OK;
}

int http_send(connector_instance *c, const struct connector_message *m, connector_token t)
{
    static const char *const types[] = {[CONNECTOR_MESSAGE] = "message.send",
                                        [CONNECTOR_EDIT] = "message.edit",
                                        [CONNECTOR_DELETION] = "message.delete",
                                        [CONNECTOR_REACTION] = "reaction"};
    char id[96];
    if (c->stopping)
        return CONNECTOR_EAGAIN;
    if (m->kind < CONNECTOR_MESSAGE || m->kind > CONNECTOR_REACTION)
        return CONNECTOR_EUNSUPPORTED;
    if (m->parts > 1)
        snprintf(id, sizeof(id), "%.80s.%u", m->entry, m->part);
    else
        snprintf(id, sizeof(id), "%.80s", m->entry);
    return post(c, id, types[m->kind], message_data(m), t);
}

void http_cancel(connector_instance *c, connector_token t)
{
    for (struct http_send *s = c->sends; s; s = s->next) {
        if (s->token == t) {
            struct connector_result r = {.size = sizeof(r), .outcome = CONNECTOR_OUT_UNKNOWN};
            s->token = NULL;
            c->h->sent(c->inst, t, &r);
            return;
        }
    }
}

/* Signals have no id of their own: a random one, so that none is taken for another. */
static void signal_out(connector_instance *c, const char *type, json_t *data)
{
    unsigned char r[12];
    char id[40];
    c->h->random(r, sizeof(r));
    size_t n = (size_t)snprintf(id, sizeof(id), "signal-");
    for (size_t i = 0; i < sizeof(r); i++)
        n += (size_t)snprintf(id + n, sizeof(id) - n, "%02x", r[i]);
    if (c->stopping || post(c, id, type, data, NULL) != CONNECTOR_OK)
        return;
}

void http_typing(connector_instance *c, struct connector_bytes to, bool on)
{
    json_t *o = json_object();
    put(o, "to", to);
    json_object_set_new(o, "on", json_boolean(on));
    signal_out(c, "typing", o);
}

void http_read(connector_instance *c, struct connector_bytes to, struct connector_bytes target)
{
    json_t *o = json_object();
    put(o, "to", to);
    put(o, "target", target);
    signal_out(c, "read", o);
}
