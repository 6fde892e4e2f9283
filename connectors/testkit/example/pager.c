/* SPDX-License-Identifier: Apache-2.0
 * A small complete connector, for a pager service that does not exist: it posts "id number text" with its
 * token to us, and takes "number text" from us at its API. connectors/README.md walks through it. */
#include "connectors/connector.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct connector_instance {
    const struct connector_host *h;
    void *inst;
    unsigned busy; /* callbacks that the host owes us */
    bool stopping, stopped;
};

static const struct connector_setting settings[] = {
    {"token", CONNECTOR_S_SECRET, true, NULL, NULL, "The service's token, in both directions."},
    {"api", CONNECTOR_S_URL, false, "https://pager.example", NULL, "Where the service is."},
    {0},
};

static connector_instance *create(const struct connector_host *h, void *inst, struct connector_error *e)
{
    connector_instance *c = calloc(1, sizeof(*c));
    (void)e;
    if (c)
        *c = (connector_instance){.h = h, .inst = inst};
    return c;
}

static void start(connector_instance *c)
{
    (void)c; /* nothing to fetch: the service calls us */
}

static void finish(void *arg)
{
    connector_instance *c = arg;
    if (!c->stopped) {
        c->stopped = true;
        c->h->stopped(c->inst);
    }
}

static void idle(connector_instance *c)
{
    if (--c->busy == 0 && c->stopping)
        finish(c);
}

static void stop(connector_instance *c, uint32_t grace_ms)
{
    c->stopping = true;
    if (!c->busy)
        finish(c);
    else
        c->h->timer(c->inst, grace_ms > 100 ? grace_ms - 100 : 0, finish, c);
}

static void destroy(connector_instance *c)
{
    free(c);
}

/* ---- in ---- */

static int verify(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                  struct connector_error *e)
{
    const char *token = c->h->setting(c->inst, "token");
    (void)i, (void)e;
    bool same =
        c->h->equal(c->h->header(rq, "x-pager-token"), (struct connector_bytes){token, strlen(token)});
    return same ? CONNECTOR_OK : CONNECTOR_EAUTH;
}

struct incoming {
    connector_instance *c;
    connector_request rq;
};

static void delivered(void *arg, int err, const struct connector_delivered *results, size_t n)
{
    struct incoming *in = arg;
    (void)results, (void)n;
    if (err)
        in->c->h->problem(in->rq, 503, "not stored: again, please");
    else
        in->c->h->reply(in->rq, 200, NULL, 0, (struct connector_bytes){0});
    idle(in->c);
    free(in);
}

/* "id number text" */
static bool parse(struct connector_bytes line, char address[64], struct connector_item *it)
{
    const char *end = line.p + line.n, *a = memchr(line.p, ' ', line.n);
    const char *b = a ? memchr(a + 1, ' ', (size_t)(end - a - 1)) : NULL;
    *it = (struct connector_item){.size = sizeof(*it), .kind = CONNECTOR_BAD, .raw = line};
    it->error_text = (struct connector_bytes){"not three fields", 16};
    if (!b || a == line.p || b == a + 1 || b - a > 32 || b + 1 == end)
        return false;
    int n = snprintf(address, 64, "pager:%.*s", (int)(b - a - 1), a + 1);
    *it = (struct connector_item){.size = sizeof(*it),
                                  .kind = CONNECTOR_MESSAGE,
                                  .id = {line.p, (size_t)(a - line.p)},
                                  .from = {address, (size_t)n},
                                  .text = {b + 1, (size_t)(end - b - 1)}};
    return true;
}

static void request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    struct connector_item items[50];
    char addresses[50][64];
    size_t n = 0;
    const char *p = i->body.p, *end = p + i->body.n;
    while (p < end && n < 50) { /* every line: a service that batches must not lose the rest */
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        parse((struct connector_bytes){p, (size_t)((nl ? nl : end) - p)}, addresses[n], &items[n]);
        n++;
        p = nl ? nl + 1 : end;
    }
    struct incoming *in = calloc(1, sizeof(*in));
    if (!in || !n || p < end) {
        c->h->problem(rq, in ? 400 : 503, "one to fifty lines are wanted");
        free(in);
        return;
    }
    *in = (struct incoming){c, rq};
    c->busy++;
    c->h->deliver(c->inst, items, n, delivered, in);
}

/* ---- out ---- */

struct outgoing {
    connector_instance *c;
    connector_token token;
};

static void answered(void *arg, const struct connector_fetched *f)
{
    struct outgoing *o = arg;
    struct connector_result r = {.size = sizeof(r), .outcome = CONNECTOR_OUT_RETRY};
    if (f->error)
        r.outcome = f->maybe_sent ? CONNECTOR_OUT_UNKNOWN : CONNECTOR_OUT_RETRY;
    else if (f->status == 200 && f->body.n) {
        r.outcome = CONNECTOR_OUT_SENT;
        r.external_ids[r.external_ids_n++] = f->body;
    } else if (f->status == 401)
        r.outcome = CONNECTOR_OUT_AUTH;
    else if (f->status == 429)
        r.outcome = CONNECTOR_OUT_RATE;
    else if (f->status >= 400 && f->status < 500)
        r.outcome = CONNECTOR_OUT_FAILED;
    if (f->error != CONNECTOR_ECANCELLED)
        o->c->h->sent(o->c->inst, o->token, &r);
    idle(o->c);
    free(o);
}

static int send(connector_instance *c, const struct connector_message *m, connector_token t)
{
    struct outgoing *o = calloc(1, sizeof(*o));
    char url[512], body[1024];
    const struct connector_header head = {"X-Pager-Token", c->h->setting(c->inst, "token")};
    if (!o || c->stopping) {
        free(o);
        return CONNECTOR_EAGAIN;
    }
    *o = (struct outgoing){c, t};
    snprintf(url, sizeof(url), "%s/page", c->h->setting(c->inst, "api"));
    int n =
        snprintf(body, sizeof(body), "%.*s %.*s", (int)m->to.n - 6, m->to.p + 6, (int)m->text.n, m->text.p);
    struct connector_fetch f = {.size = sizeof(f),
                                .method = "POST",
                                .url = url,
                                .headers = &head,
                                .headers_n = 1,
                                .body = {body, (size_t)n},
                                .about = t};
    c->busy++;
    c->h->fetch(c->inst, &f, answered, o);
    return CONNECTOR_OK;
}

const struct connector connector_plugin = {
    .abi = CONNECTOR_ABI,
    .size = sizeof(struct connector),
    .name = "pager",
    .version = "1",
    .scheme = "pager",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_SIGNS,
    .limits = {.size = sizeof(struct connector_limits),
               .text_max = 160,
               .unit = CONNECTOR_UTF16,
               .per_second = 5,
               .burst = 5},
    .settings = settings,
    .doors = "hooks",
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .verify = verify,
    .request = request,
    .send = send,
};
