/* SPDX-License-Identifier: Apache-2.0
 * See rates.h. Of each user and thing the times of the last ones are kept, in a ring. */
#include "gateway/api/rates.h"
#include "gateway/api/api_internal.h"
#include "gateway/api/route.h"
#include <stdio.h>

struct rate {
    uint64_t at[RATES_MOST];
    unsigned n; /* how many there were, in all */
};

void rates_open(struct rates *r)
{
    map_init(&r->of);
}

void rates_close(struct rates *r)
{
    map_clear(&r->of, mem_free);
}

unsigned rates_take(struct rates *r, struct slice key, unsigned most, uint64_t now_ms)
{
    struct rate *one = map_get(&r->of, key);
    err_assert(most > 0 && most <= RATES_MOST);
    if (!one) {
        if (r->of.n >= RATES_PEOPLE)
            map_clear(&r->of, mem_free);
        one = mem_alloc(sizeof *one);
        map_put(&r->of, key, one);
    }
    if (one->n >= most) {
        uint64_t free_ms = one->at[(one->n - most) % RATES_MOST] + RATES_SPAN;
        if (free_ms > now_ms)
            return (unsigned)((free_ms - now_ms + 999) / 1000);
    }
    one->at[one->n++ % RATES_MOST] = now_ms;
    return 0;
}

bool call_rate(struct call *c, const char *what, unsigned most)
{
    char key[192], seconds[16];
    int n = snprintf(key, sizeof key, "%s %s %s", what, store_op_name(c->op->op), c->caller.login);
    err_assert(n > 0 && (size_t)n < sizeof key);
    unsigned wait = rates_take(&c->api->rates, slice_of(key, (size_t)n), most, loop_now_ms(c->api->cf.loop));
    if (!wait)
        return true;
    snprintf(seconds, sizeof seconds, "%u", wait);
    const struct http_head heads[] = {{"Content-Type", SLICE("application/problem+json")},
                                      {"Cache-Control", SLICE("no-store")},
                                      {"Retry-After", slice_str(seconds)},
                                      {NULL, {0, 0}}};
    idem_free(c);
    http_reply(c->rq, 429, heads,
               SLICE("{\"type\":\"about:blank\",\"title\":\"Too Many Requests\",\"status\":429,"
                     "\"detail\":\"that was often enough for an hour\",\"code\":\"rate\"}"));
    call_end(c);
    return false;
}
