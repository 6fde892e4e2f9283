/* SPDX-License-Identifier: Apache-2.0
 * What the parser library (llhttp, or http_parser where that is missing) makes of a head. */
#include "gateway/net/http_head.h"
#ifdef PARLEY_LLHTTP
#include <llhttp.h>
typedef llhttp_t second_parser;
typedef llhttp_settings_t second_settings;
#else
#include <http_parser.h>
typedef http_parser second_parser;
typedef http_parser_settings second_settings;
#endif

static int second_complete(second_parser *p)
{
    struct http_second *o = p->data;
    o->ok = true;
    o->chunked = p->flags & F_CHUNKED;
#ifdef PARLEY_LLHTTP
    o->has_length = p->flags & F_CONTENT_LENGTH;
#else
    o->has_length = p->flags & F_CONTENTLENGTH;
#endif
    o->length = o->has_length ? p->content_length : 0;
    p->upgrade =
        0; /* else the library stops at h2c and the like, which we answer as if they had not been asked for */
    return 1; /* the body is no business of this parser */
}

void http_second_opinion(struct slice head, struct http_second *o)
{
    second_parser p;
    second_settings s;
    *o = (struct http_second){0};
#ifdef PARLEY_LLHTTP
    llhttp_settings_init(&s);
    s.on_headers_complete = second_complete;
    llhttp_init(&p, HTTP_REQUEST, &s);
    p.data = o;
    llhttp_errno_t rc = llhttp_execute(&p, head.p, head.n);
    if (rc != HPE_OK && rc != HPE_PAUSED_UPGRADE)
        o->ok = false;
#else
    http_parser_settings_init(&s);
    s.on_headers_complete = second_complete;
    http_parser_init(&p, HTTP_REQUEST);
    p.data = o;
    http_parser_execute(&p, &s, head.p, head.n);
    if (HTTP_PARSER_ERRNO(&p) != HPE_OK)
        o->ok = false;
#endif
}
