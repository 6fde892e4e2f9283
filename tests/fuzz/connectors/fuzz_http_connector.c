/* SPDX-License-Identifier: Apache-2.0
 * The http connector: what a signed request may say, and what the other side may answer to a send. */
#include "connectors/http/json.h"
#include "connectors/testkit/kit.h"
#include "gateway/base/err.h"
#include "gateway/base/text.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Whatever was taken has what every item must have. */
static void check(const struct http_parsed *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct connector_item *it = &p->items[i];
        err_assert(it->size == sizeof(*it) && it->kind >= CONNECTOR_MESSAGE && it->kind < CONNECTOR_BAD);
        err_assert(it->text.n <= HTTP_TEXT && it->media_n <= HTTP_FILES && it->id.n <= HTTP_ID + 2);
        err_assert(it->id.n || it->kind == CONNECTOR_TYPING || it->kind == CONNECTOR_READ);
        err_assert(it->kind == CONNECTOR_STATUS || http_address(it->from.p, it->from.n));
        for (size_t k = 0; k < it->media_n; k++)
            err_assert((it->media[k].url.n > 0) != (it->media[k].bytes.n > 0));
    }
}

static bool is_deep(struct connector_bytes body)
{
    size_t open = 0;
    for (size_t i = 0; i < body.n; i++)
        open += body.p[i] == '[' || body.p[i] == '{';
    return open > HTTP_JSON_DEPTH;
}

static void same_text(struct connector_bytes ours, const char *theirs, size_t n)
{
    err_assert(ours.n == n && memcmp(ours.p, theirs, n) == 0);
}

/* Members that come twice were looked for by others. */
static void same_value(const struct http_json *ours, json_t *theirs)
{
    static const json_type types[] = {
        [HTTP_JSON_NULL] = JSON_NULL,       [HTTP_JSON_FALSE] = JSON_FALSE,  [HTTP_JSON_TRUE] = JSON_TRUE,
        [HTTP_JSON_INTEGER] = JSON_INTEGER, [HTTP_JSON_REAL] = JSON_REAL,    [HTTP_JSON_TEXT] = JSON_STRING,
        [HTTP_JSON_LIST] = JSON_ARRAY,      [HTTP_JSON_OBJECT] = JSON_OBJECT};
    err_assert(theirs && json_typeof(theirs) == types[ours->type]);
    if (ours->type == HTTP_JSON_TEXT)
        same_text(ours->text, json_string_value(theirs), json_string_length(theirs));
    err_assert(ours->type != HTTP_JSON_INTEGER || ours->integer == json_integer_value(theirs));
    err_assert(ours->type != HTTP_JSON_REAL ||
               !(ours->real < json_real_value(theirs) || ours->real > json_real_value(theirs)));
    if (ours->type < HTTP_JSON_LIST)
        return;
    size_t i = 0;
    for (const struct http_json *v = ours->list.first; v; v = v->next, i++) {
        char name[256];
        snprintf(name, sizeof(name), "%.*s", (int)v->name.n, v->name.n ? v->name.p : "");
        if (ours->type == HTTP_JSON_LIST)
            same_value(v, json_array_get(theirs, i));
        else if (v->name.n < sizeof(name))
            same_value(v, json_object_get(theirs, name));
    }
    err_assert(i == ours->list.n &&
               i == (ours->type == HTTP_JSON_LIST ? json_array_size(theirs) : json_object_size(theirs)));
}

/* What the host lets through is read as jansson reads it. */
static void same_json(struct connector_bytes body)
{
    struct http_parsed p = {0};
    json_error_t e;
    if (!text_valid(slice_of(body.p, body.n), NULL) || is_deep(body))
        return;
    const struct http_json *ours = http_json_read(&p, body);
    json_t *theirs = json_loadb(body.p, body.n, JSON_DECODE_ANY, &e),
           *once = json_loadb(body.p, body.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &e);
    err_assert(!ours == !theirs);
    if (ours && once)
        same_value(ours, theirs);
    json_decref(theirs);
    json_decref(once);
    http_parsed_clear(&p);
}

static struct kit_fetched given;

static void answer(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    (void)arg, (void)f;
    *a = given;
}

/* An answer: its status in the first byte, the body behind it. */
static void send_once(const uint8_t *data, size_t n)
{
    static const char *const settings[] = {"url", "https://x.example/", "secret",
                                           "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", NULL};
    char why[200];
    struct kit *k = kit_new(&connector_plugin, &(struct kit_options){.settings = settings}, why);
    err_assert(k);
    given =
        (struct kit_fetched){.status = 100 + 2 * data[0], .body = (const char *)data + 1, .body_n = n - 1};
    kit_provider(k, answer, NULL);
    struct connector_message m = kit_message("app:1", "x");
    struct kit_sent *s = kit_send(k, &m);
    err_assert(s->done);
    err_assert((s->r.outcome == CONNECTOR_OUT_SENT) == (given.status >= 200 && given.status < 300));
    err_assert(kit_end(&k));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct http_parsed p;
    struct http_key keys[HTTP_KEYS];
    size_t keys_n;
    int64_t ms;
    if (n < 1)
        return 0;
    char *text = malloc(n);
    memcpy(text, data + 1, n - 1);
    text[n - 1] = 0;
    if (data[0] & 1 && n > 2) {
        send_once(data + 1, n - 1);
    } else {
        bool taken = http_parse(&p, (struct connector_bytes){text, n - 1});
        if (taken)
            check(&p);
        else
            err_assert(p.error[0]);
        http_parsed_clear(&p);
        same_json((struct connector_bytes){text, n - 1});
    }
    http_keys(text, keys, &keys_n);
    http_time(text, n - 1, &ms);
    char *out = malloc(3 * (n / 4) + 4);
    http_unbase64(out, text, n - 1);
    free(out);
    free(text);
    return 0;
}
