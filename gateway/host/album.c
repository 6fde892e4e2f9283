/* SPDX-License-Identifier: Apache-2.0
 * Albums: items of one group that come together are one entry, and the store puts those that come after into
 * it. Each has an id of its own, and a provider may repeat only some of them. */
#include "gateway/host/deliver.h"
#include <string.h>

static bool plain(const struct connector_item *src)
{
    return src->kind == CONNECTOR_MESSAGE && src->group.n && !src->id_per_sender && !src->location &&
           !src->card && !src->choice.n;
}

bool album_takes(const struct channel *ch, const struct item *last, const struct connector_item *src)
{
    const struct host_config *cf = &ch->o->h->cf;
    size_t text = src->text.n;
    for (size_t i = 0; i < last->count; i++)
        text += last->b->srcs[last->first + i]->text.n + 1;
    return last->ingest && !last->dead && plain(src) && plain(last->src) && last->count <= STORE_ALSO_IDS &&
           last->media_n + src->media_n <= cf->attachments_max && text <= cf->text_max &&
           slice_eq(slice_from(last->src->group), slice_from(src->group)) &&
           slice_eq(slice_from(last->src->from), slice_from(src->from));
}

void album_join(struct item *last, const struct connector_item *src)
{
    last->count++;
    album_media(last, src);
}

void album_media(struct item *it, const struct connector_item *src)
{
    const struct connector_media **all =
        arena_alloc(it->b->arena, (it->media_n + src->media_n + 1) * sizeof(struct connector_media *));
    for (size_t i = 0; i < it->media_n; i++)
        all[i] = it->media[i];
    for (size_t i = 0; i < src->media_n; i++)
        all[it->media_n++] = &src->media[i];
    it->media = all;
}

/* Several may have a caption. */
static struct slice captions(const struct item *it)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < it->count; i++) {
        struct slice text = slice_from(it->b->srcs[it->first + i]->text);
        if (text.n && b.n)
            buf_char(&b, '\n');
        buf_slice(&b, text);
    }
    struct slice out = b.n ? arena_slice(it->b->arena, buf_view(&b)) : slice_str(NULL);
    buf_clear(&b);
    return out;
}

void album_inbound(const struct channel *ch, struct item *it)
{
    struct slice *ids = arena_alloc(it->b->arena, it->count * sizeof(*ids));
    if (!plain(it->src))
        return;
    it->in.group = slice_from(it->src->group);
    it->in.group_files = (unsigned)ch->o->h->cf.attachments_max;
    for (size_t i = 1; i < it->count; i++)
        ids[it->in.also_ids_n++] = slice_from(it->b->srcs[it->first + i]->id);
    it->in.also_ids = ids;
    it->in.text = captions(it);
    it->said.has_text = it->in.text.n > 0;
}

/* The files of results first … first + n - 1 of the item. */
static void take_files(struct item *one, const struct item *of, size_t first, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < first; i++)
        at += of->b->srcs[of->first + i]->media_n;
    for (size_t i = 0; i < n; i++)
        one->media_n += of->b->srcs[of->first + first + i]->media_n;
    one->media = one->media_n ? &of->media[at] : NULL;
    one->attachments = one->media_n ? &of->attachments[at] : NULL;
}

/* Some were taken before; those that were not must not be lost: each run of them once more. */
void album_split(struct channel *ch, struct item *it, uint32_t seen)
{
    struct batch *b = it->b;
    for (size_t i = 0, n; i < it->count; i += n) {
        bool was = seen >> i & 1;
        for (n = 1; i + n < it->count && (seen >> (i + n) & 1) == was; n++)
            ;
        if (was)
            continue;
        struct item *one = &b->items[b->items_n++]; /* there is room for one of each result */
        *one = (struct item){
            .b = b, .src = b->srcs[it->first + i], .first = it->first + i, .count = n, .ingest = true};
        take_files(one, it, i, n);
        item_inbound(ch, one);
        deliver_ingest(one);
    }
}
