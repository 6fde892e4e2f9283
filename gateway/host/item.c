/* SPDX-License-Identifier: Apache-2.0
 * One item: copied, judged, and turned into what the store takes. */
#include "gateway/host/deliver.h"
#include <string.h>

#define ITEM_ID 512u

static struct connector_bytes copy(struct arena *a, struct connector_bytes b)
{
    return b.n ? bytes_from(arena_slice(a, slice_from(b))) : (struct connector_bytes){0};
}

static struct connector_bytes *const *strings_of(struct connector_item *it, struct connector_bytes *list[16])
{
    struct connector_bytes *all[] = {&it->id,    &it->from,       &it->also,       &it->name,  &it->locale,
                                     &it->text,  &it->target,     &it->reply_to,   &it->group, &it->choice,
                                     &it->topic, &it->error_code, &it->error_text, NULL};
    memcpy(list, all, sizeof(all));
    return list;
}

static const struct connector_media *copy_media(struct arena *a, const struct connector_item *in)
{
    struct connector_media *m = arena_alloc(a, in->media_n * sizeof(*m) + 1);
    for (size_t i = 0; i < in->media_n; i++) {
        const struct connector_media *from = &in->media[i];
        memcpy(&m[i], from, from->size < sizeof(m[i]) ? from->size : sizeof(m[i]));
        m[i].type = copy(a, m[i].type);
        m[i].name = copy(a, m[i].name);
        m[i].bytes = copy(a, m[i].bytes);
        m[i].url = copy(a, m[i].url);
        m[i].ref = copy(a, m[i].ref);
        m[i].blob = m[i].blob ? arena_strdup(a, m[i].blob) : NULL;
    }
    return m;
}

struct connector_item *item_copy(struct arena *a, const struct connector_item *in)
{
    struct connector_item *it = arena_alloc(a, sizeof(*it));
    struct connector_bytes *strings[16];
    memcpy(it, in, in->size < sizeof(*it) ? in->size : sizeof(*it));
    strings_of(it, strings);
    for (size_t i = 0; strings[i]; i++)
        *strings[i] = copy(a, *strings[i]);
    it->raw = copy(a, it->raw);
    if (it->media_n)
        it->media = copy_media(a, it);
    if (it->location) {
        struct connector_location *l = arena_alloc(a, sizeof(*l));
        *l = *it->location;
        l->name = copy(a, l->name);
        l->address = copy(a, l->address);
        it->location = l;
    }
    if (it->card) {
        struct connector_card *c = arena_alloc(a, sizeof(*c));
        *c = *it->card;
        c->name = copy(a, c->name);
        c->phone = copy(a, c->phone);
        c->email = copy(a, c->email);
        it->card = c;
    }
    return it;
}

/* ---- judging ---- */

static bool valid(struct connector_bytes b)
{
    return b.n == 0 || text_valid(slice_from(b), NULL);
}

static const char *media_wrong(const struct connector_media *m)
{
    int n = (m->bytes.n > 0) + (m->blob != NULL) + (m->url.n > 0) + (m->ref.n > 0);
    if (n != 1)
        return "a file needs one of bytes, blob, url and ref";
    if (!valid(m->type) || !valid(m->name) || !valid(m->url) || !valid(m->ref))
        return "a file's name, type or link is no UTF-8";
    return m->type.n > 255 || m->name.n > 1024 || m->url.n > 4096 || m->ref.n > 4096
               ? "a file's name, type or link is too long"
               : NULL;
}

static const char *parts_wrong(const struct connector_item *it)
{
    for (size_t i = 0; i < it->media_n; i++) {
        const char *why = media_wrong(&it->media[i]);
        if (why)
            return why;
    }
    if (it->location && (!valid(it->location->name) || !valid(it->location->address)))
        return "the location's name is no UTF-8";
    if (it->card && (!valid(it->card->name) || !valid(it->card->phone) || !valid(it->card->email)))
        return "the contact is no UTF-8";
    return NULL;
}

static const char *strings_wrong(const struct connector_item *it)
{
    struct connector_bytes *strings[16];
    strings_of((struct connector_item *)(uintptr_t)it, strings);
    for (size_t i = 0; strings[i]; i++) {
        if (!valid(*strings[i]))
            return "invalid UTF-8, or NUL";
        if (strings[i] != &it->text && strings[i]->n > 4 * ITEM_ID)
            return "a member is too long";
    }
    if (it->id.n > ITEM_ID || it->target.n > ITEM_ID || it->reply_to.n > ITEM_ID || it->choice.n > ITEM_ID)
        return "an id is too long";
    return NULL;
}

