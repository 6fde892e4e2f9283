/* SPDX-License-Identifier: Apache-2.0
 * What administration asks of the daemon, which reads and carries out operation files and knows the
 * connectors, without knowing it: the page changes an operation by the same path as `parley apply`. */
#ifndef PARLEY_API_ADMIN_H
#define PARLEY_API_ADMIN_H

#include "gateway/base/json.h"
#include "store/store.h"

/* What an operation is and what it would be; agents_after NULL: they stay as they are. */
struct api_change {
    const json_t *before, *after; /* documents; before may be NULL */
    const json_t *agents, *agents_after;
};
struct api_applied {
    struct slice changes, problems; /* lines: "changed topics/health.name", "/topics/0/name: …" */
    const json_t *passwords;        /* [{"login","password"}]: users that are new, told this once */
    const json_t *behind;           /* nodes that have not taken it */
    const char *version;            /* of what is there now */
};
struct api_apply {
    struct store_op *op;
    const json_t *file; /* copied */
    const char *expect; /* the version that was read */
    const char *actor;
    bool dry_run;
    /* See apply_want. */
    bool (*allowed)(void *arg, const struct api_change *c, struct buf *problems);
    void (*done)(void *arg, const struct err *e, const struct api_applied *r);
    void *arg;
};

/* How a test message ended. */
struct api_tested {
    const char *outcome; /* "sent", "failed", "gone", "auth", "rate", "retry", "unknown" */
    const char *code;    /* the provider's; "" */
    const char *text;    /* in words, without secrets; "" */
};

struct api_admin {
    void *ctx;
    /* The file that, applied, changes nothing; secrets: {"channels":{"tg":{"token":true}}}. */
    void (*document)(void *ctx, struct store_op *op,
                     void (*done)(void *arg, const struct err *e, const json_t *file, const json_t *secrets,
                                  const char *version),
                     void *arg);
    void (*apply)(void *ctx, const struct api_apply *want);
    /* Appends JSON: the connectors with their settings; every text with its languages; what still lacks
     * before the doors may open. */
    void (*connectors)(void *ctx, struct buf *out);
    void (*texts)(void *ctx, struct store_op *op, struct buf *out);
    void (*checklist)(void *ctx, struct store_op *op, struct buf *out);
    /* One step of a flow that is tried: NULL with e filled, or what is said and the run. flows.c */
    json_t *(*flow_try)(void *ctx, struct store_op *op, const json_t *container, const json_t *body,
                        struct err *e);
    /* One message straight to the connector: nothing of it is stored. */
    void (*test)(void *ctx, struct store_op *op, const char *channel, struct slice to, const char *language,
                 void (*done)(void *arg, const struct err *e, const struct api_tested *r), void *arg);
};

/* A new password, which people can read to each other: about 100 bits; wipe it when it was told. */
#define ADMIN_PASSWORD 25
void admin_password(char out[ADMIN_PASSWORD]);

#endif
