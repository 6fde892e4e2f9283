/* SPDX-License-Identifier: Apache-2.0
 * A host for tests: runs one connector in the test's own process, with a clock that the test moves, answers
 * that the test writes, and an eye on every rule of connector.h. What breaks a rule is printed with the
 * rule's number, and makes kit_end false. README.md shows a whole test. */
#ifndef CONNECTOR_TESTKIT_H
#define CONNECTOR_TESTKIT_H

#include "connectors/connector.h"

struct kit;

struct kit_options {              /* everything may be NULL or 0 */
    const char *const *settings;  /* "name", "value", …, NULL */
    const char *operation;        /* "op" */
    const char *channel;          /* "ch" */
    const char *public_url;       /* "https://parley.example"; "" for none */
    const char *const *languages; /* "en", "ar", NULL */
    const char *const *texts;     /* "key", "text", …, NULL: what host->text answers, tagged "en" */
    const char *pages;            /* folder for host->page */
    bool leases_wait;             /* leases are held only when kit_lease says so; else at once */
    bool no_start;                /* kit_start is called by the test */
};
/* Checks the settings as the host does, creates and starts. NULL: refused, and why. */
struct kit *kit_new(const struct connector *c, const struct kit_options *o, char why[200]);
void kit_start(struct kit *k);
/* Stops, destroys, prints what is wrong. True when no rule was broken. */
bool kit_end(struct kit **k);
/* Only checks the settings; *why says what is wrong. */
bool kit_settings_ok(const struct connector *c, const char *const *settings, char why[200]);

