/* SPDX-License-Identifier: Apache-2.0
 * Pages that a connector serves, and files that it stores or reads. */
#include "gateway/host/host_internal.h"
#include "store/blob.h"
#include <stdio.h>
#include <string.h>

#define PAGE_MAX   (8u << 20)
#define PAGE_PIECE (1u << 20)

/* ---- pages ---- */

struct host_page {
    char *bytes;
    size_t n;
};

static bool page_name_ok(const char *name)
{
    if (!*name || *name == '/' || strstr(name, "..") || strlen(name) > 200)
        return false;
    for (const char *p = name; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                     strchr("._/-", *p);
        if (!plain)
            return false;
    }
    return true;
}

static struct host_page *page_read(const char *dir, const char *name)
{
    struct host_page *page = mem_alloc(sizeof(*page));
    struct buf path, b;
    buf_init(&path, 8192);
    buf_init(&b, PAGE_MAX);
    buf_printf(&path, "%s/%s", dir, name);
    FILE *f = path.err ? NULL : fopen(path.p, "rbe");
    buf_clear(&path);
    for (size_t n = f ? 1 : 0; n && !b.err;) {
        char part[16384];
        n = fread(part, 1, sizeof(part), f);
        buf_add(&b, part, n);
    }
    if (f)
        fclose(f);
    if (!b.err && b.n)
        page->bytes = buf_take(&b, &page->n);
    buf_clear(&b);
    return page;
}

static struct connector_bytes h_page(void *inst, const char *name)
{
    struct host *h = CHANNEL(inst)->o->h;
    if (!h->cf.pages_dir || !page_name_ok(name))
        return (struct connector_bytes){0};
    struct host_page *page = map_get(&h->pages, slice_str(name));
    if (!page) {
        page = page_read(h->cf.pages_dir, name);
        map_put(&h->pages, slice_str(name), page);
    }
    return (struct connector_bytes){page->bytes, page->n};
}

static void page_free(void *p)
{
    struct host_page *page = p;
    mem_free(page->bytes);
    mem_free(page);
}

void pages_clear(struct host *h)
{
    map_clear(&h->pages, page_free);
}

/* ---- files in ---- */

struct put {
    struct host_call call;
    struct arena *a;
    struct store_op *op;
    struct slice bytes, name, owner;
    void (*done)(void *arg, int err, const char *blob);
    void *arg;
};

static void put_cancel(struct host_call *call)
{
    struct put *p = container_of(call, struct put, call);
    p->done(p->arg, CONNECTOR_ECANCELLED, NULL);
}

static void put_end(struct put *p, int err, const char *blob)
{
    if (host_call_end(&p->call))
        p->done(p->arg, err, blob);
    arena_free(&p->a);
    mem_free(p);
}

static void on_put(void *arg, const struct err *e, const char *blob)
{
    put_end(arg, connector_code_of(e), e->code ? NULL : blob);
}

static void on_type(void *arg, const char *type, struct slice bytes)
{
    struct put *p = arg;
    if (!p->call.ch)
        put_end(p, CONNECTOR_ECANCELLED, NULL);
    else
        store_blob_put(p->op, bytes, slice_str(type), p->name, p->owner, on_put, p);
}

static void too_large(void *arg)
{
    put_end(arg, CONNECTOR_ELIMIT, NULL);
}

static void h_blob_put(void *inst, struct connector_bytes address, struct connector_bytes type,
                       struct connector_bytes name, struct connector_bytes bytes,
                       void (*done)(void *arg, int err, const char *blob), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct put *p = mem_alloc(sizeof(*p));
    *p = (struct put){.a = arena_new(), .op = ch->o->op, .done = done, .arg = arg};
    host_call_begin(ch, &p->call, put_cancel);
    if (bytes.n > ch->o->h->cf.upload_max || bytes.n == 0) {
        loop_defer(ch->o->h->loop, too_large, p);
        return;
    }
    p->owner = arena_slice(p->a, address_inward(ch, slice_from(address), p->a));
    p->name = arena_slice(p->a, slice_from(name));
    p->bytes = arena_slice(p->a, slice_from(bytes));
    media_type(ch->o->h, p->bytes, slice_from(type), on_type, p);
}

/* ---- files out ---- */

struct get {
    struct host_call call;
    struct store_op *op;
    struct slice attachment; /* with its key: wiped */
    uint64_t size;
    struct buf bytes;
    void (*done)(void *arg, int err, struct connector_bytes bytes);
    void *arg;
};

static void get_cancel(struct host_call *call)
{
    struct get *g = container_of(call, struct get, call);
    g->done(g->arg, CONNECTOR_ECANCELLED, (struct connector_bytes){0});
}

static void get_end(struct get *g, int err)
{
    if (host_call_end(&g->call))
        g->done(g->arg, err, err ? (struct connector_bytes){0} : bytes_from(buf_view(&g->bytes)));
    if (g->attachment.n) {
        mem_wipe((void *)(uintptr_t)g->attachment.p, g->attachment.n);
        mem_free((void *)(uintptr_t)g->attachment.p);
    }
    if (g->bytes.n)
        mem_wipe(g->bytes.p, g->bytes.n);
    buf_clear(&g->bytes);
    mem_free(g);
}

static void on_piece(void *arg, const struct err *e, struct slice bytes)
{
    struct get *g = arg;
    if (e->code || !g->call.ch || !bytes.n || buf_slice(&g->bytes, bytes) != 0) {
        get_end(g, e->code ? connector_code_of(e) : CONNECTOR_EINVALID);
        return;
    }
    if (g->bytes.n >= g->size)
        get_end(g, CONNECTOR_OK);
    else
        store_blob_get(g->op, g->attachment, g->bytes.n, PAGE_PIECE, on_piece, g);
}

static void unknown_blob(void *arg)
{
    get_end(arg, CONNECTOR_EINVALID);
}

static void h_blob_read(void *inst, const char *blob,
                        void (*done)(void *arg, int err, struct connector_bytes bytes), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct get *g = mem_alloc(sizeof(*g));
    struct slice attachment = send_attachment(ch, blob);
    json_t *o = attachment.n ? json_parse(attachment, 4, NULL) : NULL;
    *g =
        (struct get){.op = ch->o->op, .done = done, .arg = arg, .size = (uint64_t)json_opt_int(o, "size", 0)};
    json_decref(o);
    buf_init(&g->bytes, ch->o->h->cf.upload_max > (1u << 27) ? ch->o->h->cf.upload_max : 1u << 27);
    host_call_begin(ch, &g->call, get_cancel);
    if (!g->size) {
        loop_defer(ch->o->h->loop, unknown_blob, g);
        return;
    }
    g->attachment = slice_of(slice_dup(attachment), attachment.n);
    store_blob_get(g->op, g->attachment, 0, PAGE_PIECE, on_piece, g);
}

void host_api_page(struct connector_host *a)
{
    a->page = h_page;
    a->blob_put = h_blob_put;
    a->blob_read = h_blob_read;
}
