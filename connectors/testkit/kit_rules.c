/* SPDX-License-Identifier: Apache-2.0
 * The rules of connector.h as tests: each starts the connector anew, does one thing to it and looks. */
#include "connectors/testkit/kit_internal.h"
#include <stdio.h>

static const char canary[] = "kanarya-7f3a-مرحبا";

static struct kit *fresh(const struct connector *c, const struct kit_scenario *s, bool *ok)
{
    char why[200];
    struct kit_options o = {.settings = s->settings};
    struct kit *k = kit_new(c, &o, why);
    if (!k) {
        fprintf(stderr, "%s: the scenario's settings are refused: %s\n", c->name, why);
        *ok = false;
        return NULL;
    }
    kit_provider(k, s->provider, s->arg);
    kit_canary(k, canary);
    return k;
}

static bool two_hundred(const struct kit_answer *a)
{
    return a->done && a->status >= 200 && a->status < 300;
}

static void expect(struct kit *k, int rule, bool yes, const char *what)
{
    if (!yes)
        kit_broke(k, rule, "%s", what);
}

/* ---- 2: verify ---- */

static bool is_proof(const struct kit_scenario *s, const char *name)
{
    for (size_t i = 0; s->proof_headers && s->proof_headers[i]; i++) {
        if (strcmp(s->proof_headers[i], name) == 0)
            return true;
    }
    return false;
}

static void must_refuse(struct kit *k, const struct kit_request *rq, const char *what)
{
    size_t items = kit_items(k);
    struct kit_answer *a = kit_request(k, rq);
    if (!a->done || a->status < 400 || a->status >= 500)
        kit_broke(k, 2, "%s: answered %d", what, a->status);
    if (kit_items(k) != items)
        kit_broke(k, 2, "%s: something was delivered", what);
}

static void forge_header(struct kit *k, const struct kit_scenario *s, const char *const *headers, size_t i,
                         const struct kit_request *rq)
{
    const char *changed[64] = {0};
    size_t n = 0;
    while (headers[n] && n < 62) {
        changed[n] = headers[n];
        n++;
    }
    char value[512];
    size_t len = strlen(headers[i + 1]);
    if (len + 1 > sizeof(value) || !is_proof(s, headers[i]))
        return;
    struct kit_request forged = *rq;
    forged.headers = changed;
    changed[i + 1] = value;
    for (size_t at = 0; at < len; at++) { /* one bit of each byte */
        memcpy(value, headers[i + 1], len + 1);
        value[at] = (char)(value[at] ^ 1);
        must_refuse(k, &forged, "a header with one bit changed");
    }
    memmove(&changed[i], &changed[i + 2], (n - i - 1) * sizeof(*changed));
    must_refuse(k, &forged, "a header left out");
}

static void forge_body(struct kit *k, const struct kit_request *rq)
{
    char *copy = mem_dup(rq->body.p, rq->body.n);
    struct kit_request forged = *rq;
    forged.body.p = copy;
    for (size_t at = 0; at < rq->body.n; at++) {
        copy[at] = (char)(copy[at] ^ 1);
        must_refuse(k, &forged, "a body with one bit changed");
        copy[at] = (char)(copy[at] ^ 1);
    }
    mem_free(copy);
}

static void rule_verify(struct kit *k, const struct kit_scenario *s)
{
    struct kit_request rq = {0};
    s->one(k, 0, canary, &rq);
    for (size_t i = 0; rq.headers && rq.headers[i]; i += 2)
        forge_header(k, s, rq.headers, i, &rq);
    if (s->body_signed)
        forge_body(k, &rq);
    expect(k, 2, two_hundred(kit_request(k, &rq)), "the unchanged request is refused");
}

/* ---- 3: 2xx only from the callback of deliver ---- */

static void rule_stored_first(struct kit *k, const struct kit_scenario *s)
{
    struct kit_request rq = {0};
    s->one(k, 0, canary, &rq);
    kit_store(k, KIT_HOLDS);
    struct kit_answer *a = kit_request(k, &rq);
    expect(k, 3, !a->done, "answered before it was stored");
    kit_release(k);
    expect(k, 3, two_hundred(a), "stored, but not answered with 2xx");
    expect(k, 3, kit_items(k) == 1, "not one item from one message");
    const struct connector_item *it = kit_item(k, 0);
    if (it)
        expect(k, 0, kit_is(it->text, canary), "the text is not the one that was sent");
    s->one(k, 1, canary, &rq);
    kit_store(k, KIT_AWAY);
    a = kit_request(k, &rq);
    expect(k, 3, a->done && a->status >= 500, "not stored, and not answered with 5xx");
    kit_store(k, KIT_STORES);
    expect(k, 3, two_hundred(kit_request(k, &rq)), "the provider's next try is refused");
    s->one(k, 1, canary, &rq);
    expect(k, 3, two_hundred(kit_request(k, &rq)), "a duplicate is not answered with 2xx");
    expect(k, 3, kit_items(k) == 2, "a duplicate has another id");
}

/* ---- 7 ---- */

static void rule_bad_item(struct kit *k, const struct kit_scenario *s)
{
    struct kit_request rq = {0};
    s->batch(k, &rq);
    struct kit_answer *a = kit_request(k, &rq);
    size_t bad = 0, good = 0;
    for (size_t i = 0; i < kit_items(k); i++) {
        bad += kit_item(k, i)->kind == CONNECTOR_BAD;
        good += kit_item(k, i)->kind == CONNECTOR_MESSAGE;
    }
    if (s->bad_is_400) {
        expect(k, 7, a->done && a->status == 400, "a batch with a bad item is not 400");
        expect(k, 7, kit_items(k) == 0, "a refused batch has delivered something");
        return;
    }
    expect(k, 7, two_hundred(a), "a bad item blocks the batch");
    expect(k, 7, good == 2, "the good items of the batch were not taken");
    expect(k, 7, bad == 1, "the bad item was not delivered as CONNECTOR_BAD");
}

