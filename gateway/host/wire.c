/* SPDX-License-Identifier: Apache-2.0
 * The wire log: what was said to a provider about a message and what it answered, without secrets, so that a
 * failure can be understood. The store keeps it encrypted under the contact's key. */
#include "gateway/host/host_internal.h"
#include <string.h>
#include <strings.h>

#define WIRE_MAX  16384u
#define WIRE_LOOK 65536u /* bytes of a body that are looked at */

/* ---- secrets ---- */

/* The forms in which a secret may stand somewhere: as it is, percent-encoded, as a JSON string. */
struct forms {
    struct buf f[3];
    size_t n;
};

static void forms_of(const char *secret, struct forms *out)
{
    size_t max = 6 * strlen(secret) + 8;
    for (int i = 0; i < 3; i++)
        buf_init(&out->f[i], max);
    buf_str(&out->f[0], secret);
    text_url_encode(&out->f[1], slice_str(secret));
    buf_json_str(&out->f[2], slice_str(secret));
    if (out->f[2].n > 2) { /* without its quotes */
        buf_drop_front(&out->f[2], 1);
        buf_drop_back(&out->f[2], 1);
    }
}

static void forms_clear(struct forms *f)
{
    for (int i = 0; i < 3; i++) {
        if (f->f[i].n)
            mem_wipe(f->f[i].p, f->f[i].n);
        buf_clear(&f->f[i]);
    }
}

static void replace(struct buf *text, struct slice what)
{
    static const char mark[] = "[secret]";
    struct buf out;
    struct slice rest = buf_view(text);
    const char *at = what.n && rest.n ? memmem(rest.p, rest.n, what.p, what.n) : NULL;
    if (!at)
        return;
    buf_init(&out, text->max);
    for (; at; at = memmem(rest.p, rest.n, what.p, what.n)) {
        buf_add(&out, rest.p, (size_t)(at - rest.p));
        buf_str(&out, mark);
        rest.n -= (size_t)(at - rest.p) + what.n;
        rest.p = at + what.n;
    }
    buf_slice(&out, rest);
    mem_wipe(text->p, text->n);
    buf_reset(text);
    buf_slice(text, buf_view(&out));
    buf_clear(&out);
}

void wire_redact(const struct channel *ch, struct slice text, struct buf *out)
{
    struct buf b;
    buf_init(&b, 4 * text.n + 4096);
    buf_slice(&b, text);
    for (size_t i = 0; i < ch->secrets_n; i++) {
        struct forms f;
        forms_of(ch->secrets[i], &f);
        for (int k = 0; k < 3; k++)
            replace(&b, buf_view(&f.f[k]));
        forms_clear(&f);
    }
    buf_slice(out, buf_view(&b));
    if (b.n)
        mem_wipe(b.p, b.n);
    buf_clear(&b);
}

static bool secret_header(const char *name)
{
    static const char *const parts[] = {"auth", "token", "secret", "key", "cookie", "signature", "password"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcasestr(name, parts[i]))
            return true;
    }
    return false;
}

/* ---- JSON ---- */

