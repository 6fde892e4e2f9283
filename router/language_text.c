/* SPDX-License-Identifier: Apache-2.0
 * Words and n-grams for the language identifier. What does not tell languages apart, or is typed by some and
 * left out by others (case, harakat, tatweel, joiners), is dropped here once, for training and for use. */
#include "router/language_text.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <stdatomic.h>
#include <string.h>

enum kind { KIND_BREAK, KIND_DROP, KIND_DIGIT, KIND_APOSTROPHE, KIND_LETTER };

#define BORDER 1

/* Case of the letters beyond ASCII that our languages use. */
static uint32_t lower_latin(uint32_t c)
{
    if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x410 && c <= 0x42F))
        return c + 32;
    if (c == 0x130)
        return 'i';
    if (c == 0x178)
        return 0xFF;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x218 && c <= 0x21B) || c == 0x490)
        return c == 0x131 || c == 0x138 ? c : c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return c & 1 ? c + 1 : c;
    if (c >= 0x400 && c <= 0x40F)
        return c + 80;
    return c;
}

/* What code points above ASCII are; all that is not listed separates words. Sorted. Letters of scripts that
 * we have no language for count against ours. */
static const struct range {
    uint16_t from, to;
    unsigned char kind, script;
} ranges[] = {
    {0xAD, 0xAD, KIND_DROP, 0},
    {0xB4, 0xB4, KIND_APOSTROPHE, 0},
    {0xC0, 0xD6, KIND_LETTER, LANGUAGE_LATIN},
    {0xD8, 0xF6, KIND_LETTER, LANGUAGE_LATIN},
    {0xF8, 0x24F, KIND_LETTER, LANGUAGE_LATIN},
    {0x2BC, 0x2BC, KIND_APOSTROPHE, 0},
    {0x300, 0x36F, KIND_DROP, 0},
    {0x370, 0x3FF, KIND_LETTER, LANGUAGE_OTHER},
    {0x400, 0x52F, KIND_LETTER, LANGUAGE_CYRILLIC},
    {0x530, 0x5FF, KIND_LETTER, LANGUAGE_OTHER},
    {0x610, 0x61A, KIND_DROP, 0},
    {0x61C, 0x61C, KIND_DROP, 0},
    {0x620, 0x63F, KIND_LETTER, LANGUAGE_ARABIC},
    {0x640, 0x640, KIND_DROP, 0},
    {0x641, 0x64A, KIND_LETTER, LANGUAGE_ARABIC},
    {0x64B, 0x65F, KIND_DROP, 0},
    {0x66E, 0x66F, KIND_LETTER, LANGUAGE_ARABIC},
    {0x670, 0x670, KIND_DROP, 0},
    {0x671, 0x6D3, KIND_LETTER, LANGUAGE_ARABIC},
    {0x6D5, 0x6D5, KIND_LETTER, LANGUAGE_ARABIC},
    {0x6D6, 0x6DC, KIND_DROP, 0},
    {0x6DF, 0x6E4, KIND_DROP, 0},
    {0x6E5, 0x6E6, KIND_LETTER, LANGUAGE_ARABIC},
    {0x6E7, 0x6E8, KIND_DROP, 0},
    {0x6EA, 0x6ED, KIND_DROP, 0},
    {0x6EE, 0x6EF, KIND_LETTER, LANGUAGE_ARABIC},
    {0x6FA, 0x6FF, KIND_LETTER, LANGUAGE_ARABIC},
    {0x700, 0x11FF, KIND_LETTER, LANGUAGE_OTHER},
    {0x1200, 0x135A, KIND_LETTER, LANGUAGE_ETHIOPIC},
    {0x135D, 0x135F, KIND_DROP, 0},
    {0x1380, 0x138F, KIND_LETTER, LANGUAGE_ETHIOPIC},
    {0x13A0, 0x1DFF, KIND_LETTER, LANGUAGE_OTHER},
    {0x1E00, 0x1EFF, KIND_LETTER, LANGUAGE_LATIN},
    {0x1F00, 0x1FFF, KIND_LETTER, LANGUAGE_OTHER},
    {0x200B, 0x200F, KIND_DROP, 0},
    {0x2018, 0x2019, KIND_APOSTROPHE, 0},
    {0x202A, 0x202E, KIND_DROP, 0},
    {0x2060, 0x2069, KIND_DROP, 0},
    {0x2C00, 0x2DFF, KIND_LETTER, LANGUAGE_OTHER},
    {0x3040, 0xDFFF, KIND_LETTER, LANGUAGE_OTHER},
    {0xF900, 0xFAFE, KIND_LETTER, LANGUAGE_OTHER},
    {0xFE00, 0xFE0F, KIND_DROP, 0},
    {0xFEFF, 0xFEFF, KIND_DROP, 0},
};

