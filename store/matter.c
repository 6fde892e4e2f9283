/* SPDX-License-Identifier: Apache-2.0
 * See matter.h: what matters hold is sealed here, functions/matter.lua does the rest. */
#include "store/matter.h"
#include "gateway/base/mem.h"
#include "store/record_seal.h"
#include "store/side.h"
#include <string.h>

void matter_id_new(char out[MATTER_ID + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char raw[MATTER_ID];
    crypto_random(raw, sizeof raw);
    for (size_t i = 0; i < MATTER_ID; i++)
        out[i] = letters[raw[i] % 32];
    out[MATTER_ID] = '\0';
}

/* ---- what they share ---- */

struct matter_job {
    struct store_op *op;
    struct arena *a;
    struct matter_put p; /* its strings stand in the arena */
    uint64_t thread, contact;
    uint32_t kid;
    matter_done done;
    void (*looked)(void *arg, const struct err *e, const struct guard_look *g);
    void *arg;
};

static struct matter_job *job_new(struct store_op *op, matter_done done, void *arg)
{
    struct matter_job *j = mem_alloc(sizeof *j);
    j->op = op;
    j->a = arena_new();
    j->done = done;
    j->arg = arg;
    return j;
}

static void job_end(struct matter_job *j, const struct err *e, const char *id, uint64_t version)
{
    j->done(j->arg, e, id, version);
    if (j->p.json.n)
        mem_wipe((char *)(uintptr_t)j->p.json.p, j->p.json.n);
    arena_free(&j->a);
    mem_free(j);
}

static void on_written(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct matter_job *j = arg;
    struct slice id = e->code ? SLICE("") : store_item(r, 0);
    uint64_t version =
        !e->code && r->kind == REDIS_ARRAY && r->n > 1 ? (uint64_t)store_number(r->items[1]) : 0;
    job_end(j, e, arena_dup(j->a, id.p ? id.p : "", id.n), version);
}

static bool code(const char *s, bool may_be_empty)
{
    size_t n = strlen(s);
    if (n > RECORD_ID || (!n && !may_be_empty))
        return false;
    for (; *s; s++)
        if (!(*s >= 'a' && *s <= 'z') && !(*s >= '0' && *s <= '9') && !strchr("._-:/@", *s))
            return false;
    return true;
}

/* Thread and matter as the first two arguments; false: one is none, and cb will be told. */
static bool begin(struct matter_job *j, struct id thread, const char *id, struct store_args *a,
                  store_reply cb)
{
    store_args_init(a);
    if (!store_thread_handle(j->op, thread, &j->thread) || !code(id, false)) {
        side_refuse(j->op, ERR_NOT_FOUND, "no such matter", cb, j);
        return false;
    }
    store_arg_handle(a, j->thread);
    store_arg_str(a, id);
    return true;
}

/* ---- putting ---- */

static void put_send(struct matter_job *j)
{
    const struct matter_put *p = &j->p;
    struct store_record r = {.kind = "matter", .id = p->id, .clearance = p->clearance, .json = p->json};
    struct store_args a;
    struct buf sealed;
    store_args_init(&a);
    store_arg_handle(&a, j->thread);
    store_arg_str(&a, p->thread.s);
    store_arg_str(&a, p->id);
    store_arg_int(&a, (int64_t)p->version);
    store_arg_str(&a, p->actor);
    store_arg_int(&a, j->kid);
    store_arg_int(&a, p->clearance);
    if (p->json.n)
        record_envelope(j->op, &r, j->contact, j->kid, &sealed);
    else
        buf_init(&sealed, 1);
    store_arg(&a, buf_view(&sealed));
    store_arg_str(&a, p->what);
    for (size_t i = 0; i < p->codes_n; i++) {
        store_arg_str(&a, p->codes[i].name);
        store_arg_str(&a, p->codes[i].value);
    }
    store_call(j->op, "matter_put", &a, on_written, j);
    buf_clear(&sealed);
}

static void put_loaded(void *arg, const struct err *e)
{
    struct matter_job *j = arg;
    struct err own = *e;
    if (!e->code && keys_state(j->op, j->kid) != KEYS_HERE)
        err_set(&own, ERR_ERASED, "the person was erased");
    if (own.code)
        job_end(j, &own, "", 0);
    else
        put_send(j);
}

static void put_contact(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct matter_job *j = arg;
    if (e->code) {
        job_end(j, e, "", 0);
        return;
    }
    j->kid = (uint32_t)store_number(r);
    keys_load(j->op, &j->kid, 1, put_loaded, j);
}

static const char *put_wrong(const struct matter_put *p)
{
    if (p->clearance < 0 || p->clearance >= KEYS_CLEARANCES)
        return "a clearance is 0 to 2";
    if (p->codes_n > MATTER_CODES || p->json.n > RECORD_JSON)
        return "a matter is too large";
    for (size_t i = 0; i < p->codes_n; i++)
        if (!code(p->codes[i].value, true))
            return "what stands in a matter's facets are codes";
    return NULL;
}

static const char *keep(struct matter_job *j, const char *s)
{
    return arena_strdup(j->a, s ? s : "");
}

void store_matter_put(struct store_op *op, const struct matter_put *p, matter_done done, void *arg)
{
    struct matter_job *j = job_new(op, done, arg);
    const char *wrong = put_wrong(p);
    struct store_args a;
    if (!begin(j, p->thread, p->id, &a, on_written))
        return;
    if (!wrong && !store_contact_handle(op, p->contact, &j->contact))
        wrong = "no such contact";
    if (wrong) {
        side_refuse(op, ERR_INVALID, wrong, on_written, j);
        return;
    }
    j->p = *p;
    j->p.id = keep(j, p->id);
    j->p.actor = keep(j, p->actor);
    j->p.what = keep(j, p->what);
    j->p.json = p->json.n ? arena_slice(j->a, p->json) : SLICE("");
    for (size_t i = 0; i < p->codes_n; i++) {
        j->p.codes[i].name = keep(j, p->codes[i].name);
        j->p.codes[i].value = keep(j, p->codes[i].value);
    }
    store_args_init(&a);
    store_arg_handle(&a, j->contact);
    store_call(op, "record_contact", &a, put_contact, j);
}

/* ---- ends ---- */

static void arg_answer(struct store_args *a, uint64_t seq)
{
    if (seq)
        store_arg_int(a, (int64_t)seq);
    else
        store_arg_str(a, "");
}

void store_matter_end(struct store_op *op, const struct matter_end *m, matter_done done, void *arg)
{
    struct matter_job *j = job_new(op, done, arg);
    struct store_args a;
    if (!begin(j, m->thread, m->id, &a, on_written))
        return;
    if (!code(m->outcome, true) || !code(m->reason, true)) {
        side_refuse(op, ERR_INVALID, "outcome and reason are codes", on_written, j);
        return;
    }
    store_arg_str(&a, m->actor);
    store_arg_str(&a, m->outcome);
    store_arg_str(&a, m->reason);
    arg_answer(&a, m->answer);
    store_call(op, "matter_end", &a, on_written, j);
}

void store_matter_approve(struct store_op *op, struct id thread, const char *id, const char *actor, bool yes,
                          matter_done done, void *arg)
{
    struct matter_job *j = job_new(op, done, arg);
    struct store_args a;
    if (!begin(j, thread, id, &a, on_written))
        return;
    store_arg_str(&a, actor);
    store_arg_int(&a, yes);
    store_call(op, "matter_approve", &a, on_written, j);
}

void store_matter_reopen(struct store_op *op, struct id thread, const char *id, const char *actor,
                         matter_done done, void *arg)
{
    struct matter_job *j = job_new(op, done, arg);
    struct store_args a;
    if (!begin(j, thread, id, &a, on_written))
        return;
    store_arg_str(&a, actor);
    store_call(op, "matter_reopen", &a, on_written, j);
}

static void on_look(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct matter_job *j = arg;
    struct guard_look g = {.known = "", .lacks = "", .unsafe = ""};
    struct buf lacks;
    buf_init(&lacks, 1024);
    for (size_t i = 2; !e->code && r->kind == REDIS_ARRAY && i < r->n; i++)
        buf_printf(&lacks, "%s%.*s", lacks.n ? " " : "", (int)store_item(r, i).n, store_item(r, i).p);
    if (!e->code && r->kind == REDIS_ARRAY && r->n >= 2) {
        g.known = arena_dup(j->a, store_item(r, 0).p, store_item(r, 0).n);
        g.due_ms = store_number(r->items[1]);
        g.lacks = arena_dup(j->a, lacks.n ? lacks.p : "", lacks.n);
    }
    j->looked(j->arg, e, &g);
    buf_clear(&lacks);
    arena_free(&j->a);
    mem_free(j);
}

void store_matter_look(struct store_op *op, const struct matter_end *m,
                       void (*done)(void *arg, const struct err *e, const struct guard_look *g), void *arg)
{
    struct matter_job *j = job_new(op, NULL, arg);
    struct store_args a;
    j->looked = done;
    if (!begin(j, m->thread, m->id, &a, on_look))
        return;
    store_arg_str(&a, m->reason);
    arg_answer(&a, m->answer);
    store_call(op, "matter_look", &a, on_look, j);
}

/* ---- referrals ---- */

void store_matter_refer(struct store_op *op, const struct matter_refer *r, matter_done done, void *arg)
{
    struct matter_job *j = job_new(op, done, arg);
    struct store_args a;
    if (!begin(j, r->thread, r->id, &a, on_written))
        return;
    if (!code(r->kind, false) || !code(r->to, false) || !code(r->from, true)) {
        side_refuse(op, ERR_INVALID, "kind, institution and referral are codes", on_written, j);
        return;
    }
    store_arg_str(&a, r->actor);
    store_arg_str(&a, r->kind);
    store_arg_str(&a, r->to);
    store_arg_int(&a, r->due_ms);
    store_arg_str(&a, r->from);
    store_call(op, "refer", &a, on_written, j);
}

void store_referral_move(struct store_op *op, struct id thread, const char *id, const char *referral,
                         const char *actor, const char *to, matter_done done, void *arg)
{
    struct matter_job *j = job_new(op, done, arg);
    struct store_args a;
    if (!begin(j, thread, id, &a, on_written))
        return;
    if (!code(referral, false) || !code(to, false)) {
        side_refuse(op, ERR_NOT_FOUND, "no such referral", on_written, j);
        return;
    }
    store_arg_str(&a, referral);
    store_arg_str(&a, actor);
    store_arg_str(&a, to);
    store_call(op, "referral_move", &a, on_written, j);
}
