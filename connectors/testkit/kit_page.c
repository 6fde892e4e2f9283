/* SPDX-License-Identifier: Apache-2.0
 * What the fake host gives to a connector with pages of its own: sockets, history, watches, files. */
#include "connectors/testkit/kit_internal.h"
#include <stdio.h>

/* ---- sockets ---- */

struct kit_socket *kit_socket(struct kit *k, const char *path, const char *origin)
{
    struct kit_socket *s = mem_alloc(sizeof(*s));
    struct arena *a = arena_new();
    s->k = k;
    s->arena = arena_new();
    s->open = true;
    list_push(&k->sockets, &s->link);
    struct connector_request_info i = {
        .size = sizeof(i),
        .method = "GET",
        .door = kit_bytes("chat"),
        .path = kit_bytes(arena_strdup(a, path ? path : "")),
        .target = kit_bytes(arena_printf(a, "/ws/chat/%s/%s%s", k->op, k->channel, path ? path : "")),
        .origin = kit_bytes(arena_strdup(a, origin ? origin : k->public_url)),
        .secure = true};
    kit_enter(k);
    bool taken = k->c->socket_open && k->c->socket_open(k->inst, (connector_socket)s, &i);
    kit_leave(k);
    arena_free(&a);
    s->open = taken && !s->closing;
    kit_turn(k);
    return taken ? s : NULL;
}

static int h_socket_send(connector_socket cs, struct connector_bytes text)
{
    struct kit_socket *s = (struct kit_socket *)cs;
    if (!s->open)
        return CONNECTOR_ELIMIT;
    if (s->full)
        return CONNECTOR_ELIMIT;
    if (!text_valid(kit_slice(text), NULL))
        kit_broke(s->k, 0, "a frame that is no UTF-8");
    s->frames = kit_grow(s->frames, s->n, &s->cap, sizeof(*s->frames));
    s->frames[s->n++] = arena_dup(s->arena, text.n ? text.p : "", text.n);
    return CONNECTOR_OK;
}

static void socket_over(struct kit *k, void *arg)
{
    struct kit_socket *s = arg;
    if (!s->open)
        return;
    s->open = false;
    kit_enter(k);
    k->c->socket_closed(k->inst, (connector_socket)s);
    kit_leave(k);
}

static void h_socket_close(connector_socket cs, unsigned code, const char *reason)
{
    struct kit_socket *s = (struct kit_socket *)cs;
    (void)reason;
    if (s->closing)
        return;
    s->closing = true;
    s->code = code;
    kit_later(s->k, socket_over, s);
}

static void h_socket_data(connector_socket cs, void *data)
{
    ((struct kit_socket *)cs)->data = data;
}

static void *h_socket_get(connector_socket cs)
{
    return ((struct kit_socket *)cs)->data;
}

void kit_socket_text(struct kit *k, struct kit_socket *s, const char *text)
{
    if (s->open && !s->closing) {
        char *copy = mem_strdup(text);
        kit_enter(k);
        k->c->socket_text(k->inst, (connector_socket)s, kit_bytes(copy));
        kit_leave(k);
        mem_free(copy);
    }
    kit_turn(k);
}

void kit_socket_leave(struct kit *k, struct kit_socket *s)
{
    socket_over(k, s);
    kit_turn(k);
}

size_t kit_frames(const struct kit_socket *s)
{
    return s->n;
}

const char *kit_frame(const struct kit_socket *s, size_t i)
{
    return i < s->n ? s->frames[i] : NULL;
}

bool kit_socket_open(const struct kit_socket *s)
{
    return s->open;
}

unsigned kit_socket_code(const struct kit_socket *s)
{
    return s->code;
}

void kit_socket_full(struct kit_socket *s, bool full)
{
    s->full = full;
}

/* ---- history ---- */

static struct kit_history *history_of(const struct kit *k, struct slice address)
{
    return map_get(&k->histories, address);
}

void kit_history_free(void *p)
{
    struct kit_history *h = p;
    mem_free(h->entries);
    mem_free(h);
}

static void tell_watchers(struct kit *k, struct slice address, enum connector_change what,
                          const struct connector_entry *en, bool on)
{
    for (struct list *n = k->watches.next, *next; n != &k->watches; n = next) {
        connector_watch w = container_of(n, struct connector_watch, link);
        next = n->next;
        if (w->off || !slice_is(address, w->address))
            continue;
        kit_enter(k);
        w->changed(w->arg, what, en, on);
        kit_leave(k);
    }
}

