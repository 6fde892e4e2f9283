/* SPDX-License-Identifier: Apache-2.0
 * The doors /hooks, /chat and /ws/chat: which channel, whether it may come in at all, and then the connector.
 * What is unknown, what is switched off and what has a wrong secret look the same from outside. */
#include "gateway/host/door.h"
#include <stdio.h>
#include <string.h>

#define DOOR_CHAT_EXTRA (1u << 20) /* beside a file: other fields and boundaries of a form */

void door_problem(struct http_req *rq, int status, const char *detail)
{
    if (status != 429 && status != 503) {
        http_problem(rq, status, detail && *detail ? detail : NULL, NULL);
        return;
    }
    char body[512];
    struct buf text;
    buf_init(&text, 400);
    if (buf_json_str(&text, slice_str(detail ? detail : "")) != 0) {
        buf_reset(&text);
        text.err = 0;
        buf_str(&text, "\"\"");
    }
    int n = snprintf(body, sizeof(body),
                     "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":%s}",
                     status == 429 ? "Too Many Requests" : "Service Unavailable", status, text.p);
    buf_clear(&text);
    const struct http_head heads[] = {{"content-type", SLICE("application/problem+json")},
                                      {"retry-after", status == 429 ? SLICE("10") : SLICE("2")},
                                      {NULL, {0}}};
    http_reply(rq, status, heads, slice_of(body, (size_t)n));
}

/* ---- paths ---- */

/* The next part of a path, between slashes; *rest begins with '/' or is empty. */
static bool step(struct slice *rest, struct slice *part)
{
    if (rest->n < 2 || rest->p[0] != '/')
        return false;
    const char *from = rest->p + 1;
    const char *slash = memchr(from, '/', rest->n - 1);
    size_t n = slash ? (size_t)(slash - from) : rest->n - 1;
    *part = slice_of(from, n);
    *rest = slice_of(from + n, rest->n - 1 - n);
    return n > 0;
}

bool door_path(struct slice path, struct door_path *out)
{
    struct slice rest = path;
    if (!step(&rest, &out->door))
        return false;
    if (slice_is(out->door, "ws")) {
        if (!step(&rest, &out->door) || !slice_is(out->door, "chat"))
            return false;
        out->door = SLICE("ws");
    } else if (!slice_is(out->door, "hooks") && !slice_is(out->door, "chat")) {
        return false;
    }
    if (!step(&rest, &out->op) || !step(&rest, &out->channel))
        return false;
    out->rest = rest;
    return name_valid(out->op) && name_valid(out->channel);
}

bool host_route_mine(struct slice path)
{
    return slice_starts(path, "/hooks/") || slice_starts(path, "/chat/") || slice_starts(path, "/ws/chat/") ||
           slice_starts(path, "/files/");
}

struct channel *door_channel(struct host *h, const struct door_path *p)
{
    struct channel *ch = channel_find(h, p->op, p->channel);
    if (!channel_running(ch))
        return NULL;
    const struct plugin *pl = ch->plugin;
    bool has = slice_is(p->door, "hooks")  ? pl->door_hooks
               : slice_is(p->door, "chat") ? pl->door_chat
                                           : pl->door_socket;
    return has ? ch : NULL;
}

/* Takes the secret off the path. Compared also when there is no such channel, so that time does not tell
 * which it was. */
static bool secret_fits(const struct channel *ch, struct door_path *p)
{
    static const char nobody[] = "0000000000000000000000";
    const char *want = ch ? ch->path_secret : nobody;
    struct slice given = {0}, rest = p->rest;
    if (ch && !*ch->path_secret)
        return true;
    if (!slice_is(p->door, "hooks"))
        return ch != NULL;
    bool there = step(&rest, &given);
    bool same = text_equal_secret(there ? given : SLICE("-"), slice_str(want));
    if (there)
        p->rest = rest;
    return same && there && ch;
}

/* ---- JSON before it is parsed ---- */

