/* SPDX-License-Identifier: Apache-2.0
 * The records as JSON, as README.md names their members. Nothing here decides who may see them. */
#include "gateway/api/api_internal.h"
#include <string.h>

static void str(struct buf *b, const char *key, const char *value)
{
    buf_printf(b, ",\"%s\":", key);
    buf_json_str(b, slice_str(value));
}

static void str_or_null(struct buf *b, const char *key, const char *value)
{
    if (value && *value)
        str(b, key, value);
    else
        buf_printf(b, ",\"%s\":null", key);
}

static void number(struct buf *b, const char *key, uint64_t v)
{
    buf_printf(b, ",\"%s\":", key);
    buf_u64(b, v);
}

void view_time(struct buf *b, const char *key, int64_t ms, bool null_when_0)
{
    char text[TIME_TEXT];
    if (ms) {
        time_text(ms, text);
        buf_printf(b, ",\"%s\":\"%s\"", key, text);
    } else if (null_when_0)
        buf_printf(b, ",\"%s\":null", key);
}

/* Blank-separated names as a JSON array. */
static void names(struct buf *b, const char *key, const char *list)
{
    struct slice rest = slice_str(list), one;
    bool first = true;
    buf_printf(b, ",\"%s\":[", key);
    while (slice_next(&rest, ' ', &one)) {
        if (!one.n)
            continue;
        if (!first)
            buf_char(b, ',');
        first = false;
        buf_json_str(b, one);
    }
    buf_char(b, ']');
}

static void language(struct buf *b, const struct store_language *l)
{
    static const char *const how[] = {"unknown", "guessed", "set", "stated"};
    buf_str(b, ",\"language\":");
    if (!l->tag[0]) {
        buf_str(b, "null");
        return;
    }
    buf_str(b, "{\"tag\":");
    buf_json_str(b, slice_str(l->tag));
    if (l->script[0])
        str(b, "script", l->script);
    buf_printf(b, ",\"how\":\"%s\"}", how[l->how]);
}

/* ---- contacts ---- */

/* The profile's name, or NULL; the caller json_decref()s *keep. */
static const char *profile_name(const struct store_contact *c, json_t **keep)
{
    *keep = c && c->profile.n ? json_parse(c->profile, JSON_DEPTH_DEFAULT, NULL) : NULL;
    return json_string_value(json_object_get(*keep, "name"));
}

static void contact_threads(struct buf *b, const struct store_thread *const *t, size_t n)
{
    buf_str(b, ",\"threads\":[");
    for (size_t i = 0; i < n; i++) {
        buf_printf(b, "%s{\"id\":\"%s\",\"state\":\"%s\"", i ? "," : "", t[i]->id.s,
                   store_state_names[t[i]->state]);
        view_time(b, "opened", t[i]->opened_ms, true);
        str_or_null(b, "topic", t[i]->topic);
        buf_printf(b, ",\"clearance\":%d}", t[i]->clearance);
    }
    buf_char(b, ']');
}

