/* SPDX-License-Identifier: Apache-2.0
 * The connector interface: everything that a connector sees of Parley.
 *
 * A connector speaks one provider's protocol (Telegram, an SMS centre, a web page of our own). It turns what
 * the provider sends into `struct connector_item`s, and sends `struct connector_message`s. Everything else is
 * the host's: storing, order, dedupe, retries, rates, splitting, encryption, leases, logs.
 *
 * A connector is a shared object that exports one symbol, `connector_plugin`, a `const struct connector`. It
 * includes this header and libraries of its own choice, nothing else of Parley. connectors/README.md walks
 * through a small one.
 *
 * The rules (each has a test in connectors/testkit):
 *  1. One thread. No member blocks, starts a thread or waits; sockets, timers, HTTP and leases come from the
 * host.
 *  2. `verify` comes before anything in a request is parsed or believed.
 *  3. A provider gets its 2xx only from the callback of `deliver`, when all items are on disk. Not stored:
 * 503, so that it retries.
 *  4. Each `send` that returned CONNECTOR_OK ends in exactly one `host->sent(token, …)`, never from inside
 * `send`.
 *  5. What a call is given is borrowed until that call (or the callback it came with) returns; what a request
 * points to, until it is answered. The host copies what it is given.
 *  6. After `stop` the connector starts nothing new, and calls `host->stopped` once, as its last call.
 * Callbacks that are still owed to it then come with CONNECTOR_ECANCELLED, so that it can free what it kept
 * for them; then `destroy`. Timers just end, requests without an answer get 503 from the host, and what is
 * answered in such a callback goes nowhere.
 *  7. A bad item of a batch is delivered as CONNECTOR_BAD with its raw bytes (kept in quarantine) and the
 * rest is taken.
 *  8. Nothing is logged that a person wrote, and no address, name or secret: `host->log` takes an event name
 * and numbers.
 *
 * The interface only grows at the end of its structs. Each struct that crosses it carries its size, set by
 * whoever made it; CONNECTOR_HAS tells whether a member is there. Strings are UTF-8. Times are milliseconds
 * since 1970. No allocation crosses: who made it frees it. */
#ifndef CONNECTOR_H
#define CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTOR_ABI            1u
#define CONNECTOR_HAS(s, member) ((s)->size >= offsetof(__typeof__(*(s)), member) + sizeof((s)->member))

struct connector_bytes {
    const char *p; /* not NUL-terminated */
    size_t n;
};

enum connector_code {
    CONNECTOR_OK = 0,
    CONNECTOR_EAGAIN = -1,       /* window full: the message stays queued and is offered again soon */
    CONNECTOR_EINVALID = -2,     /* malformed: nothing was changed */
    CONNECTOR_EAUTH = -3,        /* signature or credentials are wrong */
    CONNECTOR_EAWAY = -4,        /* the store or the peer is away: temporary */
    CONNECTOR_ELIMIT = -5,       /* over a size or rate limit */
    CONNECTOR_EUNSUPPORTED = -6, /* not possible here, now or later */
    CONNECTOR_ECANCELLED = -7,   /* the channel stopped before the answer came (rule 6) */
};

struct connector_error {
    int code;
    char text[200]; /* for the operator; without secrets, addresses or what people wrote */
};

/* ---- what comes in ---- */

enum connector_kind {
    CONNECTOR_MESSAGE = 1,
    CONNECTOR_EDIT,     /* target: the external id of what changed; text is the new text */
    CONNECTOR_DELETION, /* target */
    CONNECTOR_REACTION, /* target; text is the emoji, empty when taken back */
    CONNECTOR_STATUS,   /* target: the external id of a message that we sent; status, error */
    CONNECTOR_TYPING,   /* from; on. Never stored */
    CONNECTOR_READ,     /* from; target: up to which external or entry id the person has read */
    CONNECTOR_BLOCKED,  /* from: the person has blocked us (on) or come back */
    CONNECTOR_BAD,      /* raw and error: what could not be understood */
};

