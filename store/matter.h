/* SPDX-License-Identifier: Apache-2.0
 * Matters (functions/matter.lua): what a person came with, several in one thread, each coded, referred and
 * ended by itself. They are records (record.h) of kind "matter" with the thread's id as group; the answers of
 * guided forms are sealed under the person's key, codes and times stand in the facets. Referrals are records
 * of kind "referral" (group: the matter, score: the deadline), what was done ones of kind "matter_step".
 * They are read by record.h; whether somebody may see one is its clearance's matter. */
#ifndef PARLEY_STORE_MATTER_H
#define PARLEY_STORE_MATTER_H

#include "store/guard.h"
#include "store/record.h"

#define MATTER_ID    12 /* letters of a matter's id */
#define MATTER_CODES 12 /* at most, of one put */

/* A new id by chance: one that counts would tell of sealed ones. */
void matter_id_new(char out[MATTER_ID + 1]);

/* id and version of what was written. */
typedef void (*matter_done)(void *arg, const struct err *e, const char *id, uint64_t version);

struct matter_put {
    struct id thread, contact;
    const char *id;
    uint64_t version; /* that is there; 0: it is new */
    const char *actor;
    int clearance;     /* raised: json is needed, since it is sealed under another key */
    struct slice json; /* empty: as it is */
    const char *what;  /* the step: "coded", "form", … */
    struct {
        const char *name, *value; /* type, subject, path, risk, area, lang, pack, consent, support */
    } codes[MATTER_CODES];
    size_t codes_n;
};
/* ERR_CONFLICT: another version is there, it is ended, or its thread is resolved; ERR_FORBIDDEN: a clearance
 * would be lowered, or somebody who is no focal point takes back what wants care (path). */
void store_matter_put(struct store_op *op, const struct matter_put *p, matter_done done, void *arg);

struct matter_end {
    struct id thread;
    const char *id, *actor, *outcome, *reason; /* codes; "" */
    uint64_t answer; /* the entry that answers it; 0: the newest since it was made */
};
/* ERR_GUARDED as guard.h. What a focal point has to approve is noted (state asked). */
void store_matter_end(struct store_op *op, const struct matter_end *m, matter_done done, void *arg);
void store_matter_approve(struct store_op *op, struct id thread, const char *id, const char *actor, bool yes,
                          matter_done done, void *arg);
void store_matter_reopen(struct store_op *op, struct id thread, const char *id, const char *actor,
                         matter_done done, void *arg);
/* What its end lacks now: known, lacks, due_ms. */
void store_matter_look(struct store_op *op, const struct matter_end *m,
                       void (*done)(void *arg, const struct err *e, const struct guard_look *g), void *arg);

struct matter_refer {
    struct id thread;
    const char *id, *actor;
    const char *kind; /* support, accountability, service */
    const char *to;   /* the institution's code */
    int64_t due_ms;
    const char *from; /* the referral before it in a chain; "" */
};
/* ERR_CONFLICT: it is with them already, or it would go in a circle. id: the referral's. */
void store_matter_refer(struct store_op *op, const struct matter_refer *r, matter_done done, void *arg);
/* to: accepted, refused, done. */
void store_referral_move(struct store_op *op, struct id thread, const char *id, const char *referral,
                         const char *actor, const char *to, matter_done done, void *arg);

#endif
