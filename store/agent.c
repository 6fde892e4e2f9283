/* SPDX-License-Identifier: Apache-2.0
 * Agents: their records and their presence. */
#include "store/agent.h"
#include "gateway/base/json.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "store/side.h"
#include <stdio.h>
#include <string.h>

#define RECORD_MAX  4096
#define AGENTS_PAGE 40 /* a function holds everybody up: some 200 us */
#define SWEEP_PAGE  5
#define SWEEP_PAGES 100

const char *const store_presence_names[] = {"offline", "online", "away", "break"};

struct agent_job {
    struct store_op *op;
    store_done done;
    void (*one)(void *arg, const struct err *e, const struct store_agent *a);
    void *arg;
};

static struct agent_job *job_new(struct store_op *op, void *arg)
{
    struct agent_job *j = mem_alloc(sizeof *j);
    j->op = op;
    j->arg = arg;
    return j;
}

static void plain_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct agent_job *j = arg;
    (void)r;
    if (j->done)
        j->done(j->arg, e);
    mem_free(j);
}

/* ---- records ---- */

static void languages_text(const struct store_agent *a, struct buf *b)
{
    for (size_t i = 0; i < a->languages_n; i++)
        buf_printf(b, "%s%s:%d", i ? " " : "", a->languages[i].tag, a->languages[i].level);
}

static void languages_read(struct slice s, struct store_agent *a)
{
    struct slice one, tag;
    while (slice_next(&s, ' ', &one) && a->languages_n < sizeof a->languages / sizeof *a->languages) {
        uint64_t level;
        if (!slice_next(&one, ':', &tag) || !slice_u64(one, &level) || tag.n >= sizeof a->languages->tag)
            continue;
        snprintf(a->languages[a->languages_n].tag, sizeof a->languages->tag, "%.*s", (int)tag.n, tag.p);
        a->languages[a->languages_n++].level = (int)level;
    }
}

static const char *text(struct arena *ar, const struct redis_reply *h, const char *field)
{
    struct slice s = store_field(h, field);
    return arena_dup(ar, s.p, s.n);
}

/* What people are called is sealed; the rest are codes. */
static void names_read(struct store_op *op, struct arena *ar, const struct redis_reply *h,
                       struct store_agent *a)
{
    struct buf plain;
    buf_init(&plain, RECORD_MAX);
    a->login = a->name = "";
    if (keys_open_own(op, KEYS_STAFF, "agent", slice_str(a->id), store_field(h, "x"), &plain) == 0) {
        json_t *o = json_parse(buf_view(&plain), 4, NULL);
        a->login = arena_slice(ar, json_opt_str(o, "login")).p;
        a->name = arena_slice(ar, json_opt_str(o, "name")).p;
        json_decref(o);
    }
    a->login = a->login ? a->login : "";
    a->name = a->name ? a->name : "";
    buf_clear(&plain);
}

static struct store_agent *agent_read(struct store_op *op, struct arena *ar, struct slice id,
                                      const struct redis_reply *h)
{
    struct store_agent *a = arena_alloc(ar, sizeof *a);
    a->id = arena_dup(ar, id.p, id.n);
    names_read(op, ar, h, a);
    a->teams = text(ar, h, "tm");
    a->areas = text(ar, h, "ar");
    a->topics = text(ar, h, "tp");
    a->roles = text(ar, h, "ro");
    languages_read(store_field(h, "lg"), a);
    a->clearance = (int)store_field_int(h, "cl");
    a->capacity = (unsigned)store_field_int(h, "cp");
    a->disabled = store_field_int(h, "ds") != 0;
    a->load = (unsigned)store_field_int(h, "load");
    int64_t presence = store_field_int(h, "ps");
    a->presence =
        presence >= STORE_OFFLINE && presence <= STORE_BREAK ? (enum store_presence)presence : STORE_OFFLINE;
    a->idle_ms = store_field_int(h, "il");
    return a;
}

void store_agent_put(struct store_op *op, const struct store_agent *a, const char *actor, store_done done,
                     void *arg)
{
    struct agent_job *j = job_new(op, arg);
    struct store_args args;
    struct buf plain, sealed, languages;
    j->done = done;
    if (!name_valid(slice_str(a->id)) || strlen(a->name ? a->name : "") > 1000) {
        side_refuse(op, ERR_INVALID,
                    "an agent's id is a name, and what they are called has at most 1,000 bytes", plain_done,
                    j);
        return;
    }
    buf_init(&plain, RECORD_MAX);
    buf_init(&sealed, 2 * RECORD_MAX);
    buf_init(&languages, 1024);
    buf_str(&plain, "{\"login\":");
    buf_json_str(&plain, slice_str(a->login ? a->login : a->id));
    buf_str(&plain, ",\"name\":");
    buf_json_str(&plain, slice_str(a->name));
    buf_char(&plain, '}');
    keys_seal_own(op, KEYS_STAFF, "agent", slice_str(a->id), buf_view(&plain), &sealed);
    languages_text(a, &languages);
    store_args_init(&args);
    store_arg_str(&args, a->id);
    store_arg_str(&args, actor);
    store_arg_int(&args, a->disabled);
    const struct {
        const char *name;
        struct slice value;
    } fields[] = {{"x", buf_view(&sealed)},     {"tm", slice_str(a->teams)}, {"ar", slice_str(a->areas)},
                  {"tp", slice_str(a->topics)}, {"ro", slice_str(a->roles)}, {"lg", buf_view(&languages)}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        store_arg_str(&args, fields[i].name);
        store_arg(&args, fields[i].value);
    }
    store_arg_str(&args, "cl");
    store_arg_int(&args, a->clearance);
    store_arg_str(&args, "cp");
    store_arg_int(&args, a->capacity);
    store_call(op, "agent_put", &args, plain_done, j);
    mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
    buf_clear(&sealed);
    buf_clear(&languages);
}