/* Of a message that we sent; only moves up. */
enum connector_state {
    CONNECTOR_STORED = 0,
    CONNECTOR_SENT = 1,
    CONNECTOR_DELIVERED = 2,
    CONNECTOR_WAS_READ = 3,
    CONNECTOR_FAILED = 4,
};

/* A file that comes in: one of bytes, blob, url or ref. */
struct connector_media {
    uint32_t size;
    struct connector_bytes type, name; /* as the provider says; the host looks at the content as well */
    struct connector_bytes bytes;      /* here it is */
    const char *blob;                  /* an id that host->blob_put gave */
    struct connector_bytes url;        /* the host fetches it at once, never from internal addresses */
    struct connector_bytes ref; /* the provider's name for it: the host calls `media` to have it fetched */
    uint64_t bytes_expected;    /* 0: not told */
    bool voice;                 /* a voice note */
};

struct connector_location {
    double latitude, longitude;
    struct connector_bytes name, address; /* may be empty */
};

struct connector_card { /* a contact that the person shares */
    struct connector_bytes name, phone, email;
    bool own; /* the provider vouches that the number is the sender's own */
};

struct connector_choice {
    struct connector_bytes id, title;
};

struct connector_item {
    uint32_t size;
    enum connector_kind kind;
    /* The provider's id for this event, unique within the channel (and the sender when id_per_sender): the
     * same one again changes nothing. Empty only for TYPING, READ and BAD. */
    struct connector_bytes id;
    /* A person's own client chose it (webchat): unique for that address, and remembered for good. */
    bool id_per_sender;
    struct connector_bytes from; /* canonical address URI: "telegram:12345", "tel:+905551234567", "web:…" */
    /* A second address that the provider vouches for (a number beside a user id); may be empty. */
    struct connector_bytes also;
    struct connector_bytes name; /* display name; may be empty */
    /* What the provider says of the person's language ("ar", "pt-BR"); may be empty: a hint. */
    struct connector_bytes locale;
    bool locale_stated; /* the person chose it here (a language menu) */
    int64_t time_ms;    /* the provider's time; 0: none. For display only */
    struct connector_bytes text;
    struct connector_bytes target;   /* EDIT, DELETION, REACTION, STATUS, READ */
    struct connector_bytes reply_to; /* external or entry id that this answers; may be empty */
    /* Items with the same group (an album) from one address are one entry when they come together or within
     * two minutes; may be empty. */
    struct connector_bytes group;
    const struct connector_media *media;
    size_t media_n;                            /* at most 10, unless the daemon's settings say otherwise */
    const struct connector_location *location; /* may be NULL */
    const struct connector_card *card;         /* may be NULL */
    struct connector_bytes choice;             /* id of the button that was pressed; may be empty */
    enum connector_state status;               /* STATUS */
    struct connector_bytes error_code, error_text; /* STATUS failed, BAD */
    bool on;                                       /* TYPING, BLOCKED */
    int clearance;                                 /* at least this: 0 open, 1 confidential, 2 sensitive */
    struct connector_bytes topic;                  /* chosen by the person (a form, a menu); may be empty */
    struct connector_bytes raw;                    /* BAD: the bytes as they came */
};

enum connector_outcome_of_item {
    CONNECTOR_ITEM_STORED = 1,
    CONNECTOR_ITEM_DUPLICATE,   /* it was there already: as good as stored */
    CONNECTOR_ITEM_QUARANTINED, /* kept for somebody to look at, shown to nobody as a message */
    CONNECTOR_ITEM_REFUSED,     /* over a limit or malformed: see error. Others may have been taken */
    CONNECTOR_ITEM_IGNORED,     /* a status or read mark for something unknown: parked or dropped */
};

struct connector_delivered {
    uint32_t size;
    enum connector_outcome_of_item outcome;
    char entry[40]; /* the entry's id (of the first one, for a duplicate); empty when there is none */
    struct connector_error error;
};

/* ---- what goes out ---- */

