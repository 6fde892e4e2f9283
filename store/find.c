/* SPDX-License-Identifier: Apache-2.0
 * Finding threads: candidates come in small pages (a page holds Redis up for less than a millisecond), what
 * words and rights say is looked at here, until there are enough or a bound is reached. */
#include "store/state.h"
#include "store/words.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define PAGE      100
#define SCAN_MOST 5000
#define WORDS_OF  16

/* Fits but for its words. */
struct candidate {
    const struct store_thread *thread;
    uint64_t handle;
    unsigned has; /* bits of the words that were found */
};

struct finding {
    struct store_op *op;
    struct store_thread_filter f; /* strings are ours */
    void (*done)(void *arg, const struct err *e, const struct store_thread *const *t, size_t n,
                 int64_t next_ms);
    void *arg;
    uint64_t words[WORDS_OF];
    size_t words_n;
    char by[80];
    size_t by_n;
    char states[8];
    int64_t before, last; /* last: the score that was looked at last */
    unsigned offset;      /* of those with the same score, or in a list without order */
    unsigned scanned;
    struct arena *arena;
    const struct store_thread **found;
    size_t n;
    bool ordered;
    struct candidate candidates[PAGE]; /* of one page; read up to `candidate`, and of that up to `from` */
    size_t candidates_n, candidate, looked_at;
    int64_t from;
};

static void ask(struct finding *g);

static void end(struct finding *g, const struct err *e, int64_t next_ms)
{
    g->done(g->arg, e, g->found, e->code ? 0 : g->n, next_ms);
    arena_free(&g->arena);
    mem_free(g);
}

/* Scores come as "1700000000000". */
static int64_t score_of(struct slice s)
{
    uint64_t v = 0;
    return slice_u64(s, &v) ? (int64_t)v : 0;
}

static bool wanted(struct finding *g, const struct redis_reply *hash, struct slice id, struct store_thread *t)
{
    store_thread_from(g->op, g->arena, store_handle_get(id), hash, t);
    if (!g->ordered && g->f.before_ms && t->last_ms >= g->f.before_ms)
        return false;
    return !g->f.visible || g->f.visible(g->f.visible_arg, t);
}

/* Lists without an order of their own are put into that of their last activity. */
static void insert(struct finding *g, const struct store_thread *t)
{
    size_t at = g->n++;
    if (!g->ordered)
        for (; at && g->found[at - 1]->last_ms < t->last_ms; at--)
            g->found[at] = g->found[at - 1];
    g->found[at] = t;
}

static int64_t place_of(const struct finding *g, const struct store_thread *t)
{
    return g->f.oldest_waiting_first ? t->waiting_ms : t->last_ms;
}

/* Pages are told apart by a time, so those of one millisecond stay on one page. True: the page is full; *next
 * is where the next one begins. */
static bool full(struct finding *g, int64_t *next)
{
    size_t n = g->f.limit;
    if (g->n <= n)
        return false;
    int64_t behind = place_of(g, g->found[n]);
    while (n && place_of(g, g->found[n - 1]) == behind)
        n--;
    if (n == 0) { /* more of one millisecond than a page holds */
        for (n = g->f.limit; n < g->n && place_of(g, g->found[n]) == behind; n++)
            ;
        if (n == g->n)
            return false;
    }
    g->n = n;
    *next = place_of(g, g->found[n - 1]);
    return true;
}

/* So many were looked at in one go: what is behind the last one begins the next page. */
static void stop(struct finding *g)
{
    struct err none = {0};
    while (g->n && place_of(g, g->found[g->n - 1]) == g->last)
        g->n--;
    end(g, &none, g->f.oldest_waiting_first ? g->last - 1 : g->last + 1);
}

static void go_on(struct finding *g, size_t looked_at)
{
    struct err none = {0};
    int64_t next = 0;
    bool over = looked_at < PAGE;
    if ((g->ordered || over) && full(g, &next))
        end(g, &none, next);
    else if (over)
        end(g, &none, 0);
    else if (g->scanned >= SCAN_MOST && g->ordered)
        stop(g);
    else if (g->scanned >= SCAN_MOST)
        end(g, &none, 0);
    else
        ask(g);
}

/* The next candidates: by the last one's score, so that what moves meanwhile is neither skipped nor seen
 * twice. */
static void move_on(struct finding *g, size_t looked_at, int64_t last, size_t equal)
{
    g->scanned += (unsigned)looked_at;
    if (!g->ordered) {
        g->offset += (unsigned)looked_at;
        return;
    }
    g->offset =
        (unsigned)equal + (g->scanned > looked_at && last == g->last && equal == looked_at ? g->offset : 0);
    g->last = last;
    g->before = g->f.oldest_waiting_first ? last - 1 : last + 1;
}

/* ---- words: asked for those that fit otherwise ---- */

static void ask_words(struct finding *g);

static void mark(struct finding *g, struct candidate *c, struct slice sets)
{
    for (size_t i = 0; i < g->words_n; i++)
        if (!(c->has & 1u << i) && words_has(sets, g->words[i]))
            c->has |= 1u << i;
}

