/* SPDX-License-Identifier: Apache-2.0
 * Commands and their answers on one connection: a queue in the order of sending, deadlines, sign-in,
 * reconnects. */
#include "gateway/net/redis.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/redis_link.h"
#include "gateway/net/redis_wire.h"
#include <stdio.h>
#include <string.h>

#define REDIS_TIMEOUT_MS    5000
#define REDIS_RETRY_LEAST   50
#define REDIS_RETRY_MOST    2000
#define REDIS_SCRATCH_LIMIT ((size_t)64 << 20)

struct redis_cmd {
    struct list node;
    redis_cb cb;
    void *arg;
    uint64_t deadline_ms; /* 0: none */
    uint64_t end;         /* of its bytes in the stream */
    size_t replies;       /* SUBSCRIBE gets one for each channel */
    int err;              /* what its callback is going to be told */
    bool maybe_done;
};

struct redis {
    struct loop *loop;
    struct redis_address address;
    char *user, *password, *told;
    unsigned timeout_ms, retry_ms;
    void (*state)(struct redis *r, bool up, const char *why, void *arg);
    void *state_arg;
    void (*message)(struct slice channel, struct slice message, void *arg);
    void *message_arg;
    struct redis_link *link; /* NULL between two tries */
    struct redis_reader *reader;
    struct timer *retry, *deadline;
    uint64_t deadline_at; /* what the timer is set to; 0: not running */
    struct list sent;     /* waiting for their answers */
    struct list refused;  /* given while the connection was down: told later */
    struct list late;     /* being told now */
    struct buf scratch;
    bool up, subscribed, freed;
    unsigned holds; /* deferred calls and frames that still look at this */
};

static void redis_connect(void *arg);

static void redis_hold(struct redis *r)
{
    r->holds++;
}

static void redis_release(struct redis *r)
{
    if (--r->holds == 0) {
        buf_clear(&r->scratch);
        mem_free(r);
    }
}

/* A callback may free the connection, which then empties this same list. */
static void redis_tell_late(struct redis *r)
{
    for (struct list *n; (n = list_pop(&r->late));) {
        struct redis_cmd *c = container_of(n, struct redis_cmd, node);
        if (c->cb)
            c->cb(c->err, c->maybe_done, NULL, c->arg);
        mem_free(c);
    }
}

static void redis_fail_all(struct redis *r, struct list *cmds, int err)
{
    for (struct list *n; (n = list_pop(cmds));) {
        struct redis_cmd *c = container_of(n, struct redis_cmd, node);
        c->err = c->err ? c->err : err;
        c->maybe_done = c->end && r->link && redis_link_written(r->link) >= c->end;
        list_push(&r->late, &c->node);
    }
}

static void redis_tell(struct redis *r, bool up, const char *why)
{
    r->up = up;
    mem_clear(&r->told);
    r->told = mem_strdup(up ? "" : why);
    if (r->state && !r->freed)
        r->state(r, up, why, r->state_arg);
}

/* The connection is over: everything that waits is told, and another try is planned. */
static void redis_drop(struct redis *r, const char *why)
{
    bool news = r->up || !r->told || strcmp(r->told, why) != 0;
    r->up = false;
    r->subscribed = false;
    redis_fail_all(r, &r->sent, -ERR_UNAVAILABLE);
    redis_link_free(&r->link);
    redis_reader_free(&r->reader);
    timer_stop(r->deadline);
    r->deadline_at = 0;
    uint64_t jitter = text_random_u64() % (r->retry_ms / 4 + 1);
    timer_start(r->retry, r->retry_ms + jitter);
    r->retry_ms = r->retry_ms * 2 > REDIS_RETRY_MOST ? REDIS_RETRY_MOST : r->retry_ms * 2;

    redis_hold(r);
    if (news)
        redis_tell(r, false, why);
    redis_tell_late(r);
    redis_release(r);
}

static void redis_arm(struct redis *r, uint64_t deadline_ms)
{
    if (deadline_ms == 0 || (r->deadline_at && r->deadline_at <= deadline_ms))
        return;
    uint64_t now = loop_now_ms(r->loop);
    r->deadline_at = deadline_ms;
    timer_start(r->deadline, deadline_ms > now ? deadline_ms - now : 0);
}

/* The timer is not moved with each answer: when it fires it looks for what is really due, and is set again.
 */
static void redis_deadline(void *arg)
{
    struct redis *r = arg;
    uint64_t now = loop_now_ms(r->loop), next = 0;
    r->deadline_at = 0;
    for (struct list *n = r->sent.next; n != &r->sent; n = n->next) {
        struct redis_cmd *c = container_of(n, struct redis_cmd, node);
        if (c->deadline_ms && (next == 0 || c->deadline_ms < next))
            next = c->deadline_ms;
        if (c->deadline_ms && c->deadline_ms <= now) {
            /* Answers come in order, so nothing behind it would be answered either. */
            c->err = -ERR_TIMEOUT;
            redis_drop(r, "no answer in time");
            return;
        }
    }
    redis_arm(r, next);
}