struct connector_file { /* an attachment that goes out */
    uint32_t size;
    const char *blob; /* for host->blob_read */
    struct connector_bytes type, name;
    uint64_t bytes;
    const char *url; /* a signed link to it that expires, on our public address; NULL where there is none */
    bool voice;
};

struct connector_message {
    uint32_t size;
    enum connector_kind kind;    /* MESSAGE, EDIT, DELETION, REACTION: what `capabilities` name */
    const char *entry;           /* our id, the same on every try: an idempotency key */
    unsigned attempt;            /* 1, 2, … */
    struct connector_bytes to;   /* address URI */
    struct connector_bytes text; /* at most limits.text_max units: the host has split it */
    /* Of a split message: 0 of 1, or 0, 1, 2 of 3. Files and choices come with the last part. */
    unsigned part, parts;
    const char *language; /* BCP 47 tag of the text, or NULL */
    const struct connector_file *files;
    size_t files_n;
    /* To be shown as buttons; none where there are no buttons, since the host has then numbered them in the
     * text. */
    const struct connector_choice *choices;
    size_t choices_n;
    struct connector_bytes target;             /* external id: EDIT, DELETION, REACTION */
    struct connector_bytes reply_to;           /* external id; may be empty */
    const struct connector_location *location; /* may be NULL */
};

typedef struct connector_token *connector_token; /* one send under way; opaque */

enum connector_outcome {
    CONNECTOR_OUT_SENT = 1, /* the provider has taken it */
    CONNECTOR_OUT_RETRY,    /* temporary: again with backoff, or after retry_after_ms */
    CONNECTOR_OUT_FAILED,   /* for good, this message */
    /* It may have been sent: told as such, not repeated unless CONNECTOR_IDEMPOTENT. */
    CONNECTOR_OUT_UNKNOWN,
    /* The person can't be reached here (blocked, deactivated): failed, and the address is marked. */
    CONNECTOR_OUT_GONE,
    /* Too fast: wait retry_after_ms for this recipient, or for the channel when whole_channel. */
    CONNECTOR_OUT_RATE,
    /* Our credentials are refused: the channel stops and says so; the message stays queued. */
    CONNECTOR_OUT_AUTH,
};

struct connector_result {
    uint32_t size;
    enum connector_outcome outcome;
    struct connector_bytes external_ids[10]; /* the provider's ids, in order (albums have several) */
    size_t external_ids_n;
    uint32_t retry_after_ms;
    bool whole_channel;
    struct connector_bytes code, text; /* of an error: the provider's code, and what it means in words */
    /* The recipient has a new address (a group that became another); may be empty. */
    struct connector_bytes moved_to;
};

/* ---- requests and sockets that reach the connector ---- */

typedef struct connector_request *connector_request; /* an HTTP request; opaque; lives until host->reply */
/* A websocket of a person's page; opaque; lives until `socket_closed`. */
typedef struct connector_socket *connector_socket;

struct connector_request_info {
    uint32_t size;
    const char *method;            /* "GET", "POST", … */
    struct connector_bytes door;   /* "hooks", "chat" */
    struct connector_bytes path;   /* what follows /{door}/{op}/{channel}: "" or "/upload"; raw */
    struct connector_bytes query;  /* raw, without '?' */
    struct connector_bytes target; /* the whole raw target, for signatures over the URL */
    struct connector_bytes body;   /* raw */
    struct connector_bytes origin; /* the Origin header; empty when absent */
    bool secure;                   /* by TLS, here or at a trusted proxy */
};

struct connector_header {
    const char *name, *value;
};

struct connector_fetch {
    uint32_t size;
    const char *method, *url;
    const struct connector_header *headers;
    size_t headers_n;
    struct connector_bytes body;
    /* multipart/form-data instead of body, when parts_n */
    const struct connector_part {
        const char *name, *filename, *type; /* filename, type: may be NULL */
        struct connector_bytes bytes;
        const char *blob; /* instead of bytes: a file of ours, streamed */
    } * parts;
    size_t parts_n;
    uint32_t timeout_ms;   /* 0: 30 s */
    uint64_t max_response; /* 0: 1 MiB */
    connector_token about; /* the send it belongs to: request and response are kept beside the message,
                              secrets removed; may be NULL */
};

