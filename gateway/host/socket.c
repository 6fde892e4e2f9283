/* SPDX-License-Identifier: Apache-2.0
 * A person's websocket: the host judges where it comes from and carries its frames, the connector speaks. */
#include "gateway/host/door.h"
#include "gateway/net/ws.h"
#include <string.h>

#define SOCKET_MESSAGE (256u << 10)

struct connector_socket {
    struct list link;
    struct channel *ch; /* NULL: its connector is gone, or has refused it */
    struct ws *ws;      /* NULL: closed */
    void *data;
    bool closing;
};

static void on_text(struct ws *w, struct slice message, void *arg)
{
    connector_socket s = arg;
    (void)w;
    if (s->ch && !s->closing)
        s->ch->plugin->c->socket_text(s->ch->c, s, bytes_from(message));
}

static void on_closed(struct ws *w, void *arg)
{
    connector_socket s = arg;
    struct channel *ch = s->ch;
    (void)w;
    s->ws = NULL;
    list_del(&s->link);
    if (ch)
        ch->plugin->c->socket_closed(ch->c, s);
    mem_free(s);
}

static const struct ws_events events = {.text = on_text, .closed = on_closed};

void door_upgrade(struct http_req *rq, void *arg)
{
    struct host *h = arg;
    struct door_path p;
    struct err e = {0};
    struct channel *ch = door_path(http_req_path(rq), &p) ? door_channel(h, &p) : NULL;
    if (!ch || h->draining) {
        door_problem(rq, ch ? 503 : 404, NULL);
        return;
    }
    struct slice origin = http_req_header(rq, "origin");
    if (!door_origin_ok(ch, rq, origin)) {
        door_problem(rq, 403, "this page may not speak to this channel");
        return;
    }
    /* The request is gone once it is accepted: what the connector is told of it is kept until then. */
    struct arena *a = arena_new();
    struct connector_request_info info = door_info(&p, rq);
    struct connector_bytes *kept[] = {&info.path, &info.query, &info.target, &info.origin};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        *kept[i] = bytes_from(arena_slice(a, slice_from(*kept[i])));
    info.door = bytes_from(SLICE("chat"));
    info.body = (struct connector_bytes){0};
    connector_socket s = mem_alloc(sizeof(*s));
    s->ws = ws_accept(rq, "parley.chat.v1", SOCKET_MESSAGE, &events, s, &e);
    if (!s->ws) {
        mem_free(s);
    } else {
        s->ch = ch;
        list_push(&ch->sockets, &s->link);
        if (!ch->plugin->c->socket_open(ch->c, s, &info)) {
            s->ch = NULL;
            list_del(&s->link);
            ws_close(s->ws, 1008, "refused");
        }
    }
    arena_free(&a);
}

static int h_socket_send(connector_socket s, struct connector_bytes text)
{
    if (!s->ws || s->closing)
        return CONNECTOR_ELIMIT;
    return ws_send(s->ws, slice_from(text)) == 0 ? CONNECTOR_OK : CONNECTOR_ELIMIT;
}

static void h_socket_close(connector_socket s, unsigned code, const char *reason)
{
    if (!s->ws || s->closing)
        return;
    s->closing = true;
    ws_close(s->ws, code, reason ? reason : "");
}

static void h_socket_data(connector_socket s, void *data)
{
    s->data = data;
}

static void *h_socket_get(connector_socket s)
{
    return s->data;
}

void sockets_stop(struct channel *ch)
{
    for (struct list *n; (n = list_pop(&ch->sockets));) {
        connector_socket s = container_of(n, struct connector_socket, link);
        s->ch = NULL; /* its connector hears no more of it */
        if (s->ws && !s->closing) {
            s->closing = true;
            ws_close(s->ws, 1001, "restart");
        }
    }
}

void host_api_socket(struct connector_host *a)
{
    a->socket_send = h_socket_send;
    a->socket_close = h_socket_close;
    a->socket_data = h_socket_data;
    a->socket_get = h_socket_get;
}
