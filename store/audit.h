/* SPDX-License-Identifier: Apache-2.0
 * The audit: who did or saw what. Functions append in the same step as what they do; a lease holder seals the
 * stream each second into a SHA-256 chain. Ids only, so that an erasure does not break the chain. */
#ifndef PARLEY_STORE_AUDIT_H
#define PARLEY_STORE_AUDIT_H

#include "store/store.h"

/* For what is no change of the store (a sealed thread was read, a sign-in failed, an export). Batched; done
 * may be NULL. */
void store_audit(struct store_op *op, const char *actor, const char *action, const char *object,
                 const char *detail, store_done done, void *arg);
/* The same about what takes a clearance to know of. */
void store_audit_sealed(struct store_op *op, int clearance, const char *actor, const char *action,
                        const char *object, const char *detail, store_done done, void *arg);
struct store_audit_line {
    const char *id, *actor, *action, *object, *detail;
    int clearance; /* that it took when the line was written */
    int64_t time_ms;
};
void store_audit_list(struct store_op *op, const char *after, unsigned limit,
                      void (*done)(void *arg, const struct err *e, const struct store_audit_line *l,
                                   size_t n),
                      void *arg);
/* Seals from now on while the lease is held (started by the daemon on every node). */
void store_audit_sealer_start(struct store_op *op);
struct store_audit_verdict {
    bool intact;
    uint64_t lines, sealed;
    char root[65];  /* hex of the last seal's hash */
    char where[64]; /* the first line that does not fit; "" */
};
/* Walks the whole chain. expect_root: a root that was written down before must be in it; NULL. */
void store_audit_verify(struct store_op *op, const char *expect_root,
                        void (*done)(void *arg, const struct err *e, const struct store_audit_verdict *v),
                        void *arg);

#endif
