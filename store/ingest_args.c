/* SPDX-License-Identifier: Apache-2.0
 * A job's copy of what came in, the arguments for the function (hashes, ciphertexts, search words), and
 * reading what is known. */
#include "store/ingest.h"
#include "store/state.h"
#include "store/words.h"
#include "gateway/base/mem.h"
#include "gateway/base/siphash.h"
#include <string.h>

/* functions/ingest.lua */
enum {
    FLAG_PER_SENDER = 1,
    FLAG_FOREVER = 2,
    FLAG_VERIFIED = 4,
    FLAG_ALSO = 8,
    FLAG_NO_LAST_AGENT = 16,
    FLAG_SAME = 32,
    FLAG_GROUPED = 64,
    FLAG_ASKS = 128
};
enum { RETURN_NEW_CONTACT = 1, RETURN_NEW_THREAD = 2 };

/* ---- the copy ---- */

static size_t size_of(const struct store_inbound *in)
{
    size_t n = strlen(in->channel) + 1 + in->provider_id.n + in->address.n + in->also.n + in->name.n +
               in->text.n + in->extra.n + in->target.n + in->quotes.n + in->group.n;
    for (size_t i = 0; i < in->media_n; i++)
        n += strlen(in->media[i].job) + 1;
    for (size_t i = 0; i < in->also_ids_n; i++)
        n += in->also_ids[i].n;
    return n + in->media_n * sizeof(struct store_media) + in->also_ids_n * sizeof(struct slice);
}

static char *copy(char *to, struct slice *s)
{
    if (s->n)
        memcpy(to, s->p, s->n);
    s->p = to;
    return to + s->n;
}

struct job *ingest_job(struct store_op *op, const struct store_inbound *in)
{
    struct job *j = mem_alloc(sizeof(*j) + size_of(in));
    char *to = j->bytes;
    struct slice *ids = (struct slice *)(void *)to; /* first, since structs want alignment */
    j->op = op;
    j->in = *in;
    to += in->also_ids_n * sizeof(*ids);
    if (in->media_n) {
        struct store_media *m = (struct store_media *)(void *)to;
        to += in->media_n * sizeof(*m);
        for (size_t i = 0; i < in->media_n; i++) {
            size_t n = strlen(in->media[i].job) + 1;
            memcpy(to, in->media[i].job, n);
            m[i].job = to;
            to += n;
        }
        j->in.media = m;
    }
    struct slice channel = slice_of(in->channel, strlen(in->channel) + 1);
    to = copy(to, &channel);
    j->in.channel = channel.p;
    to = copy(to, &j->in.provider_id);
    to = copy(to, &j->in.address);
    to = copy(to, &j->in.also);
    to = copy(to, &j->in.name);
    to = copy(to, &j->in.text);
    to = copy(to, &j->in.extra);
    to = copy(to, &j->in.target);
    to = copy(to, &j->in.quotes);
    to = copy(to, &j->in.group);
    for (size_t i = 0; i < in->also_ids_n; i++) {
        ids[i] = in->also_ids[i];
        to = copy(to, &ids[i]);
    }
    j->in.also_ids = ids;
    return j;
}

/* ---- hashes ---- */

void ingest_id_hash(const struct store_op *op, const char *purpose, struct slice a, struct slice b,
                    struct slice c, int64_t *hash, char sel[3])
{
    char few[512], *all = few;
    unsigned char d[11];
    size_t n = a.n + b.n + c.n + 2;
    if (n > sizeof(few))
        all = mem_realloc(NULL, n);
    memcpy(all, a.p ? a.p : "", a.n);
    all[a.n] = '\0';
    memcpy(all + a.n + 1, b.p ? b.p : "", b.n);
    all[a.n + 1 + b.n] = '\0';
    memcpy(all + a.n + b.n + 2, c.p ? c.p : "", c.n);
    crypto_keyed_hash(op->blind, purpose, slice_of(all, n), d, sizeof(d));
    if (all != few)
        mem_free(all);
    memcpy(hash, d, 8);
    memcpy(sel, d + 8, 3);
}

