/* SPDX-License-Identifier: Apache-2.0
 * The page's frames, the same for websockets and for long polls. Frames of one link are done in order; an
 * answer to `send` comes when the message is on disk. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MAX        (1u << 20)
#define SENDS_PER_MINUTE 40
#define SENDS_BURST      20
#define PAGE_NEW         50
#define HISTORY_MAX      500
#define CHOICE_MAX       64

struct connector_bytes json_bytes(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_string(v) ? (struct connector_bytes){json_string_value(v), json_string_length(v)}
                             : (struct connector_bytes){0, 0};
}

bool ref_valid(struct connector_bytes ref)
{
    if (!ref.n || ref.n > REF_MAX)
        return false;
    for (size_t i = 0; i < ref.n; i++) {
        char c = ref.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '_'))
            return false;
    }
    return true;
}

static void say(struct link *l, struct out *o)
{
    if (!l->gone && !o->over)
        l->frame(l, out_view(o));
    out_clear(o);
}

static void end_callback(struct link *l)
{
    l->refs--;
    l->idle(l);
}

void frames_error(struct link *l, const char *code, const char *detail, struct connector_bytes ref,
                  unsigned retry_ms)
{
    struct out o;
    char number[40];
    out_init(&o, FRAME_MAX);
    out_str(&o, "{\"type\":\"error\",\"code\":\"");
    out_str(&o, code);
    out_str(&o, "\",\"detail\":");
    out_json(&o, bytes_of(detail));
    if (ref.n) {
        out_str(&o, ",\"ref\":");
        out_json(&o, ref);
    }
    if (retry_ms) {
        snprintf(number, sizeof number, ",\"retry_ms\":%u", retry_ms);
        out_str(&o, number);
    }
    out_str(&o, "}");
    say(l, &o);
}

static void bad(struct link *l, const char *detail)
{
    frames_error(l, "bad_frame", detail, (struct connector_bytes){0, 0}, 0);
}

/* ---- entries ---- */

static const char *state_name(enum connector_state s)
{
    static const char *const names[] = {"stored", "sent", "delivered", "read", "failed"};
    return names[s <= CONNECTOR_FAILED ? s : 0];
}

static void entry_files(struct out *o, const struct connector_entry *en)
{
    char number[32];
    if (!en->files_n)
        return;
    out_str(o, ",\"attachments\":[");
    for (size_t i = 0; i < en->files_n; i++) {
        const struct connector_file *f = &en->files[i];
        out_str(o, i ? ",{\"id\":" : "{\"id\":");
        out_json(o, bytes_of(f->blob));
        out_str(o, ",\"type\":");
        out_json(o, f->type);
        out_str(o, ",\"name\":");
        out_json(o, f->name);
        snprintf(number, sizeof number, ",\"size\":%llu", (unsigned long long)f->bytes);
        out_str(o, number);
        if (f->url) {
            out_str(o, ",\"url\":");
            out_json(o, bytes_of(f->url));
        }
        out_str(o, "}");
    }
    out_str(o, "]");
}

static void choices_json(struct out *o, const struct connector_choice *choices, size_t n)
{
    out_str(o, "[");
    for (size_t i = 0; i < n; i++) {
        out_str(o, i ? ",{\"id\":" : "{\"id\":");
        out_json(o, choices[i].id);
        out_str(o, ",\"title\":");
        out_json(o, choices[i].title);
        out_str(o, "}");
    }
    out_str(o, "]");
}

static void member(struct out *o, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    out_str(o, ",\"");
    out_str(o, key);
    out_str(o, "\":");
    out_json(o, bytes_of(value));
}

bool frames_entry(struct out *o, const struct connector_entry *en)
{
    bool edit = en->kind == CONNECTOR_EDIT || en->kind == CONNECTOR_DELETION;
    if (en->kind != CONNECTOR_MESSAGE && !edit)
        return false;
    out_str(o, "{\"id\":");
    out_json(o, bytes_of(en->id));
    out_str(o, edit ? ",\"kind\":\"edit\"" : ",\"kind\":\"message\"");
    out_str(o, en->inbound ? ",\"direction\":\"in\",\"time\":\"" : ",\"direction\":\"out\",\"time\":\"");
    out_time(o, en->time_ms);
    out_str(o, "\",\"text\":");
    out_json(o, en->text);
    member(o, "ref", en->ref);
    member(o, "author", en->author);
    out_str(o, ",\"status\":\"");
    out_str(o, state_name(en->status));
    out_str(o, "\"");
    entry_files(o, en);
    if (en->choices_n) {
        out_str(o, ",\"choices\":");
        choices_json(o, en->choices, en->choices_n);
    }
    if (edit)
        member(o, "of", en->target);
    if (en->kind == CONNECTOR_DELETION)
        out_str(o, ",\"deleted\":true");
    out_str(o, "}");
    return true;
}

