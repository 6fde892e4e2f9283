/* SPDX-License-Identifier: Apache-2.0
 * Writing and reading entries. Plain part of the envelope: provider's time 6, length of the text 4, text,
 * extra (packed). */
#include "store/entry.h"
#include "store/pack.h"
#include "gateway/base/mem.h"
#include <string.h>

#define HAS_TARGET  4
#define HAS_ADDRESS 8
#define DESPITE     16 /* functions/outbox.lua looks at it */
#define PLAIN_HEAD  10
#define AAD_MOST    1024

static void put_be(char *to, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (char)(unsigned char)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const char *from, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | (unsigned char)from[i];
    return v;
}

/* kind, operation, contact, thread, and more. */
static struct slice aad_of(const struct store_op *op, char kind, uint64_t contact, uint64_t thread,
                           struct slice more, char out[AAD_MOST])
{
    size_t n = 0;
    err_assert(op->prefix_n + more.n + 32 < AAD_MOST);
    out[n++] = kind;
    memcpy(out + n, op->prefix, op->prefix_n);
    n += op->prefix_n;
    put_be(out + n, contact, 8);
    put_be(out + n + 8, thread, 8);
    n += 16;
    if (more.n)
        memcpy(out + n, more.p, more.n);
    return slice_of(out, n + more.n);
}

/* ---- the head ---- */

static size_t write_head(const struct entry_head *h, char *p)
{
    size_t n = 0;
    err_assert(h->channel.n < 256 && h->author_id.n < 256);
    p[n++] = (char)((unsigned)h->kind | (h->inbound ? 8u : 0u) | (unsigned)h->author << 4);
    p[n++] = (char)((unsigned)h->clearance | (h->target_thread ? HAS_TARGET : 0u) |
                    (h->blind ? HAS_ADDRESS : 0u) | (h->despite ? DESPITE : 0u));
    p[n++] = (char)(unsigned char)h->channel.n;
    if (h->channel.n)
        memcpy(p + n, h->channel.p, h->channel.n);
    n += h->channel.n;
    p[n++] = (char)(unsigned char)h->author_id.n;
    if (h->author_id.n)
        memcpy(p + n, h->author_id.p, h->author_id.n);
    n += h->author_id.n;
    if (h->target_thread) {
        put_be(p + n, h->target_thread, 8);
        put_be(p + n + 8, h->target_seq, 4);
        n += 12;
    }
    if (h->blind) {
        memcpy(p + n, h->blind, 16);
        n += 16;
    }
    return n;
}

void entry_seal(struct store_op *op, uint64_t contact, uint32_t kid, uint64_t thread,
                const struct entry_head *h, int64_t provider_ms, struct slice text, struct slice extra,
                struct buf *out)
{
    char few[2048], aad[AAD_MOST], *plain = few, head[640];
    size_t n = PLAIN_HEAD + text.n + extra.n, head_n = write_head(h, head);
    if (n > sizeof(few))
        plain = mem_realloc(NULL, n);
    put_be(plain, (uint64_t)provider_ms, 6);
    put_be(plain + 6, text.n, 4);
    if (text.n)
        memcpy(plain + PLAIN_HEAD, text.p, text.n);
    size_t packed = PLAIN_HEAD + text.n + pack_write(extra, plain + PLAIN_HEAD + text.n);
    buf_add(out, head, head_n);
    keys_seal(op, kid, h->clearance, aad_of(op, 'e', contact, thread, slice_of(head, head_n), aad),
              slice_of(plain, packed), out);
    mem_wipe(plain, n);
    if (plain != few)
        mem_free(plain);
}

/* False: of no form that is known. */
static bool without_words(struct slice *v)
{
    if (v->n < ENTRY_PREFIX || (v->p[0] != ENTRY_PLAIN && v->p[0] != ENTRY_SEARCHED))
        return false;
    if (v->p[0] == ENTRY_SEARCHED) {
        size_t words = 2 + (size_t)get_be(v->p + v->n - 2, 2);
        if (v->n < ENTRY_PREFIX + words)
            return false;
        v->n -= words;
    }
    return true;
}

