/* SPDX-License-Identifier: Apache-2.0
 * A strict reader of form bodies. A multipart body has to begin with its first boundary and to end with its
 * last one; lines end in CRLF; a part has a Content-Disposition and at most a Content-Type beside it that
 * matters. */
#include "gateway/host/form.h"
#include "gateway/base/text.h"
#include <string.h>

static bool boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("'()+_,-./:=? ", c));
}

/* RFC 2046: 1 to 70 of its characters, the last one no blank. */
static bool boundary_of(struct slice type, struct slice *out)
{
    struct slice rest = type, part;
    bool found = false;
    slice_next(&rest, ';', &part);
    while (slice_next(&rest, ';', &part)) {
        part = slice_trim(part);
        struct slice key;
        if (!slice_next(&part, '=', &key) || !slice_is_nocase(key, "boundary"))
            continue;
        if (found)
            return false;
        found = true;
        if (part.n >= 2 && part.p[0] == '"' && part.p[part.n - 1] == '"')
            part = (struct slice){part.p + 1, part.n - 2};
        *out = part;
    }
    if (!found || out->n < 1 || out->n > 70 || out->p[out->n - 1] == ' ')
        return false;
    for (size_t i = 0; i < out->n; i++) {
        if (!boundary_char(out->p[i]))
            return false;
    }
    return true;
}

/* Browsers write `"`, CR and LF in a name as %22, %0D and %0A, and nothing else (WHATWG). */
static struct slice unescape(struct arena *a, struct slice s)
{
    if (!memchr(s.p, '%', s.n))
        return s;
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%' && i + 2 < s.n) {
            struct slice code = {s.p + i + 1, 2};
            char to = slice_is(code, "22")          ? '"'
                      : slice_is_nocase(code, "0d") ? '\r'
                      : slice_is_nocase(code, "0a") ? '\n'
                                                    : 0;
            if (to) {
                out[n++] = to;
                i += 2;
                continue;
            }
        }
        out[n++] = c;
    }
    return slice_of(out, n);
}

/* One `; key="value"` or `; key=token` at *rest. */
static bool parameter(struct slice *rest, struct slice *key, struct slice *value)
{
    const char *p = rest->p, *end = p + rest->n;
    if (p == end || *p++ != ';')
        return false;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    const char *k = p;
    while (p < end && *p != '=' && *p != ';' && *p != '"')
        p++;
    if (p == end || *p != '=' || p == k)
        return false;
    *key = slice_of(k, (size_t)(p - k));
    const char *v = ++p;
    if (p < end && *p == '"') {
        v++;
        const char *close = memchr(v, '"', (size_t)(end - v));
        if (!close)
            return false;
        *value = slice_of(v, (size_t)(close - v));
        p = close + 1;
    } else {
        while (p < end && *p != ';' && *p != '"')
            p++;
        *value = slice_trim(slice_of(v, (size_t)(p - v)));
    }
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    *rest = slice_of(p, (size_t)(end - p));
    return true;
}

static int disposition(struct slice value, struct arena *a, struct form_part *part, struct err *e)
{
    struct slice rest = value, key, v;
    const size_t kind = sizeof("form-data") - 1;
    bool named = false;
    if (value.n < kind || !slice_is_nocase(slice_of(value.p, kind), "form-data"))
        return err_set(e, ERR_INVALID, "a part that is no form-data");
    rest = slice_trim(slice_of(value.p + kind, value.n - kind));
    while (rest.n) {
        if (!parameter(&rest, &key, &v))
            return err_set(e, ERR_INVALID, "malformed Content-Disposition");
        if (v.n > FORM_NAME || !text_valid(v, NULL))
            return err_set(e, ERR_INVALID, "a name that is too long or no UTF-8");
        if (slice_is_nocase(key, "name") && !named) {
            part->name = unescape(a, v);
            named = true;
        } else if (slice_is_nocase(key, "filename") && !part->file) {
            part->filename = unescape(a, v);
            part->file = true;
        } else if (slice_is_nocase(key, "name") || slice_is_nocase(key, "filename")) {
            return err_set(e, ERR_INVALID, "a name twice in one part");
        }
    }
    return named ? 0 : err_set(e, ERR_INVALID, "a part without a name");
}

static int header_line(struct slice line, struct arena *a, struct form_part *part, bool *disposed,
                       struct err *e)
{
    struct slice key, value = line;
    if (!memchr(line.p, ':', line.n) || !slice_next(&value, ':', &key))
        return err_set(e, ERR_INVALID, "a header line without a colon");
    value = slice_trim(value);
    for (size_t i = 0; i < value.n; i++) {
        if ((unsigned char)value.p[i] < 32 && value.p[i] != '\t')
            return err_set(e, ERR_INVALID, "a control byte in a part's header");
    }
    if (slice_is_nocase(key, "content-disposition")) {
        if (*disposed)
            return err_set(e, ERR_INVALID, "two Content-Dispositions in one part");
        *disposed = true;
        return disposition(value, a, part, e);
    }
    if (slice_is_nocase(key, "content-type")) {
        if (!text_valid(value, NULL))
            return err_set(e, ERR_INVALID, "a Content-Type that is no UTF-8");
        part->type = value;
    } else if (slice_is_nocase(key, "content-transfer-encoding") && !slice_is_nocase(value, "8bit") &&
               !slice_is_nocase(value, "7bit") && !slice_is_nocase(value, "binary")) {
        return err_set(e, ERR_UNSUPPORTED, "a Content-Transfer-Encoding other than binary");
    }
    return 0;
}

