/* SPDX-License-Identifier: Apache-2.0
 * Idempotency-Key: an answer is given when it can be given again; a repetition is shown what is there now, as
 * the caller may see it. */
#include "gateway/api/matters.h"
#include "gateway/api/route.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

struct keeping { /* an answer that is given when it can be given again */
    struct call *c;
    int status;
    char *json;
    size_t n;
};

static void on_kept(void *arg, const struct err *e)
{
    struct keeping *k = arg;
    (void)e; /* it was done: that is what is told */
    call_reply_json(k->c->rq, k->status, (struct slice){k->json, k->n});
    call_end(k->c);
    mem_free(k->json);
    mem_free(k);
}

/* "201 @entry …" or "200 {…}": what a repetition of the same key is answered with. */
void idem_keep(struct call *c, int status, struct slice json)
{
    struct keeping *k = mem_alloc(sizeof *k);
    struct buf b;
    *k = (struct keeping){c, status, slice_dup(json), json.n};
    buf_init(&b, 4u << 20);
    buf_printf(&b, "%d ", status);
    if (c->idem_what[0])
        buf_printf(&b, "@%s", c->idem_what);
    else
        buf_slice(&b, json);
    store_idem_finish(c->op->op, slice_str(c->idem_scope), c->idem_key, buf_view(&b), on_kept, k);
    buf_clear(&b);
}

void idem_free(struct call *c)
{
    if (c->idem)
        store_idem_drop(c->op->op, slice_str(c->idem_scope), c->idem_key, NULL, NULL);
}

/* "201 @entry ID SEQ" or "200 {…}", as idem_keep has written it. */
static void show_again(struct call *c, struct slice answer)
{
    struct slice status, kind, id_text;
    struct id id;
    uint64_t code = 200, seq = 0;
    slice_next(&answer, ' ', &status);
    slice_u64(status, &code);
    c->replay = (int)code;
    if (!slice_starts(answer, "@")) {
        call_json(c, c->replay, answer);
        return;
    }
    slice_next(&answer, ' ', &kind);
    slice_next(&answer, ' ', &id_text);
    if (!call_id(c, id_text, &id))
        return;
    if (slice_is(kind, "@thread"))
        call_show_thread(c, id);
    else if (slice_is(kind, "@matter"))
        call_show_matter(c, id, answer);
    else if (slice_is(kind, "@contact"))
        call_show_contact(c, id);
    else {
        slice_u64(answer, &seq);
        call_show_entry(c, id, seq);
    }
}

static void on_idem(void *arg, const struct err *e, int state, struct slice answer)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else if (state == 0) {
        c->idem = true;
        c->route->run(c);
    } else if (state == 2)
        call_problem(c, 409, "a call with this Idempotency-Key is under way");
    else if (state == 3)
        call_problem(c, 422, "this Idempotency-Key was used with another body");
    else
        show_again(c, answer);
}

void idem_claim(struct call *c)
{
    unsigned char hash[SHA256_DIGEST_LENGTH], where[SHA256_DIGEST_LENGTH];
    char where_text[2 * SHA256_DIGEST_LENGTH + 1] = "";
    struct slice key = http_req_header(c->rq, "idempotency-key"), body = http_req_body(c->rq),
                 path = http_req_path(c->rq);
    if (key.n > 128) {
        call_problem(c, 400, "Idempotency-Key: at most 128 bytes");
        return;
    }
    SHA256((const unsigned char *)(body.p ? body.p : ""), body.n, hash);
    c->idem_key = (struct slice){slice_dup(key), key.n};
    SHA256((const unsigned char *)path.p, path.n, where);
    text_hex(where_text, where, sizeof where);
    snprintf(c->idem_scope, sizeof c->idem_scope, "%.63s %d %s", c->caller.login, (int)http_req_method(c->rq),
             where_text);
    store_idem_begin(c->op->op, slice_str(c->idem_scope), c->idem_key, hash, on_idem, c);
}
