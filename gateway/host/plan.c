/* SPDX-License-Identifier: Apache-2.0
 * From an entry to what a channel can carry: texts cut at its limit, choices numbered where it has no
 * buttons, files in groups or as links. */
#include "gateway/host/out.h"
#include <string.h>

#define PLAN_LINK_S (7 * 86400) /* of a file's link in a text */
#define PLAN_FILE_S 86400       /* of one that a program fetches at once */

/* ---- units ---- */

static size_t code_points(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

size_t plan_units(struct slice text, enum connector_unit unit)
{
    return unit == CONNECTOR_BYTES         ? text.n
           : unit == CONNECTOR_CODE_POINTS ? code_points(text)
                                           : text_utf16_units(text);
}

size_t plan_cut(struct slice text, uint32_t max, enum connector_unit unit)
{
    if (unit == CONNECTOR_UTF16)
        return text_split(text, max);
    if (plan_units(text, unit) <= max)
        return text.n;
    /* text_split counts UTF-16 units. A code point is one or two of them and up to three times as many bytes:
     * the most units whose prefix still fits are looked for. */
    size_t low = 1, high = (size_t)max * 2, best = text_split(text, 1);
    while (low <= high) {
        size_t mid = low + (high - low) / 2, n = text_split(text, mid);
        if (plan_units(slice_of(text.p, n), unit) <= max) {
            best = n;
            low = mid + 1;
        } else {
            high = mid - 1;
        }
    }
    return best;
}

/* ---- reading the entry ---- */

static struct slice copy(struct arena *a, struct slice s)
{
    return s.n ? arena_slice(a, s) : slice_str(NULL);
}

static void read_files(struct channel *ch, struct out *o, const json_t *extra)
{
    const json_t *list = json_object_get(extra, "attachments"), *f;
    size_t i, n = json_array_size(list);
    bool voice = (ch->capabilities & CONNECTOR_CAN_VOICE) != 0;
    o->files = arena_alloc(o->a, n * sizeof(*o->files) + 1);
    o->attachments = arena_alloc(o->a, n * sizeof(*o->attachments) + 1);
    json_array_foreach(list, i, f)
    {
        struct buf b;
        buf_init(&b, 65536);
        json_write(f, &b);
        o->attachments[i] = copy(o->a, buf_view(&b));
        buf_clear(&b);
        struct slice id = json_opt_str(f, "id");
        o->files[i] =
            (struct connector_file){.size = sizeof(o->files[i]),
                                    .blob = arena_dup(o->a, id.n ? id.p : "", id.n),
                                    .type = bytes_from(copy(o->a, json_opt_str(f, "type"))),
                                    .name = bytes_from(copy(o->a, json_opt_str(f, "name"))),
                                    .bytes = (uint64_t)json_opt_int(f, "size", 0),
                                    .url = files_url(ch->o, o->thread, o->seq, i, PLAN_FILE_S, true, o->a),
                                    .voice = voice && json_opt_bool(f, "voice", false)};
    }
    o->files_n = n;
}

static void read_choices(struct out *o, const json_t *extra)
{
    const json_t *list = json_object_get(extra, "choices"), *c;
    size_t i;
    o->choices = arena_alloc(o->a, json_array_size(list) * sizeof(*o->choices) + 1);
    json_array_foreach(list, i, c) o->choices[i] = (struct connector_choice){
        bytes_from(copy(o->a, json_opt_str(c, "id"))), bytes_from(copy(o->a, json_opt_str(c, "title")))};
    o->choices_n = json_array_size(list);
}

static void read_location(struct out *o, const json_t *extra)
{
    const json_t *l = json_object_get(extra, "location");
    if (!json_is_object(l))
        return;
    o->location = arena_alloc(o->a, sizeof(*o->location));
    *o->location =
        (struct connector_location){.latitude = json_number_value(json_object_get(l, "latitude")),
                                    .longitude = json_number_value(json_object_get(l, "longitude")),
                                    .name = bytes_from(copy(o->a, json_opt_str(l, "name"))),
                                    .address = bytes_from(copy(o->a, json_opt_str(l, "address")))};
}

static void read_extra(struct channel *ch, struct out *o, struct slice text)
{
    json_t *extra = text.n ? json_parse(text, 16, NULL) : NULL;
    struct slice reply = json_opt_str(extra, "reply_to"), class = json_opt_str(extra, "class"),
                 language = json_opt_str(extra, "language");
    o->priority = slice_is(class, "emergency") ? 0 : slice_is(class, "bulk") ? 2 : 1;
    o->language = language.n ? arena_dup(o->a, language.p, language.n) : NULL;
    if (reply.n && o->kind == STORE_MESSAGE && (ch->capabilities & CONNECTOR_CAN_REPLY)) {
        if (id_valid(reply))
            memcpy(o->about.s, reply.p, ID_LEN);
        else
            o->reply_to = copy(o->a, reply);
    }
    if (extra) {
        read_files(ch, o, extra);
        read_choices(o, extra);
        read_location(o, extra);
        json_decref(extra);
    }
}

const char *plan_read(struct channel *ch, struct out *o, const struct store_out_item *i)
{
    const struct store_entry *en = &i->entry;
    o->item = arena_strdup(o->a, i->item);
    o->entry = arena_strdup(o->a, en->id.s);
    o->thread = en->thread;
    o->seq = en->seq;
    o->clearance = en->clearance;
    o->kind = en->kind;
    o->time_ms = en->time_ms;
    o->tries = i->tries;
    o->to = copy(o->a, address_outward(ch, i->address));
    o->text = copy(o->a, en->text);
    o->target = copy(o->a, i->target_external);
    o->progress = copy(o->a, i->progress);
    if (o->kind == STORE_DELETION || o->kind == STORE_EDIT || (o->kind != STORE_MESSAGE && !o->target.n))
        o->about = en->target; /* all its ids; or a person's message, whose id is in the entry itself */
    if (en->erased)
        return "erased: what was to be sent was erased";
    if (!o->to.n)
        return "no-address: the contact has no address on this channel";
    read_extra(ch, o, en->extra);
    return NULL;
}

/* ---- parts ---- */

static const char *change_ok(struct channel *ch, const struct out *o)
{
    unsigned needs = o->kind == STORE_EDIT       ? CONNECTOR_CAN_EDIT
                     : o->kind == STORE_DELETION ? CONNECTOR_CAN_DELETE
                     : o->kind == STORE_REACTION ? CONNECTOR_CAN_REACT
                                                 : 0;
    if (o->kind != STORE_MESSAGE && !needs)
        return "unsupported: nothing that goes out";
    if (needs && !(ch->capabilities & needs))
        return "unsupported: this channel cannot do that";
    if (needs && !o->target.n)
        return "no-target: the message that it changes was never sent";
    return NULL;
}

static bool buttons(const struct channel *ch, const struct out *o)
{
    const struct connector_limits *l = &ch->limits;
    if (!(ch->capabilities & CONNECTOR_CAN_CHOICES) || (l->choices_max && o->choices_n > l->choices_max))
        return false;
    for (size_t i = 0; i < o->choices_n; i++) {
        if ((l->choice_title_max &&
             plan_units(slice_from(o->choices[i].title), l->unit) > l->choice_title_max) ||
            (l->choice_id_max && o->choices[i].id.n > l->choice_id_max))
            return false;
    }
    return true;
}

/* ---- numbers as the text's language writes them ---- */

/* Zero of the digits: by the language; without one by the script: Persian has letters that Arabic has not. */
static uint32_t zero_of(const char *language, struct slice text)
{
    static const char *const arabic[] = {"ar", "ckb", NULL}, *const persian[] = {"fa", "prs", "ps",
                                                                                 "ur", "sd",  NULL};
    size_t n = language ? strcspn(language, "-") : 0;
    for (size_t i = 0; n && arabic[i]; i++) {
        if (strlen(arabic[i]) == n && memcmp(arabic[i], language, n) == 0)
            return 0x660;
    }
    for (size_t i = 0; n && persian[i]; i++) {
        if (strlen(persian[i]) == n && memcmp(persian[i], language, n) == 0)
            return 0x6f0;
    }
    uint32_t zero = '0';
    for (size_t i = 0; !n && i < text.n;) {
        uint32_t c = text_next(text, &i);
        if (c == 0x67e || c == 0x686 || c == 0x698 || c == 0x6af || c == 0x6cc)
            return 0x6f0;
        if (c >= 0x620 && c <= 0x64a)
            zero = 0x660;
    }
    return zero;
}

static void write_number(struct buf *b, size_t n, uint32_t zero)
{
    if (n >= 10)
        write_number(b, n / 10, zero);
    uint32_t c = zero + (uint32_t)(n % 10);
    if (c < 0x80) {
        buf_char(b, (char)c);
        return;
    }
    buf_char(b, (char)(0xc0 | c >> 6));
    buf_char(b, (char)(0x80 | (c & 0x3f)));
}

static void number_choices(const struct out *o, struct buf *b)
{
    struct buf all;
    buf_init(&all, 1u << 20);
    buf_slice(&all, o->text);
    for (size_t i = 0; i < o->choices_n; i++)
        buf_slice(&all, slice_from(o->choices[i].title));
    uint32_t zero = zero_of(o->language, all.n ? buf_view(&all) : SLICE(""));
    for (size_t i = 0; i < o->choices_n; i++) {
        if (b->n)
            buf_char(b, '\n');
        write_number(b, i + 1, zero);
        buf_str(b, ". ");
        buf_slice(b, slice_from(o->choices[i].title));
    }
    buf_clear(&all);
}

/* What the channel has no form for becomes words: numbers for buttons, links for files. */
static const char *into_words(struct channel *ch, struct out *o)
{
    struct buf b;
    bool files = (ch->capabilities & CONNECTOR_CAN_FILES) != 0, changed = false;
    size_t kept = 0;
    const char *why = NULL;
    buf_init(&b, 1u << 20);
    buf_slice(&b, o->text);
    if (o->choices_n && !buttons(ch, o)) {
        number_choices(o, &b);
        o->choices_n = 0;
        changed = true;
    }
    for (size_t i = 0; i < o->files_n; i++) {
        struct connector_file *f = &o->files[i];
        if (files && (!ch->limits.file_bytes_max || f->bytes <= ch->limits.file_bytes_max)) {
            o->attachments[kept] = o->attachments[i];
            o->files[kept++] = *f;
            continue;
        }
        const char *link = files_url(ch->o, o->thread, o->seq, i, PLAN_LINK_S, true, o->a);
        if (!link)
            why = "unsupported: this channel carries no such file, and there is no public address for a link";
        buf_printf(&b, "%s%s", b.n ? "\n" : "", link ? link : "");
        changed = true;
    }
    o->files_n = kept;
    if (changed)
        o->text = copy(o->a, buf_view(&b));
    if (b.err)
        why = "too-long: the text is too long";
    buf_clear(&b);
    return why;
}

static size_t count_parts(const struct channel *ch, const struct out *o)
{
    size_t n = 0, per = ch->limits.files_max ? ch->limits.files_max : 1;
    struct slice rest = o->text;
    while (rest.n && ch->limits.text_max) {
        size_t cut = plan_cut(rest, ch->limits.text_max, ch->limits.unit);
        rest = slice_of(rest.p + cut, rest.n - cut);
        n++;
    }
    n = n ? n : 1;
    return n + (o->files_n ? (o->files_n - 1) / per : 0);
}

/* "Files and choices come with the last part": the first group of files with the end of the text, further
 * groups on their own. */
const char *plan_parts(struct channel *ch, struct out *o)
{
    const char *why = change_ok(ch, o);
    if (!why && o->kind == STORE_MESSAGE)
        why = into_words(ch, o);
    if (why)
        return why;
    if (o->kind == STORE_DELETION && o->targets_n > 1) { /* what went in parts is taken back in parts */
        o->parts_n = o->targets_n;
        o->parts = arena_alloc(o->a, o->parts_n * sizeof(*o->parts));
        return NULL;
    }
    if (o->kind == STORE_EDIT && o->targets_n > 1) /* the API refuses it, but for what was not sent yet */
        return "unsupported: the message went in several parts, and only the first could be changed";
    size_t n = count_parts(ch, o), per = ch->limits.files_max ? ch->limits.files_max : 1, i = 0, file = 0;
    if (n > 1 && o->kind != STORE_MESSAGE)
        return "too-long: the text is too long for a change";
    if (n > 256)
        return "too-long: the text has too many parts";
    o->parts = arena_alloc(o->a, n * sizeof(*o->parts));
    struct slice rest = o->text;
    do {
        size_t cut = ch->limits.text_max ? plan_cut(rest, ch->limits.text_max, ch->limits.unit) : rest.n;
        o->parts[i++].text = slice_of(rest.p, cut);
        rest = slice_of(rest.p + cut, rest.n - cut);
    } while (rest.n && i < n);
    for (i--; file < o->files_n && i < n; i++) {
        o->parts[i].file = file;
        o->parts[i].files = o->files_n - file < per ? o->files_n - file : per;
        file += o->parts[i].files;
    }
    o->parts_n = n;
    return NULL;
}

/* ---- progress: {"part":2,"ids":["…"]} ---- */

void plan_progress(struct out *o, struct slice text)
{
    json_t *p = text.n ? json_parse(text, 4, NULL) : NULL;
    const json_t *list = json_object_get(p, "ids"), *v;
    size_t i;
    int64_t part = json_opt_int(p, "part", 0);
    if (part > 0 && (size_t)part < o->parts_n)
        o->part = (size_t)part;
    json_array_foreach(list, i, v)
    {
        if (json_is_string(v) && o->part && o->ids_n < sizeof(o->ids) / sizeof(o->ids[0]))
            o->ids[o->ids_n++] = copy(o->a, slice_of(json_string_value(v), json_string_length(v)));
    }
    json_decref(p);
}

struct slice plan_note(const struct out *o, struct arena *a)
{
    struct buf b;
    buf_init(&b, 65536);
    buf_printf(&b, "{\"part\":%zu,\"ids\":[", o->part);
    for (size_t i = 0; i < o->ids_n; i++) {
        buf_str(&b, i ? "," : "");
        buf_json_str(&b, o->ids[i]);
    }
    buf_str(&b, "]}");
    struct slice out = b.err ? SLICE("{}") : arena_slice(a, buf_view(&b));
    buf_clear(&b);
    return out;
}