bool entry_parse(struct slice v, struct entry_head *h, int64_t *time_ms, struct slice *head,
                 struct slice *envelope)
{
    *h = (struct entry_head){0};
    if (!without_words(&v) || v.n < ENTRY_PREFIX + 4)
        return false;
    const char *p = v.p + ENTRY_PREFIX, *end = v.p + v.n;
    unsigned kind = (unsigned char)p[0], flags = (unsigned char)p[1];
    *time_ms = (int64_t)get_be(v.p + 1, 6);
    h->kind = (enum store_kind)(kind & 7);
    h->inbound = kind & 8;
    h->author = (enum store_author)(kind >> 4 & 3);
    h->clearance = flags & 3;
    h->despite = flags & DESPITE;
    h->channel = slice_of(p + 3, (unsigned char)p[2]);
    p += 3 + h->channel.n;
    if (p >= end || h->clearance >= KEYS_CLEARANCES)
        return false;
    h->author_id = slice_of(p + 1, (unsigned char)p[0]);
    p += 1 + h->author_id.n;
    size_t more = (flags & HAS_TARGET ? 12u : 0u) + (flags & HAS_ADDRESS ? 16u : 0u);
    if (p > end || (size_t)(end - p) < more)
        return false;
    if (flags & HAS_TARGET) {
        h->target_thread = get_be(p, 8);
        h->target_seq = (uint32_t)get_be(p + 8, 4);
        p += 12;
    }
    if (flags & HAS_ADDRESS) {
        h->blind = (const unsigned char *)p;
        p += 16;
    }
    *head = slice_of(v.p + ENTRY_PREFIX, (size_t)(p - v.p) - ENTRY_PREFIX);
    *envelope = slice_of(p, (size_t)(end - p));
    return true;
}

/* ---- the part that changes ---- */

bool entry_status_parse(struct slice s, struct entry_status *st)
{
    *st = (struct entry_status){0};
    if (s.n < 7)
        return false;
    bool timed = s.p[3] & 2; /* since when it is sent: functions/guard.lua looks at it */
    size_t parts = (unsigned char)s.p[4];
    size_t at = timed ? 9 : 5;
    if (s.n < at + parts + 2 || (unsigned char)s.p[0] > STORE_UNKNOWN_OUTCOME)
        return false;
    size_t ids = (size_t)get_be(s.p + at + parts, 2);
    if (s.n < at + parts + 2 + ids)
        return false;
    st->status = (enum store_status)s.p[0];
    st->attempt = (unsigned char)s.p[1];
    st->tries = (unsigned char)s.p[2];
    st->begun = s.p[3] & 1;
    st->sent_s = timed ? (uint32_t)get_be(s.p + 5, 4) : 0;
    st->parts = slice_of(s.p + at, parts);
    at += parts + 2;
    st->ids = slice_of(s.p + at, ids);
    st->error = slice_of(s.p + at + ids, s.n - at - ids);
    return true;
}

void entry_status_write(const struct entry_status *st, struct buf *out)
{
    char n[2];
    buf_char(out, (char)st->status);
    buf_char(out, (char)(unsigned char)st->attempt);
    buf_char(out, (char)(unsigned char)st->tries);
    buf_char(out, (char)((st->begun ? 1 : 0) | (st->sent_s ? 2 : 0)));
    buf_char(out, (char)(unsigned char)st->parts.n);
    if (st->sent_s) {
        char sent[4];
        put_be(sent, st->sent_s, 4);
        buf_add(out, sent, 4);
    }
    buf_slice(out, st->parts);
    put_be(n, st->ids.n, 2);
    buf_add(out, n, 2);
    buf_slice(out, st->ids);
    buf_slice(out, st->error);
}

/* ---- other records ---- */

static struct slice place_of(uint32_t seq, char out[4])
{
    put_be(out, seq, 4);
    return slice_of(out, 4);
}

void record_seal(struct store_op *op, enum record kind, uint64_t contact, uint32_t kid, int clearance,
                 uint64_t thread, uint32_t seq, struct slice plain, struct buf *out)
{
    char aad[AAD_MOST], place[4];
    keys_seal(op, kid, clearance, aad_of(op, (char)kind, contact, thread, place_of(seq, place), aad), plain,
              out);
}

int record_open(struct store_op *op, enum record kind, uint64_t contact, int clearance, uint64_t thread,
                uint32_t seq, struct slice envelope, struct buf *out)
{
    char aad[AAD_MOST], place[4];
    return keys_open(op, clearance, aad_of(op, (char)kind, contact, thread, place_of(seq, place), aad),
                     envelope, out);
}

struct slice record_text(struct store_op *op, enum record kind, uint64_t contact, int clearance,
                         uint64_t thread, uint32_t seq, struct slice envelope, struct arena *a)
{
    struct buf b;
    struct slice s = SLICE("");
    if (envelope.n == 0)
        return s;
    buf_init(&b, envelope.n + 1);
    int rc = record_open(op, kind, contact, clearance, thread, seq, envelope, &b);
    for (int other = 0; rc == -ERR_CORRUPT && other < KEYS_CLEARANCES;
         other++) /* its entry was raised just then */
        rc = record_open(op, kind, contact, other, thread, seq, envelope, &b);
    if (rc == 0)
        s = arena_slice(a, b.n ? buf_view(&b) : SLICE(""));
    if (b.n)
        mem_wipe(b.p, b.n);
    buf_clear(&b);
    return s;
}

/* ---- opening ---- */

