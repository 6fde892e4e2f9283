/* SPDX-License-Identifier: Apache-2.0
 * Calling functions and commands: arguments, and what an answer or an error means. */
#include "store/state.h"
#include "store/functions.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arguments ---- */

void store_arg(struct store_args *a, struct slice v)
{
    err_assert(a->n < STORE_ARGS);
    a->v[a->n++] = v;
}

void store_arg_copy(struct store_args *a, const void *p, size_t n)
{
    err_assert(a->used + n <= sizeof(a->small));
    memcpy(a->small + a->used, p, n);
    store_arg(a, slice_of(a->small + a->used, n));
    a->used += n;
}

void store_arg_str(struct store_args *a, const char *s)
{
    store_arg(a, slice_str(s ? s : ""));
}

void store_arg_int(struct store_args *a, int64_t v)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        digits[--at] = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        digits[--at] = '-';
    store_arg_copy(a, digits + at, sizeof(digits) - at);
}

void store_arg_handle(struct store_args *a, uint64_t handle)
{
    char raw[STORE_HANDLE];
    store_handle_put(raw, handle);
    store_arg_copy(a, raw, sizeof(raw));
}

/* ---- answers ---- */

struct slice store_text(const struct redis_reply *r)
{
    return r && (r->kind == REDIS_TEXT || r->kind == REDIS_STATUS) ? r->s : SLICE("");
}

struct slice store_item(const struct redis_reply *r, size_t i)
{
    return r && r->kind == REDIS_ARRAY && i < r->n ? store_text(r->items[i]) : SLICE("");
}

int64_t store_number(const struct redis_reply *r)
{
    if (!r || r->kind == REDIS_INT)
        return r ? r->i : 0;
    struct slice s = store_text(r);
    bool minus = s.n && s.p[0] == '-';
    uint64_t v = 0;
    if (minus)
        s = slice_of(s.p + 1, s.n - 1);
    if (!slice_u64(s, &v) || v > INT64_MAX)
        return 0;
    return minus ? -(int64_t)v : (int64_t)v;
}

static const struct redis_reply *field(const struct redis_reply *hash, const char *name)
{
    for (size_t i = 0; hash && hash->kind == REDIS_ARRAY && i + 1 < hash->n; i += 2)
        if (slice_is(store_text(hash->items[i]), name))
            return hash->items[i + 1];
    return NULL;
}

struct slice store_field(const struct redis_reply *hash, const char *name)
{
    return store_text(field(hash, name));
}

int64_t store_field_int(const struct redis_reply *hash, const char *name)
{
    return store_number(field(hash, name));
}

/* What Redis itself says when it can't or won't: nothing of ours is wrong. */
static bool redis_refuses(struct slice word)
{
    static const char *const words[] = {"OOM",        "MISCONF", "LOADING",     "READONLY",  "MASTERDOWN",
                                        "NOREPLICAS", "BUSY",    "CLUSTERDOWN", "MOVED",     "ASK",
                                        "TRYAGAIN",   "NOPERM",  "NOAUTH",      "WRONGPASS", "UNBLOCKED"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_is(word, words[i]))
            return true;
    return false;
}

static int code_of(struct slice word)
{
    if (slice_is(word, "FENCED"))
        return ERR_CONFLICT;
    for (int c = 1; c < ERR_COUNT; c++)
        if (slice_is(word, err_name(c)))
            return c;
    return 0;
}

static void error_reply(struct store *s, struct slice text, struct err *e)
{
    struct slice rest = text, word;
    slice_next(&rest, ' ', &word);
    int code = code_of(word);
    if (code) {
        err_set(e, (enum err_code)code, "%.*s", (int)rest.n, rest.p ? rest.p : "");
        if (!e->text[0])
            err_set(e, (enum err_code)code, "%s", err_text(code));
    } else if (redis_refuses(word)) {
        err_set(e, ERR_UNAVAILABLE, "Redis refuses: %.*s", (int)word.n, word.p);
        store_refused(s, e->text);
    } else {
        err_set(e, ERR_BUG, "Redis says: %.*s", (int)(text.n < 160 ? text.n : 160), text.p);
        if (!slice_starts(text, "ERR Library")) /* who loads it knows what that means */
            log_event(LOG_ERROR, "store.function_failed", log_err(e));
    }
}

bool store_reply_ok(struct store *s, int rc, const struct redis_reply *r, struct err *e)
{
    e->code = 0;
    e->text[0] = '\0';
    if (rc == 0 && r->kind != REDIS_ERROR)
        return true;
    if (rc == 0)
        error_reply(s, r->s, e);
    else
        err_set(e, (enum err_code)(-rc), "Redis: %s", err_text(rc));
    return false;
}

