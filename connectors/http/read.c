/* SPDX-License-Identifier: Apache-2.0
 * The members of messages, statuses and signals. */
#include "read.h"
#include <stdio.h>
#include <string.h>

#define M(t, n, ty, member, mx)                                                                              \
    {                                                                                                        \
        .name = n, .type = ty, .offset = offsetof(t, member), .max = mx                                      \
    }
#define MUST(t, n, ty, member, mx)                                                                           \
    {                                                                                                        \
        .name = n, .type = ty, .offset = offsetof(t, member), .max = mx, .required = true                    \
    }
#define OTHER(n, fn)                                                                                         \
    {                                                                                                        \
        .name = n, .type = HTTP_OTHER, .other = fn                                                           \
    }
#define OTHER_MUST(n, fn)                                                                                    \
    {                                                                                                        \
        .name = n, .type = HTTP_OTHER, .other = fn, .required = true                                         \
    }

bool http_wrong(struct http_where *w, const char *at, const char *member, const char *what)
{
    snprintf(w->p->error, sizeof(w->p->error), "%s[%zu].%s%.48s: %s", w->section, w->i, at, member, what);
    return false;
}

static bool wrong_name(struct http_where *w, const char *at, struct connector_bytes name)
{
    char text[49];
    snprintf(text, sizeof(text), "%.*s", (int)(name.n < 48 ? name.n : 48), name.p);
    return http_wrong(w, at, text, "no such member");
}

static bool string(struct http_where *w, const char *at, const struct http_member *m,
                   const struct http_json *v, struct connector_bytes *to)
{
    if (v->type != HTTP_JSON_TEXT)
        return http_wrong(w, at, m->name, "a string is wanted");
    *to = v->text;
    if (to->n > m->max)
        return http_wrong(w, at, m->name, "too long");
    return to->n || !m->required || http_wrong(w, at, m->name, "is empty");
}

static bool member(struct http_where *w, const char *at, const struct http_member *m,
                   const struct http_json *v, char *to)
{
    switch (m->type) {
    case HTTP_STRING:
        return string(w, at, m, v, (struct connector_bytes *)(void *)(to + m->offset));
    case HTTP_FLAG:
        if (v->type != HTTP_JSON_TRUE && v->type != HTTP_JSON_FALSE)
            return http_wrong(w, at, m->name, "true or false is wanted");
        *(bool *)(void *)(to + m->offset) = v->type == HTTP_JSON_TRUE;
        return true;
    case HTTP_REAL:
        if (v->type != HTTP_JSON_REAL && v->type != HTTP_JSON_INTEGER)
            return http_wrong(w, at, m->name, "a number is wanted");
        *(double *)(void *)(to + m->offset) = v->type == HTTP_JSON_REAL ? v->real : (double)v->integer;
        return true;
    case HTTP_OTHER:
        return m->other(w, at, v, to);
    }
    return false;
}

bool http_object(struct http_where *w, const char *at, const struct http_json *o,
                 const struct http_member *members, void *to)
{
    uint32_t seen = 0;
    if (o->type != HTTP_JSON_OBJECT)
        return http_wrong(w, at, "", "an object is wanted");
    for (const struct http_json *v = o->list.first; v; v = v->next) {
        size_t i = 0;
        while (members[i].name && !http_json_is(v->name, members[i].name))
            i++;
        if (!members[i].name)
            return wrong_name(w, at, v->name);
        if (seen & 1u << i)
            return http_wrong(w, at, members[i].name, "is there twice");
        if (!member(w, at, &members[i], v, to))
            return false;
        seen |= 1u << i;
    }
    for (size_t i = 0; members[i].name; i++) {
        if (members[i].required && !(seen & 1u << i))
            return http_wrong(w, at, members[i].name, "is missing");
    }
    return true;
}

/* ---- parts of a message ---- */

static bool is(const struct http_json *v, const char *s)
{
    return v->type == HTTP_JSON_TEXT && http_json_is(v->text, s);
}

static bool time_of(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    struct connector_item *it = to;
    return (v->type == HTTP_JSON_TEXT && http_time(v->text.p, v->text.n, &it->time_ms)) ||
           http_wrong(w, at, "time", "a time like 2026-01-31T12:00:00Z is wanted");
}

static bool kind_of(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    static const struct {
        const char *name;
        enum connector_kind kind;
    } kinds[] = {{"message", CONNECTOR_MESSAGE},
                 {"edit", CONNECTOR_EDIT},
                 {"deletion", CONNECTOR_DELETION},
                 {"reaction", CONNECTOR_REACTION}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (is(v, kinds[i].name)) {
            ((struct connector_item *)to)->kind = kinds[i].kind;
            return true;
        }
    }
    return http_wrong(w, at, "kind", "message, edit, deletion or reaction is wanted");
}

