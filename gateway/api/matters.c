/* SPDX-License-Identifier: Apache-2.0
 * REST on matters: coding, guided forms, referrals, ends. Rights on the thread first, then the matter's
 * clearance, then the codes by the operation's pack, then one function in the store. */
#include "gateway/api/matters.h"
#include <stdio.h>
#include <string.h>

#define READERS   (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)
#define OVERSEERS (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR)
#define NOTE_MAX  65536
#define FORM_MAX  131072

const char *call_actor(const struct call *c)
{
    return *c->caller.agent ? c->caller.agent : c->caller.login;
}

/* ---- the pack ---- */

struct pack_ask {
    void (*done)(void *arg, const json_t *pack);
    void *arg;
};

static void on_pack(void *arg, const struct err *e, const struct store_record *r)
{
    struct pack_ask ask = *(struct pack_ask *)arg;
    json_t *pack = !e->code && r->json.n ? json_parse(r->json, JSON_DEPTH_DEFAULT, NULL) : NULL;
    mem_free(arg);
    ask.done(ask.arg, pack);
    json_decref(pack);
}

void pack_current(struct call *c, void (*done)(void *arg, const json_t *pack), void *arg)
{
    struct pack_ask *ask = mem_alloc(sizeof *ask);
    *ask = (struct pack_ask){done, arg};
    store_record_get(c->op->op, "pack", "current", on_pack, ask);
}

static void packs_answer(void *arg, const json_t *pack)
{
    struct call *c = arg;
    struct buf b;
    buf_init(&b, 1u << 20);
    buf_str(&b, "{\"pack\":");
    if (pack)
        json_write(pack, &b);
    else
        buf_str(&b, "null");
    buf_str(&b, ",\"reasons\":[");
    for (const struct guard_reason *r = guard_reasons; r->code; r++)
        buf_printf(&b, "%s{\"code\":\"%s\",\"approved\":%s}", r == guard_reasons ? "" : ",", r->code,
                   r->approved ? "true" : "false");
    buf_str(&b, "]}");
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void packs_get(struct call *c)
{
    pack_current(c, packs_answer, c);
}

static void on_old_pack(void *arg, const struct err *e, const struct store_record *r)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        call_json(c, 200, r->json);
}

static void pack_get(struct call *c)
{
    char id[RECORD_ID + 1] = "";
    if (c->args[0].n <= RECORD_ID)
        memcpy(id, c->args[0].p, c->args[0].n);
    if (!*id || strcmp(id, "current") == 0)
        call_problem(c, 404, "no such pack");
    else
        store_record_get(c->op->op, "pack", id, on_old_pack, c);
}

static bool listed(const json_t *pack, const char *list, const char *key, struct slice code)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(pack, list), i,
                       one) if (slice_eq(json_opt_str(one, key), code)) return true;
    return false;
}

/* What this path's matters are sealed to at least. */
static int path_clearance(const json_t *pack, struct slice path)
{
    size_t i;
    json_t *one;
    json_array_foreach(
        json_object_get(pack, "paths"), i,
        one) if (slice_eq(json_opt_str(one, "code"), path)) return (int)json_opt_int(one, "clearance", 0);
    return 0;
}

/* ---- a call on a thread's matter ---- */

struct matter_call {
    struct call *c;
    struct id thread, contact;
    int clearance, thread_clearance;
    char matter[RECORD_ID + 1], area[256], language[12];
    char pack[RECORD_ID + 1];
    uint64_t version, received_ms;
    char *json; /* answers and note as they are to be */
    size_t json_n;
    int status;
    void (*go)(struct matter_call *m);
    unsigned right;
};

static void matter_call_free(struct matter_call *m)
{
    if (m->json)
        mem_wipe(m->json, m->json_n);
    mem_free(m->json);
    mem_free(m);
}

static void refuse(struct matter_call *m, int status, const char *why)
{
    call_problem(m->c, status, why);
    matter_call_free(m);
}

