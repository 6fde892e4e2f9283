/* SPDX-License-Identifier: Apache-2.0
 * Percent-encoding (RFC 3986) and forms. */
#include "gateway/base/err.h"
#include "gateway/base/text.h"
#include <string.h>

static bool url_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int text_url_encode(struct buf *b, struct slice s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (url_unreserved(s.p[i])) {
            buf_char(b, s.p[i]);
        } else {
            char three[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(b, three, 3);
        }
    }
    return b->err;
}

int text_url_decode(struct buf *b, struct slice s, bool form)
{
    size_t before = b->n;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (s.n - i < 3 || !text_unhex(&c, 1, slice_of(s.p + i + 1, 2))) {
                if (!b->err)
                    buf_drop_back(b, b->n - before);
                return -ERR_INVALID;
            }
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        buf_char(b, c);
    }
    return b->err;
}

/* Does the raw name of a pair, once decoded, say key? */
static bool form_key_is(struct slice raw, const char *key)
{
    struct buf name;
    buf_init(&name, strlen(key));
    bool same = text_url_decode(&name, raw, true) == 0 && slice_is(buf_view(&name), key);
    buf_clear(&name);
    return same;
}

bool text_form_get(struct slice form, const char *key, struct buf *b)
{
    struct slice pair;
    while (slice_next(&form, '&', &pair)) {
        const char *eq = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
        struct slice name = eq ? slice_of(pair.p, (size_t)(eq - pair.p)) : pair;
        if (!form_key_is(name, key))
            continue;
        struct slice value = eq ? slice_of(eq + 1, pair.n - name.n - 1) : (struct slice){"", 0};
        return text_url_decode(b, value, true) == 0;
    }
    return false;
}
