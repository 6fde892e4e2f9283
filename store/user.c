/* SPDX-License-Identifier: Apache-2.0
 * Users: records, passwords, disabling. Password hashes are made on the loop's threads, two at a time, since
 * each needs 32 MiB. */
#include "store/user.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "store/password.h"
#include "store/side.h"
#include "store/user_internal.h"
#include <string.h>

#define RECORD_MAX   8192
#define PASSWORD_MAX 1024
#define AT_ONCE      2
#define QUEUE_MAX    200
#define TRYING_MAX   150 /* who sign in at a time; the rest of the queue is for devices that did before */
#define TRYING_PLACE 16  /* of them from one place */

/* ---- passwords ---- */

struct passwords {
    struct loop *loop;
    struct list waiting, trying; /* trying: of struct user_job */
    unsigned running, queued, tries;
    bool closed;
};

struct password_job {
    struct list node;
    struct passwords *p;
    char *password;
    unsigned char hash[PASSWORD_HASH];
    size_t stored_n; /* of hash, when one is to be compared */
    bool compare, fits;
    void (*done)(void *arg, bool fits, const unsigned char *hash);
    void *arg;
};

static void work(void *arg)
{
    struct password_job *j = arg;
    if (j->compare)
        j->fits = password_fits(slice_of(j->hash, j->stored_n), slice_str(j->password));
    else
        password_hash(slice_str(j->password), j->hash);
}

static void job_free(struct password_job *j)
{
    mem_wipe(j->password, strlen(j->password));
    mem_free(j->password);
    mem_wipe(j->hash, sizeof j->hash);
    mem_free(j);
}

static void next(struct passwords *p);
static void trying_close(struct passwords *p);

static void worked(void *arg)
{
    struct password_job *j = arg;
    struct passwords *p = j->p;
    p->running--;
    if (!p->closed) {
        j->done(j->arg, j->fits, j->hash);
        next(p);
    }
    job_free(j);
    if (p->closed && p->running == 0)
        mem_free(p);
}

static void next(struct passwords *p)
{
    while (p->running < AT_ONCE) {
        struct list *first = list_pop(&p->waiting);
        if (!first)
            return;
        p->running++;
        p->queued--;
        loop_work(p->loop, work, worked, container_of(first, struct password_job, node));
    }
}

bool password_start(struct store_op *op, const char *password, const struct slice *stored,
                    void (*done)(void *arg, bool fits, const unsigned char *hash), void *arg)
{
    struct passwords *p = op->side->passwords;
    if (p->queued >= QUEUE_MAX)
        return false;
    struct password_job *j = mem_alloc(sizeof *j);
    j->p = p;
    j->password = mem_strdup(password);
    j->done = done;
    j->arg = arg;
    if (stored) {
        j->compare = true;
        j->stored_n = stored->n == PASSWORD_HASH ? PASSWORD_HASH : 0;
        memcpy(j->hash, stored->p ? stored->p : "", j->stored_n);
    }
    list_push(&p->waiting, &j->node);
    p->queued++;
    next(p);
    return true;
}

void user_open(struct store_op *op)
{
    struct passwords *p = op->side->passwords = mem_alloc(sizeof *p);
    p->loop = store_loop(op->store);
    list_init(&p->waiting);
    list_init(&p->trying);
}

void user_close(struct side *s)
{
    struct passwords *p = s->passwords;
    if (!p)
        return;
    s->passwords = NULL;
    trying_close(p);
    for (struct list *l; (l = list_pop(&p->waiting));)
        job_free(container_of(l, struct password_job, node));
    p->closed = true;
    if (p->running == 0)
        mem_free(p);
}

/* ---- records ---- */

void user_blind(struct store_op *system, const char *login, unsigned char out[16])
{
    store_blind(system, "login", slice_str(login), out);
}