static void refuse_err(struct matter_call *m, const struct err *e)
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
        refuse_err(m, e);
        return;
    }
    if (!(card->rights & RIGHT_READ)) {
        refuse(m, 404, "no such thread");
        return;
    }
    if (m->right && !(card->rights & m->right)) {
        refuse(m, 403, "you do not hold this thread");
        return;
    }
    m->contact = card->t->contact;
    m->thread_clearance = card->t->clearance;
    snprintf(m->area, sizeof m->area, "%s", card->t->area);
    snprintf(m->language, sizeof m->language, "%s", card->t->language.tag);
    m->go(m);
}

static void with_thread(struct call *c, unsigned right, void (*go)(struct matter_call *m))
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
        refuse(m, 404, "no such matter");
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

static void find(struct matter_call *m, void (*go)(struct matter_call *m))
{
    struct slice id = m->c->args[1];
    if (!id.n || id.n > RECORD_ID) {
        refuse(m, 404, "no such matter");
        return;
    }
    memcpy(m->matter, id.p, id.n);
    m->go = go;
    store_record_get(m->c->op->op, "matter", m->matter, on_record, m);
}

static void on_written(void *arg, const struct err *e, const char *id, uint64_t version)
{
    struct matter_call *m = arg;
    (void)id, (void)version;
    if (e->code) {
        refuse_err(m, e);
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
        refuse(m, 404, "no such thread");
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
    with_thread(c, 0, list_go);
}

static void one_found(struct matter_call *m)
{
    matter_show(m->c, 200, m->thread.s, m->matter);
    matter_call_free(m);
}

static void one_go(struct matter_call *m)
{
    find(m, one_found);
}

static void matter_get(struct call *c)
{
    with_thread(c, 0, one_go);
}

/* ---- coding: POST threads/{}/matters, PATCH threads/{}/matters/{} ---- */

static const char *const coded[][3] = {/* member, facet, list of the pack */
                                       {"type", "type", "types"},   {"subject", "subject", "subjects"},
                                       {"path", "path", "paths"},   {"risk", "risk", "risks"},
                                       {"area", "area", NULL},      {"consent", "consent", NULL},
                                       {"support", "support", NULL}};
#define CODED (sizeof coded / sizeof *coded)

static bool word_of(const char *const *words, struct slice s)
{
    for (; *words; words++)
        if (slice_is(s, *words))
            return true;
    return false;
}

/* NULL, or what is wrong with a code. */
static const char *code_wrong(const json_t *pack, size_t i, const json_t *v)
{
    static const char *const consents[] = {"", "yes", "anonymous", "no", NULL};
    static const char *const supports[] = {"", "given", "declined", NULL};
    struct slice s = slice_str(json_string_value(v) ? json_string_value(v) : "?");
    if (coded[i][2])
        return listed(pack, coded[i][2], "code", s) ? NULL : "the pack has no such code";
    if (strcmp(coded[i][0], "area") == 0)
        return area_valid(s) ? NULL : "an area is wanted";
    if (strcmp(coded[i][0], "consent") == 0)
        return word_of(consents, s) ? NULL : "yes, anonymous or no is wanted";
    return word_of(supports, s) ? NULL : "given or declined is wanted";
}

/* answers and note of the body over what is there; false: it was answered. */
static bool take_form(struct matter_call *m)
{
    const json_t *answers = json_object_get(m->c->body, "answers"),
                 *note = json_object_get(m->c->body, "note");
    if ((answers && !json_is_object(answers)) || (note && !json_is_string(note))) {
        refuse(m, 400, "answers: an object, note: a string");
        return false;
    }
    if (json_string_length(note) > NOTE_MAX) {
        refuse(m, 413, "note: at most 65,536 bytes");
        return false;
    }
    json_t *whole = m->json ? json_parse(slice_of(m->json, m->json_n), JSON_DEPTH_DEFAULT, NULL) : NULL;
    if (!whole)
        whole = json_object();
    if (answers)
        json_object_set(whole, "answers", (json_t *)(uintptr_t)answers);
    if (note)
        json_object_set(whole, "note", (json_t *)(uintptr_t)note);
    struct buf b;
    buf_init(&b, FORM_MAX);
    json_write(whole, &b);
    json_decref(whole);
    if (b.err) {
        buf_clear(&b);
        refuse(m, 413, "the form is too long");
        return false;
    }
    if (m->json)
        mem_wipe(m->json, m->json_n);
    mem_free(m->json);
    m->json = buf_take(&b, &m->json_n);
    return true;
}

static void add_code(struct matter_put *p, const char *name, const char *value)
{
    p->codes[p->codes_n].name = name;
    p->codes[p->codes_n++].value = value;
}

/* Takes the codes of the body; false: it was answered. */
static bool take_codes(struct matter_call *m, const json_t *pack, struct matter_put *p)
{
    for (size_t i = 0; i < CODED; i++) {
        const json_t *v = json_object_get(m->c->body, coded[i][0]);
        const char *wrong = v ? code_wrong(pack, i, v) : NULL;
        if (wrong) {
            char why[120];
            snprintf(why, sizeof why, "%s: %s", coded[i][0], wrong);
            refuse(m, 400, why);
            return false;
        }
        if (v)
            add_code(p, coded[i][1], json_string_value(v));
    }
    return true;
}

/* The clearance after it: raised by the body, by the path, never lowered; -1: answered. */
static int new_clearance(struct matter_call *m, const json_t *pack)
{
    const json_t *v = json_object_get(m->c->body, "clearance");
    int least = m->version ? m->clearance : m->thread_clearance;
    int path = path_clearance(pack, json_opt_str(m->c->body, "path"));
    if (v && (!json_is_integer(v) || json_integer_value(v) < least || json_integer_value(v) > 2)) {
        refuse(m, 400, "clearance: it can only be raised, to 2 at most");
        return -1;
    }
    least = v && json_integer_value(v) > least ? (int)json_integer_value(v) : least;
    return path > least ? path : least;
}

static void put_with(void *arg, const json_t *pack)
{
    struct matter_call *m = arg;
    const char *id = json_string_value(json_object_get(pack, "id"));
    struct matter_put p = {.thread = m->thread,
                           .contact = m->contact,
                           .id = m->matter,
                           .version = m->version,
                           .actor = call_actor(m->c),
                           .what = json_object_get(m->c->body, "answers") ? "form" : "coded"};
    if (!pack) {
        refuse(m, 409, "the operation has no pack to code with");
        return;
    }
    const json_t *expect = json_object_get(m->c->body, "version");
    if (m->version && expect && (uint64_t)json_integer_value(expect) != m->version) {
        refuse(m, 409, "it has changed meanwhile");
        return;
    }
    p.clearance = new_clearance(m, pack);
    if (p.clearance < 0 || !take_codes(m, pack, &p) || !take_form(m))
        return;
    if (!m->version && !json_object_get(m->c->body, "area") && *m->area)
        add_code(&p, "area", m->area);
    if (!m->version && *m->language)
        add_code(&p, "lang", m->language);
    if (strcmp(m->pack, id ? id : "") != 0 && p.codes_n < MATTER_CODES)
        add_code(&p, "pack", id ? id : "");
    p.json = slice_of(m->json, m->json_n);
    store_matter_put(m->c->op->op, &p, on_written, m);
}

static const char *const put_members[] = {"type",    "subject", "path", "risk",      "area",    "consent",
                                          "support", "answers", "note", "clearance", "version", NULL};

static void put_go(struct matter_call *m)
{
    pack_current(m->c, put_with, m);
}

static void create_go(struct matter_call *m)
{
    matter_id_new(m->matter);
    m->status = 201;
    put_go(m);
}

static void matter_post(struct call *c)
{
    if (call_members(c, put_members))
        with_thread(c, RIGHT_WRITE, create_go);
}

static void patch_go(struct matter_call *m)
{
    find(m, put_go);
}

static void matter_patch(struct call *c)
{
    if (call_members(c, put_members))
        with_thread(c, RIGHT_WRITE, patch_go);
}

/* ---- ends ---- */

static const char *text_member(const struct call *c, const char *key)
{
    const char *s = json_string_value(json_object_get(c->body, key));
    return s ? s : "";
}

static void end_found(struct matter_call *m)
{
    int64_t answer = json_opt_int(m->c->body, "answer", 0);
    struct matter_end end = {.thread = m->thread,
                             .id = m->matter,
                             .actor = call_actor(m->c),
                             .outcome = text_member(m->c, "outcome"),
                             .reason = text_member(m->c, "reason"),
                             .answer = answer > 0 ? (uint64_t)answer : 0};
    store_matter_end(m->c->op->op, &end, on_written, m);
}

static void end_go(struct matter_call *m)
{
    find(m, end_found);
}

static void matter_end(struct call *c)
{
    static const char *const members[] = {"outcome", "reason", "answer", NULL};
    if (call_members(c, members))
        with_thread(c, RIGHT_MOVE, end_go);
}

static bool yes_member(struct matter_call *m, bool *yes)
{
    const json_t *v = json_object_get(m->c->body, "yes");
    *yes = json_is_true(v);
    if (json_is_boolean(v))
        return true;
    refuse(m, 400, "yes: true or false is wanted");
    return false;
}

static void approve_found(struct matter_call *m)
{
    bool yes;
    if (yes_member(m, &yes))
        store_matter_approve(m->c->op->op, m->thread, m->matter, call_actor(m->c), yes, on_written, m);
}

static void approve_go(struct matter_call *m)
{
    find(m, approve_found);
}

static void matter_approve(struct call *c)
{
    static const char *const members[] = {"yes", NULL};
    if (call_members(c, members))
        with_thread(c, 0, approve_go);
}

static void reopen_found(struct matter_call *m)
{
    store_matter_reopen(m->c->op->op, m->thread, m->matter, call_actor(m->c), on_written, m);
}

static void reopen_go(struct matter_call *m)
{
    find(m, reopen_found);
}

static void matter_reopen(struct call *c)
{
    with_thread(c, RIGHT_MOVE, reopen_go);
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
                             .kind = text_member(c, "kind"),
                             .to = text_member(c, "to"),
                             .due_ms = from + hours * 3600000,
                             .from = text_member(c, "from")};
    if (!listed(pack, "institutions", "id", slice_str(r.to)))
        refuse(m, 400, "to: the pack has no such institution");
    else if (hours < 1 || hours > 8760)
        refuse(m, 400, "hours: 1 to 8760, from when the person wrote");
    else
        store_matter_refer(c->op->op, &r, on_written, m);
}

