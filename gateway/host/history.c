/* SPDX-License-Identifier: Apache-2.0
 * What a person may see of their own threads on a channel. */
#include "gateway/host/host_internal.h"
#include <string.h>

#define HISTORY_MAX   500u
#define HISTORY_TTL_S (6 * 3600) /* of a file's link: a page that is older asks again */

/* ---- one entry ---- */

static struct connector_bytes text_of(const json_t *o, const char *key, struct arena *a)
{
    return bytes_from(arena_slice(a, json_opt_str(o, key)));
}

static void files_of(struct channel *ch, const struct store_entry *from, const json_t *extra, struct arena *a,
                     struct connector_entry *en)
{
    const json_t *list = json_object_get(extra, "attachments"), *o;
    size_t i, n = json_array_size(list);
    struct connector_file *files = arena_alloc(a, n * sizeof(*files) + 1);
    json_array_foreach(list, i, o)
    {
        bool stored = slice_is(json_opt_str(o, "state"), "stored") || !json_opt_str(o, "state").n;
        files[i] = (struct connector_file){.size = sizeof(files[i]),
                                           .blob = text_of(o, "id", a).p,
                                           .type = text_of(o, "type", a),
                                           .name = text_of(o, "name", a),
                                           .bytes = (uint64_t)json_opt_int(o, "size", 0),
                                           .voice = json_opt_bool(o, "voice", false)};
        if (!files[i].blob)
            files[i].blob = "";
        if (stored)
            files[i].url = files_url(ch->o, from->thread, from->seq, i, HISTORY_TTL_S, false, a);
    }
    en->files = files;
    en->files_n = n;
}

static void choices_of(const json_t *extra, struct arena *a, struct connector_entry *en)
{
    const json_t *list = json_object_get(extra, "choices"), *o;
    size_t i;
    struct connector_choice *choices = arena_alloc(a, json_array_size(list) * sizeof(*choices) + 1);
    json_array_foreach(list, i, o) choices[i] =
        (struct connector_choice){text_of(o, "id", a), text_of(o, "title", a)};
    en->choices = choices;
    en->choices_n = json_array_size(list);
}

static enum connector_kind kind_of(enum store_kind k)
{
    return k == STORE_EDIT       ? CONNECTOR_EDIT
           : k == STORE_DELETION ? CONNECTOR_DELETION
           : k == STORE_REACTION ? CONNECTOR_REACTION
                                 : CONNECTOR_MESSAGE;
}

static enum connector_state state_of(const struct store_entry *from)
{
    static const enum connector_state as[] = {
        [STORE_STORED] = CONNECTOR_STORED,       [STORE_SENT] = CONNECTOR_SENT,
        [STORE_DELIVERED] = CONNECTOR_DELIVERED, [STORE_READ] = CONNECTOR_WAS_READ,
        [STORE_FAILED] = CONNECTOR_FAILED,       [STORE_UNKNOWN_OUTCOME] = CONNECTOR_SENT};
    return from->inbound ? CONNECTOR_STORED : as[from->status];
}

void history_entry(struct channel *ch, const struct store_entry *from, struct arena *a,
                   struct connector_entry *en)
{
    struct err e = {0};
    json_t *extra = from->extra.n ? json_parse(from->extra, 16, &e) : NULL;
    *en = (struct connector_entry){.size = sizeof(*en),
                                   .id = arena_strdup(a, from->id.s),
                                   .seq = from->seq,
                                   .inbound = from->inbound,
                                   .kind = kind_of(from->kind),
                                   .time_ms = from->time_ms,
                                   .text = bytes_from(arena_slice(a, from->text)),
                                   .target = from->target.s[0] ? arena_strdup(a, from->target.s) : NULL,
                                   .status = state_of(from)};
    if (extra) {
        struct slice ref = json_opt_str(extra, "ref"), author = json_opt_str(extra, "author_name");
        en->ref = ref.n && from->inbound ? arena_dup(a, ref.p, ref.n) : NULL;
        en->author = author.n ? arena_dup(a, author.p, author.n) : NULL;
        files_of(ch, from, extra, a, en);
        choices_of(extra, a, en);
        json_decref(extra);
    }
}

struct slice history_external(const struct store_entry *en, struct arena *a)
{
    struct slice out = slice_str(NULL);
    history_externals(en, a, &out, 1);
    return out;
}

size_t history_externals(const struct store_entry *en, struct arena *a, struct slice *out, size_t most)
{
    json_t *ids = en->external_ids.n ? json_parse(en->external_ids, 4, NULL) : NULL;
    json_t *extra = !ids && en->extra.n ? json_parse(en->extra, 16, NULL) : NULL;
    const json_t *id;
    size_t i, n = 0;
    json_array_foreach(ids ? ids : json_object_get(extra, "ids"), i, id)
    {
        if (json_is_string(id) && n < most)
            out[n++] = arena_slice(a, slice_of(json_string_value(id), json_string_length(id)));
    }
    json_decref(ids);
    json_decref(extra);
    return n;
}