void ingest_name_hash(const struct store_op *op, struct slice name, char out[4])
{
    unsigned char d[4];
    crypto_keyed_hash(op->blind, "name", name, d, sizeof(d));
    memcpy(out, d, 4);
}

/* ---- known ---- */

/* A number is no proof of who writes (functions/same.lua). */
static bool by_number(const struct store_inbound *in)
{
    return slice_starts(in->address, "tel:") || slice_starts(in->also, "tel:");
}

static void arg_target(const struct job *j, struct slice target, struct store_args *a)
{
    int64_t hash;
    char sel[3];
    size_t at = a->used;
    ingest_id_hash(j->op, "id", slice_str(j->in.channel), SLICE(""), target, &hash, sel);
    store_arg_copy(a, sel, 3);
    store_arg_int(a, hash);
    a->n--; /* both stand behind each other in `small` and are one argument */
    a->v[a->n - 1] = slice_of(a->small + at, a->used - at);
}

void ingest_known_args(struct job *j, struct store_args *a)
{
    store_args_init(a);
    store_arg(a, slice_of(j->lane->blind, 16));
    store_arg(a, j->in.also.n ? slice_of(j->also, 16) : SLICE(""));
    store_arg_int(a, (int64_t)j->in.reopen_hours * 3600000);
    struct slice target = j->in.target.n ? j->in.target : j->in.quotes;
    if (target.n)
        arg_target(j, target, a);
    else
        store_arg(a, SLICE(""));
    store_arg_str(a, by_number(&j->in) ? j->in.channel : "");
}

static void copy_text(char *to, size_t cap, struct slice s)
{
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = '\0';
}

/* Behind the target's: thread, number and value of the entry that asks. */
static void asked_read(struct job *j, const struct redis_reply *r)
{
    struct slice value = store_item(r, 22);
    if (value.n == 0)
        return;
    mem_free(j->asked);
    j->asked = mem_dup(value.p, value.n);
    j->asked_n = value.n;
    j->asked_thread = store_handle_get(store_item(r, 20));
    j->asked_seq = (uint32_t)store_number(r->items[21]);
    j->told = true;
}

void ingest_known_read(struct job *j, const struct redis_reply *r)
{
    struct cache_person *k = &j->known;
    struct slice name = store_item(r, 9), sums = store_item(r, 7), also = store_item(r, 3);
    *k = (struct cache_person){.area = cache_intern(j->op->cache, store_item(r, 8))};
    memcpy(k->blind, j->lane->blind, 16);
    k->contact = store_handle_get(store_item(r, 1));
    k->kid = r->n > 2 ? (uint32_t)store_number(r->items[2]) : 0;
    copy_text(k->language.tag, sizeof(k->language.tag), store_item(r, 4));
    copy_text(k->language.script, sizeof(k->language.script), store_item(r, 5));
    k->language.how = (enum store_how)(r->n > 6 ? store_number(r->items[6]) : 0);
    k->sums_n = (unsigned char)(sums.n <= CACHE_SUMS ? sums.n : 0);
    memcpy(k->sums, sums.p ? sums.p : "", k->sums_n);
    k->name_n = (unsigned char)(name.n <= 4 ? name.n : 0);
    memcpy(k->name, name.p ? name.p : "", k->name_n);
    for (size_t i = 0; i < KEYS_CLEARANCES; i++) {
        k->thread[i] = store_handle_get(store_item(r, 10 + 2 * i));
        k->topic[i] = cache_intern(j->op->cache, store_item(r, 11 + 2 * i));
    }
    uint32_t seq;
    if (!j->in.target.n && j->in.quotes.n && !store_id_parse(j->op, j->in.quotes, &j->quoted, &seq))
        j->quoted = store_handle_get(store_item(r, 16));
    k->several = store_item(r, 19).n > 0;
    k->last = k->several ? (unsigned char)store_number(r->items[19]) : KEYS_CLEARANCES;
    j->also_is = also.n ? also.p[0] : '\0';
    j->has_also = j->in.also.n > 0;
    if (j->in.target.n && r->n > 18 && store_item(r, 16).n) {
        j->target_thread = store_handle_get(store_item(r, 16));
        j->target_seq = (uint32_t)store_number(r->items[17]);
        j->target_clearance = (int)store_number(r->items[18]);
    }
    asked_read(j, r);
    j->fresh = true;
}

