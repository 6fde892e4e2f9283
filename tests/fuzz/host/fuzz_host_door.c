/* SPDX-License-Identifier: Apache-2.0
 * Paths of the doors, addresses, and the look at JSON that comes before its parser: what it lets through as
 * not too deep must not be deeper to the parser. */
#include "gateway/host/door.h"
#include "gateway/host/out.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static unsigned depth_of(const json_t *j)
{
    unsigned deepest = 0;
    const char *key;
    json_t *v;
    size_t i;
    if (json_is_array(j)) {
        json_array_foreach(j, i, v)
        {
            unsigned d = depth_of(v);
            deepest = d > deepest ? d : deepest;
        }
        return deepest + 1;
    }
    if (!json_is_object(j))
        return 0;
    json_object_foreach((json_t *)(uintptr_t)j, key, v)
    {
        unsigned d = depth_of(v);
        deepest = d > deepest ? d : deepest;
    }
    return deepest + 1;
}

static void cuts(struct slice s)
{
    static const enum connector_unit units[] = {CONNECTOR_UTF16, CONNECTOR_BYTES, CONNECTOR_CODE_POINTS};
    for (size_t u = 0; u < 3 && s.n && s.n < 4096; u++) {
        struct slice rest = s;
        while (rest.n) {
            size_t cut = plan_cut(rest, 20, units[u]);
            err_assert(cut > 0 && cut <= rest.n && text_valid(slice_of(rest.p, cut), NULL));
            err_assert(plan_units(slice_of(rest.p, cut), units[u]) <= 20);
            rest = slice_of(rest.p + cut, rest.n - cut);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *copy = malloc(n + 1);
    memcpy(copy, data, n);
    struct slice s = slice_of(copy, n);
    struct door_path p;
    if (door_path(s, &p)) {
        err_assert(name_valid(p.op) && name_valid(p.channel));
        err_assert(p.rest.n == 0 || p.rest.p[0] == '/');
        err_assert(host_route_mine(s));
    }
    bool fine = door_json_ok(s, 8);
    json_t *j = json_loadb(copy, n, JSON_REJECT_DUPLICATES, NULL);
    if (fine && j)
        err_assert(depth_of(j) <= 8);
    if (j && depth_of(j) <= 8 && text_valid(s, NULL))
        err_assert(fine);
    json_decref(j);
    if (address_valid(s))
        err_assert(memchr(copy, ':', n) && n <= 256);
    if (text_valid(s, NULL))
        cuts(s);
    free(copy);
    return 0;
}
