/* SPDX-License-Identifier: Apache-2.0
 * Records on real servers: compare-and-set, order, groups, what is refused, what erasing leaves, what stands
 * in clear, and that a backup brings them back with their indexes. */
#include "store/admin.h"
#include "store/record.h"
#include "tests/unit/store/harness.h"

static struct got g;
static uint64_t version;
static char json[600], facets[600], ids[2000];
static size_t n_read;
static bool more;
static uint64_t event_seq;
static char event_text[200];

static void on_put(void *arg, const struct err *e, uint64_t v)
{
    version = v;
    got_done(arg, e);
}

static void on_one(void *arg, const struct err *e, const struct store_record *r)
{
    json[0] = facets[0] = '\0';
    if (r) {
        snprintf(json, sizeof json, "%.*s", (int)r->json.n, r->json.n ? r->json.p : "");
        snprintf(facets, sizeof facets, "%s", r->facets);
        version = r->version;
    }
    got_done(arg, e);
}

static void on_all(void *arg, const struct err *e, const struct store_record *r, size_t n)
{
    size_t used = 0;
    ids[0] = '\0';
    n_read = n;
    for (size_t i = 0; i < n && used < sizeof ids - 100; i++)
        used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%s:%s=%.*s", i ? " " : "", r[i].kind,
                                 r[i].id, (int)r[i].json.n, r[i].json.n ? r[i].json.p : "");
    got_done(arg, e);
}

static void on_list(void *arg, const struct err *e, const struct store_record *r, size_t n, bool m)
{
    more = m;
    on_all(arg, e, r, n);
}

static struct record_put own(const char *id, const char *text, uint64_t expect)
{
    return (struct record_put){
        .r = {.kind = "article", .id = id, .json = slice_str(text), .facets = "state=draft"},
        .expect = expect,
        .actor = "amal",
        .action = "article.put"};
}

static int put(struct record_put p)
{
    DONE(store_record_put(harness_op(0), &p, on_put, &g));
    return g.e.code;
}

static int get(const char *kind, const char *id)
{
    DONE(store_record_get(harness_op(0), kind, id, on_one, &g));
    return g.e.code;
}

static struct id contact_new(const char *name)
{
    struct store_inbound in = message_in(name, name, "hello");
    return take_in(0, &in).in.contact;
}

static void on_event(void *arg, const struct store_event *ev)
{
    (void)arg;
    if (!ev || ev->kind != STORE_EV_RECORD)
        return;
    event_seq = ev->seq;
    snprintf(event_text, sizeof event_text, "%s %s/%s %s %s", ev->why, ev->record.kind, ev->record.id,
             ev->record.facets, ev->actor);
}

static void on_erased(void *arg, const struct err *e, int64_t expires)
{
    (void)expires;
    got_done(arg, e);
}

