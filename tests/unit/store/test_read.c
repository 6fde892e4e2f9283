/* SPDX-License-Identifier: Apache-2.0
 * Reading: lists of threads with filters, rights, words and pages; a person's history; contacts; media;
 * quarantine; the wire log; a raised clearance; keys that are gone. */
#include "tests/unit/store/harness.h"
#include "gateway/base/mem.h"
#include <stdlib.h>
#include "store/agent.h"
#include "store/guard.h"

/* ---- finding ---- */

struct found {
    int calls, n;
    struct err e;
    struct id ids[400];
    int64_t next;
};

static void on_found(void *arg, const struct err *e, const struct store_thread *const *t, size_t n,
                     int64_t next_ms)
{
    struct found *f = arg;
    f->calls++;
    f->e = *e;
    f->n = (int)n;
    f->next = next_ms;
    for (size_t i = 0; i < n && i < 400; i++)
        f->ids[i] = t[i]->id;
}

static struct found *find(const struct store_thread_filter *f)
{
    static struct found g;
    memset(&g, 0, sizeof(g));
    store_threads_find(harness_op(0), f, on_found, &g);
    WAIT(g.calls);
    EQ_INT(g.e.code, 0);
    return &g;
}

struct plan {
    const char *topic, *tag, *area;
    struct slice words[3];
    size_t words_n;
};

static void as_planned(void *arg, const struct store_known *k, struct store_inbound *in)
{
    const struct plan *p = arg;
    (void)k;
    in->topic = p->topic;
    in->area = p->area;
    snprintf(in->language.tag, sizeof(in->language.tag), "%s", p->tag);
    in->language.how = STORE_GUESSED;
    in->words = p->words;
    in->words_n = p->words_n;
}

struct ctx { /* store_ingest has one arg for both callbacks */
    struct plan p;
    struct got g;
};

static void ctx_decide(void *arg, const struct store_known *k, struct store_inbound *in)
{
    as_planned(&((struct ctx *)arg)->p, k, in);
}

static void ctx_done(void *arg, const struct err *e, const struct store_ingested *r)
{
    got_in(&((struct ctx *)arg)->g, e, r);
}

static struct id put(const char *address, struct plan p)
{
    static struct ctx c;
    static int n;
    char id[64];
    memset(&c, 0, sizeof(c));
    c.p = p;
    snprintf(id, sizeof(id), "%s-%d", address, n++);
    struct store_inbound in = message_in(id, address, "x");
    store_ingest(harness_op(0), &in, ctx_decide, ctx_done, &c);
    WAIT(c.g.calls);
    EQ_INT(c.g.e.code, 0);
    harness_turn(2); /* so that no two have the same time */
    return c.g.in.thread;
}

static bool even(void *arg, const struct store_thread *t)
{
    (void)arg;
    return t->topic[0] == 'a';
}