static void refer_found(struct matter_call *m)
{
    pack_current(m->c, refer_with, m);
}

static void refer_go(struct matter_call *m)
{
    find(m, refer_found);
}

static void matter_refer(struct call *c)
{
    static const char *const members[] = {"kind", "to", "hours", "from", NULL};
    if (call_members(c, members))
        with_thread(c, RIGHT_WRITE, refer_go);
}

static void referral_found(struct matter_call *m)
{
    char referral[RECORD_ID + 1] = "";
    struct slice id = m->c->args[2];
    const char *state = text_member(m->c, "state");
    if (id.n && id.n <= RECORD_ID)
        memcpy(referral, id.p, id.n);
    if (strcmp(state, "accepted") != 0 && strcmp(state, "refused") != 0 && strcmp(state, "done") != 0)
        refuse(m, 400, "state: accepted, refused or done");
    else
        store_referral_move(m->c->op->op, m->thread, m->matter, referral, call_actor(m->c), state, on_written,
                            m);
}

static void referral_go(struct matter_call *m)
{
    find(m, referral_found);
}

static void referral_move(struct call *c)
{
    static const char *const members[] = {"state", NULL};
    if (call_members(c, members))
        with_thread(c, RIGHT_WRITE, referral_go);
}

/* ---- lists for those who oversee: GET matters, GET referrals ---- */

