/* SPDX-License-Identifier: Apache-2.0
 * Reading one JSON object by a table of its members: every member must be known, of the right type and within
 * its limit. */
#ifndef CONNECTOR_HTTP_READ_H
#define CONNECTOR_HTTP_READ_H

#include "json.h"

struct http_where { /* of what is read, for the error */
    struct http_parsed *p;
    const char *section; /* "messages" */
    size_t i;
};

enum http_type { HTTP_STRING, HTTP_FLAG, HTTP_REAL, HTTP_OTHER };
struct http_member {
    const char *name;
    enum http_type type;
    size_t offset; /* of connector_bytes, bool or double in the struct that is filled */
    size_t max;    /* bytes */
    bool required; /* and not empty */
    bool (*other)(struct http_where *w, const char *at, const struct http_json *v, void *to);
};

/* at: what stands before a member's name in the error ("from."), or "". False: w->p->error says why. */
bool http_object(struct http_where *w, const char *at, const struct http_json *o,
                 const struct http_member *members, void *to);
/* Fills the error; returns false. */
bool http_wrong(struct http_where *w, const char *at, const char *member, const char *what);

extern const struct http_member http_message_members[], http_status_members[], http_typing_members[],
    http_read_members[], http_blocked_members[];
/* What the members of one item do not show by themselves. */
bool http_message_done(struct http_where *w, struct connector_item *it);
bool http_status_done(struct http_where *w, struct connector_item *it);

#endif
