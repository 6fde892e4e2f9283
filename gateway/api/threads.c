/* SPDX-License-Identifier: Apache-2.0
 * REST on threads and their entries. */
#include "gateway/api/api_internal.h"
#include "gateway/api/reads.h"
#include "router/fold.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 16

/* ---- GET threads ---- */

struct find_job {
    struct call *c;
    struct arena *arena;
    struct slice words[WORDS_MAX];
    size_t words_n;
    char next[TIME_TEXT];
};

static bool visible(void *arg, const struct store_thread *t)
{
    const struct call *c = arg;
    return rights_now(c->op, &c->caller.who, t, false) & RIGHT_SEE;
}

static void on_found_json(void *arg, const struct err *e, struct slice items)
{
    struct find_job *j = arg;
    if (e->code)
        call_err(j->c, e);
    else {
        struct buf b;
        call_list(&b);
        buf_slice(&b, items);
        call_list_end(j->c, &b, j->next);
    }
    arena_free(&j->arena);
    mem_free(j);
}

static void on_found(void *arg, const struct err *e, const struct store_thread *const *t, size_t n,
                     int64_t next_ms)
{
    struct find_job *j = arg;
    if (e->code) {
        on_found_json(j, e, (struct slice){0, 0});
        return;
    }
    if (next_ms)
        time_text(next_ms, j->next);
    card_list(j->c->op, &j->c->caller.who, t, n, on_found_json, j);
}

static void on_query_word(void *arg, struct slice word)
{
    struct find_job *j = arg;
    if (j->words_n < WORDS_MAX)
        j->words[j->words_n++] = arena_slice(j->arena, word);
}

static bool state_bits(struct slice list, unsigned *bits)
{
    struct slice one;
    while (slice_next(&list, ',', &one)) {
        unsigned i = 0;
        while (i <= STORE_RESOLVED && !slice_is(one, store_state_names[i]))
            i++;
        if (i > STORE_RESOLVED)
            return false;
        *bits |= 1u << i;
    }
    return true;
}

static const char *query_text(struct find_job *j, const char *key)
{
    struct buf b;
    buf_init(&b, 1024);
    const char *s = call_query(j->c, key, &b) && b.n ? arena_dup(j->arena, b.p, b.n) : NULL;
    buf_clear(&b);
    return s;
}

static void find_bad(struct find_job *j, const char *why)
{
    call_problem(j->c, 400, why);
    arena_free(&j->arena);
    mem_free(j);
}

static void threads_find(struct call *c)
{
    unsigned limit = call_limit(c);
    if (!limit)
        return;
    struct find_job *j = mem_alloc(sizeof *j);
    j->c = c;
    j->arena = arena_new();
    const char *state = query_text(j, "state"), *contact = query_text(j, "contact"),
               *before = query_text(j, "before");
    const char *q = query_text(j, "q"), *sort = query_text(j, "sort"), *assignee = query_text(j, "assignee");
    struct id contact_id = {{0}};
    struct store_thread_filter f = {.limit = limit, .visible = visible, .visible_arg = c};
    if (state && !state_bits(slice_str(state), &f.states)) {
        find_bad(j, "state: bot, waiting, offered, assigned, snoozed or resolved");
        return;
    }
    if (contact && !id_valid(slice_str(contact))) {
        find_bad(j, "contact: an id is wanted");
        return;
    }
    if (before && !time_parse(slice_str(before), &f.before_ms)) {
        find_bad(j, "before: the value of `next` is wanted");
        return;
    }
    if (sort && strcmp(sort, "waiting") != 0) {
        find_bad(j, "sort: waiting, or nothing");
        return;
    }
    if (contact) {
        memcpy(contact_id.s, contact, ID_LEN);
        f.contact = &contact_id;
    }
    f.oldest_waiting_first = sort != NULL;
    f.assignee = assignee && strcmp(assignee, "me") == 0 ? c->caller.agent : assignee;
    f.language = query_text(j, "language");
    f.topic = query_text(j, "topic");
    f.channel = query_text(j, "channel");
    f.area = query_text(j, "area");
    if (q)
        fold_words(slice_str(q), on_query_word, j);
    f.words = j->words;
    f.words_n = j->words_n;
    if (c->caller.who.roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR)) /* they see other people's */
        reads_note(c->op->op, &c->caller.who, "threads.list", "threads");
    store_threads_find(c->op->op, &f, on_found, j);
}

/* ---- GET threads/{id} and its entries ---- */

static void on_thread(void *arg, const struct err *e, const struct card *card)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        call_json(c, 200, card->json);
}

