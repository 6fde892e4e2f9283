/* SPDX-License-Identifier: Apache-2.0
 * A worker's life: its parts opened, connections taken when the store is there, drained at the end. */
#include "gateway/daemon/worker.h"
#include "gateway/api/api.h"
#include "gateway/base/mem.h"
#include "gateway/base/metric.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/assets.h"
#include "gateway/daemon/backups.h"
#include "gateway/daemon/capacity.h"
#include "gateway/daemon/decide.h"
#include "gateway/daemon/listen.h"
#include "gateway/daemon/process.h"
#include "gateway/daemon/supervisor.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/wishes.h"
#include "gateway/daemon/worker_parts.h"
#include "gateway/hook/hook.h"
#include "gateway/host/host.h"
#include "gateway/net/fetch.h"
#include "gateway/net/http.h"
#include "gateway/net/local.h"
#include "gateway/net/tls.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WORKER_CONFIG_MAX (1u << 20)
#define WORKER_SCAN_MS    1000
#define WORKER_RETRY_MS   2000 /* sockets are told to come back after so long */
#define WORKER_WAIT_MS    2000 /* so long connections wait for the store; then they hear why it is not there */

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

/* ---- taking connections ---- */

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

static void on_scan(void *arg)
{
    struct worker *w = arg;
    if (w->draining)
        return;
    if (w->was_ready)
        worker_scan(w);
    timer_start(w->scan, WORKER_SCAN_MS);
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
    if (!w->store || worker_hooks(w, e) != 0 || worker_host(w, e) != 0 || worker_api(w, e) != 0 ||
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
        worker_detach(container_of(w->ops.next, struct worker_op, node));
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
