/* SPDX-License-Identifier: Apache-2.0
 * See link.h; what it writes is functions/link.lua and functions/same.lua. */
#include "store/link.h"
#include "store/entry.h"
#include "store/side.h"
#include "gateway/base/mem.h"
#include <string.h>

struct linking {
    struct store_op *op;
    uint64_t contact, thread;
    uint32_t kid;
    struct store_contact_new n; /* our copy */
    store_contact_id_done contact_done;
    void (*made)(void *arg, const struct err *e, struct id id, bool made);
    void (*person)(void *arg, const struct err *e, const uint64_t *contacts, size_t n);
    store_thread_done thread_done;
    store_done done;
    void *arg;
};

static struct linking *linking_new(struct store_op *op, void *arg)
{
    struct linking *l = mem_alloc(sizeof *l);
    l->op = op;
    l->arg = arg;
    return l;
}

static uint64_t handle_new(void)
{
    uint64_t h;
    do
        crypto_random(&h, sizeof h);
    while (h == 0);
    return h;
}

static void done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct linking *l = arg;
    (void)r;
    l->done(l->arg, e);
    mem_free(l);
}

/* ---- a contact ---- */

static char *keep(struct slice s)
{
    return mem_dup(s.p ? s.p : "", s.n);
}

static void contact_end(struct linking *l, const struct err *e, uint64_t contact)
{
    bool made = !e->code && contact == l->contact;
    if (!made && l->kid && !err_temporary(e->code))
        keys_give_back(l->op, l->kid);
    l->contact_done(l->arg, e, store_id_of(l->op, contact, STORE_SEQ_CONTACT), made);
    mem_free((char *)(uintptr_t)l->n.address.p);
    if (l->n.profile.p)
        mem_wipe((char *)(uintptr_t)l->n.profile.p, l->n.profile.n);
    mem_free((char *)(uintptr_t)l->n.profile.p);
    mem_free((char *)(uintptr_t)l->n.channel);
    mem_free((char *)(uintptr_t)l->n.language);
    mem_free((char *)(uintptr_t)l->n.area);
    mem_free((char *)(uintptr_t)l->n.actor);
    mem_free(l);
}

static void contact_made(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct linking *l = arg;
    contact_end(l, e, e->code ? 0 : store_handle_get(store_text(r)));
}

static void arg_address(struct linking *l, uint64_t contact, struct slice address, struct store_args *a,
                        struct buf *sealed)
{
    unsigned char blind[16];
    store_blind(l->op, "address", address, blind);
    store_arg_copy(a, blind, sizeof blind);
    record_seal(l->op, RECORD_ADDRESS, contact, l->kid, 0, store_handle_get(slice_of(blind, 8)), 0, address,
                sealed);
    store_arg(a, buf_view(sealed));
}

static void contact_put(struct linking *l)
{
    struct store_args a;
    struct buf address, profile;
    buf_init(&address, 1024);
    buf_init(&profile, 1u << 17);
    l->contact = handle_new();
    store_args_init(&a);
    store_arg_handle(&a, l->contact);
    store_arg_int(&a, l->kid);
    if (l->n.address.n) {
        arg_address(l, l->contact, l->n.address, &a, &address);
    } else {
        store_arg_str(&a, "");
        store_arg_str(&a, "");
    }
    store_arg_str(&a, l->n.channel);
    if (l->n.profile.n)
        record_seal(l->op, RECORD_PROFILE, l->contact, l->kid, 0, 0, 0, l->n.profile, &profile);
    store_arg(&a, profile.n ? buf_view(&profile) : SLICE(""));
    store_arg_str(&a, l->n.language);
    store_arg_int(&a, STORE_SET);
    store_arg_str(&a, l->n.area);
    store_arg_str(&a, l->n.actor);
    store_call(l->op, "contact_new", &a, contact_made, l);
    buf_clear(&address);
    buf_clear(&profile);
}

static void contact_key(void *arg, const struct err *e)
{
    struct linking *l = arg;
    if (e->code)
        contact_end(l, e, 0);
    else if (!l->kid && !keys_take(l->op, &l->kid))
        keys_when(l->op, contact_key, l);
    else if (keys_state(l->op, l->kid) != KEYS_HERE)
        keys_load(l->op, &l->kid, 1, contact_key, l);
    else
        contact_put(l);
}

static void contact_refuse(void *arg, const struct err *e)
{
    contact_end(arg, e, 0);
}