static struct connector_entry *entry_add(struct kit *k, struct slice address,
                                         const struct connector_entry *in)
{
    struct kit_history *h = history_of(k, address);
    if (!h) {
        h = mem_alloc(sizeof(*h));
        map_put(&k->histories, address, h);
    }
    h->entries = kit_grow(h->entries, h->n, &h->cap, sizeof(*h->entries));
    struct connector_entry *en = &h->entries[h->n++];
    *en = *in;
    en->size = sizeof(*en);
    en->id = in->id ? arena_strdup(k->arena, in->id) : arena_printf(k->arena, "entry%zu", ++k->entries_n);
    en->seq = h->n;
    if (!en->kind)
        en->kind = CONNECTOR_MESSAGE;
    if (!en->time_ms)
        en->time_ms = k->now;
    en->text = kit_copy(k, in->text);
    en->author = arena_strdup(k->arena, in->author);
    en->target = arena_strdup(k->arena, in->target);
    en->ref = arena_strdup(k->arena, in->ref);
    return en;
}

void kit_stored(struct kit *k, const struct connector_item *it, const struct connector_delivered *d)
{
    struct connector_entry en = {.id = d->entry,
                                 .inbound = true,
                                 .kind = it->kind,
                                 .text = it->text,
                                 .ref = it->id_per_sender ? it->id.p : NULL};
    struct connector_file *f = arena_alloc(k->arena, (it->media_n + 1) * sizeof(*f));
    for (size_t i = 0; i < it->media_n; i++) {
        const char *blob = it->media[i].blob ? it->media[i].blob : "";
        f[i] = (struct connector_file){.size = sizeof(*f),
                                       .blob = blob,
                                       .type = it->media[i].type,
                                       .name = it->media[i].name,
                                       .url = arena_printf(k->arena, "/files/%s", blob)};
    }
    en.files = f;
    en.files_n = it->media_n;
    struct connector_entry *copy = entry_add(k, kit_slice(it->from), &en);
    struct connector_entry told = *copy;
    tell_watchers(k, kit_slice(it->from), CONNECTOR_ENTRY_ADDED, &told, false);
}

const char *kit_entry(struct kit *k, const char *address, const struct connector_entry *in)
{
    struct connector_entry told = *entry_add(k, slice_str(address), in);
    tell_watchers(k, slice_str(address), CONNECTOR_ENTRY_ADDED, &told, false);
    kit_turn(k);
    return told.id;
}

void kit_change(struct kit *k, const char *address, enum connector_change what,
                const struct connector_entry *en, bool on)
{
    tell_watchers(k, slice_str(address), what, en, on);
    kit_turn(k);
}

size_t kit_watches(const struct kit *k)
{
    size_t n = 0;
    for (struct list *l = k->watches.next; l != &k->watches; l = l->next)
        n += !container_of(l, struct connector_watch, link)->off;
    return n;
}

size_t kit_history(const struct kit *k, const char *address)
{
    struct kit_history *h = history_of(k, slice_str(address));
    return h ? h->n : 0;
}

struct history_call {
    char *address, *after;
    unsigned limit;
    void (*done)(void *arg, int err, const struct connector_entry *entries, size_t n);
    void (*forgot)(void *arg, int err);
    void *arg;
};

