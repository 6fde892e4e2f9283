/* SPDX-License-Identifier: Apache-2.0
 * What makes an alert without an agent's key: words of alarm, flows, drills; the emergency number for the
 * person; and the code by which somebody on duty answers from their own address. */
#include "gateway/api/rights.h"
#include "gateway/daemon/alerts_internal.h"
#include "gateway/daemon/decide.h"
#include "gateway/daemon/texts.h"
#include <stdio.h>
#include <string.h>

/* ---- the emergency number, at once ---- */

struct emergency {
    struct alerts *a;
    char code[RECORD_ID + 1];
};

static void on_written(void *arg, const struct err *e, const struct store_written *r)
{
    struct emergency *m = arg;
    (void)r;
    if (e->code)
        log_event(LOG_WARN, "alert.emergency", log_err(e));
    alerts_drop(m->a);
    mem_free(m);
}

static void emergency_write(struct emergency *m, const struct store_thread *t)
{
    struct alerts *a = m->a;
    const char *tag;
    char ref[96];
    struct buf text;
    struct host_channel_info info = {0};
    struct err e = {0};
    char *form = slice_dup(host_text(a->w->host, a->op, "alert.emergency", t->language.tag, &tag));
    buf_init(&text, 4096);
    texts_fill(&text, slice_str(form), "emergency",
               host_text(a->w->host, a->op, "emergency", t->language.tag, &tag));
    mem_free(form);
    snprintf(ref, sizeof ref, "alert-%s", m->code);
    if (!text.n || !host_channel_info(a->w->host, a->op, t->channel, &info)) {
        err_set(&e, ERR_NOT_FOUND, "no emergency number, or no channel to tell it on");
        on_written(m, &e, NULL);
    } else {
        const struct store_outbound out = {.thread = t->id,
                                           .kind = STORE_MESSAGE,
                                           .author = STORE_SYSTEM,
                                           .author_id = "",
                                           .ref = slice_str(ref),
                                           .channel = t->channel,
                                           .text = buf_view(&text),
                                           .extra = SLICE("{\"class\":\"emergency\"}"),
                                           .pull = info.pull,
                                           .must_hold = ""};
        store_write(a->op, &out, on_written, m);
    }
    buf_clear(&text);
}

static void on_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct emergency *m = arg;
    if (e->code || !m->a->op)
        on_written(m, e, NULL);
    else
        emergency_write(m, t);
}

/* Once for each alert: its code is the reference in the thread. */
void alerts_emergency(struct alerts *a, struct id thread, const char *code)
{
    struct emergency *m = mem_alloc(sizeof *m);
    m->a = alerts_keep(a);
    snprintf(m->code, sizeof m->code, "%s", code);
    store_thread_get(a->op, thread, on_thread, m);
}

/* ---- raising ---- */

struct raising {
    struct alerts *a;
    struct store_firing *f;
    struct id thread;
    uint64_t seq;
    char timer[80];
    store_done done;
    void *arg;
};

static void raising_end(struct raising *x, const struct err *e, bool drop)
{
    if (x->f)
        store_timer_finished(x->f, drop);
    if (x->done)
        x->done(x->arg, e);
    alerts_drop(x->a);
    mem_free(x);
}

static void on_raised(void *arg, const struct err *e, const struct alert_raised *r)
{
    struct raising *x = arg;
    bool gone = e->code == ERR_NOT_FOUND || e->code == ERR_ERASED;
    if (e->code)
        log_event(LOG_WARN, "alert.raise", log_err(e));
    else if (x->a->op)
        alerts_emergency(x->a, x->thread, r->code);
    raising_end(x, e, !e->code || gone);
}

void alerts_raise(struct alerts *a, struct id thread, const char *category, const char *how,
                  const char *actor, store_done done, void *arg)
{
    struct raising *x = mem_alloc(sizeof *x);
    *x = (struct raising){.a = alerts_keep(a), .thread = thread, .done = done, .arg = arg};
    const struct alert_raise r = {.thread = thread,
                                  .category = category && alerts_category(a, category) ? category : "other",
                                  .how = how,
                                  .actor = actor,
                                  .group_ms = a->ladder->group_ms,
                                  .confirm_ms = a->ladder->confirm_ms};
    store_alert_raise(a->op, &r, on_raised, x);
}

void alerts_drill(struct alerts *a, const char *category, const char *area, const char *actor,
                  void (*done)(void *arg, const struct err *e, const struct alert_raised *r), void *arg)
{
    const struct alert_raise r = {.category = category,
                                  .how = "drill",
                                  .actor = actor,
                                  .area = area,
                                  .drill = true,
                                  .group_ms = a->ladder->group_ms,
                                  .confirm_ms = a->ladder->confirm_ms};
    store_alert_raise(a->op, &r, done, arg);
}

/* ---- words of alarm ---- */