void store_contact_make(struct store_op *op, const struct store_contact_new *n, store_contact_id_done cb,
                        void *arg)
{
    struct linking *l = linking_new(op, arg);
    l->contact_done = cb;
    l->n = (struct store_contact_new){
        slice_of(keep(n->address), n->address.n), mem_strdup(n->channel ? n->channel : ""),
        slice_of(keep(n->profile), n->profile.n), mem_strdup(n->language ? n->language : ""),
        mem_strdup(n->area ? n->area : ""),       mem_strdup(n->actor ? n->actor : "")};
    struct err none = {0};
    if (!op->open)
        store_fail(op->store, contact_refuse, l, ERR_UNAVAILABLE, "the operation is not open");
    else if (n->address.n > 512 || n->profile.n > 65536)
        store_fail(op->store, contact_refuse, l, ERR_TOO_LARGE, "the address or the profile is too long");
    else
        contact_key(l, &none);
}

/* ---- a thread ---- */

static void thread_made(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct linking *l = arg;
    uint64_t handle = e->code ? 0 : store_handle_get(store_item(r, 0));
    l->made(l->arg, e, store_id_of(l->op, handle, STORE_SEQ_THREAD), !e->code && store_item(r, 1).n > 0);
    mem_free(l);
}

void store_thread_make(struct store_op *op, const struct store_thread_new *n,
                       void (*cb)(void *arg, const struct err *e, struct id thread, bool made), void *arg)
{
    struct linking *l = linking_new(op, arg);
    struct store_args a;
    unsigned char blind[16];
    l->made = cb;
    if (!store_contact_handle(op, n->contact, &l->contact)) {
        side_refuse(op, ERR_NOT_FOUND, "no such contact", thread_made, l);
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, l->contact);
    store_arg_handle(&a, handle_new());
    store_arg_int(&a, n->clearance);
    store_arg_str(&a, n->channel);
    if (n->address.n) {
        store_blind(op, "address", n->address, blind);
        store_arg_copy(&a, blind, sizeof blind);
    } else {
        store_arg_str(&a, "");
    }
    store_arg_str(&a, n->topic);
    store_arg_str(&a, n->area);
    store_arg_str(&a, n->language);
    store_arg_str(&a, n->agent);
    store_arg_str(&a, n->actor);
    store_arg_str(&a, n->by_address ? "1" : "");
    store_call(op, "thread_new", &a, thread_made, l);
}

/* ---- addresses ---- */

struct address_link {
    struct linking *l;
    struct slice address;
    char *channel, *actor;
};

static void link_end(struct address_link *x)
{
    mem_free((char *)(uintptr_t)x->address.p);
    mem_free(x->channel);
    mem_free(x->actor);
    mem_free(x);
}

static void link_loaded(void *arg, const struct err *e)
{
    struct address_link *x = arg;
    struct linking *l = x->l;
    struct err local = *e;
    if (!e->code && keys_state(l->op, l->kid) != KEYS_HERE)
        err_set(&local, ERR_ERASED, "the person was erased");
    if (local.code) {
        done(l, &local, NULL);
    } else {
        struct store_args a;
        struct buf sealed;
        buf_init(&sealed, 1024);
        store_args_init(&a);
        store_arg_handle(&a, l->contact);
        arg_address(l, l->contact, x->address, &a, &sealed);
        store_arg_str(&a, x->channel);
        store_arg_str(&a, x->actor);
        store_call(l->op, "contact_link", &a, done, l);
        buf_clear(&sealed);
    }
    link_end(x);
}

static void link_key(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct address_link *x = arg;
    struct linking *l = x->l;
    struct err local = *e;
    l->kid = e->code ? 0 : (uint32_t)store_number(r);
    if (!e->code && !l->kid)
        err_set(&local, ERR_NOT_FOUND, "no such contact");
    if (local.code) {
        done(l, &local, NULL);
        link_end(x);
    } else {
        keys_load(l->op, &l->kid, 1, link_loaded, x);
    }
}

