/* SPDX-License-Identifier: Apache-2.0
 * Showing a second factor: the ticket that a right password gives, and the code that goes with it. A try is
 * counted before it is made. */
#include "gateway/base/mem.h"
#include "store/otp.h"
#include "store/password.h"
#include "store/second_internal.h"
#include "store/side.h"
#include <string.h>

#define TICKET      32
#define TICKET_TEXT 43 /* base64url */

/* ---- a ticket ---- */

struct ticket_job {
    struct store *store;
    struct err e;
    char text[TICKET_TEXT + 1];
    store_text_done done;
    void *arg;
};

static void ticket_end(struct ticket_job *j, const struct err *e)
{
    j->done(j->arg, e, e->code ? (struct slice){0, 0} : slice_str(j->text));
    mem_wipe(j->text, sizeof j->text);
    mem_free(j);
}

static void ticket_later(void *arg)
{
    struct ticket_job *j = arg;
    ticket_end(j, &j->e);
}

static void on_ticket(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    ticket_end(arg, e);
}

void store_second_begin(struct store *s, const struct store_user *u, store_text_done done, void *arg)
{
    struct store_op *system = store_system(s);
    struct ticket_job *j = mem_alloc(sizeof *j);
    struct store_args a;
    unsigned char raw[TICKET], hash[32], user[16];
    j->store = s;
    j->done = done;
    j->arg = arg;
    if (!system) {
        err_set(&j->e, ERR_UNAVAILABLE, "the store is not ready");
        loop_defer(store_loop(s), ticket_later, j);
        return;
    }
    text_random(raw, sizeof raw);
    text_base64url(j->text, raw, sizeof raw);
    crypto_sha256(slice_str(j->text), hash);
    user_blind(system, u->login, user);
    store_args_init(&a);
    store_arg_copy(&a, hash, sizeof hash);
    store_arg_copy(&a, user, sizeof user);
    store_arg_int(&a, u->changed_ms);
    store_call(system, "second_begin", &a, on_ticket, j);
}

/* ---- a code ---- */

struct check_job {
    struct store *store;
    struct store_op *system;
    struct arena *a;
    struct user_place place;
    unsigned char ticket[32], user[16];
    bool by_ticket, recovery;
    unsigned which, trust_s;
    uint32_t code;
    char typed[SECOND_CODE];
    uint64_t step;
    struct store_user u;
    struct err e;
    void (*done)(void *arg, const struct err *e, const struct store_user *u);
    void *arg;
};

static void check_end(struct check_job *j, const struct err *e)
{
    j->done(j->arg, e, e->code ? NULL : &j->u);
    mem_wipe(j->typed, sizeof j->typed);
    arena_free(&j->a);
    mem_free(j);
}

static void check_later(void *arg)
{
    struct check_job *j = arg;
    check_end(j, &j->e);
}

static void on_wrong(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct check_job *j = arg;
    (void)e; /* the answer is no either way */
    (void)r;
    check_end(j, &j->e);
}

static void wrong(struct check_job *j)
{
    struct store_args a;
    err_set(&j->e, ERR_AUTH, "this is not the code");
    store_args_init(&a);
    store_arg_copy(&a, j->user, sizeof j->user);
    store_call(j->system, "second_wrong", &a, on_wrong, j);
}

static void on_good(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct check_job *j = arg;
    (void)r;
    j->u.proved = !e->code;
    check_end(j, e);
}

static void right(struct check_job *j)
{
    struct store_args a;
    char which[2] = {(char)('0' + j->which), '\0'};
    store_args_init(&a);
    store_arg_copy(&a, j->ticket, j->by_ticket ? sizeof j->ticket : 0);
    store_arg_copy(&a, j->user, sizeof j->user);
    store_arg_copy(&a, j->place.network, sizeof j->place.network);
    store_arg_copy(&a, j->place.named, j->place.named_n);
    store_arg_copy(&a, j->place.device, j->place.device_n);
    if (j->recovery)
        store_arg_str(&a, "");
    else
        store_arg_int(&a, (int64_t)j->step);
    store_arg_str(&a, j->recovery ? which : "");
    store_arg_int(&a, (int64_t)j->trust_s * 1000);
    store_arg_int(&a, j->u.changed_ms);
    store_call(j->system, "second_good", &a, on_good, j);
}

