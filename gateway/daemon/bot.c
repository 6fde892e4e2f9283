/* SPDX-License-Identifier: Apache-2.0
 * Threads in state bot: looked at when something comes and when a timer says so. One look reads thread and
 * run, writes prompts that are missing, takes one step for the first message behind the last prompt, stores
 * it (whoever was faster wins), writes its prompts. Prompts stand in the run and are written with references
 * of their own, so that a worker may die anywhere: what it left is done by whoever looks next, once. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/alerts.h"
#include "gateway/daemon/bot_internal.h"
#include "gateway/daemon/wishes.h"
#include "gateway/daemon/worker.h"
#include "store/guard.h"
#include <stdio.h>

#define BOT_ROUNDS 50   /* steps of one look; the rest when something comes */
#define BOT_DOC    1200 /* kB of a record's JSON and its facets */

static void look(struct bot_job *j);

struct worker_op *bot_worker_op(const struct bot *b)
{
    for (struct list *at = b->w->ops.next; at != &b->w->ops; at = at->next) {
        struct worker_op *o = container_of(at, struct worker_op, node);
        if (o->op == b->op)
            return o;
    }
    return NULL;
}

/* ---- jobs ---- */

static void reset(struct bot_job *j)
{
    json_decref(j->rec);
    json_decref(j->fields);
    json_decref(j->out);
    j->rec = j->fields = j->out = NULL;
    j->said = 0;
    j->seq = 0;
    j->quiet = false;
    j->ends = NULL;
    j->name = "";
    arena_reset(j->a);
}

/* ok: nothing is left to do now. Otherwise a timer brings the thread back. */
static void finish(struct bot_job *j, bool ok)
{
    struct bot *b = j->b;
    if (j->again && ok && !b->gone) {
        j->again = false;
        look(j);
        return;
    }
    if (j->firing)
        store_timer_finished(j->firing, ok && !b->gone);
    map_del(&b->jobs, slice_str(j->thread.s));
    reset(j);
    arena_free(&j->a);
    mem_free(j);
    if (b->gone && b->jobs.n == 0) {
        map_clear(&b->jobs, NULL);
        mem_free(b);
    }
}

/* True, and the job is over, when there was an error or the operation is gone. */
static bool failed(struct bot_job *j, const struct err *e, const char *where)
{
    if (!e->code && !j->b->gone)
        return false;
    bool over = e->code == ERR_NOT_FOUND || e->code == ERR_ERASED;
    if (e->code && !over)
        log_event(LOG_WARN, "bot.failed", log_str("operation", store_op_name(j->b->op)), log_str("at", where),
                  log_err(e));
    finish(j, over);
    return true;
}

static void start(struct bot *b, struct id thread, struct store_firing *f)
{
    struct bot_job *j = map_get(&b->jobs, slice_str(thread.s));
    if (j) {
        j->again = true;
        if (f)
            store_timer_finished(f, false);
        return;
    }
    j = mem_alloc(sizeof *j);
    *j = (struct bot_job){.b = b, .a = arena_new(), .thread = thread, .firing = f};
    map_put(&b->jobs, slice_str(thread.s), j);
    look(j);
}

/* ---- prompts ---- */

static void said_stored(void *arg, const struct err *e)
{
    struct bot_job *j = arg;
    if (failed(j, e, "said"))
        return;
    if (bot_ended(j))
        finish(j, true);
    else
        look(j); /* is there more? */
}

static void say_next(struct bot_job *j);
static void take(struct bot_job *j);

static void written(void *arg, const struct err *e, const struct store_written *w)
{
    struct bot_job *j = arg;
    (void)w;
    if (j->b->gone || err_temporary(e->code) || e->code == ERR_ERASED) {
        failed(j, e, "write");
        return;
    }
    if (e->code) /* the address is gone, or must not be written to */
        log_event(LOG_WARN, "bot.unsaid", log_str("operation", store_op_name(j->b->op)), log_err(e));
    if (e->code && !bot_ended(j)) {
        j->ends = "unsaid";
        take(j);
        return;
    }
    j->said++;
    say_next(j);
}