void call_show_thread(struct call *c, struct id thread)
{
    card_load(c->op, &c->caller.who, thread, on_thread, c);
}

static void thread_get(struct call *c)
{
    struct id id;
    if (call_id(c, c->args[0], &id))
        call_show_thread(c, id);
}

static void on_entries(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    struct buf b;
    char next[24] = "";
    call_list(&b);
    for (size_t i = 0; i < n; i++) {
        call_item(&b);
        view_entry(&b, c->op, &entries[i]);
    }
    if (n && entries[0].seq > 1)
        snprintf(next, sizeof next, "%llu", (unsigned long long)entries[0].seq);
    call_list_end(c, &b, next);
}

/* False when it is malformed; *given tells whether it is there. */
static bool query_seq(struct call *c, const char *key, uint64_t *seq, bool *given)
{
    struct buf b;
    buf_init(&b, 64);
    *given = call_query(c, key, &b);
    bool good = !*given || slice_u64(buf_view(&b), seq);
    buf_clear(&b);
    return good;
}

static void on_read_audited(void *arg, const struct err *e)
{
    (void)arg;
    (void)e;
}

static void note_thread(struct call *c, struct id thread)
{
    char object[8 + ID_LEN];
    snprintf(object, sizeof object, "thread:%s", thread.s);
    reads_note(c->op->op, &c->caller.who, "thread.read", object);
}

static void on_entries_card(void *arg, const struct err *e, const struct card *card)
{
    struct call *c = arg;
    uint64_t before = 0, after = 0, from, to;
    if (e->code) {
        call_err(c, e);
        return;
    }
    if (!(card->rights & RIGHT_READ)) {
        call_problem(c, 404, "no such thread");
        return;
    }
    unsigned limit = call_limit(c);
    if (!limit)
        return;
    bool has_before, has_after;
    if (!query_seq(c, "before", &before, &has_before) || !query_seq(c, "after", &after, &has_after) ||
        after > INT64_MAX || before > INT64_MAX) {
        call_problem(c, 400, "before, after: the number of an entry is wanted");
        return;
    }
    if (has_after) {
        from = after + 1;
        to = after + limit;
    } else {
        to = has_before ? (before ? before - 1 : 0) : card->t->last_seq;
        from = to > limit ? to - limit + 1 : 1;
    }
    if (card->t->clearance == 2) /* reading a sealed matter is told in the audit */
        store_audit_sealed(c->op->op, 2, *c->caller.agent ? c->caller.agent : c->caller.login, "thread.read",
                           card->t->id.s, "", on_read_audited, NULL);
    else
        note_thread(c, card->t->id);
    if (from > to) {
        on_entries(c, e, NULL, 0);
        return;
    }
    store_entries_get(c->op->op, card->t->id, from, to, on_entries, c);
}

static void entries_get(struct call *c)
{
    struct id id;
    if (call_id(c, c->args[0], &id))
        card_load(c->op, &c->caller.who, id, on_entries_card, c);
}

/* ---- one entry, for a repetition ---- */

static void on_one(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
        return;
    }
    if (!n) {
        call_problem(c, 404, "no such entry");
        return;
    }
    struct buf b;
    buf_init(&b, 2u << 20);
    view_entry(&b, c->op, &entries[0]);
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

struct show_job {
    struct call *c;
    uint64_t seq;
};

static void on_one_card(void *arg, const struct err *e, const struct card *card)
{
    struct show_job j = *(struct show_job *)arg;
    mem_free(arg);
    if (e->code)
        call_err(j.c, e);
    else if (!(card->rights & RIGHT_READ))
        call_problem(j.c, 404, "no such thread");
    else
        store_entries_get(j.c->op->op, card->t->id, j.seq, j.seq, on_one, j.c);
}

void call_show_entry(struct call *c, struct id thread, uint64_t seq)
{
    struct show_job *j = mem_alloc(sizeof *j);
    *j = (struct show_job){c, seq};
    card_load(c->op, &c->caller.who, thread, on_one_card, j);
}

/* ---- writes ---- */

static void note_what(struct call *c, const char *kind, struct slice json)
{
    char id[ID_LEN + 1] = "";
    memcpy(id, c->args[0].p, ID_LEN); /* call_id has looked at it */
    if (strcmp(kind, "entry") != 0) {
        snprintf(c->idem_what, sizeof c->idem_what, "thread %s", id);
        return;
    }
    json_t *entry = json_parse(json, JSON_DEPTH_DEFAULT, NULL);
    snprintf(c->idem_what, sizeof c->idem_what, "entry %s %lld", id,
             (long long)json_opt_int(entry, "seq", 0));
    json_decref(entry);
}

