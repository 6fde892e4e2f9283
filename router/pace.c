/* SPDX-License-Identifier: Apache-2.0
 * A ring of the last moments at which somebody was taken. */
#include "router/pace.h"

uint64_t pace_queue(const char *language, const char *topic)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    const char *const parts[] = {language, "\n", topic};
    for (unsigned i = 0; i < 3; i++)
        for (const char *s = parts[i] ? parts[i] : ""; *s; s++)
            h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

void pace_accepted(struct pace *p, uint64_t queue, int64_t now_ms)
{
    p->ring[p->at] = (struct pace_one){now_ms, queue};
    p->at = (p->at + 1) % PACE_MAX;
    p->n += p->n < PACE_MAX;
}

unsigned pace_minutes(const struct pace *p, uint64_t queue, unsigned place, int64_t now_ms)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < p->n; i++) {
        const struct pace_one *o = &p->ring[i];
        if (o->queue != queue || o->ms > now_ms || now_ms - o->ms > PACE_MS)
            continue;
        taken++;
    }
    if (taken < PACE_ENOUGH || !place)
        return 0;
    /* Over the whole hour, so that a busy minute long ago promises nothing. */
    uint64_t ms = (uint64_t)place * PACE_MS / taken, minutes = (ms + 59999) / 60000;
    return (unsigned)((minutes + 4) / 5 * 5);
}
