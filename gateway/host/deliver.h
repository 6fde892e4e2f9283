/* SPDX-License-Identifier: Apache-2.0
 * A batch of items on its way into the store. */
#ifndef PARLEY_HOST_DELIVER_H
#define PARLEY_HOST_DELIVER_H

#include "gateway/host/host_internal.h"

struct batch;

/* One call to the store: an item, or the items of an album. */
struct item {
    struct batch *b;
    const struct connector_item *src; /* copied into the batch's arena; the first of an album */
    size_t first, count;              /* of the results */
    struct host_said said;
    struct store_inbound in;
    const struct connector_media **media;
    size_t media_n;
    struct slice *attachments;  /* JSON of each file, once it is known */
    struct slice choice, asked; /* what a typed answer chose, and the entry that asked; empty */
    bool dead;                  /* judged already: not for the store */
    bool ingest;
    bool and_before;           /* READ */
    struct id thread, contact; /* of a status or a read mark */
    uint64_t seq;
};

struct batch {
    struct host_call call;
    struct host_op *o;
    struct arena *arena;
    struct item *items;
    size_t items_n;
    struct connector_delivered *results;
    const struct connector_item **srcs; /* of each result: our copy */
    size_t n;
    size_t waiting; /* answers of the store; the files' phase counts as one */
    size_t uploads; /* files under way */
    int err;
    void (*done)(void *arg, int err, const struct connector_delivered *results, size_t n);
    void *arg;
    int64_t start_us;
};

/* deliver.c */
void deliver_result(struct item *it, enum connector_outcome_of_item outcome, const char *why);
void deliver_one_done(struct batch *b);  /* one of `waiting` */
void deliver_store_all(struct batch *b); /* the files are there: now the store. Ends their phase */
/* The channel, NULL when its instance is gone meanwhile. */
static inline struct channel *deliver_channel(const struct batch *b)
{
    return b->call.ch;
}

void deliver_ingest(struct item *it); /* one more item, while there is a channel */

/* album.c: items of one group that were delivered together are one entry */
bool album_takes(const struct channel *ch, const struct item *last, const struct connector_item *src);
void album_join(struct item *last, const struct connector_item *src);
void album_media(struct item *it, const struct connector_item *src);
void album_inbound(const struct channel *ch, struct item *it);        /* its ids, group and captions */
void album_split(struct channel *ch, struct item *it, uint32_t seen); /* not all of it was new */

/* item.c: what an item must be, and what it becomes */
struct connector_item *item_copy(struct arena *a, const struct connector_item *in);
const char *item_wrong(const struct channel *ch, const struct connector_item *it); /* NULL: fine */
void item_inbound(struct channel *ch, struct item *it);
void item_extra(struct item *it, const char *language);                        /* sets it->in.extra */
struct slice item_rendition(const struct connector_item *it, struct arena *a); /* for the quarantine */

/* choice.c: a number or a title that was typed instead of a button */
bool choice_may(const struct item *it);
void choice_take(struct item *it, const struct store_known *known);
unsigned choice_number(struct slice text); /* 0: none */

/* upload.c: files that came with the items become blobs */
void upload_all(struct batch *b);

/* mark.c: statuses, read marks, typing, blocked */
void mark_start(struct channel *ch, struct item *it);

#endif
