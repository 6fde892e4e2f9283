/* SPDX-License-Identifier: Apache-2.0
 * REST on people's rights: all about a person, certificates of erasure, what a breach touched, the record of
 * processing. */
#include "gateway/api/api_internal.h"
#include "gateway/api/breach.h"
#include "gateway/api/subject.h"
#include "store/certificate.h"
#include "store/processing.h"
#include <stdio.h>
#include <string.h>

#define HTML_MAX (128u << 20)

static void reply_html(struct call *c, struct slice text)
{
    static const struct http_head heads[] = {
        {"Content-Type", {"text/html; charset=utf-8", 24}},
        {"Content-Security-Policy", {"default-src 'none'; style-src 'unsafe-inline'; sandbox", 54}},
        {"Content-Disposition", {"attachment; filename=\"about-you.html\"", 37}},
        {"Cache-Control", {"no-store", 8}},
        {NULL, {0, 0}}};
    http_reply(c->rq, 200, heads, text);
    call_end(c);
}

/* ---- all about a person ---- */

static void on_subject(void *arg, const struct err *e, const json_t *doc, const json_t *files)
{
    struct call *c = arg;
    struct buf b;
    (void)files;
    if (e->code) {
        call_err(c, e);
        return;
    }
    buf_init(&b, HTML_MAX);
    if (slice_is(json_opt_str(c->body, "format"), "html")) {
        subject_html(doc, &b);
        reply_html(c, buf_view(&b));
    } else {
        json_write(doc, &b);
        call_json(c, 200, buf_view(&b));
    }
    buf_clear(&b);
}

static void subject_post(struct call *c)
{
    static const char *const known[] = {"format", NULL};
    struct subject_ask ask = {.areas = c->caller.who.areas, .actor = c->caller.login};
    struct slice format = json_opt_str(c->body, "format");
    if (!call_members(c, known) || !call_id(c, c->args[0], &ask.contact))
        return;
    if (format.n && !slice_is(format, "json") && !slice_is(format, "html")) {
        call_problem(c, 400, "format: json or html");
        return;
    }
    ask.clearance = rights_subject(&c->caller.who);
    subject_run(c->op->op, &ask, on_subject, c);
}

/* ---- certificates ---- */

static void on_json(void *arg, const struct err *e, struct slice text)
{
    if (e->code)
        call_err(arg, e);
    else
        call_json(arg, 200, text);
}

static void on_certificates(void *arg, const struct err *e, struct slice text)
{
    struct buf b;
    if (e->code) {
        call_err(arg, e);
        return;
    }
    buf_init(&b, 4u << 20);
    buf_str(&b, "{\"items\":");
    buf_slice(&b, text);
    buf_str(&b, ",\"next\":null}");
    call_json(arg, 200, buf_view(&b));
    buf_clear(&b);
}

static void certificates_get(struct call *c)
{
    unsigned limit = call_limit(c);
    if (limit)
        store_certificates(c->op->op, limit, on_certificates, c);
}

static void certificate_get(struct call *c)
{
    char id[33] = "";
    if (c->args[0].n != 32 || !text_unhex((unsigned char[16]){0}, 16, c->args[0])) {
        call_problem(c, 404, "no such certificate");
        return;
    }
    memcpy(id, c->args[0].p, 32);
    store_certificate_get(c->op->op, id, on_json, c);
}

/* ---- what a breach touched ---- */

/* False: malformed, and answered. */
static bool time_asked(struct call *c, const char *key, int64_t *ms)
{
    struct buf b;
    buf_init(&b, 64);
    bool good = !call_query(c, key, &b) || time_parse(buf_view(&b), ms);
    buf_clear(&b);
    if (!good)
        call_problem(c, 400, "from, to: times are wanted, as 2026-01-31T12:00:00Z");
    return good;
}

static void breach_get(struct call *c)
{
    struct breach_ask ask = {.to_ms = store_now_ms(c->api->cf.store)};
    struct buf user, contact;
    if (c->caller.who.clearance < 2) { /* less would count less, and look like all */
        call_problem(c, 403, "what a breach touched is counted with clearance 2, or by `parley breach`");
        return;
    }
    if (!time_asked(c, "from", &ask.from_ms) || !time_asked(c, "to", &ask.to_ms))
        return;
    buf_init(&user, 128);
    buf_init(&contact, 64);
    if (call_query(c, "user", &user))
        ask.user = user.p;
    if (!call_query(c, "contact", &contact) || call_id(c, buf_view(&contact), &ask.contact)) {
        store_audit(c->op->op, c->caller.login, "breach.count", ask.user ? ask.user : "", "", NULL, NULL);
        breach_run(c->op->op, &ask, on_json, c);
    }
    buf_clear(&user);
    buf_clear(&contact);
}

/* ---- the record of processing ---- */

static void processing_get(struct call *c)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    processing_json(store_op_name(c->op->op), &b);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

const struct call_route subject_routes[] = {
    {HTTP_M_POST, "contacts/{}/export", subject_post, ROLE_ADMINISTRATOR | ROLE_FOCAL,
     CALL_JSON | CALL_SECRET}, /* never kept for an Idempotency-Key: it would outlive an erasure */
    {HTTP_M_GET, "erasures", certificates_get, ROLE_ADMINISTRATOR | ROLE_AUDITOR, 0},
    {HTTP_M_GET, "erasures/{}", certificate_get, ROLE_ADMINISTRATOR | ROLE_AUDITOR, 0},
    {HTTP_M_GET, "breach", breach_get, ROLE_AUDITOR, 0},
    {HTTP_M_GET, "processing", processing_get, ROLE_ADMINISTRATOR | ROLE_AUDITOR, 0},
    {.run = NULL},
};
