/* SPDX-License-Identifier: Apache-2.0
 * The engine around assign.h. The view is only a picture: what it decides is tried in the store, where each
 * move checks what it expects, so a picture that is a moment old does no harm. It is drawn anew when this
 * node gets the lease, when events were missed, and every few minutes. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "router/engine_internal.h"
#include <string.h>

#define ENGINE_LEASE_MS   10000
#define ENGINE_SWEEP_MS   1000
#define ENGINE_REDRAW_MS  300000
#define ENGINE_OFFERS_MAX 64   /* offers begun in one go */
#define ENGINE_TURN_US    4000 /* so long the loop is held by going through all that waits */
#define ENGINE_PAUSE_S    60   /* a thread is kept from who declined it, unless the document says */

struct asking *engine_ask(struct engine *en)
{
    struct asking *a = mem_alloc(sizeof *a);
    a->en = en;
    a->fence = en->fence;
    en->under_way++;
    return a;
}

static void engine_end(struct engine *en);

bool engine_answered(struct asking *a, struct engine **en)
{
    struct engine *e = *en = a->en;
    bool good = e->held && !e->freed && a->fence == e->fence && e->view;
    e->under_way--;
    if (e->freed && e->under_way == 0) {
        engine_end(e);
        *en = NULL;
    }
    return good;
}

struct store *engine_store(const struct engine *en)
{
    return store_of(en->cf.op);
}

/* ---- the view ---- */

static void waiting_free(void *p)
{
    struct waiting *w = p;
    if (w)
        mem_free(w->area);
    mem_free(w);
}

static void view_close(struct engine *en)
{
    assign_view_free(en->view);
    en->view = NULL;
    map_clear(&en->offered, mem_free);
    map_init(&en->offered);
    map_clear(&en->waiting, waiting_free);
    map_init(&en->waiting);
    map_clear(&en->offering, mem_free);
    map_init(&en->offering);
}

static void view_chains(struct engine *en)
{
    const char *tag;
    json_t *chain;
    json_object_foreach(en->fallback, tag, chain)
    {
        const char *then[ASSIGN_CHAIN_MAX];
        size_t n = 0;
        for (size_t i = 0; i < json_array_size(chain) && n < ASSIGN_CHAIN_MAX; i++) {
            const char *to = json_string_value(json_array_get(chain, i));
            if (to)
                then[n++] = to;
        }
        assign_view_chain(en->view, tag, then, n);
    }
}

/* Offers to the agent that are under way: what Redis says of the load may not count them yet. */
static unsigned offers_to(const struct engine *en, const char *agent)
{
    unsigned n = 0;
    struct slice id;
    void *to;
    for (size_t i = 0; map_each(&en->offering, &i, &id, &to);)
        n += strcmp(to, agent) == 0;
    return n;
}

static void view_agent(struct engine *en, const struct store_agent *a)
{
    struct assign_language languages[ASSIGN_LANGUAGES_MAX];
    size_t n = 0;
    if (a->disabled) {
        assign_view_agent_remove(en->view, a->id);
        return;
    }
    for (; n < a->languages_n && n < ASSIGN_LANGUAGES_MAX; n++) {
        memcpy(languages[n].tag, a->languages[n].tag, sizeof languages[n].tag);
        languages[n].level = a->languages[n].level;
    }
    struct assign_agent to = {.id = a->id,
                              .areas = a->areas,
                              .topics = a->topics,
                              .teams = a->teams,
                              .languages = languages,
                              .languages_n = n,
                              .clearance = a->clearance,
                              .capacity = {[ASSIGN_CHAT] = a->capacity},
                              .load = {[ASSIGN_CHAT] = a->load + offers_to(en, a->id)},
                              .present = a->presence == STORE_ONLINE,
                              .idle_ms = a->idle_ms};
    assign_view_agent_set(en->view, &to);
}

static void view_forget(struct engine *en, const struct id *thread)
{
    waiting_free(map_del(&en->waiting, slice_str(thread->s)));
    assign_view_thread_remove(en->view, thread->s);
}

/* "amal:when", as the store tells who declined and when, becomes "amal:until". */
static const char *kept_from(const struct engine *en, const char *declined, struct buf *b)
{
    struct slice rest = slice_str(declined), one, agent;
    while (slice_next(&rest, ' ', &one)) {
        uint64_t when = 0;
        buf_str(b, b->n ? " " : "");
        if (!slice_next(&one, ':', &agent))
            continue;
        buf_slice(b, agent);
        if (slice_u64(one, &when))
            buf_printf(b, ":%lld", (long long)when + en->pause_ms);
    }
    return b->n ? b->p : "";
}

