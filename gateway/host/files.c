/* SPDX-License-Identifier: Apache-2.0
 * Links to attachments that expire: /files/{token}, where the token names the entry and the file in it, and
 * is signed. The file's own key stays in the entry, so an erased entry takes its links along. */
#include "gateway/base/log.h"
#include "gateway/host/host_internal.h"
#include "store/blob.h"
#include <stdio.h>
#include <string.h>

#define FILES_PIECE    (256u << 10)
#define FILES_MAC      16u
#define FILES_TOKEN    320u
#define FILES_KEY      "host.files.key"
#define FILES_RETRY_MS 1000

/* ---- the key: one for each operation, made once, in the store ---- */

static void ask_key(void *arg);

static void on_key(void *arg, const struct err *e, struct slice value)
{
    struct host_op *o = arg;
    if (o->gone)
        return;
    if (!e->code && value.n == sizeof(o->file_key)) {
        memcpy(o->file_key, value.p, sizeof(o->file_key));
        o->file_key_known = true;
        if (o->file_key_lease)
            store_lease_free(&o->file_key_lease);
        return;
    }
    timer_start(o->file_key_timer, FILES_RETRY_MS);
}

static void on_key_written(void *arg, const struct err *e)
{
    struct host_op *o = arg;
    if (e->code)
        log_event(LOG_WARN, "host.file_key", log_str("operation", o->name), log_err(e));
    if (!o->gone)
        store_value_get(o->op, FILES_KEY, on_key, o);
}

/* Only the lease's holder makes one, and only after a look under the lease: two keys would make each other's
 * links worthless. */
static void on_looked(void *arg, const struct err *e, struct slice value)
{
    struct host_op *o = arg;
    if (o->gone)
        return;
    if (e->code || value.n || !o->file_key_lease || !store_lease_held(o->file_key_lease)) {
        on_key(arg, e, value);
        return;
    }
    unsigned char key[32];
    text_random(key, sizeof(key));
    store_value_set(o->op, FILES_KEY, slice_of(key, sizeof(key)), on_key_written, o);
    mem_wipe(key, sizeof(key));
}

static void on_lease(void *arg, bool yes, uint64_t fence)
{
    struct host_op *o = arg;
    (void)fence;
    if (yes && !o->gone && !o->file_key_known)
        store_value_get(o->op, FILES_KEY, on_looked, o);
}

static void on_first(void *arg, const struct err *e, struct slice value)
{
    struct host_op *o = arg;
    if (!o->gone && !e->code && !value.n && !o->file_key_lease)
        o->file_key_lease = store_lease_new(o->op, FILES_KEY, 10000, on_lease, o);
    on_key(arg, e, value);
}

static void ask_key(void *arg)
{
    struct host_op *o = arg;
    if (!o->gone && !o->file_key_known)
        store_value_get(o->op, FILES_KEY, o->file_key_lease ? on_key : on_first, o);
}

void files_open(struct host_op *o)
{
    o->file_key_timer = timer_new(o->h->loop, ask_key, o);
    ask_key(o);
}

void files_close(struct host_op *o)
{
    if (o->file_key_timer)
        timer_free(&o->file_key_timer);
    if (o->file_key_lease)
        store_lease_free(&o->file_key_lease);
}

/* ---- tokens: base64url("op.thread.seq.at.expiry" and 16 bytes of HMAC-SHA-256 over it) ---- */

static void sign(const struct host_op *o, struct slice what, unsigned char mac[32])
{
    host_hmac(slice_of(o->file_key, sizeof(o->file_key)), what, mac);
}

char *files_url(struct host_op *o, struct id thread, uint64_t seq, size_t at, unsigned ttl_s, bool absolute,
                struct arena *a)
{
    char plain[FILES_TOKEN], token[2 * FILES_TOKEN];
    unsigned char mac[32];
    if (!o->file_key_known || (absolute && !*o->h->cf.public_url))
        return NULL;
    int64_t expires = time_wall_ms() / 1000 + ttl_s;
    int n = snprintf(plain, sizeof(plain) - FILES_MAC, "%s.%s.%llu.%zu.%lld", o->name, thread.s,
                     (unsigned long long)seq, at, (long long)expires);
    if (n < 0 || (size_t)n >= sizeof(plain) - FILES_MAC)
        return NULL;
    sign(o, slice_of(plain, (size_t)n), mac);
    memcpy(plain + n, mac, FILES_MAC);
    text_base64url(token, plain, (size_t)n + FILES_MAC);
    return arena_printf(a, "%s/files/%s", absolute ? o->h->cf.public_url : "", token);
}

