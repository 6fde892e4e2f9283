/* SPDX-License-Identifier: Apache-2.0
 * The connector's view of an HTTP request, and its answer. */
#include "gateway/host/door.h"
#include "gateway/host/form.h"
#include <string.h>
#include <strings.h>

static struct connector_bytes h_header(connector_request rq, const char *lower_name)
{
    return rq->answered ? (struct connector_bytes){0} : bytes_from(http_req_header(rq->rq, lower_name));
}

static bool h_cookie(connector_request rq, const char *name, struct connector_bytes *value)
{
    struct slice v;
    if (rq->answered || !http_req_cookie(rq->rq, name, &v))
        return false;
    *value = bytes_from(v);
    return true;
}

static struct form *form_of(connector_request rq)
{
    if (!rq->form) {
        struct arena *a = http_req_arena(rq->rq);
        rq->form = arena_alloc(a, sizeof(*rq->form));
        if (form_parse(http_req_header(rq->rq, "content-type"), http_req_body(rq->rq), a, rq->form, NULL) !=
            0)
            rq->form->n = 0;
    }
    return rq->form;
}

static bool h_form(connector_request rq, const char *name, struct connector_bytes *value)
{
    if (rq->answered)
        return false;
    const struct form_part *p = form_field(form_of(rq), name);
    if (p) {
        *value = bytes_from(p->value);
        return true;
    }
    struct buf b;
    buf_init(&b, 65536);
    bool there = text_form_get(http_req_query(rq->rq), name, &b);
    if (there)
        *value = bytes_from(arena_slice(http_req_arena(rq->rq), buf_view(&b)));
    buf_clear(&b);
    return there;
}

static bool h_form_file(connector_request rq, size_t i, struct connector_bytes *name,
                        struct connector_bytes *type, struct connector_bytes *bytes)
{
    const struct form_part *p = rq->answered ? NULL : form_file(form_of(rq), i);
    if (!p)
        return false;
    *name = bytes_from(p->filename);
    *type = bytes_from(p->type);
    *bytes = bytes_from(p->value);
    return true;
}

static void on_gone(void *arg)
{
    connector_request rq = arg;
    if (!rq->answered && rq->gone)
        rq->gone(rq->gone_arg);
}

static void h_on_gone(connector_request rq, void (*gone)(void *arg), void *arg)
{
    if (rq->answered)
        return;
    rq->gone = gone;
    rq->gone_arg = arg;
    if (!rq->gone_asked) {
        rq->gone_asked = true;
        http_req_on_gone(rq->rq, on_gone, rq);
    }
}

/* ---- the answer ---- */

static void request_over(connector_request rq)
{
    rq->answered = true;
    list_del(&rq->link);
    if (rq->ch->state == CHANNEL_STOPPING && rq->ch->stopped)
        list_push(&rq->ch->requests, &rq->link); /* its connector may still name it: requests_free */
    else
        mem_free(rq);
}

static bool plain(const char *value)
{
    for (const char *p = value; *p; p++) {
        if ((unsigned char)*p < 32 || *p == 127)
            return false;
    }
    return true;
}

/* The server's own headers are not for connectors to write. */
static bool reserved(const char *name)
{
    static const char *const names[] = {"content-length", "transfer-encoding", "connection", "date",
                                        "upgrade"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0)
            return true;
    }
    return !plain(name) || !*name;
}

static void h_reply(connector_request rq, int status, const struct connector_header *headers, size_t n,
                    struct connector_bytes body)
{
    struct http_head heads[33] = {{0}};
    size_t k = 0;
    if (rq->answered)
        return;
    for (size_t i = 0; i < n && k < 32; i++) {
        if (!reserved(headers[i].name) && plain(headers[i].value))
            heads[k++] = (struct http_head){headers[i].name, slice_str(headers[i].value)};
    }
    http_reply(rq->rq, status >= 200 && status <= 599 ? status : 500, heads, slice_from(body));
    request_over(rq);
}

static void h_problem(connector_request rq, int status, const char *detail)
{
    if (rq->answered)
        return;
    if (status >= 400 && status < 500)
        metric_add(rq->ch->m.refused, 1);
    door_problem(rq->rq, status, detail);
    request_over(rq);
}

void requests_stop(struct channel *ch)
{
    struct list answered;
    list_init(&answered);
    for (struct list *n; (n = list_pop(&ch->requests));) {
        connector_request rq = container_of(n, struct connector_request, link);
        if (!rq->answered)
            door_problem(rq->rq, 503, "the channel stops");
        rq->answered = true;
        list_push(&answered, &rq->link);
    }
    for (struct list *n; (n = list_pop(&answered));)
        list_push(&ch->requests, n);
}

void requests_free(struct channel *ch)
{
    for (struct list *n; (n = list_pop(&ch->requests));)
        mem_free(container_of(n, struct connector_request, link));
}

void host_api_door(struct connector_host *a)
{
    a->reply = h_reply;
    a->problem = h_problem;
    a->header = h_header;
    a->cookie = h_cookie;
    a->form = h_form;
    a->form_file = h_form_file;
    a->on_gone = h_on_gone;
}
