/* SPDX-License-Identifier: Apache-2.0
 * By hand: somebody called, is here, or left a paper form; or we write first. The person is found by their
 * address or made; the thread is theirs, and what happened is an entry of kind call in it. Of an address that
 * is somebody's nothing is told: the thread is kept apart until "same person?" is answered. */
#include "gateway/api/byhand.h"
#include "router/fold.h"
#include "store/link.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MOST     65536
#define WORDS_MOST    512
#define DURATION_MOST (7 * 86400)

static const char *actor(const struct call *c)
{
    return *c->caller.agent ? c->caller.agent : c->caller.login;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- what the body says ---- */

/* Digits of any script as 0-9, without what people put between them. */
static bool tel_canonical(struct slice number, struct buf *out)
{
    size_t i = 0, digits = 0;
    buf_str(out, "tel:");
    while (i < number.n) {
        uint32_t c = text_next(number, &i);
        if (c >= 0x660 && c <= 0x669)
            c = '0' + (c - 0x660);
        else if (c >= 0x6f0 && c <= 0x6f9)
            c = '0' + (c - 0x6f0);
        if (c == '+' && !digits && out->n == 4)
            buf_char(out, '+');
        else if (c >= '0' && c <= '9' && digits++ < 15)
            buf_char(out, (char)c);
        else if (!strchr(" -().\t", (int)(c < 128 ? c : 'x')))
            return false;
    }
    if (out->n > 6 && memcmp(out->p, "tel:00", 6) == 0) { /* 00 49 … is +49 … */
        memmove(out->p + 5, out->p + 6, out->n - 6);
        out->p[4] = '+';
        out->n--;
    }
    return digits >= 3 && digits <= 15 && !out->err;
}

bool byhand_address(struct slice text, struct buf *out)
{
    text = slice_trim(text);
    buf_reset(out);
    if (slice_starts(text, "tel:"))
        return tel_canonical(slice_of(text.p + 4, text.n - 4), out);
    const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    if (!colon)
        return tel_canonical(text, out);
    for (const char *p = text.p; p < colon; p++)
        if (*p < 'a' || *p > 'z')
            return false;
    for (const char *p = colon; p < text.p + text.n; p++)
        if ((unsigned char)*p <= ' ')
            return false;
    return colon > text.p && colon + 1 < text.p + text.n && text.n <= 200 && buf_slice(out, text) == 0;
}

static bool one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

/* What is wrong with what happened; NULL: nothing. */
static const char *happened_wrong(struct call *c, const json_t *h)
{
    static const char *const whats[] = {"call", "visit", "paper", NULL}, *const ways[] = {"in", "out", NULL};
    static const char *const known[] = {"what",     "direction", "time", "seconds", "with",
                                        "language", "text",      "ref",  NULL};
    struct err e = {0};
    int64_t at = 0, seconds = json_opt_int(h, "seconds", 0);
    size_t n = json_string_length(json_object_get(h, "text"));
    if (!json_is_object(h) || !json_only(h, known, &e))
        return "what, direction, time, seconds, with, language, text and ref alone are known of what "
               "happened";
    if (!one_of(text_of(h, "what"), whats) ||
        (json_object_get(h, "direction") && !one_of(text_of(h, "direction"), ways)))
        return "what: call, visit or paper; direction: in or out";
    if (json_object_get(h, "time") &&
        (!time_parse(json_opt_str(h, "time"), &at) || at > store_now_ms(c->api->cf.store) + 60000))
        return "time: when it was, such as 2026-01-01T06:00:00Z; not later than now";
    if (seconds < 0 || seconds > DURATION_MOST || strlen(text_of(h, "with")) > 200 ||
        strlen(text_of(h, "ref")) > 64)
        return "seconds: up to a week; with: up to 200 bytes; ref: up to 64";
    if (strlen(text_of(h, "language")) > 11 ||
        (*text_of(h, "language") && !name_valid(slice_str(text_of(h, "language")))))
        return "language: a tag such as \"ar\" is wanted";
    return n && n <= TEXT_MOST ? NULL : "text: what was said, 1 to 65,536 bytes";
}

/* ---- writing what happened ---- */

struct word_list {
    struct arena *arena;
    struct slice words[WORDS_MOST];
    size_t n;
};

static void on_word(void *arg, struct slice word)
{
    struct word_list *l = arg;
    if (l->n < WORDS_MOST)
        l->words[l->n++] = arena_slice(l->arena, word);
}

static json_t *extra_of(struct call *c, const json_t *h)
{
    json_t *extra = json_object(), *what = json_object();
    char now[TIME_TEXT];
    time_text(store_now_ms(c->api->cf.store), now);
    json_object_set(what, "what", json_object_get(h, "what"));
    json_object_set_new(what, "direction",
                        json_string(*text_of(h, "direction") ? text_of(h, "direction") : "in"));
    json_object_set_new(what, "time", json_string(*text_of(h, "time") ? text_of(h, "time") : now));
    if (json_opt_int(h, "seconds", 0))
        json_object_set(what, "seconds", json_object_get(h, "seconds"));
    if (*text_of(h, "with"))
        json_object_set(what, "with", json_object_get(h, "with"));
    json_object_set_new(extra, "happened", what);
    if (*text_of(h, "language"))
        json_object_set(extra, "language", json_object_get(h, "language"));
    if (*text_of(h, "ref"))
        json_object_set(extra, "ref", json_object_get(h, "ref"));
    return extra;
}

static void write_happened(struct call *c, struct id thread, const json_t *h, const char *must_hold,
                           void (*done)(void *arg, const struct err *e, const struct store_written *w),
                           void *arg)
{
    struct arena *arena = arena_new();
    struct word_list *l = arena_alloc(arena, sizeof *l);
    struct slice text = json_opt_str(h, "text");
    json_t *extra = extra_of(c, h);
    struct buf b;
    l->arena = arena;
    fold_words(text, on_word, l);
    l->n = fold_distinct(l->words, l->n, arena, l->words, WORDS_MOST);
    buf_init(&b, 1u << 16);
    json_write(extra, &b);
    struct store_outbound out = {.thread = thread,
                                 .kind = STORE_CALL,
                                 .author = STORE_AGENT,
                                 .author_id = actor(c),
                                 .ref = slice_str(text_of(h, "ref")),
                                 .channel = "",
                                 .text = text,
                                 .extra = buf_view(&b),
                                 .words = l->words,
                                 .words_n = l->n,
                                 .must_hold = must_hold};
    store_write(c->op->op, &out, done, arg);
    buf_clear(&b);
    json_decref(extra);
    arena_free(&arena);
}

/* ---- POST threads/{id}/happened ---- */

struct entering {
    struct call *c;
    struct id thread;
    uint64_t seq;
    bool again;
};

static void on_entered(void *arg, const struct err *e, const struct store_written *w)
{
    struct entering *x = arg;
    struct call *c = x->c;
    if (e->code) {
        call_err(c, e);
    } else {
        snprintf(c->idem_what, sizeof c->idem_what, "entry %s %llu", x->thread.s, (unsigned long long)w->seq);
        c->replay = c->idem ? c->replay : w->again ? 200 : 201;
        call_show_entry(c, x->thread, w->seq);
    }
    mem_free(x);
}

static void on_happened_card(void *arg, const struct err *e, const struct card *card)
{
    struct call *c = arg;
    if (e->code) {
        call_err(c, e);
    } else if (!(card->rights & RIGHT_WRITE)) {
        call_problem(c, card->rights & RIGHT_SEE ? 403 : 404, "you do not hold this thread");
    } else {
        struct entering *x = mem_alloc(sizeof *x);
        bool over = c->caller.who.roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR);
        x->c = c;
        x->thread = card->t->id;
        write_happened(c, x->thread, c->body, over ? "" : c->caller.agent, on_entered, x);
    }
}

