/* SPDX-License-Identifier: Apache-2.0
 * REST on the audit. Of lines about what lies above an auditor's clearance nothing is told, not even that
 * there are some: a page is filled with those that follow. */
#include "store/audit.h"
#include "gateway/api/api_internal.h"
#include <stdio.h>
#include <string.h>

#define PAGE 200 /* lines read at once */

static char levels[3]; /* the values of `known`: their places tell the clearance */

struct audit_job {
    struct call *c;
    struct buf b;
    unsigned left;
    char cursor[48], last[48]; /* the last that was read, that was shown */
    struct arena *arena;       /* of one page */
    struct store_audit_line *lines;
    size_t n;
    struct map known; /* "thread:ID", "contact:ID" → the clearance that it takes to know of it */
    struct id *contacts;
    size_t contacts_n, at;
};

static void job_end(struct audit_job *j, const struct err *e)
{
    if (e->code) {
        buf_clear(&j->b);
        call_err(j->c, e);
    } else
        call_list_end(j->c, &j->b, j->last);
    map_clear(&j->known, NULL);
    arena_free(&j->arena);
    mem_free(j);
}

static void page_read(struct audit_job *j);

static bool shown(const struct audit_job *j, const struct store_audit_line *l)
{
    int clearance = j->c->caller.who.clearance;
    const char *level = map_get(&j->known, slice_str(l->object));
    return l->clearance <= clearance && (!level || level - levels <= clearance);
}

static void line_json(struct buf *b, const struct store_audit_line *l)
{
    const char *const values[] = {l->actor, l->action, l->object, l->detail};
    static const char *const keys[] = {"actor", "action", "object", "detail"};
    call_item(b);
    buf_printf(b, "{\"id\":\"%s\"", l->id);
    view_time(b, "time", l->time_ms, true);
    for (size_t k = 0; k < 4; k++) {
        buf_printf(b, ",\"%s\":", keys[k]);
        buf_json_str(b, slice_str(values[k]));
    }
    buf_char(b, '}');
}

static void page_show(struct audit_job *j)
{
    bool more = j->n == PAGE;
    for (size_t i = 0; i < j->n && j->left; i++) {
        if (!shown(j, &j->lines[i]))
            continue;
        line_json(&j->b, &j->lines[i]);
        snprintf(j->last, sizeof j->last, "%s", j->lines[i].id);
        j->left--;
    }
    if (more && j->left)
        page_read(j);
    else
        job_end(j, &(struct err){0});
}

/* ---- what the lines are about ---- */

static void next_contact(struct audit_job *j);

/* Whoever may know of one thread of theirs may know of the person. */
static void on_contact_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct audit_job *j = arg;
    struct id id = j->contacts[j->at - 1];
    int lowest = n ? 2 : 0;
    bool own = false;
    if (e->code) {
        job_end(j, e);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (strcmp(t[i]->contact.s, id.s) == 0) {
            own = true;
            lowest = t[i]->clearance < lowest ? t[i]->clearance : lowest;
        }
    char *key = arena_printf(j->arena, "contact:%s", id.s);
    map_put(&j->known, slice_str(key), &levels[own ? lowest : 0]);
    next_contact(j);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct audit_job *j = arg;
    if (e->code && e->code != ERR_NOT_FOUND && e->code != ERR_ERASED)
        job_end(j, e);
    else if (e->code || c->erased)
        next_contact(j);
    else
        store_threads_get(j->c->op->op, c->threads, c->threads_n, on_contact_threads, j);
}

static void next_contact(struct audit_job *j)
{
    if (j->at == j->contacts_n)
        page_show(j);
    else
        store_contact_get(j->c->op->op, j->contacts[j->at++], on_contact, j);
}

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct audit_job *j = arg;
    if (e->code) {
        job_end(j, e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char *key = arena_printf(j->arena, "thread:%s", t[i]->id.s);
        map_put(&j->known, slice_str(key), &levels[t[i]->clearance % 3]);
    }
    next_contact(j);
}

/* Ids of what is not known yet; what is not there any more is open. */
static size_t ids_of(struct audit_job *j, const char *prefix, struct id *ids)
{
    size_t n = 0, length = strlen(prefix);
    for (size_t i = 0; i < j->n; i++) {
        const char *object = j->lines[i].object;
        if (strncmp(object, prefix, length) != 0 || !id_valid(slice_str(object + length)) ||
            map_get(&j->known, slice_str(object)))
            continue;
        map_put(&j->known, slice_str(object), &levels[0]);
        memcpy(ids[n++].s, object + length, ID_LEN + 1);
    }
    return n;
}

static void on_page(void *arg, const struct err *e, const struct store_audit_line *l, size_t n)
{
    struct audit_job *j = arg;
    if (e->code) {
        job_end(j, e);
        return;
    }
    arena_free(&j->arena);
    j->arena = arena_new();
    j->lines = arena_alloc(j->arena, sizeof *j->lines * (n + 1));
    j->n = n;
    for (size_t i = 0; i < n; i++) {
        j->lines[i] = l[i];
        j->lines[i].id = arena_strdup(j->arena, l[i].id);
        j->lines[i].actor = arena_strdup(j->arena, l[i].actor);
        j->lines[i].action = arena_strdup(j->arena, l[i].action);
        j->lines[i].object = arena_strdup(j->arena, l[i].object);
        j->lines[i].detail = arena_strdup(j->arena, l[i].detail);
    }
    if (n)
        snprintf(j->cursor, sizeof j->cursor, "%s", j->lines[n - 1].id);
    if (j->c->caller.who.clearance >= 2) {
        page_show(j);
        return;
    }
    struct id *threads = arena_alloc(j->arena, sizeof *threads * (n + 1));
    j->contacts = arena_alloc(j->arena, sizeof *j->contacts * (n + 1));
    j->contacts_n = ids_of(j, "contact:", j->contacts);
    j->at = 0;
    store_threads_get(j->c->op->op, threads, ids_of(j, "thread:", threads), on_threads, j);
}

static void page_read(struct audit_job *j)
{
    store_audit_list(j->c->op->op, j->cursor, PAGE, on_page, j);
}

static void audit_get(struct call *c)
{
    struct buf after;
    unsigned limit = call_limit(c);
    if (!limit)
        return;
    struct audit_job *j = mem_alloc(sizeof *j);
    j->c = c;
    j->left = limit;
    j->arena = arena_new();
    map_init(&j->known);
    buf_init(&after, 64);
    if (call_query(c, "after", &after) && after.n)
        snprintf(j->cursor, sizeof j->cursor, "%.47s", after.p);
    buf_clear(&after);
    call_list(&j->b);
    page_read(j);
}

const struct call_route audit_routes[] = {
    {HTTP_M_GET, "audit", audit_get, ROLE_AUDITOR, 0},
    {.run = NULL},
};
