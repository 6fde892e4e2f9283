/* SPDX-License-Identifier: Apache-2.0
 * Arenas: blocks that are carved from the front and freed together. */
#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 2048
#define ARENA_ALIGN _Alignof(max_align_t)

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    _Alignas(max_align_t) char bytes[];
};

/* The first block lives right behind the head: most events need one allocation in all. */
struct arena {
    struct arena_block *blocks;
};

static struct arena_block *arena_block(size_t head, size_t cap, char **start)
{
    err_assert(cap < SIZE_MAX / 2);
    *start = mem_realloc(NULL, head + sizeof(struct arena_block) + cap);
    struct arena_block *b = (struct arena_block *)(void *)(*start + head);
    b->next = NULL;
    b->used = 0;
    b->cap = cap;
    return b;
}

/* First blocks that wait for the next arena: they are larger than what the C library keeps at hand, and each
 * event needs one or two. Not where a sanitizer shall notice who looks at an arena that is gone. */
#ifdef PARLEY_SANITIZED
#define ARENAS_KEPT 0
#else
#define ARENAS_KEPT 64
#endif
static _Thread_local struct arena *arenas_kept[ARENAS_KEPT + 1];
static _Thread_local int arenas_kept_n;

#define ARENA_HEAD ((sizeof(struct arena) + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN)

struct arena *arena_new(void)
{
    if (arenas_kept_n)
        return arenas_kept[--arenas_kept_n];
    char *start;
    struct arena_block *b =
        arena_block(ARENA_HEAD, ARENA_BLOCK - ARENA_HEAD - sizeof(struct arena_block), &start);
    struct arena *a = (struct arena *)(void *)start;
    a->blocks = b;
    return a;
}

void arena_reset(struct arena *a)
{
    while (a->blocks->next) {
        struct arena_block *next = a->blocks->next;
        mem_free(a->blocks);
        a->blocks = next;
    }
    a->blocks->used = 0;
}

void arena_free(struct arena **a)
{
    if (!*a)
        return;
    arena_reset(*a);
    if (arenas_kept_n < ARENAS_KEPT)
        arenas_kept[arenas_kept_n++] = *a;
    else
        mem_free(*a); /* with the first block */
    *a = NULL;
}

static void *arena_raw(struct arena *a, size_t n)
{
    err_assert(n < SIZE_MAX / 4);
    n = (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    struct arena_block *b = a->blocks;
    if (n > b->cap - b->used) {
        char *start;
        size_t cap = b->cap < ARENA_BLOCK * 16 ? b->cap * 2 : b->cap;
        b = arena_block(0, cap < n ? n : cap, &start);
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return memset(arena_raw(a, n), 0, n);
}

char *arena_dup(struct arena *a, const void *p, size_t n)
{
    char *copy = arena_raw(a, n + 1);
    if (n)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_dup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    err_assert(n >= 0);
    char *s = arena_raw(a, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return s;
}

struct slice arena_slice(struct arena *a, struct slice s)
{
    return (struct slice){arena_dup(a, s.p, s.n), s.n};
}