T(filters)
{
    harness_begin(1);
    struct id a = put("tel:+1", (struct plan){"a", "ar", "tr/izmir", {SLICE("visa"), SLICE("home")}, 2});
    struct id b = put("tel:+2", (struct plan){"b", "fa", "tr", {SLICE("visa")}, 1});
    struct id c = put("tel:+3", (struct plan){"a", "ar", "gr", {SLICE("boat")}, 1});
    struct found *f = find(&(struct store_thread_filter){.limit = 10});
    EQ_INT(f->n, 3);
    EQ_STR(f->ids[0].s, c.s); /* newest first */
    EQ_INT(f->next, 0);
    EQ_INT(find(&(struct store_thread_filter){.language = "ar"})->n, 2);
    EQ_INT(find(&(struct store_thread_filter){.topic = "b"})->n, 1);
    EQ_INT(find(&(struct store_thread_filter){.area = "tr"})->n, 2);
    EQ_INT(find(&(struct store_thread_filter){.area = "tr/izmir"})->n, 1);
    EQ_INT(find(&(struct store_thread_filter){.area = "t"})->n, 0);
    EQ_INT(find(&(struct store_thread_filter){.channel = "app"})->n, 3);
    EQ_INT(find(&(struct store_thread_filter){.states = 1u << STORE_ASSIGNED})->n, 0);
    EQ_INT(find(&(struct store_thread_filter){.states = 1u << STORE_WAITING})->n, 3);
    EQ_INT(find(&(struct store_thread_filter){.visible = even})->n, 2);
    struct slice visa[] = {SLICE("visa")}, both[] = {SLICE("visa"), SLICE("home")}, none[] = {SLICE("car")};
    EQ_INT(find(&(struct store_thread_filter){.words = visa, .words_n = 1})->n, 2);
    f = find(&(struct store_thread_filter){.words = both, .words_n = 2});
    EQ_INT(f->n, 1);
    EQ_STR(f->ids[0].s, a.s);
    EQ_INT(find(&(struct store_thread_filter){.words = none, .words_n = 1})->n, 0);
    f = find(&(struct store_thread_filter){.oldest_waiting_first = true, .limit = 2});
    EQ_INT(f->n, 2);
    EQ_STR(f->ids[0].s, a.s);
    EQ_STR(f->ids[1].s, b.s);
    OK(f->next > 0);
    f = find(&(struct store_thread_filter){.oldest_waiting_first = true, .limit = 2, .before_ms = f->next});
    EQ_INT(f->n, 1);
    EQ_STR(f->ids[0].s, c.s);
    harness_end();
}

static int with_words(struct slice word)
{
    return find(&(struct store_thread_filter){.words = &word, .words_n = 1})->n;
}

/* A long thread is read in several goes; an entry that is encrypted anew keeps its words. */
T(words_of_long_threads)
{
    harness_begin(1);
    static char text[6000];
    static struct ctx c[100];
    memset(text, 'x', sizeof(text) - 1);
    struct id thread = put("tel:+1", (struct plan){"a", "ar", "tr", {SLICE("first")}, 1});
    put("tel:+2", (struct plan){"a", "ar", "tr", {SLICE("other")}, 1});
    for (int i = 0; i < 100; i++) {
        char id[24];
        memset(&c[i], 0, sizeof(c[i]));
        c[i].p = (struct plan){"a", "ar", "tr", {SLICE("some"), i == 99 ? SLICE("last") : SLICE("more")}, 2};
        snprintf(id, sizeof(id), "long-%d", i);
        struct store_inbound in = message_in(id, "tel:+1", text);
        store_ingest(harness_op(0), &in, ctx_decide, ctx_done, &c[i]);
    }
    for (int i = 0; i < 100; i++)
        WAIT(c[i].g.calls);
    struct slice ends[] = {SLICE("last"), SLICE("first")};
    struct found *f = find(&(struct store_thread_filter){.words = ends, .words_n = 2});
    EQ_INT(f->n, 1);
    EQ_STR(f->ids[0].s, thread.s);
    EQ_INT(with_words(SLICE("other")), 1);
    EQ_INT(with_words(SLICE("never")), 0);
    static struct got x;
    memset(&x, 0, sizeof(x));
    store_transfer(harness_op(0), thread, "amal", &(struct store_transfer){.topic = "b", .clearance = 1},
                   got_thread, &x);
    WAIT(x.calls);
    EQ_INT(x.e.code, 0);
    EQ_INT(with_words(SLICE("last")), 1);
    EQ_INT(with_words(SLICE("first")), 1);
    harness_end();
}

static void ignore(void *arg, const struct err *e, const struct store_ingested *r)
{
    (void)r;
    *(int *)arg += e->code ? 1000 : 1;
}