static void say_next(struct bot_job *j)
{
    struct store_outbound out;
    if (j->said == bot_prompts(j)) {
        store_flow_said(j->b->op, j->thread, j->version, bot_ended(j), bot_left(j), said_stored, j);
        return;
    }
    bot_prompt(j, j->said, &out);
    store_write(j->b->op, &out, written, j);
}

/* ---- a step ---- */

/* These end when the bot may be gone. */
static void kept(void *arg, const struct err *e)
{
    (void)arg;
    if (e->code)
        log_event(LOG_WARN, "bot.contact", log_err(e));
}

/* What the flow found out is kept with the person. */
static void keep_fields(struct bot_job *j)
{
    json_t *set = json_object_get(j->out, "contact");
    struct buf b;
    if (!json_object_size(set))
        return;
    json_t *fields = json_is_object(j->fields) ? json_deep_copy(j->fields) : json_object(),
           *patch = json_object();
    json_object_update(fields, set);
    json_object_set_new(patch, "fields", fields);
    buf_init(&b, 65536);
    if (json_write(patch, &b) == 0)
        store_contact_patch(j->b->op, j->contact, j->clearance, buf_view(&b), NULL, "bot", kept, NULL);
    buf_clear(&b);
    json_decref(patch);
}

static void alarmed(void *arg, const struct err *e)
{
    struct bot_job *j = arg;
    if (e->code)
        log_event(LOG_ERROR, "bot.alarm", log_str("operation", store_op_name(j->b->op)), log_err(e));
    if (j->b->gone || err_temporary(e->code))
        finish(j, false); /* the record stays: once more */
    else
        say_next(j);
}

/* The alert, which is raised once for a thread, before anything is said: it tells the person the emergency
 * number itself. */
static void speak(struct bot_job *j)
{
    struct slice category = json_opt_str(j->rec, "alarm");
    struct worker_op *o = bot_worker_op(j->b);
    j->said = 0;
    if (category.n && o)
        alerts_raise(o->alerts, j->thread, category.p, "flow", "bot", alarmed, j);
    else
        say_next(j);
}

static void stepped(void *arg, const struct err *e, uint64_t version)
{
    struct bot_job *j = arg;
    if (e->code == ERR_CONFLICT && !j->b->gone) { /* somebody else's now */
        finish(j, true);
        return;
    }
    if (e->code == ERR_AGAIN && !j->b->gone) {
        look(j);
        return;
    }
    if (failed(j, e, "step"))
        return;
    j->version = version;
    keep_fields(j);
    speak(j);
}

static void take(struct bot_job *j)
{
    struct flow_put put;
    struct buf json, facets;
    buf_init(&json, (size_t)BOT_DOC << 10);
    buf_init(&facets, RECORD_FACETS);
    bot_take(j, &put, &json, &facets);
    store_flow_put(j->b->op, &put, stepped, j);
    buf_clear(&json);
    buf_clear(&facets);
}

/* Who is speaking of something sealed elsewhere must not be called back here by a prompt: what they write
 * next goes where was spoken last. */
static void on_others(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct bot_job *j = arg;
    if (failed(j, e, "threads"))
        return;
    for (size_t i = 0; i < n; i++)
        j->quiet = j->quiet || (t[i]->clearance > j->clearance && t[i]->state != STORE_RESOLVED);
    take(j);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct bot_job *j = arg;
    if (failed(j, e, "contact"))
        return;
    struct slice profile = c->erased ? SLICE("") : store_contact_profile(c, j->clearance, j->a);
    json_t *p = profile.n ? json_parse(profile, JSON_DEPTH_DEFAULT, NULL) : NULL;
    struct slice name = json_opt_str(p, "name");
    j->name = arena_dup(j->a, name.n ? name.p : "", name.n);
    j->fields = json_incref(json_object_get(p, "fields"));
    json_decref(p);
    /* Nobody is in a session that may be seen by others, as far as is known. */
    j->quiet = j->quiet || (j->seq == 0 && j->version && store_unsafe_on(c->unsafe, slice_str(j->channel)));
    if (j->seq == 0 && c->threads_n > 1)
        store_threads_get(j->b->op, c->threads, c->threads_n, on_others, j);
    else
        take(j);
}