void frames_welcome(struct link *l, const struct connector_entry *entries, size_t n, bool earlier)
{
    struct out o;
    const char *read = NULL;
    bool first = true;
    out_init(&o, 16u << 20);
    out_str(&o, "{\"type\":\"welcome\",\"session\":");
    out_json(&o, bytes_of(l->session.secret));
    out_str(&o, ",\"entries\":[");
    for (size_t i = 0; i < n; i++) {
        struct out one;
        out_init(&one, FRAME_MAX);
        if (frames_entry(&one, &entries[i])) {
            if (!first)
                out_str(&o, ",");
            first = false;
            out_bytes(&o, out_view(&one));
        }
        out_clear(&one);
        if (entries[i].inbound && entries[i].status == CONNECTOR_WAS_READ)
            read = entries[i].id;
        snprintf(l->last, sizeof l->last, "%s", entries[i].id);
    }
    out_str(&o, earlier ? "],\"earlier\":true,\"read\":" : "],\"earlier\":false,\"read\":");
    if (read)
        out_json(&o, bytes_of(read));
    else
        out_str(&o, "null");
    out_str(&o, ",\"limits\":{\"file\":26214400,\"files\":10,\"text\":65536}}");
    say(l, &o);
}

/* ---- hello ---- */

static void hello(struct link *l, const json_t *frame)
{
    const json_t *session = json_object_get(frame, "session"), *after = json_object_get(frame, "after");
    struct connector_bytes locale = json_bytes(frame, "locale");
    if ((session && !json_is_string(session) && !json_is_null(session)) ||
        (after && !json_is_string(after) && !json_is_null(after)) || locale.n >= LANG_MAX) {
        bad(l, "hello: session, after and locale are strings or null");
        return;
    }
    if (!l->c->has_key) {
        frames_error(l, "unavailable", "starting; try again in a moment", (struct connector_bytes){0, 0},
                     2000);
        return;
    }
    if (json_is_string(session)) {
        struct session s;
        if (!session_take(l->c, json_bytes(frame, "session"), &s)) {
            frames_error(l, "unknown_session", "this conversation is not known",
                         (struct connector_bytes){0, 0}, 0);
            return;
        }
        l->session = s;
    } else
        session_make(l->c, &l->session);
    l->hello = true;
    memcpy(l->locale, locale.p ? locale.p : "", locale.n);
    l->locale[locale.n] = '\0';
    l->chosen = json_is_true(json_object_get(frame, "chosen"));
    l->welcome(l, json_bytes(frame, "after"));
}

/* ---- send ---- */

struct sending {
    struct link *l;
    char ref[REF_MAX + 1];
    bool files;
};

static void ack(struct link *l, const char *ref, const char *entry)
{
    struct out o;
    out_init(&o, FRAME_MAX);
    out_str(&o, "{\"type\":\"ack\",\"ref\":");
    out_json(&o, bytes_of(ref));
    out_str(&o, ",\"id\":");
    out_json(&o, bytes_of(entry));
    out_str(&o, "}");
    say(l, &o);
}

static void on_stored(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    struct sending *s = arg;
    struct link *l = s->l;
    struct connector_bytes ref = bytes_of(s->ref);
    if (err != CONNECTOR_OK || n != 1)
        frames_error(l, "unavailable", "it could not be kept; it will be tried again", ref, 5000);
    else if (r->outcome == CONNECTOR_ITEM_STORED || r->outcome == CONNECTOR_ITEM_DUPLICATE)
        ack(l, s->ref, r->entry);
    else if (s->files)
        frames_error(l, "bad_attachment", "a file is not there any more; attach it again", ref, 0);
    else
        frames_error(l, "bad_frame", "this message can't be taken", ref, 0);
    free(s);
    end_callback(l);
}

/* Attachments as media that name blobs; false when they are malformed. */
static bool take_files(const json_t *list, struct connector_media media[FILES_MAX], size_t *n)
{
    size_t i;
    const json_t *one;
    if (list && (!json_is_array(list) || json_array_size(list) > FILES_MAX))
        return false;
    json_array_foreach(list, i, one)
    {
        if (!json_is_string(one) || json_string_length(one) > 64)
            return false;
        media[i] = (struct connector_media){.size = sizeof media[i], .blob = json_string_value(one)};
    }
    *n = json_array_size(list);
    return true;
}

