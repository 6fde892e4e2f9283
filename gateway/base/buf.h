/* SPDX-License-Identifier: Apache-2.0
 * Slices (borrowed bytes), growing buffers with a mandatory maximum, and arenas that die with an event. */
#ifndef PARLEY_BASE_BUF_H
#define PARLEY_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns; not NUL-terminated unless said. p may be NULL when n is 0. */
struct slice {
    const char *p;
    size_t n;
};

#define SLICE(lit) ((struct slice){(lit), sizeof(lit) - 1})
static inline struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){p, n};
}
/* NULL gives the empty slice */
static inline struct slice slice_str(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}
static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool slice_is(struct slice a, const char *s)
{
    return slice_eq(a, slice_str(s));
}
bool slice_is_nocase(struct slice a, const char *s); /* ASCII only */
bool slice_starts(struct slice a, const char *prefix);
struct slice slice_trim(struct slice a); /* spaces and tabs */
/* Cuts *rest at the first c: returns what stands before it, *rest becomes what stands behind. False at the
 * end. */
bool slice_next(struct slice *rest, char c, struct slice *part);
/* Decimal digits only, no sign; false on anything else and on overflow. */
bool slice_u64(struct slice a, uint64_t *out);
char *slice_dup(struct slice a); /* mem_free it */

/* A buffer that grows up to max. The first failure sticks: check `buf_err` once at the end. Always
 * NUL-terminated behind its n bytes once anything was added. */
struct buf {
    char *p;
    size_t n, cap, max;
    int err; /* 0 or -ERR_TOO_LARGE */
};

void buf_init(struct buf *b, size_t max); /* takes no memory yet */
void buf_clear(struct buf *b);            /* frees; b can be used again with the same max */
void buf_reset(struct buf *b);            /* keeps the memory */
/* Appends all of it or nothing: 0 or -ERR_TOO_LARGE. So do the others. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_str(struct buf *b, const char *s);
int buf_slice(struct buf *b, struct slice s);
int buf_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_u64(struct buf *b, uint64_t v); /* decimal; faster than printf */
/* A JSON string with its quotes. The bytes must be valid UTF-8. */
int buf_json_str(struct buf *b, struct slice s);
/* Room for n more bytes, or NULL over max; buf_commit says how many were used. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
void buf_drop_front(struct buf *b, size_t n);
void buf_drop_back(struct buf *b, size_t n);
struct slice buf_view(const struct buf *b); /* until b changes */
/* Gives the bytes (NUL-terminated, mem_free them) away and leaves b empty. */
char *buf_take(struct buf *b, size_t *n);

/* Everything of one event, freed in one call. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena **a);
void arena_reset(struct arena *a); /* everything in it is gone; its first block is kept for what comes next */
void *arena_alloc(struct arena *a, size_t n);              /* zeroed, aligned for any type */
char *arena_dup(struct arena *a, const void *p, size_t n); /* NUL behind it */
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct slice arena_slice(struct arena *a, struct slice s);

#endif