static void thread_happened(struct call *c)
{
    struct id id;
    const char *wrong = happened_wrong(c, c->body);
    if (wrong)
        call_problem(c, 400, wrong);
    else if (call_id(c, c->args[0], &id))
        card_load(c->op, &c->caller.who, id, on_happened_card, c);
}

/* ---- POST threads, POST contacts ---- */

struct opening {
    struct call *c;
    struct arena *arena;
    struct slice address; /* canonical; empty */
    json_t *profile;      /* of who is there already, with all that is sealed */
    struct id contact;
    int sealed;   /* the lowest clearance of their threads */
    bool known;   /* the caller sees one of the contact's threads */
    bool is_made; /* the contact is new */
    bool contact_only;
    bool is_new; /* the thread is */
    struct id thread;
};

static void opening_end(struct opening *o)
{
    json_decref(o->profile);
    arena_free(&o->arena);
    mem_free(o);
}

static void opening_fail(struct opening *o, const struct err *e)
{
    call_err(o->c, e);
    opening_end(o);
}

static void opening_refuse(struct opening *o, int status, const char *why)
{
    call_problem(o->c, status, why);
    opening_end(o);
}

static void on_opened_json(void *arg, const struct err *e, struct slice json)
{
    struct opening *o = arg;
    if (e->code) {
        opening_fail(o, e);
        return;
    }
    snprintf(o->c->idem_what, sizeof o->c->idem_what, "thread %s", o->thread.s);
    call_json(o->c, o->is_new ? 201 : 200, json);
    opening_end(o);
}