bool door_json_ok(struct slice body, unsigned depth)
{
    unsigned deep = 0;
    bool text = false;
    if (!text_valid(body, NULL))
        return false;
    for (size_t i = 0; i < body.n; i++) {
        char c = body.p[i];
        if (text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                text = false;
        } else if (c == '"') {
            text = true;
        } else if (c == '{' || c == '[') {
            if (++deep > depth)
                return false;
        } else if (c == '}' || c == ']') {
            if (deep-- == 0)
                return false;
        }
    }
    return deep == 0 && !text;
}

/* ---- origins ---- */

static bool origin_is(struct slice origin, const char *url)
{
    size_t n = strlen(url);
    while (n && url[n - 1] == '/')
        n--;
    return n && slice_is_nocase(slice_of(url, n), "null") == false && origin.n == n &&
           strncasecmp(origin.p, url, n) == 0;
}

bool door_origin_ok(const struct channel *ch, struct http_req *rq, struct slice origin)
{
    const struct host_config *cf = &ch->o->h->cf;
    if (!origin.n)
        return false;
    if (origin_is(origin, cf->public_url))
        return true;
    for (size_t i = 0; cf->origins[i]; i++) {
        if (origin_is(origin, cf->origins[i]))
            return true;
    }
    for (size_t i = 0; ch->origins && ch->origins[i]; i++) {
        if (origin_is(origin, ch->origins[i]))
            return true;
    }
    struct slice host = http_req_header(rq, "host");
    const char *scheme = http_req_secure(rq) ? "https://" : "http://";
    size_t n = strlen(scheme);
    return origin.n == n + host.n && host.n && strncasecmp(origin.p, scheme, n) == 0 &&
           strncasecmp(origin.p + n, host.p, host.n) == 0;
}

/* A page elsewhere could post a form in somebody's browser and leave it with a session whose secret it knows:
 * what the person writes next would be read there. Old browsers send no Origin; they are let in. */
static bool foreign(const struct channel *ch, struct http_req *rq)
{
    enum http_method m = http_req_method(rq);
    struct slice origin = http_req_header(rq, "origin");
    return m != HTTP_M_GET && m != HTTP_M_HEAD && origin.p && !door_origin_ok(ch, rq, origin);
}

/* ---- the handler ---- */

static const char *method_name(struct http_req *rq)
{
    static const char *const names[] = {
        [HTTP_M_GET] = "GET",        [HTTP_M_HEAD] = "HEAD",   [HTTP_M_POST] = "POST",
        [HTTP_M_PUT] = "PUT",        [HTTP_M_PATCH] = "PATCH", [HTTP_M_DELETE] = "DELETE",
        [HTTP_M_OPTIONS] = "OPTIONS"};
    return names[http_req_method(rq)];
}

struct connector_request_info door_info(const struct door_path *p, struct http_req *rq)
{
    return (struct connector_request_info){.size = sizeof(struct connector_request_info),
                                           .method = method_name(rq),
                                           .door =
                                               bytes_from(slice_is(p->door, "ws") ? SLICE("chat") : p->door),
                                           .path = bytes_from(p->rest),
                                           .query = bytes_from(http_req_query(rq)),
                                           .target = bytes_from(http_req_target(rq)),
                                           .body = bytes_from(http_req_body(rq)),
                                           .origin = bytes_from(http_req_header(rq, "origin")),
                                           .secure = http_req_secure(rq)};
}

