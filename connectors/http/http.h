/* SPDX-License-Identifier: Apache-2.0
 * The http connector: any program in any language, by Standard Webhooks both ways. README.md has the JSON. */
#ifndef CONNECTOR_HTTP_H
#define CONNECTOR_HTTP_H

#include "connectors/connector.h"

#define HTTP_KEYS     8     /* active secrets, for rotation */
#define HTTP_ITEMS    2000u /* in one request, all sections together */
#define HTTP_TEXT     65536u
#define HTTP_FILES    10u
#define HTTP_ID       256u
#define HTTP_CLOCK_MS 300000 /* how far a timestamp may be off */

struct http_key {
    char bytes[64];
    size_t n;
};

struct connector_instance {
    const struct connector_host *h;
    void *inst;
    struct http_key keys[HTTP_KEYS];
    size_t keys_n;
    struct http_send *sends; /* under way */
    unsigned busy;           /* callbacks that are owed to us */
    bool stopping, stopped;
};

/* ---- what a request says (parse.c, read.c, memory.c) ---- */

struct http_chunk { /* memory of one request */
    struct http_chunk *next;
    size_t n, cap;
    char bytes[];
};
struct http_parsed {
    struct connector_item *items;
    size_t n;
    struct http_chunk *memory;
    char error[200]; /* "messages[3].from.address: …" */
};
/* False with error: nothing of it may be taken. Texts are borrowed from the body. */
bool http_parse(struct http_parsed *p, struct connector_bytes body);
void http_parsed_clear(struct http_parsed *p);
void *http_alloc(struct http_parsed *p, size_t n); /* zeroed; NULL when there is no memory */

/* ---- values (value.c) ---- */

/* RFC 3339 with a zone, as milliseconds since 1970. */
bool http_time(const char *s, size_t n, int64_t *ms);
/* Strict base64 with padding; out has room for 3 * (n / 4). Returns the length or -1. */
long http_unbase64(char *out, const char *s, size_t n);
void http_base64(char *out, const unsigned char *p, size_t n); /* out: 4 * ((n + 2) / 3) + 1 */
/* scheme ":" rest, canonical: see connectors/README.md, "Addresses". */
bool http_address(const char *s, size_t n);
bool http_keys(const char *secret, struct http_key keys[HTTP_KEYS], size_t *n); /* "whsec_… whsec_…" */
bool http_number(struct connector_bytes b, int64_t *out);                       /* digits */

/* ---- out (out.c) ---- */

int http_send(connector_instance *c, const struct connector_message *m, connector_token t);
void http_cancel(connector_instance *c, connector_token t);
void http_typing(connector_instance *c, struct connector_bytes to, bool on);
void http_read(connector_instance *c, struct connector_bytes to, struct connector_bytes target);
/* Signs id.timestamp.body with every key: "v1,… v1,…". out has room for HTTP_KEYS * 48. */
void http_sign(const connector_instance *c, const char *id, const char *timestamp,
               struct connector_bytes body, char *out);
/* One callback less is owed; tells the host when that was the last one after `stop`. */
void http_idle(connector_instance *c);

#endif
