/* SPDX-License-Identifier: Apache-2.0
 * Webchat: the page by which a person in need writes. The host fetches nothing here and sends nothing: the
 * page comes and asks (CONNECTOR_PULL). */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_STEP_MS 50

static connector_instance *create(const struct connector_host *h, void *inst, struct connector_error *e)
{
    connector_instance *c = calloc(1, sizeof *c);
    char why[160];
    if (!c)
        abort();
    c->h = h;
    c->inst = inst;
    if (texts_open(c, why))
        return c;
    e->code = CONNECTOR_EINVALID;
    memcpy(e->text, why, sizeof why);
    free(c);
    return NULL;
}

static void start(connector_instance *c)
{
    c->h->state(c->inst, false, "starting");
    session_start(c);
}

static void finish(connector_instance *c)
{
    if (c->stopped)
        return;
    c->stopped = true;
    c->h->stopped(c->inst);
}

static void grace_over(void *arg)
{
    finish(arg);
}

static void on_stop_step(void *arg)
{
    connector_instance *c = arg;
    if (c->stopped)
        return;
    if (c->links)
        c->h->timer(c->inst, STOP_STEP_MS, on_stop_step, c);
    else
        finish(c);
}

static void stop(connector_instance *c, uint32_t grace_ms)
{
    c->stopping = true;
    socket_stop(c);
    poll_stop(c);
    c->h->timer(c->inst, grace_ms > 100 ? grace_ms - 100 : 0, grace_over, c);
    on_stop_step(c);
}

static void destroy(connector_instance *c)
{
    texts_free(c);
    memset(c->key, 0, sizeof c->key);
    free(c);
}

/* Is the page that asks ours, or one that the channel allows? The host has judged the Origin; here is nothing
 * more to prove. */
static int verify(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                  struct connector_error *e)
{
    (void)c;
    (void)rq;
    (void)i;
    (void)e;
    return CONNECTOR_OK;
}

static bool is(const struct connector_request_info *i, const char *method, const char *path)
{
    return strcmp(i->method, method) == 0 && bytes_are(i->path, path);
}

static void request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    static const struct connector_header gone[] = {{"Clear-Site-Data", "\"cache\""},
                                                   {"Cache-Control", "no-store"}};
    bool get = strcmp(i->method, "GET") == 0 || strcmp(i->method, "HEAD") == 0;
    if (!c->has_key || c->stopping) {
        static const struct connector_header later[] = {{"Retry-After", "2"}};
        c->h->reply(rq, 503, later, 1, (struct connector_bytes){"", 0});
    } else if (get && i->path.n == 0)
        page_get(c, rq, i);
    else if (get && i->path.n > 7 && memcmp(i->path.p, "/texts/", 7) == 0)
        page_texts(c, rq, (struct connector_bytes){i->path.p + 7, i->path.n - 7});
    else if (get && bytes_are(i->path, "/leave/done"))
        c->h->reply(rq, 204, gone, 2, (struct connector_bytes){"", 0});
    else if (is(i, "POST", ""))
        form_post(c, rq, i);
    else if (is(i, "POST", "/poll"))
        poll_request(c, rq, i);
    else if (is(i, "POST", "/upload"))
        upload_request(c, rq, i);
    else if (is(i, "POST", "/leave"))
        form_leave(c, rq, i);
    else
        c->h->problem(rq, 404, "no such page");
}

static bool url_setting(const char *v)
{
    return !*v || strncmp(v, "https://", 8) == 0 || strncmp(v, "http://", 7) == 0;
}

static int check(const struct connector_values *v, struct connector_error *e)
{
    if (url_setting(v->get(v->ctx, "exit")))
        return CONNECTOR_OK;
    e->code = CONNECTOR_EINVALID;
    snprintf(e->text, sizeof e->text, "exit: a URL with https:// or http:// is wanted");
    return CONNECTOR_EINVALID;
}

static const struct connector_setting settings[] = {
    {"origins", CONNECTOR_S_LIST, false, "", NULL,
     "Sites that may show the chat: https://help.example.org, separated by blanks."},
    {"exit", CONNECTOR_S_URL, false, "", NULL,
     "Where the quick exit goes; a page that anybody might have open."},
    {.name = NULL},
};

__attribute__((visibility("default"))) const struct connector connector_plugin = {
    .abi = CONNECTOR_ABI,
    .size = sizeof(struct connector),
    .name = "webchat",
    .version = "1",
    .scheme = "web",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_CAN_FILES | CONNECTOR_CAN_VOICE | CONNECTOR_CAN_CHOICES |
                    CONNECTOR_CAN_EDIT | CONNECTOR_CAN_DELETE | CONNECTOR_CAN_TYPING | CONNECTOR_CAN_READ |
                    CONNECTOR_TELLS_DELIVERED | CONNECTOR_TELLS_READ | CONNECTOR_PULL,
    .limits =
        {
            .size = sizeof(struct connector_limits),
            .text_max = TEXT_MAX,
            .unit = CONNECTOR_BYTES,
            .files_max = FILES_MAX,
            .file_bytes_max = FILE_MAX,
            .choices_max = 20,
            .choice_title_max = 200,
            .choice_id_max = 64,
            .hook_body_max = FILE_MAX + (1u << 20),
        },
    .settings = settings,
    .doors = "chat socket",
    .check = check,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .verify = verify,
    .request = request,
    .socket_open = socket_open,
    .socket_text = socket_text,
    .socket_closed = socket_closed,
};