void ingest_known_none(struct job *j)
{
    struct redis_reply r = {.kind = REDIS_ARRAY};
    ingest_known_read(j, &r);
}

/* ---- the arguments ---- */

/* What comes goes on where was spoken last: a follow-up on a sealed matter need not have any of the words
 * that seal, and must not be shown to those who may not read the rest (README.md). */
static int follow(const struct job *j, int clearance)
{
    const struct cache_person *k = &j->known;
    for (int c = clearance; j->quoted && c < KEYS_CLEARANCES; c++)
        if (k->thread[c] == j->quoted)
            return c;
    if (k->several && k->last < KEYS_CLEARANCES && k->last >= clearance)
        return k->last;
    for (int c = clearance; c < KEYS_CLEARANCES; c++)
        if (k->thread[c])
            return c;
    return clearance;
}

void ingest_decide(struct job *j, struct store_inbound *in)
{
    const struct cache_person *k = &j->known;
    int asked = follow(j, in->clearance >= 0 && in->clearance < KEYS_CLEARANCES ? in->clearance : 0);
    struct store_known known = {.known = k->contact != 0,
                                .contact = store_id_of(j->op, k->contact, STORE_SEQ_CONTACT),
                                .language = k->language,
                                .sums = slice_of(k->sums, k->sums_n),
                                .area = k->area ? k->area : "",
                                .open_thread = k->thread[asked] != 0,
                                .topic = k->thread[asked] && k->topic[asked] ? k->topic[asked] : ""};
    struct arena *a = j->asked ? arena_new() : NULL;
    struct store_entry en;
    if (j->asked &&
        entry_open(j->op, k->contact, j->asked_thread, j->asked_seq, slice_of(j->asked, j->asked_n),
                   SLICE(""), a, &en) == 0 &&
        !en.erased) {
        known.asked = en.extra;
        known.asked_entry = en.id;
        known.asked_channel = en.channel;
    }
    if (j->decide)
        j->decide(j->arg, &known, in);
    arena_free(&a);
    in->clearance = in->clearance < 0                  ? 0
                    : in->clearance >= KEYS_CLEARANCES ? KEYS_CLEARANCES - 1
                                                       : in->clearance;
    j->targeted = j->target_thread && in->clearance <= j->target_clearance;
    j->clearance = in->clearance = j->targeted ? j->target_clearance : follow(j, in->clearance);
    j->language = in->language;
    j->topic = cache_intern(j->op->cache, slice_of(in->topic, in->topic ? strnlen(in->topic, 255) : 0));
    j->area = cache_intern(j->op->cache, slice_of(in->area, in->area ? strnlen(in->area, 255) : 0));
    j->sums_n = (unsigned char)(in->sums.n <= CACHE_SUMS ? in->sums.n : 0);
    memcpy(j->sums, in->sums.p ? in->sums.p : "", j->sums_n);
}

/* Parts of one buffer that may still move: remembered by their place. */
struct span {
    size_t at, n;
};

static struct span since(const struct buf *b, size_t at)
{
    return (struct span){at, b->n - at};
}

static void arg_span(struct store_args *a, const struct buf *b, struct span s)
{
    store_arg(a, s.n ? slice_of(b->p + s.at, s.n) : SLICE(""));
}

