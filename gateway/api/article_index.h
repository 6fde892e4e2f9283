/* SPDX-License-Identifier: Apache-2.0
 * Articles and canned answers in memory: found by words, by shortcut, by id. Pure; who may see which is
 * told by the caller. Each text is folded once (router/fold.h), and a query's words need only begin a word.
 */
#ifndef PARLEY_API_ARTICLE_INDEX_H
#define PARLEY_API_ARTICLE_INDEX_H

#include "gateway/base/json.h"

#define ARTICLE_ID    40
#define ARTICLE_TAGS  16
#define ARTICLE_TEXTS 24
#define ARTICLE_WORDS 4000 /* of one text that are looked at */

enum article_state { ARTICLE_DRAFT, ARTICLE_PUBLISHED, ARTICLE_RETIRED };
extern const char *const article_states[]; /* "draft", … */

struct article_text {
    char language[12];
    const char *title, *text;
    struct slice *title_words, *words; /* folded */
    size_t title_words_n, words_n;
};

struct article {
    char id[ARTICLE_ID + 1];
    uint64_t version;
    enum article_state state;
    bool is_answer;                              /* a canned answer; else an article */
    int clearance;                               /* the least that somebody needs who reads it */
    const char *area, *topic, *shortcut, *owner; /* "" none; owner: the partner's team that wrote it */
    const char *review;                          /* "2027-01-31"; "" none */
    struct slice *tag_words;
    size_t tag_words_n;
    struct article_text texts[ARTICLE_TEXTS];
    size_t texts_n;
    json_t *json; /* the whole record */
    struct arena *arena;
};

struct article_index;
struct article_index *article_index_new(void);
void article_index_free(struct article_index *x);
/* What is wrong with it, or 0. */
int article_check(const json_t *o, struct err *e);
/* Replaces one of the same id. The JSON is checked before; what is no article is left out (false). */
bool article_index_put(struct article_index *x, const char *id, uint64_t version, json_t *o);
void article_index_del(struct article_index *x, const char *id);
void article_index_clear(struct article_index *x);
const struct article *article_index_get(const struct article_index *x, const char *id);
size_t article_index_n(const struct article_index *x);

struct article_query {
    struct slice text;            /* words, or "/shortcut"; empty: all */
    const char *const *languages; /* in this order a text is chosen; NULL-terminated; may be empty */
    const char *area;             /* NULL: any; else this one and those above it, the nearest first */
    const char *topic;            /* NULL any */
    const char *kind;             /* "answer", "article", NULL any */
    bool (*visible)(void *arg, const struct article *a);
    void *arg;
};
struct article_hit {
    const struct article *a;
    const struct article_text *t; /* in the first language that it has */
    int score;
};
/* The best first; of several with the same shortcut the nearest area's alone. Returns how many of at most
 * max.
 */
size_t article_search(const struct article_index *x, const struct article_query *q, struct article_hit *hits,
                      size_t max);
/* The text in the first of these languages that it has, else its first one. */
const struct article_text *article_text_in(const struct article *a, const char *const *languages);
/* Is the review date over? today: "2026-01-31". */
bool article_overdue(const struct article *a, const char *today);
/* "tr" holds "tr" and "tr/izmir"; "" holds all. */
bool article_area_holds(const char *outer, const char *inner);

#endif