/* ---- what is there ---- */

/* "How long?": that is answered, and what was asked stays asked (wishes.c). */
static bool answers(struct bot_job *j, const struct store_entry *en)
{
    struct worker_op *o = bot_worker_op(j->b);
    return en->inbound && en->kind == STORE_MESSAGE && !en->erased &&
           !(o && bot_prompts(j) && wish_of(o->notices, j->language.tag, en->text, en->extra));
}

static void input(struct bot_job *j, const struct store_entry *en)
{
    json_t *extra = en->extra.n ? json_parse(en->extra, JSON_DEPTH_DEFAULT, NULL) : NULL;
    struct slice choice = json_opt_str(extra, "choice");
    j->seq = en->seq;
    j->text = arena_slice(j->a, en->text);
    j->choice = choice.n ? arena_slice(j->a, choice) : SLICE("");
    j->other = json_array_size(json_object_get(extra, "attachments")) || json_object_get(extra, "location") ||
               json_object_get(extra, "contact_card");
    json_decref(extra);
}

static void nothing_to_take(struct bot_job *j)
{
    if (!j->version || bot_left(j) <= 0) { /* a run whose time is over; or a thread without any message */
        store_contact_get(j->b->op, j->contact, on_contact, j);
        return;
    }
    if (!j->firing) {
        finish(j, true);
        return;
    }
    struct store_firing *f = j->firing; /* until then */
    j->firing = NULL;
    store_timer_finished(f, false);
    store_flow_said(j->b->op, j->thread, j->version, false, bot_left(j), NULL, NULL);
    finish(j, true);
}

/* What was written before the last prompt is no answer to it. */
static void on_entries(void *arg, const struct err *e, const struct store_entry *en, size_t n)
{
    struct bot_job *j = arg;
    size_t prompts = bot_prompts(j), from = 0;
    bool said = prompts == 0;
    if (failed(j, e, "entries"))
        return;
    for (size_t i = 0; prompts && i < n; i++)
        if (bot_is_prompt(j, &en[i], prompts - 1)) {
            said = true;
            from = i;
        }
    if (!said) { /* somebody writes them, or died */
        say_next(j);
        return;
    }
    for (size_t i = 0; i < n; i++) /* somebody speaks for themselves: the bot is silent */
        if (!en[i].inbound && en[i].kind == STORE_MESSAGE && en[i].author == STORE_AGENT)
            j->ends = "agent";
    if (j->ends) {
        take(j);
        return;
    }
    for (size_t i = from; i < n && !j->seq; i++)
        if (answers(j, &en[i]))
            input(j, &en[i]);
    if (j->seq)
        store_contact_get(j->b->op, j->contact, on_contact, j);
    else
        nothing_to_take(j);
}

