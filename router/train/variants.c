/* SPDX-License-Identifier: Apache-2.0
 * Typing habits by language. What is replaced follows from which letters the common keyboards lack. */
#include "router/train/variants.h"
#include "gateway/base/text.h"
#include <string.h>

struct swap {
    uint32_t from;
    const char *to;
    const char *languages; /* NULL: all */
};

/* Persian, Dari, Pashto, Urdu and Sorani on an Arabic keyboard. The first ones are nearly always seen, so
 * they come first. */
static const struct swap keyboard[] = {
    {0x6CC, "ي", NULL},
    {0x6A9, "ك", NULL},
    {0x200C, "", NULL},
    {0x200D, "", NULL},
    {0x6D0, "ي", "ps"},
    {0x6CD, "ي", "ps"},
    {0x649, "ي", "ps fa prs ur ckb"},
    {0x6C1, "ه", "ur"},
    {0x6BE, "ه", "ur"},
    {0x6D2, "ي", "ur"},
    {0x6BA, "ن", "ur"},
    {0x6D5, "ه", "ckb"},
    {0x6CE, "ي", "ckb"},
    {0x6C6, "و", "ckb"},
    {0x695, "ر", "ckb"},
    {0x6B5, "ل", "ckb"},
    {0x6BE, "ه", "ckb"},
};
/* What somebody does who has no such key at all. By chance only. */
static const struct swap poor[] = {
    {0x6AF, "ك", "ckb ps"},       {0x67E, "ب", "ckb ur"}, {0x679, "ت", "ur"}, {0x688, "د", "ur"},
    {0x691, "ر", "ur"},           {0x6AB, "گ", "ps"},     {0x67C, "ت", "ps"}, {0x689, "د", "ps"},
    {0x693, "ر", "ps"},           {0x6BC, "ن", "ps"},     {0x69A, "ش", "ps"}, {0x696, "ژ", "ps"},
    {0x681, "ځ", "ps"},           {0x622, "ا", NULL},     {0x623, "ا", NULL}, {0x625, "ا", NULL},
    {0x626, "ي", "ur fa ar ckb"}, {0x629, "ه", "ar"},     {0x649, "ي", "ar"}, {0x64A, "ى", "ar"},
    {0x6C0, "ه", NULL},           {0x624, "و", NULL},
};
static const struct swap latin[] = {
    {0xE0, "a", NULL},  {0xE1, "a", NULL},  {0xE2, "a", NULL},  {0xE4, "a", NULL},   {0xE7, "c", NULL},
    {0xE8, "e", NULL},  {0xE9, "e", NULL},  {0xEA, "e", NULL},  {0xEB, "e", NULL},   {0xEE, "i", NULL},
    {0xEF, "i", NULL},  {0xED, "i", NULL},  {0xEC, "i", NULL},  {0xF1, "n", NULL},   {0xF3, "o", NULL},
    {0xF4, "o", NULL},  {0xF6, "o", NULL},  {0xF9, "u", NULL},  {0xFA, "u", NULL},   {0xFB, "u", NULL},
    {0xFC, "u", NULL},  {0x131, "i", NULL}, {0x15F, "s", NULL}, {0x11F, "g", NULL},  {0x153, "oe", NULL},
    {0xE6, "ae", NULL}, {0xBF, "", NULL},   {0xA1, "", NULL},   {0x2019, "'", NULL},
};

uint32_t dice_below(struct dice *d, uint32_t n)
{
    d->s += 0x9E3779B97F4A7C15ull;
    uint64_t z = d->s;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return n ? (uint32_t)((z ^ z >> 31) >> 33) % n : 0;
}

bool dice_percent(struct dice *d, unsigned percent)
{
    return dice_below(d, 100) < percent;
}

static const char *swap_find(const struct swap *t, size_t n, uint32_t c, const char *language)
{
    for (size_t i = 0; i < n; i++) {
        if (t[i].from != c)
            continue;
        const char *at = t[i].languages ? strstr(t[i].languages, language) : language;
        size_t k = strlen(language);
        if (at && (at[k] == 0 || at[k] == ' ') && (!t[i].languages || at == t[i].languages || at[-1] == ' '))
            return t[i].to;
    }
    return NULL;
}
#define FIND(table, c, language) swap_find(table, sizeof(table) / sizeof *(table), c, language)

static uint32_t lower(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7))
        return c + 32;
    if (c == 0x130)
        return 'i';
    if (c >= 0x100 && c <= 0x17F && c != 0x131 && !(c & 1) && c < 0x138)
        return c + 1;
    return c == 0x15E || c == 0x152 || c == 0x168 ? c + 1 : c;
}

struct habits {
    bool keyboard, poor, plain, split_zwnj;
};

static struct habits habits_of(enum variant v, struct dice *d)
{
    if (v == VARIANT_CLEAN)
        return (struct habits){0};
    if (v == VARIANT_KEYBOARD)
        return (struct habits){.keyboard = true, .plain = true};
    return (struct habits){.keyboard = dice_percent(d, 60),
                           .poor = dice_percent(d, 60),
                           .plain = dice_percent(d, 60),
                           .split_zwnj = dice_percent(d, 40)};
}

static const char *swapped(uint32_t c, const char *language, const struct habits *h, struct dice *d)
{
    const char *to = NULL;
    if (h->split_zwnj && c == 0x200C)
        return " ";
    if (h->poor && dice_percent(d, 70))
        to = FIND(poor, c, language);
    if (!to && h->keyboard && strcmp(language, "ar") != 0)
        to = FIND(keyboard, c, language);
    if (!to && h->plain)
        to = FIND(latin, lower(c), language);
    return to;
}

void variant_write(struct buf *out, struct slice text, const char *language, enum variant v, struct dice *d)
{
    struct habits h = habits_of(v, d);
    for (size_t i = 0; i < text.n;) {
        size_t at = i;
        uint32_t c = text_next(text, &i);
        const char *to = v == VARIANT_CLEAN ? NULL : swapped(c, language, &h, d);
        if (to)
            buf_str(out, to);
        else if (h.plain && c < 0x80)
            buf_char(out, (char)lower(c));
        else
            buf_add(out, text.p + at, i - at);
    }
}
