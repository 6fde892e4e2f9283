/* SPDX-License-Identifier: Apache-2.0
 * The host's life, and an operation's document turned into running channels. */
#include "gateway/host/host_internal.h"
#include "gateway/base/log.h"
#include <string.h>

#define HOST_SWEEP_MS 60000

static const char *const *copy_list(struct arena *a, const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    const char **out = arena_alloc(a, (n + 1) * sizeof(*out));
    for (size_t i = 0; i < n; i++)
        out[i] = arena_strdup(a, list[i]);
    return out;
}

static void defaults(struct host *h)
{
    struct host_config *c = &h->cf;
    c->plugin_dir = arena_strdup(h->arena, c->plugin_dir ? c->plugin_dir : "");
    c->pages_dir = c->pages_dir ? arena_strdup(h->arena, c->pages_dir) : NULL;
    c->public_url = arena_strdup(h->arena, c->public_url ? c->public_url : "");
    c->allow_private = copy_list(h->arena, c->allow_private);
    c->egress = copy_list(h->arena, c->egress);
    c->origins = copy_list(h->arena, c->origins);
    c->text_max = c->text_max ? c->text_max : 65536;
    c->attachments_max = c->attachments_max ? c->attachments_max : 10;
    c->body_max = c->body_max ? c->body_max : 1u << 20;
    c->upload_max = c->upload_max ? c->upload_max : 25u << 20;
    c->bodies_max = c->bodies_max ? c->bodies_max : 256u << 20;
    c->json_depth = c->json_depth ? c->json_depth : JSON_DEPTH_DEFAULT;
    c->ingests_max = c->ingests_max ? c->ingests_max : 4096;
    c->reopen_hours = c->reopen_hours ? c->reopen_hours : 72;
}

static void on_sweep(void *arg)
{
    struct host *h = arg;
    struct slice key;
    void *value;
    int64_t now = (int64_t)loop_now_ms(h->loop);
    /* A bucket that was left alone for an hour is full again, whatever its rate: 1 a minute and a burst of 60
     * at the least. */
    for (size_t i = 0; map_each(&h->buckets, &i, &key, &value);) {
        struct bucket *b = value;
        if (now - b->at_ms > 3600000) {
            map_del(&h->buckets, key);
            mem_free(b);
        }
    }
    body_sweep(h);
    timer_start(h->sweep, HOST_SWEEP_MS);
}

struct host *host_new(const struct host_config *cf, struct err *e)
{
    struct host *h = mem_alloc(sizeof(*h));
    h->cf = *cf;
    h->arena = arena_new();
    h->loop = cf->loop;
    h->store = cf->store;
    defaults(h);
    map_init(&h->ops);
    map_init(&h->pages);
    map_init(&h->buckets);
    map_init(&h->bodies);
    list_init(&h->bodies_here);
    text_random(h->body_key, sizeof(h->body_key));
    list_init(&h->dying);
    list_init(&h->gone);
    h->guard = guard_new(h->cf.allow_private, true, e);
    h->guard_media = h->guard ? guard_new(h->cf.allow_private, false, e) : NULL;
    if (!h->guard_media || !plugins_load(h)) {
        if (h->guard_media)
            err_set(e, ERR_NOT_FOUND, "no plugins in %s", h->cf.plugin_dir);
        host_free(&h);
        return NULL;
    }
    h->api.abi = CONNECTOR_ABI;
    h->api.size = sizeof(h->api);
    host_api_channel(&h->api);
    host_api_small(&h->api);
    host_api_deliver(&h->api);
    host_api_door(&h->api);
    host_api_socket(&h->api);
    host_api_history(&h->api);
    host_api_watch(&h->api);
    host_api_page(&h->api);
    host_api_send(&h->api);
    host_api_fetch(&h->api);
    h->sweep = timer_new(h->loop, on_sweep, h);
    timer_start(h->sweep, HOST_SWEEP_MS);
    return h;
}