static void history_run(struct kit *k, void *arg)
{
    struct history_call *c = arg;
    struct kit_history *h = history_of(k, slice_str(c->address));
    size_t n = h ? h->n : 0, from = n > c->limit ? n - c->limit : 0;
    int err = kit_err(k);
    if (!err && *c->after) {
        for (from = 0; from < n && strcmp(h->entries[from].id, c->after) != 0;)
            from++;
        if (from == n)
            err = CONNECTOR_EINVALID;
        from++;
    }
    size_t count = err ? 0 : n - from < c->limit ? n - from : c->limit;
    struct connector_entry *copy = mem_array(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = h->entries[from + i];
    kit_enter(k);
    c->done(c->arg, err, copy, count);
    kit_leave(k);
    mem_free(copy);
    mem_free(c);
}

static void h_history(void *inst, struct connector_bytes address, const char *after, unsigned limit,
                      void (*done)(void *arg, int err, const struct connector_entry *entries, size_t n),
                      void *arg)
{
    struct kit *k = KIT(inst);
    struct history_call *c = mem_alloc(sizeof(*c));
    kit_active(k, "history");
    c->address = arena_dup(k->arena, address.p, address.n);
    c->after = arena_strdup(k->arena, after ? after : "");
    c->limit = limit;
    c->done = done;
    c->arg = arg;
    kit_later(k, history_run, c);
}

static connector_watch h_watch(void *inst, struct connector_bytes address,
                               void (*changed)(void *arg, enum connector_change what,
                                               const struct connector_entry *entry, bool on),
                               void *arg)
{
    struct kit *k = KIT(inst);
    connector_watch w = mem_alloc(sizeof(*w));
    kit_active(k, "watch");
    w->k = k;
    w->address = arena_dup(k->arena, address.p, address.n);
    w->changed = changed;
    w->arg = arg;
    list_push(&k->watches, &w->link);
    return w;
}

static void h_unwatch(connector_watch w)
{
    if (!w)
        return;
    if (w->off)
        kit_broke(w->k, 5, "unwatched twice");
    w->off = true;
}

static void forget_run(struct kit *k, void *arg)
{
    struct history_call *c = arg;
    int err = kit_err(k);
    if (!err) {
        struct kit_history *h = map_del(&k->histories, slice_str(c->address));
        if (h)
            kit_history_free(h);
    }
    kit_enter(k);
    c->forgot(c->arg, err);
    kit_leave(k);
    mem_free(c);
}

static void h_forget(void *inst, struct connector_bytes address, void (*done)(void *arg, int err), void *arg)
{
    struct kit *k = KIT(inst);
    struct history_call *c = mem_alloc(sizeof(*c));
    kit_active(k, "forget");
    c->address = arena_dup(k->arena, address.p, address.n);
    c->forgot = done;
    c->arg = arg;
    kit_later(k, forget_run, c);
}

/* ---- files ---- */

const char *kit_blob(struct kit *k, const char *bytes, size_t n, const char *type)
{
    (void)type;
    char *id = arena_printf(k->arena, "blob%zu", ++k->blobs_n);
    struct connector_bytes *b = arena_alloc(k->arena, sizeof(*b));
    *b = kit_copy(k, (struct connector_bytes){bytes, n});
    map_put(&k->blobs, slice_str(id), b);
    return id;
}

const struct connector_bytes *kit_blob_get(const struct kit *k, const char *id)
{
    return map_get(&k->blobs, slice_str(id));
}

struct blob_call {
    const char *id;
    struct connector_bytes bytes;
    void (*put)(void *arg, int err, const char *blob);
    void (*got)(void *arg, int err, struct connector_bytes bytes);
    void *arg;
};

static void blob_run(struct kit *k, void *arg)
{
    struct blob_call *c = arg;
    int err = kit_err(k);
    kit_enter(k);
    if (c->put) {
        c->put(c->arg, err, err ? NULL : kit_blob(k, c->bytes.p, c->bytes.n, NULL));
    } else {
        const struct connector_bytes *b = kit_blob_get(k, c->id);
        char *copy = mem_dup(b && b->n ? b->p : "", b ? b->n : 0);
        c->got(c->arg,
               err ? err
               : b ? CONNECTOR_OK
                   : CONNECTOR_EINVALID,
               (struct connector_bytes){copy, b && !err ? b->n : 0});
        mem_free(copy);
    }
    kit_leave(k);
    mem_free(c);
}

static void h_blob_put(void *inst, struct connector_bytes address, struct connector_bytes type,
                       struct connector_bytes name, struct connector_bytes bytes,
                       void (*done)(void *arg, int err, const char *blob), void *arg)
{
    struct kit *k = KIT(inst);
    struct blob_call *c = mem_alloc(sizeof(*c));
    (void)address, (void)type, (void)name;
    kit_active(k, "blob_put");
    c->bytes = kit_copy(k, bytes);
    c->put = done;
    c->arg = arg;
    kit_later(k, blob_run, c);
}

static void h_blob_read(void *inst, const char *blob,
                        void (*done)(void *arg, int err, struct connector_bytes bytes), void *arg)
{
    struct kit *k = KIT(inst);
    struct blob_call *c = mem_alloc(sizeof(*c));
    kit_active(k, "blob_read");
    c->id = arena_strdup(k->arena, blob);
    c->got = done;
    c->arg = arg;
    kit_later(k, blob_run, c);
}

static struct connector_bytes h_page(void *inst, const char *name)
{
    struct kit *k = KIT(inst);
    if (!k->o.pages || strstr(name, ".."))
        return (struct connector_bytes){0};
    struct connector_bytes *have = map_get(&k->pages, slice_str(name));
    if (have)
        return *have;
    FILE *f = fopen(arena_printf(k->arena, "%s/%s", k->o.pages, name), "rb");
    if (!f)
        return (struct connector_bytes){0};
    struct buf b;
    buf_init(&b, 1u << 22);
    for (size_t n = 1; n;) {
        char part[4096];
        n = fread(part, 1, sizeof(part), f);
        buf_add(&b, part, n);
    }
    fclose(f);
    have = arena_alloc(k->arena, sizeof(*have));
    *have = kit_copy(k, (struct connector_bytes){b.p, b.n});
    buf_clear(&b);
    map_put(&k->pages, slice_str(name), have);
    return *have;
}

void kit_host_page(struct connector_host *h)
{
    h->socket_send = h_socket_send;
    h->socket_close = h_socket_close;
    h->socket_data = h_socket_data;
    h->socket_get = h_socket_get;
    h->history = h_history;
    h->watch = h_watch;
    h->unwatch = h_unwatch;
    h->forget = h_forget;
    h->blob_put = h_blob_put;
    h->blob_read = h_blob_read;
    h->page = h_page;
}
