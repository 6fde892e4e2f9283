/* SPDX-License-Identifier: Apache-2.0
 * The fake host's other side: sends, fetches, media. */
#include "connectors/testkit/kit_internal.h"
#include <stdio.h>
#include <strings.h>

/* ---- sending ---- */

struct connector_message kit_message(const char *to, const char *text)
{
    return (struct connector_message){.size = sizeof(struct connector_message),
                                      .kind = CONNECTOR_MESSAGE,
                                      .entry = "entry-1",
                                      .attempt = 1,
                                      .to = kit_bytes(to),
                                      .text = kit_bytes(text),
                                      .parts = 1};
}

static struct connector_bytes into(struct arena *a, struct connector_bytes b)
{
    return (struct connector_bytes){arena_dup(a, b.n ? b.p : "", b.n), b.n};
}

static void copy_lists(struct arena *a, const struct connector_message *m, struct connector_message *c)
{
    struct connector_file *f = arena_alloc(a, (m->files_n + 1) * sizeof(*f));
    for (size_t i = 0; i < m->files_n; i++) {
        f[i] = m->files[i];
        f[i].size = sizeof(f[i]);
        f[i].blob = arena_strdup(a, f[i].blob);
        f[i].url = f[i].url ? arena_strdup(a, f[i].url) : NULL;
        f[i].type = into(a, f[i].type);
        f[i].name = into(a, f[i].name);
    }
    c->files = f;
    struct connector_choice *ch = arena_alloc(a, (m->choices_n + 1) * sizeof(*ch));
    for (size_t i = 0; i < m->choices_n; i++)
        ch[i] = (struct connector_choice){into(a, m->choices[i].id), into(a, m->choices[i].title)};
    c->choices = ch;
    if (m->location) {
        struct connector_location *l = arena_alloc(a, sizeof(*l));
        *l = *m->location;
        l->name = into(a, l->name);
        l->address = into(a, l->address);
        c->location = l;
    }
}

struct kit_sent *kit_send(struct kit *k, const struct connector_message *m)
{
    connector_token t = mem_alloc(sizeof(*t));
    struct arena *a = arena_new();
    t->k = k;
    t->sent.token = t;
    list_push(&k->tokens, &t->link);
    struct connector_message c = *m;
    c.entry = arena_strdup(a, m->entry);
    c.language = m->language ? arena_strdup(a, m->language) : NULL;
    c.to = into(a, m->to);
    c.text = into(a, m->text);
    c.target = into(a, m->target);
    c.reply_to = into(a, m->reply_to);
    copy_lists(a, m, &c);
    k->sending = t;
    kit_enter(k);
    t->sent.code = k->c->send(k->inst, &c, t);
    kit_leave(k);
    k->sending = NULL;
    arena_free(&a);
    if (t->sent.code != CONNECTOR_OK)
        t->over = true;
    kit_turn(k);
    return &t->sent;
}

static void h_sent(void *inst, connector_token t, const struct connector_result *r)
{
    struct kit *k = KIT(inst);
    if (k->stopped)
        return; /* the host has told it as unknown */
    if (k->sending == t)
        kit_broke(k, 4, "sent from inside send");
    if (t->over) {
        kit_broke(k, 4, "a send ended twice, or one that was refused");
        return;
    }
    t->over = true;
    t->sent.done = true;
    if (r->size < offsetof(struct connector_result, code)) {
        kit_broke(k, 0, "a result without its size");
        return;
    }
    memcpy(&t->sent.r, r, r->size < sizeof(*r) ? r->size : sizeof(*r));
    if (r->outcome < CONNECTOR_OUT_SENT || r->outcome > CONNECTOR_OUT_AUTH)
        kit_broke(k, 0, "an unknown outcome %d", (int)r->outcome);
    if (r->external_ids_n > 10)
        kit_broke(k, 0, "more than ten ids");
    for (size_t i = 0; i < r->external_ids_n && i < 10; i++)
        t->sent.r.external_ids[i] = kit_copy(k, r->external_ids[i]);
    t->sent.r.code = kit_copy(k, t->sent.r.code);
    t->sent.r.text = kit_copy(k, t->sent.r.text);
    t->sent.r.moved_to = kit_copy(k, t->sent.r.moved_to);
    kit_no_secret(k, "the error of a send", t->sent.r.text.p);
}

