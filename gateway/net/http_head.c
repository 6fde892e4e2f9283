/* SPDX-License-Identifier: Apache-2.0
 * Judges a request's head line by line, more strictly than parser libraries do: whatever two servers could
 * read in two ways is refused (RFC 9112, section 11). */
#include "gateway/net/http_head.h"
#include <string.h>

/* token characters of RFC 9110; 1 in the table */
static const unsigned char http_tchar[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1, ['-'] = 1,
    ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1,  ['0'] = 1, ['1'] = 1, ['2'] = 1,
    ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1,  ['9'] = 1, ['A'] = 1, ['B'] = 1,
    ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1,  ['I'] = 1, ['J'] = 1, ['K'] = 1,
    ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1,  ['R'] = 1, ['S'] = 1, ['T'] = 1,
    ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,  ['a'] = 1, ['b'] = 1, ['c'] = 1,
    ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1,  ['j'] = 1, ['k'] = 1, ['l'] = 1,
    ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1,  ['s'] = 1, ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

long http_head_scan(struct http_scan *s, struct slice b)
{
    while (s->at < b.n) {
        const char *lf = memchr(b.p + s->at, '\n', b.n - s->at);
        if (!lf) {
            s->at = b.n;
            return 0;
        }
        size_t end = (size_t)(lf - b.p);
        if (end == 0 || b.p[end - 1] != '\r')
            return -1;
        bool empty = end == s->line + 1;
        bool first = s->line == 0;
        s->at = s->line = end + 1;
        if (empty && !first) /* one empty line before the request line is let pass */
            return (long)end + 1;
    }
    return 0;
}

bool http_is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!http_tchar[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

bool http_field_parse(struct slice line, struct http_field *f)
{
    const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
    if (!colon)
        return false;
    f->name = slice_of(line.p, (size_t)(colon - line.p));
    f->value = slice_trim(slice_of(colon + 1, line.n - f->name.n - 1));
    if (!http_is_token(f->name)) /* a space before the colon or at the line's start ends here, too */
        return false;
    for (size_t i = 0; i < f->value.n; i++) {
        unsigned char c = (unsigned char)f->value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

bool http_list_has(const struct http_head_info *h, const char *lower_name, const char *word)
{
    for (size_t i = 0; i < h->fields_n; i++) {
        if (!slice_is_nocase(h->fields[i].name, lower_name))
            continue;
        struct slice rest = h->fields[i].value, part;
        while (slice_next(&rest, ',', &part))
            if (slice_is_nocase(slice_trim(part), word))
                return true;
    }
    return false;
}

static int head_method(struct slice s, unsigned *method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_is(s, names[i])) {
            *method = i;
            return 0;
        }
    return http_is_token(s) ? 501 : 400;
}

static int head_version(struct slice s, struct http_head_info *h)
{
    if (slice_is(s, "HTTP/1.1")) {
        h->v10 = false;
        return 0;
    }
    if (slice_is(s, "HTTP/1.0")) {
        h->v10 = true;
        return 0;
    }
    bool some = s.n == 8 && slice_starts(s, "HTTP/") && s.p[5] >= '0' && s.p[5] <= '9' && s.p[6] == '.' &&
                s.p[7] >= '0' && s.p[7] <= '9';
    return some ? 505 : 400;
}

/* "/path?query", "*" for OPTIONS, or the absolute form; *authority is the latter's host. */
static bool head_target(struct slice t, struct http_head_info *h, struct slice *authority)
{
    for (size_t i = 0; i < t.n; i++)
        if (t.p[i] <= 0x20 || t.p[i] >= 0x7F || t.p[i] == '#')
            return false;
    struct slice path = t;
    *authority = (struct slice){NULL, 0};
    size_t scheme = slice_starts(t, "http://") ? 7 : slice_starts(t, "https://") ? 8 : 0;
    if (scheme) {
        size_t n = scheme;
        while (n < t.n && t.p[n] != '/' && t.p[n] != '?')
            n++;
        *authority = slice_of(t.p + scheme, n - scheme);
        path = slice_of(t.p + n, t.n - n);
        if (authority->n == 0)
            return false;
        if (path.n == 0)
            path = SLICE("/");
    }
    bool star = slice_is(path, "*") && h->method == 6;
    if (!star && (path.n == 0 || path.p[0] != '/'))
        return false;
    const char *mark = memchr(path.p, '?', path.n);
    h->target = t;
    h->path = mark ? slice_of(path.p, (size_t)(mark - path.p)) : path;
    h->query = mark ? slice_of(mark + 1, path.n - h->path.n - 1) : (struct slice){NULL, 0};
    return true;
}

static int head_request_line(struct slice line, struct http_head_info *h, struct slice *authority,
                             const char **why)
{
    struct slice rest = line, method, target, version;
    *why = "request line";
    if (!slice_next(&rest, ' ', &method) || !slice_next(&rest, ' ', &target) ||
        !slice_next(&rest, ' ', &version) || rest.p)
        return 400;
    int status = head_version(version, h);
    if (status) {
        *why = status == 505 ? "HTTP version" : "request line";
        return status;
    }
    status = head_method(method, &h->method);
    if (status) {
        *why = "method";
        return status;
    }
    if (!head_target(target, h, authority)) {
        *why = "request target";
        return 400;
    }
    return 0;
}

/* host, host:port, [v6]:port: enough to be sure that nothing else hides in it */
static bool head_host_valid(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!name && (c == '\0' || !strchr("-._~%:[]", c)))
            return false;
    }
    return s.n > 0 && s.n <= 255;
}

struct head_count {
    unsigned host, length, coding;
    struct slice host_value, length_value, coding_value;
};

static void head_count(struct head_count *n, const struct http_field *f)
{
    if (slice_is_nocase(f->name, "host")) {
        n->host++;
        n->host_value = f->value;
    } else if (slice_is_nocase(f->name, "content-length")) {
        n->length++;
        n->length_value = f->value;
    } else if (slice_is_nocase(f->name, "transfer-encoding")) {
        n->coding++;
        n->coding_value = f->value;
    }
}

static int head_fields(struct slice rest, struct http_head_info *h, struct head_count *n, const char **why)
{
    struct slice line;
    *why = "header";
    while (slice_next(&rest, '\n', &line) && line.n > 1) {
        if (h->fields_n == HTTP_FIELDS_MAX) {
            *why = "too many headers";
            return 431;
        }
        struct http_field *f = &h->fields[h->fields_n];
        if (!http_field_parse(slice_of(line.p, line.n - 1), f))
            return 400;
        h->fields_n++;
        head_count(n, f);
    }
    return 0;
}

/* How long is the body? Everything that leaves a choice is an error. */
static int head_framing(struct http_head_info *h, const struct head_count *n, const char **why)
{
    *why = "Content-Length";
    if (n->length > 1 || (n->length && !slice_u64(n->length_value, &h->length)))
        return 400;
    if (h->length > INT64_MAX)
        return 413;
    *why = "Transfer-Encoding";
    if (n->coding == 0)
        return 0;
    if (n->coding > 1 || n->length || h->v10)
        return 400;
    if (!slice_is_nocase(n->coding_value, "chunked"))
        return 501;
    h->chunked = true;
    return 0;
}

static int head_connection(struct http_head_info *h, const char **why)
{
    h->keep_alive = h->v10 ? http_list_has(h, "connection", "keep-alive") : true;
    if (http_list_has(h, "connection", "close"))
        h->keep_alive = false;
    h->websocket =
        !h->v10 && http_list_has(h, "connection", "upgrade") && http_list_has(h, "upgrade", "websocket");
    if (h->websocket && (h->chunked || h->length || h->method != 0)) {
        *why = "upgrade";
        return 400;
    }
    for (size_t i = 0; i < h->fields_n && !h->v10; i++)
        if (slice_is_nocase(h->fields[i].name, "expect")) {
            *why = "Expect";
            if (!slice_is_nocase(h->fields[i].value, "100-continue"))
                return 417;
            h->expect_continue = true;
        }
    return 0;
}

static int head_second(struct slice head, const struct http_head_info *h, const struct head_count *n,
                       const char **why)
{
    struct http_second o;
    http_second_opinion(head, &o);
    *why = "malformed";
    if (!o.ok || o.chunked != h->chunked || o.has_length != (n->length > 0) ||
        (o.has_length && o.length != h->length))
        return 400;
    return 0;
}

int http_head_parse(struct slice head, struct http_field *fields, struct http_head_info *h, const char **why)
{
    struct head_count n = {0};
    struct slice line, rest, authority;
    *h = (struct http_head_info){.fields = fields};
    *why = "request line";
    if (slice_starts(head, "\r\n"))
        head = slice_of(head.p + 2, head.n - 2);
    rest = head;
    if (!slice_next(&rest, '\n', &line) || line.n < 1 || line.p[line.n - 1] != '\r')
        return 400;
    int status = head_request_line(slice_of(line.p, line.n - 1), h, &authority, why);
    if (status == 0)
        status = head_fields(rest, h, &n, why);
    if (status)
        return status;
    *why = "Host";
    if (n.host > 1 || (n.host == 0 && !h->v10) || (n.host && !head_host_valid(n.host_value)))
        return 400;
    if (authority.n && (!n.host || !slice_eq(authority, n.host_value)))
        return 400;
    status = head_framing(h, &n, why);
    if (status == 0)
        status = head_connection(h, why);
    return status ? status : head_second(head, h, &n, why);
}