static void view_thread(struct engine *en, const struct store_thread *t)
{
    struct waiting *w = map_get(&en->waiting, slice_str(t->id.s));
    if (w && w->version > t->version)
        return;
    if (t->state != STORE_WAITING) {
        view_forget(en, &t->id);
        return;
    }
    if (!w) {
        w = mem_alloc(sizeof *w);
        map_put(&en->waiting, slice_str(t->id.s), w);
    }
    w->told = w->told && w->waiting_ms == t->waiting_ms;
    w->version = t->version;
    w->waiting_ms = t->waiting_ms;
    mem_free(w->area);
    w->area = mem_strdup(t->area);
    w->queue = t->clearance ? 0 : pace_queue(t->language.tag, t->area);
    struct buf avoid;
    buf_init(&avoid, 65536);
    struct assign_thread to = {.id = t->id.s,
                               .language = t->language.tag,
                               .topic = t->topic,
                               .area = t->area,
                               .team = t->team,
                               .clearance = t->clearance,
                               .priority = t->priority,
                               .medium = ASSIGN_CHAT,
                               .waiting_ms = t->waiting_ms,
                               .last_agent = t->last_agent,
                               .not_last = t->no_last_agent,
                               .avoid = kept_from(en, t->declined, &avoid)};
    assign_view_thread_set(en->view, &to);
    buf_clear(&avoid);
}

/* ---- acting ---- */

static void refresh_thread(struct engine *en, struct id thread, int64_t since_us);
static void refresh_agent(struct engine *en, const char *agent, int64_t since_us);

/* The offer of this thread, if one is under way, is told of in the stream, or it failed. */
static void offer_over(struct engine *en, const struct id *thread)
{
    char *agent = map_del(&en->offering, slice_str(thread->s));
    if (agent)
        assign_view_agent_load(en->view, agent, ASSIGN_CHAT, -1);
    mem_free(agent);
}

static void on_offered(void *arg, const struct err *e)
{
    struct asking *a = arg;
    struct engine *en;
    if (engine_answered(a, &en)) {
        if (e->code) {
            /* Somebody was faster, or nothing is certain: look again at both. */
            metric_add(en->refused, 1);
            offer_over(en, &a->thread);
            refresh_thread(en, a->thread, a->since_us);
            refresh_agent(en, a->agent, a->since_us);
        } else {
            metric_observe(en->decision, (double)(time_mono_us() - a->since_us) / 1e6);
        }
        if (a->open)
            log_event(LOG_DEBUG, "router.offered", log_str("operation", store_op_name(en->cf.op)),
                      log_str("thread", a->thread.s), log_personal("agent", slice_str(a->agent)),
                      log_int("us", time_mono_us() - a->since_us),
                      log_str("refused", e->code ? err_name(e->code) : ""));
    }
    mem_free(a);
}

static void offer(struct engine *en, const struct assign_choice *c, int64_t since_us)
{
    struct waiting *w = map_get(&en->waiting, slice_str(c->thread));
    struct asking *a = engine_ask(en);
    memcpy(a->thread.s, c->thread, sizeof a->thread.s);
    snprintf(a->agent, sizeof a->agent, "%s", c->agent);
    uint64_t version = w ? w->version : 0;
    a->since_us = since_us;
    a->open = w && w->queue;
    if (a->open)
        mem_free(map_put(&en->offered, slice_str(a->thread.s), mem_dup(&w->queue, sizeof w->queue)));
    /* The picture changes at once, so that the next decision does not count the agent's place twice. */
    assign_view_agent_load(en->view, a->agent, ASSIGN_CHAT, 1);
    mem_free(map_put(&en->offering, slice_str(a->thread.s), mem_strdup(a->agent)));
    view_forget(en, &a->thread);
    metric_add(en->offers, 1);
    store_offer(en->cf.op, en->fence, a->thread, version, a->agent, en->offer_ms, on_offered, a);
}

static void serve_thread(struct engine *en, const char *thread, int64_t since_us)
{
    struct assign_choice c = {0};
    if (!en->drawing && map_get(&en->waiting, slice_str(thread)) &&
        assign_best_agent(en->view, thread, store_now_ms(engine_store(en)), &c)) {
        c.thread = thread;
        offer(en, &c, since_us);
    }
}

static void serve_agent(struct engine *en, const char *agent, int64_t since_us)
{
    struct assign_choice c = {0};
    for (int i = 0; i < ENGINE_OFFERS_MAX && !en->drawing &&
                    assign_best_thread(en->view, agent, store_now_ms(engine_store(en)), &c);
         i++) {
        c.agent = agent;
        offer(en, &c, since_us);
    }
}

