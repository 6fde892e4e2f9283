/* SPDX-License-Identifier: Apache-2.0
 * Messages and notes: attachments are claimed one after the other, then entry and outbox are written in one
 * step. */
#include "gateway/api/act.h"
#include "router/fold.h"
#include "store/blob.h"
#include <string.h>

#define FILES_MAX   10
#define CHOICES_MAX 20
#define WORDS_MAX   512

static const char *actor(const struct act *a)
{
    return *a->by.agent ? a->by.agent : a->by.login;
}

/* ---- the end: the entry as it is now ---- */

static void on_entry(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct act *a = arg;
    if (e->code || !n) {
        struct err gone = {0};
        if (!e->code)
            err_set(&gone, ERR_NOT_FOUND, "no such entry");
        act_end(a, e->code ? e : &gone, NULL, (struct slice){0, 0});
        return;
    }
    struct buf b;
    buf_init(&b, 1 << 20);
    view_entry(&b, a->o, &entries[0]);
    act_end(a, e, "entry", buf_view(&b));
    buf_clear(&b);
}

void act_end_entry(struct act *a, uint64_t seq)
{
    store_entries_get(a->o->op, a->thread, seq, seq, on_entry, a);
}

static void on_written(void *arg, const struct err *e, const struct store_written *w)
{
    struct act *a = arg;
    if (e->code) {
        act_end(a, e, NULL, (struct slice){0, 0});
        return;
    }
    a->status = w->again ? 200 : 201;
    act_end_entry(a, w->seq);
}

/* ---- search words ---- */

struct word_list {
    struct arena *arena;
    struct slice words[WORDS_MAX];
    size_t n;
};

static void on_word(void *arg, struct slice word)
{
    struct word_list *l = arg;
    if (l->n == WORDS_MAX)
        return;
    for (size_t i = 0; i < l->n; i++)
        if (slice_eq(l->words[i], word))
            return;
    l->words[l->n++] = arena_slice(l->arena, word);
}

/* ---- sending ---- */

void act_write(struct act *a, enum store_kind kind, const char *channel, struct slice address, bool pull)
{
    struct word_list *words = arena_alloc(a->arena, sizeof *words);
    struct buf extra;
    struct slice text = json_opt_str(a->body, kind == STORE_REACTION ? "emoji" : "text");
    words->arena = a->arena;
    if (kind != STORE_REACTION)
        fold_words(text, on_word, words);
    buf_init(&extra, 1 << 18);
    if (a->extra && json_object_size(a->extra))
        json_write(a->extra, &extra);
    bool over = a->by.who.roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR);
    struct store_outbound out = {
        .thread = a->thread,
        .kind = kind,
        .author = STORE_AGENT,
        .author_id = actor(a),
        .ref = json_opt_str(a->body, "ref"),
        .channel = channel,
        .address = address,
        .text = text,
        .extra = buf_view(&extra),
        .target = a->target,
        .pull = pull,
        .despite_unsafe = json_is_true(json_object_get(a->body, "despite_unsafe")),
        .words = words->words,
        .words_n = words->n,
        .must_hold = over ? "" : a->by.agent,
    };
    store_write(a->o->op, &out, on_written, a);
    buf_clear(&extra);
}

static void send_now(struct act *a)
{
    const char *channel = json_string_value(json_object_get(a->body, "channel"));
    struct slice address = json_opt_str(a->body, "address");
    struct api_channel info = {0};
    if (!channel)
        channel = a->t.channel;
    const struct api_channels *cs = &a->o->api->cf.channels;
    if (!cs->info || !cs->info(cs->ctx, a->o->op, channel, &info)) {
        act_refuse(a, ERR_INVALID, "channel: there is no such channel, or it is switched off");
        return;
    }
    if (json_array_size(a->attachments) > info.files_max && json_array_size(a->attachments)) {
        act_refuse(a, ERR_INVALID, "attachments: this channel does not take so many files");
        return;
    }
    if (json_array_size(a->attachments))
        json_object_set(a->extra, "attachments", a->attachments);
    if (address.n)
        json_object_set(a->extra, "address", json_object_get(a->body, "address"));
    act_write(a, STORE_MESSAGE, channel, address, info.pull);
}

static void claim_next(struct act *a);

static void on_claimed(void *arg, const struct err *e, struct slice attachment)
{
    struct act *a = arg;
    json_t *one = e->code ? NULL : json_parse(attachment, JSON_DEPTH_DEFAULT, NULL);
    if (!one) {
        if (e->code && e->code != ERR_NOT_FOUND)
            act_end(a, e, NULL, (struct slice){0, 0});
        else
            act_refuse(a, ERR_INVALID,
                       "attachments: there is no such file, or it is older than an hour; upload it again");
        return;
    }
    json_array_append_new(a->attachments, one);
    a->claimed++;
    claim_next(a);
}