struct over_job {
    struct call *c;
    bool referrals;
    char state[16];
    unsigned limit, told;
    int64_t last;
    struct buf items;
};

static bool over_take(void *arg, const struct store_record *r)
{
    struct over_job *j = arg;
    char area[RECORD_FACETS + 1] = "";
    struct slice a = record_facet(r->facets, "area"), state = record_facet(r->facets, "state");
    memcpy(area, a.p, a.n);
    bool open =
        j->referrals ? slice_is(state, "made") || slice_is(state, "accepted") : !slice_is(state, "ended");
    if (j->told == j->limit)
        return false;
    j->last = r->score;
    if (!rights_matter(&j->c->caller.who, r->clearance, area) ||
        (j->state[0] && !(strcmp(j->state, "open") == 0 ? open : slice_is(state, j->state))))
        return false;
    call_item(&j->items);
    buf_char(&j->items, '{');
    if (j->referrals)
        referral_json(&j->items, r);
    else
        matter_json(&j->items, r);
    buf_char(&j->items, '}');
    j->told++;
    return false;
}

static void on_over(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct over_job *j = arg;
    char next[TIME_TEXT] = "";
    (void)r, (void)n;
    if (e->code) {
        call_err(j->c, e);
        buf_clear(&j->items);
    } else {
        if (more || j->told == j->limit)
            time_text(j->last, next);
        call_list_end(j->c, &j->items, next);
    }
    mem_free(j);
}

