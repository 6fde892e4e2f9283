/* SPDX-License-Identifier: Apache-2.0
 * Writing and leaving without scripts: a plain form post, answered with the page. Only the form's own field
 * gives authority, never the cookie. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_LOOK     50
#define POSTS_PER_MINUTE 20
#define POSTS_BURST      10

struct post {
    connector_instance *c;
    connector_request rq;
    struct page page;
    struct out text, choice;
    char ref[REF_MAX + 1];
    char blobs[FILES_MAX][64];
    size_t files, at; /* stored; the next form_file to look at */
    bool had_session, had_cookie;
};

static void post_free(struct post *p)
{
    p->c->links--;
    out_clear(&p->text);
    out_clear(&p->choice);
    free(p);
}

static void fail(struct post *p, int status, const char *notice)
{
    p->page.status = status;
    p->page.notice = notice;
    p->page.draft = out_view(&p->text);
    p->page.has_session = p->had_session;
    page_answer(p->c, p->rq, &p->page);
    post_free(p);
}

/* Stored. With cookies the page is loaded anew, so that a reload posts nothing; without, it is shown at once.
 */
static void done(struct post *p)
{
    char cookie[COOKIE_MAX], location[256];
    session_set_cookie(p->c, p->page.secure, p->page.session.secret, cookie);
    if (p->had_session && !p->had_cookie) {
        p->page.status = 200;
        p->page.notice = "sent_stored";
        p->page.has_session = true;
        p->page.cookie = cookie;
        page_answer(p->c, p->rq, &p->page);
    } else {
        snprintf(location, sizeof location, "/chat/%s/%s?lang=%s&sent=1", p->c->h->operation(p->c->inst),
                 p->c->h->channel(p->c->inst), p->page.lang);
        struct connector_header heads[] = {
            {"Location", location}, {"Set-Cookie", cookie}, {"Cache-Control", "no-store"}};
        p->c->h->reply(p->rq, 303, heads, 3, (struct connector_bytes){"", 0});
    }
    post_free(p);
}

static void on_stored(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    struct post *p = arg;
    if (err == CONNECTOR_OK && n == 1 &&
        (r->outcome == CONNECTOR_ITEM_STORED || r->outcome == CONNECTOR_ITEM_DUPLICATE))
        done(p);
    else if (err == CONNECTOR_OK)
        fail(p, 400, "form_file");
    else
        fail(p, 503, "form_later");
}

static void deliver(struct post *p)
{
    struct connector_media media[FILES_MAX];
    for (size_t i = 0; i < p->files; i++)
        media[i] = (struct connector_media){.size = sizeof media[i], .blob = p->blobs[i]};
    struct connector_item item = {
        .size = sizeof item,
        .kind = CONNECTOR_MESSAGE,
        .id = bytes_of(p->ref),
        .id_per_sender = true,
        .from = session_address(&p->page.session),
        .locale = bytes_of(p->page.lang),
        .locale_stated = strcmp(p->page.chosen, "yes") == 0,
        .text = out_view(&p->text),
        .choice = out_view(&p->choice),
        .media = media,
        .media_n = p->files,
    };
    p->c->h->deliver(p->c->inst, &item, 1, on_stored, p);
}

/* ---- choices: a button's title, or a number that was typed ---- */

/* 1-99 in ASCII, Arabic-Indic (D9 A0-A9) or extended digits (DB B0-B9), and nothing else; 0: no number. */
static unsigned typed_number(struct connector_bytes t)
{
    unsigned v = 0, digits = 0;
    for (size_t i = 0; i < t.n; i++) {
        unsigned char c = (unsigned char)t.p[i], next = i + 1 < t.n ? (unsigned char)t.p[i + 1] : 0;
        int d = -1;
        if (c == ' ' || c == '\n' || c == '\r')
            continue;
        if (c >= '0' && c <= '9')
            d = c - '0';
        else if ((c == 0xD9 && next >= 0xA0 && next <= 0xA9) || (c == 0xDB && next >= 0xB0 && next <= 0xB9)) {
            d = next & 0x0f;
            i++;
        }
        if (d < 0 || ++digits > 2)
            return 0;
        v = v * 10 + (unsigned)d;
    }
    return v;
}

