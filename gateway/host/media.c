/* SPDX-License-Identifier: Apache-2.0
 * Files that a message only names: fetched at once after it is stored, looked at, encrypted, put into their
 * place in the entry. The jobs are the store's, so that another node goes on where this one died. */
#include "gateway/base/log.h"
#include "gateway/host/host_internal.h"
#include "store/blob.h"
#include <string.h>

#define MEDIA_BUSY     4u    /* at a time, per operation and node: each may hold a whole file in memory */
#define MEDIA_TRIES    8u    /* the waits double from 10 s: the last one is after more than half an hour */
#define MEDIA_LOOK_MS  15000 /* for jobs whose time has come, or whose node died */
#define MEDIA_FETCH_MS 120000

struct job {
    struct host_op *o;
    struct arena *a;
    char *item, *channel;
    struct id thread, entry;
    uint64_t seq;
    unsigned at, tries;
    struct slice url, ref, type, name;
    uint64_t size;
    bool voice;
    char found[128];
    char owner[64];
};

static void look(void *arg);

static void job_free(struct job *j)
{
    struct host_op *o = j->o;
    arena_free(&j->a);
    mem_free(j);
    o->media_busy--;
    if (o->media_again && !o->gone)
        media_kick(o);
}

static void on_reported(void *arg, const struct err *e)
{
    (void)e; /* not written: the job comes again when its lease is over */
    job_free(arg);
}

static void report(struct job *j, struct slice attachment, int64_t retry_ms)
{
    store_media_done(j->o->op, j->item, j->thread, j->seq, j->at, attachment, retry_ms, on_reported, j);
}

static struct slice place_of(const struct job *j, const char *state, const char *why)
{
    struct buf b;
    buf_init(&b, 16384);
    buf_str(&b, "{\"type\":");
    buf_json_str(&b, j->type.n ? j->type : SLICE("application/octet-stream"));
    buf_str(&b, ",\"name\":");
    buf_json_str(&b, j->name);
    buf_printf(&b, ",\"size\":%llu%s,\"state\":\"%s\"", (unsigned long long)j->size,
               j->voice ? ",\"voice\":true" : "", state);
    if (*why) {
        buf_str(&b, ",\"error\":");
        buf_json_str(&b, slice_str(why));
    }
    buf_char(&b, '}');
    struct slice out = arena_slice(j->a, buf_view(&b));
    buf_clear(&b);
    return out;
}

static void fail(struct job *j, const char *why)
{
    log_event(LOG_WARN, "media.failed", log_str("operation", j->o->name), log_str("channel", j->channel),
              log_str("why", why), log_int("tries", j->tries + 1));
    report(j, place_of(j, "failed", why), 0);
}

/* Full jitter: somewhere between nothing and 10 s, 20 s, 40 s … */
static void again(struct job *j, const char *why)
{
    if (j->tries + 1 >= MEDIA_TRIES) {
        fail(j, why);
        return;
    }
    uint64_t most = 10000u << j->tries;
    int64_t wait = (int64_t)(1000 + text_random_u64() % most);
    report(j, place_of(j, "fetching", ""), store_now_ms(j->o->h->store) + wait);
}

/* ---- what was fetched ---- */

static void on_claimed(void *arg, const struct err *e, struct slice json)
{
    struct job *j = arg;
    if (e->code || json.n < 3) {
        again(j, e->text);
        return;
    }
    const char *state = media_dangerous(j->found) ? "quarantined" : "stored";
    char *out = arena_printf(j->a, "%.*s%s,\"state\":\"%s\"}", (int)json.n - 1, json.p,
                             j->voice ? ",\"voice\":true" : "", state);
    report(j, slice_str(out), 0);
}

static void on_put(void *arg, const struct err *e, const char *blob)
{
    struct job *j = arg;
    if (e->code)
        again(j, e->text);
    else
        store_blob_claim(j->o->op, blob, slice_str(j->owner), on_claimed, j);
}

static void on_type(void *arg, const char *type, struct slice bytes)
{
    struct job *j = arg;
    size_t n = strlen(type) < sizeof(j->found) ? strlen(type) : sizeof(j->found) - 1;
    memcpy(j->found, type, n);
    memcpy(j->owner, "media:", 6);
    memcpy(j->owner + 6, j->entry.s, ID_LEN + 1);
    store_blob_put(j->o->op, bytes, slice_str(j->found), j->name, slice_str(j->owner), on_put, j);
}

static void fetched(struct job *j, struct slice bytes, struct slice type)
{
    if (!bytes.n) {
        fail(j, "the file is empty");
        return;
    }
    if (type.n && !j->type.n)
        j->type = arena_slice(j->a, type);
    media_type(j->o->h, arena_slice(j->a, bytes), j->type, on_type, j);
}

/* ---- by a link ---- */

static void on_fetched(const struct fetch_response *r, void *arg)
{
    struct job *j = arg;
    if (r->err == -ERR_TOO_LARGE || r->err == -ERR_FORBIDDEN || r->err == -ERR_INVALID)
        fail(j, r->error && *r->error ? r->error : err_name(r->err));
    else if (r->err)
        again(j, err_name(r->err));
    else if (r->status >= 200 && r->status < 300)
        fetched(j, r->body, fetch_header(r, "content-type"));
    else if (r->status >= 400 && r->status < 500 && r->status != 408 && r->status != 425 && r->status != 429)
        fail(j, "the other side does not give it");
    else
        again(j, "no such answer");
}