static void redis_append(struct redis *r, redis_cb cb, void *arg, uint64_t deadline_ms, size_t argc,
                         const struct slice *argv)
{
    struct redis_cmd *c = mem_alloc(sizeof(*c));
    c->cb = cb;
    c->arg = arg;
    c->deadline_ms = deadline_ms;
    c->replies = 1;
    redis_wire_command(redis_link_out(r->link), argc, argv);
    c->end = redis_link_appended(r->link);
    list_push(&r->sent, &c->node);
    redis_arm(r, deadline_ms);
    static const char *const many[] = {"SUBSCRIBE",   "PSUBSCRIBE",   "SSUBSCRIBE",
                                       "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"};
    for (size_t i = 0; argv[0].n >= 9 && i < sizeof(many) / sizeof(many[0]); i++)
        if (slice_is_nocase(argv[0], many[i])) {
            r->subscribed = true;
            c->replies = argc > 1 ? argc - 1 : 1;
        }
}

/* In subscribed mode: was this a message rather than an answer? */
static bool redis_message(struct redis *r, const struct redis_reply *reply)
{
    if (!r->subscribed || reply->kind != REDIS_ARRAY || reply->n < 3 || reply->items[0]->kind != REDIS_TEXT)
        return false;
    struct slice what = reply->items[0]->s;
    size_t at = slice_is(what, "message") || slice_is(what, "smessage") ? 1
                : slice_is(what, "pmessage")                            ? 2
                                                                        : 0;
    if (at == 0 || reply->n < at + 2)
        return false;
    if (r->message)
        r->message(reply->items[at]->s, reply->items[at + 1]->s, r->message_arg);
    return true;
}

static bool redis_answer(struct redis *r, const struct redis_reply *reply)
{
    if (redis_message(r, reply))
        return true;
    if (list_empty(&r->sent)) {
        redis_drop(r, "an answer that nobody asked for");
        return false;
    }
    struct redis_cmd *c = container_of(r->sent.next, struct redis_cmd, node);
    if (--c->replies > 0 && reply->kind != REDIS_ERROR)
        return true;
    list_del(&c->node);
    if (c->cb)
        c->cb(0, true, reply, c->arg);
    mem_free(c);
    return true;
}

static void redis_data(const char *p, size_t n, void *arg)
{
    struct redis *r = arg;
    struct redis_link *link = r->link;
    redis_hold(r);
    redis_reader_feed(r->reader, p, n);
    /* A callback may free the connection, or break it and have it replaced. */
    while (r->link == link && !r->freed) {
        const struct redis_reply *reply;
        if (!redis_reader_next(r->reader, &reply)) {
            redis_drop(r, "the server does not speak Redis's protocol");
            break;
        }
        if (!reply || !redis_answer(r, reply))
            break;
    }
    redis_release(r);
}

/* The last command of the sign-in. While it loads its data or wants another password, a server is not up. */
static void redis_signed_in(int err, bool maybe_done, const struct redis_reply *reply, void *arg)
{
    struct redis *r = arg;
    (void)maybe_done;
    if (err)
        return;
    if (reply->kind == REDIS_ERROR) {
        char why[120];
        snprintf(why, sizeof(why), "%.*s", (int)(reply->s.n > 100 ? 100 : reply->s.n), reply->s.p);
        redis_drop(r, why);
        return;
    }
    r->retry_ms = REDIS_RETRY_LEAST;
    redis_tell(r, true, "connected");
}

/* An error in the middle of the sign-in ends it; what follows is then told as unavailable and ignored. */
static void redis_sign_in_step(int err, bool maybe_done, const struct redis_reply *reply, void *arg)
{
    if (!err && reply->kind == REDIS_ERROR)
        redis_signed_in(err, maybe_done, reply, arg);
}

static void redis_connected(void *arg)
{
    struct redis *r = arg;
    uint64_t deadline = loop_now_ms(r->loop) + r->timeout_ms;
    if (r->password) {
        struct slice argv[] = {SLICE("AUTH"), slice_str(r->user ? r->user : "default"),
                               slice_str(r->password)};
        redis_append(r, redis_sign_in_step, r, deadline, 3, argv);
    }
    if (r->address.db) {
        char db[24];
        int n = snprintf(db, sizeof(db), "%llu", (unsigned long long)r->address.db);
        struct slice argv[] = {SLICE("SELECT"), slice_of(db, (size_t)n)};
        redis_append(r, redis_sign_in_step, r, deadline, 2, argv);
    }
    struct slice ping = SLICE("PING");
    redis_append(r, redis_signed_in, r, deadline, 1, &ping);
}