struct download {
    struct host_op *o;
    struct http_req *rq;
    struct id thread;
    uint64_t seq, at;
    char *attachment;
    size_t attachment_n;
    uint64_t size, from, end;
    bool reading, closed;
};

/* "name.of.op.THREAD.7.0.1767225600": the operation's name may have dots, so it is read from the end. */
static bool token_read(struct slice s, struct slice *op, struct download *d, uint64_t *expires)
{
    struct slice part[4];
    for (int i = 3; i >= 0; i--) {
        const char *dot = s.n ? memrchr(s.p, '.', s.n) : NULL;
        if (!dot)
            return false;
        part[i] = slice_of(dot + 1, (size_t)(s.p + s.n - dot - 1));
        s.n = (size_t)(dot - s.p);
    }
    *op = s;
    if (!id_valid(part[0]) || !slice_u64(part[1], &d->seq) || !slice_u64(part[2], &d->at) ||
        !slice_u64(part[3], expires))
        return false;
    memcpy(d->thread.s, part[0].p, ID_LEN);
    d->thread.s[ID_LEN] = 0;
    return true;
}

enum token { TOKEN_BAD, TOKEN_GOOD, TOKEN_LATER /* the operation is being opened: nobody can tell yet */ };

static enum token token_open(struct host *h, struct slice token, struct download *d)
{
    unsigned char mac[32], plain[FILES_TOKEN];
    struct slice op;
    uint64_t expires;
    if (token.n > 2 * FILES_TOKEN || token.n < 40 || 3 * (token.n / 4) + 3 > sizeof(plain))
        return TOKEN_BAD;
    long n = text_unbase64(plain, sizeof(plain), token);
    if (n <= (long)FILES_MAC)
        return TOKEN_BAD;
    struct slice what = slice_of(plain, (size_t)n - FILES_MAC);
    if (!token_read(what, &op, d, &expires))
        return TOKEN_BAD;
    d->o = map_get(&h->ops, op);
    if (!d->o || !d->o->file_key_known)
        return d->o ? TOKEN_LATER : TOKEN_BAD;
    sign(d->o, what, mac);
    bool good = text_equal_secret(slice_of(mac, FILES_MAC), slice_of(plain + n - FILES_MAC, FILES_MAC)) &&
                expires >= (uint64_t)(time_wall_ms() / 1000);
    return good ? TOKEN_GOOD : TOKEN_BAD;
}

/* ---- the answer ---- */

static void download_free(struct download *d)
{
    if (d->attachment)
        mem_wipe(d->attachment, d->attachment_n);
    mem_free(d->attachment);
    mem_free(d);
}

static void on_piece(void *arg, const struct err *e, struct slice bytes)
{
    struct download *d = arg;
    d->reading = false;
    if (d->closed) {
        download_free(d);
        return;
    }
    if (e->code || !bytes.n) {
        http_body_end(d->rq, false);
        return;
    }
    if (bytes.n > d->end - d->from)
        bytes.n = (size_t)(d->end - d->from);
    d->from += bytes.n;
    bool last = d->from == d->end;
    http_body_write(d->rq, bytes);
    if (last && !d->closed)
        http_body_end(d->rq, true);
}

static void on_more(struct http_req *rq, void *arg)
{
    struct download *d = arg;
    (void)rq;
    if (d->reading || d->closed || d->from >= d->end)
        return;
    uint64_t left = d->end - d->from;
    d->reading = true;
    store_blob_get(d->o->op, (struct slice){d->attachment, d->attachment_n}, d->from,
                   left < FILES_PIECE ? (size_t)left : FILES_PIECE, on_piece, d);
}

static void on_stream_closed(void *arg)
{
    struct download *d = arg;
    d->closed = true;
    if (!d->reading)
        download_free(d);
}

/* bytes=a-b and bytes=a-; everything else gets the whole file. False: cannot be met. */
static bool range_of(struct slice header, uint64_t size, uint64_t *from, uint64_t *end, bool *part)
{
    struct slice rest = header, first;
    uint64_t a, b = size - 1;
    *from = 0;
    *end = size;
    *part = false;
    if (!slice_starts(header, "bytes=") || memchr(header.p, ',', header.n))
        return true;
    rest = slice_of(header.p + 6, header.n - 6);
    if (!slice_next(&rest, '-', &first) || !slice_u64(first, &a) || (rest.n && !slice_u64(rest, &b)))
        return true;
    if (a >= size || b < a)
        return false;
    *from = a;
    *end = b >= size ? size : b + 1;
    *part = true;
    return true;
}