/* True: the connector's `verify` has said yes, and its body may be looked at. False: answered. */
static bool let_in(struct channel *ch, connector_request crq, const struct connector_request_info *info)
{
    struct connector_error e = {0};
    int rc = ch->plugin->c->verify ? ch->plugin->c->verify(ch->c, crq, info, &e) : CONNECTOR_OK;
    e.text[sizeof(e.text) - 1] = 0;
    if (rc != CONNECTOR_OK) {
        int status = rc == CONNECTOR_EAUTH      ? 401
                     : rc == CONNECTOR_EINVALID ? 400
                     : rc == CONNECTOR_ELIMIT   ? 429
                                                : 503;
        metric_add(ch->m.refused, 1);
        door_problem(crq->rq, status, e.text);
        return false;
    }
    bool json = (ch->plugin->c->capabilities & CONNECTOR_JSON) && info->body.n;
    if (json && !door_json_ok(slice_from(info->body), ch->o->h->cf.json_depth)) {
        metric_add(ch->m.refused, 1);
        door_problem(crq->rq, 400, "the body is no JSON, no UTF-8, or too deep");
        return false;
    }
    return true;
}

static void on_request(struct http_req *rq, void *arg)
{
    struct host *h = arg;
    struct door_path p;
    struct channel *ch = door_path(http_req_path(rq), &p) ? door_channel(h, &p) : NULL;
    if (!ch || !secret_fits(ch, &p)) { /* it was there when the head came */
        door_problem(rq, 404, NULL);
        return;
    }
    if (slice_is(p.door, "chat") && foreign(ch, rq)) {
        door_problem(rq, 403, "this request does not come from a page that may");
        return;
    }
    connector_request crq = mem_alloc(sizeof(*crq));
    *crq = (struct connector_request){.ch = ch, .rq = rq};
    struct connector_request_info info = door_info(&p, rq);
    if (slice_is(p.door, "hooks") && !let_in(ch, crq, &info)) {
        mem_free(crq);
        return;
    }
    list_push(&ch->requests, &crq->link);
    ch->plugin->c->request(ch->c, crq, &info);
}

static size_t body_limit(const struct host *h, const struct channel *ch, const struct door_path *p)
{
    if (slice_is(p->door, "hooks"))
        return ch->limits.hook_body_max ? ch->limits.hook_body_max : h->cf.body_max;
    uint64_t file =
        ch->limits.file_bytes_max < h->cf.upload_max ? ch->limits.file_bytes_max : h->cf.upload_max;
    return (size_t)file + DOOR_CHAT_EXTRA;
}

/* Nothing of that name. While the store is away, or the operation has just been opened, that is not known
 * yet: a provider takes a 404 as final and must hear 503 until it is. */
static void door_missing(struct host *h, const struct door_path *p, struct http_req *rq)
{
    const char *why;
    const struct channel *ch = channel_find(h, p->op, p->channel);
    bool opening = (store_op_find(h->store, p->op) && !map_get(&h->ops, p->op)) ||
                   (ch && !channel_running(ch) && ch->state != CHANNEL_DISABLED);
    if (!store_ready(h->store, &why) || opening)
        door_problem(rq, 503, "starting; try again in a moment");
    else
        door_problem(rq, 404, NULL);
}

struct http_route host_route(struct host *h, struct http_req *rq)
{
    const struct http_route none = {0};
    struct slice path = http_req_path(rq);
    struct door_path p = {0};
    const char *why;
    if (!host_route_mine(path))
        return none;
    if (slice_starts(path, "/files/"))
        return files_route(h, rq);
    struct channel *ch = door_path(path, &p) ? door_channel(h, &p) : NULL;
    bool fits = secret_fits(ch, &p);
    if (!ch || !fits) {
        door_missing(h, &p, rq);
        return none;
    }
    if (slice_is(p.door, "ws"))
        return (struct http_route){.handler = door_upgrade, .arg = h, .upgrade = true};
    enum http_method m = http_req_method(rq);
    bool writes = m != HTTP_M_GET && m != HTTP_M_HEAD && m != HTTP_M_OPTIONS;
    if (writes && (!store_ready(h->store, &why) || h->draining || h->ingests >= h->cf.ingests_max)) {
        door_problem(rq, 503, "nothing can be stored now; try again");
        return none;
    }
    size_t most = body_limit(h, ch, &p);
    if (writes && !body_admit(h, rq, most, slice_is(p.door, "chat")))
        return none;
    return (struct http_route){.handler = on_request, .arg = h, .max_body = most};
}
