/* SPDX-License-Identifier: Apache-2.0
 * Messages out. One message may take several calls (text, then files): they go one after the other, and what
 * has been sent is not sent again. */
#include "telegram.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALBUM_MAX  10
#define STEP_TRIES 3
#define IDS_MAX    10

struct file {
    char *blob, *type, *name;
    uint64_t bytes;
    bool voice;
};

struct sending {
    connector_instance *c;
    connector_token token;
    long long chat;
    char *text;
    size_t text_n;
    json_t *keyboard;           /* reply_markup; NULL */
    long long reply_to, target; /* message ids; 0 */
    enum connector_kind kind;
    bool has_place;
    double latitude, longitude;
    struct file *files;
    size_t files_n, files_done, in_step; /* files that this call carries */
    bool text_done, captioned;
    unsigned tries;
    char ids[IDS_MAX][48];
    size_t ids_n;
};

static void step(struct sending *s);
static void on_step(void *arg, const struct answer *a);

static void sending_free(struct sending *s)
{
    for (size_t i = 0; i < s->files_n; i++) {
        free(s->files[i].blob);
        free(s->files[i].type);
        free(s->files[i].name);
    }
    free(s->files);
    free(s->text);
    json_decref(s->keyboard);
    free(s);
}

static void finish(struct sending *s, struct connector_result *r)
{
    connector_instance *c = s->c;
    r->size = sizeof *r;
    for (size_t i = 0; i < s->ids_n; i++)
        r->external_ids[i] = bytes_of(s->ids[i]);
    r->external_ids_n = s->ids_n;
    c->h->sent(c->inst, s->token, r);
    sending_free(s);
    busy_end(c);
}

static void finish_ok(struct sending *s)
{
    struct connector_result r = {.outcome = CONNECTOR_OUT_SENT};
    finish(s, &r);
}

/* ---- what an answer means ---- */

static bool says(const struct answer *a, const char *words)
{
    return strcasestr(a->text, words) != NULL;
}

static void judge(const struct answer *a, struct connector_result *r, char moved[40])
{
    char *none = moved;
    none[0] = '\0';
    r->outcome = CONNECTOR_OUT_FAILED;
    r->text = bytes_of(a->text);
    if (a->error != CONNECTOR_OK) {
        r->outcome = a->maybe_sent ? CONNECTOR_OUT_UNKNOWN : CONNECTOR_OUT_RETRY;
        r->text = bytes_of(a->maybe_sent ? "the answer was cut off: it may have been sent"
                                         : "Telegram can't be reached");
    } else if (a->code == 429) {
        r->outcome = CONNECTOR_OUT_RATE;
        r->retry_after_ms =
            a->retry_after_s > 0 && a->retry_after_s < 86400 ? (uint32_t)a->retry_after_s * 1000 : 5000;
    } else if (a->migrate_to) {
        r->outcome = CONNECTOR_OUT_RETRY;
        snprintf(moved, 40, "telegram:%lld", (long long)a->migrate_to);
        r->moved_to = bytes_of(moved);
    } else if (a->code == 401 || a->code == 404) {
        r->outcome = CONNECTOR_OUT_AUTH;
        r->text = bytes_of("the bot's token is refused");
    } else if (a->code == 403 || says(a, "chat not found") || says(a, "user is deactivated"))
        r->outcome = CONNECTOR_OUT_GONE;
    else if (a->code >= 500 || a->code == 0)
        r->outcome = CONNECTOR_OUT_RETRY;
}

static void on_retry_step(void *arg)
{
    step(arg);
}

/* Something was sent already: the rest is tried here, since the host would send the whole again. */
static bool retry_here(struct sending *s, const struct connector_result *r)
{
    bool may = r->outcome == CONNECTOR_OUT_RETRY || r->outcome == CONNECTOR_OUT_RATE;
    if (!s->ids_n || !may || ++s->tries > STEP_TRIES || s->c->stopping)
        return false;
    uint32_t ms = r->retry_after_ms ? r->retry_after_ms : 1000u << s->tries;
    s->c->h->timer(s->c->inst, ms < 60000 ? ms : 60000, on_retry_step, s);
    return true;
}

