/* SPDX-License-Identifier: Apache-2.0
 * The fake host's doors: requests that come in, and what the connector delivers. */
#include "connectors/testkit/kit_internal.h"
#include "gateway/base/err.h"
#include "gateway/base/json.h"
#include "gateway/host/form.h"
#include <stdio.h>
#include <strings.h>

/* ---- the connector's view of a request ---- */

static const char *raw_header(connector_request rq, const char *name)
{
    for (size_t i = 0; rq->headers[i]; i += 2) {
        if (strcasecmp(rq->headers[i], name) == 0)
            return rq->headers[i + 1];
    }
    return NULL;
}

static void alive(connector_request rq, const char *what)
{
    if (rq->answer.done)
        kit_broke(rq->k, 5, "%s of a request that was answered", what);
}

static struct connector_bytes h_header(connector_request rq, const char *lower_name)
{
    alive(rq, "header");
    return kit_bytes(raw_header(rq, lower_name));
}

static bool h_cookie(connector_request rq, const char *name, struct connector_bytes *value)
{
    const char *line = raw_header(rq, "cookie");
    struct slice rest = slice_str(line), part;
    alive(rq, "cookie");
    while (line && slice_next(&rest, ';', &part)) {
        struct slice v = slice_trim(part), key;
        if (slice_next(&v, '=', &key) && slice_is(key, name)) {
            *value = kit_bytes_of(v);
            return true;
        }
    }
    return false;
}

static struct form *form_of(connector_request rq)
{
    if (rq->verifying)
        kit_broke(rq->k, 2, "verify reads the form");
    if (!rq->form) {
        struct connector_bytes type = h_header(rq, "content-type");
        rq->form = mem_alloc(sizeof(*rq->form));
        rq->form_arena = arena_new();
        if (form_parse(kit_slice(type), kit_slice(rq->info.body), rq->form_arena, rq->form, NULL) != 0)
            rq->form->n = 0;
    }
    return rq->form;
}

static bool h_form(connector_request rq, const char *name, struct connector_bytes *value)
{
    alive(rq, "form");
    const struct form_part *p = form_field(form_of(rq), name);
    if (p) {
        *value = kit_bytes_of(p->value);
        return true;
    }
    struct buf b;
    buf_init(&b, 65536);
    bool there = text_form_get(kit_slice(rq->info.query), name, &b);
    if (there) {
        struct slice s = arena_slice(rq->form_arena, buf_view(&b));
        *value = kit_bytes_of(s);
    }
    buf_clear(&b);
    return there;
}

static bool h_form_file(connector_request rq, size_t i, struct connector_bytes *name,
                        struct connector_bytes *type, struct connector_bytes *bytes)
{
    alive(rq, "form_file");
    const struct form_part *p = form_file(form_of(rq), i);
    if (!p)
        return false;
    *name = kit_bytes_of(p->filename);
    *type = kit_bytes_of(p->type);
    *bytes = kit_bytes_of(p->value);
    return true;
}

static void h_on_gone(connector_request rq, void (*gone)(void *arg), void *arg)
{
    alive(rq, "on_gone");
    rq->gone = gone;
    rq->gone_arg = arg;
}

/* What the connector was given dies here, so that AddressSanitizer sees whoever kept it. */
static void let_go(struct kit *k, void *arg)
{
    connector_request rq = arg;
    (void)k;
    arena_free(&rq->arena);
    if (rq->form_arena)
        arena_free(&rq->form_arena);
}

static void h_reply(connector_request rq, int status, const struct connector_header *headers, size_t n,
                    struct connector_bytes body)
{
    struct kit *k = rq->k;
    if (rq->verifying)
        kit_broke(k, 2, "verify answers");
    if (rq->answer.done && k->stopped)
        return; /* the host has answered it */
    if (rq->answer.done) {
        kit_broke(k, 3, "a request was answered twice");
        return;
    }
    if (status < 200 || status > 599)
        kit_broke(k, 0, "status %d", status);
    const char **copy = arena_alloc(k->arena, (2 * n + 1) * sizeof(*copy));
    for (size_t i = 0; i < n; i++) {
        copy[2 * i] = arena_strdup(k->arena, headers[i].name);
        copy[2 * i + 1] = arena_strdup(k->arena, headers[i].value);
        if (strpbrk(headers[i].value, "\r\n"))
            kit_broke(k, 0, "a line end in the header %s", headers[i].name);
    }
    struct connector_bytes b = kit_copy(k, body);
    rq->answer = (struct kit_answer){
        .done = true, .status = status, .body = (char *)(uintptr_t)b.p, .body_n = b.n, .headers = copy};
    kit_later(k, let_go, rq);
}

