/* SPDX-License-Identifier: Apache-2.0
 * The hosted page: a template filled in one pass, complete without scripts. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX     (8u << 20)
#define ENTRIES_MAX  200
#define EXIT_DEFAULT "https://www.google.com/"

/* ---- which language ---- */

/* The language that stands in: Persian for Dari and back. */
static const struct language *language_or_kin(connector_instance *c, const char *tag)
{
    const struct language *l = texts_language(c, tag);
    if (!l && strcmp(tag, "prs") == 0)
        l = texts_language(c, "fa");
    if (!l && strcmp(tag, "fa") == 0)
        l = texts_language(c, "prs");
    return l;
}

/* One tag of Accept-Language ("fa-AF;q=0.8") as ours; *q in thousandths. */
static const struct language *accepted(connector_instance *c, const char *p, size_t n, int *q)
{
    char tag[24];
    size_t k = 0;
    const char *semi = memchr(p, ';', n);
    size_t tag_n = semi ? (size_t)(semi - p) : n;
    *q = 1000;
    if (semi) {
        const char *is = memchr(semi, '=', n - tag_n);
        double v = is ? strtod(is + 1, NULL) : 1;
        *q = v > 0 && v <= 1 ? (int)(v * 1000) : 0;
    }
    while (k < tag_n && k < sizeof tag - 1 && p[k] != ' ') {
        tag[k] = p[k] >= 'A' && p[k] <= 'Z' ? (char)(p[k] + 32) : p[k];
        k++;
    }
    tag[k] = '\0';
    if (strcmp(tag, "fa-af") == 0)
        return language_or_kin(c, "prs");
    tag[strcspn(tag, "-_")] = '\0';
    return language_or_kin(c, tag);
}

static const struct language *from_header(connector_instance *c, struct connector_bytes h)
{
    const struct language *best = NULL;
    int best_q = 0;
    size_t i = 0;
    if (h.n > 512)
        h.n = 512;
    while (i < h.n) {
        while (i < h.n && (h.p[i] == ' ' || h.p[i] == ','))
            i++;
        size_t from = i;
        while (i < h.n && h.p[i] != ',')
            i++;
        int q;
        char one[64];
        size_t n = i - from < sizeof one - 1 ? i - from : sizeof one - 1;
        memcpy(one, h.p + from, n);
        one[n] = '\0';
        const struct language *l = n ? accepted(c, one, n, &q) : NULL;
        if (l && q > best_q) {
            best = l;
            best_q = q;
        }
    }
    return best;
}

const char *page_language(connector_instance *c, connector_request rq, struct connector_bytes asked,
                          const char **chosen)
{
    char tag[LANG_MAX];
    const struct language *l = NULL;
    if (asked.n && asked.n < sizeof tag) {
        memcpy(tag, asked.p, asked.n);
        tag[asked.n] = '\0';
        l = texts_language(c, tag);
    }
    *chosen = l ? "yes" : "guess";
    if (!l)
        l = from_header(c, c->h->header(rq, "accept-language"));
    if (!l) {
        *chosen = "no";
        l = texts_at(c, 0);
    }
    return l->id;
}

/* ---- filling ---- */

struct filling {
    connector_instance *c;
    connector_request rq;
    struct page p;
    char *draft, *cookie;
    const struct connector_entry *entries;
    size_t entries_n;
};

static struct connector_bytes text_of(connector_instance *c, const char *key, const char *lang)
{
    const char *tag = NULL;
    return c->h->text(c->inst, key, lang, &tag);
}

static const char *exit_url(connector_instance *c)
{
    const char *url = c->h->setting(c->inst, "exit");
    return *url ? url : EXIT_DEFAULT;
}

static void value(struct filling *f, struct connector_bytes name, struct out *o)
{
    connector_instance *c = f->c;
    const struct language *l = texts_language(c, f->p.lang);
    char random[16], key[64];
    if (name.n > 2 && name.n < sizeof key && memcmp(name.p, "t.", 2) == 0) {
        snprintf(key, sizeof key, "%.*s", (int)name.n - 2, name.p + 2);
        out_html(o, texts_get(c, l, key));
    } else if (bytes_are(name, "lang"))
        out_html(o, bytes_of(l->id));
    else if (bytes_are(name, "dir"))
        out_html(o, bytes_of(l->dir));
    else if (bytes_are(name, "chosen"))
        out_html(o, bytes_of(f->p.chosen));
    else if (bytes_are(name, "base") || bytes_are(name, "socket")) {
        out_str(o, name.p[0] == 'b' ? "/chat/" : "/ws/chat/");
        out_html(o, bytes_of(c->h->operation(c->inst)));
        out_str(o, "/");
        out_html(o, bytes_of(c->h->channel(c->inst)));
    } else if (bytes_are(name, "name"))
        out_html(o, text_of(c, "operation.name", l->id));
    else if (bytes_are(name, "exit"))
        out_html(o, bytes_of(exit_url(c)));
    else if (bytes_are(name, "privacy") || bytes_are(name, "emergency")) {
        snprintf(key, sizeof key, "%.*s", (int)name.n, name.p);
        out_html(o, text_of(c, key, l->id));
    } else if (bytes_are(name, "session") && f->p.has_session)
        out_html(o, bytes_of(f->p.session.secret));
    else if (bytes_are(name, "ref")) {
        c->h->random(random, sizeof random);
        for (size_t i = 0; i < sizeof random; i++) {
            snprintf(key, sizeof key, "%02x", (unsigned char)random[i]);
            out_str(o, key);
        }
    }
}