static bool clearance_of(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    if (v->type != HTTP_JSON_INTEGER || v->integer < 0 || v->integer > 2)
        return http_wrong(w, at, "clearance", "0, 1 or 2 is wanted");
    ((struct connector_item *)to)->clearance = (int)v->integer;
    return true;
}

static bool address_of(struct http_where *w, const char *at, const char *name, const struct http_json *v,
                       struct connector_bytes *to)
{
    if (v->type != HTTP_JSON_TEXT || !http_address(v->text.p, v->text.n))
        return http_wrong(w, at, name, "an address like tel:+905551234567 or app:user-7 is wanted");
    *to = v->text;
    return true;
}

static bool from_address(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    return address_of(w, at, "address", v, &((struct connector_item *)to)->from);
}

static bool from_also(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    return address_of(w, at, "also", v, &((struct connector_item *)to)->also);
}

static const struct http_member from_members[] = {
    OTHER_MUST("address", from_address),
    OTHER("also", from_also),
    M(struct connector_item, "name", HTTP_STRING, name, 512),
    M(struct connector_item, "locale", HTTP_STRING, locale, 35),
    M(struct connector_item, "locale_stated", HTTP_FLAG, locale_stated, 0),
    {.name = NULL},
};

static bool from(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    (void)at;
    return http_object(w, "from.", v, from_members, to);
}

static const struct http_member location_members[] = {
    MUST(struct connector_location, "latitude", HTTP_REAL, latitude, 0),
    MUST(struct connector_location, "longitude", HTTP_REAL, longitude, 0),
    M(struct connector_location, "name", HTTP_STRING, name, 512),
    M(struct connector_location, "address", HTTP_STRING, address, 1024),
    {.name = NULL},
};

static bool location(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    struct connector_location *l = http_alloc(w->p, sizeof(*l));
    if (!l || !http_object(w, "location.", v, location_members, l))
        return false;
    ((struct connector_item *)to)->location = l;
    return (l->latitude >= -90 && l->latitude <= 90 && l->longitude >= -180 && l->longitude <= 180) ||
           http_wrong(w, at, "location", "no such place on earth");
}

static const struct http_member card_members[] = {
    M(struct connector_card, "name", HTTP_STRING, name, 512),
    M(struct connector_card, "phone", HTTP_STRING, phone, 64),
    M(struct connector_card, "email", HTTP_STRING, email, 320),
    M(struct connector_card, "own", HTTP_FLAG, own, 0),
    {.name = NULL},
};

static bool card(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    (void)at;
    struct connector_card *c = http_alloc(w->p, sizeof(*c));
    ((struct connector_item *)to)->card = c;
    return c && http_object(w, "contact.", v, card_members, c);
}

static bool data(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    struct connector_media *m = to;
    size_t n = v->type == HTTP_JSON_TEXT ? v->text.n : 0;
    char *out = http_alloc(w->p, n / 4 * 3 + 1);
    long got = out && n ? http_unbase64(out, v->text.p, n) : -1;
    if (got <= 0)
        return http_wrong(w, at, "data", "base64 with padding is wanted");
    m->bytes = (struct connector_bytes){out, (size_t)got};
    return true;
}

static bool size_of(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    if (v->type != HTTP_JSON_INTEGER || v->integer < 0)
        return http_wrong(w, at, "size", "a number of bytes is wanted");
    ((struct connector_media *)to)->bytes_expected = (uint64_t)v->integer;
    return true;
}

static const struct http_member media_members[] = {
    M(struct connector_media, "url", HTTP_STRING, url, 2048),
    OTHER("data", data),
    M(struct connector_media, "type", HTTP_STRING, type, 128),
    OTHER("size", size_of),
    M(struct connector_media, "name", HTTP_STRING, name, 255),
    M(struct connector_media, "voice", HTTP_FLAG, voice, 0),
    {.name = NULL},
};

static bool is_url(struct connector_bytes u)
{
    return (u.n > 8 && memcmp(u.p, "https://", 8) == 0) || (u.n > 7 && memcmp(u.p, "http://", 7) == 0);
}