struct sealed {
    struct span entry, address, also, profile, words, group, media[INGEST_MEDIA];
};

static uint64_t handle_new(void)
{
    uint64_t h;
    do
        crypto_random(&h, sizeof(h));
    while (h == 0);
    return h;
}

static struct span seal_address(struct job *j, uint64_t contact, uint32_t kid, const unsigned char blind[16],
                                struct slice uri, struct buf *b)
{
    size_t at = b->n;
    record_seal(j->op, RECORD_ADDRESS, contact, kid, 0, store_handle_get(slice_of(blind, 8)), 0, uri, b);
    return since(b, at);
}

static struct span seal_profile(struct job *j, uint64_t contact, uint32_t kid, struct slice name,
                                struct buf *b)
{
    struct buf json;
    size_t at = b->n;
    buf_init(&json, name.n * 6 + 32);
    buf_str(&json, "{\"name\":");
    buf_json_str(&json, name);
    buf_str(&json, "}");
    record_seal(j->op, RECORD_PROFILE, contact, kid, 0, 0, 0, buf_view(&json), b);
    mem_wipe(json.p, json.n);
    buf_clear(&json);
    return since(b, at);
}

static void seal_all(struct job *j, const struct store_inbound *in, uint64_t contact, uint32_t kid,
                     uint64_t thread, struct buf *b, struct sealed *s)
{
    struct entry_head h = {.kind = in->kind,
                           .inbound = true,
                           .author = STORE_PERSON,
                           .clearance = in->clearance,
                           .channel = slice_str(in->channel),
                           .target_thread = j->target_thread,
                           .target_seq = j->target_seq};
    bool new = j->known.contact == 0;
    *s = (struct sealed){0};
    entry_seal(j->op, contact, kid, thread, &h, in->provider_ms, in->text, in->extra, b);
    s->entry = since(b, 0);
    if (new || j->also_is == '3')
        s->address = seal_address(j, contact, kid, j->lane->blind, in->address, b);
    if (j->has_also && !j->also_is)
        s->also = seal_address(j, contact, kid, j->also, in->also, b);
    if (j->name_n && j->known.name_n == 0)
        s->profile = seal_profile(j, contact, kid, in->name, b);
    size_t at = b->n;
    words_write(j->op->blind, in->words, in->words_n, b);
    s->words = since(b, at);
    at = b->n;
    if (in->group.n || in->also_ids_n)
        ingest_album_write(j, in, false, b);
    s->group = since(b, at);
    for (size_t i = 0; i < in->media_n; i++) {
        at = b->n;
        buf_char(b, (char)in->clearance);
        buf_char(b, 0);
        record_seal(j->op, RECORD_MEDIA, contact, kid, in->clearance, 0, 0, slice_str(in->media[i].job), b);
        s->media[i] = since(b, at);
    }
}

static unsigned flags_of(const struct job *j, const struct store_inbound *in)
{
    return (in->id_per_sender ? FLAG_PER_SENDER : 0u) | (in->forever ? FLAG_FOREVER : 0u) |
           (in->verified ? FLAG_VERIFIED : 0u) | (j->has_also ? FLAG_ALSO : 0u) |
           (in->no_last_agent ? FLAG_NO_LAST_AGENT : 0u) |
           (in->group.n || in->also_ids_n ? FLAG_GROUPED : 0u) | (in->asks && !j->told ? FLAG_ASKS : 0u);
}

static void put_be(char *to, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = (char)(unsigned char)(v >> (8 * (n - 1 - i)));
}

