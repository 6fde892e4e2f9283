/* SPDX-License-Identifier: Apache-2.0
 * The connections to both servers: each time one comes up its settings are checked (nothing that could lose
 * data is taken), the data server gets the function library, tells its time and its schema. */
#include "store/state.h"
#include "store/functions.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define LOW_WATER_DEFAULT ((uint64_t)64 << 20)

static const char *const server_names[] = {"data", "keys"};

/* One question of the check, and the round of connecting that it belongs to. */
struct question {
    struct store *s;
    unsigned server, round;
    int64_t asked_us;
    void (*take)(struct question *q, const struct redis_reply *r, struct err *e);
};

static void fail_server(struct store *s, unsigned server, const char *why)
{
    if (strcmp(s->server[server].why, why) != 0)
        log_event(LOG_WARN, "store.server", log_str("server", server_names[server]), log_str("why", why));
    snprintf(s->server[server].why, sizeof(s->server[server].why), "%s", why);
    s->server[server].checked = false;
    store_judge(s);
}

static void answered(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct question *q = arg;
    struct store *s = q->s;
    struct err e;
    (void)maybe_done;
    if (q->round == s->server[q->server].round && !s->closing) {
        if (store_reply_ok(s, rc, r, &e) || rc == 0)
            q->take(q, r, &e);
        s->server[q->server].pending--;
        if (e.code) {
            fail_server(s, q->server, e.text);
            s->server[q->server].round++; /* its other answers change nothing any more */
        } else if (s->server[q->server].pending == 0) {
            if (!s->server[q->server].checked) /* the time is asked for each minute */
                log_event(LOG_INFO, "store.server_ready", log_str("server", server_names[q->server]));
            s->server[q->server].checked = true;
            s->server[q->server].why[0] = '\0';
            ops_open_all(s);
            store_judge(s);
        }
    }
    mem_free(q);
}

static void ask(struct store *s, unsigned server,
                void (*take)(struct question *q, const struct redis_reply *r, struct err *e), size_t argc,
                const struct slice *argv)
{
    struct question *q = mem_alloc(sizeof(*q));
    *q = (struct question){s, server, s->server[server].round, time_mono_us(), take};
    s->server[server].pending++;
    redis_send(server == STORE_DATA ? s->data : s->keys, answered, q, argc, argv);
}

/* ---- the settings ---- */

static void want(const struct redis_reply *r, const char *name, const char *value, const char *danger,
                 struct err *e)
{
    struct slice got = store_field(r, name);
    if (!e->code && !slice_is(got, value))
        err_set(e, ERR_FORBIDDEN, "Redis has %s \"%.*s\", which %s; it must be \"%s\"", name, (int)got.n,
                got.p ? got.p : "", danger, value);
}

static void take_settings(struct question *q, const struct redis_reply *r, struct err *e)
{
    if (q->s->cf.unsafe_redis) {
        e->code = 0;
        return;
    }
    want(r, "appendonly", "yes", "loses everything when it ends", e);
    want(r, "appendfsync", "always", "loses what was acknowledged", e);
    want(r, "maxmemory-policy", "noeviction", "throws data away", e);
}

static void take_loaded(struct question *q, const struct redis_reply *r, struct err *e)
{
    (void)q;
    if (e->code && r->kind == REDIS_ERROR && slice_starts(r->s, "ERR Library") &&
        memmem(r->s.p, r->s.n, "already exists", 14))
        e->code = 0;
}

/* Asked before it is loaded, since a full server loads nothing but runs what it has. */
static void take_library(struct question *q, const struct redis_reply *r, struct err *e)
{
    if (!e->code && r->kind == REDIS_ARRAY && r->n == 0)
        ask(q->s, q->server, take_loaded, 3,
            (const struct slice[]){SLICE("FUNCTION"), SLICE("LOAD"), functions_library});
}

static void take_time(struct question *q, const struct redis_reply *r, struct err *e)
{
    if (e->code)
        return;
    uint64_t s = 0, us = 0;
    if (!slice_u64(store_item(r, 0), &s) || !slice_u64(store_item(r, 1), &us))
        return;
    int64_t half = (q->asked_us + time_mono_us()) / 2;
    q->s->clock_offset = (int64_t)(s * 1000 + us / 1000) - half / 1000;
}

static void judge_schema(const struct redis_reply *r, struct err *e)
{
    int64_t schema = store_number(r);
    if (schema > 0 && schema < STORE_SCHEMA)
        err_set(e, ERR_UNAVAILABLE, "the store is being brought from schema %lld to %d", (long long)schema,
                STORE_SCHEMA);
    else if (schema != STORE_SCHEMA)
        err_set(e, ERR_UNSUPPORTED, "the store has schema %lld, this program knows %d", (long long)schema,
                STORE_SCHEMA);
}

static void take_own_schema(struct question *q, const struct redis_reply *r, struct err *e)
{
    (void)q;
    if (!e->code && r->kind == REDIS_TEXT) /* another was first; nil: it is ours from now on */
        judge_schema(r, e);
}

