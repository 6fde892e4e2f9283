/* SPDX-License-Identifier: Apache-2.0
 * Telephone numbers and case codes beside Arabic script: their groups would change places, so each is set
 * from left to right as a whole. The same runs as the page's script finds (gateway/chat/src/numbers.ts). */
#include "webchat.h"
#include <string.h>

#define NOT_BROKEN 20 /* characters that fit on one line of the narrowest page */

struct run {
    size_t n, characters, digits;
    bool letters, separators;
};

static unsigned char at(struct connector_bytes b, size_t i)
{
    return i < b.n ? (unsigned char)b.p[i] : 0;
}

static bool latin(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Bytes of the digit at i, Latin, Arabic or Persian; 0 when there is none. */
static size_t digit(struct connector_bytes b, size_t i)
{
    unsigned char c = at(b, i), d = at(b, i + 1);
    if (c >= '0' && c <= '9')
        return 1;
    return (c == 0xD9 && d >= 0xA0 && d <= 0xA9) || (c == 0xDB && d >= 0xB0 && d <= 0xB9) ? 2 : 0;
}

static size_t separator(struct connector_bytes b, size_t i)
{
    unsigned char c = at(b, i);
    if (c && strchr(" ()./-", c))
        return 1;
    return c == 0xC2 && at(b, i + 1) == 0xA0 ? 2 : 0;
}

/* What goes on a run at i: a digit behind at most two separators, or a letter behind at most one joint. */
static size_t more(struct connector_bytes b, size_t i, struct run *r)
{
    size_t first = separator(b, i), second = first ? separator(b, i + first) : 0;
    const size_t before[] = {0, first, first + second};
    size_t joint = at(b, i) && strchr("-/_.", at(b, i)) ? 1 : 0;
    for (size_t k = 0; k < (second ? 3u : first ? 2u : 1u); k++) {
        size_t d = digit(b, i + before[k]);
        if (!d)
            continue;
        r->digits++;
        r->separators |= k > 0;
        r->characters += k + 1;
        return before[k] + d;
    }
    if (!latin(at(b, i + joint)))
        return 0;
    r->letters = true;
    r->characters += joint + 1;
    return joint + 1;
}

static struct run run_at(struct connector_bytes b, size_t i)
{
    struct run r = {0};
    size_t n = 0, part;
    while (n < 2 && (at(b, i + n) == '+' || at(b, i + n) == '('))
        n++;
    if (!digit(b, i + n))
        return r;
    r.characters = n;
    r.separators = n > 0;
    while ((part = more(b, i + n, &r)))
        n += part;
    r.n = n;
    return r;
}

/* 2026-12-03 and its like: read as it was written. */
static bool date(struct connector_bytes b, size_t i)
{
    static const int most[] = {4, 2, 4};
    unsigned char sign = 0;
    for (int k = 0; k < 3; k++) {
        size_t d;
        int n = 0;
        while (n < most[k] && (d = digit(b, i))) {
            i += d;
            n++;
        }
        if (n == 0 || (k == 2 && digit(b, i)))
            return false;
        if (k == 0)
            sign = at(b, i);
        if (k < 2 && (at(b, i) != sign || !sign || !strchr("./-", sign)))
            return false;
        i += k < 2;
    }
    return true;
}

/* Would it read differently beside Arabic? Ranges, sums and dates do, but as those who wrote them expect. */
static bool turns(struct connector_bytes b, size_t i, const struct run *r)
{
    if (r->letters || !r->separators || date(b, i))
        return r->letters;
    unsigned char c = at(b, i), d = at(b, i + 1);
    if ((c && strchr("+(0", c)) || (c == 0xD9 && d == 0xA0) || (c == 0xDB && d == 0xB0))
        return r->digits >= 6;
    for (size_t k = i; k < i + r->n; k++)
        if (strchr("()./-", b.p[k]))
            return r->digits >= 7;
    return r->digits >= 10;
}

/* Behind a Latin word numbers keep their order; behind @ or another number it is the middle of something. */
static bool middle(struct connector_bytes b, size_t i)
{
    size_t k = i;
    if (i && strchr("@+", b.p[i - 1]))
        return true;
    if (i && strchr("./-", b.p[i - 1]))
        k--;
    if ((k && digit(b, k - 1) == 1) || (k > 1 && digit(b, k - 2) == 2))
        return true;
    for (k = i; k && i - k <= 40 && strchr("0123456789 ().,:/-", b.p[k - 1]); k--)
        ;
    return k && latin((unsigned char)b.p[k - 1]);
}

static bool right_to_left(struct connector_bytes b)
{
    for (size_t i = 0; i < b.n; i++) {
        unsigned char c = at(b, i), d = at(b, i + 1);
        if ((c >= 0xD6 && c <= 0xDF && !digit(b, i)) || (c == 0xE0 && d >= 0xA0 && d <= 0xA3) ||
            (c == 0xEF && d >= 0xAC && d <= 0xBB))
            return true;
    }
    return false;
}

void out_written(struct out *o, struct connector_bytes b)
{
    size_t done = 0, i = 0;
    bool rtl = right_to_left(b);
    while (rtl && i < b.n) {
        struct run r = run_at(b, i);
        if (r.n && turns(b, i, &r) && !middle(b, i)) {
            out_message(o, (struct connector_bytes){b.p + done, i - done});
            out_str(o,
                    r.characters > NOT_BROKEN ? "<bdi dir=\"ltr\">" : "<bdi dir=\"ltr\" class=\"number\">");
            out_message(o, (struct connector_bytes){b.p + i, r.n});
            out_str(o, "</bdi>");
            done = i + r.n;
        }
        i += r.n ? r.n : 1;
    }
    out_message(o, (struct connector_bytes){b.p + done, b.n - done});
}
