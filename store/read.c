/* SPDX-License-Identifier: Apache-2.0
 * Reading threads and entries. */
#include "store/read.h"
#include "gateway/base/mem.h"
#include <string.h>

#define ENTRIES_MOST 500

/* ---- threads ---- */

static void copy_text(char *to, size_t cap, struct slice s)
{
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

void read_language(const struct redis_reply *hash, struct store_language *l)
{
    copy_text(l->tag, sizeof(l->tag), store_field(hash, "lt"));
    copy_text(l->script, sizeof(l->script), store_field(hash, "ls"));
    l->how = (enum store_how)store_field_int(hash, "lh");
}

/* The fields of thread:<handle> and where they go. */
static const struct field {
    char name[3];
    enum { TEXT, INT, WIDE } kind;
    size_t offset;
} fields[] = {
    {"tp", TEXT, offsetof(struct store_thread, topic)},
    {"ar", TEXT, offsetof(struct store_thread, area)},
    {"ch", TEXT, offsetof(struct store_thread, channel)},
    {"as", TEXT, offsetof(struct store_thread, assignee)},
    {"la", TEXT, offsetof(struct store_thread, last_agent)},
    {"tm", TEXT, offsetof(struct store_thread, team)},
    {"tg", TEXT, offsetof(struct store_thread, tags)},
    {"oc", TEXT, offsetof(struct store_thread, outcome)},
    {"dc", TEXT, offsetof(struct store_thread, declined)},
    {"rn", TEXT, offsetof(struct store_thread, reason)},
    {"ev", TEXT, offsetof(struct store_thread, known)},
    {"pe", TEXT, offsetof(struct store_thread, ending)},
    {"du", TEXT, offsetof(struct store_thread, doubt)},
    {"ds", TEXT, offsetof(struct store_thread, doubt_was)},
    {"dv", TEXT, offsetof(struct store_thread, doubt_answer)},
    {"ih", TEXT, offsetof(struct store_thread, identity_how)},
    {"ib", TEXT, offsetof(struct store_thread, identity_by)},
    {"ic", WIDE, offsetof(struct store_thread, identity_ms)},
    {"pr", INT, offsetof(struct store_thread, priority)},
    {"cl", INT, offsetof(struct store_thread, clearance)},
    {"op", WIDE, offsetof(struct store_thread, opened_ms)},
    {"wt", WIDE, offsetof(struct store_thread, waiting_ms)},
    {"fr", WIDE, offsetof(struct store_thread, first_reply_ms)},
    {"lm", WIDE, offsetof(struct store_thread, last_ms)},
    {"ox", WIDE, offsetof(struct store_thread, offer_expires_ms)},
    {"rs", WIDE, offsetof(struct store_thread, resolved_ms)},
    {"sn", WIDE, offsetof(struct store_thread, snoozed_until_ms)},
    {"n", WIDE, offsetof(struct store_thread, entries)},
    {"rd", WIDE, offsetof(struct store_thread, read_seq)},
    {"li", WIDE, offsetof(struct store_thread, last_in_seq)},
    {"v", WIDE, offsetof(struct store_thread, version)},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void field_set(struct store_thread *t, struct arena *a, struct slice name, const struct redis_reply *r)
{
    char pair[3] = "";
    size_t i = 0;
    if (name.n > 2)
        return;
    memcpy(pair, name.p, name.n);
    while (i < FIELDS && memcmp(fields[i].name, pair, 2) != 0)
        i++;
    if (i == FIELDS)
        return;
    char *to = (char *)t + fields[i].offset;
    if (fields[i].kind == TEXT)
        *(const char **)(void *)to = arena_dup(a, store_text(r).p, store_text(r).n);
    else if (fields[i].kind == INT)
        *(int *)(void *)to = (int)store_number(r);
    else
        *(int64_t *)(void *)to = store_number(r);
}

void store_thread_from(const struct store_op *op, struct arena *a, uint64_t handle,
                       const struct redis_reply *hash, struct store_thread *t)
{
    *t = (struct store_thread){.id = store_id_of(op, handle, STORE_SEQ_THREAD)};
    t->topic = t->area = t->channel = t->assignee = t->last_agent = t->team = t->tags = t->outcome =
        t->declined = t->doubt = t->doubt_was = t->doubt_answer = t->identity_how = t->identity_by = "";
    t->reason = t->known = t->ending = "";
    for (size_t i = 0; hash->kind == REDIS_ARRAY && i + 1 < hash->n; i += 2)
        field_set(t, a, store_text(hash->items[i]), hash->items[i + 1]);
    t->contact = store_id_of(op, store_handle_get(store_field(hash, "c")), STORE_SEQ_CONTACT);
    int64_t state = store_field_int(hash, "st");
    t->state = state >= STORE_BOT && state <= STORE_RESOLVED ? (enum store_state)state : STORE_WAITING;
    read_language(hash, &t->language);
    t->no_last_agent = store_field_int(hash, "nl") != 0;
    t->last_seq = t->entries;
}

/* As many as fit into one call; the rest follow. */
struct threads_many {
    struct store_op *op;
    void (*done)(void *arg, const struct err *e, const struct store_thread *const *t, size_t n);
    store_thread_done one; /* instead of done */
    void *arg;
    struct arena *arena;
    uint64_t *handles;
    struct store_thread *threads;
    const struct store_thread **list;
    size_t handles_n, asked, n;
};

static void many_next(struct threads_many *m);

static void many_end(struct threads_many *m, const struct err *e)
{
    struct err local = *e;
    if (m->one && !e->code && m->n == 0)
        err_set(&local, ERR_NOT_FOUND, "no such thread");
    if (m->one)
        m->one(m->arg, &local, m->n ? m->list[0] : NULL);
    else
        m->done(m->arg, &local, m->list, m->n);
    arena_free(&m->arena);
    mem_free(m->handles);
    mem_free(m);
}

static void many_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct threads_many *m = arg;
    if (e->code) {
        m->n = 0;
        many_end(m, e);
        return;
    }
    size_t from = m->asked - r->n;
    for (size_t i = 0; i < r->n; i++) {
        if (r->items[i]->kind != REDIS_ARRAY || r->items[i]->n == 0)
            continue;
        store_thread_from(m->op, m->arena, m->handles[from + i], r->items[i], &m->threads[m->n]);
        m->list[m->n] = &m->threads[m->n];
        m->n++;
    }
    many_next(m);
}

static void many_next(struct threads_many *m)
{
    struct store_args a;
    struct err none = {0};
    store_args_init(&a);
    while (m->asked < m->handles_n && a.n < STORE_ARGS)
        store_arg_handle(&a, m->handles[m->asked++]);
    if (a.n)
        store_call(m->op, "threads", &a, many_read, m);
    else
        many_end(m, &none);
}

static void many_begin(void *arg, const struct err *e)
{
    (void)e;
    many_next(arg);
}

static struct threads_many *many_new(struct store_op *op, const struct id *ids, size_t n, void *arg)
{
    struct threads_many *m = mem_alloc(sizeof(*m));
    *m = (struct threads_many){.op = op, .arg = arg, .arena = arena_new()};
    m->handles = mem_array(n + 1, sizeof(*m->handles));
    m->threads = arena_alloc(m->arena, (n + 1) * sizeof(*m->threads));
    m->list = arena_alloc(m->arena, (n + 1) * sizeof(struct store_thread *));
    for (size_t i = 0; i < n; i++)
        if (store_thread_handle(op, ids[i], &m->handles[m->handles_n]))
            m->handles_n++;
    store_fail(op->store, many_begin, m, 0, NULL);
    return m;
}

void store_thread_get(struct store_op *op, struct id id, store_thread_done done, void *arg)
{
    many_new(op, &id, 1, arg)->one = done;
}

void store_threads_get(struct store_op *op, const struct id *ids, size_t n,
                       void (*done)(void *arg, const struct err *e, const struct store_thread *const *t,
                                    size_t n),
                       void *arg)
{
    many_new(op, ids, n, arg)->done = done;
}

/* ---- entries ---- */

struct entries_get {
    struct store_op *op;
    uint64_t thread;
    uint32_t from, to;
    int tries;
    bool one;
    store_entries_done done;
    void (*done_one)(void *arg, const struct err *e, const struct store_entry *en);
    void *arg;
};

static void entries_ask(struct entries_get *g);

static void entries_end(struct entries_get *g, const struct err *e, const struct store_entry *list, size_t n)
{
    struct err local = *e;
    if (g->one && !local.code && n == 0)
        err_set(&local, ERR_NOT_FOUND, "no such entry");
    if (g->one)
        g->done_one(g->arg, &local, local.code ? NULL : list);
    else
        g->done(g->arg, &local, list, n);
    mem_free(g);
}

int read_entries(struct store_op *op, uint64_t contact, struct arena *a, size_t n,
                 bool (*next)(void *arg, size_t i, uint64_t *thread, uint32_t *seq, struct slice *value,
                              struct slice *status),
                 void *arg, struct store_entry *out, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t thread;
        uint32_t seq;
        struct slice value, status;
        if (!next(arg, i, &thread, &seq, &value, &status))
            continue;
        int rc = entry_open(op, contact, thread, seq, value, status, a, &out[*count]);
        if (rc)
            return rc;
        (*count)++;
    }
    return 0;
}