struct connector_fetched {
    uint32_t size;
    int error;       /* CONNECTOR_OK or why there is no answer */
    bool maybe_sent; /* there is no answer, but the peer may have got the whole request */
    int status;
    struct connector_bytes body;
    struct connector_error why;
    const struct connector_header *headers; /* of the answer; names in lower case */
    size_t headers_n;
};

struct connector_entry { /* of a contact's history on this channel; as the person may see it */
    uint32_t size;
    const char *id;
    uint64_t seq;
    bool inbound;
    enum connector_kind kind;
    int64_t time_ms;
    struct connector_bytes text;
    const char *author; /* the agent's display name as shown to people; NULL */
    const char *target; /* entry id that an edit, deletion or reaction changes; NULL */
    const char *ref;    /* the id that the person's client gave (id_per_sender); NULL */
    enum connector_state status;
    const struct connector_file *files; /* with urls */
    size_t files_n;
    const struct connector_choice *choices;
    size_t choices_n;
};

enum connector_change {
    CONNECTOR_ENTRY_ADDED = 1,
    CONNECTOR_ENTRY_CHANGED,
    CONNECTOR_ENTRY_STATUS,
    CONNECTOR_AGENT_TYPING,
    CONNECTOR_AGENT_READ
};

/* ---- the host ---- */

typedef struct connector_timer *connector_timer;
typedef struct connector_watch *connector_watch;

/* What the host gives. `inst` is what the host gave to `create`. Callbacks come later, from the loop, never
 * from inside. */
struct connector_host {
    uint32_t abi, size;

    /* Settings of the channel (see `settings` below) as text; the default or "" when not set. Valid until
     * `destroy`; a change makes a new instance. */
    const char *(*setting)(void *inst, const char *name);
    const char *(*operation)(void *inst);
    const char *(*channel)(void *inst);
    const char *(*public_url)(void *inst); /* "https://example.org" or "" where nobody outside can reach us */
    /* The operation's languages, in order; NULL-terminated. */
    const char *const *(*languages)(void *inst);
    /* The operation's text for people in the best of its languages ("chat.title", "notice.first", …); *tag
     * says which it is. "office.closed": what is to be said now because nobody is there; empty: it is open.
     */
    struct connector_bytes (*text)(void *inst, const char *key, const char *language, const char **tag);

    /* Stores all items, in order; done gets one result for each. err: CONNECTOR_OK, or CONNECTOR_EAWAY when
     * it is not certain that all is stored (answer 503; the same items may come again). */
    void (*deliver)(void *inst, const struct connector_item *items, size_t n,
                    void (*done)(void *arg, int err, const struct connector_delivered *results, size_t n),
                    void *arg);
    /* How a send ended. Once for each token. */
    void (*sent)(void *inst, connector_token t, const struct connector_result *r);

    /* HTTP out. done exactly once. Redirects are answers, not followed. URLs below the origin of a URL
     * setting may go where the operator said; all others never to internal addresses. */
    void (*fetch)(void *inst, const struct connector_fetch *f,
                  void (*done)(void *arg, const struct connector_fetched *r), void *arg);

    /* Answers a request: once. headers may be NULL. */
    void (*reply)(connector_request rq, int status, const struct connector_header *headers, size_t n,
                  struct connector_bytes body);
    /* RFC 9457 problem. */
    void (*problem)(connector_request rq, int status, const char *detail);
    /* The first of that name; empty when absent. */
    struct connector_bytes (*header)(connector_request rq, const char *lower_name);
    bool (*cookie)(connector_request rq, const char *name, struct connector_bytes *value);
    /* A field of an urlencoded or multipart body, or of the query, decoded. Files of a multipart body: i = 0,
     * 1, …; false at the end. */
    bool (*form)(connector_request rq, const char *name, struct connector_bytes *value);
    bool (*form_file)(connector_request rq, size_t i, struct connector_bytes *name,
                      struct connector_bytes *type, struct connector_bytes *bytes);
    /* gone: the peer left; the request still has to be answered. */
    void (*on_gone)(connector_request rq, void (*gone)(void *arg), void *arg);
    /* A file that was built with the pages ("chat.html"); empty when there is none. */
    struct connector_bytes (*page)(void *inst, const char *name);