static void take_choice(struct post *p, const struct connector_entry *en, unsigned number)
{
    for (size_t i = 0; i < en->choices_n; i++) {
        const struct connector_choice *c = &en->choices[i];
        bool pressed = p->choice.n && c->id.n == p->choice.n && memcmp(c->id.p, p->choice.p, c->id.n) == 0;
        if (!pressed && !(number && i + 1 == number))
            continue;
        if (!p->choice.n)
            out_bytes(&p->choice, c->id);
        if (!p->text.n || number) {
            out_clear(&p->text);
            out_bytes(&p->text, c->title);
        }
        return;
    }
}

static void on_choices(void *arg, int err, const struct connector_entry *entries, size_t n)
{
    struct post *p = arg;
    unsigned number = p->choice.n ? 0 : typed_number(out_view(&p->text));
    for (size_t i = n; err == CONNECTOR_OK && i-- > 0;)
        if (!entries[i].inbound && entries[i].kind == CONNECTOR_MESSAGE) {
            take_choice(p, &entries[i], number);
            break;
        }
    if (!p->text.n && !p->files)
        fail(p, 400, "form_empty");
    else
        deliver(p);
}

static void look_for_choice(struct post *p)
{
    if (p->had_session && (p->choice.n || typed_number(out_view(&p->text))))
        p->c->h->history(p->c->inst, session_address(&p->page.session), "", HISTORY_LOOK, on_choices, p);
    else if (!p->text.n && !p->files)
        fail(p, 400, "form_empty");
    else
        deliver(p);
}

/* ---- files, one after the other ---- */

static void next_file(struct post *p);

static void on_file(void *arg, int err, const char *blob)
{
    struct post *p = arg;
    if (err == CONNECTOR_ELIMIT)
        fail(p, 413, "form_file");
    else if (err != CONNECTOR_OK)
        fail(p, 503, "form_later");
    else {
        snprintf(p->blobs[p->files++], sizeof p->blobs[0], "%s", blob);
        next_file(p);
    }
}

static void next_file(struct post *p)
{
    struct connector_bytes name, type, bytes;
    char kind[100];
    while (p->c->h->form_file(p->rq, p->at, &name, &type, &bytes)) {
        p->at++;
        if (!bytes.n && !name.n)
            continue;
        if (p->files == FILES_MAX || bytes.n > FILE_MAX) {
            fail(p, 413, "form_file");
            return;
        }
        if (!bytes.n || name.n > 255 || !upload_type(type, kind)) {
            fail(p, 415, "form_file");
            return;
        }
        p->c->h->blob_put(p->c->inst, session_address(&p->page.session), bytes_of(kind), name, bytes, on_file,
                          p);
        return;
    }
    look_for_choice(p);
}

/* ---- the post ---- */

