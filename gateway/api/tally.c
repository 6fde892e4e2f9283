/* SPDX-License-Identifier: Apache-2.0
 * See tally.h. A group's number changes with its threads; its oldest thread and its JSON are found again
 * when somebody asks after a change. Groups stay once they were seen: languages, topics and areas are few. */
#include "gateway/api/tally.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include <string.h>

#define ITEMS_MAX 512 /* of one answer */
#define SEES      1u
#define COULD     2u /* it could be offered to them */

struct group {
    char language[12], topic[64], area[128];
    int clearance;
    unsigned n;
    int64_t oldest;
    uint64_t changed; /* the tally's clock then */
    bool stale;       /* the oldest one left: who is it now? */
    char *json;       /* NULL: to be written */
    size_t json_n;
};

struct row {
    struct group *group;
    int64_t since_ms;
};

struct tally {
    struct map rows, by_name;
    struct group **groups;
    size_t n, cap;
    uint64_t clock, epoch;
    bool stale;
    void (*chain)(void *arg, const char *language, const char *out[8]);
    void *arg;
};

struct tally *tally_new(void (*chain)(void *arg, const char *language, const char *out[8]), void *arg)
{
    struct tally *t = mem_alloc(sizeof *t);
    map_init(&t->rows);
    map_init(&t->by_name);
    t->chain = chain;
    t->arg = arg;
    t->epoch = 1;
    return t;
}

void tally_clear(struct tally *t)
{
    map_clear(&t->rows, mem_free);
    map_clear(&t->by_name, NULL);
    map_init(&t->rows);
    map_init(&t->by_name);
    for (size_t i = 0; i < t->n; i++) {
        mem_free(t->groups[i]->json);
        mem_free(t->groups[i]);
    }
    mem_clear(&t->groups);
    t->n = t->cap = 0;
    t->stale = false;
    t->clock++;
    t->epoch++;
}

void tally_free(struct tally **tp)
{
    if (!*tp)
        return;
    tally_clear(*tp);
    mem_clear(tp);
}

/* ---- counting ---- */

static void put_text(char *to, size_t cap, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    if (n >= cap)
        n = cap - 1;
    if (n)
        memcpy(to, from, n);
    to[n] = '\0';
}

static struct group *group_of(struct tally *t, const struct store_thread *th)
{
    struct buf name;
    buf_init(&name, 1024);
    buf_char(&name, (char)('0' + th->clearance));
    for (size_t i = 0; i < 3; i++) {
        const char *part = i == 0 ? th->language.tag : i == 1 ? th->topic : th->area;
        buf_str(&name, part ? part : "");
        buf_char(&name, '\t');
    }
    struct group *g = map_get(&t->by_name, buf_view(&name));
    if (!g) {
        if (t->n == t->cap) {
            t->cap = t->cap ? 2 * t->cap : 64;
            t->groups = mem_realloc(t->groups, t->cap * sizeof *t->groups);
        }
        g = t->groups[t->n++] = mem_alloc(sizeof *g);
        put_text(g->language, sizeof g->language, th->language.tag);
        put_text(g->topic, sizeof g->topic, th->topic);
        put_text(g->area, sizeof g->area, th->area);
        g->clearance = th->clearance;
        map_put(&t->by_name, buf_view(&name), g);
    }
    buf_clear(&name);
    return g;
}

static void group_changed(struct tally *t, struct group *g)
{
    g->changed = ++t->clock;
    mem_clear(&g->json);
}

static void leave(struct tally *t, const struct row *r)
{
    struct group *g = r->group;
    g->n--;
    g->stale |= r->since_ms <= g->oldest;
    t->stale |= g->stale;
    group_changed(t, g);
}

void tally_put(struct tally *t, const struct store_thread *th)
{
    struct row *r = map_get(&t->rows, slice_str(th->id.s));
    struct group *g = group_of(t, th);
    if (r && r->group == g && r->since_ms == th->waiting_ms)
        return;
    if (r)
        leave(t, r);
    else {
        r = mem_alloc(sizeof *r);
        map_put(&t->rows, slice_str(th->id.s), r);
    }
    *r = (struct row){g, th->waiting_ms};
    if (g->n++ == 0) {
        g->oldest = th->waiting_ms;
        g->stale = false;
    } else if (!g->stale && th->waiting_ms < g->oldest)
        g->oldest = th->waiting_ms;
    group_changed(t, g);
}