T(compare_and_set)
{
    harness_begin(1);
    EQ_INT(put(own("a", "{\"x\":1}", 0)), 0);
    EQ_INT(version, 1);
    EQ_INT(put(own("a", "{\"x\":2}", 0)), ERR_CONFLICT);
    EQ_INT(version, 1);
    EQ_INT(put(own("a", "{\"x\":2}", 1)), 0);
    EQ_INT(put(own("a", "{\"x\":3}", 1)), ERR_CONFLICT);
    EQ_INT(version, 2);
    EQ_INT(put(own("a", "{\"x\":4}", RECORD_ANY)), 0);
    EQ_INT(version, 3);
    EQ_INT(get("article", "a"), 0);
    EQ_STR(json, "{\"x\":4}");
    EQ_STR(facets, "state=draft");
    EQ_INT(get("article", "b"), ERR_NOT_FOUND);
    DONE(store_record_delete(harness_op(0), "article", "a", 2, "amal", "article.delete", got_done, &g));
    EQ_INT(g.e.code, ERR_CONFLICT);
    DONE(store_record_delete(harness_op(0), "article", "a", 3, "amal", "article.delete", got_done, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(get("article", "a"), ERR_NOT_FOUND);
    DONE(store_record_delete(harness_op(0), "article", "a", RECORD_ANY, "amal", NULL, got_done, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(harness_number(DATA, "ZCARD p:{demo}:recz:article"), 0);
    harness_end();
}

T(bad_ones_are_refused)
{
    harness_begin(1);
    struct record_put p = own("a", "{}", 0);
    p.r.kind = "nothing";
    EQ_INT(put(p), ERR_INVALID);
    EQ_INT(put(own("", "{}", 0)), ERR_INVALID);
    EQ_INT(put(own("a b", "{}", 0)), ERR_INVALID);
    EQ_INT(put(own("0123456789012345678901234567890123456789012345678901234567890123x", "{}", 0)),
           ERR_INVALID);
    p = own("a", "{}", 0);
    p.r.facets = "name=\xd8\xa3";
    EQ_INT(put(p), ERR_INVALID);
    p = own("a", "{}", 0);
    p.r.clearance = 3;
    EQ_INT(put(p), ERR_INVALID);
    p = own("a", "{}", 0);
    snprintf(p.r.contact.s, sizeof p.r.contact.s, "nobody");
    EQ_INT(put(p), ERR_INVALID);
    EQ_INT(harness_number(DATA, "EXISTS p:{demo}:rec:article:a"), 0);
    harness_end();
}

T(lists_by_score_and_group)
{
    harness_begin(1);
    static const char *const names[] = {"c", "a", "b"};
    for (int i = 0; i < 3; i++) {
        struct record_put p = own(names[i], names[i], 0);
        p.r.score = 100 - 10 * i;
        p.r.group = i == 1 ? "tr" : "sy";
        EQ_INT(put(p), 0);
    }
    struct record_list q = {.kind = "article", .limit = 2};
    DONE(store_record_list(harness_op(0), &q, on_list, &g));
    EQ_STR(ids, "article:b=b article:a=a");
    OK(more);
    q.offset = 2;
    DONE(store_record_list(harness_op(0), &q, on_list, &g));
    EQ_STR(ids, "article:c=c");
    OK(!more);
    q = (struct record_list){.kind = "article", .group = "sy", .newest_first = true};
    DONE(store_record_list(harness_op(0), &q, on_list, &g));
    EQ_STR(ids, "article:c=c article:b=b");
    q = (struct record_list){.kind = "article", .from = 90, .to = 95};
    DONE(store_record_list(harness_op(0), &q, on_list, &g));
    EQ_STR(ids, "article:a=a");
    struct record_put p = own("b", "moved", 1);
    p.r.group = "tr";
    p.r.score = 200;
    EQ_INT(put(p), 0);
    q = (struct record_list){.kind = "article", .group = "tr"};
    DONE(store_record_list(harness_op(0), &q, on_list, &g));
    EQ_STR(ids, "article:a=a article:b=moved");
    harness_end();
}

T(a_contacts_records_are_erased_with_the_contact)
{
    harness_begin(2);
    struct id c = contact_new("tel:+1");
    struct record_put p = {.r = {.kind = "callback",
                                 .id = "m1",
                                 .json = SLICE("{\"words\":\"CANARY-matter\"}"),
                                 .contact = c,
                                 .clearance = 2,
                                 .group = "t1",
                                 .facets = "state=open area=tr/izmir"},
                           .actor = "amal"};
    store_listen(harness_op(1), on_event, NULL);
    EQ_INT(put(p), 0);
    for (int i = 0; i < 200 && event_seq == 0; i++)
        harness_turn(20);
    EQ_INT(event_seq, 1);
    EQ_STR(event_text, "put callback/m1 state=open area=tr/izmir amal");
    DONE(store_records_of(harness_op(1), c, on_all, &g));
    EQ_STR(ids, "callback:m1={\"words\":\"CANARY-matter\"}");
    OK(!harness_files_hold("CANARY-matter"));
    DONE(store_erase(harness_op(0), c, "root", on_erased, &g));
    EQ_INT(g.e.code, 0);
    EQ_INT(get("callback", "m1"), 0);
    EQ_STR(json, "");
    EQ_STR(facets, "state=open area=tr/izmir");
    p.expect = RECORD_ANY;
    EQ_INT(put(p), ERR_ERASED);
    harness_end();
}

/* What stands in Redis cannot be moved to another id or a lower clearance. */
T(bound_to_where_it_stands)
{
    harness_begin(1);
    EQ_INT(put(own("one", "{\"x\":1}", 0)), 0);
    harness_ask(DATA, "COPY p:{demo}:rec:article:one p:{demo}:rec:article:two");
    EQ_INT(get("article", "one"), 0);
    EQ_INT(get("article", "two"), ERR_CORRUPT);
    harness_ask(DATA, "COPY p:{demo}:rec:article:one p:{demo}:rec:alert:one");
    EQ_INT(get("alert", "one"), ERR_CORRUPT);
    harness_end();
}

T(facets_are_read)
{
    EQ_SLICE(record_facet("state=open area=tr/izmir", "area"), "tr/izmir");
    EQ_SLICE(record_facet("state=open area=tr/izmir", "state"), "open");
    EQ_SLICE(record_facet("substate=open", "state"), "");
    EQ_SLICE(record_facet("", "state"), "");
}

TEST_MAIN
