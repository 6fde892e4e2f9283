/* SPDX-License-Identifier: Apache-2.0
 * The audit's chain of hashes. */
#include "store/audit_chain.h"
#include "gateway/base/err.h"
#include <stdio.h>
#include <string.h>

static void feed(EVP_MD_CTX *md, const void *p, size_t n)
{
    err_assert(EVP_DigestUpdate(md, p, n) == 1);
}

static void feed_number(EVP_MD_CTX *md, uint64_t v)
{
    unsigned char b[8];
    for (int i = 0; i < 8; i++)
        b[i] = (unsigned char)(v >> (56 - 8 * i));
    feed(md, b, sizeof b);
}

static void feed_slice(EVP_MD_CTX *md, struct slice s)
{
    feed_number(md, s.n);
    if (s.n)
        feed(md, s.p, s.n);
}

void audit_sum_begin(struct audit_sum *s, const unsigned char before[AUDIT_HASH])
{
    if (!s->md)
        s->md = EVP_MD_CTX_new();
    err_assert(s->md && EVP_DigestInit_ex(s->md, EVP_sha256(), NULL) == 1);
    feed(s->md, "parley audit 1", 14);
    feed(s->md, before, AUDIT_HASH);
    s->lines = 0;
}

void audit_sum_line(struct audit_sum *s, const struct audit_line_raw *l)
{
    feed_slice(s->md, l->id);
    feed_number(s->md, l->fields_n);
    for (size_t i = 0; i < l->fields_n; i++)
        feed_slice(s->md, l->fields[i]);
    s->lines++;
}

void audit_sum_end(struct audit_sum *s, uint64_t number, uint64_t total_before, struct audit_seal *out)
{
    unsigned n = 0;
    out->number = number;
    out->lines = s->lines;
    out->total = total_before + s->lines;
    feed_number(s->md, out->number);
    feed_number(s->md, out->lines);
    feed_number(s->md, out->total);
    err_assert(EVP_DigestFinal_ex(s->md, out->hash, &n) == 1 && n == AUDIT_HASH);
}

void audit_sum_clear(struct audit_sum *s)
{
    EVP_MD_CTX_free(s->md);
    s->md = NULL;
}

void audit_walk_begin(struct audit_walk *w, const unsigned char *expect_root)
{
    memset(w, 0, sizeof *w);
    if (expect_root) {
        w->expecting = true;
        memcpy(w->expect, expect_root, AUDIT_HASH);
    }
}

static bool broken(struct audit_walk *w, const char *what, struct slice at)
{
    if (!w->broken)
        snprintf(w->where, sizeof w->where, "%s %.*s", what, (int)(at.n > 40 ? 40 : at.n), at.p ? at.p : "");
    w->broken = true;
    return false;
}

static bool broken_seal(struct audit_walk *w, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    return broken(w, "seal", slice_str(text));
}

bool audit_walk_seal(struct audit_walk *w, const struct audit_seal *s)
{
    if (w->broken)
        return false;
    if (s->number != w->seals + 1 || s->lines == 0)
        return broken_seal(w, w->seals + 1);
    w->now = *s;
    audit_sum_begin(&w->sum, w->hash);
    return true;
}

bool audit_walk_line(struct audit_walk *w, const struct audit_line_raw *l)
{
    if (w->broken)
        return false;
    if (w->sum.lines >= w->now.lines)
        return broken(w, "line", l->id);
    audit_sum_line(&w->sum, l);
    snprintf(w->last, sizeof w->last, "%.*s", (int)(l->id.n > 47 ? 47 : l->id.n), l->id.p);
    return true;
}

bool audit_walk_seal_end(struct audit_walk *w)
{
    if (w->broken)
        return false;
    struct audit_seal got;
    uint64_t lines = w->sum.lines;
    audit_sum_end(&w->sum, w->seals + 1, w->sealed, &got);
    if (lines != w->now.lines || got.total != w->now.total || !slice_is(w->now.last, w->last) ||
        memcmp(got.hash, w->now.hash, AUDIT_HASH) != 0)
        return broken_seal(w, w->seals + 1);
    memcpy(w->hash, got.hash, AUDIT_HASH);
    w->seals++;
    w->sealed = got.total;
    if (w->expecting && memcmp(w->hash, w->expect, AUDIT_HASH) == 0)
        w->expected_seen = true;
    return true;
}

bool audit_walk_end(struct audit_walk *w)
{
    if (!w->broken && w->expecting && !w->expected_seen)
        broken(w, "the root that was written down is not in the chain", (struct slice){0});
    return !w->broken;
}

void audit_walk_clear(struct audit_walk *w)
{
    audit_sum_clear(&w->sum);
}
