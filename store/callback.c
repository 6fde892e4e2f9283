/* SPDX-License-Identifier: Apache-2.0
 * Call-backs. Each step reads the record, makes the next one and puts it where the version is still the same;
 * the timer of the next step is set before, so that a crash in between leaves one too many, never one too
 * few. */
#include "store/callback.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/agent.h"
#include "store/guard.h"
#include <stdio.h>
#include <string.h>

#define KIND   "callback"
#define DAY_MS 86400000ll

const char *const callback_states[] = {"waiting", "due", "taken", "done", "dropped", "expired", NULL};
static const char *const events[] = {"asked", "due", "taken", "done", "dropped", "expired"};

/* ---- safe contact ---- */

static int minute_of(const json_t *o, const char *key)
{
    int h, m;
    const char *s = json_string_value(json_object_get(o, key));
    return s && sscanf(s, "%2d:%2d", &h, &m) == 2 && h >= 0 && h <= 24 && m >= 0 && m < 60 ? h * 60 + m : -1;
}

bool callback_wished(const json_t *safe, int minute)
{
    int from = minute_of(safe, "from"), to = minute_of(safe, "to");
    if (minute < 0 || from < 0 || to < 0 || from == to)
        return true;
    return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

bool callback_wish_valid(const json_t *safe)
{
    static const char *const known[] = {"words", "from", "to", NULL};
    const json_t *words = json_object_get(safe, "words");
    bool from = json_object_get(safe, "from"), to = json_object_get(safe, "to");
    if (!json_is_object(safe) || !json_only(safe, known, NULL) ||
        (words && (!json_is_string(words) || json_string_length(words) > CALLBACK_WISH)))
        return false;
    return from == to && (!from || (minute_of(safe, "from") >= 0 && minute_of(safe, "to") >= 0));
}

/* ---- one step under way ---- */

struct step {
    struct store_op *op;
    callback_done done;
    void *arg;
    struct id thread, contact;
    int clearance;
    char *area, *language, *actor, *agent;
    json_t *json;                   /* what the record will hold */
    uint64_t expect;                /* its version now */
    bool by_person, asking, barred; /* barred: it became unsafe, or sealed, since it was asked for */
    struct store_firing *firing;    /* of the timer's steps */
    int32_t offset_s;
    enum callback_state is, to;
    void (*go_on)(struct step *s);
    int64_t again_ms;
    struct err err;
};

static void step_end(struct step *s, const struct err *e)
{
    struct err none = {0};
    if (s->firing) /* whatever failed is tried again in a minute */
        store_timer_finished(s->firing, !e || e->code == ERR_NOT_FOUND || e->code == ERR_ERASED);
    if (s->done)
        s->done(s->arg, e ? e : &none, s->thread);
    json_decref(s->json);
    mem_free(s->area);
    mem_free(s->language);
    mem_free(s->actor);
    mem_free(s->agent);
    mem_free(s);
}

static void step_fail(struct step *s, enum err_code code, const char *why)
{
    err_set(&s->err, code, "%s", why);
    step_end(s, &s->err);
}

static void on_reopened(void *arg, const struct err *e, const struct store_thread *t)
{
    (void)e, (void)t; /* in vain when the person has another open thread: it is seen there */
    step_end(arg, NULL);
}

static void on_due_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct step *s = arg;
    if (!e->code && t->state == STORE_RESOLVED)
        store_reopen(s->op, s->thread, "system", on_reopened, s);
    else
        step_end(s, NULL);
}

/* What is due of a thread that nobody holds any more goes back to the queue, or nobody would see it. */
static void on_entry(void *arg, const struct err *e, const struct store_written *w)
{
    struct step *s = arg;
    (void)w;
    if (e->code) /* the record is right; what the thread tells of it is not worth a failure */
        log_event(LOG_WARN, "callback.entry", log_err(e));
    if ((s->to == CALLBACK_DUE || (s->to == CALLBACK_DROPPED && s->barred)) && !s->asking)
        store_thread_get(s->op, s->thread, on_due_thread, s);
    else
        step_end(s, NULL);
}

