/* SPDX-License-Identifier: Apache-2.0
 * Webhooks out: what happens in an operation is told to programs elsewhere, signed as Standard Webhooks has
 * it, at least once, in the order of each thread, for three days. README.md tells of it. */
#ifndef PARLEY_HOOK_H
#define PARLEY_HOOK_H

#include "gateway/net/fetch.h"
#include "store/store.h"
#include <jansson.h>

struct hooks;    /* of a process */
struct hooks_op; /* of one operation in it */

struct hooks_config {
    struct loop *loop;
    struct store *store;
    const char *const *allow_private; /* CIDRs, NULL-terminated */
    const char *const *egress;        /* hosts; none: all that are not private */
    unsigned retry_ms;                /* before the second try; later ones are further apart. 0: 5 s */
    unsigned give_up_s;               /* 0: three days */
};
struct hooks *hooks_new(const struct hooks_config *cf, struct err *e);
void hooks_free(struct hooks **h); /* its operations are detached before */

struct hooks_op *hooks_attach(struct hooks *h, struct store_op *op);
void hooks_detach(struct hooks_op **o);
void hooks_configure(struct hooks_op *o, const json_t *document);
/* There are new events. */
void hooks_wake(struct hooks_op *o);

/* Sends a test at once, beside the queue. e: there is no such webhook. status 0: no answer, and `error` says
 * why. */
void hooks_test(struct hooks *h, struct store_op *op, const char *id,
                void (*done)(void *arg, const struct err *e, int status, unsigned ms, const char *error),
                void *arg);

#endif
