/* SPDX-License-Identifier: Apache-2.0
 * Links by REST: addresses linked and unlinked, contacts merged and taken apart by who may see both; "same
 * person?" and checks of identity by who works on the thread. */
#include "gateway/api/byhand.h"
#include "store/link.h"
#include <stdio.h>
#include <string.h>

static const char *actor(const struct call *c)
{
    return *c->caller.agent ? c->caller.agent : c->caller.login;
}

/* ---- contacts ---- */

struct linking {
    struct call *c;
    bool unlink;
    struct id contact, other; /* other.s[0] 0: an address */
    struct buf address;
    unsigned seen; /* of the two */
};

static void linking_end(struct linking *l)
{
    buf_clear(&l->address);
    mem_free(l);
}

static void on_linked(void *arg, const struct err *e)
{
    struct linking *l = arg;
    struct call *c = l->c;
    struct id id = l->contact;
    linking_end(l);
    snprintf(c->idem_what, sizeof c->idem_what, "contact %s", id.s);
    if (e->code)
        call_err(c, e);
    else
        call_show_contact(c, id);
}

static void link_now(struct linking *l)
{
    struct call *c = l->c;
    struct slice address = buf_view(&l->address);
    const char *channel = json_string_value(json_object_get(c->body, "channel"));
    if (l->other.s[0])
        (l->unlink ? store_contact_unmerge : store_contact_merge)(c->op->op, l->contact, l->other, actor(c),
                                                                  on_linked, l);
    else if (l->unlink)
        store_contact_unlink(c->op->op, l->contact, address, actor(c), on_linked, l);
    else
        store_contact_link(c->op->op, l->contact, address, channel ? channel : "", actor(c), on_linked, l);
}

static void look(struct linking *l);

/* An address is not taken from under a conversation that the caller does not see: its answers would have
 * nowhere to go. */
static bool talks_elsewhere(const struct call *c, const struct store_thread *const *t, size_t n)
{
    const struct who *w = &c->caller.who;
    for (size_t i = 0; i < n; i++)
        if (t[i]->state != STORE_RESOLVED && (t[i]->clearance > w->clearance || !rights_area(w, t[i]->area)))
            return true;
    return false;
}

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct linking *l = arg;
    if (e->code) {
        call_err(l->c, e);
        linking_end(l);
    } else if (!people_knows(l->c->op, &l->c->caller.who, l->seen ? l->other : l->contact, t, n)) {
        call_problem(l->c, 404, "no such contact");
        linking_end(l);
    } else if (l->unlink && !l->other.s[0] && talks_elsewhere(l->c, t, n)) {
        call_problem(l->c, 409, "somebody else has an open thread with this person");
        linking_end(l);
    } else {
        l->seen++;
        look(l);
    }
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *contact)
{
    struct linking *l = arg;
    if (e->code) {
        call_err(l->c, e);
        linking_end(l);
    } else
        store_threads_get(l->c->op->op, contact->threads, contact->threads_n, on_threads, l);
}

/* Both must be seen. To take apart one is enough: together their threads are one list. */
static void look(struct linking *l)
{
    if (l->seen == 0)
        store_contact_get(l->c->op->op, l->contact, on_contact, l);
    else if (l->seen == 1 && l->other.s[0] && !l->unlink)
        store_contact_get(l->c->op->op, l->other, on_contact, l);
    else
        link_now(l);
}

static bool channel_known(const struct call *c)
{
    size_t i;
    json_t *one;
    const json_t *v = json_object_get(c->body, "channel");
    json_array_foreach(json_object_get(operation_document(c->op), "channels"), i,
                       one) if (v &&
                                json_equal(json_object_get(one, "id"), (json_t *)(uintptr_t)v)) return true;
    return !v;
}

