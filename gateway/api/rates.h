/* SPDX-License-Identifier: Apache-2.0
 * How often in an hour somebody may do what others would pay for: write to numbers that never wrote, drill an
 * alarm, send test messages. Counted in each worker's memory alone. */
#ifndef PARLEY_API_RATES_H
#define PARLEY_API_RATES_H

#include "gateway/base/map.h"

#define RATES_MOST   64       /* the highest number that can be allowed */
#define RATES_SPAN   3600000u /* ms */
#define RATES_PEOPLE 20000u   /* who are remembered; beyond that everybody begins anew */

struct rates {
    struct map of; /* key → struct rate */
};
void rates_open(struct rates *r);
void rates_close(struct rates *r);
/* 0: it counts; else the seconds until the next one is free. most: up to RATES_MOST in the hour that ends
 * now. */
unsigned rates_take(struct rates *r, struct slice key, unsigned most, uint64_t now_ms);

struct call;
/* For the caller, in their operation. False: answered, 429 with Retry-After. */
bool call_rate(struct call *c, const char *what, unsigned most);

#endif
