/* SPDX-License-Identifier: Apache-2.0
 * A REST call on a thread's matter: matters.c (the call, reading, ends, referrals) and matters_code.c
 * (coding) share it. */
#ifndef PARLEY_API_MATTERS_INTERNAL_H
#define PARLEY_API_MATTERS_INTERNAL_H

#include "gateway/api/matters.h"

#define MATTER_READERS (ROLE_AGENT | ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_PARTNER | ROLE_INTEGRATOR)

/* Made by matter_thread; lives until one of the functions below that end it has answered the call. */
struct matter_call {
    struct call *c;
    struct id thread, contact;
    int clearance, thread_clearance;
    char matter[RECORD_ID + 1], area[256], language[12];
    char pack[RECORD_ID + 1];
    uint64_t version, received_ms;
    char *json; /* answers and note as they are to be */
    size_t json_n;
    int status;
    void (*go)(struct matter_call *m);
    unsigned right;
};

/* The thread of the path, which the caller may read and on which they have `right` (0: none is needed); go is
 * called with it, or the call was answered. */
void matter_thread(struct call *c, unsigned right, void (*go)(struct matter_call *m));
/* Then the matter of the path, of that thread, which the caller may see. */
void matter_find(struct matter_call *m, void (*go)(struct matter_call *m));
/* These end it: with a problem; with what the store says; after a write (a store_matter_… is done with it)
 * with the matter as the caller may see it now; without an answer. */
void matter_refuse(struct matter_call *m, int status, const char *why);
void matter_refuse_err(struct matter_call *m, const struct err *e);
void matter_written(void *arg, const struct err *e, const char *id, uint64_t version);
void matter_call_free(struct matter_call *m);

#endif
