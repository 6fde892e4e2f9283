/* SPDX-License-Identifier: Apache-2.0
 * What waits, counted by group (language, topic, clearance, area) once for a whole operation, however many
 * look at it. Each looker keeps a view, which remembers what groups it may see, so that telling it of a
 * change costs neither the threads nor the rights anew. No I/O. */
#ifndef PARLEY_API_TALLY_H
#define PARLEY_API_TALLY_H

#include "gateway/api/rights.h"
#include "gateway/base/buf.h"

struct tally;
/* chain: the languages that may stand in for one (NULL-terminated, at most 7). */
struct tally *tally_new(void (*chain)(void *arg, const char *language, const char *out[8]), void *arg);
void tally_free(struct tally **t);
/* Nothing waits; views begin anew. */
void tally_clear(struct tally *t);
/* A thread waits, or waits elsewhere than before; it no longer does. */
void tally_put(struct tally *t, const struct store_thread *thread);
void tally_drop(struct tally *t, const char *thread);

/* Somebody in the operation as the tally asks for them. agent NULL: nobody whom a thread could be offered. */
struct looker {
    const struct who *who;
    const struct store_agent *agent;
    uint64_t rights; /* another number whenever who, agent or the chains may show other groups */
};
struct tally_view { /* zeroed at first */
    unsigned char *sees;
    size_t n;
    uint64_t rights, epoch, told;
};
void tally_view_clear(struct tally_view *v);
/* Did a group change that the view shows, since it was told last? */
bool tally_news(struct tally *t, struct tally_view *v, const struct looker *l);
/* {"items":[…],"mine":{…}}; the view is told. */
void tally_json(struct tally *t, struct tally_view *v, const struct looker *l, struct buf *out);

#endif
