/* SPDX-License-Identifier: Apache-2.0
 * How long a wait will be: said only when the last hour tells, never too short. */
#include "router/pace.h"
#include "tests/unit/test.h"

T(an_hour_tells)
{
    static struct pace p;
    uint64_t ar = pace_queue("ar", "cash"), fa = pace_queue("fa", "cash");
    int64_t now = 1800000000000;
    OK(ar != fa && ar != pace_queue("ar", "") && pace_queue("a", "b") != pace_queue("ab", ""));
    EQ_INT(pace_minutes(&p, ar, 1, now), 0);
    for (int i = 0; i < 12; i++)
        pace_accepted(&p, ar, now - 50 * 60000 + i * 240000);
    pace_accepted(&p, fa, now);
    EQ_INT(pace_minutes(&p, ar, 1, now), 5);
    EQ_INT(pace_minutes(&p, ar, 4, now), 20);
    EQ_INT(pace_minutes(&p, ar, 0, now), 0);
    EQ_INT(pace_minutes(&p, fa, 1, now), 0);              /* one says nothing */
    EQ_INT(pace_minutes(&p, ar, 1, now + 61 * 60000), 0); /* an hour later nobody can say */
    for (int i = 0; i < 5000; i++)
        pace_accepted(&p, fa, now);
    EQ_INT(pace_minutes(&p, ar, 1, now), 0);
    EQ_INT(pace_minutes(&p, fa, 1, now), 5);
}

TEST_MAIN
