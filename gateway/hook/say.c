/* SPDX-License-Identifier: Apache-2.0
 * What is told: ids and codes of an event, the thread's codes as they are when it is sent, a text only where
 * the operation wants so. */
#include "gateway/base/json.h"
#include "gateway/hook/hook_internal.h"
#include <string.h>

static const char *const states[] = {"bot", "waiting", "offered", "assigned", "snoozed", "resolved"};

bool say_type(const struct store_event *ev, char out[HOOK_TYPE])
{
    struct buf b;
    buf_init(&b, HOOK_TYPE - 1);
    if (ev->kind == STORE_EV_ENTRY)
        buf_str(&b, "entry.added");
    else if (ev->kind == STORE_EV_ENTRY_STATUS)
        buf_str(&b, "entry.status");
    else if (ev->kind == STORE_EV_ENTRY_CHANGED)
        buf_str(&b, "entry.changed");
    else if (ev->kind == STORE_EV_THREAD && ev->why && *ev->why && strcmp(ev->why, "read") != 0)
        buf_printf(&b, "thread.%s", ev->why);
    bool good = b.n && !b.err && ev->thread.s[0];
    if (good)
        memcpy(out, b.p, b.n);
    out[good ? b.n : 0] = '\0';
    buf_clear(&b);
    return good;
}

bool say_matches(const struct hook *k, const char *type)
{
    for (size_t i = 0; i < k->events_n; i++) {
        const char *want = k->events[i];
        size_t n = strlen(want);
        if (strcmp(want, "*") == 0 || strcmp(want, type) == 0)
            return true;
        if (n > 2 && want[n - 1] == '*' && want[n - 2] == '.' && strncmp(want, type, n - 1) == 0)
            return true;
    }
    return false;
}

bool say_area(const struct hook *k, const char *area)
{
    size_t n = k->area ? strlen(k->area) : 0;
    return !n || (strncmp(area, k->area, n) == 0 && (area[n] == '\0' || area[n] == '/'));
}

void say_id(const struct store_op *op, const struct store_event *ev, char out[HOOK_ID])
{
    struct buf b;
    buf_init(&b, HOOK_ID - 1);
    buf_printf(&b, "msg_%s_%s", store_op_name(op), ev->id);
    size_t n = b.err ? 0 : b.n;
    memcpy(out, n ? b.p : "", n);
    out[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (out[i] == '.') /* what is signed has points between its parts */
            out[i] = '_';
    buf_clear(&b);
}

static void member(struct buf *b, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf(b, ",\"%s\":", name);
    buf_json_str(b, slice_str(value));
}

static void entry(const struct store_event *ev, struct buf *b)
{
    buf_printf(b, ",\"entry\":{\"id\":\"%s\",\"seq\":%llu,\"kind\":\"%s\",\"direction\":\"%s\"", ev->entry.s,
               (unsigned long long)ev->seq, store_kind_names[ev->entry_kind], ev->inbound ? "in" : "out");
    member(b, "channel", ev->channel);
    if (ev->kind == STORE_EV_ENTRY_STATUS)
        buf_printf(b, ",\"status\":\"%s\",\"attempt\":%u", store_status_names[ev->status], ev->attempt);
    buf_char(b, '}');
}

static void when(const char *event_id, struct buf *b)
{
    char text[TIME_TEXT];
    uint64_t ms = 0;
    struct slice id = slice_str(event_id), first;
    slice_next(&id, '-', &first);
    slice_u64(first, &ms);
    time_text((int64_t)ms, text);
    buf_str(b, text);
}

void say_event(const struct store_event *ev, const char *type, struct buf *b)
{
    buf_printf(b, "{\"event\":\"%s\",\"time\":\"", ev->id);
    when(ev->id, b);
    buf_printf(b, "\",\"thread\":\"%s\"", ev->thread.s);
    if (ev->contact.s[0])
        buf_printf(b, ",\"contact\":\"%s\"", ev->contact.s);
    if (ev->kind == STORE_EV_THREAD) {
        buf_printf(b, ",\"state\":\"%s\"", states[ev->state]);
        member(b, "agent", ev->agent);
        member(b, "before", ev->before);
    } else
        entry(ev, b);
    member(b, "actor", ev->actor);
    buf_char(b, '}');
    (void)type;
}

static void now(const struct store_thread *t, struct buf *b)
{
    buf_printf(b, ",\"now\":{\"state\":\"%s\",\"clearance\":%d,\"priority\":%d", states[t->state],
               t->clearance, t->priority);
    member(b, "area", t->area);
    member(b, "topic", t->topic);
    member(b, "agent", t->assignee);
    member(b, "outcome", t->outcome);
    member(b, "channel", t->channel);
    if (t->language.how == STORE_STATED || t->language.how == STORE_SET) /* a guess is told to nobody */
        member(b, "language", t->language.tag);
    buf_char(b, '}');
}

void say_body(const struct store_op *op, const struct hook_delivery *d, const struct store_thread *t,
              struct slice text, struct buf *b)
{
    json_t *o = json_parse(d->json, 8, NULL);
    const char *at = json_string_value(json_object_get(o, "time"));
    buf_printf(b, "{\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":{\"operation\":\"%s\"", d->type,
               at ? at : "", store_op_name(op));
    if (d->json.n > 2) {
        buf_char(b, ',');
        buf_slice(b, slice_of(d->json.p + 1, d->json.n - 2));
    }
    if (text.n) {
        buf_str(b, ",\"text\":");
        buf_json_str(b, text);
    }
    if (t)
        now(t, b);
    buf_str(b, "}}");
    json_decref(o);
}

void say_test(const struct store_op *op, const char *hook, struct buf *b)
{
    char text[TIME_TEXT];
    time_text(store_now_ms(store_of(op)), text);
    buf_printf(
        b,
        "{\"type\":\"parley.test\",\"timestamp\":\"%s\",\"data\":{\"operation\":\"%s\",\"webhook\":\"%s\"}}",
        text, store_op_name(op), hook);
}
