/* SPDX-License-Identifier: Apache-2.0
 * Where webhooks may go: an https address, or http to this machine or an internal network; a host of
 * `egress`, when that names any. What the name resolves to is judged when it is connected to (net/guard.h).
 */
#include "gateway/hook/hook_internal.h"
#include <arpa/inet.h>
#include <string.h>

static struct slice host_of(struct slice url)
{
    const char *p = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
    size_t n = 0;
    if (!p)
        return (struct slice){0, 0};
    p += 3;
    size_t left = (size_t)(url.p + url.n - p);
    if (left && *p == '[') {
        while (n < left && p[n] != ']')
            n++;
        return slice_of(p + 1, n ? n - 1 : 0);
    }
    while (n < left && !strchr("/:?#@", p[n]))
        n++;
    return slice_of(p, n);
}

static bool egress_allows(const char *const *egress, struct slice host)
{
    if (!egress || !egress[0])
        return true;
    for (; *egress; egress++) {
        size_t n = strlen(*egress);
        if (slice_is_nocase(host, *egress))
            return true;
        if (**egress == '*' && host.n >= n &&
            slice_is_nocase(slice_of(host.p + host.n - (n - 1), n - 1), *egress + 1))
            return true;
    }
    return false;
}

bool url_allowed(const struct hooks *h, const char *url, struct err *e)
{
    struct slice u = slice_str(url);
    if (!guard_url(h->guard, u, e))
        return false;
    if (egress_allows(h->cf.egress, host_of(u)))
        return true;
    err_set(e, ERR_FORBIDDEN, "its host is not in `egress`");
    return false;
}