static void h_problem(connector_request rq, int status, const char *detail)
{
    static const struct connector_header type = {"content-type", "application/problem+json"};
    struct buf b;
    buf_init(&b, 4096);
    kit_no_secret(rq->k, "a problem", detail);
    buf_str(&b, "{\"type\":\"about:blank\",\"detail\":");
    buf_json_str(&b, slice_str(detail ? detail : ""));
    buf_printf(&b, ",\"status\":%d}", status);
    h_reply(rq, status, &type, 1, (struct connector_bytes){b.p, b.n});
    buf_clear(&b);
}

/* ---- a request comes ---- */

static struct connector_bytes into(struct arena *a, struct connector_bytes b)
{
    return (struct connector_bytes){arena_dup(a, b.n ? b.p : "", b.n), b.n};
}

static connector_request request_new(struct kit *k, const struct kit_request *in)
{
    connector_request rq = mem_alloc(sizeof(*rq));
    size_t n = 0;
    rq->k = k;
    rq->arena = arena_new();
    while (in->headers && in->headers[n])
        n++;
    rq->headers = arena_alloc(rq->arena, (n + 1) * sizeof(*rq->headers));
    for (size_t i = 0; i < n; i++)
        rq->headers[i] = arena_strdup(rq->arena, in->headers[i]);
    const char *door = in->door ? in->door : "hooks", *path = in->path ? in->path : "";
    char *target = arena_printf(rq->arena, "/%s/%s/%s%s%s%s", door, k->op, k->channel, path,
                                in->query && *in->query ? "?" : "", in->query ? in->query : "");
    const char *origin = raw_header(rq, "origin");
    rq->info = (struct connector_request_info){.size = sizeof(rq->info),
                                               .method = in->method ? in->method : "POST",
                                               .door = into(rq->arena, kit_bytes(door)),
                                               .path = into(rq->arena, kit_bytes(path)),
                                               .query = into(rq->arena, kit_bytes(in->query)),
                                               .target = kit_bytes(target),
                                               .body = into(rq->arena, in->body),
                                               .origin = kit_bytes(origin),
                                               .secure = !in->insecure};
    list_push(&k->requests, &rq->link);
    return rq;
}

/* As the host: who is it from, then is it JSON that may be looked at. False: answered. */
static bool let_in(struct kit *k, connector_request rq, bool hooks)
{
    struct connector_error e = {0};
    if (hooks && k->c->verify) {
        size_t delivers = k->delivers, fetches = k->fetches_n;
        rq->verifying = true;
        kit_enter(k);
        int rc = k->c->verify(k->inst, rq, &rq->info, &e);
        kit_leave(k);
        rq->verifying = false;
        if (delivers != k->delivers || fetches != k->fetches_n)
            kit_broke(k, 2, "verify delivers or fetches");
        kit_no_secret(k, "the error of verify", e.text);
        if (rc != CONNECTOR_OK) {
            h_problem(rq, rc == CONNECTOR_EAUTH ? 401 : rc == CONNECTOR_EINVALID ? 400 : 503, e.text);
            return false;
        }
    }
    if (hooks && (k->c->capabilities & CONNECTOR_JSON) && strcmp(rq->info.method, "POST") == 0) {
        struct err why = {0};
        json_t *j = json_parse(kit_slice(rq->info.body), JSON_DEPTH_DEFAULT, &why);
        if (!j) {
            h_problem(rq, 400, why.text);
            return false;
        }
        json_decref(j);
    }
    return true;
}

struct kit_answer *kit_request(struct kit *k, const struct kit_request *in)
{
    connector_request rq = request_new(k, in);
    if (k->stopped) {
        h_problem(rq, 503, "stopped");
    } else if (let_in(k, rq, !in->door || strcmp(in->door, "hooks") == 0)) {
        if (!k->c->request) {
            h_problem(rq, 404, NULL);
        } else {
            kit_enter(k);
            k->c->request(k->inst, rq, &rq->info);
            kit_leave(k);
        }
    }
    kit_turn(k);
    return &rq->answer;
}

const char *kit_answer_header(const struct kit_answer *a, const char *name)
{
    for (size_t i = 0; a->headers && a->headers[i]; i += 2) {
        if (strcasecmp(a->headers[i], name) == 0)
            return a->headers[i + 1];
    }
    return NULL;
}

