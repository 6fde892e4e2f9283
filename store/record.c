/* SPDX-License-Identifier: Apache-2.0
 * Records (record.h). Sealed here, written by functions/record.lua. Associated data of one that is a
 * contact's: operation, kind, id, contact, clearance; so none can be moved, nor lowered, in Redis. */
#include "store/record_seal.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define SEALED_MAX (RECORD_JSON + 256)
#define FIELDS     10 /* of a record in an answer; records_of puts the kind behind them */

/* ---- what is let in ---- */

static bool code_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._-:/", c));
}

static bool code_valid(const char *s, size_t most, bool may_be_empty)
{
    size_t n = 0;
    for (; s[n]; n++)
        if (n == most || !code_char(s[n]))
            return false;
    return n || may_be_empty;
}

static bool facets_valid(const char *s)
{
    size_t n = 0;
    for (; s[n]; n++)
        if (n == RECORD_FACETS || (!code_char(s[n]) && !strchr(" =,*", s[n])))
            return false;
    return true;
}

static bool kind_known(const char *kind)
{
    for (const struct record_kind *k = record_kinds; k->kind; k++)
        if (k->is_record && strcmp(k->kind, kind) == 0)
            return true;
    return false;
}

static const char *put_wrong(const struct record_put *p)
{
    const struct store_record *r = &p->r;
    if (!kind_known(r->kind))
        return "no such kind of record";
    if (!code_valid(r->id, RECORD_ID, false))
        return "a record's id is 1 to 64 of a-z A-Z 0-9 . _ - : /";
    if (!code_valid(r->group ? r->group : "", RECORD_ID, true))
        return "a record's group is a code";
    if (!facets_valid(r->facets ? r->facets : ""))
        return "a record's facets are codes";
    if (r->clearance < 0 || r->clearance >= KEYS_CLEARANCES)
        return "a record's clearance is 0 to 2";
    return r->json.n > RECORD_JSON ? "a record is too large" : NULL;
}

struct slice record_facet(const char *facets, const char *name)
{
    struct slice rest = slice_str(facets), word;
    size_t n = strlen(name);
    while (slice_next(&rest, ' ', &word))
        if (word.n > n && memcmp(word.p, name, n) == 0 && word.p[n] == '=')
            return slice_of(word.p + n + 1, word.n - n - 1);
    return SLICE("");
}

/* ---- sealing ---- */

static void associated(const struct store_op *op, const char *kind, struct slice id, uint64_t contact,
                       int clearance, struct buf *out)
{
    char handle[STORE_HANDLE];
    store_handle_put(handle, contact);
    buf_init(out, 512);
    buf_printf(out, "record|%s|%s|%.*s|%d|", store_op_name(op), kind, (int)id.n, id.p, clearance);
    buf_add(out, handle, sizeof handle);
}

static void seal(struct store_op *op, const struct record_put *p, uint64_t contact, uint32_t kid,
                 struct buf *out)
{
    struct buf aad;
    buf_init(out, SEALED_MAX);
    associated(op, p->r.kind, slice_str(p->r.id), contact, p->r.clearance, &aad);
    if (contact)
        keys_seal(op, kid, p->r.clearance, buf_view(&aad), p->r.json, out);
    else
        keys_seal_own(op, KEYS_CONFIG, "record", buf_view(&aad), p->r.json, out);
    buf_clear(&aad);
}

void record_envelope(struct store_op *op, const struct store_record *r, uint64_t contact, uint32_t kid,
                     struct buf *out)
{
    seal(op, &(struct record_put){.r = *r}, contact, kid, out);
}

/* Empty when there is nothing to open or no key for it any more. */
static int unseal(struct store_op *op, const char *kind, const struct store_record *r, uint64_t contact,
                  struct slice sealed, struct buf *out)
{
    struct buf aad;
    if (!sealed.n)
        return 0;
    associated(op, kind, slice_str(r->id), contact, r->clearance, &aad);
    int rc = contact ? keys_open(op, r->clearance, buf_view(&aad), sealed, out)
                     : keys_open_own(op, KEYS_CONFIG, "record", buf_view(&aad), sealed, out);
    buf_clear(&aad);
    return rc == -ERR_ERASED ? 0 : rc;
}

