/* SPDX-License-Identifier: Apache-2.0
 * Updates of the Bot API as items. Ids are int64; a message is named "<chat>:<message>" both ways, so that
 * edits, answers and statuses find it. */
#include "telegram.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct connector_bytes text_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_string(v) ? (struct connector_bytes){json_string_value(v), json_string_length(v)}
                             : (struct connector_bytes){0, 0};
}

static int64_t number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static bool private_chat(const json_t *message)
{
    const char *type = json_string_value(json_object_get(json_object_get(message, "chat"), "type"));
    return type && strcmp(type, "private") == 0;
}

static void message_name(char out[80], const json_t *message)
{
    snprintf(out, 80, "%lld:%lld", (long long)number_of(json_object_get(message, "chat"), "id"),
             (long long)number_of(message, "message_id"));
}

/* Joins first and last name without cutting a character. */
static struct connector_bytes full_name(char out[512], const json_t *person)
{
    const char *first = json_string_value(json_object_get(person, "first_name")),
               *last = json_string_value(json_object_get(person, "last_name"));
    int n = snprintf(out, 512, "%s%s%s", first ? first : "", first && last ? " " : "", last ? last : "");
    if (n < 0 || n >= 512)
        n = 0; /* Telegram's limit is 64 characters each: this is no name */
    return (struct connector_bytes){out, (size_t)n};
}

static void sender(struct update_item *u, const json_t *from, int64_t chat)
{
    snprintf(u->from, sizeof u->from, "telegram:%lld", (long long)chat);
    u->item.from = bytes_of(u->from);
    u->item.name = full_name(u->name, from);
    u->item.locale = text_of(from, "language_code");
}

/* ---- media ---- */

static void take_file(struct update_item *u, const json_t *file, const char *type, bool voice)
{
    u->media = (struct connector_media){
        .size = sizeof u->media,
        .ref = text_of(file, "file_id"),
        .type = text_of(file, "mime_type"),
        .name = text_of(file, "file_name"),
        .bytes_expected = (uint64_t)number_of(file, "file_size"),
        .voice = voice,
    };
    if (!u->media.type.n)
        u->media.type = bytes_of(type);
    u->item.media = &u->media;
    u->item.media_n = u->media.ref.n ? 1 : 0;
}

static bool take_media(struct update_item *u, const json_t *m)
{
    static const struct {
        const char *key, *type;
        bool voice;
    } kinds[] = {{"voice", "audio/ogg", true},      {"audio", "audio/mpeg", false},
                 {"video", "video/mp4", false},     {"video_note", "video/mp4", false},
                 {"animation", "video/mp4", false}, {"document", "application/octet-stream", false},
                 {"sticker", "image/webp", false}};
    const json_t *photo = json_object_get(m, "photo");
    if (json_array_size(photo)) { /* the last is the largest */
        take_file(u, json_array_get(photo, json_array_size(photo) - 1), "image/jpeg", false);
        return true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const json_t *file = json_object_get(m, kinds[i].key);
        if (json_is_object(file)) {
            take_file(u, file, kinds[i].type, kinds[i].voice);
            return true;
        }
    }
    return false;
}

static bool take_place(struct update_item *u, const json_t *m)
{
    const json_t *venue = json_object_get(m, "venue"),
                 *place = venue ? json_object_get(venue, "location") : json_object_get(m, "location");
    if (!json_is_object(place))
        return false;
    u->location = (struct connector_location){
        .latitude = json_number_value(json_object_get(place, "latitude")),
        .longitude = json_number_value(json_object_get(place, "longitude")),
        .name = text_of(venue, "title"),
        .address = text_of(venue, "address"),
    };
    u->item.location = &u->location;
    return true;
}

static bool take_card(struct update_item *u, const json_t *m)
{
    const json_t *card = json_object_get(m, "contact");
    int64_t who = number_of(card, "user_id");
    if (!json_is_object(card))
        return false;
    u->card = (struct connector_card){
        .name = full_name(u->card_name, card),
        .phone = text_of(card, "phone_number"),
        .own = who &&
               who == number_of(json_object_get(m, "from"), "id"), /* only then is the number the sender's */
    };
    u->item.card = &u->card;
    return true;
}

/* ---- messages ---- */

static bool bad(struct update_item *u, const json_t *update, const char *why)
{
    u->raw = json_dumps(update, JSON_COMPACT);
    u->item = (struct connector_item){.size = sizeof u->item,
                                      .kind = CONNECTOR_BAD,
                                      .raw = bytes_of(u->raw),
                                      .error_code = bytes_of("unsupported"),
                                      .error_text = bytes_of(why)};
    return true;
}

/* Said by Telegram, not by the person: nothing to store. */
static bool service_message(const json_t *m)
{
    static const char *const keys[] = {"pinned_message",
                                       "new_chat_title",
                                       "message_auto_delete_timer_changed",
                                       "migrate_to_chat_id",
                                       "write_access_allowed",
                                       "chat_background_set",
                                       "users_shared",
                                       "chat_shared",
                                       "connected_website",
                                       "boost_added",
                                       NULL};
    for (size_t i = 0; keys[i]; i++)
        if (json_object_get(m, keys[i]))
            return true;
    return false;
}

