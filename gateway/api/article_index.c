/* SPDX-License-Identifier: Apache-2.0
 * See article_index.h. An operation has hundreds of articles, so a query walks them all: some microseconds
 * each. */
#include "gateway/api/article_index.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "router/fold.h"
#include <stdlib.h>
#include <string.h>

#define TITLE_MAX  200
#define TEXT_MAX   20000
#define QUERY_MOST 12

const char *const article_states[] = {"draft", "published", "retired", NULL};

struct article_index {
    struct map all; /* id → struct article */
};

/* ---- what an article is ---- */

static bool date_valid(struct slice s)
{
    int64_t ms;
    char whole[32];
    if (s.n != 10)
        return false;
    memcpy(whole, s.p, 10);
    memcpy(whole + 10, "T00:00:00Z", 11);
    return time_parse(slice_str(whole), &ms);
}

static int refuse(struct err *e, const char *what)
{
    err_set(e, ERR_INVALID, "%s", what);
    return -ERR_INVALID;
}

static int texts_check(const json_t *texts, struct err *e)
{
    static const char *const known[] = {"title", "text", NULL};
    const char *tag;
    json_t *one;
    if (!json_is_object(texts) || !json_object_size(texts) || json_object_size(texts) > ARTICLE_TEXTS)
        return refuse(e, "texts: an object of 1 to 24 languages is wanted, each with title and text");
    json_object_foreach((json_t *)(uintptr_t)texts, tag, one)
    {
        struct slice title = json_opt_str(one, "title"), text = json_opt_str(one, "text");
        if (strlen(tag) > 11 || !name_valid(slice_str(tag)) || !json_is_object(one) ||
            !json_only(one, known, e))
            return refuse(e, "texts: a language's tag, and of each title and text alone");
        if (!title.n || title.n > TITLE_MAX || !text.n || text.n > TEXT_MAX)
            return refuse(e, "texts: a title of 1 to 200 and a text of 1 to 20,000 bytes are wanted");
    }
    return 0;
}

static bool names_check(const json_t *list, size_t most)
{
    size_t i;
    json_t *one;
    if (list && (!json_is_array(list) || json_array_size(list) > most))
        return false;
    json_array_foreach(list, i, one)
    {
        size_t n = json_string_length(one);
        if (!json_is_string(one) || n < 1 || n > 64)
            return false;
    }
    return true;
}

static int source_check(const json_t *source, struct err *e)
{
    static const char *const known[] = {"name", "url", NULL};
    struct slice url = json_opt_str(source, "url");
    if (!source || json_is_null(source))
        return 0;
    if (!json_is_object(source) || !json_only(source, known, e) || json_opt_str(source, "name").n > 200)
        return refuse(e, "source: {\"name\",\"url\"} is wanted");
    if (url.n && (url.n > 1000 || (!slice_starts(url, "https://") && !slice_starts(url, "http://"))))
        return refuse(e, "source: url begins with https:// or http://");
    return 0;
}

static bool one_of(struct slice s, const char *const *words)
{
    for (; *words; words++)
        if (slice_is(s, *words))
            return true;
    return false;
}

static bool empty_or(const json_t *o, const char *key, bool (*good)(struct slice s))
{
    const json_t *v = json_object_get(o, key);
    struct slice s = json_opt_str(o, key);
    return !v || json_is_null(v) || (json_is_string(v) && (!s.n || good(s)));
}

int article_check(const json_t *o, struct err *e)
{
    static const char *const kinds[] = {"answer", "article", NULL};
    int64_t clearance = json_opt_int(o, "clearance", 0);
    if (!one_of(json_opt_str(o, "kind"), kinds))
        return refuse(e, "kind: answer or article");
    if (json_object_get(o, "state") && !one_of(json_opt_str(o, "state"), article_states))
        return refuse(e, "state: draft, published or retired");
    if (!empty_or(o, "area", area_valid) || !empty_or(o, "topic", name_valid) ||
        !empty_or(o, "owner", name_valid))
        return refuse(e, "area, topic, owner: names are wanted");
    if (!empty_or(o, "shortcut", name_valid))
        return refuse(e, "shortcut: a short name without the slash is wanted");
    if (!empty_or(o, "review", date_valid))
        return refuse(e, "review: a date such as 2027-01-31 is wanted");
    if (!names_check(json_object_get(o, "tags"), ARTICLE_TAGS))
        return refuse(e, "tags: at most 16 words of at most 64 bytes");
    if (clearance < 0 || clearance > 2)
        return refuse(e, "clearance: 0 to 2");
    int rc = source_check(json_object_get(o, "source"), e);
    return rc ? rc : texts_check(json_object_get(o, "texts"), e);
}