    /* CONNECTOR_ELIMIT: too much waits; it is being closed. */
    int (*socket_send)(connector_socket s, struct connector_bytes text);
    /* code: RFC 6455, section 7.4. `socket_closed` follows. */
    void (*socket_close)(connector_socket s, unsigned code, const char *reason);
    void (*socket_data)(connector_socket s, void *data); /* the connector's own pointer for it */
    void *(*socket_get)(connector_socket s);

    /* What a person of this channel may see of their own threads: entries after `after` ("" for the newest
     * `limit`), oldest first. err CONNECTOR_EINVALID: `after` is not known any more. */
    void (*history)(void *inst, struct connector_bytes address, const char *after, unsigned limit,
                    void (*done)(void *arg, int err, const struct connector_entry *entries, size_t n),
                    void *arg);
    /* Tells of each change of that person's threads on this channel, on whatever node it happens, until
     * unwatched. entry has id, and for CHANGED and ADDED all of it. on: typing. */
    connector_watch (*watch)(void *inst, struct connector_bytes address,
                             void (*changed)(void *arg, enum connector_change what,
                                             const struct connector_entry *entry, bool on),
                             void *arg);
    void (*unwatch)(connector_watch w);
    /* The person's own wish: forgets the address (a new contact next time); what was written stays with the
     * operation. */
    void (*forget)(void *inst, struct connector_bytes address, void (*done)(void *arg, int err), void *arg);

    /* Files, encrypted. put: only this address may name it in an item (`blob`), within the hour; else it is
     * dropped. read: the whole file; CONNECTOR_EINVALID when there is none. */
    void (*blob_put)(void *inst, struct connector_bytes address, struct connector_bytes type,
                     struct connector_bytes name, struct connector_bytes bytes,
                     void (*done)(void *arg, int err, const char *blob), void *arg);
    void (*blob_read)(void *inst, const char *blob,
                      void (*done)(void *arg, int err, struct connector_bytes bytes), void *arg);

    /* Once; frees itself after cb. Not to be used after cb or timer_cancel. */
    connector_timer (*timer)(void *inst, uint32_t ms, void (*cb)(void *arg), void *arg);
    void (*timer_cancel)(connector_timer t);
    int64_t (*now_ms)(void *inst);
    /* Work that must run once in the whole cluster: held(true) when this node has it, held(false) when it
     * lost it and must stop at once. Wanted until `stop`; the host gives it back. */
    void (*lease)(void *inst, const char *name, void (*held)(void *arg, bool yes), void *arg);
    /* A small value that outlives us (an offset); written only after what it stands for was delivered. value
     * empty: not there. */
    void (*cursor_get)(void *inst, const char *name,
                       void (*done)(void *arg, int err, struct connector_bytes value), void *arg);
    void (*cursor_set)(void *inst, const char *name, struct connector_bytes value,
                       void (*done)(void *arg, int err), void *arg);
    /* A token bucket kept by the host: false when `key` (hashed, never stored in clear) has used its burst.
     */
    bool (*allow)(void *inst, struct connector_bytes key, unsigned per_minute, unsigned burst);

    /* up false: the channel does not work, and why (shown to the operator; repeated calls with the same text
     * are one). */
    void (*state)(void *inst, bool up, const char *why);
    /* An event name and a number; nothing else. */
    void (*log)(void *inst, const char *event, const char *number_name, int64_t number);