/* ---- fetching ---- */

static void answer_now(struct kit *k, void *arg)
{
    struct kit_transfer *t = arg;
    const struct kit_fetched *a = &t->answer;
    if (t->f.answered)
        return;
    t->f.answered = true;
    struct connector_fetched r = {.size = sizeof(r), .error = a->error, .maybe_sent = a->maybe_sent};
    char *body = NULL;
    struct connector_header headers[16];
    if (!a->error) {
        for (; a->headers && a->headers[2 * r.headers_n] && r.headers_n < 16; r.headers_n++)
            headers[r.headers_n] =
                (struct connector_header){a->headers[2 * r.headers_n], a->headers[2 * r.headers_n + 1]};
        r.headers = headers;
        size_t n = a->body ? (a->body_n ? a->body_n : strlen(a->body)) : 0;
        body = mem_dup(n ? a->body : "", n);
        r.status = a->status ? a->status : 200;
        r.body = (struct connector_bytes){body, n};
    } else {
        r.why.code = a->error;
        snprintf(r.why.text, sizeof(r.why.text), "no answer");
    }
    kit_enter(k);
    t->done(t->arg, &r);
    kit_leave(k);
    mem_free(body);
}

static void ask_provider(struct kit *k, void *arg)
{
    struct kit_transfer *t = arg;
    t->answer = (struct kit_fetched){.error = CONNECTOR_EAWAY};
    if (k->stopped) {
        t->answer.error = CONNECTOR_ECANCELLED;
    } else if (k->provider) {
        t->answer.error = 0;
        k->provider(k->provider_arg, &t->f, &t->answer);
    }
    if (!t->answer.hold)
        answer_now(k, t);
}

static void copy_fetch(struct kit *k, const struct connector_fetch *in, struct kit_fetch *f)
{
    const char **h = arena_alloc(k->arena, (2 * in->headers_n + 1) * sizeof(*h));
    for (size_t i = 0; i < in->headers_n; i++) {
        h[2 * i] = arena_strdup(k->arena, in->headers[i].name);
        h[2 * i + 1] = arena_strdup(k->arena, in->headers[i].value);
    }
    struct connector_part *p = arena_alloc(k->arena, (in->parts_n + 1) * sizeof(*p));
    for (size_t i = 0; i < in->parts_n; i++) {
        p[i] = (struct connector_part){.name = arena_strdup(k->arena, in->parts[i].name),
                                       .filename = arena_strdup(k->arena, in->parts[i].filename),
                                       .type = arena_strdup(k->arena, in->parts[i].type),
                                       .bytes = kit_copy(k, in->parts[i].bytes),
                                       .blob = arena_strdup(k->arena, in->parts[i].blob)};
        if (p[i].blob && !kit_blob_get(k, p[i].blob))
            kit_broke(k, 0, "a part of a blob that does not exist");
    }
    struct connector_bytes body = kit_copy(k, in->body);
    *f = (struct kit_fetch){.method = arena_strdup(k->arena, in->method),
                            .url = arena_strdup(k->arena, in->url),
                            .headers = h,
                            .body = body.p,
                            .body_n = body.n,
                            .parts = p,
                            .parts_n = in->parts_n,
                            .about = CONNECTOR_HAS(in, about) ? in->about : NULL,
                            .timeout_ms = in->timeout_ms};
}

