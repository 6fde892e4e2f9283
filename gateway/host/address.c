/* SPDX-License-Identifier: Apache-2.0
 * Addresses: typed URIs in one canonical form, and the space of names that each belongs to. What a channel's
 * provider does not vouch for is that channel's alone ("app/tel:+90…"), so that it never joins the same
 * number elsewhere. */
#include "gateway/host/host_internal.h"
#include <string.h>

#define ADDRESS_MAX 256u

/* E.164: a plus, no leading zero, 5 to 15 digits. */
static bool tel_valid(struct slice rest)
{
    if (rest.n < 6 || rest.n > 16 || rest.p[0] != '+' || rest.p[1] == '0')
        return false;
    for (size_t i = 1; i < rest.n; i++) {
        if (rest.p[i] < '0' || rest.p[i] > '9')
            return false;
    }
    return true;
}

/* One @ with something on both sides; the domain in lower case. */
static bool mail_valid(struct slice rest)
{
    const char *at = memrchr(rest.p, '@', rest.n);
    if (!at || at == rest.p || at + 1 == rest.p + rest.n)
        return false;
    for (const char *p = at + 1; p < rest.p + rest.n; p++) {
        if (*p >= 'A' && *p <= 'Z')
            return false;
    }
    return true;
}

static size_t scheme_length(struct slice uri)
{
    const char *colon = uri.n ? memchr(uri.p, ':', uri.n) : NULL;
    return colon ? (size_t)(colon - uri.p) : 0;
}

bool address_valid(struct slice uri)
{
    size_t n = scheme_length(uri);
    if (n == 0 || uri.n > ADDRESS_MAX || n + 1 == uri.n || !text_valid(uri, NULL))
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = uri.p[i];
        if (!(c >= 'a' && c <= 'z') && (i == 0 || !((c >= '0' && c <= '9') || strchr("+-.", c))))
            return false;
    }
    for (size_t i = n + 1; i < uri.n; i++) {
        if ((unsigned char)uri.p[i] <= ' ' || uri.p[i] == 127)
            return false;
    }
    struct slice scheme = {uri.p, n}, rest = {uri.p + n + 1, uri.n - n - 1};
    if (slice_is(scheme, "tel"))
        return tel_valid(rest);
    return !slice_is(scheme, "mailto") || mail_valid(rest);
}

bool address_vouched(const struct channel *ch, struct slice uri)
{
    struct slice scheme = {uri.p, scheme_length(uri)}, rest = slice_str(ch->schemes), word;
    while (*ch->schemes && slice_next(&rest, ' ', &word)) {
        if (word.n && slice_eq(word, scheme))
            return true;
    }
    return false;
}

struct slice address_inward(const struct channel *ch, struct slice uri, struct arena *a)
{
    if (!uri.n || address_vouched(ch, uri))
        return uri;
    size_t n = strlen(ch->id);
    char *out = arena_alloc(a, n + 1 + uri.n + 1);
    memcpy(out, ch->id, n);
    out[n] = '/';
    memcpy(out + n + 1, uri.p, uri.n);
    return slice_of(out, n + 1 + uri.n);
}

struct slice address_outward(const struct channel *ch, struct slice stored)
{
    size_t n = strlen(ch->id);
    /* A channel's id has no colon and no slash, so nothing else can look like its prefix. */
    if (stored.n > n && memcmp(stored.p, ch->id, n) == 0 && stored.p[n] == '/')
        return slice_of(stored.p + n + 1, stored.n - n - 1);
    return stored;
}
