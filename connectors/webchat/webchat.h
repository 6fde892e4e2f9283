/* SPDX-License-Identifier: Apache-2.0
 * What the files of the webchat connector share. gateway/chat/PROTOCOL.md is the contract with the page. */
#ifndef WEBCHAT_H
#define WEBCHAT_H

#include "connectors/connector.h"
#include <jansson.h>

#define SESSION_LEN 32 /* base64url of 16 random bytes and 8 that prove they are ours */
#define ADDRESS_LEN 36 /* "web:" and 32 hex digits */
#define TEXT_MAX    65536
#define FILES_MAX   10
#define FILE_MAX    (25u << 20)
#define REF_MAX     64
#define LANG_MAX    12

/* A growing text; the first failure (over max) sticks. */
struct out {
    char *p;
    size_t n, cap, max;
    bool over;
};
void out_init(struct out *o, size_t max);
void out_clear(struct out *o);
void out_add(struct out *o, const char *p, size_t n);
void out_str(struct out *o, const char *s);
void out_bytes(struct out *o, struct connector_bytes b);
void out_html(struct out *o, struct connector_bytes b);    /* & < > " ' escaped */
void out_message(struct out *o, struct connector_bytes b); /* the same, without bidirectional controls */
void out_written(struct out *o,
                 struct connector_bytes b); /* the same, with numbers and codes held together beside Arabic */
void out_json(struct out *o,
              struct connector_bytes b);  /* with its quotes; '<' as \u003c, so that it may stand in HTML */
void out_time(struct out *o, int64_t ms); /* RFC 3339 */
struct connector_bytes out_view(const struct out *o);

struct connector_bytes bytes_of(const char *s);
bool bytes_are(struct connector_bytes b, const char *s);

struct texts; /* texts.c */

struct connector_instance {
    const struct connector_host *h;
    void *inst;
    unsigned char key[32]; /* proves that a session was made by us */
    bool has_key, stopping, stopped;
    struct texts *texts;
    unsigned links; /* sockets and polls that live */
    struct poll *polls;
    struct sock *socks;
};

/* ---- sessions (session.c) ---- */

struct session {
    char secret[SESSION_LEN + 1];
    char address[ADDRESS_LEN + 1];
};
/* Takes the key from the store, or makes it once in the cluster. */
void session_start(struct connector_instance *c);
void session_make(struct connector_instance *c, struct session *s);
/* The session that a form's ref names while it has none of its own: the same for ten minutes. */
void session_of_ref(struct connector_instance *c, struct connector_bytes ref, struct session *s);
/* False: not one of ours. */
bool session_take(struct connector_instance *c, struct connector_bytes secret, struct session *s);
struct connector_bytes session_address(const struct session *s);
/* The page's cookie: its value, and the header that sets it (value "" drops it). */
#define COOKIE_MAX 600
bool session_cookie(struct connector_instance *c, connector_request rq, bool secure,
                    struct connector_bytes *value);
void session_set_cookie(struct connector_instance *c, bool secure, const char *value, char out[COOKIE_MAX]);

/* ---- frames (frames.c) ---- */

/* Where answers to frames go: a socket or a poll. */
struct link {
    struct connector_instance *c;
    struct session session;
    bool hello;    /* a session is there */
    bool gone;     /* no answers any more */
    unsigned refs; /* callbacks under way */
    char locale[LANG_MAX];
    bool chosen;   /* the person picked it */
    char last[40]; /* the newest entry that the other side has been sent */
    void (*frame)(struct link *l, struct connector_bytes json);
    void (*idle)(struct link *l);                                  /* a callback ended (refs went down) */
    void (*welcome)(struct link *l, struct connector_bytes after); /* answer to hello */
    void (*forgotten)(struct link *l);
};
/* One client frame. Answers come by l->frame, at once or later. */
void frames_in(struct link *l, const json_t *frame);
void frames_error(struct link *l, const char *code, const char *detail, struct connector_bytes ref,
                  unsigned retry_ms);
/* An entry as the page knows it; false when it is none of its kinds. */
bool frames_entry(struct out *o, const struct connector_entry *en);
/* {"type":"welcome",…}; read: the newest of the person's entries that was read. */
void frames_welcome(struct link *l, const struct connector_entry *entries, size_t n, bool earlier);
/* Tells the store that the page has the entry (and read it). */
void frames_got(struct link *l, struct connector_bytes entry, bool read);
struct connector_bytes json_bytes(const json_t *o, const char *key);
bool ref_valid(struct connector_bytes ref);

/* ---- doors ---- */

bool socket_open(connector_instance *c, connector_socket s, const struct connector_request_info *i);
void socket_text(connector_instance *c, connector_socket s, struct connector_bytes text);
void socket_closed(connector_instance *c, connector_socket s);

/* Tells every page to come back in a while, and closes. */
void socket_stop(connector_instance *c);
void poll_request(connector_instance *c, connector_request rq, const struct connector_request_info *i);
void poll_stop(connector_instance *c);
/* The media type of a header, in lower case; false when files of this kind are not taken. */
bool upload_type(struct connector_bytes header, char out[100]);
void upload_request(connector_instance *c, connector_request rq, const struct connector_request_info *i);
void form_post(connector_instance *c, connector_request rq, const struct connector_request_info *i);
void form_leave(connector_instance *c, connector_request rq, const struct connector_request_info *i);

/* ---- the page (page.c, texts.c) ---- */

/* Answers a GET of the page, or of texts/{lang}. */
void page_get(connector_instance *c, connector_request rq, const struct connector_request_info *i);
void page_texts(connector_instance *c, connector_request rq, struct connector_bytes lang);

struct page { /* what a page is filled with */
    int status;
    const char *lang;   /* a language of the operation */
    const char *chosen; /* "yes", "guess", "no" */
    const char *notice; /* text key; NULL */
    struct connector_bytes draft;
    const char *cookie; /* Set-Cookie; NULL */
    struct session session;
    bool has_session;
    bool secure;
};
/* Reads the history when there is a session, fills the template and answers. p is copied. */
void page_answer(connector_instance *c, connector_request rq, const struct page *p);
/* The language that a request asks for. */
const char *page_language(connector_instance *c, connector_request rq, struct connector_bytes asked,
                          const char **chosen);

struct language {
    char id[LANG_MAX], dir[4];
    char *name;
    json_t *texts; /* key → string */
};
/* Reads manifest, texts and template; false with a reason when the pages were not built. */
bool texts_open(connector_instance *c, char why[160]);
void texts_free(connector_instance *c);
const struct language *texts_language(connector_instance *c, const char *id);
const struct language *texts_at(connector_instance *c,
                                size_t i); /* those of the operation, in its order; NULL at the end */
#define TEXT_CLOSED "closed_now" /* no text of the page's: what there is to be said while nobody is there */
struct connector_bytes texts_get(connector_instance *c, const struct language *l, const char *key);
struct connector_bytes texts_template(connector_instance *c);
const char *texts_csp(connector_instance *c);
void texts_json(connector_instance *c, const struct language *l, struct out *o);

#endif
