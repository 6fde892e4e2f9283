/* SPDX-License-Identifier: Apache-2.0
 * The store as a whole: opening, closing, whether it is ready and why not. */
#include "store/state.h"
#include "gateway/base/err.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const store_state_names[] = {"bot", "waiting", "offered", "assigned", "snoozed", "resolved"};
const char *const store_kind_names[] = {"message", "edit", "deletion", "reaction", "note", "call", "event"};
const char *const store_status_names[] = {"stored", "sent", "delivered", "read", "failed", "unknown"};

static const char *why_not(const struct store *s)
{
    for (int i = 0; i < STORE_SERVERS; i++)
        if (!s->server[i].checked)
            return s->server[i].why[0] ? s->server[i].why : "Redis is being checked";
    if (s->op_why[0])
        return s->op_why;
    if (!s->listed || s->opening || !s->system || !s->system->open)
        return "the operations are being opened";
    if (s->refused[0])
        return s->refused;
    if (s->disk[0])
        return s->disk;
    for (int i = 0; i < STORE_BLOCKS; i++)
        if (s->blocked[i][0])
            return s->blocked[i];
    return NULL;
}

void store_judge(struct store *s)
{
    const char *why = why_not(s);
    bool ready = why == NULL, news = ready != s->ready || strcmp(why ? why : "", s->why) != 0;
    s->ready = ready;
    snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
    if (!news || s->closing)
        return;
    log_event(ready ? LOG_INFO : LOG_WARN, ready ? "store.ready" : "store.not_ready", log_str("why", s->why));
    if (s->cf.state)
        s->cf.state(s->cf.arg, ready, s->why);
}

void store_block(struct store *s, unsigned slot, const char *why)
{
    err_assert(slot < STORE_BLOCKS);
    snprintf(s->blocked[slot], sizeof(s->blocked[slot]), "%s", why ? why : "");
    store_judge(s);
}

static void tick(void *arg)
{
    struct store *s = arg;
    setup_tick(s);
    timer_start(s->tick, 1000);
}

/* The machine and the process are told so that an operator knows which node is meant. */
static void node_name(struct store *s, const unsigned char random[16])
{
    char host[17] = "", hex[17];
    gethostname(host, sizeof(host) - 1);
    host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")] = '\0';
    text_hex(hex, random, 8);
    snprintf(s->node, sizeof(s->node), "%s.%d.%s", host, (int)getpid(), hex);
}

struct store *store_open(const struct store_config *cf, struct err *e)
{
    struct err local = {0};
    struct store *s = mem_alloc(sizeof(*s));
    unsigned char random[16];
    s->cf = *cf;
    s->cf.data_url = mem_strdup(cf->data_url);
    s->cf.keys_url = mem_strdup(cf->keys_url);
    s->cf.dir = mem_strdup(cf->dir);
    s->cf.master_key_command = mem_strdup(cf->master_key_command);
    text_random(random, sizeof(random));
    node_name(s, random);
    memcpy(s->tag, random, sizeof(s->tag));
    s->tick = timer_new(s->cf.loop, tick, s);
    list_init(&s->sleepers);
    setup_connect(s, &local);
    if (!local.code)
        events_start(s, &local);
    if (local.code) {
        if (e)
            *e = local;
        store_close(&s);
        return NULL;
    }
    timer_start(s->tick, 1000);
    return s;
}

void store_close(struct store **sp)
{
    struct store *s = *sp;
    if (!s)
        return;
    s->closing = true;
    timer_free(&s->tick);
    side_wake_all(s);
    for (size_t i = 0; i < s->ops_n; i++)
        if (s->ops[i]->side)
            side_close(s->ops[i]);
    events_stop(s);
    if (s->data)
        redis_free(&s->data); /* what is pending is told as cancelled, while everything is still there */
    if (s->keys)
        redis_free(&s->keys);
    ops_free(s);
    mem_free((void *)(uintptr_t)s->cf.data_url);
    mem_free((void *)(uintptr_t)s->cf.keys_url);
    mem_free((void *)(uintptr_t)s->cf.dir);
    mem_free((void *)(uintptr_t)s->cf.master_key_command);
    mem_clear(sp);
}

bool store_ready(const struct store *s, const char **why)
{
    if (why)
        *why = s->ready ? "" : s->why[0] ? s->why : "starting";
    return s->ready;
}

const char *store_node(const struct store *s)
{
    return s->node;
}

struct loop *store_loop(const struct store *s)
{
    return s->cf.loop;
}

int64_t store_now_ms(const struct store *s)
{
    return time_mono_us() / 1000 + s->clock_offset;
}

struct store_op *store_system(const struct store *s)
{
    return s->system && s->system->open ? s->system : NULL;
}

struct redis *store_data_redis(const struct store *s)
{
    return s->data;
}

struct redis *store_keys_redis(const struct store *s)
{
    return s->keys;
}

const char *store_dir(const struct store *s)
{
    return s->cf.dir;
}

const struct store_config *store_config_of(const struct store *s)
{
    return &s->cf;
}