static void on_entry(void *arg, const struct err *e, const struct store_entry *en, size_t n)
{
    struct raising *x = arg;
    struct alerts *a = x->a;
    if (e->code || !a->op || !n || en[0].erased) {
        raising_end(x, e, !e->code || e->code == ERR_NOT_FOUND || e->code == ERR_ERASED);
        return;
    }
    const char *category = decide_alarm(a->w->decide, a->op, en[0].text);
    const struct alert_raise r = {.thread = x->thread,
                                  .category = *category && alerts_category(a, category) ? category : "other",
                                  .how = "words",
                                  .actor = "system",
                                  .timer = x->timer,
                                  .possible = true,
                                  .group_ms = a->ladder->group_ms,
                                  .confirm_ms = a->ladder->confirm_ms};
    store_alert_raise(a->op, &r, on_raised, x);
}

void alerts_on_alarm(void *arg, const char *id, struct store_firing *f)
{
    struct alerts *a = arg;
    struct raising *x = mem_alloc(sizeof *x);
    *x = (struct raising){.a = alerts_keep(a), .f = f};
    snprintf(x->timer, sizeof x->timer, "alarm %s", id);
    if (store_alarm_parse(a->op, id, &x->thread, &x->seq))
        store_entries_get(a->op, x->thread, x->seq, x->seq, on_entry, x);
    else
        raising_end(x, &(struct err){0}, true);
}

/* ---- replies ---- */

struct reply {
    struct alerts *a;
    char code[ALERT_CODE + 1], login[64];
    char *area; /* of the alert, with its clearance */
    int clearance;
    char *channel, *address;
    void (*done)(void *arg, bool ok);
    void *arg;
};

static void reply_end(struct reply *y, bool ok, const char *key)
{
    struct alerts *a = y->a;
    const struct alert_person *p = a->op && key ? alert_person_find(a->ladder, y->login) : NULL;
    const struct alert_way way = {y->channel, y->address};
    if (p)
        alerts_word(a, p, &way, key, y->code);
    y->done(y->arg, ok);
    alerts_drop(a);
    mem_free(y->channel);
    mem_free(y->address);
    mem_free(y->area);
    mem_free(y);
}

static void on_answered(void *arg, const struct err *e, const char *before)
{
    (void)before;
    if (e->code && err_temporary(e->code))
        reply_end(arg, false, NULL);
    else
        reply_end(arg, true, e->code ? "alert.unknown" : "alert.thanks");
}

static void on_replier(void *arg, const struct err *e, const struct store_agent *agent)
{
    struct reply *y = arg;
    if (e->code && err_temporary(e->code)) {
        reply_end(y, false, NULL);
        return;
    }
    if (e->code || agent->disabled || !y->a->op) {
        reply_end(y, true, NULL);
        return;
    }
    /* As on the page: of an alert that they may not see there is nothing, and codes are short. */
    const struct who w = {.areas = agent->areas, .clearance = agent->clearance};
    if (agent->clearance < y->clearance || !rights_area(&w, y->area)) {
        reply_end(y, true, "alert.unknown");
        return;
    }
    const struct alert_moved m = {.code = y->code, .to = "acknowledged", .actor = y->login, .via = "reply"};
    store_alert_move(y->a->op, &m, on_answered, y);
}

static void on_reply_alert(void *arg, const struct err *e, const struct store_record *r)
{
    struct reply *y = arg;
    struct store_alert seen = {.code = ""};
    if (e->code && err_temporary(e->code))
        reply_end(y, false, NULL);
    else if (e->code || !y->a->op)
        reply_end(y, true, "alert.unknown");
    else {
        store_alert_of(&seen, r);
        y->clearance = seen.clearance;
        y->area = mem_strdup(seen.area);
        store_agent_get(y->a->op, y->login, on_replier, y);
    }
}

static const struct alert_person *from_whom(const struct alerts *a, const char *channel, struct slice address)
{
    for (size_t i = 0; i < a->ladder->persons_n; i++) {
        const struct alert_person *p = &a->ladder->persons[i];
        for (size_t w = 0; w < p->ways_n; w++)
            if (strcmp(p->ways[w].channel, channel) == 0 && slice_is(address, p->ways[w].address))
                return p;
    }
    return NULL;
}

bool alerts_reply(struct alerts *a, const char *channel, struct slice address, struct slice text,
                  void (*done)(void *done_arg, bool ok), void *done_arg)
{
    char code[ALERT_CODE + 1];
    const struct alert_person *p = from_whom(a, channel, address);
    if (!p || !alert_code_find(text, code))
        return false;
    struct reply *y = mem_alloc(sizeof *y);
    *y = (struct reply){.a = alerts_keep(a),
                        .channel = mem_strdup(channel),
                        .address = slice_dup(address),
                        .done = done,
                        .arg = done_arg};
    memcpy(y->code, code, sizeof code);
    snprintf(y->login, sizeof y->login, "%s", p->login);
    store_record_get(a->op, "alert", code, on_reply_alert, y);
    return true;
}
