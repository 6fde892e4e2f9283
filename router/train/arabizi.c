/* SPDX-License-Identifier: Apache-2.0
 * Arabic in Latin letters as chats have it: digits for the letters that Latin lacks, vowels put in by ear.
 * There is no free text of this kind to learn from, so it is made from Arabic text, in a style chosen anew
 * for each sentence. */
#include "router/train/variants.h"
#include "gateway/base/text.h"
#include <string.h>

/* Choices for a letter, split by '|': a style picks one of them for the whole sentence. */
struct letter {
    uint32_t c;
    const char *as;
};
static const struct letter letters[] = {
    {0x628, "b|b|b"},   {0x62A, "t|t|t"},    {0x62B, "th|t|s"},   {0x62C, "j|g|dj"},  {0x62D, "7|h|7"},
    {0x62E, "5|kh|7'"}, {0x62F, "d|d|d"},    {0x630, "th|z|d"},   {0x631, "r|r|r"},   {0x632, "z|z|z"},
    {0x633, "s|s|s"},   {0x634, "sh|ch|sh"}, {0x635, "s|9|s"},    {0x636, "d|9'|dh"}, {0x637, "t|6|t"},
    {0x638, "z|6'|th"}, {0x639, "3|a|3"},    {0x63A, "gh|3'|gh"}, {0x641, "f|f|f"},   {0x642, "q|2|9"},
    {0x643, "k|k|k"},   {0x644, "l|l|l"},    {0x645, "m|m|m"},    {0x646, "n|n|n"},   {0x647, "h|h|h"},
    {0x621, "2||"},     {0x626, "2|e|y"},    {0x624, "2|o|2o"},   {0x67E, "p|p|p"},   {0x6A4, "v|v|v"},
};

struct style {
    unsigned pick[64];   /* per entry of letters */
    const char *article; /* al el il l */
    unsigned vowels;     /* percent of gaps that get one */
    unsigned e_share;    /* percent of short vowels that are e or i rather than a */
    bool long_double;    /* ا as aa, و as ou, ي as ee */
    bool french;         /* ou, ch */
};

struct made {
    struct buf *out;
    struct dice *d;
    struct style style;
    unsigned consonants; /* in a row, since the last vowel */
    bool start;          /* of a word */
};

static struct style style_new(struct dice *d)
{
    static const char *const articles[] = {"al", "el", "al ", "il", "el ", "l", "al-", "el-"};
    struct style s = {.article = articles[dice_below(d, 8)],
                      .vowels = 55 + dice_below(d, 45),
                      .e_share = 15 + dice_below(d, 50),
                      .long_double = dice_percent(d, 25),
                      .french = dice_percent(d, 25)};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        s.pick[i] = dice_percent(d, 55) ? 0 : 1 + dice_below(d, 2);
    return s;
}

static void put(struct made *m, const char *s)
{
    buf_str(m->out, s);
}

static void put_short_vowel(struct made *m)
{
    if (dice_percent(m->d, m->style.e_share))
        put(m, dice_percent(m->d, 55) ? "e" : "i");
    else
        put(m, dice_percent(m->d, 14) ? (m->style.french ? "ou" : "o") : dice_percent(m->d, 8) ? "u" : "a");
    m->consonants = 0;
}

static void put_choice(struct made *m, const char *as, unsigned pick)
{
    for (; pick && strchr(as, '|'); pick--)
        as = strchr(as, '|') + 1;
    size_t n = strcspn(as, "|");
    if (m->style.french && n == 2 && memcmp(as, "sh", 2) == 0)
        as = "ch";
    buf_add(m->out, as, n);
}

static void put_consonant(struct made *m, size_t entry)
{
    if (m->consonants >= 2 || (m->consonants == 1 && dice_percent(m->d, m->style.vowels)))
        put_short_vowel(m);
    put_choice(m, letters[entry].as, m->style.pick[entry]);
    m->consonants++;
}

/* و and ي are vowels between consonants, consonants at the start of a word or beside a vowel. */
static void put_semivowel(struct made *m, uint32_t c, bool before_alef)
{
    bool w = c == 0x648;
    if (m->start || before_alef || m->consonants == 0) {
        put(m, w ? (m->style.french ? "ou" : "w") : "y");
        m->consonants = 1;
        return;
    }
    if (m->style.long_double)
        put(m, w ? "oo" : "ee");
    else
        put(m, w                        ? (m->style.french          ? "ou"
                                           : dice_percent(m->d, 60) ? "o"
                                                                    : "u")
               : dice_percent(m->d, 75) ? "i"
                                        : "e");
    m->consonants = 0;
}

static void put_alef(struct made *m, uint32_t c)
{
    if (c == 0x625)
        put(m, dice_percent(m->d, 50) ? "i" : "e");
    else if (c == 0x623 && dice_percent(m->d, 25))
        put(m, "2a");
    else
        put(m, m->style.long_double && !m->start ? "aa" : "a");
    m->consonants = 0;
}

static bool is_end(struct slice s, size_t i)
{
    if (i >= s.n)
        return true;
    uint32_t c = text_next(s, &i);
    return c < 0x620 || c > 0x6D5 || (c >= 0x66A && c <= 0x66D);
}

static uint32_t peek(struct slice s, size_t i)
{
    return i < s.n ? text_next(s, &i) : 0;
}

static void put_teh_marbuta(struct made *m)
{
    static const char *const ends[] = {"a", "eh", "e", "ah", "a"};
    put(m, ends[dice_below(m->d, 5)]);
    m->consonants = 0;
}

/* The article stands for two letters: true when the next one is used up. */
static bool put_arabic(struct made *m, struct slice s, uint32_t c, size_t next)
{
    bool article = m->start && c == 0x627 && peek(s, next) == 0x644;
    if (article) {
        put(m, m->style.article);
        m->consonants = 0;
    } else if (c == 0x627 || c == 0x622 || c == 0x623 || c == 0x625 || c == 0x649) {
        put_alef(m, c);
    } else if (c == 0x629) {
        put_teh_marbuta(m);
    } else if (c == 0x648 || c == 0x64A || c == 0x6CC) {
        put_semivowel(m, c, peek(s, next) == 0x627);
    } else {
        for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
            if (letters[i].c == c)
                put_consonant(m, i);
    }
    return article;
}

static bool is_mark(uint32_t c)
{
    return c == 0x640 || (c >= 0x64B && c <= 0x670);
}

void arabizi_write(struct buf *out, struct slice text, struct dice *d)
{
    struct made m = {.out = out, .d = d, .style = style_new(d), .start = true};
    for (size_t i = 0; i < text.n;) {
        uint32_t c = text_next(text, &i);
        if (c < 0x620 || c > 0x6D5) {
            m.start = true;
            m.consonants = 0;
            if (c < 0x80 && (c < 'A' || c > 'z'))
                buf_char(out, (char)c);
            continue;
        }
        if (is_mark(c))
            continue;
        if (put_arabic(&m, text, c, i))
            text_next(text, &i);
        m.start = false;
        if (is_end(text, i) && dice_percent(d, 20) && m.consonants)
            put_short_vowel(&m);
    }
}