static bool attachments(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    struct connector_item *it = to;
    if (v->type != HTTP_JSON_LIST)
        return http_wrong(w, at, "attachments", "an array is wanted");
    size_t n = v->list.n;
    if (n > HTTP_FILES)
        return http_wrong(w, at, "attachments", "more than 10");
    struct connector_media *m = http_alloc(w->p, (n + 1) * sizeof(*m));
    if (!m)
        return false;
    const struct http_json *one = v->list.first;
    for (size_t i = 0; i < n; i++, one = one->next) {
        char place[32];
        snprintf(place, sizeof(place), "attachments[%zu].", i);
        m[i].size = sizeof(m[i]);
        if (!http_object(w, place, one, media_members, &m[i]))
            return false;
        if ((m[i].url.n > 0) == (m[i].bytes.n > 0))
            return http_wrong(w, place, "url", "url or data is wanted, and not both");
        if (m[i].url.n && !is_url(m[i].url))
            return http_wrong(w, place, "url", "a URL with http or https is wanted");
    }
    it->media = m;
    it->media_n = n;
    return true;
}

const struct http_member http_message_members[] = {
    MUST(struct connector_item, "id", HTTP_STRING, id, HTTP_ID),
    OTHER_MUST("from", from),
    M(struct connector_item, "text", HTTP_STRING, text, HTTP_TEXT),
    OTHER("time", time_of),
    OTHER("kind", kind_of),
    OTHER("attachments", attachments),
    OTHER("location", location),
    OTHER("contact", card),
    M(struct connector_item, "choice", HTTP_STRING, choice, HTTP_ID),
    M(struct connector_item, "target", HTTP_STRING, target, HTTP_ID),
    M(struct connector_item, "reply_to", HTTP_STRING, reply_to, HTTP_ID),
    M(struct connector_item, "group", HTTP_STRING, group, HTTP_ID),
    M(struct connector_item, "topic", HTTP_STRING, topic, 63),
    OTHER("clearance", clearance_of),
    {.name = NULL},
};

bool http_message_done(struct http_where *w, struct connector_item *it)
{
    if (it->kind == CONNECTOR_MESSAGE) {
        if (it->target.n)
            return http_wrong(w, "", "target", "only with kind edit, deletion or reaction");
        return it->text.n || it->media_n || it->location || it->card || it->choice.n ||
               http_wrong(w, "", "text", "a message needs text, attachments, location, contact or choice");
    }
    if (!it->target.n)
        return http_wrong(w, "", "target", "is missing: which message is it about?");
    return it->kind != CONNECTOR_EDIT || it->text.n ||
           http_wrong(w, "", "text", "an edit needs the new text");
}

/* ---- statuses and signals ---- */

static bool status_of(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    static const char *const names[] = {"stored", "sent", "delivered", "read", "failed"};
    for (int i = CONNECTOR_SENT; i <= CONNECTOR_FAILED; i++) {
        if (is(v, names[i])) {
            ((struct connector_item *)to)->status = (enum connector_state)i;
            return true;
        }
    }
    return http_wrong(w, at, "status", "sent, delivered, read or failed is wanted");
}

static const struct http_member error_members[] = {
    M(struct connector_item, "code", HTTP_STRING, error_code, 64),
    M(struct connector_item, "text", HTTP_STRING, error_text, 1024),
    {.name = NULL},
};

static bool error_of(struct http_where *w, const char *at, const struct http_json *v, void *to)
{
    struct connector_item *it = to;
    (void)at;
    if (v->type != HTTP_JSON_TEXT)
        return http_object(w, "error.", v, error_members, to);
    it->error_text = v->text;
    return it->error_text.n <= 1024 || http_wrong(w, "", "error", "too long");
}

const struct http_member http_status_members[] = {
    MUST(struct connector_item, "id", HTTP_STRING, target, HTTP_ID),
    OTHER_MUST("status", status_of),
    OTHER("error", error_of),
    OTHER("time", time_of),
    {.name = NULL},
};

bool http_status_done(struct http_where *w, struct connector_item *it)
{
    /* One provider's word on one message is one event, however often it comes. */
    char *id = http_alloc(w->p, it->target.n + 3);
    if (!id)
        return false;
    memcpy(id, it->target.p, it->target.n);
    id[it->target.n] = ':';
    id[it->target.n + 1] = (char)('0' + it->status);
    it->id = (struct connector_bytes){id, it->target.n + 2};
    return true;
}

const struct http_member http_typing_members[] = {
    OTHER_MUST("from", from),
    M(struct connector_item, "on", HTTP_FLAG, on, 0),
    {.name = NULL},
};

const struct http_member http_read_members[] = {
    OTHER_MUST("from", from),
    MUST(struct connector_item, "target", HTTP_STRING, target, HTTP_ID),
    {.name = NULL},
};

const struct http_member http_blocked_members[] = {
    MUST(struct connector_item, "id", HTTP_STRING, id, HTTP_ID),
    OTHER_MUST("from", from),
    M(struct connector_item, "on", HTTP_FLAG, on, 0),
    {.name = NULL},
};