static void claim_next(struct act *a)
{
    json_t *list = json_object_get(a->body, "attachments");
    if (a->claimed == json_array_size(list)) {
        send_now(a);
        return;
    }
    const char *blob = json_string_value(json_array_get(list, a->claimed));
    if (!blob)
        act_refuse(a, ERR_INVALID, "attachments: a list of ids is wanted");
    else
        store_blob_claim(a->o->op, blob, slice_str(actor(a)), on_claimed, a);
}

/* [{"id","title"}]; false when it was refused. */
static bool take_choices(struct act *a)
{
    json_t *list = json_object_get(a->body, "choices"), *one;
    size_t i;
    if (!list)
        return true;
    if (!json_is_array(list) || json_array_size(list) > CHOICES_MAX) {
        act_refuse(a, ERR_INVALID, "choices: a list of at most 20 is wanted");
        return false;
    }
    json_array_foreach(list, i, one)
    {
        struct slice id = json_opt_str(one, "id"), title = json_opt_str(one, "title");
        if (!id.n || !title.n || id.n > 64 || title.n > 200 || json_object_size(one) != 2) {
            act_refuse(a, ERR_INVALID, "choices: each has an id of 1-64 and a title of 1-200 bytes");
            return false;
        }
    }
    if (i)
        json_object_set(a->extra, "choices", list);
    return true;
}

bool act_take_ref(struct act *a)
{
    struct slice ref = json_opt_str(a->body, "ref");
    if (json_object_get(a->body, "ref") && (!ref.n || ref.n > 64)) {
        act_refuse(a, ERR_INVALID, "ref: a string of 1 to 64 bytes is wanted");
        return false;
    }
    return true;
}

/* Else whoever marks a person as unsafe stops the answers of those whom the person has told of them. */
static bool may_despite(struct act *a)
{
    const json_t *despite = json_object_get(a->body, "despite_unsafe");
    if (despite && !json_is_boolean(despite))
        act_refuse(a, ERR_INVALID, "despite_unsafe: true or false");
    else if (json_is_true(despite) && !(a->by.who.roles & (ROLE_SUPERVISOR | ROLE_FOCAL)))
        act_refuse(a, ERR_FORBIDDEN, "despite_unsafe: a focal point or a supervisor decides that");
    else
        return true;
    return false;
}

void act_send(struct act *a)
{
    json_t *text = json_object_get(a->body, "text"), *files = json_object_get(a->body, "attachments");
    static const char *const strings[] = {"channel", "address", "reply_to", NULL};
    for (size_t i = 0; strings[i]; i++) {
        const json_t *v = json_object_get(a->body, strings[i]);
        if (v && !json_is_string(v)) { /* taken for none, it would go where nobody meant it to */
            act_refuse(a, ERR_INVALID, "channel, address, reply_to: strings are wanted");
            return;
        }
    }
    if ((text && !json_is_string(text)) || (files && !json_is_array(files)) ||
        json_array_size(files) > FILES_MAX) {
        act_refuse(a, ERR_INVALID, "text: a string is wanted; attachments: a list of at most 10 ids");
        return;
    }
    if (json_string_length(text) > TEXT_MAX) {
        act_refuse(a, ERR_TOO_LARGE, "text: at most 65,536 bytes");
        return;
    }
    if (!json_string_length(text) && !json_array_size(files)) {
        act_refuse(a, ERR_INVALID, "text: there is nothing to send");
        return;
    }
    if (a->t.state == STORE_RESOLVED) {
        act_refuse(a, ERR_CONFLICT, "the thread is resolved; reopen it first");
        return;
    }
    a->extra = json_object();
    a->attachments = json_array();
    if (!may_despite(a) || !act_take_ref(a) || !take_choices(a))
        return;
    const char *reply_to = json_string_value(json_object_get(a->body, "reply_to"));
    if (reply_to)
        json_object_set(a->extra, "reply_to", json_object_get(a->body, "reply_to"));
    claim_next(a);
}

void act_note(struct act *a)
{
    struct slice text = json_opt_str(a->body, "text");
    if (!text.n || text.n > TEXT_MAX) {
        act_refuse(a, ERR_INVALID, "text: a note of 1 to 65,536 bytes is wanted");
        return;
    }
    if (act_take_ref(a))
        act_write(a, STORE_NOTE, "", (struct slice){0, 0}, true);
}

static void on_retried(void *arg, const struct err *e)
{
    struct act *a = arg;
    if (e->code) {
        act_end(a, e, NULL, (struct slice){0, 0});
        return;
    }
    a->status = 202;
    act_end_entry(a, (uint64_t)json_integer_value(json_object_get(a->body, "seq")));
}

void act_retry(struct act *a)
{
    json_t *seq = json_object_get(a->body, "seq");
    if (!json_is_integer(seq) || json_integer_value(seq) < 1)
        act_refuse(a, ERR_INVALID, "seq: the number of an entry is wanted");
    else
        store_retry(a->o->op, a->thread, (uint64_t)json_integer_value(seq), actor(a), on_retried, a);
}