void store_contact_link(struct store_op *op, struct id contact, struct slice address, const char *channel,
                        const char *actor, store_done cb, void *arg)
{
    struct linking *l = linking_new(op, arg);
    struct buf key;
    char raw[STORE_HANDLE];
    l->done = cb;
    if (!store_contact_handle(op, contact, &l->contact) || address.n > 512) {
        side_refuse(op, ERR_NOT_FOUND, "no such contact", done, l);
        return;
    }
    struct address_link *x = mem_alloc(sizeof *x);
    *x = (struct address_link){l, slice_of(keep(address), address.n), mem_strdup(channel ? channel : ""),
                               mem_strdup(actor)};
    buf_init(&key, 256);
    store_handle_put(raw, l->contact);
    struct slice argv[] = {SLICE("HGET"), store_key(op, &key, "contact:", slice_of(raw, sizeof raw)),
                           SLICE("k")};
    store_data_send(op, link_key, x, 3, argv);
    buf_clear(&key);
}

void store_contact_unlink(struct store_op *op, struct id contact, struct slice address, const char *actor,
                          store_done cb, void *arg)
{
    struct linking *l = linking_new(op, arg);
    struct store_args a;
    unsigned char blind[16];
    l->done = cb;
    if (!store_contact_handle(op, contact, &l->contact)) {
        side_refuse(op, ERR_NOT_FOUND, "no such contact", done, l);
        return;
    }
    store_blind(op, "address", address, blind);
    store_args_init(&a);
    store_arg_handle(&a, l->contact);
    store_arg_copy(&a, blind, sizeof blind);
    store_arg_str(&a, actor);
    store_call(op, "contact_unlink", &a, done, l);
}

/* ---- one person ---- */

static void two(struct store_op *op, const char *fn, struct id x, struct id y, const char *actor,
                store_done cb, void *arg)
{
    struct linking *l = linking_new(op, arg);
    struct store_args a;
    uint64_t one, other;
    l->done = cb;
    if (!store_contact_handle(op, x, &one) || !store_contact_handle(op, y, &other)) {
        side_refuse(op, ERR_NOT_FOUND, "no such contact", done, l);
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, one);
    store_arg_handle(&a, other);
    store_arg_str(&a, actor);
    store_call(op, fn, &a, done, l);
}

void store_contact_merge(struct store_op *op, struct id a, struct id b, const char *actor, store_done cb,
                         void *arg)
{
    two(op, "contact_merge", a, b, actor, cb, arg);
}

void store_contact_unmerge(struct store_op *op, struct id a, struct id b, const char *actor, store_done cb,
                           void *arg)
{
    two(op, "contact_unmerge", a, b, actor, cb, arg);
}

static void person_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct linking *l = arg;
    uint64_t all[LINK_PERSON_MOST];
    size_t n = 0;
    for (size_t i = 0; !e->code && i < r->n && n < LINK_PERSON_MOST; i++)
        all[n++] = store_handle_get(store_item(r, i));
    l->person(l->arg, e, all, n);
    mem_free(l);
}

void link_person(struct store_op *op, uint64_t contact,
                 void (*cb)(void *arg, const struct err *e, const uint64_t *contacts, size_t n), void *arg)
{
    struct linking *l = linking_new(op, arg);
    struct store_args a;
    l->person = cb;
    store_args_init(&a);
    store_arg_handle(&a, contact);
    store_call(op, "person", &a, person_read, l);
}

/* ---- same person? identity ---- */

static void moved(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct linking *l = arg;
    struct arena *a = arena_new();
    struct store_thread t = {0};
    if (!e->code)
        store_thread_from(l->op, a, l->thread, r, &t);
    l->thread_done(l->arg, e, e->code ? NULL : &t);
    arena_free(&a);
    mem_free(l);
}

static void about_thread(struct store_op *op, const char *fn, struct id thread, const char *const words[],
                         store_thread_done cb, void *arg)
{
    struct linking *l = linking_new(op, arg);
    struct store_args a;
    l->thread_done = cb;
    if (!store_thread_handle(op, thread, &l->thread)) {
        side_refuse(op, ERR_NOT_FOUND, "no such thread", moved, l);
        return;
    }
    store_args_init(&a);
    store_arg_handle(&a, l->thread);
    for (size_t i = 0; words[i]; i++)
        store_arg_str(&a, words[i]);
    store_call(op, fn, &a, moved, l);
}

void store_same_person(struct store_op *op, struct id thread, const char *actor, const char *answer,
                       store_thread_done cb, void *arg)
{
    about_thread(op, "same_person", thread, (const char *const[]){actor, answer, NULL}, cb, arg);
}

void store_identity(struct store_op *op, struct id thread, const char *actor, const char *how, bool passed,
                    store_thread_done cb, void *arg)
{
    about_thread(op, "identity", thread,
                 (const char *const[]){actor, how, passed ? "passed" : "failed", NULL}, cb, arg);
}