const char *item_wrong(const struct channel *ch, const struct connector_item *it)
{
    const struct host_config *cf = &ch->o->h->cf;
    bool change =
        it->kind == CONNECTOR_EDIT || it->kind == CONNECTOR_DELETION || it->kind == CONNECTOR_REACTION;
    const char *why = strings_wrong(it);
    if (why)
        return why;
    if (it->kind < CONNECTOR_MESSAGE || it->kind >= CONNECTOR_BAD)
        return "an unknown kind";
    if (it->kind != CONNECTOR_STATUS && !address_valid(slice_from(it->from)))
        return "the sender's address is not canonical";
    if ((change || it->kind == CONNECTOR_STATUS || it->kind == CONNECTOR_READ) && !it->target.n)
        return "the target is missing";
    if (it->kind > CONNECTOR_REACTION)
        return NULL;
    if (!it->id.n)
        return "the id is missing";
    if (it->text.n > cf->text_max)
        return "the text is too long";
    if (it->media_n > cf->attachments_max)
        return "too many files";
    if (it->kind == CONNECTOR_MESSAGE && !it->text.n && !it->media_n && !it->location && !it->card &&
        !it->choice.n)
        return "there is nothing in it";
    return parts_wrong(it);
}

/* ---- for the quarantine ---- */

static void put(struct buf *b, const char *name, struct connector_bytes v)
{
    if (!v.n)
        return;
    buf_printf(b, "%s\"%s", b->n > 1 ? "," : "", name);
    if (valid(v)) {
        buf_str(b, "\":");
        buf_json_str(b, slice_from(v));
        return;
    }
    char *text = mem_alloc(4 * ((v.n + 2) / 3) + 1);
    text_base64(text, v.p, v.n);
    buf_printf(b, "_base64\":\"%s\"", text);
    mem_free(text);
}

struct slice item_rendition(const struct connector_item *it, struct arena *a)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    buf_char(&b, '{');
    put(&b, "id", it->id);
    put(&b, "from", it->from);
    put(&b, "name", it->name);
    put(&b, "text", it->text);
    put(&b, "target", it->target);
    put(&b, "choice", it->choice);
    for (size_t i = 0; i < it->media_n; i++) {
        put(&b, "file_url", it->media[i].url);
        put(&b, "file_ref", it->media[i].ref);
    }
    buf_printf(&b, "%s\"kind\":%d,\"files\":%zu}", b.n > 1 ? "," : "", (int)it->kind, it->media_n);
    struct slice out = b.err ? SLICE("{}") : arena_slice(a, buf_view(&b));
    buf_clear(&b);
    return out;
}

/* ---- what the store takes ---- */

static void extra_text(struct buf *b, const char *name, struct connector_bytes v)
{
    if (!v.n)
        return;
    buf_str(b, b->n ? ",\"" : "\"");
    buf_str(b, name);
    buf_str(b, "\":");
    buf_json_str(b, slice_from(v));
}

static void extra_parts(const struct connector_item *src, struct buf *b)
{
    if (src->location) {
        buf_printf(b, "%s\"location\":{\"latitude\":%.7f,\"longitude\":%.7f", b->n ? "," : "",
                   src->location->latitude, src->location->longitude);
        extra_text(b, "name", src->location->name);
        extra_text(b, "address", src->location->address);
        buf_char(b, '}');
    }
    if (src->card) {
        buf_printf(b, "%s\"contact_card\":{\"own\":%s", b->n ? "," : "", src->card->own ? "true" : "false");
        extra_text(b, "name", src->card->name);
        extra_text(b, "phone", src->card->phone);
        extra_text(b, "email", src->card->email);
        buf_char(b, '}');
    }
}

/* The provider's names for it: a quote, a reaction or a read mark of ours has to use them. */
static void extra_ids(const struct item *it, struct buf *b)
{
    buf_str(b, b->n ? ",\"ids\":[" : "\"ids\":[");
    for (size_t i = 0; i < it->count; i++) {
        buf_str(b, i ? "," : "");
        buf_json_str(b, slice_from(it->b->srcs[it->first + i]->id));
    }
    buf_char(b, ']');
}