/* r: {user, x, p, ds, changed, second factor[, proved]}. */
bool user_read(struct store_op *system, struct arena *a, const struct redis_reply *r, struct store_user *u)
{
    struct buf plain;
    bool good = false;
    memset(u, 0, sizeof *u);
    u->login = u->name = u->locale = u->operations = "";
    buf_init(&plain, RECORD_MAX);
    if (keys_open_own(system, KEYS_STAFF, "user", store_item(r, 0), store_item(r, 1), &plain) == 0) {
        json_t *o = json_parse(buf_view(&plain), 4, NULL);
        const struct {
            const char *name;
            const char **to;
        } members[] = {
            {"login", &u->login}, {"name", &u->name}, {"locale", &u->locale}, {"operations", &u->operations}};
        for (size_t i = 0; i < 4; i++) {
            struct slice s = json_opt_str(o, members[i].name);
            *members[i].to = arena_dup(a, s.p, s.n);
        }
        json_decref(o);
        u->disabled = slice_is(store_item(r, 3), "1");
        u->changed_ms = store_number(r->items[4]);
        u->second = slice_is(store_item(r, 5), "1");
        u->proved = slice_is(store_item(r, 6), "1");
        u->signed_ms = store_item(r, 7).n ? store_number(r->items[7]) : 0;
        good = true;
        mem_wipe(plain.p, plain.n);
    }
    buf_clear(&plain);
    return good;
}

static void user_seal(struct store_op *system, const unsigned char blind[16], const struct store_user *u,
                      struct buf *out)
{
    struct buf plain;
    buf_init(&plain, RECORD_MAX);
    const struct {
        const char *name, *value;
    } members[] = {
        {"login", u->login}, {"name", u->name}, {"locale", u->locale}, {"operations", u->operations}};
    for (size_t i = 0; i < 4; i++) {
        buf_printf(&plain, "%c\"%s\":", i ? ',' : '{', members[i].name);
        buf_json_str(&plain, slice_str(members[i].value));
    }
    buf_char(&plain, '}');
    keys_seal_own(system, KEYS_STAFF, "user", slice_of(blind, 16), buf_view(&plain), out);
    mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
}

struct user_job {
    struct store_op *system;
    struct arena *a;
    unsigned char blind[16], network[16], device[16], named[16];
    size_t device_n, named_n; /* 0: none */
    const char *actor, *login, *operations;
    char *password;     /* wiped at the end */
    struct list trying; /* in passwords.trying, if counted */
    bool counted, second;
    struct store_user user;
    unsigned left; /* events that are still to be confirmed */
    struct err e;
    store_done done;
    void (*one)(void *arg, const struct err *e, const struct store_user *u);
    void (*many)(void *arg, const struct err *e, const struct store_user *const *u, size_t n);
    void *arg;
};

static struct user_job *user_job(struct store *s, const char *login, void *arg)
{
    struct user_job *j = mem_alloc(sizeof *j);
    j->system = store_system(s);
    j->a = arena_new();
    j->login = arena_strdup(j->a, login ? login : "");
    if (j->system)
        user_blind(j->system, j->login, j->blind);
    j->arg = arg;
    return j;
}

static void trying_end(struct user_job *j)
{
    if (!j->counted)
        return;
    list_del(&j->trying);
    j->system->side->passwords->tries--;
    j->counted = false;
}

static void trying_close(struct passwords *p)
{
    for (struct list *l; (l = list_pop(&p->trying));)
        container_of(l, struct user_job, trying)->counted = false;
}

static void job_end(struct user_job *j, const struct err *e)
{
    trying_end(j);
    if (j->done)
        j->done(j->arg, e);
    if (j->password)
        mem_wipe(j->password, strlen(j->password));
    mem_free(j->password);
    arena_free(&j->a);
    mem_free(j);
}

static void later_end(void *arg)
{
    struct user_job *j = arg;
    if (j->one)
        j->one(j->arg, &j->e, NULL);
    if (j->many)
        j->many(j->arg, &j->e, NULL, 0);
    job_end(j, &j->e);
}

/* True (and the callback comes later) when the call cannot even begin. */
static bool refused(struct store *s, struct user_job *j, bool good, const char *text)
{
    if (j->system && good)
        return false;
    err_set(&j->e, j->system ? ERR_INVALID : ERR_UNAVAILABLE, "%s",
            j->system ? text : "the store is not ready");
    loop_defer(store_loop(s), later_end, j);
    return true;
}

