/* SPDX-License-Identifier: Apache-2.0
 * The decisions. What may be (clearance, area, team) is a filter; how far an agent is from what a thread
 * wants is counted in steps, which open with time; among those that are open the order of README.md decides.
 */
#include "router/assign_view.h"
#include <string.h>

#define FAR         1000u /* more steps than any */
#define AVOID_STEPS 5     /* for an agent who declined the thread or let its offer pass */

/* ---- an agent and a group ---- */

static bool area_served(const struct assign_view *v, const struct agent *a, uint32_t area)
{
    if (a->all_areas)
        return true;
    for (; area; area = v->areas.up[area])
        if (bits_has(&a->areas, area))
            return true;
    return false;
}

static bool may_serve(const struct assign_view *v, const struct agent *a, const struct group_key *k)
{
    return a->capacity[k->medium] && a->clearance >= k->clearance &&
           (!k->team || bits_has(&a->teams, k->team)) && area_served(v, a, k->area);
}

/* Which language of the chain the agent has; FAR when none. */
static unsigned tier_of(const struct assign_view *v, const struct agent *a, uint32_t language)
{
    for (unsigned i = 0; i < v->chain_n[language]; i++)
        if (a->level[v->chain[language][i]])
            return i;
    return FAR;
}

static bool lacks_topic(const struct agent *a, const struct group_key *k)
{
    return k->topic && !a->all_topics && !bits_has(&a->topics, k->topic);
}

/* ---- an agent and a thread ---- */

static const struct avoided *avoided(const struct agent *a, const struct thread *t)
{
    for (uint32_t i = 0; i < t->avoid_n; i++)
        if (t->avoid[i].agent == a->name)
            return &t->avoid[i];
    return NULL;
}

static bool is_excluded(const struct agent *a, const struct thread *t)
{
    return t->not_last && t->last == a->name;
}

/* How near the nearest of those is who are present, with room or not. t: a thread that rules some agents out,
 * or NULL. */
static unsigned nearest_scan(const struct assign_view *v, const struct group_key *k, const struct thread *t)
{
    unsigned best = FAR;
    for (unsigned tier = 0; tier < v->chain_n[k->language] && tier < best; tier++) {
        const struct pointers *s = &v->speakers[v->chain[k->language][tier]];
        for (uint32_t i = 0; i < s->n && best > tier; i++) {
            const struct agent *a = agent_at(s, i);
            if (!a->present || !may_serve(v, a, k) || (t && (is_excluded(a, t) || avoided(a, t))))
                continue;
            unsigned step = tier_of(v, a, k->language) + lacks_topic(a, k);
            best = step < best ? step : best;
        }
    }
    return best;
}

static unsigned nearest(const struct assign_view *v, struct group *g)
{
    if (g->epoch != v->epoch) {
        g->nearest = nearest_scan(v, &g->key, NULL);
        g->epoch = v->epoch;
    }
    return g->nearest;
}

static bool rules_out(const struct thread *t)
{
    return t->avoid_n || (t->not_last && t->last);
}

/* May the thread go that many steps from what it wants? After so much waiting, or when nobody nearer is
 * present. */
static bool is_open(const struct assign_view *v, const struct thread *t, unsigned step, int64_t now)
{
    if (step == 0 || now - t->waiting_ms >= (int64_t)step * v->options.widen_ms)
        return true;
    return (rules_out(t) ? nearest_scan(v, &t->group->key, t) : nearest(v, t->group)) >= step;
}

/* What is compared when an agent is chosen; smaller is better. */
struct rank {
    bool avoided;
    unsigned tier;
    bool lacks_topic, not_last;
    int below; /* 5 is the best level */
    unsigned
        rare; /* languages of the agent that fewer speak than the thread's: they are kept free for those */
    int64_t idle_ms;
    const struct agent *agent;
};

static unsigned rare_languages(const struct assign_view *v, const struct agent *a, uint32_t language)
{
    unsigned n = 0;
    for (unsigned i = 0; language && i < a->languages_n; i++)
        n += a->languages[i] && v->present_speakers[a->languages[i]] < v->present_speakers[language];
    return n;
}

