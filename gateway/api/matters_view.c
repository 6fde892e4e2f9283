/* SPDX-License-Identifier: Apache-2.0
 * Matters as somebody may see them: their codes, what is sealed, their referrals and what was done to them.
 * Nothing of a matter above the caller's clearance is answered, not even that it is there. */
#include "gateway/api/matters.h"
#include <string.h>

/* ---- JSON ---- */

static void code_member(struct buf *b, const char *facets, const char *facet, const char *name)
{
    struct slice v = record_facet(facets, facet);
    if (!v.n)
        return;
    buf_printf(b, ",\"%s\":", name);
    buf_json_str(b, v);
}

static void time_member(struct buf *b, const char *facets, const char *facet, const char *name)
{
    uint64_t ms = 0;
    if (slice_u64(record_facet(facets, facet), &ms) && ms)
        view_time(b, name, (int64_t)ms, false);
}

void referral_json(struct buf *b, const struct store_record *r)
{
    static const char *const codes[] = {"state", "kind", "to", "from", "area", "path", "risk", "thread"};
    buf_str(b, "\"id\":");
    buf_json_str(b, slice_str(r->id));
    buf_str(b, ",\"matter\":");
    buf_json_str(b, slice_str(r->group));
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        code_member(b, r->facets, codes[i], codes[i]);
    buf_printf(b, ",\"clearance\":%d,\"anonymous\":%s", r->clearance,
               record_facet(r->facets, "anon").n ? "true" : "false");
    time_member(b, r->facets, "made", "made");
    time_member(b, r->facets, "due", "due");
    time_member(b, r->facets, "answered", "answered");
}

/* answers and note, as they were sealed. */
static void sealed_members(struct buf *b, const struct store_record *r)
{
    json_t *v = r->json.n ? json_parse(r->json, JSON_DEPTH_DEFAULT, NULL) : NULL;
    const json_t *answers = json_object_get(v, "answers");
    buf_str(b, ",\"answers\":");
    if (json_is_object(answers))
        json_write(answers, b);
    else
        buf_str(b, "{}");
    buf_str(b, ",\"note\":");
    buf_json_str(b, json_opt_str(v, "note"));
    json_decref(v);
}

void matter_json(struct buf *b, const struct store_record *r)
{
    static const char *const codes[][2] = {
        {"state", "state"},     {"type", "type"},       {"subject", "subject"}, {"path", "path"},
        {"risk", "risk"},       {"area", "area"},       {"lang", "language"},   {"pack", "pack"},
        {"consent", "consent"}, {"support", "support"}, {"outcome", "outcome"}, {"reason", "reason"},
        {"known", "known"},     {"by", "by"},           {"ap", "approver"}};
    buf_str(b, "\"id\":");
    buf_json_str(b, slice_str(r->id));
    buf_str(b, ",\"thread\":");
    buf_json_str(b, slice_str(r->group));
    buf_printf(b, ",\"version\":%llu,\"clearance\":%d", (unsigned long long)r->version, r->clearance);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        code_member(b, r->facets, codes[i][0], codes[i][1]);
    time_member(b, r->facets, "opened", "opened");
    time_member(b, r->facets, "got", "received");
    time_member(b, r->facets, "ended", "ended");
}