static void languages(struct filling *f, struct out *o)
{
    const struct language *l;
    for (size_t i = 0; (l = texts_at(f->c, i)); i++) {
        out_str(o, "<li><a href=\"?lang=");
        out_html(o, bytes_of(l->id));
        out_str(o, "\" lang=\"");
        out_html(o, bytes_of(l->id));
        out_str(o, "\" dir=\"");
        out_str(o, l->dir);
        out_str(o, "\" hreflang=\"");
        out_html(o, bytes_of(l->id));
        out_str(o, strcmp(l->id, f->p.lang) == 0 ? "\" aria-current=\"true\">" : "\">");
        out_html(o, bytes_of(l->name));
        out_str(o, "</a></li>\n");
    }
}

static void entry_rest(struct out *o, const struct connector_entry *en, bool last)
{
    char number[64];
    for (size_t i = 0; i < en->files_n; i++) {
        out_str(o, "<a class=\"file\" dir=\"auto\" href=\"");
        out_html(o, bytes_of(en->files[i].url ? en->files[i].url : "#"));
        out_str(o, "\">");
        out_message(o, en->files[i].name.n ? en->files[i].name : en->files[i].type);
        out_str(o, "</a>\n");
    }
    for (size_t i = 0; last && i < en->choices_n; i++) {
        out_str(o, "<button class=\"choice\" form=\"write\" name=\"choice\" value=\"");
        out_html(o, en->choices[i].id);
        snprintf(number, sizeof number, "\" dir=\"auto\"><span>%zu</span> ", i + 1);
        out_str(o, number);
        out_str(o, "<b>");
        out_written(o, en->choices[i].title);
        out_str(o, "</b>");
        out_str(o, "</button>\n");
    }
}

static void entry(struct out *o, const struct connector_entry *en, bool last)
{
    struct out time;
    out_init(&time, 64);
    out_time(&time, en->time_ms);
    out_str(o, en->inbound ? "<li class=\"entry in\" id=\"e-" : "<li class=\"entry out\" id=\"e-");
    out_html(o, bytes_of(en->id));
    out_str(o, "\">");
    if (en->text.n) {
        out_str(o, "<div class=\"bubble\" dir=\"auto\">");
        out_written(o, en->text);
        out_str(o, "</div>\n");
    }
    entry_rest(o, en, last);
    out_str(o, "<time datetime=\"");
    out_bytes(o, out_view(&time));
    out_str(o, "\">");
    if (time.n > 16)
        out_add(o, time.p + 11, 5);
    out_str(o, "</time></li>\n");
    out_clear(&time);
}

static void entries(struct filling *f, struct out *o)
{
    for (size_t i = 0; i < f->entries_n; i++)
        if (f->entries[i].kind == CONNECTOR_MESSAGE)
            entry(o, &f->entries[i], i + 1 == f->entries_n);
}

static void part(struct filling *f, struct connector_bytes name, struct out *o)
{
    const struct language *l = texts_language(f->c, f->p.lang);
    if (bytes_are(name, "texts"))
        texts_json(f->c, l, o);
    else if (bytes_are(name, "languages"))
        languages(f, o);
    else if (bytes_are(name, "entries"))
        entries(f, o);
    else if (bytes_are(name, "notice") && f->p.notice) {
        out_str(o, "<p class=\"notice\" role=\"status\">");
        out_html(o, texts_get(f->c, l, f->p.notice));
        out_str(o, "</p>");
    } else if (bytes_are(name, "draft"))
        out_html(o, f->p.draft);
}

static const char *find(const char *p, const char *end, const char *what)
{
    size_t n = strlen(what);
    return (size_t)(end - p) >= n ? memmem(p, (size_t)(end - p), what, n) : NULL;
}

/* One pass: what was put in is not looked at again. */
static void fill(struct filling *f, struct connector_bytes t, struct out *o)
{
    const char *p = t.p, *end = t.p + t.n;
    while (p < end) {
        const char *v = find(p, end, "{{"), *m = find(p, end, "<!--parley:"), *at, *close;
        bool is_value = v && (!m || v < m);
        at = is_value ? v : m;
        close = at ? find(at, end, is_value ? "}}" : "-->") : NULL;
        if (!close) {
            out_add(o, p, (size_t)(end - p));
            return;
        }
        out_add(o, p, (size_t)(at - p));
        const char *name = at + (is_value ? 2 : 11);
        (is_value ? value : part)(f, (struct connector_bytes){name, (size_t)(close - name)}, o);
        p = close + (is_value ? 2 : 3);
    }
}

/* ---- the policy ---- */