/* ---- the call ---- */

struct history {
    struct host_call call;
    struct arena *a;
    void (*done)(void *arg, int err, const struct connector_entry *entries, size_t n);
    void (*forgot)(void *arg, int err);
    void *arg;
    struct connector_entry *entries;
    struct id *threads; /* of each entry */
    size_t n;
    struct slice address;
};

static struct history *history_new(struct channel *ch, void (*cancel)(struct host_call *c))
{
    struct history *q = mem_alloc(sizeof(*q));
    q->a = arena_new();
    host_call_begin(ch, &q->call, cancel);
    return q;
}

static void history_free(struct history *q)
{
    arena_free(&q->a);
    mem_free(q);
}

static void history_cancel(struct host_call *call)
{
    struct history *q = container_of(call, struct history, call);
    q->done(q->arg, CONNECTOR_ECANCELLED, NULL, 0);
}

static void history_end(struct history *q, int err)
{
    if (host_call_end(&q->call))
        q->done(q->arg, err, q->entries, err ? 0 : q->n);
    history_free(q);
}

static void on_threads(void *arg, const struct err *e, const struct store_thread *const *t, size_t n)
{
    struct history *q = arg;
    for (size_t i = 0; !e->code && i < q->n; i++) {
        for (size_t k = 0; k < n && q->entries[i].inbound; k++) {
            if (strcmp(t[k]->id.s, q->threads[i].s) == 0 && q->entries[i].seq <= t[k]->read_seq)
                q->entries[i].status = CONNECTOR_WAS_READ;
        }
    }
    history_end(q, e->code ? connector_code_of(e) : CONNECTOR_OK);
}

static void on_entries(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct history *q = arg;
    if (e->code == ERR_NOT_FOUND) /* nobody has written from this address: nothing is there */
        n = 0;
    if (!q->call.ch || (e->code && e->code != ERR_NOT_FOUND) || n == 0) {
        q->n = 0;
        history_end(q, e->code == ERR_NOT_FOUND ? CONNECTOR_OK : connector_code_of(e));
        return;
    }
    struct id distinct[64];
    size_t distinct_n = 0;
    q->entries = arena_alloc(q->a, n * sizeof(*q->entries));
    q->threads = arena_alloc(q->a, n * sizeof(*q->threads));
    for (size_t i = 0; i < n; i++) {
        if (entries[i].erased)
            continue;
        history_entry(q->call.ch, &entries[i], q->a, &q->entries[q->n]);
        q->threads[q->n++] = entries[i].thread;
        bool known = false;
        for (size_t k = 0; k < distinct_n; k++)
            known = known || strcmp(distinct[k].s, entries[i].thread.s) == 0;
        if (!known && distinct_n < 64)
            distinct[distinct_n++] = entries[i].thread;
    }
    store_threads_get(q->call.ch->o->op, distinct, distinct_n, on_threads, q);
}

static void h_history(void *inst, struct connector_bytes address, const char *after, unsigned limit,
                      void (*done)(void *arg, int err, const struct connector_entry *entries, size_t n),
                      void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct history *q = history_new(ch, history_cancel);
    q->done = done;
    q->arg = arg;
    limit = limit == 0 ? 50 : limit > HISTORY_MAX ? HISTORY_MAX : limit;
    store_history(ch->o->op, ch->id, address_inward(ch, slice_from(address), q->a), after ? after : "", limit,
                  on_entries, q);
}

/* ---- forgetting ---- */

static void forget_cancel(struct host_call *call)
{
    struct history *q = container_of(call, struct history, call);
    q->forgot(q->arg, CONNECTOR_ECANCELLED);
}

static void on_forgotten(void *arg, const struct err *e)
{
    struct history *q = arg;
    int err = e->code == ERR_NOT_FOUND ? CONNECTOR_OK : connector_code_of(e);
    if (host_call_end(&q->call)) {
        if (!err)
            mem_free(map_del(&q->call.ch->o->typing, q->address));
        q->forgot(q->arg, err);
    }
    history_free(q);
}

static void h_forget(void *inst, struct connector_bytes address, void (*done)(void *arg, int err), void *arg)
{
    struct channel *ch = CHANNEL(inst);
    struct history *q = history_new(ch, forget_cancel);
    q->forgot = done;
    q->arg = arg;
    q->address = arena_slice(q->a, address_inward(ch, slice_from(address), q->a));
    store_address_forget(ch->o->op, q->address, on_forgotten, q);
}

void host_api_history(struct connector_host *a)
{
    a->history = h_history;
    a->forget = h_forget;
}
