/* SPDX-License-Identifier: Apache-2.0
 * Second factors: setting one up, its recovery codes, ending it. Showing one is in second_check.c. */
#include "store/second.h"
#include "gateway/base/mem.h"
#include "store/otp.h"
#include "store/password.h"
#include "store/second_internal.h"
#include "store/side.h"
#include <string.h>

/* ---- recovery codes ---- */

/* "3-bcdfg-hjkmn-pqrst": the digit says which it is, so that one hash is compared. */
static void code_make(unsigned which, char out[SECOND_CODE])
{
    static const char letters[] = "bcdfghjkmnpqrstvwxz23456789";
    size_t n = 0;
    out[n++] = (char)('0' + which);
    for (int i = 0; i < SECOND_LETTERS; i++) {
        if (i % 5 == 0)
            out[n++] = '-';
        out[n++] = letters[text_random_u64() % (sizeof letters - 1)];
    }
    out[n] = '\0';
}

bool second_recovery_read(struct slice typed, unsigned *which, char out[SECOND_CODE])
{
    size_t n = 0, chars = 0;
    for (size_t i = 0; i < typed.n; i++) {
        char c = typed.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c == ' ' || c == '-')
            continue;
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!good || chars > SECOND_LETTERS || (chars == 0 && (c < '0' || c > '9')))
            return false;
        if (chars && (chars - 1) % 5 == 0)
            out[n++] = '-';
        out[n++] = c;
        chars++;
    }
    out[n] = '\0';
    *which = chars ? (unsigned)(out[0] - '0') : 0;
    return chars == SECOND_LETTERS + 1;
}

void second_blind_code(const unsigned char user[16], unsigned which, unsigned char out[17])
{
    memcpy(out, user, 16);
    out[16] = (unsigned char)which;
}

/* ---- a job ---- */

struct second_job {
    struct store *store;
    struct store_op *system;
    char *login, *actor;
    unsigned char user[16], session[32];
    bool in_session, confirms;
    struct buf pending;            /* the sealed secret that is confirmed */
    unsigned char raw[OTP_SECRET]; /* a new secret */
    uint64_t step;
    uint32_t code;
    struct buf text; /* what is told once */
    unsigned hashed, failed;
    struct hashing { /* of one recovery code */
        struct second_job *j;
        unsigned which;
    } hashing[SECOND_CODES];
    struct buf codes[SECOND_CODES]; /* sealed hashes */
    struct err e;
    store_text_done text_done;
    store_done done;
    void (*got)(void *arg, const struct err *e, const struct store_second *f);
    void *arg;
};

static void job_end(struct second_job *j, const struct err *e)
{
    struct err own = *e;
    if (j->text_done)
        j->text_done(j->arg, &own, own.code ? (struct slice){0, 0} : buf_view(&j->text));
    if (j->done)
        j->done(j->arg, &own);
    if (j->got && own.code)
        j->got(j->arg, &own, NULL);
    mem_wipe(j->raw, sizeof j->raw);
    if (j->text.p)
        mem_wipe(j->text.p, j->text.n);
    buf_clear(&j->text);
    buf_clear(&j->pending);
    for (size_t i = 0; i < SECOND_CODES; i++)
        buf_clear(&j->codes[i]);
    mem_free(j->login);
    mem_free(j->actor);
    mem_free(j);
}

static void later(void *arg)
{
    struct second_job *j = arg;
    job_end(j, &j->e);
}

static void job_fail(struct second_job *j, enum err_code code, const char *text)
{
    err_set(&j->e, code, "%s", text);
    loop_defer(store_loop(j->store), later, j);
}

static struct second_job *job_new(struct store *s, const char *login, const char *actor, void *arg)
{
    struct second_job *j = mem_alloc(sizeof *j);
    j->store = s;
    j->system = store_system(s);
    j->login = mem_strdup(login);
    j->actor = mem_strdup(actor);
    j->arg = arg;
    buf_init(&j->pending, 1024);
    buf_init(&j->text, 4096);
    for (size_t i = 0; i < SECOND_CODES; i++)
        buf_init(&j->codes[i], 512);
    if (j->system)
        user_blind(j->system, login, j->user);
    return j;
}

/* False: the store is away, and the callback comes later. */
static bool job_begin(struct second_job *j, struct store_args *a)
{
    if (!j->system) {
        job_fail(j, ERR_UNAVAILABLE, "the store is not ready");
        return false;
    }
    store_args_init(a);
    store_arg_copy(a, j->user, sizeof j->user);
    return true;
}

static void plain_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    job_end(arg, e);
}

/* ---- asking ---- */

static void on_got(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct second_job *j = arg;
    if (!e->code) {
        struct store_second f = {.on = slice_is(store_item(r, 0), "1"),
                                 .since_ms = store_number(r->items[1]),
                                 .codes_left = (unsigned)store_number(r->items[2])};
        j->got(j->arg, e, &f);
    }
    job_end(j, e);
}

void store_second_get(struct store *s, const char *login,
                      void (*done)(void *arg, const struct err *e, const struct store_second *f), void *arg)
{
    struct second_job *j = job_new(s, login, NULL, arg);
    struct store_args a;
    j->got = done;
    if (job_begin(j, &a))
        store_call(j->system, "second_get", &a, on_got, j);
}

/* ---- a new secret ---- */