static enum kind kind_wide(uint32_t *c, enum language_script *script)
{
    size_t low = 0, high = sizeof ranges / sizeof *ranges;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (*c > ranges[mid].to)
            low = mid + 1;
        else
            high = mid;
    }
    const struct range *r = &ranges[low];
    if (low == sizeof ranges / sizeof *ranges || *c < r->from)
        return KIND_BREAK;
    *script = (enum language_script)r->script;
    if (r->kind == KIND_APOSTROPHE)
        *c = '\'';
    else if (r->script == LANGUAGE_LATIN || r->script == LANGUAGE_CYRILLIC)
        *c = lower_latin(*c);
    return (enum kind)r->kind;
}

static enum kind kind_of(uint32_t *c, enum language_script *script)
{
    uint32_t v = *c;
    if (v >= 0x80)
        return kind_wide(c, script);
    *script = LANGUAGE_LATIN;
    if (v >= 'A' && v <= 'Z')
        *c = v + 32;
    if ((v | 32) >= 'a' && (v | 32) <= 'z')
        return KIND_LETTER;
    if (v >= '0' && v <= '9')
        return KIND_DIGIT;
    return v == '\'' || v == '`' ? KIND_APOSTROPHE : KIND_BREAK;
}

/* What kind_of says of 256 code points each: which they become, their kind, their script. Made by whoever
 * needs one first, on any thread; never freed. */
struct point {
    uint16_t to;
    unsigned char kind, script;
};
struct page {
    struct point points[256];
};
static _Atomic(struct page *) pages[256];

static struct page *page_make(unsigned number)
{
    struct page *p = mem_alloc(sizeof *p), *none = NULL;
    for (uint32_t i = 0; i < 256; i++) {
        enum language_script script = LANGUAGE_OTHER;
        uint32_t c = number << 8 | i;
        enum kind kind = kind_of(&c, &script);
        p->points[i] = (struct point){(uint16_t)c, (unsigned char)kind, (unsigned char)script};
    }
    if (atomic_compare_exchange_strong(&pages[number], &none, p))
        return p;
    mem_free(p);
    return none;
}

static inline struct point point_of(uint32_t c)
{
    if (c > 0xFFFF)
        return (struct point){0, KIND_BREAK, LANGUAGE_OTHER};
    const struct page *p = atomic_load_explicit(&pages[c >> 8], memory_order_acquire);
    return (p ? p : page_make(c >> 8))->points[c & 0xFF];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool ends_like_host(struct slice t)
{
    static const char *const tops[] = {".com", ".org", ".net", ".int", ".edu", ".gov"};
    for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
        const char *at = memmem(t.p, t.n, tops[i], 4);
        if (at && at > t.p && (at + 4 == t.p + t.n || at[4] == '/' || at[4] == '.' || at[4] == '?'))
            return true;
    }
    return false;
}

/* Where the blank-delimited token at i ends, when it is a link, a mail address or a mention; else i. */
static size_t link_end(struct slice s, size_t i)
{
    size_t end = i;
    bool hint = false;
    for (; end < s.n && !is_blank(s.p[end]); end++)
        hint = hint || s.p[end] == '@' || s.p[end] == '.' || s.p[end] == ':';
    if (!hint)
        return i;
    struct slice t = {s.p + i, end - i};
    bool link = memchr(t.p, '@', t.n) || (t.n > 3 && memmem(t.p, t.n, "://", 3)) ||
                (t.n > 4 && strncasecmp(t.p, "www.", 4) == 0) || ends_like_host(t);
    return link ? end : i;
}

/* Most texts hold nothing that a link is made of, and need not be searched for them word by word. */
static bool may_link(struct language_reader *r)
{
    if (!r->looked) {
        const char *p = r->text.p;
        size_t n = r->text.n;
        r->looked = true;
        r->links = n && (memchr(p, '.', n) || memchr(p, '@', n) || memchr(p, ':', n));
    }
    return r->links;
}

static inline uint32_t next_point(struct slice s, size_t *i)
{
    unsigned char a = (unsigned char)s.p[*i];
    if (a < 0x80) {
        (*i)++;
        return a;
    }
    if (a >= 0xC2 && a < 0xE0 && *i + 1 < s.n && ((unsigned char)s.p[*i + 1] & 0xC0) == 0x80) {
        uint32_t c = (uint32_t)(a & 0x1F) << 6 | ((unsigned char)s.p[*i + 1] & 0x3F);
        *i += 2;
        return c;
    }
    return text_next(s, i);
}