/* ---- putting ---- */

struct put {
    struct store_op *op;
    struct record_put p; /* what it points to stands in the arena */
    struct arena *a;
    uint64_t contact;
    uint32_t kid;
    void (*done)(void *arg, const struct err *e, uint64_t version);
    void *arg;
};

static const char *copy_text(struct arena *a, const char *s)
{
    return s ? arena_dup(a, s, strlen(s)) : "";
}

static void put_end(struct put *x, const struct err *e, uint64_t version)
{
    x->done(x->arg, e, version);
    if (x->p.r.json.n)
        mem_wipe((char *)(uintptr_t)x->p.r.json.p, x->p.r.json.n);
    arena_free(&x->a);
    mem_free(x);
}

static void put_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct put *x = arg;
    uint64_t version = e->code ? 0 : (uint64_t)store_number(r);
    struct slice text = slice_str(e->text), word;
    if (e->code == ERR_CONFLICT && slice_next(&text, ' ', &word) && !slice_u64(word, &version))
        version = 0;
    put_end(x, e, version);
}

static void put_send(struct put *x)
{
    struct store_args a;
    struct buf sealed;
    seal(x->op, &x->p, x->contact, x->kid, &sealed);
    store_args_init(&a);
    store_arg_str(&a, x->p.r.kind);
    store_arg_str(&a, x->p.r.id);
    if (x->p.expect == RECORD_ANY)
        store_arg_str(&a, "");
    else
        store_arg_int(&a, (int64_t)x->p.expect);
    store_arg_int(&a, x->p.r.clearance);
    store_arg_int(&a, x->p.r.score);
    if (x->contact)
        store_arg_handle(&a, x->contact);
    else
        store_arg_str(&a, "");
    store_arg_int(&a, x->kid);
    store_arg_str(&a, x->p.r.group);
    store_arg_str(&a, x->p.r.facets);
    store_arg(&a, buf_view(&sealed));
    store_arg_str(&a, x->p.actor);
    store_arg_str(&a, x->p.action);
    store_arg_str(&a, x->p.detail);
    store_call(x->op, "record_put", &a, put_done, x);
    buf_clear(&sealed);
}

static void put_loaded(void *arg, const struct err *e)
{
    struct put *x = arg;
    struct err own = *e;
    if (!e->code && keys_state(x->op, x->kid) != KEYS_HERE)
        err_set(&own, ERR_ERASED, "the person was erased");
    if (own.code)
        put_end(x, &own, 0);
    else
        put_send(x);
}

static void put_contact(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct put *x = arg;
    if (e->code) {
        put_end(x, e, 0);
        return;
    }
    x->kid = (uint32_t)store_number(r);
    keys_load(x->op, &x->kid, 1, put_loaded, x);
}

void store_record_put(struct store_op *op, const struct record_put *p,
                      void (*done)(void *arg, const struct err *e, uint64_t version), void *arg)
{
    struct put *x = mem_alloc(sizeof *x);
    const char *wrong = put_wrong(p);
    struct store_args a;
    *x = (struct put){.op = op, .p = *p, .a = arena_new(), .done = done, .arg = arg};
    x->p.r.json = SLICE("");
    if (!wrong && p->r.contact.s[0] && !store_contact_handle(op, p->r.contact, &x->contact))
        wrong = "no such contact";
    if (wrong) {
        side_refuse(op, ERR_INVALID, wrong, put_done, x);
        return;
    }
    x->p.r.kind = copy_text(x->a, p->r.kind);
    x->p.r.id = copy_text(x->a, p->r.id);
    x->p.r.json = arena_slice(x->a, p->r.json);
    x->p.r.group = copy_text(x->a, p->r.group);
    x->p.r.facets = copy_text(x->a, p->r.facets);
    x->p.actor = p->actor && *p->actor ? copy_text(x->a, p->actor) : "system";
    x->p.action = copy_text(x->a, p->action);
    x->p.detail = copy_text(x->a, p->detail);
    if (!x->contact) {
        put_send(x);
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, x->contact);
    store_call(op, "record_contact", &a, put_contact, x);
}

