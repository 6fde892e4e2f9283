/* SPDX-License-Identifier: Apache-2.0
 * Keeping the view: agents and threads come, change and go. */
#include "router/assign_view.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <string.h>

#define WIDEN_MS      60000
#define HEAD_START_MS 600000

static void pointers_insert(struct pointers *p, uint32_t at, void *value)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 4;
        p->p = mem_realloc(p->p, p->cap * sizeof *p->p);
    }
    memmove(p->p + at + 1, p->p + at, (p->n - at) * sizeof *p->p);
    p->p[at] = value;
    p->n++;
}

static void pointers_remove(struct pointers *p, uint32_t at)
{
    p->n--;
    memmove(p->p + at, p->p + at + 1, (p->n - at) * sizeof *p->p);
}

/* ---- names ---- */

static uint32_t name_find(const struct names *s, struct slice name)
{
    return name.n ? (uint32_t)(uintptr_t)map_get(&s->map, name) : 0;
}

static uint32_t name_number(struct names *s, struct slice name)
{
    uint32_t i = name_find(s, name);
    if (i || !name.n)
        return i;
    map_put(&s->map, name, (void *)(uintptr_t)++s->n);
    return s->n;
}

/* An area's number, and those of all above it. */
static uint32_t area_number(struct names *s, struct slice name)
{
    uint32_t i = name_find(s, name);
    if (i || !name.n)
        return i;
    const char *cut = memrchr(name.p, '/', name.n);
    uint32_t up = cut ? area_number(s, slice_of(name.p, (size_t)(cut - name.p))) : 0;
    i = name_number(s, name);
    s->up = mem_realloc(s->up, (i + 1) * sizeof *s->up);
    s->up[0] = 0;
    s->up[i] = up;
    return i;
}

/* More languages than there is room for are not told apart from one that nobody speaks. */
static uint32_t language_number(struct assign_view *v, struct slice tag)
{
    uint32_t i = name_find(&v->languages, tag);
    if (i || !tag.n)
        return i;
    if (v->languages.n + 1 >= ASSIGN_TAGS)
        return ASSIGN_TAGS - 1;
    return name_number(&v->languages, tag);
}

static void bits_set(struct bits *b, uint32_t i)
{
    if (i / 64 >= b->n) {
        uint32_t n = i / 64 + 1;
        b->w = mem_realloc(b->w, n * sizeof *b->w);
        memset(b->w + b->n, 0, (n - b->n) * sizeof *b->w);
        b->n = n;
    }
    b->w[i / 64] |= 1ull << (i % 64);
}

/* The next of a blank-separated list. */
static bool list_next(struct slice *rest, struct slice *one)
{
    while (rest->n && *rest->p == ' ')
        *rest = slice_of(rest->p + 1, rest->n - 1);
    if (!rest->n)
        return false;
    const char *end = memchr(rest->p, ' ', rest->n);
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *one = slice_of(rest->p, n);
    *rest = slice_of(rest->p + n, rest->n - n);
    return true;
}

/* Names of a list as bits; true when the list has a "*". */
static bool list_bits(struct names *names, const char *list, bool areas, struct bits *b)
{
    struct slice rest = slice_str(list), one;
    bool all = false;
    while (list_next(&rest, &one)) {
        if (slice_is(one, "*"))
            all = true;
        else
            bits_set(b, areas ? area_number(names, one) : name_number(names, one));
    }
    return all;
}

/* ---- the view ---- */

struct assign_view *assign_view_new(const struct assign_options *o)
{
    struct assign_view *v = mem_alloc(sizeof *v);
    if (o)
        v->options = *o;
    v->options.widen_ms = v->options.widen_ms ? v->options.widen_ms : WIDEN_MS;
    v->options.head_start_ms = v->options.head_start_ms ? v->options.head_start_ms : HEAD_START_MS;
    struct names *all[] = {&v->languages, &v->topics, &v->areas, &v->teams, &v->people};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        map_init(&all[i]->map);
    map_init(&v->agents_by_id);
    map_init(&v->threads_by_id);
    map_init(&v->groups);
    for (uint32_t l = 0; l < ASSIGN_TAGS; l++) {
        v->chain[l][0] = (unsigned char)l;
        v->chain_n[l] = 1;
    }
    v->epoch = 1;
    assign_view_chain(v, "prs", &(const char *){"fa"}, 1);
    assign_view_chain(v, "fa", &(const char *){"prs"}, 1);
    return v;
}

void assign_view_chain(struct assign_view *v, const char *language, const char *const *then, size_t n)
{
    uint32_t l = language_number(v, slice_str(language));
    if (!l)
        return;
    v->chain_n[l] = 1;
    for (size_t i = 0; i < n && i < ASSIGN_CHAIN_MAX; i++) {
        unsigned char next = (unsigned char)language_number(v, slice_str(then[i]));
        if (next && !memchr(v->chain[l], next, v->chain_n[l]))
            v->chain[l][v->chain_n[l]++] = next;
    }
    v->epoch++;
}

