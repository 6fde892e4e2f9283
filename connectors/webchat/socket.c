/* SPDX-License-Identifier: Apache-2.0
 * A page's websocket: subscribes before it reads the history, so that nothing falls between, and sends no
 * entry twice. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX (256u << 10)
#define HELLO_MS    10000
#define PAGE_NEW    50
#define PAGE_AFTER  200

struct held { /* what happened while the history was being read */
    struct held *next;
    char id[40];
    bool entry;
    struct out json;
};

struct sock {
    struct link link;
    struct sock *next, **at; /* in connector_instance.socks */
    connector_socket s;
    connector_watch watch;
    connector_timer patience;
    bool loading; /* the history is under way */
    bool welcomed;
    char after[40];
    struct held *held, **held_end;
};

static struct sock *sock_of(struct link *l)
{
    return (struct sock *)(void *)((char *)l - offsetof(struct sock, link));
}

static void held_clear(struct sock *k)
{
    while (k->held) {
        struct held *h = k->held;
        k->held = h->next;
        out_clear(&h->json);
        free(h);
    }
    k->held_end = &k->held;
}

static void release(struct sock *k)
{
    if (!k->link.gone || k->link.refs)
        return;
    held_clear(k);
    k->link.c->links--;
    free(k);
}

static void on_idle(struct link *l)
{
    release(sock_of(l));
}

static void on_frame(struct link *l, struct connector_bytes json)
{
    struct sock *k = sock_of(l);
    l->c->h->socket_send(k->s, json); /* over its limit the host closes it, and the page resumes */
}

/* ---- what happens on the person's threads ---- */

static void tell(struct sock *k, const char *id, bool entry, struct out *json)
{
    if (k->loading) {
        struct held *h = calloc(1, sizeof *h);
        if (!h)
            abort();
        snprintf(h->id, sizeof h->id, "%s", id ? id : "");
        h->entry = entry;
        h->json = *json;
        *k->held_end = h;
        k->held_end = &h->next;
        return;
    }
    if (!json->over && !k->link.gone)
        k->link.c->h->socket_send(k->s, out_view(json));
    if (entry)
        snprintf(k->link.last, sizeof k->link.last, "%s", id);
    out_clear(json);
}

static void tell_entry(struct sock *k, const struct connector_entry *en)
{
    struct out o, one;
    out_init(&o, 1u << 20);
    out_init(&one, 1u << 20);
    if (frames_entry(&one, en)) {
        out_str(&o, "{\"type\":\"entry\",\"entry\":");
        out_bytes(&o, out_view(&one));
        out_str(&o, "}");
        tell(k, en->id, true, &o);
    }
    out_clear(&one);
}

static void tell_id(struct sock *k, const char *type, const char *id)
{
    struct out o;
    out_init(&o, 1024);
    out_str(&o, "{\"type\":\"");
    out_str(&o, type);
    out_str(&o, "\",\"id\":");
    out_json(&o, bytes_of(id));
    out_str(&o, "}");
    tell(k, id, false, &o);
}

static void on_change(void *arg, enum connector_change what, const struct connector_entry *en, bool on)
{
    struct sock *k = arg;
    struct out o;
    if (k->link.gone)
        return;
    switch (what) {
    case CONNECTOR_ENTRY_ADDED:
    case CONNECTOR_ENTRY_CHANGED:
        if (en)
            tell_entry(k, en);
        break;
    case CONNECTOR_AGENT_READ:
        if (en && en->id)
            tell_id(k, "read", en->id);
        break;
    case CONNECTOR_AGENT_TYPING:
        out_init(&o, 256);
        out_str(&o, on ? "{\"type\":\"typing\",\"on\":true}" : "{\"type\":\"typing\",\"on\":false}");
        tell(k, NULL, false, &o);
        break;
    default:
        break;
    }
}

/* ---- hello ---- */

/* Was it in the history that has just been sent? */
static bool in_history(const struct held *h, const struct connector_entry *entries, size_t n)
{
    for (size_t i = 0; h->entry && i < n; i++)
        if (strcmp(h->id, entries[i].id) == 0)
            return true;
    return false;
}

/* Takes out of what is held what has just been sent. */
static void drop_held(struct sock *k, const struct connector_entry *entries, size_t n)
{
    for (struct held **at = &k->held; *at;) {
        struct held *h = *at;
        if (!in_history(h, entries, n)) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        out_clear(&h->json);
        free(h);
    }
    k->held_end = &k->held;
    while (*k->held_end)
        k->held_end = &(*k->held_end)->next;
}

static void flush_held(struct sock *k, const struct connector_entry *entries, size_t n)
{
    drop_held(k, entries, n);
    struct held *list = k->held;
    k->held = NULL;
    k->held_end = &k->held;
    while (list) {
        struct held *h = list;
        list = h->next;
        tell(k, h->id, h->entry, &h->json);
        free(h);
    }
}

static void on_history(void *arg, int err, const struct connector_entry *entries, size_t n);