static void redis_broken(const char *why, void *arg)
{
    redis_drop(arg, why);
}

static void redis_connect(void *arg)
{
    struct redis *r = arg;
    static const struct redis_link_events events = {redis_connected, redis_data, redis_broken};
    if (r->link) { /* the timer watched over the connecting: it took too long */
        if (!r->up)
            redis_drop(r, "no connection in time");
        return;
    }
    r->reader = redis_reader_new();
    r->link = redis_link_new(r->loop, &r->address, &events, r);
    timer_start(r->retry, r->timeout_ms * 2);
}

struct redis *redis_new(struct loop *l, const struct redis_config *cf, struct err *e)
{
    struct redis_address address;
    if (redis_url_parse(&address, cf->url, e) != 0)
        return NULL;
    struct redis *r = mem_alloc(sizeof(*r));
    r->loop = l;
    r->address = address;
    r->user = mem_strdup(cf->user);
    r->password = mem_strdup(cf->password);
    r->timeout_ms = cf->timeout_ms ? cf->timeout_ms : REDIS_TIMEOUT_MS;
    r->retry_ms = REDIS_RETRY_LEAST;
    r->state = cf->state;
    r->state_arg = cf->arg;
    list_init(&r->sent);
    list_init(&r->refused);
    list_init(&r->late);
    buf_init(&r->scratch, REDIS_SCRATCH_LIMIT);
    r->retry = timer_new(l, redis_connect, r);
    r->deadline = timer_new(l, redis_deadline, r);
    r->holds = 1;
    redis_connect(r);
    return r;
}

void redis_free(struct redis **rp)
{
    struct redis *r = *rp;
    if (!r)
        return;
    *rp = NULL;
    r->freed = true;
    r->up = false;
    timer_free(&r->retry);
    timer_free(&r->deadline);
    if (r->link)
        redis_link_flush(r->link); /* what was given before this is still sent, though nobody waits for it */
    redis_fail_all(r, &r->sent, -ERR_CANCELLED);
    redis_fail_all(r, &r->refused, -ERR_CANCELLED);
    redis_link_free(&r->link);
    redis_tell_late(r);
    redis_reader_free(&r->reader);
    redis_address_clear(&r->address);
    if (r->password)
        mem_wipe(r->password, strlen(r->password));
    mem_clear(&r->user);
    mem_clear(&r->password);
    mem_clear(&r->told);
    redis_release(r);
}

bool redis_up(const struct redis *r)
{
    return r->up;
}

static void redis_refuse_now(void *arg)
{
    struct redis *r = arg;
    redis_fail_all(r, &r->refused, -ERR_UNAVAILABLE);
    redis_tell_late(r);
    redis_release(r);
}

static void redis_refuse(struct redis *r, redis_cb cb, void *arg)
{
    struct redis_cmd *c = mem_alloc(sizeof(*c));
    c->cb = cb;
    c->arg = arg;
    if (list_empty(&r->refused)) {
        redis_hold(r);
        loop_defer(r->loop, redis_refuse_now, r);
    }
    list_push(&r->refused, &c->node);
}

static void redis_give(struct redis *r, redis_cb cb, void *arg, uint64_t deadline_ms, size_t argc,
                       const struct slice *argv)
{
    size_t bytes = 32;
    for (size_t i = 0; i < argc; i++)
        bytes += argv[i].n + 32;
    err_assert(argc > 0);
    if (!r->up || !redis_link_fits(r->link, bytes))
        redis_refuse(r, cb, arg);
    else
        redis_append(r, cb, arg, deadline_ms, argc, argv);
}

void redis_send(struct redis *r, redis_cb cb, void *arg, size_t argc, const struct slice *argv)
{
    redis_give(r, cb, arg, loop_now_ms(r->loop) + r->timeout_ms, argc, argv);
}

void redis_send_deadline(struct redis *r, unsigned timeout_ms, redis_cb cb, void *arg, size_t argc,
                         const struct slice *argv)
{
    redis_give(r, cb, arg, timeout_ms ? loop_now_ms(r->loop) + timeout_ms : 0, argc, argv);
}

void redis_sendf(struct redis *r, redis_cb cb, void *arg, const char *fmt, ...)
{
    struct slice argv[REDIS_WIRE_ARGS];
    va_list ap;
    va_start(ap, fmt);
    size_t argc = redis_wire_format(&r->scratch, argv, fmt, ap);
    va_end(ap);
    redis_send(r, cb, arg, argc, argv);
    if (r->scratch.cap > 65536)
        buf_clear(&r->scratch);
}

void redis_on_message(struct redis *r, void (*cb)(struct slice channel, struct slice message, void *arg),
                      void *arg)
{
    r->message = cb;
    r->message_arg = arg;
}