static void take_schema(struct question *q, const struct redis_reply *r, struct err *e)
{
    char schema[16];
    if (!e->code && r->kind == REDIS_TEXT)
        judge_schema(r, e);
    if (e->code == ERR_UNAVAILABLE && r && r->kind == REDIS_TEXT)
        store_migrate(q->s);
    if (e->code || r->kind == REDIS_TEXT)
        return;
    snprintf(schema, sizeof(schema), "%d", STORE_SCHEMA);
    ask(q->s, STORE_DATA, take_own_schema, 5,
        (const struct slice[]){SLICE("SET"), SLICE("p:{" STORE_SYSTEM "}:schema"), slice_str(schema),
                               SLICE("NX"), SLICE("GET")});
}

static void ask_time(struct store *s)
{
    ask(s, STORE_DATA, take_time, 1, (const struct slice[]){SLICE("TIME")});
}

static void begin(struct store *s, unsigned server)
{
    char library[64];
    s->server[server].round++;
    s->server[server].pending = 0;
    s->server[server].checked = false;
    ask(s, server, take_settings, 5,
        (const struct slice[]){SLICE("CONFIG"), SLICE("GET"), SLICE("appendonly"), SLICE("appendfsync"),
                               SLICE("maxmemory-policy")});
    if (server != STORE_DATA)
        return;
    snprintf(library, sizeof(library), "parley_%s", functions_version);
    ask(s, server, take_library, 4,
        (const struct slice[]){SLICE("FUNCTION"), SLICE("LIST"), SLICE("LIBRARYNAME"), slice_str(library)});
    ask_time(s);
    ask(s, server, take_schema, 2,
        (const struct slice[]){SLICE("GET"), SLICE("p:{" STORE_SYSTEM "}:schema")});
}

static void on_state(struct store *s, unsigned server, bool up, const char *why)
{
    char text[200];
    if (up) {
        begin(s, server);
        return;
    }
    s->server[server].round++;
    snprintf(text, sizeof(text), "the Redis for %s is away: %s", server_names[server], why ? why : "");
    fail_server(s, server, text);
}

static void on_data(struct redis *r, bool up, const char *why, void *arg)
{
    (void)r;
    on_state(arg, STORE_DATA, up, why);
}

static void on_keys(struct redis *r, bool up, const char *why, void *arg)
{
    (void)r;
    on_state(arg, STORE_KEYS, up, why);
}

void setup_connect(struct store *s, struct err *e)
{
    struct redis_config data = {.url = s->cf.data_url, .state = on_data, .arg = s};
    struct redis_config keys = {.url = s->cf.keys_url, .state = on_keys, .arg = s};
    snprintf(s->server[STORE_DATA].why, sizeof(s->server[0].why), "connecting to Redis");
    snprintf(s->server[STORE_KEYS].why, sizeof(s->server[0].why), "connecting to the key store");
    s->data = redis_new(s->cf.loop, &data, e);
    if (s->data)
        s->keys = redis_new(s->cf.loop, &keys, e);
}

/* ---- the library ---- */

struct loading {
    struct store *s;
    store_done done;
    void *arg;
};

static void library_loaded(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct loading *l = arg;
    struct err e;
    (void)maybe_done;
    if (!store_reply_ok(l->s, rc, r, &e) && rc == 0)
        take_loaded(NULL, r, &e);
    l->done(l->arg, &e);
    mem_free(l);
}

void setup_load_library(struct store *s, store_done done, void *arg)
{
    struct loading *l = mem_alloc(sizeof(*l));
    *l = (struct loading){s, done, arg};
    redis_send(s->data, library_loaded, l, 3,
               (const struct slice[]){SLICE("FUNCTION"), SLICE("LOAD"), functions_library});
}

/* ---- each second ---- */

static void probed(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct store *s = arg;
    (void)maybe_done;
    if (rc == 0 && r->kind != REDIS_ERROR && s->refused[0]) {
        s->refused[0] = '\0';
        store_judge(s);
    }
}

void store_refused(struct store *s, const char *text)
{
    if (!s->refused[0])
        log_event(LOG_ERROR, "store.refused", log_str("why", text));
    snprintf(s->refused, sizeof(s->refused), "%s", text);
    store_judge(s);
}

static void look_at_disk(struct store *s)
{
    struct statvfs v;
    uint64_t least = s->cf.blob_low_water ? s->cf.blob_low_water : LOW_WATER_DEFAULT;
    bool low = statvfs(s->cf.dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < least;
    if (low == (s->disk[0] != '\0'))
        return;
    snprintf(s->disk, sizeof(s->disk), "%s", low ? "the disk of the data directory is almost full" : "");
    store_judge(s);
}

void setup_tick(struct store *s)
{
    s->ticks++;
    look_at_disk(s);
    for (unsigned i = 0; i < STORE_SERVERS; i++) /* wrong settings may be put right without a reconnect */
        if (!s->server[i].checked && s->ticks % 5 == 0 && redis_up(i == STORE_DATA ? s->data : s->keys))
            begin(s, i);
    if (!s->server[STORE_DATA].checked)
        return;
    if (s->ticks % 60 == 0)
        ask_time(s);
    if (s->refused[0])
        redis_sendf(s->data, probed, s, "INCR p:{" STORE_SYSTEM "}:probe");
}