/* Pages hold every thread once, also when many were active in one millisecond. */
T(pages_have_each_thread_once)
{
    harness_begin(1);
    static char address[300][24];
    static struct id seen[400];
    int done = 0, n = 0;
    for (int i = 0; i < 300; i++) {
        snprintf(address[i], 24, "tel:+%d", i);
        struct store_inbound in = message_in(address[i], address[i], "x");
        store_ingest(harness_op(0), &in, NULL, ignore, &done);
    }
    WAIT(done == 300);
    for (int64_t before = 0; n < 400;) {
        struct found *f = find(&(struct store_thread_filter){.limit = 37, .before_ms = before});
        for (int i = 0; i < f->n; i++) {
            for (int k = 0; k < n; k++)
                OK(strcmp(seen[k].s, f->ids[i].s) != 0);
            seen[n++] = f->ids[i];
        }
        before = f->next;
        if (!before)
            break;
    }
    EQ_INT(n, 300);
    harness_end();
}

T(a_contacts_threads)
{
    harness_begin(1);
    struct id t = put("tel:+1", (struct plan){"a", "ar", "", {SLICE("")}, 0});
    put("tel:+2", (struct plan){"a", "ar", "", {SLICE("")}, 0});
    struct id contact = thread_of(0, t).contact;
    struct found *f = find(&(struct store_thread_filter){.contact = &contact});
    EQ_INT(f->n, 1);
    EQ_STR(f->ids[0].s, t.s);
    harness_end();
}

/* ---- history ---- */

static struct got *history(int node, const char *channel, const char *address, const char *after,
                           unsigned limit)
{
    static struct got x;
    memset(&x, 0, sizeof(x));
    store_history(harness_op(node), channel, slice_str(address), after, limit, got_entries, &x);
    WAIT(x.calls);
    return &x;
}

T(a_persons_own_history)
{
    harness_begin(2);
    static char ids[10][ID_LEN + 1];
    struct id thread = {{0}};
    int n = 0;
    for (int i = 0; i < 4; i++) {
        char id[16], text[16];
        snprintf(id, sizeof(id), "%d", i);
        snprintf(text, sizeof(text), "in %d", i);
        struct store_inbound in = message_in(id, "web:a", text);
        in.channel = i == 2 ? "other" : "app"; /* the same address elsewhere is not of this history */
        in.clearance = i == 3 ? 1 : 0;         /* sealed ones are */
        struct got r = take_in(0, &in);
        EQ_INT(r.e.code, 0);
        if (i == 0)
            thread = r.in.thread;
        if (i != 2)
            snprintf(ids[n++], sizeof(ids[0]), "%s", r.in.entry.s);
        struct store_outbound out = message_out(thread, "out");
        out.channel = "app";
        out.pull = true;
        if (i == 1) {
            snprintf(ids[n++], sizeof(ids[0]), "%s", write_out(0, &out).out.entry.s);
            out.kind = STORE_NOTE; /* notes are not */
            write_out(0, &out);
        }
    }
    struct got *x = history(1, "app", "web:a", "", 50);
    EQ_INT(x->e.code, 0);
    EQ_INT(x->n, n);
    for (int i = 0; i < n; i++)
        EQ_STR(x->entry[i].id.s, ids[i]);
    EQ_SLICE(x->entry[3].text, "in 3");
    x = history(0, "app", "web:a", "", 2);
    EQ_INT(x->n, 2);
    EQ_STR(x->entry[0].id.s, ids[2]);
    for (int i = 0; i < n; i++) {
        x = history(0, "app", "web:a", ids[i], 50);
        EQ_INT(x->n, n - 1 - i);
        if (i + 1 < n)
            EQ_STR(x->entry[0].id.s, ids[i + 1]);
    }
    EQ_INT(history(0, "app", "web:a", ids[0], 1)->n, 1);
    EQ_INT(history(0, "app", "web:nobody", "", 50)->e.code, ERR_NOT_FOUND);
    EQ_INT(history(0, "app", "web:a", "nonsense", 50)->e.code, ERR_INVALID);
    struct store_inbound in = message_in("z", "web:b", "another's");
    struct got other = take_in(0, &in);
    EQ_INT(history(0, "app", "web:a", other.in.entry.s, 50)->e.code, ERR_INVALID);
    harness_end();
}

