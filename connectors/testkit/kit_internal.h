/* SPDX-License-Identifier: Apache-2.0
 * What the files of the fake host share. */
#ifndef CONNECTOR_TESTKIT_INTERNAL_H
#define CONNECTOR_TESTKIT_INTERNAL_H

#include "connectors/testkit/kit.h"
#include "gateway/base/buf.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <string.h>

#define KIT_START_MS INT64_C(1767225600000)

struct kit_later { /* what runs at the next turn */
    struct list link;
    void (*fn)(struct kit *k, void *arg);
    void *arg;
};

struct connector_timer {
    struct list link;
    int64_t due;
    void (*cb)(void *arg);
    void *arg;
};

struct connector_request {
    struct kit *k;
    struct list link;
    struct kit_answer answer;
    struct arena
        *arena; /* what the connector was given: freed after the answer, so that a late look is seen */
    struct connector_request_info info;
    const char **headers;
    bool verifying, gone_told;
    void (*gone)(void *arg);
    void *gone_arg;
    struct form *form;
    struct arena *form_arena;
};

struct kit_socket { /* the host's side of a socket */
    struct list link;
    struct kit *k;
    void *data;
    struct arena *arena;
    const char **frames;
    size_t n, cap;
    bool open, full, closing;
    unsigned code;
};

struct kit_delivery {
    struct list link;
    struct kit *k;
    struct connector_item *items;
    size_t n;
    void (*done)(void *arg, int err, const struct connector_delivered *results, size_t n);
    void *arg;
    struct connector_delivered *results;
    int err;
};

struct connector_token {
    struct list link;
    struct kit *k;
    struct kit_sent sent;
    bool over;
};

struct kit_transfer {
    struct kit *k;
    struct kit_fetch f;
    void (*done)(void *arg, const struct connector_fetched *r);
    void *arg;
    struct kit_fetched answer;
};

struct kit_history { /* one address */
    struct connector_entry *entries;
    size_t n, cap;
};

struct connector_watch {
    struct list link;
    struct kit *k;
    char *address;
    void (*changed)(void *arg, enum connector_change what, const struct connector_entry *entry, bool on);
    void *arg;
    bool off;
};

struct kit_lease {
    struct list link;
    char *name;
    void (*held)(void *arg, bool yes);
    void *arg;
    bool yes;
};

struct kit {
    const struct connector *c;
    connector_instance *inst;
    struct connector_host host;
    struct kit_options o;
    struct arena *arena; /* until kit_end */
    char op[64], channel[64], public_url[256];
    const char **languages, **settings, **texts;
    int64_t now;
    struct list later, timers, requests, sockets, tokens, held, watches, leases;
    unsigned inside; /* calls into the connector under way */
    connector_token sending;
    bool started, stopping, stopped;
    size_t broken, threads;
    struct map seen, histories, blobs, cursors, pages, buckets;
    enum kit_store store;
    struct connector_item *items;
    struct connector_delivered *results;
    size_t items_n, items_cap, duplicates, delivers;
    struct kit_transfer **fetches;
    size_t fetches_n, fetches_cap;
    void (*provider)(void *arg, const struct kit_fetch *f, struct kit_fetched *a);
    void *provider_arg;
    const char *canaries[32];
    size_t canaries_n, blobs_n, entries_n;
    bool up;
    char why[256];
};

#define KIT(inst) ((struct kit *)(inst))

void kit_enter(struct kit *k);
void kit_leave(struct kit *k);
void kit_later(struct kit *k, void (*fn)(struct kit *k, void *arg), void *arg);
struct slice kit_slice(struct connector_bytes b);
struct connector_bytes kit_copy(struct kit *k,
                                struct connector_bytes b); /* into the kit's arena, NUL behind it */
struct connector_bytes kit_bytes_of(struct slice s);
void kit_no_secret(struct kit *k, const char *where, const char *text);
const char **kit_pairs(struct kit *k, const char *const *pairs);
const char *kit_pair(const char *const *pairs, const char *name);
/* A call into the host that may not happen while a request is being verified, or after the end. */
void kit_active(struct kit *k, const char *what);
void *kit_grow(void *p, size_t n, size_t *cap, size_t size);
void kit_stored(struct kit *k, const struct connector_item *it, const struct connector_delivered *d);
void kit_history_free(void *p);
int kit_err(const struct kit *k);   /* of a call to the store, now */
void kit_cancel_out(struct kit *k); /* what is still owed to the connector, after it has stopped */
void kit_cancel_in(struct kit *k);
bool kit_out_waits(
    const struct kit *k); /* a send has not ended, and the test does not hold its answer back */

void kit_host_in(struct connector_host *h);
void kit_host_out(struct connector_host *h);
void kit_host_page(struct connector_host *h);
void kit_host_small(struct connector_host *h);

#endif