struct entries_reply {
    const struct redis_reply *r;
    uint64_t thread;
};

static bool entries_next(void *arg, size_t i, uint64_t *thread, uint32_t *seq, struct slice *value,
                         struct slice *status)
{
    const struct entries_reply *x = arg;
    *thread = x->thread;
    *seq = (uint32_t)store_number(x->r->items[4 + 3 * i]);
    *value = store_item(x->r, 5 + 3 * i);
    *status = store_item(x->r, 6 + 3 * i);
    return true;
}

static void entries_loaded(void *arg, const struct err *e)
{
    struct entries_get *g = arg;
    if (e->code)
        entries_end(g, e, NULL, 0);
    else
        entries_ask(g); /* with the key here it opens */
}

static void entries_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct entries_get *g = arg;
    struct err local = *e;
    if (e->code || r->n < 4) {
        entries_end(g, &local, NULL, 0);
        return;
    }
    uint64_t contact = store_handle_get(store_item(r, 0));
    uint32_t kid = (uint32_t)store_number(r->items[1]);
    size_t most = (r->n - 4) / 3, n = 0;
    struct entries_reply x = {r, g->thread};
    struct arena *a = arena_new();
    struct store_entry *list = arena_alloc(a, (most + 1) * sizeof(*list));
    int rc = read_entries(g->op, contact, a, most, entries_next, &x, list, &n);
    if (rc == -ERR_AGAIN && g->tries++ == 0) {
        arena_free(&a);
        keys_load(g->op, &kid, 1, entries_loaded, g);
        return;
    }
    if (rc)
        err_set(&local, ERR_CORRUPT, "an entry does not decrypt");
    entries_end(g, &local, list, rc ? 0 : n);
    arena_free(&a);
}