static void on_opened_thread(void *arg, const struct err *e, const struct store_thread *t)
{
    struct opening *o = arg;
    if (e->code)
        opening_fail(o, e);
    else
        card_thread(o->c->op, t, on_opened_json, o);
}

static void on_opening_written(void *arg, const struct err *e, const struct store_written *w)
{
    struct opening *o = arg;
    (void)w;
    if (e->code)
        opening_fail(o, e);
    else
        store_thread_get(o->c->op->op, o->thread, on_opened_thread, o);
}

static void enter(struct opening *o)
{
    struct err none = {0};
    const json_t *h = json_object_get(o->c->body, "happened");
    if (h)
        write_happened(o->c, o->thread, h, "", on_opening_written, o);
    else
        on_opening_written(o, &none, NULL);
}

/* The contact's open thread, which may be somebody else's. */
static void on_there(void *arg, const struct err *e, const struct card *card)
{
    struct opening *o = arg;
    if (e->code || !(card->rights & RIGHT_WRITE))
        opening_refuse(o, 409, "somebody else has an open thread with this person");
    else
        enter(o);
}

static void on_thread_made(void *arg, const struct err *e, struct id thread, bool made)
{
    struct opening *o = arg;
    if (e->code) {
        opening_fail(o, e);
        return;
    }
    o->thread = thread;
    o->is_new = made;
    if (made)
        enter(o);
    else
        card_load(o->c->op, &o->c->caller.who, thread, on_there, o);
}

static void make_thread(struct opening *o)
{
    struct call *c = o->c;
    const json_t *h = json_object_get(c->body, "happened");
    const char *language = text_of(c->body, "language");
    struct store_thread_new n = {.contact = o->contact,
                                 .clearance = (int)json_opt_int(c->body, "clearance", 0),
                                 .channel = *text_of(c->body, "channel") ? text_of(c->body, "channel")
                                                                         : BYHAND_CHANNEL,
                                 .address = o->address,
                                 .topic = text_of(c->body, "topic"),
                                 .area = text_of(c->body, "area"),
                                 .language = *language ? language : text_of(h, "language"),
                                 .agent = json_opt_bool(c->body, "wait", false) ? "" : c->caller.agent,
                                 .actor = actor(c),
                                 .by_address = !o->known && !o->is_made};
    store_thread_make(c->op->op, &n, on_thread_made, o);
}

static void on_contact_shown(struct opening *o)
{
    struct call *c = o->c;
    struct buf b;
    struct store_contact mine = {.id = o->contact, .area = text_of(c->body, "area"), .profile = SLICE("{}")};
    const char *language = text_of(c->body, "language");
    struct store_address a = {.uri = o->address, .channel = text_of(c->body, "channel")};
    json_t *name = json_object_get(c->body, "name"), *profile = json_object();
    struct buf text;
    if (name)
        json_object_set(profile, "name", name);
    buf_init(&text, 4096);
    json_write(profile, &text);
    mine.profile = buf_view(&text);
    mine.addresses = &a;
    mine.addresses_n = o->address.n ? 1 : 0;
    if (*language) {
        mine.language.how = STORE_SET;
        snprintf(mine.language.tag, sizeof mine.language.tag, "%s", language);
    }
    buf_init(&b, 1u << 16);
    view_contact(&b, &mine, NULL, 0);
    call_json(c, 201, buf_view(&b));
    buf_clear(&b);
    buf_clear(&text);
    json_decref(profile);
    opening_end(o);
}

static void proceed(struct opening *o)
{
    if (!o->contact_only)
        make_thread(o);
    else if (o->is_made)
        on_contact_shown(o);
    else if (o->known) {
        struct call *c = o->c;
        struct id id = o->contact;
        opening_end(o);
        call_show_contact(c, id);
    } else {
        call_problem_code(o->c, 409, "somebody with this address is known; open a thread by the address",
                          "known");
        opening_end(o);
    }
}

static void on_named(void *arg, const struct err *e)
{
    if (e->code)
        opening_fail(arg, e);
    else
        proceed(arg);
}