/* ---- contacts ---- */

static struct got *patch(struct id contact, const char *json, const struct store_language *l)
{
    static struct got x;
    memset(&x, 0, sizeof(x));
    store_contact_patch(harness_op(0), contact, 0, slice_str(json), l, "amal", got_done, &x);
    WAIT(x.calls);
    return &x;
}

T(profiles_are_merged)
{
    harness_begin(1);
    static struct got x, y[10];
    struct store_inbound in = message_in("1", "tel:+1", "x");
    struct id contact = take_in(0, &in).in.contact;
    EQ_INT(patch(contact, "{\"name\":\"A\",\"notes\":\"n\"}", NULL)->e.code, 0);
    EQ_INT(patch(contact, "{\"notes\":null,\"fields\":{\"k\":1}}", NULL)->e.code, 0);
    EQ_INT(patch(contact, "[1]", NULL)->e.code, ERR_INVALID);
    EQ_INT(patch(id_new(), "{}", NULL)->e.code, ERR_NOT_FOUND);
    struct store_language l = {.tag = "fa", .how = STORE_SET};
    EQ_INT(patch(contact, "", &l)->e.code, 0);
    memset(y, 0, sizeof(y));
    for (int i = 0; i < 8; i++) { /* at once: none is lost */
        char json[40];
        snprintf(json, sizeof(json), "{\"f%d\":%d}", i, i);
        store_contact_patch(harness_op(0), contact, 0, slice_str(json), NULL, "amal", got_done, &y[i]);
    }
    for (int i = 0; i < 8; i++)
        WAIT(y[i].calls);
    memset(&x, 0, sizeof(x));
    store_contact_get(harness_op(0), contact, got_contact, &x);
    WAIT(x.calls);
    EQ_STR(x.contact.language.tag, "fa");
    EQ_INT(x.contact.language.how, STORE_SET);
    for (int i = 0; i < 8; i++) {
        char json[40];
        EQ_INT(y[i].e.code, 0);
        snprintf(json, sizeof(json), "\"f%d\":%d", i, i);
        OK(memmem(x.contact.profile.p, x.contact.profile.n, json, strlen(json)));
    }
    OK(memmem(x.contact.profile.p, x.contact.profile.n, "\"name\":\"A\"", 10));
    OK(!memmem(x.contact.profile.p, x.contact.profile.n, "notes", 5));
    harness_end();
}

/* ---- media, quarantine, wire log ---- */

static struct {
    int calls, code, tries;
    char item[64], job[64], channel[20];
    struct id thread, entry;
    uint64_t seq;
} job;

static void on_job(void *arg, const struct err *e, const struct store_media_job *j)
{
    (void)arg;
    job.calls++;
    job.code = e->code;
    if (!j)
        return;
    snprintf(job.item, sizeof(job.item), "%s", j->item);
    snprintf(job.job, sizeof(job.job), "%.*s", (int)j->job.n, j->job.p);
    snprintf(job.channel, sizeof(job.channel), "%s", j->channel);
    job.thread = j->thread;
    job.entry = j->entry;
    job.seq = j->seq;
    job.tries = (int)j->tries;
}

static int next_job(void)
{
    memset(&job, 0, sizeof(job));
    store_media_next(harness_op(0), on_job, NULL);
    WAIT(job.calls);
    return job.code;
}

