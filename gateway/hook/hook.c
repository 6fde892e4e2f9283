/* SPDX-License-Identifier: Apache-2.0
 * Webhooks of an operation: taken from its document, worked by the holder of a lease. */
#include "gateway/hook/hook.h"
#include "gateway/base/json.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/hook/hook_internal.h"
#include <stdio.h>
#include <string.h>

#define LEASE_MS  6000
#define AT_ONCE   16 /* connections to one host */
#define RETRY_MS  5000
#define GIVE_UP_S (3 * 86400)
#define TEST_MS   10000

/* ---- a process ---- */

struct hooks *hooks_new(const struct hooks_config *cf, struct err *e)
{
    struct hooks *h = mem_alloc(sizeof *h);
    h->cf = *cf;
    if (!h->cf.retry_ms)
        h->cf.retry_ms = RETRY_MS;
    if (!h->cf.give_up_s)
        h->cf.give_up_s = GIVE_UP_S;
    list_init(&h->ops);
    h->guard = guard_new(cf->allow_private, true, e);
    if (!h->guard) {
        mem_free(h);
        return NULL;
    }
    h->fetcher = fetcher_new(cf->loop, AT_ONCE);
    return h;
}

void hooks_free(struct hooks **h)
{
    if (!*h)
        return;
    fetcher_free(&(*h)->fetcher);
    guard_free(&(*h)->guard);
    mem_free(*h);
    *h = NULL;
}

/* ---- a webhook ---- */

static void settings_clear(struct hook *k)
{
    for (size_t i = 0; i < k->events_n; i++)
        mem_free(k->events[i]);
    k->events_n = 0;
    if (k->secret)
        mem_wipe(k->secret, strlen(k->secret));
    mem_free(k->secret);
    mem_free(k->url);
    mem_free(k->area);
    k->secret = k->url = k->area = NULL;
}

static void hook_free(struct hook *k)
{
    settings_clear(k);
    timer_free(&k->look);
    mem_free(k->id);
    mem_free(k);
}

static struct hook *hook_named(struct hooks_op *o, const char *id)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->hooks[i]->id, id) == 0)
            return o->hooks[i];
    return NULL;
}

static struct hook *hook_make(struct hooks_op *o, const char *id)
{
    struct hook *k = hook_named(o, id);
    if (k || o->n == sizeof o->hooks / sizeof o->hooks[0])
        return k;
    k = mem_alloc(sizeof *k);
    k->o = o;
    k->id = mem_strdup(id);
    list_init(&k->flights);
    k->look = timer_new(o->h->cf.loop, send_tick, k);
    return o->hooks[o->n++] = k;
}

static void hook_set(struct hook *k, const json_t *v)
{
    size_t i;
    json_t *event;
    settings_clear(k);
    k->url = mem_strdup(json_string_value(json_object_get(v, "url")));
    k->secret = mem_strdup(json_string_value(json_object_get(v, "secret")));
    k->area = mem_strdup(json_string_value(json_object_get(v, "area")));
    k->clearance = (int)json_opt_int(v, "clearance", 0);
    k->content = json_opt_bool(v, "content", false);
    json_array_foreach(json_object_get(v, "events"), i, event)
    {
        if (json_is_string(event) && k->events_n < EVENTS_MAX)
            k->events[k->events_n++] = mem_strdup(json_string_value(event));
    }
    k->active = !json_opt_bool(v, "disabled", false) && k->url && k->secret;
}

/* ---- an operation ---- */

bool hooks_op_active(const struct hooks_op *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->hooks[i]->active)
            return true;
    return false;
}

static void op_release(struct hooks_op *o)
{
    if (!o->closed || o->refs)
        return;
    for (size_t i = 0; i < o->n; i++)
        hook_free(o->hooks[i]);
    timer_free(&o->feed);
    mem_free(o);
}

bool hooks_op_still(struct hooks_op *o)
{
    o->refs--;
    if (!o->closed)
        return true;
    op_release(o);
    return false;
}

static void on_lease(void *arg, bool yes, uint64_t fence)
{
    struct hooks_op *o = arg;
    o->held = yes;
    o->fence = fence;
    o->started = false;
    if (yes) {
        log_event(LOG_DEBUG, "hooks.lease", log_str("operation", store_op_name(o->op)));
        feed_start(o);
        for (size_t i = 0; i < o->n; i++)
            send_look(o->hooks[i]);
        return;
    }
    timer_stop(o->feed);
    for (size_t i = 0; i < o->n; i++)
        timer_stop(o->hooks[i]->look);
}