static void contact_addresses(struct buf *b, const struct store_contact *c)
{
    buf_str(b, ",\"addresses\":[");
    for (size_t i = 0; i < c->addresses_n; i++) {
        const struct store_address *a = &c->addresses[i];
        buf_str(b, i ? ",{\"uri\":" : "{\"uri\":");
        buf_json_str(b, a->uri);
        str(b, "channel", a->channel);
        buf_printf(b, ",\"verified\":%s,\"blocked\":%s", a->verified ? "true" : "false",
                   a->blocked ? "true" : "false");
        view_time(b, "last_seen", a->last_ms, true);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

static void profile_member(struct buf *b, const json_t *profile, const char *key, const char *dflt)
{
    const json_t *v = json_object_get(profile, key);
    buf_printf(b, ",\"%s\":", key);
    if (v)
        json_write(v, b);
    else
        buf_str(b, dflt);
}

void view_contact(struct buf *b, const struct store_contact *c, const struct store_thread *const *threads,
                  size_t n)
{
    json_t *profile;
    const char *name = profile_name(c, &profile);
    buf_printf(b, "{\"id\":\"%s\"", c->id.s);
    str_or_null(b, "name", name);
    language(b, &c->language);
    contact_addresses(b, c);
    profile_member(b, profile, "fields", "{}");
    profile_member(b, profile, "notes", "\"\"");
    str_or_null(b, "area", c->area);
    if (json_object_get(profile, "country"))
        profile_member(b, profile, "country", "null");
    if (json_is_object(json_object_get(profile, "safe")))
        profile_member(b, profile, "safe", "null");
    if (c->erased)
        buf_str(b, ",\"erased\":true");
    contact_threads(b, threads, n);
    buf_char(b, '}');
    json_decref(profile);
}

/* ---- threads ---- */

#define PREVIEW_UNITS 90

static void thread_last(struct buf *b, const struct store_thread *t, const struct store_entry *last,
                        bool preview)
{
    if (!last) {
        buf_str(b, ",\"last\":null");
        return;
    }
    char at[TIME_TEXT];
    time_text(last->time_ms, at);
    buf_printf(b, ",\"last\":{\"time\":\"%s\",\"direction\":\"%s\",\"kind\":\"%s\",\"preview\":", at,
               last->inbound ? "in" : "out", store_kind_names[last->kind]);
    struct slice text = last->text;
    if (preview && t->clearance < 2 && last->kind != STORE_EVENT) {
        text.n = text.n ? text_split(text, PREVIEW_UNITS) : 0;
        buf_json_str(b, text);
    } else
        buf_str(b, "null"); /* sensitive: not fetched rather than hidden */
    buf_printf(b, ",\"seq\":%llu", (unsigned long long)last->seq);
    if (!last->inbound && last->kind < STORE_NOTE)
        buf_printf(b, ",\"status\":\"%s\"", store_status_names[last->status]);
    buf_char(b, '}');
}

/* How it was resolved, or which end waits for a focal point ("reason outcome who when seq"). */
static void thread_end(struct buf *b, const struct store_thread *t)
{
    struct slice rest = slice_str(t->ending ? t->ending : ""), reason, outcome, by, when;
    uint64_t ms = 0;
    if (t->state == STORE_RESOLVED) {
        if (t->reason && *t->reason)
            str(b, "reason", t->reason);
        if (t->known && *t->known)
            str(b, "known", t->known);
    } else if (slice_next(&rest, ' ', &reason) && slice_next(&rest, ' ', &outcome) &&
               slice_next(&rest, ' ', &by) && slice_next(&rest, ' ', &when) && slice_u64(when, &ms)) {
        buf_str(b, ",\"ending\":{\"reason\":");
        buf_json_str(b, reason);
        buf_str(b, ",\"by\":");
        buf_json_str(b, by);
        view_time(b, "since", (int64_t)ms, true);
        buf_char(b, '}');
    }
}

/* Whether it is known who writes: "same person?", and the last check. */
static void thread_who(struct buf *b, const struct store_thread *t)
{
    if (rights_closed(t)) {
        buf_printf(b, ",\"same_person\":{\"why\":\"%s\",\"answer\":", t->doubt);
        buf_str(b, t->doubt_answer && *t->doubt_answer ? "\"no\"}" : "null}");
    } else if (t->doubt_was && *t->doubt_was)
        buf_printf(b, ",\"same_person\":{\"why\":\"%s\",\"answer\":\"yes\"}", t->doubt_was);
    if (!t->identity_how || !*t->identity_how)
        return;
    buf_printf(b, ",\"identity\":{\"how\":\"%s\",\"by\":", t->identity_how);
    buf_json_str(b, slice_str(t->identity_by));
    view_time(b, "time", t->identity_ms, true);
    buf_char(b, '}');
}

void view_thread(struct buf *b, const struct store_thread *t, const struct store_contact *c,
                 const struct store_entry *last, bool preview)
{
    json_t *profile;
    const char *name = profile_name(c, &profile);
    uint64_t unread = t->last_in_seq > t->read_seq ? t->last_in_seq - t->read_seq : 0;
    buf_printf(b, "{\"id\":\"%s\",\"contact\":{\"id\":\"%s\"", t->id.s, t->contact.s);
    str_or_null(b, "name",
                t->clearance < 2 && !rights_closed(t) && !(rights_doubted(t) && c && c->provider_named)
                    ? name
                    : NULL);
    buf_printf(b, "},\"state\":\"%s\"", store_state_names[t->state]);
    language(b, &t->language);
    str_or_null(b, "topic", t->topic);
    buf_printf(b, ",\"priority\":%d,\"clearance\":%d", t->priority, t->clearance);
    str_or_null(b, "area", t->area);
    str_or_null(b, "team", t->team);
    str_or_null(b, "assignee", t->assignee);
    if (t->state == STORE_OFFERED)
        view_time(b, "offer_expires", t->offer_expires_ms, true);
    if (t->state == STORE_SNOOZED)
        view_time(b, "snoozed_until", t->snoozed_until_ms, true);
    str(b, "channel", t->channel);
    view_time(b, "opened", t->opened_ms, true);
    view_time(b, "waiting_since", t->state == STORE_WAITING || t->state == STORE_OFFERED ? t->waiting_ms : 0,
              true);
    view_time(b, "first_reply", t->first_reply_ms, true);
    view_time(b, "resolved", t->resolved_ms, false);
    thread_last(b, t, last, preview);
    number(b, "unread", unread);
    names(b, "tags", t->tags);
    number(b, "entries", t->entries);
    if (t->outcome && *t->outcome)
        str(b, "outcome", t->outcome);
    thread_who(b, t);
    thread_end(b, t);
    buf_char(b, '}');
    json_decref(profile);
}

/* ---- entries ---- */

static void entry_author(struct buf *b, struct api_op *o, const struct store_entry *en)
{
    static const char *const kinds[] = {"person", "agent", "bot", "system"};
    buf_printf(b, ",\"author\":{\"kind\":\"%s\"", kinds[en->author]);
    if (en->author_id && *en->author_id) {
        struct member *m = operation_member(o, en->author_id);
        str(b, "id", en->author_id);
        if (m)
            str(b, "name", m->a.name);
    }
    buf_char(b, '}');
}

/* The attachments of extra, each with its url and without what is the store's alone (its key). */
static void entry_attachments(struct buf *b, struct api_op *o, const struct store_entry *en,
                              const json_t *extra)
{
    static const char *const shown[] = {"id",    "type",  "name",  "size",   "voice",
                                        "state", "error", "width", "height", "seconds"};
    size_t i;
    json_t *a;
    buf_str(b, ",\"attachments\":[");
    json_array_foreach(json_object_get(extra, "attachments"), i, a)
    {
        buf_str(b, i ? ",{" : "{");
        for (size_t k = 0, n = 0; k < sizeof shown / sizeof *shown; k++) {
            const json_t *v = json_object_get(a, shown[k]);
            if (!v)
                continue;
            buf_printf(b, "%s\"%s\":", n++ ? "," : "", shown[k]);
            json_write(v, b);
        }
        const char *state = json_string_value(json_object_get(a, "state"));
        const char *id = json_string_value(json_object_get(a, "id"));
        if (id && (!state || strcmp(state, "stored") == 0))
            buf_printf(b, ",\"url\":\"/api/v1/ops/%s/attachments/%s?entry=%s.%llu\"", store_op_name(o->op),
                       id, en->thread.s, (unsigned long long)en->seq);
        if (!state)
            buf_str(b, ",\"state\":\"stored\"");
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

static void entry_extra(struct buf *b, const json_t *extra)
{
    static const char *const shown[] = {"choices", "choice",   "location", "contact_card",
                                        "event",   "language", "reply_to", "ref",
                                        "address", "notice",   "happened"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const json_t *v = json_object_get(extra, shown[i]);
        if (!v)
            continue;
        buf_printf(b, ",\"%s\":", shown[i]);
        json_write(v, b);
    }
}

void view_entry(struct buf *b, struct api_op *o, const struct store_entry *en)
{
    json_t *extra = en->extra.n ? json_parse(en->extra, JSON_DEPTH_DEFAULT, NULL) : NULL;
    buf_printf(b, "{\"id\":\"%s\",\"thread\":\"%s\"", en->id.s, en->thread.s);
    number(b, "seq", en->seq);
    const char *way = json_string_value(json_object_get(json_object_get(extra, "happened"), "direction"));
    buf_printf(b, ",\"kind\":\"%s\",\"direction\":\"%s\"", store_kind_names[en->kind],
               way           ? (strcmp(way, "in") == 0 ? "in" : "out")
               : en->inbound ? "in"
                             : "out");
    str(b, "channel", en->channel);
    view_time(b, "time", en->time_ms, true);
    view_time(b, "provider_time", en->provider_ms, false);
    buf_str(b, ",\"text\":");
    buf_json_str(b, en->text);
    entry_attachments(b, o, en, extra);
    entry_extra(b, extra);
    entry_author(b, o, en);
    if (en->target.s[0])
        str(b, "target", en->target.s);
    buf_str(b, ",\"external_ids\":");
    if (en->external_ids.n)
        buf_slice(b, en->external_ids);
    else if (json_is_array(json_object_get(extra, "ids"))) /* of what came in */
        json_write(json_object_get(extra, "ids"), b);
    else
        buf_str(b, "[]");
    buf_printf(b, ",\"status\":\"%s\"", store_status_names[en->status]);
    number(b, "attempt", en->attempt);
    if (en->error.n) {
        buf_str(b, ",\"error\":");
        buf_slice(b, en->error);
    }
    if (en->erased)
        buf_str(b, ",\"erased\":true");
    buf_char(b, '}');
    json_decref(extra);
}

/* ---- agents ---- */

void view_agent(struct buf *b, const struct store_agent *a, const struct who *w)
{
    buf_str(b, "{\"id\":");
    buf_json_str(b, slice_str(a->id));
    str(b, "login", a->login);
    str(b, "name", a->name);
    names(b, "teams", a->teams);
    names(b, "areas", a->areas);
    buf_str(b, ",\"languages\":{");
    for (size_t i = 0; i < a->languages_n; i++) {
        if (i)
            buf_char(b, ',');
        buf_json_str(b, slice_str(a->languages[i].tag));
        buf_printf(b, ":%d", a->languages[i].level);
    }
    buf_char(b, '}');
    names(b, "topics", a->topics);
    names(b, "roles", a->roles);
    buf_printf(b, ",\"capacity\":{\"chat\":%u}", a->capacity);
    if (rights_load(w, a))
        buf_printf(b, ",\"load\":%u", a->load);
    else
        buf_str(b, ",\"load\":null");
    buf_printf(b, ",\"presence\":\"%s\",\"clearance\":%d,\"disabled\":%s", store_presence_names[a->presence],
               a->clearance, a->disabled ? "true" : "false");
    if (rights_load(w, a))
        view_time(b, "idle_since", a->idle_ms, false);
    buf_char(b, '}');
}
