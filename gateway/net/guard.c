/* SPDX-License-Identifier: Apache-2.0
 * Where a connection may go: networks as prefixes, the special ones of IANA's registries, and what an
 * operator permits. */
#include "gateway/net/guard.h"
#include "gateway/base/mem.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>

struct cidr {
    unsigned char bytes[16];
    int family;
    unsigned bits;
};

struct cidrs {
    struct cidr *list;
    size_t n;
};

struct guard {
    struct cidrs allow;
    bool any_port;
};

/* ---- networks ---- */

static bool cidr_parse(struct slice text, struct cidr *c)
{
    char host[64];
    uint64_t bits = 0;
    struct slice rest = text, address;
    if (!slice_next(&rest, '/', &address) || !address.n || address.n >= sizeof host)
        return false;
    memcpy(host, address.p, address.n);
    host[address.n] = '\0';
    *c = (struct cidr){.family = AF_INET, .bits = 32};
    if (inet_pton(AF_INET, host, c->bytes) != 1) {
        c->family = AF_INET6;
        c->bits = 128;
        if (inet_pton(AF_INET6, host, c->bytes) != 1)
            return false;
    }
    if (address.n == text.n)
        return true; /* one address */
    if (!slice_u64(rest, &bits) || bits > c->bits)
        return false;
    c->bits = (unsigned)bits;
    return true;
}

static bool cidr_holds(const struct cidr *c, int family, const unsigned char *bytes)
{
    unsigned whole = c->bits / 8, rest = c->bits % 8;
    if (c->family != family || memcmp(c->bytes, bytes, whole) != 0)
        return false;
    unsigned mask = rest ? (0xffu << (8 - rest)) & 0xffu : 0;
    return !rest || ((c->bytes[whole] ^ bytes[whole]) & mask) == 0;
}

static bool holds(const struct cidrs *c, int family, const unsigned char *bytes)
{
    for (size_t i = 0; i < c->n; i++)
        if (cidr_holds(&c->list[i], family, bytes))
            return true;
    return false;
}

static int cidrs_add(struct cidrs *c, struct slice text, struct err *e)
{
    struct cidr one;
    if (!cidr_parse(text, &one))
        return err_set(e, ERR_INVALID, "\"%.*s\" is not a network such as 10.0.0.0/8 or ::1/128",
                       text.n < 64 ? (int)text.n : 64, text.p ? text.p : "");
    c->list = mem_realloc(c->list, (c->n + 1) * sizeof(*c->list));
    c->list[c->n++] = one;
    return 0;
}

struct cidrs *cidrs_parse(struct slice comma_separated, struct err *e)
{
    struct cidrs *c = mem_alloc(sizeof(*c));
    struct slice part;
    while (slice_next(&comma_separated, ',', &part)) {
        part = slice_trim(part);
        if (part.n && cidrs_add(c, part, e)) {
            cidrs_free(&c);
            return NULL;
        }
    }
    return c;
}

void cidrs_free(struct cidrs **c)
{
    if (!*c)
        return;
    mem_free((*c)->list);
    mem_clear(c);
}

/* ---- addresses ---- */

/* ::ffff:a.b.c.d is a.b.c.d to the kernel. */
static bool mapped(const unsigned char *six)
{
    static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(six, prefix, sizeof(prefix)) == 0;
}

/* Family and bytes of sa, with mapped addresses as what they are. False: neither IPv4 nor IPv6. */
static bool address_of(const struct sockaddr *sa, int *family, const unsigned char **bytes, unsigned *port)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
        *family = AF_INET;
        *bytes = (const unsigned char *)&in->sin_addr;
        *port = ntohs(in->sin_port);
        return true;
    }
    if (sa->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
    const unsigned char *six = (const unsigned char *)&in6->sin6_addr;
    *family = mapped(six) ? AF_INET : AF_INET6;
    *bytes = mapped(six) ? six + 12 : six;
    *port = ntohs(in6->sin6_port);
    return true;
}