connector_instance *kit_instance(struct kit *k);
void *kit_inst(struct kit *k); /* what the host's functions take as `inst` */
const struct connector_host *kit_host(struct kit *k);
void kit_turn(struct kit *k);                 /* runs all that waits for the loop */
void kit_advance(struct kit *k, uint32_t ms); /* moves the clock; timers fire in order */
int64_t kit_now(const struct kit *k);         /* begins at 2026-01-01T00:00:00Z */
/* Says that a rule was broken; for checks that a test adds. rule 0: something else. */
void kit_broke(struct kit *k, int rule, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
size_t kit_broken(const struct kit *k);
/* A text that must not turn up in logs, states or error texts. Settings of type SECRET are watched for by
 * themselves. */
void kit_canary(struct kit *k, const char *text);

struct connector_bytes kit_bytes(const char *s); /* NULL gives the empty one */
bool kit_is(struct connector_bytes b, const char *s);

/* ---- requests ---- */

struct kit_request {
    const char *method; /* NULL: POST */
    const char *door;   /* NULL: hooks */
    const char *path, *query;
    const char *const *headers; /* "name", "value", …, NULL; names in lower case */
    struct connector_bytes body;
    bool insecure;
};
struct kit_answer {
    bool done;
    int status;
    char *body; /* NUL behind it */
    size_t body_n;
    const char **headers; /* "name", "value", …, NULL */
};
/* verify, then the host's checks, then request, as the host does; turns the loop. Lives until kit_end. */
struct kit_answer *kit_request(struct kit *k, const struct kit_request *rq);
const char *kit_answer_header(const struct kit_answer *a, const char *name); /* any case; NULL */
/* The peer leaves before it is answered. */
void kit_request_gone(struct kit *k, struct kit_answer *a);

/* ---- what was delivered ---- */

enum kit_store { KIT_STORES, KIT_AWAY, KIT_HOLDS };
/* KIT_AWAY: deliver answers CONNECTOR_EAWAY. KIT_HOLDS: it waits for kit_release. */
void kit_store(struct kit *k, enum kit_store how);
void kit_release(struct kit *k);
/* Everything that was given to deliver and stored, in order; bytes have a NUL behind them. Duplicates are not
 * in it. */
size_t kit_items(const struct kit *k);
const struct connector_item *kit_item(const struct kit *k, size_t i); /* NULL: not so many */
const struct connector_delivered *kit_item_result(const struct kit *k, size_t i);
size_t kit_duplicates(const struct kit *k);
size_t kit_delivers(const struct kit *k); /* calls of deliver */
void kit_items_clear(struct kit *k);      /* ids stay known */

/* ---- sending ---- */

struct kit_sent {
    int code;                  /* what `send` returned */
    bool done;                 /* host->sent came */
    struct connector_result r; /* copied */
    connector_token token;
};
/* A message with sizes and empty members set: to, text, entry "entry-1", attempt 1, part 0 of 1. */
struct connector_message kit_message(const char *to, const char *text);
/* Calls send with a copy that dies when it returns; turns the loop. Lives until kit_end. */
struct kit_sent *kit_send(struct kit *k, const struct connector_message *m);

struct kit_fetch { /* a request that the connector made; copied */
    const char *method, *url;
    const char **headers; /* "name", "value", …, NULL */
    const char *body;
    size_t body_n;
    const struct connector_part *parts;
    size_t parts_n;
    connector_token about;
    uint32_t timeout_ms;
    bool answered;
};
struct kit_fetched {
    int status; /* 0: 200 */
    const char *body;
    size_t body_n; /* 0: strlen */
    int error;     /* CONNECTOR_EAWAY, …: there is no answer */
    bool maybe_sent;
    bool hold;                  /* not now: kit_fetch_answer will */
    const char *const *headers; /* "name", "value", …, NULL; may be NULL */
};
/* Who answers fetches. Without one every fetch fails with CONNECTOR_EAWAY. */
void kit_provider(struct kit *k, void (*answer)(void *arg, const struct kit_fetch *f, struct kit_fetched *a),
                  void *arg);
size_t kit_fetches(const struct kit *k);
const struct kit_fetch *kit_fetch(const struct kit *k, size_t i); /* NULL: not so many */
const char *kit_fetch_header(const struct kit_fetch *f, const char *name);
void kit_fetch_answer(struct kit *k, size_t i, const struct kit_fetched *a);

/* plugin->media; blob of result lives until kit_end. */
struct kit_media {
    bool done;
    int error;
    struct connector_bytes bytes, type, name;
};
struct kit_media *kit_media(struct kit *k, const char *ref);

/* ---- sockets, history, files ---- */

struct kit_socket;
/* NULL: refused. origin NULL: the public address. */
struct kit_socket *kit_socket(struct kit *k, const char *path, const char *origin);
void kit_socket_text(struct kit *k, struct kit_socket *s, const char *text);
void kit_socket_leave(struct kit *k, struct kit_socket *s); /* the peer closes */
size_t kit_frames(const struct kit_socket *s);
const char *kit_frame(const struct kit_socket *s, size_t i); /* NULL: not so many */
bool kit_socket_open(const struct kit_socket *s);
unsigned kit_socket_code(const struct kit_socket *s);  /* with which the connector closed it */
void kit_socket_full(struct kit_socket *s, bool full); /* socket_send says CONNECTOR_ELIMIT */

/* MESSAGEs that are delivered become entries of their address's history by themselves (kit_item_result has
 * their ids). This adds one more, an agent's answer mostly, and tells the watchers. en.id NULL makes one;
 * returns the id. */
const char *kit_entry(struct kit *k, const char *address, const struct connector_entry *en);
void kit_change(struct kit *k, const char *address, enum connector_change what,
                const struct connector_entry *en, bool on);
size_t kit_watches(const struct kit *k);
size_t kit_history(const struct kit *k, const char *address); /* entries; 0 after forget */
const char *kit_blob(struct kit *k, const char *bytes, size_t n,
                     const char *type);                                          /* a file of ours; its id */
const struct connector_bytes *kit_blob_get(const struct kit *k, const char *id); /* NULL: no such */

/* ---- the rest ---- */

void kit_lease(struct kit *k, const char *name, bool yes);
bool kit_lease_asked(const struct kit *k, const char *name);
void kit_cursor_put(struct kit *k, const char *name, const char *value);
const char *kit_cursor(const struct kit *k, const char *name); /* "" */
bool kit_up(const struct kit *k);
const char *kit_why(const struct kit *k); /* of the last state */
/* Signs as Standard Webhooks say: "v1,<base64>" of id.timestamp.body under "whsec_…". */
void kit_webhook_sign(const char *secret, const char *id, const char *timestamp, struct connector_bytes body,
                      char out[48]);

/* ---- the rules, one test each ---- */

struct kit_scenario {
    const char *const *settings;
    /* Makes the n-th (0, 1, …) request with one message of a person that says `text`; rq and what it points
     * to live until the next call. NULL: nothing comes by hooks. */
    void (*one)(struct kit *k, unsigned n, const char *text, struct kit_request *rq);
    /* The proof of where a request comes from: headers (NULL-terminated) whose change must be noticed;
     * body_signed: the body's too. */
    const char *const *proof_headers;
    bool body_signed;
    /* A request with a good item, a bad one and a good one. bad_is_400: it is refused as a whole (the http
     * connector). */
    void (*batch)(struct kit *k, struct kit_request *rq);
    bool bad_is_400;
    /* Answers the provider's API as when all is well. NULL with CONNECTOR_PULL. */
    void (*provider)(void *arg, const struct kit_fetch *f, struct kit_fetched *a);
    void *arg;
    const char *to; /* an address that can be written to */
};
/* Runs each numbered rule of connector.h that can be seen from outside against the connector. True when it
 * keeps them all. */
bool kit_rules(const struct connector *c, const struct kit_scenario *s);

#endif