/* ---- deleting ---- */

struct drop {
    store_done done;
    void *arg;
};

static void dropped(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct drop *d = arg;
    (void)r;
    if (d->done)
        d->done(d->arg, e);
    mem_free(d);
}

void store_record_delete(struct store_op *op, const char *kind, const char *id, uint64_t expect,
                         const char *actor, const char *action, store_done done, void *arg)
{
    struct drop *d = mem_alloc(sizeof *d);
    struct store_args a;
    *d = (struct drop){done, arg};
    store_args_init(&a);
    store_arg_str(&a, kind);
    store_arg_str(&a, id);
    if (expect == RECORD_ANY)
        store_arg_str(&a, "");
    else
        store_arg_int(&a, (int64_t)expect);
    store_arg_str(&a, actor && *actor ? actor : "system");
    store_arg_str(&a, action);
    store_call(op, "record_delete", &a, dropped, d);
}

/* ---- reading ---- */

typedef void (*list_done)(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more);

struct reading {
    struct store_op *op;
    struct arena *a;
    char kind[32];
    unsigned limit;
    bool (*visible)(void *arg, const struct store_record *r);
    struct store_record *list;
    uint64_t *contacts;
    uint32_t *kids;
    struct slice *sealed;
    size_t n;
    bool more;
    list_done many;
    void (*one)(void *arg, const struct err *e, const struct store_record *r);
    void (*all)(void *arg, const struct err *e, const struct store_record *r, size_t n);
    void *arg;
};

static void reading_end(struct reading *x, const struct err *e)
{
    size_t n = e->code ? 0 : x->n;
    if (x->one)
        x->one(x->arg, e, n ? x->list : NULL);
    else if (x->all)
        x->all(x->arg, e, x->list, n);
    else
        x->many(x->arg, e, x->list, n, x->more);
    for (size_t i = 0; i < x->n; i++)
        if (x->list[i].json.n)
            mem_wipe((char *)(uintptr_t)x->list[i].json.p, x->list[i].json.n);
    arena_free(&x->a);
    mem_free(x);
}

static void open_all(void *arg, const struct err *e)
{
    struct reading *x = arg;
    struct err own = *e;
    struct buf plain;
    buf_init(&plain, SEALED_MAX);
    for (size_t i = 0; i < x->n && !own.code; i++) {
        buf_reset(&plain);
        if (unseal(x->op, x->list[i].kind, &x->list[i], x->contacts[i], x->sealed[i], &plain) != 0)
            err_set(&own, ERR_CORRUPT, "a record does not decrypt");
        else
            x->list[i].json = arena_slice(x->a, buf_view(&plain));
        if (plain.n)
            mem_wipe(plain.p, plain.n);
    }
    buf_clear(&plain);
    reading_end(x, &own);
}

static void take(struct reading *x, const struct redis_reply *r)
{
    struct store_record *to = &x->list[x->n];
    struct slice kind = r->n > FIELDS ? store_item(r, FIELDS) : slice_str(x->kind);
    const char *text[4];
    static const size_t at[] = {0, 7, 8};
    for (size_t i = 0; i < 3; i++)
        text[i] = arena_dup(x->a, store_item(r, at[i]).p, store_item(r, at[i]).n);
    *to = (struct store_record){.kind = arena_dup(x->a, kind.p, kind.n),
                                .id = text[0],
                                .version = (uint64_t)store_number(r->items[1]),
                                .updated_ms = store_number(r->items[2]),
                                .clearance = (int)store_number(r->items[3]),
                                .score = store_number(r->items[4]),
                                .group = text[1],
                                .facets = text[2],
                                .json = SLICE("")};
    x->contacts[x->n] = store_handle_get(store_item(r, 5));
    if (x->contacts[x->n])
        to->contact = store_id_of(x->op, x->contacts[x->n], STORE_SEQ_CONTACT);
    x->kids[x->n] = (uint32_t)store_number(r->items[6]);
    if (x->visible && !x->visible(x->arg, to))
        return;
    x->sealed[x->n] = arena_slice(x->a, store_item(r, 9));
    x->n++;
}

