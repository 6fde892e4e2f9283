/* SPDX-License-Identifier: Apache-2.0
 * See trial.h. The provider's answer comes with a token like that of any other message, which belongs to no
 * entry: so no log of it is kept, and no person begins to exist. */
#include "gateway/host/trial.h"
#include "gateway/base/log.h"
#include <stdio.h>
#include <string.h>

#define TRIAL_WAIT_MS  30000
#define NOTICE_WAIT_MS 10000 /* somebody waits to be told: then it is tried again */

struct trial {
    struct channel *ch;
    struct arena *a; /* what the connector was given lives until it ends the token */
    struct timer *timer;
    bool answered, inside, early, notice;
    host_tested done;
    void *arg;
};

static void answer(struct trial *t, const char *outcome, struct slice code, struct slice text)
{
    struct buf clean;
    if (t->answered)
        return;
    t->answered = true;
    timer_stop(t->timer);
    buf_init(&clean, 8192);
    if (text.n && text.n <= 1000 && text_valid(text, NULL))
        wire_redact(t->ch, text, &clean);
    bool shown = code.n && code.n <= 64 && text_valid(code, NULL);
    const struct host_trial r = {.outcome = outcome,
                                 .code = shown ? arena_dup(t->a, code.p, code.n) : "",
                                 .text = clean.n && !clean.err ? arena_dup(t->a, clean.p, clean.n) : ""};
    buf_clear(&clean);
    t->done(t->arg, &(struct err){0}, &r);
}

static void on_late(void *arg)
{
    answer(arg, "unknown", SLICE("late"), SLICE("no answer came in time"));
}

static void trial_free(struct trial *t)
{
    timer_free(&t->timer);
    arena_free(&t->a);
    mem_free(t);
}

/* From inside `send`, which it may not: rule 4. */
static bool misplaced(struct trial *t)
{
    t->early = t->early || t->inside;
    return t->inside;
}

void trial_end(struct trial *t, const struct connector_result *r)
{
    static const char *const outcomes[] = {
        [CONNECTOR_OUT_SENT] = "sent",     [CONNECTOR_OUT_RETRY] = "retry",
        [CONNECTOR_OUT_FAILED] = "failed", [CONNECTOR_OUT_UNKNOWN] = "unknown",
        [CONNECTOR_OUT_GONE] = "gone",     [CONNECTOR_OUT_RATE] = "rate",
        [CONNECTOR_OUT_AUTH] = "auth"};
    if (misplaced(t))
        return;
    if (!r)
        answer(t, "unknown", SLICE("stopped"), SLICE("the channel stopped before the answer came"));
    else if ((size_t)r->outcome < sizeof outcomes / sizeof *outcomes && outcomes[r->outcome])
        answer(t, outcomes[r->outcome], slice_from(r->code), slice_from(r->text));
    else
        answer(t, "unknown", SLICE(""), SLICE(""));
    trial_free(t);
}

static void refused(struct trial *t, int rc)
{
    if (rc == CONNECTOR_OK)
        answer(t, "unknown", SLICE("early"), SLICE("the connector ended it from inside `send`"));
    else if (rc == CONNECTOR_EAGAIN)
        answer(t, "rate", SLICE("busy"), SLICE("too much is being sent at this moment"));
    else
        answer(t, "failed", SLICE("refused"), SLICE("the connector cannot send to this address"));
    trial_free(t);
}

static void hand_over(struct trial *t, const struct connector_message *m)
{
    struct channel *ch = t->ch;
    connector_token token = mem_alloc(sizeof *token);
    token->trial = t;
    list_push(&ch->out->tokens, &token->link);
    t->inside = true;
    int rc = ch->plugin->c->send(ch->c, m, token);
    t->inside = false;
    if (rc == CONNECTOR_OK && !t->early)
        return;
    if (!t->early) {
        list_del(&token->link);
        mem_free(token);
    }
    refused(t, rc);
}

static bool under_way(const struct out_box *b)
{
    for (const struct list *n = b->tokens.next; n != &b->tokens; n = n->next) {
        const struct trial *t = container_of(n, const struct connector_token, link)->trial;
        if (t && !t->notice)
            return true;
    }
    return false;
}

/* Can it be tried now? Else e says why not. */
static bool ready(const struct channel *ch, struct slice to, bool notice, struct err *e)
{
    if (!ch)
        err_set(e, ERR_NOT_FOUND, "there is no such channel");
    else if (ch->capabilities & CONNECTOR_PULL)
        err_set(e, ERR_CONFLICT,
                "nothing is sent on this channel: people fetch. Open its page and write to yourself");
    else if (!channel_running(ch) || !ch->out || ch->out->closing)
        err_set(e, ERR_CONFLICT, "the channel is not running: %s",
                ch->state == CHANNEL_DISABLED ? "it is switched off" : ch->why);
    else if (!address_valid(to))
        err_set(e, ERR_INVALID, "to: an address is wanted, such as \"tel:+905551234567\"");
    else if (!notice && under_way(ch->out))
        err_set(e, ERR_BUSY, "another test of this channel is under way");
    return e->code == 0;
}

static void start(struct channel *ch, const struct host_notice *n, bool notice, host_tested done, void *arg)
{
    struct err e = {0};
    if (!ready(ch, n->to, notice, &e)) {
        done(arg, &e, NULL);
        return;
    }
    struct trial *t = mem_alloc(sizeof *t);
    *t = (struct trial){.ch = ch, .a = arena_new(), .notice = notice, .done = done, .arg = arg};
    t->timer = timer_new(ch->o->h->loop, on_late, t);
    timer_start(t->timer, notice ? NOTICE_WAIT_MS : TRIAL_WAIT_MS);
    uint32_t most = ch->limits.text_max;
    struct slice text = most ? slice_of(n->text.p, plan_cut(n->text, most, ch->limits.unit)) : n->text;
    struct connector_message *m = arena_alloc(t->a, sizeof *m);
    *m = (struct connector_message){.size = sizeof *m,
                                    .kind = CONNECTOR_MESSAGE,
                                    .entry = arena_strdup(t->a, n->id),
                                    .attempt = 1,
                                    .to = bytes_from(arena_slice(t->a, n->to)),
                                    .text = bytes_from(arena_slice(t->a, text)),
                                    .parts = 1,
                                    .language =
                                        n->language && *n->language ? arena_strdup(t->a, n->language) : NULL};
    hand_over(t, m);
}

void host_channel_test(struct host *h, struct store_op *op, const char *channel, struct slice to,
                       struct slice text, const char *language, host_tested done, void *arg)
{
    struct id id = id_new();
    const struct host_notice n = {
        .channel = channel, .id = id.s, .language = language, .to = to, .text = text};
    log_event(LOG_INFO, "channel.test", log_str("operation", store_op_name(op)), log_str("channel", channel));
    start(channel_find(h, slice_str(store_op_name(op)), slice_str(channel)), &n, false, done, arg);
}

void host_notice(struct host *h, struct store_op *op, const struct host_notice *n, host_tested done,
                 void *arg)
{
    start(channel_find(h, slice_str(store_op_name(op)), slice_str(n->channel)), n, true, done, arg);
}
