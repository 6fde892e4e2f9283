/* SPDX-License-Identifier: Apache-2.0
 * HTTP for connectors: which guard a URL passes, files of ours as parts, and what is kept beside the message.
 */
#include "gateway/host/host_internal.h"
#include <string.h>
#include <strings.h>

#define FETCH_HEADERS 64u

/* ---- where to ---- */

/* "example.org" of "https://example.org:443/x"; empty when there is none. */
static struct slice host_of(struct slice url)
{
    const char *p = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
    if (!p)
        return slice_str(NULL);
    const char *from = p + 3, *end = url.p + url.n;
    size_t n = 0;
    while (from + n < end && !strchr("/:?#@", from[n]))
        n++;
    return slice_of(from, n);
}

bool egress_allows(const struct host *h, struct slice url)
{
    struct slice host = host_of(url);
    for (size_t i = 0; h->cf.egress[i]; i++) {
        const char *want = h->cf.egress[i];
        size_t len = strlen(want);
        if (slice_is_nocase(host, want))
            return true;
        if (want[0] == '*' && host.n >= len &&
            slice_is_nocase(slice_of(host.p + host.n - (len - 1), len - 1), want + 1))
            return true;
    }
    return !h->cf.egress[0];
}

/* "https://example.org:8443" */
static size_t origin_length(struct slice url)
{
    const char *p = memmem(url.p, url.n, "://", 3);
    size_t n = p ? (size_t)(p - url.p) + 3 : url.n;
    while (n < url.n && !strchr("/?#", url.p[n]))
        n++;
    return n;
}

/* Is it where one of the channel's settings points to? Those were judged when they were set. */
static bool by_setting(const struct channel *ch, struct slice url)
{
    size_t n = url.n ? origin_length(url) : 0;
    for (const struct connector_setting *s = ch->plugin->settings; n && s->name; s++) {
        if (s->type != CONNECTOR_S_URL)
            continue;
        struct slice want = slice_str(settings_get(&ch->settings, ch->plugin, s->name));
        if (want.n && origin_length(want) == n && strncasecmp(want.p, url.p, n) == 0)
            return true;
    }
    return false;
}

/* ---- one fetch ---- */

struct transfer {
    struct host_call call;
    struct arena *a;
    struct fetch *f;
    struct fetch_request rq;
    struct fetch_part *parts;
    size_t loading; /* files that are still read */
    int failed;     /* why one of them can't be */
    const char **headers;
    struct wire_about about;
    char *request; /* for the log */
    void (*done)(void *arg, const struct connector_fetched *r);
    void *arg;
};

static void transfer_free(struct transfer *t)
{
    arena_free(&t->a);
    mem_free(t->request);
    mem_free(t);
}

static void transfer_cancel(struct host_call *call)
{
    struct transfer *t = container_of(call, struct transfer, call);
    struct connector_fetched r = {.size = sizeof(r), .error = CONNECTOR_ECANCELLED, .maybe_sent = true};
    t->done(t->arg, &r);
    if (t->f)
        fetch_cancel(t->f);
}

static void told(struct transfer *t, const struct connector_fetched *r)
{
    if (host_call_end(&t->call))
        t->done(t->arg, r);
    transfer_free(t);
}