void item_extra(struct item *it, const char *language)
{
    const struct connector_item *src = it->src;
    struct buf b;
    buf_init(&b, 1u << 18);
    if (it->media_n) {
        buf_str(&b, "\"attachments\":[");
        for (size_t i = 0; i < it->media_n; i++) {
            buf_str(&b, i ? "," : "");
            buf_slice(&b, it->attachments[i]);
        }
        buf_char(&b, ']');
    }
    extra_parts(src, &b);
    extra_text(&b, "choice", src->choice.n ? src->choice : bytes_from(it->choice));
    extra_text(&b, "reply_to", src->reply_to.n ? src->reply_to : bytes_from(it->asked));
    if (src->id_per_sender)
        extra_text(&b, "ref", src->id);
    else
        extra_ids(it, &b);
    if (language && *language)
        extra_text(&b, "language", bytes_from(slice_str(language)));
    char *out = arena_alloc(it->b->arena, b.n + 3);
    out[0] = '{';
    if (b.n)
        memcpy(out + 1, b.p, b.n);
    out[b.n + 1] = '}';
    it->in.extra = slice_of(out, b.n + 2);
    buf_clear(&b);
}

/* Files that are fetched later: their place in the entry, and the job that says where they are. */
static void fetch_jobs(struct channel *ch, struct item *it)
{
    struct store_media *jobs = NULL;
    for (size_t i = 0; i < it->media_n; i++) {
        const struct connector_media *m = it->media[i];
        if (!m->url.n && !m->ref.n)
            continue;
        struct buf b;
        buf_init(&b, 16384);
        buf_printf(&b, "{\"at\":%zu,\"voice\":%s,\"size\":%llu", i, m->voice ? "true" : "false",
                   (unsigned long long)m->bytes_expected);
        extra_text(&b, "channel", bytes_from(slice_str(ch->id)));
        extra_text(&b, "url", m->url);
        extra_text(&b, "ref", m->ref);
        extra_text(&b, "type", m->type);
        extra_text(&b, "name", m->name);
        buf_char(&b, '}');
        if (!jobs)
            jobs = arena_alloc(it->b->arena, it->media_n * sizeof(*jobs));
        jobs[it->in.media_n++].job = arena_dup(it->b->arena, b.n ? b.p : "", b.n);
        buf_clear(&b);
    }
    it->in.media = jobs;
}

static enum store_kind kind_of(enum connector_kind k)
{
    return k == CONNECTOR_EDIT       ? STORE_EDIT
           : k == CONNECTOR_DELETION ? STORE_DELETION
           : k == CONNECTOR_REACTION ? STORE_REACTION
                                     : STORE_MESSAGE;
}

void item_inbound(struct channel *ch, struct item *it)
{
    const struct connector_item *src = it->src;
    struct arena *a = it->b->arena;
    struct slice also = slice_from(src->also);
    it->in = (struct store_inbound){.channel = ch->id,
                                    .kind = kind_of(src->kind),
                                    .provider_id = slice_from(src->id),
                                    .id_per_sender = src->id_per_sender,
                                    .address = address_inward(ch, slice_from(src->from), a),
                                    .verified = address_vouched(ch, slice_from(src->from)),
                                    .name = slice_from(src->name),
                                    .provider_ms = src->time_ms,
                                    .text = slice_from(src->text),
                                    .target = slice_from(src->target),
                                    .quotes = slice_from(src->reply_to),
                                    .reopen_hours = ch->o->reopen_hours,
                                    .topic = "",
                                    .area = ch->area ? arena_strdup(a, ch->area) : "",
                                    .priority = 1};
    /* A second address joins only when it is somebody's word that counts. */
    if (also.n && address_valid(also) && address_vouched(ch, also))
        it->in.also = also;
    it->said =
        (struct host_said){.locale = slice_from(src->locale),
                           .locale_stated = src->locale_stated,
                           .topic = slice_from(src->topic),
                           .clearance = src->clearance > ch->clearance ? src->clearance : ch->clearance,
                           .area = it->in.area,
                           .channel_topic = ch->topic ? arena_strdup(a, ch->topic) : "",
                           .has_text = src->text.n > 0 && src->kind != CONNECTOR_REACTION};
    it->in.clearance = it->said.clearance;
    album_inbound(ch, it);
    it->in.asks = choice_may(it);
    fetch_jobs(ch, it);
}