/* What browsers may show: nothing that can run. */
static bool shown(struct slice type)
{
    static const char *const pictures[] = {"image/png",  "image/jpeg", "image/gif",
                                           "image/webp", "image/avif", "image/heic"};
    if (slice_starts(type, "audio/") || slice_starts(type, "video/"))
        return true;
    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
        if (slice_is(type, pictures[i]))
            return true;
    }
    return false;
}

static bool type_plain(struct slice type)
{
    for (size_t i = 0; i < type.n; i++) {
        if (type.p[i] <= 32 || type.p[i] > 126)
            return false;
    }
    return type.n > 2 && type.n < 128;
}

static void download_start(struct download *d, struct slice type, struct slice name)
{
    uint64_t from, end;
    bool part;
    char range[80];
    struct buf disposition;
    if (!range_of(http_req_header(d->rq, "range"), d->size, &from, &end, &part)) {
        snprintf(range, sizeof(range), "bytes */%llu", (unsigned long long)d->size);
        const struct http_head heads[] = {{"content-range", slice_str(range)}, {NULL, {0}}};
        http_reply(d->rq, 416, heads, SLICE(""));
        download_free(d);
        return;
    }
    buf_init(&disposition, 8192);
    buf_str(&disposition, shown(type) ? "inline; filename*=UTF-8''" : "attachment; filename*=UTF-8''");
    text_url_encode(&disposition, name.n ? name : SLICE("file"));
    snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)from,
             (unsigned long long)(end - 1), (unsigned long long)d->size);
    const struct http_head heads[] = {
        {"content-type", type_plain(type) ? type : SLICE("application/octet-stream")},
        {"content-disposition", disposition.err ? SLICE("attachment") : buf_view(&disposition)},
        {"content-security-policy", SLICE("sandbox; default-src 'none'")},
        {"cache-control", SLICE("private, no-store")},
        {"referrer-policy", SLICE("no-referrer")},
        {"cross-origin-resource-policy", SLICE("same-site")},
        {"accept-ranges", SLICE("bytes")},
        {part ? "content-range" : NULL, slice_str(range)},
        {NULL, {0}}};
    d->from = from;
    d->end = end;
    http_reply_stream(d->rq, part ? 206 : 200, heads, end - from, on_more, d, on_stream_closed);
    buf_clear(&disposition);
}

static void on_entry(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct download *d = arg;
    struct err local = {0};
    json_t *extra =
        !e->code && n == 1 && !entries[0].erased ? json_parse(entries[0].extra, 16, &local) : NULL;
    json_t *o = extra ? json_array_get(json_object_get(extra, "attachments"), (size_t)d->at) : NULL;
    struct slice state = o ? json_opt_str(o, "state") : slice_str(NULL);
    int64_t size = o ? json_opt_int(o, "size", 0) : 0;
    bool there = o && json_opt_str(o, "id").n && (!state.n || slice_is(state, "stored")) && size > 0;
    if (there) {
        struct buf b;
        buf_init(&b, 65536);
        there = json_write(o, &b) == 0;
        d->attachment_n = b.n;
        d->attachment = b.n ? buf_take(&b, NULL) : NULL;
        buf_clear(&b);
    }
    if (!there) {
        door_problem(d->rq, e->code && err_temporary(e->code) ? 503 : 404, NULL);
        download_free(d);
    } else {
        d->size = (uint64_t)size;
        download_start(d, json_opt_str(o, "type"), json_opt_str(o, "name"));
    }
    json_decref(extra);
}

static void on_request(struct http_req *rq, void *arg)
{
    struct host *h = arg;
    struct download *d = mem_alloc(sizeof(*d));
    struct slice path = http_req_path(rq);
    d->rq = rq;
    enum token token = token_open(h, slice_of(path.p + 7, path.n - 7), d);
    if (token != TOKEN_GOOD) {
        mem_free(d);
        door_problem(rq, token == TOKEN_LATER ? 503 : 404,
                     NULL); /* who fetches for somebody takes a 404 as final */
        return;
    }
    store_entries_get(d->o->op, d->thread, d->seq, d->seq, on_entry, d);
}

struct http_route files_route(struct host *h, struct http_req *rq)
{
    enum http_method m = http_req_method(rq);
    if (m == HTTP_M_GET || m == HTTP_M_HEAD)
        return (struct http_route){.handler = on_request, .arg = h};
    door_problem(rq, 405, "only GET");
    return (struct http_route){0};
}
