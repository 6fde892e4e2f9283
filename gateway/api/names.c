/* SPDX-License-Identifier: Apache-2.0
 * People by name: names are sealed, so those of the newest threads that the caller sees are opened and
 * compared, folded. Rights come first: nothing is opened that is not seen. */
#include "gateway/api/byhand.h"
#include "router/fold.h"
#include <string.h>

#define LOOK_AT   500
#define AT_ONCE   100
#define FOUND_MAX 20

struct looking {
    struct call *c;
    struct arena *arena;
    struct slice *words;
    size_t words_n;
    struct map seen; /* contacts that were looked at */
    struct buf out;
    unsigned looked, found;
    int64_t next_ms;
    /* this page: */
    const struct store_thread **threads;
    size_t n, at;
};

static void page(struct looking *l);
static void next(struct looking *l);

static void looking_end(struct looking *l, const struct err *e)
{
    if (e)
        call_err(l->c, e);
    else
        call_list_end(l->c, &l->out, "");
    if (e)
        buf_clear(&l->out);
    map_clear(&l->seen, NULL);
    arena_free(&l->arena);
    mem_free(l);
}

static bool is_called(struct looking *l, struct slice profile)
{
    struct arena *a = arena_new();
    json_t *o = profile.n ? json_parse(profile, JSON_DEPTH_DEFAULT, NULL) : NULL;
    size_t n, hits = 0;
    struct slice *name = fold_list(json_opt_str(o, "name"), a, &n);
    for (size_t i = 0; i < l->words_n; i++)
        for (size_t k = 0; k < n; k++)
            if (name[k].n >= l->words[i].n && memcmp(name[k].p, l->words[i].p, l->words[i].n) == 0) {
                hits++;
                break;
            }
    json_decref(o);
    arena_free(&a);
    return hits == l->words_n;
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct looking *l = arg;
    const struct store_thread *t = l->threads[l->at - 1];
    struct arena *a = arena_new();
    if (!e->code && !c->erased) {
        struct store_contact one = *c;
        one.profile = store_contact_profile(c, t->clearance, a);
        if (is_called(l, one.profile)) {
            call_item(&l->out);
            view_contact(&l->out, &one, &t, 1);
            l->found++;
        }
    }
    arena_free(&a);
    next(l);
}

static void next(struct looking *l)
{
    while (l->at < l->n && l->found < FOUND_MAX) {
        const struct store_thread *t = l->threads[l->at++];
        if (rights_doubted(t) || map_put(&l->seen, slice_str(t->contact.s), l))
            continue;
        store_contact_get(l->c->op->op, t->contact, on_contact, l);
        return;
    }
    if (l->next_ms && l->looked < LOOK_AT && l->found < FOUND_MAX)
        page(l);
    else
        looking_end(l, NULL);
}

static bool visible(void *arg, const struct store_thread *t)
{
    const struct call *c = arg;
    return rights_now(c->op, &c->caller.who, t, false) & RIGHT_READ;
}

static void on_page(void *arg, const struct err *e, const struct store_thread *const *t, size_t n,
                    int64_t next_ms)
{
    struct looking *l = arg;
    if (e->code) {
        looking_end(l, e);
        return;
    }
    l->threads = arena_alloc(l->arena, sizeof *l->threads * (n + 1));
    for (size_t i = 0; i < n; i++) {
        struct store_thread *kept = arena_alloc(l->arena, sizeof *kept);
        *kept = (struct store_thread){.id = t[i]->id,
                                      .contact = t[i]->contact,
                                      .state = t[i]->state,
                                      .clearance = t[i]->clearance,
                                      .opened_ms = t[i]->opened_ms};
        kept->topic = arena_strdup(l->arena, t[i]->topic);
        kept->doubt = arena_strdup(l->arena, t[i]->doubt ? t[i]->doubt : "");
        l->threads[i] = kept;
    }
    l->n = n;
    l->at = 0;
    l->looked += (unsigned)n;
    l->next_ms = next_ms;
    next(l);
}

static void page(struct looking *l)
{
    struct store_thread_filter f = {
        .limit = AT_ONCE, .visible = visible, .visible_arg = l->c, .before_ms = l->next_ms};
    store_threads_find(l->c->op->op, &f, on_page, l);
}

void people_by_name(struct call *c, struct slice name)
{
    struct looking *l = mem_alloc(sizeof *l);
    l->c = c;
    l->arena = arena_new();
    map_init(&l->seen);
    l->words = fold_list(name, l->arena, &l->words_n);
    call_list(&l->out);
    if (l->words_n)
        page(l);
    else
        looking_end(l, NULL);
}