static int compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static bool rank_better(const struct rank *a, const struct rank *b)
{
    int c = compare(a->avoided, b->avoided);
    c = c ? c : compare(a->tier, b->tier);
    c = c ? c : compare(a->lacks_topic, b->lacks_topic);
    c = c ? c : compare(a->not_last, b->not_last);
    c = c ? c : compare(a->below, b->below);
    c = c ? c : compare(a->rare, b->rare);
    c = c ? c : compare(a->idle_ms, b->idle_ms);
    return (c ? c : strcmp(a->agent->id, b->agent->id)) < 0;
}

/* False when the agent may not have the thread now. The agent has room and may serve its group. */
static bool rank_of(const struct assign_view *v, const struct agent *a, const struct thread *t, unsigned tier,
                    int64_t now, struct rank *r)
{
    const struct group_key *k = &t->group->key;
    const struct avoided *d = avoided(a, t);
    if (tier == FAR || is_excluded(a, t) || (d && now < d->until_ms))
        return false;
    r->avoided = d != NULL;
    r->tier = tier;
    r->lacks_topic = lacks_topic(a, k);
    return is_open(v, t, tier + r->lacks_topic + (r->avoided ? AVOID_STEPS : 0), now);
}

static void choice_of(const struct rank *r, const struct thread *t, int level, struct assign_choice *out)
{
    *out = (struct assign_choice){.agent = r->agent->id,
                                  .thread = t->id,
                                  .tier = r->tier,
                                  .lacks_topic = r->lacks_topic,
                                  .avoided = r->avoided,
                                  .last = t->last == r->agent->name,
                                  .level = level};
}

static int level_of(const struct assign_view *v, const struct agent *a, uint32_t language, unsigned tier)
{
    return language ? a->level[v->chain[language][tier]] : 0;
}

bool assign_best_agent(const struct assign_view *v, const char *thread, int64_t now_ms,
                       struct assign_choice *out)
{
    const struct thread *t = map_get(&v->threads_by_id, slice_str(thread));
    struct rank best = {0}, r = {0};
    *out = (struct assign_choice){0};
    if (!t)
        return false;
    const struct group_key *k = &t->group->key;
    /* A later tier is only looked at when an earlier one has nobody but those who declined. */
    for (unsigned tier = 0; tier < v->chain_n[k->language] && (!best.agent || best.avoided); tier++) {
        uint32_t language = v->chain[k->language][tier];
        const struct pointers *s = &v->speakers[language];
        for (uint32_t i = 0; i < s->n; i++) {
            const struct agent *a = agent_at(s, i);
            if (!agent_has_room(a, k->medium) || !may_serve(v, a, k) || tier_of(v, a, k->language) != tier ||
                !rank_of(v, a, t, tier, now_ms, &r))
                continue;
            r.not_last = t->last != a->name;
            r.below = 5 - level_of(v, a, k->language, tier);
            r.rare = rare_languages(v, a, language);
            r.idle_ms = a->idle_ms;
            r.agent = a;
            if (!best.agent || rank_better(&r, &best))
                best = r;
        }
    }
    if (best.agent)
        choice_of(&best, t, level_of(v, best.agent, k->language, best.tier), out);
    return best.agent != NULL;
}

/* ---- the thread for an agent ---- */

/* Emergencies first, then who waits longest; high and low priority move that by the head start. */
static int64_t served_at(const struct assign_view *v, const struct thread *t)
{
    switch (t->group->key.priority) {
    case ASSIGN_HIGH:
        return t->waiting_ms - v->options.head_start_ms;
    case ASSIGN_LOW:
        return t->waiting_ms + v->options.head_start_ms;
    default:
        return t->waiting_ms;
    }
}

static bool served_before(const struct assign_view *v, const struct thread *a, const struct thread *b)
{
    int c = compare(b->group->key.priority == ASSIGN_EMERGENCY, a->group->key.priority == ASSIGN_EMERGENCY);
    c = c ? c : compare(served_at(v, a), served_at(v, b));
    return (c ? c : strcmp(a->id, b->id)) < 0;
}

struct found {
    const struct thread *thread;
    struct rank rank;
};

