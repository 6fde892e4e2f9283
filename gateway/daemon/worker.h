/* SPDX-License-Identifier: Apache-2.0
 * A worker: the loop, the store, the connector host, the API, the HTTP server and the admin socket, put
 * together. The supervisor gives it its settings and sockets as descriptors (supervisor.h) and hears from it
 * one 'u' when it serves. */
#ifndef PARLEY_DAEMON_WORKER_H
#define PARLEY_DAEMON_WORKER_H

#include "gateway/base/json.h"
#include "gateway/base/map.h"
#include "gateway/daemon/config.h"
#include "gateway/net/loop.h"
#include "store/store.h"

int worker_run(unsigned slot, bool greet);

/* ---- what the worker's own files share ---- */

struct worker_op {
    struct list node;
    struct worker *w;
    struct store_op *op;
    struct store_listener *listener;
    struct engine *engine;
    struct alerts *alerts;
    struct bot *bot;
    struct hooks_op *hooks;
    struct notices *notices;
    struct wishes *wishes;
};

struct worker {
    struct config *config;
    unsigned slot;
    bool greet; /* the first worker of this supervisor's life */
    bool was_ready, draining;
    char why[240];  /* why it is not ready; "" it is */
    char *children; /* the supervisor's last word on its children: JSON */
    char listen[64];
    struct loop *loop;
    struct store *store;
    struct fetcher *fetcher;
    struct hooks *hooks;
    struct host *host;
    struct api *api;
    struct http_server *http;
    struct tls_server *tls;
    struct local_server *admin;
    struct texts *texts;
    struct decide *decide;
    struct assets *assets;
    struct list ops;            /* struct worker_op.node */
    struct wishes *wishes_gone; /* of operations that are gone */
    struct timer *scan, *patience;
    struct capacity *capacity;
    struct backups *backups;
    struct watch *control;
    struct buf heard; /* from the supervisor, not yet a whole line */
    unsigned parts;   /* that still drain */
};

/* route.c: one function decides where a request goes. */
struct http_req;
struct http_route worker_route(struct http_req *rq, void *arg);
/* Is it able to store? *why for operators. */
bool worker_ready(struct worker *w, const char **why);
/* Attaches operations that are new, and lets go of those that were destroyed. */
void worker_scan(struct worker *w);
/* first.c: the store was ready for the first time. */
void first_ready(struct worker *w);
/* The file that holds the recovery key until the operator has saved it. */
void first_recovery_path(const struct worker *w, char *out, size_t n);

#endif
