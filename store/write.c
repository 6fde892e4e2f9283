/* SPDX-License-Identifier: Apache-2.0
 * Writing what goes out: asks for whom it must be encrypted and to which address it goes, then writes in one
 * step; again when somebody changed that meanwhile. And what changes of it later by hand: retries, read
 * marks. */
#include "store/ingest.h"
#include "store/state.h"
#include "store/words.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

#define TRIES 8
enum { FLAG_PULL = 1, FLAG_SENDS = 2, FLAG_CHOICES = 4, FLAG_DESPITE = 8 };

struct writing {
    struct store_op *op;
    struct store_outbound out; /* our copy */
    uint64_t thread, target_thread;
    uint32_t target_seq;
    struct buf words;
    void (*done)(void *arg, const struct err *e, const struct store_written *w);
    void *arg;
    int tries;
    /* as it was told: */
    uint64_t contact;
    uint32_t kid;
    int clearance;
    char *channel;
    unsigned char blind[16];
    bool has_blind;
};

static void ask(struct writing *w);
static void put(struct writing *w);

static void end(struct writing *w, const struct err *e, const struct store_written *r)
{
    struct store_written none = {0};
    w->done(w->arg, e, r ? r : &none);
    mem_free((void *)(uintptr_t)w->out.author_id);
    mem_free((void *)(uintptr_t)w->out.channel);
    mem_free((void *)(uintptr_t)w->out.must_hold);
    mem_free((void *)(uintptr_t)w->out.ref.p);
    mem_free((void *)(uintptr_t)w->out.address.p);
    if (w->out.text.p)
        mem_wipe((void *)(uintptr_t)w->out.text.p, w->out.text.n);
    mem_free((void *)(uintptr_t)w->out.text.p);
    mem_free((void *)(uintptr_t)w->out.extra.p);
    buf_clear(&w->words);
    mem_free(w->channel);
    mem_free(w);
}

static bool is_sent(const struct store_outbound *o)
{
    return o->kind <= STORE_REACTION;
}

static void written(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct writing *w = arg;
    struct slice s = store_text(r);
    struct err local = *e;
    if (e->code == ERR_AGAIN && w->tries++ < TRIES) {
        ask(w);
        return;
    }
    if (!e->code && s.n != 22)
        err_set(&local, ERR_BUG, "an answer that is none");
    if (local.code) {
        end(w, &local, NULL);
        return;
    }
    const unsigned char *u = (const unsigned char *)s.p;
    uint32_t seq = (uint32_t)u[17] << 24 | (uint32_t)u[18] << 16 | (uint32_t)u[19] << 8 | u[20];
    struct store_written done = {.entry = store_id_of(w->op, store_handle_get(slice_of(s.p + 1, 8)), seq),
                                 .seq = seq,
                                 .again = s.p[0] == 'D'};
    end(w, e, &done);
}

/* In JSON, quotes within a text are escaped: this is a member. */
static bool offers_choices(const struct store_outbound *o)
{
    static const char member[] = "\"choices\":[{";
    return o->kind == STORE_MESSAGE && o->extra.n &&
           memmem(o->extra.p, o->extra.n, member, sizeof(member) - 1) != NULL;
}

static void arg_fixed(const struct writing *w, struct store_args *a)
{
    char f[38] = {0};
    const struct store_outbound *o = &w->out;
    bool channel = is_sent(o);
    store_handle_put(f, w->thread);
    store_handle_put(f + 8, w->contact);
    if (w->has_blind)
        memcpy(f + 16, w->blind, 16);
    f[32] = (char)o->kind;
    f[33] = (char)o->author;
    f[34] = (char)w->clearance;
    f[35] = (char)(channel ? (o->pull ? FLAG_PULL : FLAG_SENDS) : 0);
    if (channel && offers_choices(o))
        f[35] = (char)(f[35] | FLAG_CHOICES);
    if (o->kind == STORE_MESSAGE && o->despite_unsafe)
        f[35] = (char)(f[35] | FLAG_DESPITE);
    memcpy(f + 36, w->op->store->tag, 2);
    store_arg_copy(a, f, sizeof(f));
}