/* The first thread of the group that the agent may have now, when it comes before what was found. */
static void search_group(const struct assign_view *v, const struct agent *a, const struct group *g,
                         unsigned tier, int64_t now, struct found *f)
{
    bool plain_open = true;
    uint32_t special = g->special;
    for (uint32_t i = 0; i < g->threads.n && (plain_open || special); i++) {
        const struct thread *t = thread_at(&g->threads, i);
        bool plain = !rules_out(t);
        struct rank r = {.agent = a};
        if (f->thread && !served_before(v, t, f->thread))
            return;
        special -= !plain;
        if (plain && !plain_open)
            continue;
        if (rank_of(v, a, t, tier, now, &r)) {
            *f = (struct found){t, r};
            return;
        }
        plain_open = plain_open && !plain; /* younger ones are not open either */
    }
}

static void search_threads(const struct assign_view *v, const struct agent *a, int64_t now, struct found *f)
{
    for (uint32_t l = 0; l <= v->languages.n && l < ASSIGN_TAGS; l++) {
        const struct pointers *q = &v->queues[l];
        unsigned tier = q->n ? tier_of(v, a, l) : FAR;
        for (uint32_t i = 0; i < q->n && tier != FAR; i++) {
            const struct group *g = group_at(q, i);
            if (f->thread && !served_before(v, thread_at(&g->threads, 0), f->thread))
                continue;
            if (agent_has_room(a, g->key.medium) && may_serve(v, a, &g->key))
                search_group(v, a, g, tier, now, f);
        }
    }
}

static void found_choice(const struct assign_view *v, const struct found *f, struct assign_choice *out)
{
    choice_of(&f->rank, f->thread, level_of(v, f->rank.agent, f->thread->group->key.language, f->rank.tier),
              out);
}

bool assign_best_thread(const struct assign_view *v, const char *agent, int64_t now_ms,
                        struct assign_choice *out)
{
    const struct agent *a = map_get(&v->agents_by_id, slice_str(agent));
    struct found f = {0};
    *out = (struct assign_choice){0};
    if (a)
        search_threads(v, a, now_ms, &f);
    if (f.thread)
        found_choice(v, &f, out);
    return f.thread != NULL;
}

static bool has_any_room(const struct agent *a)
{
    for (int m = 0; m < ASSIGN_MEDIA; m++)
        if (agent_has_room(a, m))
            return true;
    return false;
}

bool assign_next(const struct assign_view *v, int64_t now_ms, struct assign_choice *out)
{
    struct found f = {0};
    *out = (struct assign_choice){0};
    for (uint32_t i = 0; i < v->agents.n && assign_view_threads(v); i++)
        if (has_any_room(agent_at(&v->agents, i)))
            search_threads(v, agent_at(&v->agents, i), now_ms, &f);
    return f.thread && assign_best_agent(v, f.thread->id, now_ms, out);
}

bool assign_anybody(const struct assign_view *v, const char *thread)
{
    const struct thread *t = map_get(&v->threads_by_id, slice_str(thread));
    if (!t)
        return false;
    const struct group_key *k = &t->group->key;
    for (unsigned tier = 0; tier < v->chain_n[k->language]; tier++) {
        const struct pointers *s = &v->speakers[v->chain[k->language][tier]];
        for (uint32_t i = 0; i < s->n; i++) {
            const struct agent *a = agent_at(s, i);
            if (a->present && may_serve(v, a, k) && !is_excluded(a, t))
                return true;
        }
    }
    return false;
}

bool assign_present(const struct assign_view *v, const char *agent)
{
    const struct agent *a = map_get(&v->agents_by_id, slice_str(agent));
    return a && a->present;
}

unsigned assign_place(const struct assign_view *v, const char *thread)
{
    const struct thread *t = map_get(&v->threads_by_id, slice_str(thread));
    unsigned place = 1;
    if (!t || t->group->key.clearance > 0)
        return 0;
    const struct group_key *k = &t->group->key;
    const struct pointers *q = &v->queues[k->language];
    for (uint32_t i = 0; i < q->n; i++) {
        const struct group *g = group_at(q, i);
        if (g->key.clearance > 0 || g->key.medium != k->medium || g->key.area != k->area)
            continue;
        for (uint32_t n = 0; n < g->threads.n && served_before(v, thread_at(&g->threads, n), t); n++)
            place++;
    }
    return place;
}
