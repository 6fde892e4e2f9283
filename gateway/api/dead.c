/* SPDX-License-Identifier: Apache-2.0
 * REST on what could not be sent or understood. Whoever mends channels learns nothing of sealed matters by
 * it: what failed in a thread above their clearance is not there for them. */
#include "gateway/api/api_internal.h"
#include <stdio.h>
#include <string.h>

#define PAGE 50 /* read at once */

struct dead_slot {
    struct dead_list *list;
    struct id thread;
    char item[48], *error;
    uint64_t seq;
    int64_t time_ms;
    bool shown;
};
struct dead_list {
    struct call *c;
    struct buf b;
    char *channel, before[48], last[48]; /* where the next page begins; the last that was shown */
    unsigned left;
    struct dead_slot slots[PAGE];
    size_t n, waiting;
    struct err err;
};

static void dead_json(struct buf *b, const struct dead_slot *s)
{
    buf_printf(b, "{\"id\":\"%s\",\"thread\":\"%s\",\"seq\":%llu", s->item, s->thread.s,
               (unsigned long long)s->seq);
    view_time(b, "time", s->time_ms, true);
    buf_printf(b, ",\"error\":%s}", s->error);
}

static void dead_end(struct dead_list *l, const struct err *e)
{
    if (e->code) {
        buf_clear(&l->b);
        call_err(l->c, e);
    } else
        call_list_end(l->c, &l->b, l->last);
    mem_free(l);
}

static void on_dead(void *arg, const struct err *e, const struct store_dead *d, size_t n);

/* A page is filled with those that follow: where one is missing, nobody is to see it. */
static void dead_page(struct dead_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct dead_slot *s = &l->slots[i];
        if (s->shown && l->left && !l->err.code) {
            call_item(&l->b);
            dead_json(&l->b, s);
            snprintf(l->last, sizeof l->last, "%s", s->item);
            l->left--;
        }
        mem_free(s->error);
    }
    if (l->err.code || !l->left || l->n < PAGE) {
        dead_end(l, &l->err);
        return;
    }
    snprintf(l->before, sizeof l->before, "%s", l->slots[l->n - 1].item);
    store_dead_list(l->c->op->op, l->channel, l->before, PAGE, on_dead, l);
}

static void on_dead_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct dead_slot *s = arg;
    struct dead_list *l = s->list;
    if (!e->code)
        s->shown = rights_mend(&l->c->caller.who, t->clearance, t->area);
    else if (e->code != ERR_NOT_FOUND)
        l->err = *e;
    if (--l->waiting == 0)
        dead_page(l);
}

static void on_dead(void *arg, const struct err *e, const struct store_dead *d, size_t n)
{
    struct dead_list *l = arg;
    if (e->code) {
        dead_end(l, e);
        return;
    }
    l->n = l->waiting = n < PAGE ? n : PAGE;
    for (size_t i = 0; i < l->n; i++) {
        struct dead_slot *s = &l->slots[i];
        *s = (struct dead_slot){.list = l, .thread = d[i].thread, .seq = d[i].seq, .time_ms = d[i].time_ms};
        snprintf(s->item, sizeof s->item, "%s", d[i].item);
        s->error = slice_dup(d[i].error.n ? d[i].error : SLICE("null"));
    }
    if (!l->n) {
        dead_page(l); /* which frees it */
        return;
    }
    for (size_t i = 0, all = l->n; i < all; i++)
        store_thread_get(l->c->op->op, l->slots[i].thread, on_dead_thread, &l->slots[i]);
}

static char *arg_text(struct call *c, size_t i)
{
    return arena_dup(http_req_arena(c->rq), c->args[i].p, c->args[i].n);
}

/* "1700000000000-3" */
static bool item_read(struct slice text, uint64_t *ms, uint64_t *n)
{
    struct slice first;
    return text.n < 42 && slice_next(&text, '-', &first) && slice_u64(first, ms) && slice_u64(text, n);
}

/* limit and before from the query; 0 when one is malformed (and answered). */
static unsigned page_asked(struct call *c, struct buf *before)
{
    uint64_t ms, n;
    unsigned limit = call_limit(c);
    buf_init(before, 64);
    if (!limit || !call_query(c, "before", before) || !before->n || item_read(buf_view(before), &ms, &n))
        return limit;
    call_problem(c, 400, "before: `next` of an earlier answer is wanted");
    return 0;
}