static size_t utf8_cut(struct slice s, size_t max)
{
    size_t n = s.n < max ? s.n : max;
    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void add_text(const struct channel *ch, struct slice text, size_t max, struct buf *out)
{
    struct buf clean;
    if (text.n > WIRE_LOOK)
        text.n = utf8_cut(text, WIRE_LOOK);
    if (!text_valid(text, NULL)) {
        buf_str(out, "\"[no text]\"");
        return;
    }
    buf_init(&clean, 5 * WIRE_LOOK);
    wire_redact(ch, text, &clean);
    struct slice s = buf_view(&clean);
    s.n = utf8_cut(s, max);
    buf_json_str(out, s);
    if (clean.n)
        mem_wipe(clean.p, clean.n);
    buf_clear(&clean);
}

static void add_header(const struct channel *ch, const char *name, struct slice value, bool first,
                       struct buf *out)
{
    buf_str(out, first ? "" : ",");
    buf_json_str(out, text_valid(slice_str(name), NULL) ? slice_str(name) : SLICE("?"));
    buf_char(out, ':');
    if (secret_header(name))
        buf_str(out, "\"[secret]\"");
    else
        add_text(ch, value, 512, out);
}

static void request_body(const struct channel *ch, const struct connector_fetch *f, size_t max,
                         struct buf *out)
{
    if (!f->parts_n) {
        buf_str(out, "\"body\":");
        add_text(ch, slice_from(f->body), max, out);
        return;
    }
    buf_str(out, "\"parts\":[");
    for (size_t i = 0; i < f->parts_n && i < 20; i++) {
        const struct connector_part *p = &f->parts[i];
        buf_str(out, i ? ",{\"name\":" : "{\"name\":");
        add_text(ch, slice_str(p->name), 128, out);
        if (p->blob || p->filename) {
            buf_printf(out, ",\"file\":true,\"bytes\":%zu}", p->bytes.n);
        } else {
            buf_str(out, ",\"value\":");
            add_text(ch, slice_from(p->bytes), max / 4, out);
            buf_char(out, '}');
        }
    }
    buf_char(out, ']');
}

char *wire_request(const struct channel *ch, const struct connector_fetch *f)
{
    static const size_t sizes[] = {6000, 1000, 0};
    struct buf b;
    buf_init(&b, WIRE_MAX / 2);
    for (size_t i = 0; i < 3; i++) {
        buf_reset(&b);
        b.err = 0;
        buf_str(&b, "{\"method\":");
        buf_json_str(&b, slice_str(f->method));
        buf_str(&b, ",\"url\":");
        add_text(ch, slice_str(f->url), 1024, &b);
        buf_str(&b, ",\"headers\":{");
        for (size_t k = 0; k < f->headers_n && k < 24; k++)
            add_header(ch, f->headers[k].name, slice_str(f->headers[k].value), k == 0, &b);
        buf_str(&b, "},");
        request_body(ch, f, sizes[i], &b);
        buf_char(&b, '}');
        if (!b.err)
            return buf_take(&b, NULL);
    }
    buf_clear(&b);
    return mem_strdup("{}");
}

static void add_response(const struct channel *ch, const struct fetch_response *r, size_t max, struct buf *b)
{
    if (r->err) {
        buf_str(b, ",\"error\":");
        add_text(ch, slice_str(r->error ? r->error : err_text(r->err)), 512, b);
        buf_str(b, r->maybe_sent ? ",\"maybe_sent\":true}" : "}");
        return;
    }
    buf_printf(b, ",\"response\":{\"status\":%d,\"headers\":{", r->status);
    for (size_t i = 0; i < r->headers && i < 24 && max; i++) {
        struct slice value = r->header_lines[i], name;
        char text[64];
        if (!slice_next(&value, ':', &name) || name.n >= sizeof(text))
            name = SLICE("?");
        memcpy(text, name.p, name.n);
        text[name.n] = 0;
        add_header(ch, text, slice_trim(value), i == 0, b);
    }
    buf_str(b, "},\"body\":");
    add_text(ch, r->body, max, b);
    buf_str(b, "}}");
}

static void on_logged(void *arg, const struct err *e)
{
    (void)arg, (void)e; /* a help, not a promise */
}

void wire_log(struct channel *ch, const struct wire_about *about, const char *request,
              const struct fetch_response *r)
{
    static const size_t sizes[] = {6000, 1000, 0};
    char when[TIME_TEXT];
    struct buf b;
    buf_init(&b, WIRE_MAX);
    time_text(time_wall_ms(), when);
    for (size_t i = 0; i < 3; i++) {
        buf_reset(&b);
        b.err = 0;
        buf_printf(&b, "{\"time\":\"%s\",\"ms\":%lld,\"request\":", when, (long long)(r->us / 1000));
        buf_str(&b, request ? request : "{}");
        add_response(ch, r, sizes[i], &b);
        if (!b.err)
            break;
    }
    if (!b.err)
        store_wire_log_add(ch->o->op, about->thread, about->seq, buf_view(&b), on_logged, NULL);
    buf_clear(&b);
}