T(media_are_fetched_later)
{
    harness_begin(1);
    static struct got x;
    struct store_media media[2] = {{"{\"url\":\"u0\"}"}, {"{\"url\":\"u1\"}"}};
    struct store_inbound in = message_in("1", "tel:+1", "see");
    in.extra = SLICE("{\"attachments\":[{\"state\":\"fetching\"},{\"state\":\"fetching\"}],\"more\":1}");
    in.media = media;
    in.media_n = 2;
    in.clearance = 1;
    struct got a = take_in(0, &in);
    EQ_INT(next_job(), 0);
    EQ_STR(job.job, "{\"url\":\"u0\"}");
    EQ_STR(job.channel, "app");
    EQ_STR(job.entry.s, a.in.entry.s);
    EQ_INT(job.tries, 0);
    char first[64];
    strcpy(first, job.item);
    EQ_INT(next_job(), 0);
    EQ_STR(job.job, "{\"url\":\"u1\"}");
    EQ_INT(next_job(), ERR_NOT_FOUND);
    memset(&x, 0, sizeof(x));
    store_media_done(harness_op(0), first, a.in.thread, 1, 0, SLICE("{\"id\":\"B0\",\"state\":\"stored\"}"),
                     0, got_done, &x);
    WAIT(x.calls);
    EQ_INT(x.e.code, 0);
    size_t n;
    struct store_entry *e = entries_of(0, a.in.thread, &n);
    EQ_SLICE(e[0].extra,
             "{\"attachments\":[{\"id\":\"B0\",\"state\":\"stored\"},{\"state\":\"fetching\"}],\"more\":1}");
    EQ_SLICE(e[0].text, "see");
    memset(&x, 0, sizeof(x));
    char second[64];
    snprintf(second, sizeof(second), "%.*s01", (int)strlen(first) - 2, first);
    store_media_done(harness_op(0), second, a.in.thread, 1, 1, SLICE(""), 1, got_done, &x);
    WAIT(x.calls);
    EQ_INT(next_job(), 0);
    EQ_INT(job.tries, 1);
    memset(&x, 0, sizeof(x));
    store_media_done(harness_op(0), job.item, a.in.thread, 1, 1, SLICE("{\"state\":\"failed\"}"), 0, got_done,
                     &x);
    WAIT(x.calls);
    EQ_INT(next_job(), ERR_NOT_FOUND);
    EQ_INT(harness_number(DATA, "EXISTS p:{demo}:media p:{demo}:mediaj"), 0);
    harness_end();
}

static struct {
    int calls;
    size_t n;
    char first[400];
} quarantined;

static void on_quarantine(void *arg, const struct err *e, const char *const *json, size_t n)
{
    (void)arg;
    (void)e;
    quarantined.calls++;
    quarantined.n = n;
    snprintf(quarantined.first, sizeof(quarantined.first), "%s", n ? json[0] : "");
}

T(quarantine_and_wire_log)
{
    harness_begin(2);
    static struct got x;
    memset(&x, 0, sizeof(x));
    store_quarantine_add(harness_op(0), "app", SLICE("{\"bad canary-raw"), "malformed", got_done, &x);
    WAIT(x.calls);
    store_quarantine_list(harness_op(1), "", 10, on_quarantine, NULL);
    WAIT(quarantined.calls);
    EQ_INT(quarantined.n, 1);
    OK(strstr(quarantined.first, "\"raw\":\"{\\\"bad canary-raw\"") &&
       strstr(quarantined.first, "\"why\":\"malformed\""));
    struct store_inbound in = message_in("1", "tel:+1", "x");
    struct got a = take_in(0, &in);
    for (int i = 0; i < 2; i++) {
        memset(&x, 0, sizeof(x));
        store_wire_log_add(harness_op(i), a.in.thread, 1,
                           i ? SLICE("{\"b\":\"canary-wire\"}") : SLICE("{\"a\":1}"), got_done, &x);
        WAIT(x.calls);
        EQ_INT(x.e.code, 0);
    }
    memset(&x, 0, sizeof(x));
    store_wire_log_get(harness_op(0), a.in.thread, 1, got_text, &x);
    WAIT(x.calls);
    EQ_STR(x.text, "[{\"a\":1},{\"b\":\"canary-wire\"}]");
    in = message_in("2", "tel:+2", "x");
    in.clearance = 2;
    a = take_in(0, &in);
    memset(&x, 0, sizeof(x));
    store_wire_log_add(harness_op(0), a.in.thread, 1, SLICE("{}"), got_done, &x);
    WAIT(x.calls);
    memset(&x, 0, sizeof(x));
    store_wire_log_get(harness_op(0), a.in.thread, 1, got_text, &x);
    WAIT(x.calls);
    EQ_STR(x.text, "[]"); /* of what is sensitive nothing is kept */
    OK(!harness_files_hold("canary-raw") && !harness_files_hold("canary-wire"));
    harness_end();
}

