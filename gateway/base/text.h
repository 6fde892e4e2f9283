/* SPDX-License-Identifier: Apache-2.0
 * Text and encodings: UTF-8, hex, base64, ids, times, comparing secrets. */
#ifndef PARLEY_BASE_TEXT_H
#define PARLEY_BASE_TEXT_H

#include "gateway/base/buf.h"

/* Valid UTF-8 (RFC 3629) without NUL. *at, when not NULL, is the offset of the first bad byte. */
bool text_valid(struct slice s, size_t *at);
/* Code units when written as UTF-16 (what Telegram and SMS count). s must be valid. */
size_t text_utf16_units(struct slice s);
/* The longest prefix of at most max UTF-16 units that ends at a grapheme border, preferring the end of a
 * line, then a space, in its last quarter. Returns its length in bytes; > 0 unless s is empty. Never cuts
 * inside a code point, even where one grapheme is longer than max. */
size_t text_split(struct slice s, size_t max_units);
/* One code point at *i of valid or invalid UTF-8, moving *i; U+FFFD for each bad byte. */
uint32_t text_next(struct slice s, size_t *i);

void text_hex(char *out, const void *p, size_t n); /* out: 2n+1 */
bool text_unhex(void *out, size_t n, struct slice s);
size_t text_base64(char *out, const void *p,
                   size_t n); /* out: 4*((n+2)/3)+1; with padding; returns the length */
size_t text_base64url(char *out, const void *p, size_t n); /* no padding */
/* Both alphabets, padding optional; strict otherwise. Returns the length or -1. out: 3*(n/4)+3. */
long text_unbase64(void *out, size_t cap, struct slice s);

/* True when equal; takes the same time wherever they differ. The only compare for secrets and signatures. */
bool text_equal_secret(struct slice a, struct slice b);

/* Random bytes from the system; aborts when there are none. */
void text_random(void *p, size_t n);
uint64_t text_random_u64(void);
/* Ids of threads, contacts, entries…: 128 random bits as 26 characters of a-z2-7. */
#define ID_LEN 26
struct id {
    char s[ID_LEN + 1];
};
struct id id_new(void);
bool id_valid(struct slice s);
/* A name that an operator gives (operation, channel, team, topic, login): [a-z0-9] then up to 62 of
 * [a-z0-9._-]; an area is such names joined by '/'. */
bool name_valid(struct slice s);
bool area_valid(struct slice s);

/* Milliseconds since 1970 as RFC 3339 UTC with milliseconds: "2026-01-01T06:04:45.123Z". */
#define TIME_TEXT 25
void time_text(int64_t ms, char out[TIME_TEXT]);
/* Any RFC 3339 time, or one without a zone (taken as UTC). False when malformed. */
bool time_parse(struct slice s, int64_t *ms);
int64_t
time_wall_ms(void); /* the host's clock: for logs and provider protocols only; what is stored has Redis's */
int64_t time_mono_us(void); /* monotonic, for durations */

/* Percent-encodes everything but unreserved characters; decoding is strict ('+' stays '+' unless form). */
int text_url_encode(struct buf *b, struct slice s);
int text_url_decode(struct buf *b, struct slice s, bool form);
/* The first value of key in a query or a form body, decoded into b. False when it isn't there or is
 * malformed. */
bool text_form_get(struct slice form, const char *key, struct buf *b);

#endif