static void on_act(void *arg, const struct err *e, int status, const char *kind, struct slice json)
{
    struct call *c = arg;
    if (e->code == ERR_UNSUPPORTED) {
        call_problem_code(c, 409, e->text, "unsupported");
        return;
    }
    if (e->code == ERR_GUARDED) {
        call_guarded(c, e);
        return;
    }
    if (e->code) {
        call_err(c, e);
        return;
    }
    if (c->idem)
        note_what(c, kind, json);
    call_json(c, status, json);
}

static void act(struct call *c, const char *verb)
{
    struct id id;
    if (call_id(c, c->args[0], &id))
        act_thread(c->op, &c->caller.who, verb, id, c->body, on_act, c);
}

static void entry_post(struct call *c)
{
    struct slice kind = json_opt_str(c->body, "kind");
    if (c->idem && !json_object_get(c->body, "ref")) {
        /* The same entry again, even when the first answer was lost with this node. */
        unsigned char hash[SHA256_DIGEST_LENGTH];
        char ref[48] = "idem-";
        SHA256((const unsigned char *)c->idem_key.p, c->idem_key.n, hash);
        text_hex(ref + 5, hash, 20);
        json_object_set_new(c->body, "ref", json_string(ref));
    }
    if (slice_is(kind, "message"))
        act(c, "send");
    else if (slice_is(kind, "note"))
        act(c, "note");
    else if (slice_is(kind, "edit") || slice_is(kind, "deletion") || slice_is(kind, "reaction"))
        act(c, kind.p);
    else
        call_problem(c, 400, "kind: message, note, edit, deletion or reaction");
}

static void entry_retry(struct call *c)
{
    uint64_t seq;
    if (!slice_u64(c->args[1], &seq) || !seq || seq > INT64_MAX) {
        call_problem(c, 404, "no such entry");
        return;
    }
    json_decref(c->body);
    c->body = json_pack("{s:I}", "seq", (json_int_t)seq);
    act(c, "retry");
}

#define ACT(name)                                                                                            \
    static void thread_##name(struct call *c)                                                                \
    {                                                                                                        \
        act(c, #name);                                                                                       \
    }
ACT(assign)
ACT(transfer)
ACT(resolve)
ACT(reopen)
ACT(snooze)
ACT(tag)
ACT(patch)
ACT(accept)
ACT(decline)

/* ---- GET entries/{thread}/{seq}/log ---- */

static void on_wire_log(void *arg, const struct err *e, struct slice json)
{
    struct call *c = arg;
    if (e->code && e->code != ERR_NOT_FOUND) {
        call_err(c, e);
        return;
    }
    struct buf b;
    buf_init(&b, 16u << 20);
    buf_str(&b, "{\"items\":");
    buf_slice(&b, !e->code && json.n ? json : SLICE("[]"));
    buf_char(&b, '}');
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void on_log_card(void *arg, const struct err *e, const struct card *card)
{
    struct call *c = arg;
    uint64_t seq;
    if (e->code)
        call_err(c, e);
    else if (!(card->rights & RIGHT_WIRE) || !slice_u64(c->args[1], &seq))
        call_problem(c, 404, "no such entry");
    else
        store_wire_log_get(c->op->op, card->t->id, seq, on_wire_log, c);
}

static void entry_log(struct call *c)
{
    struct id id;
    if (call_id(c, c->args[0], &id))
        card_load(c->op, &c->caller.who, id, on_log_card, c);
}

#define READERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)

const struct call_route thread_routes[] = {
    {HTTP_M_GET, "threads", threads_find, READERS, 0},
    {HTTP_M_GET, "threads/{}", thread_get, READERS, 0},
    {HTTP_M_PATCH, "threads/{}", thread_patch, READERS, CALL_JSON},
    {HTTP_M_GET, "threads/{}/entries", entries_get, READERS, 0},
    {HTTP_M_POST, "threads/{}/entries", entry_post, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/entries/{}/retry", entry_retry, READERS, 0},
    {HTTP_M_POST, "threads/{}/accept", thread_accept, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/decline", thread_decline, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/assign", thread_assign, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/transfer", thread_transfer, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/resolve", thread_resolve, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/reopen", thread_reopen, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/snooze", thread_snooze, READERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/tag", thread_tag, READERS, CALL_JSON},
    {HTTP_M_GET, "entries/{}/{}/log", entry_log, ROLE_SUPERVISOR, 0},
    {.run = NULL},
};
