/* SPDX-License-Identifier: Apache-2.0
 * What the files of gateway/api share. */
#ifndef PARLEY_API_INTERNAL_H
#define PARLEY_API_INTERNAL_H

#include "gateway/api/api.h"
#include "gateway/api/rates.h"
#include "gateway/api/rights.h"
#include "gateway/api/tally.h"
#include "gateway/base/json.h"
#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "store/audit.h"
#include "store/events.h"

/* ---- an operation as the API sees it (operation.c) ---- */

struct member {           /* an agent's record, in memory on every node; kept current by events */
    struct store_agent a; /* its strings are owned */
};

struct api_op {
    struct list node; /* in api.retired once the operation is gone */
    struct api *api;
    struct store_op *op;
    struct map members; /* agent id → struct member */
    json_t *document;   /* parsed; owned */
    uint64_t document_version;
    struct alert_ladder *ladder; /* alerts.c: of the document's version `ladder_version` */
    uint64_t ladder_version;
    struct networks *networks; /* of that document (networks.h) */
    struct {
        char login[64];
        uint64_t at_ms;
    } elsewhere[8];      /* whom the audit has lately: who knocks each second gets one line a minute */
    uint64_t rights;     /* another number whenever somebody may see other queues than before */
    struct list sockets; /* struct agent_socket.node */
    /* The same sockets by what can be told to them (seats.c): those who see more than what they hold, and
     * agent id → struct seat for the others. */
    struct list wide;
    struct map seats;
    struct list jobs;    /* events under way to sockets, in order (dispatch.c) */
    char dispatched[40]; /* the newest event that left `jobs` */
    struct store_listener *listener;
    struct timer *judge_timer; /* skills have changed: a moment later all sockets are judged anew */
    /* what waits (queues.c) */
    struct tally *tally;
    struct map uncounted, /* thread ids that wait now and are not in the tally yet */
        left;             /* those that left while the tally is being loaded */
    unsigned loading;
    struct timer *count_timer, *queues_timer;
    uint64_t round; /* in which sockets are told of the queues */
    bool loaded;
    struct list waiters;       /* for `loaded` */
    struct articles *articles; /* articles_internal.h */
};

struct api {
    struct api_config cf;
    struct map ops; /* name → struct api_op */
    struct list retired;
    struct pages *pages;
    char *openapi;
    size_t openapi_n;
    size_t sockets;
    bool draining;
    /* long bodies on their way in (bodies.c) */
    struct list bodies;
    struct map bodies_of, /* who → struct body_who */
        secrets;          /* hash of one that was good → login */
    size_t body_bytes, strange_bytes;
    struct rates rates;
};

/* The parts of openapi.json joined; out is the caller's to clear. */
int openapi_read(const char *dir, struct buf *out, struct err *e);
/* NULL: no such operation. */
struct api_op *operation_find(struct api *a, struct slice name);
struct member *operation_member(struct api_op *o, const char *agent);
bool operation_seals(const struct api_op *o); /* it has focal points, to whom things are sealed */
/* Calls done (never from inside) once the agents are known; ok false: the store is away. */
void operation_wait(struct api_op *o, void (*done)(void *arg, bool ok), void *arg);
const json_t *operation_document(struct api_op *o); /* current; may be NULL */
void operation_free(void *o);
/* The fallback chain of a language: tags, NULL-terminated, at most 7. */
void operation_fallback(struct api_op *o, const char *tag, const char *out[8]);
void operation_json(struct api_op *o, struct buf *out);
void operation_load(struct api_op *o); /* agents and queues anew */
void operation_member_put(struct api_op *o, const struct store_agent *a);
void operation_members_put(struct api_op *o, const struct store_agent *const *a, size_t n);

/* rights_thread at this moment. */
static inline unsigned rights_now(struct api_op *o, const struct who *w, const struct store_thread *t,
                                  bool holds_contact)
{
    return rights_thread(w, t, holds_contact, store_now_ms(o->api->cf.store));
}

/* ---- what waits (queues.c) ---- */

void queues_init(struct api_op *o);
void queues_free(struct api_op *o);
void queues_load(struct api_op *o);
void queues_start(struct api_op *o);
void queues_stop(struct api_op *o);
void queues_event(struct api_op *o, const struct store_event *ev); /* of kind THREAD */
/* {"items":[…],"mine":{…}} of what this agent could be offered. */
void queues_json(struct api_op *o, const struct who *w, struct tally_view *v, struct buf *out);

/* ---- who calls (auth.c) ---- */

struct caller { /* owned copy of a `who` with where it came from */
    struct who who;
    struct api_op *op; /* NULL for calls outside an operation */
    char login[64], agent[64], name[128], areas[512], teams[256];
    bool signed_in;
    bool must_enrol;   /* signed in, and may set up a second factor and nothing else */
    int64_t signed_ms; /* when their session began; 0: not known, or a token */
};
/* Finds out who sends the request; writes by cookie need an Origin that is ours. done exactly once; on an
 * error the code is ERR_AUTH or ERR_FORBIDDEN (or ERR_UNAVAILABLE). o NULL: only that somebody is signed in
 * matters. */
