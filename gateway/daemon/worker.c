/* SPDX-License-Identifier: Apache-2.0
 * Puts a worker together, keeps operations attached, takes it apart again. */
#include "gateway/daemon/worker.h"
#include "gateway/api/api.h"
#include "gateway/base/mem.h"
#include "gateway/base/metric.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/alerts.h"
#include "gateway/daemon/assets.h"
#include "gateway/daemon/backups.h"
#include "gateway/daemon/capacity.h"
#include "gateway/daemon/bot.h"
#include "gateway/daemon/coding.h"
#include "gateway/daemon/decide.h"
#include "gateway/daemon/listen.h"
#include "gateway/daemon/notice.h"
#include "gateway/daemon/office.h"
#include "gateway/daemon/process.h"
#include "gateway/daemon/supervisor.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/wishes.h"
#include "gateway/hook/hook.h"
#include "gateway/host/host.h"
#include "gateway/net/fetch.h"
#include "gateway/net/http.h"
#include "gateway/net/local.h"
#include "gateway/net/tls.h"
#include "router/engine.h"
#include "router/fold.h"
#include "store/admin.h"
#include "store/audit.h"
#include "store/blob.h"
#include "store/callback.h"
#include "store/events.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WORKER_CONFIG_MAX (1u << 20)
#define WORKER_SCAN_MS    1000
#define WORKER_RETRY_MS   2000 /* sockets are told to come back after so long */
#define WORKER_WAIT_MS    2000 /* so long connections wait for the store; then they hear why it is not there */

/* ---- operations ---- */

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

static void on_stored(void *arg, struct store_op *op, const struct store_inbound *in,
                      const struct store_ingested *r)
{
    struct worker *w = arg;
    for (struct list *at = w->ops.next; at != &w->ops; at = at->next) {
        struct worker_op *o = container_of(at, struct worker_op, node);
        if (o->op == op)
            wishes_message(o->wishes, in, r);
    }
}

static bool on_staff(void *arg, struct store_op *op, const char *channel, struct slice address,
                     struct slice text, void (*done)(void *done_arg, bool ok), void *done_arg)
{
    struct worker *w = arg;
    for (struct list *at = w->ops.next; at != &w->ops; at = at->next) {
        struct worker_op *o = container_of(at, struct worker_op, node);
        if (o->op == op)
            return alerts_reply(o->alerts, channel, address, text, done, done_arg);
    }
    return false;
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

static void op_detach(struct worker_op *o)
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
            op_detach(o);
    }
    struct store_op *op;
    for (size_t i = 0; (op = store_op_at(w->store, i)) != NULL; i++) {
        bool known = false;
        for (struct list *at = w->ops.next; at != &w->ops; at = at->next)
            known = known || container_of(at, struct worker_op, node)->op == op;
        if (!known && store_op_find(w->store, slice_str(store_op_name(op))) == op)
            op_attach(w, op);
    }
}

static void on_scan(void *arg)
{
    struct worker *w = arg;
    if (w->draining)
        return;
    if (w->was_ready)
        worker_scan(w);
    timer_start(w->scan, WORKER_SCAN_MS);
}

/* ---- readiness ---- */

bool worker_ready(struct worker *w, const char **why)
{
    const char *store_why = NULL;
    if (w->draining) {
        *why = "stopping";
        return false;
    }
    if (w->store && store_ready(w->store, &store_why))
        return true;
    *why = store_why && *store_why ? store_why : *w->why ? w->why : "the store is not open yet";
    return false;
}

static void serve(void *arg);

static void on_store_state(void *arg, bool ready, const char *why)
{
    struct worker *w = arg;
    snprintf(w->why, sizeof w->why, "%s", ready || !why ? "" : why);
    metric_set(metric_gauge("parley_ready", "1 when messages can be stored.", ""), ready);
    if (!ready || w->draining)
        return;
    if (!w->was_ready) {
        w->was_ready = true;
        worker_scan(w);
        serve(w);
        first_ready(w);
    }
}

/* ---- the end ---- */

static void part_drained(void *arg)
{
    struct worker *w = arg;
    if (--w->parts == 0)
        loop_stop(w->loop);
}

static void drain(struct worker *w)
{
    if (w->draining)
        return;
    w->draining = true;
    unsigned grace = (unsigned)w->config->drain_ms;
    log_event(LOG_INFO, "worker.draining");
    w->parts = 2;
    if (w->admin)
        local_server_free(&w->admin);
    api_drain(w->api, WORKER_RETRY_MS);
    if (w->http)
        http_server_drain(w->http, grace, part_drained, w);
    else
        loop_defer(w->loop, part_drained, w);
    host_drain(w->host, grace, part_drained, w);
}

static void on_signal(int signum, void *arg)
{
    (void)signum;
    drain(arg);
}

/* ---- the supervisor ---- */