static void on_record(void *arg, const struct err *e, const struct store_record *r)
{
    struct bot_job *j = arg;
    struct err none = {0};
    if (e->code != ERR_NOT_FOUND && failed(j, e, "record"))
        return;
    if (failed(j, &none, "record"))
        return;
    if (!e->code) {
        j->version = r->version;
        j->rec = json_parse(r->json, JSON_DEPTH_DEFAULT, NULL);
    } else {
        j->version = 0;
    }
    bool ended = j->version && bot_ended(j);
    if (ended) {
        speak(j);
    } else if (j->state != STORE_BOT) {
        finish(j, true);
    } else {
        uint64_t from = j->version ? (uint64_t)json_opt_int(j->rec, "seq", 0) + 1 : 1;
        store_entries_get(j->b->op, j->thread, from, j->last_seq > from ? j->last_seq : from, on_entries, j);
    }
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct bot_job *j = arg;
    if (failed(j, e, "thread"))
        return;
    j->contact = t->contact;
    j->state = t->state;
    j->language = t->language;
    j->channel = arena_strdup(j->a, t->channel);
    j->area = arena_strdup(j->a, t->area);
    j->clearance = t->clearance;
    j->priority = t->priority;
    j->last_seq = t->last_seq;
    store_record_get(j->b->op, "run", j->thread.s, on_record, j);
}

static void look(struct bot_job *j)
{
    reset(j);
    if (j->b->gone || ++j->rounds > BOT_ROUNDS) {
        j->again = false;
        finish(j, false);
        return;
    }
    store_thread_get(j->b->op, j->thread, on_thread, j);
}

/* ---- from outside ---- */

void bot_event(struct bot *b, const struct store_event *ev)
{
    if (!ev || ev->kind != STORE_EV_ENTRY || ev->entry_kind != STORE_MESSAGE || ev->state != STORE_BOT)
        return;
    bool agent = !ev->inbound && *ev->actor && strcmp(ev->actor, "bot") != 0;
    if (ev->inbound || agent)
        start(b, ev->thread, NULL);
}

static void on_wake(void *arg, struct id thread, struct store_firing *f)
{
    start(arg, thread, f);
}

static void free_flow(void *p)
{
    struct flow *f = p;
    flow_free(&f);
}

static void unconfigure(struct bot *b)
{
    map_clear(&b->flows, free_flow);
    map_clear(&b->chains, mem_free);
    mem_free(b->languages);
    b->languages = NULL;
    json_decref(b->document);
    b->document = NULL;
}

static const char **tags_of(const json_t *list)
{
    size_t n = json_array_size(list), k = 0;
    const char **tags = mem_array(n + 1, sizeof *tags);
    for (size_t i = 0; i < n; i++)
        if (json_is_string(json_array_get(list, i)))
            tags[k++] = json_string_value(json_array_get(list, i));
    return tags;
}

/* The names in it are the document's, which is kept. */
void bot_configure(struct bot *b, const json_t *document)
{
    const char *tag;
    json_t *chain, *flow;
    size_t i;
    struct err e;
    unconfigure(b);
    b->document = json_deep_copy(document);
    b->languages = tags_of(json_object_get(b->document, "languages"));
    map_init(&b->flows);
    map_init(&b->chains);
    json_object_foreach(json_object_get(b->document, "fallback"), tag, chain)
        map_put(&b->chains, slice_str(tag), tags_of(chain));
    json_array_foreach(json_object_get(b->document, "flows"), i, flow)
    {
        struct slice id = json_opt_str(flow, "id");
        struct flow *f = id.n && !json_opt_bool(flow, "disabled", false)
                             ? flow_load(json_object_get(flow, "flow"), &e)
                             : NULL;
        if (f)
            free_flow(map_put(&b->flows, id, f));
    }
}

struct bot *bot_new(struct worker *w, struct store_op *op)
{
    struct bot *b = mem_alloc(sizeof *b);
    b->w = w;
    b->op = op;
    map_init(&b->jobs);
    map_init(&b->flows);
    map_init(&b->chains);
    b->waker = (struct flow_waker){op, on_wake, b};
    store_flow_wake(&b->waker);
    return b;
}

void bot_free(struct bot **bp)
{
    struct bot *b = *bp;
    *bp = NULL;
    if (!b)
        return;
    unconfigure(b);
    b->gone = true; /* with jobs under way, the last one frees it */
    if (b->jobs.n == 0) {
        map_clear(&b->jobs, NULL);
        mem_free(b);
    }
}