static void link_or_unlink(struct call *c, bool unlink)
{
    static const char *const known[] = {"address", "channel", "contact", NULL};
    struct slice address = json_opt_str(c->body, "address"), other = json_opt_str(c->body, "contact");
    struct linking *l = mem_alloc(sizeof *l);
    l->c = c;
    l->unlink = unlink;
    buf_init(&l->address, 512);
    if (!call_members(c, known)) {
        linking_end(l);
        return;
    }
    bool fine = other.n ? id_valid(other) && !address.n : byhand_address(address, &l->address);
    if (!fine || !channel_known(c)) {
        call_problem(
            c, 400,
            "address (with one of the operation's channels), or contact: the id of another one, is wanted");
        linking_end(l);
        return;
    }
    if (other.n)
        memcpy(l->other.s, other.p, ID_LEN);
    if (call_id(c, c->args[0], &l->contact))
        look(l);
    else
        linking_end(l);
}

static void contact_link(struct call *c)
{
    link_or_unlink(c, false);
}

static void contact_unlink(struct call *c)
{
    link_or_unlink(c, true);
}

/* ---- threads ---- */

static void on_thread_json(void *arg, const struct err *e, struct slice json)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        call_json(c, 200, json);
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    snprintf(c->idem_what, sizeof c->idem_what, "thread %s", t->id.s);
    card_thread(c->op, t, on_thread_json, c);
}

/* Who may answer the person may say who it is. */
static bool may_answer(struct call *c, const struct err *e, const struct card *card)
{
    if (e->code)
        call_err(c, e);
    else if (!(card->rights & RIGHT_WRITE))
        call_problem(c, 403, "you do not hold this thread");
    else
        return true;
    return false;
}

static void on_same(void *arg, const struct err *e, const struct store_thread *t)
{
    if (e->code == ERR_FORBIDDEN)
        call_problem_code(arg, 403, e->text, "alone");
    else
        on_thread(arg, e, t);
}

static void on_same_card(void *arg, const struct err *e, const struct card *card)
{
    struct call *c = arg;
    if (may_answer(c, e, card))
        store_same_person(c->op->op, card->t->id, actor(c),
                          json_string_value(json_object_get(c->body, "answer")), on_same, c);
}

static void thread_same_person(struct call *c)
{
    static const char *const known[] = {"answer", NULL};
    struct slice answer = json_opt_str(c->body, "answer");
    struct id id;
    if (!call_members(c, known))
        return;
    if (!slice_is(answer, "yes") && !slice_is(answer, "no") && !slice_is(answer, "undo"))
        call_problem(c, 400, "answer: yes, no or undo");
    else if (call_id(c, c->args[0], &id))
        card_load(c->op, &c->caller.who, id, on_same_card, c);
}

static void on_identity_card(void *arg, const struct err *e, const struct card *card)
{
    struct call *c = arg;
    if (may_answer(c, e, card))
        store_identity(c->op->op, card->t->id, actor(c), json_string_value(json_object_get(c->body, "how")),
                       json_is_true(json_object_get(c->body, "passed")), on_thread, c);
}

static void thread_identity(struct call *c)
{
    static const char *const known[] = {"how", "passed", NULL}, *const ways[] = {"receipt",   "pin",
                                                                                 "questions", "document",
                                                                                 "in_person", NULL};
    struct slice how = json_opt_str(c->body, "how");
    struct id id;
    bool fine = false;
    if (!call_members(c, known))
        return;
    for (size_t i = 0; ways[i]; i++)
        fine |= slice_is(how, ways[i]);
    if (!fine || !json_is_boolean(json_object_get(c->body, "passed")))
        call_problem(c, 400, "how: receipt, pin, questions, document or in_person; passed: true or false");
    else if (call_id(c, c->args[0], &id))
        card_load(c->op, &c->caller.who, id, on_identity_card, c);
}

#define WORKERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)

const struct call_route links_routes[] = {
    {HTTP_M_POST, "contacts/{}/link", contact_link, WORKERS, CALL_JSON},
    {HTTP_M_POST, "contacts/{}/unlink", contact_unlink, WORKERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/same-person", thread_same_person, WORKERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/identity", thread_identity, WORKERS, CALL_JSON},
    {.run = NULL},
};