static void h_fetch(void *inst, const struct connector_fetch *in,
                    void (*done)(void *arg, const struct connector_fetched *r), void *arg)
{
    struct kit *k = KIT(inst);
    kit_active(k, "fetch");
    if (in->size < offsetof(struct connector_fetch, parts) || !in->method || !in->url)
        kit_broke(k, 0, "a fetch without size, method or url");
    if (CONNECTOR_HAS(in, about) && in->about && in->about->over)
        kit_broke(k, 4, "a fetch about a send that has ended");
    struct kit_transfer *t = mem_alloc(sizeof(*t));
    t->k = k;
    t->done = done;
    t->arg = arg;
    copy_fetch(k, in, &t->f);
    k->fetches = kit_grow(k->fetches, k->fetches_n, &k->fetches_cap, sizeof(*k->fetches));
    k->fetches[k->fetches_n++] = t;
    kit_later(k, ask_provider, t);
}

bool kit_out_waits(const struct kit *k)
{
    for (size_t i = 0; i < k->fetches_n; i++) {
        if (!k->fetches[i]->f.answered)
            return false; /* the test holds an answer back */
    }
    for (const struct list *n = k->tokens.next; n != &k->tokens; n = n->next) {
        if (!container_of(n, const struct connector_token, link)->over)
            return true;
    }
    return false;
}

void kit_cancel_out(struct kit *k)
{
    for (struct list *n = k->tokens.next; n != &k->tokens; n = n->next) {
        connector_token t = container_of(n, struct connector_token, link);
        if (!t->over) {
            t->over = t->sent.done = true;
            t->sent.r.outcome = CONNECTOR_OUT_UNKNOWN;
        }
    }
    for (size_t i = 0; i < k->fetches_n; i++) {
        k->fetches[i]->answer = (struct kit_fetched){.error = CONNECTOR_ECANCELLED, .maybe_sent = true};
        answer_now(k, k->fetches[i]);
    }
}

void kit_provider(struct kit *k, void (*answer)(void *arg, const struct kit_fetch *f, struct kit_fetched *a),
                  void *arg)
{
    k->provider = answer;
    k->provider_arg = arg;
}

size_t kit_fetches(const struct kit *k)
{
    return k->fetches_n;
}

const struct kit_fetch *kit_fetch(const struct kit *k, size_t i)
{
    return i < k->fetches_n ? &k->fetches[i]->f : NULL;
}

const char *kit_fetch_header(const struct kit_fetch *f, const char *name)
{
    for (size_t i = 0; f->headers[i]; i += 2) {
        if (strcasecmp(f->headers[i], name) == 0)
            return f->headers[i + 1];
    }
    return NULL;
}

void kit_fetch_answer(struct kit *k, size_t i, const struct kit_fetched *a)
{
    if (i < k->fetches_n) {
        k->fetches[i]->answer = *a;
        answer_now(k, k->fetches[i]);
    }
    kit_turn(k);
}

/* ---- media ---- */

struct media_call {
    struct kit *k;
    struct kit_media m;
    bool inside;
};

static void media_done(void *arg, int err, struct connector_bytes bytes, struct connector_bytes type,
                       struct connector_bytes name)
{
    struct media_call *c = arg;
    if (c->inside)
        kit_broke(c->k, 5, "media is done from inside");
    if (c->m.done)
        kit_broke(c->k, 5, "media is done twice");
    c->m = (struct kit_media){true, err, kit_copy(c->k, bytes), kit_copy(c->k, type), kit_copy(c->k, name)};
}

struct kit_media *kit_media(struct kit *k, const char *ref)
{
    struct media_call *c = arena_alloc(k->arena, sizeof(*c));
    char *copy = mem_strdup(ref);
    c->k = k;
    c->inside = true;
    kit_enter(k);
    k->c->media(k->inst, kit_bytes(copy), media_done, c);
    kit_leave(k);
    c->inside = false;
    mem_free(copy);
    kit_turn(k);
    return &c->m;
}

void kit_host_out(struct connector_host *h)
{
    h->sent = h_sent;
    h->fetch = h_fetch;
}
