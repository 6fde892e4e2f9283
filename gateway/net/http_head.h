/* SPDX-License-Identifier: Apache-2.0
 * Heads and chunks of HTTP/1 messages as bytes, without sockets: this is what is fuzzed and compared with
 * another server. Private to this folder. */
#ifndef PARLEY_NET_HTTP_HEAD_H
#define PARLEY_NET_HTTP_HEAD_H

#include "gateway/base/buf.h"

#define HTTP_FIELDS_MAX 100

/* Looks for the end of a head while it comes in. Zero it for each head. */
struct http_scan {
    size_t at, line; /* looked at so far; where the current line begins */
};
/* The head's length with its empty line, 0 when more is needed, -1 when a line ends without CR. */
long http_head_scan(struct http_scan *s, struct slice bytes);

struct http_field {
    struct slice name, value;
};

struct http_head_info {
    unsigned method; /* as in enum http_method */
    bool v10, keep_alive, chunked, websocket, expect_continue;
    uint64_t length; /* of the body, when not chunked */
    struct slice target, path, query;
    struct http_field *fields;
    size_t fields_n;
};
/* head: everything up to and with the empty line. fields: room for HTTP_FIELDS_MAX. 0, or the status that
 * refuses it, with why. Judged twice: line by line here, and by the parser library; what either refuses is
 * refused. */
int http_head_parse(struct slice head, struct http_field *fields, struct http_head_info *h, const char **why);

/* One field line without its CRLF; also for trailers. */
bool http_field_parse(struct slice line, struct http_field *f);
bool http_is_token(struct slice s);
/* Is the word among the comma-separated ones of all fields of that name? */
bool http_list_has(const struct http_head_info *h, const char *lower_name, const char *word);

/* The parser library's opinion. */
struct http_second {
    bool ok, chunked, has_length;
    uint64_t length;
};
void http_second_opinion(struct slice head, struct http_second *o);

/* A chunked body. Zero it, then feed; gives how many bytes it took. */
enum http_chunk_state {
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK_DATA,
    HTTP_CHUNK_DATA_END,
    HTTP_CHUNK_TRAILER,
    HTTP_CHUNK_DONE,
    HTTP_CHUNK_BAD
};
struct http_chunked {
    enum http_chunk_state state;
    uint64_t left;   /* of this chunk */
    size_t line_n;   /* of the line below */
    size_t overhead; /* bytes of size lines and trailers: bounded */
    size_t trailers;
    char line[256];
};
/* Appends to body; over body->max its error sticks and the caller answers 413. */
size_t http_chunked_feed(struct http_chunked *c, struct slice bytes, struct buf *body);

#endif
