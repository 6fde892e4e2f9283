/* SPDX-License-Identifier: Apache-2.0
 * The testkit notices each kind of broken rule: one connector that keeps them all, and breaks one when it is
 * told to. */
#include "tests/unit/test.h"
#include "connectors/testkit/kit.h"
#include <pthread.h>

enum crime {
    NONE,
    STARTS_A_THREAD,
    VERIFIES_NOTHING,
    DELIVERS_IN_VERIFY,
    ANSWERS_FIRST,
    ANSWERS_TWICE,
    SAYS_STORED_ANYWAY,
    LOSES_A_REQUEST,
    ENDS_INSIDE,
    ENDS_TWICE,
    NEVER_ENDS,
    SENT_WITHOUT_ANSWER,
    NO_STOPPED,
    STOPPED_TWICE,
    FETCHES_AFTER_STOPPED,
    DROPS_THE_BATCH,
    LOSES_THE_BAD,
    LOGS_TEXT,
    TELLS_SECRETS,
    CRIMES
};
static enum crime crime;

struct connector_instance {
    const struct connector_host *h;
    void *inst;
    connector_request rq;
    connector_token t;
};
static connector_instance one_instance;

static const struct connector_setting table[] = {{"token", CONNECTOR_S_SECRET, true, NULL, NULL, "t"}, {0}};

static void *thread(void *arg)
{
    struct timespec t = {0, 300000000};
    nanosleep(&t, NULL);
    return arg;
}

static connector_instance *create(const struct connector_host *h, void *inst, struct connector_error *e)
{
    (void)e;
    one_instance = (connector_instance){.h = h, .inst = inst};
    return &one_instance;
}

static void start(connector_instance *c)
{
    pthread_t t;
    (void)c;
    if (crime == STARTS_A_THREAD && pthread_create(&t, NULL, thread, NULL) == 0)
        pthread_detach(t);
}

static void ignored(void *arg, const struct connector_fetched *r)
{
    (void)arg, (void)r;
}

static void fetch(connector_instance *c, void (*done)(void *arg, const struct connector_fetched *r),
                  void *arg)
{
    c->h->fetch(c->inst,
                &(struct connector_fetch){
                    .size = sizeof(struct connector_fetch), .method = "POST", .url = "https://x.example"},
                done, arg);
}

static void stop(connector_instance *c, uint32_t grace_ms)
{
    (void)grace_ms;
    if (crime == NO_STOPPED)
        return;
    c->h->stopped(c->inst);
    if (crime == STOPPED_TWICE)
        c->h->stopped(c->inst);
    if (crime == FETCHES_AFTER_STOPPED)
        fetch(c, ignored, NULL);
}

static void destroy(connector_instance *c)
{
    (void)c;
}

static void nothing(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    (void)arg, (void)err, (void)r, (void)n;
}

static struct connector_item item_of(struct connector_bytes line)
{
    if (line.n < 2 || line.p[0] == '!')
        return (struct connector_item){
            .size = sizeof(struct connector_item), .kind = CONNECTOR_BAD, .raw = line};
    return (struct connector_item){.size = sizeof(struct connector_item),
                                   .kind = CONNECTOR_MESSAGE,
                                   .id = {line.p, 1},
                                   .from = {"x:1", 3},
                                   .text = {line.p + 1, line.n - 1}};
}

static int verify(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                  struct connector_error *e)
{
    const char *token = c->h->setting(c->inst, "token");
    if (crime == VERIFIES_NOTHING)
        return CONNECTOR_OK;
    if (crime == DELIVERS_IN_VERIFY) {
        struct connector_item it = item_of(i->body);
        c->h->deliver(c->inst, &it, 1, nothing, NULL);
    }
    if (c->h->equal(c->h->header(rq, "x-token"), (struct connector_bytes){token, strlen(token)}))
        return CONNECTOR_OK;
    if (crime == TELLS_SECRETS)
        snprintf(e->text, sizeof(e->text), "not %s", token);
    return CONNECTOR_EAUTH;
}

static void ok(connector_instance *c, connector_request rq)
{
    c->h->reply(rq, 200, NULL, 0, (struct connector_bytes){0});
}

static void delivered(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    connector_instance *c = arg;
    (void)r, (void)n;
    if (crime == LOSES_A_REQUEST || crime == ANSWERS_FIRST)
        return;
    if (err && crime != SAYS_STORED_ANYWAY)
        c->h->problem(c->rq, 503, NULL);
    else
        ok(c, c->rq);
    if (crime == ANSWERS_TWICE)
        ok(c, c->rq);
}

