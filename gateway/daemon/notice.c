/* SPDX-License-Identifier: Apache-2.0
 * Automatic answers. Before the first of a thread goes the first notice (safety rule 11), a message of its
 * own whose reference holds its version, so that the store itself keeps it from being said twice. */
#include "gateway/daemon/notice.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/when.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "router/fold.h"
#include "store/guard.h"
#include <stdio.h>
#include <string.h>

#define NOTICE_MAX  8192
#define ASKED_BYTES 120 /* longer is a message, no question to a machine */
#define ASKED_MS    60000

struct notices {
    struct worker *w;
    struct store_op *op;
    json_t *document; /* owned */
    char *closed;     /* notice_closed's last */
};

struct notices *notices_new(struct worker *w, struct store_op *op)
{
    struct notices *n = mem_alloc(sizeof *n);
    n->w = w;
    n->op = op;
    return n;
}

void notices_free(struct notices **n)
{
    if (!*n)
        return;
    json_decref((*n)->document);
    mem_free((*n)->closed);
    mem_clear(n);
}

void notices_configure(struct notices *n, const json_t *document)
{
    json_decref(n->document);
    n->document = json_deep_copy(document);
}

/* ---- wording ---- */

/* FNV-1a: tells wordings apart, nothing more. */
static uint32_t wording(struct slice text)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * 16777619u;
    return h;
}

static const json_t *thing(const json_t *list, struct slice id)
{
    size_t i;
    const json_t *o;
    json_array_foreach(list, i, o)
    {
        if (id.n && slice_eq(json_opt_str(o, "id"), id))
            return o;
    }
    return NULL;
}

static struct slice own_text(const json_t *o, const char *key, const char *language)
{
    const json_t *by = json_object_get(o, "texts");
    char primary[12] = "";
    snprintf(primary, sizeof primary, "%.*s", (int)strcspn(language, "-"), language);
    struct slice text = json_opt_str(json_object_get(by, language), key);
    return text.n ? text : json_opt_str(json_object_get(by, primary), key);
}

/* The channel's, the area's and those above it, the operation's, ours. */
static struct slice text_of(const struct notices *n, const struct store_thread *t, const char *key)
{
    const char *language = t->language.tag, *tag;
    struct slice text = own_text(thing(json_object_get(n->document, "channels"), slice_str(t->channel)), key,
                                 language),
                 area = slice_str(t->area);
    while (!text.n && area.n) {
        text = own_text(thing(json_object_get(n->document, "areas"), area), key, language);
        while (area.n && area.p[area.n - 1] != '/')
            area.n--;
        area.n -= area.n > 0;
    }
    return text.n ? text : host_text(n->w->host, n->op, key, language, &tag);
}

static void add(const struct notices *n, const struct store_thread *t, struct buf *out, const char *key,
                const char *place, const char *value_key)
{
    /* Each is borrowed until the next is asked for. */
    char *text = slice_dup(text_of(n, t, key));
    texts_fill(out, slice_str(text), place, text_of(n, t, value_key));
    mem_free(text);
}

/* ---- saying ---- */

struct saying {
    struct store_op *op;
    struct id thread;
    bool pull;
    char *channel, *text, *ref, *emergency; /* emergency: added unless the first notice said it just now */
    char *first, *version;                  /* the first notice; "" none */
    char kind[16];
};

static void saying_free(struct saying *s)
{
    mem_free(s->channel);
    mem_free(s->text);
    mem_free(s->ref);
    mem_free(s->emergency);
    mem_free(s->first);
    mem_free(s->version);
    mem_free(s);
}

static void on_said(void *arg, const struct err *e, const struct store_written *r)
{
    (void)arg, (void)r;
    if (e->code)
        log_event(LOG_WARN, "notice.failed", log_err(e));
}

static void write_one(const struct saying *s, struct slice text, const char *ref, const char *kind,
                      void (*done)(void *arg, const struct err *e, const struct store_written *r), void *arg)
{
    char extra[120];
    snprintf(extra, sizeof extra, "{\"notice\":\"%s\"}", kind);
    struct store_outbound out = {.thread = s->thread,
                                 .kind = STORE_MESSAGE,
                                 .author = STORE_SYSTEM,
                                 .author_id = "",
                                 .ref = slice_str(ref),
                                 .channel = s->channel,
                                 .text = text,
                                 .extra = slice_str(extra),
                                 .pull = s->pull,
                                 .must_hold = ""};
    store_write(s->op, &out, done, arg);
}