static void steps_json(struct buf *b, const struct store_record *r, size_t n)
{
    buf_str(b, ",\"steps\":[");
    for (size_t i = 0; i < n; i++) {
        buf_str(b, i ? ",{\"what\":" : "{\"what\":");
        buf_json_str(b, record_facet(r[i].facets, "what"));
        code_member(b, r[i].facets, "by", "by");
        code_member(b, r[i].facets, "detail", "detail");
        view_time(b, "time", r[i].score, false);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

static void referrals_json(struct buf *b, const struct store_record *r, size_t n)
{
    buf_str(b, ",\"referrals\":[");
    for (size_t i = 0; i < n; i++) {
        buf_str(b, i ? ",{" : "{");
        referral_json(b, &r[i]);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

/* ---- one matter: the record, its referrals, its steps ---- */

struct show_job {
    struct call *c;
    struct buf b;
    int status;
    char id[RECORD_ID + 1], thread[ID_LEN + 1];
};

static void show_end(struct show_job *j, const struct err *e)
{
    if (e && e->code)
        call_err(j->c, e);
    else
        call_json(j->c, j->status, buf_view(&j->b));
    buf_clear(&j->b);
    mem_free(j);
}

static void on_steps(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct show_job *j = arg;
    (void)more;
    steps_json(&j->b, r, n);
    buf_char(&j->b, '}');
    show_end(j, e);
}

static void on_referrals(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct show_job *j = arg;
    (void)more;
    if (e->code) {
        show_end(j, e);
        return;
    }
    referrals_json(&j->b, r, n);
    struct record_list q = {.kind = "matter_step", .group = j->id};
    store_record_list(j->c->op->op, &q, on_steps, j);
}

static void audited(void *arg, const struct err *e)
{
    (void)arg, (void)e;
}

static void on_matter(void *arg, const struct err *e, const struct store_record *r)
{
    struct show_job *j = arg;
    struct call *c = j->c;
    bool there = !e->code && strcmp(r->group, j->thread) == 0;
    bool wrote = j->status != 200;
    if (j->status == 202) /* it was there before */
        j->status = 200;
    if (there && !matter_shown(&c->caller.who, r) && wrote) {
        /* What they wrote is sealed now, and theirs no more. */
        buf_printf(&j->b, "{\"id\":\"%s\",\"thread\":\"%s\",\"sealed\":true}", j->id, j->thread);
        show_end(j, NULL);
        return;
    }
    if (!there || !matter_shown(&c->caller.who, r)) {
        struct err own = *e;
        if (!e->code)
            err_set(&own, ERR_NOT_FOUND, "no such matter");
        show_end(j, &own);
        return;
    }
    if (r->clearance == 2)
        store_audit_sealed(c->op->op, 2, call_actor(c), "matter.read", j->id, "", audited, NULL);
    buf_char(&j->b, '{');
    matter_json(&j->b, r);
    sealed_members(&j->b, r);
    struct record_list q = {.kind = "referral", .group = j->id};
    store_record_list(c->op->op, &q, on_referrals, j);
}

void matter_show(struct call *c, int status, const char *thread, const char *id)
{
    struct show_job *j = mem_alloc(sizeof *j);
    j->c = c;
    j->status = status;
    buf_init(&j->b, 4u << 20);
    strncpy(j->thread, thread, ID_LEN);
    strncpy(j->id, id, RECORD_ID);
    store_record_get(c->op->op, "matter", j->id, on_matter, j);
}

/* ---- those of a thread ---- */

struct list_job {
    struct call *c;
    struct buf b;
    char (*ids)[RECORD_ID + 1];
    struct slice *parts; /* the JSON of each so far */
    size_t n, at;
    bool any_sealed;
};

static void list_next(struct list_job *j);

static void list_end(struct list_job *j, const struct err *e)
{
    if (e && e->code)
        call_err(j->c, e);
    else
        call_list_end(j->c, &j->b, "");
    if (e && e->code)
        buf_clear(&j->b);
    for (size_t i = 0; i < j->n; i++)
        mem_free((char *)(uintptr_t)j->parts[i].p);
    mem_free(j->ids);
    mem_free(j->parts);
    mem_free(j);
}

static void on_list_referrals(void *arg, const struct err *e, const struct store_record *r, size_t n,
                              bool more)
{
    struct list_job *j = arg;
    (void)more;
    if (e->code) {
        list_end(j, e);
        return;
    }
    call_item(&j->b);
    buf_slice(&j->b, j->parts[j->at]);
    referrals_json(&j->b, r, n);
    buf_char(&j->b, '}');
    j->at++;
    list_next(j);
}

static void list_next(struct list_job *j)
{
    if (j->at == j->n) {
        list_end(j, NULL);
        return;
    }
    struct record_list q = {.kind = "referral", .group = j->ids[j->at]};
    store_record_list(j->c->op->op, &q, on_list_referrals, j);
}

static bool shown(void *arg, const struct store_record *r)
{
    return matter_shown(&((struct call *)arg)->caller.who, r);
}

static void on_list(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct list_job *j = arg;
    (void)more;
    if (e->code) {
        list_end(j, e);
        return;
    }
    j->ids = mem_array(n + 1, sizeof *j->ids);
    j->parts = mem_array(n + 1, sizeof *j->parts);
    for (size_t i = 0; i < n; i++) {
        struct buf one;
        buf_init(&one, 2u << 20);
        buf_char(&one, '{');
        matter_json(&one, &r[i]);
        sealed_members(&one, &r[i]);
        strncpy(j->ids[i], r[i].id, RECORD_ID);
        j->any_sealed |= r[i].clearance == 2;
        size_t len = 0;
        char *text = buf_take(&one, &len);
        j->parts[i] = slice_of(text, len);
        j->n++;
    }
    if (j->any_sealed)
        store_audit_sealed(j->c->op->op, 2, call_actor(j->c), "matter.read", r[0].group, "", audited, NULL);
    list_next(j);
}

void matter_list(struct call *c, const char *thread)
{
    struct list_job *j = mem_alloc(sizeof *j);
    struct record_list q = {.kind = "matter", .group = thread, .visible = shown};
    j->c = c;
    call_list(&j->b);
    q.limit = 200;
    store_record_list(c->op->op, &q, on_list, j);
}

/* ---- the socket: who oversees hears that one has changed ---- */

static bool may_hear(const struct record_news *n, const struct who *w)
{
    char area[RECORD_FACETS + 1] = "";
    struct slice a = record_facet(n->ev->record.facets, "area");
    memcpy(area, a.p, a.n < RECORD_FACETS ? a.n : 0);
    return rights_matter(w, n->ev->clearance, area);
}

static void tell(struct buf *b, const struct record_news *n, const struct who *w)
{
    (void)w;
    record_frame(b, n, "matter.changed");
    buf_str(b, ",\"matter\":");
    buf_json_str(b, slice_str(n->ev->record.id));
    buf_str(b, ",\"thread\":");
    buf_json_str(b, slice_str(n->ev->record.group));
    buf_char(b, '}');
}

const struct record_row matter_row = {.kind = "matter", .may = may_hear, .tell = tell};