static void arg_ref(const struct writing *w, struct store_args *a)
{
    const struct store_outbound *o = &w->out;
    char author[1 + STORE_HANDLE] = {(char)('0' + o->author)}, sel[3];
    int64_t hash;
    store_handle_put(author + 1, w->thread);
    if (o->ref.n == 0) {
        store_arg_str(a, "");
        return;
    }
    ingest_id_hash(w->op, "own ref", slice_of(author, sizeof(author)), slice_str(o->author_id), o->ref, &hash,
                   sel);
    store_arg_int(a, hash);
}

static void put(struct writing *w)
{
    const struct store_outbound *o = &w->out;
    struct entry_head h = {.kind = o->kind,
                           .author = o->author,
                           .clearance = w->clearance,
                           .channel = slice_str(w->channel),
                           .author_id = slice_str(o->author_id),
                           .target_thread = w->target_thread,
                           .target_seq = w->target_seq,
                           .blind = w->has_blind ? w->blind : NULL,
                           .despite = o->kind == STORE_MESSAGE && o->despite_unsafe};
    struct store_args a;
    struct buf entry;
    buf_init(&entry, o->text.n + o->extra.n + 2048);
    entry_seal(w->op, w->contact, w->kid, w->thread, &h, 0, o->text, o->extra, &entry);
    store_args_init(&a);
    arg_fixed(w, &a);
    arg_ref(w, &a);
    store_arg(&a, buf_view(&entry));
    store_arg_str(&a, w->channel);
    store_arg_str(&a, o->author_id);
    store_arg_str(&a, o->must_hold);
    store_arg(&a, w->words.n ? buf_view(&w->words) : SLICE(""));
    store_call(w->op, "write", &a, written, w);
    buf_clear(&entry);
}

static void loaded(void *arg, const struct err *e)
{
    struct writing *w = arg;
    struct err local = *e;
    if (!e->code && keys_state(w->op, w->kid) != KEYS_HERE)
        err_set(&local, ERR_ERASED, "the person was erased");
    if (local.code)
        end(w, &local, NULL);
    else
        put(w);
}

static void known(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct writing *w = arg;
    if (e->code || r->n < 5) {
        end(w, e, NULL);
        return;
    }
    struct slice channel = store_item(r, 3), blind = store_item(r, 4);
    w->contact = store_handle_get(store_item(r, 0));
    w->kid = (uint32_t)store_number(r->items[1]);
    w->clearance = (int)store_number(r->items[2]);
    mem_free(w->channel);
    /* What happened by hand is kept as long as what its thread's channel brings. */
    w->channel =
        is_sent(&w->out) || w->out.kind == STORE_CALL ? mem_dup(channel.p, channel.n) : mem_strdup("");
    w->has_blind = blind.n == 16;
    if (w->has_blind)
        memcpy(w->blind, blind.p, 16);
    keys_load(w->op, &w->kid, 1, loaded, w);
}

static void arg_target(const struct writing *w, struct store_args *a)
{
    char f[STORE_HANDLE + 4];
    store_handle_put(f, w->target_thread);
    for (int i = 0; i < 4; i++)
        f[STORE_HANDLE + i] = (char)(w->target_seq >> (24 - 8 * i));
    store_arg_copy(a, f, sizeof f);
}

static void ask(struct writing *w)
{
    struct store_args a;
    unsigned char blind[16];
    const struct store_outbound *o = &w->out;
    store_args_init(&a);
    store_arg_handle(&a, w->thread);
    store_arg_str(&a, o->channel);
    if (o->address.n && is_sent(o)) {
        store_blind(w->op, "address", o->address, blind);
        store_arg_copy(&a, blind, 16);
    } else {
        store_arg_str(&a, "");
    }
    store_arg_str(&a, is_sent(o) ? "0" : "1");
    if (w->target_seq && is_sent(o))
        arg_target(w, &a);
    store_call(w->op, "write_known", &a, known, w);
}

static void refuse(void *arg, const struct err *e)
{
    end(arg, e, NULL);
}

static struct slice dup(struct slice s)
{
    return slice_of(mem_dup(s.p ? s.p : "", s.n), s.n);
}