static void say(struct saying *s, bool with_emergency)
{
    struct buf b;
    buf_init(&b, NOTICE_MAX);
    buf_str(&b, s->text);
    if (with_emergency && *s->emergency)
        buf_printf(&b, "%s%s", b.n ? "\n" : "", s->emergency);
    if (b.n && !b.err)
        write_one(s, buf_view(&b), s->ref, s->kind, on_said, NULL);
    buf_clear(&b);
    saying_free(s);
}

static void on_first(void *arg, const struct err *e, const struct store_written *r)
{
    on_said(NULL, e, r);
    say(arg, e->code || r->again);
}

static void go(struct saying *s)
{
    if (*s->first)
        write_one(s, slice_str(s->first), s->version, s->version, on_first, s);
    else
        say(s, true);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct saying *s = arg;
    if (e->code || store_unsafe_on(c->unsafe, slice_str(s->channel)))
        saying_free(s);
    else
        go(s);
}

/* Who we are, who reads this, what happens next; the emergency number; the privacy page. */
static void first_text(const struct notices *n, const struct store_thread *t, struct buf *out)
{
    add(n, t, out, "notice.first", "name", "operation.name");
    add(n, t, out, "notice.emergency", "emergency", "emergency");
    add(n, t, out, "notice.privacy", "privacy", "privacy");
}

static void version_of(const struct notices *n, const struct store_thread *t, struct slice text, char *out,
                       size_t size)
{
    struct slice given = json_opt_str(json_object_get(n->document, "notice"), "version");
    if (given.n) /* in each language once */
        snprintf(out, size, "first-%.*s-%s", (int)given.n, given.p, t->language.tag);
    else
        snprintf(out, size, "first-%08x", (unsigned)wording(text));
}

/* What is sent to a channel that is not safe for the person, the store refuses (functions/write.lua). In a
 * session of our own they are answered; what comes of itself, a while after they wrote, could be read there
 * by others. */
static bool comes_of_itself(const struct notices *n, const struct store_thread *t, const char *kind)
{
    bool timed = strcmp(kind, "nobody") == 0 || strcmp(kind, "away") == 0;
    return timed && store_now_ms(n->w->store) - t->waiting_ms > ASKED_MS;
}

/* The first notice where it has not been said, then `text`. Above "open" a provider must not learn whose
 * service that is: there the first notice is only in sessions of our own. */
static void say_both(const struct notices *n, const struct store_thread *t, const char *kind, const char *ref,
                     struct slice text, bool emergency)
{
    struct host_channel_info info = {0};
    struct buf first, number;
    char version[120] = "";
    if (n->w->draining || !host_channel_info(n->w->host, n->op, t->channel, &info))
        return;
    buf_init(&first, NOTICE_MAX);
    buf_init(&number, NOTICE_MAX);
    if (emergency)
        add(n, t, &number, "notice.emergency", "emergency", "emergency");
    if (!t->clearance || info.pull)
        first_text(n, t, &first);
    if (first.err)
        buf_clear(&first);
    if (first.n)
        version_of(n, t, buf_view(&first), version, sizeof version);
    struct saying *s = mem_alloc(sizeof *s);
    *s = (struct saying){.op = n->op,
                         .thread = t->id,
                         .pull = info.pull,
                         .channel = mem_strdup(t->channel),
                         .text = slice_dup(text),
                         .ref = mem_strdup(ref),
                         .emergency = slice_dup(buf_view(&number)),
                         .first = slice_dup(buf_view(&first)),
                         .version = mem_strdup(version)};
    snprintf(s->kind, sizeof s->kind, "%s", kind);
    buf_clear(&first);
    buf_clear(&number);
    if (info.pull && comes_of_itself(n, t, kind))
        store_contact_get(n->op, t->contact, on_contact, s);
    else
        go(s);
}

/* ---- what is said ---- */

void notice_opened(struct notices *n, const struct store_thread *t)
{
    bool at_once = slice_is(json_opt_str(json_object_get(n->document, "notice"), "send"), "opening");
    if (at_once || t->state == STORE_BOT) /* a bot answers at once: that is an automatic answer */
        say_both(n, t, "", "", SLICE(""), false);
}

void notice_nobody(struct notices *n, const struct store_thread *t)
{
    char ref[64];
    snprintf(ref, sizeof ref, "nobody-%lld", (long long)t->waiting_ms);
    say_both(n, t, "nobody", ref, text_of(n, t, "notice.nobody"), false);
}