/* Digits stand for letters in Arabic typed with Latin letters ("3andi", "sa7"), so a single one beside
 * letters is kept. */
static inline void word_add(struct language_word *w, uint16_t c)
{
    if (w->n >= LANGUAGE_WORD_MAX)
        return;
    if (w->n >= 2 && w->c[w->n] == c && w->c[w->n - 1] == c)
        return; /* "heeeeelp" */
    w->c[++w->n] = c;
}

static bool is_digit_letter(uint16_t c)
{
    return c >= '0' && c <= '9';
}

/* Takes digits and apostrophes off both ends where they are no part of the word; false when nothing is left.
 */
static bool word_close(struct language_word *w)
{
    while (w->n && w->c[w->n] == '\'')
        w->n--;
    unsigned lead = 0, letters = 0;
    while (lead < w->n && w->c[lead + 1] == '\'')
        lead++;
    if (lead) {
        memmove(w->c + 1, w->c + 1 + lead, (w->n - lead) * sizeof *w->c);
        w->n -= lead;
    }
    for (unsigned i = 1; i <= w->n; i++)
        letters += !is_digit_letter(w->c[i]) && w->c[i] != '\'';
    /* Numbers with a unit ("19th", "3g", "2020mm") are no words; neither are long runs of digits. */
    if (!letters || w->n - letters > letters + 1)
        w->n = 0;
    w->c[0] = BORDER;
    w->c[w->n + 1] = BORDER;
    return w->n > 0;
}

/* Adds one code point to the word. True when the word ends before it. */
static inline bool word_take(struct language_reader *r, struct language_word *w, uint32_t code)
{
    struct point p = point_of(code);
    enum language_script script = (enum language_script)p.script;
    if (p.kind == KIND_DROP)
        return false;
    if (p.kind == KIND_BREAK)
        return w->n > 0;
    if (p.kind == KIND_LETTER && w->script == LANGUAGE_SCRIPTS) {
        w->script = script;
        w->n = script == LANGUAGE_LATIN ? w->n : 0; /* digits before it */
    }
    if (p.kind == KIND_LETTER && w->script != script)
        return true;
    if (p.kind == KIND_DIGIT && w->script != LANGUAGE_SCRIPTS && w->script != LANGUAGE_LATIN)
        return true;
    if (script == LANGUAGE_CYRILLIC) {
        r->cyrillic_ours |= p.to == 0x456 || p.to == 0x457 || p.to == 0x454 || p.to == 0x491;
        r->cyrillic_strange |= p.to == 0x44B || p.to == 0x44D || p.to == 0x451 || p.to == 0x44A;
    }
    word_add(w, p.to);
    return false;
}

bool language_word_next(struct language_reader *r, struct language_word *w)
{
    while (r->i < r->text.n && r->letters < LANGUAGE_LETTERS_MAX) {
        w->n = 0;
        w->script = LANGUAGE_SCRIPTS;
        while (r->i < r->text.n) {
            if ((r->i == 0 || is_blank(r->text.p[r->i - 1])) && may_link(r)) {
                size_t end = link_end(r->text, r->i);
                if (end > r->i) {
                    r->i = end;
                    continue;
                }
            }
            size_t at = r->i;
            uint32_t c = next_point(r->text, &r->i);
            if (word_take(r, w, c)) {
                r->i = at; /* it may start the next word */
                break;
            }
        }
        if (w->script != LANGUAGE_SCRIPTS && word_close(w)) {
            r->letters += w->n;
            return true;
        }
    }
    return false;
}

static inline uint64_t mix(uint64_t h)
{
    h *= 0x9E3779B97F4A7C15ull;
    h ^= h >> 29;
    h *= 0xBF58476D1CE4E5B9ull;
    return h ^ h >> 32;
}

unsigned language_word_grams(const struct language_word *w, uint64_t *out)
{
    unsigned k = 0, n = w->n + 2;
    uint64_t g = 0, whole = 0xCBF29CE484222325ull;
    for (unsigned i = 0; i < n; i++) {
        uint64_t c = w->c[i];
        uint64_t five = g >> 48;
        g = g << 16 | c;
        whole = (whole ^ c) * 0x100000001B3ull;
        if (c != BORDER)
            out[k++] = mix(c);
        if (i >= 1)
            out[k++] = mix((g & 0xFFFFFFFF) + 0x2000000000000000ull);
        if (i >= 2)
            out[k++] = mix((g & 0xFFFFFFFFFFFF) ^ 0x3000000000000000ull);
        if (i >= 3)
            out[k++] = mix(g);
        if (i >= 4)
            out[k++] = mix(mix(g) + five);
    }
    out[k++] = mix(whole + 7);
    return k;
}
