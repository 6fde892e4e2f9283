/* SPDX-License-Identifier: Apache-2.0
 * Where in a settings file a setting stands, so that what is wrong with it is told with its line. */
#include "gateway/daemon/config_parts.h"
#include <string.h>

/* Skips a JSON value that is known to be valid; i stands on its first byte. */
static size_t skip_value(struct slice t, size_t i)
{
    int depth = 0;
    bool in_string = false;
    for (; i < t.n; i++) {
        char c = t.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return i;
            depth--;
        } else if (c == ',' && depth == 0) {
            return i;
        }
    }
    return i;
}

static size_t skip_blank(struct slice t, size_t i)
{
    while (i < t.n && strchr(" \t\r\n", t.p[i]))
        i++;
    return i;
}

/* Where the value of member `key` of the object at i begins; 0 when it isn't there. Keys with escapes are not
 * found, and then the place is that of the object. */
static size_t find_member(struct slice t, size_t i, struct slice key, size_t *key_at)
{
    i = skip_blank(t, i);
    if (i >= t.n || t.p[i] != '{')
        return 0;
    for (i = skip_blank(t, i + 1); i < t.n && t.p[i] == '"'; i = skip_blank(t, i + 1)) {
        size_t start = i + 1, end = start;
        while (end < t.n && t.p[end] != '"')
            end += t.p[end] == '\\' ? 2 : 1;
        size_t value = skip_blank(t, skip_blank(t, end + 1) + 1);
        if (slice_eq(slice_of(t.p + start, end - start), key)) {
            *key_at = start;
            return value;
        }
        i = skip_value(t, value);
        if (i >= t.n || t.p[i] != ',')
            break;
    }
    return 0;
}

unsigned config_line_of(struct slice t, const char *name)
{
    size_t at = 0, key_at = 0;
    struct slice rest = slice_str(name), part;
    while (slice_next(&rest, '.', &part)) {
        size_t next = find_member(t, at, part, &key_at);
        if (!next)
            break;
        at = next;
    }
    unsigned line = 1;
    for (size_t i = 0; i < key_at && i < t.n; i++)
        line += t.p[i] == '\n';
    return line;
}