void store_second_start(struct store *s, const char *login, store_text_done done, void *arg)
{
    struct second_job *j = job_new(s, login, NULL, arg);
    struct store_args a;
    char shown[OTP_BASE32];
    j->text_done = done;
    if (!job_begin(j, &a))
        return;
    text_random(j->raw, sizeof j->raw);
    otp_base32(j->raw, shown);
    buf_str(&j->text, shown);
    mem_wipe(shown, sizeof shown);
    keys_seal_own(j->system, KEYS_STAFF, "second", slice_of(j->user, sizeof j->user),
                  slice_of(j->raw, sizeof j->raw), &j->pending);
    store_arg(&a, buf_view(&j->pending));
    store_call(j->system, "second_start", &a, plain_done, j);
}

/* ---- recovery codes are hashed, and all is written ---- */

static void told(void *arg, const struct err *e)
{
    (void)arg;
    (void)e; /* else sockets find out at their next beat */
}

static void on_put(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct second_job *j = arg;
    (void)r;
    if (!e->code && j->confirms)
        store_user_tell(j->store, j->login, j->actor ? j->actor : j->login, told, NULL);
    job_end(j, e);
}

static void put(struct second_job *j)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_copy(&a, j->user, sizeof j->user);
    if (j->confirms) {
        store_arg(&a, buf_view(&j->pending));
        store_arg_int(&a, (int64_t)j->step);
        store_arg_copy(&a, j->session, j->in_session ? sizeof j->session : 0);
    }
    store_arg_str(&a, j->actor);
    for (size_t i = 0; i < SECOND_CODES; i++)
        store_arg(&a, buf_view(&j->codes[i]));
    store_call(j->system, j->confirms ? "second_put" : "second_codes", &a, on_put, j);
}

static void all_hashed(struct second_job *j)
{
    struct err e = {0};
    if (!j->failed) {
        put(j);
        return;
    }
    err_set(&e, ERR_BUSY, "too many sign in at once");
    job_end(j, &e);
}

static void on_hashed(void *arg, bool fits, const unsigned char *hash)
{
    struct hashing *h = arg;
    struct second_job *j = h->j;
    unsigned char name[17];
    (void)fits;
    second_blind_code(j->user, h->which, name);
    keys_seal_own(j->system, KEYS_STAFF, "recovery", slice_of(name, sizeof name),
                  slice_of(hash, PASSWORD_HASH), &j->codes[h->which]);
    if (++j->hashed + j->failed == SECOND_CODES)
        all_hashed(j);
}

/* As many at a time as passwords are. */
static void codes_make(struct second_job *j)
{
    char code[SECOND_CODE];
    for (unsigned i = 0; i < SECOND_CODES; i++) {
        code_make(i, code);
        buf_printf(&j->text, "%s%s", i ? "\n" : "", code);
        j->hashing[i] = (struct hashing){j, i};
        if (!password_start(j->system, code, NULL, on_hashed, &j->hashing[i]))
            j->failed++;
    }
    mem_wipe(code, sizeof code);
    if (j->failed == SECOND_CODES)
        job_fail(j, ERR_BUSY, "too many sign in at once");
}

static void on_pending(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct second_job *j = arg;
    struct buf secret;
    if (e->code) {
        job_end(j, e);
        return;
    }
    buf_init(&secret, 64);
    buf_slice(&j->pending, store_text(r));
    bool good = keys_open_own(j->system, KEYS_STAFF, "second", slice_of(j->user, sizeof j->user),
                              buf_view(&j->pending), &secret) == 0 &&
                secret.n == OTP_SECRET;
    if (good)
        j->step = otp_step((const unsigned char *)secret.p, j->code, store_now_ms(j->store));
    if (secret.p)
        mem_wipe(secret.p, secret.n);
    buf_clear(&secret);
    if (!good)
        job_fail(j, ERR_CORRUPT, "a secret does not decrypt");
    else if (!j->step)
        job_fail(j, ERR_AUTH, "this is not the code");
    else
        codes_make(j);
}

void store_second_confirm(struct store *s, const char *login, struct slice code, struct slice session,
                          const char *actor, store_text_done done, void *arg)
{
    struct second_job *j = job_new(s, login, actor, arg);
    struct store_args a;
    j->text_done = done;
    j->confirms = true;
    j->in_session = session.n > 0;
    crypto_sha256(session, j->session);
    if (!otp_read(code, &j->code)) {
        job_fail(j, ERR_AUTH, "this is not the code");
        return;
    }
    if (job_begin(j, &a))
        store_call(j->system, "second_pending", &a, on_pending, j);
}

void store_second_codes(struct store *s, const char *login, const char *actor, store_text_done done,
                        void *arg)
{
    struct second_job *j = job_new(s, login, actor, arg);
    struct store_args a;
    j->text_done = done;
    if (job_begin(j, &a))
        codes_make(j);
}

/* ---- the end of one ---- */

static void on_reset(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct second_job *j = arg;
    (void)r;
    if (!e->code)
        store_user_tell(j->store, j->login, j->actor, told, NULL);
    job_end(j, e);
}

void store_second_reset(struct store *s, const char *login, const char *actor, store_done done, void *arg)
{
    struct second_job *j = job_new(s, login, actor, arg);
    struct store_args a;
    j->done = done;
    if (!job_begin(j, &a))
        return;
    store_arg_str(&a, actor);
    store_call(j->system, "second_reset", &a, on_reset, j);
}
