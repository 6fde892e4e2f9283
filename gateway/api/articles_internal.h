/* SPDX-License-Identifier: Apache-2.0
 * What the files articles*.c share: the index of an operation with what was said about each article. */
#ifndef PARLEY_API_ARTICLES_INTERNAL_H
#define PARLEY_API_ARTICLES_INTERNAL_H

#include "gateway/api/api_internal.h"
#include "gateway/api/article_index.h"
#include "store/record.h"

#define ARTICLE_KIND "article"
#define ARTICLE_NOTE "article_note"

struct article_tally { /* of all agents */
    unsigned useful, not_useful, outdated;
    uint64_t used;
};

struct articles {
    struct api_op *o;
    struct article_index *index;
    struct map notes; /* id of a note → struct article_note */
    struct store_listener *listener;
    struct timer *again;
    bool loaded, loading;
    unsigned round; /* of loading: answers of an older one are not taken */
    struct list waiters;
};

/* Loads them; kept current by events. */
struct articles *articles_open(struct api_op *o);
void articles_stop(struct articles *x); /* the operation is gone; callbacks may be under way */
void articles_close(struct articles *x);
/* Runs the call once they are loaded. */
void articles_when(struct call *c, void (*run)(struct call *c));
/* The tags in which w's operation looks for a text: language, its chain, the operation's own order. At most
 * 31, NULL-terminated. The strings live as long as the operation's document. */
#define ARTICLE_CHAIN 32
void articles_chain(struct api_op *o, const char *language, const char *out[ARTICLE_CHAIN],
                    char space[8][12]);
void articles_tally(const struct articles *x, const char *id, struct article_tally *t);
void articles_today(struct api_op *o, char out[11]);
/* Sees it? and may change it? */
bool articles_sees(const struct who *w, const struct article *a);
bool articles_edits(const struct who *w, const char *area, const char *owner, int clearance);

/* One article as JSON; t: the text that is shown alone, NULL: all of it, with what agents said. */
void articles_view(struct buf *b, struct api_op *o, const struct who *w, const struct article *a,
                   const struct article_text *t);

/* articles_table.c */
void articles_export(struct call *c);
void articles_import(struct call *c);
/* articles_write.c */
/* Puts one; the caller's rights were looked at. json is the record without id and version. */
void articles_put(struct api_op *o, const char *id, json_t *json, uint64_t expect, const char *actor,
                  const char *action, void (*done)(void *arg, const struct err *e, uint64_t version),
                  void *arg);
#endif
