/* SPDX-License-Identifier: Apache-2.0
 * Changes of a message that is there: an edit, a deletion, a reaction. Each is an entry of its own kind that
 * names its target, and goes where the target went. */
#include "connectors/connector.h"
#include "gateway/api/act.h"
#include <string.h>

#define EMOJI_MAX 64
#define LOOK_PAGE 200

/* One of ours that reached somebody, and of one's own but for those who are over the thread. */
static bool may_change(struct act *a, const struct store_entry *en)
{
    bool over = a->by.who.roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR);
    if (en->inbound || en->kind != STORE_MESSAGE)
        act_refuse(a, ERR_INVALID, "target: a message of ours is wanted");
    else if (!over && (en->author != STORE_AGENT || strcmp(en->author_id, a->by.agent) != 0))
        act_refuse(a, ERR_FORBIDDEN, "target: somebody else wrote this message");
    else if (en->status == STORE_FAILED || en->status == STORE_UNKNOWN_OUTCOME)
        act_refuse(a, ERR_CONFLICT, "target: this message was not sent, or it is not known whether it was");
    else
        return true;
    return false;
}

static bool may_react(struct act *a, const struct store_entry *en)
{
    if (en->inbound && en->kind == STORE_MESSAGE)
        return true;
    act_refuse(a, ERR_INVALID, "target: a message of the person is wanted");
    return false;
}

/* The channel can show it; *pull as api.h tells. */
static bool channel_can(struct act *a, const struct store_entry *en, enum store_kind kind, bool *pull)
{
    unsigned needs = kind == STORE_EDIT       ? CONNECTOR_CAN_EDIT
                     : kind == STORE_DELETION ? CONNECTOR_CAN_DELETE
                                              : CONNECTOR_CAN_REACT;
    struct api_channel info = {0};
    const struct api_channels *cs = &a->o->api->cf.channels;
    if (!cs->info || !cs->info(cs->ctx, a->o->op, en->channel, &info))
        act_refuse(a, ERR_CONFLICT, "the message's channel is switched off");
    else if (!(info.capabilities & needs))
        act_refuse(a, ERR_UNSUPPORTED, "the message's channel cannot do that");
    else {
        *pull = info.pull;
        return true;
    }
    return false;
}

/* What a provider took as several messages has a name for each. Its text was cut where it had to be, and an
 * edit reaches the first of them alone: the person would read the new text and the rest of the old one. */
static bool in_parts(const struct store_entry *en)
{
    json_t *ids = en->external_ids.n ? json_parse(en->external_ids, 4, NULL) : NULL;
    bool many = json_array_size(ids) > 1;
    json_decref(ids);
    return many;
}

/* ---- an edit: is there still what it changes? ---- */

static void look(struct act *a);

static void on_later(void *arg, const struct err *e, const struct store_entry *en, size_t n)
{
    struct act *a = arg;
    if (e->code) {
        act_end(a, e, NULL, (struct slice){0, 0});
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (en[i].kind == STORE_DELETION && !en[i].inbound && en[i].status != STORE_FAILED &&
            strcmp(en[i].target.s, a->target.s) == 0) {
            act_refuse(a, ERR_CONFLICT, "target: this message was deleted");
            return;
        }
    }
    a->looked += LOOK_PAGE;
    if (a->looked >= a->t.entries)
        act_write(a, STORE_EDIT, a->channel, json_opt_str(a->extra, "address"), a->pull);
    else
        look(a);
}

static void look(struct act *a)
{
    store_entries_get(a->o->op, a->thread, a->looked + 1, a->looked + LOOK_PAGE, on_later, a);
}

/* ---- the target ---- */

static void on_target(void *arg, const struct err *e, const struct store_entry *en)
{
    struct act *a = arg;
    enum store_kind kind = a->change;
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED) {
        act_end(a, e, NULL, (struct slice){0, 0});
        return;
    }
    if (e->code || en->erased || strcmp(en->thread.s, a->thread.s) != 0) {
        act_refuse(a, ERR_INVALID, "target: the thread has no such entry");
        return;
    }
    if (!(kind == STORE_REACTION ? may_react(a, en) : may_change(a, en)) ||
        !channel_can(a, en, kind, &a->pull))
        return;
    if (kind == STORE_EDIT && in_parts(en)) {
        act_refuse(a, ERR_UNSUPPORTED,
                   "the message went in several parts, and only the first could be changed");
        return;
    }
    json_t *extra = json_parse(en->extra, JSON_DEPTH_DEFAULT, NULL);
    json_t *address = json_object_get(extra, "address"); /* where it was told to go */
    a->target = en->id;
    a->extra = json_object();
    if (!en->inbound && json_is_string(address))
        json_object_set(a->extra, "address", address);
    a->channel = arena_strdup(a->arena, en->channel);
    a->looked = en->seq;
    json_decref(extra);
    if (kind == STORE_EDIT && a->looked < a->t.entries)
        look(a);
    else
        act_write(a, kind, a->channel, json_opt_str(a->extra, "address"), a->pull);
}

static void change(struct act *a, enum store_kind kind)
{
    struct slice target = json_opt_str(a->body, "target");
    struct id id = {{0}};
    if (!id_valid(target)) {
        act_refuse(a, ERR_INVALID, "target: the id of an entry is wanted");
        return;
    }
    if (a->t.state == STORE_RESOLVED) {
        act_refuse(a, ERR_CONFLICT, "the thread is resolved; reopen it first");
        return;
    }
    if (!act_take_ref(a))
        return;
    memcpy(id.s, target.p, ID_LEN);
    a->change = kind;
    store_entry_find(a->o->op, id, on_target, a);
}

void act_edit(struct act *a)
{
    const json_t *text = json_object_get(a->body, "text");
    if (!json_is_string(text) || !json_string_length(text))
        act_refuse(a, ERR_INVALID, "text: what it is to say from now on is wanted");
    else if (json_string_length(text) > TEXT_MAX)
        act_refuse(a, ERR_TOO_LARGE, "text: at most 65,536 bytes");
    else
        change(a, STORE_EDIT);
}

void act_deletion(struct act *a)
{
    change(a, STORE_DELETION);
}

void act_reaction(struct act *a)
{
    const json_t *emoji = json_object_get(a->body, "emoji");
    if (!json_is_string(emoji) || json_string_length(emoji) > EMOJI_MAX)
        act_refuse(a, ERR_INVALID, "emoji: one is wanted, or \"\" to take it back");
    else
        change(a, STORE_REACTION);
}