void auth_request(struct api *a, struct api_op *o, struct http_req *rq, bool needs_origin,
                  void (*done)(void *arg, const struct err *e, const struct caller *c), void *arg);
/* What is refused for one of these says so in its problem's code. */
#define AUTH_ELSEWHERE                                                                                       \
    "you cannot work with this operation from this network; your office's administrator can tell you from "  \
    "which"
#define AUTH_ENROL "set up the second factor of your sign-in first"
/* "network", "second_factor", or NULL. */
const char *auth_refusal(const struct err *e);
/* May this member work with the operation from there? What is refused is in the audit. */
bool auth_network(struct api_op *o, const struct caller *c, struct slice peer);
bool auth_network_fits(struct api_op *o, const struct caller *c, struct slice peer); /* without a line */
/* Builds the rights of a user in an operation from the member record; false: none there, or disabled. */
bool auth_member(struct api_op *o, const char *login, struct caller *c);
/* A copy that owns its strings. */
void caller_copy(struct caller *to, const struct who *w);
/* The secret of a request that was let in: its bearer token, or its session. */
struct slice auth_secret(struct http_req *rq);
bool auth_origin_ours(struct api *a, struct http_req *rq);
struct call;
void auth_sign_in(struct call *c);
void auth_sign_out(struct call *c);
void auth_me(struct call *c);
void auth_me_patch(struct call *c);
void auth_sign_in_code(struct call *c);
void second_show(struct call *c);
void second_start(struct call *c);
void second_confirm(struct call *c);
void second_codes(struct call *c);
void second_off(struct call *c);

/* ---- long bodies (bodies.c) ---- */

#define UPLOAD_MAX (25u << 20) /* when the settings don't tell */
void bodies_open(struct api *a);
void bodies_close(struct api *a);
/* For routes; false: there is no room for its body, and it was answered. */
bool bodies_admit(struct api *a, struct http_req *rq, size_t most);
/* Whose secret the request came with. */
void bodies_knows(struct api *a, struct http_req *rq, const char *login);

/* ---- a REST call (route.c) ---- */

#define CALL_ARGS 3
struct call {
    struct api *api;
    struct api_op *op; /* NULL outside an operation */
    struct http_req *rq;
    struct caller caller;
    struct slice args[CALL_ARGS]; /* the {} of the path */
    json_t *body;                 /* owned by the call; NULL when there is none */
    bool idem;                    /* the answer is kept under the Idempotency-Key */
    /* Instead of the answer itself, which an erasure would not reach: "thread ID", "entry ID SEQ", "contact
     * ID" is shown anew. */
    char idem_what[80];
    int replay;           /* status of an answer that is given again; 0 */
    char idem_scope[224]; /* caller, method, hash of the path */
    struct slice idem_key;
    const struct call_route *route;
};
struct call_route {
    enum http_method method;
    const char *path; /* "threads/{}/entries", below /api/v1/ops/{op}/ */
    void (*run)(struct call *c);
    unsigned roles; /* one of them is needed; 0: anybody who is signed in */
    unsigned flags;
};
#define CALL_JSON   1u  /* a JSON object is the body */
#define CALL_RAW    2u  /* the raw bytes are */
#define CALL_GLOBAL 4u  /* below /api/v1/ */
#define CALL_OPEN   8u  /* nobody need be signed in */
#define CALL_SECRET 16u /* its answer is not kept for an Idempotency-Key: it may hold what is told once */
/* What a repetition of the Idempotency-Key shows (threads.c, people.c). */
void call_show_thread(struct call *c, struct id thread);
void call_show_entry(struct call *c, struct id thread, uint64_t seq);
void call_show_contact(struct call *c, struct id contact);
/* Ends the call. */
void call_json(struct call *c, int status, struct slice json);
void call_empty(struct call *c, int status);
void call_err(struct call *c, const struct err *e);
void call_problem(struct call *c, int status, const char *detail);
void call_guarded(struct call *c, const struct err *e); /* ERR_GUARDED */
void call_problem_code(struct call *c, int status, const char *detail, const char *code);
/* A list: call_list starts it, the items follow (call_item before each), call_list_end answers. next "":
 * null. */
void call_list(struct buf *b);
void call_item(struct buf *b);
void call_list_end(struct call *c, struct buf *b, const char *next);
/* Ends a call whose answer was given by http_reply_stream and the like. */
void call_end(struct call *c);
/* limit (1-200, default 50) from the query; 0 when it is malformed (and answered). */
unsigned call_limit(struct call *c);
/* A query value; false when absent. b is reset. */
bool call_query(struct call *c, const char *key, struct buf *b);
/* Only these members in the body (NULL-terminated list); else answers 400. */
bool call_members(struct call *c, const char *const *known);
bool call_id(struct call *c, struct slice text, struct id *out); /* malformed: answers 404 */

extern const struct call_route articles_routes[], articles_write_routes[], byhand_routes[], links_routes[];
extern const struct call_route webhook_routes[], token_routes[];
extern const struct call_route admin_routes[], admin_people_routes[], admin_channel_routes[], dead_routes[];
extern const struct call_route thread_routes[], people_routes[], office_routes[], audit_routes[],
    file_routes[], report_routes[], subject_routes[], second_routes[]; /* end with run NULL */