/* As an older program wrote it: sets in a list of their thread. */
static void back_to_schema_1(struct id thread)
{
    static const char script[] =
        "local~t=ARGV[1]:gsub('..',function(x)~return~string.char(tonumber(x,16))~end)~"
        "local~v=redis.call('HGET','p:{demo}:log:'..t,'1')~local~n=struct.unpack('>I2',v,#v-1)~"
        "redis.call('RPUSH','p:{demo}:words:'..t,v:sub(#v-1-n,#v-2))~"
        "redis.call('HSET','p:{demo}:log:'..t,'1','\\1'..v:sub(2,#v-2-n))~"
        "redis.call('SET','p:{_}:schema','1')~return~#v";
    char line[700], hex[17], raw[STORE_HANDLE];
    uint64_t handle;
    snprintf(line, sizeof(line), "%s", script);
    for (char *p = line; *p; p++)
        if (*p == '~')
            *p = '\t';
    OK(store_thread_handle(harness_op(0), thread, &handle));
    store_handle_put(raw, handle);
    text_hex(hex, (const unsigned char *)raw, STORE_HANDLE);
    OK(atoi(harness_ask(DATA, "EVAL %s 0 %s", line, hex)) > 0);
}

T(an_older_layout_is_brought_up)
{
    harness_begin(1);
    struct id a = put("tel:+1", (struct plan){"a", "ar", "tr", {SLICE("visa"), SLICE("home")}, 2});
    put("tel:+2", (struct plan){"a", "ar", "tr", {SLICE("boat")}, 1});
    back_to_schema_1(a);
    EQ_INT(with_words(SLICE("visa")), 0);
    EQ_INT(with_words(SLICE("boat")), 1);
    harness_close(0);
    harness_open(0);
    EQ_INT(harness_number(DATA, "GET p:{_}:schema"), STORE_SCHEMA);
    struct found *f = find(
        &(struct store_thread_filter){.words = (struct slice[]){SLICE("visa"), SLICE("home")}, .words_n = 2});
    EQ_INT(f->n, 1);
    EQ_STR(f->ids[0].s, a.s);
    EQ_INT(with_words(SLICE("boat")), 1);
    static struct got x;
    memset(&x, 0, sizeof(x));
    store_entries_get(harness_op(0), a, 1, 1, got_entries, &x);
    WAIT(x.calls);
    EQ_SLICE(x.entry[0].text, "x");
    harness_end();
}

static struct got wrote;

static void writes(struct id contact, int clearance, const char *json)
{
    memset(&wrote, 0, sizeof(wrote));
    store_contact_patch(harness_op(0), contact, clearance, slice_str(json), NULL, "amal", got_done, &wrote);
    WAIT(wrote.calls);
    EQ_INT(wrote.e.code, 0);
}

struct seen {
    int calls, clearance;
    char text[300];
};

static void on_seen(void *arg, const struct err *e, const struct store_contact *c)
{
    struct seen *s = arg;
    struct arena *a = arena_new();
    struct slice p = store_contact_profile(c, s->clearance, a);
    EQ_INT(e->code, 0);
    snprintf(s->text, sizeof(s->text), "%.*s", (int)p.n, p.n ? p.p : "");
    arena_free(&a);
    s->calls++;
}

static const char *sees(struct id contact, int clearance)
{
    static struct seen s;
    s = (struct seen){.clearance = clearance};
    store_contact_get(harness_op(1), contact, on_seen, &s);
    WAIT(s.calls);
    return s.text;
}