bool cidrs_match(const struct cidrs *c, const struct sockaddr *sa)
{
    const unsigned char *bytes;
    unsigned port;
    int family;
    return address_of(sa, &family, &bytes, &port) && holds(c, family, bytes);
}

/* IANA IPv4 Special-Purpose Address Registry, multicast, and what is reserved. */
static const char *const special_4[] = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",   "127.0.0.0/8",     "169.254.0.0/16",
    "172.16.0.0/12",  "192.0.0.0/24",   "192.0.2.0/24",    "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",   "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
};
/* Of IPv6 only 2000::/3 is public, less these: protocol assignments with Teredo and ORCHID, documentation,
 * 6to4. */
static const char *const special_6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48",
                                        "3fff::/20"};

static bool in_list(const char *const *list, size_t n, int family, const unsigned char *bytes)
{
    for (size_t i = 0; i < n; i++) {
        struct cidr c;
        if (cidr_parse(slice_str(list[i]), &c) && cidr_holds(&c, family, bytes))
            return true;
    }
    return false;
}

static bool special(int family, const unsigned char *bytes)
{
    if (family == AF_INET)
        return in_list(special_4, sizeof(special_4) / sizeof(*special_4), family, bytes);
    return (bytes[0] & 0xe0) != 0x20 ||
           in_list(special_6, sizeof(special_6) / sizeof(*special_6), family, bytes);
}

bool guard_address(const struct guard *g, const struct sockaddr *sa)
{
    const unsigned char *bytes;
    unsigned port;
    int family;
    if (!address_of(sa, &family, &bytes, &port))
        return false;
    if (holds(&g->allow, family, bytes))
        return true;
    /* A mapped address has no business in a public answer, whatever stands in it. */
    if (special(family, bytes) || (sa->sa_family == AF_INET6 && family == AF_INET))
        return false;
    return g->any_port || port == 80 || port == 443;
}

/* ---- URLs ---- */

static bool part_is_there(CURLU *u, CURLUPart part)
{
    char *value = NULL;
    bool there = curl_url_get(u, part, &value, 0) == CURLUE_OK && value && *value;
    curl_free(value);
    return there;
}

static bool scheme_fits(CURLU *u)
{
    char *scheme = NULL;
    bool fits = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && scheme &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return fits;
}

bool guard_url(const struct guard *g, struct slice url, struct err *e)
{
    (void)g; /* where it leads is decided when it is connected to: names can change their mind */
    if (!url.n || url.n > 4096 || memchr(url.p, '\0', url.n)) {
        err_set(e, ERR_INVALID, "a URL of at most 4,096 bytes is wanted");
        return false;
    }
    char *text = slice_dup(url);
    const char *slashes =
        strstr(text, "://"); /* curl makes do with one slash, and reads its path as a host */
    CURLU *u = curl_url();
    const char *wrong = NULL;
    err_assert(u);
    if (curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        wrong = "this is not a URL";
    else if (!scheme_fits(u) || !slashes || (size_t)(slashes - text) > strlen("https"))
        wrong = "only http:// and https:// are allowed";
    else if (slashes[3] == '/')
        wrong = "the host is missing";
    else if (part_is_there(u, CURLUPART_USER) || part_is_there(u, CURLUPART_PASSWORD))
        wrong = "a URL must not carry a user or a password";
    else if (!part_is_there(u, CURLUPART_HOST))
        wrong = "the host is missing";
    if (wrong)
        err_set(e, ERR_INVALID, "%s", wrong);
    curl_url_cleanup(u);
    mem_free(text);
    return !wrong;
}

struct guard *guard_new(const char *const *allow, bool any_port, struct err *e)
{
    struct guard *g = mem_alloc(sizeof(*g));
    g->any_port = any_port;
    for (; allow && *allow; allow++)
        if (cidrs_add(&g->allow, slice_str(*allow), e)) {
            guard_free(&g);
            return NULL;
        }
    return g;
}

void guard_free(struct guard **g)
{
    if (!*g)
        return;
    mem_free((*g)->allow.list);
    mem_clear(g);
}