static void failed(struct sending *s, const struct answer *a)
{
    struct connector_result r = {0};
    char moved[40], code[16];
    judge(a, &r, moved);
    snprintf(code, sizeof code, "%d", a->code);
    r.code = bytes_of(a->error == CONNECTOR_OK ? code : "");
    if (retry_here(s, &r))
        return;
    if (s->ids_n && r.outcome != CONNECTOR_OUT_UNKNOWN) {
        r.outcome = CONNECTOR_OUT_FAILED; /* never the first part a second time */
        r.text = bytes_of("only a part was sent: the files are missing");
    }
    finish(s, &r);
}

/* ---- steps ---- */

static void keep_id(struct sending *s, const json_t *message)
{
    long long id = json_integer_value(json_object_get(message, "message_id"));
    if (id && s->ids_n < IDS_MAX)
        snprintf(s->ids[s->ids_n++], sizeof s->ids[0], "%lld:%lld", s->chat, id);
}

/* What was sent with a file has its text as caption, which is another method. Telegram says so. */
static bool edit_caption(struct sending *s, const struct answer *a)
{
    if (s->kind != CONNECTOR_EDIT || s->captioned || !says(a, "no text in the message to edit"))
        return false;
    s->captioned = true;
    api_call(s->c, "editMessageCaption",
             json_pack("{s:I,s:I,s:s%}", "chat_id", (json_int_t)s->chat, "message_id", (json_int_t)s->target,
                       "caption", s->text, s->text_n),
             NULL, 0, 0, s->token, on_step, s);
    return true;
}

static void on_step(void *arg, const struct answer *a)
{
    struct sending *s = arg;
    const json_t *one;
    size_t i;
    if (!a->ok) {
        if (edit_caption(s, a))
            return;
        if (says(a, "message to delete not found") && s->kind == CONNECTOR_DELETION)
            finish_ok(s); /* gone already: what was wanted */
        else if (s->kind != CONNECTOR_MESSAGE && says(a, "message is not modified"))
            finish_ok(s);
        else
            failed(s, a);
        return;
    }
    s->tries = 0;
    json_array_foreach(a->ok, i, one) keep_id(s, one);
    if (json_is_object(a->ok))
        keep_id(s, a->ok);
    if (s->in_step)
        s->files_done += s->in_step;
    else
        s->text_done = true;
    if (s->captioned)
        s->text_done = true;
    s->in_step = 0;
    step(s);
}

static json_t *chat_body(const struct sending *s)
{
    json_t *b = json_pack("{s:I}", "chat_id", (json_int_t)s->chat);
    if (s->reply_to)
        json_object_set_new(
            b, "reply_parameters",
            json_pack("{s:I,s:b}", "message_id", (json_int_t)s->reply_to, "allow_sending_without_reply", 1));
    return b;
}

static void send_text(struct sending *s)
{
    json_t *b = chat_body(s);
    json_object_set_new(b, "text", json_stringn(s->text, s->text_n));
    json_object_set_new(b, "link_preview_options",
                        json_pack("{s:b}", "is_disabled", 1)); /* no fetch of links on people's behalf */
    if (s->keyboard)
        json_object_set(b, "reply_markup", s->keyboard);
    api_call(s->c, "sendMessage", b, NULL, 0, 0, s->token, on_step, s);
}

static void send_place(struct sending *s)
{
    json_t *b = chat_body(s);
    json_object_set_new(b, "latitude", json_real(s->latitude));
    json_object_set_new(b, "longitude", json_real(s->longitude));
    s->text_done = true;
    s->has_place = false;
    api_call(s->c, "sendLocation", b, NULL, 0, 0, s->token, on_step, s);
}

/* ---- files ---- */

struct way { /* how a file goes: method, field, and what an album calls it */
    const char *method, *field;
};

static struct way way_of(const struct file *f)
{
    bool picture = strcmp(f->type, "image/jpeg") == 0 || strcmp(f->type, "image/png") == 0 ||
                   strcmp(f->type, "image/webp") == 0;
    if (f->voice && strncmp(f->type, "audio/ogg", 9) == 0)
        return (struct way){"sendVoice", "voice"};
    if (picture && f->bytes <= PHOTO_MAX)
        return (struct way){"sendPhoto", "photo"};
    if (strcmp(f->type, "video/mp4") == 0)
        return (struct way){"sendVideo", "video"};
    if (strcmp(f->type, "audio/mpeg") == 0 || strcmp(f->type, "audio/mp4") == 0)
        return (struct way){"sendAudio", "audio"};
    return (struct way){"sendDocument", "document"};
}