static void patch_name(struct opening *o, int clearance, const json_t *name, store_done done)
{
    json_t *patch = json_object();
    struct buf b;
    json_object_set(patch, "name", (json_t *)(uintptr_t)name);
    buf_init(&b, 8192);
    json_write(patch, &b);
    store_contact_patch(o->c->op->op, o->contact, clearance, buf_view(&b), NULL, actor(o->c), done, o);
    buf_clear(&b);
    json_decref(patch);
}

/* Behind the new one: a layer keeps what differs from those below it. */
static void on_name_given(void *arg, const struct err *e)
{
    struct opening *o = arg;
    const json_t *had = json_object_get(o->profile, "name");
    if (e->code || !json_string_length(had))
        on_named(o, e);
    else
        patch_name(o, o->sealed, had, on_named);
}

/* All there is of this person is sealed: the name that is given is kept and shown as somebody new's would be,
 * or its absence would tell of the rest. Those who see the rest keep the name that they had. */
static void name_beside(struct opening *o)
{
    const json_t *name = json_object_get(o->c->body, "name");
    if (json_string_length(name))
        patch_name(o, 0, name, on_name_given);
    else
        proceed(o);
}

/* Who tries numbers leaves a line for those who may know of the person. */
static void tell_of_asking(struct opening *o)
{
    char object[9 + ID_LEN];
    snprintf(object, sizeof object, "contact:%s", o->contact.s);
    store_audit_sealed(o->c->op->op, o->sealed, actor(o->c), "contact.asked", object, "", NULL, NULL);
    proceed(o);
}

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct opening *o = arg;
    if (e->code) {
        opening_fail(o, e);
        return;
    }
    o->known = people_knows(o->c->op, &o->c->caller.who, o->contact, t, n);
    o->sealed = n ? t[0]->clearance : 0;
    for (size_t i = 1; i < n; i++)
        o->sealed = t[i]->clearance < o->sealed ? t[i]->clearance : o->sealed;
    if (!o->address.n && !o->known && n)
        opening_refuse(o, 404, "no such contact");
    else if (o->contact_only && !o->known)
        tell_of_asking(o);
    else if (!o->known && o->sealed > o->c->caller.who.clearance)
        name_beside(o);
    else
        proceed(o);
}

static void on_contact(void *arg, const struct err *e, const struct store_contact *contact)
{
    struct opening *o = arg;
    struct err none = {0};
    if (e->code)
        opening_fail(o, e);
    else if (contact->erased)
        opening_refuse(o, 404, "no such contact");
    else if (!contact->threads_n) {
        o->known = true; /* just made, by whoever has its id */
        on_threads(o, &none, NULL, 0);
    } else {
        o->profile = json_parse(store_contact_profile(contact, 2, o->arena), JSON_DEPTH_DEFAULT, NULL);
        store_threads_get(o->c->op->op, contact->threads, contact->threads_n, on_threads, o);
    }
}

static void on_contact_made(void *arg, const struct err *e, struct id contact, bool made)
{
    struct opening *o = arg;
    if (e->code) {
        opening_fail(o, e);
        return;
    }
    o->contact = contact;
    o->is_made = made;
    if (made)
        proceed(o);
    else
        store_contact_get(o->c->op->op, contact, on_contact, o);
}

/* What was said in a language is a sign of it. */
static const char *language_of(const json_t *body)
{
    const char *language = text_of(body, "language");
    return *language ? language : text_of(json_object_get(body, "happened"), "language");
}

static void make_contact(struct opening *o)
{
    struct call *c = o->c;
    json_t *profile = json_object(), *name = json_object_get(c->body, "name");
    struct buf b;
    if (json_string_length(name))
        json_object_set(profile, "name", name);
    buf_init(&b, 8192);
    if (json_object_size(profile))
        json_write(profile, &b);
    struct store_contact_new n = {.address = o->address,
                                  .channel = *text_of(c->body, "channel") ? text_of(c->body, "channel")
                                                                          : BYHAND_CHANNEL,
                                  .profile = buf_view(&b),
                                  .language = language_of(c->body),
                                  .area = text_of(c->body, "area"),
                                  .actor = actor(c)};
    store_contact_make(c->op->op, &n, on_contact_made, o);
    buf_clear(&b);
    json_decref(profile);
}

static bool listed(const json_t *document, const char *section, const char *id)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(document, section), i,
                       one) if (strcmp(text_of(one, "id"), id) == 0) return true;
    return false;
}