/* ---- agents ---- */

static void agent_count(struct assign_view *v, const struct agent *a, bool present)
{
    for (unsigned i = 0; i < a->languages_n; i++)
        v->present_speakers[a->languages[i]] += present ? 1u : UINT32_MAX;
}

static void agent_unlink(struct assign_view *v, struct agent *a)
{
    if (a->present)
        agent_count(v, a, false);
    for (unsigned i = 0; i < a->languages_n; i++) {
        struct pointers *s = &v->speakers[a->languages[i]];
        uint32_t k = 0;
        while (agent_at(s, k) != a)
            k++;
        pointers_remove(s, k);
    }
    v->epoch++;
}

static void agent_empty(struct agent *a)
{
    mem_free(a->areas.w);
    mem_free(a->topics.w);
    mem_free(a->teams.w);
}

static void agent_free(void *p)
{
    struct agent *a = p;
    agent_empty(a);
    mem_free(a->id);
    mem_free(a);
}

static void agent_languages(struct assign_view *v, struct agent *a, const struct assign_agent *from)
{
    for (size_t i = 0; i < from->languages_n && a->languages_n + 1 < ASSIGN_LANGUAGES_MAX; i++) {
        struct slice tag =
            slice_of(from->languages[i].tag, strnlen(from->languages[i].tag, sizeof from->languages[i].tag));
        int level = from->languages[i].level;
        uint32_t l = language_number(v, tag);
        if (!l || l == ASSIGN_TAGS - 1 || level < 1 || a->level[l])
            continue;
        a->level[l] = (unsigned char)(level > 5 ? 5 : level);
        a->languages[a->languages_n++] = (unsigned char)l;
    }
    a->languages[a->languages_n++] = 0;
    a->level[0] = 1;
}

void assign_view_agent_set(struct assign_view *v, const struct assign_agent *from)
{
    struct slice id = slice_str(from->id);
    struct agent *a = map_get(&v->agents_by_id, id);
    if (a) {
        agent_unlink(v, a);
        agent_empty(a);
        *a = (struct agent){.id = a->id, .name = a->name, .at = a->at};
    } else {
        a = mem_alloc(sizeof *a);
        *a = (struct agent){.id = slice_dup(id), .name = name_number(&v->people, id), .at = v->agents.n};
        map_put(&v->agents_by_id, id, a);
        pointers_insert(&v->agents, v->agents.n, a);
    }
    a->all_areas = !list_bits(&v->areas, from->areas, true, &a->areas) ? a->areas.n == 0 : true;
    a->all_topics = list_bits(&v->topics, from->topics, false, &a->topics);
    list_bits(&v->teams, from->teams, false, &a->teams);
    a->clearance = from->clearance;
    memcpy(a->capacity, from->capacity, sizeof a->capacity);
    agent_languages(v, a, from);
    for (unsigned i = 0; i < a->languages_n; i++)
        pointers_insert(&v->speakers[a->languages[i]], v->speakers[a->languages[i]].n, a);
    assign_view_agent_state(v, from->id, from->present, from->load, from->idle_ms);
    v->epoch++;
}

void assign_view_agent_remove(struct assign_view *v, const char *id)
{
    struct agent *a = map_del(&v->agents_by_id, slice_str(id));
    if (!a)
        return;
    agent_unlink(v, a);
    struct agent *last = agent_at(&v->agents, v->agents.n - 1);
    v->agents.p[a->at] = last;
    last->at = a->at;
    v->agents.n--;
    agent_free(a);
}

bool assign_view_agent_state(struct assign_view *v, const char *id, bool present,
                             const unsigned load[ASSIGN_MEDIA], int64_t idle_ms)
{
    struct agent *a = map_get(&v->agents_by_id, slice_str(id));
    if (!a)
        return false;
    if (a->present != present) {
        agent_count(v, a, present);
        v->epoch++;
    }
    a->present = present;
    memcpy(a->load, load, sizeof a->load);
    a->idle_ms = idle_ms;
    v->latest_idle = idle_ms > v->latest_idle ? idle_ms : v->latest_idle;
    return true;
}

void assign_view_agent_load(struct assign_view *v, const char *id, enum assign_medium m, int change)
{
    struct agent *a = map_get(&v->agents_by_id, slice_str(id));
    if (!a)
        return;
    if (change > 0)
        a->idle_ms = ++v->latest_idle;
    long load = (long)a->load[m] + change;
    a->load[m] = load > 0 ? (unsigned)load : 0;
}