/* ---- 4: sends ---- */

static void rule_send(struct kit *k, const struct kit_scenario *s)
{
    struct connector_message m = kit_message(s->to, canary);
    struct kit_sent *sent = kit_send(k, &m);
    expect(k, 4, sent->code == CONNECTOR_OK && sent->done, "a send did not end");
    expect(k, 4, sent->r.outcome == CONNECTOR_OUT_SENT, "the provider took it, but it is not sent");
    kit_provider(k, NULL, NULL); /* nobody answers */
    m.entry = "entry-2";
    sent = kit_send(k, &m);
    expect(k, 4, sent->done || sent->code != CONNECTOR_OK, "a send without an answer did not end");
    if (sent->done)
        expect(k, 4, sent->r.outcome != CONNECTOR_OUT_SENT, "no answer is told as sent");
}

static void hold(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    (void)arg, (void)f;
    a->hold = true;
}

static void rule_send_stop(struct kit *k, const struct kit_scenario *s)
{
    struct connector_message m = kit_message(s->to, canary);
    kit_provider(k, hold, NULL);
    struct kit_sent *sent = kit_send(k, &m);
    if (sent->code == CONNECTOR_OK && !sent->done && k->c->cancel) {
        kit_enter(k);
        k->c->cancel(k->inst, sent->token);
        kit_leave(k);
        kit_turn(k);
    }
}

/* A lost answer is unknown unless nothing can have reached the provider. */
static void maybe(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    (void)arg, (void)f;
    *a = (struct kit_fetched){.error = CONNECTOR_EAWAY, .maybe_sent = true};
}

static void rule_unknown(struct kit *k, const struct kit_scenario *s)
{
    struct connector_message m = kit_message(s->to, canary);
    kit_provider(k, maybe, NULL);
    size_t before = kit_fetches(k);
    struct kit_sent *sent = kit_send(k, &m);
    if (kit_fetches(k) > before)
        expect(k, 4, sent->done && sent->r.outcome == CONNECTOR_OUT_UNKNOWN,
               "an answer that was cut off is not told as unknown");
}

/* Whatever a provider answers: the send ends, and nothing is read out of bounds. */
static void garbage(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    static const struct kit_fetched answers[] = {{.status = 200, .body = ""},
                                                 {.status = 200, .body = "{"},
                                                 {.status = 200, .body = "[]"},
                                                 {.status = 200, .body = "{\"ok\":1,\"result\":\"x\"}"},
                                                 {.status = 200, .body = "\xff\xfe"},
                                                 {.status = 204, .body = ""},
                                                 {.status = 302, .body = ""},
                                                 {.status = 400, .body = "null"},
                                                 {.status = 401, .body = "<html>"},
                                                 {.status = 403, .body = "{}"},
                                                 {.status = 429, .body = "{}"},
                                                 {.status = 500, .body = "x"},
                                                 {.status = 503, .body = "{\"ok\":false}"}};
    unsigned *n = arg;
    (void)f;
    *a = answers[(*n)++ % (sizeof(answers) / sizeof(answers[0]))];
}

static void rule_garbage(struct kit *k, const struct kit_scenario *s)
{
    unsigned n = 0;
    kit_provider(k, garbage, &n);
    for (int i = 0; i < 13; i++) {
        char entry[24];
        snprintf(entry, sizeof(entry), "entry-g%d", i);
        struct connector_message m = kit_message(s->to, canary);
        m.entry = entry;
        struct kit_sent *sent = kit_send(k, &m);
        kit_advance(k, 60000);
        expect(k, 4, sent->done || sent->code != CONNECTOR_OK,
               "a strange answer leaves a send without an end");
    }
    kit_provider(k, s->provider, s->arg);
}

/* ---- 6 ---- */

static void rule_stop(struct kit *k, const struct kit_scenario *s)
{
    struct kit_request rq = {0};
    if (s->one) {
        s->one(k, 0, canary, &rq);
        kit_store(k, KIT_HOLDS);
        kit_request(k, &rq); /* kit_end stops with this one under way */
    }
}

static void rule_nothing(struct kit *k, const struct kit_scenario *s)
{
    (void)k, (void)s;
}

bool kit_rules(const struct connector *c, const struct kit_scenario *s)
{
    const bool sends = !(c->capabilities & CONNECTOR_PULL);
    const struct {
        const char *name;
        bool applies;
        void (*run)(struct kit *k, const struct kit_scenario *s);
    } rules[] = {{"starts and stops", true, rule_nothing},
                 {"2: verify first", s->one && s->proof_headers, rule_verify},
                 {"3: stored first", s->one != NULL, rule_stored_first},
                 {"4: one end for each send", sends, rule_send},
                 {"4: unknown", sends, rule_unknown},
                 {"4: strange answers", sends, rule_garbage},
                 {"6: stop with a send under way", sends, rule_send_stop},
                 {"6: stop with a request under way", s->one != NULL, rule_stop},
                 {"7: a bad item", s->batch != NULL, rule_bad_item}};
    bool ok = true;
    if (sends && !c->send) {
        fprintf(stderr, "%s: `send` is missing\n", c->name);
        return false;
    }
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct kit *k = rules[i].applies ? fresh(c, s, &ok) : NULL;
        if (!k)
            continue;
        rules[i].run(k, s);
        if (!kit_end(&k)) {
            fprintf(stderr, "%s: failed \"%s\"\n", c->name, rules[i].name);
            ok = false;
        }
    }
    return ok;
}
