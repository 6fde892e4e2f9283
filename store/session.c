/* SPDX-License-Identifier: Apache-2.0
 * Sessions and bearer tokens: 256 random bits that only their holder has; the store keeps SHA-256. */
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "store/side.h"
#include "store/user_internal.h"
#include <string.h>

#define SECRET       32
#define SECRET_TEXT  43 /* base64url */
#define TOKEN_PREFIX "parley_"
#define RECORD_MAX   4096
#define IDLE_MIN_S   1u
#define IDLE_MAX_S   (400u * 86400)
#define NOTE_MAX     1000

struct session_job {
    struct store *store;
    struct store_op *system;
    struct err e;
    char secret[sizeof TOKEN_PREFIX + SECRET_TEXT];
    unsigned char hash[32];
    store_text_done text_done;
    store_done done;
    void (*user)(void *arg, const struct err *e, const struct store_user *u);
    void (*token)(void *arg, const struct err *e, const struct store_token *t);
    void (*tokens)(void *arg, const struct err *e, const struct store_token *const *t, size_t n);
    void *arg;
};

static void end(struct session_job *j, const struct err *e)
{
    if (j->text_done)
        j->text_done(j->arg, e, e->code ? (struct slice){0} : slice_str(j->secret));
    if (j->done)
        j->done(j->arg, e);
    mem_wipe(j->secret, sizeof j->secret);
    mem_free(j);
}

static void refuse(void *arg)
{
    struct session_job *j = arg;
    if (j->user)
        j->user(j->arg, &j->e, NULL);
    if (j->token)
        j->token(j->arg, &j->e, NULL);
    if (j->tokens)
        j->tokens(j->arg, &j->e, NULL, 0);
    end(j, &j->e);
}

static struct session_job *job(struct store *s, void *arg)
{
    struct session_job *j = mem_alloc(sizeof *j);
    j->store = s;
    j->system = store_system(s);
    j->arg = arg;
    return j;
}

/* False (and the callback comes later): it cannot begin. */
static bool may_begin(struct session_job *j, bool good, enum err_code code, const char *text)
{
    if (j->system && good)
        return true;
    err_set(&j->e, j->system ? code : ERR_UNAVAILABLE, "%s", j->system ? text : "the store is not ready");
    loop_defer(store_loop(j->store), refuse, j);
    return false;
}

static void make_secret(struct session_job *j, const char *prefix)
{
    unsigned char raw[SECRET];
    size_t n = strlen(prefix);
    text_random(raw, sizeof raw);
    memcpy(j->secret, prefix, n);
    text_base64url(j->secret + n, raw, sizeof raw);
    mem_wipe(raw, sizeof raw);
    crypto_sha256(slice_str(j->secret), j->hash);
}

static void plain_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    end(arg, e);
}

/* ---- sessions ---- */

void store_session_new_proved(struct store *s, const char *login, unsigned idle_s, bool proved,
                              store_text_done done, void *arg)
{
    struct session_job *j = job(s, arg);
    struct store_args a;
    unsigned char blind[16];
    j->text_done = done;
    if (!may_begin(j, idle_s >= IDLE_MIN_S && idle_s <= IDLE_MAX_S, ERR_INVALID,
                   "a session lives from a second to 400 days"))
        return;
    make_secret(j, "");
    user_blind(j->system, login, blind);
    store_args_init(&a);
    store_arg_copy(&a, j->hash, sizeof j->hash);
    store_arg_copy(&a, blind, sizeof blind);
    store_arg_int(&a, idle_s);
    store_arg_int(&a, proved);
    store_call(j->system, "session_new", &a, plain_done, j);
}

void store_session_new(struct store *s, const char *login, unsigned idle_s, store_text_done done, void *arg)
{
    store_session_new_proved(s, login, idle_s, false, done, arg);
}

