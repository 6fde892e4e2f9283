/* SPDX-License-Identifier: Apache-2.0
 * HTTP client: libcurl's multi interface on the loop. Connections are pooled by guard, so that none that a
 * generous guard opened is used for a request under a strict one. */
#include "gateway/net/fetch.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <curl/curl.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define RESPONSE_MAX       (1u << 20)
#define HEADERS_MAX        100
#define HEADER_BYTES_MAX   65536
#define TIMEOUT_MS         30000
#define CONNECT_TIMEOUT_MS 10000

struct fetcher {
    struct loop *loop;
    struct list pools;
    unsigned max_connections_per_host;
};

struct pool { /* the connections of one guard */
    struct list node;
    struct fetcher *f;
    const struct guard *guard;
    CURLM *multi;
    uv_timer_t timer;
    struct list fetches;
    bool busy; /* inside curl, or telling what is done */
    bool closing;
};

struct watched { /* a socket that curl wants to hear of */
    uv_poll_t poll;
    struct pool *pool;
    curl_socket_t fd;
};

struct fetch {
    struct list node;
    struct pool *pool;
    CURL *easy;
    struct curl_slist *headers;
    curl_mime *mime;
    struct buf body;
    struct slice lines[HEADERS_MAX];
    struct arena *arena; /* of the header lines */
    size_t lines_n, header_bytes, sent_n;
    bool refused, too_large, cancelled, bad_url;
    bool deferred; /* on_deferred_end is going to look at it */
    char error[CURL_ERROR_SIZE], refusal[160];
    void (*done)(const struct fetch_response *r, void *arg);
    void *arg;
    int64_t began_us;
};

/* ---- ending ---- */

static void fetch_destroy(struct fetch *x)
{
    list_del(&x->node);
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    curl_mime_free(x->mime);
    buf_clear(&x->body);
    arena_free(&x->arena);
    x->pool = NULL;
    if (!x->deferred)
        mem_free(x);
}

static int error_of(const struct fetch *x, CURLcode code)
{
    if (x->cancelled)
        return -ERR_CANCELLED;
    if (x->bad_url)
        return -ERR_INVALID;
    if (x->refused)
        return -ERR_FORBIDDEN;
    if (x->too_large)
        return -ERR_TOO_LARGE;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return -ERR_TIMEOUT;
    return -ERR_UNAVAILABLE;
}

/* For people: never curl's own text with the URL's query in it. */
static const char *error_text(const struct fetch *x, CURLcode code)
{
    if (x->cancelled)
        return "cancelled";
    if (x->bad_url)
        return x->refusal;
    if (x->refused)
        return "this address is not allowed";
    if (x->too_large)
        return "the answer is too large";
    return curl_easy_strerror(code);
}

/* The peer may have the whole request once all of the body has left. */
static bool maybe_sent(const struct fetch *x)
{
    long request = 0;
    curl_off_t upload = 0;
    curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &request);
    curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &upload);
    return request > 0 && (x->mime || (size_t)upload >= x->sent_n);
}

static void fetch_tell(struct fetch *x, CURLcode code)
{
    long status = 0;
    struct fetch_response r = {
        .headers = x->lines_n, .header_lines = x->lines, .us = time_mono_us() - x->began_us, .error = ""};
    if (code == CURLE_OK && !x->cancelled && !x->bad_url) {
        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
        r.status = (int)status;
        r.body = buf_view(&x->body);
    } else {
        r.err = error_of(x, code);
        r.error = error_text(x, code);
        r.maybe_sent = !x->bad_url && !x->refused && maybe_sent(x);
    }
    x->done(&r, x->arg);
}

static void fetch_end(struct fetch *x, CURLcode code)
{
    curl_multi_remove_handle(x->pool->multi, x->easy);
    list_del(&x->node);
    fetch_tell(x, code);
    fetch_destroy(x);
}

static void pool_check(struct pool *p)
{
    CURLMsg *m;
    int left;
    if (p->busy)
        return;
    p->busy = true;
    while (!p->closing && (m = curl_multi_info_read(p->multi, &left))) {
        struct fetch *x = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        fetch_end(x, code);
    }
    p->busy = false;
}

/* ---- curl's sockets and timer on the loop ---- */

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct watched *w = container_of(poll, struct watched, poll);
    struct pool *p = w->pool;
    int running, what = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    curl_multi_socket_action(p->multi, w->fd, what, &running);
    pool_check(p);
}

