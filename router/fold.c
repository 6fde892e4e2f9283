/* SPDX-License-Identifier: Apache-2.0
 * Folding code points (through pages that are made when first needed) and cutting words. */
#include "router/fold.h"
#include "router/fold_point.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <stdatomic.h>
#include <string.h>

#define PAGES 256

/* A page holds, for 256 code points, what each becomes, or one of these. */
enum { PAGE_BREAK = 0, PAGE_DROP = 1, PAGE_SEVERAL = 0xFFFF };
struct page {
    uint16_t to[256];
};

/* Made by whoever needs one first, on any thread; never freed. */
static _Atomic(struct page *) pages[PAGES];

static struct page *page_make(unsigned number)
{
    struct page *p = mem_alloc(sizeof *p), *none = NULL;
    for (unsigned i = 0; i < 256; i++) {
        uint32_t out[FOLD_POINTS];
        int n = fold_point(number << 8 | i, out);
        if (n < 0)
            p->to[i] = PAGE_BREAK;
        else if (n == 0)
            p->to[i] = PAGE_DROP;
        else
            p->to[i] = n > 1 || out[0] >= PAGE_SEVERAL ? PAGE_SEVERAL : (uint16_t)out[0];
    }
    if (atomic_compare_exchange_strong(&pages[number], &none, p))
        return p;
    mem_free(p);
    return none;
}

static inline const struct page *page_get(unsigned number)
{
    struct page *p = atomic_load_explicit(&pages[number], memory_order_acquire);
    return p ? p : page_make(number);
}

struct folder {
    void (*word)(void *arg, struct slice word);
    void *arg;
    size_t n;
    bool full; /* the rest of the word is passed over */
    char w[FOLD_WORD_MAX];
};

static void folder_end(struct folder *f)
{
    if (f->n)
        f->word(f->arg, slice_of(f->w, f->n));
    f->n = 0;
    f->full = false;
}

static inline void folder_put(struct folder *f, uint32_t c)
{
    size_t need = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (f->full || f->n + need > FOLD_WORD_MAX) {
        f->full = true;
        return;
    }
    char *p = f->w + f->n;
    f->n += need;
    if (need == 1) {
        p[0] = (char)c;
        return;
    }
    if (need == 2) {
        p[0] = (char)(0xC0 | c >> 6);
        p[1] = (char)(0x80 | (c & 0x3F));
        return;
    }
    for (size_t i = need - 1; i > 0; i--, c >>= 6)
        p[i] = (char)(0x80 | (c & 0x3F));
    p[0] = (char)(c | (need == 3 ? 0xE0 : 0xF0));
}

static void folder_several(struct folder *f, uint32_t c)
{
    uint32_t out[FOLD_POINTS];
    int n = fold_point(c, out);
    if (n < 0)
        folder_end(f);
    for (int i = 0; i < n; i++)
        if (out[i] == FOLD_BREAK)
            folder_end(f);
        else
            folder_put(f, out[i]);
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

void fold_words(struct slice text, void (*word)(void *arg, struct slice word), void *arg)
{
    struct folder f = {.word = word, .arg = arg};
    for (size_t i = 0; i < text.n;) {
        uint32_t c = next_point(text, &i);
        if (c > 0xFFFF) {
            folder_several(&f, c);
            continue;
        }
        uint16_t to = page_get(c >> 8)->to[c & 0xFF];
        if (to == PAGE_BREAK)
            folder_end(&f);
        else if (to == PAGE_SEVERAL)
            folder_several(&f, c);
        else if (to != PAGE_DROP)
            folder_put(&f, to);
    }
    folder_end(&f);
}

struct joined {
    struct buf *out;
    size_t start;
};

static void join(void *arg, struct slice word)
{
    struct joined *j = arg;
    if (j->out->n > j->start)
        buf_char(j->out, ' ');
    buf_slice(j->out, word);
}

int fold_text(struct slice text, struct buf *out)
{
    struct joined j = {out, out->n};
    fold_words(text, join, &j);
    return out->err;
}

struct listed {
    struct arena *arena;
    struct slice *words;
    size_t n, room;
};

static void list_add(void *arg, struct slice word)
{
    struct listed *l = arg;
    if (l->n == l->room) {
        struct slice *more = arena_alloc(l->arena, 2 * l->room * sizeof *more);
        memcpy(more, l->words, l->n * sizeof *more);
        l->words = more;
        l->room *= 2;
    }
    l->words[l->n++] = arena_slice(l->arena, word);
}

struct slice *fold_list(struct slice text, struct arena *a, size_t *n)
{
    struct listed l = {.arena = a, .room = text.n / 8 + 8}; /* most words are longer than seven bytes */
    l.words = arena_alloc(a, l.room * sizeof *l.words);
    fold_words(text, list_add, &l);
    *n = l.n;
    return l.words;
}

size_t fold_distinct(const struct slice *words, size_t n, struct arena *a, struct slice *out, size_t max)
{
    size_t size = 16, kept = 0;
    while (size < 2 * n)
        size *= 2;
    uint32_t *slots = arena_alloc(a, size * sizeof *slots); /* number + 1 */
    for (size_t i = 0; i < n && kept < max; i++) {
        uint32_t h = 2166136261u;
        for (size_t k = 0; k < words[i].n; k++)
            h = (h ^ (unsigned char)words[i].p[k]) * 16777619u;
        size_t at = (h ^ h >> 15) & (size - 1);
        while (slots[at] && !slice_eq(out[slots[at] - 1], words[i]))
            at = (at + 1) & (size - 1);
        if (slots[at])
            continue;
        out[kept++] = words[i];
        slots[at] = (uint32_t)kept;
    }
    return kept;
}

bool fold_is(struct slice text, struct slice words)
{
    struct buf a, b;
    if (text.n > 256 || words.n > 256)
        return false;
    buf_init(&a, 256 * FOLD_GROWTH);
    buf_init(&b, 256 * FOLD_GROWTH);
    fold_text(text, &a);
    fold_text(words, &b);
    bool same = a.n > 0 && slice_eq(buf_view(&a), buf_view(&b));
    buf_clear(&a);
    buf_clear(&b);
    return same;
}
