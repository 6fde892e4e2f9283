/* SPDX-License-Identifier: Apache-2.0
 * HTTP client on libcurl's multi interface. The SSRF guard decides on the address that is actually connected
 * to, for the first request and for each redirect (guard.h). */
#ifndef PARLEY_NET_FETCH_H
#define PARLEY_NET_FETCH_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/net/guard.h"
#include "gateway/net/loop.h"

struct fetcher; /* connections, cookies none, DNS cache */
struct fetch;   /* one transfer */

struct fetch_request {
    const char *method; /* "GET", "POST", … */
    const char *url;
    const char *const *headers; /* "Name: value" …, NULL-terminated; may be NULL */
    struct slice body;          /* copied */
    /* multipart/form-data instead of body when parts is not NULL (name NULL ends); bytes are copied */
    const struct fetch_part {
        const char *name, *filename, *type;
        struct slice bytes;
    } * parts;
    const struct guard *guard;   /* must not be NULL; lives as long as the fetcher */
    size_t max_response;         /* over it the transfer fails with ERR_TOO_LARGE; 0: 1 MiB */
    unsigned timeout_ms;         /* whole transfer; 0: 30,000 */
    unsigned connect_timeout_ms; /* 0: 10,000 */
    unsigned max_redirects;      /* default 0: redirects are answers */
    /* Never sent twice, not even when a kept connection turns out to be dead: a connection of its own. */
    bool once;
};

struct fetch_response {
    int err; /* 0, or -ERR_x when there is no answer: ERR_FORBIDDEN (guard), ERR_TIMEOUT, ERR_UNAVAILABLE,
                ERR_TOO_LARGE, … */
    const char *error; /* for people, without the URL's query */
    bool maybe_sent;   /* err: the whole request may have reached the peer */
    int status;
    struct slice body;
    const struct slice *header_lines; /* "name: value" of the last answer */
    size_t headers;
    int64_t us; /* how long it took */
};
struct slice fetch_header(const struct fetch_response *r, const char *lower_name);

struct fetcher *fetcher_new(struct loop *l, unsigned max_connections_per_host);
void fetcher_free(struct fetcher **f); /* cancels what is under way (done is called with ERR_CANCELLED) */
/* done is called exactly once, never from inside; the response lives until it returns. */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *rq,
                          void (*done)(const struct fetch_response *r, void *arg), void *arg);
void fetch_cancel(struct fetch *f); /* done follows, with ERR_CANCELLED */

#endif