/* How many files from the next one on may be one album: pictures and films together, or documents, or music.
 */
static size_t album_length(const struct sending *s)
{
    size_t n = 0;
    char first = 0;
    for (size_t i = s->files_done; i < s->files_n && n < ALBUM_MAX; i++, n++) {
        const char *field = way_of(&s->files[i]).field;
        char kind = field[0] == 'p'                      ? 'v'
                    : field[0] == 'v' && field[1] == 'o' ? 'x'
                                                         : field[0]; /* photo and video mix; voice never */
        if (kind == 'x')
            return n ? n : 1;
        if (first && kind != first)
            return n;
        first = kind;
    }
    return n;
}

static void send_file(struct sending *s)
{
    const struct file *f = &s->files[s->files_done];
    struct way w = way_of(f);
    char chat[32], reply[96];
    struct connector_part parts[4];
    size_t n = 0;
    snprintf(chat, sizeof chat, "%lld", s->chat);
    parts[n++] = (struct connector_part){.name = "chat_id", .bytes = bytes_of(chat)};
    if (s->reply_to) {
        snprintf(reply, sizeof reply, "{\"message_id\":%lld,\"allow_sending_without_reply\":true}",
                 s->reply_to);
        parts[n++] = (struct connector_part){.name = "reply_parameters", .bytes = bytes_of(reply)};
    }
    if (s->captioned)
        parts[n++] = (struct connector_part){.name = "caption", .bytes = {s->text, s->text_n}};
    parts[n++] =
        (struct connector_part){.name = w.field, .filename = f->name, .type = f->type, .blob = f->blob};
    s->in_step = 1;
    api_call(s->c, w.method, NULL, parts, n, 300000, s->token, on_step, s);
}

static void send_album(struct sending *s, size_t n)
{
    struct connector_part parts[ALBUM_MAX + 2];
    char names[ALBUM_MAX][32], attach[48], chat[32];
    json_t *media = json_array();
    snprintf(chat, sizeof chat, "%lld", s->chat);
    for (size_t i = 0; i < n; i++) {
        const struct file *f = &s->files[s->files_done + i];
        snprintf(names[i], sizeof names[i], "file%zu", i);
        snprintf(attach, sizeof attach, "attach://%s", names[i]);
        json_array_append_new(media, json_pack("{s:s,s:s}", "type", way_of(f).field, "media", attach));
        parts[i + 2] =
            (struct connector_part){.name = names[i], .filename = f->name, .type = f->type, .blob = f->blob};
    }
    char *text = json_dumps(media, JSON_COMPACT);
    parts[0] = (struct connector_part){.name = "chat_id", .bytes = bytes_of(chat)};
    parts[1] = (struct connector_part){.name = "media", .bytes = bytes_of(text)};
    s->in_step = n;
    api_call(s->c, "sendMediaGroup", NULL, parts, n + 2, 300000, s->token, on_step, s);
    free(text);
    json_decref(media);
}

/* Code units as UTF-16: what Telegram counts. */
static size_t units(const char *p, size_t n)
{
    size_t u = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        u += (c & 0xC0) != 0x80;
        u += c >= 0xF0;
    }
    return u;
}

/* What comes next; the end when all was sent. */
static void step(struct sending *s)
{
    if (s->has_place) {
        send_place(s);
        return;
    }
    bool text_left = s->text_n && !s->text_done;
    s->captioned = text_left && s->files_n == 1 && !s->keyboard && units(s->text, s->text_n) <= CAPTION_MAX;
    if (text_left && !s->captioned) {
        send_text(s);
        return;
    }
    if (s->files_done == s->files_n) {
        finish_ok(s);
        return;
    }
    size_t n = album_length(s);
    if (n > 1)
        send_album(s, n);
    else
        send_file(s);
}

/* ---- taking a message ---- */

static bool chat_of(struct connector_bytes to, long long *chat)
{
    char text[32] = "", *end;
    if (to.n <= 9 || to.n - 9 >= sizeof text || memcmp(to.p, "telegram:", 9) != 0)
        return false;
    memcpy(text, to.p + 9, to.n - 9);
    *chat = strtoll(text, &end, 10);
    return *chat && *end == '\0';
}

