/* SPDX-License-Identifier: Apache-2.0
 * The example connector keeps the rules; this is the test that connectors/README.md shows. */
#include "tests/unit/test.h"
#include "connectors/testkit/kit.h"
#include "gateway/base/buf.h"

static const char *const settings[] = {"token", "s3cret-pager", NULL};
static const char *const headers[] = {"x-pager-token", "s3cret-pager", NULL};

static void one(struct kit *k, unsigned n, const char *text, struct kit_request *rq)
{
    static char body[200];
    (void)k;
    snprintf(body, sizeof(body), "m%u 5551 %s", n, text);
    *rq = (struct kit_request){.headers = headers, .body = kit_bytes(body)};
}

static void batch(struct kit *k, struct kit_request *rq)
{
    (void)k;
    *rq = (struct kit_request){.headers = headers, .body = kit_bytes("m1 5551 one\nwhat\nm2 5552 two\n")};
}

static void provider(void *arg, const struct kit_fetch *f, struct kit_fetched *a)
{
    (void)arg, (void)f;
    a->body = "page-77";
}

static const struct kit_scenario scenario = {.settings = settings,
                                             .one = one,
                                             .proof_headers = (const char *const[]){"x-pager-token", NULL},
                                             .batch = batch,
                                             .provider = provider,
                                             .to = "pager:5551"};

T(keeps_the_rules)
{
    OK(kit_rules(&connector_plugin, &scenario));
}

T(sends)
{
    char why[200];
    struct kit *k = kit_new(&connector_plugin, &(struct kit_options){.settings = settings}, why);
    OK(k);
    kit_provider(k, provider, NULL);
    struct connector_message m = kit_message("pager:5551", "hello");
    struct kit_sent *s = kit_send(k, &m);
    EQ_INT(s->r.outcome, CONNECTOR_OUT_SENT);
    OK(kit_is(s->r.external_ids[0], "page-77"));
    EQ_STR(kit_fetch(k, 0)->url, "https://pager.example/page");
    EQ_STR(kit_fetch(k, 0)->body, "5551 hello");
    OK(kit_end(&k));
}

T(needs_a_token)
{
    char why[200];
    OK(!kit_new(&connector_plugin, NULL, why));
    EQ_STR(why, "token is missing");
}

TEST_MAIN