/* The thread tells what happened. */
static void write_entry(struct step *s, uint64_t version)
{
    char extra[160], ref[64];
    bool tried = s->to == CALLBACK_WAITING && !s->asking;
    snprintf(extra, sizeof extra, "{\"event\":{\"what\":\"callback\",\"detail\":\"%s\"}}",
             tried ? "no_answer" : events[s->to]);
    snprintf(ref, sizeof ref, "callback-%llu", (unsigned long long)version);
    struct store_outbound out = {.thread = s->thread,
                                 .kind = STORE_EVENT,
                                 .author = s->agent ? STORE_AGENT : STORE_SYSTEM,
                                 .author_id = s->agent ? s->agent : "",
                                 .ref = slice_str(ref),
                                 .channel = "",
                                 .extra = slice_str(extra),
                                 .must_hold = ""};
    store_write(s->op, &out, on_entry, s);
}

static int64_t next_step(const struct step *s)
{
    return json_opt_int(s->json, s->to == CALLBACK_WAITING ? "from" : "to", 0);
}

static void on_put(void *arg, const struct err *e, uint64_t version)
{
    struct step *s = arg;
    if (e->code == ERR_CONFLICT && !s->firing) /* its timer may have been moved by us: let it look again */
        store_timer_set(s->op, KIND, s->thread.s, store_now_ms(store_of(s->op)), NULL, NULL);
    if (!e->code && s->firing && s->to < CALLBACK_DONE)
        store_timer_set(s->op, KIND, s->thread.s, next_step(s), NULL, NULL);
    if (e->code)
        step_end(s, e);
    else
        write_entry(s, version);
}

static void put(struct step *s)
{
    char facets[200], action[40], id[ID_LEN + 1];
    struct buf b;
    snprintf(facets, sizeof facets, "state=%s area=%.80s", callback_states[s->to], *s->area ? s->area : "-");
    snprintf(action, sizeof action, "callback.%s", callback_states[s->to]);
    memcpy(id, s->thread.s, sizeof id);
    buf_init(&b, RECORD_JSON);
    json_write(s->json, &b);
    struct record_put p = {
        .r = {.kind = KIND,
              .id = id,
              .json = buf_view(&b),
              .contact = s->contact,
              .clearance = s->clearance,
              .score = s->to >= CALLBACK_DONE ? CALLBACK_ENDED : json_opt_int(s->json, "from", 0),
              .group = s->thread.s,
              .facets = facets},
        .expect = s->expect,
        .actor = s->actor,
        .action = action,
        .detail = s->thread.s};
    store_record_put(s->op, &p, on_put, s);
    buf_clear(&b);
}

static void on_timer(void *arg, const struct err *e)
{
    struct step *s = arg;
    if (e->code)
        step_end(s, e);
    else
        put(s);
}

/* First the moment of the next step, then this one. */
static void step_write(struct step *s)
{
    json_object_set_new(s->json, "state", json_string(callback_states[s->to]));
    if (s->to >= CALLBACK_DONE || s->firing)
        put(s); /* a timer that fires is there until it has done */
    else
        store_timer_set(s->op, KIND, s->thread.s, next_step(s), on_timer, s);
}

/* ---- asking ---- */

static void on_before(void *arg, const struct err *e, const struct store_record *r)
{
    struct step *s = arg;
    if (e->code && e->code != ERR_NOT_FOUND) {
        step_end(s, e);
        return;
    }
    s->expect = e->code ? 0 : r->version;
    struct slice state = e->code ? SLICE("") : record_facet(r->facets, "state");
    if (slice_is(state, "waiting") || slice_is(state, "due") || slice_is(state, "taken"))
        step_fail(s, ERR_CONFLICT, "a call-back of this thread is open already");
    else
        step_write(s);
}

/* What the person wishes about times; an agent does not ask against it. */
static bool unwished(const struct step *s, const struct store_contact *c)
{
    int64_t at = json_opt_int(s->json, "from", 0) / 1000 + s->offset_s;
    int minute = (int)((at % 86400 + 86400) % 86400 / 60);
    struct arena *a = arena_new();
    struct slice text = store_contact_profile(c, 2, a); /* whoever wrote it: it protects them */
    json_t *profile = text.n ? json_parse(text, 16, NULL) : NULL;
    const json_t *safe = json_object_get(profile, "safe");
    bool bad = json_is_object(safe) && !callback_wished(safe, minute);
    json_decref(profile);
    arena_free(&a);
    return bad;
}

static bool unsafe(const struct step *s, const struct store_contact *c)
{
    return store_unsafe_on(c->unsafe, json_opt_str(s->json, "channel"));
}

static bool no_contact(struct step *s, const struct err *e, const struct store_contact *c)
{
    if (e->code)
        step_end(s, e);
    else if (c->erased)
        step_fail(s, ERR_ERASED, "the person was erased");
    return e->code || c->erased;
}

