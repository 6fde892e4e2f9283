/* SPDX-License-Identifier: Apache-2.0
 * How fast a queue moves: what was accepted within the last hour. Pure. */
#ifndef PARLEY_ROUTER_PACE_H
#define PARLEY_ROUTER_PACE_H

#include <stdint.h>

#define PACE_MAX    2048
#define PACE_MS     3600000
#define PACE_ENOUGH 3 /* fewer say nothing */

struct pace {
    struct pace_one {
        int64_t ms;
        uint64_t queue;
    } ring[PACE_MAX];
    unsigned n, at;
};

/* Language and topic make a queue. */
uint64_t pace_queue(const char *language, const char *topic);
void pace_accepted(struct pace *p, uint64_t queue, int64_t now_ms);
/* Minutes until the `place`-th is taken (1: the next), rounded up to 5; 0: nobody can say. */
unsigned pace_minutes(const struct pace *p, uint64_t queue, unsigned place, int64_t now_ms);

#endif