/* ---- telling the operations ---- */

static void told(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct user_job *j = arg;
    (void)r;
    if (e->code)
        j->e = *e;
    if (--j->left == 0)
        job_end(j, &j->e);
}

/* An event in each operation that the user works in: sockets look again. */
static void tell(struct user_job *j)
{
    struct slice rest = slice_str(j->operations), name;
    j->left = 1;
    while (slice_next(&rest, ' ', &name)) {
        struct store_op *op = store_op_find(j->system->store, name);
        if (!op)
            continue;
        struct store_args a;
        store_args_init(&a);
        store_arg_str(&a, j->login);
        store_arg_str(&a, j->actor);
        store_arg_str(&a, "user");
        j->left++;
        store_call(op, "user_event", &a, told, j);
    }
    struct err none = {0};
    told(j, &none, NULL);
}

/* ---- putting ---- */

static void put_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct user_job *j = arg;
    (void)r;
    if (e->code)
        job_end(j, e);
    else
        tell(j);
}

static void put(struct user_job *j, const unsigned char *hash)
{
    struct store_args a;
    struct buf record, password;
    buf_init(&record, 2 * RECORD_MAX);
    buf_init(&password, 256);
    user_seal(j->system, j->blind, &j->user, &record);
    if (hash)
        keys_seal_own(j->system, KEYS_STAFF, "password", slice_of(j->blind, 16),
                      slice_of(hash, PASSWORD_HASH), &password);
    store_args_init(&a);
    store_arg_copy(&a, j->blind, 16);
    store_arg_int(&a, j->user.disabled);
    store_arg_str(&a, j->actor);
    store_arg(&a, buf_view(&record));
    store_arg(&a, buf_view(&password));
    store_call(j->system, "user_put", &a, put_done, j);
    buf_clear(&record);
    buf_clear(&password);
}

static void put_hashed(void *arg, bool fits, const unsigned char *hash)
{
    (void)fits;
    put(arg, hash);
}

static bool record_good(const struct store_user *u, const char *password)
{
    return name_valid(slice_str(u->login)) && strlen(u->name ? u->name : "") <= 1000 &&
           strlen(u->locale ? u->locale : "") <= 100 && strlen(u->operations ? u->operations : "") <= 4000 &&
           text_valid(slice_str(u->name), NULL) && strlen(password ? password : "") <= PASSWORD_MAX;
}

void store_user_put(struct store *s, const struct store_user *u, const char *password, const char *actor,
                    store_done done, void *arg)
{
    struct user_job *j = user_job(s, u->login, arg);
    j->done = done;
    if (refused(s, j, record_good(u, password),
                "a login is a name; what users are called has at most 1,000 bytes"))
        return;
    j->actor = arena_strdup(j->a, actor);
    j->operations = arena_strdup(j->a, u->operations ? u->operations : "");
    j->user = (struct store_user){.login = j->login,
                                  .name = arena_strdup(j->a, u->name ? u->name : ""),
                                  .locale = arena_strdup(j->a, u->locale ? u->locale : ""),
                                  .operations = j->operations,
                                  .disabled = u->disabled};
    static const unsigned char fits_nothing[PASSWORD_HASH] = {0};
    if (!password || !*password)
        put(j, password ? fits_nothing : NULL);
    else if (!password_start(j->system, password, NULL, put_hashed, j)) {
        err_set(&j->e, ERR_BUSY, "too many passwords at once");
        loop_defer(store_loop(s), later_end, j);
    }
}

/* ---- reading ---- */

static void got_one(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct user_job *j = arg;
    struct err own = *e;
    if (e->code == 0 && !user_read(j->system, j->a, r, &j->user))
        err_set(&own, ERR_CORRUPT, "a user's record does not decrypt");
    j->one(j->arg, &own, own.code ? NULL : &j->user);
    job_end(j, &own);
}

void store_user_get(struct store *s, const char *login,
                    void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg)
{
    struct user_job *j = user_job(s, login, arg);
    struct store_args a;
    j->one = done;
    if (refused(s, j, true, ""))
        return;
    store_args_init(&a);
    store_arg_copy(&a, j->blind, 16);
    store_call(j->system, "user_get", &a, got_one, j);
}

