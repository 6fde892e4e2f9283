/* SPDX-License-Identifier: Apache-2.0
 * Where a Redis is: "unix:/path", "redis://host:port/db". */
#include "gateway/net/redis_link.h"
#include "gateway/base/mem.h"
#include <string.h>
#include <sys/un.h>

static int redis_url_unix(struct redis_address *a, struct slice path, struct err *e)
{
    if (path.n == 0 || path.p[0] != '/')
        return err_set(e, ERR_INVALID, "redis: unix: wants an absolute path");
    if (path.n >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return err_set(e, ERR_INVALID, "redis: the socket's path is longer than %zu bytes",
                       sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    a->path = slice_dup(path);
    return 0;
}

/* host, host:port, [v6], [v6]:port */
static int redis_url_host(struct redis_address *a, struct slice s, struct err *e)
{
    struct slice host = s, port = SLICE("6379");
    const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
    if (s.n && s.p[0] == '[') {
        const char *end = memchr(s.p, ']', s.n);
        if (!end)
            return err_set(e, ERR_INVALID, "redis: the address lacks its ']'");
        host = slice_of(s.p + 1, (size_t)(end - s.p) - 1);
        colon = end + 1 < s.p + s.n ? end + 1 : NULL;
        if (colon && *colon != ':')
            return err_set(e, ERR_INVALID, "redis: a port is wanted behind ']'");
    } else if (colon) {
        host.n = (size_t)(colon - s.p);
    }
    if (colon)
        port = slice_of(colon + 1, (size_t)(s.p + s.n - colon) - 1);
    uint64_t number;
    if (!slice_u64(port, &number) || number == 0 || number > 65535 || host.n == 0)
        return err_set(e, ERR_INVALID, "redis: redis://host:port is wanted");
    a->host = slice_dup(host);
    a->port = slice_dup(port);
    return 0;
}

int redis_url_parse(struct redis_address *a, const char *url, struct err *e)
{
    struct slice s = slice_str(url);
    *a = (struct redis_address){0};
    if (slice_starts(s, "unix:"))
        return redis_url_unix(a, slice_of(s.p + 5, s.n - 5), e);
    if (slice_starts(s, "rediss://"))
        return err_set(e, ERR_UNSUPPORTED,
                       "redis: no TLS towards Redis; use a unix socket or a tunnel on this host");
    if (!slice_starts(s, "redis://"))
        return err_set(e, ERR_INVALID, "redis: an address is unix:/path or redis://host:port");
    s = slice_of(s.p + 8, s.n - 8);
    if (s.n && memchr(s.p, '@', s.n))
        return err_set(e, ERR_INVALID,
                       "redis: user and password are settings of their own, not part of the URL");
    const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
    if (slash) {
        struct slice db = slice_of(slash + 1, (size_t)(s.p + s.n - slash) - 1);
        s.n = (size_t)(slash - s.p);
        if (db.n && (!slice_u64(db, &a->db) || a->db > 65535))
            return err_set(e, ERR_INVALID, "redis: the database is a small number");
    }
    return redis_url_host(a, s, e);
}

void redis_address_clear(struct redis_address *a)
{
    mem_clear(&a->path);
    mem_clear(&a->host);
    mem_clear(&a->port);
}