static void on_compared(void *arg, bool fits, const unsigned char *hash)
{
    (void)hash;
    if (fits)
        right(arg);
    else
        wrong(arg);
}

static void by_clock(struct check_job *j, struct slice sealed)
{
    struct buf secret;
    buf_init(&secret, 64);
    if (keys_open_own(j->system, KEYS_STAFF, "second", slice_of(j->user, sizeof j->user), sealed, &secret) ==
            0 &&
        secret.n == OTP_SECRET)
        j->step = otp_step((const unsigned char *)secret.p, j->code, store_now_ms(j->store));
    if (secret.p)
        mem_wipe(secret.p, secret.n);
    buf_clear(&secret);
    if (j->step)
        right(j);
    else
        wrong(j);
}

static void by_recovery(struct check_job *j, struct slice sealed)
{
    struct buf hash;
    unsigned char name[17];
    buf_init(&hash, 256);
    second_blind_code(j->user, j->which, name);
    keys_open_own(j->system, KEYS_STAFF, "recovery", slice_of(name, sizeof name), sealed, &hash);
    struct slice view = buf_view(&hash); /* empty: it was used, and the same work follows */
    if (!password_start(j->system, j->typed, &view, on_compared, j)) {
        err_set(&j->e, ERR_BUSY, "too many sign in at once");
        loop_defer(store_loop(j->store), check_later, j);
    }
    buf_clear(&hash);
}

static void on_try(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct check_job *j = arg;
    if (e->code) {
        check_end(j, e);
        return;
    }
    struct slice user = store_item(r, 0);
    if (user.n != sizeof j->user || !user_read(j->system, j->a, r, &j->u)) {
        err_set(&j->e, ERR_CORRUPT, "a user's record does not decrypt");
        check_end(j, &j->e);
        return;
    }
    memcpy(j->user, user.p, sizeof j->user);
    if (j->recovery)
        by_recovery(j, store_item(r, 8));
    else
        by_clock(j, store_item(r, 7));
}

static bool check_begin(struct check_job *j, const struct second_try *t)
{
    if (!j->system)
        err_set(&j->e, ERR_UNAVAILABLE, "the store is not ready");
    else if (j->by_ticket && t->ticket.n != TICKET_TEXT)
        err_set(&j->e, ERR_NOT_FOUND, "sign in again");
    else if (otp_read(t->code, &j->code))
        return true;
    else if (second_recovery_read(t->code, &j->which, j->typed))
        return j->recovery = true;
    else
        err_set(&j->e, ERR_AUTH, "this is not the code");
    loop_defer(store_loop(j->store), check_later, j);
    return false;
}

void store_second_check(struct store *s, const struct second_try *t,
                        void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg)
{
    struct check_job *j = mem_alloc(sizeof *j);
    struct store_args a;
    j->store = s;
    j->system = store_system(s);
    j->a = arena_new();
    j->by_ticket = t->ticket.n > 0;
    j->trust_s = t->trust_s;
    j->done = done;
    j->arg = arg;
    if (!check_begin(j, t))
        return;
    user_place(j->system, &t->from, &j->place);
    crypto_sha256(t->ticket, j->ticket);
    if (t->login)
        user_blind(j->system, t->login, j->user);
    char which[2] = {(char)('0' + j->which), '\0'};
    store_args_init(&a);
    store_arg_copy(&a, j->ticket, j->by_ticket ? sizeof j->ticket : 0);
    store_arg_copy(&a, j->user, j->by_ticket ? 0 : sizeof j->user);
    store_arg_copy(&a, j->place.network, sizeof j->place.network);
    store_arg_copy(&a, j->place.device, j->place.device_n);
    store_arg_str(&a, j->recovery ? which : "");
    store_call(j->system, "second_try", &a, on_try, j);
}