static void by_link(struct job *j)
{
    struct host *h = j->o->h;
    struct err e = {0};
    if (!egress_allows(h, j->url) || !guard_url(h->guard_media, j->url, &e)) {
        fail(j, e.code ? e.text : "not in `egress`");
        return;
    }
    char *url = arena_dup(j->a, j->url.p, j->url.n);
    fetch_start(h->cf.fetcher,
                &(struct fetch_request){.method = "GET",
                                        .url = url,
                                        .guard = h->guard_media,
                                        .max_response = (size_t)h->cf.upload_max,
                                        .timeout_ms = MEDIA_FETCH_MS,
                                        .max_redirects = 3},
                on_fetched, j);
}

/* ---- by the connector ---- */

/* Lives until the connector has answered or is gone itself: one that is being stopped may still answer. */
struct asked {
    struct host_call call;
    struct list grave;
    struct job *j; /* NULL: nobody waits any more */
};

static void asked_cancel(struct host_call *call)
{
    struct asked *q = container_of(call, struct asked, call);
    struct job *j = q->j;
    q->j = NULL;
    list_push(&call->ch->graves, &q->grave);
    again(j, "the channel stops");
}

static void answered(void *arg, int err, struct connector_bytes bytes, struct connector_bytes type,
                     struct connector_bytes name)
{
    struct asked *q = arg;
    struct job *j = q->j;
    if (!j)
        return;
    host_call_end(&q->call);
    mem_free(q);
    if (name.n && !j->name.n && text_valid(slice_from(name), NULL))
        j->name = arena_slice(j->a, slice_from(name));
    if (err == CONNECTOR_OK && bytes.n <= j->o->h->cf.upload_max)
        fetched(j, slice_from(bytes), slice_from(type));
    else if (err == CONNECTOR_OK || err == CONNECTOR_EINVALID || err == CONNECTOR_ELIMIT ||
             err == CONNECTOR_EUNSUPPORTED)
        fail(j, "it is too large, or no longer there");
    else
        again(j, "the connector could not fetch it");
}

static void by_connector(struct job *j)
{
    struct channel *ch = map_get(&j->o->channels, slice_str(j->channel));
    if (!channel_running(ch) || !ch->plugin->c->media) {
        again(j, "the channel does not run");
        return;
    }
    struct asked *q = mem_alloc(sizeof(*q));
    q->j = j;
    host_call_begin(ch, &q->call, asked_cancel);
    ch->plugin->c->media(ch->c, bytes_from(j->ref), answered, q);
}

void media_bury(struct channel *ch)
{
    for (struct list *n; (n = list_pop(&ch->graves));)
        mem_free(container_of(n, struct asked, grave));
}

/* ---- jobs ---- */

static bool job_read(struct job *j, struct slice text)
{
    struct err e = {0};
    json_t *o = json_parse(text, 4, &e);
    if (!o)
        return false;
    j->at = (unsigned)json_opt_int(o, "at", 0);
    j->size = (uint64_t)json_opt_int(o, "size", 0);
    j->voice = json_opt_bool(o, "voice", false);
    j->url = arena_slice(j->a, json_opt_str(o, "url"));
    j->ref = arena_slice(j->a, json_opt_str(o, "ref"));
    j->type = arena_slice(j->a, json_opt_str(o, "type"));
    j->name = arena_slice(j->a, json_opt_str(o, "name"));
    json_decref(o);
    return j->url.n || j->ref.n;
}

static void on_job(void *arg, const struct err *e, const struct store_media_job *from)
{
    struct host_op *o = arg;
    if (e->code || o->gone) {
        o->media_busy--;
        return;
    }
    struct job *j = mem_alloc(sizeof(*j));
    j->o = o;
    j->a = arena_new();
    j->item = arena_strdup(j->a, from->item);
    j->channel = arena_strdup(j->a, from->channel);
    j->thread = from->thread;
    j->entry = from->entry;
    j->seq = from->seq;
    j->tries = from->tries;
    o->media_again = true;
    if (!job_read(j, from->job))
        fail(j, "malformed job");
    else if (j->url.n)
        by_link(j);
    else
        by_connector(j);
    media_kick(o); /* there may be more */
}

void media_kick(struct host_op *o)
{
    if (o->gone)
        return;
    if (!o->media_timer) {
        o->media_timer = timer_new(o->h->loop, look, o);
        timer_start(o->media_timer, MEDIA_LOOK_MS);
    }
    if (o->media_busy >= MEDIA_BUSY) {
        o->media_again = true;
        return;
    }
    o->media_again = false;
    o->media_busy++;
    store_media_next(o->op, on_job, o);
}

static void look(void *arg)
{
    struct host_op *o = arg;
    timer_start(o->media_timer, MEDIA_LOOK_MS);
    media_kick(o);
}

void media_stop(struct host_op *o)
{
    if (o->media_timer)
        timer_free(&o->media_timer);
}
