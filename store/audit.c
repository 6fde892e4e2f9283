/* SPDX-License-Identifier: Apache-2.0
 * Writing and listing the audit. Lines of one turn of the loop go in one call. */
#include "store/audit.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/side.h"
#include <stdlib.h>
#include <string.h>

#define LINE_WORDS 5 /* as functions/audit.lua wants them */
#define CALL_LINES (STORE_ARGS / LINE_WORDS)
#define LIST_MAX   1000

struct line {
    struct line *next;
    char *words[LINE_WORDS];
    store_done done;
    void *arg;
};

struct audit_queue {
    struct store_op *op;
    struct line *first, **last;
    bool deferred, closed;
};

static void lines_end(struct line *l, const struct err *e)
{
    while (l) {
        struct line *next = l->next;
        if (l->done)
            l->done(l->arg, e);
        for (size_t i = 0; i < LINE_WORDS; i++)
            mem_free(l->words[i]);
        mem_free(l);
        l = next;
    }
}

static void written(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    if (e->code)
        log_event(LOG_ERROR, "audit.lost", log_err(e)); /* who asked for `done` is told as well */
    lines_end(arg, e);
}

static void flush(void *arg)
{
    struct audit_queue *q = arg;
    q->deferred = false;
    while (q->first) {
        struct store_args a;
        struct line *first = q->first, **end = &q->first;
        store_args_init(&a);
        for (size_t n = 0; *end && n < CALL_LINES; n++, end = &(*end)->next)
            for (size_t i = 0; i < LINE_WORDS; i++)
                store_arg(&a, slice_str((*end)->words[i]));
        q->first = *end;
        *end = NULL;
        if (!q->first)
            q->last = &q->first;
        store_call(q->op, "audit_put", &a, written, first);
    }
    if (q->closed)
        mem_free(q);
}

void store_audit(struct store_op *op, const char *actor, const char *action, const char *object,
                 const char *detail, store_done done, void *arg)
{
    store_audit_sealed(op, 0, actor, action, object, detail, done, arg);
}

void store_audit_sealed(struct store_op *op, int clearance, const char *actor, const char *action,
                        const char *object, const char *detail, store_done done, void *arg)
{
    if (!op->side) { /* an operation that was destroyed */
        if (done)
            store_fail(op->store, done, arg, ERR_NOT_FOUND, "there is no such operation");
        return;
    }
    struct audit_queue *q = op->side->audit;
    struct line *l = mem_alloc(sizeof *l);
    const char *words[LINE_WORDS] = {actor, action, object, detail,
                                     clearance > 1   ? "2"
                                     : clearance > 0 ? "1"
                                                     : "0"};
    for (size_t i = 0; i < LINE_WORDS; i++)
        l->words[i] = mem_strdup(words[i] ? words[i] : "");
    l->done = done;
    l->arg = arg;
    *q->last = l;
    q->last = &l->next;
    if (!q->deferred) {
        q->deferred = true;
        loop_defer(store_loop(op->store), flush, q);
    }
}

void audit_open(struct store_op *op)
{
    struct audit_queue *q = op->side->audit = mem_alloc(sizeof *q);
    q->op = op;
    q->last = &q->first;
}

static void queue_close(struct audit_queue *q)
{
    static const struct err cancelled = {ERR_CANCELLED, "the store is closing"};
    lines_end(q->first, &cancelled);
    q->first = NULL;
    q->last = &q->first;
    q->closed = true;
    if (!q->deferred)
        mem_free(q);
}

/* ---- listing ---- */

struct list_job {
    struct store_op *op;
    void (*done)(void *arg, const struct err *e, const struct store_audit_line *l, size_t n);
    void *arg;
};

static const char *field(struct arena *a, const struct redis_reply *fields, const char *name)
{
    struct slice s = store_field(fields, name);
    return arena_dup(a, s.p, s.n);
}

/* Threads and contacts stand there as handles; outside they have ids. */
static const char *object_text(const struct store_op *op, struct arena *a, const char *object)
{
    static const struct {
        const char *prefix;
        uint32_t seq;
    } kinds[] = {{"thread:", STORE_SEQ_THREAD}, {"contact:", STORE_SEQ_CONTACT}};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(kinds[i].prefix);
        unsigned char raw[STORE_HANDLE];
        if (strncmp(object, kinds[i].prefix, n) != 0 || !text_unhex(raw, sizeof raw, slice_str(object + n)))
            continue;
        struct id id = store_id_of(op, store_handle_get(slice_of(raw, sizeof raw)), kinds[i].seq);
        return arena_printf(a, "%s%s", kinds[i].prefix, id.s);
    }
    return object;
}

static void listed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct list_job *j = arg;
    struct arena *a = arena_new();
    size_t n = e->code == 0 && r->kind == REDIS_ARRAY ? r->n : 0;
    struct store_audit_line *l = arena_alloc(a, (n + 1) * sizeof *l);
    for (size_t i = 0; i < n; i++) {
        const struct redis_reply *fields = r->items[i]->n == 2 ? r->items[i]->items[1] : r->items[i];
        struct slice id = store_item(r->items[i], 0);
        l[i].id = arena_dup(a, id.p, id.n);
        l[i].time_ms = strtoll(l[i].id, NULL, 10);
        l[i].actor = field(a, fields, "a");
        l[i].action = field(a, fields, "x");
        l[i].object = object_text(j->op, a, field(a, fields, "o"));
        l[i].detail = field(a, fields, "d");
        l[i].clearance = (int)strtol(field(a, fields, "c"), NULL, 10);
    }
    j->done(j->arg, e, l, n);
    arena_free(&a);
    mem_free(j);
}

void store_audit_list(struct store_op *op, const char *after, unsigned limit,
                      void (*done)(void *arg, const struct err *e, const struct store_audit_line *l,
                                   size_t n),
                      void *arg)
{
    struct list_job *j = mem_alloc(sizeof *j);
    struct buf key, from, count;
    buf_init(&key, 256);
    buf_init(&from, 64);
    buf_init(&count, 32);
    j->op = op;
    j->done = done;
    j->arg = arg;
    buf_printf(&from, "%s%.48s", after && *after ? "(" : "-", after ? after : "");
    buf_u64(&count, limit && limit < LIST_MAX ? limit : LIST_MAX);
    struct slice argv[] = {SLICE("XRANGE"), store_key(op, &key, "audit", (struct slice){0}),
                           buf_view(&from), SLICE("+"),
                           SLICE("COUNT"),  buf_view(&count)};
    store_data_send(op, listed, j, 6, argv);
    buf_clear(&key);
    buf_clear(&from);
    buf_clear(&count);
}

void audit_close(struct side *s)
{
    audit_sealer_close(s);
    queue_close(s->audit);
    s->audit = NULL;
}