static void entries_ask(struct entries_get *g)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, g->thread);
    store_arg_int(&a, g->from);
    store_arg_int(&a, g->to);
    store_call(g->op, "entries", &a, entries_read, g);
}

static void entries_none(void *arg, const struct err *e)
{
    entries_end(arg, e, NULL, 0);
}

void store_entries_get(struct store_op *op, struct id thread, uint64_t from, uint64_t to,
                       store_entries_done done, void *arg)
{
    struct entries_get *g = mem_alloc(sizeof(*g));
    *g = (struct entries_get){.op = op, .done = done, .arg = arg};
    if (!store_thread_handle(op, thread, &g->thread)) {
        store_fail(op->store, entries_none, g, ERR_NOT_FOUND, "no such thread");
        return;
    }
    from = from ? from : 1;
    to = to > STORE_SEQ_CONTACT - 1 ? STORE_SEQ_CONTACT - 1 : to;
    if (to >= from && to - from >= ENTRIES_MOST)
        to = from + ENTRIES_MOST - 1;
    if (from > to) {
        store_fail(op->store, entries_none, g, 0, NULL);
        return;
    }
    g->from = (uint32_t)from;
    g->to = (uint32_t)to;
    entries_ask(g);
}

void store_entry_find(struct store_op *op, struct id entry,
                      void (*done)(void *arg, const struct err *e, const struct store_entry *en), void *arg)
{
    struct entries_get *g = mem_alloc(sizeof(*g));
    uint32_t seq = 0;
    *g = (struct entries_get){.op = op, .one = true, .done_one = done, .arg = arg};
    if (!store_id_parse(op, slice_str(entry.s), &g->thread, &seq) || seq == STORE_SEQ_THREAD ||
        seq == STORE_SEQ_CONTACT) {
        store_fail(op->store, entries_none, g, ERR_NOT_FOUND, "no such entry");
        return;
    }
    g->from = g->to = seq;
    entries_ask(g);
}