static void request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    struct connector_item items[8];
    size_t n = 0;
    const char *p = i->body.p, *end = p + i->body.n;
    c->rq = rq;
    if (crime == ANSWERS_FIRST)
        ok(c, rq);
    if (crime == LOGS_TEXT)
        c->h->log(c->inst, i->body.p + 1, "n", 1);
    while (p < end && n < 8) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        items[n] = item_of((struct connector_bytes){p, (size_t)((nl ? nl : end) - p)});
        if (items[n].kind == CONNECTOR_BAD && crime == DROPS_THE_BATCH) {
            c->h->problem(rq, 400, NULL);
            return;
        }
        n += items[n].kind != CONNECTOR_BAD || crime != LOSES_THE_BAD;
        p = nl ? nl + 1 : end;
    }
    c->h->deliver(c->inst, items, n, delivered, c);
}

static void answered(void *arg, const struct connector_fetched *f)
{
    connector_instance *c = arg;
    struct connector_result r = {.size = sizeof(r)};
    r.outcome = !f->error       ? (f->status == 200 ? CONNECTOR_OUT_SENT : CONNECTOR_OUT_RETRY)
                : f->maybe_sent ? CONNECTOR_OUT_UNKNOWN
                                : CONNECTOR_OUT_RETRY;
    if (crime == SENT_WITHOUT_ANSWER)
        r.outcome = CONNECTOR_OUT_SENT;
    if (crime == NEVER_ENDS || f->error == CONNECTOR_ECANCELLED)
        return;
    c->h->sent(c->inst, c->t, &r);
    if (crime == ENDS_TWICE)
        c->h->sent(c->inst, c->t, &r);
}

static int send(connector_instance *c, const struct connector_message *m, connector_token t)
{
    struct connector_result r = {.size = sizeof(r), .outcome = CONNECTOR_OUT_SENT};
    (void)m;
    c->t = t;
    if (crime == ENDS_INSIDE)
        c->h->sent(c->inst, t, &r);
    else
        fetch(c, answered, c);
    return CONNECTOR_OK;
}

static const struct connector plugin = {
    .abi = CONNECTOR_ABI,
    .size = sizeof(struct connector),
    .name = "crime",
    .version = "1",
    .scheme = "x",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_SIGNS,
    .limits = {.size = sizeof(struct connector_limits), .text_max = 100},
    .settings = table,
    .doors = "hooks",
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .verify = verify,
    .request = request,
    .send = send,
};

static const char *const settings[] = {"token", "s3cret", NULL};
static const char *const headers[] = {"x-token", "s3cret", NULL};

static void one(struct kit *k, unsigned n, const char *text, struct kit_request *rq)
{
    static char body[200];
    (void)k;
    snprintf(body, sizeof(body), "%u%s", n, text);
    *rq = (struct kit_request){.headers = headers, .body = kit_bytes(body)};
}

static void batch(struct kit *k, struct kit_request *rq)
{
    (void)k;
    *rq = (struct kit_request){.headers = headers, .body = kit_bytes("aone\n!\nbtwo")};
}

static void provider(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    (void)arg, (void)f;
    a->body = "ok";
}

static bool keeps_the_rules(void)
{
    const struct kit_scenario s = {.settings = settings,
                                   .one = one,
                                   .proof_headers = (const char *const[]){"x-token", NULL},
                                   .batch = batch,
                                   .provider = provider,
                                   .to = "x:1"};
    return kit_rules(&plugin, &s);
}

T(a_good_connector_passes)
{
    crime = NONE;
    OK(keeps_the_rules());
}

T(each_broken_rule_is_noticed)
{
    for (crime = NONE + 1; crime < CRIMES; crime++) {
        if (keeps_the_rules())
            TEST_FAIL("crime %d went unnoticed", (int)crime);
    }
}

T(a_plugin_that_is_none)
{
    char why[200];
    struct connector broken = plugin;
    broken.abi = 2;
    OK(!kit_new(&broken, &(struct kit_options){.settings = settings}, why));
    broken = plugin;
    broken.destroy = NULL;
    OK(!kit_new(&broken, &(struct kit_options){.settings = settings}, why));
}

TEST_MAIN