static void headers_of(struct transfer *t, const struct fetch_response *r, struct connector_fetched *out)
{
    size_t n = r->headers < FETCH_HEADERS ? r->headers : FETCH_HEADERS;
    struct connector_header *h = arena_alloc(t->a, n * sizeof(*h) + 1);
    for (size_t i = 0; i < n; i++) {
        struct slice value = r->header_lines[i], name;
        if (!slice_next(&value, ':', &name) || !value.p)
            continue;
        char *lower = arena_dup(t->a, name.p, name.n);
        for (char *p = lower; *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        value = slice_trim(value);
        h[out->headers_n++] = (struct connector_header){lower, arena_dup(t->a, value.p, value.n)};
    }
    out->headers = h;
}

static int code_of(int err)
{
    switch (-err) {
    case ERR_FORBIDDEN:
    case ERR_INVALID:
        return CONNECTOR_EINVALID;
    case ERR_TOO_LARGE:
        return CONNECTOR_ELIMIT;
    default:
        return CONNECTOR_EAWAY;
    }
}

static void on_response(const struct fetch_response *r, void *arg)
{
    struct transfer *t = arg;
    struct connector_fetched out = {.size = sizeof(out), .status = r->status};
    if (t->call.ch && t->about.set)
        wire_log(t->call.ch, &t->about, t->request, r);
    if (r->err) {
        out.error = code_of(r->err);
        out.maybe_sent = r->maybe_sent;
        out.why.code = out.error;
        size_t n = r->error ? strlen(r->error) : 0;
        if (n)
            memcpy(out.why.text, r->error, n < sizeof(out.why.text) ? n : sizeof(out.why.text) - 1);
    } else {
        out.body = bytes_from(r->body);
        headers_of(t, r, &out);
    }
    told(t, &out);
}

static void refuse(void *arg)
{
    struct transfer *t = arg;
    struct connector_fetched r = {.size = sizeof(r), .error = t->failed, .why = {.code = t->failed}};
    memcpy(r.why.text, "the request was refused here", 29);
    told(t, &r);
}

static void go(struct transfer *t)
{
    if (t->failed) {
        loop_defer(t->call.ch->o->h->loop, refuse, t);
        return;
    }
    t->f = fetch_start(t->call.ch->o->h->cf.fetcher, &t->rq, on_response, t);
}

/* ---- parts ---- */

struct part_load {
    struct transfer *t;
    size_t i;
};

static void on_file(void *arg, int err, struct connector_bytes bytes)
{
    struct part_load *p = arg;
    struct transfer *t = p->t;
    if (err)
        t->failed = err;
    else
        t->parts[p->i].bytes = arena_slice(t->a, slice_from(bytes));
    mem_free(p);
    if (--t->loading)
        return;
    if (t->call.ch)
        go(t);
    else
        transfer_free(t); /* cancelled meanwhile, and told so */
}

static void take_parts(struct channel *ch, struct transfer *t, const struct connector_fetch *f)
{
    t->parts = arena_alloc(t->a, (f->parts_n + 1) * sizeof(*t->parts));
    for (size_t i = 0; i < f->parts_n; i++) {
        const struct connector_part *from = &f->parts[i];
        t->parts[i] =
            (struct fetch_part){.name = arena_strdup(t->a, from->name),
                                .filename = from->filename ? arena_strdup(t->a, from->filename) : NULL,
                                .type = from->type ? arena_strdup(t->a, from->type) : NULL,
                                .bytes = arena_slice(t->a, slice_from(from->bytes))};
        if (!from->blob)
            continue;
        struct part_load *p = mem_alloc(sizeof(*p));
        *p = (struct part_load){t, i};
        t->loading++;
        ch->o->h->api.blob_read(ch, from->blob, on_file, p);
    }
    t->rq.parts = t->parts;
}

/* ---- for connectors ---- */

static bool one_line(const char *s)
{
    return s && !strpbrk(s, "\r\n");
}

static bool take(struct channel *ch, struct transfer *t, const struct connector_fetch *f)
{
    struct host *h = ch->o->h;
    struct slice url = slice_str(f->url);
    bool ours = by_setting(ch, url);
    if (!one_line(f->method) || !one_line(f->url) || f->headers_n > FETCH_HEADERS ||
        (!ours && !egress_allows(h, url)))
        return false;
    t->headers = arena_alloc(t->a, (f->headers_n + 1) * sizeof(*t->headers));
    for (size_t i = 0; i < f->headers_n; i++) {
        if (!one_line(f->headers[i].name) || !one_line(f->headers[i].value))
            return false;
        t->headers[i] = arena_printf(t->a, "%s: %s", f->headers[i].name, f->headers[i].value);
    }
    uint64_t most = h->cf.upload_max + (1u << 20);
    uint64_t want = f->max_response ? f->max_response : 1u << 20;
    t->rq =
        (struct fetch_request){.method = arena_strdup(t->a, f->method),
                               .url = arena_strdup(t->a, f->url),
                               .headers = t->headers,
                               .body = f->parts_n ? slice_str(NULL) : arena_slice(t->a, slice_from(f->body)),
                               .guard = ours ? h->guard : h->guard_media,
                               .max_response = (size_t)(want < most ? want : most),
                               .timeout_ms = f->timeout_ms,
                               /* What may have been sent is not repeated, not by curl either. */
                               .once = f->about && !(ch->capabilities & CONNECTOR_IDEMPOTENT)};
    return true;
}

static void h_fetch(void *inst, const struct connector_fetch *in,
                    void (*done)(void *arg, const struct connector_fetched *r), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct transfer *t = mem_alloc(sizeof(*t));
    struct connector_fetch f = {0};
    memcpy(&f, in, in->size < sizeof(f) ? in->size : sizeof(f));
    *t = (struct transfer){.a = arena_new(), .done = done, .arg = arg};
    host_call_begin(ch, &t->call, transfer_cancel);
    if (!take(ch, t, &f)) {
        t->failed = CONNECTOR_EINVALID;
        loop_defer(ch->o->h->loop, refuse, t);
        return;
    }
    t->about = f.about ? send_about(f.about) : (struct wire_about){0};
    if (t->about.set)
        t->request = wire_request(ch, &f);
    if (f.parts_n)
        take_parts(ch, t, &f);
    if (!t->loading)
        go(t);
}

void host_api_fetch(struct connector_host *a)
{
    a->fetch = h_fetch;
}