/* The keys that are needed stand side by side. */
static size_t keys_needed(struct reading *x, uint32_t *kids)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++)
        if (x->contacts[i] && x->sealed[i].n)
            kids[n++] = x->kids[i];
    return n;
}

static void records_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct reading *x = arg;
    if (e->code || r->kind != REDIS_ARRAY) {
        reading_end(x, e);
        return;
    }
    size_t n = r->n;
    x->list = arena_alloc(x->a, (n + 1) * sizeof *x->list);
    x->contacts = arena_alloc(x->a, (n + 1) * sizeof *x->contacts);
    x->kids = arena_alloc(x->a, (n + 1) * sizeof *x->kids);
    x->sealed = arena_alloc(x->a, (n + 1) * sizeof *x->sealed);
    x->more = x->limit && n > x->limit;
    for (size_t i = 0; i < n && (!x->limit || i < x->limit); i++)
        if (r->items[i]->kind == REDIS_ARRAY && r->items[i]->n >= FIELDS)
            take(x, r->items[i]);
    uint32_t *kids = arena_alloc(x->a, (n + 1) * sizeof *kids);
    size_t needed = keys_needed(x, kids);
    if (needed)
        keys_load(x->op, kids, needed, open_all, x);
    else
        open_all(x, &(struct err){0});
}

static struct reading *reading_new(struct store_op *op, const char *kind, void *arg)
{
    struct reading *x = mem_alloc(sizeof *x);
    *x = (struct reading){.op = op, .a = arena_new(), .arg = arg};
    snprintf(x->kind, sizeof x->kind, "%s", kind);
    return x;
}

void store_record_get(struct store_op *op, const char *kind, const char *id,
                      void (*done)(void *arg, const struct err *e, const struct store_record *r), void *arg)
{
    struct reading *x = reading_new(op, kind, arg);
    struct store_args a;
    x->one = done;
    store_args_init(&a);
    store_arg_str(&a, kind);
    store_arg_str(&a, id);
    store_call(op, "record_get", &a, records_read, x);
}

void store_record_list(struct store_op *op, const struct record_list *q, list_done done, void *arg)
{
    struct reading *x = reading_new(op, q->kind, arg);
    struct store_args a;
    x->many = done;
    x->visible = q->visible;
    x->limit = q->limit && q->limit < RECORD_LIST ? q->limit : RECORD_LIST;
    store_args_init(&a);
    store_arg_str(&a, q->kind);
    store_arg_str(&a, q->group);
    store_arg_int(&a, q->from);
    if (q->to)
        store_arg_int(&a, q->to);
    else
        store_arg_str(&a, "");
    store_arg_int(&a, q->newest_first);
    store_arg_int(&a, q->offset);
    store_arg_int(&a, x->limit);
    store_call(op, "record_list", &a, records_read, x);
}

void store_records_of(struct store_op *op, struct id contact,
                      void (*done)(void *arg, const struct err *e, const struct store_record *r, size_t n),
                      void *arg)
{
    struct reading *x = reading_new(op, "", arg);
    struct store_args a;
    uint64_t handle;
    x->all = done;
    if (!store_contact_handle(op, contact, &handle)) {
        side_refuse(op, ERR_NOT_FOUND, "no such contact", records_read, x);
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, handle);
    store_call(op, "records_of", &a, records_read, x);
}
