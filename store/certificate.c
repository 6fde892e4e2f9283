/* SPDX-License-Identifier: Apache-2.0
 * Certificates of erasure: counts what there is, erases, notes the audit's newest seal, keeps the certificate
 * and its hash. */
#include "store/certificate.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/admin.h"
#include "store/crypto.h"
#include "store/internal.h"
#include "store/record.h"
#include <stdio.h>
#include <string.h>

#define KIND     "certificate"
#define CERT_MAX 4096
#define HASH     33 /* of the ledger: 16 bytes in hex */

struct certify {
    struct store_op *op;
    struct id contact;
    char *actor, id[HASH];
    size_t threads, addresses;
    uint64_t entries;
    int64_t expires;
    struct buf text;
    store_text_done done;
    void *arg;
};

static void end(struct certify *c, const struct err *e)
{
    c->done(c->arg, e, e->code ? (struct slice){0} : buf_view(&c->text));
    buf_clear(&c->text);
    mem_free(c->actor);
    mem_free(c);
}

/* As in the ledger (erase.c): of the contact's id, which is a keyed cipher's. */
static void ledger_hash(struct id contact, char out[HASH])
{
    unsigned char hash[32];
    crypto_sha256(slice_str(contact.s), hash);
    text_hex(out, hash, 16);
}

/* ---- writing it ---- */

static void first_told(void *arg, const struct err *e, const struct store_record *r)
{
    struct certify *c = arg;
    if (e->code == 0) {
        buf_reset(&c->text);
        buf_slice(&c->text, r->json);
    }
    end(c, e);
}

static void kept(void *arg, const struct err *e, uint64_t version)
{
    struct certify *c = arg;
    (void)version;
    if (e->code == ERR_CONFLICT) { /* they were erased before: that is what is certified */
        store_record_get(c->op, KIND, c->id, first_told, c);
        return;
    }
    if (e->code) /* a full Redis: the person is erased all the same, and who asked has the certificate */
        log_event(LOG_WARN, "certificate.not_kept", log_str("operation", store_op_name(c->op)), log_err(e));
    end(c, &(struct err){0});
}

static void keep(struct certify *c)
{
    unsigned char hash[32];
    char hex[65], detail[80];
    crypto_sha256(buf_view(&c->text), hash);
    text_hex(hex, hash, 32);
    snprintf(detail, sizeof detail, "sha256=%s", hex);
    struct record_put p = {
        .r = {.kind = KIND, .id = c->id, .json = buf_view(&c->text), .group = "", .facets = ""},
        .expect = 0,
        .actor = c->actor,
        .action = "erasure.certificate",
        .detail = detail};
    store_record_put(c->op, &p, kept, c);
}

static void time_member(struct buf *b, const char *name, int64_t ms)
{
    char when[TIME_TEXT];
    time_text(ms, when);
    buf_printf(b, ",\"%s\":\"%s\"", name, when);
}

static void sealed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct certify *c = arg;
    struct buf *b = &c->text;
    if (e->code) {
        end(c, e);
        return;
    }
    const struct redis_reply *last = r->kind == REDIS_ARRAY && r->n ? r->items[0] : NULL;
    const struct redis_reply *f = last && last->n == 2 ? last->items[1] : NULL;
    struct slice root = store_field(f, "h");
    buf_printf(b, "{\"certificate\":\"%s\",\"operation\":", c->id);
    buf_json_str(b, slice_str(store_op_name(c->op)));
    time_member(b, "erased", store_now_ms(c->op->store));
    buf_str(b, ",\"by\":");
    buf_json_str(b, slice_str(c->actor));
    buf_printf(b, ",\"threads\":%zu,\"entries\":%llu,\"addresses\":%zu,\"ledger\":{\"hash\":\"%s\"}",
               c->threads, (unsigned long long)c->entries, c->addresses, c->id);
    time_member(b, "key_backups_expire", c->expires);
    buf_printf(b, ",\"audit\":{\"root\":\"%.*s\",\"lines\":%lld}}", (int)root.n, root.n ? root.p : "",
               (long long)store_field_int(f, "c"));
    keep(c);
}

static void erased(void *arg, const struct err *e, int64_t expires)
{
    struct certify *c = arg;
    struct buf key;
    if (e->code) {
        end(c, e);
        return;
    }
    c->expires = expires;
    buf_init(&key, 256);
    struct slice argv[] = {SLICE("XREVRANGE"), store_key(c->op, &key, "seals", SLICE("")),
                           SLICE("+"),         SLICE("-"),
                           SLICE("COUNT"),     SLICE("1")};
    store_data_send(c->op, sealed, c, 6, argv);
    buf_clear(&key);
}

/* ---- what there is ---- */

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct certify *c = arg;
    c->threads = e->code ? 0 : n;
    for (size_t i = 0; e->code == 0 && i < n; i++)
        c->entries += t[i]->entries;
    store_erase(c->op, c->contact, c->actor, erased, c);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *contact)
{
    struct certify *c = arg;
    if (e->code) {
        end(c, e);
        return;
    }
    c->addresses = contact->addresses_n;
    store_threads_get(c->op, contact->threads, contact->threads_n, on_threads, c);
}

void store_erase_certified(struct store_op *op, struct id contact, const char *actor, store_text_done done,
                           void *arg)
{
    struct certify *c = mem_alloc(sizeof *c);
    c->op = op;
    c->contact = contact;
    c->actor = mem_strdup(actor && *actor ? actor : "system");
    c->done = done;
    c->arg = arg;
    buf_init(&c->text, CERT_MAX);
    ledger_hash(contact, c->id);
    store_contact_get(op, contact, on_contact, c);
}

/* ---- telling it again ---- */

struct asking {
    store_text_done done;
    void *arg;
};

static void got(void *arg, const struct err *e, const struct store_record *r)
{
    struct asking *a = arg;
    a->done(a->arg, e, e->code ? (struct slice){0} : r->json);
    mem_free(a);
}

void store_certificate_get(struct store_op *op, const char *id, store_text_done done, void *arg)
{
    struct asking *a = mem_alloc(sizeof *a);
    *a = (struct asking){done, arg};
    store_record_get(op, KIND, id, got, a);
}

static void listed(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct asking *a = arg;
    struct buf b;
    (void)more;
    buf_init(&b, RECORD_LIST * (CERT_MAX + 1) + 2);
    buf_char(&b, '[');
    for (size_t i = 0; e->code == 0 && i < n; i++) {
        if (i)
            buf_char(&b, ',');
        buf_slice(&b, r[i].json);
    }
    buf_char(&b, ']');
    a->done(a->arg, e, buf_view(&b));
    buf_clear(&b);
    mem_free(a);
}

void store_certificates(struct store_op *op, unsigned limit, store_text_done done, void *arg)
{
    struct asking *a = mem_alloc(sizeof *a);
    *a = (struct asking){done, arg};
    store_record_list(op, &(struct record_list){.kind = KIND, .newest_first = true, .limit = limit}, listed,
                      a);
}