T(a_profile_has_a_layer_for_each_clearance)
{
    harness_begin(2);
    struct store_inbound in = message_in("1", "tel:+1", "hello");
    struct id c = take_in(0, &in).in.contact;
    writes(c, 0, "{\"fields\":{\"tent\":\"4\",\"size\":\"5\"},\"name\":\"A\",\"notes\":\"open\"}");
    const char *open = "{\"fields\":{\"tent\":\"4\",\"size\":\"5\"},\"name\":\"A\",\"notes\":\"open\"}";
    EQ_STR(sees(c, 2), open);
    writes(c, 2, "{\"fields\":{\"tent\":\"4\",\"abuser\":\"B\"},\"notes\":\"sealed\"}");
    EQ_STR(sees(c, 0), open);
    EQ_STR(sees(c, 1), open);
    EQ_STR(sees(c, 2), "{\"fields\":{\"tent\":\"4\",\"abuser\":\"B\"},\"name\":\"A\",\"notes\":\"sealed\"}");
    writes(
        c, 0,
        "{\"fields\":{\"tent\":\"7\"},\"name\":\"C\"}"); /* goes through where nothing was written over it */
    EQ_STR(sees(c, 2), "{\"fields\":{\"tent\":\"7\",\"abuser\":\"B\"},\"name\":\"C\",\"notes\":\"sealed\"}");
    writes(c, 1, "{\"name\":null}");
    EQ_STR(sees(c, 0), "{\"fields\":{\"tent\":\"7\"},\"name\":\"C\",\"notes\":\"open\"}");
    EQ_STR(sees(c, 1), "{\"fields\":{\"tent\":\"7\"},\"notes\":\"open\"}");
    writes(c, 1, "{\"name\":\"C\"}"); /* as below: nothing is kept */
    EQ_STR(sees(c, 1), "{\"fields\":{\"tent\":\"7\"},\"name\":\"C\",\"notes\":\"open\"}");
    OK(!harness_files_hold("abuser"));
    harness_end();
}

static void raised(struct id thread, int clearance)
{
    static struct got x;
    memset(&x, 0, sizeof(x));
    struct store_transfer t = {.clearance = clearance};
    store_transfer(harness_op(0), thread, "amal", &t, got_thread, &x);
    WAIT(x.calls);
    EQ_INT(x.e.code, 0);
}

T(what_was_written_about_a_matter_is_raised_with_it)
{
    harness_begin(2);
    struct store_inbound in = message_in("1", "tel:+1", "hello");
    in.name = SLICE("Provided");
    struct got first = take_in(0, &in);
    struct id c = first.in.contact;
    writes(c, 0, "{\"fields\":{\"tent\":\"4\",\"size\":\"5\"},\"notes\":\"before\"}");
    static struct got x;
    memset(&x, 0, sizeof(x));
    store_resolve_for(harness_op(0), first.in.thread, "amal", "answered", "answered_in_person", got_thread,
                      &x);
    WAIT(x.calls);
    harness_turn(5);
    in = message_in("2", "tel:+1", "about something else");
    in.name = SLICE("Provided");
    in.reopen_hours = 0;
    struct got second = take_in(0, &in);
    OK(strcmp(second.in.thread.s, first.in.thread.s) != 0);
    harness_turn(5);
    writes(c, 0, "{\"fields\":{\"tent\":\"4\",\"size\":\"6\",\"abuser\":\"B\"}}");
    writes(c, 2, "{\"notes\":\"sealed\"}");
    raised(second.in.thread, 1);
    EQ_STR(sees(c, 0), "{\"name\":\"Provided\",\"fields\":{\"tent\":\"4\"},\"notes\":\"before\"}");
    const char *one = "{\"name\":\"Provided\",\"fields\":{\"tent\":\"4\",\"size\":\"6\",\"abuser\":\"B\"},"
                      "\"notes\":\"before\"}";
    EQ_STR(sees(c, 1), one);
    writes(c, 1, "{\"name\":\"Real\",\"notes\":\"she said\"}");
    raised(second.in.thread, 2);
    EQ_STR(sees(c, 1), "{\"name\":\"Provided\",\"fields\":{\"tent\":\"4\"},\"notes\":\"before\"}");
    EQ_STR(sees(c, 2), "{\"name\":\"Real\",\"fields\":{\"tent\":\"4\",\"size\":\"6\",\"abuser\":\"B\"},"
                       "\"notes\":\"sealed\\nshe said\"}");
    uint64_t handle;
    OK(store_thread_handle(harness_op(0), second.in.thread, &handle));
    memset(&x, 0, sizeof(x)); /* once more: nothing is left to move */
    store_reseal(harness_op(1), handle, got_done, &x);
    WAIT(x.calls);
    EQ_INT(x.e.code, 0);
    OK(!strstr(sees(c, 1), "Real") && strstr(sees(c, 2), "sealed\\nshe said"));
    OK(!harness_files_hold("abuser"));
    harness_end();
}

