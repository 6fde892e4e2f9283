/* SPDX-License-Identifier: Apache-2.0
 * What a contact's JSON tells beside its own record: those it was merged with, and that it is closed to who
 * has nothing but a thread in doubt. */
#include "gateway/api/byhand.h"
#include <string.h>

static bool is_on(const struct store_address *a, const struct store_thread *const *seen, size_t n,
                  const char **channel)
{
    for (size_t i = 0; i < n; i++)
        if (slice_starts(a->uri, "tel:") || strcmp(a->channel, seen[i]->channel) == 0) {
            *channel = seen[i]->channel;
            return true;
        }
    return false;
}

static bool any_closed(const struct store_thread *const *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rights_closed(t[i]))
            return true;
    return false;
}

void person_close(struct person_view *v, struct store_contact *c, const struct store_thread *const *seen,
                  size_t n, struct arena *arena)
{
    struct store_address *kept = arena_alloc(arena, sizeof *kept * (c->addresses_n + 1));
    const char *channel;
    size_t k = 0;
    for (size_t i = 0; i < c->addresses_n; i++)
        if (is_on(&c->addresses[i], seen, n, &channel))
            kept[k++] =
                (struct store_address){.uri = c->addresses[i].uri,
                                       .channel = arena_strdup(arena, channel),
                                       .last_ms = any_closed(seen, n) ? 0 : seen[0]->opened_ms / 1000 * 1000,
                                       .blocked = c->addresses[i].blocked};
    c->addresses = kept;
    c->addresses_n = k;
    c->merged_n = 0;
    if (!any_closed(seen, n)) {
        if (c->provider_named) /* told on a channel that is not theirs to know of */
            c->profile = SLICE("{}");
        c->language = seen[0]->language;
        c->area = arena_strdup(arena, seen[0]->area);
        return;
    }
    c->profile = SLICE("{}");
    c->language = (struct store_language){.how = STORE_UNKNOWN};
    c->area = "";
    v->closed = true;
}

static void next(struct person_view *v);

static void on_member(void *arg, const struct err *e, const struct store_contact *c)
{
    struct person_view *v = arg;
    if (!e->code && !c->erased) {
        struct store_contact one = *c;
        struct buf b;
        one.profile = store_contact_profile(c, v->clearance, v->arena);
        buf_init(&b, 1u << 18);
        view_contact(&b, &one, NULL, 0);
        buf_str(&v->merged, v->merged.n ? "," : "");
        buf_slice(&v->merged, buf_view(&b));
        buf_clear(&b);
    }
    next(v);
}

static bool sees_one_of(const struct person_view *v, struct id contact)
{
    for (size_t i = 0; i < v->seen_n; i++)
        if (strcmp(v->seen[i]->contact.s, contact.s) == 0 && !rights_doubted(v->seen[i]))
            return true;
    return false;
}

static void next(struct person_view *v)
{
    while (v->at < v->contact->merged_n) {
        struct id id = v->contact->merged[v->at++];
        if (sees_one_of(v, id)) {
            store_contact_get(v->o->op, id, on_member, v);
            return;
        }
    }
    v->done(v->arg, v->seen, v->seen_n);
}

/* Threads live until the callback returns: what is shown of them is kept. */
static const struct store_thread *keep(const struct store_thread *t, struct arena *arena)
{
    struct store_thread *to = arena_alloc(arena, sizeof *to);
    *to = (struct store_thread){.id = t->id,
                                .contact = t->contact,
                                .state = t->state,
                                .clearance = t->clearance,
                                .opened_ms = t->opened_ms};
    to->topic = arena_strdup(arena, t->topic);
    to->doubt = arena_strdup(arena, t->doubt ? t->doubt : "");
    return to;
}

void person_load(struct person_view *v, struct api_op *o, const struct store_contact *c, int clearance,
                 const struct store_thread *const *seen, size_t n, struct arena *arena,
                 void (*done)(void *arg, const struct store_thread *const *seen, size_t n), void *arg)
{
    v->o = o;
    v->contact = c;
    v->clearance = clearance;
    v->arena = arena;
    v->done = done;
    v->arg = arg;
    v->seen = arena_alloc(arena, sizeof *v->seen * (n + 1));
    v->seen_n = n;
    for (size_t i = 0; i < n; i++)
        v->seen[i] = keep(seen[i], arena);
    next(v);
}

void person_view_end(struct buf *b, const struct person_view *v)
{
    if (!v->merged.n && !v->closed)
        return;
    buf_drop_back(b, 1);
    if (v->merged.n) {
        buf_str(b, ",\"merged\":[");
        buf_slice(b, buf_view(&v->merged));
        buf_char(b, ']');
    }
    buf_str(b, v->closed ? ",\"closed\":true}" : "}");
}
