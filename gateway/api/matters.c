/* SPDX-License-Identifier: Apache-2.0
 * REST on a thread's matters: reading, ends, referrals. Rights on the thread first, then the matter's
 * clearance, then the codes by the operation's pack, then one function in the store. */
#include "gateway/api/matters_internal.h"
#include <stdio.h>
#include <string.h>

const char *call_actor(const struct call *c)
{
    return *c->caller.agent ? c->caller.agent : c->caller.login;
}

const char *matter_text(const struct call *c, const char *key)
{
    const char *s = json_string_value(json_object_get(c->body, key));
    return s ? s : "";
}

/* ---- a call on a thread's matter ---- */

void matter_call_free(struct matter_call *m)
{
    if (m->json)
        mem_wipe(m->json, m->json_n);
    mem_free(m->json);
    mem_free(m);
}

void matter_refuse(struct matter_call *m, int status, const char *why)
{
    call_problem(m->c, status, why);
    matter_call_free(m);
}

void matter_refuse_err(struct matter_call *m, const struct err *e)
{
    if (e->code == ERR_GUARDED)
        call_guarded(m->c, e);
    else
        call_err(m->c, e);
    matter_call_free(m);
}

static void on_thread(void *arg, const struct err *e, const struct card *card)
{
    struct matter_call *m = arg;
    if (e->code) {
        matter_refuse_err(m, e);
        return;
    }
    if (!(card->rights & RIGHT_READ)) {
        matter_refuse(m, 404, "no such thread");
        return;
    }
    if (m->right && !(card->rights & m->right)) {
        matter_refuse(m, 403, "you do not hold this thread");
        return;
    }
    m->contact = card->t->contact;
    m->thread_clearance = card->t->clearance;
    snprintf(m->area, sizeof m->area, "%s", card->t->area);
    snprintf(m->language, sizeof m->language, "%s", card->t->language.tag);
    m->go(m);
}

void matter_thread(struct call *c, unsigned right, void (*go)(struct matter_call *m))
{
    struct id thread;
    if (!call_id(c, c->args[0], &thread))
        return;
    struct matter_call *m = mem_alloc(sizeof *m);
    m->c = c;
    m->thread = thread;
    m->go = go;
    m->right = right;
    m->status = 202;
    card_load(c->op, &c->caller.who, thread, on_thread, m);
}

/* The matter of the path, which the caller may see. */
static void on_record(void *arg, const struct err *e, const struct store_record *r)
{
    struct matter_call *m = arg;
    if (e->code || strcmp(r->group, m->thread.s) != 0 || !matter_shown(&m->c->caller.who, r)) {
        matter_refuse(m, 404, "no such matter");
        return;
    }
    m->clearance = r->clearance;
    m->version = r->version;
    if (r->json.n) {
        m->json = slice_dup(r->json);
        m->json_n = r->json.n;
    }
    struct slice pack = record_facet(r->facets, "pack"), area = record_facet(r->facets, "area"),
                 got = record_facet(r->facets, "got");
    snprintf(m->pack, sizeof m->pack, "%.*s", (int)pack.n, pack.p);
    snprintf(m->area, sizeof m->area, "%.*s", (int)area.n, area.p);
    slice_u64(got, &m->received_ms);
    m->go(m);
}

void matter_find(struct matter_call *m, void (*go)(struct matter_call *m))
{
    struct slice id = m->c->args[1];
    if (!id.n || id.n > RECORD_ID) {
        matter_refuse(m, 404, "no such matter");
        return;
    }
    memcpy(m->matter, id.p, id.n);
    m->go = go;
    store_record_get(m->c->op->op, "matter", m->matter, on_record, m);
}

void matter_written(void *arg, const struct err *e, const char *id, uint64_t version)
{
    struct matter_call *m = arg;
    (void)id, (void)version;
    if (e->code) {
        matter_refuse_err(m, e);
        return;
    }
    snprintf(m->c->idem_what, sizeof m->c->idem_what, "matter %s %.40s", m->thread.s, m->matter);
    matter_show(m->c, m->status, m->thread.s, m->matter);
    matter_call_free(m);
}

/* A call is repeated under its Idempotency-Key: what is there now, as the caller may see it. */
static void again_go(struct matter_call *m)
{
    matter_show(m->c, 202, m->thread.s, m->matter);
    matter_call_free(m);
}

static void on_again(void *arg, const struct err *e, const struct card *card)
{
    struct matter_call *m = arg;
    if (e->code || !(card->rights & RIGHT_READ))
        matter_refuse(m, 404, "no such thread");
    else
        again_go(m);
}

void call_show_matter(struct call *c, struct id thread, struct slice matter)
{
    struct matter_call *m = mem_alloc(sizeof *m);
    m->c = c;
    m->thread = thread;
    memcpy(m->matter, matter.p, matter.n < RECORD_ID ? matter.n : RECORD_ID);
    card_load(c->op, &c->caller.who, thread, on_again, m);
}

/* ---- GET threads/{}/matters, GET threads/{}/matters/{} ---- */

static void list_go(struct matter_call *m)
{
    matter_list(m->c, m->thread.s);
    matter_call_free(m);
}

static void matters_of_thread(struct call *c)
{
    matter_thread(c, 0, list_go);
}