/* What nothing has pulled: the oldest first, for as long as others can wait for the loop, then the rest. */
static void serve_all(void *arg)
{
    struct engine *en = arg;
    struct assign_choice c = {0};
    int64_t began = time_mono_us();
    if (!en->held || !en->view || en->drawing)
        return;
    for (int i = 1; assign_next(en->view, store_now_ms(engine_store(en)), &c); i++) {
        offer(en, &c, time_mono_us());
        if (i == ENGINE_OFFERS_MAX || time_mono_us() - began > ENGINE_TURN_US) {
            timer_start(en->more, ENGINE_TURN_US / 1000);
            return;
        }
    }
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct asking *a = arg;
    struct engine *en;
    if (engine_answered(a, &en)) {
        if (!e->code) {
            view_thread(en, t);
            serve_thread(en, a->thread.s, a->since_us);
        } else if (e->code == ERR_NOT_FOUND || e->code == ERR_ERASED) {
            view_forget(en, &a->thread);
        }
    }
    mem_free(a);
}

static void refresh_thread(struct engine *en, struct id thread, int64_t since_us)
{
    struct asking *a = engine_ask(en);
    a->since_us = since_us;
    a->thread = thread;
    store_thread_get(en->cf.op, thread, on_thread, a);
}

static void on_agent(void *arg, const struct err *e, const struct store_agent *agent)
{
    struct asking *a = arg;
    struct engine *en;
    if (engine_answered(a, &en)) {
        if (!e->code) {
            view_agent(en, agent);
            serve_agent(en, a->agent, a->since_us);
        } else if (e->code == ERR_NOT_FOUND) {
            assign_view_agent_remove(en->view, a->agent);
        }
    }
    mem_free(a);
}

static void refresh_agent(struct engine *en, const char *agent, int64_t since_us)
{
    struct asking *a = engine_ask(en);
    a->since_us = since_us;
    snprintf(a->agent, sizeof a->agent, "%s", agent);
    store_agent_get(en->cf.op, a->agent, on_agent, a);
}

/* ---- drawing the view ---- */

static void on_all_waiting(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct asking *a = arg;
    struct engine *en;
    if (engine_answered(a, &en)) {
        for (size_t i = 0; !e->code && i < n; i++)
            view_thread(en, t[i]);
        en->drawing = e->code != 0;
        if (e->code)
            en->drawn_ms = 0; /* the sweep tries again */
        else
            serve_all(en);
    }
    mem_free(a);
}

static void on_all_agents(void *arg, const struct err *e, const struct store_agent *const *agents, size_t n)
{
    struct asking *a = arg;
    struct engine *en;
    if (engine_answered(a, &en)) {
        for (size_t i = 0; !e->code && i < n; i++)
            view_agent(en, agents[i]);
        if (e->code)
            en->drawn_ms = 0;
        else
            store_waiting_get(en->cf.op, on_all_waiting, engine_ask(en));
    }
    mem_free(a);
}

static void draw(struct engine *en)
{
    view_close(en);
    en->view = assign_view_new(NULL);
    en->drawing = true;
    view_chains(en);
    en->drawn_ms = time_mono_us() / 1000;
    store_agents_get(en->cf.op, on_all_agents, engine_ask(en));
}

/* ---- each second ---- */

static void on_swept(void *arg, const struct err *e)
{
    struct asking *a = arg;
    struct engine *en;
    (void)e; /* what changed comes as events; what failed is tried again in a second */
    engine_answered(a, &en);
    mem_free(a);
}

static void on_expired(void *arg, const struct err *e, unsigned n)
{
    (void)n;
    on_swept(arg, e);
}

static void on_sweep(void *arg)
{
    struct engine *en = arg;
    timer_start(en->sweep, ENGINE_SWEEP_MS);
    if (!en->held)
        return;
    store_offers_expire(en->cf.op, en->fence, on_expired, engine_ask(en));
    store_agents_sweep(en->cf.op, en->fence, on_swept, engine_ask(en));
    if (!en->drawn_ms || time_mono_us() / 1000 - en->drawn_ms > ENGINE_REDRAW_MS) {
        draw(en);
        return;
    }
    serve_all(en);
    engine_look(en);
}

static void on_lease(void *arg, bool yes, uint64_t fence)
{
    struct engine *en = arg;
    en->held = yes;
    en->fence = fence;
    log_event(LOG_INFO, yes ? "router.lease" : "router.lease_lost",
              log_str("operation", store_op_name(en->cf.op)));
    if (yes)
        draw(en);
    else
        view_close(en);
}