static void over_list(struct call *c, bool is_referrals)
{
    struct buf b;
    int64_t before = 0, after = 0;
    unsigned limit = call_limit(c);
    if (!limit)
        return;
    struct over_job *j = mem_alloc(sizeof *j);
    *j = (struct over_job){.c = c, .referrals = is_referrals, .limit = limit};
    buf_init(&b, 256);
    if (call_query(c, "state", &b) && b.n < sizeof j->state)
        memcpy(j->state, b.p, b.n);
    bool good = (!call_query(c, "before", &b) || time_parse(buf_view(&b), &before)) &&
                (!call_query(c, "after", &b) || time_parse(buf_view(&b), &after));
    buf_clear(&b);
    if (!good) {
        mem_free(j);
        call_problem(c, 400, "before, after: a time is wanted");
        return;
    }
    call_list(&j->items);
    /* Referrals by deadline, the nearest first; matters the newest first. */
    struct record_list q = {.kind = is_referrals ? "referral" : "matter",
                            .from = after,
                            .to = before,
                            .newest_first = !is_referrals,
                            .visible = over_take};
    store_record_list(c->op->op, &q, on_over, j);
}

static void matters_all(struct call *c)
{
    over_list(c, false);
}

static void referrals_all(struct call *c)
{
    over_list(c, true);
}

const struct call_route matter_routes[] = {
    {HTTP_M_GET, "packs", packs_get, READERS, 0},
    {HTTP_M_GET, "packs/{}", pack_get, READERS, 0},
    {HTTP_M_GET, "matters", matters_all, OVERSEERS, 0},
    {HTTP_M_GET, "referrals", referrals_all, OVERSEERS, 0},
    {HTTP_M_GET, "threads/{}/matters", matters_of_thread, READERS, 0},
    {HTTP_M_POST, "threads/{}/matters", matter_post, READERS, CALL_JSON},
    {HTTP_M_GET, "threads/{}/matters/{}", matter_get, READERS, 0},
    {HTTP_M_PATCH, "threads/{}/matters/{}", matter_patch, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/end", matter_end, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/approve", matter_approve, ROLE_FOCAL, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/reopen", matter_reopen, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/referrals", matter_refer, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/matters/{}/referrals/{}", referral_move, READERS, CALL_JSON},
    {.run = NULL},
};