static void on_control(void *arg)
{
    struct worker *w = arg;
    char bytes[4096];
    ssize_t n = read(WORKER_FD_CONTROL, bytes, sizeof bytes);
    if (n == 0)
        _exit(
            0); /* the supervisor is gone, and the embedded store with it: what was acknowledged is on disk */
    if (n < 0 || buf_add(&w->heard, bytes, (size_t)n) != 0)
        return;
    char *end;
    while (w->heard.n && (end = memchr(w->heard.p, '\n', w->heard.n)) != NULL) {
        mem_free(w->children);
        w->children = slice_dup(slice_of(w->heard.p, (size_t)(end - w->heard.p)));
        buf_drop_front(&w->heard, (size_t)(end - w->heard.p) + 1);
    }
}

/* ---- the beginning ---- */

static struct config *config_take(void)
{
    struct buf text, problems;
    struct config *c = NULL;
    buf_init(&text, WORKER_CONFIG_MAX);
    buf_init(&problems, 65536);
    ssize_t n = 1;
    while (n > 0) {
        char *room = buf_reserve(&text, 8192);
        n = room ? read(WORKER_FD_CONFIG, room, 8192) : -1;
        if (n > 0)
            buf_commit(&text, (size_t)n);
    }
    close(WORKER_FD_CONFIG);
    if (n == 0)
        c = config_parse(buf_view(&text), "(supervisor)", "/", process_top(), &problems);
    if (!c)
        fprintf(stderr, "%s", problems.n ? problems.p : "no settings\n");
    buf_clear(&text);
    buf_clear(&problems);
    return c;
}

static char *joined(char *const *list)
{
    struct buf b;
    buf_init(&b, 1u << 16);
    for (size_t i = 0; list[i]; i++) {
        buf_str(&b, i ? "," : "");
        buf_str(&b, list[i]);
    }
    return b.n ? buf_take(&b, NULL) : NULL;
}

static const char *if_there(const char *path)
{
    return *path && access(path, R_OK) == 0 ? path : NULL;
}

static void api_list(void *ctx, struct store_op *op, struct buf *out)
{
    host_channels_json(((struct worker *)ctx)->host, op, out);
}

static bool api_info(void *ctx, struct store_op *op, const char *channel, struct api_channel *out)
{
    struct host_channel_info i;
    if (!host_channel_info(((struct worker *)ctx)->host, op, channel, &i) || strcmp(i.state, "disabled") == 0)
        return false;
    *out = (struct api_channel){.pull = i.pull,
                                .capabilities = i.capabilities,
                                .choices_max = i.limits.choices_max,
                                .files_max = i.limits.files_max,
                                .file_bytes_max = i.limits.file_bytes_max};
    return true;
}

static struct slice own_text(void *arg, const char *tag, const char *key)
{
    return texts_get(((struct worker *)arg)->texts, slice_str(tag), slice_str(key));
}

static void decide_one(void *arg, struct store_op *op, const struct host_said *said,
                       const struct store_known *known, struct store_inbound *in, struct arena *a)
{
    decide_message(((struct worker *)arg)->decide, op, said, known, in, a);
}

static bool same_words(void *arg, struct slice a, struct slice b)
{
    (void)arg;
    return fold_is(a, b);
}

static int open_host(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    struct host_config hc = {.loop = w->loop,
                             .store = w->store,
                             .fetcher = w->fetcher,
                             .plugin_dir = c->plugin_dir,
                             .pages_dir = if_there(c->chat_dir),
                             .public_url = c->public_url,
                             .allow_private = (const char *const *)c->allow_private,
                             .egress = (const char *const *)c->egress,
                             .origins = (const char *const *)c->origins,
                             .router = {.arg = w,
                                        .decide = decide_one,
                                        .stored = on_stored,
                                        .staff = on_staff,
                                        .same = same_words,
                                        .text = own_text},
                             .text_max = (size_t)c->limits.text,
                             .attachments_max = (size_t)c->limits.attachments,
                             .body_max = (size_t)c->limits.body,
                             .upload_max = (uint64_t)c->limits.upload,
                             .json_depth = (unsigned)c->limits.json_depth,
                             .reopen_hours = (unsigned)c->reopen_hours};
    w->host = host_new(&hc, e);
    return w->host ? 0 : -e->code;
}

static int open_hooks(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    struct hooks_config hc = {.loop = w->loop,
                              .store = w->store,
                              .allow_private = (const char *const *)c->allow_private,
                              .egress = (const char *const *)c->egress,
                              .retry_ms = (unsigned)c->webhook_retry_ms,
                              .give_up_s = (unsigned)c->webhook_give_up_s};
    w->hooks = hooks_new(&hc, e);
    return w->hooks ? 0 : -e->code;
}

static void api_hook_test(void *ctx, struct store_op *op, const char *id,
                          void (*done)(void *arg, const struct err *e, int status, unsigned ms,
                                       const char *error),
                          void *arg)
{
    hooks_test(((struct worker *)ctx)->hooks, op, id, done, arg);
}