static void words_told(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct finding *g = arg;
    if (e->code || r->n < 2) {
        end(g, e, 0);
        return;
    }
    for (size_t i = 2; i + 1 < r->n; i += 2) {
        uint64_t at = g->candidate + (uint64_t)store_number(r->items[i]);
        if (at < g->candidates_n)
            mark(g, &g->candidates[at], store_item(r, i + 1));
    }
    g->candidate += (size_t)store_number(r->items[0]);
    g->from = store_number(r->items[1]);
    if (g->candidate < g->candidates_n) {
        ask_words(g);
        return;
    }
    for (size_t i = 0; i < g->candidates_n; i++)
        if (g->candidates[i].has == (1u << g->words_n) - 1)
            insert(g, g->candidates[i].thread);
    go_on(g, g->looked_at);
}

static void ask_words(struct finding *g)
{
    struct store_args a;
    char handles[PAGE * STORE_HANDLE];
    size_t n = g->candidates_n - g->candidate;
    for (size_t i = 0; i < n; i++)
        store_handle_put(handles + i * STORE_HANDLE, g->candidates[g->candidate + i].handle);
    store_args_init(&a);
    store_arg_copy(&a, handles, n * STORE_HANDLE);
    store_arg_int(&a, g->from);
    store_call(g->op, "words", &a, words_told, g);
}

static void answered(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct finding *g = arg;
    if (e->code || r->n < 3) {
        end(g, e, 0);
        return;
    }
    g->looked_at = (size_t)store_number(r->items[0]);
    g->candidate = g->candidates_n = 0;
    g->from = 1;
    for (size_t i = 3; i + 2 < r->n && g->candidates_n < PAGE; i += 3) {
        struct store_thread *t = arena_alloc(g->arena, sizeof(*t));
        if (!wanted(g, r->items[i + 2], store_item(r, i), t))
            continue;
        if (g->words_n)
            g->candidates[g->candidates_n++] = (struct candidate){t, store_handle_get(store_item(r, i)), 0};
        else
            insert(g, t);
    }
    move_on(g, g->looked_at, score_of(store_item(r, 1)), (size_t)store_number(r->items[2]));
    if (g->candidates_n)
        ask_words(g);
    else
        go_on(g, g->looked_at);
}

static void arg_any(struct store_args *a, const char *s)
{
    store_arg_str(a, s ? s : "*");
}

static void ask(struct finding *g)
{
    struct store_args a;
    store_args_init(&a);
    store_arg(&a, slice_of(g->by, g->by_n));
    if (g->before)
        store_arg_int(&a, g->before);
    else
        store_arg_str(&a, g->f.oldest_waiting_first ? "-inf" : "+inf");
    store_arg_int(&a, g->offset);
    store_arg_int(&a, PAGE);
    store_arg_str(&a, g->states);
    arg_any(&a, g->f.assignee);
    arg_any(&a, g->f.language);
    arg_any(&a, g->f.topic);
    arg_any(&a, g->f.channel);
    arg_any(&a, g->f.area);
    store_call(g->op, "find", &a, answered, g);
}

/* Where the candidates come from: a contact's list, what is an agent's, what waits, or all by last activity.
 */
static bool choose(struct finding *g, const struct store_thread_filter *f)
{
    unsigned theirs = 1u << STORE_OFFERED | 1u << STORE_ASSIGNED | 1u << STORE_SNOOZED;
    uint64_t contact;
    if (f->contact) {
        if (!store_contact_handle(g->op, *f->contact, &contact))
            return false;
        g->by[0] = 'c';
        store_handle_put(g->by + 1, contact);
        g->by_n = 1 + STORE_HANDLE;
    } else if (f->oldest_waiting_first) {
        g->by[0] = 'w';
        g->by_n = 1;
        g->ordered = true;
    } else if (f->assignee && f->assignee[0] && f->states && !(f->states & ~theirs)) {
        g->by_n = (size_t)snprintf(g->by, sizeof(g->by), "a%s", f->assignee);
        return g->by_n < sizeof(g->by);
    } else {
        g->by[0] = 'l';
        g->by_n = 1;
        g->ordered = true;
    }
    return true;
}

static void nothing(void *arg, const struct err *e)
{
    end(arg, e, 0);
}

void store_threads_find(struct store_op *op, const struct store_thread_filter *f,
                        void (*done)(void *arg, const struct err *e, const struct store_thread *const *t,
                                     size_t n, int64_t next_ms),
                        void *arg)
{
    struct finding *g = mem_alloc(sizeof(*g));
    *g = (struct finding){.op = op, .f = *f, .done = done, .arg = arg, .arena = arena_new()};
    size_t n = 0;
    for (int i = STORE_BOT; i <= STORE_RESOLVED; i++)
        if (!f->states || f->states & 1u << i)
            g->states[n++] = (char)('0' + i);
    g->f.limit = f->limit == 0 ? 50 : f->limit > 1000 ? 1000 : f->limit;
    g->f.assignee = arena_strdup(g->arena, f->assignee);
    g->f.language = arena_strdup(g->arena, f->language);
    g->f.topic = arena_strdup(g->arena, f->topic);
    g->f.channel = arena_strdup(g->arena, f->channel);
    g->f.area = arena_strdup(g->arena, f->area);
    g->words_n = f->words_n < WORDS_OF ? f->words_n : WORDS_OF;
    crypto_keyed_words(op->blind, f->words, g->words_n, g->words);
    if (!choose(g, f)) {
        store_fail(op->store, nothing, g, 0, NULL);
        return;
    }
    g->before = g->ordered ? f->before_ms : 0;
    g->found = arena_alloc(g->arena, (SCAN_MOST + PAGE) * sizeof(struct store_thread *));
    ask(g);
}
