/* SPDX-License-Identifier: Apache-2.0
 * Attachments: uploads that an entry will name, and downloads by those who may see the entry. */
#include "gateway/api/reads.h"
#include "gateway/api/api_internal.h"
#include "store/blob.h"
#include <stdio.h>
#include <string.h>

#define PIECE (256u << 10)

/* ---- upload ---- */

static const char *owner(const struct call *c)
{
    return *c->caller.agent ? c->caller.agent : c->caller.login;
}

struct upload {
    struct call *c;
    struct buf name;
    char type[128];
    size_t size;
};

static void on_put(void *arg, const struct err *e, const char *blob)
{
    struct upload *u = arg;
    struct call *c = u->c;
    if (e->code)
        call_err(c, e);
    else {
        struct buf b;
        buf_init(&b, 1 << 16);
        buf_printf(&b, "{\"id\":\"%s\",\"type\":", blob);
        buf_json_str(&b, slice_str(u->type));
        buf_str(&b, ",\"name\":");
        buf_json_str(&b, buf_view(&u->name));
        buf_printf(&b, ",\"size\":%zu}", u->size);
        call_json(c, 201, buf_view(&b));
        buf_clear(&b);
    }
    buf_clear(&u->name);
    mem_free(u);
}

/* "image/png" out of "image/png; q=1"; what is no media type becomes octets. */
static void clean_type(struct slice header, char out[128])
{
    struct slice type = {0, 0};
    slice_next(&header, ';', &type);
    type = slice_trim(type);
    bool good = type.n > 2 && type.n < 100 && memchr(type.p, '/', type.n);
    for (size_t i = 0; good && i < type.n; i++)
        good = (type.p[i] >= 'a' && type.p[i] <= 'z') || (type.p[i] >= '0' && type.p[i] <= '9') ||
               strchr("/.+-", type.p[i]);
    snprintf(out, 128, "%.*s", good ? (int)type.n : 24, good ? type.p : "application/octet-stream");
}

static void upload(struct call *c)
{
    struct slice body = http_req_body(c->rq), name = http_req_header(c->rq, "x-parley-name");
    if (!body.n) {
        call_problem(c, 400, "the file is empty");
        return;
    }
    struct upload *u = mem_alloc(sizeof *u);
    u->c = c;
    u->size = body.n;
    buf_init(&u->name, 512);
    clean_type(http_req_header(c->rq, "content-type"), u->type);
    if (text_url_decode(&u->name, name, false) || !text_valid(buf_view(&u->name), NULL)) {
        call_problem(c, 400, "X-Parley-Name: a name of at most 255 bytes, percent-encoded UTF-8, is wanted");
        buf_clear(&u->name);
        mem_free(u);
        return;
    }
    store_blob_put(c->op->op, body, slice_str(u->type), buf_view(&u->name), slice_str(owner(c)), on_put, u);
}

/* ---- download ---- */

struct download {
    struct call *c;
    struct api_op *o;
    char *attachment; /* its JSON, with the key */
    size_t attachment_n;
    char type[128], name[256];
    uint64_t size, at, end;
    bool reading, closed, started;
    struct http_req *rq;
};

static void download_free(struct download *d)
{
    mem_wipe(d->attachment, d->attachment_n);
    mem_free(d->attachment);
    mem_free(d);
}

static void download_fail(struct download *d, int status, const char *why)
{
    call_problem(d->c, status, why);
    download_free(d);
}

static void on_piece(void *arg, const struct err *e, struct slice bytes)
{
    struct download *d = arg; /* `reading` stays until the end: what is written may close the connection */
    bool more = !e->code && bytes.n;
    if (!d->closed && more) {
        if (bytes.n > d->end - d->at)
            bytes.n = (size_t)(d->end - d->at);
        d->at += bytes.n;
        http_body_write(d->rq, bytes);
    }
    if (!d->closed && (!more || d->at == d->end))
        http_body_end(d->rq, more);
    d->reading = false;
    if (d->closed)
        download_free(d);
}

static void on_more(struct http_req *rq, void *arg)
{
    struct download *d = arg;
    (void)rq;
    if (d->reading || d->closed || d->at >= d->end)
        return;
    d->reading = true;
    uint64_t left = d->end - d->at;
    store_blob_get(d->o->op, (struct slice){d->attachment, d->attachment_n}, d->at,
                   left < PIECE ? (size_t)left : PIECE, on_piece, d);
}

static void on_stream_closed(void *arg)
{
    struct download *d = arg;
    d->closed = true;
    if (!d->reading)
        download_free(d);
}

/* What browsers may show in the page: never anything that can run. */
static bool shown_inline(const char *type)
{
    static const char *const list[] = {"image/png",  "image/jpeg", "image/gif", "image/webp",
                                       "image/avif", "audio/",     "video/",    NULL};
    for (size_t i = 0; list[i]; i++) {
        size_t n = strlen(list[i]);
        if (list[i][n - 1] == '/' ? strncmp(type, list[i], n) == 0 : strcmp(type, list[i]) == 0)
            return true;
    }
    return false;
}

