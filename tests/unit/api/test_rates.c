/* SPDX-License-Identifier: Apache-2.0
 * How often in an hour. */
#include "gateway/api/rates.h"
#include "tests/unit/test.h"

T(so_many_in_any_hour)
{
    struct rates r;
    rates_open(&r);
    for (uint64_t i = 0; i < 20; i++)
        EQ_INT(rates_take(&r, SLICE("first demo amal"), 20, i * 1000), 0);
    EQ_INT(rates_take(&r, SLICE("first demo amal"), 20, 20000), 3580);
    EQ_INT(rates_take(&r, SLICE("first demo farid"), 20, 20000), 0);
    EQ_INT(rates_take(&r, SLICE("drill demo amal"), 6, 20000), 0);
    EQ_INT(rates_take(&r, SLICE("first demo amal"), 20, 3599999), 1);
    EQ_INT(rates_take(&r, SLICE("first demo amal"), 20, 3600000), 0); /* the first is an hour ago */
    EQ_INT(rates_take(&r, SLICE("first demo amal"), 20, 3600000), 1);
    EQ_INT(rates_take(&r, SLICE("first demo amal"), 20, 3601000), 0);
    rates_close(&r);
}

T(over_many_hours)
{
    struct rates r;
    unsigned taken = 0;
    rates_open(&r);
    for (uint64_t minute = 0; minute < 60 * 24; minute++)
        taken += rates_take(&r, SLICE("k"), 6, minute * 60000) == 0;
    EQ_INT(taken, 6 * 24);
    for (unsigned i = 0; i < RATES_MOST; i++)
        EQ_INT(rates_take(&r, SLICE("all"), RATES_MOST, 5), 0);
    OK(rates_take(&r, SLICE("all"), RATES_MOST, 5) > 0);
    rates_close(&r);
}

TEST_MAIN