static void send_frame(struct link *l, const json_t *frame)
{
    struct connector_bytes ref = json_bytes(frame, "ref"), text = json_bytes(frame, "text"),
                           choice = json_bytes(frame, "choice");
    struct connector_media media[FILES_MAX];
    size_t files = 0;
    if (!ref_valid(ref)) {
        bad(l, "send: ref is missing or has other characters than A-Z a-z 0-9 _ -");
        return;
    }
    if (!json_is_string(json_object_get(frame, "text")) || choice.n > CHOICE_MAX) {
        frames_error(l, "bad_frame", "send: text and choice are strings", ref, 0);
        return;
    }
    if (!take_files(json_object_get(frame, "attachments"), media, &files)) {
        frames_error(l, "bad_attachment", "attachments: a list of at most 10 ids", ref, 0);
        return;
    }
    if (text.n > TEXT_MAX) {
        frames_error(l, "too_long", "at most 65,536 bytes", ref, 0);
        return;
    }
    if (!text.n && !files) {
        frames_error(l, "bad_frame", "there is nothing to send", ref, 0);
        return;
    }
    if (!l->c->h->allow(l->c->inst, session_address(&l->session), SENDS_PER_MINUTE, SENDS_BURST)) {
        frames_error(l, "rate", "too many in a short time", ref, 3000);
        return;
    }
    struct sending *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->l = l;
    s->files = files > 0;
    memcpy(s->ref, ref.p, ref.n);
    struct connector_item item = {
        .size = sizeof item,
        .kind = CONNECTOR_MESSAGE,
        .id = ref,
        .id_per_sender = true,
        .from = session_address(&l->session),
        .locale = bytes_of(l->locale),
        .locale_stated = l->chosen,
        .text = text,
        .choice = choice,
        .media = media,
        .media_n = files,
    };
    l->refs++;
    l->c->h->deliver(l->c->inst, &item, 1, on_stored, s);
}

/* ---- typing and marks: nothing comes back ---- */

static void on_mark(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    (void)err;
    (void)r;
    (void)n;
    end_callback(arg);
}

void frames_got(struct link *l, struct connector_bytes entry, bool read)
{
    if (!entry.n || entry.n > 39)
        return;
    struct connector_item item = {
        .size = sizeof item,
        .kind = read ? CONNECTOR_READ : CONNECTOR_STATUS,
        .from = session_address(&l->session),
        .id = entry,
        .id_per_sender = true,
        .target = entry,
        .status = CONNECTOR_DELIVERED,
    };
    l->refs++;
    l->c->h->deliver(l->c->inst, &item, 1, on_mark, l);
}

static void typing(struct link *l, const json_t *frame)
{
    struct connector_item item = {
        .size = sizeof item,
        .kind = CONNECTOR_TYPING,
        .from = session_address(&l->session),
        .on = json_is_true(json_object_get(frame, "on")),
    };
    char key[ADDRESS_LEN + 8];
    snprintf(key, sizeof key, "typing %s", l->session.address);
    if (!l->c->h->allow(l->c->inst, bytes_of(key), 40, 10))
        return;
    l->refs++;
    l->c->h->deliver(l->c->inst, &item, 1, on_mark, l);
}

/* ---- older entries, and one entry again ---- */

struct looking {
    struct link *l;
    char entry[40];
    bool again;
};

static void say_earlier(struct link *l, const struct connector_entry *entries, size_t n, size_t at)
{
    struct out o;
    size_t from = at > PAGE_NEW ? at - PAGE_NEW : 0;
    bool first = true;
    out_init(&o, 16u << 20);
    out_str(&o, "{\"type\":\"earlier\",\"entries\":[");
    for (size_t i = from; i < at; i++) {
        struct out one;
        out_init(&one, FRAME_MAX);
        if (frames_entry(&one, &entries[i])) {
            if (!first)
                out_str(&o, ",");
            first = false;
            out_bytes(&o, out_view(&one));
        }
        out_clear(&one);
    }
    out_str(&o, from > 0 || n == HISTORY_MAX ? "],\"earlier\":true}" : "],\"earlier\":false}");
    say(l, &o);
}