/* ---- taking one in ---- */

static void article_free(void *p)
{
    struct article *a = p;
    json_decref(a->json);
    struct arena *arena = a->arena;
    arena_free(&arena);
    mem_free(a);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static struct slice *words_of(struct article *a, struct slice text, size_t *n)
{
    struct slice *all = fold_list(text, a->arena, n);
    *n = fold_distinct(all, *n, a->arena, all, ARTICLE_WORDS);
    return all;
}

static void take_texts(struct article *a)
{
    const char *tag;
    json_t *one;
    json_object_foreach(json_object_get(a->json, "texts"), tag, one)
    {
        if (a->texts_n == ARTICLE_TEXTS || strlen(tag) >= sizeof a->texts[0].language)
            continue;
        struct article_text *t = &a->texts[a->texts_n++];
        memcpy(t->language, tag, strlen(tag) + 1);
        t->title = text_of(one, "title");
        t->text = text_of(one, "text");
        t->title_words = words_of(a, slice_str(t->title), &t->title_words_n);
        t->words = words_of(a, slice_str(t->text), &t->words_n);
    }
}

static void take_tags(struct article *a)
{
    size_t i;
    json_t *one;
    struct buf all;
    buf_init(&all, 8192);
    buf_str(&all, a->shortcut);
    json_array_foreach(json_object_get(a->json, "tags"), i, one)
    {
        buf_char(&all, ' ');
        buf_str(&all, json_string_value(one));
    }
    a->tag_words = words_of(a, buf_view(&all), &a->tag_words_n);
    buf_clear(&all);
}

struct article_index *article_index_new(void)
{
    struct article_index *x = mem_alloc(sizeof *x);
    map_init(&x->all);
    return x;
}

void article_index_free(struct article_index *x)
{
    if (!x)
        return;
    map_clear(&x->all, article_free);
    mem_free(x);
}

void article_index_clear(struct article_index *x)
{
    map_clear(&x->all, article_free);
    map_init(&x->all);
}

bool article_index_put(struct article_index *x, const char *id, uint64_t version, json_t *o)
{
    struct err e = {0};
    if (strlen(id) > ARTICLE_ID || article_check(o, &e)) {
        article_index_del(x, id);
        return false;
    }
    struct article *a = mem_alloc(sizeof *a);
    memcpy(a->id, id, strlen(id) + 1);
    a->version = version;
    a->json = json_incref(o);
    a->arena = arena_new();
    while (article_states[a->state] && strcmp(article_states[a->state], text_of(o, "state")) != 0 &&
           a->state < ARTICLE_RETIRED)
        a->state++;
    if (!*text_of(o, "state"))
        a->state = ARTICLE_DRAFT;
    a->is_answer = strcmp(text_of(o, "kind"), "answer") == 0;
    a->clearance = (int)json_opt_int(o, "clearance", 0);
    a->area = text_of(o, "area");
    a->topic = text_of(o, "topic");
    a->shortcut = text_of(o, "shortcut");
    a->owner = text_of(o, "owner");
    a->review = text_of(o, "review");
    take_tags(a);
    take_texts(a);
    struct article *before = map_put(&x->all, slice_str(id), a);
    if (before)
        article_free(before);
    return true;
}

void article_index_del(struct article_index *x, const char *id)
{
    struct article *a = map_del(&x->all, slice_str(id));
    if (a)
        article_free(a);
}

const struct article *article_index_get(const struct article_index *x, const char *id)
{
    return map_get(&x->all, slice_str(id));
}

size_t article_index_n(const struct article_index *x)
{
    return x->all.n;
}

/* ---- finding ---- */

bool article_area_holds(const char *outer, const char *inner)
{
    size_t n = strlen(outer);
    return !n || (strncmp(inner, outer, n) == 0 && (!inner[n] || inner[n] == '/'));
}

bool article_overdue(const struct article *a, const char *today)
{
    return *a->review && strcmp(a->review, today) < 0;
}

const struct article_text *article_text_in(const struct article *a, const char *const *languages)
{
    for (; languages && *languages; languages++)
        for (size_t i = 0; i < a->texts_n; i++)
            if (strcmp(a->texts[i].language, *languages) == 0)
                return &a->texts[i];
    return a->texts_n ? &a->texts[0] : NULL;
}

enum { SCORE_TEXT = 10, SCORE_TAG = 60, SCORE_TITLE = 100, SCORE_WHOLE = 15, SCORE_OWN = 5 };

/* 0: none of the words begins so; 1: one does; 2: one is it. */
static int begins(const struct slice *words, size_t n, struct slice q)
{
    int found = 0;
    for (size_t i = 0; i < n && found < 2; i++)
        if (words[i].n >= q.n && memcmp(words[i].p, q.p, q.n) == 0)
            found = words[i].n == q.n ? 2 : 1;
    return found;
}

static int scored(int found, int base)
{
    return found ? base + (found == 2 ? SCORE_WHOLE : 0) : 0;
}

/* Of one word of the query; 0: it is nowhere. own: the text that would be shown. */
static int word_score(const struct article *a, const struct article_text *own, struct slice q)
{
    int best = scored(begins(a->tag_words, a->tag_words_n, q), SCORE_TAG);
    for (size_t i = 0; i < a->texts_n; i++) {
        const struct article_text *t = &a->texts[i];
        int title = scored(begins(t->title_words, t->title_words_n, q), SCORE_TITLE);
        int text = title ? 0 : scored(begins(t->words, t->words_n, q), SCORE_TEXT);
        int score = title + text + (t == own && (title || text) ? SCORE_OWN : 0);
        best = score > best ? score : best;
    }
    return best;
}

static int depth(const char *area)
{
    int n = *area ? 1 : 0;
    for (; *area; area++)
        n += *area == '/';
    return n;
}

static bool fits(const struct article_query *q, const struct article *a)
{
    if (q->area && !article_area_holds(a->area, q->area))
        return false;
    if ((q->topic && strcmp(q->topic, a->topic) != 0) ||
        (q->kind && strcmp(q->kind, a->is_answer ? "answer" : "article") != 0))
        return false;
    return q->visible(q->arg, a);
}

static int better(const void *x, const void *y)
{
    const struct article_hit *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    int da = depth(a->a->area), db = depth(b->a->area);
    if (da != db)
        return da > db ? -1 : 1;
    int by = strcmp(a->t->title, b->t->title);
    return by ? by : strcmp(a->a->id, b->a->id);
}

/* Another one is called the same way, and nearer. */
static bool is_farther(const struct article_hit *hits, size_t n, const struct article *a)
{
    for (size_t j = 0; j < n && *a->shortcut; j++) {
        const struct article *b = hits[j].a;
        if (b != a && strcmp(b->shortcut, a->shortcut) == 0 && depth(b->area) > depth(a->area) &&
            article_area_holds(a->area, b->area))
            return true;
    }
    return false;
}

/* Of several that are called the same way the nearest stays. */
static size_t nearest_only(struct article_hit *hits, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (is_farther(hits, n, hits[i].a))
            hits[i].score = 0;
    for (size_t i = 0; i < n; i++)
        if (hits[i].score)
            hits[k++] = hits[i];
    return k;
}

static int score_of(const struct article *a, const struct article_text *own, const struct slice *words,
                    size_t n)
{
    int score = 1;
    for (size_t i = 0; i < n; i++) {
        int one = word_score(a, own, words[i]);
        if (!one)
            return 0;
        score += one;
    }
    return score;
}

size_t article_search(const struct article_index *x, const struct article_query *q, struct article_hit *hits,
                      size_t max)
{
    struct arena *arena = arena_new();
    size_t words_n, n = 0, i = 0;
    struct slice key, *words = fold_list(q->text, arena, &words_n);
    void *v;
    struct article_hit *all = mem_array(x->all.n + 1, sizeof *all);
    words_n = words_n > QUERY_MOST ? QUERY_MOST : words_n;
    while (map_each(&x->all, &i, &key, &v)) {
        const struct article *a = v;
        if (!fits(q, a))
            continue;
        const struct article_text *own = article_text_in(a, q->languages);
        int score = own ? score_of(a, own, words, words_n) : 0;
        if (score)
            all[n++] = (struct article_hit){a, own, score};
    }
    if (q->area)
        n = nearest_only(all, n);
    qsort(all, n, sizeof *all, better);
    n = n > max ? max : n;
    if (n)
        memcpy(hits, all, n * sizeof *hits);
    mem_free(all);
    arena_free(&arena);
    return n;
}