bool assign_view_agent_load_is(struct assign_view *v, const char *id, enum assign_medium m, unsigned load,
                               int64_t idle_ms)
{
    struct agent *a = map_get(&v->agents_by_id, slice_str(id));
    if (!a)
        return false;
    a->load[m] = load;
    a->idle_ms = idle_ms;
    v->latest_idle = idle_ms > v->latest_idle ? idle_ms : v->latest_idle;
    return true;
}

size_t assign_view_agents(const struct assign_view *v)
{
    return v->agents.n;
}

/* ---- threads ---- */

static uint32_t group_place(const struct group *g, const struct thread *t)
{
    uint32_t low = 0, high = g->threads.n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (thread_before(thread_at(&g->threads, mid), t))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct group *group_get(struct assign_view *v, const struct group_key *key)
{
    struct slice k = slice_of(key, sizeof *key);
    struct group *g = map_get(&v->groups, k);
    if (g)
        return g;
    g = mem_alloc(sizeof *g);
    g->key = *key;
    g->at = v->queues[key->language].n;
    map_put(&v->groups, k, g);
    pointers_insert(&v->queues[key->language], g->at, g);
    return g;
}

static void group_free(void *p)
{
    struct group *g = p;
    mem_free(g->threads.p);
    mem_free(g);
}

static void group_drop(struct assign_view *v, struct group *g)
{
    struct pointers *q = &v->queues[g->key.language];
    struct group *last = group_at(q, q->n - 1);
    q->p[g->at] = last;
    last->at = g->at;
    q->n--;
    map_del(&v->groups, slice_of(&g->key, sizeof g->key));
    group_free(g);
}

static bool is_special(const struct thread *t)
{
    return t->avoid_n || (t->not_last && t->last);
}

static void thread_free(void *p)
{
    struct thread *t = p;
    mem_free(t->id);
    mem_free(t->avoid);
    mem_free(t);
}

static void thread_avoid(struct assign_view *v, struct thread *t, const char *list)
{
    struct slice rest = slice_str(list), one;
    while (list_next(&rest, &one)) {
        struct slice name;
        uint64_t until = 0;
        if (slice_next(&one, ':', &name))
            slice_u64(one, &until);
        t->avoid = mem_realloc(t->avoid, (t->avoid_n + 1) * sizeof *t->avoid);
        t->avoid[t->avoid_n++] = (struct avoided){name_number(&v->people, name), (int64_t)until};
    }
}

static int within(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

void assign_view_thread_set(struct assign_view *v, const struct assign_thread *from)
{
    assign_view_thread_remove(v, from->id);
    struct group_key key = {.language = language_number(v, slice_str(from->language)),
                            .topic = name_number(&v->topics, slice_str(from->topic)),
                            .area = area_number(&v->areas, slice_str(from->area)),
                            .team = name_number(&v->teams, slice_str(from->team)),
                            .clearance = from->clearance,
                            .priority = within(from->priority, ASSIGN_LOW, ASSIGN_EMERGENCY),
                            .medium = (int32_t)from->medium};
    err_assert(from->medium < ASSIGN_MEDIA);
    struct thread *t = mem_alloc(sizeof *t);
    t->id = slice_dup(slice_str(from->id));
    t->waiting_ms = from->waiting_ms;
    t->last = name_number(&v->people, slice_str(from->last_agent));
    t->not_last = from->not_last;
    thread_avoid(v, t, from->avoid);
    t->group = group_get(v, &key);
    t->group->special += is_special(t);
    pointers_insert(&t->group->threads, group_place(t->group, t), t);
    map_put(&v->threads_by_id, slice_str(t->id), t);
}

void assign_view_thread_remove(struct assign_view *v, const char *id)
{
    struct thread *t = map_del(&v->threads_by_id, slice_str(id));
    if (!t)
        return;
    t->group->special -= is_special(t);
    pointers_remove(&t->group->threads, group_place(t->group, t));
    if (!t->group->threads.n)
        group_drop(v, t->group);
    thread_free(t);
}

size_t assign_view_threads(const struct assign_view *v)
{
    return v->threads_by_id.n;
}

void assign_view_free(struct assign_view *v)
{
    if (!v)
        return;
    struct names *all[] = {&v->languages, &v->topics, &v->areas, &v->teams, &v->people};
    map_clear(&v->threads_by_id, thread_free);
    map_clear(&v->agents_by_id, agent_free);
    map_clear(&v->groups, group_free);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        map_clear(&all[i]->map, NULL);
    mem_free(v->areas.up);
    mem_free(v->agents.p);
    for (uint32_t l = 0; l < ASSIGN_TAGS; l++) {
        mem_free(v->speakers[l].p);
        mem_free(v->queues[l].p);
    }
    mem_free(v);
}