static void say_entry(struct link *l, const struct connector_entry *en)
{
    struct out o, one;
    out_init(&o, FRAME_MAX);
    out_init(&one, FRAME_MAX);
    if (frames_entry(&one, en)) {
        out_str(&o, "{\"type\":\"entry\",\"entry\":");
        out_bytes(&o, out_view(&one));
        out_str(&o, "}");
        say(l, &o);
    } else
        out_clear(&o);
    out_clear(&one);
}

static void on_looked(void *arg, int err, const struct connector_entry *entries, size_t n)
{
    struct looking *k = arg;
    struct link *l = k->l;
    size_t at = 0;
    while (at < n && strcmp(entries[at].id, k->entry) != 0)
        at++;
    if (err != CONNECTOR_OK)
        frames_error(l, "unavailable", "the earlier messages can't be read now",
                     (struct connector_bytes){0, 0}, 5000);
    else if (k->again && at < n)
        say_entry(l, &entries[at]);
    else if (!k->again)
        say_earlier(l, entries, n, at < n ? at : 0);
    free(k);
    end_callback(l);
}

static void look(struct link *l, const json_t *frame, const char *key, bool again)
{
    struct connector_bytes entry = json_bytes(frame, key);
    if (!entry.n || entry.n > 39) {
        bad(l, "the id of an entry is wanted");
        return;
    }
    struct looking *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->l = l;
    k->again = again;
    memcpy(k->entry, entry.p, entry.n);
    l->refs++;
    l->c->h->history(l->c->inst, session_address(&l->session), "", HISTORY_MAX, on_looked, k);
}

/* ---- forget ---- */

static void on_forgotten(void *arg, int err)
{
    struct link *l = arg;
    if (err != CONNECTOR_OK)
        frames_error(l, "unavailable", "not forgotten yet; try again", (struct connector_bytes){0, 0}, 5000);
    else {
        if (!l->gone)
            l->frame(l, bytes_of("{\"type\":\"forgotten\"}"));
        l->hello = false;
        l->forgotten(l);
    }
    end_callback(l);
}

static void forget(struct link *l)
{
    l->refs++;
    l->c->h->forget(l->c->inst, session_address(&l->session), on_forgotten, l);
}

/* ---- which frame ---- */

enum frame_type { F_HELLO, F_SEND, F_TYPING, F_READ, F_GOT, F_EARLIER, F_AGAIN, F_FORGET, F_COUNT };

static const struct {
    const char *type;
    const char *members[6];
} frame_types[F_COUNT] = {
    [F_HELLO] = {"hello", {"session", "after", "locale", "chosen", NULL}},
    [F_SEND] = {"send", {"ref", "text", "attachments", "choice", NULL}},
    [F_TYPING] = {"typing", {"on", NULL}},
    [F_READ] = {"read", {"id", NULL}},
    [F_GOT] = {"got", {"id", NULL}},
    [F_EARLIER] = {"earlier", {"before", NULL}},
    [F_AGAIN] = {"again", {"id", NULL}},
    [F_FORGET] = {"forget", {NULL}},
};

static bool members_known(const json_t *frame, enum frame_type t)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)frame, key, value)
    {
        bool known = strcmp(key, "type") == 0;
        for (size_t i = 0; !known && frame_types[t].members[i]; i++)
            known = strcmp(key, frame_types[t].members[i]) == 0;
        if (!known)
            return false;
    }
    return true;
}

static void run(struct link *l, enum frame_type t, const json_t *frame)
{
    switch (t) {
    case F_HELLO:
        hello(l, frame);
        break;
    case F_SEND:
        send_frame(l, frame);
        break;
    case F_TYPING:
        typing(l, frame);
        break;
    case F_READ:
    case F_GOT:
        frames_got(l, json_bytes(frame, "id"), t == F_READ);
        break;
    case F_EARLIER:
        look(l, frame, "before", false);
        break;
    case F_AGAIN:
        look(l, frame, "id", true);
        break;
    case F_FORGET:
        forget(l);
        break;
    default:
        break;
    }
}

void frames_in(struct link *l, const json_t *frame)
{
    struct connector_bytes type = json_bytes(frame, "type"), ref = json_bytes(frame, "ref");
    enum frame_type t = 0;
    while (t < F_COUNT && !bytes_are(type, frame_types[t].type))
        t++;
    if (ref.n > REF_MAX)
        ref.n = 0;
    if (t == F_COUNT || !members_known(frame, t))
        frames_error(l, "bad_frame", "this frame, or a member of it, is not known", ref, 0);
    else if (t != F_HELLO && !l->hello)
        frames_error(l, "bad_frame", "say hello first", ref, 0);
    else
        run(l, t, frame);
}
