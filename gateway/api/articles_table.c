/* SPDX-License-Identifier: Apache-2.0
 * Articles out and in, as JSON and as CSV (a row for each language). What was imported and then changed here
 * stays as it is here when it is imported again: it is marked instead. */
#include "gateway/api/articles_internal.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define ROWS_MAX 20000

static const char *const columns[] = {"id",          "kind",       "state",     "area",   "topic",
                                      "shortcut",    "tags",       "clearance", "review", "owner",
                                      "source_name", "source_url", "language",  "title",  "text"};
#define COLUMNS (sizeof columns / sizeof *columns)
enum {
    C_ID,
    C_KIND,
    C_STATE,
    C_AREA,
    C_TOPIC,
    C_SHORTCUT,
    C_TAGS,
    C_CLEARANCE,
    C_REVIEW,
    C_OWNER,
    C_SOURCE,
    C_URL,
    C_LANGUAGE,
    C_TITLE,
    C_TEXT
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- out ---- */

/* What a table program would take for a formula begins with an apostrophe; taking it in drops that again. */
static void csv_cell(struct buf *b, const char *s)
{
    buf_str(b, strchr("=+-@\t\r'", *s) && *s ? "\"'" : "\"");
    for (; *s; s++) {
        if (*s == '"')
            buf_char(b, '"');
        buf_char(b, *s);
    }
    buf_char(b, '"');
}

static void csv_article(struct buf *b, const struct article *a)
{
    const json_t *source = json_object_get(a->json, "source");
    char clearance[4];
    snprintf(clearance, sizeof clearance, "%d", a->clearance);
    struct buf tags;
    size_t i;
    json_t *one;
    buf_init(&tags, 4096);
    json_array_foreach(json_object_get(a->json, "tags"), i, one)
    {
        buf_str(&tags, i ? "|" : "");
        buf_str(&tags, json_string_value(one));
    }
    buf_char(&tags, '\0');
    for (size_t k = 0; k < a->texts_n; k++) {
        const char *const row[COLUMNS] = {a->id,
                                          a->is_answer ? "answer" : "article",
                                          article_states[a->state],
                                          a->area,
                                          a->topic,
                                          a->shortcut,
                                          tags.p,
                                          clearance,
                                          a->review,
                                          a->owner,
                                          text_of(source, "name"),
                                          text_of(source, "url"),
                                          a->texts[k].language,
                                          a->texts[k].title,
                                          a->texts[k].text};
        for (size_t c = 0; c < COLUMNS; c++) {
            buf_str(b, c ? "," : "");
            csv_cell(b, row[c]);
        }
        buf_str(b, "\r\n");
    }
    buf_clear(&tags);
}

static bool seen(void *arg, const struct article *a)
{
    return articles_sees(arg, a);
}

static void reply_csv(struct call *c, const struct article_hit *hits, size_t n)
{
    static const struct http_head heads[] = {
        {"Content-Type", {"text/csv; charset=utf-8", 23}},
        {"Content-Disposition", {"attachment; filename=\"articles.csv\"", 34}},
        {"Cache-Control", {"no-store", 8}},
        {NULL, {0, 0}}};
    struct buf b;
    buf_init(&b, 64u << 20);
    buf_str(&b, "\xef\xbb\xbf");
    for (size_t k = 0; k < COLUMNS; k++)
        buf_printf(&b, "%s%s", k ? "," : "", columns[k]);
    buf_str(&b, "\r\n");
    for (size_t i = 0; i < n; i++)
        csv_article(&b, hits[i].a);
    http_reply(c->rq, 200, heads, buf_view(&b));
    call_end(c);
    buf_clear(&b);
}

static void reply_json(struct call *c, const struct article_hit *hits, size_t n)
{
    struct buf b;
    call_list(&b);
    for (size_t i = 0; i < n; i++) {
        call_item(&b);
        articles_view(&b, c->op, &c->caller.who, hits[i].a, NULL);
    }
    call_list_end(c, &b, "");
}

static void export_now(struct call *c)
{
    struct article_query q = {.text = {0}, .visible = seen, .arg = &c->caller.who};
    size_t n = article_index_n(c->op->articles->index);
    struct article_hit *hits = mem_array(n + 1, sizeof *hits);
    struct buf format;
    buf_init(&format, 16);
    n = article_search(c->op->articles->index, &q, hits, n);
    bool given = call_query(c, "format", &format);
    if (given && slice_is(buf_view(&format), "csv"))
        reply_csv(c, hits, n);
    else if (given && !slice_is(buf_view(&format), "json"))
        call_problem(c, 400, "format: json or csv");
    else
        reply_json(c, hits, n);
    buf_clear(&format);
    mem_free(hits);
}

void articles_export(struct call *c)
{
    articles_when(c, export_now);
}

/* ---- in: a CSV as the same list of articles ---- */

/* One cell of text from *at on; *last: it ends its row. False: the end. */
static bool csv_next(struct slice text, size_t *at, struct buf *cell, bool *last)
{
    bool quoted = false;
    buf_reset(cell);
    if (*at >= text.n)
        return false;
    if (text.p[*at] == '"') {
        quoted = true;
        ++*at;
    }
    for (; *at < text.n; ++*at) {
        char ch = text.p[*at];
        if (quoted && ch == '"' && *at + 1 < text.n && text.p[*at + 1] == '"')
            ++*at;
        else if (quoted && ch == '"') {
            quoted = false;
            continue;
        } else if (!quoted && (ch == ',' || ch == '\n'))
            break;
        else if (!quoted && ch == '\r')
            continue;
        buf_char(cell, ch);
    }
    *last = *at >= text.n || text.p[*at] == '\n';
    ++*at;
    if (cell->n > 1 && cell->p[0] == '\'' && memchr("=+-@\t\r'", cell->p[1], 7))
        buf_drop_front(cell, 1);
    buf_char(cell, '\0');
    return true;
}

static json_t *tags_of(const char *text)
{
    json_t *list = json_array();
    struct slice rest = slice_str(text), one;
    while (slice_next(&rest, '|', &one))
        if (one.n)
            json_array_append_new(list, json_stringn(one.p, one.n));
    return list;
}

static void row_article(json_t *o, char *const *v)
{
    static const struct {
        int column;
        const char *name;
    } plain[] = {{C_ID, "id"},       {C_KIND, "kind"},         {C_STATE, "state"},   {C_AREA, "area"},
                 {C_TOPIC, "topic"}, {C_SHORTCUT, "shortcut"}, {C_REVIEW, "review"}, {C_OWNER, "owner"}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (v[plain[i].column] && *v[plain[i].column])
            json_object_set_new(o, plain[i].name, json_string(v[plain[i].column]));
    if (v[C_TAGS] && *v[C_TAGS])
        json_object_set_new(o, "tags", tags_of(v[C_TAGS]));
    if (v[C_CLEARANCE] && *v[C_CLEARANCE])
        json_object_set_new(o, "clearance", json_integer(v[C_CLEARANCE][0] - '0'));
    if ((v[C_SOURCE] && *v[C_SOURCE]) || (v[C_URL] && *v[C_URL])) {
        json_t *s = json_object();
        if (v[C_SOURCE] && *v[C_SOURCE])
            json_object_set_new(s, "name", json_string(v[C_SOURCE]));
        if (v[C_URL] && *v[C_URL])
            json_object_set_new(s, "url", json_string(v[C_URL]));
        json_object_set_new(o, "source", s);
    }
}

/* A row is one language of the article with its id. */
static void row_take(json_t *items, json_t *by_id, char *const *v)
{
    const char *id = v[C_ID] ? v[C_ID] : "";
    json_t *o = *id ? json_object_get(by_id, id) : NULL;
    if (!o) {
        o = json_object();
        json_object_set_new(o, "texts", json_object());
        json_array_append_new(items, o);
        if (*id)
            json_object_set(by_id, id, o);
    }
    row_article(o, v);
    if (v[C_LANGUAGE] && *v[C_LANGUAGE])
        json_object_set_new(json_object_get(o, "texts"), v[C_LANGUAGE],
                            json_pack("{s:s?,s:s?}", "title", v[C_TITLE], "text", v[C_TEXT]));
}

static int column_of(const char *name)
{
    for (size_t i = 0; i < COLUMNS; i++)
        if (strcmp(columns[i], name) == 0)
            return (int)i;
    return -1;
}

static json_t *csv_items(struct slice text)
{
    json_t *items = json_array(), *by_id = json_object();
    struct buf cell;
    struct arena *arena = arena_new();
    int map[64];
    char *v[COLUMNS] = {NULL};
    size_t at = 0, n = 0, rows = 0;
    bool last, any = false;
    if (slice_starts(text, "\xef\xbb\xbf"))
        at = 3;
    buf_init(&cell, 1u << 16);
    while (rows <= ROWS_MAX && csv_next(text, &at, &cell, &last)) {
        if (rows == 0 && n < 64)
            map[n] = column_of(cell.p);
        else if (n < 64 && map[n] >= 0 && !cell.err)
            v[map[n]] = arena_strdup(arena, cell.p);
        any |= cell.n > 1;
        n++;
        if (!last)
            continue;
        for (size_t k = n; rows == 0 && k < 64; k++)
            map[k] = -1;
        if (rows && any)
            row_take(items, by_id, v);
        memset(v, 0, sizeof v);
        n = 0;
        any = false;
        rows++;
    }
    buf_clear(&cell);
    arena_free(&arena);
    json_decref(by_id);
    return items;
}

/* ---- in: one after the other ---- */

struct import {
    struct call *c;
    json_t *items, *errors, *now;
    char id[ARTICLE_ID + 1];
    size_t at;
    unsigned made, changed, same, kept;
};

static void import_next(struct import *m);

static void import_end(struct import *m)
{
    json_t *answer = json_pack("{s:i,s:i,s:i,s:i,s:O}", "made", (int)m->made, "changed", (int)m->changed,
                               "same", (int)m->same, "kept", (int)m->kept, "errors", m->errors);
    struct buf b;
    buf_init(&b, 8u << 20);
    json_write(answer, &b);
    call_json(m->c, 200, buf_view(&b));
    buf_clear(&b);
    json_decref(answer);
    json_decref(m->errors);
    json_decref(m->items);
    mem_free(m);
}

static void import_wrong(struct import *m, const char *why)
{
    json_array_append_new(m->errors, json_pack("{s:i,s:s}", "item", (int)m->at, "error", why));
}

static void on_imported(void *arg, const struct err *e, uint64_t version)
{
    struct import *m = arg;
    if (e->code)
        import_wrong(m, e->text);
    else
        article_index_put(m->c->op->articles->index, m->id, version, m->now);
    json_decref(m->now);
    m->now = NULL;
    m->at++;
    import_next(m);
}

static void print_of(const json_t *o, char out[33])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct buf b;
    buf_init(&b, RECORD_JSON * 2);
    json_write(o, &b);
    SHA256((const unsigned char *)b.p, b.n, hash);
    buf_clear(&b);
    text_hex(out, hash, 16);
}

/* A record of what stands in the file; NULL: something is wrong with it (told). */
static json_t *import_item(struct import *m, json_t *item)
{
    static const char *const known[] = {"id",       "version",   "kind",       "state",   "shortcut",
                                        "area",     "topic",     "owner",      "review",  "source",
                                        "tags",     "clearance", "texts",      "overdue", "source_changed",
                                        "editable", "languages", "updated_by", "ratings", "used",
                                        NULL};
    static const char *const dropped[] = {"id",        "version",    "overdue", "source_changed", "editable",
                                          "languages", "updated_by", "ratings", "used",           NULL};
    struct err e = {0};
    const struct who *w = &m->c->caller.who;
    if (!json_is_object(item)) {
        import_wrong(m, "an object is wanted");
        return NULL;
    }
    bool fine = json_only(item, known, &e);
    json_t *o = json_deep_copy(item);
    for (size_t i = 0; dropped[i]; i++)
        json_object_del(o, dropped[i]);
    const char *key;
    json_t *v;
    void *next;
    json_object_foreach_safe(o, next, key, v) if (json_is_null(v)) json_object_del(o, key);
    if (!*text_of(o, "state"))
        json_object_set_new(o, "state", json_string("draft"));
    if (fine && !article_check(o, &e)) {
        if (articles_edits(w, text_of(o, "area"), text_of(o, "owner"), (int)json_opt_int(o, "clearance", 0)))
            return o;
        import_wrong(m, "you may not write an article for this area, team or clearance");
    } else {
        import_wrong(m, e.text);
    }
    json_decref(o);
    return NULL;
}

/* What is there already, and was it changed here? True: nothing is to be put. */
static bool import_known(struct import *m, json_t *o, const struct article *a)
{
    char print[33];
    print_of(o, print);
    json_object_set_new(o, "imported", json_string(print));
    if (!a)
        return false;
    if (strcmp(text_of(a->json, "imported"), print) == 0) {
        m->same++;
        return true;
    }
    if (json_opt_bool(a->json, "local", false) || !*text_of(a->json, "imported")) {
        json_t *kept = json_deep_copy(a->json);
        json_object_set_new(kept, "imported", json_string(print));
        json_object_set_new(kept, "local", json_true());
        json_object_set_new(kept, "source_changed", json_true());
        json_object_clear(o);
        json_object_update(o, kept);
        json_decref(kept);
        m->kept++;
        return false;
    }
    m->changed++;
    return false;
}

/* False: there is nothing to wait for. */
static bool import_one(struct import *m)
{
    json_t *item = json_array_get(m->items, m->at);
    struct slice id = json_opt_str(item, "id");
    if (id.n && (id.n > ARTICLE_ID || !name_valid(id))) {
        import_wrong(m, "id: a name of at most 40 is wanted");
        return false;
    }
    json_t *o = import_item(m, item);
    if (!o)
        return false;
    if (id.n)
        snprintf(m->id, sizeof m->id, "%.*s", (int)id.n, id.p);
    else
        snprintf(m->id, sizeof m->id, "%s", id_new().s);
    const struct article *a = article_index_get(m->c->op->articles->index, m->id);
    if (a && !articles_edits(&m->c->caller.who, a->area, a->owner, a->clearance)) {
        import_wrong(m, "you may not change this article");
        json_decref(o);
        return false;
    }
    if (import_known(m, o, a)) {
        json_decref(o);
        return false;
    }
    m->made += !a;
    m->now = o;
    articles_put(m->c->op, m->id, o, a ? a->version : 0,
                 *m->c->caller.agent ? m->c->caller.agent : m->c->caller.login, "article.import", on_imported,
                 m);
    return true;
}

static void import_next(struct import *m)
{
    while (m->at < json_array_size(m->items)) {
        if (import_one(m))
            return;
        m->at++;
    }
    import_end(m);
}

static void import_now(struct call *c)
{
    static const char *const known[] = {"items", "csv", NULL};
    json_t *items = json_object_get(c->body, "items");
    struct slice csv = json_opt_str(c->body, "csv");
    if (!call_members(c, known))
        return;
    if (!json_is_array(items) && !csv.n) {
        call_problem(c, 400, "items: a list of articles is wanted, or csv: a table as text");
        return;
    }
    struct import *m = mem_alloc(sizeof *m);
    m->c = c;
    m->items = json_is_array(items) ? json_incref(items) : csv_items(csv);
    m->errors = json_array();
    import_next(m);
}

void articles_import(struct call *c)
{
    articles_when(c, import_now);
}