/* What a person sent and we have no form for: said, so that somebody asks them, with what it is made of. */
static bool take_unsupported(struct update_item *u, const json_t *m)
{
    static const char *const kinds[] = {"poll",    "dice",       "game",     "story", "checklist",
                                        "invoice", "paid_media", "giveaway", "gift",  NULL};
    for (size_t i = 0; kinds[i]; i++) {
        const json_t *o = json_object_get(m, kinds[i]);
        if (!json_is_object(o))
            continue;
        struct connector_bytes says = text_of(o, "question");
        if (!says.n)
            says = text_of(o, "emoji");
        if (!says.n)
            says = text_of(o, "title");
        int n = snprintf(u->unsupported, sizeof u->unsupported, "unsupported: %s%s%.*s", kinds[i],
                         says.n ? ": " : "", says.n <= 300 ? (int)says.n : 0, says.n ? says.p : "");
        u->item.text = (struct connector_bytes){u->unsupported, (size_t)n};
        return true;
    }
    return false;
}

static bool message(struct update_item *u, const json_t *update, const json_t *m, bool edited)
{
    const json_t *from = json_object_get(m, "from"), *reply = json_object_get(m, "reply_to_message");
    int64_t chat = number_of(json_object_get(m, "chat"), "id");
    if (!private_chat(m) || service_message(m) || json_is_true(json_object_get(from, "is_bot")))
        return false;
    if (!chat || !number_of(m, "message_id"))
        return bad(u, update, "a message without chat or id");
    message_name(u->target, m);
    sender(u, from, chat);
    u->item.time_ms = number_of(m, edited ? "edit_date" : "date") * 1000;
    u->item.text = json_object_get(m, "text") ? text_of(m, "text") : text_of(m, "caption");
    if (edited) {
        snprintf(u->id, sizeof u->id, "%.50s:e%lld", u->target, (long long)number_of(m, "edit_date"));
        u->item.kind = CONNECTOR_EDIT;
        u->item.target = bytes_of(u->target);
    } else {
        snprintf(u->id, sizeof u->id, "%s", u->target);
        u->item.kind = CONNECTOR_MESSAGE;
        u->item.group = text_of(m, "media_group_id");
        bool more = take_media(u, m);
        more |= take_place(u, m);
        more |= take_card(u, m);
        if (!more && !u->item.text.n && !take_unsupported(u, m))
            return bad(u, update, "a kind of message that is not known");
    }
    if (json_is_object(reply)) {
        message_name(u->reply_to, reply);
        u->item.reply_to = bytes_of(u->reply_to);
    }
    u->item.id = bytes_of(u->id);
    return true;
}

/* ---- buttons, blocking ---- */

/* The title of the button that was pressed, so that the thread can be read. */
static struct connector_bytes button_title(const json_t *m, struct connector_bytes data)
{
    const json_t *row, *button;
    size_t i, k;
    json_array_foreach(json_object_get(json_object_get(m, "reply_markup"), "inline_keyboard"), i, row)
        json_array_foreach(row, k, button)
    {
        struct connector_bytes d = text_of(button, "callback_data");
        if (d.n == data.n && memcmp(d.p, data.p, d.n) == 0)
            return text_of(button, "text");
    }
    return data;
}

static bool callback(struct update_item *u, const json_t *update, const json_t *q)
{
    const json_t *m = json_object_get(q, "message"), *from = json_object_get(q, "from");
    struct connector_bytes id = text_of(q, "id"), data = text_of(q, "data");
    if (!json_is_object(m) || !private_chat(m))
        return false;
    if (!id.n || id.n > 60 || !data.n || !number_of(from, "id"))
        return bad(u, update, "a button without id or data");
    snprintf(u->id, sizeof u->id, "c%.*s", (int)id.n, id.p);
    message_name(u->reply_to, m);
    sender(u, from, number_of(from, "id"));
    u->item.kind = CONNECTOR_MESSAGE;
    u->item.id = bytes_of(u->id);
    u->item.choice = data;
    u->item.text = button_title(m, data);
    u->item.reply_to = bytes_of(u->reply_to);
    return true;
}

static bool membership(struct update_item *u, const json_t *change)
{
    const char *status =
        json_string_value(json_object_get(json_object_get(change, "new_chat_member"), "status"));
    const json_t *chat = json_object_get(change, "chat");
    if (!status || !private_chat(change))
        return false;
    sender(u, json_object_get(change, "from"), number_of(chat, "id"));
    u->item.kind = CONNECTOR_BLOCKED;
    u->item.on = strcmp(status, "kicked") == 0;
    snprintf(u->id, sizeof u->id, "b%lld:%lld:%d", (long long)number_of(chat, "id"),
             (long long)number_of(change, "date"), u->item.on);
    u->item.id = bytes_of(u->id);
    return true;
}

bool update_item(const json_t *update, struct update_item *u)
{
    const json_t *o;
    memset(u, 0, sizeof *u);
    u->item.size = sizeof u->item;
    if ((o = json_object_get(update, "message")))
        return message(u, update, o, false);
    if ((o = json_object_get(update, "edited_message")))
        return message(u, update, o, true);
    if ((o = json_object_get(update, "callback_query")))
        return callback(u, update, o);
    if ((o = json_object_get(update, "my_chat_member")))
        return membership(u, o);
    return false;
}

void update_clear(struct update_item *u)
{
    free(u->raw);
    u->raw = NULL;
}

const char *update_callback(const json_t *update)
{
    return json_string_value(json_object_get(json_object_get(update, "callback_query"), "id"));
}