static void one_found(struct matter_call *m)
{
    matter_show(m->c, 200, m->thread.s, m->matter);
    matter_call_free(m);
}

static void one_go(struct matter_call *m)
{
    matter_find(m, one_found);
}

static void matter_get(struct call *c)
{
    matter_thread(c, 0, one_go);
}

/* ---- ends ---- */

static void end_found(struct matter_call *m)
{
    int64_t answer = json_opt_int(m->c->body, "answer", 0);
    struct matter_end end = {.thread = m->thread,
                             .id = m->matter,
                             .actor = call_actor(m->c),
                             .outcome = matter_text(m->c, "outcome"),
                             .reason = matter_text(m->c, "reason"),
                             .answer = answer > 0 ? (uint64_t)answer : 0};
    store_matter_end(m->c->op->op, &end, matter_written, m);
}

static void end_go(struct matter_call *m)
{
    matter_find(m, end_found);
}

static void matter_end(struct call *c)
{
    static const char *const members[] = {"outcome", "reason", "answer", NULL};
    if (call_members(c, members))
        matter_thread(c, RIGHT_MOVE, end_go);
}

static bool yes_member(struct matter_call *m, bool *yes)
{
    const json_t *v = json_object_get(m->c->body, "yes");
    *yes = json_is_true(v);
    if (json_is_boolean(v))
        return true;
    matter_refuse(m, 400, "yes: true or false is wanted");
    return false;
}

static void approve_found(struct matter_call *m)
{
    bool yes;
    if (yes_member(m, &yes))
        store_matter_approve(m->c->op->op, m->thread, m->matter, call_actor(m->c), yes, matter_written, m);
}

static void approve_go(struct matter_call *m)
{
    matter_find(m, approve_found);
}

static void matter_approve(struct call *c)
{
    static const char *const members[] = {"yes", NULL};
    if (call_members(c, members))
        matter_thread(c, 0, approve_go);
}

static void reopen_found(struct matter_call *m)
{
    store_matter_reopen(m->c->op->op, m->thread, m->matter, call_actor(m->c), matter_written, m);
}

static void reopen_go(struct matter_call *m)
{
    matter_find(m, reopen_found);
}

static void matter_reopen(struct call *c)
{
    matter_thread(c, RIGHT_MOVE, reopen_go);
}

/* ---- referrals ---- */

static void refer_with(void *arg, const json_t *pack)
{
    struct matter_call *m = arg;
    struct call *c = m->c;
    int64_t hours = json_opt_int(c->body, "hours", 0);
    int64_t from = m->received_ms ? (int64_t)m->received_ms : store_now_ms(c->api->cf.store);
    struct matter_refer r = {.thread = m->thread,
                             .id = m->matter,
                             .actor = call_actor(c),
                             .kind = matter_text(c, "kind"),
                             .to = matter_text(c, "to"),
                             .due_ms = from + hours * 3600000,
                             .from = matter_text(c, "from")};
    if (!pack_has(pack, "institutions", "id", slice_str(r.to)))
        matter_refuse(m, 400, "to: the pack has no such institution");
    else if (hours < 1 || hours > 8760)
        matter_refuse(m, 400, "hours: 1 to 8760, from when the person wrote");
    else
        store_matter_refer(c->op->op, &r, matter_written, m);
}

static void refer_found(struct matter_call *m)
{
    pack_current(m->c, refer_with, m);
}

static void refer_go(struct matter_call *m)
{
    matter_find(m, refer_found);
}

static void matter_refer(struct call *c)
{
    static const char *const members[] = {"kind", "to", "hours", "from", NULL};
    if (call_members(c, members))
        matter_thread(c, RIGHT_WRITE, refer_go);
}

static void referral_found(struct matter_call *m)
{
    char referral[RECORD_ID + 1] = "";
    struct slice id = m->c->args[2];
    const char *state = matter_text(m->c, "state");
    if (id.n && id.n <= RECORD_ID)
        memcpy(referral, id.p, id.n);
    if (strcmp(state, "accepted") != 0 && strcmp(state, "refused") != 0 && strcmp(state, "done") != 0)
        matter_refuse(m, 400, "state: accepted, refused or done");
    else
        store_referral_move(m->c->op->op, m->thread, m->matter, referral, call_actor(m->c), state,
                            matter_written, m);
}

static void referral_go(struct matter_call *m)
{
    matter_find(m, referral_found);
}

static void referral_move(struct call *c)
{
    static const char *const members[] = {"state", NULL};
    if (call_members(c, members))
        matter_thread(c, RIGHT_WRITE, referral_go);
}

const struct call_route matter_routes[] = {
    {HTTP_M_GET, "threads/{}/matters", matters_of_thread, MATTER_READERS, 0},
    {HTTP_M_GET, "threads/{}/matters/{}", matter_get, MATTER_READERS, 0},
    {HTTP_M_POST, "threads/{}/matters/{}/end", matter_end, MATTER_READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/approve", matter_approve, ROLE_FOCAL, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/reopen", matter_reopen, MATTER_READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/referrals", matter_refer, MATTER_READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/referrals/{}", referral_move, MATTER_READERS, CALL_JSON},
    {.run = NULL},
};