/* ---- calls ---- */

struct call {
    struct store_op *op;
    store_reply cb;
    void *arg;
    bool again;
    size_t argc;
    struct slice argv[]; /* the bytes stand behind them */
};

static void send_call(struct call *c);

static void reloaded(void *arg, const struct err *e)
{
    struct call *c = arg;
    if (e->code) {
        c->cb(c->arg, e, NULL);
        mem_free(c);
    } else {
        send_call(c);
    }
}

static void answered(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct call *c = arg;
    struct err e;
    (void)maybe_done;
    if (rc == 0 && r->kind == REDIS_ERROR && c->argc && !c->again &&
        slice_starts(r->s, "ERR Function not found")) {
        c->again = true;
        setup_load_library(c->op->store, reloaded, c);
        return;
    }
    bool good = store_reply_ok(c->op->store, rc, r, &e);
    c->cb(c->arg, &e, good ? r : NULL);
    mem_free(c);
}

static void cancel(struct call *c)
{
    struct err e;
    err_set(&e, ERR_CANCELLED, "the store is being closed");
    c->cb(c->arg, &e, NULL);
    mem_free(c);
}

static void send_call(struct call *c)
{
    if (c->op->store->closing)
        cancel(c);
    else
        redis_send(c->op->store->data, answered, c, c->argc, c->argv);
}

void store_call(struct store_op *op, const char *fn, const struct store_args *a, store_reply cb, void *arg)
{
    static const char fcall[] = "FCALL", one[] = "1";
    size_t argc = 4 + (a ? a->n : 0), fn_n = strlen(fn), all = 16 + fn_n;
    for (size_t i = 0; a && i < a->n; i++)
        all += a->v[i].n;
    struct call *c = mem_realloc(NULL, sizeof(*c) + argc * sizeof(struct slice) + all);
    *c = (struct call){.op = op, .cb = cb, .arg = arg, .argc = argc};
    char *to = (char *)&c->argv[argc];
    c->argv[0] = slice_of(fcall, 5);
    c->argv[2] = slice_of(one, 1);
    c->argv[3] = slice_of(op->prefix, op->prefix_n);
    to[0] = 'p';
    memcpy(to + 1, functions_version, 8);
    to[9] = '_';
    memcpy(to + 10, fn, fn_n);
    c->argv[1] = slice_of(to, 10 + fn_n);
    to += 10 + fn_n;
    for (size_t i = 0; a && i < a->n; i++) {
        if (a->v[i].n)
            memcpy(to, a->v[i].p, a->v[i].n);
        c->argv[4 + i] = slice_of(to, a->v[i].n);
        to += a->v[i].n;
    }
    send_call(c);
}

static void send_plain(struct store_op *op, struct redis *r, store_reply cb, void *arg, size_t argc,
                       const struct slice *argv)
{
    struct call *c = mem_alloc(sizeof(*c));
    c->op = op;
    c->cb = cb;
    c->arg = arg;
    if (op->store->closing)
        cancel(c);
    else
        redis_send(r, answered, c, argc, argv);
}

void store_data_send(struct store_op *op, store_reply cb, void *arg, size_t argc, const struct slice *argv)
{
    send_plain(op, op->store->data, cb, arg, argc, argv);
}

void store_keys_send(struct store_op *op, store_reply cb, void *arg, size_t argc, const struct slice *argv)
{
    send_plain(op, op->store->keys, cb, arg, argc, argv);
}

struct slice store_key(const struct store_op *op, struct buf *b, const char *kind, struct slice rest)
{
    if (b->cap == 0 && b->max == 0)
        buf_init(b, 1024);
    buf_reset(b);
    buf_add(b, op->prefix, op->prefix_n);
    buf_str(b, kind);
    buf_slice(b, rest);
    err_assert(b->err == 0);
    return buf_view(b);
}

/* ---- failing later ---- */

struct failing {
    store_done done;
    void *arg;
    struct err e;
};

static void fail_now(void *arg)
{
    struct failing *f = arg;
    f->done(f->arg, &f->e);
    mem_free(f);
}

void store_fail(struct store *s, store_done done, void *arg, int code, const char *text)
{
    struct failing *f = mem_alloc(sizeof(*f));
    f->done = done;
    f->arg = arg;
    if (code)
        err_set(&f->e, (enum err_code)code, "%s", text ? text : err_text(code));
    loop_defer(s->cf.loop, fail_now, f);
}