static int open_api(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    struct api_config ac = {.loop = w->loop,
                            .store = w->store,
                            .web_dir = if_there(c->web_dir),
                            .openapi_dir = if_there(c->openapi),
                            .public_url = c->public_url,
                            .channels = {.ctx = w, .list = api_list, .info = api_info},
                            .webhooks = {.ctx = w, .test = api_hook_test},
                            .admin = office_admin(w),
                            .origins = (const char *const *)c->origins,
                            .session_idle_s = (unsigned)c->session_idle_s,
                            .upload_max = (uint64_t)c->limits.upload,
                            .second = strcmp(c->second_factor, "off") == 0       ? API_SECOND_OFF
                                      : strcmp(c->second_factor, "offered") == 0 ? API_SECOND_OFFERED
                                                                                 : API_SECOND_REQUIRED,
                            .trust_days = (unsigned)c->trusted_device_days};
    w->api = api_new(&ac, e);
    return w->api ? 0 : -e->code;
}

/* Takes connections. Until the store is there they wait in the socket's queue, so that a worker that takes
 * another's place is not seen; but not for long, since somebody may want to know why it is not there. */
static void serve(void *arg)
{
    struct worker *w = arg;
    const struct config *c = w->config;
    struct err e = {0};
    if (w->http || w->draining)
        return;
    char *proxies = joined(c->trusted_proxies);
    struct http_config hc = {.route = worker_route,
                             .arg = w,
                             .tls = w->tls,
                             .max_connections = (size_t)c->limits.connections,
                             .max_header = (size_t)c->limits.header,
                             .trusted_proxies = proxies,
                             .https = strncmp(c->public_url, "https://", 8) == 0};
    w->http = http_server_new(w->loop, &hc, WORKER_FD_LISTEN, &e);
    mem_free(proxies);
    if (!w->http || write(WORKER_FD_CONTROL, "u", 1) != 1) {
        log_event(LOG_ERROR, "worker.serve", log_err(&e));
        _exit(1); /* the supervisor tries again */
    }
}

static int open_doors(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    if (*c->tls_cert && !(w->tls = tls_server_new(c->tls_cert, c->tls_key, e)))
        return -e->code;
    w->patience = timer_new(w->loop, serve, w);
    timer_start(w->patience, WORKER_WAIT_MS);
    w->admin = admin_open(w, WORKER_FD_ADMIN, e);
    return w->admin ? 0 : -e->code;
}

static int open_all(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    w->loop = loop_new();
    w->fetcher = fetcher_new(w->loop, 32);
    w->texts = texts_load(c->texts_dir, e);
    if (!w->texts)
        return -e->code;
    texts_chat(w->texts, c->chat_dir);
    w->decide = decide_new(c->model, e);
    if (!w->decide)
        return -e->code;
    w->assets = assets_load(c->chat_dir);
    struct store_config sc = {.loop = w->loop,
                              .data_url = c->redis_url,
                              .keys_url = c->keys_url,
                              .dir = c->data_dir,
                              .master_key_command = *c->master_key_command ? c->master_key_command : NULL,
                              .unsafe_redis = c->unsafe_redis,
                              .blob_low_water = (uint64_t)c->disk_low_mb << 20,
                              .state = on_store_state,
                              .arg = w};
    w->store = store_open(&sc, e);
    if (!w->store || open_hooks(w, e) != 0 || open_host(w, e) != 0 || open_api(w, e) != 0 ||
        open_doors(w, e) != 0)
        return -e->code;
    w->scan = timer_new(w->loop, on_scan, w);
    timer_start(w->scan, WORKER_SCAN_MS);
    w->capacity = capacity_open(w);
    w->backups = backups_open(w);
    w->control = loop_watch(w->loop, WORKER_FD_CONTROL, on_control, w);
    loop_on_signal(w->loop, SIGTERM, on_signal, w);
    return 0;
}

static void close_all(struct worker *w)
{
    while (!list_empty(&w->ops))
        op_detach(container_of(w->ops.next, struct worker_op, node));
    capacity_close(&w->capacity);
    backups_close(&w->backups);
    timer_free(&w->scan);
    timer_free(&w->patience);
    loop_unwatch(&w->control);
    http_server_free(&w->http);
    api_free(&w->api);
    host_free(&w->host);
    hooks_free(&w->hooks);
    store_close(&w->store);
    wishes_end(&w->wishes_gone);
    fetcher_free(&w->fetcher);
    tls_server_free(&w->tls);
    decide_free(&w->decide);
    assets_free(&w->assets);
    texts_free(&w->texts);
    loop_free(&w->loop);
    buf_clear(&w->heard);
    mem_free(w->children);
    config_free(&w->config);
}

int worker_run(unsigned slot, bool greet)
{
    struct worker *w = mem_alloc(sizeof *w);
    struct err e = {0};
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    prctl(PR_SET_NAME, "parleyd"); /* it was started as /proc/self/exe */
    w->slot = slot;
    w->greet = greet;
    list_init(&w->ops);
    buf_init(&w->heard, 65536);
    w->config = config_take();
    if (!w->config)
        return 1;
    process_log(w->config);
    listen_name(WORKER_FD_LISTEN, w->listen, sizeof w->listen);
    if (open_all(w, &e) != 0) {
        log_event(LOG_ERROR, "worker.open", log_err(&e));
        _exit(1); /* half of it is open; the supervisor tries again */
    }
    loop_run(w->loop);
    close_all(w);
    mem_free(w);
    log_event(LOG_INFO, "worker.stopped");
    return 0;
}
