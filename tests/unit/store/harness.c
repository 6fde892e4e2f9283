/* SPDX-License-Identifier: Apache-2.0
 * Servers, nodes and waiting for the store's tests. */
#include "tests/unit/store/harness.h"
#include "store/events_internal.h"
#include "gateway/base/log.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct harness h;
static struct arena *kept; /* what callbacks were given, until the test ends */
static const char *const names[] = {"data", "keys"};

/* ---- servers ---- */

void harness_start(int server)
{
    char dir[96], sock[128];
    snprintf(dir, sizeof(dir), "%s/%s", h.dir, names[server]);
    snprintf(sock, sizeof(sock), "%s/s", dir);
    mkdir(dir, 0700);
    h.pid[server] = fork();
    if (h.pid[server] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", sock, "--save", "", "--dir",
               dir, "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
               NULL);
        _exit(127);
    }
}

void harness_kill(int server)
{
    if (h.pid[server] <= 0)
        return;
    kill(h.pid[server], SIGKILL);
    waitpid(h.pid[server], NULL, 0);
    h.pid[server] = 0;
}

static void remove_tree(const char *path)
{
    char name[512];
    DIR *d = opendir(path);
    struct dirent *f;
    while (d && (f = readdir(d))) {
        if (strcmp(f->d_name, ".") == 0 || strcmp(f->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, f->d_name);
        if (unlink(name) != 0)
            remove_tree(name);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static void stop_all(void)
{
    for (int i = 0; i < 2; i++)
        redis_free(&h.redis[i]);
    loop_free(&h.loop);
    harness_kill(DATA);
    harness_kill(KEYS);
    remove_tree(h.dir);
}

static struct redis *connection(int server)
{
    struct err e;
    char url[160];
    snprintf(url, sizeof(url), "unix:%s/%s/s", h.dir, names[server]);
    return redis_new(h.loop, &(struct redis_config){.url = url}, &e);
}

/* ---- asking ---- */

static char answer[1 << 16];
static int answered;

static void on_answer(int err, bool maybe_done, const struct redis_reply *r, void *arg)
{
    (void)maybe_done;
    (void)arg;
    answered = 1;
    answer[0] = '\0';
    if (err)
        snprintf(answer, sizeof(answer), "(%s)", err_name(err));
    else if (r->kind == REDIS_INT)
        snprintf(answer, sizeof(answer), "%lld", (long long)r->i);
    else if (r->kind == REDIS_TEXT || r->kind == REDIS_STATUS || r->kind == REDIS_ERROR)
        snprintf(answer, sizeof(answer), "%.*s", (int)r->s.n, r->s.p);
    else if (r->kind == REDIS_ARRAY)
        snprintf(answer, sizeof(answer), "%zu", r->n);
}

const char *harness_ask(int server, const char *command, ...)
{
    struct slice argv[32], rest, part;
    char text[4096];
    va_list ap;
    size_t n = 0;
    va_start(ap, command);
    vsnprintf(text, sizeof(text), command, ap);
    va_end(ap);
    rest = slice_str(text);
    while (n < 32 && slice_next(&rest, ' ', &part))
        argv[n++] = part;
    answered = 0;
    redis_send(h.redis[server], on_answer, NULL, n, argv);
    WAIT(answered);
    return answer;
}

long long harness_number(int server, const char *command)
{
    return atoll(harness_ask(server, "%s", command));
}

long long harness_memory(void)
{
    long long all = 0;
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(harness_ask(i, "INFO memory"), "used_memory:");
        all += at ? atoll(at + 12) : 0;
    }
    return all;
}

static bool file_holds(const char *path, const char *text)
{
    size_t n = strlen(text), had = 0;
    static char part[1 << 20];
    FILE *f = fopen(path, "rb");
    bool there = false;
    for (size_t got; f && !there && (got = fread(part + had, 1, sizeof(part) - had, f)) > 0;) {
        there = memmem(part, had + got, text, n) != NULL;
        size_t keep = had + got < n ? had + got : n - 1;
        memmove(part, part + had + got - keep, keep);
        had = keep;
    }
    if (f)
        fclose(f);
    return there;
}

static bool tree_holds(const char *path, const char *text)
{
    char name[512];
    DIR *d = opendir(path);
    struct dirent *f;
    bool there = false;
    if (!d)
        return file_holds(path, text);
    while (!there && (f = readdir(d))) {
        if (f->d_name[0] == '.' || strcmp(f->d_name, "s") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, f->d_name);
        there = tree_holds(name, text);
    }
    closedir(d);
    return there;
}

bool harness_files_hold(const char *text)
{
    return tree_holds(h.dir, text);
}

/* ---- nodes ---- */

static void on_state(void *arg, bool ready, const char *why)
{
    (void)why;
    *(bool *)arg = ready;
}

void harness_turn(unsigned ms)
{
    int64_t end = time_mono_us() + (int64_t)ms * 1000;
    while (time_mono_us() < end)
        loop_turn(h.loop, 5);
}

void harness_open(int node)
{
    struct err e = {0};
    char data[160], keys[160], dir[96];
    snprintf(data, sizeof(data), "unix:%s/data/s", h.dir);
    snprintf(keys, sizeof(keys), "unix:%s/keys/s", h.dir);
    snprintf(dir, sizeof(dir), "%s/node", h.dir);
    mkdir(dir, 0700);
    h.node[node] = store_open(&(struct store_config){.loop = h.loop,
                                                     .data_url = data,
                                                     .keys_url = keys,
                                                     .dir = dir,
                                                     .blob_low_water = 1,
                                                     .state = on_state,
                                                     .arg = &h.ready[node]},
                              &e);
    if (!h.node[node])
        TEST_FAIL("store_open: %s", e.text);
    WAIT(h.ready[node]);
}

void harness_close(int node)
{
    store_close(&h.node[node]);
    h.ready[node] = false;
}

int harness_strangers = -1;

struct store_op *harness_op(int node)
{
    WAIT(store_op_find(h.node[node], SLICE("demo")));
    struct store_op *op = store_op_find(h.node[node], SLICE("demo"));
    if (harness_strangers >= 0)
        op->strangers = (unsigned)harness_strangers;
    return op;
}

static int made;
static void on_made(void *arg, const struct err *e, struct store_op *op)
{
    (void)arg;
    made = e->code || !op ? -1 : 1;
}

static void empty(void)
{
    char name[128];
    for (int i = 0; i < 2; i++) {
        WAIT(redis_up(h.redis[i]));
        harness_ask(i, "FLUSHALL");
        harness_ask(i, "FUNCTION FLUSH");
        harness_ask(i, "CONFIG SET appendfsync always");
    }
    snprintf(name, sizeof(name), "%s/node", h.dir);
    remove_tree(name);
}

/* Whoever listens hears everything from here on. */
static void wait_reading(int node)
{
    struct store_op *op = harness_op(node);
    WAIT(events_of(op)->sure);
}

void harness_begin(int nodes)
{
    if (!h.dir[0]) {
        log_open(open("/dev/null", O_WRONLY), getenv("PARLEY_TEST_LOG") ? LOG_INFO : LOG_ERROR, NULL);
        if (getenv("PARLEY_TEST_LOG"))
            log_open(2, LOG_DEBUG, NULL);
        strcpy(h.dir, "/tmp/parley-store-XXXXXX");
        OK(mkdtemp(h.dir));
        h.loop = loop_new();
        atexit(stop_all);
        for (int i = 0; i < 2; i++) {
            harness_start(i);
            h.redis[i] = connection(i);
        }
    }
    for (int i = 0; i < NODES; i++) /* a test that failed */
        if (h.node[i])
            harness_close(i);
    for (int i = 0; i < 2; i++)
        if (h.pid[i] <= 0)
            harness_start(i);
    empty();
    if (!kept)
        kept = arena_new();
    for (int i = 0; i < nodes; i++)
        harness_open(i);
    if (nodes == 0)
        return;
    made = 0;
    store_op_make(h.node[0], "demo", on_made, NULL);
    WAIT(made);
    EQ_INT(made, 1);
    for (int i = 0; i < nodes; i++)
        wait_reading(i);
}

void harness_end(void)
{
    for (int i = 0; i < NODES; i++)
        if (h.node[i])
            harness_close(i);
    harness_turn(1);
    arena_free(&kept);
}

/* ---- shortcuts ---- */

static char *keep(struct slice s)
{
    return arena_dup(kept, s.p, s.n);
}

void got_done(void *arg, const struct err *e)
{
    struct got *g = arg;
    g->e = *e;
    g->calls++;
}

void got_text(void *arg, const struct err *e, struct slice text)
{
    struct got *g = arg;
    snprintf(g->text, sizeof(g->text), "%.*s", (int)text.n, text.p ? text.p : "");
    got_done(arg, e);
}

void got_in(void *arg, const struct err *e, const struct store_ingested *r)
{
    struct got *g = arg;
    g->in = *r;
    got_done(arg, e);
}

void got_out(void *arg, const struct err *e, const struct store_written *w)
{
    struct got *g = arg;
    g->out = *w;
    got_done(arg, e);
}

void got_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct got *g = arg;
    if (t) {
        g->thread = *t;
        const char **strings[] = {&g->thread.topic,    &g->thread.area,       &g->thread.channel,
                                  &g->thread.assignee, &g->thread.last_agent, &g->thread.team,
                                  &g->thread.tags,     &g->thread.outcome,    &g->thread.declined};
        for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
            *strings[i] = arena_strdup(kept, *strings[i]);
    }
    got_done(arg, e);
}

void got_entries(void *arg, const struct err *e, const struct store_entry *list, size_t n)
{
    struct got *g = arg;
    g->n = n;
    for (size_t i = 0; i < n && i < 200; i++) {
        struct store_entry *x = &g->entry[i];
        *x = list[i];
        x->channel = arena_strdup(kept, x->channel);
        x->author_id = arena_strdup(kept, x->author_id);
        struct slice *slices[] = {&x->text, &x->extra, &x->external_ids, &x->error};
        for (size_t k = 0; k < 4; k++)
            slices[k]->p = keep(*slices[k]);
    }
    got_done(arg, e);
}

void got_entry(void *arg, const struct err *e, const struct store_entry *en)
{
    got_entries(arg, e, en, en ? 1 : 0);
}

void got_contact(void *arg, const struct err *e, const struct store_contact *c)
{
    struct got *g = arg;
    if (c) {
        g->contact = *c;
        struct store_address *a = arena_alloc(kept, (c->addresses_n + 1) * sizeof(*a));
        for (size_t i = 0; i < c->addresses_n; i++) {
            a[i] = c->addresses[i];
            a[i].uri.p = keep(a[i].uri);
            a[i].channel = arena_strdup(kept, a[i].channel);
        }
        g->contact.addresses = a;
        g->contact.threads =
            (struct id *)(void *)arena_dup(kept, c->threads, c->threads_n * sizeof(struct id));
        g->contact.profile.p = keep(c->profile);
        g->contact.area = arena_strdup(kept, c->area);
    }
    got_done(arg, e);
}

struct store_inbound message_in(const char *id, const char *address, const char *text)
{
    return (struct store_inbound){.channel = "app",
                                  .provider_id = slice_str(id),
                                  .address = slice_str(address),
                                  .verified = true,
                                  .text = slice_str(text),
                                  .reopen_hours = 72};
}

struct got take_in(int node, const struct store_inbound *in)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_ingest(harness_op(node), in, NULL, got_in, &g);
    WAIT(g.calls);
    return g;
}

struct got write_out(int node, const struct store_outbound *out)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_write(harness_op(node), out, got_out, &g);
    WAIT(g.calls);
    return g;
}

struct store_outbound message_out(struct id thread, const char *text)
{
    return (struct store_outbound){
        .thread = thread, .author = STORE_AGENT, .author_id = "amal", .channel = "", .text = slice_str(text)};
}

struct store_entry *entries_of(int node, struct id thread, size_t *n)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_entries_get(harness_op(node), thread, 1, 500, got_entries, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    *n = g.n;
    return g.entry;
}

struct store_thread thread_of(int node, struct id thread)
{
    static struct got g;
    memset(&g, 0, sizeof(g));
    store_thread_get(harness_op(node), thread, got_thread, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    return g.thread;
}