void kit_request_gone(struct kit *k, struct kit_answer *a)
{
    connector_request rq = container_of(a, struct connector_request, answer);
    if (!a->done && rq->gone && !rq->gone_told) {
        rq->gone_told = true;
        kit_enter(k);
        rq->gone(rq->gone_arg);
        kit_leave(k);
    }
    kit_turn(k);
}

/* ---- deliver ---- */

static struct connector_item copy_item(struct kit *k, const struct connector_item *in)
{
    struct connector_item it = {0};
    memcpy(&it, in, in->size < sizeof(it) ? in->size : sizeof(it));
    struct connector_bytes *all[] = {&it.id,    &it.from,       &it.also,       &it.name,     &it.locale,
                                     &it.text,  &it.target,     &it.group,      &it.reply_to, &it.choice,
                                     &it.topic, &it.error_code, &it.error_text, &it.raw};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        *all[i] = kit_copy(k, *all[i]);
    struct connector_media *media = arena_alloc(k->arena, (it.media_n + 1) * sizeof(*media));
    for (size_t i = 0; i < it.media_n; i++) {
        media[i] = in->media[i];
        struct connector_bytes *m[] = {&media[i].type, &media[i].name, &media[i].bytes, &media[i].url,
                                       &media[i].ref};
        for (size_t j = 0; j < sizeof(m) / sizeof(m[0]); j++)
            *m[j] = kit_copy(k, *m[j]);
        media[i].blob = arena_strdup(k->arena, media[i].blob);
    }
    it.media = media;
    if (it.location) {
        struct connector_location *l = arena_alloc(k->arena, sizeof(*l));
        *l = *it.location;
        l->name = kit_copy(k, l->name);
        l->address = kit_copy(k, l->address);
        it.location = l;
    }
    if (it.card) {
        struct connector_card *c = arena_alloc(k->arena, sizeof(*c));
        *c = *it.card;
        c->name = kit_copy(k, c->name);
        c->phone = kit_copy(k, c->phone);
        c->email = kit_copy(k, c->email);
        it.card = c;
    }
    return it;
}

/* What every item must be, whoever wrote it. */
static void judge(struct kit *k, const struct connector_item *it)
{
    bool nameless = it->kind == CONNECTOR_TYPING || it->kind == CONNECTOR_READ || it->kind == CONNECTOR_BAD;
    if (it->kind < CONNECTOR_MESSAGE || it->kind > CONNECTOR_BAD)
        kit_broke(k, 0, "an item of unknown kind %d", (int)it->kind);
    if (!nameless && !it->id.n)
        kit_broke(k, 0, "an item of kind %d without an id", (int)it->kind);
    if (it->kind != CONNECTOR_BAD && it->kind != CONNECTOR_STATUS && !memchr(it->from.p, ':', it->from.n))
        kit_broke(k, 0, "an item of kind %d whose sender is no address URI", (int)it->kind);
    if ((it->kind == CONNECTOR_EDIT || it->kind == CONNECTOR_DELETION || it->kind == CONNECTOR_REACTION ||
         it->kind == CONNECTOR_STATUS) &&
        !it->target.n)
        kit_broke(k, 0, "an item of kind %d without a target", (int)it->kind);
    if (it->kind == CONNECTOR_BAD && !it->raw.n)
        kit_broke(k, 7, "a bad item without its bytes");
    for (size_t i = 0; i < it->media_n; i++) {
        const struct connector_media *m = &it->media[i];
        int n = (m->bytes.n > 0) + (m->blob != NULL) + (m->url.n > 0) + (m->ref.n > 0);
        if (m->size < sizeof(uint32_t) || n != 1)
            kit_broke(k, 0, "a file with %d of bytes, blob, url and ref (size %u)", n, m->size);
        if (m->ref.n && !k->c->media)
            kit_broke(k, 0, "a file by ref, and no `media` to fetch it");
    }
}

static bool seen(struct kit *k, const struct connector_item *it, struct connector_delivered *d)
{
    if (!it->id.n)
        return false;
    struct buf key;
    buf_init(&key, 65536);
    if (it->id_per_sender)
        buf_add(&key, it->from.p, it->from.n);
    buf_char(&key, '\n');
    buf_add(&key, it->id.p, it->id.n);
    const char *before = map_get(&k->seen, buf_view(&key));
    if (before) {
        snprintf(d->entry, sizeof(d->entry), "%s", before);
    } else {
        char *name = arena_printf(k->arena, "entry%zu", ++k->entries_n);
        snprintf(d->entry, sizeof(d->entry), "%s", name);
        map_put(&k->seen, buf_view(&key), name);
    }
    buf_clear(&key);
    return before != NULL;
}