struct hooks_op *hooks_attach(struct hooks *h, struct store_op *op)
{
    struct hooks_op *o = mem_alloc(sizeof *o);
    o->h = h;
    o->op = op;
    o->feed = timer_new(h->cf.loop, feed_tick, o);
    list_push(&h->ops, &o->node);
    return o;
}

void hooks_detach(struct hooks_op **out)
{
    struct hooks_op *o = *out;
    *out = NULL;
    if (!o)
        return;
    list_del(&o->node);
    o->held = false;
    o->closed = true;
    store_lease_free(&o->lease);
    timer_stop(o->feed);
    o->refs++;
    for (size_t i = 0; i < o->n; i++) {
        timer_stop(o->hooks[i]->look);
        o->hooks[i]->active = false;
        send_cancel(o->hooks[i]);
    }
    o->refs--;
    op_release(o);
}

void hooks_configure(struct hooks_op *o, const json_t *document)
{
    size_t i;
    json_t *v;
    for (i = 0; i < o->n; i++)
        o->hooks[i]->active = false;
    json_array_foreach(json_object_get(document, "webhooks"), i, v)
    {
        const char *id = json_string_value(json_object_get(v, "id"));
        struct hook *k = id ? hook_make(o, id) : NULL;
        if (k)
            hook_set(k, v);
    }
    /* Who has never had a webhook needs no lease; who had one once lets go of the events. */
    if (!o->lease && o->n)
        o->lease = store_lease_new(o->op, "hooks", LEASE_MS, on_lease, o);
    feed_start(o);
    for (i = 0; i < o->n; i++)
        send_look(o->hooks[i]);
}

void hooks_wake(struct hooks_op *o)
{
    feed_wake(o);
}

/* ---- a test ---- */

struct testing {
    struct hooks_op *o;
    void (*done)(void *arg, const struct err *e, int status, unsigned ms, const char *error);
    void *arg;
    struct err e;
};

static void on_tested(const struct fetch_response *r, void *arg)
{
    struct testing *t = arg;
    struct err none = {0};
    t->done(t->arg, &none, r->err ? 0 : r->status, (unsigned)(r->us / 1000), r->err ? r->error : "");
    hooks_op_still(t->o);
    mem_free(t);
}

static void test_refused(void *arg)
{
    struct testing *t = arg;
    struct err none = {0};
    if (t->e.code == ERR_NOT_FOUND)
        t->done(t->arg, &t->e, 0, 0, NULL);
    else
        t->done(t->arg, &none, 0, 0, t->e.text);
    mem_free(t);
}

static void test_send(struct testing *t, struct hook *k)
{
    struct hooks *h = t->o->h;
    char id[HOOK_ID], headers[3][400];
    struct buf body, signature;
    int64_t at = store_now_ms(h->cf.store) / 1000;
    struct id random = id_new();
    buf_init(&body, 4096);
    buf_init(&signature, 300);
    say_test(t->o->op, k->id, &body);
    snprintf(id, sizeof id, "test_%s", random.s);
    sign_body(k->secret, id, at, buf_view(&body), &signature);
    snprintf(headers[0], sizeof headers[0], "webhook-id: %s", id);
    snprintf(headers[1], sizeof headers[1], "webhook-timestamp: %lld", (long long)at);
    snprintf(headers[2], sizeof headers[2], "webhook-signature: %.*s", (int)signature.n,
             signature.p ? signature.p : "");
    const char *const all[] = {"Content-Type: application/json", headers[0], headers[1], headers[2], NULL};
    t->o->refs++;
    fetch_start(h->fetcher,
                &(struct fetch_request){.method = "POST",
                                        .url = k->url,
                                        .headers = all,
                                        .body = buf_view(&body),
                                        .guard = h->guard,
                                        .max_response = 1 << 16,
                                        .timeout_ms = TEST_MS},
                on_tested, t);
    buf_clear(&body);
    buf_clear(&signature);
}

void hooks_test(struct hooks *h, struct store_op *op, const char *id,
                void (*done)(void *arg, const struct err *e, int status, unsigned ms, const char *error),
                void *arg)
{
    struct testing *t = mem_alloc(sizeof *t);
    struct hook *k = NULL;
    *t = (struct testing){.done = done, .arg = arg};
    for (struct list *l = h->ops.next; l != &h->ops; l = l->next) {
        struct hooks_op *o = container_of(l, struct hooks_op, node);
        if (o->op == op && (k = hook_named(o, id)))
            t->o = o;
    }
    if (!k || !k->url || !k->secret)
        err_set(&t->e, ERR_NOT_FOUND, "no such webhook");
    else if (url_allowed(h, k->url, &t->e)) {
        test_send(t, k);
        return;
    }
    loop_defer(h->cf.loop, test_refused, t);
}
