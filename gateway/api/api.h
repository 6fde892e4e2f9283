/* SPDX-License-Identifier: Apache-2.0
 * The agents' doors: REST, sign-in, the agents' socket, the served pages. README.md is the contract. */
#ifndef PARLEY_API_H
#define PARLEY_API_H

#include "gateway/api/admin.h"
#include "gateway/net/http.h"
#include "store/store.h"

struct api;

/* What the API asks of the connector host, without knowing it. */
struct api_channel;
struct api_channels {
    void *ctx;
    /* Appends the JSON objects of the operation's channels, comma-separated:
     * {"id","connector","name","capabilities","limits","state",…}. */
    void (*list)(void *ctx, struct store_op *op, struct buf *out);
    /* What a message on this channel may be; false: there is no such channel, or it is disabled. */
    bool (*info)(void *ctx, struct store_op *op, const char *channel, struct api_channel *out);
};
struct api_channel {
    bool pull;             /* nothing is sent: the person's page fetches */
    unsigned capabilities; /* enum connector_capability */
    unsigned choices_max, files_max;
    uint64_t file_bytes_max;
};

/* Who must show a second factor when they sign in. */
enum api_second { API_SECOND_REQUIRED, API_SECOND_OFFERED, API_SECOND_OFF };

/* What it asks of the webhooks: a test is sent at once; status 0: no answer, and why. */
struct api_webhooks {
    void *ctx;
    void (*test)(void *ctx, struct store_op *op, const char *id,
                 void (*done)(void *arg, const struct err *e, int status, unsigned ms, const char *error),
                 void *arg);
};

struct api_config {
    struct loop *loop;
    struct store *store;
    const char *web_dir;     /* gateway/web/dist; NULL: no page */
    const char *openapi_dir; /* the parts of openapi.json */
    const char *public_url;  /* "" none */
    struct api_channels channels;
    struct api_webhooks webhooks;
    struct api_admin admin;
    /* Is the socket on which this request came our own page's? Origins that count as ours beside public_url
     * and the Host on loopback. */
    const char *const *origins; /* NULL-terminated; may be NULL */
    unsigned session_idle_s;    /* 0: 12 hours */
    uint64_t upload_max;        /* 0: 25 MiB */
    enum api_second second;     /* without public_url somebody on this machine may set it up later */
    unsigned trust_days;        /* so long a device that showed one is not asked again; 0: each time */
};

struct api *api_new(const struct api_config *cf, struct err *e);
void api_free(struct api **a);
/* The route for a request that is the API's: "/", pages, "/api/…", "/ws/agent/…". handler NULL: not ours. */
struct http_route api_route(struct api *a, struct http_req *rq);
/* Files of web_dir and openapi_dir anew. */
void api_reload(struct api *a);
/* Tells sockets to come back in a while and closes them. */
void api_drain(struct api *a, unsigned retry_ms);
size_t api_sockets(const struct api *a);

#endif
