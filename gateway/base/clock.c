/* SPDX-License-Identifier: Apache-2.0
 * Times as text (RFC 3339) and the host's clocks. The calendar is computed, since gmtime and timegm know time
 * zones and locks that nobody needs here. */
#include "gateway/base/text.h"
#include <time.h>

#define DAY_MS 86400000

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar; years are counted from March, so that
 * the leap day is the last one. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

static unsigned days_in(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static char *digits(char *at, unsigned width, uint64_t v)
{
    for (unsigned i = width; i > 0; i--) {
        at[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    return at + width;
}

void time_text(int64_t ms, char out[TIME_TEXT])
{
    const int64_t least = -62167219200000, most = 253402300799999; /* years 0000 to 9999 */
    ms = ms < least ? least : ms > most ? most : ms;
    int64_t days = (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS, year;
    uint64_t in_day = (uint64_t)(ms - days * DAY_MS);
    unsigned month, day;
    date_of(days, &year, &month, &day);
    char *at = digits(out, 4, (uint64_t)year);
    *at++ = '-';
    at = digits(at, 2, month);
    *at++ = '-';
    at = digits(at, 2, day);
    *at++ = 'T';
    at = digits(at, 2, in_day / 3600000);
    *at++ = ':';
    at = digits(at, 2, in_day / 60000 % 60);
    *at++ = ':';
    at = digits(at, 2, in_day / 1000 % 60);
    *at++ = '.';
    at = digits(at, 3, in_day % 1000);
    *at++ = 'Z';
    *at = '\0';
}

/* Exactly `width` digits between low and high, and the byte behind them when it is not 0. */
static bool take(struct slice *s, unsigned width, unsigned low, unsigned high, char then, unsigned *out)
{
    unsigned v = 0;
    if (s->n < width + (then != '\0'))
        return false;
    for (unsigned i = 0; i < width; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (unsigned)(s->p[i] - '0');
    }
    if (v < low || v > high || (then && s->p[width] != then))
        return false;
    width += then != '\0';
    s->p += width;
    s->n -= width;
    *out = v;
    return true;
}

/* ".5", ".123456789": at least one digit; what is finer than a millisecond is dropped. */
static bool take_fraction(struct slice *s, unsigned *ms)
{
    *ms = 0;
    if (s->n == 0 || s->p[0] != '.')
        return true;
    size_t i = 1;
    for (unsigned unit = 100; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++, unit /= 10)
        *ms += unit * (unsigned)(s->p[i] - '0');
    s->p += i;
    s->n -= i;
    return i > 1;
}

static bool take_zone(struct slice *s, int64_t *minutes)
{
    *minutes = 0;
    if (s->n == 0)
        return true;
    char sign = s->p[0];
    s->p++;
    s->n--;
    if (sign == 'Z' || sign == 'z')
        return true;
    unsigned hours, mins;
    if ((sign != '+' && sign != '-') || !take(s, 2, 0, 23, ':', &hours) || !take(s, 2, 0, 59, 0, &mins))
        return false;
    *minutes = (int64_t)(hours * 60 + mins) * (sign == '-' ? -1 : 1);
    return true;
}

bool time_parse(struct slice s, int64_t *ms)
{
    unsigned year, month, day, hour, minute, second, fraction;
    int64_t zone;
    if (s.n > 64 || !take(&s, 4, 0, 9999, '-', &year) || !take(&s, 2, 1, 12, '-', &month) ||
        !take(&s, 2, 1, days_in(year, month), 0, &day))
        return false;
    if (s.n == 0 || (s.p[0] != 'T' && s.p[0] != 't' && s.p[0] != ' '))
        return false;
    s.p++;
    s.n--;
    if (!take(&s, 2, 0, 23, ':', &hour) || !take(&s, 2, 0, 59, ':', &minute) ||
        !take(&s, 2, 0, 60, 0, &second))
        return false;
    if (!take_fraction(&s, &fraction) || !take_zone(&s, &zone) || s.n)
        return false;
    /* A leap second counts as the last one of its minute. */
    int64_t in_day = (int64_t)hour * 3600 + (int64_t)minute * 60 + (second > 59 ? 59 : second);
    *ms = (days_of(year, month, day) * 86400 + in_day - zone * 60) * 1000 + (int64_t)fraction;
    return true;
}

static int64_t clock_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t time_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t time_mono_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}