static void session_checked(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct session_job *j = arg;
    struct arena *ar = arena_new();
    struct store_user u;
    struct err own = *e;
    if (e->code == 0 && !user_read(j->system, ar, r, &u))
        err_set(&own, ERR_CORRUPT, "a user's record does not decrypt");
    j->user(j->arg, &own, own.code ? NULL : &u);
    arena_free(&ar);
    end(j, &own);
}

void store_session_check(struct store *s, struct slice secret,
                         void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg)
{
    struct session_job *j = job(s, arg);
    struct store_args a;
    j->user = done;
    if (!may_begin(j, secret.n == SECRET_TEXT, ERR_AUTH, "no such session"))
        return;
    crypto_sha256(secret, j->hash);
    store_args_init(&a);
    store_arg_copy(&a, j->hash, sizeof j->hash);
    store_call(j->system, "session_check", &a, session_checked, j);
}

void store_session_end(struct store *s, struct slice secret, store_done done, void *arg)
{
    struct session_job *j = job(s, arg);
    struct store_args a;
    j->done = done;
    if (!may_begin(j, true, ERR_AUTH, ""))
        return;
    crypto_sha256(secret, j->hash);
    store_args_init(&a);
    store_arg_copy(&a, j->hash, sizeof j->hash);
    store_call(j->system, "session_end", &a, plain_done, j);
}

/* ---- tokens ---- */

static void token_seal(struct session_job *j, const struct store_token *t, struct buf *out)
{
    struct buf plain;
    buf_init(&plain, RECORD_MAX);
    const struct {
        const char *name, *value;
    } members[] = {{"id", t->id},
                   {"operation", t->operation},
                   {"role", t->role},
                   {"agent", t->agent},
                   {"note", t->note}};
    buf_printf(&plain, "{\"clearance\":%d,\"created\":%lld", t->clearance, (long long)t->created_ms);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        buf_printf(&plain, ",\"%s\":", members[i].name);
        buf_json_str(&plain, slice_str(members[i].value));
    }
    buf_char(&plain, '}');
    keys_seal_own(j->system, KEYS_STAFF, "token", slice_of(j->hash, sizeof j->hash), buf_view(&plain), out);
    mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
}

static bool token_read(struct session_job *j, struct arena *ar, struct slice hash, struct slice sealed,
                       struct store_token *t)
{
    struct buf plain;
    bool good = false;
    buf_init(&plain, RECORD_MAX);
    if (keys_open_own(j->system, KEYS_STAFF, "token", hash, sealed, &plain) == 0) {
        json_t *o = json_parse(buf_view(&plain), 4, NULL);
        const struct {
            const char *name, **to;
        } members[] = {{"id", &t->id},
                       {"operation", &t->operation},
                       {"role", &t->role},
                       {"agent", &t->agent},
                       {"note", &t->note}};
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            struct slice s = json_opt_str(o, members[i].name);
            *members[i].to = arena_dup(ar, s.p, s.n);
        }
        t->clearance = (int)json_opt_int(o, "clearance", 0);
        t->created_ms = json_opt_int(o, "created", 0);
        json_decref(o);
        mem_wipe(plain.p, plain.n);
        good = true;
    }
    buf_clear(&plain);
    return good;
}