/* bytes=a-b, bytes=a-, bytes=-n. 0: no range, 1: taken, -1: can't be met. */
static int take_range(struct slice header, uint64_t size, uint64_t *from, uint64_t *end)
{
    struct slice first, rest = header;
    uint64_t a, b;
    *from = 0;
    *end = size;
    if (!slice_starts(header, "bytes=") || memchr(header.p, ',', header.n))
        return 0;
    rest.p += 6;
    rest.n -= 6;
    if (!slice_next(&rest, '-', &first))
        return 0;
    if (!first.n) {
        if (!slice_u64(rest, &a) || !a)
            return -1;
        *from = a >= size ? 0 : size - a;
        return 1;
    }
    if (!slice_u64(first, &a) || (rest.n && !slice_u64(rest, &b)))
        return 0;
    if (a >= size || (rest.n && b < a))
        return -1;
    *from = a;
    if (rest.n && b < size - 1)
        *end = b + 1;
    return 1;
}

static void disposition(const struct download *d, struct buf *b)
{
    buf_str(b, shown_inline(d->type) ? "inline" : "attachment");
    buf_str(b, "; filename*=UTF-8''");
    text_url_encode(b, slice_str(*d->name ? d->name : "file"));
}

static void download_start(struct download *d)
{
    uint64_t from, end;
    int range = take_range(http_req_header(d->rq, "range"), d->size, &from, &end);
    char content_range[80];
    struct buf disp;
    if (range < 0) {
        download_fail(d, 416, "the file is not so long");
        return;
    }
    buf_init(&disp, 2048);
    disposition(d, &disp);
    d->at = from;
    d->end = end;
    snprintf(content_range, sizeof content_range, "bytes %llu-%llu/%llu", (unsigned long long)from,
             (unsigned long long)(end - 1), (unsigned long long)d->size);
    struct http_head heads[] = {
        {"Content-Type", slice_str(shown_inline(d->type) ? d->type : "application/octet-stream")},
        {"Content-Disposition", buf_view(&disp)},
        {"Content-Security-Policy", SLICE("sandbox; default-src 'none'")},
        {"Cross-Origin-Resource-Policy", SLICE("same-origin")},
        {"Cache-Control", SLICE("private, no-store")},
        {"Accept-Ranges", SLICE("bytes")},
        {range ? "Content-Range" : NULL, slice_str(content_range)},
        {NULL, {0, 0}},
    };
    http_reply_stream(d->rq, range ? 206 : 200, heads, end - from, on_more, d, on_stream_closed);
    buf_clear(&disp);
    call_end(d->c);
    d->c = NULL;
}

static void on_entry(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct download *d = arg;
    size_t i;
    json_t *one;
    if (e->code || !n || entries[0].erased) {
        download_fail(d, e->code && e->code != ERR_NOT_FOUND ? 503 : 404, "no such file");
        return;
    }
    json_t *extra = json_parse(entries[0].extra, JSON_DEPTH_DEFAULT, NULL), *found = NULL;
    json_array_foreach(json_object_get(extra, "attachments"), i,
                       one) if (slice_eq(json_opt_str(one, "id"), d->c->args[0])) found = one;
    if (found) {
        struct buf b;
        struct slice name = json_opt_str(found, "name");
        buf_init(&b, 1 << 16);
        json_write(found, &b);
        d->attachment = buf_take(&b, &d->attachment_n);
        d->size = (uint64_t)json_opt_int(found, "size", 0);
        clean_type(json_opt_str(found, "type"), d->type);
        snprintf(d->name, sizeof d->name, "%.*s", name.n < 200 ? (int)name.n : 200, name.p ? name.p : "");
    }
    json_decref(extra);
    if (!found || !d->size) {
        download_fail(d, 404, "no such file");
        return;
    }
    char object[8 + ID_LEN];
    snprintf(object, sizeof object, "thread:%s", entries[0].thread.s);
    reads_note(d->o->op, &d->c->caller.who, "thread.read", object);
    download_start(d);
}

static void on_download_card(void *arg, const struct err *e, const struct card *card)
{
    struct download *d = arg;
    struct buf b;
    uint64_t seq = 0;
    if (e->code) {
        call_err(d->c, e);
        download_free(d);
        return;
    }
    buf_init(&b, 128);
    call_query(d->c, "entry", &b);
    if (b.n > ID_LEN + 1)
        slice_u64((struct slice){b.p + ID_LEN + 1, b.n - ID_LEN - 1}, &seq);
    buf_clear(&b);
    if (!(card->rights & RIGHT_READ) || !seq)
        download_fail(d, 404, "no such file");
    else
        store_entries_get(d->o->op, card->t->id, seq, seq, on_entry, d);
}

static void download(struct call *c)
{
    struct buf b;
    struct id id = {{0}};
    buf_init(&b, 128);
    bool good = call_query(c, "entry", &b) && b.n > ID_LEN && b.p[ID_LEN] == '.' &&
                id_valid((struct slice){b.p, ID_LEN});
    if (good)
        memcpy(id.s, b.p, ID_LEN);
    buf_clear(&b);
    if (!good) {
        call_problem(c, 404, "no such file");
        return;
    }
    struct download *d = mem_alloc(sizeof *d);
    d->c = c;
    d->o = c->op;
    d->rq = c->rq;
    card_load(c->op, &c->caller.who, id, on_download_card, d);
}

#define READERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)

const struct call_route file_routes[] = {
    {HTTP_M_POST, "attachments", upload, READERS, CALL_RAW},
    {HTTP_M_GET, "attachments/{}", download, READERS, 0},
    {.run = NULL},
};
