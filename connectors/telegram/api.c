/* SPDX-License-Identifier: Apache-2.0
 * Calls of the Bot API. The token stands in the URL, so URLs are never logged; the host takes secrets out of
 * what it keeps. */
#include "telegram.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    connector_instance *c;
    void (*done)(void *arg, const struct answer *a);
    void *arg;
    bool counted; /* stopping waits for it */
};

struct connector_bytes bytes_of(const char *s)
{
    return (struct connector_bytes){s, s ? strlen(s) : 0};
}

void api_base(connector_instance *c, char *out, size_t cap)
{
    snprintf(out, cap, "%s", c->h->setting(c->inst, "api"));
    for (size_t n = strlen(out); n && out[n - 1] == '/'; n--)
        out[n - 1] = '\0';
}

static void on_fetched(void *arg, const struct connector_fetched *r)
{
    struct call *call = arg;
    struct answer a = {.error = r->error, .maybe_sent = r->maybe_sent, .status = r->status, .text = ""};
    json_error_t e;
    json_t *doc = r->error == CONNECTOR_OK
                      ? json_loadb(r->body.p ? r->body.p : "", r->body.n, JSON_REJECT_DUPLICATES, &e)
                      : NULL;
    if (json_is_object(doc)) {
        const json_t *p = json_object_get(doc, "parameters");
        const char *text = json_string_value(json_object_get(doc, "description"));
        if (json_is_true(json_object_get(doc, "ok")))
            a.ok = json_object_get(doc, "result");
        a.code = (int)json_integer_value(json_object_get(doc, "error_code"));
        a.text = text ? text : "";
        a.retry_after_s = (int)json_integer_value(json_object_get(p, "retry_after"));
        a.migrate_to = json_integer_value(json_object_get(p, "migrate_to_chat_id"));
    }
    if (!a.code)
        a.code = r->status;
    connector_instance *c = call->c;
    bool counted = call->counted;
    call->done(call->arg, &a);
    json_decref(doc);
    free(call);
    if (counted)
        busy_end(c);
}

void api_call(connector_instance *c, const char *method, json_t *body, const struct connector_part *parts,
              size_t parts_n, uint32_t timeout_ms, connector_token about,
              void (*done)(void *arg, const struct answer *a), void *arg)
{
    static const struct connector_header json_header[] = {{"Content-Type", "application/json"}};
    char base[512], url[1024];
    struct call *call = calloc(1, sizeof *call);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (!call)
        abort();
    *call = (struct call){c, done, arg, strcmp(method, "getUpdates") != 0};
    api_base(c, base, sizeof base);
    snprintf(url, sizeof url, "%s/bot%s/%s", base, c->h->setting(c->inst, "token"), method);
    struct connector_fetch f = {
        .size = sizeof f,
        .method = "POST",
        .url = url,
        .headers = json_header,
        .headers_n = parts_n ? 0 : 1,
        .body = bytes_of(text ? text : "{}"),
        .parts = parts,
        .parts_n = parts_n,
        .timeout_ms = timeout_ms,
        .max_response = 8u << 20,
        .about = about,
    };
    c->busy += call->counted;
    c->h->fetch(c->inst, &f, on_fetched, call);
    free(text);
    memset(url, 0, sizeof url);
}

static void on_told(void *arg, const struct answer *a)
{
    (void)arg;
    (void)a;
}

void api_tell(connector_instance *c, const char *method, json_t *body)
{
    api_call(c, method, body, NULL, 0, 10000, NULL, on_told, NULL);
}
