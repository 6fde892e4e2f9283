/* SPDX-License-Identifier: Apache-2.0
 * What waits in an operation: read whole when the operation is loaded, kept by events, counted once
 * (tally.c), and told to the sockets at most each second, some of them at a time. */
#include "gateway/api/api_internal.h"
#include <string.h>

#define COUNT_MS 100  /* threads that begin to wait are read together */
#define ROUND_MS 1000 /* between two rounds of telling */
#define SLICE_MS 20
#define AT_ONCE  64   /* sockets told in one turn of the loop */
#define READ_MAX 1000 /* threads read at once */

static void chain(void *arg, const char *language, const char *out[8])
{
    operation_fallback(arg, language, out);
}

/* ---- counting ---- */

static void count(struct api_op *o, const struct store_thread *t)
{
    if (t->state == STORE_WAITING && !map_get(&o->left, slice_str(t->id.s)))
        tally_put(o->tally, t);
}

static void on_read(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct api_op *o = arg;
    for (size_t i = 0; !e->code && i < n; i++)
        count(o, t[i]);
    if (--o->loading == 0) {
        map_clear(&o->left, NULL);
        map_init(&o->left);
    }
}

void queues_load(struct api_op *o)
{
    tally_clear(o->tally);
    o->loading++;
    store_waiting_get(o->op, on_read, o);
}

static void on_count(void *arg)
{
    struct api_op *o = arg;
    struct id *ids = mem_array(READ_MAX, sizeof *ids);
    struct slice key;
    void *value;
    size_t n = 0;
    for (size_t i = 0; n < READ_MAX && map_each(&o->uncounted, &i, &key, &value);) {
        memcpy(ids[n++].s, key.p, ID_LEN);
        map_del(&o->uncounted, slice_of(ids[n - 1].s, ID_LEN));
    }
    if (o->uncounted.n)
        timer_start(o->count_timer, COUNT_MS);
    o->loading++;
    store_threads_get(o->op, ids, n, on_read, o);
    mem_free(ids);
}

void queues_event(struct api_op *o, const struct store_event *ev)
{
    static char mark;
    struct slice id = slice_str(ev->thread.s);
    if (id.n != ID_LEN)
        return;
    if (ev->state == STORE_WAITING) {
        map_del(&o->left, id);
        if (ev->opened) {
            count(o, ev->opened);
            return;
        }
        map_put(&o->uncounted, id, &mark);
        if (!timer_running(o->count_timer))
            timer_start(o->count_timer, COUNT_MS);
        return;
    }
    map_del(&o->uncounted, id); /* most are offered before anybody has counted them */
    tally_drop(o->tally, id.p);
    if (o->loading)
        map_put(&o->left, id, &mark);
}

/* ---- telling ---- */

static struct looker looker_of(struct api_op *o, const struct who *w)
{
    const struct member *m = operation_member(o, w->agent);
    operation_document(o); /* a new one may have other chains */
    return (struct looker){w, m ? &m->a : NULL, o->rights + o->document_version};
}

void queues_json(struct api_op *o, const struct who *w, struct tally_view *v, struct buf *out)
{
    struct tally_view once = {0};
    struct looker l = looker_of(o, w);
    tally_json(o->tally, v ? v : &once, &l, out);
    tally_view_clear(&once);
}

static void tell(struct agent_socket *s)
{
    struct looker l = looker_of(s->op, &s->caller.who);
    struct buf b, f;
    if (!s->live || s->closing || !tally_news(s->op->tally, &s->queues, &l))
        return;
    buf_init(&b, 1 << 18);
    buf_init(&f, 1 << 18);
    tally_json(s->op->tally, &s->queues, &l, &b);
    /* {"items":…} becomes {"type":"queues","items":…} */
    buf_str(&f, "{\"type\":\"queues\",");
    buf_add(&f, b.p + 1, b.n - 1);
    if (!b.err && !f.err)
        socket_frame(s, buf_view(&f));
    buf_clear(&f);
    buf_clear(&b);
}

/* Some of those that this round has not reached; they go to the end of the list. */
static void on_round(void *arg)
{
    struct api_op *o = arg;
    for (unsigned i = 0; i < AT_ONCE; i++) {
        struct agent_socket *s =
            list_empty(&o->sockets) ? NULL : container_of(o->sockets.next, struct agent_socket, node);
        if (!s || s->round == o->round) {
            o->round++;
            timer_start(o->queues_timer, ROUND_MS);
            return;
        }
        s->round = o->round;
        list_del(&s->node);
        list_push(&o->sockets, &s->node);
        tell(s);
    }
    timer_start(o->queues_timer, SLICE_MS);
}

/* ---- beginning and end ---- */

void queues_init(struct api_op *o)
{
    o->tally = tally_new(chain, o);
    map_init(&o->uncounted);
    map_init(&o->left);
    o->round = 1;
    o->count_timer = timer_new(o->api->cf.loop, on_count, o);
    o->queues_timer = timer_new(o->api->cf.loop, on_round, o);
}

void queues_start(struct api_op *o)
{
    timer_start(o->queues_timer, ROUND_MS);
}

void queues_stop(struct api_op *o)
{
    timer_free(&o->count_timer);
    timer_free(&o->queues_timer);
}

void queues_free(struct api_op *o)
{
    tally_free(&o->tally);
    map_clear(&o->uncounted, NULL);
    map_clear(&o->left, NULL);
}
