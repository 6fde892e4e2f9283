/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of the audit's chain, without a store: what a seal's hash is, and whether lines and seals
 * fit.
 *
 * A seal's hash is SHA-256 over the hash before it, its number, its count of lines, the count of all, and its
 * lines. A line is its id and its fields as they stand, each with its length before it, so that no two lines
 * have one form. */
#ifndef PARLEY_STORE_AUDIT_CHAIN_H
#define PARLEY_STORE_AUDIT_CHAIN_H

#include "gateway/base/buf.h"
#include <openssl/evp.h>

#define AUDIT_HASH 32

struct audit_line_raw {
    struct slice id;
    const struct slice *fields; /* names and values in turn */
    size_t fields_n;
};

struct audit_seal {
    uint64_t number, lines, total;
    struct slice last; /* id of its last line */
    unsigned char hash[AUDIT_HASH];
};

/* Sums up the lines of one seal. */
struct audit_sum {
    EVP_MD_CTX *md;
    uint64_t lines;
};
void audit_sum_begin(struct audit_sum *s, const unsigned char before[AUDIT_HASH]);
void audit_sum_line(struct audit_sum *s, const struct audit_line_raw *l);
/* Fills hash and lines of the seal whose number and total before it are given; the sum can begin anew. */
void audit_sum_end(struct audit_sum *s, uint64_t number, uint64_t total_before, struct audit_seal *out);
void audit_sum_clear(struct audit_sum *s);

/* Walks a chain: first each seal is told, then the lines that it should cover. */
struct audit_walk {
    struct audit_sum sum;
    struct audit_seal now; /* the seal whose lines are being read */
    unsigned char hash[AUDIT_HASH], expect[AUDIT_HASH];
    bool expecting, expected_seen;
    uint64_t seals, sealed;
    bool broken;
    char last[48];  /* id of the newest line */
    char where[64]; /* the first place that does not fit */
};
void audit_walk_begin(struct audit_walk *w, const unsigned char *expect_root); /* NULL: none */
/* Each of these is false once the chain is broken. */
bool audit_walk_seal(struct audit_walk *w, const struct audit_seal *s);
bool audit_walk_line(struct audit_walk *w, const struct audit_line_raw *l);
bool audit_walk_seal_end(struct audit_walk *w);
/* At the end: the root that was expected must have come. */
bool audit_walk_end(struct audit_walk *w);
void audit_walk_clear(struct audit_walk *w);

#endif