static void got_many(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct user_job *j = arg;
    size_t n = e->code ? 0 : r->n, good = 0;
    struct store_user *users = arena_alloc(j->a, (n + 1) * sizeof *users);
    const struct store_user **all = arena_alloc(j->a, (n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        if (user_read(j->system, j->a, r->items[i], &users[good])) {
            all[good] = &users[good];
            good++;
        }
    j->many(j->arg, e, all, good);
    job_end(j, e);
}

void store_users_get(struct store *s,
                     void (*done)(void *arg, const struct err *e, const struct store_user *const *u,
                                  size_t n),
                     void *arg)
{
    struct user_job *j = user_job(s, "", arg);
    struct store_args a;
    j->many = done;
    if (refused(s, j, true, ""))
        return;
    store_args_init(&a);
    store_call(j->system, "users_get", &a, got_many, j);
}

/* ---- signing in ---- */

static bool one_place(const struct user_job *a, const struct user_job *b)
{
    return a->device_n == b->device_n &&
           memcmp(a->device_n ? a->device : a->network, b->device_n ? b->device : b->network, 16) == 0;
}

/* A try costs two keys and much work, also of a login that there is not: who sends thousands from one place
 * is refused before it is counted, and never in the way of others. */
static bool trying(struct user_job *j, bool placed)
{
    struct passwords *p = j->system->side->passwords;
    unsigned n = 0;
    for (struct list *l = p->trying.next; l != &p->trying; l = l->next)
        n += one_place(j, container_of(l, struct user_job, trying));
    if ((placed && n >= TRYING_PLACE) || p->tries >= (j->device_n ? QUEUE_MAX : TRYING_MAX))
        return false;
    list_push(&p->trying, &j->trying);
    p->tries++;
    j->counted = true;
    return true;
}

static void check_cleared(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct user_job *j = arg;
    struct err none = {0}; /* the tries that are counted still end by themselves */
    j->user.proved = !e->code && slice_is(store_text(r), "TRUSTED");
    if (e->code == ERR_AUTH ||
        (e->code && j->second)) { /* another password, or disabled, while this one was compared */
        j->one(j->arg, e, NULL);
        job_end(j, e);
        return;
    }
    j->one(j->arg, &none, &j->user);
    job_end(j, &none);
}

static void try_args(const struct user_job *j, struct store_args *a, const unsigned char *device, size_t n)
{
    store_args_init(a);
    store_arg_copy(a, j->blind, 16);
    store_arg_copy(a, j->network, 16);
    store_arg_copy(a, device, n);
}

static void check_compared(void *arg, bool fits, const unsigned char *hash)
{
    struct user_job *j = arg;
    struct store_args a;
    (void)hash;
    if (!fits || !*j->user.login || j->user.disabled) {
        struct err e;
        err_set(&e, ERR_AUTH, "wrong login or password");
        j->one(j->arg, &e, NULL);
        job_end(j, &e);
        return;
    }
    try_args(j, &a, j->named, j->named_n);
    store_arg_int(&a, j->user.changed_ms);
    store_arg_int(&a, j->second);
    store_arg_copy(&a, j->device, j->device_n);
    store_call(j->system, "user_try_good", &a, check_cleared, j);
}

static void check_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct user_job *j = arg;
    struct buf stored;
    if (e->code) {
        j->one(j->arg, e, NULL);
        job_end(j, e);
        return;
    }
    buf_init(&stored, 256);
    if (!user_read(j->system, j->a, r, &j->user) ||
        keys_open_own(j->system, KEYS_STAFF, "password", slice_of(j->blind, 16), store_item(r, 2), &stored) !=
            0)
        j->user = (struct store_user){.login = ""}; /* unknown: the same work follows */
    struct slice view = buf_view(&stored);
    if (!password_start(j->system, j->password, &view, check_compared, j)) {
        struct err full;
        err_set(&full, ERR_BUSY, "too many sign in at once");
        j->one(j->arg, &full, NULL);
        job_end(j, &full);
    }
    if (stored.p)
        mem_wipe(stored.p, stored.n);
    buf_clear(&stored);
}

static size_t place_blind(struct store_op *system, struct slice device, unsigned char out[16])
{
    if (device.n)
        store_blind(system, "device", device, out);
    return device.n ? 16 : 0;
}

void user_place(struct store_op *system, const struct store_from *from, struct user_place *at)
{
    *at = (struct user_place){.device_n = 0};
    store_blind(system, "network", from->network, at->network);
    at->device_n = place_blind(system, from->device, at->device);
    at->named_n = place_blind(system, from->named.n ? from->named : from->device, at->named);
}

void store_user_check_from(struct store *s, const char *login, const char *password,
                           const struct store_from *from,
                           void (*done)(void *arg, const struct err *e, const struct store_user *u),
                           void *arg)
{
    struct user_job *j = user_job(s, login, arg);
    struct store_args a;
    j->one = done;
    if (refused(s, j, strlen(password) <= PASSWORD_MAX, "the password is too long"))
        return;
    j->password = mem_strdup(password);
    j->second = from->second;
    struct user_place at;
    user_place(j->system, from, &at);
    memcpy(j->network, at.network, sizeof j->network);
    memcpy(j->device, at.device, sizeof j->device);
    memcpy(j->named, at.named, sizeof j->named);
    j->device_n = at.device_n;
    j->named_n = at.named_n;
    if (!trying(j, from->network.n > 0)) {
        err_set(&j->e, ERR_RATE, "try again in 5 s");
        loop_defer(store_loop(s), later_end, j);
        return;
    }
    try_args(j, &a, j->device, j->device_n);
    store_call(j->system, "user_try", &a, check_read, j);
}

void store_user_check(struct store *s, const char *login, const char *password,
                      void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg)
{
    store_user_check_from(s, login, password, &(struct store_from){SLICE(""), SLICE(""), SLICE(""), false},
                          done, arg);
}

bool store_device_sign(struct store *s, const char *login, struct slice device, char out[STORE_DEVICE])
{
    struct store_op *system = store_system(s);
    unsigned char mac[16];
    struct buf both;
    memset(out, 0, STORE_DEVICE);
    if (!system)
        return false;
    buf_init(&both, 1024);
    buf_printf(&both, "%s\n%.*s", login, (int)device.n, device.p);
    store_blind(system, "device login", buf_view(&both), mac);
    buf_clear(&both);
    text_base64url(out, mac, sizeof mac);
    return true;
}

/* ---- disabling, and other ends of a sign-in ---- */

/* r: the record as it is now. */
static void tell_all(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct user_job *j = arg;
    if (e->code) {
        job_end(j, e);
        return;
    }
    if (!user_read(j->system, j->a, r, &j->user)) {
        struct err corrupt;
        err_set(&corrupt, ERR_CORRUPT, "a user's record does not decrypt");
        job_end(j, &corrupt);
        return;
    }
    j->operations = j->user.operations;
    tell(j);
}

/* Asks something of one user, and tells their operations what became of it; NULL: refused. */
static struct user_job *tell_job(struct store *s, const char *login, const char *actor, struct store_args *a,
                                 store_done done, void *arg)
{
    struct user_job *j = user_job(s, login, arg);
    j->done = done;
    if (refused(s, j, true, ""))
        return NULL;
    j->actor = arena_strdup(j->a, actor);
    store_args_init(a);
    store_arg_copy(a, j->blind, 16);
    return j;
}

void store_user_disable(struct store *s, const char *login, bool yes, const char *actor, store_done done,
                        void *arg)
{
    struct store_args a;
    struct user_job *j = tell_job(s, login, actor, &a, done, arg);
    if (!j)
        return;
    store_arg_int(&a, yes);
    store_arg_str(&a, actor);
    store_call(j->system, "user_disable", &a, tell_all, j);
}

void store_user_tell(struct store *s, const char *login, const char *actor, store_done done, void *arg)
{
    struct store_args a;
    struct user_job *j = tell_job(s, login, actor, &a, done, arg);
    if (j)
        store_call(j->system, "user_get", &a, tell_all, j);
}