static void open_event(const struct store_op *op, struct slice value, struct arena *a, struct store_entry *e)
{
    static const char *const names[] = {"what", "by", "detail", "more"};
    struct slice rest = slice_of(value.p + 1, value.n - 1), word;
    uint64_t ms = 0;
    struct buf extra;
    (void)op;
    e->kind = STORE_EVENT;
    e->author = STORE_SYSTEM;
    e->channel = e->author_id = "";
    if (slice_next(&rest, ' ', &word) && slice_u64(word, &ms))
        e->time_ms = (int64_t)ms;
    buf_init(&extra, value.n * 6 + 64);
    buf_str(&extra, "{\"event\":{");
    for (size_t i = 0, n = 0; i < 4 && slice_next(&rest, ' ', &word); i++) {
        if (slice_is(word, "-") || !text_valid(word, NULL))
            continue;
        buf_str(&extra, n++ ? ",\"" : "\"");
        buf_str(&extra, names[i]);
        buf_str(&extra, "\":");
        buf_json_str(&extra, word);
        if (i != 1)
            continue;
        e->author = slice_is(word, "person")                               ? STORE_PERSON
                    : slice_is(word, "system") || slice_is(word, "router") ? STORE_SYSTEM
                    : slice_is(word, "bot")                                ? STORE_ROBOT
                                                                           : STORE_AGENT;
        e->author_id = e->author == STORE_AGENT ? arena_dup(a, word.p, word.n) : "";
    }
    buf_str(&extra, "}}");
    e->extra = arena_slice(a, buf_view(&extra));
    buf_clear(&extra);
}

static int open_extra(struct slice packed, struct arena *a, struct store_entry *e)
{
    struct buf text;
    buf_init(&text, packed.n * PACK_GROWTH + 1);
    bool good = pack_read(packed, &text) && !text.err;
    if (good)
        e->extra = arena_slice(a, text.n ? buf_view(&text) : SLICE(""));
    if (text.n)
        mem_wipe(text.p, text.n);
    buf_clear(&text);
    return good ? 0 : -ERR_CORRUPT;
}

static int open_envelope(struct store_op *op, uint64_t contact, uint64_t thread, struct slice head,
                         struct slice envelope, struct arena *a, struct store_entry *e)
{
    char aad[AAD_MOST];
    struct buf plain;
    buf_init(&plain, envelope.n + 1);
    int rc = keys_open(op, e->clearance, aad_of(op, 'e', contact, thread, head, aad), envelope, &plain);
    uint64_t text_n = rc == 0 && plain.n >= PLAIN_HEAD ? get_be(plain.p + 6, 4) : 0;
    if (rc == 0 && (plain.n < PLAIN_HEAD || text_n > plain.n - PLAIN_HEAD))
        rc = -ERR_CORRUPT;
    if (rc == 0) {
        e->provider_ms = (int64_t)get_be(plain.p, 6);
        e->text = arena_slice(a, slice_of(plain.p + PLAIN_HEAD, (size_t)text_n));
        rc = open_extra(slice_of(plain.p + PLAIN_HEAD + text_n, plain.n - PLAIN_HEAD - (size_t)text_n), a, e);
    }
    if (plain.n)
        mem_wipe(plain.p, plain.n);
    buf_clear(&plain);
    return rc;
}

int entry_open(struct store_op *op, uint64_t contact, uint64_t thread, uint32_t seq, struct slice value,
               struct slice status, struct arena *a, struct store_entry *e)
{
    struct entry_head h;
    struct entry_status st;
    struct slice head, envelope;
    *e = (struct store_entry){.seq = seq,
                              .channel = "",
                              .author_id = "",
                              .text = SLICE(""),
                              .extra = SLICE(""),
                              .external_ids = SLICE(""),
                              .error = SLICE("")};
    e->id = store_id_of(op, thread, seq);
    e->thread = store_id_of(op, thread, STORE_SEQ_THREAD);
    if (value.n && value.p[0] == 0) {
        open_event(op, value, a, e);
        return 0;
    }
    if (!entry_parse(value, &h, &e->time_ms, &head, &envelope))
        return -ERR_CORRUPT;
    e->kind = h.kind;
    e->inbound = h.inbound;
    e->author = h.author;
    e->clearance = h.clearance;
    e->channel = arena_dup(a, h.channel.p, h.channel.n);
    e->author_id = arena_dup(a, h.author_id.p, h.author_id.n);
    if (h.target_thread)
        e->target = store_id_of(op, h.target_thread, h.target_seq);
    int rc = envelope.n ? open_envelope(op, contact, thread, head, envelope, a, e) : -ERR_ERASED;
    if (rc == -ERR_ERASED)
        e->erased = true;
    if (entry_status_parse(status, &st)) {
        e->status = st.status;
        e->attempt = st.attempt;
        e->external_ids = record_text(op, RECORD_IDS, contact, h.clearance, thread, seq, st.ids, a);
        e->error = record_text(op, RECORD_ERROR, contact, h.clearance, thread, seq, st.error, a);
    }
    return rc == -ERR_ERASED ? 0 : rc;
}