static void on_watched_closed(uv_handle_t *h)
{
    mem_free(container_of((uv_poll_t *)(void *)h, struct watched, poll));
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct pool *p = arg;
    struct watched *w = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            curl_multi_assign(p->multi, fd, NULL);
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, on_watched_closed);
        }
        return 0;
    }
    if (!w) {
        w = mem_alloc(sizeof(*w));
        w->pool = p;
        w->fd = fd;
        if (uv_poll_init_socket(loop_uv(p->f->loop), &w->poll, fd) != 0) {
            mem_free(w);
            return -1;
        }
        curl_multi_assign(p->multi, fd, w);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&w->poll, events, on_socket_ready);
    return 0;
}

static void on_timer(uv_timer_t *t)
{
    struct pool *p = container_of(t, struct pool, timer);
    int running;
    curl_multi_socket_action(p->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    pool_check(p);
}

/* curl may not be called from in here: even "now" waits for the loop. */
static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    struct pool *p = arg;
    (void)multi;
    if (ms < 0)
        uv_timer_stop(&p->timer);
    else
        uv_timer_start(&p->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

/* ---- the transfer ---- */

/* The guard's place: this is the address that is connected to, after every redirect and every change of a
 * name. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch *x = arg;
    (void)purpose;
    if (!guard_address(x->pool->guard, &a->addr)) {
        x->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *x = arg;
    if (buf_add(&x->body, p, size * n) == 0)
        return size * n;
    x->too_large = true;
    return 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *x = arg;
    struct slice line = {p, size * n};
    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (slice_starts(line, "HTTP/")) { /* another answer begins: after a redirect or a 100 */
        x->lines_n = 0;
        return size * n;
    }
    x->header_bytes += line.n;
    if (x->header_bytes > HEADER_BYTES_MAX) {
        x->too_large = true;
        return 0;
    }
    if (line.n && x->lines_n < HEADERS_MAX)
        x->lines[x->lines_n++] = arena_slice(x->arena, line);
    return size * n;
}

struct slice fetch_header(const struct fetch_response *r, const char *lower_name)
{
    for (size_t i = 0; i < r->headers; i++) {
        struct slice value = r->header_lines[i], name;
        if (slice_next(&value, ':', &name) && slice_is_nocase(name, lower_name))
            return slice_trim(value);
    }
    return (struct slice){0, 0};
}

static void set_parts(struct fetch *x, const struct fetch_part *parts)
{
    x->mime = curl_mime_init(x->easy);
    for (; parts->name; parts++) {
        curl_mimepart *part = curl_mime_addpart(x->mime);
        curl_mime_name(part, parts->name);
        curl_mime_data(part, parts->bytes.p ? parts->bytes.p : "", parts->bytes.n);
        if (parts->filename)
            curl_mime_filename(part, parts->filename);
        if (parts->type)
            curl_mime_type(part, parts->type);
    }
    curl_easy_setopt(x->easy, CURLOPT_MIMEPOST, x->mime);
}

static void set_body(struct fetch *x, const struct fetch_request *rq)
{
    bool plain = strcmp(rq->method, "GET") == 0 && !rq->body.n && !rq->parts;
    if (rq->parts)
        set_parts(x, rq->parts);
    else if (strcmp(rq->method, "HEAD") == 0)
        curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
    else if (!plain) {
        x->sent_n = rq->body.n;
        curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body.n);
        curl_easy_setopt(x->easy, CURLOPT_COPYPOSTFIELDS, rq->body.p ? rq->body.p : "");
    }
    if (!plain)
        curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, rq->method);
}

static void set_headers(struct fetch *x, const struct fetch_request *rq)
{
    for (const char *const *h = rq->headers; h && *h; h++)
        x->headers = curl_slist_append(x->headers, *h);
    x->headers = curl_slist_append(x->headers, "Expect:"); /* no waiting for a 100 */
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_limits(struct fetch *x, const struct fetch_request *rq)
{
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)(rq->timeout_ms ? rq->timeout_ms : TIMEOUT_MS));
    curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(rq->connect_timeout_ms ? rq->connect_timeout_ms : CONNECT_TIMEOUT_MS));
    curl_easy_setopt(x->easy, CURLOPT_FOLLOWLOCATION, rq->max_redirects ? 1L : 0L);
    curl_easy_setopt(x->easy, CURLOPT_MAXREDIRS, (long)rq->max_redirects);
    if (rq->once) { /* curl repeats a request by itself when a kept connection was dead */
        curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
    }
}