/* What has a fixed size, as `parse` in functions/ingest.lua takes it apart. */
static void arg_fixed(struct job *j, const struct store_inbound *in, uint64_t expected, const char sel[3],
                      struct store_args *a)
{
    char f[84];
    bool same = expected && !j->targeted && j->known.same[in->clearance] == j->same;
    memcpy(f, j->lane->blind, 16);
    memcpy(f + 16, j->also, 16);
    store_handle_put(f + 32, j->known.contact);
    store_handle_put(f + 40, expected);
    store_handle_put(f + 48, j->new_contact);
    store_handle_put(f + 56, j->new_thread);
    memcpy(f + 64, sel, 3);
    f[67] = (char)in->kind;
    f[68] = (char)(flags_of(j, in) | (same ? FLAG_SAME : 0u));
    f[69] = (char)(j->targeted | (j->fresh ? 2 : 0) | (by_number(in) ? 4 : 0) | (in->bot ? 8 : 0) |
                   (in->alarm ? 16 : 0));
    f[70] = (char)in->clearance;
    f[71] = (char)in->language.how;
    put_be(f + 72, (uint64_t)(int64_t)in->priority, 2);
    put_be(f + 74, (uint64_t)in->reopen_hours * 3600, 4);
    memcpy(f + 78, j->op->store->tag, 2);
    put_be(f + 80, j->known.version[in->clearance], 4);
    store_arg_copy(a, f, sizeof(f));
}

static size_t bytes_of(const struct store_inbound *in)
{
    size_t n = 4096 + in->text.n + in->extra.n + in->address.n + in->also.n + 6 * in->name.n +
               in->words_n * 3 + in->also_ids_n * 32;
    for (size_t i = 0; i < in->media_n; i++)
        n += strlen(in->media[i].job) + CRYPTO_OVERHEAD + 8;
    return n;
}

/* With tabs between, behind each other in one argument. */
static void arg_details(const struct job *j, const struct store_inbound *in, struct store_args *a)
{
    char text[600];
    size_t n = 0;
    const struct slice parts[] = {slice_str(in->language.tag), slice_str(in->language.script),
                                  slice_str(j->topic), slice_str(j->area)};
    for (size_t i = 0; i < 4; i++) {
        err_assert(n + parts[i].n + 6 < sizeof(text));
        memcpy(text + n, parts[i].p, parts[i].n);
        n += parts[i].n;
        text[n++] = '\t';
    }
    memcpy(text + n, j->name, j->name_n);
    store_arg_copy(a, text, n + j->name_n);
}

/* What a message may change of thread and contact besides their numbers. The same as the last one's: nothing.
 */
static uint64_t sameness(const struct job *j, const struct store_inbound *in)
{
    static unsigned char key[16];
    static bool made;
    char text[700];
    if (!made) {
        crypto_random(key, sizeof(key));
        made = true;
    }
    size_t n = 0;
    const struct slice parts[] = {slice_str(in->channel),
                                  slice_of(j->lane->blind, 16),
                                  slice_of(in->language.tag, sizeof(in->language.tag)),
                                  slice_of(in->language.script, sizeof(in->language.script)),
                                  slice_str(j->topic),
                                  slice_of(j->name, j->name_n)};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        memcpy(text + n, parts[i].p, parts[i].n);
        n += parts[i].n;
        text[n++] = (char)parts[i].n;
    }
    text[n++] = (char)in->language.how;
    text[n++] = (char)in->no_last_agent;
    text[n++] = (char)(in->kind == STORE_DELETION || in->kind == STORE_REACTION);
    memcpy(text + n, &in->priority, sizeof(in->priority));
    n += sizeof(in->priority);
    uint64_t h = siphash13(key, text, n);
    return h ? h : 1;
}

