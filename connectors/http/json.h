/* SPDX-License-Identifier: Apache-2.0
 * A request's JSON as a tree. Texts without escapes are borrowed from the body, everything else lives in the
 * request's memory: a message costs no allocation of its own. */
#ifndef CONNECTOR_HTTP_JSON_H
#define CONNECTOR_HTTP_JSON_H

#include "http.h"
#include <string.h>

#define HTTP_JSON_DEPTH 32

enum http_json_type {
    HTTP_JSON_NULL,
    HTTP_JSON_FALSE,
    HTTP_JSON_TRUE,
    HTTP_JSON_INTEGER,
    HTTP_JSON_REAL,
    HTTP_JSON_TEXT,
    HTTP_JSON_LIST,
    HTTP_JSON_OBJECT
};

struct http_json {
    enum http_json_type type;
    struct connector_bytes name; /* of an object's member; the same may come twice */
    struct http_json *next;      /* in the list or object that it stands in */
    union {
        struct connector_bytes text;
        struct {
            struct http_json *first;
            size_t n;
        } list; /* and of an object */
        int64_t integer;
        double real;
    };
};

/* RFC 8259 to the letter, but for U+0000 and numbers that neither int64_t nor double hold: those are refused.
 * The body is UTF-8 (the host has looked). NULL: p->error says where it is no JSON. */
struct http_json *http_json_read(struct http_parsed *p, struct connector_bytes body);

static inline bool http_json_is(struct connector_bytes b, const char *s)
{
    return b.n == strlen(s) && memcmp(b.p, s, b.n) == 0;
}

#endif