static void dead_get(struct call *c)
{
    struct buf before;
    unsigned limit = page_asked(c, &before);
    if (limit) {
        struct dead_list *l = mem_alloc(sizeof *l);
        l->c = c;
        l->left = limit;
        l->channel = arg_text(c, 0);
        call_list(&l->b);
        store_dead_list(c->op->op, l->channel, before.n ? before.p : "", PAGE, on_dead, l);
    }
    buf_clear(&before);
}

static void on_replayed(void *arg, const struct err *e)
{
    if (e->code)
        call_err(arg, e);
    else
        call_json(arg, 202, SLICE("{\"queued\":true}"));
}

struct replaying {
    struct call *c;
    struct id thread;
    uint64_t seq;
};

static void on_replay_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct replaying *r = arg;
    struct call *c = r->c;
    if (e->code)
        call_err(c, e);
    else if (!rights_mend(&c->caller.who, t->clearance, t->area))
        call_problem(c, 404, "no such item");
    else
        store_retry(c->op->op, r->thread, r->seq, c->caller.login, on_replayed, c);
    mem_free(r);
}

static void on_dead_one(void *arg, const struct err *e, const struct store_dead *d, size_t n)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else if (!n || !slice_is(c->args[1], d[0].item))
        call_problem(c, 404, "no such item");
    else {
        struct replaying *r = mem_alloc(sizeof *r);
        *r = (struct replaying){c, d[0].thread, d[0].seq};
        store_thread_get(c->op->op, r->thread, on_replay_thread, r);
    }
}

/* The list is read from the place just above the item. */
static void dead_replay(struct call *c)
{
    uint64_t ms, n;
    char above[48];
    if (!item_read(c->args[1], &ms, &n) || n == UINT64_MAX) {
        call_problem(c, 404, "no such item");
        return;
    }
    snprintf(above, sizeof above, "%llu-%llu", (unsigned long long)ms, (unsigned long long)n + 1);
    store_dead_list(c->op->op, arg_text(c, 0), above, 1, on_dead_one, c);
}

/* The store's JSON of one begins with its id. */
static void quarantine_id(const char *json, char out[48])
{
    static const char head[] = "{\"id\":\"";
    const char *from = json + sizeof head - 1, *end;
    out[0] = '\0';
    if (strncmp(json, head, sizeof head - 1) == 0 && (end = strchr(from, '"')) && end - from < 48)
        snprintf(out, 48, "%.*s", (int)(end - from), from);
}

/* What a sealed channel took in is as sensitive unread as read. */
static bool quarantine_shown(struct call *c, const char *json)
{
    json_t *item = json_parse(slice_str(json), 8, NULL);
    struct slice channel = json_opt_str(item, "channel");
    const json_t *one;
    size_t i;
    bool shown = true;
    json_array_foreach(json_object_get(operation_document(c->op), "channels"), i, one)
    {
        if (slice_eq(json_opt_str(one, "id"), channel))
            shown = rights_mend(&c->caller.who, (int)json_opt_int(one, "clearance", 0),
                                json_opt_str(one, "area").p);
    }
    json_decref(item);
    return shown;
}

static void on_quarantine(void *arg, const struct err *e, const char *const *json, size_t n)
{
    struct call *c = arg;
    char next[48] = "";
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct buf b;
    call_list(&b);
    for (size_t i = 0; i < n; i++) {
        if (!quarantine_shown(c, json[i]))
            continue;
        call_item(&b);
        buf_str(&b, json[i]);
    }
    if (n)
        quarantine_id(json[n - 1], next);
    call_list_end(c, &b, next);
}

static void quarantine_get(struct call *c)
{
    struct buf before;
    unsigned limit = page_asked(c, &before);
    if (limit)
        store_quarantine_list(c->op->op, before.n ? before.p : "", limit, on_quarantine, c);
    buf_clear(&before);
}

const struct call_route dead_routes[] = {
    {HTTP_M_GET, "channels/{}/dead", dead_get, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_POST, "channels/{}/dead/{}/replay", dead_replay, ROLE_ADMINISTRATOR, 0},
    {HTTP_M_GET, "quarantine", quarantine_get, ROLE_ADMINISTRATOR, 0},
    {.run = NULL},
};
