/* SPDX-License-Identifier: Apache-2.0
 * Files that come with a batch: bytes become blobs, blobs are claimed for their entry, links get a place that
 * is filled later. */
#include "gateway/host/deliver.h"
#include "store/blob.h"
#include <string.h>

struct upload {
    struct item *it;
    size_t at;
};

static void one_done(struct batch *b)
{
    if (--b->uploads == 0)
        deliver_store_all(b);
}

/* A file that is not there (yet): its place in the entry. */
static struct slice place_of(const struct connector_media *m, const char *state, struct arena *a)
{
    struct buf b;
    buf_init(&b, 16384);
    buf_str(&b, "{\"type\":");
    buf_json_str(&b, m->type.n ? slice_from(m->type) : SLICE("application/octet-stream"));
    buf_str(&b, ",\"name\":");
    buf_json_str(&b, slice_from(m->name));
    buf_printf(&b, ",\"size\":%llu%s,\"state\":\"%s\"}", (unsigned long long)m->bytes_expected,
               m->voice ? ",\"voice\":true" : "", state);
    struct slice out = arena_slice(a, buf_view(&b));
    buf_clear(&b);
    return out;
}

/* The store's JSON of a claimed blob with what only we know. */
static struct slice with_state(struct slice json, const struct connector_media *m, struct arena *a)
{
    static const char stored[] = ",\"state\":\"stored\"}", voice[] = ",\"voice\":true,\"state\":\"stored\"}";
    const char *tail = m->voice ? voice : stored;
    size_t n = json.n ? json.n - 1 : 0, t = strlen(tail);
    char *out = arena_alloc(a, n + t + 1);
    memcpy(out, json.p, n);
    memcpy(out + n, tail, t);
    return slice_of(out, n + t);
}

static void on_claimed(void *arg, const struct err *e, struct slice json)
{
    struct upload *u = arg;
    struct batch *b = u->it->b;
    const struct connector_media *m = u->it->media[u->at];
    if (!e->code && json.n > 2) {
        u->it->attachments[u->at] = with_state(json, m, b->arena);
    } else if (err_temporary(e->code)) {
        b->err = CONNECTOR_EAWAY;
    } else if (!u->it->dead) { /* a blob of somebody else, or from another day */
        u->it->dead = true;
        deliver_result(u->it, CONNECTOR_ITEM_REFUSED, "a file is not there, or not theirs");
    }
    mem_free(u);
    one_done(b);
}

static void on_put(void *arg, const struct err *e, const char *blob)
{
    struct upload *u = arg;
    struct batch *b = u->it->b;
    if (!e->code) {
        store_blob_claim(b->o->op, blob, u->it->in.address, on_claimed, u);
        return;
    }
    b->err = CONNECTOR_EAWAY;
    mem_free(u);
    one_done(b);
}

static void on_type(void *arg, const char *type, struct slice bytes)
{
    struct upload *u = arg;
    struct item *it = u->it;
    const struct connector_media *m = it->media[u->at];
    store_blob_put(it->b->o->op, bytes, slice_str(type), slice_from(m->name), it->in.address, on_put, u);
}

static void upload_one(struct channel *ch, struct item *it, size_t at)
{
    struct batch *b = it->b;
    const struct connector_media *m = it->media[at];
    if (m->bytes.n > ch->o->h->cf.upload_max) {
        it->attachments[at] = place_of(m, "failed", b->arena);
        return;
    }
    if (!m->blob && !m->bytes.n) {
        it->attachments[at] = place_of(m, "fetching", b->arena);
        return;
    }
    struct upload *u = mem_alloc(sizeof(*u));
    *u = (struct upload){it, at};
    b->uploads++;
    if (m->blob)
        store_blob_claim(ch->o->op, m->blob, it->in.address, on_claimed, u);
    else
        media_type(ch->o->h, slice_from(m->bytes), slice_from(m->type), on_type, u);
}

void upload_all(struct batch *b)
{
    struct channel *ch = deliver_channel(b);
    b->uploads = 1; /* so that it does not end while they are started */
    for (size_t i = 0; i < b->items_n; i++) {
        for (size_t at = 0; !b->items[i].dead && at < b->items[i].media_n; at++)
            upload_one(ch, &b->items[i], at);
    }
    one_done(b);
}
