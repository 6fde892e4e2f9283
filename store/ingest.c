/* SPDX-License-Identifier: Apache-2.0
 * Ingest: one function call for who is in the cache; others are looked up before it, or taken for new while
 * most of them are. Each address has a lane, so that its messages are stored in the order in which they came:
 * for a known person they are pipelined; while somebody is looked up, made, or while a belief was wrong, they
 * wait for each other. */
#include "store/ingest.h"
#include "gateway/base/mem.h"
#include <string.h>

/* Who is taken for new and is not costs what is encrypted for nothing, some four times what asking costs. */
#define STRANGERS 208 /* of 256 */

static void lane_run(struct lane *l);

/* ---- lanes ---- */

static struct lane *lane_of(struct store_op *op, const unsigned char blind[16])
{
    struct slice key = slice_of(blind, 16);
    struct lane *l = map_get(&op->lanes, key);
    if (!l) {
        l = mem_alloc(sizeof(*l));
        l->op = op;
        memcpy(l->blind, blind, 16);
        list_init(&l->queue);
        map_put(&op->lanes, key, l);
    }
    return l;
}

static void lane_add(struct lane *l, struct job *j)
{
    struct list *at = l->queue.prev;
    while (at != &l->queue && container_of(at, struct job, node)->order > j->order)
        at = at->prev;
    list_push_front(at, &j->node); /* behind `at` */
}

/* One job has left; its callback is called before the lane goes on, so that what it adds stands behind what
 * waits. */
void ingest_finish(struct job *j, const struct err *e, const struct store_ingested *r)
{
    struct lane *l = j->lane;
    if (j->kid && !err_temporary(e->code)) /* not used for certain */
        keys_give_back(j->op, j->kid);
    l->alone = false;
    j->done(j->arg, e, r);
    mem_free(j->asked);
    mem_free(j);
    l->under_way--;
    if (l->under_way == 0)
        l->stalled = false;
    lane_run(l);
}

void ingest_fail(struct job *j, int code, const char *text)
{
    struct err e;
    struct store_ingested r = {0};
    err_set(&e, (enum err_code)code, "%s", text);
    ingest_finish(j, &e, &r);
}

/* ---- strangers ---- */

/* One who was not in the cache turned out to be new, or not. */
static void stranger(struct store_op *op, bool new)
{
    if (new)
        op->strangers += (256 - op->strangers + 15) / 16;
    else
        op->strangers -= (op->strangers + 15) / 16;
}

/* Changes and answers are of people who are there. */
static bool guess(struct job *j)
{
    const struct store_inbound *in = &j->in;
    if (j->tries || in->target.n || in->quotes.n || in->group.n || j->op->strangers < STRANGERS ||
        cache_get(j->op->cache, j->lane->blind))
        return false;
    j->guessed = true;
    ingest_known_none(j);
    return true;
}

/* ---- answers ---- */

static uint32_t get32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static enum store_ingested_how how_of(char c)
{
    return c == 'N' ? STORE_NEW_ENTRY : c == 'J' ? STORE_JOINED : c == 'P' ? STORE_PARTLY : STORE_DUPLICATE;
}

void ingest_stored(struct job *j, struct slice s)
{
    struct store_op *op = j->op;
    struct err none = {0};
    uint64_t thread = store_handle_get(slice_of(s.p + 1, 8)),
             contact = store_handle_get(slice_of(s.p + 9, 8));
    unsigned flags = (unsigned char)s.p[21];
    uint32_t more = get32(s.p + 22);
    struct store_ingested r = {.how = how_of(s.p[0]),
                               .seq = get32(s.p + 17),
                               .seen = s.p[0] == 'P' ? more : 0,
                               .new_contact = flags & 1,
                               .new_thread = flags & 2,
                               .reopened = flags & 4};
    if (s.p[0] == 'G') {
        ingest_album_join(j, thread, (uint32_t)r.seq);
        return;
    }
    r.entry = store_id_of(op, thread, (uint32_t)r.seq);
    r.thread = store_id_of(op, thread, STORE_SEQ_THREAD);
    r.contact = store_id_of(op, contact, STORE_SEQ_CONTACT);
    if (j->guessed && r.how == STORE_NEW_ENTRY)
        stranger(op, true);
    if (r.how == STORE_NEW_ENTRY) {
        ingest_learn(j, thread, contact, flags, more);
        if (flags & 8)
            contact_provider_name(op, contact, j->in.name);
    }
    ingest_finish(j, &none, &r);
}

static void again(struct job *j, const struct redis_reply *r)
{
    struct lane *l = j->lane;
    if (++j->tries >= INGEST_TRIES) {
        ingest_fail(j, ERR_UNAVAILABLE, "others were faster each time");
        return;
    }
    ingest_known_read(j, r);
    if (j->in.target.n || (j->in.quotes.n && j->known.several))
        j->fresh = false; /* what it is about is not in this answer */
    if (j->guessed)
        stranger(j->op, !j->known.contact);
    else
        cache_drop_contact(j->op->cache, j->known.contact);
    j->guessed = false;
    l->alone = false;
    l->stalled = true;
    lane_add(l, j);
    l->under_way--;
    if (l->under_way == 0) {
        l->stalled = false;
        lane_run(l);
    }
}

