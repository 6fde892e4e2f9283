/* SPDX-License-Identifier: Apache-2.0
 * URLs, networks and addresses. The first byte says which. */
#include "gateway/net/guard.h"
#include <netinet/in.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_address(const struct guard *g, struct slice s)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(443)};
    memcpy(&in6.sin6_addr, s.p, s.n < 16 ? s.n : 16);
    memcpy(&in4.sin_addr, s.p, s.n < 4 ? s.n : 4);
    if (guard_address(g, (struct sockaddr *)&in6)) /* nothing but global unicast gets through */
        err_assert((in6.sin6_addr.s6_addr[0] & 0xE0) == 0x20);
    unsigned first = ntohl(in4.sin_addr.s_addr) >> 24;
    if (guard_address(g, (struct sockaddr *)&in4))
        err_assert(first != 0 && first != 10 && first != 127 && first < 224);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guard *g;
    struct err e = {0};
    if (!g)
        g = guard_new(NULL, false, NULL);
    if (size < 1)
        return 0;
    struct slice s = slice_of(data + 1, size - 1);
    if (data[0] % 3 == 0) {
        bool taken = guard_url(g, s, &e);
        err_assert(taken == (e.code == 0));
        if (taken)
            err_assert(s.n > 7 && s.n <= 4096 && !memchr(s.p, 0, s.n));
    } else if (data[0] % 3 == 1) {
        struct cidrs *c = cidrs_parse(s, &e);
        err_assert((c != NULL) == (e.code == 0));
        if (c)
            cidrs_free(&c);
    } else {
        try_address(g, s);
    }
    return 0;
}