/* Who writes "call me back" from a channel that is not safe may be the one that it is not safe from. */
static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct step *s = arg;
    if (no_contact(s, e, c))
        return;
    if (unsafe(s, c) || (!s->by_person && unwished(s, c)))
        step_fail(s, ERR_FORBIDDEN, "it is not safe to reach the person like this");
    else
        store_record_get(s->op, KIND, s->thread.s, on_before, s);
}

static void take_thread(struct step *s, const struct store_thread *t)
{
    s->contact = t->contact;
    s->clearance = t->clearance;
    s->area = mem_strdup(t->area);
    s->language = mem_strdup(t->language.tag);
    if (!json_opt_str(s->json, "channel").n)
        json_object_set_new(s->json, "channel", json_string(t->channel));
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct step *s = arg;
    if (e->code) {
        step_end(s, e);
        return;
    }
    take_thread(s, t);
    if (s->clearance && !s->by_person)
        step_fail(s, ERR_FORBIDDEN, "in confidential matters only the person can ask for a call-back");
    else
        store_contact_get(s->op, s->contact, on_contact, s);
}

static json_t *text_or_null(struct slice s)
{
    return s.n ? json_stringn(s.p, s.n) : json_null();
}

void store_callback_ask(struct store_op *op, const struct callback_ask *a, callback_done done, void *arg)
{
    struct step *s = mem_alloc(sizeof *s);
    int64_t now = store_now_ms(store_of(op)), from = a->from_ms > now ? a->from_ms : now,
            to = a->to_ms ? a->to_ms : from + CALLBACK_DAYS * DAY_MS;
    s->op = op;
    s->done = done;
    s->arg = arg;
    s->thread = a->thread;
    s->by_person = a->by_person;
    s->asking = true;
    s->offset_s = a->offset_s;
    s->to = from > now ? CALLBACK_WAITING : CALLBACK_DUE;
    s->actor = mem_strdup(a->actor);
    s->json =
        json_pack("{s:s,s:b,s:I,s:I,s:o,s:o,s:o,s:i,s:n}", "by", a->actor, "person", a->by_person, "from",
                  (json_int_t)from, "to", (json_int_t)to, "channel", text_or_null(a->channel), "address",
                  text_or_null(a->address), "note", text_or_null(a->note), "tries", 0, "agent");
    if (to <= now || to <= from || to - from > 366 * DAY_MS || a->note.n > CALLBACK_NOTE || !s->json)
        step_fail(s, ERR_INVALID, "the times of a call-back make no sense");
    else
        store_thread_get(op, a->thread, on_thread, s);
}

/* ---- acting ---- */

static bool follows(enum callback_state from, enum callback_state to)
{
    static const unsigned after[] = {
        [CALLBACK_WAITING] = 1u << CALLBACK_DUE | 1u << CALLBACK_TAKEN | 1u << CALLBACK_DONE |
                             1u << CALLBACK_DROPPED | 1u << CALLBACK_EXPIRED,
        [CALLBACK_DUE] = 1u << CALLBACK_TAKEN | 1u << CALLBACK_DONE | 1u << CALLBACK_DROPPED |
                         1u << CALLBACK_EXPIRED | 1u << CALLBACK_WAITING,
        [CALLBACK_TAKEN] = 1u << CALLBACK_DONE | 1u << CALLBACK_DROPPED | 1u << CALLBACK_WAITING |
                           1u << CALLBACK_EXPIRED | 1u << CALLBACK_TAKEN,
        [CALLBACK_DONE] = 0,
        [CALLBACK_DROPPED] = 0,
        [CALLBACK_EXPIRED] = 0};
    return after[from] >> to & 1;
}

static enum callback_state state_of(const struct store_record *r)
{
    struct slice state = record_facet(r->facets, "state");
    for (int i = 0; callback_states[i]; i++)
        if (slice_is(state, callback_states[i]))
            return (enum callback_state)i;
    return CALLBACK_EXPIRED;
}

/* Takes what the record holds; false: the person was erased. */
static bool take_record(struct step *s, const struct store_record *r)
{
    struct slice area = record_facet(r->facets, "area");
    s->json = r->json.n ? json_parse(r->json, 16, NULL) : NULL;
    s->contact = r->contact;
    s->clearance = r->clearance;
    s->area = slice_is(area, "-") ? mem_strdup("") : slice_dup(area);
    s->language = mem_strdup("");
    return s->json != NULL;
}