/* ---- operations ---- */

static void on_event(void *arg, const struct store_event *ev)
{
    watch_event(arg, ev);
}

static void on_signal(void *arg, const struct store_signal *s)
{
    struct host_op *o = arg;
    if (o->gone)
        return;
    watch_signal(o, s);
    send_signal(o, s);
}

static struct host_op *op_new(struct host *h, struct store_op *op)
{
    struct host_op *o = mem_alloc(sizeof(*o));
    o->h = h;
    o->op = op;
    o->name = mem_strdup(store_op_name(op));
    o->languages = mem_alloc(sizeof(*o->languages));
    struct map *maps[] = {&o->fallback, &o->texts, &o->channels, &o->watched, &o->people, &o->typing};
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        map_init(maps[i]);
    list_init(&o->unbound);
    map_put(&h->ops, slice_str(o->name), o);
    o->listener = store_listen(op, on_event, o);
    store_signal_listen(op, on_signal, o);
    files_open(o);
    return o;
}

static const json_t *spec_of(const json_t *channels, struct slice id)
{
    size_t i;
    const json_t *spec;
    json_array_foreach(channels, i, spec)
    {
        if (slice_eq(json_opt_str(spec, "id"), id))
            return spec;
    }
    return NULL;
}

static void stop_all(struct host_op *o, const json_t *channels, unsigned grace_ms)
{
    struct slice id;
    void *value;
    for (size_t i = 0; map_each(&o->channels, &i, &id, &value);) {
        if (!spec_of(channels, id)) {
            map_del(&o->channels, id);
            channel_stop(value, grace_ms);
        }
    }
}

static void put_channel(struct host_op *o, const json_t *spec)
{
    struct slice id = json_opt_str(spec, "id");
    if (!name_valid(id))
        return;
    struct channel *fresh = channel_new(o, spec), *old = map_get(&o->channels, id);
    if (old && memcmp(old->spec, fresh->spec, sizeof(old->spec)) == 0 &&
        (old->state == CHANNEL_RUNNING || old->state == CHANNEL_DISABLED)) {
        channel_stop(fresh, 0); /* nothing has changed */
        return;
    }
    map_put(&o->channels, id, fresh);
    if (old)
        channel_stop(old, 5000);
    channel_start(fresh);
}

void host_operation_apply(struct host *h, struct store_op *op, struct slice document)
{
    struct err e = {0};
    size_t i;
    const json_t *spec;
    struct host_op *o = map_get(&h->ops, slice_str(store_op_name(op)));
    json_t *doc = document.n ? json_parse(document, 64, &e) : json_object();
    if (h->draining || !doc) {
        if (!doc)
            log_event(LOG_ERROR, "host.document", log_str("operation", store_op_name(op)), log_err(&e));
        json_decref(doc);
        return;
    }
    if (!o)
        o = op_new(h, op);
    optext_read(o, doc);
    o->reopen_hours = (unsigned)json_opt_int(doc, "reopen_hours", h->cf.reopen_hours);
    const json_t *channels = json_object_get(doc, "channels");
    stop_all(o, channels, 5000);
    json_array_foreach(channels, i, spec) put_channel(o, spec);
    media_kick(o);
    json_decref(doc);
}

static void op_stop(struct host_op *o, unsigned grace_ms)
{
    o->gone = true;
    stop_all(o, NULL, grace_ms);
    if (o->listener)
        store_unlisten(&o->listener);
    media_stop(o);
    files_close(o);
}

void host_operation_gone(struct host *h, struct store_op *op)
{
    struct host_op *o = map_del(&h->ops, slice_str(store_op_name(op)));
    if (o) {
        op_stop(o, 1000);
        list_push(&h->gone, &o->link);
    }
}

/* ---- the end ---- */

static void drained(void *arg)
{
    struct host *h = arg;
    void (*done)(void *) = h->drained;
    h->drained = NULL;
    if (done)
        done(h->drained_arg);
}