static void take_text(struct out *o, struct connector_bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!(text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n'))
            out_add(o, &text.p[i], 1);
    while (o->n && (o->p[o->n - 1] == '\n' || o->p[o->n - 1] == ' '))
        o->p[--o->n] = '\0';
}

static void take_session(struct post *p, struct connector_bytes session, struct connector_bytes ref)
{
    struct connector_bytes cookie;
    p->had_session = session.n && session_take(p->c, session, &p->page.session);
    p->had_cookie = session_cookie(p->c, p->rq, p->page.secure, &cookie) && p->had_session &&
                    p->c->h->equal(cookie, bytes_of(p->page.session.secret));
    if (!p->had_session)
        session_of_ref(p->c, ref, &p->page.session);
    memcpy(p->ref, ref.p, ref.n);
}

void form_post(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    struct connector_bytes session = {0, 0}, ref = {0, 0}, text = {0, 0}, choice = {0, 0}, lang = {0, 0};
    const struct connector_host *h = c->h;
    h->form(rq, "session", &session);
    h->form(rq, "text", &text);
    h->form(rq, "choice", &choice);
    h->form(rq, "lang", &lang);
    if (!h->form(rq, "ref", &ref) || !ref_valid(ref)) {
        h->problem(rq, 400, "ref: missing or malformed");
        return;
    }
    struct post *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    c->links++;
    p->c = c;
    p->rq = rq;
    p->page.secure = i->secure;
    p->page.lang = page_language(c, rq, lang, &p->page.chosen);
    out_init(&p->text, TEXT_MAX);
    out_init(&p->choice, 64);
    take_session(p, session, ref);
    take_text(&p->text, text);
    out_bytes(&p->choice, choice);
    if (p->text.over || p->choice.over)
        fail(p, 413, "form_too_long");
    else if (!h->allow(c->inst, session_address(&p->page.session), POSTS_PER_MINUTE, POSTS_BURST))
        fail(p, 429, "form_later");
    else
        next_file(p);
}

/* ---- leaving ---- */

struct leaving {
    connector_instance *c;
    connector_request rq;
    char to[8], lang[LANG_MAX];
    bool secure;
};

static void leave_answer(struct leaving *l)
{
    const struct connector_host *h = l->c->h;
    const char *op = h->operation(l->c->inst), *ch = h->channel(l->c->inst),
               *exit = h->setting(l->c->inst, "exit");
    char cookie[COOKIE_MAX], here[256];
    session_set_cookie(l->c, l->secure, "", cookie);
    snprintf(here, sizeof here, "/chat/%s/%s?lang=%s", op, ch, l->lang);
    if (strcmp(l->to, "none") == 0) {
        struct connector_header heads[] = {
            {"Set-Cookie", cookie}, {"Clear-Site-Data", "\"cache\""}, {"Cache-Control", "no-store"}};
        h->reply(l->rq, 204, heads, 3, (struct connector_bytes){"", 0});
        return;
    }
    struct connector_header heads[] = {
        {"Set-Cookie", cookie},
        {"Cache-Control", "no-store"},
        {"Content-Type", "text/html; charset=utf-8"},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Security-Policy", "default-src 'none'; img-src 'self'"},
    };
    const char *to = strcmp(l->to, "here") == 0 ? here : *exit ? exit : "https://www.google.com/";
    struct connector_bytes t = h->page(l->c->inst, "leave.html");
    struct out o;
    out_init(&o, 65536);
    const char *p = t.p, *end = t.p + t.n, *open;
    while (p < end && (open = memmem(p, (size_t)(end - p), "{{", 2))) {
        const char *close = memmem(open, (size_t)(end - open), "}}", 2);
        if (!close)
            break;
        struct connector_bytes name = {open + 2, (size_t)(close - open - 2)};
        out_add(&o, p, (size_t)(open - p));
        if (bytes_are(name, "lang"))
            out_html(&o, bytes_of(l->lang));
        else if (bytes_are(name, "to"))
            out_html(&o, bytes_of(to));
        else if (bytes_are(name, "base"))
            out_add(&o, here, strcspn(here, "?"));
        p = close + 2;
    }
    if (p < end)
        out_add(&o, p, (size_t)(end - p));
    h->reply(l->rq, 200, heads, 5, out_view(&o));
    out_clear(&o);
}

static void on_forgotten(void *arg, int err)
{
    struct leaving *l = arg;
    (void)err; /* the person leaves all the same; the page says "forgotten" only where it knows */
    leave_answer(l);
    l->c->links--;
    free(l);
}

void form_leave(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    struct connector_bytes session = {0, 0}, to = {0, 0}, lang = {0, 0};
    struct session s;
    const char *chosen;
    c->h->form(rq, "session", &session);
    c->h->form(rq, "to", &to);
    c->h->form(rq, "lang", &lang);
    struct leaving *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    c->links++;
    l->c = c;
    l->rq = rq;
    l->secure = i->secure;
    snprintf(l->to, sizeof l->to, "%s",
             bytes_are(to, "here")   ? "here"
             : bytes_are(to, "none") ? "none"
                                     : "exit");
    snprintf(l->lang, sizeof l->lang, "%s", page_language(c, rq, lang, &chosen));
    if (session_take(c, session, &s))
        c->h->forget(c->inst, session_address(&s), on_forgotten, l);
    else
        on_forgotten(l, CONNECTOR_OK);
}