static void no_answer(struct step *s)
{
    int64_t now = store_now_ms(store_of(s->op)), tries = json_opt_int(s->json, "tries", 0) + 1,
            to = json_opt_int(s->json, "to", 0),
            again = s->again_ms > now ? s->again_ms : now + CALLBACK_AGAIN_MS;
    json_object_set_new(s->json, "tries", json_integer(tries));
    json_object_set_new(s->json, "agent", json_null());
    json_object_set_new(s->json, "from", json_integer(again));
    if (tries >= CALLBACK_TRIES || again >= to)
        s->to = CALLBACK_EXPIRED;
}

/* ---- what has changed since ---- */

static void on_now_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct step *s = arg;
    if (no_contact(s, e, c))
        return;
    s->barred = unsafe(s, c) || (s->clearance && !json_opt_bool(s->json, "person", false));
    s->go_on(s);
}

static void on_now_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct step *s = arg;
    if (e->code) {
        step_end(s, e);
        return;
    }
    s->clearance = t->clearance; /* what is written from now on is sealed like it */
    store_contact_get(s->op, s->contact, on_now_contact, s);
}

static void look_again(struct step *s, void (*go_on)(struct step *s))
{
    s->go_on = go_on;
    store_thread_get(s->op, s->thread, on_now_thread, s);
}

static void act(struct step *s)
{
    if (s->barred && s->to == CALLBACK_TAKEN) {
        step_fail(s, ERR_FORBIDDEN, "it is not safe to reach the person like this");
        return;
    }
    if (s->to == CALLBACK_WAITING)
        no_answer(s);
    else if (s->to == CALLBACK_TAKEN)
        json_object_set_new(s->json, "agent", json_string(s->agent));
    if (s->barred && s->to == CALLBACK_WAITING)
        s->to = CALLBACK_DROPPED;
    step_write(s);
}

static void on_record(void *arg, const struct err *e, const struct store_record *r)
{
    struct step *s = arg;
    if (e->code)
        step_end(s, e);
    else if (!take_record(s, r))
        step_fail(s, ERR_ERASED, "the person was erased");
    else if (r->version != s->expect || !follows(state_of(r), s->to))
        step_fail(s, ERR_CONFLICT, "it has changed meanwhile");
    else
        look_again(s, act);
}

void store_callback_act(struct store_op *op, const struct callback_act *a, callback_done done, void *arg)
{
    struct step *s = mem_alloc(sizeof *s);
    s->op = op;
    s->done = done;
    s->arg = arg;
    s->thread = a->thread;
    s->to = a->to;
    s->again_ms = a->again_ms;
    s->actor = mem_strdup(a->agent);
    s->agent = mem_strdup(a->agent);
    s->expect = a->version;
    store_record_get(op, KIND, s->thread.s, on_record, s);
}

/* ---- timers ---- */

/* What the time says: due, expired, or nothing yet (the timer is set where it belongs). */
static void fired(struct step *s)
{
    int64_t now = store_now_ms(store_of(s->op)), from = json_opt_int(s->json, "from", 0),
            to = json_opt_int(s->json, "to", 0);
    s->to = now >= to ? CALLBACK_EXPIRED : s->is == CALLBACK_WAITING && now >= from ? CALLBACK_DUE : s->is;
    if (s->to == CALLBACK_DUE && s->is == CALLBACK_WAITING && s->barred)
        s->to = CALLBACK_DROPPED;
    if (s->to != s->is && follows(s->is, s->to)) {
        step_write(s);
        return;
    }
    if (s->is < CALLBACK_DONE)
        store_timer_set(s->op, KIND, s->thread.s, next_step(s), NULL, NULL);
    step_end(s, NULL);
}

static void on_fired_record(void *arg, const struct err *e, const struct store_record *r)
{
    struct step *s = arg;
    if (e->code || !take_record(s, r)) {
        struct err gone;
        err_set(&gone, ERR_ERASED, "the person was erased");
        step_end(s, e->code ? e : &gone);
        return;
    }
    s->expect = r->version;
    s->is = state_of(r);
    look_again(s, fired);
}

static void on_fire(void *arg, const char *id, struct store_firing *f)
{
    struct step *s = mem_alloc(sizeof *s);
    s->op = arg;
    s->firing = f;
    s->actor = mem_strdup("system");
    if (strlen(id) == ID_LEN)
        memcpy(s->thread.s, id, ID_LEN + 1);
    store_record_get(s->op, KIND, id, on_fired_record, s);
}

void store_callback_timers(struct store_op *op)
{
    store_timer_handle(op, KIND, on_fire, op);
}
