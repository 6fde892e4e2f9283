/* SPDX-License-Identifier: Apache-2.0
 * What is kept for a while beside the threads: quarantine (30 days, under the operation's key) and the wire
 * log of a message (8 days, under the person's key, never for clearance 2). */
#include "store/entry.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <string.h>

/* ---- quarantine ---- */

struct simple {
    store_done done;
    void *arg;
};

static void simple_done(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct simple *s = arg;
    (void)r;
    s->done(s->arg, e);
    mem_free(s);
}

static struct simple *simple_new(store_done done, void *arg)
{
    struct simple *s = mem_alloc(sizeof(*s));
    *s = (struct simple){done, arg};
    return s;
}

void store_quarantine_add(struct store_op *op, const char *channel, struct slice raw, const char *why,
                          store_done done, void *arg)
{
    struct store_args a;
    struct buf sealed;
    buf_init(&sealed, raw.n + 64);
    keys_seal_own(op, KEYS_CONFIG, "quarantine", slice_str(channel), raw, &sealed);
    store_args_init(&a);
    store_arg_str(&a, channel);
    store_arg_str(&a, why);
    store_arg(&a, buf_view(&sealed));
    store_call(op, "quarantine_add", &a, simple_done, simple_new(done, arg));
    buf_clear(&sealed);
}

struct quarantine_get {
    struct store_op *op;
    void (*done)(void *arg, const struct err *e, const char *const *json, size_t n);
    void *arg;
};

/* {"id","time","channel","why","raw" (text) or "raw_base64"} */
static const char *quarantined(struct store_op *op, struct arena *a, struct slice id,
                               const struct redis_reply *fields)
{
    struct slice channel = store_field(fields, "c"), sealed = store_field(fields, "x"), rest = id, ms;
    struct buf raw, out;
    char time[TIME_TEXT];
    uint64_t v = 0;
    buf_init(&raw, sealed.n + 1);
    buf_init(&out, sealed.n * 6 + 2048);
    int rc = keys_open_own(op, KEYS_CONFIG, "quarantine", channel, sealed, &raw);
    if (slice_next(&rest, '-', &ms))
        slice_u64(ms, &v);
    time_text((int64_t)v, time);
    buf_str(&out, "{\"id\":");
    buf_json_str(&out, id);
    buf_str(&out, ",\"time\":");
    buf_json_str(&out, slice_str(time));
    buf_str(&out, ",\"channel\":");
    buf_json_str(&out, channel);
    buf_str(&out, ",\"why\":");
    buf_json_str(&out, text_valid(store_field(fields, "w"), NULL) ? store_field(fields, "w") : SLICE(""));
    if (rc == 0 && raw.n && text_valid(buf_view(&raw), NULL)) {
        buf_str(&out, ",\"raw\":");
        buf_json_str(&out, buf_view(&raw));
    } else if (rc == 0 && raw.n) {
        buf_str(&out, ",\"raw_base64\":\"");
        char *room = buf_reserve(&out, 4 * ((raw.n + 2) / 3) + 1);
        if (room)
            buf_commit(&out, text_base64(room, raw.p, raw.n));
        buf_str(&out, "\"");
    }
    buf_str(&out, "}");
    char *text = arena_dup(a, out.p, out.n);
    buf_clear(&raw);
    buf_clear(&out);
    return text;
}

static void quarantine_read(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct quarantine_get *g = arg;
    struct arena *a = arena_new();
    size_t n = e->code || r->kind != REDIS_ARRAY ? 0 : r->n;
    const char **list = arena_alloc(a, (n + 1) * sizeof(char *));
    for (size_t i = 0; i < n; i++)
        list[i] = r->items[i]->n == 2
                      ? quarantined(g->op, a, store_item(r->items[i], 0), r->items[i]->items[1])
                      : "{}";
    g->done(g->arg, e, list, n);
    arena_free(&a);
    mem_free(g);
}

void store_quarantine_list(struct store_op *op, const char *before, unsigned limit,
                           void (*done)(void *arg, const struct err *e, const char *const *json, size_t n),
                           void *arg)
{
    struct quarantine_get *g = mem_alloc(sizeof(*g));
    struct buf key;
    char to[64] = "+", count[16];
    *g = (struct quarantine_get){op, done, arg};
    if (before && before[0])
        snprintf(to, sizeof(to), "(%s", before);
    snprintf(count, sizeof(count), "%u", limit && limit <= 500 ? limit : 500);
    buf_init(&key, 256);
    store_data_send(op, quarantine_read, g, 6,
                    (const struct slice[]){SLICE("XREVRANGE"), store_key(op, &key, "quarantine", SLICE("")),
                                           slice_str(to), SLICE("-"), SLICE("COUNT"), slice_str(count)});
    buf_clear(&key);
}

/* ---- the wire log ---- */

struct wire {
    struct store_op *op;
    uint64_t thread, contact;
    uint32_t seq, kid;
    int clearance;
    struct buf json; /* adding */
    store_done added;
    store_text_done got;
    void *arg;
    bool loaded;
};

