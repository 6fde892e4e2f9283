/* SPDX-License-Identifier: Apache-2.0
 * Networks as an operation file lists them: [{"cidr":"192.0.2.0/24","roles":["agent"]}]. */
#include "gateway/api/networks.h"
#include "gateway/api/rights.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/net/guard.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct networks {
    size_t n;
    struct network {
        struct cidrs *cidrs; /* NULL: it can't be read, and lets nobody in */
        unsigned roles;      /* 0: of everybody */
    } v[];
};

static unsigned roles_of(const json_t *list)
{
    unsigned roles = 0;
    size_t i;
    json_t *role;
    json_array_foreach(list, i, role)
    {
        if (json_is_string(role))
            roles |= rights_roles(json_string_value(role));
    }
    return roles;
}

struct networks *networks_new(const json_t *document)
{
    const json_t *list = json_object_get(document, "networks");
    size_t i, n = json_array_size(list);
    json_t *one;
    if (!n)
        return NULL;
    struct networks *all = mem_alloc(sizeof *all + n * sizeof all->v[0]);
    json_array_foreach(list, i, one)
    {
        struct err e = {0};
        if (json_opt_bool(one, "disabled", false))
            continue;
        struct slice cidr = json_opt_str(one, "cidr");
        all->v[all->n].cidrs = cidr.n ? cidrs_parse(cidr, &e) : NULL;
        all->v[all->n++].roles = roles_of(json_object_get(one, "roles"));
    }
    return all;
}

void networks_free(struct networks **n)
{
    if (!*n)
        return;
    for (size_t i = 0; i < (*n)->n; i++)
        if ((*n)->v[i].cidrs)
            cidrs_free(&(*n)->v[i].cidrs);
    mem_free(*n);
    *n = NULL;
}

union address {
    struct sockaddr sa;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
};

/* An IPv4 address that comes over an IPv6 socket is one of IPv4. */
static bool address_read(struct slice text, union address *a)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char buf[INET6_ADDRSTRLEN + 1] = "";
    memset(a, 0, sizeof *a);
    if (!text.n || text.n >= sizeof buf)
        return false;
    memcpy(buf, text.p, text.n);
    if (inet_pton(AF_INET, buf, &a->in4.sin_addr) == 1) {
        a->sa.sa_family = AF_INET;
        return true;
    }
    struct in6_addr six;
    if (inet_pton(AF_INET6, buf, &six) != 1)
        return false;
    if (memcmp(&six, mapped, sizeof mapped) == 0) {
        a->in4.sin_family = AF_INET;
        memcpy(&a->in4.sin_addr, (const char *)&six + sizeof mapped, 4);
    } else {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_addr = six;
    }
    return true;
}

static bool role_allowed(const struct networks *n, unsigned role, const struct sockaddr *from)
{
    bool bound = false;
    for (size_t i = 0; i < n->n; i++) {
        if (n->v[i].roles && !(n->v[i].roles & role))
            continue;
        bound = true;
        if (from && n->v[i].cidrs && cidrs_match(n->v[i].cidrs, from))
            return true;
    }
    return !bound;
}

bool networks_allow(const struct networks *n, unsigned roles, struct slice peer)
{
    union address a;
    if (!n)
        return true;
    const struct sockaddr *from = address_read(peer, &a) ? &a.sa : NULL;
    for (unsigned role = 1; role && role <= roles; role <<= 1)
        if ((roles & role) && !role_allowed(n, role, from))
            return false;
    return true;
}

bool networks_lets(const json_t *document, unsigned roles, struct slice peer)
{
    struct networks *n = networks_new(document);
    bool ok = networks_allow(n, roles, peer);
    networks_free(&n);
    return ok;
}