static bool acceptable(struct writing *w, struct id thread, struct id target, struct err *e)
{
    const struct store_outbound *o = &w->out;
    if (!w->op->open)
        err_set(e, ERR_UNAVAILABLE, "the operation is not open");
    else if (!store_thread_handle(w->op, thread, &w->thread))
        err_set(e, ERR_NOT_FOUND, "no such thread");
    else if (target.s[0] && (!store_id_parse(w->op, slice_str(target.s), &w->target_thread, &w->target_seq) ||
                             w->target_seq == 0 || w->target_seq == STORE_SEQ_CONTACT))
        err_set(e, ERR_INVALID, "the entry that it changes does not exist");
    else if (strlen(o->channel) > 63 || strlen(o->author_id) > 63 || o->address.n > 512 || o->ref.n > 512)
        err_set(e, ERR_INVALID, "a name is too long");
    return e->code == 0;
}

void store_write(struct store_op *op, const struct store_outbound *out,
                 void (*done)(void *arg, const struct err *e, const struct store_written *w), void *arg)
{
    struct writing *w = mem_alloc(sizeof(*w));
    struct err e = {0};
    *w = (struct writing){.op = op, .out = *out, .done = done, .arg = arg};
    w->out.author_id = mem_strdup(out->author_id ? out->author_id : "");
    w->out.channel = mem_strdup(out->channel ? out->channel : "");
    w->out.must_hold = mem_strdup(out->must_hold ? out->must_hold : "");
    w->out.ref = dup(out->ref);
    w->out.address = dup(out->address);
    w->out.text = dup(out->text);
    w->out.extra = dup(out->extra);
    w->out.words = NULL;
    buf_init(&w->words, out->words_n * 4 + 64);
    if (!acceptable(w, out->thread, out->target, &e)) {
        store_fail(op->store, refuse, w, e.code, e.text);
        return;
    }
    words_write(op->blind, out->words, out->words_n, &w->words);
    ask(w);
}

/* ---- later changes ---- */

struct change {
    store_done done;
    void *arg;
};

static void changed(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct change *c = arg;
    (void)r;
    c->done(c->arg, e);
    mem_free(c);
}

static struct change *change_new(store_done done, void *arg)
{
    struct change *c = mem_alloc(sizeof(*c));
    *c = (struct change){done, arg};
    return c;
}

void store_retry(struct store_op *op, struct id thread, uint64_t seq, const char *actor, store_done done,
                 void *arg)
{
    struct store_args a;
    uint64_t handle;
    if (!store_thread_handle(op, thread, &handle)) {
        store_fail(op->store, done, arg, ERR_NOT_FOUND, "no such thread");
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, handle);
    store_arg_int(&a, (int64_t)seq);
    store_arg_str(&a, actor);
    store_arg(&a, slice_of(op->store->tag, 2));
    store_call(op, "retry", &a, changed, change_new(done, arg));
}

void store_status_set(struct store_op *op, struct id thread, uint64_t seq, bool and_before,
                      enum store_status status, store_done done, void *arg)
{
    struct store_args a;
    uint64_t handle;
    if (!store_thread_handle(op, thread, &handle)) {
        store_fail(op->store, done, arg, ERR_NOT_FOUND, "no such thread");
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, handle);
    store_arg_int(&a, (int64_t)seq);
    store_arg_str(&a, and_before ? "1" : "0");
    store_arg_int(&a, status);
    store_arg(&a, slice_of(op->store->tag, 2));
    store_call(op, "status_set", &a, changed, change_new(done, arg));
}

void store_address_blocked(struct store_op *op, const char *channel, struct slice address, bool blocked,
                           store_done done, void *arg)
{
    struct store_args a;
    unsigned char blind[16];
    (void)channel; /* an address is blocked where it was seen last */
    store_blind(op, "address", address, blind);
    store_args_init(&a);
    store_arg_copy(&a, blind, 16);
    store_arg_str(&a, blocked ? "1" : "0");
    store_call(op, "address_blocked", &a, changed, change_new(done, arg));
}

void store_address_forget(struct store_op *op, struct slice address, store_done done, void *arg)
{
    struct store_args a;
    unsigned char blind[16];
    store_blind(op, "address", address, blind);
    store_args_init(&a);
    store_arg_copy(&a, blind, 16);
    store_call(op, "address_forget", &a, changed, change_new(done, arg));
}