T(a_name_that_an_agent_gave_is_raised)
{
    harness_begin(2);
    struct store_inbound in = message_in("1", "tel:+1", "hello");
    in.name = SLICE("Provided");
    struct got a = take_in(0, &in);
    writes(a.in.contact, 0, "{\"name\":\"Real\"}");
    raised(a.in.thread, 2);
    EQ_STR(sees(a.in.contact, 1), "");
    EQ_STR(sees(a.in.contact, 2), "{\"name\":\"Real\"}");
    harness_end();
}

/* ---- clearance and keys ---- */

T(a_raised_clearance_encrypts_anew)
{
    harness_begin(2);
    static struct got x;
    char id[24];
    struct got a = {0};
    for (int i = 0; i < 120; i++) {
        snprintf(id, sizeof(id), "%d", i);
        struct store_inbound in = message_in(id, "tel:+1", id);
        a = take_in(0, &in);
    }
    struct store_outbound out = message_out(a.in.thread, "an answer");
    write_out(0, &out);
    uint64_t handle;
    char key[24] = "p:{demo}:thread:";
    OK(store_thread_handle(harness_op(0), a.in.thread, &handle));
    store_handle_put(key + 16, handle);
    redis_send(h.redis[DATA], NULL, NULL, 4,
               (const struct slice[]){SLICE("HSET"), slice_of(key, 24), SLICE("cl"), SLICE("2")});
    harness_ask(DATA, "PING");
    memset(&x, 0, sizeof(x));
    store_reseal(harness_op(1), handle, got_done, &x);
    WAIT(x.calls);
    EQ_INT(x.e.code, 0);
    memset(&x, 0, sizeof(x));
    store_entries_get(harness_op(0), a.in.thread, 1, 200, got_entries, &x);
    WAIT(x.calls);
    EQ_INT(x.n, 121);
    for (int i = 0; i < 121; i++) {
        EQ_INT(x.entry[i].clearance, 2);
        snprintf(id, sizeof(id), "%d", i);
        EQ_SLICE(x.entry[i].text, i == 120 ? "an answer" : id);
    }
    harness_end();
}

T(without_its_key_nothing_is_read)
{
    harness_begin(2);
    static struct got x;
    struct store_inbound in = message_in("1", "tel:+1", "canary-text");
    in.name = SLICE("canary-name");
    struct got a = take_in(0, &in);
    harness_ask(KEYS, "DEL p:{demo}:k:2"); /* the first batch begins at 256 */
    memset(&x, 0, sizeof(x));
    store_entries_get(harness_op(1), a.in.thread, 1, 10, got_entries, &x); /* that node never saw the key */
    WAIT(x.calls);
    EQ_INT(x.e.code, 0);
    EQ_INT(x.n, 1);
    OK(x.entry[0].erased && x.entry[0].text.n == 0);
    memset(&x, 0, sizeof(x));
    store_contact_get(harness_op(1), a.in.contact, got_contact, &x);
    WAIT(x.calls);
    OK(x.contact.erased && x.contact.profile.n == 0);
    OK(!harness_files_hold("canary"));
    harness_end();
}

TEST_MAIN
