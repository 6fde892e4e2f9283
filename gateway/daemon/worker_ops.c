/* SPDX-License-Identifier: Apache-2.0
 * A worker's operations: everything that each of them has is made here, told of its document and its events,
 * and let go of. */
#include "gateway/base/mem.h"
#include "gateway/daemon/alerts.h"
#include "gateway/daemon/bot.h"
#include "gateway/daemon/coding.h"
#include "gateway/daemon/decide.h"
#include "gateway/daemon/notice.h"
#include "gateway/daemon/wishes.h"
#include "gateway/daemon/worker_parts.h"
#include "gateway/hook/hook.h"
#include "gateway/host/host.h"
#include "router/engine.h"
#include "store/admin.h"
#include "store/audit.h"
#include "store/blob.h"
#include "store/callback.h"
#include "store/events.h"

static void retention_set(struct store_op *op, const json_t *document)
{
    struct store_retention r[500];
    size_t n = 0, i;
    json_t *channel;
    json_array_foreach(json_object_get(document, "channels"), i, channel)
    {
        const char *id = json_string_value(json_object_get(channel, "id"));
        if (id && n < sizeof r / sizeof r[0])
            r[n++] = (struct store_retention){id, (unsigned)json_opt_int(channel, "retention_days", 0)};
    }
    store_retention_set(op, r, n);
}

static void op_configure(struct worker_op *o)
{
    struct slice text = store_op_document(o->op, NULL);
    struct err e = {0};
    json_t *document = text.n ? json_parse(text, JSON_DEPTH_DEFAULT, &e) : json_object();
    if (!document) {
        log_event(LOG_ERROR, "operation.document", log_str("operation", store_op_name(o->op)), log_err(&e));
        return;
    }
    decide_operation(o->w->decide, o->op, document);
    alerts_configure(o->alerts, document);
    notices_configure(o->notices, document);
    bot_configure(o->bot, document);
    engine_configure(o->engine, document, (unsigned)o->w->config->offer_ms);
    retention_set(o->op, document);
    hooks_configure(o->hooks, document);
    host_operation_apply(o->w->host, o->op, text);
    coding_configure(o->w, o->op, document);
    json_decref(document);
    store_document_loaded(o->op);
    log_event(LOG_DEBUG, "operation.configured", log_str("operation", store_op_name(o->op)));
}

static void on_event(void *arg, const struct store_event *ev)
{
    struct worker_op *o = arg;
    log_event(LOG_DEBUG, "operation.event", log_str("operation", store_op_name(o->op)),
              log_int("kind", ev ? (int)ev->kind : -1), log_str("why", ev ? ev->why : "some were missed"));
    if (!ev || ev->kind == STORE_EV_CONFIG)
        op_configure(o);
    engine_event(o->engine, ev);
    bot_event(o->bot, ev);
    hooks_wake(o->hooks);
    if (ev && ev->opened && engine_held(o->engine)) /* one node's matter */
        notice_opened(o->notices, ev->opened);
}

static void on_nobody(void *arg, struct store_op *op, const struct store_thread *t)
{
    (void)op;
    notice_nobody(((struct worker_op *)arg)->notices, t);
}

static void on_away(void *arg, struct store_op *op, const struct store_thread *t, int64_t since_ms)
{
    struct worker_op *o = arg;
    (void)op;
    notice_away(o->notices, engine_hours(o->engine), t, since_ms);
}

static struct worker_op *op_of(struct worker *w, const struct store_op *op)
{
    for (struct list *at = w->ops.next; at != &w->ops; at = at->next) {
        struct worker_op *o = container_of(at, struct worker_op, node);
        if (o->op == op)
            return o;
    }
    return NULL;
}

void worker_stored(void *arg, struct store_op *op, const struct store_inbound *in,
                   const struct store_ingested *r)
{
    struct worker_op *o = op_of(arg, op);
    if (o)
        wishes_message(o->wishes, in, r);
}

bool worker_staff(void *arg, struct store_op *op, const char *channel, struct slice address,
                  struct slice text, void (*done)(void *done_arg, bool ok), void *done_arg)
{
    struct worker_op *o = op_of(arg, op);
    return o && alerts_reply(o->alerts, channel, address, text, done, done_arg);
}

struct slice worker_closed(void *arg, struct store_op *op, const char *channel, const char *language)
{
    struct worker_op *o = op_of(arg, op);
    return o ? notice_closed(o->notices, engine_hours(o->engine), channel, language) : SLICE("");
}

static void op_attach(struct worker *w, struct store_op *op)
{
    struct worker_op *o = mem_alloc(sizeof *o);
    o->w = w;
    o->op = op;
    o->engine = engine_new(
        &(struct engine_config){.loop = w->loop, .op = op, .nobody = on_nobody, .away = on_away, .arg = o});
    o->notices = notices_new(w, op);
    o->wishes = wishes_new(op, o->notices, o->engine);
    o->bot = bot_new(w, op);
    o->alerts = alerts_new(w, op);
    o->hooks = hooks_attach(w->hooks, op);
    list_push(&w->ops, &o->node);
    op_configure(o);
    o->listener = store_listen(op, on_event, o);
    store_callback_timers(op);
    store_audit_sealer_start(op);
    store_blob_sweep_start(op);
    log_event(LOG_INFO, "operation.open", log_str("operation", store_op_name(op)));
}

void worker_detach(struct worker_op *o)
{
    if (o->listener)
        store_unlisten(&o->listener);
    wishes_free(&o->wishes, &o->w->wishes_gone);
    bot_free(&o->bot);
    engine_free(&o->engine);
    notices_free(&o->notices);
    alerts_free(&o->alerts);
    host_operation_gone(o->w->host, o->op);
    decide_operation_gone(o->w->decide, o->op);
    hooks_detach(&o->hooks);
    list_del(&o->node);
    mem_free(o);
}

void worker_scan(struct worker *w)
{
    for (struct list *at = w->ops.next, *next; at != &w->ops; at = next) {
        struct worker_op *o = container_of(at, struct worker_op, node);
        next = at->next;
        if (store_op_find(w->store, slice_str(store_op_name(o->op))) != o->op)
            worker_detach(o);
    }
    struct store_op *op;
    for (size_t i = 0; (op = store_op_at(w->store, i)) != NULL; i++) {
        if (!op_of(w, op) && store_op_find(w->store, slice_str(store_op_name(op))) == op)
            op_attach(w, op);
    }
}