void store_token_new(struct store_op *op, const char *role, const char *agent, int clearance,
                     const char *note, const char *actor, store_text_done done, void *arg)
{
    struct session_job *j = job(store_of(op), arg);
    struct store_args a;
    struct buf sealed;
    j->text_done = done;
    bool good = name_valid(slice_str(role)) && (!agent || !*agent || name_valid(slice_str(agent))) &&
                strlen(note ? note : "") <= NOTE_MAX && text_valid(slice_str(note), NULL);
    if (!may_begin(j, good, ERR_INVALID, "role and agent are names; a note has at most 1,000 bytes"))
        return;
    struct id id = id_new();
    struct store_token t = {.id = id.s,
                            .operation = store_op_name(op),
                            .role = role,
                            .agent = agent ? agent : "",
                            .note = note ? note : "",
                            .clearance = clearance,
                            .created_ms = store_now_ms(j->store)};
    make_secret(j, TOKEN_PREFIX);
    buf_init(&sealed, 2 * RECORD_MAX);
    token_seal(j, &t, &sealed);
    store_args_init(&a);
    store_arg_copy(&a, j->hash, sizeof j->hash);
    store_arg_str(&a, id.s);
    store_arg_str(&a, store_op_name(op));
    store_arg_str(&a, actor);
    store_arg(&a, buf_view(&sealed));
    store_call(j->system, "token_new", &a, plain_done, j);
    buf_clear(&sealed);
}

static void token_checked(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct session_job *j = arg;
    struct arena *ar = arena_new();
    struct store_token t = {0};
    struct err own = *e;
    if (e->code == 0 && !token_read(j, ar, slice_of(j->hash, sizeof j->hash), store_text(r), &t))
        err_set(&own, ERR_CORRUPT, "a token's record does not decrypt");
    j->token(j->arg, &own, own.code ? NULL : &t);
    arena_free(&ar);
    end(j, &own);
}

void store_token_check(struct store *s, struct slice token,
                       void (*done)(void *arg, const struct err *e, const struct store_token *t), void *arg)
{
    struct session_job *j = job(s, arg);
    struct store_args a;
    j->token = done;
    if (!may_begin(j, token.n == sizeof TOKEN_PREFIX - 1 + SECRET_TEXT && slice_starts(token, TOKEN_PREFIX),
                   ERR_AUTH, "no such token"))
        return;
    crypto_sha256(token, j->hash);
    store_args_init(&a);
    store_arg_copy(&a, j->hash, sizeof j->hash);
    store_call(j->system, "token_check", &a, token_checked, j);
}

static void token_ended(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct session_job *j = arg;
    struct store_op *op = e->code ? NULL : store_op_find(j->store, store_text(r));
    struct store_args a;
    if (!op) {
        end(j, e);
        return;
    }
    store_args_init(&a);
    store_arg_str(&a, "");
    store_arg_str(&a, "");
    store_arg_str(&a, "token");
    store_call(op, "user_event", &a, plain_done, j);
}

void store_token_end(struct store *s, const char *id, const char *actor, store_done done, void *arg)
{
    struct session_job *j = job(s, arg);
    struct store_args a;
    j->done = done;
    if (!may_begin(j, id_valid(slice_str(id)), ERR_NOT_FOUND, "no such token"))
        return;
    store_args_init(&a);
    store_arg_str(&a, id);
    store_arg_str(&a, actor);
    store_call(j->system, "token_end", &a, token_ended, j);
}

static void tokens_got(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct session_job *j = arg;
    struct arena *ar = arena_new();
    size_t n = e->code ? 0 : r->n, good = 0;
    struct store_token *t = arena_alloc(ar, (n + 1) * sizeof *t);
    const struct store_token **all = arena_alloc(ar, (n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        if (token_read(j, ar, store_item(r->items[i], 0), store_item(r->items[i], 1), &t[good])) {
            t[good].used_ms = store_number(r->items[i]->items[2]);
            all[good] = &t[good];
            good++;
        }
    j->tokens(j->arg, e, all, good);
    arena_free(&ar);
    end(j, e);
}

void store_tokens_get(struct store_op *op,
                      void (*done)(void *arg, const struct err *e, const struct store_token *const *t,
                                   size_t n),
                      void *arg)
{
    struct session_job *j = job(store_of(op), arg);
    struct store_args a;
    j->tokens = done;
    if (!may_begin(j, true, ERR_BUG, ""))
        return;
    store_args_init(&a);
    store_arg_str(&a, store_op_name(op));
    store_call(j->system, "tokens_get", &a, tokens_got, j);
}