static void ingested(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct job *j = arg;
    struct slice s = store_text(r);
    struct store_ingested none = {0};
    if (e->code)
        ingest_finish(j, e, &none);
    else if (s.n == INGEST_ANSWER)
        ingest_stored(j, s);
    else if (slice_is(store_item(r, 0), "R"))
        again(j, r);
    else
        ingest_fail(j, ERR_BUG, "an answer that is none");
}

/* ---- sending ---- */

static void loaded(void *arg, const struct err *e)
{
    struct job *j = arg;
    if (e->code)
        ingest_fail(j, e->code, e->text);
    else if (j->known.contact && keys_state(j->op, j->known.kid) == KEYS_GONE)
        ingest_fail(j, ERR_UNAVAILABLE, "the person is being erased");
    else
        ingest_send(j);
}

void ingest_send(struct job *j)
{
    struct store_args a;
    struct err none = {0};
    struct store_ingested ignored = {.how = STORE_IGNORED};
    if (j->in.target.n && !j->target_thread) {
        ingest_finish(j, &none, &ignored);
        return;
    }
    if (j->known.contact && keys_state(j->op, j->known.kid) != KEYS_HERE) {
        keys_load(j->op, &j->known.kid, 1, loaded, j);
        return;
    }
    if (!j->known.contact && (!j->kid || keys_state(j->op, j->kid) != KEYS_HERE) &&
        !keys_take(j->op, &j->kid)) {
        keys_when(j->op, loaded, j);
        return;
    }
    int rc = ingest_args(j, &a);
    if (rc)
        ingest_fail(j, -rc, "too large");
    else
        store_call(j->op, "ingest", &a, ingested, j);
}

static void known(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct job *j = arg;
    struct store_ingested none = {0};
    if (e->code) {
        ingest_finish(j, e, &none);
        return;
    }
    if (!slice_is(store_item(r, 0), "R")) {
        ingest_fail(j, ERR_BUG, "an answer that is none");
        return;
    }
    ingest_known_read(j, r);
    stranger(j->op, !j->known.contact);
    ingest_send(j);
}

static void look_up(struct job *j)
{
    struct store_args a;
    ingest_known_args(j, &a);
    store_call(j->op, "known", &a, known, j);
}

/* What the cache tells is enough? Then it is taken, and what this message changes is noted at once for the
 * ones behind it. */
static bool from_cache(struct job *j)
{
    if (j->in.target.n)
        return false;
    struct cache_person *p = cache_get(j->op->cache, j->lane->blind);
    if (!p || p->several || keys_state(j->op, p->kid) != KEYS_HERE ||
        (j->in.also.n && memcmp(p->also, j->also, 16) != 0))
        return false;
    j->known = *p;
    j->has_also = false;
    return true;
}

static void lane_run(struct lane *l)
{
    while (!list_empty(&l->queue) && !l->alone && !l->stalled) {
        struct job *j = container_of(l->queue.next, struct job, node);
        bool cached = !j->fresh && from_cache(j);
        if (!cached && l->under_way)
            return;
        list_del(&j->node);
        l->under_way++;
        if (cached) {
            ingest_send(j);
            ingest_note(j);
            continue;
        }
        l->alone = true;
        if (j->fresh || guess(j))
            ingest_send(j);
        else
            look_up(j);
        return; /* the lane may be gone */
    }
    if (list_empty(&l->queue) && l->under_way == 0) {
        map_del(&l->op->lanes, slice_of(l->blind, 16));
        mem_free(l);
    }
}

struct refused {
    struct job *j;
    struct err e;
};

static void refuse(void *arg)
{
    struct refused *f = arg;
    struct store_ingested none = {0};
    f->j->done(f->j->arg, &f->e, &none);
    mem_free(f->j);
    mem_free(f);
}

static bool acceptable(struct store_op *op, const struct store_inbound *in, struct err *e)
{
    if (!op->open)
        err_set(e, ERR_UNAVAILABLE, "the operation is not open");
    else if (!in->channel || !name_valid(slice_str(in->channel)) || in->provider_id.n == 0 ||
             in->address.n == 0 || in->address.n > 512 || in->also.n > 512 || in->kind > STORE_REACTION ||
             in->media_n > INGEST_MEDIA || in->also_ids_n > STORE_ALSO_IDS ||
             (in->id_per_sender && (in->group.n || in->also_ids_n)))
        err_set(e, ERR_INVALID, "an item without channel, id or address");
    return e->code == 0;
}

void store_ingest(struct store_op *op, const struct store_inbound *in,
                  void (*decide)(void *arg, const struct store_known *k, struct store_inbound *in),
                  void (*done)(void *arg, const struct err *e, const struct store_ingested *r), void *arg)
{
    static uint64_t order;
    unsigned char blind[16];
    struct err e = {0};
    struct job *j = ingest_job(op, in);
    j->decide = decide;
    j->done = done;
    j->arg = arg;
    j->order = ++order;
    if (!acceptable(op, in, &e)) {
        struct refused *f = mem_alloc(sizeof(*f));
        *f = (struct refused){j, e};
        loop_defer(store_loop(op->store), refuse, f);
        return;
    }
    store_blind(op, "address", in->address, blind);
    if (in->also.n)
        store_blind(op, "address", in->also, j->also);
    j->lane = lane_of(op, blind);
    lane_add(j->lane, j);
    lane_run(j->lane);
}