void host_maybe_drained(struct host *h)
{
    if (h->draining && h->drained && list_empty(&h->dying))
        loop_defer(h->loop, drained, h);
}

void host_drain(struct host *h, unsigned grace_ms, void (*done)(void *arg), void *arg)
{
    struct slice name;
    void *o;
    h->draining = true;
    h->drained = done;
    h->drained_arg = arg;
    for (size_t i = 0; map_each(&h->ops, &i, &name, &o);)
        op_stop(o, grace_ms);
    host_maybe_drained(h);
}

static void op_free(void *p)
{
    struct host_op *o = p;
    watch_clear(o);
    map_clear(&o->fallback, mem_free);
    map_clear(&o->texts, mem_free);
    map_clear(&o->channels, NULL);
    map_clear(&o->people, mem_free);
    map_clear(&o->typing, mem_free);
    for (size_t i = 0; o->languages[i]; i++)
        mem_free(o->languages[i]);
    mem_free(o->languages);
    mem_wipe(o->file_key, sizeof(o->file_key));
    mem_free(o->name);
    mem_free(o);
}

void host_free(struct host **ph)
{
    struct host *h = *ph;
    if (!h)
        return;
    *ph = NULL;
    if (h->sweep)
        timer_free(&h->sweep);
    map_clear(&h->ops, op_free);
    for (struct list *n; (n = list_pop(&h->gone));)
        op_free(container_of(n, struct host_op, link));
    map_clear(&h->buckets, mem_free);
    body_close(h);
    pages_clear(h);
    plugins_unload(h);
    if (h->guard)
        guard_free(&h->guard);
    if (h->guard_media)
        guard_free(&h->guard_media);
    arena_free(&h->arena);
    mem_free(h);
}

/* Channels with pages of their own have read them when they were made: they are made anew. */
void host_reload(struct host *h)
{
    struct slice name, id;
    void *op, *value;
    pages_clear(h);
    for (size_t i = 0; map_each(&h->ops, &i, &name, &op);) {
        struct host_op *o = op;
        for (size_t k = 0; map_each(&o->channels, &k, &id, &value);) {
            struct channel *ch = value;
            if (ch->plugin && ch->plugin->door_chat)
                memset(ch->spec, 0, sizeof(ch->spec));
        }
        host_operation_apply(h, o->op, store_op_document(o->op, NULL));
    }
}

/* ---- small things ---- */

void host_call_begin(struct channel *ch, struct host_call *c, void (*cancel)(struct host_call *c))
{
    c->ch = ch;
    c->cancel = cancel;
    list_push(&ch->calls, &c->link);
}

bool host_call_end(struct host_call *c)
{
    if (!c->ch)
        return false;
    list_del(&c->link);
    return true;
}

int connector_code_of(const struct err *e)
{
    switch (e ? e->code : 0) {
    case ERR_NONE:
        return CONNECTOR_OK;
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_ERASED:
    case ERR_CORRUPT:
        return CONNECTOR_EINVALID;
    case ERR_TOO_LARGE:
    case ERR_RATE:
    case ERR_FULL:
        return CONNECTOR_ELIMIT;
    case ERR_CANCELLED:
        return CONNECTOR_ECANCELLED;
    case ERR_UNSUPPORTED:
        return CONNECTOR_EUNSUPPORTED;
    default:
        return CONNECTOR_EAWAY;
    }
}

bool bucket_take(struct bucket *b, int64_t now_ms, double per_ms, double burst, unsigned *wait_ms)
{
    b->left += (double)(now_ms - b->at_ms) * per_ms;
    b->at_ms = now_ms;
    if (b->left > burst)
        b->left = burst;
    if (b->left >= 1) {
        b->left -= 1;
        return true;
    }
    if (wait_ms) {
        double wait = per_ms > 0 ? (1 - b->left) / per_ms : 60000;
        *wait_ms = wait >= 60000 ? 60000 : (unsigned)wait + 1;
    }
    return false;
}