static void wire_ask(struct wire *w);

static void wire_end(struct wire *w, const struct err *e, struct slice text)
{
    if (w->added)
        w->added(w->arg, e);
    else
        w->got(w->arg, e, text);
    if (w->json.p)
        mem_wipe(w->json.p, w->json.n);
    buf_clear(&w->json);
    mem_free(w);
}

static void wire_added(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    wire_end(arg, e, SLICE(""));
}

static void wire_add(struct wire *w)
{
    struct store_args a;
    struct buf sealed;
    buf_init(&sealed, w->json.n + 128);
    buf_char(&sealed, (char)w->clearance);
    record_seal(w->op, RECORD_WIRE, w->contact, w->kid, w->clearance, w->thread, w->seq, buf_view(&w->json),
                &sealed);
    store_args_init(&a);
    store_arg_handle(&a, w->thread);
    store_arg_int(&a, w->seq);
    store_arg(&a, buf_view(&sealed));
    store_call(w->op, "wire_add", &a, wire_added, w);
    buf_clear(&sealed);
}

static void wire_list(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct wire *w = arg;
    struct arena *a = arena_new();
    struct buf out;
    buf_init(&out, (size_t)64 << 20);
    buf_char(&out, '[');
    for (size_t i = 0; !e->code && i < r->n; i++) {
        struct slice v = store_item(r, i);
        struct slice json = v.n > 1 ? record_text(w->op, RECORD_WIRE, w->contact, v.p[0], w->thread, w->seq,
                                                  slice_of(v.p + 1, v.n - 1), a)
                                    : SLICE("");
        if (json.n && out.n > 1)
            buf_char(&out, ',');
        buf_slice(&out, json);
    }
    buf_char(&out, ']');
    wire_end(w, e, e->code ? SLICE("") : buf_view(&out));
    buf_clear(&out);
    arena_free(&a);
}

static void wire_get(struct wire *w)
{
    char rest[12];
    struct buf key;
    store_handle_put(rest, w->thread);
    for (int i = 0; i < 4; i++)
        rest[8 + i] = (char)(unsigned char)(w->seq >> (24 - 8 * i));
    buf_init(&key, 256);
    store_data_send(w->op, wire_list, w, 4,
                    (const struct slice[]){SLICE("LRANGE"),
                                           store_key(w->op, &key, "wire:", slice_of(rest, 12)), SLICE("0"),
                                           SLICE("-1")});
    buf_clear(&key);
}

static void wire_loaded(void *arg, const struct err *e)
{
    struct wire *w = arg;
    if (e->code)
        wire_end(w, e, SLICE(""));
    else
        wire_ask(w);
}

static void wire_known(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct wire *w = arg;
    struct err none = {0};
    if (e->code || r->n < 4) {
        wire_end(w, e, SLICE(""));
        return;
    }
    w->contact = store_handle_get(store_item(r, 0));
    w->kid = (uint32_t)store_number(r->items[1]);
    w->clearance = (int)store_number(r->items[2]);
    enum keys_state k = keys_state(w->op, w->kid);
    if (k == KEYS_NOT_LOADED && !w->loaded) {
        w->loaded = true;
        keys_load(w->op, &w->kid, 1, wire_loaded, w);
    } else if (w->added && (w->clearance >= 2 || k != KEYS_HERE)) {
        wire_end(w, &none, SLICE("")); /* nothing is kept */
    } else if (w->added) {
        wire_add(w);
    } else {
        wire_get(w);
    }
}

static void wire_ask(struct wire *w)
{
    struct store_args a;
    store_args_init(&a);
    store_arg_handle(&a, w->thread);
    store_arg_int(&a, 1);
    store_arg_int(&a, 0);
    store_call(w->op, "entries", &a, wire_known, w);
}

static void wire_none(void *arg, const struct err *e)
{
    wire_end(arg, e, SLICE(""));
}

static void wire_begin(struct wire *w, struct id thread)
{
    if (store_thread_handle(w->op, thread, &w->thread))
        wire_ask(w);
    else
        store_fail(w->op->store, wire_none, w, ERR_NOT_FOUND, "no such thread");
}

void store_wire_log_add(struct store_op *op, struct id thread, uint64_t seq, struct slice json,
                        store_done done, void *arg)
{
    struct wire *w = mem_alloc(sizeof(*w));
    *w = (struct wire){.op = op, .seq = (uint32_t)seq, .added = done, .arg = arg};
    buf_init(&w->json, json.n + 1);
    buf_slice(&w->json, json);
    wire_begin(w, thread);
}

void store_wire_log_get(struct store_op *op, struct id thread, uint64_t seq, store_text_done done, void *arg)
{
    struct wire *w = mem_alloc(sizeof(*w));
    *w = (struct wire){.op = op, .seq = (uint32_t)seq, .got = done, .arg = arg};
    buf_init(&w->json, 1);
    wire_begin(w, thread);
}