/* "https://host" of a URL, into o. */
static void origin_of(const char *url, struct out *o)
{
    const char *host = strstr(url, "://");
    if (host)
        out_add(o, url, (size_t)(host - url) + 3 + strcspn(host + 3, "/?#"));
}

/* The channel's origins, blank- or comma-separated; what could break out of the header is left out. */
static void ancestors(connector_instance *c, struct out *o)
{
    for (const char *s = c->h->setting(c->inst, "origins"); *s; s++)
        if (*s == ',' || *s == ' ')
            out_str(o, " ");
        else if ((unsigned char)*s > 0x20 && *s != ';' && *s != '\'' && *s != '"')
            out_add(o, s, 1);
}

static void policy(struct filling *f, struct out *o)
{
    const char *p = texts_csp(f->c), *open;
    struct connector_bytes host = f->c->h->header(f->rq, "host");
    while ((open = strstr(p, "{{"))) {
        const char *close = strstr(open, "}}");
        if (!close)
            break;
        out_add(o, p, (size_t)(open - p));
        struct connector_bytes name = {open + 2, (size_t)(close - open - 2)};
        if (bytes_are(name, "socket_origins")) {
            if (!f->p.secure) {
                out_str(o, "ws://");
                out_bytes(o, host);
                out_str(o, " ");
            }
            out_str(o, "wss://");
            out_bytes(o, host);
        } else if (bytes_are(name, "exit_origin"))
            origin_of(exit_url(f->c), o);
        else if (bytes_are(name, "ancestors"))
            ancestors(f->c, o);
        p = close + 2;
    }
    out_str(o, p);
}

/* ---- answering ---- */

static void answer(struct filling *f)
{
    struct out o, csp;
    out_init(&o, PAGE_MAX);
    out_init(&csp, 8192);
    fill(f, texts_template(f->c), &o);
    policy(f, &csp);
    struct connector_header heads[] = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "same-origin"},
        {"Permissions-Policy", "microphone=(self), camera=(), geolocation=()"},
        {"Content-Security-Policy", csp.p ? csp.p : "default-src 'none'"},
        {"Set-Cookie", f->cookie},
    };
    if (o.over)
        f->c->h->problem(f->rq, 500, "the page is too large");
    else
        f->c->h->reply(f->rq, f->p.status, heads, f->cookie ? 6 : 5, out_view(&o));
    out_clear(&o);
    out_clear(&csp);
    f->c->links--;
    free(f->draft);
    free(f->cookie);
    free(f);
}

static void on_history(void *arg, int err, const struct connector_entry *list, size_t n)
{
    struct filling *f = arg;
    if (err == CONNECTOR_OK) {
        f->entries = list;
        f->entries_n = n;
    }
    answer(f);
}

void page_answer(connector_instance *c, connector_request rq, const struct page *p)
{
    struct filling *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->c = c;
    f->rq = rq;
    f->p = *p;
    if (p->draft.n) {
        f->draft = strndup(p->draft.p, p->draft.n);
        f->p.draft.p = f->draft;
    }
    if (p->cookie)
        f->cookie = strdup(p->cookie);
    c->links++;
    if (p->has_session)
        c->h->history(c->inst, session_address(&f->p.session), "", ENTRIES_MAX, on_history, f);
    else
        answer(f);
}

static bool query(const struct connector_request_info *i, const char *name, char *out, size_t cap)
{
    size_t n = strlen(name), at = 0;
    while (at < i->query.n) {
        size_t end = at;
        while (end < i->query.n && i->query.p[end] != '&')
            end++;
        if (end - at > n && memcmp(i->query.p + at, name, n) == 0 && i->query.p[at + n] == '=' &&
            end - at - n - 1 < cap) {
            memcpy(out, i->query.p + at + n + 1, end - at - n - 1);
            out[end - at - n - 1] = '\0';
            return true;
        }
        at = end + 1;
    }
    return false;
}

void page_get(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    char lang[LANG_MAX] = "", sent[4] = "";
    struct connector_bytes cookie;
    struct page p = {.status = 200, .secure = i->secure};
    query(i, "lang", lang, sizeof lang);
    p.lang = page_language(c, rq, bytes_of(lang), &p.chosen);
    p.has_session = session_cookie(c, rq, i->secure, &cookie) && session_take(c, cookie, &p.session);
    if (query(i, "sent", sent, sizeof sent))
        p.notice = p.has_session ? "sent_stored" : "sent_no_cookie";
    page_answer(c, rq, &p);
}

void page_texts(connector_instance *c, connector_request rq, struct connector_bytes lang)
{
    static const struct connector_header heads[] = {{"Content-Type", "application/json"},
                                                    {"Cache-Control", "no-store"}};
    char id[LANG_MAX] = "";
    if (lang.n < sizeof id)
        memcpy(id, lang.p, lang.n);
    const struct language *l = texts_language(c, id);
    if (!l) {
        c->h->problem(rq, 404, "this language is not spoken here");
        return;
    }
    struct out o;
    out_init(&o, PAGE_MAX);
    texts_json(c, l, &o);
    c->h->reply(rq, 200, heads, 2, out_view(&o));
    out_clear(&o);
}
