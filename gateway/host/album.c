/* SPDX-License-Identifier: Apache-2.0
 * Albums: items of one group that come together are one entry. Each has an id of its own, and a provider may
 * repeat only some of them. */
#include "gateway/host/deliver.h"
#include <string.h>

bool album_takes(const struct item *last, const struct connector_item *src)
{
    return last->ingest && !last->dead && src->kind == CONNECTOR_MESSAGE &&
           last->src->kind == CONNECTOR_MESSAGE && src->group.n &&
           slice_eq(slice_from(last->src->group), slice_from(src->group)) &&
           slice_eq(slice_from(last->src->from), slice_from(src->from));
}

void album_media(struct channel *ch, struct item *it, const struct connector_item *src)
{
    size_t most = ch->o->h->cf.attachments_max;
    const struct connector_media **all =
        arena_alloc(it->b->arena, (it->media_n + src->media_n + 1) * sizeof(struct connector_media *));
    for (size_t i = 0; i < it->media_n; i++)
        all[i] = it->media[i];
    for (size_t i = 0; i < src->media_n && it->media_n < most; i++)
        all[it->media_n++] = &src->media[i];
    it->media = all;
}

void album_join(struct channel *ch, struct item *last, const struct connector_item *src)
{
    struct connector_item *first = (struct connector_item *)(uintptr_t)last->src; /* our copy */
    if (!first->text.n)
        first->text = src->text;
    last->count++;
    album_media(ch, last, src);
}

static void on_remembered(void *arg, const struct err *e)
{
    struct batch *b = arg;
    if (e->code)
        b->err = CONNECTOR_EAWAY; /* the provider repeats all of it, and this with it */
    deliver_one_done(b);
}

void album_remember(struct channel *ch, struct item *it, struct id entry)
{
    for (size_t i = 1; i < it->count; i++) {
        it->b->waiting++;
        store_seen_also(ch->o->op, ch->id, slice_from(it->b->srcs[it->first + i]->id), entry, on_remembered,
                        it->b);
    }
}

/* The first one was taken before. The others mostly too, but what was not must not be lost: each asks for
 * itself. */
void album_again(struct channel *ch, struct item *it)
{
    struct batch *b = it->b;
    size_t at = it->src->media_n;
    for (size_t i = 1; i < it->count; i++) {
        struct item *one = &b->items[b->items_n++]; /* there is room for one of each result */
        const struct connector_item *src = b->srcs[it->first + i];
        *one = (struct item){.b = b, .src = src, .first = it->first + i, .count = 1, .ingest = true};
        one->media = &it->media[at];
        one->attachments = &it->attachments[at];
        one->media_n = at >= it->media_n                 ? 0
                       : it->media_n - at < src->media_n ? it->media_n - at
                                                         : src->media_n;
        at += src->media_n;
        item_inbound(ch, one);
        deliver_ingest(one);
    }
    it->count = 1;
}