/* The message id of "<chat>:<message>"; 0 when it is another chat's, or none. */
static long long message_of(struct connector_bytes external, long long chat)
{
    char text[64] = "", *end;
    if (!external.n || external.n >= sizeof text)
        return 0;
    memcpy(text, external.p, external.n);
    long long c = strtoll(text, &end, 10);
    return c == chat && *end == ':' ? strtoll(end + 1, NULL, 10) : 0;
}

static json_t *keyboard_of(const struct connector_message *m)
{
    json_t *rows;
    if (!m->choices_n)
        return NULL;
    rows = json_array();
    for (size_t i = 0; i < m->choices_n; i++)
        json_array_append_new(rows,
                              json_pack("[{s:s%,s:s%}]", "text", m->choices[i].title.p, m->choices[i].title.n,
                                        "callback_data", m->choices[i].id.p, m->choices[i].id.n));
    return json_pack("{s:o}", "inline_keyboard", rows);
}

static char *copy(struct connector_bytes b, const char *dflt)
{
    char *s = b.n ? strndup(b.p, b.n) : strdup(dflt);
    if (!s)
        abort();
    return s;
}

static void copy_files(struct sending *s, const struct connector_message *m)
{
    if (!m->files_n)
        return;
    s->files = calloc(m->files_n, sizeof *s->files);
    if (!s->files)
        abort();
    for (size_t i = 0; i < m->files_n; i++)
        s->files[s->files_n++] = (struct file){
            .blob = copy(bytes_of(m->files[i].blob), ""),
            .type = copy(m->files[i].type, "application/octet-stream"),
            .name = copy(m->files[i].name, "file"),
            .bytes = m->files[i].bytes,
            .voice = m->files[i].voice,
        };
}

/* Edits, deletions and reactions are one call each. */
static void change(struct sending *s)
{
    json_t *b = json_pack("{s:I,s:I}", "chat_id", (json_int_t)s->chat, "message_id", (json_int_t)s->target);
    const char *method = "deleteMessage";
    if (s->kind == CONNECTOR_EDIT) {
        method = "editMessageText";
        json_object_set_new(b, "text", json_stringn(s->text, s->text_n));
        json_object_set_new(b, "link_preview_options", json_pack("{s:b}", "is_disabled", 1));
    } else if (s->kind == CONNECTOR_REACTION) {
        method = "setMessageReaction";
        json_t *list = s->text_n ? json_pack("[{s:s,s:s%}]", "type", "emoji", "emoji", s->text, s->text_n)
                                 : json_array();
        json_object_set_new(b, "reaction", list);
    }
    s->text_done = true;
    api_call(s->c, method, b, NULL, 0, 0, s->token, on_step, s);
}

int send_message(connector_instance *c, const struct connector_message *m, connector_token t)
{
    long long chat;
    if (c->stopping)
        return CONNECTOR_EAGAIN;
    if (!chat_of(m->to, &chat))
        return CONNECTOR_EINVALID;
    for (size_t i = 0; i < m->files_n; i++)
        if (m->files[i].bytes > FILE_OUT_MAX)
            return CONNECTOR_ELIMIT;
    long long target = message_of(m->target, chat);
    if (m->kind != CONNECTOR_MESSAGE && !target)
        return CONNECTOR_EINVALID;
    struct sending *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->c = c;
    s->token = t;
    s->chat = chat;
    s->kind = m->kind;
    s->target = target;
    s->text = copy(m->text, "");
    s->text_n = m->text.n;
    s->reply_to = message_of(m->reply_to, chat);
    s->keyboard = keyboard_of(m);
    if (m->location) {
        s->has_place = true;
        s->latitude = m->location->latitude;
        s->longitude = m->location->longitude;
    }
    copy_files(s, m);
    c->busy++;
    if (m->kind == CONNECTOR_MESSAGE)
        step(s);
    else
        change(s);
    return CONNECTOR_OK;
}

void send_typing(connector_instance *c, struct connector_bytes to, bool on)
{
    long long chat;
    if (on && !c->stopping && chat_of(to, &chat))
        api_tell(c, "sendChatAction",
                 json_pack("{s:I,s:s}", "chat_id", (json_int_t)chat, "action", "typing"));
}