static void read_on(struct sock *k)
{
    struct link *l = &k->link;
    l->refs++;
    l->c->h->history(l->c->inst, session_address(&l->session), k->after,
                     *k->after ? PAGE_AFTER : PAGE_NEW + 1, on_history, k);
}

static void history_failed(struct sock *k, int err)
{
    k->loading = false;
    held_clear(k);
    if (err == CONNECTOR_EINVALID)
        k->link.c->h->socket_send(k->s, bytes_of("{\"type\":\"reset\"}"));
    else
        frames_error(&k->link, "unavailable", "the conversation can't be read now",
                     (struct connector_bytes){0, 0}, 5000);
}

static void say_page(struct sock *k, const struct connector_entry *entries, size_t n)
{
    struct link *l = &k->link;
    size_t from = !*k->after && n > PAGE_NEW ? n - PAGE_NEW : 0;
    if (!k->welcomed) {
        frames_welcome(l, entries + from, n - from, from > 0);
        k->welcomed = true;
        return;
    }
    k->loading = false; /* these go out now, not behind what is held */
    for (size_t i = 0; i < n; i++)
        tell_entry(k, &entries[i]);
    k->loading = true;
}

static void on_history(void *arg, int err, const struct connector_entry *entries, size_t n)
{
    struct sock *k = arg;
    struct link *l = &k->link;
    l->refs--;
    if (l->gone || !l->hello) {
        release(k);
        return;
    }
    if (err != CONNECTOR_OK) {
        history_failed(k, err);
        return;
    }
    say_page(k, entries, n);
    if (*k->after && n == PAGE_AFTER) { /* there may be more */
        drop_held(k, entries, n);
        snprintf(k->after, sizeof k->after, "%s", entries[n - 1].id);
        read_on(k);
        return;
    }
    k->loading = false;
    flush_held(k, entries, n);
}

static void on_welcome(struct link *l, struct connector_bytes after)
{
    struct sock *k = sock_of(l);
    const struct connector_host *h = l->c->h;
    if (after.n > 39)
        after.n = 0;
    memcpy(k->after, after.p ? after.p : "", after.n);
    k->after[after.n] = '\0';
    if (k->patience) {
        h->timer_cancel(k->patience);
        k->patience = NULL;
    }
    if (k->watch)
        h->unwatch(k->watch);
    held_clear(k);
    k->loading = true;
    k->watch = h->watch(l->c->inst, session_address(&l->session), on_change, k);
    if (after.n)
        frames_got(l, after, false);
    k->welcomed = false;
    read_on(k);
}

static void on_forgotten(struct link *l)
{
    struct sock *k = sock_of(l);
    if (k->watch)
        l->c->h->unwatch(k->watch);
    k->watch = NULL;
    if (!l->gone)
        l->c->h->socket_close(k->s, 1000, "forgotten");
}

/* ---- the socket ---- */

static void on_impatient(void *arg)
{
    struct sock *k = arg;
    k->patience = NULL;
    if (!k->link.gone && !k->link.hello)
        k->link.c->h->socket_close(k->s, 1008, "no hello");
}

bool socket_open(connector_instance *c, connector_socket s, const struct connector_request_info *i)
{
    if (c->stopping || !i->origin.n)
        return false;
    struct sock *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->link = (struct link){
        .c = c, .frame = on_frame, .idle = on_idle, .welcome = on_welcome, .forgotten = on_forgotten};
    k->s = s;
    k->held_end = &k->held;
    k->next = c->socks;
    k->at = &c->socks;
    if (k->next)
        k->next->at = &k->next;
    c->socks = k;
    c->links++;
    c->h->socket_data(s, k);
    k->patience = c->h->timer(c->inst, HELLO_MS, on_impatient, k);
    return true;
}

void socket_text(connector_instance *c, connector_socket s, struct connector_bytes text)
{
    struct sock *k = c->h->socket_get(s);
    json_error_t e;
    if (text.n > MESSAGE_MAX) {
        c->h->socket_close(s, 1009, "too large");
        return;
    }
    json_t *frame = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(frame))
        frames_error(&k->link, "bad_frame", "a JSON object is wanted", (struct connector_bytes){0, 0}, 0);
    else
        frames_in(&k->link, frame);
    json_decref(frame);
}

void socket_closed(connector_instance *c, connector_socket s)
{
    struct sock *k = c->h->socket_get(s);
    if (!k)
        return;
    c->h->socket_data(s, NULL);
    k->link.gone = true;
    *k->at = k->next;
    if (k->next)
        k->next->at = k->at;
    if (k->watch)
        c->h->unwatch(k->watch);
    if (k->patience)
        c->h->timer_cancel(k->patience);
    k->watch = NULL;
    k->patience = NULL;
    release(k);
}

void socket_stop(connector_instance *c)
{
    for (struct sock *k = c->socks, *next; k; k = next) {
        next = k->next;
        c->h->socket_send(k->s, bytes_of("{\"type\":\"bye\",\"retry_ms\":3000}"));
        c->h->socket_close(k->s, 1001, "going away");
    }
}