/* ---- from outside ---- */

struct engine *engine_new(const struct engine_config *cf)
{
    struct engine *en = mem_alloc(sizeof *en);
    struct buf labels;
    en->cf = *cf;
    en->offer_ms = 30000;
    en->pause_ms = ENGINE_PAUSE_S * 1000;
    map_init(&en->waiting);
    map_init(&en->offering);
    map_init(&en->offered);
    buf_init(&labels, 1024);
    metric_label(&labels, "operation", slice_str(store_op_name(cf->op)));
    const char *l = labels.n ? labels.p : "";
    en->offers = metric_counter("parley_offers_total", "Threads offered to agents.", l);
    en->refused = metric_counter("parley_offers_refused_total",
                                 "Offers that the store refused: somebody was faster.", l);
    en->decision =
        metric_histogram("parley_assign_decision_seconds",
                         "From hearing of what makes an offer possible to the offer's being stored.", l);
    buf_clear(&labels);
    en->sweep = timer_new(cf->loop, on_sweep, en);
    en->more = timer_new(cf->loop, serve_all, en);
    timer_start(en->sweep, ENGINE_SWEEP_MS);
    en->lease = store_lease_new(cf->op, "router", ENGINE_LEASE_MS, on_lease, en);
    return en;
}

static void engine_end(struct engine *en)
{
    view_close(en);
    map_clear(&en->waiting, NULL);
    map_clear(&en->offering, NULL);
    map_clear(&en->offered, NULL);
    hours_free(&en->hours);
    json_decref(en->fallback);
    mem_free(en);
}

void engine_free(struct engine **ep)
{
    struct engine *en = *ep;
    if (!en)
        return;
    *ep = NULL;
    en->held = false;
    en->freed = true;
    timer_free(&en->sweep);
    timer_free(&en->more);
    store_lease_free(&en->lease);
    if (en->under_way == 0)
        engine_end(en);
}

void engine_configure(struct engine *en, const json_t *document, unsigned offer_ms)
{
    json_decref(en->fallback);
    en->fallback = json_deep_copy(json_object_get(document, "fallback"));
    int64_t seconds = json_opt_int(document, "offer_s", 0);
    en->offer_ms = seconds > 0 && seconds <= 600 ? (unsigned)seconds * 1000 : offer_ms;
    en->pause_ms = json_opt_int(document, "decline_pause", ENGINE_PAUSE_S) * 1000;
    hours_free(&en->hours);
    en->hours = hours_new(document);
    if (en->held)
        draw(en);
}

/* The event holds all that has changed: no question, and the decision at once. */
static void load_changed(struct engine *en, const struct store_event *ev, int64_t now_us)
{
    uint64_t ms = 0;
    struct slice id = slice_str(ev->id), first = SLICE("");
    slice_next(&id, '-', &first);
    slice_u64(first, &ms);
    if (!assign_view_agent_load_is(en->view, ev->agent, ASSIGN_CHAT,
                                   (unsigned)ev->seq + offers_to(en, ev->agent), (int64_t)ms))
        refresh_agent(en, ev->agent, now_us);
    else
        serve_agent(en, ev->agent, now_us);
}

/* What was offered was accepted, or not. */
static void offer_ended(struct engine *en, const struct store_event *ev)
{
    uint64_t *queue = map_del(&en->offered, slice_str(ev->thread.s));
    if (queue && strcmp(ev->why, "accepted") == 0)
        pace_accepted(&en->pace, *queue, store_now_ms(engine_store(en)));
    mem_free(queue);
}

void engine_event(struct engine *en, const struct store_event *ev)
{
    int64_t now_us = time_mono_us();
    if (!en->held || !en->view)
        return;
    if (!ev) {
        draw(en);
    } else if (ev->kind == STORE_EV_AGENT && strcmp(ev->why, "load") == 0) {
        load_changed(en, ev, now_us);
    } else if (ev->kind == STORE_EV_AGENT && *ev->agent) {
        refresh_agent(en, ev->agent, now_us);
    } else if (ev->kind == STORE_EV_ENTRY) {
        engine_entry(en, ev);
    } else if (ev->kind == STORE_EV_THREAD) {
        offer_over(en, &ev->thread);
        if (ev->state != STORE_OFFERED)
            offer_ended(en, ev);
        if (ev->opened && ev->state == STORE_WAITING) { /* no question either */
            view_thread(en, ev->opened);
            serve_thread(en, ev->thread.s, now_us);
        } else if (ev->state == STORE_WAITING)
            refresh_thread(en, ev->thread, now_us);
        else
            view_forget(en, &ev->thread);
    }
}
