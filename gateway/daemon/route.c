/* SPDX-License-Identifier: Apache-2.0
 * Where a request goes: our own few paths, then the connectors' doors, then the API and its pages. */
#include "gateway/api/api.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/metric.h"
#include "gateway/daemon/assets.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "gateway/net/http.h"
#include "store/user.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD(name, value)                                                                                    \
    {                                                                                                        \
        name,                                                                                                \
        {                                                                                                    \
            value, sizeof(value) - 1                                                                         \
        }                                                                                                    \
    }
static const struct http_head no_store[] = {
    HEAD("content-type", "application/json"), HEAD("cache-control", "no-store"), {0}};

static void healthz(struct http_req *rq, void *arg)
{
    (void)arg;
    http_reply(rq, 200, no_store, SLICE("{\"alive\":true}"));
}

static void readyz(struct http_req *rq, void *arg)
{
    const char *why = "";
    if (worker_ready(arg, &why)) {
        http_reply(rq, 200, no_store, SLICE("{\"ready\":true}"));
        return;
    }
    struct buf b;
    buf_init(&b, 4096);
    buf_str(&b, "{\"ready\":false,\"why\":");
    buf_json_str(&b, slice_str(why));
    buf_char(&b, '}');
    http_reply(rq, 503, no_store, b.err ? SLICE("{\"ready\":false}") : buf_view(&b));
    buf_clear(&b);
}

/* ---- metrics ---- */

static void metrics_write(struct http_req *rq, struct worker *w)
{
    static const struct http_head heads[] = {HEAD("content-type", "text/plain; version=0.0.4; charset=utf-8"),
                                             HEAD("cache-control", "no-store"),
                                             {0}};
    const char *why;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*u %lu", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    metric_set(metric_gauge("parley_ready", "1 when messages can be stored.", ""), worker_ready(w, &why));
    metric_set(metric_gauge("parley_agent_sockets", "Open sockets of agents.", ""),
               (double)api_sockets(w->api));
    metric_set(metric_gauge("process_resident_memory_bytes", "Resident memory of this worker.", ""),
               (double)pages * (double)sysconf(_SC_PAGESIZE));
    struct buf b;
    buf_init(&b, 8u << 20);
    metric_write(&b);
    http_reply(rq, b.err ? 500 : 200, heads, b.err ? SLICE("") : buf_view(&b));
    buf_clear(&b);
}

struct asking {
    struct http_req *rq;
    struct worker *w;
};

static void on_token(void *arg, const struct err *e, const struct store_token *t)
{
    struct asking *a = arg;
    if (e->code)
        http_problem_err(a->rq, e);
    else if (strcmp(t->role, "administrator") != 0 || t->clearance < 2)
        /* they count sealed messages as well */
        http_problem(a->rq, 403, "only an administrator's token with clearance 2 may read the metrics", NULL);
    else
        metrics_write(a->rq, a->w);
    mem_free(a);
}

/* From this machine, or with an administrator's token of clearance 2. A proxy on this machine makes everybody
 * look local: what it forwards is not. */
static void metrics(struct http_req *rq, void *arg)
{
    struct worker *w = arg;
    struct slice auth = http_req_header(rq, "authorization");
    bool forwarded = http_req_header(rq, "x-forwarded-for").n || http_req_header(rq, "forwarded").n ||
                     http_req_header(rq, "via").n;
    if (slice_starts(auth, "Bearer ")) {
        struct asking *a = mem_alloc(sizeof *a);
        *a = (struct asking){rq, w};
        store_token_check(w->store, slice_trim(slice_of(auth.p + 7, auth.n - 7)), on_token, a);
    } else if (http_req_loopback(rq) && !forwarded) {
        metrics_write(rq, w);
    } else {
        http_problem(rq, 403, "metrics are told to this machine, or to an administrator's token", NULL);
    }
}

/* ---- the rest ---- */

static void away(struct http_req *rq, void *arg)
{
    static const struct http_head heads[] = {
        HEAD("retry-after", "2"), HEAD("content-type", "application/problem+json"), {0}};
    (void)arg;
    http_reply(rq, 503, heads,
               SLICE("{\"type\":\"about:blank\",\"title\":\"Service "
                     "Unavailable\",\"status\":503,\"detail\":\"stopping\"}"));
}

static void asset(struct http_req *rq, void *arg)
{
    assets_serve(((struct worker *)arg)->assets, rq);
}

/* Which door, and no more of the path: what follows can be a secret. */
static void log_door(enum http_method m, struct slice path)
{
    static const char *const doors[] = {"healthz", "readyz", "metrics", "hooks",
                                        "chat",    "ws",     "files",   "api"};
    struct slice rest = slice_of(path.p + 1, path.n ? path.n - 1 : 0), first = SLICE("");
    const char *door = "pages";
    slice_next(&rest, '/', &first);
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++)
        door = slice_is(first, doors[i]) ? doors[i] : door;
    log_event(LOG_DEBUG, "http.request", log_str("door", door), log_int("method", m));
}

struct http_route worker_route(struct http_req *rq, void *arg)
{
    static const struct {
        const char *path;
        void (*handler)(struct http_req *rq, void *arg);
    } own[] = {{"/healthz", healthz}, {"/readyz", readyz}, {"/metrics", metrics}};
    struct worker *w = arg;
    struct slice path = http_req_path(rq);
    enum http_method m = http_req_method(rq);
    if (log_enabled(LOG_DEBUG))
        log_door(m, path);
    if (m == HTTP_M_GET || m == HTTP_M_HEAD) {
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
            if (slice_is(path, own[i].path))
                return (struct http_route){.handler = own[i].handler, .arg = w};
        if (assets_mine(path))
            return (struct http_route){.handler = asset, .arg = w};
    }
    if (w->draining)
        return (struct http_route){.handler = away, .arg = w};
    if (host_route_mine(path))
        return host_route(w->host, rq);
    return api_route(w->api, rq);
}