/* "Closed, and open again …", in t's language and at its place. */
static void away_text(struct notices *n, struct hours *hours, const struct store_thread *t,
                      const struct hours_state *h, struct buf *text)
{
    struct buf when;
    buf_init(&when, 1024);
    if (h->next_ms)
        when_text(&when, h->next_ms + hours_offset(hours, t->area, h->next_ms) * 1000ll, t->language.tag);
    char *away = slice_dup(text_of(n, t, "notice.away"));
    if (!texts_fill(text, slice_str(away), "opens", buf_view(&when)))
        buf_slice(text, text_of(n, t, "notice.closed"));
    mem_free(away);
    buf_clear(&when);
}

void notice_away(struct notices *n, struct hours *hours, const struct store_thread *t, int64_t since_ms)
{
    struct hours_state h;
    struct buf text;
    char ref[64];
    hours_at(hours, t->area, store_now_ms(n->w->store), &h);
    buf_init(&text, NOTICE_MAX);
    away_text(n, hours, t, &h, &text);
    snprintf(ref, sizeof ref, "away-%lld", (long long)since_ms);
    if (!text.err)
        say_both(n, t, "away", ref, buf_view(&text), true);
    buf_clear(&text);
}

/* As a thread that comes by the channel would have it (decide.c). */
static const char *area_of(const struct notices *n, const char *channel)
{
    const json_t *list = json_object_get(n->document, "areas"), *one;
    struct slice own =
        json_opt_str(thing(json_object_get(n->document, "channels"), slice_str(channel)), "area");
    size_t i;
    if (own.n)
        return own.p;
    json_array_foreach(list, i, one)
    {
        if (!json_opt_bool(one, "disabled", false))
            return json_opt_str(one, "id").p;
    }
    return "";
}

struct slice notice_closed(struct notices *n, struct hours *hours, const char *channel, const char *language)
{
    struct hours_state h;
    struct store_thread t = {.channel = channel, .area = area_of(n, channel)};
    struct buf text;
    if (!n->document || !hours)
        return SLICE("");
    snprintf(t.language.tag, sizeof t.language.tag, "%s", language);
    hours_at(hours, t.area, store_now_ms(n->w->store), &h);
    mem_free(n->closed);
    n->closed = NULL;
    if (h.open)
        return SLICE("");
    buf_init(&text, NOTICE_MAX);
    away_text(n, hours, &t, &h, &text);
    n->closed = text.err ? NULL : slice_dup(buf_view(&text));
    buf_clear(&text);
    return slice_str(n->closed);
}

static void answer(struct notices *n, const struct store_thread *t, const char *what, struct slice text)
{
    char ref[64];
    snprintf(ref, sizeof ref, "%s-%lld", what, (long long)(store_now_ms(n->w->store) / ASKED_MS));
    if (text.n)
        say_both(n, t, what, ref, text, false);
}

void notice_say(struct notices *n, const struct store_thread *t, const char *key)
{
    char *text = slice_dup(text_of(n, t, key));
    answer(n, t, "answer", slice_str(text));
    mem_free(text);
}

void notice_place(struct notices *n, const struct store_thread *t, const struct engine_place *place)
{
    struct buf number, minutes, one, text;
    if (!place) {
        notice_say(n, t, "place.none");
        return;
    }
    struct buf *const all[] = {&number, &minutes, &one, &text};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_init(all[i], NOTICE_MAX);
    when_number(&number, place->place, t->language.tag);
    when_number(&minutes, place->minutes, t->language.tag);
    struct slice form = text_of(n, t, place->minutes ? "place.known" : "place.unknown");
    texts_fill(&one, form, "place", buf_view(&number));
    texts_fill(&text, buf_view(&one), "minutes", buf_view(&minutes));
    answer(n, t, "place", buf_view(&text));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_clear(all[i]);
}

static bool asked_in(struct notices *n, const char *key, const char *language, struct slice text)
{
    const char *tag;
    struct slice words = host_text(n->w->host, n->op, key, language, &tag), one;
    while (slice_next(&words, '|', &one))
        if (fold_is(text, slice_trim(one)))
            return true;
    return false;
}

/* In all languages: of a few words nobody knows for sure which one it is. */
bool notice_asked(struct notices *n, const char *key, const char *language, struct slice text)
{
    size_t i;
    const json_t *tag;
    if (!text.n || text.n > ASKED_BYTES)
        return false;
    if (asked_in(n, key, language, text) || asked_in(n, key, "en", text))
        return true;
    json_array_foreach(json_object_get(n->document, "languages"), i, tag)
    {
        if (asked_in(n, key, json_string_value(tag), text))
            return true;
    }
    return false;
}