static int part_head(struct slice head, struct arena *a, struct form_part *part, struct err *e)
{
    bool disposed = false;
    while (head.n) {
        const char *cr = memmem(head.p, head.n, "\r\n", 2);
        size_t n = cr ? (size_t)(cr - head.p) : head.n;
        int rc = header_line(slice_of(head.p, n), a, part, &disposed, e);
        if (rc)
            return rc;
        size_t skip = cr ? n + 2 : n;
        head.p += skip;
        head.n -= skip;
    }
    return disposed ? 0 : err_set(e, ERR_INVALID, "a part without Content-Disposition");
}

static int multipart(struct slice body, struct slice boundary, struct arena *a, struct form *f, struct err *e)
{
    /* "\r\n--boundary" stands before every part but the first, where the CRLF is missing. */
    char delim[80];
    size_t dn = 4 + boundary.n;
    memcpy(delim, "\r\n--", 4);
    memcpy(delim + 4, boundary.p, boundary.n);
    if (body.n < dn - 2 || memcmp(body.p, delim + 2, dn - 2) != 0)
        return err_set(e, ERR_INVALID, "the body does not begin with its boundary");
    const char *p = body.p + dn - 2, *end = body.p + body.n;
    for (;;) {
        size_t left = (size_t)(end - p);
        if (left >= 2 && memcmp(p, "--", 2) == 0) {
            if (left == 2 || (left == 4 && memcmp(p + 2, "\r\n", 2) == 0))
                return 0;
            return err_set(e, ERR_INVALID, "bytes behind the last boundary");
        }
        if (left < 2 || memcmp(p, "\r\n", 2) != 0)
            return err_set(e, ERR_INVALID, "a malformed boundary at byte %zu", (size_t)(p - body.p));
        p += 2;
        size_t window = (size_t)(end - p) < FORM_HEAD ? (size_t)(end - p) : FORM_HEAD;
        const char *blank = memmem(p, window, "\r\n\r\n", 4);
        if (!blank)
            return err_set(e, ERR_INVALID, "a part without the end of its header");
        if (f->n == FORM_PARTS)
            return err_set(e, ERR_TOO_LARGE, "more than %d parts", FORM_PARTS);
        struct form_part *part = &f->parts[f->n++];
        *part = (struct form_part){0};
        int rc = part_head(slice_of(p, (size_t)(blank - p)), a, part, e);
        if (rc)
            return rc;
        const char *data = blank + 4;
        /* The CRLF of an empty part's end may be the one that ends its header. */
        const char *next = memmem(blank + 2, (size_t)(end - blank) - 2, delim, dn);
        if (!next)
            return err_set(e, ERR_INVALID, "the last boundary is missing");
        part->value = next < data ? (struct slice){data, 0} : slice_of(data, (size_t)(next - data));
        p = next + dn;
    }
}

static int urlencoded(struct slice body, struct arena *a, struct form *f, struct err *e)
{
    struct slice rest = body, pair;
    while (slice_next(&rest, '&', &pair)) {
        if (!pair.n)
            continue;
        if (f->n == FORM_PARTS)
            return err_set(e, ERR_TOO_LARGE, "more than %d fields", FORM_PARTS);
        struct slice key, value = pair;
        slice_next(&value, '=', &key);
        struct buf b;
        buf_init(&b, pair.n + 1);
        if (text_url_decode(&b, key, true) != 0 || b.n > FORM_NAME) {
            buf_clear(&b);
            return err_set(e, ERR_INVALID, "field %zu: malformed percent encoding", f->n);
        }
        size_t kn = b.n;
        if (text_url_decode(&b, value, true) != 0) {
            buf_clear(&b);
            return err_set(e, ERR_INVALID, "field %zu: malformed percent encoding", f->n);
        }
        struct slice both = arena_slice(a, buf_view(&b));
        buf_clear(&b);
        f->parts[f->n++] = (struct form_part){
            .name = {both.p, kn}, .value = slice_of(both.n > kn ? both.p + kn : NULL, both.n - kn)};
    }
    return 0;
}

int form_parse(struct slice content_type, struct slice body, struct arena *a, struct form *f, struct err *e)
{
    struct slice kind, rest = content_type, boundary = {0};
    f->n = 0;
    if (!slice_next(&rest, ';', &kind))
        kind = content_type;
    kind = slice_trim(kind);
    if (slice_is_nocase(kind, "application/x-www-form-urlencoded"))
        return urlencoded(body, a, f, e);
    if (!slice_is_nocase(kind, "multipart/form-data"))
        return err_set(e, ERR_UNSUPPORTED, "no form's content type");
    if (!boundary_of(content_type, &boundary))
        return err_set(e, ERR_INVALID, "multipart/form-data without a boundary");
    return multipart(body, boundary, a, f, e);
}

const struct form_part *form_field(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (!f->parts[i].file && slice_is(f->parts[i].name, name))
            return &f->parts[i];
    }
    return NULL;
}

const struct form_part *form_file(const struct form *f, size_t i)
{
    for (size_t k = 0; k < f->n; k++) {
        const struct form_part *p = &f->parts[k];
        if (p->file && (p->filename.n || p->value.n) && i-- == 0)
            return p;
    }
    return NULL;
}