int ingest_args(struct job *j, struct store_args *a)
{
    static struct buf b;
    struct sealed s;
    struct store_inbound in = j->in;
    int64_t hash;
    char sel[3];
    j->name_n = 0;
    if (in.name.n && text_valid(in.name, NULL)) {
        ingest_name_hash(j->op, in.name, j->name);
        j->name_n = 4;
    }
    ingest_decide(j, &in);
    if (in.language.how == STORE_UNKNOWN || !in.language.tag[0])
        in.language = j->language = (struct store_language){.how = STORE_UNKNOWN};
    j->same = sameness(j, &in);
    j->new_contact = handle_new();
    j->new_thread = handle_new();
    uint64_t expected = j->targeted ? j->target_thread : j->known.thread[in.clearance];
    if (b.cap > 1 << 20)
        buf_clear(&b);
    if (b.max == 0)
        buf_init(&b, (size_t)1 << 30);
    buf_reset(&b);
    if (!buf_reserve(&b, bytes_of(&in)))
        return -ERR_TOO_LARGE;
    seal_all(j, &in, j->known.contact ? j->known.contact : j->new_contact,
             j->known.contact ? j->known.kid : j->kid, expected ? expected : j->new_thread, &b, &s);
    ingest_id_hash(j->op, in.id_per_sender ? "ref" : "id", slice_str(in.channel),
                   in.id_per_sender ? in.address : SLICE(""), in.provider_id, &hash, sel);
    struct slice sums = slice_of(j->sums, j->sums_n);
    store_args_init(a);
    arg_fixed(j, &in, expected, sel, a);
    store_arg_int(a, hash);
    arg_span(a, &b, s.entry);
    store_arg_str(a, in.channel);
    arg_span(a, &b, s.words);
    store_arg(a, slice_eq(sums, slice_of(j->known.sums, j->known.sums_n)) ? SLICE("") : sums);
    arg_details(j, &in, a);
    if (j->kid || s.address.n || s.also.n || s.profile.n || in.media_n || s.group.n) {
        store_arg_int(a, j->known.contact ? 0 : j->kid);
        arg_span(a, &b, s.address);
        arg_span(a, &b, s.also);
        arg_span(a, &b, s.profile);
    }
    for (size_t i = 0; i < in.media_n; i++)
        arg_span(a, &b, s.media[i]);
    if (s.group.n)
        arg_span(a, &b, s.group);
    return 0;
}

void ingest_learn(struct job *j, uint64_t thread, uint64_t contact, unsigned flags, uint32_t version)
{
    struct cache_person *k = &j->known;
    struct cache_person *newer = cache_get(j->op->cache, j->lane->blind);
    int cl = j->clearance;
    bool same = newer && newer->contact == contact;
    if (same)
        *k = *newer; /* later messages were sent meanwhile */
    if (flags & RETURN_NEW_CONTACT) {
        k->contact = contact;
        k->kid = j->kid;
        k->area = j->area;
        j->kid = 0;
    }
    if (!j->targeted) {
        bool new = flags &RETURN_NEW_THREAD;
        k->thread[cl] = thread;
        for (int c = 0; c < KEYS_CLEARANCES; c++)
            k->several |= c != cl && k->thread[c];
        k->version[cl] = version + j->lane->under_way - 1; /* if the others go there as well */
        if (!same)
            k->same[cl] = j->same;
        if (new || !k->topic[cl] || !k->topic[cl][0])
            k->topic[cl] = j->topic;
    }
    if (j->language.how != STORE_UNKNOWN && j->language.how >= k->language.how)
        k->language = j->language;
    if (j->sums_n && !same) {
        memcpy(k->sums, j->sums, j->sums_n);
        k->sums_n = j->sums_n;
    }
    if (j->name_n && k->name_n == 0) {
        memcpy(k->name, j->name, 4);
        k->name_n = 4;
    }
    if (j->in.also.n)
        memcpy(k->also, j->also, 16);
    cache_put(j->op->cache, k);
}

void ingest_note(struct job *j)
{
    struct cache_person *p = cache_get(j->op->cache, j->lane->blind);
    if (!p)
        return;
    if (j->sums_n) {
        memcpy(p->sums, j->sums, j->sums_n);
        p->sums_n = j->sums_n;
    }
    p->version[j->clearance]++;
    p->same[j->clearance] = j->same;
}