struct got_one {
    struct agent_job *j;
    char id[64];
};

static void got_one(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct got_one *g = arg;
    struct arena *ar = arena_new();
    g->j->one(g->j->arg, e, e->code ? NULL : agent_read(g->j->op, ar, slice_str(g->id), r));
    arena_free(&ar);
    mem_free(g->j);
    mem_free(g);
}

void store_agent_get(struct store_op *op, const char *id,
                     void (*done)(void *arg, const struct err *e, const struct store_agent *a), void *arg)
{
    struct got_one *g = mem_alloc(sizeof *g);
    struct store_args args;
    g->j = job_new(op, arg);
    g->j->one = done;
    snprintf(g->id, sizeof g->id, "%s", id);
    store_args_init(&args);
    store_arg_str(&args, g->id);
    store_call(op, "agent_get", &args, got_one, g);
}

/* All agents, page by page. */
struct everybody {
    struct store_op *op;
    struct arena *arena;
    const struct store_agent **all;
    struct map seen; /* a page may tell one again */
    size_t n, cap;
    void (*done)(void *arg, const struct err *e, const struct store_agent *const *a, size_t n);
    void *arg;
};

static void agents_page(struct everybody *v, struct slice cursor);

static void agents_add(struct everybody *v, const struct redis_reply *r)
{
    struct slice id = store_item(r, 0);
    if (r->n != 2 || r->items[1]->n == 0 || map_put(&v->seen, id, v))
        return;
    if (v->n == v->cap) {
        v->cap = v->cap ? 2 * v->cap : 4 * AGENTS_PAGE;
        v->all = mem_realloc(v->all, v->cap * sizeof *v->all);
    }
    v->all[v->n++] = agent_read(v->op, v->arena, id, r->items[1]);
}

static void agents_got(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct everybody *v = arg;
    for (size_t i = 1; !e->code && i < r->n; i++)
        agents_add(v, r->items[i]);
    if (!e->code && r->n && !slice_is(store_item(r, 0), "0")) {
        agents_page(v, store_item(r, 0));
        return;
    }
    v->done(v->arg, e, v->all, e->code ? 0 : v->n);
    map_clear(&v->seen, NULL);
    mem_free(v->all);
    arena_free(&v->arena);
    mem_free(v);
}

static void agents_page(struct everybody *v, struct slice cursor)
{
    struct store_args args;
    store_args_init(&args);
    store_arg(&args, cursor);
    store_arg_int(&args, AGENTS_PAGE);
    store_call(v->op, "agents_page", &args, agents_got, v);
}

void store_agents_get(struct store_op *op,
                      void (*done)(void *arg, const struct err *e, const struct store_agent *const *a,
                                   size_t n),
                      void *arg)
{
    struct everybody *v = mem_alloc(sizeof *v);
    v->op = op;
    v->arena = arena_new();
    map_init(&v->seen);
    v->done = done;
    v->arg = arg;
    agents_page(v, SLICE("0"));
}

/* ---- presence ---- */

void store_agent_beat(struct store_op *op, const char *id, const char *socket, enum store_presence presence,
                      store_done done, void *arg)
{
    struct agent_job *j = job_new(op, arg);
    struct store_args args;
    j->done = done;
    store_args_init(&args);
    store_arg_str(&args, id);
    store_arg_str(&args, socket);
    store_arg_int(&args,
                  presence == STORE_OFFLINE ? STORE_AWAY : presence); /* a socket lives: somebody is there */
    store_call(op, "agent_beat", &args, plain_done, j);
}

void store_agent_leave(struct store_op *op, const char *id, const char *socket, store_done done, void *arg)
{
    struct agent_job *j = job_new(op, arg);
    struct store_args args;
    j->done = done;
    store_args_init(&args);
    store_arg_str(&args, id);
    store_arg_str(&args, socket);
    store_call(op, "agent_leave", &args, plain_done, j);
}

struct sweep {
    struct store_op *op;
    uint64_t fence;
    unsigned pages;
    store_done done;
    void *arg;
};

static void sweep_page(struct sweep *w);

static void swept(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct sweep *w = arg;
    if (!e->code && store_number(r) && ++w->pages < SWEEP_PAGES) {
        sweep_page(w);
        return;
    }
    if (w->done)
        w->done(w->arg, e);
    mem_free(w);
}

static void sweep_page(struct sweep *w)
{
    struct store_args args;
    store_args_init(&args);
    store_arg_int(&args, (int64_t)w->fence);
    store_arg_int(&args, SWEEP_PAGE);
    store_call(w->op, "agents_sweep", &args, swept, w);
}

void store_agents_sweep(struct store_op *op, uint64_t fence, store_done done, void *arg)
{
    struct sweep *w = mem_alloc(sizeof *w);
    *w = (struct sweep){.op = op, .fence = fence, .done = done, .arg = arg};
    sweep_page(w);
}