static void store_one(struct kit *k, const struct connector_item *it, struct connector_delivered *d)
{
    *d = (struct connector_delivered){.size = sizeof(*d), .outcome = CONNECTOR_ITEM_STORED};
    if (seen(k, it, d)) {
        d->outcome = CONNECTOR_ITEM_DUPLICATE;
        k->duplicates++;
        return;
    }
    if (it->kind == CONNECTOR_BAD || !text_valid(kit_slice(it->text), NULL)) {
        d->outcome = CONNECTOR_ITEM_QUARANTINED;
        d->entry[0] = 0;
    }
    size_t cap = k->items_cap;
    k->items = kit_grow(k->items, k->items_n, &k->items_cap, sizeof(*k->items));
    if (cap != k->items_cap)
        k->results = mem_realloc(k->results, k->items_cap * sizeof(*k->results));
    k->items[k->items_n] = *it;
    k->results[k->items_n++] = *d;
    if (d->outcome == CONNECTOR_ITEM_STORED && it->kind == CONNECTOR_MESSAGE)
        kit_stored(k, it, d);
}

static void finish(struct kit *k, struct kit_delivery *d)
{
    if (!d->err) {
        for (size_t i = 0; i < d->n; i++)
            store_one(k, &d->items[i], &d->results[i]);
    }
    kit_enter(k);
    d->done(d->arg, d->err, d->err ? NULL : d->results, d->err ? 0 : d->n);
    kit_leave(k);
    mem_free(d);
}

static void delivered(struct kit *k, void *arg)
{
    struct kit_delivery *d = arg;
    d->err = kit_err(k);
    if (k->store == KIT_HOLDS && !d->err) {
        list_push(&k->held, &d->link);
        return;
    }
    finish(k, d);
}

void kit_cancel_in(struct kit *k)
{
    struct list *n;
    while ((n = list_pop(&k->held))) {
        struct kit_delivery *d = container_of(n, struct kit_delivery, link);
        d->err = CONNECTOR_ECANCELLED;
        finish(k, d);
    }
}

static void h_deliver(void *inst, const struct connector_item *items, size_t n,
                      void (*done)(void *arg, int err, const struct connector_delivered *results, size_t n),
                      void *arg)
{
    struct kit *k = KIT(inst);
    struct kit_delivery *d = mem_alloc(sizeof(*d));
    kit_active(k, "deliver");
    if (n == 0)
        kit_broke(k, 0, "delivers nothing");
    k->delivers++;
    *d = (struct kit_delivery){.k = k, .n = n, .done = done, .arg = arg};
    d->items = arena_alloc(k->arena, (n + 1) * sizeof(*d->items));
    d->results = arena_alloc(k->arena, (n + 1) * sizeof(*d->results));
    for (size_t i = 0; i < n; i++) {
        if (items[i].size < offsetof(struct connector_item, raw)) {
            kit_broke(k, 0, "an item without its size");
            d->items[i] = (struct connector_item){.size = sizeof(d->items[i]), .kind = CONNECTOR_BAD};
            continue;
        }
        d->items[i] = copy_item(k, &items[i]);
        judge(k, &d->items[i]);
    }
    kit_later(k, delivered, d);
}

void kit_store(struct kit *k, enum kit_store how)
{
    k->store = how;
}

void kit_release(struct kit *k)
{
    struct list *n;
    k->store = KIT_STORES;
    while ((n = list_pop(&k->held)))
        finish(k, container_of(n, struct kit_delivery, link));
    kit_turn(k);
}

size_t kit_items(const struct kit *k)
{
    return k->items_n;
}

const struct connector_item *kit_item(const struct kit *k, size_t i)
{
    return i < k->items_n ? &k->items[i] : NULL;
}

const struct connector_delivered *kit_item_result(const struct kit *k, size_t i)
{
    return i < k->items_n ? &k->results[i] : NULL;
}

size_t kit_duplicates(const struct kit *k)
{
    return k->duplicates;
}

size_t kit_delivers(const struct kit *k)
{
    return k->delivers;
}

void kit_items_clear(struct kit *k)
{
    k->items_n = 0;
}

void kit_host_in(struct connector_host *h)
{
    h->deliver = h_deliver;
    h->reply = h_reply;
    h->problem = h_problem;
    h->header = h_header;
    h->cookie = h_cookie;
    h->form = h_form;
    h->form_file = h_form_file;
    h->on_gone = h_on_gone;
}