static void set_up(struct fetch *x, const struct fetch_request *rq)
{
    curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
    curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(x->easy, CURLOPT_PROXY, ""); /* a proxy of the environment would get round the guard */
    curl_easy_setopt(x->easy, CURLOPT_USERAGENT, "Parley");
    curl_easy_setopt(x->easy, CURLOPT_URL, rq->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(x->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    curl_easy_setopt(x->easy, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, x);
    set_body(x, rq);
    set_headers(x, rq);
    set_limits(x, rq);
}

/* ---- pools ---- */

static struct pool *pool_of(struct fetcher *f, const struct guard *g)
{
    for (struct list *l = f->pools.next; l != &f->pools; l = l->next) {
        struct pool *p = container_of(l, struct pool, node);
        if (p->guard == g)
            return p;
    }
    struct pool *p = mem_alloc(sizeof(*p));
    p->f = f;
    p->guard = g;
    list_init(&p->fetches);
    list_push(&f->pools, &p->node);
    uv_timer_init(loop_uv(f->loop), &p->timer);
    p->multi = curl_multi_init();
    err_assert(p->multi);
    curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
    curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
    if (f->max_connections_per_host)
        curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)f->max_connections_per_host);
    return p;
}

static void on_pool_closed(uv_handle_t *h)
{
    mem_free(container_of((uv_timer_t *)(void *)h, struct pool, timer));
}

static void pool_close(struct pool *p)
{
    p->closing = true;
    while (!list_empty(&p->fetches)) {
        struct fetch *x = container_of(p->fetches.next, struct fetch, node);
        x->cancelled = true;
        fetch_end(x, CURLE_ABORTED_BY_CALLBACK);
    }
    curl_multi_cleanup(p->multi);
    list_del(&p->node);
    uv_timer_stop(&p->timer);
    uv_close((uv_handle_t *)&p->timer, on_pool_closed);
}

struct fetcher *fetcher_new(struct loop *l, unsigned max_connections_per_host)
{
    static bool ready;
    if (!ready)
        curl_global_init(CURL_GLOBAL_DEFAULT);
    ready = true;
    struct fetcher *f = mem_alloc(sizeof(*f));
    f->loop = l;
    f->max_connections_per_host = max_connections_per_host;
    list_init(&f->pools);
    return f;
}

void fetcher_free(struct fetcher **f)
{
    if (!*f)
        return;
    while (!list_empty(&(*f)->pools))
        pool_close(container_of((*f)->pools.next, struct pool, node));
    mem_clear(f);
}

/* ---- starting and cancelling ---- */

/* For what never got to curl, or was taken away from it: the callback never comes from inside a call. */
static void on_deferred_end(void *arg)
{
    struct fetch *x = arg;
    x->deferred = false;
    if (!x->pool) { /* the fetcher went first, and has told it */
        mem_free(x);
        return;
    }
    list_del(&x->node);
    fetch_tell(x, CURLE_ABORTED_BY_CALLBACK);
    fetch_destroy(x);
}

static void end_later(struct fetch *x)
{
    x->deferred = true;
    loop_defer(x->pool->f->loop, on_deferred_end, x);
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *rq,
                          void (*done)(const struct fetch_response *r, void *arg), void *arg)
{
    struct fetch *x = mem_alloc(sizeof(*x));
    struct err e = {0};
    err_assert(rq->guard);
    x->pool = pool_of(f, rq->guard);
    x->easy = curl_easy_init();
    x->arena = arena_new();
    x->done = done;
    x->arg = arg;
    x->began_us = time_mono_us();
    err_assert(x->easy);
    buf_init(&x->body, rq->max_response ? rq->max_response : RESPONSE_MAX);
    list_push(&x->pool->fetches, &x->node);
    if (!guard_url(rq->guard, slice_str(rq->url), &e)) {
        x->bad_url = true;
        memcpy(x->refusal, e.text, sizeof(x->refusal) - 1);
        end_later(x);
        return x;
    }
    set_up(x, rq);
    if (curl_multi_add_handle(x->pool->multi, x->easy) != CURLM_OK) {
        x->cancelled = true;
        end_later(x);
    }
    return x;
}

void fetch_cancel(struct fetch *x)
{
    if (x->cancelled || x->bad_url)
        return;
    x->cancelled = true;
    curl_multi_remove_handle(x->pool->multi, x->easy);
    end_later(x);
}