extern const struct call_route hours_routes[], callback_routes[], flow_routes[];

/* ---- JSON of the records (view.c) ---- */

void view_thread(struct buf *b, const struct store_thread *t, const struct store_contact *c,
                 const struct store_entry *last, bool preview);
void view_entry(struct buf *b, struct api_op *o, const struct store_entry *en);
void view_agent(struct buf *b, const struct store_agent *a, const struct who *w); /* as w may see them */
void view_contact(struct buf *b, const struct store_contact *c, const struct store_thread *const *threads,
                  size_t n);
void view_time(struct buf *b, const char *key, int64_t ms, bool null_when_0); /* ,"key":"…" */

/* ---- loading with rights (card.c) ---- */

struct card { /* a thread with what its summary shows; lives until the callback returns */
    const struct store_thread *t;
    unsigned rights;
    struct slice json; /* Thread */
};
/* The thread as w sees it; ERR_NOT_FOUND when w may not see it. */
void card_load(struct api_op *o, const struct who *w, struct id thread,
               void (*done)(void *arg, const struct err *e, const struct card *c), void *arg);
/* JSON objects of several, comma-separated, in order; those w may not see are left out. threads are copied.
 */
void card_list(struct api_op *o, const struct who *w, const struct store_thread *const *t, size_t n,
               void (*done)(void *arg, const struct err *e, struct slice items), void *arg);
/* The threads an agent holds or is offered. */
void card_mine(struct api_op *o, const struct who *w,
               void (*done)(void *arg, const struct err *e, struct slice items), void *arg);
/* Its JSON without a check of rights (for a thread that was just written by somebody who had them). */
void card_thread(struct api_op *o, const struct store_thread *t,
                 void (*done)(void *arg, const struct err *e, struct slice json), void *arg);

/* ---- what is done to a thread, by REST and by socket alike (act.c) ---- */

/* kind: "entry", "thread" or "agent": what `json` is. status: what REST answers. */
typedef void (*act_done)(void *arg, const struct err *e, int status, const char *kind, struct slice json);
bool act_is_verb(const char *verb);
/* verb: "send", "note", "edit", "deletion", "reaction", "accept", "decline", "assign", "transfer", "resolve",
 * "reopen", "snooze", "tag", "retry", "patch". body: its members; members that are not the verb's are
 * ERR_INVALID, but "type", "ref" and "thread". */
void act_thread(struct api_op *o, const struct who *w, const char *verb, struct id thread, const json_t *body,
                act_done done, void *arg);

/* ---- sockets (socket.c, seats.c, dispatch.c, stream.c) ---- */

struct ws;
struct agent_socket {
    struct list node; /* in api_op.sockets */
    struct list seat; /* in api_op.wide or that of its agent */
    struct api_op *op;
    struct caller caller;
    struct ws *ws;
    struct tally_view queues; /* what it was told of them */
    uint64_t round;
    char id[ID_LEN + 1];
    char cursor[40]; /* the last event that was told */
    char peer[64];   /* where it comes from */
    bool live, hello, closing;
    char *secret; /* the token or session it came with: asked for again at each beat; wiped at the end */
    size_t secret_n;
    enum store_presence presence;
    int64_t heard_ms; /* loop_now_ms of the last frame */
    struct timer *beat;
    unsigned refs; /* callbacks under way */
};
void socket_upgrade(struct http_req *rq, void *arg); /* handler of /ws/agent/{op} */
/* A callback that was counted in refs came back; false: the socket is gone, and s with it when that was the
 * last. */
bool socket_still(struct agent_socket *s);
void socket_frame(struct agent_socket *s, struct slice json);
void socket_replay(struct agent_socket *s); /* from cursor until it is live */
void socket_close(struct agent_socket *s, unsigned code, const char *why);
/* Asks whether its token or session is good still, and closes it when not. */
void socket_check(struct agent_socket *s);

/* Which socket hears of which event (seats.c): so that one event costs only those whom it may concern. */
void seats_init(struct api_op *o);
void seats_free(struct api_op *o);
void seats_put(struct agent_socket *s); /* anew, when its rights are others */
/* The sockets that are neither wide nor others': a list of agent_socket.seat; may be NULL. */
struct list *seats_of(struct api_op *o, const char *agent);

/* From the store's events to all that hangs on them (stream.c). */
void stream_start(struct api_op *o);
void stream_stop(struct api_op *o);

/* One event for one socket (replay) or, when s is NULL, for all that are live. */
void dispatch_event(struct api_op *o, const struct store_event *ev, struct agent_socket *s,
                    void (*told)(void *arg), void *arg);
/* Compares stream ids: <0, 0, >0. */
int dispatch_id_compare(const char *a, const char *b);

/* ---- pages (pages.c) ---- */

struct pages *pages_new(const char *dir);
void pages_free(struct pages **p);
/* Answers and returns true when the path names a page or asset. */
bool pages_serve(struct pages *p, struct http_req *rq);
bool pages_has(const struct pages *p, struct slice path);

#endif
