/* SPDX-License-Identifier: Apache-2.0
 * What leases, timers, audit, users and files keep for an operation, and their small helpers. */
#ifndef PARLEY_STORE_SIDE_H
#define PARLEY_STORE_SIDE_H

#include "store/internal.h"

struct audit_queue;
struct audit_sealer;
struct timers;
struct house;
struct passwords;
struct blobs;
struct rewrite;
struct facts;
struct rotate_watch;

struct side {
    struct list leases;
    unsigned lease_count; /* of this process: leases of one name are apart by it */
    struct timers *timers;
    struct audit_queue *audit;
    struct audit_sealer *sealer;
    struct house *house; /* what runs now and then: house.c */
    struct rotate_watch *rotate;
    struct facts *facts;         /* what reports are made of: report.c */
    struct passwords *passwords; /* the system's operation only */
    struct rewrite *rewrite;     /* the system's operation only */
    struct blobs *blobs;         /* the system's operation only */
};

/* A call that is refused before Redis is asked: cb comes later, as if a function had refused it. */
void side_refuse_at(struct store *s, int code, const char *text, store_reply cb, void *arg);
void side_refuse(struct store_op *op, int code, const char *text, store_reply cb, void *arg);

/* Calls fn after ms, or at once with closing when the store closes. */
void side_sleep(struct store *s, unsigned ms, void (*fn)(void *arg, bool closing), void *arg);

/* Called by side_open and side_close. */
void lease_close(struct side *s);
void timer_close(struct side *s);
void audit_open(struct store_op *op);
void audit_close(struct side *s);
void audit_sealer_close(struct side *s);
void house_open(struct store_op *op);
void house_close(struct side *s);
void facts_open(struct store_op *op);
void facts_close(struct side *s);
void rotate_open(struct store_op *op);
void rotate_close(struct side *s);
void user_open(struct store_op *op);
void user_close(struct side *s);
void blob_open(struct store_op *op);
void blob_close(struct side *s);
void rewrite_close(struct side *s);

#endif