    /* In constant time: the only compare for secrets. */
    bool (*equal)(struct connector_bytes a, struct connector_bytes b);
    void (*hmac_sha256)(struct connector_bytes key, struct connector_bytes data, unsigned char out[32]);
    void (*sha256)(struct connector_bytes data, unsigned char out[32]);
    void (*random)(void *out, size_t n); /* for secrets */
    void (*stopped)(void *inst);         /* rule 6 */
};

/* ---- the connector ---- */

enum connector_capability {
    CONNECTOR_CAN_TEXT = 1u << 0,
    CONNECTOR_CAN_FILES = 1u << 1,
    CONNECTOR_CAN_VOICE = 1u << 2,
    CONNECTOR_CAN_CHOICES = 1u << 3,
    CONNECTOR_CAN_EDIT = 1u << 4,
    CONNECTOR_CAN_DELETE = 1u << 5,
    CONNECTOR_CAN_REACT = 1u << 6,
    CONNECTOR_CAN_TYPING = 1u << 7,
    CONNECTOR_CAN_READ = 1u << 8, /* our having read is shown to the person */
    CONNECTOR_CAN_LOCATION = 1u << 9,
    CONNECTOR_CAN_REPLY = 1u << 10, /* quoting */
    CONNECTOR_TELLS_DELIVERED = 1u << 16,
    CONNECTOR_TELLS_READ = 1u << 17,
    /* A send may be repeated with the same entry id: an unknown outcome is tried again. */
    CONNECTOR_IDEMPOTENT = 1u << 24,
    /* Nothing is sent: the person's page fetches (history, watch). `send` is not called. */
    CONNECTOR_PULL = 1u << 25,
    /* The provider signs; else hooks need a secret path (/hooks/{op}/{channel}/{secret}). */
    CONNECTOR_SIGNS = 1u << 26,
    /* Hook bodies are JSON: the host checks depth and encoding after `verify`, before `request`. */
    CONNECTOR_JSON = 1u << 27,
};

enum connector_unit { CONNECTOR_UTF16 = 0, CONNECTOR_BYTES, CONNECTOR_CODE_POINTS };

/* As data: the host obeys them. 0 is no limit where nothing else is said. */
struct connector_limits {
    uint32_t size;
    uint32_t text_max; /* in units; longer text is split at grapheme borders */
    enum connector_unit unit;
    uint32_t files_max;      /* per message; 0: 1 */
    uint64_t file_bytes_max; /* a larger one goes out as a link. At the door "chat": of an upload, 0: none */
    uint32_t choices_max, choice_title_max, choice_id_max; /* bytes for ids, units for titles */
    uint32_t per_second, burst;                            /* whole channel; burst 0: 1 */
    uint32_t recipient_per_minute, recipient_burst;        /* likewise */
    uint32_t in_flight_max;                                /* sends under way, whole channel; 0: 16 */
    uint32_t hook_body_max;                                /* bytes; 0: 1 MiB */
};

/* What the operation's file may have there, and what `host->setting` gives. */
enum connector_setting_type {
    CONNECTOR_S_TEXT = 1,
    CONNECTOR_S_SECRET, /* text that is kept encrypted and never shown again */
    CONNECTOR_S_URL,    /* http or https; the host judges where it leads */
    CONNECTOR_S_NUMBER, /* whole, 0 or more: "20" */
    CONNECTOR_S_CHOICE, /* one of `choices` */
    CONNECTOR_S_LIST,   /* strings without blanks: "a b c" */
    CONNECTOR_S_BOOL    /* "true" or "false" */
};

/* A name with a dot ("imap.url") is a member of an object in the file. Every channel has more, which are the
 * host's: `capabilities` narrows what the connector can there ("text files choices", see
 * connectors/README.md), `rate` is its messages a second at most, and `path_secret` when the provider calls
 * us and does not sign. */
struct connector_setting {
    const char *name;
    enum connector_setting_type type;
    bool required;
    const char *dflt;    /* may be NULL */
    const char *choices; /* CHOICE: "webhook|poll" */
    const char *help;    /* one sentence, English */
};