void tally_drop(struct tally *t, const char *thread)
{
    struct row *r = map_del(&t->rows, slice_str(thread));
    if (r)
        leave(t, r);
    mem_free(r);
}

/* One walk over what waits, and only when somebody who waited longest is gone. */
static void find_oldest(struct tally *t)
{
    struct slice key;
    void *value;
    if (!t->stale)
        return;
    for (size_t i = 0; i < t->n; i++)
        if (t->groups[i]->stale)
            t->groups[i]->oldest = INT64_MAX;
    for (size_t i = 0; map_each(&t->rows, &i, &key, &value);) {
        const struct row *r = value;
        if (r->group->stale && r->since_ms < r->group->oldest)
            r->group->oldest = r->since_ms;
    }
    for (size_t i = 0; i < t->n; i++)
        t->groups[i]->stale = false;
    t->stale = false;
}

/* ---- looking ---- */

void tally_view_clear(struct tally_view *v)
{
    mem_free(v->sees);
    *v = (struct tally_view){0};
}

static unsigned char judge(const struct tally *t, const struct looker *l, const struct group *g)
{
    const char *chain[8] = {NULL};
    if (l->agent) {
        t->chain(t->arg, g->language, chain);
        if (rights_could_serve(l->who, l->agent, g->language, g->topic, g->clearance, g->area, chain))
            return SEES | COULD;
    }
    return (l->who->roles & (ROLE_SUPERVISOR | ROLE_FOCAL)) && g->clearance <= l->who->clearance &&
                   rights_area(l->who, g->area)
               ? SEES
               : 0;
}

/* Brings the view up to date: all groups when the rights are others, else those that are new. */
static void look(const struct tally *t, struct tally_view *v, const struct looker *l)
{
    if (v->epoch != t->epoch || v->rights != l->rights) {
        v->n = 0;
        v->told = 0;
    }
    v->epoch = t->epoch;
    v->rights = l->rights;
    if (v->n == t->n)
        return;
    v->sees = mem_realloc(v->sees, t->n);
    for (; v->n < t->n; v->n++)
        v->sees[v->n] = judge(t, l, t->groups[v->n]);
}

bool tally_news(struct tally *t, struct tally_view *v, const struct looker *l)
{
    bool anew = v->epoch != t->epoch || v->rights != l->rights;
    if (!anew && v->told == t->clock)
        return false;
    look(t, v, l);
    for (size_t i = 0; i < v->n; i++)
        if (v->sees[i] && t->groups[i]->changed > v->told)
            return true;
    v->told = t->clock;
    return anew;
}

static void group_json(struct group *g)
{
    struct buf b;
    char at[TIME_TEXT];
    buf_init(&b, 4096);
    time_text(g->oldest, at);
    buf_str(&b, "{\"language\":");
    buf_json_str(&b, slice_str(g->language));
    buf_str(&b, ",\"topic\":");
    buf_json_str(&b, slice_str(g->topic));
    buf_printf(&b, ",\"clearance\":%d,\"area\":", g->clearance);
    buf_json_str(&b, slice_str(g->area));
    buf_printf(&b, ",\"waiting\":%u,\"oldest\":\"%s\"}", g->n, at);
    g->json = buf_take(&b, &g->json_n);
}

void tally_json(struct tally *t, struct tally_view *v, const struct looker *l, struct buf *out)
{
    unsigned mine = 0;
    size_t items = 0;
    find_oldest(t);
    look(t, v, l);
    buf_str(out, "{\"items\":[");
    for (size_t i = 0; i < v->n; i++) {
        struct group *g = t->groups[i];
        if (!v->sees[i] || !g->n)
            continue;
        mine += v->sees[i] & COULD ? g->n : 0;
        if (items == ITEMS_MAX)
            continue;
        if (!g->json)
            group_json(g);
        if (items++)
            buf_char(out, ',');
        buf_add(out, g->json, g->json_n);
    }
    buf_printf(out, "],\"mine\":{\"waiting\":%u}}", mine);
    v->told = t->clock;
}