/* What is wrong with the members that both calls have; NULL: nothing. */
static const char *members_wrong(struct call *c)
{
    static const char *const strings[] = {"contact",  "address", "name", "channel",
                                          "language", "topic",   "area", NULL};
    const json_t *doc = operation_document(c->op);
    int64_t clearance = json_opt_int(c->body, "clearance", 0);
    for (size_t i = 0; strings[i]; i++) {
        const json_t *v = json_object_get(c->body, strings[i]);
        if (v && (!json_is_string(v) || json_string_length(v) > 256))
            return "contact, address, name, channel, language, topic, area: strings, not too long, are "
                   "wanted";
    }
    if (strlen(text_of(c->body, "language")) > 11 ||
        (*text_of(c->body, "language") && !name_valid(slice_str(text_of(c->body, "language")))))
        return "language: a tag such as \"ar\" is wanted";
    if ((*text_of(c->body, "topic") && !listed(doc, "topics", text_of(c->body, "topic"))) ||
        (*text_of(c->body, "channel") && !listed(doc, "channels", text_of(c->body, "channel"))))
        return "topic, channel: the operation has no such name";
    if (*text_of(c->body, "area") && (!listed(doc, "areas", text_of(c->body, "area")) ||
                                      !rights_area(&c->caller.who, text_of(c->body, "area"))))
        return "area: you have no such area";
    return clearance < 0 || clearance > c->caller.who.clearance ? "clearance: at most your own" : NULL;
}

/* Who serves some areas alone sees nothing that has none: what they make is in the first of theirs. */
static void take_area(struct call *c)
{
    struct slice areas = slice_str(c->caller.who.areas ? c->caller.who.areas : ""), one;
    if (!json_object_get(c->body, "area") && slice_next(&areas, ' ', &one) && one.n)
        json_object_set_new(c->body, "area", json_stringn(one.p, one.n));
}

/* A program enters what others have counted. Who types is slower: more is trying numbers, or writing to those
 * who never wrote. */
static bool often(struct call *c, bool contact_only)
{
    bool writes_first = !contact_only && !json_object_get(c->body, "happened");
    if (c->caller.who.roles & ROLE_INTEGRATOR)
        return false;
    return !call_rate(c, "numbers", 60) || (writes_first && !call_rate(c, "first", 20));
}

static struct opening *opening_new(struct call *c, bool contact_only)
{
    struct buf b;
    struct slice address = json_opt_str(c->body, "address");
    const char *wrong = members_wrong(c);
    buf_init(&b, 512);
    if (!wrong && address.n && !byhand_address(address, &b))
        wrong = "address: a number such as +905551234567, or an address such as tel:+905551234567, is wanted";
    if (wrong) {
        call_problem(c, 400, wrong);
        buf_clear(&b);
        return NULL;
    }
    if (address.n && often(c, contact_only)) {
        buf_clear(&b);
        return NULL;
    }
    struct opening *o = mem_alloc(sizeof *o);
    o->c = c;
    o->arena = arena_new();
    o->contact_only = contact_only;
    o->address = address.n ? arena_slice(o->arena, buf_view(&b)) : (struct slice){0};
    buf_clear(&b);
    take_area(c);
    return o;
}

static void contacts_make(struct call *c)
{
    static const char *const known[] = {"address", "channel", "name", "language", "area", NULL};
    struct opening *o = call_members(c, known) ? opening_new(c, true) : NULL;
    if (o)
        make_contact(o);
}

static void threads_make(struct call *c)
{
    static const char *const known[] = {"contact", "address",   "name", "channel",  "language", "topic",
                                        "area",    "clearance", "wait", "happened", NULL};
    const json_t *h = json_object_get(c->body, "happened");
    const char *wrong = h ? happened_wrong(c, h) : NULL;
    if (!call_members(c, known))
        return;
    if (wrong) {
        call_problem(c, 400, wrong);
        return;
    }
    struct opening *o = opening_new(c, false);
    if (!o)
        return;
    if (!json_object_get(c->body, "contact")) {
        make_contact(o);
    } else if (call_id(c, json_opt_str(c->body, "contact"), &o->contact)) {
        o->address = (struct slice){0};
        store_contact_get(c->op->op, o->contact, on_contact, o);
    } else
        opening_end(o);
}

#define WORKERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)

const struct call_route byhand_routes[] = {
    {HTTP_M_POST, "contacts", contacts_make, WORKERS, CALL_JSON},
    {HTTP_M_POST, "threads", threads_make, WORKERS, CALL_JSON},
    {HTTP_M_POST, "threads/{}/happened", thread_happened, WORKERS, CALL_JSON},
    {.run = NULL},
};