struct connector_values { /* settings to be judged, before an instance exists */
    uint32_t size;
    const char *(*get)(const void *ctx, const char *name); /* "" when not set */
    const void *ctx;
};

typedef struct connector_instance connector_instance; /* the connector's own; one per channel and node */

struct connector {
    uint32_t abi, size; /* CONNECTOR_ABI, sizeof(struct connector) */
    const char *name, *version;
    /* The schemes of addresses that its provider vouches for, blank-separated: "telegram", "whatsapp tel". An
     * address of another scheme is this channel's alone and never joins one of another channel. With a BOOL
     * setting called `verified`, only when that is true. */
    const char *scheme;
    uint32_t capabilities;
    struct connector_limits limits;
    const struct connector_setting *settings; /* ends with name NULL; may be NULL */
    /* Which URLs lead here, blank-separated; may be NULL. "hooks": /hooks/{op}/{channel}, "chat":
     * /chat/{op}/{channel}, "socket": /ws/chat/{op}/{channel}. */
    const char *doors;

    /* MAY. More than the types and `required` say: CONNECTOR_OK, or another code with e->text filled. */
    int (*check)(const struct connector_values *v, struct connector_error *e);
    /* MUST. inst is for the host's functions. Starts nothing yet. NULL with e filled when it can't be. */
    connector_instance *(*create)(const struct connector_host *h, void *inst, struct connector_error *e);
    /* MUST. From now on requests, sockets and sends may come. */
    void (*start)(connector_instance *c);
    /* MUST. Ends in host->stopped within grace_ms; what is still under way then is told as unknown. */
    void (*stop)(connector_instance *c, uint32_t grace_ms);
    /* MUST. Frees it. After `stopped`, or right after `create`. */
    void (*destroy)(connector_instance *c);

    /* MUST when the provider calls us: is this request from the provider? Looks at raw bytes, headers and
     * secrets only. CONNECTOR_OK, CONNECTOR_EAUTH (answered with 401), CONNECTOR_EINVALID (400: too old,
     * missing header). */
    int (*verify)(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                  struct connector_error *e);
    /* MUST with doors: a verified request. Ends in one host->reply or host->problem. */
    void (*request)(connector_instance *c, connector_request rq, const struct connector_request_info *i);

    /* MAY: a person's websocket (parley.chat.v1). Return false to refuse it. text: a whole message, valid
     * UTF-8, at most 256 kB. */
    bool (*socket_open)(connector_instance *c, connector_socket s, const struct connector_request_info *i);
    void (*socket_text)(connector_instance *c, connector_socket s, struct connector_bytes text);
    void (*socket_closed)(connector_instance *c, connector_socket s);

    /* MUST unless CONNECTOR_PULL. CONNECTOR_OK: host->sent(t) follows. CONNECTOR_EAGAIN: offered again.
     * Another code: failed for good. */
    int (*send)(connector_instance *c, const struct connector_message *m, connector_token t);
    /* MAY. The host gives up waiting (stop, time-out): host->sent(t) follows all the same, soon; it may come
     * from inside. */
    void (*cancel)(connector_instance *c, connector_token t);
    /* MAY. The agent types, or has read up to external id `target`. Best effort, no answer. */
    void (*typing)(connector_instance *c, struct connector_bytes to, bool on);
    void (*read)(connector_instance *c, struct connector_bytes to, struct connector_bytes target);
    /* MUST when items carry media with a `ref`: fetch it and call done once, from inside or later. err
     * CONNECTOR_EINVALID, CONNECTOR_ELIMIT or CONNECTOR_EUNSUPPORTED: for good; another: tried again. */
    void (*media)(connector_instance *c, struct connector_bytes ref,
                  void (*done)(void *arg, int err, struct connector_bytes bytes, struct connector_bytes type,
                               struct connector_bytes name),
                  void *arg);
};

/* The one exported symbol. */
extern const struct connector connector_plugin __attribute__((visibility("default")));

#endif
